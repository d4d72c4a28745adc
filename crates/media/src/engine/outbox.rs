//! What waits to be drained: an arena of datagrams and a queue of events, both reused for ever.

use core::net::SocketAddr;
use std::collections::VecDeque;

use super::types::{Channel, Event, Output};

/// Bytes that may wait. A driver that drains at each tick needs a hundredth of it.
const BYTES_MAX: usize = 16 << 20;
/// Room for one packet, made when a leg comes.
const PACKET: usize = 256;

#[derive(Clone, Copy, Debug)]
struct Datagram {
    port: u16,
    channel: Channel,
    to: SocketAddr,
    end: usize,
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    datagrams: VecDeque<Datagram>,
    /// Where the next datagram to be drained begins.
    begin: usize,
    events: VecDeque<Event>,
}

impl Outbox {
    /// Makes room for so many legs, so that a tick need not.
    pub(super) fn reserve(&mut self, legs: usize) {
        let packets = (legs * 4).max(64);
        self.bytes.reserve((packets * PACKET).saturating_sub(self.bytes.len()));
        self.datagrams.reserve(packets.saturating_sub(self.datagrams.len()));
        self.events.reserve((legs * 2 + 64).saturating_sub(self.events.len()));
    }

    pub(super) fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// Adds a datagram of a head and a body, which a table may translate. Returns whether there
    /// was room.
    pub(super) fn packet(
        &mut self,
        (port, channel, to): (u16, Channel, SocketAddr),
        head: &[u8],
        body: &[u8],
        table: Option<&[u8; 256]>,
    ) -> bool {
        if self.bytes.len() + head.len() + body.len() > BYTES_MAX {
            return false;
        }
        self.bytes.extend_from_slice(head);
        match table {
            None => self.bytes.extend_from_slice(body),
            Some(table) => self.bytes.extend(body.iter().map(|byte| table[usize::from(*byte)])),
        }
        self.datagrams.push_back(Datagram { port, channel, to, end: self.bytes.len() });
        true
    }

    pub(super) fn poll(&mut self) -> Option<Output<'_>> {
        if let Some(event) = self.events.pop_front() {
            return Some(Output::Event(event));
        }
        let Some(Datagram { port, channel, to, end }) = self.datagrams.pop_front() else {
            self.bytes.clear();
            self.begin = 0;
            return None;
        };
        let data = &self.bytes[self.begin..end];
        self.begin = end;
        Some(Output::Packet { port, channel, to, data })
    }
}
