//! What we say: our offers, our answers and their bytes.

use bytes::Bytes;

use super::{Events, Line, Local, Negotiation, Reason, Refusal, codecs, events};
use crate::Codec;
use crate::sdp::{Address, Description, Direction, Map, Media};

/// The payload types without a meaning of their own (RFC 3551 section 3).
const DYNAMIC: core::ops::Range<u8> = 96..128;

/// The longest packets we ask for: what is longer is heard, but late, and its loss too.
const PTIME_MAX_MS: u16 = 60;

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
        let allowed = &self.settings.codecs;
        let mut preferred = self.preference.iter().filter(|codec| allowed.contains(codec));
        let offered = |codec: &Codec| codecs(media).find(|(offered, _)| offered == codec);
        preferred.find_map(offered).or_else(|| {
            let (best, _) = allowed.iter().find_map(offered)?;
            let mut offers = codecs(media);
            offers.find(|(codec, _)| allowed.contains(codec) && codec.forwards_to(best))
        })
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
        let (codecs, events) = self.number();
        Local { lines, codecs, events, direction: Direction::SendRecv, mux: self.local.mux }
    }

    /// The codecs we offer and their telephone-events, with their payload types. A payload type
    /// never changes its meaning within a call (RFC 3264 section 8.3.2).
    fn number(&self) -> (Vec<(Codec, u8)>, Vec<Events>) {
        let known = self.local.codecs.iter().map(|(_, number)| *number);
        let known = known.chain(self.local.events.iter().map(|events| events.payload_type));
        let mut taken: Vec<u8> = known.collect();
        let mut free = |wanted: u8| {
            let number = core::iter::once(wanted).chain(DYNAMIC).find(|n| !taken.contains(n))?;
            taken.push(number);
            Some(number)
        };
        let allowed = &self.settings.codecs;
        let mut codecs: Vec<(Codec, u8)> = Vec::new();
        // The codec in use goes on being used, unless another is preferred.
        let current = self.plan.as_ref().map(|plan| &plan.codec);
        for codec in self.preference.iter().chain(current).chain(allowed) {
            if !allowed.contains(codec) || codecs.iter().any(|(other, _)| other == codec) {
                continue;
            }
            let known = self.local.codecs.iter().find(|(old, _)| old == codec);
            let known = known.map(|(_, number)| *number);
            let number = known.or_else(|| free(codec.usual_payload_type()));
            codecs.extend(number.map(|number| (*codec, number)));
        }
        let mut events: Vec<Events> = Vec::new();
        for hz in codecs.iter().map(|(codec, _)| codec.rtp_hz()) {
            if events.iter().any(|other| other.hz == hz) {
                continue;
            }
            let known = self.local.events.iter().find(|events| events.hz == hz);
            let known = known.map(|events| events.payload_type);
            let number = known.or_else(|| free(Events::usual(hz)));
            events.extend(number.map(|payload_type| Events { payload_type, hz }));
        }
        (codecs, events)
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
            events: events::beside(media, codec.0).into_iter().collect(),
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
        let map = |payload_type, name: &str, rate_hz, channels| {
            let name = name.to_owned();
            Map { payload_type, name, rate_hz, channels }
        };
        let codecs = local.codecs.iter();
        let codecs = codecs
            .map(|(codec, number)| map(*number, codec.name(), codec.rtp_hz(), codec.channels()));
        let events = local.events.iter();
        let events = events.map(|e| map(e.payload_type, "telephone-event", e.hz, 1));
        let maps: Vec<Map> = codecs.chain(events).collect();
        let formats = maps.iter().map(|map| map.payload_type.to_string()).collect();
        let codecs = local.codecs.iter();
        let codecs =
            codecs.filter_map(|(codec, number)| Some((*number, codec.parameters()?.to_owned())));
        let events = local.events.iter().map(|e| (e.payload_type, "0-16".to_owned()));
        Media {
            direction: local.direction,
            maps,
            parameters: codecs.chain(events).collect(),
            mux: local.mux,
            ptime_ms: Some(self.settings.ptime_ms),
            maxptime_ms: Some(PTIME_MAX_MS),
            ..Media::bare("audio", self.settings.lease.port, protocol, formats)
        }
    }
}
