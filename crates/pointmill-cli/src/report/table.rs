//! The report as a table that stays readable at the width of the terminal.
//!
//! ```text
//! per metric and kind:   heading
//!                        tags  count  min  avg  max  sum  p50 …     all in one block if it fits
//!                        tags  … the columns that did not fit       else as many as it takes
//! ```
//!
//! 1. No number is dropped or cut. Columns that do not fit stand in further blocks below, each
//!    with its tags in front.
//! 2. Tags get what the numbers leave, at least [`TAGS_MIN`] columns; longer ones wrap.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use pointmill::Kind;

use super::Report;
use super::percentile::Percentile;
use super::plot;
use super::rows::Row;
use super::text::{printable, short, wrap};

/// What the column of tags has at the least, if some row's tags are that long.
pub const TAGS_MIN: usize = 16;

/// What stands above them.
const TAGS: &str = "tags";

/// Blanks between two columns.
const GAP: usize = 2;

/// The width where there is no terminal to ask.
const WIDTH: usize = 80;

/// `$COLUMNS`, or the terminal's width, or 80.
#[must_use]
pub fn terminal_width() -> usize {
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    columns
        .or_else(terminal)
        .filter(|width| *width >= 20)
        .unwrap_or(WIDTH)
}

/// Writes all rows, and with `plot` a drawing below each row that has a distribution.
///
/// # Errors
/// The writer's.
pub fn write(report: &Report, width: usize, plot: bool, out: &mut impl Write) -> io::Result<()> {
    let mut rows: Vec<&Row> = report.rows.shown.iter().collect();
    // One table a metric and kind, since kinds have different columns.
    rows.sort_by(|a, b| (&a.metric, a.kind).cmp(&(&b.metric, b.kind)));
    let groups = rows.chunk_by(|a, b| (&a.metric, a.kind) == (&b.metric, b.kind));
    for (i, group) in groups.enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        let total = report
            .rows
            .totals
            .get(&(group[0].metric.clone(), group[0].kind));
        let heading = heading(group, total.copied().unwrap_or(0));
        writeln!(out, "{}", wrap(&heading, width))?;
        for block in blocks(group, &report.percentiles, width) {
            writeln!(out, "{block}")?;
        }
        if plot {
            for row in group {
                plot::write(row, &report.percentiles, width, out)?;
            }
        }
    }
    Ok(())
}

fn heading(group: &[&Row], total: usize) -> String {
    let rows = match (group.len(), total) {
        (shown, total) if shown < total => format!(", top {shown} of {total}"),
        _ => String::new(),
    };
    format!("{}  ({}{rows})", printable(&group[0].metric), group[0].kind)
}

/// A column of numbers.
struct Column {
    header: String,
    cells: Vec<String>,
}

impl Column {
    fn new(header: &str, rows: &[&Row], cell: impl Fn(&Row) -> Option<f64>) -> Column {
        let cells = rows
            .iter()
            .map(|r| cell(r).map_or_else(|| "-".to_owned(), short))
            .collect();
        Column {
            header: header.to_owned(),
            cells,
        }
    }

    /// Numbers and headers are ASCII, so bytes are columns.
    fn width(&self) -> usize {
        self.cells
            .iter()
            .map(String::len)
            .max()
            .unwrap_or(0)
            .max(self.header.len())
    }
}

fn columns(rows: &[&Row], percentiles: &[Percentile]) -> Vec<Column> {
    let count = Column {
        header: "count".to_owned(),
        cells: rows.iter().map(|row| row.count.to_string()).collect(),
    };
    let column = |header, cell: fn(&Row) -> Option<f64>| Column::new(header, rows, cell);
    let min = || column("min", |row| row.min);
    let avg = || column("avg", |row| row.avg);
    let max = || column("max", |row| row.max);
    let sum = || column("sum", |row| row.sum);
    let mut columns = match rows[0].kind {
        Kind::Count => vec![count, sum()],
        Kind::Gauge => vec![count, min(), avg(), max(), column("last", |row| row.last)],
        Kind::Distribution | Kind::Histogram => vec![count, min(), avg(), max(), sum()],
    };
    if rows[0].kind.has_sketch() {
        for (i, percentile) in percentiles.iter().enumerate() {
            columns.push(Column::new(percentile.label(), rows, |row| {
                row.percentiles[i]
            }));
        }
    }
    columns
}

fn blocks(rows: &[&Row], percentiles: &[Percentile], width: usize) -> Vec<Table> {
    let tagged = rows.iter().any(|row| !row.tags.is_empty());
    let tags: Vec<String> = rows
        .iter()
        .map(|row| match row.tags.is_empty() {
            true if tagged => "-".to_owned(),
            _ => printable(&row.tags.join(" ")),
        })
        .collect();
    let longest = tags
        .iter()
        .map(|tags| tags.chars().count())
        .max()
        .filter(|longest| *longest > 0)
        .map_or(0, |longest| longest.max(TAGS.len()));
    let columns = columns(rows, percentiles);
    let numbers: usize = columns.iter().map(|c| c.width() + GAP).sum();
    // In one block the tags get all that is left; in several, at least a third of the width.
    let left = width.saturating_sub(numbers);
    let tags_width = match longest {
        0 => 0,
        _ if left >= longest.min(TAGS_MIN) => longest.min(left),
        _ => longest.min(TAGS_MIN.max(width / 3)),
    };
    let mut tables = Vec::new();
    let mut columns = columns.as_slice();
    while !columns.is_empty() {
        let mut used = tags_width;
        let fits = columns.iter().take_while(|column| {
            used += column.width() + GAP;
            used <= width
        });
        // One column stands alone rather than not at all.
        let fits = fits.count().max(1);
        let (block, rest) = columns.split_at(fits);
        tables.push(table(&tags, tags_width, block, width));
        columns = rest;
    }
    tables
}

fn table(tags: &[String], tags_width: usize, columns: &[Column], width: usize) -> Table {
    let with_tags = tags_width > 0;
    let mut table = Table::new();
    let needed = tags_width + columns.iter().map(|c| c.width() + GAP).sum::<usize>();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width.max(needed)).unwrap_or(u16::MAX));
    let headers = columns.iter().map(|column| column.header.as_str());
    table.set_header(with_tags.then_some(TAGS).into_iter().chain(headers));
    for (i, tags) in tags.iter().enumerate() {
        let cells = columns.iter().map(|column| column.cells[i].as_str());
        table.add_row(with_tags.then_some(tags.as_str()).into_iter().chain(cells));
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if i == 0 { 0 } else { GAP as u16 }, 0));
        if i == 0 && with_tags {
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(tags_width as u16)));
        } else {
            column.set_cell_alignment(CellAlignment::Right);
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}
