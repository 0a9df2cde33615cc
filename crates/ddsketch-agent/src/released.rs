//! The bin list of a released Agent, literally: 16-bit counts, several bins of one key, and a trim
//! whose result depends on the order of operations.
//!
//! A sketch keeps this list only from the moment its bins would first be trimmed. Up to then the
//! list is a function of the counts, [`ReleasedBins::from_counts`], whatever the operations were:
//! each of them leaves, for every key, the remainder first and then full bins.

use alloc::vec::Vec;
use core::mem;

use crate::{BIN_LIMIT, Profile};

/// The largest count of one bin.
const FULL: u64 = Profile::U16.count_max() as u64;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReleasedBins {
    /// Ascending keys, equal ones adjacent.
    bins: Vec<(i16, u16)>,
}

impl ReleasedBins {
    /// The list for `counts`, ascending keys without repetition, not trimmed.
    pub(crate) fn from_counts(counts: impl Iterator<Item = (i16, u64)>) -> Self {
        let mut list = Self::default();
        counts.for_each(|(k, n)| list.append(k, n));
        list
    }

    /// The list as given, if every count fits.
    pub(crate) fn from_bins(bins: &[(i16, u64)]) -> Option<Self> {
        let bins = bins
            .iter()
            .map(|(k, n)| Some((*k, u16::try_from(*n).ok()?)));
        Some(Self {
            bins: bins.collect::<Option<_>>()?,
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (i16, u32)> {
        self.bins.iter().map(|(k, n)| (*k, u32::from(*n)))
    }

    pub(crate) fn len(&self) -> usize {
        self.bins.len()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.bins.capacity() * size_of::<(i16, u16)>()
    }

    /// Adds `n` values of key `k` to each group's key, then trims. Keys ascend strictly.
    ///
    /// Of several bins of a key, the first takes the group; the others are copied behind it.
    pub(crate) fn insert(&mut self, groups: impl Iterator<Item = (i16, u64)>) {
        let old = mem::take(&mut self.bins);
        self.bins.reserve(old.len() + groups.size_hint().0);
        let mut old = &old[..];
        for (k, n) in groups {
            let lower = old.iter().take_while(|bin| bin.0 < k).count();
            self.bins.extend_from_slice(&old[..lower]);
            old = &old[lower..];
            let there = match old.split_first() {
                Some((first, rest)) if first.0 == k => {
                    old = rest;
                    u64::from(first.1)
                }
                _ => 0,
            };
            self.append(k, there + n);
        }
        self.bins.extend_from_slice(old);
        self.trim();
    }

    /// Adds the bins of `other`, then trims. The i-th bin of a key meets the i-th bin of that key.
    ///
    /// The same walk as [`ReleasedBins::insert`], for groups of equal keys: each uses up one bin.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.insert(other.bins.iter().map(|(k, n)| (*k, u64::from(*n))));
    }

    fn append(&mut self, k: i16, n: u64) {
        self.bins
            .extend(Profile::U16.split(n).map(|n| (k, n as u16)));
    }

    /// Whether a trim can have left this list: the bins above the limit are full, but for the last
    /// of them, which holds what the lowest bin kept could not.
    pub(crate) fn looks_trimmed(&self) -> bool {
        let over = self.bins.len().saturating_sub(BIN_LIMIT);
        self.bins[..over.saturating_sub(1)]
            .iter()
            .all(|(_, n)| u64::from(*n) == FULL)
    }

    /// Folds what exceeds [`BIN_LIMIT`] into the lowest bin kept. Counts that do not fit there
    /// stay in full bins of the removed keys, and the rest in one more bin of the lowest key kept.
    pub(crate) fn trim(&mut self) {
        let Some(removed) = self
            .bins
            .len()
            .checked_sub(BIN_LIMIT)
            .filter(|removed| *removed > 0)
        else {
            return;
        };
        let mut carry = 0;
        let mut overflow = Vec::new();
        for (k, n) in &self.bins[..removed] {
            carry += u64::from(*n);
            if carry > FULL {
                overflow.push((*k, FULL as u16));
                carry -= FULL;
            }
        }
        let lowest = &mut self.bins[removed];
        let sum = carry + u64::from(lowest.1);
        lowest.1 = sum.min(FULL) as u16;
        if sum > FULL {
            overflow.push((lowest.0, (sum - FULL) as u16));
        }
        self.bins.splice(..removed, overflow);
    }
}
