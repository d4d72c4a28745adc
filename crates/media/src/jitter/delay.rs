//! How late packets are: what delay lets nearly all of them be there in time.
//!
//! The transit of a packet is its arrival less its timestamp. Its zero means nothing, the fastest
//! packet of the last seconds is the zero of what follows; so a drift of the clocks moves the zero
//! and nothing else. A histogram of how much later than that the others came, with forgetting, says
//! which delay is enough.

use crate::Time;
use crate::rtp::ahead;

/// Buckets in a second: each is 5 ms wide, a tick of the driver.
const PER_SECOND: u32 = 200;
/// Buckets: a third of a second.
const BUCKETS: usize = 64;
/// The longest delay that is aimed at, in buckets: what the ring holds of 64 kbit/s, less a packet
/// of 60 ms and a frame.
const LONGEST: u32 = 48;
/// What a packet weighs.
const WEIGHT: u32 = 64;
/// Packets after which what was is forgotten a little: an eighth.
const FORGET: u8 = 32;
/// Of so many packets one may come too late.
const LATE_ONE_IN: u32 = 40;
/// The whole, of which [`Delay::loss`] is a part, and over how many packets it is measured.
const LOSS_ONE: u32 = 1 << 16;
const LOSS_MEMORY: u16 = 128;
/// The longest that is waited for the packet after a lost one: a second over this.
const PATIENCE_PART: u32 = 16;
/// What is believed before anything is known: this many packets at 20 ms.
const PRIOR: (usize, u32) = (3, 6);
/// How long the fastest packet is remembered, in seconds: so long, and up to twice that.
const FASTEST_S: u32 = 1;
/// One that is faster by so much, in buckets, did not travel faster: the timestamps have jumped.
const JUMP: i32 = 12;
/// So much later, in buckets, and for that long, in seconds over five: they have jumped the other way.
const FAR: i32 = 80;
const FAR_FIFTHS: u32 = 1;

/// Timestamps of a clock at a moment: wraps around as they do.
pub(super) fn ticks_at(now: Time, hz: u32) -> u32 {
    let micros = now.as_micros() * u128::from(hz) / 1_000_000;
    u32::try_from(micros & u128::from(u32::MAX)).unwrap_or(0)
}

#[derive(Clone, Debug)]
pub(super) struct Delay {
    hz: u32,
    /// The least transit, of this window and the one before.
    fastest: Option<(u32, u32)>,
    window_ends: u32,
    /// The transit at which the first bucket begins.
    zero: u32,
    buckets: [u32; BUCKETS],
    packets: u8,
    wanted: u32,
    /// The share of packets that are lost, of [`LOSS_ONE`].
    loss: u32,
    /// Ticks that are waited for the packet after one that is lost: what was lost is made up better
    /// from both sides. Only where more than 2 % are lost, until less than 1 % are.
    patience: u32,
    /// Since when, and by how much at least, packets have been far too late.
    far: Option<(u32, u32)>,
}

impl Delay {
    pub(super) fn new() -> Self {
        let mut buckets = [0; BUCKETS];
        buckets[PRIOR.0] = PRIOR.1 * WEIGHT;
        Self {
            hz: 8_000,
            fastest: None,
            window_ends: 0,
            zero: 0,
            buckets,
            packets: 0,
            wanted: 160,
            loss: 0,
            patience: 0,
            far: None,
        }
    }

    /// The clock of what comes from now on is another, or begins anew. How the network behaves is
    /// not forgotten.
    pub(super) fn anchor(&mut self, hz: u32) {
        self.wanted = u32::try_from(u64::from(self.wanted) * u64::from(hz) / u64::from(self.hz))
            .unwrap_or(self.wanted);
        self.patience = 0;
        self.hz = hz;
        self.fastest = None;
    }

    fn width(&self) -> i32 {
        (self.hz / PER_SECOND).cast_signed()
    }

    /// The transit of the fastest packet.
    fn base(&self) -> u32 {
        let (now, before) = self.fastest.unwrap_or_default();
        if ahead(now, before) < 0 { now } else { before }
    }

    /// Takes a packet's arrival.
    pub(super) fn record(&mut self, now: Time, timestamp: u32) {
        let arrival = ticks_at(now, self.hz);
        let transit = arrival.wrapping_sub(timestamp);
        let later = ahead(transit, self.base());
        if self.fastest.is_none() || later < -JUMP * self.width() {
            self.place(arrival, transit);
        } else if later > FAR * self.width() {
            return self.is_far(arrival, transit);
        }
        self.far = None;
        if let Some((least, before)) = &mut self.fastest {
            if ahead(arrival, self.window_ends) >= 0 {
                (*before, *least) = (*least, transit);
                self.window_ends = arrival.wrapping_add(FASTEST_S * self.hz);
            } else if ahead(transit, *least) < 0 {
                *least = transit;
            }
        }
        self.shift();
        let bucket = (ahead(transit, self.zero) / self.width()).max(0).unsigned_abs();
        let bucket = usize::try_from(bucket).unwrap_or(BUCKETS).min(BUCKETS - 1);
        self.buckets[bucket] += WEIGHT;
        self.packets += 1;
        if self.packets >= FORGET {
            self.packets = 0;
            self.buckets.iter_mut().for_each(|weight| *weight -= weight.div_ceil(8));
        }
    }

    /// Works out what to aim at. Not done for each packet: most are only forwarded.
    pub(super) fn settle(&mut self) {
        self.wanted = self.quantile();
    }

    /// Takes this for the fastest from now on, without a word on how late others are.
    fn place(&mut self, arrival: u32, transit: u32) {
        self.fastest = Some((transit, transit));
        self.window_ends = arrival.wrapping_add(FASTEST_S * self.hz);
        self.zero = transit;
    }

    /// A packet that is too late for any delay: after a stall of the network the next ones are not,
    /// after a jump of the sender's clock all are.
    fn is_far(&mut self, arrival: u32, transit: u32) {
        let (since, least) = self.far.unwrap_or((arrival, transit));
        let least = if ahead(transit, least) < 0 { transit } else { least };
        self.far = Some((since, least));
        if ahead(arrival, since) > (self.hz * FAR_FIFTHS / 5).cast_signed() {
            self.place(arrival, least);
            self.far = None;
        }
    }

    /// The timestamps have jumped: forgets the fastest packet unless this one fits to it.
    pub(super) fn jumped(&mut self, now: Time, timestamp: u32) {
        if self.slack(now, timestamp).abs() > JUMP * self.width() {
            self.fastest = None;
        }
    }

    /// Moves the buckets along with the fastest packet, by whole ones.
    fn shift(&mut self) {
        let width = self.width();
        let moved = ahead(self.base(), self.zero).div_euclid(width);
        let by = usize::try_from(moved.unsigned_abs()).unwrap_or(BUCKETS).min(BUCKETS - 1);
        if moved > 0 {
            let below: u32 = self.buckets[..by].iter().sum();
            self.buckets.copy_within(by.., 0);
            self.buckets[BUCKETS - by..].fill(0);
            self.buckets[0] += below;
        } else if moved < 0 {
            let above: u32 = self.buckets[BUCKETS - by..].iter().sum();
            self.buckets.copy_within(..BUCKETS - by, by);
            self.buckets[..by].fill(0);
            self.buckets[BUCKETS - 1] += above;
        }
        self.zero = self.zero.wrapping_add((moved * width).cast_unsigned());
    }

    /// The end of the bucket by which enough packets are there, counted from the fastest.
    fn quantile(&self) -> u32 {
        let may_miss = self.buckets.iter().sum::<u32>() / LATE_ONE_IN;
        let mut missed = 0;
        let mut last = BUCKETS;
        while last > 1 && missed + self.buckets[last - 1] <= may_miss {
            last -= 1;
            missed += self.buckets[last];
        }
        let end = u32::try_from(last).unwrap_or(LONGEST).min(LONGEST) * (self.hz / PER_SECOND);
        // Never less than a bucket: the fastest packet of the last seconds is not that of the next.
        ahead(self.zero.wrapping_add(end), self.base()).max(self.width()).unsigned_abs()
    }

    /// Takes the news that so many packets are missing before one of so many ticks.
    pub(super) fn lost(&mut self, count: u16, ticks: u32) {
        for _ in 0..count.min(LOSS_MEMORY) {
            self.loss += (LOSS_ONE - self.loss) / u32::from(LOSS_MEMORY);
        }
        self.loss -= self.loss / u32::from(LOSS_MEMORY);
        let is_lossy = self.loss * 100 > LOSS_ONE * if self.patience > 0 { 1 } else { 2 };
        self.patience = if is_lossy { ticks.min(self.hz / PATIENCE_PART) } else { 0 };
    }

    /// What would be aimed at now, in ticks of the clock.
    pub(super) fn would_want(&self) -> u32 {
        self.quantile() + self.patience
    }

    /// The delay that is aimed at, in ticks of the clock.
    pub(super) fn wanted(&self) -> u32 {
        self.wanted + self.patience
    }

    /// How much longer than the fastest packet a packet with this timestamp could have taken, if it
    /// were played now, in ticks.
    pub(super) fn slack(&self, now: Time, timestamp: u32) -> i32 {
        ahead(ticks_at(now, self.hz).wrapping_sub(timestamp), self.base())
    }
}
