//! Ends that come early, late, or at the same time as something else.

use std::time::Duration;

use sip_tests::{Config, Invite, Phone, Server, call_of, connect, connected, record, ring};

const BRIEFLY: Duration = Duration::from_millis(300);

/// Alice and Bob are registered; a caller hears music and Alice is rung, who is first.
fn two_operators(queue: &str) -> (Server, Phone, Phone, Phone) {
    let server = Server::start(&Config::queue(queue));
    let bob = Phone::operator(&server, "bob", 2_210.0);
    let (caller, alice) = ring(&server);
    (server, caller, alice, bob)
}

/// Bob, who is rung now, takes it, and all ends well.
fn bob_takes_it(server: Server, mut caller: Phone, mut bob: Phone) {
    bob.expect("INVITE");
    caller.audio.hears_music(&[1_570.0, 2_210.0]);
    connect(&caller, &mut bob);
    let call = server.events.wait("call.answered", &[("operator", "bob")]);
    bob.hang_up();
    caller.expect_bye();
    let record = record(&server, call_of(&call));
    assert_eq!((&record["operator"], &record["tasks"][0]["offers"]), (&"bob".into(), &2.into()));
    caller.audio.is_continuous();
    server.finish();
}

#[test]
fn an_operator_who_is_busy_costs_the_caller_nothing_and_the_next_one_is_rung() {
    let (server, caller, mut alice, bob) = two_operators("");
    alice.reply_invite("486 Busy Here");
    alice.expect("ACK");
    bob_takes_it(server, caller, bob);
}

#[test]
fn an_operator_who_declines_for_everybody_declines_for_herself_only() {
    let (server, caller, mut alice, bob) = two_operators("");
    alice.reply_invite("603 Decline");
    alice.expect("ACK");
    bob_takes_it(server, caller, bob);
}

#[test]
fn an_operator_who_does_not_answer_is_cancelled_and_the_next_one_is_rung() {
    let (server, caller, mut alice, bob) = two_operators("ring_s = 1");
    alice.expect_cancel();
    server.events.wait("reservation.timeout", &[("operator", "alice")]);
    bob_takes_it(server, caller, bob);
}

#[test]
fn a_phone_that_vanishes_while_it_rings_is_passed_over() {
    let (server, caller, alice, bob) = two_operators("ring_s = 1");
    drop(alice);
    bob_takes_it(server, caller, bob);
}

#[test]
fn a_phone_that_never_says_anything_is_passed_over() {
    let server = Server::start(&Config::queue("ring_s = 1"));
    let bob = Phone::operator(&server, "bob", 2_210.0);
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    alice.expect("INVITE");
    bob_takes_it(server, caller, bob);
    // RFC 3261, 9.1: no CANCEL before a provisional response.
    alice.expect_nothing(BRIEFLY);
}

#[test]
fn an_operator_who_misses_twice_is_made_not_ready() {
    let queue = "ring_s = 1\nback_off_s = 0\nrona = { after = 2, state = \"not-ready\" }";
    let server = Server::start(&Config::queue(queue));
    let (mut caller, mut alice) = ring(&server);
    alice.expect_cancel();
    alice.expect("INVITE");
    alice.reply_invite("180 Ringing");
    alice.expect_cancel();
    let state =
        [("operator", "alice"), ("/effective/state", "not-ready"), ("/effective/cause", "rona")];
    server.events.wait("operator.state", &state);
    caller.audio.hears_music(&[1_570.0]);
    caller.hang_up();
    server.finish();
}

#[test]
fn a_caller_who_hangs_up_while_it_rings_stops_the_ringing() {
    let server = Server::plain();
    let (mut caller, mut alice) = ring(&server);
    caller.hang_up();
    alice.expect_cancel();
    server.events.wait("task.abandoned", &[("queue", "support")]);
    let ended = server.events.wait("call.ended", &[("result", "abandoned")]);
    let record = record(&server, call_of(&ended));
    assert_eq!(record["tasks"][0]["outcome"], "abandoned");
    let (_, operator) = server.api.get("/operators/alice");
    assert_eq!(operator["effective"]["state"], "ready");
    server.finish();
}

#[test]
fn a_caller_who_cancels_before_the_answer_stops_the_ringing() {
    let server = Server::start(&Config::queue("answer = \"on-connect\""));
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_status(180);
    alice.expect("INVITE");
    alice.reply_invite("180 Ringing");
    server.events.wait("leg.ringing", &[("operator", "alice")]);
    caller.cancel();
    assert_eq!(caller.expect_response("CANCEL").status(), Some(200));
    caller.expect_status(487);
    alice.expect_cancel();
    server.events.wait("call.ended", &[("result", "abandoned")]);
    server.finish();
}

#[test]
fn a_queue_that_answers_on_connect_answers_when_the_operator_does() {
    let server = Server::start(&Config::queue("answer = \"on-connect\""));
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_status(180);
    alice.expect("INVITE");
    alice.pick_up();
    caller.expect_answer();
    alice.expect("ACK");
    caller.audio.hears(1_570.0);
    alice.audio.hears(1_130.0);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn a_cancel_that_comes_after_the_answer_changes_nothing() {
    let server = Server::start(&Config::queue("answer = \"on-connect\""));
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    alice.expect("INVITE");
    alice.answer();
    caller.expect_status(200);
    caller.cancel();
    let status = caller.expect_response("CANCEL").status();
    assert!([Some(200), Some(481)].contains(&status), "{status:?}");
    caller.ack();
    caller.audio.hears(1_570.0);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn an_answer_that_crosses_the_cancel_is_confirmed_and_ended() {
    let server = Server::plain();
    let (mut caller, mut alice) = ring(&server);
    caller.hang_up();
    let cancel = alice.expect("CANCEL");
    alice.pick_up();
    alice.reply(&cancel, "200 OK", "", "");
    alice.expect("ACK");
    alice.expect_bye();
    server.events.wait("call.ended", &[("result", "abandoned")]);
    let ready = [("operator", "alice"), ("/effective/state", "ready")];
    server.events.wait("operator.state", &ready);
    server.finish();
}

#[test]
fn a_cancel_waits_for_the_first_provisional_response() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    alice.expect("INVITE");
    caller.hang_up();
    alice.expect_nothing(BRIEFLY);
    alice.reply_invite("180 Ringing");
    alice.expect_cancel();
    server.finish();
}

#[test]
fn several_provisional_responses_of_several_forks_end_in_one_call() {
    let server = Server::plain();
    let (mut caller, mut alice) = ring(&server);
    alice.reply_invite("180 Ringing");
    alice.fork();
    alice.reply_invite("183 Session Progress");
    alice.reply_invite("180 Ringing");
    alice.fork();
    connect(&caller, &mut alice);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn an_operators_phone_that_vanishes_in_a_call_does_not_keep_the_caller_from_leaving() {
    let server = Server::plain();
    let (mut caller, alice) = connected(&server);
    drop(alice);
    caller.hang_up();
    server.events.wait("call.ended", &[]);
    server.finish();
}

#[test]
fn a_caller_whose_operator_went_silent_for_ever_is_not_left_in_silence() {
    let config = Config { media: "dead_audio_s = 1".to_owned(), ..Config::default() };
    let server = Server::start(&config);
    let (mut caller, alice) = connected(&server);
    let mark = server.events.mark();
    drop(alice);
    server.events.wait_from(mark, "leg.ended", &[("operator", "alice")]);
    // Music and a place in the queue again, or a clean end.
    if server.events.poll(BRIEFLY, mark, |e| (e["type"] == "call.ended").then_some(())).is_some() {
        caller.expect_bye();
    } else {
        caller.audio.hears_music(&[1_570.0]);
        caller.hang_up();
    }
    server.finish();
}

#[test]
fn who_is_not_heard_any_more_is_told_so() {
    let config = Config { media: "dead_audio_s = 1".to_owned(), ..Config::default() };
    let server = Server::start(&config);
    let (mut caller, mut alice) = connected(&server);
    alice.audio.mute();
    let bye = alice.expect_bye();
    assert_eq!(bye.must("Reason"), "SIP;cause=408;text=\"No audio\"", "{}", bye.text());
    caller.audio.hears_music(&[1_570.0]);
    caller.hang_up();
    server.finish();
}

#[test]
fn two_phones_of_one_operator_ring_and_the_loser_is_told_who_won() {
    let server = Server::plain();
    let mut desk = Phone::operator(&server, "alice", 1_570.0);
    let mut mobile = Phone::of(&server, "alice", 2_210.0);
    assert_eq!(mobile.register(3_600).status(), Some(200));
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    for phone in [&mut desk, &mut mobile] {
        phone.expect("INVITE");
        phone.reply_invite("180 Ringing");
    }
    connect(&caller, &mut mobile);
    let cancel = desk.expect_cancel();
    let reason = cancel.must("Reason");
    assert!(reason.contains("SIP") && reason.contains("cause=200"), "{reason}");
    caller.hang_up();
    mobile.expect_bye();
    server.finish();
}

#[test]
fn an_operator_who_signs_out_while_it_rings_is_passed_over() {
    let (server, caller, mut alice, bob) = two_operators("");
    assert_eq!(alice.register(0).status(), Some(200));
    alice.expect_cancel();
    bob_takes_it(server, caller, bob);
}

#[test]
fn ring_all_rings_all_and_the_first_answer_wins() {
    let queue = "strategy = \"ring-all\"\nwrap_up_s = 0".to_owned();
    let config = Config { queue, ..Config::default() };
    let server = Server::start(&config);
    let mut bob = Phone::operator(&server, "bob", 2_210.0);
    let (mut caller, mut alice) = ring(&server);
    bob.expect("INVITE");
    bob.reply_invite("180 Ringing");
    // Both at once.
    alice.pick_up();
    bob.pick_up();
    let winner = server.events.wait("task.assigned", &[]);
    let alice_won = winner["operator"] == "alice";
    let (mut winner, mut loser) = if alice_won { (alice, bob) } else { (bob, alice) };
    winner.expect("ACK");
    loser.expect("ACK");
    loser.expect_bye();
    caller.audio.hears(winner.audio.hz());
    winner.audio.hears(1_130.0);
    caller.hang_up();
    winner.expect_bye();
    server.finish();
}

#[test]
fn the_losers_of_a_ring_all_are_told_that_the_call_was_answered() {
    let queue = "strategy = \"ring-all\"\nwrap_up_s = 0".to_owned();
    let server = Server::start(&Config { queue, ..Config::default() });
    let mut bob = Phone::operator(&server, "bob", 2_210.0);
    let (mut caller, mut alice) = ring(&server);
    bob.expect("INVITE");
    bob.reply_invite("180 Ringing");
    connect(&caller, &mut alice);
    let reason = bob.expect_cancel().must("Reason").to_owned();
    assert_eq!(reason, "SIP;cause=200;text=\"Call completed elsewhere\"");
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn both_hang_up_at_once() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    caller.request("BYE", "");
    alice.request("BYE", "");
    alice.expect_bye();
    assert_eq!(caller.expect_response("BYE").status(), Some(200));
    let status = alice.expect_response("BYE").status();
    assert!([Some(200), Some(481)].contains(&status), "{status:?}");
    server.events.wait("call.ended", &[]);
    server.finish();
}

#[test]
fn a_direct_call_to_a_busy_operator_gets_486_and_to_an_absent_one_480() {
    let server = Server::plain();
    let mut late = Phone::caller(&server, 1_900.0);
    late.invite("101");
    late.expect_status(480);
    let (mut caller, mut alice) = connected(&server);
    late.invite("101");
    late.expect_status(486);
    caller.hang_up();
    alice.expect_bye();
    late.invite_as("101", &Invite::default());
    alice.expect("INVITE");
    alice.reply_invite("180 Ringing");
    late.expect_status(180);
    alice.pick_up();
    late.expect_answer();
    alice.expect("ACK");
    late.audio.hears(1_570.0);
    late.hang_up();
    alice.expect_bye();
    server.finish();
}
