//! A configuration, the first or another. Tasks, reservations and calls stay as they are.
use crate::config::{Config, OperatorConfig, QueueConfig};
use crate::ids::{Channel, OperatorId, QueueId, Time};
use crate::io::Cause;
use crate::machine::Acd;
use crate::operator::{Operator, Reach};
use crate::queue::Queue;
use crate::timer::Timer;
use std::collections::BTreeSet;

impl Acd {
    pub(crate) fn configure(&mut self, now: Time, config: Config) {
        self.state.auto_connect = config.auto_connect;
        self.configure_queues(config.queues);
        let new = self.configure_operators(now, config.operators);
        self.drop_wishes();
        let waiting: Vec<_> = self.state.tasks.keys().copied().collect();
        for id in waiting {
            self.set_ring(now, id);
        }
        // Orders and memberships may all be different now.
        self.rebuild();
        self.dirty.shares.extend(self.state.queues.keys());
        for id in new {
            self.tell_operator(id);
        }
        let operators: Vec<_> = self.state.operators.keys().copied().collect();
        for id in operators {
            self.refresh(now, id, Cause::Configured);
        }
        let queues: Vec<_> = self.state.queues.keys().copied().collect();
        for id in queues {
            self.warn_queue(id);
            self.drain_queue(id);
        }
    }

    fn configure_queues(&mut self, configs: Vec<(QueueId, QueueConfig)>) {
        for queue in self.state.queues.values_mut() {
            queue.draining = true;
        }
        for (id, config) in configs {
            if let Some(queue) = self.state.queues.get_mut(&id) {
                queue.config = config;
                queue.draining = false;
            } else {
                self.state.queues.insert(id, Queue::new(config));
            }
        }
    }

    fn configure_operators(
        &mut self,
        now: Time,
        configs: Vec<(OperatorId, OperatorConfig)>,
    ) -> Vec<OperatorId> {
        let mut new = Vec::new();
        let (queues, operators) = (&self.state.queues, &mut self.state.operators);
        let mut left: BTreeSet<OperatorId> = operators.keys().copied().collect();
        for (place, (id, config)) in (0..).zip(configs) {
            left.remove(&id);
            let person = operators.entry(id).or_insert_with(|| {
                new.push(id);
                Operator::new(config.clone(), now)
            });
            let drains = |queue: &QueueId| queues.get(queue).is_some_and(|q| q.draining);
            let mut serves: Vec<_> = person.serves.iter().copied().filter(drains).collect();
            serves.extend(config.queues.iter().copied().filter(|q| queues.contains_key(q)));
            serves.sort_unstable();
            serves.dedup();
            person.serves = serves;
            person.config = config;
            person.place = place;
            person.removed = false;
            person.lowered = person.is_over_limit();
        }
        for id in left {
            if let Some(person) = operators.get_mut(&id) {
                person.removed = true;
                person.serves.clear();
            }
        }
        new
    }

    /// Nobody waits for an operator who will not come back.
    fn drop_wishes(&mut self) {
        let state = &mut self.state;
        for task in state.tasks.values_mut() {
            let Some(waiting) = task.waiting_mut() else { continue };
            let gone = |operator| state.operators.get(&operator).is_none_or(|o| o.removed);
            if waiting.wanted.is_some_and(|wish| gone(wish.operator)) {
                waiting.wanted = None;
            }
        }
    }

    /// Removes a queue that is configured no more once its last task is gone.
    pub(crate) fn drain_queue(&mut self, id: QueueId) {
        let Some(queue) = self.state.queues.get(&id) else { return };
        if !queue.draining || queue.index.tasks > 0 {
            return;
        }
        if let Some(at) = queue.tell_at {
            self.timers.unset(at, Timer::Positions(id));
        }
        for operator in &queue.index.members {
            if let Some(person) = self.state.operators.get_mut(operator) {
                person.serves.retain(|other| *other != id);
            }
        }
        self.state.queues.remove(&id);
    }

    /// Forgets an operator who is configured no more and has nothing left to do.
    pub(crate) fn bury(&mut self, id: OperatorId) {
        if !self.state.operators.get(&id).is_some_and(Operator::is_gone) {
            return;
        }
        let Some(person) = self.state.operators.remove(&id) else { return };
        if let Reach::Lost { absent_at } = person.reach {
            self.timers.unset(absent_at, Timer::Absent(id));
        }
        for task_id in person.index.back_off {
            let Some(task) = self.state.tasks.get_mut(&task_id) else { continue };
            for (_, until) in task.back_off.extract_if(.., |(other, _)| *other == id) {
                self.timers.unset(until, Timer::BackOff(task_id, id));
            }
        }
        self.dirty.operators.remove(&id);
        debug_assert!(Channel::ALL.iter().all(|c| person.index.wanted[*c as usize].is_empty()));
    }
}
