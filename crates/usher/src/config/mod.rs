//! The configuration file: read, checked, and turned into a [`Setup`].
//!
//! ```text
//! source   files, includes, ${ENV}     → a tree of values with their lines
//! section  one table, key by key       → values, faults, unknown keys
//! server, sound, operator, queue, hours, callback, limit, menu, trunk, bot, route, destination, headers,
//!          recording, webhook: what each table means
//! names    unique names and numbers, references that lead somewhere
//! warn     what is allowed, but hardly meant
//! ```

mod bot;
mod callback;
mod codecs;
mod codes;
mod destination;
mod expand;
mod fault;
mod headers;
mod hook;
mod hours;
mod limit;
mod load;
mod menu;
mod names;
mod operator;
mod queue;
mod recording;
mod route;
mod section;
mod server;
mod setup;
mod skill;
mod sound;
mod source;
mod trunk;
mod warn;
mod webhook;

#[cfg(test)]
mod tests;

pub(crate) use fault::Faults;
pub(crate) use load::load;
pub(crate) use setup::*;
