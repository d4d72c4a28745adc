//! What peers say.
//!
//! They speak out of a small grammar in which tags, branches, Call-IDs and numbers are mostly those
//! of what they have heard, so that what they say has a place, and seldom a good one.

use std::net::SocketAddr;

use bytes::Bytes;
use sip::msg::digest::Challenge;
use sip::msg::{Message, Method, Name};
use sip::{Flow, Input, Transport};

use crate::dice::Dice;

/// Messages that are kept to be answered, repeated and imitated.
const HEARD_MAX: usize = 48;

const METHODS: &[&str] = &[
    "INVITE",
    "INVITE",
    "INVITE",
    "ACK",
    "ACK",
    "BYE",
    "CANCEL",
    "CANCEL",
    "PRACK",
    "PRACK",
    "UPDATE",
    "UPDATE",
    "INFO",
    "REFER",
    "NOTIFY",
    "OPTIONS",
    "REGISTER",
    "MESSAGE",
    "SUBSCRIBE",
    "FOO",
];

const CONTACTS: &[&str] = &[
    "Contact: <sip:b@192.0.2.2>",
    "Contact: <sip:b@192.0.2.2>",
    "Contact: <sip:b@host.example;transport=tcp>",
    "Contact: <sip:b@x.invalid;transport=ws>",
    "Contact: <tel:1>",
    "X: y",
];

const ROUTES: &[&str] = &[
    "Y: z",
    "Y: z",
    "Record-Route: <sip:192.0.2.9;lr>",
    "Record-Route: <sip:strict>",
    "Record-Route: <<<",
    "Max-Forwards: 0",
];

/// What extensions say.
const EXTENSIONS: &[&str] = &[
    "Supported: 100rel, timer, replaces, norefersub",
    "Supported: 100rel",
    "Require: 100rel",
    "Require: foo",
    "Session-Expires: 90;refresher=uas\r\nSupported: timer",
    "Session-Expires: 1800;refresher=uac\r\nRequire: timer",
    "Session-Expires: 1\r\nMin-SE: 90",
    "Session-Expires: 9;refresher=uas\r\nSupported: timer",
    "Session-Expires: 5\r\nRequire: timer",
    "x: 4294967295;refresher",
    "Min-SE: 4000000000",
    "Allow: INVITE, UPDATE",
    "Allow: INVITE",
    "Refer-To: <sip:carol@192.0.2.2>",
    "Refer-To: <sip:carol@192.0.2.2?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>\r\nRefer-Sub: false",
    "Refer-To: <sip:102@usher.example>",
    "Refer-To: <sip:600@usher.example>\r\nReferred-By: <sip:alice@usher.example>",
    "Event: refer\r\nSubscription-State: active;expires=60\r\nContent-Type: message/sipfrag",
    "Event: refer\r\nSubscription-State: terminated;reason=noresource",
    "Expires: 0",
    "Accept: text/plain",
    "Privacy: id;critical",
    "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000",
    "Reason: Q.850;cause=16",
    "Content-Disposition: early-session",
];

const AUDIO: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";

const BODIES: &[(&str, &str)] = &[
    ("", ""),
    ("", ""),
    ("application/sdp", AUDIO),
    ("application/sdp", AUDIO),
    ("application/sdp", "v=0"),
    ("application/sdp", "c=IN IP4 192.0.2.2\r\nm=audio 4000 RTP/AVP 8\r\na=sendonly\r\n"),
    ("application/sdp", "c=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 8\r\n"),
    ("application/sdp", "c=IN IP4 192.0.2.2\r\nm=audio 0 RTP/AVP 8\r\nm=video 9 RTP/AVP 96\r\n"),
    (
        "multipart/mixed;boundary=x",
        "--x\r\nContent-Type: application/sdp\r\n\r\nm=audio 4000 RTP/AVP 0\r\n--x--",
    ),
    ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
    ("message/sipfrag", "SIP/2.0 200 OK"),
    ("text/plain", "hello"),
];

const STATUSES: &[u16] = &[
    100, 180, 183, 183, 199, 200, 200, 200, 200, 202, 302, 401, 407, 408, 420, 421, 422, 481, 486,
    488, 491, 500, 501, 503, 603,
];

const FIRST: &[u8] = b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKz\r\n\
    From: <sip:a@h>;tag=q\r\nTo: <sip:x>\r\nCall-ID: seed\r\nCSeq: 1 OPTIONS\r\n\r\n";

/// A flow over UDP from a stranger, a trunk or ourselves.
pub(crate) fn flow(remote: usize) -> Flow {
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let remote = ["203.0.113.9:5060", "192.0.2.2:5060", "192.0.2.1:5060"][remote % 3];
    let (local, remote) = (address("192.0.2.1:5060"), address(remote));
    Flow { transport: Transport::Udp, local, remote, connection: 0 }
}

/// A flow by one of the transports, mostly from where the trunk is.
pub(crate) fn any_flow(dice: &mut Dice<'_>) -> Flow {
    let kinds = [
        (Transport::Udp, 0),
        (Transport::Udp, 0),
        (Transport::Tcp, 5),
        (Transport::Ws, 6),
        (Transport::Tls, 7),
    ];
    let (transport, connection) = dice.pick(&kinds).unwrap_or(kinds[0]);
    let remote = dice.pick(&[1, 1, 0, 2]).unwrap_or(1);
    Flow { transport, connection, ..flow(remote) }
}

/// Everybody else, and what they have heard.
pub(crate) struct Peers {
    heard: Vec<Message>,
}

impl Peers {
    pub(crate) fn new() -> Self {
        let first = Message::parse(Bytes::from_static(FIRST));
        Self { heard: vec![first.expect("a sound message")] }
    }

    /// What is sent is heard, and can be read, but for the answer to what is no message, which has
    /// the fields of that as they came.
    pub(crate) fn hear(&mut self, octets: &Bytes, is_malformed: bool) {
        let message = match Message::parse(octets.clone()) {
            Ok(message) => message,
            Err(_) if is_malformed => return,
            Err(fault) => panic!("what we send cannot be read: {fault}: {octets:?}"),
        };
        if self.heard.len() == HEARD_MAX {
            self.heard.remove(0);
        }
        self.heard.push(message);
    }

    /// Something that a peer says, if one has anything to say.
    pub(crate) fn say(&self, dice: &mut Dice<'_>) -> Option<Input> {
        let message = match dice.below(12) {
            0..6 => self.ask(dice)?,
            6..10 => self.answer(dice)?,
            10 => self.register(dice),
            _ => return self.stammer(dice),
        };
        Some(Input::Message { flow: any_flow(dice), message })
    }

    /// The newest are the likeliest: a byte of 0 is the last.
    fn model(&self, dice: &mut Dice<'_>) -> Option<Message> {
        let at = dice.below(self.heard.len());
        self.heard.iter().rev().nth(at).cloned()
    }

    /// A request in or out of a dialog, some of whose fields are those of others.
    fn ask(&self, dice: &mut Dice<'_>) -> Option<Message> {
        let mut method = dice.word(METHODS);
        let mut number = u64::from(dice.byte() % 8);
        let mut via = format!(
            "SIP/2.0/UDP 192.0.2.2;branch={}{};rport",
            dice.word(&["z9hG4bKa", "z9hG4bKb", "z9hG4bKc", "z9hG4bK", "old"]),
            dice.below(8)
        );
        let (mut to, mut from) = ("<sip:600@192.0.2.1>".to_owned(), "<sip:b@h>;tag=b".to_owned());
        let mut call_id = dice.word(&["c1", "c2", "c3"]).to_owned();
        let mut rack = "1 1 INVITE".to_owned();
        let how = dice.below(6);
        let model = match method {
            // Of what can be acknowledged.
            "PRACK" => self.heard.iter().rev().find(|message| message.rseq().is_some()).cloned(),
            _ => None,
        };
        if how > 1
            && let Some(model) = model.or_else(|| self.model(dice))
        {
            let field = |name| model.header(name).unwrap_or("").to_owned();
            (to, from) = (field(Name::To), field(Name::From));
            call_id = field(Name::CallId);
            let cseq = field(Name::CSeq);
            if model.is_request() {
                (to, from) = (from, to);
                if model.to_tag().is_none() {
                    from.push_str(";tag=x");
                }
            } else if how > 2 {
                // Of the transaction that was answered, or behind it in the dialog.
                let (was, _) = cseq.split_once(' ').unwrap_or(("1", ""));
                number = was.parse().unwrap_or(1);
                if matches!(method, "ACK" | "CANCEL") {
                    via = field(Name::Via);
                } else {
                    number += 1 + u64::from(dice.byte() % 4);
                }
            }
            rack = format!("{} {cseq}", model.rseq().unwrap_or(1));
        }
        if number == 7 {
            number = 2_147_483_647;
        }
        if method.is_empty() {
            method = "INVITE";
        }
        let (kind, body) = dice.pick(BODIES).unwrap_or_default();
        let (contact, route) = (dice.word(CONTACTS), dice.word(ROUTES));
        let extension = self.extension(dice);
        let kind =
            if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
        let rack = if method == "PRACK" { format!("RAck: {rack}\r\n") } else { String::new() };
        let text = format!(
            "{method} sip:600@192.0.2.1 SIP/2.0\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to}\r\n\
             Call-ID: {call_id}\r\nCSeq: {number} {method}\r\n{contact}\r\n{route}\r\n{extension}\
             {rack}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        // A field of what was heard may not do for another message.
        Message::parse(Bytes::from(text)).ok()
    }

    fn extension(&self, dice: &mut Dice<'_>) -> String {
        match dice.below(5) {
            0 | 1 => format!("{}\r\n", dice.word(EXTENSIONS)),
            2 => {
                let Some(model) = self.model(dice) else { return String::new() };
                let (to, from) = (model.to_tag().unwrap_or_default(), model.from_tag());
                let (to, from) = if dice.below(2) == 0 { (to, from) } else { (from, to) };
                let call_id = model.call_id();
                if dice.below(2) == 0 {
                    return format!("Replaces: {call_id};to-tag={to};from-tag={from}\r\n");
                }
                let user = dice.word(&["101", "102", "600", "alice"]);
                format!(
                    "Refer-To: <sip:{user}@usher.example?Replaces=\
                     {call_id}%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}>\r\n"
                )
            }
            _ => String::new(),
        }
    }

    /// A response to something we were asked.
    fn answer(&self, dice: &mut Dice<'_>) -> Option<Message> {
        let requests: Vec<Message> =
            self.heard.iter().rev().filter(|message| message.is_request()).cloned().collect();
        let request = dice.pick(&requests)?;
        let status = dice.pick(STATUSES).unwrap_or(200);
        let tag = dice.word(&["x", "x", "y", "z"]);
        let mut builder = request.respond(status, None, Some(tag));
        let contacts = ["<sip:x@192.0.2.2>", "<sip:x@192.0.2.2>", "<sip:x@n.example>", "junk", "*"];
        builder.push(Name::Contact, dice.word(&contacts));
        match status {
            401 => builder.push(Name::WwwAuthenticate, "Digest realm=\"r\", nonce=\"n\""),
            407 => {
                let challenge = "Digest realm=\"r\", nonce=\"n\", qop=auth";
                builder.push(Name::ProxyAuthenticate, challenge);
            }
            422 => builder.push(Name::MinSe, [3600, 7][dice.below(2)]),
            491 | 500 | 503 => builder.push(Name::RetryAfter, 3),
            101..200 if dice.below(2) == 0 => {
                builder.push(Name::Require, "100rel");
                let number = dice.pick(&[1, 1, 2, 3, u32::MAX]).unwrap_or(1);
                builder.push(Name::RSeq, number);
            }
            _ => {}
        }
        if dice.below(4) == 0 {
            let line = dice.word(EXTENSIONS).lines().next().unwrap_or("");
            if let Some((name, value)) = line.split_once(": ") {
                builder.push(name, value);
            }
        }
        if dice.below(4) == 0 {
            let route = dice.word(&["<sip:192.0.2.9;lr>", "<sip:strict>", "<<<"]);
            builder.push(Name::RecordRoute, route);
        }
        let (kind, body) = dice.pick(BODIES).unwrap_or_default();
        if !kind.is_empty() {
            builder = builder.body(kind, Bytes::from_static(body.as_bytes()));
        }
        Some(builder.build())
    }

    /// A phone that knows its password, answering the last challenge if there is one.
    fn register(&self, dice: &mut Dice<'_>) -> Message {
        let user = dice.word(&["alice", "bob", "alice", "mallory"]);
        let contact = dice.word(&[
            "Contact: <sip:alice@192.0.2.2>",
            "Contact: <sip:alice@192.0.2.2:5070;transport=tcp>;expires=60",
            "Contact: <sip:a@x.invalid;transport=ws>;+sip.instance=\"<urn:uuid:1>\";reg-id=1",
            "Contact: <sip:alice@192.0.2.2>;expires=0",
            "Contact: *\r\nExpires: 0",
            "Contact: <sip:1@h>, <sip:2@h>, <sip:3@h>, <sip:4@h>",
            "Expires: 5",
        ]);
        self.registration(user, contact, dice.byte(), dice.byte())
    }

    /// A REGISTER, with credentials for the last challenge that was heard.
    pub(crate) fn registration(&self, user: &str, contact: &str, number: u8, count: u8) -> Message {
        let mut challenges =
            self.heard.iter().rev().filter_map(|message| {
                Challenge::parse(message.header(Name::WwwAuthenticate)?).ok()
            });
        let proof = challenges.next().map_or_else(String::new, |challenge| {
            let ha1 = challenge.algorithm.ha1(user, &challenge.realm, "secret");
            let (uri, count) = ("sip:usher.example", u32::from(count));
            let made = challenge.answer(user, &ha1, &Method::Register, uri, "c", count);
            format!("Authorization: {made}\r\n")
        });
        let text = format!(
            "REGISTER sip:usher.example SIP/2.0\r\n\
             Via: SIP/2.0/UDP h;branch=z9hG4bKr{user}{number}-{count};rport\r\n\
             From: <sip:{user}@usher.example>;tag=r\r\nTo: <sip:{user}@usher.example>\r\n\
             Call-ID: r\r\nCSeq: {number} REGISTER\r\n{proof}{contact}\r\nContent-Length: 0\r\n\r\n"
        );
        Message::parse(Bytes::from(text)).expect("a sound message")
    }

    /// A message of ours comes back, as it is or with octets of the input in it.
    fn stammer(&self, dice: &mut Dice<'_>) -> Option<Input> {
        let model = self.model(dice)?;
        let mut octets = model.wire().to_vec();
        let at = dice.below(256) * octets.len() / 256;
        let (cut, put) = (dice.below(8), dice.below(8));
        let put = dice.take(put);
        octets.splice(at..(at + cut).min(octets.len()), put.iter().copied());
        let flow = any_flow(dice);
        Some(match Message::parse(Bytes::from(octets)) {
            Ok(message) => Input::Message { flow, message },
            Err(malformed) => Input::Malformed { flow, malformed },
        })
    }
}
