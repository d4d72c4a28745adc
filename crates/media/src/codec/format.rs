//! What a peer is to be sent beyond the codec itself: of Opus what its `a=fmtp` asks for (RFC 7587
//! section 6.1), and in frames of which length.

use serde::{Deserialize, Serialize};

use super::Codec;

/// How to encode for a peer. Who is sent the same in the same format can share an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Format {
    /// The codec.
    pub codec: Codec,
    /// What it asks for, if the codec is Opus.
    pub wishes: OpusWishes,
    /// Length of a frame in milliseconds: 10 or 20.
    pub frame_ms: u8,
}

impl Format {
    /// Of a codec, for a peer that asks for packets of a length.
    #[must_use]
    pub fn new(codec: Codec, wishes: OpusWishes, ptime_ms: u16) -> Self {
        if codec != Codec::Opus {
            return codec.into();
        }
        let is_odd = !(ptime_ms / 10).is_multiple_of(2);
        Self { codec, wishes, frame_ms: if is_odd { 10 } else { 20 } }
    }

    /// Frames in a packet of so many milliseconds.
    #[must_use]
    pub fn frames(self, ptime_ms: u16) -> usize {
        usize::from(ptime_ms / u16::from(self.frame_ms)).max(1)
    }
}

impl From<Codec> for Format {
    fn from(codec: Codec) -> Self {
        Self { codec, wishes: OpusWishes::default(), frame_ms: 20 }
    }
}

/// What a peer asks for in the Opus that it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OpusWishes {
    /// `maxaveragebitrate`: bit/s, at least 6000, where it says so.
    pub bitrate_max: Option<u32>,
    /// `maxplaybackrate`: what it plays, in samples per second.
    pub playback_hz: u32,
    /// `cbr`: all packets have one size.
    pub is_constant: bool,
    /// `useinbandfec`: it makes something of forward error correction.
    pub takes_fec: bool,
    /// `usedtx`: silence need not be sent.
    pub takes_dtx: bool,
}

impl Default for OpusWishes {
    fn default() -> Self {
        Self {
            bitrate_max: None,
            playback_hz: 48_000,
            is_constant: false,
            takes_fec: false,
            takes_dtx: false,
        }
    }
}

impl OpusWishes {
    /// Reads an `a=fmtp`; what makes no sense is left out.
    #[must_use]
    pub fn parse(parameters: &str) -> Self {
        let mut wishes = Self::default();
        for parameter in parameters.split(';') {
            let Some((name, value)) = parameter.split_once('=') else { continue };
            let Ok(value) = value.trim().parse::<u32>() else { continue };
            match name.trim().to_ascii_lowercase().as_str() {
                "maxaveragebitrate" => wishes.bitrate_max = Some(value.clamp(6_000, 510_000)),
                "maxplaybackrate" => wishes.playback_hz = value.clamp(8_000, 48_000),
                "cbr" => wishes.is_constant = value == 1,
                "useinbandfec" => wishes.takes_fec = value == 1,
                "usedtx" => wishes.takes_dtx = value == 1,
                _ => {}
            }
        }
        wishes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_fmtp_is_read_and_nonsense_in_it_is_not() {
        let check = |text, expected| assert_eq!(OpusWishes::parse(text), expected, "{text}");
        let none = OpusWishes::default();
        check("", none);
        check("minptime=10;useinbandfec=1", OpusWishes { takes_fec: true, ..none });
        check(
            "maxplaybackrate=16000; maxaveragebitrate=20000; CBR=1;usedtx=1; useinbandfec=0",
            OpusWishes {
                bitrate_max: Some(20_000),
                playback_hz: 16_000,
                is_constant: true,
                takes_fec: false,
                takes_dtx: true,
            },
        );
        check(
            "maxaveragebitrate=1;maxplaybackrate=1",
            OpusWishes { bitrate_max: Some(6_000), playback_hz: 8_000, ..none },
        );
        check("maxaveragebitrate=abc;;stereo;=;maxplaybackrate=-1;ptime=0", none);
    }

    #[test]
    fn a_packet_is_so_many_frames() {
        for (ptime_ms, frame_ms, frames) in
            [(10, 10, 1), (20, 20, 1), (25, 20, 1), (30, 10, 3), (40, 20, 2), (60, 20, 3)]
        {
            let format = Format::new(Codec::Opus, OpusWishes::default(), ptime_ms);
            assert_eq!((format.frame_ms, format.frames(ptime_ms)), (frame_ms, frames));
            assert_eq!(Format::new(Codec::Pcma, OpusWishes::default(), 30), Codec::Pcma.into());
        }
    }
}
