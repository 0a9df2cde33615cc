//! From a value to its key, and from a key back to values.
//!
//! A key is the number of a bin on a logarithmic scale: bin `k > 0` holds the values around
//! γ^(k − 1338), with γ = 65/64. The Agent defines the key through its own logarithm,
//! `roundTiesToEven(ln(v) / ln γ) + 1338`. That function never falls as `v` grows, so every key has
//! a smallest double.
//!
//! Where a value is not too near to the edge of a bin, any logarithm gives its key, and one in 32
//! bits is enough for all but one value in 2000 (`keys.rs`). For these the definition decides
//! (`logarithm.rs`), which takes several times as long. All of it is integer arithmetic or rounded
//! operation by operation, hence the keys are the same on every platform, and none of it reads a
//! table: what is recorded seldom finds its tables in a cache.
//!
//! From a key back, by contrast, the edges of its bin are wanted, to the bit: from two small tables
//! of powers, the roundings of the definition, and a few units for each key that the build script
//! computes.

use crate::keys::{self, IN_DOUBT};
use crate::logarithm;

pub use crate::keys::{Estimate, MultiplyAdd, keys, keys_with};

/// Ratio of neighbouring bins, 1 + 2/128 exactly (the Agent doubles its configured 1/128).
pub const GAMMA: f64 = 1.015625;

/// Natural logarithm of [`GAMMA`], the double the Agent divides by.
pub const GAMMA_LN: f64 = logarithm::GAMMA_LN;

/// The key of 1.0: one more than the number of bins between 1e-9, the configured minimum, and 1.
pub const BIAS: i32 = logarithm::BIAS;

/// The smallest positive double with a key other than 0, about 9.94e-10: γ^−1337 as the Agent's
/// power function computes it, 40 units in the last place below the correctly rounded power.
pub const MIN_VALUE: f64 = f64::from_bits(logarithm::MIN_BITS);

/// The key of every value from about 4.17e211 upward; its negative is the lowest key.
pub const KEY_INFINITY: i16 = 32767;

/// The largest relative distance of a value with a finite, non-zero key to the [`representative`]
/// of its key: (γ − 1)/(γ + 1), up to 1e-12 for the rounding in the Agent's thresholds.
pub const RELATIVE_ACCURACY: f64 = 1.0 / 129.0;

/// e^(c ln γ) for c = 256 j − 1338½.
static STRETCHES: [u64; 128] = include!(concat!(env!("OUT_DIR"), "/stretches.rs"));

/// e^(i ln γ).
static BINS: [u64; 256] = include!(concat!(env!("OUT_DIR"), "/bins.rs"));

/// What [`first_bits`] adds to the estimate of each edge, plus 8; two keys a byte.
static MISSING: [u8; 32768 / 2] = include!(concat!(env!("OUT_DIR"), "/missing.rs"));

/// The Agent's key of `v`, exactly as a released Agent on amd64 computes it.
///
/// 0 for ±0 and anything smaller than [`MIN_VALUE`]; `key(-v) == -key(v)`; never `i16::MIN`.
/// About 3 ns; 10 ns for one value in 2000.
///
/// Infinities give ±[`KEY_INFINITY`] and so does a NaN, by its sign bit. The Agent's own answers
/// for them differ from platform to platform, and [`Sketch`](crate::Sketch) refuses them.
///
/// ```
/// use ddsketch_agent::key::key;
/// assert_eq!([key(1.0), key(-1.0), key(0.0), key(1e-9)], [1338, -1338, 0, 1]);
/// ```
#[inline]
#[must_use]
pub fn key(v: f64) -> i16 {
    let bits = v.to_bits();
    let magnitude = bits & !(1 << 63);
    let mut key = keys::estimate((magnitude >> 32) as i32, |a, b, c| a * b + c);
    if key == IN_DOUBT {
        key = decide(magnitude);
    }
    let negative = (bits as i64 >> 63) as i16;
    (key ^ negative) - negative
}

/// The key of a positive double by its bits, where the estimate is in doubt.
#[cold]
pub(crate) fn decide(magnitude: u64) -> i16 {
    logarithm::key(magnitude)
}

/// The bits of the smallest double with key `k`, from 1 to 32767. About 15 ns.
fn first_bits(k: i16) -> u64 {
    let place = usize::from(k.unsigned_abs());
    if place <= 1 {
        return logarithm::MIN_BITS;
    }
    let stretch = f64::from_bits(STRETCHES[(place >> 8) & 127]);
    let power = stretch * f64::from_bits(BINS[place & 255]);
    let missing = MISSING[(place >> 1) & 0x3fff] >> (4 * (place & 1)) & 15;
    logarithm::first_nearly(k, power) + u64::from(missing) - 8
}

/// γ^(k − 1338) as the Agent's power function computes it, bit for bit; it calls this the lower
/// bound of bin `k`, although it is the bin's centre on the logarithmic scale, and
/// `key(lower_bound(k)) == k`.
///
/// 0 for key 0, ±∞ for ±[`KEY_INFINITY`], and `-lower_bound(-k)` for a negative key. `i16::MIN`,
/// which is no key, counts as −32767. About 30 ns: a multiplication for every binary digit.
#[must_use]
pub fn lower_bound(k: i16) -> f64 {
    let size = match i32::from(k).abs() {
        0 => 0.0,
        1..=32766 => gamma_power(i32::from(k).abs() - BIAS),
        _ => f64::INFINITY,
    };
    if k < 0 { -size } else { size }
}

/// γ^n by repeated squaring over the binary digits of n, as Go's `math.Pow` does it for an integer
/// exponent: mantissa and binary exponent apart, squares brought back to [½, 1) after each step.
fn gamma_power(n: i32) -> f64 {
    // γ = (65/128) * 2^1.
    let (mut square, mut square_exponent) = (GAMMA / 2.0, 1);
    let (mut power, mut exponent) = (1.0, 0);
    let mut digits = n.unsigned_abs();
    while digits != 0 {
        if digits & 1 == 1 {
            power *= square;
            exponent += square_exponent;
        }
        square *= square;
        square_exponent *= 2;
        if square < 0.5 {
            square += square;
            square_exponent -= 1;
        }
        digits >>= 1;
    }
    if n < 0 {
        power = 1.0 / power;
        exponent = -exponent;
    }
    // `power` is within 2^-15..2^15 and the result within 2^-30..2^704: no subnormal anywhere, so
    // the product is exact.
    power * f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// The value that stands for bin `k`: the harmonic mean 2ab/(a + b) of its edges a and b.
///
/// No other single value is closer to all of the bin in relative terms; every value with key `k` is
/// within [`RELATIVE_ACCURACY`] of it. 0 for key 0 (whose values are below 1e-9), and for
/// ±[`KEY_INFINITY`], which has no upper edge, the edge it has, ±4.17e211. `i16::MIN`, which is no
/// key, counts as −32767.
#[must_use]
pub fn representative(k: i16) -> f64 {
    let first = |size: i16| f64::from_bits(first_bits(size));
    let size = match k.saturating_abs() {
        0 => 0.0,
        size @ 1..=32766 => {
            let (a, b) = (first(size), first(size + 1));
            // In this order, because a * b would overflow.
            2.0 * a * (b / (a + b))
        }
        _ => first(KEY_INFINITY),
    };
    if k < 0 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smallest_value_is_the_lower_bound_of_key_one() {
        assert_eq!(lower_bound(1).to_bits(), MIN_VALUE.to_bits());
        assert_eq!(first_bits(1), MIN_VALUE.to_bits());
    }

    #[test]
    fn every_edge_is_where_the_definition_has_it() {
        for k in 1..=KEY_INFINITY {
            let first = first_bits(k);
            let keys = [logarithm::key(first - 1), logarithm::key(first)];
            assert_eq!(keys, [k - 1, k], "edge of key {k}");
        }
    }

    #[test]
    fn representative_is_within_the_accuracy_of_both_edges() {
        let allowed = RELATIVE_ACCURACY * (1.0 + 1e-9);
        // Bin 1 is cut off below at MIN_VALUE; only the mean of its own two edges is promised.
        for k in 1..32767i16 {
            let r = representative(k);
            let first = f64::from_bits(first_bits(k));
            let last = f64::from_bits(first_bits(k + 1) - 1);
            assert!(
                (r - first) / first <= allowed && (last - r) / last <= allowed,
                "key {k}"
            );
            assert_eq!(representative(-k), -r);
        }
        assert_eq!(representative(0), 0.0);
        assert!(representative(i16::MIN).is_finite());
    }

    #[test]
    fn non_finite_values_have_the_outermost_keys() {
        assert_eq!(key(f64::INFINITY), KEY_INFINITY);
        assert_eq!(key(f64::NEG_INFINITY), -KEY_INFINITY);
        assert_eq!(key(f64::NAN.copysign(1.0)), KEY_INFINITY);
        assert_eq!(key(f64::NAN.copysign(-1.0)), -KEY_INFINITY);
    }
}
