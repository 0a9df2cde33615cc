//! Points kept as they are, value and second, until a flush: for the forms that carry values and
//! not sketches.
//!
//! ```text
//! record ──▶ shard of the thread ──swap──▶ drain ──▶ bodies: lines, datagrams, JSON
//! ```
//!
//! - Recording to a context that the thread's shard knows allocates nothing and takes one lock that
//!   is free unless a drain swaps at that moment or more than four threads record.
//! - Memory is bounded: the points by the option `buffer_points_max`, contexts by number and bytes
//!   for each shard. What does not fit asks for an early drain ([`Push::Full`]); nothing is dropped
//!   here.
//! - Tags keep the order in which they were given. Bytes that are not UTF-8 are mended and counted.

mod body;
mod shard;
pub(crate) mod text;

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use pointmill::RecordError;

pub(crate) use body::{Bodies, Body};
pub(crate) use shard::Push;
use shard::{Point, Shard, key_of};
use text::{Form, Text};

use crate::language::LayerTag;

/// Shards, hence threads that record without meeting each other.
const SHARDS: usize = 4;
/// Bytes of a name or a tag: the engine's default, so that a point is taken in all modes or in none.
const PART_BYTES_MAX: usize = 512;
/// Bytes of a name and its tags together.
const CONTEXT_BYTES_MAX: usize = 64 << 10;
/// Held ids there may be.
const HELD_MAX: usize = 16_384;

/// Whose tags a point carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// The caller's and the constant ones.
    Custom = 0,
    /// Those given, no others.
    Complete = 1,
}

/// The constant tags of custom points.
#[derive(Clone, Debug)]
pub(crate) struct ConstantTags {
    /// `dd_lambda_layer:…`, or empty.
    pub(crate) layer: String,
    pub(crate) place: LayerTag,
    /// Before all others, also of complete points.
    pub(crate) before: Vec<String>,
    /// Behind all others.
    pub(crate) global: Vec<String>,
}

pub(crate) struct Buffer {
    form: Form,
    constant: ConstantTags,
    shards: [Mutex<Shard>; SHARDS],
    mirrors: [Mutex<Mirror>; SHARDS],
    held: RwLock<Vec<Arc<[u8]>>>,
    seed: ahash::RandomState,
    mended: AtomicU64,
}

/// What a drain knows of a shard, so that it holds the shard's lock for a swap only.
#[derive(Debug, Default)]
struct Mirror {
    texts: Vec<Arc<Text>>,
    spare: Vec<Point>,
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buffer")
            .field("form", &self.form)
            .field("pending", &self.pending())
            .finish_non_exhaustive()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panic may have left is still points and contexts.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The shard of this thread.
fn mine() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    SHARD.with(|shard| {
        if shard.get() == usize::MAX {
            shard.set(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        shard.get()
    })
}

impl Buffer {
    pub(crate) fn new(form: Form, constant: ConstantTags, points_max: usize) -> Buffer {
        let points_max = points_max.div_ceil(SHARDS).max(16);
        Buffer {
            form,
            constant,
            shards: std::array::from_fn(|_| Mutex::new(Shard::new(points_max))),
            mirrors: std::array::from_fn(|_| Mutex::default()),
            held: RwLock::default(),
            seed: ahash::RandomState::new(),
            mended: AtomicU64::new(0),
        }
    }

    /// Takes a point of the context with these parts: the name, then the tags.
    #[inline]
    pub(crate) fn record<S: AsRef<[u8]>>(
        &self,
        sort: Sort,
        parts: &[S],
        value: f64,
        unix_s: i64,
    ) -> Result<Push, RecordError> {
        let hash = self.hash(sort, parts);
        let mut shard = lock(&self.shards[mine()]);
        let context = match shard.find(hash, sort as u8, parts) {
            Some(context) => context,
            None => match self.insert(&mut shard, hash, sort, parts)? {
                Some(context) => context,
                None => return Ok(Push::Full),
            },
        };
        Ok(shard.push(context, value, unix_s))
    }

    /// Takes a point of a held context.
    #[inline]
    pub(crate) fn record_held(
        &self,
        id: u64,
        value: f64,
        unix_s: i64,
    ) -> Result<Push, RecordError> {
        let id = usize::try_from(id).unwrap_or(usize::MAX);
        let mut shard = lock(&self.shards[mine()]);
        let context = match shard.find_held(id) {
            Some(context) => context,
            None => match self.adopt(&mut shard, id)? {
                Some(context) => context,
                None => return Ok(Push::Full),
            },
        };
        Ok(shard.push(context, value, unix_s))
    }

    /// The id of a context, for as long as the buffer lives.
    pub(crate) fn hold<S: AsRef<[u8]>>(&self, parts: &[S]) -> Result<u64, RecordError> {
        check(parts)?;
        let key = key_of(Sort::Custom as u8, parts);
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = held.iter().position(|known| **known == *key) {
            return Ok(id as u64);
        }
        if held.len() == HELD_MAX {
            return Err(RecordError::NoRoom);
        }
        held.push(key.into());
        Ok(held.len() as u64 - 1)
    }

    fn hash<S: AsRef<[u8]>>(&self, sort: Sort, parts: &[S]) -> u64 {
        let mut hasher = self.seed.build_hasher();
        for part in parts {
            hasher.write(part.as_ref());
        }
        hasher.write_u8(sort as u8);
        hasher.finish()
    }

    #[cold]
    fn insert<S: AsRef<[u8]>>(
        &self,
        shard: &mut Shard,
        hash: u64,
        sort: Sort,
        parts: &[S],
    ) -> Result<Option<u32>, RecordError> {
        check(parts)?;
        if shard.is_crowded() {
            return Ok(None);
        }
        let text = Arc::new(self.text(sort, parts));
        Ok(Some(shard.insert(hash, key_of(sort as u8, parts), text)))
    }

    /// Makes a held context known to the thread's shard.
    #[cold]
    fn adopt(&self, shard: &mut Shard, id: usize) -> Result<Option<u32>, RecordError> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let key = Arc::clone(held.get(id).ok_or(RecordError::StaleContext)?);
        drop(held);
        let parts = parts_of(&key);
        let hash = self.hash(Sort::Custom, &parts);
        let found = match shard.find(hash, Sort::Custom as u8, &parts) {
            Some(context) => Some(context),
            None => self.insert(shard, hash, Sort::Custom, &parts)?,
        };
        if let Some(context) = found {
            shard.remember_held(id, context);
        }
        Ok(found)
    }

    fn text<S: AsRef<[u8]>>(&self, sort: Sort, parts: &[S]) -> Text {
        let mut mended = 0;
        let mut mend = |bytes: &S| {
            let text = String::from_utf8_lossy(bytes.as_ref());
            mended += u64::from(matches!(text, std::borrow::Cow::Owned(_)));
            text.into_owned()
        };
        let name = parts.first().map(&mut mend).unwrap_or_default();
        let given: Vec<String> = parts.iter().skip(1).map(mend).collect();
        self.mended.fetch_add(mended, Ordering::Relaxed);
        let constant = &self.constant;
        let custom = sort == Sort::Custom;
        let layer = |place| (custom && constant.place == place).then_some(constant.layer.as_str());
        let mut tags: Vec<&str> = constant.before.iter().map(String::as_str).collect();
        tags.extend(layer(LayerTag::First));
        tags.extend(given.iter().map(String::as_str));
        tags.extend(layer(LayerTag::Last));
        if custom {
            tags.extend(constant.global.iter().map(String::as_str));
        }
        Text::new(self.form, &name, tags.into_iter())
    }

    /// Points in the buffer.
    pub(crate) fn pending(&self) -> u64 {
        let of = |shard: &Mutex<Shard>| lock(shard).points.len() as u64;
        self.shards.iter().map(of).sum()
    }

    /// Points ever taken.
    pub(crate) fn taken(&self) -> u64 {
        self.shards.iter().map(|shard| lock(shard).taken).sum()
    }

    /// Parts of contexts that were not UTF-8.
    pub(crate) fn mended(&self) -> u64 {
        self.mended.load(Ordering::Relaxed)
    }

    /// Takes all points out.
    pub(crate) fn drain(&self, bodies: &mut Bodies) {
        (0..SHARDS).for_each(|i| self.drain_shard(i, bodies));
    }

    /// Takes the points of this thread's shard out.
    pub(crate) fn drain_mine(&self, bodies: &mut Bodies) {
        self.drain_shard(mine(), bodies);
    }

    fn drain_shard(&self, i: usize, bodies: &mut Bodies) {
        let mut mirror = lock(&self.mirrors[i]);
        let mirror = &mut *mirror;
        let mut shard = lock(&self.shards[i]);
        let crowded = shard.is_crowded();
        if shard.points.is_empty() && !crowded {
            return;
        }
        if mirror.spare.capacity() == 0 {
            mirror.spare = Vec::with_capacity(shard.points.capacity());
        }
        std::mem::swap(&mut shard.points, &mut mirror.spare);
        mirror.texts.extend(shard.texts(mirror.texts.len()));
        if crowded {
            shard.forget();
        }
        drop(shard);
        for point in &mirror.spare {
            let text = &mirror.texts[point.context as usize];
            bodies.put(text, point.value, point.unix_s);
        }
        mirror.spare.clear();
        if crowded {
            mirror.texts = Vec::new();
        }
    }

    /// An empty buffer with the same held ids, for a forked child. No lock is waited for: one that
    /// was held when the process forked stays held for ever, and then the ids are lost.
    pub(crate) fn for_child(&self, points_max: usize) -> Buffer {
        let child = Buffer::new(self.form, self.constant.clone(), points_max);
        if let (Ok(held), Ok(mut of_child)) = (self.held.try_read(), child.held.write()) {
            of_child.clone_from(&held);
        }
        child
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }
}

/// Whether name and tags keep within the limits.
fn check<S: AsRef<[u8]>>(parts: &[S]) -> Result<(), RecordError> {
    let mut bytes = 0;
    for part in parts {
        let part = part.as_ref().len();
        bytes += part + 1;
        if part > PART_BYTES_MAX || bytes > CONTEXT_BYTES_MAX {
            return Err(RecordError::InvalidName);
        }
    }
    match parts.first() {
        Some(name) if !name.as_ref().is_empty() => Ok(()),
        _ => Err(RecordError::InvalidName),
    }
}

/// The parts that a key was made of.
fn parts_of(key: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = key.get(1..).unwrap_or_default();
    while let Some((len, tail)) = rest.split_first_chunk::<4>() {
        let (part, tail) = tail.split_at((u32::from_le_bytes(*len) as usize).min(tail.len()));
        parts.push(part);
        rest = tail;
    }
    parts
}

#[cfg(test)]
mod tests;
