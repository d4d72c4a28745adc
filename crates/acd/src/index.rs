//! Keeping the indexes in step with an operator's record, and building them anew.
use crate::ids::{Channel, OperatorId, QueueId};
use crate::io::LimitReason;
use crate::machine::Acd;
use crate::operator::{Operator, Reach};
use crate::queue::Queue;
use crate::reservation::Lease;
use crate::task::{MaxWait, Place, Wish, nanos};
use crate::timer::{Timer, Timers};
use std::collections::BTreeMap;

/// Enters (or takes out) what the operator's index says in the queues they serve.
fn enter(queues: &mut BTreeMap<QueueId, Queue>, id: OperatorId, person: &Operator, enters: bool) {
    for queue_id in &person.serves {
        let Some(queue) = queues.get_mut(queue_id) else { continue };
        let key = (queue.order(nanos(person.index.idle_since), person.place), id);
        for channel in Channel::ALL {
            let lane = queue.index.lane_mut(channel);
            match (person.index.standing[channel as usize], enters) {
                (None, true) => {
                    lane.free.insert(key);
                }
                (None, false) => {
                    lane.free.remove(&key);
                }
                (Some(filter), true) => lane.tally[filter as usize] += 1,
                (Some(filter), false) => lane.tally[filter as usize] -= 1,
            }
        }
        match (person.index.present, enters) {
            (true, true) => queue.index.present += 1,
            (true, false) => queue.index.present -= 1,
            (false, _) => {}
        }
    }
}

impl Acd {
    /// After any change of an operator's record.
    pub(crate) fn reindex(&mut self, id: OperatorId) {
        let Some(person) = self.state.operators.get_mut(&id) else { return };
        person.lowered = person.lowered && person.is_over_limit();
        let standing = Channel::ALL.map(|channel| person.standing(channel));
        let (present, was_present) = (person.present(), person.index.present);
        let index = &person.index;
        let same_order =
            index.idle_since == person.idle_since || standing.iter().all(Option::is_some);
        if standing == index.standing && same_order && present == was_present {
            return;
        }
        let freed = Channel::ALL
            .iter()
            .any(|c| standing[*c as usize].is_none() && index.standing[*c as usize].is_some());
        enter(&mut self.state.queues, id, person, false);
        person.index.standing = standing;
        person.index.present = present;
        person.index.idle_since = person.idle_since;
        enter(&mut self.state.queues, id, person, true);
        if freed {
            self.dirty.operators.insert(id);
        } else if standing.iter().all(Option::is_some) {
            self.dirty.operators.remove(&id);
        }
        if was_present != present {
            for queue in person.serves.clone() {
                self.presence_changed(queue);
            }
        }
    }

    /// Builds every index and the timers from the records.
    pub(crate) fn rebuild(&mut self) {
        let state = &mut self.state;
        self.timers = Timers::default();
        for (id, queue) in &mut state.queues {
            queue.index = crate::queue::Index::default();
            if let Some(at) = queue.tell_at {
                self.timers.set(at, Timer::Positions(*id));
            }
        }
        for (id, person) in &mut state.operators {
            person.index = crate::operator::Index {
                standing: Channel::ALL.map(|channel| person.standing(channel)),
                idle_since: person.idle_since,
                present: person.present(),
                ..Default::default()
            };
            enter(&mut state.queues, *id, person, true);
            for queue in &person.serves {
                if let Some(queue) = state.queues.get_mut(queue) {
                    queue.index.members.insert(*id);
                }
            }
            if let Some(wrap_up) = person.wrap_up {
                self.timers.set(wrap_up.until, Timer::WrapUp(*id));
            }
            if let Reach::Lost { absent_at } = person.reach {
                self.timers.set(absent_at, Timer::Absent(*id));
            }
        }
        for (id, held) in &state.reservations {
            if let Some(at) = held.lease.deadline() {
                debug_assert!(held.lease != Lease::Accepted);
                self.timers.set(at, Timer::Reservation(*id));
            }
        }
        self.rebuild_tasks();
    }

    fn rebuild_tasks(&mut self) {
        let state = &mut self.state;
        let mut waiting_tasks = Vec::new();
        for (id, task) in &state.tasks {
            let Some(queue) = state.queues.get_mut(&task.queue) else { continue };
            queue.index.tasks += 1;
            for (operator, until) in &task.back_off {
                self.timers.set(*until, Timer::BackOff(*id, *operator));
                if let Some(person) = state.operators.get_mut(operator) {
                    person.index.back_off.insert(*id);
                }
            }
            let Place::Waiting(waiting) = &task.place else { continue };
            queue.index.line.insert(task.key(*id));
            if task.wish().is_none() && !task.is_told(LimitReason::NobodySignedIn) {
                queue.index.unwarned.insert(*id);
            }
            if let MaxWait::At(at) = waiting.max_wait {
                self.timers.set(at, Timer::MaxWait(*id));
            }
            if let Some(Wish { until: Some(until), .. }) = waiting.wanted {
                self.timers.set(until, Timer::Wanted(*id));
            }
            waiting_tasks.push(*id);
        }
        self.dirty.tasks.clear();
        for id in waiting_tasks {
            self.reopen(id, false);
        }
        // Where somebody is signed in they have been told, or are about to be.
        for key in self.dirty.tasks.keys() {
            let Some(task) = self.state.tasks.get(&key.1) else { continue };
            let Some(queue) = self.state.queues.get_mut(&task.queue) else { continue };
            let unclaimed = task.waiting().is_some_and(|w| w.reservations.is_empty());
            if unclaimed && queue.index.present == 0 && !task.is_told(LimitReason::NoFreeOperator) {
                queue.index.unsought.insert(*key);
            }
        }
    }
}
