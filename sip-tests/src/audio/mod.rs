//! The audio of one phone: a paced thread that sends its tone, and a record of what came in.

mod ear;
mod packet;
mod speak;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use ear::{Mark, Turn};
pub(crate) use packet::EVENTS;
pub use packet::{Key, Packet};
use speak::Mouth;

use crate::codec::Decoder;
use crate::tone;

/// What a measurement listens to: 200 ms, in samples.
const WINDOW: usize = 1_600;

#[derive(Debug)]
struct State {
    to: Option<SocketAddr>,
    kind: u8,
    /// The payload type of keys.
    events: u8,
    hz: f64,
    /// It says nothing just now.
    is_hushed: bool,
    /// It is to begin to speak anew.
    is_fresh: bool,
    /// When it last did.
    began: Option<Instant>,
    /// Milliseconds in a packet.
    ptime_ms: u32,
    /// Digits still to be sent.
    digits: Vec<u8>,
    /// The key that is down is let go.
    lets_go: bool,
    /// Datagrams still to be sent, and whereto.
    raw: Vec<(Vec<u8>, SocketAddr)>,
    stopped: bool,
    heard: Vec<Packet>,
    /// SSRCs of the sender reports that came to the same port.
    reports: Vec<u32>,
    /// Each of those is answered by a report of this part lost, in 1/256.
    complaint: Option<u8>,
}

/// One RTP socket and its thread.
#[derive(Debug)]
pub struct Audio {
    shared: Arc<(Mutex<State>, Condvar)>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Audio {
    /// Opens a socket at this address and a port of the system's choice. Sends nothing yet.
    ///
    /// # Panics
    /// Where that cannot be.
    #[must_use]
    pub fn open(address: &str, hz: f64) -> Self {
        let socket = UdpSocket::bind((address, 0)).expect("an RTP socket");
        let address = socket.local_addr().expect("its address");
        let state = State {
            to: None,
            kind: 0,
            events: 101,
            hz,
            is_hushed: false,
            is_fresh: false,
            began: None,
            ptime_ms: 20,
            digits: Vec::new(),
            lets_go: false,
            raw: Vec::new(),
            stopped: false,
            heard: Vec::new(),
            reports: Vec::new(),
            complaint: None,
        };
        let shared = Arc::new((Mutex::new(state), Condvar::new()));
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || run(&socket, &of_thread));
        Self { shared, address, thread: Some(thread) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The source of its packets.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        speak::ssrc(self.address.port())
    }

    /// Sends the tone there from now on.
    pub fn send_to(&self, to: SocketAddr, kind: u8) {
        let mut state = self.state();
        (state.to, state.kind) = (Some(to), kind);
    }

    /// Tells keys by this payload type from now on.
    pub(crate) fn tell_keys_by(&self, kind: u8) {
        self.state().events = kind;
    }

    /// Sends packets of so many milliseconds from now on.
    pub fn pace(&self, ptime_ms: u32) {
        self.state().ptime_ms = ptime_ms;
    }

    /// Milliseconds in a packet that it sends.
    #[must_use]
    pub fn ptime_ms(&self) -> u32 {
        self.state().ptime_ms
    }

    /// Sends nothing until it is to speak.
    pub(crate) fn hush(&self) {
        let mut state = self.state();
        state.is_hushed = true;
        state.let_go();
    }

    /// Begins with its tone, if it was hushed.
    pub(crate) fn speak(&self) {
        if self.state().is_hushed {
            self.begin();
        }
    }

    /// Begins anew with its tone, as when somebody picks up.
    pub fn begin(&self) {
        let mut state = self.state();
        (state.is_hushed, state.is_fresh) = (false, true);
    }

    /// When its tone last began, if that was after a mark.
    pub(crate) fn began(&self, since: Mark) -> Option<Instant> {
        self.state().began.filter(|began| *began > since.at)
    }

    /// Sends nothing more.
    pub fn mute(&self) {
        let mut state = self.state();
        state.to = None;
        state.let_go();
    }

    /// Its own tone.
    #[must_use]
    pub fn hz(&self) -> f64 {
        self.state().hz
    }

    /// Answers each sender report from now on: this part of what came was lost, in 1/256.
    pub fn complain(&self, fraction: u8) {
        self.state().complaint = Some(fraction);
    }

    /// Sends a digit as RFC 4733 has it: packets of one timestamp, the last three times.
    pub fn press(&self, digit: char) {
        let code = "0123456789*#".find(digit).expect("a digit, * or #");
        self.state().digits.push(u8::try_from(code).unwrap_or_default());
    }

    /// Sends these octets from its own port, as if somebody had forged where they come from.
    pub fn forge(&self, octets: &[u8], to: SocketAddr) {
        self.state().raw.push((octets.to_vec(), to));
    }

    /// All that came, in order.
    #[must_use]
    pub fn heard(&self) -> Vec<Packet> {
        self.state().heard.clone()
    }

    /// Waits until this tone is most of what is heard now.
    #[track_caller]
    pub fn hears(&self, hz: f64) {
        self.hears_that(&format!("a tone of {hz} Hz"), |samples| tone::share(samples, hz) > 0.8);
    }

    /// Waits until something is heard that is none of these tones.
    #[track_caller]
    pub fn hears_music(&self, but: &[f64]) {
        self.hears_that("music", |samples| {
            tone::level(samples) > 100.0 && but.iter().all(|&hz| tone::share(samples, hz) < 0.3)
        });
    }

    /// Waits until 200 ms that began after this call satisfy the test.
    #[track_caller]
    pub fn hears_that(&self, what: &str, test: impl Fn(&[i16]) -> bool) {
        self.hears_since(Instant::now(), what, |_, samples| test(samples));
    }

    /// The same of 200 ms that began after some moment; the test is told the payload type too.
    ///
    /// # Panics
    /// When nothing does within three seconds.
    #[track_caller]
    fn hears_since(&self, since: Instant, what: &str, test: impl Fn(u8, &[i16]) -> bool) {
        let began = Instant::now();
        let mut state = self.state();
        loop {
            let samples = state.latest(since);
            let kind = state.heard.last().map_or(0, |packet| packet.kind);
            if samples.len() >= WINDOW && test(kind, &samples[samples.len() - WINDOW..]) {
                return;
            }
            let Some(left) = Duration::from_secs(3).checked_sub(began.elapsed()) else {
                let packets = state.heard.iter().filter(|p| p.at >= began).count();
                let tones: Vec<String> = (1..40)
                    .map(|n| (n * 100, tone::amplitude(&samples, f64::from(n) * 100.0)))
                    .filter(|(_, loud)| *loud > tone::AMPLITUDE * 0.03)
                    .map(|(hz, loud)| format!("{hz} Hz {:.1} dB", tone::decibels(loud / 8_000.0)))
                    .collect();
                let level = tone::level(&samples);
                drop(state);
                panic!("not heard: {what}; {packets} packets in 3 s, level {level:.0}, {tones:?}");
            };
            let waited = self.shared.1.wait_timeout(state, left);
            state = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
    }

    /// Waits until a digit has come as RFC 4733 has it, and its end.
    ///
    /// # Panics
    /// When it does not within three seconds.
    #[track_caller]
    pub fn hears_digit(&self, digit: char) {
        let began = Instant::now();
        let mut state = self.state();
        let is_end = |key: Key| key.digit == digit && key.is_up;
        while !state.heard.iter().filter_map(Packet::key).any(is_end) {
            let left = Duration::from_secs(3).checked_sub(began.elapsed());
            let waited = self.shared.1.wait_timeout(state, left.expect("a digit within 3 s"));
            state = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
    }

    /// Waits until nothing has come for 300 ms.
    ///
    /// # Panics
    /// When there is still something after three seconds.
    #[track_caller]
    pub fn hears_nothing(&self) {
        let (began, quiet) = (Instant::now(), Duration::from_millis(300));
        let mut state = self.state();
        loop {
            let last = state.heard.last().map_or(began, |packet| packet.at.max(began));
            let left = quiet.saturating_sub(last.elapsed());
            if left.is_zero() {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(3), "there is still something");
            let waited = self.shared.1.wait_timeout(state, left);
            state = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
    }

    /// Waits for a sender report on the same port and returns whose it is; RFC 3550 has the first
    /// one within some seconds.
    ///
    /// # Panics
    /// When there is none in eight.
    #[track_caller]
    #[must_use]
    pub fn report(&self) -> u32 {
        let deadline = Instant::now() + Duration::from_secs(8);
        let mut state = self.state();
        loop {
            if let Some(&sender) = state.reports.first() {
                return sender;
            }
            let left = deadline.checked_duration_since(Instant::now()).expect("a report in time");
            let waited = self.shared.1.wait_timeout(state, left);
            state = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
    }

    /// That this tone was in nothing of all that was heard since.
    ///
    /// # Panics
    /// Where it was.
    #[track_caller]
    pub fn never_heard(&self, since: Instant, hz: f64) {
        let state = self.state();
        let heard: Vec<&Packet> = state.heard.iter().filter(|p| p.at >= since).collect();
        let samples: Vec<i16> = heard.iter().flat_map(|p| p.pcm.clone()).collect();
        for samples in samples.windows(WINDOW).step_by(WINDOW / 10) {
            let part = tone::share(samples, hz);
            assert!(part < 0.1 || tone::level(samples) < 50.0, "{hz} Hz was heard: {part:.2}");
        }
    }

    /// That what was heard is one stream: one source, no number missing or twice, a timestamp that
    /// keeps time.
    ///
    /// # Panics
    /// Where it is not, with the place.
    #[track_caller]
    pub fn is_continuous(&self) {
        let state = self.state();
        let first = state.heard.first().expect("some audio");
        let sources: BTreeSet<u32> = state.heard.iter().map(|p| p.ssrc).collect();
        assert_eq!(sources.len(), 1, "more than one SSRC: {sources:x?}");
        for pair in state.heard.windows(2) {
            let step = pair[1].seq.wrapping_sub(pair[0].seq);
            let at = pair[1].at.duration_since(first.at);
            assert_eq!(step, 1, "sequence {} then {} at {at:?}", pair[0].seq, pair[1].seq);
            let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
            let second = pair[1].clock_hz();
            assert!(step < second, "timestamp jumps by {step} at {at:?}");
            let told = pair[1].timestamp.wrapping_sub(first.timestamp);
            let told = f64::from(told) / f64::from(second);
            let elapsed = at.as_secs_f64();
            assert!((told - elapsed).abs() < 0.4, "{told} s told, {elapsed} at {at:?}");
        }
    }
}

impl Drop for Audio {
    fn drop(&mut self) {
        self.state().stopped = true;
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, was printed.
            let _ = thread.join();
        }
    }
}

impl State {
    /// No key of one call is heard in the next.
    fn let_go(&mut self) {
        self.digits.clear();
        self.lets_go = true;
    }

    /// What was heard last, at least 200 ms of it if so much came since then.
    fn latest(&self, since: Instant) -> Vec<i16> {
        let mut count = 0;
        let fresh = self.heard.iter().rev().take_while(|packet| packet.at >= since);
        let fresh: Vec<&Packet> = fresh
            .take_while(|packet| {
                let is_short = count < WINDOW;
                count += packet.pcm.len();
                is_short
            })
            .collect();
        fresh.iter().rev().flat_map(|packet| packet.pcm.iter().copied()).collect()
    }
}

/// Sends every so many milliseconds, and listens in between.
fn run(socket: &UdpSocket, shared: &(Mutex<State>, Condvar)) {
    let lock = || shared.0.lock().unwrap_or_else(PoisonError::into_inner);
    let ssrc = speak::ssrc(socket.local_addr().map_or(0, |address| address.port()));
    let (mut mouth, mut decoders) = (Mouth::new(ssrc), BTreeMap::new());
    let mut due = Instant::now();
    loop {
        let ptime_ms = lock().ptime_ms;
        listen((socket, ssrc), shared, due, &mut decoders);
        due += Duration::from_millis(ptime_ms.into());
        let mut state = lock();
        if state.stopped {
            return;
        }
        for (octets, to) in state.raw.drain(..) {
            // It may be lost, as any packet.
            let _ = socket.send_to(&octets, to);
        }
        if std::mem::take(&mut state.lets_go) {
            mouth.let_go();
        }
        let Some(to) = state.to.filter(|_| !state.is_hushed) else {
            mouth.rest(ptime_ms);
            continue;
        };
        if std::mem::take(&mut state.is_fresh) {
            mouth.begin();
            state.began = Some(Instant::now());
        }
        if !mouth.is_pressing() && !state.digits.is_empty() {
            mouth.press(state.digits.remove(0));
        }
        let (kinds, hz) = ((state.kind, state.events), state.hz);
        drop(state);
        // Nobody may listen there any more, which is what some tests are about.
        let _ = socket.send_to(&mouth.packet(kinds, hz, ptime_ms), to);
    }
}

/// Takes what comes until then.
fn listen(
    (socket, ssrc): (&UdpSocket, u32),
    shared: &(Mutex<State>, Condvar),
    until: Instant,
    decoders: &mut BTreeMap<u8, Decoder>,
) {
    let mut buffer = [0; 2_048];
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|d| !d.is_zero()) {
        // The only failure is a zero, excluded above.
        let _ = socket.set_read_timeout(Some(left));
        let Ok((length, source)) = socket.recv_from(&mut buffer) else { continue };
        let Some(mut packet) = Packet::parse(&buffer[..length], source) else { continue };
        if !packet.is_rtcp() {
            let decoder = decoders.entry(packet.kind).or_insert_with(|| Decoder::new(packet.kind));
            packet.pcm = decoder.decode(&packet.payload);
        }
        let mut state = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        if packet.is_rtcp() {
            // In a report, the second word is its sender.
            state.reports.push(packet.timestamp);
            if let Some((fraction, to)) = state.complaint.zip(state.to) {
                // It may be lost, as any packet.
                let _ = socket.send_to(&speak::complaint(ssrc, &packet, fraction), to);
            }
        } else {
            state.heard.push(packet);
        }
        shared.1.notify_all();
    }
}
