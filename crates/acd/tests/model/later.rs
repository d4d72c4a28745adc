//! What is kept back, put off or given by name, and what callbacks are owed; as plainly as the rest.
use super::naive::{Claim, Naive, Place, State};
use acd::{
    BOOK_MS_MAX, End, Enqueue, Hold, Kind, OperatorId, Output, Rescission, ReservationId,
    SHARED_OF, TaskId, Time, Wanted,
};

impl Naive {
    /// Whom it is meant for, if they are worth waiting for.
    pub(crate) fn wanted(&self, e: &Enqueue) -> Option<Wanted> {
        let known = |id| self.people.iter().any(|p| p.id == id && !p.removed);
        e.wanted.filter(|w| known(w.operator) && (!w.sticky || self.comes(e.queue, w.operator)))
    }

    /// What a task asked for when it was made, from the first time it waits.
    pub(crate) fn wish(&mut self, now: Time, id: TaskId) {
        let e = self.t(id).unwrap().e.clone();
        let wanted = self.wanted(&e);
        let task = self.t(id).unwrap();
        (task.e.wanted, task.e.hold) = (wanted, None);
        let after = |ms| now + Time::from_millis(ms);
        task.until = wanted.and_then(|w| w.for_ms).map(after);
        task.held = e.hold.map(|hold| match hold {
            Hold::For(ms) => Some(after(ms)),
            Hold::Released => None,
        });
    }

    pub(crate) fn defer(&mut self, now: Time, id: TaskId, until: Time) {
        match self.t(id).map(|t| t.place) {
            Some(Place::Waits) => {
                for claim in self.claims_of(id) {
                    self.end(now, claim, End::Rescinded(Rescission::TaskGone));
                }
            }
            Some(Place::With(..)) => {
                self.part(now, id, true).unwrap();
            }
            Some(Place::Deferred(_) | Place::Between(_)) => {}
            Some(Place::Wrapping(_)) | None => return,
        }
        self.leaves_line(id);
        let task = self.t(id).unwrap();
        (task.e.wanted, task.e.hold) = (None, None);
        task.place = Place::Deferred(until.max(now));
        self.follow(now);
    }

    pub(crate) fn release(&mut self, now: Time, id: TaskId) {
        match self.t(id).map(|t| t.place) {
            Some(Place::Deferred(_)) => self.join(now, id),
            Some(Place::Waits) if self.t(id).unwrap().held.take().is_some() => {
                self.out.push(Output::Released { task: id });
            }
            _ => {}
        }
        self.follow(now);
    }

    pub(crate) fn assign(&mut self, now: Time, id: TaskId, operator: OperatorId) {
        if matches!(self.t(id).map(|t| t.place), Some(Place::Deferred(_))) {
            self.release(now, id);
        }
        if self.t(id).is_none_or(|t| t.place != Place::Waits) || !self.may_take(id, operator) {
            return;
        }
        for claim in self.claims_of(id) {
            self.end(now, claim, End::Rescinded(Rescission::TaskGone));
        }
        let person = self.people.iter().find(|p| p.id == operator).unwrap();
        let kind = self.tasks.iter().find(|t| t.e.task == id).unwrap().e.kind;
        let ((voices, total), limits) = (self.load(person), person.config.limits);
        let spoken = super::naive::voice(kind) && voices >= limits.voice as usize;
        if spoken || total >= limits.total as usize {
            self.take_back(now, operator, Rescission::Occupied);
        }
        self.t(id).unwrap().by_hand = true;
        let reservation = ReservationId(7 * 1_024 + self.made);
        self.made += 1;
        let state = State::Booking(now + Time::from_millis(BOOK_MS_MAX));
        self.claims.push(Claim { id: reservation, task: id, operator, directed: true, state });
        self.out.push(Output::Book { reservation, epoch: 7, task: id, operator });
        self.follow(now);
    }

    /// Callbacks that could be given to somebody, in order.
    fn callbacks(&self, queue: acd::QueueId) -> Vec<TaskId> {
        let due = |id: &TaskId| {
            let task = self.tasks.iter().find(|t| t.e.task == *id).unwrap();
            task.e.kind == Kind::Callback && task.e.auto_connect && task.held.is_none()
        };
        self.line(queue).into_iter().filter(due).collect()
    }

    /// Somebody gets a task that waits still.
    pub(crate) fn count_share(&mut self, id: TaskId) {
        let task = self.tasks.iter().find(|t| t.e.task == id).unwrap();
        let (queue, kind) = (task.e.queue, task.e.kind);
        if kind == Kind::Dialog || self.callbacks(queue).is_empty() {
            return;
        }
        let shared = &mut self.q(queue).shared;
        shared.push(kind == Kind::Callback);
        if shared.len() > SHARED_OF {
            shared.remove(0);
        }
    }

    /// Where callbacks got less than their share, the first of them is before all others.
    pub(crate) fn share(&mut self) {
        for at in 0..self.queues.len() {
            let queue = &self.queues[at];
            let (of, got) = (queue.shared.len(), queue.shared.iter().filter(|c| **c).count());
            let owes = got * 1_000 < of * queue.config.share as usize;
            let first = self.callbacks(queue.id).first().copied();
            if let Some(first) = first.filter(|_| owes) {
                self.t(first).unwrap().owed = true;
            }
        }
    }
}
