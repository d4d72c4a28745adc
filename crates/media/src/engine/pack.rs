//! Packets of another length than 20 ms, where the peer asks for it (`a=ptime`).

/// The longest packet asked for, in ms.
const LONGEST_MS: usize = 60;
/// Bytes in a millisecond of G.711 and G.722 alike.
const PER_MS: usize = 8;

/// Cuts a stream of octets, of a codec of 64 kbit/s, into packets of one length.
#[derive(Debug)]
pub(super) struct Packer {
    bytes: [u8; (LONGEST_MS + 20) * PER_MS],
    length: usize,
    packet: usize,
}

impl Packer {
    pub(super) fn new(ptime_ms: u16) -> Self {
        let packet = usize::from(ptime_ms).clamp(10, LONGEST_MS) * PER_MS;
        Self { bytes: [0; (LONGEST_MS + 20) * PER_MS], length: 0, packet }
    }

    /// Forgets what has not become a packet.
    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    /// Takes 20 ms and hands on the packets that are full.
    pub(super) fn push(&mut self, payload: &[u8], mut send: impl FnMut(&[u8])) {
        let end = self.length + payload.len();
        let Some(room) = self.bytes.get_mut(self.length..end) else { return self.clear() };
        room.copy_from_slice(payload);
        let mut begin = 0;
        while end - begin >= self.packet {
            send(&self.bytes[begin..begin + self.packet]);
            begin += self.packet;
        }
        self.bytes.copy_within(begin..end, 0);
        self.length = end - begin;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_into_packets_of_one_length() {
        let check = |ptime_ms, frames: u8, expected: &[usize]| {
            let mut packer = Packer::new(ptime_ms);
            let (mut lengths, mut bytes) = (Vec::new(), Vec::new());
            for frame in 0..frames {
                packer.push(&[frame; 160], |packet| {
                    lengths.push(packet.len());
                    bytes.extend_from_slice(packet);
                });
            }
            assert_eq!(lengths, expected, "{ptime_ms}");
            let stream: Vec<u8> = (0..frames).flat_map(|frame| [frame; 160]).collect();
            assert!(stream.starts_with(&bytes), "{ptime_ms}");
        };
        check(10, 1, &[80, 80]);
        check(20, 2, &[160, 160]);
        check(30, 3, &[240, 240]);
        check(40, 3, &[320]);
        check(50, 5, &[400, 400]);
        check(60, 6, &[480, 480]);
    }
}
