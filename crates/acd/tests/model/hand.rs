//! A task parts from its operator: completed, come back, handed on; as plainly as the rest.
use super::naive::{Claim, Naive, Place, State, voice};
use acd::{OperatorId, Outcome, Output, Rescission, ReservationId, TaskId, Time, WorkId};

impl Naive {
    pub(crate) fn handed(&mut self, now: Time, id: TaskId, to: Option<OperatorId>) {
        let by = match self.t(id).map(|t| t.place) {
            Some(Place::With(who, ..)) if to != Some(who) => {
                self.part(now, id, true).unwrap();
                who
            }
            Some(Place::Between(who)) => who,
            _ => return,
        };
        self.follow(now);
        self.t(id).unwrap().place = Place::Between(by);
        let Some(to) = to else { return };
        if self.p(to).is_none() {
            self.over_between(id, by);
            return self.follow(now);
        }
        let claim = ReservationId(7 * 1_024 + self.made);
        self.made += 1;
        let task = self.t(id).unwrap();
        (task.place, task.talks) = (Place::With(to, claim, true), Some(now));
        self.given(now, to);
        let state = State::Accepted;
        self.claims.push(Claim { id: claim, task: id, operator: to, directed: true, state });
        let person = self.people.iter().find(|p| p.id == to).unwrap();
        if self.over_limit(person) {
            self.take_back(now, to, Rescission::Occupied);
        }
        self.follow(now);
    }

    /// Whoever takes a task for themselves is signed in and has room.
    pub(crate) fn taken(&mut self, now: Time, id: TaskId, operator: OperatorId) {
        let Some(place) = self.t(id).map(|task| task.place) else { return };
        if place != Place::Waits || !self.may_take(id, operator) {
            return;
        }
        let claim = ReservationId(7 * 1_024 + self.made);
        self.made += 1;
        self.out.push(Output::Book { reservation: claim, epoch: 7, task: id, operator });
        let claim = Claim { id: claim, task: id, operator, directed: true, state: State::Accepted };
        self.claims.push(claim);
        self.won(now, claim);
        let person = self.people.iter().find(|p| p.id == operator).unwrap();
        if self.over_limit(person) {
            self.take_back(now, operator, Rescission::Occupied);
        }
        self.follow(now);
    }

    pub(crate) fn may_take(&self, id: TaskId, operator: OperatorId) -> bool {
        let Some(person) = self.people.iter().find(|p| p.id == operator) else { return false };
        let kind = |id: TaskId| self.tasks.iter().find(|t| t.e.task == id).unwrap().e.kind;
        let theirs = |c: &&Claim| c.operator == operator && c.state == State::Accepted;
        let held: Vec<_> = self.claims.iter().filter(theirs).map(|c| kind(c.task)).collect();
        let own = person.own.len() + person.alerting.len();
        let (total, limits) = (held.len() + own, person.config.limits);
        let voices = held.iter().filter(|kind| voice(**kind)).count() + own;
        !Self::offline(person)
            && person.reachable
            && total < limits.total as usize
            && (!voice(kind(id)) || voices < limits.voice as usize)
    }

    pub(crate) fn over_between(&mut self, id: TaskId, by: OperatorId) {
        let wraps = self.p(by).is_some_and(|p| p.wrap_up.is_some_and(|(task, _)| task == id));
        if wraps {
            self.t(id).unwrap().place = Place::Wrapping(by);
        } else {
            self.done(id, Outcome::Completed { operator: by });
        }
    }

    pub(crate) fn complete(&mut self, now: Time, id: TaskId) {
        if let Some(Place::Between(who)) = self.t(id).map(|t| t.place) {
            self.over_between(id, who);
        } else if let Some((who, wraps)) = self.part(now, id, true) {
            if wraps {
                self.t(id).unwrap().place = Place::Wrapping(who);
            } else {
                self.done(id, Outcome::Completed { operator: who });
            }
        }
        self.follow(now);
    }

    pub(crate) fn come_back(&mut self, now: Time, id: TaskId, ahead: bool, wraps: bool) {
        let parted = match self.t(id).map(|t| t.place) {
            Some(Place::Between(who)) => Some((who, false)),
            _ => self.part(now, id, wraps),
        };
        let Some((who, _)) = parted else { return };
        self.follow(now);
        self.t(id).unwrap().ahead |= ahead;
        self.back_off(now, id, who);
        self.join(now, id);
        self.follow(now);
    }

    pub(crate) fn rings(&mut self, now: Time, id: ReservationId) {
        let rung = |c: &&Claim| c.id == id && matches!(c.state, State::Ringing(_, false));
        if let Some(Claim { task, state: State::Ringing(until, _), .. }) =
            self.claims.iter().find(rung).copied()
        {
            let task = self.t(task).unwrap();
            let (queue, lead) = (task.e.queue, std::mem::take(&mut task.e.lead_ms));
            let ring = now + Time::from_millis(self.q(queue).config.ring_ms);
            let until = if lead > 0 { ring } else { until };
            let claim = self.claims.iter_mut().find(|c| c.id == id).unwrap();
            claim.state = State::Ringing(until, true);
        }
        self.follow(now);
    }

    pub(crate) fn vacate(&mut self, now: Time, operator: OperatorId, work: WorkId) {
        if let Some(person) = self.p(operator) {
            person.alerting.retain(|w| *w != work);
        }
        if let Some(person) = self.p(operator).filter(|p| p.own.contains(&work)) {
            person.own.retain(|w| *w != work);
            person.idle = now;
        }
        self.follow(now);
    }
}
