//! The arena: one mapping of fixed size in which everything lives that an engine remembers
//! between two flushes. Most of the engine's unsafe code is here; `lib.rs` names the rest.
//!
//! ```text
//! ┌─ kept in a forked child ──────────────┬─ wiped in a forked child ─────────────────────────┐
//! │ root │ tags │ slots │ index │ names   │ lanes │ rings │ tables │ gauges │ pool │ heap     │
//! └───────────────────────────────────────┴───────────────────────────────────────────────────┘
//! ```
//!
//! - The size is the memory bound. Pages are touched as they are needed, so an idle engine is
//!   small.
//! - Data is addressed by offset ([`Ref`], in units of 16 bytes) and made of atomics only
//!   ([`Plain`]): every bit pattern is valid, zero is the empty state, and a mistake above this
//!   module gives wrong numbers at worst, never undefined behaviour.
//! - On Linux the second half is wiped by the kernel in a forked child (`MADV_WIPEONFORK`): lanes,
//!   rings, open sketches, counters and locks begin empty there, without a hook and without a
//!   check on the way of a point. Names and context ids stay valid.

mod map;

use std::marker::PhantomData;
use std::mem::{align_of, size_of};
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::ConfigError;
use crate::primitive::{AtomicU32, AtomicU64, F64, I64, U8, U16, U32, U64};
use map::Mapping;

/// Alignment of every table: two cache lines, since neighbours are fetched in pairs on x86-64.
const TABLE_ALIGN: usize = 128;

/// The page size that the halves are aligned to; a multiple of every platform's we know.
const HALF_ALIGN: usize = 64 * 1024;

/// Types that may be laid over arena memory.
///
/// # Safety
/// Every bit pattern is a valid value, all fields are atomics (shared access from any thread is
/// sound), there is no destructor, and the alignment is at most [`TABLE_ALIGN`].
pub(crate) unsafe trait Plain {}

macro_rules! plain {
    ($($(#[$why:meta])* $type:ty),+ $(,)?) => {$(
        // SAFETY: an atomic, or a transparent wrapper of one: any bits are valid, nothing to drop.
        unsafe impl Plain for $type {}
    )+};
}
plain!(AtomicU32, AtomicU64, U8, U16, U32, U64, I64, F64);

/// Declares a `#[repr(C)]` struct whose fields are all [`Plain`] and makes it `Plain` itself.
macro_rules! plain_struct {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$field_meta:meta])* $fvis:vis $field:ident: $type:ty,)+ }) => {
        $(#[$meta])*
        #[derive(Debug)]
        #[repr(C)]
        $vis struct $name { $($(#[$field_meta])* $fvis $field: $type,)+ }

        const _: () = {
            const fn all_plain<T: $crate::arena::Plain>() {}
            $(all_plain::<$type>();)+
            assert!(std::mem::align_of::<$name>() <= 128);
            assert!(!std::mem::needs_drop::<$name>());
        };
        // SAFETY: every field is Plain (checked above), the layout is C's, and bytes between
        // fields are never read.
        unsafe impl $crate::arena::Plain for $name {}
    };
}
pub(crate) use plain_struct;

// SAFETY: an array of atomics has no bits of its own.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// Which half of the arena a table is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    /// A forked child finds what its parent left.
    Kept,
    /// A forked child finds zeros.
    Wiped,
}

/// The layout of an arena while its tables are being laid out: sizes first, memory afterwards.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    kept: usize,
    wiped: usize,
}

/// A table that has its place but no memory yet.
#[derive(Debug)]
pub(crate) struct Place<T> {
    half: Half,
    offset: usize,
    len: usize,
    marker: PhantomData<fn() -> T>,
}

impl Plan {
    /// Gives a table of `len` elements its place.
    pub(crate) fn table<T: Plain>(&mut self, half: Half, len: usize) -> Place<T> {
        let end = match half {
            Half::Kept => &mut self.kept,
            Half::Wiped => &mut self.wiped,
        };
        let offset = *end;
        *end = (offset + len * size_of::<T>()).next_multiple_of(TABLE_ALIGN);
        Place {
            half,
            offset,
            len,
            marker: PhantomData,
        }
    }

    /// Bytes planned so far.
    pub(crate) fn bytes(&self) -> usize {
        self.kept.next_multiple_of(HALF_ALIGN) + self.wiped.next_multiple_of(HALF_ALIGN)
    }

    /// Maps the memory.
    ///
    /// # Errors
    /// [`ConfigError::NoMemory`].
    pub(crate) fn map(&self) -> Result<Arena, ConfigError> {
        let kept = self.kept.next_multiple_of(HALF_ALIGN);
        let bytes = self.bytes();
        let mapping = Mapping::new(bytes, kept).ok_or(ConfigError::NoMemory {
            bytes: bytes as u64,
        })?;
        Ok(Arena {
            mapping: Arc::new(mapping),
            kept,
        })
    }
}

/// The mapped memory, from which planned tables are taken.
#[derive(Debug)]
pub(crate) struct Arena {
    mapping: Arc<Mapping>,
    kept: usize,
}

impl Arena {
    /// The table that was planned as `place`.
    ///
    /// # Panics
    /// If `place` is of another plan and does not fit here.
    pub(crate) fn table<T: Plain>(&self, place: Place<T>) -> Table<T> {
        let offset = place.offset
            + if place.half == Half::Wiped {
                self.kept
            } else {
                0
            };
        let bytes = place.len * size_of::<T>();
        assert!(
            offset
                .checked_add(bytes)
                .is_some_and(|end| end <= self.mapping.len())
        );
        assert!(offset.is_multiple_of(TABLE_ALIGN) && align_of::<T>() <= TABLE_ALIGN);
        // SAFETY: the offset is inside the mapping (asserted above).
        let start = unsafe { self.mapping.start().add(offset) };
        Table {
            start: start.cast(),
            len: place.len,
            mapping: Arc::clone(&self.mapping),
        }
    }
}

/// A table in the arena. Keeps the mapping alive.
#[derive(Debug)]
pub(crate) struct Table<T> {
    start: NonNull<T>,
    len: usize,
    /// Never read: it holds the memory.
    #[expect(
        dead_code,
        reason = "keeps the mapping alive as long as `start` is in use"
    )]
    mapping: Arc<Mapping>,
}

// SAFETY: a table is a shared slice of atomics, which any thread may use; T: Plain holds nothing
// bound to a thread.
unsafe impl<T: Plain> Send for Table<T> {}
// SAFETY: as for Send.
unsafe impl<T: Plain> Sync for Table<T> {}

impl<T: Plain> Deref for Table<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: `start..start + len` lies in the mapping, aligned for T (asserted when the
        // table was made); the mapping outlives `self`; T is Plain, so whatever is there is valid
        // and may be shared.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

/// A table whose length is a power of two: every number has a place in it.
#[derive(Debug)]
pub(crate) struct Masked<T> {
    table: Table<T>,
    mask: usize,
}

impl<T: Plain> Masked<T> {
    /// # Panics
    /// If the table's length is no power of two.
    pub(crate) fn new(table: Table<T>) -> Masked<T> {
        assert!(table.len().is_power_of_two());
        let mask = table.len() - 1;
        Masked { table, mask }
    }

    /// A number's place: neighbours have neighbouring ones, the last place is beside the first.
    #[inline(always)]
    pub(crate) fn place(&self, number: u64) -> usize {
        number as usize & self.mask
    }

    /// What is at the place of a number.
    #[inline(always)]
    pub(crate) fn at(&self, number: u64) -> &T {
        let place = self.place(number);
        // SAFETY: the mask is the table's length less 1, asserted to be a power of two when this was
        // made and never changed: no place is past the end.
        unsafe { self.table.get_unchecked(place) }
    }
}

impl<T> Deref for Masked<T> {
    type Target = Table<T>;

    #[inline(always)]
    fn deref(&self) -> &Table<T> {
        &self.table
    }
}

/// The unit in which [`Ref`] counts, and the alignment of everything in a [`Heap`].
pub(crate) const LINE: usize = 16;

/// Sixteen bytes of a heap.
#[derive(Debug)]
#[repr(C, align(16))]
pub(crate) struct Line([AtomicU64; 2]);

// SAFETY: two atomics.
unsafe impl Plain for Line {}

/// The address of something in a [`Heap`], in lines. 0 is null: the first line is never given out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ref(pub(crate) u32);

impl Ref {
    pub(crate) const NULL: Ref = Ref(0);

    #[inline(always)]
    pub(crate) fn is_null(self) -> bool {
        self.0 == 0
    }
}

/// Memory that is addressed by [`Ref`] and viewed as whatever its owner laid there.
#[derive(Debug)]
pub(crate) struct Heap {
    lines: Table<Line>,
}

/// A heap's memory at hand: address and length by value, so that a loop keeps them in registers
/// (the compiler must assume that a store through an atomic could change them elsewhere).
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    lines: &'a [Line],
}

impl Heap {
    pub(crate) fn new(lines: Table<Line>) -> Heap {
        Heap { lines }
    }

    #[inline(always)]
    pub(crate) fn view(&self) -> View<'_> {
        View { lines: &self.lines }
    }
}

impl<'a> View<'a> {
    /// All but the last lines.
    pub(crate) fn without_last(self, lines: usize) -> View<'a> {
        View {
            lines: &self.lines[..self.lines.len() - lines],
        }
    }

    /// Lines there are.
    pub(crate) fn lines_len(self) -> usize {
        self.lines.len()
    }

    /// What lies at `at`, as a `T`.
    ///
    /// # Panics
    /// If it would reach past the end of the heap.
    #[inline(always)]
    pub(crate) fn at<T: Plain>(self, at: Ref) -> &'a T {
        &self.slice::<T>(at, 1)[0]
    }

    /// The `len` elements from `at` on.
    ///
    /// # Panics
    /// If they would reach past the end of the heap.
    #[inline(always)]
    pub(crate) fn slice<T: Plain>(self, at: Ref, len: usize) -> &'a [T] {
        const { assert!(align_of::<T>() <= LINE) };
        let start = at.0 as usize;
        let lines = (len * size_of::<T>()).div_ceil(LINE);
        assert!(
            start + lines <= self.lines.len(),
            "a reference past the end of the heap"
        );
        // SAFETY: start is inside the table (asserted above).
        let pointer = unsafe { self.lines.as_ptr().add(start) };
        // SAFETY: the bytes lie inside the table (asserted above), which lives as long as `'a`;
        // a line is aligned to 16, T to no more; T is Plain, so any bits are valid and shared
        // access is sound.
        unsafe { std::slice::from_raw_parts(pointer.cast::<T>(), len) }
    }

    /// The words from `at` on, all there are: for a place read while its owner may have been changing
    /// it.
    #[inline(always)]
    pub(crate) fn words_from(self, at: Ref) -> Option<&'a [U64]> {
        let lines = self.lines.get(at.0 as usize..)?;
        // SAFETY: a line is two words, aligned to 16 bytes; both types are Plain.
        Some(unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), 2 * lines.len()) })
    }

    /// The first of those, if there are so many.
    #[inline(always)]
    pub(crate) fn words_at<const N: usize>(self, at: Ref) -> Option<&'a [U64; N]> {
        let last = self.lines.len().checked_sub(N.div_ceil(2))?;
        if at.0 as usize > last {
            return None;
        }
        self.words_from(at)?.first_chunk()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_do_not_overlap_and_begin_zeroed() {
        let mut plan = Plan::default();
        let a = plan.table::<AtomicU32>(Half::Kept, 3);
        let b = plan.table::<U64>(Half::Kept, 1);
        let c = plan.table::<Line>(Half::Wiped, 4);
        let arena = plan.map().unwrap();
        let (a, b, heap) = (arena.table(a), arena.table(b), Heap::new(arena.table(c)));
        drop(arena);
        assert_eq!((a.len(), b.len(), heap.view().lines_len()), (3, 1, 4));
        a.iter()
            .for_each(|x| x.store(u32::MAX, crate::primitive::Ordering::Relaxed));
        assert_eq!(b[0].get(), 0);
        heap.view().at::<F64>(Ref(3)).set(2.5);
        assert_eq!(heap.view().at::<F64>(Ref(3)).get(), 2.5);
        assert_eq!(heap.view().slice::<U8>(Ref(3), 16)[7].get(), 0x40);
        assert_eq!(a.as_ptr() as usize % TABLE_ALIGN, 0);
    }

    #[test]
    #[should_panic(expected = "past the end")]
    fn a_reference_past_the_end_is_refused() {
        let mut plan = Plan::default();
        let c = plan.table::<Line>(Half::Wiped, 4);
        let heap = Heap::new(plan.map().unwrap().table(c));
        assert_eq!(heap.view().words_from(Ref(3)).map(<[_]>::len), Some(2));
        assert!(heap.view().words_from(Ref(5)).is_none());
        assert!(heap.view().words_at::<3>(Ref(2)).is_some());
        assert!(heap.view().words_at::<3>(Ref(3)).is_none());
        let _ = heap.view().slice::<U64>(Ref(3), 3);
    }
}
