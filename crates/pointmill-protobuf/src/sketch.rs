//! Writing a Sketch message in one pass over its bins and one over their lengths.
//!
//! ```text
//! measure(columns, k, n)   for every Dogsketch: the bytes of each column, arithmetically
//! open(name, host, tags)   the message's length is now known: head and strings
//! dogsketch(…)             for every Dogsketch, in the same order
//! close()                  origin
//! ```
//!
//! A column of bins is nearly always uniform: keys from 64 to 8191 (values from 2.7e-9 to 4e46) are
//! two bytes each, counts below 128 one byte. Uniform columns are written by loops without a
//! branch that the compiler turns into vector code; anything else goes byte by byte.
//!
//! What has such a loop is never inlined: inside a caller that is built for size it would be compiled as
//! its caller is, without vector code.

use crate::{
    Origin, bytes_field_len, double_field_len, put_bytes_head, put_double_field, put_string,
    put_string_field, put_varint, put_varint_field, string_field_len, varint_field_len, varint_len,
    zigzag,
};

/// The scalars of a Dogsketch.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// Start of the interval, Unix seconds.
    pub ts: i64,
    /// How many values.
    pub cnt: i64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// Their mean.
    pub avg: f64,
    /// Their sum.
    pub sum: f64,
}

impl Columns {
    fn len(&self) -> usize {
        varint_field_len(self.ts as u64)
            + varint_field_len(self.cnt as u64)
            + double_field_len(self.min)
            + double_field_len(self.max)
            + double_field_len(self.avg)
            + double_field_len(self.sum)
    }
}

/// What [`SketchWriter::measure`] found out about one Dogsketch.
#[derive(Clone, Copy, Debug)]
struct Measure {
    /// Bytes of the message, without its own tag and length.
    total: usize,
    keys: usize,
    counts: usize,
    /// Whether every key takes two bytes.
    pairs: bool,
}

/// Writes Sketch messages; keeps its scratch space from one to the next.
#[derive(Debug, Default)]
pub struct SketchWriter {
    measures: Vec<Measure>,
    /// Bytes of all Dogsketches with their tags and lengths.
    dogsketches_len: usize,
    /// How many of `measures` have been written.
    written: usize,
    origin: Option<Origin>,
}

impl SketchWriter {
    /// Announces a Dogsketch of the message to be opened next: its scalars, and its bins as a column of
    /// keys and one of counts of the same length.
    #[inline(never)]
    pub fn measure(&mut self, columns: Columns, keys: &[i16], counts: &[u32]) {
        let pairs = all_two_bytes(keys);
        let (key_bytes, count_bytes) = (keys_len(keys, pairs), counts_len(counts));
        let packed = |len| if len == 0 { 0 } else { bytes_field_len(len) };
        let total = columns.len() + packed(key_bytes) + packed(count_bytes);
        self.measures.push(Measure {
            total,
            keys: key_bytes,
            counts: count_bytes,
            pairs,
        });
        self.dogsketches_len += bytes_field_len(total);
    }

    /// Writes the head of a Sketch message whose Dogsketches have all been measured.
    pub fn open<'a>(
        &mut self,
        out: &mut Vec<u8>,
        metric: &str,
        host: &str,
        tags: impl Iterator<Item = &'a str> + Clone,
        origin: Option<Origin>,
    ) {
        self.origin = origin;
        let total = string_field_len(metric)
            + string_field_len(host)
            + tags
                .clone()
                .map(|tag| bytes_field_len(tag.len()))
                .sum::<usize>()
            + self.dogsketches_len
            + origin.map_or(0, |origin| bytes_field_len(metadata_len(origin)));
        out.reserve(total + 16);
        put_bytes_head(out, 1, total);
        put_string_field(out, 1, metric);
        put_string_field(out, 2, host);
        tags.for_each(|tag| put_string(out, 4, tag));
    }

    /// Writes the next of the Dogsketches that were measured, from the same columns.
    ///
    /// # Panics
    /// If all have been written.
    #[inline(never)]
    pub fn dogsketch(&mut self, out: &mut Vec<u8>, columns: Columns, keys: &[i16], counts: &[u32]) {
        let measure = self.measures[self.written];
        self.written += 1;
        put_bytes_head(out, 7, measure.total);
        put_varint_field(out, 1, columns.ts as u64);
        put_varint_field(out, 2, columns.cnt as u64);
        put_double_field(out, 3, columns.min);
        put_double_field(out, 4, columns.max);
        put_double_field(out, 5, columns.avg);
        put_double_field(out, 6, columns.sum);
        if measure.keys != 0 {
            put_bytes_head(out, 7, measure.keys);
            put_keys(out, keys, measure.pairs);
        }
        if measure.counts != 0 {
            put_bytes_head(out, 8, measure.counts);
            put_counts(out, counts, measure.counts);
        }
    }

    /// Ends the message and forgets its measures.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        debug_assert_eq!(
            self.written,
            self.measures.len(),
            "every Dogsketch measured is written"
        );
        if let Some(origin) = self.origin {
            put_bytes_head(out, 8, metadata_len(origin));
            put_metadata(out, origin);
        }
        self.forget();
    }

    fn forget(&mut self) {
        self.measures.clear();
        (self.dogsketches_len, self.written, self.origin) = (0, 0, None);
    }
}

/// A number at least as large as every count, with as many bits as the largest.
#[must_use]
#[inline(never)]
pub fn widest(counts: &[u32]) -> u32 {
    counts.iter().fold(0, |all, n| all | n)
}

/// Whether a key stands next to itself.
#[must_use]
#[inline(never)]
pub fn repeats(keys: &[i16]) -> bool {
    let next = keys.get(1..).unwrap_or_default();
    // Without an early end, so that the compiler makes vector code of it.
    keys.iter()
        .zip(next)
        .fold(false, |any, (a, b)| any | (a == b))
}

/// Whether all keys take two bytes: their zigzag is from 128 to 16383.
fn all_two_bytes(keys: &[i16]) -> bool {
    // Signed minimum and maximum vectorise on every target, and the keys need not be in order.
    let min = keys.iter().fold(i16::MAX, |a, k| a.min(*k));
    let max = keys.iter().fold(i16::MIN, |a, k| a.max(*k));
    (min >= 64 && max <= 8191) || (min >= -8192 && max <= -65)
}

/// `pairs` is [`all_two_bytes`] of them, here and in [`put_keys`].
fn keys_len(keys: &[i16], pairs: bool) -> usize {
    if pairs {
        return 2 * keys.len();
    }
    keys.iter()
        .map(|k| varint_len(u64::from(zigzag(i32::from(*k)))))
        .sum()
}

fn counts_len(counts: &[u32]) -> usize {
    if widest(counts) < 128 {
        return counts.len();
    }
    counts.iter().map(|n| varint_len(u64::from(*n))).sum()
}

fn put_keys(out: &mut Vec<u8>, keys: &[i16], pairs: bool) {
    if pairs {
        let start = out.len();
        out.resize(start + 2 * keys.len(), 0);
        for (pair, key) in out[start..].chunks_exact_mut(2).zip(keys) {
            let z = ((key << 1) ^ (key >> 15)) as u16;
            pair.copy_from_slice(&((z & 0x7f) | 0x80 | (z >> 7) << 8).to_le_bytes());
        }
        return;
    }
    keys.iter()
        .for_each(|k| put_varint(out, u64::from(zigzag(i32::from(*k)))));
}

fn put_counts(out: &mut Vec<u8>, counts: &[u32], len: usize) {
    // One byte each, and no count takes none.
    if len == counts.len() {
        out.extend(counts.iter().map(|n| *n as u8));
        return;
    }
    counts.iter().for_each(|n| put_varint(out, u64::from(*n)));
}

fn origin_len(origin: Origin) -> usize {
    varint_field_len(u64::from(origin.product))
        + varint_field_len(u64::from(origin.category))
        + varint_field_len(u64::from(origin.service))
}

/// Bytes of a Metadata message with this origin in it.
#[must_use]
pub fn metadata_len(origin: Origin) -> usize {
    bytes_field_len(origin_len(origin))
}

/// Writes the fields of a Metadata message, without its own tag and length.
pub fn put_metadata(out: &mut Vec<u8>, origin: Origin) {
    put_bytes_head(out, 1, origin_len(origin));
    put_varint_field(out, 4, u64::from(origin.product));
    put_varint_field(out, 5, u64::from(origin.category));
    put_varint_field(out, 6, u64::from(origin.service));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_written_as_it_is_measured() {
        let all: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        for keys in [
            &all[..],
            &[63, 64],
            &[64, 8191],
            &[64, 8192],
            &[-65, -8192],
            &[-64],
            &[],
        ] {
            let mut fast = Vec::new();
            put_keys(&mut fast, keys, all_two_bytes(keys));
            let mut slow = Vec::new();
            keys.iter()
                .for_each(|k| put_varint(&mut slow, u64::from(zigzag(i32::from(*k)))));
            assert_eq!(fast, slow);
            assert_eq!(fast.len(), keys_len(keys, all_two_bytes(keys)));
        }
    }

    #[test]
    fn every_size_of_count_is_written_as_it_is_measured() {
        for counts in [
            &[0, 1, 127][..],
            &[1, 128],
            &[u32::MAX, 1 << 14, 1 << 21],
            &[],
        ] {
            let mut fast = Vec::new();
            put_counts(&mut fast, counts, counts_len(counts));
            let mut slow = Vec::new();
            counts
                .iter()
                .for_each(|n| put_varint(&mut slow, u64::from(*n)));
            assert_eq!(fast, slow);
            assert_eq!(fast.len(), counts_len(counts));
        }
    }
}
