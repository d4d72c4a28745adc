//! Customers who are handed on by order: what everybody hears, what the target is told, and what the
//! interface says of it. Every way it can go is in the simulator's `handing`.

use serde_json::{Value, json};
use sip_tests::{Room, Table};

const ULAW: &[u8] = &[0, 101];
const ALAW: &[u8] = &[8, 101];
/// Whose changes are not judged sample by sample: it rings in between.
const G722: &[u8] = &[9, 101];

const TALK: &Table<'_> = &[("caller", "alice"), ("alice", "caller")];
const MUSIC: &Table<'_> = &[("caller", "music")];
const MOVED: &Table<'_> = &[("caller", "bob"), ("bob", "caller")];
const CONSULT: &Table<'_> = &[("caller", "music"), ("alice", "bob"), ("bob", "alice")];

fn room(alice: &'static [u8]) -> Room {
    let mut room = Room::start(&[("caller", ULAW), ("alice", alice), ("bob", ULAW)]);
    room.talks();
    room
}

fn hands_on(room: &Room, body: &Value) {
    let status = room.order("POST", "/transfer", body);
    assert_eq!(status["status"], "PENDING", "{status}");
}

fn status(room: &Room) -> Value {
    room.server.api.get(&format!("/calls/{}/transfer", room.call)).1
}

#[test]
fn cold_the_first_operator_is_free_at_once() {
    let mut room = room(ALAW);
    let order = json!({ "operator": "bob", "headers": { "callReason": "billing", "X-Why": "7" } });
    let goes = |room: &mut Room| {
        hands_on(room, &order);
        room.phone("alice").expect_bye();
        room.phone("alice").audio.mute();
    };
    room.step("cold", goes, MUSIC);
    let invite = room.phone("bob").expect("INVITE");
    assert_eq!(invite.must("X-CRM-callReason"), "billing");
    assert_eq!(invite.must("X-Why"), "7");
    let free = [("operator", "alice"), ("/effective/state", "ready")];
    room.server.events.wait("operator.state", &free);
    room.joins("bob answers", |room| room.phone("bob").answer(), MOVED);
    assert_eq!(status(&room), json!({ "status": "TALKING", "hangup": false, "number": "bob" }));
    assert_eq!(room.phone("caller").times("INVITE"), 0, "the caller's dialog does not change");
    room.phone("caller").hang_up();
    room.phone("bob").expect_bye();
    room.told(0, "transfer.ended", &[]);
    let gone = json!({ "status": "SUCCESS", "hangup": true, "number": "bob" });
    assert_eq!(status(&room), gone);
    room.over();
}

#[test]
fn cold_and_in_vain_the_caller_is_back_at_their_place() {
    let mut room = room(ALAW);
    hands_on(&room, &json!({ "operator": "bob" }));
    room.phone("alice").expect_bye();
    room.phone("bob").expect("INVITE");
    room.phone("bob").reply_invite("486 Busy Here");
    room.told(0, "transfer.failed", &[("reason", "busy")]);
    let failed = json!({ "status": "FAIL", "hangup": false, "number": "bob", "reason": "busy" });
    assert_eq!(status(&room), failed);
    // The queue asks whoever is there: the one who had them is kept apart for a while.
    room.phone("bob").expect("INVITE");
    room.joins("bob answers", |room| room.phone("bob").answer(), MOVED);
    room.finish();
}

/// Alice has asked Bob first, and talks with him.
#[track_caller]
fn consulting() -> Room {
    let mut room = room(G722);
    let asks = |room: &mut Room| {
        hands_on(room, &json!({ "operator": "bob", "mode": "warm" }));
        room.phone("bob").expect("INVITE");
        room.phone("bob").answer();
    };
    room.joins("warm", asks, CONSULT);
    room
}

#[test]
fn warm_and_completed() {
    let mut room = consulting();
    let meet = |room: &mut Room| {
        room.order("POST", "/transfer/complete", &json!({}));
        room.phone("alice").expect_bye();
        room.phone("alice").audio.mute();
    };
    room.step("complete", meet, MOVED);
    room.told(0, "transfer.completed", &[("operator", "bob")]);
    room.finish();
}

#[test]
fn warm_by_keys() {
    let mut room = room(G722);
    let mark = room.phone("caller").audio.mark();
    let asks = |room: &mut Room| {
        room.types("alice", "*5102#");
        room.phone("bob").expect("INVITE");
        room.phone("bob").answer();
    };
    room.joins("warm", asks, CONSULT);
    room.types("alice", "*6");
    room.told(0, "transfer.completed", &[("operator", "bob")]);
    room.phone("alice").expect_bye();
    room.phone("alice").audio.mute();
    room.goes_on("completed", MOVED);
    assert_eq!(room.phone("caller").audio.keys(mark), [], "the caller hears no code");
    assert_eq!(room.server.events.count("dtmf.received", &[]), 0, "no event tells one");
    room.finish();
}

#[test]
fn warm_and_called_off() {
    let mut room = consulting();
    let cancel = |room: &mut Room| {
        room.order("POST", "/transfer/cancel", &json!({}));
        room.phone("bob").expect_bye();
        room.phone("bob").audio.mute();
    };
    room.step("cancel", cancel, TALK);
    assert_eq!(status(&room)["reason"], "cancelled");
    room.finish();
}

#[test]
fn what_refer_to_says_besides_is_told_to_the_target() {
    let mut room = room(ALAW);
    let alice = room.phone("alice");
    let forbidden = "Refer-To: <sip:102@usher.test?Contact=%3Csip:x@y%3E>\r\n";
    alice.request("REFER", forbidden);
    let refused = alice.expect_response("REFER");
    assert_eq!(refused.status(), Some(400));
    assert!(refused.must("Warning").contains("Contact: not for others to set"));
    let good = "Refer-To: <sip:102@usher.test?callReason=two%20words&X-Why=7>\r\n";
    alice.request("REFER", good);
    assert_eq!(alice.expect_response("REFER").status(), Some(202));
    let invite = room.phone("bob").expect("INVITE");
    assert_eq!(invite.must("X-CRM-callReason"), "two words");
    assert_eq!(invite.must("X-Why"), "7");
    room.phone("bob").reply_invite("486 Busy Here");
    room.told(0, "transfer.failed", &[("reason", "busy")]);
    room.goes_on("bob is busy", TALK);
    room.finish();
}
