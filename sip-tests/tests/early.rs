//! Before the answer: early media, several early dialogs, and reliable provisional responses (RFC 3262).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use sip_tests::{
    Audio, Config, Invite, Phone, Ports, Server, Sip, Sipp, Softphone, Way, call_of, record,
};

/// What the caller, the callee and another fork of it send.
const CALLER: f64 = 1_130.0;
const CALLEE: f64 = 2_210.0;
const FORK: f64 = 1_730.0;

/// A server whose calls go to a callee out there, and both.
fn outside() -> (Server, Phone, Phone) {
    let peer = SocketAddr::from(([127, 0, 0, 1], 9));
    let mut callee = Phone::towards(peer, "127.0.0.1", "callee", CALLEE);
    let go = format!("[[route]]\ngo = {{ uri = \"sip:desk@{}\" }}\n", callee.address());
    let server = Server::start(&Config { routes: go, ..Config::default() });
    callee.aim(&server);
    let caller = Phone::caller(&server, CALLER);
    (server, caller, callee)
}

/// An INVITE on its way through: the callee has it, the caller is told that it rings.
fn rung(caller: &mut Phone, callee: &mut Phone, headers: &str, late: bool) -> Sip {
    caller.invite_as("anything", &Invite { headers, late, ..Invite::default() });
    callee.expect("INVITE")
}

/// A PRACK, understood.
#[track_caller]
fn prack(phone: &mut Phone, response: &Sip) {
    phone.prack(response);
    let answer = phone.expect_response("PRACK");
    assert_eq!(answer.status(), Some(200), "{}\n{}", answer.text(), phone.ladder());
}

fn count(server: &Server, kind: &str) -> usize {
    server.events.count(kind, &[])
}

fn ends_well(server: Server, mut caller: Phone, mut callee: Phone, least_ring_s: f64) {
    caller.audio.hears(callee.audio.hz());
    callee.audio.hears(CALLER);
    caller.hang_up();
    callee.expect_bye();
    let record = record(&server, call_of(&server.events.wait("call.started", &[])));
    let (ring, talk) = (record["ring_s"].as_f64(), record["talk_s"].as_f64());
    // What was heard before the answer was heard while it rang.
    assert!(ring >= Some(least_ring_s) && talk > Some(0.0), "{record}");
    caller.audio.is_continuous();
    server.finish();
}

#[test]
fn the_callee_is_heard_before_it_answers_and_is_spoken_to() {
    let (server, mut caller, mut callee) = outside();
    let invite = rung(&mut caller, &mut callee, "", false);
    let sdp = callee.sdp();
    callee.reply(&invite, "183 Session Progress", "", &sdp);
    let early = caller.expect_status(183);
    assert!(early.audio().is_some() && early.header("RSeq").is_none(), "{}", early.text());
    caller.audio.hears(CALLEE);
    callee.audio.hears(CALLER);
    // It rings now, and what was heard stays.
    callee.reply_invite("180 Ringing");
    server.events.wait("leg.ringing", &[]);
    caller.audio.hears(CALLEE);
    assert_eq!(count(&server, "call.answered"), 0);
    callee.reply(&invite, "200 OK", "", &sdp);
    let answer = caller.expect_answer();
    assert_eq!(answer.audio(), early.audio(), "the same answer");
    callee.expect("ACK");
    callee.audio.is_continuous();
    assert_eq!(caller.times("SIP/2.0 183"), 1);
    ends_well(server, caller, callee, 0.4);
}

#[test]
fn a_refusal_after_early_media_gives_all_back() {
    let (server, mut caller, mut callee) = outside();
    for (said, told) in [("486 Busy Here", 486), ("404 Not Found", 404)] {
        let invite = rung(&mut caller, &mut callee, "", false);
        let sdp = callee.sdp();
        callee.reply(&invite, "183 Session Progress", "", &sdp);
        caller.expect_status(183);
        caller.audio.hears(CALLEE);
        callee.reply_invite(said);
        callee.expect("ACK");
        caller.expect_status(told);
        caller.audio.hears_nothing();
        callee.audio.hears_nothing();
    }
    server.events.wait("call.ended", &[]);
    assert_eq!(count(&server, "call.answered"), 0);
    server.finish();
}

#[test]
fn a_caller_who_gives_up_early_media() {
    let (server, mut caller, mut callee) = outside();
    let invite = rung(&mut caller, &mut callee, "", false);
    let sdp = callee.sdp();
    callee.reply(&invite, "183 Session Progress", "", &sdp);
    caller.expect_status(183);
    caller.audio.hears(CALLEE);
    caller.cancel();
    assert_eq!(caller.expect_response("CANCEL").status(), Some(200));
    caller.expect_status(487);
    callee.expect_cancel();
    server.finish();
}

#[test]
fn a_183_without_sdp_is_no_early_media() {
    let (server, mut caller, mut callee) = outside();
    rung(&mut caller, &mut callee, "", false);
    callee.reply_invite("183 Session Progress");
    server.events.wait("leg.ringing", &[]);
    callee.answer();
    caller.expect_answer();
    assert_eq!(caller.times("SIP/2.0 183"), 0, "{}", caller.ladder());
    ends_well(server, caller, callee, 0.0);
}

#[test]
fn of_several_early_dialogs_the_last_is_heard_and_who_answers_in_the_end() {
    let (server, mut caller, mut callee) = outside();
    let invite = rung(&mut caller, &mut callee, "", false);
    let first = callee.sdp();
    callee.reply(&invite, "183 Session Progress", "", &first);
    caller.expect_status(183);
    caller.audio.hears(CALLEE);
    // Another fork, with a sound of its own.
    let other = Audio::open("127.0.0.1", FORK);
    let (to, _) = invite.audio().expect("an offer");
    other.send_to(to, 0);
    let heard = std::mem::replace(&mut callee.audio, other);
    let second = callee.sdp();
    callee.fork();
    callee.reply(&invite, "183 Session Progress", "", &second);
    caller.audio.hears(FORK);
    callee.reply_invite("180 Ringing");
    // A third one is silent, and the second answers, without saying again where it is.
    callee.reply(&invite, "200 OK", "", "");
    caller.expect_answer();
    callee.expect("ACK");
    caller.audio.hears(FORK);
    drop(heard);
    // Yet another fork answers too: it is acknowledged and ended.
    callee.fork();
    callee.reply(&invite, "200 OK", "", &first);
    callee.expect("ACK");
    let bye = callee.expect("BYE");
    callee.reply(&bye, "200 OK", "", "");
    assert_eq!(caller.times("SIP/2.0 183"), 1, "{}", caller.ladder());
    caller.hang_up();
    callee.expect_bye();
    caller.audio.is_continuous();
    server.finish();
}

#[test]
fn a_callee_that_requires_100rel() {
    let (server, mut caller, mut callee) = outside();
    let invite = rung(&mut caller, &mut callee, "", false);
    assert!(invite.must("Supported").contains("100rel"), "{}", invite.text());
    let sdp = callee.sdp();
    for _ in 0..2 {
        callee.reply(&invite, "183 Session Progress", "Require: 100rel\r\nRSeq: 77\r\n", &sdp);
    }
    let prack = callee.expect("PRACK");
    assert_eq!(prack.must("RAck"), format!("77 {} INVITE", invite.cseq().0));
    callee.reply(&prack, "200 OK", "", "");
    caller.expect_status(183);
    caller.audio.hears(CALLEE);
    callee.reply(&invite, "180 Ringing", "Require: 100rel\r\nRSeq: 78\r\n", "");
    let prack = callee.expect("PRACK");
    callee.reply(&prack, "200 OK", "", "");
    callee.reply(&invite, "200 OK", "", "");
    caller.expect_answer();
    callee.expect("ACK");
    assert_eq!(callee.times("PRACK"), 2, "{}", callee.ladder());
    ends_well(server, caller, callee, 0.0);
}

#[test]
fn a_callee_that_answers_no_prack_is_given_up() {
    let (server, mut caller, mut callee) = outside();
    let invite = rung(&mut caller, &mut callee, "", false);
    let began = Instant::now();
    callee.reply(&invite, "180 Ringing", "Require: 100rel\r\nRSeq: 77\r\n", "");
    caller.expect_status(180);
    // 64·T1, where nobody picks up for 60 s.
    server.events.wait_within(Duration::from_secs(36), 0, "leg.failed", &[]);
    let waited = began.elapsed();
    assert!(waited > Duration::from_secs(31), "{waited:?}");
    callee.expect("PRACK");
    callee.expect_cancel();
    assert_eq!(caller.expect_refusal().status(), Some(408));
    server.finish();
}

#[test]
fn a_caller_that_requires_100rel() {
    let (server, mut caller, mut callee) = outside();
    let invite = rung(&mut caller, &mut callee, "Require: 100rel\r\n", false);
    callee.reply_invite("180 Ringing");
    let ringing = caller.expect_status(180);
    assert!(ringing.must("Require").contains("100rel") && ringing.audio().is_none());
    let sdp = callee.sdp();
    callee.reply(&invite, "183 Session Progress", "", &sdp);
    caller.expect_times("SIP/2.0 180", 2);
    assert_eq!(caller.times("SIP/2.0 183"), 0, "one at a time");
    prack(&mut caller, &ringing);
    let early = caller.expect_status(183);
    let number = |response: &Sip| response.must("RSeq").parse::<u32>().expect("a number");
    assert_eq!(number(&early), number(&ringing) + 1);
    assert!(early.audio().is_some());
    caller.audio.hears(CALLEE);
    callee.reply(&invite, "200 OK", "", &sdp);
    callee.expect("ACK");
    // The 200 waits for the PRACK of what brought the answer, and does not bring it again.
    caller.expect_times("SIP/2.0 183", 3);
    caller.prack(&early);
    let answer = caller.expect_status(200);
    assert_eq!(caller.expect_response("PRACK").status(), Some(200));
    caller.ack();
    assert!(answer.audio().is_none(), "{}", answer.text());
    caller.prack(&ringing);
    assert_eq!(caller.expect_response("PRACK").status(), Some(481), "RAck of the past");
    ends_well(server, caller, callee, 0.0);
}

#[test]
fn early_media_for_a_caller_without_an_offer() {
    let (server, mut caller, mut callee) = outside();
    let invite = rung(&mut caller, &mut callee, "Supported: 100rel\r\n", true);
    callee.reply_invite("180 Ringing");
    assert!(caller.expect_status(180).header("RSeq").is_none());
    let sdp = callee.sdp();
    callee.reply(&invite, "183 Session Progress", "", &sdp);
    let early = caller.expect_status(183);
    assert!(early.audio().is_some(), "our offer");
    prack(&mut caller, &early);
    caller.audio.hears(CALLEE);
    callee.audio.hears(CALLER);
    callee.reply(&invite, "200 OK", "", &sdp);
    callee.expect("ACK");
    assert!(caller.expect_status(200).audio().is_none());
    caller.ack_without_answer();
    ends_well(server, caller, callee, 0.0);
}

#[test]
fn without_100rel_and_an_offer_there_is_none() {
    let (server, mut caller, mut callee) = outside();
    let invite = rung(&mut caller, &mut callee, "", true);
    let sdp = callee.sdp();
    callee.reply(&invite, "183 Session Progress", "", &sdp);
    assert!(caller.expect_status(183).audio().is_none());
    callee.reply(&invite, "200 OK", "", &sdp);
    assert!(caller.expect_status(200).audio().is_some());
    caller.ack();
    callee.expect("ACK");
    ends_well(server, caller, callee, 0.0);
}

#[test]
fn a_queues_caller_keeps_the_music() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", CALLEE);
    let mut caller = Phone::caller(&server, CALLER);
    caller.invite("600");
    caller.expect_answer();
    let invite = alice.expect("INVITE");
    let (sdp, began) = (alice.sdp(), Instant::now());
    alice.reply(&invite, "183 Session Progress", "Require: 100rel\r\nRSeq: 1\r\n", &sdp);
    let prack = alice.expect("PRACK");
    alice.reply(&prack, "200 OK", "", "");
    caller.audio.hears_music(&[CALLER, CALLEE]);
    caller.audio.never_heard(began, CALLEE);
    alice.audio.hears_nothing();
    alice.reply(&invite, "200 OK", "", "");
    alice.expect("ACK");
    connected_well(server, caller, alice);
}

fn connected_well(server: Server, mut caller: Phone, mut alice: Phone) {
    caller.audio.hears(CALLEE);
    alice.audio.hears(CALLER);
    caller.hang_up();
    alice.expect_bye();
    caller.audio.is_continuous();
    server.finish();
}

#[test]
fn an_operator_with_two_phones_is_heard_from_the_one_that_spoke_last() {
    let server = Server::plain();
    let mut desk = Phone::operator(&server, "alice", CALLEE);
    let mut home = Phone::of(&server, "alice", FORK);
    assert_eq!(home.register(3_600).status(), Some(200));
    let mut caller = Phone::caller(&server, CALLER);
    caller.invite("101");
    let (at_desk, at_home) = (desk.expect("INVITE"), home.expect("INVITE"));
    let sdp = desk.sdp();
    desk.reply(&at_desk, "183 Session Progress", "", &sdp);
    caller.expect_status(183);
    caller.audio.hears(CALLEE);
    let sdp = home.sdp();
    home.reply(&at_home, "183 Session Progress", "", &sdp);
    caller.audio.hears(FORK);
    home.reply_invite("486 Busy Here");
    home.expect("ACK");
    // The other still rings.
    caller.audio.hears(425.0);
    desk.answer();
    caller.expect_answer();
    connected_well(server, caller, desk);
}

#[test]
fn sipp_both_ways_with_100rel() {
    let peer = Ports::take();
    let route = format!("[[route]]\ngo = {{ uri = \"sip:desk@127.0.0.1:{}\" }}\n", peer.peer(0));
    let server = Server::start(&Config { routes: route, ..Config::default() });
    let callee = Sipp::start(&server, "uas-100rel", peer.peer(0), 20, &["-d", "300"]);
    callee.listens(peer.peer(0), Way::Udp);
    let more = ["-s", "100", "-d", "300", "-r", "10"];
    let caller = Sipp::start(&server, "uac-100rel", server.ports.peer(1), 20, &more);
    caller.succeeds();
    callee.succeeds();
    assert_eq!(count(&server, "call.answered"), 20);
    server.finish();
}

/// The parameters of a softphone that wants provisional responses to be reliable.
const CODECS: &str = "pcmu;100rel=yes";

#[test]
fn baresip_with_100rel_is_called() {
    let server = Server::plain();
    let mut alice = Softphone::operator(&server, "alice", server.ports.peer(0), CODECS);
    let mut caller = Phone::caller(&server, CALLER);
    caller.invite("101");
    alice.rings(0);
    caller.expect_status(180);
    alice.answer(0, CALLEE);
    caller.expect_answer();
    caller.audio.hears(CALLEE);
    alice.hears(0, CALLER);
    caller.hang_up();
    alice.events.wait("closed", &[("call", "0")]);
    server.finish();
}

#[test]
fn baresip_with_100rel_calls_and_hears_early_media() {
    let server = Server::plain();
    let mut alice = Softphone::operator(&server, "alice", server.ports.peer(0), CODECS);
    let mut bob = Phone::operator(&server, "bob", CALLER);
    alice.order(json!({"do": "dial", "uri": format!("sip:102@{}", server.address())}));
    let invite = bob.expect("INVITE");
    let sdp = bob.sdp();
    bob.reply(&invite, "183 Session Progress", "", &sdp);
    alice.hears(0, CALLER);
    bob.reply(&invite, "200 OK", "", &sdp);
    bob.expect("ACK");
    alice.events.wait("established", &[("call", "0")]);
    alice.order(json!({"do": "tone", "call": 0, "hz": CALLEE}));
    alice.hears(0, CALLER);
    bob.audio.hears(CALLEE);
    bob.hang_up();
    alice.events.wait("closed", &[("call", "0")]);
    server.finish();
}
