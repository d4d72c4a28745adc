//! Records: what is over.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::Inner;
use crate::auth::Caller;
use crate::ports::RecordQuery;
use crate::problem::Problem;
use crate::query::Params;
use crate::routes::Path;
use crate::settings::Role;

pub(crate) async fn list(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    mut params: Params,
) -> Result<Json<Value>, Problem> {
    caller.at_least(Role::Supervisor)?;
    let query = RecordQuery {
        from: params.time("from"),
        to: params.time("to"),
        limit: params.limit(),
        cursor: params.text("cursor"),
        queue: params.text("queue"),
        operator: params.text("operator"),
        // A plus sign that was not escaped arrives as a space, and no number has one.
        number: params.text("number").map(|number| number.replace(' ', "+")),
    };
    params.finish()?;
    let page = inner.look_up(move |records| records.calls(&query)).await?;
    Ok(Json(json!({ "items": page.items, "next": page.next })))
}

pub(crate) async fn show(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
    params: Params,
) -> Result<Json<Value>, Problem> {
    caller.at_least(Role::Supervisor)?;
    params.finish()?;
    let key = super::calls::key(&call)?;
    let record = inner.look_up(move |records| records.call(key)).await?;
    record.map(Json).ok_or_else(|| Problem::not_found("record", &call))
}
