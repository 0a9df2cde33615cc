//! Writing JSON text and numbers.

use std::io::Write;

/// Writes `text` as a JSON string. Only what must be escaped is: the quote, the backslash and
/// control characters; line and paragraph separators too, since some log collectors split there.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut clean_from = 0;
    for (i, b) in bytes.iter().enumerate() {
        let escaped = match b {
            b'"' | b'\\' | 0..=0x1f | 0x7f => 1,
            0xe2 if matches!(bytes.get(i + 1..i + 3), Some([0x80, 0xa8 | 0xa9])) => 3,
            _ => continue,
        };
        out.extend_from_slice(&bytes[clean_from..i]);
        clean_from = i + escaped;
        match b {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0xe2 => out.extend_from_slice(if bytes[i + 2] == 0xa8 {
                b"\\u2028"
            } else {
                b"\\u2029"
            }),
            control => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let digits = [
                    HEX[usize::from(control >> 4)],
                    HEX[usize::from(control & 15)],
                ];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
            }
        }
    }
    out.extend_from_slice(&bytes[clean_from..]);
    out.push(b'"');
}

/// Writes a finite number so that it reads back to the same bits, −0.0 included: without a
/// fraction if it is whole and below 2^53, otherwise as the shortest decimal.
///
/// Also Go's and DogStatsD's form of a number.
pub(crate) fn put_number(out: &mut Vec<u8>, v: f64) {
    debug_assert!(
        v.is_finite(),
        "the caller has left out what JSON cannot say"
    );
    const EXACT: f64 = (1u64 << 53) as f64;
    let done = if v == v.trunc() && v.abs() < EXACT && (v != 0.0 || v.is_sign_positive()) {
        write!(out, "{}", v as i64)
    } else {
        write!(out, "{v:?}")
    };
    // Writing to a vector does not fail.
    debug_assert!(done.is_ok());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(s: &str) -> String {
        let mut out = Vec::new();
        put_text(&mut out, s);
        String::from_utf8(out).unwrap()
    }

    fn number(v: f64) -> String {
        let mut out = Vec::new();
        put_number(&mut out, v);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_is_escaped_no_more_than_needed() {
        assert_eq!(text("env:prod"), r#""env:prod""#);
        assert_eq!(text("a\"b\\c/d<é>"), r#""a\"b\\c/d<é>""#);
        assert_eq!(
            text("\n\r\t\u{0}\u{1f}\u{7f}"),
            r#""\n\r\t\u0000\u001f\u007f""#
        );
        assert_eq!(
            text("a\u{2028}\u{2029}\u{2027}b"),
            "\"a\\u2028\\u2029\u{2027}b\""
        );
    }

    #[test]
    fn numbers_are_short() {
        for (v, expected) in [
            (0.0, "0"),
            (-0.0, "-0.0"),
            (100.0, "100"),
            (-3.0, "-3"),
            (0.1, "0.1"),
            (1e300, "1e300"),
            (9_007_199_254_740_992.0, "9007199254740992.0"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(number(v), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_and_number_is_read_back_by_another_reader(s in any::<String>(), bits in any::<u64>()) {
            prop_assert_eq!(serde_json::from_str::<String>(&text(&s)).unwrap(), s);
            let v = f64::from_bits(bits);
            if v.is_finite() {
                let read: f64 = serde_json::from_str(&number(v)).unwrap();
                prop_assert_eq!(read.to_bits(), v.to_bits());
            }
        }
    }
}
