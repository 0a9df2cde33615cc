//! The thread that writes: takes everything that waits, commits it at once, then answers.

use std::sync::{Arc, PoisonError, RwLockWriteGuard};

use tokio::sync::{mpsc, oneshot};

use super::file::File;
use super::ids::{Ids, same_points};
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

pub(super) struct Writer {
    config: StoreConfig,
    shared: Arc<Shared>,
    file: Option<File>,
    ids: Ids,
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
            ids: Ids::default(),
        };
        if let Some(file) = &writer.file {
            for (id, at) in file.batch_ids(now() as i64 - ID_SECONDS)? {
                writer.ids.remember(id, at);
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
        self.ids.forget_before(at - ID_SECONDS);
        let mut accepted: Vec<(Box<Batch>, Vec<Target>, Reply<Receipt>)> = Vec::new();
        // Bodies sent twice at the same time: the second shares the fate of the first.
        let mut twins: Vec<Reply<Receipt>> = Vec::new();
        {
            let shared = self.shared.clone();
            let mut memory = lock(&shared);
            for (batch, reply) in group {
                if let Some(id) = &batch.id {
                    let same = |other: &String| same_points(other, id);
                    if accepted
                        .iter()
                        .any(|(other, ..)| other.id.as_ref().is_some_and(same))
                    {
                        twins.push(reply);
                        continue;
                    }
                    if self.ids.overlap(id) {
                        let receipt = Receipt {
                            duplicate: true,
                            ..Receipt::default()
                        };
                        let _ = reply.send(Ok(receipt));
                        continue;
                    }
                    self.ids.remember(id.clone(), at);
                }
                // The other half is left to intervals, which can be forgotten.
                let bytes_max = (self.config.bytes_max / 2).max(CONTEXT_BYTES_MIN);
                match memory.resolve(&batch, self.config.contexts_max, bytes_max) {
                    Some(targets) => accepted.push((batch, targets, reply)),
                    None => {
                        batch.id.iter().for_each(|id| self.ids.forget(id));
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
                batch.id.iter().for_each(|id| self.ids.forget(id));
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
