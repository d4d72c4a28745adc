//! What is known of each call that lives, so that a recording can say from its beginning whose it is.

use std::collections::BTreeMap;

use b2bua::config::Name;
use b2bua::event::Kind;
use b2bua::{Event, ParticipantId, What};

use super::sidecar::{Party, Segment, Sidecar};

/// A call that lives.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) kind: Kind,
    pub(super) from: Name,
    pub(super) to: Name,
    pub(super) participants: BTreeMap<ParticipantId, Party>,
    pub(super) segment: Option<Segment>,
    /// Its recording, once it has one: where frames for it go.
    pub(super) recording: Option<u64>,
    /// One that was stopped, and may go on.
    pub(super) stopped: Option<Box<Stopped>>,
}

/// What it takes to go on with a recording.
#[derive(Debug)]
pub(super) struct Stopped {
    pub(super) sidecar: Sidecar,
    /// Octets of samples in its file.
    pub(super) stored: u64,
    /// The number of its first frame.
    pub(super) first: Option<u64>,
}

impl Notes {
    /// Of a call that begins.
    pub(super) fn new(kind: Kind, from: &Name, to: &Name) -> Self {
        Self {
            kind,
            from: from.clone(),
            to: to.clone(),
            participants: BTreeMap::new(),
            segment: None,
            recording: None,
            stopped: None,
        }
    }

    /// Folds an event; whether it is one that a sidecar tells of.
    pub(super) fn observe(&mut self, event: &Event) -> bool {
        match &event.what {
            What::ParticipantJoined { participant, role, operator, uri, .. } => {
                let (operator, uri) = (operator.clone(), uri.clone());
                let party = Party { role: *role, operator, uri, joined: event.at, left: None };
                self.participants.insert(*participant, party);
            }
            What::ParticipantLeft { participant } => {
                if let Some(party) = self.participants.get_mut(participant) {
                    party.left = Some(event.at);
                }
            }
            What::CallSegment { phase, participants, hears } => {
                self.segment = Some(Segment {
                    at_s: 0.0,
                    start: event.at,
                    phase: *phase,
                    participants: participants.clone(),
                    hears: hears.clone(),
                });
            }
            _ => return false,
        }
        true
    }

    /// Copies what is new into a sidecar.
    pub(super) fn tell(&self, sidecar: &mut Sidecar) {
        for (id, party) in &self.participants {
            // Whoever left before it began is none of its people.
            if party.left.is_none_or(|left| left >= sidecar.started) {
                sidecar.participants.insert(*id, party.clone());
            }
        }
        let Some(segment) = &self.segment else { return };
        let start = segment.start.max(sidecar.started);
        let at_s = sidecar.at_s(start);
        let segment = Segment { start, at_s, ..segment.clone() };
        match sidecar.segments.last_mut() {
            Some(last) if last.start == start => *last = segment,
            _ => sidecar.segments.push(segment),
        }
    }
}
