//! The JSON form.

use super::{Point, Resource, Series, SeriesPayload, SeriesType};
use crate::Origin;
use crate::decode::{Cause, DecodeError, DecodeLimits};
use crate::json::JsonReader;

/// Reads a payload in JSON.
///
/// # Errors
/// [`Cause::Limit`] when lists have more entries together than [`DecodeLimits::items_max`];
/// otherwise what is wrong at which byte.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<SeriesPayload, DecodeError> {
    let mut json = JsonReader::new(bytes, limits)?;
    let mut payload = SeriesPayload::default();
    json.object("payload", |json, key| match key {
        "series" => json.list("series", |json| {
            payload.series.push(read_series(json)?);
            Ok(())
        }),
        _ => json.skip(),
    })?;
    json.finish()?;
    Ok(payload)
}

fn read_series(json: &mut JsonReader<'_>) -> Result<Series, DecodeError> {
    json.peek();
    let start = json.offset();
    let mut series = Series::default();
    let (mut has_metric, mut has_points) = (false, false);
    json.object("series", |json, key| {
        if json.null() {
            return Ok(());
        }
        match key {
            "metric" => {
                has_metric = true;
                series.metric = json.text("series.metric")?.into_owned();
                Ok(())
            }
            "type" => read_type(json, &mut series.series_type),
            "points" => {
                has_points = true;
                json.list("series.points", |json| {
                    series.points.push(read_point(json)?);
                    Ok(())
                })
            }
            "tags" => read_tags(json, &mut series.tags),
            "resources" => json.list("series.resources", |json| {
                series.resources.push(read_resource(json)?);
                Ok(())
            }),
            "interval" => {
                series.interval = json.integer("series.interval")?;
                Ok(())
            }
            "unit" => {
                series.unit = json.text("series.unit")?.into_owned();
                Ok(())
            }
            "source_type_name" => {
                series.source_type_name = json.text("series.source_type_name")?.into_owned();
                Ok(())
            }
            "metadata" => read_metadata(json, &mut series.origin),
            _ => json.skip(),
        }
    })?;
    let missing = |field, what| {
        Err(DecodeError {
            offset: start,
            field,
            cause: Cause::Invalid(what),
        })
    };
    if !has_metric {
        return missing("series.metric", "the metric is missing");
    }
    if !has_points {
        return missing("series.points", "the points are missing");
    }
    Ok(series)
}

fn read_type(json: &mut JsonReader<'_>, series_type: &mut SeriesType) -> Result<(), DecodeError> {
    json.peek();
    let start = json.offset();
    let number = json.integer("series.type")?;
    let known = u64::try_from(number).ok().and_then(SeriesType::from_number);
    *series_type = known.ok_or(DecodeError {
        offset: start,
        field: "series.type",
        cause: Cause::Invalid("unknown type; 1 is count, 2 rate, 3 gauge"),
    })?;
    Ok(())
}

/// Reads a list of tags; what is not text is refused.
pub(crate) fn read_tags(
    json: &mut JsonReader<'_>,
    tags: &mut Vec<String>,
) -> Result<(), DecodeError> {
    json.list("series.tags", |json| {
        tags.push(json.text("series.tags")?.into_owned());
        Ok(())
    })
}

fn read_point(json: &mut JsonReader<'_>) -> Result<Point, DecodeError> {
    json.peek();
    let start = json.offset();
    let mut point = Point::default();
    let (mut has_time, mut has_value) = (false, false);
    json.object("points", |json, key| match key {
        "timestamp" => {
            has_time = true;
            point.timestamp = json.integer("points.timestamp")?;
            Ok(())
        }
        "value" => {
            has_value = true;
            point.value = json.number("points.value")?;
            Ok(())
        }
        _ => json.skip(),
    })?;
    if has_time && has_value {
        return Ok(point);
    }
    let cause = Cause::Invalid("a point needs a timestamp and a value");
    Err(DecodeError {
        offset: start,
        field: "series.points",
        cause,
    })
}

fn read_resource(json: &mut JsonReader<'_>) -> Result<Resource, DecodeError> {
    let mut resource = Resource::default();
    json.object("resources", |json, key| {
        if json.null() {
            return Ok(());
        }
        match key {
            "type" => resource.resource_type = json.text("resources.type")?.into_owned(),
            "name" => resource.name = json.text("resources.name")?.into_owned(),
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(resource)
}

fn read_metadata(
    json: &mut JsonReader<'_>,
    origin: &mut Option<Origin>,
) -> Result<(), DecodeError> {
    let origin = origin.get_or_insert_default();
    json.object("metadata", |json, key| {
        if key != "origin" {
            return json.skip();
        }
        if json.null() {
            return Ok(());
        }
        json.object("origin", |json, key| {
            let number = match key {
                "product" => &mut origin.product,
                "metric_type" => &mut origin.category,
                "service" => &mut origin.service,
                _ => return json.skip(),
            };
            json.peek();
            let start = json.offset();
            let value = json.integer("metadata.origin")?;
            *number = u32::try_from(value).map_err(|_| DecodeError {
                offset: start,
                field: "metadata.origin",
                cause: Cause::Invalid("a number of an origin is outside 0..=4294967295"),
            })?;
            Ok(())
        })
    })
}
