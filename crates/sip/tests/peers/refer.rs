//! REFER, its NOTIFYs and Replaces from a peer that writes its messages by hand.

use sip::msg::{Message, Method, Name, Replaces, Uri};
use sip::{Command, Event, Headers, LegId, Refer, Referral, Time};

use super::net::{answer, raw, sdp, title};
use super::{Bench, CONTACT, US, answered, request};

/// A call from the trunk that stands.
fn confirmed() -> (Bench, LegId, String) {
    let mut bench = Bench::new();
    let (leg, to) = answered(&mut bench);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    bench.seen();
    (bench, leg, to)
}

fn refer(number: u32, to: &str, lines: &[&str]) -> Message {
    let lines: Vec<&str> = [to, CONTACT].into_iter().chain(lines.iter().copied()).collect();
    request("REFER", US, number, &lines, "")
}

const BOB: &str = "Refer-To: <sip:bob@usher.example>";

impl Bench {
    /// The token of the REFER that the owner has to answer.
    fn referred(&mut self) -> u64 {
        let found = self.events.iter().rev().find_map(|event| match event {
            Event::Referred { token, .. } => Some(*token),
            _ => None,
        });
        self.events.clear();
        found.expect("a REFER came")
    }

    fn accept(&mut self, leg: LegId, token: u64) {
        self.command(Command::AnswerRefer { leg, token, status: 202, headers: Headers::new() });
    }

    fn tell(&mut self, leg: LegId, token: u64, status: u16) {
        self.command(Command::Notify { leg, token, status });
    }

    /// What the last NOTIFY says: Event, state and body.
    fn told(&self) -> [String; 3] {
        let notify = self.last();
        assert_eq!(notify.method(), Some(&Method::Notify));
        assert_eq!(notify.header(Name::ContentType), Some("message/sipfrag;version=2.0"));
        assert!(notify.header(Name::Contact).is_some(), "RFC 6665 section 4.1.3");
        let field = |name| notify.header(name).unwrap_or_default().to_owned();
        let body = String::from_utf8(notify.body().to_vec()).unwrap();
        [field(Name::Event), field(Name::SubscriptionState), body]
    }

    /// The peer answers the last request of ours.
    fn answers(&mut self, status: u16) {
        let last = self.last();
        self.hears(answer(&last, status, "them", None));
    }
}

#[test]
fn a_refer_is_told_how_it_goes() {
    let (mut bench, leg, to) = confirmed();
    bench.hears(refer(11, &to, &[BOB]));
    let token = bench.referred();
    bench.accept(leg, token);
    assert_eq!(bench.titles(), ["202 REFER", "NOTIFY"]);
    // The answer to the first one is long in coming: of those that wait the newest is sent.
    bench.tell(leg, token, 180);
    bench.tell(leg, token, 183);
    assert!(bench.titles().is_empty());
    bench.pass(Time::from_millis(600));
    assert_eq!(bench.titles(), ["NOTIFY"], "only a retransmission");
    bench.tell(leg, token, 183);
    bench.hears(refer(12, &to, &[BOB]));
    assert_eq!(bench.titles(), ["491 REFER"]);
    assert!(bench.seen().is_empty());
}

#[test]
fn notifies_wait_for_each_other() {
    let (mut bench, leg, to) = confirmed();
    bench.hears(refer(11, &to, &[BOB]));
    let token = bench.referred();
    bench.accept(leg, token);
    let trying = "SIP/2.0 100 Trying\r\n";
    assert_eq!(bench.told(), ["refer;id=11", "active;expires=900", trying]);
    bench.tell(leg, token, 180);
    bench.tell(leg, token, 183);
    bench.answers(200);
    assert_eq!(bench.told()[2], "SIP/2.0 183 Session Progress\r\n");
    bench.tell(leg, token, 200);
    bench.tell(leg, token, 180);
    assert!(bench.told()[2].contains("183"));
    bench.answers(200);
    assert_eq!(bench.told(), ["refer;id=11", "terminated;reason=noresource", "SIP/2.0 200 OK\r\n"]);
    bench.titles();
    bench.tell(leg, token, 200);
    bench.command(Command::AnswerRefer { leg, token, status: 603, headers: Headers::new() });
    assert!(bench.titles().is_empty(), "it is over");
    bench.hears(refer(12, &to, &[BOB]));
    bench.referred();
    bench.end(leg);
    assert_eq!(bench.titles(), ["487 REFER", "BYE"], "what the owner has not answered ends");
    bench.nothing_left();
}

#[test]
fn a_notify_that_is_refused_ends_the_subscription_and_nothing_else() {
    for status in [481, 489, 500] {
        let (mut bench, leg, to) = confirmed();
        bench.hears(refer(11, &to, &[BOB]));
        let token = bench.referred();
        bench.accept(leg, token);
        bench.answers(status);
        bench.titles();
        bench.tell(leg, token, 200);
        assert!(bench.titles().is_empty(), "{status}");
        assert!(bench.seen().is_empty(), "the call stands");
        bench.end(leg);
        assert_eq!(bench.titles(), ["BYE"]);
    }
    let (mut bench, leg, to) = confirmed();
    bench.hears(refer(11, &to, &[BOB]));
    let token = bench.referred();
    bench.accept(leg, token);
    bench.pass(Time::from_secs(40));
    bench.titles();
    bench.tell(leg, token, 200);
    assert!(bench.titles().is_empty() && bench.seen().is_empty(), "no answer at all");
}

#[test]
fn our_bye_does_not_overtake_the_last_word() {
    // What the owner says before it ends the leg, and whether the NOTIFY before was answered.
    let check = |said: &[u16], is_answered: bool, status: &str| {
        let (mut bench, leg, to) = confirmed();
        bench.hears(refer(11, &to, &[BOB]));
        let token = bench.referred();
        bench.accept(leg, token);
        if is_answered {
            bench.answers(200);
        }
        bench.titles();
        for status in said {
            bench.tell(leg, token, *status);
        }
        bench.end(leg);
        let bye = bench.sent.pop().expect("a BYE").1;
        assert_eq!(title(&bye), "BYE", "{said:?}");
        let last = ["refer;id=11", "terminated;reason=noresource", status];
        assert_eq!(bench.told(), last, "{said:?}");
        let notify = bench.last();
        assert!(bye.cseq().unwrap().number > notify.cseq().unwrap().number);
        let count = bench.titles().iter().filter(|title| *title == "NOTIFY").count();
        let told = said.iter().filter(|status| is_answered && **status < 200).count();
        assert_eq!(count, 1 + told, "{said:?}");
        bench.hears(answer(&bye, 200, "them", None));
        bench.hears(answer(&notify, 200, "them", None));
        bench.nothing_left();
        assert!(bench.seen().is_empty());
    };
    let gone = "SIP/2.0 487 Request Terminated\r\n";
    check(&[487], true, gone);
    check(&[487], false, gone);
    check(&[180, 487], true, gone);
    check(&[180, 487], false, gone);
    check(&[200], false, "SIP/2.0 200 OK\r\n");
    check(&[180], true, "SIP/2.0 180 Ringing\r\n");
    check(&[], false, "SIP/2.0 100 Trying\r\n");
}

#[test]
fn who_sends_bye_is_told_all_the_same() {
    // What the owner says after it, how the peer answers that, and what it is told last.
    let check = |said: &[u16], answers: u16, last: &str| {
        let (mut bench, leg, to) = confirmed();
        bench.hears(refer(11, &to, &[BOB]));
        let token = bench.referred();
        bench.accept(leg, token);
        let trying = answer(&bench.last(), 200, "them", None);
        bench.hears(request("BYE", US, 12, &[&to], ""));
        assert_eq!(bench.titles(), ["202 REFER", "NOTIFY", "200 BYE"]);
        assert_eq!(bench.seen(), ["Ended Bye"]);
        bench.carried();
        // The call is over, the dialog is not.
        bench.hears(request("INFO", US, 13, &[&to], ""));
        bench.hears(request("OPTIONS", US, 14, &[&to], ""));
        bench.hears(request("BYE", US, 15, &[&to], ""));
        assert_eq!(bench.titles(), ["481 INFO", "200 OPTIONS", "481 BYE"]);
        bench.hears(trying);
        for status in said {
            bench.tell(leg, token, *status);
            let told = bench.told();
            if *status >= 200 {
                assert_eq!(told, ["refer;id=11", "terminated;reason=noresource", last]);
            }
            bench.answers(answers);
        }
        assert_eq!(bench.endpoint.counts().legs, 0, "{said:?} {answers}");
        bench.titles();
        bench.tell(leg, token, 200);
        assert!(bench.titles().is_empty() && bench.seen().is_empty());
        bench.nothing_left();
    };
    let ok = "SIP/2.0 200 OK\r\n";
    check(&[180, 200], 200, ok);
    check(&[486], 200, "SIP/2.0 486 Busy Here\r\n");
    check(&[200], 481, ok);
    // A phone that has forgotten the dialog hears nothing more.
    check(&[180], 481, "");
}

#[test]
fn who_sends_bye_is_not_told_for_ever() {
    let (mut bench, leg, to) = confirmed();
    bench.hears(refer(11, &to, &[BOB]));
    let token = bench.referred();
    bench.accept(leg, token);
    bench.answers(200);
    bench.hears(request("BYE", US, 12, &[&to], ""));
    bench.pass(Time::from_secs(899));
    bench.titles();
    bench.pass(Time::from_secs(1));
    assert_eq!(bench.told()[1], "terminated;reason=timeout");
    assert_eq!(bench.endpoint.counts().legs, 0);
    bench.nothing_left();
}

#[test]
fn a_subscription_is_prolonged_shortened_and_ended() {
    let subscribe = |number, to: &str, lines: &[&str]| {
        let lines: Vec<&str> = [to, CONTACT].into_iter().chain(lines.iter().copied()).collect();
        request("SUBSCRIBE", US, number, &lines, "")
    };
    for is_over in [false, true] {
        let (mut bench, leg, to) = confirmed();
        bench.hears(subscribe(11, &to, &["Event: refer"]));
        bench.hears(subscribe(12, &to, &["Event: presence"]));
        assert_eq!(bench.titles(), ["481 SUBSCRIBE", "489 SUBSCRIBE"], "there is none");
        bench.hears(refer(13, &to, &[BOB]));
        let token = bench.referred();
        bench.hears(subscribe(14, &to, &["Event: refer"]));
        assert_eq!(bench.titles(), ["481 SUBSCRIBE"], "nor is there before the 202");
        bench.accept(leg, token);
        bench.answers(200);
        bench.tell(leg, token, 180);
        bench.answers(200);
        if is_over {
            bench.hears(request("BYE", US, 15, &[&to], ""));
        }
        bench.pass(Time::from_secs(100));
        bench.titles();
        bench.hears(subscribe(16, &to, &["Event: refer;id=14"]));
        assert_eq!(bench.titles(), ["481 SUBSCRIBE"], "of another REFER");
        let ringing = "SIP/2.0 180 Ringing\r\n";
        for (at, line, granted) in [
            (17, "Expires: 3600", "900"),
            (18, "Expires: 60", "60"),
            (19, "Expires: x", "900"),
            (20, "Event: refer;id=13", "900"),
        ] {
            let lines = ["Event: refer", line];
            let lines = if at == 20 { &lines[1..] } else { &lines[..] };
            bench.hears(subscribe(at, &to, lines));
            let ok = bench.sent[0].1.clone();
            assert_eq!(title(&ok), "200 SUBSCRIBE");
            assert_eq!(ok.header(Name::Expires), Some(granted), "{line}");
            assert!(ok.header(Name::Contact).is_some());
            let state = format!("active;expires={granted}");
            assert_eq!(bench.told(), ["refer;id=13", &state, ringing]);
            bench.answers(200);
            bench.titles();
        }
        bench.hears(subscribe(21, &to, &["Event: refer", "Expires: 0"]));
        assert_eq!(bench.sent[0].1.header(Name::Expires), Some("0"));
        assert_eq!(bench.told(), ["refer;id=13", "terminated;reason=timeout", ringing]);
        assert_eq!(bench.titles(), ["200 SUBSCRIBE", "NOTIFY"]);
        assert_eq!(bench.endpoint.counts().legs, usize::from(!is_over));
        bench.tell(leg, token, 200);
        assert!(bench.titles().is_empty());
        bench.end(leg);
        bench.nothing_left();
    }
}

#[test]
fn a_subscription_runs_out() {
    let (mut bench, leg, to) = confirmed();
    bench.hears(refer(11, &to, &[BOB]));
    let token = bench.referred();
    bench.accept(leg, token);
    bench.answers(200);
    bench.pass(Time::from_secs(800));
    bench.tell(leg, token, 180);
    assert_eq!(bench.told()[1], "active;expires=100");
    bench.answers(200);
    bench.pass(Time::from_secs(100));
    let ringing = "SIP/2.0 180 Ringing\r\n";
    assert_eq!(bench.told(), ["refer;id=11", "terminated;reason=timeout", ringing]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn whoever_does_not_want_to_be_told_is_not() {
    let (mut bench, leg, to) = confirmed();
    bench.hears(refer(11, &to, &[BOB, "Refer-Sub: false", "Supported: norefersub"]));
    let token = bench.referred();
    bench.accept(leg, token);
    let ok = bench.last();
    assert_eq!(ok.header(Name::ReferSub), Some("false"));
    assert!(ok.header(Name::Contact).is_some());
    bench.tell(leg, token, 200);
    assert_eq!(bench.titles(), ["200 REFER"]);
}

#[test]
fn what_a_refer_asks_for() {
    let check = |lines: &[&str], expected: &str| {
        let (mut bench, leg, to) = confirmed();
        bench.hears(refer(11, &to, lines));
        let seen = match bench.events.pop() {
            Some(Event::Referred { token, target, headers, replaces, .. }) => {
                bench.command(Command::AnswerRefer {
                    leg,
                    token,
                    status: 603,
                    headers: Headers::new(),
                });
                assert_eq!(bench.titles(), ["603 REFER"]);
                let replaces = replaces.map(|replaces| replaces.to_string()).unwrap_or_default();
                format!("{target} {headers:?} {replaces}")
            }
            _ => bench.titles().join(", "),
        };
        assert_eq!(seen, expected, "{lines:?}");
    };
    check(&[BOB], "sip:bob@usher.example [] ");
    check(&["r: sip:bob@h;method=INVITE"], "sip:bob@h [] ");
    check(&["Refer-To: <tel:+49301234>"], "tel:+49301234 [] ");
    let replaces = "Refer-To: <sip:b@h?Replaces=a%40b%3Bto-tag%3Dt%3Bfrom-tag%3Df&X-CRM-Id=7>";
    check(&[replaces], "sip:b@h [(\"X-CRM-Id\", \"7\")] a@b;to-tag=t;from-tag=f");
    check(&[], "400 REFER");
    check(&[BOB, BOB], "400 REFER");
    check(&["Refer-To: <sip:a@h>, <sip:b@h>"], "400 REFER");
    check(&["Refer-To: <sip:>"], "400 REFER");
    check(&["Refer-To: <sip:b@h?Replaces=a>"], "400 REFER");
    check(&["Refer-To: <sip:b@h?Replaces=a&Replaces=b>"], "400 REFER");
    check(&["Refer-To: <http://h/>"], "416 REFER");
    check(&["Refer-To: <sip:b@h;method=BYE>"], "501 REFER");
}

#[test]
fn outside_of_a_dialog_that_stands_nothing_is_referred() {
    let check = |message: Message, expected: &str| {
        let mut bench = Bench::new();
        bench.hears(message);
        assert_eq!(bench.titles(), [expected]);
        assert!(bench.seen().is_empty());
    };
    check(request("REFER", US, 1, &[CONTACT, BOB], ""), "403 REFER");
    check(request("NOTIFY", US, 1, &[CONTACT, "Event: refer"], ""), "481 NOTIFY");
    let mut bench = Bench::new();
    bench.hears(request("INVITE", US, 10, &[CONTACT], ""));
    let Some(Event::Invite { leg, .. }) = bench.events.pop() else { panic!("no INVITE") };
    bench.command(Command::Respond { leg, status: 180, headers: Headers::new(), body: None });
    let to = format!("To: {}", bench.last().header(Name::To).unwrap());
    bench.titles();
    bench.hears(refer(11, &to, &[BOB]));
    assert_eq!(bench.titles(), ["403 REFER"]);
}

fn asks(bench: &mut Bench, leg: LegId, told: bool) {
    let replaces = Replaces {
        call_id: "a@b".into(),
        to_tag: "t".into(),
        from_tag: "f".into(),
        early_only: false,
    };
    let target = Uri::parse("sip:carol@pbx.example").unwrap();
    let headers = vec![("Referred-By".into(), "<sip:bob@usher.example>".to_owned())];
    let refer = Refer { leg, token: 7, target, replaces: Some(replaces), told, headers };
    bench.command(Command::Refer(Box::new(refer)));
}

/// The same, and what goes out.
fn ask(bench: &mut Bench, leg: LegId, told: bool) -> Message {
    asks(bench, leg, told);
    bench.last()
}

/// The peer's NOTIFY of a REFER of ours.
fn notify(number: u32, to: &str, id: &str, state: &str, body: &str) -> Message {
    let event = format!("Event: refer{id}");
    let state = format!("Subscription-State: {state}");
    let kind = "Content-Type: message/sipfrag;version=2.0";
    request("NOTIFY", US, number, &[to, CONTACT, &event, &state, kind], body)
}

#[test]
fn a_refer_of_ours_waits_for_the_ack_of_our_2xx() {
    let mut bench = Bench::new();
    let (leg, to) = answered(&mut bench);
    bench.titles();
    asks(&mut bench, leg, true);
    assert!(bench.titles().is_empty());
    bench.hears(request("ACK", US, 10, &[&to], ""));
    let refer = bench.last();
    assert_eq!(bench.titles(), ["REFER"]);
    bench.seen();
    bench.hears(answer(&refer, 202, "them", None));
    assert_eq!(bench.seen(), ["Referral Accepted"]);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    assert!(bench.titles().is_empty(), "once");
    // Our BYE may wait for the last word, and for no more than that.
    bench.command(Command::EndReferred { leg });
    assert!(bench.titles().is_empty());
    let id = format!(";id={}", refer.cseq().unwrap().number);
    bench.hears(notify(20, &to, &id, "active", "SIP/2.0 180 Ringing\r\n"));
    assert_eq!(bench.titles(), ["200 NOTIFY"]);
    bench.hears(notify(21, &to, &id, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n"));
    assert_eq!(bench.titles(), ["200 NOTIFY", "BYE"]);
    assert!(bench.seen().is_empty(), "nothing of it is told any more");
    let (mut bench, leg, _) = confirmed();
    let refer = ask(&mut bench, leg, true);
    bench.hears(answer(&refer, 202, "them", None));
    bench.command(Command::EndReferred { leg });
    bench.titles();
    bench.pass(Time::from_secs(5));
    assert_eq!(bench.titles()[0], "BYE", "the last word never comes");
    let (mut bench, leg, _) = confirmed();
    bench.titles();
    bench.command(Command::EndReferred { leg });
    assert_eq!(bench.titles(), ["BYE"], "there is none to wait for");
    // Where the caller is gone before, nobody is asked.
    let mut bench = Bench::new();
    let (leg, to) = answered(&mut bench);
    asks(&mut bench, leg, true);
    bench.titles();
    bench.command(Command::End { leg, status: 480, headers: Headers::new() });
    bench.hears(request("ACK", US, 10, &[&to], ""));
    assert_eq!(bench.titles(), ["BYE"]);
}

#[test]
fn a_refer_of_ours_and_what_is_told_of_it() {
    let (mut bench, leg, to) = confirmed();
    let refer = ask(&mut bench, leg, true);
    let expected = "<sip:carol@pbx.example?Replaces=a%40b%3Bto-tag%3Dt%3Bfrom-tag%3Df>";
    assert_eq!(refer.header(Name::ReferTo), Some(expected));
    assert_eq!(refer.header(Name::ReferredBy), Some("<sip:bob@usher.example>"));
    assert!(refer.header(Name::ReferSub).is_none());
    ask(&mut bench, leg, true);
    assert_eq!(bench.seen(), ["Referral Refused(491)"], "one at a time");
    // A NOTIFY overtakes the 202.
    let id = format!(";id={}", refer.cseq().unwrap().number);
    bench.titles();
    bench.hears(notify(20, &to, &id, "active;expires=60", "SIP/2.0 100 Trying\r\n"));
    bench.hears(answer(&refer, 202, "them", None));
    bench.hears(notify(21, &to, "", "active", "SIP/2.0 180 Ringing\r\n"));
    assert_eq!(bench.titles(), ["200 NOTIFY", "200 NOTIFY"]);
    let seen = ["Referral Progress(100)", "Referral Progress(180)"];
    assert_eq!(bench.seen(), seen);
    bench.hears(notify(22, &to, ";id=99", "active", "SIP/2.0 180 Ringing\r\n"));
    bench.hears(request("NOTIFY", US, 23, &[&to, CONTACT, "Event: presence"], ""));
    bench.hears(request("NOTIFY", US, 24, &[&to, CONTACT], ""));
    bench.hears(request("NOTIFY", US, 25, &[&to, CONTACT, "Event: refer"], ""));
    assert_eq!(bench.titles(), ["481 NOTIFY", "489 NOTIFY", "489 NOTIFY", "400 NOTIFY"]);
    // The final status, and only then the end of the subscription: told once.
    bench.hears(notify(26, &to, &id, "active", "SIP/2.0 200 OK\r\n"));
    bench.hears(notify(27, &to, &id, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n"));
    bench.hears(notify(28, &to, &id, "terminated", "SIP/2.0 200 OK\r\n"));
    assert_eq!(bench.titles(), ["200 NOTIFY", "200 NOTIFY", "481 NOTIFY"]);
    assert_eq!(bench.seen(), ["Referral Done(200)"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn how_a_refer_of_ours_ends() {
    let check = |told: bool, hear: &dyn Fn(&mut Bench, &Message, &str), expected: &[&str]| {
        let (mut bench, leg, to) = confirmed();
        let refer = ask(&mut bench, leg, told);
        assert_eq!(refer.header(Name::ReferSub), (!told).then_some("false"));
        bench.titles();
        hear(&mut bench, &refer, &to);
        assert_eq!(bench.seen(), expected);
    };
    check(
        true,
        &|bench, refer, _| bench.hears(answer(refer, 603, "them", None)),
        &["Referral Refused(603)"],
    );
    check(
        true,
        &|bench, refer, _| bench.hears(answer(refer, 481, "them", None)),
        &["Referral Refused(481)", "Ended DialogGone"],
    );
    check(true, &|bench, _, _| bench.pass(Time::from_secs(40)), &["Referral Refused(408)"]);
    check(
        false,
        &|bench, refer, _| {
            let ok = refer.respond(200, None, Some("them")).header(Name::ReferSub, "false");
            bench.hears(ok.build());
        },
        &["Referral Untold"],
    );
    // Agreed, and never a word.
    check(
        true,
        &|bench, refer, _| {
            bench.hears(answer(refer, 202, "them", None));
            bench.pass(Time::from_secs(40));
        },
        &["Referral Accepted", "Referral Untold"],
    );
    check(
        true,
        &|bench, refer, to| {
            bench.hears(answer(refer, 202, "them", None));
            bench.hears(notify(20, to, "", "active;expires=60", "SIP/2.0 100 Trying\r\n"));
            bench.pass(Time::from_secs(59));
            assert_eq!(bench.events.len(), 2);
            bench.pass(Time::from_secs(2));
        },
        &["Referral Accepted", "Referral Progress(100)", "Referral Untold"],
    );
    check(
        true,
        &|bench, refer, to| {
            bench.hears(answer(refer, 202, "them", None));
            bench.hears(notify(20, to, "", "terminated;reason=giveup", ""));
            bench.hears(request("BYE", US, 21, &[to], ""));
        },
        &["Referral Accepted", "Referral Untold", "Ended Bye"],
    );
}

/// An INVITE of another dialog that wants to replace one.
fn replacing(number: u32, lines: &[&str]) -> Message {
    let via = format!("Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-replacing-{number}");
    let cseq = format!("CSeq: {number} INVITE");
    let id = format!("Call-ID: other{number}");
    let mut all = vec![&*via, &*cseq, &*id, "From: <sip:dave@192.0.2.2>;tag=dave"];
    all.extend(["To: <sip:600@192.0.2.1>", "Max-Forwards: 70", CONTACT]);
    all.extend(lines);
    raw(&format!("INVITE {US} SIP/2.0"), &all, "")
}

#[test]
fn an_invite_replaces_what_it_names() {
    let (mut bench, leg, to) = confirmed();
    let tag = to.rsplit_once("tag=").unwrap().1.to_owned();
    let line = format!("Replaces: theirs;to-tag={tag};from-tag=them");
    let mut number = 0;
    let mut check = |bench: &mut Bench, lines: &[&str], expected: &str| {
        number += 1;
        bench.hears(replacing(number, lines));
        let found = bench.events.pop();
        let got = match &found {
            Some(Event::Invite { replaces, leg, .. }) => {
                let replaces = format!("{replaces:?}");
                bench.end(*leg);
                replaces
            }
            Some(Event::Refused { reason, user, .. }) => {
                format!("{} {reason} {user}", bench.last().status().unwrap())
            }
            _ => bench.last().status().unwrap().to_string(),
        };
        bench.titles();
        assert_eq!(got, expected, "{lines:?}");
    };
    let named = format!("{:?}", Some(leg));
    check(&mut bench, &[], "None");
    check(&mut bench, &[&line], &named);
    check(&mut bench, &[&line, "Require: replaces"], &named);
    check(&mut bench, &[&line, &line], "400");
    check(&mut bench, &["Replaces: theirs"], "400");
    check(&mut bench, &[&format!("{line};early-only")], "486");
    for guess in [
        line.replace("theirs", "another"),
        line.replace("=them", "=they"),
        line.replace(&tag, "0123456789abcdef"),
        line.replace(&tag, "x"),
    ] {
        check(&mut bench, &[&guess], "481 replaces other");
    }
    bench.end(leg);
    check(&mut bench, &[&line], "603");
    // An early dialog that the other side began.
    let mut bench = Bench::new();
    bench.hears(request("INVITE", US, 10, &[CONTACT], ""));
    let Some(Event::Invite { leg, .. }) = bench.events.pop() else { panic!("no INVITE") };
    bench.command(Command::Respond { leg, status: 180, headers: Headers::new(), body: None });
    let tag = bench.last().to_tag().unwrap();
    check(&mut bench, &[&format!("Replaces: theirs;to-tag={tag};from-tag=them")], "481");
    // One that we began, still ringing.
    let mut bench = Bench::new();
    let (leg, invite) = bench.call(None);
    bench.hears(answer(&invite, 180, "them", Some("<sip:x@192.0.2.2>")));
    bench.seen();
    let (id, tag) = (invite.call_id(), invite.from_tag());
    let line = format!("Replaces: {id};to-tag={tag};from-tag=them;early-only");
    check(&mut bench, &[&line], &format!("{:?}", Some(leg)));
    bench.end(leg);
    check(&mut bench, &[&line], "603");
}

#[test]
fn a_peer_without_a_tag_is_replaced_by_0() {
    let mut bench = Bench::new();
    let old = |message: Message| {
        let text = String::from_utf8(message.wire().to_vec()).unwrap();
        Message::parse(text.replace(";tag=them", "").into()).unwrap()
    };
    bench.hears(old(request("INVITE", US, 10, &[CONTACT], "")));
    let Some(Event::Invite { leg, .. }) = bench.events.pop() else { panic!("no INVITE") };
    let body = Some(sdp("answer"));
    bench.command(Command::Respond { leg, status: 200, headers: Headers::new(), body });
    let tag = bench.last().to_tag().unwrap();
    bench.hears(replacing(1, &[&format!("Replaces: theirs;to-tag={tag};from-tag=0")]));
    let Some(Event::Invite { replaces, .. }) = bench.events.pop() else { panic!("no INVITE") };
    assert_eq!(replaces, Some(leg));
}

#[test]
fn a_refer_that_nobody_can_be_sent() {
    let mut bench = Bench::new();
    let (leg, _) = bench.call(None);
    let target = Uri::parse("sip:carol@pbx.example").unwrap();
    let headers = Headers::new();
    let refer = Refer { leg, token: 7, target, replaces: None, told: true, headers };
    bench.command(Command::Refer(Box::new(refer)));
    assert!(matches!(
        bench.events.pop(),
        Some(Event::Referral { token: 7, referral: Referral::Refused(491), .. })
    ));
}
