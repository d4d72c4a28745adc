//! Keeping the indexes in step with an operator's record, and building them anew.
use crate::ids::{Channel, OperatorId, QueueId};
use crate::io::LimitReason;
use crate::machine::Acd;
use crate::operator::{Entered, Operator, Reach};
use crate::queue::Queue;
use crate::reservation::Lease;
use crate::task::{MaxWait, Place, Wish};
use crate::timer::{Timer, Timers};
use std::collections::BTreeMap;

/// Replaces what the lanes of the queues served say of an operator.
fn enter(
    queues: &mut BTreeMap<QueueId, Queue>,
    id: OperatorId,
    person: &Operator,
    last: Option<Entered>,
    next: Entered,
) {
    for queue_id in &person.serves {
        let Some(queue) = queues.get_mut(queue_id) else { continue };
        let old = last.map(|last| queue.rank(id, person, &last.merit));
        let new = queue.rank(id, person, &next.merit);
        let rings = person.config.rings(&queue.config);
        let rings = (0..queue.config.rings()).filter(|ring| rings & 1 << ring != 0);
        for channel in Channel::ALL {
            let (was, is) =
                (last.map(|last| last.standing[channel as usize]), next.standing[channel as usize]);
            if was == Some(is) && (is.is_some() || old == Some(new)) {
                continue;
            }
            let lane = queue.index.lane_mut(channel);
            match was {
                Some(None) => {
                    lane.free -= 1;
                    for ring in rings.clone() {
                        old.map(|old| lane.ring_mut(ring).free.remove(&old));
                    }
                }
                Some(Some(filter)) => lane.tally[filter as usize] -= 1,
                None => {}
            }
            match is {
                None => {
                    lane.free += 1;
                    for ring in rings.clone() {
                        lane.ring_mut(ring).free.insert(new);
                    }
                }
                Some(filter) => lane.tally[filter as usize] += 1,
            }
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
        let entered = person.index.entered.standing;
        let freed = (0..2).any(|i| standing[i].is_none() && entered[i].is_some());
        person.index.standing = standing;
        person.index.present = present;
        let still_free = standing.iter().any(Option::is_none);
        if freed || (still_free && self.dirty.operators.contains(&id)) {
            self.dirty.operators.insert(id);
        } else {
            self.dirty.operators.remove(&id);
            self.enter(id);
        }
        if was_present != present {
            self.presence_changed(id, present);
        }
    }

    /// Brings the lanes up to date with an operator's standing.
    pub(crate) fn enter(&mut self, id: OperatorId) {
        let Some(person) = self.state.operators.get_mut(&id) else { return };
        let last = person.index.entered;
        let next = Entered { standing: person.index.standing, merit: person.merit() };
        let is_free = next.standing.iter().any(Option::is_none);
        if next.standing != last.standing || (is_free && next.merit != last.merit) {
            enter(&mut self.state.queues, id, person, Some(last), next);
            person.index.entered = next;
        }
    }

    fn presence_changed(&mut self, id: OperatorId, present: bool) {
        let serves = self.state.operators.get(&id).map_or_else(Vec::new, |p| p.serves.clone());
        for queue_id in serves {
            let Some(queue) = self.state.queues.get_mut(&queue_id) else { continue };
            if present {
                queue.index.present += 1;
            } else {
                queue.index.present -= 1;
            }
            self.warn_queue(queue_id);
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
            let standing = Channel::ALL.map(|channel| person.standing(channel));
            let entered = Entered { standing, merit: person.merit() };
            let present = person.present();
            person.index =
                crate::operator::Index { standing, entered, present, ..Default::default() };
            enter(&mut state.queues, *id, person, None, entered);
            for queue in &person.serves {
                if let Some(queue) = state.queues.get_mut(queue) {
                    queue.index.members.insert(*id);
                    queue.index.present += u32::from(present);
                }
            }
            if let Some(wrap_up) = person.wrap_up {
                self.timers.set(wrap_up.until, Timer::WrapUp(*id));
            }
            if let Reach::Lost { absent_at } = person.reach {
                self.timers.set(absent_at, Timer::Absent(*id));
            }
        }
        state.reservations_open = 0;
        for (id, held) in &state.reservations {
            state.reservations_open += usize::from(held.lease.is_open());
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
            if let Place::Deferred(deferred) = task.place {
                self.timers.set(deferred.until, Timer::Deferred(*id));
            }
            let Place::Waiting(waiting) = &task.place else { continue };
            queue.index.line.insert(task.key(*id));
            if task.is_callback_due() {
                queue.index.callbacks.insert(task.key(*id));
            }
            if let Some(at) = waiting.held.and_then(|held| held.until) {
                self.timers.set(at, Timer::Release(*id));
            }
            if task.wish().is_none() && !task.is_told(LimitReason::NobodySignedIn) {
                queue.index.unwarned.insert(*id);
            }
            if let MaxWait::At(at) = waiting.max_wait {
                self.timers.set(at, Timer::MaxWait(*id));
            }
            if let Some(Wish { until: Some(until), .. }) = waiting.wanted {
                self.timers.set(until, Timer::Wanted(*id));
            }
            if let Some(at) = waiting.relax_at {
                self.timers.set(at, Timer::Relax(*id));
            }
            if let Some(at) = waiting.step_at {
                self.timers.set(at, Timer::Step(*id));
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
