//! How long one record takes while another thread flushes all the time.
//!
//! ```text
//! recorder   t0; record; t1; record; t2 …        every difference goes into a histogram
//! other      flushes 10,000 contexts in a loop
//! ```
//!
//! The differences contain the reading of the clock, and whatever the machine does to a thread: of
//! a few hundred interruptions a second, each of some tens of microseconds, p99.99 shows what comes
//! between ten and a hundred thousand records. So there are two more subjects beside ours: the same
//! without flushes, and one more reading of the clock instead of the record (which takes about as
//! long) while the other thread flushes an engine of its own. The slices of all take turns.
//!
//! Not under criterion: what is asked for is the far end of a distribution, not a mean.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use metrics::Recorder as _;
use pointmill::{ContextId, Engine, Flush, Kind};
use pointmill_benches::engine::{NOW, context, engine};
use pointmill_benches::figure::{Figure, Unit};
use pointmill_benches::harness::Options;
use pointmill_benches::rivals;
use pointmill_benches::workload::{targets, three_tags, values};

const CONTEXTS: usize = 10_000;
const SUITE: &str = "latency";

type Step = Box<dyn FnMut(usize, f64)>;
type Beside = Box<dyn Fn() + Send + Sync>;

struct Subject {
    name: &'static str,
    record: Step,
    beside: Arc<Beside>,
    /// Called after each slice.
    settle: Box<dyn FnMut(u64)>,
    times: Histogram<u64>,
}

fn main() {
    let options = Options::from_args();
    let slice = if options.once {
        Duration::from_millis(5)
    } else {
        Duration::from_millis(250)
    };
    let budget = if options.once {
        Duration::ZERO
    } else {
        3 * options.budget
    };
    let to = targets(CONTEXTS);
    let mut subjects = [ours(true), ours(false), clock(), metrics_handle()];
    let start = Instant::now();
    loop {
        for subject in &mut subjects {
            subject.slice(&to, slice);
        }
        if start.elapsed() >= budget {
            break;
        }
    }
    let figures: Vec<Figure> = [
        ("p50", 0.5),
        ("p99.9", 0.999),
        ("p99.99", 0.9999),
        ("max", 1.0),
    ]
    .into_iter()
    .flat_map(|(name, q)| {
        let row = format!("record while 10,000 contexts are flushed, {name}");
        subjects.iter().map(move |subject| {
            let ns = subject.times.value_at_quantile(q) as f64;
            let mut figure = Figure::single(SUITE, &row, subject.name, Unit::Ns, ns);
            figure.samples = subject.times.len();
            figure
        })
    })
    .collect();
    options.report(&figures);
}

impl Subject {
    fn slice(&mut self, to: &[u32], length: Duration) {
        let stop = Arc::new(AtomicBool::new(false));
        let (beside, stopped) = (Arc::clone(&self.beside), Arc::clone(&stop));
        let other = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                beside();
            }
        });
        let before = self.times.len();
        let end = Instant::now() + length;
        let mut last = Instant::now();
        while last < end {
            for (&target, &v) in to.iter().zip(values()) {
                (self.record)(target as usize, v);
                let now = Instant::now();
                self.times.saturating_record((now - last).as_nanos() as u64);
                // The histogram's own work is not a record's.
                last = Instant::now();
            }
        }
        stop.store(true, Ordering::Relaxed);
        other.join().expect("what runs beside does not panic");
        (self.settle)(self.times.len() - before);
    }

    fn new(
        name: &'static str,
        record: impl FnMut(usize, f64) + 'static,
        beside: impl Fn() + Send + Sync + 'static,
        settle: impl FnMut(u64) + 'static,
    ) -> Subject {
        Subject {
            name,
            record: Box::new(record),
            beside: Arc::new(Box::new(beside)),
            settle: Box::new(settle),
            times: Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("sound bounds"),
        }
    }
}

fn contexts(engine: &Engine) -> Vec<ContextId> {
    (0..CONTEXTS)
        .map(|i| context(engine, Kind::Distribution, i))
        .collect()
}

fn ours(flushing: bool) -> Subject {
    let engine = engine();
    let ids = contexts(&engine);
    let recorder = engine.clone();
    let flusher = engine.clone();
    let mut recorded = 0;
    Subject::new(
        if flushing {
            "pointmill"
        } else {
            "pointmill, no flush beside"
        },
        move |i, v| {
            let _ = recorder.record(ids[i], v);
        },
        move || {
            if flushing {
                let _ = flusher.flush(NOW, Flush::All);
            } else {
                // As busy as the other, but with nothing.
                std::hint::spin_loop();
            }
        },
        move |points| {
            recorded += points;
            let _ = engine.flush(NOW, Flush::All);
            let stats = engine.stats();
            assert_eq!((stats.recorded, stats.flushed), (recorded, recorded));
        },
    )
}

fn clock() -> Subject {
    let engine = engine();
    let ids = contexts(&engine);
    Subject::new(
        "the clock instead of a record",
        |i, v| {
            std::hint::black_box((i, v, Instant::now()));
        },
        move || {
            let rejected = engine.record_batch(&ids, &values()[..CONTEXTS]);
            assert_eq!(rejected, 0);
            assert_eq!(engine.flush(NOW, Flush::All).len(), CONTEXTS);
        },
        |_| (),
    )
}

fn metrics_handle() -> Subject {
    let (recorder, upkeep) = rivals::metrics_recorder();
    let handles: Vec<_> = (0..CONTEXTS)
        .map(|i| {
            recorder.register_histogram(&rivals::metrics_key(&three_tags(i)), &rivals::METADATA)
        })
        .collect();
    let afterwards = upkeep.clone();
    Subject::new(
        "metrics handle, rendered beside",
        move |i, v| handles[i].record(v),
        move || {
            std::hint::black_box(upkeep.render());
        },
        move |_| afterwards.run_upkeep(),
    )
}
