//! Recording to known contexts allocates nothing: by handle and by name, all kinds, whatever the
//! order of the tags; nor does the thread's first record after a flush.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use pointmill::{Config, Engine, Flush, Kind};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: passes every call on to the system's allocator unchanged; the counter is a plain cell
// without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's pointer and layout, which came from `alloc` above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as for dealloc.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(f: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    f();
    ALLOCATIONS.get() - before
}

#[test]
fn the_counter_counts() {
    assert!(allocations(|| drop(std::hint::black_box(Box::new(1)))) >= 1);
}

#[test]
fn recording_to_known_contexts_allocates_nothing() {
    let engine = Engine::new(&Config::default(), 1_700_000_000).unwrap();
    let tags = [
        "env:prod",
        "service:checkout",
        "zone:eu-west-1a",
        "host:i-0123456789abcdef0",
    ];
    let many: Vec<String> = (0..60).map(|i| format!("tag{i}:value")).collect();
    let mut many_named: Vec<&str> = vec!["many"];
    many_named.extend(many.iter().map(String::as_str));
    let mut ids = Vec::new();
    for kind in Kind::ALL {
        ids.push(engine.context(kind, "checkout.latency", &tags).unwrap());
        engine.context(kind, "many", &many).unwrap();
        engine.context::<&str>(kind, "none", &[]).unwrap();
    }
    engine.record(ids[0], 1.0).unwrap();
    let values: Vec<f64> = (0..5000).map(|i| f64::from(i) * 0.37 - 300.0).collect();
    let batch: Vec<_> = (0..values.len()).map(|i| ids[i * 7 % ids.len()]).collect();
    for round in 0..3 {
        let count = allocations(|| {
            for (i, &value) in values.iter().enumerate() {
                engine.record(ids[i % ids.len()], value).unwrap();
                engine
                    .record_at(ids[i % ids.len()], value, 1_700_000_000)
                    .unwrap();
                engine
                    .record_sampled(ids[i % ids.len()], value, 0.25)
                    .unwrap();
            }
            engine.record_many(ids[0], &values).unwrap();
            assert_eq!(engine.record_batch(&batch, &values), 0);
            for kind in Kind::ALL {
                let orders = [[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]];
                for order in orders {
                    let mut parts = ["checkout.latency"; 5];
                    (0..4).for_each(|i| parts[i + 1] = tags[order[i]]);
                    engine.record_named(kind, &parts, 1.5).unwrap();
                }
                let duplicates = [
                    "checkout.latency",
                    tags[1],
                    tags[0],
                    "",
                    tags[3],
                    tags[2],
                    tags[1],
                ];
                engine.record_named(kind, &duplicates, 1.5).unwrap();
                engine.record_named(kind, &["none"], 1.5).unwrap();
                many_named[1..].reverse();
                engine.record_named(kind, &many_named, 2.5).unwrap();
            }
            engine.tick(1_700_000_000);
        });
        assert_eq!(count, 0, "allocations in round {round}");
        assert_eq!(engine.stats().contexts, 12, "all names were known");
        let snapshot = engine.flush(1_700_000_000, Flush::All);
        assert!(!snapshot.is_empty());
    }
}
