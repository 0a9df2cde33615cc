use std::collections::BTreeMap;

use pointmill_wire::{DecodeLimits, decompress, distribution_points, log_line};
use proptest::prelude::*;

use super::*;

fn buffer(form: Form, points_max: usize) -> Buffer {
    let constant = ConstantTags {
        layer: "dd_lambda_layer:x".to_owned(),
        place: LayerTag::Last,
        before: Vec::new(),
        global: Vec::new(),
    };
    Buffer::new(form, constant, points_max)
}

fn drained(buffer: &Buffer) -> Vec<Body> {
    let mut bodies = Bodies::new(buffer.form());
    buffer.drain(&mut bodies);
    bodies.finish()
}

fn text(bodies: &[Body]) -> String {
    let bytes: Vec<u8> = bodies.iter().flat_map(|b| b.bytes.clone()).collect();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn points_come_out_as_they_went_in_and_in_order() {
    let buffer = buffer(Form::LogLine, 1024);
    let record = |parts: &[&str], value, unix_s| buffer.record(Sort::Custom, parts, value, unix_s);
    assert_eq!(record(&["a", "t:1"], 1.5, 10), Ok(Push::Taken));
    assert_eq!(record(&["b"], 2.0, 11), Ok(Push::Taken));
    assert_eq!(record(&["a", "t:1"], 1.5, 10), Ok(Push::Taken));
    assert_eq!((buffer.pending(), buffer.taken()), (3, 3));
    let bodies = drained(&buffer);
    assert_eq!(
        text(&bodies),
        "{\"m\":\"a\",\"v\":1.5,\"e\":10,\"t\":[\"t:1\",\"dd_lambda_layer:x\"]}\n\
         {\"m\":\"b\",\"v\":2,\"e\":11,\"t\":[\"dd_lambda_layer:x\"]}\n\
         {\"m\":\"a\",\"v\":1.5,\"e\":10,\"t\":[\"t:1\",\"dd_lambda_layer:x\"]}\n"
    );
    assert_eq!(bodies[0].points, 3);
    assert_eq!((buffer.pending(), buffer.taken()), (0, 3));
    assert_eq!(drained(&buffer), []);
}

#[test]
fn constant_tags_stand_where_the_language_has_them_and_enhanced_points_have_none() {
    let parts = ["m", "a:b", "", "a:b"];
    for (place, layer, expected) in [
        (LayerTag::First, "l:1", r#"["l:1","a:b","a:b","env:x"]"#),
        (LayerTag::Last, "l:1", r#"["a:b","a:b","l:1","env:x"]"#),
        (LayerTag::Absent, "l:1", r#"["a:b","a:b","env:x"]"#),
        (LayerTag::First, "", r#"["a:b","a:b","env:x"]"#),
    ] {
        let constant = ConstantTags {
            layer: layer.to_owned(),
            place,
            before: Vec::new(),
            global: vec!["env:x".to_owned()],
        };
        let buffer = Buffer::new(Form::LogLine, constant, 64);
        buffer.record(Sort::Custom, &parts, 1.0, 1).unwrap();
        buffer.record(Sort::Complete, &parts, 1.0, 1).unwrap();
        let text = text(&drained(&buffer));
        let lists: Vec<&str> = text
            .lines()
            .map(|l| l.split_once("\"t\":").unwrap().1.trim_end_matches('}'))
            .collect();
        assert_eq!(lists, [expected, r#"["a:b","a:b"]"#]);
    }
}

#[test]
fn a_full_shard_says_so_and_takes_again_after_a_drain() {
    let buffer = buffer(Form::Datagram, 4 * 16);
    let record = || buffer.record(Sort::Custom, &["m"], 1.0, 1).unwrap();
    let pushes: Vec<Push> = (0..17).map(|_| record()).collect();
    assert_eq!(pushes[7], Push::HalfFull);
    assert_eq!(pushes[15], Push::Taken);
    assert_eq!(pushes[16], Push::Full);
    assert_eq!((buffer.pending(), buffer.taken()), (16, 16));
    let mut bodies = Bodies::new(Form::Datagram);
    buffer.drain_mine(&mut bodies);
    assert_eq!(record(), Push::Taken);
}

#[test]
fn ever_new_contexts_ask_for_a_drain_and_are_forgotten_by_it() {
    let buffer = buffer(Form::LogLine, 1 << 20);
    let mut points = 0;
    for i in 0..3 * shard::CONTEXTS_MAX {
        let parts = ["m".to_owned(), format!("request:{i}")];
        let mut push = buffer.record(Sort::Custom, &parts, 1.0, 1).unwrap();
        if push == Push::Full {
            let bodies = drained(&buffer);
            points += bodies.iter().map(|b| b.points).sum::<u64>();
            push = buffer.record(Sort::Custom, &parts, 1.0, 1).unwrap();
        }
        assert_eq!(push, Push::Taken);
    }
    let last = drained(&buffer);
    assert!(text(&last).contains(&format!("request:{}", 3 * shard::CONTEXTS_MAX - 1)));
    points += last.iter().map(|b| b.points).sum::<u64>();
    assert_eq!(points, 3 * shard::CONTEXTS_MAX as u64);
}

#[test]
fn held_ids_outlive_drains_crowds_and_forks() {
    let buffer = buffer(Form::LogLine, 1 << 16);
    let id = buffer.hold(&["held", "k:v"]).unwrap();
    assert_eq!(buffer.hold(&["held", "k:v"]), Ok(id));
    assert_ne!(buffer.hold(&["held", "k:w"]), Ok(id));
    for round in 0..3 {
        buffer.record_held(id, f64::from(round), 1).unwrap();
        for i in 0..shard::CONTEXTS_MAX {
            let _ = buffer.record(
                Sort::Custom,
                &["m".to_owned(), format!("{round}.{i}")],
                1.0,
                1,
            );
        }
        assert!(text(&drained(&buffer)).starts_with("{\"m\":\"held\""));
    }
    let child = buffer.for_child(1 << 16);
    child.record_held(id, 7.0, 1).unwrap();
    assert!(text(&drained(&child)).contains("\"m\":\"held\",\"v\":7"));
    assert_eq!(
        buffer.record_held(99, 1.0, 1),
        Err(RecordError::StaleContext)
    );
    assert_eq!(
        buffer.record_held(u64::MAX, 1.0, 1),
        Err(RecordError::StaleContext)
    );
}

#[test]
fn names_are_checked_and_bytes_mended() {
    let buffer = buffer(Form::LogLine, 64);
    let record = |parts: &[&[u8]]| buffer.record(Sort::Custom, parts, 1.0, 1);
    assert_eq!(record(&[]), Err(RecordError::InvalidName));
    assert_eq!(record(&[b""]), Err(RecordError::InvalidName));
    assert_eq!(record(&[&[b'n'; 513]]), Err(RecordError::InvalidName));
    assert_eq!(record(&[b"n", &[b't'; 513]]), Err(RecordError::InvalidName));
    let tags: Vec<&[u8]> = std::iter::once(&b"n"[..])
        .chain((0..200).map(|_| &[b't'; 512][..]))
        .collect();
    assert_eq!(record(&tags), Err(RecordError::InvalidName));
    assert_eq!(record(&[b"n\xff", b"t\xfe"]), Ok(Push::Taken));
    assert_eq!(buffer.mended(), 2);
    assert!(text(&drained(&buffer)).contains("\"m\":\"n\u{fffd}\""));
}

/// The same bytes cut at other places are another context.
#[test]
fn parts_are_told_apart_by_where_they_end() {
    let buffer = buffer(Form::LogLine, 64);
    for parts in [&["ab", "c"][..], &["a", "bc"], &["a", "b", "c"], &["abc"]] {
        buffer.record(Sort::Custom, parts, 1.0, 1).unwrap();
    }
    let text = text(&drained(&buffer));
    let lines: std::collections::BTreeSet<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
}

#[test]
fn datagrams_keep_their_size_and_lose_their_last_line_feed() {
    let buffer = buffer(Form::Datagram, 1 << 14);
    for i in 0..500 {
        buffer
            .record(
                Sort::Custom,
                &["some.metric", "tag:value"],
                f64::from(i),
                1_700_000_000,
            )
            .unwrap();
    }
    let long: Vec<String> = (0..20).map(|i| format!("{i:0>500}")).collect();
    let parts: Vec<&str> = std::iter::once("long")
        .chain(long.iter().map(String::as_str))
        .collect();
    buffer.record(Sort::Custom, &parts[..4], 1.0, 1).unwrap();
    buffer.record(Sort::Custom, &parts, 1.0, 1).unwrap();
    let mut bodies = Bodies::new(Form::Datagram);
    buffer.drain(&mut bodies);
    assert_eq!((bodies.points, bodies.too_long), (502, 1));
    let bodies = bodies.finish();
    assert_eq!(bodies.iter().map(|b| b.points).sum::<u64>(), 501);
    let last = bodies.len() - 1;
    for (i, body) in bodies.iter().enumerate() {
        assert!(body.bytes.len() <= 1432 || (i == last && body.points == 1));
        assert!(!body.bytes.ends_with(b"\n"));
        let lines = body.bytes.split(|b| *b == b'\n').count() as u64;
        assert_eq!(lines, body.points);
    }
    assert!(bodies[0].bytes.len() > 1300);
}

fn decode(body: &Body) -> distribution_points::DistributionPayload {
    let limits = DecodeLimits::default();
    let json = decompress("deflate", &body.bytes, 1 << 24).unwrap();
    distribution_points::decode(&json, &limits).unwrap()
}

// With each point's own second.
#[test]
fn distribution_points_are_grouped_by_series_and_second() {
    let constant = ConstantTags {
        layer: "dd_lambda_layer:datadog-python311_8.127.0".to_owned(),
        place: LayerTag::Last,
        before: Vec::new(),
        global: vec!["team:x".to_owned(), "env:prod".to_owned()],
    };
    let buffer = Buffer::new(Form::DistributionPoints, constant, 64);
    let record = |parts: &[&str], value, unix_s| {
        buffer.record(Sort::Custom, parts, value, unix_s).unwrap();
    };
    record(&["a.b", "z:1", "y:2"], 1.0, 1_700_000_003);
    record(&["a.b", "y:2", "z:1"], 2.0, 1_700_000_009);
    record(&["a.b", "z:1", "y:2"], 2.5, 1_700_000_003);
    record(&["a.b", "y:2"], 3.0, 1_700_000_010);
    let bodies = drained(&buffer);
    assert_eq!(bodies.len(), 1);
    assert_eq!(bodies[0].points, 4);
    let payload = decode(&bodies[0]);
    assert_eq!(payload.series.len(), 2);
    let first = &payload.series[0];
    assert_eq!(first.metric, "a.b");
    assert_eq!(
        first.tags,
        [
            "z:1",
            "y:2",
            "dd_lambda_layer:datadog-python311_8.127.0",
            "team:x",
            "env:prod"
        ]
    );
    let points: Vec<_> = first
        .points
        .iter()
        .map(|p| (p.timestamp, &p.values[..]))
        .collect();
    assert_eq!(
        points,
        [(1_700_000_003, &[1.0, 2.5][..]), (1_700_000_009, &[2.0])]
    );
    assert_eq!(payload.series[1].points[0].values, [3.0]);
}

#[test]
fn large_bodies_of_json_are_cut_and_nothing_is_missing() {
    let buffer = buffer(Form::DistributionPoints, 4 * 300_000);
    for i in 0..200_000 {
        let parts = ["m", ["a", "b", "c"][i % 3]];
        buffer
            .record(Sort::Custom, &parts, i as f64 + 0.125, (i / 50_000) as i64)
            .unwrap();
    }
    let bodies = drained(&buffer);
    assert!(bodies.len() > 2);
    let mut values = 0.0;
    let mut points = 0;
    for body in &bodies {
        let payload = decode(body);
        let of_body: Vec<f64> = payload
            .series
            .iter()
            .flat_map(|s| s.points.iter().flat_map(|p| p.values.clone()))
            .collect();
        assert_eq!(of_body.len() as u64, body.points);
        points += of_body.len();
        values += of_body.iter().map(|v| v - 0.125).sum::<f64>();
    }
    assert_eq!(points, 200_000);
    assert_eq!(values, (0..200_000).sum::<u64>() as f64);
}

#[test]
fn threads_lose_nothing_to_drains_under_way() {
    let buffer = buffer(Form::LogLine, 4096);
    let sent: u64 = std::thread::scope(|scope| {
        let recorders: Vec<_> = (0..6)
            .map(|t| {
                let buffer = &buffer;
                scope.spawn(move || {
                    let mut spilled = 0;
                    for i in 0..20_000 {
                        let parts = ["m".to_owned(), format!("t:{}", (t * 7 + i) % 50)];
                        while buffer.record(Sort::Custom, &parts, 1.0, 1).unwrap() == Push::Full {
                            let mut bodies = Bodies::new(Form::LogLine);
                            buffer.drain_mine(&mut bodies);
                            spilled += bodies.finish().iter().map(|b| b.points).sum::<u64>();
                        }
                    }
                    spilled
                })
            })
            .collect();
        let mut drained_points = 0;
        for _ in 0..200 {
            drained_points += drained(&buffer).iter().map(|b| b.points).sum::<u64>();
        }
        recorders
            .into_iter()
            .map(|r| r.join().unwrap())
            .sum::<u64>()
            + drained_points
    });
    let rest: u64 = drained(&buffer).iter().map(|b| b.points).sum();
    assert_eq!(sent + rest, 120_000);
    assert_eq!(buffer.taken(), 120_000);
}

proptest! {
    /// Whatever is recorded, in whatever order, with drains in between: the lines are the points.
    #[test]
    fn lines_are_points(
        steps in proptest::collection::vec((0..12u8, -1e6..1e6f64, 0i64..100, proptest::bool::weighted(0.1)), 1..300)
    ) {
        let buffer = buffer(Form::LogLine, 64);
        let mut expected = BTreeMap::new();
        let mut found = BTreeMap::new();
        let mut collect = |bodies: Vec<Body>| {
            for line in text(&bodies).lines() {
                let metric = log_line::parse(line.as_bytes()).unwrap();
                let key = (metric.name.into_owned(), metric.tags[0].to_string(), metric.value.to_bits(), metric.unix_s);
                *found.entry(key).or_insert(0) += 1;
            }
        };
        for (context, value, unix_s, drain) in steps {
            let parts = [format!("m{}", context % 3), format!("t:{context}")];
            while buffer.record(Sort::Custom, &parts, value, unix_s).unwrap() == Push::Full {
                collect(drained(&buffer));
            }
            *expected.entry((parts[0].clone(), parts[1].clone(), value.to_bits(), unix_s)).or_insert(0) += 1;
            if drain {
                collect(drained(&buffer));
            }
        }
        collect(drained(&buffer));
        prop_assert_eq!(found, expected);
    }
}
