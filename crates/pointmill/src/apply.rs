//! From a ring, or a caller's column, into a lane's open set. Whoever calls holds the lane's lock.

use ddsketch_agent::key::key;

use crate::bins::Full;
use crate::directory::Tag;
use crate::engine::Shared;
use crate::handover::{RING_LEN, Slot};
use crate::lane::Lane;
use crate::lock::Guard;
use crate::open::Open;
use crate::{ContextId, Kind, RecordError};

/// Points of one context that are taken out of a ring at a time.
pub(crate) const BATCH: usize = 256;

/// Points of changing contexts whose memory is looked at together. As many as a recorder moves on in
/// a turn, and about as many misses as a processor can have under way.
pub(crate) const AHEAD: usize = 16;

/// A point on its way past the ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) value: f64,
    pub(crate) weight: f64,
    pub(crate) unix_s: Option<i64>,
}

impl Point {
    pub(crate) fn of(value: f64) -> Point {
        Point {
            value,
            weight: 1.0,
            unix_s: None,
        }
    }
}

impl Shared {
    /// Moves the points of a lane's ring into its open set, but no more than were there at the
    /// start, since a fast recorder could keep us here for ever.
    pub(crate) fn drain(&self, lane: usize, held: &Guard<'_>) {
        self.drain_runs(lane, held, RING_LEN);
    }

    /// Moves the oldest points of a lane's ring into its open set: at most this many runs of points
    /// of one context.
    pub(crate) fn drain_runs(&self, lane: usize, held: &Guard<'_>, most: usize) {
        let Lane { handover, ring, .. } = self.lanes.get(lane);
        let (mut head, tail) = handover.waiting(held);
        let mut runs = 0;
        while head < tail && runs < most {
            let id = |at: u64| ring[at as usize % RING_LEN].id.get();
            let second = (head + 1).min(tail - 1);
            if id(head) == id(second) {
                head = self.drain_run(lane, head, tail);
                runs += 1;
            } else {
                let len = AHEAD.min(most - runs).min((tail - head) as usize);
                self.drain_mixed(lane, head, len);
                head += len as u64;
                runs += len;
            }
            handover.advance(held, head);
        }
    }

    /// Applies the points of one context that begin at `head`; where they end.
    #[inline(never)]
    fn drain_run(&self, lane: usize, head: u64, tail: u64) -> u64 {
        let ring = &self.lanes.get(lane).ring;
        let (mut values, mut keys) = ([0.0; BATCH], [0; BATCH]);
        let at = head as usize % RING_LEN;
        let id = ring[at].id.get();
        let len = (tail - head).min(BATCH as u64) as usize;
        // Up to the end of the ring, and then from its beginning.
        let first = len.min(RING_LEN - at);
        let mut n = take_run(id, &ring[at..at + first], &mut values);
        if n == first {
            n += take_run(id, &ring[..len - first], &mut values[first..]);
        }
        let context = ContextId::from_bits(id);
        let tag = self.directory.tag(context.index());
        if tag.matches(context) {
            self.apply_values(lane, context.index(), tag, &values[..n], &mut keys);
        } else {
            self.lanes.get(lane).dropped_stale.add(n as u64);
        }
        head + n as u64
    }

    /// Applies `len` points of changing contexts. What they need is looked at for all of them
    /// first: a processor waits for many memories at a time as long as for one.
    #[inline(never)]
    fn drain_mixed(&self, lane: usize, head: u64, len: usize) {
        let Lane {
            ring,
            dropped_stale,
            ..
        } = self.lanes.get(lane);
        let (mut ids, mut values, mut keys) = ([0; AHEAD], [0.0; AHEAD], [0; AHEAD]);
        let mut tags = [Tag(0); AHEAD];
        for (i, (id, value)) in ids.iter_mut().zip(&mut values).enumerate().take(len) {
            let slot = &ring[(head as usize + i) % RING_LEN];
            (*id, *value) = (slot.id.get(), slot.value.get());
            tags[i] = self.directory.tag(ContextId::from_bits(*id).index());
        }
        let _ = (self.kernel.keys)(&values[..len], &mut keys[..len]);
        let open = self.lanes.open(lane, &self.pool);
        open.look_ahead(&ids[..len], &tags[..len], &keys[..len]);
        for i in 0..len {
            let (context, tag) = (ContextId::from_bits(ids[i]), tags[i]);
            if tag.matches(context) {
                self.apply_one(lane, context.index(), tag, values[i], keys[i]);
            } else {
                dropped_stale.add(1);
            }
        }
    }

    /// Applies one finite value of weight one and its key (which a count or gauge does not need).
    #[inline]
    fn apply_one(&self, lane: usize, index: u32, tag: Tag, value: f64, key: i16) {
        let open = self.lanes.open(lane, &self.pool);
        let interval = open.set.interval.get();
        if open.add_one(index, tag, interval, value, key).is_ok() {
            self.note_overflow(lane, tag, 1);
        } else {
            self.overflow(lane, index, tag, interval, Point::of(value));
        }
    }

    /// Applies finite values of weight one; `keys` is scratch, as long as convenient.
    fn apply_values(&self, lane: usize, index: u32, tag: Tag, values: &[f64], keys: &mut [i16]) {
        let open = self.lanes.open(lane, &self.pool);
        let interval = open.set.interval.get();
        for part in values.chunks(keys.len()) {
            let added = match open.add_run(&self.kernel, index, tag, interval, part, keys) {
                Ok(()) => part.len(),
                Err(added) => added,
            };
            self.note_overflow(lane, tag, added as u64);
            for &value in &part[added..] {
                self.overflow(lane, index, tag, interval, Point::of(value));
            }
        }
    }

    /// Applies a caller's column, whose values may not be finite. How many were rejected.
    pub(crate) fn apply_column(
        &self,
        lane: usize,
        index: u32,
        tag: Tag,
        values: &[f64],
        keys: &mut [i16],
    ) -> usize {
        let direct = &self.lanes.get(lane).direct;
        let mut rejected = 0;
        for part in values.split(|v| !v.is_finite()) {
            rejected += 1;
            direct.add(part.len() as u64);
            let Some(&last) = part.last() else { continue };
            if tag.kind() == Kind::Gauge {
                self.gauges[index as usize].set(last);
            }
            match *part {
                [value] => self.apply_one(lane, index, tag, value, key(value)),
                _ => self.apply_values(lane, index, tag, part, keys),
            }
        }
        // `split` gives one part more than there are separators.
        rejected -= 1;
        if rejected > 0 {
            let _ = self.reject(RecordError::NotFinite, rejected as u64);
        }
        rejected
    }

    /// Applies one point past the ring. The caller holds the lane's lock.
    pub(crate) fn apply(&self, lane: usize, index: u32, tag: Tag, point: Point) {
        let open = self.lanes.open(lane, &self.pool);
        let interval = match point.unix_s {
            Some(unix_s) => self.interval_of(unix_s),
            None => open.set.interval.get(),
        };
        self.lanes.get(lane).direct.add(1);
        if point.add_to(&open, index, tag, interval).is_ok() {
            self.note_overflow(lane, tag, 1);
        } else {
            self.overflow(lane, index, tag, interval, point);
        }
    }

    /// There was no memory for a point's context: its metric's overflow context takes it, from the
    /// part of the pool that is kept for that.
    #[cold]
    fn overflow(&self, lane: usize, index: u32, tag: Tag, interval: i64, point: Point) {
        let open = self.lanes.open(lane, &self.pool);
        let to = (!tag.is_overflow())
            .then(|| {
                self.directory
                    .overflow_of(index, self.kept[0].flush_no.get())
            })
            .flatten();
        if let Some((context, tag)) = to
            && point.add_to(&open, context.index(), tag, interval).is_ok()
        {
            self.note_overflow(lane, tag, 1);
        } else {
            self.lanes.get(lane).dropped_arena_full.add(1);
        }
    }

    #[inline(always)]
    fn note_overflow(&self, lane: usize, tag: Tag, points: u64) {
        if tag.is_overflow() {
            self.lanes.get(lane).overflowed.add(points);
        }
    }
}

/// Copies the values of the points at the beginning that belong to `id`; how many those are.
#[inline]
fn take_run(id: u64, points: &[Slot], values: &mut [f64]) -> usize {
    // Four points a turn, which leaves less to the loop itself.
    let fours = points
        .as_chunks::<4>()
        .0
        .iter()
        .zip(values.as_chunks_mut::<4>().0);
    let mut n = 0;
    for (points, values) in fours {
        if points
            .iter()
            .fold(0, |all, point| all | (point.id.get() ^ id))
            != 0
        {
            break;
        }
        for (value, point) in values.iter_mut().zip(points) {
            *value = point.value.get();
        }
        n += 4;
    }
    for (point, value) in points[n..].iter().zip(&mut values[n..]) {
        if point.id.get() != id {
            break;
        }
        *value = point.value.get();
        n += 1;
    }
    n
}

impl Point {
    fn add_to(self, open: &Open<'_>, index: u32, tag: Tag, interval: i64) -> Result<(), Full> {
        let stamp = self.unix_s.unwrap_or(i64::MIN);
        open.add_weighted(index, tag, interval, self.value, self.weight, stamp)
    }
}
