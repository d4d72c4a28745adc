//! Offers by UPDATE (RFC 3311): hold, resume, another address; and those that come at the wrong time.

use sip_tests::{Audio, Invite, Phone, Server, Sip, call_of, connect, connected, record};

/// Offers what the phone would offer now; the answer.
#[track_caller]
fn updated(phone: &mut Phone) -> Sip {
    phone.update();
    let response = phone.expect_response("UPDATE");
    assert_eq!(response.status(), Some(200), "{}\n{}", response.text(), phone.ladder());
    assert!(response.contact().is_some(), "no Contact in\n{}", response.text());
    response
}

/// The offer is refused with this.
#[track_caller]
fn refused(phone: &mut Phone, status: u16) -> Sip {
    phone.update();
    let response = phone.expect_response("UPDATE");
    assert_eq!(response.status(), Some(status), "{}\n{}", response.text(), phone.ladder());
    response
}

fn ends_well(server: Server, mut caller: Phone, mut alice: Phone) {
    caller.audio.hears(alice.audio.hz());
    alice.audio.hears(caller.audio.hz());
    caller.hang_up();
    alice.expect_bye();
    caller.audio.is_continuous();
    alice.audio.is_continuous();
    server.finish();
}

#[test]
fn a_phone_holds_and_resumes() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    for (times, direction) in [(1, "sendonly"), (2, "inactive")] {
        alice.direction = direction;
        let mark = server.events.mark();
        let held = updated(&mut alice);
        assert!(["recvonly", "inactive"].contains(&held.direction()), "{}", held.text());
        server.events.wait_from(mark, "participant.held", &[]);
        caller.audio.hears_music(&[1_130.0, 1_570.0]);
        alice.audio.hears_nothing();
        let again = updated(&mut alice);
        assert_eq!(again.sdp_version(), held.sdp_version(), "the same answer is the same version");
        alice.direction = "sendrecv";
        let resumed = updated(&mut alice);
        assert_eq!(resumed.direction(), "sendrecv");
        assert_eq!(resumed.sdp_version(), held.sdp_version() + 1);
        server.events.wait_from(mark, "participant.resumed", &[]);
        assert_eq!(server.events.count("participant.held", &[]), times, "twice is once");
        caller.audio.hears(1_570.0);
        alice.audio.hears(1_130.0);
    }
    caller.hang_up();
    alice.expect_bye();
    let record = record(&server, call_of(&server.events.wait("call.started", &[])));
    assert!(record["hold_s"].as_f64() > Some(0.1), "{record}");
    caller.audio.is_continuous();
    server.finish();
}

#[test]
fn a_customer_who_holds_leaves_the_operator_with_music() {
    let server = Server::plain();
    let (mut caller, alice) = connected(&server);
    caller.direction = "sendonly";
    updated(&mut caller);
    server.events.wait("participant.held", &[]);
    alice.audio.hears_music(&[1_130.0, 1_570.0]);
    caller.audio.hears_nothing();
    caller.direction = "sendrecv";
    updated(&mut caller);
    server.events.wait("participant.resumed", &[]);
    ends_well(server, caller, alice);
}

#[test]
fn what_one_way_holds_the_other_resumes() {
    let server = Server::plain();
    let (caller, mut alice) = connected(&server);
    for (hold, resume) in [(updated as Offer, reinvited as Offer), (reinvited, updated)] {
        alice.direction = "sendonly";
        hold(&mut alice);
        caller.audio.hears_music(&[1_130.0, 1_570.0]);
        alice.direction = "sendrecv";
        resume(&mut alice);
        caller.audio.hears(1_570.0);
    }
    ends_well(server, caller, alice);
}

type Offer = fn(&mut Phone) -> Sip;

fn reinvited(phone: &mut Phone) -> Sip {
    phone.reinvite();
    phone.expect_answer()
}

#[test]
fn a_side_that_moves_its_audio_is_followed() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    alice.audio = Audio::open("127.0.0.1", 2_210.0);
    updated(&mut alice);
    caller.audio.hears(2_210.0);
    alice.audio.hears(1_130.0);
    // Both sides at once, by different requests: each leg is asked alone.
    caller.audio = Audio::open("127.0.0.1", 1_900.0);
    caller.update();
    alice.reinvite();
    alice.expect_answer();
    assert_eq!(caller.expect_response("UPDATE").status(), Some(200));
    ends_well_moved(server, caller, alice);
}

fn ends_well_moved(server: Server, mut caller: Phone, mut alice: Phone) {
    alice.audio.hears(1_900.0);
    caller.audio.hears(2_210.0);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn one_that_comes_twice_is_answered_twice_and_done_once() {
    let server = Server::plain();
    let (caller, mut alice) = connected(&server);
    alice.direction = "sendonly";
    let answered = alice.times("SIP/2.0 200");
    let sent = alice.update();
    alice.send(&sent);
    alice.send(&sent);
    let first = alice.expect_response("UPDATE");
    alice.expect_times("SIP/2.0 200", answered + 3);
    alice.direction = "sendrecv";
    let resumed = updated(&mut alice);
    assert_eq!(resumed.sdp_version(), first.sdp_version() + 1, "three are one");
    server.events.wait("participant.resumed", &[]);
    assert_eq!(server.events.count("participant.held", &[]), 1);
    ends_well(server, caller, alice);
}

#[test]
fn one_that_cannot_be_met_leaves_the_call_as_it_was() {
    let server = Server::plain();
    let (mut caller, alice) = connected(&server);
    caller.codecs = vec![18];
    let response = refused(&mut caller, 488);
    assert!(response.header("Warning").is_some(), "{}", response.text());
    caller.request("UPDATE", "Require: precondition\r\n");
    assert_eq!(caller.expect_response("UPDATE").status(), Some(420));
    caller.request("UPDATE", "");
    assert_eq!(caller.expect_response("UPDATE").status(), Some(200));
    caller.codecs = vec![0, 101];
    ends_well(server, caller, alice);
}

#[test]
fn one_under_the_offer_of_our_200_is_glare() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite_as("600", &Invite { late: true, ..Invite::default() });
    caller.expect_status(200);
    refused(&mut caller, 491);
    // The ACK has the number of its INVITE, and the answer.
    caller.count_from(2);
    caller.ack();
    caller.count_from(3);
    caller.audio.hears_music(&[1_130.0, 1_570.0]);
    alice.expect("INVITE");
    connect(&caller, &mut alice);
    updated(&mut caller);
    ends_well(server, caller, alice);
}

#[test]
fn while_it_rings_no_offer_is_taken_but_a_contact_is() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("101");
    alice.expect("INVITE");
    alice.reply_invite("180 Ringing");
    caller.expect_status(180);
    let late = refused(&mut caller, 500);
    let wait = late.must("Retry-After").parse::<u32>();
    assert!(wait.is_ok_and(|seconds| seconds <= 10), "{}", late.text());
    // Our INVITE's offer is open: the phone's 180 has not answered it.
    refused(&mut alice, 491);
    for phone in [&mut caller, &mut alice] {
        phone.request("UPDATE", "");
        assert_eq!(phone.expect_response("UPDATE").status(), Some(200));
    }
    alice.answer();
    let ok = caller.expect_response("INVITE");
    assert_eq!(ok.status(), Some(200), "{}", ok.text());
    caller.ack_of(ok.cseq().0);
    updated(&mut caller);
    ends_well(server, caller, alice);
}
