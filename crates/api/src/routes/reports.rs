//! Reports: what happened in queues and what operators did, by intervals of time.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use b2bua::Utc;
use serde_json::{Value, json};

use super::export;
use crate::auth::Caller;
use crate::document::{
    Doc, OPERATOR_COLUMNS, QUEUE_COLUMNS, Routes, any_text, list, named, one_of, or_null, shown,
    text, time, whole,
};
use crate::intervals::{EVERY, Every, Range};
use crate::ports::{By, ReportQuery};
use crate::problem::Problem;
use crate::query::{LIMIT_MAX, Params};
use crate::scope::Scope;
use crate::{Inner, csv, now};

/// Of queues that are not configured any more.
const WITHIN_MS: u64 = 20_000;

const BY: [&str; 2] = ["queue", "operator"];

const MORE: &str = "By interval and then by name; where nothing happened there is no row. A count, and \
    the time that an event tells (a wait, a talk), belongs to the interval in which that event was: \
    `offered` when a place in the queue was taken (again after a lost operator), `answered`, \
    `abandoned`, `expired`, `overflowed`, `failed`, `withdrawn` and the waits when the waiting ended, \
    `refused` when they were not let in, `crashed` when the process died, `transferred` when the \
    other had it, `completed`, talk, hold, wrap-up and handle time when the wrap-up was over, for \
    the operator who had it then. All that is of callers; apart from them, `callbacks` counts when \
    somebody was to be called back, `callbacks_reached`, `_failed`, `_expired`, `_merged` and \
    `_withdrawn` when that was over, `callbacks_handle_s` talk, hold and wrap-up when the wrap-up was. Of operators `answered`, `missed`, `rejected` and `taken_back` \
    when the ringing ended; the time signed in, ready, not ready, ringing and busy (calls, their own \
    too, and wrap-up) belongs to the intervals in which it passed. So sums over intervals are those \
    of the whole. `service_level` is (answered within T + abandoned within T) / (answered + \
    abandoned) with the queue's T of now, `occupancy` busy / signed in. A range has at most 31 days \
    by `15m`, else 100; days begin at midnight in `tz`, hours and quarters are counted from there, and \
    the first and the last interval are cut to `from` and `to`. By CSV it comes whole. \
    Supervisors see their queues and those who serve them, operators their own figures.";

pub(super) fn routes(routes: Routes) -> Routes {
    let row = json!({ "anyOf": [named("QueueReport"), named("OperatorReport")] });
    let page = shown(vec![("items", list(&row)), ("next", or_null(&text()))]);
    let doc = Doc::new("What happened in queues, or what operators did, by intervals of time")
        .more(MORE)
        .query("by", one_of(&BY), "Needed, but for an export by `format`")
        .query("every", one_of(&EVERY.map(|(word, ..)| word)), "How long an interval is: 1d")
        .query("from", time(), "The beginning; that of the day of `to` by default")
        .query("to", time(), "The end; now by default")
        .query("tz", text(), "Where days begin, as in Europe/Berlin; UTC by default")
        .query("queue", any_text(), "This queue only")
        .query("operator", any_text(), "This operator only")
        .query("number", any_text(), "Of `format=asterisk-cdr`: from or to this number")
        .query("format", one_of(&export::FORMATS), "An export instead, as of /v1/records/calls")
        .query("limit", whole(1, LIMIT_MAX as u64), "How many at most")
        .query("cursor", any_text(), "`next` of the page before")
        .answers(200, "Rows; `next` is null on the last page", page)
        .answers_file(200, "Rows; `next` is null on the last page", "text/csv")
        .answers_file(200, "Rows; `next` is null on the last page", "text/plain");
    routes.get("/v1/reports", report, doc)
}

pub(crate) async fn report(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, Problem> {
    if params.has("format") {
        // What a report is of says nothing of an export, and does no harm.
        let _ = (params.one_of("by", &BY), params.one_of("every", &EVERY.map(|(word, ..)| word)));
        return export::answer(inner, &caller, params).await;
    }
    let is_csv = wants_csv(&headers);
    let (asked, limit, cursor) = asked(&mut params, is_csv);
    params.finish()?;
    let Some(asked) = asked else {
        return Err(Problem::field("by", "queue or operator is needed"));
    };
    let mut query = query(&inner, &caller, &asked)?;
    let mut rest = cursor.as_deref();
    if let Some(cursor) = rest {
        let (from, name) = begin(&query.bounds, cursor)?;
        query.bounds.drain(..from);
        rest = Some(name);
    }
    let by = asked.by;
    let mut rows = inner.look_far(move |records| records.report(&query)).await?;
    if is_csv {
        return Ok(as_csv(by, &rows));
    }
    if let Some(name) = rest {
        let first = rows.first().map(|row| row["from"].clone()).unwrap_or_default();
        rows.retain(|row| row["from"] != first || name_of(by, row) > name);
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| cursor_of(by, row));
    Ok(Json(json!({ "items": rows, "next": next })).into_response())
}

/// What is asked for.
struct Asked {
    by: By,
    range: Range,
    every: Every,
    only: Option<String>,
}

fn asked(params: &mut Params, is_csv: bool) -> (Option<Asked>, usize, Option<String>) {
    let by = params.one_of("by", &BY);
    let every = params.one_of("every", &EVERY.map(|(word, ..)| word));
    let (_, every, days) =
        EVERY.into_iter().find(|(word, ..)| Some(*word) == every).unwrap_or(EVERY[2]);
    let range = Range::of(params, days);
    let (limit, cursor) = match is_csv {
        // It comes whole; whoever asks for a part is told so.
        true => (LIMIT_MAX, None),
        false => (params.limit(), params.text("cursor")),
    };
    let only = by.and_then(|by| params.text(by));
    for (name, other) in [("queue", "operator"), ("operator", "queue")] {
        if by == Some(other) && params.text(name).is_some() {
            params.wrong(name, format!("is for by={name}"));
        }
    }
    let by = match by {
        Some("operator") => Some(By::Operator),
        Some(_) => Some(By::Queue),
        None => None,
    };
    let asked = by.zip(range).map(|(by, range)| Asked { by, range, every, only });
    (asked, limit, cursor)
}

/// The same in the records' words, as far as whoever asks may see it.
fn query(inner: &Inner, caller: &Caller, asked: &Asked) -> Result<ReportQuery, Problem> {
    let seen = seen(inner, caller, asked.by)?;
    let only = match (&asked.only, seen) {
        (Some(one), Some(seen)) if !seen.contains(one) => {
            return Err(Problem::forbidden("these are figures of others"));
        }
        (Some(one), _) => Some(vec![one.clone()]),
        (None, seen) => seen,
    };
    let queues = inner.model.queues.iter();
    let within_ms = queues.map(|queue| (queue.key().to_string(), queue.entry.service_level_ms));
    Ok(ReportQuery {
        by: asked.by,
        bounds: asked.range.bounds(asked.every),
        now: now(),
        only,
        within_ms: within_ms.collect(),
        otherwise_ms: WITHIN_MS,
    })
}

/// Whose figures somebody may see; none is everybody's.
fn seen(inner: &Inner, caller: &Caller, by: By) -> Result<Option<Vec<String>>, Problem> {
    Ok(match (caller.scope(&inner.model), by) {
        (Scope::All, _) => None,
        (Scope::Supervisor(_, queues), By::Queue) => {
            Some(queues.iter().map(ToString::to_string).collect())
        }
        (Scope::Supervisor(own, queues), By::Operator) => {
            let operators = inner.model.operators.iter();
            let theirs = operators.filter(|one| {
                *one.key() == own || one.entry.queues.iter().any(|queue| queues.contains(queue))
            });
            Some(theirs.map(|one| one.key().to_string()).collect())
        }
        (Scope::Operator(own, _), By::Operator) => Some(vec![own.to_string()]),
        (Scope::Operator(..), By::Queue) => {
            return Err(Problem::forbidden("this needs a token of role supervisor"));
        }
    })
}

/// Whether a table is rather wanted than JSON.
pub(super) fn wants_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let accept = accept.unwrap_or_default();
    match (accept.find("text/csv"), accept.find("application/json")) {
        (Some(csv), Some(json)) => csv < json,
        (csv, _) => csv.is_some(),
    }
}

fn as_csv(by: By, rows: &[Value]) -> Response {
    let columns = match by {
        By::Queue => QUEUE_COLUMNS.map(|(name, _)| name).to_vec(),
        By::Operator => OPERATOR_COLUMNS.map(|(name, _)| name).to_vec(),
    };
    let mut text = csv::line(&columns);
    rows.iter().for_each(|row| text.push_str(&csv::row(&columns, row)));
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present")], text)
        .into_response()
}

fn name_of(by: By, row: &Value) -> &str {
    let name = if by == By::Queue { &row["queue"] } else { &row["operator"] };
    name.as_str().unwrap_or_default()
}

/// The last row of a page: where its interval begins, and whose it is.
fn cursor_of(by: By, row: &Value) -> String {
    format!("{} {}", row["from"].as_str().unwrap_or_default(), name_of(by, row))
}

/// The interval with which a page begins, and after whom.
fn begin<'a>(bounds: &[Utc], cursor: &'a str) -> Result<(usize, &'a str), Problem> {
    let begins = || {
        let (from, name) = cursor.split_once(' ')?;
        let from: Utc = from.parse().ok()?;
        Some((bounds[..bounds.len() - 1].binary_search(&from).ok()?, name))
    };
    begins().ok_or_else(|| Problem::field("cursor", "is not from a page of this report"))
}
