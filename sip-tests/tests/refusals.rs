//! What the phones of operators say in place of an answer: a 6xx, which is the person's word, and a
//! 302, which leads their callers elsewhere.

use sip_tests::{Config, Phone, Server, call_of, record};

const BOB_HZ: f64 = 2_210.0;

/// Alice with two phones.
fn two_phones(server: &Server) -> (Phone, Phone) {
    let first = Phone::operator(server, "alice", 1_570.0);
    let mut second = Phone::of(server, "alice", 1_900.0);
    assert_eq!(second.register(3_600).status(), Some(200));
    (first, second)
}

/// Both ring.
#[track_caller]
fn both_ring(phones: [&mut Phone; 2]) {
    for phone in phones {
        phone.expect("INVITE");
        phone.reply_invite("180 Ringing");
    }
}

#[test]
fn who_declines_at_one_phone_declines_at_all_of_them() {
    for (status, told) in [("603 Decline", 603), ("600 Busy Everywhere", 486)] {
        let server = Server::plain();
        let (mut first, mut second) = two_phones(&server);
        let mut caller = Phone::caller(&server, 1_130.0);
        caller.invite("101");
        both_ring([&mut first, &mut second]);
        second.reply_invite(status);
        let cancel = first.expect_cancel();
        let reason = cancel.must("Reason").to_owned();
        assert_eq!(reason, format!("SIP;cause={}", &status[..3]));
        assert_eq!(caller.expect_refusal().status(), Some(told));
        server.finish();
    }
}

#[test]
fn who_is_busy_at_one_phone_may_answer_at_another() {
    let server = Server::plain();
    let (mut first, mut second) = two_phones(&server);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("101");
    both_ring([&mut first, &mut second]);
    second.reply_invite("486 Busy Here");
    first.answer();
    caller.expect_answer();
    caller.hang_up();
    first.expect_bye();
    server.finish();
}

#[test]
fn a_queue_asks_somebody_else_when_one_declines() {
    let server = Server::plain();
    let (mut first, mut second) = two_phones(&server);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    both_ring([&mut first, &mut second]);
    first.reply_invite("603 Decline");
    second.expect_cancel();
    let fields = [("operator", "alice"), ("cause", "declined")];
    server.events.wait("reservation.rejected", &fields);
    bob.expect("INVITE");
    // So is a phone that sends its callers elsewhere: who is asked is the queue's to say.
    bob.divert("sip:101@usher.test");
    let fields = [("operator", "bob"), ("cause", "declined")];
    server.events.wait("reservation.rejected", &fields);
    caller.hang_up();
    server.finish();
}

/// Alice may call numbers outside that begin with 9, and nobody is at her phone.
fn diverting() -> Server {
    let mut config = Config::default();
    let may = "number = \"101\"\noutgoing = ['^9']";
    config.operators = config.operators.replacen("number = \"101\"", may, 1);
    config.routes += "[[route]]\nto = \"^[89]\"\ngo = { uri = \"sip:out@127.0.0.1:9\" }\n";
    Server::start(&config)
}

#[test]
fn a_diversion_on_a_phone_is_followed_inside() {
    for target in ["sip:102@usher.test", "tel:102", "sip:600@usher.test"] {
        let server = diverting();
        let mut alice = Phone::operator(&server, "alice", 1_570.0);
        let mut bob = Phone::operator(&server, "bob", BOB_HZ);
        let mut caller = Phone::caller(&server, 1_130.0);
        caller.invite("101");
        alice.expect("INVITE");
        if target.contains("600") {
            // The queue's first is alice herself.
            alice.divert(target);
            alice.expect("INVITE");
            alice.answer();
            caller.expect_answer();
            caller.hang_up();
            alice.expect_bye();
        } else {
            alice.divert(target);
            bob.expect("INVITE");
            bob.answer();
            caller.expect_answer();
            caller.audio.hears(BOB_HZ);
            bob.audio.hears(caller.audio.hz());
            let answered = server.events.wait("call.answered", &[("operator", "bob")]);
            caller.hang_up();
            bob.expect_bye();
            assert_eq!(record(&server, call_of(&answered))["result"], "answered");
        }
        server.finish();
    }
}

#[test]
fn a_diversion_goes_no_farther_than_its_owner_may() {
    let server = diverting();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    for target in [
        "sip:8123@usher.test",
        "sip:desk@127.0.0.9",
        "sips:102@usher.test",
        "sip:404@usher.test",
        // Nobody is there, and nobody is led to where they came from.
        "sip:102@usher.test",
        "sip:101@usher.test",
    ] {
        caller.invite("101");
        alice.expect("INVITE");
        alice.divert(target);
        assert_eq!(caller.expect_refusal().status(), Some(480), "{target}");
    }
    assert_eq!(alice.times("INVITE"), 6);
    server.finish();
}

#[test]
fn two_who_send_their_callers_to_each_other_are_asked_once_more_and_no_more() {
    let server = diverting();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("101");
    alice.expect("INVITE");
    alice.divert("sip:102@usher.test");
    bob.expect("INVITE");
    bob.divert("sip:101@usher.test");
    alice.expect("INVITE");
    alice.divert("sip:102@usher.test");
    assert_eq!(caller.expect_refusal().status(), Some(480));
    server.finish();
}
