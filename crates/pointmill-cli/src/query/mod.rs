//! `pointmill query`: asks a running intake.
//!
//! | status | means |
//! | --- | --- |
//! | 0 | answered |
//! | 1 | the intake cannot be reached, or refuses the question |
//! | 2 | the arguments do not fit each other |

use std::io::{self, Write};
use std::ops::Range;
use std::process::ExitCode;

use clap::{Args as ClapArgs, ValueEnum};
use pointmill_intake::query::utc;
use serde_json::Value as Json;

use crate::http;
use crate::report::text::{printable, short};

const EXAMPLES: &str = "\
Examples:
  Which metrics there are:
    pointmill query

  Percentiles by one tag:
    pointmill query flight.delay --agg count,p50,p99 --by origin

  The last hour in steps, for another program:
    pointmill query checkout.latency --agg p99 --filter env:prod --from -1h --step 1m --format csv

Exit status: 0 answered, 1 the intake cannot be reached or refuses the question, 2 wrong arguments.";

/// Asks a running intake for aggregations of a metric; without a metric, which there are
///
/// The percentile of a group is that of all its values together: sketches are merged, never
/// percentiles. Each is within 1/129 (0.8 %) of the exact element of its rank.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The metric's name
    metric: Option<String>,

    /// The intake's address
    #[arg(long, value_name = "URL", default_value = http::URL)]
    url: String,

    /// The intake's key
    #[arg(
        long,
        value_name = "KEY",
        env = "POINTMILL_API_KEY",
        hide_env_values = true
    )]
    api_key: Option<String>,

    /// Aggregations: count, sum, avg, min, max, rate, last, p0 to p100
    #[arg(long, value_name = "AGG,…")]
    agg: Option<String>,

    /// Tag keys to split by
    #[arg(long, value_name = "TAGKEY,…")]
    by: Option<String>,

    /// Tags every context must have: origin:ATL|JFK,env:*,!team:x
    #[arg(long, value_name = "TAGS")]
    filter: Option<String>,

    /// Start: Unix seconds, 2026-11-25T10:00:00Z, -1h; the first point without
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,

    /// End; the last point without
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,

    /// A row for every step of this length: 30s, 5m, auto
    #[arg(long, value_name = "LENGTH")]
    step: Option<String>,

    /// Most groups
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// The aggregation that orders the groups, - in front for smallest first, or name
    #[arg(long, value_name = "AGG", allow_hyphen_values = true)]
    order: Option<String>,

    /// The kind, if the name has several: distribution, histogram, count, gauge
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,

    /// How to print the answer
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "table")]
    format: OutputFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// For eyes; times in UTC
    Table,
    /// The intake's answer as it is
    Json,
    /// A row a group, or a group and step; times in Unix seconds
    Csv,
}

/// Runs the verb.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let fail = |status: u8, error: String| {
        eprintln!("pointmill: {error}");
        ExitCode::from(status)
    };
    let client = match http::Client::new(&args.url, args.api_key.as_deref()) {
        Ok(client) => client,
        Err(error) => return fail(2, error),
    };
    match ask(args, &client).and_then(|answer| print(args, &answer)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, error),
    }
}

fn ask(args: &Args, client: &http::Client) -> Result<Json, String> {
    let Some(metric) = &args.metric else {
        return client.get("/v1/metrics", &[("limit", "1000000")]);
    };
    let limit = args.limit.map(|limit| limit.to_string());
    let given = [
        ("metric", Some(metric.as_str())),
        ("agg", args.agg.as_deref()),
        ("by", args.by.as_deref()),
        ("filter", args.filter.as_deref()),
        ("from", args.from.as_deref()),
        ("to", args.to.as_deref()),
        ("step", args.step.as_deref()),
        ("limit", limit.as_deref()),
        ("order", args.order.as_deref()),
        ("kind", args.kind.as_deref()),
    ];
    let given: Vec<(&str, &str)> = given
        .iter()
        .filter_map(|(name, value)| Some((*name, (*value)?)))
        .collect();
    client.get("/v1/query", &given)
}

fn print(args: &Args, answer: &Json) -> Result<(), String> {
    let rows = if args.metric.is_some() {
        table(answer)
    } else {
        metrics(answer)
    };
    let text = match args.format {
        OutputFormat::Json => format!("{answer}\n"),
        OutputFormat::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            let written = writer.write_record(&rows.head).and_then(|()| {
                rows.rows
                    .iter()
                    .try_for_each(|row| writer.write_record(row))
            });
            written.map_err(|error| error.to_string())?;
            String::from_utf8(writer.into_inner().map_err(|error| error.to_string())?)
                .map_err(|error| error.to_string())?
        }
        OutputFormat::Table => for_eyes(&rows),
    };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// Numbers as `report` shows them; what the intake was sent cannot command the terminal.
fn for_eyes(rows: &Rows) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(rows.head.iter().map(|name| printable(name).to_uppercase()));
    table.add_rows(rows.rows.iter().map(|row| {
        let cells = row.iter().enumerate();
        cells.map(|(at, cell)| match (cell.parse::<i64>(), cell.parse()) {
            (Ok(unix_s), _) if rows.times.contains(&at) => utc(unix_s),
            (_, Ok(number)) if at >= rows.names => short(number),
            _ => printable(cell),
        })
    }));
    for column in table.column_iter_mut().skip(rows.names) {
        column.set_cell_alignment(comfy_table::CellAlignment::Right);
    }
    format!("{table}\n")
}

fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        // A count is 90 and not 90.0.
        Json::Number(number) if number.is_f64() => number
            .as_f64()
            .map_or(String::new(), |number| number.to_string()),
        other => other.to_string(),
    }
}

fn list(value: &Json) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

struct Rows {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    /// So many columns are names and tags; the others are numbers.
    names: usize,
    /// These are times in Unix seconds.
    times: Range<usize>,
}

/// The rows of a list of metrics.
fn metrics(answer: &Json) -> Rows {
    let head = [
        "name", "kind", "contexts", "points", "values", "first", "last",
    ];
    let metrics = answer["metrics"].as_array().into_iter().flatten();
    let rows = metrics
        .map(|metric| head.iter().map(|name| text(&metric[*name])).collect())
        .collect();
    Rows {
        head: head.iter().map(ToString::to_string).collect(),
        rows,
        names: 2,
        times: 5..7,
    }
}

/// The rows of an answer: a group each, or a group and step each.
fn table(answer: &Json) -> Rows {
    let (by, aggs) = (list(&answer["by"]), list(&answer["aggs"]));
    let times = list(&answer["times"]);
    let stepped = !answer["step"].is_null();
    let mut head = by.clone();
    if stepped {
        head.push("time".to_owned());
    }
    head.extend(aggs.iter().cloned());
    let mut rows = Vec::new();
    for group in answer["groups"].as_array().into_iter().flatten() {
        let tags: Vec<String> = by.iter().map(|key| text(&group["tags"][key])).collect();
        if !stepped {
            rows.push(
                tags.into_iter()
                    .chain(aggs.iter().map(|agg| text(&group["total"][agg])))
                    .collect(),
            );
            continue;
        }
        for (at, time) in times.iter().enumerate() {
            let values: Vec<String> = aggs
                .iter()
                .map(|agg| text(&group["series"][agg][at]))
                .collect();
            if values.iter().any(|value| !value.is_empty()) {
                rows.push(
                    tags.iter()
                        .cloned()
                        .chain([time.clone()])
                        .chain(values)
                        .collect(),
                );
            }
        }
    }
    Rows {
        head,
        rows,
        names: by.len(),
        times: by.len()..by.len() + usize::from(stepped),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_names_are_shown_as_they_are_but_harmless() {
        let answer = serde_json::json!({
            "by": ["version"], "aggs": ["count", "p50"], "times": [], "step": null,
            "groups": [
                {"tags": {"version": "1.23456789"}, "total": {"count": 200_000, "p50": -2.009_042_714}},
                {"tags": {"version": "\u{1b}[2J"}, "total": {"count": 1, "p50": null}},
            ],
        });
        let shown = for_eyes(&table(&answer));
        let words: Vec<&str> = shown.split_whitespace().collect();
        let wanted = [
            "VERSION",
            "COUNT",
            "P50",
            "1.23456789",
            "200000",
            "-2.009",
            "\\u{1b}[2J",
            "1",
        ];
        assert_eq!(words, wanted, "{shown}");
    }

    #[test]
    fn times_are_for_eyes_and_tags_that_look_like_them_are_not() {
        let answer = serde_json::json!({
            "by": ["first"], "aggs": ["sum"], "times": [1_795_691_070], "step": 10,
            "groups": [{"tags": {"first": "1795691070"}, "series": {"sum": [1_795_691_070]}}],
        });
        let shown = for_eyes(&table(&answer));
        let words: Vec<&str> = shown.split_whitespace().skip(3).collect();
        let wanted = ["1795691070", "2026-11-26T11:04:30Z", "1795691070"];
        assert_eq!(words, wanted, "{shown}");
        let answer = serde_json::json!({"metrics": [{"name": "m", "kind": "count", "contexts": 1,
            "points": 1, "values": 1, "first": 0, "last": 1_795_691_070}]});
        let shown = for_eyes(&metrics(&answer));
        assert!(shown.contains("1970-01-01T00:00:00Z"), "{shown}");
        assert!(shown.contains("2026-11-26T11:04:30Z"), "{shown}");
    }
}
