//! Inputs that broke the forwarder, or would break a naive one, through the function of the fuzz
//! target.

#[path = "../../../fuzz/src/forwarder.rs"]
#[allow(unreachable_pub, reason = "a library of its own where it is fuzzed")]
mod harness;

#[test]
fn every_regression_still_holds() {
    let root = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fuzz/regressions/forwarder"
    );
    let mut inputs = 0;
    for file in std::fs::read_dir(root).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(bytes.len() <= harness::SIZE_MAX);
        harness::forwarder(&bytes);
        inputs += 1;
    }
    assert!(inputs > 0);
}

#[test]
fn the_target_is_declared() {
    let fuzz = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz");
    let manifest = std::fs::read_to_string(format!("{fuzz}/Cargo.toml")).unwrap();
    assert!(manifest.contains("name = \"forwarder\""));
    let target = std::fs::read_to_string(format!("{fuzz}/fuzz_targets/forwarder.rs")).unwrap();
    assert!(target.contains("forwarder::forwarder("));
}
