//! Payloads keep within their limits, and what cannot is counted.

mod support;

use pointmill::{Kind, Snapshot, SnapshotBuilder};
use pointmill_wire::{
    DecodeLimits, Payloads, SkipCause, Skipped, distribution_points, encode, series_v2,
    sketch_payload,
};
use proptest::prelude::*;
use support::{add_sketch, config, many, plain, snapshot};

fn total(payloads: &Payloads, f: fn(&Skipped) -> u64) -> u64 {
    payloads.skipped.iter().map(f).sum()
}

fn assert_complete(payloads: &Payloads, snapshot: &Snapshot) {
    let entries = payloads.entries() as u64 + total(payloads, |s| s.entries as u64);
    assert_eq!(entries, snapshot.len() as u64);
    assert_eq!(
        payloads.points() + total(payloads, |s| s.points),
        snapshot.points()
    );
}

/// `n` distributions of 100 distinct values each.
fn distributions(n: usize) -> Snapshot {
    let mut builder = SnapshotBuilder::new(10);
    for i in 0..n {
        let name = format!("app.latency.{i}");
        let series = builder.series(Kind::Distribution, &name, ["env:prod"]);
        let values: Vec<f64> = (0..100)
            .map(|v| f64::from(v) * 1.7 + i as f64 * 0.37)
            .collect();
        add_sketch(&mut builder, series, 1_700_000_000, &values);
    }
    builder.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn every_body_is_within_every_limit(
        given in many(&Kind::ALL),
        format in prop_oneof![
            Just("intake"), Just("sketches"), Just("series_v2"), Just("series_v2_protobuf"),
            Just("distribution_points_v1"), Just("log_lines"), Just("dogstatsd"),
        ],
        packed in any::<bool>(),
        uncompressed in 60..4_000u64,
        compressed in 60..2_000u64,
        items in 1..30u64,
    ) {
        let snapshot = snapshot(&given);
        let max = [uncompressed, compressed, items].map(|n| n.to_string());
        let config = config(&[
            ("format", format), ("uncompressed_bytes_max", &max[0]), ("compressed_bytes_max", &max[1]),
            ("items_max", &max[2]), ("compression", if packed { "auto" } else { "none" }),
        ]);
        let payloads = encode(&snapshot, &config).unwrap();
        assert_complete(&payloads, &snapshot);
        for payload in &payloads.payloads {
            prop_assert!(payload.body.len() as u64 <= compressed);
            let plain = plain(payload);
            prop_assert!(plain.len() as u64 <= uncompressed);
            prop_assert!(payload.entries > 0 || matches!(format, "log_lines" | "dogstatsd"));
            let limits = DecodeLimits::default();
            let n = match (payload.path, payload.content_type) {
                ("/api/beta/sketches", _) => sketch_payload::decode(&plain, &limits).unwrap().sketches.len(),
                ("/api/v2/series", "application/json") => {
                    series_v2::decode_json(&plain, &limits).unwrap().series.iter().map(|s| s.points.len()).sum()
                }
                ("/api/v2/series", _) => {
                    series_v2::decode_protobuf(&plain, &limits).unwrap().series.iter().map(|s| s.points.len()).sum()
                }
                ("/api/v1/distribution_points", _) => distribution_points::decode(&plain, &limits).unwrap().series.len(),
                _ => 0,
            };
            prop_assert!(n as u64 <= items);
        }
    }
}

#[test]
fn the_routes_own_limits_hold_for_a_large_snapshot() {
    let snapshot = distributions(20_000);
    for compression in ["none", "zstd"] {
        let config = config(&[("format", "sketches"), ("compression", compression)]);
        let payloads = encode(&snapshot, &config).unwrap();
        assert_complete(&payloads, &snapshot);
        assert!(payloads.payloads.len() > 1);
        for payload in &payloads.payloads {
            assert!(payload.body.len() <= 2_621_440);
            assert!(plain(payload).len() <= 4_194_304);
            assert!(payload.entries <= 10_000);
        }
        assert_eq!(payloads.skipped, []);
    }
}

#[test]
fn bodies_are_filled_not_just_split() {
    let snapshot = distributions(2_000);
    let config = config(&[
        ("format", "sketches"),
        ("compression", "none"),
        ("uncompressed_bytes_max", "10000"),
    ]);
    let payloads = encode(&snapshot, &config).unwrap();
    let (last, full) = payloads.payloads.split_last().unwrap();
    assert!(full.iter().all(|p| p.body.len() > 9_000), "{}", full.len());
    assert!(last.body.len() <= 10_000);
}

#[test]
fn an_incompressible_body_is_divided_by_measure() {
    let snapshot = distributions(3_000);
    let max = 20_000;
    let config = config(&[
        ("format", "sketches"),
        ("compressed_bytes_max", &max.to_string()),
    ]);
    let payloads = encode(&snapshot, &config).unwrap();
    assert_complete(&payloads, &snapshot);
    assert!(payloads.payloads.iter().all(|p| p.body.len() <= max));
    let (_, full) = payloads.payloads.split_last().unwrap();
    let average = full.iter().map(|p| p.body.len()).sum::<usize>() / full.len();
    assert!(average > max * 3 / 4, "{average}");
    assert_eq!(payloads.skipped, []);
}

#[test]
fn one_series_of_many_intervals_is_divided() {
    let mut builder = SnapshotBuilder::new(10);
    let series = builder.series(Kind::Distribution, "m", ["a:b"]);
    for i in 0..1_000 {
        add_sketch(
            &mut builder,
            series,
            1_700_000_000 + 10 * i,
            &[1.0, 2.0, i as f64],
        );
    }
    let snapshot = builder.finish();
    let one = encode(&snapshot, &config(&[("format", "sketches")])).unwrap();
    let message =
        sketch_payload::decode(&plain(&one.payloads[0]), &DecodeLimits::default()).unwrap();
    assert_eq!(
        (
            message.sketches.len(),
            message.sketches[0].dogsketches.len()
        ),
        (1, 1_000)
    );
    let options = [
        ("format", "sketches"),
        ("compression", "none"),
        ("uncompressed_bytes_max", "2000"),
    ];
    let many = encode(&snapshot, &config(&options)).unwrap();
    assert_complete(&many, &snapshot);
    assert!(many.payloads.len() > 20);
    assert!(
        many.payloads
            .iter()
            .all(|p| p.body.len() <= 2_000 && p.entries > 1)
    );
    assert_eq!(many.skipped, []);
}

#[test]
fn an_entry_that_is_too_large_alone_is_counted_and_its_neighbours_are_sent() {
    let mut builder = SnapshotBuilder::new(10);
    let long = "x".repeat(3_000);
    for tag in ["a:1", &long, "b:2"] {
        for kind in [Kind::Distribution, Kind::Count, Kind::Histogram] {
            let series = builder.series(kind, "m", [tag]);
            if kind == Kind::Count {
                builder.scalar(series, 1_700_000_000, 7, 7.0);
            } else {
                add_sketch(&mut builder, series, 1_700_000_000, &[1.0; 5]);
            }
        }
    }
    let snapshot = builder.finish();
    for (format, limit) in [
        ("intake", "uncompressed_bytes_max"),
        ("sketches", "uncompressed_bytes_max"),
        ("series_v2", "uncompressed_bytes_max"),
        ("series_v2_protobuf", "uncompressed_bytes_max"),
        ("distribution_points_v1", "uncompressed_bytes_max"),
        ("log_lines", "uncompressed_bytes_max"),
        ("dogstatsd", "datagram_bytes_max"),
    ] {
        let payloads = encode(&snapshot, &config(&[("format", format), (limit, "2000")])).unwrap();
        assert_complete(&payloads, &snapshot);
        let skipped = payloads.skipped(SkipCause::TooLarge).unwrap();
        let expected = match format {
            "intake" | "log_lines" | "dogstatsd" => (3, 17),
            "sketches" | "distribution_points_v1" => (1, 5),
            _ => (2, 12),
        };
        assert_eq!((skipped.entries, skipped.points), expected, "{format}");
        assert_eq!(payloads.entries(), 2 * expected.0, "{format}");
    }
}

#[test]
fn a_sketch_beyond_expand_max_is_thinned_and_counted() {
    let mut builder = SnapshotBuilder::new(10);
    let series = builder.series(Kind::Distribution, "m", []);
    let values: Vec<f64> = (1..=5_000).map(f64::from).collect();
    add_sketch(&mut builder, series, 1_700_000_000, &values);
    let snapshot = builder.finish();
    for options in [
        &[("format", "distribution_points_v1")][..],
        &[("format", "log_lines")],
        &[("format", "dogstatsd"), ("dogstatsd_sampled", "false")],
    ] {
        let payloads = encode(
            &snapshot,
            &config(&[options, &[("expand_max", "100")]].concat()),
        )
        .unwrap();
        let skipped = payloads.skipped(SkipCause::ExpansionLimit).unwrap();
        assert_eq!(
            (skipped.entries, skipped.points, skipped.values),
            (0, 0, 4_900),
            "{options:?}"
        );
        assert_eq!((payloads.entries(), payloads.points()), (1, 5_000));
    }
    // Sample rates carry every repetition, so nothing needs to be left out.
    let options = [("format", "dogstatsd"), ("expand_max", "100")];
    assert_eq!(encode(&snapshot, &config(&options)).unwrap().skipped, []);
}

#[test]
fn an_encoder_gives_the_same_bytes_the_second_time() {
    let snapshot = distributions(50);
    let mut encoder = pointmill_wire::Encoder::new();
    let mut first = None;
    for level in [0, 3, 0] {
        let mut config = config(&[("format", "sketches")]);
        config.compression_level = level;
        let payloads = encoder.encode(&snapshot, &config).unwrap();
        if level == 0 {
            let bytes = payloads.payloads[0].body.clone();
            assert_eq!(*first.get_or_insert_with(|| bytes.clone()), bytes);
        }
        encoder.recycle(payloads);
    }
}
