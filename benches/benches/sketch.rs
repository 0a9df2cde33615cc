//! The sketch alone: insert, one value and many, against the other sketches.
//!
//! Merging and reading are in `merge.rs`, for a reason of the compiler's: a rival's insert that is
//! called from two places of a program may not be inlined, which costs hdrhistogram more than half
//! of its speed.

use std::hint::black_box;
use std::time::Duration;

use ddsketch_agent::{Kernel, Sketch, Summary};
use pointmill_benches::harness::{self, Contest, timed};
use pointmill_benches::rivals::hdr;
use pointmill_benches::workload::{VALUES, check_quantile, micros, values};
use sketches_ddsketch::{Config, DDSketch};

/// Accuracy that a sketch's median is checked against: the loosest any of them promises.
const ACCURACY: f64 = 0.0101;

/// Turns through the values in a slice, each into a new sketch: the first one finds the caches full
/// of what another subject did.
const TURNS: usize = 10;

/// Values in one call of insert_many.
const COLUMN: usize = 1_000;

fn main() {
    harness::main("sketch", &[insert, insert_many, parts]);
}

fn ours() -> Sketch {
    Sketch::with_kernel(pointmill::kernel())
}

fn rival() -> DDSketch {
    DDSketch::new(Config::defaults())
}

fn turns(mut one: impl FnMut() -> Duration) -> impl FnMut() -> Duration {
    move || (0..TURNS).map(|_| one()).sum()
}

fn check(name: &str, median: Option<f64>) {
    check_quantile(name, median.expect("it has values"), 0.5, ACCURACY);
}

fn slice_ours() -> Duration {
    let mut sketch = ours();
    let time = timed(|| {
        for &v in values() {
            let _ = sketch.insert(black_box(v));
        }
    });
    check("pointmill", sketch.quantile(0.5));
    time
}

fn slice_rival() -> Duration {
    let mut sketch = rival();
    let time = timed(|| values().iter().for_each(|&v| sketch.add(black_box(v))));
    check(
        "sketches-ddsketch",
        sketch.quantile(0.5).expect("0.5 is a quantile"),
    );
    time
}

fn slice_libdd() -> Duration {
    let mut sketch = libdd_ddsketch::DDSketch::default();
    let time = timed(|| {
        for &v in values() {
            let _ = sketch.add(black_box(v));
        }
    });
    assert_eq!(sketch.count(), VALUES as f64);
    time
}

fn insert() -> Contest {
    let mut histogram = hdr();
    Contest::new("sketch insert, one value", TURNS * VALUES)
        .subject("pointmill", turns(slice_ours))
        .subject("sketches-ddsketch", turns(slice_rival))
        .subject(
            "hdrhistogram",
            turns(move || {
                histogram.reset();
                let time = timed(|| {
                    for &v in micros() {
                        let _ = histogram.record(black_box(v));
                    }
                });
                check(
                    "hdrhistogram",
                    Some(histogram.value_at_quantile(0.5) as f64 / 1000.0),
                );
                time
            }),
        )
        .subject("libdd-ddsketch", turns(slice_libdd))
}

fn many(kernel: Kernel) -> impl FnMut() -> Duration {
    move || {
        let mut sketch = Sketch::with_kernel(kernel);
        let time = timed(|| {
            for column in values().chunks(COLUMN) {
                assert_eq!(sketch.insert_many(black_box(column)), 0);
            }
        });
        check("pointmill", sketch.quantile(0.5));
        time
    }
}

fn insert_many() -> Contest {
    Contest::new("sketch insert_many, 1,000 values, a value", TURNS * VALUES)
        .subject("pointmill", turns(many(pointmill::kernel())))
        .subject("sketches-ddsketch", turns(slice_rival))
        .subject("pointmill, portable loops", turns(many(Kernel::PORTABLE)))
}

/// Values in one batch of a sketch.
const BATCH: usize = 512;

/// Times `work` on each batch of the values.
fn batches(mut work: impl FnMut(&[f64])) -> Duration {
    timed(|| {
        values()
            .chunks(BATCH)
            .for_each(|batch| work(black_box(batch)))
    })
}

/// What every insert of one value has to do at least: it is stored where the last one says, and the
/// place moves on.
struct Buffer {
    values: [f64; BATCH],
    len: usize,
}

impl Buffer {
    #[inline(always)]
    fn push(&mut self, v: f64) {
        if let Some(place) = self.values.get_mut(self.len).filter(|_| v.is_finite()) {
            *place = v;
            self.len += 1;
        } else {
            self.len = 0;
        }
    }
}

/// What insert and insert_many are made of, and the chains of additions and divisions that they go
/// round. The bits ask for the sum in order, for keys and for counts: these three are the floor.
fn parts() -> Contest {
    let kernel = pointmill::kernel();
    let mut keys = vec![0; VALUES];
    (kernel.keys)(values(), &mut keys);
    let mut counts = vec![0u32; 4096];
    let mut buffer = Box::new(Buffer {
        values: [0.0; BATCH],
        len: 0,
    });
    Contest::new("parts of sketch insert_many, a value", TURNS * VALUES)
        .subject("pointmill", turns(many(kernel)))
        .subject("pointmill, value by value", turns(slice_ours))
        .subject(
            "buffering one value, no more",
            turns(move || {
                let buffer = black_box(&mut *buffer);
                timed(|| values().iter().for_each(|&v| buffer.push(black_box(v))))
            }),
        )
        .subject(
            "keys",
            turns(move || {
                let mut keys = [0; BATCH];
                batches(|batch| {
                    assert!((kernel.keys)(batch, &mut keys[..batch.len()]));
                    black_box(&keys);
                })
            }),
        )
        .subject(
            "summary",
            turns(move || {
                let mut summary = Summary::default();
                let time = batches(|batch| (kernel.summary)(&mut summary, batch));
                assert_eq!(summary.count, VALUES as u64);
                time
            }),
        )
        .subject(
            "counting",
            turns(move || {
                counts.fill(0);
                let time = timed(|| {
                    for key in black_box(&keys) {
                        if let Some(count) = counts.get_mut(*key as usize) {
                            *count += 1;
                        }
                    }
                });
                assert_eq!(counts.iter().sum::<u32>() as usize, VALUES);
                time
            }),
        )
        .subject(
            "sum alone, in order",
            turns(|| {
                let mut sum = 0.0;
                let time = batches(|batch| batch.iter().for_each(|v| sum += v));
                assert!(sum > 0.0);
                time
            }),
        )
        .subject(
            "summary, value by value",
            turns(|| {
                let mut summary = Summary::default();
                let time = batches(|batch| batch.iter().for_each(|v| summary.insert(*v)));
                assert_eq!(summary.count, VALUES as u64);
                time
            }),
        )
}
