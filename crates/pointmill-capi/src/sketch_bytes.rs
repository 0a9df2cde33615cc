//! Sketches as bytes.
//!
//! The Agent's own message stands inside two others on the wire (SketchPayload, Sketch), and the
//! codec of the wire crate speaks the outermost. So it is wrapped and unwrapped here:
//!
//! ```text
//! 0a len  3a len  ⟨Dogsketch⟩      SketchPayload.sketches = 1, Sketch.dogsketches = 7
//! ```

use ddsketch_agent::canonical::convert;
use ddsketch_agent::{Profile, Sketch, Summary};
use pointmill_wire::canonical::{DecodeOptions, Layout, compact, proto};
use pointmill_wire::decode::Reader;
use pointmill_wire::sketch_payload::{self, Dogsketch, SketchMessage, SketchPayload};
use pointmill_wire::{DecodeError, DecodeLimits};

use crate::codes::{Code, Failure};
use crate::handle::{give, read};
use crate::pointer::{Out, OutArray, slice};
use crate::sketch::pointmill_sketch;
use crate::text::pointmill_error;

/// The protobuf message DDSketch as DataDog's sketches-go and sketches-java write it (those for
/// JavaScript and Python put a bin's upper edge inside the bin, which the bytes do not say). Carries
/// bins; min, max, sum and mean come back as estimates from them.
pub const POINTMILL_SKETCH_DDSKETCH_PROTO: u32 = 1;
/// The compact encoding of sketches-go and sketches-java, with the exact count, sum, min and max.
pub const POINTMILL_SKETCH_DDSKETCH_COMPACT: u32 = 2;
/// The protobuf message Dogsketch of the Agent's payloads. Carries everything, to the last bit.
pub const POINTMILL_SKETCH_AGENT: u32 = 3;

export! {
    /// A sketch as bytes, in one of the formats POINTMILL_SKETCH_DDSKETCH_PROTO,
    /// POINTMILL_SKETCH_DDSKETCH_COMPACT and POINTMILL_SKETCH_AGENT.
    ///
    /// The DDSketch formats use the logarithmic mapping with gamma 65/64 and offset 1338.5, whose
    /// bins are those of the sketch.
    ///
    /// Threads:   one at a time on sketch.
    /// Ownership: buf is the caller's.
    /// NULL:      sketch, out_len: POINTMILL_E_NULL. buf: the same, unless cap is 0.
    /// Outputs:   buf, the first out_len bytes; written only on success. out_len, also written with
    ///            POINTMILL_E_BUFFER_TOO_SMALL: the bytes needed.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_FORMAT, POINTMILL_E_ENCODE (a sketch with a sum that is not finite in a
    ///            format that cannot say so), POINTMILL_E_BUFFER_TOO_SMALL, POINTMILL_E_PANIC.
    /// Units:     cap, out_len: bytes.
    /// Since:     0.1
    fn pointmill_sketch_encode(
        sketch: *const pointmill_sketch,
        format: u32,
        buf: *mut u8,
        cap: usize,
        out_len: *mut usize,
    ) -> i32 {
        // SAFETY: the caller keeps the sketch alive and unchanged during the call.
        let sketch = unsafe { read(sketch) }?;
        // SAFETY: the caller lends `out_len` for the call.
        let out_len = unsafe { Out::new(out_len) }?;
        // SAFETY: the caller lends `buf` for the call.
        let buf = unsafe { OutArray::new(buf, cap) }?;
        let bytes = encode(sketch, format)?;
        out_len.write(bytes.len());
        buf.fill(&bytes)
    }
}

export! {
    /// The sketch in some bytes, which may be hostile: they are checked, and memory stays bounded.
    ///
    /// DDSketches of any mapping are taken; bins of another mapping than the Agent's are spread over
    /// the Agent's as the Agent does it, and counts are rounded to whole numbers.
    ///
    /// Threads:   any.
    /// Ownership: the caller frees *out with pointmill_sketch_free; ptr is borrowed for the call.
    /// NULL:      ptr may be NULL if len is 0. err may be NULL. out: POINTMILL_E_NULL.
    /// Outputs:   out; written only on success. err, on failure, names the byte.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_INVALID (len is
    ///            no possible length), POINTMILL_E_STRUCT_SIZE (err), POINTMILL_E_FORMAT,
    ///            POINTMILL_E_DECODE, POINTMILL_E_PANIC.
    /// Units:     len: bytes.
    /// Since:     0.1
    #[explain(err)]
    fn pointmill_sketch_decode(
        format: u32,
        ptr: *const u8,
        len: usize,
        out: *mut *mut pointmill_sketch,
        err: *mut pointmill_error,
    ) -> i32 {
        // SAFETY: the caller lends the bytes for the call.
        let bytes = unsafe { slice(ptr, len) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        give(out, decode(bytes, format)?);
        Ok(())
    }
}

fn encode(sketch: &Sketch, format: u32) -> Result<Vec<u8>, Code> {
    let mut bytes = Vec::new();
    match format {
        POINTMILL_SKETCH_DDSKETCH_PROTO => {
            let canonical = convert::from_agent(sketch);
            proto::encode(&canonical, Layout::default(), &mut bytes).map_err(|_| Code::ENCODE)?;
        }
        POINTMILL_SKETCH_DDSKETCH_COMPACT => {
            let canonical = convert::from_agent(sketch);
            compact::encode(&canonical, &compact::EncodeOptions::default(), &mut bytes);
        }
        POINTMILL_SKETCH_AGENT => bytes = encode_agent(sketch)?,
        _ => return Err(Code::FORMAT),
    }
    Ok(bytes)
}

fn decode(bytes: &[u8], format: u32) -> Result<Sketch, Failure> {
    let options = DecodeOptions::default();
    let canonical = match format {
        POINTMILL_SKETCH_DDSKETCH_PROTO => proto::decode(bytes, &options)?,
        POINTMILL_SKETCH_DDSKETCH_COMPACT => compact::decode(bytes, None, &options)?,
        POINTMILL_SKETCH_AGENT => return decode_agent(bytes, &DecodeLimits::default()),
        _ => return Err(Code::FORMAT.into()),
    };
    convert::to_agent(&canonical).map_err(|error| Code::DECODE.because(error))
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Failure {
        Code::DECODE.because(error)
    }
}

/// The sketch as the message Dogsketch.
fn encode_agent(sketch: &Sketch) -> Result<Vec<u8>, Code> {
    let Summary {
        count,
        min,
        max,
        sum,
        avg,
    } = sketch.summary();
    let cnt = i64::try_from(count).map_err(|_| Code::ENCODE)?;
    let bins = sketch.bins(Profile::U32);
    let dog = Dogsketch {
        ts: 0,
        cnt,
        min,
        max,
        avg,
        sum,
        k: bins.keys,
        n: bins.counts,
    };
    let message = SketchMessage {
        dogsketches: vec![dog],
        ..SketchMessage::default()
    };
    let payload = SketchPayload {
        sketches: vec![message],
        ..SketchPayload::default()
    }
    .encode();
    inner(&payload).map_err(|_| Code::ENCODE)
}

/// The bytes of the first Dogsketch in a payload.
fn inner(payload: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut reader = Reader::new(payload, &DecodeLimits::default())?;
    for (number, field) in [(1, "SketchPayload.sketches"), (7, "Sketch.dogsketches")] {
        while let Some(tag) = reader.tag()? {
            if tag.number == number {
                reader = reader.message(tag, field)?;
                break;
            }
            reader.skip(tag)?;
        }
    }
    let left = reader.left() as u64;
    Ok(reader.take(left, "Sketch.dogsketches")?.to_vec())
}

/// The sketch in a message Dogsketch.
fn decode_agent(bytes: &[u8], limits: &DecodeLimits) -> Result<Sketch, Failure> {
    let mut payload = bytes.to_vec();
    // From the inside out: Sketch.dogsketches = 7, SketchPayload.sketches = 1.
    for tag in [0x3a, 0x0a] {
        let mut head = vec![tag];
        let mut length = payload.len();
        while length >= 0x80 {
            head.push(length as u8 | 0x80);
            length >>= 7;
        }
        head.push(length as u8);
        payload.splice(..0, head);
    }
    let wrapped = payload.len() - bytes.len();
    let decoded = sketch_payload::decode(&payload, limits).map_err(|error| DecodeError {
        // Counted from the first byte of the caller's.
        offset: error.offset.saturating_sub(wrapped),
        ..error
    })?;
    let snapshot = decoded.to_snapshot(1);
    let sketch = snapshot.get(0).and_then(|entry| entry.sketch());
    let sketch =
        sketch.ok_or_else(|| Code::DECODE.because("at byte 0: no Dogsketch; is it one?"))?;
    Ok(sketch.to_sketch())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(values: impl Iterator<Item = f64>) -> Sketch {
        let mut sketch = Sketch::new();
        values.for_each(|v| sketch.insert(v).unwrap());
        sketch
    }

    #[test]
    fn every_format_brings_bins_back_and_the_agents_every_bit() {
        let original = sketch((-300..3000).map(|i| f64::from(i) * 0.37));
        for format in 1..=3 {
            let bytes = encode(&original, format).unwrap();
            let back = decode(&bytes, format).unwrap();
            assert_eq!(
                back.bins(Profile::U32),
                original.bins(Profile::U32),
                "{format}"
            );
            assert_eq!(back.summary().count, original.summary().count, "{format}");
        }
        let bytes = encode(&original, POINTMILL_SKETCH_AGENT).unwrap();
        let back = decode(&bytes, POINTMILL_SKETCH_AGENT).unwrap();
        assert_eq!(back.summary(), original.summary());
    }

    #[test]
    fn an_empty_sketch_survives() {
        for format in 1..=3 {
            let bytes = encode(&Sketch::new(), format).unwrap();
            assert!(decode(&bytes, format).unwrap().is_empty(), "{format}");
        }
    }

    #[test]
    fn every_truncation_is_an_error_or_a_shorter_message_never_a_panic() {
        let original = sketch((1..200).map(f64::from));
        for format in 1..=3 {
            let bytes = encode(&original, format).unwrap();
            let mut refused = 0;
            for end in 0..bytes.len() {
                if let Err(failure) = decode(&bytes[..end], format) {
                    assert_eq!(failure.code, Code::DECODE);
                    refused += 1;
                }
            }
            assert!(
                refused > bytes.len() / 2,
                "{format}: {refused} of {}",
                bytes.len()
            );
        }
    }

    #[test]
    fn offsets_count_from_the_callers_first_byte() {
        // Field 3 (min) with the wire type of an integer, at byte 2.
        let failure = decode(&[0x10, 0x01, 0x18, 0x01], POINTMILL_SKETCH_AGENT).unwrap_err();
        assert!(
            failure.detail.starts_with("at byte 2"),
            "{}",
            failure.detail
        );
        assert_eq!(decode(&[], 0).unwrap_err().code, Code::FORMAT);
    }
}
