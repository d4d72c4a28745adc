//! What operators see where they are not to learn that somebody supervises (`notify = "none"`): a
//! call without its supervisors, and the events of such a call. Supervisors and admins see all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use b2bua::event::{Hears, Mode, Phase, Role};
use b2bua::{CallKey, Event, ParticipantId, SharedEvent, What};

/// What an operator is told in place of an event.
#[derive(Debug, Clone)]
pub(crate) enum Veil {
    /// The event itself.
    Open,
    /// Nothing.
    Hidden,
    /// This.
    Instead(SharedEvent),
}

/// Who supervises, and what operators were told last of each call that is supervised.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    supervisors: BTreeSet<ParticipantId>,
    told: BTreeMap<CallKey, (Phase, Vec<ParticipantId>, Hears)>,
}

impl Watched {
    /// Takes an event in, and says what an operator may know of it.
    pub(crate) fn veil(&mut self, event: &Event) -> Veil {
        match &event.what {
            What::LegRinging { role: Role::Supervisor, .. }
            | What::LegAnswered { role: Role::Supervisor, .. }
            | What::LegFailed { role: Role::Supervisor, .. }
            | What::LegEnded { role: Role::Supervisor, .. } => Veil::Hidden,
            What::LegQuality(quality) if quality.role == Role::Supervisor => Veil::Hidden,
            What::ParticipantJoined { participant, role: Role::Supervisor, .. } => {
                self.supervisors.insert(*participant);
                Veil::Hidden
            }
            What::ParticipantLeft { participant } => match self.supervisors.remove(participant) {
                true => Veil::Hidden,
                false => Veil::Open,
            },
            What::ParticipantMode { participant, mode: Mode::Intercept, .. } => {
                self.supervisors.remove(participant);
                Veil::Open
            }
            What::ParticipantMode { participant, .. }
            | What::ParticipantHeld { participant, .. }
            | What::ParticipantResumed { participant, .. }
            | What::ParticipantMuted { participant }
            | What::ParticipantUnmuted { participant }
            | What::DtmfReceived { participant, .. }
            | What::PlayFinished { participant, .. } => {
                match self.supervisors.contains(participant) {
                    true => Veil::Hidden,
                    false => Veil::Open,
                }
            }
            What::CallSegment { phase, participants, hears } => {
                self.segment(event, *phase, participants, hears)
            }
            What::CallEnded { .. } => {
                event.call.and_then(|call| self.told.remove(&call));
                Veil::Open
            }
            _ => Veil::Open,
        }
    }

    fn segment(
        &mut self,
        event: &Event,
        phase: Phase,
        participants: &[ParticipantId],
        hears: &Hears,
    ) -> Veil {
        let Some(call) = event.call else { return Veil::Open };
        let hidden = |who: &ParticipantId| self.supervisors.contains(who);
        let (participants, hears) = without(participants, hears, hidden);
        let now = (phase, participants, hears);
        let before = self.told.insert(call, now.clone());
        if before.as_ref() == Some(&now) {
            return Veil::Hidden;
        }
        let (phase, participants, hears) = now;
        let what = What::CallSegment { phase, participants, hears };
        if what == event.what {
            return Veil::Open;
        }
        Veil::Instead(Arc::new(Event { what, ..event.clone() }))
    }
}

/// Who takes part and what they hear, without some of them.
pub(crate) fn without(
    participants: &[ParticipantId],
    hears: &Hears,
    hidden: impl Fn(&ParticipantId) -> bool,
) -> (Vec<ParticipantId>, Hears) {
    if !participants.iter().any(&hidden) {
        return (participants.to_vec(), hears.clone());
    }
    let left = participants.iter().filter(|who| !hidden(who)).copied().collect();
    let is_hidden = |heard: &String| heard.parse().is_ok_and(|who: ParticipantId| hidden(&who));
    let heard = |all: &Vec<String>| {
        let left: Vec<String> = all.iter().filter(|heard| !is_hidden(heard)).cloned().collect();
        if left.is_empty() { vec!["silence".to_owned()] } else { left }
    };
    let listeners = hears.iter().filter(|(who, _)| !hidden(who));
    (left, Arc::new(listeners.map(|(who, all)| (*who, heard(all))).collect()))
}
