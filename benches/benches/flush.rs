//! Flush and encode of 10,000 contexts with 100 bins each, on one thread.
//!
//! Rival: the Prometheus recorder of `metrics`, its upkeep and rendering of 10,000 histograms of 15
//! buckets, which is what a scrape costs its users. It has a seventh of the bins and writes text.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ddsketch_agent::key;
use metrics::Recorder as _;
use pointmill::{ContextId, Engine, Flush, Kind, Snapshot};
use pointmill_benches::engine::{NOW, context, engine};
use pointmill_benches::harness::{self, Contest, timed};
use pointmill_benches::rivals;
use pointmill_benches::workload::three_tags;
use pointmill_wire::sketch_payload;
use pointmill_wire::{Compression, DecodeLimits, EncodeConfig, Encoder, Format, Payloads};

const CONTEXTS: usize = 10_000;
const BINS: usize = 100;

fn main() {
    harness::main(
        "flush",
        &[flush_and_encode, beside_a_scrape, flush, encode, quiet],
    );
}

/// An engine with its contexts, and the values that fill as many bins.
struct Full {
    engine: Engine,
    ids: Vec<ContextId>,
    values: Vec<f64>,
}

impl Full {
    fn new() -> Full {
        let engine = engine();
        let ids = (0..CONTEXTS)
            .map(|i| context(&engine, Kind::Distribution, i))
            .collect();
        // Neighbouring keys around 100 ms, as a latency fills them.
        let first = key::key(100.0) - BINS as i16 / 2;
        let values = (0..BINS as i16)
            .map(|i| key::lower_bound(first + i))
            .collect();
        Full {
            engine,
            ids,
            values,
        }
    }

    fn fill(&self) {
        for &id in &self.ids {
            let rejected = self
                .engine
                .record_many(id, &self.values)
                .expect("a living context");
            assert_eq!(rejected, 0);
        }
    }

    fn flush(&self) -> Snapshot {
        self.engine.flush(NOW, Flush::All)
    }
}

fn config(compression: Compression) -> EncodeConfig {
    let mut config = EncodeConfig::default();
    config.format = Format::Sketches;
    config.compression = Some(compression);
    config
}

fn check(snapshot: &Snapshot, payloads: &Payloads) {
    assert_eq!(snapshot.len(), CONTEXTS);
    assert_eq!(snapshot.points(), (CONTEXTS * BINS) as u64);
    assert_eq!(payloads.entries(), CONTEXTS);
    assert!(payloads.skipped.is_empty());
}

/// Reads the bodies back; done once a subject, it takes longer than what is measured.
fn check_bytes(payloads: &Payloads) {
    let sketches = payloads.payloads.iter().flat_map(|payload| {
        sketch_payload::decode(&payload.body, &DecodeLimits::default())
            .expect("sound")
            .sketches
    });
    let (mut n, mut bins) = (0, 0);
    for sketch in sketches {
        n += 1;
        bins += sketch.dogsketches[0].k.len();
        assert_eq!(sketch.tags.len(), 3);
    }
    assert_eq!((n, bins), (CONTEXTS, CONTEXTS * BINS));
}

fn both(compression: Compression) -> impl FnMut() -> Duration {
    let (full, mut encoder, config) = (Full::new(), Encoder::new(), config(compression));
    let mut checked = compression != Compression::None;
    move || {
        full.fill();
        let mut out = None;
        let time = timed(|| {
            let snapshot = full.flush();
            let payloads = encoder
                .encode(&snapshot, &config)
                .expect("a sound configuration");
            out = Some((snapshot, payloads));
        });
        let (snapshot, payloads) = out.expect("set above");
        check(&snapshot, &payloads);
        if !std::mem::replace(&mut checked, true) {
            check_bytes(&payloads);
        }
        encoder.recycle(payloads);
        time
    }
}

fn flush_and_encode() -> Contest {
    Contest::new("flush + encode, 10,000 contexts with 100 bins", 1)
        .subject("pointmill", both(Compression::None))
        .subject("pointmill, zstd", both(Compression::Zstd))
}

/// Beside the rival, whose work leaves nothing of ours in the caches.
fn beside_a_scrape() -> Contest {
    let (recorder, handle) = rivals::metrics_recorder();
    let histograms: Vec<_> = (0..CONTEXTS)
        .map(|i| {
            recorder.register_histogram(&rivals::metrics_key(&three_tags(i)), &rivals::METADATA)
        })
        .collect();
    let values = Full::new().values;
    Contest::new("flush + encode, cold, 10,000 contexts with 100 bins", 1)
        .subject("pointmill", both(Compression::None))
        .subject("metrics, upkeep + render", move || {
            for histogram in &histograms {
                values.iter().for_each(|v| histogram.record(*v));
            }
            let mut text = String::new();
            let time = timed(|| {
                handle.run_upkeep();
                text = handle.render();
            });
            assert_eq!(text.matches("le=\"+Inf\"").count(), CONTEXTS);
            time
        })
}

fn flush() -> Contest {
    let (full, idle) = (Full::new(), Full::new());
    Contest::new("flush alone, 10,000 contexts with 100 bins", 1)
        .subject("pointmill", move || {
            full.fill();
            let mut snapshot = Snapshot::default();
            let time = timed(|| snapshot = full.flush());
            assert_eq!(snapshot.len(), CONTEXTS);
            time
        })
        .subject("pointmill, nothing recorded", move || {
            timed(|| assert!(idle.flush().is_empty()))
        })
}

fn encode() -> Contest {
    let full = Full::new();
    full.fill();
    let snapshot = Rc::new(full.flush());
    let encoder = Rc::new(RefCell::new(Encoder::new()));
    let subject = |config: EncodeConfig| {
        let (snapshot, encoder) = (Rc::clone(&snapshot), Rc::clone(&encoder));
        move || {
            let mut encoder = encoder.borrow_mut();
            let mut payloads = Payloads::default();
            let time = timed(|| payloads = encoder.encode(&snapshot, &config).expect("sound"));
            check(&snapshot, &payloads);
            encoder.recycle(payloads);
            time
        }
    };
    Contest::new("encode alone, 10,000 contexts with 100 bins", 1)
        .subject("pointmill", subject(config(Compression::None)))
        .subject("pointmill, zstd", subject(config(Compression::Zstd)))
        .subject("pointmill, zlib", subject(config(Compression::Deflate)))
}

/// The same contexts with one value each: the common case of many quiet contexts.
fn quiet() -> Contest {
    let full = Full::new();
    let (mut encoder, config) = (Encoder::new(), config(Compression::None));
    Contest::new("flush + encode, 10,000 contexts with 1 value", 1).subject(
        "pointmill",
        move || {
            full.ids
                .iter()
                .for_each(|id| full.engine.record(*id, 100.0).expect("a living context"));
            let mut out = None;
            let time = timed(|| {
                let snapshot = full.flush();
                let payloads = encoder
                    .encode(&snapshot, &config)
                    .expect("a sound configuration");
                out = Some((snapshot.len(), payloads));
            });
            let (entries, payloads) = out.expect("set above");
            assert_eq!((entries, payloads.entries()), (CONTEXTS, CONTEXTS));
            encoder.recycle(payloads);
            time
        },
    )
}
