//! Opaque handles: what a `pointmill_*` pointer points at.
//!
//! ```text
//! struct pointmill_sketch { tag: u32, inner: Sketch }
//!
//! tag   hash of the type's name          live
//!       the same with the lowest bit on  poisoned: a call panicked; reading and freeing only
//!       DEAD                             freed (seen only while the memory is not yet reused)
//! ```
//!
//! The tag is compared before anything else is read, through a pointer to a `u32`. So a handle of
//! another type is answered with `POINTMILL_E_HANDLE`, as is, mostly, one that was freed. It is a
//! help for callers in languages without pointer types, not a promise: a dangling pointer stays the
//! caller's error.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::codes::Code;
use crate::pointer;

/// Left in a freed handle. The lowest bit is on, so it is no live tag.
const DEAD: u32 = 0xdead_dead;

/// A struct that the header shows as an opaque type.
pub(crate) trait Opaque: Sized + 'static {
    /// What it holds.
    type Inner;
    /// Its tag while live.
    const TAG: u32;

    fn new(inner: Self::Inner) -> Self;
    fn tag(&self) -> &AtomicU32;
    fn inner(&self) -> &Self::Inner;
    fn inner_mut(&mut self) -> &mut Self::Inner;
}

/// Declares an opaque type: `handle! { /// docs  pub struct pointmill_x(Inner); }`.
macro_rules! handle {
    ($(#[doc = $doc:expr])+ pub struct $name:ident($inner:ty);) => {
        $(#[doc = $doc])+
        #[allow(non_camel_case_types)]
        // repr(C): the tag is the first thing at the handle's address.
        #[repr(C)]
        pub struct $name {
            tag: std::sync::atomic::AtomicU32,
            inner: $inner,
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl $crate::handle::Opaque for $name {
            type Inner = $inner;
            const TAG: u32 = $crate::handle::tag_of(stringify!($name));

            fn new(inner: $inner) -> Self {
                Self { tag: std::sync::atomic::AtomicU32::new(Self::TAG), inner }
            }
            fn tag(&self) -> &std::sync::atomic::AtomicU32 {
                &self.tag
            }
            fn inner(&self) -> &$inner {
                &self.inner
            }
            fn inner_mut(&mut self) -> &mut $inner {
                &mut self.inner
            }
        }
    };
}

/// FNV-1a over the name, the lowest bit off.
pub(crate) const fn tag_of(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let mut hash = 0x811c_9dc5_u32;
    let mut i = 0;
    while i < bytes.len() {
        #[expect(
            clippy::indexing_slicing,
            reason = "i is below len; const fn has no iterators"
        )]
        let byte = bytes[i];
        hash = (hash ^ byte as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    hash & !1
}

/// The handle for a call that only reads. A poisoned one will do.
///
/// # Safety
/// `handle` is NULL or points to a handle that lives, and is not edited, during `'a`.
#[inline]
pub(crate) unsafe fn read<'a, H: Opaque>(handle: *const H) -> Result<&'a H::Inner, Code> {
    // SAFETY: the caller's obligation is the same.
    let tag = unsafe { tag(handle) }?;
    if tag & !1 != H::TAG {
        return Err(Code::HANDLE);
    }
    // SAFETY: not NULL, aligned, and its tag says that it is an H; alive by the caller's word.
    let handle = unsafe { &*handle };
    Ok(handle.inner())
}

/// The handle for a call that changes what many threads share (the engine guards itself).
///
/// # Safety
/// As for [`read`].
#[inline]
pub(crate) unsafe fn share<'a, H: Opaque>(handle: *mut H) -> Result<&'a H::Inner, Code> {
    // SAFETY: the caller's obligation is the same.
    unsafe { live(handle) }?;
    // SAFETY: not NULL, aligned, and its tag says that it is an H; alive by the caller's word.
    let handle = unsafe { &*handle };
    Ok(handle.inner())
}

/// The handle for a call that has it to itself.
///
/// # Safety
/// `handle` is NULL or points to a handle that lives during `'a` and is used by no other call.
#[inline]
pub(crate) unsafe fn edit<'a, H: Opaque>(handle: *mut H) -> Result<&'a mut H::Inner, Code> {
    // SAFETY: the caller's obligation is the same.
    unsafe { live(handle) }?;
    // SAFETY: not NULL, aligned, and its tag says that it is an H; alive and ours alone by the
    // caller's word.
    let handle = unsafe { &mut *handle };
    Ok(handle.inner_mut())
}

/// Boxes `inner` and hands it to the caller.
pub(crate) fn give<H: Opaque>(out: pointer::Out<'_, *mut H>, inner: H::Inner) {
    out.write(Box::into_raw(Box::new(H::new(inner))));
}

/// Frees a handle. NULL, a foreign or a freed handle: nothing happens.
///
/// # Safety
/// `handle` is NULL or came from [`give`], is used by no other call and never again.
pub(crate) unsafe fn free<H: Opaque>(handle: *mut H) {
    // SAFETY: the caller's obligation is the same.
    let Ok(tag) = (unsafe { tag(handle) }) else {
        return;
    };
    if tag & !1 != H::TAG {
        return;
    }
    // SAFETY: its tag says that `give` made it; the caller gives it up.
    let handle = unsafe { Box::from_raw(handle) };
    handle.tag().store(DEAD, Ordering::Relaxed);
    // Without a use after it the store is dead code, and the compiler may leave it out.
    std::hint::black_box(&handle);
}

/// Closes a handle for writing after a panic. NULL or a foreign handle: nothing happens.
///
/// # Safety
/// As for [`read`].
#[cold]
pub(crate) unsafe fn poison<H: Opaque>(handle: *mut H) {
    // SAFETY: the caller's obligation is the same.
    if unsafe { tag(handle) } == Ok(H::TAG) {
        // SAFETY: not NULL, aligned, an H by its tag; the tag is atomic, so sharing is no matter.
        let handle = unsafe { &*handle };
        handle.tag().store(H::TAG | 1, Ordering::Relaxed);
    }
}

/// Whether the handle is an H and not poisoned.
///
/// # Safety
/// As for [`read`].
#[inline]
unsafe fn live<H: Opaque>(handle: *const H) -> Result<(), Code> {
    // SAFETY: the caller's obligation is the same.
    match unsafe { tag(handle) }? {
        tag if tag == H::TAG => Ok(()),
        tag if tag == H::TAG | 1 => Err(Code::POISONED),
        _ => Err(Code::HANDLE),
    }
}

/// The tag at a handle's address.
///
/// # Safety
/// `handle` is NULL, misaligned, or points to four bytes that may be read.
#[inline]
unsafe fn tag<H>(handle: *const H) -> Result<u32, Code> {
    pointer::check(handle)?;
    // SAFETY: not NULL and aligned for H, so for the u32 that stands first in every handle.
    let tag = unsafe { &*handle.cast::<AtomicU32>() };
    Ok(tag.load(Ordering::Relaxed))
}
