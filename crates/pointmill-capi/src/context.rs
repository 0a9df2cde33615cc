//! Contexts: from kind, name and tags to the number that recording takes.

use pointmill::Kind;

use crate::codes::Code;
use crate::engine::pointmill_engine;
use crate::handle::share;
use crate::pointer::{Out, Text};
use crate::text::pointmill_str;

/// Values go into a sketch that the receiver can merge and query.
pub const POINTMILL_DISTRIBUTION: u32 = 1;
/// Values are added up.
pub const POINTMILL_COUNT: u32 = 2;
/// The last value of an interval stands.
pub const POINTMILL_GAUGE: u32 = 3;
/// Values go into a sketch of which avg, count, median, 95percentile and max are sent.
pub const POINTMILL_HISTOGRAM: u32 = 4;

/// The kind with a number of the caller.
#[inline]
pub(crate) fn kind(number: u32) -> Result<Kind, Code> {
    Kind::from_number(number).ok_or(Code::KIND)
}

export! {
    /// The id of a context: kind, name and set of tags. Ask once, keep it, record with it.
    ///
    /// The order of tags and duplicates among them do not matter. At a limit the answer is the
    /// overflow context of the metric (tag pointmill.overflow:true), so that totals stay right.
    /// Bytes that are not UTF-8 are mended.
    ///
    /// Threads:   any, at once.
    /// Ownership: name and tags are borrowed for the call.
    /// NULL:      POINTMILL_E_NULL; tags may be NULL if tags_len is 0, a text's ptr if its len is 0.
    /// Outputs:   out, below 2^53; written only on success. The same for the same context, until
    ///            the context has been idle for idle_flushes flushes.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_INVALID (a length), POINTMILL_E_KIND, POINTMILL_E_INVALID_NAME,
    ///            POINTMILL_E_NO_ROOM, POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     kind: POINTMILL_DISTRIBUTION, _COUNT, _GAUGE or _HISTOGRAM. tags_len: texts.
    /// Since:     0.1
    #[poison(engine)]
    fn pointmill_context(
        engine: *mut pointmill_engine,
        kind: u32,
        name: pointmill_str,
        tags: *const pointmill_str,
        tags_len: usize,
        out: *mut u64,
    ) -> i32 {
        // SAFETY: the caller keeps the engine alive during the call.
        let engine = unsafe { share(engine) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        let kind = self::kind(kind)?;
        // SAFETY: the caller lends the name for the call.
        let name = unsafe { Text::new(name) }?;
        // SAFETY: the caller lends the tags for the call.
        let tags = unsafe { Text::array(tags, tags_len) }?;
        out.write(engine.context(kind, name.bytes(), tags)?.to_bits());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_engines_numbers() {
        let kinds = [
            (POINTMILL_DISTRIBUTION, Kind::Distribution),
            (POINTMILL_COUNT, Kind::Count),
            (POINTMILL_GAUGE, Kind::Gauge),
            (POINTMILL_HISTOGRAM, Kind::Histogram),
        ];
        assert_eq!(kinds.len(), Kind::ALL.len());
        for (number, expected) in kinds {
            assert_eq!(kind(number), Ok(expected));
        }
        assert_eq!(kind(0), Err(Code::KIND));
        assert_eq!(kind(5), Err(Code::KIND));
    }
}
