//! Calls between two endpoints, as a reader of RFC 3665 expects them.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test panics when it fails")]

#[expect(dead_code, reason = "each test binary uses its part of the network")]
mod net;

use net::{A, B, Net, ms, sdp};
use sip::{Command, Headers, Time, Watch};

#[test]
fn a_call_and_its_end() {
    let mut net = Net::new(1);
    net.call(false);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 180);
    net.run(ms(2000));
    net.respond(B, b, 200);
    net.run(ms(1000));
    assert_eq!(net.seen(A), ["Progress 180", "Answered 200"]);
    assert_eq!(net.seen(B), ["Invite", "Acked"]);
    net.end(B, b);
    net.quiesce();
    assert_eq!(net.seen(A), ["Ended Bye"]);
    assert!(net.seen(B).is_empty());
    assert_eq!(
        net.ladder,
        [
            "0.000 A INVITE",
            "0.010 B 100 INVITE",
            "0.100 B 180 INVITE",
            "2.100 B 200 INVITE",
            "2.110 A ACK",
            "3.100 B BYE",
            "3.110 A 200 BYE",
        ]
    );
}

#[test]
fn a_reliable_183_and_the_200_that_waits_for_its_prack() {
    let mut net = Net::new(24);
    net.call(false);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 183);
    net.respond(B, b, 200);
    net.run(ms(1000));
    assert_eq!(net.seen(A), ["Progress 183", "Answered 200"]);
    assert_eq!(net.seen(B), ["Invite", "Acked"]);
    net.end(B, b);
    net.quiesce();
    assert_eq!(
        net.ladder[2..7],
        [
            "0.100 B 183 INVITE",
            "0.110 A PRACK",
            "0.120 B 200 PRACK",
            "0.120 B 200 INVITE",
            "0.130 A ACK",
        ]
    );
}

/// What is lost, how often; how often each was sent then.
#[test]
fn a_reliable_183_of_which_something_is_lost() {
    let check = |lost: &str, times: u32, counts: [usize; 3]| {
        let mut net = Net::new(25);
        net.call(false);
        net.run(ms(100));
        let b = net.leg_of(B);
        net.lose(&[(lost, times)]);
        net.respond(B, b, 183);
        net.run(ms(100));
        net.respond(B, b, 200);
        net.run(Time::from_secs(10));
        assert_eq!(net.seen(A), ["Progress 183", "Answered 200"], "{lost}");
        assert_eq!(net.seen(B), ["Invite", "Acked"], "{lost}");
        let sent = ["B 183 INVITE", "A PRACK", "B 200 PRACK"].map(|title| net.count(title));
        assert_eq!(sent, counts, "{lost} {times} times");
        net.end(B, b);
        net.quiesce();
    };
    check("183 INVITE", 2, [3, 1, 1]);
    // The PRACK repeats itself, and the 183 is repeated without doing anything.
    check("PRACK", 2, [3, 3, 1]);
    check("200 PRACK", 2, [1, 3, 3]);
    check("200 INVITE", 2, [1, 1, 1]);
    check("ACK", 2, [1, 1, 1]);
}

#[test]
fn no_prack_ever_comes() {
    let mut net = Net::new(26);
    net.lose(&[("PRACK", u32::MAX)]);
    net.call(false);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 183);
    net.respond(B, b, 200);
    net.quiesce();
    assert_eq!(net.seen(B), ["Invite", "Ended NoAck"]);
    assert_eq!(net.seen(A), ["Progress 183", "Failed 504"]);
    assert_eq!((net.count("B 183 INVITE"), net.count("B 200 INVITE")), (7, 0));
}

#[test]
fn busy() {
    let mut net = Net::new(2);
    net.call(false);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 486);
    net.quiesce();
    assert_eq!(net.seen(A), ["Failed 486"]);
    assert_eq!(net.titles(), ["A INVITE", "B 100 INVITE", "B 486 INVITE", "A ACK"]);
}

#[test]
fn a_long_ring_is_repeated_every_minute() {
    let mut net = Net::new(23);
    let a = net.call(false);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 183);
    net.run(Time::from_secs(185));
    assert_eq!(net.count("B 183 INVITE"), 4);
    net.end(A, a);
    net.quiesce();
}

#[test]
fn nobody_answers_at_all() {
    let mut net = Net::new(3);
    net.fate = Box::new(|_, _| Vec::new());
    net.call(false);
    net.quiesce();
    assert_eq!(net.seen(A), ["Failed 408"]);
    assert_eq!(net.titles(), ["A INVITE"; 7]);
}

#[test]
fn a_repeated_invite_is_one_call() {
    let mut net = Net::new(4);
    net.lose(&[("100 INVITE", 2)]);
    net.call(false);
    net.run(ms(3000));
    assert_eq!(net.seen(B), ["Invite"]);
    assert_eq!((net.count("A INVITE"), net.count("B 100 INVITE")), (3, 3));
}

#[test]
fn cancel_waits_for_a_provisional_response() {
    let mut net = Net::new(5);
    net.lose(&[("INVITE", 2)]);
    let a = net.call(false);
    net.run(ms(100));
    net.end(A, a);
    net.run(ms(1000));
    assert_eq!(net.count("A CANCEL"), 0);
    net.quiesce();
    assert_eq!(net.seen(B), ["Invite", "Ended Cancel"]);
    assert!(net.seen(A).is_empty());
    let expected =
        ["A INVITE", "B 100 INVITE", "A CANCEL", "B 200 CANCEL", "B 487 INVITE", "A ACK"];
    assert_eq!(net.titles()[2..], expected);
}

#[test]
fn cancel_while_ringing_carries_the_reason() {
    let mut net = Net::new(6);
    let a = net.call(false);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 180);
    net.run(ms(100));
    let reason = "SIP;cause=200;text=\"Call completed elsewhere\"";
    let headers: Headers = vec![("Reason".into(), reason.to_owned())];
    net.fate = Box::new(move |packet, _| {
        if packet.title() == "CANCEL" {
            assert_eq!(packet.message.header_named("Reason"), Some(reason));
        }
        vec![ms(10)]
    });
    net.command(A, Command::End { leg: a, status: 0, headers });
    net.quiesce();
    assert_eq!(net.count("A CANCEL"), 1);
    assert_eq!(net.seen(B), ["Invite", "Ended Cancel"]);
    assert_eq!(net.seen(A), ["Progress 180"]);
}

#[test]
fn cancel_crosses_the_200() {
    let mut net = Net::new(7);
    let a = net.call(false);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 200);
    net.end(A, a);
    net.quiesce();
    assert!(net.seen(A).is_empty());
    assert_eq!(net.seen(B), ["Invite", "Acked", "Ended Bye"]);
    let titles = net.titles();
    let expected = ["B 200 INVITE", "A CANCEL", "A ACK", "A BYE", "B 200 CANCEL", "B 200 BYE"];
    assert_eq!(titles[2..], expected);
}

#[test]
fn cancel_against_a_peer_that_never_finishes() {
    let mut net = Net::new(8);
    let a = net.call(false);
    net.run(ms(100));
    net.fate = Box::new(|_, _| Vec::new());
    net.end(A, a);
    net.run(Time::from_secs(40));
    assert_eq!(net.ends[A].counts(), sip::Counts::default());
}

#[test]
fn the_200_is_lost() {
    let mut net = Net::new(9);
    net.lose(&[("200 INVITE", 2)]);
    net.call(false);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 200);
    net.run(ms(3000));
    assert_eq!(net.seen(A), ["Answered 200"]);
    assert_eq!(net.seen(B), ["Invite", "Acked"]);
    assert_eq!((net.count("B 200 INVITE"), net.count("A ACK")), (3, 1));
}

#[test]
fn the_ack_is_lost() {
    let mut net = Net::new(10);
    net.lose(&[("ACK", 2)]);
    net.call(false);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 200);
    net.run(ms(3000));
    assert_eq!(net.seen(A), ["Answered 200"]);
    assert_eq!(net.seen(B), ["Invite", "Acked"]);
    assert_eq!((net.count("B 200 INVITE"), net.count("A ACK")), (3, 3));
}

#[test]
fn no_ack_ever_comes() {
    let mut net = Net::new(11);
    net.lose(&[("ACK", u32::MAX)]);
    net.call(false);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 200);
    net.quiesce();
    assert_eq!(net.seen(B), ["Invite", "Ended NoAck"]);
    assert_eq!(net.seen(A), ["Answered 200", "Ended Bye"]);
    assert_eq!((net.count("B 200 INVITE"), net.count("A ACK")), (11, 11));
}

#[test]
fn a_callee_that_hangs_up_before_the_ack_waits_for_it() {
    let mut net = Net::new(12);
    net.lose(&[("ACK", 1)]);
    net.call(false);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 200);
    net.end(B, b);
    net.quiesce();
    assert_eq!(net.seen(A), ["Answered 200", "Ended Bye"]);
    assert_eq!(net.seen(B), ["Invite"]);
    let expected = ["B 200 INVITE", "A ACK", "B 200 INVITE", "A ACK", "B BYE", "A 200 BYE"];
    assert_eq!(net.titles()[2..], expected);
}

#[test]
fn the_bye_is_lost() {
    let mut net = Net::new(13);
    let (a, _) = net.established();
    net.lose(&[("BYE", 3), ("200 BYE", 1)]);
    net.end(A, a);
    net.quiesce();
    assert_eq!(net.seen(B), ["Ended Bye"]);
    assert_eq!((net.count("A BYE"), net.count("B 200 BYE")), (5, 2));
}

#[test]
fn both_hang_up_at_once() {
    let mut net = Net::new(14);
    let (a, b) = net.established();
    net.end(A, a);
    net.end(B, b);
    net.quiesce();
    assert!(net.seen(A).is_empty() && net.seen(B).is_empty());
    assert_eq!(net.titles(), ["A BYE", "B BYE", "B 200 BYE", "A 200 BYE"]);
}

#[test]
fn a_late_offer() {
    let mut net = Net::new(15);
    let a = net.call(true);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 200);
    net.run(ms(1200));
    assert_eq!(net.seen(A), ["Answered 200"]);
    assert_eq!((net.count("B 200 INVITE"), net.count("A ACK")), (2, 0));
    net.command(A, Command::Ack { leg: a, body: Some(sdp("late answer")) });
    net.run(ms(100));
    let acked = net.events[B].iter().find_map(|event| match event {
        sip::Event::Acked { request, .. } => Some(request.body()),
        _ => None,
    });
    assert_eq!(acked.as_deref(), Some(&b"late answer"[..]));
    net.end(A, a);
    net.quiesce();
}

#[test]
fn a_late_offer_that_nobody_answers() {
    let mut net = Net::new(16);
    net.call(true);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 200);
    net.quiesce();
    assert_eq!(net.seen(A), ["Answered 200", "Ended NoAnswer"]);
    let seen = net.seen(B);
    assert_eq!(seen.first().map(String::as_str), Some("Invite"));
    assert_eq!(seen.iter().filter(|event| event.starts_with("Ended")).count(), 1);
}

#[test]
fn reinvite_both_ways() {
    let mut net = Net::new(17);
    let (a, b) = net.established();
    for (here, leg, there, other) in [(A, a, B, b), (B, b, A, a)] {
        net.reinvite(here, leg);
        net.run(ms(50));
        assert_eq!(net.seen(there), ["Reinvite"]);
        net.respond(there, other, 200);
        net.run(ms(50));
        assert_eq!(net.seen(here), ["ReinviteAnswered 200"]);
        assert_eq!(net.seen(there), ["Acked"]);
    }
    net.reinvite(A, a);
    net.run(ms(50));
    net.respond(B, b, 488);
    net.run(ms(50));
    assert_eq!(net.seen(A), ["ReinviteFailed 488"]);
    net.end(A, a);
    net.quiesce();
    assert_eq!(net.seen(B), ["Reinvite", "Ended Bye"]);
}

#[test]
fn glare_is_settled_by_who_owns_the_call_id() {
    let mut net = Net::new(18);
    let (a, b) = net.established();
    net.reinvite(A, a);
    net.reinvite(B, b);
    net.run(ms(50));
    assert_eq!((net.count("A 491 INVITE"), net.count("B 491 INVITE")), (1, 1));
    net.run(ms(2020));
    assert_eq!(net.seen(A), ["Reinvite"], "who does not own the Call-ID is first");
    net.respond(A, a, 200);
    net.run(ms(3000));
    assert_eq!(net.seen(B), ["ReinviteAnswered 200", "Reinvite"]);
    net.respond(B, b, 200);
    net.run(ms(50));
    assert_eq!(net.seen(A), ["Acked", "ReinviteAnswered 200"]);
    net.end(A, a);
    net.quiesce();
}

#[test]
fn bye_during_a_reinvite() {
    let mut net = Net::new(19);
    let (a, b) = net.established();
    net.reinvite(A, a);
    net.run(ms(50));
    net.end(A, a);
    net.quiesce();
    assert_eq!(net.seen(B), ["Reinvite", "Ended Bye"]);
    assert!(net.seen(A).is_empty());
    let expected = ["A INVITE", "B 100 INVITE", "A BYE", "B 200 BYE", "B 487 INVITE", "A ACK"];
    assert_eq!(net.titles(), expected);
    let _ = b;
}

#[test]
fn a_reinvite_to_a_dialog_that_is_gone() {
    let mut net = Net::new(20);
    let (a, b) = net.established();
    net.lose(&[("BYE", u32::MAX)]);
    net.end(B, b);
    net.run(Time::from_secs(40));
    net.reinvite(A, a);
    net.quiesce();
    assert_eq!(net.seen(A), ["Ended DialogGone"]);
}

#[test]
fn a_request_in_the_dialog() {
    let mut net = Net::new(21);
    let (a, b) = net.established();
    let info = |leg| Command::Request {
        leg,
        token: 1,
        method: sip::msg::Method::Info,
        headers: Headers::new(),
        body: Some(sdp("1")),
    };
    net.command(A, info(a));
    net.run(ms(50));
    let token = net.events[B].iter().find_map(|event| match event {
        sip::Event::Request { token, .. } => Some(*token),
        _ => None,
    });
    let token = token.unwrap();
    net.command(
        B,
        Command::RespondRequest { leg: b, token, status: 200, headers: vec![], body: None },
    );
    net.run(ms(50));
    assert_eq!(net.seen(A), ["Response 200"]);
    net.command(B, info(b));
    net.run(Time::from_secs(40));
    assert_eq!(net.seen(B), ["Request INFO", "Response 0", "Ended DialogGone"]);
    assert_eq!(net.count("A 100 INFO"), 8, "RFC 4320: after 3.5 s, and to each repetition");
    net.quiesce();
}

#[test]
fn over_a_stream_nothing_is_repeated() {
    let mut net = Net::over(sip::Transport::Tcp, 22);
    let a = net.call(false);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 200);
    net.run(ms(100));
    net.end(A, a);
    net.run(ms(100));
    let expected = ["A INVITE", "B 100 INVITE", "B 200 INVITE", "A ACK", "A BYE", "B 200 BYE"];
    assert_eq!(net.titles(), expected);
    net.quiesce();
}

const TIMER: Watch = Watch { interval_s: 1800, interval_s_min: 90, probe_s: 0, qualify_s: 0 };
const PROBE: Watch = Watch { interval_s: 0, interval_s_min: 90, probe_s: 60, qualify_s: 0 };

#[test]
fn two_of_us_refresh_for_hours() {
    let mut net = Net::new(23);
    net.watch(TIMER);
    let (_, b) = net.established();
    net.run(Time::from_secs(7 * 900 + 10));
    // Both take UPDATE, and who was called lets the caller refresh.
    assert_eq!(net.titles(), ["A UPDATE", "B 200 UPDATE"].repeat(7));
    assert!(net.seen(A).is_empty() && net.seen(B).is_empty());
    net.end(B, b);
    net.quiesce();
    assert_eq!(net.seen(A), ["Ended Bye"]);
}

#[test]
fn a_refresh_is_lost_on_the_way_and_on_the_way_back() {
    let mut net = Net::new(24);
    net.watch(TIMER);
    let (a, _) = net.established();
    net.lose(&[("UPDATE", 2), ("200 UPDATE", 2)]);
    net.run(Time::from_secs(1000));
    assert_eq!((net.count("A UPDATE"), net.count("B 200 UPDATE")), (5, 3));
    assert!(net.seen(A).is_empty() && net.seen(B).is_empty());
    net.end(A, a);
    net.quiesce();
}

#[test]
fn a_bye_that_never_arrives_leaves_the_callee_until_its_timer_runs_out() {
    for (watch, limit_s, cause) in
        [(TIMER, 1800 - 32, "Ended Expired"), (PROBE, 60 + 32, "Ended DialogGone")]
    {
        let mut net = Net::new(25);
        net.watch(watch);
        let (a, _) = net.established();
        net.fate = Box::new(|_, _| Vec::new());
        net.end(A, a);
        net.run(Time::from_secs(limit_s) - ms(200));
        assert!(net.seen(B).is_empty());
        net.run(ms(200));
        assert_eq!(net.seen(B), [cause]);
        net.quiesce();
    }
}

#[test]
fn a_callee_that_vanishes_is_noticed_when_it_is_asked() {
    for (watch, limit_s) in [(TIMER, 900 + 32), (PROBE, 60 + 32)] {
        let mut net = Net::new(26);
        net.watch(watch);
        net.established();
        net.fate = Box::new(|packet, _| if packet.from == B { vec![] } else { vec![ms(10)] });
        net.run(Time::from_secs(limit_s) - ms(200));
        assert!(net.seen(A).is_empty());
        net.run(ms(200));
        assert_eq!(net.seen(A), ["Ended DialogGone"]);
        net.run(ms(100));
        assert_eq!(net.seen(B), ["Ended Bye"]);
        net.quiesce();
    }
}

#[test]
fn a_call_that_both_watch_is_asked_by_both_and_stands() {
    let mut net = Net::new(27);
    net.watch(PROBE);
    let (a, _) = net.established();
    net.run(Time::from_secs(119));
    // Whoever was asked has heard something as well, and need not ask for another minute.
    assert_eq!(net.titles(), ["A OPTIONS", "B 200 OPTIONS"]);
    net.run(Time::from_secs(600));
    assert!(net.seen(A).is_empty() && net.seen(B).is_empty());
    net.end(A, a);
    net.quiesce();
}
