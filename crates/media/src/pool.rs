//! The pool of RTP port pairs, all bound before the first call.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

/// An even RTP port with RTCP at `port + 1`, and the media thread that owns both sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lease {
    /// The media thread, from 0.
    pub thread: u16,
    /// The RTP port.
    pub port: u16,
}

/// Legs below which a thread is given more before another one is woken: with so many it works for a
/// twentieth of its time, and waking up for a tick costs more than the tick of a few legs.
const FEW: usize = 256;

/// Which pairs are free. The one released longest ago is leased first, so that late packets of an
/// old call meet a port that nobody uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool(BTreeMap<u16, Pairs>);

/// The pairs of one thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Pairs {
    free: VecDeque<u16>,
    leased: BTreeSet<u16>,
}

impl Pool {
    /// A pool of the pairs that are really bound.
    #[must_use]
    pub fn new(bound: Vec<Lease>) -> Self {
        let mut pool = Self::default();
        for lease in bound {
            pool.0.entry(lease.thread).or_default().free.push_back(lease.port);
        }
        pool
    }

    /// Takes a pair of the given thread, or of the one that has room for more.
    pub fn lease(&mut self, thread: Option<u16>) -> Option<Lease> {
        let thread = thread.or_else(|| self.roomiest())?;
        let pairs = self.0.get_mut(&thread)?;
        let port = pairs.free.pop_front()?;
        pairs.leased.insert(port);
        Some(Lease { thread, port })
    }

    /// Gives a pair back. A pair that is free already stays where it is.
    pub fn release(&mut self, lease: Lease) {
        let Some(pairs) = self.0.get_mut(&lease.thread) else { return };
        if pairs.leased.remove(&lease.port) {
            pairs.free.push_back(lease.port);
        }
    }

    /// Free pairs of all threads.
    #[must_use]
    pub fn free(&self) -> usize {
        self.0.values().map(|pairs| pairs.free.len()).sum()
    }

    /// The first thread with few legs; where all have many, the one with fewest.
    fn roomiest(&self) -> Option<u16> {
        let open = self.0.iter().filter(|(_, pairs)| !pairs.free.is_empty());
        let legs = |pairs: &Pairs| pairs.leased.len().max(FEW - 1);
        open.min_by_key(|(thread, pairs)| (legs(pairs), **thread)).map(|(thread, _)| *thread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(thread: u16, port: u16) -> Lease {
        Lease { thread, port }
    }

    #[test]
    fn the_longest_free_goes_first() {
        let mut pool = Pool::new(vec![lease(0, 10), lease(0, 12), lease(0, 14)]);
        assert_eq!(pool.lease(Some(0)), Some(lease(0, 10)));
        pool.release(lease(0, 10));
        assert_eq!(pool.lease(Some(0)), Some(lease(0, 12)));
        assert_eq!(pool.lease(Some(0)), Some(lease(0, 14)));
        assert_eq!(pool.lease(Some(0)), Some(lease(0, 10)));
        assert_eq!(pool.lease(Some(0)), None);
        assert_eq!(pool.lease(None), None);
    }

    #[test]
    fn a_thread_is_woken_when_those_awake_have_many_legs() {
        let bound = (0..600).map(|port| lease(port % 2, port)).collect();
        let mut pool = Pool::new(bound);
        let mut next = || pool.lease(None).map(|lease| lease.thread);
        for thread in [0, 1] {
            assert!((0..FEW).all(|_| next() == Some(thread)));
        }
        assert_eq!([next(), next(), next()], [Some(0), Some(1), Some(0)]);
        assert_eq!((0..).take_while(|_| next().is_some()).count(), 600 - 2 * FEW - 3);
        assert_eq!(pool.lease(Some(7)), None);
        pool.release(lease(1, 599));
        assert_eq!(pool.lease(None), Some(lease(1, 599)), "the only one");
    }

    #[test]
    fn a_second_release_is_harmless() {
        let mut pool = Pool::new(vec![lease(0, 10)]);
        pool.release(lease(0, 10));
        assert_eq!(pool.free(), 1);
        pool.release(lease(3, 10));
        assert_eq!(pool.free(), 1);
    }
}
