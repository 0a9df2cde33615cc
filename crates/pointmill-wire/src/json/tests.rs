//! The reader, held against another one.

use proptest::prelude::*;

use super::*;

fn reader(text: &[u8]) -> JsonReader<'_> {
    JsonReader::new(text, &DecodeLimits::default()).unwrap()
}

/// Whether the whole text is one JSON value.
fn accepts(text: &[u8]) -> bool {
    let mut json = reader(text);
    json.skip().and_then(|()| json.finish()).is_ok()
}

fn other_accepts(text: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(text).is_ok()
}

#[test]
fn values_of_every_kind_are_stepped_over() {
    for text in [
        r#"{"a":[1,-0.5e+3,true,false,null,"x\u00e9\ud83d\ude00\n"],"b":{}}"#,
        " [ ] ",
        "0",
        r#""""#,
        "1e400000",
    ] {
        assert!(accepts(text.as_bytes()), "{text}");
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        "{",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "[1 2]",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "NaN",
        "Infinity",
        "nul",
        "\"a",
        "\"\n\"",
        r#""\x""#,
        r#""\ud83d""#,
        r#""\ude00""#,
        r#""\u12g4""#,
        r#""\ud83d\u0041""#,
        "1 1",
        "{\"a\":1,}",
        "\u{feff}1",
        "[",
    ] {
        assert!(!accepts(text.as_bytes()), "{text:?}");
        assert!(!other_accepts(text.as_bytes()), "{text:?}");
    }
    assert!(!accepts(b"\"\xff\""));
}

#[test]
fn errors_name_the_byte() {
    let error = |text: &str| {
        let mut json = reader(text.as_bytes());
        json.skip().and_then(|()| json.finish()).unwrap_err()
    };
    assert_eq!(error(r#"{"a": 1, "b": x}"#).offset, 14);
    assert_eq!(
        error("[1, 2").cause,
        Cause::Truncated { needed: 1, left: 0 }
    );
    assert_eq!(error("[1, 2").offset, 5);
    assert_eq!(error("[] []").offset, 3);
}

#[test]
fn text_without_escapes_is_borrowed() {
    assert!(matches!(
        reader(r#" "env:prod" "#.as_bytes()).text(""),
        Ok(Cow::Borrowed("env:prod"))
    ));
    let text = reader(br#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#)
        .text("")
        .unwrap();
    assert_eq!(text, "\"\\/\u{8}\u{c}\n\r\té😀");
}

#[test]
fn numbers_keep_their_bits_and_their_bounds() {
    let number = |text: &str| reader(text.as_bytes()).number("n");
    assert_eq!(number("-0").unwrap().to_bits(), (-0.0f64).to_bits());
    assert_eq!(number("0.1").unwrap(), 0.1);
    assert!(number("1e400").is_err());
    let integer = |text: &str| reader(text.as_bytes()).integer("n");
    assert_eq!(integer("9223372036854775807"), Ok(i64::MAX));
    assert_eq!(integer("1700000000.9"), Ok(1_700_000_000));
    assert_eq!(integer("-1.5e3"), Ok(-1500));
    assert!(integer("9223372036854775808").is_err());
    assert!(integer("1e999").is_err());
    assert!(integer("\"1\"").is_err());
}

#[test]
fn depth_and_entries_are_bounded() {
    let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
    assert!(accepts(nested(128).as_bytes()));
    assert!(!accepts(nested(129).as_bytes()));
    assert!(!accepts("[".repeat(1 << 20).as_bytes()));
    assert!(!accepts(&b"{\"a\":".repeat(1 << 18)));
    let limits = DecodeLimits {
        items_max: 3,
        ..DecodeLimits::default()
    };
    let skip = |text: &str| JsonReader::new(text.as_bytes(), &limits).unwrap().skip();
    assert_eq!(skip("[1,[2]]"), Ok(()));
    assert_eq!(
        skip("[1,[2],3]").unwrap_err().cause,
        Cause::Limit {
            name: "items_max",
            limit: 3
        }
    );
}

proptest! {
    #[test]
    fn both_readers_accept_the_same(text in r#"[\[\]{}:,"\\u0-9dDeE.+\-tfnrul a\x00é]{0,24}"#) {
        // The other one refuses numbers beyond the largest double already here.
        if !text.contains(['e', 'E']) {
            prop_assert_eq!(accepts(text.as_bytes()), other_accepts(text.as_bytes()));
        }
    }

    #[test]
    fn raw_is_the_text_of_the_value(text in r#"[ ]{0,2}("[a-z]{0,5}"|[1-9]{1,5}|\[1,2\])"#) {
        prop_assert_eq!(reader(text.as_bytes()).raw().unwrap(), text.trim_start().as_bytes());
    }
}
