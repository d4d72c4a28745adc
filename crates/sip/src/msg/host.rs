//! Hosts: names, IPv4 and IPv6 (RFC 3261 section 25.1; RFC 5118 for IPv6 without brackets).

use core::fmt;
use memchr::memchr;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host as URIs and Via name it. Names are compared without case, so they are kept in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Host {
    /// A domain name, in lower case.
    Name(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address; printed in brackets.
    V6(Ipv6Addr),
}

impl Host {
    /// Reads a host; IPv6 with or without brackets. `None` if it is none of the three.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match read(text)? {
            Read::Name(name) => Self::Name(name.to_ascii_lowercase()),
            Read::V4(ip) => Self::V4(ip),
            Read::V6(ip) => Self::V6(ip),
        })
    }

    /// Reads `host[:port]` and says whether nothing was left over. Spaces around the colon are
    /// allowed, as Via has them. Port 0 and ports above 65535 are refused.
    pub(crate) fn parse_with_port(text: &str) -> Option<(Self, Option<u16>)> {
        let (host, port) = split_port(text)?;
        Some((Self::parse(host)?, port))
    }

    /// The address in `host[:port]`, `Some(None)` if the host is a name, without keeping anything.
    pub(crate) fn ip_of(text: &str) -> Option<Option<IpAddr>> {
        Some(match read(split_port(text)?.0)? {
            Read::Name(_) => None,
            Read::V4(ip) => Some(ip.into()),
            Read::V6(ip) => Some(ip.into()),
        })
    }

    /// Whether [`Host::parse_with_port`] would read it, without keeping anything.
    pub(crate) fn is_host_port(text: &str) -> bool {
        split_port(text).is_some_and(|(host, _)| read(host).is_some())
    }

    /// The address, unless the host is a name.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(ip) => Some((*ip).into()),
            Self::V6(ip) => Some((*ip).into()),
        }
    }
}

/// A host that owns nothing.
enum Read<'a> {
    Name(&'a str),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

fn read(text: &str) -> Option<Read<'_>> {
    if let Some(inner) = text.strip_prefix('[') {
        return read_v6(inner.strip_suffix(']')?).map(Read::V6);
    }
    let in_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    if !text.is_empty() && text.len() <= 255 && text.bytes().all(in_name) {
        // Only what begins with a digit can be an address.
        let ip = text.starts_with(|c: char| c.is_ascii_digit()).then(|| text.parse().ok());
        Some(ip.flatten().map_or(Read::Name(text), Read::V4))
    } else {
        read_v6(text).map(Read::V6)
    }
}

/// RFC 3261's grammar has a third colon before an embedded IPv4 address by mistake; both spellings
/// are to be understood (RFC 5118 section 4.10).
fn read_v6(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok().or_else(|| {
        let (high, low) = text.split_once(":::")?;
        low.parse::<Ipv4Addr>().ok()?;
        format!("{high}::{low}").parse().ok()
    })
}

/// Host and port of `host[:port]`; the host is not looked at.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let text = text.trim_ascii();
    let bytes = text.as_bytes();
    let split = match (bytes.first(), memchr(b':', bytes)) {
        (Some(b'['), _) => memchr(b']', bytes)? + 1,
        (_, Some(colon)) if memchr(b':', &bytes[colon + 1..]).is_none() => colon,
        _ => text.len(),
    };
    let (host, tail) = (text[..split].trim_ascii_end(), text[split..].trim_ascii_start());
    if tail.is_empty() {
        return Some((host, None));
    }
    let digits = tail.strip_prefix(':')?.trim_ascii_start();
    let port = digits.bytes().all(|b| b.is_ascii_digit()).then_some(digits)?;
    Some((host, Some(port.parse().ok().filter(|&port| port != 0)?)))
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => Self::V6(ip),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(ip) => ip.fmt(f),
            Self::V6(ip) => write!(f, "[{ip}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        let check = |text: &str, expected: Option<(&str, Option<u16>)>| {
            let got = Host::parse_with_port(text).map(|(host, port)| (host.to_string(), port));
            assert_eq!(got, expected.map(|(h, p)| (h.to_owned(), p)), "{text:?}");
        };
        check("Example.COM", Some(("example.com", None)));
        check("a_b.example:5060", Some(("a_b.example", Some(5060))));
        check("192.0.2.1:5061", Some(("192.0.2.1", Some(5061))));
        check("[2001:DB8::1]:5070", Some(("[2001:db8::1]", Some(5070))));
        check("2001:db8::1", Some(("[2001:db8::1]", None)));
        check("[2001:db8:::192.0.2.1]", Some(("[2001:db8::c000:201]", None)));
        check("1und1.example", Some(("1und1.example", None)));
        check(" h : 5060 ", Some(("h", Some(5060))));
        for bad in [
            "",
            ":5060",
            "h:",
            "h:0",
            "h:65536",
            "h:-1",
            "h:+1",
            "[::1",
            "[::1]x",
            "a b",
            "é",
            "[h]",
            "h>",
            "[1:::2]",
            "[1:::2:::192.0.2.1]",
            "[1::::192.0.2.1]",
        ] {
            check(bad, None);
            assert!(!Host::is_host_port(bad), "{bad:?}");
        }
    }
}
