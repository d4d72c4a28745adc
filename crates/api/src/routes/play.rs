//! Sounds for somebody in a call to hear.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use b2bua::event::Role;
use b2bua::{Act, Audio, Listeners, Making, Reply};
use serde_json::{Value, json};

use super::participants::order;
use crate::Inner;
use crate::auth::Caller;
use crate::document::{Doc, Routes, about, list, needing_one, shown, taken, text};
use crate::fields::Fields;
use crate::problem::Problem;
use crate::routes::{Body, Path};

/// Words in place of a name; they win over whoever is called so.
const WORDS: [(&str, Listeners); 6] = [
    ("everybody", Listeners::Everybody),
    ("customer", Listeners::Having(Role::Customer)),
    ("operator", Listeners::Having(Role::Operator)),
    ("consultant", Listeners::Having(Role::Consultant)),
    ("supervisor", Listeners::Having(Role::Supervisor)),
    ("bot", Listeners::Having(Role::Bot)),
];

pub(super) fn routes(routes: Routes) -> Routes {
    let to = "A participant, an operator, a number, or everybody, customer, operator, consultant, \
        supervisor, bot; everybody if nobody is named";
    let wish = taken(vec![
        ("to", about(text(), to)),
        ("say", text()),
        ("prompt", text()),
        ("url", text()),
    ]);
    let told = shown(vec![("play", text()), ("participants", list(&text()))]);
    let doc = Doc::new("Plays something to somebody")
        .more("`play.finished` tells its end, once for each who hears it.")
        .takes(needing_one(&["say", "prompt", "url"], wish))
        .answers(202, "What its end is told by, and who hears it", told)
        .problem(409);
    routes.post("/v1/calls/{call}/play", play, doc)
}

/// `{to, say | prompt | url}`: 202, what its end is told by, and who hears it. `to` is a participant, as in
/// the routes of those, or one of [`WORDS`]; everybody if it is not there. A sound that has to be made
/// is made before the answer.
pub(crate) async fn play(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    Path(call): Path,
    Body(body): Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let act = wanted(Fields::new(body))?;
    match order(&inner, &caller, &call, act).await? {
        Reply::Playing { play, participants } => {
            let told = json!({ "play": play, "participants": participants });
            Ok((StatusCode::ACCEPTED, Json(told)))
        }
        _ => Ok((StatusCode::ACCEPTED, Json(Value::Null))),
    }
}

fn wanted(mut fields: Fields) -> Result<Act, Problem> {
    let to = match fields.text("to") {
        None => Listeners::Everybody,
        Some(name) => {
            let word = WORDS.into_iter().find(|(word, _)| *word == name);
            word.map_or_else(|| Listeners::Named(name.into()), |(_, listeners)| listeners)
        }
    };
    let say = fields.audio("say", "say:");
    let prompt = fields.audio("prompt", "prompt:");
    let url = fields.audio("url", "");
    let url = url.filter(|audio| {
        let is_url = matches!(audio, Audio::Made(Making::Fetch { .. }));
        if !is_url {
            fields.wrong("url", "a URL of http or https");
        }
        is_url
    });
    if !fields.is_wrong() && [&say, &prompt, &url].into_iter().flatten().count() != 1 {
        fields.wrong("say", "one of say, prompt, url is needed");
    }
    let audio: Option<Audio> = say.or(prompt).or(url);
    fields.finish()?;
    let audio = audio.ok_or_else(|| Problem::field("say", "is needed"))?;
    Ok(Act::Play { to, audio })
}
