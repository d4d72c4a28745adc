//! Who gets what. The rule: again and again, of the open tasks that somebody eligible is free for,
//! the one that comes first is given to the operator whom its queue's strategy likes best, until no
//! such pair is left. Since none was left before an input, only tasks and operators that the input
//! touched can be part of a new one: the work is in proportion to them, not to those who wait.
use crate::ids::{Channel, OperatorId, TaskId, Time};
use crate::io::LimitReason;
use crate::line::Key;
use crate::machine::Acd;
use crate::operator::Operator;
use crate::task::Task;
use std::ops::Bound::{Excluded, Unbounded};

impl Acd {
    /// Matches until no eligible pair is left, then tells who moved.
    pub(crate) fn settle(&mut self, now: Time) {
        self.settle_shares();
        while let Some((task, operator)) = self.next_match(now) {
            self.explain(now, task, Some(operator));
            self.book(now, task, operator);
        }
        self.tell_positions(now);
    }

    fn next_match(&mut self, now: Time) -> Option<(TaskId, OperatorId)> {
        let mut first: Option<Key> = None;
        let mut next = self.dirty.operators.first().copied();
        while let Some(operator) = next {
            if let Some(task) = self.earliest(operator) {
                first = Some(first.map_or(task, |first| first.min(task)));
            } else {
                self.dirty.operators.remove(&operator);
                self.enter(operator);
            }
            next = self.dirty.operators.range((Excluded(operator), Unbounded)).next().copied();
        }
        while let Some((key, explained)) = self.dirty.tasks.first_key_value() {
            let (key, explained) = (*key, *explained);
            if first.is_some_and(|first| first < key) {
                break;
            }
            if let Some(operator) = self.best(now, key.1) {
                return Some((key.1, operator));
            }
            self.dirty.tasks.remove(&key);
            self.in_vain(now, key.1, explained);
        }
        let (_, task) = first?;
        Some((task, self.best(now, task)?))
    }

    /// The open task that comes first of those the operator may have.
    fn earliest(&self, id: OperatorId) -> Option<Key> {
        let person = self.state.operators.get(&id)?;
        let free =
            Channel::ALL.into_iter().filter(|c| person.index.standing[*c as usize].is_none());
        free.filter_map(|channel| {
            let queues = person.serves.iter().filter_map(|queue| self.state.queues.get(queue));
            let open = queues.flat_map(|queue| {
                let (lane, rings) = (queue.index.lane(channel), person.config.rings(&queue.config));
                let rings = (0..queue.config.rings()).filter(move |ring| rings & 1 << ring != 0);
                rings.map(|ring| &lane.ring(ring).open)
            });
            open.chain([&person.index.wanted[channel as usize]])
                .filter_map(|tasks| tasks.iter().find(|(_, task)| !person.is_apart(*task)))
                .min()
                .copied()
        })
        .min()
    }

    /// The operator who gets the task, if anybody can.
    fn best(&self, now: Time, id: TaskId) -> Option<OperatorId> {
        let task = self.state.tasks.get(&id)?;
        let channel = task.kind.channel();
        if let Some(wish) = task.wish() {
            let person = self.state.operators.get(&wish.operator)?;
            let free = person.index.standing[channel as usize].is_none();
            return (free && !task.is_backed_off(wish.operator)).then_some(wish.operator);
        }
        let queue = self.state.queues.get(&task.queue)?;
        if queue.config.strategy.is_sought() {
            return self.sought(now, task, queue);
        }
        // The lane may say something old of those who are dirty.
        let entered = queue
            .best_first(channel, task.ring())
            .copied()
            .find(|(_, id)| !self.is_apart(task, *id) && !self.dirty.operators.contains(id));
        let fresh = self.fresh(task).filter(|(id, _)| !self.is_apart(task, *id));
        let fresh = fresh.map(|(id, person)| queue.rank(id, person, &person.merit()));
        let best = entered.into_iter().chain(fresh).min_by_key(|rank| queue.preference(*rank));
        best.map(|(_, operator)| operator)
    }

    /// Whether the task is kept from the operator: not taken a moment ago, or claimed already.
    pub(crate) fn is_apart(&self, task: &Task, operator: OperatorId) -> bool {
        let claims = task.waiting().map_or(&[][..], |waiting| &waiting.reservations);
        let of = |id| self.state.reservations.get(id).map(|held| held.operator);
        task.is_backed_off(operator) || claims.iter().any(|id| of(id) == Some(operator))
    }

    /// Those who came free just now, serve the task's queue and can do what it asks for.
    pub(crate) fn fresh<'a>(
        &'a self,
        task: &'a Task,
    ) -> impl Iterator<Item = (OperatorId, &'a Operator)> + 'a {
        let queue = self.state.queues.get(&task.queue);
        let demand = queue.map_or(&[][..], |queue| queue.config.demand(task.ring()));
        let unmet = move |person: &Operator| person.config.lacks(demand).is_some();
        self.newly_free(task).filter(move |(_, person)| !unmet(person))
    }

    /// Those who came free just now and serve the task's queue.
    pub(crate) fn newly_free<'a>(
        &'a self,
        task: &'a Task,
    ) -> impl Iterator<Item = (OperatorId, &'a Operator)> + 'a {
        self.dirty.operators.iter().filter_map(|id| {
            let person = self.state.operators.get(id)?;
            let free = person.index.standing[task.kind.channel() as usize].is_none();
            (free && person.serves.contains(&task.queue)).then_some((*id, person))
        })
    }

    /// Nobody could have it.
    fn in_vain(&mut self, now: Time, id: TaskId, explained: bool) {
        let Some(task) = self.state.tasks.get(&id) else { return };
        if task.waiting().is_none_or(|w| !w.reservations.is_empty()) {
            return;
        }
        let (queue, key) = (task.queue, task.key(id));
        let told = task.is_told(LimitReason::NoFreeOperator);
        if explained {
            self.explain(now, id, None);
        }
        let Some(queue) = self.state.queues.get_mut(&queue) else { return };
        if queue.index.present > 0 {
            self.limit(id, LimitReason::NoFreeOperator);
        } else if !told {
            queue.index.unsought.insert(key);
        }
    }
}
