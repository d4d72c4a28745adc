//! The operator's part ends: wrap-up with a timer of its own, then what they chose.
use crate::ids::{Channel, OperatorId, TaskId, Time};
use crate::io::{Cause, Outcome, Output};
use crate::machine::Acd;
use crate::operator::WrapUp;
use crate::task::Place;
use crate::timer::Timer;

impl Acd {
    pub(crate) fn connected(&mut self, now: Time, id: TaskId) {
        if let Some(task) = self.state.tasks.get_mut(&id)
            && let Place::Assigned { connected, .. } = &mut task.place
        {
            connected.get_or_insert(now);
        }
    }

    pub(crate) fn completed(&mut self, now: Time, id: TaskId) {
        if let Some(Place::Between { operator }) = self.state.tasks.get(&id).map(|t| &t.place) {
            let operator = *operator;
            return self.over_between(id, operator);
        }
        let Some((operator, wraps_up)) = self.release(now, id, true, Cause::CallEnded) else {
            return;
        };
        if !wraps_up {
            self.finish(id, Outcome::Completed { operator });
        } else if let Some(task) = self.state.tasks.get_mut(&id) {
            task.place = Place::Wrapping { operator };
        }
    }

    /// Parts an assigned task from its operator, and says from whom and whether they wrap up. The
    /// task's place is then the caller's business.
    pub(crate) fn release(
        &mut self,
        now: Time,
        id: TaskId,
        wraps_up: bool,
        cause: Cause,
    ) -> Option<(OperatorId, bool)> {
        let state = &mut self.state;
        let task = state.tasks.get(&id)?;
        let Place::Assigned { operator, reservation, connected } = task.place else { return None };
        // What was before midnight is of yesterday.
        let talked = connected.map(|since| now.saturating_sub(since.max(state.day.1)));
        state.reservations.remove(&reservation);
        let queue_ms = state.queues.get(&task.queue).map_or(0, |q| q.config.wrap_up_ms);
        let is_voice = task.kind.channel() == Channel::Voice;
        let person = state.operators.get_mut(&operator)?;
        person.tasks.retain(|(other, _)| *other != id);
        person.idle_since = now;
        person.talked += talked.unwrap_or_default();
        let ms = person.config.wrap_up_ms.unwrap_or(queue_ms);
        let wraps_up = wraps_up && is_voice && ms > 0 && !person.is_offline();
        if wraps_up {
            let until = now + Time::from_millis(ms);
            let last = person.wrap_up.replace(WrapUp { task: id, until });
            self.timers.set(until, Timer::WrapUp(operator));
            self.tell(Output::Wrapping { task: id, operator, until });
            self.wrapped_up(operator, last);
        }
        self.refresh(now, operator, cause);
        Some((operator, wraps_up))
    }

    /// By time or by hand.
    pub(crate) fn end_wrap_up(&mut self, now: Time, id: OperatorId) {
        let Some(person) = self.state.operators.get_mut(&id) else { return };
        let Some(last) = person.wrap_up.take() else { return };
        person.idle_since = now;
        self.wrapped_up(id, Some(last));
        self.refresh(now, id, Cause::WrapUpEnded);
    }

    /// The timer goes, and the task with it unless it went back to its queue.
    fn wrapped_up(&mut self, operator: OperatorId, last: Option<WrapUp>) {
        let Some(WrapUp { task, until }) = last else { return };
        let person = self.state.operators.get(&operator);
        if person.and_then(|p| p.wrap_up).is_none_or(|w| w.until != until) {
            self.timers.unset(until, Timer::WrapUp(operator));
        }
        let place = self.state.tasks.get(&task).map(|task| &task.place);
        if matches!(place, Some(Place::Wrapping { operator: by }) if *by == operator) {
            self.finish(task, Outcome::Completed { operator });
        }
    }

    pub(crate) fn extend_wrap_up(&mut self, id: OperatorId, ms: u64) {
        let Some(person) = self.state.operators.get_mut(&id) else { return };
        let Some(wrap_up) = &mut person.wrap_up else { return };
        self.timers.unset(wrap_up.until, Timer::WrapUp(id));
        wrap_up.until += Time::from_millis(ms);
        let WrapUp { task, until } = *wrap_up;
        self.timers.set(until, Timer::WrapUp(id));
        self.tell(Output::Wrapping { task, operator: id, until });
    }
}
