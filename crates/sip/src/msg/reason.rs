//! Reason (RFC 3326): why a request was sent, or, as Q.850, why a call failed (RFC 6432).

use core::fmt;

use super::list::quote;
use super::message::Message;
use super::method::is_token_byte;
use super::name::Name;
use super::params::Params;

/// Characters of a reason's text that are kept.
const TEXT_MAX: usize = 100;

/// One value of Reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// `SIP`, `Q.850`, …
    pub protocol: String,
    /// A status code, or a cause of Q.850.
    pub cause: Option<u16>,
    /// For people.
    pub text: Option<String>,
}

impl Reason {
    /// Reads `Q.850;cause=16;text="Terminated"`. None where the protocol is no token.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (protocol, params) = value.split_once(';').unwrap_or((value, ""));
        let protocol = protocol.trim();
        if protocol.is_empty() || !protocol.bytes().all(is_token_byte) {
            return None;
        }
        let params = Params::parse(params);
        let text = params.text("text").map(|text| {
            text.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect::<String>()
        });
        Some(Self {
            protocol: protocol.to_owned(),
            cause: params.get("cause").and_then(|cause| cause.trim().parse().ok()),
            text: text.filter(|text| !text.is_empty()),
        })
    }

    /// Those of a message, in order.
    pub fn of(message: &Message) -> impl Iterator<Item = Self> + '_ {
        message.list(Name::Reason).filter_map(Self::parse)
    }

    /// Whether it is of this protocol.
    #[must_use]
    pub fn is(&self, protocol: &str) -> bool {
        self.protocol.eq_ignore_ascii_case(protocol)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.protocol)?;
        if let Some(cause) = self.cause {
            write!(f, ";cause={cause}")?;
        }
        match &self.text {
            Some(text) => write!(f, ";text={}", quote(text)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_print() {
        let check = |value: &str, expected: Option<&str>| {
            let got = Reason::parse(value).map(|reason| reason.to_string());
            assert_eq!(got.as_deref(), expected, "{value:?}");
        };
        check("SIP", Some("SIP"));
        check(
            "Q.850 ; cause = 16 ;text=\"Terminated\"",
            Some("Q.850;cause=16;text=\"Terminated\""),
        );
        check(
            "SIP;text=\"a; \\\"b\\\"\";cause=200;x=y",
            Some("SIP;cause=200;text=\"a; \\\"b\\\"\""),
        );
        check("SIP;cause=99999;text=\"\"", Some("SIP"));
        check("Q.850;cause=16;text=\"a\\\r\\\nVia: b\"", Some("Q.850;cause=16;text=\"aVia: b\""));
        check("", None);
        check(";cause=1", None);
        check("a b;cause=1", None);
    }

    #[test]
    fn several() {
        let text = "BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=1\r\n\
             To: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 7 BYE\r\n\
             Reason: SIP;cause=600, Q.850;cause=17\r\nReason: x;cause=1\r\nContent-Length: 0\r\n\r\n";
        let message = Message::parse(text.into()).unwrap();
        let causes: Vec<_> = Reason::of(&message).map(|reason| reason.cause).collect();
        assert_eq!(causes, [Some(600), Some(17), Some(1)]);
    }
}
