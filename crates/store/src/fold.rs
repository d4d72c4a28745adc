//! One event into the tables.

use b2bua::config::Name;
use b2bua::event::{CallResult, Kind, Mode, Phase, Role, TaskKind, Work};
use b2bua::{CallKey, CallbackEnd, Event, TaskKey, What};
use rusqlite::{Connection, ToSql, params};

use crate::open::{NO_CALL, Open, OpenCall, Task};
use crate::{recording, standing};

pub(crate) type Done = rusqlite::Result<()>;

/// Folds one event. Whether it was folded before is the caller's to know. What belongs to a call
/// whose start was lost is left out: nobody could find it.
pub(crate) fn apply(db: &Connection, open: &mut Open, node: &str, event: &Event) -> Done {
    let at = event.at.as_millisecond();
    if let Some(call) = event.call {
        match &event.what {
            What::CallStarted { .. } => start_call(db, open, node, event, call)?,
            What::CallAnswered { .. }
            | What::CallContext { .. }
            | What::CallSegment { .. }
            | What::CallEnded { .. } => {
                fold_call(db, open, event, call)?;
            }
            What::TaskQueued { queue, .. } => queue_call(db, open, call, queue)?,
            What::ParticipantJoined { .. }
            | What::ParticipantLeft { .. }
            | What::ParticipantMode { .. } => {
                fold_participant(db, open, event, call)?;
            }
            What::RecordingStarted { .. }
            | What::RecordingStopped { .. }
            | What::RecordingFailed { .. }
            | What::RecordingGap { .. }
            | What::RecordingPlayed { .. }
            | What::RecordingErased { .. } => recording::apply(db, open, event, call)?,
            _ => {}
        }
    }
    standing::apply(db, open, event)?;
    if let What::RecordingExpired { before, .. } = &event.what {
        recording::expire(db, before.as_millisecond(), at)?;
    }
    event.task.map_or(Ok(()), |task| fold_task(db, open, event, task, at))
}

pub(crate) fn run(db: &Connection, sql: &str, params: &[&dyn ToSql]) -> rusqlite::Result<usize> {
    db.prepare_cached(sql)?.execute(params)
}

fn start_call(db: &Connection, open: &mut Open, node: &str, event: &Event, key: CallKey) -> Done {
    let What::CallStarted { kind, predecessor, from, to, trunk, context, .. } = &event.what else {
        return Ok(());
    };
    let at = event.at.as_millisecond();
    let added = run(
        db,
        "INSERT OR IGNORE INTO call
            (id, node, kind, caller, callee, trunk, context, started_ms, predecessor)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            key.to_string(),
            node,
            kind_name(*kind),
            from,
            to,
            trunk,
            json(context),
            at,
            predecessor.map(|call| call.to_string())
        ],
    )?;
    if added > 0 {
        open.add_call(key, OpenCall { row: db.last_insert_rowid(), queued: false });
    }
    Ok(())
}

fn fold_call(db: &Connection, open: &mut Open, event: &Event, key: CallKey) -> Done {
    let Some(OpenCall { row: call, .. }) = open.call(db, key)? else { return Ok(()) };
    let at = event.at.as_millisecond();
    match &event.what {
        What::CallAnswered { operator } => run(
            db,
            "UPDATE call SET answered_ms = coalesce(answered_ms, ?2),
                operator = coalesce(?3, operator) WHERE row = ?1",
            params![call, at, operator],
        )?,
        What::CallContext { context } => {
            run(db, "UPDATE call SET context = ?2 WHERE row = ?1", params![call, json(context)])?
        }
        What::CallSegment { phase, participants, hears } => run(
            db,
            "INSERT OR IGNORE INTO segment (call, seq, phase, participants, hears, start_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                call,
                number(event.seq),
                phase_name(*phase),
                json(participants),
                json(hears),
                at
            ],
        )?,
        What::CallEnded { result, cause, totals } => {
            run(
                db,
                "UPDATE call SET ended_ms = ?2, result = ?3, cause = ?4,
                    wait_ms = ?5, ring_ms = ?6, talk_ms = ?7, hold_ms = ?8
                 WHERE row = ?1 AND ended_ms IS NULL",
                params![
                    call,
                    at,
                    result_name(*result),
                    cause,
                    number(totals.wait_ms),
                    number(totals.ring_ms),
                    number(totals.talk_ms),
                    number(totals.hold_ms)
                ],
            )?;
            open.end_call(key);
            0
        }
        _ => 0,
    };
    Ok(())
}

/// Notes the first queue of a call.
fn queue_call(db: &Connection, open: &mut Open, key: CallKey, queue: &str) -> Done {
    if let Some(OpenCall { row, queued: false }) = open.call(db, key)? {
        run(db, "UPDATE call SET queue = ?2 WHERE row = ?1", params![row, queue])?;
        open.queued(key);
    }
    Ok(())
}

fn fold_participant(db: &Connection, open: &mut Open, event: &Event, key: CallKey) -> Done {
    let Some(OpenCall { row: call, .. }) = open.call(db, key)? else { return Ok(()) };
    let at = event.at.as_millisecond();
    match &event.what {
        What::ParticipantJoined { participant, role, operator, uri, .. } => run(
            db,
            "INSERT OR IGNORE INTO participant (call, id, role, operator, uri, joined_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![call, participant.to_string(), role.as_str(), operator, uri, at],
        )?,
        What::ParticipantLeft { participant } => run(
            db,
            "UPDATE participant SET left_ms = ?3 WHERE call = ?1 AND id = ?2",
            params![call, participant.to_string(), at],
        )?,
        // A supervisor who took the operator's place served from then on.
        What::ParticipantMode { participant, mode: Mode::Intercept, .. } => run(
            db,
            "UPDATE participant SET role = ?3 WHERE call = ?1 AND id = ?2",
            params![call, participant.to_string(), Role::Operator.as_str()],
        )?,
        _ => 0,
    };
    Ok(())
}

fn fold_task(db: &Connection, open: &mut Open, event: &Event, key: TaskKey, at: i64) -> Done {
    follow_call(db, open, event, key)?;
    match &event.what {
        What::TaskQueued { queue, .. } => queue_task(db, open, event, key, queue),
        What::CallbackCreated { queue, .. } => task(db, open, event, key, queue).map(|_| ()),
        What::CallbackDone { result, .. } => end_callback(db, open, key, *result, at),
        What::TaskAssigned { queue, operator, wait_ms } => {
            let Some(found) = task(db, open, event, key, queue)? else { return Ok(()) };
            run(
                db,
                "UPDATE task SET operator = ?3, assigned_ms = ?4, wait_ms = ?5
                 WHERE call = ?1 AND seq = ?2",
                params![found.call, found.seq, operator, at, number(*wait_ms)],
            )?;
            open.change(key, |task| task.operator = Some(operator.clone()));
            Ok(())
        }
        What::TaskWrapping { operator, .. } => {
            let Some(task) = open.task(db, key)? else { return Ok(()) };
            if task.operator.as_ref() != Some(operator) {
                run(
                    db,
                    "UPDATE task SET operator = ?3 WHERE call = ?1 AND seq = ?2",
                    params![task.call, task.seq, operator],
                )?;
                open.change(key, |task| task.operator = Some(operator.clone()));
            }
            Ok(())
        }
        What::TaskCompleted { queue, operator, talk_ms, wrap_up_ms, .. } => {
            let Some(found) = task(db, open, event, key, queue)? else { return Ok(()) };
            if found.operator.as_ref() != Some(operator) {
                run(
                    db,
                    "UPDATE task SET operator = ?3
                     WHERE call = ?1 AND seq = ?2 AND ended_ms IS NULL",
                    params![found.call, found.seq, operator],
                )?;
            }
            run(
                db,
                "UPDATE task SET ended_ms = ?3, outcome = 'completed', talk_ms = ?4,
                    wrap_up_ms = ?5 WHERE call = ?1 AND seq = ?2 AND ended_ms IS NULL",
                params![found.call, found.seq, at, number(*talk_ms), number(*wrap_up_ms)],
            )?;
            open.end_task(key);
            Ok(())
        }
        What::ReservationOffered { .. } => {
            let Some(task) = open.task(db, key)? else { return Ok(()) };
            run(
                db,
                "UPDATE task SET offers = offers + 1 WHERE call = ?1 AND seq = ?2",
                params![task.call, task.seq],
            )?;
            Ok(())
        }
        _ => fold_failure(db, open, event, key, at),
    }
}

/// A callback is of the call that was made for it last: of none before its first offer.
fn follow_call(db: &Connection, open: &mut Open, event: &Event, key: TaskKey) -> Done {
    let Some(call) = event.call else { return Ok(()) };
    let Some(task) = open.task(db, key)?.filter(|task| task.is_callback) else { return Ok(()) };
    let Some(OpenCall { row, .. }) = open.call(db, call)? else { return Ok(()) };
    if task.call != row {
        let sql = "UPDATE task SET call = ?3 WHERE call = ?1 AND seq = ?2";
        run(db, sql, params![task.call, task.seq, row])?;
        open.follow(key, Task { call: row, ..task });
    }
    Ok(())
}

/// One that was never offered may end before there was a task of it. What else becomes of its task is
/// told by that.
fn end_callback(
    db: &Connection,
    open: &mut Open,
    key: TaskKey,
    result: CallbackEnd,
    at: i64,
) -> Done {
    let found = open.task(db, key)?;
    let Some(found) = found.filter(|task| task.call == NO_CALL && !task.ended) else {
        return Ok(());
    };
    let outcome = match result {
        CallbackEnd::Reached => return Ok(()),
        CallbackEnd::Failed | CallbackEnd::Lost => "failed",
        CallbackEnd::Expired => "expired",
        CallbackEnd::Merged | CallbackEnd::Withdrawn => "withdrawn",
    };
    run(
        db,
        "UPDATE task SET ended_ms = ?3, outcome = ?4, cause = ?5 WHERE call = ?1 AND seq = ?2",
        params![found.call, found.seq, at, outcome, result.as_str()],
    )?;
    open.end_task(key);
    Ok(())
}

/// A task that ended without a talk.
fn fold_failure(db: &Connection, open: &mut Open, event: &Event, key: TaskKey, at: i64) -> Done {
    let (queue, outcome, cause, wait_ms) = match &event.what {
        What::TaskAbandoned { queue, wait_ms } => (queue, "abandoned", None, Some(*wait_ms)),
        What::TaskExpired { queue, wait_ms } => (queue, "expired", None, Some(*wait_ms)),
        What::TaskOverflowed { queue, wait_ms } => (queue, "overflowed", None, Some(*wait_ms)),
        What::TaskFailed { queue, cause } => (queue, "failed", Some(cause), None),
        What::TaskWithdrawn { queue } => (queue, "withdrawn", None, None),
        _ => return Ok(()),
    };
    let Some(found) = task(db, open, event, key, queue)? else { return Ok(()) };
    run(
        db,
        "UPDATE task SET ended_ms = ?3, outcome = ?4, cause = ?5, wait_ms = coalesce(?6, wait_ms)
         WHERE call = ?1 AND seq = ?2 AND ended_ms IS NULL",
        params![found.call, found.seq, at, outcome, cause, wait_ms.map(number)],
    )?;
    open.end_task(key);
    Ok(())
}

/// A task enters a queue. One that was over may be revived.
fn queue_task(db: &Connection, open: &mut Open, event: &Event, key: TaskKey, queue: &Name) -> Done {
    let Some(task) = task(db, open, event, key, queue)? else { return Ok(()) };
    if task.ended {
        run(
            db,
            "UPDATE task SET ended_ms = NULL, outcome = NULL, cause = NULL
             WHERE call = ?1 AND seq = ?2",
            params![task.call, task.seq],
        )?;
        open.add_task(key, Task { ended: false, ..task });
    }
    Ok(())
}

/// The task's row, which is in this queue; made where its first event was lost. None where its call
/// is unknown, or it has none and what tells of it is not its beginning.
fn task(
    db: &Connection,
    open: &mut Open,
    event: &Event,
    key: TaskKey,
    queue: &Name,
) -> rusqlite::Result<Option<Task>> {
    let Some(mut task) = open.task(db, key)? else { return new_task(db, open, event, key, queue) };
    if task.queue != *queue {
        run(
            db,
            "UPDATE task SET queue = ?3 WHERE call = ?1 AND seq = ?2",
            params![task.call, task.seq, queue],
        )?;
        task.queue = queue.clone();
        open.change(key, |task| task.queue = queue.clone());
    }
    Ok(Some(task))
}

fn new_task(
    db: &Connection,
    open: &mut Open,
    event: &Event,
    key: TaskKey,
    queue: &Name,
) -> rusqlite::Result<Option<Task>> {
    let work = match &event.what {
        What::TaskQueued { work, .. } | What::CallbackCreated { work, .. } => Some(*work),
        _ => None,
    };
    let call = match event.call {
        Some(call) => open.call(db, call)?.map(|call| call.row),
        None => work.map(|_| NO_CALL),
    };
    let (Some(call), Work { kind, channel }) = (call, work.unwrap_or(Work::CALL)) else {
        return Ok(None);
    };
    let (seq, queue, is_callback) = (number(event.seq), queue.clone(), kind == TaskKind::Callback);
    let task = Task { call, seq, queue, operator: None, ended: false, is_callback };
    run(
        db,
        "INSERT INTO task (call, seq, id, queue, queued_ms, kind, channel)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            task.call,
            task.seq,
            key.to_string(),
            task.queue,
            event.at.as_millisecond(),
            kind.as_str(),
            channel.as_str()
        ],
    )?;
    open.add_task(key, task.clone());
    Ok(Some(task))
}

pub(crate) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Inbound => "inbound",
        Kind::Outbound => "outbound",
        Kind::Internal => "internal",
    }
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Wait => "wait",
        Phase::Ring => "ring",
        Phase::Talk => "talk",
        Phase::Hold => "hold",
    }
}

fn result_name(result: CallResult) -> &'static str {
    match result {
        CallResult::Answered => "answered",
        CallResult::Abandoned => "abandoned",
        CallResult::Failed => "failed",
        CallResult::Ended => "ended",
        CallResult::Crash => "crash",
    }
}
