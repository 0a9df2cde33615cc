//! The sketch alone: insert, insert many, merge, quantile, against the other sketches.

use std::hint::black_box;
use std::time::Duration;

use ddsketch_agent::{Kernel, Sketch};
use hdrhistogram::Histogram;
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
    harness::main("sketch", &[insert, insert_many, merge, quantile]);
}

fn ours() -> Sketch {
    Sketch::with_kernel(pointmill::kernel())
}

fn rival() -> DDSketch {
    DDSketch::new(Config::defaults())
}

// One place for each rival's loop: called from several, its insert might not be inlined, as it is in
// a program that has one.
#[inline(never)]
fn fill_rival(sketch: &mut DDSketch) {
    values().iter().for_each(|&v| sketch.add(black_box(v)));
}

#[inline(never)]
fn fill_hdr(histogram: &mut Histogram<u64>) {
    for &v in micros() {
        let _ = histogram.record(black_box(v));
    }
}

fn filled_rival() -> DDSketch {
    let mut sketch = rival();
    fill_rival(&mut sketch);
    sketch
}

fn filled_hdr() -> Histogram<u64> {
    let mut histogram = hdr();
    fill_hdr(&mut histogram);
    histogram
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
    let time = timed(|| fill_rival(&mut sketch));
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
                let time = timed(|| fill_hdr(&mut histogram));
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

/// Merges in one slice; each takes microseconds, a clock's reading tens of nanoseconds.
const MERGES: usize = 50;

fn merge() -> Contest {
    let (mut a, mut b) = (ours(), ours());
    a.insert_many(values());
    b.insert_many(values());
    let other = filled_rival();
    let mut into = other.clone();
    let histogram = filled_hdr();
    let mut into_histogram = histogram.clone();
    Contest::new("sketch merge, 100,000 values each", MERGES)
        .subject("pointmill", move || {
            let time = timed(|| (0..MERGES).for_each(|_| a.merge(black_box(&b))));
            check("pointmill", a.quantile(0.5));
            a = b.clone();
            time
        })
        .subject("sketches-ddsketch", move || {
            let time = timed(|| {
                (0..MERGES).for_each(|_| into.merge(black_box(&other)).expect("alike"));
            });
            check(
                "sketches-ddsketch",
                into.quantile(0.5).expect("0.5 is a quantile"),
            );
            into = other.clone();
            time
        })
        .subject("hdrhistogram", move || {
            let time = timed(|| {
                let histogram = black_box(&histogram);
                (0..MERGES).for_each(|_| into_histogram.add(histogram).expect("alike"));
            });
            check(
                "hdrhistogram",
                Some(into_histogram.value_at_quantile(0.5) as f64 / 1000.0),
            );
            into_histogram.reset();
            into_histogram.add(&histogram).expect("alike");
            time
        })
}

/// The quantiles that dashboards show.
const QUANTILES: [f64; 5] = [0.5, 0.75, 0.9, 0.95, 0.99];
const ROUNDS: usize = 20;

fn quantile() -> Contest {
    let mut sketch = ours();
    sketch.insert_many(values());
    let other = filled_rival();
    let histogram = filled_hdr();
    for q in QUANTILES {
        check_quantile(
            "pointmill",
            sketch.quantile(q).expect("values"),
            q,
            1.0 / 129.0,
        );
    }
    fn each(mut answer: impl FnMut(f64) -> f64 + 'static) -> impl FnMut() -> Duration {
        move || {
            timed(|| {
                for _ in 0..ROUNDS {
                    QUANTILES.iter().for_each(|&q| {
                        black_box(answer(black_box(q)));
                    });
                }
            })
        }
    }
    Contest::new(
        "sketch quantile, of 100,000 values",
        ROUNDS * QUANTILES.len(),
    )
    .subject(
        "pointmill",
        each(move |q| sketch.quantile(q).unwrap_or(0.0)),
    )
    .subject(
        "sketches-ddsketch",
        each(move |q| other.quantile(q).ok().flatten().unwrap_or(0.0)),
    )
    .subject(
        "hdrhistogram",
        each(move |q| histogram.value_at_quantile(q) as f64),
    )
}
