//! The scanner: from bytes to an index of header fields, without looking into the values but for
//! those every layer above relies on (RFC 3261 sections 7 and 18.3).

use super::list::{is_closed, split_list};
use super::malformed::{Fault, Malformed};
use super::message::{Field, Inner, Message, Start};
use super::method::{Method, is_token_byte};
use super::name::Name;
use super::name_addr;
use super::uri::{Uri, never_in_uri};
use super::values::CSeq;
use super::via::Via;
use bytes::{Buf, Bytes};
use core::ops::Range;
use memchr::{memchr, memchr_iter, memrchr};

/// What one message may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Largest message in bytes, body included.
    pub message_bytes_max: usize,
    /// Largest start line and header section in bytes.
    pub header_bytes_max: usize,
    /// Most header fields.
    pub headers_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message_bytes_max: 65_535, header_bytes_max: 32_768, headers_max: 256 }
    }
}

impl Limits {
    /// For what we wrote ourselves.
    pub(crate) const NONE: Self = Self {
        message_bytes_max: i32::MAX as usize,
        header_bytes_max: usize::MAX,
        headers_max: usize::MAX,
    };
}

/// A typical browser's INVITE has 15 to 20.
const FIELDS_TYPICAL: usize = 24;

/// Scans and checks a whole message.
pub(crate) fn parse(wire: Bytes, limits: &Limits) -> Result<Message, Malformed> {
    let message = scan(wire, limits)?;
    match check(&message) {
        Ok(()) => Ok(message),
        Err((fault, at)) => Err(Malformed::new(fault, at, Some(message))),
    }
}

/// The end of the header section that begins at `from`, after its empty line. `resume` is where
/// an earlier look at a shorter buffer stopped.
pub(crate) fn head_end(bytes: &[u8], resume: &mut usize) -> Option<usize> {
    while let Some(at) = memchr(b'\n', &bytes[*resume..]) {
        let next = *resume + at + 1;
        match bytes.get(next..) {
            Some([b'\n', ..]) => return Some(next + 1),
            Some([b'\r', b'\n', ..]) => return Some(next + 2),
            // Not known yet: look at this line end again when there is more.
            Some([] | [b'\r']) | None => {
                *resume = next - 1;
                return None;
            }
            Some(_) => *resume = next,
        }
    }
    *resume = bytes.len();
    None
}

/// Builds the index, refusing what has a fault. The result may lack what [`check`] asks for.
pub(crate) fn scan(wire: Bytes, limits: &Limits) -> Result<Message, Malformed> {
    match index(wire, limits) {
        (message, None) => Ok(message),
        (message, Some((fault, at))) => Err(Malformed::new(fault, at, Some(message))),
    }
}

/// The index of whatever can be read, and the first fault.
pub(crate) fn index(mut wire: Bytes, limits: &Limits) -> (Message, Option<(Fault, usize)>) {
    let skipped = skip_empty_lines(&mut wire);
    let (inner, fault) = scan_from_start(wire, limits, true);
    (Message::from_inner(inner), fault.map(|(fault, at)| (fault, at + skipped)))
}

/// The same of a header section whose body is still to come: see [`complete`].
pub(crate) fn index_head(mut wire: Bytes, limits: &Limits) -> (Inner, Option<(Fault, usize)>) {
    let skipped = skip_empty_lines(&mut wire);
    let (inner, fault) = scan_from_start(wire, limits, false);
    (inner, fault.map(|(fault, at)| (fault, at + skipped)))
}

/// Checks the whole message whose header section was read before: `wire` is all of it.
pub(crate) fn complete(
    head: Inner,
    fault: Option<(Fault, usize)>,
    mut wire: Bytes,
) -> Result<Message, Malformed> {
    skip_empty_lines(&mut wire);
    let body = head.body.start..wire.len();
    let message = Message::from_inner(Inner { wire, body, ..head });
    match fault.map_or_else(|| check(&message), Err) {
        Ok(()) => Ok(message),
        Err((fault, at)) => Err(Malformed::new(fault, at, Some(message))),
    }
}

/// Empty lines before a message are to be ignored (RFC 3261 section 7.5).
fn skip_empty_lines(wire: &mut Bytes) -> usize {
    let skipped = wire.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    wire.advance(skipped);
    skipped
}

fn scan_from_start(
    mut wire: Bytes,
    limits: &Limits,
    has_body: bool,
) -> (Inner, Option<(Fault, usize)>) {
    let mut scanner = Scanner {
        fields: Vec::with_capacity(FIELDS_TYPICAL),
        fault: None,
        is_plain: true,
        line_ends: 0,
        limits,
        bytes: &wire,
    };
    let most = limits.message_bytes_max.min(Limits::NONE.message_bytes_max);
    if wire.len() > most {
        scanner.fail(Fault::TooLarge, most);
        scanner.bytes = &wire[..most];
    }
    let (start, after) = scanner.start_line();
    let head_end = scanner.fields(after);
    let body = if has_body { scanner.body(head_end) } else { head_end..head_end };
    let Scanner { fields, fault, is_plain, line_ends, .. } = scanner;
    let head = &wire[..head_end];
    let is_text = is_plain
        && memchr(0, head).is_none()
        && memchr_iter(b'\r', head).count() == line_ends
        && core::str::from_utf8(head).is_ok();
    let patched = (!is_text).then(|| patch(head, &fields));
    wire.truncate(body.end);
    (Inner { wire, patched, start, fields, body }, fault)
}

/// The length of the body that a header section announces; on a stream it must (RFC 3261 section
/// 18.3).
pub(crate) fn declared_length(head: &Inner) -> Result<usize, Fault> {
    content_length(&head.wire, &head.fields)?.ok_or(Fault::Missing(Name::ContentLength))
}

struct Scanner<'a> {
    fields: Vec<Field>,
    /// The first fault; scanning goes on so that it can be answered.
    fault: Option<(Fault, usize)>,
    /// No folded line.
    is_plain: bool,
    /// How many lines ended in CRLF.
    line_ends: usize,
    limits: &'a Limits,
    bytes: &'a [u8],
}

#[expect(clippy::cast_possible_truncation, reason = "the caller made sure that it fits")]
fn offset(at: usize) -> u32 {
    at as u32
}

impl Scanner<'_> {
    fn fail(&mut self, fault: Fault, at: usize) {
        self.fault.get_or_insert((fault, at));
    }

    /// The end of the line from `from` without its line end, and where the next one begins.
    fn line(&mut self, from: usize) -> Option<(usize, usize)> {
        let end = from + memchr(b'\n', &self.bytes[from..])?;
        if self.bytes[from..end].ends_with(b"\r") {
            self.line_ends += 1;
            return Some((end - 1, end + 1));
        }
        Some((end, end + 1))
    }

    fn start_line(&mut self) -> (Start, usize) {
        let unknown = || Start::Request { method: Method::Other("?".into()), uri: 0..0 };
        let Some((end, next)) = self.line(0) else {
            self.fail(Fault::StartLine, 0);
            return (unknown(), self.bytes.len());
        };
        let line = &self.bytes[..end];
        let start = if line.len() >= 4 && line[..4].eq_ignore_ascii_case(b"SIP/") {
            self.status_line(line).unwrap_or_else(|fault| {
                self.fail(fault, 0);
                Start::Response { status: 0, reason: 0..0 }
            })
        } else {
            match request_line(line) {
                Ok(start) => start,
                Err((fault, start)) => {
                    self.fail(fault, 0);
                    start.unwrap_or_else(unknown)
                }
            }
        };
        (start, next)
    }

    fn status_line(&self, line: &[u8]) -> Result<Start, Fault> {
        if !line[4..].starts_with(b"2.0 ") {
            return Err(Fault::Version);
        }
        let code = line.get(8..11).filter(|code| code.iter().all(u8::is_ascii_digit));
        let status = code.map_or(0, |c| c.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0')));
        // The space before an empty reason is often forgotten.
        match line.get(11) {
            None | Some(b' ') if (100..700).contains(&status) => {
                let from = line.len().min(12);
                Ok(Start::Response { status, reason: offset(from)..offset(line.len()) })
            }
            _ => Err(Fault::StartLine),
        }
    }

    /// Indexes the fields from `from` on; returns where the body begins.
    fn fields(&mut self, from: usize) -> usize {
        let mut at = from;
        let mut is_first = true;
        loop {
            if at > self.limits.header_bytes_max {
                self.fail(Fault::HeadTooLarge, at);
                return at;
            }
            let Some((end, next)) = self.line(at) else {
                self.fail(Fault::Unfinished, self.bytes.len());
                return at;
            };
            if end == at {
                return next;
            }
            if matches!(self.bytes[at], b' ' | b'\t') {
                self.fold(at, end, is_first);
            } else if self.fields.len() >= self.limits.headers_max {
                self.fail(Fault::TooManyFields, at);
                return at;
            } else {
                self.field(at, end);
            }
            is_first = false;
            at = next;
        }
    }

    fn fold(&mut self, at: usize, end: usize, is_first: bool) {
        self.is_plain = false;
        let text = self.bytes[at..end].trim_ascii_end();
        match self.fields.last_mut() {
            Some(field) if !is_first => {
                field.value_end = offset(at + text.len()).max(field.value_end);
            }
            // Something folded onto the start line or onto a line that was no field.
            _ => self.fail(Fault::Line, at),
        }
    }

    fn field(&mut self, at: usize, end: usize) {
        let line = &self.bytes[at..end];
        let Some(colon) = memchr(b':', line) else { return self.fail(Fault::Line, at) };
        let text = line[..colon].trim_ascii_end();
        let name = Name::lookup_bytes(text);
        if name.is_none() && (text.is_empty() || !text.iter().copied().all(is_token_byte)) {
            return self.fail(Fault::Line, at);
        }
        let rest = &line[colon + 1..];
        let lead = rest.len() - rest.trim_ascii_start().len();
        let value = rest[lead..].trim_ascii_end();
        let value_at = at + colon + 1 + if value.is_empty() { 0 } else { lead };
        self.fields.push(Field {
            name,
            name_at: offset(at),
            name_end: offset(at + text.len()),
            value: offset(value_at),
            value_end: offset(value_at + value.len()),
        });
    }

    /// The range of the body: all that follows, or as much as Content-Length says.
    fn body(&mut self, from: usize) -> Range<usize> {
        let all = from..self.bytes.len();
        let length = match content_length(self.bytes, &self.fields) {
            Ok(None) => return all,
            Ok(Some(length)) => length,
            Err(fault) => {
                self.fail(fault, from);
                return all;
            }
        };
        if length > all.len() {
            self.fail(Fault::BodyTooShort, self.bytes.len());
            return all;
        }
        from..from + length
    }
}

/// The value of Content-Length, which may be there once and is digits only.
fn content_length(bytes: &[u8], fields: &[Field]) -> Result<Option<usize>, Fault> {
    let mut lengths = fields.iter().filter(|field| field.name == Some(Name::ContentLength));
    let Some(field) = lengths.next() else { return Ok(None) };
    if lengths.next().is_some() {
        return Err(Fault::Repeated(Name::ContentLength));
    }
    let digits = field.value(bytes).trim_ascii();
    let bad = Fault::Bad(Name::ContentLength);
    if digits.is_empty() || digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(bad);
    }
    Ok(Some(digits.iter().fold(0, |n, digit| n * 10 + usize::from(digit - b'0'))))
}

fn request_line(line: &[u8]) -> Result<Start, (Fault, Option<Start>)> {
    let bad = (Fault::StartLine, None);
    let first = memchr(b' ', line).ok_or((Fault::StartLine, None))?;
    let last = memrchr(b' ', line).ok_or((Fault::StartLine, None))?;
    let method =
        core::str::from_utf8(&line[..first]).ok().and_then(Method::parse).ok_or(bad.clone())?;
    let uri = offset((first + 1).min(last))..offset(last);
    let start = Start::Request { method, uri: uri.clone() };
    let version = &line[last + 1..];
    if uri.is_empty() || line[first + 1..last].iter().copied().any(never_in_uri) {
        Err((Fault::StartLine, Some(start)))
    } else if version.eq_ignore_ascii_case(b"SIP/2.0") {
        Ok(start)
    } else if version.len() > 4 && version[..4].eq_ignore_ascii_case(b"SIP/") {
        Err((Fault::Version, Some(start)))
    } else {
        Err((Fault::StartLine, Some(start)))
    }
}

/// The header section as text with the same offsets: folds, NUL and stray CR become spaces, bytes
/// that are no UTF-8 question marks.
fn patch(head: &[u8], fields: &[Field]) -> Bytes {
    let mut text = head.to_vec();
    let blank = |bytes: &mut [u8]| {
        bytes.iter_mut().filter(|b| matches!(b, b'\r' | b'\n' | 0)).for_each(|b| *b = b' ');
    };
    let first_line = memchr(b'\n', &text).unwrap_or(text.len());
    blank(&mut text[..first_line]);
    for field in fields {
        blank(&mut text[field.name_at as usize..field.value_end as usize]);
    }
    let mut at = 0;
    for chunk in head.utf8_chunks() {
        at += chunk.valid().len();
        let bad = chunk.invalid().len();
        text[at..at + bad].fill(b'?');
        at += bad;
    }
    Bytes::from(text)
}

/// Whether nothing in it becomes a space where we print it, which might be read in another way, and
/// whether it is more than space.
fn is_printable(text: &str) -> bool {
    let has_control = if text.is_ascii() {
        text.bytes().any(|b| b.is_ascii_control() && b != b'\t')
    } else {
        text.chars().any(|c| c.is_control() && c != '\t')
    };
    !has_control && !text.trim_start().is_empty()
}

/// What every layer above may rely on (RFC 3261 sections 8.1.1 and 8.1.3.3).
fn check(message: &Message) -> Result<(), (Fault, usize)> {
    let mut seen = 0_u128;
    for field in message.index() {
        let Some(name) = field.name else { continue };
        let bit = 1_u128 << (name as u32);
        if seen & bit != 0 && name.is_single() {
            return Err((Fault::Repeated(name), field.name_at as usize));
        }
        seen |= bit;
    }
    for name in [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq] {
        if seen & (1 << (name as u32)) == 0 {
            return Err((Fault::Missing(name), message.wire().len() - message.body().len()));
        }
    }
    let at = |name| message.position(name);
    let bad = |name| Err((Fault::Bad(name), at(name)));
    if !is_printable(message.call_id()) {
        return bad(Name::CallId);
    }
    for name in [Name::From, Name::To] {
        // Behind parameters that do not close, a tag would not be one. A display name may have
        // control characters in its quotes.
        let is_sound = |(_, uri, params): (&str, &str, &str)| {
            let is_plain = params.is_empty() || is_printable(params);
            is_printable(uri) && is_plain && is_closed(params)
        };
        if !message.header(name).and_then(name_addr::split).is_some_and(is_sound) {
            return bad(name);
        }
    }
    // An element that is no Via would go back in every response (RFC 4475 section 3.1.2.1).
    let mut vias = message.header(Name::Via).into_iter().flat_map(split_list).peekable();
    if vias.peek().is_none() || !vias.all(Via::is_via) {
        return bad(Name::Via);
    }
    if message.request_uri().is_some_and(|uri| !Uri::is_uri(uri)) {
        return Err((Fault::RequestUri, 0));
    }
    match (message.header(Name::CSeq).map(CSeq::parse), message.method()) {
        (Some(Ok(cseq)), Some(method)) if cseq.method != *method => {
            return Err((Fault::CSeqMethod, at(Name::CSeq)));
        }
        (Some(Ok(_)), _) => {}
        _ => return bad(Name::CSeq),
    }
    let hops = message.header(Name::MaxForwards);
    if message.is_request() && hops.is_some() && message.max_forwards().is_none() {
        return bad(Name::MaxForwards);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::testing::{BROWSER, INVITE, wire};

    /// What is wrong, and the status it is answered with.
    fn fault(bytes: Vec<u8>) -> Option<(Fault, Option<u16>)> {
        let malformed = parse(bytes.into(), &Limits::default()).err()?;
        let status = malformed.response().and_then(|response| response.status());
        assert_eq!(malformed.respond("t").is_some(), status.is_some());
        Some((malformed.fault, status))
    }

    fn check(from: &str, to: &str, expected: Fault, status: Option<u16>) {
        let head = INVITE.replace(from, to);
        assert_ne!(head, INVITE, "{from}");
        assert_eq!(fault(wire(&head, b"")), Some((expected, status)), "{from} -> {to}");
    }

    #[test]
    fn sound_messages() {
        assert_eq!(fault(wire(INVITE, b"")), None);
        assert_eq!(fault(wire(BROWSER, b"x")), None);
        assert_eq!(fault(format!("\r\n\r\n{INVITE}\r\n").into()), None);
        assert_eq!(fault(format!("{INVITE}\r\n").replace("\r\n", "\n").into()), None);
        assert_eq!(fault(wire(&INVITE.replace("INVITE", "NEWMETHOD"), b"")), None);
        assert_eq!(fault(wire(&INVITE.replace("Max-Forwards: 70\r\n", ""), b"")), None);
    }

    #[test]
    fn start_lines() {
        let line =
            |to, fault, status| check("INVITE sip:bob@biloxi.com SIP/2.0", to, fault, status);
        line("INVITE sip:bob@biloxi.com", Fault::StartLine, Some(400));
        line("INVITE  sip:bob@biloxi.com SIP/2.0", Fault::StartLine, Some(400));
        line("INVITE SIP/2.0", Fault::StartLine, Some(400));
        line("IN@VITE sip:b SIP/2.0", Fault::StartLine, Some(400));
        line("INVITE sip:b@c HTTP/1.1", Fault::StartLine, Some(400));
        line("INVITE sip:b@c SIP/3.0", Fault::Version, Some(505));
        line("INVITE sip:b\0@c SIP/2.0", Fault::StartLine, Some(400));
        line("\0", Fault::StartLine, Some(400));
        line("SIP/2.0 99", Fault::StartLine, None);
        line("ACK sip:b@c SIP/3.0", Fault::Version, None);
    }

    #[test]
    fn fields_every_layer_relies_on() {
        let missing = |from, name| check(from, "X:", Fault::Missing(name), None);
        missing("Via:", Name::Via);
        missing("From:", Name::From);
        missing("To:", Name::To);
        missing("Call-ID:", Name::CallId);
        missing("CSeq:", Name::CSeq);
        let bad = |from, to, name| check(from, to, Fault::Bad(name), Some(400));
        bad("314159", "2147483648", Name::CSeq);
        bad("70", "256", Name::MaxForwards);
        bad("70", "-1", Name::MaxForwards);
        bad("Bob <sip", "\"Bob <sip", Name::To);
        bad("<sip:alice@atlanta.com>;", "<>;", Name::From);
        bad("tag=1928301774", "tag=\"1928301774", Name::From);
        bad("<sip:alice@atlanta.com>;", "<\u{b}\u{b}>;", Name::From);
        bad("a84b4c76e66710@pc33.atlanta.com", "", Name::CallId);
        bad("Alice <sip:alice@atlanta.com>;", "\u{1}\"sip:alice@atlanta.com;", Name::From);
        bad("Bob <sip:bob@biloxi.com>", "<sip:bob@biloxi.com>;\u{1}tag=x", Name::To);
        bad("a84b4c76e66710@pc33.atlanta.com", "\u{b} \u{b}", Name::CallId);
        bad("a84b4c76e66710@pc33.atlanta.com", "a\u{1}b", Name::CallId);
        check("SIP/2.0/UDP", "UDP", Fault::Bad(Name::Via), None);
        check("314159 INVITE", "314159 BYE", Fault::CSeqMethod, Some(400));
        check("CSeq", "CSeq: 1 INVITE\r\nCSeq", Fault::Repeated(Name::CSeq), Some(400));
        check("To:", "t: <sip:x@y>\r\nTo:", Fault::Repeated(Name::To), Some(400));
        check("Contact:", "Contact", Fault::Line, Some(400));
        check("Contact:", ":", Fault::Line, Some(400));
        check("Contact:", "Con tact:", Fault::Line, Some(400));
        check("Via:", " folded: onto the start line\r\nVia:", Fault::Line, Some(400));
    }

    #[test]
    fn bodies() {
        let with = |tail: &str| format!("{INVITE}{tail}").into_bytes();
        let body = |tail| parse(with(tail).into(), &Limits::default()).unwrap().body();
        assert_eq!(body("\r\nrest\r\n"), "rest\r\n");
        assert_eq!(body("Content-Length: 2\r\n\r\nrest"), "re");
        assert_eq!(body("l : 0004\r\n\r\nrest"), "rest");
        assert_eq!(body("l:\r\n 0\r\n\r\nrest"), "");
        let bad = Fault::Bad(Name::ContentLength);
        let check =
            |tail, expected| assert_eq!(fault(with(tail)), Some((expected, Some(400))), "{tail}");
        check("Content-Length: 5\r\n\r\nrest", Fault::BodyTooShort);
        check("Content-Length: -1\r\n\r\nrest", bad);
        check("Content-Length: 99999999999999999999\r\n\r\nrest", bad);
        check("Content-Length: 4\r\nl: 4\r\n\r\nrest", Fault::Repeated(Name::ContentLength));
        check("", Fault::Unfinished);
        check("X", Fault::Unfinished);
    }

    #[test]
    fn limits() {
        let with = |line: &str| wire(&format!("{INVITE}{line}"), b"");
        assert_eq!(fault(with(&"X: y\r\n".repeat(300))), Some((Fault::TooManyFields, Some(513))));
        let long = format!("X: {}\r\n", "y".repeat(32_768));
        assert_eq!(fault(with(&long)), Some((Fault::HeadTooLarge, Some(513))));
        assert_eq!(fault(wire(INVITE, &[0; 65_535])), Some((Fault::TooLarge, Some(513))));
        let vias = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n".repeat(240);
        assert_eq!(fault(with(&vias)), None);
    }

    #[test]
    fn heads_end_the_same_whole_or_in_pieces() {
        let check = |bytes: &[u8], expected: Option<usize>| {
            assert_eq!(head_end(bytes, &mut 0), expected);
            let mut resume = 0;
            let found = (0..=bytes.len()).find_map(|to| head_end(&bytes[..to], &mut resume));
            assert_eq!(found, expected, "{bytes:?}");
        };
        check(b"a\r\n\r\nb", Some(5));
        check(b"a\n\nb", Some(3));
        check(b"a\r\n\nb", Some(4));
        check(b"a\n\r\nb", Some(4));
        check(b"a\r\nb\r\n", None);
        check(b"a\r\n\rb\r\n\r\n", Some(9));
        check(b"", None);
    }
}
