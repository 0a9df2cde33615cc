//! What a point belongs to: the kind of a metric and the handle of an interned context.

use core::fmt;

/// What a metric's points mean and what a flush makes of them.
///
/// The numbers are those of the C ABI (`POINTMILL_DISTRIBUTION` …) and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Values go into a sketch that the receiver can merge and query.
    Distribution = 1,
    /// Values are added up.
    Count = 2,
    /// The last value of an interval stands.
    Gauge = 3,
    /// Values go into a sketch of which a flush sends avg, count, median, 95percentile and max.
    Histogram = 4,
}

impl Kind {
    /// Every kind, in the order of its numbers.
    pub const ALL: [Kind; 4] = [
        Kind::Distribution,
        Kind::Count,
        Kind::Gauge,
        Kind::Histogram,
    ];

    /// The kind with the number `n`, or `None`.
    #[must_use]
    pub const fn from_number(n: u32) -> Option<Kind> {
        match n {
            1 => Some(Kind::Distribution),
            2 => Some(Kind::Count),
            3 => Some(Kind::Gauge),
            4 => Some(Kind::Histogram),
            _ => None,
        }
    }

    /// The kind's name in lower case, as reports and errors write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Distribution => "distribution",
            Kind::Count => "count",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }

    /// Whether values of this kind go into a sketch (otherwise they become one number).
    #[must_use]
    pub const fn has_sketch(self) -> bool {
        matches!(self, Kind::Distribution | Kind::Histogram)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The handle of an interned context: kind, metric name and tag set.
///
/// An index and a generation in one number below 2^53, so that every language can hold it in a
/// plain number. A context that was given back after a long idle time leaves its handles stale:
/// recording to one is refused with [`RecordError::StaleContext`](crate::RecordError), never
/// credited to the context that took its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContextId(u64);

impl ContextId {
    /// Bits of the generation: with 32 index bits below them the handle stays under 2^53.
    pub(crate) const GENERATION_BITS: u32 = 21;

    pub(crate) const fn new(index: u32, generation: u32) -> ContextId {
        ContextId(((generation as u64) << 32) | index as u64)
    }

    /// The handle as a number, for callers on the far side of an FFI.
    #[must_use]
    #[inline]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The handle from its number. Any number may be given; one that is not a live handle of the
    /// engine it is used with is refused there.
    #[must_use]
    #[inline]
    pub const fn from_bits(bits: u64) -> ContextId {
        ContextId(bits)
    }

    #[inline]
    pub(crate) const fn index(self) -> u32 {
        self.0 as u32
    }

    /// The generation with whatever stands above it, so that a number past 2^53 matches none.
    #[inline]
    pub(crate) const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl fmt::Debug for ContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContextId({}#{})", self.index(), self.generation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_keep_their_numbers() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_number(kind as u32), Some(kind));
        }
        assert_eq!(Kind::from_number(0), None);
        assert_eq!(Kind::from_number(5), None);
    }

    #[test]
    fn handles_stay_below_two_to_the_53() {
        let last = ContextId::new(u32::MAX, (1 << ContextId::GENERATION_BITS) - 1);
        assert!(last.to_bits() < 1 << 53);
        assert_eq!(last.index(), u32::MAX);
        assert_eq!(last.generation(), (1 << ContextId::GENERATION_BITS) - 1);
    }
}
