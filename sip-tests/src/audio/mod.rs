//! The audio of one phone: a paced thread that sends its tone, and a record of what came in.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::tone;

/// Samples in 20 ms.
const FRAME: usize = 160;
const PTIME: Duration = Duration::from_millis(20);
/// What a measurement listens to: 200 ms.
const WINDOW: usize = 10;
/// Whose packets all of these are.
const SSRC: u32 = 0x1234_5678;
/// RFC 4733, as in our SDP.
const EVENTS: u8 = 101;

/// A packet that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// When.
    pub at: Instant,
    /// From where.
    pub source: SocketAddr,
    /// Payload type.
    pub kind: u8,
    /// The marker bit.
    pub marker: bool,
    /// Sequence number.
    pub seq: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Packet {
    fn parse(octets: &[u8], source: SocketAddr) -> Option<Self> {
        let word = |at: usize| octets.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
        let (first, ssrc) = (word(0)?, word(8)?);
        let [flags, kind, ..] = first.to_be_bytes();
        (flags >> 6 == 2).then(|| Self {
            at: Instant::now(),
            source,
            kind: kind & 0x7f,
            marker: kind & 0x80 != 0,
            seq: u16::try_from(first & 0xffff).unwrap_or_default(),
            timestamp: word(4).unwrap_or_default(),
            ssrc,
            payload: octets[12..].to_vec(),
        })
    }

    /// RFC 5761, section 4: what a payload type cannot be is a packet of RTCP.
    fn is_rtcp(&self) -> bool {
        (72..=76).contains(&self.kind)
    }

    fn samples(&self) -> Vec<i16> {
        match self.kind {
            0 => self.payload.iter().map(|&byte| tone::from_ulaw(byte)).collect(),
            8 => self.payload.iter().map(|&byte| tone::from_alaw(byte)).collect(),
            _ => Vec::new(),
        }
    }
}

#[derive(Debug)]
struct State {
    to: Option<SocketAddr>,
    kind: u8,
    hz: f64,
    /// Digits still to be sent.
    digits: Vec<u8>,
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
            hz,
            digits: Vec::new(),
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

    /// Sends the tone there from now on.
    pub fn send_to(&self, to: SocketAddr, kind: u8) {
        let mut state = self.state();
        (state.to, state.kind) = (Some(to), kind);
    }

    /// Sends nothing more.
    pub fn mute(&self) {
        self.state().to = None;
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
    ///
    /// # Panics
    /// When nothing does within three seconds.
    #[track_caller]
    pub fn hears_that(&self, what: &str, test: impl Fn(&[i16]) -> bool) {
        let began = Instant::now();
        let mut state = self.state();
        loop {
            let fresh: Vec<&Packet> =
                state.heard.iter().rev().take(WINDOW).take_while(|p| p.at >= began).collect();
            let samples: Vec<i16> = fresh.iter().rev().flat_map(|p| p.samples()).collect();
            let full = samples.len() >= WINDOW * FRAME;
            if full && test(&samples) {
                return;
            }
            let Some(left) = Duration::from_secs(3).checked_sub(began.elapsed()) else {
                let packets = state.heard.iter().filter(|p| p.at >= began).count();
                let level = tone::level(&samples);
                let tones: Vec<String> = (1..40)
                    .map(|n| f64::from(n) * 100.0)
                    .filter(|&hz| tone::share(&samples, hz) > 0.1)
                    .map(|hz| format!("{hz} Hz"))
                    .collect();
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
        let code = "0123456789*#".find(digit).and_then(|code| u8::try_from(code).ok());
        let began = Instant::now();
        let mut state = self.state();
        let is_end = |p: &Packet| p.payload.first().copied() == code && p.payload[1] & 0x80 != 0;
        while !state.heard.iter().any(|p| p.kind == 101 && p.payload.len() == 4 && is_end(p)) {
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
        for window in heard.windows(WINDOW) {
            let samples: Vec<i16> = window.iter().flat_map(|p| p.samples()).collect();
            let part = tone::share(&samples, hz);
            assert!(part < 0.1 || tone::level(&samples) < 50.0, "{hz} Hz was heard: {part:.2}");
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
            assert!(step < 8_000, "timestamp jumps by {step} at {at:?}");
            let elapsed = at.as_secs_f64() * tone::RATE_HZ;
            let told = f64::from(pair[1].timestamp.wrapping_sub(first.timestamp));
            assert!(
                (told - elapsed).abs() < 0.4 * tone::RATE_HZ,
                "{told} told, {elapsed} at {at:?}"
            );
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

/// A receiver report and SDES (RFC 3550 section 6.4.2) in answer to a sender report.
fn complaint(report: &Packet, fraction: u8) -> Vec<u8> {
    let middle = [&report.ssrc.to_be_bytes()[2..], &report.payload[..2]].concat();
    let mut octets = vec![0x81, 201, 0, 7];
    octets.extend(SSRC.to_be_bytes());
    octets.extend(report.timestamp.to_be_bytes());
    octets.extend([fraction, 0, 0, 10, 0, 0, 0, 100, 0, 0, 0, 40]);
    // It is answered at once.
    octets.extend([&middle[..], &[0; 4]].concat());
    octets.extend([0x81, 202, 0, 3]);
    octets.extend(SSRC.to_be_bytes());
    octets.extend(*b"\x01\x04test\0\0");
    octets
}

/// Sends at `start + n · 20 ms`, and listens in between.
fn run(socket: &UdpSocket, shared: &(Mutex<State>, Condvar)) {
    let start = Instant::now();
    let mut buffer = [0; 2_048];
    let mut pressed: Option<Pressed> = None;
    for frame in 0_u32.. {
        let due = start + PTIME * frame;
        while let Some(left) = due.checked_duration_since(Instant::now()).filter(|d| !d.is_zero()) {
            // The only failure is a zero, excluded above.
            let _ = socket.set_read_timeout(Some(left));
            let Ok((length, source)) = socket.recv_from(&mut buffer) else { continue };
            if let Some(packet) = Packet::parse(&buffer[..length], source) {
                let mut state = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
                if packet.is_rtcp() {
                    // In a report, the second word is its sender.
                    state.reports.push(packet.timestamp);
                    if let Some((fraction, to)) = state.complaint.zip(state.to) {
                        // It may be lost, as any packet.
                        let _ = socket.send_to(&complaint(&packet, fraction), to);
                    }
                } else {
                    state.heard.push(packet);
                }
                shared.1.notify_all();
            }
        }
        let mut state = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.stopped {
            return;
        }
        let Some(to) = state.to else { continue };
        if pressed.is_none() && !state.digits.is_empty() {
            pressed = Some(Pressed { digit: state.digits.remove(0), step: 0, first: frame });
        }
        let (kind, hz) = (state.kind, state.hz);
        drop(state);
        let octets = match &mut pressed {
            Some(digit) => digit.packet(frame),
            None => audio(frame, kind, hz),
        };
        pressed = pressed.filter(|digit| digit.step < 8);
        // Nobody may listen there any more, which is what some tests are about.
        let _ = socket.send_to(&octets, to);
    }
}

/// A key that is down.
struct Pressed {
    digit: u8,
    step: u16,
    /// The frame in which it went down: its timestamp stays.
    first: u32,
}

impl Pressed {
    /// Five packets while it is down, three that say it is up again.
    fn packet(&mut self, frame: u32) -> Vec<u8> {
        let (up, marker) = (self.step >= 5, if self.step == 0 { 0x80 } else { 0 });
        let mut octets = header(EVENTS | marker, frame, self.first);
        octets.extend([self.digit, if up { 0x8a } else { 0x0a }]);
        octets.extend((160 * (self.step.min(5) + 1)).to_be_bytes());
        self.step += 1;
        octets
    }
}

fn audio(frame: u32, kind: u8, hz: f64) -> Vec<u8> {
    let mut octets = header(kind, frame, frame);
    let samples = tone::sine(hz, u64::from(frame) * 160, FRAME);
    let code = if kind == 8 { tone::to_alaw } else { tone::to_ulaw };
    octets.extend(samples.into_iter().map(code));
    octets
}

fn header(kind: u8, frame: u32, began: u32) -> Vec<u8> {
    let mut octets = vec![0x80, kind];
    octets.extend(u16::try_from(frame & 0xffff).unwrap_or_default().to_be_bytes());
    octets.extend(began.wrapping_mul(160).to_be_bytes());
    octets.extend(SSRC.to_be_bytes());
    octets
}
