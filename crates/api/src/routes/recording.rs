//! Recordings: switched while a call lives, listened to and erased when it is over.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use axum::body::Body as Content;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use b2bua::Command;
use b2bua::event::Recorded;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use crate::Inner;
use crate::auth::Caller;
use crate::document::{Doc, Routes, count, list, named, needing, one_of, shown, taken, text};
use crate::fields::Fields;
use crate::model::Recording;
use crate::ports::RecordingFile;
use crate::problem::Problem;
use crate::query::Params;
use crate::routes::{Body, Path};
use crate::settings::Role;

/// Octets read from a file at once.
const CHUNK: u64 = 64 * 1024;

pub(super) fn routes(routes: Routes) -> Routes {
    let wish = taken(vec![("state", one_of(&STATES.map(|(word, _)| word)))]);
    let change_doc = Doc::new("Records a call, pauses that, or stops it")
        .takes(needing(&["state"], wish))
        .answers(200, "What holds then", named("Recording"))
        .problem(409);
    let listen_doc = Doc::new("The recording of a call, or a range of it")
        .of(Role::Supervisor)
        .answers_file(200, "All of it", "audio/wav")
        .answers_file(206, "A part of it", "audio/wav")
        .problem(416);
    let erased = shown(vec![("erased", list(&text())), ("live", count())]);
    let erase_doc = Doc::new("Deletes what was recorded of calls from or to a number")
        .more("Calls that still live are left out, and counted.")
        .of(Role::Admin)
        .needs("number", text(), "Whose")
        .answers(200, "Whose recordings are gone", erased)
        .problem(500);
    routes
        .patch("/v1/calls/{call}/recording", change, change_doc)
        .get("/v1/records/calls/{call}/recording", listen, listen_doc)
        .delete("/v1/records/recordings", erase, erase_doc)
}

/// `{state: "on" | "paused" | "off"}`: answers with what holds then. The same again changes nothing.
pub(crate) async fn change(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let key = super::calls::theirs(&inner, &caller, &call)?;
    let state = wanted(Fields::new(body))?;
    inner.order(Command::Record { call: key, state, by: caller.name().clone() }).await?;
    // Gone in the meantime, or not begun yet.
    let view = inner.model.calls.get(&key).map(|call| Recording::view(call.recording.as_ref()));
    let nothing = json!({ "state": "off", "since": null, "file": null });
    Ok(Json(view.filter(|view| !view.is_null()).unwrap_or(nothing)))
}

const STATES: [(&str, Recorded); 3] =
    [("on", Recorded::On), ("paused", Recorded::Paused), ("off", Recorded::Off)];

fn wanted(mut fields: Fields) -> Result<Recorded, Problem> {
    let state = fields.one_of("state", &STATES);
    if state.is_none() && !fields.is_wrong() {
        fields.wrong("state", "one of on, paused, off");
    }
    fields.finish()?;
    state.ok_or_else(|| Problem::field("state", "is needed"))
}

/// The recording of a call as `audio/wav`, or a range of it. Who listens is noted first.
pub(crate) async fn listen(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    caller.at_least(Role::Supervisor)?;
    params.finish()?;
    let key = super::calls::key(&call)?;
    super::records::seen(&inner, &caller, key).await?;
    let found = inner.look_up(move |records| records.recording(key)).await?;
    let file = found.ok_or_else(|| Problem::not_found("recording", &call))?;
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let part = range.map_or(Part::Whole, |range| part_of(range, file.length));
    if let Part::None = part {
        let detail = format!("the recording has {} octets", file.length);
        return Err(Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, detail));
    }
    inner.order(Command::RecordingPlayed { call: key, by: caller.name().clone() }).await?;
    Ok(answer(file, &call, part))
}

/// What of a file is asked for (RFC 9110 section 14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    /// From, and up to but not including.
    Range(u64, u64),
    /// Nothing that is there.
    None,
}

/// A single range of octets; several, and other units, are as if nothing was asked.
fn part_of(range: &str, length: u64) -> Part {
    let parsed = || {
        let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
        let number = |text: &str| match text.trim() {
            "" => Some(None),
            digits => digits.parse::<u64>().ok().map(Some),
        };
        match (number(first)?, number(last)?) {
            (None, None) => None,
            (None, Some(suffix)) => Some((length.saturating_sub(suffix), length)),
            (Some(first), None) => Some((first, length)),
            (Some(first), Some(last)) if last < first => None,
            (Some(first), Some(last)) => Some((first, length.min(last.saturating_add(1)))),
        }
    };
    match parsed() {
        None => Part::Whole,
        Some((first, end)) if first < end => Part::Range(first, end),
        Some(_) => Part::None,
    }
}

fn answer(file: RecordingFile, call: &str, part: Part) -> Response {
    let length = file.length;
    let (status, first, end) = match part {
        Part::Range(first, end) => (StatusCode::PARTIAL_CONTENT, first, end),
        Part::Whole | Part::None => (StatusCode::OK, 0, length),
    };
    let headers = [
        (header::CONTENT_TYPE, "audio/wav".to_owned()),
        (header::CONTENT_LENGTH, (end - first).to_string()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{call}.wav\"")),
    ];
    let mut response = (status, headers, content(file, first, end)).into_response();
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(range) = format!("bytes {first}-{}/{length}", end - 1).parse()
    {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    response
}

/// Reads as fast as it is taken, on threads that may block.
fn content(file: RecordingFile, first: u64, end: u64) -> Content {
    let chunks = stream::try_unfold((Arc::new(file), first), move |(file, at)| async move {
        if at >= end {
            return Ok(None);
        }
        let read = file.clone();
        let chunk = tokio::task::spawn_blocking(move || {
            let count = usize::try_from((end - at).min(CHUNK)).unwrap_or(0);
            let mut chunk = vec![0; count];
            read.file.read_exact_at(&mut chunk, at).map(|()| Bytes::from(chunk))
        });
        let chunk = chunk.await.map_err(io::Error::other)??;
        let next = at + chunk.len() as u64;
        Ok::<_, io::Error>(Some((chunk, (file, next))))
    });
    Content::from_stream(chunks)
}

/// `?number=`: deletes what was recorded of calls from or to it, those excepted that still live.
pub(crate) async fn erase(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    mut params: Params,
) -> Result<Json<Value>, Problem> {
    caller.at_least(Role::Admin)?;
    // A plus sign that was not escaped arrives as a space, and no number begins with one.
    let number = params.text("number").map(|number| match number.strip_prefix(' ') {
        Some(rest) => format!("+{rest}"),
        None => number,
    });
    params.finish()?;
    let number = number.filter(|number| !number.is_empty());
    let number = number.ok_or_else(|| Problem::field("number", "whose recordings is needed"))?;
    let erased = inner.look_up(move |records| records.erase(&number)).await?;
    for call in &erased.calls {
        let by = caller.name().clone();
        inner.order(Command::RecordingErased { call: *call, by }).await?;
    }
    if erased.failed > 0 {
        let detail = format!("{} recordings could not be deleted", erased.failed);
        return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail));
    }
    Ok(Json(json!({ "erased": erased.calls, "live": erased.live })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_is_there_of_it() {
        let check = |range, expected| assert_eq!(part_of(range, 100), expected, "{range}");
        check("bytes=0-", Part::Range(0, 100));
        check("bytes=0-0", Part::Range(0, 1));
        check("bytes=10-19", Part::Range(10, 20));
        check("bytes=90-200", Part::Range(90, 100));
        check("bytes=-30", Part::Range(70, 100));
        check("bytes=-300", Part::Range(0, 100));
        check("bytes=99-", Part::Range(99, 100));
        check("bytes=100-", Part::None);
        check("bytes=100-200", Part::None);
        check("bytes=-0", Part::None);
        for odd in ["bytes=20-10", "bytes=-", "bytes=a-b", "bytes=0-1,5-6", "lines=0-1", ""] {
            check(odd, Part::Whole);
        }
        assert_eq!(part_of("bytes=0-", 0), Part::None);
    }
}
