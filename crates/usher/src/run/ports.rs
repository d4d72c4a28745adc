//! The pool of RTP ports, bound before the first call: even ports for RTP, the odd ones above for
//! RTCP. What somebody else has is left out.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;

use media::{Channel, Lease};
use socket2::{Domain, Protocol, Socket, Type};

/// Descriptors kept for everything that is not RTP.
const SPARED: u64 = 1_024;

/// Octets that a socket holds, unread.
const BUFFER: usize = 512 << 10;

/// Two bound sockets.
#[derive(Debug)]
pub(super) struct Pair {
    /// The even port.
    pub(super) port: u16,
    is_v6: bool,
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

impl Pair {
    fn bind(ip: IpAddr, port: u16) -> io::Result<Self> {
        let rtp = bind(SocketAddr::new(ip, port))?;
        let rtcp = bind(SocketAddr::new(ip, port + 1))?;
        Ok(Self { port, is_v6: ip.is_ipv6(), rtp, rtcp })
    }

    /// Sends a packet, which may be lost, as any may be.
    pub(super) fn send(&self, channel: Channel, data: &[u8], to: SocketAddr) {
        let to = match to {
            SocketAddr::V4(to) if self.is_v6 => (to.ip().to_ipv6_mapped(), to.port()).into(),
            to => to,
        };
        let _ = self.socket(channel).send_to(data, to);
    }

    /// The next packet, and where it comes from; `None` where there is none. An error of the system
    /// is that of a packet sent earlier, and read by this.
    pub(super) fn receive(&self, channel: Channel, data: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let (length, from) = self.socket(channel).recv_from(data).ok()?;
        Some((length, SocketAddr::new(from.ip().to_canonical(), from.port())))
    }

    /// One of the two.
    pub(super) fn socket(&self, channel: Channel) -> &UdpSocket {
        match channel {
            Channel::Rtp => &self.rtp,
            Channel::Rtcp => &self.rtcp,
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let kind = Type::DGRAM.nonblocking();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // All addresses are those of both families.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // Twice the usual, as far as the kernel lets us: what a stranger sends should not take the room of
    // what the peer sends. It costs nothing until it is used.
    let _ = socket.set_recv_buffer_size(BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// What could be bound.
#[derive(Debug)]
pub(super) struct Ports {
    /// For each media thread, its pairs in order of their ports.
    pub(super) by_thread: Vec<Vec<Pair>>,
    /// Pairs left out because one of their ports is in use.
    pub(super) in_use: usize,
    /// Pairs left out because descriptors ran short.
    pub(super) unaffordable: usize,
}

impl Ports {
    /// Binds all pairs of a range, with `descriptors` at hand for the whole process. Each thread
    /// gets every n-th pair; each share is bound by a thread of its own, since ten thousand sockets
    /// take a while.
    pub(super) fn bind(
        ip: IpAddr,
        range: &RangeInclusive<u16>,
        threads: usize,
        descriptors: u64,
    ) -> Self {
        let first = range.start().checked_next_multiple_of(2).unwrap_or(u16::MAX);
        let all: Vec<u16> = (first..*range.end()).step_by(2).collect();
        let room = descriptors.saturating_sub(SPARED.min(descriptors / 2)) / 2;
        let affordable = all.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let (wanted, rest) = all.split_at(affordable);
        let threads = threads.max(1);
        let shares = std::thread::scope(|scope| {
            let share = |thread| {
                let ports = wanted.iter().skip(thread).step_by(threads);
                scope
                    .spawn(move || ports.map(|&port| Pair::bind(ip, port).ok()).collect::<Vec<_>>())
            };
            let running: Vec<_> = (0..threads).map(share).collect();
            running.into_iter().map(|share| share.join().unwrap_or_default()).collect::<Vec<_>>()
        });
        let by_thread: Vec<Vec<Pair>> =
            shares.into_iter().map(|share| share.into_iter().flatten().collect()).collect();
        let bound: usize = by_thread.iter().map(Vec::len).sum();
        Self { by_thread, in_use: wanted.len() - bound, unaffordable: rest.len() }
    }

    /// What the core may lease.
    pub(super) fn leases(&self) -> Vec<Lease> {
        let shares = (0_u16..).zip(&self.by_thread);
        shares
            .flat_map(|(thread, pairs)| {
                pairs.iter().map(move |pair| Lease { thread, port: pair.port })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 31));

    fn ports(
        range: RangeInclusive<u16>,
        threads: usize,
        descriptors: u64,
    ) -> (Ports, Vec<Vec<u16>>) {
        let ports = Ports::bind(HERE, &range, threads, descriptors);
        let numbers = |pairs: &Vec<Pair>| pairs.iter().map(|pair| pair.port).collect();
        let numbers = ports.by_thread.iter().map(numbers).collect();
        (ports, numbers)
    }

    #[test]
    fn pairs_are_shared_out_and_what_is_taken_is_left_out() {
        let _taken = UdpSocket::bind((HERE, 11_005)).unwrap();
        let (ports, numbers) = ports(11_001..=11_010, 2, 4_000);
        assert_eq!(numbers, [vec![11_002, 11_006], vec![11_008]]);
        assert_eq!((ports.in_use, ports.unaffordable), (1, 0));
        assert_eq!(ports.leases().len(), 3);
        assert_eq!(ports.leases()[2], Lease { thread: 1, port: 11_008 });
        let pair = &ports.by_thread[0][0];
        assert_eq!(pair.socket(Channel::Rtp).local_addr().unwrap().port(), 11_002);
        assert_eq!(pair.socket(Channel::Rtcp).local_addr().unwrap().port(), 11_003);
    }

    #[test]
    fn descriptors_are_spared_for_the_rest() {
        let (ports, numbers) = ports(11_100..=11_199, 1, 20);
        assert_eq!(numbers, [vec![11_100, 11_102, 11_104, 11_106, 11_108]]);
        assert_eq!((ports.in_use, ports.unaffordable), (0, 45));
    }
}
