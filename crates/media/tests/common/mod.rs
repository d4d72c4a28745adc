//! A bench for the engine: phones that send tones, and ears that measure them.
#![allow(dead_code, unreachable_pub, reason = "shared by test binaries that each use a part")]
#![allow(clippy::unwrap_used, reason = "test helpers are not recognised as tests")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers of a test")]

use std::collections::BTreeMap;
use std::net::SocketAddr;

use media::rtp::Header;
use media::{
    Channel, Codec, Command, Engine, EngineSettings, Event, Events, Hears, Input, LegId, Output,
    Pcm, Plan, Report, Row, Source, Time,
};

pub fn ms(ms: u64) -> Time {
    Time::from_millis(ms)
}

pub fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn plan(leg: u64, codec: Codec) -> Plan {
    let payload = number(codec);
    let mut payloads_in = vec![(0, Codec::Pcmu), (8, Codec::Pcma)];
    if !codec.is_stateless() {
        payloads_in.push((payload, codec));
    }
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
        wishes: media::OpusWishes::default(),
        payload_out: payload,
        payloads_in,
        events_out: Some(Events { payload_type: 101, hz: 8_000 }),
        events_in: [96, 101].map(|payload_type| Events { payload_type, hz: 8_000 }).into(),
        ssrc: 0x1000 + u32::try_from(leg).unwrap(),
        cname: [7; 12],
        send: true,
        receive: true,
        ptime_ms: 20,
        maxptime_ms: None,
    }
}

/// The payload type of a codec, here.
pub fn number(codec: Codec) -> u8 {
    codec.static_payload_type().unwrap_or(107)
}

fn codec_of(number: u8) -> Codec {
    Codec::from_static(number).unwrap_or(Codec::Opus)
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
#[derive(Debug)]
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
    encoder: media::Encoder,
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
            encoder: media::Encoder::new(codec),
        }
    }

    /// The same, but for an encoder that has said nothing.
    pub fn twin(&self) -> Self {
        Self { encoder: media::Encoder::new(self.codec), ..*self }
    }

    pub fn packet(&mut self) -> Vec<u8> {
        let (audio_hz, rtp_hz) = (self.codec.audio_hz(), self.codec.rtp_hz());
        let begin = f64::from(self.timestamp) / f64::from(rtp_hz);
        let pcm: Vec<i16> = (0..self.ptime_ms as u32 * audio_hz / 1_000)
            .map(|n| {
                let t = begin + f64::from(n) / f64::from(audio_hz);
                ((t * self.hz * std::f64::consts::TAU).sin() * 6_000.0) as i16
            })
            .collect();
        let mut payload = vec![0; pcm.len()];
        let length = self.encoder.encode(&pcm, &mut payload);
        payload.truncate(length);
        let samples = self.ptime_ms as u32 * rtp_hz / 1_000;
        let header = Header {
            payload_type: number(self.codec),
            marker: false,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(samples);
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

/// Twenty milliseconds of a recording.
#[derive(Debug)]
pub struct Recorded {
    pub frame: u64,
    /// Left and right.
    pub channels: [Vec<i16>; 2],
}

pub struct Bench {
    pub engine: Engine,
    pub now: u64,
    pub phones: Vec<Phone>,
    pub sent: BTreeMap<u64, Vec<Sent>>,
    pub reports: Vec<(u16, Channel, SocketAddr, Vec<u8>)>,
    pub events: Vec<Event>,
    pub fares: Vec<Report>,
    pub recorded: Vec<Recorded>,
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
            fares: Vec::new(),
            recorded: Vec::new(),
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
                Output::Event(Event::Report(report)) => self.fares.push(report),
                Output::Event(event) => self.events.push(event),
                Output::Recorded { frame, left, right, .. } => {
                    let channels = [left.to_vec(), right.to_vec()];
                    self.recorded.push(Recorded { frame, channels });
                }
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
        self.recorded.clear();
        self.run(millis);
    }

    pub fn packets(&self, leg: u64) -> &[Sent] {
        self.sent.get(&leg).map_or(&[], |sent| &sent[..])
    }

    /// What a leg heard, in the order of its timestamps, at the rate of its codec.
    pub fn heard(&self, leg: u64) -> Vec<i16> {
        let mut pcm = Vec::new();
        let mut decoder: Option<media::Decoder> = None;
        for sent in self.packets(leg) {
            let number = sent.header.payload_type;
            if (96..107).contains(&number) {
                continue;
            }
            let codec = codec_of(number);
            let known = decoder.take().filter(|decoder| decoder.codec() == codec);
            let mut now = known.unwrap_or_else(|| media::Decoder::new(codec));
            let mut frame = vec![0; 5_760];
            let count = now.decode(&sent.payload, &mut frame);
            pcm.extend(&frame[..count]);
            decoder = Some(now);
        }
        pcm
    }

    /// Samples in a second of what a leg heard.
    pub fn rate(&self, leg: u64) -> u32 {
        let number = self.packets(leg).iter().map(|sent| sent.header.payload_type);
        number
            .filter(|number| !(96..107).contains(number))
            .map(codec_of)
            .next()
            .map_or(8_000, Codec::audio_hz)
    }

    /// Which of these tones a leg hears.
    pub fn tones(&self, leg: u64, of: &[f64]) -> Vec<u32> {
        let (pcm, rate) = (self.heard(leg), self.rate(leg));
        let loud = |hz: &&f64| strength_at(&pcm, **hz, rate) > 0.05;
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
            let codec = codec_of(old.header.payload_type);
            let length = codec.ticks(&old.payload);
            assert_eq!(step, length, "leg {leg} at {:?}", new.at);
            let gap = new.at - old.at;
            let lasted = ms(u64::from(length * 1_000 / codec.rtp_hz()));
            assert!(gap <= lasted + ms(20), "leg {leg}: {gap:?} at {:?}", new.at);
        }
    }
}

pub fn strength(pcm: &[i16], hz: f64) -> f64 {
    strength_at(pcm, hz, 8_000)
}

pub fn strength_at(pcm: &[i16], hz: f64, rate: u32) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in pcm.iter().enumerate() {
        let angle = std::f64::consts::TAU * hz * n as f64 / f64::from(rate);
        re += f64::from(*sample) * angle.cos();
        im += f64::from(*sample) * angle.sin();
    }
    (re * re + im * im).sqrt() * 2.0 / (pcm.len().max(1) as f64 * 32_768.0)
}
