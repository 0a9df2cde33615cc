//! What an encoder hands back: bodies ready to be sent, and an account of what is in none of them.

use core::fmt;

/// One body, complete and within its route's limits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Payload {
    /// Path of the intake's route, such as `/api/beta/sketches`; empty for formats that do not
    /// travel by HTTP (log lines, DogStatsD).
    pub path: &'static str,
    /// The `Content-Type`; for formats without HTTP what the bytes are.
    pub content_type: &'static str,
    /// The `Content-Encoding`; empty if the body is not compressed.
    pub content_encoding: &'static str,
    /// The bytes to send. For DogStatsD one datagram.
    pub body: Vec<u8>,
    /// Entries of the snapshot in this body. One that is spread over several bodies counts in the
    /// first of them.
    pub entries: usize,
    /// Recorded points those entries stand for.
    pub points: u64,
    /// Where the body can be cut, in its order: a sender that is told that it is too large makes
    /// two of it and knows the points of each. Empty for formats that do not travel by HTTP.
    pub parts: Vec<Part>,
}

/// A series of a body, with all its intervals: what stays together when the body is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it ends in the body before compression.
    pub end: u32,
    /// Recorded points it stands for.
    pub points: u64,
}

/// The bodies of one snapshot, and what could not be put into one.
///
/// Nothing vanishes: the entries of all payloads and of all [`Skipped`] add up to those of the
/// snapshot, and so do the points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Payloads {
    /// The bodies in the order of the snapshot's entries, one route after the other.
    pub payloads: Vec<Payload>,
    /// What is in none of them, one item a cause that occurred, in the order of [`SkipCause`].
    pub skipped: Vec<Skipped>,
}

/// What was left out for one cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// Why.
    pub cause: SkipCause,
    /// Entries that are in no payload.
    pub entries: usize,
    /// Recorded points those entries stand for.
    pub points: u64,
    /// Values left out of entries that are in a payload otherwise: repetitions past the option
    /// `expand_max`, or a histogram's average that is not a number.
    pub values: u64,
}

/// Why something is in no payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SkipCause {
    /// The format carries numbers only, and the entry is a distribution.
    SketchInScalarFormat,
    /// The format carries sketches only, and the entry is a count or a gauge.
    ScalarInSketchFormat,
    /// The format carries distributions only, and the entry is a histogram, which the intake takes
    /// as the series made of it.
    HistogramInDistributionFormat,
    /// The entry alone is larger than a payload may be.
    TooLarge,
    /// The value is NaN or infinite, which the format cannot say.
    NotFinite,
    /// The name is empty, or has no character the format can carry.
    UnusableName,
    /// The format lists values, and the sketch has none.
    NoValues,
    /// The format repeats values, and a sketch stands for more than `expand_max` of them.
    ExpansionLimit,
}

impl SkipCause {
    /// Every cause, in order.
    pub const ALL: [SkipCause; 8] = [
        SkipCause::SketchInScalarFormat,
        SkipCause::ScalarInSketchFormat,
        SkipCause::HistogramInDistributionFormat,
        SkipCause::TooLarge,
        SkipCause::NotFinite,
        SkipCause::UnusableName,
        SkipCause::NoValues,
        SkipCause::ExpansionLimit,
    ];

    /// A word for counters and tags.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SkipCause::SketchInScalarFormat => "sketch_in_scalar_format",
            SkipCause::ScalarInSketchFormat => "scalar_in_sketch_format",
            SkipCause::HistogramInDistributionFormat => "histogram_in_distribution_format",
            SkipCause::TooLarge => "too_large",
            SkipCause::NotFinite => "not_finite",
            SkipCause::UnusableName => "unusable_name",
            SkipCause::NoValues => "no_values",
            SkipCause::ExpansionLimit => "expansion_limit",
        }
    }
}

impl fmt::Display for SkipCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SkipCause::SketchInScalarFormat => {
                "distributions do not fit this format; use format intake or sketches"
            }
            SkipCause::ScalarInSketchFormat => {
                "counts and gauges do not fit this format; use format intake or series_v2"
            }
            SkipCause::HistogramInDistributionFormat => {
                "histograms do not fit this format; use format intake or series_v2"
            }
            SkipCause::TooLarge => {
                "larger than a payload may be; raise compressed_bytes_max, uncompressed_bytes_max, items_max or datagram_bytes_max, or use fewer tags"
            }
            SkipCause::NotFinite => "not a finite number; the sum of a count may have overflowed",
            SkipCause::UnusableName => "the format has no way to write this name; rename the metric",
            SkipCause::NoValues => "a sketch without values; there is nothing to send",
            SkipCause::ExpansionLimit => "more values than expand_max; raise it or use format sketches",
        })
    }
}

impl Payload {
    /// A payload made elsewhere or read from a file: path, content type and content encoding as in
    /// the fields of these names, then body, entries, points and parts.
    #[must_use]
    pub fn from_parts(
        (path, content_type, content_encoding): (&'static str, &'static str, &'static str),
        body: Vec<u8>,
        entries: usize,
        points: u64,
        parts: Vec<Part>,
    ) -> Payload {
        Payload {
            path,
            content_type,
            content_encoding,
            body,
            entries,
            points,
            parts,
        }
    }
}

impl Payloads {
    /// Entries in the payloads.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.payloads.iter().map(|p| p.entries).sum()
    }

    /// Recorded points in the payloads.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.payloads.iter().map(|p| p.points).sum()
    }

    /// Bytes of all bodies.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.payloads.iter().map(|p| p.body.len()).sum()
    }

    /// What was left out for `cause`, if anything was.
    #[must_use]
    pub fn skipped(&self, cause: SkipCause) -> Option<Skipped> {
        self.skipped.iter().copied().find(|s| s.cause == cause)
    }

    pub(crate) fn skip(&mut self, cause: SkipCause, entries: usize, points: u64, values: u64) {
        let at = match self.skipped.binary_search_by_key(&cause, |s| s.cause) {
            Ok(at) => at,
            Err(at) => {
                self.skipped.insert(
                    at,
                    Skipped {
                        cause,
                        entries: 0,
                        points: 0,
                        values: 0,
                    },
                );
                at
            }
        };
        let slot = &mut self.skipped[at];
        slot.entries += entries;
        slot.points += points;
        slot.values += values;
    }
}
