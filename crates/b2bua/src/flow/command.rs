//! Orders from the API, configuration, and the switch's own check of itself.

use crate::act::{Act, Asker};
use crate::api::{Command, Problem, Reply, Time};
use crate::call::Participant;
use crate::config::Config;
use crate::directory::Directory;
use crate::event::{CallResult, What};
use crate::switch::B2bua;

fn not_found<T: ToString + ?Sized>(what: &'static str, name: &T) -> Problem {
    Problem::NotFound { what, name: name.to_string() }
}

impl B2bua {
    pub(crate) fn command(&mut self, now: Time, command: Command) -> Result<Reply, Problem> {
        match command {
            Command::HangUp { call } => {
                let named = self.call_named(call);
                if named != call {
                    return self.conference_order(now, call, &Asker::Admin, &Act::TakeBack);
                }
                let end = |switch: &mut Self, call: &mut crate::call::Call| {
                    switch.end_call(now, call, CallResult::Ended, "by order", 480);
                };
                self.with_call(call, end).ok_or_else(|| not_found("call", &call))?;
            }
            Command::Dial(dial) => return self.click(now, *dial),
            Command::Switch { queue, auto_connect, open } => {
                return self.switch(now, queue.as_ref(), auto_connect, open);
            }
            // Answered later: see `order`.
            Command::AddTask(_) => {}
            Command::ChangeTask { task, change } => return self.change_task(now, task, change),
            Command::ChangeQueues { operator, queues } => {
                return self.change_queues(now, &operator, queues);
            }
            Command::AnswerReservation { reservation, word } => {
                return self.answer_reservation(now, reservation, word);
            }
            Command::AssignTask { task, operator } => {
                return self.assign_task(now, task, &operator);
            }
            Command::Conference { call, by, act } => {
                return self.conference_order(now, call, &by, &act);
            }
            Command::Choose { operator, state } => {
                let operator = self.known(&operator)?;
                self.acd.handle(now, acd::Input::Choose { operator, choice: state.into() });
            }
            Command::EndWrapUp { operator } => {
                let operator = self.in_wrap_up(&operator)?;
                self.acd.handle(now, acd::Input::EndWrapUp { operator });
            }
            Command::ExtendWrapUp { operator } => {
                let id = self.in_wrap_up(&operator)?;
                let ms = self.wrap_up_ms(&operator);
                self.acd.handle(now, acd::Input::ExtendWrapUp { operator: id, ms });
            }
            Command::Record { call, state, by } => {
                return self.order_recording(now, call, state, by);
            }
            Command::RecordingPlayed { call, by } => {
                self.emit(now, Some(call), None, What::RecordingPlayed { by });
            }
            Command::RecordingErased { call, by } => {
                self.emit(now, Some(call), None, What::RecordingErased { by });
            }
            Command::ExplainTask { task } => {
                let records = self.state.decisions.of(acd::TaskId(task.0));
                if records.is_empty() && !self.state.tasks.contains_key(&task) {
                    return Err(not_found("task", &task));
                }
                let told = records.iter().map(|record| self.explained(record)).collect();
                return Ok(Reply::Decisions(told));
            }
            Command::ExplainOperator { operator } => {
                let id = self.known(&operator)?;
                let records = self.state.decisions.about(id, 50);
                let told = records.into_iter().map(|record| self.explained(record)).collect();
                let why = self.acd.why_idle(id).unwrap_or_default();
                return Ok(Reply::Idle(self.idle(why), told));
            }
        }
        Ok(Reply::Done)
    }

    pub(super) fn known(&self, operator: &str) -> Result<acd::OperatorId, Problem> {
        self.directory.operator_id(operator).ok_or_else(|| not_found("operator", operator))
    }

    fn in_wrap_up(&self, name: &str) -> Result<acd::OperatorId, Problem> {
        let operator = self.known(name)?;
        let wraps = self.acd.operator(operator).is_some_and(|view| view.wrap_up.is_some());
        wraps
            .then_some(operator)
            .ok_or_else(|| Problem::Conflict(format!("{name} is not in wrap-up")))
    }

    /// By how much wrap-up is prolonged: once more what it was.
    fn wrap_up_ms(&self, name: &str) -> u64 {
        let own = self.directory.operator(name).and_then(|operator| operator.wrap_up_ms);
        let view = self.directory.operator_id(name).and_then(|id| self.acd.operator(id));
        let task = view.and_then(|view| view.wrap_up).map(|(task, _)| crate::TaskKey(task.0));
        let entry = task.and_then(|task| self.state.tasks.get(&task));
        let queue = entry.and_then(|entry| self.directory.queue(entry.queue));
        own.or(queue.map(|queue| queue.wrap_up_ms)).unwrap_or(10_000)
    }

    pub(crate) fn configure(&mut self, now: Time, config: Config) {
        self.endpoint.handle(now, sip::Input::Configure(config.sip.clone()));
        self.directory = Directory::new(config, &mut self.state.names);
        self.switches_anew(now);
        // What counts as dead may have changed.
        for key in self.state.calls.keys().copied().collect::<Vec<_>>() {
            self.with_call(key, |switch, call| {
                let silent = call.participants.iter().filter(|p| p.silent_since.is_some());
                for id in silent.map(|p| p.id).collect::<Vec<_>>() {
                    switch.judge_silence(now, call, id);
                }
            });
        }
    }

    /// Each leg belongs to one call that knows it, each leased port to one leg, each queued call
    /// to a task that the distributor knows.
    pub(crate) fn check_calls(&self) -> Result<(), String> {
        let state = &self.state;
        for (leg, key) in &state.legs {
            let call = state.calls.get(key).ok_or_else(|| format!("{leg:?}: no call {key}"))?;
            call.participant(*leg).ok_or_else(|| format!("{leg:?}: not in call {key}"))?;
        }
        let legs: usize = state.calls.values().map(|call| call.participants.len()).sum();
        if legs != state.legs.len() || legs != state.leased {
            return Err(format!("{legs} legs, {} known, {} ports", state.legs.len(), state.leased));
        }
        for call in state.calls.values() {
            let comes_back = call.delivery.as_ref().is_some_and(|delivery| delivery.door.is_some());
            if call.participants.iter().all(Participant::supervises) && !comes_back {
                return Err(format!("call {} without a participant", call.key));
            }
            for task in &call.tasks {
                if self.acd.task(acd::TaskId(task.key.0)).is_none() {
                    return Err(format!("call {}: task {} is lost", call.key, task.key));
                }
            }
        }
        Ok(())
    }
}
