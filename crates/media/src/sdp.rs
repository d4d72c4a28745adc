//! SDP (RFC 8866) as far as audio needs it, read leniently and printed strictly.
//!
//! Real phones leave out `s=`, put spaces into `o=` and `b=` before `c=`. None of that matters to
//! us, so none of it is refused: unknown and malformed lines are skipped. Refused is only what
//! cannot be answered: no `m=` line, a port that is no port, and sizes beyond the limits.

mod parse;
mod print;

use core::net::IpAddr;

/// Largest body that is read, in bytes.
pub const BYTES_MAX: usize = 32 * 1024;
/// Most `m=` lines that are read; more are refused.
pub const MEDIA_MAX: usize = 64;
/// Most formats in one `m=` line; more are refused.
pub const FORMATS_MAX: usize = 64;
/// Most attributes of one kind kept for one medium; more are skipped.
const ATTRIBUTES_MAX: usize = 128;

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// More than [`BYTES_MAX`], [`MEDIA_MAX`] or [`FORMATS_MAX`].
    #[error("SDP too large")]
    TooLarge,
    /// Not one `m=` line.
    #[error("SDP without media")]
    NoMedia,
    /// An `m=` line without a port from 0 to 65535.
    #[error("SDP with a bad port")]
    BadPort,
}

/// Who may send, as the writer of the description sees it (RFC 8866 section 6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Direction {
    /// Both may send.
    #[default]
    SendRecv,
    /// Only the writer sends.
    SendOnly,
    /// Only the reader sends.
    RecvOnly,
    /// Nobody sends.
    Inactive,
}

impl Direction {
    /// The direction of a writer who sends and receives as said.
    #[must_use]
    pub const fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Whether the writer sends.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the writer receives.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same as the other side sees it.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self::new(self.receives(), self.sends())
    }

    /// The attribute's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }
}

/// The address of a `c=` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// An address.
    Ip(IpAddr),
    /// A name, or something unreadable: we resolve nothing, packets will tell.
    Other,
}

impl Address {
    /// Whether this is the 0.0.0.0 (or ::) of an old-style hold.
    #[must_use]
    pub fn is_hole(self) -> bool {
        matches!(self, Self::Ip(ip) if ip.is_unspecified())
    }

    /// Whether sending there would be abuse: multicast, broadcast and the addresses of cloud
    /// metadata services.
    #[must_use]
    pub fn is_forbidden(self) -> bool {
        match self {
            Self::Ip(ip) => forbidden(ip),
            Self::Other => false,
        }
    }
}

fn forbidden(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            v4.is_multicast() || v4.is_broadcast() || v4.octets() == [169, 254, 169, 254]
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => forbidden(IpAddr::V4(v4)),
            None => v6.is_multicast() || v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
        },
    }
}

/// An `a=rtpmap` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The encoding name as written.
    pub name: String,
    /// The clock rate; 0 where absent.
    pub rate_hz: u32,
    /// Channels; 0 where absent.
    pub channels: u8,
}

/// An `m=` block. What the description says once for all media has been copied into each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, ….
    pub kind: String,
    /// The RTP port; 0 refuses the medium.
    pub port: u16,
    /// `RTP/AVP`, ….
    pub protocol: String,
    /// The formats as written; payload types where the protocol is RTP.
    pub formats: Vec<String>,
    /// The effective `c=`.
    pub address: Option<Address>,
    /// The effective direction.
    pub direction: Direction,
    /// All `a=rtpmap`.
    pub maps: Vec<Map>,
    /// All `a=fmtp`: payload type and parameters.
    pub parameters: Vec<(u8, String)>,
    /// `a=rtcp` (RFC 3605): a port and perhaps an address of its own.
    pub rtcp: Option<(u16, Option<Address>)>,
    /// `a=rtcp-mux` (RFC 5761).
    pub mux: bool,
    /// `a=ptime`.
    pub ptime_ms: Option<u16>,
    /// `a=maxptime`.
    pub maxptime_ms: Option<u16>,
}

impl Media {
    /// A medium with nothing but its `m=` line.
    #[must_use]
    pub fn bare(kind: &str, port: u16, protocol: &str, formats: Vec<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            port,
            protocol: protocol.to_owned(),
            formats,
            address: None,
            direction: Direction::SendRecv,
            maps: Vec::new(),
            parameters: Vec::new(),
            rtcp: None,
            mux: false,
            ptime_ms: None,
            maxptime_ms: None,
        }
    }

    /// Whether this is audio over plain RTP.
    #[must_use]
    pub fn is_plain_audio(&self) -> bool {
        let plain = ["RTP/AVP", "RTP/AVPF"];
        self.kind.eq_ignore_ascii_case("audio")
            && plain.iter().any(|name| self.protocol.eq_ignore_ascii_case(name))
    }

    /// The payload types of the `m=` line in its order.
    pub fn payload_types(&self) -> impl Iterator<Item = u8> + '_ {
        self.formats.iter().filter_map(|format| format.parse().ok()).filter(|number| *number < 128)
    }

    /// The `a=rtpmap` of a payload type.
    #[must_use]
    pub fn map(&self, payload_type: u8) -> Option<&Map> {
        self.maps.iter().find(|map| map.payload_type == payload_type)
    }
}

/// A whole description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The id of `o=`; 0 where unreadable.
    pub id: u64,
    /// The version of `o=`; 0 where unreadable.
    pub version: u64,
    /// The address of `o=`, printed also as the `c=` of all media.
    pub address: Option<Address>,
    /// The media in order.
    pub media: Vec<Media>,
}

#[cfg(test)]
mod tests;
