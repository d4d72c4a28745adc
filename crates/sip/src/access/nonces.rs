//! Nonces (RFC 7616 5.4): the time, a number and a keyed hash over both and the source. Nothing is
//! kept of a nonce until somebody has answered it rightly.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::Time;

/// How long a nonce may be answered.
const VALID: Time = Time::from_secs(300);

/// Answered nonces remembered at most.
#[cfg(not(test))]
const SPENT_MAX: usize = 65_536;
#[cfg(test)]
const SPENT_MAX: usize = 8;

/// Mints and checks nonces.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Nonces {
    key: [u8; 32],
    /// The number of the last one minted.
    last: u64,
    /// What was answered, by number.
    spent: BTreeMap<u64, Use>,
    /// Numbers up to this one may have been answered and forgotten: they count as stale.
    forgotten: u64,
}

/// How a nonce was answered last.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Use {
    minted: Time,
    /// The highest `nc`; the largest possible where the client had none.
    nc: u32,
}

/// A nonce of ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nonce {
    minted: Time,
    number: u64,
}

/// What comes of using a nonce once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spent {
    /// A new use.
    Good,
    /// Too old, or it may have been used before.
    Stale,
    /// It has been used before with this or a higher `nc`.
    Replayed,
}

impl core::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Nonces").field("last", &self.last).finish_non_exhaustive()
    }
}

impl Nonces {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self { key, last: 0, spent: BTreeMap::new(), forgotten: 0 }
    }

    /// A nonce for requests from `source`.
    pub(super) fn mint(&mut self, now: Time, source: IpAddr) -> String {
        self.last += 1;
        self.text(millis(now), self.last, source)
    }

    /// Reads back a nonce; `None` if it was not minted here, or for another source.
    pub(super) fn read(&self, now: Time, source: IpAddr, text: &str) -> Option<Nonce> {
        let minted = u64::from_str_radix(text.get(..16)?, 16).ok()?;
        let number = u64::from_str_radix(text.get(16..32)?, 16).ok()?;
        let ours = self.text(minted, number, source);
        let nonce = Nonce { minted: Time::from_millis(minted), number };
        (same(ours.as_bytes(), text.as_bytes()) && nonce.minted <= now).then_some(nonce)
    }

    /// Uses a nonce that was answered rightly.
    pub(super) fn spend(&mut self, now: Time, nonce: Nonce, nc: Option<u32>) -> Spent {
        if nonce.minted + VALID < now {
            return Spent::Stale;
        }
        let new = Use { minted: nonce.minted, nc: nc.unwrap_or(u32::MAX) };
        match (self.spent.get_mut(&nonce.number), nc) {
            (Some(old), Some(nc)) if nc > old.nc => old.nc = nc,
            (Some(_), Some(_)) => return Spent::Replayed,
            (Some(_), None) => return Spent::Stale,
            (None, _) if nonce.number <= self.forgotten => return Spent::Stale,
            (None, _) => drop(self.spent.insert(nonce.number, new)),
        }
        self.forget(now);
        Spent::Good
    }

    /// Drops what is too old to be used anyway, and the oldest of what is too much.
    fn forget(&mut self, now: Time) {
        while let Some(oldest) = self.spent.first_entry() {
            let is_old = oldest.get().minted + VALID < now;
            let number = *oldest.key();
            if !is_old && self.spent.len() <= SPENT_MAX {
                break;
            }
            self.forgotten = self.forgotten.max(number);
            self.spent.remove(&number);
        }
    }

    fn text(&self, minted: u64, number: u64, source: IpAddr) -> String {
        let source = match source {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        // The input is of one length and half of the hash stays here, so it cannot be extended.
        let hash = Sha256::new()
            .chain_update(self.key)
            .chain_update(minted.to_be_bytes())
            .chain_update(number.to_be_bytes())
            .chain_update(source.octets())
            .finalize();
        let mut text = format!("{minted:016x}{number:016x}");
        for byte in hash.iter().take(16) {
            text += &format!("{byte:02x}");
        }
        text
    }
}

fn millis(time: Time) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Compares without telling by the time it takes how far they agree.
fn same(a: &[u8], b: &[u8]) -> bool {
    let differences = a.iter().zip(b).fold(0, |all, (x, y)| all | (x ^ y));
    a.len() == b.len() && core::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_000_123);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_ours_for_this_source_is_read() {
        let mut nonces = Nonces::new([7; 32]);
        let home = ip("192.0.2.1");
        let text = nonces.mint(NOW, home);
        let check = |nonces: &Nonces, now, source: &str, text: &str, expected| {
            let got = nonces.read(now, ip(source), text).map(|nonce| nonce.number);
            assert_eq!(got, expected, "{source} {text:?}");
        };
        check(&nonces, NOW, "192.0.2.1", &text, Some(1));
        check(&nonces, NOW, "::ffff:192.0.2.1", &text, Some(1));
        check(&nonces, NOW, "192.0.2.2", &text, None);
        check(&nonces, NOW - Time::from_secs(1), "192.0.2.1", &text, None);
        check(&Nonces::new([8; 32]), NOW, "192.0.2.1", &text, None);
        let mut forged = text.clone().into_bytes();
        for at in 0..forged.len() {
            forged[at] ^= 1;
            check(&nonces, NOW, "192.0.2.1", core::str::from_utf8(&forged).unwrap(), None);
            forged[at] ^= 1;
        }
        for bad in
            ["", "0", &text[..63], &format!("{text}0"), "é", &"+".repeat(64), &text.to_uppercase()]
        {
            check(&nonces, NOW, "192.0.2.1", bad, None);
        }
        assert!(!format!("{nonces:?}").contains("7, 7"), "the key shows");
    }

    #[test]
    fn the_count_must_rise() {
        let mut nonces = Nonces::new([7; 32]);
        let home = ip("192.0.2.1");
        let text = nonces.mint(NOW, home);
        let nonce = nonces.read(NOW, home, &text).unwrap();
        let mut check = |after_s, nc, expected| {
            let got = nonces.spend(NOW + Time::from_secs(after_s), nonce, nc);
            assert_eq!(got, expected, "{after_s} {nc:?}");
        };
        check(0, Some(1), Spent::Good);
        check(0, Some(1), Spent::Replayed);
        check(1, Some(5), Spent::Good);
        check(1, Some(4), Spent::Replayed);
        check(2, None, Spent::Stale);
        check(300, Some(6), Spent::Good);
        check(301, Some(7), Spent::Stale);
    }

    #[test]
    fn without_a_count_one_use_each() {
        let mut nonces = Nonces::new([7; 32]);
        let home = ip("192.0.2.1");
        let text = nonces.mint(NOW, home);
        let nonce = nonces.read(NOW, home, &text).unwrap();
        assert_eq!(nonces.spend(NOW, nonce, None), Spent::Good);
        assert_eq!(nonces.spend(NOW, nonce, None), Spent::Stale);
        assert_eq!(nonces.spend(NOW, nonce, Some(1)), Spent::Replayed);
    }

    #[test]
    fn what_is_forgotten_is_stale() {
        let mut nonces = Nonces::new([7; 32]);
        let home = ip("192.0.2.1");
        let minted: Vec<Nonce> = (0..=SPENT_MAX + 1)
            .map(|_| {
                let text = nonces.mint(NOW, home);
                nonces.read(NOW, home, &text).unwrap()
            })
            .collect();
        // The first is never used; the second is used and pushed out by the others.
        for nonce in &minted[1..] {
            assert_eq!(nonces.spend(NOW, *nonce, Some(1)), Spent::Good);
        }
        assert_eq!(nonces.spent.len(), SPENT_MAX);
        assert_eq!(nonces.spend(NOW, minted[1], Some(2)), Spent::Stale);
        assert_eq!(nonces.spend(NOW, minted[0], Some(1)), Spent::Stale);
        assert_eq!(nonces.spend(NOW, minted[2], Some(2)), Spent::Good);
        // Time empties the table.
        let later = NOW + Time::from_secs(400);
        let text = nonces.mint(later, home);
        let nonce = nonces.read(later, home, &text).unwrap();
        assert_eq!(nonces.spend(later, nonce, Some(1)), Spent::Good);
        assert_eq!(nonces.spent.len(), 1);
    }
}
