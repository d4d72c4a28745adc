//! Recordings: a row for each call that has one, and one for each time somebody listened.

use b2bua::{CallKey, Event, What};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::fold::{Done, number, run};
use crate::open::Open;
use crate::reader::{NUMBER_IS, unsigned, utc};
use crate::record::{ListeningRecord, RecordingRecord};

/// A call's recording that can be erased, or is still being made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRecording {
    /// The call.
    pub call: CallKey,
    /// Below the folder of recordings.
    pub file: String,
    /// It is still being made.
    pub is_live: bool,
}

/// Folds one event of a call.
pub(crate) fn apply(db: &Connection, open: &mut Open, event: &Event, key: CallKey) -> Done {
    let Some(call) = open.call(db, key)?.map(|call| call.row) else { return Ok(()) };
    let at = event.at.as_millisecond();
    match &event.what {
        What::RecordingStarted { recording, file, hz, .. } => run(
            db,
            "INSERT INTO recording (call, id, file, hz, started_ms) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (call) DO UPDATE SET stopped_ms = NULL, cause = NULL",
            params![call, recording.to_string(), file, hz, at],
        )?,
        What::RecordingStopped { cause, .. } => run(
            db,
            "UPDATE recording SET stopped_ms = ?2, cause = coalesce(cause, ?3) WHERE call = ?1",
            params![call, at, cause],
        )?,
        // Told before the stop, and says more.
        What::RecordingFailed { cause, .. } => run(
            db,
            "UPDATE recording SET cause = ?2 WHERE call = ?1",
            params![call, format!("failed: {cause}")],
        )?,
        What::RecordingGap { lost_ms, .. } => run(
            db,
            "UPDATE recording SET lost_ms = lost_ms + ?2 WHERE call = ?1",
            params![call, number(*lost_ms)],
        )?,
        What::RecordingErased { .. } => run(
            db,
            "UPDATE recording SET erased_ms = ?2 WHERE call = ?1 AND erased_ms IS NULL",
            params![call, at],
        )?,
        What::RecordingPlayed { by } => run(
            db,
            "INSERT OR IGNORE INTO listening (call, seq, at_ms, listener) VALUES (?1, ?2, ?3, ?4)",
            params![call, number(event.seq), at, by],
        )?,
        _ => 0,
    };
    Ok(())
}

/// Those of old days were deleted.
pub(crate) fn expire(db: &Connection, before_ms: i64, at_ms: i64) -> Done {
    run(
        db,
        "UPDATE recording SET erased_ms = ?2 WHERE started_ms < ?1 AND erased_ms IS NULL",
        params![before_ms, at_ms],
    )
    .map(drop)
}

const RECORDING: &str = "SELECT recording.id, file, hz, recording.started_ms, stopped_ms,
    recording.cause, lost_ms, erased_ms, call.row
    FROM call CROSS JOIN recording ON recording.call = call.row";

fn recording_of(row: &Row<'_>) -> rusqlite::Result<RecordingRecord> {
    let time = |at| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.map(utc));
    Ok(RecordingRecord {
        id: row.get(0)?,
        file: row.get(1)?,
        hz: row.get(2)?,
        started: utc(row.get(3)?),
        stopped: time(4)?,
        cause: row.get(5)?,
        lost_ms: unsigned(row.get(6)?),
        erased: time(7)?,
        played: Vec::new(),
    })
}

/// What was recorded of the call with this row.
pub(crate) fn of_row(db: &Connection, call: i64) -> rusqlite::Result<Option<RecordingRecord>> {
    let mut statement = db.prepare_cached(&format!("{RECORDING} WHERE row = ?1"))?;
    let Some(mut found) = statement.query_row([call], recording_of).optional()? else {
        return Ok(None);
    };
    let mut statement =
        db.prepare_cached("SELECT at_ms, listener FROM listening WHERE call = ?1 ORDER BY seq")?;
    let rows = statement
        .query_map([call], |row| Ok(ListeningRecord { at: utc(row.get(0)?), by: row.get(1)? }))?;
    found.played = rows.collect::<Result<_, _>>()?;
    Ok(Some(found))
}

/// What was recorded of a call.
pub(crate) fn of_call(db: &Connection, call: CallKey) -> rusqlite::Result<Option<RecordingRecord>> {
    let mut statement = db.prepare_cached("SELECT row FROM call WHERE id = ?1")?;
    let row: Option<i64> = statement.query_row([call.to_string()], |row| row.get(0)).optional()?;
    row.map_or(Ok(None), |row| of_row(db, row))
}

/// How [`of_number`] is asked.
pub(crate) fn of_number_sql() -> String {
    format!(
        "SELECT call.id, file, stopped_ms IS NULL FROM call CROSS JOIN recording
         ON recording.call = call.row WHERE {} AND erased_ms IS NULL ORDER BY row",
        NUMBER_IS.replace('#', "?1")
    )
}

/// What there is of calls from or to a number, with or without the plus sign and however it is spaced.
pub(crate) fn of_number(db: &Connection, number: &str) -> rusqlite::Result<Vec<KeptRecording>> {
    let mut statement = db.prepare_cached(&of_number_sql())?;
    let kept = |row: &Row<'_>| {
        Ok(KeptRecording {
            call: row.get::<_, String>(0)?.parse().unwrap_or(CallKey(0)),
            file: row.get(1)?,
            is_live: row.get(2)?,
        })
    };
    let mut found: Vec<KeptRecording> = Vec::new();
    for spelling in spellings(number) {
        for kept in statement.query_map([spelling], kept)? {
            let kept = kept?;
            if !found.iter().any(|known| known.call == kept.call) {
                found.push(kept);
            }
        }
    }
    Ok(found)
}

/// A number as it is, and as others write it down: digits alone, and in international form.
fn spellings(number: &str) -> Vec<String> {
    let mut all = vec![number.to_owned()];
    let rest = number.strip_prefix('+').unwrap_or(number);
    let digits: String = rest.chars().filter(|c| !" -().".contains(*c)).collect();
    if !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()) {
        all.extend([format!("+{digits}"), digits]);
    }
    all
}
