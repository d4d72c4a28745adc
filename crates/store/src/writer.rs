//! The writer thread: batches, commits, retries, prunes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use b2bua::{SharedEvent, What};
use crossbeam_channel::{Receiver, Sender};
use rusqlite::{Connection, ErrorCode, params};

use crate::{Settings, Shared, fold, schema};

/// Events in one transaction at most.
const BATCH_MAX: usize = 4_096;

/// What the writer is asked.
#[derive(Debug)]
pub(crate) enum Job {
    /// Write this.
    Event(SharedEvent),
    /// Say when everything before is committed.
    Flush(Sender<()>),
}

/// Owns the only connection that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    connection: Connection,
    inbox: Receiver<Job>,
    shared: Arc<Shared>,
    settings: Settings,
    /// Rows since the last pruning.
    unpruned: u64,
}

impl Writer {
    pub(crate) fn new(
        connection: Connection,
        inbox: Receiver<Job>,
        shared: Arc<Shared>,
        settings: Settings,
    ) -> Self {
        let unpruned = settings.events_max;
        Self { connection, inbox, shared, settings, unpruned }
    }

    /// Runs until the owner closes the inbox.
    pub(crate) fn run(mut self) {
        let mut clean = true;
        while let Ok(first) = self.inbox.recv() {
            let (batch, flush) = self.collect(first);
            clean &= self.write(&batch);
            if let Some(flush) = flush {
                // A waiter who gave up is no matter.
                let _ = flush.send(());
            }
        }
        let last = self.shared.last_seen.load(Ordering::Relaxed);
        if clean && let Err(error) = schema::end_run(&self.connection, last) {
            tracing::error!(%error, "store: the clean stop could not be noted");
        }
    }

    /// What has come when the batch is due, or when somebody waits for it. The writer sleeps
    /// meanwhile instead of receiving: an event must not cost a wake-up.
    fn collect(&self, first: Job) -> (Vec<SharedEvent>, Option<Sender<()>>) {
        let mut batch = Vec::new();
        let mut next = Some(first);
        if matches!(next, Some(Job::Event(_))) {
            std::thread::park_timeout(self.settings.commit_within);
        }
        while let Some(job) = next {
            match job {
                Job::Event(event) => batch.push(event),
                Job::Flush(flush) => return (batch, Some(flush)),
            }
            next = if batch.len() < BATCH_MAX { self.inbox.try_recv().ok() } else { None };
        }
        (batch, None)
    }

    /// Commits, trying again as long as it takes or until the owner closes; false where it was
    /// given up.
    fn write(&mut self, batch: &[SharedEvent]) -> bool {
        let mut tries = 0_u64;
        loop {
            let Err(error) = self.commit(batch) else {
                if tries > 0 {
                    tracing::info!(tries, "store: writing again");
                }
                self.shared.healthy.store(true, Ordering::Relaxed);
                return true;
            };
            self.shared.healthy.store(false, Ordering::Relaxed);
            if tries.is_power_of_two() || tries == 0 {
                tracing::error!(%error, tries, "store: cannot write, will try again");
            }
            tries += 1;
            if self.shared.closing.load(Ordering::Relaxed) {
                let lost = batch.len() as u64;
                self.shared.dropped.fetch_add(lost, Ordering::Relaxed);
                tracing::error!(lost, "store: stopped while the disk did not take these events");
                return false;
            }
            std::thread::park_timeout(self.settings.retry_after);
        }
    }

    fn commit(&mut self, batch: &[SharedEvent]) -> rusqlite::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let turn = self.connection.transaction()?;
        let (node, last_seq, last_ms): (String, i64, i64) =
            turn.query_row("SELECT name, last_seq, last_ms FROM node", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let (mut mark_seq, mut mark_ms) = (last_seq, last_ms);
        let mut rows = 0;
        for event in batch {
            let seq = i64::try_from(event.seq).unwrap_or(i64::MAX);
            if seq <= mark_seq {
                continue;
            }
            match write_one(&turn, &node, event, seq) {
                Ok(()) => {}
                Err(error) if is_ours(&error) => {
                    self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(%error, seq, "store: an event does not fit the tables");
                }
                Err(error) => return Err(error),
            }
            (mark_seq, mark_ms) = (seq, mark_ms.max(event.at.as_millisecond()));
            rows += 1;
        }
        turn.execute("UPDATE node SET last_seq = ?1, last_ms = ?2", [mark_seq, mark_ms])?;
        let prune = self.unpruned + rows > self.settings.events_max / 50;
        if prune {
            turn.execute(
                "DELETE FROM event WHERE seq <=
                    (SELECT seq FROM event ORDER BY seq DESC LIMIT 1 OFFSET ?1)",
                [i64::try_from(self.settings.events_max).unwrap_or(i64::MAX)],
            )?;
        }
        turn.commit()?;
        self.unpruned = if prune { 0 } else { self.unpruned + rows };
        Ok(())
    }
}

fn write_one(db: &Connection, node: &str, event: &SharedEvent, seq: i64) -> rusqlite::Result<()> {
    if is_kept(&event.what) {
        let body = serde_json::to_string(event)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        db.prepare_cached("INSERT OR IGNORE INTO event VALUES (?1, ?2)")?
            .execute(params![seq, body])?;
    }
    fold::apply(db, node, event)
}

/// Whether an event can be read again later. Positions are of interest while they hold, and so many
/// that a few busy queues would push everything else out of the table within a minute.
const fn is_kept(what: &What) -> bool {
    !matches!(what, What::TaskPosition { .. })
}

/// Whether trying again cannot help: the fault is the event's, not the disk's.
fn is_ours(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => matches!(
            failure.code,
            ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig
        ),
        rusqlite::Error::ToSqlConversionFailure(_) => true,
        _ => false,
    }
}
