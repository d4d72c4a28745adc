//! What a phone speaks by.

use std::net::{SocketAddr, UdpSocket};
use std::time::Instant;

use crate::stream::{Heard, Stream};

/// Datagrams, or one connection.
#[derive(Debug)]
pub(crate) enum Line {
    Udp(UdpSocket),
    Tcp(Stream),
}

impl Line {
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Udp(socket) => socket.local_addr().expect("a bound socket"),
            Self::Tcp(stream) => stream.address(),
        }
    }

    /// As Via names it.
    pub(crate) fn transport(&self) -> &'static str {
        match self {
            Self::Udp(_) => "UDP",
            Self::Tcp(_) => "TCP",
        }
    }

    /// What a Contact needs so that requests come this way.
    pub(crate) fn parameter(&self) -> &'static str {
        match self {
            Self::Udp(_) => "",
            Self::Tcp(_) => ";transport=tcp",
        }
    }

    pub(crate) fn send(&mut self, octets: &[u8], to: SocketAddr) {
        match self {
            Self::Udp(socket) => {
                socket.send_to(octets, to).expect("a datagram is sent");
            }
            Self::Tcp(stream) => assert!(stream.send(octets), "the server has closed"),
        }
    }

    /// One message and where it came from; none when time is up.
    pub(crate) fn receive(&mut self, until: Instant) -> Option<(Vec<u8>, SocketAddr)> {
        loop {
            let left = until.checked_duration_since(Instant::now()).filter(|d| !d.is_zero())?;
            match self {
                Self::Udp(socket) => {
                    let mut buffer = [0; 65_535];
                    // The only failure is a zero, excluded above.
                    let _ = socket.set_read_timeout(Some(left));
                    if let Ok((length, source)) = socket.recv_from(&mut buffer) {
                        return Some((buffer[..length].to_vec(), source));
                    }
                }
                Self::Tcp(stream) => match stream.hear(until) {
                    Heard::Message(octets) => return Some((octets, stream.peer())),
                    Heard::Pong => {}
                    Heard::Closed | Heard::Silence => return None,
                },
            }
        }
    }
}
