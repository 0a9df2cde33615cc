//! Points into the engine, and what its flushes yield into one group a row.
//!
//! ```text
//! point ─▶ context (tags projected on --by) ─▶ Engine::record ─▶ every FLUSH_POINTS: Flush::All
//!                                                                   │ entry = context × interval
//!                     Groups: (kind, name, tags kept) ◀── merge ────┤
//!                     Vec<Snapshot>, for --payload only ◀───────────┘
//! ```
//!
//! 1. Memory is bounded by the rows asked for, not by the length of the input: the engine is
//!    emptied every [`FLUSH_POINTS`] points, and an entry is merged into its row at once.
//! 2. Tags that `--by` drops are dropped before the context is asked for, so that a column with a
//!    million values costs no context. Merging sketches afterwards gives the same bins, because a
//!    bin is a sum. When payloads are written their entries need all tags; then the groups merge.
//! 3. Without payloads and pages an interval is as long as the engine allows, because only the receiver of
//!    a payload asks for ten seconds. Gauges, which keep one value an interval, are the exception
//!    ([`Intervals`]).

use pointmill::{
    Config, ConfigError, ContextId, Engine, Flush, Kind, RecordError, Snapshot, Stats,
};

use pointmill_intake::site::Collected;

use super::groups::Groups;

/// Points between two flushes. Each may open a sketch of its own (a few hundred bytes of arena).
pub const FLUSH_POINTS: u64 = 1 << 18;

/// Arena and contexts to ask for, the first that the system grants. An arena is address space:
/// pages count when they are touched.
const SIZES: [(u64, u64); 3] = [(4 << 30, 1 << 20), (1 << 30, 1 << 18), (256 << 20, 1 << 16)];

/// What the points' times are needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intervals {
    /// For nothing in the report: the longest intervals, the fewest sketches.
    Longest,
    /// For gauges, which show the values at the ends of intervals, and for payloads: ten seconds.
    TenSeconds,
}

/// Points on their way to rows.
#[derive(Debug)]
pub struct Aggregator {
    engine: Engine,
    now_unix_s: i64,
    since_flush: u64,
    groups: Groups,
    /// Tag keys whose tags contexts keep; `None` keeps all.
    project: Option<Vec<String>>,
    snapshots: Option<Vec<Snapshot>>,
    collected: Option<Collected>,
}

/// What an [`Aggregator`] ends with.
#[derive(Debug)]
pub struct Finished {
    /// A group for each row.
    pub groups: Groups,
    /// The engine's books.
    pub stats: Stats,
    /// Every entry, if they were kept.
    pub snapshot: Option<Snapshot>,
    /// All entries over time, if they were collected.
    pub collected: Option<Collected>,
}

impl Aggregator {
    /// An aggregator that groups by the tag keys `by` (`None`: by every tag) and, with
    /// `keep_snapshots`, keeps every entry for [`Aggregator::finish`] to hand out.
    ///
    /// `now_unix_s` is the time of points without one.
    ///
    /// # Errors
    /// [`ConfigError::NoMemory`] if the system has no address space left.
    pub fn new(
        by: Option<&[String]>,
        intervals: Intervals,
        keep_snapshots: bool,
        now_unix_s: i64,
    ) -> Result<Aggregator, ConfigError> {
        Self::with_sizes(by, intervals, keep_snapshots, now_unix_s, &SIZES)
    }

    fn with_sizes(
        by: Option<&[String]>,
        intervals: Intervals,
        keep_snapshots: bool,
        now_unix_s: i64,
        sizes: &[(u64, u64)],
    ) -> Result<Aggregator, ConfigError> {
        Ok(Aggregator {
            engine: engine(intervals, now_unix_s, sizes)?,
            now_unix_s,
            since_flush: 0,
            groups: Groups::new(by),
            project: by.filter(|_| !keep_snapshots).map(<[String]>::to_vec),
            snapshots: keep_snapshots.then(Vec::new),
            collected: None,
        })
    }

    /// Puts every entry into `collected` too.
    pub fn collect_into(&mut self, collected: Collected) {
        self.collected = Some(collected);
    }

    /// Whether contexts keep tags with this key; readers need not look at others.
    #[must_use]
    pub fn keeps(&self, key: &[u8]) -> bool {
        let by = self.project.as_deref();
        by.is_none_or(|by| by.iter().any(|wanted| wanted.as_bytes() == key))
    }

    /// The context of `name` with those of `tags` that the report needs.
    ///
    /// # Errors
    /// The engine's: a name or tag that is too long, no room.
    pub fn context(
        &mut self,
        kind: Kind,
        name: &str,
        tags: &mut Vec<&[u8]>,
    ) -> Result<ContextId, RecordError> {
        tags.retain(|tag| {
            let key = tag.split(|b| *b == b':').next().unwrap_or(tag);
            self.keeps(key)
        });
        self.engine.context(kind, name, tags)
    }

    /// Records one point.
    ///
    /// # Errors
    /// The engine's, which has counted it.
    #[inline]
    pub fn record(&mut self, context: ContextId, point: Point) -> Result<(), RecordError> {
        let outcome = match (point.unix_s, point.rate) {
            (None, None) => self.engine.record(context, point.value),
            (Some(at), None) => self.engine.record_at(context, point.value, at),
            (None, Some(rate)) => self.engine.record_sampled(context, point.value, rate),
            (Some(at), Some(rate)) => self
                .engine
                .record_sampled_at(context, point.value, rate, at),
        };
        self.since_flush += 1;
        if self.since_flush >= FLUSH_POINTS {
            self.flush();
        }
        outcome
    }

    /// Empties the engine into the groups.
    fn flush(&mut self) {
        self.since_flush = 0;
        let snapshot = self.engine.flush(self.now_unix_s, Flush::All);
        self.groups.add(&snapshot);
        if let Some(collected) = &mut self.collected {
            collected.add(&snapshot);
        }
        if let Some(kept) = &mut self.snapshots {
            kept.push(snapshot);
        }
    }

    /// The end.
    #[must_use]
    pub fn finish(mut self) -> Finished {
        self.flush();
        // An interval that was cut by a flush is one entry again: its counts must not go out as
        // two points of one time, of which a receiver would keep the second.
        let merged = self.snapshots.as_deref().map(Snapshot::merge);
        Finished {
            groups: self.groups,
            stats: self.engine.stats(),
            snapshot: merged,
            collected: self.collected,
        }
    }
}

/// One point of a reader.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Its value.
    pub value: f64,
    /// Its time in Unix seconds, if it has one.
    pub unix_s: Option<i64>,
    /// The fraction of such points that were sent, if not all.
    pub rate: Option<f64>,
}

/// An engine of the first of `sizes` (bytes of arena, contexts) that the system grants.
fn engine(
    intervals: Intervals,
    now_unix_s: i64,
    sizes: &[(u64, u64)],
) -> Result<Engine, ConfigError> {
    let max = |name| {
        Config::OPTIONS
            .iter()
            .find(|option| option.name == name)
            .map_or(0, |option| option.max)
    };
    let mut config = Config::default();
    config.threads_max = 1;
    config.name_bytes_max = max("name_bytes_max");
    config.tag_bytes_max = max("tag_bytes_max");
    config.tags_max = max("tags_max");
    // History is what a report is about: no time is too old or too new, no context goes idle.
    config.past_max_s = max("past_max_s");
    config.future_max_s = max("future_max_s");
    config.idle_flushes = 0;
    config.interval_s = match intervals {
        Intervals::Longest => max("interval_s"),
        Intervals::TenSeconds => 10,
    };
    let mut refused = None;
    for &(arena_bytes, contexts_max) in sizes {
        (config.arena_bytes, config.contexts_max) = (arena_bytes, contexts_max);
        match Engine::new(&config, now_unix_s) {
            Ok(engine) => {
                // Limits on times hold from the first time told.
                engine.tick(now_unix_s);
                return Ok(engine);
            }
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or(ConfigError::NoMemory { bytes: 0 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::groups::GroupValue;

    #[test]
    fn tag_sets_without_room_keep_their_points_in_a_row_that_says_so() {
        let sizes = [(8 << 20, 4)];
        let new = Aggregator::with_sizes(None, Intervals::Longest, false, 0, &sizes);
        let mut aggregator = new.unwrap();
        for i in 0..100 {
            let tag = format!("user:{i}");
            let tags = &mut vec![tag.as_bytes()];
            let context = aggregator.context(Kind::Distribution, "m", tags).unwrap();
            let point = Point {
                value: f64::from(i),
                unix_s: None,
                rate: None,
            };
            aggregator.record(context, point).unwrap();
        }
        let Finished { groups, stats, .. } = aggregator.finish();
        let groups = groups.finish();
        let overflow = groups
            .iter()
            .find(|group| group.tags == ["pointmill.overflow:true"]);
        assert_eq!(groups.iter().map(|group| group.points).sum::<u64>(), 100);
        assert_eq!(overflow.unwrap().points, stats.overflowed);
        assert!(stats.overflowed >= 90 && stats.balances(), "{stats:?}");
    }

    #[test]
    fn a_smaller_engine_stands_in_for_one_the_system_refuses() {
        let sizes = [(1 << 20, 1 << 20), (32 << 20, 64)];
        let new = Aggregator::with_sizes(None, Intervals::TenSeconds, false, 0, &sizes);
        let stats = new.unwrap().finish().stats;
        assert!(
            stats.arena_bytes > 16 << 20,
            "the first is too small for its contexts: {stats:?}"
        );
        let none = Aggregator::with_sizes(None, Intervals::TenSeconds, false, 0, &sizes[..1]);
        assert!(matches!(none, Err(ConfigError::ArenaTooSmall { .. })));
    }

    #[test]
    fn points_past_a_flush_merge_into_one_group() {
        let mut aggregator = Aggregator::new(None, Intervals::TenSeconds, true, 1_000).unwrap();
        let context = aggregator
            .context(Kind::Count, "n", &mut Vec::new())
            .unwrap();
        let points = FLUSH_POINTS * 2 + 5;
        for i in 0..points {
            let unix_s = Some(2_000 + (i % 20) as i64);
            aggregator
                .record(
                    context,
                    Point {
                        value: 1.0,
                        unix_s,
                        rate: None,
                    },
                )
                .unwrap();
        }
        let Finished {
            groups,
            stats,
            snapshot,
            ..
        } = aggregator.finish();
        assert!(stats.flushes >= 3);
        let groups = groups.finish();
        let [group] = groups.as_slice() else {
            panic!("{groups:?}")
        };
        assert_eq!(group.points, points);
        assert!(matches!(group.value, GroupValue::Count(total) if total == points as f64));
        let snapshot = snapshot.unwrap();
        let intervals: Vec<i64> = snapshot.iter().map(|entry| entry.interval()).collect();
        assert_eq!((intervals.len(), snapshot.points()), (2, points));
    }
}
