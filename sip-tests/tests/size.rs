//! Requests too large for a datagram, RFC 3261 section 18.1.1, and those that must not be.
use std::net::SocketAddr;

use sip_tests::{Config, Phone, Server, Sip};

/// Somebody out there; speaks to a server that starts later.
fn carrier() -> Phone {
    Phone::towards(SocketAddr::from(([127, 0, 0, 1], 9)), "127.0.0.1", "carrier", 2_210.0)
}

/// All calls go to the carrier, by a URI that makes the INVITE large.
fn server_for(carrier: &Phone, more: &str) -> Server {
    let long = "x".repeat(700);
    let uri = format!("sip:desk@{};way={long}{more}", carrier.address());
    let routes = format!("[[route]]\ngo = {{ uri = \"{uri}\" }}\n");
    Server::start(&Config { routes, ..Config::default() })
}

fn check(invite: &Sip, transport: &str) {
    assert!(invite.length() > 1_300, "{} octets", invite.length());
    let via = invite.must("Via");
    assert!(via.starts_with(&format!("SIP/2.0/{transport} ")), "{via}");
}

/// The carrier, who was called, answers; both are heard, both ends end.
fn goes_through(caller: &mut Phone, carrier: &mut Phone) {
    carrier.reply_invite("180 Ringing");
    caller.expect_status(180);
    carrier.answer();
    caller.expect_answer();
    caller.audio.hears(2_210.0);
    carrier.audio.hears(1_130.0);
    carrier.hang_up();
    caller.expect_bye();
}

#[test]
fn a_large_invite_goes_by_tcp() {
    let mut carrier = carrier();
    let listener = carrier.listen();
    let server = server_for(&carrier, "");
    carrier.aim(&server);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("anything");
    carrier.accept(&listener);
    check(&carrier.expect("INVITE"), "TCP");
    goes_through(&mut caller, &mut carrier);
    server.finish();
}

#[test]
fn a_large_invite_is_cancelled_by_the_way_it_went() {
    let mut carrier = carrier();
    let listener = carrier.listen();
    let server = server_for(&carrier, "");
    carrier.aim(&server);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("anything");
    carrier.accept(&listener);
    carrier.expect("INVITE");
    carrier.reply_invite("180 Ringing");
    caller.expect_status(180);
    caller.cancel();
    caller.expect_status(487);
    carrier.expect_cancel();
    server.finish();
}

#[test]
fn where_nobody_takes_connections_it_goes_by_udp() {
    let mut carrier = carrier();
    let server = server_for(&carrier, "");
    carrier.aim(&server);
    // The second one is not even tried by TCP, which nobody can see here.
    for _ in 0..2 {
        let mut caller = Phone::caller(&server, 1_130.0);
        caller.invite("anything");
        check(&carrier.expect("INVITE"), "UDP");
        goes_through(&mut caller, &mut carrier);
    }
    server.finish();
}

#[test]
fn where_udp_is_wanted_it_is_udp() {
    let mut carrier = carrier();
    let listener = carrier.listen();
    let server = server_for(&carrier, ";transport=udp");
    carrier.aim(&server);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("anything");
    check(&carrier.expect("INVITE"), "UDP");
    goes_through(&mut caller, &mut carrier);
    assert!(listener.accept().is_err(), "nobody connects");
    server.finish();
}

/// What phones get by default, with all codecs offered, fits into a datagram with room for a longer
/// name.
#[test]
fn an_ordinary_invite_is_far_from_the_limit() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    let invite = alice.expect("INVITE");
    assert!(invite.length() < 1_200, "{} octets\n{}", invite.length(), invite.text());
    alice.answer();
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}
