//! A name or a tag: its hash, and the words in which it is kept.
//!
//! ```text
//! up to 7 bytes    head = the bytes, padded with zeros      tail = 0
//! 8 … 16           head = the first eight                   tail = the last eight (they overlap)
//! 17 and more      the same, and behind them the middle: the words from 8, 16 … on, and the word
//!                  from n - 16 on
//! ```
//!
//! Head and tail are what the hash reads first and what a comparison reads first, so a look-up
//! reads the bytes of a short part once. Words are mixed two at a time with a key and multiplied to
//! 128 bits whose halves are folded together. The key is drawn when an engine is made, so tag
//! values chosen by strangers cannot be aimed at one place of the index. The hash only finds; the
//! full key decides.
//!
//! A general hasher is built around a state that bytes are written to; for three short strings a
//! call, keeping that state is work of its own, and it does not yield head and tail.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use crate::primitive::U64;

/// An odd number without pattern: the fraction of the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A part of a key that a caller gave.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Part {
    pub(crate) hash: u64,
    pub(crate) head: u64,
    pub(crate) tail: u64,
}

/// A keyed hash of byte strings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartHash {
    key: [u64; 3],
}

impl PartHash {
    /// With a key of its own.
    pub(crate) fn random() -> PartHash {
        // The standard library draws these keys from the operating system.
        let state = RandomState::new();
        PartHash {
            key: [0, 1, 2].map(|i: u64| state.hash_one(i)),
        }
    }

    /// Hash, head and tail of `bytes`.
    #[inline(always)]
    pub(crate) fn of(&self, bytes: &[u8]) -> Part {
        let n = bytes.len();
        let (head, tail) = ends(bytes);
        let mut state = self.key[0] ^ (n as u64).wrapping_mul(SPREAD);
        if n > 16 {
            state = self.middle(bytes, state);
        }
        let hash = fold(fold(head ^ state, tail ^ self.key[1]), self.key[2]);
        Part { hash, head, tail }
    }

    /// A hash over all parts in their order.
    ///
    /// Each part is folded by itself, so that the multiplications of several run side by side;
    /// turning the sum between them makes the order count.
    #[inline(always)]
    pub(crate) fn of_sequence<S: AsRef<[u8]>>(&self, parts: &[S]) -> u64 {
        let mut sum = 0_u64;
        for part in parts {
            let bytes = part.as_ref();
            let n = bytes.len();
            let (head, tail) = ends(bytes);
            let mut state = self.key[0].wrapping_add(n as u64);
            if n > 16 {
                state = self.inner(bytes, state);
            }
            sum = sum
                .rotate_left(23)
                .wrapping_add(fold(head ^ state, tail ^ self.key[1]));
        }
        fold(sum ^ self.key[2], SPREAD)
    }

    /// As [`PartHash::middle`], in fewer steps for up to 32 bytes.
    #[inline(always)]
    fn inner(&self, bytes: &[u8], state: u64) -> u64 {
        let n = bytes.len();
        if n > 32 {
            return self.middle(bytes, state);
        }
        // The two words overlap, or are one, where the middle is shorter.
        state
            ^ fold(
                word(bytes, 8) ^ self.key[2],
                word(bytes, n - 16) ^ self.key[1],
            )
    }

    /// The state after what lies between head and tail.
    #[inline]
    fn middle(&self, bytes: &[u8], mut state: u64) -> u64 {
        let mut middle = bytes[8..bytes.len() - 8].chunks_exact(16);
        for pair in &mut middle {
            state = fold(word(pair, 0) ^ state, word(pair, 8) ^ self.key[1]);
        }
        let rest = middle.remainder();
        if rest.is_empty() {
            return state;
        }
        // One or two words, the second reaching back if need be.
        let first = word_of(&rest[..rest.len().min(8)]);
        let last = word(bytes, bytes.len() - 16);
        fold(first ^ state, last ^ self.key[1])
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

/// Words that a part of `n` bytes is kept in.
#[inline(always)]
pub(crate) fn words_len(n: usize) -> usize {
    2 + n.saturating_sub(16).div_ceil(8)
}

/// Where the words of the middle begin.
#[inline(always)]
fn middle_starts(n: usize) -> impl Iterator<Item = usize> {
    (8..n.saturating_sub(16))
        .step_by(8)
        .chain((n > 16).then(|| n - 16))
}

/// Writes a part's words; there are [`words_len`] of them.
pub(crate) fn write(words: &[U64], part: Part, bytes: &[u8]) {
    words[0].set(part.head);
    words[1].set(part.tail);
    for (to, at) in words[2..].iter().zip(middle_starts(bytes.len())) {
        to.set(word(bytes, at));
    }
}

/// Whether these words are those of a part of the same length.
#[inline(always)]
pub(crate) fn matches(words: &[U64], part: Part, bytes: &[u8]) -> bool {
    let [head, tail, middle @ ..] = words else {
        return false;
    };
    head.get() == part.head
        && tail.get() == part.tail
        && (bytes.len() <= 16 || middle_matches(middle, bytes))
}

/// Whether these words are those of these bytes, whose length is that of the part kept.
#[inline(always)]
pub(crate) fn equals(words: &[U64], bytes: &[u8]) -> bool {
    let [head, tail, middle @ ..] = words else {
        return false;
    };
    let (first, last) = ends(bytes);
    if head.get() != first || tail.get() != last {
        return false;
    }
    let n = bytes.len();
    match middle {
        [] => true,
        [one] => one.get() == word(bytes, n - 16),
        [one, two] => one.get() == word(bytes, 8) && two.get() == word(bytes, n - 16),
        _ => middle_matches(middle, bytes),
    }
}

#[inline(never)]
fn middle_matches(middle: &[U64], bytes: &[u8]) -> bool {
    let (last, whole) = match middle.split_last() {
        Some(split) => split,
        None => return false,
    };
    let (chunks, _) = bytes[8..].as_chunks::<8>();
    whole
        .iter()
        .zip(chunks)
        .all(|(word, chunk)| word.get() == u64::from_le_bytes(*chunk))
        && last.get() == word(bytes, bytes.len() - 16)
}

/// Appends the `n` bytes that these words keep.
pub(crate) fn read(words: &[U64], n: usize, out: &mut Vec<u8>) {
    let start = out.len();
    if n < 8 {
        out.extend_from_slice(&words[0].get().to_le_bytes()[..n]);
        return;
    }
    out.resize(start + n, 0);
    let text = &mut out[start..];
    let mut put = |at: usize, word: &U64| {
        text[at..at + 8].copy_from_slice(&word.get().to_le_bytes());
    };
    put(0, &words[0]);
    for (word, at) in words[2..].iter().zip(middle_starts(n)) {
        put(at, word);
    }
    put(n - 8, &words[1]);
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
        let hash = PartHash::random();
        for n in 0..100_usize {
            let bytes: Vec<u8> = (0..n).map(|i| i as u8 + 1).collect();
            let words: Vec<U64> = (0..words_len(n)).map(|_| U64::new(0)).collect();
            write(&words, hash.of(&bytes), &bytes);
            let mut text = b"before".to_vec();
            read(&words, n, &mut text);
            assert_eq!(text[6..], bytes, "{n} bytes");
            assert!(matches(&words, hash.of(&bytes), &bytes));
            for i in 0..n {
                let mut other = bytes.clone();
                other[i] ^= 0x80;
                assert!(!matches(&words, hash.of(&other), &other), "byte {i} of {n}");
            }
        }
    }

    #[test]
    fn every_byte_and_the_length_count() {
        let hash = PartHash::random();
        let mut seen = HashSet::new();
        for n in 0..70 {
            let mut bytes = vec![0_u8; n];
            assert!(seen.insert(hash.of(&bytes).hash), "{n} zeros");
            for i in 0..n {
                bytes[i] = 1;
                assert!(seen.insert(hash.of(&bytes).hash), "byte {i} of {n}");
                bytes[i] = 0;
            }
        }
    }

    #[test]
    fn both_halves_are_spread_evenly() {
        let hash = PartHash::random();
        let (mut low, mut high) = ([0; 256], [0; 256]);
        for i in 0..25_600 {
            let h = hash.of(format!("user:{i}").as_bytes()).hash;
            low[h as usize % 256] += 1;
            high[(h >> 56) as usize] += 1;
        }
        // 100 each, standard deviation 10.
        assert!(
            low.iter().chain(&high).all(|n| (40..180).contains(n)),
            "{low:?} {high:?}"
        );
    }
}
