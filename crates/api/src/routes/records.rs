//! Records: what is over.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use b2bua::CallKey;
use serde_json::{Value, json};

use crate::Inner;
use crate::auth::Caller;
use crate::document::{Doc, Routes, any_text, named, one_of, text, time};
use crate::ports::RecordQuery;
use crate::problem::Problem;
use crate::query::Params;
use crate::routes::{Path, export, reports};
use crate::scope::Scope;
use crate::settings::Role;

const MORE: &str = "`Accept: text/csv` and `format` answer with all of them at once, oldest first, of at \
    most 366 days: of today in `tz` until now where `from` and `to` say nothing else. \
    `format=asterisk-cdr` has the columns of Asterisk's Master.csv (accountcode, src, dst, dcontext, \
    clid, channel, dstchannel, lastapp, lastdata, start, answer, end, duration, billsec, disposition, \
    amaflags, uniqueid, userfield), times as it is in `tz`, calls that live left out; answer is when \
    an operator did. `format=queue-log` has lines as in its queue_log, \
    `epoch|callid|queue|agent|EVENT|data`: ENTERQUEUE, CONNECT, COMPLETEAGENT, COMPLETECALLER, \
    BLINDTRANSFER, ABANDON, EXITWITHTIMEOUT (also of an overflow), EXITWITHKEY (whoever went elsewhere; \
    the key is empty), EXITEMPTY (failed), RINGNOANSWER, RINGCANCELED, ADDMEMBER, REMOVEMEMBER, PAUSE \
    and UNPAUSE (for each queue that the operator serves now), QUEUESTART.";

pub(super) fn routes(routes: Routes) -> Routes {
    let list_doc = Doc::new("Records of calls, newest first")
        .more(MORE)
        .of(Role::Supervisor)
        .query("from", time(), "Started at this time or later")
        .query("to", time(), "Started before this time")
        .query("queue", any_text(), "With a task in this queue")
        .query("operator", any_text(), "With this operator in it")
        .query("number", any_text(), "From or to this number")
        .query("format", one_of(&export::FORMATS), "All of them, as Asterisk has them")
        .query("tz", text(), "Of tables and exports: where it is that time, UTC by default")
        .page("Record")
        .answers_file(200, "A page; `next` is null on the last one", "text/csv")
        .answers_file(200, "A page; `next` is null on the last one", "text/plain");
    let show_doc = Doc::new("The record of a call").of(Role::Supervisor).answers(
        200,
        "The record",
        named("Record"),
    );
    routes.get("/v1/records/calls", list, list_doc).get("/v1/records/calls/{call}", show, show_doc)
}

pub(crate) async fn list(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.at_least(Role::Supervisor)?;
    if params.has("format") {
        return export::answer(inner, &caller, params).await;
    }
    if reports::wants_csv(&headers) {
        return export::table(inner, &caller, params).await;
    }
    let query = RecordQuery {
        from: params.time("from"),
        to: params.time("to"),
        limit: params.limit(),
        cursor: params.text("cursor"),
        queue: params.text("queue"),
        operator: params.text("operator"),
        number: params.number(),
        oldest_first: false,
    };
    params.finish()?;
    // A page may have fewer than asked for: what others' queues had is left out.
    let page = inner.look_up(move |records| records.calls(&query)).await?;
    let scope = caller.scope(&inner.model);
    let mut items = page.items;
    items.retain(|record| scope == Scope::All || scope.sees_record(&inner.model, record));
    Ok(Json(json!({ "items": items, "next": page.next })).into_response())
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
    let record = seen(&inner, &caller, key).await?;
    record.map(Json).ok_or_else(|| Problem::not_found("record", &call))
}

/// The record of a call, if there is one, and the caller may see it.
pub(super) async fn seen(
    inner: &Inner,
    caller: &Caller,
    key: CallKey,
) -> Result<Option<Value>, Problem> {
    let record = inner.look_up(move |records| records.call(key)).await?;
    let scope = caller.scope(&inner.model);
    let sees = |record: &Value| scope.sees_record(&inner.model, record);
    if record.as_ref().is_some_and(|record| !sees(record)) {
        return Err(Problem::forbidden("this is a call of queues of others"));
    }
    Ok(record)
}
