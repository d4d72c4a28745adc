//! Peers that others wrote: SIPp and baresip.

use serde_json::json;
use sip_tests::{Config, Phone, Server, Sipp, Softphone, tone};

#[test]
fn sipp_calls_with_audio_and_a_softphone_hears_it() {
    let server = Server::plain();
    let mut alice = Softphone::operator(&server, "alice", server.ports.peer(0), "pcmu,pcma");
    let port = server.ports.peer(4);
    let media = server.ports.peer(6).to_string();
    let caller =
        Sipp::start(&server, "uac-audio", port, 1, &["-s", "600", "-d", "4000", "-mp", &media]);
    alice.rings(0);
    alice.answer(0, 1_570.0);
    alice.hears(0, 440.0);
    caller.succeeds();
    alice.events.wait("closed", &[("call", "0")]);
    server.finish();
}

#[test]
fn sipp_echoes_what_it_hears_and_the_softphone_hears_itself() {
    let server = Server::plain();
    let mut alice = Softphone::operator(&server, "alice", server.ports.peer(0), "pcmu,pcma");
    let port = server.ports.peer(4);
    let media = server.ports.peer(6).to_string();
    let more = ["-s", "600", "-mp", &media, "-rtp_echo"];
    let caller = Sipp::start(&server, "uac-stays", port, 1, &more);
    alice.rings(0);
    alice.answer(0, 1_570.0);
    alice.hears(0, 1_570.0);
    alice.order(json!({"do": "hangup", "call": 0}));
    caller.succeeds();
    server.finish();
}

#[test]
fn a_caller_and_a_softphone_hear_each_other_though_it_offers_again_by_itself() {
    let server = Server::plain();
    let mut alice = Softphone::operator(&server, "alice", server.ports.peer(0), "pcma,pcmu");
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    alice.rings(0);
    caller.audio.hears_music(&[1_130.0, 1_570.0]);
    alice.answer(0, 1_570.0);
    caller.audio.hears(1_570.0);
    alice.hears(0, 1_130.0);
    caller.hang_up();
    alice.events.wait("closed", &[("call", "0")]);
    caller.audio.is_continuous();
    server.finish();
}

#[test]
fn a_softphone_holds_and_resumes_and_the_customer_hears_music_meanwhile() {
    let server = Server::plain();
    let mut alice = Softphone::operator(&server, "alice", server.ports.peer(0), "pcmu,pcma");
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    alice.rings(0);
    alice.answer(0, 1_570.0);
    caller.audio.hears(1_570.0);
    alice.order(json!({"do": "hold", "call": 0}));
    server.events.wait("participant.held", &[]);
    caller.audio.hears_music(&[1_130.0, 1_570.0]);
    alice.order(json!({"do": "resume", "call": 0}));
    server.events.wait("participant.resumed", &[]);
    caller.audio.hears(1_570.0);
    alice.hears(0, 1_130.0);
    alice.order(json!({"do": "hangup", "call": 0}));
    caller.expect_bye();
    caller.audio.is_continuous();
    server.finish();
}

#[test]
fn a_softphone_presses_keys_and_each_is_one_event() {
    let server = Server::plain();
    let mut alice = Softphone::operator(&server, "alice", server.ports.peer(0), "pcmu");
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    alice.rings(0);
    alice.answer(0, 1_570.0);
    caller.audio.hears(1_570.0);
    alice.order(json!({"do": "dtmf", "call": 0, "digits": "19#"}));
    server.events.wait("dtmf.received", &[("digit", "#")]);
    assert_eq!(server.events.count("dtmf.received", &[]), 3);
    caller.hang_up();
    alice.events.wait("closed", &[("call", "0")]);
    server.finish();
}

#[test]
fn a_softphone_that_rejects_and_one_whose_plug_is_pulled_are_passed_over() {
    let server = Server::start(&Config::queue("ring_s = 1"));
    let mut alice = Softphone::operator(&server, "alice", server.ports.peer(0), "pcmu");
    let mut bob = Softphone::operator(&server, "bob", server.ports.peer(2), "pcmu");
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    alice.rings(0);
    alice.order(json!({"do": "reject", "call": 0}));
    bob.rings(0);
    bob.vanish();
    server.events.wait("reservation.timeout", &[("operator", "bob")]);
    caller.audio.hears_music(&[1_130.0]);
    caller.hang_up();
    server.finish();
}

#[test]
fn a_softphone_stops_ringing_when_the_caller_is_gone() {
    let server = Server::plain();
    let alice = Softphone::operator(&server, "alice", server.ports.peer(0), "pcmu");
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    alice.rings(0);
    server.events.wait("leg.ringing", &[("operator", "alice")]);
    caller.hang_up();
    alice.events.wait("closed", &[("call", "0")]);
    server.finish();
}

#[test]
fn two_softphones_call_each_other() {
    let server = Server::plain();
    let mut alice = Softphone::operator(&server, "alice", server.ports.peer(0), "pcmu");
    let mut bob = Softphone::operator(&server, "bob", server.ports.peer(2), "pcma");
    alice.order(json!({"do": "dial", "uri": "sip:102@usher.test"}));
    bob.rings(0);
    bob.answer(0, 2_210.0);
    alice.events.wait("established", &[("call", "0")]);
    alice.order(json!({"do": "tone", "call": 0, "hz": 1_570.0}));
    alice.hears(0, 2_210.0);
    bob.hears(0, 1_570.0);
    bob.hears_that(0, "nothing else", |samples, rate| {
        tone::share(samples, 2_210.0 * tone::RATE_HZ / rate) < 0.1
    });
    alice.order(json!({"do": "hangup", "call": 0}));
    bob.events.wait("closed", &[("call", "0")]);
    server.finish();
}

#[test]
fn the_load_scripts_register_call_and_cancel() {
    let config =
        Config { queue: "wrap_up_s = 0\nanswer = \"on-connect\"".to_owned(), ..Config::default() };
    let server = Server::start(&config);
    let keys = ["-inf", "operators.csv", "-key", "domain", "usher.test"];
    Sipp::start(&server, "register", server.ports.peer(2), 2, &keys).succeeds();
    let media = server.ports.peer(10).to_string();
    let operators =
        Sipp::start(&server, "uas", server.ports.peer(2), 2, &["-d", "20", "-mp", &media]);
    for operator in ["alice", "bob"] {
        let ready = [("operator", operator), ("/effective/state", "ready")];
        server.events.wait("operator.state", &ready);
    }
    let media = server.ports.peer(14).to_string();
    let more = ["-s", "600", "-d", "200", "-l", "2", "-mp", &media];
    Sipp::start(&server, "uac", server.ports.peer(4), 2, &more).succeeds();
    operators.succeeds();
    // Nobody answers at that port any more: the caller gives up.
    let more = ["-s", "600", "-d", "300", "-mp", &media];
    Sipp::start(&server, "uac-cancel", server.ports.peer(5), 1, &more).succeeds();
    server.events.wait("call.ended", &[("result", "abandoned")]);
    server.finish();
}

#[test]
fn sipp_calls_over_tcp() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let media = server.ports.peer(6).to_string();
    let more = ["-s", "600", "-d", "1500", "-mp", &media, "-t", "t1", "-rtp_echo"];
    let caller = Sipp::start(&server, "uac", server.ports.peer(4), 1, &more);
    alice.expect("INVITE");
    alice.answer();
    // Its own, sent back.
    alice.audio.hears(1_570.0);
    alice.expect_bye();
    caller.succeeds();
    server.finish();
}
