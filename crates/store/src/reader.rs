//! Reading, over read-only connections that never wait for the writer.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use b2bua::{CallKey, Restored, TaskKey, Utc};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params_from_iter};

use crate::StoreError;
use crate::record::{
    CallRecord, LIMIT_MAX, Page, ParticipantRecord, RecordQuery, RecordingRecord, SegmentRecord,
    StoredEvent, TaskRecord,
};
use crate::recording::{self, KeptRecording};
use crate::standing;

/// Connections kept for the next question.
const IDLE_MAX: usize = 4;

/// Reads records and events. Methods block; cloning shares the connections.
#[derive(Debug, Clone)]
pub struct Reader {
    path: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Reader {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: Arc::new(path.to_owned()), idle: Arc::default() }
    }

    /// Call records, newest first if not asked otherwise. A call that still lives is among them.
    ///
    /// # Errors
    /// The cursor is none, or the database cannot be read.
    pub fn calls(&self, query: &RecordQuery) -> Result<Page<CallRecord>, StoreError> {
        let limit = query.limit.clamp(1, LIMIT_MAX);
        let (sql, values) = sql(query)?;
        self.with(|db| {
            let mut statement = db.prepare(&sql)?;
            let rows = statement.query_map(params_from_iter(values), call_of)?;
            let mut found: Vec<(i64, CallRecord)> = rows.collect::<Result<_, _>>()?;
            let more = found.len() > limit;
            found.truncate(limit);
            let next = found.last().filter(|_| more).map(|(row, _)| row.to_string());
            let (rows, mut items): (Vec<i64>, Vec<CallRecord>) = found.into_iter().unzip();
            items.iter_mut().zip(rows).try_for_each(|(record, row)| complete(db, row, record))?;
            Ok(Page { items, next })
        })
    }

    /// What outlives the process, as the last one left it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn standing(&self) -> Result<Restored, StoreError> {
        self.with(standing::read)
    }

    /// One call's record.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn call(&self, call: CallKey) -> Result<Option<CallRecord>, StoreError> {
        self.with(|db| {
            let mut statement = db.prepare_cached(&format!("{CALL} WHERE id = ?1"))?;
            let Some(found) = statement.query_map([call.to_string()], call_of)?.next() else {
                return Ok(None);
            };
            let (row, mut record) = found?;
            complete(db, row, &mut record)?;
            Ok(Some(record))
        })
    }

    /// One task's record, also of one that is no call's.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn task(&self, task: TaskKey) -> Result<Option<TaskRecord>, StoreError> {
        self.with(|db| {
            let mut statement = db.prepare_cached(&format!("{TASK} WHERE id = ?1"))?;
            statement.query_row([task.to_string()], task_of).optional()
        })
    }

    /// What was recorded of a call, erased or not.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn recording(&self, call: CallKey) -> Result<Option<RecordingRecord>, StoreError> {
        self.with(|db| recording::of_call(db, call))
    }

    /// The recordings, not erased yet, of calls from or to a number, or a SIP URI with this user part.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn recordings_of(&self, number: &str) -> Result<Vec<KeptRecording>, StoreError> {
        self.with(|db| recording::of_number(db, number))
    }

    /// Up to `limit` events with a number above `after`, in order. Numbers are missing where
    /// `task.position` was told, which is not kept, and after a crash.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn events_after(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.with(|db| {
            let mut statement =
                db.prepare_cached("SELECT first, body FROM batch WHERE last > ?1 ORDER BY last")?;
            let mut rows = statement.query([i64::try_from(after).unwrap_or(i64::MAX)])?;
            let mut found = Vec::new();
            while found.len() < limit
                && let Some(row) = rows.next()?
            {
                let first = unsigned(row.get(0)?);
                let events = row.get_ref(1)?.as_str()?.lines().filter_map(|line| {
                    let (offset, json) = line.split_once(' ')?;
                    let seq = first + offset.parse::<u64>().ok()?;
                    (seq > after).then(|| StoredEvent { seq, json: json.to_owned() })
                });
                found.extend(events.take(limit - found.len()));
            }
            Ok(found)
        })
    }

    /// The number of the oldest event still kept.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn oldest_event(&self) -> Result<Option<u64>, StoreError> {
        self.with(|db| {
            let oldest = "SELECT first FROM batch ORDER BY last LIMIT 1";
            let oldest: Option<i64> = db.query_row(oldest, [], |row| row.get(0)).optional()?;
            Ok(oldest.map(unsigned))
        })
    }

    pub(crate) fn with<T>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let connection = Connection::open_with_flags(&*self.path, flags)?;
                connection.busy_timeout(std::time::Duration::from_secs(1))?;
                connection
            }
        };
        // One snapshot for all statements of a question: a call and its segments agree.
        connection.execute_batch("BEGIN")?;
        let answer = ask(&connection);
        connection.execute_batch("COMMIT")?;
        let answer = answer?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        Ok(answer)
    }
}

const CALL: &str = "SELECT row, id, node, kind, caller, callee, trunk, queue, operator, started_ms,
    answered_ms, ended_ms, result, cause, wait_ms, ring_ms, talk_ms, hold_ms, context,
    predecessor FROM call";

const TASK: &str =
    "SELECT id, queue, operator, offers, queued_ms, assigned_ms, ended_ms, outcome, cause,
    wait_ms, talk_ms, wrap_up_ms, kind, channel FROM task";

/// A call from or to this number. A range instead of LIKE: nothing to escape, and the index serves it.
pub(crate) const NUMBER_IS: &str = "(caller = # OR callee = #
    OR (caller >= 'sip:' || # || '@' AND caller < 'sip:' || # || 'A')
    OR (callee >= 'sip:' || # || '@' AND callee < 'sip:' || # || 'A'))";

/// What to ask for a page and the first record of the next. An index must serve each condition.
pub(crate) fn sql(query: &RecordQuery) -> Result<(String, Vec<Value>), StoreError> {
    let mut parts = vec!["1".to_owned()];
    let mut values = Vec::new();
    let times = [(">=", query.from), ("<", query.to)];
    let times: Vec<String> = times
        .into_iter()
        .filter_map(|(than, time)| Some(format!("started_ms {than} {}", time?.as_millisecond())))
        .collect();
    if !times.is_empty() {
        // Rows rise with time only as long as no clock is set back, hence both.
        let times = times.join(" AND ");
        let bound = |row| format!("(SELECT {row} FROM call INDEXED BY call_started WHERE {times})");
        let (from, to) = (bound("min(row)"), bound("max(row)"));
        parts.push(format!("{times} AND row BETWEEN {from} AND {to}"));
    }
    let mut add = |part: &str, value: Value| {
        values.push(value);
        parts.push(part.replace('#', &format!("?{}", values.len())));
    };
    if let Some(cursor) = &query.cursor {
        let row: i64 = cursor.parse().map_err(|_| StoreError::Cursor)?;
        add(if query.oldest_first { "row > #" } else { "row < #" }, row.into());
    }
    if let Some(queue) = &query.queue {
        let part = "row IN (SELECT call FROM task WHERE queue = #)";
        add(part, queue.clone().into());
    }
    if let Some(operator) = &query.operator {
        let part = "row IN (SELECT call FROM participant WHERE operator = #
            UNION SELECT call FROM task WHERE operator = #)";
        add(part, operator.clone().into());
    }
    if let Some(number) = &query.number {
        add(NUMBER_IS, number.clone().into());
    }
    let (condition, limit) = (parts.join(" AND "), query.limit.clamp(1, LIMIT_MAX) + 1);
    let order = if query.oldest_first { "ASC" } else { "DESC" };
    Ok((format!("{CALL} WHERE {condition} ORDER BY row {order} LIMIT {limit}"), values))
}

fn call_of(row: &Row<'_>) -> rusqlite::Result<(i64, CallRecord)> {
    let ended_ms: Option<i64> = row.get(11)?;
    let started_ms: i64 = row.get(9)?;
    let record = CallRecord {
        id: row.get::<_, String>(1)?.parse().unwrap_or(CallKey(0)),
        node: row.get(2)?,
        kind: row.get(3)?,
        state: if ended_ms.is_some() { "ended" } else { "live" },
        from: row.get(4)?,
        to: row.get(5)?,
        trunk: row.get(6)?,
        queue: row.get(7)?,
        operator: row.get(8)?,
        started: utc(started_ms),
        answered: row.get::<_, Option<i64>>(10)?.map(utc),
        ended: ended_ms.map(utc),
        result: row.get(12)?,
        cause: row.get(13)?,
        length_ms: ended_ms.map(|ended| unsigned(ended - started_ms)),
        wait_ms: unsigned(row.get(14)?),
        ring_ms: unsigned(row.get(15)?),
        talk_ms: unsigned(row.get(16)?),
        hold_ms: unsigned(row.get(17)?),
        context: json(row, 18)?,
        predecessor: row.get(19)?,
        participants: Vec::new(),
        segments: Vec::new(),
        tasks: Vec::new(),
        recording: None,
    };
    Ok((row.get(0)?, record))
}

/// Adds what stands in the other tables, and what follows: who is still there at the end leaves
/// then, and a segment lasts until the next one or the end.
fn complete(db: &Connection, call: i64, record: &mut CallRecord) -> rusqlite::Result<()> {
    record.participants = db
        .prepare_cached(
            "SELECT id, role, operator, uri, joined_ms, left_ms FROM participant
             WHERE call = ?1 ORDER BY joined_ms, id",
        )?
        .query_map([call], |row| {
            Ok(ParticipantRecord {
                id: row.get(0)?,
                role: row.get(1)?,
                operator: row.get(2)?,
                uri: row.get(3)?,
                joined: utc(row.get(4)?),
                left: row.get::<_, Option<i64>>(5)?.map(utc).or(record.ended),
            })
        })?
        .collect::<Result<_, _>>()?;
    record.segments = db
        .prepare_cached(
            "SELECT phase, participants, hears, start_ms FROM segment WHERE call = ?1 ORDER BY seq",
        )?
        .query_map([call], |row| {
            Ok(SegmentRecord {
                phase: row.get(0)?,
                participants: json(row, 1)?,
                hears: json(row, 2)?,
                start: utc(row.get(3)?),
                length_ms: None,
            })
        })?
        .collect::<Result<_, _>>()?;
    let mut end = record.ended;
    for segment in record.segments.iter_mut().rev() {
        let ms = |end: Utc| unsigned(end.as_millisecond() - segment.start.as_millisecond());
        segment.length_ms = end.map(ms);
        end = Some(segment.start);
    }
    record.tasks = db
        .prepare_cached(&format!("{TASK} WHERE call = ?1 ORDER BY queued_ms, seq"))?
        .query_map([call], task_of)?
        .collect::<Result<_, _>>()?;
    record.recording = recording::of_row(db, call)?;
    Ok(())
}

fn task_of(row: &Row<'_>) -> rusqlite::Result<TaskRecord> {
    let ms = |at| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.map(unsigned));
    Ok(TaskRecord {
        id: row.get(0)?,
        queue: row.get(1)?,
        operator: row.get(2)?,
        offers: unsigned(row.get(3)?),
        queued: utc(row.get(4)?),
        assigned: row.get::<_, Option<i64>>(5)?.map(utc),
        ended: row.get::<_, Option<i64>>(6)?.map(utc),
        outcome: row.get(7)?,
        cause: row.get(8)?,
        wait_ms: ms(9)?,
        talk_ms: ms(10)?,
        wrap_up_ms: ms(11)?,
        kind: row.get(12)?,
        channel: row.get(13)?,
    })
}

fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    serde_json::from_str(&row.get::<_, String>(at)?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, error.into())
    })
}

pub(crate) fn utc(ms: i64) -> Utc {
    Utc::from_millisecond(ms).unwrap_or(Utc::UNIX_EPOCH)
}

pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
