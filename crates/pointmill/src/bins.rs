//! The bins of a sketch that is open in the arena: small while it is small, dense when it is busy.
//!
//! ```text
//! up to 8 distinct keys    inside the node          8 × (key, count ≤ 65,535)
//! more                     directory of pages       page p holds the keys 128·p … 128·p + 127;
//!                                                   up to 8 entries inside the node
//!                          page                     128 counters of 1, 2, 4 or 8 bytes
//! ```
//!
//! A page's counters grow to the next width when one would run over, so a context with a few
//! thousand values spread over 500 keys takes 128 bytes for every 128 of them. The directory is
//! indexed by page number, so an insert is two dependent loads and a store whatever the range of
//! the values; keys of any distance from each other cost one page each.
//!
//! Counts are exact (64 bits). The limit of 4096 bins is applied when the bins are read out: what
//! it yields does not depend on the order of the inserts
//! (the 32-bit profile of [`ddsketch_agent::Profile`]).

use crate::arena::{LINE, Ref, plain_struct};
use crate::pool::{Pool, Region};
use crate::primitive::{U8, U16, U32, U64};

/// Distinct keys that fit into a node, and later pages whose entries do.
const INLINE: usize = 8;
/// Stands for the address of a directory inside the node.
const INLINE_DIRECTORY: u32 = u32::MAX;
const PAGE_KEYS: usize = 128;
const PAGE_SHIFT: u32 = 7;
/// Lines of a page whose counters have one byte; each further width doubles it.
const PAGE_LINES: usize = PAGE_KEYS / LINE;
/// Directory entries in a line.
const ENTRIES: usize = LINE / 4;

plain_struct! {
    /// Bins in the arena, in the care of a lane's lock.
    pub(crate) struct Bins {
        /// The directory's address; 0 while the bins are inline, `INLINE_DIRECTORY` while the
        /// directory is.
        directory: U32,
        /// Page number of the directory's first entry (an i16).
        base: U16,
        /// Entries of the directory, or keys inline.
        len: U16,
        /// Inline bins (key in the upper half, count), or the inline directory's entries.
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
        self.region.take_zeroed(self.pool, lines, self.reserve_too).ok_or(Full)
    }
}

/// A directory entry: a page's address and the width of its counters (1 << width bytes).
#[derive(Clone, Copy)]
struct Page(u32);

impl Page {
    #[inline(always)]
    fn new(at: Ref, width: u32) -> Page {
        Page(at.0 << 2 | width)
    }

    #[inline(always)]
    fn at(self) -> Ref {
        Ref(self.0 >> 2)
    }

    #[inline(always)]
    fn width(self) -> u32 {
        self.0 & 3
    }

    #[inline(always)]
    fn is_none(self) -> bool {
        self.0 == 0
    }

    fn lines(self) -> usize {
        PAGE_LINES << self.width()
    }
}

impl Bins {
    /// Makes the bins empty.
    pub(crate) fn reset(&self) {
        self.directory.set(0);
        self.len.set(0);
    }

    /// Adds `n` to the count of `key`.
    #[inline]
    pub(crate) fn add(&self, memory: Memory<'_>, key: i16, n: u64) -> Result<(), Full> {
        if self.directory.get() == 0 {
            if self.add_inline(key, n) {
                return Ok(());
            }
            self.spill(memory, key)?;
        }
        let page = self.page(memory, key)?;
        self.add_in_page(memory, page, key, n)
    }

    /// Adds one to the count of each key; on failure says how many were added.
    #[inline]
    pub(crate) fn add_all(&self, memory: Memory<'_>, keys: &[i16]) -> Result<(), usize> {
        let mut done = 0;
        loop {
            done += self.count_in_pages(memory.pool, &keys[done..]);
            let Some(&key) = keys.get(done) else { return Ok(()) };
            self.add(memory, key, 1).map_err(|Full| done)?;
            done += 1;
        }
    }

    /// Adds one to the counts of keys whose pages are there and wide enough; stops at the first
    /// that needs more and says how many were added.
    #[inline]
    fn count_in_pages(&self, pool: &Pool, keys: &[i16]) -> usize {
        if self.directory.get() == 0 {
            return 0;
        }
        let heap = pool.heap();
        let table = self.table(pool);
        let base = i32::from(self.base.get() as i16);
        for (i, &key) in keys.iter().enumerate() {
            let at = i32::from(key >> PAGE_SHIFT) - base;
            let Some(entry) = table.get(at as u32 as usize) else { return i };
            let page = Page(entry.get());
            macro_rules! count {
                ($cell:ty, $int:ty) => {{
                    let counter = &heap.slice::<$cell>(page.at(), PAGE_KEYS)[slot(key)];
                    let count = counter.get();
                    if count == <$int>::MAX {
                        return i;
                    }
                    counter.set(count + 1);
                }};
            }
            match page.width() {
                0 if page.is_none() => return i,
                0 => count!(U8, u8),
                1 => count!(U16, u16),
                2 => count!(U32, u32),
                _ => count!(U64, u64),
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
            let len = self.len.get() as usize;
            let Some(i) = (0..len).find(|&i| unpack(self.inline[i].get()).0 == key) else { return };
            let left = unpack(self.inline[i].get()).1 - n;
            if left > 0 {
                self.inline[i].set(pack(key, left));
            } else {
                self.inline[i].set(self.inline[len - 1].get());
                self.len.set(len as u16 - 1);
            }
            return;
        }
        let at = i32::from(key >> PAGE_SHIFT) - i32::from(self.base.get() as i16);
        let page = Page(self.table(pool)[at as usize].get());
        let left = counter(pool, page, slot(key)) - n;
        set_counter(pool, page, slot(key), left);
    }

    #[inline]
    fn add_inline(&self, key: i16, n: u64) -> bool {
        let len = self.len.get() as usize;
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
            self.len.set(len as u16 + 1);
        }
        fits
    }

    /// Moves the inline bins into pages, with room for `key` too. If memory runs out the bins
    /// stay as they were (what was taken goes with the region).
    #[cold]
    fn spill(&self, memory: Memory<'_>, key: i16) -> Result<(), Full> {
        let len = self.len.get() as usize;
        let bins: [_; INLINE] = std::array::from_fn(|i| unpack(self.inline[i].get()));
        let bins = &bins[..len];
        let pages = || bins.iter().map(|(k, _)| k >> PAGE_SHIFT).chain([key >> PAGE_SHIFT]);
        let (first, last) = (pages().min().unwrap_or(0), pages().max().unwrap_or(0));
        let entries = (i32::from(last) - i32::from(first) + 1) as usize;
        let heap = memory.pool.heap();
        // Made aside: while memory may still run out the inline bins are needed as they are.
        let mut few = [0; INLINE];
        let far = if entries > INLINE { Some(memory.zeroed(directory_lines(entries))?) } else { None };
        for page in pages() {
            let at = (page - first) as usize;
            let known = far.map_or_else(|| few[at], |far| heap.slice::<U32>(far, entries)[at].get());
            if known == 0 {
                let new = Page::new(memory.zeroed(PAGE_LINES << 1)?, 1).0;
                match far {
                    Some(far) => heap.slice::<U32>(far, entries)[at].set(new),
                    None => few[at] = new,
                }
            }
        }
        if far.is_none() {
            self.inline.iter().zip(few).for_each(|(to, from)| to.set(from));
        }
        self.directory.set(far.map_or(INLINE_DIRECTORY, |far| far.0));
        self.base.set(first as u16);
        self.len.set(entries as u16);
        let table = self.table(memory.pool);
        for &(k, count) in bins {
            let page = Page(table[((k >> PAGE_SHIFT) - first) as usize].get());
            heap.slice::<U16>(page.at(), PAGE_KEYS)[slot(k)].set(count as u16);
        }
        Ok(())
    }

    /// The directory's entries.
    #[inline(always)]
    fn table<'a>(&'a self, pool: &'a Pool) -> &'a [U32] {
        let (directory, len) = (self.directory.get(), self.len.get() as usize);
        if directory == INLINE_DIRECTORY {
            &self.inline[..len.min(INLINE)]
        } else {
            pool.heap().slice::<U32>(Ref(directory), len)
        }
    }

    /// The page of `key`, made if need be.
    #[inline]
    fn page(&self, memory: Memory<'_>, key: i16) -> Result<Page, Full> {
        let at = i32::from(key >> PAGE_SHIFT) - i32::from(self.base.get() as i16);
        let len = self.len.get() as usize;
        if (at as u32 as usize) < len {
            let page = Page(self.table(memory.pool)[at as usize].get());
            if !page.is_none() {
                return Ok(page);
            }
        }
        self.new_page(memory, key)
    }

    #[cold]
    fn new_page(&self, memory: Memory<'_>, key: i16) -> Result<Page, Full> {
        let number = i32::from(key >> PAGE_SHIFT);
        let new_page = Page::new(memory.zeroed(PAGE_LINES)?, 0);
        self.reach(memory, number)?;
        let at = (number - i32::from(self.base.get() as i16)) as usize;
        self.table(memory.pool)[at].set(new_page.0);
        Ok(new_page)
    }

    /// Makes the directory long enough for the page `number`.
    fn reach(&self, memory: Memory<'_>, number: i32) -> Result<(), Full> {
        let heap = memory.pool.heap();
        let first = i32::from(self.base.get() as i16);
        let len = self.len.get() as usize;
        if (first..first + len as i32).contains(&number) {
            return Ok(());
        }
        let new_first = first.min(number);
        let new_len = ((first + len as i32).max(number + 1) - new_first) as usize;
        // The old entries move up by this much.
        let shift = (first - new_first) as usize;
        let old = self.directory.get();
        if new_len <= INLINE {
            let entries: Inline = std::array::from_fn(|i| self.inline[i].get());
            for (i, to) in self.inline[..new_len].iter().enumerate() {
                let from = i.checked_sub(shift).filter(|from| *from < len);
                to.set(from.map_or(0, |from| entries[from]));
            }
        } else {
            let lines = directory_lines(new_len);
            let fits = old != INLINE_DIRECTORY && directory_lines(len) == lines && shift == 0;
            if !fits {
                let new = memory.zeroed(lines)?;
                let to = &heap.slice::<U32>(new, new_len)[shift..];
                to.iter().zip(self.table(memory.pool)).for_each(|(to, from)| to.set(from.get()));
                if old != INLINE_DIRECTORY {
                    memory.region.give(memory.pool, Ref(old), directory_lines(len));
                }
                self.directory.set(new.0);
            }
        }
        self.base.set(new_first as u16);
        self.len.set(new_len as u16);
        Ok(())
    }

    #[inline]
    fn add_in_page(&self, memory: Memory<'_>, page: Page, key: i16, n: u64) -> Result<(), Full> {
        let heap = memory.pool.heap();
        macro_rules! count {
            ($cell:ty, $int:ty) => {{
                let counter = &heap.slice::<$cell>(page.at(), PAGE_KEYS)[slot(key)];
                let before = u64::from(counter.get());
                let after = before.saturating_add(n);
                if after <= u64::from(<$int>::MAX) {
                    counter.set(after as $int);
                    return Ok(());
                }
            }};
        }
        match page.width() {
            0 => count!(U8, u8),
            1 => count!(U16, u16),
            2 => count!(U32, u32),
            _ => count!(U64, u64),
        }
        let wider = self.widen(memory, page, key)?;
        self.add_in_page(memory, wider, key, n)
    }

    /// Replaces a page by one with counters twice as wide.
    #[cold]
    fn widen(&self, memory: Memory<'_>, page: Page, key: i16) -> Result<Page, Full> {
        let lines = page.lines() * 2;
        let wider = Page::new(memory.zeroed(lines)?, page.width() + 1);
        for i in 0..PAGE_KEYS {
            set_counter(memory.pool, wider, i, counter(memory.pool, page, i));
        }
        let at = i32::from(key >> PAGE_SHIFT) - i32::from(self.base.get() as i16);
        self.table(memory.pool)[at as usize].set(wider.0);
        memory.region.give(memory.pool, page.at(), page.lines());
        Ok(wider)
    }

    /// Calls `f` with every key that has a count, in ascending order, without the limit on their
    /// number.
    #[inline]
    pub(crate) fn for_each(&self, pool: &Pool, mut f: impl FnMut(i16, u64)) {
        let heap = pool.heap();
        let len = self.len.get() as usize;
        if self.directory.get() == 0 {
            let mut bins: [_; INLINE] = std::array::from_fn(|i| unpack(self.inline[i].get()));
            let bins = &mut bins[..len.min(INLINE)];
            bins.sort_unstable_by_key(|bin| bin.0);
            bins.iter().for_each(|&(key, count)| f(key, count));
            return;
        }
        let base = i32::from(self.base.get() as i16);
        let table = self.table(pool);
        for (i, entry) in table.iter().enumerate() {
            let page = Page(entry.get());
            if page.is_none() {
                continue;
            }
            let first_key = (base + i as i32) << PAGE_SHIFT;
            // Most counters of a page are zero: look at eight bytes at a time.
            let words = heap.slice::<U64>(page.at(), page.lines() * (LINE / 8));
            let counters_in_word = 8 >> page.width();
            let bits = 8 << page.width();
            for (w, word) in words.iter().enumerate() {
                let mut word = word.get();
                while word != 0 {
                    let at = word.trailing_zeros() / bits;
                    let count = word >> (at * bits) & (u64::MAX >> (64 - bits));
                    f((first_key + (w * counters_in_word) as i32 + at as i32) as i16, count);
                    if bits == 64 {
                        break;
                    }
                    word &= u64::MAX.checked_shl((at + 1) * bits).unwrap_or(0);
                }
            }
        }
    }
}

type Inline = [u32; INLINE];

fn pack(key: i16, count: u64) -> u32 {
    (key as u16 as u32) << 16 | count as u32
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

fn counter(pool: &Pool, page: Page, i: usize) -> u64 {
    let heap = pool.heap();
    match page.width() {
        0 => u64::from(heap.slice::<U8>(page.at(), PAGE_KEYS)[i].get()),
        1 => u64::from(heap.slice::<U16>(page.at(), PAGE_KEYS)[i].get()),
        2 => u64::from(heap.slice::<U32>(page.at(), PAGE_KEYS)[i].get()),
        _ => heap.slice::<U64>(page.at(), PAGE_KEYS)[i].get(),
    }
}

fn set_counter(pool: &Pool, page: Page, i: usize, count: u64) {
    let heap = pool.heap();
    match page.width() {
        0 => heap.slice::<U8>(page.at(), PAGE_KEYS)[i].set(count as u8),
        1 => heap.slice::<U16>(page.at(), PAGE_KEYS)[i].set(count as u16),
        2 => heap.slice::<U32>(page.at(), PAGE_KEYS)[i].set(count as u32),
        _ => heap.slice::<U64>(page.at(), PAGE_KEYS)[i].set(count),
    }
}
