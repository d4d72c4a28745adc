//! The codecs and their numbers (RFC 3551 section 6).

use serde::{Deserialize, Serialize};

/// An audio codec. G.722 and Opus become further variants; everything that differs between codecs
/// is answered by the methods here and by [`Codec::decode`] and [`Codec::encode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

/// How many codecs there are: the size of tables indexed by [`Codec::index`].
pub const CODECS: usize = 2;

impl Codec {
    /// All of them, in our order of preference.
    pub const ALL: [Self; CODECS] = [Self::Pcma, Self::Pcmu];

    /// A small number for tables, below [`CODECS`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 1,
        }
    }

    /// The encoding name of `a=rtpmap`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// Samples per second of the audio itself.
    #[must_use]
    pub const fn audio_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// Ticks per second of the RTP timestamp; not the audio's rate for G.722 (RFC 3551 4.5.2).
    #[must_use]
    pub const fn rtp_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// The payload type of RFC 3551 table 4, if there is one.
    #[must_use]
    pub const fn static_payload_type(self) -> Option<u8> {
        match self {
            Self::Pcmu => Some(0),
            Self::Pcma => Some(8),
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
                && channels <= 1
        })
    }

    /// How many RTP timestamp ticks a payload of this many bytes lasts.
    #[must_use]
    pub fn ticks(self, payload: &[u8]) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma => u32::try_from(payload.len()).unwrap_or(0),
        }
    }

    /// Decodes a whole payload into the front of `pcm`; what does not fit is cut. Returns the
    /// number of samples.
    pub fn decode(self, payload: &[u8], pcm: &mut [i16]) -> usize {
        let table = match self {
            Self::Pcmu => &crate::g711::ULAW_TO_PCM,
            Self::Pcma => &crate::g711::ALAW_TO_PCM,
        };
        for (sample, byte) in pcm.iter_mut().zip(payload) {
            *sample = table[usize::from(*byte)];
        }
        pcm.len().min(payload.len())
    }

    /// Encodes a frame into the front of `payload`. Returns the number of bytes.
    pub fn encode(self, pcm: &[i16], payload: &mut [u8]) -> usize {
        match self {
            Self::Pcmu => crate::g711::encode_ulaw(pcm, payload),
            Self::Pcma => crate::g711::encode_alaw(pcm, payload),
        }
        pcm.len().min(payload.len())
    }

    /// The table that turns a payload of this codec into one of the other byte by byte, if that is
    /// possible at all: then a listener with another law is still forwarded, without decoding.
    #[must_use]
    pub const fn recode(self, to: Self) -> Option<&'static [u8; 256]> {
        match (self, to) {
            (Self::Pcmu, Self::Pcma) => Some(&crate::g711::ULAW_TO_ALAW),
            (Self::Pcma, Self::Pcmu) => Some(&crate::g711::ALAW_TO_ULAW),
            (Self::Pcmu, Self::Pcmu) | (Self::Pcma, Self::Pcma) => None,
        }
    }

    /// Whether a payload of this codec can be forwarded to a listener with the other.
    #[must_use]
    pub const fn forwards_to(self, to: Self) -> bool {
        self.index() == to.index() || self.recode(to).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_and_static_numbers() {
        let check = |name, rate, channels, expected| {
            assert_eq!(Codec::from_map(name, rate, channels), expected, "{name}/{rate}/{channels}");
        };
        check("pcmu", 8_000, 1, Some(Codec::Pcmu));
        check("PCMA", 8_000, 0, Some(Codec::Pcma));
        check("PCMA", 0, 0, Some(Codec::Pcma));
        check("PCMA", 16_000, 1, None);
        check("PCMU", 8_000, 2, None);
        check("G729", 8_000, 1, None);
        assert_eq!(Codec::from_static(8), Some(Codec::Pcma));
        assert_eq!(Codec::from_static(9), None);
    }
}
