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

/// Twenty milliseconds of a recording: the samples of the left channel, then those of the right.
#[derive(Clone, Copy, Debug)]
struct Recorded {
    recording: u64,
    frame: u64,
    length: usize,
}

/// Frames of a recording that may wait: a driver drains at each tick, so that there is one.
const RECORDED: usize = 4;
/// Samples in a frame of both channels at 16 kHz.
const SAMPLES: usize = 640;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    datagrams: VecDeque<Datagram>,
    /// Where the next datagram to be drained begins.
    begin: usize,
    events: VecDeque<Event>,
    recorded: VecDeque<Recorded>,
    samples: Vec<i16>,
    /// Where the next recorded frame to be drained begins.
    heard: usize,
}

impl Outbox {
    /// Makes room for so many legs, so that a tick need not.
    pub(super) fn reserve(&mut self, legs: usize) {
        // One in 20 ms for each, and as many that are forwarded.
        let packets = (legs * 2).max(64);
        self.bytes.reserve((packets * PACKET).saturating_sub(self.bytes.len()));
        self.datagrams.reserve(packets.saturating_sub(self.datagrams.len()));
        self.events.reserve((legs * 2 + 64).saturating_sub(self.events.len()));
    }

    /// Makes room for so many recordings.
    pub(super) fn reserve_recorded(&mut self, recordings: usize) {
        let frames = recordings * RECORDED;
        self.recorded.reserve(frames.saturating_sub(self.recorded.len()));
        self.samples.reserve((frames * SAMPLES).saturating_sub(self.samples.len()));
    }

    /// Adds 20 ms of a recording. Returns whether there was room.
    pub(super) fn recorded(
        &mut self,
        recording: u64,
        frame: u64,
        left: &[i16],
        right: &[i16],
    ) -> bool {
        let needed = self.samples.len() + left.len() + right.len();
        let fits =
            needed <= self.samples.capacity() && self.recorded.len() < self.recorded.capacity();
        if fits {
            self.samples.extend_from_slice(left);
            self.samples.extend_from_slice(right);
            self.recorded.push_back(Recorded { recording, frame, length: left.len() });
        }
        fits
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
        if let Some(Recorded { recording, frame, length }) = self.recorded.pop_front() {
            let (left, right) = self.samples[self.heard..].split_at(length);
            let right = &right[..length];
            self.heard += 2 * length;
            return Some(Output::Recorded { recording, frame, left, right });
        }
        self.samples.clear();
        self.heard = 0;
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
