//! TCP: a listener accepts, a task per connection frames what comes and writes what is queued.
//! TLS and WebSocket will differ in what stands between the socket and [`serve`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use sip::msg::frame::{Frame, Stream};
use sip::{Flow, Transport};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::connections::{Connections, Place};
use super::receive::{Act, Reception};

/// How long somebody who connected may take until their first message, and any message from its
/// first byte to its last.
const HASTE: Duration = Duration::from_secs(30);
/// How long a connection may be silent. Phones behind NAT send a keep-alive far more often.
const IDLE: Duration = Duration::from_secs(3_600);
/// How long a connection may take to open, and one message to be written.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause when the inbox is full.
const PAUSE: Duration = Duration::from_millis(5);
/// Bytes read at once.
const READ: usize = 4_096;

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
            reception.counted.connections_refused.fetch_add(1, Relaxed);
            continue;
        };
        tokio::spawn(run(place, queued, stream, reception.clone()));
    }
}

/// Opens the connection that a message to be sent asked for, and serves it.
pub(super) async fn open(place: Place, queued: mpsc::Receiver<Bytes>, reception: Reception) {
    match timeout(PATIENCE, connect(place.flow)).await {
        Ok(Ok(stream)) => run(place, queued, stream, reception).await,
        Ok(Err(_)) | Err(_) => ended(place, &reception).await,
    }
}

async fn connect(flow: Flow) -> io::Result<TcpStream> {
    let socket = if flow.remote.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind(SocketAddr::new(flow.local.ip(), 0))?;
    socket.connect(flow.remote).await
}

async fn run(place: Place, queued: mpsc::Receiver<Bytes>, stream: TcpStream, reception: Reception) {
    let _ = stream.set_nodelay(true);
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

/// Reads and writes until one of the two ends.
pub(super) async fn serve(
    place: &Place,
    mut queued: mpsc::Receiver<Bytes>,
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    reception: &Reception,
) {
    let last = tokio::select! {
        last = read(place, &mut reader, reception) => last,
        () = write(&mut writer, &mut queued) => None,
    };
    if let Some(bytes) = last {
        let _ = timeout(PATIENCE, writer.write_all(&bytes)).await;
    }
    let _ = timeout(PATIENCE, writer.shutdown()).await;
}

async fn write(writer: &mut (impl AsyncWrite + Unpin), queued: &mut mpsc::Receiver<Bytes>) {
    while let Some(bytes) = queued.recv().await {
        if !matches!(timeout(PATIENCE, writer.write_all(&bytes)).await, Ok(Ok(()))) {
            return;
        }
    }
}

/// Reads to the end; gives what is to be said before closing.
async fn read(
    place: &Place,
    reader: &mut (impl AsyncRead + Unpin),
    reception: &Reception,
) -> Option<Bytes> {
    let mut stream = Stream::new(reception.limits);
    let mut buffer = vec![0; READ];
    let mut deadline = Instant::now() + HASTE;
    let mut unfinished = false;
    loop {
        let length = match timeout_at(deadline, reader.read(&mut buffer)).await {
            Ok(Ok(length)) if length > 0 => length,
            _ => return None,
        };
        stream.push(&buffer[..length]);
        let mut any = false;
        while let Some(frame) = stream.next() {
            match frame {
                Ok(frame) => take(place, frame, reception).await,
                Err(error) => return error.0.response().map(|message| message.wire().clone()),
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
