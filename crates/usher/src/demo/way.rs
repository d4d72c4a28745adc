//! How a peer reaches the switch: by datagrams, or over one connection of its own.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use bytes::Bytes;
use sip::msg::frame::{Frame, Stream, datagram};
use sip::msg::{Limits, Message};
use sip::{Flow, Transport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc;

use super::place::HOST;

/// The largest datagram there is.
const DATAGRAM_MAX: usize = 65_535;

/// See above.
pub(super) struct Way {
    flow: Flow,
    kind: Kind,
    buffer: Vec<u8>,
}

enum Kind {
    Datagrams {
        inlet: tokio::net::UdpSocket,
        /// The same socket; it never waits.
        outlet: UdpSocket,
    },
    Connection {
        inlet: OwnedReadHalf,
        frames: Box<Stream>,
        /// To the task that writes.
        outlet: mpsc::UnboundedSender<Bytes>,
    },
}

impl Way {
    /// To the switch at this address, over UDP or TCP.
    ///
    /// # Errors
    /// No socket is to be had, or nobody listens there.
    pub(super) async fn open(transport: Transport, remote: SocketAddr) -> io::Result<Self> {
        let flow = |local, connection| Flow { transport, local, remote, connection };
        if !transport.is_reliable() {
            let outlet = UdpSocket::bind((HOST, 0))?;
            outlet.set_nonblocking(true)?;
            let inlet = tokio::net::UdpSocket::from_std(outlet.try_clone()?)?;
            let (flow, buffer) = (flow(outlet.local_addr()?, 0), vec![0; DATAGRAM_MAX]);
            return Ok(Self { flow, kind: Kind::Datagrams { inlet, outlet }, buffer });
        }
        let stream = TcpStream::connect(remote).await?;
        let flow = flow(stream.local_addr()?, 1);
        let (inlet, mut writes) = stream.into_split();
        let (outlet, mut queued) = mpsc::unbounded_channel::<Bytes>();
        tokio::spawn(async move {
            while let Some(bytes) = queued.recv().await {
                if writes.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        });
        let frames = Box::new(Stream::new(Limits::default()));
        let kind = Kind::Connection { inlet, frames, outlet };
        Ok(Self { flow, kind, buffer: vec![0; 4_096] })
    }

    /// As the endpoint names it.
    pub(super) fn flow(&self) -> Flow {
        self.flow
    }

    /// Sends without waiting. What is lost SIP says again, or misses.
    pub(super) fn send(&self, bytes: &Bytes, remote: SocketAddr) {
        match &self.kind {
            Kind::Datagrams { outlet, .. } => drop(outlet.send_to(bytes, remote)),
            Kind::Connection { outlet, .. } => drop(outlet.send(bytes.clone())),
        }
    }

    /// The next message and the flow it came by. Nothing is lost where this is dropped before.
    pub(super) async fn next(&mut self) -> (Flow, Message) {
        loop {
            match &mut self.kind {
                Kind::Datagrams { inlet, .. } => {
                    // An error is that of a datagram sent earlier.
                    let Ok((length, remote)) = inlet.recv_from(&mut self.buffer).await else {
                        continue;
                    };
                    let bytes = Bytes::copy_from_slice(&self.buffer[..length]);
                    if let Frame::Message(message) = datagram(bytes, &Limits::default()) {
                        return (Flow { remote, ..self.flow }, message);
                    }
                }
                Kind::Connection { inlet, frames, .. } => {
                    match frames.next() {
                        Some(Ok(Frame::Message(message))) => return (self.flow, message),
                        Some(_) => continue,
                        None => {}
                    }
                    match inlet.read(&mut self.buffer).await {
                        Ok(length) if length > 0 => frames.push(&self.buffer[..length]),
                        // Whoever has no connection any more hears nothing.
                        Ok(_) | Err(_) => std::future::pending().await,
                    }
                }
            }
        }
    }
}
