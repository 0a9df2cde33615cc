//! Messages written by a protobuf library, read and written again.

mod support;

use ddsketch_agent::Summary;
use pointmill::{Kind, SnapshotBuilder};
use pointmill_wire::series_v2::{self, SeriesType};
use pointmill_wire::sketch_payload::{self, Dogsketch, SketchMessage, SketchPayload};
use pointmill_wire::{DecodeLimits, Encoder, Origin};
use serde_json::Value;
use support::config;

fn vectors() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/vectors/sketch-payload-vectors.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0u32, 0);
    for b in text.bytes().filter(|b| *b != b'=') {
        let digit = ALPHABET
            .iter()
            .position(|a| *a == b)
            .expect("a base64 digit") as u32;
        (bits, held) = (bits << 6 | digit, held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

fn double(bits: &Value) -> f64 {
    f64::from_bits(u64::from_str_radix(bits.as_str().unwrap(), 16).unwrap())
}

fn list<T>(value: &Value, one: impl FnMut(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap().iter().map(one).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The logical content as the file gives it.
fn expected(content: &Value) -> SketchPayload {
    let dogsketch = |d: &Value| Dogsketch {
        ts: d["ts"].as_i64().unwrap(),
        cnt: d["cnt"].as_i64().unwrap(),
        min: double(&d["bits"]["min"]),
        max: double(&d["bits"]["max"]),
        avg: double(&d["bits"]["avg"]),
        sum: double(&d["bits"]["sum"]),
        k: list(&d["k"], |k| k.as_i64().unwrap() as i16),
        n: list(&d["n"], |n| n.as_u64().unwrap() as u32),
    };
    let origin = |metadata: &Value| {
        let origin = metadata.get("origin")?;
        let number = |name: &str| origin.get(name).and_then(Value::as_u64).unwrap_or(0) as u32;
        Some(Origin {
            product: number("origin_product"),
            category: number("origin_category"),
            service: number("origin_service"),
        })
    };
    let sketches = list(&content["sketches"], |s| SketchMessage {
        metric: text(&s["metric"]),
        host: text(&s["host"]),
        tags: list(&s["tags"], text),
        dogsketches: list(&s["dogsketches"], dogsketch),
        origin: origin(&s["metadata"]),
    });
    SketchPayload {
        sketches,
        metadata: None,
        count_mismatches: 0,
    }
}

/// Equal to the last bit, NaN included.
fn assert_same(a: &SketchPayload, b: &SketchPayload, name: &str) {
    let bits = |p: &SketchPayload| -> Vec<_> {
        let dogs = p.sketches.iter().flat_map(|s| &s.dogsketches);
        dogs.map(|d| [d.min, d.max, d.avg, d.sum].map(f64::to_bits))
            .collect()
    };
    assert_eq!(bits(a), bits(b), "{name}");
    let without = |p: &SketchPayload| {
        let mut p = p.clone();
        for d in p.sketches.iter_mut().flat_map(|s| &mut s.dogsketches) {
            (d.min, d.max, d.avg, d.sum) = (0.0, 0.0, 0.0, 0.0);
        }
        p
    };
    assert_eq!(without(a), without(b), "{name}");
}

/// The bytes as this crate writes them: like the vector, but that it leaves out negative zeros, as
/// the Agent does.
fn as_written(name: &str, bytes: &[u8]) -> Vec<u8> {
    if name != "negative_zero_min" {
        return bytes.to_vec();
    }
    let min_max = [
        0x19, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x21, 0, 0, 0, 0, 0, 0, 0, 0x80,
    ];
    let at = bytes
        .windows(18)
        .position(|w| w == min_max)
        .expect("both zeros are in the vector");
    let mut written = [&bytes[..at], &bytes[at + 18..]].concat();
    // The lengths of the Sketch and of the Dogsketch, one byte each.
    for length in [1, written.iter().position(|b| *b == 0x3a).unwrap() + 1] {
        written[length] -= 18;
    }
    written
}

#[test]
fn every_payload_is_read_and_written_byte_for_byte() {
    let vectors = vectors();
    let mut seen = 0;
    for vector in vectors["sketch_payloads"].as_array().unwrap() {
        let name = vector["name"].as_str().unwrap();
        let bytes = base64(vector["base64"].as_str().unwrap());
        assert_eq!(bytes.len() as u64, vector["length"].as_u64().unwrap());
        let decoded = sketch_payload::decode(&bytes, &DecodeLimits::default()).unwrap();
        assert_same(&decoded, &expected(&vector["content"]), name);
        assert_eq!(decoded.encode(), as_written(name, &bytes), "{name}");

        let footed = [&bytes[..], &[0x12, 0x00]].concat();
        let decoded = sketch_payload::decode(&footed, &DecodeLimits::default()).unwrap();
        assert!(decoded.metadata.is_some(), "{name}");
        assert_eq!(decoded.encode(), as_written(name, &footed), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 12);
}

#[test]
fn a_snapshot_of_each_payload_is_written_byte_for_byte() {
    let vectors = vectors();
    let mut encoder = Encoder::new();
    for vector in vectors["sketch_payloads"].as_array().unwrap() {
        let name = vector["name"].as_str().unwrap();
        let mut body = Vec::new();
        let content = expected(&vector["content"]);
        for sketch in &content.sketches {
            let mut builder = SnapshotBuilder::new(10);
            let tags = sketch.tags.iter().map(String::as_str);
            let series = builder.series(Kind::Distribution, &sketch.metric, tags);
            for dog in &sketch.dogsketches {
                let summary = Summary {
                    count: dog.cnt as u64,
                    min: dog.min,
                    max: dog.max,
                    sum: dog.sum,
                    avg: dog.avg,
                };
                let bins = dog.k.iter().zip(&dog.n).map(|(k, n)| (*k, u64::from(*n)));
                builder.sketch(series, dog.ts, dog.cnt as u64, summary, bins);
            }
            let origin = sketch.origin.unwrap_or_default();
            let config = config(&[
                ("format", "sketches"),
                ("compression", "none"),
                ("bin_profile", "u16"),
                ("host", &sketch.host),
                ("origin_product", &origin.product.to_string()),
                ("origin_category", &origin.category.to_string()),
                ("origin_service", &origin.service.to_string()),
            ]);
            let payloads = encoder.encode(&builder.finish(), &config).unwrap();
            assert_eq!(
                (payloads.payloads.len(), payloads.skipped.len()),
                (1, 0),
                "{name}"
            );
            body.extend_from_slice(&payloads.payloads[0].body);
            encoder.recycle(payloads);
        }
        let bytes = base64(vector["base64"].as_str().unwrap());
        assert_eq!(body, as_written(name, &bytes), "{name}");
    }
}

#[test]
fn wide_bins_and_the_footer_are_as_documented() {
    let mut builder = SnapshotBuilder::new(10);
    let series = builder.series(Kind::Distribution, "m", []);
    let summary = Summary {
        count: 200_000,
        min: 42.0,
        max: 42.0,
        sum: 8.4e6,
        avg: 42.0,
    };
    builder.sketch(series, 1_700_000_000, 200_000, summary, [(1579, 200_000)]);
    let snapshot = builder.finish();
    let encode = |profile| {
        let options = [
            ("format", "sketches"),
            ("compression", "none"),
            ("agent_footer", "true"),
            ("bin_profile", profile),
        ];
        let payloads = pointmill_wire::encode(&snapshot, &config(&options)).unwrap();
        assert!(payloads.payloads[0].body.ends_with(&[0x12, 0x00]));
        sketch_payload::decode(&payloads.payloads[0].body, &DecodeLimits::default()).unwrap()
    };
    let wide = encode("u32");
    assert_eq!(wide.metadata, Some(Default::default()));
    assert_eq!(wide.sketches[0].dogsketches[0].n, [200_000]);
    let narrow = encode("u16");
    assert_eq!(
        narrow.sketches[0].dogsketches[0].n,
        [3_395, 65_535, 65_535, 65_535]
    );
    // To a reader both are the same.
    let entry = |payload: &SketchPayload| {
        let snapshot = payload.to_snapshot(10);
        let entry = snapshot.get(0).unwrap();
        let sketch = entry.sketch().unwrap();
        (sketch.keys.to_vec(), sketch.counts.to_vec(), entry.points())
    };
    assert_eq!(entry(&wide), entry(&narrow));
    assert_eq!(entry(&wide), (vec![1579], vec![200_000], 200_000));
}

#[test]
fn the_metric_payload_is_read_and_written_byte_for_byte() {
    let vectors = vectors();
    let vector = &vectors["metric_payloads"][0];
    let bytes = base64(vector["base64"].as_str().unwrap());
    let payload = series_v2::decode_protobuf(&bytes, &DecodeLimits::default()).unwrap();
    assert_eq!(payload.encode_protobuf(), bytes);
    let types: Vec<_> = payload.series.iter().map(|s| s.series_type).collect();
    assert_eq!(
        types,
        [SeriesType::Rate, SeriesType::Count, SeriesType::Gauge]
    );
    let hits = &payload.series[0];
    assert_eq!(
        (hits.host(), hits.interval, hits.points[0].value),
        ("host-a", 10, 12.5)
    );
    assert_eq!(
        hits.origin,
        Some(Origin {
            product: 10,
            category: 10,
            service: 0
        })
    );
    let count = &payload.series[1];
    assert_eq!(
        (&*count.unit, &*count.source_type_name),
        ("request", "System")
    );
    assert_eq!(count.points[1].timestamp, 1_700_000_010);
    let snapshot = payload.to_snapshot(10);
    let values: Vec<_> = snapshot
        .iter()
        .map(|e| (e.kind(), e.scalar().unwrap()))
        .collect();
    assert_eq!(
        values,
        [
            (Kind::Count, 125.0),
            (Kind::Count, 3.0),
            (Kind::Count, 0.0),
            (Kind::Gauge, -1.5)
        ]
    );
    assert_eq!(snapshot.get(0).unwrap().tag_value("host"), Some("host-a"));
}
