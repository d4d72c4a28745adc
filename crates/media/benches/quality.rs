//! One trace of packets from a recording of speech, and what the jitter buffer makes of it.
//!
//! `quality CODEC SEED LOSS JITTER IN.wav TRACE OUT.wav`: reads speech (mono, 16 bits), encodes it,
//! loses LOSS per cent of the packets and delays each of the others by JITTER ± JITTER milliseconds,
//! evenly spread and whatever its neighbours do, as netem does. The first second is spared.
//! TRACE gets a line per packet, `MICROSECONDS HEX`, in the order of arrival, for another receiver;
//! OUT.wav what ours plays in virtual time. Prints its mean delay and what it made up.
#![allow(clippy::print_stdout, reason = "a bench prints")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench ends where it cannot go on")]
#![allow(clippy::disallowed_methods, reason = "a bench reads and writes files")]

use std::fmt::Write as _;

use media::codec::{FRAME_MAX, PAYLOAD_MAX};
use media::jitter::Buffer;
use media::rtp::Header;
use media::{Codec, Encoder, Format, OpusWishes, Time};

/// The pulls are so long after the sender's own beat.
const PHASE_US: u64 = 5_000;

struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(limit)).unwrap()
    }
}

struct Packet {
    arrival_us: u64,
    header: Header,
    payload: Vec<u8>,
}

fn encode(codec: Codec, pcm: &[i16]) -> Vec<Vec<u8>> {
    // As a peer does that is told of losses.
    let wishes = OpusWishes { takes_fec: true, ..OpusWishes::default() };
    let mut encoder = Encoder::of(Format::new(codec, wishes, 20));
    encoder.protect(true);
    let frames = pcm.chunks_exact(codec.frame());
    let encode = |frame| {
        let mut payload = [0; PAYLOAD_MAX];
        let length = encoder.encode(frame, &mut payload);
        payload[..length].to_vec()
    };
    frames.map(encode).collect()
}

fn trace(
    codec: Codec,
    payloads: Vec<Vec<u8>>,
    seed: u64,
    (loss_percent, jitter_ms): (u32, u32),
) -> Vec<Packet> {
    let jitter_us = 1_000 * jitter_ms;
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut packets = Vec::new();
    for (n, payload) in (0_u32..).zip(payloads) {
        let (lost, late) = (chance.below(100), chance.below(2 * jitter_us + 1));
        // The first second comes as it is, so that every receiver knows the stream.
        let is_spared = n < 50;
        if lost < loss_percent && !is_spared {
            continue;
        }
        let late = if is_spared { jitter_us } else { late };
        let header = Header {
            sequence: u16::try_from(n & 0xffff).unwrap(),
            timestamp: n * codec.rtp_hz() / 50,
            ssrc: 0x5eed,
            payload_type: codec.static_payload_type().unwrap_or(96),
            marker: n == 0,
        };
        packets.push(Packet {
            arrival_us: u64::from(n) * 20_000 + u64::from(late),
            header,
            payload,
        });
    }
    packets.sort_by_key(|packet| packet.arrival_us);
    packets
}

/// What our receiver plays, its rate, and the buffer as it is then.
fn receive(codec: Codec, packets: &[Packet], frames: usize) -> (Vec<i16>, u32, Buffer) {
    let mut buffer = Buffer::new();
    buffer.prepare([codec].into_iter());
    buffer.open();
    let mut packets = packets.iter().peekable();
    let (mut played, mut hz) = (Vec::new(), codec.audio_hz());
    for frame in 0..u64::try_from(frames).unwrap() + 50 {
        let now = 20_000 * frame + PHASE_US;
        while let Some(packet) = packets.next_if(|packet| packet.arrival_us <= now) {
            let at = Time::from_micros(packet.arrival_us);
            buffer.insert(at, &packet.header, codec, &packet.payload);
        }
        let mut out = [0; FRAME_MAX];
        let (count, rate) = buffer.pull(Time::from_micros(now), &mut out);
        if rate == codec.audio_hz() {
            (played, hz) = ([&played, &out[..count]].concat(), rate);
        } else {
            played.extend(vec![0; codec.frame()]);
        }
    }
    (played, hz, buffer)
}

/// The samples of a wav file of one channel of 16 bits, and their rate.
fn read(path: &str) -> (Vec<i16>, u32) {
    let bytes = std::fs::read(path).unwrap();
    let rate = u32::from_le_bytes(bytes[24..28].try_into().unwrap());
    let mut at = 12;
    while &bytes[at..at + 4] != b"data" {
        at += 8 + u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
    }
    let pcm = bytes[at + 8..].chunks_exact(2);
    (pcm.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(), rate)
}

fn wav(pcm: &[i16], hz: u32) -> Vec<u8> {
    let length = u32::try_from(pcm.len() * 2).unwrap();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + length).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(hz.to_le_bytes());
    bytes.extend((hz * 2).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(length.to_le_bytes());
    bytes.extend(pcm.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes
}

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [codec, seed, loss, jitter, speech, trace_file, out] = arguments.as_slice() else {
        // `cargo bench` runs it without; `cargo xtask bench quality` with.
        return println!("quality CODEC SEED LOSS JITTER IN.wav TRACE OUT.wav");
    };
    let known = |known: &Codec| known.name().eq_ignore_ascii_case(codec);
    let codec = Codec::ALL.into_iter().find(known).unwrap_or_else(|| panic!("no codec {codec}"));
    let (pcm, hz) = read(speech);
    assert_eq!(hz, codec.audio_hz(), "the rate of {speech}");
    let payloads = encode(codec, &pcm);
    let frames = payloads.len();
    let how = (loss.parse().unwrap(), jitter.parse().unwrap());
    let packets = trace(codec, payloads, seed.parse().unwrap(), how);
    let mut text = String::new();
    for Packet { arrival_us, header, payload } in &packets {
        let _ = write!(text, "{arrival_us} ");
        for byte in header.bytes().iter().chain(payload) {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    std::fs::write(trace_file, text).unwrap();
    let (played, rate, buffer) = receive(codec, &packets, frames);
    std::fs::write(out, wav(&played, rate)).unwrap();
    println!("target {} late {} made {}", buffer.target_ms(), buffer.late(), buffer.concealed_ms());
}
