//! Requests that are wrong, stray, too many or not meant for us: a correct answer, and a call
//! beside them that notices nothing.

use std::net::UdpSocket;

use sip_tests::{Phone, Server, connected, ring};

/// Does something rude while two talk, and sees that they still do.
fn beside_a_call(act: impl FnOnce(&Server, &mut Phone)) {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let mut other = Phone::caller(&server, 1_900.0);
    act(&server, &mut other);
    caller.audio.hears(1_570.0);
    alice.audio.hears(1_130.0);
    caller.hang_up();
    alice.expect_bye();
    caller.audio.is_continuous();
    alice.audio.is_continuous();
    assert_eq!(server.events.count("call.started", &[]), 1);
    server.finish();
}

#[test]
fn requests_that_cannot_be_served_get_the_answer_that_says_why() {
    beside_a_call(|_, phone| {
        let mut check = |method, headers, expected: &[u16]| {
            let answer = phone.ask(method, "600", headers);
            let status = answer.status().unwrap_or_default();
            assert!(expected.contains(&status), "{method} {headers}\n{}", answer.text());
            answer
        };
        check("INVITE", "Max-Forwards: 0\r\n", &[483]);
        let answer = check("INVITE", "Require: wings\r\n", &[420]);
        assert_eq!(answer.header("Unsupported"), Some("wings"));
        assert!(check("OPTIONS", "", &[200]).header("Allow").is_some());
        assert!(check("PUBLISH", "", &[405, 501]).header("Allow").is_some());
        check("FLY", "", &[405, 501]);
        check("BYE", "", &[481]);
        check("CANCEL", "", &[481]);
        check("UPDATE", "", &[405, 481]);
        check("INFO", "", &[405, 481]);
        check("NOTIFY", "", &[405, 481, 489]);
        check("SUBSCRIBE", "Event: wings\r\n", &[405, 489, 501]);
    });
}

#[test]
fn octets_that_are_no_sip_disturb_nobody() {
    beside_a_call(|server, _| {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let mut state = 0x2545_f491_u32;
        for length in (0..1_400).step_by(7) {
            let random = (0..length).map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state.to_be_bytes()[1]
            });
            let octets: Vec<u8> = random.collect();
            socket.send_to(&octets, server.address()).expect("a datagram is sent");
        }
        for text in [
            "INVITE",
            "INVITE sip:600@x SIP/2.0\r\n\r\n",
            "SIP/2.0 200 OK\r\n\r\n",
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nCSeq: 1 INVITE\r\n\r\n",
            "INVITE sip:600@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKy\r\nContent-Length: -1\r\n\r\n",
            "\r\n\r\n\r\n\r\n",
            "\0\0\0\0",
        ] {
            socket.send_to(text.as_bytes(), server.address()).expect("a datagram is sent");
        }
    });
}

#[test]
fn a_callee_that_challenges_our_bye_gets_no_credentials() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    caller.hang_up();
    let bye = alice.expect("BYE");
    let challenge = "WWW-Authenticate: Digest realm=\"usher.test\", nonce=\"x\", algorithm=MD5\r\n";
    alice.reply(&bye, "401 Unauthorized", challenge, "");
    server.events.wait("call.ended", &[]);
    alice.expect_nothing(std::time::Duration::from_millis(300));
    server.finish();
}

#[test]
fn a_second_offer_before_the_first_is_through_gets_500_and_an_old_number_too() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    caller.reinvite();
    caller.expect_status(200);
    // The 200 is not confirmed yet, here is the next one.
    caller.reinvite();
    let refused = caller.expect_refusal();
    assert!([Some(500), Some(491)].contains(&refused.status()), "{}", refused.text());
    caller.ack_of(2);
    caller.count_from(1);
    caller.request("OPTIONS", "");
    assert_eq!(caller.expect_response("OPTIONS").status(), Some(500));
    caller.count_from(50);
    caller.request("OPTIONS", "");
    assert_eq!(caller.expect_response("OPTIONS").status(), Some(200));
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn what_comes_after_the_end_gets_481() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    caller.hang_up();
    alice.expect_bye();
    caller.request("BYE", "");
    assert_eq!(caller.expect_response("BYE").status(), Some(481));
    alice.reinvite();
    assert_eq!(alice.expect_refusal().status(), Some(481));
    server.finish();
}

#[test]
fn a_phone_that_fails_after_it_rang_costs_the_caller_nothing() {
    let server = Server::plain();
    let (mut caller, mut alice) = ring(&server);
    alice.reply_invite("183 Session Progress");
    alice.reply_invite("500 Server Internal Error");
    alice.expect("ACK");
    caller.audio.hears_music(&[1_130.0, 1_570.0]);
    caller.hang_up();
    server.finish();
}
