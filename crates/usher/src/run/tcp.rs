//! TCP: a listener accepts, a task per connection frames what comes and writes what is queued.
//! TLS and WebSocket will differ in what stands between the socket and [`serve`].

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use sip::msg::frame::{Frame, Stream};
use sip::msg::{Malformed, Message, Method};
use sip::{Flow, Transport};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};

use super::connections::{Connections, Place, Queued, Room};
use super::receive::{Act, Reception};

/// How long somebody who connected may take until their first message, and any message from its
/// first byte to its last.
const HASTE: Duration = Duration::from_secs(30);
/// How long a connection may be silent. Phones behind NAT send a keep-alive far more often.
const IDLE: Duration = Duration::from_secs(3_600);
/// How long a connection may take to open: three attempts of the kernel's. A call may be waiting for
/// that to fail, so that it can go another way.
const OPENS: Duration = Duration::from_secs(4);
/// How long one message may take to be written.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a peer that has closed its half of the connection is kept for the answers it is owed.
/// Longer would be wrong: one that has closed both halves looks the same.
const LINGER: Duration = Duration::from_secs(2);
/// The pause when the inbox is full, or much waits for the peer to be read.
const PAUSE: Duration = Duration::from_millis(5);
/// Pauses before a message at most: a second.
const PAUSES_MAX: usize = 200;
/// Bytes read at once.
const READ: usize = 4_096;
/// Bytes the kernel keeps for a peer that does not read; it would go up to some megabytes.
const SEND_BUFFER: usize = 64 << 10;

/// Binds a listener.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1_024)?;
    TcpListener::from_std(socket.into())
}

/// Accepts for ever.
pub(super) async fn accept(listener: TcpListener, table: Arc<Connections>, reception: Reception) {
    loop {
        let Ok((stream, remote)) = listener.accept().await else {
            // Out of descriptors: some will close.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(local) = stream.local_addr() else { continue };
        let Some((place, queued)) = table.accept(Transport::Tcp, local, remote) else {
            let before = reception.counted.connections_refused.fetch_add(1, Relaxed);
            if before == 0 || (before + 1).is_power_of_two() {
                let count = before + 1;
                tracing::warn!("connection from {remote} refused at a limit, {count} so far");
            }
            continue;
        };
        tokio::spawn(run(place, queued, stream, reception.clone()));
    }
}

/// Opens the connection that a message to be sent asked for, and serves it.
pub(super) async fn open(place: Place, queued: Queued, reception: Reception) {
    match timeout(OPENS, connect(place.flow)).await {
        Ok(Ok(stream)) => run(place, queued, stream, reception).await,
        Ok(Err(_)) | Err(_) => ended(place, &reception).await,
    }
}

async fn connect(flow: Flow) -> io::Result<TcpStream> {
    let socket = if flow.remote.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind(SocketAddr::new(flow.local.ip(), 0))?;
    socket.connect(flow.remote).await
}

async fn run(place: Place, queued: Queued, stream: TcpStream, reception: Reception) {
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
    let (reader, writer) = stream.into_split();
    serve(&place, queued, reader, writer, &reception).await;
    ended(place, &reception).await;
}

/// Tells the core that a connection is no more, once nothing can be sent on it.
async fn ended(place: Place, reception: &Reception) {
    let (flow, accepted) = (place.flow, place.is_accepted());
    drop(place);
    reception.inbox.flow_failed(flow).await;
    if !accepted {
        // The core asked for any connection to that address.
        reception.inbox.flow_failed(Flow { connection: 0, ..flow }).await;
    }
}

/// How reading ended.
enum End {
    /// The peer says no more, but may be listening.
    Finished,
    /// It is not to be listened to any more; perhaps there is something to be said first.
    Done(Option<Bytes>),
}

/// Reads and writes until one of the two ends. What waits is written before closing, and to a peer
/// that has only finished speaking the answers it is owed.
pub(super) async fn serve(
    place: &Place,
    mut queued: Queued,
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    reception: &Reception,
) {
    let (debts, room) = (Debts::default(), queued.room());
    {
        let mut write = pin!(write(&mut writer, &mut queued, &debts));
        let end = tokio::select! {
            end = read(place, &mut reader, reception, (&debts, &room)) => Some(end),
            () = &mut write => None,
            () = room.overflow() => {
                tracing::warn!("connection from {} closed: it does not read", place.flow.remote);
                None
            }
        };
        if let Some(End::Finished) = end
            && debts.finish()
        {
            let _ = timeout(LINGER, &mut write).await;
        } else if let Some(end) = end {
            if let End::Done(Some(last)) = end {
                place.send(last);
            }
            place.close();
            let _ = timeout(PATIENCE, &mut write).await;
        }
    }
    let _ = timeout(PATIENCE, writer.shutdown()).await;
}

/// The final answers that a peer waits for. Shared by the two halves of one connection's task.
#[derive(Debug, Default)]
struct Debts {
    owed: AtomicUsize,
    finished: AtomicBool,
}

impl Debts {
    /// Something came that may have to be answered.
    fn taken(&self, frame: &Frame) {
        let is_owed = match frame {
            Frame::Message(message) => message.method().is_some_and(|m| *m != Method::Ack),
            Frame::Malformed(malformed) => malformed.survived().is_some_and(Message::is_request),
            Frame::Ping | Frame::Junk => false,
        };
        if is_owed {
            self.owed.fetch_add(1, Relaxed);
        }
    }

    /// A message was written. A final answer may be written twice (RFC 3261 section 13.3.1.4).
    fn written(&self, bytes: &[u8]) {
        if bytes.strip_prefix(b"SIP/2.0 ").is_some_and(|rest| !rest.starts_with(b"1")) {
            let _ = self.owed.fetch_update(Relaxed, Relaxed, |owed| owed.checked_sub(1));
        }
    }

    /// Nothing more will come; whether anything is owed.
    fn finish(&self) -> bool {
        self.finished.store(true, Relaxed);
        !self.are_paid()
    }

    fn are_paid(&self) -> bool {
        self.finished.load(Relaxed) && self.owed.load(Relaxed) == 0
    }
}

async fn write(writer: &mut (impl AsyncWrite + Unpin), queued: &mut Queued, debts: &Debts) {
    while let Some(bytes) = queued.next().await {
        if !matches!(timeout(PATIENCE, writer.write_all(&bytes)).await, Ok(Ok(()))) {
            return;
        }
        debts.written(&bytes);
        if debts.are_paid() {
            return;
        }
    }
}

/// Reads to the end.
async fn read(
    place: &Place,
    reader: &mut (impl AsyncRead + Unpin),
    reception: &Reception,
    (debts, room): (&Debts, &Room),
) -> End {
    let mut stream = Stream::new(reception.limits);
    let mut buffer = vec![0; READ];
    let mut deadline = Instant::now() + HASTE;
    let mut unfinished = false;
    loop {
        let length = match timeout_at(deadline, reader.read(&mut buffer)).await {
            Ok(Ok(0)) => return End::Finished,
            Ok(Ok(length)) => length,
            Ok(Err(_)) | Err(_) => return End::Done(None),
        };
        stream.push(&buffer[..length]);
        let mut any = false;
        while let Some(frame) = stream.next() {
            match frame {
                Ok(frame) => {
                    debts.taken(&frame);
                    // Who asks faster than they read the answers is read no faster; but two of us
                    // who did so to each other would wait for ever.
                    for _ in 0..PAUSES_MAX {
                        if !room.is_crowded() {
                            break;
                        }
                        tokio::time::sleep(PAUSE).await;
                    }
                    take(place, frame, reception).await;
                }
                Err(error) => return End::Done(last_words(place, &error.0, reception)),
            }
            any = true;
        }
        let pending = stream.pending() > 0;
        if any || pending && !unfinished {
            deadline = Instant::now() + if pending { HASTE } else { IDLE };
        }
        unfinished = pending;
    }
}

/// What is said about a message after which no other can be found in the stream.
fn last_words(place: &Place, malformed: &Malformed, reception: &Reception) -> Option<Bytes> {
    let tag = reception.inbox.tag(malformed.survived()?);
    let response = malformed.respond(&format!("{tag:016x}"))?;
    Some(response.stamp_via(place.flow.remote).wire().clone())
}

/// Hands a frame in, however long it takes: meanwhile nothing is read, and TCP slows the peer down.
async fn take(place: &Place, mut frame: Frame, reception: &Reception) {
    loop {
        // Nobody repeats a request by TCP.
        match reception.take(place.flow, frame, |_| false) {
            Act::Done => return,
            Act::Send(_, bytes) => return place.send(bytes),
            Act::Again(again) => frame = again,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests;
