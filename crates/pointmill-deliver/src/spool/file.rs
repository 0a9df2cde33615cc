//! The bytes of one spool file.
//!
//! ```text
//!  0  8  "PMSPOOL", version 1
//!  8  1  1 if an attempt may have delivered it without an answer; changed in place
//!  9  3  0
//! 12  4  CRC-32 of everything from byte 16 on
//! 16  8  made, milliseconds since 1970-01-01 UTC
//! 24  8  points
//! 32  8  entries
//! 40     identity, path, content type, content encoding: each u16 length, bytes
//!        parts: u32 how many, each u32 end, u64 points
//!        body: u64 length, bytes                       numbers are little-endian
//! ```

use pointmill_wire::{Compression, Part, Payload, distribution_points, series_v2, sketch_payload};

use crate::{Batch, BatchId};

const MAGIC: &[u8; 7] = b"PMSPOOL";
const VERSION: u8 = 1;
/// Where the flag stands that changes in place.
pub(super) const UNCERTAIN_AT: u64 = 8;
const CRC_AT: usize = 12;
const SUMMED_FROM: usize = 16;
/// What [`peek`] reads.
pub(super) const PEEK_LEN: usize = 32;

/// Why a file is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// Cut short, changed, or never a spool file.
    Damaged,
    /// Of a version or for a route that this one does not know; left where it is.
    Foreign,
}

const PATHS: [&str; 4] = [
    "",
    sketch_payload::PATH,
    series_v2::PATH,
    distribution_points::PATH,
];
const CONTENT_TYPES: [&str; 4] = [
    "application/x-protobuf",
    "application/json",
    "application/x-ndjson",
    "text/plain",
];

pub(super) fn write(batch: &Batch, uncertain: bool) -> Vec<u8> {
    let payload = &batch.payload;
    let mut out = Vec::with_capacity(256 + payload.parts.len() * 12 + payload.body.len());
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[VERSION, u8::from(uncertain), 0, 0, 0]);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&batch.created_unix_ms.to_le_bytes());
    out.extend_from_slice(&payload.points.to_le_bytes());
    out.extend_from_slice(&(payload.entries as u64).to_le_bytes());
    let texts = [
        batch.id.as_str(),
        payload.path,
        payload.content_type,
        payload.content_encoding,
    ];
    for text in texts {
        out.extend_from_slice(&(text.len() as u16).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(&(payload.parts.len() as u32).to_le_bytes());
    for part in &payload.parts {
        out.extend_from_slice(&part.end.to_le_bytes());
        out.extend_from_slice(&part.points.to_le_bytes());
    }
    out.extend_from_slice(&(payload.body.len() as u64).to_le_bytes());
    out.extend_from_slice(&payload.body);
    let crc = crc32fast::hash(&out[SUMMED_FROM..]);
    out[CRC_AT..SUMMED_FROM].copy_from_slice(&crc.to_le_bytes());
    out
}

/// The points of a file whose first bytes these are, and whether it is uncertain.
pub(super) fn peek(head: &[u8; PEEK_LEN]) -> Option<(u64, bool)> {
    let mut rest = &head[..];
    (take(&mut rest, 8)? == [&MAGIC[..], &[VERSION]].concat()).then_some(())?;
    let uncertain = take(&mut rest, 1)?[0] != 0;
    take(&mut rest, 15)?;
    Some((number(&mut rest)?, uncertain))
}

pub(super) fn read(bytes: &[u8]) -> Result<(Batch, bool), Unread> {
    let head = bytes.get(..SUMMED_FROM).ok_or(Unread::Damaged)?;
    if &head[..7] != MAGIC {
        return Err(Unread::Damaged);
    }
    if head[7] != VERSION {
        return Err(Unread::Foreign);
    }
    let summed = &bytes[SUMMED_FROM..];
    if head[CRC_AT..] != crc32fast::hash(summed).to_le_bytes() {
        return Err(Unread::Damaged);
    }
    let batch = fields(summed).ok_or(Unread::Damaged)??;
    Ok((batch, head[UNCERTAIN_AT as usize] != 0))
}

/// `None`: cut short or too long.
fn fields(mut rest: &[u8]) -> Option<Result<Batch, Unread>> {
    let rest = &mut rest;
    let created_unix_ms = number(rest)?;
    let points = number(rest)?;
    let entries = usize::try_from(number(rest)?).ok()?;
    let id = BatchId::from_text(text(rest)?)?;
    let path = known(text(rest)?, PATHS);
    let content_type = known(text(rest)?, CONTENT_TYPES);
    let encoding = known(
        text(rest)?,
        Compression::ALL.map(Compression::content_encoding),
    );
    let parts_len = u32::from_le_bytes(take(rest, 4)?.try_into().ok()?) as usize;
    let parts = take(rest, parts_len.checked_mul(12)?)?
        .chunks_exact(12)
        .map(|part| {
            let (mut end, mut points) = ([0; 4], [0; 8]);
            end.copy_from_slice(&part[..4]);
            points.copy_from_slice(&part[4..]);
            Part {
                end: u32::from_le_bytes(end),
                points: u64::from_le_bytes(points),
            }
        })
        .collect();
    let body_len = usize::try_from(number(rest)?).ok()?;
    let body = take(rest, body_len)?.to_vec();
    if !rest.is_empty() {
        return None;
    }
    let (Some(path), Some(content_type), Some(content_encoding)) = (path, content_type, encoding)
    else {
        return Some(Err(Unread::Foreign));
    };
    let payload = Payload::from_parts(
        (path, content_type, content_encoding),
        body,
        entries,
        points,
        parts,
    );
    Some(Ok(Batch {
        id,
        created_unix_ms,
        payload,
    }))
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(len)?;
    *rest = left;
    Some(taken)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?))
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let len = u16::from_le_bytes(take(rest, 2)?.try_into().ok()?);
    std::str::from_utf8(take(rest, usize::from(len))?).ok()
}

fn known<const N: usize>(text: &str, all: [&'static str; N]) -> Option<&'static str> {
    all.into_iter().find(|known| *known == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        let parts = vec![Part { end: 9, points: 3 }, Part { end: 12, points: 4 }];
        let route = (sketch_payload::PATH, "application/x-protobuf", "zstd");
        Batch {
            id: BatchId::new(&crate::SystemEntropy),
            created_unix_ms: 1_700_000_000_123,
            payload: Payload::from_parts(route, b"the body".to_vec(), 2, 7, parts),
        }
    }

    #[test]
    fn a_batch_comes_back_as_it_was() {
        for uncertain in [false, true] {
            let bytes = write(&batch(), uncertain);
            let (read, flag) = read(&bytes).unwrap();
            assert_eq!((&read.payload, flag), (&batch().payload, uncertain));
            assert_eq!(write(&read, uncertain), bytes);
            assert_eq!(
                peek(bytes[..PEEK_LEN].try_into().unwrap()),
                Some((7, uncertain))
            );
        }
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_noticed() {
        let bytes = write(&batch(), false);
        for len in 0..bytes.len() {
            assert_eq!(read(&bytes[..len]), Err(Unread::Damaged), "{len}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            let outcome = read(&changed);
            match at {
                7 => assert_eq!(outcome, Err(Unread::Foreign)),
                // The flag, and the bytes that are kept for later.
                8..12 => assert!(outcome.is_ok()),
                _ => assert_eq!(outcome, Err(Unread::Damaged), "{at}"),
            }
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(read(&longer), Err(Unread::Damaged));
    }
}
