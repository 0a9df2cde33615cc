//! Chunks of arena memory for open sketches, and the regions that lanes make of them.
//!
//! A [`Pool`] hands out chunks of [`CHUNK_LINES`] lines to any thread without a lock. A
//! [`Region`] belongs to the holder of a lane's lock: it cuts blocks off its newest chunk and
//! keeps lists of the blocks that growing sketches outgrew. A flush takes a region as a whole and
//! gives its chunks back; so there is nothing to free block by block, and nothing fragments.

use crate::arena::{Arena, Half, Heap, LINE, Line, Place, Plan, Ref, Table, View, plain_struct};
use crate::primitive::{AtomicU32, AtomicU64, Ordering, U32, U64};

/// Lines in a chunk: 16 KiB. Large against a block (2 KiB at the most), small against the
/// memory of one idle lane.
pub(crate) const CHUNK_LINES: usize = 1024;

/// Sizes of blocks that come back: 1, 2, 4 … 128 lines.
const SIZES: usize = 8;

plain_struct! {
    struct PoolState {
        /// Number of changes (upper half) and 1 + the first free chunk: a stack without a lock.
        free: AtomicU64,
        /// Chunks that have been in use.
        touched: AtomicU32,
        in_use: AtomicU32,
    }
}

/// Where a pool lies.
#[derive(Debug)]
pub(crate) struct PoolPlaces {
    state: Place<PoolState>,
    next: Place<AtomicU32>,
    heap: Place<Line>,
}

impl PoolPlaces {
    /// Plans a pool for what is left of `arena_bytes`; `None` if that is below four chunks.
    pub(crate) fn plan(plan: &mut Plan, arena_bytes: usize) -> Option<PoolPlaces> {
        // A page of slack for the halves' alignment.
        let left = arena_bytes.checked_sub(plan.bytes() + 2 * 64 * 1024)?;
        let chunks = left / (CHUNK_LINES * LINE + 4);
        (chunks >= 4).then(|| PoolPlaces {
            state: plan.table(Half::Wiped, 1),
            next: plan.table(Half::Wiped, chunks),
            heap: plan.table(Half::Wiped, (chunks + 1) * CHUNK_LINES),
        })
    }
}

/// The chunks.
#[derive(Debug)]
pub(crate) struct Pool {
    state: Table<PoolState>,
    /// 1 + the chunk behind each chunk, on the free stack or in a region.
    next: Table<AtomicU32>,
    heap: Heap,
}

impl Pool {
    pub(crate) fn new(arena: &Arena, places: PoolPlaces) -> Pool {
        Pool {
            state: arena.table(places.state),
            next: arena.table(places.next),
            heap: Heap::new(arena.table(places.heap)),
        }
    }

    #[inline(always)]
    pub(crate) fn heap(&self) -> View<'_> {
        self.heap.view()
    }

    pub(crate) fn used_bytes(&self) -> u64 {
        u64::from(self.state[0].in_use.load(Ordering::Relaxed)) * (CHUNK_LINES * LINE) as u64
    }

    /// Chunks that only overflow contexts may use, so that a metric's total has a place when
    /// nothing else has.
    fn reserve(&self) -> u32 {
        (self.next.len() as u32 / 16).max(1)
    }

    fn take(&self, reserve_too: bool) -> Option<u32> {
        let state = &self.state[0];
        let most = self.next.len() as u32 - if reserve_too { 0 } else { self.reserve() };
        state
            .in_use
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                (n < most).then_some(n + 1)
            })
            .ok()?;
        // Acquire pairs with the release in `give`: the chunk's last owner is done with it.
        let mut free = state.free.load(Ordering::Acquire);
        while let Some(chunk) = (free as u32).checked_sub(1) {
            let next = self.next[chunk as usize].load(Ordering::Relaxed);
            let after = (free >> 32).wrapping_add(1) << 32 | u64::from(next);
            match state.free.compare_exchange_weak(
                free,
                after,
                Ordering::Acquire,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(chunk),
                Err(now) => free = now,
            }
        }
        // `in_use` was raised first, so that there is an untouched chunk unless one is on its way
        // back to the stack.
        let touched = state
            .touched
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                ((n as usize) < self.next.len()).then_some(n + 1)
            });
        if touched.is_err() {
            state.in_use.fetch_sub(1, Ordering::Relaxed);
        }
        touched.ok()
    }

    fn give(&self, chunk: u32) {
        let state = &self.state[0];
        let mut free = state.free.load(Ordering::Relaxed);
        loop {
            self.next[chunk as usize].store(free as u32, Ordering::Relaxed);
            let after = (free >> 32).wrapping_add(1) << 32 | u64::from(chunk + 1);
            match state.free.compare_exchange_weak(
                free,
                after,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => free = now,
            }
        }
        state.in_use.fetch_sub(1, Ordering::Relaxed);
    }

    /// Gives back all chunks of a region that was taken.
    pub(crate) fn give_all(&self, taken: TakenRegion) {
        let mut chunk = taken.0;
        while let Some(this) = chunk.checked_sub(1) {
            chunk = self.next[this as usize].load(Ordering::Relaxed);
            self.give(this);
        }
    }
}

plain_struct! {
    /// Memory of one lane, in its lock's care.
    pub(crate) struct Region {
        /// 1 + the newest chunk; older ones follow in the pool's `next`.
        chunk: U32,
        /// Next line to cut off, and the end of the chunk.
        at: U32,
        end: U32,
        free: [U32; SIZES],
        reserved: U32,
    }
}

plain_struct! {
    struct FreeBlock {
        next: U64,
    }
}

/// The chunks of a region that a flush took.
#[derive(Debug)]
#[must_use]
pub(crate) struct TakenRegion(u32);

impl Region {
    /// A block of `lines` lines with whatever is in it.
    #[inline]
    pub(crate) fn take(&self, pool: &Pool, lines: usize, reserve_too: bool) -> Option<Ref> {
        debug_assert!(lines <= 128);
        if lines.is_power_of_two() {
            let list = &self.free[lines.trailing_zeros() as usize];
            let block = Ref(list.get());
            if !block.is_null() {
                list.set(pool.heap().at::<FreeBlock>(block).next.get() as u32);
                return Some(block);
            }
        }
        let at = self.at.get();
        if at + lines as u32 <= self.end.get() {
            self.at.set(at + lines as u32);
            return Some(Ref(at));
        }
        self.take_from_new_chunk(pool, lines, reserve_too)
    }

    #[cold]
    fn take_from_new_chunk(&self, pool: &Pool, lines: usize, reserve_too: bool) -> Option<Ref> {
        let chunk = pool.take(reserve_too)?;
        pool.next[chunk as usize].store(self.chunk.get(), Ordering::Relaxed);
        self.chunk.set(chunk + 1);
        // The heap's first chunk stays empty, so that no block has the address 0.
        let start = (chunk + 1) * CHUNK_LINES as u32;
        self.at.set(start + lines as u32);
        self.end.set(start + CHUNK_LINES as u32);
        Some(Ref(start))
    }

    /// A block whose words are zero.
    pub(crate) fn take_zeroed(&self, pool: &Pool, lines: usize, reserve_too: bool) -> Option<Ref> {
        let block = self.take(pool, lines, reserve_too)?;
        pool.heap()
            .slice::<U64>(block, lines * (LINE / 8))
            .iter()
            .for_each(|word| word.set(0));
        Some(block)
    }

    /// Takes back a block of 1, 2, 4 … 128 lines.
    pub(crate) fn give(&self, pool: &Pool, block: Ref, lines: usize) {
        debug_assert!(lines.is_power_of_two());
        let list = &self.free[lines.trailing_zeros() as usize];
        pool.heap()
            .at::<FreeBlock>(block)
            .next
            .set(u64::from(list.get()));
        list.set(block.0);
    }

    /// Hands over all chunks; the region is empty afterwards.
    pub(crate) fn take_all(&self) -> TakenRegion {
        self.at.set(0);
        self.end.set(0);
        self.free.iter().for_each(|list| list.set(0));
        TakenRegion(self.chunk.replace(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(bytes: usize) -> (Pool, Table<Region>) {
        let mut plan = Plan::default();
        let regions = plan.table(Half::Wiped, 2);
        let places = PoolPlaces::plan(&mut plan, bytes).unwrap();
        let arena = plan.map().unwrap();
        (Pool::new(&arena, places), arena.table(regions))
    }

    #[test]
    fn a_region_ends_where_the_pool_ends_but_for_the_reserve() {
        let (pool, regions) = pool(512 << 10);
        let chunks = pool.next.len() as u32;
        let mut blocks = std::collections::BTreeSet::new();
        while let Some(block) = regions[0].take(&pool, 128, false) {
            assert!(blocks.insert(block.0));
        }
        assert_eq!(blocks.len() as u32, (chunks - pool.reserve()) * 8);
        assert!(
            regions[1]
                .take(&pool, 128, true)
                .is_some_and(|b| blocks.insert(b.0))
        );
        pool.give_all(regions[0].take_all());
        pool.give_all(regions[1].take_all());
        assert_eq!(pool.used_bytes(), 0);
        assert!(regions[1].take(&pool, 3, false).is_some());
    }

    #[test]
    fn blocks_given_back_are_taken_again() {
        let (pool, regions) = pool(512 << 10);
        let block = regions[0].take(&pool, 8, false).unwrap();
        pool.heap().slice::<U64>(block, 16)[5].set(7);
        regions[0].give(&pool, block, 8);
        assert_eq!(regions[0].take_zeroed(&pool, 8, false), Some(block));
        assert!(
            pool.heap()
                .slice::<U64>(block, 16)
                .iter()
                .all(|word| word.get() == 0)
        );
    }
}
