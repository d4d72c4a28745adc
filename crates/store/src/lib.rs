//! Call records in SQLite: a fold of the event stream, written by one thread of its own.
//!
//! [`Store::append`] never waits. The writer commits at latest [`Settings::commit_within`] after
//! the first event of a batch, so that `kill -9` loses less than a tenth of a second (a power cut
//! may lose more: `synchronous=NORMAL`). A batch is one transaction that also moves the mark of the
//! last event folded; events at or below the mark are skipped, hence each is folded exactly once
//! whatever is retried. What a dead process left open is closed at the next start as `crash`.
#![forbid(unsafe_code)]

mod fold;
mod history;
mod open;
mod queue_log;
mod reader;
mod record;
mod recording;
mod report;
mod schema;
mod standing;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use b2bua::SharedEvent;
use crossbeam_channel::{Sender, bounded, unbounded};

pub use queue_log::{LogLine, QueueLog};
pub use reader::Reader;
pub use record::{CallRecord, Page, ParticipantRecord, RecordQuery, SegmentRecord, StoredEvent};
pub use record::{LIMIT_MAX, ListeningRecord, RecordingRecord, TaskRecord};
pub use recording::KeptRecording;
pub use report::{OperatorRow, QueueRow, ReportQuery};
use writer::{Job, Writer};

/// Numbers left out after an unclean stop: events may have been told to others that never reached
/// the disk, and none of theirs is used again unless more than so many were lost.
pub const SEQ_GAP: u64 = 10_000_000;

/// Limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Events kept for subscribers who come back; a batch goes when all of it is older.
    pub events_max: u64,
    /// Events that may wait for the writer; one more is dropped and counted.
    pub inbox_max: usize,
    /// How long after its first event a batch is committed.
    pub commit_within: Duration,
    /// How long after a failed commit the next try is made.
    pub retry_after: Duration,
    /// How often it is noted, while calls are open and nothing happens, that the process lives: if it
    /// dies they have ended by then. While operators are signed in and there are no calls, 60 times more
    /// rarely.
    pub seen_every: Duration,
    /// Size the database may grow to in pages of 4096 bytes; only the disk's where absent.
    pub pages_max: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            events_max: 100_000,
            inbox_max: 65_536,
            commit_within: Duration::from_millis(80),
            retry_after: Duration::from_millis(500),
            seen_every: Duration::from_secs(1),
            pages_max: None,
        }
    }
}

/// Why the store could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made or written.
    #[error("{path}: {error}")]
    Directory {
        /// Which.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Another process has this directory open.
    #[error("{0} is in use by another process")]
    InUse(String),
    /// The database was written by a later version of the program.
    #[error("{path}: schema version {found} is newer than this program's {known}")]
    Newer {
        /// Which.
        path: String,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The cursor is not one of ours.
    #[error("no such cursor")]
    Cursor,
    /// The database.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
}

/// What writer and owner both see.
#[derive(Debug)]
struct Shared {
    dropped: AtomicU64,
    last_seen: AtomicU64,
    healthy: AtomicBool,
    closing: AtomicBool,
}

/// The store of one node. Dropping it writes what is left and marks the stop as clean.
#[derive(Debug)]
pub struct Store {
    jobs: Option<Sender<Job>>,
    inbox_max: usize,
    writer: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    reader: Reader,
    next_seq: u64,
    _lock: File,
}

impl Store {
    /// Opens, creating or migrating it, the database in `data_dir` with default [`Settings`].
    ///
    /// # Errors
    /// The directory or the database cannot be written, or is another process's.
    pub fn open(data_dir: &Path, node: &str) -> Result<Self, StoreError> {
        Self::open_with(data_dir, node, Settings::default())
    }

    /// Opens with these limits.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(data_dir: &Path, node: &str, settings: Settings) -> Result<Self, StoreError> {
        let lock = lock(data_dir)?;
        let path = data_dir.join("usher.db");
        let mut connection = schema::open(&path, settings.pages_max)?;
        let mark = schema::begin_run(&mut connection, node)?;
        let next_seq = u64::try_from(mark.seq).unwrap_or(0) + 1;
        let shared = Arc::new(Shared {
            dropped: AtomicU64::new(0),
            last_seen: AtomicU64::new(next_seq - 1),
            healthy: AtomicBool::new(true),
            closing: AtomicBool::new(false),
        });
        // Bounded by us: a bounded channel takes the memory of all its places at once.
        let (jobs, inbox) = unbounded();
        let inbox_max = settings.inbox_max;
        let writer = Writer::new(connection, node, mark, inbox, Arc::clone(&shared), settings);
        let writer =
            std::thread::Builder::new().name("store".into()).spawn(move || writer.run()).map_err(
                |error| StoreError::Directory { path: path.display().to_string(), error },
            )?;
        Ok(Self {
            jobs: Some(jobs),
            inbox_max,
            writer: Some(writer),
            shared,
            reader: Reader::new(&path),
            next_seq,
            _lock: lock,
        })
    }

    /// The number of the first event of this run.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Takes an event to be written soon. Never blocks: where the inbox is full the event is
    /// dropped and counted.
    pub fn append(&self, event: SharedEvent) {
        self.shared.last_seen.fetch_max(event.seq, Ordering::Relaxed);
        let jobs = self.jobs.as_ref().filter(|jobs| jobs.len() < self.inbox_max);
        let sent = jobs.map(|jobs| jobs.send(Job::Event(event)));
        if !matches!(sent, Some(Ok(()))) && self.shared.dropped.fetch_add(1, Ordering::Relaxed) == 0
        {
            tracing::error!("store: the inbox is full, events are dropped");
        }
    }

    /// Events that could not be taken or written, since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Whether the disk works but does not keep up: no more should be begun than it can take. A disk
    /// that fails is no reason to turn callers away; that one loses records, and says so.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        let waiting = self.jobs.as_ref().map_or(0, Sender::len);
        self.healthy() && waiting > self.inbox_max / 4
    }

    /// Whether the last commit went well.
    #[must_use]
    pub fn healthy(&self) -> bool {
        self.shared.healthy.load(Ordering::Relaxed)
    }

    /// Waits until everything appended so far is committed; false where that took longer than
    /// `within`.
    #[must_use]
    pub fn flush(&self, within: Duration) -> bool {
        let (done, wait) = bounded(1);
        let Some(jobs) = &self.jobs else { return false };
        let sent = jobs.send(Job::Flush(done)).is_ok();
        if let Some(writer) = &self.writer {
            writer.thread().unpark();
        }
        sent && wait.recv_timeout(within).is_ok()
    }

    /// Does something as soon as everything appended so far is committed, in the writer's thread: it
    /// should be short. Never, where that fails.
    pub fn after(&self, then: Box<dyn FnOnce() + Send>) {
        if let Some(jobs) = &self.jobs {
            // Nobody writes any more once it is closed.
            let _ = jobs.send(Job::Then(then));
        }
    }

    /// A handle for reading, with connections of its own.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            writer.thread().unpark();
            if writer.join().is_err() {
                tracing::error!("store: the writer died");
            }
        }
    }
}

/// Makes the directory and takes it for this process: a second one would close our open calls.
fn lock(data_dir: &Path) -> Result<File, StoreError> {
    let path = data_dir.join("usher.lock");
    let failed = |error| StoreError::Directory { path: data_dir.display().to_string(), error };
    std::fs::create_dir_all(data_dir).map_err(failed)?;
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(StoreError::InUse(data_dir.display().to_string()))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests;
