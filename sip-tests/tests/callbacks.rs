//! Customers who are called back: by a key or because they gave up, in the place they had, by who is
//! free for them, also after a crash.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sip_tests::{Config, Invite, Phone, Server, Sip, call_of, record, tone};

const CALLER_HZ: f64 = 1_130.0;
const OTHER_HZ: f64 = 900.0;
const ALICE_HZ: f64 = 1_570.0;
const BOB_HZ: f64 = 1_800.0;
const CARRIER_HZ: f64 = 2_210.0;
/// The queue's music, so that what is said can be told from it.
const MUSIC_HZ: f64 = 600.0;
const RINGBACK_HZ: f64 = 425.0;
/// What [`Phone::caller`] calls as, and somebody else.
const NUMBER: &str = "+74951234567";
const OTHER: &str = "+74950000002";
/// As which the trunk calls where the queue has no number of its own.
const OURS: &str = "+74951111111";

/// A queue that calls back over the trunk `out`, and the peer at that trunk's proxy.
fn house(callback: &str, queue: &str) -> (Server, Phone) {
    // It is there before the server whose configuration names it.
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let mut carrier = Phone::towards(nowhere, "127.0.0.1", "carrier", CARRIER_HZ);
    let mut config = Config {
        queue: format!(
            "strategy = \"in-order\"\nmusic = \"hum\"\n\
             callback = {{ trunk = \"out\", {callback} }}\n{queue}\n"
        ),
        ..Config::default()
    };
    let proxy = carrier.address();
    config.trunks +=
        &format!("[[trunk]]\nname = \"out\"\nproxy = \"sip:{proxy}\"\ncaller_id = \"{OURS}\"\n");
    let server = Server::start(&config);
    server.api.upload_tone("hum", MUSIC_HZ, 1_000);
    carrier.aim(&server);
    (server, carrier)
}

/// They wait in the queue, and hear its music.
#[track_caller]
fn waits(server: &Server, number: &str, hz: f64) -> Phone {
    let mut caller = Phone::at("127.0.0.1", server, number, hz);
    caller.invite("600");
    caller.expect_answer();
    caller.audio.hears(MUSIC_HZ);
    caller
}

/// Something is said: no music, no tone of anybody's, no ringback.
#[track_caller]
fn is_told(phone: &Phone, what: &str) {
    let tones = [MUSIC_HZ, RINGBACK_HZ, CALLER_HZ, OTHER_HZ, ALICE_HZ, BOB_HZ, CARRIER_HZ];
    let is_voice = |samples: &[i16]| {
        tone::level(samples) > 300.0 && tones.iter().all(|hz| tone::share(samples, *hz) < 0.3)
    };
    // The edge of a tone has little of it, too: in one half only.
    let is_voice = |samples: &[i16]| samples.chunks(samples.len() / 2).all(is_voice);
    phone.audio.hears_that(what, is_voice);
}

/// They have heard ringback since then; the short tone of who is asked and thinks about it is none.
#[track_caller]
fn hears_ringback(server: &Server, phone: &Phone, since: Instant) {
    let is_tone = |half: &[i16]| tone::level(half) > 300.0 && tone::share(half, RINGBACK_HZ) > 0.8;
    // It comes for one second in five, so it may have passed already.
    server.api.until("ringback", |_| {
        let heard = phone.audio.heard();
        let heard = heard.iter().filter(|packet| packet.at >= since);
        let samples: Vec<i16> = heard.flat_map(|packet| packet.pcm.clone()).collect();
        let mut parts = samples.windows(1_600).step_by(160);
        parts.any(|part| is_tone(&part[..800]) && is_tone(&part[800..])).then_some(())
    });
}

/// They press the key for it, are told so, and the call is over: `callback.created`.
#[track_caller]
fn asks(server: &Server, caller: &mut Phone) -> Value {
    caller.audio.press('*');
    let created = server.events.wait("callback.created", &[("cause", "key")]);
    is_told(caller, "that they will be called");
    caller.expect_bye();
    created
}

/// An operator's phone rings with queue and number, and they are asked.
#[track_caller]
fn is_offered(server: &Server, (name, phone): (&str, &mut Phone), number: &str) {
    let mark = server.events.mark();
    let invite = phone.expect("INVITE");
    let from = invite.must("From");
    assert!(from.contains(&format!("support: {number}")), "{from}");
    phone.answer();
    let fields = [("operator", name), ("number", number), ("queue", "support")];
    server.events.wait_from(mark, "callback.offered", &fields);
    is_told(phone, "the question");
}

/// The same, and 1 is pressed: the customer's side rings.
#[track_caller]
fn accepts(
    server: &Server,
    (name, phone): (&str, &mut Phone),
    carrier: &mut Phone,
    number: &str,
) -> Sip {
    is_offered(server, (name, phone), number);
    let mark = server.events.mark();
    phone.audio.press('1');
    server.events.wait_from(mark, "callback.accepted", &[("operator", name)]);
    let invite = carrier.expect("INVITE");
    assert!(invite.request_uri().starts_with(&format!("sip:{number}@")), "{}", invite.start);
    invite
}

#[track_caller]
fn talk(one: &Phone, other: &Phone) {
    one.audio.hears(other.audio.hz());
    other.audio.hears(one.audio.hz());
}

/// The customer picks up, both talk, and the operator ends it; that was the only callback.
#[track_caller]
fn is_reached(server: Server, carrier: &mut Phone, operator: &mut Phone) {
    carrier.answer();
    talk(carrier, operator);
    operator.hang_up();
    carrier.expect_bye();
    server.events.wait("task.completed", &[]);
    let done = server.events.wait("callback.done", &[]);
    assert_eq!(done["result"], "reached", "{done}");
    assert_eq!(server.events.count("callback.done", &[]), 1);
    server.finish();
}

#[test]
fn who_presses_the_star_is_called_back_in_their_place() {
    let own = "+74959999999";
    let (server, mut carrier) = house("", &format!("wrap_up_s = 1\ncaller_id = \"{own}\""));
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    let mut first = Phone::at("127.0.0.1", &server, OTHER, OTHER_HZ);
    first.invite("600");
    first.expect_answer();
    alice.expect("INVITE");
    alice.answer();
    talk(&first, &alice);

    let mark = server.events.mark();
    let mut caller = waits(&server, NUMBER, CALLER_HZ);
    let queued = server.events.wait_from(mark, "task.queued", &[]);
    let created = asks(&server, &mut caller);
    assert_eq!(created["number"], NUMBER);
    assert_eq!(created["virtual_start"], queued["virtual_start"]);
    let ended = server.events.wait("call.ended", &[("cause", "callback")]);
    assert_eq!((&ended["result"], &ended["call"]), (&json!("ended"), &created["predecessor"]));

    first.hang_up();
    alice.expect_bye();
    let since = Instant::now();
    let invite = accepts(&server, ("alice", &mut alice), &mut carrier, NUMBER);
    assert!(invite.must("From").contains(own), "{}", invite.must("From"));
    carrier.reply_invite("180 Ringing");
    hears_ringback(&server, &alice, since);
    carrier.answer();
    talk(&carrier, &alice);
    let mark = server.events.mark();
    carrier.hang_up();
    alice.expect_bye();
    let ended = server.events.wait_from(mark, "call.ended", &[]);
    let wraps = [("operator", "alice"), ("/effective/state", "wrap-up")];
    server.events.wait_from(mark, "operator.state", &wraps);
    server.events.wait_from(mark, "task.completed", &[("operator", "alice")]);
    let record = record(&server, call_of(&ended));
    let told = (&record["kind"], &record["result"], &record["predecessor"]);
    assert_eq!(told, (&json!("outbound"), &json!("answered"), &created["predecessor"]), "{record}");
    assert_eq!((&record["from"], &record["to"]), (&json!(own), &json!(NUMBER)), "{record}");
    server.events.wait("callback.done", &[("result", "reached")]);
    assert_eq!(server.events.count("callback.done", &[]), 1);
    server.finish();
}

#[test]
fn who_gives_up_is_called_again_until_they_answer() {
    let (server, mut carrier) = house("gap_s = 1", "wrap_up_s = 0\non_abandon = \"callback\"");
    let mut caller = waits(&server, NUMBER, CALLER_HZ);
    caller.hang_up();
    server.events.wait("callback.created", &[("cause", "abandoned"), ("number", NUMBER)]);
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    let invite = accepts(&server, ("alice", &mut alice), &mut carrier, NUMBER);
    assert!(invite.must("From").contains(OURS), "{}", invite.must("From"));
    carrier.reply_invite("486 Busy Here");
    carrier.expect("ACK");
    alice.expect_bye();
    let busy = [("result", "busy"), ("attempt", "1")];
    let attempt = server.events.wait("callback.attempt", &busy);
    assert_eq!(server.events.count("callback.done", &[]), 0);

    accepts(&server, ("alice", &mut alice), &mut carrier, NUMBER);
    let offers = server.events.all();
    let mut offers = offers.iter().filter(|event| event["type"] == "reservation.offered");
    let (again, next) = (offers.next_back().expect("an offer"), &attempt["next"]);
    let time = |value: &Value| value.as_str().expect("a time").trim_end_matches('Z').to_owned();
    assert!(time(&again["at"]) >= time(next), "{again} is before {next}");
    is_reached(server, &mut carrier, &mut alice);
}

#[test]
fn a_promise_outlives_a_crash() {
    let (mut server, mut carrier) = house("", "wrap_up_s = 0");
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    assert_eq!(alice.register(0).status(), Some(200));
    let away = [("operator", "alice"), ("/effective/state", "offline")];
    server.events.wait("operator.state", &away);
    let mut caller = waits(&server, NUMBER, CALLER_HZ);
    let created = asks(&server, &mut caller);
    let task = created["task"].as_str().expect("a task");

    server.crash();
    let again = server.subscribe("?after=0");
    let restored = again.wait("callback.created", &[("task", task), ("restored", "true")]);
    let queued = again.poll(Duration::from_secs(5), 0, |event| {
        let is_later = event["seq"].as_u64() > restored["seq"].as_u64();
        (is_later && event["type"] == "task.queued" && event["task"] == task).then(|| event.clone())
    });
    let queued = queued.expect("it waits again");
    for (name, event) in [("restored", &restored), ("queued", &queued)] {
        assert_eq!(event["virtual_start"], created["virtual_start"], "{name}: {event}");
    }
    let (status, shown) = server.api.get(&format!("/tasks/{task}"));
    let told = (status, &shown["kind"], &shown["virtual_start"]);
    assert_eq!(told, (200, &json!("callback"), &created["virtual_start"]), "{shown}");

    assert_eq!(alice.register(3_600).status(), Some(200));
    accepts(&server, ("alice", &mut alice), &mut carrier, NUMBER);
    is_reached(server, &mut carrier, &mut alice);
}

#[test]
fn who_calls_again_has_their_old_place_and_is_not_called() {
    let (server, mut carrier) = house("", "wrap_up_s = 0\non_abandon = \"callback\"");
    let mut caller = waits(&server, NUMBER, CALLER_HZ);
    caller.hang_up();
    let created = server.events.wait("callback.created", &[("cause", "abandoned")]);
    let mut other = waits(&server, OTHER, OTHER_HZ);
    let mark = server.events.mark();
    let mut again = waits(&server, NUMBER, CALLER_HZ);
    let queued = server.events.wait_from(mark, "task.queued", &[]);
    assert_eq!(queued["virtual_start"], created["virtual_start"]);
    let merged = [("result", "merged"), ("number", NUMBER)];
    server.events.wait("callback.done", &merged);

    // Before whoever came between the two calls.
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    for caller in [&mut again, &mut other] {
        let mark = server.events.mark();
        alice.expect("INVITE");
        alice.answer();
        talk(caller, &alice);
        caller.hang_up();
        alice.expect_bye();
        server.events.wait_from(mark, "task.completed", &[]);
    }
    assert_eq!(server.api.items("/tasks"), Vec::<Value>::new());
    let told = ["callback.created", "callback.done", "callback.offered", "callback.attempt"];
    assert_eq!(told.map(|kind| server.events.count(kind, &[])), [1, 1, 0, 0]);
    server.finish();
    // The process has ended: whatever it sent is there.
    carrier.expect_nothing(Duration::from_millis(10));
}

#[test]
fn an_operator_may_say_no_and_another_is_asked() {
    let (server, mut carrier) = house("", "wrap_up_s = 0");
    let mut caller = waits(&server, NUMBER, CALLER_HZ);
    asks(&server, &mut caller);
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    is_offered(&server, ("alice", &mut alice), NUMBER);
    alice.audio.press('2');
    alice.expect_bye();
    server.events.wait("callback.declined", &[("operator", "alice"), ("cause", "key")]);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    accepts(&server, ("bob", &mut bob), &mut carrier, NUMBER);
    assert_eq!(server.events.count("callback.attempt", &[]), 0, "a no is no attempt");
    assert_eq!(carrier.times("INVITE"), 1);
    is_reached(server, &mut carrier, &mut bob);
}

#[test]
fn who_has_no_number_keys_one_in() {
    let (server, mut carrier) = house("", "wrap_up_s = 0");
    let mut caller = Phone::caller(&server, CALLER_HZ);
    let from = "anonymous@anonymous.invalid";
    caller.invite_as("600", &Invite { from, ..Invite::default() });
    caller.expect_answer();
    caller.audio.hears(MUSIC_HZ);
    caller.audio.press('*');
    is_told(&caller, "that they are asked for a number");
    assert_eq!(server.events.count("callback.created", &[]), 0);
    let number = "84955550147";
    for digit in number.chars().chain(['#']) {
        caller.audio.press(digit);
    }
    let created = server.events.wait("callback.created", &[("cause", "key")]);
    assert_eq!(created["number"], number, "{created}");
    caller.expect_bye();
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    accepts(&server, ("alice", &mut alice), &mut carrier, number);
    is_reached(server, &mut carrier, &mut alice);
}

#[test]
fn the_customer_may_be_called_first() {
    let (server, mut carrier) = house("first = \"customer\"", "wrap_up_s = 0");
    let mut caller = waits(&server, NUMBER, CALLER_HZ);
    asks(&server, &mut caller);
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    let invite = carrier.expect("INVITE");
    assert!(invite.request_uri().starts_with(&format!("sip:{NUMBER}@")), "{}", invite.start);
    assert!(invite.must("From").contains(OURS), "{}", invite.must("From"));
    assert_eq!(alice.times("INVITE"), 0);
    carrier.answer();
    is_told(&carrier, "why they are called");
    let invite = alice.expect("INVITE");
    assert!(invite.must("From").contains(NUMBER), "{}", invite.must("From"));
    alice.answer();
    talk(&carrier, &alice);
    carrier.hang_up();
    alice.expect_bye();
    server.events.wait("task.completed", &[("operator", "alice")]);
    server.events.wait("callback.done", &[("result", "reached")]);
    server.finish();
}

#[test]
fn somebody_is_called_back_by_order_until_it_is_taken_back() {
    let (server, mut carrier) = house("", "wrap_up_s = 0");
    let order = json!({ "queue": "support", "number": OTHER, "context": { "X-Why": "late" } });
    let (status, task) = server.api.post("/tasks", &order);
    assert_eq!((status, &task["kind"]), (201, &json!("callback")), "{task}");
    assert_eq!(server.api.post("/tasks", &order).0, 409, "once");
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    is_offered(&server, ("alice", &mut alice), OTHER);
    let invites = alice.times("INVITE");
    let path = format!("/tasks/{}", task["id"].as_str().expect("an id"));
    assert_eq!(server.api.delete(&path).0, 204);
    alice.expect_bye();
    let done = server.events.wait("callback.done", &[]);
    assert_eq!(done["result"], "withdrawn", "{done}");
    assert_eq!((alice.times("INVITE"), carrier.times("INVITE")), (invites, 0));
    carrier.expect_nothing(Duration::from_millis(200));
    server.finish();
}
