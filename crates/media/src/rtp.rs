//! The RTP header (RFC 3550 section 5.1), by hand: it is read and written for every packet.

/// Bytes of a header without CSRCs and extension.
pub const HEADER: usize = 12;

/// What a header says, as far as we use it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// 0 to 127.
    pub payload_type: u8,
    /// First packet of a talkspurt, or of an event.
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp, in the codec's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

impl Header {
    /// Reads a packet into its header and payload, without CSRCs, extension and padding. `None`
    /// for what is no RTP of version 2.
    #[must_use]
    pub fn parse(data: &[u8]) -> Option<(Self, &[u8])> {
        let (fixed, rest) = data.split_first_chunk::<HEADER>()?;
        let [first, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3] = *fixed;
        if first >> 6 != 2 {
            return None;
        }
        let mut payload = rest.get(usize::from(first & 0xf) * 4..)?;
        if first & 0x10 != 0 {
            let (extension, after) = payload.split_first_chunk::<4>()?;
            let words = u16::from_be_bytes([extension[2], extension[3]]);
            payload = after.get(usize::from(words) * 4..)?;
        }
        if first & 0x20 != 0 {
            let padding = usize::from(*payload.last()?);
            let kept = payload.len().checked_sub(padding).filter(|_| padding > 0)?;
            payload = &payload[..kept];
        }
        let header = Self {
            payload_type: second & 0x7f,
            marker: second & 0x80 != 0,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
        };
        Some((header, payload))
    }

    /// The header's bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; HEADER] {
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [r0, r1, r2, r3] = self.ssrc.to_be_bytes();
        let second = self.payload_type & 0x7f | if self.marker { 0x80 } else { 0 };
        [0x80, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3]
    }
}

/// Whether a datagram on a shared port is RTCP (RFC 5761 section 4).
#[must_use]
pub fn is_rtcp(data: &[u8]) -> bool {
    matches!(data.get(1), Some(192..=223))
}

/// How far `to` lies ahead of `from`, around the wrap; negative where it lies behind.
#[must_use]
pub fn ahead(to: u32, from: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

/// The same for sequence numbers.
#[must_use]
pub fn ahead16(to: u16, from: u16) -> i16 {
    to.wrapping_sub(from).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let header = Header {
            payload_type: 101,
            marker: true,
            sequence: 0xfffe,
            timestamp: 0xdead_beef,
            ssrc: 7,
        };
        let mut packet = header.bytes().to_vec();
        packet.extend(b"abc");
        assert_eq!(Header::parse(&packet), Some((header, &b"abc"[..])));
    }

    #[test]
    fn extras_are_cut_off_and_nonsense_is_refused() {
        let check = |first: u8, rest: &[u8], expected: Option<&[u8]>| {
            let mut packet = Header::default().bytes().to_vec();
            packet[0] = first;
            packet.extend(rest);
            assert_eq!(Header::parse(&packet).map(|(_, payload)| payload), expected);
        };
        check(0x80, b"", Some(b""));
        check(0x82, b"csrccsrcpay", Some(b"pay"));
        check(0x82, b"csrc", None);
        check(0x90, &[0, 0, 0, 1, 9, 9, 9, 9, 5], Some(&[5]));
        check(0x90, &[0, 0, 0, 2, 9, 9, 9, 9, 5], None);
        check(0xa0, &[1, 2, 3, 0, 0, 3], Some(&[1, 2, 3]));
        check(0xa0, &[1, 7], None);
        check(0xa0, &[1, 0], None);
        check(0xa0, &[], None);
        check(0x40, b"abc", None);
        assert_eq!(Header::parse(&[0x80; 11]), None);
    }
}
