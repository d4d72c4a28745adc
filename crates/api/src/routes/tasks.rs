//! Tasks.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use b2bua::{Command, TaskKey, UnknownId};
use serde_json::Value;

use crate::auth::Caller;
use crate::document::{Doc, Routes, any_text, named, one_of, whole_list};
use crate::problem::Problem;
use crate::query::{Params, page};
use crate::routes::Path;
use crate::{Inner, now};

/// What `?state=` may ask for. Without it: all that are not over.
const STATES: [&str; 13] = [
    "waiting",
    "held",
    "deferred",
    "reserved",
    "assigned",
    "wrapping",
    "completed",
    "abandoned",
    "expired",
    "overflowed",
    "failed",
    "withdrawn",
    "unserved",
];

pub(super) fn routes(routes: Routes) -> Routes {
    let list_doc = Doc::new("Tasks, as they will be served")
        .query("state", one_of(&STATES), "Without it all that are not over")
        .query("queue", any_text(), "In this queue")
        .page("Task");
    let show_doc = Doc::new("A task").answers(200, "The task", named("Task"));
    let decisions_doc = Doc::new("Why a task went where it went, and waited as it did").answers(
        200,
        "Oldest first",
        whole_list("Decision"),
    );
    routes
        .get("/v1/tasks", list, list_doc)
        .post("/v1/tasks", super::task_orders::add, super::task_orders::add_doc())
        .get("/v1/tasks/{task}", show, show_doc)
        .patch("/v1/tasks/{task}", super::task_orders::change, super::task_orders::change_doc())
        .delete(
            "/v1/tasks/{task}",
            super::task_orders::withdraw,
            super::task_orders::withdraw_doc(),
        )
        .post(
            "/v1/tasks/{task}/assign",
            super::task_orders::assign,
            super::task_orders::assign_doc(),
        )
        .get("/v1/tasks/{task}/decisions", decisions, decisions_doc)
}

pub(crate) async fn list(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    mut params: Params,
) -> Result<Json<Value>, Problem> {
    let state = params.one_of("state", &STATES);
    let queue = params.text("queue");
    if let Some(queue) = &queue
        && !inner.model.queues.contains_key(&**queue)
    {
        return Err(Problem::field("queue", format!("no such queue: {queue}")));
    }
    let tasks = &inner.model.tasks;
    let scope = caller.scope(&inner.model);
    let wanted = tasks.iter().filter(|task| {
        scope.sees_task(task)
            && queue.as_ref().is_none_or(|queue| *queue == *task.queue)
            && match state {
                None => !task.is_over(),
                Some("unserved") => task.is_unserved(),
                Some(state) => task.state == state,
            }
    });
    let places = wanted.map(|task| Place { order: task.order(), key: *task.key() }).collect();
    page(params, places, |place| view(&inner, place.key)).map(Json)
}

/// Where a task stands among all: by virtual start less its head start, as it will be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    order: i64,
    key: TaskKey,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.order, self.key)
    }
}

impl FromStr for Place {
    type Err = UnknownId;

    fn from_str(text: &str) -> Result<Self, UnknownId> {
        let (order, key) = text.split_once('.').ok_or(UnknownId)?;
        Ok(Self { order: order.parse().map_err(|_| UnknownId)?, key: key.parse()? })
    }
}

pub(crate) async fn show(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(task): Path,
    params: Params,
) -> Result<Json<Value>, Problem> {
    params.finish()?;
    let key = key(&task)?;
    let scope = caller.scope(&inner.model);
    let sees = inner.model.tasks.get(&key).is_some_and(|task| scope.sees_task(&task));
    let view = view(&inner, key).filter(|_| sees);
    view.map(Json).ok_or_else(|| Problem::not_found("task", &task))
}

pub(crate) async fn decisions(
    State(inner): State<Arc<Inner>>,
    Path(task): Path,
    params: Params,
) -> Result<Json<Value>, Problem> {
    params.finish()?;
    let reply = inner.order(Command::ExplainTask { task: key(&task)? }).await?;
    Ok(Json(super::decisions(reply)))
}

pub(super) fn view(inner: &Inner, key: TaskKey) -> Option<Value> {
    inner.model.tasks.get(&key).map(|task| task.view(key, now()))
}

pub(super) fn key(text: &str) -> Result<TaskKey, Problem> {
    text.parse().map_err(|_| Problem::not_found("task", text))
}
