//! Where a call goes, and how it is refused.

use sip_tests::{Config, Invite, Phone, Server, call_of, connect, record};

/// Without a word.
const REFUSES: &str = "on_limit = [{ do = \"hangup\", code = 480 }]";

#[test]
fn routes_match_by_number_header_and_caller_and_the_first_wins() {
    let routes = "[[route]]\nheader = { \"X-Line\" = \"^busy$\" }\ngo = { reject = 486 }\n\
                  [[route]]\nfrom = '^\\+1900'\ngo = { reject = 603 }\n\
                  [[route]]\nto = \"^7\"\ngo = { operator = \"alice\" }\n\
                  [[route]]\nto = \"^8\"\ngo = { queue = \"support\" }\n";
    let server = Server::start(&Config { routes: routes.to_owned(), ..Config::default() });
    let mut caller = Phone::caller(&server, 1_130.0);
    let mut refused = |number, headers, from, status| {
        caller.invite_as(number, &Invite { headers, from, late: false });
        caller.expect_status(status);
    };
    refused("8", "X-Line: busy\r\n", "", 486);
    refused("8", "", "+19005551234", 603);
    refused("7", "", "", 480);
    refused("9", "", "", 404);
    caller.invite_as("8", &Invite { headers: "X-Line: free\r\n", ..Invite::default() });
    caller.expect_answer();
    caller.audio.hears_music(&[1_130.0]);
    caller.hang_up();
    server.finish();
}

#[test]
fn a_full_queue_refuses_with_480_and_says_so_once() {
    let server = Server::start(&Config::queue(&format!("max_waiting = 1\n{REFUSES}")));
    let mut first = Phone::caller(&server, 1_130.0);
    first.invite("600");
    first.expect_answer();
    server.events.wait("task.queued", &[]);
    let mut second = Phone::caller(&server, 1_900.0);
    second.invite("600");
    second.expect_status(480);
    server.events.wait("queue.limit", &[("reason", "queue_full")]);
    assert_eq!(server.events.count("queue.limit", &[("reason", "queue_full")]), 1);
    let (_, queue) = server.api.get("/queues/support");
    assert_eq!(queue["waiting"], 1, "{queue}");
    first.hang_up();
    server.finish();
}

#[test]
fn nobody_waits_longer_than_max_wait() {
    let server = Server::start(&Config::queue(&format!("max_wait_s = 1\nring_s = 1\n{REFUSES}")));
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    caller.expect_bye();
    let limit = server.events.wait("queue.limit", &[("reason", "max_wait")]);
    let call = call_of(&limit);
    server.events.wait("task.expired", &[("call", call)]);
    let record = record(&server, call);
    assert_eq!(record["tasks"][0]["outcome"], "expired");
    server.finish();
}

#[test]
fn a_queue_that_nobody_serves_may_be_left_at_once() {
    let server = Server::start(&Config::queue(&format!("join_empty = false\n{REFUSES}")));
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_status(480);
    server.events.wait("queue.limit", &[("reason", "nobody_signed_in")]);
    server.finish();
}

#[test]
fn the_longest_idle_operator_is_rung_first() {
    let config = Config { queue: "wrap_up_s = 0".to_owned(), ..Config::default() };
    let server = Server::start(&config);
    let mut bob = Phone::operator(&server, "bob", 2_210.0);
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    for turn in 0..4 {
        let operator = if turn % 2 == 0 { &mut bob } else { &mut alice };
        caller.invite("600");
        caller.expect_answer();
        operator.expect("INVITE");
        operator.answer();
        caller.hang_up();
        operator.expect_bye();
    }
    server.finish();
}

#[test]
fn wrap_up_is_seen_and_keeps_the_next_caller_waiting() {
    let server = Server::start(&Config { queue: "wrap_up_s = 30".to_owned(), ..Config::default() });
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    alice.expect("INVITE");
    alice.answer();
    caller.hang_up();
    alice.expect_bye();
    let wrapping = [("operator", "alice"), ("/effective/state", "wrap-up")];
    server.events.wait("operator.state", &wrapping);
    assert_eq!(server.api.get("/operators/alice").1["effective"]["state"], "wrap-up");
    caller.invite("600");
    caller.expect_answer();
    caller.audio.hears_music(&[1_130.0, 1_570.0]);
    assert_eq!(alice.times("INVITE"), 1);
    let (status, body) =
        server.api.patch("/operators/alice", &serde_json::json!({"wrap_up": "end"}));
    assert_eq!(status, 200, "{body}");
    alice.expect("INVITE");
    connect(&caller, &mut alice);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn an_operator_who_is_not_ready_is_not_rung_until_she_is() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let pause = serde_json::json!({"state": "not-ready", "reason": "lunch"});
    assert_eq!(server.api.patch("/operators/alice", &pause).0, 200);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    caller.audio.hears_music(&[1_130.0, 1_570.0]);
    assert_eq!(alice.times("INVITE"), 0);
    let ready = serde_json::json!({"state": "ready"});
    assert_eq!(server.api.patch("/operators/alice", &ready).0, 200);
    alice.expect("INVITE");
    connect(&caller, &mut alice);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}
