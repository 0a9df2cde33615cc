//! One measured figure, as it passes from a suite to the table.

use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Nanoseconds for one element (a record, a flush, a start).
    Ns,
    /// Bytes.
    Bytes,
    /// Plain number.
    Count,
}

/// A figure of one subject.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// The bench it comes from.
    pub suite: String,
    /// What was done.
    pub row: String,
    /// Who did it.
    pub subject: String,
    /// What `value`, `low` and `high` count.
    pub unit: Unit,
    /// The median.
    pub value: f64,
    /// The lower quartile.
    pub low: f64,
    /// The upper quartile.
    pub high: f64,
    /// Median of the quotients first subject / this subject, each of two slices that followed each
    /// other. `None` where there are no pairs.
    pub ratio: Option<f64>,
    /// Slices measured.
    pub samples: u64,
}

impl Figure {
    /// A figure that is no median of slices.
    pub fn single(suite: &str, row: &str, subject: &str, unit: Unit, value: f64) -> Figure {
        Figure {
            suite: suite.into(),
            row: row.into(),
            subject: subject.into(),
            unit,
            value,
            low: value,
            high: value,
            ratio: None,
            samples: 1,
        }
    }

    /// The value as one reads it.
    pub fn shown(&self) -> String {
        match self.unit {
            Unit::Ns => shown_ns(self.value),
            Unit::Bytes if self.value >= 100_000.0 => format!("{:.0} kB", self.value / 1000.0),
            Unit::Bytes => format!("{:.0} B", self.value),
            Unit::Count => format!("{}", self.value),
        }
    }
}

/// Nanoseconds with three digits and the unit that fits.
pub fn shown_ns(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    let digits = if value < 10.0 {
        2
    } else {
        usize::from(value < 100.0)
    };
    format!("{value:.digits$} {unit}")
}

/// Appends figures to a file, one a line.
///
/// # Errors
/// Those of the file system.
pub fn append(path: &Path, figures: &[Figure]) -> std::io::Result<()> {
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(path)?;
    for figure in figures {
        writeln!(file, "{}", serde_json::to_string(figure)?)?;
    }
    Ok(())
}

/// Median and quartiles of some numbers, sorted by the call.
///
/// # Panics
/// If there are none.
pub fn quartiles(numbers: &mut [f64]) -> [f64; 3] {
    numbers.sort_by(f64::total_cmp);
    [1, 2, 3].map(|i| numbers[(numbers.len() - 1) * i / 4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_with_three_digits() {
        assert_eq!(
            [1.234, 56.78, 987.0, 1234.0, 7.9e6, 2e9].map(shown_ns),
            [
                "1.23 ns", "56.8 ns", "987 ns", "1.23 µs", "7.90 ms", "2.00 s"
            ]
        );
    }

    #[test]
    fn quartiles_of_five() {
        assert_eq!(quartiles(&mut [5.0, 1.0, 4.0, 2.0, 3.0]), [2.0, 3.0, 4.0]);
    }
}
