//! The way of recorded audio from a media thread to the recorder: a ring of samples. A frame that finds
//! no room is dropped and counted, and its place in the file stays silent: the audio of calls waits for
//! no disk.

use prometheus_client::metrics::counter::Counter;
use rtrb::{Consumer, Producer, RingBuffer};

/// Samples in a frame of one channel at the highest rate.
pub(super) const SAMPLES_MAX: usize = 320;
/// Words before the samples: the recording, the frame's number, the samples of a channel.
const HEAD: usize = 9;
/// Words that a call needs for a second at the lower rate.
const CALL_WORDS: usize = 50 * (HEAD + 2 * 160);
/// Words of a ring: a second of every call a thread can have, within these. What is never recorded
/// touches none of it.
const WORDS_MIN: usize = 1 << 18;
const WORDS_MAX: usize = 1 << 24;

/// A media thread's end. Sending takes no lock and allocates nothing.
#[derive(Debug)]
pub(in crate::run) struct FrameSender {
    ring: Producer<i16>,
    dropped: Counter,
    words: Box<[i16; HEAD + 2 * SAMPLES_MAX]>,
}

/// The recorder's end.
#[derive(Debug)]
pub(in crate::run) struct FrameReceiver(Consumer<i16>);

/// Twenty milliseconds of one recording.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// Whose.
    pub(super) recording: u64,
    /// The number of the 20 ms since the node's epoch.
    pub(super) number: u64,
    samples: usize,
    words: Box<[i16; 2 * SAMPLES_MAX]>,
}

/// A ring for a media thread of so many legs; `dropped` counts frames without room.
pub(in crate::run) fn ring(legs_max: usize, dropped: Counter) -> (FrameSender, FrameReceiver) {
    let words = (legs_max / 2).saturating_mul(CALL_WORDS).clamp(WORDS_MIN, WORDS_MAX);
    let (producer, consumer) = RingBuffer::new(words);
    let words = Box::new([0; HEAD + 2 * SAMPLES_MAX]);
    (FrameSender { ring: producer, dropped, words }, FrameReceiver(consumer))
}

/// A number as four words, the lowest first.
fn split(number: u64) -> [i16; 4] {
    [0, 16, 32, 48].map(|bits| {
        let bytes = (number >> bits).to_le_bytes();
        i16::from_le_bytes([bytes[0], bytes[1]])
    })
}

fn joined(words: &[i16]) -> u64 {
    words.iter().rev().fold(0, |number, word| number << 16 | u64::from(word.cast_unsigned()))
}

impl FrameSender {
    /// Hands a frame over, or drops it. The channels are of one length, [`SAMPLES_MAX`] at most.
    pub(in crate::run) fn send(
        &mut self,
        recording: u64,
        number: u64,
        left: &[i16],
        right: &[i16],
    ) {
        let count = left.len().min(right.len()).min(SAMPLES_MAX);
        let end = HEAD + 2 * count;
        self.words[..4].copy_from_slice(&split(recording));
        self.words[4..8].copy_from_slice(&split(number));
        self.words[8] = i16::try_from(count).unwrap_or(0);
        self.words[HEAD..HEAD + count].copy_from_slice(&left[..count]);
        self.words[HEAD + count..end].copy_from_slice(&right[..count]);
        // All of a frame or nothing of it.
        if self.ring.push_entire_slice(&self.words[..end]).is_err() {
            self.dropped.inc();
        }
    }
}

impl FrameReceiver {
    /// Takes the next frame out, if there is one.
    pub(super) fn next(&mut self, frame: &mut Frame) -> bool {
        let mut head = [0; HEAD];
        if self.0.pop_entire_slice(&mut head).is_err() {
            return false;
        }
        frame.recording = joined(&head[..4]);
        frame.number = joined(&head[4..8]);
        frame.samples = usize::try_from(head[8]).unwrap_or(0).min(SAMPLES_MAX);
        self.0.pop_entire_slice(&mut frame.words[..2 * frame.samples]).is_ok()
    }
}

impl Frame {
    /// Room for one.
    pub(super) fn empty() -> Self {
        Self { recording: 0, number: 0, samples: 0, words: Box::new([0; 2 * SAMPLES_MAX]) }
    }

    /// What was said on the left and on the right.
    pub(super) fn channels(&self) -> (&[i16], &[i16]) {
        self.words[..2 * self.samples].split_at(self.samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in_and_what_finds_no_room_is_counted() {
        let dropped = Counter::default();
        let (mut sender, mut receiver) = ring(0, dropped.clone());
        let sent = |number: u64| -> (u64, Vec<i16>, Vec<i16>) {
            let count = if number.is_multiple_of(3) { 160 } else { 320 };
            let word = i16::try_from(number % 30_000).unwrap();
            (u64::MAX - number, vec![word; count], vec![-word; count])
        };
        let mut number = 0;
        while dropped.get() == 0 {
            let (recording, left, right) = sent(number);
            sender.send(recording, number, &left, &right);
            number += 1;
        }
        let mut frame = Frame::empty();
        for expected in 0..number - 1 {
            assert!(receiver.next(&mut frame));
            let (recording, left, right) = sent(expected);
            assert_eq!((frame.recording, frame.number), (recording, expected));
            assert_eq!(frame.channels(), (&left[..], &right[..]));
        }
        assert!(!receiver.next(&mut frame), "the last one was dropped");
        let (recording, left, right) = sent(number);
        sender.send(recording, number, &left, &right);
        assert!(receiver.next(&mut frame));
        assert_eq!(frame.number, number);
        assert_eq!(dropped.get(), 1);
    }
}
