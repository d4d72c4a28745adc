//! Supervisors: whose calls they may watch, whom they coach, how they take over, and who learns of
//! it. That a supervisor never prolongs a call, nor makes talk of waiting, is
//! [`Participant::talks`]'s doing.

use media::Source;
use sip::LegId;

use super::end::Gone;
use crate::act::Asker;
use crate::api::{Problem, Time};
use crate::call::{Call, Cause, Message, Participant, Timer, Watch};
use crate::config::{Name, Notify, Rank};
use crate::event::{Mode, TransferMode};
use crate::id::ParticipantId;
use crate::switch::B2bua;

/// What tells an operator that somebody listens: a tone, for so long.
const BEEP: Source = Source::Tone { hz: 1_400, on_ms: 200, off_ms: 0 };
const BEEP_FOR: Time = Time::from_millis(200);

impl B2bua {
    /// The queues a call belongs to: those of its tasks. A call that never waited in one belongs to
    /// the queues of the operators in it.
    pub(super) fn queues_of(&self, call: &Call) -> Vec<Name> {
        if !call.tasks.is_empty() {
            return call.tasks.iter().map(|task| self.directory.queue_name(task.queue)).collect();
        }
        let theirs = call.participants.iter().filter(|p| !p.supervises());
        let names = theirs.filter_map(|p| p.operator).map(|id| self.directory.operator_name(id));
        let operators = names.filter_map(|name| self.directory.operator(&name));
        operators.flat_map(|operator| operator.queues.iter().cloned()).collect()
    }

    /// Whether an operator of ours may watch a call.
    pub(super) fn may_watch(&self, call: &Call, operator: acd::OperatorId) -> bool {
        let name = self.directory.operator_name(operator);
        let Some(operator) = self.directory.operator(&name) else { return false };
        match operator.rank {
            Rank::Admin => true,
            Rank::Supervisor => {
                self.queues_of(call).iter().any(|queue| operator.supervises.contains(queue))
            }
            Rank::Operator => false,
        }
    }

    /// A call has changed its queue, or the configuration has changed: whoever may not watch it any
    /// more is out. While it belongs to none, everybody stays.
    pub(crate) fn unwatch(&mut self, now: Time, call: &mut Call) {
        if !call.participants.iter().any(Participant::supervises) || self.queues_of(call).is_empty()
        {
            return;
        }
        let watches = call.participants.iter().filter(|p| p.supervises());
        let out = watches.filter(|p| !p.operator.is_some_and(|who| self.may_watch(call, who)));
        for leg in out.map(|p| p.leg).collect::<Vec<_>>() {
            self.drop_leg(now, call, leg, "");
        }
    }

    /// A mode as it was asked for, with whomever it names.
    pub(super) fn watch(
        &self,
        call: &Call,
        by: &Asker,
        mode: Mode,
        to: Option<&Name>,
    ) -> Result<Watch, Problem> {
        let field = "whisper_to";
        let Some(name) = to else { return Ok(Watch { mode, to: None }) };
        if mode != Mode::Whisper {
            let what = "goes with the mode whisper only".to_owned();
            return Err(Problem::Field { field, what });
        }
        let listener = self.find(call, by, name)?;
        if listener.operator.is_none() || listener.supervises() {
            let what = format!("{name} is no operator in this call");
            return Err(Problem::Field { field, what });
        }
        Ok(Watch { mode, to: Some(listener.id) })
    }

    /// Whether there is an operator whose place can be taken.
    pub(super) fn may_intercept(&self, call: &Call) -> Result<(), Problem> {
        if call.transfer.is_some() {
            return Err(Problem::Conflict("the call is being transferred".into()));
        }
        let nobody =
            || Problem::Conflict("no operator takes part whose place could be taken".into());
        call.server().map(|_| ()).ok_or_else(nobody)
    }

    /// A supervisor takes the place of whoever serves, who is out of the call by that. Their leg
    /// stays; nobody else's changes. False where there is nobody whose place they could take.
    pub(super) fn intercept(&mut self, now: Time, call: &mut Call, leg: LegId) -> bool {
        let Some(server) = call.server().filter(|_| call.transfer.is_none()) else { return false };
        let (gone, old, role) = (Gone::of(server), server.leg, server.role);
        let Some(new) = call.participant_mut(leg) else { return false };
        (new.why, new.role) = (gone.why, role);
        let (to, id) = (new.operator, new.id);
        call.follows(gone.id, id);
        if call.wanted.is_some() && call.wanted == gone.operator {
            call.wanted = to;
        }
        self.changes_hands(now, call, &gone, to, TransferMode::Intercept);
        self.drop_leg(now, call, old, "");
        true
    }

    /// Operators learn that somebody supervises, if they are to: once while anybody is there.
    pub(crate) fn make_aware(&mut self, now: Time, call: &mut Call) {
        let beeps = self.directory.config.supervise.notify == Notify::Beep;
        let is_watched = call.participants.iter().any(|p| p.supervises() && p.connected());
        let mut told = Vec::new();
        for p in &mut call.participants {
            if !is_watched {
                p.is_aware = false;
            } else if p.talks() && p.operator.is_some() && !p.is_aware && p.message.is_none() {
                p.is_aware = true;
                if beeps {
                    p.message = Some(Message { source: BEEP, cause: Cause::Watched });
                    told.push(p.id);
                }
            }
        }
        for id in told {
            self.set_timer(call, Timer::Beep(id), Some(now + BEEP_FOR));
        }
    }

    /// The tone is over.
    pub(crate) fn beep_over(call: &mut Call, id: ParticipantId) {
        let told = call.participants.iter_mut().filter(|p| p.id == id);
        for p in told {
            p.message.take_if(|message| matches!(message.cause, Cause::Watched | Cause::Refused));
        }
    }
}
