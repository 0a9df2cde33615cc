//! Count, minimum, maximum, sum and mean, with the Agent's roundings.
//!
//! The Agent keeps its mean by `avg += (v - avg) / count`, so every value costs a subtraction, a
//! division and an addition that wait for one another, some 19 cycles. [`Summary::insert_many`]
//! gives the same bits in 6 to 9 cycles a value, by guessing the whole course of the mean and
//! checking the guess:
//!
//! ```text
//! for each block of up to 64 values v[i], the mean before the block being avg, n values before it:
//!     1  sum[i]  = sum[i-1] + v[i]                              a chain of one addition, exact
//!     2  mean[i] = sum[i] / (n+i) + (avg - sum/n)               independent of one another
//!        step[i] = (v[i] - mean[i]) / (n+i-1)
//!     3  s[i]    = s[i-1] + step[i],  s[-1] = avg               a chain of one addition
//!     4  step[i] = (v[i] - s[i-1]) / (n+i)                      independent of one another
//!        if s[i-1] + step[i] is s[i] for all i: avg = s[last]   else again from 3
//! ```
//!
//! * Step 4 evaluates the Agent's own expression on the guessed course. If every step of the course
//!   agrees with it bit for bit, the course is the Agent's, by induction from `s[-1] = avg`. Only
//!   speed depends on the guess.
//! * Step 2 uses that (v − mean before v)/n equals (v − mean after v)/(n − 1), so that it needs no
//!   neighbour's mean. Both reciprocals come from one division, of 1 by n (n − 1).
//! * Going back to 3 with the steps computed in 4 keeps the part of the course that was right and
//!   extends it by one value at least. In practice by all, as an error of e in s is one of e/n in
//!   the next steps. Of the blocks of a first 1000 values about one in five is done twice, of a
//!   first 100 000 fewer than one in a hundred.
//! * Steps 1 and 2 share a loop, and so do 3 and 4, working on eight values a round: the chain of
//!   one round leaves time for the independent work of others. The eight are fixed-size arrays and
//!   the number of rounds is not known to the compiler. With constant lengths it would unroll all
//!   into scalars before it looks for vectors.

/// Values that are worked on side by side.
const LANES: usize = 8;

/// Rounds of [`LANES`] values that a block takes through the guess. Longer blocks fail more often,
/// shorter ones wait more often for the ends of the chains.
const ROUNDS: usize = 8;

/// Passes before a block is done value by value, for data where guessing does not pay.
const PASSES: usize = 4;

/// The first values go one by one, as a guess of the mean is poor while each moves it much.
const COUNT_TO_GUESS: u64 = 64;

/// Up to here `count as f64` and the same plus a small integer are exact.
const COUNT_EXACT: u64 = 1 << 52;

type Lanes = [f64; LANES];

/// Count, minimum, maximum, sum and mean of the values so far; all 0 while there are none.
///
/// Every field has the bits the Agent's summary has after the same operations in the same order.
/// `avg` is the Agent's running mean, which is not `sum / count`: it is sent as it is. A sum beyond
/// the range of a double becomes infinite, and differences beyond it make `avg` infinite or NaN.
///
/// The fields are not checked against one another: a decoded summary may say anything.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Number of values, weights included. Stops at `u64::MAX`.
    pub count: u64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Sum of the values in order of arrival.
    pub sum: f64,
    /// Running mean.
    pub avg: f64,
}

impl Summary {
    /// Adds `v` once. Any double is taken; one that is not finite spoils sum and mean for good.
    #[inline]
    pub fn insert(&mut self, v: f64) {
        if v > self.max || self.count == 0 {
            self.max = v;
        }
        if v < self.min || self.count == 0 {
            self.min = v;
        }
        self.count = self.count.saturating_add(1);
        self.sum += v;
        self.avg += (v - self.avg) / self.count as f64;
    }

    /// Adds `v` with `weight`, as the Agent does for a sampled value: the count grows by the
    /// integer part of `weight`, the sum by `weight * v` with all of it.
    ///
    /// A weight below 1, or NaN, adds nothing.
    pub fn insert_weighted(&mut self, v: f64, weight: f64) {
        let count = weight as u64;
        self.merge(&Summary {
            count,
            min: v,
            max: v,
            sum: weight * v,
            avg: v,
        });
    }

    /// Adds all values of `other`. An empty summary takes `other` over as it is.
    pub fn merge(&mut self, other: &Summary) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        if other.max > self.max {
            self.max = other.max;
        }
        if other.min < self.min {
            self.min = other.min;
        }
        self.count = self.count.saturating_add(other.count);
        self.sum += other.sum;
        self.avg += (other.avg - self.avg) * other.count as f64 / self.count as f64;
    }

    /// Adds `values` in order: the result has the bits of as many calls of [`Summary::insert`], at
    /// a fraction of their time (the module's documentation says how).
    ///
    /// Always inlined, so that a caller compiled with more instructions (`#[target_feature]`) gets
    /// a version that uses them. The result is the same in every version.
    #[inline(always)]
    pub fn insert_many(&mut self, values: &[f64]) {
        let one_by_one = if self.count < COUNT_EXACT {
            COUNT_TO_GUESS.saturating_sub(self.count) as usize
        } else {
            values.len()
        };
        let (first, rest) = values.split_at(one_by_one.min(values.len()));
        let (lanes, last) = rest.as_chunks::<LANES>();
        for v in first {
            self.insert(*v);
        }
        let mut extremes = Extremes {
            low: [self.min; LANES],
            high: [self.max; LANES],
        };
        for block in lanes.chunks(ROUNDS) {
            self.insert_block(block, &mut extremes);
        }
        extremes.settle(self, lanes.as_flattened());
        for v in last {
            self.insert(*v);
        }
    }

    /// Makes minimum and maximum those of the values so far and of `values`, among all of which
    /// `low` and `high` are extremes. For loops that compare in another order than one value after
    /// the other, which can only show where values are equal and yet different: at ±0. The zero
    /// that arrived first stays.
    #[inline(always)]
    pub fn extend_range(&mut self, low: f64, high: f64, values: &[f64]) {
        if low < self.min {
            self.min = if low == 0.0 { first_zero(values) } else { low };
        }
        if high > self.max {
            self.max = if high == 0.0 {
                first_zero(values)
            } else {
                high
            };
        }
    }

    /// Adds at most [`ROUNDS`] rounds to count, sum and mean, and to `extremes` instead of minimum
    /// and maximum.
    #[inline(always)]
    fn insert_block(&mut self, block: &[Lanes], extremes: &mut Extremes) {
        let mut steps = [[0.0; LANES]; ROUNDS];
        let sum = self.predict(block, &mut steps, extremes);
        let mut mean = None;
        for _ in 0..PASSES {
            mean = self.verify(block, &mut steps);
            if mean.is_some() {
                break;
            }
        }
        self.avg = mean.unwrap_or_else(|| self.mean_after(block));
        self.count += (block.len() * LANES) as u64;
        self.sum = sum;
    }

    /// Steps 1 and 2 of the module's outline: gives the sum after `block`, writes what each value
    /// should add to the mean, nearly.
    #[inline(always)]
    fn predict(
        &self,
        block: &[Lanes],
        steps: &mut [Lanes; ROUNDS],
        extremes: &mut Extremes,
    ) -> f64 {
        let shift = self.avg - self.sum / self.count as f64;
        let mut sum = self.sum;
        let mut counts = self.counts();
        for (v, step) in block.iter().zip(steps) {
            let mut sums = [0.0; LANES];
            for i in 0..LANES {
                sum += v[i];
                sums[i] = sum;
            }
            extremes.insert(v);
            let mut predicted = [0.0; LANES];
            for i in 0..LANES {
                let before = counts[i] - 1.0;
                let one = 1.0 / (counts[i] * before);
                let mean = sums[i] * (one * before) + shift;
                predicted[i] = (v[i] - mean) * (one * counts[i]);
            }
            *step = predicted;
            counts = counts.map(|n| n + LANES as f64);
        }
        sum
    }

    /// Steps 3 and 4 of the module's outline: the mean after `block`, if `steps` lead to it by the
    /// Agent's recurrence. Replaces them by the steps the recurrence takes from each of their
    /// points.
    #[inline(always)]
    fn verify(&self, block: &[Lanes], steps: &mut [Lanes; ROUNDS]) -> Option<f64> {
        let mut mean = self.avg;
        let mut counts = self.counts();
        let mut differences = [0; LANES];
        for (v, step) in block.iter().zip(steps) {
            let (mut before, mut after) = ([0.0; LANES], [0.0; LANES]);
            for i in 0..LANES {
                before[i] = mean;
                mean += step[i];
                after[i] = mean;
            }
            let mut taken = [0.0; LANES];
            for i in 0..LANES {
                taken[i] = (v[i] - before[i]) / counts[i];
            }
            for i in 0..LANES {
                differences[i] |= (before[i] + taken[i]).to_bits() ^ after[i].to_bits();
            }
            *step = taken;
            counts = counts.map(|n| n + LANES as f64);
        }
        (differences.into_iter().fold(0, |all, d| all | d) == 0).then_some(mean)
    }

    /// The counts up to and including each of the next [`LANES`] values.
    #[inline(always)]
    fn counts(&self) -> Lanes {
        let mut counts = [0.0; LANES];
        for (i, n) in counts.iter_mut().enumerate() {
            *n = self.count as f64 + (i + 1) as f64;
        }
        counts
    }

    /// The mean after `block`, value by value.
    #[cold]
    fn mean_after(&self, block: &[Lanes]) -> f64 {
        let (mut avg, mut count) = (self.avg, self.count as f64);
        for v in block.as_flattened() {
            count += 1.0;
            avg += (v - avg) / count;
        }
        avg
    }
}

/// Minimum and maximum lane by lane, starting from those of a summary that is not empty.
struct Extremes {
    low: Lanes,
    high: Lanes,
}

impl Extremes {
    #[inline(always)]
    fn insert(&mut self, v: &Lanes) {
        for (i, v) in v.iter().enumerate() {
            let (low, high) = (self.low[i], self.high[i]);
            self.low[i] = if *v < low { *v } else { low };
            self.high[i] = if *v > high { *v } else { high };
        }
    }

    /// Moves the extremes of `values`, all that were inserted, to `summary`.
    #[inline(always)]
    fn settle(self, summary: &mut Summary, values: &[f64]) {
        let low = self
            .low
            .into_iter()
            .fold(summary.min, |m, v| if v < m { v } else { m });
        let high = self
            .high
            .into_iter()
            .fold(summary.max, |m, v| if v > m { v } else { m });
        summary.extend_range(low, high, values);
    }
}

#[cold]
fn first_zero(values: &[f64]) -> f64 {
    values.iter().copied().find(|v| *v == 0.0).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits, with all NaNs taken for one: which NaN an operation gives is not specified.
    fn bits(summary: Summary) -> [u64; 5] {
        let bits = |v: f64| if v.is_nan() { u64::MAX } else { v.to_bits() };
        let Summary {
            count,
            min,
            max,
            sum,
            avg,
        } = summary;
        [count, bits(min), bits(max), bits(sum), bits(avg)]
    }

    fn assert_equals_a_loop(start: Summary, values: &[f64]) {
        let (mut one_by_one, mut many) = (start, start);
        values.iter().for_each(|v| one_by_one.insert(*v));
        many.insert_many(values);
        assert_eq!(bits(many), bits(one_by_one), "{start:?}, {values:?}");
    }

    #[test]
    fn the_first_of_two_zeros_stays_the_extreme() {
        for position in 0..40 {
            let mut values = [-1.0; 100];
            values[..64].fill(-2.0);
            values[64 + position / 2] = if position % 2 == 0 { 0.0 } else { -0.0 };
            values[64 + 30] = -0.0;
            values[64 + 31] = 0.0;
            assert_equals_a_loop(Summary::default(), &values);
            assert_equals_a_loop(Summary::default(), &values.map(|v| -v));
        }
    }

    #[test]
    fn overflowing_sums_and_means_are_those_of_a_loop() {
        for extreme in [f64::MAX, -f64::MAX, f64::INFINITY, f64::NAN] {
            for position in [0, 63, 64, 100, 199] {
                let mut values = [1.5; 200];
                values[position] = extreme;
                assert_equals_a_loop(Summary::default(), &values);
                values[position / 2] = -extreme;
                assert_equals_a_loop(Summary::default(), &values);
            }
        }
        assert_equals_a_loop(Summary::default(), &[f64::MAX; 300]);
    }

    #[test]
    fn counts_beyond_the_exact_integers_are_those_of_a_loop() {
        for count in [COUNT_EXACT - 100, COUNT_EXACT, 1 << 53, u64::MAX - 50] {
            let start = Summary {
                count,
                min: 0.5,
                max: 2.0,
                sum: 1e15,
                avg: 1.1,
            };
            assert_equals_a_loop(start, &[0.3; 200]);
        }
    }

    #[test]
    fn merging_with_an_empty_summary_copies() {
        let one = Summary {
            count: 3,
            min: 0.1,
            max: 0.1,
            sum: 0.3,
            avg: 0.1,
        };
        let mut empty = Summary::default();
        empty.merge(&one);
        assert_eq!(bits(empty), bits(one));
        empty.merge(&Summary::default());
        assert_eq!(bits(empty), bits(one));
    }

    #[test]
    fn a_weight_below_one_adds_nothing() {
        let mut summary = Summary::default();
        for weight in [0.0, -1.0, 0.999, f64::NAN] {
            summary.insert_weighted(5.0, weight);
        }
        assert_eq!(bits(summary), bits(Summary::default()));
    }
}
