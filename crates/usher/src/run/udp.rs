//! UDP listeners. The core's thread reads and writes them itself: to hand each datagram over from
//! another thread costs more than to parse it.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, Socket, Type};

use super::sys;

/// Bytes the kernel is asked to hold for us each way: a burst of a few thousand messages. Without
/// CAP_NET_ADMIN it gives `net.core.rmem_max` at most.
const BUFFER: usize = 4 << 20;
/// The largest datagram there is.
pub(super) const DATAGRAM_MAX: usize = 65_535;

/// A bound listener.
#[derive(Debug)]
pub(super) struct UdpListener {
    socket: UdpSocket,
    bound: SocketAddr,
}

impl UdpListener {
    /// Binds it.
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // The kernel grants what it may; less is no reason not to start.
        if sys::force_receive_buffer(&socket, BUFFER).is_err() {
            let _ = socket.set_recv_buffer_size(BUFFER);
        }
        let _ = socket.set_send_buffer_size(BUFFER);
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let socket = UdpSocket::from(socket);
        let bound = socket.local_addr()?;
        Ok(Self { socket, bound })
    }

    /// Where it is bound; the address may be unspecified.
    pub(super) fn bound(&self) -> SocketAddr {
        self.bound
    }

    /// Whether a flow with this local address is one of this listener's.
    pub(super) fn owns(&self, local: SocketAddr) -> bool {
        self.bound.port() == local.port()
            && self.bound.is_ipv4() == local.is_ipv4()
            && (self.bound.ip().is_unspecified() || self.bound.ip() == local.ip())
    }

    /// Sends one datagram without waiting.
    pub(super) fn send(&self, bytes: &[u8], remote: SocketAddr) -> io::Result<()> {
        self.socket.send_to(bytes, remote).map(drop)
    }

    /// Reads one datagram; `None` when none waits. An error is that of an earlier datagram (ICMP),
    /// whose sender finds out by timers: the next one may wait behind it.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> Option<io::Result<(usize, SocketAddr)>> {
        match self.socket.recv_from(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            result => Some(result),
        }
    }
}

impl AsFd for UdpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
