//! Who takes part in a call, and how.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use b2bua::event::{Mode, Role};
use b2bua::{Act, Add, Change, Command, Reply, Whom};
use serde_json::{Value, json};

use super::calls::key;
use crate::Inner;
use crate::auth::Caller;
use crate::document::{
    Doc, Routes, Schema, about, flag, list, named, needing, needing_any, needing_one, one_of,
    pattern, seconds, shown, taken, text, texts,
};
use crate::fields::Fields;
use crate::problem::Problem;
use crate::routes::{Body, MaybeBody, Path, Paths};

const MODES: [(&str, Mode); 4] = [
    ("monitor", Mode::Monitor),
    ("whisper", Mode::Whisper),
    ("barge", Mode::Barge),
    ("intercept", Mode::Intercept),
];
const ROLES: [(&str, Role); 3] = [
    ("consultant", Role::Consultant),
    ("operator", Role::Operator),
    ("supervisor", Role::Supervisor),
];
/// How long somebody is rung where nobody says.
pub(super) const TIMEOUT_MS: u64 = 30_000;
/// How long a key sounds where nobody says.
const KEY_MS: u64 = 160;

pub(super) fn routes(routes: Routes) -> Routes {
    let rung = shown(vec![("participants", list(&text()))]);
    let add_doc = Doc::new("Asks somebody in")
        .more("One participant for each phone that is rung; the first to answer takes part.")
        .takes(needing_one(&["operator", "number", "uri"], wish()))
        .answers(201, "Who is rung", rung)
        .problem(409);
    let change_doc = Doc::new("Holds, mutes, or changes how somebody supervises")
        .more("Everything that is asked for, or nothing.")
        .takes(needing_any(change_wish()))
        .answers(200, "As they are then", named("Participant"))
        .problem(409);
    let remove_doc = Doc::new("One of them leaves").done(204, "They have left").problem(409);
    let connect_doc = Doc::new("Puts an operator through, or sends a parked call on")
        .more(
            "An operator who is told something before the bridge; or, with `go`, a call of \
             `go = { park = SECONDS }`.",
        )
        .may_take(taken(vec![("go", about(json!({ "type": "object" }), GO))]))
        .done(204, "They talk, or it goes there")
        .problem(409);
    let keys = taken(vec![
        ("to", about(text(), "Whom; the customer if nobody is named")),
        ("digits", pattern("^[0-9*#A-Da-d]{1,64}$")),
        ("duration_s", seconds(0.04..=6.0)),
    ]);
    let press_doc = Doc::new("Presses keys for somebody to hear")
        .takes(needing(&["digits"], keys))
        .done(204, "They are pressed")
        .problem(409);
    let one = "/v1/calls/{call}/participants/{participant}";
    routes
        .post("/v1/calls/{call}/participants", add, add_doc)
        .patch(one, change, change_doc)
        .delete(one, remove, remove_doc)
        .post("/v1/calls/{call}/dtmf", press, press_doc)
        .post("/v1/calls/{call}/connect", connect, connect_doc)
}

const GO: &str = "Where a parked call goes: one of operator, queue, number, uri";

fn wish() -> Schema {
    taken(vec![
        ("operator", text()),
        ("number", text()),
        ("uri", text()),
        ("trunk", about(text(), "Goes with a number")),
        ("role", one_of(&ROLES.map(|(word, _)| word))),
        ("mode", about(one_of(&MODES.map(|(word, _)| word)), "Of a supervisor")),
        ("whisper_to", about(text(), "For whom a whisper is")),
        ("headers", texts()),
        ("timeout_s", seconds(1.0..=300.0)),
    ])
}

fn change_wish() -> Schema {
    let audio = "`music:NAME`, `prompt:NAME`, `say:TEXT` or a URL";
    taken(vec![
        ("hold", flag()),
        ("hold_audio", about(text(), audio)),
        ("muted", flag()),
        ("mode", one_of(&MODES.map(|(word, _)| word))),
        ("whisper_to", text()),
    ])
}

/// Asks somebody in: 201 and who is rung by that, one participant for each phone.
pub(crate) async fn add(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
    Body(body): Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let act = Act::Add(wanted(Fields::new(body))?);
    match order(&inner, &caller, &call, act).await? {
        Reply::Participants(rung) => {
            Ok((StatusCode::CREATED, Json(json!({ "participants": rung }))))
        }
        _ => Ok((StatusCode::CREATED, Json(json!({ "participants": [] })))),
    }
}

/// Changes one of them: everything that was asked for, or nothing. 200 and the participant.
pub(crate) async fn change(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Paths(call, participant): Paths,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let mut fields = Fields::new(body);
    let change = Change {
        hold: fields.flag("hold"),
        hold_audio: fields.audio("hold_audio", ""),
        muted: fields.flag("muted"),
        mode: fields.one_of("mode", &MODES),
        whisper_to: fields.text("whisper_to").map(Into::into),
    };
    if change == Change::default() && !fields.is_wrong() {
        fields.wrong("hold", "one of hold, hold_audio, muted, mode, whisper_to is needed");
    }
    fields.finish()?;
    let act = Act::Change { participant: participant.into(), change };
    let Reply::Participants(changed) = order(&inner, &caller, &call, act).await? else {
        return Ok(Json(Value::Null));
    };
    let is_discreet = inner.is_discreet(&caller);
    let live = inner.model.calls.get(&inner.model.call_named(key(&call)?));
    let view = live.and_then(|call| call.view_participant(*changed.first()?, is_discreet));
    Ok(Json(view.unwrap_or_default()))
}

/// One of them leaves.
pub(crate) async fn remove(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Paths(call, participant): Paths,
) -> Result<StatusCode, Problem> {
    order(&inner, &caller, &call, Act::Remove { participant: participant.into() }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts an operator through who is told something before, or waits for this (`pre_bridge` of a queue); or
/// sends a parked call where `go` says: 204; 409 where there is none.
pub(crate) async fn connect(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
    MaybeBody(body): MaybeBody,
) -> Result<StatusCode, Problem> {
    let mut fields = Fields::new(body);
    let to = super::transfer::whom_in(&mut fields, "go");
    fields.finish()?;
    order(&inner, &caller, &call, Act::Connect { to }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Presses keys for somebody to hear; the customer if nobody is named.
pub(crate) async fn press(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
    Body(body): Body,
) -> Result<StatusCode, Problem> {
    let mut fields = Fields::new(body);
    let to = fields.text("to").map(Into::into);
    let digits = fields.needed("digits");
    let duration_ms = fields.seconds("duration_s", 0.04..=6.0).unwrap_or(KEY_MS);
    fields.finish()?;
    let duration_ms = u16::try_from(duration_ms).unwrap_or(u16::MAX);
    order(&inner, &caller, &call, Act::Press { to, digits, duration_ms }).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn order(
    inner: &Inner,
    caller: &Caller,
    call: &str,
    act: Act,
) -> Result<Reply, Problem> {
    let (call, by) = (key(call)?, caller.asker(&inner.model));
    inner.order(Command::Conference { call, by, act }).await
}

fn wanted(mut fields: Fields) -> Result<Add, Problem> {
    let whom = whom(&mut fields, false);
    let role = fields.one_of("role", &ROLES).unwrap_or(Role::Consultant);
    let mode = fields.one_of("mode", &MODES);
    let whisper_to = fields.text("whisper_to").map(Into::into);
    let headers = fields.texts("headers");
    let timeout_ms = fields.seconds("timeout_s", 1.0..=300.0).unwrap_or(TIMEOUT_MS);
    fields.finish()?;
    Ok(Add { whom, role, mode, whisper_to, headers, timeout_ms })
}

/// Who is asked, one and no other; where `may_queue`, one of a queue's.
pub(super) fn whom(fields: &mut Fields, may_queue: bool) -> Whom {
    let operator = fields.text("operator").map(|id| Whom::Operator(id.into()));
    let trunk = fields.text("trunk").map(Into::into);
    let has_trunk = trunk.is_some();
    let number = fields.text("number").map(|text| Whom::Number { number: text.into(), trunk });
    let uri = fields.text("uri").map(|text| Whom::Uri(text.into()));
    if has_trunk && number.is_none() {
        fields.wrong("trunk", "goes with a number only");
    }
    let queue = match may_queue {
        true => fields.text("queue").map(|name| Whom::Queue(name.into())),
        false => None,
    };
    let mut named: Vec<Whom> = [operator, queue, number, uri].into_iter().flatten().collect();
    if named.len() != 1 {
        let queue = if may_queue { "queue, " } else { "" };
        fields.wrong("operator", format!("one of operator, {queue}number, uri is needed"));
    }
    named.pop().unwrap_or_else(|| Whom::Operator("".into()))
}
