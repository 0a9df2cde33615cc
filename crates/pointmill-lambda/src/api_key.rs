//! The API key: where it may come from, asked at first need, kept, asked again after a failure.
//!
//! The sources are tried in this order, the first that answers wins:
//!
//! 1. `api_key` given as an option
//! 2. `DD_API_KEY_SECRET_ARN` (Secrets Manager)
//! 3. `DD_API_KEY_SSM_NAME` (SSM)
//! 4. `DD_KMS_API_KEY` (KMS)
//! 5. `DD_API_KEY`, `DATADOG_API_KEY`
//!
//! Whoever set up a secret wants it to be used, also where a plain key was left behind; and where
//! the secret cannot be read, the plain key is better than none. A failure hurts nobody but the
//! flush that needed the key: its points wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};

use pointmill_deliver::KeySource;

use crate::aws::Aws;
use crate::fork::OwnProcess;
use crate::settings::Settings;

/// After a failed look-up the next one waits this long, doubled with every failure …
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// … up to this.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Longest look-up; shorter if the flush has less time.
const LOOK_UP_MAX: Duration = Duration::from_secs(3);
/// A key that the intake refuses is looked up anew if it is at least this old: the secret may have
/// been changed.
const REFRESH_MIN: Duration = Duration::from_secs(60);

#[derive(Clone)]
enum From {
    Plain(Arc<str>),
    Secret(String),
    Parameter(String),
    Kms(String),
}

/// The key as the settings say where it comes from, for those who deliver without a
/// [`Lambda`](crate::Lambda). Nothing is asked yet.
#[must_use]
pub fn key_source(settings: &Settings) -> Arc<dyn KeySource> {
    Arc::new(ApiKey::new(settings))
}

/// Hands out the key.
pub(crate) struct ApiKey {
    sources: Vec<From>,
    /// Whether an intake without a key is fine.
    optional: bool,
    function_name: String,
    aws: Aws,
    cached: OwnProcess<Mutex<Cached>>,
    lookups: AtomicU64,
    failures: AtomicU64,
}

#[derive(Debug, Default)]
struct Cached {
    key: Option<(Arc<str>, Instant)>,
    failed: Option<Failed>,
}

#[derive(Clone, Debug)]
struct Failed {
    text: String,
    next: Instant,
    pause: Duration,
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKey")
            .field("sources", &self.sources.len())
            .finish_non_exhaustive()
    }
}

impl ApiKey {
    pub(crate) fn new(settings: &Settings) -> ApiKey {
        let mut sources = Vec::new();
        let plain = settings.text("api_key");
        let named = |name: &str, make: fn(String) -> From| {
            let text = settings.text(name);
            (!text.is_empty()).then(|| make(text.to_owned()))
        };
        let plain_source = (!plain.is_empty()).then(|| From::Plain(plain.into()));
        if settings.is_option("api_key") {
            sources.extend(plain_source.clone());
        }
        sources.extend(named("api_key_secret_arn", From::Secret));
        sources.extend(named("api_key_ssm_name", From::Parameter));
        sources.extend(named("kms_api_key", From::Kms));
        if !settings.is_option("api_key") {
            sources.extend(plain_source);
        }
        ApiKey {
            sources,
            optional: !settings.text("url").is_empty() || settings.text("site").contains("://"),
            function_name: settings.text("function_name").to_owned(),
            aws: Aws::new(settings),
            cached: OwnProcess::new(Mutex::default()),
            lookups: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// Look-ups so far, and those that failed.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (
            self.lookups.load(Ordering::Relaxed),
            self.failures.load(Ordering::Relaxed),
        )
    }

    /// Forgets the key and failures: after a restore from a snapshot.
    pub(crate) fn forget(&self) {
        if let Ok(mut cached) = self.cached().try_lock() {
            *cached = Cached::default();
        }
    }

    fn cached(&self) -> &Mutex<Cached> {
        self.cached.get(|_| Mutex::default())
    }

    fn look_up(&self, until: Instant) -> Result<Arc<str>, String> {
        let mut errors = Vec::new();
        for source in &self.sources {
            let key = match source {
                From::Plain(key) => return Ok(Arc::clone(key)),
                From::Secret(arn) => self.aws.secret(arn, until),
                From::Parameter(name) => self.aws.parameter(name, until),
                From::Kms(text) => self.aws.decrypted(text, &self.function_name, until),
            };
            match key.map(|key| key.trim().to_owned()) {
                Ok(key) if !key.is_empty() => return Ok(key.into()),
                Ok(_) => errors.push("the key is empty".to_owned()),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() && self.optional {
            return Ok("".into());
        }
        if errors.is_empty() {
            errors.push("none is set; set DD_API_KEY or DD_API_KEY_SECRET_ARN".to_owned());
        }
        Err(format!("API key: {}", errors.join("; ")))
    }
}

impl KeySource for ApiKey {
    fn key(&self, timeout: Duration) -> Result<Arc<str>, String> {
        // One look-up at a time; who comes meanwhile keeps its batch for later.
        let mut cached = match self.cached().try_lock() {
            Ok(cached) => cached,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err("API key: it is being looked up".to_owned());
            }
        };
        if let Some((key, _)) = &cached.key {
            return Ok(Arc::clone(key));
        }
        let now = Instant::now();
        if let Some(failed) = &cached.failed
            && now < failed.next
        {
            return Err(failed.text.clone());
        }
        self.lookups.fetch_add(1, Ordering::Relaxed);
        match self.look_up(now + timeout.min(LOOK_UP_MAX)) {
            Ok(key) => {
                cached.key = Some((Arc::clone(&key), Instant::now()));
                cached.failed = None;
                Ok(key)
            }
            Err(text) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                let last = cached.failed.as_ref().map(|failed| failed.pause);
                let pause = last.map_or(PAUSE_MIN, |pause| (pause * 2).min(PAUSE_MAX));
                cached.failed = Some(Failed {
                    text: text.clone(),
                    next: Instant::now() + pause,
                    pause,
                });
                Err(text)
            }
        }
    }

    fn refused(&self, key: &str) -> bool {
        let is_looked_up = !self
            .sources
            .iter()
            .all(|source| matches!(source, From::Plain(_)));
        let Ok(mut cached) = self.cached().try_lock() else {
            return false;
        };
        let old = cached
            .key
            .as_ref()
            .is_some_and(|(known, since)| **known == *key && since.elapsed() >= REFRESH_MIN);
        if is_looked_up && old {
            cached.key = None;
        }
        is_looked_up && old
    }
}
