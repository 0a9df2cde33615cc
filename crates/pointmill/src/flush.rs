//! A flush: take from every lane what is closed, merge it outside the locks, build the snapshot.
//!
//! ```text
//! for each lane, under its lock:   drain the ring · move the open interval on · take the set
//! then, without any lane's lock:   nodes that are still open ──▶ the kept lane
//!                                  closed nodes, sorted by context and interval ──▶ snapshot
//!                                  give the memory back · give idle contexts back
//! ```

use ddsketch_agent::BIN_LIMIT;

use crate::arena::Ref;
use crate::engine::{Engine, Flush, Shared};
use crate::lane::KEPT_LANE;
use crate::open::{Node, SketchNode, TakenSet};
use crate::snapshot::{SeriesId, Snapshot, SnapshotBuilder};

/// A node that goes into the snapshot. The order of the fields is the order of the entries; nodes
/// of one context and interval follow in the order of their lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Closed {
    context: u32,
    interval: i64,
    set: u32,
    at: Ref,
}

impl Engine {
    /// Takes the intervals that ended by `now_unix_s` (Unix seconds), or all of them.
    ///
    /// Recorders go on meanwhile; each waits at most while its own ring is copied. Contexts that
    /// had no point for `idle_flushes` flushes are given back. A point without a timestamp that is
    /// recorded while a flush runs is in it or in the next one.
    ///
    /// Cost: proportional to the points in the rings and to the open contexts.
    #[must_use = "the points are in the snapshot now and nowhere else"]
    pub fn flush(&self, now_unix_s: i64, which: Flush) -> Snapshot {
        let shared = &*self.shared;
        let _flush = shared.wiped[0].flush_lock.lock();
        let kept = &shared.kept[0];
        kept.flush_no.set(kept.flush_no.get().wrapping_add(1));
        let sets = shared.take_sets(now_unix_s, which);
        let before = closed_before(shared.interval_of(now_unix_s), which);
        let mut closed = Vec::new();
        for (i, set) in sets.iter().enumerate() {
            for (at, node) in set.nodes(&shared.pool) {
                if node.interval.get() < before {
                    let (context, interval) = (node.context.get(), node.interval.get());
                    closed.push(Closed {
                        context,
                        interval,
                        set: i as u32,
                        at,
                    });
                } else {
                    shared.keep(at, node);
                }
            }
        }
        closed.sort_unstable();
        let snapshot = Building::new(shared, closed.len()).run(&closed);
        sets.into_iter().for_each(|set| set.give_back(&shared.pool));
        shared.wiped[0].flushes.add(1);
        shared.wiped[0].flushed.add(snapshot.points());
        if shared.config.idle_flushes > 0 {
            let idle = shared.config.idle_flushes as u32;
            shared
                .directory
                .release_idle(kept.flush_no.get(), idle, |context| {
                    (0..shared.lanes.len())
                        .any(|lane| shared.lanes.open(lane, &shared.pool).has_node(context))
                });
        }
        snapshot
    }
}

/// Intervals that began before this are taken.
fn closed_before(open: i64, which: Flush) -> i64 {
    match which {
        Flush::Closed => open,
        Flush::All => i64::MAX,
    }
}

impl Shared {
    /// Drains every lane and takes the sets that have something closed.
    fn take_sets(&self, now_unix_s: i64, which: Flush) -> Vec<TakenSet> {
        self.tell(now_unix_s);
        let open = self.interval_of(now_unix_s);
        self.kept[0].open_interval.set(open);
        let before = closed_before(open, which);
        let mut sets = Vec::new();
        for i in 0..self.lanes.len() {
            let held = self.lanes.get(i).handover.lock();
            self.drain_until(i, &held, open);
            let set = self.lanes.open(i, &self.pool);
            if set.has_before(before) {
                sets.push(set.take());
            }
        }
        sets
    }

    /// Moves a node that is still open into the kept lane.
    fn keep(&self, at: Ref, node: &Node) {
        let lane = self.lanes.get(KEPT_LANE);
        let _held = lane.handover.lock();
        let open = self.lanes.open(KEPT_LANE, &self.pool);
        let (context, tag) = (node.context.get(), node.tag());
        if open.absorb(context, tag, at).is_ok() {
            return;
        }
        let overflow = self
            .directory
            .overflow_of(context, self.kept[0].flush_no.get());
        if let Some((id, tag)) = overflow
            && open.absorb(id.index(), tag, at).is_ok()
        {
            lane.overflowed.add(node.points.get());
        } else {
            lane.dropped_arena_full.add(node.points.get());
        }
    }
}

/// A snapshot on its way.
struct Building<'a> {
    shared: &'a Shared,
    builder: SnapshotBuilder,
    bins: Vec<(i16, u64)>,
}

impl<'a> Building<'a> {
    fn new(shared: &'a Shared, entries: usize) -> Building<'a> {
        let interval_s = shared.config.interval_s as u32;
        let mut builder = SnapshotBuilder::in_spare(interval_s, &shared.spare);
        // A guess of what entries take; it spares the first re-allocations.
        builder.reserve(entries, entries * 64, entries * 16);
        Building {
            shared,
            builder,
            bins: Vec::new(),
        }
    }

    fn run(mut self, closed: &[Closed]) -> Snapshot {
        for of_context in closed.chunk_by(|a, b| a.context == b.context) {
            let context = of_context[0].context;
            let mut series = None;
            for group in of_context.chunk_by(|a, b| a.interval == b.interval) {
                self.entry(context, &mut series, group);
            }
            if series.is_some() {
                self.shared
                    .directory
                    .touch(context, self.shared.kept[0].flush_no.get());
            }
        }
        self.builder.finish()
    }

    /// One entry from the nodes of one context and interval.
    fn entry(&mut self, context: u32, series: &mut Option<SeriesId>, group: &[Closed]) {
        let heap = self.shared.pool.heap();
        let tag = self.shared.directory.tag(context);
        let nodes = || group.iter().map(|closed| heap.at::<Node>(closed.at));
        let mut points = 0;
        let mut living = 0;
        for node in nodes() {
            if node.tag() == tag {
                points += node.points.get();
                living += 1;
            } else {
                self.shared.wiped[0].dropped_stale.add(node.points.get());
            }
        }
        if living == 0 {
            return;
        }
        let series = *series.get_or_insert_with(|| {
            self.builder.series_written(tag.kind(), |text, ends| {
                self.shared.directory.read_key(context, text, ends);
            })
        });
        let living = group
            .iter()
            .filter(|closed| heap.at::<Node>(closed.at).tag() == tag);
        let interval = group[0].interval;
        match tag.kind() {
            crate::Kind::Count => {
                let sum = living.map(|c| heap.at::<Node>(c.at).value.get()).sum();
                self.builder.scalar(series, interval, points, sum);
            }
            crate::Kind::Gauge => {
                let last = self.last_gauge(context, living.map(|c| heap.at::<Node>(c.at)));
                self.builder.scalar(series, interval, points, last);
            }
            crate::Kind::Distribution | crate::Kind::Histogram => {
                self.sketch(series, interval, points, living.map(|c| heap.at(c.at)));
            }
        }
    }

    /// An entry of the sketches of one context and interval.
    fn sketch<'n>(
        &mut self,
        series: SeriesId,
        interval: i64,
        points: u64,
        mut nodes: impl Iterator<Item = &'n SketchNode>,
    ) {
        let Some(first) = nodes.next() else { return };
        let (pool, mut summary) = (&self.shared.pool, first.summary());
        let mut more = nodes.peekable();
        if more.peek().is_none() && first.bins.are_narrow() {
            // The rule rather than the exception: one thread, and nothing that needs a second look.
            let write = |keys: &mut Vec<i16>, counts: &mut Vec<u32>| {
                first.bins.read(pool, keys, counts);
            };
            return self
                .builder
                .sketch_written(series, interval, points, summary, write);
        }
        self.bins.clear();
        let mut push = |key, count| self.bins.push((key, count));
        first.bins.for_each(pool, &mut push);
        for node in more {
            summary.merge(&node.summary());
            node.bins.for_each(pool, &mut push);
        }
        join_equal_keys(&mut self.bins);
        trim(&mut self.bins);
        let bins = self.bins.iter().copied();
        self.builder.sketch(series, interval, points, summary, bins);
    }

    /// The last value of a gauge that several threads have set: the one that stands in its slot, if
    /// it is one of these (it may already be of the next interval), else the latest by timestamp.
    fn last_gauge<'n>(&self, context: u32, nodes: impl Iterator<Item = &'n Node> + Clone) -> f64 {
        let stored = self.shared.gauge(context);
        let by_slot = nodes
            .clone()
            .find(|n| n.stamp.get() == i64::MIN && n.value.get().to_bits() == stored.to_bits());
        by_slot
            .or_else(|| nodes.max_by_key(|node| node.stamp.get()))
            .map_or(stored, |node| node.value.get())
    }
}

/// Joins the bins of several lanes.
fn join_equal_keys(bins: &mut Vec<(i16, u64)>) {
    bins.sort_unstable_by_key(|bin| bin.0);
    bins.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
}

/// Folds what is below the 4096 highest keys into the lowest of them: the Agent's rule in its
/// 32-bit form, which does not depend on the order of the inserts.
fn trim(bins: &mut Vec<(i16, u64)>) {
    if let Some(over @ 1..) = bins.len().checked_sub(BIN_LIMIT) {
        let folded: u64 = bins.drain(..over).map(|bin| bin.1).sum();
        bins[0].1 += folded;
    }
}
