//! A phone made of text: a user agent that does precisely what a test says, also what no phone
//! should. One call at a time; UDP.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::{Audio, SOON, Server, Sip, digest};

/// How an INVITE is to be.
#[derive(Debug, Clone, Default)]
pub struct Invite<'a> {
    /// More header fields, each with its line end.
    pub headers: &'a str,
    /// Without an offer.
    pub late: bool,
    /// The user in From; the phone's own where it is empty.
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
    /// Done to every SDP before it is sent.
    pub rewrite: fn(String) -> String,
    /// Answers repeated requests as before; false: is deaf to them.
    pub repeats: bool,
    user: String,
    password: Option<String>,
    socket: UdpSocket,
    server: SocketAddr,
    ladder: Vec<String>,
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
    /// Whether the last offer of this call was ours.
    offered: bool,
    /// The INVITE we sent last.
    sent: String,
    /// The INVITE that came last.
    came: Option<Sip>,
}

impl Phone {
    /// Somebody on the trunk's side: no registration, source address 127.0.0.1.
    #[must_use]
    pub fn caller(server: &Server, hz: f64) -> Self {
        Self::at("127.0.0.1", server, "+74951234567", hz)
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
        Self {
            audio: Audio::open(address, hz),
            codecs: vec![0, 8, 101],
            direction: "sendrecv",
            rewrite: |sdp| sdp,
            repeats: true,
            user: user.to_owned(),
            password: None,
            socket,
            server: peer,
            ladder: Vec::new(),
            born: Instant::now(),
            minted: 0,
            inbox: Vec::new(),
            seen: BTreeMap::new(),
            register: (String::new(), 0),
            version: 1,
            call: Call::default(),
        }
    }

    /// An operator's phone with the password of the default configuration, not registered yet.
    #[must_use]
    pub fn of(server: &Server, operator: &str, hz: f64) -> Self {
        let mut phone = Self::at("127.0.0.1", server, operator, hz);
        phone.password = Some(format!("{operator}-secret"));
        phone
    }

    /// An operator's phone that has registered.
    #[track_caller]
    #[must_use]
    pub fn operator(server: &Server, operator: &str, hz: f64) -> Self {
        let mark = server.events.mark();
        let mut phone = Self::of(server, operator, hz);
        let answer = phone.register(3_600);
        assert_eq!(answer.status(), Some(200), "{}", answer.text());
        let fields = [("operator", operator), ("/effective/state", "ready")];
        server.events.wait_from(mark, "operator.state", &fields);
        phone
    }

    /// Answers challenges with this.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Where it sends from.
    ///
    /// # Panics
    /// Never, while its socket is open.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("a bound socket")
    }

    /// `<sip:USER@ADDRESS>`.
    #[must_use]
    pub fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.user, self.address())
    }

    fn mint(&mut self, what: &str) -> String {
        self.minted += 1;
        format!("{what}{}x{}x{}", self.address().port(), std::process::id(), self.minted)
    }

    fn via(&mut self) -> String {
        let branch = self.mint("z9hG4bK");
        format!("SIP/2.0/UDP {};rport;branch={branch}", self.address())
    }

    // What is sent.

    /// Sends text as it is.
    ///
    /// # Panics
    /// Where the socket does not.
    pub fn send(&mut self, text: &str) {
        self.note("→", text.lines().next().unwrap_or_default());
        self.socket.send_to(text.as_bytes(), self.server).expect("a datagram is sent");
    }

    fn note(&mut self, arrow: &str, line: &str) {
        let at = self.born.elapsed().as_millis();
        self.ladder.push(format!("{at:>6} ms {} {arrow} {line}", self.user));
    }

    /// The SDP it would offer now; a new version each time.
    pub fn sdp(&mut self) -> String {
        self.version += 1;
        let (ip, port) = (self.audio.address().ip(), self.audio.address().port());
        let (version, direction) = (self.version, self.direction);
        let types: Vec<String> = self.codecs.iter().map(u8::to_string).collect();
        let mut lines = String::new();
        for codec in &self.codecs {
            lines += match codec {
                0 => "a=rtpmap:0 PCMU/8000\r\n",
                8 => "a=rtpmap:8 PCMA/8000\r\n",
                9 => "a=rtpmap:9 G722/8000\r\n",
                _ => "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n",
            };
        }
        (self.rewrite)(format!(
            "v=0\r\no=- 4711 {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {}\r\n{lines}a=ptime:20\r\na={direction}\r\n",
            types.join(" ")
        ))
    }

    /// A REGISTER and its answer, credentials included where they are asked for.
    #[track_caller]
    pub fn register(&mut self, expires_s: u32) -> Sip {
        let contact = format!("Contact: {}\r\nExpires: {expires_s}\r\n", self.contact());
        self.register_with(&contact)
    }

    /// A REGISTER with these lines for Contact and Expires.
    ///
    /// # Panics
    /// Where it is not answered.
    #[track_caller]
    pub fn register_with(&mut self, lines: &str) -> Sip {
        let first = self.send_register(lines, "");
        let answer = self.response(&first);
        let (Some(401), Some(password)) = (answer.status(), self.password.clone()) else {
            return answer;
        };
        let value = answer.all("WWW-Authenticate").find(|value| !value.contains("SHA-256"));
        let value = value.expect("a challenge for MD5").to_owned();
        let uri = "sip:usher.test";
        let answer = digest::answer(&value, &self.user, &password, "REGISTER", uri);
        let again = self.send_register(lines, &format!("Authorization: {answer}\r\n"));
        self.response(&again)
    }

    /// The branch it was sent with.
    fn send_register(&mut self, lines: &str, more: &str) -> String {
        if self.register.0.is_empty() {
            self.register.0 = self.mint("reg");
        }
        self.register.1 += 1;
        let (via, tag, user) = (self.via(), self.mint("t"), &self.user);
        let (id, cseq) = (&self.register.0, self.register.1);
        let text = format!(
            "REGISTER sip:usher.test SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\n\
             From: <sip:{user}@usher.test>;tag={tag}\r\nTo: <sip:{user}@usher.test>\r\n\
             Call-ID: {id}\r\nCSeq: {cseq} REGISTER\r\n{lines}{more}Content-Length: 0\r\n\r\n"
        );
        self.send(&text);
        branch(&text)
    }

    /// A new call with an offer.
    pub fn invite(&mut self, number: &str) {
        self.invite_as(number, &Invite::default());
    }

    /// A new call.
    pub fn invite_as(&mut self, number: &str, how: &Invite<'_>) {
        let uri = format!("sip:{number}@{}", self.server);
        let user = if how.from.is_empty() { self.user.clone() } else { how.from.to_owned() };
        self.call = Call {
            id: self.mint("call"),
            local: format!("<sip:{user}@{}>;tag={}", self.address(), self.mint("t")),
            remote: format!("<{uri}>"),
            target: uri,
            ..Call::default()
        };
        self.send_invite(how.headers, how.late);
    }

    /// The same call again, with credentials for this challenge.
    ///
    /// # Panics
    /// Where there is no challenge for MD5.
    pub fn invite_again(&mut self, challenge: &Sip) {
        let values = challenge.all("WWW-Authenticate").chain(challenge.all("Proxy-Authenticate"));
        let mut values = values.filter(|value| !value.contains("SHA-256"));
        let value = values.next().expect("a challenge for MD5").to_owned();
        let password = self.password.clone().unwrap_or_default();
        let answer = digest::answer(&value, &self.user, &password, "INVITE", &self.call.target);
        let name = if challenge.status() == Some(407) { "Proxy-" } else { "" };
        self.send_invite(&format!("{name}Authorization: {answer}\r\n"), false);
    }

    /// An INVITE within the call, with an offer unless it is `late`.
    pub fn reinvite(&mut self) {
        self.send_invite("", false);
    }

    /// An INVITE within the call that asks for an offer.
    pub fn reinvite_late(&mut self) {
        self.send_invite("", true);
    }

    fn send_invite(&mut self, headers: &str, late: bool) {
        self.call.cseq += 1;
        self.call.offered = !late;
        let body = if late { String::new() } else { self.sdp() };
        self.call.sent = self.text("INVITE", self.call.cseq, headers, &body);
        let text = self.call.sent.clone();
        self.send(&text);
    }

    /// The last INVITE once more, octet for octet.
    pub fn repeat_invite(&mut self) {
        let text = self.call.sent.clone();
        self.send(&text);
    }

    /// A request of this call, to where the peer's Contact says.
    fn text(&mut self, method: &str, cseq: u32, headers: &str, body: &str) -> String {
        let (via, contact) = (self.via(), self.contact());
        let Call { id, local, remote, target, routes, .. } = &self.call;
        let routes: String = routes.iter().map(|route| format!("Route: {route}\r\n")).collect();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {target} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\n{routes}From: {local}\r\n\
             To: {remote}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\nContact: {contact}\r\n\
             {headers}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// The ACK of a 200; with an answer where the offer was the peer's.
    pub fn ack(&mut self) {
        let body = if self.call.offered { String::new() } else { self.sdp() };
        let text = self.text("ACK", self.call.cseq, "", &body);
        self.send(&text);
    }

    /// The ACK of a 200 with an offer, which it does not answer.
    pub fn ack_without_answer(&mut self) {
        let text = self.text("ACK", self.call.cseq, "", "");
        self.send(&text);
    }

    /// The ACK of the 200 to the INVITE with this number.
    pub fn ack_of(&mut self, cseq: u32) {
        let text = self.text("ACK", cseq, "", "");
        self.send(&text);
    }

    /// The ACK of a refusal, in the INVITE's transaction.
    fn ack_refusal(&mut self, refusal: &Sip) {
        let line = |name: &str| {
            let start = format!("{name}: ");
            self.call.sent.lines().find(|line| line.starts_with(&start)).unwrap_or_default()
        };
        let text = format!(
            "ACK {} SIP/2.0\r\n{}\r\nMax-Forwards: 70\r\n{}\r\nTo: {}\r\n{}\r\nCSeq: {} ACK\r\n\
             Content-Length: 0\r\n\r\n",
            self.call.sent.split(' ').nth(1).unwrap_or_default(),
            line("Via"),
            line("From"),
            refusal.must("To"),
            line("Call-ID"),
            refusal.cseq().0,
        );
        self.send(&text);
    }

    /// The CANCEL of the last INVITE.
    pub fn cancel(&mut self) {
        let head = self.call.sent.split("\r\n\r\n").next().unwrap_or_default().to_owned();
        let mut text = head.replacen("INVITE ", "CANCEL ", 1).replace(" INVITE", " CANCEL");
        for name in ["Content-Length", "Content-Type", "Contact"] {
            let kept = text.split("\r\n").filter(|line| !line.starts_with(name));
            text = kept.collect::<Vec<_>>().join("\r\n");
        }
        self.send(&format!("{text}\r\nContent-Length: 0\r\n\r\n"));
    }

    /// A request of the call other than INVITE, ACK, CANCEL.
    pub fn request(&mut self, method: &str, headers: &str) {
        self.call.cseq += 1;
        let text = self.text(method, self.call.cseq, headers, "");
        self.send(&text);
    }

    /// Ends the call and waits until that was understood.
    ///
    /// # Panics
    /// Where it was not.
    #[track_caller]
    pub fn hang_up(&mut self) {
        self.request("BYE", "");
        let answer = self.expect_response("BYE");
        assert_eq!(answer.status(), Some(200), "{}\n{}", answer.text(), self.ladder());
    }

    /// A request of its own, outside of any call, and the answer to it.
    #[track_caller]
    pub fn ask(&mut self, method: &str, number: &str, headers: &str) -> Sip {
        let (via, tag, id) = (self.via(), self.mint("t"), self.mint("ask"));
        let (user, address, peer) = (&self.user, self.address(), self.server);
        let hops = if headers.contains("Max-Forwards") { "" } else { "Max-Forwards: 70\r\n" };
        let text = format!(
            "{method} sip:{number}@{peer} SIP/2.0\r\nVia: {via}\r\n{hops}\
             From: <sip:{user}@{address}>;tag={tag}\r\nTo: <sip:{number}@{peer}>\r\n\
             Call-ID: {id}\r\nCSeq: 7 {method}\r\nContact: {}\r\n{headers}\
             Content-Length: 0\r\n\r\n",
            self.contact()
        );
        self.send(&text);
        self.response(&branch(&text))
    }

    /// Speaks to this server from now on: for phones that were there before it.
    pub fn aim(&mut self, server: &Server) {
        self.server = server.address();
    }

    /// Gives the next request of the call this number in CSeq.
    pub fn count_from(&mut self, cseq: u32) {
        self.call.cseq = cseq - 1;
    }

    /// Answers a request.
    pub fn reply(&mut self, request: &Sip, status: &str, headers: &str, body: &str) {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for name in ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"] {
            for value in request.all(name) {
                let bare =
                    name == "To" && request.tag("To").is_none() && !status.starts_with("100");
                let tag =
                    if bare { format!(";tag={}", tag(&self.call.local)) } else { String::new() };
                text += &format!("{name}: {value}{tag}\r\n");
            }
        }
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let contact = self.contact();
        text += &format!(
            "Contact: {contact}\r\n{headers}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if let Some((_, answer)) = self.seen.get_mut(&request.identity()) {
            *answer = Some(text.clone());
        }
        self.send(&text);
    }

    /// Answers from now on as another branch of a fork would: with another To tag.
    pub fn fork(&mut self) {
        let tag = self.mint("fork");
        let bare = self.call.local.rsplit_once(";tag=").map_or("", |(bare, _)| bare);
        self.call.local = format!("{bare};tag={tag}");
    }

    /// Answers the INVITE that came last without SDP: `180 Ringing`, `486 Busy Here`.
    ///
    /// # Panics
    /// Where none came.
    #[track_caller]
    pub fn reply_invite(&mut self, status: &str) {
        let invite = self.call.came.clone().expect("an INVITE came");
        self.reply(&invite, status, "", "");
    }

    /// Answers the INVITE that came last with 200 and SDP, and does not wait for anything.
    ///
    /// # Panics
    /// Where none came.
    #[track_caller]
    pub fn pick_up(&mut self) {
        let invite = self.call.came.clone().expect("an INVITE came");
        self.call.offered = invite.audio().is_none();
        let sdp = self.sdp();
        self.reply(&invite, "200 OK", "", &sdp);
    }

    /// Sends the 200 once more, as when the ACK was lost.
    ///
    /// # Panics
    /// Where none was sent.
    #[track_caller]
    pub fn pick_up_again(&mut self) {
        let invite = self.call.came.clone().expect("an INVITE came");
        let sent = self.seen.get(&invite.identity()).and_then(|(_, answer)| answer.clone());
        self.send(&sent.expect("a 200 was sent"));
    }

    /// Picks up and waits for the ACK.
    #[track_caller]
    pub fn answer(&mut self) {
        self.pick_up();
        self.expect("ACK");
    }

    // What is received.

    /// The next message that is no repetition, none when time is up.
    fn receive(&mut self, until: Instant) -> Option<Sip> {
        let mut buffer = [0; 65_535];
        loop {
            let left = until.checked_duration_since(Instant::now()).filter(|d| !d.is_zero())?;
            // The only failure is a zero, excluded above.
            let _ = self.socket.set_read_timeout(Some(left));
            let Ok((length, source)) = self.socket.recv_from(&mut buffer) else { continue };
            let Some(message) = Sip::parse(&buffer[..length], source) else { continue };
            let (count, answer) = self.seen.entry(message.identity()).or_default();
            *count += 1;
            if *count == 1 {
                self.note("←", &message.start);
                self.learn(&message);
                return Some(message);
            }
            let answer = answer.clone().filter(|_| self.repeats);
            self.note("←", &format!("{} (again)", message.start));
            if let Some(answer) = answer {
                self.send(&answer);
            }
        }
    }

    /// Keeps what a call is made of.
    fn learn(&mut self, message: &Sip) {
        message.check();
        if message.status().is_some() {
            // RFC 3581: answered where it came from, and told so.
            let via = message.must("Via");
            let rport = format!("rport={}", self.address().port());
            assert!(via.contains(&rport) && via.contains("received="), "{}", message.text());
            assert_eq!(message.all("Via").count(), 1, "{}", message.text());
        } else if let Some(invite) = &self.call.came
            && message.must("Call-ID") == self.call.id
            && ["ACK", "CANCEL"].contains(&message.cseq().1)
        {
            let (number, _) = message.cseq();
            assert_eq!(number, invite.cseq().0, "of no INVITE:\n{}", message.text());
            let own = message.method() == Some("CANCEL");
            assert!(!own || message.branch() == invite.branch(), "{}", message.text());
        }
        if let Some((to, kinds)) = message.audio() {
            let kind = kinds.iter().find(|kind| self.codecs.contains(kind) && **kind < 96);
            let open = !to.ip().is_unspecified() && to.port() != 0;
            if let Some(&kind) = kind.filter(|_| open) {
                self.audio.send_to(to, kind);
            }
        }
        if message.method() == Some("INVITE") {
            if message.tag("To").is_none() {
                self.call = Call {
                    id: message.must("Call-ID").to_owned(),
                    local: format!("{};tag={}", message.must("To"), self.mint("t")),
                    remote: message.must("From").to_owned(),
                    routes: message.all("Record-Route").map(str::to_owned).collect(),
                    cseq: 100,
                    ..Call::default()
                };
            }
            self.call.came = Some(message.clone());
        }
        let of_call = message.must("Call-ID") == self.call.id;
        let joins = message.status().is_some_and(|code| code < 300);
        if of_call && joins && message.tag("To").is_some() {
            self.call.remote = message.must("To").to_owned();
            if message.cseq().1 == "INVITE" {
                let routes = message.all("Record-Route").map(str::to_owned);
                self.call.routes = routes.collect();
                self.call.routes.reverse();
            }
        }
        if of_call
            && message.cseq().1 == "INVITE"
            && let Some(target) = message.contact()
        {
            self.call.target = target.to_owned();
        }
    }

    #[track_caller]
    fn await_that(&mut self, what: &str, fits: impl Fn(&Sip) -> bool) -> Sip {
        if let Some(at) = self.inbox.iter().position(&fits) {
            return self.inbox.remove(at);
        }
        let until = Instant::now() + SOON;
        while let Some(message) = self.receive(until) {
            if fits(&message) {
                return message;
            }
            self.inbox.push(message);
        }
        panic!("{} got no {what}:\n{}", self.user, self.ladder())
    }

    /// The next request of this method; others stay where they are.
    #[track_caller]
    pub fn expect(&mut self, method: &str) -> Sip {
        self.await_that(method, |message| message.method() == Some(method))
    }

    /// Waits for this status to the last INVITE, an ACK is up to the test where it is a 2xx.
    ///
    /// # Panics
    /// Where another final one comes.
    #[track_caller]
    pub fn expect_status(&mut self, status: u16) -> Sip {
        let cseq = self.call.cseq;
        let response = self.await_that(&status.to_string(), |message| {
            let code = message.status();
            message.cseq() == (cseq, "INVITE") && (code == Some(status) || code >= Some(200))
        });
        if response.status() >= Some(300) {
            self.ack_refusal(&response);
        }
        let ladder = self.ladder();
        assert_eq!(response.status(), Some(status), "{}\n{ladder}", response.text());
        response
    }

    /// Waits for whatever refusal, and confirms it.
    #[track_caller]
    pub fn expect_refusal(&mut self) -> Sip {
        let cseq = self.call.cseq;
        let response = self.await_that("refusal", |message| {
            message.cseq() == (cseq, "INVITE") && message.status() >= Some(300)
        });
        self.ack_refusal(&response);
        response
    }

    /// Waits for the call to be answered and confirms it.
    #[track_caller]
    pub fn expect_answer(&mut self) -> Sip {
        let response = self.expect_status(200);
        self.ack();
        response
    }

    /// The final response to the last request of this method.
    #[track_caller]
    pub fn expect_response(&mut self, method: &str) -> Sip {
        self.await_that(&format!("response to {method}"), |message| {
            message.status() >= Some(200) && message.cseq().1 == method
        })
    }

    #[track_caller]
    fn response(&mut self, branch: &str) -> Sip {
        self.await_that("response", |message| {
            message.status() >= Some(200) && message.branch() == branch
        })
    }

    /// Waits for a BYE and confirms it.
    #[track_caller]
    pub fn expect_bye(&mut self) -> Sip {
        let bye = self.expect("BYE");
        self.reply(&bye, "200 OK", "", "");
        self.audio.mute();
        bye
    }

    /// Waits for a CANCEL and does as it says.
    #[track_caller]
    pub fn expect_cancel(&mut self) -> Sip {
        let cancel = self.expect("CANCEL");
        self.reply(&cancel, "200 OK", "", "");
        self.reply_invite("487 Request Terminated");
        self.expect("ACK");
        cancel
    }

    /// That nothing new comes for so long: the one thing that has no event.
    ///
    /// # Panics
    /// Where something does.
    #[track_caller]
    pub fn expect_nothing(&mut self, within: Duration) {
        if let Some(message) = self.receive(Instant::now() + within) {
            panic!("{} got\n{}\n{}", self.user, message.text(), self.ladder());
        }
    }

    /// How often a message of this kind came, repetitions included: `INVITE`, `SIP/2.0 200`.
    #[must_use]
    pub fn times(&self, start: &str) -> u32 {
        let fits = |key: &&String| key.starts_with(start);
        self.seen.keys().filter(fits).filter_map(|key| self.seen.get(key)).map(|(n, _)| n).sum()
    }

    /// Waits until a message of this kind came so often, repetitions included.
    ///
    /// # Panics
    /// When it has not in time.
    #[track_caller]
    pub fn expect_times(&mut self, start: &str, count: u32) {
        let until = Instant::now() + SOON;
        while self.times(start) < count {
            let slice = (Instant::now() + Duration::from_millis(20)).min(until);
            if let Some(message) = self.receive(slice) {
                self.inbox.push(message);
            }
            assert!(Instant::now() < until, "not {count} times {start}:\n{}", self.ladder());
        }
    }

    /// All that was sent and received.
    #[must_use]
    pub fn ladder(&self) -> String {
        self.ladder.join("\n")
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
