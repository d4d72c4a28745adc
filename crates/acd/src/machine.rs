//! The machine: its records, and which file handles what.
use crate::chance::Chance;
use crate::ids::{OperatorId, QueueId, ReservationId, TaskId, Time};
use crate::io::{Cause, Input, Output, Withdrawal};
use crate::line::Key;
use crate::operator::Operator;
use crate::queue::Queue;
use crate::reservation::{Event, Reservation};
use crate::task::Task;
use crate::timer::{Timer, Timers};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The distributor. Drain [`Self::poll_output`] after every [`Self::handle`] and
/// [`Self::handle_timeout`].
#[derive(Debug, Clone)]
pub struct Acd {
    pub(crate) state: State,
    pub(crate) timers: Timers,
    pub(crate) dirty: Dirty,
}

/// The records. Indexes inside them are left out when it is carried.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) epoch: u64,
    /// What random strategies draw from.
    pub(crate) chance: Chance,
    /// The local date, and when it began.
    pub(crate) day: (i32, Time),
    pub(crate) auto_connect: bool,
    pub(crate) reservations_made: u64,
    /// Reservations booking or ringing.
    #[serde(skip)]
    pub(crate) reservations_open: usize,
    pub(crate) queues: BTreeMap<QueueId, Queue>,
    pub(crate) operators: BTreeMap<OperatorId, Operator>,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    pub(crate) reservations: BTreeMap<ReservationId, Reservation>,
    pub(crate) outputs: VecDeque<Output>,
}

/// What changed since pairs were last matched and positions told; empty between inputs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dirty {
    /// Tasks that came to be open; true if a vain search is to be explained.
    pub(crate) tasks: BTreeMap<Key, bool>,
    /// Operators who came to be free.
    pub(crate) operators: BTreeSet<OperatorId>,
    /// Queues in which somebody moved.
    pub(crate) moved: BTreeSet<QueueId>,
    /// Queues in which callbacks may be owed something.
    pub(crate) shares: BTreeSet<QueueId>,
}

impl Acd {
    /// A machine without queues and operators. `epoch` is told with every booking, and reservations
    /// are numbered from 1,024 times the epoch on. So that no number comes again after a restart, an
    /// epoch is greater than the last by at least the reservations made since, divided by 1,024: the
    /// number of the owner's next event will do. All chance there is grows from `seed`.
    #[must_use]
    pub fn new(epoch: u64, seed: u64) -> Self {
        let chance = Chance(seed);
        let state = State { epoch, chance, auto_connect: true, ..State::default() };
        Self { state, timers: Timers::default(), dirty: Dirty::default() }
    }

    /// Takes an input.
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::Configure(config) => self.configure(now, config),
            Input::Day(day) => self.new_day(now, day),
            Input::SignIn { operator } => self.sign_in(now, operator),
            Input::SignOut { operator } => self.sign_out(now, operator),
            Input::Reachable { operator, reachable } => {
                self.reach(now, operator, reachable, Cause::RegistrationLost);
            }
            Input::Silent { operator } => self.reach(now, operator, false, Cause::NoAnswer),
            Input::Choose { operator, choice } => self.choose_state(now, operator, choice),
            Input::Alert { operator, work } => self.alert(now, operator, work),
            Input::Occupy { operator, work } => self.occupy(now, operator, work),
            Input::Vacate { operator, work } => self.vacate(now, operator, work),
            Input::EndWrapUp { operator } => self.end_wrap_up(now, operator),
            Input::ExtendWrapUp { operator, ms } => self.extend_wrap_up(operator, ms),
            Input::Enqueue(enqueue) => self.enqueue(now, &enqueue),
            Input::Withdraw { task, cause } => self.withdraw(now, task, cause),
            Input::Requeue { task } => self.requeue(now, task),
            Input::Defer { task, until } => self.defer(now, task, until),
            Input::Release { task } => self.release_hold(now, task),
            Input::Assign { task, operator } => self.assign(now, task, operator),
            Input::Prioritise { task, priority_s } => {
                self.moved(task, |task| task.priority_s = priority_s);
            }
            Input::Booked(reservation) => self.lease(now, reservation, Event::Booked),
            Input::Refused(reservation, why) => self.lease(now, reservation, Event::Refused(why)),
            Input::Ringing(reservation) => self.lease(now, reservation, Event::Ringing),
            Input::Accepted(reservation) => self.lease(now, reservation, Event::Accepted),
            Input::Rejected(reservation, why) => {
                self.lease(now, reservation, Event::Rejected(why));
            }
            Input::Taken { task, operator } => self.taken(now, task, operator),
            Input::Connected { task } => self.connected(now, task),
            Input::Completed { task } => self.completed(now, task),
            Input::Lost { task, ahead } => self.lost(now, task, ahead),
            Input::Handed { task, to } => self.handed(now, task, to),
        }
        self.settle(now);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Reservation(reservation) => self.lease(now, reservation, Event::Deadline),
                Timer::WrapUp(operator) => self.end_wrap_up(now, operator),
                Timer::Absent(operator) => self.absent(now, operator),
                Timer::BackOff(task, operator) => self.back_off_over(task, operator),
                Timer::Wanted(task) => self.wish_over(now, task),
                Timer::MaxWait(task) => self.max_wait_over(task),
                Timer::Relax(task) => self.relax(now, task),
                Timer::Step(task) => self.step_over(task),
                Timer::Release(task) | Timer::Deferred(task) => self.release_hold(now, task),
                Timer::Positions(queue) => self.positions_due(queue),
            }
            self.settle(now);
        }
    }

    /// The next output; `None` when drained.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.state.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] is wanted.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// The customer is gone: what there is of an operator's part is over.
    fn withdraw(&mut self, now: Time, task: TaskId, cause: Withdrawal) {
        self.leave(now, task, cause);
    }

    pub(crate) fn tell(&mut self, output: Output) {
        self.state.outputs.push_back(output);
    }
}
