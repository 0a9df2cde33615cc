//! Random operations on an engine and on a model that keeps every value in a list. After every
//! operation the books must balance and agree; after every flush the snapshot must be the model's.

use std::collections::{BTreeMap, BTreeSet};

use pointmill::sketch::{Summary, key};
use pointmill::{Config, ContextId, Engine, Flush, Kind, RecordError, Value};
use proptest::prelude::*;

const START: i64 = 1_700_000_000;
const CONTEXTS_MAX: usize = 5;
const IDLE_FLUSHES: u32 = 2;
const PAST_MAX_S: i64 = 60;
const FUTURE_MAX_S: i64 = 30;

#[derive(Clone, Debug)]
enum Op {
    Context {
        key: usize,
    },
    Record {
        context: usize,
        value: f64,
    },
    RecordAt {
        context: usize,
        value: f64,
        offset_s: i64,
    },
    RecordSampled {
        context: usize,
        value: f64,
        rate: f64,
    },
    RecordMany {
        context: usize,
        values: Vec<f64>,
    },
    RecordBatch {
        points: Vec<(usize, f64)>,
    },
    RecordNamed {
        key: usize,
        shuffle: bool,
        value: f64,
    },
    Tick {
        forward_s: i64,
    },
    Flush {
        forward_s: i64,
        all: bool,
    },
}

/// Kinds, names and tag sets to choose from; more than there may be contexts.
fn key_of(i: usize) -> (Kind, &'static str, Vec<&'static str>) {
    let kind = Kind::ALL[i % 4];
    let name = ["a.latency", "b.hits", "c.depth", "d.size"][i % 4];
    let tags = [
        vec![],
        vec!["env:prod"],
        vec!["env:prod", "zone:a-rather-long-value"],
    ];
    (kind, name, tags[i / 4 % 3].clone())
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -1e3..1e6f64,
        4 => (0u32..40).prop_map(f64::from),
        2 => prop::num::f64::NORMAL,
        1 => Just(0.0),
        1 => Just(-0.0),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let context = 0usize..8;
    prop_oneof![
        3 => (0usize..12).prop_map(|key| Op::Context { key }),
        9 => (context.clone(), value()).prop_map(|(context, value)| Op::Record { context, value }),
        3 => (context.clone(), value(), -90i64..60)
            .prop_map(|(context, value, offset_s)| Op::RecordAt { context, value, offset_s }),
        2 => (context.clone(), value(), prop_oneof![Just(0.0), Just(1.0), Just(2.0), 0.001..1.0f64])
            .prop_map(|(context, value, rate)| Op::RecordSampled { context, value, rate }),
        2 => (context.clone(), prop::collection::vec(value(), 0..700))
            .prop_map(|(context, values)| Op::RecordMany { context, values }),
        2 => prop::collection::vec((context, value()), 0..40)
            .prop_map(|points| Op::RecordBatch { points }),
        4 => (0usize..12, any::<bool>(), value())
            .prop_map(|(key, shuffle, value)| Op::RecordNamed { key, shuffle, value }),
        1 => (0i64..25).prop_map(|forward_s| Op::Tick { forward_s }),
        2 => (0i64..25, any::<bool>()).prop_map(|(forward_s, all)| Op::Flush { forward_s, all }),
    ]
}

type Key = (Kind, String, Vec<String>);

#[derive(Clone, Copy, Debug)]
struct Weighted {
    value: f64,
    weight: f64,
    at: Option<i64>,
}

#[derive(Default)]
struct Model {
    now: i64,
    told: bool,
    flush_no: u32,
    /// Live contexts: the flush they were last used in, and a number of their own, so that a
    /// handle from an earlier life of the same key is known to be stale.
    live: BTreeMap<Key, (u32, u32)>,
    births: u32,
    waiting: BTreeMap<(Key, i64), Vec<Weighted>>,
    /// Entries that a flush has met while they were open: it may have put them aside and merged
    /// them later with what came after, which rounds sum and avg elsewhere.
    met_open: BTreeSet<(Key, i64)>,
    recorded: u64,
    rejected: [u64; 4],
    flushed: u64,
    overflowed: u64,
}

impl Model {
    fn resolve(&mut self, i: usize) -> Key {
        let (kind, name, tags) = key_of(i);
        let own: Key = (
            kind,
            name.into(),
            tags.iter().map(ToString::to_string).collect(),
        );
        if self.live.contains_key(&own) {
            return own;
        }
        let is_overflow = |key: &Key| key.2 == ["pointmill.overflow:true"];
        let full = self.live.keys().filter(|key| !is_overflow(key)).count() >= CONTEXTS_MAX;
        let key = if full {
            (kind, name.into(), vec!["pointmill.overflow:true".into()])
        } else {
            own
        };
        self.births += 1;
        self.live
            .entry(key.clone())
            .or_insert((self.flush_no, self.births));
        key
    }

    fn birth(&self, key: &Key) -> u32 {
        self.live.get(key).map_or(0, |life| life.1)
    }

    fn open(&self) -> i64 {
        self.now.div_euclid(10) * 10
    }

    /// What a record of this value to this key does, `None` for a stale one.
    fn record(
        &mut self,
        key: Option<&Key>,
        value: f64,
        rate: f64,
        at: Option<i64>,
    ) -> Result<(), RecordError> {
        self.recorded += 1;
        let Some(key) = key.filter(|key| self.live.contains_key(*key)) else {
            self.rejected[1] += 1;
            return Err(RecordError::StaleContext);
        };
        if !value.is_finite() {
            self.rejected[0] += 1;
            return Err(RecordError::NotFinite);
        }
        if let Some(at) = at.filter(|_| self.told) {
            if at < self.now - PAST_MAX_S {
                self.rejected[2] += 1;
                return Err(RecordError::TooOld);
            }
            if at > self.now + FUTURE_MAX_S {
                self.rejected[3] += 1;
                return Err(RecordError::TooNew);
            }
        }
        let weight = if rate > 0.0 && rate <= 1.0 {
            1.0 / rate
        } else {
            1.0
        };
        let interval = at.unwrap_or(self.now).div_euclid(10) * 10;
        self.overflowed += u64::from(key.2 == ["pointmill.overflow:true"]);
        self.waiting
            .entry((key.clone(), interval))
            .or_default()
            .push(Weighted { value, weight, at });
        Ok(())
    }

    fn flush(&mut self, all: bool) -> BTreeMap<(Key, i64), Vec<Weighted>> {
        self.flush_no += 1;
        let open = self.open();
        let (taken, left): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|((_, interval), _)| all || *interval < open);
        self.waiting = left;
        self.met_open.extend(self.waiting.keys().cloned());
        for (key, _) in taken.keys() {
            if let Some(life) = self.live.get_mut(key) {
                life.0 = self.flush_no;
            }
        }
        self.flushed += taken
            .values()
            .map(|points| points.len() as u64)
            .sum::<u64>();
        let (flush_no, waiting) = (self.flush_no, &self.waiting);
        self.live.retain(|key, life| {
            flush_no - life.0 <= IDLE_FLUSHES || waiting.keys().any(|(other, _)| other == key)
        });
        taken
    }
}

/// The value of an entry, from its points in their order.
fn expected(kind: Kind, points: &[Weighted]) -> (Value, Vec<(i16, u64)>) {
    let mut bins = BTreeMap::new();
    let value = match kind {
        Kind::Count => Value::Scalar(points.iter().fold(0.0, |sum, p| sum + p.value * p.weight)),
        Kind::Gauge => {
            let (mut last, mut latest) = (0.0, i64::MIN);
            for p in points {
                // Of two points with timestamps the later one stands; one without at once.
                if p.at.is_none_or(|at| at >= latest) {
                    last = p.value;
                    latest = p.at.unwrap_or(latest);
                }
            }
            Value::Scalar(last)
        }
        Kind::Distribution | Kind::Histogram => {
            let mut summary = Summary::default();
            for p in points {
                if p.weight == 1.0 {
                    summary.insert(p.value);
                } else {
                    summary.insert_weighted(p.value, p.weight);
                }
                *bins.entry(key::key(p.value)).or_insert(0) += p.weight as u64;
            }
            Value::Summary(summary)
        }
    };
    (value, bins.into_iter().collect())
}

/// Doubles by their bits, so that -0.0 and NaN count.
fn bits(value: Value) -> Vec<u64> {
    match value {
        Value::Scalar(v) => vec![v.to_bits()],
        Value::Summary(s) => {
            let doubles = [s.min, s.max, s.sum, s.avg].map(f64::to_bits);
            std::iter::once(s.count).chain(doubles).collect()
        }
    }
}

/// Whether two values agree but for the rounding of sums of up to some thousand values.
fn nearly(a: Value, b: Value, scalar_scale: f64) -> bool {
    let near = |a: f64, b: f64, scale: f64| {
        a.to_bits() == b.to_bits() || (a - b).abs() <= 1e-9 * scale || !scale.is_finite()
    };
    match (a, b) {
        (Value::Scalar(a), Value::Scalar(b)) => near(a, b, scalar_scale),
        (Value::Summary(a), Value::Summary(b)) => {
            let scale = a.min.abs().max(a.max.abs());
            // Where a product of mean and count overflows, how far depends on the parts.
            let sum_scale = scale * a.count as f64;
            let avg_scale = if sum_scale.is_finite() {
                scale
            } else {
                f64::INFINITY
            };
            let exact = (a.count, a.min.to_bits(), a.max.to_bits());
            exact == (b.count, b.min.to_bits(), b.max.to_bits())
                && near(a.avg, b.avg, avg_scale)
                && near(a.sum, b.sum, sum_scale)
        }
        _ => false,
    }
}

fn check_flush(engine: &Engine, model: &mut Model, all: bool) -> Result<(), TestCaseError> {
    let which = if all { Flush::All } else { Flush::Closed };
    let snapshot = engine.flush(model.now, which);
    model.told = true;
    let mut taken = model.flush(all);
    for entry in snapshot.iter() {
        let tags = entry.tags().map(String::from).collect();
        let key: Key = (entry.kind(), entry.name().into(), tags);
        let points = taken.remove(&(key.clone(), entry.interval()));
        let points = points.ok_or_else(|| {
            TestCaseError::fail(format!("{key:?} at {} twice or unknown", entry.interval()))
        })?;
        let (value, bins) = expected(entry.kind(), &points);
        prop_assert_eq!(entry.points(), points.len() as u64);
        let at = (key, entry.interval());
        let scale = points.iter().map(|p| (p.value * p.weight).abs()).sum();
        let met_open = model.met_open.remove(&at);
        if met_open && entry.kind() == Kind::Gauge && points.iter().any(|p| p.at.is_some()) {
            let any = points
                .iter()
                .any(|p| Value::Scalar(p.value) == entry.value());
            prop_assert!(any, "{:?}: none of the values recorded", at);
        } else if met_open {
            prop_assert!(
                nearly(entry.value(), value, scale),
                "{:?} {:?} {:?}",
                at,
                entry.value(),
                value
            );
        } else {
            prop_assert_eq!(bits(entry.value()), bits(value), "{:?}", at);
        }
        if let Some(sketch) = entry.sketch() {
            let got: Vec<_> = sketch
                .keys
                .iter()
                .zip(sketch.counts)
                .map(|(k, n)| (*k, u64::from(*n)))
                .collect();
            prop_assert_eq!(got, bins);
        }
    }
    prop_assert!(taken.is_empty(), "not flushed: {:?}", taken.keys());
    Ok(())
}

fn check_books(engine: &Engine, model: &Model) -> Result<(), TestCaseError> {
    let stats = engine.stats();
    prop_assert!(stats.balances(), "{:?}", stats);
    prop_assert_eq!(stats.recorded, model.recorded);
    prop_assert_eq!(stats.flushed, model.flushed);
    prop_assert_eq!(stats.rejected_not_finite, model.rejected[0]);
    prop_assert_eq!(stats.rejected_stale, model.rejected[1]);
    prop_assert_eq!(stats.rejected_too_old, model.rejected[2]);
    prop_assert_eq!(stats.rejected_too_new, model.rejected[3]);
    prop_assert_eq!(
        stats.pending,
        model.waiting.values().map(|p| p.len() as u64).sum::<u64>()
    );
    prop_assert_eq!(stats.contexts, model.live.len() as u64);
    prop_assert_eq!(stats.dropped(), 0);
    Ok(())
}

struct Run {
    engine: Engine,
    model: Model,
    held: Vec<Held>,
}

#[derive(Clone)]
struct Held {
    id: ContextId,
    key: Key,
    birth: u32,
}

impl Run {
    fn held(&self, i: usize) -> Option<Held> {
        self.held.get(i % self.held.len().max(1)).cloned()
    }

    /// The key of a handle, `None` if the handle is stale.
    fn key_of<'h>(&self, held: &'h Held) -> Option<&'h Key> {
        (self.model.birth(&held.key) == held.birth).then_some(&held.key)
    }

    fn step(&mut self, op: Op) -> Result<(), TestCaseError> {
        let (engine, model) = (self.engine.clone(), &mut self.model);
        match op {
            Op::Context { key } => {
                let (kind, name, mut tags) = key_of(key);
                tags.extend(tags.clone());
                let id = engine.context(kind, name, &tags).unwrap();
                let key = model.resolve(key);
                let birth = model.birth(&key);
                self.held.push(Held { id, key, birth });
            }
            Op::RecordNamed {
                key,
                shuffle,
                value,
            } => {
                let (kind, name, mut tags) = key_of(key);
                if shuffle {
                    tags.reverse();
                    tags.push("");
                }
                tags.insert(0, name);
                let got = engine.record_named(kind, &tags, value);
                // A value that is refused makes no context.
                if value.is_finite() {
                    let key = model.resolve(key);
                    prop_assert_eq!(got, model.record(Some(&key), value, 1.0, None));
                } else {
                    model.recorded += 1;
                    model.rejected[0] += 1;
                    prop_assert_eq!(got, Err(RecordError::NotFinite));
                }
            }
            Op::Tick { forward_s } => {
                model.now += forward_s;
                model.told = true;
                engine.tick(model.now);
            }
            Op::Flush { forward_s, all } => {
                model.now += forward_s;
                check_flush(&engine, model, all)?;
            }
            Op::RecordBatch { points } => {
                let held: Vec<_> = points.iter().filter_map(|(i, _)| self.held(*i)).collect();
                let ids: Vec<_> = held.iter().map(|held| held.id).collect();
                let values: Vec<_> = points.iter().map(|(_, v)| *v).take(ids.len()).collect();
                let rejected = engine.record_batch(&ids, &values);
                let mut expected = 0;
                for (held, value) in held.iter().zip(&values) {
                    let key = self.key_of(held);
                    expected += usize::from(self.model.record(key, *value, 1.0, None).is_err());
                }
                prop_assert_eq!(rejected, expected);
            }
            Op::Record { context, .. }
            | Op::RecordAt { context, .. }
            | Op::RecordSampled { context, .. }
            | Op::RecordMany { context, .. } => {
                if let Some(held) = self.held(context) {
                    let key = self.key_of(&held);
                    self.record(held.id, key, op)?;
                }
            }
        }
        Ok(())
    }

    fn record(&mut self, id: ContextId, key: Option<&Key>, op: Op) -> Result<(), TestCaseError> {
        let (engine, model) = (&self.engine, &mut self.model);
        match op {
            Op::Record { value, .. } => {
                prop_assert_eq!(
                    engine.record(id, value),
                    model.record(key, value, 1.0, None)
                );
            }
            Op::RecordAt {
                value, offset_s, ..
            } => {
                let at = model.now + offset_s;
                let expected = model.record(key, value, 1.0, Some(at));
                prop_assert_eq!(engine.record_at(id, value, at), expected);
            }
            Op::RecordSampled { value, rate, .. } => {
                let expected = model.record(key, value, rate, None);
                prop_assert_eq!(engine.record_sampled(id, value, rate), expected);
            }
            Op::RecordMany { values, .. } => {
                let results: Vec<_> = values
                    .iter()
                    .map(|v| model.record(key, *v, 1.0, None))
                    .collect();
                match engine.record_many(id, &values) {
                    Ok(rejected) => {
                        prop_assert_eq!(rejected, results.iter().filter(|r| r.is_err()).count());
                    }
                    Err(error) => prop_assert!(results.iter().all(|r| *r == Err(error))),
                }
            }
            _ => unreachable!("the caller has sorted these out"),
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_is_the_model(ops in prop::collection::vec(op(), 1..120)) {
        let mut config = Config::default();
        config.contexts_max = CONTEXTS_MAX as u64;
        config.idle_flushes = u64::from(IDLE_FLUSHES);
        config.past_max_s = PAST_MAX_S as u64;
        config.future_max_s = FUTURE_MAX_S as u64;
        config.threads_max = 2;
        config.arena_bytes = 8 << 20;
        let engine = Engine::new(&config, START).unwrap();
        let model = Model { now: START, ..Model::default() };
        let mut run = Run { engine, model, held: Vec::new() };
        for op in ops {
            run.step(op)?;
            check_books(&run.engine, &run.model)?;
        }
        check_flush(&run.engine, &mut run.model, true)?;
        check_books(&run.engine, &run.model)?;
        prop_assert_eq!(run.engine.stats().pending, 0);
    }
}
