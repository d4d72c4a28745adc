//! Limits are told once per task and reason.
use crate::ids::{QueueId, TaskId};
use crate::io::{LimitReason, Output};
use crate::machine::Acd;
use crate::task::MaxWait;

impl Acd {
    pub(crate) fn limit(&mut self, id: TaskId, reason: LimitReason) {
        let Some(task) = self.state.tasks.get_mut(&id) else { return };
        if task.tell(reason) {
            let queue = task.queue;
            self.tell(Output::Limit { task: id, queue, reason });
        }
    }

    /// A task joined the queue: tells it that nobody is signed in, or remembers to.
    pub(crate) fn warn_task(&mut self, id: TaskId) {
        let Some(task) = self.state.tasks.get(&id) else { return };
        if task.waiting().is_none()
            || task.wish().is_some()
            || task.is_told(LimitReason::NobodySignedIn)
        {
            return;
        }
        let Some(queue) = self.state.queues.get_mut(&task.queue) else { return };
        if queue.index.present == 0 {
            self.limit(id, LimitReason::NobodySignedIn);
        } else {
            queue.index.unwarned.insert(id);
        }
    }

    /// The first one signed in, or the last one who was has gone.
    pub(crate) fn warn_queue(&mut self, id: QueueId) {
        let Some(queue) = self.state.queues.get_mut(&id) else { return };
        if queue.index.present == 0 {
            for task in std::mem::take(&mut queue.index.unwarned) {
                self.limit(task, LimitReason::NobodySignedIn);
            }
        } else {
            let unsought = std::mem::take(&mut queue.index.unsought);
            self.dirty.tasks.extend(unsought.into_iter().map(|key| (key, false)));
        }
    }

    pub(crate) fn max_wait_over(&mut self, id: TaskId) {
        let waiting = self.state.tasks.get_mut(&id).and_then(|task| task.waiting_mut());
        let Some(waiting) = waiting else { return };
        waiting.max_wait = MaxWait::Over;
        // Nobody new is rung until it has been told, or with ring-all it never would be.
        self.reopen(id, false);
        self.max_wait_recheck(id);
    }

    /// Nobody is sent away while a phone rings for them.
    pub(crate) fn max_wait_recheck(&mut self, id: TaskId) {
        let waiting = self.state.tasks.get_mut(&id).and_then(|task| task.waiting_mut());
        let Some(waiting) = waiting else { return };
        if waiting.max_wait == MaxWait::Over && waiting.reservations.is_empty() {
            waiting.max_wait = MaxWait::Never;
            self.limit(id, LimitReason::MaxWait);
            self.reopen(id, true);
        }
    }
}
