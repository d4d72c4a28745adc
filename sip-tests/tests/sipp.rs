//! SIPp's own scenarios, as they come, on both sides of the switch. `branchc` and `branchs` are
//! made for each other (a REGISTER that nobody may challenge), and `regexp` demands a user's name in
//! `o=`, where ours has the `-` of RFC 8866 5.2: so they are not here.

use sip_tests::{Config, Phone, Ports, Server, Sipp, Way, call_of};

const OPERATOR_HZ: f64 = 1_570.0;
const CALLER_HZ: f64 = 1_130.0;

#[test]
fn uac_calls_the_queue_and_is_heard_by_its_echo() {
    for transport in ["u1", "t1"] {
        let server = Server::plain();
        let mut alice = Phone::operator(&server, "alice", OPERATOR_HZ);
        let media = server.ports.peer(10).to_string();
        let more = ["-s", "600", "-d", "1500", "-mp", &media, "-rtp_echo", "-t", transport];
        let caller = Sipp::own(&server, "uac", server.ports.peer(4), 1, &more);
        alice.expect("INVITE");
        alice.answer();
        // Its own tone, there and back.
        alice.audio.hears(OPERATOR_HZ);
        alice.expect_bye();
        caller.succeeds();
        server.finish();
    }
}

/// A capture of speech in frames of 30 ms, then a key with an SSRC and timestamps of its own.
#[test]
fn uac_pcap_speaks_in_frames_of_30_ms_and_presses_a_key() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", OPERATOR_HZ);
    alice.codecs = vec![8, 101];
    let media = server.ports.peer(10).to_string();
    let more = ["-s", "600", "-mp", &media];
    let caller = Sipp::own(&server, "uac_pcap", server.ports.peer(4), 1, &more);
    alice.expect("INVITE");
    alice.answer();
    alice.audio.hears_music(&[OPERATOR_HZ]);
    caller.succeeds();
    alice.expect_bye();
    server.events.wait("call.ended", &[]);
    assert_eq!(server.events.count("dtmf.received", &[("digit", "1")]), 1);
    assert_eq!(server.events.count("dtmf.received", &[]), 1);
    server.finish();
}

#[test]
fn uas_is_a_destination_that_a_route_names() {
    for (transport, way) in [("u1", Way::Udp), ("t1", Way::Tcp)] {
        let mut config = Config::default();
        let ports = Ports::take();
        let port = ports.peer(0);
        let parameter = if way == Way::Tcp { ";transport=tcp" } else { "" };
        config.routes =
            format!("[[route]]\ngo = {{ uri = \"sip:desk@127.0.0.1:{port}{parameter}\" }}\n");
        let server = Server::start(&config);
        let media = ports.peer(10).to_string();
        let more = ["-mp", &media, "-rtp_echo", "-t", transport];
        let callee = Sipp::own(&server, "uas", port, 1, &more);
        callee.listens(port, way);
        let mut caller = Phone::caller(&server, CALLER_HZ);
        caller.invite("anything");
        let answer = caller.expect_answer();
        assert!(answer.audio().is_some(), "{}", answer.text());
        caller.audio.hears(CALLER_HZ);
        caller.hang_up();
        callee.succeeds();
        server.finish();
    }
}

#[test]
fn uas_is_an_operator_who_is_registered_from_its_port() {
    // Phones that say that they take OPTIONS are asked; SIPp is not: it would count a failed call.
    let server = Server::start(&Config { sip: "qualify_s = 1\n".to_owned(), ..Config::default() });
    let keys = ["-inf", "operators.csv", "-key", "domain", "usher.test"];
    Sipp::start(&server, "register", server.ports.peer(2), 1, &keys).succeeds();
    server.events.wait("operator.state", &[("/effective/state", "ready")]);
    let media = server.ports.peer(10).to_string();
    let more = ["-mp", &media, "-rtp_echo"];
    let operator = Sipp::own(&server, "uas", server.ports.peer(2), 1, &more);
    let mut bob = Phone::of(&server, "bob", CALLER_HZ);
    let contact = bob.contact();
    bob.register_with(&format!("Contact: {contact}\r\nAllow: OPTIONS\r\n"));
    for _ in 0..2 {
        let options = bob.expect("OPTIONS");
        bob.reply(&options, "200 OK", "", "");
    }
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("600");
    caller.expect_answer();
    let answered = server.events.wait("call.answered", &[]);
    caller.audio.hears(CALLER_HZ);
    caller.hang_up();
    operator.succeeds();
    server.events.wait("call.ended", &[("call", call_of(&answered)), ("result", "answered")]);
    server.finish();
}

/// RFC 3725, flow I: an INVITE without an offer to one, its offer to the other, the other's answer
/// in the first one's ACK. Both are the same switch.
#[test]
fn a_third_party_joins_two_calls_by_their_descriptions() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", OPERATOR_HZ);
    let mut bob = Phone::operator(&server, "bob", CALLER_HZ);
    let twin = format!("127.0.0.1:{}", server.ports.peer(8));
    let (first, second) = (server.ports.peer(4), server.ports.peer(6));
    let to_b = Sipp::own(&server, "3pcc-C-B", second, 1, &["-s", "102", "-3pcc", &twin]);
    to_b.listens(server.ports.peer(8), Way::Tcp);
    let to_a = Sipp::own(&server, "3pcc-C-A", first, 1, &["-s", "101", "-3pcc", &twin]);
    alice.expect("INVITE");
    alice.answer();
    bob.expect("INVITE");
    bob.answer();
    alice.audio.hears(CALLER_HZ);
    bob.audio.hears(OPERATOR_HZ);
    alice.expect_bye();
    bob.expect_bye();
    to_a.succeeds();
    to_b.succeeds();
    server.finish();
}
