//! What the steps of a reservation do to its task and its operator.
use crate::config::Strategy;
use crate::ids::{Channel, OperatorId, ReservationId, TaskId, Time};
use crate::io::{Cause, Effective, End, Output, Rescission};
use crate::machine::Acd;
use crate::operator::Held;
use crate::reservation::{Event, Lease, Reservation, Step, backs_off, is_missed};
use crate::task::{Place, Task};
use crate::timer::Timer;
use crate::{BACK_OFF_MS_MIN, BOOK_MS_MAX};

impl Acd {
    /// Claims a free operator for an open task.
    pub(crate) fn book(&mut self, now: Time, id: TaskId, operator: OperatorId) {
        let state = &mut self.state;
        let Some(task) = state.tasks.get(&id) else { return };
        let Some(place) = state.operators.get(&operator).map(|person| person.place) else { return };
        let wish = task.wish();
        if let Some(queue) = state.queues.get_mut(&task.queue).filter(|_| wish.is_none()) {
            match queue.config.strategy {
                Strategy::RoundRobin => queue.cursor = Some(((place, 0), operator)),
                Strategy::Random | Strategy::WeightedRandom => state.chance.turn(),
                _ => {}
            }
        }
        self.claim(now, id, operator, wish.is_some_and(|wish| !wish.sticky));
        if wish.is_none() {
            self.set_step(now, id);
        }
        self.reopen(id, false);
    }

    /// A claim of a task that waits on an operator, whoever has chosen them. `directed`: by name.
    pub(crate) fn claim(&mut self, now: Time, id: TaskId, operator: OperatorId, directed: bool) {
        let state = &mut self.state;
        let Some(task) = state.tasks.get_mut(&id) else { return };
        let Some(person) = state.operators.get_mut(&operator) else { return };
        let reservation = ReservationId::mint(state.epoch, state.reservations_made);
        let channel = task.kind.channel();
        task.attempts += 1;
        if let Some(waiting) = task.waiting_mut() {
            waiting.reservations.push(reservation);
        }
        state.reservations_made += 1;
        state.reservations_open += 1;
        person.reservations.push(Held { id: reservation, task: id, channel, ringing: false });
        let until = now + Time::from_millis(BOOK_MS_MAX);
        let lease = Lease::Booking { until };
        state
            .reservations
            .insert(reservation, Reservation { task: id, operator, channel, directed, lease });
        self.timers.set(until, Timer::Reservation(reservation));
        let epoch = self.state.epoch;
        self.tell(Output::Book { reservation, epoch, task: id, operator });
        self.refresh(now, operator, Cause::Reservation);
    }

    /// An event of a reservation's.
    pub(crate) fn lease(&mut self, now: Time, id: ReservationId, event: Event) {
        let Some(held) = self.state.reservations.get(&id) else {
            if event == Event::Accepted {
                self.tell(Output::TooLate { reservation: id });
            }
            return;
        };
        let (task, operator, lease) = (held.task, held.operator, held.lease);
        match lease.step(event) {
            Step::Nothing => {}
            Step::TooLate => self.tell(Output::TooLate { reservation: id }),
            Step::Ring => {
                let lead_ms = self.state.tasks.get(&task).map_or(0, |t| t.lead_ms);
                let until = now + self.ring_time(task) + Time::from_millis(lead_ms);
                self.set_lease(id, Lease::Ringing { until, alerted: false });
                self.tell(Output::Ring { reservation: id, task, operator, until });
            }
            Step::Alert => {
                if let Lease::Ringing { until, .. } = lease {
                    let led =
                        self.state.tasks.get_mut(&task).map(|t| std::mem::take(&mut t.lead_ms));
                    let is_led = led.is_some_and(|ms| ms > 0);
                    let until = if is_led { now + self.ring_time(task) } else { until };
                    self.set_lease(id, Lease::Ringing { until, alerted: true });
                }
                if let Some(person) = self.state.operators.get_mut(&operator) {
                    for held in person.reservations.iter_mut().filter(|held| held.id == id) {
                        held.ringing = true;
                    }
                }
                self.refresh(now, operator, Cause::Reservation);
            }
            Step::Win => self.win(now, id),
            Step::End(end) => {
                self.end_reservation(now, id, end);
                self.unstick(now, task, operator);
                self.reopen(task, true);
                self.max_wait_recheck(task);
            }
        }
    }

    /// How long an operator is rung for a task.
    fn ring_time(&self, task: TaskId) -> Time {
        let queue = self.state.tasks.get(&task).map(|task| task.queue);
        let queue = queue.and_then(|queue| self.state.queues.get(&queue));
        Time::from_millis(queue.map_or(0, |queue| queue.config.ring_ms))
    }

    /// Whoever served a caller before did not take their call: anybody may have it.
    fn unstick(&mut self, now: Time, id: TaskId, operator: OperatorId) {
        let wish = self.state.tasks.get(&id).and_then(Task::wish);
        let is_theirs = wish.is_some_and(|wish| wish.sticky && wish.operator == operator);
        if is_theirs {
            if let Some(until) = wish.and_then(|wish| wish.until) {
                self.timers.unset(until, Timer::Wanted(id));
            }
            self.wish_over(now, id);
        }
    }

    fn set_lease(&mut self, id: ReservationId, lease: Lease) {
        let Some(held) = self.state.reservations.get_mut(&id) else { return };
        if let Some(at) = held.lease.deadline() {
            self.timers.unset(at, Timer::Reservation(id));
        }
        held.lease = lease;
        if let Some(at) = lease.deadline() {
            self.timers.set(at, Timer::Reservation(id));
        }
    }

    /// The one who answered first has the task.
    fn win(&mut self, now: Time, id: ReservationId) {
        self.set_lease(id, Lease::Accepted);
        self.state.reservations_open -= 1;
        self.won(now, id);
    }

    /// A reservation is accepted: its task is the operator's, and nobody else's.
    pub(crate) fn won(&mut self, now: Time, id: ReservationId) {
        let Some(held) = self.state.reservations.get(&id) else { return };
        let (task_id, operator, channel) = (held.task, held.operator, held.channel);
        let Some(task) = self.state.tasks.get(&task_id) else { return };
        let waited = now.saturating_sub(task.queued);
        let others = task.waiting().map_or_else(Vec::new, |w| w.reservations.clone());
        for other in others.into_iter().filter(|other| *other != id) {
            self.rescind(now, other, Rescission::AnsweredElsewhere);
        }
        self.shared(task_id);
        self.leave_line(task_id);
        if let Some(task) = self.state.tasks.get_mut(&task_id) {
            task.place = Place::Assigned { operator, reservation: id, connected: None };
            task.waited += waited;
        }
        if let Some(person) = self.state.operators.get_mut(&operator) {
            person.reservations.retain(|held| held.id != id);
            person.given_task(now, task_id, channel);
            person.missed = 0;
        }
        let end = End::Accepted;
        self.tell(Output::Resolved { reservation: id, task: task_id, operator, end });
        self.tell(Output::Assigned { task: task_id, reservation: id, operator, waited });
        self.refresh(now, operator, Cause::Answered);
    }

    pub(crate) fn rescind(&mut self, now: Time, id: ReservationId, cause: Rescission) {
        let lease = self.state.reservations.get(&id).map(|held| held.lease);
        if let Some(Step::End(end)) = lease.map(|lease| lease.step(Event::Rescind(cause))) {
            self.end_reservation(now, id, end);
        }
    }

    /// The way out of every reservation that was not accepted. The task is left as it is, but for
    /// the claim and the back-off.
    pub(crate) fn end_reservation(&mut self, now: Time, id: ReservationId, end: End) {
        let Some(held) = self.state.reservations.remove(&id) else { return };
        let (task_id, operator) = (held.task, held.operator);
        self.state.reservations_open -= usize::from(held.lease.is_open());
        if let Some(at) = held.lease.deadline() {
            self.timers.unset(at, Timer::Reservation(id));
        }
        if let Some(waiting) = self.state.tasks.get_mut(&task_id).and_then(|t| t.waiting_mut()) {
            waiting.reservations.retain(|other| *other != id);
            waiting.by_hand &= !waiting.reservations.is_empty();
        }
        if let Some(person) = self.state.operators.get_mut(&operator) {
            person.reservations.retain(|held| held.id != id);
        }
        if let End::Rescinded(cause) = end {
            self.tell(Output::Rescind { reservation: id, task: task_id, operator, cause });
        }
        self.tell(Output::Resolved { reservation: id, task: task_id, operator, end });
        if backs_off(end) {
            self.back_off(now, task_id, operator);
        }
        if is_missed(end) && !held.directed {
            self.missed(now, task_id, operator);
        }
        self.refresh(now, operator, Cause::ReservationEnded);
    }

    /// Keeps the pair apart for a while.
    pub(crate) fn back_off(&mut self, now: Time, id: TaskId, operator: OperatorId) {
        let state = &mut self.state;
        let Some(task) = state.tasks.get_mut(&id) else { return };
        let Some(person) = state.operators.get_mut(&operator) else { return };
        let ms = state.queues.get(&task.queue).map_or(0, |q| q.config.back_off_ms);
        let until = now + Time::from_millis(ms.max(BACK_OFF_MS_MIN));
        if !task.is_backed_off(operator) {
            task.back_off.push((operator, until));
            person.index.back_off.insert(id);
            self.timers.set(until, Timer::BackOff(id, operator));
        }
    }

    pub(crate) fn back_off_over(&mut self, id: TaskId, operator: OperatorId) {
        if let Some(task) = self.state.tasks.get_mut(&id) {
            task.back_off.retain(|(other, _)| *other != operator);
        }
        if let Some(person) = self.state.operators.get_mut(&operator) {
            person.index.back_off.remove(&id);
            if Channel::ALL.iter().any(|c| person.index.standing[*c as usize].is_none()) {
                self.dirty.operators.insert(operator);
            }
        }
    }

    /// Counts a reservation not taken, and takes the operator out after so many.
    fn missed(&mut self, now: Time, task: TaskId, operator: OperatorId) {
        let state = &mut self.state;
        let Some(person) = state.operators.get_mut(&operator) else { return };
        let queue = state.tasks.get(&task).and_then(|t| state.queues.get(&t.queue));
        let Some(rona) = queue.map(|q| q.config.rona) else { return };
        person.missed += 1;
        if rona.after == 0 || person.missed < rona.after {
            return;
        }
        person.missed = 0;
        person.forced = Some(rona.state);
        self.take_back(now, operator, Rescission::NotReady);
    }

    /// Ends all that is reserved on an operator who cannot take it any more.
    pub(crate) fn take_back(&mut self, now: Time, operator: OperatorId, cause: Rescission) {
        let Some(person) = self.state.operators.get(&operator) else { return };
        let held: Vec<_> = person.reservations.iter().map(|held| held.id).collect();
        for id in held {
            let task = self.state.reservations.get(&id).map(|held| held.task);
            self.rescind(now, id, cause);
            if let Some(task) = task {
                self.unstick(now, task, operator);
                self.reopen(task, true);
                self.max_wait_recheck(task);
            }
        }
    }

    /// Brings an operator's effective state and indexes up to date with their record.
    pub(crate) fn refresh(&mut self, now: Time, id: OperatorId, cause: Cause) {
        let Some(person) = self.state.operators.get_mut(&id) else { return };
        let (state, because) = person.holds();
        let before = person.effective.state;
        let cause = because.unwrap_or(cause);
        person.track(now);
        let standing_cause = matches!(state, Effective::Offline | Effective::NotReady);
        if before != state || (standing_cause && person.effective.cause != cause) {
            if state == Effective::Ready
                && !matches!(before, Effective::Reserved | Effective::Ringing)
            {
                person.idle_since = now;
            }
            person.effective = crate::Since { state, cause, since: now };
            self.tell_operator(id);
        }
        self.reindex(id);
        self.bury(id);
    }

    pub(crate) fn tell_operator(&mut self, id: OperatorId) {
        if let Some(person) = self.state.operators.get(&id) {
            let (effective, chosen) = (person.effective.clone(), person.chosen.clone());
            self.tell(Output::Operator { operator: id, effective, chosen });
        }
    }
}
