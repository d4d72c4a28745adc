//! The one stream of what happened. Records, API, webhooks, metrics and tests are folds of it.

mod names;
mod states;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::states::{Chosen, ChosenState, Effective, EffectiveState};
pub use self::words::*;
use crate::callback::{CallbackCause, CallbackEnd, Terms};
use crate::config::Name;
use crate::id::{CallKey, ParticipantId, PlayKey, RecordingKey, ReservationKey, TaskKey};

/// UTC, printed as RFC 3339.
pub type Utc = jiff::Timestamp;

/// One event. As JSON it is one flat object: `seq`, `at`, `type`, `call`, `task`, then the fields of
/// its type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Rises by one with each event of this node, over restarts too.
    pub seq: u64,
    /// When.
    pub at: Utc,
    /// The call concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallKey>,
    /// The task concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskKey>,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

impl Event {
    /// The `type` of the JSON, `call.started` say.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.what.type_name()
    }
}

/// Milliseconds of a call by phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Of [`Phase::Wait`].
    pub wait_ms: u64,
    /// Of [`Phase::Ring`].
    pub ring_ms: u64,
    /// Of [`Phase::Talk`].
    pub talk_ms: u64,
    /// Of [`Phase::Hold`].
    pub hold_ms: u64,
}

/// How a leg sounds. `bad` when one way has turned so by the last seconds, `recovered` from that,
/// `ended` of all its time, as it was when the leg ended: some milliseconds after `leg.ended`, and
/// after `call.ended` where that was the last of the call, but at most two seconds. The scores are mean opinion scores, 1 to 4.5,
/// estimated (ITU-T G.107): of what comes from the leg, and, where it sends reports (RTCP), of what
/// it hears. Packets that came too late count as lost.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the fields are what they are called; units stand last")]
pub struct LegQuality {
    pub participant: ParticipantId,
    pub role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<Name>,
    pub cause: Name,
    pub codec: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mos: Option<f64>,
    pub packets: u64,
    pub lost: u64,
    pub jitter_ms: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_mos: Option<f64>,
    pub remote_packets: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_lost: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_jitter_ms: Option<u32>,
}

/// What one participant hears: ids of others, or `music:NAME`, `ringing`, `silence`, …
pub type Hears = Arc<BTreeMap<ParticipantId, Vec<String>>>;

/// The types of events and their fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type")]
#[allow(missing_docs, reason = "the fields are what they are called; units stand last")]
pub enum What {
    #[serde(rename = "call.started")]
    CallStarted {
        kind: Kind,
        /// The call that its participants were in before.
        #[serde(skip_serializing_if = "Option::is_none")]
        predecessor: Option<CallKey>,
        from: Name,
        to: Name,
        #[serde(skip_serializing_if = "Option::is_none")]
        trunk: Option<Name>,
        /// Our half of Session-ID in all its messages (RFC 7989).
        #[serde(rename = "session_id", skip_serializing_if = "Option::is_none")]
        uuid: Option<String>,
        context: BTreeMap<String, String>,
    },
    /// The context is another one, by order: all of it.
    #[serde(rename = "call.context")]
    CallContext { context: BTreeMap<String, String> },
    /// Header fields that would have been context were longer or more than the limits allow.
    #[serde(rename = "call.context_dropped")]
    ContextDropped {
        /// Their names.
        headers: Vec<Name>,
    },
    #[serde(rename = "call.answered")]
    CallAnswered { operator: Option<Name> },
    /// Its caller waits until somebody says where to.
    #[serde(rename = "call.parked")]
    CallParked { timeout_ms: u64 },
    /// A new interval in which participants and matrix stay the same.
    #[serde(rename = "call.segment")]
    CallSegment { phase: Phase, participants: Vec<ParticipantId>, hears: Hears },
    #[serde(rename = "call.ended")]
    CallEnded {
        result: CallResult,
        cause: Name,
        #[serde(flatten)]
        totals: Totals,
    },
    #[serde(rename = "leg.ringing")]
    LegRinging {
        participant: ParticipantId,
        role: Role,
        #[serde(skip_serializing_if = "Option::is_none")]
        operator: Option<Name>,
    },
    #[serde(rename = "leg.answered")]
    LegAnswered {
        participant: ParticipantId,
        role: Role,
        #[serde(skip_serializing_if = "Option::is_none")]
        operator: Option<Name>,
    },
    #[serde(rename = "leg.failed")]
    LegFailed {
        participant: ParticipantId,
        role: Role,
        #[serde(skip_serializing_if = "Option::is_none")]
        operator: Option<Name>,
        status: u16,
        /// What the other side says of it (RFC 3326, RFC 6432).
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    #[serde(rename = "leg.ended")]
    LegEnded {
        participant: ParticipantId,
        role: Role,
        #[serde(skip_serializing_if = "Option::is_none")]
        operator: Option<Name>,
        cause: Name,
        /// What the other side says of it (RFC 3326).
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// See [`LegQuality`].
    #[serde(rename = "leg.quality")]
    LegQuality(Box<LegQuality>),
    #[serde(rename = "participant.joined")]
    ParticipantJoined {
        participant: ParticipantId,
        role: Role,
        #[serde(skip_serializing_if = "Option::is_none")]
        operator: Option<Name>,
        uri: Name,
        /// Of a supervisor.
        #[serde(skip_serializing_if = "Option::is_none")]
        mode: Option<Mode>,
        /// For whom a whisper is, where that has been said.
        #[serde(skip_serializing_if = "Option::is_none")]
        whisper_to: Option<ParticipantId>,
    },
    #[serde(rename = "participant.left")]
    ParticipantLeft { participant: ParticipantId },
    /// Somebody may be held by their phone and by order at once: each is told, and its end.
    #[serde(rename = "participant.held")]
    ParticipantHeld {
        participant: ParticipantId,
        by: HeldBy,
        /// What they hear meanwhile, where the order has said it. Told anew when that changes.
        #[serde(skip_serializing_if = "Option::is_none")]
        audio: Option<Name>,
    },
    #[serde(rename = "participant.resumed")]
    ParticipantResumed { participant: ParticipantId, by: HeldBy },
    #[serde(rename = "participant.muted")]
    ParticipantMuted { participant: ParticipantId },
    #[serde(rename = "participant.unmuted")]
    ParticipantUnmuted { participant: ParticipantId },
    /// How a supervisor takes part from now on; as an operator where they intercept.
    #[serde(rename = "participant.mode")]
    ParticipantMode {
        participant: ParticipantId,
        mode: Mode,
        #[serde(skip_serializing_if = "Option::is_none")]
        whisper_to: Option<ParticipantId>,
    },
    /// What was played to somebody by order is over.
    #[serde(rename = "play.finished")]
    PlayFinished {
        play: PlayKey,
        participant: ParticipantId,
        result: Played,
        /// Of one interrupted: they `left`, were `held`, `resumed` or `connected`, had to wait again
        /// (`waiting`), or something else was played (`replaced`). Of one failed: why.
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<Name>,
    },
    /// The phone of whoever was asked for help rings. `help` names the part of those two: a second
    /// handle on the conference, and the call that goes on when the customer leaves.
    #[serde(rename = "help.alerting")]
    HelpAlerting {
        help: CallKey,
        mode: HelpMode,
        by: ParticipantId,
        #[serde(skip_serializing_if = "Option::is_none")]
        operator: Option<Name>,
        to: Name,
    },
    /// They have answered.
    #[serde(rename = "help.talking")]
    HelpTalking {
        help: CallKey,
        mode: HelpMode,
        by: ParticipantId,
        #[serde(skip_serializing_if = "Option::is_none")]
        operator: Option<Name>,
        to: Name,
        participant: ParticipantId,
        /// Who it is, where it is one of ours.
        #[serde(skip_serializing_if = "Option::is_none")]
        helper: Option<Name>,
    },
    /// They have not: `no_answer`, `busy`, `declined`, `error`, `cancelled`, `caller_gone`.
    #[serde(rename = "help.failed")]
    HelpFailed {
        help: CallKey,
        #[serde(skip_serializing_if = "Option::is_none")]
        operator: Option<Name>,
        to: Name,
        reason: Name,
    },
    /// A help is over: each ends by this or by `help.failed`.
    #[serde(rename = "help.ended")]
    HelpEnded {
        help: CallKey,
        #[serde(skip_serializing_if = "Option::is_none")]
        operator: Option<Name>,
        to: Name,
        cause: HelpEnd,
    },
    /// Somebody in the call asked for somebody else to have it.
    #[serde(rename = "transfer.started")]
    TransferStarted {
        /// Whose part somebody else is to have; none once they have left.
        #[serde(skip_serializing_if = "Option::is_none")]
        participant: Option<ParticipantId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        operator: Option<Name>,
        to: Name,
        mode: TransferMode,
    },
    /// Whoever was asked for has it: an operator, or a queue or somebody outside.
    #[serde(rename = "transfer.completed")]
    TransferCompleted {
        #[serde(skip_serializing_if = "Option::is_none")]
        operator: Option<Name>,
        to: Name,
    },
    /// `no_answer`, `busy`, `declined`, `error`, `caller_gone`, `cancelled`; `hangup` where the
    /// caller is gone.
    #[serde(rename = "transfer.failed")]
    TransferFailed { to: Name, reason: Name, hangup: bool },
    /// The part of whoever had it by a transfer that was completed is over; `hangup` where the caller
    /// is gone.
    #[serde(rename = "transfer.ended")]
    TransferEnded { to: Name, hangup: bool },
    /// A hook has said where the call goes.
    #[serde(rename = "hook.answered")]
    HookAnswered { hook: Name },
    /// It has not, or what cannot be: the call goes where `on_error` says.
    #[serde(rename = "hook.failed")]
    HookFailed { hook: Name, reason: Name },
    /// The customer's trunk is asked by REFER to bring them to the operator (`delivery` of the queue).
    #[serde(rename = "delivery.started")]
    DeliveryStarted { operator: Name },
    /// They are there: with the operator, if that is one at a number outside, and the call is over; back
    /// in the same call, if it is one whose phone rings now.
    #[serde(rename = "delivery.completed")]
    DeliveryCompleted { operator: Name },
    /// They are not, and are put through as usual if they are there: with the trunk's status, 408 where
    /// it has said nothing for too long, 487 where they have hung up.
    #[serde(rename = "delivery.failed")]
    DeliveryFailed { operator: Name, status: u16 },
    /// From now on it is recorded: for the first time, or again after it was stopped, then into the
    /// same file. `cause` is `policy`, or `order` and then `by` whom.
    #[serde(rename = "recording.started")]
    RecordingStarted {
        recording: RecordingKey,
        /// Below the folder of recordings: `YYYY/MM/DD/CALL.wav`.
        file: Name,
        hz: u32,
        cause: Name,
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<Name>,
    },
    #[serde(rename = "recording.paused")]
    RecordingPaused {
        recording: RecordingKey,
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<Name>,
    },
    #[serde(rename = "recording.resumed")]
    RecordingResumed {
        recording: RecordingKey,
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<Name>,
    },
    /// `ended` with the call, `order`, `policy` of another queue, `failed`; `transfer` where a bot has
    /// handed the call on and not asked that it goes on.
    #[serde(rename = "recording.stopped")]
    RecordingStopped {
        recording: RecordingKey,
        cause: Name,
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<Name>,
    },
    /// It cannot be written any more: `no space`, or what the system says.
    #[serde(rename = "recording.failed")]
    RecordingFailed { recording: RecordingKey, cause: Name },
    /// The disk was too slow: so much is silence, up to `at_ms` from its beginning.
    #[serde(rename = "recording.gap")]
    RecordingGap { recording: RecordingKey, at_ms: u64, lost_ms: u64 },
    /// Somebody has listened to it, or to a part.
    #[serde(rename = "recording.played")]
    RecordingPlayed { by: Name },
    /// Somebody has had it deleted.
    #[serde(rename = "recording.erased")]
    RecordingErased { by: Name },
    /// All that began before this are deleted: `keep_days` have passed.
    #[serde(rename = "recording.expired")]
    RecordingExpired { before: Utc, recordings: u64 },
    #[serde(rename = "task.queued")]
    TaskQueued {
        queue: Name,
        #[serde(flatten)]
        work: Work,
        position: usize,
        virtual_start: Utc,
        priority_s: u32,
    },
    /// It has its place, and is given to nobody yet.
    #[serde(rename = "task.held")]
    TaskHeld { queue: Name },
    /// By order, it has another head start.
    #[serde(rename = "task.prioritised")]
    TaskPrioritised { queue: Name, priority_s: u32 },
    /// From now on it is given to somebody.
    #[serde(rename = "task.waiting")]
    TaskWaiting { queue: Name },
    /// Told live, not kept: its numbers are missing in what is read back later.
    #[serde(rename = "task.position")]
    TaskPosition { queue: Name, position: usize },
    #[serde(rename = "task.reserved")]
    TaskReserved { queue: Name, operator: Name },
    #[serde(rename = "task.assigned")]
    TaskAssigned { queue: Name, operator: Name, wait_ms: u64 },
    #[serde(rename = "task.wrapping")]
    TaskWrapping { queue: Name, operator: Name, wrap_up_ms: u64 },
    #[serde(rename = "task.completed")]
    TaskCompleted {
        queue: Name,
        operator: Name,
        /// Hold included.
        talk_ms: u64,
        /// How much of that was hold.
        hold_ms: u64,
        wrap_up_ms: u64,
    },
    #[serde(rename = "task.abandoned")]
    TaskAbandoned { queue: Name, wait_ms: u64 },
    #[serde(rename = "task.expired")]
    TaskExpired { queue: Name, wait_ms: u64 },
    /// A limit has sent its caller elsewhere.
    #[serde(rename = "task.overflowed")]
    TaskOverflowed { queue: Name, wait_ms: u64 },
    #[serde(rename = "task.failed")]
    TaskFailed { queue: Name, cause: Name },
    #[serde(rename = "task.withdrawn")]
    TaskWithdrawn { queue: Name },
    /// A customer is to be called back, in their place; their number and what else there is to know.
    #[serde(rename = "callback.created")]
    CallbackCreated {
        queue: Name,
        #[serde(flatten)]
        work: Work,
        number: Name,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        trunk: Name,
        cause: CallbackCause,
        /// The call that it comes of.
        #[serde(skip_serializing_if = "Option::is_none")]
        predecessor: Option<CallKey>,
        virtual_start: Utc,
        priority_s: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        not_before: Option<Utc>,
        expires: Utc,
        attempts: u32,
        terms: Terms,
        /// It was there before this process.
        #[serde(skip_serializing_if = "core::ops::Not::not")]
        restored: bool,
        context: BTreeMap<String, String>,
    },
    /// An operator is asked whether to call now.
    #[serde(rename = "callback.offered")]
    CallbackOffered { queue: Name, operator: Name, number: Name },
    /// They say yes, or need not be asked: the customer is called.
    #[serde(rename = "callback.accepted")]
    CallbackAccepted { queue: Name, operator: Name, number: Name },
    /// They do not: by a `key`, by `silence`, or they `hung up`.
    #[serde(rename = "callback.declined")]
    CallbackDeclined { queue: Name, operator: Name, number: Name, cause: Name },
    /// The customer was called: `answered`, `busy`, `declined`, `unreachable`, `no answer`, `error`,
    /// or the operator `hung up` meanwhile; and when they are called again.
    #[serde(rename = "callback.attempt")]
    CallbackAttempt {
        queue: Name,
        number: Name,
        attempt: u32,
        result: Name,
        #[serde(skip_serializing_if = "Option::is_none")]
        next: Option<Utc>,
    },
    /// It is over, once for each.
    #[serde(rename = "callback.done")]
    CallbackDone { queue: Name, number: Name, result: CallbackEnd },
    #[serde(rename = "reservation.offered")]
    ReservationOffered { reservation: ReservationKey, queue: Name, operator: Name },
    #[serde(rename = "reservation.accepted")]
    ReservationAccepted { reservation: ReservationKey, operator: Name },
    #[serde(rename = "reservation.rejected")]
    ReservationRejected { reservation: ReservationKey, operator: Name, cause: Name },
    #[serde(rename = "reservation.timeout")]
    ReservationTimeout { reservation: ReservationKey, operator: Name },
    #[serde(rename = "reservation.rescinded")]
    ReservationRescinded { reservation: ReservationKey, operator: Name, cause: Name },
    #[serde(rename = "reservation.cancelled")]
    ReservationCancelled { reservation: ReservationKey, operator: Name, cause: Name },
    #[serde(rename = "operator.state")]
    OperatorState { operator: Name, chosen: ChosenState, effective: EffectiveState },
    /// They have joined a queue, pause in it or have left it, by order.
    #[serde(rename = "operator.queue")]
    OperatorQueue { operator: Name, queue: Name, state: Membership },
    #[serde(rename = "operator.reached")]
    OperatorReached { operator: Name },
    #[serde(rename = "operator.failed")]
    OperatorFailed { operator: Name, cause: Name },
    #[serde(rename = "queue.limit")]
    QueueLimit { queue: Name, reason: Name },
    /// What goes by itself in a queue, as it is from now on: by order, by its hours, or by the
    /// configuration.
    #[serde(rename = "queue.switched")]
    QueueSwitched { queue: Name, auto_connect: bool, open: bool },
    /// The same for all queues together.
    #[serde(rename = "settings.switched")]
    SettingsSwitched { auto_connect: bool },
    #[serde(rename = "dtmf.received")]
    DtmfReceived { participant: ParticipantId, digit: char },
    #[serde(rename = "registration.added")]
    RegistrationAdded { operator: Name, contact: Name },
    #[serde(rename = "registration.removed")]
    RegistrationRemoved { operator: Name, contact: Name, cause: Name },
    #[serde(rename = "trunk.up")]
    TrunkUp { trunk: Name },
    #[serde(rename = "trunk.down")]
    TrunkDown { trunk: Name, cause: Name },
    /// Somebody was turned away; the security log's line is made of this.
    #[serde(rename = "security.refused")]
    SecurityRefused { reason: Name, source: Name, method: Name, user: String },
    /// An invariant of ours did not hold; the call was ended.
    #[serde(rename = "node.fault")]
    NodeFault { what: String },
}

/// Shared, since every reader of the stream gets the same one.
pub type SharedEvent = Arc<Event>;
