//! Customers who are called back: in their place, by those who are there for them, also after a crash.

use std::net::SocketAddr;

use serde_json::json;
use sip_tests::{Config, Phone, Server, call_of, record, tone};

const CALLER_HZ: f64 = 1_130.0;
const ALICE_HZ: f64 = 1_570.0;
const CARRIER_HZ: f64 = 2_210.0;
/// What the callers of the test library are known by.
const NUMBER: &str = "+74951234567";

/// A queue whose callbacks go to a carrier that listens, and that carrier.
fn house(callback: &str, queue: &str) -> (Server, Phone) {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let mut carrier = Phone::towards(nowhere, "127.0.0.1", "carrier", CARRIER_HZ);
    let keys = format!("callback = {{ trunk = \"out\", gap_s = 1, {callback} }}\n{queue}");
    let mut config = Config::queue(&keys);
    let out = format!("[[trunk]]\nname = \"out\"\nproxy = \"sip:{}\"\n", carrier.address());
    config.trunks.push_str(&out);
    let server = Server::start(&config);
    carrier.aim(&server);
    (server, carrier)
}

/// They wait in the queue, and hear music.
fn waits(server: &Server) -> Phone {
    let mut caller = Phone::caller(server, CALLER_HZ);
    caller.invite("600");
    caller.expect_answer();
    caller.audio.hears_music(&[]);
    caller
}

fn is_voice(samples: &[i16]) -> bool {
    tone::level(samples) > 300.0 && tone::share(samples, CALLER_HZ) < 0.3
}

/// The operator's phone rings for it, is answered, and 1 is pressed.
fn accepts(server: &Server, alice: &mut Phone) {
    let invite = alice.expect("INVITE");
    let from = invite.must("From");
    assert!(from.contains("support: ") && from.contains(NUMBER), "{from}");
    alice.answer();
    server.events.wait("callback.offered", &[("operator", "alice")]);
    alice.audio.hears_that("the question", is_voice);
    alice.audio.press('1');
}

#[test]
fn who_presses_the_star_is_called_back_in_their_place() {
    let (server, mut carrier) = house("", "");
    let mut caller = waits(&server);
    caller.audio.press('*');
    let created = server.events.wait("callback.created", &[("number", NUMBER)]);
    caller.audio.hears_that("that they will be called", is_voice);
    caller.expect_bye();
    let ended = server.events.wait("call.ended", &[]);
    assert_eq!((&ended["result"], &ended["cause"]), (&json!("ended"), &json!("callback")));
    let (_, task) = server.api.get(&format!("/tasks/{}", created["task"].as_str().expect("id")));
    assert_eq!((&task["kind"], &task["state"]), (&json!("callback"), &json!("waiting")), "{task}");
    assert_eq!(task["virtual_start"], created["virtual_start"]);

    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    accepts(&server, &mut alice);
    let invite = carrier.expect("INVITE");
    assert!(invite.request_uri().starts_with(&format!("sip:{NUMBER}@")), "{}", invite.start);
    carrier.reply_invite("180 Ringing");
    carrier.pick_up();
    carrier.expect("ACK");
    alice.audio.hears(CARRIER_HZ);
    carrier.audio.hears(ALICE_HZ);
    let mark = server.events.mark();
    carrier.hang_up();
    alice.expect_bye();
    let ended = server.events.wait_from(mark, "call.ended", &[]);
    let record = record(&server, call_of(&ended));
    let told = (&record["kind"], &record["result"], &record["predecessor"]);
    assert_eq!(told, (&json!("outbound"), &json!("answered"), &created["predecessor"]), "{record}");
    server.events.wait("callback.done", &[("result", "reached")]);
    assert_eq!(server.events.count("callback.done", &[]), 1);
    server.finish();
}

#[test]
fn who_gives_up_is_called_again_until_they_answer() {
    let (server, mut carrier) = house("attempts = 3", "on_abandon = \"callback\"");
    let mut caller = waits(&server);
    caller.hang_up();
    server.events.wait("callback.created", &[("cause", "abandoned")]);
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    accepts(&server, &mut alice);
    carrier.expect("INVITE");
    carrier.reply_invite("486 Busy Here");
    carrier.expect("ACK");
    alice.expect_bye();
    server.events.wait("callback.attempt", &[("result", "busy")]);
    let mark = server.events.mark();
    alice.expect("INVITE");
    alice.answer();
    server.events.wait_from(mark, "callback.offered", &[]);
    alice.audio.hears_that("the question", is_voice);
    alice.audio.press('1');
    carrier.expect("INVITE");
    carrier.pick_up();
    carrier.expect("ACK");
    alice.audio.hears(CARRIER_HZ);
    alice.hang_up();
    carrier.expect_bye();
    server.events.wait("callback.done", &[("result", "reached")]);
    assert_eq!(server.events.count("callback.done", &[]), 1);
    server.finish();
}

#[test]
fn a_promise_outlives_a_crash() {
    let (mut server, mut carrier) = house("", "");
    let mut caller = waits(&server);
    caller.audio.press('*');
    let created = server.events.wait("callback.created", &[]);
    caller.expect_bye();
    server.crash();
    let again = server.api.until("the callback", |api| {
        let (_, task) = api.get(&format!("/tasks/{}", created["task"].as_str()?));
        (task["state"] == "waiting").then_some(task)
    });
    assert_eq!(again["virtual_start"], created["virtual_start"]);
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    accepts(&server, &mut alice);
    carrier.expect("INVITE");
    carrier.pick_up();
    carrier.expect("ACK");
    alice.audio.hears(CARRIER_HZ);
    alice.hang_up();
    carrier.expect_bye();
    server.events.wait("callback.done", &[("result", "reached")]);
    server.finish();
}

#[test]
fn who_calls_again_has_their_old_place_and_is_not_called() {
    let (server, mut carrier) = house("", "on_abandon = \"callback\"");
    let mut caller = waits(&server);
    caller.hang_up();
    let created = server.events.wait("callback.created", &[]);
    let mark = server.events.mark();
    let mut again = waits(&server);
    let queued = server.events.wait_from(mark, "task.queued", &[]);
    assert_eq!(queued["virtual_start"], created["virtual_start"]);
    server.events.wait("callback.done", &[("result", "merged")]);
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    alice.expect("INVITE");
    alice.answer();
    again.audio.hears(ALICE_HZ);
    again.hang_up();
    alice.expect_bye();
    server.events.wait("task.completed", &[]);
    assert_eq!(server.api.items("/tasks"), Vec::<serde_json::Value>::new());
    carrier.expect_nothing(std::time::Duration::from_millis(200));
    server.finish();
}

#[test]
fn somebody_is_called_back_by_order_and_an_operator_may_say_no() {
    let (server, mut carrier) = house("", "back_off_s = 1");
    let order =
        json!({ "queue": "support", "number": "+15550100", "context": { "X-Why": "late" } });
    let (status, task) = server.api.post("/tasks", &order);
    assert_eq!((status, &task["kind"]), (201, &json!("callback")), "{task}");
    assert_eq!(server.api.post("/tasks", &order).0, 409);
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    let invite = alice.expect("INVITE");
    assert_eq!(invite.must("X-Why"), "late");
    alice.answer();
    server.events.wait("callback.offered", &[]);
    alice.audio.hears_that("the question", is_voice);
    alice.audio.press('2');
    alice.expect_bye();
    server.events.wait("callback.declined", &[("cause", "key")]);
    carrier.expect_nothing(std::time::Duration::from_millis(200));
    let path = format!("/tasks/{}", task["id"].as_str().expect("an id"));
    assert_eq!(server.api.delete(&path).0, 204);
    server.events.wait("callback.done", &[("result", "withdrawn")]);
    server.finish();
}
