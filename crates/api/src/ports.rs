//! What the API needs from the rest of the process: somebody who takes orders, and the records.

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
}

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
