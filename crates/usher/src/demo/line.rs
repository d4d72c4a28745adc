//! The audio of all phones: one thread that sends everybody's tone every 20 ms, and listens.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use media::rtp::{self, Header};
use media::sdp::{Address, Description, Direction};
use media::{Codec, FRAME, FRAME_MS, sound};
use sip::Body;

use super::ear::{Ear, Heard};
use super::place::HOST;

/// The largest packet looked at.
const PACKET_MAX: usize = 2_048;

/// All lines; cloning shares them. The thread ends with the last.
#[derive(Debug, Clone)]
pub(super) struct Lines(Arc<Mutex<Vec<Weak<Line>>>>);

/// One phone's audio: a socket, what it sends and what it heard.
#[derive(Debug)]
pub(super) struct Line {
    socket: UdpSocket,
    port: u16,
    hz: u16,
    codec: Codec,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    to: Option<SocketAddr>,
    sends: bool,
    header: Header,
    /// Samples sent so far.
    position: u64,
    ear: Ear,
    /// Rises with each description of ours.
    version: u32,
}

impl Lines {
    /// No lines yet, and the thread for them.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start() -> io::Result<Self> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let of_thread = Arc::downgrade(&lines);
        thread::Builder::new().name("phones".to_owned()).spawn(move || run(&of_thread))?;
        Ok(Self(lines))
    }

    /// A line with a tone of its own; it sends nothing yet.
    ///
    /// # Errors
    /// No socket is to be had.
    pub(super) fn open(&self, hz: u16, codec: Codec) -> io::Result<Arc<Line>> {
        let socket = UdpSocket::bind((HOST, 0))?;
        socket.set_nonblocking(true)?;
        let port = socket.local_addr()?.port();
        let header = Header {
            payload_type: codec.static_payload_type().unwrap_or_default(),
            marker: true,
            ssrc: u32::from(port) << 8,
            ..Header::default()
        };
        let state =
            State { to: None, sends: true, header, position: 0, ear: Ear::default(), version: 0 };
        let line = Arc::new(Line { socket, port, hz, codec, state: Mutex::new(state) });
        lock(&self.0).push(Arc::downgrade(&line));
        Ok(line)
    }
}

impl Line {
    /// The tone it sends, in Hertz.
    pub(super) fn hz(&self) -> u16 {
        self.hz
    }

    /// All it heard so far.
    pub(super) fn heard(&self) -> Heard {
        lock(&self.state).ear.heard().clone()
    }

    /// Whether somebody speaks or spoke to it.
    pub(super) fn hears_voice(&self) -> bool {
        lock(&self.state).ear.heard().voice()
    }

    /// An offer or an answer (RFC 3264): one codec, audio only. From now on it sends as that says.
    pub(super) fn describe(&self, direction: Direction) -> Body {
        let mut state = lock(&self.state);
        state.version += 1;
        state.sends = direction.sends();
        let (port, version, payload) = (self.port, state.version, state.header.payload_type);
        let sdp = format!(
            "v=0\r\no=- {port} {version} IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {payload}\r\na=rtpmap:{payload} {name}/8000\r\na={direction}\r\n",
            name = self.codec.name(),
            direction = direction.name(),
        );
        Body::sdp(Bytes::from(sdp))
    }

    /// The other side's description: where the tone goes from now on. What it cannot be read from
    /// changes nothing.
    pub(super) fn reach(&self, sdp: &[u8]) {
        let Ok(description) = Description::parse(sdp) else { return };
        let Some(audio) = description.media.iter().find(|media| media.is_plain_audio()) else {
            return;
        };
        if let Some(Address::Ip(ip)) = audio.address.or(description.address) {
            lock(&self.state).to = Some(SocketAddr::new(ip, audio.port));
        }
    }

    /// 20 ms of it.
    fn tick(&self, pcm: &mut [i16; FRAME], buffer: &mut [u8; PACKET_MAX]) {
        let mut state = lock(&self.state);
        if let Some(to) = state.to.filter(|_| state.sends) {
            sound::tone(self.hz, 1_000, 0, state.position, pcm);
            buffer[..rtp::HEADER].copy_from_slice(&state.header.bytes());
            let length = media::Encoder::new(self.codec).encode(pcm, &mut buffer[rtp::HEADER..]);
            // Lost, as any packet may be.
            let _ = self.socket.send_to(&buffer[..rtp::HEADER + length], to);
            state.header.sequence = state.header.sequence.wrapping_add(1);
            state.header.marker = false;
            state.position += FRAME as u64;
        }
        // Time passes also while nothing is sent.
        let ticks = u32::try_from(FRAME).unwrap_or_default();
        state.header.timestamp = state.header.timestamp.wrapping_add(ticks);
        while let Ok((length, _)) = self.socket.recv_from(buffer) {
            let packet = &buffer[..length];
            let Some((header, payload)) = Header::parse(packet).filter(|_| !rtp::is_rtcp(packet))
            else {
                continue;
            };
            if let Some(codec) = Codec::from_static(header.payload_type) {
                let count = media::Decoder::new(codec).decode(payload, pcm);
                state.ear.hear(&pcm[..count]);
            }
        }
    }
}

/// At `start + n · 20 ms`, until nobody can open a line any more.
fn run(lines: &Weak<Mutex<Vec<Weak<Line>>>>) {
    let start = Instant::now();
    let (mut pcm, mut buffer) = ([0; FRAME], [0; PACKET_MAX]);
    for tick in 1_u32.. {
        let due = start + Duration::from_millis(FRAME_MS.into()) * tick;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let Some(lines) = lines.upgrade() else { return };
        let open: Vec<Arc<Line>> = {
            let mut lines = lock(&lines);
            lines.retain(|line| line.strong_count() > 0);
            lines.iter().filter_map(Weak::upgrade).collect()
        };
        for line in open {
            line.tick(&mut pcm, &mut buffer);
        }
    }
}

/// What a panic left behind is no worse than what it had not yet begun.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
