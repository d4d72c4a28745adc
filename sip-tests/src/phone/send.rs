//! What a phone sends.

use super::{Call, Invite, Phone, branch, tag};
use crate::codec::OPUS;
use crate::{Server, Sip, digest};

impl Phone {
    /// Sends text as it is.
    ///
    /// # Panics
    /// Where the socket does not.
    pub fn send(&mut self, text: &str) {
        self.note("→", text.lines().next().unwrap_or_default());
        self.said += text;
        self.line.send(text.as_bytes(), self.server);
    }

    pub(super) fn note(&mut self, arrow: &str, line: &str) {
        let at = self.born.elapsed().as_millis();
        self.ladder.push(format!("{at:>6} ms {} {arrow} {line}", self.user));
    }

    /// The SDP it would offer now; a new version each time.
    pub fn sdp(&mut self) -> String {
        self.version += 1;
        let (ip, port) = (self.audio.address().ip(), self.audio.address().port());
        let (version, direction) = (self.version, self.direction);
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        let ptime = self.audio.ptime_ms();
        let types: Vec<String> = self.codecs.iter().map(u8::to_string).collect();
        let mut lines = String::new();
        for codec in &self.codecs {
            lines += match codec {
                0 => "a=rtpmap:0 PCMU/8000\r\n",
                8 => "a=rtpmap:8 PCMA/8000\r\n",
                9 => "a=rtpmap:9 G722/8000\r\n",
                &OPUS => "a=rtpmap:111 opus/48000/2\r\n",
                110 => "a=rtpmap:110 telephone-event/48000\r\na=fmtp:110 0-15\r\n",
                _ => "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n",
            };
        }
        (self.rewrite)(format!(
            "v=0\r\no=- 4711 {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {}\r\n{lines}a=ptime:{ptime}\r\na={direction}\r\n",
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
        let user = if how.from.is_empty() { &self.user } else { how.from };
        let at = if user.contains('@') { String::new() } else { format!("@{}", self.address()) };
        let from = format!("<sip:{user}{at}>");
        self.call = Call {
            id: self.mint("call"),
            local: format!("{from};tag={}", self.mint("t")),
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

    /// An UPDATE with an offer; what was sent.
    pub fn update(&mut self) -> String {
        self.call.cseq += 1;
        let sdp = self.sdp();
        let text = self.text("UPDATE", self.call.cseq, "", &sdp);
        self.send(&text);
        text
    }

    fn send_invite(&mut self, headers: &str, late: bool) {
        self.call.cseq += 1;
        self.call.offered = !late;
        let body = if late { String::new() } else { self.sdp() };
        self.call.invited = self.call.cseq;
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
        let is_said = headers.contains("Content-Type:");
        let kind = if is_said { "" } else { kind(body) };
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
        let text = self.text("ACK", self.call.invited, "", &body);
        self.send(&text);
    }

    /// The ACK of a 200 with an offer, which it does not answer.
    pub fn ack_without_answer(&mut self) {
        let text = self.text("ACK", self.call.invited, "", "");
        self.send(&text);
    }

    /// The ACK of the 200 to the INVITE with this number.
    pub fn ack_of(&mut self, cseq: u32) {
        let text = self.text("ACK", cseq, "", "");
        self.send(&text);
    }

    /// The ACK of a refusal, in the INVITE's transaction.
    pub(super) fn ack_refusal(&mut self, refusal: &Sip) {
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
        self.request_with(method, headers, "");
    }

    /// The same with a body, whose Content-Type is among the header fields.
    pub fn request_with(&mut self, method: &str, headers: &str, body: &str) {
        self.call.cseq += 1;
        let text = self.text(method, self.call.cseq, headers, body);
        self.send(&text);
    }

    /// The PRACK of a reliable provisional response; with an answer where the offer was the peer's.
    pub fn prack(&mut self, response: &Sip) {
        self.call.cseq += 1;
        let body = if self.call.offered { String::new() } else { self.sdp() };
        let rack = format!("RAck: {} {}\r\n", response.must("RSeq"), response.must("CSeq"));
        let text = self.text("PRACK", self.call.cseq, &rack, &body);
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

    /// Answers a request, and speaks from then on where it is with SDP.
    pub fn reply(&mut self, request: &Sip, status: &str, headers: &str, body: &str) {
        self.respond(request, status, headers, body);
        if !body.is_empty() {
            self.audio.speak();
        }
    }

    fn respond(&mut self, request: &Sip, status: &str, headers: &str, body: &str) {
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
        let kind = kind(body);
        if !headers.contains("Contact:") {
            text += &format!("Contact: {}\r\n", self.contact());
        }
        text += &format!("{headers}{kind}Content-Length: {}\r\n\r\n{body}", body.len());
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

    /// Answers the INVITE that came last with 302 and this Contact.
    ///
    /// # Panics
    /// Where none came.
    #[track_caller]
    pub fn divert(&mut self, to: &str) {
        let invite = self.call.came.clone().expect("an INVITE came");
        self.reply(&invite, "302 Moved Temporarily", &format!("Contact: <{to}>\r\n"), "");
    }

    /// Answers the INVITE that came last with 200 and SDP, and does not wait for anything.
    ///
    /// # Panics
    /// Where none came.
    #[track_caller]
    pub fn pick_up(&mut self) {
        self.take();
        self.audio.begin();
    }

    /// The 200, without a word yet.
    fn take(&mut self) {
        let invite = self.call.came.clone().expect("an INVITE came");
        self.call.offered = invite.audio().is_none();
        let sdp = self.sdp();
        self.respond(&invite, "200 OK", "", &sdp);
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

    /// Picks up, waits for the ACK and says nothing yet.
    #[track_caller]
    pub fn answer_without_a_word(&mut self) {
        self.take();
        self.expect("ACK");
    }

    /// Picks up, waits for the ACK and speaks: what it said before the 200 is known, nobody would hear.
    #[track_caller]
    pub fn answer(&mut self) {
        self.answer_without_a_word();
        self.audio.begin();
    }
}

/// The Content-Type of a body, as a line.
fn kind(body: &str) -> &'static str {
    match body.get(..3) {
        None => "",
        Some("--x") => "Content-Type: multipart/mixed;boundary=\"x\"\r\n",
        Some(_) => "Content-Type: application/sdp\r\n",
    }
}
