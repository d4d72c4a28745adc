//! INVITE with Replaces (RFC 3891): another phone takes a seat in a call.

use sip_tests::{Config, Invite, Phone, Server, call_of, connected, record, ring};

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

/// Operators who may take the seats of those who serve the same queue; Carol serves another.
fn sharing() -> Config {
    let mut config = Config::default();
    let may = "queues = [\"support\"]\npickup = \"queues\"\n";
    config.operators = config.operators.replace("queues = [\"support\"]\n", may);
    config.operators += "[[operator]]\nid = \"carol\"\npassword = \"carol-secret\"\n\
                         queues = [\"sales\"]\npickup = \"queues\"\n";
    config.more = "[[queue]]\nname = \"sales\"\nnumber = \"601\"\n".to_owned();
    config
}

#[test]
fn another_operators_phone_takes_the_seat_and_the_caller_stays() {
    let server = Server::start(&sharing());
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
fn an_operators_other_phone_takes_the_seat_and_a_colleagues_does_not() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let mut bob = bob(&server);
    ask(&mut bob, &alice.replaces());
    assert_eq!(bob.expect_refusal().status(), Some(603));
    server.events.wait("security.refused", &[("reason", "replaces"), ("user", "bob")]);
    let mut other = Phone::of(&server, "alice", 1_900.0);
    assert_eq!(other.register(3_600).status(), Some(200));
    ask(&mut other, &alice.replaces());
    other.expect_answer();
    alice.expect_bye();
    caller.audio.hears(1_900.0);
    other.audio.hears(caller.audio.hz());
    caller.audio.is_continuous();
    caller.hang_up();
    other.expect_bye();
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
    let server = Server::start(&sharing());
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
    // The trunk has learnt the names of an operator's dialog: that seat is not a trunk's. Nor is it
    // that of an operator who serves another queue.
    let mut other = Phone::caller(&server, 1_900.0);
    let mut carol = Phone::of(&server, "carol", 1_950.0);
    assert_eq!(carol.register(3_600).status(), Some(200));
    for (phone, user) in [(&mut other, "carrier"), (&mut carol, "carol")] {
        ask(phone, &known);
        assert_eq!(phone.expect_refusal().status(), Some(603));
        server.events.wait("security.refused", &[("reason", "replaces"), ("user", user)]);
    }
    caller.audio.hears(alice.audio.hz());
    alice.audio.hears(caller.audio.hz());
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn a_phone_that_rings_can_be_picked_up_from_another() {
    let server = Server::start(&sharing());
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

#[test]
fn a_queues_call_is_picked_up_from_a_phone_that_does_not_ring() {
    let server = Server::start(&sharing());
    let (mut caller, mut alice) = ring(&server);
    let mut bob = bob(&server);
    let mark = server.events.mark();
    ask(&mut bob, &alice.replaces());
    bob.expect_answer();
    let cancel = alice.expect_cancel();
    assert!(cancel.must("Reason").contains("cause=200"), "{}", cancel.text());
    let fields = [("operator", "alice"), ("cause", "answered-elsewhere")];
    server.events.wait_from(mark, "reservation.rescinded", &fields);
    server.events.wait_from(mark, "reservation.accepted", &[("operator", "bob")]);
    server.events.wait_from(mark, "task.assigned", &[("operator", "bob")]);
    server.events.wait_from(mark, "call.answered", &[("operator", "bob")]);
    let free = [("operator", "alice"), ("/effective/state", "ready")];
    server.events.wait_from(mark, "operator.state", &free);
    caller.audio.hears(BOB_HZ);
    bob.audio.hears(caller.audio.hz());
    caller.audio.is_continuous();
    caller.hang_up();
    bob.expect_bye();
    let done = server.events.wait_from(mark, "task.completed", &[("operator", "bob")]);
    assert_eq!(record(&server, call_of(&done))["result"], "answered");
    server.finish();
}

#[test]
fn with_ring_all_one_picks_up_for_all_and_who_is_busy_picks_up_nothing() {
    let mut config = sharing();
    config.queue = "strategy = \"ring-all\"\nwrap_up_s = 0\nanswer = \"on-connect\"\n".to_owned();
    config.operators =
        config.operators.replace("queues = [\"sales\"]\npickup = \"queues\"", "pickup = \"any\"");
    config.routes += "[[route]]\nto = \"^102$\"\ngo = { operator = \"bob\" }\n";
    let server = Server::start(&config);
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut bob = bob(&server);
    let mut carol = Phone::operator(&server, "carol", 1_950.0);
    // Who talks with somebody has no room for another.
    let mut other = Phone::caller(&server, 1_700.0);
    carol.invite("102");
    bob.expect("INVITE");
    bob.answer();
    carol.expect_answer();
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    alice.expect("INVITE");
    alice.reply_invite("180 Ringing");
    let mut second = Phone::of(&server, "carol", 1_960.0);
    assert_eq!(second.register(3_600).status(), Some(200));
    ask(&mut second, &alice.replaces());
    assert_eq!(second.expect_refusal().status(), Some(486));
    carol.hang_up();
    bob.expect_bye();
    bob.expect("INVITE");
    bob.reply_invite("180 Ringing");
    ask(&mut second, &bob.replaces());
    second.expect_answer();
    for phone in [&mut alice, &mut bob] {
        let cancel = phone.expect_cancel();
        assert!(cancel.must("Reason").contains("cause=200"), "{}", cancel.text());
    }
    caller.expect_answer();
    server.events.wait("task.assigned", &[("operator", "carol")]);
    caller.audio.hears(1_960.0);
    second.audio.hears(caller.audio.hz());
    // It is hers like any other.
    other.invite("102");
    bob.expect("INVITE");
    bob.answer();
    other.expect_answer();
    other.hang_up();
    bob.expect_bye();
    second.hang_up();
    caller.expect_bye();
    server.events.wait("task.completed", &[("operator", "carol")]);
    server.finish();
}
