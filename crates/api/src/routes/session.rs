//! Sign-in for the desk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use b2bua::config::Name;
use serde_json::{Value, json};

use crate::Inner;
use crate::auth::{Caller, bearer};
use crate::document::{Doc, Routes, needing, one_of, shown, taken, text, time};
use crate::fields::Fields;
use crate::problem::Problem;
use crate::query::Params;
use crate::routes::Body;
use crate::sessions::Denied;

pub(super) fn routes(routes: Routes) -> Routes {
    let wish = taken(vec![("operator", text()), ("password", text())]);
    let told = shown(vec![
        ("token", text()),
        ("operator", text()),
        ("role", one_of(&["operator", "supervisor", "admin"])),
        ("expires", time()),
    ]);
    let begin_doc = Doc::new("Signs an operator in, by the password of their phone")
        .more(
            "The token is worth what their role is worth. It holds for an hour after it was last \
             used, and for twelve hours at most.",
        )
        .open()
        .takes(needing(&["operator", "password"], wish))
        .answers(201, "The token", told)
        .problem(401)
        .problem(429)
        .problem(503);
    let end_doc = Doc::new("Signs out: the token of this request holds no more")
        .done(204, "It does not")
        .problem(409);
    routes.post("/v1/session", begin, begin_doc).delete("/v1/session", end, end_doc)
}

/// `{operator, password}`: 201 and the token.
async fn begin(
    State(inner): State<Arc<Inner>>,
    Body(body): Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let mut fields = Fields::new(body);
    let (id, password) = (fields.needed("operator"), fields.needed("password"));
    fields.finish()?;
    let id: Name = id.into();
    let known = inner.model.operators.get(&id).map(|operator| operator.entry.clone());
    let chance = token().ok_or_else(|| Problem::unavailable("the system has no chance left"))?;
    let secret = known.as_ref().and_then(|entry| entry.password.as_ref());
    match inner.sessions.begin((&id, secret), &password, chance, Instant::now()) {
        Ok((token, idle)) => {
            let role = known.map(|entry| entry.role.as_str());
            let expires = expires(idle);
            let told = json!({ "token": token, "operator": id, "role": role, "expires": expires });
            Ok((StatusCode::CREATED, Json(told)))
        }
        Err(denied) => {
            tracing::warn!("API auth failure reason={denied:?} operator={id:?}");
            Err(match denied {
                Denied::Wrong => Problem::unauthorized("no such operator with this password"),
                Denied::Locked => {
                    let detail = "wrong too often; try again in a minute";
                    Problem::new(StatusCode::TOO_MANY_REQUESTS, detail)
                }
            })
        }
    }
}

async fn end(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    params: Params,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    if bearer(&headers).is_some_and(|token| inner.sessions.end(token)) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail = format!("the token of {} is the configuration's", caller.name());
    Err(Problem::new(StatusCode::CONFLICT, detail))
}

fn expires(within: Duration) -> b2bua::Utc {
    let ms = i64::try_from(within.as_millis()).unwrap_or(0);
    let at = crate::now().as_millisecond().saturating_add(ms);
    b2bua::Utc::from_millisecond(at).unwrap_or(b2bua::Utc::MAX)
}

/// 256 bits that nobody can foresee.
fn token() -> Option<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
