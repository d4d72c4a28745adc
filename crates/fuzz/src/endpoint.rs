//! The endpoint: arbitrary sequences of whatever can happen to it.
//!
//! A byte chooses what happens next, the bytes after it the details.

mod owner;

use std::collections::BTreeSet;

use bytes::Bytes;
use sip::{
    Block, Body, Carried, Command, Config, Counts, Credentials, Endpoint, Event, Headers, Input,
    LegId, Output, Strangers, Time, TrunkPeer, Watch,
};

use crate::dice::Dice;
use crate::peers::{Peers, any_flow, flow};

/// Steps of one sequence.
const STEPS_MAX: usize = 200;
/// More timers than that in a row are none that ends.
const TIMERS_MAX: usize = 20_000;

pub(crate) fn ms(ms: u64) -> Time {
    Time::from_millis(ms)
}

/// A configuration, of which there are a few.
pub(crate) fn config(kind: u8) -> Config {
    let credentials = |name: &str| Credentials { username: name.into(), password: "secret".into() };
    let host = flow(1).remote.ip();
    Config {
        domain: "usher.example".into(),
        advertise: None,
        streams: vec![flow(0).local],
        product: "usher".into(),
        users: vec![credentials("alice"), credentials("bob")],
        trunks: vec![
            TrunkPeer {
                name: "other".into(),
                hosts: if kind & 1 == 0 {
                    vec![Block { address: host, prefix: 32 }]
                } else {
                    vec![]
                },
                credentials: None,
            },
            TrunkPeer {
                name: "dial".into(),
                hosts: vec![],
                credentials: Some(credentials("dial")),
            },
        ],
        strangers: if kind & 2 == 0 { Strangers::Forbid } else { Strangers::Silence },
        expires_s_min: 60,
        expires_s_max: 3600,
        contacts_max: 3,
        legs_max: if kind & 4 == 0 { 100 } else { 2 },
        transactions_max: if kind & 8 == 0 { 1000 } else { 5 },
        watch: match (kind >> 5) % 3 {
            0 => Watch::default(),
            1 => Watch { interval_s: 9, interval_s_min: 4, probe_s: 0, qualify_s: 0 },
            _ => Watch { interval_s: 9, interval_s_min: 4, probe_s: 3, qualify_s: 0 },
        },
        sha256_first: kind & 16 != 0,
    }
}

struct Chaos<'a> {
    dice: Dice<'a>,
    endpoint: Endpoint,
    now: Time,
    peers: Peers,
    legs: Vec<LegId>,
    /// Legs of which nothing more may be heard.
    over: BTreeSet<LegId>,
    queries: Vec<u64>,
    tokens: Vec<(LegId, u64)>,
    referred: Vec<(LegId, u64)>,
    /// Legs that wait for their owner's offer.
    wanted: Vec<LegId>,
}

/// Whatever happens, nothing panics, all that is sent can be read, no leg is heard of after its end,
/// and once the owner has ended its legs and time has passed nothing is left.
pub fn endpoint(data: &[u8]) {
    let mut dice = Dice::new(data);
    let kind = dice.byte();
    let mut chaos = Chaos {
        endpoint: Endpoint::new(config(kind), [kind; 32]),
        dice,
        now: ms(1000),
        peers: Peers::new(),
        legs: Vec::new(),
        over: BTreeSet::new(),
        queries: Vec::new(),
        tokens: Vec::new(),
        referred: Vec::new(),
        wanted: Vec::new(),
    };
    for _ in 0..STEPS_MAX {
        if chaos.dice.is_empty() {
            break;
        }
        chaos.step();
    }
    chaos.quiesce();
}

impl Chaos<'_> {
    fn step(&mut self) {
        match self.dice.below(20) {
            0..12 => {
                if let Some(input) = self.peers.say(&mut self.dice) {
                    self.input(input);
                }
            }
            12 => self.owner_calls(),
            13..16 => self.owner_orders(),
            16 => self.resolver_answers(),
            17 => {
                let flow = any_flow(&mut self.dice);
                self.input(Input::FlowFailed { flow });
            }
            18 => self.restart(),
            _ => self.time_passes(),
        }
    }

    fn input(&mut self, input: Input) {
        let is_malformed = matches!(input, Input::Malformed { .. });
        self.endpoint.handle(self.now, input);
        self.drain(is_malformed);
    }

    fn drain(&mut self, is_malformed: bool) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { bytes, .. } => self.peers.hear(&bytes, is_malformed),
                Output::Resolve { query, .. } => self.queries.push(query),
                Output::Event(event) => self.hears(&event),
            }
        }
    }

    fn hears(&mut self, event: &Event) {
        if let Some(leg) = leg_of(event) {
            assert!(!self.over.contains(&leg), "after its end: {event:?}");
        }
        match event {
            Event::Invite { leg, .. } => self.legs.push(*leg),
            Event::Request { leg, token, .. } => self.tokens.push((*leg, *token)),
            Event::Referred { leg, token, .. } => self.referred.push((*leg, *token)),
            Event::OfferWanted { leg } => self.wanted.push(*leg),
            Event::Failed { leg, .. } | Event::Ended { leg, .. } => {
                self.over.insert(*leg);
            }
            _ => {}
        }
    }

    fn resolver_answers(&mut self) {
        let Some(query) = self.queries.pop() else { return };
        let flows = (0..self.dice.below(3)).map(|_| any_flow(&mut self.dice)).collect();
        self.input(Input::Resolved { query, flows });
    }

    /// Carried and resumed, or configured anew.
    fn restart(&mut self) {
        match self.dice.below(4) {
            0 => {
                let kind = self.dice.byte();
                self.input(Input::Configure(config(kind)));
            }
            1 => self.input(Input::Command(Command::Unregister { user: "alice".into() })),
            _ => {
                let carried = postcard::to_stdvec(&self.endpoint.carry()).expect("plain data");
                let carried: Carried = postcard::from_bytes(&carried).expect("plain data");
                let before = self.endpoint.counts();
                self.endpoint = Endpoint::resume(carried).expect("this version");
                assert_eq!(self.endpoint.counts(), before);
            }
        }
    }

    /// Time passes as it should, or the clock is late.
    fn time_passes(&mut self) {
        let factor = [1, 40, 500, 4000][self.dice.below(4)];
        let time = ms(u64::from(self.dice.byte()) * factor);
        if self.dice.below(4) == 0 {
            self.now += time;
            self.endpoint.handle_timeout(self.now);
            self.drain(false);
        } else {
            self.pass(time);
        }
    }

    fn pass(&mut self, time: Time) {
        let until = self.now + time;
        let mut timers = 0;
        while let Some(at) = self.endpoint.poll_timeout().filter(|at| *at <= until) {
            timers += 1;
            assert!(timers < TIMERS_MAX, "timers without end");
            self.now = self.now.max(at);
            self.endpoint.handle_timeout(self.now);
            let next = self.endpoint.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "a timer is stuck");
            self.drain(false);
        }
        self.now = until;
    }

    /// The owner ends everything, and nothing else happens any more.
    fn quiesce(&mut self) {
        for leg in std::mem::take(&mut self.legs) {
            self.end(leg, Headers::new());
        }
        // A BYE may wait for an ACK that never comes, and then for its own answer, and either for
        // a name that is not found.
        for _ in 0..5 {
            for query in std::mem::take(&mut self.queries) {
                self.input(Input::Resolved { query, flows: Vec::new() });
            }
            self.pass(Time::from_secs(120));
        }
        let counts = self.endpoint.counts();
        assert_eq!(counts, Counts { bindings: counts.bindings, ..Counts::default() });
        self.pass(Time::from_secs(3601));
        assert_eq!(self.endpoint.counts(), Counts::default());
        assert_eq!(self.endpoint.poll_timeout(), None);
    }

    fn end(&mut self, leg: LegId, headers: Headers) {
        self.over.insert(leg);
        self.input(Input::Command(Command::End { leg, status: 480, headers }));
    }
}

fn leg_of(event: &Event) -> Option<LegId> {
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
        | Event::Referred { leg, .. }
        | Event::Referral { leg, .. }
        | Event::Response { leg, .. }
        | Event::Ended { leg, .. } => Some(*leg),
        // Bindings, refusals and the like are nobody's in particular.
        _ => None,
    }
}

/// A body of so many bytes that is called SDP.
fn described(length: usize) -> Body {
    Body::sdp(Bytes::from("v".repeat(length)))
}
