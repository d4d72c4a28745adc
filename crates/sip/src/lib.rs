//! SIP as the RFCs define it: messages, transactions, dialogs, registrar.
//!
//! Part of the core: no socket, clock, file, thread or ambient chance (see `clippy.toml`).
#![forbid(unsafe_code)]

mod access;
mod api;
mod deadlines;
mod dialog;
mod endpoint;
mod ground;
mod leg;
pub mod msg;
mod registrar;
mod rng;
mod transaction;

pub use api::*;
pub use endpoint::{Carried, Counts, Endpoint, WrongVersion};
pub use rng::Rng;
