//! Reading, over read-only connections that never wait for the writer.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use b2bua::{CallKey, Utc};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row, params_from_iter};

use crate::StoreError;
use crate::record::{
    CallRecord, LIMIT_MAX, Page, ParticipantRecord, RecordQuery, SegmentRecord, StoredEvent,
    TaskRecord,
};

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

    /// Call records, newest first. A call that still lives is among them.
    ///
    /// # Errors
    /// The cursor is none, or the database cannot be read.
    pub fn calls(&self, query: &RecordQuery) -> Result<Page<CallRecord>, StoreError> {
        let limit = query.limit.clamp(1, LIMIT_MAX);
        let (condition, values) = condition(query)?;
        let sql = format!("{CALL} WHERE {condition} ORDER BY row DESC LIMIT {}", limit + 1);
        self.with(|db| {
            let mut statement = db.prepare(&sql)?;
            let rows = statement.query_map(params_from_iter(values), call_of)?;
            let mut found: Vec<(i64, CallRecord)> = rows.collect::<Result<_, _>>()?;
            let more = found.len() > limit;
            found.truncate(limit);
            let next = found.last().filter(|_| more).map(|(row, _)| row.to_string());
            let mut items: Vec<CallRecord> = found.into_iter().map(|(_, record)| record).collect();
            items.iter_mut().try_for_each(|record| complete(db, record))?;
            Ok(Page { items, next })
        })
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
            let (_, mut record) = found?;
            complete(db, &mut record)?;
            Ok(Some(record))
        })
    }

    /// Up to `limit` events with a number above `after`, in order. Numbers are missing where
    /// `task.position` was told, which is not kept, and after a crash.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn events_after(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.with(|db| {
            let mut statement = db.prepare_cached(
                "SELECT seq, body FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )?;
            let bounds = [i64::try_from(after), i64::try_from(limit)];
            let bounds = bounds.map(|bound| bound.unwrap_or(i64::MAX));
            let rows = statement.query_map(bounds, |row| {
                Ok(StoredEvent { seq: unsigned(row.get(0)?), json: row.get(1)? })
            })?;
            rows.collect()
        })
    }

    /// The number of the oldest event still kept.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn oldest_event(&self) -> Result<Option<u64>, StoreError> {
        self.with(|db| {
            let oldest: Option<i64> =
                db.query_row("SELECT min(seq) FROM event", [], |row| row.get(0))?;
            Ok(oldest.map(unsigned))
        })
    }

    fn with<T>(
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
    answered_ms, ended_ms, result, cause, wait_ms, ring_ms, talk_ms, hold_ms, context FROM call";

fn condition(query: &RecordQuery) -> Result<(String, Vec<Value>), StoreError> {
    let mut parts = vec!["1".to_owned()];
    let mut values = Vec::new();
    let mut add = |part: &str, value: Value| {
        values.push(value);
        parts.push(part.replace('#', &format!("?{}", values.len())));
    };
    if let Some(cursor) = &query.cursor {
        let row: i64 = cursor.parse().map_err(|_| StoreError::Cursor)?;
        add("row < #", row.into());
    }
    if let Some(from) = query.from {
        add("started_ms >= #", from.as_millisecond().into());
    }
    if let Some(to) = query.to {
        add("started_ms < #", to.as_millisecond().into());
    }
    if let Some(queue) = &query.queue {
        let part = "EXISTS (SELECT 1 FROM task WHERE task.queue = # AND task.call = call.id)";
        add(part, queue.clone().into());
    }
    if let Some(operator) = &query.operator {
        let part =
            "(EXISTS (SELECT 1 FROM participant AS p WHERE p.operator = # AND p.call = call.id)
            OR EXISTS (SELECT 1 FROM task WHERE task.operator = # AND task.call = call.id))";
        add(part, operator.clone().into());
    }
    if let Some(number) = &query.number {
        // A range instead of LIKE: nothing to escape, and the index serves it.
        let part = "(caller = # OR callee = #
            OR (caller >= 'sip:' || # || '@' AND caller < 'sip:' || # || 'A')
            OR (callee >= 'sip:' || # || '@' AND callee < 'sip:' || # || 'A'))";
        add(part, number.clone().into());
    }
    Ok((parts.join(" AND "), values))
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
        participants: Vec::new(),
        segments: Vec::new(),
        tasks: Vec::new(),
    };
    Ok((row.get(0)?, record))
}

/// Adds what stands in the other tables.
fn complete(db: &Connection, record: &mut CallRecord) -> rusqlite::Result<()> {
    let id = record.id.to_string();
    record.participants = db
        .prepare_cached(
            "SELECT id, role, operator, uri, joined_ms, left_ms FROM participant
             WHERE call = ?1 ORDER BY joined_ms, id",
        )?
        .query_map([&id], |row| {
            Ok(ParticipantRecord {
                id: row.get(0)?,
                role: row.get(1)?,
                operator: row.get(2)?,
                uri: row.get(3)?,
                joined: utc(row.get(4)?),
                left: row.get::<_, Option<i64>>(5)?.map(utc),
            })
        })?
        .collect::<Result<_, _>>()?;
    record.segments = db
        .prepare_cached(
            "SELECT phase, participants, hears, start_ms, length_ms FROM segment
             WHERE call = ?1 ORDER BY seq",
        )?
        .query_map([&id], |row| {
            Ok(SegmentRecord {
                phase: row.get(0)?,
                participants: json(row, 1)?,
                hears: json(row, 2)?,
                start: utc(row.get(3)?),
                length_ms: row.get::<_, Option<i64>>(4)?.map(unsigned),
            })
        })?
        .collect::<Result<_, _>>()?;
    record.tasks = db
        .prepare_cached(
            "SELECT id, queue, operator, offers, queued_ms, assigned_ms, ended_ms, outcome, cause,
                wait_ms, talk_ms, wrap_up_ms
             FROM task WHERE call = ?1 ORDER BY queued_ms, rowid",
        )?
        .query_map([&id], task_of)?
        .collect::<Result<_, _>>()?;
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
    })
}

fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    serde_json::from_str(&row.get::<_, String>(at)?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, error.into())
    })
}

fn utc(ms: i64) -> Utc {
    Utc::from_millisecond(ms).unwrap_or(Utc::UNIX_EPOCH)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
