//! Who hears whom: everybody in a call sends a tone of their own, and after whatever is done every
//! ear is measured.

use serde_json::json;
use sip_tests::{Room, Table};

/// G.711, µ-law and A-law; G.722; Opus with keys of its clock.
const ULAW: &[u8] = &[0, 101];
const ALAW: &[u8] = &[8, 101];
const G722: &[u8] = &[9, 101];
const OPUS: &[u8] = &[111, 110];

const TALK: &Table<'_> = &[("caller", "alice"), ("alice", "caller")];
const MONITOR: &Table<'_> = &[("caller", "alice"), ("alice", "caller"), ("boss", "caller alice")];
const WHISPER: &Table<'_> =
    &[("caller", "alice"), ("alice", "caller boss"), ("boss", "caller alice")];
const BARGE: &Table<'_> =
    &[("caller", "alice boss"), ("alice", "caller boss"), ("boss", "caller alice")];
const INTERCEPT: &Table<'_> = &[("caller", "boss"), ("boss", "caller")];

/// Codecs of the caller, of Alice, of the supervisor.
const PLAIN: [&[u8]; 3] = [ULAW, ALAW, ULAW];
const MIXED: [[&[u8]; 3]; 3] = [[ULAW, G722, OPUS], [OPUS, ULAW, G722], [G722, OPUS, ALAW]];

/// What everybody hears by a supervisor's mode.
fn table(mode: &str) -> &'static Table<'static> {
    match mode {
        "monitor" => MONITOR,
        "whisper" => WHISPER,
        "barge" => BARGE,
        _ => INTERCEPT,
    }
}

fn room([caller, alice, boss]: [&'static [u8]; 3]) -> Room {
    Room::start(&[("caller", caller), ("alice", alice), ("boss", boss)])
}

/// The supervisor in another mode.
fn becomes(room: &mut Room, mode: &str) {
    room.step(mode, |room| room.change("boss", &json!({"mode": mode})), table(mode));
}

/// A supervisor comes as a monitor, then each mode becomes each other one by the same leg.
fn every_mode_becomes_every_other(codecs: [&'static [u8]; 3]) {
    let mut room = room(codecs);
    room.talks();
    room.joins("monitor comes", |room| room.watches("boss", "monitor"), MONITOR);
    for mode in ["whisper", "barge", "monitor", "barge", "whisper", "monitor"] {
        becomes(&mut room, mode);
    }
    let invites = room.phone("boss").times("INVITE");
    assert_eq!(invites, 1, "a change of mode is no new offer");
    room.step("leaves", |room| leaves(room, "boss"), TALK);
    room.finish();
}

/// Somebody hangs up.
fn leaves(room: &mut Room, name: &str) {
    room.phone(name).hang_up();
    room.phone(name).audio.mute();
}

/// A supervisor takes the operator's place, from each mode or at once.
fn each_mode_intercepts(codecs: [&'static [u8]; 3]) {
    for mode in ["monitor", "whisper", "barge", "intercept"] {
        let mut room = room(codecs);
        room.talks();
        let intercepts = |room: &mut Room| {
            if mode == "intercept" {
                room.watches("boss", mode);
            } else {
                room.change("boss", &json!({"mode": "intercept"}));
            }
            room.phone("alice").expect_bye();
        };
        if mode != "intercept" {
            room.joins(mode, |room| room.watches("boss", mode), table(mode));
        }
        if mode == "intercept" {
            room.joins("intercept", intercepts, INTERCEPT);
        } else {
            room.step("intercept", intercepts, INTERCEPT);
        }
        let mark = room.server.events.mark();
        room.told(0, "transfer.completed", &[("operator", "boss")]);
        let fields = [("operator", "alice"), ("/effective/state", "ready")];
        room.server.events.wait_from(mark.saturating_sub(20), "operator.state", &fields);
        room.finish();
    }
}

#[test]
fn modes_over_g711() {
    every_mode_becomes_every_other(PLAIN);
}

#[test]
fn modes_over_g711_g722_and_opus() {
    for codecs in MIXED {
        every_mode_becomes_every_other(codecs);
    }
}

#[test]
fn intercept_over_g711() {
    each_mode_intercepts(PLAIN);
}

#[test]
fn intercept_over_g711_g722_and_opus() {
    each_mode_intercepts(MIXED[0]);
}

/// Hold by the phone and by order, of each side, and mute, with a supervisor there all the while.
fn holds_and_mutes(codecs: [&'static [u8]; 3]) {
    let mut room = room(codecs);
    room.talks();
    room.joins("whisper comes", |room| room.watches("boss", "whisper"), WHISPER);
    let holds = |room: &mut Room, name: &str, direction| {
        let phone = room.phone(name);
        phone.direction = direction;
        phone.reinvite();
        phone.expect_answer();
    };
    // Whoever sends only is sent nothing.
    let held = [("caller", "music"), ("boss", "caller")];
    room.step("Alice's phone holds", |room| holds(room, "alice", "sendonly"), &held);
    room.step("and resumes", |room| holds(room, "alice", "sendrecv"), WHISPER);
    let held = [("alice", "boss"), ("boss", "alice")];
    room.step("the caller's phone holds", |room| holds(room, "caller", "sendonly"), &held);
    room.step("and resumes", |room| holds(room, "caller", "sendrecv"), WHISPER);
    let hold = |room: &mut Room, name: &str, on: bool| room.change(name, &json!({"hold": on}));
    let held = [("caller", "music"), ("alice", "music"), ("boss", "caller")];
    room.step("Alice is held", |room| hold(room, "alice", true), &held);
    room.step("and taken back", |room| hold(room, "alice", false), WHISPER);
    let held = [("caller", "music"), ("alice", "boss"), ("boss", "alice")];
    room.step("the caller is held", |room| hold(room, "caller", true), &held);
    room.step("and taken back", |room| hold(room, "caller", false), WHISPER);
    let held = [("caller", "alice"), ("alice", "caller"), ("boss", "music")];
    room.step("the supervisor is held", |room| hold(room, "boss", true), &held);
    room.step("and taken back", |room| hold(room, "boss", false), WHISPER);
    let mute = |room: &mut Room, name: &str, on: bool| room.change(name, &json!({"muted": on}));
    let muted = [("caller", "alice"), ("alice", "boss"), ("boss", "alice")];
    room.step("the caller is muted", |room| mute(room, "caller", true), &muted);
    room.step("and heard again", |room| mute(room, "caller", false), WHISPER);
    let muted = [("caller", ""), ("alice", "caller boss"), ("boss", "caller")];
    room.step("Alice is muted", |room| mute(room, "alice", true), &muted);
    room.step("and heard again", |room| mute(room, "alice", false), WHISPER);
    room.step("the supervisor is muted", |room| mute(room, "boss", true), MONITOR);
    room.step("and heard again", |room| mute(room, "boss", false), WHISPER);
    room.finish();
}

#[test]
fn hold_and_mute_over_g711() {
    holds_and_mutes(PLAIN);
}

#[test]
fn hold_and_mute_over_g711_g722_and_opus() {
    for codecs in MIXED {
        holds_and_mutes(codecs);
    }
}

/// Five in one call, with every codec; they come and go one by one.
#[test]
fn five_with_every_codec_come_and_go() {
    let people: [(&str, &[u8]); 5] =
        [("caller", ULAW), ("alice", G722), ("bob", ALAW), ("boss", OPUS), ("chief", ULAW)];
    let mut room = Room::start(&people);
    room.talks();
    let three = [("caller", "alice bob"), ("alice", "caller bob"), ("bob", "caller alice")];
    room.joins("a colleague", |room| room.asks("bob", json!({})), &three);
    let four = [&three[..], &[("boss", "caller alice bob")]].concat();
    room.joins("a monitor", |room| room.watches("boss", "monitor"), &four);
    // A whisper that names nobody is for whoever serves; supervisors do not hear it.
    let five = [
        ("caller", "alice bob"),
        ("alice", "caller bob chief"),
        ("bob", "caller alice"),
        ("boss", "caller alice bob"),
        ("chief", "caller alice bob"),
    ];
    room.joins("a whisper", |room| room.watches("chief", "whisper"), &five);
    let to_bob = [
        ("caller", "alice bob"),
        ("alice", "caller bob"),
        ("bob", "caller alice chief"),
        ("boss", "caller alice bob"),
        ("chief", "caller alice bob"),
    ];
    let to = |room: &mut Room| room.change("chief", &json!({"whisper_to": "bob"}));
    room.step("to another", to, &to_bob);
    let barge = [
        ("caller", "alice bob boss"),
        ("alice", "caller bob boss"),
        ("bob", "caller alice boss chief"),
        ("boss", "caller alice bob"),
        ("chief", "caller alice bob boss"),
    ];
    room.step("barge", |room| room.change("boss", &json!({"mode": "barge"})), &barge);
    let gone = [
        ("caller", "alice boss"),
        ("alice", "caller boss"),
        ("boss", "caller alice"),
        ("chief", "caller alice boss"),
    ];
    room.step("the colleague leaves", |room| leaves(room, "bob"), &gone);
    let removed = |room: &mut Room| {
        let path = format!("/participants/{}", room.id("boss"));
        room.order("DELETE", &path, &json!(null));
        room.phone("boss").expect_bye();
    };
    let gone = [("caller", "alice"), ("alice", "caller"), ("chief", "caller alice")];
    room.step("one is sent away", removed, &gone);
    room.step("the other leaves", |room| leaves(room, "chief"), TALK);
    room.finish();
}

/// Packets of 10, 20, 30 and 60 ms, in and out, at once in one conference of raw phones.
#[test]
fn packets_of_every_length_in_one_conference() {
    let people: [(&str, &[u8]); 4] =
        [("caller", ULAW), ("alice", ALAW), ("bob", ULAW), ("boss", ALAW)];
    let lengths = [10, 20, 30, 60];
    // Each has each length once.
    for turn in 0..lengths.len() {
        let mut room = Room::open(&people, |_| ());
        let ptime_ms = |at: usize| lengths[(at + turn) % lengths.len()];
        for (at, (name, _)) in people.iter().enumerate() {
            room.phone(name).audio.pace(ptime_ms(at));
        }
        room.calls();
        room.talks();
        let three = [("caller", "alice bob"), ("alice", "caller bob"), ("bob", "caller alice")];
        room.joins("a colleague", |room| room.asks("bob", json!({})), &three);
        let monitor = [&three[..], &[("boss", "caller alice bob")]].concat();
        room.joins("a monitor", |room| room.watches("boss", "monitor"), &monitor);
        let barge = [
            ("caller", "alice bob boss"),
            ("alice", "caller bob boss"),
            ("bob", "caller alice boss"),
            ("boss", "caller alice bob"),
        ];
        let becomes = |room: &mut Room| room.change("boss", &json!({"mode": "barge"}));
        room.step("barge", becomes, &barge);
        for (at, (name, _)) in people.iter().enumerate() {
            let heard = room.phone(name).audio.heard();
            let last = heard.last().map_or(0, |packet| packet.pcm.len() / 8);
            assert_eq!(u32::try_from(last), Ok(ptime_ms(at)), "{name} wants so many ms");
        }
        room.finish();
    }
}
