//! Tasks: those alive, and the last of those that ended.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use b2bua::config::Name;
use b2bua::event::{TaskKind, Work};
use b2bua::{CallKey, CallbackEnd, Event, TaskKey, Utc, What};
use serde_json::{Value, json};

use super::{Model, between, seconds};

/// Tasks kept after their end.
const ENDED_MAX: usize = 1_000;

/// One task.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) work: Work,
    /// Of the customer, as far as it can be called.
    pub(crate) number: Option<Name>,
    pub(crate) name: Option<String>,
    pub(crate) trunk: Option<Name>,
    pub(crate) state: &'static str,
    pub(crate) queue: Name,
    pub(crate) call: Option<CallKey>,
    queued: Utc,
    pub(crate) virtual_start: Utc,
    pub(crate) priority_s: u32,
    /// When a callback is looked at again.
    not_before: Option<Utc>,
    expires: Option<Utc>,
    position: Option<usize>,
    /// Known once the wait is over.
    wait_ms: Option<u64>,
    pub(crate) operator: Option<Name>,
    /// How often somebody was asked; of a callback, how often the customer was called.
    attempts: u64,
    pub(crate) context: BTreeMap<String, String>,
}

/// The keys of ended tasks that are still shown, oldest first.
pub(crate) type Ended = Mutex<VecDeque<TaskKey>>;

/// States in which a task is over.
const OVER: [&str; 6] = ["completed", "abandoned", "expired", "overflowed", "failed", "withdrawn"];

impl Model {
    pub(super) fn observe_task(&self, key: TaskKey, event: &Event) {
        if let What::CallbackCreated { .. } = &event.what {
            if let Some(task) = Task::of_callback(event) {
                self.tasks.insert(key, task);
            }
        } else if let What::TaskQueued { queue, work, position, virtual_start, priority_s } =
            &event.what
        {
            let call = event.call.and_then(|call| self.calls.get(&call));
            let context = call.as_ref().map(|call| call.context.clone()).unwrap_or_default();
            let (number, trunk) = match &call {
                Some(call) => (Some(call.from.clone()), call.trunk.clone()),
                None => (None, None),
            };
            drop(call);
            let mut task = self.tasks.entry(key).or_insert_with(|| Task {
                work: *work,
                number,
                name: None,
                trunk,
                state: "waiting",
                queue: queue.clone(),
                call: event.call,
                queued: event.at,
                virtual_start: *virtual_start,
                priority_s: *priority_s,
                not_before: None,
                expires: None,
                position: None,
                wait_ms: None,
                operator: None,
                attempts: 0,
                context,
            });
            let before = std::mem::replace(&mut task.queue, queue.clone());
            (task.state, task.queued, task.operator) = ("waiting", event.at, None);
            (task.position, task.wait_ms) = (Some(*position), None);
            task.not_before = None;
            drop(task);
            if before != *queue {
                self.leave(&before, key);
            }
        } else if let Some(mut task) = self.tasks.get_mut(&key) {
            if let What::CallContext { context } = &event.what {
                task.context.clone_from(context);
            }
            let was_over = task.is_over();
            task.observe(&event.what);
            let ended = !was_over && task.is_over();
            drop(task);
            if ended {
                self.keep_ended(key);
            }
        }
        self.observe_queue(key, event);
    }

    /// Whether an event is of the task of a customer who is to be called.
    pub(crate) fn is_of_callback(&self, event: &Event) -> bool {
        let task = event.task.and_then(|task| self.tasks.get(&task));
        task.is_some_and(|task| task.is_callback())
    }

    fn leave(&self, queue: &Name, task: TaskKey) {
        if let Some(mut queue) = self.queues.get_mut(queue) {
            queue.leaves(task);
        }
    }

    fn keep_ended(&self, key: TaskKey) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.push_back(key);
        let surplus = if ended.len() > ENDED_MAX { ended.pop_front() } else { None };
        drop(ended);
        if let Some(oldest) = surplus {
            self.tasks.remove_if(&oldest, |_, task| task.is_over());
        }
    }
}

impl Task {
    fn of_callback(event: &Event) -> Option<Self> {
        let What::CallbackCreated {
            queue,
            work,
            number,
            name,
            trunk,
            predecessor,
            virtual_start,
            priority_s,
            not_before,
            expires,
            attempts,
            context,
            ..
        } = &event.what
        else {
            return None;
        };
        Some(Self {
            work: *work,
            number: Some(number.clone()),
            name: name.clone(),
            trunk: Some(trunk.clone()),
            state: "deferred",
            queue: queue.clone(),
            call: *predecessor,
            queued: event.at,
            virtual_start: *virtual_start,
            priority_s: *priority_s,
            not_before: *not_before,
            expires: Some(*expires),
            position: None,
            wait_ms: None,
            operator: None,
            attempts: u64::from(*attempts),
            context: context.clone(),
        })
    }

    /// What orders waiting tasks, milliseconds of Unix time: virtual start less head start.
    pub(crate) fn order(&self) -> i64 {
        self.virtual_start.as_millisecond() - i64::from(self.priority_s) * 1_000
    }

    fn observe(&mut self, what: &What) {
        match what {
            What::TaskPosition { position, .. } => self.position = Some(*position),
            What::TaskPrioritised { priority_s, .. } => self.priority_s = *priority_s,
            What::TaskHeld { .. } => self.state = "held",
            What::TaskWaiting { .. } if self.state == "held" => self.state = "waiting",
            What::TaskReserved { operator, .. } => {
                (self.state, self.operator) = ("reserved", Some(operator.clone()));
            }
            What::ReservationOffered { .. } if !self.is_callback() => self.attempts += 1,
            What::CallbackAttempt { attempt, next, .. } => {
                self.attempts = u64::from(*attempt);
                if next.is_some() {
                    (self.state, self.operator) = ("deferred", None);
                    (self.not_before, self.position) = (*next, None);
                }
            }
            // It never came to a task.
            What::CallbackDone { result, .. } if self.state == "deferred" => {
                self.end(if *result == CallbackEnd::Lost { "failed" } else { "withdrawn" }, None);
            }
            What::ReservationRejected { .. }
            | What::ReservationTimeout { .. }
            | What::ReservationRescinded { .. }
            | What::ReservationCancelled { .. }
                if self.state == "reserved" =>
            {
                (self.state, self.operator) = ("waiting", None);
            }
            What::TaskAssigned { operator, wait_ms, .. } => {
                (self.state, self.operator) = ("assigned", Some(operator.clone()));
                (self.position, self.wait_ms) = (None, Some(*wait_ms));
            }
            // Handed on: whoever had it wraps up, and somebody else has it.
            What::TransferCompleted { operator: Some(operator), .. }
                if matches!(self.state, "assigned" | "wrapping") =>
            {
                (self.state, self.operator) = ("assigned", Some(operator.clone()));
            }
            // Whoever was asked about a callback that was put off.
            What::TaskWrapping { .. } if self.state == "deferred" => {}
            What::TaskWrapping { operator, .. } if self.operator.as_ref() != Some(operator) => {}
            What::TaskWrapping { .. } => self.state = "wrapping",
            What::TaskCompleted { .. } => self.end("completed", None),
            What::TaskAbandoned { wait_ms, .. } => self.end("abandoned", Some(*wait_ms)),
            What::TaskExpired { wait_ms, .. } => self.end("expired", Some(*wait_ms)),
            What::TaskOverflowed { wait_ms, .. } => self.end("overflowed", Some(*wait_ms)),
            What::TaskFailed { .. } => self.end("failed", None),
            What::TaskWithdrawn { .. } => self.end("withdrawn", None),
            _ => {}
        }
    }

    fn end(&mut self, state: &'static str, wait_ms: Option<u64>) {
        (self.state, self.position) = (state, None);
        self.wait_ms = wait_ms.or(self.wait_ms);
    }

    pub(crate) fn is_over(&self) -> bool {
        OVER.contains(&self.state)
    }

    /// Of a customer who is to be called.
    pub(crate) fn is_callback(&self) -> bool {
        self.work.kind == TaskKind::Callback
    }

    /// Whether it ended without an operator.
    pub(crate) fn is_unserved(&self) -> bool {
        ["abandoned", "expired", "overflowed", "failed"].contains(&self.state)
    }

    /// As JSON.
    pub(crate) fn view(&self, key: TaskKey, now: Utc) -> Value {
        let wait_ms = self.wait_ms.unwrap_or_else(|| between(self.queued, now));
        json!({
            "id": key,
            "kind": self.work.kind,
            "channel": self.work.channel,
            "number": self.number,
            "name": self.name,
            "queue": self.queue,
            "call": self.call,
            "state": self.state,
            "virtual_start": self.virtual_start,
            "priority_s": self.priority_s,
            "position": self.position,
            "wait_s": seconds(wait_ms),
            "estimate_s": null,
            "operator": self.operator,
            "context": self.context,
            "attempts": self.attempts,
            "not_before": self.not_before,
            "expires": self.expires,
        })
    }
}
