//! Customers who are handed on.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use b2bua::{Act, HandOn, OnFailure, Whom};
use serde_json::{Map, Value};

use super::calls::{key, seen};
use super::participants::order;
use crate::Inner;
use crate::auth::Caller;
use crate::document::{
    Doc, Routes, Schema, about, flag, named, needing_one, one_of, seconds, taken, text, texts,
};
use crate::fields::Fields;
use crate::problem::Problem;
use crate::query::Params;
use crate::routes::{Body, MaybeBody, Path};
use crate::settings::Role;

/// How long whoever is to have the customer may take to answer where nobody says.
const TIMEOUT_MS: u64 = 30_000;
const TIMEOUTS_S: core::ops::RangeInclusive<f64> = 1.0..=3_600.0;
const MODES: [(&str, bool); 2] = [("cold", false), ("warm", true)];
const ONE: &str = "one of operator, queue, number, uri is needed";

pub(super) fn routes(routes: Routes) -> Routes {
    let one = "/v1/calls/{call}/transfer";
    let shows = || named("Transfer");
    let begin_doc = Doc::new("Somebody else is to have the customer")
        .more(
            "Two must talk in the call: the bot, the operator who asks, or the only operator is let \
             go. Cold, at once; warm, when it is completed, or when they hang up.",
        )
        .takes(needing_one(&["operator", "queue", "number", "uri"], wish()))
        .answers(202, "It has begun, and may have failed already", shows())
        .problem(409);
    let status_doc = Doc::new("What became of the last transfer")
        .more("Also for a while after the call, then for an admin.")
        .answers(200, "Its status", shows());
    let complete_doc = Doc::new("A warm transfer is done")
        .may_take(taken(vec![]))
        .answers(200, "Its status", shows())
        .problem(409);
    let cancel_doc = Doc::new("A transfer is called off")
        .may_take(taken(vec![]))
        .answers(200, "Its status", shows())
        .problem(409);
    routes
        .post(one, begin, begin_doc)
        .get(one, status, status_doc)
        .post("/v1/calls/{call}/transfer/complete", complete, complete_doc)
        .post("/v1/calls/{call}/transfer/cancel", cancel, cancel_doc)
}

fn wish() -> Schema {
    let else_to = "`return`, `hangup`, or an object with one of operator, queue, number, uri";
    taken(vec![
        ("operator", text()),
        ("queue", text()),
        ("number", text()),
        ("uri", text()),
        ("trunk", about(text(), "Goes with a number")),
        ("mode", one_of(&MODES.map(|(word, _)| word))),
        ("timeout_s", seconds(TIMEOUTS_S)),
        ("headers", texts()),
        ("on_failure", about(serde_json::json!({ "type": ["string", "object"] }), else_to)),
        ("continue_call", about(flag(), "A bot gets its caller back")),
        ("continue_recording", about(flag(), "What is recorded with a bot goes on")),
    ])
}

/// Begins one: 202 and its status, as [`status`] has it.
pub(crate) async fn begin(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
    Body(body): Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let act = Act::Transfer(wanted(Fields::new(body))?);
    give(&inner, &caller, &call, act).await.map(|status| (StatusCode::ACCEPTED, status))
}

/// A warm one is done: whoever asked leaves. 200 and its status.
pub(crate) async fn complete(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
    MaybeBody(body): MaybeBody,
) -> Result<Json<Value>, Problem> {
    Fields::new(body).finish()?;
    give(&inner, &caller, &call, Act::CompleteTransfer).await
}

/// It is called off. 200 and its status.
pub(crate) async fn cancel(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
    MaybeBody(body): MaybeBody,
) -> Result<Json<Value>, Problem> {
    Fields::new(body).finish()?;
    give(&inner, &caller, &call, Act::CancelTransfer).await
}

/// What became of the last one, also for a while after the call; then for an administrator.
pub(crate) async fn status(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
    params: Params,
) -> Result<Json<Value>, Problem> {
    params.finish()?;
    let key = key(&call)?;
    if inner.model.calls.contains_key(&key) {
        seen(&inner, &caller, &call)?;
    } else {
        // Whose it was is known no more.
        caller.at_least(Role::Admin)?;
    }
    let status = inner.model.transfer(key);
    status.map(Json).ok_or_else(|| Problem::not_found("transfer of call", &call))
}

async fn give(
    inner: &Inner,
    caller: &Caller,
    call: &str,
    act: Act,
) -> Result<Json<Value>, Problem> {
    order(inner, caller, call, act).await?;
    Ok(Json(inner.model.transfer(key(call)?).unwrap_or_default()))
}

fn wanted(mut fields: Fields) -> Result<HandOn, Problem> {
    let to = whom(&mut fields);
    if to.is_none() && !fields.is_wrong() {
        fields.wrong("operator", ONE);
    }
    let is_warm = fields.one_of("mode", &MODES).unwrap_or(false);
    let timeout_ms = fields.seconds("timeout_s", TIMEOUTS_S).unwrap_or(TIMEOUT_MS);
    let headers = fields.texts("headers");
    let continue_call = fields.flag("continue_call").unwrap_or(false);
    let continue_recording = fields.flag("continue_recording").unwrap_or(false);
    let on_failure = on_failure(&mut fields);
    fields.finish()?;
    let to = to.ok_or_else(|| Problem::field("operator", ONE))?;
    Ok(HandOn { to, is_warm, timeout_ms, headers, on_failure, continue_call, continue_recording })
}

/// Whom a body names; `None`, with a complaint where there are several, if not exactly one.
fn whom(fields: &mut Fields) -> Option<Whom> {
    let operator = fields.text("operator").map(|id| Whom::Operator(id.into()));
    let queue = fields.text("queue").map(|name| Whom::Queue(name.into()));
    let trunk = fields.text("trunk").map(Into::into);
    let has_trunk = trunk.is_some();
    let number = fields.text("number").map(|text| Whom::Number { number: text.into(), trunk });
    let uri = fields.text("uri").map(|text| Whom::Uri(text.into()));
    if has_trunk && number.is_none() {
        fields.wrong("trunk", "goes with a number only");
    }
    let mut named: Vec<Whom> = [operator, queue, number, uri].into_iter().flatten().collect();
    if named.len() > 1 {
        fields.wrong("operator", ONE);
    }
    named.pop()
}

/// Whom an object names, and nothing else.
fn whom_of(body: Map<String, Value>) -> Option<Whom> {
    let mut fields = Fields::new(body);
    let to = whom(&mut fields);
    to.filter(|_| fields.finish().is_ok())
}

/// Whom an object in a field names.
pub(super) fn whom_in(fields: &mut Fields, field: &'static str) -> Option<Whom> {
    let found = match fields.any(field)? {
        Value::Object(body) => whom_of(body),
        _ => None,
    };
    if found.is_none() {
        fields.wrong(field, "an object with one of operator, queue, number, uri");
    }
    found
}

/// `"return"`, `"hangup"`, or whom else it is to be.
fn on_failure(fields: &mut Fields) -> OnFailure {
    let field = "on_failure";
    let shape = "\"return\", \"hangup\", or an object with one of operator, queue, number, uri";
    match fields.any(field) {
        None => OnFailure::Return,
        Some(Value::String(word)) if word == "return" => OnFailure::Return,
        Some(Value::String(word)) if word == "hangup" => OnFailure::HangUp,
        Some(other) => {
            let to = match other {
                Value::Object(body) => whom_of(body),
                _ => None,
            };
            if to.is_none() {
                fields.wrong(field, shape);
            }
            to.map_or(OnFailure::Return, OnFailure::To)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn where_a_failed_one_goes() {
        let check = |value: Value, expected: Option<OnFailure>| {
            let body = json!({ "queue": "sales", "on_failure": value });
            let body = body.as_object().cloned().unwrap_or_default();
            let read = wanted(Fields::new(body)).ok().map(|order| order.on_failure);
            assert_eq!(read, expected, "{value}");
        };
        let trunk = Some("carrier".into());
        check(Value::Null, Some(OnFailure::Return));
        check(json!("return"), Some(OnFailure::Return));
        check(json!("hangup"), Some(OnFailure::HangUp));
        check(json!({ "queue": "a" }), Some(OnFailure::To(Whom::Queue("a".into()))));
        check(
            json!({ "number": "7", "trunk": "carrier" }),
            Some(OnFailure::To(Whom::Number { number: "7".into(), trunk })),
        );
        for wrong in [
            json!("back"),
            json!({}),
            json!(7),
            json!({ "queue": "a", "operator": "b" }),
            json!({ "queue": "a", "x": 1 }),
            json!({ "operator": "b", "trunk": "carrier" }),
        ] {
            check(wrong, None);
        }
    }
}
