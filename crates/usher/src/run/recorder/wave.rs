//! A stereo WAVE file that can be played at any moment of its making: what was said is appended, then
//! the sizes in its header are told anew, at each flush. A file whose writer was killed has all but the
//! last flush, and [`repair`] makes its header tell of every whole sample.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Octets before the samples.
pub(super) const HEADER: u64 = 44;
/// Octets of one sample of both channels.
const BOTH: u64 = 4;
/// Milliseconds of a frame.
pub(super) const FRAME_MS: u64 = 20;
/// Frames of silence that are written; more are a hole in the file.
const WRITTEN_MAX: u64 = 250;
/// Nothing is as far from what was there before: a week.
const FRAMES_MAX: u64 = 7 * 24 * 3_600 * 50;

/// Where the octets go.
pub(in crate::run) trait Disk {
    /// Writes all of it at this place.
    fn put(&mut self, at: u64, octets: &[u8]) -> io::Result<()>;

    /// Cuts the file, or lengthens it by silence.
    fn resize(&mut self, length: u64) -> io::Result<()>;
}

impl Disk for File {
    fn put(&mut self, at: u64, octets: &[u8]) -> io::Result<()> {
        self.write_all_at(octets, at)
    }

    fn resize(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// A header that tells of so many octets of samples; of as many as it can where that is too much, which
/// players take for "to the end".
pub(super) fn header(hz: u32, data: u64) -> [u8; 44] {
    let data = u32::try_from(data).unwrap_or(u32::MAX - 36 - 3).min(u32::MAX - 36 - 3);
    let mut header = *b"RIFF....WAVEfmt \x10\0\0\0\x01\0\x02\0........\x04\0\x10\0data....";
    let mut put = |at: usize, value: u32| {
        header[at..at + 4].copy_from_slice(&value.to_le_bytes());
    };
    put(4, 36 + data);
    put(24, hz);
    put(28, hz * 4);
    put(40, data);
    header
}

/// How many octets of samples a header tells of.
pub(super) fn told(header: &[u8; 44]) -> u64 {
    u32::from_le_bytes([header[40], header[41], header[42], header[43]]).into()
}

/// Makes a file of this length playable, whatever its writer was doing; returns the octets of samples.
pub(super) fn repair(disk: &mut impl Disk, length: u64, hz: u32) -> io::Result<u64> {
    let data = length.saturating_sub(HEADER) / BOTH * BOTH;
    disk.resize(HEADER + data)?;
    disk.put(0, &header(hz, data))?;
    Ok(data)
}

/// A file being written.
#[derive(Debug)]
pub(super) struct Wave<D> {
    disk: D,
    hz: u32,
    /// The number of the frame at its beginning, once there was one.
    first: Option<u64>,
    /// Octets of samples on the disk.
    stored: u64,
    /// What is not there yet.
    buffer: Vec<u8>,
}

impl<D: Disk> Wave<D> {
    /// A new one, with its header.
    pub(super) fn begin(mut disk: D, hz: u32) -> io::Result<Self> {
        disk.resize(0)?;
        disk.put(0, &header(hz, 0))?;
        Ok(Self { disk, hz, first: None, stored: 0, buffer: Vec::new() })
    }

    /// One that was finished, and goes on: so many octets of samples, whose first was of this frame.
    pub(super) fn resume(disk: D, hz: u32, stored: u64, first: Option<u64>) -> Self {
        Self { disk, hz, first, stored, buffer: Vec::new() }
    }

    /// Octets of samples, those included that are not on the disk yet.
    pub(super) fn data(&self) -> u64 {
        self.stored + self.buffer.len() as u64
    }

    /// Its length.
    pub(super) fn length_ms(&self) -> u64 {
        self.data() / BOTH * 1_000 / u64::from(self.hz)
    }

    /// Forgets what is not on the disk.
    pub(super) fn give_up(&mut self) {
        self.buffer.clear();
    }

    /// The number of the frame at its beginning.
    pub(super) fn first(&self) -> Option<u64> {
        self.first
    }

    fn frame_octets(&self) -> u64 {
        u64::from(self.hz) / 50 * BOTH
    }

    /// Adds a frame at its place; silence comes before it where frames are missing, and how many those
    /// were is returned. One of another length, or whose place is written, is left out.
    pub(super) fn push(&mut self, number: u64, channels: (&[i16], &[i16])) -> io::Result<u64> {
        let (left, right) = channels;
        let octets = self.frame_octets();
        if (left.len() as u64) * BOTH != octets || left.len() != right.len() {
            return Ok(0);
        }
        let here = self.data() / octets;
        let first = *self.first.get_or_insert(number.saturating_sub(here));
        let Some(missing) = number.checked_sub(first).and_then(|at| at.checked_sub(here)) else {
            return Ok(0);
        };
        if missing > FRAMES_MAX {
            return Ok(0);
        }
        self.silence(missing)?;
        for (left, right) in left.iter().zip(right) {
            self.buffer.extend(left.to_le_bytes());
            self.buffer.extend(right.to_le_bytes());
        }
        Ok(missing)
    }

    fn silence(&mut self, frames: u64) -> io::Result<()> {
        let octets = frames * self.frame_octets();
        if frames <= WRITTEN_MAX {
            let end = self.buffer.len() + usize::try_from(octets).unwrap_or(0);
            self.buffer.resize(end, 0);
            return Ok(());
        }
        self.flush()?;
        self.disk.resize(HEADER + self.stored + octets)?;
        self.stored += octets;
        Ok(())
    }

    /// Puts everything on the disk: the samples first, then the sizes.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.disk.put(HEADER + self.stored, &self.buffer)?;
            self.stored += self.buffer.len() as u64;
            self.buffer.clear();
        }
        self.disk.put(0, &header(self.hz, self.stored))
    }
}

#[cfg(test)]
pub(super) mod tests;
