//! Whom a leg listens to: symmetric RTP with a lock.
//!
//! | state | from the SDP address | same host, other port | elsewhere | stranger |
//! | --- | --- | --- | --- | --- |
//! | open | locks at once | locks with its second packet | locks with its third, after 200 ms | – |
//! | locked | locks instead of a guess, for 3 s | – | – | not heard, not answered |
//!
//! "Elsewhere" is the host that the leg's signalling comes from, which is where audio through a NAT
//! comes from too. From a third host nobody is heard, even where the peer itself says nothing: who
//! sprays our ports must not get a call's audio. Only where the signalling's host is not known any
//! host may be elsewhere.
//!
//! A lock is opened again only by a newer plan with another address.

use core::net::{IpAddr, SocketAddr};

use crate::Time;

/// How long a source from elsewhere waits for one that matches the SDP.
const WINDOW: Time = Time::from_millis(200);
/// How long a source that matches the SDP may still replace a guess.
const REGRET: Time = Time::from_secs(3);
/// A candidate that has been silent for this long gives way to another.
const STALE: Time = Time::from_secs(1);

/// What a packet's source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The peer.
    Heard,
    /// The peer, from now on.
    Latched,
    /// Somebody else, or not yet sure.
    Stranger,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    addr: SocketAddr,
    ssrc: u32,
    near: bool,
    packets: u32,
    since: Time,
    last: Time,
}

#[derive(Clone, Copy, Debug)]
struct Lock {
    addr: SocketAddr,
    exact: bool,
    since: Time,
}

/// The latch of one leg.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latch {
    expected: SocketAddr,
    /// The only other host that may be the peer; any, if unknown.
    signalling: Option<IpAddr>,
    candidate: Option<Candidate>,
    lock: Option<Lock>,
}

impl Latch {
    pub(super) fn new(expected: SocketAddr, signalling: Option<IpAddr>) -> Self {
        let signalling = signalling.map(|ip| ip.to_canonical());
        Self { expected: canonical(expected), signalling, candidate: None, lock: None }
    }

    /// A newer plan; returns whether a lock was opened.
    pub(super) fn expect(&mut self, expected: SocketAddr, signalling: Option<IpAddr>) -> bool {
        let expected = canonical(expected);
        let signalling = signalling.map(|ip| ip.to_canonical());
        if expected == self.expected {
            self.signalling = signalling;
            return false;
        }
        let moved = self.lock.is_some_and(|lock| canonical(lock.addr) != expected);
        // A peer that names the address it was found at has not moved.
        let lock = self.lock.filter(|_| !moved);
        *self = Self { expected, signalling, candidate: None, lock };
        moved
    }

    /// Locks to a source that was found before a restart.
    pub(super) fn relock(&mut self, now: Time, addr: SocketAddr) {
        let exact = canonical(addr) == self.expected;
        self.lock = Some(Lock { addr, exact, since: now });
    }

    /// The source that is listened to.
    pub(super) fn locked(&self) -> Option<SocketAddr> {
        self.lock.map(|lock| lock.addr)
    }

    /// Where to send: the lock, or else what the SDP says, if that is an address at all.
    pub(super) fn target(&self) -> Option<SocketAddr> {
        let usable = !self.expected.ip().is_unspecified() && self.expected.port() != 0;
        self.locked().or_else(|| usable.then_some(self.expected))
    }

    /// The same, if it is not where the SDP says: behind a NAT, most likely.
    pub(super) fn elsewhere(&self) -> Option<SocketAddr> {
        self.lock.filter(|lock| !lock.exact).map(|lock| canonical(lock.addr))
    }

    /// Judges a packet that is RTP of an agreed payload type.
    pub(super) fn packet(&mut self, now: Time, from: SocketAddr, ssrc: u32) -> Verdict {
        let exact = canonical(from) == self.expected;
        match self.lock {
            Some(lock) if lock.addr == from => return Verdict::Heard,
            Some(lock) if lock.exact || !exact || now.saturating_sub(lock.since) > REGRET => {
                return Verdict::Stranger;
            }
            Some(_) | None => {}
        }
        if exact || self.is_convinced(now, from, ssrc) {
            self.lock = Some(Lock { addr: from, exact, since: now });
            self.candidate = None;
            return Verdict::Latched;
        }
        Verdict::Stranger
    }

    fn is_convinced(&mut self, now: Time, addr: SocketAddr, ssrc: u32) -> bool {
        let ip = addr.ip().to_canonical();
        let near = ip == self.expected.ip();
        if !near && self.signalling.is_some_and(|signalling| signalling != ip) {
            return false;
        }
        let fresh = Candidate { addr, ssrc, near, packets: 0, since: now, last: now };
        let mut candidate = match self.candidate {
            Some(old) if old.addr == addr && old.ssrc == ssrc => old,
            Some(old) if now.saturating_sub(old.last) < STALE && (old.near || !near) => {
                return false;
            }
            Some(_) | None => fresh,
        };
        candidate.packets += 1;
        candidate.last = now;
        self.candidate = Some(candidate);
        let waited = now.saturating_sub(candidate.since);
        if near { candidate.packets >= 2 } else { candidate.packets >= 3 && waited >= WINDOW }
    }
}

pub(super) fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets as (ms, from); the verdicts as H, L, S.
    fn check(expected: &str, packets: &[(u64, &str)], verdicts: &str) {
        let mut latch = Latch::new(expected.parse().unwrap(), None);
        let judge = |(ms, from): &(u64, &str)| match latch.packet(
            Time::from_millis(*ms),
            from.parse().unwrap(),
            1,
        ) {
            Verdict::Heard => 'H',
            Verdict::Latched => 'L',
            Verdict::Stranger => 'S',
        };
        let seen: String = packets.iter().map(judge).collect();
        assert_eq!(seen, verdicts, "{packets:?}");
    }

    #[test]
    fn who_is_heard() {
        let (sdp, near, far, other) = ("10.0.0.1:5", "10.0.0.1:6", "1.2.3.4:7", "6.6.6.6:6");
        check(sdp, &[(0, sdp), (1, sdp), (2, far), (3, near)], "LHSS");
        check(sdp, &[(0, near), (20, near), (40, near), (60, far)], "SLHS");
        check(sdp, &[(0, far), (20, far), (180, far), (200, far), (220, far)], "SSSLH");
        // The right one comes within the window, or soon after a wrong guess, but not later.
        check(sdp, &[(0, far), (20, far), (40, sdp), (60, far)], "SSLS");
        check(sdp, &[(0, far), (20, far), (200, far), (900, sdp), (950, far)], "SSLLS");
        check(sdp, &[(0, far), (20, far), (200, far), (4_000, sdp), (4_001, far)], "SSLSH");
        // Two from elsewhere: the first one; one that is near comes before it.
        check(sdp, &[(0, far), (10, other), (20, far), (210, other), (220, far)], "SSSSL");
        check(sdp, &[(0, far), (10, near), (20, near), (30, far)], "SSLS");
        check("0.0.0.0:5", &[(0, far), (100, far), (200, far)], "SSL");
        check("10.0.0.1:5", &[(0, "[::ffff:10.0.0.1]:5")], "L");
    }

    #[test]
    fn a_third_host_is_never_heard() {
        let addr = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mut latch = Latch::new(addr("10.0.0.1:5"), Some(addr("1.2.3.4:5060").ip()));
        for ms in [0, 100, 300, 5_000] {
            let verdict = latch.packet(Time::from_millis(ms), addr("6.6.6.6:6"), 1);
            assert_eq!(verdict, Verdict::Stranger);
        }
        assert_eq!(latch.target(), Some(addr("10.0.0.1:5")));
        for ms in [5_100, 5_200, 5_300] {
            latch.packet(Time::from_millis(ms), addr("1.2.3.4:7"), 2);
        }
        assert_eq!(latch.target(), Some(addr("1.2.3.4:7")));
    }

    #[test]
    fn a_lock_opens_only_by_another_address() {
        let addr = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mut latch = Latch::new(addr("10.0.0.1:5"), None);
        assert_eq!(latch.target(), Some(addr("10.0.0.1:5")));
        for ms in [0, 100, 200] {
            latch.packet(Time::from_millis(ms), addr("1.2.3.4:7"), 1);
        }
        assert!(!latch.expect(addr("10.0.0.1:5"), None));
        assert_eq!(latch.target(), Some(addr("1.2.3.4:7")));
        assert!(!latch.expect(addr("1.2.3.4:7"), None));
        assert_eq!(latch.elsewhere(), Some(addr("1.2.3.4:7")));
        assert!(latch.expect(addr("10.0.0.9:5"), None));
        assert_eq!(latch.target(), Some(addr("10.0.0.9:5")));
        assert_eq!(Latch::new(addr("0.0.0.0:5"), None).target(), None);
    }
}
