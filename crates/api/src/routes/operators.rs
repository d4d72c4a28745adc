//! Operators: what they are, and what they choose.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use b2bua::config::Name;
use b2bua::event::Membership;
use b2bua::{CallKey, Choice, Command};
use serde_json::{Map, Value};

use crate::auth::Caller;
use crate::document::{Doc, Routes, by_name, named, needing_any, one_of, taken, whole_list};
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
        ("queues", by_name(&one_of(&["joined", "paused", "left"]))),
    ]);
    let show_doc = Doc::new("An operator").answers(200, "The operator", named("Operator"));
    let change_doc = Doc::new("Chooses a state, ends or extends wrap-up, joins and leaves queues")
        .more(
            "A choice made during a call takes effect after it. A reason goes with not-ready. Whoever has \
             paused or left a queue is given none of its tasks. Operators join queues of the configuration's \
             only.",
        )
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
    if let Some(Value::Object(queues)) = body.get("queues") {
        may_change_queues(&inner, &caller, &id, queues)?;
    }
    for command in commands(&operator, &body)? {
        inner.order(command).await?;
    }
    view(&inner, &caller, &id).map(Json).ok_or_else(|| Problem::not_found("operator", &id))
}

/// Whether all those queues are there, and theirs to join and to leave.
fn may_change_queues(
    inner: &Inner,
    caller: &Caller,
    id: &str,
    queues: &Map<String, Value>,
) -> Result<(), Problem> {
    if let Some(queue) = queues.keys().find(|queue| !inner.model.queues.contains_key(&***queue)) {
        return Err(Problem::field("queues", format!("no such queue: {queue}")));
    }
    if caller.only_operator().is_none() {
        return Ok(());
    }
    let own = inner.model.operators.get(id).map(|one| one.entry.queues.clone());
    let is_own = |queue: &String| own.iter().flatten().any(|own| **own == **queue);
    match queues.keys().find(|queue| !is_own(queue)) {
        Some(other) => Err(Problem::forbidden(&format!("{other} is none of your queues"))),
        None => Ok(()),
    }
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

/// `{"support": "paused"}`.
fn memberships(value: &Value) -> Result<BTreeMap<Name, Membership>, (String, String)> {
    let wrong = |what: &str| ("queues".to_owned(), what.to_owned());
    let queues = value.as_object().ok_or_else(|| wrong("an object: a queue each, and what"))?;
    let read = |(queue, state): (&String, &Value)| {
        let state = match state.as_str() {
            Some("joined") => Membership::Joined,
            Some("paused") => Membership::Paused,
            Some("left") => Membership::Left,
            _ => return Err((format!("queues.{queue}"), "one of joined, paused, left".to_owned())),
        };
        Ok((queue.as_str().into(), state))
    };
    queues.iter().map(read).collect()
}

/// What a PATCH orders: `{state, reason, wrap_up, queues}`.
fn commands(operator: &Name, body: &Map<String, Value>) -> Result<Vec<Command>, Problem> {
    let mut errors = Vec::new();
    let mut commands = Vec::new();
    for field in body.keys() {
        if !["state", "reason", "wrap_up", "queues"].contains(&field.as_str()) {
            let known = "no such field; known are state, reason, wrap_up, queues";
            errors.push((field.clone(), known.into()));
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
    match body.get("queues").map(memberships) {
        None => {}
        Some(Ok(queues)) if queues.is_empty() => {}
        Some(Ok(queues)) => commands.push(Command::ChangeQueues { operator: operator(), queues }),
        Some(Err(error)) => errors.push(error),
    }
    if commands.is_empty() && errors.is_empty() {
        errors.push(("state".to_owned(), "state, wrap_up or queues is needed".to_owned()));
    }
    if errors.is_empty() { Ok(commands) } else { Err(Problem::fields(errors)) }
}
