//! A distribution drawn with block characters, a range of values a line.
//!
//! ```text
//! scale   logarithmic if all values are above 0 and p99 is 100 times p1, else linear
//! edges   round numbers (1, 2, 5 times a power of ten) from p1 to p99, some ten of them;
//!         what lies outside has the first and the last line
//! lines   a bin counts where its key lies: key(edge) <= key < key(next edge)
//! ```
//!
//! Comparing keys rather than values puts a value that equals an edge above it, where the range
//! says it is; only a value within 1/129 below an edge may stand one line too high.

use std::io::{self, Write};

use pointmill::sketch::{Profile, Sketch, key};

use super::percentile::Percentile;
use super::rows::Row;
use super::text::{printable, short, wrap};

/// Lines a linear scale aims for; the rounding of the steps makes it 8 to 20.
const LINES: f64 = 16.0;

/// Columns of the longest bar, where there is room.
const BAR_MAX: usize = 60;

/// Draws the distribution of `row` within `width` columns; nothing for a row that has none.
///
/// # Errors
/// The writer's.
pub fn write(
    row: &Row,
    percentiles: &[Percentile],
    width: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    let Some(sketch) = row.sketch.as_deref().filter(|sketch| !sketch.is_empty()) else {
        return Ok(());
    };
    let lines = lines(sketch, &edges(sketch));
    let tags = if row.tags.is_empty() {
        String::new()
    } else {
        format!(" {}", row.tags.join(" "))
    };
    let title = printable(&format!("{}{tags}", row.metric));
    writeln!(out, "\n{}", wrap(&title, width))?;
    let marks: Vec<String> = lines
        .iter()
        .map(|line| {
            let here = percentiles
                .iter()
                .zip(&row.percentiles)
                .filter(|(_, value)| {
                    value.is_some_and(|value| line.keys.contains(&i32::from(key::key(value))))
                });
            here.map(|(p, _)| format!(" {}", p.label())).collect()
        })
        .collect();
    let longest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let label_width = longest(&mut lines.iter().map(|line| line.label.chars().count()));
    let count_width = longest(&mut lines.iter().map(|line| line.count.to_string().len()));
    let mark_width = longest(&mut marks.iter().map(String::len));
    let fixed = label_width + 2 + 1 + count_width + mark_width;
    let bar_width = width.saturating_sub(fixed).clamp(8, BAR_MAX);
    let most = lines
        .iter()
        .map(|line| line.count)
        .max()
        .unwrap_or(0)
        .max(1);
    for (line, marks) in lines.iter().zip(&marks) {
        let bar = bar(line.count as f64 / most as f64, bar_width);
        let text = format!(
            "{:>label_width$} │{bar:<bar_width$} {:>count_width$}{marks}",
            line.label, line.count
        );
        writeln!(out, "{}", wrap(text.trim_end(), width))?;
    }
    Ok(())
}

/// `share` of `width` columns, to an eighth; never empty for a share above 0.
fn bar(share: f64, width: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = ((share * width as f64 * 8.0).round() as usize).max(usize::from(share > 0.0));
    let mut bar = "█".repeat(eighths / 8);
    if eighths % 8 > 0 {
        bar.push(EIGHTHS[eighths % 8]);
    }
    bar
}

/// One line of the drawing.
struct Line {
    label: String,
    /// The keys that count here.
    keys: core::ops::Range<i32>,
    count: u64,
}

fn lines(sketch: &Sketch, edges: &[f64]) -> Vec<Line> {
    let keys: Vec<i32> = edges
        .iter()
        .map(|edge| i32::from(key::key(*edge)))
        .collect();
    let range = |from: i32, to: i32, label: String| Line {
        label,
        keys: from..to,
        count: 0,
    };
    let (first, last) = (edges.first().copied(), edges.last().copied());
    let mut lines = Vec::new();
    if let (Some(first), Some(key)) = (first, keys.first()) {
        lines.push(range(i32::MIN, *key, format!("< {}", short(first))));
    }
    for (edge, key) in edges.windows(2).zip(keys.windows(2)) {
        lines.push(range(
            key[0],
            key[1],
            format!("{} … {}", short(edge[0]), short(edge[1])),
        ));
    }
    if let (Some(last), Some(key)) = (last, keys.last()) {
        lines.push(range(*key, i32::MAX, format!("≥ {}", short(last))));
    }
    let bins = sketch.bins(Profile::U32);
    for (key, count) in bins.keys.iter().zip(&bins.counts) {
        let at = keys.partition_point(|edge| *edge <= i32::from(*key));
        if let Some(line) = lines.get_mut(at) {
            line.count += u64::from(*count);
        }
    }
    // The open ends stand there for what lies outside, if anything does. Ranges that share all
    // their keys with a neighbour, because the sketch cannot tell them apart, have no line.
    let last = lines.len().saturating_sub(1);
    let mut i = 0;
    lines.retain(|line| {
        let end = i == 0 || i == last;
        i += 1;
        line.count > 0 || (!end && !line.keys.is_empty())
    });
    lines
}

/// Where one line ends and the next begins, ascending.
fn edges(sketch: &Sketch) -> Vec<f64> {
    let summary = sketch.summary();
    let quantile = |q| sketch.quantile(q).unwrap_or(summary.min);
    let (low, high) = (quantile(0.01), quantile(0.99));
    let logarithmic = low > 0.0 && high / low >= 100.0;
    let mut edges = if logarithmic {
        log_edges(low, high)
    } else {
        linear_edges(low, high)
    };
    if edges.is_empty() {
        // The round numbers around the largest doubles are infinite.
        edges.push(low);
    }
    edges
}

fn linear_edges(low: f64, high: f64) -> Vec<f64> {
    // Halves keep the difference of the two largest doubles finite.
    let span = high / 2.0 - low / 2.0;
    let size = if span > 0.0 {
        span / (LINES / 2.0)
    } else {
        low.abs().max(1.0)
    };
    let power = 10f64.powf(size.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|m| m * power)
        .into_iter()
        .find(|s| *s >= size);
    let step = step.unwrap_or(size);
    let (first, last) = ((low / step).floor(), (high / step).floor() + 1.0);
    if !(step > 0.0 && last - first <= 2.0 * LINES) {
        return vec![low];
    }
    let lines = (last - first) as u32;
    (0..=lines)
        .map(|i| (first + f64::from(i)) * step)
        .filter(|edge| edge.is_finite())
        .collect()
}

fn log_edges(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let decades = last - first;
    // Up to five decades have room for three lines each.
    let (marks, stride): (&[i32], i32) = if decades <= 5 {
        (&[1, 2, 5], 1)
    } else {
        (&[1], 1 + decades / 16)
    };
    let mut edges: Vec<f64> = (first..=last)
        .step_by(stride as usize)
        .flat_map(|power| marks.iter().map(move |mark| (power, mark)))
        // Read as text, so that 0.1 is 0.1.
        .filter_map(|(power, mark)| format!("{mark}e{power}").parse().ok())
        .filter(|edge: &f64| edge.is_finite() && *edge > 0.0)
        .collect();
    let from = edges.partition_point(|edge| *edge <= low).saturating_sub(1);
    let to = edges.partition_point(|edge| *edge <= high) + 1;
    edges.truncate(to.min(edges.len()));
    edges.drain(..from.min(edges.len().saturating_sub(1)));
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use pointmill::Kind;

    fn draw(values: &[f64], width: usize) -> String {
        let mut sketch = Sketch::new();
        assert_eq!(sketch.insert_many(values), 0);
        let percentiles: Vec<Percentile> = vec!["50".parse().unwrap(), "99".parse().unwrap()];
        let row = Row {
            metric: "m".to_owned(),
            kind: Kind::Distribution,
            tags: vec!["a:b".to_owned()],
            count: values.len() as u64,
            min: None,
            max: None,
            sum: None,
            avg: None,
            percentiles: percentiles.iter().map(|p| sketch.quantile(p.q())).collect(),
            last: None,
            sketch: Some(Box::new(sketch)),
        };
        let mut out = Vec::new();
        write(&row, &percentiles, width, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The counts at the ends of the bars, before the marks.
    fn total(drawing: &str) -> u64 {
        let bars = drawing.lines().filter_map(|line| line.split_once('│'));
        bars.filter_map(|(_, bar)| {
            bar.split_whitespace()
                .find_map(|word| word.parse::<u64>().ok())
        })
        .sum()
    }

    #[test]
    fn every_point_has_a_line_and_every_line_fits() {
        let linear: Vec<f64> = (0..10_000).map(|i| f64::from(i % 100) - 30.0).collect();
        let log: Vec<f64> = (1..10_000).map(|i| f64::from(i).powi(3) * 1e-6).collect();
        let wild = [1e-300, -1e300, 1e300, 0.0, f64::MAX, f64::MIN, 1.0, 5e-324];
        for values in [
            &linear[..],
            &log,
            &wild,
            &[7.0; 5],
            &[0.0],
            &[-3.0, -2.0],
            &[f64::MAX; 3],
        ] {
            for width in [80, 120] {
                let drawing = draw(values, width);
                assert_eq!(total(&drawing), values.len() as u64, "{drawing}");
                for line in drawing.lines() {
                    assert!(line.chars().count() <= width, "{line}");
                }
                assert!(drawing.lines().count() <= 40, "{drawing}");
                assert!(
                    drawing.contains("p50") && drawing.contains("p99"),
                    "{drawing}"
                );
            }
        }
    }

    #[test]
    fn a_value_on_an_edge_stands_above_it() {
        let drawing = draw(&(-30..130).map(f64::from).collect::<Vec<_>>(), 80);
        // Further out, two whole numbers share a key.
        for from in (-30..60).step_by(10) {
            let label = format!(" {from} … {} │", from + 10);
            let line = drawing
                .lines()
                .find(|l| format!(" {l}").contains(&label))
                .unwrap();
            assert!(
                line.split_whitespace().any(|word| word == "10"),
                "{line}\n{drawing}"
            );
        }
    }

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        assert_eq!(bar(1.0, 4), "████");
        assert_eq!(bar(0.5, 5), "██▌");
        assert_eq!(bar(1e-9, 40), "▏");
        assert_eq!(bar(0.0, 40), "");
    }
}
