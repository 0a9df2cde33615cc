//! Sequences of calls, as the fuzz target makes them.

#[test]
fn inputs_that_fuzzing_found_still_hold() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/regressions/capi");
    let mut inputs = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(bytes.len() <= crate::fuzz_capi::SIZE_MAX);
        crate::fuzz_capi::run(&bytes);
        inputs += 1;
    }
    assert!(inputs > 0);
}

#[test]
fn calls_from_noise_keep_the_rules() {
    // A short walk without a fuzzer: xorshift bytes of growing length.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..200 {
        let mut bytes = Vec::new();
        while bytes.len() < 40 + round * 10 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Small numbers, which pick live objects and short lists, as often as large ones.
            let word = if state & 1 == 0 {
                state
            } else {
                state & 0x0303_0303_0303_0303
            };
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        crate::fuzz_capi::run(&bytes);
    }
}
