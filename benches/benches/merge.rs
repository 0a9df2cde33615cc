//! The sketch alone: merge and quantile, against the other sketches.

use std::hint::black_box;
use std::time::Duration;

use ddsketch_agent::Sketch;
use hdrhistogram::Histogram;
use pointmill_benches::harness::{self, Contest, timed};
use pointmill_benches::rivals::hdr;
use pointmill_benches::workload::{check_quantile, micros, values};
use sketches_ddsketch::{Config, DDSketch};

/// Accuracy that a sketch's median is checked against: the loosest any of them promises.
const ACCURACY: f64 = 0.0101;

fn main() {
    harness::main("merge", &[merge, quantile]);
}

fn ours() -> Sketch {
    Sketch::with_kernel(pointmill::kernel())
}

fn filled_rival() -> DDSketch {
    let mut sketch = DDSketch::new(Config::defaults());
    values().iter().for_each(|v| sketch.add(*v));
    sketch
}

fn filled_hdr() -> Histogram<u64> {
    let mut histogram = hdr();
    for &v in micros() {
        histogram.record(v).expect("within bounds");
    }
    histogram
}

fn check(name: &str, median: Option<f64>) {
    check_quantile(name, median.expect("it has values"), 0.5, ACCURACY);
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
