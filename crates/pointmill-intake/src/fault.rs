//! Scripted faults: what an intake can do to its clients, on demand.

use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One fault. The first that fits a request and is not used up is carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fault {
    /// Only requests whose path begins so; every intake route if empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Let so many pass first.
    pub skip: u64,
    /// How often; for ever if `None`.
    pub count: Option<u64>,
    /// Answer with this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The header `Retry-After`, with a status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
    /// The body, with a status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Wait so long first; on its own the request then goes through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Cut the connection.
    pub reset: bool,
    /// Never answer.
    pub hang: bool,
    /// Store the body first: the answer is lost, not the data.
    pub stored: bool,
}

impl Fault {
    /// Reads `status=503,count=2,retry_after=1,path=/api/beta`, `delay=200ms`, `reset`, `hang`.
    ///
    /// # Errors
    /// The word that is wrong, and the words there are.
    pub fn parse(text: &str) -> Result<Fault, String> {
        let mut fault = Fault::default();
        for item in text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            let (word, value) = item.split_once('=').unwrap_or((item, ""));
            let number = || {
                value
                    .parse::<u64>()
                    .map_err(|_| format!("{item:?}: a whole number belongs behind {word}="))
            };
            match word {
                "path" => value.clone_into(&mut fault.path),
                "skip" => fault.skip = number()?,
                "count" => fault.count = Some(number()?),
                "status" => fault.status = Some(u16::try_from(number()?).unwrap_or(0)),
                "retry_after" => fault.retry_after = Some(value.to_owned()),
                "body" => fault.body = Some(value.to_owned()),
                "delay" => {
                    fault.delay_ms = Some(match value.strip_suffix("ms") {
                        Some(ms) => ms
                            .parse()
                            .map_err(|_| format!("{item:?}: write delay=200ms or delay=2s"))?,
                        None => crate::query::parse_length(value)?.unsigned_abs() * 1_000,
                    });
                }
                "reset" => fault.reset = true,
                "hang" => fault.hang = true,
                "stored" => fault.stored = true,
                _ => {
                    return Err(format!(
                        "no fault {word:?}; there are status, retry_after, body, delay, reset, hang, stored, path, skip and count"
                    ));
                }
            }
        }
        fault.check()?;
        Ok(fault)
    }

    /// Whether it says what to do.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn check(&self) -> Result<(), String> {
        if let Some(status) = self.status
            && !(200..600).contains(&status)
        {
            return Err(format!("status {status} is none; take one from 200 to 599"));
        }
        if self.status.is_none() && self.delay_ms.is_none() && !self.reset && !self.hang {
            return Err("a fault that does nothing; give status, delay, reset or hang".to_owned());
        }
        Ok(())
    }

    /// How long to wait first.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms.unwrap_or(0))
    }

    /// Whether the request gets no proper answer; a mere delay lets it through.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.status.is_some() || self.reset || self.hang
    }
}

/// The script.
#[derive(Debug, Default)]
pub struct Faults {
    left: Mutex<Vec<Fault>>,
}

impl Faults {
    /// A script of these.
    #[must_use]
    pub fn new(faults: Vec<Fault>) -> Faults {
        Faults {
            left: Mutex::new(faults),
        }
    }

    /// The fault for a request to `path`, which is used up by one.
    #[must_use]
    pub fn next(&self, path: &str) -> Option<Fault> {
        let mut left = self.lock();
        let at = left.iter_mut().position(|fault| {
            if !path.starts_with(&fault.path) || fault.count == Some(0) {
                return false;
            }
            let passes = fault.skip > 0;
            fault.skip = fault.skip.saturating_sub(1);
            !passes
        })?;
        let fault = left[at].clone();
        if let Some(count) = &mut left[at].count {
            *count -= 1;
        }
        left.retain(|fault| fault.count != Some(0));
        Some(fault)
    }

    /// What is left of the script.
    #[must_use]
    pub fn left(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    /// Puts another script in its place.
    pub fn set(&self, faults: Vec<Fault>) {
        *self.lock() = faults;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.left
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_played_in_order() {
        let script = [
            "status=503,count=2,skip=1,path=/a",
            "reset,count=1,path=/a",
            "delay=200ms",
        ];
        let faults = Faults::new(
            script
                .iter()
                .map(|text| Fault::parse(text).unwrap())
                .collect(),
        );
        let next = |path| faults.next(path).map(|f| (f.status, f.reset, f.delay_ms));
        let (busy, cut, late) = (
            (Some(503), false, None),
            (None, true, None),
            (None, false, Some(200)),
        );
        assert_eq!(next("/b"), Some(late));
        // The first lets one pass, which the second takes.
        assert_eq!(
            [next("/a"), next("/a"), next("/a"), next("/a")],
            [Some(cut), Some(busy), Some(busy), Some(late)]
        );
        assert_eq!(faults.left().len(), 1);
        faults.set(vec![]);
        assert_eq!(faults.next("/a"), None);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "status=99", "status=x", "sleep=1", "count=1", "delay=x"] {
            assert!(Fault::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            Fault::parse("delay=2s").unwrap().delay(),
            Duration::from_secs(2)
        );
    }
}
