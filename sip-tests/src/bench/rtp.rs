//! RTP of many calls on two sockets: every packet says whose it is, which one, and when it was sent.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::net::sockopt;

use super::{Path, Side, Spread};

/// Octets of 20 ms of G.711.
const PAYLOAD: usize = 160;
/// Octets of the fixed header, RFC 3550, 5.1.
const HEADER: usize = 12;
/// What our payloads begin with.
const MARK: [u8; 4] = *b"RTP\xa7";
/// Half an octet takes a whole one of these 16: all come through a mix with silence as they are,
/// which µ-law's two zeros do not.
const NIBBLE: u8 = 0x20;
/// µ-law's zero, and the other one.
const SILENCE: u8 = 0xff;
const MINUS: u8 = 0x7f;
/// Packets of a stream are 20 ms apart, and the streams are spread over them.
const SLICES: u32 = 20;
/// Bytes the kernel is asked to hold for a socket.
const BUFFER: usize = 8 << 20;

/// What was heard while it counted.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Packets sent to the server.
    pub sent: u64,
    /// Packets that came from it.
    pub received: u64,
    /// Of these, such as carry the other party's payload.
    pub carried: u64,
    /// Payloads that were not those of the call's other party.
    pub crossed: u64,
    /// Payloads that came changed.
    pub changed: u64,
    /// Payloads that never came.
    pub missing: u64,
    /// Packets whose sequence number is not one more than the last's of the leg, or whose SSRC is
    /// another.
    pub broken: u64,
    /// Ticks of a millisecond that began more than half of one late.
    pub late: u64,
    /// From a packet's sending to its coming, wherever its payload was read.
    pub delay: Spread,
}

/// The generator, in a thread of its own.
#[derive(Debug)]
pub struct Rtp {
    /// Takes where audio goes.
    pub paths: Sender<Path>,
    counts: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Heard>,
}

impl Rtp {
    /// Starts it on these ports of callers and operators; the operators may be silent, so that what
    /// the callers say comes out of a mix as it was.
    ///
    /// # Panics
    /// Where they are taken.
    #[must_use]
    pub fn start(callers: u16, operators: u16, silent: bool) -> Self {
        let sockets = [callers, operators].map(|port| {
            let socket = UdpSocket::bind(("127.0.0.1", port)).expect("a free port");
            if sockopt::set_socket_recv_buffer_size_force(&socket, BUFFER).is_err() {
                let _ = sockopt::set_socket_recv_buffer_size(&socket, BUFFER);
            }
            socket.set_nonblocking(true).expect("a socket that does not block");
            socket
        });
        let (paths, told) = channel();
        let (counts, stop) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let mut generator = Generator {
            sockets,
            began: Instant::now(),
            streams: Vec::new(),
            by_port: vec![None; 65_536],
            silent,
            counts: Arc::clone(&counts),
            heard: Heard::default(),
        };
        let of_thread = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            generator.run(&told, &of_thread);
            generator.heard
        });
        Self { paths, counts, stop, thread }
    }

    /// Begins to count, or stops: what goes on while calls begin and end is not judged.
    pub fn count(&self, on: bool) {
        self.counts.store(on, Relaxed);
    }

    /// Ends it.
    ///
    /// # Panics
    /// Where it has panicked.
    #[must_use]
    pub fn stop(self) -> Heard {
        self.stop.store(true, Relaxed);
        self.thread.join().expect("the generator ended well")
    }
}

/// What is sent to a leg, and what came from it.
#[derive(Debug)]
struct Stream {
    path: Path,
    sent: u32,
    /// SSRC and sequence number of the last packet.
    last: Option<(u32, u16)>,
    /// The number in the last payload of the other party's.
    last_payload: Option<u32>,
}

struct Generator {
    sockets: [UdpSocket; 2],
    began: Instant,
    streams: Vec<Stream>,
    /// The server's port → the stream.
    by_port: Vec<Option<u32>>,
    silent: bool,
    counts: Arc<AtomicBool>,
    heard: Heard,
}

const fn index(side: Side) -> usize {
    match side {
        Side::Caller => 0,
        Side::Operator => 1,
    }
}

impl Generator {
    fn run(&mut self, told: &Receiver<Path>, stop: &AtomicBool) {
        let mut packet = [0; HEADER + PAYLOAD];
        for tick in 0_u32.. {
            if stop.load(Relaxed) {
                return;
            }
            for path in told.try_iter() {
                self.by_port[usize::from(path.port)] = u32::try_from(self.streams.len()).ok();
                self.streams.push(Stream { path, sent: 0, last: None, last_payload: None });
            }
            let counts = self.counts.load(Relaxed);
            let slice = (tick % SLICES) as usize;
            for n in (slice..self.streams.len()).step_by(SLICES as usize) {
                self.send(n, &mut packet, counts);
            }
            self.receive(counts);
            let next = self.began + Duration::from_millis(1) * (tick + 1);
            match next.checked_duration_since(Instant::now()) {
                Some(left) => std::thread::sleep(left),
                None => self.heard.late += u64::from(counts),
            }
        }
    }

    fn send(&mut self, n: usize, packet: &mut [u8; HEADER + PAYLOAD], counts: bool) {
        let stream = &mut self.streams[n];
        let Path { side, call, port } = stream.path;
        stream.sent += 1;
        packet[0] = 0x80;
        packet[1] = 0;
        packet[2..4].copy_from_slice(&stream.sent.to_be_bytes()[2..]);
        packet[4..8].copy_from_slice(&stream.sent.wrapping_mul(160).to_be_bytes());
        let ssrc = call << 1 | u32::from(side == Side::Operator);
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        let since = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if self.silent && side == Side::Operator {
            packet[HEADER..].fill(SILENCE);
        } else {
            write_payload(&mut packet[HEADER..], ssrc, stream.sent, since);
        }
        let to = SocketAddr::from(([127, 0, 0, 1], port));
        let sent = self.sockets[index(side)].send_to(packet, to).is_ok();
        self.heard.sent += u64::from(sent && counts);
    }

    fn receive(&mut self, counts: bool) {
        let mut buffer = [0; 2_048];
        for side in 0..self.sockets.len() {
            while let Ok((length, from)) = self.sockets[side].recv_from(&mut buffer) {
                // RTCP comes from the odd ports, which lead nowhere.
                let stream = self.by_port[usize::from(from.port())];
                if length == HEADER + PAYLOAD
                    && let Some(n) = stream
                {
                    self.hear(n as usize, &buffer[..length], counts);
                }
            }
        }
    }

    fn hear(&mut self, n: usize, packet: &[u8], counts: bool) {
        let (stream, heard) = (&mut self.streams[n], &mut self.heard);
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let ssrc = word(&packet[8..]);
        let follows =
            stream.last.is_none_or(|(of, last)| of == ssrc && sequence == last.wrapping_add(1));
        stream.last = Some((ssrc, sequence));
        let payload = &packet[HEADER..];
        let ours = payload.starts_with(&MARK);
        let [of, number, high, low] = [4, 12, 20, 28].map(|at| read(&payload[at..]));
        let last = stream.last_payload;
        if ours {
            stream.last_payload = Some(number);
        }
        if !counts {
            return;
        }
        heard.received += 1;
        heard.broken += u64::from(!follows);
        if !ours {
            return;
        }
        heard.carried += 1;
        let other = stream.path.call << 1 | u32::from(stream.path.side == Side::Caller);
        heard.crossed += u64::from(of != other);
        match last.map(|last| number.wrapping_sub(last)) {
            Some(0) | Some(0x8000_0000..) => heard.broken += 1,
            Some(ahead) => heard.missing += u64::from(ahead - 1),
            None => {}
        }
        let since = u64::from(high) << 32 | u64::from(low);
        let mut expected = [0; PAYLOAD];
        write_payload(&mut expected, of, number, since);
        heard.changed += u64::from(payload != expected);
        heard.delay.push(self.began.elapsed().saturating_sub(Duration::from_nanos(since)));
    }
}

fn word(octets: &[u8]) -> u32 {
    u32::from_be_bytes([octets[0], octets[1], octets[2], octets[3]])
}

/// A number of [`write_payload`].
fn read(octets: &[u8]) -> u32 {
    octets[..8].iter().fold(0, |number, octet| number << 4 | u32::from(octet & 15))
}

/// Mark, whose, which, when; then octets that follow from these.
fn write_payload(payload: &mut [u8], of: u32, number: u32, since: u64) {
    payload[..4].copy_from_slice(&MARK);
    let all = u128::from(of) << 96 | u128::from(number) << 64 | u128::from(since);
    for (at, octet) in payload[4..36].iter_mut().enumerate() {
        *octet = NIBBLE | (all >> (124 - 4 * at) & 15) as u8;
    }
    let mut x = (u64::from(of) << 32 | u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for chunk in payload[36..].chunks_mut(4) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        chunk.copy_from_slice(&x.to_be_bytes()[..chunk.len()]);
    }
    payload.iter_mut().filter(|octet| **octet == MINUS).for_each(|octet| *octet = SILENCE);
}
