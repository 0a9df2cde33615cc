#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if data.len() <= pointmill_fuzz::capi::SIZE_MAX {
        pointmill_fuzz::capi::run(data);
    }
});
