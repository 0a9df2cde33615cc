//! Canonical DDSketch bytes: against the published libraries, there and back, and under attack.

use std::collections::HashMap;

use ddsketch_agent::canonical::{Bounds, DdSketch, Kind, Mapping, Policy, Store};
use pointmill_wire::DecodeLimits;
use pointmill_wire::canonical::compact::{self, EncodeOptions};
use pointmill_wire::canonical::{DecodeOptions, Layout, proto};
use pointmill_wire::decode::Cause;
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    input_sets: HashMap<String, serde_json::Value>,
    go_mappings: Vec<MappingRow>,
    go_sketches: Vec<SketchRow>,
    js_sketches: Vec<SketchRow>,
    libdd_ddsketch_1_1_4: Vec<SketchRow>,
}

#[derive(Deserialize)]
struct MappingRow {
    kind: String,
    /// Absent for the Agent's mapping.
    relative_accuracy: Option<f64>,
    interpolation: u64,
    gamma: f64,
    index_offset: f64,
}

#[derive(Deserialize)]
struct SketchRow {
    name: String,
    #[serde(default)]
    mapping: String,
    #[serde(default)]
    store: String,
    zero_count: f64,
    positive: Vec<(i32, f64)>,
    #[serde(default)]
    negative: Vec<(i32, f64)>,
    #[serde(default)]
    encoded_hex: String,
    #[serde(default)]
    encoded_exact_summary_hex: String,
    #[serde(default)]
    proto_b64: Option<String>,
}

fn vectors() -> Vectors {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/vectors/canonical-sketch-vectors.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).expect(path)).expect(path)
}

impl Vectors {
    /// Two of the input sets are described in words only.
    fn inputs(&self, name: &str) -> Vec<f64> {
        match name {
            "one_to_100" => (1..=100).map(f64::from).collect(),
            "one_to_1000_scaled" => (1..=1000).map(|i| f64::from(i) * 0.37).collect(),
            _ => serde_json::from_value(self.input_sets[name].clone()).expect(name),
        }
    }

    /// The mapping of a Go sketch, gamma and offset to Go's last bit; all have accuracy 0.01.
    fn go_mapping(&self, kind: &str) -> Mapping {
        let row = self
            .go_mappings
            .iter()
            .find(|row| row.kind == kind && matches!(row.relative_accuracy, None | Some(0.01)))
            .expect(kind);
        let kind = match row.interpolation {
            0 => Kind::Logarithmic,
            1 => Kind::Linear,
            3 => Kind::Cubic,
            other => panic!("no such interpolation: {other}"),
        };
        Mapping::new(kind, Bounds::LowerInclusive, row.gamma, row.index_offset).unwrap()
    }

    /// The sketch of a Go row, with exact summary, and the layout of its store.
    fn go_sketch(&self, row: &SketchRow) -> (DdSketch, Layout) {
        let (policy, layout) = match row.store.as_str() {
            "dense" => (Policy::Unbounded, Layout::Contiguous),
            "buffered_paginated" => (Policy::Unbounded, Layout::Paginated),
            "collapsing_lowest_128" => (Policy::CollapsingLowest(128), Layout::Contiguous),
            "collapsing_highest_128" => (Policy::CollapsingHighest(128), Layout::Contiguous),
            other => panic!("no such store: {other}"),
        };
        let mut sketch = DdSketch::with_exact_summary(self.go_mapping(&row.mapping), policy);
        for value in self.inputs(&row.name) {
            sketch.add(value).unwrap();
        }
        (sketch, layout)
    }
}

fn without_summary(sketch: &DdSketch) -> DdSketch {
    DdSketch::from_parts(
        *sketch.mapping(),
        sketch.positive().clone(),
        sketch.negative().clone(),
        sketch.zero_count(),
        None,
    )
    .unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    let digits = |i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(digits).collect()
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    let (mut bits, mut held) = (0u32, 0);
    for digit in text.bytes().take_while(|&byte| byte != b'=') {
        bits = bits << 6 | DIGITS.find(digit as char).expect("base64") as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out
}

fn encode_proto(sketch: &DdSketch, layout: Layout) -> Vec<u8> {
    let mut out = Vec::new();
    proto::encode(sketch, layout, &mut out).unwrap();
    out
}

fn encode_compact(sketch: &DdSketch, layout: Layout, with_summary: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let options = EncodeOptions {
        layout,
        with_summary,
        ..EncodeOptions::default()
    };
    compact::encode(sketch, &options, &mut out);
    out
}

#[test]
fn bytes_are_those_of_go() {
    let vectors = vectors();
    assert_eq!(vectors.go_sketches.len(), 104);
    let mut messages = 0;
    for row in &vectors.go_sketches {
        let what = (&row.name, &row.mapping, &row.store);
        let (sketch, layout) = vectors.go_sketch(row);
        // The file leaves out the longest messages. Not assert_eq: thousands of bytes.
        if let Some(text) = &row.proto_b64 {
            assert!(encode_proto(&sketch, layout) == base64(text), "{what:?}");
            messages += 1;
        }
        let plain = encode_compact(&sketch, layout, false);
        assert!(plain == hex(&row.encoded_hex), "{what:?}");
        let exact = encode_compact(&sketch, layout, true);
        assert!(exact == hex(&row.encoded_exact_summary_hex), "{what:?}");
    }
    assert_eq!(messages, 95);
}

#[test]
fn bytes_of_go_read_back() {
    let vectors = vectors();
    let options = DecodeOptions::default();
    for row in &vectors.go_sketches {
        let what = (&row.name, &row.mapping, &row.store);
        let (sketch, _) = vectors.go_sketch(row);
        let plain = without_summary(&sketch);
        if let Some(text) = &row.proto_b64 {
            assert!(
                proto::decode(&base64(text), &options).unwrap() == plain,
                "{what:?}"
            );
        }
        let bytes = hex(&row.encoded_hex);
        assert!(
            compact::decode(&bytes, None, &options).unwrap() == plain,
            "{what:?}"
        );
        let read = compact::decode(&hex(&row.encoded_exact_summary_hex), None, &options).unwrap();
        assert!(without_summary(&read) == plain, "{what:?}");
        let (ours, theirs) = (
            read.exact_summary().unwrap(),
            sketch.exact_summary().unwrap(),
        );
        assert_eq!(
            (ours.count, ours.sum, ours.min, ours.max),
            (theirs.count, theirs.sum, theirs.min, theirs.max),
            "{what:?}"
        );
    }
}

#[test]
fn protobuf_of_javascript_and_libdd_reads() {
    let vectors = vectors();
    let mut read = 0;
    for (rows, bounds) in [
        (&vectors.js_sketches, Bounds::UpperInclusive),
        (&vectors.libdd_ddsketch_1_1_4, Bounds::LowerInclusive),
    ] {
        // The file leaves out the longest messages.
        for row in rows {
            let Some(text) = &row.proto_b64 else { continue };
            let options = DecodeOptions {
                bounds,
                ..DecodeOptions::default()
            };
            let sketch = proto::decode(&base64(text), &options).unwrap();
            let bins = |store: &Store| store.iter().collect::<Vec<_>>();
            assert_eq!(bins(sketch.positive()), row.positive, "{}", row.name);
            assert_eq!(bins(sketch.negative()), row.negative, "{}", row.name);
            assert_eq!(sketch.zero_count(), row.zero_count, "{}", row.name);
            let expected = match bounds {
                Bounds::UpperInclusive => {
                    Mapping::upper_inclusive(Kind::Logarithmic, 0.01).unwrap()
                }
                Bounds::LowerInclusive => Mapping::agent(),
            };
            assert_eq!(*sketch.mapping(), expected);
            read += 1;
        }
    }
    assert_eq!(read, 13);
}

#[test]
fn an_upper_inclusive_sketch_reads_the_same_after_both_formats() {
    let mapping = Mapping::upper_inclusive(Kind::Cubic, 0.02).unwrap();
    let mut sketch = DdSketch::new(mapping, Policy::Unbounded);
    for i in -50..200 {
        sketch.add(f64::from(i) * 0.7).unwrap();
    }
    let upper = DecodeOptions {
        bounds: Bounds::UpperInclusive,
        ..DecodeOptions::default()
    };
    let bytes = encode_proto(&sketch, Layout::Contiguous);
    assert_eq!(proto::decode(&bytes, &upper).unwrap(), sketch);
    let bytes = encode_compact(&sketch, Layout::Paginated, false);
    let twin = compact::decode(&bytes, None, &upper).unwrap();
    assert_eq!(twin.mapping().bounds(), Bounds::LowerInclusive);
    for percent in 25..=100 {
        let q = f64::from(percent) / 100.0;
        let (a, b) = (sketch.quantile(q).unwrap(), twin.quantile(q).unwrap());
        // The same bins; "value" is a slightly different point of one in either family.
        assert!((a - b).abs() <= 0.01 * a, "{q}: {a} {b}");
    }
}

#[test]
fn a_quartic_mapping_has_no_protobuf_but_a_compact_form() {
    let mapping = Mapping::with_accuracy(Kind::Quartic, 0.01).unwrap();
    let mut sketch = DdSketch::new(mapping, Policy::Unbounded);
    sketch.add(3.0).unwrap();
    let mut out = vec![7];
    let error = proto::encode(&sketch, Layout::Contiguous, &mut out).unwrap_err();
    assert_eq!(
        error.to_string(),
        "protobuf cannot name a Quartic mapping; use the compact format or remap"
    );
    assert_eq!(out, [7]);
    let bytes = encode_compact(&sketch, Layout::Contiguous, false);
    assert_eq!(
        compact::decode(&bytes, None, &DecodeOptions::default()).unwrap(),
        sketch
    );
}

#[test]
fn a_mapping_left_out_must_be_known() {
    let mapping = Mapping::with_accuracy(Kind::Cubic, 0.01).unwrap();
    let mut sketch = DdSketch::new(mapping, Policy::Unbounded);
    sketch.add(3.0).unwrap();
    let mut bytes = Vec::new();
    let options = EncodeOptions {
        with_mapping: false,
        ..EncodeOptions::default()
    };
    compact::encode(&sketch, &options, &mut bytes);
    let read = DecodeOptions::default();
    assert_eq!(
        compact::decode(&bytes, Some(&mapping), &read).unwrap(),
        sketch
    );
    let error = compact::decode(&bytes, None, &read).unwrap_err();
    assert_eq!((error.offset, error.field), (bytes.len(), "mapping"));
    // One that differs from what the bytes say.
    let bytes = encode_compact(&sketch, Layout::Contiguous, false);
    let error = compact::decode(&bytes, Some(&Mapping::agent()), &read).unwrap_err();
    assert_eq!((error.offset, error.field), (1, "mapping"));
}

#[test]
fn blocks_and_fields_in_any_order_add_up() {
    let options = DecodeOptions::default();
    let mapping = Mapping::agent();
    let sketch = |bins: &[(i32, f64)], zeros| {
        let mut store = Store::new(Policy::Unbounded);
        for &(index, count) in bins {
            store.add(index, count).unwrap();
        }
        let negative = Store::new(Policy::Unbounded);
        DdSketch::from_parts(mapping, store, negative, zeros, None).unwrap()
    };
    let (a, b) = (
        sketch(&[(3, 1.0), (4, 7.0)], 2.0),
        sketch(&[(-9, 2.0), (4, 1.0)], 3.0),
    );
    let both = sketch(&[(3, 1.0), (4, 8.0), (-9, 2.0)], 5.0);
    let mut bytes = encode_compact(&a, Layout::Contiguous, false);
    bytes.extend(encode_compact(&b, Layout::Paginated, false));
    assert_eq!(compact::decode(&bytes, None, &options).unwrap(), both);

    // Store { 3: offset 2 (zigzag 4), after 2: one packed count and 1: an entry for the same bin }
    let one = 1f64.to_le_bytes();
    let mut store = vec![0x12, 8];
    store.extend(one);
    store.extend([0x0a, 11, 0x08, 4, 0x11]);
    store.extend(one);
    store.extend([0x18, 4]);
    // An unpacked count goes behind the packed one: bin 3.
    store.push(0x11);
    store.extend(one);
    let mut bytes = vec![0x12, store.len() as u8];
    bytes.extend(store);
    bytes.extend(encode_proto(&sketch(&[], 0.0), Layout::Contiguous));
    let read = proto::decode(&bytes, &options).unwrap();
    assert_eq!(read, sketch(&[(2, 2.0), (3, 1.0)], 0.0));
}

#[test]
fn an_empty_summary_takes_no_bytes() {
    let mut sketch = DdSketch::with_exact_summary(Mapping::agent(), Policy::Unbounded);
    let empty = encode_compact(&sketch, Layout::Contiguous, true);
    assert_eq!(empty, hex("02000000000040f03f0000000000ea9440"));
    // Nor does a sum of 0: count, min and max are here.
    sketch.add(-1.0).unwrap();
    sketch.add(1.0).unwrap();
    let bytes = encode_compact(&sketch, Layout::Contiguous, true);
    assert!(
        bytes.starts_with(&hex("a00388000000000000f0bf8c000000000000f03f02")),
        "{bytes:x?}"
    );
    let read = compact::decode(&bytes, None, &DecodeOptions::default()).unwrap();
    assert_eq!(read, sketch);
}

/// What the readers refuse, and where.
#[test]
fn damage_is_located() {
    let options = DecodeOptions::default();
    let compact = |text: &str| {
        compact::decode(&hex(text), None, &options)
            .unwrap_err()
            .to_string()
    };
    let agent = "02000000000040f03f0000000000ea9440";
    assert_eq!(
        compact("01"),
        "at byte 0, flag: unknown flag; its block's length cannot be known"
    );
    assert_eq!(
        compact(&format!("{agent}0580")),
        "at byte 19, number of bins: 1 bytes needed, 0 left; the input was cut short"
    );
    // 2⁶⁴ − 1 bins.
    assert_eq!(
        compact(&format!("{agent}09ffffffffffffffffff")),
        "at byte 18, number of bins: more than bins_max = 4194304; raise the limit or split the input"
    );
    // Index 2³¹, one past the last.
    assert_eq!(
        compact(&format!("{agent}09018080808010")),
        "at byte 19, bin index: the bin's index exceeds 32 bits"
    );
    assert_eq!(
        compact("02000000000000f03f0000000000000000"),
        "at byte 1, mapping: gamma must be a finite number above 1"
    );

    let proto = |text: &str| proto::decode(&hex(text), &options).unwrap_err().to_string();
    assert_eq!(
        proto(""),
        "at byte 0, DDSketch.mapping: the mapping is missing; a sketch needs one"
    );
    assert_eq!(
        proto("0a0218037f"),
        "at byte 4: wire type 7 does not exist; not a protobuf message"
    );
    assert_eq!(
        proto("0a021804"),
        "at byte 2, DDSketch.mapping: the interpolation must be 0 to 3"
    );
    // A count of −1.
    assert_eq!(
        proto("12 0a 1208 000000000000f0bf".replace(' ', "").as_str()),
        "at byte 4, Store.contiguousBinCounts: a count must not be negative, and all together must \
         be finite"
    );
    assert_eq!(
        proto("0d00000000"),
        "at byte 0, DDSketch.mapping: wire type Fixed32 where Bytes belongs; check the schema"
    );
}

#[test]
fn limits_hold_whatever_the_input_claims() {
    let limits = DecodeLimits {
        bytes_max: 100,
        items_max: 0,
        bins_max: 3,
    };
    let options = DecodeOptions {
        limits,
        ..DecodeOptions::default()
    };
    let mut sketch = DdSketch::new(Mapping::agent(), Policy::Unbounded);
    for index in 0..4 {
        for layout in [Layout::Contiguous, Layout::Paginated] {
            let results = [
                proto::decode(&encode_proto(&sketch, layout), &options),
                compact::decode(&encode_compact(&sketch, layout, false), None, &options),
            ];
            for result in results {
                assert_eq!(result.unwrap(), sketch);
            }
        }
        // One more bin, next to the last.
        sketch.add(Mapping::agent().gamma().powi(index)).unwrap();
    }
    for bytes in [
        encode_proto(&sketch, Layout::Contiguous),
        encode_proto(&sketch, Layout::Paginated),
    ] {
        let error = proto::decode(&bytes, &options).unwrap_err();
        assert_eq!(
            error.cause,
            Cause::Limit {
                name: "bins_max",
                limit: 3
            }
        );
    }
    let bytes = encode_compact(&sketch, Layout::Contiguous, false);
    let error = compact::decode(&bytes, None, &options).unwrap_err();
    assert_eq!(
        error.cause,
        Cause::Limit {
            name: "bins_max",
            limit: 3
        }
    );
    let error = proto::decode(&[0; 101], &options).unwrap_err();
    assert_eq!(
        error.cause,
        Cause::Limit {
            name: "bytes_max",
            limit: 100
        }
    );
    assert!(compact::decode(&[0; 101], None, &options).is_err());
}

#[test]
fn far_apart_indexes_need_no_array_between_them() {
    let mut store = Store::new(Policy::Unbounded);
    store.add(i32::MIN, 1.0).unwrap();
    store.add(i32::MAX, 2.0).unwrap();
    let empty = Store::new(Policy::Unbounded);
    let sketch = DdSketch::from_parts(Mapping::agent(), store, empty, 0.0, None).unwrap();
    for layout in [Layout::Contiguous, Layout::Paginated] {
        let bytes = encode_proto(&sketch, layout);
        assert!(bytes.len() < 100);
        let read = proto::decode(&bytes, &DecodeOptions::default()).unwrap();
        assert!(!read.positive().is_contiguous());
        assert_eq!(read, sketch);
        let bytes = encode_compact(&sketch, layout, false);
        assert!(bytes.len() < 100);
        let read = compact::decode(&bytes, None, &DecodeOptions::default()).unwrap();
        assert_eq!(read, sketch);
    }
}

/// Every kind of block and field once.
fn samples() -> Vec<DdSketch> {
    let mut scattered =
        DdSketch::with_exact_summary(Mapping::agent(), Policy::CollapsingLowest(2048));
    for i in 0..60 {
        scattered.add(f64::from(i % 7) * 1.3 - 3.0).unwrap();
        scattered.add(f64::from(i % 5) * -1.3).unwrap();
    }
    scattered.add_weighted(40.0, 0.3).unwrap();
    let mut close = DdSketch::new(
        Mapping::with_accuracy(Kind::Linear, 0.05).unwrap(),
        Policy::Unbounded,
    );
    for i in 1..60 {
        close.add(f64::from(i)).unwrap();
    }
    vec![scattered, close]
}

#[test]
fn truncation_is_an_error_except_between_blocks() {
    let options = DecodeOptions::default();
    for sketch in samples() {
        for layout in [Layout::Contiguous, Layout::Paginated] {
            let bytes = encode_proto(&sketch, layout);
            let whole = (0..bytes.len())
                .filter(|&cut| match proto::decode(&bytes[..cut], &options) {
                    Ok(_) => true,
                    Err(error) => {
                        assert!(error.offset <= cut, "{error}");
                        false
                    }
                })
                .count();
            // Behind the mapping, the positive and the negative store.
            assert!(whole <= 3, "{whole}");

            let bytes = encode_compact(&sketch, layout, true);
            let whole = (0..bytes.len())
                .filter(
                    |&cut| match compact::decode(&bytes[..cut], None, &options) {
                        Ok(_) => true,
                        Err(error) => {
                            assert!(error.offset <= cut, "{error}");
                            false
                        }
                    },
                )
                .count();
            // Behind the mapping and each of a few blocks of bins.
            assert!(whole <= 6, "{whole}");
        }
    }
}

/// A decoder took it, so everything else must be able to.
fn exercise(sketch: &DdSketch) {
    for q in [0.0, 0.5, 1.0] {
        std::hint::black_box(sketch.quantile(q));
    }
    std::hint::black_box((sketch.sum(), sketch.min(), sketch.max()));
    std::hint::black_box(encode_compact(sketch, Layout::Paginated, true));
    std::hint::black_box(ddsketch_agent::canonical::convert::to_agent(sketch).is_ok());
}

#[test]
fn flipped_bits_never_panic() {
    // Wide spans are what makes a damaged sketch slow to write again.
    let limits = DecodeLimits {
        bins_max: 10_000,
        ..DecodeLimits::default()
    };
    let options = DecodeOptions {
        limits,
        ..DecodeOptions::default()
    };
    for sketch in samples() {
        for layout in [Layout::Contiguous, Layout::Paginated] {
            for (format, bytes) in [
                (0, encode_proto(&sketch, layout)),
                (1, encode_compact(&sketch, layout, true)),
            ] {
                for at in 0..bytes.len() {
                    for bit in 0..8 {
                        let mut bytes = bytes.clone();
                        bytes[at] ^= 1 << bit;
                        let result = match format {
                            0 => proto::decode(&bytes, &options),
                            _ => compact::decode(&bytes, None, &options),
                        };
                        match result {
                            Ok(sketch) if bit == at % 8 => exercise(&sketch),
                            Ok(_) => {}
                            Err(error) => assert!(error.offset <= bytes.len(), "{error}"),
                        }
                    }
                }
            }
        }
    }
}

fn any_mapping() -> impl Strategy<Value = Mapping> {
    let kinds = prop_oneof![
        Just(Kind::Logarithmic),
        Just(Kind::Linear),
        Just(Kind::Quadratic),
        Just(Kind::Cubic)
    ];
    (kinds, 1.0001..3.0f64, -1e4..1e4f64).prop_map(|(kind, gamma, offset)| {
        Mapping::new(kind, Bounds::LowerInclusive, gamma, offset).unwrap()
    })
}

/// Bins near one another, anywhere, or both; counts that the compact format keeps.
fn any_store() -> impl Strategy<Value = Store> {
    let index = prop_oneof![4 => -300..300i32, 1 => any::<i32>()];
    let count = prop_oneof![
        4 => Just(1.0),
        2 => (1..100_000u32).prop_map(f64::from),
        1 => (1..1u64 << 30).prop_map(|n| n as f64 / 1024.0),
    ];
    proptest::collection::vec((index, count), 0..200).prop_map(|bins| {
        let mut store = Store::new(Policy::Unbounded);
        for (index, count) in bins {
            store.add(index, count).unwrap();
        }
        store
    })
}

fn any_sketch() -> impl Strategy<Value = DdSketch> {
    (any_mapping(), any_store(), any_store(), 0..1000u32).prop_map(|(mapping, p, n, zeros)| {
        DdSketch::from_parts(mapping, p, n, zeros.into(), None).unwrap()
    })
}

proptest! {
    #[test]
    fn both_formats_and_layouts_round_trip(sketch in any_sketch()) {
        let options = DecodeOptions::default();
        for layout in [Layout::Contiguous, Layout::Paginated] {
            let read = proto::decode(&encode_proto(&sketch, layout), &options);
            prop_assert_eq!(&read.unwrap(), &sketch);
            let read = compact::decode(&encode_compact(&sketch, layout, true), None, &options);
            prop_assert_eq!(&read.unwrap(), &sketch);
        }
    }

    #[test]
    fn any_bytes_give_a_sketch_or_an_offset(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let limits = DecodeLimits { bins_max: 10_000, ..DecodeLimits::default() };
        let options = DecodeOptions { limits, ..DecodeOptions::default() };
        let known = Mapping::agent();
        for result in [
            proto::decode(&bytes, &options),
            compact::decode(&bytes, Some(&known), &options),
        ] {
            match result {
                Ok(sketch) => exercise(&sketch),
                Err(error) => prop_assert!(error.offset <= bytes.len()),
            }
        }
    }
}
