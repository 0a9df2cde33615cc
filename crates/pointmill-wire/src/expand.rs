//! From a sketch back to values, for formats that know only values.
//!
//! ```text
//! for each bin (k, n)     n times a value whose key is k: the bin's representative, brought into
//!                         [min, max] where that does not change its key
//! the first bin           once min itself, if its key is the bin's
//! the last bin            once max itself, likewise
//! ```
//!
//! Whoever puts these values into a sketch gets the same bins, and, unless the lowest bins of a
//! very wide sketch have been folded together, the same count, minimum and maximum. Sum and mean are
//! within 1/129 of the sender's, each value being within 1/129 of what was recorded; with up to
//! two values they are exact.
//!
//! Above a maximum number of values every rank that is a multiple of count/maximum is kept, so
//! that quantiles stay where they were. The caller counts the rest.

use ddsketch_agent::SketchRef;
use ddsketch_agent::key::{key, representative};

/// A value that stands several times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) value: f64,
    pub(crate) count: u64,
}

/// Fills `runs` with the values of a sketch in ascending order of key, at most `max` in all, and
/// says how many were left out.
pub(crate) fn expand(sketch: &SketchRef<'_>, max: u64, runs: &mut Vec<Run>) -> u64 {
    runs.clear();
    let total: u64 = sketch.counts.iter().map(|n| u64::from(*n)).sum();
    let kept = total.min(max);
    // How many of the first `ranks` values are kept.
    let kept_of =
        |ranks: u64| (u128::from(ranks) * u128::from(kept)).div_ceil(u128::from(total)) as u64;
    let (min, max) = (sketch.summary.min, sketch.summary.max);
    let last = sketch.keys.len().saturating_sub(1);
    let mut ranks = 0;
    for (i, (k, n)) in sketch.keys.iter().zip(sketch.counts).enumerate() {
        if *n == 0 {
            continue;
        }
        let mut count = kept_of(ranks + u64::from(*n)) - kept_of(ranks);
        ranks += u64::from(*n);
        let is_here = |v: f64| v.is_finite() && key(v) == *k;
        let with_min = i == 0 && count > 0 && is_here(min);
        count -= u64::from(with_min);
        let with_max = i == last && count > 0 && is_here(max);
        count -= u64::from(with_max);
        let centre = representative(*k);
        let inside = centre.max(min).min(max);
        let value = if is_here(inside) { inside } else { centre };
        for (value, count) in [
            (min, u64::from(with_min)),
            (value, count),
            (max, u64::from(with_max)),
        ] {
            push(runs, value, count);
        }
    }
    total - kept
}

fn push(runs: &mut Vec<Run>, value: f64, count: u64) {
    match runs.last_mut() {
        Some(last) if last.value.to_bits() == value.to_bits() => last.count += count,
        _ if count > 0 => runs.push(Run { value, count }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use ddsketch_agent::{Profile, Sketch};
    use proptest::prelude::*;

    use super::*;

    /// The runs of the sketch of `values`, and the sketch they make.
    fn round_trip(values: &[f64], max: u64) -> (Sketch, Vec<Run>, Sketch, u64) {
        let mut sketch = Sketch::new();
        assert_eq!(sketch.insert_many(values), 0);
        let bins = sketch.bins(Profile::U32);
        let borrowed = SketchRef {
            summary: sketch.summary(),
            keys: &bins.keys,
            counts: &bins.counts,
        };
        let mut runs = vec![Run {
            value: 9.0,
            count: 9,
        }];
        let left_out = expand(&borrowed, max, &mut runs);
        let mut again = Sketch::new();
        runs.iter()
            .for_each(|run| again.insert_n(run.value, run.count).unwrap());
        (sketch, runs, again, left_out)
    }

    #[test]
    fn nothing_comes_of_nothing_and_one_of_one() {
        assert_eq!(round_trip(&[], 10).1, []);
        assert_eq!(
            round_trip(&[3.3], 10).1,
            [Run {
                value: 3.3,
                count: 1
            }]
        );
        assert_eq!(
            round_trip(&[3.3; 500], 1000).1,
            [Run {
                value: 3.3,
                count: 500
            }]
        );
        let (_, runs, ..) = round_trip(&[-0.0], 10);
        assert_eq!(runs[0].value.to_bits(), (-0.0f64).to_bits());
    }

    #[test]
    fn a_thinned_sketch_keeps_its_quantiles() {
        let values: Vec<f64> = (1..=100_000).map(f64::from).collect();
        let (sketch, runs, thinned, left_out) = round_trip(&values, 1_000);
        assert_eq!(runs.iter().map(|run| run.count).sum::<u64>(), 1_000);
        assert_eq!(left_out, 99_000);
        for q in [0.01, 0.5, 0.95, 0.99] {
            let (exact, thin) = (sketch.quantile(q).unwrap(), thinned.quantile(q).unwrap());
            assert!((exact / thin - 1.0).abs() < 0.02, "{q}: {exact} {thin}");
        }
    }

    proptest! {
        #[test]
        fn the_values_make_the_same_bins(
            values in proptest::collection::vec(prop_oneof![
                -1e3..1e3f64, Just(0.0), Just(-0.0), 1e-12..1e-8f64, Just(1e300), Just(-1e300), Just(f64::MAX)
            ], 1..300),
        ) {
            let (sketch, _, again, left_out) = round_trip(&values, 1_000);
            prop_assert_eq!(left_out, 0);
            let (a, b) = (sketch.bins(Profile::U32), again.bins(Profile::U32));
            prop_assert_eq!(&a.keys, &b.keys);
            prop_assert_eq!(&a.counts, &b.counts);
            let (a, b) = (sketch.summary(), again.summary());
            prop_assert_eq!((a.count, a.min, a.max), (b.count, b.min, b.max));
        }

        #[test]
        fn no_more_than_the_maximum_comes_out(n in 1..2_000usize, max in 1..500u64) {
            let values: Vec<f64> = (0..n).map(|i| (i * 7919 % 10_007) as f64 - 10.0).collect();
            let (_, runs, _, left_out) = round_trip(&values, max);
            let kept: u64 = runs.iter().map(|run| run.count).sum();
            prop_assert_eq!(kept, max.min(n as u64));
            prop_assert_eq!(left_out, n as u64 - kept);
        }
    }
}
