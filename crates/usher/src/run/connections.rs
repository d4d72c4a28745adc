//! The table from a flow to the connection that writes it. The core's thread sends through it and
//! never waits: a connection whose peer does not read is closed.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use sip::{Flow, Transport};
use tokio::sync::mpsc::{self, error::TrySendError};

/// Messages that may wait for one connection.
const QUEUE_MAX: usize = 256;

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
    writers: DashMap<u64, mpsc::Sender<Bytes>>,
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
    queue: mpsc::WeakSender<Bytes>,
}

/// What became of a message to send.
#[derive(Debug)]
pub(super) enum Sent {
    /// It is in the queue of its connection.
    Queued,
    /// The same, but that connection has yet to be made.
    Opening(Place, mpsc::Receiver<Bytes>),
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
    ) -> Option<(Place, mpsc::Receiver<Bytes>)> {
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
            return self.queue(flow.connection, bytes);
        }
        let (opening, queued) = match self.by_remote.entry((flow.transport.as_str(), flow.remote)) {
            Entry::Occupied(known) => {
                let connection = *known.get();
                drop(known);
                return self.queue(connection, bytes);
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

    fn place(self: &Arc<Self>, flow: Flow, accepted: bool) -> (Place, mpsc::Receiver<Bytes>) {
        let connection = self.last.fetch_add(1, Relaxed) + 1;
        let (queue, queued) = mpsc::channel(QUEUE_MAX);
        let place = Place {
            table: self.clone(),
            flow: Flow { connection, ..flow },
            accepted,
            queue: queue.downgrade(),
        };
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

    fn queue(&self, connection: u64, bytes: Bytes) -> Sent {
        let sent = match self.writers.get(&connection) {
            Some(writer) => writer.try_send(bytes),
            None => return Sent::Gone,
        };
        match sent {
            Ok(()) => Sent::Queued,
            Err(TrySendError::Closed(_)) => Sent::Gone,
            Err(TrySendError::Full(_)) => {
                // Whoever does not read is not waited for: without its entry the task ends.
                self.writers.remove(&connection);
                Sent::Gone
            }
        }
    }
}

impl Place {
    /// Sends on this connection; nothing happens if it is given up or its queue is full.
    pub(super) fn send(&self, bytes: Bytes) {
        if let Some(queue) = self.queue.upgrade() {
            let _ = queue.try_send(bytes);
        }
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
mod tests {
    use super::*;

    const LIMITS: ConnectionLimits = ConnectionLimits { total_max: 3, per_source_max: 2 };

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn accept(table: &Arc<Connections>, remote: &str) -> Option<(Place, mpsc::Receiver<Bytes>)> {
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
            assert_eq!(queued.try_recv().unwrap(), "x");
        }
        drop(place);
        assert!(matches!(table.send(to("10.0.0.1:1", number), Bytes::new()), Sent::Gone));
        let Sent::Opening(place, mut queued) =
            table.send(to("10.0.0.1:1", 0), Bytes::from_static(b"y"))
        else {
            panic!("not opened")
        };
        assert_eq!(queued.try_recv().unwrap(), "y");
        let sent = table.send(to("10.0.0.1:1", 0), Bytes::from_static(b"z"));
        assert!(matches!(sent, Sent::Queued), "while it is being opened");
        assert_eq!(queued.try_recv().unwrap(), "z");
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
        while queued.try_recv().is_ok() {}
        assert!(matches!(send(), Sent::Gone));
        assert_eq!(queued.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
    }
}
