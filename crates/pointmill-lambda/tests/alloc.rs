//! The buffer of single points: recording allocates nothing once contexts are known, and memory
//! stays bounded while nobody takes what is written.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{PipeReader, Read, pipe};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pointmill_lambda::settings::Source;
use pointmill_lambda::{Lambda, Language, Parts};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Bytes in use, of all threads.
static LIVE: AtomicI64 = AtomicI64::new(0);
static MOST: AtomicI64 = AtomicI64::new(0);

fn grown(bytes: i64) {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
    let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(live, Ordering::Relaxed);
}

// SAFETY: passes every call on to the system's allocator unchanged; the counters are plain cells
// and atomics without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size() as i64);
        // SAFETY: the caller's layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's pointer and layout, which came from `alloc` above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grown(size as i64 - layout.size() as i64);
        // SAFETY: as for dealloc.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test at a time: the bytes are counted of all threads.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn allocations(f: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    f();
    ALLOCATIONS.get() - before
}

/// In log mode, with a pipe as its log.
fn in_log_mode(buffer_points_max: &str, in_thread: &str) -> (Lambda, PipeReader) {
    let mut source = Source::new(Language::Python);
    source.variable("DD_FLUSH_TO_LOG", "true");
    source.set("extension_path", "/nowhere/at/all").unwrap();
    source.set("buffer_points_max", buffer_points_max).unwrap();
    source.set("flush_in_thread", in_thread).unwrap();
    let (reader, writer) = pipe().unwrap();
    let parts = Parts {
        log: Some(writer.into()),
        ..Parts::default()
    };
    (Lambda::with_parts(&source, parts).unwrap(), reader)
}

#[test]
fn recording_to_known_contexts_allocates_nothing() {
    let _turn = turn();
    assert!(allocations(|| drop(std::hint::black_box(Box::new(1)))) >= 1);
    let (lambda, mut log) = in_log_mode("65536", "false");
    let reading = std::thread::spawn(move || lines(&mut log));
    let held = lambda.context(&["held", "env:prod"]).unwrap();
    let named = ["checkout.latency", "env:prod", "zone:eu-west-1a"];
    for round in 0..4 {
        let count = allocations(|| {
            for i in 0..5_000 {
                lambda.metric(&named, f64::from(i)).unwrap();
                lambda
                    .metric_at(&named, f64::from(i), Some(1_700_000_000))
                    .unwrap();
                lambda.record(held, f64::from(i)).unwrap();
            }
        });
        // The first round meets the contexts.
        assert!(
            round == 0 || count == 0,
            "round {round}: {count} allocations"
        );
        assert!(lambda.flush(Duration::from_secs(120)).unwrap().complete());
    }
    drop(lambda);
    assert_eq!(reading.join().unwrap(), 60_000);
}

fn lines(log: &mut PipeReader) -> usize {
    let mut text = Vec::new();
    log.read_to_end(&mut text).unwrap();
    text.iter().filter(|byte| **byte == b'\n').count()
}

/// Outside of an invocation the thread is started and woken from the recording call.
#[test]
fn telling_the_thread_allocates_nothing_once_it_runs() {
    let _turn = turn();
    let (lambda, mut log) = in_log_mode("65536", "true");
    let reading = std::thread::spawn(move || lines(&mut log));
    let named = ["checkout.latency", "env:prod", "zone:eu-west-1a"];
    let mut flushes = 0;
    for round in 0..50 {
        let count = allocations(|| (0..10).for_each(|_| lambda.metric(&named, 1.0).unwrap()));
        assert!(round == 0 || count == 0, "round {round}: {count}");
        while lambda.stats().flushes == flushes || lambda.stats().pending > 0 {
            std::thread::yield_now();
        }
        flushes = lambda.stats().flushes;
    }
    drop(lambda);
    assert_eq!(reading.join().unwrap(), 500);
}

/// Bytes that delivery keeps in memory, and what the buffers and one group of bodies have beside it.
const BOUND: i64 = (15 << 20) + (8 << 20);

#[test]
fn a_log_that_nobody_reads_costs_bounded_memory_and_counted_points() {
    let _turn = turn();
    let (lambda, log) = in_log_mode("4096", "false");
    drop(log);
    let before = LIVE.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let tag = format!("long:{}", "x".repeat(400));
    for i in 0..100_000 {
        lambda.metric(&["m", &tag], f64::from(i)).unwrap();
    }
    let most = MOST.load(Ordering::Relaxed) - before;
    // Lines of more than forty million bytes.
    assert!(most < BOUND, "{most}");
    let stats = lambda.stats();
    assert!(stats.balances() && stats.recorded == 100_000, "{stats:?}");
    assert!(stats.dropped_delivery > 50_000, "{stats:?}");
    assert!(stats.queued > 10_000, "{stats:?}");
}
