//! UDP listeners: one task reads, the core's thread writes.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use sip::msg::frame;
use sip::{Flow, Transport};
use socket2::{Domain, Protocol, Socket, Type};

use super::receive::{Act, Reception};
use super::route::Routes;

/// Bytes the kernel is asked to hold for us each way: a burst of a few thousand messages.
const BUFFER: usize = 4 << 20;
/// The largest datagram there is.
const DATAGRAM_MAX: usize = 65_535;

/// A bound listener. Any thread may send on it.
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
        let _ = socket.set_recv_buffer_size(BUFFER);
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

    /// Reads for ever.
    pub(super) async fn read(&self, reception: Reception) -> io::Result<()> {
        let socket = tokio::net::UdpSocket::from_std(self.socket.try_clone()?)?;
        let mut routes = Routes::default();
        let mut buffer = vec![0; DATAGRAM_MAX];
        loop {
            // An error here is that of an earlier datagram's (ICMP); its sender finds out by timers.
            let Ok((length, remote)) = socket.recv_from(&mut buffer).await else { continue };
            let local = routes.local(reception.clock.now(), self.bound, remote.ip());
            let flow = Flow { transport: Transport::Udp, local, remote, connection: 0 };
            let frame =
                frame::datagram(Bytes::copy_from_slice(&buffer[..length]), &reception.limits);
            match reception.take(flow, frame) {
                Act::Done => {}
                Act::Send(flow, bytes) => {
                    let _ = self.send(&bytes, flow.remote);
                }
                Act::Again(_) => {
                    reception.counted.dropped.fetch_add(1, Relaxed);
                }
            }
        }
    }
}
