//! A task joins the queue, leaves it, comes back.
use crate::PLACES_TOLD;
use crate::ids::{Kind, QueueId, TaskId, Time};
use crate::io::{
    Cause, Enqueue, Hold, LimitReason, Outcome, Output, Rescission, Wanted, Withdrawal,
};
use crate::machine::Acd;
use crate::task::{Deferred, Held, MaxWait, Place, Task, Waiting, Wish};
use crate::timer::Timer;

impl Acd {
    pub(crate) fn enqueue(&mut self, now: Time, enqueue: &Enqueue) {
        if self.state.tasks.contains_key(&enqueue.task) {
            return;
        }
        let waiting = self.begin(now, enqueue.queue, enqueue.wanted, enqueue.hold);
        if let Some(reason) = self.refusal(enqueue, waiting.wanted.is_some()) {
            let (task, queue) = (enqueue.task, enqueue.queue);
            self.tell(Output::Limit { task, queue, reason });
            self.tell(Output::Done { task, outcome: Outcome::Refused(reason) });
            return;
        }
        let task = Task::new(enqueue, now, Place::Waiting(waiting));
        self.state.tasks.insert(enqueue.task, task);
        if let Some(queue) = self.state.queues.get_mut(&enqueue.queue) {
            queue.index.tasks += 1;
        }
        match enqueue.not_before.filter(|until| *until > now) {
            Some(until) => {
                let Enqueue { wanted, hold, .. } = *enqueue;
                self.put_off(enqueue.task, Deferred { until, wanted, hold });
            }
            None => self.join_line(now, enqueue.task),
        }
    }

    /// How a task begins to wait.
    pub(crate) fn begin(
        &self,
        now: Time,
        queue: QueueId,
        wanted: Option<Wanted>,
        hold: Option<Hold>,
    ) -> Waiting {
        let wanted = wanted.and_then(|wanted| {
            let Wanted { operator, for_ms, sticky } = wanted;
            let person = self.state.operators.get(&operator).filter(|person| !person.removed)?;
            let is_there = person.serves.contains(&queue) && person.unavailable().is_none();
            let until = for_ms.map(|ms| now + Time::from_millis(ms));
            (!sticky || is_there).then_some(Wish { operator, until, sticky })
        });
        let held = hold.map(|hold| match hold {
            Hold::For(ms) => Held { until: Some(now + Time::from_millis(ms)) },
            Hold::Released => Held { until: None },
        });
        Waiting { wanted, held, ..Waiting::default() }
    }

    fn refusal(&self, enqueue: &Enqueue, wanted: bool) -> Option<LimitReason> {
        let Some(queue) = self.state.queues.get(&enqueue.queue) else {
            return Some(LimitReason::Closed);
        };
        if enqueue.despite_limits {
            None
        } else if queue.draining || !queue.config.open {
            Some(LimitReason::Closed)
        } else if queue.index.line.len() >= queue.config.max_waiting as usize {
            Some(LimitReason::QueueFull)
        } else if !queue.config.join_empty && queue.index.present == 0 && !wanted {
            Some(LimitReason::NobodySignedIn)
        } else {
            None
        }
    }

    /// A task whose place is `Waiting` takes its position; timers and indexes are set.
    pub(crate) fn join_line(&mut self, now: Time, id: TaskId) {
        let Some(task) = self.state.tasks.get_mut(&id) else { return };
        let Some(queue) = self.state.queues.get_mut(&task.queue) else { return };
        task.queued = now;
        let rank = queue.index.line.insert(task.key(id));
        if rank + 1 < queue.index.line.len() {
            self.dirty.moved.insert(task.queue);
        }
        let position = u32::try_from(rank + 1).unwrap_or(u32::MAX);
        task.position_told = position;
        let waits_ms = queue.config.max_wait_ms;
        if waits_ms > 0
            && task.kind == Kind::Call
            && !task.is_told(LimitReason::MaxWait)
            && let Some(waiting) = task.waiting_mut()
        {
            let at = now + Time::from_millis(waits_ms);
            waiting.max_wait = MaxWait::At(at);
            self.timers.set(at, Timer::MaxWait(id));
        }
        if let Some(Wish { until: Some(until), .. }) = task.wish() {
            self.timers.set(until, Timer::Wanted(id));
        }
        if let Some(at) = task.waiting().and_then(|waiting| waiting.held?.until) {
            self.timers.set(at, Timer::Release(id));
        }
        if task.is_callback_due() {
            queue.index.callbacks.insert(task.key(id));
            self.dirty.shares.insert(task.queue);
        }
        let queue = task.queue;
        self.set_ring(now, id);
        self.tell(Output::Queued { task: id, queue, position });
        self.explain_kept(now, id);
        self.reopen(id, true);
        self.warn_task(id);
    }

    /// Takes a task out of the line, with its timers.
    pub(crate) fn leave_line(&mut self, id: TaskId) {
        let Some(task) = self.state.tasks.get_mut(&id) else { return };
        let key = task.key(id);
        let Place::Waiting(waiting) = &mut task.place else { return };
        if let MaxWait::At(at) = std::mem::take(&mut waiting.max_wait) {
            self.timers.unset(at, Timer::MaxWait(id));
        }
        if let Some(at) = waiting.relax_at.take() {
            self.timers.unset(at, Timer::Relax(id));
        }
        if let Some(at) = waiting.step_at.take() {
            self.timers.unset(at, Timer::Step(id));
        }
        if let Some(at) = waiting.held.take().and_then(|held| held.until) {
            self.timers.unset(at, Timer::Release(id));
        }
        let (wish, ring) = (waiting.wanted.take(), waiting.ring);
        if let Some(Wish { until: Some(until), .. }) = wish {
            self.timers.unset(until, Timer::Wanted(id));
        }
        let channel = task.kind.channel();
        if let Some(person) = wish.and_then(|w| self.state.operators.get_mut(&w.operator)) {
            person.index.wanted[channel as usize].remove(&key);
        }
        task.position_told = 0;
        if let Some(queue) = self.state.queues.get_mut(&task.queue) {
            queue.index.lane_mut(channel).ring_mut(ring).open.remove(&key);
            queue.index.unwarned.remove(&id);
            queue.index.unsought.remove(&key);
            if queue.index.callbacks.remove(&key) {
                self.dirty.shares.insert(task.queue);
            }
            let rank = queue.index.line.remove(&key);
            if rank.is_some_and(|r| r < PLACES_TOLD && r < queue.index.line.len()) {
                self.dirty.moved.insert(task.queue);
            }
        }
        task.owed = false;
        self.dirty.tasks.remove(&key);
    }

    /// Whether the task is to be matched now.
    pub(crate) fn is_open(&self, task: &Task) -> bool {
        let Some(waiting) = task.waiting() else { return false };
        let Some(queue) = self.state.queues.get(&task.queue) else { return false };
        self.state.auto_connect
            && waiting.max_wait != MaxWait::Over
            && waiting.held.is_none()
            && queue.config.auto_connect
            && task.auto_connect
            && (waiting.reservations.is_empty() || queue.rings_more(waiting))
    }

    /// Brings the indexes of open tasks up to date with one that waits. `sought`: somebody is to be
    /// found for it, even if others ring for it already, and a vain search is explained.
    pub(crate) fn reopen(&mut self, id: TaskId, sought: bool) {
        let Some(task) = self.state.tasks.get(&id) else { return };
        if task.waiting().is_none() {
            return;
        }
        let (open, key, channel) = (self.is_open(task), task.key(id), task.kind.channel());
        let index = match task.wish() {
            Some(wish) => self
                .state
                .operators
                .get_mut(&wish.operator)
                .map(|person| &mut person.index.wanted[channel as usize]),
            None => {
                let queue = self.state.queues.get_mut(&task.queue);
                let ring = task.ring();
                queue.map(|queue| &mut queue.index.lane_mut(channel).ring_mut(ring).open)
            }
        };
        let Some(index) = index else { return };
        if open {
            if index.insert(key) || sought {
                self.dirty.tasks.insert(key, sought);
            }
        } else {
            index.remove(&key);
            self.dirty.tasks.remove(&key);
            if let Some(queue) = self.state.queues.get_mut(&task.queue) {
                queue.index.unsought.remove(&key);
            }
        }
    }

    /// Nobody but the wanted operator could have it so far; now anybody can.
    pub(crate) fn wish_over(&mut self, _now: Time, id: TaskId) {
        let Some(task) = self.state.tasks.get_mut(&id) else { return };
        let (key, channel) = (task.key(id), task.kind.channel());
        let Some(wish) = task.waiting_mut().and_then(|w| w.wanted.take()) else { return };
        if let Some(person) = self.state.operators.get_mut(&wish.operator) {
            person.index.wanted[channel as usize].remove(&key);
        }
        self.reopen(id, true);
        self.warn_task(id);
    }

    /// The task ends by the owner's word.
    pub(crate) fn leave(&mut self, now: Time, id: TaskId, cause: Withdrawal) {
        match self.state.tasks.get(&id).map(|task| &task.place) {
            Some(Place::Waiting(_)) => {
                self.rescind_all(now, id);
                self.leave_line(id);
                self.finish(id, Outcome::Withdrawn(cause));
            }
            Some(Place::Assigned { connected: Some(_), .. } | Place::Between { .. }) => {
                self.completed(now, id);
            }
            // They have answered, and were told of it: that is work too.
            Some(Place::Assigned { .. }) => {
                self.release(now, id, true, Cause::CallEnded);
                self.finish(id, Outcome::Withdrawn(cause));
            }
            Some(Place::Deferred(deferred)) => {
                let until = deferred.until;
                self.timers.unset(until, Timer::Deferred(id));
                self.finish(id, Outcome::Withdrawn(cause));
            }
            Some(Place::Wrapping { .. }) | None => {}
        }
    }

    /// The task goes back to its place in the queue.
    pub(crate) fn requeue(&mut self, now: Time, id: TaskId) {
        match self.state.tasks.get(&id).map(|task| &task.place) {
            Some(Place::Waiting(_)) => {
                self.rescind_all(now, id);
                self.reopen(id, true);
                self.max_wait_recheck(id);
            }
            Some(Place::Assigned { .. } | Place::Between { .. }) => {
                self.come_back(now, id, false, true);
            }
            Some(Place::Wrapping { .. } | Place::Deferred(_)) | None => {}
        }
    }

    /// The operator's leg was lost.
    pub(crate) fn lost(&mut self, now: Time, id: TaskId, ahead: bool) {
        let place = self.state.tasks.get(&id).map(|task| &task.place);
        if let Some(Place::Assigned { .. } | Place::Between { .. }) = place {
            self.come_back(now, id, ahead, false);
        }
    }

    fn come_back(&mut self, now: Time, id: TaskId, ahead: bool, wraps_up: bool) {
        let cause = if wraps_up { Cause::CallEnded } else { Cause::LegLost };
        let between = match self.state.tasks.get(&id).map(|task| &task.place) {
            Some(Place::Between { operator }) => Some((*operator, false)),
            _ => self.release(now, id, wraps_up, cause),
        };
        let Some((operator, _)) = between else { return };
        if let Some(task) = self.state.tasks.get_mut(&id) {
            task.place = Place::Waiting(Waiting::default());
            task.ahead |= ahead;
        }
        self.back_off(now, id, operator);
        self.join_line(now, id);
    }

    pub(crate) fn rescind_all(&mut self, now: Time, id: TaskId) {
        let waiting = self.state.tasks.get(&id).and_then(Task::waiting);
        for held in waiting.map_or_else(Vec::new, |w| w.reservations.clone()) {
            self.rescind(now, held, Rescission::TaskGone);
        }
    }

    /// The record's end; nothing may refer to it by now but its back-off and its queue.
    pub(crate) fn finish(&mut self, id: TaskId, outcome: Outcome) {
        let Some(task) = self.state.tasks.remove(&id) else { return };
        for (operator, until) in task.back_off {
            self.timers.unset(until, Timer::BackOff(id, operator));
            if let Some(person) = self.state.operators.get_mut(&operator) {
                person.index.back_off.remove(&id);
            }
        }
        self.tell(Output::Done { task: id, outcome });
        if let Some(queue) = self.state.queues.get_mut(&task.queue) {
            queue.index.tasks -= 1;
        }
        self.drain_queue(task.queue);
    }
}
