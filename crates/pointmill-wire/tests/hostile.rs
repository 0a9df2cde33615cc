//! Input made to break decoders: cut short, wrongly typed, overlong, bottomless.

mod support;

use pointmill::Kind;
use pointmill_wire::decode::Cause;
use pointmill_wire::{
    DecodeError, DecodeLimits, distribution_points, dogstatsd, encode, log_line, series_v2,
    sketch_payload,
};
use proptest::prelude::*;
use support::{config, given, plain, snapshot};

fn limits() -> DecodeLimits {
    DecodeLimits::default()
}

/// A decoder, for what it says rather than for what it reads.
type Decoder = fn(&[u8], &DecodeLimits) -> Result<(), DecodeError>;

const DECODERS: [(&str, Decoder); 5] = [
    ("sketches", |b, l| sketch_payload::decode(b, l).map(drop)),
    ("series_v2", |b, l| series_v2::decode_json(b, l).map(drop)),
    ("series_v2_protobuf", |b, l| {
        series_v2::decode_protobuf(b, l).map(drop)
    }),
    ("distribution_points_v1", |b, l| {
        distribution_points::decode(b, l).map(drop)
    }),
    ("log_lines", |b, _| log_line::parse(b).map(drop)),
];

/// One body of the format.
fn body(format: &str) -> Vec<u8> {
    let kind = match format {
        "sketches" | "distribution_points_v1" => Kind::Distribution,
        _ => Kind::Gauge,
    };
    let given = support::Given {
        kind,
        name: "app.latency".to_owned(),
        tags: vec!["env:prod".to_owned(), "z:ü\"".to_owned()],
        interval: 1_700_000_000,
        values: vec![1.0, -2.5, 1e300, 0.0, 3.0, 3.0],
    };
    let options = [
        ("format", format),
        ("compression", "none"),
        ("host", "h"),
        ("origin_product", "10"),
    ];
    let payloads = encode(&snapshot(&[given]), &config(&options)).unwrap();
    payloads.payloads[0].body.clone()
}

#[test]
fn cut_short_anywhere_is_an_error_inside_the_input() {
    for (format, decode) in DECODERS {
        let body = body(format);
        decode(&body, &limits()).unwrap();
        // The only way to be cut at the end of something whole is before the first message.
        for length in 1..body.trim_ascii_end().len() {
            let error = decode(&body[..length], &limits()).expect_err(format);
            assert!(error.offset <= length, "{format} {error}");
        }
    }
}

#[test]
fn a_flipped_byte_never_panics() {
    for (format, decode) in DECODERS {
        let mut body = body(format);
        for i in 0..body.len() {
            for flip in [1, 0x80, 0xff, 7] {
                body[i] ^= flip;
                let _ = decode(&body, &limits());
                body[i] ^= flip;
            }
        }
    }
}

#[test]
fn fields_of_the_wrong_type_name_their_tag() {
    // Field 1 of a SketchPayload as a varint, and k of a Dogsketch as a fixed64.
    let error = sketch_payload::decode(&[0x08, 0x01], &limits()).unwrap_err();
    assert_eq!((error.offset, error.field), (0, "SketchPayload.sketches"));
    assert!(matches!(error.cause, Cause::WireType { .. }));
    let dog = [0x39, 0, 0, 0, 0, 0, 0, 0, 0];
    let bytes = [&[0x0a, 11, 0x3a, 9][..], &dog].concat();
    let error = sketch_payload::decode(&bytes, &limits()).unwrap_err();
    assert_eq!((error.offset, error.field), (4, "Dogsketch.k"));
    let error = series_v2::decode_protobuf(&[0x0a, 2, 0x28, 9], &limits()).unwrap_err();
    assert_eq!(error.field, "MetricSeries.type");
    for (text, field) in [
        (r#"{"series":[{"metric":5,"points":[]}]}"#, "series.metric"),
        (
            r#"{"series":[{"metric":"m","points":{}}]}"#,
            "series.points",
        ),
        (
            r#"{"series":[{"metric":"m","points":[{"value":1}]}]}"#,
            "series.points",
        ),
        (r#"{"series":[{"points":[]}]}"#, "series.metric"),
        (r#"{"series":[{"metric":"m"}]}"#, "series.points"),
        (
            r#"{"series":[{"metric":"m","points":[],"type":9}]}"#,
            "series.type",
        ),
        (
            r#"{"series":[{"metric":"m","points":[],"tags":[1]}]}"#,
            "series.tags",
        ),
    ] {
        let error = series_v2::decode_json(text.as_bytes(), &limits()).unwrap_err();
        assert_eq!(error.field, field, "{text}: {error}");
    }
    for text in [
        r#"{"series":[{"metric":"m","points":[[1]]}]}"#,
        r#"{"series":[{"metric":"m","points":[[1,[2],3]]}]}"#,
        r#"{"series":[{"metric":"m","points":[[]]}]}"#,
        r#"{"series":[{"metric":"m","points":[[1,["x"]]]}]}"#,
        r#"{"series":[{"metric":"m","points":[[1,[null]]]}]}"#,
    ] {
        assert!(
            distribution_points::decode(text.as_bytes(), &limits()).is_err(),
            "{text}"
        );
    }
}

#[test]
fn columns_that_do_not_go_together_are_refused() {
    let dogsketch = |fields: &[u8]| {
        let mut bytes = vec![0x0a, fields.len() as u8 + 2, 0x3a, fields.len() as u8];
        bytes.extend_from_slice(fields);
        sketch_payload::decode(&bytes, &limits())
    };
    assert!(dogsketch(&[0x3a, 2, 2, 4, 0x42, 2, 1, 1]).is_ok());
    assert!(
        dogsketch(&[0x38, 2, 0x40, 1, 0x38, 4, 0x40, 1]).is_ok(),
        "unpacked elements"
    );
    assert!(
        dogsketch(&[0x3a, 2, 2, 2, 0x42, 2, 1, 1]).is_ok(),
        "a key may stand twice"
    );
    let bad = |fields: &[u8]| dogsketch(fields).unwrap_err();
    assert_eq!(bad(&[0x3a, 2, 2, 4, 0x42, 1, 1]).field, "Dogsketch.n");
    let error = bad(&[0x3a, 2, 4, 2, 0x42, 2, 1, 1]);
    assert_eq!((error.offset, error.field), (7, "Dogsketch.k"));
    // Key 32768, and a count of 2^32.
    assert_eq!(
        bad(&[0x3a, 3, 0x80, 0x80, 4, 0x42, 1, 1]).field,
        "Dogsketch.k"
    );
    assert_eq!(
        bad(&[0x3a, 1, 2, 0x42, 5, 0x80, 0x80, 0x80, 0x80, 0x10]).field,
        "Dogsketch.n"
    );
}

#[test]
fn what_a_sender_chooses_is_bounded_before_it_is_stored() {
    let small = DecodeLimits {
        bytes_max: 1 << 20,
        items_max: 10,
        bins_max: 10,
    };
    let cause = |error: DecodeError| match error.cause {
        Cause::Limit { name, .. } => name,
        other => panic!("{other:?}"),
    };
    // Eleven empty sketches, eleven bins, and a megabyte of one-byte messages.
    let sketches = [0x0a, 0].repeat(11);
    assert_eq!(
        cause(sketch_payload::decode(&sketches, &small).unwrap_err()),
        "items_max"
    );
    let mut bins = vec![0x0a, 15, 0x3a, 13, 0x3a, 11];
    bins.extend([2; 11]);
    assert_eq!(
        cause(sketch_payload::decode(&bins, &small).unwrap_err()),
        "bins_max"
    );
    let many = [0x0a, 0].repeat(1 << 20);
    assert_eq!(
        cause(sketch_payload::decode(&many, &small).unwrap_err()),
        "bytes_max"
    );
    assert_eq!(
        cause(series_v2::decode_protobuf(&sketches, &small).unwrap_err()),
        "items_max"
    );
    let text = format!(r#"{{"series":[{}]}}"#, "[],".repeat(20));
    assert!(series_v2::decode_json(text.as_bytes(), &small).is_err());
    let values = "1,".repeat(20) + "1";
    let text = format!(r#"{{"series":[{{"metric":"m","points":[[1,[{values}]]]}}]}}"#);
    let error = distribution_points::decode(text.as_bytes(), &small).unwrap_err();
    assert_eq!(cause(error), "items_max");
    // Skipped parts are bounded too.
    let text = format!(r#"{{"x":[{values}],"series":[]}}"#);
    assert_eq!(
        cause(series_v2::decode_json(text.as_bytes(), &small).unwrap_err()),
        "items_max"
    );
}

#[test]
fn bottomless_nesting_is_an_error() {
    let deep = |open: &str| format!("{{\"series\":{}", open.repeat(200_000));
    for open in ["[", "{\"a\":", "[{\"metadata\":"] {
        assert!(series_v2::decode_json(deep(open).as_bytes(), &limits()).is_err());
        assert!(distribution_points::decode(deep(open).as_bytes(), &limits()).is_err());
    }
    assert!(log_line::parse("[".repeat(500_000).as_bytes()).is_err());
    assert!(sketch_payload::decode(&[0x0b; 100_000], &limits()).is_err());
    assert!(series_v2::decode_protobuf(&[0x13; 100_000], &limits()).is_err());
}

#[test]
fn lengths_beyond_the_input_are_errors() {
    for length in [
        &[0x7f][..],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xff; 9],
        &[0xff; 11],
    ] {
        for head in [
            &[0x0a][..],
            &[0x0a, 0x02, 0x3a],
            &[0x0a, 0x04, 0x3a, 0x02, 0x3a],
            &[0x12],
        ] {
            let bytes = [head, length].concat();
            assert!(
                sketch_payload::decode(&bytes, &limits()).is_err(),
                "{bytes:x?}"
            );
            assert!(
                series_v2::decode_protobuf(&[&[0x0a][..], length].concat(), &limits()).is_err()
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn any_bytes_at_all(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for (_, decode) in DECODERS {
            if let Err(error) = decode(&bytes, &limits()) {
                prop_assert!(error.offset <= bytes.len());
            }
        }
        for message in dogstatsd::parse(&bytes) {
            if let Err(error) = message {
                prop_assert!(error.offset <= bytes.len());
            }
        }
    }

    #[test]
    fn bytes_that_look_like_messages(packet in "(([a-z_]{0,3}[:|]){0,3}(-?[0-9.xXpe_]{0,6}[:|@#T,é\n]){0,6}){0,3}", event in "_e\\{[0-9]{0,2},?[0-9]{0,2}\\}:?[a-é|]{0,9}") {
        for text in [&packet, &event] {
            for message in dogstatsd::parse(text.as_bytes()) {
                match message {
                    Err(error) => prop_assert!(error.offset <= text.len()),
                    Ok(dogstatsd::Message::Metric(m)) if m.metric_type != dogstatsd::MetricType::Set => {
                        prop_assert!(m.values.clone().count() > 0);
                        prop_assert_eq!(m.values.clone().count(), m.raw_values.split(':').filter(|v| !v.is_empty()).count());
                    }
                    Ok(_) => {}
                }
            }
        }
    }

    #[test]
    fn a_body_spliced_with_another(
        entries in proptest::collection::vec(given(&[Kind::Distribution]), 1..4), cut in any::<prop::sample::Index>(), from in any::<prop::sample::Index>(),
    ) {
        for format in ["sketches", "distribution_points_v1"] {
            let payloads = encode(&snapshot(&entries), &config(&[("format", format)])).unwrap();
            let body = plain(&payloads.payloads[0]);
            let spliced = [&body[..cut.index(body.len())], &body[from.index(body.len())..]].concat();
            for (_, decode) in DECODERS {
                let _ = decode(&spliced, &limits());
            }
        }
    }
}
