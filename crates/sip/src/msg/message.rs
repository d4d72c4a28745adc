//! The message: bytes and an index, typed on demand.

use super::builder::Builder;
use super::list::split_list;
use super::malformed::{Invalid, Malformed};
use super::method::Method;
use super::name::Name;
use super::name_addr::{NameAddr, delta_seconds};
use super::parse::{self, Limits};
use super::status::reason_phrase;
use super::uri::Uri;
use super::values::{CSeq, RAck, Replaces};
use super::via::{self, Via};
use bytes::{Bytes, BytesMut};
use core::fmt;
use core::ops::Range;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::net::SocketAddr;
use std::sync::Arc;

/// A SIP message, read or built: the bytes of the wire and where things are in them. Immutable;
/// a clone is one reference more.
#[derive(Clone)]
pub struct Message(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) wire: Bytes,
    /// The header section with the same offsets, if it cannot be shown as text as it came.
    pub(crate) patched: Option<Bytes>,
    pub(crate) start: Start,
    pub(crate) fields: Vec<Field>,
    pub(crate) body: Range<usize>,
}

/// The start line; ranges are offsets into the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Start {
    Request { method: Method, uri: Range<u32> },
    Response { status: u16, reason: Range<u32> },
}

/// A header field; offsets into the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Field {
    pub(crate) name: Option<Name>,
    pub(crate) name_at: u32,
    pub(crate) name_end: u32,
    pub(crate) value: u32,
    pub(crate) value_end: u32,
}

impl Field {
    pub(crate) fn value<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.value as usize..self.value_end as usize]
    }
}

impl Message {
    /// Reads a whole message: a datagram or a WebSocket message. The body is as long as
    /// Content-Length says, else all the rest. A request that is returned has a sound request line,
    /// top Via and CSeq, and exactly one From, To, Call-ID and CSeq.
    ///
    /// # Errors
    /// With what survived, so that it can be answered: see [`Malformed::response`].
    pub fn parse(wire: Bytes) -> Result<Self, Malformed> {
        Self::parse_within(wire, &Limits::default())
    }

    /// The same with other limits.
    ///
    /// # Errors
    /// As [`Message::parse`].
    pub fn parse_within(wire: Bytes, limits: &Limits) -> Result<Self, Malformed> {
        parse::parse(wire, limits)
    }

    pub(crate) fn from_inner(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(crate) fn index(&self) -> &[Field] {
        &self.0.fields
    }

    /// The bytes to send.
    #[must_use]
    pub fn wire(&self) -> &Bytes {
        &self.0.wire
    }

    /// Whether it is a request.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self.0.start, Start::Request { .. })
    }

    /// The method of a request.
    #[must_use]
    pub fn method(&self) -> Option<&Method> {
        match &self.0.start {
            Start::Request { method, .. } => Some(method),
            Start::Response { .. } => None,
        }
    }

    /// The Request-URI as it is written.
    #[must_use]
    pub fn request_uri(&self) -> Option<&str> {
        match &self.0.start {
            Start::Request { uri, .. } => Some(self.text(uri.start, uri.end)),
            Start::Response { .. } => None,
        }
    }

    /// The Request-URI.
    ///
    /// # Errors
    /// If it is no URI, or this is a response.
    pub fn uri(&self) -> Result<Uri, Invalid> {
        Uri::parse(self.request_uri().unwrap_or(""))
    }

    /// The status of a response, 100 to 699.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.0.start {
            Start::Request { .. } => None,
            Start::Response { status, .. } => Some(status),
        }
    }

    /// The reason phrase of a response.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match &self.0.start {
            Start::Request { .. } => None,
            Start::Response { reason, .. } => Some(self.text(reason.start, reason.end)),
        }
    }

    /// The body; empty if there is none.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.0.wire.slice(self.0.body.clone())
    }

    fn text(&self, from: u32, to: u32) -> &str {
        let bytes = self.0.patched.as_ref().unwrap_or(&self.0.wire);
        core::str::from_utf8(&bytes[from as usize..to as usize]).unwrap_or("")
    }

    fn value(&self, field: &Field) -> &str {
        self.text(field.value, field.value_end).trim_ascii()
    }

    /// The first field of this name: trimmed, line ends of folds as spaces, bytes that are no UTF-8
    /// as question marks.
    #[must_use]
    pub fn header(&self, name: Name) -> Option<&str> {
        self.headers(name).next()
    }

    /// Every field of this name in order.
    pub fn headers(&self, name: Name) -> impl Iterator<Item = &str> {
        self.0.fields.iter().filter(move |f| f.name == Some(name)).map(|f| self.value(f))
    }

    /// Every element of the fields of this name: comma-joined lists taken apart. Not for fields
    /// whose commas mean something else: challenges, credentials, Date.
    pub fn list(&self, name: Name) -> impl Iterator<Item = &str> {
        self.headers(name).flat_map(split_list)
    }

    /// Whether the list `name` has `token`, in any case: an option tag, a method.
    #[must_use]
    pub fn lists(&self, name: Name, token: &str) -> bool {
        self.list(name).any(|element| element.eq_ignore_ascii_case(token))
    }

    /// The first field of any name, in any case; long and compact forms are the same.
    #[must_use]
    pub fn header_named(&self, name: &str) -> Option<&str> {
        self.headers_named(name).next()
    }

    /// Every field of any name in order.
    pub fn headers_named<'a, 'n>(
        &'a self,
        name: &'n str,
    ) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        let known = Name::lookup(name);
        self.0
            .fields
            .iter()
            .filter(move |f| match known {
                Some(_) => f.name == known,
                None => self.text(f.name_at, f.name_end).eq_ignore_ascii_case(name),
            })
            .map(|f| self.value(f))
    }

    /// All fields in order: the name as it is written, and the value.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.fields.iter().map(|f| (self.text(f.name_at, f.name_end), self.value(f)))
    }

    /// All fields in order as they are on the wire: names and values, folds included.
    pub(crate) fn raw_fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let wire = &self.0.wire;
        self.0.fields.iter().map(|f| (self.text(f.name_at, f.name_end), f.value(wire)))
    }

    /// The values of one name as they are on the wire.
    pub(crate) fn raw_values(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        let fields = self.0.fields.iter().filter(move |f| f.name == Some(name));
        fields.map(|f| f.value(&self.0.wire))
    }

    /// Where the first field of this name stands, for fault reports.
    pub(crate) fn position(&self, name: Name) -> usize {
        self.0.fields.iter().find(|f| f.name == Some(name)).map_or(0, |f| f.name_at as usize)
    }

    /// Call-ID. Never empty in a message that was parsed; empty if a built one has none.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.header(Name::CallId).unwrap_or("")
    }

    /// CSeq. Always there in a message that was parsed.
    ///
    /// # Errors
    /// Missing or bad.
    pub fn cseq(&self) -> Result<CSeq, Invalid> {
        CSeq::parse(self.header(Name::CSeq).unwrap_or(""))
    }

    /// The first value of a field that is a name-addr: Refer-To, P-Asserted-Identity …
    ///
    /// # Errors
    /// If it is there and bad.
    pub fn address(&self, name: Name) -> Result<Option<NameAddr>, Invalid> {
        self.list(name).next().map(NameAddr::parse).transpose()
    }

    /// From.
    ///
    /// # Errors
    /// Missing or bad.
    pub fn from(&self) -> Result<NameAddr, Invalid> {
        NameAddr::parse(self.header(Name::From).unwrap_or(""))
    }

    /// To.
    ///
    /// # Errors
    /// Missing or bad.
    pub fn to(&self) -> Result<NameAddr, Invalid> {
        NameAddr::parse(self.header(Name::To).unwrap_or(""))
    }

    /// The tag of From; empty if there is none.
    #[must_use]
    pub fn from_tag(&self) -> String {
        tag(self.header(Name::From))
    }

    /// The tag of To; `None` outside a dialog.
    #[must_use]
    pub fn to_tag(&self) -> Option<String> {
        Some(tag(self.header(Name::To))).filter(|tag| !tag.is_empty())
    }

    /// To as it came with a tag that it does not have; an empty one is taken away first.
    pub(crate) fn to_tagged(&self, new: &str) -> String {
        let to = self.header(Name::To).unwrap_or("");
        let params = super::name_addr::split(to).map_or("", |(_, _, params)| params);
        let mut known = super::params::Params::parse(params);
        match known.remove("tag") {
            true => format!("{}{known};tag={new}", &to[..to.len() - params.len()]),
            false => format!("{to};tag={new}"),
        }
    }

    /// The first Via.
    ///
    /// # Errors
    /// Missing or bad.
    pub fn top_via(&self) -> Result<Via, Invalid> {
        Via::parse(self.list(Name::Via).next().unwrap_or(""))
    }

    /// The Contacts, without a `*`: see [`Message::is_contact_star`].
    ///
    /// # Errors
    /// If one is bad.
    pub fn contacts(&self) -> Result<Vec<NameAddr>, Invalid> {
        self.list(Name::Contact).filter(|&one| one != "*").map(NameAddr::parse).collect()
    }

    /// Whether Contact is `*` (RFC 3261 section 10.2.2).
    #[must_use]
    pub fn is_contact_star(&self) -> bool {
        self.list(Name::Contact).any(|one| one == "*")
    }

    /// Route, in order.
    ///
    /// # Errors
    /// If one is bad.
    pub fn routes(&self) -> Result<Vec<NameAddr>, Invalid> {
        self.list(Name::Route).map(NameAddr::parse).collect()
    }

    /// Record-Route, in order.
    ///
    /// # Errors
    /// If one is bad.
    pub fn record_routes(&self) -> Result<Vec<NameAddr>, Invalid> {
        self.list(Name::RecordRoute).map(NameAddr::parse).collect()
    }

    /// Max-Forwards, 0 to 255. `None` if it is not there or bad.
    #[must_use]
    pub fn max_forwards(&self) -> Option<u8> {
        let hops = delta_seconds(self.header(Name::MaxForwards)?)?;
        u8::try_from(hops).ok()
    }

    /// Expires in seconds. `None` if it is not there or bad.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        delta_seconds(self.header(Name::Expires)?)
    }

    /// Min-SE, Min-Expires, Retry-After …: the leading number of seconds of the field.
    #[must_use]
    pub fn seconds(&self, name: Name) -> Option<u32> {
        let value = self.header(name)?;
        let end = value.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(value.len());
        delta_seconds(&value[..end])
    }

    /// Content-Type without its parameters, in lower case: `application/sdp`.
    #[must_use]
    pub fn content_type(&self) -> Option<String> {
        let value = self.header(Name::ContentType)?;
        let media_type = value.split(';').next().unwrap_or("");
        Some(media_type.split_ascii_whitespace().collect::<String>().to_ascii_lowercase())
    }

    /// Replaces (RFC 3891).
    ///
    /// # Errors
    /// If it is there and bad.
    pub fn replaces(&self) -> Result<Option<Replaces>, Invalid> {
        self.header(Name::Replaces).map(Replaces::parse).transpose()
    }

    /// RAck (RFC 3262).
    ///
    /// # Errors
    /// If it is there and bad.
    pub fn rack(&self) -> Result<Option<RAck>, Invalid> {
        self.header(Name::RAck).map(RAck::parse).transpose()
    }

    /// RSeq (RFC 3262); `None` if it is not there or bad.
    #[must_use]
    pub fn rseq(&self) -> Option<u32> {
        let value = self.header(Name::RSeq)?;
        value.bytes().all(|b| b.is_ascii_digit()).then(|| value.parse().ok())?
    }

    /// The skeleton of a response to this request (RFC 3261 section 8.2.6): all Vias, From, To,
    /// Call-ID and CSeq as they came, Timestamp for a 100. To gets `to_tag` if it has none and the
    /// status is above 100. Without a reason the usual phrase.
    #[must_use]
    pub fn respond(&self, status: u16, reason: Option<&str>, to_tag: Option<&str>) -> Builder {
        let mut builder = match reason {
            Some(reason) => Builder::response(status, Some(reason)),
            None => Builder::response(status, Some(&reason_phrase(status))),
        };
        for name in [Name::Via, Name::From] {
            builder = builder.headers_from(self, name);
        }
        builder = match to_tag {
            Some(new) if status > 100 && self.to_tag().is_none() => {
                builder.header(Name::To, self.to_tagged(new))
            }
            _ => builder.headers_from(self, Name::To),
        };
        builder = builder.headers_from(self, Name::CallId).headers_from(self, Name::CSeq);
        if status == 100 { builder.headers_from(self, Name::Timestamp) } else { builder }
    }

    /// The message with `received` and `rport` in its top Via (RFC 3261 section 18.2.1, RFC 3581).
    #[must_use]
    pub fn stamp_via(&self, source: SocketAddr) -> Self {
        let Some(at) = self.0.fields.iter().position(|f| f.name == Some(Name::Via)) else {
            return self.clone();
        };
        let field = &self.0.fields[at];
        let value = self.text(field.value, field.value_end);
        let Some(top) = split_list(value).next() else { return self.clone() };
        let Some(stamped) = via::stamp(top, source) else { return self.clone() };
        // `top` is a part of `value`: where, its address tells.
        let from = field.value as usize + (top.as_ptr() as usize - value.as_ptr() as usize);
        self.splice(at, from..from + top.len(), stamped.as_bytes())
    }

    /// The message with other octets in the value of a field; what follows only moves.
    fn splice(&self, field: usize, range: Range<usize>, put: &[u8]) -> Self {
        let replace = |bytes: &Bytes| {
            let mut all = BytesMut::with_capacity(bytes.len() + put.len());
            all.extend_from_slice(&bytes[..range.start]);
            all.extend_from_slice(put);
            all.extend_from_slice(&bytes[range.end..]);
            all.freeze()
        };
        let old = &*self.0;
        let moved = |at: u32| {
            let at = at as usize + put.len() - range.len();
            // What was read is far smaller than u32, and so is what a stamp adds.
            u32::try_from(at).unwrap_or(u32::MAX)
        };
        let mut fields = old.fields.clone();
        fields[field].value_end = moved(fields[field].value_end);
        for later in &mut fields[field + 1..] {
            *later = Field {
                name: later.name,
                name_at: moved(later.name_at),
                name_end: moved(later.name_end),
                value: moved(later.value),
                value_end: moved(later.value_end),
            };
        }
        let shift = |at: usize| at + put.len() - range.len();
        Self::from_inner(Inner {
            wire: replace(&old.wire),
            patched: old.patched.as_ref().map(replace),
            start: old.start.clone(),
            fields,
            body: shift(old.body.start)..shift(old.body.end),
        })
    }
}

/// The tag of a From or To without reading the rest; empty if there is none.
fn tag(value: Option<&str>) -> String {
    let split = value.and_then(super::name_addr::split);
    let tag = split.and_then(|(_, _, params)| super::params::Params::find(params, "tag"));
    tag.unwrap_or("").to_owned()
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.0.wire == other.0.wire
    }
}

impl Eq for Message {}

/// One line: what it is, not what is in it, which may be personal.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.start {
            Start::Request { method, .. } => write!(f, "{method}")?,
            Start::Response { status, .. } => write!(f, "{status}")?,
        }
        write!(f, " ({}; {} bytes)", self.header(Name::CSeq).unwrap_or("?"), self.0.wire.len())
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.wire.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Bytes::deserialize(deserializer)?;
        Ok(parse::index(wire, &Limits::NONE).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::testing::{BROWSER, INVITE, wire};

    fn read(head: &str, body: &[u8]) -> Message {
        Message::parse(wire(head, body).into()).unwrap_or_else(|m| panic!("{m}: {head}"))
    }

    #[test]
    fn an_invite() {
        let message = read(BROWSER, b"v=0\r\n\0\xff");
        assert_eq!(message.method(), Some(&Method::Invite));
        assert_eq!(message.request_uri(), Some("sip:queue-sales@pbx.example.com"));
        assert_eq!((message.status(), message.reason()), (None, None));
        assert_eq!(message.from_tag(), "4rqvbi2g1c");
        assert_eq!(message.to_tag(), None);
        assert_eq!(message.cseq().unwrap().number, 8431);
        assert_eq!(message.list(Name::Supported).count(), 4);
        assert!(
            message.lists(Name::Supported, "REPLACES") && !message.lists(Name::Supported, "ic")
        );
        assert_eq!(message.header_named("x-crm-context"), Some("9f1c2e"));
        assert_eq!(message.content_type().as_deref(), Some("application/sdp"));
        assert_eq!(message.seconds(Name::SessionExpires), Some(90));
        let contact = message.contacts().unwrap().remove(0);
        assert_eq!(contact.params.get("+sip.instance"), Some("<urn:uuid:1>"));
        assert_eq!(message.top_via().unwrap().transport, crate::msg::Transport::Wss);
        assert_eq!(message.body(), &b"v=0\r\n\0\xff"[..]);
        assert_eq!(message.fields().count(), 15);
    }

    #[test]
    fn odd_spellings_are_the_same_header() {
        let odd = INVITE
            .replace("Call-ID:", "i :")
            .replace("Contact:", "M\t:")
            .replace("From: ", "fROM:\r\n\t")
            .replace("Max-Forwards: 70", "X-Header \t: a\r\n b\r\n\tc  \r\nMax-Forwards:70")
            .replace("CSeq: 314159 INVITE", "cseq: 314159\r\n INVITE\r\nX-Latin: caf\u{1}");
        let mut bytes = wire(&odd, b"");
        let latin = bytes.iter().position(|&b| b == 1).unwrap();
        bytes[latin] = 0xe9;
        let message = Message::parse(bytes.into()).unwrap();
        assert_eq!(message.call_id(), "a84b4c76e66710@pc33.atlanta.com");
        assert_eq!(message.contacts().unwrap().len(), 1);
        assert_eq!(message.from_tag(), "1928301774");
        assert_eq!(message.header_named("X-HEADER"), Some("a   b  \tc"));
        assert_eq!(message.header_named("x-latin"), Some("caf?"));
        assert_eq!(message.cseq().unwrap().method, Method::Invite);
        let copy = Builder::copy(&message).build();
        assert!(copy.wire().windows(4).any(|w| w == b"caf\xe9"), "bytes are passed on as they are");
        assert_eq!(copy.fields().count(), message.fields().count());
    }

    #[test]
    fn responses() {
        let status = |line: &str| {
            let head = INVITE.replace("INVITE sip:bob@biloxi.com SIP/2.0", line);
            Message::parse(wire(&head, b"").into())
                .ok()
                .and_then(|m| Some((m.status()?, m.reason()?.to_owned())))
        };
        assert_eq!(status("SIP/2.0 200 OK"), Some((200, "OK".into())));
        assert_eq!(status("sip/2.0 486 Busy  Here "), Some((486, "Busy  Here ".into())));
        assert_eq!(status("SIP/2.0 180 "), Some((180, String::new())));
        assert_eq!(status("SIP/2.0 180"), Some((180, String::new())));
        for bad in [
            "SIP/2.0 99 x",
            "SIP/2.0 700 x",
            "SIP/2.0 2000 x",
            "SIP/2.0  200 OK",
            "SIP/2.0 20 OK",
            "SIP/2.0 -20 OK",
            "SIP/2.0",
            "SIP/2.0 ",
            "SIP/3.0 200 OK",
            "SIP/",
        ] {
            assert_eq!(status(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_skeleton_of_a_response() {
        let head =
            INVITE.replace("Max-", "Via: SIP/2.0/TCP a, SIP/2.0/TLS b\r\nTimestamp: 5\r\nMax-");
        let request = read(&head, b"");
        let trying = request.respond(100, None, Some("mine")).build();
        assert_eq!(
            str::from_utf8(trying.wire()).unwrap(),
            "SIP/2.0 100 Trying\r\n\
             Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds\r\n\
             Via: SIP/2.0/TCP a, SIP/2.0/TLS b\r\n\
             From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n\
             To: Bob <sip:bob@biloxi.com>\r\n\
             Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n\
             CSeq: 314159 INVITE\r\n\
             Timestamp: 5\r\n\
             Content-Length: 0\r\n\r\n"
        );
        let busy = request.respond(486, Some("No\r\nX: y"), Some("mine")).build();
        assert_eq!((busy.to_tag().as_deref(), busy.reason()), (Some("mine"), Some("No  X: y")));
        assert_eq!((busy.header(Name::Timestamp), busy.list(Name::Via).count()), (None, 3));
        let empty = read(&INVITE.replace("biloxi.com>", "biloxi.com> ;x; tag= ;Tag=;y"), b"");
        let tagged = empty.respond(486, None, Some("new")).build();
        assert_eq!(tagged.header(Name::To), Some("Bob <sip:bob@biloxi.com> ;x;y;tag=new"));
        let inside = read(&INVITE.replace("biloxi.com>", "biloxi.com>;tag=old"), b"");
        assert_eq!(inside.respond(200, None, Some("new")).build().to_tag().as_deref(), Some("old"));
    }

    #[test]
    fn stamping_touches_only_the_top_via() {
        let head = INVITE
            .replace("SIP/2.0/UDP pc33", "SIP/2.0/UDP PC33")
            .replace("=z9hG4bK776asdhds", "=z9;rport , SIP/2.0/UDP other;rport");
        let request = read(&head, b"body");
        let stamped = request.stamp_via("192.0.2.7:4321".parse().unwrap());
        let mut vias = stamped.list(Name::Via);
        let top = "SIP/2.0/UDP PC33.atlanta.com;received=192.0.2.7;branch=z9;rport=4321";
        assert_eq!((vias.next(), vias.next()), (Some(top), Some("SIP/2.0/UDP other;rport")));
        assert_eq!((stamped.body(), stamped.call_id()), (request.body(), request.call_id()));
        assert_eq!(stamped.fields().count(), request.fields().count());
        assert_eq!(stamped.top_via().unwrap().reply_address(), "192.0.2.7:4321".parse().ok());
        let plain = read(&INVITE.replace("pc33.atlanta.com;b", "192.0.2.7;b"), b"");
        assert_eq!(plain.stamp_via("192.0.2.7:1".parse().unwrap()), plain);
    }

    #[test]
    fn stored_as_its_bytes() {
        let message = read(BROWSER, b"\0\xff");
        let stored = postcard::to_stdvec(&message).unwrap();
        let loaded: Message = postcard::from_bytes(&stored).unwrap();
        assert_eq!(loaded, message);
        assert_eq!(loaded.header(Name::UserAgent), Some("JsSIP 3.13.8"));
        assert_eq!(format!("{loaded:?}"), format!("{message:?}"));
    }
}
