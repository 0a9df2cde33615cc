//! Numbers and names as text: exact for machines; short, safe and wrapped for eyes.

/// From here on, and below the inverse, powers of ten are written as exponents.
const LARGE: f64 = 1e15;

/// Digits that count in [`short`]: one more than the accuracy of a percentile (1/129) deserves.
const DIGITS: i32 = 4;

/// The shortest decimal that reads back as the same double.
#[must_use]
pub fn exact(n: f64) -> String {
    if n == 0.0 || (1e-5..LARGE).contains(&n.abs()) {
        n.to_string()
    } else {
        format!("{n:e}")
    }
}

/// Four digits, or all of a longer whole part: `-13`, `8.251`, `226213`, `1.5e20`.
#[must_use]
pub fn short(n: f64) -> String {
    let size = n.abs();
    if size == 0.0 || !n.is_finite() {
        return n.to_string();
    }
    if !(1e-4..LARGE).contains(&size) {
        let text = format!("{n:.*e}", DIGITS as usize - 1);
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        return format!(
            "{}e{power}",
            digits.trim_end_matches('0').trim_end_matches('.')
        );
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

/// `text` in lines of at most `width` characters, cut at spaces where there are any; lines after
/// the first are indented.
#[must_use]
pub fn wrap(text: &str, width: usize) -> String {
    const INDENT: &str = "  ";
    let mut out = String::new();
    let mut used = 0;
    for (i, word) in text.split(' ').enumerate() {
        let mut word: Vec<char> = word.chars().collect();
        if i > 0 && used + 1 + word.len() <= width {
            out.push(' ');
            used += 1;
        } else if i > 0 {
            out.push('\n');
            out.push_str(INDENT);
            used = INDENT.len();
        }
        while used + word.len() > width && width > INDENT.len() {
            let rest = word.split_off(width - used);
            out.extend(word);
            out.push('\n');
            out.push_str(INDENT);
            used = INDENT.len();
            word = rest;
        }
        used += word.len();
        out.extend(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_numbers_keep_their_whole_part_and_four_digits() {
        for (n, text) in [
            (0.0, "0"),
            (-13.0, "-13"),
            (8.25114, "8.251"),
            (99.996, "100"),
            (123_456_789.4, "123456789"),
            (0.001_234_567, "0.001235"),
            (1e-7, "1e-7"),
            (1.5e20, "1.5e20"),
            (f64::MAX, "1.798e308"),
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

    #[test]
    fn wrapped_lines_fit_and_lose_nothing() {
        assert_eq!(wrap("m a:b c:d", 80), "m a:b c:d");
        assert_eq!(wrap("metric a:b c:d", 10), "metric a:b\n  c:d");
        assert_eq!(wrap("abcdefghij kl", 6), "abcdef\n  ghij\n  kl");
        for width in 3..30 {
            let text = "metric.name env:production a:very-long-tag-without-any-space z";
            let wrapped = wrap(text, width);
            assert!(
                wrapped.lines().all(|line| line.chars().count() <= width),
                "{wrapped}"
            );
            let joined = |text: &str| text.replace([' ', '\n'], "");
            assert_eq!(joined(&wrapped), joined(text));
        }
    }
}
