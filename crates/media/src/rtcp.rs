//! RTCP (RFC 3550 section 6): what we tell of a leg, and what we believe of the peer's.
//!
//! - Every packet of ours is a compound of a report, SDES with a CNAME that says nothing of anybody
//!   (RFC 7022), and at the leg's end a BYE.
//! - A BYE is read over: a leg ends by SIP only, so a forged one ends nothing.
//! - What is read is plain numbers about one leg. The worst that a forged report can do is to make
//!   that leg's figures wrong, within what can be at all ([`Block::can_be`]).

mod statistics;

pub use statistics::Statistics;

use crate::Time;

const SENDER: u8 = 200;
const RECEIVER: u8 = 201;
const DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;

/// Largest compound packet we write.
pub const PACKET_MAX: usize = 96;
/// Bytes of a CNAME before they are written as text (RFC 7022 section 5).
pub const CNAME: usize = 12;
/// Bytes of a report block.
const BLOCK: usize = 24;
/// Characters of base64 (RFC 4648).
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A report block (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Whose packets it is about.
    pub ssrc: u32,
    /// Lost since the report before, in 1/256.
    pub fraction: u8,
    /// Lost since the beginning; negative where more came than were sent.
    pub lost: i32,
    /// The highest sequence number that came, with the times it has wrapped around above it.
    pub highest: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// The middle 32 bits of the NTP time of the last sender report; 0 for none.
    pub last_report: u32,
    /// Since that came, in 1/65536 s.
    pub delay: u32,
}

/// Jitter, in seconds, beyond which there is no conversation that it could be of.
const JITTER_S_MAX: u32 = 10;

impl Block {
    /// Whether it can be true of a stream of so many sequence numbers so far, at this clock.
    #[must_use]
    pub fn can_be(&self, numbers: u64, rtp_hz: u32) -> bool {
        let within = u64::from(self.lost.unsigned_abs()) <= numbers;
        // What is lost of late is lost of all; who counts less has been sent things twice.
        let agrees = self.fraction == 0 || self.lost > 0;
        within && agrees && self.jitter <= rtp_hz.saturating_mul(JITTER_S_MAX)
    }

    fn parse(data: &[u8]) -> Option<Self> {
        let lost = word(data, 4)?;
        Some(Self {
            ssrc: word(data, 0)?,
            fraction: lost.to_be_bytes()[0],
            // 24 bits with a sign.
            lost: (lost << 8).cast_signed() >> 8,
            highest: word(data, 8)?,
            jitter: word(data, 12)?,
            last_report: word(data, 16)?,
            delay: word(data, 20)?,
        })
    }

    fn bytes(&self) -> [u8; BLOCK] {
        let lost = self.lost.clamp(-0x80_0000, 0x7f_ffff).cast_unsigned() & 0xff_ffff;
        let lost = u32::from(self.fraction) << 24 | lost;
        let words = [self.ssrc, lost, self.highest, self.jitter, self.last_report, self.delay];
        let mut bytes = [0; BLOCK];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }
}

/// What a compound packet told about us and its sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Who reports: the first report's sender.
    pub from: u32,
    /// Of a sender report: whose it is, and the middle 32 bits of its NTP time.
    pub sent: Option<(u32, u32)>,
    /// The report block about us.
    pub block: Option<Block>,
}

/// Reads a compound packet; `None` for what is none by RFC 3550 A.2: it begins with a report, every
/// length and count fits, and only the last packet may be padded.
#[must_use]
pub fn parse(mut data: &[u8], our_ssrc: u32) -> Option<Heard> {
    let mut heard = Heard::default();
    let mut first = true;
    while !data.is_empty() {
        let [flags, kind, high, low] = *data.first_chunk::<4>()?;
        let length = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
        let is_padded = flags & 0x20 != 0;
        let is_last = data.len() == length;
        if flags >> 6 != 2
            || first && (is_padded || !matches!(kind, SENDER | RECEIVER))
            || is_padded && !is_last
        {
            return None;
        }
        let packet = data.get(4..length)?;
        if core::mem::take(&mut first) {
            heard.from = word(packet, 0)?;
        }
        data = &data[length..];
        let blocks = match kind {
            SENDER => {
                heard.sent =
                    Some((word(packet, 0)?, word(packet, 4)? << 16 | word(packet, 8)? >> 16));
                packet.get(24..)?
            }
            RECEIVER => packet.get(4..)?,
            _ => continue,
        };
        let blocks = blocks.get(..usize::from(flags & 0x1f) * BLOCK)?;
        for block in blocks.chunks_exact(BLOCK).filter_map(Block::parse) {
            if block.ssrc == our_ssrc {
                heard.block = Some(block);
            }
        }
    }
    (!first).then_some(heard)
}

fn word(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*bytes))
}

/// The middle 32 bits of an NTP timestamp.
#[must_use]
pub fn middle(now: Time) -> u32 {
    let seconds = u32::try_from(now.as_secs() & 0xffff).unwrap_or(0);
    seconds << 16 | fraction(now) >> 16
}

fn fraction(now: Time) -> u32 {
    u32::try_from((u64::from(now.subsec_nanos()) << 32) / 1_000_000_000).unwrap_or(u32::MAX)
}

/// The round trip by a report block about us, in microseconds (RFC 3550 section 6.4.1); `now` by the
/// clock of our reports.
#[must_use]
pub fn round_trip_us(now: Time, last_report: u32, delay: u32) -> Option<u32> {
    if last_report == 0 {
        return None;
    }
    let units = middle(now).wrapping_sub(last_report).wrapping_sub(delay);
    // More than ten seconds, or less than nothing: the peer's figures are wrong.
    (units < 10 << 16).then(|| u32::try_from((u64::from(units) * 1_000_000) >> 16).unwrap_or(0))
}

/// What we have sent, for a sender report.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// The RTP timestamp of now.
    pub timestamp: u32,
    /// Packets.
    pub packets: u32,
    /// Bytes of payload.
    pub octets: u32,
}

/// Writes a report with SDES, and with a BYE at the end of the leg; `now` since 1900. Returns its
/// length.
pub fn write(
    packet: &mut [u8; PACKET_MAX],
    now: Time,
    (ssrc, cname): (u32, &[u8; CNAME]),
    sent: Option<Sent>,
    heard: Option<Block>,
    bye: bool,
) -> usize {
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        packet[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    let count = u8::from(heard.is_some());
    let kind = if sent.is_some() { SENDER } else { RECEIVER };
    let words = 1 + if sent.is_some() { 5 } else { 0 } + 6 * count;
    put(&[0x80 | count, kind, 0, words]);
    put(&ssrc.to_be_bytes());
    if let Some(sent) = sent {
        put(&u32::try_from(now.as_secs() & 0xffff_ffff).unwrap_or(0).to_be_bytes());
        put(&fraction(now).to_be_bytes());
        put(&sent.timestamp.to_be_bytes());
        put(&sent.packets.to_be_bytes());
        put(&sent.octets.to_be_bytes());
    }
    if let Some(block) = heard {
        put(&block.bytes());
    }
    // One chunk of one item, ended by at least one zero byte.
    put(&[0x81, DESCRIPTION, 0, 6]);
    put(&ssrc.to_be_bytes());
    put(&[1, 16]);
    for [a, b, c] in cname.as_chunks().0 {
        let bits = u32::from_be_bytes([0, *a, *b, *c]);
        put(&[18, 12, 6, 0].map(|shift| BASE64[(bits >> shift & 63) as usize]));
    }
    put(&[0, 0]);
    if bye {
        put(&[0x81, GOODBYE, 0, 1]);
        put(&ssrc.to_be_bytes());
    }
    at
}

#[cfg(test)]
mod tests;
