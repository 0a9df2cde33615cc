//! What comes out.

/// The kind of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PointKind {
    /// A distribution's: all enhanced and custom metrics.
    Distribution,
    /// A sum: `MONITORING|` lines.
    Count,
    /// A last value: `MONITORING|` lines.
    Gauge,
    /// A histogram's sample: `MONITORING|` lines.
    Histogram,
    /// A service check's status, 0 to 3: `MONITORING|` lines.
    Check,
}

impl PointKind {
    /// A word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PointKind::Distribution => "distribution",
            PointKind::Count => "count",
            PointKind::Gauge => "gauge",
            PointKind::Histogram => "histogram",
            PointKind::Check => "check",
        }
    }
}

/// One point, borrowed for the call that hands it out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point<'a> {
    /// Its kind.
    pub kind: PointKind,
    /// The metric's name.
    pub name: &'a str,
    /// Its value; finite.
    pub value: f64,
    /// Its time in Unix seconds; `None` if neither the metric nor its event has one.
    pub unix_s: Option<i64>,
    /// Its tags: the line's own first, without repetition.
    pub tags: &'a [&'a str],
}
