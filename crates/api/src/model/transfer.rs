//! The last transfer of each call: those that live, and the last of those that are over.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use b2bua::config::Name;
use b2bua::event::TransferMode;
use b2bua::{CallKey, Event, What};
use serde_json::{Value, json};

use super::Model;

/// Calls whose last transfer is kept.
const KEPT_MAX: usize = 10_000;

/// What became of each, and the calls in the order of their first transfer.
#[derive(Debug, Default)]
pub(crate) struct Transfers(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_call: BTreeMap<CallKey, Transfer>,
    calls: VecDeque<CallKey>,
}

#[derive(Debug)]
struct Transfer {
    number: Name,
    status: Status,
    hangup: bool,
    reason: Option<Name>,
}

#[derive(Debug, PartialEq, Eq)]
enum Status {
    Pending,
    Talking,
    Success,
    Fail,
}

impl Model {
    pub(super) fn observe_transfer(&self, key: CallKey, event: &Event) {
        if let What::TransferStarted { .. }
        | What::TransferCompleted { .. }
        | What::TransferFailed { .. }
        | What::TransferEnded { .. }
        | What::CallEnded { .. } = &event.what
        {
            let mut kept = self.transfers.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.observe(key, &event.what);
        }
    }

    /// As `GET /calls/{call}/transfer` shows it.
    pub(crate) fn transfer(&self, key: CallKey) -> Option<Value> {
        let kept = self.transfers.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.by_call.get(&key).map(Transfer::view)
    }
}

impl Kept {
    fn observe(&mut self, key: CallKey, what: &What) {
        if let What::TransferStarted { mode, to, .. } = what {
            // Where a customer went whose transfer had failed changes nothing of that.
            if *mode != TransferMode::Fallback {
                let (status, hangup, reason) = (Status::Pending, false, None);
                let begun = Transfer { number: to.clone(), status, hangup, reason };
                if self.by_call.insert(key, begun).is_none() {
                    self.calls.push_back(key);
                }
                if self.calls.len() > KEPT_MAX {
                    let oldest = self.calls.pop_front();
                    oldest.map(|key| self.by_call.remove(&key));
                }
            }
            return;
        }
        let Some(transfer) = self.by_call.get_mut(&key) else { return };
        match (what, &transfer.status) {
            (What::TransferFailed { reason, hangup, .. }, Status::Pending) => {
                (transfer.status, transfer.hangup) = (Status::Fail, *hangup);
                transfer.reason = Some(reason.clone());
            }
            (What::TransferCompleted { .. }, Status::Pending) => transfer.status = Status::Talking,
            (What::TransferEnded { hangup, .. }, Status::Talking) => {
                (transfer.status, transfer.hangup) = (Status::Success, *hangup);
            }
            // Nobody in particular had it: a queue.
            (What::CallEnded { .. }, Status::Talking) => transfer.status = Status::Success,
            _ => {}
        }
    }
}

impl Transfer {
    fn view(&self) -> Value {
        let status = match self.status {
            Status::Pending => "PENDING",
            Status::Talking => "TALKING",
            Status::Success => "SUCCESS",
            Status::Fail => "FAIL",
        };
        let mut view = json!({ "status": status, "hangup": self.hangup, "number": self.number });
        if let (Some(reason), Some(view)) = (&self.reason, view.as_object_mut()) {
            view.insert("reason".into(), json!(reason));
        }
        view
    }
}
