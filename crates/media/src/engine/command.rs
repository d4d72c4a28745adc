//! What the core asks for.

use std::sync::Arc;

use super::Engine;
use super::conference::Conference;
use super::leg::{Guard, Leg};
use super::types::{Command, Event, Pcm};
use crate::{LegId, Plan, Row, Time};

impl Engine {
    pub(super) fn command(&mut self, now: Time, command: Command) {
        match command {
            Command::Leg(plan) => self.plan(now, plan),
            Command::Matrix { conference, generation, rows } => {
                self.matrix(now, conference, generation, rows);
            }
            Command::EndLeg(leg) => self.end_leg(now, leg),
            Command::SendDtmf { leg, digits, duration_ms } => {
                let slot = self.by_id.get(&leg).copied();
                if let Some(leg) = slot.and_then(|slot| self.leg(slot)) {
                    leg.digits.push(&digits, duration_ms);
                }
            }
            Command::Keys { leg, guarded } => {
                let slot = self.by_id.get(&leg).copied();
                if let Some(leg) = slot.and_then(|slot| self.leg(slot)) {
                    leg.guard = Guard::new(guarded);
                }
            }
            Command::AddSound { name, sound } => self.add_sound(name, sound),
            Command::RemoveSound { name } => {
                self.sound_by_name.remove(&name);
                self.sweep();
            }
            Command::Record { conference, tap } => self.record(now, conference, tap),
        }
    }

    /// Those who hear an older sound of this name go on with it.
    pub(super) fn add_sound(&mut self, name: Arc<str>, pcm: Pcm) {
        self.sound_by_name.remove(&name);
        self.sweep();
        let free = self.sounds.iter().position(Option::is_none).unwrap_or(self.sounds.len());
        self.sounds.resize_with(self.sounds.len().max(free + 1), || None);
        self.sounds[free] = Some(pcm);
        self.sound_by_name.insert(name, free);
    }

    fn plan(&mut self, now: Time, plan: Plan) {
        let Some(slot) = self.by_id.get(&plan.leg).copied() else {
            return self.begin_leg(now, plan);
        };
        let Some(leg) = self.leg(slot).filter(|leg| leg.plan.generation < plan.generation) else {
            return;
        };
        let opened = leg.latch.expect(plan.remote_rtp, plan.signalling);
        if opened {
            leg.control.moved();
        }
        let id = plan.leg;
        if plan.receive && !leg.plan.receive {
            leg.last_in = now;
        }
        let may_be_silent = !plan.receive && core::mem::take(&mut leg.is_dead);
        leg.replan(plan);
        let conference = leg.conference;
        if opened {
            self.outbox.event(Event::Unlatched { leg: id });
        }
        if may_be_silent {
            self.outbox.event(Event::AudioBack { leg: id });
        }
        self.arrange_by_id(now, conference);
    }

    fn begin_leg(&mut self, now: Time, plan: Plan) {
        let half = usize::from(plan.port >> 1);
        if self.by_id.len() >= self.settings.legs_max || self.by_port[half] != 0 {
            self.counters.overflowed += 1;
            self.outbox.event(Event::Refused { leg: plan.leg });
            return;
        }
        let id = plan.leg;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.legs.push(None);
            self.legs.len() - 1
        });
        self.legs[slot] = Some(Box::new(Leg::new(plan, now, self.settings.since_1900)));
        self.by_port[half] = u32::try_from(slot + 1).unwrap_or(0);
        self.by_id.insert(id, slot);
        self.counters.legs = self.by_id.len() as u64;
        self.outbox.reserve(self.by_id.len());
        self.pressing.reserve(self.by_id.len());
        // Its row may have come before it.
        let home = self.unplaced.remove(&id);
        if let Some(leg) = self.leg(slot) {
            leg.conference = home;
        }
        self.arrange_by_id(now, home);
    }

    fn end_leg(&mut self, now: Time, id: LegId) {
        let Some(slot) = self.by_id.remove(&id) else { return };
        let Some(mut leg) = self.legs[slot].take() else { return };
        leg.report(now, true, &mut self.outbox, &mut self.counters);
        self.outbox.event(Event::Ended { leg: id });
        self.counters.lost += leg.statistics.lost();
        self.counters.legs = self.by_id.len() as u64;
        self.by_port[usize::from(leg.plan.port >> 1)] = 0;
        self.pressing.retain(|other| *other != slot);
        self.arrange_by_id(now, leg.conference);
        self.free.push(slot);
    }

    fn matrix(&mut self, now: Time, id: u64, generation: u64, rows: Vec<Row>) {
        let slot = match self.conference_by_id.get(&id) {
            Some(slot) => *slot,
            None if rows.is_empty() => return,
            None => self.begin_conference(id),
        };
        let Some(conference) = self.conferences[slot].as_deref_mut() else { return };
        if conference.generation.is_some_and(|known| known >= generation) {
            return;
        }
        conference.generation = Some(generation);
        let old = core::mem::replace(&mut conference.rows, rows);
        // Whoever left falls silent, whoever came leaves where they were.
        let mut left = Vec::new();
        for row in &conference.rows {
            let Some(leg) = self.by_id.get(&row.leg).and_then(|slot| self.legs[*slot].as_mut())
            else {
                self.unplaced.insert(row.leg, id);
                continue;
            };
            left.extend(leg.conference.replace(id).filter(|other| *other != id));
        }
        let ended = conference.rows.is_empty();
        for row in old.iter().filter(|row| conference.rows.iter().all(|r| r.leg != row.leg)) {
            let Some(leg) = self.by_id.get(&row.leg).and_then(|slot| self.legs[*slot].as_mut())
            else {
                if self.unplaced.get(&row.leg) == Some(&id) {
                    self.unplaced.remove(&row.leg);
                }
                continue;
            };
            if leg.conference == Some(id) {
                leg.conference = None;
                leg.end_event(now, &mut self.outbox, &mut self.counters);
                leg.silence();
            }
        }
        for other in left {
            self.arrange_by_id(now, Some(other));
        }
        self.arrange(now, slot);
        if ended {
            self.end_conference(slot, id);
        }
    }

    pub(super) fn begin_conference(&mut self, id: u64) -> usize {
        // The phase with least to do.
        let phase = (0..self.phases.len()).min_by_key(|p| self.phases[*p].len()).unwrap_or(0);
        let conference = Some(Box::new(Conference::new(id, phase)));
        let slot = self.free_conferences.pop().unwrap_or_else(|| {
            self.conferences.push(None);
            self.conferences.len() - 1
        });
        self.conferences[slot] = conference;
        self.phases[phase].push(slot);
        // All could come to be in one.
        let count = self.conferences.len();
        for slots in &mut self.phases {
            slots.reserve(count - slots.len());
        }
        self.conference_by_id.insert(id, slot);
        self.counters.conferences = self.conference_by_id.len() as u64;
        slot
    }

    pub(super) fn end_conference(&mut self, slot: usize, id: u64) {
        if let Some(conference) = self.conferences[slot].take() {
            self.phases[conference.phase].retain(|other| *other != slot);
            self.free_conferences.push(slot);
        }
        self.conference_by_id.remove(&id);
        self.counters.conferences = self.conference_by_id.len() as u64;
    }

    pub(super) fn arrange_by_id(&mut self, now: Time, id: Option<u64>) {
        let slot = id.and_then(|id| self.conference_by_id.get(&id).copied());
        if let Some(slot) = slot {
            self.arrange(now, slot);
        }
    }
}
