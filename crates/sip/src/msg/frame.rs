//! Framing (RFC 3261 section 18.3; RFC 5626 section 3.5.1 for the ping).

use super::malformed::{Fault, Malformed};
use super::message::{Inner, Message};
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
    match Message::parse_within(bytes, limits) {
        Ok(message) => Frame::Message(message),
        Err(malformed) if malformed.fault == Fault::StartLine && malformed.survived().is_none() => {
            Frame::Junk
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
    /// The message whose header section is complete.
    head: Option<Head>,
    /// A CRLF between messages that may be the first half of a ping.
    half_ping: bool,
    closed: bool,
}

/// A header section that was read, so that it is read once whenever its body comes.
#[derive(Debug)]
struct Head {
    inner: Inner,
    fault: Option<(Fault, usize)>,
    /// Of the whole message in the buffer.
    length: usize,
}

impl Stream {
    /// A stream at the beginning of a message.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes what was read; drain [`Stream::next`] each time, so that limits hold. Nothing is kept
    /// after an error.
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
        if self.head.is_none() {
            if self.looked == 0 && self.is_ping() {
                return Ok(Some(Frame::Ping));
            }
            self.head = self.head()?;
        }
        let Some(head) = self.head.take_if(|head| head.length <= self.buffer.len()) else {
            return Ok(None);
        };
        self.looked = 0;
        // A copy, so that a message kept for hours does not keep the whole read buffer.
        let wire = Bytes::copy_from_slice(&self.buffer[..head.length]);
        self.buffer.advance(head.length);
        Ok(Some(match parse::complete(head.inner, head.fault, wire) {
            Ok(message) => Frame::Message(message),
            Err(malformed) => Frame::Malformed(malformed),
        }))
    }

    /// Takes empty lines away between messages; says whether a second one in a row was found.
    fn is_ping(&mut self) -> bool {
        while self.buffer.starts_with(b"\r\n") {
            self.buffer.advance(2);
            self.half_ping = !self.half_ping;
            if !self.half_ping {
                return true;
            }
        }
        false
    }

    /// The header section, once it is there.
    fn head(&mut self) -> Result<Option<Head>, FrameError> {
        if self.buffer.is_empty() || self.buffer[..] == b"\r"[..] {
            return Ok(None);
        }
        self.half_ping = false;
        let end = parse::head_end(&self.buffer, &mut self.looked);
        if end.unwrap_or(self.buffer.len()) > self.limits.header_bytes_max {
            return Err(self.error(Fault::HeadTooLarge, self.limits.header_bytes_max));
        }
        let Some(end) = end else { return Ok(None) };
        let wire = Bytes::copy_from_slice(&self.buffer[..end]);
        let (inner, fault) = parse::index_head(wire, &self.limits);
        let body = match (parse::declared_length(&inner), fault) {
            // The field may be among those that were not read any more.
            (_, Some((fault @ Fault::TooManyFields, _))) | (Err(fault), _) => {
                return Err(self.error(fault, end));
            }
            (Ok(body), _) => body,
        };
        let length = end.saturating_add(body);
        if length > self.limits.message_bytes_max {
            return Err(self.error(Fault::TooLarge, end));
        }
        Ok(Some(Head { inner, fault, length }))
    }

    /// The error with what can be read of the header section that ends at `end`.
    fn error(&self, fault: Fault, end: usize) -> FrameError {
        let head = Bytes::copy_from_slice(&self.buffer[..end]);
        let survived = Some(parse::index(head, &self.limits).0);
        FrameError(Malformed::new(fault, end, survived))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::testing::{INVITE, wire};
    use proptest::prelude::*;

    /// What came out, in words that can be compared.
    fn frames(pieces: &[&[u8]], limits: Limits) -> Vec<String> {
        let mut stream = Stream::new(limits);
        let mut out = Vec::new();
        for piece in pieces {
            stream.push(piece);
            while let Some(frame) = stream.next() {
                out.push(match frame {
                    Ok(Frame::Message(message)) => format!("{message:?} {:?}", message.body()),
                    Ok(Frame::Malformed(malformed)) => format!("malformed {malformed}"),
                    Ok(Frame::Ping) => "ping".into(),
                    Ok(Frame::Junk) => "junk".into(),
                    Err(error) => format!("error {error} {:?}", error.0.response()),
                });
            }
        }
        out
    }

    fn check(bytes: &[u8], expected: &[&str]) {
        let whole = frames(&[bytes], Limits::default());
        assert_eq!(whole, expected, "{:?}", String::from_utf8_lossy(bytes));
        let single: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(frames(&single, Limits::default()), expected, "a byte at a time");
    }

    #[test]
    fn messages_and_pings() {
        let invite = wire(INVITE, b"v=0\r\n");
        let shown = format!("INVITE (314159 INVITE; {} bytes) b\"v=0\\r\\n\"", invite.len());
        let shown = shown.as_str();
        check(b"", &[]);
        check(&invite, &[shown]);
        check(&[&invite[..], &invite].concat(), &[shown, shown]);
        check(b"\r\n\r\n\r\n\r\n", &["ping", "ping"]);
        check(b"\r\n", &[]);
        check(&[b"\r\n\r\n", &invite[..], b"\r\n\r\n"].concat(), &["ping", shown, "ping"]);
        check(&[b"\r\n", &invite[..], b"\r\n", &invite].concat(), &[shown, shown]);
        check(&invite[..invite.len() - 1], &[]);
    }

    #[test]
    fn a_bad_message_in_good_framing_is_survived() {
        let bad = wire(&INVITE.replace("CSeq: 314159 INVITE", "CSeq: x"), b"");
        let invite = wire(INVITE, b"");
        let out = frames(&[&bad, &invite], Limits::default());
        assert!(
            out[0].starts_with("malformed bad CSeq") && out[1].starts_with("INVITE"),
            "{out:?}"
        );
    }

    #[test]
    fn lengths_that_close() {
        let close = |line: &str, fault: &str| {
            let bytes = format!("{INVITE}{line}\r\nmore\r\n\r\nmore");
            let out = frames(&[bytes.as_bytes(), b"\r\n\r\n"], Limits::default());
            assert_eq!(out.len(), 1, "{line} {out:?}");
            assert!(out[0].starts_with(&format!("error {fault}")), "{line} {out:?}");
            assert!(out[0].contains("Some(4") || out[0].contains("Some(5"), "answered: {out:?}");
        };
        close("", "missing Content-Length");
        close("Content-Length: -1\r\n", "bad Content-Length");
        close("Content-Length: +4\r\n", "bad Content-Length");
        close("Content-Length: 4x\r\n", "bad Content-Length");
        close("Content-Length: 0x4\r\n", "bad Content-Length");
        close("Content-Length:\r\n", "bad Content-Length");
        close("Content-Length: 4, 4\r\n", "bad Content-Length");
        close("Content-Length: 4\r\nl: 4\r\n", "repeated Content-Length");
        close("Content-Length: 65536\r\n", "message too large");
        close("Content-Length: 999999999\r\n", "message too large");
        close("Content-Length: 99999999999999999999999\r\n", "bad Content-Length");
        close(&"X: y\r\n".repeat(300), "too many header fields");
        close(&format!("X: {}\r\n", "y".repeat(40_000)), "header section too large");
    }

    #[test]
    fn an_endless_head_is_closed_early() {
        let mut stream = Stream::new(Limits::default());
        let mut pushed = 0;
        while stream.next().is_none() {
            stream.push(b"X");
            pushed += 1;
        }
        assert_eq!((pushed, stream.pending()), (32_769, 0));
        stream.push(b"INVITE");
        assert!(stream.next().is_none() && stream.pending() == 0);
    }

    #[test]
    fn datagrams() {
        let check = |bytes: &[u8], expected: &str| {
            let frame = datagram(Bytes::copy_from_slice(bytes), &Limits::default());
            let kind = match frame {
                Frame::Message(_) => "message",
                Frame::Malformed(_) => "malformed",
                Frame::Ping => "ping",
                Frame::Junk => "junk",
            };
            assert_eq!(kind, expected, "{:?}", String::from_utf8_lossy(bytes));
        };
        check(b"", "ping");
        check(b"\r\n\r\n", "ping");
        check(b"\0\0\0\0", "ping");
        check(b"hello\r\n", "junk");
        check(b"\x16\x03\x01", "junk");
        check(&[0xff; 2000], "junk");
        check(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "junk");
        check(&wire(INVITE, b""), "message");
        check(INVITE.as_bytes(), "malformed");
        check(&wire(&INVITE.replace("SIP/2.0\r\n", "SIP/7.0\r\n"), b""), "malformed");
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(
            kinds in prop::collection::vec((0..6_usize, prop::collection::vec(any::<u8>(), 0..40)), 0..6),
            cuts in prop::collection::vec(1..400_usize, 1..40),
        ) {
            let mut bytes = Vec::new();
            for (kind, body) in &kinds {
                match kind {
                    0 => bytes.extend_from_slice(b"\r\n\r\n"),
                    1 => bytes.extend_from_slice(b"\r\n"),
                    2 => bytes.extend_from_slice(body),
                    3 => bytes.extend_from_slice(&wire(&INVITE.replace("SIP/2.0\r\n", "X\r\n"), body)),
                    _ => bytes.extend_from_slice(&wire(INVITE, body)),
                }
            }
            let whole = frames(&[&bytes], Limits::default());
            let (mut pieces, mut rest) = (Vec::new(), &bytes[..]);
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, tail) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = tail;
            }
            prop_assert_eq!(whole, frames(&pieces, Limits::default()));
        }
    }
}
