//! One endpoint against peers that write their messages by hand.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test panics when it fails"
)]

mod early;
mod expiry;
mod form;
#[expect(dead_code, reason = "each test binary uses its part of the network")]
#[path = "../net/mod.rs"]
mod net;
mod qualify;
mod redirect;
mod refer;
mod reinvite;
mod reliable;
mod traps;
mod update;

use bytes::Bytes;
use net::{A, B, address, answer, config, ms, raw, sdp, short, title};
use sip::msg::{Message, Method, Name, NameAddr, Uri};
use sip::{
    Command, Config, Credentials, Endpoint, Event, Flow, Headers, Input, Invite, LegId, Output,
    Target, Time, Transport,
};

/// An endpoint at A's address; its peers are at B's.
struct Bench {
    endpoint: Endpoint,
    now: Time,
    sent: Vec<(Flow, Message)>,
    events: Vec<Event>,
    asked: Vec<u64>,
    /// Whether the owner gives its offers when it is asked for them, and how many it has given.
    answers_wishes: bool,
    offers: u32,
    /// A request of ours that is still to be answered.
    asked_last: Option<Message>,
}

const UDP: Transport = Transport::Udp;

fn flow(transport: Transport, connection: u64) -> Flow {
    Flow { transport, local: address(A), remote: address(B), connection }
}

impl Bench {
    fn new() -> Self {
        Self::with(config())
    }

    fn with(config: Config) -> Self {
        Self {
            endpoint: Endpoint::new(config, [9; 32]),
            now: ms(1000),
            sent: Vec::new(),
            events: Vec::new(),
            asked: Vec::new(),
            answers_wishes: true,
            offers: 0,
            asked_last: None,
        }
    }

    fn input(&mut self, input: Input) {
        self.endpoint.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { flow, bytes } => {
                    self.sent.push((flow, Message::parse(bytes).unwrap()));
                }
                Output::Resolve { query, .. } => self.asked.push(query),
                Output::Event(Event::OfferWanted { leg }) if self.answers_wishes => {
                    self.offers += 1;
                    let body = Some(sdp(&format!("again {}", self.offers)));
                    let offer = Command::Offer { leg, body };
                    self.endpoint.handle(self.now, Input::Command(offer));
                }
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    fn hears(&mut self, message: Message) {
        self.input(Input::Message { flow: flow(UDP, 0), message });
    }

    fn command(&mut self, command: Command) {
        self.input(Input::Command(command));
    }

    fn pass(&mut self, time: Time) {
        let until = self.now + time;
        while let Some(at) = self.endpoint.poll_timeout().filter(|at| *at <= until) {
            self.now = at;
            self.endpoint.handle_timeout(at);
            self.drain();
        }
        self.now = until;
    }

    /// What was sent since the last look.
    fn titles(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sent).iter().map(|(_, message)| title(message)).collect()
    }

    fn last(&self) -> Message {
        self.sent.last().expect("something was sent").1.clone()
    }

    fn seen(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events).iter().map(short).collect()
    }

    fn resolve(&mut self) {
        for query in std::mem::take(&mut self.asked) {
            self.input(Input::Resolved { query, flows: vec![flow(UDP, 0)] });
        }
    }

    fn call(&mut self, credentials: Option<Credentials>) -> (LegId, Message) {
        let leg = self.endpoint.next_leg();
        let uri = Uri::parse("sip:bob@pbx.example").unwrap();
        let invite = Invite {
            max_forwards: 69,
            headers: vec![("X-CRM-Id".into(), "7\r\nVia: evil".to_owned())],
            body: Some(sdp("offer")),
            credentials,
            ..Invite::new(
                leg,
                Target::Uri { uri: uri.clone(), proxy: None },
                NameAddr::new(Uri::parse("sip:queue@usher.example").unwrap()),
                NameAddr::new(uri),
            )
        };
        self.command(Command::Invite(Box::new(invite)));
        self.resolve();
        (leg, self.last())
    }

    fn end(&mut self, leg: LegId) {
        self.command(Command::End { leg, status: 480, headers: Headers::new() });
    }

    fn nothing_left(&mut self) {
        self.pass(Time::from_secs(100));
        assert_eq!(self.endpoint.counts(), sip::Counts::default());
    }
}

fn credentials() -> Credentials {
    Credentials { username: "usher".into(), password: "secret".into() }
}

fn challenge(request: &Message, status: u16, value: &str) -> Message {
    let name = if status == 401 { Name::WwwAuthenticate } else { Name::ProxyAuthenticate };
    request.respond(status, None, Some("c")).header(name, value).build()
}

/// A request of the trunk's with the usual fields and some more.
fn request(method: &str, uri: &str, number: u32, lines: &[&str], body: &str) -> Message {
    let via = format!("Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-{method}-{number}");
    let cseq = format!("CSeq: {number} {method}");
    let fixed = ["From: <sip:carol@192.0.2.2>;tag=them", "Call-ID: theirs"];
    let mut all = vec![&*via, &*cseq];
    all.extend(fixed);
    if !lines.iter().any(|line| line.starts_with("To:")) {
        all.push("To: <sip:600@192.0.2.1>");
    }
    if !lines.iter().any(|line| line.starts_with("Max-Forwards:")) {
        all.push("Max-Forwards: 70");
    }
    all.extend(lines);
    raw(&format!("{method} {uri} SIP/2.0"), &all, body)
}

const ACCEPT: &str = "application/sdp, multipart/mixed, multipart/alternative, multipart/related";
const US: &str = "sip:600@192.0.2.1";
const CONTACT: &str = "Contact: <sip:carol@192.0.2.2:5070>";

#[test]
fn two_forks_answer() {
    let mut bench = Bench::new();
    let (leg, invite) = bench.call(None);
    assert_eq!(invite.headers_named("X-CRM-Id").next(), Some("7  Via: evil"));
    for (status, tag) in [(183, "one"), (180, "two"), (180, "one")] {
        bench.hears(answer(&invite, status, tag, Some("<sip:x@192.0.2.2>")));
    }
    assert_eq!(bench.endpoint.counts().dialogs, 2);
    bench.titles();
    bench.hears(answer(&invite, 200, "two", Some("<sip:two@203.0.113.7:5080>")));
    let (way, ack) = bench.sent.remove(0);
    assert_eq!(way.remote.to_string(), "203.0.113.7:5080");
    assert_eq!(ack.request_uri(), Some("sip:two@203.0.113.7:5080"));
    assert_eq!(ack.cseq().unwrap().number, invite.cseq().unwrap().number);
    assert_ne!(ack.top_via().unwrap().branch(), invite.top_via().unwrap().branch());
    bench.hears(answer(&invite, 200, "one", Some("<sip:one@192.0.2.2>")));
    assert_eq!(bench.titles(), ["ACK", "BYE"]);
    bench.hears(answer(&invite, 200, "one", Some("<sip:one@192.0.2.2>")));
    bench.hears(answer(&invite, 200, "two", Some("<sip:two@203.0.113.7:5080>")));
    assert_eq!(bench.titles(), ["ACK", "ACK"], "each repeated 2xx gets its ACK, and no second BYE");
    assert_eq!(bench.seen(), ["Progress 183", "Progress 180", "Progress 180", "Answered 200"]);
    bench.end(leg);
    bench.nothing_left();
    assert!(bench.seen().is_empty());
}

#[test]
fn a_2xx_after_the_leg_is_gone() {
    let mut bench = Bench::new();
    let (leg, invite) = bench.call(None);
    bench.hears(answer(&invite, 200, "one", Some("<sip:one@192.0.2.2>")));
    bench.end(leg);
    let bye = bench.last();
    bench.hears(answer(&bye, 200, "one", None));
    assert_eq!(bench.endpoint.counts().legs, 0);
    bench.titles();
    bench.hears(answer(&invite, 200, "one", Some("<sip:one@192.0.2.2>")));
    assert_eq!(bench.titles(), ["ACK"]);
    bench.hears(answer(&invite, 200, "late", Some("<sip:late@192.0.2.2>")));
    assert_eq!(bench.titles(), ["ACK", "BYE"]);
    bench.nothing_left();
}

#[test]
fn the_ack_goes_by_the_route_set() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call(None);
    let response = invite
        .respond(200, None, Some("t"))
        .header(Name::RecordRoute, "<sip:203.0.113.2;lr>, <sip:203.0.113.1:5066;lr>")
        .header(Name::Contact, "<sip:bob@10.0.0.9>")
        .build();
    bench.hears(response);
    let (way, ack) = bench.sent.pop().unwrap();
    assert_eq!(way.remote.to_string(), "203.0.113.1:5066");
    assert_eq!(ack.request_uri(), Some("sip:bob@10.0.0.9"));
    let routes: Vec<&str> = ack.headers(Name::Route).collect();
    assert_eq!(routes, ["<sip:203.0.113.1:5066;lr>", "<sip:203.0.113.2;lr>"]);
}

#[test]
fn a_contact_with_a_name_is_resolved_once() {
    let mut bench = Bench::new();
    let (leg, invite) = bench.call(None);
    bench.titles();
    let ok = answer(&invite, 200, "t", Some("<sip:bob@node7.pbx.example>"));
    bench.hears(ok.clone());
    bench.hears(ok);
    bench.end(leg);
    assert!(bench.titles().is_empty());
    assert_eq!(bench.asked.len(), 1);
    bench.resolve();
    assert_eq!(bench.titles(), ["ACK", "BYE"]);
}

#[test]
fn a_challenge_is_answered_once_and_again_when_stale() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call(Some(credentials()));
    let value = "Digest realm=\"trunk\", nonce=\"n1\", qop=\"auth\"";
    bench.hears(challenge(&invite, 407, value));
    let second = bench.last();
    assert_eq!(second.call_id(), invite.call_id());
    assert_eq!(second.from_tag(), invite.from_tag());
    assert_eq!(second.cseq().unwrap().number, invite.cseq().unwrap().number + 1);
    assert!(second.header(Name::ProxyAuthorization).unwrap().contains("nonce=\"n1\""));
    assert_eq!(second.body(), invite.body());
    bench.hears(challenge(
        &second,
        407,
        &value.replace("n1", "n2, stale=true").replace("\"n2, stale=true\"", "\"n2\", stale=true"),
    ));
    let third = bench.last();
    assert!(third.header(Name::ProxyAuthorization).unwrap().contains("nonce=\"n2\""));
    assert_eq!(third.headers(Name::ProxyAuthorization).count(), 1);
    bench.hears(challenge(&third, 407, &value.replace("n1", "n3")));
    assert_eq!(bench.titles(), ["INVITE", "ACK", "INVITE", "ACK", "INVITE", "ACK"]);
    assert_eq!(bench.seen(), ["Failed 407"]);
    bench.nothing_left();
}

#[test]
fn a_callee_who_challenges_our_bye_gets_no_credentials() {
    let known = "Digest realm=\"trunk\", nonce=\"n2\", qop=\"auth\", stale=true";
    for (realm, expected) in [("evil", 1), ("trunk", 2)] {
        let mut bench = Bench::new();
        let (leg, invite) = bench.call(Some(credentials()));
        bench.hears(challenge(&invite, 401, "Digest realm=\"trunk\", nonce=\"n1\", qop=\"auth\""));
        let invite = bench.last();
        bench.hears(answer(&invite, 200, "t", Some("<sip:bob@192.0.2.2>")));
        assert!(bench.last().header(Name::Authorization).is_some(), "an ACK cannot be challenged");
        bench.titles();
        bench.end(leg);
        let bye = bench.last();
        bench.hears(challenge(&bye, 401, &known.replace("trunk", realm)));
        assert_eq!(bench.titles(), vec!["BYE"; expected], "{realm}");
        bench.nothing_left();
    }
}

#[test]
fn without_credentials_a_challenge_is_a_refusal() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call(None);
    bench.hears(challenge(&invite, 401, "Digest realm=\"x\", nonce=\"n\""));
    assert_eq!(bench.seen(), ["Failed 401"]);
}

#[test]
fn what_is_refused_by_its_form() {
    let check = |method: &str,
                 uri: &str,
                 lines: &[&str],
                 body: &str,
                 expected: &str,
                 field: Option<(Name, &str)>| {
        let mut bench = Bench::new();
        bench.hears(request(method, uri, 1, lines, body));
        let sent = bench.last();
        assert_eq!(title(&sent), expected);
        if let Some((name, value)) = field {
            assert_eq!(sent.header(name), Some(value), "{expected}");
        }
        assert!(bench.seen().is_empty());
        assert!(sent.to_tag().is_some());
    };
    let unsupported = Some((Name::Unsupported, "foo, bar"));
    check("INVITE", US, &[CONTACT, "Require: foo, 100rel, bar"], "", "420 INVITE", unsupported);
    check("INVITE", US, &[CONTACT, "Max-Forwards: 0"], "", "483 INVITE", None);
    check("INVITE", "http://x", &[CONTACT], "", "416 INVITE", None);
    check("INVITE", "sips:600@192.0.2.1", &[CONTACT], "", "416 INVITE", None);
    let accept = Some((Name::Accept, ACCEPT));
    check("INVITE", US, &[CONTACT, "Content-Type: text/html"], "<p>", "415 INVITE", accept);
    check("INVITE", US, &["Contact: <tel:1>"], "", "400 INVITE", None);
    check("INVITE", US, &[CONTACT, "To: <sip:600@192.0.2.1>;tag=gone"], "", "481 INVITE", None);
    check("BYE", US, &[], "", "481 BYE", None);
    check("NEWMETHOD", US, &[], "", "501 NEWMETHOD", None);
    check("SUBSCRIBE", US, &[], "", "405 SUBSCRIBE", None);
    check("CANCEL", US, &[], "", "481 CANCEL", None);
    check("OPTIONS", US, &[], "", "200 OPTIONS", accept);
}

#[test]
fn a_request_that_came_twice_by_different_ways() {
    let mut bench = Bench::new();
    bench.hears(request("INVITE", US, 1, &[CONTACT], ""));
    let twin = request("INVITE", US, 1, &[CONTACT], "");
    let other = String::from_utf8(twin.wire().to_vec()).unwrap().replace("z9hG4bK-", "z9hG4bK+");
    bench.hears(Message::parse(Bytes::from(other)).unwrap());
    assert_eq!(bench.titles(), ["100 INVITE", "482 INVITE"]);
    assert_eq!(bench.seen(), ["Invite"]);
}

#[test]
fn branches_of_rfc_2543() {
    let mut bench = Bench::new();
    let old = |message: &Message| {
        let text = String::from_utf8(message.wire().to_vec()).unwrap();
        let text = text.replace("branch=z9hG4bK-INVITE-1", "x=1");
        Message::parse(Bytes::from(text.replace("branch=z9hG4bK-ACK-1", "x=1"))).unwrap()
    };
    let invite = old(&request("INVITE", US, 1, &[CONTACT], ""));
    bench.hears(invite.clone());
    bench.hears(invite);
    assert_eq!(bench.titles(), ["100 INVITE", "100 INVITE"]);
    let Some(Event::Invite { leg, .. }) = bench.events.pop() else { panic!("no INVITE") };
    bench.end(leg);
    let to = format!("To: {}", bench.last().header(Name::To).unwrap());
    assert_eq!(bench.titles(), ["480 INVITE"]);
    bench.hears(old(&request("ACK", US, 1, &[&to], "")));
    bench.pass(Time::from_secs(5));
    assert!(bench.titles().is_empty(), "the ACK was found");
    bench.nothing_left();
}

/// A call from the trunk that we answered; its To with tag.
fn answered(bench: &mut Bench) -> (LegId, String) {
    bench.hears(request("INVITE", US, 10, &[CONTACT], ""));
    let Some(Event::Invite { leg, .. }) = bench.events.pop() else { panic!("no INVITE") };
    let (headers, body) = (Headers::new(), Some(sdp("answer")));
    bench.command(Command::Respond { leg, status: 200, headers, body });
    let to = format!("To: {}", bench.last().header(Name::To).unwrap());
    bench.titles();
    (leg, to)
}

#[test]
fn cseq_within_the_dialog() {
    let mut bench = Bench::new();
    let (_, to) = answered(&mut bench);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    for (number, expected) in
        [(9, "500 OPTIONS"), (10, "500 OPTIONS"), (20, "200 OPTIONS"), (19, "500 OPTIONS")]
    {
        bench.hears(request("OPTIONS", US, number, &[&to], ""));
        assert_eq!(bench.titles(), [expected], "{number}");
    }
    bench.hears(request("INVITE", US, 21, &[&to, CONTACT], ""));
    bench.hears(request("INVITE", US, 22, &[&to, CONTACT], ""));
    assert_eq!(bench.last().status(), Some(500));
    assert!(bench.last().seconds(Name::RetryAfter).is_some_and(|s| s <= 10));
    bench.hears(request("BYE", US, 23, &[&to], ""));
    assert_eq!(bench.titles()[3..], ["200 BYE", "487 INVITE"]);
    assert_eq!(bench.seen(), ["Acked", "Reinvite", "Ended Bye"]);
    bench.nothing_left();
}

#[test]
fn a_cancel_after_the_200_ends_nothing() {
    let mut bench = Bench::new();
    answered(&mut bench);
    let cancel = request("CANCEL", US, 10, &[], "");
    let text = String::from_utf8(cancel.wire().to_vec()).unwrap();
    let text = text.replace("z9hG4bK-CANCEL-10", "z9hG4bK-INVITE-10");
    bench.hears(Message::parse(Bytes::from(text)).unwrap());
    assert_eq!(bench.titles(), ["200 CANCEL"]);
    assert!(bench.seen().is_empty());
}

#[test]
fn an_icmp_error_fails_what_was_sent_there() {
    let mut bench = Bench::new();
    bench.call(None);
    bench.input(Input::FlowFailed { flow: flow(UDP, 0) });
    assert_eq!(bench.seen(), ["Failed 503"]);
    bench.nothing_left();
}

#[test]
fn a_host_that_does_not_resolve() {
    let mut bench = Bench::new();
    let leg = bench.endpoint.next_leg();
    let uri = Uri::parse("sip:bob@nowhere.example").unwrap();
    let invite = Invite::new(
        leg,
        Target::Uri { uri: uri.clone(), proxy: None },
        NameAddr::new(uri.clone()),
        NameAddr::new(uri),
    );
    bench.command(Command::Invite(Box::new(invite)));
    let query = bench.asked[0];
    bench.input(Input::Resolved { query, flows: Vec::new() });
    assert_eq!(bench.seen(), ["Failed 404"]);
    bench.nothing_left();
}

#[test]
fn an_overload_is_refused_without_a_trace() {
    let mut bench = Bench::new();
    bench.input(Input::Configure(Config { transactions_max: 0, ..config() }));
    bench.hears(request("INVITE", US, 1, &[CONTACT], ""));
    assert!(bench.last().seconds(Name::RetryAfter).is_some());
    assert_eq!(bench.titles(), ["503 INVITE"]);
    assert_eq!(bench.endpoint.counts(), sip::Counts::default());
}

#[test]
fn malformed_requests_get_400_but_for_ack() {
    for (method, expected) in [("INVITE", 1), ("ACK", 0)] {
        let text = format!(
            "{method} {US} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx;rport\r\n\
             From: <sip:a@b>;tag=1\r\nTo: <{US}>\r\nCall-ID: c\r\nCSeq: 5 {method}\r\n\
             Content-Length: 99\r\n\r\n"
        );
        let malformed = Message::parse(Bytes::from(text)).unwrap_err();
        let mut bench = Bench::new();
        bench.input(Input::Malformed { flow: flow(UDP, 0), malformed });
        assert_eq!(bench.sent.len(), expected, "{method}");
        for (way, response) in &bench.sent {
            assert_eq!((response.status(), way.remote), (Some(400), address(B)));
            assert_eq!(response.top_via().unwrap().received(), Some(address(B).ip()));
        }
    }
}

#[test]
fn responses_find_their_way_through_nat() {
    let check = |via: &str, expected: &str| {
        let mut bench = Bench::new();
        let options = request("OPTIONS", US, 1, &[], "");
        let text = String::from_utf8(options.wire().to_vec()).unwrap();
        let text = text.replace("192.0.2.2:5060;branch=z9hG4bK-OPTIONS-1", via);
        let flow = Flow { remote: "192.0.2.2:31337".parse().unwrap(), ..flow(UDP, 0) };
        let message = Message::parse(Bytes::from(text)).unwrap();
        bench.input(Input::Message { flow, message });
        assert_eq!(bench.sent[0].0.remote.to_string(), expected, "{via}");
    };
    check("10.0.0.1:5070;branch=z9hG4bKx;rport", "192.0.2.2:31337");
    check("10.0.0.1:5070;branch=z9hG4bKx", "192.0.2.2:5070");
    check("phone.invalid;branch=z9hG4bKx", "192.0.2.2:5060");
}

/// Registers alice over a connection; her binding's number.
fn register(bench: &mut Bench, way: Flow, number: u32) -> u64 {
    let mut authorization = String::new();
    for round in 0..2 {
        let via = format!("Via: SIP/2.0/WS x7.invalid;branch=z9hG4bK-r{number}-{round}");
        let cseq = format!("CSeq: {} REGISTER", number + round);
        let mut lines = vec![
            &*via,
            &*cseq,
            "From: <sip:alice@usher.example>;tag=r",
            "To: <sip:alice@usher.example>",
            "Call-ID: reg",
            "Max-Forwards: 70",
            "Contact: <sip:alice@x7.invalid;transport=ws>;+sip.instance=\"<urn:uuid:1>\";reg-id=1",
        ];
        lines.push(&authorization);
        lines.retain(|line| !line.is_empty());
        let message = raw("REGISTER sip:usher.example SIP/2.0", &lines, "");
        bench.input(Input::Message { flow: way, message });
        let reply = bench.sent.pop().unwrap().1;
        if let Some(value) = reply.header(Name::WwwAuthenticate) {
            let challenge = sip::msg::digest::Challenge::parse(value).unwrap();
            let ha1 = challenge.algorithm.ha1("alice", &challenge.realm, "secret");
            let (method, uri) = (Method::Register, "sip:usher.example");
            let answer = challenge.answer("alice", &ha1, &method, uri, "cnonce", 1);
            authorization = format!("Authorization: {answer}");
        } else {
            assert_eq!(reply.status(), Some(200));
        }
    }
    bench.endpoint.bindings("alice")[0].id
}

#[test]
fn a_reloaded_desk_is_found_again() {
    let mut bench = Bench::new();
    let first = flow(Transport::Ws, 7);
    let binding = register(&mut bench, first, 1);
    assert_eq!(bench.seen(), ["Bound"]);
    let leg = bench.endpoint.next_leg();
    let address = NameAddr::new(Uri::parse("sip:alice@usher.example").unwrap());
    let invite = Invite {
        body: Some(sdp("offer")),
        ..Invite::new(
            leg,
            Target::Binding { user: "alice".into(), binding },
            address.clone(),
            address,
        )
    };
    bench.command(Command::Invite(Box::new(invite)));
    let (way, invite) = bench.sent.pop().unwrap();
    assert_eq!(way, first);
    assert_eq!(invite.request_uri(), Some("sip:alice@x7.invalid;transport=ws"));
    let contact = Some("<sip:alice@x7.invalid;transport=ws>");
    let message = answer(&invite, 200, "t", contact);
    bench.input(Input::Message { flow: first, message });
    assert_eq!(bench.titles(), ["ACK"]);
    bench.input(Input::FlowFailed { flow: first });
    assert_eq!(bench.seen(), ["Answered 200", "Unbound"]);
    bench.pass(Time::from_secs(5));
    let second = flow(Transport::Ws, 8);
    register(&mut bench, second, 10);
    bench.pass(Time::from_secs(60));
    assert_eq!(bench.seen(), ["Bound"], "the leg lives on");
    assert_eq!(bench.endpoint.leg_flow(leg), Some(second));
    bench.end(leg);
    assert_eq!(bench.sent.last().unwrap().0, second);
    assert_eq!(bench.titles(), ["BYE"]);
}

#[test]
fn a_desk_that_does_not_come_back() {
    let mut bench = Bench::new();
    let way = flow(Transport::Wss, 7);
    register(&mut bench, way, 1);
    let alice = |message: &Message| {
        let text = String::from_utf8(message.wire().to_vec()).unwrap();
        Message::parse(Bytes::from(text.replace("carol@192.0.2.2", "alice@x7.invalid"))).unwrap()
    };
    let message = alice(&request("INVITE", US, 10, &[CONTACT], ""));
    bench.input(Input::Message { flow: way, message });
    bench.seen();
    let leg = LegId(1);
    bench.command(Command::Respond { leg, status: 200, headers: Headers::new(), body: None });
    let to = format!("To: {}", bench.last().header(Name::To).unwrap());
    let message = alice(&request("ACK", US, 10, &[&to], ""));
    bench.input(Input::Message { flow: way, message });
    bench.input(Input::FlowFailed { flow: way });
    assert_eq!(bench.seen(), ["Acked", "Unbound"]);
    bench.pass(Time::from_secs(31));
    assert!(bench.seen().is_empty());
    bench.pass(Time::from_secs(2));
    assert_eq!(bench.seen(), ["Ended FlowGone"]);
    bench.nothing_left();
}

#[test]
fn a_2xx_with_an_unreadable_route_set_is_acknowledged_and_ended() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call(None);
    bench.titles();
    let ok = answer(&invite, 200, "one", Some("<sip:one@192.0.2.2:5066>"));
    let text = String::from_utf8(ok.wire().to_vec()).unwrap();
    let text = text.replacen("Contact:", "Record-Route: <<<\r\nContact:", 1);
    bench.hears(Message::parse(Bytes::from(text)).unwrap());
    let (way, ack) = &bench.sent[0];
    assert_eq!((way.remote.port(), ack.header(Name::Route)), (5066, None));
    assert_eq!(bench.titles(), ["ACK", "BYE"]);
    assert_eq!(bench.seen(), ["Failed 502"]);
    bench.nothing_left();
}

#[test]
fn a_call_of_ours_that_comes_back_is_a_loop() {
    let mut bench = Bench::new();
    let (leg, invite) = bench.call(None);
    bench.titles();
    let returned = sip::msg::Builder::copy(&invite)
        .set(Name::Via, "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKloop")
        .build();
    let hops = returned.max_forwards();
    bench.hears(returned);
    assert_eq!(hops, Some(69));
    assert_eq!(bench.titles(), ["482 INVITE"]);
    assert!(bench.seen().is_empty());
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn requests_under_way_are_told_apart() {
    let mut bench = Bench::new();
    let (leg, to) = answered(&mut bench);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    let mut sent = Vec::new();
    for token in [7, 8] {
        let (headers, body) = (Headers::new(), None);
        bench.command(Command::Request { leg, token, method: Method::Notify, headers, body });
        sent.push(bench.last());
    }
    bench.seen();
    bench.hears(answer(&sent[1], 200, "them", None));
    bench.hears(answer(&sent[0], 202, "them", None));
    let of = |event: &Event| match event {
        Event::Response { token, response: Some(response), .. } => {
            (*token, response.status().unwrap())
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(bench.events.iter().map(of).collect::<Vec<_>>(), [(8, 200), (7, 202)]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn a_request_is_answered_with_a_body() {
    let mut bench = Bench::new();
    let (leg, to) = answered(&mut bench);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    bench.hears(request("INFO", US, 11, &[&to], ""));
    let token = bench.events.iter().find_map(|event| match event {
        Event::Request { token, .. } => Some(*token),
        _ => None,
    });
    let (token, body) = (token.unwrap(), Some(sdp("v=0")));
    let headers = Headers::new();
    bench.command(Command::RespondRequest { leg, token, status: 200, headers, body });
    let response = bench.last();
    assert_eq!((response.status(), response.body()), (Some(200), Bytes::from_static(b"v=0")));
}

#[test]
fn a_closed_connection_ends_the_legs_on_it_and_no_others() {
    let mut bench = Bench::new();
    for (number, connection) in [(10, 7), (11, 8), (12, 7)] {
        let own = format!("Call-ID: theirs-{number}");
        let message = request("INVITE", US, number, &[CONTACT], "");
        let text = String::from_utf8(message.wire().to_vec()).unwrap();
        let text = text.replace("Call-ID: theirs", &own);
        let message = Message::parse(Bytes::from(text)).unwrap();
        bench.input(Input::Message { flow: flow(Transport::Tcp, connection), message });
    }
    let carried = bench.endpoint.carry();
    bench.endpoint = Endpoint::resume(carried).unwrap();
    assert_eq!(bench.seen(), ["Invite"; 3]);
    bench.input(Input::FlowFailed { flow: flow(Transport::Tcp, 7) });
    let ended: Vec<_> = bench.events.iter().filter_map(net::leg_of).collect();
    assert_eq!(ended, [LegId(1), LegId(3)]);
    assert_eq!((bench.seen().len(), bench.endpoint.counts().legs), (2, 1));
    bench.input(Input::FlowFailed { flow: flow(Transport::Tcp, 7) });
    assert!(bench.events.is_empty());
    bench.input(Input::FlowFailed { flow: flow(Transport::Tcp, 8) });
    assert_eq!(bench.seen(), ["Ended FlowGone"]);
    bench.nothing_left();
}

/// An INVITE over a connection from a client that listens elsewhere, or nowhere.
fn over_a_connection(sent_by: &str, transport: Transport) -> (Bench, LegId) {
    let mut bench = Bench::new();
    let text = String::from_utf8(request("INVITE", US, 10, &[CONTACT], "").wire().to_vec());
    let text = text.unwrap().replace("192.0.2.2:5060;branch", &format!("{sent_by};branch"));
    let message = Message::parse(Bytes::from(text)).unwrap();
    bench.input(Input::Message { flow: flow(transport, 7), message });
    let Some(Event::Invite { leg, .. }) = bench.events.pop() else { panic!("no INVITE") };
    let headers = Headers::new();
    bench.command(Command::Respond { leg, status: 180, headers, body: None });
    bench.titles();
    (bench, leg)
}

#[test]
fn an_answer_whose_connection_closed_goes_by_another() {
    let to = Flow { remote: "192.0.2.2:5071".parse().unwrap(), ..flow(Transport::Tcp, 0) };
    let answers = |bench: &mut Bench, leg| {
        let (headers, body) = (Headers::new(), Some(sdp("answer")));
        bench.command(Command::Respond { leg, status: 200, headers, body });
        let (way, ok) = bench.sent.pop().unwrap();
        assert_eq!((way, title(&ok)), (to, "200 INVITE".to_owned()));
        format!("To: {}", ok.header(Name::To).unwrap())
    };
    let closed = || {
        let (mut bench, leg) = over_a_connection("p.example:5071", Transport::Tcp);
        bench.input(Input::FlowFailed { flow: flow(Transport::Tcp, 7) });
        let (way, ringing) = bench.sent.pop().unwrap();
        assert_eq!((way, title(&ringing)), (to, "180 INVITE".to_owned()), "whether it is there");
        bench.carried();
        assert!(bench.seen().is_empty() && bench.titles().is_empty());
        (bench, leg)
    };
    // It is: the dialog lives where its ACK came.
    let (mut bench, leg) = closed();
    let tag = answers(&mut bench, leg);
    let came = Flow { connection: 9, ..flow(Transport::Tcp, 9) };
    let ack = request("ACK", US, 10, &[&tag], "");
    bench.input(Input::Message { flow: came, message: ack });
    bench.input(Input::FlowFailed { flow: to });
    assert_eq!(bench.seen(), ["Acked"]);
    bench.end(leg);
    let (way, bye) = bench.sent.pop().unwrap();
    assert_eq!((way, title(&bye)), (came, "BYE".to_owned()));
    bench.nothing_left();
    // A 200 that went down with its connection is said again there.
    let (mut bench, leg) = over_a_connection("p.example:5071", Transport::Tcp);
    let (headers, body) = (Headers::new(), Some(sdp("answer")));
    bench.command(Command::Respond { leg, status: 200, headers, body });
    let (way, ok) = bench.sent.pop().unwrap();
    assert_eq!(way, flow(Transport::Tcp, 7));
    bench.input(Input::FlowFailed { flow: flow(Transport::Tcp, 7) });
    assert_eq!(
        bench.sent.pop().map(|(way, again)| (way, again.wire().clone())),
        Some((to, ok.wire().clone()))
    );
    bench.input(Input::FlowFailed { flow: to });
    assert_eq!(bench.seen(), ["Ended FlowGone"]);
    bench.nothing_left();
    // It is not: before there is an answer, or after.
    for is_answered in [false, true] {
        let (mut bench, leg) = closed();
        if is_answered {
            answers(&mut bench, leg);
        }
        bench.input(Input::FlowFailed { flow: Flow { connection: 0, ..to } });
        assert_eq!(bench.seen(), ["Ended FlowGone"], "{is_answered}");
        assert_eq!(bench.endpoint.counts().legs, 0);
        bench.titles();
        bench.nothing_left();
        assert!(bench.titles().is_empty(), "nobody to talk to");
    }
}

#[test]
fn who_listens_nowhere_has_gone_with_the_connection() {
    for (sent_by, transport) in
        [("192.0.2.2:5060", Transport::Tcp), ("192.0.2.2:5060", Transport::Tls)]
    {
        let (mut bench, _) = over_a_connection(sent_by, transport);
        bench.input(Input::FlowFailed { flow: flow(transport, 7) });
        assert_eq!(bench.seen(), ["Ended FlowGone"], "{sent_by}");
        bench.nothing_left();
        assert!(bench.titles().is_empty());
    }
}
