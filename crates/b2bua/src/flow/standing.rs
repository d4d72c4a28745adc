//! Hold, mute and modes: what changes about somebody who takes part. Orders and phones change the
//! participant; what is told of it, and what everybody hears then, is worked out once per turn.

use media::Source;

use crate::act::{Asker, Change};
use crate::api::{Problem, Time};
use crate::call::{Call, LegState, Participant, Seat, Told, Watch};
use crate::event::{HeldBy, Mode, What};
use crate::id::ParticipantId;
use crate::switch::B2bua;

impl B2bua {
    /// Changes somebody by order: everything that was asked for, or nothing.
    pub(super) fn change(
        &mut self,
        now: Time,
        call: &mut Call,
        by: &Asker,
        who: ParticipantId,
        change: &Change,
    ) -> Result<(), Problem> {
        let hold = self.hold_wanted(now, call, who, change)?;
        let watch = self.watch_wanted(call, by, who, change)?;
        let Some(participant) = call.participants.iter_mut().find(|p| p.id == who) else {
            return Ok(());
        };
        let is_inside = participant.state == LegState::Up && participant.seat == Seat::Connected;
        if !is_inside && (hold.is_some() || change.muted.is_some()) {
            return Err(Problem::Conflict("they do not take part yet, or no more".into()));
        }
        let leg = participant.leg;
        if let Some(hold) = hold {
            participant.hold = hold;
        }
        participant.muted = change.muted.unwrap_or(participant.muted);
        participant.watch = watch.unwrap_or(participant.watch);
        // Silence so far was no sign of anything.
        participant.silent_since = participant.silent_since.map(|_| now);
        let takes_over = participant.supervises() && participant.watch.mode == Mode::Intercept;
        if is_inside && takes_over {
            self.intercept(now, call, leg);
        }
        self.judge_silence(now, call, who);
        Ok(())
    }

    /// What is heard on hold from now on, or that the hold is over.
    fn hold_wanted(
        &mut self,
        now: Time,
        call: &Call,
        who: ParticipantId,
        change: &Change,
    ) -> Result<Option<Option<Source>>, Problem> {
        let field = "hold_audio";
        let participant = call.participants.iter().find(|p| p.id == who);
        let is_held = participant.is_some_and(|p| p.hold.is_some());
        match (change.hold, &change.hold_audio) {
            (None, None) => Ok(None),
            (Some(false), None) => Ok(Some(None)),
            (Some(true), None) => Ok(Some(Some(self.music(call)))),
            (None, Some(_)) if !is_held => {
                let what = "they are not on hold by order; goes with `hold`: true".into();
                Err(Problem::Field { field, what })
            }
            (Some(false), Some(_)) => {
                Err(Problem::Field { field, what: "goes with being on hold".into() })
            }
            (Some(true) | None, Some(audio)) => {
                let source = self.source(now, audio, Some(call));
                source.map(|source| Some(Some(source))).map_err(|problem| problem.of(field))
            }
        }
    }

    fn watch_wanted(
        &self,
        call: &Call,
        by: &Asker,
        who: ParticipantId,
        change: &Change,
    ) -> Result<Option<Watch>, Problem> {
        let participant = call.participants.iter().find(|p| p.id == who);
        let Some(watching) = participant.filter(|p| p.supervises()) else {
            return match (change.mode, &change.whisper_to) {
                (None, None) => Ok(None),
                _ => Err(Problem::Conflict("only a supervisor has a mode".into())),
            };
        };
        let watch = match (change.mode, &change.whisper_to) {
            (None, None) => return Ok(None),
            (None, to) => self.watch(call, by, watching.watch.mode, to.as_ref())?,
            (Some(mode), to) => self.watch(call, by, mode, to.as_ref())?,
        };
        if watch.mode == Mode::Intercept {
            self.may_intercept(call)?;
        }
        Ok(Some(watch))
    }

    /// What the phones and the orders of this turn have changed, as events.
    pub(crate) fn tell_standings(&mut self, now: Time, call: &mut Call) {
        self.tell_phone_holds(now, call);
        let mut told = Vec::new();
        for p in call.participants.iter_mut().filter(|p| p.joined) {
            let (hold, apart, muted) = (p.hold.clone(), p.apart, p.muted);
            let is = Told { hold, apart, muted, watch: p.watch };
            if is != p.told {
                let before = core::mem::replace(&mut p.told, is);
                told.push((p.id, before));
            }
        }
        for (id, before) in told {
            let Some(p) = call.participants.iter().find(|p| p.id == id) else { continue };
            for what in changes(p, &before) {
                self.tell(now, call, what);
            }
        }
    }

    fn tell_phone_holds(&mut self, now: Time, call: &mut Call) {
        let mut told = Vec::new();
        // Before its answer a callee may well send only: an announcement does not listen.
        let up = |p: &&mut Participant| p.planned.is_some() && p.state == LegState::Up;
        for p in call.participants.iter_mut().filter(up) {
            let held = p.negotiation.held_by_peer();
            if held != p.held {
                p.held = held;
                // Silence on hold is no sign of anything; it counts from the resume.
                p.silent_since = p.silent_since.map(|_| now);
                told.push((p.id, held));
            }
        }
        for (participant, held) in told {
            let by = HeldBy::Phone;
            self.tell(
                now,
                call,
                match held {
                    true => What::ParticipantHeld { participant, by, audio: None },
                    false => What::ParticipantResumed { participant, by },
                },
            );
            self.judge_silence(now, call, participant);
        }
    }
}

/// What events say of a participant who was `before`.
fn changes(p: &Participant, before: &Told) -> Vec<What> {
    let (participant, by) = (p.id, HeldBy::Order);
    let mut told = Vec::new();
    let heard = |hold: &Option<Source>| hold.as_ref().map(super::conference::shown);
    if heard(&p.hold) != heard(&before.hold) {
        told.push(match heard(&p.hold) {
            Some(audio) => What::ParticipantHeld { participant, by, audio: Some(audio.into()) },
            None => What::ParticipantResumed { participant, by },
        });
    }
    if p.apart != before.apart {
        let by = HeldBy::Help;
        told.push(match p.apart {
            true => What::ParticipantHeld { participant, by, audio: None },
            false => What::ParticipantResumed { participant, by },
        });
    }
    if p.muted != before.muted {
        told.push(match p.muted {
            true => What::ParticipantMuted { participant },
            false => What::ParticipantUnmuted { participant },
        });
    }
    if p.watch != before.watch {
        let Watch { mode, to } = p.watch;
        told.push(What::ParticipantMode { participant, mode, whisper_to: to });
    }
    told
}
