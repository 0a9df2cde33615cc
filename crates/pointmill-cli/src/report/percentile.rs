//! Percentiles as users write them: `50`, `99.9`.

use core::fmt;
use core::str::FromStr;

/// One percentile of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Percentile {
    label: String,
    q: f64,
}

impl Percentile {
    /// Its column or key: `p50`, `p99.9`.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The same as a fraction from 0 to 1: the double nearest to the decimal the user wrote.
    #[must_use]
    pub fn q(&self) -> f64 {
        self.q
    }
}

impl FromStr for Percentile {
    type Err = PercentileError;

    fn from_str(text: &str) -> Result<Percentile, PercentileError> {
        let text = text.trim().trim_start_matches(['p', 'P']);
        let refused = || PercentileError {
            text: text.to_owned(),
        };
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let percent: f64 = text.parse().ok().filter(|_| plain).ok_or_else(refused)?;
        if !(0.0..=100.0).contains(&percent) {
            return Err(refused());
        }
        // 99.9 / 100.0 is not the double nearest to 0.999; the shifted decimal is.
        let q = format!("{text}e-2").parse().map_err(|_| refused())?;
        Ok(Percentile {
            label: format!("p{percent}"),
            q,
        })
    }
}

/// A percentile that is not a number from 0 to 100.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PercentileError {
    text: String,
}

impl fmt::Display for PercentileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not a percentile; give numbers from 0 to 100, such as 50,99.9",
            self.text
        )
    }
}

impl std::error::Error for PercentileError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fraction_is_the_nearest_double_of_the_decimal() {
        for (text, label, q) in [
            ("50", "p50", 0.5),
            ("99.9", "p99.9", 0.999),
            ("p75", "p75", 0.75),
            (" 95.0 ", "p95", 0.95),
            ("0", "p0", 0.0),
            ("100", "p100", 1.0),
            ("99.99", "p99.99", 0.9999),
        ] {
            let percentile: Percentile = text.parse().unwrap();
            assert_eq!((percentile.label(), percentile.q()), (label, q), "{text}");
        }
    }

    #[test]
    fn what_is_no_percentile_is_refused_with_an_example() {
        for text in ["", "x", "-1", "100.1", "nan", "inf", "1e1", "5 0", "."] {
            let error = text.parse::<Percentile>().unwrap_err().to_string();
            assert!(error.contains("50,99.9"), "{error}");
        }
    }
}
