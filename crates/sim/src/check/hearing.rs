//! What everybody hears: by the matrices the media threads get, and by the segments told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use b2bua::event::{Hears as Told, Phase, Role};
use b2bua::{CallKey, ParticipantId};
use media::{Command, Hears, LegId, Row};

use super::told_once;

/// The fold.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    roles: BTreeMap<ParticipantId, Role>,
    held: BTreeSet<ParticipantId>,
    legs: BTreeMap<(u16, u64), MediaLeg>,
    conferences: BTreeMap<u64, Conference>,
}

/// A leg as its media thread knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MediaLeg {
    /// Where its peer says it hears.
    pub(crate) remote: SocketAddr,
    /// Whether the peer may send.
    pub(crate) receive: bool,
    generation: u64,
    seat: Option<u64>,
}

#[derive(Debug)]
struct Conference {
    thread: u16,
    generation: u64,
    rows: Vec<Row>,
}

impl Hearing {
    pub(crate) fn command(&mut self, thread: u16, command: &Command) -> Result<(), String> {
        match command {
            Command::Leg(plan) => {
                let known = self.legs.get(&(thread, plan.leg.0));
                if known.is_some_and(|known| known.generation >= plan.generation) {
                    return Err(format!("an older plan for leg {}", plan.leg.0));
                }
                let leg = MediaLeg {
                    remote: plan.remote_rtp,
                    receive: plan.receive,
                    generation: plan.generation,
                    seat: known.and_then(|known| known.seat),
                };
                self.legs.insert((thread, plan.leg.0), leg);
                Ok(())
            }
            Command::EndLeg(leg) => {
                let known = self.legs.remove(&(thread, leg.0)).is_some();
                told_once(known, "end of media leg", &leg.0)
            }
            Command::Matrix { conference, generation, rows } => {
                self.matrix(thread, *conference, *generation, rows)
            }
            Command::SendDtmf { .. }
            | Command::AddSound { .. }
            | Command::RemoveSound { .. }
            | Command::Record { .. } => Ok(()),
        }
    }

    fn matrix(&mut self, thread: u16, key: u64, number: u64, rows: &[Row]) -> Result<(), String> {
        let old = self.conferences.get(&key);
        if old.is_some_and(|old| old.generation >= number || old.thread != thread) {
            return Err(format!("conference {key}: matrix {number} after {old:?}"));
        }
        for row in rows {
            let Some(leg) = self.legs.get_mut(&(thread, row.leg.0)) else {
                return Err(format!("a matrix names leg {} that is not there", row.leg.0));
            };
            let sits = |seat: &u64| {
                let rows = self.conferences.get(seat).map(|conference| &conference.rows);
                *seat != key && rows.is_some_and(|rows| rows.iter().any(|r| r.leg == row.leg))
            };
            if leg.seat.as_ref().is_some_and(sits) {
                return Err(format!("leg {} sits in two conferences", row.leg.0));
            }
            leg.seat = Some(key);
            let speakers = match &row.hears {
                Hears::Silence => return Err(format!("leg {} hears silence", row.leg.0)),
                Hears::Source(_) => continue,
                Hears::Speakers(speakers) => speakers,
            };
            let [speaker] = speakers.as_slice() else {
                return Err(format!("leg {} hears {speakers:?}", row.leg.0));
            };
            let back = rows.iter().find(|other| other.leg == *speaker).map(|other| &other.hears);
            if back != Some(&Hears::Speakers(vec![row.leg])) {
                return Err(format!("leg {} hears {speaker:?}, who hears {back:?}", row.leg.0));
            }
        }
        let conference = Conference { thread, generation: number, rows: rows.to_vec() };
        self.conferences.insert(key, conference);
        Ok(())
    }

    /// Whoever has been in a conference for longest.
    pub(crate) fn first(&self, call: CallKey) -> Option<LegId> {
        Some(self.conferences.get(&call.0)?.rows.first()?.leg)
    }

    pub(crate) fn joined(&mut self, who: ParticipantId, role: Role) -> Result<(), String> {
        told_once(self.roles.insert(who, role).is_none(), "joining of", &who)
    }

    pub(crate) fn held(&mut self, who: ParticipantId, held: bool) -> Result<(), String> {
        let new = if held { self.held.insert(who) } else { self.held.remove(&who) };
        told_once(new, if held { "hold of" } else { "resuming of" }, &who)
    }

    pub(crate) fn left(&mut self, who: ParticipantId) -> Result<(), String> {
        self.held.remove(&who);
        told_once(self.roles.remove(&who).is_some(), "leaving of", &who)
    }

    /// A segment says what the matrix says, and what the phase allows.
    pub(crate) fn segment(
        &self,
        call: Option<CallKey>,
        phase: Phase,
        participants: &[ParticipantId],
        hears: &Told,
        is_plain: bool,
    ) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{phase:?} {participants:?} {hears:?}: {what}"));
        let Some(call) = call else { return wrong("no call") };
        let rows = self.conferences.get(&call.0).map_or(&[][..], |conference| &conference.rows);
        if rows.len() != participants.len() || hears.len() != rows.len() {
            return wrong("the matrix has other rows");
        }
        let role = |who: &ParticipantId| self.roles.get(who).copied();
        if participants.iter().any(|who| role(who).is_none()) {
            return wrong("somebody has not joined");
        }
        let operators = participants.iter().filter(|w| role(w) == Some(Role::Operator)).count();
        let with_operator = matches!(phase, Phase::Talk | Phase::Hold);
        // Those who are dialled directly may be heard before they answer.
        if is_plain && phase != Phase::Ring && operators != usize::from(with_operator) {
            return wrong("the number of operators does not fit");
        }
        let anybody_holds = participants.iter().any(|who| self.held.contains(who));
        if is_plain && with_operator && anybody_holds != (phase == Phase::Hold) {
            return wrong("hold is told otherwise");
        }
        let people = rows.iter().filter(|row| matches!(row.hears, Hears::Speakers(_))).count();
        let fits = match phase {
            Phase::Wait | Phase::Hold => people == 0,
            Phase::Ring => people == 0 || (people == 2 && operators > 0),
            // One who has handed the call on hears music, one without media yet nothing.
            Phase::Talk if !is_plain => people != 1,
            Phase::Talk => people == if rows.len() > 1 { rows.len() } else { 0 },
        };
        if fits { Ok(()) } else { wrong("the phase does not fit") }
    }

    /// Each leg that has a plan hears something, and nobody hears one who is gone.
    pub(crate) fn turn_over(&mut self) -> Result<(), String> {
        if let Some((leg, _)) = self.legs.iter().find(|(_, leg)| leg.seat.is_none()) {
            return Err(format!("leg {leg:?} has a plan and hears nothing"));
        }
        let legs = &self.legs;
        let there = |c: &Conference, row: &Row| legs.contains_key(&(c.thread, row.leg.0));
        self.conferences.retain(|_, conference| !conference.rows.is_empty());
        for (key, conference) in &self.conferences {
            if let Some(row) = conference.rows.iter().find(|row| !there(conference, row)) {
                return Err(format!("conference {key} still names leg {}", row.leg.0));
            }
        }
        Ok(())
    }

    pub(crate) fn legs(&self) -> &BTreeMap<(u16, u64), MediaLeg> {
        &self.legs
    }

    pub(crate) fn conference(&self, thread: u16, leg: u64) -> Option<CallKey> {
        self.legs.get(&(thread, leg)).and_then(|leg| leg.seat).map(CallKey)
    }

    /// Whether people hear each other there.
    pub(crate) fn is_bridged(&self, call: CallKey) -> bool {
        let rows = self.conferences.get(&call.0).map_or(&[][..], |conference| &conference.rows);
        rows.iter().any(|row| matches!(row.hears, Hears::Speakers(_)))
    }

    pub(crate) fn finish(&self) -> Result<(), String> {
        let left = self.conferences.iter().find(|(_, conference)| !conference.rows.is_empty());
        if let Some((key, _)) = left {
            return Err(format!("conference {key} never ended"));
        }
        match (self.legs.first_key_value(), self.roles.first_key_value()) {
            (None, None) => Ok(()),
            (Some((leg, _)), _) => Err(format!("media leg {leg:?} left open")),
            (_, Some((who, _))) => Err(format!("participant {who} never left")),
        }
    }
}
