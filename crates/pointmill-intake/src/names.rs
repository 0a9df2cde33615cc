//! Names and tags as the intake keeps them.
//!
//! The rules are those the Agent's trace code carries as "from metric normalization"
//! (`pkg/trace/traceutil/normalize/normalize.go` of `DataDog/datadog-agent`), with one exception:
//! the case of tags is kept unless lower case is asked for, because recent documentation describes
//! keys as case-sensitive and a function's or an airport's name should be found as it was written.

use std::borrow::Cow;

/// Longest metric name, in characters; they are ASCII by then.
const NAME_LEN_MAX: usize = 200;
/// Longest tag, in characters.
const TAG_CHARS_MAX: usize = 200;
/// Bytes of a tag that are looked at.
const TAG_BYTES_MAX: usize = 400;

/// The metric name as the intake keeps it; `None` if there is no ASCII letter in it.
///
/// Everything before the first letter goes; letters, digits and dots stay; every run of anything
/// else becomes one underscore, none beside a dot and none at the end.
#[must_use]
pub(crate) fn metric_name(name: &str) -> Option<Cow<'_, str>> {
    if conforms(name) {
        return Some(Cow::Borrowed(name));
    }
    let start = name.bytes().position(|b| b.is_ascii_alphabetic())?;
    let mut out = String::with_capacity(name.len().min(NAME_LEN_MAX));
    for b in name.as_bytes()[start..].iter().copied() {
        if out.len() == NAME_LEN_MAX {
            break;
        }
        match b {
            _ if b.is_ascii_alphanumeric() => out.push(char::from(b)),
            b'.' => {
                if out.ends_with('_') {
                    out.pop();
                }
                out.push('.');
            }
            _ if out.ends_with(['.', '_']) => {}
            _ => out.push('_'),
        }
    }
    if out.ends_with('_') {
        out.pop();
    }
    Some(Cow::Owned(out))
}

/// Whether [`metric_name`] would leave the name as it is, for names without a doubtful place.
fn conforms(name: &str) -> bool {
    let bytes = name.as_bytes();
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_');
    bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.len() <= NAME_LEN_MAX
        && bytes.iter().all(plain)
        && bytes.last() != Some(&b'_')
        && !bytes
            .windows(2)
            .any(|pair| matches!(pair, [b'_' | b'.', b'_'] | [b'_', b'.']))
}

/// The tag as the intake keeps it; empty if nothing of it can be kept.
///
/// Letters, digits and `: . / -` stay, what stands before the first letter or colon goes, every run
/// of anything else becomes one underscore, none at the end.
#[must_use]
pub(crate) fn tag(tag: &str, lower: bool) -> Cow<'_, str> {
    if tag_conforms(tag, lower) {
        return Cow::Borrowed(tag);
    }
    let mut out = String::with_capacity(tag.len().min(TAG_BYTES_MAX));
    let (mut chars, mut gap) = (0, false);
    for (at, c) in tag.char_indices() {
        if chars == TAG_CHARS_MAX || at >= TAG_BYTES_MAX {
            break;
        }
        let starts = c.is_alphabetic() || c == ':';
        if !starts && (out.is_empty() || !(c.is_ascii_digit() || matches!(c, '.' | '/' | '-'))) {
            gap = !out.is_empty();
            continue;
        }
        if gap {
            out.push('_');
            (chars, gap) = (chars + 1, false);
            if chars == TAG_CHARS_MAX {
                break;
            }
        }
        out.push(if lower { lower_case(c) } else { c });
        chars += 1;
    }
    while out.ends_with('_') {
        out.pop();
    }
    Cow::Owned(out)
}

/// The lower case of a character, if it takes as many bytes.
fn lower_case(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(l), None) if l.len_utf8() == c.len_utf8() => l,
        _ => c,
    }
}

fn tag_conforms(tag: &str, lower: bool) -> bool {
    let bytes = tag.as_bytes();
    let plain = |b: &u8| {
        (b.is_ascii_alphanumeric() && !(lower && b.is_ascii_uppercase()))
            || matches!(b, b':' | b'.' | b'/' | b'-' | b'_')
    };
    bytes
        .first()
        .is_some_and(|b| b.is_ascii_alphabetic() || *b == b':')
        && bytes.len() <= TAG_CHARS_MAX
        && bytes.iter().all(plain)
        && bytes.last() != Some(&b'_')
        && !bytes.windows(2).any(|pair| pair == b"__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metric_names_are_those_of_the_intake() {
        for (sent, kept) in [
            ("a..b", "a..b"),
            ("a._b", "a.b"),
            ("a_.b", "a.b"),
            ("9x y", "x_y"),
            ("trailing_", "trailing"),
            ("ünder-score!!", "nder_score"),
            ("page.views", "page.views"),
            ("Case.Kept", "Case.Kept"),
        ] {
            assert_eq!(metric_name(sent).as_deref(), Some(kept), "{sent}");
        }
        assert_eq!(metric_name("123_é"), None);
        assert_eq!(metric_name(&"a".repeat(300)).map(|n| n.len()), Some(200));
        assert!(matches!(metric_name("a.b_c"), Some(Cow::Borrowed(_))));
    }

    #[test]
    fn tags_are_those_of_the_intake_but_for_their_case() {
        for (sent, kept) in [
            ("env:prod", "env:prod"),
            ("origin:ATL", "origin:ATL"),
            ("#tag", "tag"),
            ("9:x", ":x"),
            ("a b  c", "a_b_c"),
            ("trail__", "trail"),
            ("ciudad:Málaga", "ciudad:Málaga"),
            ("a,b", "a_b"),
            ("--", ""),
            ("", ""),
        ] {
            assert_eq!(tag(sent, false), kept, "{sent}");
        }
        assert_eq!(tag("Env:PROD Ünit", true), "env:prod_ünit");
        assert_eq!(tag(&"é".repeat(300), false).chars().count(), 200);
        assert!(matches!(tag("a:b/c-d.e_f", false), Cow::Borrowed(_)));
    }
}
