//! The layout of the structs, as the C programs are told it.

use super::{client, engine, lambda, library, sketch, snapshot};
use crate::config::*;
use crate::engine::*;
use crate::payloads::*;
use crate::pointer::Sized32;
use crate::sketch::*;
use crate::snapshot::*;
use crate::text::*;

pub(super) fn zeroed_like<T: Copy>() -> T {
    // SAFETY: used with the structs of the header: numbers and raw pointers only.
    unsafe { std::mem::zeroed() }
}

pub(super) fn size_of_field<S, F>(_: impl Fn(&S) -> *const F) -> usize {
    size_of::<F>()
}

#[test]
fn structs_are_laid_out_as_the_c_programs_are_told() {
    let mut text = String::from(
        "/* Written by a unit test of crates/pointmill-capi (POINTMILL_UPDATE=1 cargo test). */\n",
    );
    let families = [
        library::layout,
        sketch::layout,
        engine::layout,
        snapshot::layout,
        client::layout,
        lambda::layout,
    ];
    families.iter().for_each(|layout| layout(&mut text));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/ctest/layout.inc");
    if std::env::var_os("POINTMILL_UPDATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        committed, text,
        "run the test with POINTMILL_UPDATE=1 and commit the result"
    );
}

#[test]
fn the_smallest_struct_accepted_is_the_first_ones_size() {
    // A field appended later raises the left side only.
    assert!(size_of::<pointmill_error>() >= pointmill_error::SIZE_MIN);
    let sizes = [
        (size_of::<pointmill_error>(), pointmill_error::SIZE_MIN),
        (size_of::<pointmill_summary>(), pointmill_summary::SIZE_MIN),
        (size_of::<pointmill_option>(), pointmill_option::SIZE_MIN),
        (
            size_of::<pointmill_engine_stats>(),
            pointmill_engine_stats::SIZE_MIN,
        ),
        (size_of::<pointmill_entry>(), pointmill_entry::SIZE_MIN),
        (size_of::<pointmill_payload>(), pointmill_payload::SIZE_MIN),
        (size_of::<pointmill_skipped>(), pointmill_skipped::SIZE_MIN),
    ];
    for (size, min) in sizes {
        assert!(size >= min && min >= 8, "{size} {min}");
    }
}
