//! SIP as the RFCs define it: messages, transactions, dialogs, registrar.
//!
//! Part of the core: no socket, clock, file, thread or ambient chance (see `clippy.toml`).
#![forbid(unsafe_code)]

mod access;
mod api;
pub mod msg;
mod registrar;

pub use api::*;
