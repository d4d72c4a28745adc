//! What operators choose, and what happens to them. Being signed in is not a leg: nothing that
//! happens to a call signs anybody out.
use crate::ABSENT_AFTER;
use crate::ids::{OperatorId, Time, WorkId};
use crate::io::{Cause, Choice, Rescission, Since};
use crate::machine::Acd;
use crate::operator::{Operator, Reach};
use crate::timer::Timer;

impl Acd {
    /// A phone that registers again, after every lost connection, must not undo what a person
    /// chose, nor put back to work one who does not answer.
    pub(crate) fn sign_in(&mut self, now: Time, id: OperatorId) {
        let Some(person) = self.state.operators.get(&id) else { return };
        let by_nobody = person.chosen.cause != Cause::Chosen && person.forced.is_none();
        if by_nobody && person.chosen.state == Choice::Offline {
            self.set_choice(now, id, Choice::Ready, Cause::SignedIn);
        }
    }

    pub(crate) fn sign_out(&mut self, now: Time, id: OperatorId) {
        self.set_choice(now, id, Choice::Offline, Cause::SignedOut);
    }

    pub(crate) fn choose_state(&mut self, now: Time, id: OperatorId, choice: Choice) {
        self.set_choice(now, id, choice, Cause::Chosen);
    }

    fn set_choice(&mut self, now: Time, id: OperatorId, state: Choice, cause: Cause) {
        let Some(person) = self.state.operators.get_mut(&id) else { return };
        if person.removed || (person.chosen.state == state && person.forced.is_none()) {
            return;
        }
        let could = person.unavailable().is_none();
        person.chosen = Since { state, cause, since: now };
        person.forced = None;
        person.missed = 0;
        person.came_free(now, could);
        let before = person.effective.clone();
        let unavailable = person.unavailable().is_some();
        let offline = person.is_offline();
        if unavailable {
            self.take_back(now, id, Rescission::NotReady);
        }
        if offline {
            self.end_wrap_up(now, id);
        }
        self.refresh(now, id, cause);
        // Hidden by a call, the choice is told all the same.
        if self.state.operators.get(&id).is_some_and(|person| person.effective == before) {
            self.tell_operator(id);
        }
    }

    /// `lost_by` is why they are not, if so.
    pub(crate) fn reach(&mut self, now: Time, id: OperatorId, reachable: bool, lost_by: Cause) {
        let Some(person) = self.state.operators.get_mut(&id) else { return };
        let cause = match (person.reach, reachable) {
            (Reach::Yes, true) | (Reach::Lost { .. } | Reach::No, false) => return,
            (Reach::Lost { absent_at }, true) => {
                self.timers.unset(absent_at, Timer::Absent(id));
                person.reach = Reach::Yes;
                person.came_free(now, false);
                Cause::Registered
            }
            (Reach::No, true) => {
                person.reach = Reach::Yes;
                person.came_free(now, false);
                Cause::Registered
            }
            (Reach::Yes, false) => {
                let absent_at = now + ABSENT_AFTER;
                self.timers.set(absent_at, Timer::Absent(id));
                person.reach = Reach::Lost { absent_at };
                person.lost_by = lost_by;
                self.take_back(now, id, Rescission::Unreachable);
                lost_by
            }
        };
        self.refresh(now, id, cause);
    }

    pub(crate) fn absent(&mut self, now: Time, id: OperatorId) {
        let Some(person) = self.state.operators.get_mut(&id) else { return };
        person.reach = Reach::No;
        let lost_by = person.lost_by;
        self.refresh(now, id, lost_by);
    }

    pub(crate) fn alert(&mut self, now: Time, id: OperatorId, work: WorkId) {
        let Some(person) = self.state.operators.get_mut(&id) else { return };
        if !person.own.contains(&work) && !person.alerting.contains(&work) {
            person.alerting.push(work);
            self.own_work_came(now, id);
        }
    }

    pub(crate) fn occupy(&mut self, now: Time, id: OperatorId, work: WorkId) {
        let Some(person) = self.state.operators.get_mut(&id) else { return };
        if !person.own.contains(&work) {
            person.alerting.retain(|other| *other != work);
            person.own.push(work);
            self.own_work_came(now, id);
        }
    }

    /// Another local date: what is counted by the day begins anew. The one thing that looks at
    /// everybody, once a day.
    pub(crate) fn new_day(&mut self, now: Time, day: i32) {
        if self.state.day.0 == day {
            return;
        }
        self.state.day = (day, now);
        let people: Vec<_> = self.state.operators.keys().copied().collect();
        for id in people {
            if let Some(person) = self.state.operators.get_mut(&id) {
                (person.talked, person.given) = (Time::ZERO, 0);
            }
            self.reindex(id);
        }
    }

    fn own_work_came(&mut self, now: Time, id: OperatorId) {
        if self.state.operators.get(&id).is_some_and(Operator::is_over_limit) {
            self.take_back(now, id, Rescission::Occupied);
        }
        self.refresh(now, id, Cause::OwnCall);
    }

    /// A call that only rang does not make them less idle, as a missed reservation does not.
    pub(crate) fn vacate(&mut self, now: Time, id: OperatorId, work: WorkId) {
        let Some(person) = self.state.operators.get_mut(&id) else { return };
        if person.own.contains(&work) {
            person.own.retain(|other| *other != work);
            person.idle_since = now;
        } else if person.alerting.contains(&work) {
            person.alerting.retain(|other| *other != work);
        } else {
            return;
        }
        self.refresh(now, id, Cause::CallEnded);
    }
}
