//! Queues, operators, tasks, reservations
#![forbid(unsafe_code)]

mod config;
mod explain;
mod ids;
mod io;
mod view;

pub use config::{Config, Limits, OperatorConfig, QueueConfig, Rona, RonaState, Strategy};
pub use explain::{DecisionRecord, Filter, Verdict};
pub use ids::{Channel, Kind, OperatorId, QueueId, ReservationId, TaskId, Time, Utc, WorkId};
pub use io::{
    Cause, Choice, Effective, End, Enqueue, Input, LimitReason, Outcome, Output, Refusal,
    Rejection, Rescission, Since, Wanted, Withdrawal,
};
pub use view::{OperatorView, QueueView, TaskPlace, TaskView, WhyIdle};

/// The shortest back-off of a pair of task and operator, whatever the configuration says: a phone
/// that refuses at once must not be rung in a loop.
pub const BACK_OFF_MS_MIN: u64 = 500;
/// How long a booking may stay unanswered.
pub const BOOK_MS_MAX: u64 = 1_000;
/// The first so many places of a queue are told when they change.
pub const PLACES_TOLD: usize = 100;
/// Changed positions of a queue are told at most so often.
pub const POSITIONS_EVERY: Time = Time::from_secs(1);
/// An operator without a phone for so long counts as absent.
pub const ABSENT_AFTER: Time = Time::from_secs(30);
/// At most so many operators are rung for one task.
pub const RING_ALL_MAX: usize = 32;

/// The distributor: see the four verbs.
#[derive(Debug)]
pub struct Acd {
    outputs: std::collections::VecDeque<Output>,
    epoch: u64,
}

/// All of the machine as plain data, versioned.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub enum Carried {
    /// The first.
    V1(u64),
}

impl Acd {
    /// A machine without queues and operators. `epoch` is told with every booking.
    #[must_use]
    pub const fn new(epoch: u64) -> Self {
        Self { outputs: std::collections::VecDeque::new(), epoch }
    }

    /// Takes an input. Drain [`Self::poll_output`] afterwards.
    pub fn handle(&mut self, _now: Time, _input: Input) {}

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, _now: Time) {}

    /// The next output; `None` when drained.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] is wanted.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Time> {
        None
    }

    /// The machine as data.
    #[must_use]
    pub const fn carry(&self) -> Carried {
        Carried::V1(self.epoch)
    }

    /// The same machine again.
    #[must_use]
    pub const fn resume(carried: Carried) -> Self {
        let Carried::V1(epoch) = carried;
        Self::new(epoch)
    }
}
