//! Every decision says who was looked at and why it went as it did.
use crate::ids::{OperatorId, QueueId, TaskId, Time};
use serde::{Deserialize, Serialize};

/// What keeps an operator from getting a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Filter {
    /// Signed out, or no longer configured.
    Offline,
    /// No live registration.
    Unreachable,
    /// Not ready by choice, or because they did not answer.
    NotReady,
    /// Still busy with the last call.
    WrapUp,
    /// On a call.
    OnCall,
    /// Being rung.
    Ringing,
    /// Claimed by another task.
    Reserved,
    /// Has as much as they may.
    Limit,
    /// Did not take this task a moment ago.
    BackOff,
    /// Does not serve the queue.
    NotServing,
    /// The task is meant for another.
    NotWanted,
}

/// What was found about one operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Eligible. Milliseconds idle for longest-idle and ring-all (most wins), the place in
    /// configuration order for the others.
    Score(u64),
    /// Not eligible.
    Excluded(Filter),
}

/// One decision. Bounded: counts over everybody who serves the queue, names for the first few.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// When.
    pub at: Time,
    /// For which task.
    pub task: TaskId,
    /// Of which queue.
    pub queue: QueueId,
    /// The first few by name, the chosen one first.
    pub considered: Vec<(OperatorId, Verdict)>,
    /// How many of those who serve the queue were eligible.
    pub eligible: u32,
    /// How many of those who serve the queue each filter excluded, back-off aside.
    pub excluded: Vec<(Filter, u32)>,
    /// Who got it.
    pub chosen: Option<OperatorId>,
}
