//! Identifiers: short opaque strings outside, 64 bits inside, the node in the top ten.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Crockford's base 32, lower case: no letter that reads as a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn print(f: &mut fmt::Formatter<'_>, prefix: char, value: u64) -> fmt::Result {
    let mut text = [0_u8; 13];
    for (at, place) in text.iter_mut().rev().enumerate() {
        let digit = usize::try_from(value >> (5 * at) & 31).unwrap_or_default();
        *place = ALPHABET[digit];
    }
    write!(f, "{prefix}{}", core::str::from_utf8(&text).unwrap_or_default())
}

fn parse(prefix: char, text: &str) -> Option<u64> {
    let digits = text.strip_prefix(prefix).filter(|digits| digits.len() == 13)?;
    digits.bytes().try_fold(0_u64, |value, byte| {
        let digit = ALPHABET.iter().position(|&letter| letter == byte)? as u64;
        (value >> 59 == 0).then_some(value << 5 | digit)
    })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                print(f, $prefix, self.0)
            }
        }

        impl FromStr for $name {
            type Err = UnknownId;

            fn from_str(text: &str) -> Result<Self, UnknownId> {
                parse($prefix, text).map(Self).ok_or(UnknownId)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
                } else {
                    u64::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

/// The text is no identifier of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such identifier")]
pub struct UnknownId;

id!(
    /// One customer's interaction, from its first leg to its last.
    CallKey,
    'c'
);
id!(
    /// One unit of work for one operator.
    TaskKey,
    't'
);
id!(
    /// One leg in one call's conference.
    ParticipantId,
    'p'
);
id!(
    /// One call's recording.
    RecordingKey,
    'r'
);

id!(
    /// One claim of a task on an operator.
    ReservationKey,
    'v'
);
id!(
    /// One order to play something, for whoever hears it.
    PlayKey,
    's'
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_back() {
        for value in [0, 1, 31, 32, u64::MAX, 0x0123_4567_89ab_cdef] {
            let text = CallKey(value).to_string();
            assert_eq!(text.len(), 14, "{text}");
            assert_eq!(text.parse(), Ok(CallKey(value)));
        }
    }

    #[test]
    fn refuses_what_is_none() {
        for text in
            ["", "c", "t0000000000000", "c000000000000u", "cz000000000000", "c00000000000000"]
        {
            assert_eq!(text.parse::<CallKey>(), Err(UnknownId), "{text}");
        }
    }
}
