//! Session timers (RFC 4028) and probes against a peer that writes its messages by hand.

use sip::msg::{Message, Name};
use sip::{Command, Config, Headers, LegId, Time, Watch};

use super::net::{answer, config, ms, sdp};
use super::{Bench, CONTACT, US, request, title};

const TIMER: &str = "Supported: timer";
const ALLOW: &str = "Allow: INVITE, ACK, BYE, UPDATE";
/// The shortest interval that the RFC allows, so that its third is less than 32 s.
const SHORT: Watch = Watch { interval_s: 90, interval_s_min: 90, probe_s: 0, qualify_s: 0 };
const USUAL: Watch = Watch { interval_s: 1800, interval_s_min: 90, probe_s: 0, qualify_s: 0 };
const PROBE: Watch = Watch { interval_s: 0, interval_s_min: 90, probe_s: 60, qualify_s: 0 };

fn secs(seconds: u64) -> Time {
    Time::from_secs(seconds)
}

fn ask(message: &Message) -> (Option<&str>, Option<&str>) {
    (message.header(Name::SessionExpires), message.header(Name::MinSe))
}

impl Bench {
    fn watching(watch: Watch) -> Self {
        Self::with(Config { watch, ..config() })
    }

    /// A call from the trunk that stands: the leg, our To, and our 2xx.
    fn granted(&mut self, lines: &[&str]) -> (LegId, String, Message) {
        let lines: Vec<&str> = [CONTACT].iter().chain(lines).copied().collect();
        self.hears(request("INVITE", US, 10, &lines, ""));
        let leg = LegId(1);
        let (headers, body) = (Headers::new(), Some(sdp("answer")));
        self.command(Command::Respond { leg, status: 200, headers, body });
        let ok = self.last();
        let to = format!("To: {}", ok.header(Name::To).unwrap());
        self.hears(request("ACK", US, 10, &[&to], ""));
        self.titles();
        self.seen();
        (leg, to, ok)
    }

    /// A call of ours that stands; what our INVITE said is looked at by others.
    fn placed(&mut self, lines: &[(&str, &str)]) -> LegId {
        let (leg, invite) = self.call(None);
        self.hears(with(&answer(&invite, 200, "t", Some("<sip:bob@192.0.2.2>")), lines));
        assert_eq!(self.seen(), ["Answered 200"]);
        self.titles();
        leg
    }

    /// Lets time pass in which this is sent.
    fn sends(&mut self, time: Time, expected: &[&str]) {
        self.carried();
        self.pass(time);
        assert_eq!(self.titles(), expected);
    }

    /// Answers our last request.
    fn replies(&mut self, status: u16, lines: &[(&str, &str)]) {
        let request = self.asked_last.clone().unwrap();
        self.hears(with(&answer(&request, status, "x", Some("<sip:bob@192.0.2.2>")), lines));
    }

    /// Lets time pass in which one request is sent, and gives it back.
    fn asks(&mut self, time: Time, expected: &str) -> Message {
        self.carried();
        self.pass(time);
        let request = self.last();
        assert_eq!(self.titles(), [expected]);
        self.asked_last = Some(request.clone());
        request
    }

    fn expired(&mut self) {
        assert_eq!(self.seen(), ["Ended Expired"]);
        self.nothing_left();
    }
}

/// The ACK of a refusal, which is in the transaction of its INVITE.
fn ack_of_refused(number: u32, to: &str) -> Message {
    let ack = request("ACK", US, number, &[to], "");
    let via = ack.header(Name::Via).unwrap().replace("-ACK-", "-INVITE-");
    sip::msg::Builder::copy(&ack).set(Name::Via, via).build()
}

fn with(message: &Message, lines: &[(&str, &str)]) -> Message {
    let builder = sip::msg::Builder::copy(message);
    lines.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).build()
}

#[test]
fn what_a_2xx_grants() {
    let check = |watch: Watch, lines: &[&str], expected: Option<&str>, required: Option<&str>| {
        let mut bench = Bench::watching(watch);
        let (leg, _, ok) = bench.granted(lines);
        assert_eq!(ok.header(Name::SessionExpires), expected, "{lines:?}");
        assert_eq!(ok.header(Name::Require), required, "{lines:?}");
        assert!(ok.lists(Name::Supported, "timer"));
        bench.end(leg);
        bench.nothing_left();
    };
    let timer = Some("timer");
    check(USUAL, &[], Some("1800;refresher=uas"), None);
    check(USUAL, &[TIMER], Some("1800;refresher=uac"), timer);
    check(USUAL, &[TIMER, "Session-Expires: 600"], Some("600;refresher=uac"), timer);
    check(USUAL, &[TIMER, "x: 600;refresher=uas"], Some("600;refresher=uas"), timer);
    check(USUAL, &[TIMER, "x: 7200 ; refresher = UAC"], Some("1800;refresher=uac"), timer);
    check(USUAL, &[TIMER, "x: 7200", "Min-SE: 3600"], Some("3600;refresher=uac"), timer);
    check(USUAL, &["Require: timer", "x: 90"], Some("90;refresher=uac"), timer);
    check(USUAL, &[TIMER, "x: often"], Some("1800;refresher=uac"), timer);
    // A proxy asks, for a peer that knows nothing of it, and cannot be told that 60 s are too short.
    check(USUAL, &["x: 600;refresher=uac"], Some("600;refresher=uas"), None);
    check(USUAL, &["x: 60"], Some("90;refresher=uas"), None);
    let none = Watch::default();
    check(none, &[TIMER], None, None);
    check(none, &[TIMER, "x: 600"], Some("600;refresher=uac"), timer);
}

#[test]
fn too_short_an_interval_gets_422() {
    let mut bench = Bench::watching(USUAL);
    bench.hears(request("INVITE", US, 9, &[CONTACT, TIMER, "x: 89"], ""));
    assert_eq!(bench.last().header(Name::MinSe), Some("90"));
    assert_eq!(bench.titles(), ["100 INVITE", "422 INVITE"]);
    assert!(bench.seen().is_empty());
    bench.hears(request("ACK", US, 9, &[], ""));
    let (leg, to, _) = bench.granted(&[TIMER, "x: 90"]);
    bench.hears(request("UPDATE", US, 11, &[&to, CONTACT, TIMER, "x: 10"], ""));
    assert_eq!(bench.titles(), ["422 UPDATE"]);
    bench.hears(request("INVITE", US, 12, &[&to, CONTACT, TIMER, "x: 10"], ""));
    assert_eq!(bench.titles(), ["100 INVITE", "422 INVITE"]);
    bench.hears(request("ACK", US, 12, &[&to], ""));
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn a_peer_that_does_not_refresh_is_hung_up_on() {
    let mut bench = Bench::watching(SHORT);
    let (_, to, _) = bench.granted(&[TIMER, "x: 90;refresher=uac"]);
    bench.sends(secs(59), &[]);
    let refresh = [&*to, CONTACT, TIMER, "x: 90;refresher=uac"];
    bench.hears(request("UPDATE", US, 11, &refresh, ""));
    assert_eq!(ask(&bench.last()), (Some("90;refresher=uac"), None));
    assert_eq!(bench.last().header(Name::Require), Some("timer"));
    assert_eq!(bench.titles(), ["200 UPDATE"]);
    bench.sends(secs(59), &[]);
    // That a message comes is no refresh.
    bench.hears(request("OPTIONS", US, 12, &[&to], ""));
    assert_eq!(bench.titles(), ["200 OPTIONS"]);
    let bye = bench.asks(secs(1), "BYE");
    assert!(bye.header(Name::Reason).is_some_and(|reason| reason.contains("cause=408")));
    bench.expired();
}

#[test]
fn a_reinvite_refreshes_too() {
    let mut bench = Bench::watching(SHORT);
    let (leg, to, _) = bench.granted(&[TIMER, "x: 90"]);
    bench.sends(secs(50), &[]);
    bench.hears(request("INVITE", US, 11, &[&to, CONTACT, TIMER, "x: 240;refresher=uac"], ""));
    let (headers, body) = (Headers::new(), Some(sdp("answer")));
    bench.command(Command::Respond { leg, status: 200, headers, body });
    assert_eq!(ask(&bench.last()), (Some("90;refresher=uac"), None));
    bench.hears(request("ACK", US, 11, &[&to], ""));
    bench.titles();
    bench.sends(secs(59), &[]);
    bench.sends(secs(1), &["BYE"]);
    assert_eq!(bench.seen(), ["Reinvite", "Acked", "Ended Expired"]);
    bench.nothing_left();
}

#[test]
fn a_refused_reinvite_refreshes_nothing() {
    let mut bench = Bench::watching(SHORT);
    let (leg, to, _) = bench.granted(&[TIMER]);
    bench.sends(secs(50), &[]);
    bench.hears(request("INVITE", US, 11, &[&to, CONTACT, TIMER, "x: 90"], ""));
    bench.command(Command::Respond { leg, status: 488, headers: Headers::new(), body: None });
    bench.hears(ack_of_refused(11, &to));
    assert_eq!(bench.titles(), ["100 INVITE", "488 INVITE"]);
    bench.seen();
    bench.sends(secs(10), &["BYE"]);
    bench.expired();
}

#[test]
fn a_refresh_that_names_nobody_leaves_the_task_where_it_is() {
    for (before, after) in [("uac", "refresher=uac"), ("uas", "refresher=uas")] {
        let mut bench = Bench::watching(SHORT);
        let asked = format!("Session-Expires: 90;refresher={before}");
        let (leg, to, _) = bench.granted(&[TIMER, &asked]);
        bench.hears(request("UPDATE", US, 11, &[&to, CONTACT, TIMER], ""));
        assert_eq!(ask(&bench.last()).0, Some(&*format!("90;{after}")));
        bench.end(leg);
        bench.nothing_left();
    }
}

#[test]
fn we_refresh_by_update_until_the_task_changes_hands() {
    let mut bench = Bench::watching(SHORT);
    let (_, to, _) = bench.granted(&[TIMER, ALLOW, "x: 90;refresher=uas"]);
    for _ in 0..3 {
        bench.sends(secs(44), &[]);
        let update = bench.asks(secs(1), "UPDATE");
        assert_eq!(ask(&update), (Some("90;refresher=uac"), Some("90")));
        assert!(update.lists(Name::Supported, "timer") && update.body().is_empty());
        assert!(update.header(Name::Contact).is_some());
        bench.replies(200, &[("Session-Expires", "90;refresher=uac")]);
    }
    bench.asks(secs(45), "UPDATE");
    bench.replies(200, &[("Session-Expires", "120;refresher=uas")]);
    bench.sends(secs(80), &[]);
    // And back.
    let refresh = [&*to, CONTACT, TIMER, "Min-SE: 100", "x: 120;refresher=uas"];
    bench.hears(request("UPDATE", US, 11, &refresh, ""));
    assert_eq!(ask(&bench.last()).0, Some("100;refresher=uas"));
    bench.titles();
    let update = bench.asks(secs(50), "UPDATE");
    assert_eq!(ask(&update), (Some("100;refresher=uac"), Some("100")));
    bench.replies(481, &[]);
    assert_eq!(bench.seen(), ["Ended DialogGone"]);
    bench.nothing_left();
}

#[test]
fn who_knows_no_update_is_refreshed_by_reinvite() {
    let mut bench = Bench::watching(SHORT);
    bench.placed(&[("Session-Expires", "90;refresher=uac"), ("Require", "timer")]);
    let invite = bench.asks(secs(45), "INVITE");
    assert_eq!(ask(&invite), (Some("90;refresher=uac"), Some("90")));
    assert_eq!(invite.body(), sdp("again 1").bytes);
    bench.replies(200, &[("Session-Expires", "90;refresher=uac")]);
    assert_eq!(bench.titles(), ["ACK"]);
    assert_eq!(bench.seen(), ["ReinviteAnswered 200"]);
    bench.asks(secs(45), "INVITE");
    bench.replies(408, &[]);
    assert_eq!(bench.titles(), ["ACK", "BYE"]);
    assert_eq!(bench.seen(), ["Ended DialogGone"]);
    bench.nothing_left();
}

#[test]
fn an_allow_that_promised_too_much() {
    let mut bench = Bench::watching(SHORT);
    bench.placed(&[("Session-Expires", "90;refresher=uac"), ("Allow", "INVITE, UPDATE")]);
    bench.asks(secs(45), "UPDATE");
    bench.replies(501, &[]);
    bench.asks(ms(0), "INVITE");
    bench.replies(200, &[("Session-Expires", "90;refresher=uac")]);
    assert_eq!(bench.titles(), ["ACK"]);
    let invite = bench.asks(secs(45), "INVITE");
    bench.hears(answer(&invite, 180, "x", None));
    // Nothing more than that before the end.
    bench.pass(secs(45));
    assert_eq!(bench.seen(), ["ReinviteAnswered 200", "Ended Expired"]);
    bench.nothing_left();
}

#[test]
fn a_refused_refresh_is_tried_again_but_not_for_ever() {
    for status in [403, 488, 500, 501, 503] {
        let mut bench = Bench::watching(SHORT);
        bench.placed(&[("Session-Expires", "90;refresher=uac"), ("Allow", "UPDATE")]);
        bench.asks(secs(45), "UPDATE");
        bench.replies(status, &[]);
        bench.asks(ms(0), "INVITE");
        bench.replies(status, &[]);
        assert_eq!((bench.titles(), bench.seen()), refused(status));
        bench.sends(secs(22), &[]);
        bench.asks(ms(500), "INVITE");
        bench.replies(status, &[]);
        assert_eq!((bench.titles(), bench.seen()), refused(status));
        let mut tries = 0;
        while bench.seen().is_empty() {
            bench.pass(ms(100));
            if bench.sent.last().is_some_and(|(_, last)| title(last) == "INVITE") {
                bench.asks(ms(0), "INVITE");
                bench.replies(status, &[]);
                bench.titles();
                assert_eq!(bench.seen(), [format!("ReinviteFailed {status}")]);
                tries += 1;
            }
        }
        assert!((2..10).contains(&tries), "{tries}");
        bench.nothing_left();
    }
}

fn refused(status: u16) -> (Vec<String>, Vec<String>) {
    (vec!["ACK".to_owned()], vec![format!("ReinviteFailed {status}")])
}

#[test]
fn a_refresh_that_met_something_goes_again() {
    // What refuses it, whether we called, and when it goes again in milliseconds.
    let retry = &[("Retry-After", "3")][..];
    for (status, lines, is_ours, span) in [
        (491, &[][..], true, 2_100..=4_000),
        (491, &[], false, 0..=2_000),
        (500, retry, true, 3_000..=3_000),
        (500, retry, false, 3_000..=3_000),
    ] {
        let mut bench = Bench::watching(SHORT);
        if is_ours {
            bench.placed(&[("Session-Expires", "90;refresher=uac"), ("Allow", "UPDATE")]);
        } else {
            bench.granted(&[TIMER, ALLOW, "x: 90;refresher=uas"]);
        }
        bench.asks(secs(45), "UPDATE");
        for _ in 0..8 {
            bench.replies(status, lines);
            let mut waited = 0;
            while bench.sent.is_empty() {
                assert!(waited <= *span.end(), "{status} {is_ours}");
                bench.pass(ms(10));
                waited += 10;
            }
            assert!(span.contains(&waited) || waited == 10, "{status} {is_ours}: {waited}");
            bench.asks(ms(0), "UPDATE");
        }
        // So often is no coincidence.
        bench.replies(status, lines);
        bench.asks(ms(0), "INVITE");
        bench.replies(200, &[("Session-Expires", "90;refresher=uac"), ("Allow", "UPDATE")]);
        bench.titles();
        bench.seen();
        bench.asks(secs(45), "UPDATE");
        bench.replies(491, &[]);
        assert!(bench.seen().is_empty());
    }
}

#[test]
fn nobody_answers_our_refresh() {
    let mut bench = Bench::watching(USUAL);
    bench.placed(&[("Session-Expires", "1800;refresher=uac"), ("Allow", "UPDATE")]);
    bench.pass(secs(900 + 31));
    assert!(bench.seen().is_empty());
    assert!(bench.titles().iter().all(|title| title == "UPDATE"));
    bench.sends(secs(1), &["UPDATE", "BYE"]);
    assert_eq!(bench.seen(), ["Ended DialogGone"]);
    bench.nothing_left();
}

#[test]
fn a_422_is_answered_with_more() {
    let mut bench = Bench::watching(USUAL);
    let (leg, invite) = bench.call(None);
    assert_eq!(ask(&invite), (Some("1800"), Some("90")));
    assert!(invite.lists(Name::Supported, "timer"));
    bench.titles();
    bench.hears(with(&answer(&invite, 422, "t", None), &[("Min-SE", "2000")]));
    let second = bench.last();
    assert_eq!(bench.titles(), ["ACK", "INVITE"]);
    assert_eq!(ask(&second), (Some("2000"), Some("2000")));
    assert_eq!(second.call_id(), invite.call_id());
    assert_eq!(second.body(), invite.body());
    assert_eq!(second.cseq().unwrap().number, invite.cseq().unwrap().number + 1);
    let lines = [("Session-Expires", "2000;refresher=uac"), ("Allow", "UPDATE")];
    bench.hears(with(&answer(&second, 200, "t", Some("<sip:bob@192.0.2.2>")), &lines));
    assert_eq!(bench.seen(), ["Answered 200"]);
    bench.titles();
    bench.asks(secs(1000), "UPDATE");
    bench.replies(422, &[("Min-SE", "3000")]);
    let update = bench.asks(ms(0), "UPDATE");
    assert_eq!(ask(&update), (Some("3000;refresher=uac"), Some("3000")));
    bench.replies(200, &[("Session-Expires", "3000;refresher=uac"), ("Allow", "INVITE")]);
    let invite = bench.asks(secs(1500), "INVITE");
    bench.replies(422, &[("Min-SE", "4000")]);
    let again = bench.last();
    assert_eq!(bench.titles(), ["ACK", "INVITE"]);
    assert_eq!(ask(&again), (Some("4000;refresher=uac"), Some("4000")));
    assert_eq!(again.body(), invite.body());
    bench.hears(answer(&again, 200, "x", None));
    assert_eq!(bench.seen(), ["ReinviteAnswered 200"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn a_422_that_is_never_content_fails_the_call() {
    for wanted in [&["1800"][..], &["0"], &["x"], &["2000", "3000", "4000", "5000", "6000"]] {
        let mut bench = Bench::watching(USUAL);
        let (_, mut invite) = bench.call(None);
        for least in wanted {
            assert!(bench.seen().is_empty());
            bench.hears(with(&answer(&invite, 422, "t", None), &[("Min-SE", least)]));
            invite = bench
                .sent
                .iter()
                .rev()
                .map(|(_, m)| m)
                .find(|m| title(m) == "INVITE")
                .unwrap()
                .clone();
        }
        assert_eq!(bench.seen(), ["Failed 422"], "{wanted:?}");
        bench.nothing_left();
    }
}

#[test]
fn a_peer_without_timers_is_asked_all_the_same() {
    let mut bench = Bench::watching(USUAL);
    bench.placed(&[]);
    let invite = bench.asks(secs(900), "INVITE");
    assert_eq!(ask(&invite), (Some("1800;refresher=uac"), Some("90")));
    // Whatever it says, it is there.
    bench.replies(488, &[]);
    assert_eq!(
        (bench.titles(), bench.seen()),
        (vec!["ACK".to_owned()], vec!["ReinviteFailed 488".to_owned()])
    );
    bench.sends(secs(899), &[]);
    bench.asks(secs(1), "INVITE");
    bench.replies(200, &[]);
    bench.titles();
    bench.seen();
    bench.pass(secs(900 + 32));
    assert_eq!(bench.seen(), ["Ended DialogGone"]);
    bench.nothing_left();
}

#[test]
fn two_refreshes_at_once() {
    let mut bench = Bench::watching(SHORT);
    let (_, to, _) = bench.granted(&[TIMER, "x: 90;refresher=uas"]);
    bench.asks(secs(45), "INVITE");
    let theirs = request("INVITE", US, 11, &[&to, CONTACT, TIMER, "x: 90;refresher=uac"], "");
    bench.hears(theirs);
    bench.hears(ack_of_refused(11, &to));
    bench.replies(491, &[]);
    assert_eq!(bench.titles(), ["100 INVITE", "491 INVITE", "ACK"]);
    // The Call-ID is theirs, so we are the first to try again.
    while bench.sent.is_empty() {
        bench.pass(ms(10));
    }
    bench.asks(ms(0), "INVITE");
    bench.replies(200, &[("Session-Expires", "90;refresher=uac")]);
    assert_eq!(bench.titles(), ["ACK"]);
    bench.hears(request("INVITE", US, 12, &[&to, CONTACT, TIMER, "x: 90;refresher=uac"], ""));
    let (headers, body) = (Headers::new(), Some(sdp("answer")));
    bench.command(Command::Respond { leg: LegId(1), status: 200, headers, body });
    assert_eq!(ask(&bench.last()).0, Some("90;refresher=uac"));
    bench.hears(request("ACK", US, 12, &[&to], ""));
    bench.titles();
    bench.seen();
    bench.sends(secs(59), &[]);
    bench.sends(secs(1), &["BYE"]);
    bench.expired();
}

#[test]
fn nothing_is_asked_before_our_2xx_is_acknowledged() {
    let mut bench =
        Bench::watching(Watch { interval_s: 9, interval_s_min: 9, probe_s: 0, qualify_s: 0 });
    let (leg, to, _) = bench.granted(&[TIMER, "x: 9"]);
    bench.hears(request("INVITE", US, 11, &[&to, CONTACT, TIMER, "x: 9"], ""));
    let (headers, body) = (Headers::new(), Some(sdp("answer")));
    bench.command(Command::Respond { leg, status: 200, headers, body });
    bench.pass(secs(7));
    assert_eq!(bench.seen(), ["Reinvite"]);
    assert!(bench.titles().iter().skip(1).all(|title| title == "200 INVITE"));
    bench.hears(request("ACK", US, 11, &[&to], ""));
    bench.seen();
    bench.pass(ms(0));
    assert_eq!(bench.titles()[0], "BYE");
    bench.expired();
}

#[test]
fn silence_is_probed() {
    let mut bench = Bench::watching(PROBE);
    let (_, to, _) = bench.granted(&[]);
    bench.sends(secs(50), &[]);
    bench.hears(request("OPTIONS", US, 11, &[&to], ""));
    bench.titles();
    bench.sends(secs(59), &[]);
    for status in [200, 405, 501, 500, 603] {
        let options = bench.asks(secs(1), "OPTIONS");
        assert_eq!(options.to_tag().as_deref(), Some("them"));
        assert_eq!(ask(&options), (None, None));
        bench.replies(status, &[]);
        bench.sends(secs(59), &[]);
    }
    bench.asks(secs(1), "OPTIONS");
    bench.replies(481, &[]);
    assert_eq!(bench.seen(), ["Ended DialogGone"]);
    assert!(bench.titles().is_empty());
    bench.nothing_left();
}

#[test]
fn a_probe_without_an_answer_ends_the_leg() {
    let mut bench = Bench::watching(PROBE);
    bench.placed(&[]);
    bench.pass(secs(60 + 31));
    assert!(bench.titles().iter().all(|title| title == "OPTIONS"));
    assert!(bench.seen().is_empty());
    bench.sends(secs(1), &["OPTIONS", "BYE"]);
    assert_eq!(bench.seen(), ["Ended DialogGone"]);
    bench.nothing_left();
}

#[test]
fn a_short_timer_needs_no_probe_and_a_long_one_does() {
    for (interval, expected) in
        [("120;refresher=uas", &[][..]), ("121;refresher=uas", &["OPTIONS"])]
    {
        let mut bench = Bench::watching(PROBE);
        let leg = bench.placed(&[("Session-Expires", interval)]);
        bench.sends(ms(60_100), expected);
        bench.end(leg);
        bench.nothing_left();
    }
}
