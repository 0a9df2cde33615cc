//! The engine: points in, snapshots out.

use std::sync::Arc;

use crate::apply::{BATCH, Point};
use crate::arena::{Half, Place, Plan, Table, plain_struct};
use crate::directory::{Directory, DirectoryPlaces, KeyLimits, Tag, slots_len};
use crate::lane::{self, Lane, LanePlaces, Lanes};
use crate::lock::{Guard, Lock};
use crate::pool::{Pool, PoolPlaces};
use crate::primitive::{AtomicU64, F64, I64, Ordering, U32, U64};
use crate::snapshot::Spare;
use crate::{Config, ConfigError, ContextId, Kind, RecordError, Stats, simd, thread};

/// Sample rates below this count as this, about 260 million for one point, so that one line from a
/// stranger cannot run a counter over. The value is Agent Data Plane's.
const RATE_MIN: f64 = 0.000_000_003_845;

/// Runs of points that a recorder moves on when its ring is full: with points of another context
/// each time, as many as are looked at ahead; points of one context are one or two runs.
const RUNS_A_TURN: usize = 16;

/// Aggregates points in memory of fixed size.
///
/// All calls may be made from any thread at once. Recording to a known context allocates nothing,
/// makes no system call, reads no clock, and waits at most until a flush has copied a ring
/// (4 KiB) or taken a list. Time comes in through arguments only: a point without a timestamp
/// belongs to the interval that is open when it is recorded, which [`Engine::tick`] and
/// [`Engine::flush`] move on.
///
/// A forked child's engine begins empty, with the same contexts and valid ids (Linux 4.14 and
/// later; elsewhere make a new engine in the child).
///
/// # Examples
/// ```
/// use pointmill::{Config, Engine, Flush, Kind};
///
/// let engine = Engine::new(&Config::default(), 1_700_000_000)?;
/// let latency = engine.context(Kind::Distribution, "checkout.latency", &["env:prod"])?;
/// for ms in 1..=1000 {
///     engine.record(latency, f64::from(ms))?;
/// }
/// let snapshot = engine.flush(1_700_000_010, Flush::Closed);
/// let p99 = snapshot.get(0).and_then(|entry| entry.quantile(0.99)).unwrap();
/// assert!((p99 - 990.0).abs() <= 990.0 / 129.0);
/// assert!(engine.stats().balances());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

/// Which intervals a flush takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// Those that ended at or before the flush's time.
    Closed,
    /// The open ones too.
    All,
}

plain_struct! {
    /// What a forked child finds as it was.
    pub(crate) struct KeptState {
        /// Start of the interval that is open for points without a timestamp.
        pub(crate) open_interval: I64,
        /// The time last told by a flush or tick.
        pub(crate) now: I64,
        /// 1 once a time has been told.
        pub(crate) now_told: U32,
        pub(crate) flush_no: U32,
    }
}

plain_struct! {
    /// What begins with zero in a forked child.
    pub(crate) struct WipedState {
        pub(crate) flush_lock: Lock,
        reserved: U32,
        pub(crate) flushes: U64,
        pub(crate) flushed: U64,
        /// Points that a flush found without a living context.
        pub(crate) dropped_stale: U64,
        rejected: [AtomicU64; REJECTIONS],
    }
}

/// Causes of rejection, as indexes of `WipedState::rejected`.
const REJECTIONS: usize = 6;

fn rejection(error: RecordError) -> usize {
    match error {
        RecordError::NotFinite => 0,
        RecordError::StaleContext => 1,
        RecordError::TooOld => 2,
        RecordError::TooNew => 3,
        RecordError::InvalidName => 4,
        RecordError::NoRoom => 5,
    }
}

/// Everything of an engine that its handles and its threads' lanes share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) lanes: Lanes,
    pub(crate) directory: Directory,
    pub(crate) pool: Pool,
    pub(crate) gauges: Table<F64>,
    pub(crate) kept: Table<KeptState>,
    pub(crate) wiped: Table<WipedState>,
    pub(crate) kernel: ddsketch_agent::Kernel,
    pub(crate) config: Config,
    /// What the last snapshot that was dropped left for the next.
    pub(crate) spare: Arc<Spare>,
    arena_bytes: u64,
}

struct Places {
    directory: DirectoryPlaces,
    kept: Place<KeptState>,
    wiped: Place<WipedState>,
    lanes: LanePlaces,
    gauges: Place<F64>,
}

fn plan(config: &Config, plan: &mut Plan) -> Places {
    let contexts_max = config.contexts_max as usize;
    let names_bytes = match config.names_bytes {
        0 => slots_len(contexts_max) * 256,
        n => n as usize,
    };
    Places {
        directory: DirectoryPlaces::plan(plan, contexts_max, names_bytes),
        kept: plan.table(Half::Kept, 1),
        wiped: plan.table(Half::Wiped, 1),
        lanes: LanePlaces::plan(plan, config.threads_max as usize, slots_len(contexts_max)),
        gauges: plan.table(Half::Wiped, slots_len(contexts_max)),
    }
}

impl Engine {
    /// Makes an engine whose open interval is that of `now_unix_s` (Unix seconds).
    ///
    /// Maps `arena_bytes` of memory of which little is touched; no thread is started, nothing of
    /// the environment is read.
    ///
    /// # Errors
    /// [`ConfigError`] if an option is out of range, the limits do not fit into the arena, or the
    /// system gives no memory.
    pub fn new(config: &Config, now_unix_s: i64) -> Result<Engine, ConfigError> {
        config.check()?;
        let mut layout = Plan::default();
        let places = plan(config, &mut layout);
        let arena_bytes = usize::try_from(config.arena_bytes).unwrap_or(usize::MAX);
        let fixed_bytes = layout.bytes() as u64;
        let too_small = ConfigError::ArenaTooSmall {
            needed: fixed_bytes + (1 << 18),
            given: config.arena_bytes,
        };
        let pool = PoolPlaces::plan(&mut layout, arena_bytes).ok_or(too_small)?;
        debug_assert!(layout.bytes() <= arena_bytes);
        let arena = layout.map()?;
        let limits = KeyLimits {
            contexts_max: config.contexts_max as u32,
            tags_max: config.tags_max as usize,
            name_bytes_max: config.name_bytes_max as usize,
            tag_bytes_max: config.tag_bytes_max as usize,
        };
        let shared = Shared {
            lanes: Lanes::new(&arena, places.lanes),
            directory: Directory::new(&arena, places.directory, limits),
            pool: Pool::new(&arena, pool),
            gauges: arena.table(places.gauges),
            kept: arena.table(places.kept),
            wiped: arena.table(places.wiped),
            kernel: simd::kernel(),
            config: config.clone(),
            spare: Arc::default(),
            arena_bytes: layout.bytes() as u64,
        };
        shared.kept[0]
            .open_interval
            .set(shared.interval_of(now_unix_s));
        Ok(Engine {
            shared: Arc::new(shared),
        })
    }

    /// The context of a kind, name and tag set: found, or made. Tags are `key:value` or single
    /// words; their order, duplicates and empty ones do not matter. Bytes that are not UTF-8 are
    /// mended and counted.
    ///
    /// At a limit (contexts, tags, bytes of names) the answer is the metric's overflow context,
    /// which carries the one tag `pointmill.overflow:true`, and
    /// [`Stats::contexts_refused`] counts it.
    ///
    /// # Errors
    /// [`RecordError::InvalidName`], [`RecordError::NoRoom`] (not even the overflow context).
    pub fn context<S: AsRef<[u8]>>(
        &self,
        kind: Kind,
        name: impl AsRef<[u8]>,
        tags: &[S],
    ) -> Result<ContextId, RecordError> {
        let mut parts = Vec::with_capacity(1 + tags.len());
        parts.push(name.as_ref());
        parts.extend(tags.iter().map(AsRef::as_ref));
        Ok(self.shared.context(kind, &parts)?.0)
    }

    /// Records a value.
    ///
    /// # Errors
    /// [`RecordError::NotFinite`], [`RecordError::StaleContext`]; the point is counted as rejected.
    // Always: past the compiler's own threshold, and a call is a fifth of what is done here.
    #[inline(always)]
    pub fn record(&self, context: ContextId, value: f64) -> Result<(), RecordError> {
        let tag = self.shared.directory.tag(context.index());
        if !tag.matches(context) || !value.is_finite() {
            return self.shared.refuse(context, tag);
        }
        self.record_known(context, tag, value);
        Ok(())
    }

    #[inline(always)]
    fn record_known(&self, context: ContextId, tag: Tag, value: f64) {
        let shared = &*self.shared;
        if tag.is_gauge() {
            // Which of two threads stored last is decided here; the ring carries the rest.
            shared.gauges[context.index() as usize].set(value);
        }
        if let Some((_, lane)) = shared.lanes.mine()
            && lane.handover.push(&lane.ring, context.to_bits(), value)
        {
            return;
        }
        self.record_slowly(context, tag, value);
    }

    /// The ring is full, or the thread has no lane.
    #[cold]
    fn record_slowly(&self, context: ContextId, tag: Tag, value: f64) {
        let shared = &*self.shared;
        if let Some(lane) = self.lane() {
            let mine = shared.lanes.get(lane);
            let mut turn = 0;
            while !mine.handover.push(&mine.ring, context.to_bits(), value) {
                // A flush that holds the lock is making room at this moment.
                match mine.handover.try_lock() {
                    Some(held) => shared.drain_runs(lane, &held, RUNS_A_TURN),
                    None => crate::primitive::relax(&mut turn),
                }
            }
            return;
        }
        self.with_lane(|lane| shared.apply(lane, context.index(), tag, Point::of(value)));
    }

    /// Records a value at a time. `unix_s`: Unix seconds; the point belongs to the interval that
    /// this time lies in.
    ///
    /// # Errors
    /// As [`Engine::record`], and [`RecordError::TooOld`] or [`RecordError::TooNew`] if the time is
    /// further than `past_max_s` or `future_max_s` from the time that the engine was last told
    /// (by a tick or flush; before that every time is taken).
    pub fn record_at(
        &self,
        context: ContextId,
        value: f64,
        unix_s: i64,
    ) -> Result<(), RecordError> {
        self.record_weighted(context, value, 1.0, Some(unix_s))
    }

    /// Records a value that stands for `1 / rate` of them. A rate that is not above 0 and at most
    /// 1 counts as 1, as in the Agent. A gauge takes no notice of it.
    ///
    /// # Errors
    /// As [`Engine::record`].
    pub fn record_sampled(
        &self,
        context: ContextId,
        value: f64,
        rate: f64,
    ) -> Result<(), RecordError> {
        self.record_weighted(context, value, rate, None)
    }

    /// Records a sampled value at a time: [`Engine::record_sampled`] and [`Engine::record_at`].
    ///
    /// # Errors
    /// As [`Engine::record_at`].
    pub fn record_sampled_at(
        &self,
        context: ContextId,
        value: f64,
        rate: f64,
        unix_s: i64,
    ) -> Result<(), RecordError> {
        self.record_weighted(context, value, rate, Some(unix_s))
    }

    fn record_weighted(
        &self,
        context: ContextId,
        value: f64,
        rate: f64,
        unix_s: Option<i64>,
    ) -> Result<(), RecordError> {
        let shared = &*self.shared;
        let tag = shared.directory.tag(context.index());
        if !tag.matches(context) || !value.is_finite() {
            return shared.refuse(context, tag);
        }
        if let Some(unix_s) = unix_s {
            shared
                .check_time(unix_s)
                .map_err(|error| shared.reject(error, 1))?;
        } else if tag.kind() == Kind::Gauge {
            shared.gauges[context.index() as usize].set(value);
        }
        let weight = if rate > 0.0 && rate <= 1.0 {
            1.0 / rate.max(RATE_MIN)
        } else {
            1.0
        };
        self.with_lane(|lane| {
            shared.apply(
                lane,
                context.index(),
                tag,
                Point {
                    value,
                    weight,
                    unix_s,
                },
            );
        });
        Ok(())
    }

    /// Records many values of one context in their order. How many were rejected because they are
    /// not finite.
    ///
    /// # Errors
    /// [`RecordError::StaleContext`]: all were rejected.
    pub fn record_many(&self, context: ContextId, values: &[f64]) -> Result<usize, RecordError> {
        let shared = &*self.shared;
        let tag = shared.directory.tag(context.index());
        if !tag.matches(context) {
            return Err(shared.reject(RecordError::StaleContext, values.len() as u64));
        }
        let (mut rejected, mut keys) = (0, [0; 4 * BATCH]);
        // The lock is given back now and then, so that a flush does not wait for a long column.
        for part in values.chunks(64 * BATCH) {
            self.with_lane(|lane| {
                rejected += shared.apply_column(lane, context.index(), tag, part, &mut keys);
            });
        }
        Ok(rejected)
    }

    /// Records a column of values to a column of contexts (of equal length; what the longer one has
    /// more is left out). How many were rejected, because they are not finite or their context is
    /// stale.
    pub fn record_batch(&self, contexts: &[ContextId], values: &[f64]) -> usize {
        let shared = &*self.shared;
        let mut rejected = 0;
        let mut keys = [0; 4 * BATCH];
        for (contexts, values) in contexts.chunks(64 * BATCH).zip(values.chunks(64 * BATCH)) {
            let len = contexts.len().min(values.len());
            self.with_lane(|lane| {
                let mut from = 0;
                for run in contexts[..len].chunk_by(|a, b| a == b) {
                    let part = &values[from..from + run.len()];
                    from += run.len();
                    let tag = shared.directory.tag(run[0].index());
                    rejected += if tag.matches(run[0]) {
                        shared.apply_column(lane, run[0].index(), tag, part, &mut keys)
                    } else {
                        let _ = shared.reject(RecordError::StaleContext, part.len() as u64);
                        part.len()
                    };
                }
            });
        }
        rejected
    }

    /// Records a value by name: `name_then_tags[0]` is the metric's name. The context is found by
    /// one pass over the bytes, whatever the tags' order, or made. Bytes that are not UTF-8 are
    /// mended and counted.
    ///
    /// # Errors
    /// As [`Engine::record`] and [`Engine::context`]; the point is counted as rejected.
    #[inline]
    pub fn record_named<S: AsRef<[u8]>>(
        &self,
        kind: Kind,
        name_then_tags: &[S],
        value: f64,
    ) -> Result<(), RecordError> {
        if self.record_recalled(kind, name_then_tags, value) {
            return Ok(());
        }
        self.record_named_slowly(kind, name_then_tags, value)
    }

    /// The quick way of [`Engine::record_named`]: records a finite value if the same parts came in
    /// the same order before. Else nothing has happened, and the long way is to be taken. Every part
    /// was compared as a whole, and none is empty.
    #[doc(hidden)]
    #[inline(always)]
    pub fn record_recalled<S: AsRef<[u8]>>(
        &self,
        kind: Kind,
        name_then_tags: &[S],
        value: f64,
    ) -> bool {
        if value.is_finite()
            && let Some((context, tag)) = self.shared.directory.recall(kind, name_then_tags)
        {
            self.record_known(context, tag, value);
            return true;
        }
        false
    }

    #[cold]
    fn record_named_slowly<S: AsRef<[u8]>>(
        &self,
        kind: Kind,
        name_then_tags: &[S],
        value: f64,
    ) -> Result<(), RecordError> {
        let shared = &*self.shared;
        if !value.is_finite() {
            return Err(shared.reject(RecordError::NotFinite, 1));
        }
        let found = shared.context(kind, name_then_tags);
        let (context, tag) = found.map_err(|error| shared.reject(error, 1))?;
        shared.directory.remember(context, kind, name_then_tags);
        self.record_known(context, tag, value);
        Ok(())
    }

    /// Tells the engine the time (Unix seconds). Points recorded from now on without a timestamp
    /// belong to the interval of this time. Cheap while the interval stays the same.
    ///
    /// A time further back is taken as it is: the clock was set.
    pub fn tick(&self, now_unix_s: i64) {
        let shared = &*self.shared;
        if shared.interval_of(now_unix_s) != shared.kept[0].open_interval.get() {
            let _flush = shared.wiped[0].flush_lock.lock();
            shared.move_on(now_unix_s);
        } else {
            shared.tell(now_unix_s);
        }
    }

    /// The books.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// The calling thread's lane, claimed if need be; `None` if all are taken.
    #[inline]
    fn lane(&self) -> Option<usize> {
        let mine = self.shared.lanes.mine().map(|(i, _)| i);
        mine.or_else(|| lane::claim(&self.shared))
    }

    /// Runs `f` with a lane whose ring is empty and whose lock is held: the thread's own, or, if
    /// there is none left, one that it shares.
    fn with_lane(&self, f: impl FnOnce(usize)) {
        let shared = &*self.shared;
        let lane = self.lane().unwrap_or_else(|| {
            // More threads than lanes: spread them by their numbers, which are addresses.
            let spread = (thread::current() >> 12) as usize;
            lane::KEPT_LANE + 1 + spread % (shared.lanes.len() - 1)
        });
        let held = shared.lanes.get(lane).handover.lock();
        shared.drain(lane, &held);
        f(lane);
    }
}

impl Shared {
    /// Start of the interval that a time lies in.
    pub(crate) fn interval_of(&self, unix_s: i64) -> i64 {
        let length = self.config.interval_s as i64;
        unix_s.div_euclid(length).saturating_mul(length)
    }

    fn context<S: AsRef<[u8]>>(
        &self,
        kind: Kind,
        parts: &[S],
    ) -> Result<(ContextId, Tag), RecordError> {
        match self.directory.look_up(kind, parts) {
            Some(found) => Ok(found),
            None => self
                .directory
                .intern(kind, parts, self.kept[0].flush_no.get()),
        }
    }

    #[cold]
    fn refuse(&self, context: ContextId, tag: Tag) -> Result<(), RecordError> {
        let stale = !tag.matches(context);
        let error = if stale {
            RecordError::StaleContext
        } else {
            RecordError::NotFinite
        };
        Err(self.reject(error, 1))
    }

    #[cold]
    pub(crate) fn reject(&self, error: RecordError, points: u64) -> RecordError {
        self.wiped[0].rejected[rejection(error)].fetch_add(points, Ordering::Relaxed);
        error
    }

    fn check_time(&self, unix_s: i64) -> Result<(), RecordError> {
        let kept = &self.kept[0];
        if kept.now_told.get() == 0 {
            return Ok(());
        }
        let now = kept.now.get();
        if unix_s < now.saturating_sub(self.config.past_max_s as i64) {
            Err(RecordError::TooOld)
        } else if unix_s > now.saturating_add(self.config.future_max_s as i64) {
            Err(RecordError::TooNew)
        } else {
            Ok(())
        }
    }

    /// Admits points to a lane that was just claimed.
    pub(crate) fn open_lane(&self, lane: usize) {
        let lane = self.lanes.get(lane);
        let held = lane.handover.lock();
        lane.set.interval.set(self.kept[0].open_interval.get());
        lane.handover.open(&held);
    }

    pub(crate) fn tell(&self, now_unix_s: i64) {
        self.kept[0].now.set(now_unix_s);
        self.kept[0].now_told.set(1);
    }

    /// Moves every lane to the interval of `now_unix_s`. The caller holds the flush lock.
    fn move_on(&self, now_unix_s: i64) {
        self.tell(now_unix_s);
        let open = self.interval_of(now_unix_s);
        self.kept[0].open_interval.set(open);
        for i in 0..self.lanes.len() {
            let held = self.lanes.get(i).handover.lock();
            self.drain_until(i, &held, open);
        }
    }

    /// Drains a lane's ring for the interval that ends, and begins the interval `open`.
    pub(crate) fn drain_until(&self, lane: usize, held: &Guard<'_>, open: i64) {
        let set = &self.lanes.get(lane).set;
        // What is in the ring was recorded before now: never credit it to a later time, also if
        // the clock was set back.
        set.interval.set(set.interval.get().min(open));
        self.drain(lane, held);
        set.interval.set(open);
    }

    /// The value that was stored last to a gauge, by any thread.
    pub(crate) fn gauge(&self, index: u32) -> f64 {
        self.gauges[index as usize].get()
    }

    fn stats(&self) -> Stats {
        let (wiped, directory) = (&self.wiped[0], self.directory.counts());
        let mut stats = Stats {
            flushed: wiped.flushed.get(),
            flushes: wiped.flushes.get(),
            dropped_stale: wiped.dropped_stale.get(),
            contexts: directory.live,
            contexts_expired: directory.expired,
            contexts_refused: directory.refused,
            utf8_mended: directory.mended,
            arena_bytes: self.arena_bytes,
            arena_used_bytes: directory.used_bytes + self.pool.used_bytes(),
            ..Stats::default()
        };
        for i in 0..self.lanes.len() {
            let lane = self.lanes.get(i);
            let (pushed, waiting) = lane.handover.counts();
            stats.recorded += pushed + lane.direct.get();
            stats.pending += waiting + self.lanes.open(i, &self.pool).points();
            stats.overflowed += lane.overflowed.get();
            stats.dropped_arena_full += lane.dropped_arena_full.get();
            stats.dropped_stale += lane.dropped_stale.get();
            if pushed + lane.direct.get() > 0 {
                stats.arena_used_bytes +=
                    (size_of::<Lane>()) as u64 + u64::from(self.directory.slots_used()) * 8;
            }
        }
        let rejected = |error| wiped.rejected[rejection(error)].load(Ordering::Relaxed);
        stats.rejected_not_finite = rejected(RecordError::NotFinite);
        stats.rejected_stale = rejected(RecordError::StaleContext);
        stats.rejected_too_old = rejected(RecordError::TooOld);
        stats.rejected_too_new = rejected(RecordError::TooNew);
        stats.rejected_invalid_name = rejected(RecordError::InvalidName);
        stats.rejected_no_room = rejected(RecordError::NoRoom);
        stats.recorded += stats.rejected();
        stats
    }
}
