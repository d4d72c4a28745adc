use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Instant;

use ::media::{Codec, Hears, LegId, Plan, Row, Source};

use super::*;
use crate::run::ports::Ports;

const PATIENCE: Duration = Duration::from_secs(10);

fn meters() -> Meters {
    let (orders, _) = tokio::sync::mpsc::channel(1);
    let settings = api::Settings::new("test", "0");
    api::Api::new(settings, &api::Directory::default(), orders, None).meters().clone()
}

fn no_recorder() -> FrameSender {
    crate::run::recorder::ring(0, meters().recording_dropped.clone()).0
}

fn plan(leg: u64, port: u16, remote_rtp: SocketAddr) -> Plan {
    Plan {
        leg: LegId(leg),
        generation: 1,
        thread: 0,
        port,
        remote_rtp,
        remote_rtcp: remote_rtp,
        signalling: None,
        mux: true,
        codec: Codec::Pcma,
        wishes: media::OpusWishes::default(),
        payload_out: 8,
        payloads_in: vec![(8, Codec::Pcma)],
        events_out: None,
        events_in: Vec::new(),
        ssrc: 7,
        cname: [7; 12],
        send: true,
        receive: true,
        ptime_ms: 20,
        maxptime_ms: None,
    }
}

/// Waits for an event that suits.
fn until(ours: &mut MediaThread, bell: &Doorbell, suits: impl Fn(&Event) -> bool) {
    let (poll, mut ready, began) = (Poll::new().unwrap(), Ready::new(1), Instant::now());
    poll.add(bell, BELL).unwrap();
    while began.elapsed() < PATIENCE {
        match ours.hear() {
            Some(event) if suits(&event) => return,
            Some(_) => {}
            None => {
                bell.sleep(&poll, &mut ready, Some(PATIENCE), || !ours.spoke());
            }
        }
    }
    panic!("it never came");
}

#[test]
fn a_thread_plays_music_latches_and_ends() {
    let four = IpAddr::from([127, 0, 0, 32]);
    plays_to(four, four, 12_002);
    let both = Ipv6Addr::UNSPECIFIED.into();
    plays_to(both, Ipv6Addr::LOCALHOST.into(), 12_012);
    plays_to(both, [127, 0, 0, 1].into(), 12_022);
}

/// Listening at one address, to a phone at another.
fn plays_to(listen: IpAddr, ip: IpAddr, port: u16) {
    let mut ports = Ports::bind(listen, &(port - 2..=port + 1), 1, 4_000);
    let bell = Arc::new(Doorbell::new().unwrap());
    let pairs = ports.by_thread.remove(0);
    let (settings, clock) = (EngineSettings::default(), Clock::start());
    let made = prepare(settings, pairs, clock, bell.clone(), no_recorder(), meters());
    let (mut ours, worker) = made.unwrap();
    let thread = std::thread::spawn(move || worker.run());

    let phone = UdpSocket::bind((ip, 0)).unwrap();
    phone.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(ours.send(Command::Leg(plan(1, port, phone.local_addr().unwrap()))));
    let hears = Hears::Source(Source::Music("default".into()));
    let rows = vec![Row { leg: LegId(1), hears }];
    ours.send(Command::Matrix { conference: 1, generation: 1, rows });

    let mut packet = [0; 500];
    let mut last = None;
    for _ in 0..4 {
        let (length, from) = phone.recv_from(&mut packet).unwrap();
        assert_eq!((length, from), (172, SocketAddr::new(ip, port)));
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        assert!(last.is_none_or(|last: u16| sequence == last.wrapping_add(1)));
        last = Some(sequence);
    }
    phone.send_to(&packet[..172], (ip, port)).unwrap();
    until(&mut ours, &bell, |event| matches!(event, Event::Latched { leg: LegId(1), .. }));

    ours.send(Command::EndLeg(LegId(1)));
    until(&mut ours, &bell, |event| *event == Event::Ended { leg: LegId(1) });
    // It may sleep by now: dropping our end must wake it.
    drop(ours);
    thread.join().unwrap();
}

/// A stranger sends two hundred times as much as the peer: of what the peer says nothing is lost.
#[test]
fn a_flood_does_not_silence_a_leg() {
    let ip = IpAddr::from([127, 0, 0, 33]);
    let mut ports = Ports::bind(ip, &(12_040..=12_043), 1, 4_000);
    let bell = Arc::new(Doorbell::new().unwrap());
    let pairs = ports.by_thread.remove(0);
    let (settings, clock) = (EngineSettings::default(), Clock::start());
    let made = prepare(settings, pairs, clock, bell.clone(), no_recorder(), meters());
    let (mut ours, worker) = made.unwrap();
    let thread = std::thread::spawn(move || worker.run());
    let phones = [0, 1].map(|_| UdpSocket::bind((ip, 0)).unwrap());
    for (leg, phone) in (1..).zip(&phones) {
        let port = 12_038 + 2 * u16::try_from(leg).unwrap();
        ours.send(Command::Leg(plan(leg, port, phone.local_addr().unwrap())));
    }
    let hears = |other| Hears::Speakers([LegId(other)].into());
    let rows = [(1, 2), (2, 1)].map(|(leg, other)| Row { leg: LegId(leg), hears: hears(other) });
    ours.send(Command::Matrix { conference: 1, generation: 1, rows: rows.into() });
    let stranger = UdpSocket::bind(("127.0.0.34", 0)).unwrap();
    let mut packet = [0x55; 172];
    packet[..12].copy_from_slice(&[0x80, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let target = (ip, 12_040);
    let frames = 50_u16;
    for n in 0..frames {
        packet[2..4].copy_from_slice(&n.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(n) * 160).to_be_bytes());
        phones[0].send_to(&packet, target).unwrap();
        if n == 0 {
            until(&mut ours, &bell, |e| matches!(e, Event::Latched { leg: LegId(1), .. }));
        }
        for _ in 0..4 {
            for _ in 0..50 {
                stranger.send_to(&packet, target).unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    phones[1].set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut heard = 0;
    let mut received = [0; 500];
    while heard < frames {
        let Ok((length, _)) = phones[1].recv_from(&mut received) else { break };
        heard += u16::from(received[12..length].iter().all(|byte| *byte == 0x55));
    }
    assert!(heard >= frames - 2, "{heard} of {frames}");
    drop(ours);
    thread.join().unwrap();
}

#[test]
fn a_full_ring_keeps_the_order() {
    let bell = Arc::new(Doorbell::new().unwrap());
    let (settings, clock) = (EngineSettings::default(), Clock::start());
    let made = prepare(settings, Vec::new(), clock, bell, no_recorder(), meters());
    let (mut ours, mut worker) = made.unwrap();
    for leg in 0..RING as u64 {
        assert!(ours.send(Command::EndLeg(LegId(leg))));
    }
    assert!(!ours.send(Command::EndLeg(LegId(RING as u64))));
    assert!(!ours.send(Command::EndLeg(LegId(RING as u64 + 1))));
    let mut expected = 0..RING as u64 + 2;
    while let Ok(command) = worker.ring.pop() {
        assert_eq!(command, Command::EndLeg(LegId(expected.next().unwrap())));
        ours.flush();
    }
    assert_eq!(expected.next(), None);
    assert!(ours.flush());
}

#[test]
fn ticks_lie_on_a_grid() {
    let check = |now_us, expected_us| {
        let next = next_tick(Duration::from_micros(now_us));
        assert_eq!(next, Duration::from_micros(expected_us), "{now_us}");
    };
    check(0, 5_000);
    check(4_999, 5_000);
    check(5_000, 10_000);
    check(12_345, 15_000);
}
