//! Recording by handle: distributions, counts and gauges, on one context and on 10,000, from one
//! thread and from two, in Rust and through the C ABI.
//!
//! A slice records 1,000,000 points, so that what an engine does only now and then (draining a
//! ring, allocating a block) has its share of the time. What a rival leaves to its upkeep is not
//! timed; ours has none.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use metrics::Recorder as _;
use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};
use opentelemetry::metrics::BoundHistogram;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use pointmill::{ContextId, Engine, Kind};
use pointmill_benches::engine::{context, engine, flush_and_check};
use pointmill_benches::harness::{self, Contest, timed};
use pointmill_benches::threads::{Clock, Crew, Job};
use pointmill_benches::workload::{
    NAME, VALUES, check_quantile, micros, targets, three_tags, values,
};
use pointmill_benches::{c_abi, rivals};

/// Turns through the values in a slice.
const TURNS: usize = 10;
/// Points in a slice.
const POINTS: usize = TURNS * VALUES;
/// Contexts of the wide rows.
const WIDE: usize = 10_000;

fn main() {
    harness::main(
        "record",
        &[
            distribution,
            count,
            gauge,
            parts,
            wide,
            || scaling("1 context, by the clock", Clock::Wall, 1),
            || scaling("1 context, by processor time", Clock::Cpu, 1),
            || scaling("10,000 contexts, by processor time", Clock::Cpu, WIDE),
            || rivals_scaling(Clock::Cpu),
            || ceiling("an engine each, by the clock", Clock::Wall),
            || ceiling("an engine each, by processor time", Clock::Cpu),
        ],
    );
}

/// Calls `record` with every value, [`TURNS`] times.
#[inline(always)]
fn all(mut record: impl FnMut(f64)) {
    for _ in 0..TURNS {
        values().iter().for_each(|&v| record(black_box(v)));
    }
}

fn ours(kind: Kind) -> impl FnMut() -> Duration {
    let engine = engine();
    let id = context(&engine, kind, 0);
    move || {
        let time = timed(|| {
            all(|v| {
                let _ = engine.record(id, v);
            });
        });
        let snapshot = flush_and_check(&engine, POINTS);
        if let Some(median) = snapshot.get(0).and_then(|entry| entry.quantile(0.5)) {
            check_quantile("pointmill", median, 0.5, 1.0 / 129.0);
        }
        time
    }
}

fn through_c(kind: u32) -> impl FnMut() -> Duration {
    let engine = c_abi::Engine::load().expect("the shared object");
    let id = engine.context(kind, NAME).expect("a context");
    move || {
        let time = timed(|| {
            all(|v| {
                black_box(engine.record(id, v));
            });
        });
        assert_eq!(engine.flush().expect("a snapshot"), 1);
        time
    }
}

/// A recorder of `metrics` with what keeps it small.
struct Metrics {
    recorder: PrometheusRecorder,
    upkeep: PrometheusHandle,
}

impl Metrics {
    fn new() -> Metrics {
        let (recorder, upkeep) = rivals::metrics_recorder();
        Metrics { recorder, upkeep }
    }

    fn histogram(&self, i: usize) -> metrics::Histogram {
        self.recorder
            .register_histogram(&rivals::metrics_key(&three_tags(i)), &rivals::METADATA)
    }

    fn counter(&self) -> metrics::Counter {
        self.recorder
            .register_counter(&rivals::metrics_key(&three_tags(0)), &rivals::METADATA)
    }

    fn gauge(&self) -> metrics::Gauge {
        self.recorder
            .register_gauge(&rivals::metrics_key(&three_tags(0)), &rivals::METADATA)
    }
}

/// What the recorder shows must contain this.
fn check_rendered(metrics: &Metrics, expected: &str) {
    let text = metrics.upkeep.render();
    assert!(text.contains(expected), "{expected} is not in\n{text}");
}

fn distribution() -> Contest {
    let mut histogram = rivals::hdr();
    let metrics = Metrics::new();
    let handle = metrics.histogram(0);
    let mut slices = 0;
    let plain = rivals::prometheus_histogram();
    let (provider, bound) = bound_histograms(1);
    Contest::new("record by handle, distribution", POINTS)
        .subject("pointmill", ours(Kind::Distribution))
        .subject("pointmill, C ABI", through_c(c_abi::DISTRIBUTION))
        .subject("hdrhistogram", move || {
            histogram.reset();
            let time = timed(|| {
                for _ in 0..TURNS {
                    for &v in micros() {
                        let _ = histogram.record(black_box(v));
                    }
                }
            });
            assert_eq!(histogram.len(), POINTS as u64);
            time
        })
        .subject("metrics handle", move || {
            let time = timed(|| all(|v| handle.record(v)));
            metrics.upkeep.run_upkeep();
            slices += 1;
            check_rendered(&metrics, &format!("le=\"+Inf\"}} {}", slices * POINTS));
            time
        })
        .subject("prometheus-client", move || {
            timed(|| all(|v| plain.observe(v)))
        })
        .subject("opentelemetry, bound", move || {
            let _alive: &SdkMeterProvider = &provider;
            timed(|| all(|v| bound[0].record(v)))
        })
}

fn count() -> Contest {
    let metrics = Metrics::new();
    let counter = metrics.counter();
    let mut slices = 0;
    let plain: prometheus_client::metrics::counter::Counter = Default::default();
    let (provider, meter) = rivals::otel();
    let bound = meter
        .f64_counter(NAME)
        .build()
        .bind(&rivals::attributes(&three_tags(0)));
    Contest::new("record by handle, count", POINTS)
        .subject("pointmill", ours(Kind::Count))
        .subject("pointmill, C ABI", through_c(c_abi::COUNT))
        .subject("metrics counter", move || {
            let time = timed(|| all(|v| counter.increment(v as u64)));
            slices += 1;
            let sum: u64 = values().iter().map(|v| *v as u64).sum();
            check_rendered(&metrics, &format!("}} {}", sum * slices * TURNS as u64));
            time
        })
        .subject("prometheus-client", move || {
            timed(|| {
                all(|v| {
                    plain.inc_by(v as u64);
                });
            })
        })
        .subject("opentelemetry, bound", move || {
            let _alive: &SdkMeterProvider = &provider;
            timed(|| all(|v| bound.add(v)))
        })
}

fn gauge() -> Contest {
    let metrics = Metrics::new();
    let (gauge, counter) = (metrics.gauge(), metrics.counter());
    Contest::new("record by handle, gauge", POINTS)
        .subject("pointmill", ours(Kind::Gauge))
        .subject("metrics counter", move || {
            timed(|| all(|v| counter.increment(v as u64)))
        })
        .subject("metrics gauge", move || {
            let time = timed(|| all(|v| gauge.set(v)));
            check_rendered(&metrics, &format!("}} {}", values()[VALUES - 1]));
            time
        })
}

/// Points that a ring holds.
const RING: usize = 256;

/// The least that hands a point over: context and value into a ring, behind a limit that somebody
/// else moves.
struct Ring {
    tail: u64,
    limit: u64,
    points: [(u64, f64); RING],
}

impl Ring {
    #[inline(always)]
    fn push(&mut self, id: u64, value: f64) -> bool {
        if self.tail >= self.limit || !value.is_finite() {
            return false;
        }
        self.points[self.tail as usize % RING] = (id, value);
        self.tail += 1;
        true
    }
}

/// What a record of a distribution is made of: a push, and its share of a drain, which is what
/// recording many at once costs.
fn parts() -> Contest {
    let engine = engine();
    let id = context(&engine, Kind::Distribution, 0);
    let mut ring = Box::new(Ring {
        tail: 0,
        limit: u64::MAX,
        points: [(0, 0.0); RING],
    });
    Contest::new("parts of record by handle, distribution", POINTS)
        .subject("pointmill", ours(Kind::Distribution))
        .subject("record_many, 256 values, a value", move || {
            let time = timed(|| {
                for _ in 0..TURNS {
                    for column in values().chunks(RING) {
                        let _ = engine.record_many(id, black_box(column));
                    }
                }
            });
            flush_and_check(&engine, POINTS);
            time
        })
        .subject("a push into a ring, no more", move || {
            let ring = black_box(&mut *ring);
            timed(|| all(|v| assert!(ring.push(1, v))))
        })
}

fn bound_histograms(n: usize) -> (SdkMeterProvider, Vec<BoundHistogram<f64>>) {
    let (provider, meter) = rivals::otel();
    let histogram = meter.f64_histogram(NAME).build();
    let bind = |i| histogram.bind(&rivals::attributes(&three_tags(i)));
    (provider, (0..n).map(bind).collect())
}

/// Calls `record` with every value and the number of its context, [`TURNS`] times.
#[inline(always)]
fn spread(targets: &[u32], mut record: impl FnMut(usize, f64)) {
    for _ in 0..TURNS {
        for (&target, &v) in targets.iter().zip(values()) {
            record(target as usize, black_box(v));
        }
    }
}

fn wide() -> Contest {
    let engine = engine();
    let ids: Vec<ContextId> = (0..WIDE)
        .map(|i| context(&engine, Kind::Distribution, i))
        .collect();
    let metrics = Metrics::new();
    let handles: Vec<_> = (0..WIDE).map(|i| metrics.histogram(i)).collect();
    let plain: Vec<_> = (0..WIDE).map(|_| rivals::prometheus_histogram()).collect();
    let (provider, bound) = bound_histograms(WIDE);
    let to: Arc<[u32]> = targets(WIDE).into();
    let [to_handles, to_plain, to_bound] = [(); 3].map(|()| Arc::clone(&to));
    Contest::new("record by handle, distribution, 10,000 contexts", POINTS)
        .subject("pointmill", move || {
            let time = timed(|| {
                spread(&to, |i, v| {
                    let _ = engine.record(ids[i], v);
                });
            });
            flush_and_check(&engine, POINTS);
            time
        })
        .subject("metrics handle", move || {
            let time = timed(|| spread(&to_handles, |i, v| handles[i].record(v)));
            metrics.upkeep.run_upkeep();
            time
        })
        .subject("prometheus-client", move || {
            timed(|| spread(&to_plain, |i, v| plain[i].observe(v)))
        })
        .subject("opentelemetry, bound", move || {
            let _alive: &SdkMeterProvider = &provider;
            timed(|| spread(&to_bound, |i, v| bound[i].record(v)))
        })
}

/// A job that records half a slice's points, or all of them.
fn job(engine: &Engine, ids: &Arc<[ContextId]>, threads: usize) -> Job {
    let (engine, ids) = (engine.clone(), Arc::clone(ids));
    let to = targets(ids.len());
    Box::new(move || {
        for _ in 0..2 * TURNS / threads {
            for (&target, &v) in to.iter().zip(values()) {
                let _ = engine.record(ids[target as usize], black_box(v));
            }
        }
    })
}

/// The same number of points by one thread and by two: the quotient is the throughput of two in
/// units of one's.
fn scaling(what: &str, clock: Clock, contexts: usize) -> Contest {
    let subject = move |threads: usize| {
        let engine = engine();
        let ids: Arc<[ContextId]> = (0..contexts)
            .map(|i| context(&engine, Kind::Distribution, i))
            .collect();
        let crew = Crew::new((0..threads).map(|_| job(&engine, &ids, threads)).collect());
        move || {
            let time = crew.slice(clock);
            flush_and_check(&engine, 2 * POINTS);
            time
        }
    };
    Contest::new(format!("throughput of 2 threads, {what}"), 2 * POINTS)
        .subject("pointmill, 1 thread", subject(1))
        .subject("pointmill, 2 threads", subject(2))
}

fn rivals_scaling(clock: Clock) -> Contest {
    let metrics = Arc::new(Metrics::new());
    let metrics_jobs = |threads: usize| {
        let metrics = Arc::clone(&metrics);
        let job = || -> Job {
            let handle = metrics.histogram(0);
            Box::new(move || (0..2 / threads).for_each(|_| all(|v| handle.record(v))))
        };
        let crew = Crew::new((0..threads).map(|_| job()).collect());
        move || {
            let time = crew.slice(clock);
            metrics.upkeep.run_upkeep();
            time
        }
    };
    let (one, two) = (metrics_jobs(1), metrics_jobs(2));
    Contest::new(
        "throughput of 2 threads, metrics handle, by processor time",
        2 * POINTS,
    )
    .subject("metrics handle, 1 thread", one)
    .subject("metrics handle, 2 threads", two)
}

/// Two threads that share nothing at all: what the machine's two processors leave to be had.
fn ceiling(what: &str, clock: Clock) -> Contest {
    let subject = move |threads: usize| {
        let engines: Vec<Engine> = (0..threads).map(|_| engine()).collect();
        let jobs = engines.iter().map(|engine| {
            let ids = [context(engine, Kind::Distribution, 0)];
            job(engine, &Arc::from(ids), threads)
        });
        let crew = Crew::new(jobs.collect());
        move || {
            let time = crew.slice(clock);
            for engine in &engines {
                flush_and_check(engine, 2 * POINTS / threads);
            }
            time
        }
    };
    Contest::new(format!("throughput of 2 threads, {what}"), 2 * POINTS)
        .subject("pointmill, 1 thread", subject(1))
        .subject("pointmill, 2 threads", subject(2))
}
