//! Aggregations: their names, and what they are of what has been put together.

use std::fmt;

use pointmill::Kind;

use super::accumulator::Accumulator;

/// One aggregation.
#[derive(Clone, Debug, PartialEq)]
pub enum Agg {
    /// Values of a sketch; points that went into counts and gauges.
    Count,
    /// The sum of all values; of gauges the sum over contexts, averaged over the intervals.
    Sum,
    /// The mean of all values; of counts and gauges the mean over contexts and intervals.
    Avg,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// Values of a sketch, or the sum of a count, a second.
    Rate,
    /// The mean over contexts of the latest interval.
    Last,
    /// A percentile, by its name and as a quantile.
    Percentile(String, f64),
}

impl Agg {
    /// The aggregation of this name.
    ///
    /// # Errors
    /// Which names there are.
    pub fn parse(name: &str) -> Result<Agg, String> {
        Ok(match name {
            "count" => Agg::Count,
            "sum" => Agg::Sum,
            "avg" => Agg::Avg,
            "min" => Agg::Min,
            "max" => Agg::Max,
            "rate" => Agg::Rate,
            "last" => Agg::Last,
            _ => Agg::percentile(name).ok_or_else(|| {
                format!("no aggregation {name:?}; there are count, sum, avg, min, max, rate, last and p0 to p100, such as p99.9")
            })?,
        })
    }

    fn percentile(name: &str) -> Option<Agg> {
        let digits = name.strip_prefix('p')?;
        if digits.is_empty()
            || digits.len() > 20
            || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        {
            return None;
        }
        // Moved by the exponent and not by a division, which would round twice.
        let q: f64 = format!("{digits}e-2").parse().ok()?;
        (0.0..=1.0)
            .contains(&q)
            .then(|| Agg::Percentile(name.to_owned(), q))
    }

    /// Those asked for, or the usual ones of a kind.
    ///
    /// # Errors
    /// Which names there are, or that a kind has no percentiles.
    pub fn list(text: Option<&str>, kind: Kind) -> Result<Vec<Agg>, String> {
        let sketch = is_sketch(kind);
        let usual = match kind {
            Kind::Distribution | Kind::Histogram => "count,avg,p50,p95,p99",
            Kind::Count => "sum",
            Kind::Gauge => "avg",
        };
        let names = text.filter(|text| !text.is_empty()).unwrap_or(usual);
        let mut aggs: Vec<Agg> = Vec::new();
        for name in names.split(',').map(str::trim) {
            let agg = Agg::parse(name)?;
            if !sketch && matches!(agg, Agg::Percentile(..)) {
                return Err(format!(
                    "{name} needs a distribution; this metric is a {}: use count, sum, avg, min, max, rate or last",
                    kind_name(kind)
                ));
            }
            if !aggs.contains(&agg) {
                aggs.push(agg);
            }
        }
        if aggs.len() > 50 {
            return Err("more than 50 aggregations; ask for fewer".to_owned());
        }
        Ok(aggs)
    }

    /// Whether bins are needed to answer it.
    pub(crate) fn needs_bins(&self) -> bool {
        matches!(self, Agg::Percentile(..))
    }

    /// Its value of what has been put together over `seconds`; `None` where there is none.
    pub(crate) fn value(&self, all: &mut Accumulator, seconds: f64) -> Option<f64> {
        let value = all.value(self, seconds)?;
        value.is_finite().then_some(value)
    }
}

impl fmt::Display for Agg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Agg::Count => "count",
            Agg::Sum => "sum",
            Agg::Avg => "avg",
            Agg::Min => "min",
            Agg::Max => "max",
            Agg::Rate => "rate",
            Agg::Last => "last",
            Agg::Percentile(name, _) => name,
        })
    }
}

/// Whether the kind has sketches.
#[must_use]
pub const fn is_sketch(kind: Kind) -> bool {
    matches!(kind, Kind::Distribution | Kind::Histogram)
}

/// The word for a kind.
#[must_use]
pub const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Distribution => "distribution",
        Kind::Histogram => "histogram",
        Kind::Count => "count",
        Kind::Gauge => "gauge",
    }
}

/// The kind of this word.
#[must_use]
pub fn kind_of(name: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind_name(*kind) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_quantiles_they_say() {
        for (name, q) in [
            ("p50", 0.5),
            ("p99.9", 0.999),
            ("p0", 0.0),
            ("p100", 1.0),
            ("p07", 0.07),
        ] {
            assert_eq!(Agg::parse(name), Ok(Agg::Percentile(name.to_owned(), q)));
        }
        for name in ["p", "p101", "p-1", "p1e1", "p.", "q50", "", "pinf"] {
            assert!(Agg::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn scalars_have_no_percentiles() {
        assert!(
            Agg::list(Some("p50"), Kind::Gauge)
                .unwrap_err()
                .contains("needs a distribution")
        );
        assert_eq!(Agg::list(None, Kind::Count), Ok(vec![Agg::Sum]));
        assert_eq!(Agg::list(Some("sum, sum"), Kind::Count), Ok(vec![Agg::Sum]));
    }
}
