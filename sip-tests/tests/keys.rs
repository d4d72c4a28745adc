//! Keys between codecs (RFC 4733 at 8 kHz on one leg, at 48 kHz on the other), forwarded and mixed:
//! each is heard and told once.

use serde_json::json;
use sip_tests::{Room, tone};

const ULAW: &[u8] = &[0, 101];
const ALAW: &[u8] = &[8, 101];
const G722: &[u8] = &[9, 101];
/// Opus with keys of its clock, and with keys of 8 kHz alone.
const OPUS: &[u8] = &[111, 110];
const OPUS_8: &[u8] = &[111, 101];

const KEYS: &str = "5#0";

/// Somebody presses some keys: these listeners hear each once, as long as it was, nobody else hears
/// one, and each is told once.
#[track_caller]
fn press(room: &mut Room, who: &str, listeners: &[&str], others: &[&str]) {
    let all = || listeners.iter().chain(others);
    let marks: Vec<_> = all().map(|name| room.phone(name).audio.mark()).collect();
    let events = room.server.events.mark();
    for digit in KEYS.chars() {
        room.phone(who).audio.press(digit);
    }
    let participant = room.id(who);
    for digit in KEYS.chars() {
        let fields = [("digit", &*digit.to_string()), ("participant", &participant)];
        room.told(events, "dtmf.received", &fields);
    }
    for (name, mark) in listeners.iter().zip(&marks) {
        let audio = &room.phone(name).audio;
        assert_eq!(audio.hears_keys(*mark, KEYS.len()), KEYS, "{who} to {name}");
        for key in audio.keys(*mark) {
            assert!((100..=140).contains(&key.ms), "{who} to {name}: {key:?}");
        }
    }
    // What was pressed has passed by: audio is heard again.
    for (name, mark) in others.iter().zip(&marks[listeners.len()..]) {
        assert_eq!(room.phone(name).audio.keys(*mark), [], "{who} to {name}");
    }
    let all = room.server.events.all();
    let told = all.iter().skip(events).filter(|event| event["type"] == "dtmf.received");
    assert_eq!(told.count(), KEYS.len(), "{who}");
}

#[test]
fn each_key_is_heard_and_told_once_whatever_the_codecs() {
    let pairs =
        [(ULAW, ALAW), (OPUS, OPUS), (ULAW, OPUS), (OPUS, G722), (OPUS_8, ULAW), (OPUS_8, OPUS)];
    for (caller, alice) in pairs {
        let mut room = Room::start(&[("caller", caller), ("alice", alice)]);
        room.talks();
        press(&mut room, "caller", &["alice"], &["caller"]);
        press(&mut room, "alice", &["caller"], &["alice"]);
        room.goes_on("after the keys", &[("caller", "alice"), ("alice", "caller")]);
        room.finish();
    }
}

/// The supervisor hears keys as they hear whoever presses them.
#[test]
fn keys_while_a_supervisor_is_there() {
    for codecs in [[ULAW, ALAW, ULAW], [ULAW, OPUS, G722], [OPUS, ULAW, OPUS]] {
        let [caller, alice, boss] = codecs;
        let mut room = Room::start(&[("caller", caller), ("alice", alice), ("boss", boss)]);
        room.talks();
        let monitor = [("caller", "alice"), ("alice", "caller"), ("boss", "caller alice")];
        room.joins("monitor", |room| room.watches("boss", "monitor"), &monitor);
        press(&mut room, "caller", &["alice", "boss"], &["caller"]);
        press(&mut room, "alice", &["caller", "boss"], &["alice"]);
        press(&mut room, "boss", &[], &["caller", "alice", "boss"]);
        room.change("boss", &json!({"mode": "whisper"}));
        press(&mut room, "boss", &["alice"], &["caller", "boss"]);
        room.change("boss", &json!({"mode": "barge"}));
        press(&mut room, "boss", &["caller", "alice"], &["boss"]);
        let barge = [("caller", "alice boss"), ("alice", "caller boss"), ("boss", "caller alice")];
        room.goes_on("after the keys", &barge);
        room.finish();
    }
}

#[test]
fn keys_by_order_are_for_one() {
    for codecs in [[ULAW, ALAW], [OPUS, ULAW], [OPUS_8, G722]] {
        let [caller, alice] = codecs;
        let mut room = Room::start(&[("caller", caller), ("alice", alice)]);
        room.talks();
        for (to, other, body) in [
            ("caller", "alice", json!({"digits": "12#"})),
            ("alice", "caller", json!({"digits": "12#", "to": "101", "duration_s": 0.25})),
        ] {
            let (mark, none) = (room.phone(to).audio.mark(), room.phone(other).audio.mark());
            room.order("POST", "/dtmf", &body);
            assert_eq!(room.phone(to).audio.hears_keys(mark, 3), "12#", "{body}");
            let ms = body["duration_s"].as_f64().map_or(160, |_| 250);
            for key in room.phone(to).audio.keys(mark) {
                assert!((ms - 10..=ms + 10).contains(&key.ms), "{body}: {key:?}");
            }
            assert_eq!(room.phone(other).audio.keys(none), [], "{body}");
        }
        assert_eq!(room.server.events.count("dtmf.received", &[]), 0, "nobody pressed them");
        room.finish();
    }
}

/// Who has no telephone-event hears the tones of Q.23.
#[test]
fn keys_for_a_phone_without_events_are_tones() {
    for codecs in [&[0][..], &[9], &[111]] {
        let mut room = Room::start(&[("caller", codecs), ("alice", ALAW)]);
        room.talks();
        room.order("POST", "/dtmf", &json!({"digits": "5", "duration_s": 1.0}));
        room.phone("caller").audio.hears_that("a key as tones", |samples| {
            let share = [770.0, 1_336.0].map(|hz| tone::share(samples, hz));
            share.iter().all(|share| *share > 0.3) && share.iter().sum::<f64>() > 0.9
        });
        room.phone("caller").audio.hears(700.0);
        room.goes_on("after the key", &[("caller", "alice"), ("alice", "caller")]);
        room.finish();
    }
}
