//! Numbers as Go's `strconv.ParseFloat` reads them, since that is what the Agent calls.
//!
//! ```text
//! number   = [sign] ( decimal / hex / "inf" / "infinity" ) / "nan"        any case
//! decimal  = digits [ "." [digits] ] [exponent] / "." digits [exponent]   exponent = e [sign] digits
//! hex      = "0x" mantissa "p" [sign] digits                              the exponent is required
//! ```
//!
//! Single underscores may stand between digits and after `0x`. A finite number beyond the largest
//! double is an error, not infinity.

/// Why a text is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatError {
    /// The text is not a number.
    Syntax,
    /// The number is beyond the largest double.
    Range,
}

/// Reads a number as Go does, correctly rounded.
///
/// # Errors
/// [`FloatError`].
pub fn parse_float(text: &str) -> Result<f64, FloatError> {
    let plain = |b: &u8| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
    if text.as_bytes().iter().all(plain) {
        return parse_decimal(text);
    }
    if let Some(special) = parse_special(text) {
        return Ok(special);
    }
    if !text.contains('_') {
        return parse_digits(text);
    }
    if !underscores_are_between_digits(text.as_bytes()) {
        return Err(FloatError::Syntax);
    }
    let mut short = [0; 100];
    if text.len() > short.len() {
        return parse_digits(&text.replace('_', ""));
    }
    let mut len = 0;
    for byte in text.bytes().filter(|b| *b != b'_') {
        short[len] = byte;
        len += 1;
    }
    let stripped = core::str::from_utf8(&short[..len]).map_err(|_| FloatError::Syntax)?;
    parse_digits(stripped)
}

fn parse_digits(text: &str) -> Result<f64, FloatError> {
    let (negative, digits) = split_sign(text);
    if digits.len() >= 2 && digits[..2].eq_ignore_ascii_case(b"0x") {
        let magnitude = parse_hex(&digits[2..])?;
        return Ok(if negative { -magnitude } else { magnitude });
    }
    // The standard library reads the words of `parse_special` in forms that Go does not.
    if digits.first().is_some_and(u8::is_ascii_alphabetic) {
        return Err(FloatError::Syntax);
    }
    parse_decimal(text)
}

fn parse_decimal(text: &str) -> Result<f64, FloatError> {
    let value: f64 = text.parse().map_err(|_| FloatError::Syntax)?;
    if value.is_infinite() {
        Err(FloatError::Range)
    } else {
        Ok(value)
    }
}

fn parse_special(text: &str) -> Option<f64> {
    // Go reads a sign before infinities only.
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    let (negative, word) = split_sign(text);
    let infinite = word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity");
    infinite.then_some(if negative {
        f64::NEG_INFINITY
    } else {
        f64::INFINITY
    })
}

fn split_sign(text: &str) -> (bool, &[u8]) {
    match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    }
}

/// Whether each underscore has a digit on both sides; the prefix `0x` counts as a digit.
fn underscores_are_between_digits(text: &[u8]) -> bool {
    let unsigned = match text {
        [b'-' | b'+', rest @ ..] => rest,
        all => all,
    };
    let hex = unsigned.len() >= 2 && unsigned[..2].eq_ignore_ascii_case(b"0x");
    let digits = if hex { &unsigned[2..] } else { unsigned };
    let is_digit = |b: u8| {
        if hex {
            b.is_ascii_hexdigit()
        } else {
            b.is_ascii_digit()
        }
    };
    let mut after_digit = hex;
    for (i, b) in digits.iter().enumerate() {
        let before_digit = digits.get(i + 1).is_some_and(|next| is_digit(*next));
        if *b == b'_' && !(after_digit && before_digit) {
            return false;
        }
        after_digit = is_digit(*b);
    }
    true
}

/// Reads `mantissa p exponent` and rounds once, to the nearest double, ties to even.
fn parse_hex(text: &[u8]) -> Result<f64, FloatError> {
    let mut mantissa = 0u64;
    let mut exponent = 0i64;
    // Whether a digit that found no room in the mantissa was not 0.
    let mut sticky = false;
    let (mut any, mut point, mut at) = (false, false, 0);
    while let Some(&b) = text.get(at) {
        if let Some(digit) = char::from(b).to_digit(16) {
            any = true;
            if mantissa >> 60 == 0 {
                mantissa = mantissa << 4 | u64::from(digit);
                exponent -= if point { 4 } else { 0 };
            } else {
                sticky |= digit != 0;
                exponent += if point { 0 } else { 4 };
            }
        } else if b == b'.' && !point {
            point = true;
        } else {
            break;
        }
        at += 1;
    }
    match text.get(at) {
        Some(b'p' | b'P') if any => {}
        _ => return Err(FloatError::Syntax),
    }
    exponent = exponent.saturating_add(parse_exponent(&text[at + 1..])?);
    scale(mantissa, exponent, sticky)
}

fn parse_exponent(text: &[u8]) -> Result<i64, FloatError> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(FloatError::Syntax);
    }
    let magnitude = digits.iter().fold(0i64, |e, d| {
        e.saturating_mul(10).saturating_add(i64::from(d - b'0'))
    });
    Ok(if negative { -magnitude } else { magnitude })
}

/// mantissa · 2^exponent, a little more if `sticky`.
fn scale(mantissa: u64, exponent: i64, sticky: bool) -> Result<f64, FloatError> {
    if mantissa == 0 {
        return Ok(0.0);
    }
    let zeros = mantissa.leading_zeros();
    let mantissa = mantissa << zeros;
    // The exponent of the leading bit.
    let leading = exponent.saturating_add(63 - i64::from(zeros));
    if leading > 1023 {
        return Err(FloatError::Range);
    }
    // 53 bits stay, fewer below the smallest normal double; one more would be of no effect.
    let keep = 53 - (-1022 - leading).clamp(0, 54);
    if keep < 0 {
        return Ok(0.0);
    }
    let shift = 64 - keep as u32;
    let kept = mantissa.checked_shr(shift).unwrap_or(0);
    let dropped = mantissa - kept.checked_shl(shift).unwrap_or(0);
    let half = 1u64 << (shift - 1);
    let up = dropped > half || dropped == half && (sticky || kept & 1 == 1);
    let biased = (leading + 1023).max(1) as u64;
    let bits = ((biased - 1) << 52) + kept + u64::from(up);
    let value = f64::from_bits(bits);
    if value.is_infinite() {
        Err(FloatError::Range)
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_those_of_the_standard_library() {
        for text in [
            "0",
            "-0",
            "+1",
            ".5",
            "5.",
            "-1.5e-3",
            "1E23",
            "4e-324",
            "1e-400",
            "123456789.123",
        ] {
            let value = parse_float(text).unwrap();
            assert_eq!(
                value.to_bits(),
                text.parse::<f64>().unwrap().to_bits(),
                "{text}"
            );
        }
    }

    #[test]
    fn what_go_does_not_read_is_refused() {
        for text in [
            "",
            " 1",
            "1 ",
            "1x",
            ".",
            "-",
            "e5",
            "1e",
            "1e+",
            "1.1.",
            "--1",
            "+nan",
            "-nan",
            "infi",
            "1e5.",
            "0x",
            "0x1",
            "0x.p1",
            "0x1p",
            "0x1p+",
            "0x1.2.3p4",
            "1p2",
            "0b1",
            "1,5",
        ] {
            assert_eq!(parse_float(text), Err(FloatError::Syntax), "{text:?}");
        }
        for text in [
            "1e309",
            "-2e308",
            "0x1p1024",
            "0x1.fffffffffffff8p1023",
            "0x1p99999999999999999999",
        ] {
            assert_eq!(parse_float(text), Err(FloatError::Range), "{text:?}");
        }
    }

    #[test]
    fn words_are_read_in_any_case() {
        for text in ["nan", "NaN", "NAN"] {
            assert!(parse_float(text).unwrap().is_nan());
        }
        for (text, value) in [
            ("inf", f64::INFINITY),
            ("+Infinity", f64::INFINITY),
            ("-INF", -f64::INFINITY),
        ] {
            assert_eq!(parse_float(text), Ok(value));
        }
    }

    #[test]
    fn underscores_stand_between_digits() {
        assert_eq!(parse_float("1_000"), Ok(1000.0));
        assert_eq!(parse_float("1_23.50_0_0e+1_2"), Ok(1.235e14));
        assert_eq!(parse_float("0x_1_2.3_4_5p+1_2"), Ok(74565.0));
        assert_eq!(parse_float(&format!("1_0{}", "0".repeat(200))), Ok(1e201));
        for text in [
            "_1", "1_", "1__0", "-_1", "1_.5", "1._5", "1_e5", "1e_5", "1e+_5", "1e5_", "0_x1p1",
            "0x__1p1", "0x1_p1", "0x1p_1", "_", "_inf", "in_f",
        ] {
            assert_eq!(parse_float(text), Err(FloatError::Syntax), "{text:?}");
        }
    }

    #[test]
    fn hexadecimal_numbers_are_rounded_once_and_to_even() {
        for (text, value) in [
            ("0x1p0", 1.0),
            ("-0x1eP-1", -15.0),
            ("0x.8p1", 1.0),
            ("0x0.fp4", 15.0),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.000000000000081p0", 1.0 + f64::EPSILON),
            ("0x1.00000000000018p0", 1.0 + 2.0 * f64::EPSILON),
            ("0x1p-1074", 5e-324),
            ("0x1p-1075", 0.0),
            ("0x1.8p-1075", 5e-324),
            ("0x1.0000000000000000000001p-1075", 5e-324),
            ("0x1p-1076", 0.0),
            ("0x0.fffffffffffff8p-1022", f64::MIN_POSITIVE),
            ("0x0p99999999999999999999", 0.0),
            ("0x1p-99999999999999999999", 0.0),
        ] {
            assert_eq!(parse_float(text), Ok(value), "{text}");
        }
        let long = format!("0x1.00000000000008{}1p0", "0".repeat(1000));
        assert_eq!(parse_float(&long), Ok(1.0 + f64::EPSILON));
        let long = format!("0x{}p-4000", "1".to_owned() + &"0".repeat(1000));
        assert_eq!(parse_float(&long), Ok(1.0));
    }
}
