//! One option: what it may be set to, and why a value was refused.

use core::fmt;

use super::EncodeConfig;

/// One option of [`EncodeConfig`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodeOption {
    /// Its name.
    pub name: &'static str,
    /// Its value when nothing is set, as text.
    pub default: &'static str,
    /// What it may be set to.
    pub kind: EncodeOptionKind,
    /// One line of explanation.
    pub doc: &'static str,
}

/// What an option may be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeOptionKind {
    /// A whole number.
    Number {
        /// Smallest value allowed.
        min: u64,
        /// Largest value allowed.
        max: u64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false` (also 1 and 0).
    Flag,
    /// Text without control characters.
    Text {
        /// Most bytes.
        bytes_max: u64,
    },
}

impl EncodeOptionKind {
    /// What `value` stands for, or `None` if it is not allowed: the number itself, 1 or 0 for a
    /// flag, 0 for a word or text. Space around it does not count.
    #[must_use]
    pub fn number_of(&self, value: &str) -> Option<u64> {
        let text = value.trim();
        match *self {
            EncodeOptionKind::Number { min, max } => {
                text.parse().ok().filter(|n| (min..=max).contains(n))
            }
            EncodeOptionKind::Choice(words) => words.contains(&text).then_some(0),
            EncodeOptionKind::Flag => match text {
                "true" | "1" => Some(1),
                "false" | "0" => Some(0),
                _ => None,
            },
            EncodeOptionKind::Text { bytes_max } => {
                let fits = text.len() as u64 <= bytes_max && !text.contains(char::is_control);
                fits.then_some(0)
            }
        }
    }
}

impl fmt::Display for EncodeOptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeOptionKind::Number { min, max } => {
                write!(f, "a whole number from {min} to {max}")
            }
            EncodeOptionKind::Choice(words) => write!(f, "one of {}", words.join(", ")),
            EncodeOptionKind::Flag => f.write_str("true or false"),
            EncodeOptionKind::Text { bytes_max } => {
                write!(f, "at most {bytes_max} bytes without control characters")
            }
        }
    }
}

pub(super) const fn number(
    name: &'static str,
    default: &'static str,
    (min, max): (u64, u64),
    doc: &'static str,
) -> EncodeOption {
    EncodeOption {
        name,
        default,
        kind: EncodeOptionKind::Number { min, max },
        doc,
    }
}

pub(super) const fn choice(
    name: &'static str,
    default: &'static str,
    words: &'static [&'static str],
    doc: &'static str,
) -> EncodeOption {
    EncodeOption {
        name,
        default,
        kind: EncodeOptionKind::Choice(words),
        doc,
    }
}

pub(super) const fn flag(
    name: &'static str,
    default: &'static str,
    doc: &'static str,
) -> EncodeOption {
    EncodeOption {
        name,
        default,
        kind: EncodeOptionKind::Flag,
        doc,
    }
}

pub(super) const fn text(name: &'static str, bytes_max: u64, doc: &'static str) -> EncodeOption {
    EncodeOption {
        name,
        default: "",
        kind: EncodeOptionKind::Text { bytes_max },
        doc,
    }
}

/// A value that has passed its option's check.
pub(super) struct Parsed<'a> {
    pub(super) text: &'a str,
    pub(super) number: u64,
}

impl EncodeOption {
    pub(super) fn parse<'a>(&self, value: &'a str) -> Result<Parsed<'a>, EncodeConfigError> {
        let text = value.trim();
        let parsed = self.kind.number_of(value);
        let bad = || EncodeConfigError::BadValue {
            name: self.name,
            value: value.to_owned(),
            allowed: self.kind,
        };
        Ok(Parsed {
            text,
            number: parsed.ok_or_else(bad)?,
        })
    }
}

/// Why an option could not be set, or why the options do not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeConfigError {
    /// No option has this name.
    UnknownOption {
        /// The name as given.
        name: String,
    },
    /// The value is not one the option can have.
    BadValue {
        /// The option.
        name: &'static str,
        /// The value as given.
        value: String,
        /// What it may be.
        allowed: EncodeOptionKind,
    },
    /// The value is one the option can have, but not together with the others.
    Conflict {
        /// The option.
        name: &'static str,
        /// Its value.
        value: String,
        /// What to do instead.
        remedy: &'static str,
    },
}

impl fmt::Display for EncodeConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeConfigError::UnknownOption { name } => {
                write!(f, "no option is called {name:?}; the options are")?;
                for (i, o) in EncodeConfig::OPTIONS.iter().enumerate() {
                    write!(f, "{} {}", if i == 0 { "" } else { "," }, o.name)?;
                }
                Ok(())
            }
            EncodeConfigError::BadValue {
                name,
                value,
                allowed,
            } => {
                write!(f, "{name} is {value:?}; give {allowed}")
            }
            EncodeConfigError::Conflict {
                name,
                value,
                remedy,
            } => {
                write!(f, "{name} is {value:?}: {remedy}")
            }
        }
    }
}

impl std::error::Error for EncodeConfigError {}
