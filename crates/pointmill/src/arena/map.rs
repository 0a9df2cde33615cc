//! The memory itself: a private anonymous mapping where there is `mmap`, zeroed heap memory
//! elsewhere.

use std::ptr::NonNull;

/// Zeroed memory of fixed size, given back when dropped.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is plain memory that no thread owns; what is laid over it is Plain.
unsafe impl Send for Mapping {}
// SAFETY: as for Send: only atomics are read or written through it.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(all(unix, not(miri)))]
mod os {
    use super::*;

    impl Mapping {
        /// Maps `len` bytes; those from `wiped_from` on are wiped in a forked child where the
        /// system can do that.
        pub(in super::super) fn new(len: usize, wiped_from: usize) -> Option<Mapping> {
            // NORESERVE: the bound is a promise not to pass it, not a claim to all of it.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            const FLAGS: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            const FLAGS: i32 = libc::MAP_PRIVATE | libc::MAP_ANON;
            let access = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: a new anonymous mapping at an address of the system's choice touches no
            // memory of ours.
            let start = unsafe { libc::mmap(std::ptr::null_mut(), len, access, FLAGS, -1, 0) };
            if start == libc::MAP_FAILED {
                return None;
            }
            let mapping = Mapping {
                start: NonNull::new(start.cast())?,
                len,
            };
            mapping.wipe_on_fork(wiped_from);
            Some(mapping)
        }

        /// Kernels before 4.14 refuse: then a forked child inherits points, and
        /// `Engine::after_fork_child` is its way to begin empty.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        fn wipe_on_fork(&self, from: usize) {
            if from >= self.len {
                return;
            }
            // SAFETY: from is inside the mapping.
            let start = unsafe { self.start.as_ptr().add(from) };
            // SAFETY: the range is a part of our own private anonymous mapping, page-aligned; the
            // advice changes what a forked child sees and nothing here.
            unsafe { libc::madvise(start.cast(), self.len - from, libc::MADV_WIPEONFORK) };
        }

        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        fn wipe_on_fork(&self, _from: usize) {}
    }

    impl Drop for Mapping {
        fn drop(&mut self) {
            // SAFETY: exactly the range that `new` mapped; nobody holds a reference, since every
            // table keeps the mapping alive.
            unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
        }
    }
}

#[cfg(any(not(unix), miri))]
mod os {
    use super::*;
    use std::alloc::Layout;

    /// Enough for every table's alignment.
    const ALIGN: usize = 64 * 1024;

    fn layout(len: usize) -> Option<Layout> {
        Layout::from_size_align(len.max(1), ALIGN).ok()
    }

    impl Mapping {
        /// Allocates `len` zeroed bytes.
        pub(in super::super) fn new(len: usize, _wiped_from: usize) -> Option<Mapping> {
            // SAFETY: the layout's size is at least 1.
            let start = unsafe { std::alloc::alloc_zeroed(layout(len)?) };
            Some(Mapping {
                start: NonNull::new(start)?,
                len,
            })
        }
    }

    impl Drop for Mapping {
        fn drop(&mut self) {
            if let Some(layout) = layout(self.len) {
                // SAFETY: allocated by `new` with this layout.
                unsafe { std::alloc::dealloc(self.start.as_ptr(), layout) };
            }
        }
    }
}
