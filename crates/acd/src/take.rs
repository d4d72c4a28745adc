//! Somebody takes a task for themselves, past the queue's choice: a pickup of a call that rings
//! elsewhere. They have answered already, so nothing is rung and no booking can stand in the way.
use crate::explain::Filter;
use crate::ids::{OperatorId, ReservationId, TaskId, Time};
use crate::io::{Output, Rescission};
use crate::machine::Acd;
use crate::operator::{Operator, Reach};
use crate::reservation::{Lease, Reservation};

impl Acd {
    /// Whether an operator may take a task that waits by [`crate::Input::Taken`]: whoever is signed
    /// in, has a phone and room beside what they do already. They need not be ready, nor serve the
    /// queue; what they are reserved for gives way.
    ///
    /// # Errors
    /// What keeps them from it; [`Filter::Reserved`] where the task waits no more.
    pub fn may_take(&self, id: TaskId, operator: OperatorId) -> Result<(), Filter> {
        let task = self.state.tasks.get(&id).filter(|task| task.waiting().is_some());
        let task = task.ok_or(Filter::Reserved)?;
        let person = self.state.operators.get(&operator).ok_or(Filter::Offline)?;
        if person.is_offline() {
            Err(Filter::Offline)
        } else if person.reach != Reach::Yes {
            Err(Filter::Unreachable)
        } else if !person.has_room(task.kind.channel()) {
            Err(if person.is_on_call() { Filter::OnCall } else { Filter::Limit })
        } else {
            Ok(())
        }
    }

    pub(crate) fn taken(&mut self, now: Time, id: TaskId, operator: OperatorId) {
        if self.may_take(id, operator).is_err() {
            return;
        }
        let state = &mut self.state;
        let Some(task) = state.tasks.get_mut(&id) else { return };
        task.attempts += 1;
        let reservation = ReservationId::mint(state.epoch, state.reservations_made);
        state.reservations_made += 1;
        let (channel, epoch) = (task.kind.channel(), state.epoch);
        let (directed, lease) = (true, Lease::Accepted);
        let held = Reservation { task: id, operator, channel, directed, lease };
        state.reservations.insert(reservation, held);
        self.tell(Output::Book { reservation, epoch, task: id, operator });
        self.won(now, reservation);
        if self.state.operators.get(&operator).is_some_and(Operator::is_over_limit) {
            self.take_back(now, operator, Rescission::Occupied);
        }
    }
}
