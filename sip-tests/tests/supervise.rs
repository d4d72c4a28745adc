//! Supervisors: who may watch what, who learns of it, and that nobody is disturbed. What everybody
//! hears in each mode is in `conference.rs`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sip_tests::{Config, Room};

const ULAW: &[u8] = &[0, 101];
const ALAW: &[u8] = &[8, 101];

const TALK: [(&str, &str); 2] = [("caller", "alice"), ("alice", "caller")];
const MONITOR: [(&str, &str); 3] =
    [("caller", "alice"), ("alice", "caller"), ("boss", "caller alice")];
const BARGE: [(&str, &str); 3] =
    [("caller", "alice boss"), ("alice", "caller boss"), ("boss", "caller alice")];

/// Operators and supervisors with tokens of their own, a queue that nobody here watches, and this
/// much told to operators.
fn configured(config: &mut Config, notify: &str) {
    config.more += &format!("[supervise]\nnotify = \"{notify}\"\n");
    config.more += "[[queue]]\nname = \"sales\"\nnumber = \"601\"\n";
    config.operators += "[[operator]]\nid = \"other\"\npassword = \"other-secret\"\n\
                         role = \"supervisor\"\nsupervises = [\"sales\"]\n";
    for (name, role) in [
        ("alice", "operator"),
        ("bob", "operator"),
        ("boss", "supervisor"),
        ("other", "supervisor"),
    ] {
        config.more += &format!(
            "[[http.token]]\nname = \"{name}\"\nsecret = \"{name}-token\"\nrole = \"{role}\"\n"
        );
    }
}

fn room(people: &[(&'static str, &[u8])], notify: &str) -> Room {
    Room::open(people, |config| configured(config, notify))
}

const THREE: [(&str, &[u8]); 3] = [("caller", ULAW), ("alice", ALAW), ("boss", ULAW)];

/// An order by whoever has this token: its status.
#[track_caller]
fn ordered(room: &Room, token: &str, method: &str, path: &str, body: &Value) -> u16 {
    let api = if token == "admin" {
        room.server.api.clone()
    } else {
        room.server.api.with(&format!("{token}-token"))
    };
    let path = format!("/calls/{}{path}", room.call);
    let (status, _) = match method {
        "POST" => api.post(&path, body),
        "PATCH" => api.patch(&path, body),
        "GET" => api.get(&path),
        _ => api.delete(&path),
    };
    status
}

fn watch(who: &str, mode: &str) -> Value {
    json!({"operator": who, "role": "supervisor", "mode": mode})
}

/// Orders that are refused: by whom, what, and with which status.
type Refused<'a> = (&'a str, &'a str, &'a str, Value, u16);

#[track_caller]
fn all_refused(room: &Room, orders: &[Refused<'_>]) {
    for (token, method, path, body, status) in orders {
        let is = ordered(room, token, method, path, body);
        assert_eq!(is, *status, "{token}: {method} {path} {body}");
    }
}

/// The supervisor comes to whisper, to somebody.
fn whisper_to(to: &str) -> Value {
    json!({"operator": "boss", "role": "supervisor", "mode": "whisper", "whisper_to": to})
}

fn mode(mode: &str) -> Value {
    json!({"mode": mode})
}

#[test]
fn whoever_may_not_watch_does_not() {
    let mut room = room(&[THREE[0], THREE[1], THREE[2], ("bob", ULAW)], "none");
    room.calls();
    let add = "/participants";
    // Nobody serves yet whose place could be taken, and nobody talks whom a colleague could help.
    all_refused(
        &room,
        &[
            ("admin", "POST", add, watch("boss", "intercept"), 409),
            ("admin", "POST", add, json!({"operator": "bob"}), 409),
        ],
    );
    room.talks();
    let unnamed = json!({"operator": "boss", "role": "supervisor", "whisper_to": "alice"});
    all_refused(
        &room,
        &[
            // Whose role or queues do not let them.
            ("admin", "POST", add, watch("bob", "monitor"), 403),
            ("admin", "POST", add, watch("alice", "monitor"), 403),
            ("admin", "POST", add, watch("other", "monitor"), 403),
            ("boss", "POST", add, watch("bob", "monitor"), 403),
            ("boss", "POST", add, watch("other", "monitor"), 403),
            ("other", "POST", add, watch("boss", "monitor"), 403),
            ("other", "PATCH", "/participants/alice", json!({"hold": true}), 403),
            ("other", "DELETE", "/participants/alice", json!({}), 403),
            ("other", "POST", "/dtmf", json!({"digits": "1"}), 403),
            ("alice", "POST", add, watch("boss", "monitor"), 403),
            ("bob", "POST", add, json!({"operator": "bob"}), 403),
            ("bob", "PATCH", "/participants/alice", json!({"hold": true}), 403),
            // What is not there.
            ("admin", "POST", add, watch("nobody", "monitor"), 404),
            ("admin", "POST", add, whisper_to("nobody"), 404),
            ("admin", "POST", add, whisper_to("boss"), 404),
            ("admin", "PATCH", "/participants/boss", mode("barge"), 404),
            ("admin", "PATCH", "/participants/nobody", mode("barge"), 404),
            ("admin", "DELETE", "/participants/nobody", json!({}), 404),
            ("admin", "POST", "/dtmf", json!({"digits": "1", "to": "nobody"}), 404),
            // What makes no sense.
            ("admin", "PATCH", "/participants/alice", mode("barge"), 409),
            ("admin", "POST", add, unnamed, 422),
            ("admin", "POST", add, json!({"operator": "bob", "mode": "monitor"}), 422),
            ("admin", "POST", add, watch("boss", "spy"), 422),
            ("admin", "POST", add, json!({"number": "600"}), 422),
            ("admin", "POST", "/dtmf", json!({"digits": "x"}), 422),
        ],
    );
    room.goes_on("after all that", &TALK);
    assert_eq!(room.phone("boss").times("INVITE") + room.phone("bob").times("INVITE"), 0);
    room.finish();
}

#[test]
fn whoever_may_watch_does_by_a_token_of_their_own_and_once() {
    let mut room = room(&THREE, "none");
    room.calls();
    room.talks();
    let comes = |room: &mut Room| {
        let asked = watch("boss", "monitor");
        assert_eq!(ordered(room, "boss", "POST", "/participants", &asked), 201);
        assert_eq!(ordered(room, "boss", "POST", "/participants", &asked), 409);
        room.phone("boss").expect("INVITE");
        room.phone("boss").answer();
    };
    room.joins("monitor", comes, &MONITOR);
    let boss = "/participants/boss";
    all_refused(
        &room,
        &[
            // Operators know nothing of supervisors.
            ("alice", "PATCH", boss, mode("barge"), 404),
            ("alice", "DELETE", boss, json!({}), 404),
            ("other", "PATCH", boss, mode("barge"), 403),
            ("admin", "PATCH", boss, json!({"mode": "whisper", "whisper_to": "x"}), 404),
            ("admin", "PATCH", boss, json!({"mode": "barge", "whisper_to": "alice"}), 422),
        ],
    );
    let barge = |room: &mut Room| {
        assert_eq!(ordered(room, "boss", "PATCH", boss, &mode("barge")), 200);
    };
    room.step("barge", barge, &BARGE);
    room.finish();
}

/// What an operator with a token of their own is told of a supervisor.
fn told(notify: &str) {
    let mut room = room(&THREE, notify);
    let events = room.server.subscribe_with("alice-token");
    room.calls();
    room.talks();
    let mark = room.phone("alice").audio.mark();
    let other = room.phone("caller").audio.mark();
    room.watches("boss", "monitor");
    let boss = room.id("boss");
    room.told(0, "participant.joined", &[("participant", &boss), ("role", "supervisor")]);
    if notify == "beep" {
        // For 200 ms, once.
        let beeps = |samples: &[i16]| sip_tests::tone::share(samples, 1_400.0) > 0.8;
        room.phone("alice").audio.hears_tone(mark, 1_400.0, Duration::from_millis(200));
        room.phone("alice").audio.hears_that("the caller", |samples| !beeps(samples));
    } else {
        room.phone("alice").audio.never_heard(mark.at, 1_400.0);
    }
    room.phone("caller").audio.never_heard(other.at, 1_400.0);
    let api = room.server.api.with("alice-token");
    let path = format!("/calls/{}", room.call);
    let people = |call: &Value| call["participants"].as_array().map_or(0, Vec::len);
    let (_, seen) = api.get(&path);
    assert_eq!(people(&seen), if notify == "none" { 2 } else { 3 }, "{notify}: {seen}");
    let (_, all) = room.server.api.get(&path);
    assert_eq!(people(&all), 3);
    room.change("boss", &json!({"mode": "whisper"}));
    room.told(0, "participant.mode", &[("mode", "whisper")]);
    // An event that alice may see comes after those that she may not.
    room.change("caller", &json!({"muted": true}));
    events.wait("participant.muted", &[("call", &room.call)]);
    let about = |event: &&Value| event.to_string().contains(&boss);
    let count = events.all().iter().filter(about).count();
    assert_eq!(count > 0, notify != "none", "{notify}: {count} events");
    room.change("caller", &json!({"muted": false}));
    room.goes_on(
        "at last",
        &[("caller", "alice"), ("alice", "caller boss"), ("boss", "caller alice")],
    );
    room.finish();
}

#[test]
fn operators_are_told_as_it_is_configured() {
    for notify in ["none", "event", "beep"] {
        told(notify);
    }
}

#[test]
fn a_supervisor_who_comes_early_hears_nothing_until_somebody_talks() {
    let mut room = room(&THREE, "none");
    room.calls();
    let early = [("caller", "music"), ("boss", "")];
    room.joins("comes while it rings", |room| room.watches("boss", "monitor"), &early);
    room.joins("answer", |room| room.phone("alice").answer(), &MONITOR);
    room.finish();
}

#[test]
fn the_callers_bye_ends_all_legs_at_once_and_a_supervisors_nobodys() {
    let mut room = room(&THREE, "none");
    room.calls();
    room.talks();
    for mode in ["monitor", "barge"] {
        let table = if mode == "monitor" { &MONITOR } else { &BARGE };
        room.joins(mode, |room| room.watches("boss", mode), table);
        let leaves = |room: &mut Room| {
            room.phone("boss").hang_up();
            room.phone("boss").audio.mute();
        };
        room.step("leaves", leaves, &TALK);
    }
    room.joins("comes again", |room| room.watches("boss", "monitor"), &MONITOR);
    // One whose phone only rings is called off.
    let began = Instant::now();
    room.phone("caller").hang_up();
    room.phone("boss").expect_bye();
    let took = began.elapsed();
    assert!(took < Duration::from_millis(100), "{took:?}");
    room.phone("alice").expect_bye();
    room.over();
}

#[test]
fn a_supervisor_whose_phone_rings_does_not_keep_a_call() {
    let mut room = room(&THREE, "none");
    room.calls();
    room.talks();
    room.order("POST", "/participants", &watch("boss", "monitor"));
    room.phone("boss").expect("INVITE");
    room.phone("boss").reply_invite("180 Ringing");
    room.told(0, "leg.ringing", &[("operator", "boss")]);
    room.phone("caller").hang_up();
    room.phone("boss").expect_cancel();
    room.phone("alice").expect_bye();
    room.over();
}

/// Each order and each phone is told on the WebSocket, in order.
#[test]
fn whatever_changes_about_people_is_an_event() {
    let four = [THREE[0], THREE[1], THREE[2], ("bob", ULAW)];
    let mut room = room(&four, "none");
    room.calls();
    room.talks();
    room.watches("boss", "whisper");
    room.asks("bob", json!({}));
    let ids = ["caller", "alice", "boss", "bob"].map(|name| room.id(name));
    let [caller, alice, boss, bob] = &ids;
    room.change("boss", &json!({"mode": "barge"}));
    room.change("boss", &json!({"mode": "whisper", "whisper_to": "bob"}));
    room.change("caller", &json!({"hold": true}));
    room.change("caller", &json!({"hold": false, "muted": true}));
    room.change("caller", &json!({"muted": false}));
    room.phone("alice").direction = "sendonly";
    room.phone("alice").reinvite();
    room.phone("alice").expect_answer();
    room.phone("alice").direction = "sendrecv";
    room.phone("alice").reinvite();
    room.phone("alice").expect_answer();
    room.order("DELETE", "/participants/bob", &json!(null));
    room.phone("bob").expect_bye();
    room.phone("boss").hang_up();
    room.phone("caller").hang_up();
    room.phone("alice").expect_bye();
    room.told(0, "call.ended", &[]);
    let expected: Vec<(&str, &str, Value)> = vec![
        ("participant.joined", caller, json!({"role": "customer"})),
        ("participant.joined", alice, json!({"role": "operator", "operator": "alice"})),
        (
            "participant.joined",
            boss,
            json!({"role": "supervisor", "operator": "boss", "mode": "whisper"}),
        ),
        ("participant.joined", bob, json!({"role": "consultant", "operator": "bob"})),
        ("participant.mode", boss, json!({"mode": "barge"})),
        ("participant.mode", boss, json!({"mode": "whisper", "whisper_to": bob})),
        ("participant.held", caller, json!({"by": "order", "audio": "music:default"})),
        ("participant.resumed", caller, json!({"by": "order"})),
        ("participant.muted", caller, json!({})),
        ("participant.unmuted", caller, json!({})),
        ("participant.held", alice, json!({"by": "phone"})),
        ("participant.resumed", alice, json!({"by": "phone"})),
        ("participant.left", bob, json!({})),
        ("participant.left", boss, json!({})),
        ("participant.left", caller, json!({})),
        ("participant.left", alice, json!({})),
    ];
    let all = room.server.events.all();
    let about = |event: &&Value| {
        let kind = event["type"].as_str().unwrap_or_default();
        kind.starts_with("participant.") && event["call"] == *room.call
    };
    let told: Vec<&Value> = all.iter().filter(about).collect();
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (event, (kind, participant, fields)) in told.iter().zip(&expected) {
        assert_eq!((&event["type"], &event["participant"]), (&json!(kind), &json!(participant)));
        for (name, value) in fields.as_object().expect("fields") {
            assert_eq!(&event[name], value, "{name} of {event}");
        }
    }
    room.over();
}
