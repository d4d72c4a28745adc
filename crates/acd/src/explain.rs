//! Every decision says who was looked at and why it went as it did.
use crate::config::{Level, Strategy};
use crate::ids::{OperatorId, QueueId, SkillId, TaskId, Time};
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
    /// Has not, or not enough of, what the task asks for.
    Skill,
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
    /// Eligible; in the unit of the strategy, see [`Strategy::unit`].
    Score(u64),
    /// Not eligible.
    Excluded(Filter),
    /// Not eligible: [`Filter::Skill`].
    Lacks {
        /// The first skill that is asked for and missing.
        skill: SkillId,
        /// What they have of it.
        level: u32,
        /// What is asked for.
        asked: u32,
    },
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
    /// What orders those who are eligible.
    pub strategy: Strategy,
    /// What an operator must have at this time of waiting.
    pub demand: Vec<Level>,
    /// Whom the task is meant for.
    pub wanted: Option<OperatorId>,
    /// The first few by name, the chosen one first.
    pub considered: Vec<(OperatorId, Verdict)>,
    /// How many of those who serve the queue were eligible.
    pub eligible: u32,
    /// How many of those who serve the queue each filter excluded, back-off aside.
    pub excluded: Vec<(Filter, u32)>,
    /// Who got it.
    pub chosen: Option<OperatorId>,
    /// Nobody was looked at, and why.
    pub kept: Option<Kept>,
}

/// Why a task that waits is given to nobody by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kept {
    /// Automatic connection is off for all queues together.
    Everywhere,
    /// It is off for the queue.
    Queue,
    /// It is off for the task.
    Task,
    /// It is on hold.
    Hold,
}
