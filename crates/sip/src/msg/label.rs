//! Session-ID (RFC 7989): a name for a call that is the same on every leg, so that whoever looks
//! into a trace finds its parts.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::list::cut;

/// One user agent's half: an RFC 4122 UUID, never nil.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Uuid(core::num::NonZeroU128);

impl Uuid {
    /// A UUID of version 4 from chance.
    #[must_use]
    pub fn random(high: u64, low: u64) -> Self {
        let bits = (u128::from(high) << 64) | u128::from(low);
        let bits = bits & !(0xf << 76) & !(0b11 << 62) | (0x4 << 76) | (0b10 << 62);
        Self(core::num::NonZeroU128::new(bits).unwrap_or(core::num::NonZeroU128::MIN))
    }

    /// Reads 32 hexadecimal digits; none for nil and for what is no UUID.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let bits = is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        bits.and_then(core::num::NonZeroU128::new).map(Self)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is in every message, and std's formatting takes several times as long.
        let mut text = [0; 32];
        for (at, digit) in text.iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[(self.0.get() >> (124 - 4 * at) & 0xf) as usize];
        }
        f.write_str(core::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Both halves as one side sends them (section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Of whoever sends it.
    pub local: Uuid,
    /// Of the other side, as far as it is known; else nil is sent.
    pub remote: Option<Uuid>,
}

impl Label {
    /// The sender's half of a Session-ID, with or without parameters behind it.
    #[must_use]
    pub fn sender(text: &str) -> Option<Uuid> {
        Uuid::parse(cut(text, b';').map_or(text, |(half, _)| half).trim())
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};remote=", self.local)?;
        match self.remote {
            Some(remote) => write!(f, "{remote}"),
            None => f.write_str("00000000000000000000000000000000"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Label::sender(text).map(|half| half.to_string()).as_deref(), expected);
        };
        let half = "ab30317f1a784dc48ff824d0d3715d86";
        check(half, Some(half));
        check(&format!(" {half} ; remote=47755a9de7794ba387653f2099600ef2"), Some(half));
        check(&half.to_uppercase(), Some(half));
        for bad in [
            "",
            "0",
            "00000000000000000000000000000000;remote=1",
            &half[1..],
            "+b30317f1a784dc48ff824d0d3715d86",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn printed() {
        let local = Uuid::random(u64::MAX, u64::MAX);
        let (text, nil) = ("ffffffffffff4fffbfffffffffffffff", "0".repeat(32));
        assert_eq!(Label { local, remote: None }.to_string(), format!("{text};remote={nil}"));
        let both = Label { local, remote: Uuid::parse("0000000000000000000000000000000a") };
        assert_eq!(both.to_string(), format!("{text};remote={}a", &nil[1..]));
        assert_eq!(Uuid::random(0, 0).to_string(), "00000000000040008000000000000000");
    }
}
