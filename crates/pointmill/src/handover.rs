//! How points pass from the thread that records them to whoever aggregates them.
//!
//! ```text
//! owner (one thread)                         holder of the lock (the owner or a flush)
//!   tail < limit?                              read slots head..tail     acquire tail
//!   slot[tail] = point     relaxed             head  = what was read
//!   tail += 1              release ──────────▶ limit = head + RING_LEN   release
//!   limit                  acquire ◀───────────┘
//! ```
//!
//! A ring has one producer, the lane's owner, and one consumer at a time, the holder of the lane's
//! lock. The owner writes only `tail` and the slots between `head` and `limit`; the holder writes
//! only `head` and `limit`. So a push is two plain stores and a release store, and the lock is
//! taken once a ring. In a forked child all words are zero: `owner` matches no thread and `limit`
//! admits no point, so the first record there finds its lane lost and claims a new one.
//!
//! Orderings: `tail` is released by the owner after the slots are written and acquired by the
//! consumer before it reads them. `limit` is released by the consumer after it has read the slots
//! and acquired by the owner before it writes them again. `owner` is released when a thread ends
//! and acquired by the next owner, which so sees the last `tail`.

#[cfg(not(loom))]
use crate::arena::plain_struct;
use crate::lock::{Guard, Lock};
#[cfg(loom)]
use crate::loom_struct as plain_struct;
use crate::primitive::{AtomicU64, F64, Ordering, U64};

/// Points in a ring: enough to make the lock's price vanish, few enough to stay in the first-level
/// cache beside what is being aggregated (4 KiB). Shrunk under loom, to reach the edges.
pub(crate) const RING_LEN: usize = if cfg!(loom) { 2 } else { 256 };

plain_struct! {
    /// A point on its way.
    pub(crate) struct Slot {
        pub(crate) id: U64,
        pub(crate) value: F64,
    }
}

/// A lane's ring; the position p is in slot p % RING_LEN.
pub(crate) type Ring = [Slot; RING_LEN];

plain_struct! {
    /// The words that owner and lock holder share.
    pub(crate) struct Handover {
        /// The number of the thread that owns the lane, 0 if nobody does.
        owner: AtomicU64,
        /// Points ever pushed.
        tail: AtomicU64,
        /// `tail` may grow up to here.
        limit: AtomicU64,
        /// The owner's words stay alone on their pair of cache lines.
        gap: [U64; 13],
        /// Points ever taken out.
        head: AtomicU64,
        lock: Lock,
    }
}

impl Handover {
    /// Whether the thread with this number owns the lane.
    #[inline(always)]
    pub(crate) fn is_owned_by(&self, thread: u64) -> bool {
        // Relaxed: only the owner itself makes this true and false.
        self.owner.load(Ordering::Relaxed) == thread
    }

    /// Whether nobody owns the lane. Another thread may be quicker to claim it.
    pub(crate) fn is_free(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == 0
    }

    /// Makes the lane this thread's, if nobody owns it.
    pub(crate) fn claim(&self, thread: u64) -> bool {
        self.owner
            .compare_exchange(0, thread, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Admits points into the ring of a lane that was just claimed.
    pub(crate) fn open(&self, _held: &Guard<'_>) {
        let head = self.head.load(Ordering::Relaxed);
        self.limit.store(head + RING_LEN as u64, Ordering::Release);
    }

    /// Gives the lane up, with the points that are in its ring.
    pub(crate) fn release(&self, thread: u64) {
        let _ = self
            .owner
            .compare_exchange(thread, 0, Ordering::Release, Ordering::Relaxed);
    }

    /// Pushes a point; false if the ring is full. The owner only.
    #[inline(always)]
    pub(crate) fn push(&self, ring: &Ring, id: u64, value: f64) -> bool {
        let tail = self.tail.load(Ordering::Relaxed);
        if tail >= self.limit.load(Ordering::Acquire) {
            return false;
        }
        let slot = &ring[tail as usize % RING_LEN];
        slot.id.set(id);
        slot.value.set(value);
        self.tail.store(tail + 1, Ordering::Release);
        true
    }

    /// The lane's lock, if nobody holds it.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<Guard<'_>> {
        self.lock.try_lock()
    }

    /// Waits for the lane's lock.
    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_> {
        self.lock.lock()
    }

    /// The positions of the points in the ring: from the first, to before the second.
    #[inline]
    pub(crate) fn waiting(&self, _held: &Guard<'_>) -> (u64, u64) {
        (
            self.head.load(Ordering::Relaxed),
            self.tail.load(Ordering::Acquire),
        )
    }

    /// Gives the slots before `head` back to the owner.
    #[inline]
    pub(crate) fn advance(&self, _held: &Guard<'_>, head: u64) {
        self.head.store(head, Ordering::Relaxed);
        // A lane without an owner must not admit points: in a forked child the limit is 0, and
        // whoever claims the lane opens it.
        if self.limit.load(Ordering::Relaxed) != 0 {
            self.limit.store(head + RING_LEN as u64, Ordering::Release);
        }
    }

    /// Points ever pushed, and those still in the ring.
    pub(crate) fn counts(&self) -> (u64, u64) {
        // Head first: so that the difference is not negative.
        let head = self.head.load(Ordering::Acquire);
        let tail = self.tail.load(Ordering::Acquire);
        (tail, tail.saturating_sub(head))
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Handover {
        Handover {
            owner: AtomicU64::new(0),
            tail: AtomicU64::new(0),
            limit: AtomicU64::new(0),
            gap: [(); 13].map(|()| U64::new(0)),
            head: AtomicU64::new(0),
            lock: Lock::new(),
        }
    }
}

#[cfg(all(test, loom))]
mod model {
    //! The hand-over under every interleaving that loom finds: no point is lost, none is seen
    //! twice, each arrives whole.

    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    struct Lane {
        words: Handover,
        ring: Ring,
    }

    impl Lane {
        fn new() -> Arc<Lane> {
            let slot = || Slot {
                id: U64::new(0),
                value: F64::new(0.0),
            };
            Arc::new(Lane {
                words: Handover::new(),
                ring: [slot(), slot()],
            })
        }

        fn enter(&self, thread: u64) -> bool {
            let claimed = self.words.claim(thread);
            if claimed {
                self.words.open(&self.words.lock());
            }
            claimed
        }

        /// Pushes a point and drains when the ring is full, as a recorder does.
        fn record(&self, id: u64, seen: &mut Vec<u64>) {
            while !self.words.push(&self.ring, id, id as f64) {
                if let Some(held) = self.words.try_lock() {
                    self.drain(&held, seen);
                } else {
                    thread::yield_now();
                }
            }
        }

        fn drain(&self, held: &Guard<'_>, seen: &mut Vec<u64>) {
            let (head, tail) = self.words.waiting(held);
            for at in head..tail {
                let slot = &self.ring[at as usize % RING_LEN];
                assert_eq!(slot.id.get() as f64, slot.value.get(), "a torn point");
                seen.push(slot.id.get());
                self.words.advance(held, at + 1);
            }
        }
    }

    fn all_once(mut seen: Vec<u64>, points: u64) {
        seen.sort_unstable();
        assert_eq!(seen, (1..=points).collect::<Vec<_>>());
    }

    #[test]
    fn a_flush_and_a_recorder_share_every_point() {
        loom::model(|| {
            let lane = Lane::new();
            assert!(lane.enter(7));
            let recorder = {
                let lane = Arc::clone(&lane);
                thread::spawn(move || {
                    let mut seen = Vec::new();
                    (1..=3).for_each(|id| lane.record(id, &mut seen));
                    seen
                })
            };
            let mut seen = Vec::new();
            lane.drain(&lane.words.lock(), &mut seen);
            seen.extend(recorder.join().unwrap());
            lane.drain(&lane.words.lock(), &mut seen);
            all_once(seen, 3);
        });
    }

    #[test]
    fn a_lane_passes_from_an_ended_thread_to_the_next_with_its_points() {
        loom::model(|| {
            let lane = Lane::new();
            assert!(lane.enter(7));
            let first = {
                let lane = Arc::clone(&lane);
                thread::spawn(move || {
                    let mut seen = Vec::new();
                    lane.record(1, &mut seen);
                    lane.words.release(7);
                    seen
                })
            };
            let mut seen = Vec::new();
            if lane.enter(8) {
                lane.record(2, &mut seen);
                lane.record(3, &mut seen);
            } else {
                seen.extend([2, 3]);
            }
            seen.extend(first.join().unwrap());
            lane.drain(&lane.words.lock(), &mut seen);
            all_once(seen, 3);
        });
    }

    #[test]
    fn only_one_thread_gets_a_free_lane() {
        loom::model(|| {
            let lane = Lane::new();
            let other = {
                let lane = Arc::clone(&lane);
                thread::spawn(move || lane.words.claim(7))
            };
            assert!(lane.words.claim(8) ^ other.join().unwrap());
        });
    }
}
