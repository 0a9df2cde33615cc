//! Reading a SketchPayload.

use super::{CommonMetadata, Dogsketch, SketchMessage, SketchPayload};
use crate::Origin;
use crate::decode::{Cause, DecodeError, DecodeLimits, Reader, Tally, WireType, zigzag_decode_32};

/// Reads a payload.
///
/// # Errors
/// See the [module](super) for what is refused. [`Cause::Limit`] when there are more sketches,
/// Dogsketches and tags together than [`DecodeLimits::items_max`], or more bins than
/// [`DecodeLimits::bins_max`].
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<SketchPayload, DecodeError> {
    let mut reader = Reader::new(bytes, limits)?;
    let mut budget = Budget {
        items: Tally::items(limits),
        bins: Tally::bins(limits),
    };
    let mut payload = SketchPayload::default();
    while let Some(tag) = reader.tag()? {
        match tag.number {
            1 => {
                budget.items.take(1, tag.offset, "SketchPayload.sketches")?;
                let message = reader.message(tag, "SketchPayload.sketches")?;
                payload.sketches.push(read_sketch(message, &mut budget)?);
            }
            2 => {
                let message = reader.message(tag, "SketchPayload.metadata")?;
                read_common_metadata(message, payload.metadata.get_or_insert_default())?;
            }
            _ => reader.skip(tag)?,
        }
    }
    let dogs = payload
        .sketches
        .iter()
        .flat_map(|sketch| &sketch.dogsketches);
    payload.count_mismatches = dogs
        .filter(|dog| u64::try_from(dog.cnt) != Ok(dog.bins_count()))
        .count() as u64;
    Ok(payload)
}

struct Budget {
    items: Tally,
    bins: Tally,
}

fn read_sketch(mut reader: Reader<'_>, budget: &mut Budget) -> Result<SketchMessage, DecodeError> {
    let mut sketch = SketchMessage::default();
    while let Some(tag) = reader.tag()? {
        match tag.number {
            1 => reader
                .string(tag, "Sketch.metric")?
                .clone_into(&mut sketch.metric),
            2 => reader
                .string(tag, "Sketch.host")?
                .clone_into(&mut sketch.host),
            4 => {
                budget.items.take(1, tag.offset, "Sketch.tags")?;
                sketch
                    .tags
                    .push(reader.string(tag, "Sketch.tags")?.to_owned());
            }
            7 => {
                budget.items.take(1, tag.offset, "Sketch.dogsketches")?;
                let message = reader.message(tag, "Sketch.dogsketches")?;
                sketch
                    .dogsketches
                    .push(read_dogsketch(message, &mut budget.bins)?);
            }
            8 => {
                let message = reader.message(tag, "Sketch.metadata")?;
                read_metadata(message, sketch.origin.get_or_insert_default())?;
            }
            _ => reader.skip(tag)?,
        }
    }
    Ok(sketch)
}

fn read_dogsketch(mut reader: Reader<'_>, bins: &mut Tally) -> Result<Dogsketch, DecodeError> {
    let mut dog = Dogsketch::default();
    while let Some(tag) = reader.tag()? {
        match tag.number {
            1 => dog.ts = reader.uint64(tag, "Dogsketch.ts")? as i64,
            2 => dog.cnt = reader.uint64(tag, "Dogsketch.cnt")? as i64,
            3 => dog.min = reader.double(tag, "Dogsketch.min")?,
            4 => dog.max = reader.double(tag, "Dogsketch.max")?,
            5 => dog.avg = reader.double(tag, "Dogsketch.avg")?,
            6 => dog.sum = reader.double(tag, "Dogsketch.sum")?,
            7 => {
                let elements = reader.packed(tag, WireType::Varint, "Dogsketch.k")?;
                read_keys(elements, &mut dog.k, bins)?;
            }
            8 => {
                let elements = reader.packed(tag, WireType::Varint, "Dogsketch.n")?;
                read_counts(elements, &mut dog.n, bins)?;
            }
            _ => reader.skip(tag)?,
        }
    }
    if dog.k.len() != dog.n.len() {
        let cause = Cause::Invalid("k and n differ in length; each key needs one count");
        return Err(reader.error("Dogsketch.n", cause));
    }
    Ok(dog)
}

fn read_keys(
    mut elements: Reader<'_>,
    keys: &mut Vec<i16>,
    bins: &mut Tally,
) -> Result<(), DecodeError> {
    const FIELD: &str = "Dogsketch.k";
    while elements.left() > 0 {
        let offset = elements.offset();
        bins.take(1, offset, FIELD)?;
        let key = zigzag_decode_32(elements.raw_varint(FIELD)? as u32);
        let fail = |what| DecodeError {
            offset,
            field: FIELD,
            cause: Cause::Invalid(what),
        };
        let key = i16::try_from(key)
            .ok()
            .filter(|key| *key != i16::MIN)
            .ok_or_else(|| fail("a key is outside -32767..=32767"))?;
        if keys.last().is_some_and(|last| *last > key) {
            return Err(fail("keys are not in ascending order"));
        }
        keys.push(key);
    }
    Ok(())
}

/// Like the keys, the counts are charged to the limit: a bin is an entry of both columns.
fn read_counts(
    mut elements: Reader<'_>,
    counts: &mut Vec<u32>,
    bins: &mut Tally,
) -> Result<(), DecodeError> {
    const FIELD: &str = "Dogsketch.n";
    while elements.left() > 0 {
        let offset = elements.offset();
        bins.take(1, offset, FIELD)?;
        let count = elements.raw_varint(FIELD)?;
        let cause = Cause::Invalid("a count is above 4294967295");
        let count = u32::try_from(count);
        counts.push(count.map_err(|_| DecodeError {
            offset,
            field: FIELD,
            cause,
        })?);
    }
    Ok(())
}

/// Reads Metadata into `origin`, over what an earlier occurrence of the field has left there.
pub(crate) fn read_metadata(
    mut reader: Reader<'_>,
    origin: &mut Origin,
) -> Result<(), DecodeError> {
    while let Some(tag) = reader.tag()? {
        if tag.number == 1 {
            let message = reader.message(tag, "Metadata.origin")?;
            read_origin(message, origin)?;
        } else {
            reader.skip(tag)?;
        }
    }
    Ok(())
}

fn read_origin(mut reader: Reader<'_>, origin: &mut Origin) -> Result<(), DecodeError> {
    while let Some(tag) = reader.tag()? {
        match tag.number {
            4 => origin.product = reader.uint64(tag, "Origin.origin_product")? as u32,
            5 => origin.category = reader.uint64(tag, "Origin.origin_category")? as u32,
            6 => origin.service = reader.uint64(tag, "Origin.origin_service")? as u32,
            _ => reader.skip(tag)?,
        }
    }
    Ok(())
}

fn read_common_metadata(
    mut reader: Reader<'_>,
    metadata: &mut CommonMetadata,
) -> Result<(), DecodeError> {
    while let Some(tag) = reader.tag()? {
        match tag.number {
            1 => reader
                .string(tag, "CommonMetadata.agent_version")?
                .clone_into(&mut metadata.agent_version),
            2 => {
                reader
                    .string(tag, "CommonMetadata.timezone")?
                    .clone_into(&mut metadata.timezone);
            }
            3 => metadata.current_epoch = reader.double(tag, "CommonMetadata.current_epoch")?,
            4 => reader
                .string(tag, "CommonMetadata.internal_ip")?
                .clone_into(&mut metadata.internal_ip),
            5 => {
                reader
                    .string(tag, "CommonMetadata.public_ip")?
                    .clone_into(&mut metadata.public_ip);
            }
            _ => reader.skip(tag)?,
        }
    }
    Ok(())
}
