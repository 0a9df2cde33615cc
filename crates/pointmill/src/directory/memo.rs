//! The quick way by name: which context a sequence of parts led to before.
//!
//! ```text
//! name, tags in the caller's order ──one hash over all──▶ bucket of four memos
//! memo   context, its key's address   12 bits of the hash │ number of tags │ for each tag, its place
//!                                                                           in the kept key
//! ```
//!
//! The directory's own look-up hashes every part by itself, so that the order of the tags does not
//! matter, sorts out duplicates, and searches each tag in the key. Call sites repeat themselves: the
//! same parts come in the same order again. A memo spares all that, but nothing is believed because
//! of it: the context must live and be of the kind, the key must have as many parts, and every part
//! is compared with the place that the memo names. Since a memo's order is a permutation, parts that
//! all match are the key. So memos need no lock. One that is torn, overwritten or of a context that
//! is gone leads nowhere or to the right context, and the long way is always open.
//!
//! Keys of more than [`TAGS_MOST`] tags or [`KEY_WORDS`] words, and parts with duplicates or empty tags,
//! have no memo.

use super::{Directory, KIND, LIVE, Tag};
use crate::arena::{LINE, Ref, plain_struct};
use crate::part;
use crate::primitive::{AtomicU64, Ordering, fence};
use crate::{ContextId, Kind};

/// Tags in a memo: four bits each, and four for their number.
const TAGS_MOST: usize = 12;
/// Where the number of tags stands in a memo's order; above it is what is left of the hash.
const TAGS_SHIFT: u32 = 48;
/// Bits of the hash that a memo keeps; the lower ones say where it is.
const HASH_BITS: u32 = 64 - TAGS_SHIFT - 4;
/// Words of the longest key with memos: its tags have more than 100 bytes each. So many can be read
/// from where any key begins, its own and others'.
const KEY_WORDS: usize = 256;
/// Lines behind the last key that see to it.
pub(super) const KEYS_GAP: usize = KEY_WORDS * 8 / LINE;
/// Memos in a bucket, which is one cache line.
const WAYS: usize = 4;

plain_struct! {
    /// One sequence of parts; zero is none.
    struct Memo {
        /// The context's index; above it its key's address, so that the key need not wait for the slot.
        context: AtomicU64,
        order: AtomicU64,
    }
}

plain_struct! {
    /// The memos of one hash's lower bits.
    #[repr(align(64))]
    pub(super) struct Bucket {
        memos: [Memo; WAYS],
    }
}

impl Bucket {
    /// Buckets for so many slots: one to two memos a slot.
    pub(super) fn table_len(slots: usize) -> usize {
        slots.div_ceil(WAYS).next_power_of_two()
    }

    /// The memo of a sequence, and its order. Whether it is one of other parts, its context says.
    #[inline(always)]
    fn memo(&self, mark: u64) -> Option<(&Memo, u64)> {
        self.memos.iter().find_map(|memo| {
            let order = memo.order.load(Ordering::Relaxed);
            (order >> TAGS_SHIFT == mark).then_some((memo, order))
        })
    }
}

/// What tells memos of a bucket apart: a part of the hash, the kind mixed in, and the number of tags.
#[inline(always)]
fn mark(hash: u64, kind: Kind, tags: usize) -> u64 {
    (hash >> (64 - HASH_BITS) ^ kind as u64) << 4 | tags as u64
}

/// Bytes of a memo.
pub(super) const MEMO_BYTES: u64 = size_of::<Memo>() as u64;

impl Directory {
    /// The context that this sequence of parts led to before, if that is what its key still says.
    #[inline(always)]
    pub(crate) fn recall<S: AsRef<[u8]>>(
        &self,
        kind: Kind,
        parts: &[S],
    ) -> Option<(ContextId, Tag)> {
        let tags = parts.len().wrapping_sub(1);
        if tags > TAGS_MOST {
            return None;
        }
        let hash = self.tag_hash.of_sequence(parts);
        let (memo, order) = self.memos.at(hash).memo(mark(hash, kind, tags))?;
        self.confirm(memo.context.load(Ordering::Relaxed), order, kind, parts)
    }

    /// The context that a memo names, if it lives, has this kind, and its key is the one that the memo
    /// names and has just these parts, each where the memo says. The order is one of as many tags.
    #[inline(always)]
    fn confirm<S: AsRef<[u8]>>(
        &self,
        context: u64,
        order: u64,
        kind: Kind,
        parts: &[S],
    ) -> Option<(ContextId, Tag)> {
        let (index, key) = (context as u32, (context >> 32) as u32);
        let current = self.tags.get(index as usize)?;
        // Acquire: slot and key were written before the tag.
        let tag = Tag(current.load(Ordering::Acquire));
        let slot = self.slots.get(index as usize)?;
        if tag.0 & (LIVE | KIND) != LIVE | kind as u32
            || slot.key.get() != key
            || slot.parts.get() as usize != parts.len()
        {
            return None;
        }
        let key = self.names.view().words_at::<KEY_WORDS>(Ref(key))?;
        // The name's place is the first; tags count from the next.
        let mut places = order << 4;
        for part in parts {
            if !part::is(key, (places & 15) as usize, part.as_ref()) {
                return None;
            }
            places >>= 4;
        }
        // The reads of the key come before the second read of the tag: had the key changed
        // meanwhile, the tag would have changed before it.
        fence(Ordering::Acquire);
        (current.load(Ordering::Relaxed) == tag.0)
            .then_some((ContextId::new(index, tag.generation()), tag))
    }

    /// Remembers that these parts led to a context, if a memo can say in which order.
    pub(crate) fn remember<S: AsRef<[u8]>>(&self, id: ContextId, kind: Kind, parts: &[S]) {
        let Some((context, order)) = self.memo_of(id, parts) else {
            return;
        };
        let hash = self.tag_hash.of_sequence(parts);
        let mark = mark(hash, kind, parts.len() - 1);
        let (bucket, state) = (self.memos.at(hash), &self.state[0]);
        let is_free = |memo: &&Memo| memo.context.load(Ordering::Relaxed) == 0;
        let is_stale = |memo: &&Memo| {
            let context = memo.context.load(Ordering::Relaxed);
            let slot = self.slots.get(context as u32 as usize);
            !self.tag(context as u32).is_live()
                || slot.is_none_or(|slot| slot.key.get() != (context >> 32) as u32)
        };
        let find = |wanted: &dyn Fn(&&Memo) -> bool| bucket.memos.iter().find(wanted);
        // The one that a look-up takes for this sequence's must be it.
        let memo = bucket
            .memo(mark)
            .map(|(memo, _)| memo)
            .or_else(|| find(&is_free))
            .or_else(|| find(&is_stale))
            // Any: the number of memos written so far has nothing to do with this bucket.
            .unwrap_or(&bucket.memos[state.memos_written.load(Ordering::Relaxed) as usize % WAYS]);
        if is_free(&memo) {
            state.memos_used.fetch_add(1, Ordering::Relaxed);
        }
        state.memos_written.fetch_add(1, Ordering::Relaxed);
        memo.order
            .store(mark << TAGS_SHIFT | order, Ordering::Relaxed);
        memo.context.store(context, Ordering::Relaxed);
    }

    /// What a memo says of context `id` for these parts, if they are its key.
    fn memo_of<S: AsRef<[u8]>>(&self, id: ContextId, parts: &[S]) -> Option<(u64, u64)> {
        let tags = parts.get(1..).filter(|tags| tags.len() <= TAGS_MOST)?;
        let slot = self.slots.get(id.index() as usize)?;
        if slot.parts.get() as usize != parts.len() {
            return None;
        }
        let key = self
            .names
            .view()
            .words_at::<KEY_WORDS>(Ref(slot.key.get()))?;
        let (mut order, mut taken) = (0, 0_u32);
        for (i, tag) in tags.iter().enumerate() {
            let place = (1..parts.len()).find(|&i| part::is(key, i, tag.as_ref()))?;
            if taken & 1 << place != 0 {
                return None;
            }
            taken |= 1 << place;
            order |= (place as u64) << (4 * i);
        }
        Some((
            u64::from(slot.key.get()) << 32 | u64::from(id.index()),
            order,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Engine};
    use proptest::prelude::*;

    const TAGS: [&str; 4] = ["env:prod", "b", "endpoint:/v1/checkout", "zone:eu-west-1a"];

    /// Every sequence of up to three different tags behind one of two names.
    fn sequences() -> Vec<Vec<&'static str>> {
        let mut all = vec![vec!["checkout.latency"], vec!["hits"]];
        let mut from = 0;
        for _ in 0..3 {
            let end = all.len();
            for i in from..end {
                for tag in TAGS {
                    if !all[i].contains(&tag) {
                        let mut longer = all[i].clone();
                        longer.push(tag);
                        all.push(longer);
                    }
                }
            }
            from = end;
        }
        all
    }

    fn engine() -> Engine {
        let config = Config {
            contexts_max: 64,
            ..Config::default()
        };
        Engine::new(&config, 1_700_000_000).unwrap()
    }

    #[test]
    fn a_sequence_seen_once_is_recalled() {
        let engine = engine();
        let directory = &engine.shared.directory;
        for parts in [&["hits"][..], &["hits", "b", "env:prod"]] {
            assert!(directory.recall(Kind::Count, parts).is_none());
            engine.record_named(Kind::Count, parts, 1.0).unwrap();
            let found = directory.look_up(Kind::Count, parts).unwrap();
            assert_eq!(directory.recall(Kind::Count, parts), Some(found));
            assert!(directory.recall(Kind::Gauge, parts).is_none());
            engine.record_named(Kind::Gauge, parts, 1.0).unwrap();
            for kind in [Kind::Gauge, Kind::Count] {
                assert_eq!(
                    directory.recall(kind, parts),
                    directory.look_up(kind, parts)
                );
            }
        }
        let duplicates = ["hits", "b", "b"];
        engine.record_named(Kind::Count, &duplicates, 1.0).unwrap();
        assert!(directory.recall(Kind::Count, &duplicates).is_none());
        assert_eq!(engine.stats().contexts, 5);
    }

    #[test]
    fn a_memo_of_a_context_that_was_given_back_leads_nowhere() {
        let config = Config {
            idle_flushes: 1,
            ..Config::default()
        };
        let engine = Engine::new(&config, 1_700_000_000).unwrap();
        let parts = ["hits", "b", "env:prod"];
        engine.record_named(Kind::Count, &parts, 1.0).unwrap();
        for now in 1_700_000_010..1_700_000_014 {
            let _ = engine.flush(now, crate::Flush::All);
        }
        assert_eq!(engine.stats().contexts, 0);
        assert!(
            engine
                .shared
                .directory
                .recall(Kind::Count, &parts)
                .is_none()
        );
        // The slot is used again, by a key of as many parts.
        engine
            .context(Kind::Count, "hits", &["b", "env:dev"])
            .unwrap();
        assert!(
            engine
                .shared
                .directory
                .recall(Kind::Count, &parts)
                .is_none()
        );
    }

    proptest! {
        /// Memos as racing writers may leave them: one's id beside another's order, under any hash.
        #[test]
        fn whatever_memos_say_no_other_context_is_found(
            picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 16 * WAYS)
        ) {
            let (engine, sequences) = (engine(), sequences());
            let directory = &engine.shared.directory;
            let mut known = Vec::new();
            for parts in &sequences {
                engine.record_named(Kind::Distribution, parts, 1.0).unwrap();
                let (id, _) = directory.look_up(Kind::Distribution, parts).unwrap();
                known.push((directory.memo_of(id, parts).unwrap(), parts.len() - 1));
            }
            let mut picks = picks.iter().cycle();
            for parts in &sequences {
                let hash = directory.tag_hash.of_sequence(parts);
                for memo in &directory.memos.at(hash).memos {
                    let (one, other) = picks.next().unwrap();
                    let ((context, _), _) = *one.get(&known);
                    let ((_, order), tags) = *other.get(&known);
                    memo.context.store(context, Ordering::Relaxed);
                    let mark = mark(hash, Kind::Distribution, tags);
                    memo.order.store(mark << TAGS_SHIFT | order, Ordering::Relaxed);
                }
                let found = directory.recall(Kind::Distribution, parts);
                prop_assert!(found.is_none() || found == directory.look_up(Kind::Distribution, parts));
            }
        }
    }
}
