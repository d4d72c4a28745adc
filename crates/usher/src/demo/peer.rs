//! A user agent with a way of its own to the switch: the carrier, or an operator's phone.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use sip::msg::digest::{Algorithm, Challenge};
use sip::msg::{Builder, Message, Method, Name, Uri};
use sip::{Block, Command, Config, Endpoint, Event, Flow, Input, Output, Transport, TrunkPeer};
use tokio::time::{Duration, Instant, sleep_until, timeout};

use super::cast;
use super::place::DOMAIN;
use super::way::Way;

/// How long the last BYE may take, and how often it is looked after.
const SETTLE: Duration = Duration::from_secs(3);
const SETTLE_LOOK: Duration = Duration::from_millis(20);
/// Seconds a registration is asked for.
const EXPIRES_S: u32 = 600;

/// See above.
pub(super) struct Peer {
    endpoint: Endpoint,
    way: Way,
    epoch: Instant,
    happened: VecDeque<Happened>,
}

/// What a peer's owner is told.
pub(super) enum Happened {
    /// On a leg.
    Event(Box<Event>),
    /// A response to REGISTER, which is the owner's own.
    Registered(Message),
}

impl Peer {
    /// One that takes calls from the switch and from nobody else.
    ///
    /// # Errors
    /// No socket or no chance is to be had.
    pub(super) async fn open(transport: Transport, server: SocketAddr) -> io::Result<Self> {
        let way = Way::open(transport, server).await?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        let config = Config {
            domain: DOMAIN.into(),
            advertise: None,
            product: "usher-demo".into(),
            users: Vec::new(),
            trunks: vec![TrunkPeer {
                name: "switch".into(),
                hosts: vec![Block { address: server.ip(), prefix: 32 }],
                credentials: None,
            }],
            strangers: sip::Strangers::Silence,
            expires_s_min: 60,
            expires_s_max: EXPIRES_S,
            watch: sip::Watch::default(),
            contacts_max: 1,
            legs_max: 1_000,
            transactions_max: 10_000,
            sha256_first: false,
            streams: Vec::new(),
        };
        Ok(Self {
            endpoint: Endpoint::new(config, seed),
            way,
            epoch: Instant::now(),
            happened: VecDeque::new(),
        })
    }

    /// Works until all legs are over, not for long; tells nothing more.
    pub(super) async fn settle(&mut self) {
        let deadline = Instant::now() + SETTLE;
        while self.endpoint.counts().legs > 0 && Instant::now() < deadline {
            // What happens does not matter any more, only that it does.
            let _ = timeout(SETTLE_LOOK, self.next()).await;
        }
    }

    /// A number for a call to place.
    pub(super) fn next_leg(&mut self) -> sip::LegId {
        self.endpoint.next_leg()
    }

    /// Gives an order.
    pub(super) fn order(&mut self, command: Command) {
        self.endpoint.handle(self.epoch.elapsed(), Input::Command(command));
        self.drain();
    }

    /// Answers what is open on a leg.
    pub(super) fn respond(&mut self, leg: sip::LegId, status: u16, body: Option<sip::Body>) {
        self.order(Command::Respond { leg, status, headers: Vec::new(), body });
    }

    /// Ends a leg, wherever it stands.
    pub(super) fn end(&mut self, leg: sip::LegId, status: u16) {
        self.order(Command::End { leg, status, headers: Vec::new() });
    }

    /// Answers a request in a dialog that nobody here understands.
    pub(super) fn refuse(&mut self, leg: sip::LegId, token: u64) {
        let (status, headers, body) = (501, Vec::new(), None);
        self.order(Command::RespondRequest { leg, token, status, headers, body });
    }

    /// Sends a request of the owner's own.
    pub(super) fn send(&self, request: &Message) {
        self.way.send(request.wire(), self.way.flow().remote);
    }

    /// Works until something happens. Nothing is lost where it is dropped before.
    pub(super) async fn next(&mut self) -> Happened {
        loop {
            if let Some(happened) = self.happened.pop_front() {
                return happened;
            }
            let due = self.endpoint.poll_timeout().map(|due| self.epoch + due);
            let timer = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                (flow, message) = self.way.next() => self.receive(flow, message),
                () = timer => {
                    self.endpoint.handle_timeout(self.epoch.elapsed());
                    self.drain();
                }
            }
        }
    }

    fn receive(&mut self, flow: Flow, message: Message) {
        let answers_register = message.status().is_some()
            && message.cseq().is_ok_and(|cseq| cseq.method == Method::Register);
        if answers_register {
            self.happened.push_back(Happened::Registered(message));
            return;
        }
        self.endpoint.handle(self.epoch.elapsed(), Input::Message { flow, message });
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { flow, bytes } => self.way.send(&bytes, flow.remote),
                Output::Resolve { query, host, port, .. } => {
                    let remote = host.parse().map(|ip| SocketAddr::new(ip, port.unwrap_or(5060)));
                    let flow = |remote| Flow { remote, ..self.way.flow() };
                    let flows = remote.map(flow).into_iter().collect();
                    self.endpoint.handle(self.epoch.elapsed(), Input::Resolved { query, flows });
                }
                Output::Event(event) => self.happened.push_back(Happened::Event(Box::new(event))),
            }
        }
    }
}

/// How a phone registers (RFC 3261 section 10.2), by hand: the endpoint has only the other side.
#[derive(Debug)]
pub(super) struct Registration {
    user: &'static str,
    call_id: String,
    cseq: u32,
    challenge: Option<Challenge>,
    /// How often the challenge was answered.
    count: u32,
}

/// What a response to REGISTER leads to.
pub(super) enum Step {
    /// To be sent now.
    Send(Message),
    /// Done; again after this time.
    Done(Duration),
    /// It was refused, or is the answer to an earlier request.
    Nothing,
}

impl Registration {
    /// None so far.
    pub(super) fn new(user: &'static str) -> Self {
        let call_id = format!("{user}-{}", std::process::id());
        Self { user, call_id, cseq: 0, challenge: None, count: 0 }
    }

    /// The next request, with credentials where a challenge is known.
    pub(super) fn request(&mut self, peer: &Peer) -> Option<Message> {
        self.cseq += 1;
        let (user, cseq, id) = (self.user, self.cseq, &self.call_id);
        let Flow { local, transport, .. } = peer.way.flow();
        let (transport, named) = (transport.as_str(), transport.as_str().to_lowercase());
        let uri = format!("sip:{DOMAIN}");
        let own = format!("<sip:{user}@{DOMAIN}>");
        let mut request = Builder::request(&Method::Register, &Uri::parse(&uri).ok()?)
            .header(
                Name::Via,
                format!("SIP/2.0/{transport} {local};rport;branch=z9hG4bK{id}-{cseq}"),
            )
            .header(Name::From, format!("{own};tag={id}"))
            .header(Name::To, own)
            .header(Name::CallId, id)
            .header(Name::CSeq, format!("{cseq} REGISTER"))
            .header(Name::Contact, format!("<sip:{user}@{local};transport={named}>"))
            .header(Name::Expires, EXPIRES_S)
            .header(Name::MaxForwards, 70);
        if let Some(challenge) = &self.challenge {
            self.count += 1;
            let ha1 = Algorithm::Md5.ha1(user, &challenge.realm, &cast::password(user));
            let answer = challenge.answer(user, &ha1, &Method::Register, &uri, id, self.count);
            request = request.header(Name::Authorization, answer);
        }
        Some(request.build())
    }

    /// Takes a response.
    pub(super) fn take(&mut self, response: &Message, peer: &Peer) -> Step {
        if response.cseq().is_ok_and(|cseq| cseq.number != self.cseq) {
            return Step::Nothing;
        }
        match response.status() {
            Some(200..=299) => Step::Done(Duration::from_secs(u64::from(EXPIRES_S) / 2)),
            Some(401) if self.count < 2 || self.challenge.is_some() => {
                let md5 = response
                    .headers(Name::WwwAuthenticate)
                    .filter_map(|value| Challenge::parse(value).ok())
                    .find(|challenge| challenge.algorithm == Algorithm::Md5);
                // The same nonce refused twice is a wrong password.
                if md5.is_none() || md5 == self.challenge {
                    return Step::Nothing;
                }
                (self.challenge, self.count) = (md5, 0);
                self.request(peer).map_or(Step::Nothing, Step::Send)
            }
            _ => Step::Nothing,
        }
    }
}
