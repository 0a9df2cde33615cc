//! The bins of a sketch that is open in the arena: small while it is small, dense when it is busy.
//!
//! ```text
//! up to 8 distinct keys    inside the node          8 × (key, count ≤ 65,535)
//! more                     directory of pages       page p holds the keys 128·p … 128·p + 127;
//!                                                   up to 8 entries inside the node
//!                          page                     128 counters of 1, 2, 4 or 8 bytes
//! ```
//!
//! All pages of a sketch have counters of one width; when one would run over, all grow to the
//! next. So a context with a few thousand values spread over 500 keys takes 128 bytes for every 128
//! of them, and the loop over a batch decides on the width once. The directory is indexed by page
//! number: an insert is two dependent loads and a store whatever the range of the values; keys of
//! any distance from each other cost one page each.
//!
//! Counts are exact (64 bits). The limit of 4096 bins is applied when the bins are read out: what
//! it yields does not depend on the order of the inserts
//! (the 32-bit profile of [`ddsketch_agent::Profile`]).

use ddsketch_agent::BIN_LIMIT;

use crate::arena::{LINE, Ref, View, plain_struct};
use crate::counter::{Counter, Gathered};
use crate::pool::{Pool, Region};
use crate::primitive::{U8, U16, U32, U64};

/// Distinct keys that fit into a node, and later pages whose entries do.
const INLINE: usize = 8;
/// Stands for the address of a directory inside the node.
const INLINE_DIRECTORY: u32 = u32::MAX;
pub(crate) const PAGE_KEYS: usize = 128;
const PAGE_SHIFT: u32 = 7;
/// Lines of a page whose counters have one byte; each further width doubles it.
const PAGE_LINES: usize = PAGE_KEYS / LINE;
/// Directory entries in a line.
const ENTRIES: usize = LINE / 4;
/// Keys from which on it pays to look up all pages before.
const KEYS_FOR_PAGES: usize = 32;
/// Where the width stands above the length in `Bins::shape`.
const WIDTH_SHIFT: u32 = 14;

plain_struct! {
    /// Bins in the arena, in the care of a lane's lock.
    pub(crate) struct Bins {
        /// The directory's address; 0 while the bins are inline, `INLINE_DIRECTORY` while the
        /// directory is.
        directory: U32,
        /// Page number of the directory's first entry (an i16).
        base: U16,
        /// Entries of the directory, or keys inline, and above `WIDTH_SHIFT` the width of the
        /// counters: they have 1 << width bytes.
        shape: U16,
        /// Inline bins (key in the upper half, count), or the inline directory's pages.
        inline: [U32; INLINE],
    }
}

/// No memory was left for a new page; the point has not been added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Where bins get memory from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) region: &'a Region,
    pub(crate) reserve_too: bool,
}

impl Memory<'_> {
    fn zeroed(&self, lines: usize) -> Result<Ref, Full> {
        self.region
            .take_zeroed(self.pool, lines, self.reserve_too)
            .ok_or(Full)
    }
}

/// Runs an expression with `$counter` standing for the counters of the width.
macro_rules! with_width {
    ($width:expr, $counter:ident => $body:expr) => {
        match $width {
            0 => {
                type $counter = U8;
                $body
            }
            1 => {
                type $counter = U16;
                $body
            }
            2 => {
                type $counter = U32;
                $body
            }
            _ => {
                type $counter = U64;
                $body
            }
        }
    };
}

impl Bins {
    /// Makes the bins empty.
    pub(crate) fn reset(&self) {
        self.directory.set(0);
        self.shape.set(0);
    }

    #[inline(always)]
    fn len(&self) -> usize {
        self.shape.get() as usize & ((1 << WIDTH_SHIFT) - 1)
    }

    #[inline(always)]
    fn width(&self) -> u32 {
        u32::from(self.shape.get() >> WIDTH_SHIFT)
    }

    fn set_shape(&self, len: usize, width: u32) {
        self.shape.set(len as u16 | (width << WIDTH_SHIFT) as u16);
    }

    /// Page number of the directory's first entry.
    #[inline(always)]
    fn base(&self) -> i32 {
        i32::from(self.base.get() as i16)
    }

    /// The directory's pages; null where there is none yet.
    #[inline(always)]
    fn table<'a>(&'a self, pool: &'a Pool) -> &'a [U32] {
        let (directory, len) = (self.directory.get(), self.len());
        if directory == INLINE_DIRECTORY {
            &self.inline[..len.min(INLINE)]
        } else {
            pool.heap().slice::<U32>(Ref(directory), len)
        }
    }

    // ---- add -------------------------------------------------------------------------------

    /// Adds `n` to the count of `key`.
    #[inline]
    pub(crate) fn add(&self, memory: Memory<'_>, key: i16, n: u64) -> Result<(), Full> {
        if self.directory.get() == 0 {
            if self.add_inline(key, n) {
                return Ok(());
            }
            self.spill(memory, key)?;
        }
        loop {
            let page = self.page(memory, key)?;
            let heap = memory.pool.heap();
            if with_width!(self.width(), Cell => add_in_page::<Cell>(heap, page, key, n)) {
                return Ok(());
            }
            self.widen(memory)?;
        }
    }

    /// Adds one to the count of each key; on failure says how many were added.
    #[inline]
    pub(crate) fn add_all(&self, memory: Memory<'_>, keys: &[i16]) -> Result<(), usize> {
        let mut done = 0;
        loop {
            if self.directory.get() != 0 {
                let rest = &keys[done..];
                done += with_width!(self.width(), Cell => self.count::<Cell>(memory.pool, rest));
            }
            let Some(&key) = keys.get(done) else {
                return Ok(());
            };
            self.add(memory, key, 1).map_err(|Full| done)?;
            done += 1;
        }
    }

    /// Adds one to the counts of keys whose pages are there and wide enough; stops at the first
    /// that needs more and says how many were added.
    #[inline(always)]
    fn count<C: Counter>(&self, pool: &Pool, keys: &[i16]) -> usize {
        let (heap, table, base) = (pool.heap(), self.table(pool), self.base());
        if table.len() <= INLINE && keys.len() >= KEYS_FOR_PAGES {
            // The pages are looked up once for all keys.
            let mut pages: [Option<&[C; PAGE_KEYS]>; INLINE] = [None; INLINE];
            for (page, at) in pages.iter_mut().zip(table).filter(|(_, at)| at.get() != 0) {
                *page = Some(heap.at(Ref(at.get())));
            }
            let first = base << PAGE_SHIFT;
            let count = |key: i16| {
                // Counted from the directory's first key.
                let at = (i32::from(key) - first) as u32 as usize;
                let page = pages.get(at >> PAGE_SHIFT).copied().flatten();
                page.is_some_and(|page| add_to_counter(&page[at % PAGE_KEYS], 1))
            };
            // Four keys a turn, which leaves less to the loop itself.
            let (fours, rest) = keys.as_chunks::<4>();
            for (turn, four) in fours.iter().enumerate() {
                for (i, key) in four.iter().enumerate() {
                    if !count(*key) {
                        return 4 * turn + i;
                    }
                }
            }
            let done = keys.len() - rest.len();
            return done + rest.iter().take_while(|key| count(**key)).count();
        }
        let place = |key: i16| (i32::from(key >> PAGE_SHIFT) - base) as u32 as usize;
        for (i, &key) in keys.iter().enumerate() {
            let page = table.get(place(key)).map_or(Ref::NULL, |p| Ref(p.get()));
            if page.is_null() || !add_in_page::<C>(heap, page, key, 1) {
                return i;
            }
        }
        keys.len()
    }

    /// Adds all counts of `other`, or none if memory runs out.
    pub(crate) fn add_bins(&self, memory: Memory<'_>, other: &Bins) -> Result<(), Full> {
        let mut added = 0;
        let mut result = Ok(());
        other.for_each(memory.pool, |key, count| {
            if result.is_ok() {
                result = self.add(memory, key, count);
                added += usize::from(result.is_ok());
            }
        });
        if result.is_err() {
            let mut left = added;
            other.for_each(memory.pool, |key, count| {
                if left > 0 {
                    left -= 1;
                    self.subtract(memory.pool, key, count);
                }
            });
        }
        result
    }

    /// Takes back what [`Bins::add`] has added.
    fn subtract(&self, pool: &Pool, key: i16, n: u64) {
        if self.directory.get() == 0 {
            let len = self.len();
            let Some(i) = (0..len).find(|&i| unpack(self.inline[i].get()).0 == key) else {
                return;
            };
            let left = unpack(self.inline[i].get()).1 - n;
            if left > 0 {
                self.inline[i].set(pack(key, left));
            } else {
                self.inline[i].set(self.inline[len - 1].get());
                self.set_shape(len - 1, 0);
            }
            return;
        }
        let at = i32::from(key >> PAGE_SHIFT) - self.base();
        let page = Ref(self.table(pool)[at as usize].get());
        with_width!(self.width(), Cell => {
            let counter = &pool.heap().slice::<Cell>(page, PAGE_KEYS)[slot(key)];
            counter.set_count(counter.count() - n);
        });
    }

    #[inline]
    fn add_inline(&self, key: i16, n: u64) -> bool {
        let len = self.len();
        for bin in &self.inline[..len.min(INLINE)] {
            let (k, count) = unpack(bin.get());
            if k == key {
                let sum = count.saturating_add(n);
                let fits = sum <= u64::from(u16::MAX);
                if fits {
                    bin.set(pack(key, sum));
                }
                return fits;
            }
        }
        let fits = len < INLINE && n <= u64::from(u16::MAX);
        if fits {
            self.inline[len].set(pack(key, n));
            self.set_shape(len + 1, 0);
        }
        fits
    }

    // ---- grow ------------------------------------------------------------------------------

    /// Moves the inline bins into pages, with room for `key` too. If memory runs out the bins
    /// stay as they were (what was taken goes with the region).
    #[cold]
    fn spill(&self, memory: Memory<'_>, key: i16) -> Result<(), Full> {
        let heap = memory.pool.heap();
        let bins: [_; INLINE] = std::array::from_fn(|i| unpack(self.inline[i].get()));
        let bins = &bins[..self.len()];
        let width = u32::from(bins.iter().any(|bin| bin.1 > u64::from(u8::MAX)));
        let pages = || {
            bins.iter()
                .map(|bin| bin.0 >> PAGE_SHIFT)
                .chain([key >> PAGE_SHIFT])
        };
        let (first, last) = (pages().min().unwrap_or(0), pages().max().unwrap_or(0));
        let entries = (i32::from(last) - i32::from(first) + 1) as usize;
        // Made aside: while memory may still run out the inline bins are needed as they are.
        let aside = Aside::new(memory, entries)?;
        let mut few = [0; INLINE];
        for page in pages() {
            let at = (page - first) as usize;
            if aside.get(heap, &few, at) == 0 {
                let new = memory.zeroed(PAGE_LINES << width)?;
                aside.set(heap, &mut few, at, new.0);
            }
        }
        self.directory.set(aside.settle(&few, &self.inline));
        self.base.set(first as u16);
        self.set_shape(entries, width);
        let table = self.table(memory.pool);
        for &(k, count) in bins {
            let page = Ref(table[((k >> PAGE_SHIFT) - first) as usize].get());
            with_width!(width, Cell => add_in_page::<Cell>(heap, page, k, count));
        }
        Ok(())
    }

    /// The page of `key`, made if need be.
    #[inline]
    fn page(&self, memory: Memory<'_>, key: i16) -> Result<Ref, Full> {
        let at = i32::from(key >> PAGE_SHIFT) - self.base();
        if let Some(page) = self.table(memory.pool).get(at as u32 as usize)
            && page.get() != 0
        {
            return Ok(Ref(page.get()));
        }
        self.new_page(memory, key)
    }

    #[cold]
    fn new_page(&self, memory: Memory<'_>, key: i16) -> Result<Ref, Full> {
        let number = i32::from(key >> PAGE_SHIFT);
        let new = memory.zeroed(PAGE_LINES << self.width())?;
        self.reach(memory, number)?;
        let at = (number - self.base()) as usize;
        self.table(memory.pool)[at].set(new.0);
        Ok(new)
    }

    /// Makes the directory long enough for the page `number`.
    fn reach(&self, memory: Memory<'_>, number: i32) -> Result<(), Full> {
        let heap = memory.pool.heap();
        let (first, len) = (self.base(), self.len());
        if (first..first + len as i32).contains(&number) {
            return Ok(());
        }
        let new_first = first.min(number);
        let new_len = ((first + len as i32).max(number + 1) - new_first) as usize;
        // The old entries move up by this much.
        let shift = (first - new_first) as usize;
        let old = self.directory.get();
        if new_len <= INLINE {
            let entries: [_; INLINE] = std::array::from_fn(|i| self.inline[i].get());
            for (i, to) in self.inline[..new_len].iter().enumerate() {
                let from = i.checked_sub(shift).filter(|from| *from < len);
                to.set(from.map_or(0, |from| entries[from]));
            }
        } else {
            let lines = directory_lines(new_len);
            let stays = old != INLINE_DIRECTORY && directory_lines(len) == lines && shift == 0;
            if !stays {
                let new = memory.zeroed(lines)?;
                let to = &heap.slice::<U32>(new, new_len)[shift..];
                to.iter()
                    .zip(self.table(memory.pool))
                    .for_each(|(to, from)| to.set(from.get()));
                if old != INLINE_DIRECTORY {
                    let lines = directory_lines(len);
                    memory.region.give(memory.pool, Ref(old), lines);
                }
                self.directory.set(new.0);
            }
        }
        self.base.set(new_first as u16);
        self.set_shape(new_len, self.width());
        Ok(())
    }

    /// Replaces all pages by pages with counters twice as wide. If memory runs out nothing has
    /// changed.
    #[cold]
    fn widen(&self, memory: Memory<'_>) -> Result<(), Full> {
        let heap = memory.pool.heap();
        let (width, len) = (self.width(), self.len());
        let (lines, old) = (PAGE_LINES << width, self.table(memory.pool));
        let aside = Aside::new(memory, len)?;
        let mut few = [0; INLINE];
        for (at, _) in old.iter().enumerate().filter(|(_, page)| page.get() != 0) {
            let new = memory.zeroed(2 * lines)?;
            aside.set(heap, &mut few, at, new.0);
        }
        for (at, page) in old.iter().enumerate().filter(|(_, page)| page.get() != 0) {
            let (from, to) = (Ref(page.get()), Ref(aside.get(heap, &few, at)));
            for i in 0..PAGE_KEYS {
                let count = with_width!(width, Cell => {
                    heap.slice::<Cell>(from, PAGE_KEYS)[i].count()
                });
                with_width!(width + 1, Cell => {
                    heap.slice::<Cell>(to, PAGE_KEYS)[i].set_count(count);
                });
            }
            memory.region.give(memory.pool, from, lines);
        }
        if self.directory.get() != INLINE_DIRECTORY {
            let directory = Ref(self.directory.get());
            memory
                .region
                .give(memory.pool, directory, directory_lines(len));
        }
        self.directory.set(aside.settle(&few, &self.inline));
        self.set_shape(len, width + 1);
        Ok(())
    }

    // ---- read ------------------------------------------------------------------------------

    /// The line in which the count of `key` is, null if it is in the node or nowhere yet.
    #[inline(always)]
    pub(crate) fn page_of(&self, pool: &Pool, key: i16) -> Ref {
        if self.directory.get() == 0 {
            return Ref::NULL;
        }
        let at = i32::from(key >> PAGE_SHIFT) - self.base();
        let page = self.table(pool).get(at as u32 as usize).map_or(0, U32::get);
        if page == 0 {
            return Ref::NULL;
        }
        Ref(page + ((slot(key) << self.width()) / LINE) as u32)
    }

    /// Whether no count needs more than 32 bits, and no more pages are spanned than
    /// [`BIN_LIMIT`] keys: then [`Bins::read`] gives what is to be sent.
    pub(crate) fn are_narrow(&self) -> bool {
        self.width() < 3 && self.len() <= BIN_LIMIT / PAGE_KEYS
    }

    /// Appends every key that has a count, in ascending order, and the counts. Those that
    /// [`Bins::are_narrow`] excludes would be cut off.
    pub(crate) fn read(&self, pool: &Pool, keys: &mut Vec<i16>, counts: &mut Vec<u32>) {
        if self.directory.get() == 0 {
            return self.for_each(pool, |key, count| {
                keys.push(key);
                counts.push(count as u32);
            });
        }
        let mut page = Gathered::default();
        for (i, at) in self.table(pool).iter().enumerate() {
            let at = Ref(at.get());
            if at.is_null() {
                continue;
            }
            let first_key = ((self.base() + i as i32) << PAGE_SHIFT) as i16;
            let words = (PAGE_LINES << self.width()) * (LINE / 8);
            let words = pool.heap().slice::<U64>(at, words);
            let (page_keys, page_counts) =
                with_width!(self.width(), Cell => page.gather::<Cell>(words, first_key));
            keys.extend_from_slice(page_keys);
            counts.extend_from_slice(page_counts);
        }
    }

    /// Calls `f` with every key that has a count, in ascending order, without the limit on their
    /// number.
    #[inline]
    pub(crate) fn for_each(&self, pool: &Pool, mut f: impl FnMut(i16, u64)) {
        if self.directory.get() == 0 {
            let mut bins: [_; INLINE] = std::array::from_fn(|i| unpack(self.inline[i].get()));
            let bins = &mut bins[..self.len().min(INLINE)];
            bins.sort_unstable_by_key(|bin| bin.0);
            bins.iter().for_each(|&(key, count)| f(key, count));
            return;
        }
        let width = self.width();
        let (counters_in_word, bits) = (8 >> width, 8 << width);
        for (i, page) in self.table(pool).iter().enumerate() {
            if page.get() == 0 {
                continue;
            }
            let first_key = (self.base() + i as i32) << PAGE_SHIFT;
            // Most counters of a page are zero: look at eight bytes at a time.
            let words = (PAGE_LINES << width) * (LINE / 8);
            let words = pool.heap().slice::<U64>(Ref(page.get()), words);
            for (w, word) in words.iter().enumerate() {
                let mut word = word.get();
                while word != 0 {
                    let at = word.trailing_zeros() / bits;
                    let count = word >> (at * bits) & (u64::MAX >> (64 - bits));
                    f(
                        (first_key + (w * counters_in_word) as i32 + at as i32) as i16,
                        count,
                    );
                    word &= u64::MAX.checked_shl((at + 1) * bits).unwrap_or(0);
                }
            }
        }
    }
}

/// A new directory beside the one in use: a block of its own, or an array of the caller's that
/// goes into the node in the end.
#[derive(Clone, Copy)]
struct Aside {
    block: Option<Ref>,
    len: usize,
}

impl Aside {
    fn new(memory: Memory<'_>, len: usize) -> Result<Aside, Full> {
        let block = if len > INLINE {
            Some(memory.zeroed(directory_lines(len))?)
        } else {
            None
        };
        Ok(Aside { block, len })
    }

    fn get(self, heap: View<'_>, few: &[u32; INLINE], at: usize) -> u32 {
        self.block
            .map_or_else(|| few[at], |b| heap.slice::<U32>(b, self.len)[at].get())
    }

    fn set(self, heap: View<'_>, few: &mut [u32; INLINE], at: usize, page: u32) {
        match self.block {
            Some(block) => heap.slice::<U32>(block, self.len)[at].set(page),
            None => few[at] = page,
        }
    }

    /// Puts the entries into the node if that is their place; the directory's address.
    fn settle(self, few: &[u32; INLINE], inline: &[U32; INLINE]) -> u32 {
        if self.block.is_none() {
            inline.iter().zip(few).for_each(|(to, from)| to.set(*from));
        }
        self.block.map_or(INLINE_DIRECTORY, |block| block.0)
    }
}

/// Adds to a count; false if the counter is too narrow.
#[inline(always)]
fn add_in_page<C: Counter>(heap: View<'_>, page: Ref, key: i16, n: u64) -> bool {
    add_to_counter(&heap.slice::<C>(page, PAGE_KEYS)[slot(key)], n)
}

#[inline(always)]
fn add_to_counter<C: Counter>(counter: &C, n: u64) -> bool {
    let count = counter.count();
    // Of 64 bits there is nothing wider: a count stops at their end.
    let sum = count.saturating_add(n);
    let fits = sum <= C::MAX;
    if fits {
        counter.set_count(sum);
    }
    fits
}

fn pack(key: i16, count: u64) -> u32 {
    u32::from(key as u16) << 16 | count as u32
}

fn unpack(bin: u32) -> (i16, u64) {
    ((bin >> 16) as u16 as i16, u64::from(bin as u16))
}

/// The place of a key in its page.
#[inline(always)]
fn slot(key: i16) -> usize {
    key as usize % PAGE_KEYS
}

fn directory_lines(entries: usize) -> usize {
    entries.div_ceil(ENTRIES).next_power_of_two()
}
