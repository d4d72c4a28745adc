//! RFC 2617 and RFC 7616 with MD5, from the client's side.

use std::fmt::Write as _;

use md5::{Digest as _, Md5};

fn hash(text: &str) -> String {
    let mut hex = String::new();
    for byte in Md5::digest(text.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// A parameter of a challenge.
pub(crate) fn parameter<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    challenge.trim_start_matches("Digest ").split(',').find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"'))
    })
}

/// The value of Authorization that answers a challenge.
pub(crate) fn answer(
    challenge: &str,
    user: &str,
    password: &str,
    method: &str,
    uri: &str,
) -> String {
    let of = |name| parameter(challenge, name).unwrap_or_default();
    let (realm, nonce) = (of("realm"), of("nonce"));
    let ha1 = hash(&format!("{user}:{realm}:{password}"));
    let ha2 = hash(&format!("{method}:{uri}"));
    let common = format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         algorithm=MD5"
    );
    if of("qop").split(',').any(|qop| qop.trim() == "auth") {
        let response = hash(&format!("{ha1}:{nonce}:00000001:wire0test:auth:{ha2}"));
        let opaque = parameter(challenge, "opaque")
            .map_or_else(String::new, |opaque| format!(", opaque=\"{opaque}\""));
        return format!(
            "{common}, response=\"{response}\", qop=auth, nc=00000001, cnonce=\"wire0test\"{opaque}"
        );
    }
    format!("{common}, response=\"{}\"", hash(&format!("{ha1}:{nonce}:{ha2}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_2617_without_quality_of_protection() {
        let ha1 = hash("Mufasa:testrealm@host.com:Circle Of Life");
        assert_eq!(ha1, "939e7578ed9e3c518a452acee763bce9");
        assert_eq!(hash("GET:/dir/index.html"), "39aff3a2bab6126f332b942af96d3366");
    }
}
