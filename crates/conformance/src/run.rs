//! The runner.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::cases::{self, Case, EntryIs, SketchIs, Step};
use crate::{By, Code, Point, Sketch, Target};

/// Runs every case that `T` has the features for; returns how many.
///
/// # Panics
/// With the case, the step and both values, if something is not as the case says; also if a file
/// cannot be read or two cases have one name.
#[must_use]
pub fn run_all<T: Target>() -> usize {
    let mut names = BTreeSet::new();
    let mut ran = 0;
    for (path, case) in cases::read() {
        assert!(
            names.insert(case.name.clone()),
            "{}: two cases {:?}",
            path.display(),
            case.name
        );
        if !case
            .needs
            .iter()
            .all(|feature| T::FEATURES.contains(&feature.as_str()))
        {
            continue;
        }
        run::<T>(&case);
        ran += 1;
    }
    ran
}

struct State<T: Target> {
    engine: Option<T>,
    snapshots: Vec<T::Snapshot>,
    sketches: HashMap<String, T::Sketch>,
}

fn run<T: Target>(case: &Case) {
    let mut state = State::<T> {
        engine: None,
        snapshots: Vec::new(),
        sketches: HashMap::new(),
    };
    for (i, step) in case.step.iter().enumerate() {
        let place = format!("case {:?}, step {i} ({})", case.name, step.op);
        state.step(&place, step, &case.config);
        if let Some(engine) = &state.engine {
            balances(&place, &engine.stats());
        }
    }
}

/// The identity of the ledger.
fn balances(place: &str, stats: &BTreeMap<&'static str, u64>) {
    let lost: u64 = (stats.iter())
        .filter(|(name, _)| name.starts_with("rejected_") || name.starts_with("dropped_"))
        .map(|(_, n)| n)
        .sum();
    let accounted = stats["flushed"] + stats["pending"] + lost;
    assert_eq!(
        stats["recorded"], accounted,
        "{place}: the ledger does not balance: {stats:?}"
    );
}

/// Compares the outcome of a call with what the step says about errors; its value, if it may go on.
fn outcome<V>(place: &str, step: &Step, result: Result<V, Code>) -> Option<V> {
    match (&step.error, result) {
        (None, Ok(value)) => Some(value),
        (None, Err(code)) => panic!("{place}: failed with {code}"),
        (Some(wanted), Err(code)) => {
            assert_eq!(*wanted, code, "{place}");
            None
        }
        (Some(wanted), Ok(_)) => panic!("{place}: succeeded instead of {wanted}"),
    }
}

impl<T: Target> State<T> {
    fn step(&mut self, place: &str, step: &Step, config: &BTreeMap<String, String>) {
        match step.op.as_str() {
            "engine" => {
                self.engine = outcome(place, step, T::engine(config));
            }
            "tick" => self.engine(place, config).tick(step.now),
            "record" => record(place, step, self.engine(place, config)),
            "flush" => {
                let snapshot = self.engine(place, config).flush(step.now, step.all);
                self.take(place, step, snapshot);
            }
            "stats" => {
                let stats = self.engine(place, config).stats();
                for (name, wanted) in &step.stats {
                    let got = stats.get(name.as_str());
                    assert_eq!(got, Some(wanted), "{place}: {name} of {stats:?}");
                }
            }
            "merge" => {
                let merged = T::merge(&self.snapshots);
                self.take(place, step, merged);
            }
            "group_by" => {
                let grouped = T::group_by(self.last(place), &step.keys, step.merge_intervals);
                self.take(place, step, grouped);
            }
            "encode" => encode::<T>(place, step, self.last(place)),
            _ => self.sketch_step(place, step),
        }
    }

    fn sketch_step(&mut self, place: &str, step: &Step) {
        let name = step
            .into
            .as_ref()
            .or(step.sketch.as_ref())
            .map_or("main", |name| name);
        match step.op.as_str() {
            "insert" => {
                let sketch = self.sketch(name);
                for value in step.all_values() {
                    outcome(place, step, sketch.insert(value, step.n, step.rate));
                }
            }
            "interpolate" => {
                let n = step.n.unwrap_or(1);
                let spread = self.sketch(name).interpolate(step.lower, step.upper, n);
                outcome(place, step, spread);
            }
            "merge_sketch" => {
                let from = step.from.as_deref().unwrap_or("main");
                let other = self.sketches.remove(from).unwrap_or_else(T::Sketch::empty);
                self.sketch(name).merge(&other);
                self.sketches.insert(from.to_owned(), other);
            }
            "decode" => {
                let decoded = T::Sketch::decode(&step.format, &bytes(place, &step.hex));
                if let Some(sketch) = outcome(place, step, decoded) {
                    self.sketches.insert(name.to_owned(), sketch);
                }
            }
            "sketch" => {
                let is = step
                    .is
                    .as_ref()
                    .unwrap_or_else(|| panic!("{place}: no `is`"));
                compare_sketch(place, is, self.sketch(name));
            }
            "encode_sketch" => {
                let encoded = self.sketch(name).encode(&step.format);
                if let Some(got) = outcome(place, step, encoded) {
                    assert_eq!(hex(&got), step.hex, "{place}");
                }
            }
            "quantile" => {
                let quantile = self.sketch(name).quantile(step.q, false);
                if let Some(got) = outcome(place, step, quantile) {
                    same(place, "result", step.result, got);
                }
            }
            "key" => {
                let value = step.value.unwrap_or_default();
                if let Some(got) = outcome(place, step, T::Sketch::key(value)) {
                    same(place, "result", step.result, f64::from(got));
                }
            }
            other => panic!("{place}: no such op {other:?}"),
        }
    }

    fn engine(&mut self, place: &str, config: &BTreeMap<String, String>) -> &mut T {
        self.engine
            .get_or_insert_with(|| T::engine(config).unwrap_or_else(|e| panic!("{place}: {e}")))
    }

    fn sketch(&mut self, name: &str) -> &mut T::Sketch {
        self.sketches
            .entry(name.to_owned())
            .or_insert_with(T::Sketch::empty)
    }

    fn last(&self, place: &str) -> &T::Snapshot {
        self.snapshots
            .last()
            .unwrap_or_else(|| panic!("{place}: no snapshot yet"))
    }

    /// Compares a snapshot and keeps it.
    fn take(&mut self, place: &str, step: &Step, snapshot: T::Snapshot) {
        if let Some(wanted) = &step.entries {
            compare_entries::<T>(place, wanted, &snapshot);
        }
        self.snapshots.push(snapshot);
    }
}

fn record<T: Target>(place: &str, step: &Step, engine: &mut T) {
    let name = step.name.repeat(step.name_times.unwrap_or(1));
    let times = step.tag_times.unwrap_or(1);
    let tags: Vec<String> = step.tags.iter().map(|tag| tag.repeat(times)).collect();
    let mut point = Point {
        kind: &step.kind,
        name: &name,
        tags: &tags,
        value: 0.0,
        at: step.at,
        rate: step.rate,
    };
    let values = step.all_values();
    assert!(!values.is_empty(), "{place}: no value");
    let by = match step.by.as_deref() {
        None | Some("held") => By::Held,
        Some("name") => By::Name,
        Some("many") => {
            if let Some(rejected) = outcome(place, step, engine.record_many(&point, &values)) {
                assert_eq!(rejected, step.rejected, "{place}: refused");
            }
            return;
        }
        Some(other) => panic!("{place}: no way {other:?} to record by"),
    };
    for value in values {
        point.value = value;
        outcome(place, step, engine.record(by, &point));
    }
}

fn encode<T: Target>(place: &str, step: &Step, snapshot: &T::Snapshot) {
    let Some((bodies, mut skipped)) = outcome(place, step, T::encode(snapshot, &step.options))
    else {
        return;
    };
    if let Some(wanted) = &step.bodies {
        let texts: Vec<_> = bodies
            .iter()
            .map(|body| String::from_utf8_lossy(body))
            .collect();
        assert_eq!(*wanted, texts, "{place}");
    }
    if let Some(wanted) = &step.bodies_hex {
        let texts: Vec<_> = bodies.iter().map(|body| hex(body)).collect();
        assert_eq!(*wanted, texts, "{place}");
    }
    if let Some(wanted) = &step.skipped {
        let mut wanted = wanted.clone();
        wanted.sort();
        skipped.sort();
        assert_eq!(wanted, skipped, "{place}");
    }
}

fn compare_entries<T: Target>(place: &str, wanted: &[EntryIs], snapshot: &T::Snapshot) {
    let mut got = T::entries(snapshot);
    got.sort_by(|a, b| {
        (&a.kind, &a.name, &a.tags, a.interval).cmp(&(&b.kind, &b.name, &b.tags, b.interval))
    });
    let mut wanted: Vec<(Vec<&String>, &EntryIs)> = wanted
        .iter()
        .map(|entry| {
            let mut tags: Vec<&String> = entry.tags.iter().collect();
            tags.sort();
            (tags, entry)
        })
        .collect();
    wanted.sort_by(|(x, a), (y, b)| {
        (&a.kind, &a.name, x, a.interval).cmp(&(&b.kind, &b.name, y, b.interval))
    });
    let shown: Vec<_> = got
        .iter()
        .map(|e| (&e.kind, &e.name, &e.tags, e.interval, e.points, e.value))
        .collect();
    assert_eq!(
        wanted.len(),
        got.len(),
        "{place}: entries; there are {shown:?}"
    );
    for ((tags, wanted), got) in wanted.into_iter().zip(&got) {
        let place = format!(
            "{place}, entry {} {tags:?} at {}",
            wanted.name, wanted.interval
        );
        let head = (wanted.kind.as_str(), wanted.name.as_str(), wanted.interval);
        assert_eq!(
            head,
            (got.kind.as_str(), got.name.as_str(), got.interval),
            "{place}"
        );
        assert_eq!(tags, got.tags.iter().collect::<Vec<_>>(), "{place}");
        assert_eq!(
            wanted.points.unwrap_or(got.points),
            got.points,
            "{place}: points"
        );
        if wanted.value.is_some() {
            let value = got.value.unwrap_or_else(|| panic!("{place}: has no value"));
            same(&place, "value", wanted.value, value);
        }
        if let Some(is) = wanted.sketch() {
            let sketch = got
                .sketch
                .as_ref()
                .unwrap_or_else(|| panic!("{place}: has no sketch"));
            compare_sketch(&place, &is, sketch);
        }
    }
}

fn compare_sketch<S: Sketch>(place: &str, is: &SketchIs, sketch: &S) {
    let (count, min, max, sum, avg) = sketch.summary();
    assert_eq!(is.count.unwrap_or(count), count, "{place}: count");
    for (what, wanted, got) in [
        ("min", is.min, min),
        ("max", is.max, max),
        ("sum", is.sum, sum),
        ("avg", is.avg, avg),
    ] {
        same(place, what, wanted, got);
    }
    if let Some(wanted) = &is.bins {
        assert_eq!(*wanted, sketch.bins(), "{place}: bins");
    }
    for (agent, quantiles) in [(false, &is.quantiles), (true, &is.quantiles_agent)] {
        for (q, wanted) in quantiles {
            let got = sketch
                .quantile(*q, agent)
                .unwrap_or_else(|e| panic!("{place}: quantile {q}: {e}"));
            same(place, &format!("quantile {q}"), Some(*wanted), got);
        }
    }
}

/// Equal to the last bit, if anything is wanted.
fn same(place: &str, what: &str, wanted: Option<f64>, got: f64) {
    let Some(wanted) = wanted else { return };
    let equal = wanted.to_bits() == got.to_bits() || (wanted.is_nan() && got.is_nan());
    assert!(equal, "{place}: {what} is {got:?}, not {wanted:?}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(place: &str, hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|i| {
            let digits = hex.get(i..i + 2).unwrap_or_default();
            u8::from_str_radix(digits, 16).unwrap_or_else(|e| panic!("{place}: hex at {i}: {e}"))
        })
        .collect()
}
