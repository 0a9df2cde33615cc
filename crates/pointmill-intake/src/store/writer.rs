//! The thread that writes: takes everything that waits, commits it at once, then answers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLockWriteGuard};

use tokio::sync::{mpsc, oneshot};

use super::file::File;
use super::memory::{Memory, Target};
use super::stage::Staged;
use super::{Receipt, Shared, StoreConfig, StoreError};
use crate::batch::Batch;
use crate::refused::now;

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    Store(Box<Batch>, Reply<Receipt>),
    Reset(Reply<()>),
    Expire(i64, Reply<u64>),
    Close(Reply<()>),
}

/// Entries of one commit, unless a single batch has more: a query that waits for the lock waits for
/// one commit.
const ENTRIES_MAX: usize = 50_000;

/// Contexts may take so many bytes, however small the store is.
const CONTEXT_BYTES_MIN: usize = 1 << 20;

/// How long a batch's id is remembered.
const ID_SECONDS: i64 = 3_600;

/// Most ids remembered; the oldest go first.
const IDS_MAX: usize = 500_000;

pub(super) struct Writer {
    config: StoreConfig,
    shared: Arc<Shared>,
    file: Option<File>,
    ids: HashMap<String, i64>,
    ids_by_age: VecDeque<(i64, String)>,
}

impl Writer {
    pub(super) fn new(
        config: StoreConfig,
        shared: Arc<Shared>,
        file: Option<File>,
    ) -> Result<Writer, StoreError> {
        let mut writer = Writer {
            config,
            shared,
            file,
            ids: HashMap::new(),
            ids_by_age: VecDeque::new(),
        };
        if let Some(file) = &writer.file {
            for (id, at) in file.batch_ids(now() as i64 - ID_SECONDS)? {
                writer.remember(id, at);
            }
        }
        Ok(writer)
    }

    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut next = commands.blocking_recv();
        while let Some(command) = next.take() {
            match command {
                Command::Store(batch, reply) => {
                    let mut group = vec![(batch, reply)];
                    let mut entries = group[0].0.snapshot.len();
                    while entries < ENTRIES_MAX && next.is_none() {
                        match commands.try_recv() {
                            Ok(Command::Store(batch, reply)) => {
                                entries += batch.snapshot.len();
                                group.push((batch, reply));
                            }
                            Ok(other) => next = Some(other),
                            Err(_) => break,
                        }
                    }
                    self.commit(group);
                }
                Command::Reset(reply) => drop(reply.send(self.reset())),
                Command::Expire(now, reply) => drop(reply.send(self.expire(now))),
                Command::Close(reply) => {
                    commands.close();
                    if let Some(file) = &self.file {
                        file.close();
                    }
                    let _ = reply.send(Ok(()));
                    return;
                }
            }
            if next.is_none() {
                next = commands.blocking_recv();
            }
        }
        if let Some(file) = &self.file {
            file.close();
        }
    }

    /// Stores batches and answers each.
    fn commit(&mut self, group: Vec<(Box<Batch>, Reply<Receipt>)>) {
        let at = now() as i64;
        self.forget_ids(at - ID_SECONDS);
        let mut accepted: Vec<(Box<Batch>, Vec<Target>, Reply<Receipt>)> = Vec::new();
        // Bodies sent twice at the same time: the second shares the fate of the first.
        let mut twins: Vec<Reply<Receipt>> = Vec::new();
        {
            let shared = self.shared.clone();
            let mut memory = lock(&shared);
            for (batch, reply) in group {
                if let Some(id) = &batch.id {
                    if accepted
                        .iter()
                        .any(|(other, ..)| other.id.as_ref() == Some(id))
                    {
                        twins.push(reply);
                        continue;
                    }
                    if self.ids.contains_key(id) {
                        let receipt = Receipt {
                            duplicate: true,
                            ..Receipt::default()
                        };
                        let _ = reply.send(Ok(receipt));
                        continue;
                    }
                    self.remember(id.clone(), at);
                }
                // The other half is left to intervals, which can be forgotten.
                let bytes_max = (self.config.bytes_max / 2).max(CONTEXT_BYTES_MIN);
                match memory.resolve(&batch, self.config.contexts_max, bytes_max) {
                    Some(targets) => accepted.push((batch, targets, reply)),
                    None => {
                        self.forget_id(batch.id.as_deref());
                        let max = self.config.contexts_max.min(memory.directory.len());
                        let _ = reply.send(Err(StoreError::ContextsFull { max }));
                    }
                }
            }
            memory.sequence += 1;
            if self.file.is_none() {
                for (batch, targets, _) in &accepted {
                    memory.apply(batch, targets);
                }
                memory.evict(self.config.bytes_max, false);
            }
        }
        let outcome = if self.file.is_some() {
            self.write(&accepted, at)
        } else {
            Ok(())
        };
        self.shared.sequence.send_modify(|sequence| *sequence += 1);
        for twin in twins {
            let receipt = Receipt {
                duplicate: true,
                ..Receipt::default()
            };
            let _ = twin.send(again(&outcome).map(|()| receipt));
        }
        for (batch, _, reply) in accepted {
            if outcome.is_err() {
                self.forget_id(batch.id.as_deref());
            }
            let receipt = Receipt {
                entries: batch.snapshot.len() as u64,
                values: batch.snapshot.points(),
                duplicate: false,
            };
            let _ = reply.send(again(&outcome).map(|()| receipt));
        }
    }

    /// Writes to the file, and on success puts the same into memory.
    fn write(
        &mut self,
        accepted: &[(Box<Batch>, Vec<Target>, Reply<Receipt>)],
        at: i64,
    ) -> Result<(), StoreError> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let mut staged = Staged::default();
        {
            let memory = self
                .shared
                .memory
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            for (batch, targets, _) in accepted {
                staged.add(batch, targets, &memory, file)?;
                staged.batch_ids.extend(batch.id.clone().map(|id| (id, at)));
            }
            staged.count();
            file.commit(&memory, &staged)?;
        }
        let mut memory = lock(&self.shared);
        for (batch, targets, _) in accepted {
            memory.see(batch, targets);
        }
        for ((metric, start), place) in &staged.places {
            if *start >= memory.hot_from {
                memory.install(*metric, *start, &place.rows);
            } else {
                let added = place.added();
                memory.book(*metric, *start, added.points, added.values);
            }
        }
        memory.evict(self.config.bytes_max, true);
        Ok(())
    }

    fn reset(&mut self) -> Result<(), StoreError> {
        if let Some(file) = &mut self.file {
            file.clear()?;
        }
        self.ids.clear();
        self.ids_by_age.clear();
        let mut memory = lock(&self.shared);
        let sequence = memory.sequence + 1;
        *memory = Memory {
            sequence,
            ..Memory::default()
        };
        drop(memory);
        self.shared.sequence.send_modify(|sequence| *sequence += 1);
        Ok(())
    }

    fn expire(&mut self, now: i64) -> Result<u64, StoreError> {
        if self.config.retention_s == 0 {
            return Ok(0);
        }
        let before = now.saturating_sub_unsigned(self.config.retention_s);
        let shared = self.shared.clone();
        let mut memory = lock(&shared);
        memory.sequence += 1;
        let in_memory = memory.expire(before);
        let gone = match &mut self.file {
            None => in_memory,
            Some(file) => {
                let metrics = memory.directory.metrics.len();
                // Queries go on while the file is being cleared.
                drop(memory);
                let gone = file.expire(metrics, before)?;
                memory = lock(&shared);
                gone
            }
        };
        memory.unbook(&gone, before);
        let idle = memory.directory.remove_idle(before);
        drop(memory);
        if let Some(file) = &mut self.file
            && !idle.is_empty()
        {
            file.remove_series(&idle)?;
        }
        let points = gone.iter().map(|(_, points, _)| points).sum();
        if points > 0 {
            self.shared.sequence.send_modify(|sequence| *sequence += 1);
        }
        Ok(points)
    }

    fn remember(&mut self, id: String, at: i64) {
        self.ids_by_age.push_back((at, id.clone()));
        self.ids.insert(id, at);
        while self.ids_by_age.len() > IDS_MAX {
            self.forget_oldest();
        }
    }

    fn forget_ids(&mut self, before: i64) {
        while self.ids_by_age.front().is_some_and(|(at, _)| *at < before) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((at, id)) = self.ids_by_age.pop_front()
            && self.ids.get(&id) == Some(&at)
        {
            self.ids.remove(&id);
        }
    }

    fn forget_id(&mut self, id: Option<&str>) {
        id.and_then(|id| self.ids.remove(id));
    }
}

/// The outcome of a commit once more, for each of its batches.
fn again(outcome: &Result<(), StoreError>) -> Result<(), StoreError> {
    match outcome {
        Ok(()) => Ok(()),
        Err(StoreError::DiskFull) => Err(StoreError::DiskFull),
        Err(StoreError::Sql(what)) => Err(StoreError::Sql(what.clone())),
        Err(other) => Err(StoreError::Sql(other.to_string())),
    }
}

fn lock(shared: &Shared) -> RwLockWriteGuard<'_, Memory> {
    shared
        .memory
        .write()
        .unwrap_or_else(PoisonError::into_inner)
}
