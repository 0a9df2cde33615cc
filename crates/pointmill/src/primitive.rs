//! Atomics, switchable between the standard library and loom, and the cells made of them.
//!
//! Everything in the arena is an atomic. Words that threads hand over to each other are used with
//! explicit orderings; words that belong to whoever holds a lock are [`Cell`]-like wrappers with
//! relaxed loads and stores, which cost what plain memory costs and keep all code above the arena
//! safe Rust.
//!
//! [`Cell`]: std::cell::Cell

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, fence};

pub(crate) use std::sync::atomic::Ordering;

/// One turn of a spin loop: first the CPU is told, later the scheduler.
pub(crate) fn relax(turn: &mut u32) {
    *turn += 1;
    #[cfg(loom)]
    loom::thread::yield_now();
    #[cfg(not(loom))]
    if *turn < 64 {
        std::hint::spin_loop();
    } else if *turn < 4096 {
        std::thread::yield_now();
    } else {
        std::thread::sleep(std::time::Duration::from_micros(50));
    }
}

macro_rules! cells {
    ($($(#[$doc:meta])* $cell:ident($atomic:ty) holds $value:ty: |$to:ident| $encode:expr, |$from:ident| $decode:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        #[repr(transparent)]
        pub(crate) struct $cell($atomic);

        #[allow(dead_code, reason = "every cell has the same three methods")]
        impl $cell {
            #[cfg(any(loom, test))]
            pub(crate) fn new(value: $value) -> $cell {
                let $to = value;
                $cell(<$atomic>::new($encode))
            }

            #[inline(always)]
            pub(crate) fn get(&self) -> $value {
                let $from = self.0.load(Ordering::Relaxed);
                $decode
            }

            #[inline(always)]
            pub(crate) fn set(&self, $to: $value) {
                self.0.store($encode, Ordering::Relaxed);
            }

            /// The value before; not atomic as a whole, the caller owns the cell.
            #[inline(always)]
            pub(crate) fn replace(&self, value: $value) -> $value {
                let before = self.get();
                self.set(value);
                before
            }
        }
    )+};
}

cells! {
    /// A byte that belongs to the holder of a lock.
    U8(std::sync::atomic::AtomicU8) holds u8: |v| v, |v| v;
    /// A 16-bit number that belongs to the holder of a lock.
    U16(std::sync::atomic::AtomicU16) holds u16: |v| v, |v| v;
    /// A 32-bit number that belongs to the holder of a lock.
    U32(AtomicU32) holds u32: |v| v, |v| v;
    /// A 64-bit number that belongs to the holder of a lock.
    U64(AtomicU64) holds u64: |v| v, |v| v;
    /// A signed 64-bit number that belongs to the holder of a lock.
    I64(AtomicU64) holds i64: |v| v as u64, |v| v as i64;
    /// A double that belongs to the holder of a lock.
    F64(AtomicU64) holds f64: |v| v.to_bits(), |v| f64::from_bits(v);
}

impl U64 {
    /// Adds `n` to a counter that one thread at a time writes.
    #[inline(always)]
    pub(crate) fn add(&self, n: u64) {
        self.set(self.get().wrapping_add(n));
    }
}
