#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if data.len() <= pointmill_fuzz::forwarder::SIZE_MAX {
        pointmill_fuzz::forwarder::forwarder(data);
    }
});
