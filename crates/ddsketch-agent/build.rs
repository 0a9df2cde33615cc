//! Computes the table of key thresholds: `FIRST_BITS[k]` is the bit pattern of the smallest double
//! whose key is `k`, for 1 ≤ k ≤ 32767, and 0 for k = 0.
//!
//! The thresholds belong to one particular logarithm, the fdlibm one the Agent runs on amd64:
//! evaluated step by step in doubles, without fused multiply-add. Rust never contracts `a * b + c`
//! on its own, so the table is the same on every build host with IEEE 754 doubles. The table is
//! compared with one recorded from a Go Agent in `tests/thresholds.rs`.

use std::fmt::Write;
use std::{env, fs, path::Path};

/// The bin ratio's logarithm as the Agent computes it, `log1p(1/64)`.
const GAMMA_LN: f64 = 0.015_504_186_535_965_254;
const BIAS: i64 = 1338;
/// The smallest double with key 1, by definition the Agent's `pow(65/64, -1337)`.
const MIN_BITS: u64 = 0x3e11_1479_4260_12e9;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let mut text = String::from("[\n0x0,\n");
    for bits in thresholds() {
        writeln!(text, "{bits:#x},").expect("writing to a string does not fail");
    }
    text.push(']');
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    fs::write(Path::new(&out).join("first_bits.rs"), text).expect("OUT_DIR is writable");
    let text = format!("{:?}", cells());
    fs::write(Path::new(&out).join("cells.rs"), text).expect("OUT_DIR is writable");
}

/// For each of the 128 cells of an octave: what `key::guess` adds to its share of the exponent, in
/// units of 2^-32 bins. The last bits may differ from one build host to another; a guess is right
/// as long as the error is below a fifth of a bin.
fn cells() -> Vec<u64> {
    let octave = 1.0 / (65.0_f64 / 64.0).log2();
    // z = 1338.5 for 1.0, whose biased exponent is 1023; a quarter of a bin makes it a guess from
    // below for all of the cell.
    let zero = BIAS as f64 + 0.5 - 0.25 - 1023.0 * octave;
    (0..128)
        .map(|m| {
            let bins = zero + octave * (1.0 + f64::from(m) / 128.0).log2();
            (bins * 4_294_967_296.0).round() as i64 as u64
        })
        .collect()
}

/// Thresholds of keys 1..=32767, found by bisection: the key never falls as the value grows.
fn thresholds() -> Vec<u64> {
    let mut found = vec![MIN_BITS];
    for key in 2..=32767 {
        let previous = found[found.len() - 1];
        // One bin up is 1/64 of the value, less than 2^47 steps of its last mantissa bit. Bracket
        // a narrow range around that first, as accumulated rounding shifts it by few steps only.
        let guess = (f64::from_bits(previous) * (65.0 / 64.0)).to_bits();
        let (mut below, mut at) = (guess - 4096, guess + 4096);
        if agent_key(below) >= key || agent_key(at) < key {
            (below, at) = (previous, previous + (1 << 47));
        }
        while at - below > 1 {
            let middle = below + (at - below) / 2;
            if agent_key(middle) >= key {
                at = middle
            } else {
                below = middle
            }
        }
        found.push(at);
    }
    found
}

/// The key of a positive double of at least `MIN_BITS`, by the Agent's definition.
fn agent_key(bits: u64) -> i64 {
    let index = (agent_ln(bits) / GAMMA_LN).round_ties_even() as i64 + BIAS;
    index.clamp(1, 32767)
}

/// Natural logarithm of a positive normal double: fdlibm's `__ieee754_log`, whose steps and
/// coefficients Go's `math.Log` shares.
#[expect(
    clippy::excessive_precision,
    reason = "the digits as published, for comparing"
)]
fn agent_ln(bits: u64) -> f64 {
    const LN2_HI: f64 = 6.931_471_803_691_238_164_90e-01;
    const LN2_LO: f64 = 1.908_214_929_270_587_700_02e-10;
    const L: [f64; 7] = [
        6.666_666_666_666_735_130e-01,
        3.999_999_999_940_941_908e-01,
        2.857_142_874_366_239_149e-01,
        2.222_219_843_214_978_396e-01,
        1.818_357_216_161_805_012e-01,
        1.531_383_769_920_937_332e-01,
        1.479_819_860_511_658_591e-01,
    ];

    // value = fraction * 2^exponent with the fraction in [√½, √2).
    let mut exponent = (bits >> 52) as i64 - 1022;
    let mut fraction = f64::from_bits((bits & ((1 << 52) - 1)) | (1022 << 52));
    if fraction < std::f64::consts::FRAC_1_SQRT_2 {
        fraction *= 2.0;
        exponent -= 1;
    }
    let exponent = exponent as f64;
    let f = fraction - 1.0;

    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let odd = s2 * (L[0] + s4 * (L[2] + s4 * (L[4] + s4 * L[6])));
    let even = s4 * (L[1] + s4 * (L[3] + s4 * L[5]));
    let r = odd + even;
    let half_square = 0.5 * f * f;
    exponent * LN2_HI - ((half_square - (s * (half_square + r) + exponent * LN2_LO)) - f)
}
