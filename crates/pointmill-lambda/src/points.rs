//! The way of a point.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use pointmill::{ContextId, Kind, RecordError};

use crate::lambda::PointError;
use crate::raw::{Buffer, Push, Sort};
use crate::state::{Custom, HeldContext, State};
use crate::stats::add;

/// How old a point may be that goes to the extension: what the layers have.
const EXTENSION_PAST_MAX_S: i64 = 4 * 3600;

/// Held ids of the buffer are told from the engine's by their owner, the mode; nothing to encode.
type Outcome = Result<(), PointError>;

impl State {
    #[inline]
    pub(crate) fn metric<S: AsRef<[u8]>>(&self, parts: &[S], value: f64) -> Outcome {
        self.admit(value, !parts.is_empty())?;
        match (self.fixed.custom, &self.points) {
            (Custom::Engine, _) => {
                self.fixed
                    .engine
                    .record_named(Kind::Distribution, parts, value)?;
                Ok(())
            }
            (Custom::Points, Some(points)) => {
                self.buffer(points, Sort::Custom, parts, value, self.now_s())
            }
            (Custom::Nowhere, _) => self.count_disabled(),
            _ => self.buffer(&self.side, Sort::Custom, parts, value, self.now_s()),
        }
    }

    pub(crate) fn metric_at<S: AsRef<[u8]>>(
        &self,
        parts: &[S],
        value: f64,
        unix_s: i64,
    ) -> Outcome {
        self.admit(value, !parts.is_empty())?;
        self.check_age(unix_s)?;
        match (self.fixed.custom, &self.points) {
            (Custom::Engine, _) => {
                let engine = &self.fixed.engine;
                let context = self.intern(parts).map_err(|e| self.counters.reject(e))?;
                Ok(engine.record_at(context, value, unix_s)?)
            }
            (Custom::Points, Some(points)) => {
                self.buffer(points, Sort::Custom, parts, value, unix_s)
            }
            (Custom::Nowhere, _) => self.count_disabled(),
            _ => self.buffer(&self.side, Sort::Custom, parts, value, unix_s),
        }
    }

    pub(crate) fn metric_async<S: AsRef<[u8]>>(
        &self,
        parts: &[S],
        value: f64,
        unix_s: Option<i64>,
    ) -> Outcome {
        self.admit(value, !parts.is_empty())?;
        if let Some(unix_s) = unix_s {
            self.check_age(unix_s)?;
        }
        let unix_s = unix_s.unwrap_or_else(|| self.now_s());
        self.buffer(&self.side, Sort::Custom, parts, value, unix_s)
    }

    /// A point `aws.lambda.enhanced.…` with these tags and no others.
    pub(crate) fn enhanced(&self, name: &str, tags: &[String], value: f64) {
        let name = ["aws.lambda.enhanced.", name].concat();
        let parts: Vec<&str> = std::iter::once(name.as_str())
            .chain(tags.iter().map(String::as_str))
            .collect();
        add(&self.counters.enhanced, 1);
        let outcome = self
            .admit(value, true)
            .and_then(|()| self.buffer(&self.side, Sort::Complete, &parts, value, self.now_s()));
        if let Err(error) = outcome {
            let text = format!("{name} was not taken: {error}");
            self.fixed.warnings.say(text);
        }
    }

    pub(crate) fn context<S: AsRef<[u8]>>(&self, parts: &[S]) -> Result<u64, RecordError> {
        if parts.is_empty() {
            return Err(RecordError::InvalidName);
        }
        match (self.fixed.custom, &self.points) {
            (Custom::Engine, _) => {
                let id = self.intern(parts)?.to_bits();
                let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
                held.by_id.entry(id).or_insert_with(|| HeldContext {
                    parts: parts.iter().map(|part| part.as_ref().into()).collect(),
                    now: id,
                });
                Ok(id)
            }
            (Custom::Points, Some(points)) => points.hold(parts),
            _ => self.side.hold(parts),
        }
    }

    #[inline]
    pub(crate) fn record(&self, context: u64, value: f64) -> Outcome {
        self.admit(value, true)?;
        match (self.fixed.custom, &self.points) {
            (Custom::Engine, _) => {
                match self
                    .fixed
                    .engine
                    .record(ContextId::from_bits(context), value)
                {
                    Err(RecordError::StaleContext) => self.revived(context, value, None),
                    done => Ok(done?),
                }
            }
            (Custom::Points, Some(points)) => {
                self.buffer_held(points, context, value, self.now_s())
            }
            (Custom::Nowhere, _) => self.count_disabled(),
            _ => self.buffer_held(&self.side, context, value, self.now_s()),
        }
    }

    pub(crate) fn record_at(&self, context: u64, value: f64, unix_s: i64) -> Outcome {
        self.admit(value, true)?;
        self.check_age(unix_s)?;
        match (self.fixed.custom, &self.points) {
            (Custom::Engine, _) => {
                let id = ContextId::from_bits(context);
                match self.fixed.engine.record_at(id, value, unix_s) {
                    Err(RecordError::StaleContext) => self.revived(context, value, Some(unix_s)),
                    done => Ok(done?),
                }
            }
            (Custom::Points, Some(points)) => self.buffer_held(points, context, value, unix_s),
            (Custom::Nowhere, _) => self.count_disabled(),
            _ => self.buffer_held(&self.side, context, value, unix_s),
        }
    }

    pub(crate) fn record_batch(
        &self,
        contexts: &[u64],
        values: &[f64],
        unix_s: Option<&[i64]>,
    ) -> usize {
        let points = contexts.iter().zip(values).enumerate();
        let refused = points.filter(|(i, (context, value))| {
            let outcome = match unix_s.and_then(|times| times.get(*i)) {
                Some(unix_s) => self.record_at(**context, **value, *unix_s),
                None => self.record(**context, **value),
            };
            outcome.is_err()
        });
        refused.count()
    }

    /// Whether points are taken at all, and this value and name in particular.
    #[inline]
    fn admit(&self, value: f64, named: bool) -> Outcome {
        if self.closed.load(Ordering::Relaxed) {
            add(&self.counters.closed, 1);
            return Err(PointError::Closed);
        }
        if !value.is_finite() {
            return Err(self.counters.reject(RecordError::NotFinite).into());
        }
        if !named {
            return Err(self.counters.reject(RecordError::InvalidName).into());
        }
        Ok(())
    }

    fn check_age(&self, unix_s: i64) -> Outcome {
        use crate::Mode;
        if self.fixed.mode == Mode::Extension && unix_s < self.now_s() - EXTENSION_PAST_MAX_S {
            self.fixed.warnings.say(
                "points more than four hours old are refused where the extension delivers them"
                    .to_owned(),
            );
            return Err(self.counters.reject(RecordError::TooOld).into());
        }
        Ok(())
    }

    #[cold]
    fn count_disabled(&self) -> Outcome {
        add(&self.counters.disabled, 1);
        self.fixed.warnings.say(
            "FIPS rules hold and there is neither extension nor log mode: custom points are \
             dropped; add the extension, or set DD_FLUSH_TO_LOG=true or DD_LAMBDA_FIPS_MODE=false"
                .to_owned(),
        );
        Ok(())
    }

    fn intern<S: AsRef<[u8]>>(&self, parts: &[S]) -> Result<ContextId, RecordError> {
        let (name, tags) = parts.split_first().ok_or(RecordError::InvalidName)?;
        self.fixed.engine.context(Kind::Distribution, name, tags)
    }

    /// Records to a held context that the engine has given back after its idle time.
    #[cold]
    fn revived(&self, context: u64, value: f64, unix_s: Option<i64>) -> Outcome {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let known = held
            .by_id
            .get_mut(&context)
            .ok_or(RecordError::StaleContext)?;
        // The engine has counted a refusal that is none.
        add(&self.counters.revived, 1);
        let engine = &self.fixed.engine;
        let put = |id: u64| match unix_s {
            Some(unix_s) => engine.record_at(ContextId::from_bits(id), value, unix_s),
            None => engine.record(ContextId::from_bits(id), value),
        };
        if known.now != context {
            match put(known.now) {
                Err(RecordError::StaleContext) => add(&self.counters.revived, 1),
                done => return Ok(done?),
            }
        }
        known.now = self
            .intern(&known.parts)
            .map_err(|e| self.counters.reject(e))?
            .to_bits();
        Ok(put(known.now)?)
    }

    #[inline]
    fn buffer<S: AsRef<[u8]>>(
        &self,
        buffer: &Buffer,
        sort: Sort,
        parts: &[S],
        value: f64,
        unix_s: i64,
    ) -> Outcome {
        match buffer.record(sort, parts, value, unix_s) {
            Ok(Push::Taken) => Ok(()),
            other => self.not_simply(buffer, other, || buffer.record(sort, parts, value, unix_s)),
        }
    }

    #[inline]
    fn buffer_held(&self, buffer: &Buffer, context: u64, value: f64, unix_s: i64) -> Outcome {
        match buffer.record_held(context, value, unix_s) {
            Ok(Push::Taken) => Ok(()),
            other => self.not_simply(buffer, other, || buffer.record_held(context, value, unix_s)),
        }
    }

    /// A point that was refused, or filled half of the buffer, or found no room.
    #[cold]
    fn not_simply(
        &self,
        buffer: &Buffer,
        first: Result<Push, RecordError>,
        again: impl Fn() -> Result<Push, RecordError>,
    ) -> Outcome {
        let mut outcome = first;
        // Other threads of the shard may fill it again meanwhile.
        for _ in 0..8 {
            match outcome {
                Ok(Push::Taken) => return Ok(()),
                Ok(Push::HalfFull) => {
                    self.half_full.store(true, Ordering::Relaxed);
                    self.timer.poke();
                    return Ok(());
                }
                Ok(Push::Full) => self.spill(buffer),
                Err(error) => return Err(self.counters.reject(error).into()),
            }
            outcome = again();
        }
        if outcome == Ok(Push::Full) {
            add(&self.counters.buffer, 1);
        }
        Ok(())
    }
}
