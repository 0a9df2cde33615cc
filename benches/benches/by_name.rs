//! Recording by name: name and tags at hand as strings, as instrumented code has them.
//!
//! ours            the strings, in changing order of the tags; none is copied
//! metrics, macro  as its users write it: with literals (the key is a static then), with strings
//!                 that live for ever, and with owned strings (a label takes one)
//! opentelemetry   attributes made for the call, from literals and from owned strings
//! parts of …      no rivals: what our call cannot do without, each alone

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use pointmill::{Engine, Kind};
use pointmill_benches::engine::{engine, flush_and_check};
use pointmill_benches::harness::{self, Contest, timed};
use pointmill_benches::threads::{Clock, Crew, Job};
use pointmill_benches::workload::{NAME, VALUES, targets, values};
use pointmill_benches::{c_abi, rivals};

/// Contexts of the wide row.
const WIDE: usize = 10_000;

fn main() {
    // The macros record into the global recorder, as in an application.
    let (recorder, upkeep) = rivals::metrics_recorder();
    metrics::set_global_recorder(recorder).expect("it is the first");
    UPKEEP.set(upkeep).expect("it is the first");
    harness::main(
        "by_name",
        &[no_tags, two_tags, parts, c_parts, ten_tags, wide, scaling],
    );
}

static UPKEEP: std::sync::OnceLock<metrics_exporter_prometheus::PrometheusHandle> =
    std::sync::OnceLock::new();

/// The first two of these are the two tags.
const TAGS: [(&str, &str); 10] = [
    ("endpoint", "/v1/checkout"),
    ("status", "200"),
    ("env", "production"),
    ("service", "checkout"),
    ("region", "eu-west-1"),
    ("zone", "eu-west-1b"),
    ("version", "2026.07.3"),
    ("host", "i-0a1b2c3d4e5f60718"),
    ("team", "payments"),
    ("tier", "gold"),
];

/// [`TAGS`] as pointmill takes them.
const PARTS: [&str; 11] = [
    NAME,
    "endpoint:/v1/checkout",
    "status:200",
    "env:production",
    "service:checkout",
    "region:eu-west-1",
    "zone:eu-west-1b",
    "version:2026.07.3",
    "host:i-0a1b2c3d4e5f60718",
    "team:payments",
    "tier:gold",
];

/// Calls `record` with every value and its number.
#[inline(always)]
fn all(mut record: impl FnMut(usize, f64)) {
    values()
        .iter()
        .enumerate()
        .for_each(|(i, &v)| record(i, black_box(v)));
}

/// Name and tags in two orders.
fn orders(tags: usize) -> [Vec<&'static str>; 2] {
    let forwards = PARTS[..=tags].to_vec();
    let mut backwards = forwards.clone();
    backwards[1..].reverse();
    [forwards, backwards]
}

/// Name and tags of point `i`, where the compiler cannot know. What is hidden from it is a thin
/// reference: a wide one would pass through memory, stored as one and read as two, and a processor
/// waits for such a store to end.
#[inline(always)]
fn unknown_parts<T>(orders: &[Vec<T>; 2], i: usize) -> &[T] {
    black_box(&orders[i & 1]).as_slice()
}

fn ours(tags: usize) -> impl FnMut() -> Duration {
    let engine = engine();
    let orders = orders(tags);
    move || {
        let time = timed(|| {
            all(|i, v| {
                let parts = unknown_parts(&orders, i);
                let _ = engine.record_named(Kind::Distribution, parts, v);
            });
        });
        assert_eq!(flush_and_check(&engine, VALUES).len(), 1);
        time
    }
}

fn through_c(tags: usize) -> impl FnMut() -> Duration {
    let engine = c_abi::Engine::load().expect("the shared object");
    let orders =
        orders(tags).map(|order| order.into_iter().map(c_abi::Str::from).collect::<Vec<_>>());
    move || {
        let time = timed(|| {
            all(|i, v| {
                let parts = unknown_parts(&orders, i);
                black_box(engine.record_named(c_abi::DISTRIBUTION, parts, v));
            });
        });
        assert_eq!(engine.flush().expect("a snapshot"), 1);
        time
    }
}

/// One slice of a macro of `metrics`; what it recorded is drained afterwards.
fn macros(record: impl Fn(f64) + 'static) -> impl FnMut() -> Duration {
    let upkeep = UPKEEP.get().expect("main has set it");
    move || {
        let time = timed(|| all(|_, v| record(v)));
        upkeep.run_upkeep();
        time
    }
}

/// One slice of an OpenTelemetry histogram.
fn otel(record: impl Fn(&Histogram<f64>, f64) + 'static) -> impl FnMut() -> Duration {
    let (provider, meter) = rivals::otel();
    let histogram = meter.f64_histogram(NAME).build();
    move || {
        let _alive: &SdkMeterProvider = &provider;
        timed(|| all(|_, v| record(&histogram, v)))
    }
}

fn no_tags() -> Contest {
    Contest::new("record by name, no tags", VALUES)
        .subject("pointmill", ours(0))
        .subject("pointmill, C ABI", through_c(0))
        .subject(
            "metrics macro",
            macros(|v| metrics::histogram!("bare.latency").record(v)),
        )
        .subject("opentelemetry", otel(|h, v| h.record(v, &[])))
}

/// The values of the first `N` tags, unknown to the compiler.
#[inline(always)]
fn unknown<const N: usize>() -> [&'static str; N] {
    let tags = black_box(&TAGS);
    std::array::from_fn(|i| tags[i].1)
}

fn two_tags() -> Contest {
    Contest::new("record by name, 2 tags in any order", VALUES)
        .subject("pointmill", ours(2))
        .subject("pointmill, C ABI", through_c(2))
        .subject(
            "metrics macro, owned labels",
            macros(|v| {
                let [endpoint, status] = unknown();
                metrics::histogram!("two.latency", "endpoint" => endpoint.to_owned(),
                "status" => status.to_owned())
                .record(v);
            }),
        )
        .subject(
            "metrics macro, static labels",
            macros(|v| {
                let [endpoint, status] = unknown::<2>();
                metrics::histogram!("two.latency", "endpoint" => endpoint, "status" => status)
                    .record(v);
            }),
        )
        .subject(
            "metrics macro, literals only",
            macros(|v| {
                metrics::histogram!("two.latency", "endpoint" => "/v1/checkout", "status" => "200")
                    .record(v);
            }),
        )
        .subject(
            "opentelemetry",
            otel(|h, v| {
                let [endpoint, status] = unknown();
                h.record(
                    v,
                    &[
                        KeyValue::new("endpoint", endpoint),
                        KeyValue::new("status", status),
                    ],
                );
            }),
        )
        .subject(
            "opentelemetry, owned values",
            otel(|h, v| {
                let [endpoint, status] = unknown();
                h.record(
                    v,
                    &[
                        KeyValue::new("endpoint", endpoint.to_owned()),
                        KeyValue::new("status", status.to_owned()),
                    ],
                );
            }),
        )
}

/// A part's bytes as four words, of which some overlap: all there is to read of 8 to 32 bytes.
#[inline(always)]
fn words(part: &str) -> [u64; 4] {
    let bytes = part.as_bytes();
    let (n, word) = (bytes.len(), |at: usize| {
        u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
    });
    assert!((8..=32).contains(&n), "{part}");
    let (head, tail) = (word(0), word(n - 8));
    if n <= 16 {
        [head, tail, head, tail]
    } else {
        [head, tail, word(8), word(n - 16)]
    }
}

/// The least that hashes the words of some parts: two by two with a key, a multiplication each.
#[inline(always)]
fn hash(parts: &[&str], key: &[u64; 4]) -> u64 {
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    };
    let mut sum = 0_u64;
    for part in parts {
        let [a, b, c, d] = words(part);
        let mut one = fold(a ^ key[0], b ^ key[1].rotate_left(part.len() as u32));
        if part.len() > 16 {
            one = one.wrapping_add(fold(c ^ key[2], d ^ key[3]));
        }
        sum = sum.rotate_left(23).wrapping_add(one);
    }
    sum
}

/// The least that compares some parts with what is kept of them.
#[inline(always)]
fn are(parts: &[&str], kept: &[(usize, [u64; 4])]) -> bool {
    parts.len() == kept.len()
        && parts.iter().zip(kept).all(|(part, (len, kept))| {
            part.len() == *len && {
                let [a, b, c, d] = words(part);
                a == kept[0] && b == kept[1] && (*len <= 16 || (c == kept[2] && d == kept[3]))
            }
        })
}

/// What a record by name is made of: the parts hashed, the parts compared, and a record by handle.
/// Between them is what finds the one by the other.
fn parts() -> Contest {
    let by_handle = engine();
    let id = by_handle
        .context(Kind::Distribution, PARTS[0], &PARTS[1..3])
        .expect("within the limits");
    let key: [u64; 4] = std::array::from_fn(|i| (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (to_hash, to_compare) = (orders(2), orders(2));
    let hashes = orders(2).map(|order| hash(&order, &key));
    let kept = orders(2).map(|order| {
        let keep = |part: &&str| (part.len(), words(part));
        order.iter().map(keep).collect::<Vec<_>>()
    });
    Contest::new("parts of record by name, 2 tags", VALUES)
        .subject("pointmill", ours(2))
        .subject("hashing the parts, no more", move || {
            let (key, mut wrong) = (black_box(&key), 0);
            let time = timed(|| {
                all(|i, _| {
                    wrong += usize::from(hash(unknown_parts(&to_hash, i), key) != hashes[i & 1]);
                });
            });
            assert_eq!(wrong, 0);
            time
        })
        .subject("comparing the parts, no more", move || {
            let mut same = 0;
            let time = timed(|| {
                all(|i, _| {
                    let parts = unknown_parts(&to_compare, i);
                    same += usize::from(are(parts, unknown_parts(&kept, i)));
                });
            });
            assert_eq!(same, VALUES);
            time
        })
        .subject("a record by handle", move || {
            let time = timed(|| {
                all(|_, v| {
                    let _ = by_handle.record(id, v);
                });
            });
            flush_and_check(&by_handle, VALUES);
            time
        })
}

/// What the call itself costs through the C ABI: a function of the same signature, called as the
/// library's are, that reads its arguments and refuses NULL.
fn c_parts() -> Contest {
    extern "C" fn read(
        engine: *const Engine,
        kind: u32,
        parts: *const c_abi::Str,
        len: usize,
        value: f64,
    ) -> i32 {
        if engine.is_null() || parts.is_null() || kind == 0 || !value.is_finite() {
            return -1;
        }
        // SAFETY: whoever calls it here passes a slice.
        let parts = unsafe { std::slice::from_raw_parts(parts, len) };
        parts.iter().map(c_abi::Str::read).sum()
    }
    let engine = engine();
    let read = black_box(read as extern "C" fn(_, _, _, _, _) -> _);
    let orders = orders(2).map(|order| order.into_iter().map(c_abi::Str::from).collect::<Vec<_>>());
    let bytes: usize = PARTS[..3].iter().map(|part| part.len()).sum();
    Contest::new("parts of record by name, C ABI, 2 tags", VALUES)
        .subject("pointmill, C ABI", through_c(2))
        .subject("pointmill", ours(2))
        .subject("a call that reads its arguments, no more", move || {
            let mut sum = 0;
            let time = timed(|| {
                all(|i, v| {
                    let parts = unknown_parts(&orders, i);
                    sum += read(
                        &raw const engine,
                        c_abi::DISTRIBUTION,
                        parts.as_ptr(),
                        parts.len(),
                        v,
                    ) as usize;
                });
            });
            assert_eq!(sum, bytes * VALUES);
            time
        })
}

fn ten_tags() -> Contest {
    Contest::new("record by name, 10 tags in any order", VALUES)
        .subject("pointmill", ours(10))
        .subject("pointmill, C ABI", through_c(10))
        .subject(
            "metrics macro, owned labels",
            macros(|v| {
                let [a, b, c, d, e, f, g, h, i, j] = unknown().map(str::to_owned);
                metrics::histogram!("ten.latency", "endpoint" => a, "status" => b, "env" => c,
                "service" => d, "region" => e, "zone" => f, "version" => g, "host" => h,
                "team" => i, "tier" => j)
                .record(v);
            }),
        )
        .subject(
            "metrics macro, static labels",
            macros(|v| {
                let [a, b, c, d, e, f, g, h, i, j] = unknown();
                metrics::histogram!("ten.latency", "endpoint" => a, "status" => b, "env" => c,
                "service" => d, "region" => e, "zone" => f, "version" => g, "host" => h,
                "team" => i, "tier" => j)
                .record(v);
            }),
        )
        .subject(
            "opentelemetry",
            otel(|h, v| {
                let values = unknown::<10>();
                let attributes: [KeyValue; 10] =
                    std::array::from_fn(|i| KeyValue::new(TAGS[i].0, values[i]));
                h.record(v, &attributes);
            }),
        )
}

/// Two tags, of which the endpoint says which of [`WIDE`] contexts it is.
fn wide() -> Contest {
    let endpoints: Arc<[String]> = (0..WIDE).map(|i| format!("/v1/items/{i:04}")).collect();
    let tags: Vec<String> = endpoints.iter().map(|e| format!("endpoint:{e}")).collect();
    let to: Arc<[u32]> = targets(WIDE).into();
    let engine = engine();
    for tag in &tags {
        engine
            .context(Kind::Distribution, NAME, &[tag.as_str(), "status:200"])
            .expect("within the limits");
    }
    let for_macro = (Arc::clone(&endpoints), Arc::clone(&to));
    let for_otel = (endpoints, Arc::clone(&to));
    let (provider, meter) = rivals::otel();
    let histogram = meter.f64_histogram(NAME).build();
    Contest::new("record by name, 2 tags, 10,000 contexts", VALUES)
        .subject("pointmill", move || {
            let time = timed(|| {
                all(|i, v| {
                    let tag = tags[to[i] as usize].as_str();
                    let _ = engine.record_named(
                        Kind::Distribution,
                        &[NAME, tag, black_box("status:200")],
                        v,
                    );
                });
            });
            flush_and_check(&engine, VALUES);
            time
        })
        .subject("metrics macro, owned labels", move || {
            let (endpoints, to) = &for_macro;
            let time = timed(|| {
                all(|i, v| {
                    let endpoint = endpoints[to[i] as usize].clone();
                    metrics::histogram!("wide.latency", "endpoint" => endpoint,
                        "status" => black_box("200"))
                    .record(v);
                });
            });
            UPKEEP.get().expect("main has set it").run_upkeep();
            time
        })
        .subject("opentelemetry, owned values", move || {
            let _alive: &SdkMeterProvider = &provider;
            let (endpoints, to) = &for_otel;
            timed(|| {
                all(|i, v| {
                    let endpoint = endpoints[to[i] as usize].clone();
                    histogram.record(
                        v,
                        &[
                            KeyValue::new("endpoint", endpoint),
                            KeyValue::new("status", black_box("200")),
                        ],
                    );
                });
            })
        })
}

fn job(engine: &Engine, threads: usize) -> Job {
    let (engine, orders) = (engine.clone(), orders(2));
    Box::new(move || {
        for _ in 0..4 / threads {
            all(|i, v| {
                let parts = unknown_parts(&orders, i);
                let _ = engine.record_named(Kind::Distribution, parts, v);
            });
        }
    })
}

fn scaling() -> Contest {
    let subject = |threads: usize| {
        let engine = engine();
        let crew = Crew::new((0..threads).map(|_| job(&engine, threads)).collect());
        move || {
            let time = crew.slice(Clock::Cpu);
            flush_and_check(&engine, 4 * VALUES);
            time
        }
    };
    Contest::new(
        "throughput of 2 threads, by name, 2 tags, by processor time",
        4 * VALUES,
    )
    .subject("pointmill, 1 thread", subject(1))
    .subject("pointmill, 2 threads", subject(2))
}
