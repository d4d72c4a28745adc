//! Request methods: an open set, so that an unknown one can be answered 501.

use core::fmt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A request method (RFC 3261 section 7.1). Case matters: `invite` is not INVITE.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are the words of the RFCs")]
pub enum Method {
    Invite,
    Ack,
    Bye,
    Cancel,
    Options,
    Register,
    Prack,
    Update,
    Info,
    Refer,
    Subscribe,
    Notify,
    Message,
    Publish,
    /// Any other token, as it came.
    Other(Arc<str>),
}

impl Method {
    /// The method named by `token`; `None` if that is not a token.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        Some(match token {
            "INVITE" => Self::Invite,
            "ACK" => Self::Ack,
            "BYE" => Self::Bye,
            "CANCEL" => Self::Cancel,
            "OPTIONS" => Self::Options,
            "REGISTER" => Self::Register,
            "PRACK" => Self::Prack,
            "UPDATE" => Self::Update,
            "INFO" => Self::Info,
            "REFER" => Self::Refer,
            "SUBSCRIBE" => Self::Subscribe,
            "NOTIFY" => Self::Notify,
            "MESSAGE" => Self::Message,
            "PUBLISH" => Self::Publish,
            _ if is_token(token) => Self::Other(token.into()),
            _ => return None,
        })
    }

    /// The method as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Options => "OPTIONS",
            Self::Register => "REGISTER",
            Self::Prack => "PRACK",
            Self::Update => "UPDATE",
            Self::Info => "INFO",
            Self::Refer => "REFER",
            Self::Subscribe => "SUBSCRIBE",
            Self::Notify => "NOTIFY",
            Self::Message => "MESSAGE",
            Self::Publish => "PUBLISH",
            Self::Other(token) => token,
        }
    }
}

impl From<&Method> for Method {
    fn from(method: &Method) -> Self {
        method.clone()
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether `byte` may stand in a token (RFC 3261 section 25.1).
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// Whether `text` is a token (RFC 3261 section 25.1): not empty and without separators.
#[must_use]
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_rsip_knows_is_ours_too() {
        for known in rsip::Method::all() {
            let text = known.to_string();
            let ours = Method::parse(&text).unwrap();
            assert!(!matches!(ours, Method::Other(_)), "{text}");
            assert_eq!(ours.as_str(), text);
        }
    }

    #[test]
    fn the_set_is_open_and_case_matters() {
        let other = |text: &str| Some(Method::Other(text.into()));
        let check = |text: &str, expected| assert_eq!(Method::parse(text), expected, "{text:?}");
        check("INVITE", Some(Method::Invite));
        check("invite", other("invite"));
        check("NEWMETHOD", other("NEWMETHOD"));
        check(
            "!interesting-Method0123456789_*+`.%indeed'~",
            other("!interesting-Method0123456789_*+`.%indeed'~"),
        );
        check("", None);
        check("IN VITE", None);
        check("INVITE\r", None);
        check("ÄCK", None);
    }
}
