//! Offers that come late, again, at the same time; holds in every spelling.

use std::time::Duration;

use sip_tests::{Audio, Invite, Phone, Server, Sip, call_of, connect, connected};

const BRIEFLY: Duration = Duration::from_millis(300);

/// Both hear each other, then the caller hangs up.
fn ends_well(server: Server, mut caller: Phone, mut alice: Phone) {
    caller.audio.hears(alice.audio.hz());
    alice.audio.hears(caller.audio.hz());
    caller.hang_up();
    alice.expect_bye();
    caller.audio.is_continuous();
    alice.audio.is_continuous();
    server.finish();
}

fn calls(server: &Server) -> (Phone, Phone) {
    let mut alice = Phone::operator(server, "alice", 1_570.0);
    let mut caller = Phone::caller(server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    alice.expect("INVITE");
    (caller, alice)
}

#[test]
fn the_customers_side_offers_again_at_once_after_the_connect() {
    let server = Server::plain();
    let (mut caller, mut alice) = calls(&server);
    alice.answer();
    caller.audio.hears(1_570.0);
    caller.reinvite();
    caller.expect_answer();
    ends_well(server, caller, alice);
}

#[test]
fn the_operators_side_offers_again_100_ms_after_the_connect() {
    let server = Server::plain();
    let (caller, mut alice) = calls(&server);
    alice.answer();
    alice.expect_nothing(Duration::from_millis(100));
    alice.reinvite();
    alice.expect_answer();
    ends_well(server, caller, alice);
}

#[test]
fn the_operators_side_offers_again_in_the_moment_of_the_connect() {
    let server = Server::plain();
    let (caller, mut alice) = calls(&server);
    // Its own 200 and the next offer in one go: the ACK is still on its way.
    alice.pick_up();
    alice.reinvite();
    let response = alice.expect_response("INVITE");
    // RFC 3261, 14.2: 491 or 500 would be right before the ACK has come, and so is an answer.
    match response.status() {
        Some(200) => alice.ack(),
        status => assert!([Some(491), Some(500)].contains(&status), "{}", response.text()),
    }
    alice.expect("ACK");
    ends_well(server, caller, alice);
}

#[test]
fn both_sides_offer_again_at_once() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    caller.reinvite();
    alice.reinvite();
    caller.expect_answer();
    alice.expect_answer();
    ends_well(server, caller, alice);
}

#[test]
fn a_side_that_changes_its_codec_is_followed() {
    let server = Server::plain();
    let (caller, mut alice) = connected(&server);
    let before = alice.audio.heard()[0].kind;
    alice.codecs = vec![8 - before, 101];
    alice.reinvite();
    alice.expect_answer();
    alice.audio.hears(1_130.0);
    assert_eq!(alice.audio.heard().last().map(|packet| packet.kind), Some(8 - before));
    ends_well(server, caller, alice);
}

#[test]
fn a_side_that_moves_its_audio_is_followed() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    alice.audio = Audio::open("127.0.0.1", 2_210.0);
    alice.reinvite();
    alice.expect_answer();
    caller.audio.hears(2_210.0);
    alice.audio.hears(1_130.0);
    caller.audio = Audio::open("127.0.0.1", 1_900.0);
    caller.reinvite();
    caller.expect_answer();
    alice.audio.hears(1_900.0);
    caller.audio.hears(2_210.0);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn a_session_without_an_offer_gets_one_and_its_answer_is_taken_from_the_ack() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite_as("600", &Invite { late: true, ..Invite::default() });
    let response = caller.expect_status(200);
    assert!(response.audio().is_some(), "no offer in\n{}", response.text());
    caller.ack();
    caller.audio.hears_music(&[1_130.0, 1_570.0]);
    alice.expect("INVITE");
    connect(&caller, &mut alice);
    ends_well(server, caller, alice);
}

#[test]
fn a_late_offer_that_the_ack_does_not_answer_ends_the_call() {
    let server = Server::plain();
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite_as("600", &Invite { late: true, ..Invite::default() });
    let response = caller.expect_status(200);
    caller.ack_without_answer();
    assert!(response.audio().is_some());
    let bye = caller.expect_bye();
    assert!(bye.must("Reason").starts_with("SIP;cause=488;"), "{}", bye.text());
    server.finish();
}

#[test]
fn an_offer_within_the_call_may_be_late_too() {
    let server = Server::plain();
    let (caller, mut alice) = connected(&server);
    alice.reinvite_late();
    let response = alice.expect_status(200);
    assert!(response.audio().is_some(), "no offer in\n{}", response.text());
    alice.ack();
    ends_well(server, caller, alice);
}

/// Alice offers this and resumes; the customer hears music meanwhile.
fn hold(direction: &'static str, answered: &[&str], rewrite: fn(String) -> String) {
    let server = Server::plain();
    let (caller, mut alice) = connected(&server);
    alice.direction = direction;
    alice.rewrite = rewrite;
    alice.reinvite();
    let held = alice.expect_answer();
    assert!(answered.contains(&held.direction()), "answered {}", held.direction());
    server.events.wait("participant.held", &[]);
    caller.audio.hears_music(&[1_130.0, 1_570.0]);
    if held.direction() != "sendrecv" {
        alice.audio.hears_nothing();
    }
    // Twice is once.
    alice.reinvite();
    let again = alice.expect_answer();
    assert_eq!(again.direction(), held.direction());
    assert_eq!(version(&again), version(&held), "the same answer is the same version");
    alice.direction = "sendrecv";
    alice.rewrite = |sdp| sdp;
    alice.reinvite();
    let resumed = alice.expect_answer();
    assert_eq!(resumed.direction(), "sendrecv");
    let changed = u64::from(held.direction() != resumed.direction());
    assert_eq!(version(&resumed), version(&held) + changed, "a changed answer is the next version");
    server.events.wait("participant.resumed", &[]);
    assert_eq!(server.events.count("participant.held", &[]), 1);
    let call = server.events.wait("call.started", &[]);
    ends_well_with_hold(server, caller, alice, call_of(&call));
}

fn ends_well_with_hold(server: Server, mut caller: Phone, mut alice: Phone, call: &str) {
    caller.audio.hears(1_570.0);
    alice.audio.hears(1_130.0);
    caller.hang_up();
    alice.expect_bye();
    let record = sip_tests::record(&server, call);
    assert!(record["hold_s"].as_f64() > Some(0.1), "{record}");
    caller.audio.is_continuous();
    server.finish();
}

fn version(message: &Sip) -> u64 {
    message.sdp_version()
}

#[test]
fn hold_as_sendonly() {
    hold("sendonly", &["recvonly", "inactive"], |sdp| sdp);
}

#[test]
fn hold_as_inactive() {
    hold("inactive", &["inactive"], |sdp| sdp);
}

#[test]
fn hold_as_recvonly() {
    let server = Server::plain();
    let (caller, mut alice) = connected(&server);
    alice.direction = "recvonly";
    alice.reinvite();
    let held = alice.expect_answer();
    assert_eq!(held.direction(), "sendonly");
    server.events.wait("participant.held", &[]);
    caller.audio.hears_music(&[1_130.0, 1_570.0]);
    alice.reinvite();
    assert_eq!(version(&alice.expect_answer()), version(&held), "the same answer");
    alice.direction = "sendrecv";
    alice.reinvite();
    let resumed = alice.expect_answer();
    assert_eq!((resumed.direction(), version(&resumed)), ("sendrecv", version(&held) + 1));
    server.events.wait("participant.resumed", &[]);
    assert_eq!(server.events.count("participant.held", &[]), 1);
    ends_well(server, caller, alice);
}

#[test]
fn a_hold_ends_by_an_offer_that_is_asked_for() {
    let server = Server::plain();
    let (caller, mut alice) = connected(&server);
    alice.direction = "sendonly";
    alice.reinvite();
    let held = alice.expect_answer();
    server.events.wait("participant.held", &[]);
    caller.audio.hears_music(&[1_130.0, 1_570.0]);
    // No description: what we offer is what we can, not what was held.
    alice.reinvite_late();
    let offer = alice.expect_status(200);
    assert_eq!(offer.direction(), "sendrecv", "{}", offer.text());
    assert_eq!(version(&offer), version(&held) + 1);
    alice.direction = "sendrecv";
    alice.ack();
    server.events.wait("participant.resumed", &[]);
    ends_well(server, caller, alice);
}

#[test]
fn hold_as_an_address_of_zeros() {
    let zeros = |sdp: String| sdp.replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0");
    hold("sendrecv", &["sendrecv", "recvonly", "inactive", "sendonly"], zeros);
}

#[test]
fn a_customer_who_holds_leaves_the_operator_with_music() {
    let server = Server::plain();
    let (mut caller, alice) = connected(&server);
    caller.direction = "sendonly";
    caller.reinvite();
    assert_ne!(caller.expect_answer().direction(), "sendrecv");
    server.events.wait("participant.held", &[]);
    alice.audio.hears_music(&[1_130.0, 1_570.0]);
    caller.audio.hears_nothing();
    caller.direction = "sendrecv";
    caller.reinvite();
    assert_eq!(caller.expect_answer().direction(), "sendrecv");
    server.events.wait("participant.resumed", &[]);
    ends_well(server, caller, alice);
}

#[test]
fn an_offer_that_cannot_be_met_gets_488_and_the_call_goes_on() {
    let server = Server::plain();
    let (mut caller, alice) = connected(&server);
    caller.codecs = vec![18];
    caller.reinvite();
    caller.expect_status(488);
    caller.codecs = vec![0, 101];
    ends_well(server, caller, alice);
}

#[test]
fn a_first_offer_that_cannot_be_met_gets_488() {
    let server = Server::plain();
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.codecs = vec![18];
    caller.invite("600");
    caller.expect_status(488);
    server.finish();
}

#[test]
fn an_invite_sent_twice_is_one_call() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.repeat_invite();
    caller.repeat_invite();
    caller.expect_answer();
    alice.expect("INVITE");
    connect(&caller, &mut alice);
    assert_eq!(server.events.count("call.started", &[]), 1);
    ends_well(server, caller, alice);
}

#[test]
fn a_lost_ack_makes_the_200_come_again_and_the_late_one_is_enough() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_status(200);
    caller.expect_times("SIP/2.0 200", 3);
    caller.ack();
    alice.expect("INVITE");
    connect(&caller, &mut alice);
    let times = caller.times("SIP/2.0 200");
    caller.expect_nothing(BRIEFLY);
    assert_eq!(caller.times("SIP/2.0 200"), times, "200 repeated after the ACK");
    ends_well(server, caller, alice);
}

#[test]
fn each_repeated_200_of_a_phone_is_confirmed_again() {
    let server = Server::plain();
    let (caller, mut alice) = calls(&server);
    alice.pick_up();
    alice.expect("ACK");
    alice.pick_up_again();
    alice.pick_up_again();
    alice.expect_times("ACK", 3);
    ends_well(server, caller, alice);
}

/// The description among a gateway's and a phone's other parts (RFC 5621).
#[expect(clippy::needless_pass_by_value, reason = "a phone's `rewrite` is given its text")]
fn in_parts(sdp: String) -> String {
    format!(
        "--x\r\nContent-Type: application/isup;version=itu-t92+\r\n\r\n\u{1}\u{10}\r\n\
         --x\r\nContent-Type: application/sdp\r\nContent-Disposition: session\r\n\r\n{sdp}\r\n\
         --x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--x--\r\n"
    )
}

#[test]
fn descriptions_among_other_parts_are_found_in_requests_responses_and_acks() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    (alice.rewrite, caller.rewrite) = (in_parts, in_parts);
    caller.invite("600");
    caller.expect_answer();
    alice.expect("INVITE");
    connect(&caller, &mut alice);
    caller.reinvite();
    caller.expect_answer();
    alice.reinvite_late();
    alice.expect_answer();
    ends_well(server, caller, alice);
}

#[test]
fn a_part_that_must_be_known_and_is_not_gets_415() {
    let server = Server::plain();
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.rewrite = |sdp| in_parts(sdp).replace("image/png", "application/unheard-of");
    caller.invite("600");
    caller.expect_status(415);
    server.finish();
}
