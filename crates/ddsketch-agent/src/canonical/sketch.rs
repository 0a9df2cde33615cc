//! The sketch: one mapping, a store per sign, a count of zeros.

use core::fmt;

use super::mapping::{Bounds, Mapping};
use super::store::{CountError, Policy, Store};

/// Why a value was not added. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum AddError {
    /// The value is not a number.
    NotANumber,
    /// The value's magnitude is above [`Mapping::max_indexable`].
    TooLarge {
        /// The value.
        value: f64,
        /// The largest magnitude that has a bin.
        max: f64,
    },
    /// The count is negative, not a number or too large.
    Count(CountError),
}

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddError::NotANumber => f.write_str("the value is NaN; only numbers can be added"),
            AddError::TooLarge { value, max } => {
                write!(
                    f,
                    "{value} is beyond ±{max}, the largest value this mapping can index"
                )
            }
            AddError::Count(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AddError {}

impl From<CountError> for AddError {
    fn from(error: CountError) -> AddError {
        AddError::Count(error)
    }
}

/// Why two sketches cannot be merged.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum MergeError {
    /// Their bins differ; [`DdSketch::change_mapping`] one of them first.
    Mapping,
    /// The counts together are too large.
    Count(CountError),
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MergeError::Mapping => {
                f.write_str("the sketches' mappings differ; change the mapping of one first")
            }
            MergeError::Count(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for MergeError {}

/// Count, sum, minimum and maximum of the very values, not of their bins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExactSummary {
    /// How many values, weights included.
    pub count: f64,
    /// Their sum, compensated.
    pub sum: f64,
    /// What compensated (Kahan) summation still has to take off the next addend.
    compensation: f64,
    /// The least value; +∞ if there is none.
    pub min: f64,
    /// The greatest value; −∞ if there is none.
    pub max: f64,
}

impl Default for ExactSummary {
    fn default() -> Self {
        ExactSummary::new(0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY)
    }
}

impl ExactSummary {
    /// A summary from its numbers.
    pub fn new(count: f64, sum: f64, min: f64, max: f64) -> ExactSummary {
        ExactSummary {
            count,
            sum,
            compensation: 0.0,
            min,
            max,
        }
    }

    /// Adds `value`, `count` times.
    pub fn add(&mut self, value: f64, count: f64) {
        self.count += count;
        self.add_to_sum(value * count);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Adds another summary.
    pub fn merge(&mut self, other: &ExactSummary) {
        self.count += other.count;
        self.add_to_sum(other.sum);
        self.add_to_sum(-other.compensation);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    fn add_to_sum(&mut self, addend: f64) {
        let corrected = addend - self.compensation;
        let sum = self.sum + corrected;
        // Past the range of doubles the correction is ∞ − ∞; the plain sum is all there is.
        self.compensation = if sum.is_finite() {
            (sum - self.sum) - corrected
        } else {
            0.0
        };
        self.sum = sum;
    }

    /// The summary of the same values, each multiplied by `factor` (positive).
    pub(super) fn scaled(&self, factor: f64) -> ExactSummary {
        ExactSummary {
            count: self.count,
            sum: self.sum * factor,
            compensation: self.compensation * factor,
            min: self.min * factor,
            max: self.max * factor,
        }
    }
}

/// A mergeable summary of a distribution, within a relative accuracy at every quantile.
///
/// Two sketches are equal when mapping, counts and exact summary are.
#[derive(Debug, Clone, PartialEq)]
pub struct DdSketch {
    mapping: Mapping,
    positive: Store,
    negative: Store,
    zero_count: f64,
    exact: Option<ExactSummary>,
}

impl DdSketch {
    /// An empty sketch; both signs get a store of the same policy. Allocates nothing.
    pub fn new(mapping: Mapping, policy: Policy) -> DdSketch {
        DdSketch {
            mapping,
            positive: Store::new(policy),
            negative: Store::new(policy),
            zero_count: 0.0,
            exact: None,
        }
    }

    /// An empty sketch that also keeps an [`ExactSummary`]; quantiles are clamped to its range.
    pub fn with_exact_summary(mapping: Mapping, policy: Policy) -> DdSketch {
        DdSketch {
            exact: Some(ExactSummary::default()),
            ..DdSketch::new(mapping, policy)
        }
    }

    /// A sketch from its parts, as a decoder has them.
    ///
    /// The stores and the summary are taken as they are: a summary that contradicts the bins
    /// answers with what it says.
    ///
    /// # Errors
    /// [`CountError`] if `zero_count` is negative or not a number, or the count of all three is
    /// not finite.
    pub fn from_parts(
        mapping: Mapping,
        positive: Store,
        negative: Store,
        zero_count: f64,
        exact: Option<ExactSummary>,
    ) -> Result<DdSketch, CountError> {
        let total = positive.total() + negative.total() + zero_count;
        if !(zero_count >= 0.0 && total.is_finite()) {
            return Err(CountError { count: zero_count });
        }
        Ok(DdSketch {
            mapping,
            positive,
            negative,
            zero_count,
            exact,
        })
    }

    /// These bins with another exact summary, or none.
    pub(super) fn replace_exact(self, exact: Option<ExactSummary>) -> DdSketch {
        DdSketch { exact, ..self }
    }

    /// The assignment of values to bins.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// The bins of positive values.
    pub fn positive(&self) -> &Store {
        &self.positive
    }

    /// The bins of negative values, by magnitude.
    pub fn negative(&self) -> &Store {
        &self.negative
    }

    /// How many values were too small for a bin.
    pub fn zero_count(&self) -> f64 {
        self.zero_count
    }

    /// The exact summary, if the sketch keeps one.
    pub fn exact_summary(&self) -> Option<&ExactSummary> {
        self.exact.as_ref()
    }

    /// Adds a value once.
    ///
    /// Magnitudes up to [`Mapping::min_indexable`] count as zero.
    ///
    /// # Errors
    /// [`AddError`].
    pub fn add(&mut self, value: f64) -> Result<(), AddError> {
        self.add_weighted(value, 1.0)
    }

    /// Adds a value `count` times; `count` need not be whole, and 0 changes nothing.
    ///
    /// # Errors
    /// [`AddError`].
    pub fn add_weighted(&mut self, value: f64, count: f64) -> Result<(), AddError> {
        let max = self.mapping.max_indexable();
        if value.is_nan() {
            return Err(AddError::NotANumber);
        }
        if value.abs() > max {
            return Err(AddError::TooLarge { value, max });
        }
        if !(count >= 0.0 && (self.count() + count).is_finite()) {
            return Err(AddError::Count(CountError { count }));
        }
        if value > self.mapping.min_indexable() {
            self.positive.add(self.mapping.index(value), count)?;
        } else if value < -self.mapping.min_indexable() {
            self.negative.add(self.mapping.index(-value), count)?;
        } else {
            self.zero_count += count;
        }
        if let Some(exact) = self.exact.as_mut().filter(|_| count > 0.0) {
            exact.add(value, count);
        }
        Ok(())
    }

    /// Adds everything `other` holds.
    ///
    /// The result keeps an exact summary only if both did.
    ///
    /// # Errors
    /// [`MergeError::Mapping`] unless [`Mapping::mergeable`]; [`MergeError::Count`] if the counts
    /// overflow. Nothing is changed then.
    pub fn merge(&mut self, other: &DdSketch) -> Result<(), MergeError> {
        if !self.mapping.mergeable(&other.mapping) {
            return Err(MergeError::Mapping);
        }
        // Twice, so that no order of summation in the stores can still overflow.
        let total = self.count() + other.count();
        if !(total * 2.0).is_finite() {
            return Err(MergeError::Count(CountError {
                count: other.count(),
            }));
        }
        self.positive
            .merge(&other.positive)
            .map_err(MergeError::Count)?;
        self.negative
            .merge(&other.negative)
            .map_err(MergeError::Count)?;
        self.zero_count += other.zero_count;
        self.exact = self
            .exact
            .take()
            .zip(other.exact)
            .map(|(mut exact, theirs)| {
                exact.merge(&theirs);
                exact
            });
        Ok(())
    }

    /// How many values the bins hold, weights included.
    pub fn count(&self) -> f64 {
        self.positive.total() + self.negative.total() + self.zero_count
    }

    /// Whether the bins hold nothing.
    pub fn is_empty(&self) -> bool {
        self.count() == 0.0
    }

    /// The value at quantile `q`: within the mapping's relative accuracy of the value at rank
    /// q·(count − 1), unless its bin was folded into another.
    ///
    /// A rank between two values means the lower one, except among negative values in sketches of
    /// the [`Bounds::LowerInclusive`] family, where it means the higher one.
    ///
    /// `None` if the sketch is empty or `q` is not in [0, 1]. Cost: one pass over the bins.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if !(0.0..=1.0).contains(&q) || self.is_empty() {
            return None;
        }
        let value = self.value_at_rank(q * (self.count() - 1.0));
        match &self.exact {
            // Not f64::clamp: a decoded summary may have min above max, or NaN.
            Some(exact) => Some(value.max(exact.min).min(exact.max)),
            None => Some(value),
        }
    }

    fn value_at_rank(&self, rank: f64) -> f64 {
        let negative = self.negative.total();
        if rank < negative {
            let index = match self.mapping.bounds() {
                Bounds::LowerInclusive => self.negative.index_at_rank(negative - 1.0 - rank),
                Bounds::UpperInclusive => self.negative.index_reaching(negative - rank),
            };
            return index.map_or(0.0, |index| -self.mapping.value(index));
        }
        match self
            .positive
            .index_at_rank(rank - self.zero_count - negative)
        {
            Some(index) if rank >= negative + self.zero_count => self.mapping.value(index),
            // A rank past the last zero with no positive bins: fractional counts only.
            None if self.zero_count == 0.0 => self
                .negative
                .min_index()
                .map_or(0.0, |index| -self.mapping.value(index)),
            _ => 0.0,
        }
    }

    /// The sum of the values: exact if the sketch keeps a summary, else from the bins (within the
    /// relative accuracy if all values have one sign).
    pub fn sum(&self) -> f64 {
        match &self.exact {
            Some(exact) => exact.sum,
            None => {
                let sum = |store: &Store| -> f64 {
                    store
                        .iter()
                        .map(|(index, count)| self.mapping.value(index) * count)
                        .sum()
                };
                sum(&self.positive) - sum(&self.negative)
            }
        }
    }

    /// The least value: exact if the sketch keeps a summary, else its bin's. `None` if empty.
    pub fn min(&self) -> Option<f64> {
        if self.is_empty() {
            return None;
        }
        let of_bins = || {
            if let Some(index) = self.negative.max_index() {
                -self.mapping.value(index)
            } else if self.zero_count > 0.0 {
                0.0
            } else {
                self.positive
                    .min_index()
                    .map_or(0.0, |index| self.mapping.value(index))
            }
        };
        Some(self.exact.map_or_else(of_bins, |exact| exact.min))
    }

    /// The greatest value: exact if the sketch keeps a summary, else its bin's. `None` if empty.
    pub fn max(&self) -> Option<f64> {
        if self.is_empty() {
            return None;
        }
        let of_bins = || {
            if let Some(index) = self.positive.max_index() {
                self.mapping.value(index)
            } else if self.zero_count > 0.0 {
                0.0
            } else {
                self.negative
                    .min_index()
                    .map_or(0.0, |index| -self.mapping.value(index))
            }
        };
        Some(self.exact.map_or_else(of_bins, |exact| exact.max))
    }

    /// Forgets all values; keeps mapping, policy and whether there is an exact summary.
    pub fn clear(&mut self) {
        self.positive.clear();
        self.negative.clear();
        self.zero_count = 0.0;
        self.exact = self.exact.map(|_| ExactSummary::default());
    }
}

#[cfg(test)]
mod tests {
    use super::super::mapping::Kind;
    use super::*;

    fn mapping(accuracy: f64) -> Mapping {
        Mapping::with_accuracy(Kind::Logarithmic, accuracy).unwrap()
    }

    fn sketch(values: &[f64]) -> DdSketch {
        let mut sketch = DdSketch::with_exact_summary(mapping(0.01), Policy::Unbounded);
        for &value in values {
            sketch.add(value).unwrap();
        }
        sketch
    }

    #[test]
    fn refused_values_change_nothing() {
        let mut sketch = sketch(&[1.0]);
        let before = sketch.clone();
        assert_eq!(sketch.add(f64::NAN), Err(AddError::NotANumber));
        for value in [f64::INFINITY, -f64::INFINITY, f64::MAX] {
            assert!(matches!(sketch.add(value), Err(AddError::TooLarge { .. })));
        }
        for count in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(
                sketch.add_weighted(2.0, count),
                Err(AddError::Count(_))
            ));
        }
        sketch.add_weighted(5.0, 0.0).unwrap();
        assert_eq!(sketch, before);
    }

    #[test]
    fn counts_of_all_three_kinds_together_stay_finite() {
        let mut sketch = sketch(&[]);
        sketch.add_weighted(1.0, f64::MAX).unwrap();
        assert!(sketch.add_weighted(0.0, f64::MAX).is_err());
        assert!(sketch.add_weighted(-1.0, f64::MAX).is_err());
        assert!(sketch.clone().merge(&sketch).is_err());
    }

    #[test]
    fn tiny_magnitudes_are_zeros() {
        let sketch = sketch(&[5e-324, -5e-324, 0.0, -0.0, 2e-308]);
        assert_eq!((sketch.zero_count(), sketch.count()), (5.0, 5.0));
        assert_eq!(sketch.quantile(0.5), Some(0.0));
    }

    #[test]
    fn merge_needs_the_same_mapping() {
        let mut a = sketch(&[1.0, 2.0, -3.0]);
        let other = DdSketch::new(mapping(0.02), Policy::Unbounded);
        assert_eq!(a.merge(&other), Err(MergeError::Mapping));
        let b = sketch(&[0.0, 9.0]);
        a.merge(&b).unwrap();
        assert_eq!(a, sketch(&[1.0, 2.0, -3.0, 0.0, 9.0]));
        // Bins alone make the exact summary meaningless.
        a.merge(&DdSketch::new(mapping(0.01), Policy::Sparse))
            .unwrap();
        assert_eq!(a.exact_summary(), None);
    }

    #[test]
    fn quantiles_outside_the_unit_interval_are_none() {
        let sketch = sketch(&[1.0]);
        for q in [-0.1, 1.1, f64::NAN] {
            assert_eq!(sketch.quantile(q), None);
        }
        assert_eq!(
            DdSketch::new(mapping(0.01), Policy::Sparse).quantile(0.5),
            None
        );
    }

    #[test]
    fn fractional_counts_below_one_still_answer() {
        for (value, expected) in [(2.0, 2.0), (-2.0, -2.0), (0.0, 0.0)] {
            let mut sketch = DdSketch::with_exact_summary(mapping(0.01), Policy::Unbounded);
            sketch.add_weighted(value, 0.25).unwrap();
            for q in [0.0, 0.5, 1.0] {
                assert_eq!(sketch.quantile(q), Some(expected), "{value} {q}");
            }
        }
    }

    #[test]
    fn the_sum_is_compensated() {
        let mut sketch = sketch(&[1e16]);
        for _ in 0..1000 {
            sketch.add(1.0).unwrap();
        }
        assert_eq!(sketch.sum(), 1e16 + 1000.0);
    }

    #[test]
    fn clear_keeps_the_kind() {
        let mut emptied = sketch(&[1.0, -1.0, 0.0]);
        emptied.clear();
        assert_eq!(emptied, sketch(&[]));
        assert_eq!(
            (emptied.min(), emptied.max(), emptied.sum()),
            (None, None, 0.0)
        );
    }
}
