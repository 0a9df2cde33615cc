//! One thread's share of the buffer: its points, and the contexts they belong to.
//!
//! ```text
//! parts ──hash──▶ index ──▶ contexts[i]: hash, key, text      found by hash, decided by the key
//!                                  ▲
//! points   (context, value, second) …                         room for a fixed number
//! held     id → context                                       contexts a caller keeps ids of
//! ```

use std::sync::Arc;

use super::text::Text;

/// Contexts that a shard keeps at most between two drains; then it asks to be drained.
pub(super) const CONTEXTS_MAX: usize = 4096;
/// Bytes of the keys and texts of those contexts.
pub(super) const TEXT_BYTES_MAX: usize = 4 << 20;

#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) value: f64,
    pub(super) unix_s: i64,
    pub(super) context: u32,
}

#[derive(Debug)]
struct Context {
    hash: u64,
    key: Box<[u8]>,
    text: Arc<Text>,
}

#[derive(Debug)]
pub(super) struct Shard {
    pub(super) points: Vec<Point>,
    /// Points taken since the process began.
    pub(super) taken: u64,
    /// Open addressing: context + 1, or 0. A power of two long.
    index: Vec<u32>,
    contexts: Vec<Context>,
    text_bytes: usize,
    /// Context + 1 of each held id, or 0.
    held: Vec<u32>,
}

/// What became of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Push {
    /// It is in the buffer.
    Taken,
    /// It is in the buffer, which is now half full.
    HalfFull,
    /// There is no room before the next drain.
    Full,
}

impl Shard {
    pub(super) fn new(points_max: usize) -> Shard {
        Shard {
            points: Vec::with_capacity(points_max),
            taken: 0,
            index: vec![0; 64],
            contexts: Vec::new(),
            text_bytes: 0,
            held: Vec::new(),
        }
    }

    /// Appends a point; `points` never grows past its capacity.
    #[inline]
    pub(super) fn push(&mut self, context: u32, value: f64, unix_s: i64) -> Push {
        if self.points.len() == self.points.capacity() {
            return Push::Full;
        }
        self.points.push(Point {
            value,
            unix_s,
            context,
        });
        self.taken += 1;
        if self.points.len() == self.points.capacity() / 2 {
            Push::HalfFull
        } else {
            Push::Taken
        }
    }

    /// The context of these parts, if the shard knows it.
    #[inline]
    pub(super) fn find<S: AsRef<[u8]>>(&self, hash: u64, sort: u8, parts: &[S]) -> Option<u32> {
        let mask = self.index.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let context = self.index[at].checked_sub(1)?;
            let known = &self.contexts[context as usize];
            if known.hash == hash && is_key(&known.key, sort, parts) {
                return Some(context);
            }
            at = (at + 1) & mask;
        }
    }

    /// Whether a further context would pass a limit.
    pub(super) fn is_crowded(&self) -> bool {
        self.contexts.len() >= CONTEXTS_MAX || self.text_bytes >= TEXT_BYTES_MAX
    }

    /// Adds a context that [`Shard::find`] did not find.
    pub(super) fn insert(&mut self, hash: u64, key: Box<[u8]>, text: Arc<Text>) -> u32 {
        if (self.contexts.len() + 1) * 2 > self.index.len() {
            self.grow();
        }
        let context = self.contexts.len() as u32;
        self.text_bytes += key.len() + text.head.len() + text.tail.len();
        self.contexts.push(Context { hash, key, text });
        self.place(hash, context);
        context
    }

    fn grow(&mut self) {
        self.index = vec![0; self.index.len() * 2];
        for context in 0..self.contexts.len() {
            self.place(self.contexts[context].hash, context as u32);
        }
    }

    fn place(&mut self, hash: u64, context: u32) {
        let mask = self.index.len() - 1;
        let mut at = hash as usize & mask;
        while self.index[at] != 0 {
            at = (at + 1) & mask;
        }
        self.index[at] = context + 1;
    }

    /// The context of a held id, if the shard has met it.
    #[inline]
    pub(super) fn find_held(&self, id: usize) -> Option<u32> {
        self.held.get(id)?.checked_sub(1)
    }

    pub(super) fn remember_held(&mut self, id: usize, context: u32) {
        if self.held.len() <= id {
            self.held.resize(id + 1, 0);
        }
        self.held[id] = context + 1;
    }

    /// The texts from `from` on.
    pub(super) fn texts(&self, from: usize) -> impl Iterator<Item = Arc<Text>> + '_ {
        self.contexts[from..].iter().map(|c| Arc::clone(&c.text))
    }

    /// Forgets all contexts. Only with no points left.
    pub(super) fn forget(&mut self) {
        debug_assert!(self.points.is_empty());
        self.index = vec![0; 64];
        self.contexts = Vec::new();
        self.held = Vec::new();
        self.text_bytes = 0;
    }
}

/// The bytes that tell a context from all others: its sort, and each part behind its length.
pub(super) fn key_of<S: AsRef<[u8]>>(sort: u8, parts: &[S]) -> Box<[u8]> {
    let mut key = vec![sort];
    for part in parts {
        let part = part.as_ref();
        key.extend_from_slice(&(part.len() as u32).to_le_bytes());
        key.extend_from_slice(part);
    }
    key.into()
}

#[inline]
fn is_key<S: AsRef<[u8]>>(key: &[u8], sort: u8, parts: &[S]) -> bool {
    let Some((first, mut rest)) = key.split_first() else {
        return false;
    };
    if *first != sort {
        return false;
    }
    for part in parts {
        let part = part.as_ref();
        let Some((len, tail)) = rest.split_first_chunk::<4>() else {
            return false;
        };
        if u32::from_le_bytes(*len) as usize != part.len() || tail.len() < part.len() {
            return false;
        }
        let (known, tail) = tail.split_at(part.len());
        if known != part {
            return false;
        }
        rest = tail;
    }
    rest.is_empty()
}
