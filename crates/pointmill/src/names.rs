//! Memory for names and tags: blocks of whole lines in a heap of fixed size, given back and
//! reused.
//!
//! ```text
//! take(n): the free block of exactly n lines, else untouched memory, else a larger free block
//!          that is split, else all free blocks are sorted and joined and the search begins anew
//! give(n): on the list of its size
//! ```
//!
//! A block carries no header: whoever holds it knows its size. A free block's first line holds
//! the next free block and its own size. The caller holds the directory's lock.

use crate::arena::{LINE, Ref, View, plain_struct};
use crate::primitive::U32;

/// Lists of exact sizes 1 … 63; list 0 holds what is larger.
const LISTS: usize = 64;

plain_struct! {
    /// The allocator's state, in the arena beside the heap it manages.
    pub(crate) struct NamesState {
        /// First line that was never given out; 0 before the first use.
        top: U32,
        /// Lines given out.
        used: U32,
        free: [U32; LISTS],
    }
}

plain_struct! {
    struct FreeBlock {
        next: U32,
        lines: U32,
    }
}

/// The allocator: its state and its heap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'a> {
    pub(crate) state: &'a NamesState,
    pub(crate) heap: View<'a>,
}

impl Names<'_> {
    /// Lines given out.
    pub(crate) fn used_bytes(&self) -> u64 {
        u64::from(self.state.used.get()) * LINE as u64
    }

    /// Forgets everything.
    pub(crate) fn reset(&self) {
        self.state.top.set(1);
        self.state.used.set(0);
        self.state.free.iter().for_each(|list| list.set(0));
    }

    /// Begins anew with just these blocks given out.
    pub(crate) fn rebuild(&self, mut held: Vec<(Ref, u32)>) {
        self.reset();
        held.sort_unstable();
        let mut end = 1;
        for (block, lines) in held {
            if block.0 > end {
                self.push(Ref(end), block.0 - end);
            }
            end = block.0 + lines;
            self.state.used.set(self.state.used.get() + lines);
        }
        self.state.top.set(end);
    }

    /// A block of `lines` lines; `spare` lines must stay free afterwards.
    pub(crate) fn take(&self, lines: u32, spare: u32) -> Option<Ref> {
        let capacity = self.heap.lines_len() as u32 - 1;
        let used = self.state.used.get();
        if u64::from(used) + u64::from(lines) + u64::from(spare) > u64::from(capacity) {
            return None;
        }
        let block = self.find(lines).or_else(|| {
            self.join();
            self.find(lines)
        })?;
        self.state.used.set(used + lines);
        Some(block)
    }

    /// Takes a block back.
    pub(crate) fn give(&self, block: Ref, lines: u32) {
        self.state.used.set(self.state.used.get() - lines);
        self.push(block, lines);
    }

    fn push(&self, block: Ref, lines: u32) {
        let list = &self.state.free[if lines < LISTS as u32 {
            lines as usize
        } else {
            0
        }];
        let free: &FreeBlock = self.heap.at(block);
        free.lines.set(lines);
        free.next.set(list.get());
        list.set(block.0);
    }

    fn find(&self, lines: u32) -> Option<Ref> {
        if (lines as usize) < LISTS
            && let Some(block) = self.unlink(lines as usize, lines)
        {
            return Some(block);
        }
        let top = self.state.top.get().max(1);
        if (top + lines) as usize <= self.heap.lines_len() {
            self.state.top.set(top + lines);
            return Some(Ref(top));
        }
        (lines as usize + 1..LISTS)
            .chain([0])
            .find_map(|list| self.unlink(list, lines))
    }

    /// Takes the first block of at least `lines` lines from a list and gives back what is over.
    fn unlink(&self, list: usize, lines: u32) -> Option<Ref> {
        let mut link = &self.state.free[list];
        loop {
            let block = Ref(link.get());
            if block.is_null() {
                return None;
            }
            let free: &FreeBlock = self.heap.at(block);
            let size = free.lines.get();
            if size >= lines {
                link.set(free.next.get());
                if size > lines {
                    self.push(Ref(block.0 + lines), size - lines);
                }
                return Some(block);
            }
            link = &free.next;
        }
    }

    /// Joins neighbouring free blocks, the last one with the untouched memory.
    fn join(&self) {
        let mut blocks = Vec::new();
        for list in &self.state.free {
            let mut block = Ref(list.replace(0));
            while !block.is_null() {
                let free: &FreeBlock = self.heap.at(block);
                blocks.push((block, free.lines.get()));
                block = Ref(free.next.get());
            }
        }
        blocks.sort_unstable();
        let mut joined: Vec<(Ref, u32)> = Vec::with_capacity(blocks.len());
        for (block, lines) in blocks {
            match joined.last_mut() {
                Some((last, n)) if last.0 + *n == block.0 => *n += lines,
                _ => joined.push((block, lines)),
            }
        }
        if let Some((block, lines)) = joined.last()
            && block.0 + lines == self.state.top.get()
        {
            self.state.top.set(block.0);
            joined.pop();
        }
        joined
            .into_iter()
            .for_each(|(block, lines)| self.push(block, lines));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::{Half, Heap, Line, Plan, Table};
    use proptest::prelude::*;

    fn names(lines: usize) -> (Table<NamesState>, Heap) {
        let mut plan = Plan::default();
        let state = plan.table::<NamesState>(Half::Kept, 1);
        let heap = plan.table::<Line>(Half::Kept, lines);
        let arena = plan.map().unwrap();
        (arena.table(state), Heap::new(arena.table(heap)))
    }

    proptest! {
        #[test]
        fn blocks_never_overlap_and_all_memory_comes_back(
            steps in proptest::collection::vec((any::<bool>(), 1u32..90, any::<prop::sample::Index>()), 1..300),
        ) {
            let (state, heap) = names(600);
            let names = Names { state: &state[0], heap: heap.view() };
            let mut held: Vec<(Ref, u32)> = Vec::new();
            for (take, lines, pick) in steps {
                if take {
                    if let Some(block) = names.take(lines, 0) {
                        prop_assert!(block.0 >= 1 && block.0 + lines <= 600);
                        for &(other, n) in &held {
                            prop_assert!(block.0 + lines <= other.0 || other.0 + n <= block.0);
                        }
                        held.push((block, lines));
                    }
                } else if !held.is_empty() {
                    let (block, lines) = held.swap_remove(pick.index(held.len()));
                    names.give(block, lines);
                }
                let sum: u32 = held.iter().map(|h| h.1).sum();
                prop_assert_eq!(names.used_bytes(), u64::from(sum) * 16);
            }
            let used = names.used_bytes();
            names.rebuild(held.clone());
            prop_assert_eq!(names.used_bytes(), used);
            for (block, lines) in held.drain(..) {
                names.give(block, lines);
            }
            prop_assert_eq!(names.take(599, 0), Some(Ref(1)), "all of it in one piece");
        }
    }

    #[test]
    fn the_spare_part_is_kept_back() {
        let (state, heap) = names(101);
        let names = Names {
            state: &state[0],
            heap: heap.view(),
        };
        assert!(names.take(91, 10).is_none());
        assert!(names.take(90, 10).is_some());
        assert!(names.take(1, 10).is_none());
        assert!(names.take(10, 0).is_some());
        assert!(names.take(1, 0).is_none());
    }
}
