//! The words by which each runtime says that memory ran out.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{Event, prefix};

/// Source: the Extension's list (bottlecap, `logs/lambda/processor.rs`), which has all of the
/// Forwarder's. `signal: killed` is a line of the platform and read there.
const WORDS: [&str; 6] = [
    "fatal error: runtime: out of memory",
    "java.lang.OutOfMemoryError",
    "JavaScript heap out of memory",
    "MemoryError",
    "failed to allocate memory (NoMemoryError)",
    "OutOfMemoryException",
];

/// Part of every one of [`WORDS`], so that one search decides for nearly all lines.
const COMMON: &str = "emory";

static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(COMMON));

/// [`Event::OutOfMemory`] if `text` has one of the words, else [`Event::Log`].
pub(crate) fn find(text: &str) -> Event<'_> {
    if !has_words(text) {
        return Event::Log;
    }
    let request_id = prefix::strip(text).1.request_id.map(Cow::Borrowed);
    Event::OutOfMemory { request_id }
}

/// Whether `text` has one of the words.
pub(crate) fn has_words(text: &str) -> bool {
    FINDER.find(text.as_bytes()).is_some() && WORDS.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_part_is_common() {
        for word in WORDS {
            assert!(word.contains(COMMON), "{word}");
            assert!(has_words(&format!("x {word} y")));
        }
        assert!(!has_words("Memory Size: 128 MB, loading from memory"));
    }
}
