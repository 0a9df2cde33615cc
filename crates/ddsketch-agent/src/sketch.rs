//! The sketch: pending values, summary, and counts per key.
//!
//! ```text
//! insert(v) ─▶ pending, 512 values ─┬▶ keys ─▶ counts per key ─▶ bins, either profile
//! insert_many ──────────────────────┴▶ summary            └──▶ released Agent's list, once trimmed
//! ```
//!
//! The Agent buffers 512 keys too, and flushes them before any operation other than a plain insert.
//! For the bins it hardly ever matters when: while there are at most 4096, they are a function of
//! the counts alone, and so is the 32-bit profile always. Only the 16-bit list, once it has been
//! trimmed, depends on the batches. From that moment a second, literal list is kept beside the
//! counts, and flushes happen exactly where the Agent has them. Before it, columns of values are
//! counted at once, and only the position in the Agent's buffer is kept.
//!
//! Reading takes `&self`: pending values are added to a copy.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::mem;

use crate::released::ReleasedBins;
use crate::store::Store;
use crate::{BIN_LIMIT, Bins, BinsError, InsertError, Kernel, Profile, Summary, key, quantile};

/// The number of values a sketch takes; [`InsertError::TooMany`] beyond.
///
/// 2^44, as much as 4096 bins of the 32-bit profile hold. It bounds the number of bins of a list.
pub const COUNT_MAX: u64 = 1 << 44;

/// The Agent's buffer size.
const BATCH: usize = 512;

/// Values from which on a column is worth a batch of its own.
const COLUMN_LEAST: usize = 64;

/// Steps of the buffer's growth, so that a sketch of few values is small.
const PENDING_GROWTH: usize = 8;

/// Above this many values there is no 16-bit list any more; see [`Profile::U16`].
const RELEASED_COUNT_MAX: u64 = 1 << 32;

/// Keys that gather before the lowest are folded, so that few batches pay for it. Reading folds a
/// copy.
const KEYS_BEFORE_FOLD: usize = 2 * BIN_LIMIT;

/// The bins of a released Agent.
#[derive(Clone, Debug, Default)]
enum Released {
    /// Never trimmed: the counts of the store, split.
    #[default]
    FromCounts,
    /// Trimmed: a list of its own.
    List(Box<ReleasedBins>),
    /// More than [`RELEASED_COUNT_MAX`] values.
    Over,
}

/// A mergeable summary of a distribution, with the bits a Datadog Agent's sketch has after the same
/// operations.
///
/// Every finite double is accepted. [`Sketch::quantile`] is within 1/129 (0.78 %) of the value of
/// its rank, as long as that value is at least 1e-9 and less than 4e211 in size and its bin has not
/// been folded: the bins of the lowest values are folded together when there are more than 4096.
///
/// Two sketches are equal if their summaries and bins are, in both profiles; pending values count
/// as inserted.
///
/// ```
/// use ddsketch_agent::{Profile, Sketch};
///
/// let mut sketch = Sketch::new();
/// sketch.insert_many(&[0.9, 1.0, 1.1]);
/// sketch.insert(1.0)?;
/// let median = sketch.quantile(0.5).expect("it has values");
/// assert!((median - 1.0).abs() < 0.008);
/// assert_eq!(sketch.bins(Profile::U16).counts, [1, 2, 1]);
/// # Ok::<(), ddsketch_agent::InsertError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sketch {
    summary: Summary,
    store: Store,
    released: Released,
    /// The Agent's buffer: values not yet in summary and store. All finite.
    pending: Box<[f64]>,
    /// Places of the buffer in use, as the Agent would have it.
    pending_len: usize,
    /// The first places of these, whose values are in summary and store already.
    settled_len: usize,
    kernel: Kernel,
}

impl Sketch {
    /// An empty sketch. Allocates nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty sketch that runs its batches through `kernel`.
    #[must_use]
    pub fn with_kernel(kernel: Kernel) -> Self {
        Self {
            kernel,
            ..Self::default()
        }
    }

    /// Adds `v`. Mostly a store into a buffer; every 512th call works the buffer off.
    ///
    /// # Errors
    /// [`InsertError::NotFinite`].
    #[inline]
    pub fn insert(&mut self, v: f64) -> Result<(), InsertError> {
        if !v.is_finite() {
            return Err(InsertError::NotFinite);
        }
        match self.pending.get_mut(self.pending_len) {
            Some(place) => *place = v,
            None => self.make_place_for(v),
        }
        self.pending_len += 1;
        Ok(())
    }

    /// Adds `v` `n` times, as one weighted value: the sum grows by the product `n * v`, rounded
    /// once. Nothing happens for `n` = 0.
    ///
    /// # Errors
    /// [`InsertError::NotFinite`], [`InsertError::TooMany`].
    pub fn insert_n(&mut self, v: f64, n: u64) -> Result<(), InsertError> {
        if !v.is_finite() {
            return Err(InsertError::NotFinite);
        }
        if n == 0 {
            return Ok(());
        }
        self.check_room(n)?;
        self.insert_weighted(v, n as f64);
        Ok(())
    }

    /// Adds `v` as one of a sample: it counts 1/`rate` times, cut to an integer in the bins and in
    /// the count, but not in the sum. So a rate of 0.3 counts 3, a rate of 0.7 counts 1.
    ///
    /// A `rate` that is not between 0 and 1 counts as 1, as in the Agent.
    ///
    /// # Errors
    /// [`InsertError::NotFinite`] for `v`, [`InsertError::TooMany`].
    pub fn insert_sampled(&mut self, v: f64, rate: f64) -> Result<(), InsertError> {
        if !(rate > 0.0 && rate < 1.0) {
            return self.insert(v);
        }
        if !v.is_finite() {
            return Err(InsertError::NotFinite);
        }
        let weight = 1.0 / rate;
        self.check_room(weight as u64)?;
        self.insert_weighted(v, weight);
        Ok(())
    }

    /// Adds `values` in order, leaving out those that are not finite, and gives the number left
    /// out. The same as as many calls of [`Sketch::insert`], several times faster.
    pub fn insert_many(&mut self, values: &[f64]) -> usize {
        let kernel = self.kernel;
        self.insert_many_with(values, &kernel)
    }

    /// As [`Sketch::insert_many`], with `kernel` for the batches of this call.
    pub fn insert_many_with(&mut self, values: &[f64], kernel: &Kernel) -> usize {
        if values.len() < COLUMN_LEAST {
            return values.iter().filter(|v| self.insert(**v).is_err()).count();
        }
        let mut rejected = 0;
        let mut rest = values;
        while !rest.is_empty() {
            let ahead = self.store.has_room_for(BATCH + self.pending().len());
            if self.pending_len == BATCH || (ahead && !self.pending().is_empty()) {
                self.settle_pending(kernel);
            }
            let room = if ahead {
                BATCH
            } else {
                BATCH - self.pending_len
            };
            let (now, later) = rest.split_at(rest.len().min(room));
            rest = later;
            let whole = ahead || now.len() == BATCH;
            if whole && self.insert_batch(now, kernel) {
                self.pending_len = (self.pending_len + now.len()) % BATCH;
                self.settled_len = self.pending_len;
            } else {
                rejected += now.iter().filter(|v| self.insert(**v).is_err()).count();
            }
        }
        rejected
    }

    /// Adds `n` values spread evenly over the interval from `lower` to `upper`, as the Agent takes
    /// a histogram bucket. Minimum, maximum and sum grow by the centres of bins, which can lie
    /// outside of the interval by 0.8 %.
    ///
    /// For a bound beyond ±4.1e211, whose bin has no centre, the bound itself stands in. (The Agent
    /// does not return from such a call.) A bucket with an infinite bound is customarily inserted
    /// with both bounds set to the finite one.
    ///
    /// # Errors
    /// [`InsertError::NotFinite`], [`InsertError::BoundsDescend`], [`InsertError::TooMany`].
    pub fn insert_interpolated(
        &mut self,
        lower: f64,
        upper: f64,
        n: u64,
    ) -> Result<(), InsertError> {
        if !(lower.is_finite() && upper.is_finite()) {
            return Err(InsertError::NotFinite);
        }
        let (first, last) = (key::key(lower), key::key(upper));
        if first > last {
            return Err(InsertError::BoundsDescend);
        }
        self.check_room(n)?;
        self.flush();
        let centre = |k: i16| match k {
            -32767 => lower,
            key::KEY_INFINITY => upper,
            _ => key::lower_bound(k),
        };
        let mut groups = Vec::new();
        let (mut start, mut low, mut left, mut remainder) = (first, centre(first), n, 0.0);
        for end in i32::from(first) + 1..=i32::from(last) {
            if left == 0 {
                break;
            }
            let end = end as i16;
            let high = centre(end);
            // The division comes first; the Agent's bits depend on it.
            let share = ((high - low) / (upper - lower)) * n as f64;
            let mut whole = share as u64;
            if share > 1.0 {
                remainder += share - whole as f64;
            }
            if remainder > 1.0 {
                whole += 1;
                remainder -= 1.0;
            }
            if whole > 0 {
                whole = whole.min(left);
                self.summary.insert_weighted(low, whole as f64);
                groups.push((start, whole));
                left -= whole;
                (start, low) = (end, high);
            }
        }
        if left > 0 {
            self.summary.insert_weighted(centre(start), left as f64);
            groups.push((start, left));
        }
        self.add_groups(&groups);
        Ok(())
    }

    /// Adds everything `other` holds.
    ///
    /// If the two hold more than [`COUNT_MAX`] values together, the bins stay as they are and only
    /// the summary grows.
    pub fn merge(&mut self, other: &Sketch) {
        self.flush();
        if self.merge_counts(other) {
            return;
        }
        let other = other.flushed();
        self.summary.merge(&other.summary);
        if self.check_room(other.store.total()).is_err() {
            return;
        }
        self.prepare_for(other.store.total());
        // If either has a list of its own, the other's is needed as it is before the merge.
        match (&mut self.released, &other.released) {
            (Released::Over, _) | (Released::FromCounts, Released::FromCounts) => {}
            (_, Released::Over) => self.released = Released::Over,
            (Released::List(list), Released::List(others)) => list.merge(others),
            (Released::List(list), Released::FromCounts) => {
                list.merge(&ReleasedBins::from_counts(other.store.iter()));
            }
            (Released::FromCounts, Released::List(others)) => {
                let mut list = ReleasedBins::from_counts(self.store.iter());
                list.merge(others);
                self.released = Released::List(Box::new(list));
            }
        }
        self.store.merge(&other.store);
        self.settle();
    }

    /// Count, minimum, maximum, sum and mean. O(pending values), at most 512.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = self.summary;
        (self.kernel.summary)(&mut summary, self.pending());
        summary
    }

    /// Whether it holds no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending().is_empty() && self.summary.count == 0 && self.store.total() == 0
    }

    /// Forgets all values, but keeps the memory for new ones.
    pub fn clear(&mut self) {
        self.summary = Summary::default();
        self.store.clear();
        self.released = Released::FromCounts;
        (self.pending_len, self.settled_len) = (0, 0);
    }

    /// A value close to the one of rank roundTiesToEven(q · (count − 1)) in ascending order: within
    /// [`key::RELATIVE_ACCURACY`] of it and between minimum and maximum. The minimum for q ≤ 0, the
    /// maximum for q ≥ 1; `None` if there are no values or q is NaN.
    ///
    /// 0.1 ns for each key of the range, and a copy if values are pending.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let sketch = self.flushed();
        quantile::accurate(&sketch.summary, sketch.store.total(), q, |rank| {
            sketch.store.key_at(rank)
        })
    }

    /// What a released Agent answers for this quantile, bit for bit: an interpolation that can be
    /// off by 2.4 %, may leave the interval from minimum to maximum, and is NaN or infinite for
    /// values beyond 4e211. For comparing with Agents; otherwise prefer [`Sketch::quantile`].
    ///
    /// `None` if there are no values or q is NaN.
    #[must_use]
    pub fn quantile_agent(&self, q: f64) -> Option<f64> {
        let sketch = self.flushed();
        let (summary, total) = (&sketch.summary, sketch.store.total());
        let bins = sketch.list(Profile::U16);
        quantile::agent(summary, total, bins.map(|(k, n)| (k, u64::from(n))), q)
    }

    /// The bins as a payload has them. O(span of the keys), and a copy if values are pending.
    #[must_use]
    pub fn bins(&self, profile: Profile) -> Bins {
        self.flushed().list(profile).collect()
    }

    /// A sketch with the given bins and summary, neither checked against the other. Keys ascend;
    /// equal keys may follow one another, and their counts add up. Counts of 0 are left out.
    ///
    /// Bins that came from a released Agent are given back as they were by
    /// [`Sketch::bins`] with [`Profile::U16`].
    ///
    /// # Errors
    /// [`BinsError`], with the position of the bin.
    pub fn from_bins(
        summary: Summary,
        bins: impl IntoIterator<Item = (i16, u64)>,
    ) -> Result<Sketch, BinsError> {
        let mut given = Vec::new();
        let mut total = 0u64;
        let mut previous = i16::MIN;
        for (index, (k, n)) in bins.into_iter().enumerate() {
            if k == i16::MIN {
                return Err(BinsError::KeyRange { index });
            }
            if k < previous {
                return Err(BinsError::KeysDescend { index });
            }
            previous = k;
            total = total.saturating_add(n);
            if total > COUNT_MAX {
                return Err(BinsError::TooMany { index });
            }
            if n > 0 {
                given.push((k, n));
            }
        }
        let mut sketch = Self {
            summary,
            ..Self::default()
        };
        let released = ReleasedBins::from_bins(&given);
        given.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        sketch.prepare_for(total);
        sketch.store = Store::from_sorted(given);
        if let (Released::FromCounts, Some(mut released)) = (&sketch.released, released) {
            if !released.looks_trimmed() {
                released.trim();
            }
            let untrimmed = ReleasedBins::from_counts(sketch.store.iter());
            if released != untrimmed || released.len() > BIN_LIMIT {
                sketch.released = Released::List(Box::new(released));
            }
        }
        sketch.settle();
        Ok(sketch)
    }

    /// Bytes this sketch occupies, itself included.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let released = match &self.released {
            Released::List(list) => list.memory_bytes(),
            _ => 0,
        };
        size_of::<Self>() + size_of_val(&*self.pending) + self.store.memory_bytes() + released
    }
}

/// The way of values into summary and store.
impl Sketch {
    fn pending(&self) -> &[f64] {
        // Without values that wait, the buffer may be shorter than the Agent's.
        let waiting = self.pending.get(self.settled_len..self.pending_len);
        waiting.unwrap_or_default()
    }

    /// Puts `v` into the first place of a buffer that is full or not there yet; leaves it to the
    /// caller to count it.
    #[cold]
    fn make_place_for(&mut self, v: f64) {
        if self.pending_len == BATCH {
            self.flush();
        } else {
            self.grow_pending(self.pending_len + 1);
        }
        self.pending[self.pending_len] = v;
    }

    /// Makes the buffer hold `len` values, at most [`BATCH`].
    fn grow_pending(&mut self, len: usize) {
        let mut size = self.pending.len().max(PENDING_GROWTH);
        while size < len {
            size *= PENDING_GROWTH;
        }
        let mut grown = vec![0.0; size.min(BATCH)].into_boxed_slice();
        let waiting = self.pending();
        grown[self.settled_len..][..waiting.len()].copy_from_slice(waiting);
        self.pending = grown;
    }

    /// Moves the values that wait into summary and store, where the Agent empties its buffer.
    fn flush(&mut self) {
        let kernel = self.kernel;
        self.settle_pending(&kernel);
        (self.pending_len, self.settled_len) = (0, 0);
    }

    /// Moves the values that wait into summary and store. Before the Agent does, if there is room
    /// for all bins.
    fn settle_pending(&mut self, kernel: &Kernel) {
        let pending = mem::take(&mut self.pending);
        let waiting = pending.get(self.settled_len..self.pending_len);
        self.insert_batch(waiting.unwrap_or_default(), kernel);
        self.pending = pending;
        self.pending_len %= BATCH;
        self.settled_len = self.pending_len;
    }

    /// This sketch without pending values and with no more than [`BIN_LIMIT`] keys.
    fn flushed(&self) -> Cow<'_, Sketch> {
        // Without a list of its own, the store was measured whenever it could exceed the limit.
        let fold =
            !matches!(self.released, Released::FromCounts) && self.store.may_exceed(BIN_LIMIT);
        if self.pending().is_empty() && !fold {
            return Cow::Borrowed(self);
        }
        let mut copy = Self {
            summary: self.summary,
            store: self.store.clone(),
            released: self.released.clone(),
            kernel: self.kernel,
            ..Self::default()
        };
        copy.insert_batch(self.pending(), &self.kernel);
        if copy.store.may_exceed(BIN_LIMIT) {
            copy.store.fold();
        }
        Cow::Owned(copy)
    }

    /// Adds at most [`BATCH`] values, as one flush of the Agent's buffer; none and false if not all
    /// are finite.
    fn insert_batch(&mut self, values: &[f64], kernel: &Kernel) -> bool {
        let mut keys = [0; BATCH];
        let keys = &mut keys[..values.len()];
        if values.is_empty() || !(kernel.keys)(values, keys) {
            return values.is_empty();
        }
        self.prepare_for(values.len() as u64);
        (kernel.summary)(&mut self.summary, values);
        if let Released::List(list) = &mut self.released {
            keys.sort_unstable();
            list.insert(
                keys.chunk_by(|a, b| a == b)
                    .map(|same| (same[0], same.len() as u64)),
            );
        }
        self.store.add_keys(keys);
        self.settle();
        true
    }

    /// Adds what `other` holds, if that takes neither a copy of it nor a list of released bins.
    fn merge_counts(&mut self, other: &Sketch) -> bool {
        let waiting = other.pending();
        let n = other.store.total() + waiting.len() as u64;
        let from_counts = |sketch: &Sketch| matches!(sketch.released, Released::FromCounts);
        let simple = from_counts(self)
            && from_counts(other)
            && other.store.has_room_for(waiting.len())
            && self.store.total() + n <= RELEASED_COUNT_MAX;
        if !simple {
            return false;
        }
        let mut keys = [0; BATCH];
        let keys = &mut keys[..waiting.len()];
        (other.kernel.keys)(waiting, keys);
        self.summary.merge(&other.summary());
        self.store.merge(&other.store);
        self.store.add_keys(keys);
        self.settle();
        true
    }

    /// Adds a finite `v` with a weight of at least 1, for which there is room.
    fn insert_weighted(&mut self, v: f64, weight: f64) {
        self.flush();
        self.summary.insert_weighted(v, weight);
        self.add_groups(&[(key::key(v), weight as u64)]);
    }

    /// Adds counts for strictly ascending keys, after a flush.
    fn add_groups(&mut self, groups: &[(i16, u64)]) {
        self.prepare_for(groups.iter().map(|(_, n)| n).sum());
        if let Released::List(list) = &mut self.released {
            list.insert(groups.iter().copied());
        }
        self.store.add_sorted(groups.iter().copied());
        self.settle();
    }

    fn check_room(&self, n: u64) -> Result<(), InsertError> {
        let held = self.store.total() + self.pending().len() as u64;
        if n > COUNT_MAX.saturating_sub(held) {
            Err(InsertError::TooMany)
        } else {
            Ok(())
        }
    }

    /// Before `n` values are added: drops the released Agent's list if it would become too long.
    fn prepare_for(&mut self, n: u64) {
        if self.store.total() + n > RELEASED_COUNT_MAX {
            self.released = Released::Over;
        }
    }

    /// After the counts have grown: starts the released Agent's list if it is due, and folds the
    /// lowest keys if there are too many.
    #[inline]
    fn settle(&mut self) {
        let limit = match self.released {
            Released::FromCounts => BIN_LIMIT,
            Released::List(_) | Released::Over => KEYS_BEFORE_FOLD,
        };
        if self.store.may_exceed(limit) {
            self.settle_limits();
        }
    }

    #[cold]
    fn settle_limits(&mut self) {
        let measure = self
            .store
            .measure(matches!(self.released, Released::FromCounts));
        if measure.bins > BIN_LIMIT && matches!(self.released, Released::FromCounts) {
            let mut list = ReleasedBins::from_counts(self.store.iter());
            list.trim();
            self.released = Released::List(Box::new(list));
            self.store.measure(false);
        }
        if measure.keys > KEYS_BEFORE_FOLD {
            self.store.fold();
        }
    }

    /// The bins of a sketch without pending values.
    fn list(&self, profile: Profile) -> impl Iterator<Item = (i16, u32)> {
        let (list, width) = match (profile, &self.released) {
            (Profile::U16, Released::List(list)) => (Some(list), Profile::U16),
            (Profile::U16, Released::FromCounts) => (None, Profile::U16),
            (Profile::U32, _) | (_, Released::Over) => (None, Profile::U32),
        };
        let counts = list.is_none().then(|| {
            self.store
                .iter()
                .flat_map(move |(k, n)| width.split(n).map(move |n| (k, n)))
        });
        list.into_iter()
            .flat_map(|list| list.iter())
            .chain(counts.into_iter().flatten())
    }
}

impl PartialEq for Sketch {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.flushed(), other.flushed());
        let bits = |s: Summary| [s.min, s.max, s.sum, s.avg].map(f64::to_bits);
        a.summary.count == b.summary.count
            && bits(a.summary) == bits(b.summary)
            && a.store.iter().eq(b.store.iter())
            && a.list(Profile::U16).eq(b.list(Profile::U16))
    }
}

impl Eq for Sketch {}
