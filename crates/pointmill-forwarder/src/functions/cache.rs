//! What sources said of functions, kept for a while, also in a file that further runs read.
//!
//! 1. A function that the source does not know is remembered as such, for a tenth of the time: it
//!    may be new, and its tags should not be absent for long.
//! 2. A source that fails is not asked again for [`RETRY_S`] seconds, so that one outage is not a
//!    wait for every function; what is known is used meanwhile, however old.
//! 3. The file is written beside itself and renamed, so that readers see the old one or the new
//!    one, never a half. One that cannot be read is treated as absent and said so.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ahash::AHashMap;
use serde::{Deserialize, Serialize};

use super::{FunctionInfo, Functions, TagSource};
use crate::Architecture;

/// Functions remembered. A batch of functions beyond it makes the cache forget all.
const ENTRIES_MAX: usize = 50_000;

/// Seconds for which a source that failed is left alone.
const RETRY_S: i64 = 60;

/// The largest cache file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// What a cache did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Answers from memory.
    pub hits: u64,
    /// Questions to the source.
    pub fetched: u64,
    /// Questions it failed to answer.
    pub failed: u64,
    /// Answers that were older than they should be.
    pub stale: u64,
}

#[derive(Clone, Debug)]
struct Cached {
    /// `None`: the source knows no such function.
    info: Option<Arc<FunctionInfo>>,
    fetched_unix_s: i64,
}

/// The form of the file.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    functions: Vec<StoredFunction>,
}

#[derive(Serialize, Deserialize)]
struct StoredFunction {
    arn: String,
    fetched_unix_s: i64,
    known: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    architecture: Option<String>,
}

/// The number in the file; another one is not read.
const VERSION: u32 = 1;

/// A source's answers, kept for `ttl_s` seconds.
pub struct TagCache {
    source: Box<dyn TagSource>,
    entries: AHashMap<String, Cached>,
    ttl_s: i64,
    now_unix_s: i64,
    asked_again_from_unix_s: i64,
    stats: CacheStats,
    last_error: Option<String>,
    changed: bool,
}

impl std::fmt::Debug for TagCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TagCache")
            .field("entries", &self.entries.len())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl TagCache {
    /// An empty cache before `source` that believes its answers for `ttl_s` seconds.
    #[must_use]
    pub fn new(source: Box<dyn TagSource>, ttl_s: u32, now_unix_s: i64) -> TagCache {
        TagCache {
            source,
            entries: AHashMap::new(),
            ttl_s: i64::from(ttl_s),
            now_unix_s,
            asked_again_from_unix_s: i64::MIN,
            stats: CacheStats::default(),
            last_error: None,
            changed: false,
        }
    }

    /// Tells the time.
    pub fn tick(&mut self, now_unix_s: i64) {
        self.now_unix_s = now_unix_s;
    }

    /// What it did so far.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        self.stats
    }

    /// What the source said when it failed last.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// Takes over what is in the file; how many functions. Entries that are there already stay.
    ///
    /// # Errors
    /// If there is a file and it cannot be read or is not a cache. Nothing is taken from it then,
    /// and [`TagCache::store`] will replace it.
    pub fn load(&mut self, path: &Path) -> io::Result<usize> {
        let size = match fs::metadata(path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        if size > FILE_BYTES_MAX {
            return Err(invalid(format!("larger than {FILE_BYTES_MAX} bytes")));
        }
        let stored: Stored =
            serde_json::from_slice(&fs::read(path)?).map_err(|error| invalid(error.to_string()))?;
        if stored.version != VERSION {
            return Err(invalid(format!(
                "version {}, not {VERSION}",
                stored.version
            )));
        }
        let before = self.entries.len();
        for function in stored.functions.into_iter().take(ENTRIES_MAX) {
            let info = function.known.then(|| {
                Arc::new(FunctionInfo {
                    tags: function.tags,
                    architecture: function
                        .architecture
                        .as_deref()
                        .and_then(Architecture::read),
                })
            });
            self.entries.entry(function.arn).or_insert(Cached {
                info,
                // A clock that was set back must not make an entry live for ever.
                fetched_unix_s: function.fetched_unix_s.min(self.now_unix_s),
            });
        }
        Ok(self.entries.len() - before)
    }

    /// Writes the file, if anything has changed since it was last read or written.
    ///
    /// # Errors
    /// The system's; the old file is then still whole.
    pub fn store(&mut self, path: &Path) -> io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        let functions = self.entries.iter().map(|(arn, cached)| {
            let info = cached.info.as_deref();
            StoredFunction {
                arn: arn.clone(),
                fetched_unix_s: cached.fetched_unix_s,
                known: info.is_some(),
                tags: info.map(|info| info.tags.clone()).unwrap_or_default(),
                architecture: info.and_then(|info| Some(info.architecture?.name().to_owned())),
            }
        });
        let mut functions: Vec<_> = functions.collect();
        functions.sort_by(|a, b| a.arn.cmp(&b.arn));
        let stored = Stored {
            version: VERSION,
            functions,
        };
        write_atomically(path, &serde_json::to_vec(&stored)?)?;
        self.changed = false;
        Ok(())
    }

    /// Asks the source and remembers the answer; `None` if it fails.
    fn fetch(&mut self, arn: &str) -> Option<Cached> {
        if self.now_unix_s < self.asked_again_from_unix_s {
            return None;
        }
        self.stats.fetched += 1;
        match self.source.fetch(arn) {
            Ok(info) => {
                if self.entries.len() >= ENTRIES_MAX {
                    self.entries.clear();
                }
                let cached = Cached {
                    info: info.map(Arc::new),
                    fetched_unix_s: self.now_unix_s,
                };
                self.entries.insert(arn.to_owned(), cached.clone());
                self.changed = true;
                Some(cached)
            }
            Err(error) => {
                self.stats.failed += 1;
                self.last_error = Some(error.to_string());
                self.asked_again_from_unix_s = self.now_unix_s.saturating_add(RETRY_S);
                None
            }
        }
    }
}

impl Functions for TagCache {
    fn find(&mut self, arn: &str) -> Option<Arc<FunctionInfo>> {
        let known = self.entries.get(arn).cloned();
        if let Some(cached) = &known {
            let ttl_s = match cached.info {
                Some(_) => self.ttl_s,
                None => self.ttl_s / 10,
            };
            if self.now_unix_s.saturating_sub(cached.fetched_unix_s) < ttl_s {
                self.stats.hits += 1;
                return cached.info.clone();
            }
        }
        match self.fetch(arn) {
            Some(cached) => cached.info,
            None => {
                self.stats.stale += u64::from(known.is_some());
                known?.info
            }
        }
    }
}

/// Writes a file beside `path` and puts it in its place.
fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(name);
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let replaced = written.and_then(|()| fs::rename(&beside, path));
    if replaced.is_err() {
        let _ = fs::remove_file(&beside);
    }
    replaced
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::*;
    use crate::functions::SourceError;

    #[derive(Default)]
    struct Script {
        asked: AtomicU64,
        down: AtomicBool,
    }

    struct Scripted(Arc<Script>);

    impl TagSource for Scripted {
        fn fetch(&mut self, arn: &str) -> Result<Option<FunctionInfo>, SourceError> {
            let n = self.0.asked.fetch_add(1, Ordering::Relaxed);
            if self.0.down.load(Ordering::Relaxed) {
                return Err(SourceError("throttled".to_owned()));
            }
            Ok((arn != "arn:unknown").then(|| FunctionInfo {
                tags: vec![format!("n:{n}")],
                architecture: Some(Architecture::Arm64),
            }))
        }
    }

    fn cache(script: &Arc<Script>) -> TagCache {
        TagCache::new(Box::new(Scripted(Arc::clone(script))), 300, 1_000)
    }

    fn tags(cache: &mut TagCache, arn: &str) -> Option<String> {
        cache.find(arn).map(|info| info.tags.join(","))
    }

    #[test]
    fn an_answer_is_believed_for_its_time_and_not_longer() {
        let script = Arc::new(Script::default());
        let mut cache = cache(&script);
        for (now, expected) in [(1_000, "n:0"), (1_299, "n:0"), (1_300, "n:1")] {
            cache.tick(now);
            assert_eq!(
                tags(&mut cache, "arn:a").as_deref(),
                Some(expected),
                "{now}"
            );
        }
        assert_eq!(cache.stats().hits, 1);
    }

    #[test]
    fn an_unknown_function_is_asked_for_again_soon() {
        let script = Arc::new(Script::default());
        let mut cache = cache(&script);
        for (now, asked) in [(1_000, 1), (1_029, 1), (1_030, 2)] {
            cache.tick(now);
            assert_eq!(tags(&mut cache, "arn:unknown"), None);
            assert_eq!(script.asked.load(Ordering::Relaxed), asked, "{now}");
        }
    }

    #[test]
    fn a_source_that_fails_costs_one_question_a_minute_and_no_tags() {
        let script = Arc::new(Script::default());
        let mut cache = cache(&script);
        tags(&mut cache, "arn:a");
        script.down.store(true, Ordering::Relaxed);
        cache.tick(2_000);
        for arn in ["arn:a", "arn:a", "arn:b", "arn:c"] {
            let expected = (arn == "arn:a").then(|| "n:0".to_owned());
            assert_eq!(tags(&mut cache, arn), expected);
        }
        let stats = cache.stats();
        assert_eq!((stats.fetched, stats.failed, stats.stale), (2, 1, 2));
        assert_eq!(cache.last_error(), Some("throttled"));
        script.down.store(false, Ordering::Relaxed);
        cache.tick(2_060);
        assert_eq!(tags(&mut cache, "arn:a").as_deref(), Some("n:2"));
    }

    #[test]
    fn the_file_brings_everything_back_and_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("functions.json");
        let script = Arc::new(Script::default());
        let mut first = cache(&script);
        assert_eq!(first.load(&path).unwrap(), 0);
        tags(&mut first, "arn:a");
        tags(&mut first, "arn:unknown");
        first.store(&path).unwrap();
        let mut second = cache(&script);
        assert_eq!(second.load(&path).unwrap(), 2);
        assert_eq!(tags(&mut second, "arn:a").as_deref(), Some("n:0"));
        assert_eq!(
            second.find("arn:a").unwrap().architecture,
            Some(Architecture::Arm64)
        );
        assert_eq!(tags(&mut second, "arn:unknown"), None);
        assert_eq!(script.asked.load(Ordering::Relaxed), 2);
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing is left beside it");
        // Nothing new, nothing written.
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        second.store(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
    }

    #[test]
    fn a_damaged_file_is_said_and_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("functions.json");
        for damage in ["", "{", "[]", r#"{"version":9,"functions":[]}"#] {
            fs::write(&path, damage).unwrap();
            let mut cache = cache(&Arc::new(Script::default()));
            assert!(cache.load(&path).is_err(), "{damage}");
            tags(&mut cache, "arn:a");
            cache.store(&path).unwrap();
            assert_eq!(cache.load(&path).unwrap(), 0, "all of it is known already");
        }
    }

    #[test]
    fn an_entry_from_the_future_expires_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("functions.json");
        let function = r#"{"arn":"arn:a","fetched_unix_s":9000000000,"known":true}"#;
        fs::write(
            &path,
            format!(r#"{{"version":1,"functions":[{function}]}}"#),
        )
        .unwrap();
        let mut cache = cache(&Arc::new(Script::default()));
        cache.load(&path).unwrap();
        cache.tick(1_300);
        assert_eq!(tags(&mut cache, "arn:a").as_deref(), Some("n:0"));
    }
}
