//! Computes what the edges of bins are made of: two tables of powers and, for every key, the units
//! that are missing between their product and the smallest double with the key (`key::first_bits`).
//!
//! The powers' last bits may differ from one build host to another, and what is missing with them;
//! the edges do not. `src/key.rs` tests them against the definition, and `tests/thresholds.rs` the
//! definition against a table recorded from a Go Agent.

use std::{env, fs, path::Path};

#[path = "src/logarithm.rs"]
mod logarithm;

use logarithm::{BIAS, MIN_BITS, first_nearly, key, log_of};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/logarithm.rs");
    // Keys 256 j and, in each such stretch, 0 to 255 bins further.
    let stretches: [f64; 128] =
        std::array::from_fn(|j| power(256.0 * j as f64 - f64::from(BIAS) - 0.5));
    let bins: [f64; 256] = std::array::from_fn(|i| power(i as f64));

    // Two keys a byte, the even one in the lower half.
    let mut missing = vec![0; 32768 / 2];
    for (k, bits) in (1..).zip(thresholds()).skip(1) {
        let product = stretches[k >> 8] * bins[k & 255];
        let units = bits.wrapping_sub(first_nearly(k as i16, product)) as i64;
        assert!((-8..8).contains(&units), "key {k}: {units} units");
        missing[k >> 1] |= ((units + 8) as u8) << (4 * (k & 1));
    }
    write("stretches.rs", &stretches.map(f64::to_bits));
    write("bins.rs", &bins.map(f64::to_bits));
    write("missing.rs", &missing);
}

fn write(name: &str, table: &impl std::fmt::Debug) {
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    fs::write(Path::new(&out).join(name), format!("{table:?}")).expect("OUT_DIR is writable");
}

/// γ^c = e^(c ln γ).
fn power(c: f64) -> f64 {
    let (high, low) = log_of(c);
    let sum = high + low;
    let power = sum.exp();
    power + power * ((high - sum) + low)
}

/// The smallest doubles with the keys 1..=32767, found by bisection: the key never falls as the
/// value grows.
fn thresholds() -> Vec<u64> {
    let mut found = vec![MIN_BITS];
    for k in 2..=32767 {
        let previous = found[found.len() - 1];
        // One bin up is 1/64 of the value, less than 2^47 steps of its last mantissa bit. Bracket
        // a narrow range around that first, as accumulated rounding shifts it by few steps only.
        let guess = (f64::from_bits(previous) * (65.0 / 64.0)).to_bits();
        let (mut below, mut at) = (guess - 4096, guess + 4096);
        if key(below) >= k || key(at) < k {
            (below, at) = (previous, previous + (1 << 47));
        }
        while at - below > 1 {
            let middle = below + (at - below) / 2;
            if key(middle) >= k {
                at = middle
            } else {
                below = middle
            }
        }
        found.push(at);
    }
    found
}
