//! What peers say.

use bytes::Bytes;
use sip::Input;
use sip::msg::digest::{Algorithm, Challenge};
use sip::msg::{Message, Method, Name};

use super::Chaos;

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
    "Event: refer\r\nSubscription-State: active;expires=60\r\nContent-Type: message/sipfrag",
    "Event: refer\r\nSubscription-State: terminated;reason=noresource",
    "Expires: 0",
    "Accept: text/plain",
    "Privacy: id;critical",
    "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000",
    "Reason: Q.850;cause=16",
    "Content-Disposition: early-session",
];

const BODIES: &[(&str, &str)] = &[
    ("", ""),
    ("", ""),
    ("application/sdp", "v=0"),
    ("application/sdp", "v=0"),
    ("multipart/mixed;boundary=x", "--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--x--"),
    ("message/sipfrag", "SIP/2.0 200 OK"),
    ("text/plain", "hello"),
];

const STATUSES: &[u16] = &[
    100, 180, 183, 183, 199, 200, 200, 200, 200, 202, 302, 401, 407, 408, 420, 421, 422, 481, 486,
    488, 491, 500, 501, 503, 603,
];

impl Chaos<'_> {
    fn model(&mut self) -> Option<Message> {
        let at = self.dice.below(self.heard.len());
        // The newest are the likeliest: a byte of 0 is the last.
        self.heard.iter().rev().nth(at).cloned()
    }

    fn says(&mut self, message: Message) {
        let flow = self.flow();
        self.input(Input::Message { flow, message });
    }

    /// A request in or out of a dialog, some of whose fields are those of others.
    pub(super) fn peer_asks(&mut self) {
        let mut method = self.dice.word(METHODS);
        let mut number = u64::from(self.dice.byte() % 8);
        let mut via = format!(
            "SIP/2.0/UDP 192.0.2.2;branch={}{};rport",
            self.dice.word(&["z9hG4bKa", "z9hG4bKb", "z9hG4bKc", "z9hG4bK", "old"]),
            self.dice.below(8)
        );
        let (mut to, mut from) = ("<sip:600@192.0.2.1>".to_owned(), "<sip:b@h>;tag=b".to_owned());
        let mut call_id = self.dice.word(&["c1", "c2", "c3"]).to_owned();
        let mut rack = "1 1 INVITE".to_owned();
        let how = self.dice.below(6);
        let model = match method {
            // Of what can be acknowledged.
            "PRACK" => self.heard.iter().rev().find(|message| message.rseq().is_some()).cloned(),
            _ => None,
        };
        if how > 1
            && let Some(model) = model.or_else(|| self.model())
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
                    number += 1 + u64::from(self.dice.byte() % 4);
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
        let (kind, body) = self.dice.pick(BODIES).unwrap_or_default();
        let (contact, route) = (self.dice.word(CONTACTS), self.dice.word(ROUTES));
        let extension = self.extension();
        let kind =
            if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
        let rack = if method == "PRACK" { format!("RAck: {rack}\r\n") } else { String::new() };
        let text = format!(
            "{method} sip:600@192.0.2.1 SIP/2.0\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to}\r\n\
             Call-ID: {call_id}\r\nCSeq: {number} {method}\r\n{contact}\r\n{route}\r\n{extension}\
             {rack}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        // A Call-ID of ours may have been cut off, and the like.
        if let Ok(message) = Message::parse(Bytes::from(text)) {
            self.says(message);
        }
    }

    fn extension(&mut self) -> String {
        match self.dice.below(4) {
            0 => format!("{}\r\n", self.dice.word(EXTENSIONS)),
            1 => match self.model() {
                Some(model) => format!(
                    "Replaces: {};to-tag={};from-tag={}\r\n",
                    model.call_id(),
                    model.to_tag().unwrap_or_default(),
                    model.from_tag()
                ),
                None => String::new(),
            },
            _ => String::new(),
        }
    }

    /// A response to something we were asked.
    pub(super) fn peer_answers(&mut self) {
        let requests: Vec<Message> =
            self.heard.iter().rev().filter(|message| message.is_request()).cloned().collect();
        let Some(request) = self.dice.pick(&requests) else { return };
        let status = self.dice.pick(STATUSES).unwrap_or(200);
        let tag = self.dice.word(&["x", "x", "y", "z"]);
        let mut builder = request.respond(status, None, Some(tag));
        let contacts = ["<sip:x@192.0.2.2>", "<sip:x@192.0.2.2>", "<sip:x@n.example>", "junk", "*"];
        builder.push(Name::Contact, self.dice.word(&contacts));
        match status {
            401 => builder.push(Name::WwwAuthenticate, "Digest realm=\"r\", nonce=\"n\""),
            407 => {
                let challenge = "Digest realm=\"r\", nonce=\"n\", qop=auth";
                builder.push(Name::ProxyAuthenticate, challenge);
            }
            422 => builder.push(Name::MinSe, [3600, 7][self.dice.below(2)]),
            491 | 500 | 503 => builder.push(Name::RetryAfter, 3),
            101..200 if self.dice.below(2) == 0 => {
                builder.push(Name::Require, "100rel");
                let number = self.dice.pick(&[1, 1, 2, 3, u32::MAX]).unwrap_or(1);
                builder.push(Name::RSeq, number);
            }
            _ => {}
        }
        if self.dice.below(4) == 0 {
            let line = self.dice.word(EXTENSIONS).lines().next().unwrap_or("");
            if let Some((name, value)) = line.split_once(": ") {
                builder.push(name, value);
            }
        }
        if self.dice.below(4) == 0 {
            let route = self.dice.word(&["<sip:192.0.2.9;lr>", "<sip:strict>", "<<<"]);
            builder.push(Name::RecordRoute, route);
        }
        let (kind, body) = self.dice.pick(BODIES).unwrap_or_default();
        if !kind.is_empty() {
            builder = builder.body(kind, Bytes::from_static(body.as_bytes()));
        }
        self.says(builder.build());
    }

    /// A phone that knows its password, answering the last challenge if there is one.
    pub(super) fn peer_registers(&mut self) {
        let user = self.dice.word(&["alice", "bob", "alice", "mallory"]);
        let challenge = self
            .heard
            .iter()
            .rev()
            .find_map(|message| Challenge::parse(message.header(Name::WwwAuthenticate)?).ok());
        let number = self.dice.byte();
        let proof = challenge.map_or_else(String::new, |challenge| {
            let algorithm: Algorithm = challenge.algorithm;
            let ha1 = algorithm.ha1(user, &challenge.realm, "secret");
            let uri = "sip:usher.example";
            let count = u32::from(self.dice.byte());
            let made = challenge.answer(user, &ha1, &Method::Register, uri, "c", count);
            format!("Authorization: {made}\r\n")
        });
        let contact = self.dice.word(&[
            "Contact: <sip:alice@192.0.2.2>",
            "Contact: <sip:alice@192.0.2.2:5070;transport=tcp>;expires=60",
            "Contact: <sip:a@x.invalid;transport=ws>;+sip.instance=\"<urn:uuid:1>\";reg-id=1",
            "Contact: <sip:alice@192.0.2.2>;expires=0",
            "Contact: *\r\nExpires: 0",
            "Contact: <sip:1@h>, <sip:2@h>, <sip:3@h>, <sip:4@h>",
            "Expires: 5",
        ]);
        let text = format!(
            "REGISTER sip:usher.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKr{};rport\r\n\
             From: <sip:{user}@usher.example>;tag=r\r\nTo: <sip:{user}@usher.example>\r\n\
             Call-ID: r\r\nCSeq: {number} REGISTER\r\n{proof}{contact}\r\nContent-Length: 0\r\n\r\n",
            self.dice.byte()
        );
        self.says(Message::parse(Bytes::from(text)).expect("a sound message"));
    }

    /// A message of ours comes back, as it is or with octets of the input in it.
    pub(super) fn peer_stammers(&mut self) {
        let Some(model) = self.model() else { return };
        let mut octets = model.wire().to_vec();
        let at = self.dice.below(256) * octets.len() / 256;
        let (cut, put) = (self.dice.below(8), self.dice.below(8));
        let put = self.dice.take(put);
        octets.splice(at..(at + cut).min(octets.len()), put.iter().copied());
        let flow = self.flow();
        match Message::parse(Bytes::from(octets)) {
            Ok(message) => self.input(Input::Message { flow, message }),
            Err(malformed) => {
                self.is_malformed = true;
                self.input(Input::Malformed { flow, malformed });
                self.is_malformed = false;
            }
        }
    }
}
