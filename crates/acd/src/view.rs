//! What can be asked.
use crate::explain::Filter;
use crate::ids::{Kind, OperatorId, QueueId, ReservationId, SkillId, TaskId, Time, Utc, WorkId};
use crate::io::{Choice, Effective, Since};
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// Where a task is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskPlace {
    /// In the queue.
    Waiting {
        /// From 1.
        position: u32,
        /// Claims on operators that it has now.
        reservations: Vec<ReservationId>,
        /// It is on hold.
        held: bool,
    },
    /// With an operator.
    Assigned {
        /// Who.
        operator: OperatorId,
        /// By which claim.
        reservation: ReservationId,
        /// Since when customer and operator hear each other.
        connected: Option<Time>,
    },
    /// Handed on by an operator and not taken by the next one yet.
    Between {
        /// Who had it last.
        operator: OperatorId,
    },
    /// The operator works on it after the call.
    Wrapping {
        /// Who.
        operator: OperatorId,
    },
    /// Put off.
    Deferred {
        /// Till then.
        until: Time,
    },
}

/// A task as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskView {
    /// Which.
    pub task: TaskId,
    /// Of which queue.
    pub queue: QueueId,
    /// What it is.
    pub kind: Kind,
    /// The time that orders it.
    pub virtual_start: Utc,
    /// Head start, seconds.
    pub priority_s: u32,
    /// When it joined the queue or came back to it.
    pub queued: Time,
    /// Reservations made for it so far.
    pub attempts: u32,
    /// Where it is.
    pub place: TaskPlace,
}

/// An operator as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorView {
    /// Who.
    pub operator: OperatorId,
    /// What they chose.
    pub chosen: Since<Choice>,
    /// What holds.
    pub effective: Since<Effective>,
    /// A live registration exists.
    pub reachable: bool,
    /// Queues served.
    pub queues: Vec<QueueId>,
    /// Claims on them.
    pub reservations: Vec<ReservationId>,
    /// Live tasks.
    pub tasks: Vec<TaskId>,
    /// Calls that are not from here.
    pub own: Vec<WorkId>,
    /// Calls that are not from here and that their phone rings for.
    pub alerting: Vec<WorkId>,
    /// Wrap-up: of what, till when.
    pub wrap_up: Option<(TaskId, Time)>,
    /// Since when they have had nothing to do; what longest-idle compares.
    pub idle_since: Time,
    /// Reservations in a row not taken.
    pub missed: u32,
}

/// A queue as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueView {
    /// Which.
    pub queue: QueueId,
    /// Tasks in the queue, those being rung for included.
    pub waiting: u32,
    /// How long the first in the queue has waited here.
    pub longest_wait: Duration,
    /// Operators who serve it.
    pub operators: u32,
    /// Of these, signed in, and not without a phone for long.
    pub signed_in: u32,
    /// Of these, free for a call.
    pub free: u32,
    /// Configured no more; serves out what waits.
    pub draining: bool,
}

/// Why an operator is idle: what keeps them from work at all, and what from each task that waits in
/// their queues, of the first thousand of each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyIdle {
    /// What keeps them from calls at all.
    pub filter: Option<Filter>,
    /// Tasks waiting in their queues.
    pub waiting: u32,
    /// Of these, kept from them for a while because they did not take them.
    pub backed_off: Vec<TaskId>,
    /// Of these, asking for what they lack.
    pub lacking: Vec<Lacking>,
    /// Of these, meant for somebody else.
    pub meant: u32,
    /// Of these, waiting to be picked: nobody is connected by itself.
    pub by_hand: u32,
    /// Of these, ringing somebody already.
    pub ringing: u32,
}

/// Tasks that ask for what an operator lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lacking {
    /// Where.
    pub queue: QueueId,
    /// How many.
    pub tasks: u32,
    /// What is missing, of the first.
    pub skill: SkillId,
    /// What the operator has of it.
    pub level: u32,
    /// What is asked for.
    pub asked: u32,
}
