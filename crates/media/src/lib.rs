//! RTP legs, SDP and the conference mixer, without a socket, a clock or a thread.
//!
//! Two halves that meet in two values:
//! - [`Negotiation`] and [`Pool`] are plain data owned by the core. They turn SDP into a [`Plan`].
//! - [`Engine`] is owned by a media thread. It takes [`Plan`]s and rows of [`matrix`] and moves
//!   packets.
//!
//! Audio inside is 16-bit PCM in frames of 20 ms, in each conference at the rate of the best codec
//! there; what comes and goes at another rate is resampled at the edge.
#![forbid(unsafe_code)]

pub mod codec;
pub mod dtmf;
pub mod engine;
pub mod g711;
pub mod jitter;
pub mod matrix;
#[cfg(test)]
mod measure;
pub mod negotiate;
pub mod pool;
pub mod quality;
pub mod resample;
pub mod rtcp;
pub mod rtp;
pub mod samples;
pub mod sdp;
pub mod sound;

pub use codec::{Codec, Decoder, Encoder, Format, OpusWishes};
pub use engine::{
    Channel, Command, Counters, Engine, EngineSettings, Event, Input, Output, Pcm, Report, Tap,
};
pub use matrix::{Hears, Mode, Participant, Role, Row, Source, Stage, hears};
pub use negotiate::{Events, LegSettings, Negotiation, OtherPort, Plan, Refusal, Signalling};
pub use pool::{Lease, Pool};
pub use resample::Resampler;
pub use samples::Samples;

use serde::{Deserialize, Serialize};

/// Time since the node's epoch. It is always handed in.
pub type Time = core::time::Duration;

/// One side of a call as the media sees it. The core mints it, it is never used twice.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct LegId(pub u64);

/// Samples per second of a telephone, of the tones we make, and of a mixer without better codecs.
pub const RATE_HZ: u32 = 8_000;
/// Milliseconds in one frame of the mixer.
pub const FRAME_MS: u32 = 20;
/// Samples in one frame of [`RATE_HZ`].
pub const FRAME: usize = (RATE_HZ / 1_000 * FRAME_MS) as usize;
