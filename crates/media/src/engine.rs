//! The mixer of one media thread: all its legs and conferences, driven by packets and a tick.
//!
//! The driver, every 5 ms at `epoch + n · 5 ms`: hands each datagram to [`Engine::packet`], calls
//! [`Engine::handle_timeout`], drains [`Engine::poll_output`] and sends. It may do the first and
//! the last in between as well.
//!
//! - A conference is served every 20 ms, in one of four phases. It takes the phase that comes
//!   soonest after its speakers' packets when it begins to mix.
//! - A leg that hears one speaker is forwarded the packets as they come, with another header, and
//!   another law where needed. Everybody else gets a frame per 20 ms: a source, silence or a mix.
//! - Packets longer than the listener takes (`a=maxptime`) are not forwarded: from the first of them on
//!   it is mixed for, as long as their source is the same.
//! - Silence is sent as frames of silence: NAT bindings and the peer's own watch for dead audio
//!   live on them. So is a speaker who sends nothing.
//! - What is mixed has the rate of the best codec in the conference; a mix is encoded once for each
//!   codec, music once for all who hear it in one codec and phase.
//! - Where the source changes, the old one goes on for 5 ms as it was, and fades into the new.
//! - A leg that leaves a mix for one speaker is forwarded to only after 200 ms of that speaker's
//!   silence: the mix is behind by its buffer, and the jump is not heard then.
//!
//! In steady state nothing here allocates (`tests/allocations.rs`).

mod carry;
mod coder;
mod command;
mod conference;
mod control;
mod keys;
mod latch;
mod leg;
mod mix;
mod outbox;
mod pack;
mod receive;
mod seam;
mod station;
mod tap;
mod tick;
mod trail;
mod transmit;
mod types;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use carry::{Carried, CarriedConference, CarriedLeg, WrongVersion};
pub use leg::Guard;
pub use types::{
    Channel, Command, Counters, EngineSettings, Event, Input, Output, Pcm, Report, Tap,
};

use self::conference::Conference;
use self::latch::Prowlers;
use self::leg::Leg;
use self::outbox::Outbox;
use self::station::Station;
use crate::codec::FRAME_MAX;
use crate::{LegId, RATE_HZ, Time};

/// Silence on the wire that becomes [`Event::NoAudio`]. Legs are looked at once a second: it is told
/// up to a second later. Well below what anybody takes for a dead call: the owner judges, by a timer
/// of its own from [`Event::NoAudio`]'s `since`.
pub const NO_AUDIO: Time = Time::from_secs(2);
/// How often the engine wants to be woken: at `epoch + n · TICK`.
pub const TICK: Time = Time::from_millis(5);
/// Ticks in a frame, and phases of conferences.
const PHASES: usize = 4;
/// A driver that is later than this loses the ticks in between: half a second.
const LATE_MAX: u64 = 100;
/// The built-in music's name.
const MUSIC: &str = "default";

/// All legs and conferences of one media thread.
#[derive(Debug)]
pub struct Engine {
    settings: EngineSettings,
    counters: Counters,
    outbox: Outbox,
    legs: Vec<Option<Box<Leg>>>,
    free: Vec<usize>,
    by_id: BTreeMap<LegId, usize>,
    /// Slot of a leg plus one, by half its port.
    by_port: Vec<u32>,
    conferences: Vec<Option<Box<Conference>>>,
    free_conferences: Vec<usize>,
    conference_by_id: BTreeMap<u64, usize>,
    /// Legs that have a row before they are there, and the conference of it.
    unplaced: BTreeMap<LegId, u64>,
    phases: [Vec<usize>; PHASES],
    sounds: Vec<Option<Pcm>>,
    sound_by_name: BTreeMap<Arc<str>, usize>,
    stations: Vec<Option<Box<Station>>>,
    /// Legs that hold a key down.
    pressing: Vec<usize>,
    /// What each speaker of the present conference says.
    frames: Vec<[i16; FRAME_MAX]>,
    next_tick: Option<u64>,
    prowlers: Prowlers,
}

impl Engine {
    /// An engine without legs. The built-in music is computed here.
    #[must_use]
    pub fn new(settings: EngineSettings) -> Self {
        let mut engine = Self {
            settings,
            counters: Counters::default(),
            outbox: Outbox::default(),
            legs: Vec::new(),
            free: Vec::new(),
            by_id: BTreeMap::new(),
            by_port: vec![0; 1 << 15],
            conferences: Vec::new(),
            free_conferences: Vec::new(),
            unplaced: BTreeMap::new(),
            conference_by_id: BTreeMap::new(),
            phases: Default::default(),
            sounds: Vec::new(),
            sound_by_name: BTreeMap::new(),
            pressing: Vec::new(),
            stations: Vec::new(),
            frames: Vec::new(),
            next_tick: None,
            prowlers: Prowlers::default(),
        };
        let music = Pcm { hz: RATE_HZ, samples: crate::sound::music().into() };
        engine.add_sound(MUSIC.into(), music);
        engine
    }

    /// What was counted. Losses of legs that are alive are in their reports.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Takes a command.
    pub fn handle(&mut self, now: Time, input: Input) {
        if self.counters.legs == 0 {
            // The driver may have slept, but the music went on.
            self.next_tick = self.next_tick.max(Some(tick_at(now)));
        }
        match input {
            Input::Command(command) => self.command(now, command),
        }
    }

    /// Does all ticks up to now.
    pub fn handle_timeout(&mut self, now: Time) {
        let current = tick_at(now);
        let mut next = self.next_tick.unwrap_or(current);
        if current.saturating_sub(next) > LATE_MAX {
            self.counters.ticks_skipped += current - next;
            next = current;
        }
        while next <= current {
            self.tick(next);
            next += 1;
        }
        self.next_tick = Some(next);
    }

    /// The next output, events first; `None` when there is none.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        self.outbox.poll()
    }

    /// When to call [`Engine::handle_timeout`]; `None` while there are no legs.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let next = self.next_tick.unwrap_or(0);
        (self.counters.legs > 0).then(|| time_of(next))
    }

    fn leg(&mut self, slot: usize) -> Option<&mut Leg> {
        self.legs.get_mut(slot)?.as_deref_mut()
    }
}

fn tick_at(now: Time) -> u64 {
    u64::try_from(now.as_nanos() / TICK.as_nanos()).unwrap_or(u64::MAX)
}

fn time_of(tick: u64) -> Time {
    Time::from_nanos(tick.saturating_mul(TICK.subsec_nanos().into()))
}

fn phase_of(tick: u64) -> usize {
    usize::try_from(tick % PHASES as u64).unwrap_or(0)
}
