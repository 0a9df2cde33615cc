//! Bytes a context takes, and allocations a record makes.
//!
//! Ours lives in the arena, which says itself how much of it is in use; the heap is counted beside
//! it, to show that nothing hides there. Rivals live on the heap: the bytes they asked for, without
//! what the allocator adds. Snapshots and payloads are not in it: they come and go with a flush.
//!
//! Not under criterion: these are counts and do not vary.

use std::hint::black_box;

use metrics::Recorder as _;
use pointmill::{Flush, Kind};
use pointmill_benches::allocations::{Counting, calls, live_bytes};
use pointmill_benches::engine::{NOW, context, engine};
use pointmill_benches::figure::{Figure, Unit};
use pointmill_benches::harness::Options;
use pointmill_benches::rivals;
use pointmill_benches::workload::{NAME, lognormal, three_tags, values};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SUITE: &str = "memory";

fn main() {
    let options = Options::from_args();
    let one = lognormal(10_000, 4);
    let mut figures = Vec::new();
    for (row, contexts, values) in [
        (
            "bytes per context, name + 3 tags, 1 value",
            10_000,
            &one[..1],
        ),
        (
            "bytes per context, name + 3 tags, 10,000 values",
            500,
            &one[..],
        ),
    ] {
        let (arena, heap) = ours(contexts, values);
        let bytes = [
            ("pointmill, arena", arena),
            ("pointmill, heap", heap),
            ("metrics", metrics_bytes(contexts, values)),
            ("opentelemetry", otel_bytes(contexts, values)),
            ("hdrhistogram, no name", hdr_bytes(values)),
            ("sketches-ddsketch, no name", ddsketch_bytes(values)),
            ("ddsketch-agent, no name", agent_bytes(values)),
        ];
        figures.extend(bytes.map(|(s, b)| Figure::single(SUITE, row, s, Unit::Bytes, b)));
    }
    figures.extend(allocations());
    options.report(&figures);
}

/// Arena and heap bytes a context.
fn ours(contexts: usize, values: &[f64]) -> (f64, f64) {
    let engine = engine();
    let tags: Vec<_> = (0..contexts).map(three_tags).collect();
    // What the engine takes once is no context's: the lane of this thread.
    let first = engine
        .context(Kind::Count, "first", &[""; 0])
        .expect("within the limits");
    engine.record(first, 1.0).expect("a living context");
    let (heap, before) = (live_bytes(), engine.stats().arena_used_bytes);
    let mut id = first;
    for tags in &tags {
        id = engine
            .context(Kind::Distribution, NAME, tags)
            .expect("within the limits");
        for &v in values {
            engine.record(id, v).expect("a living context");
        }
    }
    // A column goes past the ring, so the ring is empty afterwards.
    assert_eq!(engine.record_many(id, &values[..1]), Ok(0));
    let stats = engine.stats();
    assert!(stats.balances() && stats.overflowed == 0);
    let heap = live_bytes() - heap;
    let per = |bytes: f64| bytes / contexts as f64;
    let answer = (
        per((stats.arena_used_bytes - before) as f64),
        per(heap as f64),
    );
    assert_eq!(
        engine.flush(NOW, Flush::All).points(),
        (contexts * values.len() + 2) as u64
    );
    answer
}

/// Heap bytes that `make` keeps, each of `n`.
fn kept<T>(n: usize, make: impl FnOnce() -> T) -> f64 {
    let before = live_bytes();
    let made = black_box(make());
    let bytes = live_bytes() - before;
    drop(made);
    bytes as f64 / n as f64
}

fn metrics_bytes(contexts: usize, values: &[f64]) -> f64 {
    let (recorder, upkeep) = rivals::metrics_recorder();
    kept(contexts, || {
        let handles: Vec<_> = (0..contexts)
            .map(|i| {
                let key = rivals::metrics_key(&three_tags(i));
                let handle = recorder.register_histogram(&key, &rivals::METADATA);
                values.iter().for_each(|v| handle.record(*v));
                handle
            })
            .collect();
        // The state between two scrapes: values in buckets, not in the blocks they came in.
        upkeep.run_upkeep();
        drop(handles);
    })
}

fn otel_bytes(contexts: usize, values: &[f64]) -> f64 {
    let (provider, meter) = rivals::otel();
    let histogram = meter.f64_histogram(NAME).build();
    let bytes = kept(contexts, || {
        for i in 0..contexts {
            let attributes = rivals::attributes(&three_tags(i));
            values
                .iter()
                .for_each(|v| histogram.record(*v, &attributes));
        }
    });
    drop(provider);
    bytes
}

fn hdr_bytes(values: &[f64]) -> f64 {
    kept(1, || {
        let mut histogram = Box::new(rivals::hdr());
        values
            .iter()
            .for_each(|v| histogram.record((v * 1000.0) as u64).expect("in bounds"));
        histogram
    })
}

fn ddsketch_bytes(values: &[f64]) -> f64 {
    kept(1, || {
        let config = sketches_ddsketch::Config::defaults();
        let mut sketch = Box::new(sketches_ddsketch::DDSketch::new(config));
        values.iter().for_each(|v| sketch.add(*v));
        sketch
    })
}

fn agent_bytes(values: &[f64]) -> f64 {
    kept(1, || {
        let mut sketch = Box::new(ddsketch_agent::Sketch::new());
        sketch.insert_many(values);
        sketch
    })
}

const RECORDS: usize = 1_000_000;

/// Calls of the allocator that a million records make, the context being known.
fn allocations() -> Vec<Figure> {
    // Made with the first use, which is not to be counted.
    values();
    let by_handle = "allocations of 1,000,000 records by handle";
    let by_name = "allocations of 1,000,000 records by name, 2 tags";
    let count = |record: &mut dyn FnMut(f64)| {
        record(1.0);
        let before = calls();
        values()
            .iter()
            .cycle()
            .take(RECORDS)
            .for_each(|v| record(*v));
        (calls() - before) as f64
    };
    let engine = engine();
    let id = context(&engine, Kind::Distribution, 0);
    let ours = count(&mut |v| engine.record(id, v).expect("a living context"));
    let ours_named = count(&mut |v| {
        let parts = [NAME, "status:200", "endpoint:/v1/checkout"];
        engine
            .record_named(Kind::Distribution, &parts, v)
            .expect("a sound name");
    });
    let (recorder, upkeep) = rivals::metrics_recorder();
    let handle =
        recorder.register_histogram(&rivals::metrics_key(&three_tags(0)), &rivals::METADATA);
    let metrics_handle = count(&mut |v| handle.record(v));
    upkeep.run_upkeep();
    let metrics_named = metrics::with_local_recorder(&recorder, || {
        count(&mut |v| {
            metrics::histogram!("a.latency", "endpoint" => black_box("/v1/checkout").to_owned(),
                "status" => black_box("200"))
            .record(v);
        })
    });
    let (provider, meter) = rivals::otel();
    let histogram = meter.f64_histogram(NAME).build();
    let otel_named = count(&mut |v| {
        let endpoint = black_box("/v1/checkout").to_owned();
        let status = black_box("200");
        histogram.record(
            v,
            &[
                opentelemetry::KeyValue::new("endpoint", endpoint),
                opentelemetry::KeyValue::new("status", status),
            ],
        );
    });
    drop(provider);
    let figure = |row, subject, value| Figure::single(SUITE, row, subject, Unit::Count, value);
    vec![
        figure(by_handle, "pointmill", ours),
        figure(by_handle, "metrics handle", metrics_handle),
        figure(by_name, "pointmill", ours_named),
        figure(by_name, "metrics macro, owned label", metrics_named),
        figure(by_name, "opentelemetry, owned value", otel_named),
    ]
}
