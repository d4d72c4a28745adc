//! The store as the API wants to see it.

use api::{
    By, Erased, LogLine, LogLines, RecordPage, RecordQuery, RecordingFile, Records, RecordsError,
    ReportQuery, StoredEvent,
};
use b2bua::{CallKey, Utc};
use serde::Serialize;
use serde_json::Value;
use store::{Reader, StoreError};

use super::recorder::Shelf;

/// Reads the store, and the folder of recordings, for the API.
#[derive(Debug)]
pub(super) struct StoreRecords(pub(super) Reader, pub(super) Shelf);

fn refused(error: StoreError) -> RecordsError {
    match error {
        StoreError::Cursor => RecordsError::Cursor,
        other => RecordsError::Unavailable(other.to_string()),
    }
}

fn unreadable(file: &str, error: &std::io::Error) -> RecordsError {
    RecordsError::Unavailable(format!("recording {file}: {error}"))
}

fn json(record: &impl Serialize) -> Result<Value, RecordsError> {
    serde_json::to_value(record).map_err(|error| RecordsError::Unavailable(error.to_string()))
}

impl Records for StoreRecords {
    fn calls(&self, query: &RecordQuery) -> Result<RecordPage, RecordsError> {
        let RecordQuery { from, to, limit, cursor, queue, operator, number, oldest_first } =
            query.clone();
        let query =
            store::RecordQuery { from, to, limit, cursor, queue, operator, number, oldest_first };
        let page = self.0.calls(&query).map_err(refused)?;
        let items = page.items.iter().map(json).collect::<Result<_, _>>()?;
        Ok(RecordPage { items, next: page.next })
    }

    fn call(&self, call: CallKey) -> Result<Option<Value>, RecordsError> {
        self.0.call(call).map_err(refused)?.as_ref().map(json).transpose()
    }

    fn recording(&self, call: CallKey) -> Result<Option<RecordingFile>, RecordsError> {
        let found = self.0.recording(call).map_err(refused)?;
        let Some(found) = found.filter(|found| found.erased.is_none()) else { return Ok(None) };
        let opened = self.1.open(&found.file).map_err(|error| unreadable(&found.file, &error))?;
        Ok(opened.map(|(file, length)| RecordingFile { file, length }))
    }

    fn erase(&self, number: &str) -> Result<Erased, RecordsError> {
        let mut erased = Erased::default();
        for kept in self.0.recordings_of(number).map_err(refused)? {
            if kept.is_live {
                erased.live += 1;
                continue;
            }
            match self.1.erase(&kept.file) {
                Ok(()) => erased.calls.push(kept.call),
                Err(error) => {
                    tracing::error!("recording {} cannot be deleted: {error}", kept.file);
                    erased.failed += 1;
                }
            }
        }
        Ok(erased)
    }

    fn report(&self, query: &ReportQuery) -> Result<Vec<Value>, RecordsError> {
        let ReportQuery { by, bounds, now, only, within_ms, otherwise_ms } = query.clone();
        let query = store::ReportQuery { bounds, now, only, within_ms, otherwise_ms };
        match by {
            By::Queue => self.0.report_queues(&query).map_err(refused)?.iter().map(json).collect(),
            By::Operator => {
                self.0.report_operators(&query).map_err(refused)?.iter().map(json).collect()
            }
        }
    }

    fn queue_log(&self, from: Utc, to: Utc) -> Result<LogLines, RecordsError> {
        let lines = self.0.queue_log(from, to).map_err(refused)?;
        let line = |line: Result<store::LogLine, StoreError>| {
            let store::LogLine { at, call, queue, operator, event, data } =
                line.map_err(refused)?;
            Ok(LogLine { at, call, queue, operator, event, data })
        };
        Ok(Box::new(lines.map(line)))
    }

    fn events_after(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, RecordsError> {
        let events = self.0.events_after(after, limit).map_err(refused)?;
        let event = |event: store::StoredEvent| StoredEvent { seq: event.seq, json: event.json };
        Ok(events.into_iter().map(event).collect())
    }

    fn oldest_event(&self) -> Result<Option<u64>, RecordsError> {
        self.0.oldest_event().map_err(refused)
    }
}
