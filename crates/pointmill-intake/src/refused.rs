//! What was refused: counted by cause for ever, the last thousand with their reasons.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// Refusals kept with their reasons.
pub const KEPT_MAX: usize = 1000;

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// The body is not what its route takes.
    Decode,
    /// The body cannot be unpacked.
    Encoding,
    /// The body is larger than its route allows.
    TooLarge,
    /// The key is missing or wrong.
    Key,
    /// A metric's name cannot be used.
    Name,
    /// A value is not a finite number.
    Value,
    /// A point is too old or too far ahead.
    Timestamp,
    /// More tags than are kept; the values were.
    Tags,
    /// The store is full.
    Full,
    /// The store failed to write.
    Storage,
    /// The body did not arrive in time, or was cut short.
    Timeout,
    /// Too much at once.
    Overload,
    /// A DogStatsD message that cannot be read.
    Message,
    /// A body that says nothing.
    Empty,
    /// There is no such route, or not with this method.
    Route,
}

impl Cause {
    /// The word it is counted under.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Decode => "decode",
            Cause::Encoding => "encoding",
            Cause::TooLarge => "too_large",
            Cause::Key => "key",
            Cause::Name => "name",
            Cause::Value => "value",
            Cause::Timestamp => "timestamp",
            Cause::Tags => "tags",
            Cause::Full => "full",
            Cause::Storage => "storage",
            Cause::Timeout => "timeout",
            Cause::Overload => "overload",
            Cause::Message => "message",
            Cause::Empty => "empty",
            Cause::Route => "route",
        }
    }
}

/// One refusal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refusal {
    /// Unix seconds.
    pub at: f64,
    /// The path, or `dogstatsd`.
    pub route: String,
    /// Why, in a word.
    pub cause: Cause,
    /// Why, and what to do.
    pub message: String,
    /// The field; empty if none.
    pub field: String,
    /// The byte, where there is one.
    pub offset: Option<usize>,
    /// Length of what was refused.
    pub bytes: u64,
    /// The sender's User-Agent, or empty.
    pub client: String,
    /// Entries refused.
    pub entries: u64,
}

impl Refusal {
    /// A refusal of a whole body, now.
    #[must_use]
    pub fn new(route: &str, cause: Cause, message: impl Into<String>) -> Refusal {
        Refusal {
            at: now(),
            route: route.to_owned(),
            cause,
            message: message.into(),
            field: String::new(),
            offset: None,
            bytes: 0,
            client: String::new(),
            entries: 1,
        }
    }
}

/// Unix seconds with their fraction.
#[must_use]
pub fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |t| t.as_secs_f64())
}

/// The list of refusals.
#[derive(Debug, Default)]
pub struct Refusals {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    total: u64,
    by_cause: BTreeMap<&'static str, u64>,
    items: VecDeque<Refusal>,
}

/// What a reader of the list gets.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedList {
    /// Refused entries in all.
    pub total: u64,
    /// The same by cause.
    pub by_cause: BTreeMap<&'static str, u64>,
    /// The newest first.
    pub items: Vec<Refusal>,
}

impl Refusals {
    /// Adds one. Long texts of strangers are cut.
    pub fn add(&self, mut refusal: Refusal) {
        cut(&mut refusal.message, 500);
        cut(&mut refusal.client, 200);
        cut(&mut refusal.route, 200);
        let mut inner = self.lock();
        inner.total += refusal.entries;
        *inner.by_cause.entry(refusal.cause.name()).or_default() += refusal.entries;
        if inner.items.len() == KEPT_MAX {
            inner.items.pop_back();
        }
        inner.items.push_front(refusal);
    }

    /// The newest `limit`, and the counters.
    #[must_use]
    pub fn list(&self, limit: usize) -> RefusedList {
        let inner = self.lock();
        RefusedList {
            total: inner.total,
            by_cause: inner.by_cause.clone(),
            items: inner.items.iter().take(limit).cloned().collect(),
        }
    }

    /// Refused entries in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lock().total
    }

    /// Forgets all.
    pub fn clear(&self) {
        *self.lock() = Inner::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn cut(text: &mut String, max: usize) {
    if text.len() > max {
        let end = (0..=max)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_all_are_counted() {
        let refusals = Refusals::default();
        for i in 0..KEPT_MAX + 5 {
            refusals.add(Refusal::new(
                "/r",
                Cause::Decode,
                format!("{i}{}", "é".repeat(400)),
            ));
        }
        let list = refusals.list(2);
        assert_eq!((list.total, list.by_cause["decode"]), (1005, 1005));
        assert_eq!(list.items.len(), 2);
        assert!(list.items[0].message.starts_with("1004") && list.items[0].message.len() < 510);
        assert_eq!(refusals.list(9999).items.len(), KEPT_MAX);
        refusals.clear();
        assert_eq!(refusals.total(), 0);
    }
}
