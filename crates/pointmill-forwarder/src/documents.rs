//! JSON documents out of a stream of bytes: one a line, pretty-printed, or as entries of a list.
//!
//! ```text
//! outside ── { ──▶ inside, depth 1 ── … ── } at depth 1 ──▶ Found::Document ──▶ outside
//!    │ [ , ] blank: nothing            │ line end inside a string, or a line that begins with {
//!    └ anything else: a line of text   └──────────────────▶ Found::Cut, and begin anew
//! ```
//!
//! 1. The entries of a list at the top are documents of their own, so a body of the Telemetry API
//!    needs no more memory than its longest event.
//! 2. A document that was cut costs itself only. JSON has no line end inside a string, and inside a
//!    printed document no line begins with `{` in the first column, so the next one is found.
//! 3. A document above [`DOCUMENT_BYTES_MAX`] is reported as such and passed over.

use std::mem;

/// The longest document, in bytes: twice what Lambda passes to a function (6 MB), and some.
pub const DOCUMENT_BYTES_MAX: usize = 16 << 20;

/// The longest line of text between documents, in bytes.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// A piece of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// What seems to be a whole object. Only its braces and quotes have been looked at.
    Document(&'a [u8]),
    /// The beginning of an object whose end is missing.
    Cut(&'a [u8]),
    /// A line that is no JSON object.
    Text(&'a [u8]),
    /// Something longer than the limits; passed over.
    TooLong,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Outside,
    Text,
    Inside,
    String,
    Escaped,
    /// Until a line begins with `{`.
    Skipping,
}

/// Finds documents; feed it with [`Documents::push`] and end with [`Documents::finish`].
#[derive(Debug)]
pub struct Documents {
    state: State,
    depth: u32,
    /// The piece so far; outside of documents, the brackets and blanks of the present line.
    piece: Vec<u8>,
    at_line_start: bool,
    /// Whether nothing but a byte order mark has been seen.
    at_start: bool,
    bytes_max: usize,
}

impl Default for Documents {
    fn default() -> Documents {
        Documents::new()
    }
}

impl Documents {
    /// Before the first byte.
    #[must_use]
    pub fn new() -> Documents {
        Documents::with_limit(DOCUMENT_BYTES_MAX)
    }

    fn with_limit(bytes_max: usize) -> Documents {
        Documents {
            state: State::Outside,
            depth: 0,
            piece: Vec::new(),
            at_line_start: true,
            at_start: true,
            bytes_max,
        }
    }

    /// Takes the next bytes and hands out every piece that ends in them.
    pub fn push(&mut self, mut bytes: &[u8], each: &mut dyn FnMut(Found<'_>)) {
        while !bytes.is_empty() {
            // A run of bytes that decide nothing goes in one piece.
            let run = self.run(bytes);
            if run > 0 {
                self.keep(&bytes[..run], each);
                self.at_line_start = false;
                bytes = &bytes[run..];
                continue;
            }
            self.byte(bytes[0], each);
            bytes = &bytes[1..];
        }
    }

    /// The end of the stream.
    pub fn finish(&mut self, each: &mut dyn FnMut(Found<'_>)) {
        match mem::take(&mut self.state) {
            State::Outside | State::Skipping => {}
            State::Text => each(Found::Text(&self.piece)),
            State::Inside | State::String | State::Escaped => each(Found::Cut(&self.piece)),
        }
        *self = Documents::with_limit(self.bytes_max);
    }

    /// How many of the next bytes do not change the state.
    fn run(&self, bytes: &[u8]) -> usize {
        let end = match self.state {
            State::String => memchr::memchr3(b'"', b'\\', b'\n', bytes),
            State::Text | State::Skipping if !self.at_line_start => memchr::memchr(b'\n', bytes),
            State::Inside if !self.at_line_start => bytes
                .iter()
                .position(|b| matches!(b, b'"' | b'{' | b'}' | b'[' | b']' | b'\n')),
            _ => Some(0),
        };
        end.unwrap_or(bytes.len())
    }

    /// Adds to the piece, unless it is too long already.
    fn keep(&mut self, bytes: &[u8], each: &mut dyn FnMut(Found<'_>)) {
        let limit = match self.state {
            State::Skipping => return,
            State::Text | State::Outside => TEXT_BYTES_MAX.min(self.bytes_max),
            State::Inside | State::String | State::Escaped => self.bytes_max,
        };
        if self.piece.len() + bytes.len() > limit {
            self.piece.clear();
            self.state = State::Skipping;
            each(Found::TooLong);
            return;
        }
        self.piece.extend_from_slice(bytes);
    }

    fn byte(&mut self, byte: u8, each: &mut dyn FnMut(Found<'_>)) {
        let line_start = mem::replace(&mut self.at_line_start, byte == b'\n');
        let at_start = mem::replace(&mut self.at_start, false);
        match (self.state, byte) {
            (State::Inside | State::Skipping, b'{') if line_start => {
                if self.state == State::Inside {
                    each(Found::Cut(&self.piece));
                }
                self.begin(each);
            }
            (State::Outside, b'{') => self.begin(each),
            (State::Outside, b'\n') => self.piece.clear(),
            (State::Outside, b'[' | b']' | b',' | b' ' | b'\t' | b'\r') => self.keep(&[byte], each),
            // A byte order mark says nothing in UTF-8.
            (State::Outside, 0xef | 0xbb | 0xbf) if at_start => self.at_start = true,
            (State::Outside, _) => {
                self.state = State::Text;
                self.keep(&[byte], each);
            }
            (State::Text, b'\n') => self.end(|piece| Found::Text(piece), each),
            (State::String, b'\n') => self.end(|piece| Found::Cut(piece), each),
            (State::String, b'"') => self.stay(byte, State::Inside, each),
            (State::String, b'\\') => self.stay(byte, State::Escaped, each),
            (State::Escaped, b'\n') => self.end(|piece| Found::Cut(piece), each),
            (State::Escaped, _) => self.stay(byte, State::String, each),
            (State::Inside, b'"') => self.stay(byte, State::String, each),
            (State::Inside, b'{' | b'[') => {
                self.depth = self.depth.saturating_add(1);
                self.keep(&[byte], each);
            }
            (State::Inside, b'}' | b']') => {
                self.depth -= 1;
                self.keep(&[byte], each);
                if self.depth == 0 && self.state == State::Inside {
                    self.end(|piece| Found::Document(piece), each);
                }
            }
            (State::Inside | State::Text | State::String | State::Skipping, _) => {
                self.keep(&[byte], each);
            }
        }
    }

    fn begin(&mut self, each: &mut dyn FnMut(Found<'_>)) {
        self.state = State::Inside;
        self.depth = 1;
        self.piece.clear();
        self.keep(b"{", each);
    }

    /// Adds a byte and goes on in `state`, unless that made the piece too long.
    fn stay(&mut self, byte: u8, state: State, each: &mut dyn FnMut(Found<'_>)) {
        self.keep(&[byte], each);
        if self.state != State::Skipping {
            self.state = state;
        }
    }

    fn end(
        &mut self,
        found: impl for<'p> Fn(&'p [u8]) -> Found<'p>,
        each: &mut dyn FnMut(Found<'_>),
    ) {
        each(found(&self.piece));
        self.piece.clear();
        self.state = State::Outside;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str, step: usize, bytes_max: usize) -> Vec<String> {
        let mut found = Vec::new();
        let mut each = |piece: Found<'_>| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            found.push(match piece {
                Found::Document(bytes) => text(bytes),
                Found::Cut(bytes) => format!("cut {}", text(bytes)),
                Found::Text(bytes) => format!("text {}", text(bytes)),
                Found::TooLong => "too long".to_owned(),
            });
        };
        let mut documents = Documents::with_limit(bytes_max);
        for chunk in text.as_bytes().chunks(step) {
            documents.push(chunk, &mut each);
        }
        documents.finish(&mut each);
        found
    }

    #[test]
    fn every_layout_gives_the_same_documents_however_it_is_cut() {
        let a = r#"{"a":[1,{"b":"}]\"\\"}]}"#;
        let pretty = "{\n  \"a\": [\n    1,\n    {\n      \"b\": 2\n    }\n  ]\n}";
        for (text, expected) in [
            (format!("{a}\n{a}\r\n"), vec![a, a]),
            (format!("{a}{a}"), vec![a, a]),
            (format!("[{a},{a}]\n[]\n[ {a} ]"), vec![a, a, a]),
            (format!("[\n  {a},\n  {a}\n]\n"), vec![a, a]),
            (format!("[\n{a},\n{a}\n]\n"), vec![a, a]),
            (format!("{pretty}\n{pretty}"), vec![pretty, pretty]),
            (format!("\u{feff}{a}"), vec![a]),
            (String::new(), vec![]),
        ] {
            for step in [1, 3, 7, 1000] {
                assert_eq!(find(&text, step, 1000), expected, "{text} {step}");
            }
        }
    }

    #[test]
    fn what_is_cut_costs_itself_only() {
        for step in [1, 5, 1000] {
            for (text, expected) in [
                ("{\"a\":1\n{\"b\":2}\n", vec!["cut {\"a\":1\n", "{\"b\":2}"]),
                (
                    "{\"a\":\"x\n{\"b\":2}\n",
                    vec!["cut {\"a\":\"x", "{\"b\":2}"],
                ),
                ("{\"b\":2}\n{\"a\":[", vec!["{\"b\":2}", "cut {\"a\":["]),
                ("[ERROR] x\n{\"b\":2}", vec!["text [ERROR] x", "{\"b\":2}"]),
                (
                    "START a\r\n\n{\"b\":2}",
                    vec!["text START a\r", "{\"b\":2}"],
                ),
            ] {
                assert_eq!(find(text, step, 1000), expected, "{text} {step}");
            }
        }
    }

    #[test]
    fn what_is_too_long_is_passed_over_in_bounded_memory() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(5_000));
        let text = format!(
            "{{\"b\":1}}\n{long}\n{{\"c\":2}}\n{}\n{{\"d\":3}}",
            "y".repeat(5_000)
        );
        for step in [1, 999, 100_000] {
            let expected = [
                "{\"b\":1}",
                "too long",
                "{\"c\":2}",
                "too long",
                "{\"d\":3}",
            ];
            assert_eq!(find(&text, step, 1000), expected);
        }
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(find(&format!("{{\"a\":{deep}}}"), 1000, 1 << 20).len(), 1);
    }
}
