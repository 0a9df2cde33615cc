//! Expectations: what should have arrived, as TOML, and whether it has.
//!
//! ```toml
//! [[expect]]
//! metric = "checkout.latency"
//! filter = "env:prod"       # as in /v1/query; every context without it
//! agg = "p99"               # count if it is not said
//! at_most = 0.5             # and at_least, above, below, equals
//!
//! [[expect]]
//! metric = "orders"
//! kind = "count"            # only needed if the name has several
//! agg = "sum"
//! equals = 42
//! tolerance = 0.01          # relative; 1e-9 if it is not said, 1/129 for percentiles
//! contexts = 2              # distinct sets of tags
//!
//! [[expect]]
//! metric = "debug.noise"
//! absent = true
//!
//! [refused]
//! at_most = 0               # entries refused for whatever reason
//! ```

use std::fmt;

use serde::Deserialize;

use crate::query::{self, Agg, Filter, Query};
use crate::store::Store;

/// A file of expectations.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectations {
    #[serde(default)]
    expect: Vec<Expectation>,
    refused: Option<Bounds>,
}

/// What is expected of one metric.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expectation {
    metric: String,
    kind: Option<String>,
    filter: String,
    agg: Option<String>,
    contexts: Option<u64>,
    absent: bool,
    equals: Option<f64>,
    tolerance: Option<f64>,
    at_least: Option<f64>,
    at_most: Option<f64>,
    above: Option<f64>,
    below: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Bounds {
    equals: Option<f64>,
    at_least: Option<f64>,
    at_most: Option<f64>,
}

/// Whether one expectation is met.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Whether it is.
    pub met: bool,
    /// What was looked at: `checkout.latency{env:prod} p99`.
    pub subject: String,
    /// What it is.
    pub actual: String,
    /// What it should be.
    pub expected: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding {
            met,
            subject,
            actual,
            expected,
        } = self;
        if *met {
            write!(f, "ok    {subject} = {actual} ({expected})")
        } else {
            write!(
                f,
                "FAIL  {subject}\n        - expected {expected}\n        + found    {actual}"
            )
        }
    }
}

impl Expectations {
    /// Reads TOML.
    ///
    /// # Errors
    /// The line and what is wrong with it.
    pub fn parse(text: &str) -> Result<Expectations, String> {
        let expectations: Expectations = toml::from_str(text).map_err(|error| error.to_string())?;
        for (at, expectation) in expectations.expect.iter().enumerate() {
            expectation.check().map_err(|error| {
                format!("expectation {} ({:?}): {error}", at + 1, expectation.metric)
            })?;
        }
        if expectations.expect.is_empty() && expectations.refused.is_none() {
            return Err("nothing is expected; add [[expect]] with a metric".to_owned());
        }
        Ok(expectations)
    }

    /// Looks at everything; `refused` is the number of entries refused.
    #[must_use]
    pub fn check(&self, store: &Store, refused: u64) -> Vec<Finding> {
        let mut findings = Vec::new();
        for expectation in &self.expect {
            expectation.look(store, &mut findings);
        }
        if let Some(bounds) = &self.refused {
            let bounds = Expectation {
                equals: bounds.equals,
                at_least: bounds.at_least,
                at_most: bounds.at_most,
                ..Expectation::default()
            };
            findings.push(bounds.judge("refused entries".to_owned(), Some(refused as f64), 0.0));
        }
        findings
    }
}

impl Expectation {
    fn check(&self) -> Result<(), String> {
        if self.metric.is_empty() {
            return Err("metric is missing".to_owned());
        }
        if let Some(kind) = &self.kind
            && query::kind_of(kind).is_none()
        {
            return Err(format!(
                "no kind {kind:?}; there are distribution, histogram, count and gauge"
            ));
        }
        Filter::parse(&self.filter)?;
        if let Some(agg) = &self.agg {
            Agg::parse(agg)?;
        }
        let bounds = [
            self.equals,
            self.at_least,
            self.at_most,
            self.above,
            self.below,
        ];
        if bounds.iter().flatten().any(|bound| bound.is_nan()) {
            return Err("nan is no bound".to_owned());
        }
        let says = bounds.iter().any(Option::is_some) || self.contexts.is_some() || self.absent;
        if !says {
            return Err(
                "nothing is said; give equals, at_least, at_most, above, below, contexts or absent"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn look(&self, store: &Store, findings: &mut Vec<Finding>) {
        let agg = self.agg.as_deref().unwrap_or("count");
        let name = if self.filter.is_empty() {
            self.metric.clone()
        } else {
            format!("{}{{{}}}", self.metric, self.filter)
        };
        let asked = Query {
            metric: self.metric.clone(),
            kind: self.kind.as_deref().and_then(query::kind_of),
            aggs: Some(agg.to_owned()),
            filter: Filter::parse(&self.filter).unwrap_or_default(),
            ..Query::default()
        };
        let answer = query::query(store, &asked);
        let (value, contexts) = match &answer {
            Ok(answer) => (
                answer
                    .groups
                    .first()
                    .and_then(|group| group.total.get(agg).copied().flatten()),
                answer.contexts,
            ),
            Err(error) if error.unknown => (None, 0),
            Err(error) => {
                return findings.push(Finding {
                    met: false,
                    subject: format!("{name} {agg}"),
                    actual: error.message.clone(),
                    expected: "an answer".to_owned(),
                });
            }
        };
        if self.absent {
            let actual = if contexts == 0 {
                "absent".to_owned()
            } else {
                format!("{contexts} contexts")
            };
            let (subject, expected) = (name.clone(), "absent".to_owned());
            findings.push(Finding {
                met: contexts == 0,
                subject,
                actual,
                expected,
            });
        }
        if let Some(wanted) = self.contexts {
            findings.push(Finding {
                met: contexts == wanted,
                subject: format!("{name} contexts"),
                actual: contexts.to_string(),
                expected: wanted.to_string(),
            });
        }
        let says = [
            self.equals,
            self.at_least,
            self.at_most,
            self.above,
            self.below,
        ]
        .iter()
        .any(Option::is_some);
        if says {
            let usual = if agg.starts_with('p') {
                1.0 / 129.0
            } else {
                1e-9
            };
            findings.push(self.judge(
                format!("{name} {agg}"),
                value,
                self.tolerance.unwrap_or(usual),
            ));
        }
    }

    fn judge(&self, subject: String, value: Option<f64>, tolerance: f64) -> Finding {
        let near = |v: f64, wanted: f64| (v - wanted).abs() <= tolerance * wanted.abs();
        type Test<'a> = (Option<f64>, &'static str, &'a dyn Fn(f64, f64) -> bool);
        let tests: [Test<'_>; 5] = [
            (self.equals, "", &near),
            (self.at_least, "at least ", &|v, bound| v >= bound),
            (self.at_most, "at most ", &|v, bound| v <= bound),
            (self.above, "above ", &|v, bound| v > bound),
            (self.below, "below ", &|v, bound| v < bound),
        ];
        let said: Vec<_> = tests
            .iter()
            .filter_map(|(bound, word, test)| Some(((*bound)?, word, test)))
            .collect();
        let expected: Vec<String> = said
            .iter()
            .map(|(bound, word, _)| format!("{word}{bound}"))
            .collect();
        let met = value.is_some_and(|v| said.iter().all(|(bound, _, test)| test(v, *bound)));
        let actual = value.map_or("nothing".to_owned(), |v| v.to_string());
        Finding {
            met,
            subject,
            actual,
            expected: expected.join(", "),
        }
    }
}
