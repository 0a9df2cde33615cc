#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if data.len() <= pointmill_fuzz::retry_after::SIZE_MAX {
        pointmill_fuzz::retry_after::retry_after(data);
    }
});
