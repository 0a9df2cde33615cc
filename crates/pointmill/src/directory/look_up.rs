//! Finding a context by its key, without a lock and without an allocation.
//!
//! Hashes find, the full key decides. What is read may be changing under the reader's eyes: a match
//! counts only if the context's tag is the same before and after, and a miss is asked again under
//! the lock.

use super::{Directory, KIND, LIVE, Tag};
use crate::arena::Ref;
use crate::part;
use crate::primitive::{Ordering, fence};
use crate::{ContextId, Kind};

/// Name and tags that the quick way by name takes; with more it is longer, but allocates nothing
/// either.
pub(crate) const PARTS_FEW: usize = 13;

/// As many as the default of `tags_max` and the name.
const PARTS_MANY: usize = 101;

/// Parts that a query can hold at the most: a name and the largest `tags_max`.
pub(super) const PARTS_MOST: usize = 1_001;

/// A key as a caller gives it: tags in any order, with duplicates and empty ones.
///
/// `PARTS` is one more than the number of tags it can hold.
pub(crate) struct Query<'q, S, const PARTS: usize> {
    pub(super) kind: Kind,
    /// The name and the tags.
    parts: &'q [S],
    pub(super) hash: u64,
    /// Parts that count: the name, and the tags without duplicates.
    pub(super) len: usize,
    /// Each one's index in `parts`, and its hash.
    counted: [(usize, u64); PARTS],
}

impl<'q, S: AsRef<[u8]>, const PARTS: usize> Query<'q, S, PARTS> {
    #[inline(always)]
    pub(crate) fn new(kind: Kind, parts: &'q [S]) -> Self {
        Query {
            kind,
            parts,
            hash: 0,
            len: 0,
            counted: [(0, 0); PARTS],
        }
    }

    /// The parts that count.
    #[inline(always)]
    pub(super) fn counted(&self) -> impl Iterator<Item = &'q [u8]> {
        let parts = self.parts;
        self.counted[..self.len]
            .iter()
            .map(|&(i, _)| parts[i].as_ref())
    }
}

impl Directory {
    /// Hashes a key; `parts[0]` is the name. False if there is none, or if there are more tags
    /// than the query holds.
    #[inline(always)]
    pub(crate) fn hash<S: AsRef<[u8]>, const PARTS: usize>(
        &self,
        query: &mut Query<'_, S, PARTS>,
    ) -> bool {
        let Some((name, tags)) = query.parts.split_first() else {
            return false;
        };
        if tags.len() >= PARTS {
            return false;
        }
        let name = self.name_hash.of(name.as_ref());
        query.counted[0] = (0, name);
        let mut len = 1;
        let mut sum = name ^ query.kind as u64;
        // One bit for each tag seen: only if a tag's bit is taken can it be a duplicate.
        let mut seen = 0_u64;
        for (i, tag) in tags.iter().enumerate() {
            let bytes = tag.as_ref();
            let tag = self.tag_hash.of(bytes);
            let bit = 1 << (tag % 64);
            if bytes.is_empty()
                || (seen & bit != 0 && has_tag(query.parts, &query.counted[1..len], tag, bytes))
            {
                continue;
            }
            seen |= bit;
            query.counted[len] = (i + 1, tag);
            len += 1;
            sum = sum.wrapping_add(tag);
        }
        query.len = len;
        query.hash = sum;
        true
    }

    /// The context of a key, if it is known: [`Directory::hash`] and [`Directory::find`].
    pub(crate) fn look_up<S: AsRef<[u8]>>(
        &self,
        kind: Kind,
        parts: &[S],
    ) -> Option<(ContextId, Tag)> {
        if parts.len() <= PARTS_FEW {
            let mut query = Query::<S, PARTS_FEW>::new(kind, parts);
            return if self.hash(&mut query) {
                self.find(&query)
            } else {
                None
            };
        }
        if parts.len() <= PARTS_MANY {
            let mut query = Query::<S, PARTS_MANY>::new(kind, parts);
            return if self.hash(&mut query) {
                self.find(&query)
            } else {
                None
            };
        }
        let mut query = Query::<S, PARTS_MOST>::new(kind, parts);
        if self.hash(&mut query) {
            self.find(&query)
        } else {
            None
        }
    }

    /// The context of a key, if it is known. Takes no lock and allocates nothing.
    //
    // Not inlined, like `key_matches`: together in one function they spill most of its registers.
    #[inline(never)]
    pub(crate) fn find<S: AsRef<[u8]>, const PARTS: usize>(
        &self,
        query: &Query<'_, S, PARTS>,
    ) -> Option<(ContextId, Tag)> {
        // The table is at most half full: an empty place ends the search. The bound holds even
        // while a writer shifts entries.
        for step in 0..self.index.len() as u64 {
            let entry = self
                .index
                .at(query.hash.wrapping_add(step))
                .load(Ordering::Acquire);
            if entry == 0 {
                return None;
            }
            if (entry ^ query.hash) >> 32 == 0 {
                let context = (entry as u32).wrapping_sub(1);
                let tag = self.tag(context);
                if tag.0 & (LIVE | KIND) == LIVE | query.kind as u32
                    && self.key_matches(context, query)
                {
                    // The reads of the key come before the second read of the tag.
                    fence(Ordering::Acquire);
                    if self.tags[context as usize].load(Ordering::Relaxed) == tag.0 {
                        return Some((ContextId::new(context, tag.generation()), tag));
                    }
                }
            }
        }
        None
    }

    #[inline(never)]
    fn key_matches<S: AsRef<[u8]>, const PARTS: usize>(
        &self,
        context: u32,
        query: &Query<'_, S, PARTS>,
    ) -> bool {
        let Some(slot) = self.slots.get(context as usize) else {
            return false;
        };
        if slot.hash.get() != query.hash || slot.parts.get() as usize != query.len {
            return false;
        }
        let Some(key) = self.names.view().words_from(Ref(slot.key.get())) else {
            return false;
        };
        // Mostly the tags come in one order: look first where the tag then is.
        query.counted().enumerate().all(|(i, bytes)| {
            part::is(key, i, bytes) || (i > 0 && (1..query.len).any(|i| part::is(key, i, bytes)))
        })
    }
}

/// Whether a tag is among those counted so far.
#[cold]
fn has_tag<S: AsRef<[u8]>>(parts: &[S], counted: &[(usize, u64)], tag: u64, bytes: &[u8]) -> bool {
    counted
        .iter()
        .any(|&(i, other)| other == tag && parts[i].as_ref() == bytes)
}
