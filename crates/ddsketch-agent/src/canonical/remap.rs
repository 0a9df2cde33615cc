//! The same data under another mapping.
//!
//! ```text
//! for each bin [l, h) with count c, scaled:
//!     for each target bin [L, H) that intersects it:
//!         target += c · (min(h, H) − max(l, L)) / (h − l)
//! ```
//!
//! as if the values of a bin were spread evenly over it. Counts become fractions, but their total
//! stays: the last target bin of each source bin takes what is left of `c`, rounding included.
//! Source: `ChangeMapping` of the Go library, which multiplies in every bin instead; the
//! difference is in the last bits of a count.

use core::fmt;

use super::mapping::Mapping;
use super::sketch::DdSketch;
use super::store::{CountError, Policy, Store};

/// Most target bins a change of mapping may visit beyond one for each source bin, so that a coarse
/// sketch from a stranger cannot demand 2⁵² bins of a fine mapping.
const SPLITS_MAX: u64 = 1 << 22;

/// Why a mapping could not be changed.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum RemapError {
    /// The scale is not a positive finite number.
    Scale(f64),
    /// A bin lies above everything the target can index.
    TooLarge {
        /// The bin's index in the source.
        index: i32,
        /// Its lower bound, scaled.
        lower_bound: f64,
    },
    /// The target is so much finer than the source that more than four million bins would arise.
    TooFine,
    /// The counts do not add up to a finite number.
    Count(CountError),
}

impl fmt::Display for RemapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RemapError::Scale(scale) => {
                write!(
                    f,
                    "scale {scale} is not usable; give a positive finite number"
                )
            }
            RemapError::TooLarge { index, lower_bound } => write!(
                f,
                "bin {index} begins at {lower_bound:e}, above the target mapping's largest value; \
                 scale the data down"
            ),
            RemapError::TooFine => {
                f.write_str("the target mapping is too fine for this sketch; choose a larger gamma")
            }
            RemapError::Count(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RemapError {}

impl From<CountError> for RemapError {
    fn from(error: CountError) -> RemapError {
        RemapError::Count(error)
    }
}

impl DdSketch {
    /// This sketch under another mapping, every value multiplied by `scale` (1 keeps them).
    ///
    /// Source bins are split in proportion; what falls below the target's smallest indexable value
    /// becomes zeros. The relative errors of the two mappings add up. An exact summary is kept,
    /// scaled.
    ///
    /// Cost: the number of target bins that intersect a source bin, summed, at most 2²² more than
    /// there are source bins.
    ///
    /// # Errors
    /// [`RemapError`].
    pub fn change_mapping(
        &self,
        target: &Mapping,
        policy: Policy,
        scale: f64,
    ) -> Result<DdSketch, RemapError> {
        if !(scale > 0.0 && scale.is_finite()) {
            return Err(RemapError::Scale(scale));
        }
        let mut change = Change {
            source: self.mapping(),
            target,
            scale,
            zero_count: self.zero_count(),
            splits_left: SPLITS_MAX,
        };
        let positive = change.store(self.positive(), policy)?;
        let negative = change.store(self.negative(), policy)?;
        let exact = self.exact_summary().map(|exact| exact.scaled(scale));
        Ok(DdSketch::from_parts(
            *target,
            positive,
            negative,
            change.zero_count,
            exact,
        )?)
    }
}

struct Change<'a> {
    source: &'a Mapping,
    target: &'a Mapping,
    scale: f64,
    zero_count: f64,
    splits_left: u64,
}

impl Change<'_> {
    fn store(&mut self, source: &Store, policy: Policy) -> Result<Store, RemapError> {
        let mut out = Store::new(policy);
        for (index, count) in source {
            self.bin(index, count, &mut out)?;
        }
        Ok(out)
    }

    fn bin(&mut self, index: i32, count: f64, out: &mut Store) -> Result<(), RemapError> {
        let (smallest, largest) = (self.target.min_indexable(), self.target.max_indexable());
        let low = self.source.lower_bound(index) * self.scale;
        // The topmost bins of a coarse mapping may reach beyond the doubles.
        let high = (self.source.upper_bound(index) * self.scale).min(f64::MAX);
        if low > largest {
            return Err(RemapError::TooLarge {
                index,
                lower_bound: low,
            });
        }
        if high <= smallest {
            self.zero_count += count;
            return Ok(());
        }
        let size = high - low;
        if size <= 0.0 {
            // Bins narrower than the spacing of doubles.
            out.add(self.target.index(low.max(smallest)), count)?;
            return Ok(());
        }
        let mut left = count;
        if low < smallest {
            let zeros = count * ((smallest - low) / size);
            self.zero_count += zeros;
            left -= zeros;
        }
        let first = self.target.index(low.max(smallest));
        let last = self.target.index(high.min(largest));
        let splits = i64::from(last).saturating_sub(i64::from(first)).max(0) as u64;
        self.splits_left = self
            .splits_left
            .checked_sub(splits)
            .ok_or(RemapError::TooFine)?;

        let mut from = low.max(smallest);
        for target in first..last {
            let to = self.target.upper_bound(target);
            // `last` is the bin of `high`, and empty if `high` is its lower bound.
            if to >= high {
                return Ok(out.add(target, left)?);
            }
            if to > from {
                let part = (count * ((to - from) / size)).min(left);
                out.add(target, part)?;
                left -= part;
                from = to;
            }
        }
        Ok(out.add(last.max(first), left)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::mapping::{Bounds, Kind};
    use super::*;

    fn mapping(kind: Kind, accuracy: f64) -> Mapping {
        Mapping::with_accuracy(kind, accuracy).unwrap()
    }

    fn sketch(mapping: Mapping) -> DdSketch {
        let mut sketch = DdSketch::with_exact_summary(mapping, Policy::Unbounded);
        for i in -300..700 {
            sketch.add(f64::from(i) * 1.37).unwrap();
        }
        sketch
    }

    #[test]
    fn quantiles_keep_the_sum_of_both_accuracies() {
        let source = sketch(mapping(Kind::Logarithmic, 0.01));
        for kind in [Kind::Linear, Kind::Quadratic, Kind::Cubic, Kind::Quartic] {
            let target = mapping(kind, 0.02);
            let changed = source
                .change_mapping(&target, Policy::Unbounded, 10.0)
                .unwrap();
            assert!((changed.count() - 1000.0).abs() < 1e-9);
            assert_eq!(changed.max(), Some(699.0 * 1.37 * 10.0));
            for percent in 0..=100 {
                let q = f64::from(percent) / 100.0;
                let exact = ((999.0 * q).floor() - 300.0) * 13.7;
                let value = changed.quantile(q).unwrap();
                // Splitting moves ranks within a source bin, hence its whole width once more.
                assert!(
                    (value - exact).abs() <= 0.05 * exact.abs() + 13.8,
                    "{kind:?} {q}"
                );
            }
        }
    }

    #[test]
    fn the_same_mapping_gives_the_same_bins() {
        for kind in [Kind::Logarithmic, Kind::Linear, Kind::Cubic] {
            let source = sketch(mapping(kind, 0.01));
            let same = source
                .change_mapping(source.mapping(), Policy::Sparse, 1.0)
                .unwrap();
            assert_eq!(same, source);
        }
    }

    #[test]
    fn counts_add_up_under_a_finer_and_a_coarser_mapping() {
        let source = sketch(mapping(Kind::Logarithmic, 0.01));
        for accuracy in [0.0003, 0.2] {
            let target = mapping(Kind::Logarithmic, accuracy);
            let changed = source
                .change_mapping(&target, Policy::Unbounded, 1.0)
                .unwrap();
            assert!((changed.positive().total() - source.positive().total()).abs() < 1e-9);
            assert!((changed.negative().total() - source.negative().total()).abs() < 1e-9);
            assert_eq!(changed.zero_count(), 1.0);
        }
    }

    #[test]
    fn what_the_target_cannot_hold_is_zero_or_an_error() {
        let fine = mapping(Kind::Logarithmic, 0.01);
        let source = sketch(fine);
        let shrunk = source
            .change_mapping(&fine, Policy::Unbounded, 1e-311)
            .unwrap();
        assert!((shrunk.zero_count() - 1000.0).abs() < 1e-9);
        let error = source
            .change_mapping(&fine, Policy::Unbounded, 1e307)
            .unwrap_err();
        assert!(matches!(error, RemapError::TooLarge { .. }));
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = source
                .change_mapping(&fine, Policy::Unbounded, scale)
                .unwrap_err();
            assert!(matches!(error, RemapError::Scale(_)));
        }
    }

    #[test]
    fn a_mapping_as_fine_as_the_doubles_is_refused() {
        let bounds = Bounds::LowerInclusive;
        let coarse = Mapping::new(Kind::Logarithmic, bounds, 1e100, 0.0).unwrap();
        let fine = Mapping::new(Kind::Logarithmic, bounds, 1.0 + 1e-6, 0.0).unwrap();
        let mut source = DdSketch::new(coarse, Policy::Unbounded);
        source.add(1e50).unwrap();
        let changed = source.change_mapping(&fine, Policy::Unbounded, 1.0);
        assert_eq!(changed.unwrap_err(), RemapError::TooFine);
    }
}
