//! The report as one JSON object, a row a line.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Report;
use super::percentile::Percentile;
use super::rows::Row;

/// Writes `{"rows":[…],"ledger":{…}}`. Numbers are shortest decimals that read back as the same
/// double; what has no meaning for a kind, or has overflowed, is `null`.
///
/// # Errors
/// The writer's.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{\"rows\":[")?;
    for (i, row) in report.rows.shown.iter().enumerate() {
        out.write_all(if i == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(
            &mut *out,
            &JsonRow {
                row,
                percentiles: &report.percentiles,
            },
        )?;
    }
    out.write_all(if report.rows.shown.is_empty() {
        b"],\"ledger\":"
    } else {
        b"\n],\"ledger\":"
    })?;
    serde_json::to_writer(&mut *out, &report.ledger)?;
    out.write_all(b"}\n")
}

struct JsonRow<'r> {
    row: &'r Row,
    percentiles: &'r [Percentile],
}

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = self.row;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("metric", &row.metric)?;
        map.serialize_entry("kind", row.kind.name())?;
        map.serialize_entry("tags", &row.tags)?;
        map.serialize_entry("count", &row.count)?;
        map.serialize_entry("min", &row.min)?;
        map.serialize_entry("max", &row.max)?;
        map.serialize_entry("sum", &row.sum)?;
        map.serialize_entry("avg", &row.avg)?;
        for (percentile, value) in self.percentiles.iter().zip(&row.percentiles) {
            map.serialize_entry(percentile.label(), value)?;
        }
        if let Some(last) = row.last {
            map.serialize_entry("last", &last)?;
        }
        map.end()
    }
}
