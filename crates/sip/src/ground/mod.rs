//! The ground that legs and the endpoint stand on: transactions and what builds messages.

mod build;
mod core;
mod size;

pub(crate) use self::build::{
    ACCEPT, ALLOW, REL, REQUIRABLE, TIMER, cancel, reply_flow, supported, transport_named,
    with_body, with_headers,
};
pub(crate) use self::core::{Core, Key, Outcome, Sent};
