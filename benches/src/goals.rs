//! What the project promises, row by row.

use crate::figure::{Figure, Unit};

/// A bound on a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Ours takes at most this many times what the rival takes.
    RatioAtMost(f64),
    /// At least this quotient; for throughput, where more is better.
    RatioAtLeast(f64),
    /// The figure is at most this, in its unit.
    AtMost(f64),
    /// The figure is at most this much above ours, in its unit.
    AboveOursAtMost(f64),
}

/// A bound and where it holds.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// The row.
    pub row: &'static str,
    /// The subject whose figure (or quotient) is bounded.
    pub subject: &'static str,
    /// The bound.
    pub bound: Bound,
}

const fn goal(row: &'static str, subject: &'static str, bound: Bound) -> Goal {
    Goal {
        row,
        subject,
        bound,
    }
}

use Bound::{AboveOursAtMost, AtMost, RatioAtLeast, RatioAtMost};

/// Every goal.
pub const GOALS: &[Goal] = &[
    goal(
        "sketch insert, one value",
        "sketches-ddsketch",
        RatioAtMost(0.25),
    ),
    goal(
        "sketch insert, one value",
        "hdrhistogram",
        RatioAtMost(0.55),
    ),
    goal(
        "sketch insert_many, 1,000 values, a value",
        "sketches-ddsketch",
        RatioAtMost(0.10),
    ),
    goal(
        "sketch insert_many, 1,000 values, a value",
        "pointmill",
        AtMost(1.0),
    ),
    goal(
        "record by handle, distribution",
        "hdrhistogram",
        RatioAtMost(0.75),
    ),
    goal(
        "record by handle, distribution",
        "metrics handle",
        RatioAtMost(0.20),
    ),
    goal(
        "record by handle, distribution",
        "pointmill, C ABI",
        AboveOursAtMost(2.0),
    ),
    goal(
        "record by handle, count",
        "metrics counter",
        RatioAtMost(1.0),
    ),
    goal(
        "record by handle, count",
        "pointmill, C ABI",
        AboveOursAtMost(2.0),
    ),
    goal(
        "record by handle, gauge",
        "metrics counter",
        RatioAtMost(1.0),
    ),
    goal(
        "throughput of 2 threads, 1 context, by the clock",
        "pointmill, 2 threads",
        RatioAtLeast(1.9),
    ),
    goal(
        "throughput of 2 threads, 1 context, by processor time",
        "pointmill, 2 threads",
        RatioAtLeast(1.9),
    ),
    goal(
        "record by name, 2 tags in any order",
        "metrics macro, owned labels",
        RatioAtMost(0.35),
    ),
    goal(
        "record by name, 2 tags in any order",
        "metrics macro, static labels",
        RatioAtMost(0.35),
    ),
    goal(
        "record by name, 2 tags in any order",
        "metrics macro, literals only",
        RatioAtMost(0.35),
    ),
    goal(
        "record by name, 2 tags in any order",
        "opentelemetry",
        RatioAtMost(0.25),
    ),
    goal(
        "record by name, 2 tags in any order",
        "opentelemetry, owned values",
        RatioAtMost(0.25),
    ),
    goal(
        "record by name, 2 tags in any order",
        "pointmill, C ABI",
        AboveOursAtMost(2.0),
    ),
    goal(
        "allocations of 1,000,000 records by handle",
        "pointmill",
        AtMost(0.0),
    ),
    goal(
        "allocations of 1,000,000 records by name, 2 tags",
        "pointmill",
        AtMost(0.0),
    ),
    goal(
        "record while 10,000 contexts are flushed, p99.99",
        "pointmill",
        AtMost(5_000.0),
    ),
    goal(
        "flush + encode, 10,000 contexts with 100 bins",
        "pointmill",
        AtMost(8e6),
    ),
    goal(
        "bytes per context, name + 3 tags, 1 value",
        "pointmill, arena",
        AtMost(320.0),
    ),
    goal(
        "bytes per context, name + 3 tags, 10,000 values",
        "pointmill, arena",
        AtMost(1_600.0),
    ),
    goal("load the library + new engine", "pointmill", AtMost(1e6)),
    goal(
        "resident memory of an idle engine",
        "pointmill",
        AtMost(300_000.0),
    ),
    goal(
        "flush 1,000 points in 20 contexts to an intake on loopback",
        "pointmill",
        AtMost(2_000_000.0),
    ),
];

impl Bound {
    /// Whether it holds for a figure of a row whose first figure is `ours`. `None` if the figure
    /// has no quotient to judge.
    pub fn holds(self, figure: &Figure, ours: &Figure) -> Option<bool> {
        Some(match self {
            RatioAtMost(bound) => figure.ratio? <= bound,
            RatioAtLeast(bound) => figure.ratio? >= bound,
            AtMost(bound) => figure.value <= bound,
            AboveOursAtMost(bound) => figure.value - ours.value <= bound,
        })
    }

    /// The bound as one reads it.
    pub fn shown(self, unit: Unit) -> String {
        let amount = |value| Figure::single("", "", "", unit, value).shown();
        match self {
            RatioAtMost(bound) => format!("≤ {bound:.2} ×"),
            RatioAtLeast(bound) => format!("≥ {bound:.2} ×"),
            AtMost(bound) => format!("≤ {}", amount(bound)),
            AboveOursAtMost(bound) => format!("≤ ours + {}", amount(bound)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_judged_by_its_own_number() {
        let ours = Figure::single("s", "r", "pointmill", Unit::Ns, 2.0);
        let mut rival = Figure::single("s", "r", "rival", Unit::Ns, 5.0);
        assert_eq!(RatioAtMost(0.5).holds(&rival, &ours), None);
        rival.ratio = Some(0.4);
        assert_eq!(RatioAtMost(0.5).holds(&rival, &ours), Some(true));
        assert_eq!(RatioAtMost(0.3).holds(&rival, &ours), Some(false));
        assert_eq!(RatioAtLeast(0.5).holds(&rival, &ours), Some(false));
        assert_eq!(AtMost(4.9).holds(&rival, &ours), Some(false));
        assert_eq!(AboveOursAtMost(3.0).holds(&rival, &ours), Some(true));
        assert_eq!(AboveOursAtMost(2.9).holds(&rival, &ours), Some(false));
    }
}
