//! The rivals, set up as their users set them up.
//!
//! | rival | set-up |
//! | --- | --- |
//! | hdrhistogram | 3 significant digits, 1 µs to 1 h in whole microseconds |
//! | sketches-ddsketch, libdd-ddsketch | their defaults |
//! | metrics | the Prometheus recorder with 15 buckets, without its HTTP listener |
//! | opentelemetry | the SDK with a reader that collects on demand, default histogram buckets, limit of attribute sets raised to 20,000 |
//! | prometheus-client | the same 15 buckets |

use hdrhistogram::Histogram;
use metrics::{Key, Label, Metadata};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_sdk::metrics::{Instrument, ManualReader, SdkMeterProvider, Stream, Temporality};

use crate::workload::NAME;

/// Upper bounds of histogram buckets in milliseconds: the defaults of OpenTelemetry.
pub const BUCKETS: [f64; 15] = [
    0.5, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0,
    10000.0,
];

/// Attribute sets an OpenTelemetry instrument keeps apart; its default of 2,000 would fold.
const CARDINALITY: usize = 20_000;

/// A histogram of whole microseconds.
///
/// # Panics
/// Never: the bounds are sound.
pub fn hdr() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("sound bounds")
}

/// A recorder of the `metrics` crate, and the handle that drains it.
///
/// # Panics
/// Never: there are buckets.
pub fn metrics_recorder() -> (PrometheusRecorder, PrometheusHandle) {
    let builder = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)
        .expect("there are buckets");
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    (recorder, handle)
}

/// What `metrics` asks for beside a key.
pub const METADATA: Metadata<'static> =
    Metadata::new("benches", metrics::Level::INFO, Some("benches"));

/// A key of `metrics` with the tags as labels.
pub fn metrics_key(tags: &[String]) -> Key {
    let label = |tag: &String| match tag.split_once(':') {
        Some((key, value)) => Label::new(key.to_owned(), value.to_owned()),
        None => Label::new(tag.clone(), ""),
    };
    Key::from_parts(NAME, tags.iter().map(label).collect::<Vec<_>>())
}

/// The tags as attributes of OpenTelemetry.
pub fn attributes(tags: &[String]) -> Vec<KeyValue> {
    let attribute = |tag: &String| {
        let (key, value) = tag.split_once(':').unwrap_or((tag, ""));
        KeyValue::new(key.to_owned(), value.to_owned())
    };
    tags.iter().map(attribute).collect()
}

/// An OpenTelemetry provider and a meter of it. The provider must outlive what is measured.
pub fn otel() -> (SdkMeterProvider, Meter) {
    let reader = ManualReader::builder()
        .with_temporality(Temporality::Delta)
        .build();
    let view = |_: &Instrument| {
        Stream::builder()
            .with_cardinality_limit(CARDINALITY)
            .build()
            .ok()
    };
    let provider = SdkMeterProvider::builder()
        .with_reader(reader)
        .with_view(view)
        .build();
    let meter = provider.meter("benches");
    (provider, meter)
}

/// A histogram of prometheus-client.
pub fn prometheus_histogram() -> prometheus_client::metrics::histogram::Histogram {
    prometheus_client::metrics::histogram::Histogram::new(BUCKETS)
}
