//! `usher ctl calls hold|mute|play|listen|…`: the people in a call.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Request;
use crate::cli::http::{Verb, segment};

#[derive(Debug, Subcommand)]
pub(super) enum Act {
    /// Put somebody on hold.
    Hold {
        #[command(flatten)]
        who: Who,
        /// What they hear: `music:NAME`, `prompt:NAME`, `say:TEXT` or a URL; the queue's music if nothing is said.
        #[arg(long)]
        audio: Option<String>,
    },
    /// Take them off hold.
    Resume(Who),
    /// Let nobody hear somebody.
    Mute(Who),
    /// Let them be heard again.
    Unmute(Who),
    /// Take somebody out of a call.
    Remove(Who),
    /// Play something to somebody, or to everybody.
    Play {
        /// The call.
        id: String,
        #[command(flatten)]
        what: Played,
        /// To whom: a participant's id, an operator's id, a number, or customer, operator, consultant,
        /// supervisor, everybody.
        #[arg(long, value_name = "PARTICIPANT", default_value = "everybody")]
        to: String,
    },
    /// Put an operator through who waits for that (`pre_bridge` of the queue), or send a parked call on.
    Connect {
        /// The call.
        id: String,
        #[command(flatten)]
        go: Go,
    },
    /// Let a supervisor listen in: their phone rings.
    Listen {
        /// The call.
        id: String,
        /// The supervisor, by their operator's id.
        #[arg(long = "as", value_name = "OPERATOR")]
        supervisor: String,
        #[command(flatten)]
        how: How,
    },
    /// Change how a supervisor takes part.
    Mode {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        how: How,
    },
}

/// Somebody in a call.
#[derive(Debug, clap::Args)]
pub(super) struct Who {
    /// The call.
    id: String,
    /// Whom: the participant's id, an operator's id or a number.
    participant: String,
}

/// Something to be played.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Played {
    /// A sound by name; several with + between.
    #[arg(long, value_name = "NAME")]
    prompt: Option<String>,
    /// A text to be spoken.
    #[arg(long, value_name = "TEXT")]
    say: Option<String>,
    /// A file to be fetched.
    #[arg(long, value_name = "URL")]
    fetch: Option<String>,
}

/// Where a parked call goes.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(super) struct Go {
    /// To an operator, by id.
    #[arg(long)]
    operator: Option<String>,
    /// To a queue.
    #[arg(long)]
    queue: Option<String>,
    /// To a number.
    #[arg(long)]
    number: Option<String>,
    /// To a SIP URI.
    #[arg(long)]
    uri: Option<String>,
}

/// How a supervisor takes part.
#[derive(Debug, clap::Args)]
pub(super) struct How {
    #[arg(long, value_enum, default_value = "monitor")]
    mode: Mode,
    /// For whom a whisper is; whoever serves if nobody is named.
    #[arg(long, value_name = "PARTICIPANT")]
    whisper_to: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Hears everybody, heard by nobody.
    Monitor,
    /// Heard by one operator.
    Whisper,
    /// Heard by everybody.
    Barge,
    /// Takes the operator's place.
    Intercept,
}

impl Who {
    fn path(&self) -> String {
        format!("/calls/{}/participants/{}", segment(&self.id), segment(&self.participant))
    }
}

impl How {
    fn put_into(&self, body: &mut Value) {
        body["mode"] = json!(match self.mode {
            Mode::Monitor => "monitor",
            Mode::Whisper => "whisper",
            Mode::Barge => "barge",
            Mode::Intercept => "intercept",
        });
        if let Some(to) = &self.whisper_to {
            body["whisper_to"] = json!(to);
        }
    }
}

impl Act {
    pub(super) fn request(&self) -> Request {
        let change = |who: &Who, body| Request::People(Verb::Patch, who.path(), body);
        match self {
            Self::Hold { who, audio: None } => change(who, json!({ "hold": true })),
            Self::Hold { who, audio } => change(who, json!({ "hold": true, "hold_audio": audio })),
            Self::Resume(who) => change(who, json!({ "hold": false })),
            Self::Mute(who) => change(who, json!({ "muted": true })),
            Self::Unmute(who) => change(who, json!({ "muted": false })),
            Self::Remove(who) => Request::People(Verb::Delete, who.path(), Value::Null),
            Self::Play { id, what, to } => {
                let mut body = json!({ "to": to });
                let given = [("prompt", &what.prompt), ("say", &what.say), ("url", &what.fetch)];
                for (field, value) in given {
                    if let Some(value) = value {
                        body[field] = json!(value);
                    }
                }
                Request::People(Verb::Post, format!("/calls/{}/play", segment(id)), body)
            }
            Self::Connect { id, go } => {
                let named = [
                    ("operator", &go.operator),
                    ("queue", &go.queue),
                    ("number", &go.number),
                    ("uri", &go.uri),
                ];
                let named = named.into_iter().find_map(|(key, to)| Some((key, to.as_ref()?)));
                let body =
                    named.map_or_else(|| json!({}), |(key, to)| json!({ "go": { key: to } }));
                Request::People(Verb::Post, format!("/calls/{}/connect", segment(id)), body)
            }
            Self::Listen { id, supervisor, how } => {
                let mut body = json!({ "operator": supervisor, "role": "supervisor" });
                how.put_into(&mut body);
                let path = format!("/calls/{}/participants", segment(id));
                Request::People(Verb::Post, path, body)
            }
            Self::Mode { who, how } => {
                let mut body = json!({});
                how.put_into(&mut body);
                change(who, body)
            }
        }
    }
}
