//! Operators: what they are, and what they choose.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use b2bua::config::Name;
use b2bua::{CallKey, Choice, Command};
use serde_json::{Map, Value};

use crate::auth::Caller;
use crate::document::{Doc, Routes, named, needing_any, one_of, taken, whole_list};
use crate::problem::Problem;
use crate::query::{Params, page};
use crate::routes::{Body, Path};
use crate::{Inner, now};

/// Characters of a reason at most.
const REASON_MAX: usize = 64;

pub(super) fn routes(routes: Routes) -> Routes {
    let reason = serde_json::json!({ "type": "string", "maxLength": REASON_MAX });
    let wish = taken(vec![
        ("state", one_of(&["ready", "not-ready", "offline"])),
        ("reason", reason),
        ("wrap_up", one_of(&["end", "extend"])),
    ]);
    let show_doc = Doc::new("An operator").answers(200, "The operator", named("Operator"));
    let change_doc = Doc::new("Chooses a state, ends or extends wrap-up")
        .more("A choice made during a call takes effect after it. A reason goes with not-ready.")
        .takes(needing_any(wish))
        .answers(200, "As they are then", named("Operator"))
        .problem(409);
    let decisions_doc = Doc::new("Why an operator got what they got, or nothing").answers(
        200,
        "The latest decisions about them, and what keeps them from what waits now",
        idle_and_decisions(),
    );
    routes
        .get("/v1/operators", list, Doc::new("Operators").page("Operator"))
        .get("/v1/operators/{operator}", show, show_doc)
        .patch("/v1/operators/{operator}", change, change_doc)
        .get("/v1/operators/{operator}/decisions", decisions, decisions_doc)
}

fn idle_and_decisions() -> Value {
    let mut list = whole_list("Decision");
    list["properties"]["idle"] = named("Idle");
    list
}

pub(crate) async fn list(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let operators = &inner.model.operators;
    let ids: Vec<String> = operators.iter().map(|operator| operator.key().to_string()).collect();
    page(params, ids, |id| view(&inner, &caller, id)).map(Json)
}

pub(crate) async fn show(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path,
    params: Params,
) -> Result<Json<Value>, Problem> {
    params.finish()?;
    view(&inner, &caller, &id).map(Json).ok_or_else(|| Problem::not_found("operator", &id))
}

/// The choice and the wrap-up may be changed at once; nothing is where one field is wrong.
pub(crate) async fn change(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    caller.acts_for(&id)?;
    let Some(operator) = inner.model.operators.get(&*id).map(|one| one.key().clone()) else {
        return Err(Problem::not_found("operator", &id));
    };
    for command in commands(&operator, &body)? {
        inner.order(command).await?;
    }
    view(&inner, &caller, &id).map(Json).ok_or_else(|| Problem::not_found("operator", &id))
}

pub(crate) async fn decisions(
    State(inner): State<Arc<Inner>>,
    Path(id): Path,
    params: Params,
) -> Result<Json<Value>, Problem> {
    params.finish()?;
    let reply = inner.order(Command::ExplainOperator { operator: id.into() }).await?;
    Ok(Json(super::decisions(reply)))
}

fn view(inner: &Inner, caller: &Caller, id: &str) -> Option<Value> {
    let operator = inner.model.operators.get(id).map(|operator| operator.clone())?;
    let is_discreet = inner.is_discreet(caller);
    let watches =
        |key: &CallKey| inner.model.calls.get(key).is_some_and(|call| call.is_watched_by(id));
    Some(operator.view(now(), |key| !is_discreet || !watches(key)))
}

/// What a PATCH orders: `{state, reason, wrap_up}`.
fn commands(operator: &Name, body: &Map<String, Value>) -> Result<Vec<Command>, Problem> {
    let mut errors = Vec::new();
    let mut commands = Vec::new();
    for field in body.keys() {
        if !["state", "reason", "wrap_up"].contains(&field.as_str()) {
            errors.push((field.clone(), "no such field; known are state, reason, wrap_up".into()));
        }
    }
    let reason = match body.get("reason") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.chars().count() <= REASON_MAX => Some(text.as_str()),
        Some(_) => {
            errors.push(("reason".to_owned(), format!("a text of up to {REASON_MAX} characters")));
            None
        }
    };
    let state = body.get("state");
    if reason.is_some() && state.and_then(Value::as_str) != Some("not-ready") {
        errors.push(("reason".to_owned(), "goes with the state not-ready only".to_owned()));
    }
    let choice = match state.map(Value::as_str) {
        None => None,
        Some(Some("ready")) => Some(Choice::Ready),
        Some(Some("not-ready")) => Some(Choice::NotReady { reason: reason.map(Into::into) }),
        Some(Some("offline")) => Some(Choice::Offline),
        Some(_) => {
            errors.push(("state".to_owned(), "one of ready, not-ready, offline".to_owned()));
            None
        }
    };
    let operator = || operator.clone();
    commands.extend(choice.map(|state| Command::Choose { operator: operator(), state }));
    match body.get("wrap_up").map(Value::as_str) {
        None => {}
        Some(Some("end")) => commands.push(Command::EndWrapUp { operator: operator() }),
        Some(Some("extend")) => commands.push(Command::ExtendWrapUp { operator: operator() }),
        Some(_) => errors.push(("wrap_up".to_owned(), "one of end, extend".to_owned())),
    }
    if commands.is_empty() && errors.is_empty() {
        errors.push(("state".to_owned(), "state or wrap_up is needed".to_owned()));
    }
    if errors.is_empty() { Ok(commands) } else { Err(Problem::fields(errors)) }
}
