//! The manners of TCP: messages however they are cut, keep-alives, connections that are kept and
//! those that end, and peers who do not read, do not finish or do not stop coming.
#![expect(clippy::expect_used, reason = "a test panics when it fails")]

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sip_tests::{Config, Heard, Phone, Server, Stream};

/// Alice by 101, Bob by 102.
fn server() -> Server {
    let mut config = Config::default();
    config.routes.push_str("[[route]]\nto = \"^102$\"\ngo = { operator = \"bob\" }\n");
    Server::start(&config)
}

/// A request of somebody at `from`; its Call-ID is `id`.
fn options(from: SocketAddr, id: &str) -> String {
    let branch = id.len();
    format!(
        "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP {from};rport;branch=z9hG4bK{branch}{id:.16}\
         \r\nMax-Forwards: 70\r\nFrom: <sip:o@{from}>;tag=o\r\nTo: <sip:127.0.0.1>\r\n\
         Call-ID: {id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

/// That an OPTIONS with this Call-ID is answered next.
#[track_caller]
fn answered(stream: &mut Stream, id: &str) {
    let answer = stream.message();
    assert_eq!((answer.status(), answer.must("Call-ID")), (Some(200), id), "{}", answer.text());
}

/// That somebody who connects now is served.
#[track_caller]
fn is_alive(server: &Server) {
    let mut stream = Stream::open(server.address());
    assert!(stream.send(options(stream.address(), "alive").as_bytes()));
    answered(&mut stream, "alive");
}

/// A whole call that has nothing wrong about it.
#[track_caller]
fn clean_call(mut caller: Phone, number: &str, phone: &mut Phone) {
    caller.invite(number);
    phone.expect("INVITE");
    phone.reply_invite("180 Ringing");
    phone.answer();
    caller.expect_answer();
    caller.hang_up();
    phone.expect_bye();
}

/// A request of a call from somebody who listens at `at`.
fn of_call(method: &str, at: SocketAddr, to: &str, body: &str) -> String {
    let (number, kind) = match method {
        "BYE" => (2, ""),
        "INVITE" => (1, "Content-Type: application/sdp\r\n"),
        _ => (1, ""),
    };
    format!(
        "{method} sip:101@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP {at};branch=z9hG4bK{method}{at}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:t@{at}>;tag=t\r\nTo: {to}\r\nCall-ID: of-{at}\r\n\
         CSeq: {number} {method}\r\nContact: <sip:t@{at};transport=tcp>\r\n{kind}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A call to Alice, whose phone rings, over a connection that closes then.
fn closed_while_it_rings(server: &Server, alice: &mut Phone, at: SocketAddr) {
    let sdp = "v=0\r\no=t 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
               m=audio 9 RTP/AVP 0\r\n";
    let mut stream = Stream::open(server.address());
    assert!(stream.send(of_call("INVITE", at, "<sip:101@usher.test>", sdp).as_bytes()));
    alice.expect("INVITE");
    alice.reply_invite("180 Ringing");
    while stream.message().status() != Some(180) {}
}

#[test]
fn an_answer_whose_connection_has_closed_comes_by_another() {
    let server = server();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let listener = TcpListener::bind((server.address().ip(), 0)).expect("a listener");
    let at = listener.local_addr().expect("a bound socket");
    closed_while_it_rings(&server, &mut alice, at);
    // Whether anybody is there is tried at once.
    let mut stream = Stream::of(listener.accept().expect("a connection").0);
    assert_eq!(stream.message().status(), Some(180));
    alice.pick_up();
    let ok = stream.message();
    assert_eq!(ok.status(), Some(200), "{}", ok.text());
    assert!(stream.send(of_call("ACK", at, ok.must("To"), "").as_bytes()));
    alice.expect("ACK");
    assert!(stream.send(of_call("BYE", at, ok.must("To"), "").as_bytes()));
    assert_eq!(stream.message().status(), Some(200));
    alice.expect_bye();
    server.finish();
}

#[test]
fn nobody_is_rung_for_a_caller_who_has_gone_with_their_connection() {
    let server = server();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let listener = TcpListener::bind((server.address().ip(), 0)).expect("a listener");
    let at = listener.local_addr().expect("a bound socket");
    drop(listener);
    closed_while_it_rings(&server, &mut alice, at);
    alice.expect_cancel();
    server.finish();
}

#[test]
fn messages_are_found_however_they_are_cut() {
    let server = server();
    let mut stream = Stream::open(server.address());
    let own = stream.address();
    let [a, b, c] = ["one", "two", "three"].map(|id| options(own, id));
    // Three in one write, the last of them cut in its middle.
    let (head, tail) = c.split_at(100);
    assert!(stream.send(format!("{a}{b}{head}").as_bytes()));
    answered(&mut stream, "one");
    answered(&mut stream, "two");
    assert!(stream.send(tail.as_bytes()));
    answered(&mut stream, "three");
    assert!(stream.dribble(a.replace("one", "four").as_bytes()));
    answered(&mut stream, "four");
    // Cut within CR LF CR LF and within a body.
    let body = a.replace("one", "five").replace("Length: 0\r\n\r\n", "Length: 6\r\n\r\nab\r\ncd");
    for piece in body.split_inclusive(['\r', 'a']) {
        assert!(stream.send(piece.as_bytes()));
    }
    answered(&mut stream, "five");
    assert!(stream.send(a.replace("one", "six").as_bytes()));
    answered(&mut stream, "six");
    server.finish();
}

#[test]
fn a_long_run_of_requests_in_one_write_is_answered_in_full() {
    const RUN: usize = 3_000;
    let server = server();
    let socket = TcpStream::connect(server.address()).expect("it listens");
    let mut writer = socket.try_clone().expect("a descriptor");
    let mut stream = Stream::of(socket);
    let own = stream.address();
    let run: String = (0..RUN).map(|at| options(own, &format!("run{at}"))).collect();
    let writing = std::thread::spawn(move || writer.write_all(run.as_bytes()));
    for at in 0..RUN {
        answered(&mut stream, &format!("run{at}"));
    }
    assert!(writing.join().is_ok_and(|written| written.is_ok()));
    server.finish();
}

#[test]
fn a_keep_alive_is_answered_before_between_and_after_messages() {
    let server = server();
    let mut stream = Stream::open(server.address());
    let own = stream.address();
    assert!(stream.send(b"\r\n\r\n"));
    assert_eq!(stream.hears(), Heard::Pong);
    // A single CRLF before a message is to be ignored (RFC 3261 section 7.5).
    let text = format!("\r\n{}\r\n\r\n{}\r\n\r\n", options(own, "one"), options(own, "two"));
    assert!(stream.dribble(text.as_bytes()));
    let (mut pongs, mut answers) = (0, 0);
    while (pongs, answers) != (2, 2) {
        match stream.hears() {
            Heard::Pong => pongs += 1,
            Heard::Message(_) => answers += 1,
            other => panic!("{other:?} after {pongs} pongs and {answers} answers"),
        }
    }
    assert_eq!(stream.hear(Instant::now() + Duration::from_millis(200)), Heard::Silence);
    server.finish();
}

#[test]
fn a_stream_that_cannot_be_read_on_is_answered_and_closed() {
    let server = server();
    let check = |text: &str, expected: Option<&str>| {
        let mut stream = Stream::open(server.address());
        stream.send(options(stream.address(), "bad").replace("Content-Length: 0", text).as_bytes());
        let said = stream.messages_to_the_end(Duration::from_secs(5));
        let said = said.first().map(|octets| String::from_utf8_lossy(&octets[..12]).into_owned());
        assert_eq!(said.as_deref(), expected, "{text:.40}");
        is_alive(&server);
    };
    check("X: y", Some("SIP/2.0 400 "));
    check("Content-Length: -1", Some("SIP/2.0 400 "));
    check("Content-Length: 4\r\nl: 5", Some("SIP/2.0 400 "));
    check("Content-Length: 99999999999999999999", Some("SIP/2.0 400 "));
    check("Content-Length: 65536", Some("SIP/2.0 513 "));
    // A header section that never ends.
    check(&format!("X: {}", "y".repeat(40_000)), Some("SIP/2.0 513 "));
    check(&"X: y\r\n".repeat(400), Some("SIP/2.0 513 "));
    server.finish();
}

#[test]
fn what_follows_a_length_that_lies_is_no_message_and_harms_nobody() {
    let server = server();
    let mut stream = Stream::open(server.address());
    let body =
        options(stream.address(), "short").replace("Length: 0\r\n\r\n", "Length: 2\r\n\r\nabcdef");
    assert!(stream.send(body.as_bytes()));
    answered(&mut stream, "short");
    stream.finish();
    stream.messages_to_the_end(Duration::from_secs(5));
    is_alive(&server);
    server.finish();
}

#[test]
fn who_has_finished_speaking_still_gets_the_answer() {
    let server = server();
    for _ in 0..20 {
        let mut stream = Stream::open(server.address());
        assert!(stream.send(options(stream.address(), "last").as_bytes()));
        stream.finish();
        answered(&mut stream, "last");
        assert_eq!(stream.hears(), Heard::Closed);
    }
    server.finish();
}

#[test]
fn a_phone_is_reached_by_the_connection_it_registered_on() {
    let server = server();
    let stream = Stream::open(server.address());
    let mut alice = Phone::operator_by_tcp(&server, stream, "alice", 1_570.0);
    let mut caller = Phone::caller_by_tcp(&server, 1_130.0);
    caller.invite("101");
    let invite = alice.expect("INVITE");
    assert!(invite.must("Via").starts_with("SIP/2.0/TCP "), "{}", invite.text());
    assert!(invite.contact().is_some_and(|uri| uri.contains("transport=tcp")));
    alice.reply_invite("180 Ringing");
    alice.answer();
    caller.expect_answer();
    caller.audio.hears(1_570.0);
    alice.audio.hears(1_130.0);
    caller.reinvite();
    caller.expect_answer();
    alice.hang_up();
    caller.expect_bye();
    drop(alice);
    server.events.wait("registration.removed", &[("operator", "alice")]);
    server.finish();
}

#[test]
fn a_caller_whose_connection_closes_is_not_rung_for_any_longer() {
    let server = server();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller_by_tcp(&server, 1_130.0);
    caller.invite("101");
    alice.expect("INVITE");
    alice.reply_invite("180 Ringing");
    caller.expect_status(180);
    drop(caller);
    alice.expect_cancel();
    server.finish();
}

/// A phone that has registered and then reads nothing: its connection is full, and an INVITE waits.
/// Others ring, talk and end before it is given up.
#[test]
fn a_peer_that_does_not_read_delays_nobody() {
    let server = server();
    let stream = Stream::open_narrow(server.address());
    let mut alice = Phone::operator_by_tcp(&server, stream, "alice", 1_570.0);
    // Answers that fill what the kernel holds for a connection, and not all that we do.
    for number in 0..55 {
        let id = format!("{number:02}{}", "x".repeat(4_000));
        alice.send(&options(alice.address(), &id));
    }
    let mut waiting = Phone::caller(&server, 1_130.0);
    waiting.invite("101");
    waiting.expect_status(100);
    let mut bob = Phone::operator(&server, "bob", 1_570.0);
    for _ in 0..3 {
        clean_call(Phone::caller(&server, 1_900.0), "102", &mut bob);
        clean_call(Phone::caller_by_tcp(&server, 1_900.0), "102", &mut bob);
        is_alive(&server);
    }
    assert_eq!(server.events.count("registration.removed", &[]), 0, "it is still being waited for");
    let within = Duration::from_secs(20);
    server.events.wait_within(within, 0, "registration.removed", &[("operator", "alice")]);
    waiting.expect_refusal();
    server.finish();
}

/// The same with all that it can be told: it is given up as soon as too much waits.
#[test]
fn a_peer_that_asks_and_does_not_read_is_given_up() {
    let server = server();
    let mut deaf = Stream::open_narrow(server.address());
    let own = deaf.address();
    let asks = (0..5_000).take_while(|number| {
        let id = format!("{number:04}{}", "x".repeat(8_000));
        deaf.send(options(own, &id).as_bytes())
    });
    assert!(asks.count() < 5_000, "40 MB were taken in and their answers kept");
    is_alive(&server);
    server.finish();
}

/// Half a minute is what a message may take. Beside the slow ones calls go on.
#[test]
fn who_does_not_come_to_the_point_is_not_waited_for() {
    let server = server();
    let mut bob = Phone::operator(&server, "bob", 1_570.0);
    let address = server.address();
    let mut half_a_body = Stream::open(address);
    let text = options(half_a_body.address(), "half").replace("Length: 0", "Length: 9000");
    assert!(half_a_body.send(text.as_bytes()));
    let mut half_a_head = Stream::open(address);
    assert!(half_a_head.send(&text.as_bytes()[..200]));
    let mut mute = Stream::open(address);
    let slow = std::thread::spawn(move || {
        let mut stream = Stream::open(address);
        let text = options(stream.address(), "slow");
        // As slow as it says: that is what is tried here.
        let octets = text.bytes().take_while(|octet| {
            std::thread::park_timeout(Duration::from_secs(1));
            stream.send(&[*octet]) && stream.hear(Instant::now()) == Heard::Silence
        });
        octets.count() < text.len() / 2
    });
    clean_call(Phone::caller_by_tcp(&server, 1_900.0), "102", &mut bob);
    clean_call(Phone::caller(&server, 1_900.0), "102", &mut bob);
    for stream in [&mut half_a_body, &mut half_a_head, &mut mute] {
        assert!(stream.messages_to_the_end(Duration::from_secs(45)).is_empty());
    }
    assert!(slow.join().expect("a thread"), "a byte a second was let through");
    is_alive(&server);
    server.finish();
}

/// So that this process can hold as many connections as it wants to.
fn raise_the_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("up to the hard limit");
}

/// Connections that are there and say nothing, as many as are accepted, a thousand at least. Calls go
/// through beside them; another address is not shut out by this one's limit.
#[test]
fn a_thousand_idle_connections_and_more_are_harmless() {
    raise_the_limit();
    let server = server();
    let mut bob = Phone::operator(&server, "bob", 1_570.0);
    let greedy = IpAddr::from(Ipv4Addr::new(127, 78, 0, 1));
    let mut open = Vec::new();
    let is_in = |stream: &mut Stream| stream.send(b"\r\n\r\n") && stream.hears() == Heard::Pong;
    loop {
        let mut stream = Stream::open_from(greedy, server.address());
        if !is_in(&mut stream) {
            break;
        }
        open.push(stream);
        assert!(open.len() < 9_000, "one address may have everything");
    }
    assert!(open.len() >= 1_000, "only {} connections", open.len());
    clean_call(Phone::caller_by_tcp(&server, 1_900.0), "102", &mut bob);
    clean_call(Phone::caller(&server, 1_900.0), "102", &mut bob);
    assert!(is_in(&mut open[500]), "those that were there are served");
    // One that ends makes room for another.
    drop(open.pop());
    let deadline = Instant::now() + sip_tests::SOON;
    while !is_in(&mut Stream::open_from(greedy, server.address())) {
        assert!(Instant::now() < deadline, "no room is given back");
    }
    drop(open);
    server.finish();
}
