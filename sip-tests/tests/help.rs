//! Help and feature codes, with a tone for each: what everybody hears at each row of the table, and that
//! nobody hears the keys of a code.

use serde_json::{Value, json};
use sip_tests::{Room, Table, tone};

const ULAW: &[u8] = &[0, 101];
const ALAW: &[u8] = &[8, 101];
const G722: &[u8] = &[9, 101];
const OPUS: &[u8] = &[111, 110];

const TALK: &Table<'_> = &[("caller", "alice"), ("alice", "caller")];
const HELD: &Table<'_> = &[("caller", "music"), ("alice", "music")];
const TWO: &Table<'_> = &[("caller", "music"), ("alice", "bob"), ("bob", "alice")];
const THREE: &Table<'_> =
    &[("caller", "alice bob"), ("alice", "caller bob"), ("bob", "caller alice")];
const HEIR: &Table<'_> = &[("caller", "bob"), ("bob", "caller")];
const REST: &Table<'_> = &[("alice", "bob"), ("bob", "alice")];
const MONITOR: &Table<'_> = &[("caller", "alice"), ("alice", "caller"), ("boss", "caller alice")];

const PLAIN: [&[u8]; 3] = [ULAW, ALAW, ULAW];
const MIXED: [&[u8]; 3] = [ULAW, OPUS, G722];

/// The caller and Alice talk, Bob is there.
fn room([caller, alice, bob]: [&'static [u8]; 3]) -> Room {
    let mut room = Room::start(&[("caller", caller), ("alice", alice), ("bob", bob)]);
    room.talks();
    room
}

/// Bob is asked and answers; the id of the help.
fn helped(room: &mut Room, mode: &str) -> String {
    let table = if mode == "two-party" { TWO } else { THREE };
    let mut help = Value::Null;
    room.joins(
        mode,
        |room| {
            let told = room.order("POST", "/help", &json!({"operator": "bob", "mode": mode}));
            help = told["help"].clone();
            let invite = room.phone("bob").expect("INVITE");
            assert_eq!(invite.header("X-Usher-Help"), Some(mode));
            assert!(invite.header("From").is_some_and(|from| from.contains("alice@")));
            assert_eq!(invite.header("X-Usher-Call"), Some(room.call.as_str()));
            room.phone("bob").answer();
        },
        table,
    );
    let help = help.as_str().unwrap_or_default().to_owned();
    room.told(0, "help.alerting", &[("help", &help), ("operator", "alice"), ("mode", mode)]);
    room.told(0, "help.talking", &[("help", &help), ("helper", "bob")]);
    help
}

fn leaves(room: &mut Room, name: &str) {
    room.phone(name).hang_up();
    room.phone(name).audio.mute();
}

fn all_is_heard_as_it_should_be(codecs: [&'static [u8]; 3]) {
    // Taken back, by the id of their part and by the help of the call.
    for mode in ["two-party", "three-party"] {
        let mut room = room(codecs);
        let help = helped(&mut room, mode);
        room.step(
            "taken back",
            |room| {
                let (status, _) = room.server.api.delete(&format!("/calls/{help}"));
                assert_eq!(status, 204);
                room.phone("bob").expect_bye();
                room.phone("bob").audio.mute();
            },
            TALK,
        );
        room.told(0, "help.ended", &[("help", &help), ("cause", "taken_back")]);
        room.finish();
    }
    // Alice leaves: the caller is Bob's.
    for mode in ["two-party", "three-party"] {
        let mut room = room(codecs);
        let help = helped(&mut room, mode);
        room.step("Alice leaves", |room| leaves(room, "alice"), HEIR);
        room.told(0, "help.ended", &[("help", &help), ("cause", "operator_left")]);
        room.told(0, "transfer.completed", &[("operator", "bob")]);
        room.finish();
    }
    // The caller leaves: Alice and Bob go on.
    for mode in ["two-party", "three-party"] {
        let mut room = room(codecs);
        let help = helped(&mut room, mode);
        room.step("the caller leaves", |room| leaves(room, "caller"), REST);
        room.told(0, "call.ended", &[("result", "answered")]);
        let fields = [("call", help.as_str()), ("kind", "internal"), ("predecessor", &room.call)];
        room.server.events.wait("call.started", &fields);
        room.phone("bob").hang_up();
        room.phone("alice").expect_bye();
        room.server.events.wait("call.ended", &[("call", &help)]);
        room.over();
    }
}

/// Each believes that the other has the caller.
#[test]
fn whose_both_colleagues_leave_is_served_anew() {
    for (first, second) in [("alice", "bob"), ("bob", "alice")] {
        let mut room = room(PLAIN);
        helped(&mut room, "two-party");
        let mark = room.server.events.mark();
        room.phone(first).hang_up();
        room.phone(second).hang_up();
        let tones = ["alice", "bob"].map(|name| room.phone(name).audio.hz());
        room.phone("caller").audio.hears_music(&tones);
        room.told(mark, "task.queued", &[]);
        // Whoever was the last to leave is not asked at once.
        room.phone(first).expect("INVITE");
        room.phone(first).answer();
        let hz = room.phone(first).audio.hz();
        room.phone("caller").audio.hears(hz);
        room.phone("caller").hang_up();
        room.phone(first).expect_bye();
        room.over();
    }
}

#[test]
fn help_over_g711() {
    all_is_heard_as_it_should_be(PLAIN);
}

#[test]
fn help_over_g711_g722_and_opus() {
    all_is_heard_as_it_should_be(MIXED);
}

#[test]
fn whoever_does_not_help_changes_nothing() {
    let mut room = room(PLAIN);
    let asked = json!({"operator": "bob"});
    room.order("POST", "/help", &asked);
    room.phone("bob").expect("INVITE");
    let path = format!("/calls/{}/help", room.call);
    let (status, _) = room.server.api.post(&path, &asked);
    assert_eq!(status, 409, "one help at a time");
    room.phone("bob").reply_invite("486 Busy Here");
    room.told(0, "help.failed", &[("reason", "busy")]);
    room.goes_on("Bob is busy", TALK);
    let (status, _) = room.server.api.delete(&path);
    assert_eq!(status, 409, "nobody helps");
    // While his phone rings Alice leaves: the caller waits for him.
    room.order("POST", "/help", &asked);
    room.phone("bob").expect("INVITE");
    room.phone("bob").reply_invite("180 Ringing");
    room.told(0, "help.alerting", &[]);
    leaves(&mut room, "alice");
    room.told(0, "transfer.started", &[("operator", "alice")]);
    room.joins("Bob answers", |room| room.phone("bob").answer(), HEIR);
    room.told(0, "transfer.completed", &[("operator", "bob")]);
    room.finish();
}

#[test]
fn codes_are_obeyed_and_heard_by_nobody() {
    for codecs in [PLAIN, MIXED] {
        let mut room = room(codecs);
        let (mark, events) = (room.phone("caller").audio.mark(), room.server.events.mark());
        room.types("alice", "*1");
        room.told(events, "participant.held", &[("by", "order")]);
        room.goes_on("held by keys", HELD);
        room.types("alice", "*1");
        room.told(events, "participant.resumed", &[("by", "order")]);
        room.goes_on("resumed by keys", TALK);
        room.types("alice", "*2102#");
        room.phone("bob").expect("INVITE");
        // What she said with her keys is over.
        room.goes_on("asked by keys", TALK);
        room.joins("helped by keys", |room| room.phone("bob").answer(), TWO);
        room.types("alice", "*9");
        room.phone("bob").expect_bye();
        room.phone("bob").audio.mute();
        room.told(events, "help.ended", &[("cause", "taken_back")]);
        room.goes_on("taken back by keys", TALK);
        assert_eq!(room.phone("caller").audio.keys(mark), [], "the caller hears no code");
        assert_eq!(room.server.events.count("dtmf.received", &[]), 0, "no event tells one");
        // What is none is told and heard after all, in order.
        room.types("alice", "5*0");
        assert_eq!(room.phone("caller").audio.hears_keys(mark, 3), "5*0");
        room.told(events, "dtmf.received", &[("digit", "0")]);
        assert_eq!(room.server.events.count("dtmf.received", &[]), 3);
        room.finish();
    }
}

#[test]
fn a_supervisor_dials_into_a_call() {
    let people = [("caller", ULAW), ("alice", ALAW), ("boss", ULAW)];
    let mut room = Room::start(&people);
    room.phone("boss").invite("*83101");
    room.phone("boss").expect_status(480);
    room.talks();
    room.phone("boss").invite("*83777");
    room.phone("boss").expect_status(404);
    room.joins(
        "monitor by code",
        |room| {
            room.phone("boss").invite("*83101");
            room.phone("boss").expect_answer();
        },
        MONITOR,
    );
    // And coaches, and speaks to all, by keys.
    let whisper: &Table<'_> =
        &[("caller", "alice"), ("alice", "caller boss"), ("boss", "caller alice")];
    let barge: &Table<'_> =
        &[("caller", "alice boss"), ("alice", "caller boss"), ("boss", "caller alice")];
    for (keys, mode, table) in [("*84", "whisper", whisper), ("*85", "barge", barge)] {
        let events = room.server.events.mark();
        room.types("boss", keys);
        room.told(events, "participant.mode", &[("mode", mode)]);
        room.goes_on(mode, table);
    }
    room.finish();
}

#[test]
fn an_operator_dials_their_state() {
    let mut room = Room::open(&[("alice", ULAW)], |_| ());
    for (code, state) in [("*82", "not-ready"), ("*81", "ready")] {
        let mark = room.server.events.mark();
        room.phone("alice").invite(code);
        room.phone("alice").expect_answer();
        let fields = [("operator", "alice"), ("/chosen/state", state)];
        room.server.events.wait_from(mark, "operator.state", &fields);
        // With a pause in it.
        room.phone("alice").audio.hears_that("a tone of 880 Hz", |samples| {
            tone::level(samples) > 300.0 && tone::share(samples, 880.0) > 0.5
        });
        room.phone("alice").expect_bye();
    }
    room.over();
}
