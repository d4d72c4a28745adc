//! The table from a flow to the connection that writes it. The core's thread sends through it and
//! never waits: a connection whose peer does not read is closed.
//!
//! A response whose connection is no more goes by a new one to where its Via says that the peer
//! listens (RFC 3261 section 18.2.2).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use sip::msg::Message;
use sip::{Flow, Transport};
use tokio::sync::{Notify, mpsc};

/// Messages that may wait for one connection: more than the inbox holds requests of its peer.
const QUEUE_MAX: usize = 8_192;
/// Octets that may wait for one connection, unless one message alone is longer.
const QUEUED_BYTES_MAX: usize = 2 << 20;
/// Octets above which nothing more is read from the peer.
const CROWDED: usize = 64 << 10;

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionLimits {
    /// In all.
    pub(super) total_max: usize,
    /// From one address, accepted ones only.
    pub(super) per_source_max: usize,
}

/// All open connections.
#[derive(Debug)]
pub(super) struct Connections {
    limits: ConnectionLimits,
    last: AtomicU64,
    open: AtomicUsize,
    writers: DashMap<u64, Queue>,
    /// The transport goes by its name, which can be hashed.
    by_remote: DashMap<(&'static str, SocketAddr), u64>,
    per_source: DashMap<IpAddr, usize>,
}

/// A place in the table, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    table: Arc<Connections>,
    /// The flow of this connection.
    pub(super) flow: Flow,
    accepted: bool,
}

/// What is to be written to one connection, from the side of those who write.
#[derive(Debug)]
struct Queue {
    messages: mpsc::Sender<Bytes>,
    room: Arc<Room>,
}

/// The same from the side of the connection.
#[derive(Debug)]
pub(super) struct Queued {
    messages: mpsc::Receiver<Bytes>,
    room: Arc<Room>,
}

/// How full a queue is.
#[derive(Debug, Default)]
pub(super) struct Room {
    bytes: AtomicUsize,
    overflow: Notify,
}

impl Room {
    /// Whether the peer should not be given cause for more.
    pub(super) fn is_crowded(&self) -> bool {
        self.bytes.load(Relaxed) > CROWDED
    }

    /// Waits until there was no room: whoever does not read is not waited for.
    pub(super) async fn overflow(&self) {
        self.overflow.notified().await;
    }
}

fn queue() -> (Queue, Queued) {
    let room = Arc::<Room>::default();
    let (messages, queued) = mpsc::channel(QUEUE_MAX);
    (Queue { messages, room: room.clone() }, Queued { messages: queued, room })
}

impl Queue {
    /// Puts a message in, unless too much waits already; `false` also where nobody takes it out.
    fn push(&self, message: Bytes) -> bool {
        let length = message.len();
        let before = self.room.bytes.fetch_add(length, Relaxed);
        let fits = before == 0 || before + length <= QUEUED_BYTES_MAX;
        let is_in = fits && self.messages.try_send(message).is_ok();
        if !is_in {
            self.room.bytes.fetch_sub(length, Relaxed);
            self.room.overflow.notify_one();
        }
        is_in
    }
}

impl Queued {
    /// The next message; none once the connection is given up and all before that are out.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        let message = self.messages.recv().await?;
        self.room.bytes.fetch_sub(message.len(), Relaxed);
        Some(message)
    }

    /// How full it is, for who waits beside it.
    pub(super) fn room(&self) -> Arc<Room> {
        self.room.clone()
    }
}

/// What became of a message to send.
#[derive(Debug)]
pub(super) enum Sent {
    /// It is in the queue of its connection.
    Queued,
    /// The same, but that connection has yet to be made.
    Opening(Place, Queued),
    /// There is no such connection, or no longer.
    Gone,
}

impl Connections {
    /// An empty table.
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            last: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            writers: DashMap::with_shard_amount(8),
            by_remote: DashMap::with_shard_amount(8),
            per_source: DashMap::with_shard_amount(8),
        })
    }

    /// A place for a connection that was accepted; none at a limit.
    pub(super) fn accept(
        self: &Arc<Self>,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<(Place, Queued)> {
        self.count(remote.ip())?;
        if !self.enter() {
            self.discount(remote.ip());
            return None;
        }
        let flow = Flow { transport, local, remote, connection: 0 };
        let (place, queued) = self.place(flow, true);
        self.by_remote.insert((transport.as_str(), remote), place.flow.connection);
        Some((place, queued))
    }

    /// Sends a message; may be called from any thread.
    pub(super) fn send(self: &Arc<Self>, flow: Flow, bytes: Bytes) -> Sent {
        if flow.connection != 0 {
            if self.queue(flow.connection, &bytes) {
                return Sent::Queued;
            }
            return match reply_address(&bytes).filter(|remote| *remote != flow.remote) {
                Some(remote) => self.send(Flow { remote, connection: 0, ..flow }, bytes),
                None => Sent::Gone,
            };
        }
        let (opening, queued) = match self.by_remote.entry((flow.transport.as_str(), flow.remote)) {
            Entry::Occupied(known) => {
                let connection = *known.get();
                drop(known);
                return if self.queue(connection, &bytes) { Sent::Queued } else { Sent::Gone };
            }
            Entry::Vacant(_) if !self.enter() => return Sent::Gone,
            Entry::Vacant(vacant) => {
                let (place, queued) = self.place(flow, false);
                vacant.insert(place.flow.connection);
                (place, queued)
            }
        };
        opening.send(bytes);
        Sent::Opening(opening, queued)
    }

    fn enter(&self) -> bool {
        let max = self.limits.total_max;
        self.open.fetch_update(Relaxed, Relaxed, |open| (open < max).then_some(open + 1)).is_ok()
    }

    fn place(self: &Arc<Self>, flow: Flow, accepted: bool) -> (Place, Queued) {
        let connection = self.last.fetch_add(1, Relaxed) + 1;
        let (queue, queued) = queue();
        let place = Place { table: self.clone(), flow: Flow { connection, ..flow }, accepted };
        self.writers.insert(connection, queue);
        (place, queued)
    }

    fn count(&self, source: IpAddr) -> Option<()> {
        let mut count = self.per_source.entry(source).or_default();
        let room = *count < self.limits.per_source_max;
        *count += usize::from(room);
        room.then_some(())
    }

    fn discount(&self, source: IpAddr) {
        if let Entry::Occupied(mut count) = self.per_source.entry(source) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// Whether a message is in the queue of that connection now.
    fn queue(&self, connection: u64, bytes: &Bytes) -> bool {
        let Some(writer) = self.writers.get(&connection) else { return false };
        let is_in = writer.push(bytes.clone());
        drop(writer);
        if !is_in {
            self.writers.remove(&connection);
        }
        is_in
    }
}

/// Where a response goes whose connection is no more: to the source of its request, on the port of
/// sent-by, where the client has to listen (RFC 3261 section 18.2.2). `rport` is of no use there: it
/// is the port of the connection that closed, as sent-by's is with clients who listen nowhere.
fn reply_address(bytes: &Bytes) -> Option<SocketAddr> {
    let response = bytes.starts_with(b"SIP/2.0 ").then(|| Message::parse(bytes.clone()).ok())??;
    let via = response.top_via().ok()?;
    Some(SocketAddr::new(via.received().or_else(|| via.host.ip())?, via.port_or_default()))
}

impl Place {
    /// Sends on this connection; nothing happens if it is given up or its queue is full.
    pub(super) fn send(&self, bytes: Bytes) {
        if let Some(writer) = self.table.writers.get(&self.flow.connection) {
            writer.push(bytes);
        }
    }

    /// Lets nothing more be sent: the queue ends with what is in it.
    pub(super) fn close(&self) {
        self.table.writers.remove(&self.flow.connection);
    }

    /// Whether the peer came to us.
    pub(super) fn is_accepted(&self) -> bool {
        self.accepted
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let table = &self.table;
        table.writers.remove(&self.flow.connection);
        let key = (self.flow.transport.as_str(), self.flow.remote);
        table.by_remote.remove_if(&key, |_, connection| *connection == self.flow.connection);
        table.open.fetch_sub(1, Relaxed);
        if self.accepted {
            table.discount(self.flow.remote.ip());
        }
    }
}

#[cfg(test)]
impl Connections {
    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.open.load(Relaxed)
    }
}

#[cfg(test)]
impl Queued {
    /// What is next, if anything is.
    pub(super) fn try_next(&mut self) -> Option<Bytes> {
        let message = self.messages.try_recv().ok()?;
        self.room.bytes.fetch_sub(message.len(), Relaxed);
        Some(message)
    }

    /// Whether all is out and nothing more can come.
    fn is_over(&self) -> bool {
        self.messages.is_closed() && self.messages.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ConnectionLimits = ConnectionLimits { total_max: 3, per_source_max: 2 };

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn accept(table: &Arc<Connections>, remote: &str) -> Option<(Place, Queued)> {
        table.accept(Transport::Tcp, at("127.0.0.1:5060"), at(remote))
    }

    fn to(remote: &str, connection: u64) -> Flow {
        let (local, remote) = (at("127.0.0.1:5060"), at(remote));
        Flow { transport: Transport::Tcp, local, remote, connection }
    }

    #[test]
    fn there_are_limits_and_places_come_back() {
        let table = Connections::new(LIMITS);
        let one = accept(&table, "10.0.0.1:1").unwrap();
        let two = accept(&table, "10.0.0.1:2").unwrap();
        assert!(accept(&table, "10.0.0.1:3").is_none(), "per source");
        let _three = accept(&table, "10.0.0.2:1").unwrap();
        assert!(accept(&table, "10.0.0.3:1").is_none(), "in all");
        assert!(matches!(table.send(to("10.0.0.4:1", 0), Bytes::new()), Sent::Gone));
        drop((one, two));
        assert_eq!(table.len(), 1);
        assert_eq!(table.per_source.len(), 1);
        assert!(accept(&table, "10.0.0.3:1").is_some());
        assert!(accept(&table, "10.0.0.1:9").is_some());
    }

    #[test]
    fn a_message_finds_its_connection() {
        let table = Connections::new(LIMITS);
        let (place, mut queued) = accept(&table, "10.0.0.1:1").unwrap();
        let number = place.flow.connection;
        for connection in [number, 0] {
            let sent = table.send(to("10.0.0.1:1", connection), Bytes::from_static(b"x"));
            assert!(matches!(sent, Sent::Queued), "{connection}");
            assert_eq!(queued.try_next().unwrap(), "x");
        }
        drop(place);
        assert!(matches!(table.send(to("10.0.0.1:1", number), Bytes::new()), Sent::Gone));
        let Sent::Opening(place, mut queued) =
            table.send(to("10.0.0.1:1", 0), Bytes::from_static(b"y"))
        else {
            panic!("not opened")
        };
        assert_eq!(queued.try_next().unwrap(), "y");
        let sent = table.send(to("10.0.0.1:1", 0), Bytes::from_static(b"z"));
        assert!(matches!(sent, Sent::Queued), "while it is being opened");
        assert_eq!(queued.try_next().unwrap(), "z");
        assert!(!place.is_accepted());
    }

    #[test]
    fn who_does_not_read_is_given_up() {
        let table = Connections::new(LIMITS);
        let (place, mut queued) = accept(&table, "10.0.0.1:1").unwrap();
        let send = || table.send(to("10.0.0.1:1", place.flow.connection), Bytes::new());
        for _ in 0..QUEUE_MAX {
            assert!(matches!(send(), Sent::Queued));
        }
        assert!(matches!(send(), Sent::Gone));
        while queued.try_next().is_some() {}
        assert!(matches!(send(), Sent::Gone));
        assert!(queued.is_over());
    }

    #[test]
    fn who_does_not_read_costs_little() {
        let table = Connections::new(LIMITS);
        let (place, mut queued) = accept(&table, "10.0.0.1:1").unwrap();
        let long = Bytes::from(vec![0; QUEUED_BYTES_MAX + 1]);
        let send = |length: usize| {
            let flow = to("10.0.0.1:1", place.flow.connection);
            matches!(table.send(flow, long.slice(..length)), Sent::Queued)
        };
        assert!(send(QUEUED_BYTES_MAX + 1), "one message is one message");
        assert_eq!(queued.try_next().unwrap().len(), QUEUED_BYTES_MAX + 1);
        assert!(send(QUEUED_BYTES_MAX - 1) && send(1));
        assert!(!send(1), "given up");
        assert_eq!(queued.try_next().unwrap().len(), QUEUED_BYTES_MAX - 1);
        assert!(!send(1), "for good");
    }

    #[test]
    fn a_response_finds_another_connection_and_a_request_does_not() {
        let table = Connections::new(LIMITS);
        let check = |text: &str, expected: Option<&str>| {
            let sent = table.send(to("10.0.0.1:40000", 77), Bytes::from(text.to_owned()));
            let remote = match sent {
                Sent::Opening(place, _) => Some(place.flow.remote.to_string()),
                Sent::Queued | Sent::Gone => None,
            };
            assert_eq!(remote.as_deref(), expected, "{text}");
        };
        let response = |via: &str| {
            format!(
                "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP {via};branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
                 To: <sip:c@d>;tag=2\r\nCall-ID: 3\r\nCSeq: 4 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            )
        };
        let via = "p.example:5070;received=10.0.0.1;rport=40000";
        check(&response(via), Some("10.0.0.1:5070"));
        check(&response("10.0.0.1"), Some("10.0.0.1:5060"));
        check(&response("10.0.0.1:40000"), None);
        check(&response("p.example"), None);
        check(&response(via).replace("SIP/2.0 200 OK", "INFO sip:a@b SIP/2.0"), None);
        check("SIP/2.0 200 OK", None);
    }
}
