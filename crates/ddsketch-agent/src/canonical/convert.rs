//! To and from the Agent's sketch, and from exponential histograms.
//!
//! The bins of the Agent are those of a logarithmic mapping with gamma 65/64 and offset 1338.5
//! ([`Mapping::agent`]): key k is index k of the positive store, key −k is index k of the negative
//! one, key 0 is the zero count. So [`from_agent`] is exact.
//!
//! The other way the counts become whole numbers:
//!
//! ```text
//! remap to the Agent's mapping; index ≤ 0 is key 0
//! total = given = 0
//! for each key, ascending:  total += count;  emit round(total) − given;  given = round(total)
//! ```
//!
//! Thus the count up to any key is right to half a unit, and the same data always gives the same
//! bins. Source: `pkg/util/quantile/ddsketch.go` of the Datadog Agent.

use alloc::vec::Vec;
use core::fmt;

use super::mapping::{Bounds, Kind, Mapping, MappingError};
use super::math;
use super::remap::RemapError;
use super::sketch::{DdSketch, ExactSummary};
use super::store::{CountError, Policy, Store};
use crate::{BinsError, Profile, Sketch, Summary, key};

/// Why a sketch could not be converted.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ConvertError {
    /// A bin lies at or above the Agent's infinite key, 4.17e211.
    TooLarge {
        /// Its index in the Agent's mapping.
        index: i32,
    },
    /// The counts round to more than 2⁶⁴ − 1.
    CountTooLarge(f64),
    /// Some sum of counts or values is not finite.
    NotFinite,
    /// The bins do not fit the Agent's mapping.
    Remap(RemapError),
    /// An exponential histogram's scale is outside −9..=20.
    Scale(i32),
    /// A bucket's index does not fit 32 bits, or its bounds no double.
    Bucket {
        /// The bucket's index.
        index: i64,
    },
    /// The Agent sketch refused its bins.
    Bins(BinsError),
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConvertError::TooLarge { index } => write!(
                f,
                "bin {index} lies beyond the Agent's last finite key 32766; scale the data down"
            ),
            ConvertError::CountTooLarge(count) => {
                write!(f, "count {count} exceeds 64 bits; divide the weights")
            }
            ConvertError::NotFinite => {
                f.write_str("the sum of the values is not a finite number; scale the data down")
            }
            ConvertError::Remap(error) => error.fmt(f),
            ConvertError::Scale(scale) => {
                write!(
                    f,
                    "scale {scale} is outside -9..=20; merge or split the buckets first"
                )
            }
            ConvertError::Bucket { index } => {
                write!(
                    f,
                    "bucket {index} lies beyond the range of doubles; check the offset"
                )
            }
            ConvertError::Bins(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ConvertError {}

impl From<CountError> for ConvertError {
    fn from(error: CountError) -> ConvertError {
        ConvertError::CountTooLarge(error.count)
    }
}

impl From<RemapError> for ConvertError {
    fn from(error: RemapError) -> ConvertError {
        ConvertError::Remap(error)
    }
}

/// An Agent sketch of the same distribution.
///
/// Bins are split and rounded as the Agent does it. Count is the number of values after rounding.
/// Sum, min, max (and avg = sum/count) are those of an exact summary if the input keeps one, else
/// those of the bins' representative values, within the relative accuracy.
///
/// A single value goes unsplit to the key of the value it stands for.
///
/// # Errors
/// [`ConvertError`].
pub fn to_agent(input: &DdSketch) -> Result<Sketch, ConvertError> {
    let agent = Mapping::agent();
    let changed;
    let remapped = if *input.mapping() == agent {
        input
    } else if input.count() == 1.0 {
        let mut single = DdSketch::new(agent, Policy::Unbounded);
        single
            .add(input.sum())
            .map_err(|_| ConvertError::NotFinite)?;
        changed = single.replace_exact(input.exact_summary().copied());
        &changed
    } else {
        changed = input.change_mapping(&agent, Policy::Unbounded, 1.0)?;
        &changed
    };
    let (bins, count) = round_bins(&keyed_counts(remapped)?)?;
    let summary = match (count, remapped.min(), remapped.max()) {
        (1.., Some(min), Some(max)) => {
            let sum = remapped.sum();
            if !(sum.is_finite() && min.is_finite() && max.is_finite()) {
                return Err(ConvertError::NotFinite);
            }
            Summary {
                count,
                min,
                max,
                sum,
                avg: sum / count as f64,
            }
        }
        _ => Summary::default(),
    };
    Sketch::from_bins(summary, bins).map_err(ConvertError::Bins)
}

/// The counts by Agent key, ascending.
fn keyed_counts(sketch: &DdSketch) -> Result<Vec<(i16, f64)>, ConvertError> {
    let mut zeros = sketch.zero_count();
    let mut keyed = |store: &Store, sign: i16| -> Result<Vec<(i16, f64)>, ConvertError> {
        let mut out = Vec::new();
        for (index, count) in store {
            match index {
                ..=0 => zeros += count,
                1..=0x7ffe => out.push((sign * index as i16, count)),
                _ => return Err(ConvertError::TooLarge { index }),
            }
        }
        Ok(out)
    };
    let positive = keyed(sketch.positive(), 1)?;
    let mut out = keyed(sketch.negative(), -1)?;
    out.reverse();
    out.push((0, zeros));
    out.extend(positive);
    Ok(out)
}

/// Whole counts whose running totals are the given ones', rounded half up; and their total.
fn round_bins(counts: &[(i16, f64)]) -> Result<(Vec<(i16, u64)>, u64), ConvertError> {
    let mut bins = Vec::new();
    let (mut total, mut given) = (0.0, 0u64);
    for &(key, count) in counts {
        total += count;
        let rounded = round(total).ok_or(ConvertError::CountTooLarge(total))?;
        if rounded > given {
            bins.push((key, rounded - given));
            given = rounded;
        }
    }
    Ok((bins, given))
}

/// The nearest whole number, half up; `None` from 2⁶⁴ on.
fn round(x: f64) -> Option<u64> {
    if x >= u64::MAX as f64 {
        return None;
    }
    let whole = x as u64;
    // From 2⁵³ on there is no fraction and the difference is 0.
    Some(if x - whole as f64 >= 0.5 {
        whole + 1
    } else {
        whole
    })
}

/// The canonical sketch with the bins and the summary of an Agent sketch.
///
/// Exact, with one exception: values from 4.17e211 on (the Agent's infinite key) share index 32767,
/// whose representative value is finite; the exact summary still has their true maximum.
pub fn from_agent(sketch: &Sketch) -> DdSketch {
    let bins = sketch.bins(Profile::U32);
    let summary = sketch.summary();
    let mut positive = Store::new(Policy::Unbounded);
    let mut negative = Store::new(Policy::Unbounded);
    let mut zeros = 0.0;
    for (&k, &count) in bins.keys.iter().zip(&bins.counts) {
        let count = f64::from(count);
        let (index, store) = match k {
            0 => {
                zeros += count;
                continue;
            }
            1.. => (i32::from(k), &mut positive),
            _ => (-i32::from(k), &mut negative),
        };
        store
            .add(index, count)
            .expect("a u32 count in a total below 2^64 is finite");
    }
    let exact = match summary.count {
        0 => ExactSummary::default(),
        count => ExactSummary::new(count as f64, summary.sum, summary.min, summary.max),
    };
    DdSketch::from_parts(Mapping::agent(), positive, negative, zeros, Some(exact))
        .expect("fewer than 2^65 counts are finite")
}

/// One side of an exponential histogram: `counts[j]` values in the bucket of index `offset + j`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Buckets<'a> {
    /// Index of the first bucket.
    pub offset: i32,
    /// Counts of consecutive buckets.
    pub counts: &'a [u64],
}

/// An OpenTelemetry exponential histogram: bucket i holds the magnitudes in (b^i, b^(i + 1)],
/// b = 2^(2^−scale).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExponentialHistogram<'a> {
    /// The resolution, −9..=20: 2^scale buckets for each factor of two.
    pub scale: i32,
    /// How many values are zero or below the zero threshold.
    pub zero_count: u64,
    /// Buckets of positive values.
    pub positive: Buckets<'a>,
    /// Buckets of negative values, by magnitude.
    pub negative: Buckets<'a>,
}

/// The canonical sketch with the buckets of an exponential histogram: gamma = b, offset 0.
///
/// A value exactly on a bucket's upper bound is taken to be in that bucket, as counted there,
/// although the mapping would put it into the next. Counts above 2⁵³ are rounded to doubles.
/// The result has no exact summary. Cost: one pass over the buckets.
///
/// # Errors
/// [`ConvertError::Scale`], [`ConvertError::Bucket`] for a count above 0 in a bucket no double can
/// be in.
pub fn from_exponential(histogram: &ExponentialHistogram<'_>) -> Result<DdSketch, ConvertError> {
    if !(-9..=20).contains(&histogram.scale) {
        return Err(ConvertError::Scale(histogram.scale));
    }
    let gamma = math::exp2(math::exp2(f64::from(-histogram.scale)));
    let mapping = Mapping::new(Kind::Logarithmic, Bounds::LowerInclusive, gamma, 0.0)
        .map_err(|_: MappingError| ConvertError::Scale(histogram.scale))?;
    // From the smallest subnormal, 2^−1074, to the largest double, below 2^1024.
    let buckets_per_octave = math::exp2(f64::from(histogram.scale));
    let (lowest, highest) = (
        -1075.0 * buckets_per_octave - 1.0,
        1024.0 * buckets_per_octave,
    );
    let store = |buckets: &Buckets<'_>| -> Result<Store, ConvertError> {
        let mut store = Store::new(Policy::Unbounded);
        for (index, &count) in (i64::from(buckets.offset)..).zip(buckets.counts) {
            if count == 0 {
                continue;
            }
            if !(lowest..highest).contains(&(index as f64)) {
                return Err(ConvertError::Bucket { index });
            }
            store.add(index as i32, count as f64)?;
        }
        Ok(store)
    };
    let positive = store(&histogram.positive)?;
    let negative = store(&histogram.negative)?;
    Ok(DdSketch::from_parts(
        mapping,
        positive,
        negative,
        histogram.zero_count as f64,
        None,
    )?)
}

const _: () = assert!(key::KEY_INFINITY == 0x7fff);

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn rounding_keeps_every_prefix_within_half() {
        let counts = [(1, 0.4), (2, 0.4), (3, 0.4), (5, 0.3), (9, 2.5)];
        let (bins, total) = round_bins(&counts).unwrap();
        assert_eq!(bins, vec![(2, 1), (5, 1), (9, 2)]);
        assert_eq!(total, 4);
        assert_eq!(round(0.49999999999999994), Some(0));
        assert_eq!(round(2.5), Some(3));
        assert_eq!(round(1.8446744073709552e19), None);
    }

    #[test]
    fn values_beyond_the_agents_keys_are_an_error() {
        let mapping = Mapping::with_accuracy(Kind::Logarithmic, 0.01).unwrap();
        let mut sketch = DdSketch::new(mapping, Policy::Unbounded);
        sketch.add(1.0).unwrap();
        sketch.add(-1e300).unwrap();
        assert!(matches!(
            to_agent(&sketch),
            Err(ConvertError::TooLarge { .. })
        ));
    }

    #[test]
    fn counts_beyond_64_bits_are_an_error() {
        let mapping = Mapping::with_accuracy(Kind::Logarithmic, 0.01).unwrap();
        let mut sketch = DdSketch::new(mapping, Policy::Unbounded);
        sketch.add_weighted(1.0, 1e20).unwrap();
        assert!(matches!(
            to_agent(&sketch),
            Err(ConvertError::CountTooLarge(_))
        ));
    }

    #[test]
    fn scales_and_buckets_no_double_can_have_are_errors() {
        let histogram = ExponentialHistogram {
            positive: Buckets {
                offset: 0,
                counts: &[1],
            },
            ..Default::default()
        };
        for scale in [-10, 21, i32::MIN, i32::MAX] {
            let error = from_exponential(&ExponentialHistogram { scale, ..histogram });
            assert_eq!(error.unwrap_err(), ConvertError::Scale(scale));
        }
        for offset in [1024, i32::MAX, -1077, i32::MIN] {
            let positive = Buckets {
                offset,
                counts: &[1],
            };
            let error = from_exponential(&ExponentialHistogram {
                positive,
                ..histogram
            });
            assert_eq!(
                error.unwrap_err(),
                ConvertError::Bucket {
                    index: offset.into()
                }
            );
        }
        // Empty buckets may lie anywhere, past the 32-bit indexes too.
        let positive = Buckets {
            offset: i32::MAX,
            counts: &[0, 0],
        };
        let empty = from_exponential(&ExponentialHistogram {
            positive,
            ..histogram
        })
        .unwrap();
        assert!(empty.is_empty());
        let error = from_exponential(&ExponentialHistogram {
            positive: Buckets {
                offset: i32::MAX,
                counts: &[0, 7],
            },
            ..histogram
        });
        assert_eq!(error.unwrap_err(), ConvertError::Bucket { index: 1 << 31 });
    }
}
