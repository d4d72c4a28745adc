//! What holds of any input, as plain functions of bytes: each panics where it does not hold.
//!
//! `cargo xtask fuzz` gives them to libFuzzer (`sip-tests/fuzz`), which looks for an input that
//! breaks one; the tests of this crate run them over their seeds and a few thousand mutations, so
//! that they stay true, and stay compiled, between two such searches. What was found once is a
//! seed here and a test beside the code.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a target says by a panic that something does not hold"
)]

mod auth;
mod dice;
mod endpoint;
mod headers;
mod message;
mod multipart;
mod orders;
mod peers;
mod sdp;
mod stream;
mod switch;
mod uri;

pub use auth::auth;
pub use endpoint::endpoint;
pub use headers::headers;
pub use message::message;
pub use multipart::multipart;
pub use sdp::sdp;
pub use stream::stream;
pub use switch::switch;
pub use uri::uri;

/// A target by its name, which is also that of its folder of seeds and of its program for libFuzzer.
pub struct Target {
    /// The name.
    pub name: &'static str,
    /// What is to hold.
    pub run: fn(&[u8]),
    /// The longest input worth trying, in bytes.
    pub length_max: usize,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "message", run: message, length_max: 4096 },
    Target { name: "stream", run: stream, length_max: 4096 },
    Target { name: "uri", run: uri, length_max: 256 },
    Target { name: "headers", run: headers, length_max: 256 },
    Target { name: "auth", run: auth, length_max: 256 },
    Target { name: "multipart", run: multipart, length_max: 4096 },
    Target { name: "sdp", run: sdp, length_max: 4096 },
    Target { name: "endpoint", run: endpoint, length_max: 256 },
    Target { name: "switch", run: switch, length_max: 512 },
];
