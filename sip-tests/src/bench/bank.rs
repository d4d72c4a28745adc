//! Callers on one socket, operators' phones on another, one thread for both.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt;

use super::Spread;
use super::caller::Call;
use super::operator::Phones;
use crate::Sip;

/// RFC 3261, 17.1.1.1.
pub(super) const T1: Duration = Duration::from_millis(500);
/// RFC 3261, 17.1.2.2.
pub(super) const T2: Duration = Duration::from_secs(4);
/// 64·T1: when a transaction is given up.
pub(super) const GIVEN_UP_AFTER: Duration = Duration::from_secs(32);
/// Bytes the kernel is asked to hold for a socket.
const BUFFER: usize = 8 << 20;
/// INVITEs begun before what has come is read again.
const AT_ONCE: u32 = 32;
/// With nothing more to do, what may still come is awaited for so long.
const QUIET: Duration = Duration::from_millis(200);
/// How many failures are kept in words.
const WORDS_MAX: usize = 20;

/// Whose leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The caller's.
    Caller,
    /// The operator's.
    Operator,
}

/// Where the server takes the audio of a leg.
#[derive(Debug, Clone, Copy)]
pub struct Path {
    /// Whose leg.
    pub side: Side,
    /// Which call.
    pub call: u32,
    /// The server's port.
    pub port: u16,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Load {
    /// How many calls.
    pub calls: u32,
    /// How many of them begin in a second; all at once where it is infinite.
    pub rate: f64,
    /// How long they last once an operator has answered: each draws from this, evenly.
    pub hold: RangeInclusive<Duration>,
    /// Ports for the audio of callers and operators, as their SDP says.
    pub audio: (u16, u16),
    /// Is told where audio goes.
    pub paths: Option<Sender<Path>>,
}

impl Load {
    /// Calls to the queue, so many in a second for so many seconds, a tenth of a second each.
    #[must_use]
    pub fn new(rate: u32, seconds: u32) -> Self {
        let hold = Duration::from_millis(100);
        Self {
            calls: rate * seconds,
            rate: f64::from(rate),
            hold: hold..=hold,
            audio: (9, 9),
            paths: None,
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Calls that got 200.
    pub answered: u32,
    /// Calls that reached an operator.
    pub connected: u32,
    /// Calls that ended as they should: the caller's BYE was answered, and the operator had one.
    pub ended: u32,
    /// Calls that got 503 with Retry-After and nothing else.
    pub refused: u32,
    /// All others: there should be none.
    pub failed: u32,
    /// The first few of them.
    pub failures: Vec<String>,
    /// What callers and operators had to send again.
    pub resent: u32,
    /// What the server sent again.
    pub repeated: u32,
    /// From a caller's INVITE to its 200.
    pub setup: Spread,
    /// From a caller's INVITE to the operator's.
    pub through: Spread,
    /// From the BYE to an operator to their next INVITE, where callers were waiting.
    pub gap: Spread,
    /// From the first INVITE until the last was sent.
    pub offered_in: Duration,
}

impl Outcome {
    pub(super) fn fail(&mut self, what: String) {
        self.failed += 1;
        if self.failures.len() < WORDS_MAX {
            self.failures.push(what);
        }
    }
}

/// A timer's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Call(usize),
    Leg(usize),
}

/// Deadlines. One that its owner has moved is skipped when it comes up.
pub(super) type Deadlines = BinaryHeap<Reverse<(Instant, Owner)>>;

/// A socket and its way to the server.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) socket: UdpSocket,
    pub(super) here: SocketAddr,
    pub(super) server: SocketAddr,
}

impl Line {
    fn bind(server: SocketAddr, port: u16) -> Self {
        let socket = UdpSocket::bind(("127.0.0.1", port)).expect("a free port");
        // Root may have more than others.
        if sockopt::set_socket_recv_buffer_size_force(&socket, BUFFER).is_err() {
            let _ = sockopt::set_socket_recv_buffer_size(&socket, BUFFER);
        }
        socket.set_nonblocking(true).expect("a socket that does not block");
        let here = socket.local_addr().expect("it is bound");
        Self { socket, here, server }
    }

    pub(super) fn send(&self, text: &str) {
        // Lost like any datagram where there is no room.
        let _ = self.socket.send_to(text.as_bytes(), self.server);
    }

    fn receive(&self, buffer: &mut [u8]) -> Option<Sip> {
        loop {
            match self.socket.recv_from(buffer) {
                Ok((length, from)) => {
                    if let Some(sip) = Sip::parse(&buffer[..length], from) {
                        return Some(sip);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                // What an earlier datagram met with.
                Err(_) => {}
            }
        }
    }

    /// The SDP of everybody on this line.
    pub(super) fn sdp(&self, port: u16) -> String {
        let ip = self.here.ip();
        format!(
            "v=0\r\no=- 4711 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n"
        )
    }
}

/// Callers and operators.
#[derive(Debug)]
pub struct Bank {
    callers: Line,
    operators: Line,
    runs: u32,
}

/// One run of a bank.
struct Run<'a> {
    load: &'a Load,
    calls: Vec<Call>,
    phones: Phones,
    deadlines: Deadlines,
    outcome: Outcome,
    heard: Instant,
    tag: u32,
}

impl Bank {
    /// A bank that speaks to this server from these ports.
    ///
    /// # Panics
    /// Where they are taken.
    #[must_use]
    pub fn bind(server: SocketAddr, callers: u16, operators: u16) -> Self {
        let (callers, operators) = (Line::bind(server, callers), Line::bind(server, operators));
        Self { callers, operators, runs: 0 }
    }

    /// Registers operators `op1` to `opN`, all of them at one contact.
    ///
    /// # Panics
    /// Where one of them is not let in.
    pub fn register(&self, count: u32) {
        let mut buffer = vec![0; 65_535];
        for n in 1..=count {
            super::operator::register(&self.operators, &format!("op{n}"), |line| {
                wait(&[line], Some(T1));
                line.receive(&mut buffer)
            });
        }
    }

    /// Does as it is told until every call is over.
    pub fn run(&mut self, load: &Load) -> Outcome {
        self.runs += 1;
        let began = Instant::now();
        let mut run = Run {
            load,
            calls: Vec::with_capacity(load.calls as usize),
            phones: Phones::default(),
            deadlines: Deadlines::new(),
            outcome: Outcome::default(),
            heard: began,
            tag: self.runs,
        };
        let mut buffer = vec![0; 65_535];
        loop {
            self.begin(&mut run, began);
            self.time(&mut run);
            if run.is_over() && run.heard.elapsed() > QUIET {
                break;
            }
            wait(&[&self.callers, &self.operators], run.patience(began));
            while let Some(sip) = self.callers.receive(&mut buffer) {
                run.give_caller(&self.callers, &sip);
            }
            while let Some(sip) = self.operators.receive(&mut buffer) {
                run.give_operator(&self.operators, &sip);
            }
        }
        run.outcome
    }

    /// Begins the calls whose time has come.
    fn begin(&self, run: &mut Run<'_>, began: Instant) {
        // A flood does not listen before it is over.
        let most = if run.load.rate.is_finite() { AT_ONCE } else { run.load.calls };
        for _ in 0..most {
            let now = Instant::now();
            if run.calls.len() >= run.load.calls as usize || run.next_at(began) > now {
                return;
            }
            let number = u32::try_from(run.calls.len()).unwrap_or(u32::MAX);
            let mut call = Call::new(run.tag, number, now, run.hold());
            call.begin(&self.callers, now, run.load.audio.0);
            run.remind(call.due, Owner::Call(run.calls.len()));
            run.calls.push(call);
            run.outcome.offered_in = began.elapsed();
        }
    }

    /// Does what is due.
    fn time(&self, run: &mut Run<'_>) {
        let now = Instant::now();
        while let Some(&Reverse((at, owner))) = run.deadlines.peek()
            && at <= now
        {
            run.deadlines.pop();
            let due = match owner {
                Owner::Call(n) if run.calls[n].due == Some(at) => {
                    run.calls[n].on_due(&self.callers, now, &mut run.outcome);
                    run.calls[n].due
                }
                Owner::Leg(n) if run.phones.due(n) == Some(at) => {
                    run.phones.on_due(&self.operators, now, n, &mut run.outcome);
                    run.phones.due(n)
                }
                Owner::Call(_) | Owner::Leg(_) => None,
            };
            run.remind(due, owner);
        }
    }
}

impl Run<'_> {
    fn next_at(&self, began: Instant) -> Instant {
        let number = f64::from(u32::try_from(self.calls.len()).unwrap_or(u32::MAX));
        began + Duration::from_secs_f64(number / self.load.rate)
    }

    /// How long the next call lasts.
    fn hold(&self) -> Duration {
        let (from, to) = (*self.load.hold.start(), *self.load.hold.end());
        // Evenly spread without a generator: the golden ratio's multiples.
        let n = u32::try_from(self.calls.len()).unwrap_or(u32::MAX).wrapping_add(1);
        from + (to - from).mul_f64((f64::from(n) * 0.618_033_988_749_895).fract())
    }

    fn is_over(&self) -> bool {
        self.calls.len() >= self.load.calls as usize
            && self.calls.iter().rev().all(Call::is_over)
            && self.phones.are_idle()
    }

    /// When there will be something to do.
    fn patience(&self, began: Instant) -> Option<Duration> {
        let more = self.calls.len() < self.load.calls as usize;
        let next = more.then(|| self.next_at(began));
        let due = self.deadlines.peek().map(|Reverse((at, _))| *at);
        let quiet = Some(Instant::now() + QUIET);
        let at = [next, due, quiet].into_iter().flatten().min()?;
        Some(at.saturating_duration_since(Instant::now()))
    }

    fn remind(&mut self, due: Option<Instant>, owner: Owner) {
        self.deadlines.extend(due.map(|at| Reverse((at, owner))));
    }

    fn give_caller(&mut self, line: &Line, sip: &Sip) {
        let now = Instant::now();
        self.heard = now;
        let mut words = sip.header("Call-ID").unwrap_or_default().split('-');
        let (tag, number) = (words.next(), words.next().and_then(|word| word.parse().ok()));
        let number: usize = number.unwrap_or(usize::MAX);
        if tag != Some(format!("b{}", self.tag).as_str()) || number >= self.calls.len() {
            // Of a run before.
            return;
        }
        let (call, outcome) = (&mut self.calls[number], &mut self.outcome);
        let before = call.due;
        let path = call.on_message(line, now, sip, outcome);
        if let (Some(port), Some(paths)) = (path, &self.load.paths) {
            let _ = paths.send(Path { side: Side::Caller, call: call.number, port });
        }
        let due = call.due;
        if due != before {
            self.remind(due, Owner::Call(number));
        }
    }

    fn give_operator(&mut self, line: &Line, sip: &Sip) {
        let now = Instant::now();
        self.heard = now;
        // Who waits though all of the server's phones may be busy.
        let waiting = self.calls.len() - (self.phones.rung() + self.gone()).min(self.calls.len());
        let audio = self.load.audio.1;
        let happened = self.phones.on_message(line, now, sip, audio, waiting, &mut self.outcome);
        if let Some(leg) = happened.leg {
            self.remind(self.phones.due(leg), Owner::Leg(leg));
        }
        if let Some(number) = happened.rings
            && let Some(call) = self.calls.get(number as usize)
        {
            self.outcome.through.push(now.saturating_duration_since(call.began));
        }
        if let Some((number, port)) = happened.connected {
            self.outcome.connected += 1;
            if let Some(call) = self.calls.get_mut(number as usize) {
                call.on_connected(now);
                let due = call.due;
                self.remind(due, Owner::Call(number as usize));
            }
            if let (Some(port), Some(paths)) = (port, &self.load.paths) {
                let _ = paths.send(Path { side: Side::Operator, call: number, port });
            }
        }
    }

    /// Calls that will never reach an operator.
    fn gone(&self) -> usize {
        (self.outcome.refused + self.outcome.failed) as usize
    }
}

/// Waits until one of these can be read, or for so long.
fn wait(lines: &[&Line], limit: Option<Duration>) {
    let mut fds: Vec<PollFd<'_>> =
        lines.iter().map(|line| PollFd::new(&line.socket, PollFlags::IN)).collect();
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    // Interrupted is as good as early.
    let _ = poll(&mut fds, limit.as_ref());
}
