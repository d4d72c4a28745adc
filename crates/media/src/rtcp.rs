//! RTCP (RFC 3550 section 6): what we tell of a leg, and what we believe of the peer's.
//!
//! A BYE is read over: a leg ends by SIP only, so a forged one ends nothing.

use crate::Time;
use crate::rtp::{ahead, ahead16};

const SENDER: u8 = 200;
const RECEIVER: u8 = 201;
const DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;

/// Largest compound packet we write.
pub const PACKET_MAX: usize = 96;

/// What a compound packet told about us and its sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The middle 32 bits of the NTP time of a sender report.
    pub sent: Option<u32>,
    /// Of the report block about us: the fraction lost, LSR and DLSR.
    pub block: Option<(u8, u32, u32)>,
}

/// Reads a compound packet; `None` for what is none.
#[must_use]
pub fn parse(mut data: &[u8], our_ssrc: u32) -> Option<Heard> {
    let mut heard = Heard::default();
    let mut first = true;
    while !data.is_empty() {
        let (head, _) = data.split_first_chunk::<4>()?;
        let [flags, kind, ..] = *head;
        let length = (usize::from(u16::from_be_bytes([head[2], head[3]])) + 1) * 4;
        if flags >> 6 != 2 || (first && !matches!(kind, SENDER | RECEIVER)) {
            return None;
        }
        first = false;
        let packet = data.get(4..length)?;
        data = &data[length..];
        let blocks = match kind {
            SENDER => {
                heard.sent = Some(word(packet, 4)? << 16 | word(packet, 8)? >> 16);
                packet.get(24..)?
            }
            RECEIVER => packet.get(4..)?,
            _ => continue,
        };
        for block in blocks.chunks_exact(24).take(usize::from(flags & 0x1f)) {
            if word(block, 0)? == our_ssrc {
                heard.block = Some((block[4], word(block, 16)?, word(block, 20)?));
            }
        }
    }
    (!first).then_some(heard)
}

fn word(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*bytes))
}

/// The middle 32 bits of an NTP timestamp. Its epoch is the node's; only differences count.
#[must_use]
pub fn middle(now: Time) -> u32 {
    let seconds = u32::try_from(now.as_secs() & 0xffff).unwrap_or(0);
    seconds << 16 | fraction(now) >> 16
}

fn fraction(now: Time) -> u32 {
    u32::try_from((u64::from(now.subsec_nanos()) << 32) / 1_000_000_000).unwrap_or(u32::MAX)
}

/// The round trip by a report block about us, in microseconds (RFC 3550 section 6.4.1).
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

/// Writes a report with SDES, and with a BYE at the end of the leg. Returns its length.
pub fn write(
    packet: &mut [u8; PACKET_MAX],
    now: Time,
    ssrc: u32,
    sent: Option<Sent>,
    heard: Option<[u8; 24]>,
    bye: bool,
) -> usize {
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        packet[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    let block = heard.as_ref().map_or(&[][..], |block| &block[..]);
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
    put(block);
    // One chunk with a CNAME of the SSRC in hexadecimal: it must name nothing else.
    put(&[0x81, DESCRIPTION, 0, 4]);
    put(&ssrc.to_be_bytes());
    put(&[1, 8]);
    for byte in ssrc.to_be_bytes() {
        for digit in [byte >> 4, byte & 0xf] {
            put(&[if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }]);
        }
    }
    put(&[0, 0]);
    if bye {
        put(&[0x81, GOODBYE, 0, 1]);
        put(&ssrc.to_be_bytes());
    }
    at
}

/// What came from a peer: RFC 3550 A.1, A.3 and A.8.
#[derive(Clone, Copy, Debug, Default)]
pub struct Statistics {
    ssrc: u32,
    started: bool,
    first: u16,
    highest: u16,
    cycles: u32,
    received: u32,
    /// Of sources before this one.
    lost_before: u64,
    expected_then: u32,
    received_then: u32,
    transit: u32,
    /// In 1/16 of a timestamp unit.
    jitter: u32,
    report: Option<(u32, Time)>,
}

impl Statistics {
    /// Takes a packet. Returns whether its source is another than before.
    pub fn record(
        &mut self,
        ssrc: u32,
        sequence: u16,
        timestamp: u32,
        now: Time,
        rate_hz: u32,
    ) -> bool {
        let arrival = u64::from(now.subsec_micros()) * u64::from(rate_hz) / 1_000_000;
        let arrival = u32::try_from(arrival).unwrap_or(0);
        let seconds = u32::try_from(now.as_secs() & 0xffff_ffff).unwrap_or(0);
        let transit = seconds.wrapping_mul(rate_hz).wrapping_add(arrival).wrapping_sub(timestamp);
        let fresh = !self.started || ssrc != self.ssrc;
        let step = ahead16(sequence, self.highest);
        // RFC 3550 A.1: a jump this large is a sender that began anew.
        if fresh || !(-100..3_000).contains(&step) {
            *self = Self {
                ssrc,
                started: true,
                first: sequence,
                highest: sequence,
                received: 1,
                lost_before: self.lost(),
                transit,
                jitter: self.jitter,
                report: self.report.filter(|_| !fresh),
                ..Self::default()
            };
            return fresh;
        }
        self.received = self.received.saturating_add(1);
        if step > 0 {
            if sequence < self.highest {
                self.cycles = self.cycles.wrapping_add(1 << 16);
            }
            self.highest = sequence;
        }
        let difference = ahead(transit, self.transit).unsigned_abs();
        self.transit = transit;
        // A talkspurt after a pause may jump; it says nothing of the network.
        if difference < rate_hz {
            self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
        }
        false
    }

    /// Takes a packet that carries no audio, so that its number does not count as lost. Its
    /// timestamp says nothing of its journey, and another source of it nothing of the audio's.
    pub fn record_event(&mut self, ssrc: u32, sequence: u16, now: Time) {
        let step = ahead16(sequence, self.highest);
        if self.ssrc() == Some(ssrc) && (-100..3_000).contains(&step) {
            let transit = self.transit;
            let jitter = self.jitter;
            self.record(ssrc, sequence, 0, now, 8_000);
            (self.transit, self.jitter) = (transit, jitter);
        }
    }

    /// The source in use.
    #[must_use]
    pub fn ssrc(&self) -> Option<u32> {
        self.started.then_some(self.ssrc)
    }

    /// Interarrival jitter in timestamp units.
    #[must_use]
    pub fn jitter(&self) -> u32 {
        self.jitter >> 4
    }

    fn expected(&self) -> u32 {
        let highest = self.cycles.wrapping_add(u32::from(self.highest));
        if self.started { highest.wrapping_sub(u32::from(self.first)).wrapping_add(1) } else { 0 }
    }

    /// Packets that never came, of all sources so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost_before + u64::from(self.expected().saturating_sub(self.received))
    }

    /// Remembers the peer's sender report.
    pub fn reported(&mut self, middle: u32, now: Time) {
        self.report = Some((middle, now));
    }

    /// A report block, and the beginning of the next interval.
    pub fn block(&mut self, now: Time) -> Option<[u8; 24]> {
        if !self.started {
            return None;
        }
        let expected = self.expected();
        let lost = expected.saturating_sub(self.received).min(0x7f_ffff);
        let interval = expected.wrapping_sub(self.expected_then);
        let came = self.received.wrapping_sub(self.received_then);
        let missing = interval.saturating_sub(came);
        let fraction = (u64::from(missing) << 8) / u64::from(interval.max(1));
        (self.expected_then, self.received_then) = (expected, self.received);
        let mut block = [0; 24];
        let highest = self.cycles.wrapping_add(u32::from(self.highest));
        let (since, delay) = match self.report {
            Some((middle, at)) => {
                let delay = now.saturating_sub(at).as_micros() << 16;
                (middle, u32::try_from(delay / 1_000_000).unwrap_or(0))
            }
            None => (0, 0),
        };
        let lost_word = u32::try_from(fraction.min(255)).unwrap_or(255) << 24 | lost;
        let words = [self.ssrc, lost_word, highest, self.jitter(), since, delay];
        for (place, word) in block.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    #[test]
    fn a_report_is_read_by_the_other_side() {
        let mut statistics = Statistics::default();
        for n in 0..10u16 {
            // Packet 4 never comes.
            if n != 4 {
                statistics.record(
                    9,
                    65_530u16.wrapping_add(n),
                    160 * u32::from(n),
                    ms(20 * u64::from(n)),
                    8_000,
                );
            }
        }
        assert_eq!((statistics.lost(), statistics.jitter()), (1, 0));
        statistics.reported(middle(ms(500)), ms(600));
        let block = statistics.block(ms(1_100));
        let mut packet = [0; PACKET_MAX];
        let sent = Sent { timestamp: 1, packets: 2, octets: 3 };
        let length = write(&mut packet, ms(1_100), 5, Some(sent), block, true);
        assert_eq!(length % 4, 0);
        let heard = parse(&packet[..length], 9).unwrap();
        assert_eq!(heard.sent, Some(middle(ms(1_100))));
        let (fraction, last, delay) = heard.block.unwrap();
        assert_eq!((fraction, last, delay), (25, middle(ms(500)), 1 << 15));
        let rtt = round_trip_us(ms(1_150), last, delay).unwrap();
        assert!((149_900..150_100).contains(&rtt), "{rtt}");
        assert_eq!(parse(&packet[..length], 8).unwrap().block, None);
    }

    #[test]
    fn nonsense_is_refused() {
        let mut packet = [0; PACKET_MAX];
        let length = write(&mut packet, ms(1), 5, None, None, false);
        assert!(parse(&packet[..length], 5).is_some());
        for cut in 1..length {
            // A cut on a packet's border leaves a whole receiver report.
            assert_eq!(parse(&packet[..cut], 5).is_some(), cut == 8, "{cut}");
        }
        assert_eq!(parse(&[], 5), None);
        assert_eq!(parse(&[0x81, GOODBYE, 0, 1, 0, 0, 0, 5], 5), None);
        assert_eq!(parse(&[0x41, RECEIVER, 0, 1, 0, 0, 0, 5], 5), None);
    }

    #[test]
    fn jitter_as_in_a8() {
        let mut statistics = Statistics::default();
        for n in 0..1_000u32 {
            let late = u64::from(n % 2) * 10;
            statistics.record(1, (n & 0xffff) as u16, n * 160, ms(u64::from(n) * 20 + late), 8_000);
        }
        // Each packet is 80 units off its neighbour.
        assert!((75..=80).contains(&statistics.jitter()), "{}", statistics.jitter());
        assert!(statistics.record(2, 7, 7, ms(50_000), 8_000));
        assert_eq!(statistics.lost(), 0);
    }
}
