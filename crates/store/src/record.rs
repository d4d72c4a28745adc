//! What a record says. As JSON: times in RFC 3339, durations in seconds.

use std::collections::BTreeMap;

use b2bua::{CallKey, Utc};
use serde::{Serialize, Serializer};

/// Records per page at most.
pub const LIMIT_MAX: usize = 1_000;

/// Which records. All that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordQuery {
    /// Started at this time or later.
    pub from: Option<Utc>,
    /// Started before this time.
    pub to: Option<Utc>,
    /// At most so many, 1 to [`LIMIT_MAX`]; others are brought into that range.
    pub limit: usize,
    /// From the page before.
    pub cursor: Option<String>,
    /// With a task in this queue.
    pub queue: Option<String>,
    /// With this operator as participant or of a task.
    pub operator: Option<String>,
    /// From or to this number, or a SIP URI with this user part.
    pub number: Option<String>,
    /// From the oldest to the newest instead.
    pub oldest_first: bool,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The cursor of the next page, none on the last.
    pub next: Option<String>,
}

/// One call, its segments and its tasks. What a call that still lives does not know yet is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallRecord {
    /// The call.
    pub id: CallKey,
    /// The node that had it.
    pub node: String,
    /// `inbound`, `outbound`, `internal`.
    pub kind: String,
    /// `ended`, or `live`.
    pub state: &'static str,
    /// The caller.
    pub from: String,
    /// What was called.
    pub to: String,
    /// The call in which its participants were before.
    pub predecessor: Option<String>,
    /// The trunk.
    pub trunk: Option<String>,
    /// The first queue it waited in.
    pub queue: Option<String>,
    /// The operator who answered last.
    pub operator: Option<String>,
    /// When it began.
    pub started: Utc,
    /// When somebody answered for the first time.
    pub answered: Option<Utc>,
    /// When it was over.
    pub ended: Option<Utc>,
    /// `answered`, `abandoned`, `failed`, `ended`, `crash`.
    pub result: Option<String>,
    /// Why it ended.
    pub cause: Option<String>,
    /// From start to end.
    #[serde(rename = "length_s", serialize_with = "seconds_opt")]
    pub length_ms: Option<u64>,
    /// Waiting.
    #[serde(rename = "wait_s", serialize_with = "seconds")]
    pub wait_ms: u64,
    /// Ringing.
    #[serde(rename = "ring_s", serialize_with = "seconds")]
    pub ring_ms: u64,
    /// Talking.
    #[serde(rename = "talk_s", serialize_with = "seconds")]
    pub talk_ms: u64,
    /// On hold.
    #[serde(rename = "hold_s", serialize_with = "seconds")]
    pub hold_ms: u64,
    /// What came with it.
    pub context: BTreeMap<String, String>,
    /// Who took part.
    pub participants: Vec<ParticipantRecord>,
    /// Its intervals in order.
    pub segments: Vec<SegmentRecord>,
    /// Its tasks in order.
    pub tasks: Vec<TaskRecord>,
    /// What was recorded of it.
    pub recording: Option<RecordingRecord>,
}

/// The recording of a call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordingRecord {
    /// Its id.
    pub id: String,
    /// Below the folder of recordings.
    pub file: String,
    /// Samples per second.
    pub hz: u32,
    /// When it began.
    pub started: Utc,
    /// When it ended; none while it is made.
    pub stopped: Option<Utc>,
    /// Why: `ended`, `order`, `policy`, `failed: …`, `crash`.
    pub cause: Option<String>,
    /// Silence in it that the disk was too slow for.
    #[serde(rename = "lost_s", serialize_with = "seconds")]
    pub lost_ms: u64,
    /// When it was deleted: by an order, or for its age.
    pub erased: Option<Utc>,
    /// Who has listened to it.
    pub played: Vec<ListeningRecord>,
}

/// Somebody listened to a recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListeningRecord {
    /// When.
    pub at: Utc,
    /// The name of their token.
    pub by: String,
}

/// One participant of a call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParticipantRecord {
    /// Theirs.
    pub id: String,
    /// `customer`, `operator`.
    pub role: String,
    /// Which operator.
    pub operator: Option<String>,
    /// Where they were reached.
    pub uri: String,
    /// When they came.
    pub joined: Utc,
    /// When they went.
    pub left: Option<Utc>,
}

/// An interval in which participants and matrix stayed the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentRecord {
    /// `wait`, `ring`, `talk`, `hold`.
    pub phase: String,
    /// The ids of those present.
    pub participants: Vec<String>,
    /// What each heard.
    pub hears: BTreeMap<String, Vec<String>>,
    /// When it began.
    pub start: Utc,
    /// How long it was; none while it lasts.
    #[serde(rename = "length_s", serialize_with = "seconds_opt")]
    pub length_ms: Option<u64>,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskRecord {
    /// The task.
    pub id: String,
    /// `call`, `callback`, `dialog`.
    pub kind: String,
    /// `voice`, `dialog`.
    pub channel: String,
    /// The queue it was in last.
    pub queue: String,
    /// Who had it last.
    pub operator: Option<String>,
    /// How often it was put before an operator.
    pub offers: u64,
    /// When it entered the queue.
    pub queued: Utc,
    /// When an operator had it.
    pub assigned: Option<Utc>,
    /// When it was over.
    pub ended: Option<Utc>,
    /// `completed`, `abandoned`, `expired`, `overflowed`, `failed`, `withdrawn`, `crash`.
    pub outcome: Option<String>,
    /// Why, where it failed, or was a callback that nobody was offered.
    pub cause: Option<String>,
    /// How long it waited.
    #[serde(rename = "wait_s", serialize_with = "seconds_opt")]
    pub wait_ms: Option<u64>,
    /// How long they talked.
    #[serde(rename = "talk_s", serialize_with = "seconds_opt")]
    pub talk_ms: Option<u64>,
    /// After-call work.
    #[serde(rename = "wrap_up_s", serialize_with = "seconds_opt")]
    pub wrap_up_ms: Option<u64>,
}

/// One event as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number.
    pub seq: u64,
    /// Its JSON.
    pub json: String,
}

#[expect(clippy::cast_precision_loss, reason = "exact to the millisecond for 285,000 years")]
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(crate) fn seconds<S: Serializer>(ms: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(*ms as f64 / 1e3)
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn seconds_opt<S: Serializer>(ms: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    match ms {
        Some(ms) => seconds(ms, serializer),
        None => serializer.serialize_none(),
    }
}
