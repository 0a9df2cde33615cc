//! The Agent's own definition of a key, and what follows from it for the edges of bins. The build
//! script uses this file too.
//!
//! ```text
//! key(v)   = roundTiesToEven(ln v / ln γ) + 1338, each operation rounded to a double
//! first(k) = the smallest double with key k
//! ```
//!
//! The key belongs to one particular logarithm, the fdlibm one that the Agent runs on amd64, without
//! fused multiply-add. Rust never contracts `a * b + c` on its own, so the keys are the same on every
//! platform with IEEE 754 doubles.
//!
//! An edge follows from the roundings, but for its last bits. With c = k − 1338 − ½, and half a unit
//! for half the distance of neighbouring doubles,
//!
//! ```text
//! l        = the smallest double whose quotient is rounded to k, not to k − 1
//!          = c ln γ ± (½ unit of c) ln γ, rounded up        below c for an even k, which gets ties
//! first(k) ~ e^(l − ½ unit of l)                            a logarithm from there on is rounded to l
//!          ~ e^(c ln γ) (1 + (l − ½ unit of l − c ln γ))
//! ```
//!
//! What is missing are the few units that the logarithm's steps before the last are off.

/// Natural logarithm of γ = 65/64, the double the Agent divides by.
pub(crate) const GAMMA_LN: f64 = 0.015_504_186_535_965_254;

/// The key of 1.0: one more than the number of bins between 1e-9, the configured minimum, and 1.
pub(crate) const BIAS: i32 = 1338;

/// The smallest double with key 1, by definition the Agent's `pow(65/64, -1337)`.
pub(crate) const MIN_BITS: u64 = 0x3e11_1479_4260_12e9;

/// 1.5 · 2^52: added to a smaller double and taken off again, it rounds to an integer, ties to even.
const TO_INTEGER: f64 = 6_755_399_441_055_744.0;

/// The key of the positive double with these bits, by the definition. About 10 ns.
pub(crate) fn key(bits: u64) -> i16 {
    if bits < MIN_BITS {
        return 0;
    }
    // What is not finite counts as the largest double, whose key is the largest.
    let bits = bits.min(f64::MAX.to_bits());
    let index = (ln(bits) / GAMMA_LN + TO_INTEGER) - TO_INTEGER;
    (index as i32 + BIAS).clamp(1, 32767) as i16
}

/// Natural logarithm of a positive normal double: fdlibm's `__ieee754_log`, whose steps and
/// coefficients Go's `math.Log` shares.
#[expect(
    clippy::excessive_precision,
    reason = "the digits as published, for comparing"
)]
fn ln(bits: u64) -> f64 {
    const LN2_HI: f64 = 6.931_471_803_691_238_164_90e-01;
    const LN2_LO: f64 = 1.908_214_929_270_587_700_02e-10;
    const L: [f64; 7] = [
        6.666_666_666_666_735_130e-01,
        3.999_999_999_940_941_908e-01,
        2.857_142_874_366_239_149e-01,
        2.222_219_843_214_978_396e-01,
        1.818_357_216_161_805_012e-01,
        1.531_383_769_920_937_332e-01,
        1.479_819_860_511_658_591e-01,
    ];

    // value = fraction * 2^exponent with the fraction in [√½, √2).
    let mut exponent = (bits >> 52) as i32 - 1022;
    let mut fraction = f64::from_bits((bits & ((1 << 52) - 1)) | (1022 << 52));
    if fraction < core::f64::consts::FRAC_1_SQRT_2 {
        fraction *= 2.0;
        exponent -= 1;
    }
    let exponent = f64::from(exponent);
    let f = fraction - 1.0;

    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let odd = s2 * (L[0] + s4 * (L[2] + s4 * (L[4] + s4 * L[6])));
    let even = s4 * (L[1] + s4 * (L[3] + s4 * L[5]));
    let r = odd + even;
    let half_square = 0.5 * f * f;
    exponent * LN2_HI - ((half_square - (s * (half_square + r) + exponent * LN2_LO)) - f)
}

/// c ln γ for a multiple of ½ below 2^15, as an exact sum of two doubles, the first the larger.
pub(crate) fn log_of(c: f64) -> (f64, f64) {
    // 27 bits of the one factor and 16 of the other: both products are exact.
    const HIGH: f64 = f64::from_bits(GAMMA_LN.to_bits() & !((1 << 26) - 1));
    (c * HIGH, c * (GAMMA_LN - HIGH))
}

/// The bits of the smallest double with key `k` (1 < k ≤ 32767), up to a few of its units; `power`
/// is e^(c ln γ), nearly.
pub(crate) fn first_nearly(k: i16, power: f64) -> u64 {
    let c = f64::from(i32::from(k) - BIAS) - 0.5;
    let half = f64::from(k & 1) - 0.5;
    let bound = half * unit(c) * GAMMA_LN;
    // c ln γ to the nearest double, how far that lies beyond it, exactly, and l in units from there.
    let (high, low) = log_of(c);
    let nearest = high + low;
    let (beyond, unit) = ((nearest - high) - low, unit(nearest));
    let a_unit = f64::from_bits(((2 * 1023) << 52) - unit.to_bits());
    let up = (bound * a_unit + 0.5) - beyond * a_unit;
    let steps = (up + TO_INTEGER) - TO_INTEGER;
    // In this order, since the steps are what is known last.
    let edge = power + power * (beyond - unit / 2.0) + power * unit * steps;
    edge.to_bits()
}

/// The distance from `v` to the next double away from zero, a power of two.
fn unit(v: f64) -> f64 {
    f64::from_bits(v.to_bits() & (0x7ff << 52)) * f64::EPSILON
}
