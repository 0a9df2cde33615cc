//! Inputs that would break a naive reader of `Retry-After`, through the function of the fuzz target.

#[path = "../../../fuzz/src/retry_after.rs"]
#[allow(unreachable_pub, reason = "a library of its own where it is fuzzed")]
mod harness;

#[test]
fn every_regression_still_holds() {
    let root = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fuzz/regressions/retry_after"
    );
    let mut inputs = 0;
    for file in std::fs::read_dir(root).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(bytes.len() <= harness::SIZE_MAX);
        harness::retry_after(&bytes);
        inputs += 1;
    }
    assert!(inputs > 0);
}

/// A short walk without a fuzzer: texts like the header's, at every time.
#[test]
fn texts_from_noise_keep_the_rules() {
    let pieces = [
        "Tue, ",
        "14 ",
        "Nov ",
        "2023 ",
        "22:14:20 ",
        "GMT",
        "-",
        "120",
        " ",
        "9999",
        "Tuesday, ",
        "14-Nov-23 ",
        "1970 ",
        "00:00:00 ",
        "\u{a0}",
        "+5",
        "1.5",
        "29 ",
        "Feb ",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..20_000 {
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let now = if next() % 2 == 0 {
            next()
        } else {
            next() % 2_000_000_000_000
        };
        let mut bytes = now.to_le_bytes().to_vec();
        for _ in 0..1 + next() % 7 {
            bytes.extend_from_slice(pieces[(next() % pieces.len() as u64) as usize].as_bytes());
        }
        harness::retry_after(&bytes);
    }
}

#[test]
fn the_target_is_declared() {
    let fuzz = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz");
    let manifest = std::fs::read_to_string(format!("{fuzz}/Cargo.toml")).unwrap();
    assert!(manifest.contains("name = \"retry_after\""));
    let target = std::fs::read_to_string(format!("{fuzz}/fuzz_targets/retry_after.rs")).unwrap();
    assert!(target.contains("retry_after::retry_after("));
}
