//! Parameters of a question, each read once, with what is wrong named.

use std::collections::HashMap;

use crate::query::{self, Filter, Query, QueryError, Step};
use crate::refused::now;

/// Reads parameters, and remembers which there are, so that one nobody asked for is named.
pub(super) struct Reader<'p> {
    given: &'p HashMap<String, String>,
    known: Vec<&'static str>,
    now: i64,
}

impl<'p> Reader<'p> {
    pub(super) fn new(given: &'p HashMap<String, String>) -> Reader<'p> {
        Reader {
            given,
            known: vec!["api_key", "_"],
            now: now() as i64,
        }
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<&'p str> {
        self.known.push(name);
        self.given
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    pub(super) fn number(
        &mut self,
        name: &'static str,
        default: usize,
    ) -> Result<usize, QueryError> {
        self.text(name).map_or(Ok(default), |text| {
            text.parse()
                .map_err(|_| QueryError::bad(name, format!("{text:?} is no whole number")))
        })
    }

    pub(super) fn time(&mut self, name: &'static str) -> Result<Option<i64>, QueryError> {
        let now = self.now;
        let time = self
            .text(name)
            .map(|text| query::parse_time(text, now))
            .transpose();
        time.map_err(|error| QueryError::bad(name, error))
    }

    pub(super) fn filter(&mut self) -> Result<Filter, QueryError> {
        Filter::parse(self.text("filter").unwrap_or(""))
            .map_err(|error| QueryError::bad("filter", error))
    }

    pub(super) fn list(&mut self, name: &'static str) -> Vec<String> {
        let text = self.text(name).unwrap_or("");
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// The parameters that all questions about one metric share.
    pub(super) fn query(&mut self, limit: usize) -> Result<Query, QueryError> {
        let kind = self.text("kind").map(|name| {
            query::kind_of(name).ok_or_else(|| {
                QueryError::bad(
                    "kind",
                    format!("no kind {name:?}; there are distribution, histogram, count and gauge"),
                )
            })
        });
        Ok(Query {
            metric: self
                .text("metric")
                .ok_or_else(|| {
                    QueryError::bad(
                        "metric",
                        "name a metric; GET /v1/metrics lists them".to_owned(),
                    )
                })?
                .to_owned(),
            kind: kind.transpose()?,
            filter: self.filter()?,
            from: self.time("from")?,
            to: self.time("to")?,
            limit: self.number("limit", limit)?,
            ..Query::default()
        })
    }

    pub(super) fn aggs(&mut self, query: &mut Query) {
        query.aggs = self.text("agg").map(str::to_owned);
        query.order = self.text("order").map(str::to_owned);
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(&self) -> Result<(), QueryError> {
        match self
            .given
            .keys()
            .find(|name| !self.known.contains(&name.as_str()))
        {
            None => Ok(()),
            Some(name) => {
                let known = self.known[2..].join(", ");
                Err(QueryError::bad(
                    "",
                    format!("no parameter {name:?}; there are {known}"),
                ))
            }
        }
    }
}

/// The query that parameters ask for.
///
/// # Errors
/// [`QueryError`] names the parameter.
pub fn parse_query(given: &HashMap<String, String>) -> Result<Query, QueryError> {
    let mut reader = Reader::new(given);
    let mut query = reader.query(50)?;
    reader.aggs(&mut query);
    query.by = reader.list("by");
    query.step = match reader.text("step") {
        None => Step::None,
        Some("auto") => Step::Auto,
        Some(text) => Step::Seconds(
            query::parse_length(text).map_err(|error| QueryError::bad("step", error))?,
        ),
    };
    reader.finish()?;
    Ok(query)
}
