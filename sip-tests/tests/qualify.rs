//! Phones that fall silent while nobody calls: `qualify_s`.

use std::time::Duration;

use serde_json::Value;
use sip_tests::{Config, Keys, Kind, Phone, Server, Sip, Way};

/// 64·T1, as long as a question may be without an answer, and a little more.
const NO_ANSWER: Duration = Duration::from_secs(36);

fn asking(qualify_s: u32) -> Server {
    let sip = format!("qualify_s = {qualify_s}\n");
    Server::start(&Config { sip, ..Config::default() })
}

/// An operator's phone whose REGISTER says that it takes OPTIONS.
#[track_caller]
fn takes_options(server: &Server, operator: &str) -> Phone {
    let mut phone = Phone::of(server, operator, 1_570.0);
    register(&mut phone);
    let ready = [("operator", operator), ("/effective/state", "ready")];
    server.events.wait("operator.state", &ready);
    phone
}

#[track_caller]
fn register(phone: &mut Phone) {
    let contact = phone.contact();
    let allow = "Allow: INVITE, ACK, BYE, OPTIONS";
    let lines = format!("Contact: {contact}\r\nExpires: 3600\r\n{allow}\r\n");
    assert_eq!(phone.register_with(&lines).status(), Some(200));
}

/// Answers the next question.
#[track_caller]
fn answers(phone: &mut Phone) -> Sip {
    let options = phone.expect("OPTIONS");
    phone.reply(&options, "200 OK", "", "");
    options
}

/// That an operator comes to be unreachable since nobody answers, and that the API says so.
#[track_caller]
fn is_missed(server: &Server, mark: usize, operator: &str) {
    let fields = [
        ("operator", operator),
        ("/effective/state", "unreachable"),
        ("/effective/cause", "no-answer"),
    ];
    server.events.wait_within(NO_ANSWER, mark, "operator.state", &fields);
    let removed = [("operator", operator), ("cause", "no-answer")];
    server.events.wait_from(mark, "registration.removed", &removed);
    shows(server, operator, "unreachable");
}

/// Waits until the API shows the operator so.
#[track_caller]
fn shows(server: &Server, operator: &str, state: &str) {
    server.api.until(&format!("{operator} is {state}"), |api| {
        let (_, shown): (_, Value) = api.get(&format!("/operators/{operator}"));
        let registered = shown["registered"] == (state == "ready");
        (shown["effective"]["state"] == state && registered).then_some(())
    });
}

#[test]
fn a_phone_that_falls_silent_is_not_called_until_it_answers() {
    let server = asking(2);
    let mut alice = takes_options(&server, "alice");
    let options = answers(&mut alice);
    assert_eq!(options.request_uri(), format!("sip:alice@{}", alice.address()));
    let _ = answers(&mut alice);
    let mark = server.events.mark();
    alice.expect("OPTIONS");
    is_missed(&server, mark, "alice");
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("101");
    assert_eq!(caller.expect_refusal().status(), Some(480), "at once");
    // What is still in the line is too late; the next question is not.
    let mark = server.events.mark();
    while server.events.count("registration.added", &[]) < 2 {
        let _ = answers(&mut alice);
    }
    let ready = [("operator", "alice"), ("/effective/state", "ready")];
    server.events.wait_from(mark, "operator.state", &ready);
    caller.invite("101");
    alice.expect("INVITE");
    alice.reply_invite("486 Busy Here");
    alice.expect("ACK");
    caller.expect_refusal();
    server.finish();
}

#[test]
fn a_phone_that_registers_again_is_there_at_once() {
    let server = asking(2);
    let mut alice = takes_options(&server, "alice");
    let mark = server.events.mark();
    alice.expect("OPTIONS");
    is_missed(&server, mark, "alice");
    let mark = server.events.mark();
    register(&mut alice);
    let ready = [("operator", "alice"), ("/effective/state", "ready")];
    server.events.wait_from(mark, "operator.state", &ready);
    shows(&server, "alice", "ready");
    server.finish();
}

#[test]
fn who_does_not_say_that_it_takes_options_is_left_alone() {
    let server = asking(1);
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut bob = takes_options(&server, "bob");
    for _ in 0..3 {
        let _ = answers(&mut bob);
    }
    alice.expect_nothing(Duration::from_millis(50));
    server.finish();
}

/// A real phone is asked and answers, hangs as a machine does, and goes on.
fn hangs_and_goes_on(kind: Kind) {
    let server = asking(1);
    let mut alice = kind.operator(&server, 0, "alice", 1_570.0, (Way::Udp, Keys::Events));
    // Another one is asked as often.
    let mut bob = takes_options(&server, "bob");
    for _ in 0..3 {
        let _ = answers(&mut bob);
    }
    let mark = server.events.mark();
    alice.hang(true);
    is_missed(&server, mark, "alice");
    let mark = server.events.mark();
    alice.hang(false);
    let ready = [("operator", "alice"), ("/effective/state", "ready")];
    server.events.wait_within(NO_ANSWER, mark, "operator.state", &ready);
    server.finish();
}

#[test]
fn baresip_hangs_and_goes_on() {
    hangs_and_goes_on(Kind::Baresip);
}

#[test]
#[cfg_attr(not(has_linphone), ignore = "not installed: see the README of sip-tests")]
fn linphone_hangs_and_goes_on() {
    hangs_and_goes_on(Kind::Linphone);
}
