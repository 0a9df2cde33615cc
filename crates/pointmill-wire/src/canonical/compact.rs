//! The compact binary format of the Go and Java libraries.
//!
//! A sequence of blocks up to the end of the input, each a flag byte and a body. They may come in
//! any order, and blocks of one kind add up:
//!
//! ```text
//! flag  block                          body
//! 04    zero count                     varfloat
//! A0    exact summary: count           varfloat
//! 84    exact summary: sum             double, little-endian
//! 88    exact summary: min             double
//! 8C    exact summary: max             double
//! 02    mapping, logarithmic           gamma double, index offset double
//! 06 0A 0E 12   … linear, quadratic, cubic, quartic
//! 05    positive bins                  n, then n × (index delta, count varfloat)
//! 09    positive bins of count 1       n, then n × index delta
//! 0D    positive bins in steps         n, first index, step, then n × count varfloat
//! 07 0B 0F      the same for negative
//!
//! n       uvarint: 7 bits a byte from the lowest, 0x80 on all but the last; a ninth byte has 8 bits
//! index   varint: zigzag, then uvarint; the first delta is from 0
//! count   varfloat: rotate_left(bits(c + 1) − bits(1), 6), 7 bits a byte from the *highest*, and
//!         trailing zeros left out; a ninth byte has 8 bits
//! ```
//!
//! Written in this order: exact summary, zero count, mapping, positive bins, negative bins.
//!
//! c + 1 is rounded to a double: a whole count below 2⁵² returns as it was, a fraction may lose its
//! last bits (those below 2⁻⁵² for counts below 1).
//!
//! The Go library's reader of sketches *without* a summary steps over summary blocks as if each had
//! eight bytes, so it cannot read an `A0` block. Give it sketches without one
//! (`with_summary: false`). The readers with a summary, and Java's, take both.
//!
//! Source: `ddsketch/encoding/{flag,encoding}.go` of `DataDog/sketches-go`.

use ddsketch_agent::canonical::{Bounds, DdSketch, ExactSummary, Kind, Mapping, Store};

use super::{DecodeOptions, Layout, count_cause, mapping_cause};
use crate::decode::{Cause, DecodeError, Reader, Tally, zigzag_decode_64};

const ZERO_COUNT: u8 = 0x04;
const SUMMARY_COUNT: u8 = 0xa0;
const SUMMARY_SUM: u8 = 0x84;
const SUMMARY_MIN: u8 = 0x88;
const SUMMARY_MAX: u8 = 0x8c;
/// The low two bits of a flag that holds bins; the flag is one of these plus a form.
const POSITIVE: u8 = 0b01;
const NEGATIVE: u8 = 0b11;
const DELTAS_AND_COUNTS: u8 = 1 << 2;
const DELTAS: u8 = 2 << 2;
const STEPS: u8 = 3 << 2;

/// Indexes of a page: they share all bits above the lowest five.
const PAGE_LENGTH: i32 = 32;

/// What to write beside the bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeOptions {
    /// The form of the bins.
    pub layout: Layout,
    /// Whether to write the mapping; without it a reader must know it.
    pub with_mapping: bool,
    /// Whether to write the exact summary, if the sketch keeps one.
    pub with_summary: bool,
}

impl Default for EncodeOptions {
    /// Contiguous bins, mapping and summary.
    fn default() -> Self {
        EncodeOptions {
            layout: Layout::Contiguous,
            with_mapping: true,
            with_summary: true,
        }
    }
}

/// Appends `sketch` to `out`, byte for byte as the Go library.
///
/// An upper-inclusive mapping is written as its lower-inclusive twin
/// ([`Mapping::to_lower_inclusive`]), as all readers of this format expect.
pub fn encode(sketch: &DdSketch, options: &EncodeOptions, out: &mut Vec<u8>) {
    if let Some(exact) = sketch.exact_summary().filter(|_| options.with_summary) {
        put_summary(out, exact);
    }
    if sketch.zero_count() != 0.0 {
        out.push(ZERO_COUNT);
        put_varfloat(out, sketch.zero_count());
    }
    if options.with_mapping {
        put_mapping(out, &sketch.mapping().to_lower_inclusive());
    }
    for (sign, store) in [(POSITIVE, sketch.positive()), (NEGATIVE, sketch.negative())] {
        match options.layout {
            Layout::Contiguous => put_shorter(out, sign, store),
            Layout::Paginated => put_paginated(out, sign, store),
        }
    }
}

/// Every number that an empty summary does not have.
fn put_summary(out: &mut Vec<u8>, exact: &ExactSummary) {
    if exact.count != 0.0 {
        out.push(SUMMARY_COUNT);
        put_varfloat(out, exact.count);
    }
    for (flag, value, empty) in [
        (SUMMARY_SUM, exact.sum, 0.0),
        (SUMMARY_MIN, exact.min, f64::INFINITY),
        (SUMMARY_MAX, exact.max, f64::NEG_INFINITY),
    ] {
        if value != empty {
            out.push(flag);
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

fn put_mapping(out: &mut Vec<u8>, mapping: &Mapping) {
    out.push(match mapping.kind() {
        Kind::Logarithmic => 0x02,
        Kind::Linear => 0x06,
        Kind::Quadratic => 0x0a,
        Kind::Cubic => 0x0e,
        Kind::Quartic => 0x12,
    });
    out.extend_from_slice(&mapping.gamma().to_le_bytes());
    out.extend_from_slice(&mapping.index_offset().to_le_bytes());
}

/// Steps of 1 if that is no longer than deltas with counts; nothing for an empty store.
fn put_shorter(out: &mut Vec<u8>, sign: u8, store: &Store) {
    let (Some(min), Some(max)) = (store.min_index(), store.max_index()) else {
        return;
    };
    let span = u64::from(max.abs_diff(min)) + 1;
    let bins = store.bin_count() as u64;
    // The choice is Go's: it measures the deltas as if the first were from `min`.
    let (mut counts, mut deltas, mut previous) = (0, 0, min);
    for (index, count) in store {
        counts += varfloat_len(count);
        deltas += varint_len(i64::from(index) - i64::from(previous));
        previous = index;
    }
    let empty = (span - bins) as usize; // each a count of 0, one byte
    let in_steps = uvarint_len(span) + varint_len(min.into()) + varint_len(1) + counts + empty;
    if in_steps <= uvarint_len(bins) + deltas + counts {
        put_steps(out, sign, min, max, store.iter());
        return;
    }
    out.push(sign | DELTAS_AND_COUNTS);
    put_uvarint(out, bins);
    let mut previous = 0;
    for (index, count) in store {
        put_varint(out, i64::from(index) - previous);
        put_varfloat(out, count);
        previous = i64::from(index);
    }
}

/// Counts of all of `min..=max`, of which `bins` has those above 0.
fn put_steps(
    out: &mut Vec<u8>,
    sign: u8,
    min: i32,
    max: i32,
    bins: impl Iterator<Item = (i32, f64)>,
) {
    out.push(sign | STEPS);
    put_uvarint(out, u64::from(max.abs_diff(min)) + 1);
    put_varint(out, min.into());
    put_varint(out, 1);
    let mut next = i64::from(min);
    for (index, count) in bins {
        let gap = i64::from(index) - next;
        out.extend((0..gap).map(|_| 0));
        put_varfloat(out, count);
        next = i64::from(index) + 1;
    }
    out.extend((next..=i64::from(max)).map(|_| 0));
}

/// First the values on thin pages, one by one; then the other pages, whole.
///
/// A page is written whole if it holds 32 values or more, or a fraction of one: that is when the
/// Go store has it as a page rather than in its buffer.
fn put_paginated(out: &mut Vec<u8>, sign: u8, store: &Store) {
    let bins: Vec<(i32, f64)> = store.iter().collect();
    let pages = || bins.chunk_by(|a, b| page_of(a.0) == page_of(b.0));
    let is_thin = |page: &&[(i32, f64)]| {
        let total: f64 = page.iter().map(|bin| bin.1).sum();
        total < f64::from(PAGE_LENGTH) && page.iter().all(|bin| bin.1.fract() == 0.0)
    };
    let single = || pages().filter(is_thin).flatten();
    let singles: u64 = single().map(|bin| bin.1 as u64).sum();
    if singles > 0 {
        out.push(sign | DELTAS);
        put_uvarint(out, singles);
        let mut previous = 0;
        for &(index, count) in single() {
            for _ in 0..count as u64 {
                put_varint(out, i64::from(index) - previous);
                previous = i64::from(index);
            }
        }
    }
    for page in pages().filter(|page| !is_thin(page)) {
        let first = page_of(page[0].0) * PAGE_LENGTH;
        put_steps(
            out,
            sign,
            first,
            first + (PAGE_LENGTH - 1),
            page.iter().copied(),
        );
    }
}

fn page_of(index: i32) -> i32 {
    index.div_euclid(PAGE_LENGTH)
}

/// Reads a sketch. Bins are lower-inclusive, whatever the options say.
///
/// `known` is the mapping of a sketch written without one. The sketch keeps an exact summary if any
/// block of one is there; blocks that are not leave its number as in an empty one. Memory: the bins
/// in the chosen stores, at most [`bins_max`](crate::DecodeLimits::bins_max) map entries.
///
/// # Errors
/// [`DecodeError`], with the offset in `bytes` of what was refused. Among others: no mapping, two
/// that differ, an unknown flag, a negative or infinite count, a bin index past 32 bits.
pub fn decode(
    bytes: &[u8],
    known: Option<&Mapping>,
    options: &DecodeOptions,
) -> Result<DdSketch, DecodeError> {
    let mut reader = Reader::new(bytes, &options.limits)?;
    let mut parts = Parts {
        mapping: known.copied(),
        positive: Store::new(options.policy),
        negative: Store::new(options.policy),
        zero_count: 0.0,
        exact: None,
        tally: Tally::bins(&options.limits),
    };
    while reader.left() > 0 {
        parts.block(&mut reader)?;
    }
    let missing = Cause::Invalid("the mapping is missing; pass the one it was written with");
    let mapping = parts.mapping.ok_or(reader.error("mapping", missing))?;
    DdSketch::from_parts(
        mapping,
        parts.positive,
        parts.negative,
        parts.zero_count,
        parts.exact,
    )
    .map_err(|error| reader.error("zero count", count_cause(error)))
}

struct Parts {
    mapping: Option<Mapping>,
    positive: Store,
    negative: Store,
    zero_count: f64,
    exact: Option<ExactSummary>,
    tally: Tally,
}

impl Parts {
    fn block(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        let offset = reader.offset();
        let flag = reader.byte("flag")?;
        match flag {
            ZERO_COUNT => self.zero_count += read_count(reader, "zero count")?,
            SUMMARY_COUNT => self.exact().count += read_count(reader, "count")?,
            SUMMARY_SUM => self.exact().sum += reader.raw_double("sum")?,
            SUMMARY_MIN => {
                let min = reader.raw_double("min")?;
                self.exact().min = self.exact().min.min(min);
            }
            SUMMARY_MAX => {
                let max = reader.raw_double("max")?;
                self.exact().max = self.exact().max.max(max);
            }
            0x02 => self.mapping(reader, Kind::Logarithmic)?,
            0x06 => self.mapping(reader, Kind::Linear)?,
            0x0a => self.mapping(reader, Kind::Quadratic)?,
            0x0e => self.mapping(reader, Kind::Cubic)?,
            0x12 => self.mapping(reader, Kind::Quartic)?,
            _ => {
                let store = match flag & 0b11 {
                    POSITIVE => &mut self.positive,
                    NEGATIVE => &mut self.negative,
                    _ => return Err(unknown_flag(offset)),
                };
                match flag & !0b11 {
                    DELTAS_AND_COUNTS => read_deltas(reader, store, &mut self.tally, true)?,
                    DELTAS => read_deltas(reader, store, &mut self.tally, false)?,
                    STEPS => read_steps(reader, store, &mut self.tally)?,
                    _ => return Err(unknown_flag(offset)),
                }
            }
        }
        Ok(())
    }

    fn exact(&mut self) -> &mut ExactSummary {
        self.exact.get_or_insert_default()
    }

    fn mapping(&mut self, reader: &mut Reader<'_>, kind: Kind) -> Result<(), DecodeError> {
        let offset = reader.offset();
        let fail = |cause| DecodeError {
            offset,
            field: "mapping",
            cause,
        };
        let gamma = reader.raw_double("mapping gamma")?;
        let index_offset = reader.raw_double("mapping index offset")?;
        let mapping = Mapping::new(kind, Bounds::LowerInclusive, gamma, index_offset)
            .map_err(|error| fail(mapping_cause(error)))?;
        match &self.mapping {
            Some(other) if !mapping.mergeable(other) => Err(fail(Cause::Invalid(
                "the mapping differs from the one given before; bins of two cannot be added",
            ))),
            _ => {
                self.mapping = Some(mapping);
                Ok(())
            }
        }
    }
}

fn unknown_flag(offset: usize) -> DecodeError {
    let cause = Cause::Invalid("unknown flag; its block's length cannot be known");
    DecodeError {
        offset,
        field: "flag",
        cause,
    }
}

fn read_deltas(
    reader: &mut Reader<'_>,
    store: &mut Store,
    tally: &mut Tally,
    with_counts: bool,
) -> Result<(), DecodeError> {
    let bins = read_bin_count(reader, tally)?;
    let mut index = 0;
    for _ in 0..bins {
        let offset = reader.offset();
        let delta = read_varint(reader, "index delta")?;
        index = checked_index(index, delta, offset)?;
        let count = if with_counts {
            read_count(reader, "bin count")?
        } else {
            1.0
        };
        add(store, index, count, offset)?;
    }
    Ok(())
}

fn read_steps(
    reader: &mut Reader<'_>,
    store: &mut Store,
    tally: &mut Tally,
) -> Result<(), DecodeError> {
    let bins = read_bin_count(reader, tally)?;
    let mut offset = reader.offset();
    let mut index = checked_index(0, read_varint(reader, "first index")?, offset);
    let step = read_varint(reader, "index step")?;
    for _ in 0..bins {
        offset = reader.offset();
        let count = read_count(reader, "bin count")?;
        // Empty bins may lie beyond the indexes, as the rest of a page does.
        if count != 0.0 {
            add(store, index?, count, offset)?;
        }
        index = index.and_then(|index| checked_index(index, step, offset));
    }
    Ok(())
}

fn read_bin_count(reader: &mut Reader<'_>, tally: &mut Tally) -> Result<u64, DecodeError> {
    let offset = reader.offset();
    let bins = read_uvarint(reader, "number of bins")?;
    tally.take(bins, offset, "number of bins")?;
    Ok(bins)
}

fn checked_index(index: i32, delta: i64, offset: usize) -> Result<i32, DecodeError> {
    i64::from(index)
        .checked_add(delta)
        .and_then(|sum| i32::try_from(sum).ok())
        .ok_or(DecodeError {
            offset,
            field: "bin index",
            cause: Cause::Invalid("the bin's index exceeds 32 bits"),
        })
}

fn add(store: &mut Store, index: i32, count: f64, offset: usize) -> Result<(), DecodeError> {
    store.add(index, count).map_err(|error| DecodeError {
        offset,
        field: "bin count",
        cause: count_cause(error),
    })
}

/// A varfloat that is a count. Rounding of c + 1 − 1 cannot make one negative, damage can.
fn read_count(reader: &mut Reader<'_>, field: &'static str) -> Result<f64, DecodeError> {
    let offset = reader.offset();
    let count = read_varfloat(reader, field)?;
    if count >= 0.0 && count.is_finite() {
        return Ok(count);
    }
    let cause = Cause::Invalid("a count must be finite and not negative");
    Err(DecodeError {
        offset,
        field,
        cause,
    })
}

fn put_uvarint(out: &mut Vec<u8>, mut v: u64) {
    for _ in 0..8 {
        if v < 0x80 {
            break;
        }
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

fn uvarint_len(v: u64) -> usize {
    let bits = (u64::BITS - (v | 1).leading_zeros()) as usize;
    bits.div_ceil(7).min(9)
}

fn read_uvarint(reader: &mut Reader<'_>, field: &'static str) -> Result<u64, DecodeError> {
    let mut v = 0;
    for shift in (0..56).step_by(7) {
        let byte = reader.byte(field)?;
        v |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(v);
        }
    }
    Ok(v | u64::from(reader.byte(field)?) << 56)
}

fn zigzag(v: i64) -> u64 {
    (v << 1 ^ v >> 63) as u64
}

fn put_varint(out: &mut Vec<u8>, v: i64) {
    put_uvarint(out, zigzag(v));
}

fn varint_len(v: i64) -> usize {
    uvarint_len(zigzag(v))
}

fn read_varint(reader: &mut Reader<'_>, field: &'static str) -> Result<i64, DecodeError> {
    Ok(zigzag_decode_64(read_uvarint(reader, field)?))
}

const ONE_BITS: u64 = 1f64.to_bits();

fn varfloat_bits(v: f64) -> u64 {
    (v + 1.0).to_bits().wrapping_sub(ONE_BITS).rotate_left(6)
}

fn put_varfloat(out: &mut Vec<u8>, v: f64) {
    let mut bits = varfloat_bits(v);
    for _ in 0..8 {
        let high = (bits >> 57) as u8;
        bits <<= 7;
        if bits == 0 {
            out.push(high);
            return;
        }
        out.push(high | 0x80);
    }
    out.push((bits >> 56) as u8);
}

fn varfloat_len(v: f64) -> usize {
    let bits = u64::BITS - varfloat_bits(v).trailing_zeros();
    (bits as usize).div_ceil(7).clamp(1, 9)
}

fn read_varfloat(reader: &mut Reader<'_>, field: &'static str) -> Result<f64, DecodeError> {
    let mut bits = 0;
    for index in 0..9 {
        let byte = reader.byte(field)?;
        if index == 8 {
            bits |= u64::from(byte);
        } else {
            bits |= u64::from(byte & 0x7f) << (57 - 7 * index);
            if byte < 0x80 {
                break;
            }
        }
    }
    Ok(f64::from_bits(bits.rotate_right(6).wrapping_add(ONE_BITS)) - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::DecodeLimits;

    fn reader(bytes: &[u8]) -> Reader<'_> {
        Reader::new(bytes, &DecodeLimits::default()).unwrap()
    }

    #[test]
    fn integers_round_trip_in_one_to_nine_bytes() {
        for bits in 0..=64 {
            for nudge in [-1, 0, 1] {
                let Ok(v) = u64::try_from((1i128 << bits) + nudge) else {
                    continue;
                };
                let mut out = Vec::new();
                put_uvarint(&mut out, v);
                assert_eq!(out.len(), uvarint_len(v), "{v:x}");
                assert_eq!(read_uvarint(&mut reader(&out), "x"), Ok(v));
                for v in [v as i64, (v as i64).wrapping_neg()] {
                    let mut out = Vec::new();
                    put_varint(&mut out, v);
                    assert_eq!(out.len(), varint_len(v), "{v:x}");
                    assert_eq!(read_varint(&mut reader(&out), "x"), Ok(v));
                }
            }
        }
        let mut out = Vec::new();
        put_uvarint(&mut out, u64::MAX);
        assert_eq!(out, [0xff; 9]);
    }

    #[test]
    fn whole_counts_round_trip_and_small_ones_are_short() {
        let mut v = 1.0;
        while v < (1u64 << 52) as f64 {
            for v in [v - 1.0, v, v + 1.0] {
                let mut out = Vec::new();
                put_varfloat(&mut out, v);
                assert_eq!(out.len(), varfloat_len(v), "{v}");
                assert_eq!(read_varfloat(&mut reader(&out), "x"), Ok(v));
            }
            v *= 2.0;
        }
        let encoded = |v| {
            let mut out = Vec::new();
            put_varfloat(&mut out, v);
            out
        };
        assert_eq!((encoded(0.0), encoded(1.0)), (vec![0], vec![2]));
        assert_eq!(encoded(0.1).len(), 9);
    }
}
