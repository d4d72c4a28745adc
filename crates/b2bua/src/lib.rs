//! Calls: joins SIP, media and the distributor into one deterministic machine.
//!
//! [`B2bua`] is a function from (time, [`Input`]) to [`Output`]s. One thread owns it.
#![forbid(unsafe_code)]

mod act;
mod api;
mod call;
mod callback;
mod codes;
pub mod config;
mod decisions;
mod directory;
pub mod event;
mod flow;
pub mod headers;
mod hook;
pub mod hours;
mod id;
mod identity;
mod phrase;
mod recording;
mod rewriting;
mod route;
mod sound;
mod sticky;
mod switch;

pub use act::{Act, Add, Asker, Change, HandOn, HelpWanted, Listeners, OnFailure, Whom};
pub use api::*;
pub use callback::{Callback, CallbackCause, CallbackEnd, Restored, Terms};
pub use config::Config;
pub use event::{Event, LegQuality, SharedEvent, Utc, What};
pub use hook::{HookAnswer, HookQuestion};
pub use hours::{Calendar, Hours};
pub use id::{CallKey, ParticipantId, PlayKey, RecordingKey, ReservationKey, TaskKey, UnknownId};
pub use phrase::{Language, NUMBER_MAX, Phrase, names};
pub use rewriting::{Rewriting, Rule};
pub use sound::{Audio, MADE, MAKE_WITHIN, Making, Origin, Sound, Sounds, TEXT_MAX, is_name};
pub use switch::{B2bua, Carried, Start, WrongVersion};
