//! Mistakes other senders and receivers have made, and that must not be made here.

mod support;

use pointmill::{Kind, SnapshotBuilder};
use pointmill_wire::dogstatsd::{self, Message, Metric};
use pointmill_wire::series_v2::{self, SeriesType};
use pointmill_wire::{DecodeLimits, Payloads, SkipCause, encode, sketch_payload};
use support::{add_sketch, config, plain};

const T: i64 = 1_700_000_000;

fn metric(text: &str) -> Metric<'_> {
    match dogstatsd::parse(text.as_bytes()).next() {
        Some(Ok(Message::Metric(metric))) => metric,
        other => panic!("{other:?}"),
    }
}

fn series(payloads: &Payloads) -> Vec<series_v2::Series> {
    let json = payloads
        .payloads
        .iter()
        .filter(|p| p.content_type == "application/json");
    json.flat_map(|p| {
        series_v2::decode_json(&plain(p), &DecodeLimits::default())
            .unwrap()
            .series
    })
    .collect()
}

#[test]
fn packed_values_are_not_cut_to_the_first() {
    assert_eq!(metric("m:1:2:3|d").values.sum::<f64>(), 6.0);
}

#[test]
fn the_sample_rate_of_a_count_is_not_dropped() {
    let m = metric("m:1|c|@0.1");
    assert_eq!((m.values.sum::<f64>() / m.rate).round(), 10.0);
}

#[test]
fn histograms_timings_and_sets_are_not_refused() {
    for text in ["m:1|h", "m:1|ms", "m:x|s"] {
        metric(text);
    }
}

#[test]
fn a_count_and_a_distribution_of_one_name_are_both_sent() {
    let mut builder = SnapshotBuilder::new(10);
    let count = builder.series(Kind::Count, "m", ["a:1"]);
    builder.scalar(count, T, 1, 1.0);
    let distribution = builder.series(Kind::Distribution, "m", ["a:1"]);
    add_sketch(&mut builder, distribution, T, &[1.0; 100]);
    let payloads = encode(&builder.finish(), &config(&[])).unwrap();
    let paths: Vec<_> = payloads
        .payloads
        .iter()
        .map(|p| (p.path, p.points))
        .collect();
    assert_eq!(paths, [("/api/beta/sketches", 100), ("/api/v2/series", 1)]);
    assert_eq!(payloads.skipped, []);
}

#[test]
fn a_value_that_is_not_finite_harms_only_itself() {
    for format in ["series_v2", "series_v2_protobuf", "log_lines", "dogstatsd"] {
        let mut builder = SnapshotBuilder::new(10);
        let series = builder.series(Kind::Count, "m", []);
        for (i, value) in [5.0, f64::NAN, f64::INFINITY, 7.0].into_iter().enumerate() {
            builder.scalar(series, T + 10 * i as i64, 1, value);
        }
        let payloads = encode(&builder.finish(), &config(&[("format", format)])).unwrap();
        let skipped = payloads.skipped(SkipCause::NotFinite).unwrap();
        assert_eq!(
            (skipped.entries, skipped.points, payloads.entries()),
            (2, 2, 2),
            "{format}"
        );
        let body = plain(&payloads.payloads[0]);
        let text = String::from_utf8_lossy(&body).to_lowercase();
        assert!(
            !text.contains("nan") && !text.contains("inf") && !text.contains("null"),
            "{text}"
        );
    }
}

#[test]
fn a_histogram_whose_mean_overflowed_keeps_its_other_series() {
    let mut builder = SnapshotBuilder::new(10);
    let histogram = builder.series(Kind::Histogram, "m", []);
    add_sketch(
        &mut builder,
        histogram,
        T,
        &[f64::MAX, -f64::MAX, f64::MAX, -f64::MAX],
    );
    let payloads = encode(&builder.finish(), &config(&[("format", "series_v2")])).unwrap();
    let names: Vec<_> = series(&payloads).into_iter().map(|s| s.metric).collect();
    assert_eq!(names, ["m.median", "m.95percentile", "m.max", "m.count"]);
    assert_eq!(payloads.skipped(SkipCause::NotFinite).unwrap().values, 1);
    assert_eq!(payloads.entries(), 1);
}

#[test]
fn thousands_of_distributions_all_end_up_in_a_payload() {
    let mut builder = SnapshotBuilder::new(10);
    for i in 0..3_500 {
        let series = builder.series(Kind::Distribution, &format!("m{i}"), []);
        add_sketch(&mut builder, series, T, &[1.0]);
    }
    let snapshot = builder.finish();
    let options = [("format", "sketches"), ("items_max", "1000")];
    let payloads = encode(&snapshot, &config(&options)).unwrap();
    assert_eq!(
        payloads
            .payloads
            .iter()
            .map(|p| p.entries)
            .collect::<Vec<_>>(),
        [1_000, 1_000, 1_000, 500]
    );
}

#[test]
fn series_types_are_those_of_the_public_enumeration_and_rates_have_an_interval() {
    let mut builder = SnapshotBuilder::new(10);
    let count = builder.series(Kind::Count, "c", []);
    builder.scalar(count, T, 3, 12.0);
    let gauge = builder.series(Kind::Gauge, "g", []);
    builder.scalar(gauge, T, 3, 12.0);
    let histogram = builder.series(Kind::Histogram, "h", []);
    add_sketch(&mut builder, histogram, T, &[2.0; 40]);
    let payloads = encode(&builder.finish(), &config(&[("format", "series_v2")])).unwrap();
    let text = String::from_utf8(plain(&payloads.payloads[0])).unwrap();
    assert!(text.starts_with(r#"{"series":[{"metric":"c","type":1,"interval":10,"points":[{"timestamp":1700000000,"value":12}]},{"metric":"g","type":3,"points":"#), "{text}");
    let made: Vec<_> = series(&payloads)
        .into_iter()
        .map(|s| (s.metric, s.series_type, s.interval, s.points[0].value))
        .collect();
    let gauge = |name: &str| (name.to_owned(), SeriesType::Gauge, 0);
    let near = |v: f64| (v / 2.0 - 1.0).abs() < 1.0 / 129.0;
    assert_eq!(made[0], ("c".to_owned(), SeriesType::Count, 10, 12.0));
    for (i, name) in ["h.avg", "h.median", "h.95percentile", "h.max"]
        .into_iter()
        .enumerate()
    {
        let (metric, series_type, interval, value) = &made[2 + i];
        assert_eq!((metric.clone(), *series_type, *interval), gauge(name));
        assert!(near(*value), "{name} {value}");
    }
    assert_eq!(made[6], ("h.count".to_owned(), SeriesType::Rate, 10, 4.0));
}

#[test]
fn histogram_ranks_are_those_of_an_agent() {
    // Values far apart, so that each rank has a bin of its own.
    for n in 1..=41u64 {
        let values: Vec<f64> = (0..n).map(|i| 2f64.powi(i as i32)).collect();
        let mut builder = SnapshotBuilder::new(10);
        let histogram = builder.series(Kind::Histogram, "h", []);
        add_sketch(&mut builder, histogram, T, &values);
        let payloads = encode(&builder.finish(), &config(&[("format", "series_v2")])).unwrap();
        for (name, rank) in [
            ("h.median", (n - 1) / 2),
            ("h.95percentile", (95 * n - 1) / 100),
        ] {
            let made = series(&payloads)
                .into_iter()
                .find(|s| s.metric == name)
                .unwrap();
            let exact = values[rank as usize];
            assert!(
                (made.points[0].value / exact - 1.0).abs() <= 1.0 / 129.0,
                "{n} {name}"
            );
        }
    }
}

#[test]
fn an_interval_of_nothing_divides_nothing_by_zero() {
    let mut builder = SnapshotBuilder::new(0);
    let histogram = builder.series(Kind::Histogram, "h", []);
    add_sketch(&mut builder, histogram, T, &[1.0, 2.0]);
    let payloads = encode(&builder.finish(), &config(&[("format", "series_v2")])).unwrap();
    let made = series(&payloads);
    assert_eq!(
        made.last().map(|s| (s.points[0].value, s.interval)),
        Some((2.0, 1))
    );
}

#[test]
fn a_tiny_sample_rate_does_not_explode() {
    // Read as sent; written, a large count is a few lines, whatever its size.
    assert_eq!(metric("m:1|d|@1e-300").rate, 1e-300);
    let mut builder = SnapshotBuilder::new(10);
    let series = builder.series(Kind::Distribution, "m", []);
    let summary = ddsketch_agent::Summary {
        count: 1 << 33,
        min: 1.0,
        max: 1.0,
        sum: 1.0,
        avg: 1.0,
    };
    builder.sketch(series, T, 1, summary, [(1338, 1 << 33)]);
    let snapshot = builder.finish();
    let payloads = encode(&snapshot, &config(&[("format", "dogstatsd")])).unwrap();
    assert!(payloads.bytes() < 2_000, "{}", payloads.bytes());
    let mut count = 0;
    for payload in &payloads.payloads {
        for message in dogstatsd::parse(&payload.body) {
            let Ok(Message::Metric(m)) = message else {
                panic!()
            };
            assert!(m.rate > 3.6e-9);
            count += (m.values.count() as u64) * (1.0 / m.rate) as u64;
        }
    }
    assert_eq!(count, 1 << 33);
}

#[test]
fn a_timestamped_count_has_no_rate_to_be_inflated_by() {
    let mut builder = SnapshotBuilder::new(10);
    let count = builder.series(Kind::Count, "m", []);
    builder.scalar(count, T, 50, 50.0);
    let options = [("format", "dogstatsd"), ("dogstatsd_timestamps", "true")];
    let payloads = encode(&builder.finish(), &config(&options)).unwrap();
    assert_eq!(payloads.payloads[0].body, b"m:50|c|T1700000000");
}

#[test]
fn the_host_does_not_double_a_host_tag() {
    let mut builder = SnapshotBuilder::new(10);
    for tags in [&["host:own"][..], &["a:1"]] {
        let series = builder.series(Kind::Gauge, "m", tags.iter().copied());
        builder.scalar(series, T, 1, 1.0);
    }
    let options = [
        ("format", "dogstatsd"),
        ("host", "from-config"),
        ("tags", "a:1,b:2"),
    ];
    let payloads = encode(&builder.finish(), &config(&options)).unwrap();
    let text = String::from_utf8(payloads.payloads[0].body.clone()).unwrap();
    assert_eq!(
        text,
        "m:1|g|#host:own,a:1,b:2\nm:1|g|#a:1,b:2,host:from-config"
    );
}

#[test]
fn text_cannot_break_out_of_its_place() {
    let mut builder = SnapshotBuilder::new(10);
    let series = builder.series(Kind::Gauge, "a:1|c\nevil", ["x|@0.1", "y,z:\n1", "q\"\\"]);
    builder.scalar(series, T, 1, 1.0);
    let snapshot = builder.finish();
    let payloads = encode(&snapshot, &config(&[("format", "dogstatsd")])).unwrap();
    let text = String::from_utf8(payloads.payloads[0].body.clone()).unwrap();
    assert_eq!(text, "a_1_c_evil:1|g|#x_@0.1,y_z:_1,q\"\\");
    let payloads = encode(&snapshot, &config(&[("format", "series_v2")])).unwrap();
    let made = series_of(&payloads);
    assert_eq!(
        (&*made.metric, &made.tags[2]),
        ("a:1|c\nevil", &"q\"\\".to_owned())
    );
    let payloads = encode(&snapshot, &config(&[("format", "log_lines")])).unwrap();
    assert_eq!(
        payloads.payloads[0]
            .body
            .iter()
            .filter(|b| **b == b'\n')
            .count(),
        1
    );
}

fn series_of(payloads: &Payloads) -> series_v2::Series {
    series(payloads).swap_remove(0)
}

#[test]
fn kinds_a_format_cannot_carry_are_counted_by_cause() {
    let mut builder = SnapshotBuilder::new(10);
    for kind in Kind::ALL {
        let series = builder.series(kind, "m", []);
        if kind.has_sketch() {
            add_sketch(&mut builder, series, T, &[1.0, 2.0]);
        } else {
            builder.scalar(series, T, 3, 1.0);
        }
    }
    let snapshot = builder.finish();
    let skipped = |format| {
        let payloads = encode(&snapshot, &config(&[("format", format)])).unwrap();
        payloads
            .skipped
            .iter()
            .map(|s| (s.cause, s.entries, s.points))
            .collect::<Vec<_>>()
    };
    let sketches_only = [
        (SkipCause::ScalarInSketchFormat, 2, 6),
        (SkipCause::HistogramInDistributionFormat, 1, 2),
    ];
    assert_eq!(skipped("sketches"), sketches_only);
    assert_eq!(skipped("distribution_points_v1"), sketches_only);
    assert_eq!(
        skipped("series_v2"),
        [(SkipCause::SketchInScalarFormat, 1, 2)]
    );
    for format in ["intake", "log_lines", "dogstatsd"] {
        assert_eq!(skipped(format), [], "{format}");
    }
    for cause in SkipCause::ALL {
        assert!(!cause.to_string().is_empty() && !cause.name().contains(' '));
    }
}

#[test]
fn one_bad_message_does_not_spoil_a_packet() {
    let packet = b"a:1|c\nb:x|c\nc:3|c\n\xff:1|c\nd:4|c";
    let names: Vec<_> = dogstatsd::parse(packet)
        .filter_map(Result::ok)
        .map(|message| match message {
            Message::Metric(metric) => metric.name,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names, ["a", "c", "d"]);
}

#[test]
fn a_sender_that_drops_from_its_bins_is_accepted_and_reported() {
    let mut payload = sketch_payload::SketchPayload::default();
    let dog = sketch_payload::Dogsketch {
        cnt: 10,
        k: vec![1338],
        n: vec![7],
        ..Default::default()
    };
    payload.sketches.push(sketch_payload::SketchMessage {
        metric: "m".to_owned(),
        dogsketches: vec![dog],
        ..Default::default()
    });
    let decoded = sketch_payload::decode(&payload.encode(), &DecodeLimits::default()).unwrap();
    assert_eq!(decoded.count_mismatches, 1);
    assert_eq!(decoded.sketches, payload.sketches);
}
