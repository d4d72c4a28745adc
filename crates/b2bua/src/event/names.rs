//! What events are called, and what they are about.

use super::What;
use crate::config::Name;

impl What {
    /// The queue that it is about.
    #[must_use]
    pub fn queue(&self) -> Option<&Name> {
        match self {
            Self::CallbackCreated { queue, .. }
            | Self::CallbackOffered { queue, .. }
            | Self::CallbackAccepted { queue, .. }
            | Self::CallbackDeclined { queue, .. }
            | Self::CallbackAttempt { queue, .. }
            | Self::CallbackDone { queue, .. }
            | Self::TaskQueued { queue, .. }
            | Self::TaskHeld { queue }
            | Self::TaskPrioritised { queue, .. }
            | Self::TaskWaiting { queue }
            | Self::TaskPosition { queue, .. }
            | Self::TaskReserved { queue, .. }
            | Self::TaskAssigned { queue, .. }
            | Self::TaskWrapping { queue, .. }
            | Self::TaskCompleted { queue, .. }
            | Self::TaskAbandoned { queue, .. }
            | Self::TaskExpired { queue, .. }
            | Self::TaskOverflowed { queue, .. }
            | Self::TaskFailed { queue, .. }
            | Self::TaskWithdrawn { queue }
            | Self::ReservationOffered { queue, .. }
            | Self::OperatorQueue { queue, .. }
            | Self::QueueLimit { queue, .. }
            | Self::QueueSwitched { queue, .. } => Some(queue),
            _ => None,
        }
    }
}

macro_rules! type_names {
    ($($variant:ident => $name:literal,)*) => {
        impl What {
            /// The `type` of the JSON.
            #[must_use]
            pub fn type_name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $name,)* }
            }
        }
    };
}

type_names! {
    CallStarted => "call.started",
    CallContext => "call.context",
    ContextDropped => "call.context_dropped",
    CallAnswered => "call.answered",
    CallParked => "call.parked",
    CallSegment => "call.segment",
    CallEnded => "call.ended",
    LegRinging => "leg.ringing",
    LegAnswered => "leg.answered",
    LegFailed => "leg.failed",
    LegEnded => "leg.ended",
    LegQuality => "leg.quality",
    ParticipantJoined => "participant.joined",
    ParticipantLeft => "participant.left",
    ParticipantHeld => "participant.held",
    ParticipantResumed => "participant.resumed",
    ParticipantMuted => "participant.muted",
    ParticipantUnmuted => "participant.unmuted",
    ParticipantMode => "participant.mode",
    PlayFinished => "play.finished",
    HelpAlerting => "help.alerting",
    HelpTalking => "help.talking",
    HelpFailed => "help.failed",
    HelpEnded => "help.ended",
    TransferStarted => "transfer.started",
    TransferCompleted => "transfer.completed",
    TransferFailed => "transfer.failed",
    TransferEnded => "transfer.ended",
    RecordingStarted => "recording.started",
    RecordingPaused => "recording.paused",
    RecordingResumed => "recording.resumed",
    RecordingStopped => "recording.stopped",
    RecordingFailed => "recording.failed",
    RecordingGap => "recording.gap",
    RecordingPlayed => "recording.played",
    RecordingErased => "recording.erased",
    RecordingExpired => "recording.expired",
    TaskQueued => "task.queued",
    TaskHeld => "task.held",
    TaskPrioritised => "task.prioritised",
    TaskWaiting => "task.waiting",
    TaskPosition => "task.position",
    TaskReserved => "task.reserved",
    TaskAssigned => "task.assigned",
    TaskWrapping => "task.wrapping",
    TaskCompleted => "task.completed",
    TaskAbandoned => "task.abandoned",
    TaskExpired => "task.expired",
    TaskOverflowed => "task.overflowed",
    TaskFailed => "task.failed",
    TaskWithdrawn => "task.withdrawn",
    CallbackCreated => "callback.created",
    CallbackOffered => "callback.offered",
    CallbackAccepted => "callback.accepted",
    CallbackDeclined => "callback.declined",
    CallbackAttempt => "callback.attempt",
    CallbackDone => "callback.done",
    ReservationOffered => "reservation.offered",
    ReservationAccepted => "reservation.accepted",
    ReservationRejected => "reservation.rejected",
    ReservationTimeout => "reservation.timeout",
    ReservationRescinded => "reservation.rescinded",
    ReservationCancelled => "reservation.cancelled",
    HookAnswered => "hook.answered",
    HookFailed => "hook.failed",
    DeliveryStarted => "delivery.started",
    DeliveryCompleted => "delivery.completed",
    DeliveryFailed => "delivery.failed",
    OperatorQueue => "operator.queue",
    OperatorState => "operator.state",
    OperatorReached => "operator.reached",
    OperatorFailed => "operator.failed",
    QueueLimit => "queue.limit",
    QueueSwitched => "queue.switched",
    SettingsSwitched => "settings.switched",
    DtmfReceived => "dtmf.received",
    RegistrationAdded => "registration.added",
    RegistrationRemoved => "registration.removed",
    TrunkUp => "trunk.up",
    TrunkDown => "trunk.down",
    SecurityRefused => "security.refused",
    NodeFault => "node.fault",
}
