//! Calls that leave again: by URI, over a trunk.

use std::net::SocketAddr;

use sip_tests::{Config, Phone, Server};

/// Somebody out there; speaks to a server that starts later.
fn carrier() -> Phone {
    Phone::towards(SocketAddr::from(([127, 0, 0, 1], 9)), "127.0.0.1", "carrier", 2_210.0)
}

fn routed(go: &str, trunks: &str) -> Server {
    let mut config = Config { routes: format!("[[route]]\ngo = {go}\n"), ..Config::default() };
    config.trunks.push_str(trunks);
    Server::start(&config)
}

/// The caller is let through to the carrier, who answers; both are heard, both ends end.
fn goes_through(server: Server, mut caller: Phone, mut carrier: Phone) {
    carrier.reply_invite("180 Ringing");
    caller.expect_status(180);
    carrier.pick_up();
    caller.expect_answer();
    carrier.expect("ACK");
    caller.audio.hears(2_210.0);
    carrier.audio.hears(1_130.0);
    carrier.hang_up();
    caller.expect_bye();
    server.finish();
}

#[test]
fn a_route_to_a_uri_calls_it() {
    let mut carrier = carrier();
    let server = routed(&format!("{{ uri = \"sip:desk@{}\" }}", carrier.address()), "");
    carrier.aim(&server);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("anything");
    let invite = carrier.expect("INVITE");
    assert!(invite.request_uri().starts_with("sip:desk@"), "{}", invite.start);
    goes_through(server, caller, carrier);
}

#[test]
fn a_route_over_a_trunk_answers_its_challenge() {
    let mut carrier = carrier();
    let trunk = format!(
        "[[trunk]]\nname = \"out\"\nproxy = \"sip:{}\"\nusername = \"us\"\npassword = \"p\"\n",
        carrier.address()
    );
    let server = routed("{ number = \"+15550100\", trunk = \"out\" }", &trunk);
    carrier.aim(&server);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("anything");
    let first = carrier.expect("INVITE");
    assert!(first.request_uri().starts_with("sip:+15550100@"), "{}", first.start);
    let challenge = "Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"n1\", algorithm=MD5, \
                     qop=\"auth\"\r\n";
    carrier.reply(&first, "407 Proxy Authentication Required", challenge, "");
    carrier.expect("ACK");
    let second = carrier.expect("INVITE");
    let answer = second.must("Proxy-Authorization");
    assert!(answer.contains("username=\"us\"") && answer.contains("nonce=\"n1\""), "{answer}");
    assert_eq!(second.must("Call-ID"), first.must("Call-ID"));
    assert_eq!(second.cseq().0, first.cseq().0 + 1);
    goes_through(server, caller, carrier);
}

#[test]
fn a_destination_that_refuses_is_told_to_the_caller() {
    let mut carrier = carrier();
    let server = routed(&format!("{{ uri = \"sip:desk@{}\" }}", carrier.address()), "");
    carrier.aim(&server);
    let mut caller = Phone::caller(&server, 1_130.0);
    for (said, told) in [("486 Busy Here", 486), ("404 Not Found", 404), ("603 Decline", 603)] {
        caller.invite("anything");
        carrier.expect("INVITE");
        carrier.reply_invite(said);
        carrier.expect("ACK");
        caller.expect_status(told);
    }
    server.finish();
}

#[test]
fn a_caller_who_gives_up_cancels_at_the_destination() {
    let mut carrier = carrier();
    let server = routed(&format!("{{ uri = \"sip:desk@{}\" }}", carrier.address()), "");
    carrier.aim(&server);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("anything");
    carrier.expect("INVITE");
    carrier.reply_invite("180 Ringing");
    caller.expect_status(180);
    caller.cancel();
    assert_eq!(caller.expect_response("CANCEL").status(), Some(200));
    caller.expect_status(487);
    carrier.expect_cancel();
    server.finish();
}

#[test]
fn early_media_of_the_destination_is_heard_by_the_caller_or_ringing_is() {
    let mut carrier = carrier();
    let server = routed(&format!("{{ uri = \"sip:desk@{}\" }}", carrier.address()), "");
    carrier.aim(&server);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("anything");
    let invite = carrier.expect("INVITE");
    let sdp = carrier.sdp();
    carrier.reply(&invite, "183 Session Progress", "", &sdp);
    carrier.reply_invite("180 Ringing");
    caller.expect_status(183);
    carrier.reply(&invite, "200 OK", "", &sdp);
    caller.expect_answer();
    carrier.expect("ACK");
    caller.audio.hears(2_210.0);
    caller.hang_up();
    carrier.expect_bye();
    server.finish();
}

/// A call to `sip:desk@CARRIER` that the carrier sends on to another address.
fn sent_on(contact: impl Fn(SocketAddr) -> String) -> (Server, Phone, Phone) {
    let mut carrier = carrier();
    let server = routed(&format!("{{ uri = \"sip:desk@{}\" }}", carrier.address()), "");
    carrier.aim(&server);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("anything");
    let first = carrier.expect("INVITE");
    let contact = format!("Contact: <{}>\r\n", contact(carrier.address()));
    carrier.reply(&first, "302 Moved Temporarily", &contact, "");
    carrier.expect("ACK");
    (server, caller, carrier)
}

#[test]
fn a_destination_that_moved_is_followed_on_its_own_host() {
    let (server, caller, mut carrier) = sent_on(|address| format!("sip:office@{address}"));
    let second = carrier.expect("INVITE");
    assert!(second.request_uri().starts_with("sip:office@"), "{}", second.start);
    assert_eq!(second.cseq().0, 2);
    goes_through(server, caller, carrier);
}

#[test]
fn a_destination_sends_nobody_to_strangers() {
    let (server, mut caller, _carrier) = sent_on(|_| "sip:premium@127.0.0.77:5060".to_owned());
    caller.expect_status(480);
    server.finish();
}

#[test]
fn why_a_call_failed_or_ended_is_told_but_not_in_whose_words() {
    let mut carrier = carrier();
    let server = routed(&format!("{{ uri = \"sip:desk@{}\" }}", carrier.address()), "");
    carrier.aim(&server);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("anything");
    let invite = carrier.expect("INVITE");
    let reason = "Reason: Q.850;cause=17;text=\"pbx seven\"\r\n";
    carrier.reply(&invite, "486 Busy Here", reason, "");
    carrier.expect("ACK");
    assert_eq!(caller.expect_status(486).must("Reason"), "Q.850;cause=17");
    let said = &[("reason", "Q.850;cause=17;text=\"pbx seven\"")];
    server.events.wait("leg.failed", said);

    caller.invite("anything");
    carrier.expect("INVITE");
    carrier.pick_up();
    caller.expect_answer();
    carrier.expect("ACK");
    carrier.request("BYE", "Reason: SIP;text=\"bored\", Q.850;cause=16;text=\"Terminated\"\r\n");
    assert_eq!(carrier.expect_response("BYE").status(), Some(200));
    assert_eq!(caller.expect_bye().must("Reason"), "Q.850;cause=16");
    server.finish();
}

#[test]
fn all_legs_of_a_call_bear_one_name() {
    let mut carrier = carrier();
    let server = routed(&format!("{{ uri = \"sip:desk@{}\" }}", carrier.address()), "");
    carrier.aim(&server);
    let mut caller = Phone::caller(&server, 1_130.0);
    let theirs = "ab30317f1a784dc48ff824d0d3715d86";
    let nil = "0".repeat(32);
    let headers = format!("Session-ID: {theirs};remote={nil}\r\n");
    caller.invite_as("anything", &sip_tests::Invite { headers: &headers, ..Default::default() });
    let invite = carrier.expect("INVITE");
    let ours = invite.must("Session-ID").split(';').next().unwrap_or_default().to_owned();
    assert_eq!(invite.must("Session-ID"), format!("{ours};remote={nil}"));
    carrier.pick_up();
    assert_eq!(caller.expect_answer().must("Session-ID"), format!("{ours};remote={theirs}"));
    carrier.expect("ACK");
    server.events.wait("call.started", &[("session_id", &*ours)]);
    caller.hang_up();
    carrier.expect_bye();
    server.finish();
}

#[test]
fn numbers_are_written_as_the_house_and_as_each_trunk_writes_them() {
    let mut carrier = carrier();
    let proxy = carrier.address();
    let trunks = format!(
        "[[trunk]]\nname = \"in\"\nhosts = [\"127.0.0.1\"]\n\
         number_in = [{{ strip = \"8\", add = \"+7\", digits = 11 }}, {{ add = \"+7\", digits = 10 }}]\n\
         [[trunk]]\nname = \"out\"\nproxy = \"sip:{proxy}\"\n\
         number_out = {{ strip = \"+7\", add = \"8\" }}\n"
    );
    let routes = "[[route]]\nto = '^\\+74957654321$'\nfrom = '^\\+7495'\n\
                  go = { number = \"+74950000001\", trunk = \"out\" }\n"
        .to_owned();
    let config = Config { trunks, routes, ..Config::default() };
    let server = Server::start(&config);
    carrier.aim(&server);
    let mut caller = Phone::at("127.0.0.1", &server, "84951234567", 1_130.0);
    caller.invite("4957654321");
    let invite = carrier.expect("INVITE");
    assert!(invite.request_uri().starts_with("sip:84950000001@"), "{}", invite.start);
    assert!(invite.must("From").contains("sip:84951234567@"), "{}", invite.text());
    let started = server.events.wait("call.started", &[("from", "+74951234567")]);
    assert_eq!(started["to"], "+74957654321");
    goes_through(server, caller, carrier);
}
