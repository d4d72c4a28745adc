//! What must hold in every run, whatever happens: folds of the one stream of events, and of what
//! the media threads are told.

use std::collections::{BTreeMap, BTreeSet};

use b2bua::event::Totals;
use b2bua::{CallKey, Event, TaskKey, What};
use media::{Command, Hears};

/// What has been seen so far.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    seq: Option<u64>,
    open_calls: BTreeMap<CallKey, i64>,
    ended_calls: u64,
    open_tasks: BTreeMap<TaskKey, ()>,
    reservations: BTreeSet<u64>,
    talking: BTreeMap<String, TaskKey>,
    legs: BTreeSet<(u16, u64)>,
    /// Calls answered by an operator.
    pub(crate) answered: u64,
    /// Tasks that ended as abandoned.
    pub(crate) abandoned: u64,
}

impl Checker {
    /// Takes an event.
    ///
    /// # Errors
    /// What does not hold.
    pub(crate) fn event(&mut self, event: &Event) -> Result<(), String> {
        if let Some(last) = self.seq.replace(event.seq)
            && event.seq != last + 1
        {
            return Err(format!("seq {last} is followed by {}", event.seq));
        }
        let ms = event.at.as_millisecond();
        match &event.what {
            What::CallStarted { .. } => self.call_started(event, ms),
            What::CallEnded { totals, .. } => self.call_ended(event, ms, *totals),
            What::CallAnswered { .. } => {
                self.answered += 1;
                Ok(())
            }
            What::ReservationOffered { reservation, .. } => {
                told_once(self.reservations.insert(*reservation), "reservation", reservation)
            }
            What::ReservationAccepted { reservation, .. }
            | What::ReservationRejected { reservation, .. }
            | What::ReservationTimeout { reservation, .. }
            | What::ReservationRescinded { reservation, .. }
            | What::ReservationCancelled { reservation, .. } => {
                told_once(self.reservations.remove(reservation), "end of reservation", reservation)
            }
            _ => self.task_event(event),
        }
    }

    fn call_started(&mut self, event: &Event, ms: i64) -> Result<(), String> {
        let key = event.call.ok_or("call.started without a call")?;
        told_once(self.open_calls.insert(key, ms).is_none(), "start of", &key)
    }

    fn call_ended(&mut self, event: &Event, ms: i64, totals: Totals) -> Result<(), String> {
        let key = event.call.ok_or("call.ended without a call")?;
        let started = self.open_calls.remove(&key);
        let started = started.ok_or_else(|| format!("{key} ended, but was not open"))?;
        self.ended_calls += 1;
        let sum = totals.wait_ms + totals.ring_ms + totals.talk_ms + totals.hold_ms;
        let length = u64::try_from(ms - started).unwrap_or(0);
        if sum == length {
            Ok(())
        } else {
            Err(format!("{key}: phases add up to {sum} ms of {length} ms: {totals:?}"))
        }
    }

    fn task_event(&mut self, event: &Event) -> Result<(), String> {
        let Some(task) = event.task else { return Ok(()) };
        match &event.what {
            What::TaskQueued { .. } => {
                self.open_tasks.insert(task, ());
                self.talking.retain(|_, served| *served != task);
                Ok(())
            }
            What::TaskAssigned { operator, .. } => {
                match self.talking.insert(operator.to_string(), task) {
                    Some(other) if other != task => {
                        Err(format!("{operator} has {other} and got {task}"))
                    }
                    _ => Ok(()),
                }
            }
            What::TaskAbandoned { .. } => {
                self.abandoned += 1;
                self.task_ended(task)
            }
            What::TaskCompleted { operator, .. } => {
                self.talking.remove(&**operator);
                self.task_ended(task)
            }
            What::TaskExpired { .. } | What::TaskWithdrawn { .. } => self.task_ended(task),
            // One that never joined was never open.
            What::TaskFailed { .. } => {
                self.open_tasks.remove(&task);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn task_ended(&mut self, task: TaskKey) -> Result<(), String> {
        told_once(self.open_tasks.remove(&task).is_some(), "end of", &task)
    }

    /// Takes an order to a media thread: rows name legs that are there.
    ///
    /// # Errors
    /// What does not hold.
    pub(crate) fn media(&mut self, thread: u16, command: &Command) -> Result<(), String> {
        match command {
            Command::Leg(plan) => {
                self.legs.insert((thread, plan.leg.0));
            }
            Command::EndLeg(leg) => {
                told_once(self.legs.remove(&(thread, leg.0)), "end of media leg", &leg.0)?;
            }
            Command::Matrix { rows, .. } => {
                let heard = rows.iter().flat_map(|row| match &row.hears {
                    Hears::Speakers(legs) => legs.as_slice(),
                    Hears::Silence | Hears::Source(_) => &[],
                });
                for leg in rows.iter().map(|row| &row.leg).chain(heard) {
                    if !self.legs.contains(&(thread, leg.0)) {
                        return Err(format!("a matrix names leg {} that is not there", leg.0));
                    }
                }
            }
            Command::SendDtmf { .. } | Command::AddSound { .. } => {}
        }
        Ok(())
    }

    /// Nothing is open when all is quiet.
    ///
    /// # Errors
    /// What is.
    pub(crate) fn finish(&self, calls: u64) -> Result<(), String> {
        let left = [
            ("calls", self.open_calls.len()),
            ("tasks", self.open_tasks.len()),
            ("reservations", self.reservations.len()),
            ("media legs", self.legs.len()),
            ("operators on a task", self.talking.len()),
        ];
        if let Some((what, count)) = left.iter().find(|(_, count)| *count > 0) {
            return Err(format!("{count} {what} left open"));
        }
        if self.ended_calls > calls {
            return Err(format!("{} records for {calls} callers", self.ended_calls));
        }
        Ok(())
    }
}

fn told_once<T: std::fmt::Display>(once: bool, what: &str, which: &T) -> Result<(), String> {
    if once { Ok(()) } else { Err(format!("{what} {which}: told twice or never begun")) }
}
