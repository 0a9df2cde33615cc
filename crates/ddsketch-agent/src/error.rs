//! Why a sketch refuses a value or a list of bins.

use core::error::Error;
use core::fmt;

/// Why a value was not inserted. The sketch is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InsertError {
    /// The value, or a bound of the interval, is infinite or NaN. The Agent drops such points too.
    NotFinite,
    /// The upper bound of the interval has a lower key than the lower bound.
    BoundsDescend,
    /// The sketch would hold more than [`COUNT_MAX`](crate::COUNT_MAX) values.
    TooMany,
}

impl fmt::Display for InsertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "the value is infinite or NaN; record finite values only",
            Self::BoundsDescend => "the upper bound is below the lower bound; swap them",
            Self::TooMany => {
                "the weight would take the sketch over 2^44 values; use a smaller weight, or a \
                 larger sample rate"
            }
        })
    }
}

impl Error for InsertError {}

/// Why a list of bins is not one a sketch can have. `index` is the position in the list, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BinsError {
    /// The key is lower than the one before it.
    KeysDescend {
        /// The bin with the lower key.
        index: usize,
    },
    /// The key is −32768; the lowest is −32767.
    KeyRange {
        /// The bin with that key.
        index: usize,
    },
    /// The counts up to this bin add up to more than [`COUNT_MAX`](crate::COUNT_MAX).
    TooMany {
        /// The bin that goes over the limit.
        index: usize,
    },
}

impl fmt::Display for BinsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeysDescend { index } => {
                write!(
                    f,
                    "bin {index} has a lower key than the bin before it; sort them by key"
                )
            }
            Self::KeyRange { index } => {
                write!(
                    f,
                    "bin {index} has the key -32768; keys go from -32767 to 32767"
                )
            }
            Self::TooMany { index } => {
                write!(
                    f,
                    "the counts up to bin {index} add up to more than 2^44; split the data"
                )
            }
        }
    }
}

impl Error for BinsError {}
