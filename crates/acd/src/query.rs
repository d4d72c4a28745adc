//! Answers to questions. None of them changes anything.
use crate::ids::{Channel, OperatorId, QueueId, ReservationId, TaskId, Time};
use crate::machine::Acd;
use crate::operator::Operator;
use crate::queue::Queue;
use crate::skill::Lack;
use crate::task::{Place, Task};
use crate::view::{Lacking, OperatorView, QueueView, TaskPlace, TaskView, WhyIdle};

/// Tasks of a queue that an explanation looks at.
const EXPLAINED: usize = 1_000;

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl Acd {
    /// A task that lives.
    #[must_use]
    pub fn task(&self, id: TaskId) -> Option<TaskView> {
        let task = self.state.tasks.get(&id)?;
        let place = match &task.place {
            Place::Waiting(waiting) => {
                let line = self.state.queues.get(&task.queue).map(|q| &q.index.line);
                let rank = line.and_then(|line| line.rank(&task.key(id)));
                TaskPlace::Waiting {
                    position: count(rank.map_or(0, |rank| rank + 1)),
                    reservations: waiting.reservations.clone(),
                    held: waiting.held.is_some(),
                }
            }
            Place::Assigned { operator, reservation, connected } => TaskPlace::Assigned {
                operator: *operator,
                reservation: *reservation,
                connected: *connected,
            },
            Place::Wrapping { operator } => TaskPlace::Wrapping { operator: *operator },
            Place::Between { operator } => TaskPlace::Between { operator: *operator },
            Place::Deferred(deferred) => TaskPlace::Deferred { until: deferred.until },
        };
        Some(TaskView {
            task: id,
            queue: task.queue,
            kind: task.kind,
            virtual_start: task.virtual_start,
            priority_s: task.priority_s,
            queued: task.queued,
            attempts: task.attempts,
            place,
        })
    }

    /// An operator who is configured, or not done yet.
    #[must_use]
    pub fn operator(&self, id: OperatorId) -> Option<OperatorView> {
        let person = self.state.operators.get(&id)?;
        Some(OperatorView {
            operator: id,
            chosen: person.chosen.clone(),
            effective: person.effective.clone(),
            reachable: person.reach == crate::operator::Reach::Yes,
            queues: person.serves.clone(),
            reservations: person.reservations.iter().map(|held| held.id).collect(),
            tasks: person.tasks.iter().map(|(task, _)| *task).collect(),
            own: person.own.clone(),
            alerting: person.alerting.clone(),
            wrap_up: person.wrap_up.map(|wrap_up| (wrap_up.task, wrap_up.until)),
            idle_since: person.idle_since,
            missed: person.missed,
        })
    }

    /// A queue that is configured, or not drained yet.
    #[must_use]
    pub fn queue(&self, now: Time, id: QueueId) -> Option<QueueView> {
        let queue = self.state.queues.get(&id)?;
        let first = queue.index.line.iter().next();
        let first = first.and_then(|(_, task)| self.state.tasks.get(task));
        Some(QueueView {
            queue: id,
            waiting: count(queue.index.line.len()),
            longest_wait: first.map_or(Time::ZERO, |task| now.saturating_sub(task.queued)),
            operators: count(queue.index.members.len()),
            signed_in: queue.index.present,
            free: queue.index.lane(Channel::Voice).free,
            draining: queue.draining,
        })
    }

    /// Tasks in a queue, in order, those being rung for included.
    pub fn waiting(&self, id: QueueId) -> impl Iterator<Item = TaskId> {
        let queue = self.state.queues.get(&id);
        queue.into_iter().flat_map(|queue| queue.index.line.iter().map(|(_, task)| *task))
    }

    /// Whom a reservation is on.
    #[must_use]
    pub fn reserved(&self, id: ReservationId) -> Option<OperatorId> {
        self.state.reservations.get(&id).map(|held| held.operator)
    }

    /// The task for which, and the operator on whom, a reservation is that is not accepted or over.
    #[must_use]
    pub fn offer(&self, id: ReservationId) -> Option<(TaskId, OperatorId)> {
        let held = self.state.reservations.get(&id).filter(|held| held.lease.is_open())?;
        Some((held.task, held.operator))
    }

    /// Reservations that are booking or ringing; a count that is kept, not made.
    #[must_use]
    pub const fn open_reservations(&self) -> usize {
        self.state.reservations_open
    }

    /// All operators, by id.
    pub fn operators(&self) -> impl Iterator<Item = OperatorId> {
        self.state.operators.keys().copied()
    }

    /// All queues, by id.
    pub fn queues(&self) -> impl Iterator<Item = QueueId> {
        self.state.queues.keys().copied()
    }

    /// All tasks that live, by id.
    pub fn tasks(&self) -> impl Iterator<Item = TaskId> {
        self.state.tasks.keys().copied()
    }

    /// Why the operator is not on a call although callers may wait.
    #[must_use]
    pub fn why_idle(&self, id: OperatorId) -> Option<WhyIdle> {
        let person = self.state.operators.get(&id)?;
        let filter = person.index.standing[Channel::Voice as usize];
        let mut why = WhyIdle { filter, ..WhyIdle::default() };
        for (queue_id, queue) in person.serves.iter().filter_map(|id| Some((*id, self.of(*id)?))) {
            why.waiting = why.waiting.saturating_add(count(queue.index.line.len()));
            for (_, task) in queue.index.line.iter().take(EXPLAINED) {
                if let Some(record) = self.state.tasks.get(task) {
                    self.why_not(&mut why, (id, person), (queue_id, queue), (*task, record));
                }
            }
        }
        Some(why)
    }

    fn of(&self, id: QueueId) -> Option<&Queue> {
        self.state.queues.get(&id)
    }

    /// Counts one task that is not theirs.
    fn why_not(
        &self,
        why: &mut WhyIdle,
        (who, person): (OperatorId, &Operator),
        (queue_id, queue): (QueueId, &Queue),
        (id, task): (TaskId, &Task),
    ) {
        let demand = queue.config.demand(task.ring());
        if task.waiting().is_some_and(|waiting| !waiting.reservations.is_empty()) {
            why.ringing += 1;
        } else if !self.is_open(task) {
            why.by_hand += 1;
        } else if person.index.back_off.contains(&id) {
            why.backed_off.push(id);
        } else if let Some(wish) = task.wish() {
            why.meant += u32::from(wish.operator != who);
        } else if let Some(lack) = person.config.lacks(demand) {
            let Lack { skill, level, asked } = lack;
            match why.lacking.last_mut().filter(|last| last.queue == queue_id) {
                Some(last) => last.tasks += 1,
                None => {
                    why.lacking.push(Lacking { queue: queue_id, tasks: 1, skill, level, asked });
                }
            }
        }
    }
}
