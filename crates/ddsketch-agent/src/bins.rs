//! Bins as columns of keys and counts, the form they have on the wire.

use alloc::vec::Vec;

use crate::{Sketch, Summary, quantile};

/// The number of bins above which the lowest are folded together.
pub const BIN_LIMIT: usize = 4096;

/// How wide the count of one bin may be, and how the lowest bins are folded above [`BIN_LIMIT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Released Agents: counts up to 65 535. A larger count becomes several adjacent bins of its
    /// key, first the remainder, then full ones. Overflow while folding leaves extra bins, so that
    /// there can be more than [`BIN_LIMIT`].
    ///
    /// A sketch of more than 2^32 values gives the bins of [`Profile::U32`] instead: they would be
    /// over 65 536 bins here, and Agents stop far below.
    U16,
    /// The Agent Data Plane: counts up to 4 294 967 295, so that practically every key has one bin.
    /// The lowest bins' counts go to the lowest bin kept.
    U32,
}

impl Profile {
    /// The largest count of one bin.
    #[must_use]
    pub const fn count_max(self) -> u32 {
        match self {
            Profile::U16 => 65_535,
            Profile::U32 => u32::MAX,
        }
    }

    /// The counts of the bins that hold `n` values of one key, in the Agent's order.
    pub(crate) fn split(self, n: u64) -> impl Iterator<Item = u32> + Clone {
        let full = u64::from(self.count_max());
        let (fulls, rest) = (n / full, (n % full) as u32);
        let rest = (rest != 0).then_some(rest);
        // At most COUNT_MAX / 65 535, so the number fits wherever that many bins do.
        rest.into_iter()
            .chain(core::iter::repeat_n(self.count_max(), fulls as usize))
    }
}

/// Bins in ascending order of keys. Equal keys are adjacent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bins {
    /// The keys (`k` on the wire).
    pub keys: Vec<i16>,
    /// As many counts, none 0 (`n` on the wire).
    pub counts: Vec<u32>,
}

impl Bins {
    /// These bins as a sketch with `summary`.
    #[must_use]
    pub fn with_summary(&self, summary: Summary) -> SketchRef<'_> {
        SketchRef {
            summary,
            keys: &self.keys,
            counts: &self.counts,
        }
    }
}

impl FromIterator<(i16, u32)> for Bins {
    fn from_iter<I: IntoIterator<Item = (i16, u32)>>(bins: I) -> Self {
        let (keys, counts) = bins.into_iter().unzip();
        Self { keys, counts }
    }
}

/// A sketch that borrows its bins: for reading what is stored elsewhere without a copy.
///
/// The keys should ascend (equal ones adjacent) and there should be as many counts; every use is
/// safe without, but the answers are only good with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SketchRef<'a> {
    /// Count, minimum, maximum, sum and mean.
    pub summary: Summary,
    /// The keys of the bins, ascending.
    pub keys: &'a [i16],
    /// The counts of the bins.
    pub counts: &'a [u32],
}

impl SketchRef<'_> {
    /// As [`Sketch::quantile`]. O(bins).
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        quantile::accurate(&self.summary, self.total(), q, |rank| {
            quantile::key_at(self.bins(), rank)
        })
    }

    /// As [`Sketch::quantile_agent`], on the bins as they are. O(bins).
    #[must_use]
    pub fn quantile_agent(&self, q: f64) -> Option<f64> {
        quantile::agent(&self.summary, self.total(), self.bins(), q)
    }

    /// A sketch of its own with the same content.
    ///
    /// Never fails: bins out of order are sorted, and what [`Sketch::from_bins`] would refuse for
    /// another reason is left out: the key −32768, counts above [`COUNT_MAX`](crate::COUNT_MAX).
    #[must_use]
    pub fn to_sketch(&self) -> Sketch {
        Sketch::from_bins(self.summary, self.bins()).unwrap_or_else(|_| {
            let mut bins: Vec<_> = self.bins().filter(|(k, _)| *k != i16::MIN).collect();
            bins.sort_by_key(|(k, _)| *k);
            let mut room = crate::COUNT_MAX;
            for (_, n) in &mut bins {
                *n = (*n).min(room);
                room -= *n;
            }
            Sketch::from_bins(self.summary, bins).unwrap_or_default()
        })
    }

    fn bins(&self) -> impl Iterator<Item = (i16, u64)> {
        self.keys
            .iter()
            .zip(self.counts)
            .map(|(k, n)| (*k, u64::from(*n)))
    }

    fn total(&self) -> u64 {
        self.bins().map(|(_, n)| n).fold(0, u64::saturating_add)
    }
}
