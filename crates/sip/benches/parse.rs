//! Reading a typical INVITE: ours against rsip, whose types are our vocabulary but whose parser we do
//! not use. This comparison is the one place outside `src/msg/` that names rsip.
//!
//! `cargo bench -p sip --bench parse` prints nanoseconds; `… -- NAME COUNT` does one thing that often
//! and prints nothing, for callgrind.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench reads the clock, prints, and panics when its input is bad"
)]

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use sip::msg::frame::Stream;
use sip::msg::{Builder, Limits, Message};

/// As a desk phone behind a proxy sends it, with its description: 923 bytes.
const INVITE: &str = "INVITE sip:+4930901820@sip.example.com;user=phone SIP/2.0\r\n\
Via: SIP/2.0/UDP 198.51.100.17:5060;branch=z9hG4bK-524287-1---8f2c1d7ab3e94c55;rport\r\n\
Max-Forwards: 70\r\n\
Contact: <sip:sales-12@198.51.100.17:5060>\r\n\
To: <sip:+4930901820@sip.example.com;user=phone>\r\n\
From: \"Sales Desk 12\" <sip:sales-12@sip.example.com>;tag=c3f0a91b\r\n\
Call-ID: 84712NzQ0MmU5ZjE3ZDg2NTBlY2Q1YzYyN2M3MGE\r\n\
CSeq: 1 INVITE\r\n\
Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE\r\n\
Content-Type: application/sdp\r\n\
Supported: replaces, timer, path\r\n\
Session-Expires: 1800;refresher=uac\r\n\
User-Agent: Example Desk Phone 5.2.1 rev 97043\r\n\
Content-Length: 276\r\n\
\r\n\
v=0\r\n\
o=- 13345672918273 1 IN IP4 198.51.100.17\r\n\
s=call\r\n\
c=IN IP4 198.51.100.17\r\n\
t=0 0\r\n\
m=audio 40376 RTP/AVP 9 8 0 101\r\n\
a=rtpmap:9 G722/8000\r\n\
a=rtpmap:8 PCMA/8000\r\n\
a=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:101 telephone-event/8000\r\n\
a=fmtp:101 0-15\r\n\
a=ptime:20\r\n\
a=sendrecv\r\n\
a=rtcp:40377\r\n";

type Task = (&'static str, Box<dyn FnMut()>);

fn tasks() -> Vec<Task> {
    let message = Message::parse(Bytes::from_static(INVITE.as_bytes())).expect("a sound message");
    let source: SocketAddr = "203.0.113.9:40000".parse().expect("an address");
    let (stamped, answered, copied) = (message.clone(), message.clone(), message);
    let mut stream = Stream::new(Limits::default());
    vec![
        (
            "rsip",
            Box::new(|| {
                let message = rsip::SipMessage::try_from(black_box(INVITE.as_bytes()));
                let _ = black_box(message.expect("a message rsip reads"));
            }),
        ),
        (
            "parse",
            Box::new(|| {
                // From a borrowed buffer too, so that both begin with the same.
                let wire = Bytes::copy_from_slice(black_box(INVITE.as_bytes()));
                let _ = black_box(Message::parse(wire).expect("a sound message"));
            }),
        ),
        (
            "stream",
            Box::new(move || {
                stream.push(black_box(INVITE.as_bytes()));
                let _ = black_box(stream.next());
            }),
        ),
        (
            "stamp_via",
            Box::new(move || {
                let _ = black_box(stamped.stamp_via(black_box(source)));
            }),
        ),
        (
            "respond",
            Box::new(move || {
                let _ = black_box(answered.respond(180, None, Some("a1b2c3")).build());
            }),
        ),
        (
            "copy",
            Box::new(move || {
                let _ = black_box(Builder::copy(&copied).build());
            }),
        ),
    ]
}

/// Nanoseconds an operation: the best of several rounds, as what disturbs only adds.
fn nanoseconds(task: &mut dyn FnMut()) -> f64 {
    const ROUNDS: u32 = 30;
    const OPERATIONS: u32 = 5_000;
    let round = |_| {
        let start = Instant::now();
        (0..OPERATIONS).for_each(|_| task());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(OPERATIONS)
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|w| !w.starts_with("--")).collect();
    let mut tasks = tasks();
    if let [name, count] = &words[..] {
        let count: u32 = count.parse().expect("a count");
        let (_, task) = tasks.iter_mut().find(|(n, _)| n == name).expect("a task's name");
        return (0..count).for_each(|_| task());
    }
    println!("an INVITE of {} bytes; ns an operation, and how often rsip's parse", INVITE.len());
    let mut rsip = 0.0;
    for (name, task) in &mut tasks {
        let time = nanoseconds(task);
        rsip = if *name == "rsip" { time } else { rsip };
        println!("{name:10} {time:8.0} {:6.2}", rsip / time);
    }
}
