//! OPTIONS to registered phones that have been silent.

use std::collections::BTreeSet;

use sip::msg::{Message, Method, Name, NameAddr, Uri};
use sip::{
    Command, Config, Credentials, Event, Flow, Input, Invite, Target, Time, Transport, Watch,
};

use super::net::{answer, config, ms, raw, sdp};
use super::{Bench, UDP, flow, request};

const WATCH: Watch = Watch { interval_s: 0, interval_s_min: 90, probe_s: 0, qualify_s: 60 };
const ALLOW: &str = "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS";
const CONTACT: &str = "Contact: <sip:alice@10.0.0.7:5070;ob>";

/// An endpoint that asks phones which have been silent for a minute.
fn asking() -> Bench {
    Bench::with(Config { watch: WATCH, ..config() })
}

impl Bench {
    /// A REGISTER of a user's from UDP with these lines, and the credentials it is asked for.
    fn registers(&mut self, user: &str, number: u32, lines: &[&str]) {
        let mut authorization = String::new();
        for round in 0..2 {
            let via = format!("Via: SIP/2.0/UDP 10.0.0.7;branch=z9hG4bK-r{user}{number}-{round}");
            let (cseq, call_id) =
                (format!("CSeq: {} REGISTER", number + round), format!("Call-ID: reg-{user}"));
            let (from, to) = (
                format!("From: <sip:{user}@usher.example>;tag=r"),
                format!("To: <sip:{user}@usher.example>"),
            );
            let mut all = vec![&*via, &*cseq, &*from, &*to, &*call_id, "Max-Forwards: 70"];
            all.extend(lines);
            all.push(&authorization);
            all.retain(|line| !line.is_empty());
            let message = raw("REGISTER sip:usher.example SIP/2.0", &all, "");
            self.hears(message);
            let reply = self.sent.pop().unwrap().1;
            let Some(value) = reply.header(Name::WwwAuthenticate) else {
                assert_eq!(reply.status(), Some(200), "{reply:?}");
                return;
            };
            let challenge = sip::msg::digest::Challenge::parse(value).unwrap();
            let ha1 = challenge.algorithm.ha1(user, &challenge.realm, "secret");
            let (method, uri) = (Method::Register, "sip:usher.example");
            let answer = challenge.answer(user, &ha1, &method, uri, "cnonce", 1);
            authorization = format!("Authorization: {answer}");
        }
    }

    /// What is told of contacts: `+` for one that is there, and why another is not, with how many are
    /// left.
    fn contacts(&mut self) -> Vec<String> {
        let told = |event: Event| match event {
            Event::Bound { new: true, .. } => "+".to_owned(),
            Event::Unbound { cause, left, .. } => format!("{cause:?} {left}"),
            other => super::short(&other),
        };
        std::mem::take(&mut self.events).into_iter().map(told).collect()
    }

    /// The OPTIONS sent since the last look, without repetitions.
    fn asked(&mut self) -> Vec<Message> {
        let mut seen = BTreeSet::new();
        let all = std::mem::take(&mut self.sent).into_iter().map(|(_, message)| message);
        let asks = |message: &Message| message.method() == Some(&Method::Options);
        all.filter(|message| asks(message) && seen.insert(message.call_id().to_owned())).collect()
    }

    /// Waits until a phone is asked, for a minute at most.
    fn question(&mut self) -> Message {
        self.asked();
        for _ in 0..60 {
            self.pass(Time::from_secs(1));
            if let Some(options) = self.asked().pop() {
                return options;
            }
        }
        panic!("nobody is asked")
    }
}

const NO_ANSWER: &str = "NoAnswer 0";

#[test]
fn a_silent_phone_is_asked_and_any_answer_will_do() {
    let mut bench = asking();
    bench.registers("alice", 1, &[CONTACT, ALLOW, "Path: <sip:192.0.2.77;lr>"]);
    assert_eq!(bench.contacts(), ["+"]);
    bench.pass(ms(29_999));
    assert!(bench.asked().is_empty());
    for status in [200, 200, 404, 405, 486, 501, 603] {
        let options = bench.question();
        assert_eq!(options.request_uri(), Some("sip:alice@10.0.0.7:5070;ob"));
        assert_eq!(options.header(Name::To), Some("<sip:alice@usher.example>"));
        assert_eq!(options.header(Name::Route), Some("<sip:192.0.2.77;lr>"));
        assert_eq!(options.header(Name::MaxForwards), Some("70"));
        assert!(options.header(Name::Contact).is_some() && options.to_tag().is_none());
        bench.carried();
        bench.hears(answer(&options, status, "t", None));
    }
    assert_eq!(bench.contacts(), [""; 0]);
    assert_eq!(bench.endpoint.bindings("alice").len(), 1);
}

#[test]
fn who_does_not_answer_is_gone_until_they_do() {
    let mut bench = asking();
    bench.registers("alice", 1, &[CONTACT, ALLOW]);
    let _ = (bench.contacts(), bench.question());
    bench.pass(Time::from_secs(32));
    assert_eq!(bench.contacts(), [NO_ANSWER]);
    assert!(bench.endpoint.bindings("alice")[0].lost, "it stays bound");
    bench.carried();
    // Asked again and again, told once.
    bench.pass(Time::from_secs(300));
    assert!(bench.asked().len() > 2 && bench.contacts().is_empty());
    let options = bench.question();
    bench.hears(answer(&options, 200, "t", None));
    assert_eq!(bench.contacts(), ["+"]);
    assert!(!bench.endpoint.bindings("alice")[0].lost);
    // Gone again, and back by a request of its own: from this flow only.
    let _ = bench.question();
    bench.pass(Time::from_secs(32));
    assert_eq!(bench.contacts(), [NO_ANSWER]);
    let from = ["From: <sip:alice@usher.example>;tag=them"];
    let options = |branch: &str| {
        let text = request("OPTIONS", "sip:usher.example", 1, &[], "");
        let text = String::from_utf8(text.wire().to_vec()).unwrap();
        let text = text.replace("z9hG4bK", &format!("z9hG4bK{branch}"));
        let text = text.replace("From: <sip:carol@192.0.2.2>;tag=them", from[0]);
        Message::parse(text.into()).unwrap()
    };
    let elsewhere = Flow { remote: "192.0.2.2:9".parse().unwrap(), ..flow(UDP, 0) };
    bench.input(Input::Message { flow: elsewhere, message: options("a") });
    assert!(bench.contacts().is_empty());
    bench.hears(options("b"));
    assert_eq!(bench.contacts(), ["+"]);
}

#[test]
fn a_register_brings_it_back_and_what_was_asked_before_says_nothing() {
    let mut bench = asking();
    bench.registers("alice", 1, &[CONTACT, ALLOW]);
    let _ = (bench.contacts(), bench.question());
    bench.pass(Time::from_secs(32));
    assert_eq!(bench.contacts(), [NO_ANSWER]);
    bench.registers("alice", 10, &[CONTACT, ALLOW]);
    assert_eq!(bench.contacts(), ["+"]);
    // Registered anew while it is asked.
    let options = bench.question();
    bench.registers("alice", 20, &[CONTACT, ALLOW]);
    bench.pass(Time::from_secs(32));
    assert!(bench.contacts().is_empty(), "{}", options.call_id());
    // Unregistered, or run out, while it is lost: told as gone already.
    let lose = |bench: &mut Bench| {
        bench.question();
        bench.pass(Time::from_secs(32));
        assert_eq!(bench.contacts(), [NO_ANSWER]);
    };
    lose(&mut bench);
    bench.registers("alice", 30, &[CONTACT, "Expires: 0"]);
    assert!(bench.contacts().is_empty());
    bench.registers("alice", 40, &[CONTACT, ALLOW, "Expires: 120"]);
    assert_eq!(bench.contacts(), ["+"]);
    lose(&mut bench);
    bench.pass(Time::from_secs(60));
    assert!(bench.contacts().is_empty() && bench.endpoint.bindings("alice").is_empty());
    bench.nothing_left();
}

#[test]
fn of_two_phones_one_is_left() {
    let mut bench = asking();
    let second = "Contact: <sip:alice@10.0.0.8:5070>";
    bench.registers("alice", 1, &[CONTACT, second, ALLOW]);
    assert_eq!(bench.contacts(), ["+", "+"]);
    bench.pass(Time::from_secs(60));
    let asked = bench.asked();
    assert_eq!(asked.len(), 2);
    for options in asked.iter().filter(|one| one.request_uri().unwrap().contains("10.0.0.8")) {
        bench.hears(answer(options, 200, "t", None));
    }
    bench.pass(Time::from_secs(29));
    assert_eq!(bench.contacts(), ["NoAnswer 1"]);
    let all = bench.endpoint.bindings("alice").iter().map(|binding| binding.lost);
    assert_eq!(all.collect::<Vec<_>>(), [true, false]);
}

#[test]
fn who_is_not_asked() {
    let check = |watch: Watch, lines: &[&str], count: usize| {
        let mut bench = Bench::with(Config { watch, ..config() });
        bench.registers("alice", 1, lines);
        bench.pass(Time::from_secs(80));
        assert_eq!(
            (bench.asked().len(), bench.contacts()),
            (count, vec!["+".to_owned()]),
            "{lines:?}"
        );
    };
    check(WATCH, &[CONTACT], 0);
    check(WATCH, &[CONTACT, "Allow: INVITE, ACK, BYE, CANCEL"], 0);
    check(WATCH, &[CONTACT, "Allow: INVITE", "Allow: options"], 1);
    check(WATCH, &["Contact: <sip:a@10.0.0.7>;+sip.instance=\"<urn:uuid:1>\""], 1);
    check(Watch { qualify_s: 0, ..WATCH }, &[CONTACT, ALLOW], 0);
    check(Watch { qualify_s: 600, ..WATCH }, &[CONTACT, ALLOW], 0);
}

#[test]
fn a_phone_in_a_call_is_not_asked() {
    let mut bench = asking();
    bench.registers("alice", 1, &[CONTACT, ALLOW]);
    bench.contacts();
    let (leg, address) = (bench.endpoint.next_leg(), NameAddr::new(Uri::parse("sip:a@h").unwrap()));
    let binding = bench.endpoint.bindings("alice")[0].id;
    let target = Target::Binding { user: "alice".into(), binding };
    let invite =
        Invite { body: Some(sdp("offer")), ..Invite::new(leg, target, address.clone(), address) };
    bench.command(Command::Invite(Box::new(invite)));
    let invite = bench.last();
    bench.hears(answer(&invite, 200, "t", Some("<sip:alice@10.0.0.7:5070>")));
    bench.pass(Time::from_secs(300));
    bench.carried();
    assert!(bench.asked().is_empty());
    bench.end(leg);
    let bye = bench.last();
    bench.hears(answer(&bye, 200, "t", None));
    bench.pass(Time::from_secs(60));
    assert_eq!(bench.asked().len(), 1);
    // It has said nothing yet, but it calls.
    let lines = ["Contact: <sip:alice@10.0.0.7:5070>"];
    let text = request("INVITE", "sip:600@usher.example", 1, &lines, "");
    let text = String::from_utf8(text.wire().to_vec()).unwrap();
    let text = text.replace("sip:carol@192.0.2.2>;tag", "sip:alice@usher.example>;tag");
    bench.hears(Message::parse(text.into()).unwrap());
    bench.pass(Time::from_secs(40));
    assert_eq!(bench.contacts(), ["Answered 200", "Invite"]);
}

#[test]
fn a_way_that_fails_is_no_answer_and_a_connection_that_closes_is_the_end() {
    let mut bench = asking();
    bench.registers("alice", 1, &[CONTACT, ALLOW]);
    let _ = (bench.contacts(), bench.question());
    bench.input(Input::FlowFailed { flow: flow(UDP, 0) });
    assert_eq!(bench.contacts(), [NO_ANSWER]);

    let mut bench = asking();
    let way = flow(Transport::Ws, 7);
    super::register(&mut bench, way, 1);
    assert_eq!(bench.contacts(), ["+"]);
    let _ = bench.question();
    bench.input(Input::FlowFailed { flow: way });
    assert_eq!(bench.contacts(), ["FlowGone 0"]);
    bench.nothing_left();
}

#[test]
fn the_configuration_begins_and_ends_it() {
    let off = Config { watch: Watch { qualify_s: 0, ..WATCH }, ..config() };
    let mut bench = Bench::with(off.clone());
    bench.registers("alice", 1, &[CONTACT, ALLOW]);
    bench.contacts();
    bench.pass(Time::from_secs(100));
    assert!(bench.asked().is_empty());
    bench.input(Input::Configure(Config { watch: WATCH, ..config() }));
    let _ = bench.question();
    bench.pass(Time::from_secs(32));
    assert_eq!(bench.contacts(), [NO_ANSWER]);
    bench.input(Input::Configure(off));
    assert_eq!(bench.contacts(), ["+"]);
    bench.pass(Time::from_secs(200));
    assert!(bench.contacts().is_empty());
}

/// Many phones that registered at once and are all gone.
#[test]
fn never_too_many_at_once() {
    let name = |at: u64| format!("u{at}");
    let (phones, outstanding) = (2_000, 500);
    let credentials =
        |at| Credentials { username: name(at).as_str().into(), password: "secret".into() };
    let users = (0..phones).map(credentials).collect();
    let limits = Config { transactions_max: 100_000, users, watch: WATCH, ..config() };
    let mut bench = Bench::with(limits);
    for at in 0..phones {
        bench.registers(&name(at), 1, &[CONTACT, ALLOW]);
    }
    bench.contacts();
    // Until their REGISTERs are forgotten; the first are being asked.
    bench.pass(Time::from_secs(33));
    let ids = |asked: Vec<Message>| asked.into_iter().map(|options| options.call_id().to_owned());
    let mut seen: BTreeSet<String> = ids(bench.asked()).collect();
    assert!((150..250).contains(&seen.len()), "{}", seen.len());
    let mut gone = 0;
    for _ in 0..600 {
        let before = seen.len();
        bench.pass(Time::from_secs(1));
        seen.extend(ids(bench.asked()));
        // 2,000 in half a minute, one after the other.
        assert!(seen.len() - before < 100, "{}", seen.len() - before);
        assert!(bench.endpoint.counts().transactions <= outstanding);
        let told = bench.contacts();
        assert!(told.iter().all(|one| one == NO_ANSWER), "{told:?}");
        gone += told.len();
    }
    assert_eq!(gone, 2_000, "all are found in the end");
}
