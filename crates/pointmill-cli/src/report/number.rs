//! Numbers as text: exact for machines, short for eyes.

/// From here on, and below the inverse, powers of ten are written as exponents.
const LARGE: f64 = 1e15;

/// Digits that count in [`short`]: more than the accuracy of a percentile (1/129) deserves.
const DIGITS: i32 = 5;

/// The shortest decimal that reads back as the same double.
#[must_use]
pub fn exact(n: f64) -> String {
    if n == 0.0 || (1e-5..LARGE).contains(&n.abs()) {
        n.to_string()
    } else {
        format!("{n:e}")
    }
}

/// Five digits at most behind a whole part that is never cut: `-13`, `8.2511`, `226213`, `1.5e20`.
#[must_use]
pub fn short(n: f64) -> String {
    let size = n.abs();
    if size == 0.0 || !n.is_finite() {
        return n.to_string();
    }
    if !(1e-4..LARGE).contains(&size) {
        return format!("{n:.*e}", DIGITS as usize - 1).replacen(".0000e", "e", 1);
    }
    let whole_digits = size.log10().floor() as i32 + 1;
    let decimals = (DIGITS - whole_digits).max(0) as usize;
    let text = format!("{n:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Text from outside, safe to show on a terminal: control characters escaped.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default())
        } else {
            out.push(c)
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_numbers_keep_their_whole_part_and_five_digits() {
        for (n, text) in [
            (0.0, "0"),
            (-13.0, "-13"),
            (8.25114, "8.2511"),
            (99.99996, "100"),
            (123_456_789.4, "123456789"),
            (0.001_234_567, "0.0012346"),
            (1e-7, "1e-7"),
            (1.5e20, "1.5000e20"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(short(n), text);
        }
    }

    #[test]
    fn exact_numbers_read_back() {
        for n in [
            0.0,
            -1.0,
            33.0,
            0.1,
            1e300,
            -1e-300,
            5e-324,
            123.456e12,
            f64::MAX,
        ] {
            let text = exact(n);
            assert_eq!(
                text.parse::<f64>().unwrap().to_bits(),
                n.to_bits(),
                "{text}"
            );
            assert!(text.len() < 30, "{text}");
        }
    }

    #[test]
    fn nothing_from_outside_reaches_the_terminal_as_a_command() {
        assert_eq!(printable("a\u{1b}[2Jb\nü"), "a\\u{1b}[2Jb\\nü");
    }
}
