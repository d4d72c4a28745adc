//! From a host to the flows that reach it. Literal addresses never leave the core's thread. Names
//! are looked up as addresses (RFC 3263 section 4.2); SRV and NAPTR are not asked for.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sip::{Flow, Transport};

use super::route::Routes;

/// How long a look-up may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// A question of the core's.
#[derive(Debug, Clone)]
pub(super) struct Query {
    /// To be given back.
    pub(super) number: u64,
    /// A name or a literal address.
    pub(super) host: String,
    /// Where the URI names one.
    pub(super) port: Option<u16>,
    /// Where the URI names one.
    pub(super) transport: Option<Transport>,
    /// `sips:`.
    pub(super) secure: bool,
}

impl Query {
    /// RFC 3263 section 4.1, where there is no NAPTR.
    fn transport(&self) -> Transport {
        match (self.transport, self.secure) {
            (None | Some(Transport::Tcp), true) => Transport::Tls,
            (Some(Transport::Ws), true) => Transport::Wss,
            (None, false) => Transport::Udp,
            (Some(transport), _) => transport,
        }
    }

    fn port(&self) -> u16 {
        self.port.unwrap_or(match self.transport() {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        })
    }

    /// The address, where the host is one.
    pub(super) fn literal(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }
}

/// What we listen on: a flow needs an address of ours.
#[derive(Debug, Clone, Default)]
pub(super) struct Ways {
    listeners: Vec<(Transport, SocketAddr)>,
}

impl Ways {
    /// From what is bound.
    pub(super) fn new(listeners: Vec<(Transport, SocketAddr)>) -> Self {
        Self { listeners }
    }

    /// The flows to these addresses, in their order; none where no listener suits.
    pub(super) fn flows(
        &self,
        query: &Query,
        now: Duration,
        routes: &mut Routes,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Vec<Flow> {
        let transport = query.transport();
        let flow = |ip: IpAddr| {
            let ip = ip.to_canonical();
            let local = self.local(transport, now, routes, ip)?;
            let remote = SocketAddr::new(ip, query.port());
            Some(Flow { transport, local, remote, connection: 0 })
        };
        addresses.into_iter().filter_map(flow).take(ADDRESSES_MAX).collect()
    }

    /// The listener the routing table would use, or the first that can.
    fn local(
        &self,
        transport: Transport,
        now: Duration,
        routes: &mut Routes,
        remote: IpAddr,
    ) -> Option<SocketAddr> {
        let suits =
            |of: &&(Transport, SocketAddr)| of.0 == transport && of.1.is_ipv4() == remote.is_ipv4();
        let bound = || self.listeners.iter().filter(suits).map(|of| of.1);
        let any = match remote {
            IpAddr::V4(_) => IpAddr::from([0; 4]),
            IpAddr::V6(_) => IpAddr::from([0; 16]),
        };
        let source = routes.local(now, SocketAddr::new(any, 0), remote).ip();
        let best = bound().find(|at| at.ip() == source || at.ip().is_unspecified());
        Some(routes.local(now, best.or_else(|| bound().next())?, remote))
    }
}

/// Asks the system's resolver; empty where nothing was found in time.
pub(super) async fn look_up(host: &str) -> Vec<IpAddr> {
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, 0))).await;
    let Ok(Ok(addresses)) = found else { return Vec::new() };
    addresses.map(|address| address.ip()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, port: Option<u16>, transport: Option<Transport>, expected: &[&str]) {
        let at = |text: &str| text.parse().unwrap();
        let ways = Ways::new(vec![
            (Transport::Udp, at("192.0.2.1:5060")),
            (Transport::Udp, at("127.0.0.1:5070")),
            (Transport::Tcp, at("0.0.0.0:5080")),
        ]);
        let host = host.to_owned();
        let query = Query { number: 1, host, port, transport, secure: false };
        let flows = ways.flows(&query, Duration::ZERO, &mut Routes::default(), query.literal());
        let flows: Vec<_> = flows
            .iter()
            .map(|f| format!("{} {} {}", f.transport.as_str(), f.local, f.remote))
            .collect();
        assert_eq!(flows, expected, "{query:?}");
    }

    #[test]
    fn a_literal_address_is_a_flow() {
        check("127.0.0.1", None, None, &["UDP 127.0.0.1:5070 127.0.0.1:5060"]);
        check("127.0.0.1", Some(9), Some(Transport::Udp), &["UDP 127.0.0.1:5070 127.0.0.1:9"]);
        check("127.0.0.1", None, Some(Transport::Tcp), &["TCP 127.0.0.1:5080 127.0.0.1:5060"]);
        check("127.0.0.1", None, Some(Transport::Ws), &[]);
        check("[::1]", None, None, &[]);
        check("::ffff:127.0.0.1", None, None, &["UDP 127.0.0.1:5070 127.0.0.1:5060"]);
        check("phone.example", None, None, &[]);
    }

    #[test]
    fn sips_asks_for_tls() {
        let query = |transport, secure| Query {
            number: 1,
            host: String::new(),
            port: None,
            transport,
            secure,
        };
        let check = |transport, secure, expected| {
            let query = query(transport, secure);
            assert_eq!((query.transport(), query.port()), expected, "{query:?}");
        };
        check(None, false, (Transport::Udp, 5060));
        check(None, true, (Transport::Tls, 5061));
        check(Some(Transport::Tcp), true, (Transport::Tls, 5061));
        check(Some(Transport::Ws), true, (Transport::Wss, 443));
        check(Some(Transport::Tls), false, (Transport::Tls, 5061));
    }
}
