//! The report as CSV, for spreadsheets and shells.

use std::io::{self, Write};

use super::Report;
use super::text::exact;

/// Writes a header and a line a row: metric, kind, tags (one cell, commas between them), count,
/// min, max, sum, avg, the percentiles, last. What has no meaning for a kind is empty.
///
/// # Errors
/// The writer's.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    write_rows(report, out).map_err(|error| match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    })
}

fn write_rows(report: &Report, out: &mut impl Write) -> ::csv::Result<()> {
    let mut writer = ::csv::Writer::from_writer(out);
    let percentiles = report.percentiles.iter().map(|p| p.label());
    let header = [
        "metric", "kind", "tags", "count", "min", "max", "sum", "avg",
    ];
    writer.write_record(header.into_iter().chain(percentiles).chain(["last"]))?;
    for row in &report.rows.shown {
        let (tags, count) = (row.tags.join(","), row.count.to_string());
        writer.write_field(&row.metric)?;
        writer.write_field(row.kind.name())?;
        writer.write_field(tags)?;
        writer.write_field(count)?;
        let numbers = [row.min, row.max, row.sum, row.avg];
        for number in numbers.iter().chain(&row.percentiles).chain([&row.last]) {
            // The shortest decimal that reads back as the same double.
            writer.write_field(number.map(exact).unwrap_or_default())?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    Ok(writer.flush()?)
}
