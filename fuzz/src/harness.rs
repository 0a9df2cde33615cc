//! For each decoder: it does not panic, its errors point into the input, and what it accepts can be
//! used, written and read again without a change.

use ddsketch_agent::canonical::{Policy, convert};
use pointmill::{Intervals, Snapshot};
use pointmill_wire::canonical::{DecodeOptions, Layout, compact, proto};
use pointmill_wire::dogstatsd::{self, Message, MetricType};
use pointmill_wire::{
    BinProfile, DecodeError, DecodeLimits, EncodeConfig, Encoder, Format, decompress,
    distribution_points, log_line, series_v2, sketch_payload,
};

/// Longest input looked at; longer ones find nothing new.
pub const SIZE_MAX: usize = 64 << 10;

/// Small enough for a fuzzer to reach them.
const LIMITS: DecodeLimits = DecodeLimits {
    bytes_max: SIZE_MAX,
    items_max: 4_096,
    bins_max: 8_192,
};

/// What runs one input.
pub type Target = fn(&[u8]);

/// Every target's name and function.
pub const TARGETS: &[(&str, Target)] = &[
    ("sketch_payload", sketch_payload),
    ("series_v2_protobuf", series_v2_protobuf),
    ("series_v2_json", series_v2_json),
    ("distribution_points", distribution_points),
    ("log_line", log_line),
    ("dogstatsd", dogstatsd),
    ("compressed_body", compressed_body),
    ("canonical_proto", canonical_proto),
    ("canonical_compact", canonical_compact),
];

/// Takes the decoded value, having checked the error if there is none.
fn accepted<T>(data: &[u8], result: Result<T, DecodeError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(
                error.offset <= data.len(),
                "{error} is past the end, {}",
                data.len()
            );
            assert!(error.to_string().starts_with("at byte "));
            None
        }
    }
}

/// Uses a snapshot of a stranger's values: every query and every encoder.
fn use_snapshot(snapshot: &Snapshot) {
    for entry in snapshot.iter() {
        for q in [0.0, 0.5, 0.99, 1.0] {
            let _ = entry.quantile(q);
        }
    }
    let merged = Snapshot::merge([snapshot, snapshot]);
    assert!(merged.len() <= snapshot.len());
    let _ = snapshot.group_by(&["env"], Intervals::Merge);
    let mut encoder = Encoder::new();
    for format in Format::ALL {
        let mut config = EncodeConfig::default();
        config.format = format;
        config.profile = BinProfile::U16;
        // Bounds the work, not the accounts.
        config.expand_max = 50;
        let payloads = encoder
            .encode(snapshot, &config)
            .expect("a default configuration");
        let skipped: usize = payloads.skipped.iter().map(|s| s.entries).sum();
        assert_eq!(payloads.entries() + skipped, snapshot.len(), "{format:?}");
    }
}

/// [`sketch_payload::decode`].
pub fn sketch_payload(data: &[u8]) {
    let Some(payload) = accepted(data, sketch_payload::decode(data, &LIMITS)) else {
        return;
    };
    let bytes = payload.encode();
    // What is left out may be less than what defaults add, hence no limit on the second reading.
    let again = sketch_payload::decode(&bytes, &DecodeLimits::default()).expect("our own bytes");
    assert_eq!(again.encode(), bytes);
    assert_eq!(again.sketches.len(), payload.sketches.len());
    assert_eq!(again.count_mismatches, payload.count_mismatches);
    use_snapshot(&payload.to_snapshot(10));
}

/// [`series_v2::decode_protobuf`].
pub fn series_v2_protobuf(data: &[u8]) {
    let Some(payload) = accepted(data, series_v2::decode_protobuf(data, &LIMITS)) else {
        return;
    };
    let bytes = payload.encode_protobuf();
    let again =
        series_v2::decode_protobuf(&bytes, &DecodeLimits::default()).expect("our own bytes");
    assert_eq!(again.encode_protobuf(), bytes);
    use_snapshot(&payload.to_snapshot(10));
}

/// [`series_v2::decode_json`].
pub fn series_v2_json(data: &[u8]) {
    let Some(payload) = accepted(data, series_v2::decode_json(data, &LIMITS)) else {
        return;
    };
    let bytes = payload.encode_protobuf();
    let again =
        series_v2::decode_protobuf(&bytes, &DecodeLimits::default()).expect("our own bytes");
    assert_eq!(again, payload);
    use_snapshot(&payload.to_snapshot(10));
}

/// [`distribution_points::decode`].
pub fn distribution_points(data: &[u8]) {
    let Some(payload) = accepted(data, distribution_points::decode(data, &LIMITS)) else {
        return;
    };
    let values = payload
        .series
        .iter()
        .flat_map(|s| &s.points)
        .flat_map(|p| &p.values);
    let count = values.clone().count() as u64;
    assert!(values.clone().all(|v| v.is_finite()));
    let snapshot = payload.to_snapshot(10);
    assert_eq!(snapshot.points(), count);
    use_snapshot(&snapshot);
}

/// [`log_line::parse`].
pub fn log_line(data: &[u8]) {
    let Some(metric) = accepted(data, log_line::parse(data)) else {
        return;
    };
    assert!(metric.value.is_finite());
    let mut builder = pointmill::SnapshotBuilder::new(10);
    let tags: Vec<&str> = metric.tags.iter().map(AsRef::as_ref).collect();
    let series = builder.series(pointmill::Kind::Gauge, &metric.name, tags);
    builder.scalar(series, metric.unix_s, 1, metric.value);
    let mut config = EncodeConfig::default();
    config.format = Format::LogLines;
    let payloads = pointmill_wire::encode(&builder.finish(), &config).expect("a valid config");
    if let Some(payload) = payloads.payloads.first() {
        assert_eq!(
            log_line::parse(&payload.body).expect("our own line"),
            metric
        );
    }
}

/// [`dogstatsd::parse`] and [`dogstatsd::parse_float`].
pub fn dogstatsd(data: &[u8]) {
    let mut messages = 0;
    for message in dogstatsd::parse(data) {
        messages += 1;
        match message {
            Err(error) => assert!(error.offset <= data.len(), "{error}"),
            Ok(Message::Metric(metric)) => {
                let n = metric.values.clone().count();
                if metric.metric_type == MetricType::Set {
                    assert_eq!(n, 0);
                } else {
                    let items = metric.raw_values.split(':').filter(|item| !item.is_empty());
                    assert!(items.eq(items_of(&metric)), "{metric:?}");
                    assert!(n > 0);
                }
                assert!(!metric.name.is_empty() && !metric.name.contains([':', '|', '\n']));
                let _ = metric.tags.clone().count();
            }
            Ok(Message::Event(event)) => assert!(!event.title.is_empty()),
            Ok(Message::ServiceCheck(check)) => assert!(check.status <= 3),
        }
    }
    assert_eq!(
        messages,
        data.split(|b| *b == b'\n')
            .filter(|line| !line.is_empty())
            .count()
    );
}

/// The items that are read to the values a metric yields.
fn items_of<'a>(metric: &dogstatsd::Metric<'a>) -> Vec<&'a str> {
    let items: Vec<&str> = metric
        .raw_values
        .split(':')
        .filter(|item| !item.is_empty())
        .collect();
    let values: Vec<u64> = metric.values.clone().map(f64::to_bits).collect();
    let read = |item: &&str| {
        dogstatsd::parse_float(item)
            .map(f64::to_bits)
            .expect("a number")
    };
    assert_eq!(items.iter().map(read).collect::<Vec<_>>(), values);
    items
}

/// [`decompress`], then the decoder of a sketch payload. The first byte chooses the encoding.
pub fn compressed_body(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else {
        return;
    };
    let encoding = ["zstd", "deflate", "gzip", "identity"][usize::from(choice % 4)];
    let Some(plain) = accepted(body, decompress(encoding, body, SIZE_MAX)) else {
        return;
    };
    assert!(plain.len() <= SIZE_MAX);
    sketch_payload(&plain);
}

fn canonical_options() -> DecodeOptions {
    DecodeOptions {
        policy: Policy::CollapsingLowest(2_048),
        limits: LIMITS,
        ..Default::default()
    }
}

/// [`proto::decode`].
pub fn canonical_proto(data: &[u8]) {
    let options = canonical_options();
    let Some(sketch) = accepted(data, proto::decode(data, &options)) else {
        return;
    };
    let wide = DecodeOptions {
        limits: DecodeLimits::default(),
        ..options
    };
    for layout in [Layout::Contiguous, Layout::Paginated] {
        let mut bytes = Vec::new();
        if proto::encode(&sketch, layout, &mut bytes).is_err() {
            continue;
        }
        let again = proto::decode(&bytes, &wide).expect("our own bytes");
        assert_eq!(again, sketch);
    }
    use_canonical(&sketch);
}

/// [`compact::decode`].
pub fn canonical_compact(data: &[u8]) {
    let options = canonical_options();
    let Some(sketch) = accepted(data, compact::decode(data, None, &options)) else {
        return;
    };
    let wide = DecodeOptions {
        limits: DecodeLimits::default(),
        ..options
    };
    // Counts that are not whole may lose their last bits once, but not twice.
    let round_trip = |sketch: &_| {
        let mut bytes = Vec::new();
        compact::encode(sketch, &compact::EncodeOptions::default(), &mut bytes);
        let again = compact::decode(&bytes, None, &wide).expect("our own bytes");
        (bytes, again)
    };
    let (_, once) = round_trip(&sketch);
    let (bytes, twice) = round_trip(&once);
    assert_eq!(round_trip(&twice).0, bytes);
    use_canonical(&sketch);
}

fn use_canonical(sketch: &ddsketch_agent::canonical::DdSketch) {
    for q in [0.0, 0.5, 0.99, 1.0] {
        let _ = sketch.quantile(q);
    }
    let _ = (sketch.sum(), sketch.min(), sketch.max(), sketch.count());
    if let Ok(agent) = convert::to_agent(sketch) {
        let _ = agent.quantile(0.5);
    }
}
