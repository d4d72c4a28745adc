//! Calls that live.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use b2bua::{Act, CallKey, Command, Dial, Reply};
use serde_json::{Value, json};

use super::participants::order;
use crate::Inner;
use crate::auth::Caller;
use crate::document::{
    Doc, Routes, about, list as list_of, named, needing, shown, taken, text, texts,
};
use crate::fields::Fields;
use crate::problem::Problem;
use crate::query::{Params, page};
use crate::routes::{Body, Path};

pub(super) fn routes(routes: Routes) -> Routes {
    let show_doc = Doc::new("A call that lives").answers(200, "The call", named("Call"));
    let end_doc = Doc::new("Ends a call").more("An operator ends only calls of their own.");
    routes
        .get("/v1/calls", list, Doc::new("Calls that live").page("Call"))
        .post("/v1/calls", dial, dial_doc())
        .patch("/v1/calls/{call}/context", describe, describe_doc())
        .get("/v1/calls/{call}", show, show_doc)
        .delete("/v1/calls/{call}", hang_up, end_doc.done(204, "It has ended"))
}

fn dial_doc() -> Doc {
    let wish = taken(vec![
        ("operator", about(text(), "Who calls, and is rung first")),
        ("to", about(text(), "A number as they would dial it, or a SIP URI")),
        ("trunk", about(text(), "The number as it stands, over this trunk")),
        ("headers", about(texts(), "Of the INVITE to whom they call")),
        ("context", about(texts(), "The call's")),
    ]);
    let rung = shown(vec![("call", text()), ("participants", list_of(&text()))]);
    Doc::new("Click to dial: rings an operator, then whom they call")
        .more(
            "Their dial policy holds. The call is like one that they have dialled; where somebody \
             does not answer it ends as `failed`, and its cause says who: `operator busy`, `busy`.",
        )
        .takes(needing(&["operator", "to"], wish))
        .answers(201, "The call, and the operator's phones, which ring", rung)
        .problem(404)
}

fn describe_doc() -> Doc {
    let values = serde_json::json!({
        "type": "object", "minProperties": 1,
        "additionalProperties": { "type": ["string", "null"] },
    });
    Doc::new("Changes a call's context")
        .more("A value takes the place of what was there of that name, null removes it.")
        .takes(values)
        .answers(200, "The whole context", texts())
}

/// Click to dial: 201 and the call. An operator calls for themself only.
pub(crate) async fn dial(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Body(body): Body,
) -> Result<impl IntoResponse, Problem> {
    let mut fields = Fields::new(body);
    let dial = Dial {
        operator: fields.needed("operator").into(),
        to: fields.needed("to").into(),
        trunk: fields.text("trunk").map(Into::into),
        headers: fields.texts("headers"),
        context: fields.texts("context").into_iter().collect(),
    };
    fields.finish()?;
    caller.acts_for(&dial.operator)?;
    let reply = inner.order(Command::Dial(Box::new(dial))).await?;
    let Reply::Dialled { call, participants } = reply else {
        return Err(Problem::unavailable("the switch answers something else"));
    };
    let place = [(header::LOCATION, format!("/v1/calls/{call}"))];
    let told = json!({ "call": call, "participants": participants });
    Ok((StatusCode::CREATED, place, Json(told)))
}

/// `{NAME: VALUE | null}`: 200 and the whole context.
pub(crate) async fn describe(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let (mut context, mut errors) = (BTreeMap::new(), Vec::new());
    for (name, value) in body {
        match value {
            Value::Null => drop(context.insert(name, None)),
            Value::String(text) => drop(context.insert(name, Some(text))),
            _ => errors.push((name, "a text, or null".to_owned())),
        }
    }
    if context.is_empty() && errors.is_empty() {
        errors.push(("context".to_owned(), "something to change is needed".to_owned()));
    }
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    order(&inner, &caller, &call, Act::Describe { context }).await?;
    // Gone in the meantime: what it was then is in its record.
    let live = inner.model.calls.get(&key(&call)?);
    Ok(Json(json!(live.map(|call| call.context.clone()).unwrap_or_default())))
}

pub(crate) async fn list(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let calls = &inner.model.calls;
    let scope = caller.scope(&inner.model);
    let seen = calls.iter().filter(|call| scope.sees(&inner.model, call));
    let keys = seen.map(|call| *call.key()).collect();
    let is_discreet = inner.is_discreet(&caller);
    page(params, keys, |key| calls.get(key).map(|call| call.view(*key, is_discreet))).map(Json)
}

pub(crate) async fn show(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
    params: Params,
) -> Result<Json<Value>, Problem> {
    params.finish()?;
    let key = seen(&inner, &caller, &call)?;
    let is_discreet = inner.is_discreet(&caller);
    let view = inner.model.calls.get(&key).map(|call| call.view(key, is_discreet));
    view.map(Json).ok_or_else(|| Problem::not_found("call", &call))
}

/// Ends a call; of the id of a help, the help alone.
pub(crate) async fn hang_up(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
) -> Result<StatusCode, Problem> {
    let named = key(&call)?;
    if inner.model.call_named(named) != named {
        order(&inner, &caller, &call, Act::TakeBack).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    let key = theirs(&inner, &caller, &call)?;
    inner.order(Command::HangUp { call: key }).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn key(text: &str) -> Result<CallKey, Problem> {
    text.parse().map_err(|_| Problem::not_found("call", text))
}

/// The call of this name, or with a help of this name, if the caller sees it.
pub(super) fn seen(inner: &Inner, caller: &Caller, call: &str) -> Result<CallKey, Problem> {
    let key = inner.model.call_named(key(call)?);
    let live = inner.model.calls.get(&key).ok_or_else(|| Problem::not_found("call", call))?;
    match caller.scope(&inner.model).sees(&inner.model, &live) {
        true => Ok(key),
        false => Err(Problem::forbidden("this is a call of others")),
    }
}

/// The call of this name, if the caller may do anything to it: an operator only to those they are in, a
/// supervisor to those of their queues.
pub(super) fn theirs(inner: &Inner, caller: &Caller, call: &str) -> Result<CallKey, Problem> {
    let key = key(call)?;
    if let Some(operator) = caller.only_operator() {
        let theirs = inner.model.calls.get(&key).map(|call| call.is_of(operator));
        if !theirs.ok_or_else(|| Problem::not_found("call", call))? {
            return Err(Problem::forbidden("an operator may change only calls of their own"));
        }
        return Ok(key);
    }
    // Of one that is not there the switch has the last word.
    if inner.model.calls.contains_key(&key) { seen(inner, caller, call) } else { Ok(key) }
}
