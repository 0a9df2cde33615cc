//! The protobuf form.

use pointmill_protobuf::{
    bytes_field_len, double_field_len, metadata_len, put_bytes_head, put_double_field,
    put_metadata, put_string, put_string_field, put_varint, put_varint_field, string_field_len,
    tag, varint_field_len, varint_len,
};

use super::write::SeriesView;
use super::{Point, Resource, Series, SeriesPayload, SeriesType};
use crate::Origin;
use crate::decode::{Cause, DecodeError, DecodeLimits, Reader, Tally};
use crate::sketch_payload::read_metadata;

/// Reads a payload in protobuf.
///
/// # Errors
/// [`Cause::Limit`] when there are more series, points, tags and resources together than
/// [`DecodeLimits::items_max`]; otherwise what is wrong at which byte.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<SeriesPayload, DecodeError> {
    let mut reader = Reader::new(bytes, limits)?;
    let mut items = Tally::items(limits);
    let mut payload = SeriesPayload::default();
    while let Some(tag) = reader.tag()? {
        if tag.number == 1 {
            items.take(1, tag.offset, "MetricPayload.series")?;
            let message = reader.message(tag, "MetricPayload.series")?;
            payload.series.push(read_series(message, &mut items)?);
        } else {
            reader.skip(tag)?;
        }
    }
    Ok(payload)
}

fn read_series(mut reader: Reader<'_>, items: &mut Tally) -> Result<Series, DecodeError> {
    let mut series = Series::default();
    while let Some(tag) = reader.tag()? {
        match tag.number {
            1 => {
                items.take(1, tag.offset, "MetricSeries.resources")?;
                let message = reader.message(tag, "MetricSeries.resources")?;
                series.resources.push(read_resource(message)?);
            }
            2 => reader
                .string(tag, "MetricSeries.metric")?
                .clone_into(&mut series.metric),
            3 => {
                items.take(1, tag.offset, "MetricSeries.tags")?;
                series
                    .tags
                    .push(reader.string(tag, "MetricSeries.tags")?.to_owned());
            }
            4 => {
                items.take(1, tag.offset, "MetricSeries.points")?;
                let message = reader.message(tag, "MetricSeries.points")?;
                series.points.push(read_point(message)?);
            }
            5 => {
                let number = reader.uint64(tag, "MetricSeries.type")?;
                series.series_type = SeriesType::from_number(number).ok_or(DecodeError {
                    offset: tag.offset,
                    field: "MetricSeries.type",
                    cause: Cause::Invalid("unknown type; 1 is count, 2 rate, 3 gauge"),
                })?;
            }
            6 => reader
                .string(tag, "MetricSeries.unit")?
                .clone_into(&mut series.unit),
            7 => reader
                .string(tag, "MetricSeries.source_type_name")?
                .clone_into(&mut series.source_type_name),
            8 => series.interval = reader.uint64(tag, "MetricSeries.interval")? as i64,
            9 => {
                let message = reader.message(tag, "MetricSeries.metadata")?;
                read_metadata(message, series.origin.get_or_insert_default())?;
            }
            _ => reader.skip(tag)?,
        }
    }
    Ok(series)
}

fn read_resource(mut reader: Reader<'_>) -> Result<Resource, DecodeError> {
    let mut resource = Resource::default();
    while let Some(tag) = reader.tag()? {
        match tag.number {
            1 => reader
                .string(tag, "Resource.type")?
                .clone_into(&mut resource.resource_type),
            2 => reader
                .string(tag, "Resource.name")?
                .clone_into(&mut resource.name),
            _ => reader.skip(tag)?,
        }
    }
    Ok(resource)
}

fn read_point(mut reader: Reader<'_>) -> Result<Point, DecodeError> {
    let mut point = Point::default();
    while let Some(tag) = reader.tag()? {
        match tag.number {
            1 => point.value = reader.double(tag, "MetricPoint.value")?,
            2 => point.timestamp = reader.uint64(tag, "MetricPoint.timestamp")? as i64,
            _ => reader.skip(tag)?,
        }
    }
    Ok(point)
}

/// The strings of a series, in the form both callers have them.
struct Parts<'a, T> {
    metric: (&'a str, &'a str),
    tags: T,
    points: &'a [Point],
    series_type: SeriesType,
    unit: &'a str,
    source_type_name: &'a str,
    interval: u64,
    origin: Option<Origin>,
}

fn resource_len(resource_type: &str, name: &str) -> usize {
    string_field_len(resource_type) + string_field_len(name)
}

fn point_len(point: &Point) -> usize {
    double_field_len(point.value) + varint_field_len(point.timestamp as u64)
}

fn put_parts<'a, T: Iterator<Item = &'a str> + Clone>(
    out: &mut Vec<u8>,
    resources: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    parts: Parts<'a, T>,
) {
    let (name, suffix) = parts.metric;
    let metric_len = name.len() + suffix.len();
    let total = resources
        .clone()
        .map(|(t, n)| bytes_field_len(resource_len(t, n)))
        .sum::<usize>()
        + if metric_len == 0 {
            0
        } else {
            bytes_field_len(metric_len)
        }
        + parts
            .tags
            .clone()
            .map(|tag| bytes_field_len(tag.len()))
            .sum::<usize>()
        + parts
            .points
            .iter()
            .map(|point| bytes_field_len(point_len(point)))
            .sum::<usize>()
        + varint_field_len(parts.series_type as u64)
        + string_field_len(parts.unit)
        + string_field_len(parts.source_type_name)
        + varint_field_len(parts.interval)
        + parts
            .origin
            .map_or(0, |origin| bytes_field_len(metadata_len(origin)));
    out.reserve(1 + varint_len(total as u64) + total);
    put_bytes_head(out, 1, total);
    for (resource_type, name) in resources {
        put_bytes_head(out, 1, resource_len(resource_type, name));
        put_string_field(out, 1, resource_type);
        put_string_field(out, 2, name);
    }
    if metric_len > 0 {
        put_bytes_head(out, 2, metric_len);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(suffix.as_bytes());
    }
    parts.tags.for_each(|tag| put_string(out, 3, tag));
    for point in parts.points {
        put_bytes_head(out, 4, point_len(point));
        put_double_field(out, 1, point.value);
        put_varint_field(out, 2, point.timestamp as u64);
    }
    put_varint_field(out, 5, parts.series_type as u64);
    put_string_field(out, 6, parts.unit);
    put_string_field(out, 7, parts.source_type_name);
    put_varint_field(out, 8, parts.interval);
    if let Some(origin) = parts.origin {
        out.push(tag(9, 2));
        put_varint(out, metadata_len(origin) as u64);
        put_metadata(out, origin);
    }
}

pub(super) fn put_series(out: &mut Vec<u8>, series: &Series) {
    let resources = series
        .resources
        .iter()
        .map(|r| (r.resource_type.as_str(), r.name.as_str()));
    let parts = Parts {
        metric: (&series.metric, ""),
        tags: series.tags.iter().map(String::as_str),
        points: &series.points,
        series_type: series.series_type,
        unit: &series.unit,
        source_type_name: &series.source_type_name,
        interval: series.interval as u64,
        origin: series.origin,
    };
    put_parts(out, resources, parts);
}

pub(super) fn put_view(out: &mut Vec<u8>, view: &SeriesView<'_>) {
    let host = view.config.host.as_str();
    let resources = (!host.is_empty()).then_some(("host", host)).into_iter();
    let origin = view.config.origin;
    let parts = Parts {
        metric: (view.entry.name(), view.suffix),
        tags: view.tags(),
        points: view.points,
        series_type: view.series_type,
        unit: "",
        source_type_name: "",
        interval: u64::from(view.interval),
        origin: (!origin.is_empty()).then_some(origin),
    };
    put_parts(out, resources, parts);
}
