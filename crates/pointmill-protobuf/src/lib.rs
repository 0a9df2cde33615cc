//! Writing protobuf: lengths first, computed rather than measured, so that a message is written
//! once, in order, without moving bytes.
//!
//! Only what the project's schemas need. A scalar field that has its default value is left out; a
//! double has it when it compares equal to zero, so −0.0 is left out too, as the encoders of Go
//! and Rust do it.
//!
//! A crate of its own because its loops run over every bin of every sketch: it is optimised for
//! speed, while what uses it, `pointmill-wire`, is built for size.

#![forbid(unsafe_code)]

mod origin;
mod sketch;

pub use origin::Origin;
pub use sketch::{Columns, SketchWriter, metadata_len, put_metadata, repeats, widest};

/// Bytes of `v` as a base-128 integer: one for each seven bits, at least one.
#[must_use]
pub const fn varint_len(v: u64) -> usize {
    // 9/64 is 1/7 closely enough for 1..=64 significant bits.
    ((64 - (v | 1).leading_zeros() as usize) * 9 + 64) / 64
}

/// Writes `v` as a base-128 integer.
pub fn put_varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// The 32-bit zigzag: 0, −1, 1, −2 … become 0, 1, 2, 3 ….
#[must_use]
pub const fn zigzag(v: i32) -> u32 {
    ((v << 1) ^ (v >> 31)) as u32
}

/// The tag byte of a field below 16.
#[must_use]
pub const fn tag(field: u8, wire_type: u8) -> u8 {
    field << 3 | wire_type
}

/// Bytes of a length-delimited field below 16 with `len` bytes in it.
#[must_use]
pub const fn bytes_field_len(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}

/// Tag and length of a length-delimited field; `len` bytes are to follow.
#[inline]
pub fn put_bytes_head(out: &mut Vec<u8>, field: u8, len: usize) {
    out.push(tag(field, 2));
    put_varint(out, len as u64);
}

/// Writes a string field, empty or not.
pub fn put_string(out: &mut Vec<u8>, field: u8, text: &str) {
    put_bytes_head(out, field, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Bytes of a string field that is left out when it is empty.
#[must_use]
pub fn string_field_len(text: &str) -> usize {
    if text.is_empty() {
        0
    } else {
        bytes_field_len(text.len())
    }
}

/// Writes a string field unless it is empty.
pub fn put_string_field(out: &mut Vec<u8>, field: u8, text: &str) {
    if !text.is_empty() {
        put_string(out, field, text);
    }
}

/// Bytes of an integer field that is left out when it is 0.
#[must_use]
pub const fn varint_field_len(v: u64) -> usize {
    if v == 0 { 0 } else { 1 + varint_len(v) }
}

/// Writes an integer field unless it is 0.
pub fn put_varint_field(out: &mut Vec<u8>, field: u8, v: u64) {
    if v != 0 {
        out.push(tag(field, 0));
        put_varint(out, v);
    }
}

/// Bytes of a double field that is left out when it is 0.
#[must_use]
pub fn double_field_len(v: f64) -> usize {
    if v == 0.0 { 0 } else { 9 }
}

/// Writes a double field unless it is 0.
pub fn put_double_field(out: &mut Vec<u8>, field: u8, v: f64) {
    if v != 0.0 {
        out.push(tag(field, 1));
        out.extend_from_slice(&v.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_that_of_what_is_written() {
        for bits in 0..=64 {
            for nudge in [-1i128, 0, 1] {
                let Ok(v) = u64::try_from((1i128 << bits) + nudge) else {
                    continue;
                };
                let mut out = Vec::new();
                put_varint(&mut out, v);
                assert_eq!(out.len(), varint_len(v), "{v}");
            }
        }
        for v in [0.0, -0.0, 1.0, f64::NAN] {
            let mut out = Vec::new();
            put_double_field(&mut out, 3, v);
            assert_eq!(out.len(), double_field_len(v), "{v}");
        }
    }
}
