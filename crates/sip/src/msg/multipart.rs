//! Bodies of several parts (RFC 2046 section 5.1, RFC 5621), taken apart on demand and not copied,
//! and what of a body is ours: the description of the media, wherever it stands.
//!
//! | a body, or a part of one                                | is to us                       |
//! | ------------------------------------------------------- | ------------------------------ |
//! | SDP, disposed for the dialog or not disposed at all     | the description, if the first  |
//! | SDP disposed for early media of its own (RFC 3959)      | nothing                        |
//! | `multipart/alternative`                                 | its last part with SDP         |
//! | `multipart/related`, `multipart/signed`                 | its root                       |
//! | any other multipart                                     | all of its parts               |
//! | what is unknown, with `handling=optional` on or over it | nothing                        |
//! | a part of a kind that harms nobody who does not read it | nothing                        |
//! | the rest                                                | unknown: 415 for an INVITE     |
//!
//! RFC 5621 section 8 takes a part to be required unless it says that it is not, and gear seldom
//! says so: gateways send ISUP and QSIG, phones send where they are and how the caller looks, next
//! to an offer that is all we need. Such kinds are passed over unless their sender wrote
//! `handling=required`. A body that is no multipart has no such excuse: it is all that was said.
//!
//! Encodings other than none, base64 foremost, are unknown: RFC 5621 section 3.2 wants binary.

use super::message::Message;
use super::name::Name;
use super::params::Params;
use bytes::Bytes;
use core::str;
use memchr::{memchr, memmem};
use std::borrow::Cow;

/// How deep a multipart may lie in another: the body itself is the first.
const DEPTH_MAX: usize = 2;
/// Most parts of a message that are looked at, nested ones included.
const PARTS_MAX: usize = 16;
/// Longest boundary (RFC 2046 section 5.1.1).
const BOUNDARY_MAX: usize = 70;

/// Kinds of parts that are passed over unread; a kind that ends in a slash is a whole family.
const HARMLESS: &[&str] = &[
    "application/isup",
    "application/qsig",
    "application/pidf+xml",
    "application/resource-lists+xml",
    "application/rs-metadata+xml",
    "application/rs-metadata",
    "application/media_control+xml",
    "application/emergencycalldata.",
    "application/vnd.",
    "application/x-",
    "application/pkcs7-signature",
    "application/vcard+xml",
    "image/",
    "text/",
    "audio/",
    "video/",
    "message/sipfrag",
    "message/external-body",
];

/// One part of a multipart body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    head: Bytes,
    body: Bytes,
}

impl Part {
    /// The first header field of this name in any case, trimmed; line ends of folds are spaces, and
    /// bytes that are no UTF-8 are question marks.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let known = Name::lookup(name);
        let is_it = |text: &[u8]| match known {
            Some(_) => Name::lookup_bytes(text) == known,
            None => text.eq_ignore_ascii_case(name.as_bytes()),
        };
        let mut rest = &self.head[..];
        while !rest.is_empty() {
            let (field, next) = rest.split_at(field_end(rest));
            rest = next;
            if let Some(colon) = memchr(b':', field)
                && is_it(field[..colon].trim_ascii())
            {
                return Some(text_of(field[colon + 1..].trim_ascii()));
            }
        }
        None
    }

    /// Content-Type without its parameters, in lower case; `text/plain` where there is none
    /// (RFC 2046 section 5.1).
    #[must_use]
    pub fn content_type(&self) -> String {
        self.header("Content-Type")
            .map_or_else(|| "text/plain".to_owned(), |kind| media_type(&kind))
    }

    /// Content-ID without its angle brackets.
    #[must_use]
    pub fn content_id(&self) -> Option<String> {
        let id = self.header("Content-ID")?;
        Some(id.trim_start_matches('<').trim_end_matches('>').to_owned())
    }

    /// What it holds.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// Its own parts, if it is a multipart.
    #[must_use]
    pub fn parts(&self) -> Parts {
        let kind = self.header("Content-Type").unwrap_or_default();
        Parts::new(&kind, self.body.clone())
    }

    fn about(&self) -> (Cow<'_, str>, Cow<'_, str>, bool) {
        let plain = ["", "7bit", "8bit", "binary"];
        let encoding = self.header("Content-Transfer-Encoding").unwrap_or_default();
        let is_plain = plain.iter().any(|known| known.eq_ignore_ascii_case(&encoding));
        let kind = self.header("Content-Type").unwrap_or(Cow::Borrowed("text/plain"));
        (kind, self.header("Content-Disposition").unwrap_or_default(), is_plain)
    }
}

/// Where a header field with its folds ends.
fn field_end(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(line) = memchr(b'\n', &bytes[at..]) {
        at += line + 1;
        if !matches!(bytes.get(at), Some(b' ' | b'\t')) {
            return at;
        }
    }
    bytes.len()
}

fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) if !text.contains(['\r', '\n']) => Cow::Borrowed(text),
        _ => {
            let text = String::from_utf8_lossy(bytes).replace(char::REPLACEMENT_CHARACTER, "?");
            Cow::Owned(text.replace(['\r', '\n'], " "))
        }
    }
}

/// `type/subtype` in lower case without spaces.
fn media_type(value: &str) -> String {
    let kind = value.split(';').next().unwrap_or("");
    kind.split_ascii_whitespace().collect::<String>().to_ascii_lowercase()
}

/// The parts of a multipart body in order; none if it is no multipart. What stands before the first
/// boundary and after the last is no part, and a body whose last boundary is missing ends with its
/// last octet.
#[derive(Clone, Debug)]
pub struct Parts {
    body: Bytes,
    /// `--boundary`; empty if there is no multipart.
    dashed: Vec<u8>,
    /// Where the next part begins; `None` after the last.
    next: Option<usize>,
}

/// A boundary's line: where it begins, line end before it included, and where the next line does.
struct Line {
    from: usize,
    to: usize,
    is_last: bool,
}

impl Parts {
    fn new(content_type: &str, body: Bytes) -> Self {
        let dashed = boundary(content_type).map(|boundary| format!("--{boundary}").into_bytes());
        let dashed = dashed.unwrap_or_default();
        let mut parts = Self { body, dashed, next: None };
        parts.next = parts.line(0).filter(|first| !first.is_last).map(|first| first.to);
        parts
    }

    /// The first boundary at or behind `from`, which is the beginning of a line.
    fn line(&self, from: usize) -> Option<Line> {
        if self.dashed.is_empty() {
            return None;
        }
        let body = &self.body[..];
        let mut at = from;
        while let Some(found) = memmem::find(&body[at..], &self.dashed) {
            let start = at + found;
            at = start + 1;
            let is_begin = start == from || body[start - 1] == b'\n';
            let Some((to, is_last)) = self.rest_of_line(start).filter(|_| is_begin) else {
                continue;
            };
            let before = body[from..start].strip_suffix(b"\n").unwrap_or(&body[from..start]);
            let before = before.strip_suffix(b"\r").unwrap_or(before);
            return Some(Line { from: from + before.len(), to, is_last });
        }
        None
    }

    /// Behind a boundary stand two dashes if it is the last, and else nothing but blanks.
    fn rest_of_line(&self, start: usize) -> Option<(usize, bool)> {
        let behind = start + self.dashed.len();
        let end = memchr(b'\n', &self.body[behind..]);
        let to = end.map_or(self.body.len(), |end| behind + end + 1);
        let rest = self.body[behind..to].trim_ascii_end();
        let is_last = rest.starts_with(b"--");
        let blanks = if is_last { &rest[2..] } else { rest };
        blanks.trim_ascii().is_empty().then_some((to, is_last))
    }
}

impl Iterator for Parts {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let from = self.next.take()?;
        let end = self.line(from);
        let until = end.as_ref().map_or(self.body.len(), |line| line.from);
        self.next = end.filter(|line| !line.is_last).map(|line| line.to);
        let whole = &self.body[from..until];
        let (head, body) = split(whole);
        let at = |part: &[u8], start: usize| self.body.slice(start..start + part.len());
        Some(Part { head: at(head, from), body: at(body, until - body.len()) })
    }
}

/// The header section and what it is about, at the first empty line. A part that begins with one
/// has no header section, and one without any has no body.
fn split(part: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    loop {
        let line = memchr(b'\n', &part[at..]).map_or(part.len(), |end| at + end + 1);
        if part[at..line].trim_ascii_end().is_empty() {
            return (&part[..at], &part[line..]);
        }
        at = line;
    }
}

/// The boundary of a multipart type.
fn boundary(content_type: &str) -> Option<String> {
    let (_, params) = content_type.split_once(';')?;
    let is_multipart = media_type(content_type).starts_with("multipart/");
    let boundary = is_multipart.then(|| Params::parse(params).text("boundary"))??;
    let boundary = boundary.trim_end();
    (1..=BOUNDARY_MAX).contains(&boundary.len()).then(|| boundary.to_owned())
}

/// What a body is to us.
#[derive(Default)]
struct Worth {
    sdp: Option<Bytes>,
    is_unknown: bool,
}

impl Worth {
    const UNKNOWN: Self = Self { sdp: None, is_unknown: true };

    fn sdp(body: &Bytes) -> Self {
        Self { sdp: Some(body.clone()), is_unknown: false }
    }
}

/// What is said of a body: Content-Type, Content-Disposition, and whether it is not encoded.
type About<'a> = (&'a str, &'a str, bool);

/// The look through a body.
struct Look {
    /// Parts that may still be looked at.
    left: usize,
}

impl Look {
    fn weigh(&mut self, about: About<'_>, body: &Bytes, depth: usize) -> Worth {
        let (kind, disposition, is_plain) = about;
        let name = media_type(kind);
        let handling = Params::find(disposition, "handling").unwrap_or("");
        let disposed = disposition.split(';').next().unwrap_or("").trim();
        let is = |text: &str| disposed.eq_ignore_ascii_case(text);
        let mut worth = if name == "application/sdp" && is("early-session") {
            Worth::default()
        } else if name == "application/sdp" && is_plain && (disposed.is_empty() || is("session")) {
            Worth::sdp(body)
        } else if name.starts_with("multipart/") && is_plain && depth < DEPTH_MAX {
            self.weigh_parts(&name, kind, body, depth + 1)
        } else if depth > 0 && is_harmless(&name) && !handling.eq_ignore_ascii_case("required") {
            Worth::default()
        } else {
            Worth::UNKNOWN
        };
        worth.is_unknown &= !handling.eq_ignore_ascii_case("optional");
        worth
    }

    fn weigh_parts(&mut self, name: &str, kind: &str, body: &Bytes, depth: usize) -> Worth {
        let parts: Vec<Part> = Parts::new(kind, body.clone()).take(self.left + 1).collect();
        if parts.is_empty() || parts.len() > self.left {
            return Worth::UNKNOWN;
        }
        self.left -= parts.len();
        let root = match name {
            "multipart/related" => root_of(kind, &parts),
            "multipart/signed" => parts.first(),
            _ => None,
        };
        if let Some(root) = root {
            return self.weigh_part(root, depth);
        }
        let mut worths: Vec<Worth> =
            parts.iter().map(|part| self.weigh_part(part, depth)).collect();
        if name == "multipart/alternative" {
            // The writer put what is best last, and of all only one is meant.
            let best = worths.iter().rposition(|worth| worth.sdp.is_some());
            let best = best.or_else(|| worths.iter().rposition(|worth| !worth.is_unknown));
            return best.map_or(Worth::UNKNOWN, |best| worths.swap_remove(best));
        }
        let is_unknown = worths.iter().any(|worth| worth.is_unknown);
        Worth { sdp: worths.into_iter().find_map(|worth| worth.sdp), is_unknown }
    }

    fn weigh_part(&mut self, part: &Part, depth: usize) -> Worth {
        let (kind, disposition, is_plain) = part.about();
        self.weigh((&kind, &disposition, is_plain), &part.body, depth)
    }
}

/// The part that a related multipart is about (RFC 2387 section 3.2): the one that `start` names,
/// else the first.
fn root_of<'a>(kind: &str, parts: &'a [Part]) -> Option<&'a Part> {
    let (_, params) = kind.split_once(';').unwrap_or_default();
    let start = Params::find(params, "start").unwrap_or("");
    let start = start.trim_start_matches('<').trim_end_matches('>');
    let named = parts.iter().find(|part| part.content_id().is_some_and(|id| id == start));
    named.or(parts.first())
}

fn is_harmless(name: &str) -> bool {
    HARMLESS.iter().any(|kind| match kind.strip_suffix(['/', '.', '-']) {
        Some(_) => name.starts_with(kind),
        None => name == *kind,
    })
}

impl Message {
    /// The parts of a multipart body; none if it is none.
    #[must_use]
    pub fn parts(&self) -> Parts {
        Parts::new(self.header(Name::ContentType).unwrap_or(""), self.body())
    }

    /// The session description, whether it is the body or in a part of it; empty if there is none.
    #[must_use]
    pub fn sdp(&self) -> Bytes {
        self.weigh().sdp.unwrap_or_default()
    }

    /// Whether the body, or a part of it, is one that we do not know and may not pass over: a
    /// request that has it gets 415 (RFC 5621 section 8.3).
    #[must_use]
    pub fn has_unknown_body(&self) -> bool {
        self.weigh().is_unknown
    }

    fn weigh(&self) -> Worth {
        let body = self.body();
        if body.is_empty() {
            return Worth::default();
        }
        let encoding = self.header(Name::ContentEncoding).unwrap_or("");
        let is_plain = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
        let disposition = self.header(Name::ContentDisposition).unwrap_or("");
        match self.header(Name::ContentType) {
            // Mostly it is this, letter for letter.
            Some("application/sdp") if is_plain && disposition.is_empty() => Worth::sdp(&body),
            Some(kind) => Look { left: PARTS_MAX }.weigh((kind, disposition, is_plain), &body, 0),
            // Nothing is to be guessed (RFC 3261 section 20.15). A response cannot be refused,
            // though, and so what looks like SDP is read.
            None => Worth { sdp: body.starts_with(b"v=").then(|| body.clone()), is_unknown: true },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::testing::{INVITE, wire};

    const SDP: &str = "Content-Type: application/sdp\r\n\r\nv=0";

    fn message(kind: &str, body: &str) -> Message {
        let head = format!("{INVITE}Content-Type: {kind}\r\n");
        Message::parse(wire(&head, body.as_bytes()).into()).unwrap()
    }

    /// A multipart of these parts with the boundary `x`.
    fn joined(parts: &[&str]) -> String {
        let parts: String = parts.iter().map(|part| format!("--x\r\n{part}\r\n")).collect();
        format!("{parts}--x--\r\n")
    }

    fn bodies(kind: &str, body: &str) -> Vec<String> {
        let parts = message(kind, body).parts();
        parts.map(|part| String::from_utf8(part.body().to_vec()).unwrap()).collect()
    }

    #[test]
    fn boundaries() {
        let check = |kind: &str, body: &str, expected: &[&str]| {
            assert_eq!(bodies(kind, body), expected, "{kind} {body:?}");
        };
        let two = "--x\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x--";
        check("multipart/mixed;boundary=x", two, &["one", "two"]);
        check("Multipart/Mixed ; charset=a ; BOUNDARY = \"x\"", two, &["one", "two"]);
        check("multipart/mixed;boundary=\"x y\"", "--x y\r\n\r\none\r\n--x y--", &["one"]);
        check(
            "multipart/mixed;boundary=x",
            &format!("talk\r\n{two}\r\nend\r\n--x\r\n\r\n3"),
            &["one", "two"],
        );
        check(
            "multipart/mixed;boundary=x",
            "--x \t\r\n\r\none\r\n--x \r\n\r\n\r\n--x-- ",
            &["one", ""],
        );
        // Missing last boundary, bare line feeds, empty lines that belong to a part.
        check(
            "multipart/mixed;boundary=x",
            "--x\r\n\r\none\r\n--x\r\n\r\ntwo\r\n",
            &["one", "two\r\n"],
        );
        check(
            "multipart/mixed;boundary=x",
            "--x\n\none\n--x\nA: b\n\n\ntwo\n\n--x--\n",
            &["one", "\ntwo\n"],
        );
        // What only looks like a boundary.
        check(
            "multipart/mixed;boundary=x",
            "--x\r\n\r\n--xy\r\n --x\r\na--x\r\n--x--",
            &["--xy\r\n --x\r\na--x"],
        );
        // No header section, no body, nothing at all.
        check("multipart/mixed;boundary=x", "--x\r\nA: b\r\n--x\r\n--x--", &["", ""]);
        check("multipart/mixed;boundary=x", "--x--\r\n\r\none\r\n--x--", &[]);
        check("multipart/mixed;boundary=x", "", &[]);
        check("multipart/mixed;boundary=x", "--x", &[""]);
        check("multipart/mixed;boundary=\"\"", two, &[]);
        check("multipart/mixed", two, &[]);
        check("text/plain;boundary=x", two, &[]);
        let long = "b".repeat(70);
        check(&format!("multipart/mixed;boundary={long}"), &format!("--{long}\r\n\r\na"), &["a"]);
        check(&format!("multipart/mixed;boundary={long}b"), &format!("--{long}b\r\n\r\na"), &[]);
    }

    #[test]
    fn fields_of_a_part() {
        let body = "--x\r\nc:\tApplication / SDP ; a=b\r\nContent-ID : <one@h>\r\n\
                    content-disposition: session;\r\n handling=optional\r\nJunk\r\n\r\nv=0\r\n--x\r\n\r\n";
        let message = message("multipart/mixed;boundary=x", body);
        let parts: Vec<Part> = message.parts().collect();
        assert_eq!(parts[0].content_type(), "application/sdp");
        assert_eq!(parts[0].content_id().as_deref(), Some("one@h"));
        let disposition = parts[0].header("Content-Disposition");
        assert_eq!(disposition.as_deref(), Some("session;   handling=optional"));
        assert_eq!((parts[0].header("Junk"), parts[1].content_type()), (None, "text/plain".into()));
        let own = message.body().as_ptr_range();
        assert!(own.contains(&parts[0].body().as_ptr()), "nothing is copied");
    }

    /// A body's description, and whether something in it is unknown.
    fn check(kind: &str, body: &str, sdp: &str, is_unknown: bool) {
        let message = message(kind, body);
        assert_eq!(message.sdp(), sdp.as_bytes(), "{kind} {body}");
        assert_eq!(message.has_unknown_body(), is_unknown, "{kind} {body}");
    }

    const MIXED: &str = "multipart/mixed;boundary=x";

    #[test]
    fn what_a_single_body_is() {
        check("application/sdp", "v=0", "v=0", false);
        check("Application/SDP ;charset=utf-8", "v=0", "v=0", false);
        check(
            "application/sdp\r\nContent-Disposition: SESSION;handling=required",
            "v=0",
            "v=0",
            false,
        );
        check("application/sdp\r\nContent-Disposition: early-session", "v=0", "", false);
        check("application/sdp\r\nContent-Disposition: render", "v=0", "", true);
        check("application/sdp\r\nContent-Encoding: gzip", "v=0", "", true);
        check("application/sdp\r\nContent-Encoding: identity", "v=0", "v=0", false);
        check("text/plain", "hello", "", true);
        check("application/isup", "hello", "", true);
        check("text/plain\r\nContent-Disposition: render;handling=optional", "hello", "", false);
        check("application/sdp", "", "", false);
        // Content-Type is missing.
        let none = |body: &str| Message::parse(wire(INVITE, body.as_bytes()).into()).unwrap();
        assert_eq!((none("v=0").sdp(), none("v=0").has_unknown_body()), ("v=0".into(), true));
        assert_eq!((none("x").sdp(), none("x").has_unknown_body()), (Bytes::new(), true));
    }

    #[test]
    fn a_description_among_parts() {
        let of = |part: &str, disposition: &str| {
            format!("Content-Type: {part}\r\nContent-Disposition: {disposition}\r\n\r\n\u{1}")
        };
        let with = |other: &str, is_unknown| {
            check(MIXED, &joined(&[SDP, other]), "v=0", is_unknown);
            check(MIXED, &joined(&[other, SDP]), "v=0", is_unknown);
            check(
                &format!("{MIXED}\r\nContent-Disposition: render;handling=optional"),
                &joined(&[other, SDP]),
                "v=0",
                false,
            );
        };
        for harmless in [
            "application/isup;version=nxv3",
            "Application/QSIG",
            "image/png",
            "application/pidf+xml",
            "application/resource-lists+xml",
            "application/vnd.3gpp.x+xml",
        ] {
            with(&format!("Content-Type: {harmless}\r\n\r\n\u{1}"), false);
            with(&of(harmless, "signal;handling=optional"), false);
            with(&of(harmless, "signal;handling=required"), true);
        }
        with("\r\nplain text by default", false);
        with("Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA", false);
        with("Content-Type: application/unheard-of\r\n\r\n", true);
        with(&of("application/unheard-of", "signal;handling=OPTIONAL"), false);
        with(&of("application/sdp", "early-session"), false);
    }

    #[test]
    fn which_of_several_it_is() {
        let second = SDP.replace("v=0", "v=2");
        check(MIXED, &joined(&[SDP, &second]), "v=0", false);
        let alternative = "multipart/alternative;boundary=x";
        let odd = "Content-Type: application/unheard-of\r\n\r\n";
        check(alternative, &joined(&[SDP, &second]), "v=2", false);
        check(alternative, &joined(&[SDP, &second, odd]), "v=2", false);
        check(alternative, &joined(&[SDP, "\r\ntext"]), "v=0", false);
        check(alternative, &joined(&[odd, "\r\ntext"]), "", false);
        check(alternative, &joined(&[odd]), "", true);
        let named = SDP.replace("\r\n\r\nv=0", "\r\nContent-ID: <b>\r\n\r\nv=3");
        let related = "multipart/related;boundary=x";
        check(related, &joined(&[SDP, odd, &named]), "v=0", false);
        check(&format!("{related};start=\"<b>\""), &joined(&[odd, &named]), "v=3", false);
        check("multipart/signed;boundary=x", &joined(&[SDP, odd]), "v=0", false);
        check("multipart/unheard-of;boundary=x", &joined(&[odd, SDP]), "v=0", true);
        for (encoding, is_read) in
            [("8bit", true), ("7BIT", true), ("binary", true), ("base64", false)]
        {
            let part = SDP.replacen(
                "\r\n\r\n",
                &format!("\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"),
                1,
            );
            check(MIXED, &joined(&[&part]), if is_read { "v=0" } else { "" }, !is_read);
        }
    }

    #[test]
    fn nested_and_many() {
        let inner = |depth: usize| {
            let mut body = joined(&[SDP]);
            for level in 0..depth {
                let other = format!("--{level}y");
                let kind = format!("Content-Type: multipart/mixed;boundary={level}y\r\n\r\n");
                body = joined(&[&(kind + &body.replace("--x", &other))]);
            }
            body
        };
        check(MIXED, &inner(1), "v=0", false);
        check(MIXED, &inner(2), "", true);
        let many = |count| joined(&[&["\r\ntext"; 20][..count], &[SDP]].concat());
        check(MIXED, &many(15), "v=0", false);
        check(MIXED, &many(16), "", true);
        check(MIXED, "no boundary at all", "", true);
        check("multipart/mixed", &joined(&[SDP]), "", true);
        let nested = "Content-Type: multipart/alternative;boundary=y\r\n\r\n--y\r\n".to_owned()
            + SDP
            + "\r\n--y--";
        check(MIXED, &joined(&["\r\ntext", &nested]), "v=0", false);
    }
}
