//! One start-up: loads the shared object, makes an engine, and prints nanoseconds of both steps, the
//! bytes of resident memory that each added, and how many of all these are no pages of a file.

use std::time::Instant;

use pointmill_benches::c_abi;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Once for what reading itself touches.
    Memory::now()?;
    let at_first = Memory::now()?;
    let start = Instant::now();
    let library = c_abi::open()?;
    let load = start.elapsed();
    let loaded = Memory::now()?;
    let start = Instant::now();
    let engine = c_abi::Engine::of(library)?;
    let new = start.elapsed();
    let ready = Memory::now()?;
    println!(
        "{} {} {} {} {}",
        load.as_nanos(),
        new.as_nanos(),
        loaded.resident - at_first.resident,
        ready.resident.saturating_sub(loaded.resident),
        ready.anonymous.saturating_sub(at_first.anonymous)
    );
    drop(engine);
    Ok(())
}

/// What this process holds, in bytes.
struct Memory {
    resident: u64,
    /// Of it what is no page of a file, or one that was written to: nobody else can share it.
    anonymous: u64,
}

impl Memory {
    /// From `smaps_rollup`, which counts pages; `statm` may lag behind.
    fn now() -> Result<Memory, Box<dyn std::error::Error>> {
        let text = std::fs::read_to_string("/proc/self/smaps_rollup")?;
        let bytes = |name: &str| -> Result<u64, Box<dyn std::error::Error>> {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            let kilobytes: u64 = number.ok_or_else(|| format!("no line {name}"))?.parse()?;
            Ok(kilobytes * 1024)
        };
        Ok(Memory {
            resident: bytes("Rss:")?,
            anonymous: bytes("Anonymous:")?,
        })
    }
}
