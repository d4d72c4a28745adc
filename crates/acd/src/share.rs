//! What callbacks get of a queue's work while live callers wait as well. Their places alone would put
//! them behind everybody with a head start for as long as such callers come; so where they got less
//! than their share of the last assignments, the earliest of them is next.
use crate::SHARED_OF;
use crate::ids::{Channel, Kind, TaskId};
use crate::machine::Acd;
use crate::queue::Queue;
use crate::task::Task;

impl Task {
    /// A callback that waits to be given to somebody by itself.
    pub(crate) fn is_callback_due(&self) -> bool {
        self.kind == Kind::Callback
            && self.auto_connect
            && self.waiting().is_some_and(|waiting| waiting.held.is_none())
    }
}

impl Queue {
    /// Whether callbacks got less than their share.
    fn owes(&self) -> bool {
        let given = self.shared.iter().filter(|callback| **callback).count();
        given * 1_000 < self.shared.len() * self.config.share as usize
    }
}

impl Acd {
    /// Somebody is given the task, which waits still: one more assignment, if a callback waits.
    pub(crate) fn shared(&mut self, id: TaskId) {
        let Some(task) = self.state.tasks.get(&id) else { return };
        let Some(queue) = self.state.queues.get_mut(&task.queue) else { return };
        if task.kind.channel() != Channel::Voice || queue.index.callbacks.is_empty() {
            return;
        }
        queue.shared.push_back(task.kind == Kind::Callback);
        if queue.shared.len() > SHARED_OF {
            queue.shared.pop_front();
        }
        self.dirty.shares.insert(task.queue);
    }

    /// Puts the earliest callback first wherever one is owed and none is first yet.
    pub(crate) fn settle_shares(&mut self) {
        while let Some(id) = self.dirty.shares.pop_first() {
            let Some(queue) = self.state.queues.get(&id) else { continue };
            // One that is owed something has the least key of all.
            let Some((_, task)) = queue.index.callbacks.first().copied() else { continue };
            let is_owed = self.state.tasks.get(&task).is_none_or(|task| task.owed);
            if !is_owed && queue.owes() {
                self.moved(task, |task| task.owed = true);
            }
        }
    }

    /// Something changes that orders tasks.
    pub(crate) fn moved(&mut self, id: TaskId, change: impl FnOnce(&mut Task)) {
        let Some(task) = self.state.tasks.get_mut(&id) else { return };
        let old = task.key(id);
        change(task);
        let new = task.key(id);
        if task.waiting().is_none() || old == new {
            return;
        }
        let Some(queue) = self.state.queues.get_mut(&task.queue) else { return };
        let index = &mut queue.index;
        index.line.remove(&old);
        index.line.insert(new);
        if index.callbacks.remove(&old) {
            index.callbacks.insert(new);
            self.dirty.shares.insert(task.queue);
        }
        if index.unsought.remove(&old) {
            index.unsought.insert(new);
        }
        let channel = task.kind.channel();
        let open = match task.wish() {
            None => Some(&mut index.lane_mut(channel).ring_mut(task.ring()).open),
            Some(wish) => {
                let person = self.state.operators.get_mut(&wish.operator);
                person.map(|person| &mut person.index.wanted[channel as usize])
            }
        };
        if let Some(open) = open
            && open.remove(&old)
        {
            open.insert(new);
        }
        if let Some(sought) = self.dirty.tasks.remove(&old) {
            self.dirty.tasks.insert(new, sought);
        }
        self.dirty.moved.insert(task.queue);
    }
}
