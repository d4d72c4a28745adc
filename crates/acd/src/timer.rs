//! When what is due. Every deadline is held by a state; this set only finds the next one, and is
//! built anew from the states after a restart.
use crate::ids::{OperatorId, QueueId, ReservationId, TaskId, Time};
use std::collections::BTreeSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A reservation's booking or ringing.
    Reservation(ReservationId),
    /// The end of wrap-up.
    WrapUp(OperatorId),
    /// An operator without a phone counts as absent from now on.
    Absent(OperatorId),
    /// The pair may be tried again.
    BackOff(TaskId, OperatorId),
    /// Anybody may have the task.
    Wanted(TaskId),
    /// The task has waited long.
    MaxWait(TaskId),
    /// The task asks for less from now on.
    Relax(TaskId),
    /// One phone more may ring for the task.
    Step(TaskId),
    /// The task is on hold no more.
    Release(TaskId),
    /// The task joins its queue.
    Deferred(TaskId),
    /// Changed positions may be told again.
    Positions(QueueId),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Timers(pub(crate) BTreeSet<(Time, Timer)>);

impl Timers {
    pub(crate) fn set(&mut self, at: Time, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(crate) fn unset(&mut self, at: Time, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    pub(crate) fn next(&self) -> Option<Time> {
        self.0.first().map(|(at, _)| *at)
    }

    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Timer> {
        self.0.first().filter(|(at, _)| *at <= now)?;
        self.0.pop_first().map(|(_, timer)| timer)
    }
}
