//! Via (RFC 3261 sections 18.2 and 20.42; RFC 3581 for `rport`).

use super::host::Host;
use super::list::{cut, split_outside};
use super::malformed::Invalid;
use super::method::is_token;
use super::params::Params;
use core::fmt::{self, Write as _};
use memchr::memchr;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// A transport as Via and the `transport` parameter name it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are the words of the RFCs")]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
    Sctp,
    TlsSctp,
    Ws,
    Wss,
    /// One that we do not know.
    Other,
}

impl Transport {
    /// The transport named by `token`, in any case.
    #[must_use]
    pub fn parse(token: &str) -> Self {
        token.parse().map_or(Self::Other, |known| match known {
            rsip::Transport::Udp => Self::Udp,
            rsip::Transport::Tcp => Self::Tcp,
            rsip::Transport::Tls => Self::Tls,
            rsip::Transport::Sctp => Self::Sctp,
            rsip::Transport::TlsSctp => Self::TlsSctp,
            rsip::Transport::Ws => Self::Ws,
            rsip::Transport::Wss => Self::Wss,
        })
    }

    /// As Via writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Sctp => "SCTP",
            Self::TlsSctp => "TLS-SCTP",
            Self::Ws => "WS",
            Self::Wss => "WSS",
            Self::Other => "UNKNOWN",
        }
    }

    /// Whether it delivers in order and without loss, so that nothing is sent again.
    #[must_use]
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// Whether it is encrypted.
    #[must_use]
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::TlsSctp | Self::Wss)
    }

    /// The port when none is written.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Tls | Self::TlsSctp => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
            _ => 5060,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One Via.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Via {
    /// The transport.
    pub transport: Transport,
    /// The name of a transport we do not know, as it came.
    other: Option<String>,
    /// The host of sent-by.
    pub host: Host,
    /// The port of sent-by, if it is written.
    pub port: Option<u16>,
    /// `branch`, `rport`, `received` and the rest.
    pub params: Params,
}

const NOT_VIA: Invalid = Invalid { what: "Via" };

/// Transport, sent-by and parameters as they are written. The version is not judged: a request of
/// another version is answered 505 by its Via.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (sent, params) = text.split_at(memchr(b';', text.as_bytes()).unwrap_or(text.len()));
    let rest = match sent.strip_prefix("SIP/2.0/") {
        Some(rest) => rest.trim_ascii(),
        None => {
            let (protocol, rest) = cut(sent, b'/')?;
            let (version, rest) = cut(rest, b'/')?;
            if !protocol.trim().eq_ignore_ascii_case("SIP") || !is_token(version.trim()) {
                return None;
            }
            rest.trim()
        }
    };
    let (token, sent_by) = rest.split_once(|c: char| c.is_ascii_whitespace())?;
    is_token(token).then_some((token, sent_by, params))
}

impl Via {
    /// Reads one Via, with spaces wherever the grammar has them.
    ///
    /// # Errors
    /// If protocol, transport or sent-by is missing or bad.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let (token, sent_by, params) = split(text).ok_or(NOT_VIA)?;
        let (host, port) = Host::parse_with_port(sent_by).ok_or(NOT_VIA)?;
        let transport = Transport::parse(token);
        let other = (transport == Transport::Other).then(|| token.to_owned());
        Ok(Self { transport, other, host, port, params: Params::parse(params) })
    }

    /// Whether [`Via::parse`] would read it, without keeping anything.
    pub(crate) fn is_via(text: &str) -> bool {
        split(text).is_some_and(|(_, sent_by, _)| Host::is_host_port(sent_by))
    }

    /// Our own Via, asking for `rport` (RFC 3581).
    #[must_use]
    pub fn new(transport: Transport, host: Host, port: Option<u16>, branch: &str) -> Self {
        let mut params = Params::default();
        params.set("branch", branch);
        params.set_flag("rport");
        Self { transport, other: None, host, port, params }
    }

    /// The branch; empty if there is none (RFC 2543).
    #[must_use]
    pub fn branch(&self) -> &str {
        self.params.get("branch").unwrap_or("")
    }

    /// The port filled in by the server; `None` without `rport` and while it has no value.
    #[must_use]
    pub fn rport(&self) -> Option<u16> {
        self.params.get("rport")?.parse().ok().filter(|&port| port != 0)
    }

    /// Whether the client asked for `rport`.
    #[must_use]
    pub fn wants_rport(&self) -> bool {
        self.params.has("rport")
    }

    /// The address filled in by the server.
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text).parse().ok()
    }

    /// The port of sent-by or the transport's own.
    #[must_use]
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(self.transport.default_port())
    }

    /// Where a response goes when it cannot go back on its connection: `received` or sent-by, with
    /// `rport` or sent-by's port (RFC 3261 section 18.2.2, RFC 3581 section 4). `None` if that is a
    /// name, which cannot be on a message that was stamped. `maddr` is not followed: it would let
    /// anybody aim our responses.
    #[must_use]
    pub fn reply_address(&self) -> Option<SocketAddr> {
        let ip = self.received().or_else(|| self.host.ip())?;
        Some(SocketAddr::new(ip, self.rport().unwrap_or_else(|| self.port_or_default())))
    }
}

/// The Via `text` with where the message came from (RFC 3261 section 18.2.1, RFC 3581 section 4) in
/// place of what the sender claimed about that. The rest stays as it is written, as sent-by is
/// compared with what was sent by who sent it. `None` if there is nothing to write down, or it is no
/// Via.
pub(crate) fn stamp(text: &str, source: SocketAddr) -> Option<String> {
    let (_, sent_by, params) = split(text)?;
    let ip = source.ip().to_canonical();
    let (mut has_claim, mut wants_rport) = (false, false);
    for (name, _) in params_of(params) {
        has_claim |= name.eq_ignore_ascii_case("received");
        wants_rport |= name.eq_ignore_ascii_case("rport");
    }
    let needs_received = wants_rport || Host::ip_of(sent_by)? != Some(ip);
    if !has_claim && !needs_received {
        return None;
    }
    let mut out = String::with_capacity(text.len() + 64);
    out.push_str(text[..text.len() - params.len()].trim_end());
    if needs_received {
        // Before what the sender wrote, whose quotes may not close: a response must go by this, and
        // never to where only the sender says. Writing to a String cannot fail.
        let _ = write!(out, ";received={ip}");
    }
    let mut rport_given = false;
    for (name, one) in params_of(params) {
        if name.eq_ignore_ascii_case("rport") {
            if !core::mem::replace(&mut rport_given, true) {
                let _ = write!(out, ";{name}={}", source.port());
            }
        } else if !name.eq_ignore_ascii_case("received") {
            out.push(';');
            out.push_str(one);
        }
    }
    Some(out)
}

/// The parameters as they are written, with their names; empty ones left out.
fn params_of(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let name = |one: &'_ str| one.split_once('=').map_or(one.len(), |(name, _)| name.len());
    split_outside(text, b';')
        .map(move |one| (one[..name(one)].trim_end(), one))
        .filter(|(name, _)| !name.is_empty())
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = self.other.as_deref().unwrap_or(self.transport.as_str());
        write!(f, "SIP/2.0/{transport} {}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.params.fmt(f)
    }
}

impl core::str::FromStr for Via {
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
            let via = Via::parse(text).unwrap_or_else(|_| panic!("{text:?}"));
            assert_eq!(via.to_string(), printed, "{text:?}");
            assert_eq!(Via::parse(printed).as_ref(), Ok(&via), "{text:?}");
        };
        check(
            "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1",
            "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1",
        );
        check(
            "SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1",
            "SIP/2.0/UDP first.example.com:4000;ttl=16;maddr=224.2.0.1;branch=z9hG4bKa7c6a8dlze.1",
        );
        check("sip/2.0/wss x.invalid;rport", "SIP/2.0/WSS x.invalid;rport");
        check("SIP/2.0/UNKNOWN t4.example.com", "SIP/2.0/UNKNOWN t4.example.com");
        check("SIP/2.0/TLS\t[2001:db8::1]:5061", "SIP/2.0/TLS [2001:db8::1]:5061");
        for bad in [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ",
            "SIP//UDP h",
            "HTTP/2.0/UDP h",
            "SIP/2.0/ h",
            "SIP/2.0/UDP h:0",
            "SIP/2.0/UDP h:x",
            "SIP/2.0 UDP h",
            ";branch=1",
            "SIP/2.0/U DP h",
        ] {
            assert_eq!(Via::parse(bad), Err(NOT_VIA), "{bad:?}");
        }
    }

    #[test]
    fn stamped_and_answered() {
        let check = |via: &str, source: &str, stamped: &str, reply: &str| {
            let text = stamp(via, source.parse().unwrap()).unwrap_or(via.to_owned());
            let via = Via::parse(&text).unwrap();
            assert_eq!(via.params.to_string(), stamped);
            assert_eq!(via.reply_address(), reply.parse().ok());
        };
        let from = "198.51.100.9:40000";
        check("SIP/2.0/UDP 198.51.100.9", from, "", "198.51.100.9:5060");
        check("SIP/2.0/UDP 198.51.100.9:5070", from, "", "198.51.100.9:5070");
        check("SIP/2.0/UDP 10.0.0.1:5070", from, ";received=198.51.100.9", "198.51.100.9:5070");
        check("SIP/2.0/TLS phone", from, ";received=198.51.100.9", "198.51.100.9:5061");
        check("SIP/2.0/UDP h;rport", from, ";received=198.51.100.9;rport=40000", from);
        check(
            "SIP/2.0/UDP h;rport=1;received=6.6.6.6",
            from,
            ";received=198.51.100.9;rport=40000",
            from,
        );
        check(
            "SIP/2.0/UDP h ; rport ;x=\"a;received=b\"; RPORT=2;;received=[::1]",
            from,
            ";received=198.51.100.9;rport=40000;x=\"a;received=b\"",
            from,
        );
        check("SIP/2.0/UDP 198.51.100.9;received=6.6.6.6", from, "", "198.51.100.9:5060");
        for open in [";x=\"", ";x=<", ";x=\";rport=1;received=6.6.6.6"] {
            let via = format!("SIP/2.0/UDP 6.6.6.6{open}");
            check(&via, from, ";received=198.51.100.9", "198.51.100.9:5060");
            let stamped = format!("SIP/2.0/UDP 6.6.6.6;received=198.51.100.9{open}");
            assert_eq!(stamp(&via, from.parse().unwrap()), Some(stamped), "all of it goes back");
        }
        check(
            "SIP/2.0/UDP 198.51.100.9;maddr=6.6.6.6",
            from,
            ";maddr=6.6.6.6",
            "198.51.100.9:5060",
        );
        check(
            "SIP/2.0/UDP [::1];rport",
            "[2001:db8::1]:9",
            ";received=2001:db8::1;rport=9",
            "[2001:db8::1]:9",
        );
        check("SIP/2.0/UDP 192.0.2.1", "[::ffff:192.0.2.1]:9", "", "192.0.2.1:5060");
    }

    #[test]
    fn transports_are_rsips() {
        for known in rsip::Transport::all() {
            let ours = Transport::parse(&known.to_string());
            assert_eq!(ours.as_str(), known.to_string());
            assert_eq!(ours.is_secure(), known.is_secure());
            assert_eq!(ours.default_port(), *known.default_port().value());
        }
    }
}
