//! What is written is read back, for every format and any content.

mod support;

use std::collections::BTreeMap;

use pointmill::{Entry, Kind, Snapshot};
use pointmill_wire::dogstatsd::{self, Message, MetricType};
use pointmill_wire::{
    DecodeLimits, Payloads, Skipped, distribution_points, encode, log_line, series_v2,
    sketch_payload,
};
use proptest::prelude::*;
use support::{config, many, plain, snapshot};

const ALL: &[Kind] = &Kind::ALL;
const SKETCHES: &[Kind] = &[Kind::Distribution];
const SCALARS: &[Kind] = &[Kind::Count, Kind::Gauge];

fn limits() -> DecodeLimits {
    DecodeLimits::default()
}

/// Entries and points in payloads and skipped make up the snapshot.
fn assert_complete(payloads: &Payloads, snapshot: &Snapshot) {
    let skipped = |f: fn(&Skipped) -> u64| payloads.skipped.iter().map(f).sum::<u64>();
    assert_eq!(
        payloads.entries() as u64 + skipped(|s| s.entries as u64),
        snapshot.len() as u64
    );
    assert_eq!(payloads.points() + skipped(|s| s.points), snapshot.points());
}

fn tags(entry: &Entry<'_>) -> Vec<String> {
    entry.tags().map(str::to_owned).collect()
}

/// The bins of a sketch's values, as a reader of values makes them.
fn bins(values: impl IntoIterator<Item = f64>) -> BTreeMap<i16, u64> {
    let mut bins = BTreeMap::new();
    for value in values {
        *bins.entry(ddsketch_agent::key::key(value)).or_default() += 1;
    }
    bins
}

fn bins_of(entry: &Entry<'_>) -> BTreeMap<i16, u64> {
    let sketch = entry.sketch().unwrap();
    sketch
        .keys
        .iter()
        .copied()
        .zip(sketch.counts.iter().map(|n| u64::from(*n)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn sketches(given in many(SKETCHES), profile in prop_oneof![Just("u16"), Just("u32")], packing in prop_oneof![Just("none"), Just("zstd"), Just("gzip"), Just("deflate")]) {
        let snapshot = snapshot(&given);
        let config = config(&[("format", "sketches"), ("bin_profile", profile), ("compression", packing), ("host", "h")]);
        let payloads = encode(&snapshot, &config).unwrap();
        assert_complete(&payloads, &snapshot);
        let mut entries = snapshot.iter();
        for payload in &payloads.payloads {
            prop_assert_eq!((payload.path, payload.content_type), ("/api/beta/sketches", "application/x-protobuf"));
            let message = sketch_payload::decode(&plain(payload), &limits()).unwrap();
            prop_assert_eq!(message.count_mismatches, 0);
            for sketch in &message.sketches {
                prop_assert_eq!(&sketch.host, "h");
                for dog in &sketch.dogsketches {
                    let entry = entries.next().unwrap();
                    prop_assert_eq!(&sketch.metric, entry.name());
                    prop_assert_eq!(&sketch.tags, &tags(&entry));
                    let own = entry.sketch().unwrap();
                    prop_assert_eq!((&dog.k[..], &dog.n[..]), (own.keys, own.counts));
                    let s = own.summary;
                    prop_assert_eq!((dog.ts, dog.cnt), (entry.interval(), s.count as i64));
                    // Equal as numbers: a negative zero arrives as zero.
                    prop_assert_eq!([dog.min, dog.max, dog.sum], [s.min, s.max, s.sum]);
                    prop_assert!(dog.avg == s.avg || dog.avg.is_nan() && s.avg.is_nan());
                }
            }
        }
        prop_assert!(entries.next().is_none());
    }

    #[test]
    fn series_in_both_forms(given in many(SCALARS), origin in 0..2u32) {
        let snapshot = snapshot(&given);
        let origin = (origin * 10).to_string();
        let options = [("host", "hé\"1"), ("tags", "team:a"), ("origin_product", &*origin), ("origin_category", &*origin)];
        let json = encode(&snapshot, &config(&[&options[..], &[("format", "series_v2")]].concat())).unwrap();
        let protobuf = encode(&snapshot, &config(&[&options[..], &[("format", "series_v2_protobuf")]].concat())).unwrap();
        assert_complete(&json, &snapshot);
        assert_complete(&protobuf, &snapshot);
        let json: Vec<_> = json.payloads.iter().flat_map(|p| series_v2::decode_json(&plain(p), &limits()).unwrap().series).collect();
        let protobuf: Vec<_> = protobuf.payloads.iter().flat_map(|p| series_v2::decode_protobuf(&plain(p), &limits()).unwrap().series).collect();
        prop_assert_eq!(&json, &protobuf);
        let mut entries = snapshot.iter();
        for series in &json {
            prop_assert_eq!(series.host(), "hé\"1");
            for point in &series.points {
                let entry = entries.next().unwrap();
                prop_assert_eq!(&series.metric, entry.name());
                let mut expected = tags(&entry);
                expected.push("team:a".to_owned());
                prop_assert_eq!(&series.tags, &expected);
                prop_assert_eq!((point.timestamp, point.value), (entry.interval(), entry.scalar().unwrap()));
                let (kind, interval) = if entry.kind() == Kind::Count { (1, 10) } else { (3, 0) };
                prop_assert_eq!((series.series_type as u8, series.interval), (kind, interval));
            }
        }
        prop_assert!(entries.next().is_none());
    }

    #[test]
    fn distribution_points_keep_the_bins(given in many(SKETCHES)) {
        let snapshot = snapshot(&given);
        let payloads = encode(&snapshot, &config(&[("format", "distribution_points_v1"), ("host", "h")])).unwrap();
        assert_complete(&payloads, &snapshot);
        let mut entries = snapshot.iter();
        for payload in &payloads.payloads {
            prop_assert_eq!((payload.path, payload.content_encoding), ("/api/v1/distribution_points", "deflate"));
            for series in distribution_points::decode(&plain(payload), &limits()).unwrap().series {
                for point in series.points {
                    let entry = entries.next().unwrap();
                    prop_assert_eq!((&*series.metric, &*series.host, point.timestamp), (entry.name(), "h", entry.interval()));
                    prop_assert_eq!(&series.tags, &tags(&entry));
                    let summary = entry.sketch().unwrap().summary;
                    let min = point.values.iter().copied().fold(f64::INFINITY, f64::min);
                    let max = point.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    prop_assert_eq!((min, max), (summary.min, summary.max));
                    prop_assert_eq!(bins(point.values), bins_of(&entry));
                }
            }
        }
        prop_assert!(entries.next().is_none());
    }

    #[test]
    fn log_lines_keep_the_bins(given in many(ALL)) {
        let snapshot = snapshot(&given);
        let payloads = encode(&snapshot, &config(&[("format", "log_lines")])).unwrap();
        assert_complete(&payloads, &snapshot);
        let mut text = Vec::new();
        payloads.payloads.iter().for_each(|p| text.extend_from_slice(&p.body));
        prop_assert!(text.is_empty() || text.ends_with(b"\n"));
        let mut lines = text.split_inclusive(|b| *b == b'\n').map(|line| log_line::parse(line).unwrap());
        for entry in snapshot.iter() {
            let n = entry.sketch().map_or(1, |s| s.summary.count);
            let lines: Vec<_> = lines.by_ref().take(n as usize).collect();
            for line in &lines {
                prop_assert_eq!((&*line.name, line.unix_s), (entry.name(), entry.interval()));
                prop_assert_eq!(&line.tags, &tags(&entry));
            }
            match entry.scalar() {
                Some(value) => prop_assert_eq!(lines[0].value.to_bits(), value.to_bits()),
                None => prop_assert_eq!(bins(lines.iter().map(|l| l.value)), bins_of(&entry)),
            }
        }
        prop_assert!(lines.next().is_none());
    }

    #[test]
    fn dogstatsd_keeps_the_bins(given in many(ALL), packed in any::<bool>(), sampled in any::<bool>(), timestamps in any::<bool>()) {
        let snapshot = snapshot(&given);
        let flags = [packed, sampled, timestamps].map(|flag| flag.to_string());
        let payloads = encode(&snapshot, &config(&[
            ("format", "dogstatsd"), ("dogstatsd_packed", &flags[0]), ("dogstatsd_sampled", &flags[1]),
            ("dogstatsd_timestamps", &flags[2]), ("host", "web-1"), ("datagram_bytes_max", "200"),
        ])).unwrap();
        assert_complete(&payloads, &snapshot);
        let mut seen = BTreeMap::<(u8, String, Vec<String>), BTreeMap<i16, u64>>::new();
        let mut scalars = BTreeMap::<(u8, String, Vec<String>), Vec<f64>>::new();
        for payload in &payloads.payloads {
            prop_assert!(payload.body.len() <= 200);
            for message in dogstatsd::parse(&payload.body) {
                let Ok(Message::Metric(metric)) = message else { panic!("{message:?}") };
                let mut tags: Vec<String> = metric.tags.map(str::to_owned).collect();
                prop_assert_eq!(tags.pop(), Some("host:web-1".to_owned()));
                let kind = match metric.metric_type {
                    MetricType::Distribution => Kind::Distribution,
                    MetricType::Histogram => Kind::Histogram,
                    MetricType::Count => Kind::Count,
                    MetricType::Gauge => Kind::Gauge,
                    other => panic!("{other:?}"),
                };
                prop_assert!(packed || metric.values.clone().count() == 1);
                prop_assert!(sampled || metric.rate == 1.0);
                prop_assert_eq!(metric.timestamp.is_some(), timestamps && !kind.has_sketch());
                let key = (kind as u8, metric.name.to_owned(), tags);
                if kind.has_sketch() {
                    let weight = (1.0 / metric.rate) as u64;
                    let sketch = seen.entry(key).or_default();
                    metric.values.for_each(|v| *sketch.entry(ddsketch_agent::key::key(v)).or_default() += weight);
                } else {
                    scalars.entry(key).or_default().extend(metric.values);
                }
            }
        }
        let too_large: usize = payloads.skipped.iter().map(|s| s.entries).sum();
        if too_large == 0 {
            let mut expected = BTreeMap::new();
            let mut expected_scalars = BTreeMap::<_, Vec<f64>>::new();
            for entry in snapshot.iter() {
                let key = (entry.kind() as u8, entry.name().to_owned(), tags(&entry));
                match entry.scalar() {
                    Some(v) => expected_scalars.entry(key).or_default().push(v),
                    None => {
                        let sketch: &mut BTreeMap<i16, u64> = expected.entry(key).or_default();
                        bins_of(&entry).into_iter().for_each(|(k, n)| *sketch.entry(k).or_default() += n);
                    }
                }
            }
            prop_assert_eq!(seen, expected);
            prop_assert_eq!(scalars, expected_scalars);
        }
    }

    #[test]
    fn the_intake_gets_every_kind(given in many(ALL)) {
        let snapshot = snapshot(&given);
        let payloads = encode(&snapshot, &config(&[])).unwrap();
        assert_complete(&payloads, &snapshot);
        prop_assert_eq!(&payloads.skipped, &[]);
    }
}
