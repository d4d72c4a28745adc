//! Telephone-event (RFC 4733): which payload type, at which clock.
//!
//! | codec of the audio | the peer has | we send |
//! | --- | --- | --- |
//! | any | one of its clock | that |
//! | any | only one of another clock | that, with durations in its own clock |
//! | any | none | tones |
//!
//! RFC 4733 section 2.1 wants the clock of the audio, so we offer one for each clock rate among the
//! codecs offered. Some peers have telephone-event/8000 alone beside Opus and send it so: what a
//! peer named is understood, whichever its clock and whoever's number it bears.

use serde::{Deserialize, Serialize};

use super::Local;
use crate::Codec;
use crate::sdp::Media;

/// A payload type for telephone-event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// The payload type.
    pub payload_type: u8,
    /// The clock of its durations.
    pub hz: u32,
}

impl Events {
    /// The number that we would like to have at a clock, as most others write it.
    pub(super) const fn usual(hz: u32) -> u8 {
        if hz == 8_000 { 101 } else { 110 }
    }
}

/// All that a medium has, in its order.
pub(super) fn all(media: &Media) -> impl Iterator<Item = Events> + '_ {
    media.payload_types().filter_map(|payload_type| {
        let map = media.map(payload_type)?;
        let hz = if map.rate_hz == 0 { 8_000 } else { map.rate_hz };
        let is = map.name.eq_ignore_ascii_case("telephone-event") && hz >= 1_000;
        is.then_some(Events { payload_type, hz })
    })
}

/// The one to use with a codec.
pub(super) fn beside(media: &Media, codec: Codec) -> Option<Events> {
    all(media).find(|events| events.hz == codec.rtp_hz()).or_else(|| all(media).next())
}

/// Those we understand: ours and the peer's, where a number is not taken.
pub(super) fn understood(media: &Media, local: &Local, audio: &[(u8, Codec)]) -> Vec<Events> {
    let mut known: Vec<Events> = Vec::new();
    for events in local.events.iter().copied().chain(all(media)) {
        let mut numbers = audio.iter().map(|(number, _)| *number);
        let is_taken = numbers.any(|number| number == events.payload_type)
            || known.iter().any(|other| other.payload_type == events.payload_type);
        if !is_taken {
            known.push(events);
        }
    }
    known
}
