//! Tasks.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use b2bua::{Command, TaskKey};
use serde_json::Value;

use crate::problem::Problem;
use crate::query::{Params, page};
use crate::{Inner, now};

/// What `?state=` may ask for. Without it: all that are not over.
const STATES: [&str; 10] = [
    "waiting",
    "reserved",
    "assigned",
    "wrapping",
    "completed",
    "abandoned",
    "expired",
    "failed",
    "withdrawn",
    "unserved",
];

pub(crate) async fn list(
    State(inner): State<Arc<Inner>>,
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
    let wanted = tasks.iter().filter(|task| {
        queue.as_ref().is_none_or(|queue| *queue == *task.queue)
            && match state {
                None => !task.is_over(),
                Some("unserved") => task.is_unserved(),
                Some(state) => task.state == state,
            }
    });
    let keys = wanted.map(|task| *task.key()).collect();
    page(params, keys, |key| view(&inner, *key)).map(Json)
}

pub(crate) async fn show(
    State(inner): State<Arc<Inner>>,
    Path(task): Path<String>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    params.finish()?;
    let view = view(&inner, key(&task)?);
    view.map(Json).ok_or_else(|| Problem::not_found("task", &task))
}

pub(crate) async fn decisions(
    State(inner): State<Arc<Inner>>,
    Path(task): Path<String>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    params.finish()?;
    let reply = inner.order(Command::ExplainTask { task: key(&task)? }).await?;
    Ok(Json(super::decisions(reply)))
}

fn view(inner: &Inner, key: TaskKey) -> Option<Value> {
    inner.model.tasks.get(&key).map(|task| task.view(key, now()))
}

fn key(text: &str) -> Result<TaskKey, Problem> {
    text.parse().map_err(|_| Problem::not_found("task", text))
}
