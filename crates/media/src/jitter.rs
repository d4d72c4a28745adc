//! The jitter buffer of a leg.
//!
//! Every packet enters, also when it is forwarded and nobody pulls, so that a mix can begin at any
//! moment with what was said just before. Payloads stay encoded in a ring of bytes until they are
//! pulled; what has been overwritten is lost, which bounds memory and delay alike.
//!
//! The delay is made by where the reading begins: [`Buffer::target`] before the newest sample.
//! When nothing is left the reading stands still, so the delay grows; when for a second there was
//! always more than needed, a frame is skipped, in a pause if one comes soon.

use crate::codec::{Codec, Decoder};
use crate::rtp::{Header, ahead};
use crate::{FRAME, FRAME_MS};

/// Bytes of payload kept: a quarter of a second of G.711.
const BYTES: usize = 2_048;
/// The same in timestamp units: further away is another place in time.
const SPAN: i32 = 2_048;
/// Packets kept.
const SLOTS: usize = 32;
/// One frame in timestamp units. All codecs so far tick once per sample of the mixer.
const STEP: u32 = 160;
/// Longest delay, in timestamp units.
const DELAY_MAX: u32 = 1_280;
/// Frames in the window over which the spare audio is watched.
const WINDOW: u16 = 50;
/// Windows after which a frame is skipped though somebody speaks.
const PATIENCE: u8 = 3;
/// Frames without any audio after which the buffer fills anew.
const DRY: u8 = 3;
/// A frame whose loudest sample is below this is silence (-48 dBFS).
const QUIET: u16 = 128;

#[derive(Clone, Copy, Debug)]
struct Slot {
    used: bool,
    codec: Codec,
    sequence: u16,
    length: u16,
    timestamp: u32,
    ticks: u32,
    /// Where the payload begins, counted from the first byte ever written.
    at: u64,
}

const EMPTY: Slot =
    Slot { used: false, codec: Codec::Pcmu, sequence: 0, length: 0, timestamp: 0, ticks: 0, at: 0 };

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is kept.
    New,
    /// It came after its turn.
    Late,
    /// It is here already.
    Duplicate,
    /// Its size fits no buffer.
    Odd,
}

/// The buffer.
#[derive(Clone, Debug)]
pub struct Buffer {
    bytes: Box<[u8; BYTES]>,
    written: u64,
    slots: [Slot; SLOTS],
    /// One past the newest sample.
    end: Option<u32>,
    /// The next sample to read; `None` while nobody pulls, and while it fills.
    play: Option<u32>,
    /// What was played before the buffer ran dry is not played again.
    floor: Option<u32>,
    longest: u32,
    jitter: u32,
    last: [i16; FRAME],
    fade: u8,
    dry: u8,
    quiet: u16,
    spare_min: u32,
    window: u16,
    waited: u8,
}

impl Default for Buffer {
    fn default() -> Self {
        Self {
            bytes: Box::new([0; BYTES]),
            written: 0,
            slots: [EMPTY; SLOTS],
            end: None,
            play: None,
            floor: None,
            longest: STEP,
            jitter: 0,
            last: [0; FRAME],
            fade: 0,
            dry: 0,
            quiet: 0,
            spare_min: u32::MAX,
            window: 0,
            waited: 0,
        }
    }
}

impl Buffer {
    /// Forgets everything: another source.
    pub fn reset(&mut self) {
        self.slots = [EMPTY; SLOTS];
        self.end = None;
        self.longest = STEP;
        self.stop();
    }

    /// Nobody pulls any more; what comes is still kept.
    pub fn stop(&mut self) {
        self.play = None;
        self.floor = None;
        self.last = [0; FRAME];
        self.quiet = 0;
        self.waited = 0;
    }

    /// Takes a packet; `jitter` as measured, in timestamp units.
    pub fn insert(
        &mut self,
        header: &Header,
        codec: Codec,
        payload: &[u8],
        jitter: u32,
    ) -> Inserted {
        let ticks = codec.ticks(payload);
        if payload.is_empty() || payload.len() > BYTES / 2 {
            return Inserted::Odd;
        }
        self.jitter = jitter;
        let index = usize::from(header.sequence) % SLOTS;
        let old = &self.slots[index];
        if old.used && old.sequence == header.sequence && old.timestamp == header.timestamp {
            return Inserted::Duplicate;
        }
        let end = header.timestamp.wrapping_add(ticks);
        match self.end {
            // The sender's clock jumped back by more than any reordering does.
            Some(newest) if ahead(end, newest) < -SPAN => self.reset(),
            _ => {}
        }
        if self.play.is_some_and(|play| ahead(end, play) <= 0) {
            return Inserted::Late;
        }
        let at = self.store(payload);
        self.longest = self.longest.max(ticks.min(DELAY_MAX));
        self.slots[index] = Slot {
            used: true,
            codec,
            sequence: header.sequence,
            length: u16::try_from(payload.len()).unwrap_or(0),
            timestamp: header.timestamp,
            ticks,
            at,
        };
        if self.end.is_none_or(|newest| ahead(end, newest) > 0) {
            self.end = Some(end);
        }
        Inserted::New
    }

    fn store(&mut self, payload: &[u8]) -> u64 {
        let offset = place(self.written);
        if offset + payload.len() > BYTES {
            // A payload is never split: the rest of the ring is skipped.
            self.written += (BYTES - offset) as u64;
        }
        let at = self.written;
        let offset = place(at);
        self.bytes[offset..offset + payload.len()].copy_from_slice(payload);
        self.written += payload.len() as u64;
        at
    }

    /// How far behind the newest sample reading begins: two frames, or a packet and a frame, and
    /// room for the jitter.
    #[must_use]
    pub fn target(&self) -> u32 {
        (self.longest.max(STEP) + STEP + 2 * self.jitter).min(DELAY_MAX)
    }

    /// How long the speaker has been silent, as far as it was pulled.
    #[must_use]
    pub fn quiet_ms(&self) -> u32 {
        u32::from(self.quiet) * FRAME_MS
    }

    /// Reads the next 20 ms, concealing what is missing.
    pub fn pull(&mut self, out: &mut [i16; FRAME]) {
        let Some(end) = self.end else {
            out.fill(0);
            self.quiet = self.quiet.saturating_add(1);
            return;
        };
        let fresh = end.wrapping_sub(self.target());
        let mut play = self.play.unwrap_or(fresh);
        // Far away on either side: a pause of the sender, or a stall of ours.
        if !(0..=SPAN).contains(&ahead(end, play)) {
            play = fresh;
        }
        let mut filled = 0;
        while filled < FRAME {
            match self.find(play) {
                Found::Slot(slot, offset) => {
                    let count = self.decode(&slot, offset, &mut out[filled..]);
                    (filled, play) = (filled + count, play.wrapping_add(ticks(count)));
                    (self.fade, self.dry) = (0, 0);
                }
                Found::Gap(gap) => {
                    let count = (gap as usize).min(FRAME - filled);
                    self.conceal(out, filled, filled + count);
                    self.dry = 0;
                    (filled, play) = (filled + count, play.wrapping_add(ticks(count)));
                }
                Found::Nothing => {
                    self.conceal(out, filled, FRAME);
                    filled = FRAME;
                    self.dry = self.dry.saturating_add(1);
                }
            }
        }
        self.last = *out;
        let peak = out.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
        self.quiet = if peak < QUIET { self.quiet.saturating_add(1) } else { 0 };
        if self.dry >= DRY {
            let floor = self.floor.filter(|floor| ahead(*floor, play) > 0);
            (self.play, self.floor) = (None, floor.or(Some(play)));
        } else {
            self.play = Some(self.trim(play, end));
        }
    }

    /// Skips a frame when there was always one to spare.
    fn trim(&mut self, play: u32, end: u32) -> u32 {
        self.spare_min = self.spare_min.min(ahead(end, play).max(0).unsigned_abs());
        self.window += 1;
        if self.window < WINDOW {
            return play;
        }
        let needed = 2 * STEP + 2 * self.jitter;
        let excess = self.spare_min >= needed;
        if !excess {
            self.waited = 0;
        } else if self.quiet == 0 && self.waited < PATIENCE {
            self.waited += 1;
        } else {
            self.waited = 0;
            (self.window, self.spare_min) = (0, u32::MAX);
            return play.wrapping_add(STEP);
        }
        (self.window, self.spare_min) = (0, u32::MAX);
        play
    }

    fn decode(&self, slot: &Slot, offset: u32, out: &mut [i16]) -> usize {
        let at = place(slot.at);
        let payload = &self.bytes[at..at + usize::from(slot.length)];
        Decoder::new(slot.codec).decode(&payload[offset as usize..], out)
    }

    /// The packet that holds a sample, or how far the next one is.
    fn find(&self, play: u32) -> Found {
        let mut next = None;
        for slot in self.slots.iter().filter(|slot| self.is_readable(slot)) {
            let before = ahead(play, slot.timestamp);
            if before >= 0 && before < slot.ticks.cast_signed() {
                return Found::Slot(*slot, before.unsigned_abs());
            }
            if before < 0 {
                let gap = before.unsigned_abs();
                next = Some(next.map_or(gap, |nearest: u32| nearest.min(gap)));
            }
        }
        next.map_or(Found::Nothing, Found::Gap)
    }

    fn is_readable(&self, slot: &Slot) -> bool {
        slot.used
            && self.written - slot.at <= BYTES as u64
            && self.floor.is_none_or(|floor| ahead(slot.timestamp, floor) >= 0)
    }

    /// Repeats the last frame, each time at half its strength, then silence.
    fn conceal(&mut self, out: &mut [i16; FRAME], from: usize, to: usize) {
        let shift = u32::from(self.fade.min(14)) + 1;
        let silent = self.fade >= 3;
        for (sample, last) in out[from..to].iter_mut().zip(&self.last[from..to]) {
            *sample = if silent { 0 } else { last >> shift };
        }
        if to == FRAME {
            self.fade = self.fade.saturating_add(1);
        }
    }
}

/// Samples of a frame as timestamp units.
fn ticks(samples: usize) -> u32 {
    u32::try_from(samples).unwrap_or(0)
}

enum Found {
    Slot(Slot, u32),
    Gap(u32),
    Nothing,
}

#[expect(clippy::cast_possible_truncation, reason = "less than the ring's size")]
fn place(at: u64) -> usize {
    (at % BYTES as u64) as usize
}

#[cfg(test)]
mod tests;
