//! One start-up: loads the shared object, makes an engine, and prints nanoseconds of both steps and
//! the bytes of resident memory that each added.

use std::time::Instant;

use pointmill_benches::c_abi;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Once for what reading itself touches.
    resident_bytes()?;
    let at_first = resident_bytes()?;
    let start = Instant::now();
    let library = c_abi::open()?;
    let load = start.elapsed();
    let loaded = resident_bytes()?;
    let start = Instant::now();
    let engine = c_abi::Engine::of(library)?;
    let new = start.elapsed();
    let ready = resident_bytes()?;
    println!(
        "{} {} {} {}",
        load.as_nanos(),
        new.as_nanos(),
        loaded - at_first,
        ready.saturating_sub(loaded)
    );
    drop(engine);
    Ok(())
}

/// Resident bytes of this process. From `smaps_rollup`, which counts pages; `statm` may lag behind.
fn resident_bytes() -> Result<u64, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = text
        .lines()
        .find(|line| line.starts_with("Rss:"))
        .ok_or("no Rss line")?;
    let kilobytes: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kilobytes * 1024)
}
