//! The hot functions, each run many times inside one function that callgrind counts.
//!
//! `counts --list` names the cases, with how often each runs; `counts CASE` runs one. `cargo xtask
//! counts` runs all under valgrind and compares the instructions with `counts.toml`.
//!
//! Instructions do not depend on what else a machine does, so a change of one in fifty shows. They
//! do depend on compiler, target and the loops the processor gets: `counts --host` says which.

use std::hint::black_box;
use std::process::ExitCode;

use ddsketch_agent::{Kernel, Sketch};
use pointmill::{Engine, Flush, Kind};
use pointmill_benches::engine::{NOW, context, engine, flush_and_check};
use pointmill_benches::workload::{NAME, VALUES, values};
use pointmill_wire::{Compression, EncodeConfig, Encoder, Format};

/// What callgrind counts: it is told to collect while this is on the stack.
#[inline(never)]
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
extern "C" fn pointmill_counted(work: &mut Work<'_>) {
    (work.0)();
}

struct Work<'a>(&'a mut dyn FnMut());

fn counted(mut work: impl FnMut()) {
    pointmill_counted(black_box(&mut Work(&mut work)));
}

struct Case {
    name: &'static str,
    /// Operations that one run counts.
    operations: usize,
    run: fn(),
}

const CONTEXTS: usize = 200;
const COLUMN: usize = 1_000;

const CASES: &[Case] = &[
    Case {
        name: "sketch_insert",
        operations: VALUES,
        run: sketch_insert,
    },
    Case {
        name: "sketch_insert_many_value",
        operations: VALUES,
        run: sketch_insert_many,
    },
    Case {
        name: "sketch_merge",
        operations: 1,
        run: sketch_merge,
    },
    Case {
        name: "record_distribution",
        operations: VALUES,
        run: || record(Kind::Distribution),
    },
    Case {
        name: "record_count",
        operations: VALUES,
        run: || record(Kind::Count),
    },
    Case {
        name: "record_gauge",
        operations: VALUES,
        run: || record(Kind::Gauge),
    },
    Case {
        name: "record_spread_contexts",
        operations: VALUES,
        run: record_spread,
    },
    Case {
        name: "record_named_0_tags",
        operations: VALUES,
        run: || record_named(0),
    },
    Case {
        name: "record_named_2_tags",
        operations: VALUES,
        run: || record_named(2),
    },
    Case {
        name: "flush_context",
        operations: CONTEXTS,
        run: flush,
    },
    Case {
        name: "encode_context",
        operations: CONTEXTS,
        run: encode,
    },
];

fn main() -> ExitCode {
    let argument = std::env::args().nth(1).unwrap_or_default();
    if argument == "--list" {
        CASES
            .iter()
            .for_each(|case| println!("{} {}", case.name, case.operations));
    } else if argument == "--host" {
        println!(
            "{}-{}-{}",
            std::env::consts::ARCH,
            std::env::consts::OS,
            instructions()
        );
    } else if let Some(case) = CASES.iter().find(|case| case.name == argument) {
        // Made with the first use, which must not be a counted one.
        values();
        (case.run)();
    } else {
        eprintln!("error: no case {argument:?}; counts --list names them");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The instruction set that the engine's loops run with under valgrind, which knows no AVX-512.
fn instructions() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return "avx2";
    }
    "baseline"
}

fn sketch_insert() {
    let mut sketch = Sketch::with_kernel(Kernel::PORTABLE);
    counted(|| {
        for &v in values() {
            let _ = sketch.insert(black_box(v));
        }
    });
    assert_eq!(sketch.summary().count, VALUES as u64);
}

fn sketch_insert_many() {
    let mut sketch = Sketch::with_kernel(Kernel::PORTABLE);
    counted(|| {
        for column in values().chunks(COLUMN) {
            sketch.insert_many(black_box(column));
        }
    });
    assert_eq!(sketch.summary().count, VALUES as u64);
}

fn sketch_merge() {
    let mut sketch = Sketch::with_kernel(Kernel::PORTABLE);
    sketch.insert_many(values());
    let mut all = sketch.clone();
    counted(|| all.merge(black_box(&sketch)));
    assert_eq!(all.summary().count, 2 * VALUES as u64);
}

fn record(kind: Kind) {
    let engine = engine();
    let id = context(&engine, kind, 0);
    engine.record(id, 1.0).expect("a living context");
    counted(|| {
        for &v in values() {
            let _ = engine.record(id, black_box(v));
        }
    });
    flush_and_check(&engine, VALUES + 1);
}

/// Another context with every point: no run of equal ids to take at once.
fn record_spread() {
    let engine = engine();
    let ids: Vec<_> = (0..CONTEXTS)
        .map(|i| context(&engine, Kind::Distribution, i))
        .collect();
    engine.record(ids[0], 1.0).expect("a living context");
    counted(|| {
        for (&v, &id) in values().iter().zip(ids.iter().cycle()) {
            let _ = engine.record(id, black_box(v));
        }
    });
    flush_and_check(&engine, VALUES + 1);
}

fn record_named(tags: usize) {
    let engine = engine();
    let parts = &[NAME, "endpoint:/v1/checkout", "status:200"][..=tags];
    engine
        .record_named(Kind::Distribution, parts, 1.0)
        .expect("a sound name");
    counted(|| {
        for &v in values() {
            let _ = engine.record_named(Kind::Distribution, black_box(parts), v);
        }
    });
    assert_eq!(flush_and_check(&engine, VALUES + 1).len(), 1);
}

/// [`CONTEXTS`] distributions of 500 values each.
fn full() -> Engine {
    let engine = engine();
    for (i, column) in values().chunks(VALUES / CONTEXTS).enumerate() {
        let id = context(&engine, Kind::Distribution, i);
        assert_eq!(engine.record_many(id, column), Ok(0));
    }
    engine
}

fn flush() {
    let engine = full();
    let mut entries = 0;
    counted(|| entries = engine.flush(NOW, Flush::All).len());
    assert_eq!(entries, CONTEXTS);
}

fn encode() {
    let snapshot = full().flush(NOW, Flush::All);
    let mut config = EncodeConfig::default();
    config.format = Format::Sketches;
    config.compression = Some(Compression::None);
    let mut encoder = Encoder::new();
    // Once for the buffers.
    let payloads = encoder
        .encode(&snapshot, &config)
        .expect("a sound configuration");
    encoder.recycle(payloads);
    let mut entries = 0;
    counted(|| {
        let payloads = encoder
            .encode(&snapshot, &config)
            .expect("a sound configuration");
        entries = payloads.entries();
    });
    assert_eq!(entries, CONTEXTS);
}
