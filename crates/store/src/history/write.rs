//! Events into lines.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;

use b2bua::config::Name;
use b2bua::event::TransferMode;
use b2bua::{CallKey, Event, What};
use rusqlite::{Connection, params};

use super::{Fact, STANDING_EVERY_MS, Standing, Text};

/// What the writer gathers for the next row, and what it remembers for later ones.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Effective and chosen state, and the reason, of everybody.
    people: BTreeMap<Name, (Name, Name, Option<Name>)>,
    /// Whose queue and task a call is while it is handed on.
    moving: HashMap<CallKey, (Name, u64, TransferMode)>,
    /// The hour of the last row that said how everybody stood.
    hour: Option<i64>,
    /// How everybody stood before the row being gathered, where it is to say so.
    standing: Option<String>,
    first_ms: i64,
    body: Vec<u8>,
}

impl History {
    /// Takes what counts of an event; `queue` is that of its task, where the writer knows it.
    pub(crate) fn add(&mut self, event: &Event, queue: Option<&Name>) {
        self.follow(event, queue);
        let Some(fact) = fact(event, self.moving.get(&event.call.unwrap_or(CallKey(0)))) else {
            return;
        };
        let ms = event.at.as_millisecond();
        if self.body.is_empty() {
            self.first_ms = ms;
            if self.hour != Some(hour(ms)) && self.standing.is_none() {
                self.standing = Some(self.standing());
            }
        } else {
            self.body.push(b'\n');
        }
        line(&mut self.body, ms - self.first_ms, &fact);
        if let What::OperatorState { operator, chosen, effective } = &event.what {
            let stands = (effective.state.clone(), chosen.state.clone(), chosen.reason.clone());
            self.people.insert(operator.clone(), stands);
        }
    }

    /// Writes what was gathered, if anything, as one row.
    pub(crate) fn write(&mut self, db: &Connection) -> rusqlite::Result<()> {
        if self.body.is_empty() {
            return Ok(());
        }
        let body = std::str::from_utf8(&self.body)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        db.prepare_cached("INSERT INTO history (first_ms, standing, body) VALUES (?1, ?2, ?3)")?
            .execute(params![self.first_ms, self.standing, body])?;
        Ok(())
    }

    /// It was committed, or rolled back and will be gathered again: then what was said of how
    /// everybody stood still holds.
    pub(crate) fn settle(&mut self, committed: bool) {
        if committed && !self.body.is_empty() && self.standing.take().is_some() {
            self.hour = Some(hour(self.first_ms));
        }
        self.body.clear();
    }

    /// Remembers who hands what on. Nothing is forgotten before the call ends: the same event may
    /// come again after a failed commit.
    fn follow(&mut self, event: &Event, queue: Option<&Name>) {
        let Some(call) = event.call else { return };
        match &event.what {
            What::TransferStarted { mode, .. } => {
                let by_somebody = matches!(
                    mode,
                    TransferMode::Blind
                        | TransferMode::Attended
                        | TransferMode::Cold
                        | TransferMode::Warm
                );
                let task = event.task.zip(queue).filter(|_| by_somebody);
                match task {
                    Some((task, queue)) => {
                        self.moving.insert(call, (queue.clone(), task.0, *mode));
                    }
                    None => _ = self.moving.remove(&call),
                }
            }
            What::CallEnded { .. } => _ = self.moving.remove(&call),
            _ => {}
        }
    }

    fn standing(&self) -> String {
        let all = self.people.iter();
        let all: Vec<Standing<'_>> = all
            .map(|(who, (effective, chosen, why))| standing(who, effective, chosen, why))
            .collect();
        serde_json::to_string(&all).unwrap_or_default()
    }
}

/// The row with which a run begins: the one before ended at `ms`, with these tasks waiting.
pub(crate) fn began(db: &Connection, ms: i64, waiting: Vec<(String, u64)>) -> rusqlite::Result<()> {
    let mut body = Vec::new();
    let waiting = waiting.into_iter().map(|(queue, count)| (Cow::Owned(queue), count)).collect();
    line(&mut body, 0, &Fact::Began(waiting));
    let body = String::from_utf8_lossy(&body);
    // Whoever is of the run before ends with it, hence nobody is told of.
    db.execute(
        "INSERT INTO history (first_ms, standing, body) VALUES (?1, NULL, ?2)",
        params![ms, body],
    )?;
    Ok(())
}

fn hour(ms: i64) -> i64 {
    ms.div_euclid(STANDING_EVERY_MS)
}

fn line(body: &mut Vec<u8>, ms: i64, fact: &Fact<'_>) {
    // Into memory, and of plain data: neither fails.
    let _ = write!(body, "{ms} ");
    let _ = serde_json::to_writer(body, fact);
}

fn standing<'a>(
    operator: &'a Name,
    effective: &'a Name,
    chosen: &'a Name,
    reason: &'a Option<Name>,
) -> Standing<'a> {
    let reason = reason.as_deref().map(Cow::Borrowed);
    Standing { operator: text(operator), effective: text(effective), chosen: text(chosen), reason }
}

fn text(name: &Name) -> Text<'_> {
    Cow::Borrowed(name)
}

/// What counts of an event, where anything does.
fn fact<'a>(event: &'a Event, moving: Option<&'a (Name, u64, TransferMode)>) -> Option<Fact<'a>> {
    let t = event.task.map_or(0, |task| task.0);
    let ended = |r: &u64, o: &'a Name, how: &'static str| {
        Some(Fact::OfferEnded { r: *r, o: text(o), how: how.into() })
    };
    let unserved = |queue: &'a Name, how: &'static str, w: Option<u64>| {
        Some(Fact::Unserved { t, q: text(queue), how: how.into(), w })
    };
    match &event.what {
        What::TaskQueued { queue, position, .. } => {
            let c = event.call.map_or(0, |call| call.0);
            Some(Fact::Queued { t, c, q: text(queue), p: *position as u64 })
        }
        What::ReservationOffered { reservation, queue, operator } => {
            Some(Fact::Offered { t, r: *reservation, q: text(queue), o: text(operator) })
        }
        What::ReservationAccepted { reservation, operator } => {
            ended(reservation, operator, "accepted")
        }
        What::ReservationTimeout { reservation, operator } => {
            ended(reservation, operator, "timeout")
        }
        What::ReservationRejected { reservation, operator, cause } => {
            ended(reservation, operator, if &**cause == "ours" { "ours" } else { "rejected" })
        }
        What::ReservationRescinded { reservation, operator, .. } => {
            ended(reservation, operator, "other")
        }
        What::ReservationCancelled { reservation, operator, cause } => {
            let gone = &**cause == "task-gone";
            ended(reservation, operator, if gone { "task-gone" } else { "other" })
        }
        What::TaskAssigned { queue, operator, wait_ms } => {
            Some(Fact::Assigned { t, q: text(queue), o: text(operator), w: *wait_ms })
        }
        What::TaskWrapping { operator, .. } => Some(Fact::Wrapping { t, o: text(operator) }),
        What::TaskCompleted { queue, operator, talk_ms, hold_ms, wrap_up_ms } => {
            let m = (*talk_ms, *hold_ms, *wrap_up_ms);
            Some(Fact::Completed { t, q: text(queue), o: text(operator), m })
        }
        What::TaskAbandoned { queue, wait_ms } => unserved(queue, "abandoned", Some(*wait_ms)),
        What::TaskExpired { queue, wait_ms } => unserved(queue, "expired", Some(*wait_ms)),
        What::TaskOverflowed { queue, wait_ms } => unserved(queue, "overflowed", Some(*wait_ms)),
        What::TaskFailed { queue, cause } => {
            // Any other cause is a limit that it has met at the door.
            unserved(queue, if &**cause == "failed" { "failed" } else { "refused" }, None)
        }
        What::TaskWithdrawn { queue } => unserved(queue, "withdrawn", None),
        What::TransferCompleted { to, .. } => {
            let (queue, t, mode) = moving?;
            let b = matches!(mode, TransferMode::Blind | TransferMode::Cold);
            Some(Fact::Transferred { t: *t, q: text(queue), b, to: text(to) })
        }
        What::OperatorState { operator, chosen, effective } => {
            let (effective, chosen, reason) = (&effective.state, &chosen.state, &chosen.reason);
            Some(Fact::State(standing(operator, effective, chosen, reason)))
        }
        _ => None,
    }
}
