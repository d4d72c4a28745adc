//! The splitter of streams: where a stream is cut does not matter.

use bytes::Bytes;
use sip::msg::Limits;
use sip::msg::frame::{self, Frame, Stream};

use crate::dice::Dice;

/// The same frames come of a stream that is read at once and of one that is read in pieces; a
/// datagram of the same octets is read or not, but read it is.
pub fn stream(data: &[u8]) {
    let mut dice = Dice::new(data);
    let limits = limits(dice.byte());
    let mut cuts: Vec<usize> = (0..dice.below(16)).map(|_| 1 + dice.below(97)).collect();
    if cuts.is_empty() {
        cuts.push(1);
    }
    let octets = dice.rest();

    let mut whole = Reader::new(limits);
    whole.read(octets);
    let mut pieces = Reader::new(limits);
    let (mut rest, mut at) = (octets, 0);
    while !rest.is_empty() {
        let (piece, left) = rest.split_at(cuts[at % cuts.len()].min(rest.len()));
        pieces.read(piece);
        (rest, at) = (left, at + 1);
    }
    assert_eq!(whole.frames, pieces.frames);
    assert_eq!(whole.stream.pending(), pieces.stream.pending());

    let _ = format!("{:?}", frame::datagram(Bytes::copy_from_slice(octets), &limits));
}

/// The usual limits, or some that are soon met.
fn limits(choice: u8) -> Limits {
    let usual = Limits::default();
    match choice % 4 {
        0 => Limits { header_bytes_max: 200, ..usual },
        1 => Limits { message_bytes_max: 300, headers_max: 8, ..usual },
        _ => usual,
    }
}

struct Reader {
    stream: Stream,
    frames: Vec<String>,
}

impl Reader {
    fn new(limits: Limits) -> Self {
        Self { stream: Stream::new(limits), frames: Vec::new() }
    }

    fn read(&mut self, octets: &[u8]) {
        self.stream.push(octets);
        while let Some(frame) = self.stream.next() {
            self.frames.push(match frame {
                Ok(Frame::Message(message)) => format!("{:?}", message.wire()),
                Ok(frame @ (Frame::Malformed(_) | Frame::Ping | Frame::Junk)) => {
                    format!("{frame:?}")
                }
                Err(error) => error.to_string(),
            });
        }
    }
}
