//! Events into lines.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;

use b2bua::config::Name;
use b2bua::event::{Chosen, Effective, TransferMode};
use b2bua::{CallKey, CallbackEnd, Event, ReservationKey, TaskKey, What};
use rusqlite::{Connection, params};

use super::{Fact, Left, OfferEnd, STANDING_EVERY_MS, Standing, State, Text, Work};

/// Tasks remembered; beyond, all are forgotten. Only events that were lost let so many gather.
const REMEMBERED_MAX: usize = 65_536;

/// Where a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Task {
    queue: Name,
    waits: bool,
    work: Work,
}

/// Who hands on the task of a queue, and how.
#[derive(Debug)]
struct Moving {
    queue: Name,
    task: u64,
    mode: TransferMode,
    work: Work,
}

/// How an operator stands, and why they chose not to be ready where they did.
type Stands = (State, Option<Name>);

/// What the writer gathers for the next row, and what it remembers for later ones.
#[derive(Debug, Default)]
pub(crate) struct History {
    people: BTreeMap<Name, Stands>,
    /// How those stood before this row who stand otherwise by it.
    before: Vec<(Name, Option<Stands>)>,
    /// Tasks that are open; also those of helps, whose calls have no record.
    tasks: HashMap<TaskKey, Task>,
    /// What those were before this row that it has changed.
    tasks_before: Vec<(TaskKey, Option<Task>)>,
    /// Whose queue and task a call is while it is handed on.
    moving: HashMap<CallKey, Moving>,
    /// The hour of the last row that said how everybody stood.
    hour: Option<i64>,
    /// How everybody stood before the row being gathered, where it is to say so.
    standing: Option<String>,
    first_ms: i64,
    body: Vec<u8>,
}

impl History {
    /// Takes what counts of an event.
    pub(crate) fn add(&mut self, event: &Event) {
        self.follow(event);
        let ms = event.at.as_millisecond();
        if self.body.is_empty() {
            self.first_ms = ms;
            if self.hour != Some(hour(ms)) && self.standing.is_none() {
                self.standing = Some(self.standing());
            }
        }
        let known = event.task.and_then(|task| self.tasks.get(&task));
        let work = known.map(|task| task.work).unwrap_or_default();
        if self.waits_on(event, work) {
            return;
        }
        if let What::OperatorState { operator, .. } = &event.what {
            let Some(stands) = stands(&event.what) else { return };
            if self.people.get(operator) == Some(&stands) {
                return;
            }
            let before = self.people.insert(operator.clone(), stands);
            self.before.push((operator.clone(), before));
        }
        let moving = event.call.and_then(|call| self.moving.get(&call));
        if let Some(fact) = fact(event, moving, work) {
            line(&mut self.body, ms - self.first_ms, &fact);
        }
    }

    /// Whether anybody is signed in.
    pub(crate) fn is_anybody_there(&self) -> bool {
        self.people.values().any(|(state, _)| *state != State::Offline)
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

    /// It was committed; or rolled back, and will be gathered again.
    pub(crate) fn settle(&mut self, committed: bool) {
        let stood = std::mem::take(&mut self.before);
        let were = std::mem::take(&mut self.tasks_before);
        if !committed {
            for (task, before) in were.into_iter().rev() {
                match before {
                    Some(before) => _ = self.tasks.insert(task, before),
                    None => _ = self.tasks.remove(&task),
                }
            }
            for (operator, before) in stood.into_iter().rev() {
                match before {
                    Some(before) => _ = self.people.insert(operator, before),
                    None => _ = self.people.remove(&operator),
                }
            }
        } else if self.standing.is_some() && !self.body.is_empty() {
            self.hour = Some(hour(self.first_ms));
        }
        self.standing = None;
        self.body.clear();
    }

    /// Notes where a task is. Whether it only goes on waiting: whoever had answered for it is gone before
    /// they were put through, and it is told to be queued once more.
    fn waits_on(&mut self, event: &Event, work: Work) -> bool {
        let Some(key) = event.task else { return false };
        let before = self.tasks.get(&key);
        let now = match &event.what {
            What::TaskQueued { queue, work, .. } => {
                Some(Task { queue: queue.clone(), waits: true, work: (*work).into() })
            }
            What::TaskAssigned { queue, .. } => {
                Some(Task { queue: queue.clone(), waits: false, work })
            }
            What::CallbackCreated { queue, work, .. } => {
                Some(Task { queue: queue.clone(), waits: false, work: (*work).into() })
            }
            // Of one that is lost no task has come.
            What::CallbackDone { result: CallbackEnd::Lost, .. }
            | What::TaskCompleted { .. }
            | What::TaskAbandoned { .. }
            | What::TaskExpired { .. }
            | What::TaskOverflowed { .. }
            | What::TaskFailed { .. }
            | What::TaskWithdrawn { .. } => None,
            _ => return false,
        };
        let same = before == now.as_ref();
        if same {
            return matches!(event.what, What::TaskQueued { .. });
        }
        let before = match now {
            Some(now) => {
                if self.tasks.len() >= REMEMBERED_MAX {
                    self.tasks.clear();
                }
                self.tasks.insert(key, now)
            }
            None => self.tasks.remove(&key),
        };
        self.tasks_before.push((key, before));
        false
    }

    /// Remembers who hands what on. Nothing is forgotten before the call ends: the same event may
    /// come again after a failed commit.
    fn follow(&mut self, event: &Event) {
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
                let task = event.task.and_then(|task| Some((task, self.tasks.get(&task)?)));
                match task.filter(|_| by_somebody) {
                    Some((key, task)) => {
                        let (queue, task, mode, work) =
                            (task.queue.clone(), key.0, *mode, task.work);
                        self.moving.insert(call, Moving { queue, task, mode, work });
                    }
                    None => _ = self.moving.remove(&call),
                }
            }
            What::CallEnded { .. } => _ = self.moving.remove(&call),
            _ => {}
        }
    }

    fn standing(&self) -> String {
        let one = |(who, (state, why)): (&'_ Name, &'_ Stands)| {
            let why = why.as_deref().map(|why| Cow::Owned(why.to_owned()));
            Standing(Cow::Owned(who.to_string()), *state, why)
        };
        let all: Vec<Standing<'_>> = self.people.iter().map(one).collect();
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
    if !body.is_empty() {
        body.push(b'\n');
    }
    // Into memory, and of plain data: neither fails.
    let _ = write!(body, "{ms} ");
    let _ = serde_json::to_writer(body, fact);
}

/// How an operator stands by an event.
fn stands(what: &What) -> Option<Stands> {
    let What::OperatorState { chosen, effective, .. } = what else { return None };
    let state = match effective.state {
        Effective::Offline => State::Offline,
        Effective::Unreachable => State::Unreachable,
        Effective::NotReady => State::NotReady,
        Effective::Ready => State::Ready,
        Effective::Reserved | Effective::Ringing => State::Ringing,
        Effective::OnCall => State::OnCall,
        Effective::WrapUp => State::WrapUp,
    };
    let by_choice = chosen.state == Chosen::NotReady;
    Some((state, by_choice.then(|| chosen.reason.clone().unwrap_or_default())))
}

fn text(name: &Name) -> Text<'_> {
    Cow::Borrowed(name)
}

/// What counts of an event, where anything does; the kind of its task as it was before.
fn fact<'a>(event: &'a Event, moving: Option<&'a Moving>, work: Work) -> Option<Fact<'a>> {
    let task = event.task.map_or(0, |task| task.0);
    let ended =
        |number: &ReservationKey, who: &'a Name, how| Fact::OfferEnded(number.0, text(who), how);
    let left = |queue: &'a Name, how, wait| Fact::Unserved(task, text(queue), how, wait, work);
    Some(match &event.what {
        What::TaskQueued { queue, position, work, .. } => {
            let call = event.call.map_or(0, |call| call.0);
            Fact::Queued(task, call, text(queue), *position as u64, (*work).into())
        }
        What::ReservationOffered { reservation, queue, operator } => {
            Fact::Offered(task, reservation.0, text(queue), text(operator))
        }
        What::ReservationAccepted { reservation, operator } => {
            ended(reservation, operator, OfferEnd::Accepted)
        }
        What::ReservationTimeout { reservation, operator } => {
            ended(reservation, operator, OfferEnd::Timeout)
        }
        What::ReservationRejected { reservation, operator, cause } => {
            // For lack of a port their phone did not even ring.
            let ours = &**cause == "ours";
            ended(
                reservation,
                operator,
                if ours { OfferEnd::TakenBack } else { OfferEnd::Rejected },
            )
        }
        What::ReservationRescinded { reservation, operator, .. } => {
            ended(reservation, operator, OfferEnd::TakenBack)
        }
        What::ReservationCancelled { reservation, operator, cause } => {
            let gone = &**cause == "task-gone";
            ended(
                reservation,
                operator,
                if gone { OfferEnd::CallerGone } else { OfferEnd::TakenBack },
            )
        }
        What::TaskAssigned { queue, operator, wait_ms } => {
            Fact::Assigned(task, text(queue), text(operator), *wait_ms, work)
        }
        What::TaskWrapping { operator, .. } => Fact::Wrapping(task, text(operator)),
        What::TaskCompleted { queue, operator, talk_ms, hold_ms, wrap_up_ms } => {
            let (queue, operator) = (text(queue), text(operator));
            Fact::Completed(task, queue, operator, *talk_ms, *hold_ms, *wrap_up_ms, work)
        }
        What::TaskAbandoned { queue, wait_ms } => left(queue, Left::Abandoned, Some(*wait_ms)),
        What::TaskExpired { queue, wait_ms } => left(queue, Left::Expired, Some(*wait_ms)),
        What::TaskOverflowed { queue, wait_ms } => left(queue, Left::Overflowed, Some(*wait_ms)),
        What::TaskFailed { queue, cause } => {
            // Any other cause is a limit that it has met at the door.
            left(queue, if &**cause == "failed" { Left::Failed } else { Left::Refused }, None)
        }
        What::TaskWithdrawn { queue } => left(queue, Left::Withdrawn, None),
        What::TransferCompleted { to, .. } => {
            let Moving { queue, task, mode, work } = moving?;
            let blind = matches!(mode, TransferMode::Blind | TransferMode::Cold);
            Fact::Transferred(*task, text(queue), blind, text(to), *work)
        }
        // What was there before is promised already.
        What::CallbackCreated { queue, restored: false, .. } => Fact::Promised(task, text(queue)),
        What::CallbackDone { queue, result, .. } => {
            Fact::Called(task, text(queue), (*result).into())
        }
        What::OperatorState { operator, .. } => match stands(&event.what)? {
            (state, None) => Fact::Stands(text(operator), state),
            (state, Some(why)) => Fact::Pauses(text(operator), state, Cow::Owned(why.to_string())),
        },
        _ => return None,
    })
}
