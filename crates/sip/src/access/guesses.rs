//! Throttling of guesses: each source address may be wrong a few times, then waits ever longer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::Time;

/// Failures without a consequence.
const FREE: u32 = 5;

/// The longest wait: about 1,300 guesses a day, and a phone with an old password does not keep its
/// whole office from signing in.
const DELAY_MAX: Time = Time::from_secs(64);

/// A source that has not failed for so long is forgotten.
const WINDOW: Time = Time::from_secs(600);

/// Sources remembered at most; the one that failed longest ago goes first. Only a source that holds
/// a nonce, so one that can be answered, comes in here: addresses cannot be made up.
#[cfg(not(test))]
const SOURCES_MAX: usize = 16_384;
#[cfg(test)]
const SOURCES_MAX: usize = 8;

/// The sources that failed lately.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Guesses {
    sources: BTreeMap<IpAddr, Source>,
    /// The same by their last failure.
    by_last: BTreeSet<(Time, IpAddr)>,
}

/// What is known of one source.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Source {
    failures: u32,
    last: Time,
}

impl Source {
    /// Until when it waits: 1, 2, 4 … seconds from the first failure that is not free.
    fn until(self) -> Time {
        match self.failures.checked_sub(FREE) {
            Some(over) => self.last + DELAY_MAX.min(Time::from_secs(1 << over.min(32))),
            None => self.last,
        }
    }
}

impl Guesses {
    /// Whether the source must wait.
    pub(super) fn blocked(&self, now: Time, source: IpAddr) -> bool {
        self.sources.get(&key(source)).is_some_and(|source| now < source.until())
    }

    /// The source was wrong once more; how often by now.
    pub(super) fn failed(&mut self, now: Time, source: IpAddr) -> u32 {
        while let Some((last, oldest)) = self.by_last.first().copied() {
            if last + WINDOW > now {
                break;
            }
            self.drop(last, oldest);
        }
        let key = key(source);
        let failures = match self.sources.get(&key).copied() {
            Some(old) => {
                self.drop(old.last, key);
                old.failures.saturating_add(1)
            }
            None => 1,
        };
        if self.sources.len() >= SOURCES_MAX
            && let Some((last, oldest)) = self.by_last.first().copied()
        {
            self.drop(last, oldest);
        }
        self.sources.insert(key, Source { failures, last: now });
        self.by_last.insert((now, key));
        failures
    }

    /// The source has shown itself honest.
    pub(super) fn forget(&mut self, source: IpAddr) {
        let key = key(source);
        if let Some(old) = self.sources.get(&key).copied() {
            self.drop(old.last, key);
        }
    }

    fn drop(&mut self, last: Time, source: IpAddr) {
        self.by_last.remove(&(last, source));
        self.sources.remove(&source);
    }
}

/// One who has an IPv6 address has all of its /64.
fn key(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn at(s: u64) -> Time {
        Time::from_secs(s)
    }

    #[test]
    fn the_wait_grows_to_a_limit() {
        let mut guesses = Guesses::default();
        let bad = ip("192.0.2.1");
        for _ in 0..FREE - 1 {
            guesses.failed(at(100), bad);
            assert!(!guesses.blocked(at(100), bad));
        }
        let mut now = at(100);
        for delay in [1, 2, 4, 8, 16, 32, 64, 64, 64] {
            guesses.failed(now, bad);
            assert!(guesses.blocked(now, bad), "{delay}");
            now += at(delay);
            assert!(guesses.blocked(now - Time::from_millis(1), bad), "{delay}");
            assert!(!guesses.blocked(now, bad), "{delay}");
        }
        guesses.failed(now + WINDOW, bad);
        assert!(!guesses.blocked(now + WINDOW, bad), "forgotten after a while");
    }

    #[test]
    fn others_are_not_blocked() {
        let mut guesses = Guesses::default();
        for _ in 0..20 {
            guesses.failed(at(1), ip("192.0.2.1"));
            guesses.failed(at(1), ip("2001:db8:0:1::5"));
        }
        let check = |source: &str, expected| {
            assert_eq!(guesses.blocked(at(2), ip(source)), expected, "{source}");
        };
        check("192.0.2.1", true);
        check("::ffff:192.0.2.1", true);
        check("192.0.2.2", false);
        check("2001:db8:0:1:ffff::1", true);
        check("2001:db8:0:2::5", false);
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_busy() {
        let mut guesses = Guesses::default();
        let bad = ip("192.0.2.1");
        for n in 0..100_u8 {
            guesses.failed(at(n.into()), bad);
            guesses.failed(at(n.into()), IpAddr::from([198, 51, 100, n]));
            assert_eq!(guesses.sources.len(), guesses.by_last.len());
            assert!(guesses.sources.len() <= SOURCES_MAX);
        }
        assert!(guesses.blocked(at(100), bad));
    }
}
