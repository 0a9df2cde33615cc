//! Batches in memory, oldest first, bounded in bytes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::Batch;

/// A batch's place: when its points left the engine, then the order of arrival. Halves of a batch
/// take its time, so they are as old as it was.
pub(crate) type Place = (u64, u64);

/// A batch that waits or is being sent.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) batch: Arc<Batch>,
    pub(crate) failures: u32,
    /// Not before this.
    pub(crate) not_before: Duration,
    /// Whether an attempt may have delivered it without an answer.
    pub(crate) uncertain: bool,
    /// Bytes of its body delivered for good.
    pub(crate) written: usize,
    pub(crate) sending: bool,
}

/// What is to happen next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Now(Place),
    /// Nothing before this time.
    At(Duration),
    /// Everything there is, is being sent.
    Sending,
    Nothing,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: BTreeMap<Place, Entry>,
    arrivals: u64,
    bytes: u64,
}

impl Queue {
    pub(crate) fn push(&mut self, batch: Batch, uncertain: bool) {
        self.arrivals += 1;
        self.bytes += batch.bytes();
        let place = (batch.created_unix_ms, self.arrivals);
        let entry = Entry {
            batch: Arc::new(batch),
            failures: 0,
            not_before: Duration::ZERO,
            uncertain,
            written: 0,
            sending: false,
        };
        self.entries.insert(place, entry);
    }

    /// Of the batches that are due, the one that has failed least often, of those the oldest.
    /// `ready_at` says when an endpoint may be used, `None` if not before a change.
    pub(crate) fn due(&self, now: Duration, ready_at: impl Fn(&str) -> Option<Duration>) -> Due {
        let mut best = None;
        let mut fewest = u32::MAX;
        let mut next: Option<Duration> = None;
        for (place, entry) in self.entries.iter().filter(|(_, entry)| !entry.sending) {
            let Some(ready) = ready_at(entry.batch.payload.path) else {
                continue;
            };
            let at = ready.max(entry.not_before);
            if at > now {
                next = Some(next.map_or(at, |n| n.min(at)));
            } else if entry.failures == 0 {
                return Due::Now(*place);
            } else if best.is_none() || entry.failures < fewest {
                fewest = entry.failures;
                best = Some(*place);
            }
        }
        match (best, next) {
            (Some(place), _) => Due::Now(place),
            (None, Some(at)) => Due::At(at),
            (None, None) if self.entries.is_empty() => Due::Nothing,
            (None, None) => Due::Sending,
        }
    }

    pub(crate) fn get_mut(&mut self, place: Place) -> Option<&mut Entry> {
        self.entries.get_mut(&place)
    }

    pub(crate) fn remove(&mut self, place: Place) -> Option<Entry> {
        let entry = self.entries.remove(&place)?;
        self.bytes -= entry.batch.bytes();
        Some(entry)
    }

    /// Takes out the oldest batch that is not being sent.
    pub(crate) fn take_oldest(&mut self) -> Option<Entry> {
        let (place, _) = self.entries.iter().find(|(_, entry)| !entry.sending)?;
        let place = *place;
        self.remove(place)
    }

    /// Takes out a batch that is not being sent and was made before `unix_ms`.
    pub(crate) fn take_older_than(&mut self, unix_ms: u64) -> Option<Entry> {
        let mut old = self.entries.range(..(unix_ms, 0));
        let (place, _) = old.find(|(_, entry)| !entry.sending)?;
        let place = *place;
        self.remove(place)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn points(&self) -> u64 {
        self.entries
            .values()
            .map(|entry| entry.batch.points())
            .sum()
    }
}
