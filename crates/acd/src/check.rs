//! What must always hold between two inputs. For tests and the simulator: it looks at everything.
use crate::ids::Channel;
use crate::machine::Acd;
use crate::reservation::Lease;
use crate::task::Place;

impl Acd {
    /// Nobody is booked twice, every task is in one place, no eligible pair is left unmatched, each
    /// reservation is held by both its ends, indexes and timers agree with the records.
    ///
    /// # Errors
    /// Says what does not hold.
    pub fn check(&self) -> Result<(), String> {
        let dirty = &self.dirty;
        let is_settled = dirty.tasks.is_empty()
            && dirty.operators.is_empty()
            && dirty.moved.is_empty()
            && dirty.shares.is_empty();
        if !is_settled {
            return Err(format!("left over: {dirty:?}"));
        }
        self.check_operators()?;
        self.check_reservations()?;
        self.check_tasks()?;
        self.check_indexes()
    }

    fn check_operators(&self) -> Result<(), String> {
        for (id, person) in &self.state.operators {
            if person.is_over_limit() && !person.lowered {
                return Err(format!("{id:?} has more than they may: {person:?}"));
            }
            if person.effective.state != person.holds().0 {
                return Err(format!("{id:?} is not what was told: {person:?}"));
            }
            if person.is_gone() {
                return Err(format!("{id:?} is a ghost"));
            }
            // But for what somebody has given them by hand.
            let is_asked = |held: &crate::operator::Held| {
                self.state.reservations.get(&held.id).is_some_and(|other| !other.directed)
            };
            let asked = person.reservations.iter().any(is_asked);
            if person.unavailable().is_some() && !person.removed && asked {
                return Err(format!("{id:?} is reserved but unavailable: {person:?}"));
            }
            for (task, _) in &person.tasks {
                let place = self.state.tasks.get(task).map(|task| &task.place);
                if !matches!(place, Some(Place::Assigned { operator, .. }) if operator == id) {
                    return Err(format!("{task:?} is {place:?}, but {id:?} has it"));
                }
            }
            for held in &person.reservations {
                let other = self.state.reservations.get(&held.id);
                if other.is_none_or(|o| o.operator != *id || o.lease == Lease::Accepted) {
                    return Err(format!("{:?} of {id:?} is {other:?}", held.id));
                }
            }
        }
        Ok(())
    }

    fn check_reservations(&self) -> Result<(), String> {
        for (id, held) in &self.state.reservations {
            let place = self.state.tasks.get(&held.task).map(|task| &task.place);
            let person = self.state.operators.get(&held.operator);
            let ok = match (place, held.lease) {
                (Some(Place::Assigned { operator, reservation, .. }), Lease::Accepted) => {
                    *operator == held.operator
                        && reservation == id
                        && person.is_some_and(|p| {
                            p.tasks.iter().filter(|(task, _)| *task == held.task).count() == 1
                        })
                }
                (Some(Place::Waiting(waiting)), Lease::Booking { .. } | Lease::Ringing { .. }) => {
                    waiting.reservations.iter().filter(|other| *other == id).count() == 1
                        && person.is_some_and(|p| {
                            p.reservations.iter().filter(|other| other.id == *id).count() == 1
                        })
                }
                _ => false,
            };
            if !ok {
                return Err(format!("{id:?} hangs: {held:?}, task {place:?}, {person:?}"));
            }
        }
        Ok(())
    }

    fn check_tasks(&self) -> Result<(), String> {
        for (id, task) in &self.state.tasks {
            if !self.state.queues.contains_key(&task.queue) {
                return Err(format!("{id:?} has no queue"));
            }
            match &task.place {
                Place::Waiting(waiting) => {
                    if let Some(reservation) = waiting
                        .reservations
                        .iter()
                        .find(|r| !self.state.reservations.contains_key(r))
                    {
                        return Err(format!("{id:?} waits for {reservation:?}, which is no more"));
                    }
                    self.check_unmatched(*id)?;
                }
                Place::Assigned { operator, reservation, .. } => {
                    let person = self.state.operators.get(operator);
                    if !self.state.reservations.contains_key(reservation)
                        || person.is_none_or(|p| !p.tasks.iter().any(|(task, _)| task == id))
                    {
                        return Err(format!("{id:?} has lost {operator:?}"));
                    }
                }
                Place::Between { .. } | Place::Deferred(_) => {}
                Place::Wrapping { operator } => {
                    let wrap_up = self.state.operators.get(operator).and_then(|p| p.wrap_up);
                    if wrap_up.is_none_or(|wrap_up| wrap_up.task != *id) {
                        return Err(format!("{id:?} is wrapped up by nobody"));
                    }
                }
            }
        }
        Ok(())
    }

    /// By the records alone: no index is asked.
    fn check_unmatched(&self, id: crate::TaskId) -> Result<(), String> {
        let Some(task) = self.state.tasks.get(&id).filter(|task| self.is_open(task)) else {
            return Ok(());
        };
        for (operator, person) in &self.state.operators {
            let may = match task.wish() {
                Some(wish) => wish.operator == *operator,
                None => {
                    let demand = self
                        .state
                        .queues
                        .get(&task.queue)
                        .map(|queue| queue.config.demand(task.ring()));
                    person.serves.contains(&task.queue)
                        && person.config.lacks(demand.unwrap_or_default()).is_none()
                }
            };
            let free = person.standing(task.kind.channel()).is_none();
            if may && free && !self.is_apart(task, *operator) {
                return Err(format!("{id:?} waits although {operator:?} is free"));
            }
        }
        Ok(())
    }

    fn check_indexes(&self) -> Result<(), String> {
        let built = Self::resume(self.carry());
        if built.timers != self.timers {
            let (is, should) = (&self.timers.0, &built.timers.0);
            let outlived: Vec<_> = is.difference(should).collect();
            let missing: Vec<_> = should.difference(is).collect();
            return Err(format!("timers without a state {outlived:?}, missing {missing:?}"));
        }
        let (is, should) = (self.open_reservations(), built.open_reservations());
        if is != should {
            return Err(format!("{is} reservations are open, by count {should}"));
        }
        for ((id, is), should) in self.state.queues.iter().zip(built.state.queues.values()) {
            let (is, should) = (&is.index, &should.index);
            let same = is.tasks == should.tasks
                && is.line.len() == should.line.len()
                && is.line.iter().eq(should.line.iter())
                && is.unwarned == should.unwarned
                && is.unsought == should.unsought
                && is.callbacks == should.callbacks
                && is.members == should.members
                && is.present == should.present
                && Channel::ALL.iter().all(|channel| {
                    let (is, should) = (is.lane(*channel), should.lane(*channel));
                    let rings = is.rings.len().max(should.rings.len());
                    (0..rings).all(|ring| is.ring(ring) == should.ring(ring))
                        && is.free == should.free
                        && is.tally == should.tally
                });
            if !same {
                return Err(format!("index of {id:?}: {is:?} should be {should:?}"));
            }
        }
        for ((id, is), should) in self.state.operators.iter().zip(built.state.operators.values()) {
            let (is, should) = (&is.index, &should.index);
            if is.standing != should.standing
                || is.entered.standing != is.standing
                || is.present != should.present
                || is.back_off != should.back_off
                || is.wanted != should.wanted
            {
                return Err(format!("index of {id:?}: {is:?} should be {should:?}"));
            }
        }
        Ok(())
    }
}
