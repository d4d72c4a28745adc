//! Requests too large for a datagram: RFC 3261 section 18.1.1.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test panics when it fails")]

#[expect(dead_code, reason = "each test binary uses its part of the network")]
mod net;

use bytes::Bytes;
use net::{A, B, address, answer, config, ms, short, title};
use sip::msg::{Message, Method, Name, NameAddr, Uri};
use sip::{
    Body, Carried, Command, Config, Endpoint, Event, Flow, Headers, Input, Invite, LegId, Output,
    Target, Time, Transport,
};

/// A peer that the endpoint calls, and all that it is sent.
struct Bench {
    now: Time,
    endpoint: Endpoint,
    sent: Vec<(Flow, Message)>,
    events: Vec<Event>,
}

impl Bench {
    fn new() -> Self {
        Self::with(config())
    }

    fn with(config: Config) -> Self {
        let endpoint = Endpoint::new(config, [9; 32]);
        Self { now: ms(1000), endpoint, sent: Vec::new(), events: Vec::new() }
    }

    /// Gives one input to the endpoint, which is then carried over to a new one.
    fn input(&mut self, input: Input) {
        self.endpoint.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { flow, bytes } => {
                    self.sent.push((flow, Message::parse(bytes).expect("what we send is sound")));
                }
                Output::Resolve { query, host, port, transport, .. } => {
                    let remote = format!("{host}:{}", port.unwrap_or(5060)).parse().unwrap();
                    let transport = transport.unwrap_or(Transport::Udp);
                    let flow = Flow { transport, local: address(A), remote, connection: 0 };
                    self.endpoint.handle(self.now, Input::Resolved { query, flows: vec![flow] });
                }
                Output::Event(event) => self.events.push(event),
            }
        }
        let carried = postcard::to_stdvec(&self.endpoint.carry()).unwrap();
        let carried: Carried = postcard::from_bytes(&carried).unwrap();
        self.endpoint = Endpoint::resume(carried).unwrap();
    }

    fn run(&mut self, time: Time) {
        let until = self.now + time;
        while let Some(at) = self.endpoint.poll_timeout().filter(|at| *at <= until) {
            self.now = at;
            self.endpoint.handle_timeout(at);
            self.drain();
        }
        self.now = until;
    }

    fn place(&mut self, target: Target, body: usize) -> LegId {
        let leg = self.endpoint.next_leg();
        let body = (body > 0).then(|| Body::sdp(Bytes::from(vec![b'x'; body])));
        self.input(Input::Command(Command::Invite(Box::new(Invite {
            body,
            ..Invite::new(
                leg,
                target,
                NameAddr::new(Uri::parse("sip:alice@192.0.2.1").unwrap()),
                NameAddr::new(Uri::parse("sip:bob@192.0.2.2").unwrap()),
            )
        }))));
        leg
    }

    fn call(&mut self, uri: &str, body: usize) -> LegId {
        self.place(Target::Uri { uri: Uri::parse(uri).unwrap(), proxy: None }, body)
    }

    /// What was sent since the last look: `TCP 192.0.2.2:5060 INVITE`.
    fn seen(&mut self) -> Vec<String> {
        let line = |(flow, message): &(Flow, Message)| {
            let via = message.top_via().expect("a Via").transport;
            assert!(!message.is_request() || via.as_str() == flow.transport.as_str());
            format!("{} {} {}", flow.transport.as_str(), flow.remote, title(message))
        };
        let seen = self.sent.iter().map(line).collect();
        self.sent.clear();
        seen
    }

    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events).iter().map(short).collect()
    }

    fn last(&self) -> (Flow, Message) {
        self.sent.last().expect("something was sent").clone()
    }

    /// The peer's answer to what was sent last.
    fn answer(&mut self, status: u16, contact: Option<&str>) {
        let (flow, request) = self.last();
        let message = answer(&request, status, "theirs", contact);
        self.input(Input::Message { flow, message });
    }

    /// The driver could not open a connection.
    fn refuse(&mut self, remote: &str) {
        let (local, remote) = (address(A), remote.parse().unwrap());
        let flow = Flow { transport: Transport::Tcp, local, remote, connection: 0 };
        self.input(Input::FlowFailed { flow: Flow { connection: 7, ..flow } });
        self.input(Input::FlowFailed { flow });
    }
}

const BOB: &str = "sip:bob@192.0.2.2";
const UDP: &str = "UDP 192.0.2.2:5060 INVITE";
const TCP: &str = "TCP 192.0.2.2:5060 INVITE";
/// Octets of a body that makes any request too large.
const LARGE: usize = 1300;

/// The first way of an INVITE.
fn check(mut bench: Bench, target: Target, body: usize, expected: &str) {
    bench.place(target, body);
    assert_eq!(bench.seen(), [expected], "{body} octets");
}

#[test]
fn up_to_1300_octets_are_a_datagram() {
    let to = |uri: &str| Target::Uri { uri: Uri::parse(uri).unwrap(), proxy: None };
    let mut probe = Bench::new();
    probe.call(BOB, 900);
    let head = probe.last().1.wire().len() - 900;
    check(Bench::new(), to(BOB), 1300 - head, UDP);
    check(Bench::new(), to(BOB), 1301 - head, TCP);
    check(Bench::new(), to("sip:bob@192.0.2.2:5070"), LARGE, "TCP 192.0.2.2:5070 INVITE");
}

#[test]
fn who_names_udp_or_has_registered_gets_a_datagram() {
    let to = |uri: &str, proxy: Option<&str>| Target::Uri {
        uri: Uri::parse(uri).unwrap(),
        proxy: proxy.map(|proxy| Uri::parse(proxy).unwrap()),
    };
    check(Bench::new(), to("sip:bob@192.0.2.2;transport=UDP", None), LARGE, UDP);
    check(Bench::new(), to("sip:1@b.example", Some("sip:192.0.2.2;transport=udp")), LARGE, UDP);
    check(Bench::new(), to("sip:1@b.example;transport=udp", Some("sip:192.0.2.2")), LARGE, TCP);
    let elsewhere = Config { streams: vec!["192.0.2.9:5060".parse().unwrap()], ..config() };
    for without in [Config { streams: Vec::new(), ..config() }, elsewhere] {
        check(Bench::with(without), to(BOB, None), LARGE, UDP);
    }
    let mut bench = Bench::new();
    let remote = "198.51.100.7:40000".parse().unwrap();
    register(&mut bench, Flow { remote, ..udp() });
    let binding = bench.endpoint.bindings("alice")[0].id;
    bench.place(Target::Binding { user: "alice".into(), binding }, LARGE);
    assert_eq!(bench.seen(), ["UDP 198.51.100.7:40000 INVITE"]);
}

fn udp() -> Flow {
    Flow { transport: Transport::Udp, local: address(A), remote: address(B), connection: 0 }
}

/// Alice's phone registers.
fn register(bench: &mut Bench, flow: Flow) {
    let lines = |cseq: u32, more: &str| {
        let text = format!(
            "REGISTER sip:usher.example SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;rport;branch=z9hG4bKr{cseq}\r\n\
             From: <sip:alice@usher.example>;tag=r\r\nTo: <sip:alice@usher.example>\r\n\
             Call-ID: r\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:alice@10.0.0.9>\r\n\
             Max-Forwards: 70\r\n{more}Content-Length: 0\r\n\r\n"
        );
        Message::parse(text.into()).unwrap()
    };
    bench.input(Input::Message { flow, message: lines(1, "") });
    let challenge = bench.last().1.header(Name::WwwAuthenticate).expect("a challenge").to_owned();
    let challenge = sip::msg::digest::Challenge::parse(&challenge).unwrap();
    let ha1 = challenge.algorithm.ha1("alice", &challenge.realm, "secret");
    let uri = "sip:usher.example";
    let proof = challenge.answer("alice", &ha1, &Method::Register, uri, "c", 1);
    let proof = format!("Authorization: {proof}\r\n");
    bench.input(Input::Message { flow, message: lines(2, &proof) });
    assert_eq!(bench.last().1.status(), Some(200));
    bench.sent.clear();
}

#[test]
fn the_port_is_that_of_a_listener() {
    let any = Config { streams: vec!["0.0.0.0:5080".parse().unwrap()], ..config() };
    let mut bench = Bench::with(any);
    bench.call(BOB, LARGE);
    let (flow, invite) = bench.last();
    assert_eq!((flow.local.to_string().as_str(), flow.connection), ("192.0.2.1:5080", 0));
    let via = invite.header(Name::Via).unwrap().to_owned();
    assert!(via.starts_with("SIP/2.0/TCP 192.0.2.1:5080;"), "{via}");
    assert_eq!(invite.header(Name::Contact), Some("<sip:alice@192.0.2.1:5060>"));
}

#[test]
fn by_stream_nothing_is_repeated_and_what_belongs_to_the_invite_follows_it() {
    let mut bench = Bench::new();
    let leg = bench.call(BOB, LARGE);
    bench.run(Time::from_secs(10));
    assert_eq!(bench.sent.len(), 1, "a stream loses nothing");
    bench.answer(100, None);
    bench.input(Input::Command(Command::End { leg, status: 0, headers: Headers::new() }));
    let invite = bench.sent[0].1.clone();
    assert_eq!(bench.seen(), [TCP, "TCP 192.0.2.2:5060 CANCEL"]);
    let message = answer(&invite, 487, "theirs", None);
    bench.input(Input::Message { flow: udp(), message });
    assert_eq!(bench.seen(), ["TCP 192.0.2.2:5060 ACK"]);
}

#[test]
fn who_refuses_a_connection_gets_the_same_request_as_a_datagram() {
    let mut bench = Bench::new();
    bench.call(BOB, LARGE);
    let streamed = bench.last().1;
    bench.refuse("192.0.2.2:5060");
    let plain = bench.last().1;
    assert_eq!(bench.seen(), [TCP, UDP]);
    let rest = |message: &Message| {
        let via = message.top_via().unwrap();
        let fields = message.fields().filter(|(name, _)| *name != "Via");
        let fields: Vec<_> = fields.map(|(name, value)| format!("{name}: {value}")).collect();
        (via.branch().to_owned(), fields, message.body())
    };
    assert_eq!(rest(&streamed), rest(&plain));
    bench.run(ms(1500));
    assert_eq!(bench.seen(), [UDP, UDP], "timer A");
    bench.sent.push((udp(), plain));
    bench.answer(200, Some("<sip:bob@192.0.2.2>"));
    assert_eq!(bench.told(), ["Answered 200"]);
    assert_eq!(bench.seen().last().map(String::as_str), Some("UDP 192.0.2.2:5060 ACK"));
}

#[test]
fn who_refused_is_not_asked_again_for_a_while() {
    let mut bench = Bench::new();
    bench.call(BOB, LARGE);
    bench.refuse("192.0.2.2:5060");
    bench.answer(486, None);
    bench.sent.clear();
    bench.call(BOB, LARGE);
    bench.answer(486, None);
    bench.call("sip:bob@192.0.2.2:5070", LARGE);
    assert_eq!(bench.seen(), [UDP, "UDP 192.0.2.2:5060 ACK", "TCP 192.0.2.2:5070 INVITE"]);
    bench.run(Time::from_secs(301));
    bench.sent.clear();
    bench.call(BOB, LARGE);
    assert_eq!(bench.seen(), [TCP]);
}

#[test]
fn a_way_that_carried_an_answer_is_not_left() {
    let mut bench = Bench::new();
    bench.call(BOB, LARGE);
    bench.answer(100, None);
    bench.refuse("192.0.2.2:5060");
    assert_eq!(bench.seen(), [TCP]);
    assert_eq!(bench.told(), ["Failed 503"]);
}

#[test]
fn nobody_is_rung_for_an_owner_who_has_given_up() {
    let mut bench = Bench::new();
    let leg = bench.call(BOB, LARGE);
    bench.input(Input::Command(Command::End { leg, status: 0, headers: Headers::new() }));
    bench.refuse("192.0.2.2:5060");
    bench.run(Time::from_secs(60));
    assert_eq!(bench.seen(), [TCP]);
    assert_eq!(bench.endpoint.counts(), sip::Counts::default());
}

#[test]
fn the_rule_holds_in_a_dialog_too() {
    let mut bench = Bench::new();
    let leg = bench.call(BOB, 100);
    bench.answer(200, Some("<sip:bob@192.0.2.2>"));
    bench.sent.clear();
    let info = |token| Command::Request {
        leg,
        token,
        method: Method::Info,
        headers: Headers::new(),
        body: Some(Body { content_type: "a/b".into(), bytes: Bytes::from(vec![b'x'; LARGE]) }),
    };
    bench.input(Input::Command(info(1)));
    bench.answer(200, None);
    assert_eq!(bench.seen(), ["TCP 192.0.2.2:5060 INFO"]);
    bench.input(Input::Command(info(2)));
    bench.refuse("192.0.2.2:5060");
    bench.answer(200, None);
    assert_eq!(bench.seen(), ["TCP 192.0.2.2:5060 INFO", "UDP 192.0.2.2:5060 INFO"]);
    assert_eq!(bench.told(), ["Answered 200", "Response 200", "Response 200"]);
    bench.input(Input::Command(info(3)));
    assert_eq!(bench.seen(), ["UDP 192.0.2.2:5060 INFO"]);
}

#[test]
fn a_request_that_outgrows_a_datagram_by_its_credentials_goes_by_stream() {
    let mut bench = Bench::new();
    let leg = bench.endpoint.next_leg();
    let credentials = Some(sip::Credentials { username: "us".into(), password: "secret".into() });
    let uri = || NameAddr::new(Uri::parse(BOB).unwrap());
    let invite = Invite {
        body: Some(Body::sdp(Bytes::from(vec![b'x'; 680]))),
        credentials,
        ..Invite::new(leg, Target::Uri { uri: uri().uri, proxy: None }, uri(), uri())
    };
    bench.input(Input::Command(Command::Invite(Box::new(invite))));
    let (flow, request) = bench.last();
    assert_eq!(bench.seen(), [UDP]);
    let mut challenge = request.respond(401, None, Some("t"));
    challenge.push(
        Name::WwwAuthenticate,
        format_args!("Digest realm=\"r\", nonce=\"{}\", qop=\"auth\"", "n".repeat(200)),
    );
    bench.input(Input::Message { flow, message: challenge.build() });
    assert_eq!(bench.seen(), ["UDP 192.0.2.2:5060 ACK", TCP]);
}
