//! SIP messages over `Bytes` (RFC 3261 section 7 and 25).
//!
//! A [`Message`] is the bytes of the wire and an index of its header fields. Typed views are made
//! on demand and own their text; nothing here keeps state, knows a transport or reads a clock.
//! `rsip` lends its vocabulary (methods, reason phrases, transports) and is named nowhere else.

mod builder;
pub mod digest;
pub mod frame;
mod host;
#[cfg(test)]
mod hostile;
mod label;
mod list;
mod malformed;
mod message;
mod method;
mod multipart;
mod name;
mod name_addr;
mod params;
mod parse;
mod reason;
mod status;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod torture;
mod uri;
mod values;
mod via;

pub use builder::{Builder, HeaderName, Injection};
pub use host::Host;
pub use label::{Label, Uuid};
pub use list::split_list;
pub use malformed::{Fault, Invalid, Malformed};
pub use message::Message;
pub use method::{Method, is_token};
pub use multipart::{Part, Parts};
pub use name::Name;
pub use name_addr::NameAddr;
pub use params::Params;
pub use parse::Limits;
pub use reason::Reason;
pub use status::reason_phrase;
pub use uri::{Scheme, Uri};
pub use values::{CSeq, RAck, Replaces};
pub use via::{Transport, Via};
