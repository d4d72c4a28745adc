//! A media thread: owns an engine and its sockets, and wakes every 5 ms, at `epoch + n · 5 ms`. A
//! tick takes the commands, reads what has come, lets the engine work and sends. It takes no lock of
//! ours, writes no log and allocates nothing. Without a leg the thread sleeps until a bell or a
//! packet wakes it.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use api::{Heard, Meters};
use media::engine::TICK;
use media::{Channel, Command, Counters, Engine, EngineSettings, Event, Input, Output, Report};
use rtrb::{Consumer, Producer, PushError, RingBuffer};

use super::clock::Clock;
use super::doorbell::Doorbell;
use super::ports::Pair;
use super::recorder::FrameSender;
use super::sys::{Poll, Ready};

/// Commands, and events the other way, that a thread's rings hold.
const RING: usize = 4_096;
/// Sockets read in one round.
const AT_ONCE: usize = 1_024;
/// Rounds in which each socket gives one packet. There is no third but for who sends more than a
/// conversation has: then many are read at a time, so that what a stranger sends does not stand in the
/// peer's way.
const SINGLE_ROUNDS: usize = 2;
const MANY: usize = 32;
/// How long a tick reads on: what is left waits for the next.
const READING: Duration = Duration::from_millis(2);
/// The largest packet looked at.
const PACKET_MAX: usize = 2_048;
/// Events that wait for the core without another allocation.
const EVENTS: usize = 4_096;
/// How often counters are handed on.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// How long a thread without legs sleeps at most.
const IDLE: Duration = Duration::from_secs(10);
/// The token of the bell; those of sockets are below.
const BELL: u64 = u64::MAX;

/// The core's end of a thread's ring.
#[derive(Debug)]
pub(super) struct MediaThread {
    ring: Producer<Command>,
    /// What did not fit, in order.
    waiting: VecDeque<Command>,
    said: Consumer<Event>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    bell: Doorbell,
    stopping: AtomicBool,
}

impl MediaThread {
    /// Hands a command over, now or later; never waits. Whether all are handed over now.
    pub(super) fn send(&mut self, command: Command) -> bool {
        self.waiting.push_back(command);
        self.flush()
    }

    /// Hands over what did not fit; whether all of it does now.
    pub(super) fn flush(&mut self) -> bool {
        while let Some(command) = self.waiting.pop_front() {
            if let Err(PushError::Full(command)) = self.ring.push(command) {
                self.waiting.push_front(command);
                break;
            }
        }
        self.shared.bell.ring();
        self.waiting.is_empty()
    }

    /// Whether it has said something.
    pub(super) fn spoke(&self) -> bool {
        !self.said.is_empty()
    }

    /// What it said next.
    pub(super) fn hear(&mut self) -> Option<Event> {
        self.said.pop().ok()
    }
}

impl Drop for MediaThread {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Relaxed);
        self.shared.bell.ring();
    }
}

/// The thread's own end: [`Worker::run`] is the thread.
#[derive(Debug)]
pub(super) struct Worker {
    engine: Engine,
    ring: Consumer<Command>,
    shared: Arc<Shared>,
    poll: Poll,
    pairs: Vec<Pair>,
    /// Index of a pair plus one, by half its port.
    by_port: Vec<u16>,
    buffer: Box<[u8; PACKET_MAX]>,
    clock: Clock,
    said: Producer<Event>,
    /// Wakes the core.
    core: Arc<Doorbell>,
    /// What did not fit, in order.
    events: VecDeque<Event>,
    recorder: FrameSender,
    meters: Meters,
    counted: Counters,
    count_at: Duration,
}

/// A thread to be started, and the core's end of it.
pub(super) fn prepare(
    settings: EngineSettings,
    pairs: Vec<Pair>,
    clock: Clock,
    core: Arc<Doorbell>,
    recorder: FrameSender,
    meters: Meters,
) -> io::Result<(MediaThread, Worker)> {
    let poll = Poll::new()?;
    let bell = Doorbell::new()?;
    poll.add(&bell, BELL)?;
    let mut by_port = vec![0; 1 << 15];
    for (index, pair) in (0_u16..).zip(&pairs) {
        by_port[usize::from(pair.port >> 1)] = index + 1;
        poll.add(pair.socket(Channel::Rtp), u64::from(index) << 1)?;
        poll.add(pair.socket(Channel::Rtcp), u64::from(index) << 1 | 1)?;
    }
    let (producer, consumer) = RingBuffer::new(RING);
    let (said, heard) = RingBuffer::new(RING);
    let shared = Arc::new(Shared { bell, stopping: AtomicBool::new(false) });
    let worker = Worker {
        engine: Engine::new(settings),
        ring: consumer,
        shared: shared.clone(),
        poll,
        pairs,
        by_port,
        buffer: Box::new([0; PACKET_MAX]),
        clock,
        said,
        core,
        events: VecDeque::with_capacity(EVENTS),
        recorder,
        meters,
        counted: Counters::default(),
        count_at: Duration::ZERO,
    };
    let ours = MediaThread { ring: producer, waiting: VecDeque::new(), said: heard, shared };
    Ok((ours, worker))
}

impl Worker {
    /// Works until the core's end is dropped.
    pub(super) fn run(mut self) {
        let mut ready = Ready::new(AT_ONCE);
        while !self.shared.stopping.load(Relaxed) {
            if self.engine.poll_timeout().is_none() && self.events.is_empty() {
                // What the last legs have counted is not to wait for the next ones.
                self.count();
                self.sleep(&mut ready);
            }
            self.clock.sleep_until(next_tick(self.clock.now()));
            self.tick(&mut ready);
        }
    }

    /// Sleeps while there is nothing to do.
    fn sleep(&self, ready: &mut Ready) {
        let idle = || self.ring.is_empty() && !self.shared.stopping.load(Relaxed);
        self.shared.bell.sleep(&self.poll, ready, Some(IDLE), idle);
    }

    fn tick(&mut self, ready: &mut Ready) {
        let now = self.clock.now();
        while let Ok(command) = self.ring.pop() {
            self.engine.handle(now, Input::Command(command));
        }
        self.receive(now, ready);
        self.engine.handle_timeout(now);
        self.send();
        self.tell();
        if now >= self.count_at {
            self.count_at = now + COUNT_EVERY;
            self.count();
        }
        self.meters.media_tick.observe(self.clock.now().saturating_sub(now));
    }

    fn receive(&mut self, now: Duration, ready: &mut Ready) {
        let Self { engine, poll, pairs, buffer, clock, .. } = self;
        for round in 0.. {
            let (is_single, mut any) = (round < SINGLE_ROUNDS, false);
            if !is_single && clock.now().saturating_sub(now) > READING {
                break;
            }
            for token in poll.wait(ready, Some(Duration::ZERO)) {
                let channel = if token & 1 == 0 { Channel::Rtp } else { Channel::Rtcp };
                let index = usize::try_from(token >> 1).unwrap_or(usize::MAX);
                let Some(pair) = pairs.get(index) else { continue };
                any = true;
                for _ in 0..if is_single { 1 } else { MANY } {
                    let Some((length, from)) = pair.receive(channel, &mut buffer[..]) else {
                        break;
                    };
                    engine.packet(now, pair.port, channel, from, &buffer[..length]);
                }
            }
            if !any {
                break;
            }
        }
    }

    fn send(&mut self) {
        let Self { engine, pairs, by_port, events, recorder, meters, .. } = self;
        let pair = |port: u16| -> Option<&Pair> {
            pairs.get(usize::from(by_port[usize::from(port >> 1)]).checked_sub(1)?)
        };
        while let Some(output) = engine.poll_output() {
            match output {
                Output::Packet { port, channel, to, data } => {
                    if let Some(pair) = pair(port) {
                        pair.send(channel, data, to);
                    }
                }
                Output::Recorded { recording, frame, left, right } => {
                    recorder.send(recording, frame, left, right);
                }
                Output::Event(event) => {
                    if let Event::Report(report) = &event {
                        meters.heard(&heard(report));
                    }
                    events.push_back(event);
                }
            }
        }
    }

    /// Tells the core what happened. Reports can be done without; everything else waits for room.
    fn tell(&mut self) {
        let mut told = false;
        while let Some(event) = self.events.pop_front() {
            if matches!(event, Event::Report(_)) && self.said.slots() < RING / 2 {
                continue;
            }
            if let Err(PushError::Full(event)) = self.said.push(event) {
                self.events.push_front(event);
                break;
            }
            told = true;
        }
        if told {
            self.core.ring();
        }
    }

    fn count(&mut self) {
        let counters = *self.engine.counters();
        self.meters.rtp_in.inc_by(counters.packets_in - self.counted.packets_in);
        self.meters.rtp_out.inc_by(counters.packets_out - self.counted.packets_out);
        self.meters.rtp_lost.inc_by(counters.lost - self.counted.lost);
        self.counted = counters;
    }
}

fn heard(report: &Report) -> Heard {
    let time = |micros: u32| Duration::from_micros(micros.into());
    let (jitter, round_trip) = (time(report.jitter_us), report.rtt_us.map(time));
    Heard { mos: report.mos, jitter, round_trip }
}

fn next_tick(now: Duration) -> Duration {
    let tick = TICK.as_nanos();
    let next = (now.as_nanos() / tick + 1) * tick;
    Duration::from_nanos(u64::try_from(next).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
