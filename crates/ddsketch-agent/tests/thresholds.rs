//! Keys and lower bounds against the table recorded from a Go Agent, on both sides of every
//! threshold.

use ddsketch_agent::Sketch;
use ddsketch_agent::key::{RELATIVE_ACCURACY, key, keys, lower_bound};

/// (key, bits of its smallest double, bits of its lower bound)
fn rows() -> Vec<(i16, u64, u64)> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/vectors/agent-key-thresholds.csv"
    );
    let text = std::fs::read_to_string(path).expect("the vectors are part of the repository");
    let hex = |field: &str| u64::from_str_radix(field, 16).expect("16 hex digits");
    text.lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<_> = line.split(',').collect();
            (
                fields[0].parse().expect("a key"),
                hex(fields[1]),
                hex(fields[2]),
            )
        })
        .collect()
}

#[test]
fn every_threshold_switches_the_key_at_the_recorded_double() {
    let rows = rows();
    assert_eq!(rows.len(), 32767);
    for (k, first, _) in rows {
        let (at, below) = (f64::from_bits(first), f64::from_bits(first - 1));
        assert_eq!((key(at), key(below)), (k, k - 1), "threshold of key {k}");
        assert_eq!(
            (key(-at), key(-below)),
            (-k, 1 - k),
            "threshold of key -{k}"
        );
    }
}

#[test]
fn batches_give_the_keys_of_single_calls() {
    let values: Vec<f64> = rows()
        .iter()
        .flat_map(|(_, first, lower)| [*first, first - 1, first | 1 << 63, *lower])
        .chain([
            0,
            1,
            1 << 63,
            f64::MAX.to_bits(),
            f64::NAN.to_bits(),
            u64::MAX,
        ])
        .map(f64::from_bits)
        .collect();
    for start in 0..9 {
        let values = &values[start..];
        let mut batch = vec![0; values.len()];
        keys(values, &mut batch);
        assert!(values.iter().zip(&batch).all(|(v, k)| key(*v) == *k));
    }
}

#[test]
fn every_lower_bound_has_the_recorded_bits() {
    for (k, _, lower) in rows() {
        assert_eq!(lower_bound(k).to_bits(), lower, "lower bound of {k}");
        assert_eq!(
            lower_bound(-k).to_bits(),
            lower | 1 << 63,
            "lower bound of -{k}"
        );
    }
    assert_eq!(lower_bound(0).to_bits(), 0);
}

#[test]
fn quantiles_are_as_accurate_at_the_edges_of_bins_as_promised() {
    for pair in rows().windows(2).step_by(97) {
        // The first and the last value of a bin are the ones farthest from its representative.
        for bits in [pair[0].1, pair[1].1 - 1] {
            let exact = f64::from_bits(bits);
            let mut sketch = Sketch::new();
            sketch.insert_many(&[exact / 2.0, exact, exact * 2.0]);
            let found = sketch.quantile(0.5).expect("it has values");
            let error = (found - exact).abs() / exact;
            assert!(
                error <= RELATIVE_ACCURACY * (1.0 + 1e-9),
                "{exact}: off by {error}"
            );
        }
    }
}
