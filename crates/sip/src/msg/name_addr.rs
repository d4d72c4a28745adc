//! name-addr and addr-spec with their parameters (RFC 3261 sections 20.10, 20.20, 20.39).

use super::list::{quote, unquote};
use super::malformed::Invalid;
use super::params::Params;
use super::uri::Uri;
use core::fmt;
use memchr::{memchr, memchr3};
use serde::{Deserialize, Serialize};

/// The value of From, To, Contact, Route, Refer-To and their like. Printed with `<>` always, so
/// that parameters of the URI and of the field cannot be taken for each other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NameAddr {
    /// The display name without quotes and escapes, if there is one.
    pub display: Option<String>,
    /// The address.
    pub uri: Uri,
    /// The field's parameters, not the URI's.
    pub params: Params,
}

const NOT_NAME_ADDR: Invalid = Invalid { what: "name-addr" };

/// Display name, URI and parameters as they are written.
pub(crate) fn split(text: &str) -> Option<(&str, &str, &str)> {
    let text = text.trim_ascii();
    let open = if text.starts_with('"') {
        let close = closing_quote(text)?;
        let gap = text[close + 1..].find(|c: char| !c.is_ascii_whitespace())?;
        text[close + 1 + gap..].starts_with('<').then_some(close + 1 + gap)?
    } else if let Some(open) = memchr(b'<', text.as_bytes()) {
        if memchr3(b';', b'"', b',', &text.as_bytes()[..open]).is_some() {
            return None;
        }
        open
    } else {
        // Without brackets what follows a semicolon is the field's (RFC 3261 section 20.10).
        let end = memchr(b';', text.as_bytes()).unwrap_or(text.len());
        return Some(("", text[..end].trim_ascii(), &text[end..]));
    };
    let close = open + memchr(b'>', &text.as_bytes()[open..])?;
    let params = text[close + 1..].trim_ascii_start();
    if !params.is_empty() && !params.starts_with(';') {
        return None;
    }
    Some((text[..open].trim_ascii(), text[open + 1..close].trim_ascii(), params))
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

impl NameAddr {
    /// Reads one value, with or without brackets and display name.
    ///
    /// # Errors
    /// If quotes or brackets do not close, something stands behind them, or the URI is bad.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let (display, uri, params) = split(text).ok_or(NOT_NAME_ADDR)?;
        Ok(Self {
            display: (!display.is_empty()).then(|| unquote(display)).filter(|d| !d.is_empty()),
            uri: Uri::parse(uri)?,
            params: Params::parse(params),
        })
    }

    /// Only an address.
    #[must_use]
    pub fn new(uri: Uri) -> Self {
        Self { display: None, uri, params: Params::default() }
    }

    /// With a display name, none if it is empty.
    #[must_use]
    pub fn with_display(mut self, display: &str) -> Self {
        self.display = (!display.is_empty()).then(|| display.to_owned());
        self
    }

    /// With a tag in place of the one there is.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", tag);
        self
    }

    /// With a parameter of the field, quoted if it must be.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: &str) -> Self {
        self.params.set(name, value);
        self
    }

    /// The tag; `None` if there is none or an empty one.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// The `expires` parameter in seconds; too large a number is the largest.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        delta_seconds(self.params.get("expires")?)
    }

    /// The `q` parameter in thousandths, 0 to 1000. `None` without a sound one.
    #[must_use]
    pub fn q_permille(&self) -> Option<u16> {
        let (whole, fraction) = {
            let text = self.params.get("q")?;
            text.split_once('.').unwrap_or((text, ""))
        };
        if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
        match whole {
            "0" | "" => Some(thousandths),
            "1" if thousandths == 0 => Some(1000),
            _ => None,
        }
    }
}

/// Seconds as RFC 3261 writes them; what does not fit in 32 bits is the largest (section 20.19).
pub(crate) fn delta_seconds(text: &str) -> Option<u32> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u32::MAX))
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", quote(display))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

impl core::str::FromStr for NameAddr {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_print() {
        let check = |text: &str, printed: &str| {
            let read = NameAddr::parse(text).unwrap_or_else(|_| panic!("{text:?}"));
            assert_eq!(read.to_string(), printed, "{text:?}");
            assert_eq!(NameAddr::parse(printed).as_ref(), Ok(&read), "{text:?}");
        };
        check("sip:a@b;tag=1", "<sip:a@b>;tag=1");
        check("<sip:a@b;lr>;tag=1", "<sip:a@b;lr>;tag=1");
        check("Bob Smith <sip:a@b>", "\"Bob Smith\" <sip:a@b>");
        check(
            "\"<sip:x>, \\\"q\\\" \\\\\"\t<sip:a@b> ; tag = 1",
            "\"<sip:x>, \\\"q\\\" \\\\\" <sip:a@b>;tag=1",
        );
        check("\"\" <sip:a@b>", "<sip:a@b>");
        check("Иван <tel:+7495>", "\"Иван\" <tel:+7495>");
        check(
            "<sip:x.invalid;transport=ws>;+sip.instance=\"<urn:uuid:1>\";reg-id=1;expires=60",
            "<sip:x.invalid;transport=ws>;+sip.instance=\"<urn:uuid:1>\";reg-id=1;expires=60",
        );
        check("caller<sip:a@b>;x", "\"caller\" <sip:a@b>;x");
    }

    #[test]
    fn not_name_addrs() {
        for text in [
            "",
            "<>",
            "<sip:a@b",
            "sip:a@b>",
            "\"open <sip:a@b>",
            "\"a\" sip:a@b",
            "\"a\"",
            "<sip:a@b> junk",
            "a;b <sip:a@b>",
            "\"a\\\" <sip:a@b>",
            "a@b",
            "<a@b>",
        ] {
            assert!(NameAddr::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn parameters() {
        let it = NameAddr::parse("<sip:a@b;expires=1>;expires=99999999999;q=0.35;TAG=x").unwrap();
        assert_eq!(
            (it.expires(), it.q_permille(), it.tag()),
            (Some(u32::MAX), Some(350), Some("x"))
        );
        let q = |q: &str| NameAddr::parse(&format!("<sip:a@b>;q={q}")).unwrap().q_permille();
        for (text, expected) in [
            ("1", Some(1000)),
            ("1.0", Some(1000)),
            ("0", Some(0)),
            ("0.7", Some(700)),
            (".5", Some(500)),
            ("0.", Some(0)),
            ("1.1", None),
            ("2", None),
            ("0.1234", None),
            ("-1", None),
            ("", Some(0)),
        ] {
            assert_eq!(q(text), expected, "{text}");
        }
        let evil = NameAddr::new(Uri::parse("sip:a@b").unwrap())
            .with_display("x\" <sip:evil>\r\nX: y")
            .with_tag("t\r\n\"");
        assert_eq!(evil.to_string(), "\"x\\\" <sip:evil>  X: y\" <sip:a@b>;tag=\"t  \\\"\"");
    }
}
