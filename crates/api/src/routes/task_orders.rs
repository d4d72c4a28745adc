//! What may be ordered about tasks.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use b2bua::config::Name;
use b2bua::{Command, NewTask, Reply, TaskChange, TaskKey, TaskStep, Utc};
use serde_json::Value;

use super::tasks::{key, view};
use crate::Inner;
use crate::auth::Caller;
use crate::document::{
    Doc, about, named, needing, needing_any, one_of, taken, text, texts, time, whole,
};
use crate::fields::Fields;
use crate::problem::Problem;
use crate::routes::{Body, Path};

/// Head start at most, seconds.
const PRIORITY_MAX: u32 = 86_400;
/// Characters of a customer's name at most.
const NAME_MAX: usize = 128;

pub(super) fn add_doc() -> Doc {
    let head_start = || whole(0, u64::from(PRIORITY_MAX));
    let wish = taken(vec![
        ("queue", text()),
        ("kind", one_of(&["callback"])),
        ("number", about(text(), "As it is dialled: digits, perhaps after +")),
        ("name", text()),
        ("trunk", about(text(), "Over which they are called; else as the queue has it")),
        ("context", about(texts(), "Goes with the call")),
        ("priority_s", about(head_start(), "Head start; else that of the queue")),
        ("not_before", about(time(), "Nobody calls before")),
        ("expires", about(time(), "Nobody calls from then on; else as the queue has it")),
    ]);
    Doc::new("Somebody is to be called back")
        .more("409 where they are already, by that number in that queue.")
        .takes(needing(&["queue", "number"], wish))
        .answers(201, "The task", named("Task"))
        .problem(409)
}

pub(super) fn change_doc() -> Doc {
    let states = ["release", "callback", "complete"];
    let wish =
        taken(vec![("state", one_of(&states)), ("priority_s", whole(0, u64::from(PRIORITY_MAX)))]);
    Doc::new("Changes a task")
        .more(
            "All of it, or nothing where any of it cannot be. `release`: one that is kept back or put off may be given to somebody now. `callback`: one \
             that ended unserved is called back, in the place it had; the answer is the new task. `complete`: \
             its operator is done with it: with the wrap-up, or with a customer who was brought to them at \
             a number outside.",
        )
        .takes(needing_any(wish))
        .answers(200, "The task", named("Task"))
        .problem(409)
}

pub(super) fn withdraw_doc() -> Doc {
    Doc::new("Takes a task off the list")
        .more("A caller's call ends; a customer is not called back.")
        .done(204, "It is gone")
        .problem(409)
}

pub(super) fn assign_doc() -> Doc {
    let wish = taken(vec![("operator", text())]);
    Doc::new("Gives a task that waits to an operator")
        .more(
            "They are rung for it whether they serve its queue or are ready, or not, if they are signed \
             in and have room; if they do not answer it waits as before. An operator takes tasks of \
             their own queues for themselves.",
        )
        .takes(needing(&["operator"], wish))
        .answers(200, "The task", named("Task"))
        .problem(409)
}

/// Since the Unix epoch.
fn unix(at: Utc) -> Duration {
    Duration::from_millis(u64::try_from(at.as_millisecond()).unwrap_or(0))
}

fn shown(inner: &Inner, key: TaskKey) -> Result<Value, Problem> {
    view(inner, key).ok_or_else(|| Problem::not_found("task", &key.to_string()))
}

async fn added(inner: &Inner, new: NewTask) -> Result<TaskKey, Problem> {
    match inner.order(Command::AddTask(Box::new(new))).await? {
        Reply::Task(key) => Ok(key),
        _ => Err(Problem::unavailable("the switch answers something else")),
    }
}

pub(crate) async fn add(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Body(body): Body,
) -> Result<impl IntoResponse, Problem> {
    let mut fields = Fields::new(body);
    fields.one_of("kind", &[("callback", ())]);
    let name = fields.text("name");
    if name.as_ref().is_some_and(|name| name.chars().count() > NAME_MAX) {
        fields.wrong("name", format!("at most {NAME_MAX} characters"));
    }
    let new = NewTask {
        queue: fields.needed("queue").into(),
        number: fields.needed("number").into(),
        name: name.filter(|name| !name.chars().any(char::is_control)),
        trunk: fields.text("trunk").map(Into::into),
        context: fields.texts("context").into_iter().collect(),
        priority_s: fields.whole("priority_s", 0..=PRIORITY_MAX),
        virtual_start: None,
        not_before: fields.time("not_before").map(unix),
        expires: fields.time("expires").map(unix),
        predecessor: None,
    };
    fields.finish()?;
    caller.runs(&inner.model, &new.queue)?;
    let key = added(&inner, new).await?;
    let place = [(header::LOCATION, format!("/v1/tasks/{key}"))];
    Ok((StatusCode::CREATED, place, Json(shown(&inner, key)?)))
}

#[derive(Clone, Copy)]
enum Wish {
    Step(TaskStep),
    Callback,
}

/// `{state, priority_s}`; 200 and the task, or the new one.
pub(crate) async fn change(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let task = known(&inner, &caller, &id)?;
    let mut fields = Fields::new(body);
    let words = [
        ("release", Wish::Step(TaskStep::Release)),
        ("callback", Wish::Callback),
        ("complete", Wish::Step(TaskStep::Complete)),
    ];
    let state = fields.one_of("state", &words);
    let priority_s = fields.whole("priority_s", 0..=PRIORITY_MAX);
    if state.is_none() && priority_s.is_none() && !fields.is_wrong() {
        fields.wrong("state", "state or priority_s is needed");
    }
    fields.finish()?;
    let step = match state {
        Some(Wish::Callback) => {
            let key = revive(&inner, task, priority_s).await?;
            return shown(&inner, key).map(Json);
        }
        Some(Wish::Step(step)) => Some(step),
        None => None,
    };
    let change = TaskChange { priority_s, step };
    inner.order(Command::ChangeTask { task, change }).await?;
    shown(&inner, task).map(Json)
}

/// Calls back whoever was not served, in the place they had.
async fn revive(inner: &Inner, task: TaskKey, priority_s: Option<u32>) -> Result<TaskKey, Problem> {
    let Some(found) = inner.model.tasks.get(&task).map(|task| task.clone()) else {
        return Err(Problem::not_found("task", &task.to_string()));
    };
    if !found.is_unserved() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "only a task that ended unserved is called back",
        ));
    }
    let Some(number) = found.number.clone() else {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "the task has no number that could be called",
        ));
    };
    let new = NewTask {
        queue: found.queue.clone(),
        number,
        name: found.name.clone(),
        trunk: found.trunk.clone(),
        context: found.context.clone(),
        priority_s: priority_s.or(Some(found.priority_s)),
        virtual_start: Some(unix(found.virtual_start)),
        not_before: None,
        expires: None,
        predecessor: found.call,
    };
    added(inner, new).await
}

/// The task, if it is in a queue of theirs to run.
fn known(inner: &Inner, caller: &Caller, id: &str) -> Result<TaskKey, Problem> {
    let task = key(id)?;
    let queue: Option<Name> = inner.model.tasks.get(&task).map(|task| task.queue.clone());
    let queue = queue.ok_or_else(|| Problem::not_found("task", id))?;
    caller.runs(&inner.model, &queue).map(|()| task)
}

pub(crate) async fn withdraw(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path,
) -> Result<StatusCode, Problem> {
    let task = known(&inner, &caller, &id)?;
    inner.order(Command::ChangeTask { task, change: TaskStep::Withdraw.into() }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `{operator}`; 200 and the task.
pub(crate) async fn assign(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let mut fields = Fields::new(body);
    let operator: Name = fields.needed("operator").into();
    fields.finish()?;
    let task = match caller.only_operator() {
        Some(own) => {
            caller.acts_for(&operator)?;
            own_task(&inner, own, &id)?
        }
        None => known(&inner, &caller, &id)?,
    };
    inner.order(Command::AssignTask { task, operator }).await?;
    shown(&inner, task).map(Json)
}

/// A task of one of an operator's queues.
fn own_task(inner: &Inner, operator: &str, id: &str) -> Result<TaskKey, Problem> {
    let task = key(id)?;
    let queue = inner.model.tasks.get(&task).map(|task| task.queue.clone());
    let queue = queue.ok_or_else(|| Problem::not_found("task", id))?;
    let operator = inner.model.operators.get(operator);
    if operator.is_some_and(|one| one.queues().0.contains(&queue)) {
        Ok(task)
    } else {
        Err(Problem::forbidden("this task is of none of your queues"))
    }
}
