//! A client's own metrics, recorded into the engine it delivers for.
//!
//! | metric | kind | tags |
//! | --- | --- | --- |
//! | `pointmill.client.flushed`, `.accepted`, `.handed_over`, `.uncertain` | count of points | |
//! | `pointmill.client.dropped` | count of points | `cause:` |
//! | `pointmill.client.skipped` | count of points | `cause:` |
//! | `pointmill.client.requests` | count | |
//! | `pointmill.client.failed` | count of requests | `cause:` |
//! | `pointmill.client.queued`, `.spooled` | gauge of points | |
//!
//! Counts are what has been added since the flush before; those of 0 are left out. They travel with
//! everything else, so what they tell arrives one flush later.

use pointmill::{Engine, Kind};
use pointmill_wire::SkipCause;

use crate::{ClientStats, DropCause, FailCause};

/// The books as they were told last.
#[derive(Debug, Default)]
pub(crate) struct Emitted(ClientStats);

impl Emitted {
    pub(crate) fn emit(&mut self, engine: &Engine, now: &ClientStats) {
        let last = &self.0;
        for (name, now, last) in [
            ("flushed", now.flushed, last.flushed),
            ("accepted", now.accepted, last.accepted),
            ("handed_over", now.handed_over, last.handed_over),
            ("uncertain", now.uncertain, last.uncertain),
            ("requests", now.requests, last.requests),
        ] {
            count(engine, name, "", now - last);
        }
        for cause in DropCause::ALL {
            let more = now.dropped_for(cause) - last.dropped_for(cause);
            count(engine, "dropped", cause.name(), more);
        }
        for cause in SkipCause::ALL {
            let more = now.skipped_for(cause) - last.skipped_for(cause);
            count(engine, "skipped", cause.name(), more);
        }
        for cause in FailCause::ALL {
            let more = now.failed_for(cause) - last.failed_for(cause);
            count(engine, "failed", cause.name(), more);
        }
        for (name, value) in [("queued", now.queued), ("spooled", now.spooled)] {
            record(engine, Kind::Gauge, name, "", value);
        }
        self.0 = now.clone();
    }
}

fn count(engine: &Engine, name: &str, cause: &str, value: u64) {
    if value > 0 {
        record(engine, Kind::Count, name, cause, value);
    }
}

fn record(engine: &Engine, kind: Kind, name: &str, cause: &str, value: u64) {
    let name = format!("pointmill.client.{name}");
    let tag = format!("cause:{cause}");
    let parts = [name.as_str(), tag.as_str()];
    let parts = if cause.is_empty() {
        &parts[..1]
    } else {
        &parts[..]
    };
    // A full engine counts the refusal itself.
    let _ = engine.record_named(kind, parts, value as f64);
}
