//! Help: a colleague is asked into a call, with the customer or without.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use b2bua::event::HelpMode;
use b2bua::{Act, HelpWanted, Reply};
use serde_json::{Value, json};

use super::participants::{TIMEOUT_MS, order, whom};
use crate::Inner;
use crate::auth::Caller;
use crate::document::{
    Doc, Routes, about, list, needing_one, one_of, or_null, seconds, shown, taken, text, texts,
};
use crate::fields::Fields;
use crate::problem::Problem;
use crate::routes::{Body, Path};

const MODES: [(&str, HelpMode); 2] =
    [("two-party", HelpMode::TwoParty), ("three-party", HelpMode::ThreeParty)];

pub(super) fn routes(routes: Routes) -> Routes {
    let wish = taken(vec![
        ("by", about(text(), "Who wants it; the only operator if nobody is named")),
        ("operator", text()),
        ("queue", text()),
        ("number", about(text(), "Of an operator, a queue, or somebody outside")),
        ("uri", text()),
        ("trunk", about(text(), "Goes with a number")),
        ("mode", one_of(&MODES.map(|(word, _)| word))),
        ("context", about(texts(), "Header fields of the INVITE, beside the call's context")),
        ("timeout_s", seconds(1.0..=300.0)),
    ]);
    let told = shown(vec![
        ("help", about(text(), "Names the part of those two, as if it were a call")),
        ("call", text()),
        ("participant", about(or_null(&text()), "The first of those who are rung")),
        ("participants", list(&text())),
    ]);
    let ask_doc = Doc::new("Asks a colleague, or one of a queue's, for help")
        .more("The customer is held in two-party help, and hears all in three-party help.")
        .takes(needing_one(&["operator", "queue", "number", "uri"], wish))
        .answers(201, "Who is rung; nobody yet where a queue is asked", told)
        .problem(409);
    let end_doc = Doc::new("Takes the customer back, or stops ringing")
        .more("DELETE of the help's own id as a call does the same.")
        .done(204, "Whoever was asked is out")
        .problem(409);
    let path = "/v1/calls/{call}/help";
    routes.post(path, ask, ask_doc).delete(path, end, end_doc)
}

/// Asks for help: 201, the id of the part of those two, the call, and who is rung; nobody yet where a
/// queue is asked.
pub(crate) async fn ask(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
    Body(body): Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let wanted = wanted(Fields::new(body))?;
    let view = match order(&inner, &caller, &call, Act::Help(wanted)).await? {
        Reply::Help { help, call, participants } => {
            let participant = participants.first();
            json!({ "help": help, "call": call, "participant": participant,
                "participants": participants })
        }
        _ => Value::Null,
    };
    Ok((StatusCode::CREATED, Json(view)))
}

/// Takes the customer back, or stops ringing: 204; 409 where nobody was asked.
pub(crate) async fn end(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
) -> Result<StatusCode, Problem> {
    order(&inner, &caller, &call, Act::TakeBack).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn wanted(mut fields: Fields) -> Result<HelpWanted, Problem> {
    let by = fields.text("by").map(Into::into);
    let whom = whom(&mut fields, true);
    let mode = fields.one_of("mode", &MODES).unwrap_or(HelpMode::TwoParty);
    let headers = fields.texts("context");
    let timeout_ms = fields.seconds("timeout_s", 1.0..=300.0).unwrap_or(TIMEOUT_MS);
    fields.finish()?;
    Ok(HelpWanted { by, whom, mode, headers, timeout_ms })
}
