//! Small typed values: CSeq, RAck, Replaces.

use super::malformed::Invalid;
use super::method::Method;
use super::params::Params;
use core::fmt;
use serde::{Deserialize, Serialize};

/// CSeq (RFC 3261 section 20.16).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CSeq {
    /// 0 to 2³¹−1.
    pub number: u32,
    /// The method.
    pub method: Method,
}

/// Sequence numbers are below 2³¹ (RFC 3261 section 8.1.1.5).
const SEQUENCE_MAX: u32 = i32::MAX.unsigned_abs();

/// Digits that make a number up to 2³¹−1.
pub(crate) fn sequence(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?.filter(|&number| number <= SEQUENCE_MAX)
}

impl CSeq {
    /// Reads `4711 INVITE`.
    ///
    /// # Errors
    /// If it is not a number up to 2³¹−1 and a token.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut words = text.split_ascii_whitespace();
        let number = words.next().and_then(sequence);
        let method = words.next().and_then(Method::parse);
        match (number, method, words.next()) {
            (Some(number), Some(method), None) => Ok(Self { number, method }),
            _ => Err(Invalid { what: "CSeq" }),
        }
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

/// RAck (RFC 3262 section 7.2): which reliable provisional response a PRACK acknowledges.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RAck {
    /// The RSeq of the response.
    pub rseq: u32,
    /// The CSeq of the response.
    pub cseq: CSeq,
}

impl RAck {
    /// Reads `776656 1 INVITE`.
    ///
    /// # Errors
    /// If it is not two numbers and a token.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bad = Invalid { what: "RAck" };
        let (rseq, rest) = text.trim().split_once(|c: char| c.is_ascii_whitespace()).ok_or(bad)?;
        let rseq = rseq.bytes().all(|b| b.is_ascii_digit()).then(|| rseq.parse().ok());
        Ok(Self { rseq: rseq.flatten().ok_or(bad)?, cseq: CSeq::parse(rest).map_err(|_| bad)? })
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rseq, self.cseq)
    }
}

/// Replaces (RFC 3891 section 6.1). The tags are as seen by who receives it: `to_tag` is their own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Replaces {
    /// The Call-ID of the dialog to replace.
    pub call_id: String,
    /// The local tag at the receiver.
    pub to_tag: String,
    /// The remote tag at the receiver.
    pub from_tag: String,
    /// Only if the dialog is still early.
    pub early_only: bool,
}

impl Replaces {
    /// Reads `call-id;to-tag=…;from-tag=…[;early-only]`.
    ///
    /// # Errors
    /// If the Call-ID or a tag is missing.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bad = Invalid { what: "Replaces" };
        let (call_id, params) = text.split_once(';').ok_or(bad)?;
        let params = Params::parse(params);
        // What would not be a tag again once it is printed is none.
        let is_tag = |tag: &&str| !tag.is_empty() && !tag.contains(['"', ';', ',', '<', '>']);
        let tag = |name| params.get(name).filter(is_tag).map(str::to_owned);
        match (call_id.trim(), tag("to-tag"), tag("from-tag")) {
            ("", ..) | (_, None, _) | (.., None) => Err(bad),
            (call_id, Some(to_tag), Some(from_tag)) => Ok(Self {
                call_id: call_id.to_owned(),
                to_tag,
                from_tag,
                early_only: params.has("early-only"),
            }),
        }
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        if self.early_only { f.write_str(";early-only") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cseq() {
        let check = |text: &str, expected: Option<&str>| {
            let got = CSeq::parse(text).ok().map(|cseq| cseq.to_string());
            assert_eq!(got.as_deref(), expected, "{text:?}");
        };
        check("4711 INVITE", Some("4711 INVITE"));
        check("0009\r\n  INVITE", Some("9 INVITE"));
        check("2147483647 X", Some("2147483647 X"));
        for bad in [
            "",
            "1",
            "INVITE",
            "-1 BYE",
            "+1 BYE",
            "2147483648 BYE",
            "36893488147419103232 BYE",
            "1 BYE x",
            "1 B@E",
            "0x1 BYE",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn rack() {
        assert_eq!(RAck::parse("776656 1 INVITE").unwrap().to_string(), "776656 1 INVITE");
        assert_eq!(RAck::parse("4294967295 1 INVITE").unwrap().rseq, u32::MAX);
        for bad in
            ["", "1", "1 INVITE", "a 1 INVITE", "1 2 3 INVITE", "-1 1 INVITE", "4294967296 1 X"]
        {
            assert!(RAck::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn replaces() {
        let check = |text: &str, expected: Option<&str>| {
            let got = Replaces::parse(text).ok().map(|replaces| replaces.to_string());
            assert_eq!(got.as_deref(), expected, "{text:?}");
        };
        check("a@b;from-tag=f;to-tag=t", Some("a@b;to-tag=t;from-tag=f"));
        check(
            " a@b ; to-tag=t;FROM-TAG=f;early-only;x=1",
            Some("a@b;to-tag=t;from-tag=f;early-only"),
        );
        check("a;to-tag=\"t\";from-tag=f", Some("a;to-tag=t;from-tag=f"));
        for bad in ["a;to-tag=t;from-tag=\">;x\"", "a;to-tag=t;from-tag=\"<\""] {
            check(bad, None);
        }
        for bad in ["", "a@b", "a@b;to-tag=t", ";to-tag=t;from-tag=f", "a;to-tag=;from-tag=f"] {
            check(bad, None);
        }
    }
}
