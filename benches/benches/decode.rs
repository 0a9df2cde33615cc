//! Reading what others send: sketch payloads, series, DogStatsD text, canonical sketches.
//!
//! No rival reads these formats from Rust; the figures stand for themselves. Elements are sketches,
//! series, lines.

use std::hint::black_box;
use std::time::Duration;

use ddsketch_agent::Sketch;
use pointmill::{Engine, Flush, Kind, Snapshot};
use pointmill_benches::engine::{NOW, context, engine};
use pointmill_benches::harness::{self, Contest, timed};
use pointmill_benches::workload::{lognormal, three_tags};
use pointmill_wire::{
    Compression, DecodeLimits, EncodeConfig, Format, dogstatsd, encode, series_v2, sketch_payload,
};

const CONTEXTS: usize = 1_000;
/// Values of one context.
const VALUES: usize = 200;

fn main() {
    harness::main("decode", &[sketches, series, text, merge]);
}

fn snapshot(kind: Kind) -> Snapshot {
    let engine: Engine = engine();
    let values = lognormal(VALUES, 3);
    for i in 0..CONTEXTS {
        let rejected = engine
            .record_many(context(&engine, kind, i), &values)
            .expect("living");
        assert_eq!(rejected, 0);
    }
    engine.flush(NOW, Flush::All)
}

fn bodies(format: Format, kind: Kind) -> Vec<Vec<u8>> {
    let mut config = EncodeConfig::default();
    config.format = format;
    config.compression = Some(Compression::None);
    let payloads = encode(&snapshot(kind), &config).expect("a sound configuration");
    assert!(payloads.skipped.is_empty());
    payloads
        .payloads
        .into_iter()
        .map(|payload| payload.body)
        .collect()
}

/// A slice that reads each body and counts what is in it.
fn reading(
    bodies: Vec<Vec<u8>>,
    read: impl Fn(&[u8]) -> usize + 'static,
) -> impl FnMut() -> Duration {
    move || {
        let mut items = 0;
        let time = timed(|| items = bodies.iter().map(|body| read(black_box(body))).sum());
        assert_eq!(items, CONTEXTS);
        time
    }
}

fn sketches() -> Contest {
    let limits = DecodeLimits::default();
    let decode = move |body: &[u8]| sketch_payload::decode(body, &limits).expect("sound bytes");
    Contest::new("decode a sketch payload, a sketch", CONTEXTS)
        .subject(
            "pointmill",
            reading(bodies(Format::Sketches, Kind::Distribution), move |body| {
                let payload = decode(body);
                assert_eq!(payload.count_mismatches, 0);
                payload.sketches.len()
            }),
        )
        .subject(
            "pointmill, into a snapshot",
            reading(bodies(Format::Sketches, Kind::Distribution), move |body| {
                decode(body).to_snapshot(10).len()
            }),
        )
}

fn series() -> Contest {
    let limits = DecodeLimits::default();
    Contest::new("decode a series payload, a series", CONTEXTS)
        .subject(
            "pointmill, protobuf",
            reading(bodies(Format::SeriesV2Protobuf, Kind::Count), move |body| {
                series_v2::decode_protobuf(body, &limits)
                    .expect("sound bytes")
                    .series
                    .len()
            }),
        )
        .subject(
            "pointmill, JSON",
            reading(bodies(Format::SeriesV2, Kind::Count), move |body| {
                series_v2::decode_json(body, &limits)
                    .expect("sound bytes")
                    .series
                    .len()
            }),
        )
}

fn text() -> Contest {
    let line = |i: usize| {
        format!(
            "checkout.request.latency:{}.25|d|@0.5|#{}\n",
            10 + i,
            three_tags(i).join(",")
        )
    };
    let packets: Vec<Vec<u8>> = (0..CONTEXTS)
        .map(line)
        .collect::<Vec<_>>()
        .chunks(10)
        .map(|lines| lines.concat().into_bytes())
        .collect();
    Contest::new("parse DogStatsD, a line", CONTEXTS).subject(
        "pointmill",
        reading(packets, |packet| {
            let mut sum = 0.0;
            let mut tags = 0;
            let mut lines = 0;
            for message in dogstatsd::parse(packet) {
                let Ok(dogstatsd::Message::Metric(metric)) = message else {
                    continue;
                };
                sum += metric.values.sum::<f64>();
                tags += metric.tags.count();
                lines += 1;
            }
            assert!(sum > 0.0 && tags == 3 * lines);
            lines
        }),
    )
}

/// The work of whoever receives payloads: one sketch of all.
fn merge() -> Contest {
    let snapshot = snapshot(Kind::Distribution);
    let sketches: Vec<Sketch> = snapshot
        .iter()
        .map(|entry| entry.sketch().expect("a distribution").to_sketch())
        .collect();
    Contest::new("merge 1,000 sketches into one, a sketch", CONTEXTS).subject(
        "pointmill",
        move || {
            let mut all = Sketch::new();
            let time = timed(|| {
                sketches
                    .iter()
                    .for_each(|sketch| all.merge(black_box(sketch)))
            });
            assert_eq!(all.summary().count, (CONTEXTS * VALUES) as u64);
            time
        },
    )
}
