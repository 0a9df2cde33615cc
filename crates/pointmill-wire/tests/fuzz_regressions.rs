//! Inputs that broke a decoder, or would break a naive one, through the functions of the fuzz
//! targets.

#[path = "../../../fuzz/src/harness.rs"]
#[allow(unreachable_pub, reason = "a library of its own where it is fuzzed")]
mod harness;

use std::path::Path;

#[test]
fn every_regression_still_holds() {
    let root = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fuzz/regressions"
    ));
    for (name, run) in harness::TARGETS {
        let mut inputs = 0;
        for file in std::fs::read_dir(root.join(name)).expect("a folder for every target") {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(bytes.len() <= harness::SIZE_MAX);
            run(&bytes);
            inputs += 1;
        }
        assert!(inputs > 0, "{name} has none");
    }
}

#[test]
fn every_target_is_declared() {
    let fuzz = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz");
    let manifest = std::fs::read_to_string(format!("{fuzz}/Cargo.toml")).unwrap();
    for (name, _) in harness::TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        let target = std::fs::read_to_string(format!("{fuzz}/fuzz_targets/{name}.rs")).unwrap();
        assert!(target.contains(&format!("harness::{name}(")), "{name}");
    }
}
