//! Which rows a question is about, and the walk over them.

use std::sync::Arc;

use pointmill::Kind;

use super::accumulator::Accumulator;
use super::agg::Agg;
use super::filter::Filter;
use super::{QueryError, kind_name};
use crate::store::{Slot, Store};

/// A context that is not asked for.
pub(crate) const NONE: u32 = u32::MAX;

/// Most groups whose bins all fit into the processor's cache.
const FEW: usize = 64;

/// A metric, its intervals and the contexts that pass, as they were at one moment.
#[derive(Debug)]
pub(crate) struct Selection {
    pub(crate) metric: u32,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) unit: String,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) interval_s: i64,
    /// The group of each context by its number; [`NONE`] if it is not asked for.
    pub(crate) group_of: Vec<u32>,
    pub(crate) groups: Vec<GroupKey>,
    pub(crate) contexts: u64,
    /// Intervals in memory.
    hot: Vec<(i64, Arc<Slot>)>,
    /// Where the file must be asked, if it must.
    cold_to: i64,
}

/// What the contexts of a group share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupKey {
    /// The values of the keys they were split by, or all tags.
    pub(crate) values: Vec<Option<String>>,
    pub(crate) contexts: u64,
}

/// How contexts are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By<'a> {
    /// Those that agree in the values of these tag keys.
    Keys(&'a [String]),
    /// Each on its own.
    Context,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) metric: &'a str,
    pub(crate) kind: Option<Kind>,
    pub(crate) filter: &'a Filter,
    pub(crate) from: Option<i64>,
    pub(crate) to: Option<i64>,
}

impl Selection {
    /// Finds the contexts and takes hold of the intervals.
    pub(crate) fn new(
        store: &Store,
        scope: &Scope<'_>,
        by: By<'_>,
    ) -> Result<Selection, QueryError> {
        let interval_s = i64::from(store.config().interval_s);
        store.view(|memory| {
            let directory = &memory.directory;
            let metric = directory.metric(scope.metric, scope.kind).ok_or_else(|| {
                let kind = scope.kind.map_or("metric", kind_name);
                QueryError::unknown(
                    "metric",
                    format!(
                        "no {kind} is called {:?}; GET /v1/metrics lists them",
                        scope.metric
                    ),
                )
            })?;
            let found = &directory.metrics[metric as usize];
            let (first, last) = found.totals.span.unwrap_or((0, 0));
            let from = scope.from.unwrap_or(first);
            let to = scope.to.unwrap_or(last.saturating_add(interval_s));
            if from > to {
                return Err(QueryError::bad(
                    "from",
                    format!("from = {from} is after to = {to}; turn them round"),
                ));
            }
            let mut selection = Selection {
                metric,
                name: found.name.clone(),
                kind: found.kind,
                unit: found.unit.clone(),
                // Intervals are whole: the one that holds `from` is in.
                from: from - from.rem_euclid(interval_s),
                to,
                interval_s,
                group_of: vec![NONE; directory.series.len()],
                groups: Vec::new(),
                contexts: 0,
                hot: Vec::new(),
                cold_to: memory.hot_from.min(to),
            };
            let mut known =
                std::collections::HashMap::<Vec<Option<&str>>, u32, ahash::RandomState>::default();
            for id in &found.series {
                let series = &directory.series[*id as usize];
                if !scope
                    .filter
                    .matches(series.tags_text().split(',').filter(|tag| !tag.is_empty()))
                {
                    continue;
                }
                selection.contexts += 1;
                let values: Vec<Option<&str>> = match by {
                    By::Keys(keys) => keys
                        .iter()
                        .map(|key| tag_value(series.tags(), key))
                        .collect(),
                    By::Context => vec![Some(series.tags_text())],
                };
                let group = *known.entry(values).or_insert_with_key(|values| {
                    let values = values
                        .iter()
                        .map(|value| value.map(str::to_owned))
                        .collect();
                    selection.groups.push(GroupKey {
                        values,
                        contexts: 0,
                    });
                    selection.groups.len() as u32 - 1
                });
                selection.groups[group as usize].contexts += 1;
                selection.group_of[*id as usize] = group;
            }
            let range =
                selection.from.max(memory.hot_from)..to.max(selection.from.max(memory.hot_from));
            selection.hot = found
                .slots
                .range(range)
                .map(|(start, slot)| (*start, slot.clone()))
                .collect();
            Ok(selection)
        })
    }

    /// Calls with every interval in order.
    pub(crate) fn each_slot(
        &self,
        store: &Store,
        mut each: impl FnMut(i64, &Slot),
    ) -> Result<(), QueryError> {
        if !self.in_memory() {
            store.cold(self.metric, self.from, self.cold_to, |start, slot| {
                each(start, &slot)
            })?;
        }
        self.hot.iter().for_each(|(start, slot)| each(*start, slot));
        Ok(())
    }

    /// Puts the rows of the groups `only` together (numbered from 0 in this order) and calls with
    /// each that is complete: at the end of every step, and once more for the whole time, with the
    /// group, the step's start and what it holds.
    pub(crate) fn scan(
        &self,
        store: &Store,
        only: &[u32],
        aggs: &[Agg],
        step: Option<i64>,
        mut done: impl FnMut(usize, Option<i64>, &mut Accumulator),
    ) -> Result<u64, QueryError> {
        let with_bins = aggs.iter().any(Agg::needs_bins);
        if step.is_none() && with_bins && self.in_memory() && only.len() > FEW {
            return Ok(self.group_by_group(only, done));
        }
        let place = self.places(only);
        let new = || {
            (0..only.len())
                .map(|_| Accumulator::new(self.kind))
                .collect::<Vec<_>>()
        };
        let (mut totals, mut steps) = (new(), if step.is_some() { new() } else { Vec::new() });
        let (mut open, mut points) = (None, 0);
        let mut close =
            |open: Option<i64>, totals: &mut [Accumulator], steps: &mut [Accumulator]| {
                let Some(start) = open else { return };
                for (at, (total, step)) in totals
                    .iter_mut()
                    .zip(steps)
                    .enumerate()
                    .filter(|(_, (_, step))| step.rows > 0)
                {
                    total.absorb(step);
                    done(at, Some(start), step);
                    step.clear();
                }
            };
        self.each_slot(store, |start, slot| {
            if let Some(step) = step {
                let begins = start - start.rem_euclid(step);
                if open != Some(begins) {
                    close(open.replace(begins), &mut totals, &mut steps);
                }
            }
            let target = if step.is_some() {
                &mut steps
            } else {
                &mut totals
            };
            for row in slot.rows() {
                let group = self
                    .group_of
                    .get(row.series as usize)
                    .copied()
                    .unwrap_or(NONE);
                if group == NONE || place[group as usize] == NONE {
                    continue;
                }
                points += 1;
                let bins = with_bins.then(|| slot.bins(row));
                target[place[group as usize] as usize].add(start, row, bins);
            }
        })?;
        close(open, &mut totals, &mut steps);
        for (at, total) in totals.iter_mut().enumerate() {
            done(at, None, total);
        }
        Ok(points)
    }

    /// [`Selection::scan`] without steps, of many groups with bins: one group after the other, whose
    /// bins then stay in the processor's cache, where those of thousands would not. Takes eight bytes
    /// a row; all intervals must be in memory.
    fn group_by_group(
        &self,
        only: &[u32],
        mut done: impl FnMut(usize, Option<i64>, &mut Accumulator),
    ) -> u64 {
        let place = self.places(only);
        let place_of = |series: u32| match self.group_of.get(series as usize) {
            Some(group) if *group != NONE => place[*group as usize],
            _ => NONE,
        };
        let rows = || {
            self.hot.iter().enumerate().flat_map(|(at, (_, slot))| {
                let rows = slot.rows().iter().enumerate();
                rows.map(move |(row, of)| (of.series, (at as u32, row as u32)))
            })
        };
        // Sorted by counting: where each group's rows end, then the rows in the order of time.
        let mut ends = vec![0u32; only.len() + 1];
        for (series, _) in rows() {
            if let Some(n) = ends.get_mut((place_of(series) as usize).wrapping_add(1)) {
                *n += 1;
            }
        }
        for i in 1..ends.len() {
            ends[i] += ends[i - 1];
        }
        let mut sorted = vec![(0, 0); ends[only.len()] as usize];
        for (series, row) in rows() {
            let place = place_of(series);
            if place != NONE {
                let next = &mut ends[place as usize];
                sorted[*next as usize] = row;
                *next += 1;
            }
        }
        // Each end has moved on to where the next group begins.
        let mut group = Accumulator::new(self.kind);
        let mut first = 0;
        for (at, end) in ends[..only.len()].iter().enumerate() {
            for (slot, row) in &sorted[first..*end as usize] {
                let (start, slot) = &self.hot[*slot as usize];
                let row = &slot.rows()[*row as usize];
                group.add(*start, row, Some(slot.bins(row)));
            }
            first = *end as usize;
            done(at, None, &mut group);
            group.clear();
        }
        sorted.len() as u64
    }

    fn in_memory(&self) -> bool {
        self.from >= self.cold_to
    }

    /// Groups whose totals fit into memory together: without bins each takes some hundred bytes,
    /// with bins some kilobytes, unless they are put together one after the other.
    pub(crate) fn groups_at_once(&self, agg: &Agg) -> usize {
        match (agg.needs_bins(), self.in_memory()) {
            (false, _) => 32_768,
            (true, true) => usize::MAX,
            (true, false) => 2_048,
        }
    }

    /// The place of each group in `only`; [`NONE`] if it is not in it.
    fn places(&self, only: &[u32]) -> Vec<u32> {
        let mut place = vec![NONE; self.groups.len()];
        only.iter()
            .enumerate()
            .for_each(|(at, group)| place[*group as usize] = at as u32);
        place
    }

    /// Seconds of the whole time, for rates.
    pub(crate) fn seconds(&self) -> f64 {
        (self.to - self.from).max(self.interval_s) as f64
    }
}

/// The value of the first tag with this key; empty for a tag without a colon.
pub(crate) fn tag_value<'t>(mut tags: impl Iterator<Item = &'t str>, key: &str) -> Option<&'t str> {
    tags.find_map(|tag| {
        let rest = tag.strip_prefix(key)?;
        if rest.is_empty() {
            Some("")
        } else {
            rest.strip_prefix(':')
        }
    })
}
