//! What is heard: music, each other, silence; and what is not.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use sip_tests::{Phone, Server, call_of, connect, connected, record, ring, tone};

#[test]
fn a_caller_hears_music_then_the_operator_and_the_operator_hears_the_caller() {
    let server = Server::plain();
    let (mut caller, mut alice) = ring(&server);
    caller.audio.hears_music(&[caller.audio.hz(), alice.audio.hz()]);
    connect(&caller, &mut alice);
    let call = server.events.wait("call.answered", &[("operator", "alice")]);
    caller.hang_up();
    alice.expect_bye();
    let call = call_of(&call);
    server.events.wait("call.ended", &[("call", call), ("result", "answered")]);
    let record = record(&server, call);
    assert_eq!(record["operator"], "alice");
    assert_eq!(record["queue"], "support");
    assert_eq!(record["tasks"][0]["outcome"], "completed");
    caller.audio.is_continuous();
    alice.audio.is_continuous();
    server.finish();
}

#[test]
fn the_operators_hang_up_ends_the_customers_leg() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let began = Instant::now();
    alice.hang_up();
    caller.expect_bye();
    let took = began.elapsed();
    assert!(took < Duration::from_millis(200), "it took {took:?}");
    server.finish();
}

#[test]
fn callers_are_served_in_the_order_they_came() {
    let server = Server::plain();
    let (mut first, mut alice) = connected(&server);
    let mut waiting: Vec<Phone> = [1_900.0, 2_300.0]
        .map(|hz| {
            let mut caller = Phone::caller(&server, hz);
            caller.invite("600");
            caller.expect_answer();
            caller.audio.hears_music(&[1_130.0, 1_570.0, hz]);
            caller
        })
        .into();
    first.hang_up();
    alice.expect_bye();
    for caller in &mut waiting {
        alice.expect("INVITE");
        connect(caller, &mut alice);
        alice.hang_up();
        caller.expect_bye();
    }
    server.finish();
}

#[test]
fn two_laws_meet_and_both_sides_are_heard() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    alice.codecs = vec![8, 101];
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.codecs = vec![0, 101];
    caller.invite("600");
    caller.expect_answer();
    alice.expect("INVITE");
    connect(&caller, &mut alice);
    assert!(alice.audio.heard().iter().all(|packet| packet.kind == 8));
    assert!(caller.audio.heard().iter().all(|packet| packet.kind == 0));
    alice.hang_up();
    caller.expect_bye();
    server.finish();
}

#[test]
fn a_digit_pressed_is_one_event_however_many_packets_carry_it() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    for digit in ["5", "5", "#"] {
        let mark = server.events.mark();
        caller.audio.press(digit.chars().next().expect("a digit"));
        server.events.wait_from(mark, "dtmf.received", &[("digit", digit)]);
    }
    caller.hang_up();
    alice.expect_bye();
    server.events.wait("call.ended", &[]);
    assert_eq!(server.events.count("dtmf.received", &[]), 3);
    server.finish();
}

/// An INFO of these fields and body, and the status of its answer.
fn info(phone: &mut Phone, headers: &str, body: &str) -> Option<u16> {
    phone.request_with("INFO", headers, body);
    phone.expect_response("INFO").status()
}

#[test]
fn a_key_by_info_is_told_and_heard_at_the_other_side() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    for (kind, body, digit) in [
        ("dtmf-relay", "Signal=5\r\nDuration=160\r\n", '5'),
        ("dtmf-relay", "Signal=11\r\nDuration=100\r\n", '#'),
        ("dtmf", "7", '7'),
    ] {
        let headers = format!("Content-Type: application/{kind}\r\n");
        assert_eq!(info(&mut alice, &headers, body), Some(200));
        server.events.wait("dtmf.received", &[("digit", &digit.to_string())]);
        caller.audio.hears_digit(digit);
    }
    assert_eq!(info(&mut alice, "", ""), Some(200), "one that only asks whether we are there");
    let odd = "Content-Type: application/media_control+xml\r\n";
    assert_eq!(info(&mut alice, odd, "<x/>"), Some(415));
    assert_eq!(info(&mut alice, "Info-Package: x\r\n", ""), Some(469));
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn a_key_sent_both_ways_is_one_key() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let relay = "Content-Type: application/dtmf-relay\r\n";
    for digit in ["1", "2", "3"] {
        let mark = server.events.mark();
        caller.audio.press(digit.chars().next().expect("a digit"));
        server.events.wait_from(mark, "dtmf.received", &[("digit", digit)]);
        assert_eq!(info(&mut caller, relay, &format!("Signal={digit}\r\n")), Some(200));
    }
    // INFO first, and one by INFO alone: that one is heard when it has waited for its audio.
    let (mark, heard) = (server.events.mark(), caller.audio.mark());
    assert_eq!(info(&mut alice, relay, "Signal=9\r\n"), Some(200));
    alice.audio.press('9');
    assert_eq!(info(&mut alice, relay, "Signal=8\r\n"), Some(200));
    server.events.wait_from(mark, "dtmf.received", &[("digit", "8")]);
    assert_eq!(caller.audio.hears_keys(heard, 2), "98");
    caller.hang_up();
    alice.expect_bye();
    server.events.wait("call.ended", &[]);
    assert_eq!(server.events.count("dtmf.received", &[]), 5);
    server.finish();
}

/// The two tones of a key, for 60 ms at least, and then the voice again.
#[track_caller]
fn heard_key(phone: &Phone, (low, high): (f64, f64), voice: f64) {
    let is_key = |part: &[i16]| tone::share(part, low) > 0.2 && tone::share(part, high) > 0.2;
    let is_heard = || {
        let samples: Vec<i16> =
            phone.audio.heard().into_iter().flat_map(|packet| packet.pcm).collect();
        samples.windows(480).step_by(160).any(is_key)
    };
    let since = Instant::now();
    while !is_heard() {
        assert!(since.elapsed() < Duration::from_secs(3), "no {low} and {high} Hz");
        phone.audio.hears(voice);
    }
    phone.audio.hears(voice);
}

/// A phone that knows no telephone-event hears the key itself; and one that has pressed keys with
/// its audio may press the next by INFO alone.
#[test]
fn a_key_reaches_a_phone_without_telephone_event() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    alice.rewrite = |sdp| sdp.replace(" 101\r\n", "\r\n").replace("a=rtpmap:101", "a=x-none:101");
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    alice.expect("INVITE");
    alice.answer();
    caller.expect_answer();
    alice.audio.hears(1_130.0);
    caller.audio.press('5');
    server.events.wait("dtmf.received", &[("digit", "5")]);
    heard_key(&alice, (770.0, 1_336.0), 1_130.0);
    let relay = "Content-Type: application/dtmf-relay\r\n";
    assert_eq!(info(&mut caller, relay, "Signal=6\r\nDuration=400\r\n"), Some(200));
    server.events.wait("dtmf.received", &[("digit", "6")]);
    heard_key(&alice, (770.0, 1_477.0), 1_130.0);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn a_stranger_who_sends_rtp_is_neither_heard_nor_answered() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let since = Instant::now();
    let stranger = Phone::at("127.0.0.2", &server, "stranger", 2_750.0);
    let neighbour = Phone::at("127.0.0.1", &server, "neighbour", 2_750.0);
    let (first, last) = server.ports.media();
    let port = alice.audio.heard()[0].source;
    assert!((first..=last).contains(&port.port()));
    stranger.audio.send_to(port, 0);
    neighbour.audio.send_to(port, 0);
    // A second of it, measured by what is heard all the while.
    while since.elapsed() < Duration::from_secs(1) {
        caller.audio.hears(alice.audio.hz());
        alice.audio.hears(caller.audio.hz());
    }
    caller.audio.never_heard(since, 2_750.0);
    assert_eq!(stranger.audio.heard(), []);
    assert_eq!(neighbour.audio.heard(), []);
    alice.audio.is_continuous();
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn garbage_at_the_media_port_disturbs_nobody() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let port = caller.audio.heard()[0].source;
    for length in 0..200_u8 {
        let octets: Vec<u8> =
            (0..length).map(|n| n.wrapping_mul(37).wrapping_add(length)).collect();
        socket.send_to(&octets, port).expect("a datagram is sent");
    }
    caller.audio.hears(alice.audio.hz());
    alice.audio.hears(caller.audio.hz());
    caller.audio.is_continuous();
    alice.audio.is_continuous();
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn what_comes_with_the_call_reaches_the_operator_and_nothing_of_the_callers_dialog_does() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    let headers = "X-Line : vip\r\nUser-to-User: 48656c6c6f;encoding=hex\r\n\
                   User-Agent: leaky/1.0\r\nX-Usher-Call: forged\r\n";
    caller.invite_as("600", &sip_tests::Invite { headers, ..Default::default() });
    let answer = caller.expect_answer();
    let invite = alice.expect("INVITE");
    assert_eq!(invite.header("X-Line"), Some("vip"));
    assert_eq!(invite.header("User-to-User"), Some("48656c6c6f;encoding=hex"));
    assert_ne!(invite.header("X-Usher-Call"), Some("forged"));
    assert_eq!(invite.header("X-Usher-Queue"), Some("support"));
    let text = invite.text();
    for secret in [answer.must("Call-ID"), "leaky", &caller.address().port().to_string()] {
        assert!(!text.contains(secret), "{secret} of leg A in leg B:\n{text}");
    }
    assert!(text.contains("+74951234567"), "the caller's number is not shown:\n{text}");
    alice.answer();
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn sender_reports_come_and_tell_of_the_stream_that_is_heard() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.rewrite = |sdp| sdp + "a=rtcp-mux\r\n";
    caller.invite("600");
    let answer = caller.expect_answer();
    assert!(answer.body.contains("a=rtcp-mux"), "{}", answer.text());
    alice.expect("INVITE");
    connect(&caller, &mut alice);
    assert_eq!(caller.audio.report(), caller.audio.heard()[0].ssrc);
    caller.hang_up();
    alice.expect_bye();
    caller.audio.is_continuous();
    server.finish();
}

#[test]
fn a_phone_behind_nat_hears_where_its_audio_comes_from() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    for phone in [&mut alice, &mut caller] {
        phone.rewrite = |sdp| sdp.replace("c=IN IP4 127.0.0.1", "c=IN IP4 192.0.2.7");
    }
    caller.invite("600");
    caller.expect_answer();
    caller.audio.hears_music(&[1_130.0, 1_570.0]);
    alice.expect("INVITE");
    connect(&caller, &mut alice);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}
