//! Names and tags: their hashes, and the words in which a key keeps them.
//!
//! ```text
//! key      an entry for each part: the name, then the tags │ middle │ middle …
//! entry    middle's place, length in bytes │ head │ tail
//!
//! up to 7 bytes    head = the bytes, padded with zeros      tail = 0
//! 8 … 16           head = the first eight                   tail = the last eight (they overlap)
//! 17 and more      the same, and in the middle: the words from 8, 16 … on, and the word from
//!                  n - 16 on
//! ```
//!
//! Head and tail are what the hash reads first and what a comparison reads first. Words are mixed in
//! pairs: each with a key, then multiplied to 128 bits whose halves are folded together. The pairs of
//! a part of up to 32 bytes do not wait for each other, nor do parts. The keys, one for each place of
//! a word, are drawn when an engine is made, so tag values chosen by strangers cannot be aimed at one
//! place of the index. The hash only finds; the full key decides.
//!
//! A general hasher is built around a state that bytes are written to; for three short strings a
//! call, keeping that state is work of its own.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use crate::primitive::U64;

/// A keyed hash of byte strings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartHash {
    /// For head and tail, and for the two words of the middle.
    words: [u64; 4],
    length: u64,
    last: u64,
}

impl PartHash {
    /// With keys of its own.
    pub(crate) fn random() -> PartHash {
        // The standard library draws these keys from the operating system.
        let state = RandomState::new();
        let key = |i: u64| state.hash_one(i);
        PartHash {
            words: [0, 1, 2, 3].map(key),
            length: key(4),
            last: key(5),
        }
    }

    /// The hash of `bytes`. Hashes of several parts may be added up.
    #[inline(always)]
    pub(crate) fn of(&self, bytes: &[u8]) -> u64 {
        // Once more, so that no sum of hashes is one of words.
        fold(self.mix(bytes), self.last)
    }

    /// A hash over all parts in their order: turning the sum between them makes the order count.
    #[inline(always)]
    pub(crate) fn of_sequence<S: AsRef<[u8]>>(&self, parts: &[S]) -> u64 {
        let mut sum = 0_u64;
        for part in parts {
            sum = sum.rotate_left(23).wrapping_add(self.mix(part.as_ref()));
        }
        sum
    }

    #[inline(always)]
    fn mix(&self, bytes: &[u8]) -> u64 {
        let n = bytes.len();
        let [for_head, for_tail, for_first, for_last] = self.words;
        // A key turned by the length: what one length makes of a word tells nothing of another's.
        let ends =
            |head: u64, tail: u64| fold(head ^ for_head, tail ^ for_tail.rotate_left(n as u32));
        if n > 16 {
            // The two words overlap, or are one, where the middle is shorter.
            let middle = if n <= 32 {
                fold(word(bytes, 8) ^ for_first, word(bytes, n - 16) ^ for_last)
            } else {
                self.long_middle(bytes)
            };
            ends(word(bytes, 0), word(bytes, n - 8)).wrapping_add(middle)
        } else if n >= 8 {
            ends(word(bytes, 0), word(bytes, n - 8))
        } else {
            ends(word_of(bytes), 0)
        }
    }

    /// What lies between head and tail.
    #[cold]
    #[inline(never)]
    fn long_middle(&self, bytes: &[u8]) -> u64 {
        let [_, _, for_first, for_last] = self.words;
        let mut state = for_first.wrapping_add(self.length.wrapping_mul(bytes.len() as u64));
        let mut middle = bytes[8..bytes.len() - 8].chunks_exact(16);
        for pair in &mut middle {
            state = fold(word(pair, 0) ^ state, word(pair, 8) ^ for_last);
        }
        let rest = middle.remainder();
        if rest.is_empty() {
            return state;
        }
        // One or two words, the second reaching back if need be.
        let first = word_of(&rest[..rest.len().min(8)]);
        let last = word(bytes, bytes.len() - 16);
        fold(first ^ state, last ^ for_last)
    }
}

/// A part's head and tail.
#[inline(always)]
fn ends(bytes: &[u8]) -> (u64, u64) {
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (word_of(bytes), 0),
    }
}

/// Words of an entry.
pub(crate) const ENTRY: usize = 3;

/// Words of the middle of a part of `n` bytes.
#[inline(always)]
pub(crate) fn middle_len(n: usize) -> usize {
    n.div_ceil(8).saturating_sub(2)
}

/// Where they begin in the part.
fn middle_starts(n: usize) -> impl Iterator<Item = usize> {
    (8..n.saturating_sub(16))
        .step_by(8)
        .chain((n > 16).then(|| n - 16))
}

/// What the first word of an entry says: where the middle is, in words from the key's first, and the
/// part's length in bytes.
#[inline(always)]
fn middle_and_len(word: u64) -> (usize, usize) {
    ((word >> 16) as u16 as usize, word as u16 as usize)
}

/// Writes the part number `i` of a key, its middle to the words from `at` on; where that ends. Neither
/// places nor lengths pass 65,535.
pub(crate) fn write(key: &[U64], i: usize, at: usize, bytes: &[u8]) -> usize {
    let entry = &key[i * ENTRY..][..ENTRY];
    let (head, tail) = ends(bytes);
    entry[0].set((at as u64) << 16 | bytes.len() as u64);
    entry[1].set(head);
    entry[2].set(tail);
    let middle = &key[at..at + middle_len(bytes.len())];
    for (to, from) in middle.iter().zip(middle_starts(bytes.len())) {
        to.set(word(bytes, from));
    }
    at + middle.len()
}

/// Whether the part number `i` of a key is this one. The words may be anything; what is behind the key
/// does not matter.
#[inline(always)]
pub(crate) fn is(key: &[U64], i: usize, bytes: &[u8]) -> bool {
    let Some(entry) = key.get(i * ENTRY..(i + 1) * ENTRY) else {
        return false;
    };
    let n = bytes.len();
    let (at, len) = middle_and_len(entry[0].get());
    if len != n {
        return false;
    }
    let ends_are = |head, tail| entry[1].get() == head && entry[2].get() == tail;
    // Each length by itself: so much is known then that little is left to check.
    if n > 16 {
        let last = word(bytes, n - 16);
        if !ends_are(word(bytes, 0), word(bytes, n - 8)) {
            return false;
        }
        if n <= 24 {
            return key.get(at).is_some_and(|one| one.get() == last);
        }
        let Some(middle) = key.get(at..at + middle_len(n)) else {
            return false;
        };
        match middle {
            [first, second] => first.get() == word(bytes, 8) && second.get() == last,
            _ => is_long_middle(middle, bytes),
        }
    } else if n >= 8 {
        ends_are(word(bytes, 0), word(bytes, n - 8))
    } else {
        ends_are(word_of(bytes), 0)
    }
}

#[cold]
#[inline(never)]
fn is_long_middle(middle: &[U64], bytes: &[u8]) -> bool {
    let Some((last, whole)) = middle.split_last() else {
        return false;
    };
    let (chunks, _) = bytes[8..].as_chunks::<8>();
    whole
        .iter()
        .zip(chunks)
        .all(|(word, chunk)| word.get() == u64::from_le_bytes(*chunk))
        && last.get() == word(bytes, bytes.len() - 16)
}

/// Appends the bytes of the part number `i` of a key.
pub(crate) fn read(key: &[U64], i: usize, out: &mut Vec<u8>) {
    let entry = &key[i * ENTRY..][..ENTRY];
    let (middle, n) = middle_and_len(entry[0].get());
    let start = out.len();
    if n < 8 {
        out.extend_from_slice(&entry[1].get().to_le_bytes()[..n]);
        return;
    }
    out.resize(start + n, 0);
    let text = &mut out[start..];
    let mut put = |at: usize, word: &U64| {
        text[at..at + 8].copy_from_slice(&word.get().to_le_bytes());
    };
    put(0, &entry[1]);
    for (word, at) in key[middle..].iter().zip(middle_starts(n)) {
        put(at, word);
    }
    put(n - 8, &entry[2]);
}

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The eight bytes from `at` on.
#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default())
}

/// Up to eight bytes as a number, padded with zeros.
#[inline(always)]
fn word_of(bytes: &[u8]) -> u64 {
    let n = bytes.len();
    let at = |i: usize| u64::from(bytes[i]);
    match n {
        0 => 0,
        // First, middle and last byte: they overlap for 1 and 2.
        1..4 => at(0) | at(n / 2) << (8 * (n / 2)) | at(n - 1) << (8 * (n - 1)),
        4..8 => {
            let low = u32::from_le_bytes(bytes[..4].try_into().unwrap_or_default());
            let high = u32::from_le_bytes(bytes[n - 4..].try_into().unwrap_or_default());
            u64::from(low) | u64::from(high) << (8 * (n - 4))
        }
        _ => word(bytes, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn words_are_padded_with_zeros() {
        for n in 0..=8 {
            let bytes: Vec<u8> = (1..=n).collect();
            let mut padded = [0; 8];
            padded[..n as usize].copy_from_slice(&bytes);
            assert_eq!(word_of(&bytes), u64::from_le_bytes(padded), "{n} bytes");
        }
    }

    #[test]
    fn parts_of_every_length_are_kept_and_compared_whole() {
        for n in 0..100_usize {
            let bytes: Vec<u8> = (0..n).map(|i| i as u8 + 1).collect();
            let len = 2 * ENTRY + middle_len(n) + middle_len(20);
            let key: Vec<U64> = (0..len).map(|_| U64::new(0)).collect();
            let end = write(&key, 1, 2 * ENTRY, &bytes);
            assert_eq!(write(&key, 0, end, &[7; 20]), len);
            let mut text = b"before".to_vec();
            read(&key, 1, &mut text);
            assert_eq!(text[6..], bytes, "{n} bytes");
            assert!(is(&key, 1, &bytes));
            for i in 0..n {
                let mut other = bytes.clone();
                other[i] ^= 0x80;
                assert!(!is(&key, 1, &other), "byte {i} of {n}");
            }
            assert!(!is(&key, 0, &bytes));
            assert!(!is(&key, len / ENTRY, &bytes), "past the end");
            assert!(!is(&key[..end - 1], 1, &bytes), "{n} bytes, cut");
        }
    }

    #[test]
    fn every_byte_and_the_length_count() {
        let hash = PartHash::random();
        let mut seen = HashSet::new();
        for n in 0..70 {
            let mut bytes = vec![0_u8; n];
            assert!(seen.insert(hash.of(&bytes)), "{n} zeros");
            for i in 0..n {
                bytes[i] = 1;
                assert!(seen.insert(hash.of(&bytes)), "byte {i} of {n}");
                bytes[i] = 0;
            }
        }
    }

    #[test]
    fn another_length_is_no_way_around_the_keys() {
        // Two parts, one a byte longer, with one tail and with heads that differ by what a length
        // without a key of its own would make up for: 1, 3, 7 … and products with a known number.
        let products = (8..16_u64).map(|n| {
            let known = 0x9e37_79b9_7f4a_7c15_u64;
            n.wrapping_mul(known) ^ (n + 1).wrapping_mul(known)
        });
        for difference in (1..6).map(|bits| (1 << bits) - 1).chain(products) {
            let differing = difference.to_le_bytes();
            let mut short = [b'a'; 16];
            for i in 1..8 {
                short[i] = short[i - 1] ^ differing[i];
            }
            let long = [&[b'a' ^ differing[0]], &short[..]].concat();
            for n in 8..16 {
                let (short, long) = (&short[..n], &long[..=n]);
                if short[n - 8..] != long[n - 7..] {
                    continue;
                }
                for _ in 0..8 {
                    let hash = PartHash::random();
                    assert_ne!(hash.of(short), hash.of(long), "{n} bytes, {difference:x}");
                    let sequences = [short, long].map(|part| hash.of_sequence(&[part]));
                    assert_ne!(sequences[0], sequences[1], "{n} bytes, {difference:x}");
                }
            }
        }
    }

    #[test]
    fn both_halves_are_spread_evenly() {
        let hash = PartHash::random();
        let alone = |text: &str| hash.of(text.as_bytes());
        let behind_a_name = |text: &str| hash.of_sequence(&["hits", text]);
        // 100 each, standard deviation 10. A sequence's hash has one multiplication less; with some
        // keys the tags of this test, which differ in few bits, show it: nothing to a table of memos.
        let least_and_most = [(40, 180), (0, 600)];
        let hashes: [&dyn Fn(&str) -> u64; 2] = [&alone, &behind_a_name];
        for (hash_of, (least, most)) in hashes.iter().zip(least_and_most) {
            let (mut low, mut high) = ([0; 256], [0; 256]);
            for i in 0..25_600 {
                let h = hash_of(&format!("user:{i}"));
                low[h as usize % 256] += 1;
                high[(h >> 56) as usize] += 1;
            }
            let all = || low.iter().chain(&high);
            assert!(all().all(|n| (least..most).contains(n)), "{low:?} {high:?}");
        }
    }
}
