//! What we say: our offers, our answers and their bytes.

use bytes::Bytes;

use super::{Line, Local, Negotiation, Reason, Refusal, codecs, events};
use crate::Codec;
use crate::sdp::{Address, Description, Direction, Map, Media};

/// Our payload type for telephone-event where the peer has not chosen one.
const EVENTS: u8 = 101;
/// Where payload types for codecs without a static one begin.
const DYNAMIC: u8 = 102;

/// The place of an `m=` line, the codec chosen from it and its payload type.
type Chosen = (usize, (Codec, u8));

impl Line {
    pub(super) fn refused(media: &Media) -> Self {
        let Media { kind, protocol, formats, .. } = media.clone();
        Self::Refused { kind, protocol, formats }
    }

    fn is_audio(&self) -> bool {
        match self {
            Self::Audio { .. } => true,
            Self::Refused { kind, .. } => kind.eq_ignore_ascii_case("audio"),
        }
    }
}

impl Negotiation {
    /// The audio to use from an offer, with the peer's codec and payload type in it; `None` where
    /// the only usable audio is switched off by port 0.
    pub(super) fn choose(&self, offer: &Description) -> Result<Option<Chosen>, Refusal> {
        let mut refusal = Refusal::new(488, Reason::NoAudio);
        let mut switched_off = false;
        // The line that was ours stays ours if it can.
        let ours = self.local.lines.iter().position(|line| matches!(line, Line::Audio { .. }));
        for index in ours.into_iter().chain(0..offer.media.len()) {
            let Some(media) = offer.media.get(index) else { continue };
            if !media.is_plain_audio() {
                continue;
            }
            if media.port == 0 {
                switched_off = true;
                continue;
            }
            match self.choose_codec(media) {
                Some(chosen) => return Ok(Some((index, chosen))),
                None => refusal = Refusal::new(488, Reason::NoCodec),
            }
        }
        if switched_off && refusal.reason == Reason::NoAudio { Ok(None) } else { Err(refusal) }
    }

    fn choose_codec(&self, media: &Media) -> Option<(Codec, u8)> {
        let allowed = |codec: &Codec| self.settings.codecs.contains(codec);
        let mut preferred = self.preference.iter().filter(|codec| allowed(codec));
        preferred
            .find_map(|codec| codecs(media).find(|(offered, _)| offered == codec))
            .or_else(|| codecs(media).find(|(codec, _)| allowed(codec)))
    }

    pub(super) fn describe_offer(&self) -> Local {
        let mut lines = self.local.lines.clone();
        if !lines.iter().any(|line| matches!(line, Line::Audio { .. })) {
            // A line that was switched off is used again before a new one is added.
            let audio = Line::Audio { protocol: "RTP/AVP".to_owned() };
            match lines.iter_mut().find(|line| line.is_audio()) {
                Some(line) => *line = audio,
                None => lines.push(audio),
            }
        }
        let events = self.local.events.unwrap_or(EVENTS);
        Local {
            lines,
            codecs: self.number(events),
            events: Some(events),
            direction: Direction::SendRecv,
            mux: self.local.mux,
        }
    }

    /// The codecs we offer, with their payload types. A payload type never changes its meaning
    /// within a call (RFC 3264 section 8.3.2).
    fn number(&self, events: u8) -> Vec<(Codec, u8)> {
        let allowed = &self.settings.codecs;
        let mut numbered: Vec<(Codec, u8)> = Vec::new();
        // The codec in use goes on being used, unless another is preferred.
        let current = self.plan.as_ref().map(|plan| &plan.codec);
        for codec in self.preference.iter().chain(current).chain(allowed) {
            if !allowed.contains(codec) || numbered.iter().any(|(other, _)| other == codec) {
                continue;
            }
            let taken = |number: &u8| {
                *number == events || numbered.iter().any(|(_, other)| other == number)
            };
            let known = self.local.codecs.iter().find(|(old, _)| old == codec);
            let number = known
                .map(|(_, number)| *number)
                .or(codec.static_payload_type())
                .filter(|number| !taken(number))
                .or_else(|| (DYNAMIC..128).find(|number| !taken(number)));
            numbered.extend(number.map(|number| (*codec, number)));
        }
        numbered
    }

    pub(super) fn describe_answer(
        &self,
        offer: &Description,
        index: usize,
        codec: (Codec, u8),
    ) -> Local {
        let media = &offer.media[index];
        let mut lines: Vec<Line> = offer.media.iter().map(Line::refused).collect();
        lines[index] = Line::Audio { protocol: media.protocol.clone() };
        Local {
            lines,
            codecs: vec![codec],
            events: events(media, codec.0.rtp_hz()),
            direction: media.direction.reversed(),
            mux: media.mux,
        }
    }

    /// The bytes of a description. The version rises only where they differ from the last.
    pub(super) fn print(&mut self, local: &Local) -> Bytes {
        let settings = &self.settings;
        let mut description = Description {
            id: settings.sdp_id,
            version: self.version,
            address: Some(Address::Ip(settings.address)),
            media: local.lines.iter().map(|line| self.media(line, local)).collect(),
        };
        let mut text = description.to_string();
        if text != self.printed {
            if !self.printed.is_empty() {
                self.version += 1;
                description.version = self.version;
                text = description.to_string();
            }
            self.printed.clone_from(&text);
        }
        Bytes::from(text)
    }

    fn media(&self, line: &Line, local: &Local) -> Media {
        let protocol = match line {
            Line::Refused { kind, protocol, formats } => {
                // The grammar wants one format at least.
                let none = formats.is_empty().then(|| "0".to_owned());
                let formats = formats.iter().cloned().chain(none).collect();
                return Media::bare(kind, 0, protocol, formats);
            }
            Line::Audio { protocol } => protocol,
        };
        let map = |payload_type, name: &str, rate_hz| {
            let name = name.to_owned();
            Map { payload_type, name, rate_hz, channels: 1 }
        };
        let codecs = local.codecs.iter();
        let mut maps: Vec<Map> =
            codecs.map(|(codec, number)| map(*number, codec.name(), codec.rtp_hz())).collect();
        maps.extend(local.events.map(|number| map(number, "telephone-event", 8_000)));
        let formats = maps.iter().map(|map| map.payload_type.to_string()).collect();
        let events = local.events.map(|number| (number, "0-16".to_owned()));
        Media {
            direction: local.direction,
            maps,
            parameters: events.into_iter().collect(),
            mux: local.mux,
            ptime_ms: Some(self.settings.ptime_ms),
            ..Media::bare("audio", self.settings.lease.port, protocol, formats)
        }
    }
}
