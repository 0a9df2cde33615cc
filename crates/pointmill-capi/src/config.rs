//! Options as names and texts, those of the engine and those of the encoder in one space.

#![allow(non_camel_case_types)]

use std::ffi::c_char;

use pointmill::{Config, ConfigError};
#[cfg(feature = "delivery")]
use pointmill_deliver::{ClientConfig, ClientConfigError};
use pointmill_wire::{EncodeConfig, EncodeConfigError, EncodeOptionKind};

use crate::codes::{Code, Failure};
use crate::handle::{self, edit, give, read};
use crate::pointer::{Out, OutArray, OutStruct, Sized32, c_text};
use crate::text::{pointmill_error, pointmill_str};

/// A whole number from min to max.
pub const POINTMILL_OPTION_NUMBER: u32 = 1;
/// One of choices_len words; pointmill_config_choice lists them.
pub const POINTMILL_OPTION_CHOICE: u32 = 2;
/// "true" or "false".
pub const POINTMILL_OPTION_FLAG: u32 = 3;
/// Text of at most max bytes.
pub const POINTMILL_OPTION_TEXT: u32 = 4;

/// Everything that can be set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) engine: Config,
    pub(crate) encode: EncodeConfig,
    /// Its own `encode` is not used: the one above is.
    #[cfg(feature = "delivery")]
    pub(crate) client: ClientConfig,
}

/// An option of the encoder or of the client: both are text with a kind.
struct TextOption {
    name: &'static str,
    default: &'static str,
    kind: EncodeOptionKind,
    doc: &'static str,
}

/// The options behind those of the engine, in the order of the header.
fn text_options() -> impl Iterator<Item = TextOption> {
    let encode = EncodeConfig::OPTIONS.iter().map(|o| TextOption {
        name: o.name,
        default: o.default,
        kind: o.kind,
        doc: o.doc,
    });
    #[cfg(feature = "delivery")]
    let client = ClientConfig::OPTIONS.iter().map(|o| TextOption {
        name: o.name,
        default: o.default,
        kind: o.kind,
        doc: o.doc,
    });
    #[cfg(not(feature = "delivery"))]
    let client = std::iter::empty();
    encode.chain(client)
}

handle! {
    /// Options of engines, encoders and clients. One thread at a time.
    ///
    /// Made by pointmill_config_new, freed by pointmill_config_free. Whoever takes one copies what
    /// it needs: a change afterwards changes nothing there.
    pub struct pointmill_config(Options);
}

/// One option. The caller's struct. Start with POINTMILL_OPTION_INIT. All texts are static.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct pointmill_option {
    /// sizeof(pointmill_option), set by the caller.
    pub struct_size: u32,
    /// POINTMILL_OPTION_NUMBER, _CHOICE, _FLAG or _TEXT. More may come.
    pub r#type: u32,
    /// Its name.
    pub name: pointmill_str,
    /// What it does, in a sentence or two.
    pub doc: pointmill_str,
    /// The value when nothing is set, as text; empty for engine options, which are numbers.
    pub default_text: pointmill_str,
    /// The value when nothing is set; 0 unless it is a number.
    pub default_number: u64,
    /// Smallest number allowed; 0 unless it is a number.
    pub min: u64,
    /// Largest number allowed, most bytes of a text; 0 otherwise.
    pub max: u64,
    /// Words to choose from; 0 unless it is a choice.
    pub choices_len: usize,
}

// SAFETY: repr(C), struct_size is first; the pointers are written, never read back.
unsafe impl Sized32 for pointmill_option {
    const SIZE_MIN: usize = 88;

    fn set_struct_size(&mut self, size: u32) {
        self.struct_size = size;
    }
}

export! {
    /// Makes a configuration with every option at its default.
    ///
    /// Threads:   any.
    /// Ownership: the caller frees *out with pointmill_config_free.
    /// NULL:      out: POINTMILL_E_NULL.
    /// Outputs:   out; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_config_new(out: *mut *mut pointmill_config) -> i32 {
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        give(out, Options::default());
        Ok(())
    }
}

export! {
    /// Sets an option from text. The value is checked and copied at once.
    ///
    /// Threads:   one at a time on config.
    /// Ownership: name and value are borrowed for the call.
    /// NULL:      err may be NULL; config, name, value: POINTMILL_E_NULL.
    /// Outputs:   err, on failure, names the option and what it allows; for an unknown name, the
    ///            names that are nearest.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_STRUCT_SIZE (err), POINTMILL_E_UTF8, POINTMILL_E_UNKNOWN_OPTION,
    ///            POINTMILL_E_BAD_VALUE, POINTMILL_E_POISONED, POINTMILL_E_PANIC. On failure nothing
    ///            changed.
    /// Units:     name, value: UTF-8 that ends with NUL. The unit of a number stands in its name.
    /// Since:     0.1
    #[poison(config)]
    #[explain(err)]
    fn pointmill_config_set(
        config: *mut pointmill_config,
        name: *const c_char,
        value: *const c_char,
        err: *mut pointmill_error,
    ) -> i32 {
        // SAFETY: the caller keeps the configuration alive and to this call alone.
        let options = unsafe { edit(config) }?;
        // SAFETY: the caller lends both texts, NUL-terminated, for the call.
        let name = unsafe { c_text(name) }?;
        // SAFETY: the same.
        let value = unsafe { c_text(value) }?;
        options.set(name, value)
    }
}

export! {
    /// The value of an option, as text that pointmill_config_set takes. For an api_key that is set
    /// it is "***".
    ///
    /// Threads:   one at a time on config.
    /// Ownership: name is borrowed for the call; buf is the caller's.
    /// NULL:      config, name, out_len: POINTMILL_E_NULL. buf: the same, unless cap is 0.
    /// Outputs:   buf, the first out_len bytes, without a NUL; written only on success. out_len,
    ///            also written with POINTMILL_E_BUFFER_TOO_SMALL: the length of the text.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_UTF8, POINTMILL_E_UNKNOWN_OPTION, POINTMILL_E_BUFFER_TOO_SMALL,
    ///            POINTMILL_E_PANIC.
    /// Units:     cap, out_len: bytes.
    /// Since:     0.1
    fn pointmill_config_get(
        config: *const pointmill_config,
        name: *const c_char,
        buf: *mut c_char,
        cap: usize,
        out_len: *mut usize,
    ) -> i32 {
        // SAFETY: the caller keeps the configuration alive and unchanged during the call.
        let options = unsafe { read(config) }?;
        // SAFETY: the caller lends the text, NUL-terminated, for the call.
        let name = unsafe { c_text(name) }?;
        // SAFETY: the caller lends `out_len` for the call.
        let out_len = unsafe { Out::new(out_len) }?;
        // SAFETY: the caller lends `buf` for the call.
        let buf = unsafe { OutArray::new(buf.cast::<u8>(), cap) }?;
        let text = options.get(name).ok_or(Code::UNKNOWN_OPTION)?;
        out_len.write(text.len());
        buf.fill(text.as_bytes())
    }
}

export! {
    /// Frees a configuration.
    ///
    /// Threads:   no other call may use it now or later.
    /// Ownership: takes the configuration; engines and payloads made with it do not need it.
    /// NULL:      does nothing.
    /// Outputs:   none.
    /// Returns:   nothing.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_config_free(config: *mut pointmill_config) {
        // SAFETY: the caller gives the configuration up.
        unsafe { handle::free(config) };
    }
}

export! {
    /// How many options there are.
    ///
    /// Threads:   any.
    /// Ownership: none.
    /// NULL:      takes no pointer.
    /// Outputs:   none.
    /// Returns:   the number of options.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_config_count() -> usize {
        Config::OPTIONS.len() + text_options().count()
    }
}

export! {
    /// The i-th option: name, type, default, range and explanation.
    ///
    /// Threads:   any.
    /// Ownership: the texts in *out are static.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out, up to out->struct_size bytes; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_STRUCT_SIZE,
    ///            POINTMILL_E_INDEX, POINTMILL_E_PANIC.
    /// Units:     i counts from 0: engine options first, then those of the encoder, then those
    ///            of the client.
    /// Since:     0.1
    fn pointmill_config_option(i: usize, out: *mut pointmill_option) -> i32 {
        // SAFETY: the caller lends `out` for the call and has set its struct_size.
        let out = unsafe { OutStruct::new(out) }?;
        out.write(pointmill_option::at(i).ok_or(Code::INDEX)?);
        Ok(())
    }
}

export! {
    /// The j-th word that the i-th option, a choice, allows.
    ///
    /// Threads:   any.
    /// Ownership: the text in *out is static.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_INDEX (no such
    ///            option, not a choice, or past its last word), POINTMILL_E_PANIC.
    /// Units:     i, j count from 0.
    /// Since:     0.1
    fn pointmill_config_choice(i: usize, j: usize, out: *mut pointmill_str) -> i32 {
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        let option = text_option(i).ok_or(Code::INDEX)?;
        let EncodeOptionKind::Choice(words) = option.kind else { return Err(Code::INDEX) };
        out.write(pointmill_str::lend(words.get(j).ok_or(Code::INDEX)?));
        Ok(())
    }
}

impl Options {
    fn set(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        match self.engine.set(name, value) {
            Ok(()) => return Ok(()),
            Err(ConfigError::UnknownOption { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        match self.encode.set(name, value) {
            Err(EncodeConfigError::UnknownOption { .. }) => self.set_client(name, value),
            other => Ok(other?),
        }
    }

    #[cfg(feature = "delivery")]
    fn set_client(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        match self.client.set(name, value) {
            Err(ClientConfigError::UnknownOption { .. }) => Err(unknown(name)),
            other => Ok(other?),
        }
    }

    #[cfg(not(feature = "delivery"))]
    #[expect(clippy::unused_self, reason = "with delivery there are more options")]
    fn set_client(&mut self, name: &str, _value: &str) -> Result<(), Failure> {
        Err(unknown(name))
    }

    #[cfg(feature = "delivery")]
    fn get_client(&self, name: &str) -> Option<String> {
        self.client.get(name)
    }

    #[cfg(not(feature = "delivery"))]
    #[expect(clippy::unused_self, reason = "with delivery there are more options")]
    fn get_client(&self, _name: &str) -> Option<String> {
        None
    }

    fn get(&self, name: &str) -> Option<String> {
        let number = self.engine.get(name).map(|number| number.to_string());
        number
            .or_else(|| self.encode.get(name))
            .or_else(|| self.get_client(name))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        let code = match error {
            ConfigError::UnknownOption { .. } => Code::UNKNOWN_OPTION,
            ConfigError::BadValue { .. } => Code::BAD_VALUE,
            ConfigError::ArenaTooSmall { .. } => Code::ARENA_TOO_SMALL,
            ConfigError::NoMemory { .. } => Code::NO_MEMORY,
            _ => Code::INVALID,
        };
        code.because(error)
    }
}

impl From<EncodeConfigError> for Failure {
    fn from(error: EncodeConfigError) -> Failure {
        Code::BAD_VALUE.because(error)
    }
}

impl pointmill_option {
    fn at(i: usize) -> Option<pointmill_option> {
        let Some(option) = Config::OPTIONS.get(i) else {
            return text_option(i).map(Self::of);
        };
        Some(pointmill_option {
            struct_size: 0,
            r#type: POINTMILL_OPTION_NUMBER,
            name: pointmill_str::lend(option.name),
            doc: pointmill_str::lend(option.doc.trim_start()),
            default_text: pointmill_str::lend(""),
            default_number: option.default,
            min: option.min,
            max: option.max,
            choices_len: 0,
        })
    }

    fn of(option: TextOption) -> pointmill_option {
        let (r#type, min, max, choices_len) = match option.kind {
            EncodeOptionKind::Number { min, max } => (POINTMILL_OPTION_NUMBER, min, max, 0),
            EncodeOptionKind::Choice(words) => (POINTMILL_OPTION_CHOICE, 0, 0, words.len()),
            EncodeOptionKind::Flag => (POINTMILL_OPTION_FLAG, 0, 0, 0),
            EncodeOptionKind::Text { bytes_max } => (POINTMILL_OPTION_TEXT, 0, bytes_max, 0),
            _ => (POINTMILL_OPTION_TEXT, 0, u64::MAX, 0),
        };
        let number = r#type == POINTMILL_OPTION_NUMBER;
        pointmill_option {
            struct_size: 0,
            r#type,
            name: pointmill_str::lend(option.name),
            doc: pointmill_str::lend(option.doc),
            default_text: pointmill_str::lend(option.default),
            default_number: if number {
                option.default.parse().unwrap_or(0)
            } else {
                0
            },
            min,
            max,
            choices_len,
        }
    }
}

/// The option with the common index `i` that is not the engine's.
fn text_option(i: usize) -> Option<TextOption> {
    text_options().nth(i.checked_sub(Config::OPTIONS.len())?)
}

/// Names the options whose names are nearest to one that does not exist.
fn unknown(name: &str) -> Failure {
    let engine = Config::OPTIONS.iter().map(|option| option.name);
    let others = text_options().map(|option| option.name);
    let mut near: Vec<_> = engine
        .chain(others)
        .map(|known| (distance(name, known), known))
        .collect();
    // The three least, one after the other: sorting would be six kilobytes of code for one message.
    let mut nearest = Vec::new();
    while nearest.len() < 3
        && let Some((_, name)) = near.iter().min().copied()
    {
        nearest.push(name);
        near.retain(|(_, known)| *known != name);
    }
    let shown: String = name.chars().take(64).collect();
    Code::UNKNOWN_OPTION.because(format!(
        "no option is called {shown:?}; the nearest are {}; look it up in the list of options",
        nearest.join(", ")
    ))
}

/// Letters to add, remove or change to come from `a` to `b` (Levenshtein), one row at a time. Only
/// the first 64 letters of `a` count: names are short, and the cost stays bounded.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, above) in b.chars().zip(row.iter_mut().skip(1)) {
            let best = (diagonal + usize::from(x != y))
                .min(left + 1)
                .min(*above + 1);
            diagonal = std::mem::replace(above, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_over_both_tables_and_all_can_be_set_to_what_they_are() {
        let mut names = HashSet::new();
        let mut options = Options::default();
        let engine = Config::OPTIONS.iter().map(|option| option.name);
        for name in engine.chain(text_options().map(|option| option.name)) {
            assert!(names.insert(name), "{name} is in two tables");
            let value = options.get(name).unwrap();
            options.set(name, &value).unwrap();
            assert_eq!(options.get(name).unwrap(), value);
        }
    }

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
            ("x", "", 1),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let failure = Options::default().set("interval", "5").unwrap_err();
        assert_eq!(failure.code, Code::UNKNOWN_OPTION);
        assert!(failure.detail.contains("interval_s"), "{}", failure.detail);
        let failure = Options::default().set("formt", "5").unwrap_err();
        assert!(failure.detail.contains("are format"), "{}", failure.detail);
    }
}
