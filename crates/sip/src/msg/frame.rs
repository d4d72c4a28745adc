//! Framing (RFC 3261 section 18.3; RFC 5626 section 3.5.1 for the ping).

use super::malformed::{Fault, Malformed};
use super::message::Message;
use super::parse::{self, Limits};
use bytes::{Buf, Bytes, BytesMut};

/// What came in.
#[derive(Clone, Debug)]
pub enum Frame {
    /// A sound message.
    Message(Message),
    /// A message that is not sound; the next one is not touched by that.
    Malformed(Malformed),
    /// A keep-alive: CRLF CRLF, to be answered with CRLF on a stream.
    Ping,
    /// A datagram that never wanted to be SIP: to be counted.
    Junk,
}

/// A stream that cannot be read on: where the next message begins is unknown. Answer, then close.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct FrameError(pub Malformed);

/// A datagram or a WebSocket message.
#[must_use]
pub fn datagram(bytes: Bytes, limits: &Limits) -> Frame {
    if bytes.iter().all(|b| matches!(b, b'\r' | b'\n' | 0)) {
        return Frame::Ping;
    }
    let looks_like_text =
        bytes.iter().find(|b| !matches!(b, b'\r' | b'\n')).is_some_and(u8::is_ascii_graphic);
    match Message::parse_within(bytes, limits) {
        Ok(message) => Frame::Message(message),
        Err(malformed) if !looks_like_text || malformed.survived().is_none() => {
            match malformed.fault {
                Fault::StartLine => Frame::Junk,
                _ => Frame::Malformed(malformed),
            }
        }
        Err(malformed) => Frame::Malformed(malformed),
    }
}

/// Finds messages in a stream of bytes, however it is cut.
#[derive(Debug, Default)]
pub struct Stream {
    limits: Limits,
    buffer: BytesMut,
    /// Up to here no end of a header section was found.
    looked: usize,
    /// The length of the message whose header section is complete.
    length: Option<usize>,
    /// A CRLF between messages that may be the first half of a ping.
    half_ping: bool,
    closed: bool,
}

impl Stream {
    /// A stream at the beginning of a message.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes what was read. Nothing is kept after an error.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.closed {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Bytes that are not yet part of a frame: an unfinished message is what a slow attacker leaves.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// The next frame, `None` until more is pushed. After an error there is no other.
    #[expect(clippy::should_implement_trait, reason = "None is not the end")]
    pub fn next(&mut self) -> Option<Result<Frame, FrameError>> {
        if self.closed {
            return None;
        }
        let result = self.advance().transpose();
        if let Some(Err(_)) = result {
            self.closed = true;
            self.buffer.clear();
        }
        result
    }

    fn advance(&mut self) -> Result<Option<Frame>, FrameError> {
        let length = match self.length {
            Some(length) => length,
            None => {
                if self.skip_empty_lines() {
                    return Ok(Some(Frame::Ping));
                }
                match self.head()? {
                    Some(length) => length,
                    None => return Ok(None),
                }
            }
        };
        if self.buffer.len() < length {
            self.length = Some(length);
            return Ok(None);
        }
        (self.length, self.looked) = (None, 0);
        let wire = self.buffer.split_to(length).freeze();
        Ok(Some(match Message::parse_within(wire, &self.limits) {
            Ok(message) => Frame::Message(message),
            Err(malformed) => Frame::Malformed(malformed),
        }))
    }

    /// Takes CRLFs away between messages; says whether a second one in a row was found.
    fn skip_empty_lines(&mut self) -> bool {
        if self.looked > 0 {
            return false;
        }
        while self.buffer.starts_with(b"\r\n") {
            self.buffer.advance(2);
            self.half_ping = !self.half_ping;
            if !self.half_ping {
                return true;
            }
        }
        if !self.buffer.is_empty() && self.buffer[..] != b"\r"[..] {
            self.half_ping = false;
        }
        false
    }

    /// The length of the whole message, once its header section is there.
    fn head(&mut self) -> Result<Option<usize>, FrameError> {
        let end = parse::head_end(&self.buffer, &mut self.looked);
        if end.unwrap_or(self.buffer.len()) > self.limits.header_bytes_max {
            return Err(self.error(Fault::HeadTooLarge));
        }
        let Some(end) = end else { return Ok(None) };
        let head = Bytes::copy_from_slice(&self.buffer[..end]);
        let (head, _) = parse::index(head, &self.limits);
        let body = parse::declared_length(&head).map_err(|fault| self.error(fault))?;
        let length = end.saturating_add(body);
        if length > self.limits.message_bytes_max {
            return Err(self.error(Fault::TooLarge));
        }
        Ok(Some(length))
    }

    /// The error with what can be read of the message so far.
    fn error(&self, fault: Fault) -> FrameError {
        let end = self.buffer.len().min(self.limits.header_bytes_max);
        let head = Bytes::copy_from_slice(&self.buffer[..end]);
        let survived = Some(parse::index(head, &self.limits).0);
        FrameError(Malformed::new(fault, end, survived))
    }
}
