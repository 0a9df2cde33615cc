//! Tags of AWS as tags of Datadog.

/// The longest tag, in characters, as Datadog's forwarder cuts it.
const TAG_CHARS_MAX: usize = 200;

/// The Datadog tag of an AWS tag: `key:value`, or the key alone for an empty value. `None` if
/// nothing of the key is left.
///
/// A colon in the key becomes `_`. Then both: lower case; every character but letters, digits,
/// `_ : - . /` becomes `_`; runs of `_` become one; one at the end goes. The key's leading `_` and
/// digits go if it begins with one of them. Cut to 200 characters.
#[must_use]
pub fn sanitize(key: &str, value: &str) -> Option<String> {
    let key = clean(&key.replace(':', "_"));
    let leads = |c: char| c == '_' || c.is_ascii_digit();
    let key = key.trim_start_matches(leads);
    if key.is_empty() {
        return None;
    }
    let value = clean(value);
    if value.is_empty() {
        return Some(key.to_owned());
    }
    let tag = format!("{key}:{value}");
    Some(match tag.char_indices().nth(TAG_CHARS_MAX) {
        Some((end, _)) => tag[..end].to_owned(),
        None => tag,
    })
}

fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        let kept = c.is_alphanumeric() || matches!(c, ':' | '-' | '.' | '/');
        if kept {
            out.push(c);
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    if out.ends_with('_') {
        out.pop();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values() {
        for (key, expected) in [
            ("Cost Center", "cost_center"),
            ("a:b:c", "a_b_c"),
            ("__x__", "x"),
            ("9lives", "lives"),
            ("Ünï çode", "ünï_çode"),
        ] {
            assert_eq!(sanitize(key, "").as_deref(), Some(expected), "{key}");
        }
        // The forwarder sends ":value" for this one; a tag without a key is none.
        assert_eq!(sanitize("123", "v"), None);
        for (value, expected) in [
            ("R&D: 42", "r_d:_42"),
            ("a:b:c", "a:b:c"),
            ("__x__", "_x"),
            ("9lives", "9lives"),
            ("ALL CAPS!!", "all_caps"),
            ("a--b..c//d", "a--b..c//d"),
        ] {
            assert_eq!(sanitize("k", value), Some(format!("k:{expected}")));
        }
        assert_eq!(
            sanitize("Cost Center", "R&D: 42").unwrap(),
            "cost_center:r_d:_42"
        );
        assert_eq!(sanitize("empty", "").unwrap(), "empty");
        let long = sanitize(&"k".repeat(150), &"ü".repeat(150)).unwrap();
        assert_eq!(long.chars().count(), 200);
    }
}
