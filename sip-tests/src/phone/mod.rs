//! A phone made of text: a user agent that does precisely what a test says, also what no phone
//! should. One call at a time; UDP, or one TCP connection.

mod receive;
mod send;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use crate::line::Line;
use crate::{Audio, SOON, Server, Sip, Stream};

/// How an INVITE is to be.
#[derive(Debug, Clone, Default)]
pub struct Invite<'a> {
    /// More header fields, each with its line end.
    pub headers: &'a str,
    /// Without an offer.
    pub late: bool,
    /// The user in From, or user and host; the phone's own where it is empty.
    pub from: &'a str,
}

/// One user agent.
#[derive(Debug)]
pub struct Phone {
    /// Its RTP.
    pub audio: Audio,
    /// Lists these payload types in its SDP.
    pub codecs: Vec<u8>,
    /// The direction it offers and answers.
    pub direction: &'static str,
    /// Done to every SDP before it is sent; what begins with `--x` then is sent as a multipart.
    pub rewrite: fn(String) -> String,
    /// Answers repeated requests as before; false: is deaf to them.
    pub repeats: bool,
    user: String,
    password: Option<String>,
    line: Line,
    server: SocketAddr,
    ladder: Vec<String>,
    /// Every message that was sent, and every one that came.
    said: String,
    heard: String,
    born: Instant,
    minted: u32,
    inbox: Vec<Sip>,
    /// What came, how often, and what was answered.
    seen: BTreeMap<String, (u32, Option<String>)>,
    register: (String, u32),
    version: u64,
    call: Call,
}

/// The one call.
#[derive(Debug, Default)]
struct Call {
    id: String,
    local: String,
    remote: String,
    target: String,
    routes: Vec<String>,
    cseq: u32,
    /// The number of the INVITE we sent last.
    invited: u32,
    /// Whether the last offer of this call was ours.
    offered: bool,
    /// The INVITE we sent last.
    sent: String,
    /// The INVITE that came last.
    came: Option<Sip>,
}

impl Phone {
    /// What names its call to the server, as the value of Replaces (RFC 3891 section 6.1).
    #[must_use]
    pub fn replaces(&self) -> String {
        let tag =
            |address: &str| address.rsplit_once(";tag=").map_or("", |(_, tag)| tag).to_owned();
        let Call { id, local, remote, .. } = &self.call;
        format!("{id};to-tag={};from-tag={}", tag(remote), tag(local))
    }

    /// Somebody on the trunk's side: no registration, the server's own address.
    #[must_use]
    pub fn caller(server: &Server, hz: f64) -> Self {
        Self::at(&server.address().ip().to_string(), server, "+74951234567", hz)
    }

    /// Somebody at an address of their own.
    #[must_use]
    pub fn at(address: &str, server: &Server, user: &str, hz: f64) -> Self {
        Self::towards(server.address(), address, user, hz)
    }

    /// Somebody who speaks to whatever is at `peer`.
    ///
    /// # Panics
    /// Where `address` is not on this machine.
    #[must_use]
    pub fn towards(peer: SocketAddr, address: &str, user: &str, hz: f64) -> Self {
        let socket = UdpSocket::bind((address, 0)).expect("a SIP socket");
        Self::on(Line::Udp(socket), peer, address, user, hz)
    }

    fn on(line: Line, peer: SocketAddr, address: &str, user: &str, hz: f64) -> Self {
        Self {
            audio: Audio::open(address, hz),
            codecs: vec![0, 8, 101],
            direction: "sendrecv",
            rewrite: |sdp| sdp,
            repeats: true,
            user: user.to_owned(),
            password: None,
            line,
            server: peer,
            ladder: Vec::new(),
            said: String::new(),
            heard: String::new(),
            born: Instant::now(),
            minted: 0,
            inbox: Vec::new(),
            seen: BTreeMap::new(),
            register: (String::new(), 0),
            version: 1,
            call: Call::default(),
        }
    }

    /// The same as [`Phone::caller`] by TCP.
    #[must_use]
    pub fn caller_by_tcp(server: &Server, hz: f64) -> Self {
        let line = Line::Tcp(Stream::open(server.address()));
        let host = server.address().ip().to_string();
        Self::on(line, server.address(), &host, "+74951234567", hz)
    }

    /// The same as [`Phone::operator`] by this connection.
    #[track_caller]
    #[must_use]
    pub fn operator_by_tcp(server: &Server, stream: Stream, operator: &str, hz: f64) -> Self {
        let (host, line) = (stream.address().ip().to_string(), Line::Tcp(stream));
        let mut phone = Self::on(line, server.address(), &host, operator, hz);
        phone.password = Some(format!("{operator}-secret"));
        phone.sign_in(server, operator);
        phone
    }

    /// Listens for connections where it takes datagrams.
    ///
    /// # Panics
    /// Where somebody else does.
    #[must_use]
    pub fn listen(&self) -> TcpListener {
        let listener = TcpListener::bind(self.address()).expect("a listener");
        listener.set_nonblocking(true).expect("an open socket");
        listener
    }

    /// Takes the next connection, and speaks by it from now on.
    ///
    /// # Panics
    /// Where none comes.
    #[track_caller]
    pub fn accept(&mut self, listener: &TcpListener) {
        let until = Instant::now() + SOON;
        let stream = loop {
            if let Ok((stream, _)) = listener.accept() {
                break stream;
            }
            assert!(Instant::now() < until, "nobody connects to {}", self.address());
            std::thread::park_timeout(Duration::from_millis(5));
        };
        stream.set_nonblocking(false).expect("an open socket");
        self.line = Line::Tcp(Stream::of(stream));
    }

    /// An operator's phone with the password of the default configuration, not registered yet.
    #[must_use]
    pub fn of(server: &Server, operator: &str, hz: f64) -> Self {
        let mut phone = Self::at(&server.address().ip().to_string(), server, operator, hz);
        phone.password = Some(format!("{operator}-secret"));
        phone
    }

    /// An operator's phone that has registered.
    #[track_caller]
    #[must_use]
    pub fn operator(server: &Server, operator: &str, hz: f64) -> Self {
        let mut phone = Self::of(server, operator, hz);
        phone.sign_in(server, operator);
        phone
    }

    #[track_caller]
    fn sign_in(&mut self, server: &Server, operator: &str) {
        let mark = server.events.mark();
        let answer = self.register(3_600);
        assert_eq!(answer.status(), Some(200), "{}", answer.text());
        let fields = [("operator", operator), ("/effective/state", "ready")];
        server.events.wait_from(mark, "operator.state", &fields);
    }

    /// Answers challenges with this.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Where it sends from.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.line.address()
    }

    /// `<sip:USER@ADDRESS>`, with the transport where it is TCP.
    #[must_use]
    pub fn contact(&self) -> String {
        format!("<sip:{}@{}{}>", self.user, self.address(), self.line.parameter())
    }

    fn mint(&mut self, what: &str) -> String {
        self.minted += 1;
        format!("{what}{}x{}x{}", self.address().port(), std::process::id(), self.minted)
    }

    fn via(&mut self) -> String {
        let branch = self.mint("z9hG4bK");
        format!("SIP/2.0/{} {};rport;branch={branch}", self.line.transport(), self.address())
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.address(), self.ladder());
        }
    }
}

fn tag(value: &str) -> &str {
    value.rsplit_once(";tag=").map_or("", |(_, tag)| tag)
}

fn branch(text: &str) -> String {
    let rest = text.split_once("branch=").map_or("", |(_, rest)| rest);
    rest.split(['\r', ';']).next().unwrap_or_default().to_owned()
}
