//! The codecs and their numbers (RFC 3551 section 6).

mod decoder;
mod encoder;
mod format;
mod g722;
mod join;

use serde::{Deserialize, Serialize};

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use format::{Format, OpusWishes};
pub(crate) use join::Joiner;

use crate::FRAME_MS;

/// Samples in 20 ms of the codec with most of them.
pub const FRAME_MAX: usize = 960;
/// Bytes in a payload of 20 ms of the codec with most of them, as we encode it.
pub const PAYLOAD_MAX: usize = 320;

/// An audio codec. Everything that differs between codecs is answered by the methods here, and by
/// [`Decoder`] and [`Encoder`], which have the memory that some of them need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus (RFC 6716, RFC 7587), one channel.
    Opus,
}

/// How many codecs there are: the size of tables indexed by [`Codec::index`].
pub const CODECS: usize = 4;

impl Codec {
    /// All of them, in our order of preference.
    pub const ALL: [Self; CODECS] = [Self::Opus, Self::G722, Self::Pcma, Self::Pcmu];

    /// A small number for tables, below [`CODECS`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 1,
            Self::G722 => 2,
            Self::Opus => 3,
        }
    }

    /// The encoding name of `a=rtpmap`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
            Self::Opus => "opus",
        }
    }

    /// Samples per second of the audio itself.
    #[must_use]
    pub const fn audio_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma => 8_000,
            Self::G722 => 16_000,
            Self::Opus => 48_000,
        }
    }

    /// Ticks per second of the RTP timestamp; not the audio's rate for G.722 (RFC 3551 4.5.2).
    #[must_use]
    pub const fn rtp_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => 8_000,
            Self::Opus => 48_000,
        }
    }

    /// The payload type of RFC 3551 table 4, if there is one.
    #[must_use]
    pub const fn static_payload_type(self) -> Option<u8> {
        match self {
            Self::Pcmu => Some(0),
            Self::Pcma => Some(8),
            Self::G722 => Some(9),
            Self::Opus => None,
        }
    }

    /// The payload type we offer it with: a static one, or that which most others use.
    #[must_use]
    pub const fn usual_payload_type(self) -> u8 {
        match self.static_payload_type() {
            Some(number) => number,
            None => 111,
        }
    }

    /// Channels in `a=rtpmap`. Of Opus always two, though we say one and hear one: what there are
    /// is told by the packets (RFC 7587 section 7).
    #[must_use]
    pub const fn channels(self) -> u8 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => 1,
            Self::Opus => 2,
        }
    }

    /// What we say of it in `a=fmtp`: of Opus as browsers write it, packets from 10 ms on and in-band
    /// error correction (RFC 7587 section 6.1). What a peer says there are wishes, and one encoder
    /// has many listeners: nothing is made of it.
    #[must_use]
    pub const fn parameters(self) -> Option<&'static str> {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => None,
            Self::Opus => Some("minptime=10;useinbandfec=1"),
        }
    }

    /// The codec a static payload type means without `a=rtpmap`.
    #[must_use]
    pub fn from_static(payload_type: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.static_payload_type() == Some(payload_type))
    }

    /// The codec of an `a=rtpmap`, its name in any case. A rate of 0 (absent) is tolerated.
    #[must_use]
    pub fn from_map(name: &str, rate_hz: u32, channels: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| {
            name.eq_ignore_ascii_case(codec.name())
                && (rate_hz == codec.rtp_hz() || rate_hz == 0)
                && (channels <= 1 || *codec == Self::Opus)
        })
    }

    /// Samples of the audio in 20 ms.
    #[must_use]
    pub const fn frame(self) -> usize {
        (self.audio_hz() / 1_000 * FRAME_MS) as usize
    }

    /// Whether its packets stand alone: no encoder or decoder remembers anything.
    #[must_use]
    pub const fn is_stateless(self) -> bool {
        matches!(self, Self::Pcmu | Self::Pcma)
    }

    /// Whether a payload may be cut between any two octets (each 1/8 ms of 64 kbit/s).
    #[must_use]
    pub const fn cuts_anywhere(self) -> bool {
        matches!(self, Self::Pcmu | Self::Pcma | Self::G722)
    }

    /// How many RTP timestamp ticks a payload lasts; 0 for one that is none of this codec.
    #[must_use]
    pub fn ticks(self, payload: &[u8]) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => u32::try_from(payload.len()).unwrap_or(0),
            Self::Opus => {
                let samples = opus::packet::get_nb_samples(payload, self.rtp_hz()).unwrap_or(0);
                u32::try_from(samples).unwrap_or(0)
            }
        }
    }

    /// How many milliseconds a payload lasts, rounded up.
    #[must_use]
    pub fn ms(self, payload: &[u8]) -> u32 {
        self.ticks(payload).div_ceil(self.rtp_hz() / 1_000)
    }

    /// The table that turns a payload of this codec into one of the other byte by byte, if that is
    /// possible at all: then a listener with another law is still forwarded, without decoding.
    #[must_use]
    pub const fn recode(self, to: Self) -> Option<&'static [u8; 256]> {
        match (self, to) {
            (Self::Pcmu, Self::Pcma) => Some(&crate::g711::ULAW_TO_ALAW),
            (Self::Pcma, Self::Pcmu) => Some(&crate::g711::ALAW_TO_ULAW),
            (Self::Pcmu | Self::Pcma | Self::G722 | Self::Opus, _) => None,
        }
    }

    /// Whether a payload of this codec can be forwarded to a listener with the other.
    #[must_use]
    pub const fn forwards_to(self, to: Self) -> bool {
        self.index() == to.index() || self.recode(to).is_some()
    }
}

#[cfg(test)]
mod tests;
