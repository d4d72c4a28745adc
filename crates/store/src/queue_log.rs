//! What is kept in [`crate::history`] in the words of Asterisk's `queue_log`: queue, operator, event and
//! its data, for programs that read those.

use std::collections::{BTreeMap, HashMap, VecDeque};

use b2bua::{CallKey, TaskKey, Utc};
use rusqlite::OptionalExtension;

use crate::StoreError;
use crate::history::{Chunks, Fact, LOOK_BACK_MS, Left, OfferEnd, Row, Standing, State};
use crate::reader::{Reader, utc};

/// One line, before it is put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: Utc,
    /// The call; none of what is no call's.
    pub call: Option<CallKey>,
    /// The queue; none of what concerns an operator in all their queues.
    pub queue: Option<String>,
    /// The operator.
    pub operator: Option<String>,
    /// `ENTERQUEUE`, `CONNECT`, …
    pub event: &'static str,
    /// What Asterisk has for that event.
    pub data: Vec<String>,
}

/// The lines of a range of time, in order; read from the database as they are asked for.
#[derive(Debug)]
pub struct QueueLog {
    reader: Reader,
    chunks: Chunks,
    from: i64,
    to: i64,
    is_first: bool,
    lines: VecDeque<LogLine>,
    tasks: HashMap<u64, Task>,
    offers: HashMap<u64, Offer>,
    people: BTreeMap<String, Person>,
}

#[derive(Debug, Clone)]
struct Task {
    call: u64,
    queue: String,
    /// Its place when it came.
    position: u64,
    queued: i64,
    waits: bool,
    /// How long the phone rang that was answered.
    ring: i64,
    /// How long it had waited when it was answered, and when that was.
    connected: Option<(u64, i64)>,
}

#[derive(Debug)]
struct Offer {
    task: u64,
    queue: String,
    at: i64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Person {
    is_there: bool,
    is_paused: bool,
}

impl Reader {
    /// What happened in queues from a moment until another, as Asterisk would have written it. What
    /// began more than an hour or two before is told by what its end says alone.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn queue_log(&self, from: Utc, to: Utc) -> Result<QueueLog, StoreError> {
        let (from, to) = (from.as_millisecond(), to.as_millisecond());
        Ok(QueueLog {
            reader: self.clone(),
            chunks: Chunks::new(self, from.saturating_sub(LOOK_BACK_MS), to)?,
            from,
            to,
            is_first: true,
            lines: VecDeque::new(),
            tasks: HashMap::new(),
            offers: HashMap::new(),
            people: BTreeMap::new(),
        })
    }
}

impl Iterator for QueueLog {
    type Item = Result<LogLine, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(Ok(line));
            }
            match self.chunks.next() {
                Ok(rows) if rows.is_empty() => return None,
                Ok(rows) => {
                    if let Err(error) = rows.iter().try_for_each(|row| self.row(row)) {
                        return Some(Err(error));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl QueueLog {
    fn row(&mut self, row: &Row) -> Result<(), StoreError> {
        if std::mem::take(&mut self.is_first) {
            for Standing(who, state, why) in row.standing().unwrap_or_default() {
                let person = Person::default().then(state, why.is_some());
                self.people.insert(who.into_owned(), person);
            }
        }
        let to = self.to;
        row.facts().filter(|(ms, _)| *ms < to).try_for_each(|(ms, fact)| self.take(ms, fact))
    }

    fn say(
        &mut self,
        ms: i64,
        task: Option<&Task>,
        operator: Option<&str>,
        event: &'static str,
        data: &[String],
    ) {
        if ms < self.from {
            return;
        }
        self.lines.push_back(LogLine {
            at: utc(ms),
            call: task.map(|task| CallKey(task.call)),
            queue: task.map(|task| task.queue.clone()),
            operator: operator.map(str::to_owned),
            event,
            data: data.to_vec(),
        });
    }

    fn take(&mut self, ms: i64, fact: Fact<'_>) -> Result<(), StoreError> {
        match fact {
            Fact::Queued(key, call, queue, at, _) => {
                self.enters(ms, key, call, queue.into_owned(), at)?;
            }
            Fact::Offered(task, reservation, queue, _) => {
                let queue = queue.into_owned();
                self.offers.insert(reservation, Offer { task, queue, at: ms });
            }
            Fact::OfferEnded(reservation, who, how) => self.rang(ms, reservation, &who, how),
            Fact::Assigned(key, queue, who, wait_ms, _) => {
                let mut task = self.task(key, &queue, ms);
                (task.waits, task.connected) = (false, Some((wait_ms, ms)));
                let waited = (wait_ms / 1_000).to_string();
                let data = [waited, TaskKey(key).to_string(), seconds(task.ring)];
                self.say(ms, Some(&task), Some(&who), "CONNECT", &data);
                self.tasks.insert(key, task);
            }
            Fact::Wrapping(key, who) => self.completes(ms, key, &who, None)?,
            Fact::Completed(key, queue, who, talk_ms, ..) => {
                if !self.tasks.contains_key(&key) {
                    // It was answered before what was looked at.
                    let connected = Some((0, ms));
                    let task = Task { connected, ..self.task(key, &queue, ms) };
                    self.tasks.insert(key, task);
                }
                self.completes(ms, key, &who, Some(talk_ms))?;
                self.tasks.remove(&key);
            }
            Fact::Unserved(key, queue, how, wait_ms, _) => {
                self.exits(ms, key, &queue, how, wait_ms);
            }
            Fact::Transferred(key, _, true, to, _) => self.transferred(ms, key, &to),
            Fact::Transferred(..) | Fact::Promised(..) | Fact::Called(..) => {}
            Fact::Stands(who, state) => self.stands(ms, &who, state, None),
            Fact::Pauses(who, state, why) => self.stands(ms, &who, state, Some(&why)),
            Fact::Began(_) => self.began(ms),
        }
        Ok(())
    }

    /// What is known of a task, or would be if it had been seen.
    fn task(&self, key: u64, queue: &str, ms: i64) -> Task {
        self.tasks.get(&key).cloned().unwrap_or_else(|| Task {
            call: 0,
            queue: queue.to_owned(),
            position: 1,
            queued: ms,
            waits: true,
            ring: 0,
            connected: None,
        })
    }

    fn enters(
        &mut self,
        ms: i64,
        key: u64,
        call: u64,
        queue: String,
        position: u64,
    ) -> Result<(), StoreError> {
        let number = if ms < self.from { String::new() } else { self.caller(call)? };
        let task =
            Task { call, queue, position, queued: ms, waits: true, ring: 0, connected: None };
        let data = [String::new(), number, position.to_string()];
        self.say(ms, Some(&task), None, "ENTERQUEUE", &data);
        self.tasks.insert(key, task);
        Ok(())
    }

    /// A phone rings no more.
    fn rang(&mut self, ms: i64, reservation: u64, operator: &str, how: OfferEnd) {
        let Some(offer) = self.offers.remove(&reservation) else { return };
        let rung = ms - offer.at;
        let event = match how {
            OfferEnd::Timeout | OfferEnd::Rejected => "RINGNOANSWER",
            OfferEnd::CallerGone => "RINGCANCELED",
            OfferEnd::Accepted => {
                if let Some(task) = self.tasks.get_mut(&offer.task) {
                    task.ring = rung;
                }
                return;
            }
            OfferEnd::TakenBack => return,
        };
        let task = self.task(offer.task, &offer.queue, ms);
        self.say(ms, Some(&task), Some(operator), event, &[rung.to_string()]);
    }

    /// The talk is over; each is told once, and what was handed on is told as that.
    fn completes(
        &mut self,
        ms: i64,
        key: u64,
        operator: &str,
        talk: Option<u64>,
    ) -> Result<(), StoreError> {
        let Some(task) = self.tasks.get_mut(&key) else { return Ok(()) };
        let Some((waited, since)) = task.connected.take() else { return Ok(()) };
        let task = task.clone();
        if ms < self.from {
            return Ok(());
        }
        let talked = talk.map_or(ms - since, |ms| i64::try_from(ms).unwrap_or(0));
        let event = match self.cause(task.call)?.as_deref() {
            Some("operator hung up") => "COMPLETEAGENT",
            _ => "COMPLETECALLER",
        };
        let data = [(waited / 1_000).to_string(), seconds(talked), task.position.to_string()];
        self.say(ms, Some(&task), Some(operator), event, &data);
        Ok(())
    }

    fn transferred(&mut self, ms: i64, key: u64, to: &str) {
        let Some(task) = self.tasks.get_mut(&key) else { return };
        let Some((waited, since)) = task.connected.take() else { return };
        let task = task.clone();
        self.say(
            ms,
            Some(&task),
            None,
            "BLINDTRANSFER",
            &[
                to.to_owned(),
                String::new(),
                (waited / 1_000).to_string(),
                seconds(ms - since),
                task.position.to_string(),
            ],
        );
    }

    /// It leaves the queue without an operator.
    fn exits(&mut self, ms: i64, key: u64, queue: &str, how: Left, wait_ms: Option<u64>) {
        let task = self.task(key, queue, ms);
        let ahead = self.tasks.iter().filter(|(other, one)| {
            one.waits && one.queue == task.queue && **other != key && one.queued <= task.queued
        });
        let place = (ahead.count() + 1).to_string();
        self.tasks.remove(&key);
        let event = match how {
            Left::Abandoned => "ABANDON",
            Left::Expired | Left::Overflowed => "EXITWITHTIMEOUT",
            Left::Failed => "EXITEMPTY",
            Left::Withdrawn => "EXITWITHKEY",
            // Whoever was not let in had not entered.
            Left::Refused => return,
        };
        let waited = wait_ms.map_or(ms - task.queued, |ms| i64::try_from(ms).unwrap_or(0));
        let mut data = vec![place, task.position.to_string(), seconds(waited)];
        if event == "EXITWITHKEY" {
            data.insert(0, String::new());
        }
        self.say(ms, Some(&task), None, event, &data);
    }

    /// `why` is that of one who chose not to be ready.
    fn stands(&mut self, ms: i64, who: &str, state: State, why: Option<&str>) {
        let before = self.people.get(who).copied().unwrap_or_default();
        let now = before.then(state, why.is_some());
        match (before.is_there, now.is_there) {
            (false, true) => self.say(ms, None, Some(who), "ADDMEMBER", &[]),
            (true, false) => self.say(ms, None, Some(who), "REMOVEMEMBER", &[]),
            _ => {}
        }
        if now.is_there && now.is_paused != before.is_paused {
            let reason = if now.is_paused { why.unwrap_or("Auto-Pause") } else { "" };
            let event = if now.is_paused { "PAUSE" } else { "UNPAUSE" };
            self.say(ms, None, Some(who), event, &[reason.to_owned()]);
        }
        self.people.insert(who.to_owned(), now);
    }

    /// Whoever was there, and what was open, ended with the run before.
    fn began(&mut self, ms: i64) {
        for (who, person) in std::mem::take(&mut self.people) {
            if person.is_there {
                self.say(ms, None, Some(&who), "REMOVEMEMBER", &[]);
            }
        }
        self.tasks.clear();
        self.offers.clear();
        self.say(ms, None, None, "QUEUESTART", &[]);
    }

    fn caller(&self, call: u64) -> Result<String, StoreError> {
        Ok(self.of_call("caller", call)?.map(|caller| number(&caller)).unwrap_or_default())
    }

    fn cause(&self, call: u64) -> Result<Option<String>, StoreError> {
        self.of_call("cause", call)
    }

    fn of_call(&self, column: &str, call: u64) -> Result<Option<String>, StoreError> {
        self.reader.with(|db| {
            let sql = format!("SELECT {column} FROM call WHERE id = ?1");
            let found = db
                .prepare_cached(&sql)?
                .query_row([CallKey(call).to_string()], |row| row.get::<_, Option<String>>(0));
            Ok(found.optional()?.flatten())
        })
    }
}

impl Person {
    /// As they are when they stand like this. What a call hides stays what it was.
    fn then(self, state: State, by_choice: bool) -> Self {
        let is_there = state != State::Offline;
        let is_paused = match state {
            State::Offline => false,
            _ if by_choice => true,
            State::NotReady => true,
            State::Ready => false,
            _ => self.is_paused,
        };
        Self { is_there, is_paused }
    }
}

/// The user part of a URI, or the number as it is.
fn number(caller: &str) -> String {
    let rest = caller.strip_prefix("sips:").or_else(|| caller.strip_prefix("sip:"));
    rest.map_or(caller, |rest| rest.split(['@', ';']).next().unwrap_or(rest)).to_owned()
}

fn seconds(ms: i64) -> String {
    (ms.max(0) / 1_000).to_string()
}
