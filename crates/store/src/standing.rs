//! What outlives the process: customers who are to be called back, and what operators chose to be.

use std::time::Duration;

use b2bua::config::Name;
use b2bua::{Callback, CallbackCause, Choice, Event, Restored, TaskKey, What};
use rusqlite::{Connection, Row, params};

use crate::fold::{Done, json, number, run};
use crate::open::Open;

pub(crate) const SCHEMA: &str = "
    CREATE TABLE callback (
        id TEXT PRIMARY KEY,
        queue TEXT NOT NULL,
        number TEXT NOT NULL,
        name TEXT,
        trunk TEXT NOT NULL,
        cause TEXT NOT NULL,
        predecessor TEXT,
        virtual_start_ms INTEGER NOT NULL,
        priority_s INTEGER NOT NULL,
        not_before_ms INTEGER,
        expires_ms INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        terms TEXT NOT NULL,
        context TEXT NOT NULL,
        result TEXT,
        done_ms INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX callback_open ON callback (virtual_start_ms) WHERE result IS NULL;
    CREATE TABLE chosen (
        operator TEXT PRIMARY KEY,
        state TEXT NOT NULL,
        reason TEXT
    ) WITHOUT ROWID;
";

/// Folds one event.
pub(crate) fn apply(db: &Connection, open: &mut Open, event: &Event) -> Done {
    match (&event.what, event.task) {
        (What::OperatorState { operator, chosen, .. }, _) => chose(db, open, operator, chosen),
        (what @ What::CallbackCreated { .. }, Some(task)) => create(db, task, what),
        (What::CallbackAttempt { attempt, next, .. }, Some(task)) => {
            let next = next.map(b2bua::Utc::as_millisecond);
            let sql = "UPDATE callback SET attempts = ?2, not_before_ms = ?3 WHERE id = ?1";
            run(db, sql, params![task.to_string(), attempt, next]).map(|_| ())
        }
        (What::TaskPrioritised { priority_s, .. }, Some(task)) => {
            let sql = "UPDATE callback SET priority_s = ?2 WHERE id = ?1";
            run(db, sql, params![task.to_string(), priority_s]).map(|_| ())
        }
        (What::CallbackDone { result, .. }, Some(task)) => {
            let at = event.at.as_millisecond();
            let sql = "UPDATE callback SET result = ?2, done_ms = ?3 WHERE id = ?1";
            run(db, sql, params![task.to_string(), result.as_str(), at]).map(|_| ())
        }
        _ => Ok(()),
    }
}

/// What somebody has chosen stands, till they sign out by their phone. The state changes with each call, the
/// choice hardly ever.
fn chose(
    db: &Connection,
    open: &mut Open,
    operator: &Name,
    chosen: &b2bua::event::ChosenState,
) -> Done {
    if &*chosen.cause == "configured" || !open.chose(operator, chosen) {
        return Ok(());
    }
    if &*chosen.cause == "chosen" {
        let sql = "INSERT OR REPLACE INTO chosen (operator, state, reason) VALUES (?1, ?2, ?3)";
        run(db, sql, params![operator, chosen.state.as_str(), chosen.reason])?;
    } else {
        run(db, "DELETE FROM chosen WHERE operator = ?1", params![operator])?;
    }
    Ok(())
}

fn create(db: &Connection, task: TaskKey, what: &What) -> Done {
    let What::CallbackCreated {
        queue,
        number: dialled,
        name,
        trunk,
        cause,
        predecessor,
        virtual_start,
        priority_s,
        not_before,
        expires,
        attempts,
        terms,
        context,
        restored: _,
        work: _,
    } = what
    else {
        return Ok(());
    };
    run(
        db,
        "INSERT OR REPLACE INTO callback (id, queue, number, name, trunk, cause, predecessor,
            virtual_start_ms, priority_s, not_before_ms, expires_ms, attempts, terms, context)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            task.to_string(),
            queue,
            dialled,
            name,
            trunk,
            cause.as_str(),
            predecessor.map(|call| call.to_string()),
            virtual_start.as_millisecond(),
            priority_s,
            not_before.map(b2bua::Utc::as_millisecond),
            expires.as_millisecond(),
            number(u64::from(*attempts)),
            json(terms),
            json(context)
        ],
    )?;
    Ok(())
}

/// All that is to be as it was.
pub(crate) fn read(db: &Connection) -> rusqlite::Result<Restored> {
    let mut statement = db.prepare(
        "SELECT id, queue, number, name, trunk, cause, predecessor, virtual_start_ms, priority_s,
            not_before_ms, expires_ms, attempts, context, terms
         FROM callback WHERE result IS NULL ORDER BY virtual_start_ms",
    )?;
    let rows = statement.query_map([], callback)?;
    let callbacks = rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let mut statement = db.prepare("SELECT operator, state, reason FROM chosen")?;
    let rows = statement.query_map([], |row| {
        let operator: String = row.get(0)?;
        let (state, reason): (String, Option<String>) = (row.get(1)?, row.get(2)?);
        let choice = match state.as_str() {
            "ready" => Choice::Ready,
            "offline" => Choice::Offline,
            _ => Choice::NotReady { reason: reason.map(Name::from) },
        };
        Ok((Name::from(operator), choice))
    })?;
    let chosen = rows.collect::<Result<_, _>>()?;
    Ok(Restored { callbacks, chosen })
}

/// None where the row is not of our making.
fn callback(row: &Row<'_>) -> rusqlite::Result<Option<(TaskKey, Name, Callback)>> {
    let text = |at: usize| row.get::<_, String>(at);
    let time = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    let (key, terms) = (text(0)?.parse::<TaskKey>(), serde_json::from_str(&text(13)?));
    let (Ok(key), Ok(terms)) = (key, terms) else { return Ok(None) };
    let cause = match text(5)?.as_str() {
        "key" => CallbackCause::Key,
        "abandoned" => CallbackCause::Abandoned,
        _ => CallbackCause::Order,
    };
    let callback = Callback {
        number: text(2)?.into(),
        name: row.get(3)?,
        trunk: text(4)?.into(),
        context: serde_json::from_str(&text(12)?).unwrap_or_default(),
        predecessor: row.get::<_, Option<String>>(6)?.and_then(|call| call.parse().ok()),
        cause,
        virtual_start: time(row.get(7)?),
        priority_s: row.get(8)?,
        not_before: row.get::<_, Option<i64>>(9)?.map(time),
        expires: time(row.get(10)?),
        attempts: row.get(11)?,
        terms,
    };
    Ok(Some((key, text(1)?.into(), callback)))
}
