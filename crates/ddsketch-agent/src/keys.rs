//! The keys of many values at once: an estimate in 32 bits, and the definition where it is in doubt.
//!
//! ```text
//! |v| = 2^e (1 + x), x cut to 20 bits          S = 2^16 units a bin
//! p   = P(x) + R e                             P ~ S·A·log2(1 + x) − R x, in f32
//! f   = p + 2929924 e + S·1338.5 + DOUBT       S·A = 2929924 + R,  A = 1/log2(65/64)
//! key = f >> 16, unless f mod 2^16 < 2·DOUBT: then the definition decides
//! ```
//!
//! 1. The estimate errs by less than [`Estimate::DOUBT`] units: 7 by the polynomial, 2 by cutting x, 3 by
//!    rounding; `an_estimate_is_right_or_in_doubt` looks at every x. One value in 2000 is in doubt.
//! 2. Only the upper half of each double is used, so that a 256-bit vector holds eight of them, and
//!    no table is read: with one, gathers were what the loop spent its time on. (2.0 ns
//!    a value with them, with AVX2.) The terms of P are added in pairs, since the chain of a Horner
//!    scheme leaves the processor waiting (1.25 ns against 1.09).
//! 3. A value in doubt gets the key [`IN_DOUBT`], which is also the one key that the estimate cannot
//!    tell from its neighbour: bin 1 begins at its centre, at [`MIN_VALUE`](crate::key::MIN_VALUE).

use crate::key::decide;

/// Values for which the upper halves are kept at a time.
const PART: usize = 128;

/// The key of values in doubt, of which the values of bin 1 always are.
pub(crate) const IN_DOUBT: i16 = 1;

/// The estimate's constants, for loops that compute it in another form. What is in doubt is then
/// settled by [`key`](crate::key::key).
#[doc(hidden)]
#[derive(Debug)]
pub struct Estimate;

impl Estimate {
    /// Half the width of what is in doubt around each edge, in units of 2^-16 bins.
    const DOUBT: i32 = 16;
    /// Bits of f that are all 0 where it is in doubt.
    pub const NOT_IN_DOUBT: i32 = 0xffff & !(2 * Self::DOUBT - 1);

    /// Bins in an octave, in units of 2^-16: the integer part, and R, the rest.
    pub const OCTAVE: i32 = 2_929_924;
    const OCTAVE_REST: f64 = 0.347_839_927_105_180_86;

    /// 2^-20: x is worked with as an integer.
    const X: f64 = 1.0 / (1 << 20) as f64;

    /// Coefficients of P, the Chebyshev approximation of degree 6 on [0, 1], for x as an integer.
    /// The constant makes up for the mean of what cutting x takes, and for the exponent's excess of
    /// 1023.
    pub const P: [f32; 7] = [
        (7.159 + 1.5 - 1023.0 * Self::OCTAVE_REST) as f32,
        (4_226_279.359_232 * Self::X) as f32,
        (-2_101_672.179_915 * Self::X * Self::X) as f32,
        (1_331_675.497_596 * Self::X * Self::X * Self::X) as f32,
        (-798_983.234_859 * Self::X * Self::X * Self::X * Self::X) as f32,
        (344_597.438_631 * Self::X * Self::X * Self::X * Self::X * Self::X) as f32,
        (-71_983.948_141 * Self::X * Self::X * Self::X * Self::X * Self::X * Self::X) as f32,
    ];
    /// R, for the whole upper half as an integer.
    pub const REST: f32 = (Self::OCTAVE_REST * Self::X) as f32;

    /// Upper halves in the middle of bin 0, on the logarithmic scale, and of bin 32767: what lies
    /// beyond has the same keys.
    pub const LOWEST: i32 = 0x3e10_d134;
    /// See [`Estimate::LOWEST`].
    pub const HIGHEST: i32 = 0x6bdf_f4a0;

    /// 1.5 * 2^23: added to a float, leaves its integer in the low bits.
    pub const TO_INTEGER: f32 = 12_582_912.0;

    /// Half a bin for rounding, and [`Self::DOUBT`], so that what is in doubt begins at an edge.
    const SHIFT: i32 = (1338 << 16) + (1 << 15) + Self::DOUBT;
    /// What is left to add to the octaves and to the bits of p + [`Estimate::TO_INTEGER`].
    pub const ZERO: i32 = Self::SHIFT
        .wrapping_sub(Self::TO_INTEGER.to_bits() as i32)
        .wrapping_sub(Self::OCTAVE.wrapping_mul(1023));
}

/// Writes [`key`](crate::key::key) of each of `values` to the same place of `out`; stops at the end of the shorter.
/// Gives whether all those values are finite.
///
/// Always inlined, so that a caller compiled with more instructions (`#[target_feature]`) gets a
/// version that uses them. The keys are the same in every version.
#[inline(always)]
pub fn keys(values: &[f64], out: &mut [i16]) -> bool {
    keys_with(values, out, |a, b, c| a * b + c)
}

/// As [`keys`], with `multiply_add` for a·b + c, which may round once or twice: for processors that
/// have one instruction for both. It decides how often a value is in doubt, not its key.
#[inline(always)]
pub fn keys_with(values: &[f64], out: &mut [i16], multiply_add: impl MultiplyAdd) -> bool {
    let len = values.len().min(out.len());
    let mut sizes = [0; PART];
    let mut finite = true;
    let parts = values[..len].chunks(PART).zip(out[..len].chunks_mut(PART));
    for (values, out) in parts {
        finite &= part(values, out, &mut sizes, multiply_add);
    }
    finite
}

/// A way to compute a·b + c.
pub trait MultiplyAdd: Fn(f32, f32, f32) -> f32 + Copy {}

impl<F: Fn(f32, f32, f32) -> f32 + Copy> MultiplyAdd for F {}

#[inline(always)]
fn part(
    values: &[f64],
    out: &mut [i16],
    sizes: &mut [i32; PART],
    multiply_add: impl MultiplyAdd,
) -> bool {
    // Loops of their own for what has different widths: vectors are as long as the widest allows.
    let (mut signs, mut largest) = (0, 0);
    for (size, v) in sizes.iter_mut().zip(values) {
        let upper = (v.to_bits() >> 32) as i32;
        signs |= upper;
        *size = upper & i32::MAX;
        largest = largest.max(*size);
    }
    for (key, size) in out.iter_mut().zip(&*sizes) {
        *key = estimate(*size, multiply_add);
    }
    if out.iter().fold(false, |any, key| any | (*key == IN_DOUBT)) {
        settle(values, out);
    }
    if signs < 0 {
        for (key, v) in out.iter_mut().zip(values) {
            let negative = (v.to_bits() as i64 >> 63) as i16;
            *key = (*key ^ negative) - negative;
        }
    }
    largest < (f64::INFINITY.to_bits() >> 32) as i32
}

/// The key for the upper half of a double without sign, or [`IN_DOUBT`].
#[inline(always)]
pub(crate) fn estimate(size: i32, multiply_add: impl MultiplyAdd) -> i16 {
    const P: [f32; 7] = Estimate::P;
    let size = size.clamp(Estimate::LOWEST, Estimate::HIGHEST);
    let x = (size & 0xf_ffff) as f32;
    let x2 = x * x;
    // `size` for the exponent: what the mantissa adds is taken off in the coefficient of x.
    let low = multiply_add(P[1], x, multiply_add(Estimate::REST, size as f32, P[0]));
    let middle = multiply_add(P[3], x, P[2]);
    let high = multiply_add(P[6], x2, multiply_add(P[5], x, P[4]));
    let p = multiply_add(high, x2 * x2, multiply_add(middle, x2, low));
    let octaves = (size >> 20)
        .wrapping_mul(Estimate::OCTAVE)
        .wrapping_add(Estimate::ZERO);
    let f = octaves.wrapping_add((p + Estimate::TO_INTEGER).to_bits() as i32);
    if f & Estimate::NOT_IN_DOUBT == 0 {
        IN_DOUBT
    } else {
        (f >> 16) as i16
    }
}

/// Gives the values in doubt their keys, without sign.
#[cold]
fn settle(values: &[f64], out: &mut [i16]) {
    for (k, v) in out.iter_mut().zip(values) {
        if *k == IN_DOUBT {
            *k = decide(v.abs().to_bits());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::key;
    use crate::logarithm;

    #[test]
    fn an_estimate_is_right_or_in_doubt() {
        right_or_in_doubt(|a, b, c| a * b + c);
    }

    #[test]
    fn an_estimate_rounded_less_often_is_right_or_in_doubt() {
        // The product of two floats is exact as a double, which is all that counts: whether the
        // sum is rounded once more on the way to a float is seen in one case of 2^29.
        right_or_in_doubt(|a, b, c| (f64::from(a) * f64::from(b) + f64::from(c)) as f32);
    }

    fn right_or_in_doubt(multiply_add: impl MultiplyAdd) {
        let mut in_doubt = 0;
        // All mantissas of the lowest and the highest octaves, and of some between.
        for exponent in [0, 992, 993, 1022, 1023, 1029, 1500, 1725, 1726, 1727, 2046] {
            for x in 0..1 << 20 {
                let size = exponent << 20 | x;
                let found = estimate(size, multiply_add);
                // The first and the last double with this upper half.
                let first = (size as u64) << 32;
                if found == IN_DOUBT {
                    in_doubt += u32::from(logarithm::key(first) > 1);
                    continue;
                }
                for bits in [first, first | 0xffff_ffff] {
                    assert_eq!(found, logarithm::key(bits), "{bits:#x}");
                }
            }
        }
        assert!(in_doubt < 11 << 10, "{in_doubt} of 11 * 2^20 in doubt");
    }

    #[test]
    fn keys_of_any_number_of_values_are_those_of_key() {
        let value = |i: usize| [1.5, -2e-9, 0.0, -0.0, 1e300, 9.94e-10, -7e5][i % 7] * i as f64;
        for len in 0..300 {
            let values: alloc::vec::Vec<f64> = (0..len).map(value).collect();
            let mut found = alloc::vec![0; len];
            assert!(keys(&values, &mut found));
            assert!(found.iter().zip(&values).all(|(k, v)| *k == key(*v)));
        }
    }

    #[test]
    fn values_that_are_not_finite_are_noticed_and_have_the_outermost_keys() {
        for bad in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -f64::NAN] {
            for at in [0, 100, 127, 128, 200] {
                let (mut values, mut found) = ([1.0; 201], [0; 201]);
                values[at] = bad;
                assert!(!keys(&values, &mut found));
                assert_eq!(found[at], key(bad));
                assert!(keys(&values[..at], &mut found));
            }
        }
        assert!(keys(&[f64::MAX, -f64::MAX], &mut [0; 2]));
    }
}
