//! Many calls between capricious owners over a network that loses, doubles and reorders: afterwards
//! nothing is left at either end, and each leg has ended exactly once.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test panics when it fails")]

#[expect(dead_code, reason = "each test binary uses its part of the network")]
mod net;

use std::collections::{BTreeMap, BTreeSet};

use net::{A, B, Net, leg_of, ms, sdp, short};
use sip::msg::Method;
use sip::{Command, Event, Headers, LegId, Rng, Time, Transport, Watch};

/// What an owner does of its own accord, later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whim {
    Respond(u16),
    Ack,
    End,
    Reinvite,
    Info,
    Confirm(u64),
}

/// The two owners and what they know of their legs.
struct Owners {
    rng: Rng,
    whims: BTreeSet<(Time, usize, LegId, Whim)>,
    late: BTreeSet<LegId>,
    /// Legs with their terminal event, or with "End" once the owner ended them.
    over: BTreeMap<(usize, LegId), String>,
    legs: BTreeSet<(usize, LegId)>,
    answered: u32,
}

impl Owners {
    fn soon(&mut self, net: &Net, side: usize, leg: LegId, up_to_ms: u64, whim: Whim) {
        let at = net.now + ms(self.rng.below(up_to_ms));
        self.whims.insert((at, side, leg, whim));
    }

    fn hear(&mut self, net: &mut Net) {
        for side in [A, B] {
            for event in std::mem::take(&mut net.events[side]) {
                self.event(net, side, &event);
            }
        }
    }

    fn event(&mut self, net: &Net, side: usize, event: &Event) {
        let leg = leg_of(event).expect("only legs here");
        let name = short(event);
        self.legs.insert((side, leg));
        let over = self.over.get(&(side, leg));
        assert_eq!(over, None, "side {side} {leg:?}: {name} after the end");
        match event {
            Event::Invite { .. } => {
                if self.rng.below(2) == 0 {
                    let early = [180, 183][self.pick(2)];
                    self.soon(net, side, leg, 500, Whim::Respond(early));
                    self.soon(net, side, leg, 3000, Whim::Respond(183));
                }
                let status = [200, 200, 200, 200, 486, 603][self.pick(6)];
                self.soon(net, side, leg, 6000, Whim::Respond(status));
                self.soon(net, side, leg, 20_000, Whim::End);
            }
            Event::Answered { .. } => {
                self.answered += 1;
                if self.late.contains(&leg) && self.rng.below(10) > 0 {
                    self.soon(net, side, leg, 300, Whim::Ack);
                }
                self.talk(net, side, leg);
            }
            Event::Acked { .. } => self.talk(net, side, leg),
            Event::Reinvite { .. } => {
                let status = [200, 200, 200, 488][self.pick(4)];
                self.soon(net, side, leg, 800, Whim::Respond(status));
            }
            Event::Request { token, .. } if self.rng.below(10) > 0 => {
                self.soon(net, side, leg, 200, Whim::Confirm(*token));
            }
            Event::Failed { .. } | Event::Ended { .. } => {
                self.over.insert((side, leg), name);
            }
            _ => {}
        }
    }

    fn talk(&mut self, net: &Net, side: usize, leg: LegId) {
        for whim in [Whim::Reinvite, Whim::Info] {
            if self.rng.below(4) == 0 {
                self.soon(net, side, leg, 3000, whim);
            }
        }
    }

    fn pick(&mut self, of: u64) -> usize {
        usize::try_from(self.rng.below(of)).unwrap()
    }

    fn act(&mut self, net: &mut Net, side: usize, leg: LegId, whim: &Whim) {
        let headers = Headers::new();
        let is_over = self.over.contains_key(&(side, leg));
        match *whim {
            Whim::Respond(status) => {
                net.respond(side, leg, status);
                // A refusal of the INVITE ends the leg; of a re-INVITE it does not, so only the
                // statuses used for the first count.
                if matches!(status, 486 | 603) && !is_over {
                    self.over.insert((side, leg), "End".to_owned());
                }
            }
            Whim::Ack => net.command(side, Command::Ack { leg, body: Some(sdp("late")) }),
            Whim::End => {
                net.end(side, leg);
                self.over.entry((side, leg)).or_insert_with(|| "End".to_owned());
            }
            Whim::Reinvite => net.reinvite(side, leg),
            Whim::Info => {
                let method = Method::Info;
                net.command(side, Command::Request { leg, token: 0, method, headers, body: None });
            }
            Whim::Confirm(token) => {
                let (status, body) = (200, None);
                net.command(side, Command::RespondRequest { leg, token, status, headers, body });
            }
        }
    }
}

fn run(seed: u64, transport: Transport, loss_percent: u64) -> u32 {
    let mut net = Net::over(transport, seed);
    if seed % 2 == 1 {
        net.watch(Watch { interval_s: 6, interval_s_min: 4, probe_s: 2, qualify_s: 0 });
    }
    let reliable = transport.is_reliable();
    net.fate = Box::new(move |_, rng| {
        let delay = |rng: &mut Rng| ms(if reliable { 5 } else { rng.below(150) });
        match rng.below(100) {
            n if n < loss_percent => Vec::new(),
            n if n < loss_percent + 10 && !reliable => vec![delay(rng), delay(rng)],
            _ => vec![delay(rng)],
        }
    });
    let mut owners = Owners {
        rng: Rng::new([u8::try_from(seed % 251).unwrap(); 32]),
        whims: BTreeSet::new(),
        late: BTreeSet::new(),
        over: BTreeMap::new(),
        legs: BTreeSet::new(),
        answered: 0,
    };
    for _ in 0..4 {
        let late = owners.rng.below(3) == 0;
        let leg = net.call(late);
        owners.legs.insert((A, leg));
        if late {
            owners.late.insert(leg);
        }
        owners.soon(&net, A, leg, 30_000, Whim::End);
        owners.hear(&mut net);
        net.run(ms(50));
    }
    loop {
        owners.hear(&mut net);
        let until = net.now + ms(20);
        while let Some(due) = owners.whims.first().filter(|whim| whim.0 <= until).cloned() {
            owners.whims.remove(&due);
            owners.act(&mut net, due.1, due.2, &due.3);
            owners.hear(&mut net);
        }
        net.run(ms(20));
        owners.hear(&mut net);
        if owners.whims.is_empty() && net.now > Time::from_secs(35) {
            break;
        }
    }
    // Whoever was still told to end something has done so; the rest is the endpoints' own.
    for (side, leg) in owners.legs.clone() {
        owners.act(&mut net, side, leg, &Whim::End);
    }
    net.quiesce();
    owners.hear(&mut net);
    for leg in &owners.legs {
        let over = owners.over.get(leg).expect("each leg ends");
        assert!(loss_percent > 0 || over != "Ended Expired", "seed {seed} {leg:?}");
    }
    owners.answered
}

#[test]
fn fair_weather() {
    let answered: u32 = (0..60).map(|seed| run(seed, Transport::Udp, 0)).sum();
    assert!(answered > 60, "{answered}");
}

#[test]
fn loss_duplication_and_disorder() {
    let answered: u32 = (0..200).map(|seed| run(seed, Transport::Udp, 15)).sum();
    assert!(answered > 100, "{answered}");
}

#[test]
fn storm() {
    (1000..1100).for_each(|seed| assert!(run(seed, Transport::Udp, 50) <= 4));
}

#[test]
fn streams() {
    (2000..2060).for_each(|seed| assert!(run(seed, Transport::Tcp, 0) <= 4));
}
