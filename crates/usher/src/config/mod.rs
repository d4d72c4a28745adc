//! The configuration file: read, checked, and turned into a [`Setup`].

mod fault;
mod setup;

pub use fault::{Fault, Faults};
pub use setup::{HttpSetup, Listen, MediaSetup, Role, Setup, TokenSetup};
