//! What time changes for a task that waits: it asks for less, one phone more rings for it.
use crate::config::Strategy;
use crate::ids::{TaskId, Time};
use crate::machine::Acd;
use crate::timer::Timer;

impl Acd {
    /// Sets the demand of a task that waits, and the timer of the next one.
    pub(crate) fn set_ring(&mut self, now: Time, id: TaskId) {
        let state = &mut self.state;
        let Some(task) = state.tasks.get_mut(&id) else { return };
        let Some(queue) = state.queues.get(&task.queue) else { return };
        let waited = task.waited + now.saturating_sub(task.queued);
        let (ring, next) = queue.config.ring_after(waited);
        let Some(waiting) = task.waiting_mut() else { return };
        waiting.ring = ring;
        if let Some(at) = waiting.relax_at.take() {
            self.timers.unset(at, Timer::Relax(id));
        }
        if let Some(at) = next.map(|next| now + next) {
            waiting.relax_at = Some(at);
            self.timers.set(at, Timer::Relax(id));
        }
    }

    /// From now on the task asks for less.
    pub(crate) fn relax(&mut self, now: Time, id: TaskId) {
        let state = &mut self.state;
        let Some(task) = state.tasks.get(&id) else { return };
        let (key, channel, ring) = (task.key(id), task.kind.channel(), task.ring());
        if let Some(queue) = state.queues.get_mut(&task.queue) {
            queue.index.lane_mut(channel).ring_mut(ring).open.remove(&key);
        }
        self.set_ring(now, id);
        self.reopen(id, true);
    }

    /// One phone rings for the task; the next one may in a while.
    pub(crate) fn set_step(&mut self, now: Time, id: TaskId) {
        let state = &mut self.state;
        let Some(task) = state.tasks.get_mut(&id) else { return };
        let Some(queue) = state.queues.get(&task.queue) else { return };
        if queue.config.strategy != Strategy::Progressive {
            return;
        }
        let at = now + Time::from_millis(queue.config.step_ms);
        let Some(waiting) = task.waiting_mut() else { return };
        if let Some(last) = waiting.step_at.replace(at) {
            self.timers.unset(last, Timer::Step(id));
        }
        self.timers.set(at, Timer::Step(id));
    }

    pub(crate) fn step_over(&mut self, id: TaskId) {
        let waiting = self.state.tasks.get_mut(&id).and_then(|task| task.waiting_mut());
        if let Some(waiting) = waiting {
            waiting.step_at = None;
        }
        self.reopen(id, false);
    }
}
