//! The one table of codes: number, name, cause and remedy.
//!
//! The macro below makes of each line the constant, the text that `pointmill_strerror` answers, and
//! a row of [`TABLE`]; the header generator reads the same lines. Numbers go by group with gaps
//! between them: arguments from -1, points from -20, configuration from -40, bytes from -60,
//! delivery from -70, the library itself from -80. A number is never changed and never used again; `include/symbols.txt`
//! holds them.

use std::ffi::CStr;

use ddsketch_agent::{BinsError, InsertError};
use pointmill::RecordError;

/// A code other than `POINTMILL_OK`, on its way to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(i32);

impl Code {
    /// Its number in the header.
    #[inline]
    pub(crate) const fn number(self) -> i32 {
        self.0
    }

    /// A failure with this code and a text of its own.
    pub(crate) fn because(self, detail: impl ToString) -> Failure {
        Failure {
            code: self,
            detail: detail.to_string(),
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) number: i32,
    pub(crate) name: &'static CStr,
    pub(crate) message: &'static CStr,
}

/// A code with what is to be said about this very case; an empty text stands for the table's.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) detail: String,
}

impl Failure {
    /// The text for the caller.
    pub(crate) fn text(&self) -> String {
        if !self.detail.is_empty() {
            return self.detail.clone();
        }
        let message = entry(self.code.0).map_or(UNKNOWN_MESSAGE, |entry| entry.message);
        message.to_string_lossy().into_owned()
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Failure {
        Failure {
            code,
            detail: String::new(),
        }
    }
}

/// The row of a number.
pub(crate) fn entry(number: i32) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.number == number)
}

/// The text for a number that is not in the table.
pub(crate) const UNKNOWN_MESSAGE: &CStr =
    c"no such code in this version of the library; compare pointmill_version() with the header's";

/// The name for a number that is not in the table.
pub(crate) const UNKNOWN_NAME: &CStr = c"POINTMILL_E_UNKNOWN";

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ const $name:ident as $short:ident = $number:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: i32 = $number;)+

        impl Code {
            $(
                #[allow(dead_code, reason = "success is in the table and is never a failure")]
                pub(crate) const $short: Code = Code($name);
            )+
        }

        /// Every code, `POINTMILL_OK` first, in the order of the header.
        pub(crate) const TABLE: &[Entry] = &[$(Entry {
            number: $name,
            name: literal(concat!(stringify!($name), "\0")),
            message: literal(concat!($($doc,)+ "\0")),
        },)+];
    };
}

/// A text of the table as C has it, without the space that stands before every doc comment.
const fn literal(text: &'static str) -> &'static CStr {
    let bytes = match text.as_bytes() {
        [b' ', rest @ ..] => rest,
        all => all,
    };
    match CStr::from_bytes_with_nul(bytes) {
        Ok(text) => text,
        // Reached at compile time or not at all.
        #[expect(clippy::panic, reason = "evaluated at compile time")]
        Err(_) => panic!("a text of the table has a NUL inside"),
    }
}

codes! {
    /// success
    const POINTMILL_OK as OK = 0;

    /// a pointer is NULL that must not be; only arrays of length 0 and an err argument may be NULL
    const POINTMILL_E_NULL as NULL = -1;
    /// an argument is outside its range (a length, a flag, a profile, or a bound below the other);
    /// see the function's documentation
    const POINTMILL_E_INVALID as INVALID = -2;
    /// a pointer is not aligned for its type; copy the data into an array of that type first
    const POINTMILL_E_ALIGNMENT as ALIGNMENT = -3;
    /// struct_size is smaller than this struct ever was; set it to sizeof the struct before the
    /// call, or begin with its POINTMILL_..._INIT macro
    const POINTMILL_E_STRUCT_SIZE as STRUCT_SIZE = -4;
    /// the buffer is too small; out_len says the length needed, call again with that much
    const POINTMILL_E_BUFFER_TOO_SMALL as BUFFER_TOO_SMALL = -5;
    /// an index is past the end; ask for the length first
    const POINTMILL_E_INDEX as INDEX = -6;
    /// a text is not UTF-8; convert it first
    const POINTMILL_E_UTF8 as UTF8 = -7;
    /// a handle is of another type or has been freed; look at which handle goes to which call
    const POINTMILL_E_HANDLE as HANDLE = -8;
    /// no kind has this number; use POINTMILL_DISTRIBUTION, _COUNT, _GAUGE or _HISTOGRAM
    const POINTMILL_E_KIND as KIND = -9;
    /// no format has this number or name; see the documentation of encode
    const POINTMILL_E_FORMAT as FORMAT = -10;

    /// a value is NaN or infinite; record finite values only
    const POINTMILL_E_NOT_FINITE as NOT_FINITE = -20;
    /// the context id is stale or not of this engine; ask for the context again
    const POINTMILL_E_STALE_CONTEXT as STALE_CONTEXT = -21;
    /// the timestamp is too far in the past; raise the option past_max_s or drop the point
    const POINTMILL_E_TOO_OLD as TOO_OLD = -22;
    /// the timestamp is too far in the future; check the clock and the unit (seconds), or raise the
    /// option future_max_s
    const POINTMILL_E_TOO_NEW as TOO_NEW = -23;
    /// the metric name is empty or too long, or a tag is too long; shorten it, or raise the options
    /// name_bytes_max or tag_bytes_max
    const POINTMILL_E_INVALID_NAME as INVALID_NAME = -24;
    /// no room is left for a new metric; raise the options contexts_max, names_bytes or
    /// arena_bytes, or use fewer metric names
    const POINTMILL_E_NO_ROOM as NO_ROOM = -25;
    /// the sketch holds no value and has no quantile; insert values first
    const POINTMILL_E_EMPTY as EMPTY = -26;
    /// the entry is a count or a gauge and has no sketch; look at its kind, read its value
    const POINTMILL_E_NO_SKETCH as NO_SKETCH = -27;
    /// the sketch would hold more than 2^44 values; use smaller weights or larger sample rates
    const POINTMILL_E_TOO_MANY as TOO_MANY = -28;

    /// no option has this name; look it up in the list of options
    const POINTMILL_E_UNKNOWN_OPTION as UNKNOWN_OPTION = -40;
    /// the value is not one that the option allows; look up its range in the list of options
    const POINTMILL_E_BAD_VALUE as BAD_VALUE = -41;
    /// the limits ask for more than arena_bytes holds; raise it, or lower contexts_max, names_bytes
    /// or threads_max
    const POINTMILL_E_ARENA_TOO_SMALL as ARENA_TOO_SMALL = -42;
    /// the system gave no memory; lower the option arena_bytes
    const POINTMILL_E_NO_MEMORY as NO_MEMORY = -43;

    /// the bytes are not a message of this format, or exceed the limits of a decoder; look at the
    /// byte that the detail names
    const POINTMILL_E_DECODE as DECODE = -60;
    /// the snapshot or sketch could not be encoded; look at the detail
    const POINTMILL_E_ENCODE as ENCODE = -61;

    /// not everything has arrived yet; it is kept and sent again, so there is nothing to do; if it
    /// lasts, look at the last failure
    const POINTMILL_E_DELIVERY_LATER as DELIVERY_LATER = -70;
    /// points were given up, or the format cannot carry them; the stats tell how many and why
    const POINTMILL_E_DELIVERY_DROPPED as DELIVERY_DROPPED = -71;
    /// the object has been closed; make a new one
    const POINTMILL_E_CLOSED as CLOSED = -72;

    /// an internal error was caught: a defect of this library; please report it with its text
    const POINTMILL_E_PANIC as PANIC = -80;
    /// an earlier call on this object ended with POINTMILL_E_PANIC, so it takes no more; free it
    /// and make a new one
    const POINTMILL_E_POISONED as POISONED = -81;
}

impl From<RecordError> for Code {
    #[inline]
    fn from(error: RecordError) -> Code {
        match error {
            RecordError::NotFinite => Code::NOT_FINITE,
            RecordError::StaleContext => Code::STALE_CONTEXT,
            RecordError::TooOld => Code::TOO_OLD,
            RecordError::TooNew => Code::TOO_NEW,
            RecordError::InvalidName => Code::INVALID_NAME,
            RecordError::NoRoom => Code::NO_ROOM,
            _ => Code::INVALID,
        }
    }
}

impl From<InsertError> for Code {
    #[inline]
    fn from(error: InsertError) -> Code {
        match error {
            InsertError::NotFinite => Code::NOT_FINITE,
            InsertError::TooMany => Code::TOO_MANY,
            _ => Code::INVALID,
        }
    }
}

impl From<BinsError> for Failure {
    fn from(error: BinsError) -> Failure {
        Code::DECODE.because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_number_finds_its_row_and_every_row_is_its_own() {
        let mut numbers = HashSet::new();
        let mut names = HashSet::new();
        let mut messages = HashSet::new();
        for row in TABLE {
            assert!(numbers.insert(row.number), "{row:?}");
            assert!(names.insert(row.name), "{row:?}");
            assert!(messages.insert(row.message), "{row:?}");
            assert_eq!(entry(row.number).unwrap().name, row.name);
            assert!(row.number <= 0);
        }
        assert!(entry(1).is_none() && entry(i32::MIN).is_none());
    }

    #[test]
    fn every_message_but_success_has_a_cause_and_a_remedy_and_fits_the_error_struct() {
        for row in TABLE.iter().filter(|row| row.number != 0) {
            let message = row.message.to_str().unwrap();
            assert!(message.contains(';') || message.contains(':'), "{message}");
            assert!(
                !message.contains("  ") && !message.starts_with(' '),
                "{message}"
            );
            assert!(
                message.len() < crate::text::POINTMILL_ERROR_DETAIL_BYTES,
                "{message}"
            );
        }
    }
}
