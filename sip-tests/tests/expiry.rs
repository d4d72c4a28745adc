//! Session timers (RFC 4028), probes, and those who vanish without a word: whoever they were in a
//! call with is free again within a time that the configuration says.

use std::time::Duration;

use sip_tests::{Config, Invite, Phone, Server, Sip, call_of, connected, record};

/// Seconds that no real network should be given: RFC 4028 wants 90 at least.
fn short() -> Server {
    let sip = "session_expires_s = 8\nmin_se_s = 4\nprobe_s = 0".to_owned();
    Server::start(&Config { sip, ..Config::default() })
}

/// Longer than an interval of these, and than a machine that is busy needs.
const AN_INTERVAL: Duration = Duration::from_secs(30);

/// Says that it knows timers, and asks for none.
const KNOWS: &str = "Supported: timer\r\nAllow: INVITE, ACK, BYE, UPDATE\r\n";
/// Asks for a timer that outlasts the test, and keeps it.
const CALM: &str = "Supported: timer\r\nMin-SE: 60\r\nSession-Expires: 60;refresher=uac\r\n";

fn calls(caller: &mut Phone, headers: &str) -> Sip {
    caller.invite_as("600", &Invite { headers, ..Invite::default() });
    caller.expect_answer()
}

/// Picks up as somebody who knows timers.
fn grants(phone: &mut Phone, expires: &str) {
    let invite = phone.expect("INVITE");
    assert_eq!((invite.must("Session-Expires"), invite.must("Min-SE")), ("8", "4"));
    assert!(invite.must("Supported").contains("timer"), "{}", invite.text());
    let sdp = phone.sdp();
    let lines = format!("Require: timer\r\nSession-Expires: {expires}\r\n{KNOWS}");
    phone.reply(&invite, "200 OK", &lines, &sdp);
    phone.expect("ACK");
}

/// Answers the refresh that comes.
fn is_refreshed(phone: &mut Phone, refresher: &str) {
    let update = phone.expect("UPDATE");
    assert_eq!(update.must("Session-Expires"), "8;refresher=uac");
    assert!(update.audio().is_none(), "{}", update.text());
    let expires = format!("Session-Expires: 8;refresher={refresher}\r\n");
    phone.reply(&update, "200 OK", &expires, "");
}

fn refreshes(phone: &mut Phone) {
    phone.request("UPDATE", CALM);
    let response = phone.expect_response("UPDATE");
    assert_eq!(response.status(), Some(200), "{}", response.text());
    assert_eq!(response.must("Session-Expires"), "60;refresher=uac");
    assert_eq!(response.must("Require"), "timer");
}

/// A call in which each side has agreed to a timer: the caller by this, alice by that.
fn talking(server: &Server, caller_says: &str, alice_says: &str) -> (Phone, Phone) {
    let mut alice = Phone::operator(server, "alice", 1_570.0);
    let mut caller = Phone::caller(server, 1_130.0);
    calls(&mut caller, caller_says);
    grants(&mut alice, alice_says);
    caller.audio.hears(1_570.0);
    (caller, alice)
}

#[test]
fn who_is_refreshed_stays_and_who_does_not_refresh_is_hung_up_on() {
    let server = short();
    let (mut caller, mut alice) = talking(&server, CALM, "8;refresher=uac");
    // Longer than the timer, which we keep.
    for _ in 0..3 {
        is_refreshed(&mut alice, "uac");
        refreshes(&mut caller);
    }
    caller.audio.hears(1_570.0);
    // Now alice takes over, and says no more.
    let mark = server.events.mark();
    is_refreshed(&mut alice, "uas");
    let ended = server.events.wait_within(AN_INTERVAL, mark, "leg.ended", &[("operator", "alice")]);
    assert_eq!(ended["cause"], "expired", "{ended}");
    let bye = alice.expect_bye();
    assert!(bye.must("Reason").contains("cause=408"), "{}", bye.text());
    // Music again, and the place in the queue.
    caller.audio.hears_music(&[1_570.0]);
    caller.hang_up();
    server.finish();
}

#[test]
fn a_timer_that_is_too_short_gets_422_and_one_of_ours_grows() {
    let server = short();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    let headers = "Supported: timer\r\nSession-Expires: 3\r\n";
    caller.invite_as("600", &Invite { headers, ..Invite::default() });
    let refusal = caller.expect_refusal();
    assert_eq!((refusal.status(), refusal.must("Min-SE")), (Some(422), "4"));
    let ok = calls(&mut caller, CALM);
    assert_eq!(ok.must("Session-Expires"), "60;refresher=uac");
    assert_eq!(ok.must("Require"), "timer");
    let invite = alice.expect("INVITE");
    alice.reply(&invite, "422 Session Interval Too Small", "Min-SE: 60\r\n", "");
    alice.expect("ACK");
    let again = alice.expect("INVITE");
    assert_eq!((again.must("Session-Expires"), again.must("Min-SE")), ("60", "60"));
    assert_eq!(again.must("Call-ID"), invite.must("Call-ID"));
    assert_eq!(again.cseq().0, invite.cseq().0 + 1);
    alice.answer();
    caller.audio.hears(1_570.0);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn phones_without_timers_are_asked_by_reinvite() {
    let server = short();
    let (mut caller, mut alice) = connected(&server);
    for _ in 0..2 {
        for phone in [&mut caller, &mut alice] {
            let invite = phone.expect("INVITE");
            assert!(invite.audio().is_some(), "{}", invite.text());
            phone.answer();
        }
    }
    caller.audio.hears(1_570.0);
    alice.audio.hears(1_130.0);
    assert_eq!(server.events.count("leg.ended", &[]), 0);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

/// Alice takes no part in any call, though nobody said so to her.
fn alice_is_free(server: &Server) {
    server.api.until("alice is free", |api| {
        let (_, alice) = api.get("/operators/alice");
        (alice["effective"]["state"] != "on-call").then_some(())
    });
}

/// The caller is gone: the record is closed, and alice is free.
fn caller_is_missed(server: Server, alice: Option<Phone>) {
    let ended = server.events.wait_within(AN_INTERVAL, 0, "call.ended", &[]);
    assert_eq!(ended["cause"], "expired", "{ended}");
    assert!(record(&server, call_of(&ended))["ended"].is_string());
    if let Some(mut alice) = alice {
        alice.expect_bye();
    }
    alice_is_free(&server);
    server.finish();
}

#[test]
fn a_caller_who_vanishes_while_waiting_is_missed() {
    for headers in [KNOWS, ""] {
        let server = short();
        let mut caller = Phone::caller(&server, 1_130.0);
        calls(&mut caller, headers);
        caller.audio.hears_music(&[]);
        drop(caller);
        caller_is_missed(server, None);
    }
}

#[test]
fn a_caller_who_vanishes_while_talking_is_missed() {
    let server = short();
    let (caller, alice) = talking(&server, KNOWS, "60;refresher=uac");
    drop(caller);
    caller_is_missed(server, Some(alice));
}

#[test]
fn a_caller_who_vanishes_on_hold_is_missed() {
    let server = short();
    let (caller, mut alice) = talking(&server, KNOWS, "60;refresher=uac");
    alice.direction = "sendonly";
    alice.update();
    assert_eq!(alice.expect_response("UPDATE").status(), Some(200));
    server.events.wait("participant.held", &[]);
    drop(caller);
    caller_is_missed(server, Some(alice));
}

#[test]
fn an_operator_who_vanishes_is_missed_and_the_caller_waits_again() {
    for holds in [false, true] {
        let server = short();
        let (mut caller, mut alice) = talking(&server, CALM, "8;refresher=uac");
        if holds {
            alice.direction = "sendonly";
            alice.reinvite();
            alice.expect_answer();
            server.events.wait("participant.held", &[]);
        }
        drop(alice);
        let ended = [("operator", "alice"), ("cause", "expired")];
        server.events.wait_within(AN_INTERVAL, 0, "leg.ended", &ended);
        alice_is_free(&server);
        caller.audio.hears_music(&[1_570.0]);
        caller.hang_up();
        server.finish();
    }
}

#[test]
fn silence_is_asked_by_options() {
    let sip = "session_expires_s = 0\nprobe_s = 1".to_owned();
    let server = Server::start(&Config { sip, ..Config::default() });
    let (mut caller, mut alice) = connected(&server);
    for status in ["200 OK", "405 Method Not Allowed", "501 Not Implemented"] {
        for phone in [&mut caller, &mut alice] {
            let options = phone.expect("OPTIONS");
            assert!(options.tag("To").is_some(), "in the dialog:\n{}", options.text());
            phone.reply(&options, status, "", "");
        }
    }
    assert_eq!(server.events.count("leg.ended", &[]), 0);
    // Who is asked and says nothing is given up as any request is, after 32 s.
    drop(caller);
    drop(alice);
    let ended = server.events.wait_within(Duration::from_secs(60), 0, "call.ended", &[]);
    alice_is_free(&server);
    assert!(record(&server, call_of(&ended))["ended"].is_string());
    server.finish();
}
