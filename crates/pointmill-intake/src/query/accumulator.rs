//! Rows put together: exact counts by key in pages, and a summary.

use ddsketch_agent::{SketchRef, Summary};
use pointmill::Kind;

use super::agg::Agg;
use crate::store::{BinsRef, Row, push_bin};

/// Keys of a page. Values within a factor of seven share one.
const PAGE: usize = 128;
const PAGES: usize = (1 << 16) / PAGE;
const NO_PAGE: u16 = u16::MAX;

/// All rows of a group and step together.
#[derive(Debug)]
pub(crate) struct Accumulator {
    kind: Kind,
    summary: Summary,
    /// Rows: contexts times intervals.
    pub(crate) rows: u64,
    /// Of gauges and counts: minimum and maximum of the rows.
    range: Option<(f64, f64)>,
    /// Of gauges: intervals seen, the latest, and its rows and sum.
    intervals: u64,
    last: (i64, u64, f64),
    /// Made with the first bins: most questions put many groups in order by what needs none.
    page_of: Option<Box<[u16; PAGES]>>,
    pages: Vec<[u64; PAGE]>,
    /// The bins as columns, made when a quantile is asked for.
    columns: Option<(Vec<i16>, Vec<u32>)>,
}

impl Accumulator {
    pub(crate) fn new(kind: Kind) -> Accumulator {
        Accumulator {
            kind,
            summary: Summary::default(),
            rows: 0,
            range: None,
            intervals: 0,
            last: (i64::MIN, 0, 0.0),
            page_of: None,
            pages: Vec::new(),
            columns: None,
        }
    }

    /// Empties it and keeps its memory.
    pub(crate) fn clear(&mut self) {
        if self.rows == 0 {
            return;
        }
        if !self.pages.is_empty()
            && let Some(page_of) = &mut self.page_of
        {
            page_of.fill(NO_PAGE);
        }
        self.pages.clear();
        (self.summary, self.rows, self.range) = (Summary::default(), 0, None);
        (self.intervals, self.last, self.columns) = (0, (i64::MIN, 0, 0.0), None);
    }

    /// Adds a row of the interval that begins at `start`; rows of one interval follow each other.
    pub(crate) fn add(&mut self, start: i64, row: &Row, bins: Option<BinsRef<'_>>) {
        self.rows += 1;
        if matches!(self.kind, Kind::Distribution | Kind::Histogram) {
            self.summary.merge(&row.summary);
            if let Some(bins) = bins {
                self.add_bins(bins);
            }
            return;
        }
        let value = row.summary.sum;
        self.summary.count = self.summary.count.saturating_add(row.summary.count);
        self.summary.sum += value;
        self.range = Some(
            self.range
                .map_or((value, value), |(a, b)| (a.min(value), b.max(value))),
        );
        if self.last.0 == start && self.intervals > 0 {
            self.last = (start, self.last.1 + 1, self.last.2 + value);
        } else {
            self.intervals += 1;
            self.last = (start, 1, value);
        }
    }

    fn add_bins(&mut self, bins: BinsRef<'_>) {
        self.columns = None;
        let (mut open, mut page) = (usize::MAX, 0);
        for (key, count) in bins.keys.iter().zip(bins.counts) {
            let at = (i32::from(*key) + (1 << 15)) as usize;
            if at / PAGE != open {
                open = at / PAGE;
                page = self.page(open);
            }
            self.pages[page][at % PAGE] += u64::from(*count);
        }
    }

    fn page(&mut self, index: usize) -> usize {
        let page_of = self
            .page_of
            .get_or_insert_with(|| Box::new([NO_PAGE; PAGES]));
        if page_of[index] == NO_PAGE {
            page_of[index] = self.pages.len() as u16;
            self.pages.push([0; PAGE]);
        }
        usize::from(page_of[index])
    }

    /// The pages there are with their number, in ascending order.
    fn pages(&self) -> impl Iterator<Item = (usize, &[u64; PAGE])> + '_ {
        let page_of = self.page_of.iter().flat_map(|page_of| page_of.iter());
        page_of
            .enumerate()
            .filter(|(_, page)| **page != NO_PAGE)
            .map(|(index, page)| (index, &self.pages[usize::from(*page)]))
    }

    /// The bins in ascending order.
    pub(crate) fn bins(&self) -> impl Iterator<Item = (i16, u64)> + '_ {
        self.pages().flat_map(|(index, page)| {
            let first = (index * PAGE) as i32 - (1 << 15);
            (first..)
                .zip(page)
                .filter(|(_, n)| **n > 0)
                .map(|(key, n)| (key as i16, *n))
        })
    }

    pub(crate) fn summary(&self) -> Summary {
        self.summary
    }

    /// The value of rank `q`.
    pub(crate) fn quantile(&mut self, q: f64) -> Option<f64> {
        if self.columns.is_none() {
            let (mut keys, mut counts) = (Vec::new(), Vec::new());
            self.bins()
                .for_each(|(key, n)| push_bin(&mut keys, &mut counts, key, n));
            self.columns = Some((keys, counts));
        }
        let (keys, counts) = self.columns.as_ref()?;
        SketchRef {
            summary: self.summary,
            keys,
            counts,
        }
        .quantile(q)
    }

    pub(super) fn value(&mut self, agg: &Agg, seconds: f64) -> Option<f64> {
        if self.rows == 0 {
            return None;
        }
        let sketch = matches!(self.kind, Kind::Distribution | Kind::Histogram);
        let count = self.summary.count as f64;
        Some(match agg {
            Agg::Count => count,
            Agg::Sum if self.kind == Kind::Gauge => self.summary.sum / self.intervals as f64,
            Agg::Sum => self.summary.sum,
            Agg::Avg if sketch => self.summary.avg,
            Agg::Avg => self.summary.sum / self.rows as f64,
            Agg::Min if sketch => self.summary.min,
            Agg::Max if sketch => self.summary.max,
            Agg::Min => self.range?.0,
            Agg::Max => self.range?.1,
            Agg::Rate if sketch => count / seconds,
            Agg::Rate if self.kind == Kind::Count => self.summary.sum / seconds,
            Agg::Rate => return None,
            Agg::Last if sketch => return None,
            Agg::Last => self.last.2 / self.last.1 as f64,
            Agg::Percentile(_, q) => return self.quantile(*q),
        })
    }

    /// Adds what another of the same kind holds; its intervals come after this one's.
    pub(crate) fn absorb(&mut self, other: &Accumulator) {
        if other.rows == 0 {
            return;
        }
        self.rows += other.rows;
        if matches!(self.kind, Kind::Distribution | Kind::Histogram) {
            self.summary.merge(&other.summary);
        } else {
            self.summary.count = self.summary.count.saturating_add(other.summary.count);
            self.summary.sum += other.summary.sum;
        }
        if let Some((a, b)) = other.range {
            self.range = Some(self.range.map_or((a, b), |(x, y)| (x.min(a), y.max(b))));
        }
        self.intervals += other.intervals;
        self.last = other.last;
        self.columns = None;
        for (index, from) in other.pages() {
            let at = self.page(index);
            self.pages[at]
                .iter_mut()
                .zip(from)
                .for_each(|(a, b)| *a += b);
        }
    }
}
