//! `ln`, `exp` and their base-2 siblings from arithmetic alone, since `core` has none.
//!
//! Each is a range reduction and a truncated power series; the series are cut where the next term
//! is below 2⁻⁵⁵ of the result. Against correctly rounded results the error stays within one unit
//! in the last place (`stays_within_one_ulp`), save for [`log2`] near 1. No fused operations, so every platform computes the
//! same bits.
//!
//! ```text
//! ln(m·2^e) = e·ln 2 + ln(1 + f)            √½ ≤ m < √2, f = m − 1
//! ln(1 + f) = 2·artanh(s), s = f/(2 + f)    = 2s + s·(⅔z + ⅖z² + …), z = s² ≤ 0.0295
//! exp(k·ln 2 + r) = 2^k·(1 + r + r²/2! + …) |r| ≤ ½·ln 2
//! ```

/// The top 33 bits of ln 2: times any exponent of a double it is exact.
const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
/// ln 2 − [`LN_2_HIGH`], rounded.
const LN_2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);

/// 2/(2i + 1) for i = 1..=11: the artanh series after its first term.
const ARTANH: [f64; 11] = {
    let mut terms = [0.0; 11];
    let mut i = 0;
    while i < terms.len() {
        terms[i] = 2.0 / (2 * i + 3) as f64;
        i += 1;
    }
    terms
};

/// 1/i! for i = 2..=14: the exponential series after 1 + r.
const EXP: [f64; 13] = {
    let mut terms = [0.0; 13];
    let mut factorial = 1.0;
    let mut i = 0;
    while i < terms.len() {
        factorial *= (i + 2) as f64;
        terms[i] = 1.0 / factorial;
        i += 1;
    }
    terms
};

/// Splits a positive finite `x` into 1 ≤ m < 2 and e with x = m·2^e; subnormals included.
pub(super) fn significand_exponent(x: f64) -> (f64, i32) {
    const MIN_NORMAL: f64 = f64::MIN_POSITIVE;
    let (bits, bias) = if x < MIN_NORMAL {
        ((x * (1u64 << 54) as f64).to_bits(), 1023 + 54)
    } else {
        (x.to_bits(), 1023)
    };
    let exponent = (bits >> 52) as i32 - bias;
    (
        f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52),
        exponent,
    )
}

/// x·2^k, rounding once at most; 0 or infinite beyond the range.
pub(super) fn scale(x: f64, k: i32) -> f64 {
    let power = |k: i32| f64::from_bits(((k + 1023) as u64) << 52);
    match k {
        -1022..=1023 => x * power(k),
        1024..=2046 => x * power(1023) * power(k - 1023),
        // The first factor leaves a normal number, so only the second rounds.
        -2044..=-1023 => x * power(k + 1022) * power(-1022),
        2047.. => x * f64::INFINITY,
        _ => x * 0.0,
    }
}

/// ln(1 + f) for √½ − 1 ≤ f < √2 − 1, with `low` added where it loses least.
fn ln_1p_reduced(f: f64, low: f64) -> f64 {
    let s = f / (2.0 + f);
    let z = s * s;
    let mut tail = 0.0;
    for term in ARTANH.iter().rev() {
        tail = z * (term + tail);
    }
    // 2s = f − f²/2 + s·f²/2, which keeps the leading f exact.
    let half_square = 0.5 * f * f;
    f - (half_square - (s * (half_square + tail) + low))
}

/// √½ ≤ m < √2 and e with x = m·2^e.
fn centred(x: f64) -> (f64, i32) {
    let (m, e) = significand_exponent(x);
    if m >= core::f64::consts::SQRT_2 {
        (0.5 * m, e + 1)
    } else {
        (m, e)
    }
}

/// The natural logarithm of a positive finite number.
pub(super) fn ln(x: f64) -> f64 {
    let (m, e) = centred(x);
    let e = f64::from(e);
    e * LN_2_HIGH + ln_1p_reduced(m - 1.0, e * LN_2_LOW)
}

/// The base-2 logarithm of a positive finite number; exact for powers of two.
///
/// By way of a significand in [½, 1), as the Go library does it: for x just above 1 that cancels,
/// and the error is up to 2⁻⁵² in all rather than relative to the result. [`super::mapping`] needs
/// Go's very bits more than it needs those.
pub(super) fn log2(x: f64) -> f64 {
    let (m, e) = significand_exponent(x);
    if m == 1.0 {
        return f64::from(e);
    }
    ln(0.5 * m) * core::f64::consts::LOG2_E + f64::from(e + 1)
}

/// e^x; 0 or infinite beyond the range, NaN for NaN.
pub(super) fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    // Beyond these every result is 0 or infinite; inside, k fits its cast.
    let x = x.clamp(-800.0, 800.0);
    let k = round(x * core::f64::consts::LOG2_E);
    let high = x - k * LN_2_HIGH;
    scale(exp_reduced(high, k * LN_2_LOW), k as i32)
}

/// 2^x; 0 or infinite beyond the range, NaN for NaN; exact for integers.
pub(super) fn exp2(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let x = x.clamp(-1200.0, 1200.0);
    let k = round(x);
    scale(
        exp_reduced((x - k) * core::f64::consts::LN_2, 0.0),
        k as i32,
    )
}

/// e^(high − low) for |high − low| ≤ ½·ln 2 and a tiny `low`.
fn exp_reduced(high: f64, low: f64) -> f64 {
    let r = high - low;
    let mut tail = 0.0;
    for term in EXP.iter().rev() {
        tail = term + r * tail;
    }
    1.0 + (high + (r * r * tail - low))
}

/// base^exponent for a positive finite base.
pub(super) fn pow(base: f64, exponent: f64) -> f64 {
    exp(exponent * ln(base))
}

/// The nearest integer, half away from zero, for |x| < 2⁵².
fn round(x: f64) -> f64 {
    (x + if x < 0.0 { -0.5 } else { 0.5 }) as i64 as f64
}

/// The largest integer ≤ x, for |x| < 2⁵².
pub(super) fn floor(x: f64) -> f64 {
    let whole = x as i64 as f64;
    if whole > x { whole - 1.0 } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ulps(a: f64, b: f64) -> u64 {
        a.to_bits().abs_diff(b.to_bits())
    }

    /// Positive doubles over the whole range, dense around 1.
    fn samples() -> impl Iterator<Item = f64> {
        let wide = (1..0x7fe).flat_map(|exponent| {
            (0..64u64).map(move |i| {
                let mantissa = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 12;
                f64::from_bits(exponent << 52 | mantissa)
            })
        });
        let near_one = (-2000..2000).map(|i| 1.0 + f64::from(i) * 1.7e-4);
        wide.chain(near_one)
            .chain([5e-324, 1e-310, 1.0 + f64::EPSILON, f64::MAX])
            .filter(|&x| x > 0.0)
    }

    // The platform's own functions are within an ulp as well, hence two in all.
    #[test]
    fn stays_within_one_ulp() {
        for x in samples() {
            assert!(ulps(ln(x).abs(), x.ln().abs()) <= 2, "ln {x:e}");
            let error = (log2(x) - x.log2()).abs();
            assert!(
                error <= f64::EPSILON * x.log2().abs().max(1.0),
                "log2 {x:e}"
            );
        }
        for i in -75_000..71_000 {
            let x = f64::from(i) * 0.01;
            assert!(ulps(exp(x), x.exp()) <= 2, "exp {x}");
            let y = x * 1.5;
            assert!(ulps(exp2(y), y.exp2()) <= 2, "exp2 {y}");
        }
    }

    #[test]
    fn exact_where_the_result_is() {
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(exp(0.0), 1.0);
        for k in -1074..=1023 {
            let power = exp2(f64::from(k));
            assert_eq!(power, f64::from(k).exp2(), "{k}");
            assert_eq!(log2(power), f64::from(k), "{k}");
            assert_eq!(significand_exponent(power), (1.0, k));
        }
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!((exp(1e300), exp(-1e300)), (f64::INFINITY, 0.0));
        assert_eq!((exp2(1e300), exp2(-1e300)), (f64::INFINITY, 0.0));
        assert!(exp(f64::NAN).is_nan() && exp2(f64::NAN).is_nan());
        assert_eq!((exp2(1024.0), exp2(-1075.5)), (f64::INFINITY, 0.0));
        assert_eq!((scale(1.0, 3000), scale(1.0, -3000)), (f64::INFINITY, 0.0));
    }

    #[test]
    fn floor_of_both_signs() {
        for (x, expected) in [
            (1.5, 1.0),
            (-1.5, -2.0),
            (-2.0, -2.0),
            (2.0, 2.0),
            (-0.25, -1.0),
        ] {
            assert_eq!(floor(x), expected);
        }
    }
}
