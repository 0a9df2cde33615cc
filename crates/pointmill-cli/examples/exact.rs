//! Checks two reports on one CSV file against each other and against exact percentiles.
//!
//! ```text
//! exact POINTS.csv VALUE_COLUMN TAG_COLUMN METRIC ROWS_SHOWN REPORT.csv REPORT.csv
//! ```
//!
//! The exact percentile is the element of rank roundTiesEven(q (n - 1)) of the sorted values; this
//! program reads the points itself and uses nothing of pointmill, not even its CSV reader. It
//! prints the percentiles of the rows with the most points beside the exact ones, and fails if the
//! two reports differ anywhere or one is further than 1/129 from an exact percentile.

use std::collections::BTreeMap;
use std::process::ExitCode;

/// What pointmill promises, as a fraction of the exact value.
const ACCURACY: f64 = 1.0 / 129.0;

const PERCENTILES: [(&str, f64); 4] = [("p50", 0.50), ("p75", 0.75), ("p95", 0.95), ("p99", 0.99)];

type Outcome<T> = Result<T, String>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.as_slice() {
        [points, value, tag, metric, shown, first, second] => {
            compare(points, value, tag, metric, shown, [first, second])
        }
        _ => {
            Err("give POINTS.csv VALUE_COLUMN TAG_COLUMN METRIC ROWS_SHOWN and two reports".into())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exact: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Plain CSV without quotes: the cells of every line.
fn table(path: &str) -> Outcome<(Vec<String>, Vec<Vec<String>>)> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let mut lines = text.lines();
    let header = lines
        .next()
        .map(cells)
        .ok_or_else(|| format!("{path} is empty"))?;
    Ok((header, lines.map(cells).collect()))
}

fn column(header: &[String], name: &str, path: &str) -> Outcome<usize> {
    let found = header.iter().position(|column| column == name);
    found.ok_or_else(|| format!("{path} has no column {name}"))
}

/// The values of each tag, sorted.
fn points(path: &str, value: &str, tag: &str) -> Outcome<BTreeMap<String, Vec<f64>>> {
    let (header, lines) = table(path)?;
    let (value_at, tag_at) = (column(&header, value, path)?, column(&header, tag, path)?);
    let mut groups = BTreeMap::<String, Vec<f64>>::new();
    for line in lines {
        let number = line[value_at]
            .parse()
            .map_err(|e| format!("{path}: {line:?}: {e}"))?;
        groups
            .entry(format!("{tag}:{}", line[tag_at]))
            .or_default()
            .push(number);
    }
    for values in groups.values_mut() {
        values.sort_by(f64::total_cmp);
    }
    Ok(groups)
}

/// The count and the percentiles of each row of `metric`.
fn rows(path: &str, metric: &str) -> Outcome<BTreeMap<String, (u64, Vec<f64>)>> {
    let (header, lines) = table(path)?;
    let at = |name: &str| column(&header, name, path);
    let (metric_at, tags_at, count_at) = (at("metric")?, at("tags")?, at("count")?);
    let percentiles = PERCENTILES
        .iter()
        .map(|(name, _)| at(name))
        .collect::<Outcome<Vec<_>>>()?;
    let mut rows = BTreeMap::new();
    for line in lines
        .iter()
        .filter(|line| line.get(metric_at).is_some_and(|m| m == metric))
    {
        let number = |at: &usize| {
            let cell = line
                .get(*at)
                .ok_or_else(|| format!("{path}: {line:?} is short"))?;
            cell.parse::<f64>()
                .map_err(|e| format!("{path}: {cell:?}: {e}"))
        };
        let found = percentiles
            .iter()
            .map(number)
            .collect::<Outcome<Vec<_>>>()?;
        rows.insert(line[tags_at].clone(), (number(&count_at)? as u64, found));
    }
    Ok(rows)
}

fn compare(
    points_path: &str,
    value: &str,
    tag: &str,
    metric: &str,
    shown: &str,
    reports: [&String; 2],
) -> Outcome<()> {
    let exact = points(points_path, value, tag)?;
    let [first, second] = [rows(reports[0], metric)?, rows(reports[1], metric)?];
    for (path, rows) in reports.iter().zip([&first, &second]) {
        if !rows.keys().eq(exact.keys()) {
            return Err(format!(
                "{path} has {} rows of {metric}, not {}",
                rows.len(),
                exact.len()
            ));
        }
    }
    let shown: usize = shown.parse().map_err(|e| format!("{shown}: {e}"))?;
    let mut busiest: Vec<&String> = exact.keys().collect();
    busiest.sort_by_key(|tags| core::cmp::Reverse(exact[*tags].len()));
    busiest.truncate(shown);

    println!("{metric} by {tag}: pointmill (command and C alike), exact, relative error");
    let (mut worst, mut checked) = (0.0_f64, 0);
    for (tags, values) in &exact {
        let ((count, found), (count_c, found_c)) = (&first[tags], &second[tags]);
        if (count, count_c) != (&(values.len() as u64), &(values.len() as u64)) {
            return Err(format!(
                "{tags}: counts {count} and {count_c}, not {}",
                values.len()
            ));
        }
        for (i, (name, q)) in PERCENTILES.iter().enumerate() {
            if found[i].to_bits() != found_c[i].to_bits() {
                return Err(format!(
                    "{tags} {name}: {} and {} differ",
                    found[i], found_c[i]
                ));
            }
            let element = values[(q * (values.len() - 1) as f64).round_ties_even() as usize];
            let off = (found[i] - element).abs();
            let error = if off == 0.0 { 0.0 } else { off / element.abs() };
            if error > ACCURACY {
                return Err(format!(
                    "{tags} {name}: {} is {error} off {element}",
                    found[i]
                ));
            }
            worst = worst.max(error);
            checked += 1;
            if busiest.contains(&tags) {
                let label = if i == 0 { tags.as_str() } else { "" };
                println!(
                    "  {label:<12} {name} {:>10.3} {element:>8} {error:>9.5}",
                    found[i]
                );
            }
        }
    }
    println!(
        "  {checked} percentiles of {} rows: identical in both reports, largest error {worst:.5}, \
         allowed {ACCURACY:.5}\n",
        exact.len()
    );
    Ok(())
}
