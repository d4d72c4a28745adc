//! A bench for the engine: phones that send tones, and ears that measure them.
#![allow(dead_code, unreachable_pub, reason = "shared by test binaries that each use a part")]
#![allow(clippy::unwrap_used, reason = "test helpers are not recognised as tests")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers of a test")]

use std::collections::BTreeMap;
use std::net::SocketAddr;

use media::rtp::Header;
use media::{
    Channel, Codec, Command, Engine, EngineSettings, Event, Hears, Input, LegId, Output, Pcm, Plan,
    Row, Source, Time,
};

pub fn ms(ms: u64) -> Time {
    Time::from_millis(ms)
}

pub fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn plan(leg: u64, codec: Codec) -> Plan {
    let payload = codec.static_payload_type().unwrap();
    Plan {
        leg: LegId(leg),
        generation: 1,
        thread: 0,
        port: port(leg),
        remote_rtp: phone(leg),
        remote_rtcp: SocketAddr::new(phone(leg).ip(), phone(leg).port() + 1),
        signalling: None,
        mux: false,
        codec,
        payload_out: payload,
        payloads_in: vec![(0, Codec::Pcmu), (8, Codec::Pcma)],
        events_out: Some(101),
        events_in: Some(96),
        ssrc: 0x1000 + u32::try_from(leg).unwrap(),
        send: true,
        receive: true,
        ptime_ms: 20,
    }
}

pub fn port(leg: u64) -> u16 {
    20_000 + 2 * u16::try_from(leg).unwrap()
}

pub fn phone(leg: u64) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 6_000 + 2 * u16::try_from(leg).unwrap()))
}

pub fn row(leg: u64, hears: Hears) -> Row {
    Row { leg: LegId(leg), hears }
}

pub fn prompt(play: u64, name: &str) -> Hears {
    Hears::Source(Source::Prompt { play, sounds: [name.into()].into() })
}

pub fn sound(name: &str, samples: &[i16]) -> Command {
    let sound = Pcm { hz: 8_000, samples: samples.into() };
    Command::AddSound { name: name.into(), sound }
}

pub fn speakers(legs: &[u64]) -> Hears {
    Hears::Speakers(legs.iter().map(|leg| LegId(*leg)).collect())
}

/// A phone's sending side: a tone of its own, or silence at 0 Hz.
#[derive(Clone, Debug)]
pub struct Phone {
    pub leg: u64,
    pub codec: Codec,
    pub hz: f64,
    pub ptime_ms: u64,
    pub offset_ms: u64,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub from: SocketAddr,
    pub mute: bool,
}

impl Phone {
    pub fn new(leg: u64, codec: Codec, hz: f64) -> Self {
        Self {
            leg,
            codec,
            hz,
            ptime_ms: 20,
            offset_ms: 0,
            ssrc: 70 + u32::try_from(leg).unwrap(),
            sequence: 65_500,
            timestamp: u32::MAX - 3_000,
            from: phone(leg),
            mute: false,
        }
    }

    pub fn packet(&mut self) -> Vec<u8> {
        let samples = self.ptime_ms * 8;
        let pcm: Vec<i16> = (0..samples)
            .map(|n| {
                let t = f64::from(self.timestamp.wrapping_add(u32::try_from(n).unwrap())) / 8_000.0;
                ((t * self.hz * std::f64::consts::TAU).sin() * 6_000.0) as i16
            })
            .collect();
        let mut payload = vec![0; pcm.len()];
        media::Encoder::new(self.codec).encode(&pcm, &mut payload);
        let header = Header {
            payload_type: self.codec.static_payload_type().unwrap(),
            marker: false,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(u32::try_from(samples).unwrap());
        let mut packet = header.bytes().to_vec();
        packet.extend(payload);
        packet
    }
}

/// A packet that a leg was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub at: Time,
    pub to: SocketAddr,
    pub header: Header,
    pub payload: Vec<u8>,
}

pub struct Bench {
    pub engine: Engine,
    pub now: u64,
    pub phones: Vec<Phone>,
    pub sent: BTreeMap<u64, Vec<Sent>>,
    pub reports: Vec<(u16, Channel, SocketAddr, Vec<u8>)>,
    pub events: Vec<Event>,
}

impl Bench {
    pub fn new() -> Self {
        Self {
            engine: Engine::new(EngineSettings::default()),
            now: 1_000,
            phones: Vec::new(),
            sent: BTreeMap::new(),
            reports: Vec::new(),
            events: Vec::new(),
        }
    }

    pub fn command(&mut self, command: Command) {
        self.engine.handle(ms(self.now), Input::Command(command));
        self.drain();
    }

    pub fn sound(&mut self, name: &str, samples: &[i16]) {
        self.command(sound(name, samples));
    }

    pub fn leg(&mut self, leg: u64, codec: Codec, hz: f64) {
        self.command(Command::Leg(plan(leg, codec)));
        self.phones.push(Phone::new(leg, codec, hz));
    }

    pub fn matrix(&mut self, generation: u64, rows: Vec<Row>) {
        self.command(Command::Matrix { conference: 1, generation, rows });
    }

    pub fn send(&mut self, leg: u64, from: SocketAddr, data: &[u8]) {
        self.engine.packet(ms(self.now), port(leg), Channel::Rtp, from, data);
        self.drain();
    }

    /// Lets time pass in steps of a millisecond; the phones send, the engine ticks.
    pub fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            self.now += 1;
            for index in 0..self.phones.len() {
                let phone = &mut self.phones[index];
                if !phone.mute && self.now % phone.ptime_ms == phone.offset_ms {
                    let (leg, from, packet) = (phone.leg, phone.from, phone.packet());
                    self.send(leg, from, &packet);
                }
            }
            if self.now.is_multiple_of(5) {
                self.engine.handle_timeout(ms(self.now));
                self.drain();
            }
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Event(Event::Report(_)) => {}
                Output::Event(event) => self.events.push(event),
                Output::Recorded { .. } => {}
                Output::Packet { port: from, channel, to, data } => {
                    if channel == Channel::Rtcp || media::rtp::is_rtcp(data) {
                        self.reports.push((from, channel, to, data.to_vec()));
                        continue;
                    }
                    let (header, payload) = Header::parse(data).unwrap();
                    let leg = u64::from(from - 20_000) / 2;
                    let payload = payload.to_vec();
                    let at = ms(self.now);
                    self.sent.entry(leg).or_default().push(Sent { at, to, header, payload });
                }
            }
        }
    }

    /// Forgets what was sent so far.
    pub fn listen(&mut self, millis: u64) {
        self.sent.clear();
        self.events.clear();
        self.run(millis);
    }

    pub fn packets(&self, leg: u64) -> &[Sent] {
        self.sent.get(&leg).map_or(&[], |sent| &sent[..])
    }

    /// What a leg heard, in the order of its timestamps.
    pub fn heard(&self, leg: u64) -> Vec<i16> {
        let mut pcm = Vec::new();
        for sent in self.packets(leg).iter().filter(|sent| sent.header.payload_type < 96) {
            let codec = Codec::from_static(sent.header.payload_type).unwrap();
            let mut frame = vec![0; sent.payload.len()];
            media::Decoder::new(codec).decode(&sent.payload, &mut frame);
            pcm.extend(frame);
        }
        pcm
    }

    /// Which of these tones a leg hears.
    pub fn tones(&self, leg: u64, of: &[f64]) -> Vec<u32> {
        let pcm = self.heard(leg);
        let loud = |hz: &&f64| strength(&pcm, **hz) > 0.05;
        of.iter().filter(loud).map(|hz| *hz as u32).collect()
    }

    /// The numbers alone, with at most this many frames left out between two packets.
    pub fn assert_continuous_numbers(&self, leg: u64, frames_out: u32) {
        for pair in self.packets(leg).windows(2) {
            let (old, new) = (&pair[0].header, &pair[1].header);
            assert_eq!(new.sequence, old.sequence.wrapping_add(1));
            let moved = new.timestamp.wrapping_sub(old.timestamp);
            assert!(moved.is_multiple_of(160) && (1..=1 + frames_out).contains(&(moved / 160)));
        }
    }

    /// One source for the peer, whatever the leg hears: one SSRC, numbers that rise by one, timestamps that run on.
    pub fn assert_continuous(&self, leg: u64) {
        let sent = self.packets(leg);
        assert!(!sent.is_empty());
        for pair in sent.windows(2) {
            let (old, new) = (&pair[0], &pair[1]);
            assert_eq!(new.header.ssrc, old.header.ssrc);
            assert_eq!(new.header.sequence, old.header.sequence.wrapping_add(1), "{leg} {new:?}");
            let step = new.header.timestamp.wrapping_sub(old.header.timestamp);
            let length = u32::try_from(old.payload.len()).unwrap();
            assert_eq!(step, length, "leg {leg} at {:?}", new.at);
            let gap = new.at - old.at;
            assert!(gap <= ms(u64::from(length) / 8 + 20), "leg {leg}: {gap:?} at {:?}", new.at);
        }
    }
}

pub fn strength(pcm: &[i16], hz: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in pcm.iter().enumerate() {
        let angle = std::f64::consts::TAU * hz * n as f64 / 8_000.0;
        re += f64::from(*sample) * angle.cos();
        im += f64::from(*sample) * angle.sin();
    }
    (re * re + im * im).sqrt() * 2.0 / (pcm.len().max(1) as f64 * 32_768.0)
}
