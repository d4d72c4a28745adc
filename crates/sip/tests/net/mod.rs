//! Two endpoints back to back over a network in virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use sip::msg::{Host, Message, Method, Name, NameAddr, Uri};
use sip::{
    Block, Body, Carried, Command, Config, Credentials, Endpoint, Event, Flow, Headers, Input,
    Invite, LegId, Output, Rng, Strangers, Target, Time, Transport, TrunkPeer, Watch,
};

/// The side that calls.
pub(crate) const A: usize = 0;
/// The side that is called.
pub(crate) const B: usize = 1;

pub(crate) fn ms(ms: u64) -> Time {
    Time::from_millis(ms)
}

/// One message on its way.
#[derive(Clone)]
pub(crate) struct Packet {
    pub(crate) from: usize,
    pub(crate) flow: Flow,
    pub(crate) message: Message,
}

impl Packet {
    /// `INVITE`, `ACK`, or `200 INVITE`.
    pub(crate) fn title(&self) -> String {
        title(&self.message)
    }
}

pub(crate) fn title(message: &Message) -> String {
    match (message.method(), message.status()) {
        (Some(method), _) => method.to_string(),
        (None, status) => format!("{} {}", status.unwrap_or(0), message.cseq().unwrap().method),
    }
}

/// What becomes of a packet: when its copies arrive, none if it is lost.
pub(crate) type Fate = Box<dyn FnMut(&Packet, &mut Rng) -> Vec<Time>>;

pub(crate) struct Net {
    pub(crate) now: Time,
    pub(crate) ends: [Endpoint; 2],
    pub(crate) events: [Vec<Event>; 2],
    /// All that was sent: `12.345 A INVITE`, times in seconds.
    pub(crate) ladder: Vec<String>,
    pub(crate) fate: Fate,
    pub(crate) rng: Rng,
    transport: Transport,
    wire: BTreeMap<(Time, u64), Packet>,
    sent: u64,
    /// Packets to third parties: (address, message).
    pub(crate) elsewhere: Vec<(SocketAddr, Message)>,
}

pub(crate) fn address(side: usize) -> SocketAddr {
    ["192.0.2.1:5060", "192.0.2.2:5060"][side].parse().unwrap()
}

pub(crate) fn config() -> Config {
    let block = |side: usize| Block { address: address(side).ip(), prefix: 32 };
    Config {
        domain: "usher.example".into(),
        advertise: None,
        streams: vec![address(A), address(B)],
        product: "usher".into(),
        users: vec![Credentials { username: "alice".into(), password: "secret".into() }],
        trunks: vec![TrunkPeer {
            name: "other".into(),
            hosts: vec![block(A), block(B)],
            credentials: None,
        }],
        strangers: Strangers::Forbid,
        expires_s_min: 60,
        expires_s_max: 3600,
        watch: Watch::default(),
        contacts_max: 5,
        legs_max: 100,
        transactions_max: 1000,
        sha256_first: false,
    }
}

impl Net {
    pub(crate) fn new(seed: u64) -> Self {
        Self::over(Transport::Udp, seed)
    }

    pub(crate) fn over(transport: Transport, seed: u64) -> Self {
        let key = |side: u8| {
            let mut key = [side; 32];
            key[..8].copy_from_slice(&seed.to_le_bytes());
            key
        };
        Self {
            now: ms(1000),
            ends: [Endpoint::new(config(), key(1)), Endpoint::new(config(), key(2))],
            events: [Vec::new(), Vec::new()],
            ladder: Vec::new(),
            fate: Box::new(|_, _| vec![ms(10)]),
            rng: Rng::new(key(3)),
            transport,
            wire: BTreeMap::new(),
            sent: 0,
            elsewhere: Vec::new(),
        }
    }

    /// Both sides watch each other from now on.
    pub(crate) fn watch(&mut self, watch: Watch) {
        for side in [A, B] {
            self.input(side, Input::Configure(Config { watch, ..config() }));
        }
    }

    /// Loses each packet of these titles the given number of times, in order of sending.
    pub(crate) fn lose(&mut self, titles: &[(&str, u32)]) {
        let mut left: BTreeMap<String, u32> =
            titles.iter().map(|(title, times)| ((*title).to_owned(), *times)).collect();
        self.fate = Box::new(move |packet, _| match left.get_mut(&packet.title()) {
            Some(times) if *times > 0 => {
                *times -= 1;
                Vec::new()
            }
            _ => vec![ms(10)],
        });
    }

    pub(crate) fn flow(&self, from: usize) -> Flow {
        let connection = if self.transport == Transport::Udp { 0 } else { 1 };
        Flow {
            transport: self.transport,
            local: address(from),
            remote: address(1 - from),
            connection,
        }
    }

    /// Gives one input to a side, which is then carried over to a new endpoint.
    pub(crate) fn input(&mut self, side: usize, input: Input) {
        self.ends[side].handle(self.now, input);
        self.drain(side);
    }

    pub(crate) fn command(&mut self, side: usize, command: Command) {
        self.input(side, Input::Command(command));
    }

    fn drain(&mut self, side: usize) {
        while let Some(output) = self.ends[side].poll_output() {
            match output {
                Output::Transmit { flow, bytes } => self.transmit(side, flow, bytes),
                Output::Resolve { query, .. } => {
                    let flows = vec![self.flow(side)];
                    self.ends[side].handle(self.now, Input::Resolved { query, flows });
                }
                Output::Event(Event::OfferWanted { leg }) => {
                    let offer = Command::Offer { leg, body: Some(sdp("again")) };
                    self.ends[side].handle(self.now, Input::Command(offer));
                }
                Output::Event(event) => self.events[side].push(event),
            }
        }
        let carried = postcard::to_stdvec(&self.ends[side].carry()).unwrap();
        let carried: Carried = postcard::from_bytes(&carried).unwrap();
        self.ends[side] = Endpoint::resume(carried).unwrap();
    }

    fn transmit(&mut self, side: usize, flow: Flow, bytes: Bytes) {
        let message = Message::parse(bytes).expect("what we send can be read");
        if flow.remote != address(1 - side) {
            self.elsewhere.push((flow.remote, message));
            return;
        }
        let packet = Packet { from: side, flow, message };
        let at = self.now.as_secs_f64() - 1.0;
        self.ladder.push(format!("{at:.3} {} {}", ["A", "B"][side], packet.title()));
        for delay in (self.fate)(&packet, &mut self.rng) {
            self.sent += 1;
            self.wire.insert((self.now + delay, self.sent), packet.clone());
        }
    }

    /// The next thing that happens, up to `until`.
    fn step(&mut self, until: Time) -> bool {
        let packet = self.wire.first_key_value().map(|((at, _), _)| *at);
        let timers = [self.ends[A].poll_timeout(), self.ends[B].poll_timeout()];
        let next = [packet, timers[A], timers[B]].into_iter().flatten().min();
        let Some(next) = next.filter(|at| *at <= until) else { return false };
        self.now = self.now.max(next);
        if packet == Some(next) {
            let (_, packet) = self.wire.pop_first().unwrap();
            let side = 1 - packet.from;
            let flow = self.flow(side);
            self.input(side, Input::Message { flow, message: packet.message });
        } else {
            let side = if timers[A] == Some(next) { A } else { B };
            self.ends[side].handle_timeout(self.now);
            assert!(self.ends[side].poll_timeout().is_none_or(|at| at > self.now), "timer stuck");
            self.drain(side);
        }
        true
    }

    /// Lets that much time pass.
    pub(crate) fn run(&mut self, time: Time) {
        let until = self.now + time;
        while self.step(until) {}
        self.now = until;
    }

    /// Runs until nothing is due any more; nothing may be left then.
    pub(crate) fn quiesce(&mut self) {
        let until = self.now + Time::from_secs(600);
        while self.step(until) {}
        for side in [A, B] {
            assert_eq!(self.ends[side].counts(), sip::Counts::default(), "side {side}");
        }
    }

    /// Events since the last look, in short: `Answered 200`, `Ended Bye`.
    pub(crate) fn seen(&mut self, side: usize) -> Vec<String> {
        std::mem::take(&mut self.events[side]).iter().map(short).collect()
    }

    pub(crate) fn leg_of(&self, side: usize) -> LegId {
        let mut invites = self.events[side].iter().rev().filter_map(|event| match event {
            Event::Invite { leg, .. } => Some(*leg),
            _ => None,
        });
        invites.next().expect("an INVITE came")
    }

    /// A calls B; with an offer unless `late`.
    pub(crate) fn call(&mut self, late: bool) -> LegId {
        self.call_with(late, None)
    }

    pub(crate) fn call_with(&mut self, late: bool, credentials: Option<Credentials>) -> LegId {
        let leg = self.ends[A].next_leg();
        let uri =
            |user: &str, side: usize| Uri::sip(user, Host::from(address(side).ip()), Some(5060));
        let invite = Invite {
            body: (!late).then(|| sdp("offer")),
            credentials,
            ..Invite::new(
                leg,
                Target::Uri { uri: uri("bob", B), proxy: None },
                NameAddr::new(uri("alice", A)),
                NameAddr::new(uri("bob", B)),
            )
        };
        self.command(A, Command::Invite(Box::new(invite)));
        leg
    }

    pub(crate) fn respond(&mut self, side: usize, leg: LegId, status: u16) {
        let body = (status < 300 && status != 180).then(|| sdp("answer"));
        self.command(side, Command::Respond { leg, status, headers: Headers::new(), body });
    }

    pub(crate) fn end(&mut self, side: usize, leg: LegId) {
        self.command(side, Command::End { leg, status: 480, headers: Headers::new() });
    }

    pub(crate) fn reinvite(&mut self, side: usize, leg: LegId) {
        self.command(side, Command::Reinvite { leg, headers: Headers::new() });
    }

    /// A call that stands: both legs.
    pub(crate) fn established(&mut self) -> (LegId, LegId) {
        let a = self.call(false);
        self.run(ms(100));
        let b = self.leg_of(B);
        self.respond(B, b, 200);
        self.run(ms(100));
        assert_eq!(self.seen(A), ["Answered 200"]);
        assert_eq!(self.seen(B), ["Invite", "Acked"]);
        self.ladder.clear();
        (a, b)
    }

    /// The ladder without times.
    pub(crate) fn titles(&self) -> Vec<String> {
        let title = |line: &String| line.split_once(' ').unwrap().1.to_owned();
        self.ladder.iter().map(title).collect()
    }

    /// How often a line was sent.
    pub(crate) fn count(&self, title: &str) -> usize {
        self.titles().iter().filter(|line| *line == title).count()
    }
}

pub(crate) fn sdp(text: &str) -> Body {
    Body::sdp(Bytes::copy_from_slice(text.as_bytes()))
}

pub(crate) fn leg_of(event: &Event) -> Option<LegId> {
    match event {
        Event::Invite { leg, .. }
        | Event::Progress { leg, .. }
        | Event::StartedOver { leg }
        | Event::Answered { leg, .. }
        | Event::Failed { leg, .. }
        | Event::Acked { leg, .. }
        | Event::Reinvite { leg, .. }
        | Event::OfferWanted { leg }
        | Event::ReinviteAnswered { leg, .. }
        | Event::ReinviteFailed { leg, .. }
        | Event::Request { leg, .. }
        | Event::Response { leg, .. }
        | Event::Referred { leg, .. }
        | Event::Referral { leg, .. }
        | Event::Ended { leg, .. } => Some(*leg),
        Event::Bound { .. } | Event::Unbound { .. } | Event::Refused { .. } => None,
    }
}

pub(crate) fn short(event: &Event) -> String {
    let status = |message: &Message| message.status().unwrap_or(0);
    match event {
        Event::Invite { .. } => "Invite".to_owned(),
        Event::Progress { response, .. } => format!("Progress {}", status(response)),
        Event::StartedOver { .. } => "StartedOver".to_owned(),
        Event::Answered { response, .. } => format!("Answered {}", status(response)),
        Event::Failed { failure, .. } => format!("Failed {}", failure.status),
        Event::Acked { .. } => "Acked".to_owned(),
        Event::Reinvite { .. } => "Reinvite".to_owned(),
        Event::OfferWanted { .. } => "OfferWanted".to_owned(),
        Event::ReinviteAnswered { response, .. } => {
            format!("ReinviteAnswered {}", status(response))
        }
        Event::ReinviteFailed { status, .. } => format!("ReinviteFailed {status}"),
        Event::Request { request, .. } => format!("Request {}", request.method().unwrap()),
        Event::Response { response, .. } => {
            format!("Response {}", response.as_ref().map_or(0, status))
        }
        Event::Referred { target, .. } => format!("Referred {target}"),
        Event::Referral { referral, .. } => format!("Referral {referral:?}"),
        Event::Ended { cause, .. } => format!("Ended {cause:?}"),
        Event::Bound { .. } => "Bound".to_owned(),
        Event::Unbound { .. } => "Unbound".to_owned(),
        Event::Refused { reason, .. } => format!("Refused {reason}"),
    }
}

/// A message of a peer that is no endpoint of ours.
pub(crate) fn raw(start: &str, lines: &[&str], body: &str) -> Message {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let text = format!("{start}\r\n{lines}Content-Length: {}\r\n\r\n{body}", body.len());
    Message::parse(Bytes::from(text)).expect("a sound message")
}

/// A response that the other side never made: a copy of what a request asks for.
pub(crate) fn answer(request: &Message, status: u16, tag: &str, contact: Option<&str>) -> Message {
    let mut builder = request.respond(status, None, Some(tag));
    if let Some(contact) = contact {
        builder.push(Name::Contact, contact);
    }
    builder.build()
}

/// Whether a request has this method.
pub(crate) fn is(message: &Message, method: &Method) -> bool {
    message.method() == Some(method)
}
