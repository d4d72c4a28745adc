//! Queues.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use b2bua::Command;
use b2bua::config::Name;
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::document::{Doc, Routes, about, flag, named, needing, needing_any, shown, taken};
use crate::fields::Fields;
use crate::problem::Problem;
use crate::query::{Params, page};
use crate::routes::{Body, Path};
use crate::settings::Role;
use crate::{Inner, now};

pub(super) fn routes(routes: Routes) -> Routes {
    let lasting = "An order holds until another one, whatever the configuration says by then.";
    let wish = taken(vec![
        ("auto_connect", about(flag(), "Tasks go to operators by themselves")),
        ("open", about(flag(), "New tasks are taken")),
    ]);
    let until_hours = "An order holds until another one, whatever the configuration says by then; `open` until the \
                       hours of the queue next begin or end.";
    let change_doc = Doc::new("Opens or closes a queue, and switches automatic connection")
        .more(until_hours)
        .of(Role::Supervisor)
        .takes(needing_any(wish))
        .answers(200, "The queue", named("Queue"));
    let settings_doc = Doc::new("What holds for all queues together").answers(
        200,
        "What holds",
        shown(vec![("auto_connect", flag())]),
    );
    let switches = taken(vec![("auto_connect", flag())]);
    let change_settings_doc = Doc::new("Switches automatic connection for all queues together")
        .more(lasting)
        .of(Role::Admin)
        .takes(needing(&["auto_connect"], switches))
        .answers(200, "What holds then", shown(vec![("auto_connect", flag())]));
    let show_doc = Doc::new("A queue").answers(200, "The queue", named("Queue"));
    routes
        .get("/v1/queues", list, Doc::new("Queues").page("Queue"))
        .get("/v1/queues/{queue}", show, show_doc)
        .patch("/v1/queues/{queue}", change, change_doc)
        .get("/v1/settings", settings, settings_doc)
        .patch("/v1/settings", change_settings, change_settings_doc)
}

/// `{auto_connect, open}`; 200 and the queue.
pub(crate) async fn change(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let queue: Name = name.as_str().into();
    caller.runs(&inner.model, &queue)?;
    let mut fields = Fields::new(body);
    let (auto_connect, open) = (fields.flag("auto_connect"), fields.flag("open"));
    if auto_connect.is_none() && open.is_none() && !fields.is_wrong() {
        fields.wrong("open", "auto_connect or open is needed");
    }
    fields.finish()?;
    let view = |inner: &Inner| inner.model.queue(&queue, now());
    if view(&inner).is_none() {
        return Err(Problem::not_found("queue", &name));
    }
    let which = Some(queue.clone());
    inner.order(Command::Switch { queue: which, auto_connect, open }).await?;
    view(&inner).map(Json).ok_or_else(|| Problem::not_found("queue", &name))
}

pub(crate) async fn settings(
    State(inner): State<Arc<Inner>>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    params.finish()?;
    Ok(Json(json!({ "auto_connect": inner.model.switches().auto_connect() })))
}

/// `{auto_connect}`; 200 and what holds then.
pub(crate) async fn change_settings(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    caller.at_least(Role::Admin)?;
    let mut fields = Fields::new(body);
    let auto_connect = fields.flag("auto_connect");
    if auto_connect.is_none() && !fields.is_wrong() {
        fields.wrong("auto_connect", "is needed");
    }
    fields.finish()?;
    inner.order(Command::Switch { queue: None, auto_connect, open: None }).await?;
    Ok(Json(json!({ "auto_connect": inner.model.switches().auto_connect() })))
}

pub(crate) async fn list(
    State(inner): State<Arc<Inner>>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let queues = &inner.model.queues;
    let names: Vec<String> = queues.iter().map(|queue| queue.key().to_string()).collect();
    page(params, names, |name| inner.model.queue(&name.as_str().into(), now())).map(Json)
}

pub(crate) async fn show(
    State(inner): State<Arc<Inner>>,
    Path(name): Path,
    params: Params,
) -> Result<Json<Value>, Problem> {
    params.finish()?;
    let view = inner.model.queue(&name.as_str().into(), now());
    view.map(Json).ok_or_else(|| Problem::not_found("queue", &name))
}
