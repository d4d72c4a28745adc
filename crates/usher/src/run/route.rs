//! Which of our addresses a peer sees.
//!
//! A listener on an unspecified address answers from whatever address the routing table picks. That
//! one has to stand in Via, Contact and SDP, so it is asked for by connecting an unbound datagram
//! socket, which sends nothing. A host whose peers reach it by an address the routing table would
//! not pick needs that address in `listen`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// Remotes remembered; beyond it all are forgotten, which costs one look-up each.
const REMEMBERED_MAX: usize = 4_096;
/// How long an answer is believed: interfaces come and go.
const BELIEVED: Duration = Duration::from_secs(60);

/// A look-up with memory, one for each task that needs it.
#[derive(Debug, Default)]
pub(super) struct Routes {
    known: BTreeMap<IpAddr, (IpAddr, Duration)>,
}

impl Routes {
    /// Our address towards `remote`, for a socket bound to `bound`.
    pub(super) fn local(&mut self, now: Duration, bound: SocketAddr, remote: IpAddr) -> SocketAddr {
        if !bound.ip().is_unspecified() {
            return bound;
        }
        if let Some(&(local, until)) = self.known.get(&remote)
            && now < until
        {
            return SocketAddr::new(local, bound.port());
        }
        let local = source_towards(remote).unwrap_or(match remote {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
        if self.known.len() >= REMEMBERED_MAX {
            self.known.clear();
        }
        self.known.insert(remote, (local, now + BELIEVED));
        SocketAddr::new(local, bound.port())
    }
}

/// What the routing table says, if it knows a way.
fn source_towards(remote: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match remote {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((remote, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bound: &str, remote: &str, expected: &str) {
        let mut routes = Routes::default();
        let (bound, remote) = (bound.parse().unwrap(), remote.parse().unwrap());
        for at in [0, 59, 61] {
            let local = routes.local(Duration::from_secs(at), bound, remote);
            assert_eq!(local, expected.parse().unwrap());
        }
    }

    #[test]
    fn the_local_address_is_concrete() {
        check("127.0.0.1:5060", "127.0.0.1", "127.0.0.1:5060");
        check("192.0.2.1:5060", "127.0.0.1", "192.0.2.1:5060");
        check("0.0.0.0:5070", "127.0.0.1", "127.0.0.1:5070");
        check("0.0.0.0:5070", "127.0.0.9", "127.0.0.1:5070");
    }

    #[test]
    fn memory_is_bounded() {
        let mut routes = Routes::default();
        let bound = "0.0.0.0:5060".parse().unwrap();
        for (host, _) in (0x7f00_0001..).zip(0..=REMEMBERED_MAX) {
            routes.local(Duration::ZERO, bound, Ipv4Addr::from(host).into());
        }
        assert!(routes.known.len() <= REMEMBERED_MAX);
    }
}
