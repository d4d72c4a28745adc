//! What a bad message is told: a fault is a value, and becomes a response where one is possible.

use super::builder::Builder;
use super::message::Message;
use super::method::Method;
use super::name::Name;
use serde::{Deserialize, Serialize};

/// A header value that is not what its grammar says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("bad {what}")]
pub struct Invalid {
    /// The name of the grammar.
    pub what: &'static str,
}

/// What is wrong with a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum Fault {
    /// Larger than the limit.
    #[error("message too large")]
    TooLarge,
    /// The header section is larger than the limit.
    #[error("header section too large")]
    HeadTooLarge,
    /// More header fields than the limit.
    #[error("too many header fields")]
    TooManyFields,
    /// Neither a request line nor a status line.
    #[error("bad start line")]
    StartLine,
    /// A version other than SIP/2.0.
    #[error("SIP version not supported")]
    Version,
    /// The header section does not end.
    #[error("header section without end")]
    Unfinished,
    /// A line that is no header field.
    #[error("bad header line")]
    Line,
    /// The body is shorter than Content-Length.
    #[error("body shorter than Content-Length")]
    BodyTooShort,
    /// A field that must be there is not.
    #[error("missing {0}")]
    Missing(Name),
    /// A field that may be there once is there again.
    #[error("repeated {0}")]
    Repeated(Name),
    /// A field that does not follow its grammar.
    #[error("bad {0}")]
    Bad(Name),
    /// CSeq names another method than the request line.
    #[error("CSeq method mismatch")]
    CSeqMethod,
    /// The Request-URI is no URI, or a `sip:` one without a sound host.
    #[error("bad Request-URI")]
    RequestUri,
}

impl Fault {
    /// The status of the response it deserves.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Version => 505,
            Self::TooLarge | Self::HeadTooLarge | Self::TooManyFields => 513,
            _ => 400,
        }
    }
}

/// A message that cannot be used, with what could be read of it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
#[error("{fault} at byte {at}")]
pub struct Malformed {
    /// What is wrong first.
    pub fault: Fault,
    /// Where, in bytes from the start of what was given.
    pub at: usize,
    survived: Option<Message>,
}

impl Malformed {
    pub(crate) fn new(fault: Fault, at: usize, survived: Option<Message>) -> Self {
        Self { fault, at, survived }
    }

    /// The response to send, if the message was a request other than ACK and Via, From, To,
    /// Call-ID and CSeq survived. It has no To tag of ours.
    #[must_use]
    pub fn response(&self) -> Option<Message> {
        Some(self.builder()?.build())
    }

    /// The same before it is built, with a To tag.
    #[must_use]
    pub fn respond(&self, to_tag: &str) -> Option<Message> {
        let message = self.survived()?;
        Some(message.respond(self.fault.status(), self.reason(), Some(to_tag)).build())
    }

    /// What could be read, if it is enough to answer.
    #[must_use]
    pub fn survived(&self) -> Option<&Message> {
        let message = self.survived.as_ref().filter(|m| m.method() != Some(&Method::Ack))?;
        let needed = [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq];
        let all = needed.iter().all(|&name| message.header(name).is_some());
        let ack = message.header(Name::CSeq).is_some_and(|cseq| cseq.ends_with("ACK"));
        (message.is_request() && all && !ack && message.top_via().is_ok()).then_some(message)
    }

    fn builder(&self) -> Option<Builder> {
        Some(self.survived()?.respond(self.fault.status(), self.reason(), None))
    }

    /// A phrase of our own where it helps who reads the trace.
    fn reason(&self) -> Option<&'static str> {
        Some(match self.fault {
            Fault::StartLine => "Bad Request Line",
            Fault::RequestUri => "Bad Request-URI",
            Fault::BodyTooShort => "Body Shorter Than Content-Length",
            Fault::Missing(_) => "Missing Header Field",
            Fault::Repeated(_) => "Repeated Header Field",
            Fault::CSeqMethod => "CSeq Method Mismatch",
            Fault::Bad(Name::ContentLength) => "Bad Content-Length",
            _ => return None,
        })
    }
}
