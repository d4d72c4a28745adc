//! Keys pressed: with the audio (RFC 4733), or by INFO as phones did before it.
//!
//! Some phones send a key both ways. It is told once: the same key by the other way within a second
//! is the same one again. It is heard once at the other side too, as it came with the audio: what
//! comes by INFO from a phone that has agreed on telephone-event waits for that second, until one
//! has waited in vain. From then on, and where there is no telephone-event, it is heard at once.

use media::{Command, Hears, Row};
use sip::msg::{Message, Name as Header};
use sip::{Headers, LegId};

use crate::api::{Output, Time};
use crate::call::{Call, Timer, Way};
use crate::event::What;
use crate::id::ParticipantId;
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
                if switch.pressed(now, call, leg, digit, Way::Info) {
                    switch.pressed_by_info(now, call, leg, digit, length_ms);
                }
            });
        }
        (200, Headers::new())
    }

    /// A key came this way; one that has come by the other is not told again, nor one that is a feature
    /// code's. Whether it is told.
    pub(crate) fn pressed(
        &mut self,
        now: Time,
        call: &mut Call,
        leg: LegId,
        digit: char,
        way: Way,
    ) -> bool {
        let Some(participant) = call.participant_mut(leg) else { return false };
        let is_new = participant.keys.is_new(now, digit, way);
        let (participant, due) = (participant.id, participant.keys.due());
        self.set_timer(call, Timer::Keys(participant), due);
        if !is_new || self.keeps_key(now, call, leg, digit, way) {
            return false;
        }
        self.tell(now, call, What::DtmfReceived { participant, digit });
        self.chose(now, call, leg, digit);
        true
    }

    /// A key has come by INFO. It is heard by others now, or later if it may come with the audio.
    fn pressed_by_info(
        &mut self,
        now: Time,
        call: &mut Call,
        leg: LegId,
        digit: char,
        length_ms: u16,
    ) {
        let Some(participant) = call.participant_mut(leg) else { return };
        let plan = participant.negotiation.plan();
        let both_ways = plan.is_some_and(|plan| !plan.events_in.is_empty());
        if both_ways && participant.keys.hold(now, digit, length_ms) {
            let (id, due) = (participant.id, participant.keys.due());
            self.set_timer(call, Timer::Keys(id), due);
        } else {
            self.relay_keys(call, leg, &digit.to_string(), length_ms);
        }
    }

    /// Keys by INFO did not come with the audio.
    pub(crate) fn keys_overdue(&mut self, now: Time, call: &mut Call, id: ParticipantId) {
        let Some(participant) = call.participants.iter_mut().find(|p| p.id == id) else { return };
        let leg = participant.leg;
        for (digit, length_ms) in participant.keys.overdue(now) {
            self.relay_keys(call, leg, &digit.to_string(), length_ms);
        }
    }

    /// Lets those who hear the leg hear its keys; one in the audio goes there by itself.
    pub(super) fn relay_keys(&mut self, call: &Call, leg: LegId, digits: &str, duration_ms: u16) {
        let leg = media::LegId(leg.0);
        let hears = |row: &&Row| matches!(&row.hears, Hears::Speakers(all) if all.contains(&leg));
        for listener in call.rows.iter().filter(hears).map(|row| LegId(row.leg.0)) {
            self.send_keys(call, listener, digits, duration_ms);
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

    /// Ways, digits and times in ms; `+` where it is a new key. And what others hear of those by INFO:
    /// the digit, and when.
    #[test]
    fn a_key_that_comes_twice_is_one() {
        let check = |keys: &[(Way, char, u64)], expected: &str, expected_heard: &[(char, u64)]| {
            let (mut known, mut told, mut heard) =
                (crate::call::Keys::default(), String::new(), vec![]);
            let mut pass = |known: &mut crate::call::Keys, until: u64| {
                while let Some(due) = known.due().filter(|due| due.as_millis() <= until.into()) {
                    let at = u64::try_from(due.as_millis()).unwrap();
                    heard.extend(known.overdue(due).into_iter().map(|(digit, _)| (digit, at)));
                }
                heard.len()
            };
            let mut at_once = Vec::new();
            for (way, digit, at) in keys {
                pass(&mut known, *at);
                let now = Time::from_millis(*at);
                let is_new = known.is_new(now, *digit, *way);
                told.push(if is_new { '+' } else { '-' });
                if is_new && *way == Way::Info && !known.hold(now, *digit, 160) {
                    at_once.push((*digit, *at));
                }
            }
            pass(&mut known, 60_000);
            heard.extend(at_once);
            heard.sort_by_key(|(_, at)| *at);
            assert_eq!((&*told, &*heard), (expected, expected_heard), "{keys:?}");
        };
        let (audio, info) = (Way::Audio, Way::Info);
        // Both ways, either first: heard with the audio alone, from the first key on.
        let audio_first = [(audio, '1', 0), (info, '1', 300), (audio, '1', 600), (info, '1', 900)];
        check(&audio_first, "+-+-", &[]);
        let info_first = [(info, '1', 0), (audio, '1', 200), (info, '2', 900), (audio, '2', 1_100)];
        check(&info_first, "+-+-", &[]);
        check(
            &[(audio, '5', 0), (audio, '5', 200), (info, '5', 250), (info, '5', 400)],
            "++--",
            &[],
        );
        check(
            &[(info, '7', 0), (info, '7', 300), (audio, '7', 400), (audio, '7', 700)],
            "++--",
            &[],
        );
        // By INFO alone: what has waited in vain is heard, in order, and the rest at once.
        let alone = [(info, '1', 0), (info, '1', 100), (info, '2', 200), (info, '3', 1_500)];
        check(&alone, "++++", &[('1', 1_000), ('1', 1_000), ('2', 1_000), ('3', 1_500)]);
        // One that came with the audio, and later others by INFO alone.
        check(
            &[(audio, '1', 0), (info, '2', 100), (info, '1', 5_000)],
            "+++",
            &[('2', 1_100), ('1', 5_000)],
        );
        check(&[(audio, '1', 0), (info, '1', 1_000)], "++", &[('1', 2_000)]);
        // One packet of audio was lost: the next waits again.
        check(
            &[
                (info, '1', 0),
                (info, '2', 2_000),
                (audio, '2', 2_100),
                (info, '3', 3_000),
                (audio, '3', 3_100),
            ],
            "++-+-",
            &[('1', 1_000), ('2', 2_000)],
        );
    }

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
