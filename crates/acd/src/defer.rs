//! A task that is not to be given to anybody yet, and one that somebody is given by name.
use crate::Rescission;
use crate::ids::{OperatorId, TaskId, Time};
use crate::io::{Cause, Output};
use crate::machine::Acd;
use crate::task::{Deferred, Place, Task};
use crate::timer::Timer;

impl Acd {
    /// It joins the queue at that time.
    pub(crate) fn put_off(&mut self, id: TaskId, deferred: Deferred) {
        if let Some(task) = self.state.tasks.get_mut(&id) {
            task.place = Place::Deferred(deferred);
            self.timers.set(deferred.until, Timer::Deferred(id));
        }
    }

    pub(crate) fn defer(&mut self, now: Time, id: TaskId, until: Time) {
        match self.state.tasks.get(&id).map(|task| &task.place) {
            Some(Place::Waiting(_)) => {
                self.rescind_all(now, id);
                self.leave_line(id);
            }
            Some(Place::Assigned { .. }) => {
                self.release(now, id, true, Cause::CallEnded);
            }
            Some(Place::Deferred(deferred)) => {
                let until = deferred.until;
                self.timers.unset(until, Timer::Deferred(id));
            }
            Some(Place::Between { .. }) => {}
            Some(Place::Wrapping { .. }) | None => return,
        }
        self.put_off(id, Deferred { until: until.max(now), wanted: None, hold: None });
    }

    /// Its hold is over, or the time that it was put off to has come.
    pub(crate) fn release_hold(&mut self, now: Time, id: TaskId) {
        let Some(task) = self.state.tasks.get(&id) else { return };
        if let Place::Deferred(Deferred { until, wanted, hold }) = task.place {
            self.timers.unset(until, Timer::Deferred(id));
            let waiting = self.begin(now, task.queue, wanted, hold);
            if let Some(task) = self.state.tasks.get_mut(&id) {
                task.place = Place::Waiting(waiting);
            }
            return self.join_line(now, id);
        }
        let Some(task) = self.state.tasks.get_mut(&id) else { return };
        match &mut task.place {
            Place::Waiting(waiting) => {
                let Some(held) = waiting.held.take() else { return };
                if let Some(until) = held.until {
                    self.timers.unset(until, Timer::Release(id));
                }
                if task.is_callback_due() {
                    let key = task.key(id);
                    if let Some(queue) = self.state.queues.get_mut(&task.queue) {
                        queue.index.callbacks.insert(key);
                        self.dirty.shares.insert(task.queue);
                    }
                }
                self.tell(Output::Released { task: id });
                self.reopen(id, true);
            }
            Place::Assigned { .. }
            | Place::Wrapping { .. }
            | Place::Between { .. }
            | Place::Deferred(_) => {}
        }
    }

    pub(crate) fn assign(&mut self, now: Time, id: TaskId, operator: OperatorId) {
        if let Some(Place::Deferred(_)) = self.state.tasks.get(&id).map(|task| &task.place) {
            self.release_hold(now, id);
        }
        if self.may_take(id, operator).is_err() {
            return;
        }
        self.rescind_all(now, id);
        let Some(task) = self.state.tasks.get(&id) else { return };
        let channel = task.kind.channel();
        let is_full = self.state.operators.get(&operator).is_some_and(|p| p.is_full(channel));
        if is_full {
            self.take_back(now, operator, Rescission::Occupied);
        }
        if let Some(waiting) = self.state.tasks.get_mut(&id).and_then(Task::waiting_mut) {
            waiting.by_hand = true;
        }
        self.claim(now, id, operator, true);
        self.reopen(id, false);
    }
}
