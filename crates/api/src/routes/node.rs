//! The node itself: trunks, reload, metrics, health.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::auth::Caller;
use crate::document::{Doc, Routes, shown, text};
use crate::ports::Order;
use crate::problem::Problem;
use crate::query::{Params, page};
use crate::settings::Role;
use crate::{Inner, now};

/// What a scrape is (OpenMetrics; every Prometheus reads it).
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long a reload may take: folders of sounds are read.
const RELOAD_WITHIN: Duration = Duration::from_secs(30);

pub(super) fn routes(routes: Routes) -> Routes {
    let state = || shown(vec![("status", text())]);
    let reload_doc = Doc::new("Reads the configuration again")
        .more("Every fault is named, and then the old one still holds.")
        .of(Role::Admin)
        .done(204, "The new one holds");
    let metrics_doc = Doc::new("Metrics for Prometheus")
        .open()
        .answers_file(200, "OpenMetrics", "application/openmetrics-text")
        .problem(500);
    let healthy_doc = Doc::new("That the process answers").open().answers(200, "It does", state());
    let ready_doc = Doc::new("That the node can do its work")
        .open()
        .answers(200, "It can", state())
        .problem(503);
    routes
        .get("/v1/trunks", trunks, Doc::new("Trunks").page("Trunk"))
        .post("/v1/reload", reload, reload_doc)
        .get("/metrics", metrics, metrics_doc)
        .get("/healthz", healthy, healthy_doc)
        .get("/readyz", ready, ready_doc)
}

pub(crate) async fn trunks(
    State(inner): State<Arc<Inner>>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let trunks = &inner.model.trunks;
    let names: Vec<String> = trunks.iter().map(|trunk| trunk.key().to_string()).collect();
    page(params, names, |name| inner.model.trunk(&name.as_str().into())).map(Json)
}

/// 204, or 422 with every fault; then the old configuration still holds.
pub(crate) async fn reload(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
) -> Result<StatusCode, Problem> {
    caller.at_least(Role::Admin)?;
    let (reply, answer) = oneshot::channel();
    match inner.ask(Order::Reload { reply }, answer, RELOAD_WITHIN).await? {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(faults) => {
            let detail = "the configuration has faults; the old one still holds";
            let errors = faults.into_iter().map(|fault| ("configuration".to_owned(), fault));
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
            Err(problem.with_errors(errors.collect()))
        }
    }
}

pub(crate) async fn metrics(State(inner): State<Arc<Inner>>) -> Result<impl IntoResponse, Problem> {
    let text = inner.metrics.scrape(&inner.model, now()).map_err(|_| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written")
    })?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text))
}

/// That the process answers.
pub(crate) async fn healthy() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// That it can do its work; 503 with every reason where not.
pub(crate) async fn ready(State(inner): State<Arc<Inner>>) -> Result<Json<Value>, Problem> {
    let failed = |(name, check): &crate::Check| Some(((*name).to_owned(), check().err()?));
    let errors: Vec<(String, String)> = inner.settings.checks.iter().filter_map(failed).collect();
    if errors.is_empty() {
        Ok(Json(json!({ "status": "ready" })))
    } else {
        Err(Problem::unavailable("this node is not ready").with_errors(errors))
    }
}
