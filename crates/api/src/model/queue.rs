//! Queues: who waits, and how well it went lately.

use std::collections::{BTreeMap, BTreeSet};

use b2bua::config::Name;
use b2bua::{Event, TaskKey, Utc, What};
use serde_json::{Value, json};

use super::window::{Minute, Window};
use super::{Model, between, seconds};
use crate::settings::QueueEntry;

/// One queue.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) entry: QueueEntry,
    /// Whether tasks go to operators by themselves: as configured when it was new, as events say from
    /// then on.
    pub(crate) auto_connect: bool,
    /// Whether new ones are taken, likewise.
    pub(crate) open: bool,
    /// Callers who wait, since when.
    pub(crate) waiting: BTreeMap<TaskKey, Utc>,
    /// Customers who are to be called, and wait for somebody who does it.
    pub(crate) callbacks: BTreeSet<TaskKey>,
    window: Window,
}

impl Model {
    /// The part of a task's event that concerns its queue.
    pub(super) fn observe_queue(&self, task: TaskKey, event: &Event) {
        let (What::TaskQueued { queue, .. }
        | What::TaskAssigned { queue, .. }
        | What::TaskAbandoned { queue, .. }
        | What::TaskExpired { queue, .. }
        | What::TaskOverflowed { queue, .. }
        | What::TaskFailed { queue, .. }
        | What::TaskWithdrawn { queue }) = &event.what
        else {
            return;
        };
        let is_callback = self.is_of_callback(event);
        let Some(mut queue) = self.queues.get_mut(queue) else { return };
        if is_callback {
            // Of these the figures of callers say nothing; but who was reached and has to wait does.
            let waits = matches!(event.what, What::TaskQueued { .. });
            queue.leaves(task);
            if waits && event.call.is_some() {
                queue.waiting.insert(task, event.at);
            } else if waits {
                queue.callbacks.insert(task);
            }
            return;
        }
        if let What::TaskQueued { .. } = event.what {
            // Told again of one that waits: whoever had answered was gone before they were put through.
            if queue.waiting.insert(task, event.at).is_none() {
                queue.window.at(event.at).offered += 1;
            }
            return;
        }
        queue.leaves(task);
        let good_ms = queue.entry.service_level_ms;
        let minute = queue.window.at(event.at);
        match event.what {
            What::TaskAssigned { wait_ms, .. } => {
                minute.answered += 1;
                minute.in_time += u64::from(wait_ms <= good_ms);
            }
            What::TaskAbandoned { wait_ms, .. } => {
                minute.abandoned += 1;
                minute.in_time += u64::from(wait_ms <= good_ms);
            }
            _ => {}
        }
    }
}

impl Queue {
    pub(super) fn new(entry: &QueueEntry) -> Self {
        Self {
            entry: entry.clone(),
            auto_connect: entry.auto_connect,
            open: true,
            waiting: BTreeMap::new(),
            callbacks: BTreeSet::new(),
            window: Window::default(),
        }
    }

    pub(super) fn leaves(&mut self, task: TaskKey) {
        self.waiting.remove(&task);
        self.callbacks.remove(&task);
    }

    /// The longest anybody waits now, in milliseconds.
    fn longest_wait_ms(&self, now: Utc) -> u64 {
        self.waiting.values().min().map_or(0, |since| between(*since, now))
    }

    /// Of today; none before anybody was answered or left.
    pub(crate) fn service_level(&self, now: Utc) -> Option<f64> {
        self.window.today(now).service_level()
    }

    /// As JSON; `operators` by effective state.
    pub(crate) fn view(&self, name: &Name, operators: &BTreeMap<&str, usize>, now: Utc) -> Value {
        let period = |sums: Minute| {
            json!({
                "offered": sums.offered,
                "answered": sums.answered,
                "abandoned": sums.abandoned,
                "service_level": sums.service_level(),
            })
        };
        json!({
            "name": name,
            "number": self.entry.number,
            "auto_connect": self.auto_connect,
            "open": self.open,
            "waiting": self.waiting.len(),
            "callbacks": self.callbacks.len(),
            "longest_wait_s": seconds(self.longest_wait_ms(now)),
            "estimate_s": null,
            "service_level": self.service_level(now),
            "today": period(self.window.today(now)),
            "last_hour": period(self.window.last_hour(now)),
            "operators": operators,
        })
    }
}
