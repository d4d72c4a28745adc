//! Whom a leg listens to, and whom it answers: symmetric RTP with a lock.
//!
//! | source | what it is | heard | answered |
//! | --- | --- | --- | --- |
//! | the SDP address | the peer | at once | at once |
//! | the SDP's host, another port: [`OtherPort::Stranger`] | somebody else on that host | never | never |
//! | the same, [`OtherPort::Sender`] | a peer that sends from another port than it receives on, or somebody else on that host | with its fifth packet, after 500 ms | never: the audio goes where the SDP says |
//! | the same, [`OtherPort::Natted`] | the NAT's port, most likely | with its third packet, after 200 ms | as soon as heard |
//! | the signalling's host, where the SDP names another | audio through a NAT, most likely if the port is the SDP's | the same | the same |
//! | a third host | who sprays our ports | never | never |
//!
//! Only where the signalling's host is not known any host may be elsewhere.
//!
//! A source through a NAT that has the SDP's port takes the place of one that has not whenever it sends.
//! The SDP address takes the place of a source that is only heard whenever it sends, and of one that
//! is answered in its first 3 s or once that has been silent for a second. Otherwise whoever is locked
//! to stays so until the next agreement: one that names another address unlocks; after one that
//! names the same, which is what a phone sends whose NAT has forgotten it, another source may
//! convince before the locked one is heard again.
//!
//! A source seen lately where nobody is, or at a leg whose peer is somebody else, is nobody's peer
//! on the strength of its host alone ([`Prowlers`]).

use core::net::SocketAddr;

use crate::{OtherPort, Signalling, Time};

/// How long a source through a NAT waits for one that matches the SDP, and its packets.
const THROUGH_NAT: (Time, u32) = (Time::from_millis(200), 3);
/// The same of a source that only has the host of the SDP.
const SAME_HOST: (Time, u32) = (Time::from_millis(500), 5);
/// How long a source that matches the SDP may still replace one that is answered.
const REGRET: Time = Time::from_secs(3);
/// Whoever has been silent for this long gives way to another.
const STALE: Time = Time::from_secs(1);

/// What a packet's source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The peer.
    Heard,
    /// The peer, from now on.
    Latched,
    /// Not yet sure.
    Unsure,
    /// Somebody else.
    Stranger,
}

/// Why a source may be the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ground {
    /// It is where signalling comes from, whatever the SDP says.
    Elsewhere,
    /// It has the host of the SDP, and peers may send from another port.
    SameHost,
    /// It has the host of the SDP, and a NAT gave it its port.
    ThroughNat,
    /// It is where signalling comes from, and a NAT has left it its port.
    SamePort,
    /// It is what the SDP says.
    Exact,
}

impl Ground {
    const fn patience(self) -> (Time, u32) {
        match self {
            Self::Exact => (Time::ZERO, 0),
            Self::ThroughNat | Self::SamePort | Self::Elsewhere => THROUGH_NAT,
            Self::SameHost => SAME_HOST,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    addr: SocketAddr,
    ssrc: u32,
    ground: Ground,
    packets: u32,
    since: Time,
    last: Time,
}

#[derive(Clone, Copy, Debug)]
struct Lock {
    addr: SocketAddr,
    ground: Ground,
    since: Time,
    last: Time,
    /// Agreed anew since it was last heard.
    is_open: bool,
}

/// The latch of one leg.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latch {
    expected: SocketAddr,
    /// Its host is the only other one that may be the peer; any, if unknown.
    signalling: Option<Signalling>,
    candidate: Option<Candidate>,
    lock: Option<Lock>,
}

impl Latch {
    pub(super) fn new(expected: SocketAddr, signalling: Option<Signalling>) -> Self {
        Self { expected: canonical(expected), signalling, candidate: None, lock: None }
    }

    /// A newer agreement; returns whether a lock was opened by it.
    pub(super) fn expect(&mut self, expected: SocketAddr, signalling: Option<Signalling>) -> bool {
        let old = core::mem::replace(self, Self::new(expected, signalling));
        let Some(lock) = old.lock else { return false };
        // A peer that names the address it was found at has not moved.
        let moved = self.expected != old.expected && self.expected != canonical(lock.addr);
        let ground = self.ground(lock.addr).filter(|_| !moved);
        self.lock = ground.map(|ground| Lock { ground, is_open: ground != Ground::Exact, ..lock });
        self.lock.is_none()
    }

    /// Locks to a source that was found before a restart.
    pub(super) fn relock(&mut self, now: Time, addr: SocketAddr) {
        let lock = |ground| Lock { addr, ground, since: now, last: now, is_open: false };
        self.lock = self.ground(addr).map(lock);
    }

    /// The source that is listened to.
    pub(super) fn locked(&self) -> Option<SocketAddr> {
        self.lock.map(|lock| lock.addr)
    }

    /// The same, if it is answered: what it sends from is where it receives.
    pub(super) fn answered(&self) -> Option<SocketAddr> {
        self.lock.filter(|lock| lock.ground != Ground::SameHost).map(|lock| lock.addr)
    }

    /// Where to send: who is answered, or else what the SDP says, if that is an address at all.
    pub(super) fn target(&self) -> Option<SocketAddr> {
        let usable = !self.expected.ip().is_unspecified() && self.expected.port() != 0;
        self.answered().or_else(|| usable.then_some(self.expected))
    }

    /// Who is answered, if it is not where the SDP says: behind a NAT, most likely.
    pub(super) fn elsewhere(&self) -> Option<SocketAddr> {
        let found = self.answered().map(canonical);
        found.filter(|addr| *addr != self.expected)
    }

    /// Judges a packet that is RTP of an agreed payload type.
    pub(super) fn packet(
        &mut self,
        now: Time,
        from: SocketAddr,
        ssrc: u32,
        prowlers: &Prowlers,
    ) -> Verdict {
        if let Some(lock) = self.lock.as_mut().filter(|lock| lock.addr == from) {
            (lock.last, lock.is_open) = (now, false);
            return Verdict::Heard;
        }
        let ground = self.ground(from);
        let ground = ground.filter(|ground| self.lock.is_none_or(|lock| lock.yields(now, *ground)));
        let Some(ground) = ground else { return Verdict::Stranger };
        if ground < Ground::SamePort && prowlers.has(now, from) {
            return Verdict::Unsure;
        }
        if ground != Ground::Exact && !self.is_convinced(now, (from, ssrc), ground) {
            return Verdict::Unsure;
        }
        self.lock = Some(Lock { addr: from, ground, since: now, last: now, is_open: false });
        self.candidate = None;
        Verdict::Latched
    }

    /// Why this may be the peer, if it may.
    fn ground(&self, addr: SocketAddr) -> Option<Ground> {
        let addr = canonical(addr);
        if addr == self.expected {
            return Some(Ground::Exact);
        }
        if addr.ip() == self.expected.ip() {
            return match self.signalling.map(|signalling| signalling.other_port) {
                Some(OtherPort::Stranger) => None,
                Some(OtherPort::Sender) => Some(Ground::SameHost),
                Some(OtherPort::Natted) | None => Some(Ground::ThroughNat),
            };
        }
        let is_there = |signalling: Signalling| signalling.host.to_canonical() == addr.ip();
        let same = addr.port() == self.expected.port();
        let ground = if same { Ground::SamePort } else { Ground::Elsewhere };
        self.signalling.is_none_or(is_there).then_some(ground)
    }

    fn is_convinced(&mut self, now: Time, (addr, ssrc): (SocketAddr, u32), ground: Ground) -> bool {
        let fresh = Candidate { addr, ssrc, ground, packets: 0, since: now, last: now };
        let mut candidate = match self.candidate {
            Some(old) if old.addr == addr && old.ssrc == ssrc => old,
            Some(old) if now.saturating_sub(old.last) < STALE && old.ground >= ground => {
                return false;
            }
            Some(_) | None => fresh,
        };
        candidate.packets += 1;
        candidate.last = now;
        self.candidate = Some(candidate);
        let (window, packets) = ground.patience();
        candidate.packets >= packets && now.saturating_sub(candidate.since) >= window
    }
}

impl Lock {
    /// Whether a source with this ground may take its place.
    fn yields(&self, now: Time, to: Ground) -> bool {
        let is_silent = now.saturating_sub(self.last) >= STALE;
        match self.ground {
            Ground::Exact => false,
            Ground::SameHost => to == Ground::Exact || is_silent || self.is_open,
            Ground::Elsewhere if to == Ground::SamePort => true,
            _ if to == Ground::Exact => {
                is_silent || self.is_open || now.saturating_sub(self.since) <= REGRET
            }
            Ground::ThroughNat | Ground::SamePort | Ground::Elsewhere => self.is_open,
        }
    }
}

/// The last few sources that were where they are not expected: they try ports.
#[derive(Debug, Default)]
pub(super) struct Prowlers {
    seen: [Option<(SocketAddr, Time)>; 16],
    next: usize,
}

impl Prowlers {
    /// Somebody sent where nobody is, or where somebody else is.
    pub(super) fn saw(&mut self, now: Time, addr: SocketAddr) {
        let known = self.seen.iter().position(|seen| seen.is_some_and(|(other, _)| other == addr));
        let at = known.unwrap_or_else(|| {
            self.next = (self.next + 1) % self.seen.len();
            self.next
        });
        self.seen[at] = Some((addr, now));
    }

    fn has(&self, now: Time, addr: SocketAddr) -> bool {
        let mut seen = self.seen.iter().flatten();
        seen.any(|(other, at)| *other == addr && now.saturating_sub(*at) < LATELY)
    }
}

/// How long one is remembered. What a phone still sends to the port of a call that has ended is so
/// too.
const LATELY: Time = Time::from_secs(2);

pub(super) fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "10.0.0.1:5";
    const NEAR: &str = "10.0.0.1:6";
    const OTHER_NEAR: &str = "10.0.0.1:8";
    const FAR: &str = "1.2.3.4:7";
    const THIRD: &str = "6.6.6.6:6";

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn ms(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn signalling(host: &str, other_port: OtherPort) -> Option<Signalling> {
        Some(Signalling { host: host.parse().unwrap(), other_port })
    }

    /// What becomes of packets as (ms, from), as H, L, U, S.
    fn verdicts(latch: &mut Latch, packets: &[(u64, &str)]) -> String {
        let prowlers = Prowlers::default();
        let judge = |(at, from): &(u64, &str)| match latch.packet(ms(*at), addr(from), 1, &prowlers)
        {
            Verdict::Heard => 'H',
            Verdict::Latched => 'L',
            Verdict::Unsure => 'U',
            Verdict::Stranger => 'S',
        };
        packets.iter().map(judge).collect()
    }

    /// Every 20 ms for so long.
    fn stream(latch: &mut Latch, from: &str, (since, until): (u64, u64)) -> String {
        let packets: Vec<_> = (since..until).step_by(20).map(|at| (at, from)).collect();
        verdicts(latch, &packets)
    }

    #[test]
    fn who_is_heard_where_nothing_is_known_of_the_signalling() {
        let check = |expected: &str, packets: &[(u64, &str)], seen: &str| {
            let mut latch = Latch::new(addr(expected), None);
            assert_eq!(verdicts(&mut latch, packets), seen, "{packets:?}");
        };
        check(SDP, &[(0, SDP), (1, SDP), (2, FAR), (3, NEAR)], "LHSS");
        check(SDP, &[(0, NEAR), (20, NEAR), (200, NEAR), (220, NEAR), (230, FAR)], "UULHS");
        check(SDP, &[(0, FAR), (20, FAR), (180, FAR), (200, FAR), (220, FAR)], "UUULH");
        // The right one comes within the window, or soon after a wrong guess, or after its end.
        check(SDP, &[(0, FAR), (20, FAR), (40, SDP), (60, FAR)], "UULS");
        check(SDP, &[(0, FAR), (20, FAR), (200, FAR), (900, SDP), (950, FAR)], "UULLS");
        check(SDP, &[(0, FAR), (20, FAR), (200, FAR), (4_000, SDP), (4_001, FAR)], "UULLS");
        // Not while somebody else has been heard for long.
        let long = [(0, FAR), (20, FAR), (200, FAR), (1_900, FAR), (3_200, FAR), (3_300, SDP)];
        check(SDP, &long, "UULHHS");
        // Two from elsewhere: the first one; one that is near comes before it.
        check(SDP, &[(0, FAR), (10, THIRD), (20, FAR), (210, THIRD), (220, FAR)], "UUUUL");
        check(SDP, &[(0, FAR), (10, NEAR), (20, NEAR), (210, NEAR), (230, FAR)], "UUULS");
        check("0.0.0.0:5", &[(0, FAR), (100, FAR), (200, FAR)], "UUL");
        check(SDP, &[(0, "[::ffff:10.0.0.1]:5")], "L");
    }

    #[test]
    fn a_third_host_is_never_heard() {
        let mut latch = Latch::new(addr(SDP), signalling("1.2.3.4", OtherPort::Stranger));
        assert_eq!(stream(&mut latch, THIRD, (0, 5_000)), "S".repeat(250));
        assert_eq!(latch.target(), Some(addr(SDP)));
        assert!(stream(&mut latch, FAR, (5_000, 5_300)).ends_with("LHHHH"));
        assert_eq!(latch.target(), Some(addr(FAR)));
    }

    #[test]
    fn another_port_of_the_peers_own_host_is_a_stranger() {
        let mut latch = Latch::new(addr(SDP), signalling("10.0.0.1", OtherPort::Stranger));
        assert_eq!(stream(&mut latch, NEAR, (0, 5_000)), "S".repeat(250));
        assert_eq!(verdicts(&mut latch, &[(5_000, SDP), (5_001, NEAR)]), "LS");
        assert!(!latch.expect(addr(SDP), signalling("10.0.0.1", OtherPort::Stranger)));
        assert_eq!(stream(&mut latch, NEAR, (9_000, 14_000)), "S".repeat(250));
    }

    #[test]
    fn another_port_of_a_peer_that_sends_from_elsewhere_is_heard_late_and_never_answered() {
        let mut latch = Latch::new(addr(SDP), signalling("10.0.0.1", OtherPort::Sender));
        // Two packets, or a few, are nobody.
        assert_eq!(stream(&mut latch, NEAR, (0, 500)), "U".repeat(25));
        assert_eq!(stream(&mut latch, NEAR, (500, 540)), "LH");
        assert_eq!((latch.locked(), latch.target()), (Some(addr(NEAR)), Some(addr(SDP))));
        assert_eq!(latch.elsewhere(), None);
        // However late the SDP's own comes, it is the peer, and nobody takes its place.
        assert_eq!(stream(&mut latch, NEAR, (540, 20_000)), "H".repeat(973));
        assert_eq!(verdicts(&mut latch, &[(20_001, SDP), (20_002, NEAR), (20_003, SDP)]), "LSH");
        assert_eq!(stream(&mut latch, NEAR, (30_000, 40_000)), "S".repeat(500));
    }

    #[test]
    fn whoever_tries_ports_is_not_heard_on_the_strength_of_its_host() {
        let mut latch = Latch::new(addr(SDP), signalling("10.0.0.1", OtherPort::Sender));
        let mut prowlers = Prowlers::default();
        for at in (0..3_000).step_by(20).map(ms) {
            prowlers.saw(at, addr(NEAR));
            assert_eq!(latch.packet(at, addr(NEAR), 1, &prowlers), Verdict::Unsure);
        }
        // It is forgotten in time, and others push it out.
        assert!(prowlers.has(ms(4_979), addr(NEAR)) && !prowlers.has(ms(4_980), addr(NEAR)));
        for port in 100..115 {
            prowlers.saw(ms(3_000), SocketAddr::new(addr(SDP).ip(), port));
        }
        assert!(prowlers.has(ms(3_000), addr(NEAR)));
        prowlers.saw(ms(3_000), addr(OTHER_NEAR));
        assert!(!prowlers.has(ms(3_000), addr(NEAR)) && prowlers.has(ms(3_000), addr(OTHER_NEAR)));
    }

    #[test]
    fn a_nats_port_is_answered() {
        let mut latch = Latch::new(addr(SDP), signalling("10.0.0.1", OtherPort::Natted));
        assert_eq!(stream(&mut latch, NEAR, (0, 240)), "UUUUUUUUUULH");
        assert_eq!((latch.target(), latch.elsewhere()), (Some(addr(NEAR)), Some(addr(NEAR))));
        // Another does not take it, however long it is silent.
        assert_eq!(stream(&mut latch, OTHER_NEAR, (300, 5_300)), "S".repeat(250));
        // After an agreement it does, unless the one that was found is heard before.
        assert!(!latch.expect(addr(SDP), signalling("10.0.0.1", OtherPort::Natted)));
        assert_eq!(latch.target(), Some(addr(NEAR)));
        assert_eq!(verdicts(&mut latch, &[(5_300, OTHER_NEAR), (5_310, NEAR)]), "UH");
        assert_eq!(stream(&mut latch, OTHER_NEAR, (5_320, 5_720)), "S".repeat(20));
        assert!(!latch.expect(addr(SDP), signalling("10.0.0.1", OtherPort::Natted)));
        assert_eq!(stream(&mut latch, OTHER_NEAR, (5_720, 5_960)), "UUUUUUUUUULH");
        assert_eq!(latch.target(), Some(addr(OTHER_NEAR)));
    }

    #[test]
    fn a_nat_that_keeps_the_port_is_known_by_it() {
        let mut latch = Latch::new(addr("10.0.0.1:7000"), signalling("1.2.3.4", OtherPort::Natted));
        let phone = "1.2.3.4:7000";
        assert!(stream(&mut latch, FAR, (0, 5_000)).ends_with("HH"));
        // Both send; the phone is found all the same, and keeps its stream.
        for at in (5_000..5_200).step_by(20) {
            assert_eq!(verdicts(&mut latch, &[(at, FAR), (at, phone)]), "HU");
        }
        assert_eq!(verdicts(&mut latch, &[(5_200, FAR), (5_200, phone)]), "HL");
        assert_eq!(verdicts(&mut latch, &[(5_220, FAR), (5_220, phone)]), "SH");
        assert_eq!(stream(&mut latch, FAR, (6_000, 20_000)), "S".repeat(700));
        assert_eq!(latch.target(), Some(addr(phone)));
    }

    #[test]
    fn a_lock_opens_by_another_address() {
        let mut latch = Latch::new(addr(SDP), None);
        assert_eq!(latch.target(), Some(addr(SDP)));
        stream(&mut latch, FAR, (0, 300));
        assert!(!latch.expect(addr(SDP), None));
        assert_eq!(latch.target(), Some(addr(FAR)));
        assert!(!latch.expect(addr(FAR), None));
        assert_eq!((latch.elsewhere(), latch.target()), (None, Some(addr(FAR))));
        assert!(latch.expect(addr("10.0.0.9:5"), None));
        assert_eq!(latch.target(), Some(addr("10.0.0.9:5")));
        assert_eq!(Latch::new(addr("0.0.0.0:5"), None).target(), None);
    }
}
