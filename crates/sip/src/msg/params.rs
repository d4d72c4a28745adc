//! Parameters: `;name` and `;name=value`, in order, names in any case.

use super::list::{is_closed, quote, split_outside, unquote};
use super::method::is_token_byte;
use core::fmt;
use serde::{Deserialize, Serialize};

/// The parameters of a URI or a header field, in their order. Values stay as they were written;
/// what we add is quoted or escaped where it must be by [`Params::set`].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Params(Vec<(String, Option<String>)>);

impl Params {
    /// Reads `;a=1;b;c="x;y"`, with or without the first semicolon. Lenient: never fails.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let owned = |(name, value): (&str, Option<&str>)| (name.to_owned(), value.map(Into::into));
        Self(each(text).map(owned).collect())
    }

    /// [`Params::get`] of a list that is not kept.
    pub(crate) fn find<'a>(text: &'a str, name: &str) -> Option<&'a str> {
        let (_, value) = each(text).find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(bare(value))
    }

    /// The value of `name` without its quotes; empty if it has none. `None` if it is not there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(bare(value.as_deref()))
    }

    /// The value of `name` with quotes and escapes undone.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(unquote(value.as_deref().unwrap_or("")))
    }

    /// Whether `name` is there, with or without a value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    /// Gives `name` a value, in its place or at the end; quoted if it is more than a token or host.
    pub fn set(&mut self, name: &str, value: &str) {
        let value = if !value.is_empty() && value.bytes().all(is_plain) {
            value.to_owned()
        } else {
            quote(value)
        };
        self.put(name, Some(value));
    }

    /// Sets `name` without a value, in its place or at the end.
    pub fn set_flag(&mut self, name: &str) {
        self.put(name, None);
    }

    /// As it is: for values already in the grammar of where they go.
    pub(crate) fn put(&mut self, name: &str, value: Option<String>) {
        match self.0.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            Some(slot) => slot.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Takes every `name` away; says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.0.len() != before
    }

    /// All of them in order, values as they are written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Names and values in order, as they are written, but for a last one whose quote or bracket does
/// not close: it would swallow what is put behind it.
fn each(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let pairs = split_outside(text, b';').filter(|one| is_closed(one)).map(|one| {
        match one.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (one, None),
        }
    });
    pairs.filter(|(name, _)| !name.is_empty())
}

/// A value without its quotes; nothing where there is none.
fn bare(value: Option<&str>) -> &str {
    let value = value.unwrap_or("");
    value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value)
}

/// What needs no quotes in a parameter: a token, or a host with a port.
fn is_plain(byte: u8) -> bool {
    is_token_byte(byte) || matches!(byte, b'[' | b']' | b':')
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            write!(f, ";{name}")?;
            if let Some(value) = value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_print() {
        let check = |text: &str, printed: &str| {
            let params = Params::parse(text);
            assert_eq!(params.to_string(), printed, "{text:?}");
            assert_eq!(Params::parse(printed), params, "{text:?}");
            for name in ["a", "X", "none"] {
                assert_eq!(Params::find(text, name), params.get(name), "{text:?}");
            }
        };
        check("", "");
        check(";;;", "");
        check(" ; a = 1 ; b ;C=x", ";a=1;b;C=x");
        check(r#"x="a;b=c";y"#, r#";x="a;b=c";y"#);
        check("a==b", ";a==b");
        check("=v;ok", ";ok");
        check("a;b=\"c;d", ";a");
        check("a;\"-", ";a");
        check("a;x=<b;c", ";a");
    }

    #[test]
    fn get_and_set() {
        let mut params = Params::parse(r#";TAG=abc;+sip.instance="<urn:uuid:1>";lr;n="a \"b\"""#);
        assert_eq!(params.get("tag"), Some("abc"));
        assert_eq!(params.get("+SIP.instance"), Some("<urn:uuid:1>"));
        assert_eq!(params.get("lr"), Some(""));
        assert_eq!(params.get("none"), None);
        assert_eq!(params.text("n").as_deref(), Some("a \"b\""));
        params.set("tag", "x y");
        params.set_flag("ob");
        assert!(params.remove("LR") && !params.remove("lr"));
        let mut open = Params::parse(";a=\"b");
        open.set("tag", "t");
        assert_eq!(Params::parse(&open.to_string()).get("tag"), Some("t"));
        assert_eq!(params.to_string(), r#";TAG="x y";+sip.instance="<urn:uuid:1>";n="a \"b\"";ob"#);
    }
}
