//! The processor time of a thread: what its work cost, whatever else ran beside it.

use std::time::Duration;

/// Processor time that the calling thread has used.
pub fn of_this_thread() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for the write; the clock exists on every system this builds on, and
    // if it did not, the time would stay 0.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
