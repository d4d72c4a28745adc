//! RTP and RTCP from whoever is not in the call: neither heard nor answered, and harmless.

#![expect(clippy::expect_used, reason = "a test panics when it fails")]

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;
use sip_tests::{Room, tone};

const ULAW: &[u8] = &[0, 101];
const ALAW: &[u8] = &[8, 101];
const G722: &[u8] = &[9, 101];
const OPUS: &[u8] = &[111, 110];

/// A stranger's tone: a caller's that nobody has.
const HZ: f64 = 900.0;

const MONITOR: [(&str, &str); 3] =
    [("caller", "alice"), ("alice", "caller"), ("boss", "caller alice")];
const BARGE: [(&str, &str); 3] =
    [("caller", "alice boss"), ("alice", "caller boss"), ("boss", "caller alice")];

/// Somebody who sends a tone to every media port, fifty times a second, in each law, as if from a
/// phone's source.
struct Spray {
    socket: UdpSocket,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Spray {
    fn start(from: &str, (first, last): (u16, u16), ssrc: u32) -> Self {
        let socket = UdpSocket::bind((from, 0)).expect("a socket");
        let (own, stop) = (socket.try_clone().expect("it twice"), Arc::new(AtomicBool::new(false)));
        let of_thread = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for n in 0_u16.. {
                if of_thread.load(Ordering::Relaxed) {
                    return;
                }
                for port in (first..=last).step_by(2) {
                    // Nobody may be there, and that is told to whoever sends next.
                    let _ = own.send_to(&rtp(n, ssrc), ("127.0.0.1", port));
                }
                std::thread::park_timeout(Duration::from_millis(20));
            }
        });
        Self { socket, stop, thread: Some(thread) }
    }

    /// Stops it; how many datagrams came back.
    fn answers(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it ended well");
        }
        self.socket.set_nonblocking(true).expect("an open socket");
        let mut buffer = [0; 2_048];
        std::iter::from_fn(|| self.socket.recv_from(&mut buffer).ok()).count()
    }
}

/// 20 ms of the stranger's tone.
fn rtp(n: u16, ssrc: u32) -> Vec<u8> {
    let mut octets = vec![0x80, if n.is_multiple_of(2) { 0 } else { 8 }];
    octets.extend(n.to_be_bytes());
    octets.extend((u32::from(n) * 160).to_be_bytes());
    octets.extend(ssrc.to_be_bytes());
    let samples = tone::sine(HZ, u64::from(n) * 160, 160);
    octets.extend(samples.into_iter().map(if n.is_multiple_of(2) {
        tone::to_ulaw
    } else {
        tone::to_alaw
    }));
    octets
}

fn room(codecs: [&'static [u8]; 3]) -> Room {
    let [caller, alice, boss] = codecs;
    Room::open(&[("caller", caller), ("alice", alice), ("boss", boss)], |_| ())
}

#[test]
fn who_sprays_all_ports_before_and_in_a_call_is_neither_heard_nor_answered() {
    for codecs in [[ULAW, ALAW, ULAW], [ULAW, G722, OPUS]] {
        let mut room = room(codecs);
        let ports = room.server.ports.media();
        // Another host, whose datagrams are there before anybody's.
        let ssrc = room.phone("caller").audio.ssrc();
        let elsewhere = Spray::start("127.0.0.2", ports, ssrc);
        room.calls();
        room.talks();
        // And another port of a phone's own host, once the phones have been found.
        let near = Spray::start("127.0.0.1", ports, ssrc);
        room.goes_on("in a call", &[("caller", "alice"), ("alice", "caller")]);
        room.joins("monitor", |room| room.watches("boss", "monitor"), &MONITOR);
        room.step("barge", |room| room.change("boss", &json!({"mode": "barge"})), &BARGE);
        room.goes_on("in a mix", &BARGE);
        for name in ["caller", "alice", "boss"] {
            room.phone(name).audio.is_continuous();
        }
        assert_eq!((elsewhere.answers(), near.answers()), (0, 0));
        room.finish();
    }
}

#[test]
fn who_has_answered_and_says_nothing_yet_loses_nothing_to_others_on_its_host() {
    for codecs in [[ULAW, ALAW, ULAW], [OPUS, ULAW, ULAW]] {
        let mut room = room(codecs);
        let ports = room.server.ports.media();
        room.calls();
        let since = Instant::now();
        let spray = Spray::start("127.0.0.1", ports, room.phone("alice").audio.ssrc());
        room.phone("alice").answer_without_a_word();
        let [caller, alice] = ["caller", "alice"].map(|name| room.phone(name).audio.hz());
        for _ in 0..5 {
            room.phone("alice").audio.hears(caller);
        }
        // One who knows just where: some packets, and then a stream.
        let port = room.phone("alice").audio.heard().last().expect("some audio").source.port();
        let aimed = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        for n in 0..4 {
            aimed.send_to(&rtp(n, 7), ("127.0.0.1", port)).expect("a datagram is sent");
        }
        room.phone("alice").audio.hears(caller);
        room.phone("alice").reinvite();
        room.phone("alice").expect_answer();
        let aimed = Spray::start("127.0.0.1", (port, port), 7);
        for _ in 0..5 {
            room.phone("alice").audio.hears(caller);
        }
        room.phone("caller").audio.never_heard(since, HZ);
        room.phone("alice").audio.begin();
        room.phone("caller").audio.hears(alice);
        room.goes_on("she speaks", &[("caller", "alice"), ("alice", "caller")]);
        assert_eq!((spray.answers(), aimed.answers()), (0, 0));
        room.finish();
    }
}

/// Compound packets of RTCP of a phone's source with nothing true in them, about another.
fn lies(own: u32, about: u32) -> Vec<Vec<u8>> {
    let word = |value: u32| value.to_be_bytes();
    let bye = [&[0x81, 203, 0, 1][..], &word(own)].concat();
    let block =
        [word(about), word(u32::MAX), word(u32::MAX), word(u32::MAX), word(0), word(0xffff)];
    let report = |sender: u32, fields: [u32; 5]| {
        let fields: Vec<u8> = fields.iter().flat_map(|field| word(*field)).collect();
        [&[0x81, 200, 0, 12][..], &word(sender), &fields, &block.concat()].concat()
    };
    let many: Vec<u8> = (0..31).flat_map(|_| word(own)).collect();
    vec![
        bye.clone(),
        [&[0x80, 201, 0, 1][..], &word(own), &bye].concat(),
        [&[0x81, 203, 0, 1][..], &word(about)].concat(),
        [&[0x9f, 203, 0, 31][..], &many].concat(),
        report(own, [u32::MAX; 5]),
        report(own, [0; 5]),
        report(about, [1, 2, 3, 4, 5]),
        [report(own, [0x8000_0000; 5]), bye].concat(),
        // Lengths that do not fit.
        vec![0x81, 200, 0xff, 0xff, 0x12, 0x34, 0x56, 0x78],
        vec![0x81, 203, 0, 0],
        vec![0x9f, 201, 0, 1, 0x12, 0x34, 0x56, 0x78],
        vec![0x80, 200],
    ]
}

#[test]
fn forged_rtcp_is_harmless_whoever_it_seems_to_come_from() {
    for codecs in [[ULAW, ALAW, ULAW], [OPUS, ULAW, G722]] {
        let mut room = room(codecs);
        room.calls();
        room.talks();
        room.joins("monitor", |room| room.watches("boss", "monitor"), &MONITOR);
        let strangers = ["127.0.0.1", "127.0.0.2"].map(|host| UdpSocket::bind((host, 0)));
        let strangers = strangers.map(|socket| socket.expect("a socket"));
        for name in ["caller", "alice", "boss"] {
            let audio = &room.phone(name).audio;
            let heard = audio.heard();
            let last = heard.last().expect("some audio");
            let (rtp, about) = (last.source, last.ssrc);
            let rtcp = SocketAddr::new(rtp.ip(), rtp.port() + 1);
            for (lie, to) in
                lies(audio.ssrc(), about).iter().flat_map(|lie| [(lie, rtp), (lie, rtcp)])
            {
                for stranger in &strangers {
                    stranger.send_to(lie, to).expect("a datagram is sent");
                }
                audio.forge(lie, to);
            }
        }
        room.goes_on("after all those lies", &MONITOR);
        room.step("barge", |room| room.change("boss", &json!({"mode": "barge"})), &BARGE);
        for name in ["caller", "alice", "boss"] {
            room.phone(name).audio.is_continuous();
        }
        let (_, call) = room.server.api.get(&format!("/calls/{}", room.call));
        assert_eq!(call["state"], "talking", "{call}");
        room.finish();
    }
}
