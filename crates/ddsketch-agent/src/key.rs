//! From a value to its key, and from a key back to values.
//!
//! A key is the number of a bin on a logarithmic scale: bin `k > 0` holds the values around
//! γ^(k − 1338), with γ = 65/64. The Agent defines the key through its own logarithm,
//! `roundTiesToEven(ln(v) / ln γ) + 1338`. That function never falls as `v` grows, so every key has
//! a smallest double, and those 32 767 thresholds say all there is to know about it:
//!
//! ```text
//! key(v) = the k with FIRST[k] <= |v| < FIRST[k + 1], with the sign of v
//!     |v| = m * 2^e, 1 <= m < 2; c = the cell of m, one of 128 in its octave
//!     g = floor(A * e + CELL[c]), c and e clamped to the cells of FIRST[1] and FIRST[32767]
//!     k = g + (|v| >= FIRST[g + 1])                                      A = 1/log2 γ = 44.7
//! ```
//!
//! 1. A cell is at most 0.502 bins wide and CELL stands a quarter of a bin below its lower end, so
//!    g is k or k − 1 for every double of the cell. One comparison of bit patterns decides, exactly.
//!    It is all integer arithmetic, hence the keys are the same on every platform.
//! 2. There is no branch, which would be mispredicted for one value in two.
//!
//! [`keys`] has an estimate of its own, for many values at once.
//!
//! The table FIRST is computed by the build script from the definition.

pub use crate::keys::{MultiplyAdd, keys, keys_with};

/// Ratio of neighbouring bins, 1 + 2/128 exactly (the Agent doubles its configured 1/128).
pub const GAMMA: f64 = 1.015625;

/// Natural logarithm of [`GAMMA`], the double the Agent divides by.
pub const GAMMA_LN: f64 = 0.015_504_186_535_965_254;

/// The key of 1.0: one more than the number of bins between 1e-9, the configured minimum, and 1.
pub const BIAS: i32 = 1338;

/// The smallest positive double with a key other than 0, about 9.94e-10: γ^−1337 as the Agent's
/// power function computes it, 40 units in the last place below the correctly rounded power.
pub const MIN_VALUE: f64 = f64::from_bits(0x3e11_1479_4260_12e9);

/// The key of every value from about 4.17e211 upward; its negative is the lowest key.
pub const KEY_INFINITY: i16 = 32767;

/// The largest relative distance of a value with a finite, non-zero key to the [`representative`]
/// of its key: (γ − 1)/(γ + 1), up to 1e-12 for the rounding in the Agent's thresholds.
pub const RELATIVE_ACCURACY: f64 = 1.0 / 129.0;

/// For each cell of an octave, its lower end in bins, less a quarter, in units of 2^-32.
static CELLS: [u64; 128] = include!(concat!(env!("OUT_DIR"), "/cells.rs"));

/// `FIRST_BITS[k]`: bits of the smallest double with key `k`.
static FIRST_BITS: [u64; 32768] = include!(concat!(env!("OUT_DIR"), "/first_bits.rs"));

/// The Agent's key of `v`, exactly as a released Agent on amd64 computes it.
///
/// 0 for ±0 and anything smaller than [`MIN_VALUE`]; `key(-v) == -key(v)`; never `i16::MIN`.
/// About 3 ns.
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
    key_of(v)
}

const SIGN: u64 = 1 << 63;

#[inline(always)]
fn key_of(v: f64) -> i16 {
    let bits = v.to_bits();
    let magnitude = bits & !SIGN;
    let guess = guess(magnitude);
    // `guess` is at most 32766; the mask shows the compiler that the index is in range.
    let next = FIRST_BITS[(guess as usize + 1) & 0x7fff];
    let key = guess as i16 + i16::from(magnitude >= next);
    let negative = -((bits >> 63) as i16);
    (key ^ negative) - negative
}

/// The key of the double with the bits `magnitude` (sign cleared), or that key − 1.
#[inline(always)]
fn guess(magnitude: u64) -> u64 {
    /// Bins per octave, 1/log2(65/64) = 44.70709759…, in units of 2^-32.
    const OCTAVE: u64 = 192_015_522_060;
    /// Exponent and cell stand above this bit.
    const CELL_SHIFT: u32 = 52 - 7;
    // The cells of the first and the last threshold: what lies beyond compares like them.
    const LOWEST: u64 = MIN_VALUE.to_bits() >> CELL_SHIFT;
    const HIGHEST: u64 = 0x6bdf_b574_7a43_236e >> CELL_SHIFT;

    let cell = (magnitude >> CELL_SHIFT).clamp(LOWEST, HIGHEST);
    let bins = (cell >> 7) * OCTAVE;
    bins.wrapping_add(CELLS[cell as usize % 128]) >> 32
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
    let size = match usize::from(k.unsigned_abs()) {
        0 => 0.0,
        size @ 1..=32766 => {
            let (a, b) = (
                f64::from_bits(FIRST_BITS[size]),
                f64::from_bits(FIRST_BITS[size + 1]),
            );
            // In this order, because a * b would overflow.
            2.0 * a * (b / (a + b))
        }
        _ => f64::from_bits(FIRST_BITS[32767]),
    };
    if k < 0 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guess_is_the_key_or_one_less_well_inside_every_octave() {
        // A sweep over all exponents, 64 mantissas each: key_of is right only if this holds.
        for bits in (0..0x7ff0_0000_0000_0000u64).step_by(1 << 46) {
            let k = FIRST_BITS.partition_point(|first| *first <= bits) as u64 - 1;
            let g = guess(bits);
            assert!(g == k || g + 1 == k, "{bits:#x}: key {k}, guess {g}");
        }
    }

    #[test]
    fn smallest_value_is_the_lower_bound_of_key_one() {
        assert_eq!(lower_bound(1).to_bits(), MIN_VALUE.to_bits());
        assert_eq!(FIRST_BITS[1], MIN_VALUE.to_bits());
    }

    #[test]
    fn representative_is_within_the_accuracy_of_both_edges() {
        let allowed = RELATIVE_ACCURACY * (1.0 + 1e-9);
        // Bin 1 is cut off below at MIN_VALUE; only the mean of its own two edges is promised.
        for k in 1..32767i16 {
            let r = representative(k);
            let first = f64::from_bits(FIRST_BITS[k as usize]);
            let last = f64::from_bits(FIRST_BITS[k as usize + 1] - 1);
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
