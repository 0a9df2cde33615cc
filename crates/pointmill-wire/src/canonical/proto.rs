//! Canonical DDSketch in protobuf.
//!
//! ```text
//! DDSketch      1 mapping: IndexMapping   2 positiveValues: Store   3 negativeValues: Store
//!               4 zeroCount: double
//! IndexMapping  1 gamma: double   2 indexOffset: double
//!               3 interpolation: NONE 0, LINEAR 1, QUADRATIC 2, CUBIC 3
//! Store         1 binCounts: map<sint32, double>
//!               2 contiguousBinCounts: packed double   3 contiguousBinIndexOffset: sint32
//! ```
//!
//! A bin that occurs more than once, in either form, counts as the sum of its occurrences.
//! Source: `ddsketch/pb/ddsketch.proto` of `DataDog/sketches-go`.

use core::fmt;

use ddsketch_agent::canonical::{DdSketch, Kind, Mapping, Store};
use pointmill_protobuf as protobuf;

use super::{DecodeOptions, Layout, count_cause, mapping_cause};
use crate::decode::{Cause, DecodeError, Reader, Tag, Tally, WireType};

/// A mapping this format has no number for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeError {
    /// The mapping's kind.
    pub kind: Kind,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind;
        write!(
            f,
            "protobuf cannot name a {kind:?} mapping; use the compact format or remap"
        )
    }
}

impl core::error::Error for EncodeError {}

/// Appends `sketch` to `out`, byte for byte as the Go library's deterministic encoding.
///
/// The format has no place for an exact summary. An upper-inclusive mapping is written as the
/// JavaScript and Python libraries do; for readers of the other family convert it first
/// ([`Mapping::to_lower_inclusive`]).
///
/// # Errors
/// [`EncodeError`] for [`Kind::Quartic`]; `out` is unchanged then.
pub fn encode(sketch: &DdSketch, layout: Layout, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mapping = sketch.mapping();
    let interpolation = match mapping.kind() {
        Kind::Logarithmic => 0,
        Kind::Linear => 1,
        Kind::Quadratic => 2,
        Kind::Cubic => 3,
        kind @ Kind::Quartic => return Err(EncodeError { kind }),
    };
    let length = protobuf::double_field_len(mapping.gamma())
        + protobuf::double_field_len(mapping.index_offset())
        + protobuf::varint_field_len(interpolation);
    protobuf::put_bytes_head(out, 1, length);
    protobuf::put_double_field(out, 1, mapping.gamma());
    protobuf::put_double_field(out, 2, mapping.index_offset());
    protobuf::put_varint_field(out, 3, interpolation);

    put_store(out, 2, sketch.positive(), layout);
    put_store(out, 3, sketch.negative(), layout);
    protobuf::put_double_field(out, 4, sketch.zero_count());
    Ok(())
}

fn put_store(out: &mut Vec<u8>, field: u8, store: &Store, layout: Layout) {
    let (Some(min), Some(max)) = (store.min_index(), store.max_index()) else {
        return protobuf::put_bytes_head(out, field, 0);
    };
    if layout == Layout::Contiguous && store.is_contiguous() {
        put_contiguous(out, field, store, min, max);
    } else {
        put_map(out, field, store);
    }
}

fn put_contiguous(out: &mut Vec<u8>, field: u8, store: &Store, min: i32, max: i32) {
    let counts_length = 8 * (max.abs_diff(min) as usize + 1);
    let offset = u64::from(protobuf::zigzag(min));
    let length = protobuf::bytes_field_len(counts_length) + protobuf::varint_field_len(offset);
    protobuf::put_bytes_head(out, field, length);
    protobuf::put_bytes_head(out, 2, counts_length);
    let start = out.len();
    out.resize(start + counts_length, 0);
    for (index, count) in store {
        let at = start + 8 * index.abs_diff(min) as usize;
        out[at..at + 8].copy_from_slice(&count.to_le_bytes());
    }
    protobuf::put_varint_field(out, 3, offset);
}

fn put_map(out: &mut Vec<u8>, field: u8, store: &Store) {
    // A map entry always carries its key, even 0; and no count here is 0.
    let entry_length = |key: u32| 1 + protobuf::varint_len(key.into()) + 9;
    let length = store
        .iter()
        .map(|(index, _)| protobuf::bytes_field_len(entry_length(protobuf::zigzag(index))))
        .sum();
    protobuf::put_bytes_head(out, field, length);
    for (index, count) in store {
        let key = protobuf::zigzag(index);
        protobuf::put_bytes_head(out, 1, entry_length(key));
        out.push(protobuf::tag(1, 0));
        protobuf::put_varint(out, key.into());
        protobuf::put_double_field(out, 2, count);
    }
}

/// Reads a sketch.
///
/// Fields may come in any order; unknown ones are skipped. Memory: the bins in the chosen stores,
/// at most [`bins_max`](crate::DecodeLimits::bins_max) map entries, whatever the input says.
///
/// # Errors
/// [`DecodeError`], with the offset in `bytes` of what was refused. Among others: no mapping, a
/// gamma not above 1, a negative or infinite count, a bin index past 32 bits.
pub fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<DdSketch, DecodeError> {
    let mut reader = Reader::new(bytes, &options.limits)?;
    let mut tally = Tally::bins(&options.limits);
    let mut mapping = MappingFields::default();
    let mut positive = Store::new(options.policy);
    let mut negative = Store::new(options.policy);
    let (mut zero_count, mut zero_offset) = (0.0, 0);
    while let Some(tag) = reader.tag()? {
        match tag.number {
            1 => mapping.read(reader.message(tag, "DDSketch.mapping")?)?,
            2 => {
                let message = reader.message(tag, "DDSketch.positiveValues")?;
                read_store(message, &mut positive, &mut tally)?;
            }
            3 => {
                let message = reader.message(tag, "DDSketch.negativeValues")?;
                read_store(message, &mut negative, &mut tally)?;
            }
            4 => {
                zero_offset = tag.offset;
                zero_count = reader.double(tag, "DDSketch.zeroCount")?;
            }
            _ => reader.skip(tag)?,
        }
    }
    let mapping = mapping.build(options)?;
    DdSketch::from_parts(mapping, positive, negative, zero_count, None).map_err(|error| {
        DecodeError {
            offset: zero_offset,
            field: "DDSketch.zeroCount",
            cause: count_cause(error),
        }
    })
}

/// An IndexMapping, over all its occurrences: the last value of each field counts.
#[derive(Default)]
struct MappingFields {
    seen: bool,
    offset: usize,
    gamma: f64,
    index_offset: f64,
    interpolation: u64,
}

impl MappingFields {
    fn read(&mut self, mut reader: Reader<'_>) -> Result<(), DecodeError> {
        (self.seen, self.offset) = (true, reader.offset());
        while let Some(tag) = reader.tag()? {
            match tag.number {
                1 => self.gamma = reader.double(tag, "IndexMapping.gamma")?,
                2 => self.index_offset = reader.double(tag, "IndexMapping.indexOffset")?,
                3 => self.interpolation = reader.uint64(tag, "IndexMapping.interpolation")?,
                _ => reader.skip(tag)?,
            }
        }
        Ok(())
    }

    fn build(&self, options: &DecodeOptions) -> Result<Mapping, DecodeError> {
        let fail = |cause| DecodeError {
            offset: self.offset,
            field: "DDSketch.mapping",
            cause,
        };
        if !self.seen {
            return Err(fail(Cause::Invalid(
                "the mapping is missing; a sketch needs one",
            )));
        }
        let kind = match self.interpolation {
            0 => Kind::Logarithmic,
            1 => Kind::Linear,
            2 => Kind::Quadratic,
            3 => Kind::Cubic,
            _ => return Err(fail(Cause::Invalid("the interpolation must be 0 to 3"))),
        };
        Mapping::new(kind, options.bounds, self.gamma, self.index_offset)
            .map_err(|error| fail(mapping_cause(error)))
    }
}

fn read_store(reader: Reader<'_>, store: &mut Store, tally: &mut Tally) -> Result<(), DecodeError> {
    // The offset may follow the counts it belongs to, hence twice over the message: only then are
    // the counts read, and no copy of them is needed.
    let mut first_index = 0;
    let mut fields = reader.clone();
    while let Some(tag) = fields.tag()? {
        match tag.number {
            3 => first_index = fields.sint32(tag, "Store.contiguousBinIndexOffset")?,
            _ => fields.skip(tag)?,
        }
    }
    let mut fields = reader;
    let mut index = i64::from(first_index);
    while let Some(tag) = fields.tag()? {
        match tag.number {
            1 => read_map_entry(fields.message(tag, "Store.binCounts")?, store, tally)?,
            2 => read_counts(&mut fields, tag, &mut index, store, tally)?,
            _ => fields.skip(tag)?,
        }
    }
    Ok(())
}

fn read_map_entry(
    mut reader: Reader<'_>,
    store: &mut Store,
    tally: &mut Tally,
) -> Result<(), DecodeError> {
    let offset = reader.offset();
    tally.take(1, offset, "Store.binCounts")?;
    let (mut index, mut count) = (0, 0.0);
    while let Some(tag) = reader.tag()? {
        match tag.number {
            1 => index = reader.sint32(tag, "Store.binCounts.key")?,
            2 => count = reader.double(tag, "Store.binCounts.value")?,
            _ => reader.skip(tag)?,
        }
    }
    store.add(index, count).map_err(|error| DecodeError {
        offset,
        field: "Store.binCounts",
        cause: count_cause(error),
    })
}

fn read_counts(
    reader: &mut Reader<'_>,
    tag: Tag,
    index: &mut i64,
    store: &mut Store,
    tally: &mut Tally,
) -> Result<(), DecodeError> {
    const FIELD: &str = "Store.contiguousBinCounts";
    let mut counts = reader.packed(tag, WireType::Fixed64, FIELD)?;
    tally.take(counts.left().div_ceil(8) as u64, counts.offset(), FIELD)?;
    while counts.left() > 0 {
        let offset = counts.offset();
        let fail = |cause| DecodeError {
            offset,
            field: FIELD,
            cause,
        };
        let count = counts.raw_double(FIELD)?;
        if count != 0.0 {
            let index = i32::try_from(*index)
                .map_err(|_| fail(Cause::Invalid("the bin's index exceeds 32 bits")))?;
            store
                .add(index, count)
                .map_err(|error| fail(count_cause(error)))?;
        }
        *index += 1;
    }
    Ok(())
}
