//! What happened, for programs that read what Asterisk writes: call detail records in the columns of
//! `Master.csv` (cdr_csv), and `queue_log`. And records as a table of our own.
//!
//! An answer is sent as it is read, in parts: it may be longer than memory.

use std::sync::Arc;

use axum::body::Body as Content;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use b2bua::Utc;
use b2bua::config::Name;
use futures_util::stream;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::auth::Caller;
use crate::intervals::{DAYS_MAX, Range};
use crate::ports::{LogLine, LogLines, RecordQuery, RecordsError};
use crate::problem::Problem;
use crate::query::Params;
use crate::scope::Scope;
use crate::settings::Role;
use crate::{Inner, csv};

/// The words for the forms that have one.
pub(super) const FORMATS: [&str; 2] = ["asterisk-cdr", "queue-log"];

/// Records read at once.
const RECORDS: usize = 500;
/// Lines of the queue log sent at once.
const LINES: usize = 1_000;

/// Columns of a table of records.
const COLUMNS: [&str; 20] = [
    "id",
    "node",
    "kind",
    "state",
    "from",
    "to",
    "predecessor",
    "trunk",
    "queue",
    "operator",
    "started",
    "answered",
    "ended",
    "result",
    "cause",
    "length_s",
    "wait_s",
    "ring_s",
    "talk_s",
    "hold_s",
];

/// What is still to be sent.
struct Export {
    inner: Arc<Inner>,
    caller: Caller,
    rest: Rest,
}

enum Rest {
    Records(Box<RecordQuery>, Form),
    Log(LogLines, Filter),
    Nothing,
}

/// How a record becomes a line.
#[derive(Debug, Clone)]
enum Form {
    Cdr(TimeZone),
    Table,
}

/// Which lines of the queue log.
struct Filter {
    queue: Option<String>,
    operator: Option<String>,
}

/// The export that `format` asks for.
pub(super) async fn answer(
    inner: Arc<Inner>,
    caller: &Caller,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.at_least(Role::Supervisor)?;
    let format = params.one_of("format", &FORMATS);
    let range = Range::of(&mut params, DAYS_MAX);
    let (queue, operator) = (params.text("queue"), params.text("operator"));
    let number = if format == Some(FORMATS[1]) { None } else { params.number() };
    params.finish()?;
    let (Some(format), Some(Range { from, to, zone })) = (format, range) else {
        return Err(Problem::field("format", "is needed"));
    };
    let caller = caller.clone();
    if format == FORMATS[1] {
        let lines = inner.look_far(move |records| records.queue_log(from, to)).await?;
        let rest = Rest::Log(lines, Filter { queue, operator });
        let kind = "text/plain; charset=utf-8";
        return send(Export { inner, caller, rest }, String::new(), kind).await;
    }
    let query = whole(from, to, queue, operator, number);
    let rest = Rest::Records(Box::new(query), Form::Cdr(zone));
    send(Export { inner, caller, rest }, String::new(), "text/csv; charset=utf-8").await
}

/// The records as a table.
pub(super) async fn table(
    inner: Arc<Inner>,
    caller: &Caller,
    mut params: Params,
) -> Result<Response, Problem> {
    let range = Range::of(&mut params, DAYS_MAX);
    let (queue, operator) = (params.text("queue"), params.text("operator"));
    let number = params.number();
    params.finish()?;
    let Some(Range { from, to, .. }) = range else {
        return Err(Problem::field("from", "is needed"));
    };
    let query = whole(from, to, queue, operator, number);
    let rest = Rest::Records(Box::new(query), Form::Table);
    let kind = "text/csv; charset=utf-8; header=present";
    send(Export { inner, caller: caller.clone(), rest }, csv::line(COLUMNS), kind).await
}

fn whole(
    from: Utc,
    to: Utc,
    queue: Option<String>,
    operator: Option<String>,
    number: Option<String>,
) -> RecordQuery {
    let (from, to) = (Some(from), Some(to));
    let (limit, cursor, oldest_first) = (RECORDS, None, true);
    RecordQuery { from, to, limit, cursor, queue, operator, number, oldest_first }
}

/// Reads the first part, since that may fail, and sends it and the rest as it is taken.
async fn send(export: Export, head: String, kind: &'static str) -> Result<Response, Problem> {
    let (first, export) = export.next().await?;
    let first = head + &first;
    let parts = stream::try_unfold((Some(first), export), |(first, export)| async move {
        if let Some(first) = first {
            return Ok(Some((first, (None, export))));
        }
        if let Rest::Nothing = export.rest {
            return Ok(None);
        }
        // The status is sent already: all that is left is to break off.
        let next = export.next().await.map_err(|_| std::io::Error::other("records"))?;
        Ok::<_, std::io::Error>(Some((next.0, (None, next.1))))
    });
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::OK, headers, Content::from_stream(parts)).into_response())
}

impl Export {
    /// The next part of the text.
    async fn next(mut self) -> Result<(String, Self), Problem> {
        let scope = self.caller.scope(&self.inner.model);
        match std::mem::replace(&mut self.rest, Rest::Nothing) {
            Rest::Nothing => Ok((String::new(), self)),
            Rest::Records(query, form) => {
                let asked = (*query).clone();
                let page = self.inner.look_far(move |records| records.calls(&asked)).await?;
                let seen = |record: &&Value| {
                    scope == Scope::All || scope.sees_record(&self.inner.model, record)
                };
                let text = page.items.iter().filter(seen).map(|record| form.line(record)).collect();
                if let Some(cursor) = page.next {
                    let query = Box::new(RecordQuery { cursor: Some(cursor), ..*query });
                    self.rest = Rest::Records(query, form);
                }
                Ok((text, self))
            }
            Rest::Log(mut lines, filter) => {
                let read = self.inner.look_far(move |_| {
                    let part: Result<Vec<LogLine>, RecordsError> =
                        lines.by_ref().take(LINES).collect();
                    Ok((part?, lines))
                });
                let (part, lines) = read.await?;
                if part.len() == LINES {
                    self.rest = Rest::Log(lines, filter.clone());
                }
                let text = part.iter().map(|line| filter.text(&self.inner, &scope, line)).collect();
                Ok((text, self))
            }
        }
    }
}

impl Form {
    fn line(&self, record: &Value) -> String {
        match self {
            Self::Table => csv::row(&COLUMNS, record),
            Self::Cdr(zone) => cdr(record, zone).unwrap_or_default(),
        }
    }
}

/// A line of `Master.csv`: texts in quotes, numbers without. A call that lives has none yet.
fn cdr(record: &Value, zone: &TimeZone) -> Option<String> {
    let text = |name: &str| record[name].as_str().unwrap_or_default();
    let moment = |name: &str| text(name).parse::<Utc>().ok();
    let (start, end) = (moment("started")?, moment("ended")?);
    let answer = moment("answered");
    let local = |at: Utc| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let spent = |since: Utc| (end.as_second() - since.as_second()).max(0);
    let (source, called) = (number(text("from")), number(text("to")));
    let (channel, other) = channels(record);
    let (queue, operator) = (text("queue"), text("operator"));
    let application = match (queue, operator) {
        ("", "") => ("", String::new()),
        ("", operator) => ("Dial", format!("SIP/{operator}")),
        (queue, _) => ("Queue", queue.to_owned()),
    };
    let (trunk, kind) = (text("trunk"), text("kind"));
    let texts = |line: &mut String, texts: &[&str]| {
        for text in texts {
            csv::quote(line, text);
            line.push(',');
        }
    };
    let mut line = String::new();
    let context = if trunk.is_empty() { kind } else { trunk };
    texts(&mut line, &["", &source, &called, context, &source, &channel, &other]);
    texts(&mut line, &[application.0, &application.1, &local(start)]);
    texts(&mut line, &[&answer.map(local).unwrap_or_default(), &local(end)]);
    line.push_str(&format!("{},{},", spent(start), answer.map_or(0, spent)));
    texts(&mut line, &[disposition(record, answer.is_some()), "DOCUMENTATION", text("id")]);
    csv::quote(&mut line, "");
    line.push('\n');
    Some(line)
}

/// That of the customer, or of whoever called, and that of the last who served.
fn channels(record: &Value) -> (String, String) {
    let all = record["participants"].as_array().map_or(&[][..], Vec::as_slice);
    let name = |one: &Value| {
        let field = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let who = Some(field("operator")).filter(|who| !who.is_empty());
        let trunk = record["trunk"].as_str().map(str::to_owned);
        let who = who.or(trunk).unwrap_or_else(|| number(&field("uri")));
        format!("SIP/{who}-{}", field("id"))
    };
    let is = |one: &&Value, role: &str| one["role"] == role;
    let first = all.iter().find(|one| is(one, "customer")).or(all.first());
    let others = all.iter().rev().filter(|one| Some(*one) != first && !is(one, "supervisor"));
    let served = others.clone().find(|one| is(one, "operator"));
    let last = served.or_else(|| others.clone().next());
    (first.map(name).unwrap_or_default(), last.map(name).unwrap_or_default())
}

fn disposition(record: &Value, answered: bool) -> &'static str {
    let word = |name: &str| record[name].as_str().unwrap_or_default();
    match (answered, word("result"), word("cause")) {
        (true, ..) => "ANSWERED",
        (_, "failed", "busy") => "BUSY",
        (_, "failed", "no answer") => "NO ANSWER",
        (_, "failed", _) => "FAILED",
        _ => "NO ANSWER",
    }
}

/// The user part of a URI, or the number as it is.
fn number(from: &str) -> String {
    let rest = from.strip_prefix("sips:").or_else(|| from.strip_prefix("sip:"));
    rest.map_or(from, |rest| rest.split(['@', ';']).next().unwrap_or(rest)).to_owned()
}

impl Clone for Filter {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), operator: self.operator.clone() }
    }
}

impl Filter {
    /// What a line is for whoever sees these: what concerns an operator in all their queues is a line
    /// for each of those that they serve now.
    fn text(&self, inner: &Inner, scope: &Scope, line: &LogLine) -> String {
        let Self { queue: only, operator } = self;
        if operator.is_some() && line.operator != *operator {
            return String::new();
        }
        let seen = |queue: &str| match scope {
            Scope::All => true,
            Scope::Supervisor(_, queues) | Scope::Operator(_, queues) => {
                queues.iter().any(|one| **one == *queue)
            }
        };
        let is_asked = |queue: &str| only.as_ref().is_none_or(|only| only == queue) && seen(queue);
        let queues: Vec<Name> = match (&line.queue, &line.operator) {
            (Some(queue), _) => vec![queue.as_str().into()],
            (None, Some(operator)) => {
                let one = inner.model.operators.get(operator.as_str());
                one.map(|one| one.entry.queues.clone()).unwrap_or_default()
            }
            (None, None) => return log_line(line, "NONE"),
        };
        let asked = queues.iter().filter(|queue| is_asked(queue));
        asked.map(|queue| log_line(line, queue)).collect()
    }
}

/// `epoch|callid|queue|operator|EVENT|data…`
fn log_line(line: &LogLine, queue: &str) -> String {
    let call = line.call.map_or("NONE".to_owned(), |call| call.to_string());
    let operator = line.operator.as_deref().unwrap_or("NONE");
    let data: Vec<String> = line.data.iter().map(|text| plain(text)).collect();
    let (at, event) = (line.at.as_second(), line.event);
    format!("{at}|{call}|{}|{}|{event}|{}\n", plain(queue), plain(operator), data.join("|"))
}

/// Without what would end a field or a line.
fn plain(text: &str) -> String {
    text.replace(['|', '\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_in_the_columns_of_master_csv() {
        let mut record = json!({
            "id": "c1", "kind": "inbound", "from": "sip:+7495\"1\"@carrier", "to": "600",
            "trunk": "carrier", "queue": "support", "operator": "alice",
            "started": "2026-11-21T09:00:00Z", "answered": "2026-11-21T09:00:04.9Z",
            "ended": "2026-11-21T09:00:10Z", "result": "answered", "cause": "hung up",
            "participants": [
                { "id": "p1", "role": "customer", "operator": null, "uri": "sip:+7495@carrier" },
                { "id": "p2", "role": "operator", "operator": "alice", "uri": "sip:alice@phone" },
                { "id": "p3", "role": "supervisor", "operator": "bob", "uri": "sip:bob@phone" },
            ],
        });
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let expected = "\"\",\"+7495\"\"1\"\"\",\"600\",\"carrier\",\"+7495\"\"1\"\"\",\
            \"SIP/carrier-p1\",\"SIP/alice-p2\",\"Queue\",\"support\",\"2026-11-21 10:00:00\",\
            \"2026-11-21 10:00:04\",\"2026-11-21 10:00:10\",10,6,\"ANSWERED\",\"DOCUMENTATION\",\
            \"c1\",\"\"\n";
        assert_eq!(cdr(&record, &zone).unwrap(), expected);
        record["answered"] = Value::Null;
        (record["result"], record["queue"]) = ("abandoned".into(), Value::Null);
        let line = cdr(&record, &TimeZone::UTC).unwrap();
        let rest = "\"Dial\",\"SIP/alice\",\"2026-11-21 09:00:00\",\"\",\"2026-11-21 09:00:10\",10,0,\
            \"NO ANSWER\",\"DOCUMENTATION\",\"c1\",\"\"\n";
        assert!(line.ends_with(rest), "{line}");
        record["ended"] = Value::Null;
        assert_eq!(cdr(&record, &zone), None);
    }

    #[test]
    fn nothing_within_a_field_ends_it() {
        let line = LogLine {
            at: Utc::from_millisecond(1_999).unwrap(),
            call: None,
            queue: None,
            operator: Some("al|ice".to_owned()),
            event: "PAUSE",
            data: vec!["lunch\n|".to_owned(), String::new()],
        };
        assert_eq!(log_line(&line, "a|b"), "1|NONE|a b|al ice|PAUSE|lunch  |\n");
    }
}
