//! URIs (RFC 3261 section 19.1; RFC 3966 for `tel:`; others are kept as they are).

use super::host::Host;
use super::list::cut;
use super::malformed::Invalid;
use super::params::Params;
use core::fmt::{self, Write as _};
use memchr::memchr_iter;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The scheme of a URI.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Any other, in lower case.
    Other(String),
}

/// A URI. User, password, parameters and headers stay escaped as they came; they are decoded when
/// asked for and escaped when set. `==` compares what is written; [`Uri::matches`] is the RFC's.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Uri {
    scheme: Scheme,
    /// The number of a `tel:`; all that follows the scheme of one we do not know.
    user: Option<String>,
    password: Option<String>,
    host: Option<Host>,
    port: Option<u16>,
    params: Params,
    headers: Option<String>,
}

const NOT_URI: Invalid = Invalid { what: "uri" };

impl Uri {
    /// Reads a URI without the brackets of a name-addr.
    ///
    /// # Errors
    /// Without scheme, without a sound host in `sip:` and `sips:`, or with bytes no URI has.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let (scheme, rest) = split_scheme(text).ok_or(NOT_URI)?;
        if rest.bytes().any(never_in_uri) {
            return Err(NOT_URI);
        }
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "sip" => Scheme::Sip,
            "sips" => Scheme::Sips,
            "tel" => Scheme::Tel,
            other => Scheme::Other(other.to_owned()),
        };
        let mut uri = Self {
            scheme,
            user: None,
            password: None,
            host: None,
            port: None,
            params: Params::default(),
            headers: None,
        };
        match uri.scheme {
            Scheme::Sip | Scheme::Sips => uri.read_sip(rest)?,
            Scheme::Tel => {
                let (number, params) = rest.split_once(';').unwrap_or((rest, ""));
                if number.is_empty() {
                    return Err(NOT_URI);
                }
                uri.user = Some(number.to_owned());
                uri.params = Params::parse(params);
            }
            Scheme::Other(_) => uri.user = Some(rest.to_owned()),
        }
        Ok(uri)
    }

    fn read_sip(&mut self, rest: &str) -> Result<(), Invalid> {
        let parts = split_sip(rest).ok_or(NOT_URI)?;
        let (host, port) = Host::parse_with_port(parts.hostport).ok_or(NOT_URI)?;
        (self.host, self.port) = (Some(host), port);
        self.user = parts.user.map(str::to_owned);
        self.password = parts.password.map(str::to_owned);
        self.params = Params::parse(parts.params);
        self.headers = parts.headers.map(str::to_owned);
        Ok(())
    }

    /// Whether [`Uri::parse`] would read it, without keeping anything. Bytes that no URI has must
    /// have been looked for before.
    pub(crate) fn is_uri(text: &str) -> bool {
        split_scheme(text).is_some_and(|(scheme, rest)| {
            let is_sip = ["sip", "sips"].iter().any(|sip| scheme.eq_ignore_ascii_case(sip));
            match is_sip {
                true => split_sip(rest).is_some_and(|parts| Host::is_host_port(parts.hostport)),
                false => !(scheme.eq_ignore_ascii_case("tel") && rest.starts_with(';')),
            }
        })
    }

    /// A `sip:` URI of a user (escaped as needed; none if empty) at a host.
    #[must_use]
    pub fn sip(user: &str, host: Host, port: Option<u16>) -> Self {
        Self {
            scheme: Scheme::Sip,
            user: (!user.is_empty()).then(|| escape(user, is_user_byte)),
            password: None,
            host: Some(host),
            port,
            params: Params::default(),
            headers: None,
        }
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Whether it is `sip:` or `sips:`.
    #[must_use]
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// The user, the number of a `tel:`, or the rest of a URI of another scheme; unescaped.
    #[must_use]
    pub fn user(&self) -> Option<Cow<'_, str>> {
        self.user.as_deref().map(unescape)
    }

    /// The user as it is written.
    #[must_use]
    pub fn raw_user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password, unescaped.
    #[must_use]
    pub fn password(&self) -> Option<Cow<'_, str>> {
        self.password.as_deref().map(unescape)
    }

    /// The host; always there in `sip:` and `sips:`, never in others.
    #[must_use]
    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// The port, if it is written.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The parameters, still escaped.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The value of a parameter, still escaped; empty for one without a value.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name)
    }

    /// Whether the URI is a loose router's.
    #[must_use]
    pub fn is_loose(&self) -> bool {
        self.params.has("lr")
    }

    /// The headers after `?`, names and values unescaped.
    pub fn headers(&self) -> impl Iterator<Item = (String, String)> {
        self.headers.iter().flat_map(|text| text.split('&')).filter(|one| !one.is_empty()).map(
            |one| {
                let (name, value) = one.split_once('=').unwrap_or((one, ""));
                (unescape(name).into_owned(), unescape(value).into_owned())
            },
        )
    }

    /// The value of the header `name` after `?`, unescaped.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// With another user, escaped as needed; without one if empty.
    #[must_use]
    pub fn with_user(mut self, user: &str) -> Self {
        self.user = (!user.is_empty()).then(|| escape(user, is_user_byte));
        self
    }

    /// With another host and port.
    #[must_use]
    pub fn with_host(mut self, host: Host, port: Option<u16>) -> Self {
        (self.host, self.port) = (Some(host), port);
        self
    }

    /// With another scheme.
    #[must_use]
    pub fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// With a parameter; `None` is a flag such as `lr`. Escaped as needed.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        self.params.put(&escape(name, is_param_byte), value.map(|v| escape(v, is_param_byte)));
        self
    }

    /// Without the parameter `name`.
    #[must_use]
    pub fn without_param(mut self, name: &str) -> Self {
        self.params.remove(name);
        self
    }

    /// With one more header after `?`, escaped.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let headers = self.headers.get_or_insert_default();
        if !headers.is_empty() {
            headers.push('&');
        }
        headers.push_str(&escape(name, is_header_byte));
        headers.push('=');
        headers.push_str(&escape(value, is_header_byte));
        self
    }

    /// Without headers after `?`, as a Request-URI must be.
    #[must_use]
    pub fn without_headers(mut self) -> Self {
        self.headers = None;
        self
    }

    /// Without parameters and headers: scheme, user, host and port. The key of an address of record
    /// after RFC 3261 section 10.3 step 5.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self { password: None, params: Params::default(), headers: None, ..self.clone() }
    }

    /// Whether both name the same resource (RFC 3261 section 19.1.4; RFC 3966 section 4).
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        if self.scheme != other.scheme {
            return false;
        }
        match self.scheme {
            Scheme::Sip | Scheme::Sips => {
                self.user() == other.user()
                    && self.password() == other.password()
                    && self.host == other.host
                    && self.port == other.port
                    && self.same_params(other)
                    && self.same_headers(other)
            }
            Scheme::Tel => self.digits() == other.digits() && self.same_params(other),
            Scheme::Other(_) => self.user == other.user,
        }
    }

    fn digits(&self) -> String {
        let separator = |c: &char| !matches!(c, '-' | '.' | '(' | ')');
        self.user.iter().flat_map(|user| user.chars()).filter(separator).collect()
    }

    /// Parameters in both must be equal; some may not be in one only.
    fn same_params(&self, other: &Self) -> bool {
        let never_alone = ["user", "ttl", "method", "maddr", "transport", "phone-context"];
        let one_way = |a: &Self, b: &Self| {
            a.params.iter().all(|(name, _)| match a.params.get(name).zip(b.params.get(name)) {
                // The first where one is there twice, which it may not be (section 19.1.1).
                Some((ours, theirs)) => unescape(ours).eq_ignore_ascii_case(&unescape(theirs)),
                None => !never_alone.iter().any(|n| n.eq_ignore_ascii_case(name)),
            })
        };
        let few = |uri: &Self| uri.params.iter().nth(COMPARED_MAX).is_none();
        self.params == other.params
            || few(self) && few(other) && one_way(self, other) && one_way(other, self)
    }

    fn same_headers(&self, other: &Self) -> bool {
        let sorted = |uri: &Self| {
            let mut list: Vec<_> =
                uri.headers().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
            list.sort();
            list
        };
        self.headers == other.headers || sorted(self) == sorted(other)
    }
}

/// Most parameters that are compared whatever their order: each is looked for among the others.
const COMPARED_MAX: usize = 64;

/// The scheme and the rest, which is not empty.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = cut(text, b':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    (is_scheme && !rest.is_empty()).then_some((scheme, rest))
}

/// The parts of a `sip:` URI as they are written.
struct SipParts<'a> {
    user: Option<&'a str>,
    password: Option<&'a str>,
    hostport: &'a str,
    params: &'a str,
    headers: Option<&'a str>,
}

fn split_sip(rest: &str) -> Option<SipParts<'_>> {
    let (userinfo, rest) = match cut(rest, b'@') {
        Some((userinfo, rest)) => (Some(userinfo), rest),
        None => (None, rest),
    };
    let (user, password) = match userinfo.map(|userinfo| cut(userinfo, b':')) {
        Some(Some((user, password))) => (Some(user), Some(password)),
        _ => (userinfo, None),
    };
    let (rest, headers) = match cut(rest, b'?') {
        Some((rest, headers)) => (rest, Some(headers)),
        None => (rest, None),
    };
    let (hostport, params) = cut(rest, b';').unwrap_or((rest, ""));
    // IPv6 without brackets could end in a port or not (RFC 5118 section 4.2).
    let is_ambiguous =
        !hostport.starts_with('[') && memchr_iter(b':', hostport.as_bytes()).nth(1).is_some();
    (user != Some("") && !is_ambiguous).then_some(SipParts {
        user,
        password,
        hostport,
        params,
        headers,
    })
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scheme {
            Scheme::Sip => f.write_str("sip:")?,
            Scheme::Sips => f.write_str("sips:")?,
            Scheme::Tel => f.write_str("tel:")?,
            Scheme::Other(scheme) => write!(f, "{scheme}:")?,
        }
        if let Some(user) = &self.user {
            f.write_str(user)?;
        }
        if let Some(password) = &self.password {
            write!(f, ":{password}")?;
        }
        if let Some(host) = &self.host {
            let at = if self.user.is_some() { "@" } else { "" };
            write!(f, "{at}{host}")?;
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.params.fmt(f)?;
        match &self.headers {
            Some(headers) => write!(f, "?{headers}"),
            None => Ok(()),
        }
    }
}

impl core::str::FromStr for Uri {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

pub(crate) fn never_in_uri(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b'<' | b'>' | b'"' | 0x7f)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte)
}

fn is_user_byte(byte: u8) -> bool {
    is_unreserved(byte) || b"&=+$,/".contains(&byte)
}

fn is_param_byte(byte: u8) -> bool {
    is_unreserved(byte) || b"[]/:&+$".contains(&byte)
}

fn is_header_byte(byte: u8) -> bool {
    is_unreserved(byte) || b"[]/?:+$".contains(&byte)
}

fn escape(text: &str, plain: fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Undoes `%41`; broken escapes stay as they are, bytes that are no UTF-8 become U+FFFD.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|&b| char::from(b).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            #[expect(clippy::cast_possible_truncation, reason = "two hexadecimal digits")]
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap_or_else(|_| panic!("{text:?}"))
    }

    #[test]
    fn printed_as_read() {
        for text in [
            "sip:alice@atlanta.com",
            "sip:alice:secretword@atlanta.com;transport=tcp",
            "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:+1-212-555-1212:1234@gateway.com;user=phone",
            "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
            "sip:sips%3Auser%40example.com@example.net",
            "sip:192.0.2.1:5070;lr;x=\u{e9}",
            "sip:bob@[2001:db8::9:1]:5060;ob",
            "sip:carol@chicago.com?Replaces=12345%40h%3Bto-tag%3Da%3Bfrom-tag%3Db",
            "tel:+7-495-123-45-67;ext=12;phone-context=example.com",
            "urn:service:sos",
            "http://example.com/a?b@c",
            "sip:abc.invalid;transport=ws",
        ] {
            assert_eq!(uri(text).to_string(), text);
        }
    }

    #[test]
    fn not_uris() {
        for text in [
            "",
            "sip",
            "sip:",
            ":",
            "sip:@host",
            "sip:a@",
            "sip:a@b@c",
            "sip:a b@c",
            "sip:<a@b>",
            "sip:a@b:0",
            "sip:a@b:99999",
            "sip:a@[::1",
            "sip:a@b:",
            "1sip:a@b",
            "s p:a",
            "sip:a@b\r\nX: y",
            "sip:a@b\0",
            "<sip:a@b>",
            "sip:\"a\"@b",
            "sip:;lr",
            "tel:;ext=1",
        ] {
            assert_eq!(Uri::parse(text), Err(NOT_URI), "{text:?}");
        }
    }

    #[test]
    fn parts() {
        let it = uri(
            "SIP:Al%69ce%20x:p%3Aw@EXAMPLE.com:5070;Transport=TCP;lr?Replaces=a%40b%3Bto-tag%3D1&x",
        );
        assert_eq!(it.user().as_deref(), Some("Alice x"));
        assert_eq!(it.password().as_deref(), Some("p:w"));
        assert_eq!(it.host(), Some(&Host::Name("example.com".into())));
        assert_eq!((it.port(), it.param("transport")), (Some(5070), Some("TCP")));
        assert!(it.is_loose() && it.is_sip());
        assert_eq!(it.header("replaces").as_deref(), Some("a@b;to-tag=1"));
        assert_eq!(it.headers().count(), 2);
        assert_eq!(it.bare().to_string(), "sip:Al%69ce%20x@example.com:5070");
        assert_eq!(uri("sip:%zz%f0%4@h").user().as_deref(), Some("%zz\u{fffd}%4"));
        assert_eq!(uri("tel:+1-2;ext=3").user().as_deref(), Some("+1-2"));
    }

    #[test]
    fn what_is_set_cannot_break_out() {
        let host = Host::parse("h.example").unwrap();
        let it = Uri::sip("a@evil;x>\r\nX: y?", host, None)
            .with_param("p\r\n", Some("1;lr>\r\n"))
            .with_param("lr", None)
            .with_header("Replaces", "c@h;to-tag=1;from-tag=2&x=\r\n");
        let text = it.to_string();
        assert_eq!(
            text,
            "sip:a%40evil%3Bx%3E%0D%0AX%3A%20y%3F@h.example;p%0D%0A=1%3Blr%3E%0D%0A;lr\
             ?Replaces=c%40h%3Bto-tag%3D1%3Bfrom-tag%3D2%26x%3D%0D%0A"
        );
        assert_eq!(uri(&text), it);
        assert_eq!(it.user().as_deref(), Some("a@evil;x>\r\nX: y?"));
        assert_eq!(it.header("Replaces").as_deref(), Some("c@h;to-tag=1;from-tag=2&x=\r\n"));
    }

    #[test]
    fn comparison_as_in_section_19_1_4() {
        let check = |a: &str, b: &str, expected: bool| {
            assert_eq!(uri(a).matches(&uri(b)), expected, "{a} {b}");
            assert_eq!(uri(b).matches(&uri(a)), expected, "{b} {a}");
        };
        check("sip:a@h;x=1;x=2", "sip:a@h;x=1;x=2", true);
        check("sip:a@h;x=1;x=2", "sip:a@h;x=2", false);
        let params = |numbers: core::ops::Range<u32>| {
            numbers.fold("sip:a@h;b;c".to_owned(), |text, n| format!("{text};p{n}"))
        };
        check(&params(0..60), &params(0..60).replace(";b;c", ";c;b"), true);
        check(&params(0..90), &params(0..90), true);
        check(&params(0..90), &params(0..90).replace(";b;c", ";c;b"), false);
        check("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true);
        check("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true);
        check("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true);
        check(
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            true,
        );
        check("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false);
        check("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false);
        check("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false);
        check("sip:bob@biloxi.com", "sips:bob@biloxi.com", false);
        check("sip:bob@biloxi.com;user=phone", "sip:bob@biloxi.com", false);
        check("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false);
        check("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false);
        check("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false);
        check("sip:a@[2001:DB8::1]", "sip:a@[2001:db8:0::1]", true);
        check("tel:+1-212-555", "tel:+1212(555)", true);
        check("tel:555;phone-context=a.b", "tel:555", false);
        check("urn:service:sos", "urn:service:sos", true);
    }
}
