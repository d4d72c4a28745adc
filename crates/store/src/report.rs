//! Reports: one fold of what is kept in [`crate::history`].
//!
//! A count, and the time that an event tells (a wait, a talk), belongs to the interval in which that
//! event was. The time that operators spend in a state belongs to the intervals in which it passes.
//! So sums over intervals are those of the whole range, however it is cut.

use std::collections::BTreeMap;

use b2bua::Utc;
use serde::Serialize;

use crate::history::{Called, Chunks, Fact, Left, OfferEnd, Standing, State};
use crate::reader::Reader;
use crate::{StoreError, record};

/// A report that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportQuery {
    /// Where intervals begin, rising; the last one is where the range ends.
    pub bounds: Vec<Utc>,
    /// Now: time that is still to come was spent on nothing.
    pub now: Utc,
    /// Only these queues or operators.
    pub only: Option<Vec<String>>,
    /// Within what a queue's callers should be answered, in milliseconds.
    pub within_ms: BTreeMap<String, u64>,
    /// The same of queues that are none of those.
    pub otherwise_ms: u64,
}

/// What happened in a queue in one interval: to callers, and apart from them to those who were to be
/// called back. As JSON: times in RFC 3339, durations in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueueRow {
    /// The interval.
    pub from: Utc,
    /// Its end.
    pub to: Utc,
    /// The queue.
    pub queue: String,
    /// How often somebody took a place in it, a return after a lost operator included.
    pub offered: u64,
    /// Of those: an operator was put through.
    pub answered: u64,
    /// They hung up.
    pub abandoned: u64,
    /// They waited for as long as is allowed.
    pub expired: u64,
    /// A limit sent them elsewhere.
    pub overflowed: u64,
    /// They could not be served.
    pub failed: u64,
    /// They went elsewhere, or were taken off.
    pub withdrawn: u64,
    /// They waited when the process died.
    pub crashed: u64,
    /// Others, who were not let in: full, closed, nobody there.
    pub refused: u64,
    /// Served whom their operator has handed on.
    pub transferred: u64,
    /// Served, and the wrap-up over.
    pub completed: u64,
    /// (answered within T + abandoned within T) / (answered + abandoned).
    pub service_level: Option<f64>,
    /// Of those who were answered, abandoned, expired or overflowed.
    #[serde(rename = "average_wait_s")]
    pub average_wait: Option<f64>,
    /// Of the same.
    #[serde(rename = "longest_wait_s", serialize_with = "record::seconds")]
    pub longest_wait_ms: u64,
    /// Talk, hold and wrap-up of those completed.
    #[serde(rename = "average_handle_s")]
    pub average_handle: Option<f64>,
    /// Of all of them together.
    #[serde(rename = "wait_s", serialize_with = "record::seconds")]
    pub wait_ms: u64,
    /// Of those completed.
    #[serde(rename = "talk_s", serialize_with = "record::seconds")]
    pub talk_ms: u64,
    /// Of those completed.
    #[serde(rename = "hold_s", serialize_with = "record::seconds")]
    pub hold_ms: u64,
    /// Of those completed.
    #[serde(rename = "wrap_up_s", serialize_with = "record::seconds")]
    pub wrap_up_ms: u64,
    /// Somebody was to be called back from then on.
    pub callbacks: u64,
    /// Of those, then or before: they were reached.
    pub callbacks_reached: u64,
    /// They were called as often as is allowed; or the promise could not be written down.
    pub callbacks_failed: u64,
    /// They were not reached in time.
    pub callbacks_expired: u64,
    /// They have called themselves.
    pub callbacks_merged: u64,
    /// They were taken off.
    pub callbacks_withdrawn: u64,
    /// Talk, hold and wrap-up of those served whose wrap-up is over.
    #[serde(rename = "callbacks_handle_s", serialize_with = "record::seconds")]
    pub callbacks_handle_ms: u64,
}

/// What an operator did in one interval. As JSON: times in RFC 3339, durations in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperatorRow {
    /// The interval.
    pub from: Utc,
    /// Its end.
    pub to: Utc,
    /// The operator.
    pub operator: String,
    /// How often a task was put before them.
    pub offered: u64,
    /// They have answered.
    pub answered: u64,
    /// They have not, in time.
    pub missed: u64,
    /// Busy, declined, not to be reached.
    pub rejected: u64,
    /// It was taken back: the caller was gone, somebody else was first.
    pub taken_back: u64,
    /// Tasks of theirs whose wrap-up is over.
    pub completed: u64,
    /// Of those.
    #[serde(rename = "talk_s", serialize_with = "record::seconds")]
    pub talk_ms: u64,
    /// Of those.
    #[serde(rename = "hold_s", serialize_with = "record::seconds")]
    pub hold_ms: u64,
    /// Of those.
    #[serde(rename = "wrap_up_s", serialize_with = "record::seconds")]
    pub wrap_up_ms: u64,
    /// Talk, hold and wrap-up of those.
    #[serde(rename = "average_handle_s")]
    pub average_handle: Option<f64>,
    /// In any state but offline.
    #[serde(rename = "signed_in_s", serialize_with = "record::seconds")]
    pub signed_in_ms: u64,
    /// Of that: ready, and nothing came.
    #[serde(rename = "ready_s", serialize_with = "record::seconds")]
    pub ready_ms: u64,
    /// Of that: not ready, by choice or for not answering.
    #[serde(rename = "not_ready_s", serialize_with = "record::seconds")]
    pub not_ready_ms: u64,
    /// Of that: reserved or ringing.
    #[serde(rename = "ringing_s", serialize_with = "record::seconds")]
    pub ringing_ms: u64,
    /// Of that: on calls, their own included, and in wrap-up.
    #[serde(rename = "busy_s", serialize_with = "record::seconds")]
    pub busy_ms: u64,
    /// Busy / signed in.
    pub occupancy: Option<f64>,
}

impl Reader {
    /// What happened in queues, by interval and then by name; where nothing did there is no row.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn report_queues(&self, query: &ReportQuery) -> Result<Vec<QueueRow>, StoreError> {
        let Some(mut fold) = Fold::new(query) else { return Ok(Vec::new()) };
        fold.read(self)?;
        let rows = in_order(fold.queues).into_iter();
        let row = |(at, name, sums): (usize, String, Queue)| sums.row(query, at, name);
        Ok(rows.map(row).collect())
    }

    /// What operators did, by interval and then by name; where one did nothing there is no row.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn report_operators(&self, query: &ReportQuery) -> Result<Vec<OperatorRow>, StoreError> {
        let Some(mut fold) = Fold::new(query) else { return Ok(Vec::new()) };
        fold.read(self)?;
        let rows = in_order(fold.operators).into_iter();
        let row = |(at, name, sums): (usize, String, Operator)| sums.row(query, at, name);
        Ok(rows.map(row).collect())
    }
}

#[derive(Debug, Clone, Default)]
struct Queue {
    offered: u64,
    answered: u64,
    abandoned: u64,
    expired: u64,
    overflowed: u64,
    failed: u64,
    withdrawn: u64,
    crashed: u64,
    refused: u64,
    transferred: u64,
    completed: u64,
    in_time: u64,
    wait_ms: u64,
    longest_ms: u64,
    handled: Handled,
    callbacks: Callbacks,
}

#[derive(Debug, Clone, Copy, Default)]
struct Callbacks {
    promised: u64,
    reached: u64,
    failed: u64,
    expired: u64,
    merged: u64,
    withdrawn: u64,
    handled: Handled,
}

#[derive(Debug, Clone, Default)]
struct Operator {
    offered: u64,
    answered: u64,
    missed: u64,
    rejected: u64,
    taken_back: u64,
    completed: u64,
    handled: Handled,
    signed_in_ms: u64,
    ready_ms: u64,
    not_ready_ms: u64,
    ringing_ms: u64,
    busy_ms: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Handled {
    talk_ms: u64,
    hold_ms: u64,
    wrap_up_ms: u64,
}

/// By name and interval.
type Sums<T> = BTreeMap<String, BTreeMap<usize, T>>;

struct Fold<'a> {
    query: &'a ReportQuery,
    bounds: Vec<i64>,
    queues: Sums<Queue>,
    operators: Sums<Operator>,
    /// Who is in which state since when.
    states: BTreeMap<String, (State, i64)>,
    /// The interval of the fact before: the next is most often of the same.
    last: usize,
}

impl<'a> Fold<'a> {
    /// None where there is no interval.
    fn new(query: &'a ReportQuery) -> Option<Self> {
        let bounds: Vec<i64> = query.bounds.iter().map(|at| at.as_millisecond()).collect();
        let fold = Self {
            query,
            bounds,
            queues: Sums::new(),
            operators: Sums::new(),
            states: BTreeMap::new(),
            last: 0,
        };
        (fold.bounds.len() > 1).then_some(fold)
    }

    fn range(&self) -> (i64, i64) {
        (self.bounds[0], self.bounds[self.bounds.len() - 1])
    }

    fn read(&mut self, reader: &Reader) -> Result<(), StoreError> {
        let (from, to) = self.range();
        let mut chunks = Chunks::new(reader, from, to)?;
        let mut is_first = true;
        loop {
            let rows = chunks.next()?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                if std::mem::take(&mut is_first) {
                    for Standing(who, state, _) in row.standing().unwrap_or_default() {
                        self.states.insert(who.into_owned(), (state, row.first_ms()));
                    }
                }
                for (ms, fact) in row.facts().filter(|(ms, _)| *ms < to) {
                    self.take(ms, fact);
                }
            }
        }
        let now = self.query.now.as_millisecond().min(to);
        for (operator, (state, since)) in std::mem::take(&mut self.states) {
            self.spend(&operator, state, since, now);
        }
        Ok(())
    }

    fn take(&mut self, ms: i64, fact: Fact<'_>) {
        match &fact {
            Fact::Stands(who, state) | Fact::Pauses(who, state, _) => {
                if let Some((state, since)) = self.states.insert(who.to_string(), (*state, ms)) {
                    self.spend(who, state, since, ms);
                }
                return;
            }
            Fact::Began(_) => {
                for (operator, (state, since)) in std::mem::take(&mut self.states) {
                    self.spend(&operator, state, since, ms);
                }
            }
            _ => {}
        }
        let Some(at) = self.interval(ms) else { return };
        match fact {
            Fact::Promised(_, queue) => self.queue(&queue, at, |one| one.callbacks.promised += 1),
            Fact::Called(_, queue, how) => self.queue(&queue, at, |one| one.callbacks.end(how)),
            // Of callbacks that is told by what became of them.
            Fact::Queued(.., work)
            | Fact::Assigned(.., work)
            | Fact::Unserved(.., work)
            | Fact::Transferred(.., work)
                if work.is_callback() => {}
            Fact::Queued(_, _, queue, ..) => self.queue(&queue, at, |one| one.offered += 1),
            Fact::Assigned(_, queue, _, wait_ms, _) => {
                let good = self.is_in_time(&queue, wait_ms);
                self.queue(&queue, at, |one| {
                    one.answered += 1;
                    one.in_time += u64::from(good);
                    one.waited(wait_ms);
                });
            }
            Fact::Unserved(_, queue, how, wait_ms, _) => {
                let good = wait_ms.is_some_and(|ms| self.is_in_time(&queue, ms));
                self.queue(&queue, at, |one| one.unserved(how, wait_ms, good));
            }
            Fact::Transferred(_, queue, ..) => self.queue(&queue, at, |one| one.transferred += 1),
            Fact::Completed(_, queue, who, talk_ms, hold_ms, wrap_up_ms, work) => {
                let handled = (talk_ms, hold_ms, wrap_up_ms);
                self.queue(&queue, at, |one| {
                    if work.is_callback() {
                        one.callbacks.handled.add(handled);
                    } else {
                        one.completed += 1;
                        one.handled.add(handled);
                    }
                });
                self.operator(&who, at, |one| {
                    one.completed += 1;
                    one.handled.add(handled);
                });
            }
            Fact::Offered(_, _, _, who) => self.operator(&who, at, |one| one.offered += 1),
            Fact::OfferEnded(_, who, how) => self.operator(&who, at, |one| match how {
                OfferEnd::Accepted => one.answered += 1,
                OfferEnd::Timeout => one.missed += 1,
                OfferEnd::Rejected => one.rejected += 1,
                OfferEnd::CallerGone | OfferEnd::TakenBack => one.taken_back += 1,
            }),
            Fact::Began(waiting) => {
                for (queue, count) in waiting {
                    self.queue(&queue, at, |one| one.crashed += count);
                }
            }
            Fact::Wrapping(..) | Fact::Stands(..) | Fact::Pauses(..) => {}
        }
    }

    /// The interval of a moment, if it is in the range.
    fn interval(&mut self, ms: i64) -> Option<usize> {
        let is_it = |at: usize| {
            Some(
                self.bounds.get(at).is_some_and(|from| *from <= ms)
                    && ms < *self.bounds.get(at + 1)?,
            )
        };
        if is_it(self.last) != Some(true) {
            let at = self.bounds.partition_point(|bound| *bound <= ms).checked_sub(1)?;
            if at + 1 >= self.bounds.len() {
                return None;
            }
            self.last = at;
        }
        Some(self.last)
    }

    fn is_asked(&self, name: &str) -> bool {
        self.query.only.as_ref().is_none_or(|only| only.iter().any(|one| one == name))
    }

    fn queue(&mut self, name: &str, at: usize, count: impl FnOnce(&mut Queue)) {
        if self.is_asked(name) {
            count(entry(&mut self.queues, name, at));
        }
    }

    fn operator(&mut self, name: &str, at: usize, count: impl FnOnce(&mut Operator)) {
        if self.is_asked(name) {
            count(entry(&mut self.operators, name, at));
        }
    }

    fn is_in_time(&self, queue: &str, wait_ms: u64) -> bool {
        wait_ms <= *self.query.within_ms.get(queue).unwrap_or(&self.query.otherwise_ms)
    }

    /// Somebody was in a state from here to there: each interval gets its part.
    fn spend(&mut self, operator: &str, state: State, since: i64, until: i64) {
        let (from, to) = self.range();
        let (mut since, until) = (since.max(from), until.min(to));
        if state == State::Offline {
            return;
        }
        while since < until {
            let Some(at) = self.interval(since) else { return };
            let end = self.bounds[at + 1].min(until);
            let ms = u64::try_from(end - since).unwrap_or(0);
            self.operator(operator, at, |one| one.spent(state, ms));
            since = end;
        }
    }
}

fn entry<'a, T: Default>(sums: &'a mut Sums<T>, name: &str, at: usize) -> &'a mut T {
    sums.entry(name.to_owned()).or_default().entry(at).or_default()
}

/// By interval and name.
fn in_order<T>(sums: Sums<T>) -> Vec<(usize, String, T)> {
    let all = sums.into_iter();
    let mut rows: Vec<(usize, String, T)> = all
        .flat_map(|(name, by)| by.into_iter().map(move |(at, one)| (at, name.clone(), one)))
        .collect();
    // What is equal stays in order of names.
    rows.sort_by_key(|(at, ..)| *at);
    rows
}

impl Handled {
    /// Talk with hold, hold, wrap-up.
    fn add(&mut self, (talk, hold, wrap_up): (u64, u64, u64)) {
        self.talk_ms += talk.saturating_sub(hold);
        self.hold_ms += hold;
        self.wrap_up_ms += wrap_up;
    }

    fn all(self) -> u64 {
        self.talk_ms + self.hold_ms + self.wrap_up_ms
    }
}

impl Callbacks {
    fn end(&mut self, how: Called) {
        let count = match how {
            Called::Reached => &mut self.reached,
            Called::Failed | Called::Lost => &mut self.failed,
            Called::Expired => &mut self.expired,
            Called::Merged => &mut self.merged,
            Called::Withdrawn => &mut self.withdrawn,
        };
        *count += 1;
    }
}

impl Queue {
    fn waited(&mut self, ms: u64) {
        self.wait_ms += ms;
        self.longest_ms = self.longest_ms.max(ms);
    }

    fn unserved(&mut self, how: Left, wait_ms: Option<u64>, in_time: bool) {
        let count = match how {
            Left::Abandoned => {
                self.in_time += u64::from(in_time);
                &mut self.abandoned
            }
            Left::Expired => &mut self.expired,
            Left::Overflowed => &mut self.overflowed,
            Left::Failed => &mut self.failed,
            Left::Refused => &mut self.refused,
            Left::Withdrawn => &mut self.withdrawn,
        };
        *count += 1;
        if let Some(ms) = wait_ms {
            self.waited(ms);
        }
    }

    fn row(self, query: &ReportQuery, at: usize, queue: String) -> QueueRow {
        let Self { offered, answered, abandoned, expired, overflowed, failed, .. } = self;
        let Self { withdrawn, crashed, refused, transferred, completed, .. } = self;
        let waits = answered + abandoned + expired + overflowed;
        let Handled { talk_ms, hold_ms, wrap_up_ms } = self.handled;
        QueueRow {
            from: query.bounds[at],
            to: query.bounds[at + 1],
            queue,
            offered,
            answered,
            abandoned,
            expired,
            overflowed,
            failed,
            withdrawn,
            crashed,
            refused,
            transferred,
            completed,
            service_level: ratio(self.in_time, answered + abandoned),
            average_wait: average(self.wait_ms, waits),
            longest_wait_ms: self.longest_ms,
            average_handle: average(self.handled.all(), completed),
            wait_ms: self.wait_ms,
            talk_ms,
            hold_ms,
            wrap_up_ms,
            callbacks: self.callbacks.promised,
            callbacks_reached: self.callbacks.reached,
            callbacks_failed: self.callbacks.failed,
            callbacks_expired: self.callbacks.expired,
            callbacks_merged: self.callbacks.merged,
            callbacks_withdrawn: self.callbacks.withdrawn,
            callbacks_handle_ms: self.callbacks.handled.all(),
        }
    }
}

impl Operator {
    fn spent(&mut self, state: State, ms: u64) {
        self.signed_in_ms += ms;
        match state {
            State::Ready => self.ready_ms += ms,
            State::NotReady => self.not_ready_ms += ms,
            State::Ringing => self.ringing_ms += ms,
            State::OnCall | State::WrapUp => self.busy_ms += ms,
            State::Unreachable | State::Offline => {}
        }
    }

    fn row(self, query: &ReportQuery, at: usize, operator: String) -> OperatorRow {
        let Self { offered, answered, missed, rejected, taken_back, completed, .. } = self;
        let Self { signed_in_ms, ready_ms, not_ready_ms, ringing_ms, busy_ms, .. } = self;
        let Handled { talk_ms, hold_ms, wrap_up_ms } = self.handled;
        OperatorRow {
            from: query.bounds[at],
            to: query.bounds[at + 1],
            operator,
            offered,
            answered,
            missed,
            rejected,
            taken_back,
            completed,
            talk_ms,
            hold_ms,
            wrap_up_ms,
            average_handle: average(self.handled.all(), completed),
            signed_in_ms,
            ready_ms,
            not_ready_ms,
            ringing_ms,
            busy_ms,
            occupancy: ratio(busy_ms, signed_in_ms),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio of counts that fit")]
fn ratio(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

/// In seconds, to the millisecond.
#[expect(clippy::cast_precision_loss, reason = "exact to the millisecond for 285,000 years")]
fn average(sum_ms: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| (sum_ms as f64 / of as f64).round() / 1e3)
}
