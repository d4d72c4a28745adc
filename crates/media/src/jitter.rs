//! The jitter buffer of a leg.
//!
//! Every packet enters, also when it is forwarded and nobody pulls, so that a mix can begin at any
//! moment with what was said just before. Payloads wait encoded (`ring`) and are decoded when
//! their turn comes, into what is to be played (`stage`), 20 ms of which are taken per pull.
//!
//! - How long they wait is measured (`delay`): so long that of forty packets one comes too late.
//!   The beginning of a talkspurt is placed by that. In the middle of one the delay is changed by
//!   leaving out a pitch period or playing it twice (`stretch`, asked for by `steer`), which
//!   absorbs the drift of clocks too.
//! - What never came is made up (`conceal`; by Opus itself, from the forward error correction in
//!   the packet after it where there is any). While nothing at all is there the reading stands still,
//!   so the delay grows (`supply`).
//! - Where the reading begins in the midst of speech, a decoder with a memory hears what came before
//!   that first (`supply`): cold, G.722 would be silent for 40 ms.
//! - A pause of the sender (contiguous sequence numbers, a jump of the timestamps) is no loss.

mod conceal;
mod delay;
mod likeness;
mod ring;
mod stage;
mod steer;
mod stretch;
mod supply;

use self::conceal::Hole;
pub(crate) use self::conceal::Wave;
use self::delay::Delay;
use self::ring::{Packet, Ring};
use self::stage::Stage;
use self::steer::Steer;
use crate::codec::{Codec, Decoder, FRAME_MAX};
use crate::rtp::{Header, ahead, ahead16};
use crate::{FRAME_MS, RATE_HZ, Time};

/// Further away in timestamps is another place in time, in milliseconds: more than the ring holds.
const SPAN_MS: u32 = 400;
/// At the end of a pause, what has waited longer than wanted by this is not worth hearing.
const STALE_MS: u32 = 60;
/// Steps to supply 20 ms.
const STEPS_MAX: usize = 64;
/// A frame whose loudest sample is below this is silence (-48 dBFS).
const QUIET: u16 = 128;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is kept.
    New,
    /// It came after its turn.
    Late,
    /// It is here already.
    Duplicate,
    /// It is no payload of its codec, of a size that fits no buffer, or of a codec that was not
    /// prepared.
    Odd,
}

/// Where the reading stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Play {
    /// Nobody pulls.
    Stopped,
    /// Nothing has its turn yet; what lies before this has had it.
    Waiting(Option<u32>),
    /// The next tick to be decoded.
    At(u32),
}

/// The buffer.
#[derive(Debug)]
pub struct Buffer {
    ring: Ring,
    delay: Delay,
    stage: Stage,
    steer: Steer,
    decoders: Vec<Decoder>,
    play: Play,
    /// One past the newest tick, its sequence number, and of which codec it is.
    newest: Option<(u32, u16, Codec)>,
    /// Ticks of the last packet.
    step: u32,
    /// The sequence number that was decoded last, or that carried no audio.
    last: Option<u16>,
    hole: Option<Hole>,
    /// The last packet said that silence follows (RFC 6716 section 2.1.9).
    is_dtx: bool,
    /// Ticks made up since the reading stands still.
    dry: u32,
    /// Frames of silence.
    quiet: u16,
    late: u64,
    concealed_ms: u64,
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new()
    }
}

impl Buffer {
    /// A buffer for G.711.
    #[must_use]
    pub fn new() -> Self {
        Self {
            ring: Ring::new(),
            delay: Delay::new(),
            stage: Stage::new(),
            steer: Steer::default(),
            decoders: Vec::new(),
            play: Play::Stopped,
            newest: None,
            step: 160,
            last: None,
            hole: None,
            is_dtx: false,
            dry: 0,
            quiet: 0,
            late: 0,
            concealed_ms: 0,
        }
    }

    /// Makes decoders for these codecs, and room for their packets, and lets go of other decoders.
    /// This and [`Buffer::open`] are the only places that allocate.
    pub fn prepare(&mut self, codecs: impl Iterator<Item = Codec>) {
        let mut old = core::mem::take(&mut self.decoders);
        for codec in codecs.filter(|codec| !codec.is_stateless()) {
            self.ring.prepare(codec);
            if self.decoders.iter().all(|decoder| decoder.codec() != codec) {
                let known = old.iter().position(|decoder| decoder.codec() == codec);
                let decoder = known.map(|place| old.swap_remove(place));
                self.decoders.push(decoder.unwrap_or_else(|| Decoder::new(codec)));
            }
        }
        if self.stage.is_open() {
            self.open();
        }
    }

    /// Makes room for what is pulled; nothing is before. Most legs are only forwarded, and a stage
    /// for Opus is larger than all else of a leg.
    pub fn open(&mut self) {
        self.stage.open(Codec::Pcmu);
        for decoder in &self.decoders {
            self.stage.open(decoder.codec());
        }
    }

    /// Forgets what came: another source. How the network behaves is kept.
    pub fn reset(&mut self) {
        self.begin_anew();
        self.newest = None;
        self.quiet = 0;
    }

    /// Nobody pulls any more; what comes is still kept.
    pub fn stop(&mut self) {
        self.play = Play::Stopped;
        self.hole = None;
        self.last = None;
        self.dry = 0;
        self.quiet = 0;
        self.stage.clear(self.stage.hz());
    }

    /// What came before is of another time than what comes now.
    fn begin_anew(&mut self) {
        self.ring.clear();
        self.delay.anchor(self.clock_hz());
        self.last = None;
        if self.play != Play::Stopped {
            self.play = Play::Waiting(None);
        }
    }

    /// Of the timestamps.
    fn clock_hz(&self) -> u32 {
        self.newest.map_or(RATE_HZ, |(_, _, codec)| codec.rtp_hz())
    }

    /// How long what comes now will wait, in milliseconds.
    #[must_use]
    pub fn target_ms(&self) -> u32 {
        self.delay.would_want() / (self.clock_hz() / 1_000)
    }

    /// How long what comes will wait at least where it is pulled at `now` and every 20 ms from then on, in
    /// milliseconds; none where nothing has come.
    #[must_use]
    pub fn wait_ms(&self, now: Time) -> Option<u32> {
        let (end, ..) = self.newest?;
        let per_ms = self.clock_hz() / 1_000;
        let frame = (FRAME_MS * per_ms).cast_signed();
        let wanted = self.delay.would_want();
        let slack = self.delay.slack(now, end);
        let over = slack.wrapping_sub(wanted.cast_signed()).rem_euclid(frame);
        Some((wanted + over.unsigned_abs()) / per_ms)
    }

    /// How long the speaker has been silent, as far as it was pulled.
    #[must_use]
    pub fn quiet_ms(&self) -> u32 {
        u32::from(self.quiet) * FRAME_MS
    }

    /// Packets that came after their turn.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Milliseconds that were made up, pauses of the sender not counted.
    #[must_use]
    pub fn concealed_ms(&self) -> u64 {
        self.concealed_ms
    }

    /// Takes a packet of audio.
    pub fn insert(&mut self, now: Time, header: &Header, codec: Codec, payload: &[u8]) -> Inserted {
        let ticks = codec.ticks(payload);
        let is_ready =
            codec.is_stateless() || self.decoders.iter().any(|decoder| decoder.codec() == codec);
        if ticks == 0 || payload.len() > self.ring.payload_max() || !is_ready {
            return Inserted::Odd;
        }
        let Header { sequence, timestamp, .. } = *header;
        if self.ring.holds(sequence, timestamp) {
            return Inserted::Duplicate;
        }
        let end = timestamp.wrapping_add(ticks);
        if let Some((newest, number, heard)) = self.newest {
            let span = codec.rtp_hz() / 1_000 * SPAN_MS;
            let is_older = (-100..0).contains(&ahead16(sequence, number));
            let moved = ahead(end, newest);
            if heard.rtp_hz() != codec.rtp_hz() {
                self.newest = None;
                self.begin_anew();
                self.delay.anchor(codec.rtp_hz());
            } else if moved.unsigned_abs() > span && !is_older {
                self.ring.clear();
                self.delay.jumped(now, timestamp);
                self.newest = None;
                if let Play::At(_) | Play::Waiting(Some(_)) = self.play {
                    self.play = Play::Waiting(None);
                }
            }
        } else {
            self.delay.anchor(codec.rtp_hz());
        }
        self.delay.record(now, timestamp);
        let passed = match self.play {
            Play::At(play) | Play::Waiting(Some(play)) => ahead(end, play) <= 0,
            Play::Waiting(None) | Play::Stopped => false,
        };
        if passed {
            self.late += 1;
            return Inserted::Late;
        }
        self.ring.put((sequence, timestamp), (codec, ticks), payload);
        self.step = ticks;
        if self.newest.is_none_or(|(newest, ..)| ahead(end, newest) > 0) {
            self.newest = Some((end, sequence, codec));
        }
        Inserted::New
    }

    /// A packet of the stream that carries no audio: comfort noise (RFC 3389), an event (RFC 4733).
    /// Its number is not missing.
    pub fn skip(&mut self, sequence: u16) {
        if self.last.is_some_and(|last| sequence == last.wrapping_add(1)) {
            self.last = Some(sequence);
        }
    }

    /// How long the last packet was, in milliseconds.
    #[must_use]
    pub fn packet_ms(&self) -> u32 {
        self.step / (self.clock_hz() / 1_000)
    }

    /// Reads the next 20 ms into the front of `out`, making up what is missing; silence, unless it
    /// is [open](Buffer::open). Returns how many samples these are, and how many make a second: of
    /// the codec that is heard.
    pub fn pull(&mut self, now: Time, out: &mut [i16; FRAME_MAX]) -> (usize, u32) {
        let has_begun = self.newest.is_some() || self.play != Play::Stopped;
        if self.stage.is_open() && has_begun {
            if self.play == Play::Stopped {
                self.play = Play::Waiting(None);
            }
            self.turn(now);
        }
        let count = self.frame();
        let out = &mut out[..count];
        self.stage.play(out);
        let peak = out.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
        self.quiet = if peak < QUIET { self.quiet.saturating_add(1) } else { 0 };
        self.steer.heard(peak);
        (count, self.stage.hz())
    }

    /// Samples of 20 ms.
    fn frame(&self) -> usize {
        self.stage.of_ms(FRAME_MS as usize)
    }

    /// Sees to it that 20 ms can be played.
    fn turn(&mut self, now: Time) {
        self.delay.settle();
        if let Play::Waiting(floor) = self.play
            && let Some(begin) = self.beginning(now, floor)
        {
            if floor.is_none() {
                self.warm(begin);
            }
            self.play = Play::At(begin);
            self.last = None;
            self.steer.begin();
        }
        self.weigh(now);
        self.shorten();
        // Each step adds something or moves on; a hostile stream of tiny packets is given up here.
        for _ in 0..STEPS_MAX {
            if self.stage.pending() >= self.frame() {
                break;
            }
            self.supply(now);
        }
        self.lengthen();
    }

    /// The packet whose turn it is after a pause: the oldest that has waited long enough, if that was
    /// not too long; where nothing was played yet, the youngest.
    fn beginning(&self, now: Time, floor: Option<u32>) -> Option<u32> {
        let per_ms = self.clock_hz() / 1_000;
        let frame = FRAME_MS * per_ms;
        let waited = |packet: &&Packet| {
            let more = frame.saturating_sub(packet.ticks);
            let wanted = self.delay.wanted() + more;
            self.delay.slack(now, packet.timestamp) - wanted.cast_signed()
        };
        let ready = || {
            self.ring
                .packets()
                .filter(|packet| floor.is_none_or(|floor| ahead(packet.timestamp, floor) >= 0))
                .filter(|packet| waited(packet) >= 0)
        };
        let stale = (STALE_MS * per_ms).cast_signed();
        let oldest = ready().max_by_key(waited);
        let oldest = oldest.filter(|oldest| floor.is_some() && waited(oldest) <= stale);
        let chosen = oldest.or_else(|| ready().min_by_key(waited));
        chosen.map(|packet| packet.timestamp)
    }
}

#[cfg(test)]
mod tests;
