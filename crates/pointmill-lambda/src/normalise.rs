//! Text made fit for a datagram.
//!
//! A datagram is `name:value|d|#tag,tag|Tseconds`; a character of a tag that is neither a word's nor
//! one of `-:/.` becomes `_`, as in the Python layer, whose words are Unicode's: letters and
//! numbers of every script are kept. In a name only what would end it (`:`, `|`, a line feed)
//! becomes `_`; the incumbents send such a name as it is, and the receiver loses the point.

use unicode_general_category::{GeneralCategory, get_general_category};

/// Appends a tag.
pub(crate) fn put_tag(out: &mut Vec<u8>, tag: &str) {
    for c in tag.chars() {
        put_char(out, if is_of_tag(c) { c } else { '_' });
    }
}

/// Appends a metric's name. One that the receiver would take for an event or a check loses its
/// leading underscores.
pub(crate) fn put_name(out: &mut Vec<u8>, name: &str) {
    let special = name.starts_with("_e{") || name.starts_with("_sc");
    let name = if special {
        name.trim_start_matches('_')
    } else {
        name
    };
    for c in name.chars() {
        put_char(
            out,
            if matches!(c, ':' | '|' | '\n') {
                '_'
            } else {
                c
            },
        );
    }
}

fn put_char(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Whether Python's `[\w\d_\-:/.]` takes the character.
fn is_of_tag(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '/' | '.');
    }
    use GeneralCategory as C;
    matches!(
        get_general_category(c),
        C::UppercaseLetter
            | C::LowercaseLetter
            | C::TitlecaseLetter
            | C::ModifierLetter
            | C::OtherLetter
            | C::DecimalNumber
            | C::LetterNumber
            | C::OtherNumber
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> String {
        let mut out = Vec::new();
        put_tag(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    // The last line was asked of CPython.
    #[test]
    fn tags_keep_words_of_every_script() {
        for (text, expected) in [
            ("taga:valuea,tagb:valueb", "taga:valuea_tagb:valueb"),
            ("é:ü", "é:ü"),
            ("a b|c,d#e@f", "a_b_c_d_e_f"),
            ("日本:x", "日本:x"),
            ("emoji:😀", "emoji:_"),
            ("path:/a/b", "path:/a/b"),
            ("bad?tag", "bad_tag"),
            ("½Ⅷ²ﾊｱ\u{301}€", "½Ⅷ²ﾊｱ__"),
        ] {
            assert_eq!(tag(text), expected);
        }
    }

    #[test]
    fn a_name_cannot_end_early() {
        for (name, expected) in [
            ("a::b|c\nd", "a__b_c_d"),
            ("_e{5,3}", "e{5,3}"),
            ("_score", "score"),
            ("my.métric 日", "my.métric 日"),
        ] {
            let mut out = Vec::new();
            put_name(&mut out, name);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
