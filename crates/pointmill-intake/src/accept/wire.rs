//! Formats that the wire crate decodes.

use ddsketch_agent::{Profile, Sketch, Summary};
use pointmill::Kind;
use pointmill_wire::decode::DecodeError;
use pointmill_wire::series_v2::{SeriesPayload, SeriesType};
use pointmill_wire::sketch_payload::SketchPayload;
use pointmill_wire::{DecodeLimits, distribution_points, series_v2, sketch_payload};

use crate::batch::BatchBuilder;

pub(super) fn sketches(
    body: &[u8],
    limits: &DecodeLimits,
    builder: &mut BatchBuilder,
) -> Result<(), DecodeError> {
    put_sketches(&sketch_payload::decode(body, limits)?, builder);
    Ok(())
}

/// A decoded sketch payload as entries of a batch.
pub(crate) fn put_sketches(payload: &SketchPayload, builder: &mut BatchBuilder) {
    let dogs = payload
        .sketches
        .iter()
        .flat_map(|sketch| &sketch.dogsketches);
    let (entries, bins) = dogs.fold((0, 0), |(n, bins), dog| (n + 1, bins + dog.k.len()));
    builder.reserve(entries, bins);
    for (place, sketch) in payload.sketches.iter().enumerate() {
        let tags = sketch.tags.iter().map(String::as_str);
        let entries = sketch.dogsketches.len();
        let series = builder.series(
            place,
            Kind::Distribution,
            &sketch.metric,
            &sketch.host,
            tags,
            entries,
        );
        let Some(series) = series else { continue };
        for dog in &sketch.dogsketches {
            // Some senders drop what a bin cannot hold: what they say they counted stands.
            let count = u64::try_from(dog.cnt).unwrap_or_else(|_| dog.bins_count());
            let summary = Summary {
                count,
                min: dog.min,
                max: dog.max,
                sum: dog.sum,
                avg: dog.avg,
            };
            let bins = dog
                .k
                .iter()
                .copied()
                .zip(dog.n.iter().map(|n| u64::from(*n)));
            builder.sketch(place, series, dog.ts, summary, added_up(bins));
        }
    }
}

/// Bins with those of equal key added up.
fn added_up(bins: impl Iterator<Item = (i16, u64)>) -> impl Iterator<Item = (i16, u64)> {
    let mut bins = bins.peekable();
    core::iter::from_fn(move || {
        let (key, mut count) = bins.next()?;
        while let Some((_, more)) = bins.next_if(|(next, _)| *next == key) {
            count += more;
        }
        Some((key, count))
    })
}

pub(super) fn distribution_points(
    body: &[u8],
    limits: &DecodeLimits,
    builder: &mut BatchBuilder,
) -> Result<(), DecodeError> {
    let payload = distribution_points::decode(body, limits)?;
    for (place, series) in payload.series.iter().enumerate() {
        let tags = series.tags.iter().map(String::as_str);
        let id = builder.series(
            place,
            Kind::Distribution,
            &series.metric,
            &series.host,
            tags,
            series.points.len(),
        );
        let Some(id) = id else { continue };
        for point in &series.points {
            let mut sketch = Sketch::new();
            sketch.insert_many(&point.values);
            let bins = sketch.bins(Profile::U32);
            let bins = bins
                .keys
                .iter()
                .copied()
                .zip(bins.counts.iter().map(|n| u64::from(*n)));
            builder.sketch(place, id, point.timestamp, sketch.summary(), bins);
        }
    }
    Ok(())
}

pub(super) fn series_v2(
    body: &[u8],
    protobuf: bool,
    limits: &DecodeLimits,
    builder: &mut BatchBuilder,
) -> Result<(), DecodeError> {
    let payload: SeriesPayload = if protobuf {
        series_v2::decode_protobuf(body, limits)?
    } else {
        series_v2::decode_json(body, limits)?
    };
    for (place, series) in payload.series.iter().enumerate() {
        let (kind, factor) = meaning(series.series_type, series.interval as f64);
        let resources = series
            .resources
            .iter()
            .filter(|r| r.resource_type == "device" && !r.name.is_empty());
        let devices: Vec<String> = resources.map(|r| format!("device:{}", r.name)).collect();
        let tags = series.tags.iter().chain(&devices).map(String::as_str);
        let id = builder.series(
            place,
            kind,
            &series.metric,
            series.host(),
            tags,
            series.points.len(),
        );
        let Some(id) = id else { continue };
        builder.unit(&series.unit);
        for point in &series.points {
            builder.scalar(place, id, point.timestamp, 1, point.value * factor);
        }
    }
    Ok(())
}

/// What is stored of a series' points: rates become counts over their interval (10 s, an Agent's, if
/// they name none), everything else that is no count becomes a gauge.
pub(super) fn meaning(series_type: SeriesType, interval: f64) -> (Kind, f64) {
    match series_type {
        SeriesType::Count => (Kind::Count, 1.0),
        SeriesType::Rate => (Kind::Count, if interval > 0.0 { interval } else { 10.0 }),
        SeriesType::Gauge | SeriesType::Unspecified => (Kind::Gauge, 1.0),
    }
}
