//! Something is played to some of a call, by order. Whoever hears it hears nothing else meanwhile and is
//! heard as before; nobody else hears it. It is over
//!
//! | when | `play.finished` says |
//! | --- | --- |
//! | it was heard to its end | `played` |
//! | a sound of it was deleted just before | `failed`: the rest was heard |
//! | its listener leaves, for another call too | `interrupted`: `left` |
//! | its listener is put on hold, taken off it, connected, or waits again | `interrupted`: `held`, … |
//! | something else is played to its listener | `interrupted`: `replaced` |
//!
//! So one who waits hears an operator from the first word on, and one who is put on hold what was chosen
//! for that. A tone that tells of a supervisor waits for its turn.

use sip::LegId;

use crate::act::{Asker, Listeners};
use crate::api::{Problem, Reply, Time};
use crate::call::{Call, Cause, LegState, Message, Participant, Seat, Stand, Why};
use crate::config::Name;
use crate::event::{Played, Role, What};
use crate::id::{ParticipantId, PlayKey};
use crate::sound::Audio;
use crate::switch::B2bua;

impl B2bua {
    /// Who is to hear something. An operator knows no supervisors.
    pub(super) fn listeners(
        &self,
        call: &Call,
        by: &Asker,
        to: &Listeners,
    ) -> Result<Vec<ParticipantId>, Problem> {
        let hears =
            |p: &Participant| p.planned.is_some() && p.state == LegState::Up && p.why != Why::Left;
        let is_meant = |p: &Participant| match to {
            Listeners::Everybody => !p.supervises(),
            Listeners::Having(Role::Supervisor) => {
                p.supervises() && !matches!(by, Asker::Operator(_))
            }
            Listeners::Having(role) => p.role == *role,
            Listeners::Named(_) => false,
        };
        let found: Vec<ParticipantId> = match to {
            Listeners::Named(name) => {
                let found = self.find(call, by, name)?;
                Some(found).filter(|p| hears(p)).map(|p| p.id).into_iter().collect()
            }
            _ => {
                let all = call.participants.iter().filter(|p| is_meant(p) && hears(p));
                all.map(|p| p.id).collect()
            }
        };
        match found.is_empty() {
            true => Err(Problem::Conflict("there is nobody who could hear it".into())),
            false => Ok(found),
        }
    }

    /// Plays to all of these.
    pub(super) fn play(
        &mut self,
        now: Time,
        call: &mut Call,
        listeners: Vec<ParticipantId>,
        audio: &Audio,
    ) -> Result<Reply, Problem> {
        if matches!(audio, Audio::Music(_)) {
            return Err(Problem::Field { field: "prompt", what: "music does not end".into() });
        }
        let source = self.source(now, audio, Some(call)).map_err(|p| p.of(audio.field()))?;
        let play = PlayKey(self.mint());
        let mut before = Vec::new();
        for p in call.participants.iter_mut().filter(|p| listeners.contains(&p.id)) {
            let cause = Cause::Order(play, p.stand());
            let old = p.message.replace(Message { source: source.clone(), cause });
            // Of who supervises they are to learn all the same.
            p.is_aware &= old.as_ref().is_none_or(|old| old.cause != Cause::Watched);
            before.push((p.id, old));
        }
        for (id, message) in before {
            self.cut_short(now, call, id, message);
        }
        Ok(Reply::Playing { play, participants: listeners })
    }

    /// A leg has heard a prompt to its end.
    pub(super) fn heard_out(&mut self, now: Time, leg: LegId, play: u64, missing: Option<&Name>) {
        self.with_leg(leg, |switch, call| {
            let music = switch.music(call);
            let Some(p) = call.participant_mut(leg) else { return };
            let is_it = |message: &mut Message| message.source.play() == play;
            if let Some(Message { cause, .. }) = p.message.take_if(is_it) {
                let Cause::Order(play, _) = cause else { return };
                let result = if missing.is_some() { Played::Failed } else { Played::Played };
                let cause = missing.map(|name| format!("no such sound: {name}").into());
                let over = What::PlayFinished { play, participant: p.id, result, cause };
                return switch.tell(now, call, over);
            }
            if matches!(&p.seat, Seat::Briefed(source) if source.play() == play) {
                if switch.is_calling_back(call) {
                    return switch.thinks_about_it(now, call, leg);
                }
                return switch.connect(now, call, leg);
            }
            if matches!(&p.seat, Seat::Waiting(source) if source.play() == play) {
                if p.asked {
                    return switch.ask_outside(now, call, leg);
                }
                return switch.attended(now, call);
            }
            // What is said on hold is said once: silence would sound as if the call were gone.
            if p.hold.as_ref().is_some_and(|source| source.play() == play) {
                p.hold = Some(music);
            }
        });
    }

    /// Something else is heard in place of what was told.
    pub(super) fn cut_short(
        &mut self,
        now: Time,
        call: &Call,
        id: ParticipantId,
        message: Option<Message>,
    ) {
        if let Some(Cause::Order(play, _)) = message.map(|message| message.cause) {
            self.tell(now, call, interrupted(play, id, "replaced"));
        }
    }

    /// A participant leaves the call: with what they hear.
    pub(super) fn play_left(&mut self, now: Time, call: &Call, p: &Participant) {
        if let Some(Cause::Order(play, _)) = p.message.as_ref().map(|message| message.cause) {
            self.tell(now, call, interrupted(play, p.id, "left"));
        }
    }

    /// Those whose stand has changed in this turn hear what goes with that.
    pub(super) fn interrupt_plays(&mut self, now: Time, call: &mut Call) {
        let mut over = Vec::new();
        for p in &mut call.participants {
            let waits = p.stand() == Stand::Waiting;
            p.message.take_if(|message| message.cause == Cause::Waits && !waits);
            let Some(Cause::Order(play, before)) = p.message.as_ref().map(|m| m.cause) else {
                continue;
            };
            if let Some(cause) = change(before, p.stand()) {
                p.message = None;
                over.push(interrupted(play, p.id, cause));
            }
        }
        for what in over {
            self.tell(now, call, what);
        }
    }
}

fn interrupted(play: PlayKey, participant: ParticipantId, cause: &str) -> What {
    What::PlayFinished { play, participant, result: Played::Interrupted, cause: Some(cause.into()) }
}

/// What has become of somebody, in the word of the event; none where nothing has.
fn change(before: Stand, now: Stand) -> Option<&'static str> {
    match (before, now) {
        (Stand::Waiting, Stand::Waiting)
        | (Stand::Held, Stand::Held)
        | (Stand::Connected, Stand::Connected) => None,
        (_, Stand::Waiting) => Some("waiting"),
        (_, Stand::Held) => Some("held"),
        (Stand::Held, Stand::Connected) => Some("resumed"),
        (Stand::Waiting, Stand::Connected) => Some("connected"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_play_is_over_when_its_listener_stands_otherwise() {
        let all = [Stand::Waiting, Stand::Held, Stand::Connected];
        let told = all.map(|before| all.map(|now| change(before, now).unwrap_or("-")));
        let expected =
            [["-", "held", "connected"], ["waiting", "-", "resumed"], ["waiting", "held", "-"]];
        assert_eq!(told, expected);
    }
}
