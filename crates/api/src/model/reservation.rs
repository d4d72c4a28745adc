//! Reservations: tasks that are put before operators, and not answered.

use b2bua::config::Name;
use b2bua::{CallKey, Event, ReservationKey, TaskKey, Utc, What};
use serde_json::{Value, json};

use super::{Model, between, seconds};

/// One reservation.
#[derive(Debug, Clone)]
pub(crate) struct Reservation {
    pub(crate) task: TaskKey,
    call: Option<CallKey>,
    pub(crate) queue: Name,
    pub(crate) operator: Name,
    since: Utc,
}

impl Model {
    pub(super) fn observe_reservation(&self, task: TaskKey, event: &Event) {
        match &event.what {
            What::ReservationOffered { reservation, queue, operator } => {
                let (queue, operator) = (queue.clone(), operator.clone());
                let offered =
                    Reservation { task, call: event.call, queue, operator, since: event.at };
                self.reservations.insert(*reservation, offered);
            }
            What::ReservationAccepted { reservation, .. }
            | What::ReservationRejected { reservation, .. }
            | What::ReservationTimeout { reservation, .. }
            | What::ReservationRescinded { reservation, .. }
            | What::ReservationCancelled { reservation, .. } => {
                self.reservations.remove(reservation);
            }
            _ => {}
        }
    }
}

impl Reservation {
    /// As JSON.
    pub(crate) fn view(&self, key: ReservationKey, now: Utc) -> Value {
        json!({
            "id": key,
            "task": self.task,
            "call": self.call,
            "queue": self.queue,
            "operator": self.operator,
            "since": self.since,
            "length_s": seconds(between(self.since, now)),
        })
    }
}
