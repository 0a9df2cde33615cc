//! Where points go: to eyes, to another program, or to a destination.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use pointmill::Kind;
use pointmill_forwarder::{Point, PointKind};

use super::ForwardError;
use super::delivery::{Delivered, Delivery, now_unix_s};
use crate::report::aggregate::{self, Aggregator, Intervals};
use crate::report::ledger::Ledger;
use crate::report::percentile::Percentile;
use crate::report::rows::Rows;
use crate::report::{Report, table};

/// How points are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Show {
    /// A row for each metric and tag set, for eyes
    Table,
    /// A line of JSON for each point: metric, kind, value, time, tags
    Points,
    /// Nothing
    None,
}

enum Shown {
    Table(Box<Aggregator>),
    Points(BufWriter<io::Stdout>),
}

/// Points on their way.
pub(super) struct Metrics {
    shown: Option<Shown>,
    delivery: Option<Delivery>,
    /// Points that could not be shown, with the last reason.
    pub(super) not_shown: u64,
    pub(super) why: String,
    pub(super) closed: bool,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics")
            .field("delivery", &self.delivery)
            .finish_non_exhaustive()
    }
}

impl Metrics {
    pub(super) fn new(
        show: Show,
        by: Option<&[String]>,
        delivery: Option<Delivery>,
    ) -> Result<Metrics, ForwardError> {
        let shown = match show {
            Show::None => None,
            Show::Points => Some(Shown::Points(BufWriter::new(io::stdout()))),
            Show::Table => {
                let made = Aggregator::new(by, Intervals::TenSeconds, false, now_unix_s());
                let made = made.map_err(|error| ForwardError::Io(error.to_string()))?;
                Some(Shown::Table(Box::new(made)))
            }
        };
        Ok(Metrics {
            shown,
            delivery,
            not_shown: 0,
            why: String::new(),
            closed: false,
        })
    }

    pub(super) fn point(&mut self, point: &Point<'_>) {
        if let Some(delivery) = &mut self.delivery {
            delivery.point(point);
        }
        let outcome = match &mut self.shown {
            None => Ok(()),
            Some(Shown::Points(out)) => print(out, point),
            Some(Shown::Table(aggregator)) => tabulate(aggregator, point).map_err(io::Error::other),
        };
        if let Err(error) = outcome {
            self.not_shown += 1;
            self.closed |= error.kind() == io::ErrorKind::BrokenPipe;
            self.why = error.to_string();
        }
    }

    /// Whether points go somewhere before the input ends.
    pub(super) fn delivers(&self) -> bool {
        self.delivery.is_some()
    }

    pub(super) fn delivery(&mut self) -> Option<&mut Delivery> {
        self.delivery.as_mut()
    }

    /// Shows and sends everything.
    pub(super) fn finish(
        self,
        width: usize,
        timeout: Duration,
    ) -> (io::Result<()>, Option<Delivered>) {
        let shown = match self.shown {
            None => Ok(()),
            Some(Shown::Points(mut out)) => out.flush(),
            Some(Shown::Table(aggregator)) => show_table(*aggregator, width),
        };
        (shown, self.delivery.map(|delivery| delivery.close(timeout)))
    }
}

fn print(out: &mut impl Write, point: &Point<'_>) -> io::Result<()> {
    let line = serde_json::json!({
        "metric": point.name,
        "kind": point.kind.name(),
        "value": point.value,
        "time": point.unix_s,
        "tags": point.tags,
    });
    writeln!(out, "{line}")
}

fn tabulate(aggregator: &mut Aggregator, point: &Point<'_>) -> Result<(), pointmill::RecordError> {
    let kind = match point.kind {
        PointKind::Distribution => Kind::Distribution,
        PointKind::Histogram => Kind::Histogram,
        PointKind::Count => Kind::Count,
        // A check's status stands like a gauge's value.
        PointKind::Gauge | PointKind::Check => Kind::Gauge,
    };
    let mut tags: Vec<&[u8]> = point.tags.iter().map(|tag| tag.as_bytes()).collect();
    let context = aggregator.context(kind, point.name, &mut tags)?;
    let point = aggregate::Point {
        value: point.value,
        unix_s: point.unix_s,
        rate: None,
    };
    aggregator.record(context, point)
}

fn show_table(aggregator: Aggregator, width: usize) -> io::Result<()> {
    let percentiles: Vec<Percentile> = ["50", "95"].iter().filter_map(|p| p.parse().ok()).collect();
    let groups = aggregator.finish().groups;
    let report = Report {
        rows: Rows::new(groups.finish(), &percentiles, None),
        percentiles,
        ledger: Ledger::default(),
        snapshot: None,
        collected: None,
    };
    let mut out = BufWriter::new(io::stdout());
    table::write(&report, width, false, &mut out)?;
    out.flush()
}
