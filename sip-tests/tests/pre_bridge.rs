//! What an operator hears before the caller (`pre_bridge`), and who may leave meanwhile.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sip_tests::{Config, Phone, Server, call_of, record, tone};

const CALLER_HZ: f64 = 1_130.0;
const ALICE_HZ: f64 = 1_570.0;
const BOB_HZ: f64 = 2_210.0;
const MESSAGE_HZ: f64 = 700.0;

/// Operators of the queue hear a tone of so many milliseconds first, or whatever `keys` say.
fn server(keys: &str, ms: usize) -> Server {
    let server = Server::start(&Config::queue(&format!("pre_bridge = {{ {keys} }}")));
    server.api.upload_tone("message", MESSAGE_HZ, ms);
    server
}

/// A caller waits with music, and Alice has answered.
fn answered(server: &Server) -> (Phone, Phone, String) {
    let mut alice = Phone::operator(server, "alice", ALICE_HZ);
    let mut caller = Phone::caller(server, CALLER_HZ);
    caller.invite("600");
    caller.expect_answer();
    alice.expect("INVITE");
    alice.answer();
    let call = call_of(&server.events.wait("call.started", &[])).to_owned();
    server.events.wait("reservation.accepted", &[("operator", "alice")]);
    (caller, alice, call)
}

#[track_caller]
fn talk(one: &Phone, other: &Phone) {
    one.audio.hears(other.audio.hz());
    other.audio.hears(one.audio.hz());
}

fn state_of(server: &Server, operator: &str) -> Value {
    server.api.get(&format!("/operators/{operator}")).1["effective"]["state"].clone()
}

#[test]
fn the_operator_hears_the_message_and_the_caller_the_music_until_they_talk() {
    let server = server("play = \"message\"", 2_000);
    let began = Instant::now();
    let (mut caller, mut alice, call) = answered(&server);
    alice.audio.hears(MESSAGE_HZ);
    caller.audio.hears_music(&[MESSAGE_HZ, ALICE_HZ, CALLER_HZ]);
    assert_eq!(server.events.count("task.assigned", &[]), 0, "the caller still waits");
    assert_eq!(state_of(&server, "alice"), "on-call");
    assert_eq!(server.api.get("/queues/support").1["waiting"], 1);
    server.events.wait("task.assigned", &[("operator", "alice"), ("call", &call)]);
    talk(&caller, &alice);
    caller.audio.never_heard(began, MESSAGE_HZ);
    caller.audio.is_continuous();
    alice.audio.is_continuous();
    caller.hang_up();
    alice.expect_bye();
    let record = record(&server, &call);
    assert_eq!(record["tasks"][0]["outcome"], "completed", "{record}");
    server.finish();
}

#[test]
fn a_text_says_who_calls() {
    let is_there = std::process::Command::new("espeak-ng").arg("--version").output().is_ok();
    let server = server("say = \"A call from {from} for {queue}\"", 10);
    let (mut caller, mut alice, _) = answered(&server);
    if is_there {
        alice.audio.hears_that("a voice", |samples| {
            tone::level(samples) > 300.0 && tone::share(samples, CALLER_HZ) < 0.3
        });
        caller.audio.hears_music(&[ALICE_HZ]);
    }
    // Without a voice the operator is put through at once. A number takes its time.
    server.events.wait_within(Duration::from_secs(12), 0, "task.assigned", &[]);
    talk(&caller, &alice);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn where_there_is_no_such_message_nobody_waits_for_it() {
    let server = server("play = \"nothing\"", 10);
    let (mut caller, mut alice, _) = answered(&server);
    talk(&caller, &alice);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn a_caller_who_leaves_meanwhile_is_told_to_the_operator_who_wraps_up() {
    let keys = "play = \"message\" }\nwrap_up_s = 30\nservice_level = { within_s = 20";
    let config = Config { queue: String::new(), ..Config::queue("") };
    let config = Config { queue: format!("pre_bridge = {{ {keys} }}\n"), ..config };
    let server = Server::start(&config);
    server.api.upload_tone("message", MESSAGE_HZ, 60_000);
    let (mut caller, mut alice, call) = answered(&server);
    alice.audio.hears(MESSAGE_HZ);
    caller.hang_up();
    // The busy tone: 425 Hz, half of the time.
    alice.audio.hears_that("a tone of 425 Hz", |samples| {
        tone::level(samples) > 300.0 && tone::share(samples, 425.0) > 0.6
    });
    server.events.wait("operator.state", &[("operator", "alice"), ("/effective/state", "wrap-up")]);
    alice.expect_bye();
    server.events.wait("task.abandoned", &[("call", &call)]);
    assert_eq!(server.events.count("task.assigned", &[]), 0);
    let ended = server.events.wait("call.ended", &[("call", &call)]);
    assert_eq!(ended["result"], "abandoned");
    let record = record(&server, &call);
    let task = &record["tasks"][0];
    assert_eq!((&task["outcome"], &task["operator"]), (&json!("abandoned"), &json!("alice")));
    let (_, queue) = server.api.get("/queues/support");
    assert_eq!((&queue["today"]["answered"], &queue["today"]["abandoned"]), (&json!(0), &json!(1)));
    assert_eq!(state_of(&server, "alice"), "wrap-up");
    server.finish();
}

#[test]
fn an_operator_who_leaves_meanwhile_costs_the_caller_nothing() {
    let server = server("play = \"message\", timeout_s = 60", 1_500);
    let began = Instant::now();
    let (mut caller, mut alice, call) = answered(&server);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    alice.audio.hears(MESSAGE_HZ);
    let mark = server.events.mark();
    alice.hang_up();
    let queued = server.events.wait_from(mark, "task.queued", &[("call", &call)]);
    let first = server.events.wait("task.queued", &[("call", &call)]);
    assert_eq!(queued["virtual_start"], first["virtual_start"]);
    bob.expect("INVITE");
    caller.audio.hears_music(&[MESSAGE_HZ, ALICE_HZ, BOB_HZ]);
    bob.answer();
    bob.audio.hears(MESSAGE_HZ);
    talk(&caller, &bob);
    caller.audio.never_heard(began, MESSAGE_HZ);
    caller.audio.never_heard(began, ALICE_HZ);
    caller.audio.is_continuous();
    caller.hang_up();
    bob.expect_bye();
    server.finish();
}

#[test]
fn the_api_decides_when_they_are_put_through() {
    let server = server("decide = \"api\", timeout_s = 60", 1_000);
    let (mut caller, mut alice, call) = answered(&server);
    let connect = format!("/calls/{call}/connect");
    // Something is said to the operator meanwhile.
    let body = json!({ "to": "operator", "prompt": "message" });
    let (status, told) = server.api.post(&format!("/calls/{call}/play"), &body);
    assert_eq!(status, 202, "{told}");
    alice.audio.hears(MESSAGE_HZ);
    server.events.wait("play.finished", &[("result", "played")]);
    assert_eq!(server.events.count("task.assigned", &[]), 0);
    caller.audio.hears_music(&[MESSAGE_HZ, ALICE_HZ]);
    assert_eq!(server.api.post(&connect, &json!({})).0, 204);
    talk(&caller, &alice);
    let (status, told) = server.api.post(&connect, &json!({}));
    assert_eq!(status, 409, "{told}");
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn without_a_word_the_queue_says_what_then() {
    let server = server("decide = \"api\", timeout_s = 1, on_timeout = \"requeue\"", 10);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    let (mut caller, mut alice, call) = answered(&server);
    alice.expect_bye();
    let mark = server.events.mark();
    caller.audio.hears_music(&[ALICE_HZ, BOB_HZ]);
    bob.expect("INVITE");
    bob.answer();
    server.events.wait_from(mark, "reservation.accepted", &[("operator", "bob")]);
    assert_eq!(server.api.post(&format!("/calls/{call}/connect"), &json!({})).0, 204);
    talk(&caller, &bob);
    caller.hang_up();
    bob.expect_bye();
    server.finish();
}
