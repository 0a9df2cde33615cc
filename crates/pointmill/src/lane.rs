//! Lanes: which thread records where.
//!
//! A thread claims a lane of an engine with its first record and keeps it until it ends; then the
//! lane, with the points in it, goes to the next thread that asks. A lane's owner is the number of
//! its thread ([`thread::current`]), so one comparison on the way of a point tells that the lane is
//! this thread's; in a forked child all lanes are without owner.
//!
//! ```text
//! thread's number ──hash──▶ seat ──▶ lane      owner == number: it is ours
//!                                              else one of the next three seats, else claim
//! ```
//!
//! A seat is only a hint: whatever stands there, the lane's owner decides. So seats need no order
//! between threads, and two threads that write one seat at most send each other the long way.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use crate::arena::{Half, Masked, Place, Plan, Table, plain_struct};
use crate::engine::Shared;
use crate::handover::{Handover, Ring};
use crate::open::{Open, OpenSet};
use crate::pool::Pool;
use crate::primitive::{U32, U64};
use crate::thread;

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

/// Seats a lane: so many that two threads seldom have the same first one.
const SEATS_A_LANE: usize = 8;

/// Neighbouring seats that a thread may sit on.
const SEATS_TO_TRY: u64 = 4;

/// Where the lanes lie.
#[derive(Debug)]
pub(crate) struct LanePlaces {
    lanes: Place<Lane>,
    seats: Place<U32>,
    tables: Place<U64>,
    table_len: usize,
}

impl LanePlaces {
    pub(crate) fn plan(plan: &mut Plan, threads_max: usize, slots_len: usize) -> LanePlaces {
        let lanes = threads_max + 1;
        LanePlaces {
            lanes: plan.table(Half::Wiped, lanes),
            seats: plan.table(Half::Wiped, (SEATS_A_LANE * lanes).next_power_of_two()),
            tables: plan.table(Half::Wiped, lanes * slots_len),
            table_len: slots_len,
        }
    }
}

/// All lanes of an engine.
#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: Table<Lane>,
    /// The lanes' numbers, where their owners look for them.
    seats: Masked<U32>,
    tables: Table<U64>,
    table_len: usize,
}

impl Lanes {
    pub(crate) fn new(arena: &crate::arena::Arena, places: LanePlaces) -> Lanes {
        Lanes {
            lanes: arena.table(places.lanes),
            seats: Masked::new(arena.table(places.seats)),
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

    /// The calling thread's lane, if it has one and finds it at once.
    #[inline(always)]
    pub(crate) fn mine(&self) -> Option<(usize, &Lane)> {
        let thread = thread::current();
        self.on_seat(Self::first_seat(thread), thread)
    }

    /// The lane on a seat, if this thread owns it.
    #[inline(always)]
    fn on_seat(&self, seat: u64, thread: u64) -> Option<(usize, &Lane)> {
        let i = self.seats.at(seat).get() as usize;
        let lane = self.lanes.get(i)?;
        lane.handover.is_owned_by(thread).then_some((i, lane))
    }

    /// Where a thread looks first.
    #[inline(always)]
    fn first_seat(thread: u64) -> u64 {
        /// An odd number without pattern: the fraction of the golden ratio.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        thread.wrapping_mul(SPREAD) >> 32
    }

    /// All seats that a thread may have.
    fn seats_of(thread: u64) -> impl Iterator<Item = u64> {
        let first = Self::first_seat(thread);
        first..first + SEATS_TO_TRY
    }

    /// Seats the calling thread's lane: on a seat that nobody uses, or on its first one.
    fn sit_down(&self, thread: u64, lane: usize) {
        let is_unused = |seat: &u64| {
            let lane = self.lanes.get(self.seats.at(*seat).get() as usize);
            lane.is_none_or(|lane| lane.handover.is_free())
        };
        let seat = Self::seats_of(thread)
            .find(is_unused)
            .unwrap_or(Self::first_seat(thread));
        self.seats.at(seat).set(lane as u32);
    }
}

thread_local! {
    /// All lanes of this thread.
    static CLAIMED: RefCell<Claimed> = const { RefCell::new(Claimed(Vec::new())) };
}

struct Claimed(Vec<ClaimedLane>);

struct ClaimedLane {
    engine: Weak<Shared>,
    lane: u32,
}

/// Finds or claims a lane for the calling thread. `None` if all are taken, or the thread is ending.
#[cold]
pub(crate) fn claim(engine: &Arc<Shared>) -> Option<usize> {
    let (thread, lanes) = (thread::current(), &engine.lanes);
    let seated = Lanes::seats_of(thread).find_map(|seat| lanes.on_seat(seat, thread));
    if let Some((lane, _)) = seated {
        return Some(lane);
    }
    CLAIMED
        .try_with(|claimed| {
            let mut claimed = claimed.try_borrow_mut().ok()?;
            claimed.0.retain(|held| held.engine.strong_count() > 0);
            let known = claimed.0.iter().find(|held| {
                std::ptr::eq(held.engine.as_ptr(), Arc::as_ptr(engine))
                    && lanes.get(held.lane as usize).handover.is_owned_by(thread)
            });
            if let Some(held) = known {
                lanes.sit_down(thread, held.lane as usize);
                return Some(held.lane as usize);
            }
            let free = (KEPT_LANE + 1..lanes.len()).find(|&i| {
                let handover = &lanes.get(i).handover;
                handover.is_free() && handover.claim(thread)
            })?;
            engine.open_lane(free);
            lanes.sit_down(thread, free);
            claimed.0.push(ClaimedLane {
                engine: Arc::downgrade(engine),
                lane: free as u32,
            });
            Some(free)
        })
        .ok()
        .flatten()
}

impl Drop for Claimed {
    /// The thread ends: its lanes go back, with the points in them.
    fn drop(&mut self) {
        for held in &self.0 {
            if let Some(engine) = held.engine.upgrade() {
                let lane = engine.lanes.get(held.lane as usize);
                lane.handover.release(thread::current());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, Engine, Flush, Kind};

    #[test]
    fn a_seat_is_only_a_hint() {
        let engine = Engine::new(&Config::default(), 1_700_000_000).unwrap();
        let id = engine.context::<&str>(Kind::Count, "hits", &[]).unwrap();
        engine.record(id, 1.0).unwrap();
        let lanes = &engine.shared.lanes;
        let (mine, _) = lanes.mine().unwrap();
        // The kept lane, a lane of nobody, none there is.
        for wrong in [0, 2, u32::MAX] {
            lanes.seats.iter().for_each(|seat| seat.set(wrong));
            assert!(lanes.mine().is_none());
            engine.record(id, 1.0).unwrap();
            assert_eq!(lanes.mine().map(|(i, _)| i), Some(mine));
        }
        assert_eq!(engine.flush(1_700_000_000, Flush::All).points(), 4);
    }
}
