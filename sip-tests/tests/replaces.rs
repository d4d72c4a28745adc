//! INVITE with Replaces (RFC 3891): another phone takes a seat in a call.

use sip_tests::{Config, Invite, Phone, Server, call_of, connected, record};

const BOB_HZ: f64 = 2_210.0;

/// An INVITE that asks for this seat.
fn ask(phone: &mut Phone, replaces: &str) {
    let headers = format!("Replaces: {replaces}\r\nRequire: replaces\r\n");
    phone.invite_as("alice", &Invite { headers: &headers, ..Invite::default() });
}

/// An operator whose phone only calls, so that nobody rings it.
fn bob(server: &Server) -> Phone {
    Phone::operator(server, "bob", BOB_HZ)
}

#[test]
fn another_operators_phone_takes_the_seat_and_the_caller_stays() {
    let server = Server::start(&Config::queue(""));
    let (mut caller, mut alice) = connected(&server);
    let answered = server.events.wait("call.answered", &[("operator", "alice")]);
    let mut bob = bob(&server);
    ask(&mut bob, &alice.replaces());
    bob.expect_answer();
    alice.expect_bye();
    caller.audio.hears(BOB_HZ);
    bob.audio.hears(caller.audio.hz());
    caller.audio.is_continuous();
    bob.hang_up();
    caller.expect_bye();
    assert_eq!(record(&server, call_of(&answered))["result"], "answered");
    server.finish();
}

#[test]
fn a_caller_of_the_same_trunk_takes_the_callers_seat() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let mut other = Phone::caller(&server, BOB_HZ);
    ask(&mut other, &caller.replaces());
    other.expect_answer();
    caller.expect_bye();
    alice.audio.hears(BOB_HZ);
    other.audio.hears(alice.audio.hz());
    alice.hang_up();
    other.expect_bye();
    server.finish();
}

#[test]
fn guesses_and_strangers_get_nothing() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let known = alice.replaces();
    let wrong = known.replace("to-tag=", "to-tag=0");
    let mut bob = bob(&server);
    for (replaces, status) in [
        (wrong.as_str(), 481),
        ("nothing@here;to-tag=1;from-tag=2", 481),
        (&format!("{known};early-only"), 486),
        ("nonsense", 400),
    ] {
        ask(&mut bob, replaces);
        assert_eq!(bob.expect_refusal().status(), Some(status), "{replaces}");
    }
    // The trunk has learnt the names of an operator's dialog: that seat is not a trunk's.
    let mut other = Phone::caller(&server, 1_900.0);
    ask(&mut other, &known);
    assert_eq!(other.expect_refusal().status(), Some(603));
    server.events.wait("security.refused", &[("reason", "replaces")]);
    caller.audio.hears(alice.audio.hz());
    alice.audio.hears(caller.audio.hz());
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn a_phone_that_rings_can_be_picked_up_from_another() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut bob = bob(&server);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("alice");
    alice.expect("INVITE");
    alice.reply_invite("180 Ringing");
    caller.expect_status(180);
    ask(&mut bob, &alice.replaces());
    bob.expect_answer();
    alice.expect_cancel();
    caller.expect_answer();
    caller.audio.hears(BOB_HZ);
    bob.audio.hears(caller.audio.hz());
    caller.hang_up();
    bob.expect_bye();
    server.finish();
}
