//! Lines back into facts, a part at a time: a long question holds no snapshot for long, which would
//! keep the log of the database from being emptied.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Fact, STANDING_EVERY_MS, Standing};
use crate::StoreError;
use crate::reader::Reader;

/// Rows read at once.
const ROWS: i64 = 256;

/// Where a range begins: with the last row before it that says how everybody stood, or else with the
/// first there is.
pub(crate) const START: &str = "SELECT coalesce(
    (SELECT row FROM history WHERE standing IS NOT NULL AND first_ms <= ?1
     ORDER BY first_ms DESC LIMIT 1),
    (SELECT min(row) FROM history))";
/// Where it ends: before the first hour that begins later. Within an hour a clock may have been set
/// back.
pub(crate) const END: &str = "SELECT row FROM history
    WHERE standing IS NOT NULL AND first_ms >= ?1 ORDER BY first_ms LIMIT 1";
pub(crate) const READ: &str = "SELECT row, first_ms, standing, body FROM history
    WHERE row BETWEEN ?1 AND ?2 ORDER BY row LIMIT ?3";

/// One row.
#[derive(Debug)]
pub(crate) struct Row {
    row: i64,
    first_ms: i64,
    standing: Option<String>,
    body: String,
}

impl Row {
    /// When its first line was.
    pub(crate) fn first_ms(&self) -> i64 {
        self.first_ms
    }

    /// How everybody stood before it, where it says so.
    pub(crate) fn standing(&self) -> Option<Vec<Standing<'_>>> {
        serde_json::from_str(self.standing.as_deref()?).ok()
    }

    /// What happened, and when. What a later version has written, and this does not know, is left
    /// out.
    pub(crate) fn facts(&self) -> impl Iterator<Item = (i64, Fact<'_>)> {
        self.body.lines().filter_map(|line| {
            let (after, json) = line.split_once(' ')?;
            let after: i64 = after.parse().ok()?;
            Some((self.first_ms + after, serde_json::from_str(json).ok()?))
        })
    }
}

/// The rows of a range of time, in parts.
#[derive(Debug)]
pub(crate) struct Chunks {
    reader: Reader,
    next: i64,
    last: i64,
}

impl Chunks {
    /// Those from an hour before `from_ms` at most, to an hour after `to_ms` at most.
    pub(crate) fn new(reader: &Reader, from_ms: i64, to_ms: i64) -> Result<Self, StoreError> {
        let (next, last) = reader.with(|db| {
            let next: Option<i64> = db.query_row(START, [from_ms], |row| row.get(0))?;
            let after: Option<i64> = db.query_row(END, [to_ms], |row| row.get(0)).optional()?;
            Ok((next, after.map_or(i64::MAX, |after| after - 1)))
        })?;
        Ok(Self { reader: reader.clone(), next: next.unwrap_or(i64::MAX), last })
    }

    /// The next of them; none when all were.
    pub(crate) fn next(&mut self) -> Result<Vec<Row>, StoreError> {
        if self.next > self.last {
            return Ok(Vec::new());
        }
        let (next, last) = (self.next, self.last);
        let rows = self.reader.with(|db: &Connection| {
            let mut statement = db.prepare_cached(READ)?;
            let rows = statement.query_map(params![next, last, ROWS], |row| {
                let (first_ms, standing, body) = (row.get(1)?, row.get(2)?, row.get(3)?);
                Ok(Row { row: row.get(0)?, first_ms, standing, body })
            })?;
            rows.collect::<Result<Vec<_>, _>>()
        })?;
        self.next = rows.last().map_or(i64::MAX, |row| row.row.saturating_add(1));
        Ok(rows)
    }
}

/// How long before a range what is open at its beginning is looked for.
pub(crate) const LOOK_BACK_MS: i64 = STANDING_EVERY_MS;
