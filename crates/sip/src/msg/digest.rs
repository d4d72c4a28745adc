//! Digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760): reading and writing the header
//! values, and the arithmetic. Nonces are made and judged elsewhere.

use super::list::{quote, split_list, unquote};
use super::malformed::Invalid;
use super::method::Method;
use core::fmt::{self, Write as _};
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Algorithm {
    /// MD5; what is meant when none is named.
    Md5,
    /// SHA-256 (RFC 8760).
    Sha256,
}

impl Algorithm {
    /// The algorithm named by `token`, in any case. `-sess` and others are not supported.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        [Self::Md5, Self::Sha256].into_iter().find(|a| a.as_str().eq_ignore_ascii_case(token))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// The hash of `text` in lower-case hexadecimal.
    #[must_use]
    pub fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&Md5::digest(text.as_bytes())),
            Self::Sha256 => hex(&Sha256::digest(text.as_bytes())),
        }
    }

    /// H(A1): what may be stored in place of a password.
    #[must_use]
    pub fn ha1(self, user: &str, realm: &str, password: &str) -> String {
        self.hash(&format!("{user}:{realm}:{password}"))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The parameters of a value of scheme Digest, unquoted, in order.
fn params(value: &str) -> Option<Vec<(&str, String)>> {
    let (scheme, rest) = value.trim().split_once(|c: char| c.is_ascii_whitespace())?;
    if !scheme.eq_ignore_ascii_case("Digest") {
        return None;
    }
    let pairs = split_list(rest).filter_map(|one| one.split_once('='));
    Some(pairs.map(|(name, value)| (name.trim(), unquote(value))).collect())
}

/// The value of `name`; `Err` if it is there twice, which would be read differently elsewhere.
fn find(params: &[(&str, String)], name: &str) -> Result<Option<String>, Invalid> {
    let mut found = params.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some((_, value)), None) => Ok(Some(value.clone())),
        _ => Err(Invalid { what: "digest parameter, repeated" }),
    }
}

const NO_CHALLENGE: Invalid = Invalid { what: "digest challenge" };
const NO_CREDENTIALS: Invalid = Invalid { what: "digest credentials" };

/// One challenge: a value of WWW-Authenticate or Proxy-Authenticate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Challenge {
    /// The realm.
    pub realm: String,
    /// The nonce.
    pub nonce: String,
    /// To be sent back.
    pub opaque: Option<String>,
    /// Only the nonce was too old.
    pub is_stale: bool,
    /// The hash.
    pub algorithm: Algorithm,
    /// Whether `qop=auth` is offered; without any qop the form of RFC 2069 is used.
    pub has_qop: bool,
}

impl Challenge {
    /// Reads one value.
    ///
    /// # Errors
    /// If it is not Digest, lacks realm or nonce, or wants an algorithm or a qop we do not have.
    pub fn parse(value: &str) -> Result<Self, Invalid> {
        let params = params(value).ok_or(NO_CHALLENGE)?;
        let qop = find(&params, "qop")?;
        let offers_auth =
            qop.as_deref().map(|q| split_list(q).any(|one| one.eq_ignore_ascii_case("auth")));
        if offers_auth == Some(false) {
            return Err(NO_CHALLENGE);
        }
        Ok(Self {
            realm: find(&params, "realm")?.ok_or(NO_CHALLENGE)?,
            nonce: find(&params, "nonce")?.ok_or(NO_CHALLENGE)?,
            opaque: find(&params, "opaque")?,
            is_stale: find(&params, "stale")?.is_some_and(|s| s.eq_ignore_ascii_case("true")),
            algorithm: match find(&params, "algorithm")? {
                Some(token) => Algorithm::parse(&token).ok_or(NO_CHALLENGE)?,
                None => Algorithm::Md5,
            },
            has_qop: offers_auth == Some(true),
        })
    }

    /// A challenge of ours, one per algorithm, to be sent in the order of `Algorithm`: phones that
    /// know only MD5 give up when SHA-256 comes first.
    #[must_use]
    pub fn new(realm: &str, nonce: &str, algorithm: Algorithm, is_stale: bool) -> Self {
        let (realm, nonce) = (realm.to_owned(), nonce.to_owned());
        Self { realm, nonce, opaque: None, is_stale, algorithm, has_qop: true }
    }

    /// The answer to it as a client. `cnonce` must be fresh; `count` is how often this nonce has
    /// been used, from 1.
    #[must_use]
    pub fn answer(
        &self,
        user: &str,
        ha1: &str,
        method: &Method,
        uri: &str,
        cnonce: &str,
        count: u32,
    ) -> Credentials {
        let mut credentials = Credentials {
            user: user.to_owned(),
            realm: self.realm.clone(),
            nonce: self.nonce.clone(),
            uri: uri.to_owned(),
            response: String::new(),
            algorithm: self.algorithm,
            opaque: self.opaque.clone(),
            auth: self
                .has_qop
                .then(|| Auth { cnonce: cnonce.to_owned(), nc: format!("{count:08x}") }),
        };
        credentials.response = credentials.expected(ha1, method);
        credentials
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest realm={}, nonce={}", quote(&self.realm), quote(&self.nonce))?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", quote(opaque))?;
        }
        if self.is_stale {
            f.write_str(", stale=true")?;
        }
        write!(f, ", algorithm={}", self.algorithm.as_str())?;
        if self.has_qop { f.write_str(", qop=\"auth\"") } else { Ok(()) }
    }
}

/// What `qop=auth` adds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Auth {
    cnonce: String,
    /// As it is written: it is hashed.
    nc: String,
}

/// Credentials: a value of Authorization or Proxy-Authorization.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Credentials {
    /// The user name.
    pub user: String,
    /// The realm.
    pub realm: String,
    /// The nonce they answer.
    pub nonce: String,
    /// The URI that was hashed. Whether it fits the request is the caller's to judge.
    pub uri: String,
    /// The answer.
    pub response: String,
    /// The hash.
    pub algorithm: Algorithm,
    /// What the challenge had.
    pub opaque: Option<String>,
    auth: Option<Auth>,
}

impl Credentials {
    /// Reads one value.
    ///
    /// # Errors
    /// If it is not Digest, lacks something, or uses an algorithm or a qop we do not have.
    pub fn parse(value: &str) -> Result<Self, Invalid> {
        let params = params(value).ok_or(NO_CREDENTIALS)?;
        let need = |name| find(&params, name)?.ok_or(NO_CREDENTIALS);
        let auth = match find(&params, "qop")? {
            None => None,
            Some(qop) if qop.eq_ignore_ascii_case("auth") => {
                let nc = need("nc")?;
                if nc.len() != 8 || !nc.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(NO_CREDENTIALS);
                }
                Some(Auth { cnonce: need("cnonce")?, nc })
            }
            Some(_) => return Err(NO_CREDENTIALS),
        };
        Ok(Self {
            user: need("username")?,
            realm: need("realm")?,
            nonce: need("nonce")?,
            uri: need("uri")?,
            response: need("response")?,
            algorithm: match find(&params, "algorithm")? {
                Some(token) => Algorithm::parse(&token).ok_or(NO_CREDENTIALS)?,
                None => Algorithm::Md5,
            },
            opaque: find(&params, "opaque")?,
            auth,
        })
    }

    /// The nonce count; `None` without qop, when a nonce may be used only once.
    #[must_use]
    pub fn count(&self) -> Option<u32> {
        u32::from_str_radix(&self.auth.as_ref()?.nc, 16).ok()
    }

    /// Whether they were made by who knows the password behind `ha1`; in constant time.
    #[must_use]
    pub fn matches(&self, ha1: &str, method: &Method) -> bool {
        same(&self.expected(ha1, method), &self.response)
    }

    fn expected(&self, ha1: &str, method: &Method) -> String {
        let hash = |text: &str| self.algorithm.hash(text);
        let ha2 = hash(&format!("{method}:{}", self.uri));
        match &self.auth {
            Some(Auth { cnonce, nc }) => {
                hash(&format!("{ha1}:{}:{nc}:{cnonce}:auth:{ha2}", self.nonce))
            }
            None => hash(&format!("{ha1}:{}:{ha2}", self.nonce)),
        }
    }
}

/// Compares in a time that tells only the length; case of hexadecimal digits does not matter.
fn same(expected: &str, given: &str) -> bool {
    let pairs = expected.bytes().zip(given.bytes());
    let differ = pairs.fold(0, |bits, (a, b)| bits | (a ^ b.to_ascii_lowercase()));
    expected.len() == given.len() && core::hint::black_box(differ) == 0
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{}\", algorithm={}",
            quote(&self.user),
            quote(&self.realm),
            quote(&self.nonce),
            quote(&self.uri),
            self.response,
            self.algorithm.as_str()
        )?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", quote(opaque))?;
        }
        match &self.auth {
            Some(Auth { cnonce, nc }) => write!(f, ", qop=auth, nc={nc}, cnonce={}", quote(cnonce)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 section 3.9.1, with GET made a SIP method of its own.
    #[test]
    fn rfc_7616_examples() {
        let get = Method::parse("GET").unwrap();
        let check = |algorithm: Algorithm, expected: &str| {
            let challenge = Challenge::parse(&format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
                algorithm.as_str()
            ))
            .unwrap();
            let ha1 = algorithm.ha1("Mufasa", &challenge.realm, "Circle of Life");
            let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
            let made = challenge.answer("Mufasa", &ha1, &get, "/dir/index.html", cnonce, 1);
            assert_eq!(made.response, expected);
            let read = Credentials::parse(&made.to_string()).unwrap();
            assert_eq!((read.count(), &read), (Some(1), &made));
            assert!(read.matches(&ha1, &get));
            assert!(!read.matches(&ha1, &Method::Bye));
            assert!(!read.matches(&algorithm.ha1("Mufasa", "other", "Circle of Life"), &get));
        };
        check(Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec");
        check(
            Algorithm::Sha256,
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        );
    }

    /// RFC 2617's example without qop, as RFC 2069 had it.
    #[test]
    fn without_qop() {
        let challenge = Challenge::parse(
            "digest Realm=\"testrealm@host.com\",nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
        )
        .unwrap();
        let ha1 = Algorithm::Md5.ha1("Mufasa", &challenge.realm, "CircleOfLife");
        let get = Method::parse("GET").unwrap();
        let made = challenge.answer("Mufasa", &ha1, &get, "/dir/index.html", "ignored", 1);
        assert_eq!(made.response, "1949323746fe6a43ef61f9606e7febea");
        assert_eq!(made.count(), None);
        assert!(Credentials::parse(&made.to_string()).unwrap().matches(&ha1, &get));
    }

    #[test]
    fn real_credentials() {
        let value = "Digest username=\"a,\\\"b\\\"\", realm=\"R, x=1\", nonce=\"n\", \
            uri=\"sip:h;transport=tcp\", response=\"00\", algorithm=MD5, cnonce=\"c\", qop=auth, \
            nc=000000ff, weird, other=\"1,2\"";
        let read = Credentials::parse(value).unwrap();
        assert_eq!((read.user.as_str(), read.realm.as_str()), ("a,\"b\"", "R, x=1"));
        assert_eq!((read.uri.as_str(), read.count()), ("sip:h;transport=tcp", Some(255)));
        assert!(!read.matches("x", &Method::Register));
    }

    #[test]
    fn refused() {
        let good = "Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", response=\"0\"";
        assert!(Credentials::parse(good).is_ok());
        for tail in [
            ", qop=auth-int, nc=00000001, cnonce=\"c\"",
            ", qop=auth",
            ", qop=auth, nc=1, cnonce=\"c\"",
            ", qop=auth, nc=-0000001, cnonce=\"c\"",
            ", algorithm=SHA-512",
            ", algorithm=MD5-sess",
            ", algorithm=\u{e9}",
            ", username=\"b\"",
        ] {
            assert!(Credentials::parse(&format!("{good}{tail}")).is_err(), "{tail}");
        }
        for bad in [
            "",
            "Digest",
            "Basic YWJj",
            "Digest ",
            "Digest realm",
            "Digest realm=\"r\"",
            "Digest =,=,=",
        ] {
            assert!(Credentials::parse(bad).is_err(), "{bad:?}");
            assert!(Challenge::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Challenge::parse("Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"").is_err());
    }

    #[test]
    fn our_challenge() {
        let ours = Challenge::new("a \"b\"\r\nX: y", "n", Algorithm::Sha256, true);
        assert_eq!(
            ours.to_string(),
            "Digest realm=\"a \\\"b\\\"  X: y\", nonce=\"n\", stale=true, algorithm=SHA-256, qop=\"auth\""
        );
        assert!(Algorithm::Md5 < Algorithm::Sha256);
    }

    #[test]
    fn comparison() {
        assert!(same("0a", "0A"));
        for (a, b) in [("0a", "0b"), ("0a", "0"), ("0a", "0ab"), ("0a", "")] {
            assert!(!same(a, b), "{a} {b}");
        }
    }
}
