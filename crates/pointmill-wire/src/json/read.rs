//! A reader that pulls one value after the other from JSON text.
//!
//! By hand rather than with a library for three reasons: errors name the byte, list entries are
//! charged to [`DecodeLimits`] before they are stored, and text without escapes is borrowed, so
//! that a log line is read without an allocation.
//!
//! ```text
//! json.object("Point", |json, key| match key {      fields in any order
//!     "value" => { value = json.number("value")?; Ok(()) }
//!     _ => json.skip(),                              fields from a newer schema
//! })?
//! json.list("points", |json| …)?                     each entry is charged to items_max
//! ```

use std::borrow::Cow;

use crate::decode::{Cause, DecodeError, DecodeLimits, Tally};

/// How deeply lists and objects may nest, so that no input can exhaust the stack. Payloads need 6.
const DEPTH_MAX: u32 = 128;

/// A cursor over JSON text.
#[derive(Debug)]
pub(crate) struct JsonReader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
    items: Tally,
}

type Outcome<T = ()> = Result<T, DecodeError>;

impl<'a> JsonReader<'a> {
    /// Starts at the first byte.
    pub(crate) fn new(bytes: &'a [u8], limits: &DecodeLimits) -> Outcome<JsonReader<'a>> {
        if bytes.len() > limits.bytes_max {
            let cause = Cause::Limit {
                name: "bytes_max",
                limit: limits.bytes_max,
            };
            return Err(DecodeError {
                offset: limits.bytes_max,
                field: "",
                cause,
            });
        }
        Ok(JsonReader {
            bytes,
            at: 0,
            depth: 0,
            items: Tally::items(limits),
        })
    }

    /// Makes sure that nothing but blanks is left.
    pub(crate) fn finish(&mut self) -> Outcome {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.invalid("", "more text after the end of the value")),
        }
    }

    /// An error at the present byte.
    pub(crate) fn invalid(&self, field: &'static str, what: &'static str) -> DecodeError {
        DecodeError {
            offset: self.at,
            field,
            cause: Cause::Invalid(what),
        }
    }

    /// The present byte's distance from the start.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// The next byte that is not blank, without taking it.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while let Some(b) = self.bytes.get(self.at) {
            if !matches!(b, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(*b);
            }
            self.at += 1;
        }
        None
    }

    fn expect(&mut self, wanted: u8, field: &'static str, what: &'static str) -> Outcome {
        match self.peek() {
            Some(b) if b == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.invalid(field, what)),
            None => Err(self.cut_short(field)),
        }
    }

    fn cut_short(&self, field: &'static str) -> DecodeError {
        let cause = Cause::Truncated { needed: 1, left: 0 };
        DecodeError {
            offset: self.bytes.len(),
            field,
            cause,
        }
    }

    fn deeper(&mut self, field: &'static str) -> Outcome {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.invalid(field, "lists and objects nested more than 128 deep"));
        }
        Ok(())
    }

    /// Reads an object; `field` is called with each key and must read (or skip) its value.
    pub(crate) fn object(
        &mut self,
        name: &'static str,
        mut field: impl FnMut(&mut Self, &str) -> Outcome,
    ) -> Outcome {
        self.expect(b'{', name, "an object belongs here")?;
        self.deeper(name)?;
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                if self.peek() != Some(b'"') {
                    return Err(self.unexpected(name, "a key in quotes belongs here"));
                }
                let key = self.text(name)?;
                self.expect(b':', name, "a colon belongs after the key")?;
                field(self, &key)?;
                if !self.more(b'}', name)? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads a list; `entry` is called for each entry and must read it. Each is charged to
    /// [`DecodeLimits::items_max`] first.
    pub(crate) fn list(
        &mut self,
        name: &'static str,
        mut entry: impl FnMut(&mut Self) -> Outcome,
    ) -> Outcome {
        self.expect(b'[', name, "a list belongs here")?;
        self.deeper(name)?;
        if self.peek() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                self.items.take(1, self.at, name)?;
                entry(self)?;
                if !self.more(b']', name)? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Takes a comma (true) or the end of a list or object (false).
    fn more(&mut self, end: u8, name: &'static str) -> Outcome<bool> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(b) if b == end => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(self.unexpected(name, "a comma or the end belongs here")),
        }
    }

    fn unexpected(&self, field: &'static str, what: &'static str) -> DecodeError {
        if self.at == self.bytes.len() {
            self.cut_short(field)
        } else {
            self.invalid(field, what)
        }
    }

    /// Takes `null` if it is next.
    pub(crate) fn null(&mut self) -> bool {
        self.peek();
        let found = self.bytes[self.at..].starts_with(b"null");
        self.at += if found { 4 } else { 0 };
        found
    }

    /// Reads a number, correctly rounded. One beyond the largest double is refused.
    pub(crate) fn number(&mut self, field: &'static str) -> Outcome<f64> {
        let (start, text) = self.number_text(field)?;
        let fail = |what| DecodeError {
            offset: start,
            field,
            cause: Cause::Invalid(what),
        };
        let value: f64 = text.parse().map_err(|_| fail("not a number"))?;
        if value.is_infinite() {
            return Err(fail("the number is too large for a double"));
        }
        Ok(value)
    }

    /// Reads a number of seconds or an enumeration's number; a fraction is cut off.
    pub(crate) fn integer(&mut self, field: &'static str) -> Outcome<i64> {
        let (start, text) = self.number_text(field)?;
        if let Ok(whole) = text.parse() {
            return Ok(whole);
        }
        let value: f64 = text.parse().unwrap_or(f64::INFINITY);
        // 2^63 is the first that does not fit.
        const BOUND: f64 = 9_223_372_036_854_775_808.0;
        if (-BOUND..BOUND).contains(&value) {
            return Ok(value as i64);
        }
        let cause = Cause::Invalid("the number does not fit 64 bits");
        Err(DecodeError {
            offset: start,
            field,
            cause,
        })
    }

    /// The text of a number, by the grammar of RFC 8259, and where it begins.
    fn number_text(&mut self, field: &'static str) -> Outcome<(usize, &'a str)> {
        self.peek();
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.unexpected(field, "a number belongs here")),
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.some_digits(field)?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.some_digits(field)?;
        }
        let text = core::str::from_utf8(&self.bytes[start..self.at]);
        Ok((
            start,
            text.map_err(|_| self.invalid(field, "a number belongs here"))?,
        ))
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn digits(&mut self) {
        while self.byte().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self, field: &'static str) -> Outcome {
        let before = self.at;
        self.digits();
        if self.at == before {
            Err(self.unexpected(field, "a digit belongs here"))
        } else {
            Ok(())
        }
    }

    /// Reads a string; borrowed if nothing in it is escaped.
    pub(crate) fn text(&mut self, field: &'static str) -> Outcome<Cow<'a, str>> {
        self.expect(b'"', field, "text in quotes belongs here")?;
        let plain = self.plain_run(field)?;
        if self.byte() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => text.push(self.escape(field)?),
                Some(_) => {
                    return Err(self.invalid(field, "a control character in text; escape it"));
                }
                None => return Err(self.cut_short(field)),
            }
            text.push_str(self.plain_run(field)?);
        }
    }

    /// What stands before the next quote, backslash or control character.
    fn plain_run(&mut self, field: &'static str) -> Outcome<&'a str> {
        let rest = &self.bytes[self.at..];
        let special = |b: &u8| matches!(b, b'"' | b'\\' | 0..=0x1f);
        let length = rest.iter().position(special).unwrap_or(rest.len());
        let run = core::str::from_utf8(&rest[..length]).map_err(|error| DecodeError {
            offset: self.at + error.valid_up_to(),
            field,
            cause: Cause::NotUtf8,
        })?;
        self.at += length;
        Ok(run)
    }

    fn escape(&mut self, field: &'static str) -> Outcome<char> {
        self.at += 1;
        let Some(b) = self.byte() else {
            return Err(self.cut_short(field));
        };
        let plain = match b {
            b'"' | b'\\' | b'/' => char::from(b),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(field),
            _ => return Err(self.invalid(field, "an unknown escape")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode_escape(&mut self, field: &'static str) -> Outcome<char> {
        let start = self.at - 1;
        let mut code = self.unit(field)?;
        if (0xd800..0xdc00).contains(&code) && self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 1;
            let low = self.unit(field)?;
            if (0xdc00..0xe000).contains(&low) {
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            }
        }
        char::from_u32(code).ok_or(DecodeError {
            offset: start,
            field,
            cause: Cause::Invalid("half a surrogate pair"),
        })
    }

    /// The four digits behind the `u` the reader stands on.
    fn unit(&mut self, field: &'static str) -> Outcome<u32> {
        let digits = self
            .bytes
            .get(self.at + 1..self.at + 5)
            .ok_or_else(|| self.cut_short(field))?;
        let mut code = 0;
        for digit in digits {
            let digit = char::from(*digit).to_digit(16);
            code = code << 4 | digit.ok_or_else(|| self.invalid(field, "not four hex digits"))?;
        }
        self.at += 5;
        Ok(code)
    }

    /// Steps over a value of any kind.
    pub(crate) fn skip(&mut self) -> Outcome {
        match self.peek() {
            Some(b'{') => self.object("", |json, _| json.skip()),
            Some(b'[') => self.list("", JsonReader::skip),
            Some(b'"') => self.text("").map(drop),
            Some(b'-' | b'0'..=b'9') => self.number_text("").map(drop),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Outcome {
        for word in [&b"true"[..], b"false", b"null"] {
            if self.bytes[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(());
            }
        }
        Err(self.unexpected("", "a value belongs here"))
    }

    /// The text of the value that is next, stepped over.
    pub(crate) fn raw(&mut self) -> Outcome<&'a [u8]> {
        self.peek();
        let start = self.at;
        self.skip()?;
        Ok(&self.bytes[start..self.at])
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
