//! Arbitrary sequences of inputs: whatever comes, nothing panics, and once the owner has ended its
//! legs and time has passed nothing is left.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test panics when it fails")]

#[expect(dead_code, reason = "each test binary uses its part of the network")]
mod net;

use bytes::Bytes;
use net::{A, B, address, config, ms, raw, sdp};
use sip::msg::{Message, Method, Name, NameAddr, Uri};
use sip::{
    Body, Command, Config, Endpoint, Event, Flow, Headers, Input, Invite, LegId, Output, Rng,
    Target, Time, Transport, Watch,
};

const METHODS: [&str; 12] = [
    "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "REFER",
    "NOTIFY", "FOO",
];

struct Chaos {
    rng: Rng,
    endpoint: Endpoint,
    now: Time,
    /// Messages we were sent, to answer, repeat and imitate.
    heard: Vec<Message>,
    legs: Vec<LegId>,
    queries: Vec<u64>,
    tokens: Vec<(LegId, u64)>,
}

impl Chaos {
    fn pick<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        let at = self.rng.below(u64::try_from(list.len()).unwrap());
        list.get(usize::try_from(at).unwrap()).cloned()
    }

    fn flow(&mut self) -> Flow {
        let (transport, connection) =
            self.pick(&[(Transport::Udp, 0), (Transport::Tcp, 5), (Transport::Ws, 6)]).unwrap();
        Flow { transport, local: address(A), remote: address(B), connection }
    }

    fn input(&mut self, input: Input) {
        self.endpoint.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { bytes, .. } => {
                    self.heard.push(Message::parse(bytes).unwrap());
                }
                Output::Resolve { query, .. } => self.queries.push(query),
                Output::Event(Event::Invite { leg, .. }) => self.legs.push(leg),
                Output::Event(Event::Request { leg, token, .. }) => self.tokens.push((leg, token)),
                Output::Event(_) => {}
            }
        }
    }

    /// A request in or out of a dialog, some of whose fields are those of others.
    fn request(&mut self) -> Message {
        let method = self.pick(&METHODS).unwrap();
        let model = self.heard.clone();
        let model = self.pick(&model).filter(|_| self.rng.below(4) > 0);
        let (mut to, mut from) = ("<sip:600@192.0.2.1>".to_owned(), "<sip:b@h>;tag=b".to_owned());
        let mut call_id = self.pick(&["c1", "c2", "c3"]).unwrap().to_owned();
        if let Some(model) = model {
            let field = |name| model.header(name).unwrap_or("").to_owned();
            (to, from) = (field(Name::To), field(Name::From));
            call_id = field(Name::CallId);
            if model.is_request() {
                (to, from) = (from, to);
            }
        }
        let number = self.rng.below(6) * self.pick(&[1, 1, 400_000_000]).unwrap();
        let branch = self.pick(&["z9hG4bKa", "z9hG4bKb", "z9hG4bKc", "z9hG4bK", "old"]).unwrap();
        let unique = self.rng.below(8);
        let body = self.pick(&["", "", "v=0"]).unwrap();
        let lines = [
            format!("Via: SIP/2.0/UDP 192.0.2.2;branch={branch}{unique};rport"),
            format!("From: {from}"),
            format!("To: {to}"),
            format!("Call-ID: {call_id}"),
            format!("CSeq: {number} {method}"),
            self.pick(&[
                "Contact: <sip:b@192.0.2.2>",
                "Contact: <sip:b@host.example;transport=tcp>",
                "Contact: <sip:b@x.invalid>",
                "X: y",
            ])
            .unwrap()
            .to_owned(),
            "Content-Type: application/sdp".to_owned(),
            self.pick(&["Supported: timer", "Require: timer", "Z: y"]).unwrap().to_owned(),
            format!("Allow: {}", self.pick(&["INVITE", "INVITE, UPDATE"]).unwrap()),
            self.expires(),
            self.pick(&[
                "Record-Route: <sip:192.0.2.9;lr>",
                "Record-Route: <sip:strict>",
                "Y: z",
                "Record-Route: <<<",
                "Max-Forwards: 0",
            ])
            .unwrap()
            .to_owned(),
            self.extension(method),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        raw(&format!("{method} sip:600@192.0.2.1 SIP/2.0"), &lines, body)
    }

    /// What a request says of reliable provisional responses.
    fn extension(&mut self, method: &str) -> String {
        let heard = self.heard.clone();
        let reliable: Vec<&Message> = heard.iter().filter(|m| m.rseq().is_some()).collect();
        match self.pick(&reliable).filter(|_| method == "PRACK" && self.rng.below(8) > 0) {
            Some(response) => {
                let rseq = response.rseq().unwrap();
                format!("RAck: {rseq} {}", response.header(Name::CSeq).unwrap())
            }
            None => self
                .pick(&["Supported: 100rel", "Require: 100rel", "RAck: 1 1 INVITE", "Z: y"])
                .unwrap()
                .to_owned(),
        }
    }

    /// A session timer's fields, sound ones and others.
    fn expires(&mut self) -> String {
        let seconds = self.rng.below(12);
        let rest = self.pick(&["", ";refresher=uac", ";refresher=uas", ";refresher", "4294967295"]);
        let name = self.pick(&["Session-Expires", "x", "Min-SE", "V"]).unwrap();
        format!("{name}: {seconds}{}", rest.unwrap())
    }

    /// A response to something we were asked.
    fn response(&mut self) -> Option<Message> {
        let requests: Vec<Message> =
            self.heard.iter().filter(|message| message.is_request()).cloned().collect();
        let request = self.pick(&requests)?;
        let statuses =
            [100, 180, 183, 200, 200, 200, 302, 401, 405, 407, 408, 422, 481, 486, 491, 500, 503];
        let status = self.pick(&statuses)?;
        let tag = self.pick(&["x", "y", "z"])?;
        let mut builder = request.respond(status, None, Some(tag));
        if status < 200 && self.rng.below(2) == 0 {
            builder.push(Name::Require, "100rel");
            builder.push(Name::RSeq, self.pick(&[1, 1, 2, 3, u32::MAX])?);
        }
        if self.rng.below(2) == 0 {
            builder = builder.body("application/sdp", "v=0".into());
        }
        let builder = builder
            .header(Name::WwwAuthenticate, "Digest realm=\"r\", nonce=\"n\"")
            .header(Name::RetryAfter, 3);
        let contact = self.pick(&["<sip:x@192.0.2.2>", "<sip:x@n.example>", "junk", "*"])?;
        let (name, value) =
            self.expires().split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned()))?;
        let builder = builder.header(&*name, value).header(Name::Allow, "UPDATE");
        Some(builder.header(Name::Contact, contact).build())
    }

    /// None, a small one, or one that no datagram holds.
    fn body(&mut self) -> Option<Body> {
        let length = self.pick(&[0, 0, 1, 1400])?;
        (length > 0).then(|| sdp(&"o".repeat(length)))
    }

    fn invite(&mut self) {
        let leg = self.endpoint.next_leg();
        self.legs.push(leg);
        let uri = Uri::parse("sip:b@pbx.example").unwrap();
        let invite = Invite {
            body: self.body(),
            ..Invite::new(
                leg,
                Target::Uri { uri: uri.clone(), proxy: None },
                NameAddr::new(uri.clone()),
                NameAddr::new(uri),
            )
        };
        self.input(Input::Command(Command::Invite(Box::new(invite))));
    }

    fn order(&mut self) {
        let legs = self.legs.clone();
        let Some(leg) = self.pick(&legs) else { return };
        let (headers, body) = (Headers::new(), self.body());
        let tokens = self.tokens.clone();
        let command = match self.rng.below(8) {
            0 | 1 => {
                let status = self.pick(&[100, 180, 183, 200, 202, 486, 700]).unwrap();
                Command::Respond { leg, status, headers, body }
            }
            2 => Command::Ack { leg, body },
            3 => Command::Reinvite { leg, headers },
            4 => Command::Request { leg, token: 0, method: Method::Info, headers, body },
            5 => match self.pick(&tokens) {
                Some((leg, token)) => {
                    Command::RespondRequest { leg, token, status: 200, headers, body }
                }
                None => return,
            },
            6 => Command::Offer { leg, body },
            _ => Command::End { leg, status: 480, headers },
        };
        self.input(Input::Command(command));
    }

    fn step(&mut self) {
        match self.rng.below(16) {
            0..6 => {
                let (flow, message) = (self.flow(), self.request());
                self.input(Input::Message { flow, message });
            }
            6..10 => {
                let Some(message) = self.response() else { return };
                let flow = self.flow();
                self.input(Input::Message { flow, message });
            }
            10 => self.invite(),
            11 | 12 => self.order(),
            13 => {
                let Some(query) = self.queries.pop() else { return };
                let flows = (0..self.rng.below(3)).map(|_| self.flow()).collect();
                self.input(Input::Resolved { query, flows });
            }
            14 => {
                let flow = self.flow();
                self.input(Input::FlowFailed { flow });
            }
            _ => {
                let time = ms(self.rng.below(3) * self.rng.below(10_000));
                self.pass(time);
            }
        }
    }

    fn pass(&mut self, time: Time) {
        let until = self.now + time;
        while let Some(at) = self.endpoint.poll_timeout().filter(|at| *at <= until) {
            self.now = at;
            self.endpoint.handle_timeout(at);
            assert!(self.endpoint.poll_timeout().is_none_or(|next| next > at), "timer stuck");
            self.drain();
        }
        self.now = until;
    }
}

fn run(seed: u64) {
    let watch = match seed % 3 {
        0 => Watch::default(),
        1 => Watch { interval_s: 9, interval_s_min: 4, probe_s: 0 },
        _ => Watch { interval_s: 9, interval_s_min: 4, probe_s: 3 },
    };
    let mut key = [77; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut chaos = Chaos {
        rng: Rng::new(key),
        endpoint: Endpoint::new(Config { watch, ..config() }, key),
        now: ms(1000),
        heard: vec![Message::parse(Bytes::from_static(SEED)).unwrap()],
        legs: Vec::new(),
        queries: Vec::new(),
        tokens: Vec::new(),
    };
    for _ in 0..120 {
        chaos.step();
    }
    for leg in chaos.legs.clone() {
        let (status, headers) = (480, Headers::new());
        chaos.input(Input::Command(Command::End { leg, status, headers }));
    }
    // Two rounds: a BYE may wait for an ACK that never comes, and then for its own answer.
    for _ in 0..3 {
        for query in std::mem::take(&mut chaos.queries) {
            chaos.input(Input::Resolved { query, flows: Vec::new() });
        }
        chaos.pass(Time::from_secs(100));
    }
    assert_eq!(chaos.endpoint.counts(), sip::Counts::default(), "seed {seed}");
}

const SEED: &[u8] = b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKz\r\n\
    From: <sip:a@h>;tag=q\r\nTo: <sip:x>\r\nCall-ID: seed\r\nCSeq: 1 OPTIONS\r\n\r\n";

#[test]
fn anything_goes() {
    (0..1500).for_each(run);
}
