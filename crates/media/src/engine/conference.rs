//! A conference: its rows, and how they are served.

use super::leg::{Ear, Feed, Leg};
use super::types::Event;
use super::{Engine, FRAME, MUSIC, PHASES};
use crate::{Codec, Hears, LegId, Row, Source};

/// Silence of a speaker in which a mix may give way to forwarding.
const QUIET_MS: u32 = 200;
/// The ringing tone: hz, on, off (ETSI TR 101 041-1).
const RINGING: (u16, u16, u16) = (425, 1_000, 4_000);

/// Speakers who are heard together by some.
#[derive(Debug, PartialEq)]
pub(super) struct Mix {
    /// Their slots, sorted.
    speakers: Vec<usize>,
    /// Their places among the conference's talkers, or of all others where that is less.
    pub(super) terms: Vec<usize>,
    /// The terms are taken off the sum of all.
    pub(super) is_rest: bool,
    /// Who hears it, by codec so that each codec is encoded once.
    pub(super) listeners: Vec<(Codec, usize)>,
}

#[derive(Debug)]
pub(super) struct Conference {
    pub(super) id: u64,
    pub(super) generation: Option<u64>,
    pub(super) rows: Vec<Row>,
    pub(super) phase: usize,
    /// Slots of all who are in some mix.
    pub(super) talkers: Vec<usize>,
    pub(super) mixes: Vec<Mix>,
    /// Slots of listeners who are in none.
    pub(super) others: Vec<usize>,
    /// Some mix may turn into forwarding when its speaker is silent.
    pub(super) may_forward: bool,
}

impl Conference {
    pub(super) fn new(id: u64, phase: usize) -> Self {
        Self {
            id,
            generation: None,
            rows: Vec::new(),
            phase,
            talkers: Vec::new(),
            mixes: Vec::new(),
            others: Vec::new(),
            may_forward: false,
        }
    }

    fn mix_of(&mut self, speakers: Vec<usize>) -> usize {
        let known = self.mixes.iter().position(|mix| mix.speakers == speakers);
        known.unwrap_or_else(|| {
            let (terms, listeners) = (Vec::new(), Vec::new());
            self.mixes.push(Mix { speakers, terms, is_rest: false, listeners });
            self.mixes.len() - 1
        })
    }
}

impl Leg {
    /// Falls out of its conference.
    pub(super) fn silence(&mut self) {
        self.feed = Feed::Nothing;
        self.ears.clear();
        self.buffer.stop();
        self.tx.turn();
    }
}

impl Engine {
    /// Works out from its rows how a conference is served.
    pub(super) fn arrange(&mut self, slot: usize) {
        let Some(mut conference) = self.conferences.get_mut(slot).and_then(Option::take) else {
            return;
        };
        let rows = core::mem::take(&mut conference.rows);
        let before = core::mem::take(&mut conference.mixes);
        let talked = core::mem::take(&mut conference.talkers);
        conference.others.clear();
        let members: Vec<usize> =
            rows.iter().filter_map(|row| self.member(row.leg, conference.id)).collect();
        for member in &members {
            if let Some(leg) = self.leg(*member) {
                leg.ears.clear();
            }
        }
        for row in &rows {
            if let Some(listener) = self.member(row.leg, conference.id) {
                self.resolve(&mut conference, listener, &row.hears, &before);
            }
        }
        conference.rows = rows;
        self.weigh(&mut conference);
        for old in talked.iter().filter(|old| !conference.talkers.contains(old)) {
            if let Some(leg) = self.leg(*old) {
                leg.buffer.stop();
            }
        }
        if before.is_empty() && !conference.mixes.is_empty() {
            self.choose_phase(&mut conference, slot);
        }
        let talkers = conference.talkers.len();
        self.frames.resize(self.frames.len().max(talkers), [0; FRAME]);
        self.conferences[slot] = Some(conference);
    }

    fn member(&self, leg: LegId, conference: u64) -> Option<usize> {
        let slot = self.by_id.get(&leg).copied()?;
        let leg = self.legs.get(slot)?.as_deref()?;
        (leg.conference == Some(conference)).then_some(slot)
    }

    fn resolve(
        &mut self,
        conference: &mut Conference,
        listener: usize,
        hears: &Hears,
        before: &[Mix],
    ) {
        let feed = match hears {
            Hears::Silence => Feed::Silence,
            Hears::Source(source) => self.source(listener, source),
            Hears::Speakers(legs) => {
                let slots = legs.iter().filter_map(|leg| self.member(*leg, conference.id));
                let mut speakers: Vec<usize> = slots.filter(|s| *s != listener).collect();
                speakers.sort_unstable();
                speakers.dedup();
                self.people(conference, listener, speakers, before)
            }
        };
        let speakers: &[usize] = match &feed {
            Feed::Forward(speaker) => &[*speaker],
            Feed::Mix(mix) => &conference.mixes[*mix].speakers,
            _ => &[],
        };
        let forward = matches!(feed, Feed::Forward(_));
        for speaker in speakers {
            if let Some(leg) = self.leg(*speaker) {
                leg.ears.push(Ear { slot: listener, forward });
            }
        }
        let Some(leg) = self.leg(listener) else { return };
        let codec = leg.plan.codec;
        let same = match (&leg.feed, &feed) {
            (Feed::Mix(old), Feed::Mix(new)) => {
                before.get(*old).is_some_and(|old| old.speakers == conference.mixes[*new].speakers)
            }
            (old, new) if old.source().is_some() => old.source() == new.source(),
            (old, new) => old == new,
        };
        leg.feed = feed;
        if !same {
            leg.gap = 0;
            leg.tx.turn();
        }
        match leg.feed {
            Feed::Mix(mix) => conference.mixes[mix].listeners.push((codec, listener)),
            _ => conference.others.push(listener),
        }
    }

    fn people(
        &self,
        conference: &mut Conference,
        listener: usize,
        speakers: Vec<usize>,
        before: &[Mix],
    ) -> Feed {
        let get = |slot: usize| self.legs.get(slot).and_then(Option::as_deref);
        let (Some(leg), Some(first)) = (get(listener), speakers.first().copied()) else {
            return Feed::Silence;
        };
        let Some(speaker) = get(first).filter(|_| speakers.len() == 1) else {
            return Feed::Mix(conference.mix_of(speakers));
        };
        let can = speaker.plan.codec.forwards_to(leg.plan.codec);
        let was_mixed = match leg.feed {
            Feed::Mix(old) => before.get(old).is_some_and(|mix| mix.speakers.contains(&first)),
            _ => false,
        };
        if can && (!was_mixed || speaker.buffer.quiet_ms() >= QUIET_MS) {
            return Feed::Forward(first);
        }
        conference.may_forward = can;
        Feed::Mix(conference.mix_of(speakers))
    }

    fn source(&mut self, listener: usize, source: &Source) -> Feed {
        let Some(leg) = self.leg(listener) else { return Feed::Silence };
        if leg.feed.source() == Some(source) {
            return leg.feed.clone();
        }
        let id = leg.plan.leg;
        let (name, is_prompt) = match source {
            Source::Ringing | Source::Tone { .. } => {
                return Feed::Tone { source: source.clone(), at: 0 };
            }
            Source::Music(name) => (name, false),
            Source::Prompt { sounds, .. } => match sounds.first() {
                Some(name) => (name, true),
                None => return Feed::Over(source.clone()),
            },
        };
        let found = self.sound_by_name.get(name).copied();
        let found = found.filter(|sound| !self.sounds[*sound].pcm.samples.is_empty());
        match found {
            Some(sound) if is_prompt => Feed::Sound { source: source.clone(), sound, at: 0 },
            None if is_prompt => {
                let (play, missing) = (source.play(), Some(name.clone()));
                self.outbox.event(Event::Played { leg: id, play, missing });
                Feed::Over(source.clone())
            }
            found => {
                let default = self.sound_by_name.get(MUSIC).copied().unwrap_or(0);
                let sound = found.unwrap_or(default);
                let length = self.sounds[sound].pcm.samples.len().max(1) as u64;
                // Everybody joins the music where it is.
                let at = self.next_tick.unwrap_or(0).wrapping_mul(FRAME as u64 / PHASES as u64);
                let at = usize::try_from(at % length).unwrap_or(0);
                Feed::Sound { source: source.clone(), sound, at }
            }
        }
    }

    /// Lists the talkers and chooses for each mix the shorter way to sum it.
    fn weigh(&mut self, conference: &mut Conference) {
        let all = conference.mixes.iter().flat_map(|mix| mix.speakers.iter().copied());
        let mut talkers: Vec<usize> = all.collect();
        talkers.sort_unstable();
        talkers.dedup();
        for mix in &mut conference.mixes {
            mix.is_rest = mix.speakers.len() > 2 && mix.speakers.len() * 2 > talkers.len();
            let places = talkers.iter().enumerate();
            let chosen = places.filter(|(_, slot)| mix.speakers.contains(slot) != mix.is_rest);
            mix.terms = chosen.map(|(place, _)| place).collect();
            mix.listeners.sort_unstable();
        }
        conference.talkers = talkers;
        let single = conference.mixes.iter().any(|mix| mix.speakers.len() == 1);
        conference.may_forward &= single;
    }

    /// Takes the phase after which the talkers' packets have waited least.
    fn choose_phase(&mut self, conference: &mut Conference, slot: usize) {
        let cost = |phase: usize| -> usize {
            let wait = |talker: &usize| {
                let leg = self.legs.get(*talker).and_then(Option::as_deref);
                leg.map_or(0, |leg| (phase + PHASES - leg.phase) % PHASES)
            };
            conference.talkers.iter().map(wait).sum()
        };
        let best = (0..PHASES).min_by_key(|phase| (cost(*phase), *phase != conference.phase));
        let best = best.unwrap_or(conference.phase);
        if best != conference.phase {
            self.phases[conference.phase].retain(|other| *other != slot);
            self.phases[best].push(slot);
            conference.phase = best;
        }
    }

    /// Whether a mix of this conference can be forwarded by now.
    pub(super) fn has_fallen_silent(&self, conference: &Conference) -> bool {
        conference.may_forward
            && conference.mixes.iter().filter(|mix| mix.speakers.len() == 1).any(|mix| {
                let speaker = mix.speakers.first().and_then(|slot| self.legs.get(*slot));
                let speaker = speaker.and_then(Option::as_deref);
                speaker.is_some_and(|leg| leg.buffer.quiet_ms() >= QUIET_MS)
            })
    }
}

/// The tone of a source: hz, on, off.
pub(super) fn tone_of(source: &Source) -> (u16, u16, u16) {
    match source {
        Source::Tone { hz, on_ms, off_ms } => (*hz, *on_ms, *off_ms),
        Source::Ringing | Source::Music(_) | Source::Prompt { .. } => RINGING,
    }
}
