//! What is live: a fold of the event stream, read by every request.
//!
//! One thread writes, many read. Nobody holds an entry of one map while touching another: what is
//! needed is cloned first, so no order of locks exists that could be wrong.

mod call;
mod operator;
mod queue;
mod recording;
mod reservation;
mod task;
mod transfer;
mod window;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use b2bua::config::Name;
use b2bua::{CallKey, Event, ReservationKey, TaskKey, Utc, What};
use dashmap::DashMap;
use serde_json::{Value, json};

pub(crate) use call::Call;
pub(crate) use operator::Operator;
pub(crate) use queue::Queue;
pub(crate) use recording::Recording;
pub(crate) use reservation::Reservation;
pub(crate) use task::{Ended, Task};
pub(crate) use transfer::Transfers;

use crate::settings::Directory;

/// A trunk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trunk {
    /// None until the first event says so.
    pub(crate) up: Option<bool>,
    cause: Option<Name>,
    since: Option<Utc>,
}

/// Everything that is live.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) calls: DashMap<CallKey, Call>,
    pub(crate) tasks: DashMap<TaskKey, Task>,
    pub(crate) reservations: DashMap<ReservationKey, Reservation>,
    pub(crate) ended: Ended,
    pub(crate) transfers: Transfers,
    pub(crate) operators: DashMap<Name, Operator>,
    pub(crate) queues: DashMap<Name, Queue>,
    pub(crate) trunks: DashMap<Name, Trunk>,
    pub(crate) switches: Mutex<Switches>,
}

/// What goes by itself in all queues together: as configured when we begin, as events say from then on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Switches {
    auto_connect: Option<bool>,
}

impl Switches {
    pub(crate) fn auto_connect(self) -> bool {
        self.auto_connect.unwrap_or(true)
    }
}

impl Model {
    /// Takes over what is configured; what is known of those that stay, stays.
    pub(crate) fn reconfigure(&self, directory: &Directory, now: Utc) {
        self.switches().auto_connect.get_or_insert(directory.auto_connect);
        for entry in &directory.queues {
            let queue = self.queues.entry(entry.name.clone());
            queue.or_insert_with(|| Queue::new(entry)).entry = entry.clone();
        }
        self.queues.retain(|name, _| directory.queues.iter().any(|entry| entry.name == *name));
        for entry in &directory.operators {
            let operator = self.operators.entry(entry.id.clone());
            operator.or_insert_with(|| Operator::new(entry, now)).entry = entry.clone();
        }
        self.operators.retain(|id, _| directory.operators.iter().any(|entry| entry.id == *id));
        for name in &directory.trunks {
            self.trunks.entry(name.clone()).or_default();
        }
        self.trunks.retain(|name, _| directory.trunks.contains(name));
    }

    /// Folds one event.
    pub(crate) fn observe(&self, event: &Event) {
        let leaving = self.leaving(event);
        if let Some(key) = event.call {
            self.observe_call(key, event);
            self.observe_transfer(key, event);
        }
        leaving.iter().for_each(|operator| self.recount(operator, event.call));
        if let Some(key) = event.task {
            self.observe_task(key, event);
            self.observe_reservation(key, event);
        }
        self.observe_operator(event);
        match &event.what {
            What::SettingsSwitched { auto_connect } => {
                self.switches().auto_connect = Some(*auto_connect);
            }
            What::QueueSwitched { queue, auto_connect, open } => {
                if let Some(mut queue) = self.queues.get_mut(queue) {
                    (queue.auto_connect, queue.open) = (*auto_connect, *open);
                }
            }
            What::TrunkUp { trunk } => self.observe_trunk(trunk, true, None, event.at),
            What::TrunkDown { trunk, cause } => {
                self.observe_trunk(trunk, false, Some(cause), event.at);
            }
            _ => {}
        }
    }

    pub(crate) fn switches(&self) -> MutexGuard<'_, Switches> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Operators whose calls may be one fewer after an event that does not name them.
    fn leaving(&self, event: &Event) -> Vec<Name> {
        let leaves = matches!(event.what, What::ParticipantLeft { .. } | What::CallEnded { .. });
        let call = event.call.filter(|_| leaves).and_then(|key| self.calls.get(&key));
        call.map(|call| call.operators()).unwrap_or_default()
    }

    fn observe_trunk(&self, name: &Name, up: bool, cause: Option<&Name>, at: Utc) {
        if let Some(mut trunk) = self.trunks.get_mut(name) {
            *trunk = Trunk { up: Some(up), cause: cause.cloned(), since: Some(at) };
        }
    }

    /// A trunk as JSON.
    pub(crate) fn trunk(&self, name: &Name) -> Option<Value> {
        let trunk = self.trunks.get(name)?.clone();
        let calls = self.calls.iter().filter(|call| call.trunk.as_ref() == Some(name)).count();
        let state = trunk.up.map(|up| if up { "up" } else { "down" });
        Some(json!({
            "name": name, "state": state, "cause": trunk.cause, "since": trunk.since,
            "registered": null, "calls": calls,
        }))
    }

    /// A queue as JSON.
    pub(crate) fn queue(&self, name: &Name, now: Utc) -> Option<Value> {
        let queue = self.queues.get(name)?.clone();
        let mut operators = BTreeMap::<&str, usize>::new();
        for operator in &self.operators {
            if operator.serves().contains(name) {
                *operators.entry(operator.effective.state.as_str()).or_default() += 1;
            }
        }
        Some(queue.view(name, &operators, now))
    }
}

/// Milliseconds as the seconds of the interface.
pub(crate) fn seconds(ms: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact to the millisecond for 285,000 years")]
    let ms = ms as f64;
    ms / 1e3
}

/// Milliseconds from `start` to `end`, 0 where that is the wrong way round.
pub(crate) fn between(start: Utc, end: Utc) -> u64 {
    u64::try_from(end.as_millisecond() - start.as_millisecond()).unwrap_or(0)
}
