//! The hash of a name or a tag.
//!
//! Two words at a time are mixed with a key and multiplied to 128 bits whose halves are folded
//! together: one multiplication for every 16 bytes and one more at the end. The key is drawn when
//! an engine is made, so tag values chosen by strangers cannot be aimed at one place of the index.
//! The hash only finds; the full key decides.
//!
//! A general hasher is built around a state that bytes are written to; for three short strings a
//! call, that state costs more than the hash (measured with ahash 0.8: 60 instructions a part
//! against 25).

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// An odd number without pattern: the fraction of the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

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

    /// The hash of `bytes`.
    #[inline(always)]
    pub(crate) fn of(&self, bytes: &[u8]) -> u64 {
        let n = bytes.len();
        let mut state = self.key[0] ^ (n as u64).wrapping_mul(SPREAD);
        let (a, b) = if n <= 16 {
            if n >= 8 {
                (word(bytes, 0), word(bytes, n - 8))
            } else {
                (word_of(bytes), 0)
            }
        } else {
            let mut at = 0;
            while at + 16 < n {
                state = fold(word(bytes, at) ^ state, word(bytes, at + 8) ^ self.key[1]);
                at += 16;
            }
            (word(bytes, n - 16), word(bytes, n - 8))
        };
        fold(fold(a ^ state, b ^ self.key[1]), self.key[2])
    }
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
pub(crate) fn word_of(bytes: &[u8]) -> u64 {
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
    fn both_halves_are_spread_evenly() {
        let hash = PartHash::random();
        let (mut low, mut high) = ([0; 256], [0; 256]);
        for i in 0..25_600 {
            let h = hash.of(format!("user:{i}").as_bytes());
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
