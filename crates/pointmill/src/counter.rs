//! The counters of a page of bins: of one, two, four or eight bytes.

use crate::arena::Plain;
use crate::bins::PAGE_KEYS;
use crate::primitive::{U8, U16, U32, U64};

/// Counters that are read together.
const EIGHT: usize = 8;

/// A counter of one of the four widths.
pub(crate) trait Counter: Plain {
    const MAX: u64;
    fn count(&self) -> u64;
    fn set_count(&self, count: u64);
    /// Eight neighbouring counters in as many words as they take, each cut to 32 bits.
    fn eight(words: &[U64]) -> [u32; EIGHT];
    /// The words that eight counters take.
    const WORDS: usize;
}

macro_rules! counters {
    ($($cell:ty: $int:ty),+) => {$(
        impl Counter for $cell {
            const MAX: u64 = <$int>::MAX as u64;
            const WORDS: usize = size_of::<$int>();

            #[inline(always)]
            fn count(&self) -> u64 {
                u64::from(self.get())
            }

            #[inline(always)]
            fn set_count(&self, count: u64) {
                self.set(count as $int);
            }

            #[inline(always)]
            fn eight(words: &[U64]) -> [u32; EIGHT] {
                let mut bytes = [0; EIGHT * size_of::<$int>()];
                for (chunk, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
                    *chunk = word.get().to_ne_bytes();
                }
                let numbers = bytes.as_chunks::<{ size_of::<$int>() }>().0;
                std::array::from_fn(|i| <$int>::from_ne_bytes(numbers[i]) as u32)
            }
        }
    )+};
}
counters!(U8: u8, U16: u16, U32: u32, U64: u64);

/// Room for the keys of a page that have counts, and for the counts.
pub(crate) struct Gathered {
    keys: [i16; PAGE_KEYS + EIGHT],
    counts: [u32; PAGE_KEYS + EIGHT],
}

impl Default for Gathered {
    fn default() -> Gathered {
        Gathered {
            keys: [0; PAGE_KEYS + EIGHT],
            counts: [0; PAGE_KEYS + EIGHT],
        }
    }
}

impl Gathered {
    /// The keys of a page that have counts, ascending, and the counts, none above 32 bits.
    ///
    /// Eight counters at a time: none of them, all of them, or one after the other without a branch
    /// (which of them are zero is what a processor cannot foresee).
    #[inline(always)]
    pub(crate) fn gather<C: Counter>(&mut self, page: &[U64], first_key: i16) -> (&[i16], &[u32]) {
        let mut len = 0;
        for (group, words) in page.chunks_exact(C::WORDS).enumerate() {
            let key = first_key.wrapping_add((group * EIGHT) as i16);
            let here = C::eight(words);
            if here.iter().fold(0, |all, n| all | n) == 0 {
                continue;
            }
            let at = len.min(PAGE_KEYS);
            let (keys, counts) = (
                &mut self.keys[at..at + EIGHT],
                &mut self.counts[at..at + EIGHT],
            );
            if here.iter().fold(true, |all, n| all & (*n != 0)) {
                for i in 0..EIGHT {
                    keys[i] = key.wrapping_add(i as i16);
                    counts[i] = here[i];
                }
                len = at + EIGHT;
                continue;
            }
            let mut n = 0;
            for (i, count) in here.into_iter().enumerate() {
                keys[n % EIGHT] = key.wrapping_add(i as i16);
                counts[n % EIGHT] = count;
                n += usize::from(count != 0);
            }
            len = at + n;
        }
        (&self.keys[..len], &self.counts[..len])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gathers a page of counters of this width that hold these counts.
    fn gathered<C: Counter>(counts: &[u64], first_key: i16) -> Vec<(i16, u32)> {
        let bits = 64 / EIGHT * C::WORDS;
        let words: Vec<U64> = counts
            .chunks(64 / bits)
            .map(|chunk| {
                let parts = chunk.iter().enumerate();
                U64::new(parts.fold(0, |word, (i, n)| word | (n & C::MAX) << (i * bits)))
            })
            .collect();
        let mut room = Gathered::default();
        let (keys, counts) = room.gather::<C>(&words, first_key);
        keys.iter().copied().zip(counts.iter().copied()).collect()
    }

    proptest! {
        #[test]
        #[cfg(target_endian = "little")]
        fn a_page_gives_its_keys_in_order(
            counts in prop::collection::vec(prop_oneof![Just(0), 1..300_u64], PAGE_KEYS),
            dense: bool,
            page in -256..256_i16,
        ) {
            let first_key = page * PAGE_KEYS as i16;
            let counts: Vec<u64> = counts.into_iter().map(|n| n.max(u64::from(dense))).collect();
            let expected = |max: u64| -> Vec<(i16, u32)> {
                let all = counts.iter().enumerate();
                all.map(|(i, n)| (first_key + i as i16, (n & max) as u32))
                    .filter(|bin| bin.1 > 0)
                    .collect()
            };
            prop_assert_eq!(gathered::<U8>(&counts, first_key), expected(0xff));
            prop_assert_eq!(gathered::<U16>(&counts, first_key), expected(0xffff));
            prop_assert_eq!(gathered::<U32>(&counts, first_key), expected(u64::MAX));
        }
    }
}
