#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if data.len() <= pointmill_fuzz::harness::SIZE_MAX {
        pointmill_fuzz::harness::distribution_points(data);
    }
});
