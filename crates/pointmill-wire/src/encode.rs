//! From a snapshot to bodies that keep within their route's limits.
//!
//! ```text
//! for each route of the format
//!     selected = entries whose kind and value the route can carry      the others: skipped
//!     while entries are left
//!         write entries, one series at a time, until the next would pass a limit
//!         compress; if the result is too large, lower the target size and write again
//!         an entry that is too large alone                             skipped
//! ```
//!
//! A series' intervals that stand next to each other are one item; an item that does not fit into
//! an empty body is halved. Limits are checked before a body is closed, on what would be sent:
//! every length here is measured, none estimated. A body that compressed worse than expected sets
//! the target for the next one, so that at most the first is written twice.

mod lines;
mod route;

pub(crate) use lines::Lines;
use route::{Limits, Route};

use core::fmt;
use core::ops::Range;

use pointmill::{Entry, Snapshot};

use crate::compress::Compressor;
use crate::config::{EncodeConfig, EncodeConfigError, Format};
use crate::distribution_points::DistributionBody;
use crate::dogstatsd::Datagrams;
use crate::log_line::LogLines;
use crate::series_v2::{JsonForm, ProtobufForm, SeriesBody};
use crate::sketch_payload::SketchBody;
use crate::{Compression, Part, Payload, Payloads, SkipCause};

/// Encodes snapshots; keeps its buffers from one to the next.
///
/// A program that flushes again and again keeps one and hands the payloads back with
/// [`Encoder::recycle`] when they have been sent; then encoding without compression allocates
/// nothing once the buffers have grown.
#[derive(Debug)]
pub struct Encoder {
    /// The body being written.
    out: Vec<u8>,
    /// Entries the present route carries.
    selected: Vec<u32>,
    /// Where the body being written can be cut.
    parts: Vec<Part>,
    compressor: Compressor,
    spare: Vec<Vec<u8>>,
}

/// How many bodies [`Encoder::recycle`] keeps at most.
const SPARE_MAX: usize = 8;

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder::new()
    }
}

impl Encoder {
    /// An encoder without buffers yet.
    #[must_use]
    pub fn new() -> Encoder {
        Encoder {
            out: Vec::new(),
            selected: Vec::new(),
            parts: Vec::new(),
            compressor: Compressor::new(),
            spare: Vec::new(),
        }
    }

    /// Encodes a snapshot as `config` says.
    ///
    /// Every entry of the snapshot is in a payload or is counted in [`Payloads::skipped`].
    ///
    /// # Errors
    /// [`EncodeError`]; nothing has been encoded.
    pub fn encode(
        &mut self,
        snapshot: &Snapshot,
        config: &EncodeConfig,
    ) -> Result<Payloads, EncodeError> {
        config.check().map_err(EncodeError::Config)?;
        let mut payloads = Payloads::default();
        for route in Route::of(config.format) {
            self.select(snapshot, *route, config.format, &mut payloads);
            self.run(snapshot, config, *route, &mut payloads)?;
        }
        Ok(payloads)
    }

    /// Takes back payloads that are no longer needed, for their memory.
    pub fn recycle(&mut self, payloads: Payloads) {
        for mut payload in payloads.payloads {
            if self.spare.len() == SPARE_MAX {
                return;
            }
            payload.body.clear();
            self.spare.push(payload.body);
        }
    }

    /// Finds the entries this route carries, and accounts for those that no route does.
    fn select(
        &mut self,
        snapshot: &Snapshot,
        route: Route,
        format: Format,
        payloads: &mut Payloads,
    ) {
        self.selected.clear();
        for (i, entry) in snapshot.iter().enumerate() {
            match route.carries(&entry) {
                Ok(()) => self.selected.push(i as u32),
                Err(cause) => {
                    // Together the two routes of the intake take every kind.
                    let elsewhere = format == Format::Intake && cause != SkipCause::NotFinite;
                    if !elsewhere {
                        payloads.skip(cause, 1, entry.points(), 0);
                    }
                }
            }
        }
    }

    fn run(
        &mut self,
        snapshot: &Snapshot,
        config: &EncodeConfig,
        route: Route,
        payloads: &mut Payloads,
    ) -> Result<(), EncodeError> {
        if self.selected.is_empty() {
            return Ok(());
        }
        let limits = route.limits(config);
        let compression = config.compression.unwrap_or(route.default_compression());
        self.compressor
            .select(compression, config.compression_level)?;
        let task = Task {
            snapshot,
            route,
            compression,
            limits,
        };
        match route {
            Route::Sketches => self.fill(&task, &mut SketchBody::new(config), payloads),
            Route::SeriesJson => {
                self.fill(&task, &mut SeriesBody::<JsonForm>::new(config), payloads)
            }
            Route::SeriesProtobuf => self.fill(
                &task,
                &mut SeriesBody::<ProtobufForm>::new(config),
                payloads,
            ),
            Route::DistributionPoints => {
                self.fill(&task, &mut DistributionBody::new(config), payloads)
            }
            Route::LogLines => {
                self.pack(&task, &mut LogLines::new(config), payloads);
                Ok(())
            }
            Route::Dogstatsd => {
                self.pack(&task, &mut Datagrams::new(config), payloads);
                Ok(())
            }
        }
    }

    /// Fills bodies with the selected entries.
    fn fill(
        &mut self,
        task: &Task<'_>,
        body: &mut dyn Body,
        payloads: &mut Payloads,
    ) -> Result<(), EncodeError> {
        let mut target = task.limits.uncompressed;
        let mut at = 0;
        while at < self.selected.len() {
            let filled = self.write(task, body, at, target);
            let entries = filled.next - at;
            if entries == 0 {
                at = self.skip_too_large(task, at, payloads);
                target = task.limits.uncompressed;
                continue;
            }
            let bytes = if task.compression == Compression::None {
                let fresh = self.spare.pop().unwrap_or_default();
                core::mem::replace(&mut self.out, fresh)
            } else {
                self.compressor.compress(&self.out)?
            };
            if bytes.len() > task.limits.compressed {
                if entries == 1 {
                    at = self.skip_too_large(task, at, payloads);
                    target = task.limits.uncompressed;
                } else {
                    // A twentieth less than in proportion, since less compresses worse.
                    let share = task.limits.compressed as f64 / bytes.len() as f64;
                    target = (self.out.len() as f64 * share * 0.95) as usize;
                }
                continue;
            }
            let points = self.points(task, at..filled.next);
            let parts = self.parts.clone();
            let payload = task.payload(bytes, entries, points);
            payloads.payloads.push(Payload { parts, ..payload });
            if filled.values_left_out > 0 {
                payloads.skip(SkipCause::ExpansionLimit, 0, 0, filled.values_left_out);
            }
            if filled.values_not_finite > 0 {
                payloads.skip(SkipCause::NotFinite, 0, 0, filled.values_not_finite);
            }
            at = filled.next;
        }
        Ok(())
    }

    /// Writes one body of the entries from `start` on, of at most about `target` bytes; a first
    /// entry that is larger stands alone in it, if the route's limits allow that.
    fn write(
        &mut self,
        task: &Task<'_>,
        body: &mut dyn Body,
        start: usize,
        target: usize,
    ) -> Filled {
        let mut filled = Filled {
            next: start,
            ..Filled::default()
        };
        self.out.clear();
        self.parts.clear();
        self.reserve(task, start);
        body.begin(&mut self.out);
        let mut items = 0;
        while filled.next < self.selected.len() {
            let mut end = self.end_of_series(task.snapshot, filled.next);
            loop {
                let mark = self.out.len();
                let group = Group {
                    snapshot: task.snapshot,
                    entries: &self.selected[filled.next..end],
                };
                let written = body.write(&mut self.out, filled.next == start, group);
                let bytes = self.out.len() + body.end_len();
                let lone = filled.next == start && end - start == 1;
                let most = if lone {
                    task.limits.uncompressed
                } else {
                    target
                };
                if bytes <= most && items + written.items <= task.limits.items {
                    items += written.items;
                    self.parts.push(Part {
                        end: u32::try_from(self.out.len()).unwrap_or(u32::MAX),
                        points: self.points(task, filled.next..end),
                    });
                    filled.values_left_out += written.values_left_out;
                    filled.values_not_finite += written.values_not_finite;
                    filled.next = end;
                    break;
                }
                self.out.truncate(mark);
                if filled.next > start || lone {
                    body.end(&mut self.out);
                    return filled;
                }
                end = filled.next + (end - filled.next) / 2;
            }
        }
        body.end(&mut self.out);
        filled
    }

    /// Makes room for the entries from `start` on, so that a new buffer does not grow step by step.
    /// Costs a glance at every entry, so a buffer that has grown before is left as it is.
    fn reserve(&mut self, task: &Task<'_>, start: usize) {
        const GROWN: usize = 64 << 10;
        if self.out.capacity() >= GROWN {
            return;
        }
        let bytes = |i: &u32| {
            let bins = task
                .snapshot
                .get(*i as usize)?
                .sketch()
                .map_or(0, |s| s.keys.len());
            // A bin takes three bytes as a rule, what stands around them about as much as this.
            Some(128 + 3 * bins)
        };
        let estimate: usize = self.selected[start..].iter().filter_map(bytes).sum();
        self.out.reserve(estimate.min(task.limits.uncompressed));
    }

    /// Packs the lines of the selected entries.
    fn pack(&mut self, task: &Task<'_>, writer: &mut dyn LineWriter, payloads: &mut Payloads) {
        let mut lines = Lines::default();
        let (mut entries, mut points) = (0, 0);
        let mut finish = |out: &mut Vec<u8>, spare: &mut Vec<Vec<u8>>, e, p| {
            let body = core::mem::replace(out, spare.pop().unwrap_or_default());
            payloads.payloads.push(task.payload(body, e, p));
        };
        let mut skipped = Payloads::default();
        self.out.clear();
        for index in &self.selected {
            let Some(entry) = task.snapshot.get(*index as usize) else {
                continue;
            };
            lines.clear();
            let left_out = match writer.write(&mut lines, &entry) {
                Ok(left_out) => left_out,
                Err(cause) => {
                    skipped.skip(cause, 1, entry.points(), 0);
                    continue;
                }
            };
            if lines.longest() > task.limits.uncompressed {
                skipped.skip(SkipCause::TooLarge, 1, entry.points(), 0);
                continue;
            }
            if left_out > 0 {
                skipped.skip(SkipCause::ExpansionLimit, 0, 0, left_out);
            }
            for (i, line) in lines.iter().enumerate() {
                let gap = usize::from(writer.separated() && !self.out.is_empty());
                if self.out.len() + gap + line.len() > task.limits.uncompressed {
                    finish(&mut self.out, &mut self.spare, entries, points);
                    (entries, points) = (0, 0);
                } else if gap == 1 {
                    self.out.push(b'\n');
                }
                self.out.extend_from_slice(line);
                if i == 0 {
                    entries += 1;
                    points += entry.points();
                }
            }
        }
        if !self.out.is_empty() {
            finish(&mut self.out, &mut self.spare, entries, points);
        }
        for s in skipped.skipped {
            payloads.skip(s.cause, s.entries, s.points, s.values);
        }
    }

    fn skip_too_large(&self, task: &Task<'_>, at: usize, payloads: &mut Payloads) -> usize {
        payloads.skip(SkipCause::TooLarge, 1, self.points(task, at..at + 1), 0);
        at + 1
    }

    fn points(&self, task: &Task<'_>, range: Range<usize>) -> u64 {
        let entries = self.selected[range].iter();
        entries
            .filter_map(|i| task.snapshot.get(*i as usize))
            .map(|entry| entry.points())
            .sum()
    }

    /// Where the run of entries of one series that begins at `at` ends.
    fn end_of_series(&self, snapshot: &Snapshot, at: usize) -> usize {
        let series = |i: &u32| snapshot.get(*i as usize).map(|entry| entry.series());
        let first = series(&self.selected[at]);
        at + 1
            + self.selected[at + 1..]
                .iter()
                .take_while(|i| series(i) == first)
                .count()
    }
}

/// Encodes a snapshot as `config` says; see [`Encoder`] to do so repeatedly.
///
/// # Errors
/// [`EncodeError`].
pub fn encode(snapshot: &Snapshot, config: &EncodeConfig) -> Result<Payloads, EncodeError> {
    Encoder::new().encode(snapshot, config)
}

/// Entries of one series that stand next to each other.
#[derive(Clone, Copy)]
pub(crate) struct Group<'a> {
    snapshot: &'a Snapshot,
    /// At least one.
    entries: &'a [u32],
}

impl<'a> Group<'a> {
    /// Length of the snapshot's intervals in seconds.
    pub(crate) fn interval_s(&self) -> u32 {
        self.snapshot.interval_s()
    }

    /// How many entries.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entries, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Entry<'a>> + Clone + use<'a> {
        let snapshot = self.snapshot;
        self.entries
            .iter()
            .filter_map(move |i| snapshot.get(*i as usize))
    }
}

/// The tags of an entry and those of the configuration that it does not have.
pub(crate) fn tags_with<'a>(
    entry: Entry<'a>,
    more: &'a [String],
) -> impl Iterator<Item = &'a str> + Clone {
    let new = move |tag: &&str| !entry.tags().any(|own| own == *tag);
    entry
        .tags()
        .chain(more.iter().map(String::as_str).filter(new))
}

/// What a [`Body`] has written for a group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Written {
    /// How much of the limit `items_max` it takes.
    pub(crate) items: u64,
    /// Values past `expand_max`.
    pub(crate) values_left_out: u64,
    /// Derived values that are not finite.
    pub(crate) values_not_finite: u64,
}

/// How the entries of one route become the bytes of a body.
pub(crate) trait Body {
    /// Writes what stands before the first group.
    fn begin(&mut self, out: &mut Vec<u8>);
    /// Writes a group; `first` says that none stands before it.
    fn write(&mut self, out: &mut Vec<u8>, first: bool, group: Group<'_>) -> Written;
    /// Bytes that [`Body::end`] writes.
    fn end_len(&self) -> usize;
    /// Writes what stands behind the last group.
    fn end(&mut self, out: &mut Vec<u8>);
}

/// How the entries of one route become lines of text.
pub(crate) trait LineWriter {
    /// Whether a line feed stands between lines (otherwise lines bring their own).
    fn separated(&self) -> bool;
    /// Writes an entry's lines and says how many values were left out, or why there are none.
    fn write(&mut self, lines: &mut Lines, entry: &Entry<'_>) -> Result<u64, SkipCause>;
}

#[derive(Clone, Copy, Debug, Default)]
struct Filled {
    /// The first entry that is not in the body.
    next: usize,
    values_left_out: u64,
    values_not_finite: u64,
}

/// What stays the same while a route's bodies are filled.
struct Task<'a> {
    snapshot: &'a Snapshot,
    route: Route,
    compression: Compression,
    limits: Limits,
}

impl Task<'_> {
    fn payload(&self, body: Vec<u8>, entries: usize, points: u64) -> Payload {
        Payload {
            path: self.route.path(),
            content_type: self.route.content_type(),
            content_encoding: self.compression.content_encoding(),
            body,
            entries,
            points,
            parts: Vec::new(),
        }
    }
}

/// Why a snapshot could not be encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// An option has a value it cannot have, or options do not go together.
    Config(EncodeConfigError),
    /// The compressor failed.
    Compression {
        /// What it says.
        cause: String,
    },
}

impl From<std::io::Error> for EncodeError {
    fn from(error: std::io::Error) -> EncodeError {
        EncodeError::Compression {
            cause: error.to_string(),
        }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeError::Config(error) => error.fmt(f),
            EncodeError::Compression { cause } => {
                write!(
                    f,
                    "the body could not be compressed: {cause}; set compression to none"
                )
            }
        }
    }
}

impl std::error::Error for EncodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            EncodeError::Config(error) => Some(error),
            EncodeError::Compression { .. } => None,
        }
    }
}
