//! The core's thread: owns the switch, feeds it and does at once what it says. It reads the datagrams
//! itself, into the inbox, where they find their order among what the tasks put there; the media
//! threads' events come by their rings. It sleeps in one place, until any of these has something.

use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use api::Meters;
use b2bua::config::Name;
use b2bua::{B2bua, Input, Output, What};
use bytes::Bytes;
use media::Samples;
use sip::msg::frame;
use sip::{Flow, Transport};
use tokio::runtime::Handle;

use super::connections::{Connections, Sent};
use super::dns::{self, Query, Ways};
use super::doorbell::Doorbell;
use super::events::Events;
use super::hooks::Hooks;
use super::inbox::{Item, Order, Reply};
use super::media::MediaThread;
use super::receive::{Act, Reception};
use super::route::Routes;
use super::sounds::{Keeper, Made};
use super::sys::{Poll, Ready};
use super::tcp;
use super::udp::{DATAGRAM_MAX, UdpListener};
use crate::sound::Change;

/// Names being looked up at once; the next finds nothing.
const LOOK_UPS_MAX: usize = 256;
/// How long an end that was ordered may take.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// How long after the last call its transactions may take to settle.
const SETTLE_WITHIN: Duration = Duration::from_secs(5);
/// How often an end is looked for while it is near, and a full ring tried again.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Datagrams read from one listener, and events from one media thread, before the inbox has its turn:
/// many more than it takes in its own, since what is not read in time the kernel throws away.
const AT_ONCE: usize = 128;
/// Items of the inbox taken before the sockets have theirs: about a millisecond.
const ITEMS: usize = 16;
/// The token of the bell; those of listeners are their places.
const BELL: u64 = u64::MAX;

/// How near the end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// No new calls; since when there has been none.
    Draining {
        empty_since: Option<Duration>,
    },
    /// All calls are ended; when not to wait any longer.
    Stopping {
        until: Duration,
    },
}

/// All that the core reaches.
pub(super) struct Core {
    /// The switch.
    pub(super) switch: B2bua,
    /// Its inbox, and the clock.
    pub(super) reception: Reception,
    /// Wakes it.
    pub(super) bell: Arc<Doorbell>,
    /// What it sleeps on, from [`poll`].
    pub(super) poll: Poll,
    /// For datagrams.
    pub(super) udp: Vec<Arc<UdpListener>>,
    /// For streams.
    pub(super) connections: Arc<Connections>,
    /// What a name's addresses are reached by.
    pub(super) ways: Ways,
    /// By their numbers.
    pub(super) media: Vec<MediaThread>,
    /// Makes sounds.
    pub(super) sounds: Arc<Keeper>,
    /// Asks where calls go.
    pub(super) hooks: Arc<Hooks>,
    /// Where events and answers go.
    pub(super) events: Events,
    /// What is counted.
    pub(super) meters: Meters,
    /// For look-ups and connections.
    pub(super) runtime: Handle,
}

/// What only the thread itself needs.
struct Desk {
    /// What has to go in again: failures to send, literal addresses.
    again: VecDeque<Input>,
    replies: BTreeMap<u64, Reply>,
    last_request: u64,
    routes: Routes,
    look_ups: Arc<AtomicUsize>,
    phase: Phase,
    /// When to see whether that is over.
    look_at: Duration,
    media_is_full: bool,
    /// Sounds that were made, by name, and those of them that may still be heard though they are gone.
    made: BTreeMap<Name, Samples>,
    retired: Vec<Samples>,
    /// Whether this turn rang an operator.
    decided: bool,
    ready: Ready,
    /// For one datagram.
    buffer: Vec<u8>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            again: VecDeque::new(),
            replies: BTreeMap::new(),
            last_request: 0,
            routes: Routes::default(),
            look_ups: Arc::default(),
            phase: Phase::Serving,
            look_at: Duration::ZERO,
            media_is_full: false,
            made: BTreeMap::new(),
            retired: Vec::new(),
            decided: false,
            ready: Ready::new(16),
            buffer: vec![0; DATAGRAM_MAX],
        }
    }
}

/// What the core sleeps on: its bell and the UDP listeners.
pub(super) fn poll(bell: &Doorbell, udp: &[Arc<UdpListener>]) -> std::io::Result<Poll> {
    let poll = Poll::new()?;
    poll.add(bell, BELL)?;
    for (listener, token) in udp.iter().zip(0..) {
        poll.add(&**listener, token)?;
    }
    Ok(poll)
}

impl Core {
    /// Works until told to drain or stop, and until that is done.
    pub(super) fn run(mut self) {
        let mut desk = Desk::default();
        self.settle(&mut desk);
        loop {
            let now = self.reception.clock.now();
            if desk.phase != Phase::Serving && now >= desk.look_at {
                // To count takes long where there are many operators.
                desk.look_at = now + LOOK_EVERY;
                if self.is_over(&mut desk, now) {
                    return;
                }
            }
            let due = self.switch.poll_timeout();
            if due.is_some_and(|due| due <= now) {
                self.switch.handle_timeout(now);
                self.finish_turn(&mut desk, now);
                // Whatever is still due then, the others have their turn between.
            }
            self.hear_media(&mut desk);
            self.reception.inbox.strain(self.events.is_behind());
            self.read(&mut desk);
            if !self.work(&mut desk) {
                self.sleep(&mut desk);
            }
        }
    }

    /// Takes what waits in the inbox, but no more than is right before the others have their turn
    /// again; whether there was anything. One item a round would not do: under a flood each round
    /// turns away many datagrams, and who was let in would wait for that.
    fn work(&mut self, desk: &mut Desk) -> bool {
        for taken in 0..ITEMS {
            let now = self.reception.clock.now();
            let Some(item) = self.reception.inbox.next(now) else { return taken > 0 };
            self.take(desk, now, item);
            self.finish_turn(desk, now);
        }
        true
    }

    /// Sleeps until something is due or comes.
    fn sleep(&self, desk: &mut Desk) {
        let now = self.reception.clock.now();
        let mut limit = self.switch.poll_timeout().map(|due| due.saturating_sub(now));
        if desk.phase != Phase::Serving || desk.media_is_full {
            limit = Some(limit.unwrap_or(LOOK_EVERY).min(LOOK_EVERY));
        }
        let idle = || self.reception.inbox.len() == 0 && !self.media.iter().any(MediaThread::spoke);
        self.bell.sleep(&self.poll, &mut desk.ready, limit, idle);
    }

    /// Puts what has come by UDP into the inbox.
    fn read(&self, desk: &mut Desk) {
        let Self { reception, switch, .. } = self;
        for listener in &self.udp {
            for _ in 0..AT_ONCE {
                let Some(read) = listener.receive(&mut desk.buffer) else { break };
                let Ok((length, remote)) = read else { continue };
                let now = reception.clock.now();
                let local = desk.routes.local(now, listener.bound(), remote.ip());
                let flow = Flow { transport: Transport::Udp, local, remote, connection: 0 };
                let bytes = Bytes::copy_from_slice(&desk.buffer[..length]);
                let frame = frame::datagram(bytes, &reception.limits);
                match reception.take(flow, frame, |invite| switch.knows(invite)) {
                    Act::Done => {}
                    Act::Send(flow, bytes) => {
                        count_response(&self.meters, &bytes);
                        let _ = listener.send(&bytes, flow.remote);
                    }
                    Act::Again(_) => {
                        reception.counted.dropped.fetch_add(1, Relaxed);
                    }
                }
            }
        }
    }

    /// Takes what the media threads say.
    fn hear_media(&mut self, desk: &mut Desk) {
        for thread in 0..self.media.len() {
            for _ in 0..AT_ONCE {
                let Some(event) = self.media[thread].hear() else { break };
                let now = self.reception.clock.now();
                self.switch.handle(now, Input::Media(event));
                self.finish_turn(desk, now);
            }
        }
    }

    fn take(&mut self, desk: &mut Desk, now: Duration, item: Item) {
        let input = match item {
            Item::Message { flow, message, .. } => {
                if let Some(method) = message.method() {
                    self.meters.sip_request(method.as_str());
                }
                Input::Sip(sip::Input::Message { flow, message })
            }
            Item::Input(input) => *input,
            Item::Order(order) => {
                let Order { command, reply } = *order;
                desk.last_request += 1;
                desk.replies.insert(desk.last_request, reply);
                Input::Command { request: desk.last_request, command }
            }
            Item::Sounds(change) => {
                let Change { add, remove, sounds } = *change;
                for (name, sound) in add {
                    self.for_media(desk, &media::Command::AddSound { name, sound });
                }
                for name in remove {
                    self.for_media(desk, &media::Command::RemoveSound { name });
                }
                Input::Sounds(Box::new(sounds))
            }
            Item::Made(made) => {
                let Made { token, name, result } = *made;
                let result = result.map(|sound| {
                    desk.made.insert(name.clone(), sound.samples.clone());
                    let bytes = sound.samples.len() as u64 * 2;
                    self.for_media(desk, &media::Command::AddSound { name, sound });
                    bytes
                });
                Input::Made { token, result }
            }
            Item::Drain => {
                desk.phase = Phase::Draining { empty_since: None };
                Input::Drain
            }
            Item::Stop => {
                desk.phase = Phase::Stopping { until: now + STOP_WITHIN };
                Input::Stop
            }
        };
        self.switch.handle(now, input);
    }

    fn finish_turn(&mut self, desk: &mut Desk, began: Duration) {
        self.settle(desk);
        let took = self.reception.clock.now().saturating_sub(began);
        self.meters.core_turn.observe(took);
        if std::mem::take(&mut desk.decided) {
            self.meters.decision.observe(took);
        }
        self.meters.core_inbox.set(i64::try_from(self.reception.inbox.len()).unwrap_or(i64::MAX));
    }

    /// Does what the switch says until it says nothing more.
    fn settle(&mut self, desk: &mut Desk) {
        loop {
            while let Some(output) = self.switch.poll_output() {
                self.act(desk, output);
            }
            let Some(input) = desk.again.pop_front() else { break };
            self.switch.handle(self.reception.clock.now(), input);
        }
        if desk.media_is_full {
            desk.media_is_full = !self.media.iter_mut().all(MediaThread::flush);
        }
    }

    fn act(&mut self, desk: &mut Desk, output: Output) {
        match output {
            Output::Transmit { flow, bytes } => {
                count_response(&self.meters, &bytes);
                if !self.transmit(flow, bytes) {
                    desk.again.push_back(Input::Sip(sip::Input::FlowFailed { flow }));
                }
            }
            Output::Resolve { query, host, port, transport, secure } => {
                self.resolve(desk, Query { number: query, host, port, transport, secure });
            }
            Output::Media { thread, command } => {
                if let Some(thread) = self.media.get_mut(usize::from(thread)) {
                    desk.media_is_full |= !thread.send(command);
                }
            }
            Output::Make { token, name, making } => {
                self.runtime.spawn(self.sounds.clone().make(token, name, making));
            }
            Output::Ask { token, question } => {
                self.runtime.spawn(self.hooks.clone().ask(token, *question));
            }
            Output::Forget { name } => {
                // A media thread that lets go of it must not be the one that frees it.
                desk.retired.retain(Samples::is_shared);
                desk.retired.extend(desk.made.remove(&name));
                self.for_media(desk, &media::Command::RemoveSound { name });
            }
            Output::Event(event) => {
                desk.decided |= matches!(event.what, What::ReservationOffered { .. });
                self.events.event(event);
            }
            Output::Confirm { token } => {
                let inbox = self.reception.inbox.clone();
                self.events.confirm(Box::new(move || {
                    // Where there is no room the caller keeps their place.
                    let _ = inbox.input(Input::Stored { token });
                }));
            }
            Output::Reply { request, result } => {
                if let Some(reply) = desk.replies.remove(&request) {
                    self.events.answer(reply, result);
                }
            }
        }
    }

    /// The same for every media thread.
    fn for_media(&mut self, desk: &mut Desk, command: &media::Command) {
        for thread in &mut self.media {
            desk.media_is_full |= !thread.send(command.clone());
        }
    }

    /// Sends, or says that it never will be.
    fn transmit(&self, flow: Flow, bytes: Bytes) -> bool {
        if flow.transport == Transport::Udp {
            let Some(listener) = self.udp.iter().find(|listener| listener.owns(flow.local)) else {
                return false;
            };
            return match listener.send(&bytes, flow.remote) {
                Ok(()) => true,
                // Lost like any datagram: SIP says it again.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.reception.counted.unsent.fetch_add(1, Relaxed);
                    true
                }
                Err(_) => false,
            };
        }
        match self.connections.send(flow, bytes) {
            Sent::Queued => true,
            Sent::Opening(place, queued) => {
                self.runtime.spawn(tcp::open(place, queued, self.reception.clone()));
                true
            }
            Sent::Gone => false,
        }
    }

    fn resolve(&self, desk: &mut Desk, query: Query) {
        let now = self.reception.clock.now();
        let resolved =
            |query: &Query, flows| Input::Sip(sip::Input::Resolved { query: query.number, flows });
        let busy = desk.look_ups.load(Relaxed) >= LOOK_UPS_MAX;
        if query.literal().is_some() || busy {
            let flows = self.ways.flows(&query, now, &mut desk.routes, query.literal());
            desk.again.push_back(resolved(&query, flows));
            return;
        }
        let (ways, reception, running) =
            (self.ways.clone(), self.reception.clone(), desk.look_ups.clone());
        running.fetch_add(1, Relaxed);
        self.runtime.spawn(async move {
            let addresses = dns::look_up(&query.host).await;
            let flows = ways.flows(&query, now, &mut Routes::default(), addresses);
            running.fetch_sub(1, Relaxed);
            reception.inbox.input_waiting(resolved(&query, flows)).await;
        });
    }

    fn is_over(&self, desk: &mut Desk, now: Duration) -> bool {
        let counts = self.switch.counts();
        let (calls, legs) = (counts.calls, counts.sip_legs);
        match &mut desk.phase {
            Phase::Serving => false,
            Phase::Draining { empty_since } => {
                if calls > 0 {
                    *empty_since = None;
                    return false;
                }
                let since = *empty_since.get_or_insert(now);
                legs == 0 || now >= since + SETTLE_WITHIN
            }
            Phase::Stopping { until } => calls == 0 && legs == 0 || now >= *until,
        }
    }
}

/// Counts a message that is sent, if it is a response.
fn count_response(meters: &Meters, bytes: &[u8]) {
    let Some(code) = bytes.strip_prefix(b"SIP/2.0 ").and_then(|rest| rest.get(..3)) else { return };
    let code = code.iter().fold(0, |code, digit| code * 10 + u16::from(digit.wrapping_sub(b'0')));
    const CSEQ: &[u8] = b"\r\nCSeq: ";
    let Some(at) = bytes.windows(CSEQ.len()).position(|window| window == CSEQ) else { return };
    let line = bytes[at + CSEQ.len()..].split(|byte| *byte == b'\r').next().unwrap_or_default();
    let method = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    meters.sip_response(std::str::from_utf8(method).unwrap_or_default(), code);
}
