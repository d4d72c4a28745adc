//! The same over IPv6: the server, its phones and its trunk are at ::1; and over both at once.

use std::net::{Ipv6Addr, SocketAddr};

use sip_tests::{Config, Phone, Server, Stream, call_of, connected, record};

fn six() -> Server {
    Server::start(&Config { host: Ipv6Addr::LOCALHOST.into(), ..Config::default() })
}

#[test]
fn a_phone_registers_a_caller_is_put_through_and_both_are_heard() {
    let server = six();
    let (mut caller, mut alice) = connected(&server);
    let answered = server.events.wait("call.answered", &[("operator", "alice")]);
    let invite = caller.heard().to_owned() + alice.heard();
    assert!(invite.contains("c=IN IP6 ::1\r\n") && !invite.contains("IP4"), "{invite}");
    assert!(invite.contains(&format!("@{}>", server.address())), "{invite}");
    // Hold by the phone, music, and back: re-INVITEs find their way.
    alice.direction = "sendonly";
    alice.reinvite();
    alice.expect_answer();
    server.events.wait("participant.held", &[]);
    alice.direction = "sendrecv";
    alice.reinvite();
    alice.expect_answer();
    server.events.wait("participant.resumed", &[]);
    caller.audio.hears(alice.audio.hz());
    alice.audio.hears(caller.audio.hz());
    caller.audio.is_continuous();
    alice.hang_up();
    caller.expect_bye();
    assert_eq!(record(&server, call_of(&answered))["result"], "answered");
    server.finish();
}

#[test]
fn over_tcp_and_the_other_way_round() {
    let server = six();
    let stream = Stream::open(server.address());
    let mut alice = Phone::operator_by_tcp(&server, stream, "alice", 1_570.0);
    let mut bob = Phone::operator(&server, "bob", 2_210.0);
    alice.invite("102");
    bob.expect("INVITE");
    bob.reply_invite("180 Ringing");
    alice.expect_status(180);
    bob.answer();
    alice.expect_answer();
    alice.audio.hears(2_210.0);
    bob.audio.hears(1_570.0);
    bob.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn a_description_of_the_other_family_is_refused() {
    let server = six();
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.rewrite = |sdp| sdp.replace("IP6 ::1", "IP4 127.0.0.1");
    caller.invite("600");
    let refusal = caller.expect_refusal();
    assert_eq!(refusal.status(), Some(488), "{}", refusal.text());
    server.finish();
}

/// Nothing of `[media]` says where audio comes in: it comes in over what SIP comes over.
#[test]
fn callers_of_both_families_talk_to_one_another() {
    let both = Config { also: Some(Ipv6Addr::LOCALHOST.into()), ..Config::default() };
    let server = Server::start(&both);
    let six = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), server.address().port());
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::towards(six, "::1", "+74951234567", 1_130.0);
    caller.invite("600");
    alice.expect("INVITE");
    alice.answer();
    caller.expect_answer();
    assert!(caller.heard().contains("c=IN IP6 ::1\r\n"), "{}", caller.heard());
    assert!(alice.heard().contains("c=IN IP4 127.0.0.1\r\n"), "{}", alice.heard());
    caller.audio.hears(1_570.0);
    alice.audio.hears(1_130.0);
    caller.hang_up();
    alice.expect_bye();
    // And both of the older one.
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    alice.expect("INVITE");
    alice.answer();
    caller.expect_answer();
    caller.audio.hears(1_570.0);
    alice.audio.hears(1_130.0);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

/// A call that nobody could be heard in is not answered.
#[test]
fn without_audio_of_its_family_a_call_is_refused() {
    let config = Config {
        also: Some(Ipv6Addr::LOCALHOST.into()),
        media: "listen = \"127.0.0.1\"\n".to_owned(),
        ..Config::default()
    };
    let server = Server::start(&config);
    let six = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), server.address().port());
    let mut caller = Phone::towards(six, "::1", "+74951234567", 1_130.0);
    caller.invite("600");
    let refusal = caller.expect_refusal();
    assert_eq!(refusal.status(), Some(488), "{}", refusal.text());
    assert!(refusal.text().contains("Warning: 399 "), "{}", refusal.text());
    server.finish();
}
