//! The messages of RFC 4475 and RFC 5118, octet for octet, said to the server over UDP and TCP by a
//! trunk: each gets one of its allowed answers, at the place where its Via wants it, and whoever
//! comes next is served.
//!
//! The trunk has a loopback address of its own, so that it can have all the ports that the messages'
//! Vias name (all but one carry no `rport`), 5060 among them, whatever else runs on this machine.
//! Where two messages have one branch, as three pairs do, each is said to a server of its own.

#![expect(clippy::expect_used, clippy::panic, reason = "a test panics when it fails")]

#[path = "../../crates/sip/src/msg/torture/corpus.rs"]
mod corpus;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use corpus::{Case, cases};
use sip_tests::{Config, Heard, SOON, Server, Stream};

/// What the route for all calls says.
const APPLICATION: u16 = 486;
/// What the application says of an offer of which it can take nothing.
const NOT_ACCEPTABLE: u16 = 488;

fn server() -> Server {
    Server::start(&Config {
        trunks: "[[trunk]]\nname = \"carrier\"\nhosts = [\"127.0.0.0/8\"]\n".to_owned(),
        routes: format!("[[route]]\ngo = {{ reject = {APPLICATION} }}\n"),
        ..Config::default()
    })
}

/// A loopback address that no other process uses.
fn own_address() -> IpAddr {
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 77, high, low.clamp(1, 254)).into()
}

/// A clean request; `branch` tells it from others.
fn options(transport: &str, from: SocketAddr, branch: usize) -> String {
    format!(
        "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} {from};rport;\
         branch=z9hG4bKclean{branch}\r\nMax-Forwards: 70\r\nFrom: <sip:clean@{from}>;tag=c\r\n\
         To: <sip:127.0.0.1>\r\nCall-ID: clean-{branch}\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

fn is_clean_answer(octets: &[u8], branch: usize) -> bool {
    let text = String::from_utf8_lossy(octets);
    text.contains(&format!("Call-ID: clean-{branch}\r\n")) && status(octets) == 200
}

/// The status of a response.
fn status(octets: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(octets);
    let status = text.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok());
    status.unwrap_or_else(|| panic!("no response: {text}"))
}

/// The line with the Call-ID of a response.
fn call_id(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets);
    let line = text.lines().find(|line| line.starts_with("Call-ID:"));
    line.unwrap_or_default().to_owned()
}

/// The final answer among responses; provisional ones come before it.
fn final_answer(name: &str, responses: &[Vec<u8>]) -> Option<u16> {
    let statuses: Vec<u16> = responses.iter().map(|octets| status(octets)).collect();
    let finals: BTreeSet<u16> = statuses.iter().copied().filter(|s| *s >= 200).collect();
    assert!(finals.len() < 2, "{name}: one final answer, not {statuses:?}");
    finals.first().copied()
}

/// Whether this final answer, or none, is one of those allowed.
fn is_allowed(case: &Case, answer: Option<u16>) -> bool {
    case.answers.iter().any(|allowed| match *allowed {
        "app" => [Some(APPLICATION), Some(NOT_ACCEPTABLE)].contains(&answer),
        "none" => answer.is_none(),
        status => status.parse().ok() == answer,
    })
}

/// The trunk's sockets, one for each port that a Via of the corpus names.
struct Trunk {
    sockets: Vec<UdpSocket>,
    /// Responses that came already: what UDP repeats is octet for octet the same.
    seen: BTreeSet<Vec<u8>>,
}

impl Trunk {
    fn open(cases: &[Case]) -> Self {
        // The first, 0, is whence everything is said.
        let ports: BTreeSet<u16> = cases.iter().filter_map(reply_port).chain([0]).collect();
        let open = |port| UdpSocket::bind((own_address(), port)).expect("a port of our own");
        let sockets = ports.into_iter().map(open).collect();
        Self { sockets, seen: BTreeSet::new() }
    }

    /// Says a message from a port that no Via names, then a clean one; what the server sends until
    /// it answers the clean one, with the ports it sends that to, 0 for the one it came from.
    fn say(&mut self, server: SocketAddr, wire: &[u8], number: usize) -> Vec<(u16, Vec<u8>)> {
        let own = self.sockets[0].local_addr().expect("a bound socket");
        self.sockets[0].send_to(wire, server).expect("a datagram is sent");
        let clean = options("UDP", own, number);
        self.sockets[0].send_to(clean.as_bytes(), server).expect("a datagram is sent");
        let until = Instant::now() + SOON;
        let (mut heard, mut buffer) = (Vec::new(), [0; 65_535]);
        let mut is_answered = false;
        while !is_answered {
            assert!(Instant::now() < until, "no answer to the clean request");
            let pause = Some(Duration::from_millis(1));
            for socket in &self.sockets {
                socket.set_read_timeout(pause).expect("an open socket");
                while let Ok((length, _)) = socket.recv_from(&mut buffer) {
                    let octets = buffer[..length].to_vec();
                    let at = socket.local_addr().expect("a bound socket");
                    let port = if at == own { 0 } else { at.port() };
                    if is_clean_answer(&octets, number) {
                        is_answered = true;
                    } else if self.seen.insert(octets.clone()) {
                        heard.push((port, octets));
                    }
                }
            }
        }
        heard
    }
}

/// The topmost Via of a message, read without the server's parser.
fn top_via(case: &Case) -> Option<String> {
    let text = String::from_utf8_lossy(&case.wire).replace("\r\n ", " ");
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_via = ["via", "v"].contains(&name.trim().to_ascii_lowercase().as_str());
        is_via.then(|| value.split(',').next().unwrap_or(value).to_owned())
    })
}

/// Where the answer to a message goes (RFC 3261 section 18.2.2): to the port of sent-by, the
/// transport's own where it names none; 0 for where the message came from (RFC 3581).
fn reply_port(case: &Case) -> Option<u16> {
    let via = top_via(case)?;
    if via.ends_with(";rport") {
        return Some(0);
    }
    let sent_by = via.split(';').next()?.split_whitespace().last()?;
    let port = sent_by.rsplit_once(':').filter(|_| !sent_by.ends_with(']'));
    let default = if via.contains("/TLS ") { 5061 } else { 5060 };
    Some(port.and_then(|(_, port)| port.parse().ok()).unwrap_or(default))
}

/// The messages, those whose topmost Via was there before in a round of their own: to one server
/// they would be the same transaction (RFC 3261 section 17.2.3).
fn rounds() -> Vec<Vec<Case>> {
    let mut rounds: Vec<(BTreeSet<Option<String>>, Vec<Case>)> = Vec::new();
    for case in cases() {
        let via = top_via(&case);
        let at = rounds.iter().position(|(vias, _)| !vias.contains(&via));
        let at = at.unwrap_or_else(|| {
            rounds.push(Default::default());
            rounds.len() - 1
        });
        rounds[at].0.insert(via);
        rounds[at].1.push(case);
    }
    rounds.into_iter().map(|(_, cases)| cases).collect()
}

/// Whether the one Content-Length is that of the body, so that the message ends where it ends.
fn is_framed(case: &Case) -> bool {
    let text = String::from_utf8_lossy(&case.wire).into_owned();
    let head = text.split_once("\r\n\r\n").expect("an empty line").0.to_owned();
    let at = case.wire.windows(4).position(|w| w == b"\r\n\r\n").expect("an empty line") + 4;
    let head = head.replace("\r\n ", " ");
    let lengths = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        let name = name.trim().to_ascii_lowercase();
        ["content-length", "l"].contains(&name.as_str()).then_some(value.trim())
    });
    let lengths: Vec<Option<usize>> = lengths.map(|length| length.parse().ok()).collect();
    lengths == [Some(case.wire.len() - at)]
}

#[test]
fn by_datagram() {
    let mut wrong = Vec::new();
    for cases in rounds() {
        let server = server();
        let mut trunk = Trunk::open(&cases);
        for (number, case) in cases.iter().enumerate() {
            let heard = trunk.say(server.address(), &case.wire, number);
            let ports: BTreeSet<u16> = heard.iter().map(|(port, _)| *port).collect();
            let responses: Vec<_> = heard.into_iter().map(|(_, octets)| octets).collect();
            let answer = final_answer(case.name, &responses);
            let is_there = ports.iter().all(|port| Some(*port) == reply_port(case));
            if !is_there || !is_allowed(case, answer) {
                wrong.push(format!("{} {}: {answer:?} at {ports:?}", case.section, case.name));
            }
        }
        server.finish();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// How a message is written to a connection.
type Way = fn(&mut Stream, &[u8]) -> bool;

fn whole(stream: &mut Stream, octets: &[u8]) -> bool {
    stream.send(octets)
}

fn octet_by_octet(stream: &mut Stream, octets: &[u8]) -> bool {
    stream.dribble(octets)
}

/// In two at each CR LF, between the two of them, and in the body.
fn awkwardly(stream: &mut Stream, octets: &[u8]) -> bool {
    octets.split_inclusive(|octet| *octet == b'\r').all(|piece| stream.send(piece))
}

/// What the server says to a message on a connection of its own, and whether it then answers a clean
/// request there.
fn say(server: SocketAddr, way: Way, case: &Case, number: usize) -> (Vec<Vec<u8>>, bool) {
    let mut stream = Stream::open_from(own_address(), server);
    let clean = options("TCP", stream.address(), number);
    // A connection that the server closed in the middle is one of the allowed outcomes.
    let _ = way(&mut stream, &case.wire) && stream.send(clean.as_bytes());
    if !is_framed(case) {
        // It may be waiting for more.
        stream.finish();
    }
    let mut responses = Vec::new();
    loop {
        match stream.hears() {
            Heard::Message(octets) if is_clean_answer(&octets, number) => return (responses, true),
            Heard::Message(octets) => responses.push(octets),
            Heard::Pong => {}
            Heard::Closed => return (responses, false),
            Heard::Silence => panic!("{}: neither an answer nor an end", case.name),
        }
    }
}

/// All of them, each by a connection of its own. One whose Content-Length is its fault may take the
/// clean request for its body, or end the connection; the server has to be there for the next.
fn by_stream(way: Way) {
    let mut wrong = Vec::new();
    for cases in rounds() {
        let server = server();
        for (number, case) in cases.iter().enumerate() {
            let (responses, goes_on) = say(server.address(), way, case, number);
            let is_sound = is_framed(case);
            // What follows a length that is too short is another message, or none and told so.
            let first = responses.first().map(|octets| call_id(octets));
            let is_of_it = |octets: &Vec<u8>| {
                is_sound || status(octets) != 400 && Some(call_id(octets)) == first
            };
            let responses: Vec<_> = responses.iter().filter(|r| is_of_it(r)).cloned().collect();
            let answer = final_answer(case.name, &responses);
            let is_right = is_allowed(case, answer) || !is_sound && answer.is_none();
            if !is_right || is_sound && !goes_on {
                let fate = if goes_on { "goes on" } else { "closed" };
                wrong.push(format!("{} {}: {answer:?}, {fate}", case.section, case.name));
            }
        }
        let mut clean = Stream::open_from(own_address(), server.address());
        let request = options("TCP", clean.address(), cases.len());
        assert!(clean.send(request.as_bytes()));
        assert_eq!(clean.message().status(), Some(200));
        server.finish();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn by_stream_whole() {
    by_stream(whole);
}

#[test]
fn by_stream_octet_by_octet() {
    by_stream(octet_by_octet);
}

#[test]
fn by_stream_awkwardly_split() {
    by_stream(awkwardly);
}
