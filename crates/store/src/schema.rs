//! The tables, and what happens to them when a run begins and ends. Times are UTC in milliseconds
//! since 1970, identifiers are as they print.

use std::path::Path;

use rusqlite::{Connection, Transaction, params};

use crate::{SEQ_GAP, StoreError};

/// One step per version; a database of version n has had the first n.
const STEPS: [&str; 1] = ["
    CREATE TABLE node (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        name TEXT NOT NULL,
        last_seq INTEGER NOT NULL,
        last_ms INTEGER NOT NULL,
        clean INTEGER NOT NULL
    );
    CREATE TABLE event (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE call (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        node TEXT NOT NULL,
        kind TEXT NOT NULL,
        caller TEXT NOT NULL,
        callee TEXT NOT NULL,
        trunk TEXT,
        queue TEXT,
        operator TEXT,
        context TEXT NOT NULL,
        started_ms INTEGER NOT NULL,
        answered_ms INTEGER,
        ended_ms INTEGER,
        result TEXT,
        cause TEXT,
        wait_ms INTEGER NOT NULL DEFAULT 0,
        ring_ms INTEGER NOT NULL DEFAULT 0,
        talk_ms INTEGER NOT NULL DEFAULT 0,
        hold_ms INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX call_started ON call (started_ms);
    CREATE INDEX call_caller ON call (caller);
    CREATE INDEX call_callee ON call (callee);
    CREATE INDEX call_open ON call (row) WHERE ended_ms IS NULL;
    CREATE TABLE segment (
        call TEXT NOT NULL,
        seq INTEGER NOT NULL,
        phase TEXT NOT NULL,
        participants TEXT NOT NULL,
        hears TEXT NOT NULL,
        start_ms INTEGER NOT NULL,
        length_ms INTEGER,
        PRIMARY KEY (call, seq)
    ) WITHOUT ROWID;
    CREATE INDEX segment_open ON segment (call) WHERE length_ms IS NULL;
    CREATE TABLE participant (
        call TEXT NOT NULL,
        id TEXT NOT NULL,
        role TEXT NOT NULL,
        operator TEXT,
        uri TEXT NOT NULL,
        joined_ms INTEGER NOT NULL,
        left_ms INTEGER,
        PRIMARY KEY (call, id)
    ) WITHOUT ROWID;
    CREATE INDEX participant_operator ON participant (operator, call);
    CREATE INDEX participant_open ON participant (call) WHERE left_ms IS NULL;
    CREATE TABLE task (
        id TEXT PRIMARY KEY,
        call TEXT,
        queue TEXT NOT NULL,
        operator TEXT,
        offers INTEGER NOT NULL DEFAULT 0,
        queued_ms INTEGER NOT NULL,
        assigned_ms INTEGER,
        ended_ms INTEGER,
        outcome TEXT,
        cause TEXT,
        wait_ms INTEGER,
        talk_ms INTEGER,
        wrap_up_ms INTEGER
    );
    CREATE INDEX task_call ON task (call);
    CREATE INDEX task_queue ON task (queue, call);
    CREATE INDEX task_operator ON task (operator, call);
    CREATE INDEX task_open ON task (id) WHERE ended_ms IS NULL;
"];

/// Opens the writer's connection and brings the schema up to date.
pub(crate) fn open(path: &Path, pages_max: Option<u32>) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_millis(200))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    if let Some(pages) = pages_max {
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let Some(steps) = usize::try_from(found).ok().and_then(|found| STEPS.get(found..)) else {
        let path = path.display().to_string();
        return Err(StoreError::Newer { path, found, known });
    };
    let migration = connection.transaction()?;
    for step in steps {
        migration.execute_batch(step)?;
    }
    migration.pragma_update(None, "user_version", known)?;
    migration.commit()?;
    Ok(connection)
}

/// Closes what the previous run left open and tells the first number of this one.
pub(crate) fn begin_run(connection: &mut Connection, node: &str) -> Result<u64, StoreError> {
    let run = connection.transaction()?;
    run.execute("INSERT OR IGNORE INTO node VALUES (1, ?1, 0, 0, 1)", [node])?;
    let (last_seq, last_ms, clean): (i64, i64, bool) =
        run.query_row("SELECT last_seq, last_ms, clean FROM node", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let last_seq = u64::try_from(last_seq).unwrap_or(0) + if clean { 0 } else { SEQ_GAP };
    close_open(&run, last_ms)?;
    run.execute(
        "UPDATE node SET name = ?1, last_seq = ?2, clean = 0",
        params![node, i64::try_from(last_seq).unwrap_or(i64::MAX)],
    )?;
    run.commit()?;
    Ok(last_seq + 1)
}

/// Marks the stop as clean: the next run goes on right after `last_seq`.
pub(crate) fn end_run(connection: &Connection, last_seq: u64) -> rusqlite::Result<()> {
    let last_seq = i64::try_from(last_seq).unwrap_or(i64::MAX);
    connection.execute("UPDATE node SET last_seq = ?1, clean = 1", [last_seq])?;
    Ok(())
}

/// The last moment known of the dead process is when its calls are said to have ended.
fn close_open(run: &Transaction<'_>, last_ms: i64) -> rusqlite::Result<()> {
    run.execute(
        "UPDATE segment SET length_ms = max(0, ?1 - start_ms) WHERE length_ms IS NULL",
        [last_ms],
    )?;
    let calls = run.execute(
        "UPDATE call SET
            ended_ms = max(?1, started_ms), result = 'crash', cause = 'crash',
            -- Before its first segment a call waits, unanswered.
            wait_ms = max(0, max(?1, started_ms) - started_ms -
                (SELECT total(length_ms) FROM segment WHERE call = id AND phase <> 'wait')),
            ring_ms = (SELECT total(length_ms) FROM segment WHERE call = id AND phase = 'ring'),
            talk_ms = (SELECT total(length_ms) FROM segment WHERE call = id AND phase = 'talk'),
            hold_ms = (SELECT total(length_ms) FROM segment WHERE call = id AND phase = 'hold')
         WHERE ended_ms IS NULL",
        [last_ms],
    )?;
    run.execute("UPDATE participant SET left_ms = ?1 WHERE left_ms IS NULL", [last_ms])?;
    run.execute(
        "UPDATE task SET ended_ms = max(?1, queued_ms), outcome = 'crash' WHERE ended_ms IS NULL",
        [last_ms],
    )?;
    if calls > 0 {
        tracing::warn!(calls, "store: closed the calls of a run that did not end cleanly");
    }
    Ok(())
}
