//! Calls: joins SIP, media and the distributor into one deterministic machine.
#![forbid(unsafe_code)]

mod api;
pub mod config;
pub mod event;
mod id;

pub use api::*;
pub use config::Config;
pub use event::{Event, SharedEvent, Utc, What};
pub use id::{CallKey, ParticipantId, TaskKey, UnknownId};
