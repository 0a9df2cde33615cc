//! The shared cases of `testdata/conformance`, run by the core: engine, sketch and encoders.

use std::collections::BTreeMap;

use ddsketch_agent::{InsertError, Profile, Sketch};
use pointmill::{Config, ConfigError, Engine, Flush, Intervals, Kind, RecordError, Snapshot};
use pointmill_conformance::{By, Code, Entry, Point, SkippedIs, Summary, Target, run_all};
use pointmill_wire::{EncodeConfig, EncodeConfigError, EncodeError};

struct Core(Engine);

/// The Agent's sketch; a type of ours, so that it can have the trait.
struct CoreSketch(Sketch);

#[test]
fn the_core_passes_the_shared_cases() {
    assert!(run_all::<Core>() >= 30, "cases were lost");
}

fn record_code(error: RecordError) -> Code {
    match error {
        RecordError::NotFinite => "NOT_FINITE",
        RecordError::StaleContext => "STALE_CONTEXT",
        RecordError::TooOld => "TOO_OLD",
        RecordError::TooNew => "TOO_NEW",
        RecordError::InvalidName => "INVALID_NAME",
        RecordError::NoRoom => "NO_ROOM",
        _ => "INVALID",
    }
    .into()
}

fn insert_code(error: InsertError) -> Code {
    match error {
        InsertError::NotFinite => "NOT_FINITE",
        InsertError::TooMany => "TOO_MANY",
        _ => "INVALID",
    }
    .into()
}

fn config_code(error: &ConfigError) -> Code {
    match error {
        ConfigError::UnknownOption { .. } => "UNKNOWN_OPTION",
        ConfigError::BadValue { .. } => "BAD_VALUE",
        ConfigError::ArenaTooSmall { .. } => "ARENA_TOO_SMALL",
        ConfigError::NoMemory { .. } => "NO_MEMORY",
        _ => "INVALID",
    }
    .into()
}

fn kind(name: &str) -> Kind {
    let found = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    found.unwrap_or_else(|| panic!("no kind {name:?}"))
}

impl Target for Core {
    type Sketch = CoreSketch;
    type Snapshot = Snapshot;
    const FEATURES: &'static [&'static str] = &[];

    fn engine(options: &BTreeMap<String, String>) -> Result<Core, Code> {
        let mut config = Config::default();
        for (name, value) in options {
            config.set(name, value).map_err(|e| config_code(&e))?;
        }
        let engine = Engine::new(&config, 0).map_err(|e| config_code(&e))?;
        Ok(Core(engine))
    }

    fn tick(&mut self, now: i64) {
        self.0.tick(now);
    }

    fn record(&mut self, by: By, point: &Point<'_>) -> Result<(), Code> {
        let engine = &self.0;
        if by == By::Name {
            let mut parts = vec![point.name.as_bytes()];
            parts.extend(point.tags.iter().map(String::as_bytes));
            return engine
                .record_named(kind(point.kind), &parts, point.value)
                .map_err(record_code);
        }
        let context = engine
            .context(kind(point.kind), point.name, point.tags)
            .map_err(record_code)?;
        match (point.rate, point.at) {
            (None, None) => engine.record(context, point.value),
            (None, Some(at)) => engine.record_at(context, point.value, at),
            (Some(rate), None) => engine.record_sampled(context, point.value, rate),
            (Some(rate), Some(at)) => engine.record_sampled_at(context, point.value, rate, at),
        }
        .map_err(record_code)
    }

    fn record_many(&mut self, point: &Point<'_>, values: &[f64]) -> Result<u64, Code> {
        let context = self
            .0
            .context(kind(point.kind), point.name, point.tags)
            .map_err(record_code)?;
        let rejected = self.0.record_many(context, values).map_err(record_code)?;
        Ok(rejected as u64)
    }

    fn flush(&mut self, now: i64, all: bool) -> Snapshot {
        let flush = if all { Flush::All } else { Flush::Closed };
        self.0.flush(now, flush)
    }

    fn stats(&self) -> BTreeMap<&'static str, u64> {
        let stats = self.0.stats();
        macro_rules! fields {
            ($($name:ident),+ $(,)?) => { BTreeMap::from([$((stringify!($name), stats.$name)),+]) };
        }
        fields!(
            recorded,
            flushed,
            pending,
            rejected_not_finite,
            rejected_stale,
            rejected_too_old,
            rejected_too_new,
            rejected_invalid_name,
            rejected_no_room,
            dropped_arena_full,
            dropped_stale,
            overflowed,
            contexts,
            contexts_expired,
            contexts_refused,
            flushes,
            utf8_mended,
        )
    }

    fn entries(snapshot: &Snapshot) -> Vec<Entry<CoreSketch>> {
        snapshot
            .iter()
            .map(|entry| Entry {
                kind: entry.kind().name().to_owned(),
                name: entry.name().to_owned(),
                tags: entry.tags().map(str::to_owned).collect(),
                interval: entry.interval(),
                points: entry.points(),
                value: entry.scalar(),
                sketch: entry.sketch().map(|sketch| CoreSketch(sketch.to_sketch())),
            })
            .collect()
    }

    fn merge(snapshots: &[Snapshot]) -> Snapshot {
        Snapshot::merge(snapshots)
    }

    fn group_by(snapshot: &Snapshot, keys: &[String], merge_intervals: bool) -> Snapshot {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let intervals = if merge_intervals {
            Intervals::Merge
        } else {
            Intervals::Keep
        };
        snapshot.group_by(&keys, intervals)
    }

    fn encode(
        snapshot: &Snapshot,
        options: &BTreeMap<String, String>,
    ) -> Result<(Vec<Vec<u8>>, Vec<SkippedIs>), Code> {
        let mut config = EncodeConfig::default();
        for (name, value) in options {
            config.set(name, value).map_err(|error| match error {
                EncodeConfigError::UnknownOption { .. } => Code::from("UNKNOWN_OPTION"),
                _ => Code::from("BAD_VALUE"),
            })?;
        }
        let encoded = pointmill_wire::encode(snapshot, &config).map_err(|error| match error {
            EncodeError::Config(_) | EncodeError::Compression { .. } => Code::from("ENCODE"),
            _ => Code::from("INVALID"),
        })?;
        let skipped = encoded.skipped.iter().map(|skipped| SkippedIs {
            cause: skipped.cause.name().to_owned(),
            entries: skipped.entries as u64,
            points: skipped.points,
            values: skipped.values,
        });
        let skipped = skipped.collect();
        let bodies = encoded.payloads.into_iter().map(|payload| payload.body);
        Ok((bodies.collect(), skipped))
    }
}

impl pointmill_conformance::Sketch for CoreSketch {
    fn empty() -> CoreSketch {
        CoreSketch(Sketch::new())
    }

    fn insert(&mut self, value: f64, n: Option<u64>, rate: Option<f64>) -> Result<(), Code> {
        match (n, rate) {
            (Some(n), _) => self.0.insert_n(value, n),
            (None, Some(rate)) => self.0.insert_sampled(value, rate),
            (None, None) => self.0.insert(value),
        }
        .map_err(insert_code)
    }

    fn interpolate(&mut self, lower: f64, upper: f64, n: u64) -> Result<(), Code> {
        self.0
            .insert_interpolated(lower, upper, n)
            .map_err(insert_code)
    }

    fn merge(&mut self, other: &CoreSketch) {
        self.0.merge(&other.0);
    }

    fn summary(&self) -> Summary {
        let summary = self.0.summary();
        (
            summary.count,
            summary.min,
            summary.max,
            summary.sum,
            summary.avg,
        )
    }

    fn quantile(&self, q: f64, agent: bool) -> Result<f64, Code> {
        if q.is_nan() {
            return Err("INVALID".into());
        }
        let quantile = if agent {
            self.0.quantile_agent(q)
        } else {
            self.0.quantile(q)
        };
        quantile.ok_or_else(|| "EMPTY".into())
    }

    fn bins(&self) -> Vec<(i16, u32)> {
        let bins = self.0.bins(Profile::U32);
        bins.keys.into_iter().zip(bins.counts).collect()
    }

    fn key(value: f64) -> Result<i16, Code> {
        if value.is_finite() {
            Ok(ddsketch_agent::key::key(value))
        } else {
            Err("NOT_FINITE".into())
        }
    }

    fn encode(&self, format: &str) -> Result<Vec<u8>, Code> {
        unreachable!("the bytes of one sketch ({format}) are put together by the C ABI")
    }

    fn decode(format: &str, _: &[u8]) -> Result<CoreSketch, Code> {
        unreachable!("the bytes of one sketch ({format}) are taken apart by the C ABI")
    }
}
