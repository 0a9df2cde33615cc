//! `POST /api/v1/series`: JSON of the older kind, as `datadogpy` and API clients send it.
//!
//! ```text
//! {"series":[{"metric":"m","points":[[s,x],…],"tags":["k:v",…],"host":"h","device":"d",
//!   "type":"count"|"rate"|"gauge","interval":s},…]}
//! ```
//!
//! Unknown fields are passed over, `null` stands for an absent field, a time may have a fraction.

use std::borrow::Cow;

use pointmill_wire::series_v2::SeriesType;
use serde::Deserialize;

use super::BodyError;
use super::wire::meaning;
use crate::batch::BatchBuilder;
use crate::refused::Cause;

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    series: Vec<Series<'a>>,
}

#[derive(Deserialize)]
struct Series<'a> {
    #[serde(borrow)]
    metric: Cow<'a, str>,
    points: Vec<(f64, Option<f64>)>,
    #[serde(borrow, default)]
    tags: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    host: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    device: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(default)]
    interval: Option<f64>,
}

pub(super) fn read(
    body: &[u8],
    items_max: usize,
    builder: &mut BatchBuilder,
) -> Result<(), BodyError> {
    // A list has at most one entry more than commas, so this bounds what the lists take.
    if body.iter().filter(|b| **b == b',').count() > 4 * items_max {
        return Err(BodyError {
            cause: Cause::Decode,
            message: format!(
                "more than {} list entries; split the payload",
                4 * items_max
            ),
            field: String::new(),
            offset: None,
        });
    }
    let payload: Payload<'_> = serde_json::from_slice(body).map_err(|error| {
        let offset = offset_of(body, error.line(), error.column());
        BodyError {
            cause: Cause::Decode,
            message: format!("at byte {offset}: {error}"),
            field: String::new(),
            offset: Some(offset),
        }
    })?;
    for (place, series) in payload.series.iter().enumerate() {
        let series_type = match series.kind.as_deref() {
            Some("count") => SeriesType::Count,
            Some("rate") => SeriesType::Rate,
            _ => SeriesType::Gauge,
        };
        let (kind, factor) = meaning(series_type, series.interval.unwrap_or(0.0));
        let device = series.device.as_deref().filter(|device| !device.is_empty());
        let device = device.map(|device| format!("device:{device}"));
        let tags = series
            .tags
            .iter()
            .flatten()
            .map(Cow::as_ref)
            .chain(device.as_deref());
        let host = series.host.as_deref().unwrap_or("");
        let id = builder.series(place, kind, &series.metric, host, tags, series.points.len());
        let Some(id) = id else { continue };
        for (time, value) in &series.points {
            let value = value.map_or(f64::NAN, |value| value * factor);
            builder.scalar(place, id, time.floor() as i64, 1, value);
        }
    }
    Ok(())
}

/// The byte of a line and column, both from 1.
fn offset_of(body: &[u8], line: usize, column: usize) -> usize {
    let lines = body
        .split_inclusive(|b| *b == b'\n')
        .take(line.saturating_sub(1));
    let before: usize = lines.map(<[u8]>::len).sum();
    (before + column.saturating_sub(1)).min(body.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Rules;

    fn rules() -> Rules {
        Rules {
            interval_s: 10,
            lower_case_tags: false,
            now: None,
        }
    }

    #[test]
    fn what_clients_send_is_read() {
        let body = br#"{"series": [
            {"metric": "a", "points": [[1700000001.5, 2], [1700000011, 3.5]], "type": "rate", "interval": 10,
             "host": null, "device": null, "tags": ["k:v"], "new": {"x": []}},
            {"metric": "b", "points": [[1700000001, 7]], "host": "h", "device": "eth0"}]}"#;
        let mut builder = BatchBuilder::new(rules());
        read(body, 100, &mut builder).unwrap();
        let (batch, complaints, offered) = builder.finish();
        assert_eq!((complaints, offered), (vec![], 3));
        let rows: Vec<_> = batch
            .snapshot
            .iter()
            .map(|e| {
                (
                    e.kind(),
                    e.tags().collect::<Vec<_>>().join(","),
                    e.interval(),
                    e.scalar().unwrap(),
                )
            })
            .collect();
        let expected = [
            (
                pointmill::Kind::Count,
                "k:v".to_owned(),
                1_700_000_000,
                20.0,
            ),
            (
                pointmill::Kind::Count,
                "k:v".to_owned(),
                1_700_000_010,
                35.0,
            ),
            (
                pointmill::Kind::Gauge,
                "device:eth0,host:h".to_owned(),
                1_700_000_000,
                7.0,
            ),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn errors_name_the_byte() {
        let body = b"{\"series\":[\n{\"metric\":5}]}";
        let error = read(body, 100, &mut BatchBuilder::new(rules())).unwrap_err();
        assert_eq!(error.offset, Some(22));
        assert!(
            error.message.starts_with("at byte 22: "),
            "{}",
            error.message
        );
        let deep = [&b"{\"series\":"[..], &[b'['; 100_000]].concat();
        assert!(read(&deep, 100, &mut BatchBuilder::new(rules())).is_err());
        let commas = [b','; 401];
        assert!(
            read(&commas, 100, &mut BatchBuilder::new(rules()))
                .unwrap_err()
                .message
                .contains("list entries")
        );
    }
}
