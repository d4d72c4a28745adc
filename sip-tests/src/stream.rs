//! A TCP connection to the server, in the hands of somebody with good manners or none.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use crate::{SOON, Sip};

/// What comes out of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// One whole message, octet for octet.
    Message(Vec<u8>),
    /// CRLF: the answer to a keep-alive.
    Pong,
    /// The server will send no more.
    Closed,
    /// Nothing in time.
    Silence,
}

/// One connection.
#[derive(Debug)]
pub struct Stream {
    socket: TcpStream,
    pending: Vec<u8>,
}

impl Stream {
    /// Connects from loopback.
    #[track_caller]
    #[must_use]
    pub fn open(server: SocketAddr) -> Self {
        Self::open_from(loopback(server), server)
    }

    /// Connects from this address.
    #[track_caller]
    #[must_use]
    pub fn open_from(address: IpAddr, server: SocketAddr) -> Self {
        Self::connect(address, server, None)
    }

    /// Connects from loopback with next to no room for what is not read.
    #[track_caller]
    #[must_use]
    pub fn open_narrow(server: SocketAddr) -> Self {
        Self::connect(loopback(server), server, Some(4_096))
    }

    #[track_caller]
    fn connect(address: IpAddr, server: SocketAddr, room: Option<usize>) -> Self {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let opened = socket(family, SocketType::STREAM, None).and_then(|socket| {
            if let Some(room) = room {
                set_socket_recv_buffer_size(&socket, room)?;
            }
            bind(&socket, &SocketAddr::new(address, 0))?;
            connect(&socket, &server)?;
            Ok(socket)
        });
        Self::of(TcpStream::from(opened.expect("a connection to the server")))
    }

    /// One that somebody else opened.
    ///
    /// # Panics
    /// Never, while it is open.
    #[must_use]
    pub fn of(socket: TcpStream) -> Self {
        socket.set_nodelay(true).expect("an open socket");
        socket.set_write_timeout(Some(SOON)).expect("five seconds are a timeout");
        Self { socket, pending: Vec::new() }
    }

    /// Its own end.
    ///
    /// # Panics
    /// Never, while it is open.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("a bound socket")
    }

    /// The server's end.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.socket.peer_addr().unwrap_or_else(|_| self.address())
    }

    /// Writes octets; whether the server still takes them.
    pub fn send(&mut self, octets: &[u8]) -> bool {
        self.socket.write_all(octets).is_ok()
    }

    /// Writes them one by one.
    pub fn dribble(&mut self, octets: &[u8]) -> bool {
        octets.chunks(1).all(|octet| self.send(octet))
    }

    /// Writes nothing more, but goes on reading.
    pub fn finish(&mut self) {
        // Not connected any more: the server was faster.
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// What comes next, waiting for it until then.
    pub fn hear(&mut self, until: Instant) -> Heard {
        let mut buffer = [0; 65_536];
        loop {
            if let Some(heard) = self.take() {
                return heard;
            }
            let left = until.checked_duration_since(Instant::now()).filter(|d| !d.is_zero());
            let Some(left) = left else { return Heard::Silence };
            // The only failure is a zero, excluded above.
            let _ = self.socket.set_read_timeout(Some(left));
            match self.socket.read(&mut buffer) {
                Ok(0) => return Heard::Closed,
                Ok(length) => self.pending.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Heard::Closed,
            }
        }
    }

    /// What comes next within a reasonable time.
    pub fn hears(&mut self) -> Heard {
        self.hear(Instant::now() + SOON)
    }

    /// The next message.
    ///
    /// # Panics
    /// Where something else comes.
    #[track_caller]
    pub fn message(&mut self) -> Sip {
        match self.hears() {
            Heard::Message(octets) => Sip::parse(&octets, self.peer()).expect("a message"),
            other => panic!("{other:?} instead of a message"),
        }
    }

    /// All messages until the server closes.
    ///
    /// # Panics
    /// Where it does not within that time.
    #[track_caller]
    pub fn messages_to_the_end(&mut self, within: Duration) -> Vec<Vec<u8>> {
        let until = Instant::now() + within;
        let mut messages = Vec::new();
        loop {
            match self.hear(until) {
                Heard::Message(octets) => messages.push(octets),
                Heard::Pong => {}
                Heard::Closed => return messages,
                Heard::Silence => panic!("it stays open after {messages:?}"),
            }
        }
    }

    /// A frame that is complete.
    fn take(&mut self) -> Option<Heard> {
        if self.pending.starts_with(b"\r\n") {
            self.pending.drain(..2);
            return Some(Heard::Pong);
        }
        let end = self.pending.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&self.pending[..end]);
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("Content-Length").then(|| value.trim().parse().ok())?
        });
        let length: usize = length.expect("a Content-Length, as RFC 3261 18.3 demands on a stream");
        let whole = end + length;
        (self.pending.len() >= whole).then(|| Heard::Message(self.pending.drain(..whole).collect()))
    }
}

/// This machine, in the family of a peer's address.
fn loopback(peer: SocketAddr) -> IpAddr {
    if peer.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() }
}
