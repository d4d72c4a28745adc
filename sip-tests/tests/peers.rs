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

/// What a softphone hears of these tones, each to half a decibel as loud as it was sent, and nothing of
/// the others.
fn just(these: &[f64], others: &[f64]) -> impl Fn(&[i16], f64) -> bool {
    move |samples: &[i16], rate: f64| {
        // A tenth of a second is whole periods of each.
        let known = [(8_000.0, 800), (16_000.0, 1_600), (48_000.0, 4_800), (96_000.0, 9_600)];
        let Some((_, tenth)) = known.iter().find(|(hz, _)| *hz == rate) else { return false };
        let window = &samples[..samples.len() / tenth * tenth];
        let off = |hz: &f64| {
            let loud = tone::amplitude(window, hz * tone::RATE_HZ / rate);
            tone::decibels(loud / tone::AMPLITUDE)
        };
        let near = if these.len() > 1 { 2.0 } else { 0.5 };
        !window.is_empty()
            && these.iter().all(|hz| off(hz).abs() < near)
            && others.iter().all(|hz| off(hz) < -24.0)
    }
}

/// Baresip's G.722 and Opus beside G.711: what a tone is worth after each way.
#[test]
fn softphones_with_g722_and_opus_and_a_phone_with_g711_in_one_conference() {
    const CALLER: f64 = 400.0;
    const ALICE: f64 = 700.0;
    const BOSS: f64 = 1_100.0;
    let mut config = Config::default();
    config.operators += "[[operator]]\nid = \"boss\"\npassword = \"boss-secret\"\n\
                         role = \"supervisor\"\nsupervises = [\"support\"]\n";
    let server = Server::start(&config);
    let g722 = "G722/16000/1";
    let mut alice = Softphone::operator(&server, "alice", server.ports.peer(0), g722);
    let opus = "opus/48000/2";
    let mut boss = Softphone::operator(&server, "boss", server.ports.peer(2), opus);
    let mut caller = Phone::caller(&server, CALLER);
    caller.invite("600");
    caller.expect_answer();
    alice.rings(0);
    alice.answer(0, ALICE);
    let all = [CALLER, ALICE, BOSS];
    caller.audio.hears_just(caller.audio.mark(), &[ALICE], &all);
    alice.hears_that(0, "the caller", just(&[CALLER], &[ALICE, BOSS]));
    let call = server.events.wait("call.answered", &[]);
    let people = format!("/calls/{}/participants", sip_tests::call_of(&call));
    let asked = json!({"operator": "boss", "role": "supervisor", "mode": "monitor"});
    assert_eq!(server.api.post(&people, &asked).0, 201);
    boss.rings(0);
    boss.answer(0, BOSS);
    boss.hears_that(0, "both", just(&[CALLER, ALICE], &[BOSS]));
    caller.audio.hears_just(caller.audio.mark(), &[ALICE], &all);
    for (mode, alice_hears, caller_hears) in [
        ("whisper", &[CALLER, BOSS][..], &[ALICE][..]),
        ("barge", &[CALLER, BOSS], &[ALICE, BOSS]),
        ("intercept", &[], &[BOSS]),
    ] {
        let boss_id = format!("{people}/boss");
        assert_eq!(server.api.patch(&boss_id, &json!({"mode": mode})).0, 200);
        caller.audio.hears_just(caller.audio.mark(), caller_hears, &all);
        if mode != "intercept" {
            alice.hears_that(0, mode, just(alice_hears, &[ALICE]));
            boss.hears_that(0, mode, just(&[CALLER, ALICE], &[BOSS]));
        }
    }
    alice.events.wait("closed", &[("call", "0")]);
    boss.hears_that(0, "the caller", just(&[CALLER], &[ALICE, BOSS]));
    caller.audio.is_continuous();
    caller.hang_up();
    boss.events.wait("closed", &[("call", "0")]);
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
