//! Building messages. Nothing that is put into a value can become another header field.

use super::message::Message;
use super::method::{Method, is_token_byte};
use super::name::Name;
use super::parse::{self, Limits};
use super::status::reason_phrase;
use super::uri::Uri;
use bytes::Bytes;
use core::fmt::{self, Display, Write as _};
use core::ops::Range;

/// A name or value from outside that would have become more than one header field.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("control characters in header {name:?}")]
pub struct Injection {
    /// The name that was asked for.
    pub name: String,
}

/// What names a header field: a [`Name`] or text, whose compact form is made long.
#[derive(Clone, Copy, Debug)]
pub struct HeaderName<'a> {
    known: Option<Name>,
    text: &'a str,
}

impl HeaderName<'_> {
    /// Which of those that we know it is, in whatever spelling.
    pub(crate) fn known(&self) -> Option<Name> {
        self.known
    }

    /// As it is written, a compact form too.
    fn spelt(text: &str) -> HeaderName<'_> {
        HeaderName { known: Name::lookup(text), text }
    }

    fn is_token(&self) -> bool {
        self.known.is_some() || (!self.text.is_empty() && self.text.bytes().all(is_token_byte))
    }
}

impl From<Name> for HeaderName<'_> {
    fn from(name: Name) -> Self {
        Self { known: Some(name), text: name.as_str() }
    }
}

impl<'a> From<&'a str> for HeaderName<'a> {
    fn from(name: &'a str) -> Self {
        match Name::lookup(name) {
            Some(known) if name.len() == 1 => known.into(),
            known => Self { known, text: name },
        }
    }
}

impl<'a> From<&'a String> for HeaderName<'a> {
    fn from(name: &'a String) -> Self {
        name.as_str().into()
    }
}

/// A message in the making: a start line and header lines in order.
#[derive(Clone, Debug)]
pub struct Builder {
    start: String,
    /// All lines ever put, and which of them count, in which order.
    lines: Vec<u8>,
    order: Vec<Line>,
    body: Bytes,
}

#[derive(Clone, Debug)]
struct Line {
    known: Option<Name>,
    name: Range<usize>,
    value: Range<usize>,
}

impl Builder {
    fn new(start: String) -> Self {
        let lines = Vec::with_capacity(1024);
        Self { start, lines, order: Vec::with_capacity(24), body: Bytes::new() }
    }

    /// A request. Headers of the URI are left out, as a Request-URI has none.
    #[must_use]
    pub fn request(method: impl Into<Method>, uri: &Uri) -> Self {
        let method: Method = method.into();
        let mut start = format!("{method} ");
        clean(&mut start, &uri.clone().without_headers());
        start.push_str(" SIP/2.0\r\n");
        Self::new(start)
    }

    /// A response; without a reason the usual phrase.
    #[must_use]
    pub fn response(status: u16, reason: Option<&str>) -> Self {
        let mut start = format!("SIP/2.0 {:03} ", status.clamp(100, 699));
        match reason {
            Some(reason) => clean(&mut start, &reason),
            None => start.push_str(&reason_phrase(status)),
        }
        start.push_str("\r\n");
        Self::new(start)
    }

    /// A copy of a message, to change something in it. Names, their spelling and order, and the
    /// octets of values and body stay. What is written anew: one space after the colon and none
    /// before it or at the end of a value, a space for each CR, LF and NUL in a value (folds, in
    /// other words), and Content-Length, which becomes the last field.
    #[must_use]
    pub fn copy(message: &Message) -> Self {
        let mut builder = match (message.method(), message.request_uri()) {
            (Some(method), Some(uri)) => Self::new(format!("{method} {uri} SIP/2.0\r\n")),
            _ => Self::response(message.status().unwrap_or(500), message.reason()),
        };
        for (name, value) in message.raw_fields() {
            builder.put_wire(HeaderName::spelt(name), value);
        }
        builder.body = message.body();
        builder
    }

    /// Adds a field at the end. Control characters in the value become spaces; a name that is no
    /// token is left out: use [`Builder::checked_header`] for names from outside. Content-Length is
    /// ours to write and is ignored.
    #[must_use]
    pub fn header<'a>(mut self, name: impl Into<HeaderName<'a>>, value: impl Display) -> Self {
        self.push(name, value);
        self
    }

    /// [`Builder::header`] in place.
    pub fn push<'a>(&mut self, name: impl Into<HeaderName<'a>>, value: impl Display) {
        self.put_text(self.order.len(), name.into(), &value);
    }

    /// Adds a field before all others: a Via or Route on top.
    #[must_use]
    pub fn header_first<'a>(
        mut self,
        name: impl Into<HeaderName<'a>>,
        value: impl Display,
    ) -> Self {
        self.put_text(0, name.into(), &value);
        self
    }

    /// Puts one field in the place of all of its name, or at the end if there is none.
    #[must_use]
    pub fn set<'a>(mut self, name: impl Into<HeaderName<'a>>, value: impl Display) -> Self {
        let name = name.into();
        let at = self.order.iter().position(|line| self.is(line, name));
        self = self.without_named(name);
        self.put_text(at.unwrap_or(self.order.len()), name, &value);
        self
    }

    /// Takes away every field of this name.
    #[must_use]
    pub fn without<'a>(self, name: impl Into<HeaderName<'a>>) -> Self {
        self.without_named(name.into())
    }

    fn without_named(mut self, name: HeaderName<'_>) -> Self {
        let mut order = core::mem::take(&mut self.order);
        order.retain(|line| !self.is(line, name));
        self.order = order;
        self
    }

    fn is(&self, line: &Line, name: HeaderName<'_>) -> bool {
        match name.known {
            Some(_) => line.known == name.known,
            None => self.lines[line.name.clone()].eq_ignore_ascii_case(name.text.as_bytes()),
        }
    }

    /// Adds a field whose name or value comes from outside.
    ///
    /// # Errors
    /// If the name is no token, or the value has a control character other than a tab.
    pub fn checked_header(&mut self, name: &str, value: &str) -> Result<(), Injection> {
        let is_token = !name.is_empty() && name.bytes().all(is_token_byte);
        if !is_token || value.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
            return Err(Injection { name: name.to_owned() });
        }
        self.push(name, value);
        Ok(())
    }

    /// Copies every field of this name as it is on the wire, in order.
    #[must_use]
    pub fn headers_from(mut self, message: &Message, name: Name) -> Self {
        for value in message.raw_values(name) {
            self.put_wire(name.into(), value);
        }
        self
    }

    /// The body with its Content-Type; an empty one takes the body away.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: Bytes) -> Self {
        self = self.without(Name::ContentType);
        if !body.is_empty() {
            self.push(Name::ContentType, content_type);
        }
        self.body = body;
        self
    }

    fn put_text(&mut self, at: usize, name: HeaderName<'_>, value: &dyn Display) {
        self.put(at, name, |line| {
            let from = line.len();
            // Writing to a Vec cannot fail; a Display that fails leaves what it wrote.
            let _ = write!(Raw(line), "{value}");
            blank(&mut line[from..], |byte| byte.is_ascii_control() && byte != b'\t');
        });
    }

    /// A value off the wire: other control characters may be what a quoted string escapes.
    fn put_wire(&mut self, name: HeaderName<'_>, value: &[u8]) {
        self.put(self.order.len(), name, |line| {
            let from = line.len();
            line.extend_from_slice(value);
            blank(&mut line[from..], |byte| matches!(byte, b'\r' | b'\n' | 0));
        });
    }

    fn put(&mut self, at: usize, name: HeaderName<'_>, write: impl FnOnce(&mut Vec<u8>)) {
        let HeaderName { known, text } = name;
        if !name.is_token() || known == Some(Name::ContentLength) {
            return;
        }
        let from = self.lines.len();
        self.lines.extend_from_slice(text.as_bytes());
        let name = from..self.lines.len();
        write(&mut self.lines);
        let value = name.end..self.lines.len();
        self.order.insert(at, Line { known, name, value });
    }

    /// The finished message; Content-Length is its last field.
    #[must_use]
    pub fn build(self) -> Message {
        let Self { start, lines, order, body } = self;
        let mut wire =
            Vec::with_capacity(start.len() + lines.len() + order.len() * 4 + body.len() + 32);
        wire.extend_from_slice(start.as_bytes());
        for line in &order {
            wire.extend_from_slice(&lines[line.name.clone()]);
            wire.extend_from_slice(b": ");
            wire.extend_from_slice(lines[line.value.clone()].trim_ascii());
            wire.extend_from_slice(b"\r\n");
        }
        let _ = write!(Raw(&mut wire), "Content-Length: {}\r\n\r\n", body.len());
        wire.extend_from_slice(&body);
        parse::index(wire.into(), &Limits::NONE).0
    }
}

fn blank(bytes: &mut [u8], is_bad: impl Fn(u8) -> bool) {
    bytes.iter_mut().filter(|byte| is_bad(**byte)).for_each(|byte| *byte = b' ');
}

struct Raw<'a>(&'a mut Vec<u8>);

impl fmt::Write for Raw<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// `value` at the end of `line`, control characters as spaces.
fn clean(line: &mut String, value: &dyn Display) {
    let text = value.to_string();
    line.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::testing::{BROWSER, wire};

    fn options() -> Builder {
        Builder::request(Method::Options, &Uri::parse("sip:a@b;lr?Subject=x").unwrap())
    }

    fn check(builder: Builder, expected: &str) {
        assert_eq!(str::from_utf8(builder.build().wire()).unwrap(), expected);
    }

    #[test]
    fn lines_in_order() {
        check(options(), "OPTIONS sip:a@b;lr SIP/2.0\r\nContent-Length: 0\r\n\r\n");
        check(
            options()
                .header(Name::To, "<sip:a@b>")
                .header("x-One", 1)
                .header("l", 99)
                .header("Content-Length", "99")
                .header("k", " timer ")
                .header_first(Name::Via, "SIP/2.0/UDP h")
                .body("text/plain", Bytes::from_static(b"hi")),
            "OPTIONS sip:a@b;lr SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nTo: <sip:a@b>\r\nx-One: 1\r\n\
             Supported: timer\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi",
        );
        check(Builder::response(486, None), "SIP/2.0 486 Busy Here\r\nContent-Length: 0\r\n\r\n");
        check(Builder::response(9, Some("é\r\n")), "SIP/2.0 100 é  \r\nContent-Length: 0\r\n\r\n");
    }

    #[test]
    fn nothing_breaks_out_of_a_value() {
        check(
            options()
                .header("X-A", "a\r\nB: c\0\n\r\n\r\nINVITE")
                .header("B\r\nC", "d")
                .header("", "e"),
            "OPTIONS sip:a@b;lr SIP/2.0\r\nX-A: a  B: c      INVITE\r\nContent-Length: 0\r\n\r\n",
        );
        let mut builder = options();
        for (name, value) in [
            ("X", "a\r\nb"),
            ("X", "a\nb"),
            ("X", "\0"),
            ("X\r\n", "a"),
            ("", "a"),
            ("a b", "c"),
            ("X:", "a"),
        ] {
            let injection = Injection { name: name.to_owned() };
            assert_eq!(builder.checked_header(name, value), Err(injection), "{name:?} {value:?}");
        }
        assert_eq!(builder.checked_header("X-CRM-Id", "é\t1"), Ok(()));
        check(builder, "OPTIONS sip:a@b;lr SIP/2.0\r\nX-CRM-Id: é\t1\r\nContent-Length: 0\r\n\r\n");
    }

    #[test]
    fn set_and_without_know_all_spellings() {
        let builder = options().header("x-a", 1).header("v", 2).header("X-A", 3).header("VIA", 4);
        check(
            builder.clone().set("X-a", 5).without(Name::Via),
            "OPTIONS sip:a@b;lr SIP/2.0\r\nX-a: 5\r\nContent-Length: 0\r\n\r\n",
        );
        check(
            builder.set(Name::Via, 6).without("x-A").set(Name::To, 7),
            "OPTIONS sip:a@b;lr SIP/2.0\r\nVia: 6\r\nTo: 7\r\nContent-Length: 0\r\n\r\n",
        );
    }

    #[test]
    fn a_copy_is_the_same_message() {
        let message = Message::parse(wire(BROWSER, b"v=0\r\n").into()).unwrap();
        assert_eq!(Builder::copy(&message).build(), message);
        let response = message.respond(200, None, Some("t")).build();
        assert_eq!(Builder::copy(&response).build(), response);
        let changed = Builder::copy(&message).set(Name::CSeq, "8432 INVITE").build();
        assert_eq!(changed.cseq().unwrap().number, 8432);
        assert_eq!(changed.body(), message.body());
        let bodiless = Builder::copy(&message).body("", Bytes::new()).build();
        assert_eq!((bodiless.content_type(), bodiless.body().len()), (None, 0));
    }
}
