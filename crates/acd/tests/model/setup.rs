//! A configuration, the first or another: who is there, and what of the old ones stays.
use super::naive::{Naive, Person, Queue};
use acd::{Choice, Config, Effective, OperatorId, QueueId, Time};

impl Naive {
    pub(crate) fn configure(&mut self, now: Time, config: &Config) {
        self.auto = config.auto_connect;
        for queue in &mut self.queues {
            queue.draining = true;
        }
        for (id, config) in &config.queues {
            if let Some(queue) = self.queues.iter_mut().find(|q| q.id == *id) {
                (queue.config, queue.draining) = (config.clone(), false);
            } else {
                let (id, config) = (*id, config.clone());
                self.queues.push(Queue {
                    id,
                    config,
                    draining: false,
                    cursor: None,
                    shared: vec![],
                });
            }
        }
        for person in &mut self.people {
            person.removed = true;
        }
        for (place, (id, config)) in config.operators.iter().enumerate() {
            if self.p(*id).is_none() {
                self.people.push(Person {
                    id: *id,
                    config: config.clone(),
                    place,
                    removed: false,
                    serves: vec![],
                    choice: Choice::Offline,
                    chosen: false,
                    forced: None,
                    reachable: false,
                    absent_at: None,
                    own: vec![],
                    alerting: vec![],
                    wrap_up: None,
                    idle: now,
                    missed: 0,
                    effective: Effective::Offline,
                    given: (0, Time::ZERO, Time::ZERO),
                    log: vec![],
                });
            }
            let draining: Vec<QueueId> =
                self.queues.iter().filter(|q| q.draining).map(|q| q.id).collect();
            let all: Vec<QueueId> = self.queues.iter().map(|q| q.id).collect();
            let person = self.p(*id).unwrap();
            person.serves.retain(|q| draining.contains(q));
            person.serves.extend(config.queues.iter().filter(|q| all.contains(q)));
            (person.config, person.place, person.removed) = (config.clone(), place, false);
        }
        for person in self.people.iter_mut().filter(|p| p.removed) {
            person.serves.clear();
        }
        let there: Vec<OperatorId> =
            self.people.iter().filter(|p| !p.removed).map(|p| p.id).collect();
        for task in &mut self.tasks {
            if task.e.wanted.is_some_and(|w| !there.contains(&w.operator)) {
                (task.e.wanted, task.until) = (None, None);
            }
        }
        for id in self.tasks.iter().map(|t| t.e.task).collect::<Vec<_>>() {
            self.set_ring(now, id);
        }
        self.follow(now);
    }
}
