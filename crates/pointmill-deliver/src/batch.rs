//! A payload on its way, with the identity under which a receiver knows it again.

use std::fmt;
use std::io;

use pointmill_wire::Payload;

use crate::Entropy;

/// What tells a batch from all others, in the header [`BatchId::HEADER`].
///
/// ```text
/// 9f86d081884c7d659a2feaa0c55ad015         128 random bits in hexadecimal
/// 9f86d081884c7d659a2feaa0c55ad015.0.1     the second half of its first half
/// ```
///
/// A receiver that has taken a batch answers a repetition with success and takes nothing, and does
/// the same for every batch whose identity begins with one it has taken, followed by a dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(String);

impl BatchId {
    /// The header that carries it.
    pub const HEADER: &'static str = "DD-Pointmill-Batch";

    /// A new one.
    #[must_use]
    pub fn new(entropy: &dyn Entropy) -> BatchId {
        BatchId(format!("{:016x}{:016x}", entropy.next(), entropy.next()))
    }

    /// One that was written down, or `None` if this is none: 32 hexadecimal digits, then `.0` and
    /// `.1` for halves.
    #[must_use]
    pub fn from_text(text: &str) -> Option<BatchId> {
        let mut parts = text.split('.');
        let hex = parts.next()?;
        let sound = hex.len() == 32
            && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            && parts.all(|half| half == "0" || half == "1")
            && text.len() <= 32 + 2 * 64;
        sound.then(|| BatchId(text.to_owned()))
    }

    /// As it stands in the header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `self` is a part of what `taken` stands for, or the same.
    #[must_use]
    pub fn is_within(&self, taken: &BatchId) -> bool {
        let rest = self.0.strip_prefix(taken.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    fn half(&self, which: u8) -> BatchId {
        BatchId(format!("{}.{which}", self.0))
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One payload on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its identity; stays the same over all attempts, processes and the spool.
    pub id: BatchId,
    /// When its points left the engine, in milliseconds since 1970-01-01 UTC.
    pub created_unix_ms: u64,
    /// The bytes and where they go.
    pub payload: Payload,
}

impl Batch {
    /// Points recorded into it.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.payload.points
    }

    /// Bytes it is charged with in the queue: the body and what is kept beside it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let parts = self.payload.parts.len() * size_of::<pointmill_wire::Part>();
        (self.payload.body.len() + parts + size_of::<Batch>()) as u64
    }

    /// Two batches of half the size, or `None` for one of a single series.
    ///
    /// # Errors
    /// The body could not be unpacked or packed again.
    pub fn split(&self) -> io::Result<Option<[Batch; 2]>> {
        let Some([first, second]) = self.payload.split()? else {
            return Ok(None);
        };
        let half = |which, payload| Batch {
            id: self.id.half(which),
            payload,
            created_unix_ms: self.created_unix_ms,
        };
        Ok(Some([half(0, first), half(1, second)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_read_back_and_nothing_else_is() {
        let id = BatchId::new(&crate::SystemEntropy);
        let half = id.half(0).half(1);
        for id in [&id, &half] {
            assert_eq!(BatchId::from_text(id.as_str()).as_ref(), Some(id));
        }
        for text in [
            "",
            "12",
            "9F86d081884c7d659a2feaa0c55ad015",
            &format!("{id}.2"),
            &format!("{id}."),
        ] {
            assert_eq!(BatchId::from_text(text), None, "{text}");
        }
        assert!(half.is_within(&id) && half.is_within(&id.half(0)) && id.is_within(&id));
        assert!(!id.is_within(&half) && !id.half(1).is_within(&id.half(0)));
        assert_ne!(id, BatchId::new(&crate::SystemEntropy));
    }
}
