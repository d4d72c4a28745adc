//! The harness of the wire tests: the release binary as a child process, and peers that share no
//! code with it. See `README.md`.
//!
//! Nothing here sleeps for a guessed time: everything waits for an event, a message or a sound,
//! with a deadline.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test harness fails by panicking, with everything that was seen"
)]

mod api;
mod audio;
pub mod bench;
mod codec;
mod config;
mod crm;
mod digest;
mod feed;
mod g722;
mod handset;
mod line;
mod linphone;
mod message;
mod phone;
mod ports;
mod room;
mod scene;
mod server;
mod sipp;
mod softphone;
mod stream;
pub mod tone;
mod wave;

pub use api::Api;
pub use audio::{Audio, Key, Mark, Packet, Turn};
pub use config::Config;
pub use crm::{Crm, Delivery};
pub use feed::Feed;
pub use g722::to_g722;
pub use handset::{Handset, Keys, Kind, Way};
pub use linphone::Linphone;
pub use message::Sip;
pub use phone::{Invite, Phone};
pub use ports::Ports;
pub use room::{Room, Table};
pub use scene::{call_of, connect, connected, record, ring};
pub use server::{Server, binary, run, workspace};
pub use sipp::Sipp;
pub use softphone::{Softphone, environment, python};
pub use stream::{Heard, Stream};
pub use wave::{Sound, Wave};

use std::time::Duration;

/// How long anything may take that should be there at once.
pub const SOON: Duration = Duration::from_secs(5);
