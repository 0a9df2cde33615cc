//! Every raw pointer of a call passes through here: NULL, alignment and length are checked, then
//! it becomes a reference, a slice or a place to write to.
//!
//! What cannot be checked is stated in the `# Safety` sections and on the header's front page.

use std::ffi::{CStr, c_char};
use std::marker::PhantomData;
use std::ptr;

use crate::codes::{Code, Failure};
use crate::text::{pointmill_error, pointmill_str};

/// NULL and alignment.
#[inline]
pub(crate) fn check<T>(pointer: *const T) -> Result<(), Code> {
    if pointer.is_null() {
        return Err(Code::NULL);
    }
    if !pointer.is_aligned() {
        return Err(Code::ALIGNMENT);
    }
    Ok(())
}

/// An array of the caller. NULL with length 0 is the empty one.
///
/// # Safety
/// `pointer` is NULL, misaligned, or valid for reads of `len` elements that do not change during
/// `'a`.
#[inline]
pub(crate) unsafe fn slice<'a, T>(pointer: *const T, len: usize) -> Result<&'a [T], Code> {
    if len == 0 {
        return Ok(&[]);
    }
    check(pointer)?;
    if len > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Code::INVALID);
    }
    // SAFETY: not NULL, aligned, no longer than an allocation can be; valid by the caller's word.
    Ok(unsafe { std::slice::from_raw_parts(pointer, len) })
}

/// A text of the caller that ends with NUL. It must be UTF-8.
///
/// # Safety
/// `pointer` is NULL or valid for reads up to the first NUL, and does not change during `'a`.
pub(crate) unsafe fn c_text<'a>(pointer: *const c_char) -> Result<&'a str, Code> {
    check(pointer)?;
    // SAFETY: not NULL; NUL-terminated by the caller's word.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|_| Code::UTF8)
}

/// A text of the caller with its length, borrowed for the call.
///
/// `repr(transparent)`: an array of [`pointmill_str`] is an array of these once every element has
/// been checked, so names and tags reach the engine without a copy.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Text<'a> {
    raw: pointmill_str,
    borrow: PhantomData<&'a [u8]>,
}

impl<'a> Text<'a> {
    /// Checks one text.
    ///
    /// # Safety
    /// `raw.ptr` is NULL or valid for reads of `raw.len` bytes that do not change during `'a`.
    #[inline]
    pub(crate) unsafe fn new(raw: pointmill_str) -> Result<Text<'a>, Code> {
        raw.check()?;
        Ok(Text {
            raw,
            borrow: PhantomData,
        })
    }

    /// Checks an array of texts.
    ///
    /// # Safety
    /// As for [`slice`], and for every element as for [`Text::new`].
    #[inline]
    pub(crate) unsafe fn array(
        pointer: *const pointmill_str,
        len: usize,
    ) -> Result<&'a [Text<'a>], Code> {
        // SAFETY: the caller's obligation is the same.
        let raw: &'a [pointmill_str] = unsafe { slice(pointer, len) }?;
        raw.iter().try_for_each(pointmill_str::check)?;
        // SAFETY: Text is a transparent wrapper, each element has been checked as Text::new does.
        Ok(unsafe { std::slice::from_raw_parts(raw.as_ptr().cast(), raw.len()) })
    }

    /// Its bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> &'a [u8] {
        if self.raw.len == 0 {
            return &[];
        }
        // SAFETY: the constructors have checked it, and `'a` is as long as the caller lends it.
        unsafe { std::slice::from_raw_parts(self.raw.ptr.cast(), self.raw.len) }
    }
}

impl AsRef<[u8]> for Text<'_> {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

/// A text of the caller that is not NULL, not even if it is empty: what most are, and what is read
/// without a further question.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Present<'a> {
    raw: pointmill_str,
    borrow: PhantomData<&'a [u8]>,
}

impl<'a> Present<'a> {
    /// An array of such texts; `None` if one of them is something else, sound or not.
    ///
    /// # Safety
    /// As for [`Text::array`].
    #[inline(always)]
    pub(crate) unsafe fn array(
        pointer: *const pointmill_str,
        len: usize,
    ) -> Result<Option<&'a [Present<'a>]>, Code> {
        // SAFETY: the caller's obligation is the same.
        let raw: &'a [pointmill_str] = unsafe { slice(pointer, len) }?;
        // Lengths that no allocation has are negative here.
        if raw
            .iter()
            .any(|text| text.ptr.is_null() || (text.len as isize) < 0)
        {
            return Ok(None);
        }
        // SAFETY: Present is a transparent wrapper, each element has been checked.
        Ok(Some(unsafe {
            std::slice::from_raw_parts(raw.as_ptr().cast(), raw.len())
        }))
    }
}

impl AsRef<[u8]> for Present<'_> {
    #[inline(always)]
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `array` has seen that it is not NULL and no longer than an allocation can be; valid
        // by the word of its caller.
        unsafe { std::slice::from_raw_parts(self.raw.ptr.cast(), self.raw.len) }
    }
}

impl pointmill_str {
    #[inline]
    fn check(&self) -> Result<(), Code> {
        if self.ptr.is_null() && self.len > 0 {
            return Err(Code::NULL);
        }
        if self.len > isize::MAX as usize {
            return Err(Code::INVALID);
        }
        Ok(())
    }
}

/// A place for one result. Written once, at the end, and only on success.
pub(crate) struct Out<'a, T> {
    place: *mut T,
    borrow: PhantomData<&'a mut T>,
}

impl<'a, T> Out<'a, T> {
    /// Checks the place.
    ///
    /// # Safety
    /// `place` is NULL, misaligned, or valid for a write during `'a`. It may hold anything.
    #[inline]
    pub(crate) unsafe fn new(place: *mut T) -> Result<Out<'a, T>, Code> {
        check(place)?;
        Ok(Out {
            place,
            borrow: PhantomData,
        })
    }

    /// Writes the result.
    #[inline]
    pub(crate) fn write(self, value: T) {
        // SAFETY: checked by `new`, valid by its caller's word.
        unsafe { self.place.write(value) };
    }
}

/// A caller's array to fill. NULL with capacity 0 is the empty one.
pub(crate) struct OutArray<'a, T> {
    place: *mut T,
    cap: usize,
    borrow: PhantomData<&'a mut [T]>,
}

impl<'a, T: Copy> OutArray<'a, T> {
    /// Checks the array.
    ///
    /// # Safety
    /// `place` is NULL, misaligned, or valid for writes of `cap` elements during `'a`. They may
    /// hold anything.
    pub(crate) unsafe fn new(place: *mut T, cap: usize) -> Result<OutArray<'a, T>, Code> {
        if cap > 0 {
            check(place)?;
        }
        Ok(OutArray {
            place,
            cap,
            borrow: PhantomData,
        })
    }

    /// Writes all of `values`, or nothing if there is no room for them.
    pub(crate) fn fill(self, values: &[T]) -> Result<(), Code> {
        if values.len() > self.cap {
            return Err(Code::BUFFER_TOO_SMALL);
        }
        if !values.is_empty() {
            // SAFETY: room for `cap` elements by the caller's word, checked to be enough; `values`
            // is memory of ours and cannot overlap it.
            unsafe { ptr::copy_nonoverlapping(values.as_ptr(), self.place, values.len()) };
        }
        Ok(())
    }
}

/// A struct that may grow: `struct_size` first, set by the caller to its own `sizeof`.
///
/// # Safety
/// `repr(C)`, the first field is `struct_size: u32`, and every bit pattern of a caller is harmless:
/// it is only written to.
pub(crate) unsafe trait Sized32: Copy {
    /// Its size in the first release that had it. A caller's `struct_size` below it is refused.
    const SIZE_MIN: usize;

    fn set_struct_size(&mut self, size: u32);
}

/// A place for a struct that may grow.
pub(crate) struct OutStruct<'a, T> {
    place: *mut T,
    size: usize,
    borrow: PhantomData<&'a mut T>,
}

impl<'a, T: Sized32> OutStruct<'a, T> {
    /// Checks the place and reads its `struct_size`.
    ///
    /// # Safety
    /// `place` is NULL, misaligned, or its first four bytes may be read, and as many bytes as they
    /// say may be written during `'a`.
    pub(crate) unsafe fn new(place: *mut T) -> Result<OutStruct<'a, T>, Code> {
        check(place)?;
        // SAFETY: not NULL and aligned; the first field of a Sized32 is a u32, readable by the
        // caller's word.
        let theirs = unsafe { place.cast::<u32>().read() } as usize;
        if theirs < T::SIZE_MIN {
            return Err(Code::STRUCT_SIZE);
        }
        Ok(OutStruct {
            place,
            size: theirs.min(size_of::<T>()),
            borrow: PhantomData,
        })
    }

    /// Writes as much of `value` as the caller has room for, `struct_size` set to just that.
    pub(crate) fn write(self, mut value: T) {
        value.set_struct_size(self.size as u32);
        // SAFETY: `size` is at most both the caller's and our size; `value` cannot overlap memory
        // of the caller.
        unsafe {
            ptr::copy_nonoverlapping(
                ptr::from_ref(&value).cast::<u8>(),
                self.place.cast::<u8>(),
                self.size,
            );
        }
    }
}

/// A struct of the caller that is read and may grow: `struct_size` first.
///
/// # Safety
/// `repr(C)`, the first field is `struct_size: u32`, and every bit pattern is a valid value.
#[cfg(feature = "delivery")]
pub(crate) unsafe trait SizedIn: Copy {
    /// Its size in the first release that had it. A caller's `struct_size` below it is refused.
    const SIZE_MIN: usize;
}

/// Reads structs of callers.
#[cfg(feature = "delivery")]
pub(crate) struct InStruct;

#[cfg(feature = "delivery")]
impl InStruct {
    /// What the caller filled in; fields its version does not have are zero. Bytes that this version
    /// does not know must be zero, or the caller asks for something that would not happen.
    ///
    /// # Safety
    /// `place` is NULL, misaligned, or its first four bytes may be read, and as many bytes as they
    /// say may be read and do not change during the call.
    pub(crate) unsafe fn read<T: SizedIn>(place: *const T) -> Result<T, Code> {
        check(place)?;
        // SAFETY: not NULL and aligned; the first field is a u32, readable by the caller's word.
        let theirs = unsafe { place.cast::<u32>().read() } as usize;
        if theirs < T::SIZE_MIN {
            return Err(Code::STRUCT_SIZE);
        }
        // SAFETY: readable by the caller's word.
        let bytes = unsafe { std::slice::from_raw_parts(place.cast::<u8>(), theirs) };
        let (known, rest) = bytes.split_at(theirs.min(size_of::<T>()));
        if rest.iter().any(|byte| *byte != 0) {
            return Err(Code::INVALID);
        }
        let mut value = std::mem::MaybeUninit::<T>::zeroed();
        // SAFETY: `known` is no longer than a T, and `value` is memory of ours.
        unsafe {
            ptr::copy_nonoverlapping(known.as_ptr(), value.as_mut_ptr().cast::<u8>(), known.len());
        }
        // SAFETY: all bytes are written, and any bits are a valid T by the trait's word.
        Ok(unsafe { value.assume_init() })
    }
}

/// The caller's `pointmill_error`, if there is one.
pub(crate) struct ErrorSlot<'a>(Option<OutStruct<'a, pointmill_error>>);

impl ErrorSlot<'_> {
    /// Checks the struct. NULL is fine here.
    ///
    /// # Safety
    /// As for [`OutStruct::new`].
    pub(crate) unsafe fn new(err: *mut pointmill_error) -> Result<Self, Code> {
        if err.is_null() {
            return Ok(ErrorSlot(None));
        }
        // SAFETY: the caller's obligation is the same.
        Ok(ErrorSlot(Some(unsafe { OutStruct::new(err) }?)))
    }

    /// Writes code and text, the text cut at a character's end if it is too long.
    pub(crate) fn fill(self, failure: &Failure) {
        if let Some(out) = self.0 {
            out.write(pointmill_error::new(failure));
        }
    }
}
