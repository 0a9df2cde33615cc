//! Lanes: which thread records where.
//!
//! A thread claims a lane of an engine with its first record and keeps it until it ends; then the
//! lane, with the points in it, goes to the next thread that asks. The claim is a number that is
//! never used twice, so one comparison on the way of a point tells that the lane is of this
//! engine, this thread and this process (in a forked child all lanes are without owner).

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use crate::arena::{Half, Place, Plan, Table, plain_struct};
use crate::engine::Shared;
use crate::handover::{Handover, Ring};
use crate::open::{Open, OpenSet};
use crate::pool::Pool;
use crate::primitive::U64;

plain_struct! {
    /// One lane's words.
    #[repr(align(128))]
    pub(crate) struct Lane {
        pub(crate) handover: Handover,
        pub(crate) ring: Ring,
        pub(crate) set: OpenSet,
        /// Points recorded past the ring: with a timestamp, a rate, or many at once.
        pub(crate) direct: U64,
        pub(crate) overflowed: U64,
        pub(crate) dropped_arena_full: U64,
        pub(crate) dropped_stale: U64,
    }
}

/// The lane that no thread claims: a flush keeps there what is still open.
pub(crate) const KEPT_LANE: usize = 0;

/// Where the lanes lie.
#[derive(Debug)]
pub(crate) struct LanePlaces {
    lanes: Place<Lane>,
    tables: Place<U64>,
    table_len: usize,
}

impl LanePlaces {
    pub(crate) fn plan(plan: &mut Plan, threads_max: usize, slots_len: usize) -> LanePlaces {
        let lanes = threads_max + 1;
        LanePlaces {
            lanes: plan.table(Half::Wiped, lanes),
            tables: plan.table(Half::Wiped, lanes * slots_len),
            table_len: slots_len,
        }
    }
}

/// All lanes of an engine.
#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: Table<Lane>,
    tables: Table<U64>,
    table_len: usize,
}

impl Lanes {
    pub(crate) fn new(arena: &crate::arena::Arena, places: LanePlaces) -> Lanes {
        Lanes {
            lanes: arena.table(places.lanes),
            tables: arena.table(places.tables),
            table_len: places.table_len,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lanes.len()
    }

    #[inline(always)]
    pub(crate) fn get(&self, i: usize) -> &Lane {
        &self.lanes[i]
    }

    /// Lane `i`'s open set. The caller holds the lane's lock.
    #[inline(always)]
    pub(crate) fn open<'a>(&'a self, i: usize, pool: &'a Pool) -> Open<'a> {
        let table = &self.tables[i * self.table_len..][..self.table_len];
        Open {
            set: &self.lanes[i].set,
            table,
            pool,
        }
    }

    /// The calling thread's lane, if it has used it last of all.
    #[inline(always)]
    pub(crate) fn mine(&self) -> Option<(usize, &Lane)> {
        let (i, claim) = LAST.with(Cell::get);
        let lane = self.lanes.get(i as usize)?;
        lane.handover
            .is_owned_by(claim)
            .then_some((i as usize, lane))
    }
}

/// Claims handed out in this process.
static CLAIMS: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The lane that this thread used last, and its claim. No lane is ever owned by u64::MAX.
    static LAST: Cell<(u32, u64)> = const { Cell::new((0, u64::MAX)) };
    /// All lanes of this thread.
    static CLAIMED: RefCell<Claimed> = const { RefCell::new(Claimed(Vec::new())) };
}

struct Claimed(Vec<ClaimedLane>);

struct ClaimedLane {
    engine: Weak<Shared>,
    lane: u32,
    claim: u64,
}

/// Finds or claims a lane for the calling thread. `None` if all are taken, or the thread is ending.
#[cold]
pub(crate) fn claim(engine: &Arc<Shared>) -> Option<usize> {
    CLAIMED
        .try_with(|claimed| {
            let mut claimed = claimed.try_borrow_mut().ok()?;
            claimed.0.retain(|held| held.engine.strong_count() > 0);
            let known = claimed.0.iter().find(|held| {
                std::ptr::eq(held.engine.as_ptr(), Arc::as_ptr(engine))
                    && engine
                        .lanes
                        .get(held.lane as usize)
                        .handover
                        .is_owned_by(held.claim)
            });
            if let Some(held) = known {
                LAST.set((held.lane, held.claim));
                return Some(held.lane as usize);
            }
            let claim = CLAIMS.fetch_add(1, Ordering::Relaxed);
            let free = (KEPT_LANE + 1..engine.lanes.len()).find(|&i| {
                let handover = &engine.lanes.get(i).handover;
                handover.is_free() && handover.claim(claim)
            })?;
            engine.open_lane(free);
            LAST.set((free as u32, claim));
            claimed.0.push(ClaimedLane {
                engine: Arc::downgrade(engine),
                lane: free as u32,
                claim,
            });
            Some(free)
        })
        .ok()
        .flatten()
}

impl Drop for Claimed {
    /// The thread ends: its lanes go back, with the points in them.
    fn drop(&mut self) {
        let _ = LAST.try_with(|last| last.set((0, u64::MAX)));
        for held in &self.0 {
            if let Some(engine) = held.engine.upgrade() {
                engine
                    .lanes
                    .get(held.lane as usize)
                    .handover
                    .release(held.claim);
            }
        }
    }
}
