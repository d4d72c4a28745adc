//! A conference: its rows, and how they are served.

use super::leg::{Ear, Feed, Leg};
use super::tap::Recording;
use super::{Engine, MUSIC, PHASES, phase_of, time_of};
use crate::codec::FRAME_MAX;
use crate::{Codec, Format, Hears, LegId, RATE_HZ, Row, Source, Time};

/// Silence of a speaker in which a mix may give way to forwarding.
const QUIET_MS: u32 = 200;
/// The ringing tone: hz, on, off (ETSI TR 101 041-1).
const RINGING: (u16, u16, u16) = (425, 1_000, 4_000);

/// Another phase is worth it where the one who waits longest waits less by so much, in milliseconds.
const WORTH_MS: u32 = 5;
/// Ticks until it is asked again: twice while somebody's packets are new, then now and then.
const WEIGHS_IN: [u64; 3] = [60, 400, 800];

/// Speakers who are heard together by some.
#[derive(Debug, PartialEq)]
pub(super) struct Mix {
    /// Their slots, sorted.
    pub(super) speakers: Vec<usize>,
    /// Their places among the conference's talkers, or of all others where that is less.
    pub(super) terms: Vec<usize>,
    /// The terms are taken off the sum of all.
    pub(super) is_rest: bool,
    /// Who hears it, by format so that each is encoded once.
    pub(super) listeners: Vec<(Format, usize)>,
}

#[derive(Debug)]
pub(super) struct Conference {
    pub(super) id: u64,
    pub(super) generation: Option<u64>,
    pub(super) rows: Vec<Row>,
    pub(super) phase: usize,
    /// The tick from which on it is asked whether another phase is better.
    weighs_at: u64,
    /// How often it has been asked since somebody came.
    weighed: usize,
    /// Ticks by which it has gone on later than every 20 ms, over time.
    pub(super) slipped: u64,
    /// Samples per second of what is mixed: those of the best codec there.
    pub(super) hz: u32,
    /// Slots of all who are in some mix, or recorded.
    pub(super) talkers: Vec<usize>,
    pub(super) mixes: Vec<Mix>,
    /// Slots of listeners who are in none.
    pub(super) others: Vec<usize>,
    /// Some mix may turn into forwarding when its speaker is silent.
    pub(super) may_forward: bool,
    pub(super) recording: Option<Box<Recording>>,
}

impl Conference {
    pub(super) fn new(id: u64, phase: usize) -> Self {
        Self {
            id,
            generation: None,
            rows: Vec::new(),
            phase,
            weighs_at: 0,
            weighed: 0,
            slipped: 0,
            hz: RATE_HZ,
            talkers: Vec::new(),
            mixes: Vec::new(),
            others: Vec::new(),
            may_forward: false,
            recording: None,
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

    /// Lists the talkers and chooses for each mix the shorter way to sum it. Takes no memory where
    /// there are no more of them than before.
    fn weigh(&mut self) {
        self.talkers.clear();
        for mix in self.mixes.iter().filter(|mix| !mix.listeners.is_empty()) {
            self.talkers.extend_from_slice(&mix.speakers);
        }
        if let Some(recording) = &self.recording {
            self.talkers.extend_from_slice(&recording.heard);
        }
        self.talkers.sort_unstable();
        self.talkers.dedup();
        self.may_forward = false;
        for mix in &mut self.mixes {
            mix.is_rest = mix.speakers.len() > 2 && mix.speakers.len() * 2 > self.talkers.len();
            let places = self.talkers.iter().enumerate();
            let chosen = places.filter(|(_, slot)| mix.speakers.contains(slot) != mix.is_rest);
            mix.terms.clear();
            mix.terms.extend(chosen.map(|(place, _)| place));
            mix.listeners.sort_unstable();
            self.may_forward |= mix.speakers.len() == 1 && !mix.listeners.is_empty();
        }
    }
}

impl Engine {
    /// Works out from its rows how a conference is served.
    pub(super) fn arrange(&mut self, now: Time, slot: usize) {
        let Some(mut conference) = self.conferences.get_mut(slot).and_then(Option::take) else {
            return;
        };
        let rows = core::mem::take(&mut conference.rows);
        let before = core::mem::take(&mut conference.mixes);
        let talked = core::mem::take(&mut conference.talkers);
        conference.others.clear();
        for row in &rows {
            let member = self.member(row.leg, conference.id);
            if let Some(leg) = member.and_then(|member| self.leg(member)) {
                leg.ears.clear();
            }
        }
        for row in &rows {
            if let Some(listener) = self.member(row.leg, conference.id) {
                self.resolve(&mut conference, listener, &row.hears, &before);
            }
        }
        for row in &rows {
            self.end_unheard(now, row, conference.id);
        }
        conference.rows = rows;
        conference.others.reserve(conference.rows.len());
        self.note_recorded(&mut conference);
        conference.weigh();
        for talker in &conference.talkers {
            if let Some(leg) = self.leg(*talker) {
                leg.buffer.open();
            }
        }
        for old in talked.iter().filter(|old| !conference.talkers.contains(old)) {
            if let Some(leg) = self.leg(*old) {
                leg.buffer.stop();
                leg.lift.turn();
            }
        }
        if conference.talkers != talked {
            (conference.weighs_at, conference.weighed) = (0, 0);
        }
        if before.is_empty() && !conference.mixes.is_empty() {
            self.choose_phase(&mut conference, slot);
        }
        self.choose_rate(&mut conference);
        let talkers = conference.talkers.len();
        self.frames.resize(self.frames.len().max(talkers), [0; FRAME_MAX]);
        self.conferences[slot] = Some(conference);
    }

    pub(super) fn member(&self, leg: LegId, conference: u64) -> Option<usize> {
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
            Hears::Source(source) => self.source(conference.phase, listener, source),
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
        let format = leg.plan.format();
        let same = match (&leg.feed, &feed) {
            (Feed::Mix(old), Feed::Mix(new)) => {
                before.get(*old).is_some_and(|old| old.speakers == conference.mixes[*new].speakers)
            }
            (old, new) if old.source().is_some() => old.source() == new.source(),
            (old, new) => old == new,
        };
        leg.tune(feed);
        if !same {
            leg.turn();
        }
        match leg.feed {
            Feed::Mix(mix) => conference.mixes[mix].listeners.push((format, listener)),
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
        let was_mixed = match leg.feed {
            Feed::Mix(old) => before.get(old).is_some_and(|mix| mix.speakers.contains(&first)),
            _ => false,
        };
        if speaker.forwards_to(leg) && (!was_mixed || speaker.buffer.quiet_ms() >= QUIET_MS) {
            return Feed::Forward(first);
        }
        Feed::Mix(conference.mix_of(speakers))
    }

    fn source(&mut self, phase: usize, listener: usize, source: &Source) -> Feed {
        let Some(format) = self.leg(listener).map(|leg| leg.plan.format()) else {
            return Feed::Silence;
        };
        let name = match source {
            Source::Ringing | Source::Tone { .. } => {
                return match self.leg(listener) {
                    Some(leg) if leg.feed.source() == Some(source) => leg.feed.clone(),
                    _ => Feed::Tone { source: source.clone(), at: 0 },
                };
            }
            Source::Prompt { sounds, .. } => return self.prompt(listener, source, sounds),
            Source::Music(name) => name,
        };
        let sound = self.sound(name).or_else(|| self.sound(MUSIC)).unwrap_or(0);
        let hz = self.sounds[sound].as_ref().map_or(RATE_HZ, |pcm| pcm.hz);
        let playing = self.leg(listener).and_then(|leg| match &leg.feed {
            Feed::Music { source: old, station } if old == source => Some(*station),
            _ => None,
        });
        // What is replaced under its name goes on for those who hear it.
        let playing = playing.and_then(|station| self.stations.get(station)?.as_ref());
        let sound = playing.map_or(sound, |station| station.sound);
        let station = self.station(sound, format, phase);
        if let Some(leg) = self.leg(listener) {
            leg.coder.prepare(hz);
        }
        Feed::Music { source: source.clone(), station }
    }

    fn prompt(&mut self, listener: usize, source: &Source, names: &[std::sync::Arc<str>]) -> Feed {
        let found: Vec<Option<usize>> = names.iter().map(|name| self.sound(name)).collect();
        let missing = names.iter().zip(&found).find(|(_, sound)| sound.is_none());
        let missing = missing.map(|(name, _)| name.clone());
        let clips: Box<[usize]> = found.into_iter().flatten().collect();
        let rates: Vec<u32> =
            clips.iter().filter_map(|clip| Some(self.sounds[*clip].as_ref()?.hz)).collect();
        let Some(leg) = self.leg(listener) else { return Feed::Silence };
        if leg.feed.source() == Some(source) {
            return leg.feed.clone();
        }
        rates.into_iter().for_each(|hz| leg.coder.prepare(hz));
        Feed::Prompt { source: source.clone(), clips, clip: 0, at: 0, missing }
    }

    /// The sound of a name, unless it has nothing in it.
    fn sound(&self, name: &str) -> Option<usize> {
        let sound = self.sound_by_name.get(name).copied()?;
        let pcm = self.sounds.get(sound)?.as_ref()?;
        (!pcm.samples.is_empty()).then_some(sound)
    }

    /// The rate of the mixes: no codec there loses anything by it.
    fn choose_rate(&mut self, conference: &mut Conference) {
        let talkers = conference.talkers.iter().copied();
        let listeners = conference.mixes.iter().flat_map(|mix| mix.listeners.iter());
        let all = talkers.clone().chain(listeners.map(|(_, slot)| *slot));
        let codecs = all.filter_map(|slot| Some(self.legs.get(slot)?.as_deref()?.plan.codec));
        let hz = codecs.map(Codec::audio_hz).max().unwrap_or(RATE_HZ);
        for talker in talkers {
            let Some(leg) = self.legs.get_mut(talker).and_then(Option::as_deref_mut) else {
                continue;
            };
            for (_, codec) in &leg.plan.payloads_in {
                leg.lift.prepare(codec.audio_hz(), hz);
            }
            if hz != conference.hz {
                leg.lift.turn();
            }
        }
        for (_, listener) in conference.mixes.iter().flat_map(|mix| &mix.listeners) {
            if let Some(leg) = self.legs.get_mut(*listener).and_then(Option::as_deref_mut) {
                leg.coder.prepare(hz);
                // Other filters, with another past and another delay.
                if hz != conference.hz {
                    leg.coder.bend();
                }
            }
        }
        if let Some(recording) = &mut conference.recording {
            recording.prepare(hz);
            if hz != conference.hz {
                recording.turn();
            }
        }
        conference.hz = hz;
    }

    /// How long the talker who waits longest would wait in the phase that begins then, and all of
    /// them together, in milliseconds.
    fn waits(&self, conference: &Conference, begins: Time) -> (u32, u32) {
        let wait = |talker: &usize| self.legs.get(*talker)?.as_deref()?.buffer.wait_ms(begins);
        let waits = || conference.talkers.iter().filter_map(wait);
        (waits().max().unwrap_or(0), waits().sum())
    }

    /// Ticks from `tick`, a turn of the conference, to the best phase to go on in.
    fn best_phase(&self, conference: &Conference, tick: u64) -> (u64, [(u32, u32); PHASES]) {
        let after = [0, 1, 2, 3].map(|more| self.waits(conference, time_of(tick + more)));
        let best = (0..).zip(after).min_by_key(|(more, waits)| (*waits, *more));
        (best.map_or(0, |(more, _)| more), after)
    }

    /// Takes the phase in which the talkers wait least, before anybody is mixed.
    fn choose_phase(&mut self, conference: &mut Conference, slot: usize) {
        let tick = self.next_tick.unwrap_or(0);
        let until = (conference.phase + PHASES - phase_of(tick)) % PHASES;
        let (more, _) = self.best_phase(conference, tick + until as u64);
        if more == 0 {
            return;
        }
        self.move_phase(conference, slot, more);
        // Music is shared by those of one phase.
        for listener in &conference.others {
            let Some(Feed::Music { source, .. }) = self.leg(*listener).map(|l| l.feed.clone())
            else {
                continue;
            };
            let feed = self.source(conference.phase, *listener, &source);
            if let Some(leg) = self.leg(*listener) {
                leg.tune(feed);
            }
        }
    }

    /// Goes on in another phase where somebody would have to wait much less in it: packets of those who
    /// came last were not there yet when it was chosen, and clocks drift. It goes on later, by less than
    /// a frame: earlier would be before what is to be mixed has come. What waits longer by that is left
    /// out in silence only, so silence is waited for. Whether it does.
    pub(super) fn change_phase(
        &mut self,
        tick: u64,
        conference: &mut Conference,
        slot: usize,
    ) -> bool {
        if tick < conference.weighs_at || conference.talkers.is_empty() {
            return false;
        }
        let speaks = |talker: &usize| {
            let leg = self.legs.get(*talker).and_then(Option::as_deref);
            leg.is_some_and(|leg| leg.buffer.quiet_ms() < QUIET_MS)
        };
        if conference.talkers.iter().any(speaks) {
            return false;
        }
        conference.weighs_at = tick + WEIGHS_IN[conference.weighed.min(2)];
        conference.weighed += 1;
        let hears_music = |listener: &usize| {
            let leg = self.legs.get(*listener).and_then(Option::as_deref);
            leg.is_some_and(|leg| matches!(leg.feed, Feed::Music { .. }))
        };
        if conference.others.iter().any(hears_music) {
            return false;
        }
        let (more, waits) = self.best_phase(conference, tick);
        let best = usize::try_from(more).ok().and_then(|more| waits.get(more));
        if best.is_none_or(|best| best.0 + WORTH_MS > waits[0].0) {
            return false;
        }
        self.move_phase(conference, slot, more);
        conference.slipped += more;
        true
    }

    fn move_phase(&mut self, conference: &mut Conference, slot: usize, more: u64) {
        self.phases[conference.phase].retain(|other| *other != slot);
        conference.phase = (conference.phase + usize::try_from(more).unwrap_or(0)) % PHASES;
        self.phases[conference.phase].push(slot);
    }

    /// Mixes of one speaker who has fallen silent give way to forwarding: the mix is behind by its
    /// buffer, and the jump is not heard now.
    pub(super) fn forward_the_quiet(&mut self, conference: &mut Conference) {
        if !conference.may_forward {
            return;
        }
        let mut changed = false;
        for mix in conference.mixes.iter_mut().filter(|mix| !mix.listeners.is_empty()) {
            let &[first] = &mix.speakers[..] else { continue };
            let Some(mut speaker) = self.legs.get_mut(first).and_then(Option::take) else {
                continue;
            };
            if speaker.buffer.quiet_ms() >= QUIET_MS {
                mix.listeners.retain(|(_, listener)| {
                    let leg = self.legs.get_mut(*listener).and_then(Option::as_deref_mut);
                    let Some(leg) = leg.filter(|leg| speaker.forwards_to(leg)) else { return true };
                    leg.feed = Feed::Forward(first);
                    leg.turn();
                    let ears = speaker.ears.iter_mut();
                    ears.filter(|ear| ear.slot == *listener).for_each(|ear| ear.forward = true);
                    conference.others.push(*listener);
                    changed = true;
                    false
                });
            }
            self.legs[first] = Some(speaker);
        }
        if changed {
            conference.weigh();
            self.stop_the_unheard(conference);
        }
    }

    /// Those whom nobody pulls any more.
    fn stop_the_unheard(&mut self, conference: &Conference) {
        for mix in conference.mixes.iter().filter(|mix| mix.listeners.is_empty()) {
            for speaker in mix.speakers.iter().filter(|s| !conference.talkers.contains(s)) {
                if let Some(leg) = self.legs.get_mut(*speaker).and_then(Option::as_deref_mut) {
                    leg.buffer.stop();
                }
            }
        }
    }
}

impl Leg {
    /// Takes a feed. The same music from another station is another encoder's.
    fn tune(&mut self, feed: Feed) {
        if let (Feed::Music { station: old, .. }, Feed::Music { station, .. }) = (&self.feed, &feed)
            && old != station
        {
            self.coder.turn();
        }
        self.feed = feed;
    }

    /// Whether what it says can be sent to this listener as it is.
    fn forwards_to(&self, listener: &Self) -> bool {
        self.plan.codec.forwards_to(listener.plan.codec) && listener.takes(self.longest_ms)
    }
}

/// The tone of a source: hz, on, off.
pub(super) fn tone_of(source: &Source) -> (u16, u16, u16) {
    match source {
        Source::Tone { hz, on_ms, off_ms } => (*hz, *on_ms, *off_ms),
        Source::Ringing | Source::Music(_) | Source::Prompt { .. } => RINGING,
    }
}
