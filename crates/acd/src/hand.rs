//! A task goes from one operator to another past the queue, or is with nobody in between: a
//! transfer. Whoever hands it on wraps up at once, however long the other phone rings.
use crate::ids::{OperatorId, ReservationId, TaskId, Time};
use crate::io::{Cause, Outcome, Rescission};
use crate::machine::Acd;
use crate::operator::Operator;
use crate::reservation::{Lease, Reservation};
use crate::task::Place;

impl Acd {
    /// An operator who is configured no more, but in the call, serves it to its end like any that a
    /// reload has caught at work; with one who is not ours it is over.
    pub(crate) fn handed(&mut self, now: Time, id: TaskId, to: Option<OperatorId>) {
        let by = match self.state.tasks.get(&id).map(|task| &task.place) {
            Some(Place::Assigned { operator, .. }) if to == Some(*operator) => None,
            Some(Place::Assigned { .. }) => self.release(now, id, true, Cause::CallEnded),
            Some(Place::Between { operator }) => Some((*operator, false)),
            Some(Place::Waiting(_) | Place::Wrapping { .. } | Place::Deferred(_)) | None => None,
        };
        let Some((by, _)) = by else { return };
        if let Some(task) = self.state.tasks.get_mut(&id) {
            task.place = Place::Between { operator: by };
        }
        let Some(to) = to else { return };
        if self.state.operators.contains_key(&to) {
            self.take_over(now, id, to);
        } else {
            self.over_between(id, by);
        }
    }

    fn take_over(&mut self, now: Time, id: TaskId, operator: OperatorId) {
        let state = &mut self.state;
        let Some(task) = state.tasks.get_mut(&id) else { return };
        let Some(person) = state.operators.get_mut(&operator) else { return };
        let reservation = ReservationId::mint(state.epoch, state.reservations_made);
        state.reservations_made += 1;
        let channel = task.kind.channel();
        let (directed, lease) = (true, Lease::Accepted);
        let held = Reservation { task: id, operator, channel, directed, lease };
        state.reservations.insert(reservation, held);
        task.place = Place::Assigned { operator, reservation, connected: Some(now) };
        person.given_task(now, id, channel);
        if self.state.operators.get(&operator).is_some_and(Operator::is_over_limit) {
            self.take_back(now, operator, Rescission::Occupied);
        }
        self.refresh(now, operator, Cause::Answered);
    }

    /// A task with nobody ends: with the wrap-up of whoever had it last, if that still lasts.
    pub(crate) fn over_between(&mut self, id: TaskId, operator: OperatorId) {
        let wrap_up = self.state.operators.get(&operator).and_then(|person| person.wrap_up);
        if wrap_up.is_some_and(|wrap_up| wrap_up.task == id) {
            if let Some(task) = self.state.tasks.get_mut(&id) {
                task.place = Place::Wrapping { operator };
            }
        } else {
            self.finish(id, Outcome::Completed { operator });
        }
    }
}
