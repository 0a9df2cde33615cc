//! Texts that cross the boundary: the caller's strings and the caller's error struct.

#![allow(non_camel_case_types)]

use std::ffi::c_char;

use crate::codes::Failure;
use crate::pointer::Sized32;

/// Bytes of the text in a `pointmill_error`, its NUL included.
pub const POINTMILL_ERROR_DETAIL_BYTES: usize = 240;

/// A text with its length: UTF-8, need not end with NUL. Empty if len is 0, whatever ptr is.
///
/// As an argument it is borrowed for the call. As a result it is borrowed from the object it was
/// asked of and lives as long as that object.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct pointmill_str {
    /// The first byte.
    pub ptr: *const c_char,
    /// Bytes.
    pub len: usize,
}

impl pointmill_str {
    /// Lends a text to the caller.
    pub(crate) fn lend(text: &str) -> pointmill_str {
        pointmill_str {
            ptr: text.as_ptr().cast(),
            len: text.len(),
        }
    }
}

/// What went wrong, in words that name the very argument. The caller's struct; one thread at a
/// time. Start with POINTMILL_ERROR_INIT.
///
/// A function that takes one fills it only when it fails. NULL instead of it is fine.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct pointmill_error {
    /// sizeof(pointmill_error), set by the caller.
    pub struct_size: u32,
    /// The code that the function returned.
    pub code: i32,
    /// Cause and remedy. Ends with NUL; cut at the end of a character if too long.
    pub detail: [c_char; POINTMILL_ERROR_DETAIL_BYTES],
}

// SAFETY: repr(C), struct_size is first, plain numbers.
unsafe impl Sized32 for pointmill_error {
    const SIZE_MIN: usize = 248;

    fn set_struct_size(&mut self, size: u32) {
        self.struct_size = size;
    }
}

impl pointmill_error {
    pub(crate) fn new(failure: &Failure) -> pointmill_error {
        let mut detail = [0; POINTMILL_ERROR_DETAIL_BYTES];
        let text = failure.text();
        let end = floor_char_boundary(&text, POINTMILL_ERROR_DETAIL_BYTES - 1);
        // A NUL inside would end the text for C; it can come from an option's value only.
        let bytes = text
            .bytes()
            .take(end)
            .map(|b| if b == 0 { b'?' } else { b });
        for (place, byte) in detail.iter_mut().zip(bytes) {
            *place = byte as c_char;
        }
        pointmill_error {
            struct_size: 0,
            code: failure.code.number(),
            detail,
        }
    }
}

/// The largest length up to `max` that does not cut a character.
fn floor_char_boundary(text: &str, max: usize) -> usize {
    if text.len() <= max {
        return text.len();
    }
    (0..=max)
        .rev()
        .find(|&i| text.is_char_boundary(i))
        .unwrap_or(0)
}
