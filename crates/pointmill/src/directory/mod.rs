//! The interner: kind + metric name + tag set → [`ContextId`].
//!
//! ```text
//!  index   open addressing, linear probing: hash (upper 32 bits) │ context + 1
//!            └──▶ tags[context]   generation │ live │ overflow │ kind     the seqlock of the context
//!                 slots[context]  hash, key's address, last use
//!                   └──▶ names    an entry a part, then what long parts have more
//!  memos   hash of the parts in a caller's order ──▶ context, to be confirmed: the quick way by name
//! ```
//!
//! - A look-up takes no lock and allocates nothing: hashes find, the full key decides. Parts are
//!   hashed one by one and the tags' hashes added up, so their order does not matter. Whatever is
//!   read may be changing under the reader's eyes; a match counts only if the context's tag is the
//!   same before and after, and a reader that misses asks again under the lock.
//! - Changes happen under one lock and are published by a single store of the context's tag. A
//!   forked child finds the lock free (it lies in the wiped half of the arena) but the mark
//!   `changing` still set if its parent was in the middle of a change: it then makes everything
//!   else anew from the tags, which are always right.

mod look_up;
mod memo;

use crate::arena::{Arena, Half, Heap, LINE, Line, Masked, Place, Plan, Ref, Table, plain_struct};
use crate::lock::Lock;
use crate::names::{Names, NamesState};
use crate::part::{self, PartHash};
use crate::primitive::{AtomicU32, AtomicU64, Ordering, U32, U64, fence};
use crate::{ContextId, Kind, RecordError};
use look_up::{PARTS_FEW, PARTS_MOST, Query};
use memo::{Bucket, KEYS_GAP, MEMO_BYTES};

/// The tag that marks a metric's overflow context.
pub(crate) const OVERFLOW_TAG: &str = "pointmill.overflow:true";

const LIVE: u32 = 0x80;
const OVERFLOW: u32 = 0x40;
/// Stands in a live gauge's tag beside its kind: the one kind that a record asks for.
const GAUGE: u32 = 0x20;
const KIND: u32 = 0x07;
const GENERATION_SHIFT: u32 = 8;
const GENERATION_MAX: u32 = (1 << ContextId::GENERATION_BITS) - 1;

/// A context's tag word: its generation, whether it lives, and its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(pub(crate) u32);

impl Tag {
    #[inline(always)]
    pub(crate) fn matches(self, id: ContextId) -> bool {
        // One comparison for two facts: bit 7 says that the context lives, and the generation
        // stands right above it. All upper bits of the id take part: ids past 2^53 match nothing.
        self.0 >> (GENERATION_SHIFT - 1) == id.generation().wrapping_mul(2) | 1
            && id.generation() <= GENERATION_MAX
    }

    #[inline(always)]
    pub(crate) fn kind(self) -> Kind {
        match self.0 & KIND {
            2 => Kind::Count,
            3 => Kind::Gauge,
            4 => Kind::Histogram,
            _ => Kind::Distribution,
        }
    }

    #[inline(always)]
    pub(crate) fn is_gauge(self) -> bool {
        self.0 & GAUGE != 0
    }

    #[inline(always)]
    pub(crate) fn is_overflow(self) -> bool {
        self.0 & OVERFLOW != 0
    }

    fn is_live(self) -> bool {
        self.0 & LIVE != 0
    }

    fn generation(self) -> u32 {
        self.0 >> GENERATION_SHIFT
    }
}

plain_struct! {
    /// What is known of a context besides its tag.
    struct Slot {
        hash: U64,
        key: U32,
        key_lines: U32,
        /// 1 + the number of tags.
        parts: U32,
        last_flush: U32,
        /// Of a live context: 1 + its metric's overflow context, 0 if not known. Of a free one:
        /// 1 + the next free slot.
        link: U32,
        reserved_2: U32,
    }
}

plain_struct! {
    struct DirectoryState {
        changing: AtomicU32,
        /// Slots ever used.
        slots_used: U32,
        /// 1 + the first free slot.
        free_slot: U32,
        live: U32,
        live_overflow: U32,
        reserved: U32,
        expired: U64,
        refused: U64,
        mended: U64,
        memos_used: AtomicU64,
        memos_written: AtomicU64,
        names: NamesState,
    }
}

/// Places of the directory's tables in the arena.
#[derive(Debug)]
pub(crate) struct DirectoryPlaces {
    state: Place<DirectoryState>,
    tags: Place<AtomicU32>,
    slots: Place<Slot>,
    index: Place<AtomicU64>,
    memos: Place<Bucket>,
    names: Place<Line>,
    lock: Place<Lock>,
}

impl DirectoryPlaces {
    pub(crate) fn plan(
        plan: &mut Plan,
        contexts_max: usize,
        names_bytes: usize,
    ) -> DirectoryPlaces {
        let slots = slots_len(contexts_max);
        DirectoryPlaces {
            state: plan.table(Half::Kept, 1),
            tags: plan.table(Half::Kept, slots),
            slots: plan.table(Half::Kept, slots),
            index: plan.table(Half::Kept, (2 * slots).next_power_of_two()),
            memos: plan.table(Half::Kept, Bucket::table_len(slots)),
            names: plan.table(Half::Kept, 1 + names_bytes.div_ceil(LINE) + KEYS_GAP),
            lock: plan.table(Half::Wiped, 1),
        }
    }
}

/// Slots for `contexts_max` contexts and for the overflow contexts beside them.
pub(crate) fn slots_len(contexts_max: usize) -> usize {
    contexts_max + (contexts_max / 8).max(16)
}

/// The lengths that a key may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyLimits {
    pub(crate) contexts_max: u32,
    pub(crate) tags_max: usize,
    pub(crate) name_bytes_max: usize,
    pub(crate) tag_bytes_max: usize,
}

/// The interner.
#[derive(Debug)]
pub(crate) struct Directory {
    state: Table<DirectoryState>,
    tags: Table<AtomicU32>,
    slots: Table<Slot>,
    index: Masked<AtomicU64>,
    memos: Masked<Bucket>,
    names: Heap,
    lock: Table<Lock>,
    limits: KeyLimits,
    name_hash: PartHash,
    tag_hash: PartHash,
}

impl Directory {
    pub(crate) fn new(arena: &Arena, places: DirectoryPlaces, limits: KeyLimits) -> Directory {
        let directory = Directory {
            state: arena.table(places.state),
            tags: arena.table(places.tags),
            slots: arena.table(places.slots),
            index: Masked::new(arena.table(places.index)),
            memos: Masked::new(arena.table(places.memos)),
            names: Heap::new(arena.table(places.names)),
            lock: arena.table(places.lock),
            limits,
            name_hash: PartHash::random(),
            tag_hash: PartHash::random(),
        };
        directory.names().reset();
        directory
    }

    /// The tag of context `index`; a dead one past the end.
    #[inline(always)]
    pub(crate) fn tag(&self, index: u32) -> Tag {
        // Acquire: a handle made by another thread may come here by relaxed means; what the tag
        // stands for was written before it.
        Tag(self
            .tags
            .get(index as usize)
            .map_or(0, |tag| tag.load(Ordering::Acquire)))
    }

    /// Slots that have been in use.
    pub(crate) fn slots_used(&self) -> u32 {
        self.state[0].slots_used.get()
    }

    fn names(&self) -> Names<'_> {
        Names {
            state: &self.state[0].names,
            heap: self.names.view().without_last(KEYS_GAP),
        }
    }

    // ---- change ----------------------------------------------------------------------------

    /// Finds or makes the context of a key. The name and the tags' lengths are checked, duplicates
    /// and empty tags dropped, bytes that are not UTF-8 mended and counted. If a limit is in the
    /// way, the answer is the metric's overflow context.
    ///
    /// # Errors
    /// [`RecordError::InvalidName`], [`RecordError::NoRoom`].
    #[cold]
    pub(crate) fn intern<S: AsRef<[u8]>>(
        &self,
        kind: Kind,
        parts: &[S],
        flush_no: u32,
    ) -> Result<(ContextId, Tag), RecordError> {
        let mut mended = 0;
        let texts: Vec<_> = parts
            .iter()
            .map(|part| {
                let text = String::from_utf8_lossy(part.as_ref());
                mended += u64::from(matches!(text, std::borrow::Cow::Owned(_)));
                text
            })
            .collect();
        let (name, tags) = texts.split_first().ok_or(RecordError::InvalidName)?;
        let tags = crate::snapshot::sorted_distinct(tags.iter().map(AsRef::as_ref).collect());
        if name.is_empty()
            || name.len() > self.limits.name_bytes_max
            || tags.iter().any(|tag| tag.len() > self.limits.tag_bytes_max)
        {
            return Err(RecordError::InvalidName);
        }
        let _change = self.change();
        self.state[0].mended.add(mended);
        if tags.len() <= self.limits.tags_max
            && let Some(found) = self.find_or_make(kind, name, &tags, flush_no, false)
        {
            return Ok(found);
        }
        self.state[0].refused.add(1);
        self.find_or_make(kind, name, &[OVERFLOW_TAG], flush_no, true)
            .ok_or(RecordError::NoRoom)
    }

    /// The overflow context of the metric of context `index`, made if need be.
    #[cold]
    pub(crate) fn overflow_of(&self, index: u32, flush_no: u32) -> Option<(ContextId, Tag)> {
        let _change = self.change();
        let tag = self.tag(index);
        if !tag.is_live() {
            return None;
        }
        let slot = &self.slots[index as usize];
        if let Some(known) = slot.link.get().checked_sub(1) {
            let found = self.tag(known);
            if found.is_live() && found.is_overflow() && !tag.is_overflow() {
                return Some((ContextId::new(known, found.generation()), found));
            }
        }
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        self.read_key(index, &mut text, &mut ends);
        let name = String::from_utf8_lossy(text.get(..*ends.first()? as usize)?);
        let found = self.find_or_make(tag.kind(), &name, &[OVERFLOW_TAG], flush_no, true)?;
        slot.link.set(found.0.index() + 1);
        Some(found)
    }

    fn find_or_make(
        &self,
        kind: Kind,
        name: &str,
        tags: &[&str],
        flush_no: u32,
        overflow: bool,
    ) -> Option<(ContextId, Tag)> {
        let mut parts = Vec::with_capacity(1 + tags.len());
        parts.push(name);
        parts.extend_from_slice(tags);
        if parts.len() <= PARTS_FEW {
            let query = Query::<&str, PARTS_FEW>::new(kind, &parts);
            self.find_or_make_hashed(query, flush_no, overflow)
        } else {
            let query = Query::<&str, PARTS_MOST>::new(kind, &parts);
            self.find_or_make_hashed(query, flush_no, overflow)
        }
    }

    fn find_or_make_hashed<const PARTS: usize>(
        &self,
        mut query: Query<'_, &str, PARTS>,
        flush_no: u32,
        overflow: bool,
    ) -> Option<(ContextId, Tag)> {
        if !self.hash(&mut query) {
            return None;
        }
        if let Some(found) = self.find(&query) {
            return Some(found);
        }
        let state = &self.state[0];
        if !overflow && state.live.get() - state.live_overflow.get() >= self.limits.contexts_max {
            return None;
        }
        let (key, key_lines) = self.write_key(&query, overflow)?;
        let Some(index) = self.take_slot() else {
            self.names().give(key, key_lines);
            return None;
        };
        let slot = &self.slots[index as usize];
        slot.hash.set(query.hash);
        slot.key.set(key.0);
        slot.key_lines.set(key_lines);
        slot.parts.set(query.len as u32);
        slot.last_flush.set(flush_no);
        slot.link.set(0);
        state.live.set(state.live.get() + 1);
        if overflow {
            state.live_overflow.set(state.live_overflow.get() + 1);
        }
        let generation = self.tag(index).generation().max(1);
        let tag = Tag(generation << GENERATION_SHIFT
            | LIVE
            | if overflow { OVERFLOW } else { 0 }
            | if query.kind == Kind::Gauge { GAUGE } else { 0 }
            | query.kind as u32);
        // Release: whoever sees the live tag sees slot and key.
        self.tags[index as usize].store(tag.0, Ordering::Release);
        self.index_insert(query.hash, index);
        Some((ContextId::new(index, generation), tag))
    }

    /// Writes a key.
    fn write_key<const PARTS: usize>(
        &self,
        query: &Query<'_, &str, PARTS>,
        overflow: bool,
    ) -> Option<(Ref, u32)> {
        let entries = query.len * part::ENTRY;
        let middles = query.counted().map(|text| part::middle_len(text.len()));
        let words = entries + middles.sum::<usize>();
        // An entry has 16 bits for its middle's place: a key is below 512 KiB.
        u16::try_from(words).ok()?;
        let lines = words.div_ceil(LINE / 8) as u32;
        // One part in sixteen is kept for overflow contexts.
        let spare = if overflow {
            0
        } else {
            self.names().heap.lines_len() as u32 / 16
        };
        let block = self.names().take(lines, spare)?;
        let key = self.names.view().slice::<U64>(block, words);
        let mut middle = entries;
        for (i, text) in query.counted().enumerate() {
            middle = part::write(key, i, middle, text);
        }
        Some((block, lines))
    }

    fn take_slot(&self) -> Option<u32> {
        let state = &self.state[0];
        if let Some(index) = state.free_slot.get().checked_sub(1) {
            state.free_slot.set(self.slots[index as usize].link.get());
            return Some(index);
        }
        let index = state.slots_used.get();
        ((index as usize) < self.slots.len()).then(|| {
            state.slots_used.set(index + 1);
            index
        })
    }

    /// Notes that context `index` had points in flush `flush_no`.
    pub(crate) fn touch(&self, index: u32, flush_no: u32) {
        self.slots[index as usize].last_flush.set(flush_no);
    }

    /// Gives back every context whose last point is more than `idle` flushes ago and that has
    /// nothing waiting (`in_use`). The caller holds the flush lock.
    pub(crate) fn release_idle(&self, flush_no: u32, idle: u32, in_use: impl Fn(u32) -> bool) {
        let is_idle = |index: u32| {
            self.tag(index).is_live()
                && flush_no.wrapping_sub(self.slots[index as usize].last_flush.get()) > idle
                && !in_use(index)
        };
        let used = self.slots_used();
        if !(0..used).any(is_idle) {
            return;
        }
        let _change = self.change();
        (0..used)
            .filter(|&index| is_idle(index))
            .for_each(|index| self.release(index));
    }

    fn release(&self, index: u32) {
        let state = &self.state[0];
        let (slot, tag) = (&self.slots[index as usize], self.tag(index));
        let generation = tag.generation() + 1;
        // The first write of the seqlock: readers that see any later one will see this.
        self.tags[index as usize].store(generation << GENERATION_SHIFT, Ordering::Relaxed);
        fence(Ordering::Release);
        self.index_remove(slot.hash.get(), index);
        self.names().give(Ref(slot.key.get()), slot.key_lines.get());
        state.live.set(state.live.get() - 1);
        if tag.is_overflow() {
            state.live_overflow.set(state.live_overflow.get() - 1);
        }
        state.expired.add(1);
        // A slot whose generations are used up is left out, so that no handle comes back to life.
        if generation < GENERATION_MAX {
            slot.link.set(state.free_slot.get());
            state.free_slot.set(index + 1);
        }
    }

    fn index_insert(&self, hash: u64, context: u32) {
        let mut at = hash;
        while self.index.at(at).load(Ordering::Relaxed) != 0 {
            at = at.wrapping_add(1);
        }
        let entry = (hash >> 32) << 32 | u64::from(context + 1);
        self.index.at(at).store(entry, Ordering::Release);
    }

    /// Removes an entry and closes the gap, so that no tombstones pile up. A reader that looks
    /// during the shift may miss its key and then asks under the lock.
    fn index_remove(&self, hash: u64, context: u32) {
        let entry = (hash >> 32) << 32 | u64::from(context + 1);
        let mut gap = hash;
        while self.index.at(gap).load(Ordering::Relaxed) != entry {
            gap = gap.wrapping_add(1);
        }
        let mut at = gap;
        loop {
            at = at.wrapping_add(1);
            let entry = self.index.at(at).load(Ordering::Relaxed);
            if entry == 0 {
                break;
            }
            let home = self.slots[entry as u32 as usize - 1].hash.get();
            // The entry may move into the gap if its home is not between the gap and itself.
            if self.index.place(at.wrapping_sub(home)) >= self.index.place(at.wrapping_sub(gap)) {
                self.index.at(gap).store(entry, Ordering::Release);
                gap = at;
            }
        }
        self.index.at(gap).store(0, Ordering::Release);
    }

    /// Takes the lock. If the process was forked in the middle of a change, the change is first
    /// cleaned up.
    fn change(&self) -> Change<'_> {
        let guard = self.lock[0].lock();
        let changing = &self.state[0].changing;
        if changing.load(Ordering::Relaxed) != 0 {
            self.repair();
        }
        changing.store(1, Ordering::Relaxed);
        Change {
            directory: self,
            _guard: guard,
        }
    }

    /// Makes index, free list and allocator anew from the contexts that live. A context's tag is
    /// set last when it is made and cleared first when it goes, so the tags are always right.
    #[cold]
    fn repair(&self) {
        let state = &self.state[0];
        self.index
            .iter()
            .for_each(|entry| entry.store(0, Ordering::Relaxed));
        let (mut live, mut live_overflow, mut used, mut free) = (0, 0, 0, 0);
        let mut blocks = Vec::new();
        for index in (0..self.slots.len() as u32).rev() {
            let (slot, tag) = (&self.slots[index as usize], self.tag(index));
            if tag.is_live() {
                live += 1;
                live_overflow += u32::from(tag.is_overflow());
                used = used.max(index + 1);
                blocks.push((Ref(slot.key.get()), slot.key_lines.get()));
                self.index_insert(slot.hash.get(), index);
            } else if index < used && tag.generation() < GENERATION_MAX {
                slot.link.set(free);
                free = index + 1;
            }
        }
        state.live.set(live);
        state.live_overflow.set(live_overflow);
        state.slots_used.set(used);
        state.free_slot.set(free);
        self.names().rebuild(blocks);
    }

    // ---- read ------------------------------------------------------------------------------

    /// Appends the name and the tags of a live context to `text`, and where each ends, counted from
    /// here. The caller holds the flush lock or the directory's, so that the context cannot go away.
    pub(crate) fn read_key(&self, index: u32, text: &mut Vec<u8>, ends: &mut Vec<u32>) {
        let slot = &self.slots[index as usize];
        let words = slot.key_lines.get() as usize * (LINE / 8);
        let key = self.names.view().slice::<U64>(Ref(slot.key.get()), words);
        let start = text.len();
        for i in 0..slot.parts.get() as usize {
            part::read(key, i, text);
            // Names and tags are limited to far less than 4 GiB.
            ends.push((text.len() - start) as u32);
        }
    }

    /// Contexts alive, given back, refused; texts mended; bytes in use.
    pub(crate) fn counts(&self) -> DirectoryCounts {
        let state = &self.state[0];
        let per_slot = size_of::<Slot>() + 4 + 2 * 8;
        DirectoryCounts {
            live: u64::from(state.live.get()),
            expired: state.expired.get(),
            refused: state.refused.get(),
            mended: state.mended.get(),
            used_bytes: self.names().used_bytes()
                + u64::from(state.slots_used.get()) * per_slot as u64
                + state.memos_used.load(Ordering::Relaxed) * MEMO_BYTES,
        }
    }
}

/// What [`Directory::counts`] tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DirectoryCounts {
    pub(crate) live: u64,
    pub(crate) expired: u64,
    pub(crate) refused: u64,
    pub(crate) mended: u64,
    pub(crate) used_bytes: u64,
}

/// A change of the directory under way.
struct Change<'a> {
    directory: &'a Directory,
    _guard: crate::lock::Guard<'a>,
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.directory.state[0].changing.store(0, Ordering::Relaxed);
        }
    }
}
