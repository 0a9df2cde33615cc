//! How many values each key has.
//!
//! Two places hold counts, and a key's count is the sum of both:
//!
//! * the **window**, 32-bit counters for a run of neighbouring keys, where a batch of values is
//!   counted by one addition each. It comes with the first larger batch and grows to follow the
//!   data, up to [`SPAN_MAX`] keys;
//! * the **list**, sorted pairs, for sketches of few values, for keys far from the window (values of
//!   widely different sizes), and for counts that do not fit 32 bits.
//!
//! Memory is bounded: 32 KiB of window, and a list that the owner folds. To what keys are folded
//! does not depend on when, so the owner lets some more than [`BIN_LIMIT`] gather first.

use alloc::vec;
use alloc::vec::Vec;
use core::iter::Peekable;

use crate::{BIN_LIMIT, Profile, quantile};

/// Keys the window may span: ±1e9 down to ±1e-9, in 32 KiB.
const SPAN_MAX: usize = 8192;

/// Keys added on either side when the window grows, about an octave and a half.
const MARGIN: i32 = 64;

/// Batches below this size do not open a window: a list of so few pairs is smaller.
const BATCH_FOR_WINDOW: usize = 48;

/// Counters that a search for a rank passes over at a time.
const BLOCK: usize = 64;

#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    /// Ascending keys without repetition, no count 0.
    list: Vec<(i16, u64)>,
    /// Counts of the keys from `first` on.
    window: Vec<u32>,
    first: i32,
    /// Sum of the window's counters. At most `u32::MAX`, so none of them overflows.
    window_total: u64,
    /// Sum of all counts.
    total: u64,
    /// At least the number of bins of [`Profile::U16`] these counts make; see [`Store::measure`].
    bins_bound: usize,
}

/// What [`Store::measure`] finds.
pub(crate) struct Measure {
    /// Keys with a count.
    pub(crate) keys: usize,
    /// Bins of [`Profile::U16`], before trimming.
    pub(crate) bins: usize,
}

impl Store {
    /// A store with the given counts, which ascend strictly and contain no 0.
    pub(crate) fn from_sorted(list: Vec<(i16, u64)>) -> Self {
        let total = list.iter().map(|(_, n)| n).sum();
        // A bound without need to be close: measured when it matters.
        Self {
            list,
            total,
            bins_bound: usize::MAX,
            ..Self::default()
        }
    }

    /// Sum of all counts.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Empties the store; it keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.window.fill(0);
        (self.window_total, self.total, self.bins_bound) = (0, 0, 0);
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.list.capacity() * size_of::<(i16, u64)>() + self.window.capacity() * size_of::<u32>()
    }

    /// Counts each of `keys` once, and leaves them in another order. About 1 ns a key.
    pub(crate) fn add_keys(&mut self, keys: &mut [i16]) {
        let len = keys.len();
        self.total += len as u64;
        self.bins_bound = self.bins_bound.saturating_add(len);
        if self.window_total + len as u64 > u64::from(u32::MAX) {
            self.empty_window();
        }
        let outside = self.count_inside(keys);
        if outside > 0 {
            self.add_outside(&mut keys[..outside], len);
        }
    }

    /// Counts the keys inside the window; moves the others to the front and gives their number.
    fn count_inside(&mut self, keys: &mut [i16]) -> usize {
        let mut outside = 0;
        let mut from = 0;
        while from < keys.len() {
            from += self.count_run(&keys[from..]);
            if from < keys.len() {
                keys[outside] = keys[from];
                outside += 1;
                from += 1;
            }
        }
        self.window_total += (keys.len() - outside) as u64;
        outside
    }

    /// Counts the keys up to the first one outside the window; how many.
    fn count_run(&mut self, keys: &[i16]) -> usize {
        let (window, first) = (&mut self.window[..], self.first);
        // Below the window the index wraps round to a huge one.
        let mut count = |k: i16| {
            let counter = window.get_mut((i32::from(k) - first) as u32 as usize);
            counter.map(|n| *n += 1).is_some()
        };
        // Four keys a turn: with one, the loop's own jump is what takes the time.
        let (fours, rest) = keys.as_chunks::<4>();
        for (turn, four) in fours.iter().enumerate() {
            for (i, k) in four.iter().enumerate() {
                if !count(*k) {
                    return 4 * turn + i;
                }
            }
        }
        let done = keys.len() - rest.len();
        done + rest.iter().take_while(|k| count(**k)).count()
    }

    /// Counts `keys`, which the window did not cover when a batch of `batch` keys met it.
    #[cold]
    fn add_outside(&mut self, mut keys: &mut [i16], batch: usize) {
        if batch >= BATCH_FOR_WINDOW {
            let low = keys.iter().copied().min().unwrap_or(0);
            let high = keys.iter().copied().max().unwrap_or(0);
            let mut moved = self.grow(low.into(), high.into());
            if !moved && keys.len() == batch {
                // All data is elsewhere, or too spread for one window: take the middle of it.
                let middle = keys.len() / 2;
                let middle = i32::from(*keys.select_nth_unstable(middle).1);
                self.empty_window();
                self.window = Vec::new();
                let reach = SPAN_MAX as i32 / 4;
                moved = self.grow(
                    i32::from(low).max(middle - reach),
                    i32::from(high).min(middle + reach),
                );
            }
            if moved {
                let outside = self.count_inside(keys);
                keys = &mut keys[..outside];
            }
        }
        keys.sort_unstable();
        let groups = keys
            .chunk_by(|a, b| a == b)
            .map(|same| (same[0], same.len() as u64));
        self.add_to_list(groups);
    }

    /// Makes the window cover `low..=high` besides what it covers, if that is not too much.
    fn grow(&mut self, low: i32, high: i32) -> bool {
        let old = self.window.len() as i32;
        let (mut first, mut end) = (low - MARGIN, high + 1 + MARGIN);
        if old > 0 {
            first = first.min(self.first);
            end = end.max(self.first + old);
        }
        if (end - first) as usize > SPAN_MAX {
            return false;
        }
        let mut window = vec![0; (end - first) as usize];
        if old > 0 {
            let start = (self.first - first) as usize;
            window[start..start + old as usize].copy_from_slice(&self.window);
        }
        (self.window, self.first) = (window, first);
        true
    }

    /// Moves the window's counts to the list.
    fn empty_window(&mut self) {
        if self.window_total > 0 {
            self.list = self.iter().collect();
            self.window.fill(0);
            self.window_total = 0;
        }
    }

    /// Adds counts for keys that ascend strictly; none is 0.
    pub(crate) fn add_sorted(&mut self, groups: impl IntoIterator<Item = (i16, u64)>) {
        let (mut total, mut bins) = (self.total, self.bins_bound);
        let mut rest = Vec::new();
        for (k, n) in groups {
            total = total.saturating_add(n);
            bins = bins.saturating_add(bins_of(n));
            let fits = self.window_total.saturating_add(n) <= u64::from(u32::MAX);
            match self.window.get_mut((i32::from(k) - self.first) as usize) {
                Some(count) if fits => {
                    *count += n as u32;
                    self.window_total += n;
                }
                _ => rest.push((k, n)),
            }
        }
        if !rest.is_empty() {
            self.add_to_list(rest);
        }
        (self.total, self.bins_bound) = (total, bins);
    }

    /// Adds all counts of `other`. About 0.1 ns for each key of its range.
    pub(crate) fn merge(&mut self, other: &Store) {
        let fits = self.window_total + other.window_total <= u64::from(u32::MAX);
        let from = other.window.iter().position(|n| *n > 0).unwrap_or(0);
        let end = other
            .window
            .iter()
            .rposition(|n| *n > 0)
            .map_or(0, |i| i + 1);
        let (counts, first) = (&other.window[from..end], other.first + from as i32);
        if other.window_total == 0 {
            self.add_sorted(other.list.iter().copied());
        } else if fits && self.covers(first, counts.len()) {
            let at = (first - self.first) as usize;
            let window = &mut self.window[at..][..counts.len()];
            window.iter_mut().zip(counts).for_each(|(to, n)| *to += n);
            self.window_total += other.window_total;
            self.total += other.window_total;
            self.add_sorted(other.list.iter().copied());
            self.bins_bound = self.bins_bound.saturating_add(other.bins_bound);
        } else {
            self.add_sorted(other.iter());
        }
    }

    /// Whether the window covers `len` keys from `first` on, after growing if that is possible.
    fn covers(&mut self, first: i32, len: usize) -> bool {
        let (end, own_end) = (first + len as i32, self.first + self.window.len() as i32);
        (first >= self.first && end <= own_end) || self.grow(first, end - 1)
    }

    /// Adds counts for keys that ascend strictly to the list, whatever the window covers.
    fn add_to_list(&mut self, groups: impl IntoIterator<Item = (i16, u64)>) {
        let groups = groups.into_iter();
        let list = core::mem::take(&mut self.list);
        self.list.reserve(list.len() + groups.size_hint().0);
        let mut rest = &list[..];
        for (k, n) in groups {
            let lower = rest.iter().take_while(|pair| pair.0 < k).count();
            self.list.extend_from_slice(&rest[..lower]);
            rest = &rest[lower..];
            let there = match rest.split_first() {
                Some((first, others)) if first.0 == k => {
                    rest = others;
                    first.1
                }
                _ => 0,
            };
            self.list.push((k, there.saturating_add(n)));
        }
        self.list.extend_from_slice(rest);
    }

    /// Keys and counts in ascending order of keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i16, u64)> {
        let counts = if self.window_total > 0 {
            &self.window[..]
        } else {
            &[]
        };
        let window = (self.first..).zip(counts).filter(|(_, n)| **n > 0);
        // The margins may lie outside of i16, but hold no counts.
        let window = window.map(|(k, n)| (k as i16, u64::from(*n)));
        Sum {
            a: self.list.iter().copied().peekable(),
            b: window.peekable(),
        }
    }

    /// The key of the value of this rank in ascending order, if there are so many values.
    pub(crate) fn key_at(&self, rank: u64) -> Option<i16> {
        if !self.list.is_empty() {
            return quantile::key_at(self.iter(), rank);
        }
        let mut left = self.window_total.checked_sub(rank + 1)?;
        let at = if left < rank {
            // From above, where `left` values are larger.
            let passed = pass(self.window.rchunks(BLOCK), &mut left);
            let block = self.window.len() - passed * BLOCK;
            block - 1 - find(self.window[..block].iter().rev(), left)
        } else {
            left = rank;
            let block = pass(self.window.chunks(BLOCK), &mut left) * BLOCK;
            block + find(self.window[block..].iter(), left)
        };
        Some((self.first + at as i32) as i16)
    }

    /// Whether these counts and `n` values more make at most [`BIN_LIMIT`] bins for certain.
    pub(crate) fn has_room_for(&self, n: usize) -> bool {
        let full = self.total / u64::from(Profile::U16.count_max());
        let places = (self.window.len() + self.list.len()) as u64 + full;
        self.bins_bound.min(places as usize).saturating_add(n) <= BIN_LIMIT
    }

    /// Whether there could be more than `limit` bins, so that [`Store::measure`] is due.
    ///
    /// Cheap: first a bound that grows with each insert and that measuring brings down, then one
    /// from the places for counts, each of which is at most one bin more than its full ones.
    pub(crate) fn may_exceed(&self, limit: usize) -> bool {
        let full = self.total / u64::from(Profile::U16.count_max());
        self.bins_bound > limit
            && (self.window.len() + self.list.len()) as u64 + full > limit as u64
    }

    /// Counts keys and bins. Until the next call the bound is one for bins, or for keys only.
    pub(crate) fn measure(&mut self, watch_bins: bool) -> Measure {
        let mut found = Measure { keys: 0, bins: 0 };
        for (_, n) in self.iter() {
            found.keys += 1;
            found.bins = found.bins.saturating_add(bins_of(n));
        }
        self.bins_bound = if watch_bins { found.bins } else { found.keys };
        found
    }

    /// Folds the lowest keys into the lowest of the [`BIN_LIMIT`] highest.
    pub(crate) fn fold(&mut self) {
        let mut all: Vec<_> = self.iter().collect();
        let Some(removed) = all
            .len()
            .checked_sub(BIN_LIMIT)
            .filter(|removed| *removed > 0)
        else {
            return;
        };
        let folded: u64 = all.drain(..removed).map(|(_, n)| n).sum();
        all[0].1 += folded;
        self.list = all;
        self.window.fill(0);
        self.window_total = 0;
        self.bins_bound = BIN_LIMIT;
    }
}

/// The number of blocks whose counts are together at most `left`, and takes them off.
fn pass<'a>(blocks: impl Iterator<Item = &'a [u32]>, left: &mut u64) -> usize {
    let mut passed = 0;
    for block in blocks {
        // No sum of counters overflows.
        let sum = u64::from(block.iter().sum::<u32>());
        if *left < sum {
            break;
        }
        *left -= sum;
        passed += 1;
    }
    passed
}

/// The number of counters that are together at most `left`.
fn find<'a>(counts: impl Iterator<Item = &'a u32>, mut left: u64) -> usize {
    let mut passed = 0;
    for n in counts {
        match left.checked_sub(u64::from(*n)) {
            Some(less) => left = less,
            None => break,
        }
        passed += 1;
    }
    passed
}

/// Bins of [`Profile::U16`] for `n` values of one key.
fn bins_of(n: u64) -> usize {
    n.div_ceil(u64::from(Profile::U16.count_max())) as usize
}

/// The counts of two lists of strictly ascending keys together.
struct Sum<A: Iterator, B: Iterator> {
    a: Peekable<A>,
    b: Peekable<B>,
}

impl<A, B> Iterator for Sum<A, B>
where
    A: Iterator<Item = (i16, u64)>,
    B: Iterator<Item = (i16, u64)>,
{
    type Item = (i16, u64);

    fn next(&mut self) -> Option<(i16, u64)> {
        let (Some(a), Some(b)) = (self.a.peek(), self.b.peek()) else {
            return self.a.next().or_else(|| self.b.next());
        };
        match a.0.cmp(&b.0) {
            core::cmp::Ordering::Less => self.a.next(),
            core::cmp::Ordering::Greater => self.b.next(),
            core::cmp::Ordering::Equal => {
                let sum = (a.0, a.1.saturating_add(b.1));
                self.a.next();
                self.b.next();
                Some(sum)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;

    fn counts(store: &Store) -> Vec<(i16, u64)> {
        store.iter().collect()
    }

    /// Adds the batches to a store and to a map and compares after each.
    fn assert_counts(batches: &[Vec<i16>]) -> Store {
        let (mut store, mut map) = (Store::default(), BTreeMap::new());
        for batch in batches {
            batch.iter().for_each(|k| *map.entry(*k).or_insert(0) += 1);
            store.add_keys(&mut batch.clone());
            assert_eq!(counts(&store), map.clone().into_iter().collect::<Vec<_>>());
        }
        assert_eq!(store.total(), map.values().sum::<u64>());
        store
    }

    #[test]
    fn few_keys_stay_a_list() {
        let store = assert_counts(&[vec![5, -3, 5], vec![32767, -32767], vec![5]]);
        assert!(store.window.is_empty());
    }

    #[test]
    fn the_window_follows_the_data() {
        let run = |from: i16| (from..from + 300).collect::<Vec<_>>();
        // Growing both ways, a jump too far for one window, both ends of the key range.
        let store = assert_counts(&[
            run(1000),
            run(900),
            run(2000),
            run(20_000),
            run(-32_767),
            run(32_400),
        ]);
        assert!(store.window.len() <= SPAN_MAX);
        assert!(store.first > 30_000, "the last batch lies in the window");
    }

    #[test]
    fn spread_keys_take_no_more_than_the_largest_window() {
        let spread: Vec<i16> = (-32_700..32_300)
            .step_by(127)
            .map(|k: i32| k as i16)
            .collect();
        let store = assert_counts(&[spread.clone(), spread.clone(), spread]);
        assert!(store.window.len() <= SPAN_MAX);
    }

    #[test]
    fn counters_near_their_limit_move_to_the_list() {
        let mut store = Store::default();
        store.add_keys(&mut [7; 100]);
        store.add_sorted([(7, u64::from(u32::MAX) - 150)]);
        store.add_keys(&mut [7; 100]);
        store.add_sorted([(7, u64::from(u32::MAX)), (8, 1 << 40)]);
        assert_eq!(
            counts(&store),
            [(7, 2 * u64::from(u32::MAX) + 50), (8, 1 << 40)]
        );
    }

    #[test]
    fn merged_windows_have_all_counts_and_the_key_of_every_rank() {
        let (mut a, mut b) = (Store::default(), Store::default());
        a.add_keys(&mut (1000..1300).collect::<Vec<_>>());
        b.add_keys(&mut (1250..1600).collect::<Vec<_>>());
        b.add_keys(&mut [1400; 100]);
        a.merge(&b);
        let mut sorted: Vec<i16> = (1000..1300).chain(1250..1600).collect();
        sorted.extend([1400; 100]);
        sorted.sort_unstable();
        assert!(a.list.is_empty(), "all is in the window");
        assert_eq!(a.total(), sorted.len() as u64);
        for (rank, k) in sorted.iter().enumerate() {
            assert_eq!(a.key_at(rank as u64), Some(*k), "rank {rank}");
        }
        assert_eq!(a.key_at(sorted.len() as u64), None);
    }

    #[test]
    fn folding_keeps_the_highest_keys_and_the_total() {
        let mut store = Store::default();
        for start in (-30_000..30_000).step_by(5120) {
            let mut batch: Vec<i16> = (start..start + 5120)
                .step_by(10)
                .map(|k| k as i16)
                .collect();
            store.add_keys(&mut batch);
        }
        let before = counts(&store);
        store.fold();
        let after = counts(&store);
        assert_eq!(after.len(), BIN_LIMIT);
        let folded = before.len() - BIN_LIMIT;
        assert_eq!(after[1..], before[folded + 1..]);
        assert_eq!(after[0], (before[folded].0, folded as u64 + 1));
    }
}
