//! Sounds from URLs. Whoever may order one could make this node ask anybody anything, so by default
//! only public addresses are asked, no redirection is followed, and nothing but sound is made of the
//! answer.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use super::wave::{self, Wave};
use crate::client;

/// Octets of a file at most.
const FILE_MAX: u64 = 10 << 20;

/// Which URLs are fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Fetch {
    /// Those of hosts with public addresses.
    #[default]
    Public,
    /// Those that begin so, whatever the address.
    From(Vec<String>),
}

/// Finds the addresses of public hosts only.
struct PublicHosts(DefaultResolver);

impl fmt::Debug for PublicHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicHosts")
    }
}

impl Resolver for PublicHosts {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.0.resolve(uri, config, timeout)?;
        let mut public = self.empty();
        for address in found.iter().filter(|address| is_public(address.ip())) {
            public.push(*address);
        }
        if public.is_empty() {
            return Err(Error::Other("its address is not public; see `fetch` of [media]".into()));
        }
        Ok(public)
    }
}

/// Fetches a file and reads it as sound. Blocks.
///
/// # Errors
/// Why it cannot.
pub(crate) fn fetch(fetch: &Fetch, url: &str, within: Duration) -> Result<Wave, String> {
    let config = client::config(within).proxy(None).build();
    let connector = DefaultConnector::default();
    let agent = match fetch {
        Fetch::Public => {
            Agent::with_parts(config, connector, PublicHosts(DefaultResolver::default()))
        }
        Fetch::From(prefixes) if prefixes.iter().any(|prefix| url.starts_with(prefix)) => {
            Agent::with_parts(config, connector, DefaultResolver::default())
        }
        Fetch::From(_) => return Err(format!("{url} is not fetched; see `fetch` of [media]")),
    };
    let failed = |error: Error| format!("{url}: {error}");
    let mut answer = agent.get(url).call().map_err(failed)?;
    if answer.status() != 200 {
        return Err(format!("{url}: answered by {}", answer.status()));
    }
    let file = answer.body_mut().with_config().limit(FILE_MAX).read_to_vec().map_err(failed)?;
    wave::read(&ending(url, &file), &file).map_err(|why| format!("{url}: {why}"))
}

/// As what a file is read: by its beginning, else by the path.
fn ending(url: &str, file: &[u8]) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit_once('.').map_or("wav", |(_, ending)| ending).to_lowercase();
    match file.starts_with(b"RIFF") || !wave::ENDINGS.contains(&ending.as_str()) {
        true => "wav".to_owned(),
        false => ending,
    }
}

/// Whether an address belongs to the public internet (RFC 6890 and the registries behind it).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let octets = address.octets();
    !matches!(
        octets,
        [0 | 10 | 127 | 224.., ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            | [192, 0, 0 | 2, _]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // An IPv4 address within is what counts.
        [0, 0, 0, 0, 0, 0xffff, a, b] | [0x64, 0xff9b, 0, 0, 0, 0, a, b] | [0x2002, a, b, ..] => {
            let ([a, b], [c, d]) = (a.to_be_bytes(), b.to_be_bytes());
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Teredo, documentation, benchmarks.
        [0x2001, 0 | 0xdb8 | 2, ..] | [0x3fff, ..] => false,
        // Global unicast is 2000::/3 and nothing else.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};

    use super::*;
    use crate::sound::tests::tone;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Answers one request; its address.
    fn answers(head: &str, body: Vec<u8>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let head = format!("{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&body);
        });
        address
    }

    fn check(head: &str, path: &str, body: Vec<u8>, expected: Result<usize, &str>) {
        let url = format!("http://{}{path}", answers(head, body));
        let allowed = Fetch::From(vec!["http://127.0.0.1:".to_owned()]);
        match (fetch(&allowed, &url, PATIENCE).map(|wave| wave.samples.len()), expected) {
            (Ok(count), Ok(expected)) => assert_eq!(count, expected),
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (got, _) => panic!("{head} {path}: {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn sound_is_fetched_and_nothing_else() {
        let ok = "HTTP/1.1 200 OK";
        check(ok, "/a.wav", tone(8_000, 500, 800), Ok(800));
        check(ok, "/a?b=c.d", tone(8_000, 500, 800), Ok(800));
        check(ok, "/a.ulaw", vec![0xff; 300], Ok(300));
        check(ok, "/a.wav", b"<html>".to_vec(), Err("not a WAVE file"));
        check(ok, "/secret", b"root:x:0:0".to_vec(), Err("not a WAVE file"));
        check("HTTP/1.1 404 Not Found", "/a.wav", Vec::new(), Err("answered by 404"));
        let moved = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/";
        check(moved, "/a.wav", Vec::new(), Err("answered by 302"));
        let large = usize::try_from(FILE_MAX).unwrap() + 1;
        check(ok, "/a.ulaw", vec![0xff; large], Err("limit"));
    }

    #[test]
    fn only_what_is_allowed_is_asked() {
        let url = "http://127.0.0.1:9/a.wav";
        let check = |allowed: Fetch, url: &str, part: &str| {
            let why = fetch(&allowed, url, PATIENCE).unwrap_err();
            assert!(why.contains(part), "{why}");
        };
        check(Fetch::Public, url, "not public");
        check(Fetch::Public, "http://localhost:9/", "not public");
        check(Fetch::Public, "http://[::1]:9/", "not public");
        check(Fetch::Public, "http://169.254.169.254/latest", "not public");
        check(Fetch::Public, "http://2130706433/", "");
        check(Fetch::From(Vec::new()), url, "is not fetched");
        check(Fetch::From(vec!["http://127.0.0.1:8/".into()]), url, "is not fetched");
        check(Fetch::From(vec!["http://127.0.0.1:9/".into()]), url, "127.0.0.1:9");
    }

    #[test]
    fn public_addresses() {
        for (address, expected) in [
            ("8.8.8.8", true),
            ("203.0.114.1", true),
            ("172.32.0.1", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.100.0.1", false),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700::1111", true),
            ("::", false),
            ("::1", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("ff02::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::a00:1", false),
            ("2002:7f00:1::", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }
}
