//! Queues, operators, tasks, reservations: who gets which work, when, and why.
//!
//! [`Acd`] is one deterministic machine that one thread owns. Time and the results of bookings and
//! ringing are inputs; bookings to make, phones to ring and everything that is to be known are
//! outputs. An operator is given work in two steps: `Book`, answered by the owner from a table of
//! its own or from a shared store, then `Ring`.
//!
//! What must never be here: a clock, chance but what grows from the seed, names of people, phones
//! or SIP.
#![forbid(unsafe_code)]

mod carry;
mod chance;
mod check;
mod config;
mod configure;
mod decide;
mod defer;
mod enter;
mod explain;
mod hand;
mod ids;
mod index;
mod io;
mod judge;
mod lease;
mod limits;
mod line;
mod machine;
mod merit;
mod operator;
mod people;
mod positions;
mod query;
mod queue;
mod relax;
mod reservation;
mod share;
mod skill;
mod take;
mod task;
mod timer;
mod track;
mod view;
mod words;
mod wrap_up;

pub use carry::{Carried, CarriedV1};
pub use config::{
    Config, Level, Limits, OperatorConfig, QueueConfig, Ring, Rona, RonaState, Strategy,
};
pub use explain::{DecisionRecord, Filter, Kept, Verdict};
pub use ids::{
    Channel, Kind, OperatorId, QueueId, ReservationId, SkillId, TaskId, Time, Utc, WorkId,
};
pub use io::{
    Cause, Choice, Effective, End, Enqueue, Hold, Input, LimitReason, Outcome, Output, Refusal,
    Rejection, Rescission, Since, Wanted, Withdrawal,
};
pub use machine::Acd;
pub use view::{Lacking, OperatorView, QueueView, TaskPlace, TaskView, WhyIdle};

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
/// A demand relaxes at most so often.
pub const RINGS_MAX: usize = 8;
/// Of so many of the last assignments of a queue callbacks get their share.
pub const SHARED_OF: usize = 20;
/// How far back [`Strategy::LeastOccupied`] looks.
pub const OCCUPANCY_OVER: Time = Time::from_mins(60);
