//! Challenges and the credentials that answer them, around `msg::digest`.

use crate::Config;
use crate::msg::digest::{Algorithm, Challenge, Credentials};
use crate::msg::{Message, Name, Uri};

/// The challenges for one nonce, in the order they are sent.
pub(super) fn challenges(config: &Config, nonce: &str, stale: bool) -> [String; 2] {
    let order = match config.sha256_first {
        true => [Algorithm::Sha256, Algorithm::Md5],
        false => [Algorithm::Md5, Algorithm::Sha256],
    };
    order.map(|algorithm| Challenge::new(&config.domain, nonce, algorithm, stale).to_string())
}

/// The first credentials for our realm that can be read. Both header fields count for any method:
/// not every client tells a server from a proxy.
pub(super) fn find(request: &Message, config: &Config) -> Option<Credentials> {
    let values = [Name::Authorization, Name::ProxyAuthorization];
    let values = values.into_iter().flat_map(|name| request.headers(name));
    let mut ours = values.filter_map(|value| Credentials::parse(value).ok());
    ours.find(|credentials| *credentials.realm == *config.domain)
}

/// The user meant: some clients write `alice@domain`.
pub(super) fn user<'a>(credentials: &'a Credentials, config: &Config) -> &'a str {
    match credentials.user.rsplit_once('@') {
        Some((user, domain)) if domain.eq_ignore_ascii_case(&config.domain) => user,
        _ => &credentials.user,
    }
}

/// Whether the credentials were made with this password, for the request's method.
pub(super) fn holds(credentials: &Credentials, request: &Message, password: &str) -> bool {
    let ha1 = credentials.algorithm.ha1(&credentials.user, &credentials.realm, password);
    request.method().is_some_and(|method| credentials.matches(&ha1, method))
}

/// Whether the credentials were made for the request's URI, in whatever spelling.
pub(super) fn is_for(credentials: &Credentials, request: &Message) -> bool {
    if request.request_uri() == Some(&credentials.uri) {
        return true;
    }
    match (request.uri(), Uri::parse(&credentials.uri)) {
        (Ok(sent), Ok(hashed)) => sent.bare().matches(&hashed.bare()),
        _ => false,
    }
}
