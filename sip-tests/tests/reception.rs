//! What callers are told and asked before somebody answers: announcements, menus, their place in the
//! queue, what becomes of them when they cannot wait, and the keys that lead out.

use std::time::Duration;

use serde_json::Value;
use sip_tests::{Config, Phone, Server, call_of, record, tone};

const CALLER_HZ: f64 = 1_130.0;
const ALICE_HZ: f64 = 1_570.0;
const BOB_HZ: f64 = 2_210.0;
const MESSAGE_HZ: f64 = 700.0;

const SALES: &str = "[[queue]]\nname = \"sales\"\nnumber = \"601\"\nwrap_up_s = 0\n";
const MENU: &str = "[[menu]]\nname = \"main\"\nprompt = \"message\"\ntimeout_s = 1\nretries = 1\n\
                    keys = { \"1\" = { queue = \"support\" }, \"2\" = { operator = \"bob\" } }\n\
                    otherwise = { announce = \"goodbye\" }\n";

/// 700 leads where `go` says, the message is a tone of so many milliseconds.
fn server(go: &str, queue: &str, ms: usize) -> Server {
    let mut config = Config::queue(queue);
    config.routes += &format!("[[route]]\nto = \"^700$\"\ngo = {{ {go} }}\n");
    config.more += SALES;
    config.more += MENU;
    let server = Server::start(&config);
    server.api.upload_tone("message", MESSAGE_HZ, ms);
    server
}

#[track_caller]
fn talk(one: &Phone, other: &Phone) {
    one.audio.hears(other.audio.hz());
    other.audio.hears(one.audio.hz());
}

fn is_voice(samples: &[i16]) -> bool {
    tone::level(samples) > 300.0 && tone::share(samples, CALLER_HZ) < 0.3
}

#[test]
fn an_announcement_is_heard_and_the_call_is_over() {
    let server = server("announce = \"message\"", "", 1_500);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("700");
    caller.expect_answer();
    caller.audio.hears(MESSAGE_HZ);
    caller.expect_bye();
    let ended = server.events.wait("call.ended", &[]);
    assert_eq!((&ended["result"], &ended["cause"]), (&"ended".into(), &"announced".into()));
    caller.audio.is_continuous();
    assert_eq!(record(&server, call_of(&ended))["result"], "ended");
    server.finish();
}

#[test]
fn what_there_is_no_sound_for_keeps_nobody_in_silence() {
    let server = server("announce = \"nothing-there\"", "", 10);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("700");
    caller.expect_answer();
    caller.expect_bye();
    server.finish();
}

#[test]
fn a_key_leads_out_of_a_menu_while_it_is_said() {
    let server = server("menu = \"main\"", "", 20_000);
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("700");
    caller.expect_answer();
    caller.audio.hears(MESSAGE_HZ);
    caller.audio.press('1');
    alice.expect("INVITE");
    caller.audio.hears_music(&[MESSAGE_HZ]);
    alice.answer();
    talk(&caller, &alice);
    caller.hang_up();
    alice.expect_bye();
    let call = call_of(&server.events.wait("call.started", &[])).to_owned();
    let record = record(&server, &call);
    assert_eq!(record["tasks"][0]["outcome"], "completed", "{record}");
    server.finish();
}

#[test]
fn whoever_presses_another_key_or_none_is_asked_again_and_then_let_go() {
    let server = server("menu = \"main\"", "", 1_000);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("700");
    caller.expect_answer();
    caller.audio.hears(MESSAGE_HZ);
    caller.audio.press('7');
    // They are told so before the question.
    caller.audio.hears_that("a voice", is_voice);
    caller.audio.hears(MESSAGE_HZ);
    caller.expect_bye();
    let ended = server.events.wait("call.ended", &[]);
    assert_eq!(ended["cause"], "announced", "goodbye");
    server.finish();
}

#[test]
fn a_key_leads_out_of_the_queue_and_nobody_rings_for_it_any_more() {
    let server = server("menu = \"main\"", "exit = { \"2\" = { operator = \"bob\" } }", 10);
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("600");
    caller.expect_answer();
    alice.expect("INVITE");
    alice.reply_invite("180 Ringing");
    caller.audio.press('5');
    caller.audio.press('2');
    alice.expect_cancel();
    bob.expect("INVITE");
    bob.answer();
    talk(&caller, &bob);
    let withdrawn = server.events.wait("task.withdrawn", &[]);
    // It means nothing any more.
    let mark = server.events.mark();
    caller.audio.press('2');
    server.events.wait_from(mark, "dtmf.received", &[("digit", "2")]);
    talk(&caller, &bob);
    caller.hang_up();
    bob.expect_bye();
    let record = record(&server, call_of(&withdrawn));
    assert_eq!(record["tasks"][0]["outcome"], "withdrawn", "{record}");
    server.finish();
}

#[test]
fn whoever_waits_is_told_where_they_stand_in_between_the_music() {
    let server = server("menu = \"main\"", "announce = { position_every_s = 5 }", 10);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("600");
    caller.expect_answer();
    caller.audio.hears_music(&[]);
    let heard = |words: &'static str| {
        move |event: &Value| event["hears"].to_string().contains(words).then_some(())
    };
    let next = heard("prompt:en/queue-youarenext");
    server.events.poll(Duration::from_secs(10), 0, next).expect("their place is told");
    let mark = server.events.mark();
    server.events.poll(Duration::from_secs(10), mark, heard("music:")).expect("music again");
    caller.audio.hears_music(&[]);
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    alice.expect("INVITE");
    alice.answer();
    talk(&caller, &alice);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn whoever_finds_no_place_is_told_so_once() {
    let server = server("menu = \"main\"", "max_waiting = 1", 10);
    let mut first = Phone::caller(&server, CALLER_HZ);
    first.invite("600");
    first.expect_answer();
    let mut second = Phone::caller(&server, 1_900.0);
    second.invite("600");
    second.expect_answer();
    second.audio.hears_that("a voice", |samples| tone::level(samples) > 300.0);
    second.expect_bye();
    assert_eq!(server.events.count("queue.limit", &[("reason", "queue_full")]), 1);
    first.audio.hears_music(&[]);
    first.hang_up();
    server.finish();
}

#[test]
fn where_the_queue_says_so_they_wait_although_there_is_no_place() {
    let queue = "max_waiting = 1\non_limit = [{ reasons = [\"queue_full\"], do = \"wait\", \
                 prompt = \"message\" }]";
    let server = server("menu = \"main\"", queue, 1_000);
    let mut first = Phone::caller(&server, CALLER_HZ);
    first.invite("600");
    first.expect_answer();
    server.events.wait("task.queued", &[("position", "1")]);
    let mut second = Phone::caller(&server, 1_900.0);
    second.invite("600");
    second.expect_answer();
    server.events.wait("task.queued", &[("position", "2")]);
    second.audio.hears_music(&[]);
    assert_eq!(server.events.count("queue.limit", &[("reason", "queue_full")]), 1);
    first.hang_up();
    second.hang_up();
    server.finish();
}

#[test]
fn who_has_waited_too_long_goes_to_another_queue_and_has_waited_since_then() {
    let limit = "on_limit = [{ reasons = [\"max_wait\"], do = \"queue\", queue = \"sales\", \
                 prompt = \"message\" }]\nmax_wait_s = 1\nring_s = 1";
    let mut config = Config::queue(limit);
    config.more += SALES;
    config.operators = config.operators.replace(
        "number = \"102\"\nqueues = [\"support\"]",
        "number = \"102\"\nqueues = [\"sales\"]",
    );
    let server = Server::start(&config);
    server.api.upload_tone("message", MESSAGE_HZ, 800);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("600");
    caller.expect_answer();
    let first = server.events.wait("task.queued", &[("queue", "support")]);
    caller.audio.hears(MESSAGE_HZ);
    let second = server.events.wait("task.queued", &[("queue", "sales")]);
    assert_eq!(first["virtual_start"], second["virtual_start"]);
    server.events.wait("task.overflowed", &[("queue", "support")]);
    bob.expect("INVITE");
    bob.answer();
    talk(&caller, &bob);
    caller.hang_up();
    bob.expect_bye();
    let call = call_of(&first).to_owned();
    server.events.wait("call.ended", &[("call", &call)]);
    let record = record(&server, &call);
    let outcomes: Vec<_> =
        record["tasks"].as_array().unwrap().iter().map(|task| &task["outcome"]).collect();
    assert_eq!(outcomes, ["overflowed", "completed"], "{record}");
    server.finish();
}

#[test]
fn a_parked_call_goes_where_it_is_sent() {
    let server = server("park = 30", "", 10);
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("700");
    caller.expect_answer();
    let parked = server.events.wait("call.parked", &[]);
    let call = call_of(&parked).to_owned();
    caller.audio.hears_that("music", is_voice);
    let connect = |body: &Value| server.api.post(&format!("/calls/{call}/connect"), body).0;
    // What leads nowhere changes nothing.
    assert_eq!(connect(&serde_json::json!({})), 409);
    assert_eq!(connect(&serde_json::json!({ "go": { "queue": "nowhere" } })), 404);
    assert_eq!(connect(&serde_json::json!({ "go": { "queue": "support", "uri": "x" } })), 422);
    assert_eq!(connect(&serde_json::json!({ "go": "support" })), 422);
    assert_eq!(connect(&serde_json::json!({ "go": { "queue": "support" } })), 204);
    alice.expect("INVITE");
    alice.answer();
    talk(&caller, &alice);
    assert_eq!(connect(&serde_json::json!({ "go": { "queue": "support" } })), 409);
    caller.audio.is_continuous();
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}
