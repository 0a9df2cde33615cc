//! Errors: small and `Copy` on the way of a point, with context elsewhere. Each names the cause
//! and the remedy.

use core::fmt;

/// Why a point was refused. The engine has counted it under the same cause in
/// [`Stats`](crate::Stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordError {
    /// The value is NaN or infinite.
    NotFinite,
    /// The context was given back after its idle time, or never came from this engine.
    StaleContext,
    /// The timestamp is further back than the option `past_max_s` allows.
    TooOld,
    /// The timestamp is further ahead than the option `future_max_s` allows.
    TooNew,
    /// The metric name is empty or longer than `name_bytes_max`, or a tag is longer than
    /// `tag_bytes_max`.
    InvalidName,
    /// No room for the context, nor for an overflow context of its metric.
    NoRoom,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RecordError::NotFinite => "the value is NaN or infinite; record finite values only",
            RecordError::StaleContext => {
                "the context id is stale or not of this engine; ask for the context again"
            }
            RecordError::TooOld => {
                "the timestamp is too far in the past; raise past_max_s or drop the point"
            }
            RecordError::TooNew => {
                "the timestamp is too far in the future; check the clock and the unit (seconds), or raise future_max_s"
            }
            RecordError::InvalidName => {
                "the metric name is empty or too long, or a tag is too long; shorten it or raise name_bytes_max or tag_bytes_max"
            }
            RecordError::NoRoom => {
                "no room is left for a new metric; raise contexts_max, names_bytes or arena_bytes, or use fewer metric names"
            }
        })
    }
}

impl std::error::Error for RecordError {}

/// Why an engine could not be made or configured.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// No option has this name.
    UnknownOption {
        /// The name as given.
        name: String,
    },
    /// The value is not a number, or outside the option's range.
    BadValue {
        /// The option.
        name: &'static str,
        /// The value as given.
        value: String,
        /// Smallest value allowed.
        min: u64,
        /// Largest value allowed.
        max: u64,
    },
    /// The limits ask for more than `arena_bytes` holds.
    ArenaTooSmall {
        /// What the limits need at the least, in bytes.
        needed: u64,
        /// What `arena_bytes` gives.
        given: u64,
    },
    /// The operating system gave no memory for the arena.
    NoMemory {
        /// The bytes asked for.
        bytes: u64,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::UnknownOption { name } => {
                write!(f, "no option is called {name:?}; the options are")?;
                for (i, o) in crate::Config::OPTIONS.iter().enumerate() {
                    write!(f, "{} {}", if i == 0 { "" } else { "," }, o.name)?;
                }
                Ok(())
            }
            ConfigError::BadValue {
                name,
                value,
                min,
                max,
            } => {
                write!(
                    f,
                    "{name} is {value:?}; give a whole number from {min} to {max}"
                )
            }
            ConfigError::ArenaTooSmall { needed, given } => write!(
                f,
                "arena_bytes is {given}, the limits need {needed}; raise it, or lower contexts_max, names_bytes or threads_max"
            ),
            ConfigError::NoMemory { bytes } => {
                write!(
                    f,
                    "the system gave no {bytes} bytes for the arena; lower arena_bytes"
                )
            }
        }
    }
}

impl std::error::Error for ConfigError {}
