//! Value ↔ bin index.
//!
//! ```text
//! index(v)       = ⌊log~(v)·multiplier + offset⌋        v in [min_indexable, max_indexable]
//! lower_bound(i) = log~⁻¹((i − offset)/multiplier)      bin i is [lower_bound(i), lower_bound(i + 1))
//! value(i)       = lower_bound(i)·(1 + α)               within the relative accuracy α of all of it
//! ```
//!
//! `log~` is the natural logarithm, or a cheaper function that is linear, quadratic, cubic or
//! quartic in the significand: with v = (1 + s)·2^E it is E + P(s), where P maps [0, 1] onto
//! itself. A bin is widest, as a ratio, where d log~/d ln v = (1 + s)·P′(s) is least; that minimum,
//! the slope of the kind, is what a polynomial must make up for with a larger multiplier:
//!
//! | kind | P(s) | slope |
//! | --- | --- | --- |
//! | linear | s | 1 |
//! | quadratic | s(4 − s)/3 | 4/3 |
//! | cubic | (6s³ − 21s² + 50s)/35 | 10/7 |
//! | quartic | (−2s⁴ + 8s³ − 17s² + 36s)/25 | 36/25 |
//!
//! against 1/ln 2 = 1.4427 for the logarithm itself.
//!
//! Two conventions are in use, see [`Bounds`].

use core::fmt;

use super::math;

/// How far apart gamma and offset of mergeable mappings may be, relatively.
///
/// Source: the Go library's tolerance (`DataDog/sketches-go`, `ddsketch/mapping`).
const MERGEABLE_TOLERANCE: f64 = 1e-12;

/// Just below the largest argument whose exponential is finite.
///
/// Source: the same library's limit, so that both refuse the same values.
const EXP_OVERFLOW: f64 = 7.094361393031e+02;

/// The function that stands in for the logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ln v: fewest bins.
    Logarithmic,
    /// Linear in the significand: 44 % more bins.
    Linear,
    /// Quadratic: 8 % more bins.
    Quadratic,
    /// Cubic: 1 % more bins.
    Cubic,
    /// Quartic: 0.2 % more bins. Has no number in the protobuf format.
    Quartic,
}

impl Kind {
    /// P's coefficients from s¹ up; empty for the logarithm.
    fn polynomial(self) -> &'static [f64] {
        match self {
            Kind::Logarithmic => &[],
            Kind::Linear => &[1.0],
            Kind::Quadratic => &[4.0 / 3.0, -1.0 / 3.0],
            Kind::Cubic => &[10.0 / 7.0, -3.0 / 5.0, 6.0 / 35.0],
            Kind::Quartic => &[36.0 / 25.0, -17.0 / 25.0, 8.0 / 25.0, -2.0 / 25.0],
        }
    }

    /// The least (1 + s)·P′(s); 1/ln 2 for the logarithm, which has it everywhere.
    fn slope(self) -> f64 {
        match self {
            Kind::Logarithmic => core::f64::consts::LOG2_E,
            Kind::Linear => 1.0,
            Kind::Quadratic => 4.0 / 3.0,
            Kind::Cubic => 10.0 / 7.0,
            Kind::Quartic => 36.0 / 25.0,
        }
    }

    /// gamma = g^exponent, where g = (1 + α)/(1 − α) is the widest ratio of a bin's bounds.
    fn exponent(self) -> f64 {
        match self {
            Kind::Logarithmic => 1.0,
            _ => core::f64::consts::LN_2 * self.slope(),
        }
    }
}

/// Which bound belongs to a bin, and with it the producing family.
///
/// The families number the same bins differently: an [`Bounds::UpperInclusive`] index is the
/// [`Bounds::LowerInclusive`] one plus one (except for values exactly on a bound), and for the
/// polynomial kinds `gamma` means g itself there instead of g^([`Kind`]'s exponent). Neither wire
/// format says which family wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bounds {
    /// Bin i is [γ^(i − o), γ^(i + 1 − o)): Go, Java, Rust.
    #[default]
    LowerInclusive,
    /// Bin i is (γ^(i − 1 − o), γ^(i − o)]: JavaScript and Python.
    ///
    /// The JavaScript library's "linear" mapping is not this one: it takes an exact log₂, which
    /// its serialized form does not tell. Here linear is as in Python.
    UpperInclusive,
}

/// Why a mapping cannot exist.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum MappingError {
    /// The relative accuracy is not strictly between 0 and 1 (or too small to tell gamma from 1).
    Accuracy(f64),
    /// gamma is not a finite number above 1.
    Gamma(f64),
    /// The index offset is not finite, or leaves no value whose index fits 32 bits.
    Offset(f64),
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MappingError::Accuracy(value) => {
                write!(
                    f,
                    "relative accuracy {value} is not usable; give one in (1e-15, 1)"
                )
            }
            MappingError::Gamma(value) => {
                write!(
                    f,
                    "gamma {value} is not usable; give a finite number above 1"
                )
            }
            MappingError::Offset(value) => {
                write!(
                    f,
                    "index offset {value} is not usable; give a finite one within 32 bits"
                )
            }
        }
    }
}

impl core::error::Error for MappingError {}

/// An assignment of positive values to bins.
///
/// Cost: [`index`](Mapping::index) is one `log~` and a multiplication;
/// [`lower_bound`](Mapping::lower_bound) an exponential or, for the polynomial kinds, a few Newton
/// steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mapping {
    kind: Kind,
    bounds: Bounds,
    gamma: f64,
    index_offset: f64,
    multiplier: f64,
    relative_accuracy: f64,
    min_indexable: f64,
    max_indexable: f64,
}

impl Mapping {
    /// The Go library's mapping for a relative accuracy, e.g. 0.01 for 1 %.
    ///
    /// The offset is that library's default: 0, but 1/log₂ gamma for [`Kind::Linear`].
    ///
    /// # Errors
    /// [`MappingError::Accuracy`] unless 0 < `accuracy` < 1.
    pub fn with_accuracy(kind: Kind, accuracy: f64) -> Result<Mapping, MappingError> {
        let ratio = ratio(accuracy)?;
        let gamma = match kind {
            Kind::Logarithmic => ratio,
            _ => math::pow(ratio, kind.exponent()),
        };
        let index_offset = if kind == Kind::Linear {
            1.0 / math::log2(gamma)
        } else {
            0.0
        };
        Mapping::new(kind, Bounds::LowerInclusive, gamma, index_offset)
            .map_err(|_| MappingError::Accuracy(accuracy))
    }

    /// The JavaScript and Python libraries' mapping for a relative accuracy.
    ///
    /// # Errors
    /// [`MappingError::Accuracy`] unless 0 < `accuracy` < 1.
    pub fn upper_inclusive(kind: Kind, accuracy: f64) -> Result<Mapping, MappingError> {
        ratio(accuracy)?;
        // Their own formula; it may differ from `ratio` in the last bit.
        let gamma = 1.0 + 2.0 * accuracy / (1.0 - accuracy);
        Mapping::new(kind, Bounds::UpperInclusive, gamma, 0.0)
            .map_err(|_| MappingError::Accuracy(accuracy))
    }

    /// The mapping whose bins are the Datadog Agent's: gamma 65/64, offset 1338.5, so that index k
    /// is the Agent's key k.
    ///
    /// Keys can differ by one from the Agent's for a value within a few units in the last place of
    /// a bound; [`crate::key::key`] has none of that.
    pub fn agent() -> Mapping {
        Mapping::new(
            Kind::Logarithmic,
            Bounds::LowerInclusive,
            crate::key::GAMMA,
            1338.5,
        )
        .expect("65/64 and 1338.5 are in range")
    }

    /// A mapping from the numbers the wire formats carry.
    ///
    /// # Errors
    /// [`MappingError::Gamma`] or [`MappingError::Offset`].
    pub fn new(
        kind: Kind,
        bounds: Bounds,
        gamma: f64,
        index_offset: f64,
    ) -> Result<Mapping, MappingError> {
        if !(gamma.is_finite() && gamma > 1.0) {
            return Err(MappingError::Gamma(gamma));
        }
        let log_gamma = match (kind, bounds) {
            (Kind::Logarithmic, _) => math::ln(gamma),
            // With a linear mapping's default offset, which is 1/log₂ gamma, powers of two lie exactly
            // on bounds: the multiplier must have the offset's very bits.
            (_, Bounds::LowerInclusive) => math::log2(gamma),
            (_, Bounds::UpperInclusive) => math::ln(gamma) * kind.slope(),
        };
        let ratio = match bounds {
            Bounds::LowerInclusive => math::pow(gamma, 1.0 / kind.exponent()),
            Bounds::UpperInclusive => gamma,
        };
        let multiplier = 1.0 / log_gamma;
        let mut mapping = Mapping {
            kind,
            bounds,
            gamma,
            index_offset,
            multiplier,
            relative_accuracy: 1.0 - 2.0 / (1.0 + ratio),
            min_indexable: 0.0,
            max_indexable: 0.0,
        };
        mapping.limit_indexes(ratio);
        // Written so that a NaN offset fails too.
        if mapping.min_indexable < mapping.max_indexable {
            Ok(mapping)
        } else if index_offset.is_finite() && ratio > f64::MAX / 4.0 {
            Err(MappingError::Gamma(gamma))
        } else {
            Err(MappingError::Offset(index_offset))
        }
    }

    /// Sets the range within which indexes fit an `i32` and bin bounds are finite normal numbers.
    fn limit_indexes(&mut self, ratio: f64) {
        let exp = match self.kind {
            Kind::Logarithmic => math::exp,
            _ => math::exp2,
        };
        let at_index = |index: i32| (f64::from(index) - self.index_offset) / self.multiplier;
        let lowest = exp(at_index(i32::MIN) + 1.0);
        let highest = exp(at_index(i32::MAX) - 1.0);
        let (smallest, largest) = match self.bounds {
            Bounds::LowerInclusive => (
                f64::MIN_POSITIVE * ratio,
                math::exp(EXP_OVERFLOW) / (2.0 * ratio) * (ratio + 1.0),
            ),
            Bounds::UpperInclusive => (f64::MIN_POSITIVE * ratio, f64::MAX / ratio),
        };
        // f64::max and min would drop a NaN; the comparison in `new` must see it.
        self.min_indexable = if lowest <= smallest { smallest } else { lowest };
        self.max_indexable = if highest >= largest { largest } else { highest };
    }

    /// The function in the logarithm's place.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Which bound belongs to a bin.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The base of the bins, as the wire formats carry it; see [`Bounds`] for what it means.
    pub fn gamma(&self) -> f64 {
        self.gamma
    }

    /// What is added to an index.
    pub fn index_offset(&self) -> f64 {
        self.index_offset
    }

    /// The α of the guarantee |value(index(v)) − v| ≤ α·v.
    pub fn relative_accuracy(&self) -> f64 {
        self.relative_accuracy
    }

    /// Values up to this one count as zero.
    pub fn min_indexable(&self) -> f64 {
        self.min_indexable
    }

    /// Values above this one have no bin.
    pub fn max_indexable(&self) -> f64 {
        self.max_indexable
    }

    /// The bin of `v`, which must be within the indexable range; outside it (or for NaN) the
    /// result is some index without meaning.
    pub fn index(&self, v: f64) -> i32 {
        let position = self.log(v) * self.multiplier + self.index_offset;
        match self.bounds {
            // One below an exactly integral negative position: the Go and Java rule.
            Bounds::LowerInclusive if position >= 0.0 => position as i32,
            Bounds::LowerInclusive => (position as i32).saturating_sub(1),
            Bounds::UpperInclusive => {
                let whole = position as i32;
                if position > f64::from(whole) {
                    whole.saturating_add(1)
                } else {
                    whole
                }
            }
        }
    }

    /// The lower bound of bin `index`; 0 or infinite beyond the range of doubles.
    pub fn lower_bound(&self, index: i32) -> f64 {
        self.edge(f64::from(index))
    }

    /// The upper bound of bin `index`: the lower bound of the next.
    pub fn upper_bound(&self, index: i32) -> f64 {
        self.edge(f64::from(index) + 1.0)
    }

    fn edge(&self, index: f64) -> f64 {
        let shift = match self.bounds {
            Bounds::LowerInclusive => 0.0,
            Bounds::UpperInclusive => 1.0,
        };
        self.inverse_log((index - shift - self.index_offset) / self.multiplier)
    }

    /// What a bin answers with: the value whose relative distance to both bounds is the same for
    /// the widest bins.
    pub fn value(&self, index: i32) -> f64 {
        match self.bounds {
            Bounds::LowerInclusive => self.lower_bound(index) * (1.0 + self.relative_accuracy),
            Bounds::UpperInclusive => self.upper_bound(index) * 2.0 / (1.0 + self.gamma),
        }
    }

    /// Whether sketches of the two mappings can be merged bin by bin: same kind and bounds, gamma
    /// and offset equal within a relative 1e-12.
    pub fn mergeable(&self, other: &Mapping) -> bool {
        let close =
            |a: f64, b: f64| a == b || (a - b).abs() <= MERGEABLE_TOLERANCE * a.abs().max(b.abs());
        self.kind == other.kind
            && self.bounds == other.bounds
            && close(self.gamma, other.gamma)
            && close(self.index_offset, other.index_offset)
    }

    /// The lower-inclusive mapping with the same bin numbers, up to values exactly on a bound: what
    /// to encode for a reader of the Go and Java family.
    #[must_use]
    pub fn to_lower_inclusive(&self) -> Mapping {
        if self.bounds == Bounds::LowerInclusive {
            return *self;
        }
        let gamma = math::pow(self.gamma, self.kind.exponent());
        Mapping {
            bounds: Bounds::LowerInclusive,
            gamma: if self.kind == Kind::Logarithmic {
                self.gamma
            } else {
                gamma
            },
            index_offset: self.index_offset + 1.0,
            ..*self
        }
    }

    fn log(&self, v: f64) -> f64 {
        if self.kind == Kind::Logarithmic {
            return math::ln(v);
        }
        let (significand, exponent) = math::significand_exponent(v);
        f64::from(exponent) + polynomial(self.kind, significand - 1.0).0
    }

    fn inverse_log(&self, x: f64) -> f64 {
        if self.kind == Kind::Logarithmic {
            return math::exp(x);
        }
        // Beyond ±1200 every result is 0 or infinite.
        let x = x.clamp(-1200.0, 1200.0);
        let whole = math::floor(x);
        math::scale(1.0 + solve(self.kind, x - whole), whole as i32)
    }
}

/// (1 + α)/(1 − α).
fn ratio(accuracy: f64) -> Result<f64, MappingError> {
    let ratio = (1.0 + accuracy) / (1.0 - accuracy);
    if accuracy > 0.0 && accuracy < 1.0 && ratio > 1.0 {
        Ok(ratio)
    } else {
        Err(MappingError::Accuracy(accuracy))
    }
}

/// P(s) and P′(s).
fn polynomial(kind: Kind, s: f64) -> (f64, f64) {
    let (mut value, mut derivative) = (0.0, 0.0);
    for coefficient in kind.polynomial().iter().rev() {
        derivative = derivative * s + value;
        value = value * s + coefficient;
    }
    (value * s, derivative * s + value)
}

/// The s in [0, 1] with P(s) = t, for t in [0, 1].
///
/// Every P here is increasing and concave, so its tangents lie above it: Newton's steps from 0
/// approach the root from below and never pass it. Six are enough for a double
/// (`bounds_invert_the_index`).
fn solve(kind: Kind, t: f64) -> f64 {
    let mut s = 0.0;
    for _ in 0..6 {
        let (value, derivative) = polynomial(kind, s);
        s += (t - value) / derivative;
    }
    s
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 5] = [
        Kind::Logarithmic,
        Kind::Linear,
        Kind::Quadratic,
        Kind::Cubic,
        Kind::Quartic,
    ];

    fn mappings() -> impl Iterator<Item = Mapping> {
        KINDS.into_iter().flat_map(|kind| {
            [0.001, 0.01, 0.1, 0.5]
                .into_iter()
                .flat_map(move |accuracy| {
                    [
                        Mapping::with_accuracy(kind, accuracy).unwrap(),
                        Mapping::upper_inclusive(kind, accuracy).unwrap(),
                    ]
                })
        })
    }

    fn values() -> impl Iterator<Item = f64> {
        (0..4000).map(|i| math::exp2(f64::from(i - 2000) * 0.4937))
    }

    #[test]
    fn every_value_is_within_the_accuracy_of_its_bin() {
        for mapping in mappings() {
            let tolerance = mapping.relative_accuracy() * (1.0 + 1e-9) + 1e-12;
            for v in values() {
                let value = mapping.value(mapping.index(v));
                assert!(
                    (value - v).abs() <= tolerance * v,
                    "{mapping:?} {v:e} {value:e}"
                );
            }
        }
    }

    #[test]
    fn accuracy_survives_the_way_through_gamma() {
        for accuracy in [0.001, 0.01, 0.1, 0.5] {
            for kind in KINDS {
                let lower = Mapping::with_accuracy(kind, accuracy).unwrap();
                let upper = Mapping::upper_inclusive(kind, accuracy).unwrap();
                for mapping in [lower, upper] {
                    let error = (mapping.relative_accuracy() - accuracy).abs();
                    assert!(error < 1e-13, "{mapping:?}");
                }
            }
        }
    }

    #[test]
    fn bounds_invert_the_index() {
        for mapping in mappings() {
            for v in values() {
                let index = mapping.index(v);
                let (low, high) = (mapping.lower_bound(index), mapping.upper_bound(index));
                assert!(
                    low <= v * (1.0 + 1e-12) && v <= high * (1.0 + 1e-12),
                    "{mapping:?} {v:e}"
                );
                let middle = low + 0.5 * (high - low);
                assert_eq!(mapping.index(middle), index, "{mapping:?} {v:e}");
            }
        }
    }

    #[test]
    fn slopes_are_the_minima_of_their_polynomials() {
        for kind in &KINDS[1..] {
            let least = (0..=1000)
                .map(|i| f64::from(i) / 1000.0)
                .map(|s| (1.0 + s) * polynomial(*kind, s).1)
                .fold(f64::INFINITY, f64::min);
            assert!((least - kind.slope()).abs() < 1e-12, "{kind:?} {least}");
            assert!((polynomial(*kind, 1.0).0 - 1.0).abs() < 1e-15, "{kind:?}");
        }
    }

    #[test]
    fn families_number_the_same_bins() {
        for mapping in mappings().filter(|m| m.bounds() == Bounds::UpperInclusive) {
            let twin = mapping.to_lower_inclusive();
            let rebuilt = Mapping::new(
                twin.kind(),
                twin.bounds(),
                twin.gamma(),
                twin.index_offset(),
            )
            .unwrap();
            for v in values().map(|v| v * 1.000_371) {
                assert_eq!(rebuilt.index(v), mapping.index(v), "{mapping:?} {v:e}");
            }
        }
    }

    #[test]
    fn powers_of_two_on_bounds_go_up() {
        for accuracy in [0.001, 0.0075, 0.01, 0.05] {
            let mapping = Mapping::with_accuracy(Kind::Linear, accuracy).unwrap();
            assert_eq!(mapping.index(0.5), 0, "{accuracy}");
            assert_eq!(mapping.lower_bound(0), 0.5, "{accuracy}");
        }
    }

    #[test]
    fn unusable_numbers_are_refused() {
        for accuracy in [0.0, 1.0, -0.1, 2.0, f64::NAN, f64::INFINITY, 1e-17] {
            for kind in KINDS {
                assert!(
                    Mapping::with_accuracy(kind, accuracy).is_err(),
                    "{kind:?} {accuracy}"
                );
                assert!(
                    Mapping::upper_inclusive(kind, accuracy).is_err(),
                    "{kind:?} {accuracy}"
                );
            }
        }
        let new = |gamma, offset| Mapping::new(Kind::Cubic, Bounds::LowerInclusive, gamma, offset);
        for gamma in [1.0, 0.5, 0.0, -2.0, f64::NAN, f64::INFINITY, f64::MAX] {
            assert!(
                matches!(new(gamma, 0.0), Err(MappingError::Gamma(_))),
                "{gamma}"
            );
        }
        for offset in [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e300, -1e300] {
            assert!(
                matches!(new(1.02, offset), Err(MappingError::Offset(_))),
                "{offset}"
            );
        }
    }

    #[test]
    fn indexes_at_the_limits_fit() {
        for mapping in mappings() {
            let low = mapping.index(mapping.min_indexable());
            let high = mapping.index(mapping.max_indexable());
            assert!(
                i32::MIN < low && low < high && high < i32::MAX,
                "{mapping:?}"
            );
            assert!(mapping.lower_bound(low) > 0.0 && mapping.upper_bound(high).is_finite());
        }
    }

    #[test]
    fn mergeable_tolerates_rounding_only() {
        let new = |gamma, offset| {
            Mapping::new(Kind::Logarithmic, Bounds::LowerInclusive, gamma, offset).unwrap()
        };
        let mapping = new(1.02, 10.0);
        assert!(mapping.mergeable(&new(1.02 + 3e-16, 10.0 + 2e-15)));
        assert!(!mapping.mergeable(&new(1.02 + 3e-12, 10.0)));
        assert!(!mapping.mergeable(&new(1.02, 10.1)));
        assert!(!mapping.mergeable(&Mapping::with_accuracy(Kind::Cubic, 0.01).unwrap()));
    }
}
