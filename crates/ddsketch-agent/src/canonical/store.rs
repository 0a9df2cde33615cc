//! Bin index → count.
//!
//! Counts live in one contiguous array while the indexes lie close together, and in an ordered map
//! once they do not, so that two far-apart indexes never cost the distance between them. Which of
//! the two holds the data cannot be observed, save through [`Store::is_contiguous`]; the
//! [`Policy`] alone decides what happens to a bin.
//!
//! ```text
//! add(i, c), at most N bins, collapsing the lowest:
//!     i < max − N + 1          → i = max − N + 1
//!     i > max                  → bins below i − N + 1 move into bin i − N + 1
//!     count[i] += c
//! ```

use alloc::collections::BTreeMap;
use alloc::collections::btree_map;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// The widest span of indexes kept as an array: 512 KiB of counts, 768 with the slack to grow.
const DENSE_SPAN_MAX: i64 = 1 << 16;

/// Spare bins on the side an array grows to, before growth by half takes over.
const SLACK_MIN: i64 = 64;

/// What a store does when its bins spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Keeps every bin; memory grows with the number of bins or the span, whichever is less
    /// (beyond 65,536 indexes).
    Unbounded,
    /// Keeps the span at this many indexes by folding the lowest bins into one (0 counts as 1).
    ///
    /// Quantiles above the fold keep their accuracy.
    CollapsingLowest(u32),
    /// The mirror image: folds the highest bins.
    CollapsingHighest(u32),
    /// Keeps every bin in a map from the start: least memory for few, scattered bins.
    Sparse,
}

/// A count that cannot be added: negative, not a number, or so large that the total of all counts
/// would not be finite. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CountError {
    /// The count in question.
    pub count: f64,
}

impl fmt::Display for CountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.count;
        write!(
            f,
            "count {count} refused; give one ≥ 0 that keeps the total finite"
        )
    }
}

impl core::error::Error for CountError {}

/// Counts by bin index.
///
/// Two stores are equal when they hold the same counts, whatever their policies.
#[derive(Debug, Clone)]
pub struct Store {
    policy: Policy,
    bins: Bins,
    total: f64,
}

#[derive(Debug, Clone)]
enum Bins {
    Dense(Dense),
    Sparse(BTreeMap<i32, f64>),
}

/// An array that covers indexes `first..first + counts.len()`; `min..=max` of them are in use.
#[derive(Debug, Clone)]
struct Dense {
    first: i64,
    counts: Vec<f64>,
    /// Both bins hold a count above 0, or `min > max` and nothing does.
    min: i64,
    max: i64,
}

impl Store {
    /// An empty store; allocates nothing.
    pub fn new(policy: Policy) -> Store {
        let bins = match policy {
            Policy::Sparse => Bins::Sparse(BTreeMap::new()),
            _ => Bins::Dense(Dense {
                first: 0,
                counts: Vec::new(),
                min: 0,
                max: -1,
            }),
        };
        Store {
            policy,
            bins,
            total: 0.0,
        }
    }

    /// What happens when the bins spread.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The sum of all counts, in the order they were added.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Whether nothing has been counted.
    pub fn is_empty(&self) -> bool {
        self.min_index().is_none()
    }

    /// The lowest index with a count.
    pub fn min_index(&self) -> Option<i32> {
        match &self.bins {
            Bins::Dense(dense) => (dense.min <= dense.max).then_some(dense.min as i32),
            Bins::Sparse(map) => map.first_key_value().map(|(&index, _)| index),
        }
    }

    /// The highest index with a count.
    pub fn max_index(&self) -> Option<i32> {
        match &self.bins {
            Bins::Dense(dense) => (dense.min <= dense.max).then_some(dense.max as i32),
            Bins::Sparse(map) => map.last_key_value().map(|(&index, _)| index),
        }
    }

    /// Whether the counts lie in one array, so that a contiguous encoding costs no more than the
    /// store itself.
    pub fn is_contiguous(&self) -> bool {
        matches!(self.bins, Bins::Dense(_))
    }

    /// Adds `count` to bin `index`; 0 changes nothing.
    ///
    /// # Errors
    /// [`CountError`].
    pub fn add(&mut self, index: i32, count: f64) -> Result<(), CountError> {
        let total = self.total + count;
        // The negation catches NaN.
        if !(count >= 0.0 && total.is_finite()) {
            return Err(CountError { count });
        }
        if count == 0.0 {
            return Ok(());
        }
        let index = match self.policy {
            Policy::Unbounded | Policy::Sparse => i64::from(index),
            Policy::CollapsingLowest(limit) => self.make_room_above(index, limit),
            Policy::CollapsingHighest(limit) => self.make_room_below(index, limit),
        };
        self.insert(index, count);
        self.total = total;
        Ok(())
    }

    /// Adds every bin of `other`, under this store's own policy.
    ///
    /// # Errors
    /// [`CountError`] if the totals do not add up to a finite number; nothing is changed then.
    pub fn merge(&mut self, other: &Store) -> Result<(), CountError> {
        if !(self.total + other.total).is_finite() {
            return Err(CountError { count: other.total });
        }
        for (index, count) in other.iter() {
            // Rounding may differ between the orders of summation; a total that overflows only
            // here keeps all earlier bins and is reported.
            self.add(index, count)?;
        }
        Ok(())
    }

    /// The bins with a count, in ascending order of index.
    pub fn iter(&self) -> Iter<'_> {
        Iter(match &self.bins {
            Bins::Dense(dense) => IterKind::Dense {
                next: dense.min,
                dense,
            },
            Bins::Sparse(map) => IterKind::Sparse(map.iter()),
        })
    }

    /// How many bins have a count. Cost: one pass.
    pub fn bin_count(&self) -> usize {
        self.iter().count()
    }

    /// The lowest index up to which more than `rank` counts lie, else the highest index; `None` if
    /// the store is empty. A negative rank counts as 0.
    pub fn index_at_rank(&self, rank: f64) -> Option<i32> {
        let rank = rank.max(0.0);
        self.first_cumulated(|cumulated| cumulated > rank)
    }

    /// The lowest index up to which at least `count` counts lie, else the highest index; `None` if
    /// the store is empty.
    pub fn index_reaching(&self, count: f64) -> Option<i32> {
        self.first_cumulated(|cumulated| cumulated >= count)
    }

    fn first_cumulated(&self, reached: impl Fn(f64) -> bool) -> Option<i32> {
        let mut cumulated = 0.0;
        for (index, count) in self {
            cumulated += count;
            if reached(cumulated) {
                return Some(index);
            }
        }
        self.max_index()
    }

    /// Forgets all counts; keeps the policy and, for an array, its memory.
    pub fn clear(&mut self) {
        self.total = 0.0;
        match &mut self.bins {
            Bins::Dense(dense) => {
                dense.counts.fill(0.0);
                (dense.min, dense.max) = (0, -1);
            }
            Bins::Sparse(_) => *self = Store::new(self.policy),
        }
    }

    /// Folds what must be folded before `index` can be added; returns where it goes.
    fn make_room_above(&mut self, index: i32, limit: u32) -> i64 {
        let index = i64::from(index);
        let reach = i64::from(limit.max(1)) - 1;
        let (Some(min), Some(max)) = (self.min_index(), self.max_index()) else {
            return index;
        };
        let floor = index.max(i64::from(max)) - reach;
        if i64::from(min) < floor {
            let folded = match &mut self.bins {
                Bins::Dense(dense) => dense.remove(dense.min, floor - 1),
                Bins::Sparse(map) => {
                    // floor > min, and floor ≤ index or max: it fits.
                    let kept = map.split_off(&(floor as i32));
                    core::mem::replace(map, kept).into_values().sum()
                }
            };
            self.insert(floor, folded);
        }
        index.max(floor)
    }

    /// The mirror image of [`Store::make_room_above`].
    fn make_room_below(&mut self, index: i32, limit: u32) -> i64 {
        let index = i64::from(index);
        let reach = i64::from(limit.max(1)) - 1;
        let (Some(min), Some(max)) = (self.min_index(), self.max_index()) else {
            return index;
        };
        let ceiling = index.min(i64::from(min)) + reach;
        if i64::from(max) > ceiling {
            let folded = match &mut self.bins {
                Bins::Dense(dense) => dense.remove(ceiling + 1, dense.max),
                // ceiling < max, so one more still fits.
                Bins::Sparse(map) => map.split_off(&(ceiling as i32 + 1)).into_values().sum(),
            };
            self.insert(ceiling, folded);
        }
        index.min(ceiling)
    }

    fn insert(&mut self, index: i64, count: f64) {
        if let Bins::Dense(dense) = &mut self.bins {
            if dense.cover(index) {
                dense.counts[(index - dense.first) as usize] += count;
                return;
            }
            self.bins = Bins::Sparse(self.iter().collect());
        }
        if let Bins::Sparse(map) = &mut self.bins {
            *map.entry(index as i32).or_insert(0.0) += count;
        }
    }
}

impl PartialEq for Store {
    fn eq(&self, other: &Store) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a> IntoIterator for &'a Store {
    type Item = (i32, f64);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl Dense {
    /// Makes `index` part of `min..=max`; `false` if the span would exceed [`DENSE_SPAN_MAX`].
    fn cover(&mut self, index: i64) -> bool {
        if self.min > self.max {
            if !(self.first..self.end()).contains(&index) {
                self.counts = vec![0.0; 1];
                self.first = index;
            }
            (self.min, self.max) = (index, index);
            return true;
        }
        let (min, max) = (self.min.min(index), self.max.max(index));
        let span = max - min + 1;
        if span > DENSE_SPAN_MAX {
            return false;
        }
        if min < self.first || max >= self.end() {
            let slack = (span / 2).max(SLACK_MIN);
            let first = if min < self.first { min - slack } else { min };
            let mut counts = vec![0.0; (span + slack) as usize];
            let used = (self.min - self.first) as usize..=(self.max - self.first) as usize;
            let start = (self.min - first) as usize;
            counts[start..start + used.end() + 1 - used.start()]
                .copy_from_slice(&self.counts[used]);
            (self.first, self.counts) = (first, counts);
        }
        (self.min, self.max) = (min, max);
        true
    }

    fn end(&self) -> i64 {
        self.first + self.counts.len() as i64
    }

    /// Takes the counts of `from..=to` out, where at least one end is `min` or `max`.
    fn remove(&mut self, from: i64, to: i64) -> f64 {
        let (from, to) = (from.max(self.min), to.min(self.max));
        let range = (from - self.first) as usize..=(to - self.first) as usize;
        let removed = self.counts[range.clone()].iter().sum();
        self.counts[range].fill(0.0);
        // What is left begins (or ends) at the next bin with a count, if any.
        let occupied = |index: &i64| self.counts[(index - self.first) as usize] > 0.0;
        let min = (self.min..=self.max).find(occupied);
        let max = (self.min..=self.max).rev().find(occupied);
        (self.min, self.max) = (min.unwrap_or(0), max.unwrap_or(-1));
        removed
    }
}

/// Iterates over the bins with a count, in ascending order; made by [`Store::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a>(IterKind<'a>);

#[derive(Debug, Clone)]
enum IterKind<'a> {
    Dense { dense: &'a Dense, next: i64 },
    Sparse(btree_map::Iter<'a, i32, f64>),
}

impl Iterator for Iter<'_> {
    type Item = (i32, f64);

    fn next(&mut self) -> Option<(i32, f64)> {
        match &mut self.0 {
            IterKind::Dense { dense, next } => {
                while *next <= dense.max {
                    let index = *next;
                    *next += 1;
                    let count = dense.counts[(index - dense.first) as usize];
                    if count > 0.0 {
                        return Some((index as i32, count));
                    }
                }
                None
            }
            IterKind::Sparse(bins) => bins.next().map(|(&index, &count)| (index, count)),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn filled(policy: Policy, indexes: &[i32]) -> Store {
        let mut store = Store::new(policy);
        for &index in indexes {
            store.add(index, 1.0).unwrap();
        }
        store
    }

    fn bins(store: &Store) -> Vec<(i32, f64)> {
        store.iter().collect()
    }

    #[test]
    fn collapsing_folds_the_named_side() {
        let indexes = [0, 5, 9, 10, 12, 3];
        let store = filled(Policy::CollapsingLowest(4), &indexes);
        assert_eq!(bins(&store), [(9, 4.0), (10, 1.0), (12, 1.0)]);
        let store = filled(Policy::CollapsingHighest(4), &indexes);
        assert_eq!(bins(&store), [(0, 1.0), (3, 5.0)]);
    }

    #[test]
    fn a_jump_beyond_the_old_range_keeps_all_mass() {
        for jump in [100, i32::MAX] {
            let store = filled(Policy::CollapsingLowest(4), &[-7, -6, -5, jump]);
            assert_eq!(bins(&store), [(jump - 3, 3.0), (jump, 1.0)]);
            let store = filled(Policy::CollapsingHighest(4), &[7, 6, 5, -jump]);
            assert_eq!(bins(&store), [(-jump, 1.0), (-jump + 3, 3.0)]);
        }
    }

    #[test]
    fn the_ends_of_the_index_range_need_no_array_between_them() {
        for policy in [
            Policy::Unbounded,
            Policy::Sparse,
            Policy::CollapsingLowest(u32::MAX),
        ] {
            let store = filled(policy, &[i32::MIN + 1, i32::MAX, 0, i32::MAX]);
            assert_eq!(
                bins(&store),
                [(i32::MIN + 1, 1.0), (0, 1.0), (i32::MAX, 2.0)]
            );
            assert!(!store.is_contiguous());
        }
        // A span of 2³² exceeds the limit 2³² − 1 by one, in the map as in the array.
        let store = filled(Policy::CollapsingLowest(u32::MAX), &[i32::MIN, i32::MAX]);
        assert_eq!(bins(&store), [(i32::MIN + 1, 1.0), (i32::MAX, 1.0)]);
        let store = filled(
            Policy::CollapsingHighest(u32::MAX),
            &[0, i32::MAX, i32::MIN],
        );
        assert_eq!(
            bins(&store),
            [(i32::MIN, 1.0), (0, 1.0), (i32::MAX - 1, 1.0)]
        );
    }

    #[test]
    fn array_and_map_agree_under_every_policy() {
        let mut state = 1u64;
        for policy in [
            Policy::Unbounded,
            Policy::CollapsingLowest(50),
            Policy::CollapsingHighest(50),
            Policy::CollapsingLowest(1),
            Policy::CollapsingHighest(0),
        ] {
            for spread in [10, 100, 3000] {
                let mut dense = Store::new(policy);
                let mut sparse = Store {
                    bins: Bins::Sparse(BTreeMap::new()),
                    ..dense.clone()
                };
                for step in 0..500 {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    let index = (state >> 33) as i32 % spread - spread / 2;
                    let count = f64::from(step % 7);
                    dense.add(index, count).unwrap();
                    sparse.add(index, count).unwrap();
                    assert_eq!(dense, sparse, "{policy:?} {spread} {step}");
                    assert_eq!(dense.min_index(), sparse.min_index());
                    assert_eq!(dense.max_index(), sparse.max_index());
                    assert_eq!(
                        dense.total(),
                        bins(&dense).iter().map(|bin| bin.1).sum::<f64>()
                    );
                }
                assert!(dense.is_contiguous());
            }
        }
    }

    #[test]
    fn refused_counts_change_nothing() {
        let mut store = filled(Policy::Unbounded, &[3]);
        for count in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(store.add(4, count).is_err());
        }
        store.add(4, f64::MAX).unwrap();
        let error = store.add(5, f64::MAX).unwrap_err();
        assert!(error.to_string().starts_with("count 1797"));
        store.add(5, 0.0).unwrap();
        assert_eq!(bins(&store), [(3, 1.0), (4, f64::MAX)]);
    }

    #[test]
    fn rank_walks_the_counts() {
        let mut store = Store::new(Policy::Unbounded);
        assert_eq!(store.index_at_rank(0.0), None);
        store.add(-2, 1.5).unwrap();
        store.add(7, 2.0).unwrap();
        for (rank, index) in [
            (-3.0, -2),
            (0.0, -2),
            (1.4, -2),
            (1.5, 7),
            (3.4, 7),
            (9.0, 7),
        ] {
            assert_eq!(store.index_at_rank(rank), Some(index), "{rank}");
        }
        for (count, index) in [(0.0, -2), (1.5, -2), (1.6, 7), (3.5, 7), (9.0, 7)] {
            assert_eq!(store.index_reaching(count), Some(index), "{count}");
        }
        assert_eq!(store.index_at_rank(f64::NAN), Some(-2));
    }

    #[test]
    fn clear_forgets_everything() {
        for policy in [Policy::Unbounded, Policy::Sparse] {
            let mut store = filled(policy, &[1, 5]);
            store.clear();
            assert!(store.is_empty() && store.total() == 0.0);
            store.add(3, 1.0).unwrap();
            assert_eq!(bins(&store), [(3, 1.0)]);
        }
    }
}
