//! The recorded Agent sketches: bins in both profiles, summaries and quantiles, bit for bit.

use ddsketch_agent::{InsertError, Profile, Sketch, Summary, key};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    quantile_points: Vec<f64>,
    keys: Vec<KeyRow>,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct KeyRow {
    bits: Bits,
    key: i16,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    ops: Vec<Op>,
    expected: Expected,
    expected_u32: Option<ExpectedBins>,
}

#[derive(Deserialize)]
struct Expected {
    count: u64,
    min_bits: Bits,
    max_bits: Bits,
    sum_bits: Bits,
    avg_bits: Bits,
    #[serde(flatten)]
    bins: ExpectedBins,
}

#[derive(Deserialize)]
struct ExpectedBins {
    k: Vec<i16>,
    n: Vec<u32>,
    quantiles: Vec<Number>,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    Insert {
        values_bits: Vec<Bits>,
    },
    Repeat {
        value_bits: Bits,
        times: u64,
    },
    Linear {
        from: i64,
        to: i64,
        step: i64,
        scale_bits: Bits,
        offset_bits: Bits,
    },
    Uniform {
        seed: u64,
        count: u64,
        lo_bits: Bits,
        hi_bits: Bits,
    },
    Bits {
        seed: u64,
        count: u64,
        emin: u64,
        emax: u64,
        signed: bool,
    },
    Weighted {
        value_bits: Bits,
        n: u64,
    },
    Sampled {
        value_bits: Bits,
        rate_bits: Bits,
        times: u64,
    },
    Interpolate {
        lower_bits: Bits,
        upper_bits: Bits,
        count: u64,
    },
    Merge {
        ops: Vec<Op>,
    },
}

/// Sixteen hexadecimal digits.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Bits(f64);

impl TryFrom<String> for Bits {
    type Error = std::num::ParseIntError;

    fn try_from(digits: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&digits, 16).map(|bits| Bits(f64::from_bits(bits)))
    }
}

/// A decimal, or one of the names the file has for what JSON cannot write.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Named(#[serde(deserialize_with = "named")] f64),
}

fn named<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    String::deserialize(from)?
        .parse()
        .map_err(serde::de::Error::custom)
}

fn file() -> File {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/vectors/agent-sketch-vectors.json"
    );
    let text = std::fs::read_to_string(path).expect("the vectors are part of the repository");
    serde_json::from_str(&text).expect("the vectors have the form declared here")
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The values of an operation that inserts plain values.
fn plain_values(op: &Op) -> Option<Vec<f64>> {
    Some(match op {
        Op::Insert { values_bits } => values_bits.iter().map(|b| b.0).collect(),
        Op::Repeat { value_bits, times } => vec![value_bits.0; *times as usize],
        Op::Linear {
            from,
            to,
            step,
            scale_bits,
            offset_bits,
        } => {
            let mut values = Vec::new();
            let mut i = *from;
            while if *step > 0 { i <= *to } else { i >= *to } {
                values.push(i as f64 * scale_bits.0 + offset_bits.0);
                i += step;
            }
            values
        }
        Op::Uniform {
            seed,
            count,
            lo_bits: Bits(lo),
            hi_bits: Bits(hi),
        } => {
            let mut state = *seed;
            let unit = |x: u64| (x >> 11) as f64 / (1u64 << 53) as f64;
            (0..*count)
                .map(|_| lo + (hi - lo) * unit(split_mix(&mut state)))
                .collect()
        }
        Op::Bits {
            seed,
            count,
            emin,
            emax,
            signed,
        } => {
            let mut state = *seed;
            let value = |x: u64| {
                let exponent = emin + ((x >> 52) & 0x7ff) % (emax - emin + 1);
                let sign = if *signed { x & (1 << 63) } else { 0 };
                f64::from_bits((x & ((1 << 52) - 1)) | (exponent << 52) | sign)
            };
            (0..*count).map(|_| value(split_mix(&mut state))).collect()
        }
        _ => return None,
    })
}

/// How plain values get in.
#[derive(Clone, Copy, Debug)]
enum Mode {
    OneByOne,
    Many,
    /// Slices of this length.
    Slices(usize),
}

/// Runs `ops`; gives the number of values refused as not finite.
fn run(sketch: &mut Sketch, ops: &[Op], mode: Mode) -> usize {
    let mut refused = 0;
    for op in ops {
        if let Some(values) = plain_values(op) {
            refused += match mode {
                Mode::OneByOne => values
                    .iter()
                    .filter(|v| sketch.insert(**v) == Err(InsertError::NotFinite))
                    .count(),
                Mode::Many => sketch.insert_many(&values),
                Mode::Slices(len) => values
                    .chunks(len)
                    .map(|part| sketch.insert_many(part))
                    .sum(),
            };
            continue;
        }
        match op {
            Op::Weighted { value_bits, n } => sketch.insert_n(value_bits.0, *n),
            Op::Sampled {
                value_bits,
                rate_bits,
                times,
            } => (0..*times).try_for_each(|_| sketch.insert_sampled(value_bits.0, rate_bits.0)),
            Op::Interpolate {
                lower_bits,
                upper_bits,
                count,
            } => sketch.insert_interpolated(lower_bits.0, upper_bits.0, *count),
            Op::Merge { ops } => {
                let mut other = Sketch::new();
                refused += run(&mut other, ops, mode);
                sketch.merge(&other);
                Ok(())
            }
            _ => unreachable!("all others are plain"),
        }
        .expect("the vectors' arguments are valid");
    }
    refused
}

fn assert_same(what: &str, found: f64, expected: f64) {
    let same = found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
    assert!(same, "{what}: {found:?} instead of {expected:?}");
}

fn assert_summary(name: &str, found: &Summary, expected: &Expected) {
    assert_eq!(found.count, expected.count, "{name}: count");
    assert_same(&format!("{name}: min"), found.min, expected.min_bits.0);
    assert_same(&format!("{name}: max"), found.max, expected.max_bits.0);
    assert_same(&format!("{name}: sum"), found.sum, expected.sum_bits.0);
    assert_same(&format!("{name}: avg"), found.avg, expected.avg_bits.0);
}

fn assert_quantiles(
    name: &str,
    points: &[f64],
    expected: &ExpectedBins,
    quantile: impl Fn(f64) -> Option<f64>,
) {
    assert_eq!(points.len(), expected.quantiles.len());
    for (q, expected) in points.iter().zip(&expected.quantiles) {
        let (Number::Finite(expected) | Number::Named(expected)) = *expected;
        let found = quantile(*q).expect("the vectors have values");
        assert_same(&format!("{name}: quantile {q}"), found, expected);
    }
}

fn assert_vectors(mode: Mode) {
    let file = file();
    assert_eq!(file.vectors.len(), 118);
    let mut refusing = 0;
    for vector in &file.vectors {
        let (name, expected) = (&vector.name, &vector.expected);
        let mut sketch = Sketch::new();
        if run(&mut sketch, &vector.ops, mode) > 0 {
            // Three vectors show what the Agent's code would do with values it never lets in.
            assert!(name.starts_with("nonfinite_"), "{name}");
            assert!(sketch.summary().sum.is_finite());
            refusing += 1;
            continue;
        }
        assert_summary(name, &sketch.summary(), expected);

        let bins = sketch.bins(Profile::U16);
        assert!(
            bins.keys == expected.bins.k && bins.counts == expected.bins.n,
            "{name}"
        );
        assert_quantiles(name, &file.quantile_points, &expected.bins, |q| {
            sketch.quantile_agent(q)
        });

        let expected_u32 = vector.expected_u32.as_ref().unwrap_or(&expected.bins);
        let bins = sketch.bins(Profile::U32);
        assert!(
            bins.keys == expected_u32.k && bins.counts == expected_u32.n,
            "{name}, u32"
        );
        let borrowed = bins.with_summary(sketch.summary());
        assert_quantiles(name, &file.quantile_points, expected_u32, |q| {
            borrowed.quantile_agent(q)
        });
        for q in &file.quantile_points {
            assert_eq!(borrowed.quantile(*q), sketch.quantile(*q), "{name}");
        }
    }
    assert_eq!(refusing, 3);
}

#[test]
fn sketches_filled_value_by_value_are_the_agents() {
    assert_vectors(Mode::OneByOne);
}

#[test]
fn sketches_filled_in_slices_are_the_agents() {
    assert_vectors(Mode::Many);
    for len in [7, 511, 1000] {
        assert_vectors(Mode::Slices(len));
    }
}

#[test]
fn bins_of_an_agent_survive_the_way_in_and_out() {
    for vector in file().vectors {
        let (name, bins) = (vector.name, vector.expected.bins);
        let given = bins.k.iter().zip(&bins.n).map(|(k, n)| (*k, u64::from(*n)));
        let sketch = Sketch::from_bins(Summary::default(), given).expect("ascending keys");
        let back = sketch.bins(Profile::U16);
        assert!(back.keys == bins.k && back.counts == bins.n, "{name}");
    }
}

#[test]
fn a_summary_takes_any_double_as_the_agents_does() {
    for vector in file().vectors {
        if vector.ops.iter().any(|op| plain_values(op).is_none()) {
            continue;
        }
        let mut summary = Summary::default();
        for op in &vector.ops {
            summary.insert_many(&plain_values(op).unwrap_or_default());
        }
        assert_summary(&vector.name, &summary, &vector.expected);
    }
}

#[test]
fn listed_keys_are_the_agents() {
    let rows = file().keys;
    assert_eq!(rows.len(), 420);
    let finite = rows.iter().filter(|row| row.bits.0.is_finite());
    // The others are infinities and a NaN, whose keys in the Agent depend on the platform.
    assert_eq!(finite.clone().count(), 417);
    for KeyRow {
        bits,
        key: expected,
    } in finite
    {
        assert_eq!(key::key(bits.0), *expected, "{:?}", bits.0);
    }
}
