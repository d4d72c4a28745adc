//! What the API needs from the rest of the process: somebody who takes orders, and the records.

use std::collections::BTreeMap;

use b2bua::{CallKey, Command, Origin, Problem, Reply, Utc};
use serde_json::Value;
use tokio::sync::oneshot;

/// Something the runtime is to do. Whoever takes it answers once; dropping `reply` is a 503.
///
/// Events that the order caused should be observed before the reply is sent: then what the API
/// answers already shows them.
#[derive(Debug)]
pub enum Order {
    /// For the switch.
    Command {
        /// The order.
        command: Command,
        /// Takes the answer.
        reply: oneshot::Sender<Result<Reply, Problem>>,
    },
    /// Read the configuration again.
    Reload {
        /// Takes the answer: nothing, or every fault as `FILE:LINE: what`, and then the old
        /// configuration still holds.
        reply: oneshot::Sender<Result<(), Vec<String>>>,
    },
}

/// Where what is over can be looked up. Methods block: they are called on a blocking thread.
pub trait Records: Send + Sync + 'static {
    /// Call records, newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    fn calls(&self, query: &RecordQuery) -> Result<RecordPage, RecordsError>;

    /// One call's record, as JSON.
    ///
    /// # Errors
    /// The store cannot be read.
    fn call(&self, call: CallKey) -> Result<Option<Value>, RecordsError>;

    /// What was recorded of a call; none where nothing was, or it is erased.
    ///
    /// # Errors
    /// The store or the file cannot be read.
    fn recording(&self, call: CallKey) -> Result<Option<RecordingFile>, RecordsError>;

    /// Deletes the files of what was recorded of calls from or to a number. Whoever asked says then that
    /// they are erased, by [`Command::RecordingErased`].
    ///
    /// # Errors
    /// The store cannot be read.
    fn erase(&self, number: &str) -> Result<Erased, RecordsError>;

    /// A report: a row for each queue or operator and interval, as JSON, by interval and then by name.
    ///
    /// # Errors
    /// The store cannot be read.
    fn report(&self, query: &ReportQuery) -> Result<Vec<Value>, RecordsError>;

    /// What happened in queues between two moments, in the words of Asterisk's `queue_log`; it is read
    /// as it is asked for.
    ///
    /// # Errors
    /// The store cannot be read.
    fn queue_log(&self, from: Utc, to: Utc) -> Result<LogLines, RecordsError>;

    /// Up to `limit` events with a `seq` above `after`, in order.
    ///
    /// # Errors
    /// The store cannot be read.
    fn events_after(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, RecordsError>;

    /// The `seq` of the oldest event still kept.
    ///
    /// # Errors
    /// The store cannot be read.
    fn oldest_event(&self) -> Result<Option<u64>, RecordsError>;
}

/// Music and prompts. Methods block: they are called on a blocking thread. What they change holds
/// for every order given after they return.
pub trait Sounds: Send + Sync + 'static {
    /// All there are.
    fn list(&self) -> Vec<SoundEntry>;

    /// One of them as a WAVE file.
    fn file(&self, name: &str) -> Option<Vec<u8>>;

    /// Takes a WAVE file; also whether none of the name had been put before.
    ///
    /// # Errors
    /// Why not; nothing has changed then.
    fn put(&self, name: &str, file: &[u8]) -> Result<(SoundEntry, bool), SoundRefused>;

    /// Deletes one that was put.
    ///
    /// # Errors
    /// Why not; nothing has changed then.
    fn delete(&self, name: &str) -> Result<(), SoundRefused>;
}

/// A sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundEntry {
    /// Folders and all.
    pub name: String,
    /// Where it is from.
    pub origin: Origin,
    /// How long it is.
    pub ms: u64,
    /// Samples per second.
    pub hz: u32,
}

/// Why a sound was not put or deleted, as the caller may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SoundRefused {
    /// 404, with its name.
    NotFound(String),
    /// 409.
    Conflict(String),
    /// 422.
    Invalid(String),
    /// 413.
    TooLarge(String),
    /// 503; this is for the log, not for the caller.
    Unavailable(String),
}

/// A recording that can be read.
#[derive(Debug)]
pub struct RecordingFile {
    /// The file.
    pub file: std::fs::File,
    /// Octets of it that are whole; it may be growing.
    pub length: u64,
}

/// What was deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// The calls whose recordings are gone.
    pub calls: Vec<CallKey>,
    /// Those that still live, whose recordings are not.
    pub live: usize,
    /// Those whose recordings could not be deleted.
    pub failed: usize,
}

/// Which records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordQuery {
    /// Started at this time or later.
    pub from: Option<Utc>,
    /// Started before this time.
    pub to: Option<Utc>,
    /// At most so many, 1 to 1000.
    pub limit: usize,
    /// From the page before.
    pub cursor: Option<String>,
    /// With a task in this queue.
    pub queue: Option<String>,
    /// With this operator in it.
    pub operator: Option<String>,
    /// From or to this number.
    pub number: Option<String>,
    /// From the oldest to the newest instead.
    pub oldest_first: bool,
}

/// What a report is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum By {
    /// Queues.
    #[default]
    Queue,
    /// Operators.
    Operator,
}

/// A report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportQuery {
    /// What it is about.
    pub by: By,
    /// Where intervals begin, rising; the last one is where the range ends.
    pub bounds: Vec<Utc>,
    /// Now: time that is still to come was spent on nothing.
    pub now: Utc,
    /// Only these queues or operators.
    pub only: Option<Vec<String>>,
    /// Within what a queue's callers should be answered, in milliseconds.
    pub within_ms: BTreeMap<String, u64>,
    /// The same of queues that are not configured any more.
    pub otherwise_ms: u64,
}

/// A line of the queue log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: Utc,
    /// The call; none of what is no call's.
    pub call: Option<CallKey>,
    /// The queue; none of what concerns an operator in all their queues.
    pub queue: Option<String>,
    /// The operator.
    pub operator: Option<String>,
    /// `ENTERQUEUE`, `CONNECT`, …
    pub event: &'static str,
    /// What Asterisk has for that event.
    pub data: Vec<String>,
}

/// Lines, in order.
pub type LogLines = Box<dyn Iterator<Item = Result<LogLine, RecordsError>> + Send>;

/// A page of records.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecordPage {
    /// The records as JSON.
    pub items: Vec<Value>,
    /// For the next page.
    pub next: Option<String>,
}

/// One event as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number.
    pub seq: u64,
    /// Its JSON.
    pub json: String,
}

/// The records could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// The cursor is none of ours.
    #[error("this cursor is not from a page of records")]
    Cursor,
    /// Anything else.
    #[error("{0}")]
    Unavailable(String),
}
