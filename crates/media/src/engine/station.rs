//! Music as many hear it together: each sound is played and encoded once for all who hear it in
//! one format in one phase.

use super::coder::{Coder, Payload};
use super::leg::Feed;
use super::types::Pcm;
use super::{Engine, PHASES};
use crate::codec::FRAME_MAX;
use crate::{FRAME_MS, Format};

/// One sound in one format in one phase.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) sound: usize,
    pub(super) format: Format,
    pub(super) phase: usize,
    coder: Coder,
    /// The tick of the frame below.
    tick: Option<u64>,
    pcm: [i16; FRAME_MAX],
    payload: Payload,
}

impl Station {
    /// Plays on to this tick.
    fn tune(&mut self, tick: u64, sound: &Pcm) {
        if self.tick.replace(tick) == Some(tick) {
            return;
        }
        // Everybody joins the music where it is: its place is a function of time.
        let length = sound.samples.len().max(1) as u64;
        let step = u64::from(sound.hz * FRAME_MS / 1_000);
        let begin = (tick / PHASES as u64).wrapping_mul(step) % length;
        let mut place = usize::try_from(begin).unwrap_or(0);
        let mut rest = &mut self.pcm[..sound.frame()];
        while !rest.is_empty() {
            let count = sound.samples.read(place, rest);
            if count == 0 {
                rest.fill(0);
                break;
            }
            (place, rest) = (0, &mut rest[count..]);
        }
        self.payload = self.coder.encode(sound.hz, &self.pcm[..sound.frame()]);
    }
}

impl Pcm {
    /// Samples in 20 ms.
    pub(super) fn frame(&self) -> usize {
        (self.hz / 1_000 * FRAME_MS) as usize
    }
}

impl Engine {
    /// The station for a sound; a new one where there is none yet.
    pub(super) fn station(&mut self, sound: usize, format: Format, phase: usize) -> usize {
        let wanted = |s: &Station| s.sound == sound && s.format == format && s.phase == phase;
        let found = self.stations.iter().position(|s| s.as_deref().is_some_and(wanted));
        if let Some(found) = found {
            return found;
        }
        self.sweep();
        let mut coder = Coder::new(format);
        coder.prepare(self.sounds[sound].as_ref().map_or(crate::RATE_HZ, |pcm| pcm.hz));
        let station = Some(Box::new(Station {
            sound,
            format,
            phase,
            coder,
            tick: None,
            pcm: [0; FRAME_MAX],
            payload: Payload::empty(),
        }));
        let free = self.stations.iter().position(Option::is_none);
        match free {
            Some(free) => {
                self.stations[free] = station;
                free
            }
            None => {
                self.stations.push(station);
                self.stations.len() - 1
            }
        }
    }

    /// Frees stations that nobody hears and sounds that nobody can hear any more.
    pub(super) fn sweep(&mut self) {
        let mut tuned = vec![false; self.stations.len()];
        let mut played = vec![false; self.sounds.len()];
        for leg in self.legs.iter().flatten() {
            match &leg.feed {
                Feed::Music { station, .. } => tuned[*station] = true,
                Feed::Prompt { clips, .. } => clips.iter().for_each(|clip| played[*clip] = true),
                _ => {}
            }
        }
        for (station, tuned) in self.stations.iter_mut().zip(tuned) {
            if !tuned {
                *station = None;
            }
        }
        let stations = self.stations.iter().flatten().map(|station| station.sound);
        for sound in stations.chain(self.sound_by_name.values().copied()) {
            played[sound] = true;
        }
        for (sound, played) in self.sounds.iter_mut().zip(played) {
            if !played {
                *sound = None;
            }
        }
    }

    /// What a station plays in this tick, for a leg.
    pub(super) fn hear_station(&mut self, tick: u64, station: usize, coder: &mut Coder) -> Payload {
        let Some(station) = self.stations.get_mut(station).and_then(Option::as_deref_mut) else {
            return coder.silence();
        };
        let Some(sound) = self.sounds.get(station.sound).and_then(Option::as_ref) else {
            return coder.silence();
        };
        station.tune(tick, sound);
        if coder.is_apart() {
            coder.encode(sound.hz, &station.pcm[..sound.frame()])
        } else {
            coder.follow(&station.coder);
            station.payload
        }
    }
}
