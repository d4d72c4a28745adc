//! Calls that live.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use b2bua::{CallKey, Command};
use serde_json::Value;

use crate::Inner;
use crate::auth::Caller;
use crate::document::{Doc, Routes, named};
use crate::problem::Problem;
use crate::query::{Params, page};
use crate::routes::Path;

pub(super) fn routes(routes: Routes) -> Routes {
    let show_doc = Doc::new("A call that lives").answers(200, "The call", named("Call"));
    let end_doc = Doc::new("Ends a call").more("An operator ends only calls of their own.");
    routes
        .get("/v1/calls", list, Doc::new("Calls that live").page("Call"))
        .get("/v1/calls/{call}", show, show_doc)
        .delete("/v1/calls/{call}", hang_up, end_doc.done(204, "It has ended"))
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

pub(crate) async fn hang_up(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
) -> Result<StatusCode, Problem> {
    let key = theirs(&inner, &caller, &call)?;
    inner.order(Command::HangUp { call: key }).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn key(text: &str) -> Result<CallKey, Problem> {
    text.parse().map_err(|_| Problem::not_found("call", text))
}

/// The call of this name, if the caller sees it.
pub(super) fn seen(inner: &Inner, caller: &Caller, call: &str) -> Result<CallKey, Problem> {
    let key = key(call)?;
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
