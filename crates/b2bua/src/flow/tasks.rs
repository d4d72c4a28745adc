//! Tasks by order: somebody to be called back is added, a task is let go, put first, given to an
//! operator by name, taken off.

use acd::{Filter, TaskId, Withdrawal};

use super::callback::Wanted;
use super::promise::PROMISED_WITHIN;
use crate::api::{NewTask, Output, Problem, Reply, TaskChange, TaskStep, Time, Word};
use crate::callback::{CallbackCause, CallbackEnd, digits, is_number};
use crate::config::Name;
use crate::event::{CallResult, What};
use crate::id::{ReservationKey, TaskKey};
use crate::switch::B2bua;

impl B2bua {
    /// Somebody is to be called back: that is answered when it is on the disk.
    pub(super) fn order_task(&mut self, now: Time, request: u64, new: NewTask) {
        match self.add_task(now, new) {
            Ok(key) => {
                self.state.promised.insert(key, request);
                self.state.expiries.insert((now + PROMISED_WITHIN, key));
                self.output(Output::Confirm { token: key.0 });
            }
            Err(problem) => self.reply(request, Err(problem)),
        }
    }

    fn add_task(&mut self, now: Time, new: NewTask) -> Result<TaskKey, Problem> {
        let wrong = |field, what: &str| Err(Problem::Field { field, what: what.into() });
        let Some(queue) = self.directory.queue_id(&new.queue) else {
            return wrong("queue", "no such queue");
        };
        if self.callback_policy(queue).is_none() {
            return wrong("queue", "has no `callback` in the configuration");
        }
        if !is_number(&new.number) {
            return wrong("number", "2 to 32 digits, perhaps after +");
        }
        if new.trunk.as_ref().is_some_and(|trunk| self.directory.trunk(trunk).is_none()) {
            return wrong("trunk", "no such trunk");
        }
        if self.callback_trunk(queue, new.trunk.as_ref()).is_none() {
            return wrong("trunk", "is needed: no one trunk is known to call over");
        }
        let unix = self.unix(now);
        if new.expires.is_some_and(|expires| expires <= unix) {
            return wrong("expires", "has passed");
        }
        let own = digits(&new.number);
        let is_same = |entry: &crate::call::TaskEntry| {
            let callback = entry.callback.as_ref().filter(|_| entry.queue == queue);
            callback.is_some_and(|callback| digits(&callback.number) == own)
        };
        if let Some((key, _)) = self.state.tasks.iter().find(|(_, entry)| is_same(entry)) {
            let why = format!("{} is to be called back already: task {key}", new.number);
            return Err(Problem::Conflict(why));
        }
        let context = self.context_given(new.context)?;
        let wanted = Wanted {
            queue,
            number: new.number,
            name: new.name,
            trunk: new.trunk,
            context,
            predecessor: new.predecessor,
            cause: CallbackCause::Order,
            virtual_start: new.virtual_start.map(acd::Utc),
            priority_s: new.priority_s,
            not_before: new.not_before,
            expires: new.expires,
        };
        let nobody = || Problem::Busy("nobody can be called back now".into());
        self.add_callback(now, wanted).ok_or_else(nobody)
    }

    /// Whether it is a task that the distributor has.
    fn known_task(&self, task: TaskKey) -> Result<TaskId, Problem> {
        let id = TaskId(task.0);
        let there = self.acd.task(id).is_some();
        there
            .then_some(id)
            .ok_or_else(|| Problem::NotFound { what: "task", name: task.to_string() })
    }

    pub(super) fn change_task(
        &mut self,
        now: Time,
        key: TaskKey,
        change: TaskChange,
    ) -> Result<Reply, Problem> {
        let task = self.known_task(key)?;
        let step = change.step;
        step.map_or(Ok(()), |step| self.may_step(key, step))?;
        if let Some(priority_s) = change.priority_s {
            self.prioritise(now, key, priority_s);
        }
        match step {
            Some(TaskStep::Release) => self.acd.handle(now, acd::Input::Release { task }),
            Some(TaskStep::Complete) => self.complete_task(now, key),
            Some(TaskStep::Withdraw) => self.withdraw_task(now, key),
            None => {}
        }
        Ok(Reply::Done)
    }

    /// Whether that can happen to a task as it is now.
    fn may_step(&self, key: TaskKey, step: TaskStep) -> Result<(), Problem> {
        let (task, entry) = (TaskId(key.0), self.state.tasks.get(&key));
        let place = self.acd.task(task).map(|view| view.place);
        let conflict = |why: &str| Err(Problem::Conflict(why.into()));
        match (step, place) {
            (
                TaskStep::Release,
                Some(acd::TaskPlace::Waiting { held: true, .. } | acd::TaskPlace::Deferred { .. }),
            ) => Ok(()),
            (TaskStep::Release, _) => conflict("the task is not kept back"),
            (TaskStep::Complete, _) if entry.is_some_and(|entry| entry.delivered) => Ok(()),
            (TaskStep::Complete, Some(acd::TaskPlace::Wrapping { .. })) => Ok(()),
            (
                TaskStep::Complete,
                Some(acd::TaskPlace::Assigned { .. } | acd::TaskPlace::Between { .. }),
            ) => conflict("its call goes on"),
            (TaskStep::Complete, _) => conflict("no operator has it"),
            (TaskStep::Withdraw, _) if entry.is_some_and(|entry| entry.callback.is_some()) => {
                Ok(())
            }
            (TaskStep::Withdraw, Some(acd::TaskPlace::Waiting { .. })) => {
                let call = entry.and_then(|entry| entry.call).map(|call| self.call_named(call));
                let call = call.and_then(|call| self.state.calls.get(&call));
                if call.is_some_and(|call| call.is_for_help(task)) {
                    return conflict("the task is that of a help");
                }
                Ok(())
            }
            (TaskStep::Withdraw, _) => conflict("the task waits no more"),
        }
    }

    /// The operator is done with it: with the wrap-up, or with a customer who was brought to them outside.
    fn complete_task(&mut self, now: Time, key: TaskKey) {
        if self.state.tasks.get(&key).is_some_and(|entry| entry.delivered) {
            self.delivery_done(now, key);
        } else if let Some(acd::TaskPlace::Wrapping { operator }) =
            self.acd.task(TaskId(key.0)).map(|view| view.place)
        {
            self.acd.handle(now, acd::Input::EndWrapUp { operator });
        }
    }

    /// It has another head start, also where it goes on as something else.
    fn prioritise(&mut self, now: Time, key: TaskKey, priority_s: u32) {
        let task = TaskId(key.0);
        self.acd.handle(now, acd::Input::Prioritise { task, priority_s });
        if let Some(entry) = self.state.tasks.get_mut(&key)
            && let Some(callback) = entry.callback.as_mut()
        {
            callback.priority_s = priority_s;
        }
        self.with_task(task, |_, call| {
            for own in call.tasks.iter_mut().filter(|own| own.key == key) {
                own.priority_s = priority_s;
            }
        });
        if let Some(queue) = self.queue_of(task) {
            self.tell_task(now, task, What::TaskPrioritised { queue, priority_s });
        }
    }

    /// It is taken off the list: a caller's call ends, a customer is not called.
    fn withdraw_task(&mut self, now: Time, key: TaskKey) {
        let Some(entry) = self.state.tasks.get(&key) else { return };
        let (call, is_callback) = (entry.call, entry.callback.is_some());
        if let Some(call) = call {
            self.with_call(self.call_named(call), |switch, call| {
                if is_callback {
                    call.tasks.retain(|task| task.key != key);
                }
                switch.end_call(now, call, CallResult::Ended, "by order", 480);
            });
        }
        if is_callback {
            self.callback_over(now, key, CallbackEnd::Withdrawn);
        } else if call.is_none() {
            let (task, cause) = (TaskId(key.0), Withdrawal::Removed);
            self.acd.handle(now, acd::Input::Withdraw { task, cause });
        }
    }

    /// An operator says by order what they make of a task that is put before them. A phone of theirs is
    /// picked up by hand; at a number outside, where they have answered, it is as if they had pressed 1.
    pub(super) fn answer_reservation(
        &mut self,
        now: Time,
        key: ReservationKey,
        word: Word,
    ) -> Result<Reply, Problem> {
        let claim = acd::ReservationId(key.0);
        let Some((task, operator)) = self.acd.offer(claim) else {
            return Err(Problem::NotFound { what: "reservation", name: key.to_string() });
        };
        if word == Word::Accepted {
            let mut taken = false;
            self.with_task(task, |switch, call| taken = switch.takes_outside(now, call, claim));
            let why = "it is answered at the phone";
            return if taken { Ok(Reply::Done) } else { Err(Problem::Conflict(why.into())) };
        }
        let operator = self.directory.operator_name(operator);
        self.stop_ringing(now, task, claim, "");
        self.tell_task(now, task, What::OperatorFailed { operator, cause: "declined".into() });
        self.acd.handle(now, acd::Input::Rejected(claim, acd::Rejection::Declined));
        Ok(Reply::Done)
    }

    /// An operator is to have a task that waits, whoever would get it by themselves.
    pub(super) fn assign_task(
        &mut self,
        now: Time,
        key: TaskKey,
        operator: &Name,
    ) -> Result<Reply, Problem> {
        let task = self.known_task(key)?;
        let who = self
            .directory
            .operator_id(operator)
            .ok_or(Problem::Field { field: "operator", what: "no such operator".into() })?;
        let conflict = |why: String| Err(Problem::Conflict(why));
        let place = self.acd.task(task).map(|view| view.place);
        match place {
            Some(acd::TaskPlace::Deferred { .. }) => {
                self.acd.handle(now, acd::Input::Release { task });
            }
            Some(acd::TaskPlace::Waiting { .. }) => {}
            _ => return conflict("the task waits no more".into()),
        }
        if let Err(filter) = self.acd.may_take(task, who) {
            return conflict(match filter {
                Filter::Reserved => "the task waits no more".into(),
                filter => format!("{operator} cannot take it: {}", filter.as_str()),
            });
        }
        self.acd.handle(now, acd::Input::Assign { task, operator: who });
        Ok(Reply::Done)
    }
}
