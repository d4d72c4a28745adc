//! Paths to handlers.

mod calls;
mod description;
mod events;
mod export;
mod help;
mod node;
mod operators;
mod participants;
mod play;
mod queues;
mod recording;
mod records;
mod reports;
mod reservations;
mod session;
mod sounds;
mod task_orders;
mod tasks;
mod transfer;

use std::sync::Arc;

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use b2bua::Reply;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::Inner;
use crate::document::Routes;
use crate::problem::Problem;

/// Octets of a request's body at most.
pub(crate) const BODY_MAX: usize = 1024 * 1024;

fn all() -> Routes {
    let routes = Routes::new();
    let routes = calls::routes(routes);
    let routes = participants::routes(routes);
    let routes = help::routes(routes);
    let routes = play::routes(routes);
    let routes = transfer::routes(routes);
    let routes = recording::routes(routes);
    let routes = operators::routes(routes);
    let routes = queues::routes(routes);
    let routes = tasks::routes(routes);
    let routes = reservations::routes(routes);
    let routes = records::routes(routes);
    let routes = reports::routes(routes);
    let routes = sounds::routes(routes);
    let routes = session::routes(routes);
    let routes = events::routes(routes);
    let routes = node::routes(routes);
    description::routes(routes)
}

pub(crate) fn router(inner: Arc<Inner>) -> Router {
    all()
        .finish()
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&inner), crate::idempotency::once))
        .layer(from_fn_with_state(Arc::clone(&inner), crate::auth::require))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(inner)
}

async fn unknown(uri: Uri) -> Problem {
    Problem::not_found("path", uri.path())
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{method} is not for {}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// What stands in the path in place of `{…}`.
pub(crate) struct Path(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Path {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        let axum::extract::Path(text) =
            path.map_err(|error| Problem::new(error.status(), error.body_text()))?;
        Ok(Self(text))
    }
}

/// Two of them.
pub(crate) struct Paths(pub(crate) String, pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Paths {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        let axum::extract::Path((first, second)) =
            path.map_err(|error: PathRejection| Problem::new(error.status(), error.body_text()))?;
        Ok(Self(first, second))
    }
}

/// A JSON object as body; one without fields where there is none.
pub(crate) struct MaybeBody(pub(crate) Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for MaybeBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_empty = request.body().size_hint().exact() == Some(0);
        if is_empty {
            return Ok(Self(Map::new()));
        }
        Body::from_request(request, state).await.map(|Body(fields)| Self(fields))
    }
}

/// A JSON object as body.
pub(crate) struct Body(pub(crate) Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(|error| {
            let detail = match error.status() {
                StatusCode::PAYLOAD_TOO_LARGE => format!("a body has at most {BODY_MAX} octets"),
                _ => error.body_text(),
            };
            Problem::new(error.status(), detail)
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let detail = format!("the body is no JSON object: {error}");
            Problem::new(StatusCode::BAD_REQUEST, detail)
        })
    }
}

/// Decisions as a list; of an operator also why they are idle.
pub(crate) fn decisions(reply: Reply) -> Value {
    match reply {
        Reply::Decisions(decisions) => json!({ "items": explained(decisions), "next": null }),
        Reply::Idle(idle, decisions) => {
            json!({ "idle": idle, "items": explained(decisions), "next": null })
        }
        _ => json!({ "items": [], "next": null }),
    }
}

fn considered(one: b2bua::Considered) -> Value {
    let (score, unit) = one.score.unzip();
    let lacks = one
        .lacks
        .map(|(skill, level, asked)| json!({ "skill": skill, "level": level, "asked": asked }));
    json!({
        "operator": one.operator,
        "verdict": one.verdict,
        "score": score,
        "unit": unit,
        "filter": one.filter,
        "lacks": lacks,
    })
}

fn explained(decisions: Vec<b2bua::Explanation>) -> Vec<Value> {
    let view = |decision: b2bua::Explanation| {
        let demand: Map<String, Value> = decision
            .demand
            .iter()
            .map(|(skill, level)| (skill.to_string(), (*level).into()))
            .collect();
        let excluded = |(filter, count)| json!({ "filter": filter, "count": count });
        json!({
            "at": decision.at,
            "task": decision.task,
            "queue": decision.queue,
            "strategy": decision.strategy,
            "demand": demand,
            "wanted": decision.wanted,
            "chosen": decision.chosen,
            "kept": decision.kept,
            "considered": decision.considered.into_iter().map(considered).collect::<Vec<_>>(),
            "excluded": decision.excluded.into_iter().map(excluded).collect::<Vec<_>>(),
        })
    };
    decisions.into_iter().map(view).collect()
}
