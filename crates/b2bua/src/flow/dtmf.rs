//! Keys pressed: with the audio (RFC 4733), or by INFO as phones did before it.
//!
//! Some phones send a key both ways. It is told once: the way that a leg's first key came is its
//! way, and what comes by the other is the same key again. It is heard once at the other side too,
//! but for the first key of a phone whose INFO comes before its audio.

use media::{Command, Hears, Row};
use sip::msg::{Message, Name as Header};
use sip::{Headers, LegId};

use crate::api::{Output, Time};
use crate::call::{Call, Keys};
use crate::event::What;
use crate::switch::B2bua;

/// How long a key sounds that came without its length, and the limits of one that has it, in ms.
pub(crate) const LENGTH: u16 = 160;
pub(crate) const LENGTHS: core::ops::RangeInclusive<u16> = 40..=6_000;

impl B2bua {
    /// An INFO; the status and header fields of its answer (RFC 6086 section 4.2.2).
    pub(super) fn info(&mut self, now: Time, leg: LegId, request: &Message) -> (u16, Headers) {
        if request.header(Header::InfoPackage).is_some() {
            return (469, vec![("Recv-Info".into(), String::new())]);
        }
        let body = request.body();
        if body.is_empty() {
            return (200, Headers::new());
        }
        let kind = request.content_type().unwrap_or_default();
        let Some(text) = core::str::from_utf8(&body).ok().filter(|_| KINDS.contains(&&*kind))
        else {
            return (415, vec![("Accept".into(), KINDS.join(", "))]);
        };
        if let Some((digit, length_ms)) = key(&kind, text) {
            self.with_leg(leg, |switch, call| {
                switch.pressed(now, call, leg, digit, Keys::Info);
                if call.participant(leg).is_some_and(|p| p.keys == Some(Keys::Info)) {
                    switch.relay_key(call, leg, digit, length_ms);
                }
            });
        }
        (200, Headers::new())
    }

    /// A key came this way; one that has come by the other is not told again.
    pub(crate) fn pressed(
        &mut self,
        now: Time,
        call: &mut Call,
        leg: LegId,
        digit: char,
        keys: Keys,
    ) {
        let Some(participant) = call.participant_mut(leg) else { return };
        let known = *participant.keys.get_or_insert(keys);
        if known == Keys::Info && keys == Keys::Audio {
            participant.keys = Some(Keys::Both);
        }
        let participant = participant.id;
        if (known == Keys::Audio) == (keys == Keys::Audio) {
            self.tell(now, call, What::DtmfReceived { participant, digit });
        }
    }

    /// Lets those who hear the leg hear its key; one in the audio goes there by itself.
    fn relay_key(&mut self, call: &Call, leg: LegId, digit: char, duration_ms: u16) {
        let leg = media::LegId(leg.0);
        let hears = |row: &&Row| matches!(&row.hears, Hears::Speakers(all) if all.contains(&leg));
        for listener in call.rows.iter().filter(hears).map(|row| LegId(row.leg.0)) {
            self.send_keys(call, listener, &digit.to_string(), duration_ms);
        }
    }

    /// Keys for somebody to hear.
    pub(super) fn send_keys(&mut self, call: &Call, leg: LegId, digits: &str, duration_ms: u16) {
        if let Some(listener) = call.participant(leg).filter(|p| p.planned.is_some()) {
            let (thread, leg) = (listener.lease.thread, media::LegId(leg.0));
            let command = Command::SendDtmf { leg, digits: digits.to_owned(), duration_ms };
            self.output(Output::Media { thread, command });
        }
    }
}

/// Bodies that bring a key.
const KINDS: [&str; 2] = ["application/dtmf-relay", "application/dtmf"];

/// A key and its length: `Signal=5` and `Duration=160` on lines of their own, or `5`. Some write
/// `10` and `11` for `*` and `#`.
fn key(kind: &str, text: &str) -> Option<(char, u16)> {
    let field = |wanted: &str| {
        let fields = text.lines().filter_map(|line| line.split_once('='));
        let mut fields = fields.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
        fields.next().map(|(_, value)| value.trim())
    };
    let (signal, length) = match kind {
        "application/dtmf-relay" => (field("signal")?, field("duration")),
        _ => (text.trim(), None),
    };
    let digit = match signal {
        "10" => '*',
        "11" => '#',
        _ => {
            let mut all = signal.chars();
            all.next().filter(|_| all.next().is_none())?.to_ascii_uppercase()
        }
    };
    let length = length.and_then(|length| length.parse().ok()).unwrap_or(LENGTH);
    "0123456789*#ABCD"
        .contains(digit)
        .then(|| (digit, length.clamp(*LENGTHS.start(), *LENGTHS.end())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let relay = |text, expected| assert_eq!(key(KINDS[0], text), expected, "{text:?}");
        relay("Signal=5\r\nDuration=250\r\n", Some(('5', 250)));
        relay("duration = 1\n signal = # \n", Some(('#', 40)));
        relay("Signal=10\r\nDuration=x", Some(('*', LENGTH)));
        relay("Signal=11\r\nDuration=9999", Some(('#', 6_000)));
        relay("Signal=d", Some(('D', LENGTH)));
        for bad in ["", "5", "Signal=", "Signal=12", "Signal=hf", "Signal=é", "Duration=160"] {
            relay(bad, None);
        }
        let plain = |text, expected| assert_eq!(key(KINDS[1], text), expected, "{text:?}");
        plain(" 7\r\n", Some(('7', LENGTH)));
        plain("77", None);
        plain("", None);
    }
}
