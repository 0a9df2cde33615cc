//! A lock that lies in the arena: free in zeroed memory, and so free in a forked child.

#[cfg(not(loom))]
use crate::arena::plain_struct;
#[cfg(loom)]
use crate::loom_struct as plain_struct;
use crate::primitive::{AtomicU32, Ordering, relax};

plain_struct! {
    /// Mutual exclusion for work that is rare or short. Waiting spins, then yields, then sleeps.
    pub(crate) struct Lock {
        held: AtomicU32,
    }
}

/// The lock held; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Guard<'a>(&'a Lock);

impl Lock {
    #[cfg(loom)]
    pub(crate) fn new() -> Lock {
        Lock {
            held: AtomicU32::new(0),
        }
    }

    /// The lock, if nobody holds it.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<Guard<'_>> {
        // Acquire pairs with the release in `Guard::drop`: what the last holder wrote is seen.
        self.held
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .ok()
            .map(|_| Guard(self))
    }

    /// Waits for the lock.
    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_> {
        let mut turn = 0;
        loop {
            if let Some(guard) = self.try_lock() {
                return guard;
            }
            relax(&mut turn);
        }
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.held.store(0, Ordering::Release);
    }
}
