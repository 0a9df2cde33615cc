//! The quick way by name: which context a sequence of parts led to before.
//!
//! ```text
//! name, tags in the caller's order ──one hash over all──▶ bucket of four memos
//! memo   11 bits of the hash │ context's id       order: for each tag, its place in the kept key
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
//! Keys of more than [`TAGS_MOST`] tags, and those with duplicates or empty tags, have no memo.

use super::look_up::part_place;
use super::{Directory, KIND, Slot, Tag};
use crate::arena::{LINE, Ref, plain_struct};
use crate::part;
use crate::primitive::{AtomicU64, Ordering, U64, fence};
use crate::{ContextId, Kind};

/// Tags in a memo: four bits each, and four for their number.
const TAGS_MOST: usize = 12;
/// Bits of a context's id; above them stand bits of the hash.
const ID_BITS: u32 = 53;
/// Where the number of tags stands in a memo's order.
const TAGS_SHIFT: u32 = 60;
/// Memos in a bucket, which is one cache line.
const WAYS: usize = 4;

plain_struct! {
    /// One sequence of parts; zero is none.
    struct Memo {
        id: AtomicU64,
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
}

/// Bytes of a memo.
pub(super) const MEMO_BYTES: u64 = size_of::<Memo>() as u64;

impl Directory {
    /// The context that this sequence of parts led to before, if that is what its key still says.
    #[inline]
    pub(crate) fn recall<S: AsRef<[u8]>>(
        &self,
        kind: Kind,
        parts: &[S],
    ) -> Option<(ContextId, Tag)> {
        if parts.len() > 1 + TAGS_MOST {
            return None;
        }
        let hash = self.tag_hash.of_sequence(parts);
        let bucket = self.bucket(hash)?;
        for memo in &bucket.memos {
            let id = memo.id.load(Ordering::Relaxed);
            if (id ^ hash) >> ID_BITS == 0 {
                let id = ContextId::from_bits(id & ((1 << ID_BITS) - 1));
                if let Some(tag) = self.confirm(id, memo.order.load(Ordering::Relaxed), kind, parts)
                {
                    return Some((id, tag));
                }
            }
        }
        None
    }

    /// The tag of context `id`, if it has this kind and just these parts, in this order.
    #[inline(always)]
    fn confirm<S: AsRef<[u8]>>(
        &self,
        id: ContextId,
        order: u64,
        kind: Kind,
        parts: &[S],
    ) -> Option<Tag> {
        let tag = self.tag(id.index());
        let slot: &Slot = self.slots.get(id.index() as usize)?;
        let (name, tags) = parts.split_first()?;
        if !tag.matches(id)
            || tag.0 & KIND != kind as u32
            || slot.parts.get() as usize != parts.len()
            || order >> TAGS_SHIFT != tags.len() as u64
        {
            return None;
        }
        let words = slot.key_lines.get() as usize * (LINE / 8);
        let names = self.names.view();
        let key = names.slice_checked::<U64>(Ref(slot.key.get()), words)?;
        let is_at = |place: usize, bytes: &[u8]| {
            key.get(place).is_some_and(|kept| {
                let (from, n) = part_place(kept.get());
                n == bytes.len()
                    && key
                        .get(from..from + part::words_len(n))
                        .is_some_and(|words| part::equals(words, bytes))
            })
        };
        if !is_at(0, name.as_ref()) {
            return None;
        }
        let mut places = order;
        for tag in tags {
            if !is_at(1 + (places & 15) as usize, tag.as_ref()) {
                return None;
            }
            places >>= 4;
        }
        // The reads of the key come before the second read of the tag: had the key changed
        // meanwhile, the tag would have changed before it.
        fence(Ordering::Acquire);
        (self.tags[id.index() as usize].load(Ordering::Relaxed) == tag.0).then_some(tag)
    }

    #[inline(always)]
    fn bucket(&self, hash: u64) -> Option<&Bucket> {
        self.memos.get(hash as usize & (self.memos.len() - 1))
    }

    /// Remembers that these parts led to context `id`, if a memo can say in which order.
    pub(crate) fn remember<S: AsRef<[u8]>>(&self, id: ContextId, parts: &[S]) {
        let Some(order) = self.order_of(id, parts) else {
            return;
        };
        let hash = self.tag_hash.of_sequence(parts);
        let Some(bucket) = self.bucket(hash) else {
            return;
        };
        let state = &self.state[0];
        let is_of = |memo: &&Memo| {
            let kept = ContextId::from_bits(memo.id.load(Ordering::Relaxed) & ((1 << ID_BITS) - 1));
            kept == id && memo.order.load(Ordering::Relaxed) == order
        };
        let is_free = |memo: &&Memo| memo.id.load(Ordering::Relaxed) == 0;
        let is_stale = |memo: &&Memo| {
            let kept = ContextId::from_bits(memo.id.load(Ordering::Relaxed) & ((1 << ID_BITS) - 1));
            !self.tag(kept.index()).matches(kept)
        };
        let find = |wanted: &dyn Fn(&&Memo) -> bool| bucket.memos.iter().find(wanted);
        let memo = find(&is_of)
            .or_else(|| find(&is_free))
            .or_else(|| find(&is_stale))
            // Any: the number of memos written so far has nothing to do with this bucket.
            .unwrap_or(&bucket.memos[state.memos_written.load(Ordering::Relaxed) as usize % WAYS]);
        if is_free(&memo) {
            state.memos_used.fetch_add(1, Ordering::Relaxed);
        }
        state.memos_written.fetch_add(1, Ordering::Relaxed);
        memo.order.store(order, Ordering::Relaxed);
        let check = hash >> ID_BITS << ID_BITS;
        memo.id.store(check | id.to_bits(), Ordering::Relaxed);
    }

    /// Where each of these tags stands in the key of context `id`: a permutation, or nothing.
    fn order_of<S: AsRef<[u8]>>(&self, id: ContextId, parts: &[S]) -> Option<u64> {
        let tags = parts.get(1..).filter(|tags| tags.len() <= TAGS_MOST)?;
        let slot = self.slots.get(id.index() as usize)?;
        if slot.parts.get() as usize != parts.len() {
            return None;
        }
        let words = slot.key_lines.get() as usize * (LINE / 8);
        let names = self.names.view();
        let key = names.slice_checked::<U64>(Ref(slot.key.get()), words)?;
        let mut order = (tags.len() as u64) << TAGS_SHIFT;
        let mut taken = 0_u32;
        for (i, tag) in tags.iter().enumerate() {
            let place = key.get(1..parts.len())?.iter().position(|kept| {
                let (from, n) = part_place(kept.get());
                n == tag.as_ref().len()
                    && key
                        .get(from..from + part::words_len(n))
                        .is_some_and(|words| part::equals(words, tag.as_ref()))
            })?;
            if taken & 1 << place != 0 {
                return None;
            }
            taken |= 1 << place;
            order |= (place as u64) << (4 * i);
        }
        Some(order)
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
        }
        let duplicates = ["hits", "b", "b"];
        engine.record_named(Kind::Count, &duplicates, 1.0).unwrap();
        assert!(directory.recall(Kind::Count, &duplicates).is_none());
        assert_eq!(engine.stats().contexts, 3);
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
                known.push((id.to_bits(), directory.order_of(id, parts).unwrap()));
            }
            let mut picks = picks.iter().cycle();
            for parts in &sequences {
                let hash = directory.tag_hash.of_sequence(parts);
                for memo in &directory.bucket(hash).unwrap().memos {
                    let (one, other) = picks.next().unwrap();
                    let id = hash >> ID_BITS << ID_BITS | one.get(&known).0;
                    memo.id.store(id, Ordering::Relaxed);
                    memo.order.store(other.get(&known).1, Ordering::Relaxed);
                }
                let found = directory.recall(Kind::Distribution, parts);
                prop_assert!(found.is_none() || found == directory.look_up(Kind::Distribution, parts));
            }
        }
    }
}
