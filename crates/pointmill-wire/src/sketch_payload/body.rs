//! Sketches straight from a snapshot's columns.

use core::ops::Range;

use ddsketch_agent::Summary;
use pointmill::{Entry, Value};
use pointmill_protobuf::{Columns, SketchWriter, repeats, widest};

use crate::Origin;
use crate::config::{BinProfile, EncodeConfig};
use crate::encode::{Body, Group, Written, tags_with};

/// The largest count of one bin in [`BinProfile::U16`].
const NARROW: u64 = u16::MAX as u64;

pub(crate) struct SketchBody<'c> {
    config: &'c EncodeConfig,
    origin: Option<Origin>,
    writer: SketchWriter,
    narrow: NarrowBins,
}

impl<'c> SketchBody<'c> {
    pub(crate) fn new(config: &'c EncodeConfig) -> SketchBody<'c> {
        SketchBody {
            config,
            origin: (!config.origin.is_empty()).then_some(config.origin),
            writer: SketchWriter::default(),
            narrow: NarrowBins::default(),
        }
    }
}

impl Body for SketchBody<'_> {
    fn begin(&mut self, _out: &mut Vec<u8>) {}

    fn write(&mut self, out: &mut Vec<u8>, _first: bool, group: Group<'_>) -> Written {
        let Some(head) = group.iter().next() else {
            return Written::default();
        };
        self.narrow.clear();
        // Nearly always there is one, which need not be looked up twice.
        let mut last = None;
        for entry in group.iter() {
            last = dogsketch(&entry);
            let Some((columns, keys, counts)) = last else {
                continue;
            };
            let narrow = self.config.profile == BinProfile::U16 && self.narrow.split(keys, counts);
            let (keys, counts) = if narrow {
                self.narrow.last()
            } else {
                (keys, counts)
            };
            self.writer.measure(columns, keys, counts);
        }
        let tags = tags_with(head, &self.config.tags);
        self.writer
            .open(out, head.name(), &self.config.host, tags, self.origin);
        for entry in group.iter() {
            let found = if group.len() == 1 {
                last
            } else {
                dogsketch(&entry)
            };
            let Some((columns, keys, counts)) = found else {
                continue;
            };
            let narrow = self.config.profile == BinProfile::U16 && needs_split(keys, counts);
            let (keys, counts) = if narrow {
                self.narrow.take()
            } else {
                (keys, counts)
            };
            self.writer.dogsketch(out, columns, keys, counts);
        }
        self.writer.close(out);
        Written {
            items: 1,
            ..Written::default()
        }
    }

    fn end_len(&self) -> usize {
        if self.config.agent_footer { 2 } else { 0 }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.config.agent_footer {
            out.extend_from_slice(&[0x12, 0x00]);
        }
    }
}

// Built for size the compiler would rather call it, for every context.
#[inline(always)]
fn dogsketch<'a>(entry: &Entry<'a>) -> Option<(Columns, &'a [i16], &'a [u32])> {
    let Value::Summary(Summary {
        count,
        min,
        max,
        sum,
        avg,
    }) = entry.value()
    else {
        return None;
    };
    let sketch = entry.sketch()?;
    let cnt = i64::try_from(count).unwrap_or(i64::MAX);
    let columns = Columns {
        ts: entry.interval(),
        cnt,
        min,
        max,
        avg,
        sum,
    };
    Some((columns, sketch.keys, sketch.counts))
}

/// Bins of one group's sketches, split so that no count is above 65535.
#[derive(Default)]
struct NarrowBins {
    keys: Vec<i16>,
    counts: Vec<u32>,
    spans: Vec<Range<usize>>,
    taken: usize,
}

/// Most narrow bins made of one sketch. Only a count of billions needs more, and then its bins stay
/// wide: to the intake both are the same, and a stranger's snapshot cannot ask for gigabytes.
const NARROW_BINS_MAX: u64 = 1 << 17;

/// Whether narrow bins differ from these: a count is too large, or a key stands twice because it
/// was too large even for 32 bits.
fn needs_split(keys: &[i16], counts: &[u32]) -> bool {
    if u64::from(widest(counts)) <= NARROW && !repeats(keys) {
        return false;
    }
    counts
        .iter()
        .map(|n| u64::from(*n).div_ceil(NARROW))
        .sum::<u64>()
        <= NARROW_BINS_MAX
}

impl NarrowBins {
    fn clear(&mut self) {
        self.keys.clear();
        self.counts.clear();
        self.spans.clear();
        self.taken = 0;
    }

    /// Splits a sketch's bins if they need it: the remainder first, then full bins, as an Agent
    /// appends them.
    fn split(&mut self, keys: &[i16], counts: &[u32]) -> bool {
        if !needs_split(keys, counts) {
            return false;
        }
        let start = self.keys.len();
        let mut at = 0;
        while at < keys.len() {
            let same = keys[at..]
                .iter()
                .take_while(|key| **key == keys[at])
                .count();
            let total: u64 = counts[at..at + same].iter().map(|n| u64::from(*n)).sum();
            let remainder = (total % NARROW) as u32;
            if remainder != 0 {
                self.keys.push(keys[at]);
                self.counts.push(remainder);
            }
            let full = (total / NARROW) as usize;
            self.keys.resize(self.keys.len() + full, keys[at]);
            self.counts.resize(self.counts.len() + full, NARROW as u32);
            at += same;
        }
        self.spans.push(start..self.keys.len());
        true
    }

    fn span(&self, i: usize) -> (&[i16], &[u32]) {
        let span = self.spans[i].clone();
        (&self.keys[span.clone()], &self.counts[span])
    }

    /// The bins split last.
    fn last(&self) -> (&[i16], &[u32]) {
        self.span(self.spans.len() - 1)
    }

    /// The bins split first and not taken yet.
    fn take(&mut self) -> (&[i16], &[u32]) {
        self.taken += 1;
        self.span(self.taken - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_split_the_way_an_agent_appends() {
        let mut narrow = NarrowBins::default();
        assert!(!narrow.split(&[1, 2], &[65_535, 1]));
        assert!(narrow.split(&[1, 2, 3], &[65_536, 131_070, 7]));
        assert!(narrow.split(&[9, 9], &[u32::MAX, 1]));
        assert_eq!(
            narrow.take(),
            (&[1, 1, 2, 2, 3][..], &[1, 65_535, 65_535, 65_535, 7][..])
        );
        // 2^32 is 65537 times 65535, and 1.
        let (keys, counts) = narrow.take();
        assert_eq!((keys.len(), counts[0], counts[1]), (65_538, 1, 65_535));
        assert_eq!(counts.iter().map(|n| u64::from(*n)).sum::<u64>(), 1 << 32);
    }

    #[test]
    fn billions_stay_in_wide_bins() {
        let mut narrow = NarrowBins::default();
        assert!(!narrow.split(&[1, 2], &[u32::MAX, u32::MAX]));
        assert!(narrow.keys.is_empty());
    }
}
