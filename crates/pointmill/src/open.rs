//! The values that wait for a flush: one node for each context and interval that a lane has seen.
//!
//! ```text
//! table[context]   epoch │ node          a lane's table; an entry of an older epoch counts as none
//!                          └▶ node ──older──▶ node (same context, another interval)
//! set.first ──▶ node ──next──▶ node …     all nodes of the lane since the last flush
//! ```
//!
//! A flush takes a set in constant time: it takes the list, the region the nodes lie in, and moves
//! the epoch on, which empties the table.

use ddsketch_agent::Summary;

use crate::Kind;
use crate::apply::AHEAD;
use crate::arena::{Ref, plain_struct};
use crate::bins::{Bins, Full, Memory};
use crate::directory::Tag;
use crate::pool::{Pool, Region, TakenRegion};
use crate::primitive::{F64, I64, U32, U64};

plain_struct! {
    /// What every node begins with. For counts and gauges that is all.
    pub(crate) struct Node {
        pub(crate) context: U32,
        tag: U32,
        next: U32,
        older: U32,
        pub(crate) interval: I64,
        /// Recorded points.
        pub(crate) points: U64,
        /// A count's sum or a gauge's last value.
        pub(crate) value: F64,
        /// A gauge's latest timestamp; `i64::MIN` for points without one.
        pub(crate) stamp: I64,
    }
}

plain_struct! {
    /// A node of a distribution or histogram.
    pub(crate) struct SketchNode {
        pub(crate) node: Node,
        count: U64,
        min: F64,
        max: F64,
        sum: F64,
        avg: F64,
        pub(crate) bins: Bins,
    }
}

const NODE_LINES: usize = size_of::<Node>().div_ceil(16);
const SKETCH_NODE_LINES: usize = size_of::<SketchNode>().div_ceil(16);

plain_struct! {
    /// The nodes of one lane, in its lock's care.
    pub(crate) struct OpenSet {
        epoch: U32,
        first: U32,
        /// Points in the nodes.
        points: U64,
        /// Where points without a timestamp go.
        pub(crate) interval: I64,
        /// The earliest interval in the set.
        earliest: I64,
        region: Region,
    }
}

/// A set that a flush took.
#[derive(Debug)]
#[must_use]
pub(crate) struct TakenSet {
    first: Ref,
    region: TakenRegion,
}

impl TakenSet {
    /// The nodes, newest first.
    pub(crate) fn nodes<'a>(&self, pool: &'a Pool) -> impl Iterator<Item = (Ref, &'a Node)> {
        let mut at = self.first;
        std::iter::from_fn(move || {
            (!at.is_null()).then(|| {
                let node: &Node = pool.heap().at(at);
                let this = at;
                at = Ref(node.next.get());
                (this, node)
            })
        })
    }

    /// Gives the memory back.
    pub(crate) fn give_back(self, pool: &Pool) {
        pool.give_all(self.region);
    }
}

/// A lane's set with what it needs to grow. Whoever has one holds the lane's lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open<'a> {
    pub(crate) set: &'a OpenSet,
    pub(crate) table: &'a [U64],
    pub(crate) pool: &'a Pool,
}

impl<'a> Open<'a> {
    /// Points in the set.
    pub(crate) fn points(&self) -> u64 {
        self.set.points.get()
    }

    /// Whether the set has points of an interval that began before `before`.
    pub(crate) fn has_before(&self, before: i64) -> bool {
        self.set.points.get() > 0 && self.set.earliest.get() < before
    }

    /// Whether context `index` has a node.
    pub(crate) fn has_node(&self, index: u32) -> bool {
        let entry = self.table[index as usize].get();
        (entry >> 32) as u32 == self.set.epoch.get() && entry as u32 != 0
    }

    /// Hands everything over; the set is empty afterwards.
    pub(crate) fn take(&self) -> TakenSet {
        self.set.points.set(0);
        self.set.epoch.set(self.set.epoch.get().wrapping_add(1));
        TakenSet {
            first: Ref(self.set.first.replace(0)),
            region: self.set.region.take_all(),
        }
    }

    fn memory(&self, tag: Tag) -> Memory<'a> {
        Memory {
            pool: self.pool,
            region: &self.set.region,
            reserve_too: tag.is_overflow(),
        }
    }

    /// The node of a context and interval, made if need be.
    #[inline]
    fn node(&self, index: u32, tag: Tag, interval: i64) -> Result<Ref, Full> {
        let entry = self.table[index as usize].get();
        let newest = if (entry >> 32) as u32 == self.set.epoch.get() {
            Ref(entry as u32)
        } else {
            Ref::NULL
        };
        let mut at = newest;
        while !at.is_null() {
            let node: &Node = self.pool.heap().at(at);
            if node.interval.get() == interval && node.tag.get() == tag.0 {
                return Ok(at);
            }
            at = Ref(node.older.get());
        }
        self.new_node(index, tag, interval, newest)
    }

    #[cold]
    fn new_node(&self, index: u32, tag: Tag, interval: i64, older: Ref) -> Result<Ref, Full> {
        let memory = self.memory(tag);
        let sketch = tag.kind().has_sketch();
        let lines = if sketch {
            SKETCH_NODE_LINES
        } else {
            NODE_LINES
        };
        let at = memory
            .region
            .take(self.pool, lines, memory.reserve_too)
            .ok_or(Full)?;
        let node: &Node = self.pool.heap().at(at);
        node.context.set(index);
        node.tag.set(tag.0);
        node.older.set(older.0);
        node.interval.set(interval);
        node.points.set(0);
        node.value.set(0.0);
        node.stamp.set(i64::MIN);
        if sketch {
            let sketch: &SketchNode = self.pool.heap().at(at);
            sketch.bins.reset();
            sketch.set_summary(&Summary::default());
        }
        let first = self.set.first.replace(at.0);
        node.next.set(first);
        if first == 0 || interval < self.set.earliest.get() {
            self.set.earliest.set(interval);
        }
        self.table[index as usize].set(u64::from(self.set.epoch.get()) << 32 | u64::from(at.0));
        Ok(at)
    }

    /// Reads what adding these points will need, all tables first, then all nodes, then all pages of
    /// bins, so that the waits for memory overlap. Changes nothing; `ids` whose context is gone do no
    /// harm.
    #[inline]
    pub(crate) fn look_ahead(&self, ids: &[u64], tags: &[Tag], keys: &[i16]) {
        let (heap, epoch) = (self.pool.heap(), self.set.epoch.get());
        let (mut nodes, mut pages) = ([Ref::NULL; AHEAD], [Ref::NULL; AHEAD]);
        for (node, id) in nodes.iter_mut().zip(ids) {
            let entry = self.table.get(*id as u32 as usize).map_or(0, U64::get);
            if (entry >> 32) as u32 == epoch {
                *node = Ref(entry as u32);
            }
        }
        let mut seen = 0;
        for (i, (node, tag)) in nodes.iter().zip(tags).enumerate() {
            if node.is_null() {
                continue;
            }
            if tag.kind().has_sketch() {
                let node: &SketchNode = heap.at(*node);
                seen ^= node.node.points.get() ^ node.sum.get().to_bits();
                pages[i] = node.bins.page_of(self.pool, keys[i]);
            } else {
                seen ^= heap.at::<Node>(*node).points.get();
            }
        }
        for page in pages.iter().filter(|page| !page.is_null()) {
            seen ^= heap.at::<U64>(*page).get();
        }
        // The reads would be left out if nothing came of them.
        std::hint::black_box(seen);
    }

    /// Adds one value of weight one, whose key is `key`.
    #[inline]
    pub(crate) fn add_one(
        &self,
        index: u32,
        tag: Tag,
        interval: i64,
        value: f64,
        key: i16,
    ) -> Result<(), Full> {
        let at = self.node(index, tag, interval)?;
        match tag.kind() {
            Kind::Distribution | Kind::Histogram => {
                let node: &SketchNode = self.pool.heap().at(at);
                node.bins.add(self.memory(tag), key, 1)?;
                let mut summary = node.summary();
                summary.insert(value);
                node.set_summary(&summary);
                node.node.points.add(1);
            }
            Kind::Count => {
                let node: &Node = self.pool.heap().at(at);
                node.value.set(node.value.get() + value);
                node.points.add(1);
            }
            Kind::Gauge => {
                let node: &Node = self.pool.heap().at(at);
                node.value.set(value);
                node.points.add(1);
            }
        }
        self.set.points.add(1);
        Ok(())
    }

    /// Adds values of weight one in their order; on failure says how many were added. `keys` is
    /// scratch of at least the values' length.
    #[inline]
    pub(crate) fn add_run(
        &self,
        kernel: &ddsketch_agent::Kernel,
        index: u32,
        tag: Tag,
        interval: i64,
        values: &[f64],
        keys: &mut [i16],
    ) -> Result<(), usize> {
        let at = self.node(index, tag, interval).map_err(|Full| 0_usize)?;
        let mut added = values.len();
        match tag.kind() {
            Kind::Distribution | Kind::Histogram => {
                let node: &SketchNode = self.pool.heap().at(at);
                let keys = &mut keys[..values.len()];
                let _finite = (kernel.keys)(values, keys);
                if let Err(n) = node.bins.add_all(self.memory(tag), keys) {
                    added = n;
                }
                let mut summary = node.summary();
                (kernel.summary)(&mut summary, &values[..added]);
                node.set_summary(&summary);
            }
            Kind::Count => {
                let node: &Node = self.pool.heap().at(at);
                node.value
                    .set(values.iter().fold(node.value.get(), |sum, v| sum + v));
            }
            Kind::Gauge => {
                if let Some(&last) = values.last() {
                    self.pool.heap().at::<Node>(at).value.set(last);
                }
            }
        }
        self.pool.heap().at::<Node>(at).points.add(added as u64);
        self.set.points.add(added as u64);
        if added == values.len() {
            Ok(())
        } else {
            Err(added)
        }
    }

    /// Adds one point of weight `weight` (1 / sample rate), with the timestamp `stamp`
    /// (`i64::MIN` if it has none).
    pub(crate) fn add_weighted(
        &self,
        index: u32,
        tag: Tag,
        interval: i64,
        value: f64,
        weight: f64,
        stamp: i64,
    ) -> Result<(), Full> {
        let at = self.node(index, tag, interval)?;
        let node: &Node = self.pool.heap().at(at);
        match tag.kind() {
            Kind::Distribution | Kind::Histogram => {
                let node: &SketchNode = self.pool.heap().at(at);
                let key = ddsketch_agent::key::key(value);
                node.bins.add(self.memory(tag), key, weight as u64)?;
                let mut summary = node.summary();
                if weight == 1.0 {
                    summary.insert(value);
                } else {
                    summary.insert_weighted(value, weight);
                }
                node.set_summary(&summary);
            }
            // The Agent's rule: v · (1/rate), not v / rate.
            Kind::Count => node.value.set(node.value.get() + value * weight),
            // Of two points with timestamps the later one stands; one without stands at once.
            Kind::Gauge => {
                if stamp == i64::MIN {
                    node.value.set(value);
                } else if stamp >= node.stamp.get() {
                    node.value.set(value);
                    node.stamp.set(stamp);
                }
            }
        }
        node.points.add(1);
        self.set.points.add(1);
        Ok(())
    }

    /// Adds all of a node outside this set to the node of context `index`; all of it or nothing.
    pub(crate) fn absorb(&self, index: u32, tag: Tag, from: Ref) -> Result<(), Full> {
        let heap = self.pool.heap();
        let other: &Node = heap.at(from);
        let at = self.node(index, tag, other.interval.get())?;
        let node: &Node = heap.at(at);
        match tag.kind() {
            Kind::Distribution | Kind::Histogram => {
                let (node, other): (&SketchNode, &SketchNode) = (heap.at(at), heap.at(from));
                node.bins.add_bins(self.memory(tag), &other.bins)?;
                let mut summary = node.summary();
                summary.merge(&other.summary());
                node.set_summary(&summary);
            }
            Kind::Count => node.value.set(node.value.get() + other.value.get()),
            Kind::Gauge => {
                if other.stamp.get() >= node.stamp.get() {
                    node.value.set(other.value.get());
                    node.stamp.set(other.stamp.get());
                }
            }
        }
        node.points.add(other.points.get());
        self.set.points.add(other.points.get());
        Ok(())
    }
}

impl Node {
    pub(crate) fn tag(&self) -> Tag {
        Tag(self.tag.get())
    }
}

impl SketchNode {
    #[inline(always)]
    pub(crate) fn summary(&self) -> Summary {
        Summary {
            count: self.count.get(),
            min: self.min.get(),
            max: self.max.get(),
            sum: self.sum.get(),
            avg: self.avg.get(),
        }
    }

    #[inline(always)]
    fn set_summary(&self, summary: &Summary) {
        self.count.set(summary.count);
        self.min.set(summary.min);
        self.max.set(summary.max);
        self.sum.set(summary.sum);
        self.avg.set(summary.avg);
    }
}
