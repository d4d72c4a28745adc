//! Hosts: names, IPv4 and IPv6 (RFC 3261 section 25.1; RFC 5118 for IPv6 without brackets).

use core::fmt;
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
        if let Some(inner) = text.strip_prefix('[') {
            return inner.strip_suffix(']')?.parse().ok().map(Self::V6);
        }
        let name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            Some(Self::V4(ip))
        } else if !text.is_empty() && text.len() <= 255 && text.bytes().all(name) {
            Some(Self::Name(text.to_ascii_lowercase()))
        } else {
            text.parse().ok().map(Self::V6)
        }
    }

    /// Reads `host[:port]` and says whether nothing was left over. Spaces around the colon are
    /// allowed, as Via has them. Port 0 and ports above 65535 are refused.
    pub(crate) fn parse_with_port(text: &str) -> Option<(Self, Option<u16>)> {
        let text = text.trim();
        let split = match text.strip_prefix('[') {
            Some(_) => text.find(']').map(|at| at + 1)?,
            None if text.bytes().filter(|&b| b == b':').count() > 1 => text.len(),
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, tail) = text.split_at(split);
        let host = Self::parse(host.trim())?;
        match tail.trim() {
            "" => Some((host, None)),
            tail => {
                let digits = tail.strip_prefix(':')?.trim();
                let port = digits.bytes().all(|b| b.is_ascii_digit()).then_some(digits)?;
                Some((host, Some(port.parse().ok().filter(|&port| port != 0)?)))
            }
        }
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
        check(" h : 5060 ", Some(("h", Some(5060))));
        for bad in [
            "", ":5060", "h:", "h:0", "h:65536", "h:-1", "h:+1", "[::1", "[::1]x", "a b", "é",
            "[h]", "h>",
        ] {
            check(bad, None);
        }
    }
}
