//! Nothing of one peer shows at another: what is sent to somebody has no address, Call-ID, tag, branch
//! or product of anybody else's, and none of the words that stood in fields which never cross. The one
//! exception is the registrar's, which tells each phone of a user where the others are (RFC 3261
//! section 10.3).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use sip::msg::{Message, Method, Name};

/// Shorter words are too common to be anybody's; so are those of letters alone, `branch` say.
const SHORTEST: usize = 6;

/// Fields whose every word is their sender's own.
const OWN: [Name; 10] = [
    Name::CallId,
    Name::Contact,
    Name::UserAgent,
    Name::Server,
    Name::Organization,
    Name::Warning,
    Name::Diversion,
    Name::PChargingVector,
    Name::CallInfo,
    Name::RecordRoute,
];

/// The fold: whose each word is.
#[derive(Debug, Default)]
pub(crate) struct Topology {
    /// Nobody's where several say it of themselves: liars number their tags.
    marks: BTreeMap<String, Option<SocketAddr>>,
    /// Call-IDs of ours: peers repeat them.
    ours: std::collections::BTreeSet<String>,
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let in_word = |c: char| c.is_ascii_alphanumeric() || "-.!%*_+`'~".contains(c);
    text.split(move |c| !in_word(c)).filter(|word| is_telling(word))
}

fn is_telling(word: &str) -> bool {
    // Who calls is everybody's to know.
    let is_number =
        word.strip_prefix('+').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    word.len() >= SHORTEST && !word.bytes().all(|b| b.is_ascii_alphabetic()) && !is_number
}

fn is_register(message: &Message) -> bool {
    message.cseq().is_ok_and(|cseq| cseq.method == Method::Register)
}

impl Topology {
    /// Somebody said this to the switch.
    pub(crate) fn received(&mut self, from: SocketAddr, message: &Message) {
        let mut own: Vec<String> = vec![from.ip().to_string()];
        for name in OWN {
            let is_echo = name == Name::CallId && self.ours.contains(message.call_id());
            if !is_echo {
                own.extend(message.headers(name).flat_map(words).map(str::to_owned));
            }
        }
        if message.is_request() {
            own.extend(message.headers(Name::Via).flat_map(words).map(str::to_owned));
            own.push(message.from_tag());
        } else {
            own.extend(message.to_tag());
        }
        let body = message.body();
        let text = String::from_utf8_lossy(&body);
        let lines =
            text.lines().filter(|line| ["o=", "s=", "c="].iter().any(|l| line.starts_with(l)));
        own.extend(lines.flat_map(words).map(str::to_owned));
        for word in own.into_iter().filter(|word| is_telling(word)) {
            let whose = self.marks.entry(word).or_insert(Some(from));
            *whose = whose.filter(|whose| *whose == from);
        }
    }

    /// The switch says this to somebody.
    pub(crate) fn sent(&mut self, to: SocketAddr, message: &Message) -> Result<(), String> {
        if message.method() == Some(&Method::Invite) {
            self.ours.insert(message.call_id().to_owned());
        }
        if is_register(message) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(message.wire());
        let foreign = |word: &&str| {
            self.marks.get(*word).is_some_and(|whose| whose.is_some_and(|whose| whose != to))
        };
        // Whom to bring a customer to is said by the address that is configured.
        let told = text.lines().filter(|line| !line.starts_with("Refer-To: "));
        match told.flat_map(words).find(foreign) {
            Some(word) => Err(format!("{to} is told {word:?}, which is another's:\n{text}")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 2, 1)), 5060);
    const B: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 3, 1)), 5060);

    fn message(start: &str, id: &str, more: &str, body: &str) -> Message {
        let text = format!(
            "{start}\r\nVia: SIP/2.0/UDP host-of-a.example;branch=z9hG4bKofa\r\n\
             From: <sip:c1@carrier.example>;tag=tag-of-a\r\nTo: <sip:600@h>\r\nCall-ID: {id}\r\n\
             CSeq: 1 INVITE\r\n{more}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Message::parse(text.into()).unwrap()
    }

    #[test]
    fn what_is_anothers_is_seen() {
        let mut topology = Topology::default();
        let lines = "Contact: <sip:user-of-a@10.9.9.9>\r\nUser-Agent: phone-of-a/1\r\n\
                     X-Line: not-a-secret\r\n";
        let sdp = "v=0\r\no=owner-a 1 1 IN IP4 10.8.8.8\r\ns=talk-of-a\r\n";
        topology.received(A, &message("INVITE sip:600@h SIP/2.0", "id-of-a@h", lines, sdp));
        let plain = |id: &str, more: &str| {
            let text = format!(
                "INVITE sip:b@10.0.3.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
                 From: <sip:c1@carrier.example>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: {id}\r\n\
                 CSeq: 1 INVITE\r\n{more}Content-Length: 0\r\n\r\n"
            );
            Message::parse(text.into()).unwrap()
        };
        assert_eq!(topology.sent(B, &plain("ours", "X-Line: not-a-secret\r\n")), Ok(()));
        for mark in [
            "10.0.2.1",
            "10.9.9.9",
            "10.8.8.8",
            "user-of-a",
            "phone-of-a",
            "owner-a",
            "talk-of-a",
            "tag-of-a",
            "id-of-a",
            "z9hG4bKofa",
            "host-of-a.example",
        ] {
            let told = plain("ours", &format!("X-A: a <{mark}>;b\r\n"));
            assert!(topology.sent(B, &told).is_err(), "{mark}");
            assert_eq!(topology.sent(A, &told), Ok(()), "{mark}");
        }
        assert!(topology.sent(B, &plain("id-of-a@h", "")).is_err());
    }
}
