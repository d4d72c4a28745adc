//! One event into the tables.

use b2bua::event::{CallResult, Kind, Phase};
use b2bua::{Event, What};
use rusqlite::{Connection, ToSql, params};

type Done = rusqlite::Result<()>;

/// Folds one event. Whether it was folded before is the caller's to know.
pub(crate) fn apply(db: &Connection, node: &str, event: &Event) -> Done {
    let at = event.at.as_millisecond();
    if let Some(call) = event.call {
        fold_call(db, node, event, &call.to_string(), at)?;
    }
    if let Some(task) = event.task {
        fold_task(db, event, &task.to_string(), at)?;
    }
    Ok(())
}

fn run(db: &Connection, sql: &str, params: &[&dyn ToSql]) -> Done {
    db.prepare_cached(sql)?.execute(params)?;
    Ok(())
}

fn fold_call(db: &Connection, node: &str, event: &Event, call: &str, at: i64) -> Done {
    match &event.what {
        What::CallStarted { kind, from, to, trunk, context } => run(
            db,
            "INSERT OR IGNORE INTO call
                (id, node, kind, caller, callee, trunk, context, started_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![call, node, kind_name(*kind), from, to, trunk, json(context), at],
        ),
        What::CallAnswered { operator } => run(
            db,
            "UPDATE call SET answered_ms = coalesce(answered_ms, ?2),
                operator = coalesce(?3, operator) WHERE id = ?1",
            params![call, at, operator],
        ),
        What::CallSegment { phase, participants, hears } => {
            close_segment(db, call, at)?;
            run(
                db,
                "INSERT OR IGNORE INTO segment (call, seq, phase, participants, hears, start_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    call,
                    i64::try_from(event.seq).unwrap_or(i64::MAX),
                    phase_name(*phase),
                    json(participants),
                    json(hears),
                    at
                ],
            )
        }
        What::CallEnded { result, cause, totals } => {
            close_segment(db, call, at)?;
            run(
                db,
                "UPDATE participant SET left_ms = ?2 WHERE call = ?1 AND left_ms IS NULL",
                params![call, at],
            )?;
            run(
                db,
                "UPDATE call SET ended_ms = ?2, result = ?3, cause = ?4,
                    wait_ms = ?5, ring_ms = ?6, talk_ms = ?7, hold_ms = ?8
                 WHERE id = ?1 AND ended_ms IS NULL",
                params![
                    call,
                    at,
                    result_name(*result),
                    cause,
                    ms(totals.wait_ms),
                    ms(totals.ring_ms),
                    ms(totals.talk_ms),
                    ms(totals.hold_ms)
                ],
            )
        }
        What::TaskQueued { queue, .. } => run(
            db,
            "UPDATE call SET queue = coalesce(queue, ?2) WHERE id = ?1",
            params![call, queue],
        ),
        _ => fold_participant(db, event, call, at),
    }
}

fn fold_participant(db: &Connection, event: &Event, call: &str, at: i64) -> Done {
    match &event.what {
        What::ParticipantJoined { participant, role, operator, uri } => run(
            db,
            "INSERT OR IGNORE INTO participant (call, id, role, operator, uri, joined_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![call, participant.to_string(), role.as_str(), operator, uri, at],
        ),
        What::ParticipantLeft { participant } => run(
            db,
            "UPDATE participant SET left_ms = ?3 WHERE call = ?1 AND id = ?2",
            params![call, participant.to_string(), at],
        ),
        _ => Ok(()),
    }
}

fn close_segment(db: &Connection, call: &str, at: i64) -> Done {
    run(
        db,
        "UPDATE segment SET length_ms = max(0, ?2 - start_ms)
         WHERE call = ?1 AND length_ms IS NULL",
        params![call, at],
    )
}

fn fold_task(db: &Connection, event: &Event, task: &str, at: i64) -> Done {
    let end = |queue, outcome, cause: Option<&str>, wait: Option<u64>| {
        open_task(db, event, task, queue, at)?;
        run(
            db,
            "UPDATE task SET ended_ms = ?2, outcome = ?3, cause = ?4,
                wait_ms = coalesce(?5, wait_ms) WHERE id = ?1 AND ended_ms IS NULL",
            params![task, at, outcome, cause, wait.map(ms)],
        )
    };
    match &event.what {
        What::TaskQueued { queue, .. } => {
            open_task(db, event, task, queue, at)?;
            // A task that was over may be revived.
            run(
                db,
                "UPDATE task SET ended_ms = NULL, outcome = NULL, cause = NULL
                 WHERE id = ?1 AND ended_ms IS NOT NULL",
                params![task],
            )
        }
        What::TaskAssigned { queue, operator, wait_ms } => {
            open_task(db, event, task, queue, at)?;
            run(
                db,
                "UPDATE task SET operator = ?2, assigned_ms = ?3, wait_ms = ?4 WHERE id = ?1",
                params![task, operator, at, ms(*wait_ms)],
            )
        }
        What::TaskWrapping { operator, .. } => {
            run(db, "UPDATE task SET operator = ?2 WHERE id = ?1", params![task, operator])
        }
        What::TaskCompleted { queue, operator, talk_ms, wrap_up_ms } => {
            open_task(db, event, task, queue, at)?;
            run(
                db,
                "UPDATE task SET ended_ms = ?2, outcome = 'completed', operator = ?3,
                    talk_ms = ?4, wrap_up_ms = ?5 WHERE id = ?1 AND ended_ms IS NULL",
                params![task, at, operator, ms(*talk_ms), ms(*wrap_up_ms)],
            )
        }
        What::TaskAbandoned { queue, wait_ms } => end(queue, "abandoned", None, Some(*wait_ms)),
        What::TaskExpired { queue, wait_ms } => end(queue, "expired", None, Some(*wait_ms)),
        What::TaskFailed { queue, cause } => end(queue, "failed", Some(cause), None),
        What::TaskWithdrawn { queue } => end(queue, "withdrawn", None, None),
        What::ReservationOffered { .. } => {
            run(db, "UPDATE task SET offers = offers + 1 WHERE id = ?1", params![task])
        }
        _ => Ok(()),
    }
}

/// A row for the task, also where its first event was lost.
fn open_task(db: &Connection, event: &Event, task: &str, queue: &str, at: i64) -> Done {
    run(
        db,
        "INSERT INTO task (id, call, queue, queued_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET queue = excluded.queue",
        params![task, event.call.map(|call| call.to_string()), queue, at],
    )
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn ms(value: u64) -> i64 {
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
