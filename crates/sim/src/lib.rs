//! A whole contact centre in virtual time: phones, people, a bad network, checkers.
//!
//! ```text
//! callers ── trunk ──┐                 ┌── phones ── operators
//!                    ├── bad network ──┤
//!                    └──── switch ─────┘
//! ```
//! The switch is the one that serves; only sockets, clocks and disks are missing. A run is a
//! function of its [`Scenario`]; a failing one is made smaller and told as a ladder.
#![forbid(unsafe_code)]

mod callbacks;
#[cfg(test)]
mod change;
mod check;
mod delivery;
mod dice;
mod handing;
mod hooks;
#[cfg(test)]
mod hours;
mod ladder;
mod orders;
mod outside;
mod peer;
mod people;
mod race;
mod raw;
mod run;
mod scenario;
mod setup;
mod transfers;
mod trouble;
mod world;

pub use callbacks::Callbacks;
pub use delivery::Delivered;
pub use dice::Dice;
pub use handing::hand_on;
pub use race::{Race, Racer};
pub use run::{Failure, HELD, Summary, events, exactly, ladder, run};
pub use scenario::{Caller, Network, Operator, Scenario};
pub use transfers::{Goal, Plan};
