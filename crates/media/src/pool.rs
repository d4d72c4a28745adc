//! The pool of RTP port pairs, all bound before the first call.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// An even RTP port with RTCP at `port + 1`, and the media thread that owns both sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lease {
    /// The media thread, from 0.
    pub thread: u16,
    /// The RTP port.
    pub port: u16,
}

/// Which pairs are free. The one released longest ago is leased first, so that late packets of an
/// old call meet a port that nobody uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    free: BTreeMap<u16, VecDeque<u16>>,
}

impl Pool {
    /// A pool of the pairs that are really bound.
    #[must_use]
    pub fn new(bound: Vec<Lease>) -> Self {
        let mut pool = Self::default();
        for lease in bound {
            pool.free.entry(lease.thread).or_default().push_back(lease.port);
        }
        pool
    }

    /// Takes a pair of the given thread, or of the thread with most free pairs.
    pub fn lease(&mut self, thread: Option<u16>) -> Option<Lease> {
        let thread = thread.or_else(|| self.emptiest())?;
        let port = self.free.get_mut(&thread)?.pop_front()?;
        Some(Lease { thread, port })
    }

    /// Gives a pair back. A pair that is free already stays where it is.
    pub fn release(&mut self, lease: Lease) {
        let ports = self.free.entry(lease.thread).or_default();
        if !ports.contains(&lease.port) {
            ports.push_back(lease.port);
        }
    }

    /// Free pairs of all threads.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free.values().map(VecDeque::len).sum()
    }

    /// The thread with most free pairs, the lowest of equals.
    fn emptiest(&self) -> Option<u16> {
        let most = self
            .free
            .iter()
            .max_by_key(|(thread, ports)| (ports.len(), core::cmp::Reverse(**thread)));
        most.map(|(thread, _)| *thread)
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
    fn threads_share_the_load() {
        let mut pool = Pool::new(vec![lease(0, 10), lease(0, 12), lease(1, 20), lease(1, 22)]);
        let taken: Vec<_> = (0..4).filter_map(|_| pool.lease(None)).collect();
        assert_eq!(taken, [lease(0, 10), lease(1, 20), lease(0, 12), lease(1, 22)]);
        assert_eq!(pool.lease(Some(7)), None);
    }

    #[test]
    fn a_second_release_is_harmless() {
        let mut pool = Pool::new(vec![lease(0, 10)]);
        pool.release(lease(0, 10));
        assert_eq!(pool.free(), 1);
    }
}
