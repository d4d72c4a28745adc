//! Queues.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::document::{Doc, Routes, named};
use crate::problem::Problem;
use crate::query::{Params, page};
use crate::routes::Path;
use crate::{Inner, now};

pub(super) fn routes(routes: Routes) -> Routes {
    let show_doc = Doc::new("A queue").answers(200, "The queue", named("Queue"));
    routes.get("/v1/queues", list, Doc::new("Queues").page("Queue")).get(
        "/v1/queues/{queue}",
        show,
        show_doc,
    )
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
