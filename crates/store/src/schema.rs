//! The tables, and what happens to them when a run begins and ends. Times are UTC in milliseconds
//! since 1970, identifiers are as they print.
//!
//! Identifiers are spread by chance, rows rise: what belongs to a call has its row for a key, so
//! that a batch writes to the end of a few tables however long the history. What follows from other
//! rows is not written: a segment ends where the next begins or the call ends, and whoever has not
//! left before the call's end left then. Which calls and tasks are open is looked for from
//! `node.open_from` on, below which are none.

use std::path::Path;

use rusqlite::{Connection, Transaction, params};

use crate::{SEQ_GAP, StoreError, history, standing};

/// One step per version; a database of version n has had the first n.
const STEPS: [&str; 7] = [V1, V2, V3, V4, history::SCHEMA, standing::SCHEMA, V7];

/// What a task is. One that is no call's, or no call's yet, is of the call 0, which is none.
const V7: &str = "
    ALTER TABLE task ADD COLUMN kind TEXT NOT NULL DEFAULT 'call';
    ALTER TABLE task ADD COLUMN channel TEXT NOT NULL DEFAULT 'voice';
    UPDATE task SET kind = 'callback' WHERE id IN (SELECT id FROM callback);
";

/// The call whose participants go on in this one.
const V4: &str = "ALTER TABLE call ADD COLUMN predecessor TEXT;";

const V1: &str = "
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
";

/// Events by the batch: a line each, its number less `first`, a space, its JSON; `kept` counts
/// those of all batches up to this one. What is a call's goes by its row.
const V2: &str = "
    ALTER TABLE node ADD COLUMN open_from INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE batch (
        last INTEGER PRIMARY KEY,
        first INTEGER NOT NULL,
        kept INTEGER NOT NULL,
        body TEXT NOT NULL
    );
    INSERT INTO batch
        SELECT max(seq), first, sum(count(*)) OVER (ORDER BY first),
            group_concat((seq - first) || ' ' || body, char(10) ORDER BY seq)
        FROM (SELECT seq, body, min(seq) OVER (PARTITION BY seq / 128) AS first FROM event)
        GROUP BY first;
    DROP TABLE event;
    CREATE TABLE new_segment (
        call INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        phase TEXT NOT NULL,
        participants TEXT NOT NULL,
        hears TEXT NOT NULL,
        start_ms INTEGER NOT NULL,
        PRIMARY KEY (call, seq)
    ) WITHOUT ROWID;
    INSERT INTO new_segment
        SELECT row, seq, phase, participants, hears, start_ms
        FROM segment JOIN call ON call.id = segment.call ORDER BY row, seq;
    DROP TABLE segment;
    ALTER TABLE new_segment RENAME TO segment;
    CREATE TABLE new_participant (
        call INTEGER NOT NULL,
        id TEXT NOT NULL,
        role TEXT NOT NULL,
        operator TEXT,
        uri TEXT NOT NULL,
        joined_ms INTEGER NOT NULL,
        left_ms INTEGER,
        PRIMARY KEY (call, id)
    ) WITHOUT ROWID;
    INSERT INTO new_participant
        SELECT row, participant.id, role, participant.operator, uri, joined_ms, left_ms
        FROM participant JOIN call ON call.id = participant.call ORDER BY row, participant.id;
    DROP TABLE participant;
    ALTER TABLE new_participant RENAME TO participant;
    CREATE INDEX participant_operator ON participant (operator, call)
        WHERE operator IS NOT NULL;
    CREATE TABLE new_task (
        call INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        id TEXT NOT NULL UNIQUE,
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
        wrap_up_ms INTEGER,
        PRIMARY KEY (call, seq)
    ) WITHOUT ROWID;
    INSERT INTO new_task
        SELECT call.row, task.rowid, task.id, task.queue, task.operator, offers, queued_ms,
            assigned_ms, task.ended_ms, outcome, task.cause, task.wait_ms, task.talk_ms, wrap_up_ms
        FROM task JOIN call ON call.id = task.call ORDER BY call.row, task.rowid;
    DROP TABLE task;
    ALTER TABLE new_task RENAME TO task;
    CREATE INDEX task_queue ON task (queue, call);
    CREATE INDEX task_operator ON task (operator, call) WHERE operator IS NOT NULL;
    CREATE TABLE new_call (
        row INTEGER PRIMARY KEY,
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
    INSERT INTO new_call SELECT * FROM call ORDER BY row;
    DROP TABLE call;
    ALTER TABLE new_call RENAME TO call;
    CREATE INDEX call_started ON call (started_ms);
    CREATE INDEX call_caller ON call (caller);
    CREATE INDEX call_callee ON call (callee);
";

/// Recordings, by the rows of their calls, and who has listened to them.
const V3: &str = "
    CREATE TABLE recording (
        call INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        file TEXT NOT NULL,
        hz INTEGER NOT NULL,
        started_ms INTEGER NOT NULL,
        stopped_ms INTEGER,
        cause TEXT,
        lost_ms INTEGER NOT NULL DEFAULT 0,
        erased_ms INTEGER
    );
    CREATE INDEX recording_kept ON recording (started_ms) WHERE erased_ms IS NULL;
    CREATE TABLE listening (
        call INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        listener TEXT NOT NULL,
        PRIMARY KEY (call, seq)
    ) WITHOUT ROWID;
";

/// What the writer keeps of the file in memory, in kB.
const CACHE_KB: i32 = 256;

/// Opens the writer's connection and brings the schema up to date.
pub(crate) fn open(path: &Path, pages_max: Option<u32>) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_millis(200))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // Rows are added at the end and closed soon after; more would hold pages nobody looks at again.
    connection.pragma_update(None, "cache_size", -CACHE_KB)?;
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

/// What the writer begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The last event folded.
    pub(crate) seq: i64,
    /// The latest time of an event folded, UTC in milliseconds.
    pub(crate) ms: i64,
    /// No call of a lower row is open, nor has an open task.
    pub(crate) open_from: i64,
    /// Events ever kept.
    pub(crate) kept: i64,
}

/// Closes what the previous run left open and tells where this one begins.
pub(crate) fn begin_run(connection: &mut Connection, node: &str) -> Result<Mark, StoreError> {
    let run = connection.transaction()?;
    run.execute(
        "INSERT OR IGNORE INTO node (one, name, last_seq, last_ms, clean) VALUES (1, ?1, 0, 0, 1)",
        [node],
    )?;
    let (last_seq, ms, clean, open_from): (i64, i64, bool, i64) =
        run.query_row("SELECT last_seq, last_ms, clean, open_from FROM node", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    let gap = if clean { 0 } else { i64::try_from(SEQ_GAP).unwrap_or(i64::MAX) };
    let seq = last_seq.saturating_add(gap);
    if ms > 0 {
        history::began(&run, ms, waiting(&run, open_from)?)?;
    }
    close_open(&run, ms, open_from)?;
    let open_from =
        run.query_row("SELECT coalesce(max(row), 0) + 1 FROM call", [], |row| row.get(0))?;
    run.execute(
        "UPDATE node SET name = ?1, last_seq = ?2, open_from = ?3, clean = 0",
        params![node, seq, open_from],
    )?;
    let kept = "SELECT coalesce((SELECT kept FROM batch ORDER BY last DESC LIMIT 1), 0)";
    let kept = run.query_row(kept, [], |row| row.get(0))?;
    run.commit()?;
    Ok(Mark { seq, ms, open_from, kept })
}

/// Marks the stop as clean: the next run goes on right after `last_seq`, and whoever was signed in was
/// until `now_ms`.
pub(crate) fn end_run(connection: &Connection, last_seq: u64, now_ms: i64) -> rusqlite::Result<()> {
    let last_seq = i64::try_from(last_seq).unwrap_or(i64::MAX);
    // Where nothing ever happened there is nobody.
    let seen = "CASE last_ms WHEN 0 THEN 0 ELSE max(last_ms, ?2) END";
    let sql = format!("UPDATE node SET last_seq = ?1, last_ms = {seen}, clean = 1");
    connection.execute(&sql, [last_seq, now_ms])?;
    Ok(())
}

/// Tasks that nobody had answered when the run before ended, by queue. Callbacks outlive it.
fn waiting(run: &Transaction<'_>, open_from: i64) -> rusqlite::Result<Vec<(String, u64)>> {
    let mut statement = run.prepare(
        "SELECT queue, count(*) FROM task
         WHERE call >= ?1 AND ended_ms IS NULL AND assigned_ms IS NULL AND kind <> 'callback'
         GROUP BY queue",
    )?;
    let rows = statement.query_map([open_from], |row| {
        Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0)))
    })?;
    rows.collect()
}

/// The last moment known of the dead process is when its calls are said to have ended.
fn close_open(run: &Transaction<'_>, last_ms: i64, open_from: i64) -> rusqlite::Result<()> {
    // A segment lasts until the next, the last one until the end.
    let spent = |phase| {
        format!(
            "(SELECT total(max(0, coalesce(
                (SELECT next.start_ms FROM segment AS next
                 WHERE next.call = segment.call AND next.seq > segment.seq
                 ORDER BY next.seq LIMIT 1), max(?1, call.started_ms)) - segment.start_ms))
              FROM segment WHERE segment.call = call.row AND segment.phase {phase})"
        )
    };
    let (ring, talk, hold) = (spent("= 'ring'"), spent("= 'talk'"), spent("= 'hold'"));
    // Before its first segment a call waits, unanswered.
    let otherwise = spent("<> 'wait'");
    let calls = run.execute(
        &format!(
            "UPDATE call SET ended_ms = max(?1, started_ms), result = 'crash', cause = 'crash',
                wait_ms = max(0, max(?1, started_ms) - started_ms - {otherwise}),
                ring_ms = {ring}, talk_ms = {talk}, hold_ms = {hold}
             WHERE row >= ?2 AND ended_ms IS NULL"
        ),
        [last_ms, open_from],
    )?;
    run.execute(
        "UPDATE task SET ended_ms = max(?1, queued_ms), outcome = 'crash'
         WHERE call >= ?2 AND ended_ms IS NULL",
        [last_ms, open_from],
    )?;
    run.execute(
        "UPDATE recording SET stopped_ms = max(?1, started_ms), cause = 'crash'
         WHERE call >= ?2 AND stopped_ms IS NULL",
        [last_ms, open_from],
    )?;
    if calls > 0 {
        tracing::warn!(calls, "store: closed the calls of a run that did not end cleanly");
    }
    Ok(())
}
