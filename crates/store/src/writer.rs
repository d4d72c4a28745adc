//! The writer thread: batches, commits, retries, prunes.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use b2bua::{Event, SharedEvent, What};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use rusqlite::{Connection, ErrorCode, params};

use crate::history::History;
use crate::open::Open;
use crate::schema::Mark;
use crate::{Settings, Shared, fold, schema};

/// Events in one transaction at most.
const BATCH_MAX: usize = 4_096;
/// Events in one row at most; a reader who wants one of them reads the row.
const ROW_MAX: usize = 256;

/// So much more rarely than during calls is it noted that the process lives while there are none.
const IDLE_TIMES: u32 = 60;

/// What the writer is asked.
pub(crate) enum Job {
    /// Write this.
    Event(SharedEvent),
    /// Do this when everything before is committed.
    Then(Box<dyn FnOnce() + Send>),
    /// Say when everything before is committed.
    Flush(Sender<()>),
}

/// What is committed at once, and who waits for it.
#[derive(Default)]
struct Batch {
    events: Vec<SharedEvent>,
    thens: Vec<Box<dyn FnOnce() + Send>>,
    flush: Option<Sender<()>>,
}

/// Owns the only connection that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    connection: Connection,
    node: String,
    /// What the last commit reached.
    mark: Mark,
    open: Open,
    history: History,
    inbox: Receiver<Job>,
    shared: Arc<Shared>,
    settings: Settings,
    /// How many events had been kept when it was last pruned; none yet in this run.
    pruned: Option<i64>,
    /// Room for the next row's text.
    body: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(
        connection: Connection,
        node: &str,
        mark: Mark,
        inbox: Receiver<Job>,
        shared: Arc<Shared>,
        settings: Settings,
    ) -> Self {
        let (node, open) = (node.to_owned(), Open::new(mark.open_from));
        let (pruned, body, history) = (None, Vec::new(), History::default());
        Self { connection, node, mark, open, history, inbox, shared, settings, pruned, body }
    }

    /// Runs until the owner closes the inbox.
    pub(crate) fn run(mut self) {
        let mut clean = true;
        loop {
            let first = match self.next() {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => {
                    // Another time, where that fails.
                    let _ = self.is_seen();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let Batch { events, thens, flush } = self.collect(first);
            let written = self.write(&events);
            clean &= written;
            if written {
                thens.into_iter().for_each(|then| then());
            }
            if let Some(flush) = flush {
                // A waiter who gave up is no matter.
                let _ = flush.send(());
            }
        }
        let last = self.shared.last_seen.load(Ordering::Relaxed);
        if clean && let Err(error) = schema::end_run(&self.connection, last, now_ms()) {
            tracing::error!(%error, "store: the clean stop could not be noted");
        }
    }

    fn next(&self) -> Result<Job, RecvTimeoutError> {
        let every = self.settings.seen_every;
        match (self.open.is_empty(), self.history.is_anybody_there()) {
            (false, _) => self.inbox.recv_timeout(every),
            // If the process dies they have been signed in until then.
            (true, true) => self.inbox.recv_timeout(every.saturating_mul(IDLE_TIMES)),
            (true, false) => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Notes that the process lives.
    fn is_seen(&mut self) -> rusqlite::Result<()> {
        let now_ms = now_ms();
        if now_ms > self.mark.ms {
            self.connection.prepare_cached("UPDATE node SET last_ms = ?1")?.execute([now_ms])?;
            self.mark.ms = now_ms;
        }
        Ok(())
    }

    /// What has come when the batch is due, or when somebody waits for it. The writer sleeps
    /// meanwhile instead of receiving: an event must not cost a wake-up.
    fn collect(&self, first: Job) -> Batch {
        let mut batch = Batch::default();
        let mut next = Some(first);
        if matches!(next, Some(Job::Event(_))) {
            std::thread::park_timeout(self.settings.commit_within);
        }
        while let Some(job) = next {
            match job {
                Job::Event(event) => batch.events.push(event),
                Job::Then(then) => batch.thens.push(then),
                Job::Flush(flush) => return Batch { flush: Some(flush), ..batch },
            }
            let is_full = batch.events.len() >= BATCH_MAX;
            next = if is_full { None } else { self.inbox.try_recv().ok() };
        }
        batch
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
        let done = self.try_commit(batch);
        if done.is_err() {
            // Rows of what was rolled back are none.
            self.open.forget(self.mark.open_from);
        }
        self.history.settle(done.is_ok());
        done
    }

    fn try_commit(&mut self, batch: &[SharedEvent]) -> rusqlite::Result<()> {
        let turn = self.connection.transaction()?;
        let mut mark = self.mark.clone();
        let mut row = EventRow::new(&mut self.body);
        for event in batch {
            let seq = i64::try_from(event.seq).unwrap_or(i64::MAX);
            if seq <= mark.seq {
                continue;
            }
            self.history.add(event);
            let written = row
                .add(event, seq)
                .and_then(|()| fold::apply(&turn, &mut self.open, &self.node, event));
            match written {
                Ok(()) => {}
                Err(error) if is_ours(&error) => {
                    self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(%error, seq, "store: an event does not fit the tables");
                }
                Err(error) => return Err(error),
            }
            (mark.seq, mark.ms) = (seq, mark.ms.max(event.at.as_millisecond()));
            if row.events >= ROW_MAX {
                mark.kept = row.write(&turn, mark.kept)?;
            }
        }
        mark.kept = row.write(&turn, mark.kept)?;
        self.history.write(&turn)?;
        mark.open_from = self.open.from();
        turn.prepare_cached("UPDATE node SET last_seq = ?1, last_ms = ?2, open_from = ?3")?
            .execute([mark.seq, mark.ms, mark.open_from])?;
        let events_max = i64::try_from(self.settings.events_max).unwrap_or(i64::MAX);
        let prune = self.pruned.is_none_or(|pruned| mark.kept - pruned > events_max / 50);
        if prune {
            turn.execute(
                "DELETE FROM batch WHERE last <
                    (SELECT last FROM batch WHERE kept > ?1 ORDER BY last LIMIT 1)",
                [mark.kept - events_max],
            )?;
        }
        turn.commit()?;
        if prune {
            self.pruned = Some(mark.kept);
        }
        self.mark = mark;
        Ok(())
    }
}

fn now_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(0)
}

/// The events of one row of the table, being gathered.
struct EventRow<'a> {
    body: &'a mut Vec<u8>,
    events: usize,
    first: i64,
    last: i64,
}

impl<'a> EventRow<'a> {
    fn new(body: &'a mut Vec<u8>) -> Self {
        body.clear();
        Self { body, events: 0, first: 0, last: 0 }
    }

    fn add(&mut self, event: &Event, seq: i64) -> rusqlite::Result<()> {
        if !is_kept(&event.what) {
            return Ok(());
        }
        let before = self.body.len();
        let first = if self.events == 0 { seq } else { self.first };
        if self.events > 0 {
            self.body.push(b'\n');
        }
        let written = write!(self.body, "{} ", seq - first)
            .map_err(serde_json::Error::io)
            .and_then(|()| serde_json::to_writer(&mut *self.body, event));
        if let Err(error) = written {
            self.body.truncate(before);
            return Err(rusqlite::Error::ToSqlConversionFailure(error.into()));
        }
        (self.first, self.last) = (first, seq);
        self.events += 1;
        Ok(())
    }

    /// Writes what was gathered, if anything, and begins anew; tells how many were ever kept.
    fn write(&mut self, db: &Connection, kept: i64) -> rusqlite::Result<i64> {
        if self.events == 0 {
            return Ok(kept);
        }
        let kept = kept + i64::try_from(self.events).unwrap_or(0);
        let body = std::str::from_utf8(self.body)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        db.prepare_cached("INSERT INTO batch (last, first, kept, body) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![self.last, self.first, kept, body])?;
        self.body.clear();
        self.events = 0;
        Ok(kept)
    }
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
