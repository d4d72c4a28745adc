//! Feature codes that are dialled: an operator's own state, and a supervisor who wants to hear a colleague's
//! call.
//!
//! | dialled | then |
//! | --- | --- |
//! | ready, not ready | chosen; answered with a short tone, and hung up |
//! | monitor, whisper, barge and a number | the phone is in the call that the operator of that number talks in |
//! | the same, not theirs to watch | 403 |
//! | there is no such operator | 404 |
//! | that operator talks in no call | 480 |
//! | the supervisor is in that call | 486 |

use media::Source;
use sip::msg::Message;
use sip::{Flow, Headers, LegId, Peer};

use crate::api::Time;
use crate::call::{Call, LegState, NewLeg, Participant, Timer, Watch, Why};
use crate::codes::Dialled;
use crate::config::{Name, Rank};
use crate::directory::Extension;
use crate::event::{Mode, Role, What};
use crate::id::{CallKey, ParticipantId};
use crate::switch::B2bua;

/// What tells that a state is chosen, for so long.
const CHOSEN: Source = Source::Tone { hz: 880, on_ms: 150, off_ms: 100 };
const CHOSEN_FOR: Time = Time::from_millis(500);

/// A status, with what is to be said of it.
type Refusal = (u16, Headers);

fn refused<T>(flow: Flow, status: u16, why: &str) -> Result<T, Refusal> {
    let warning = format!("399 {} \"{why}\"", flow.local.ip());
    Err((status, vec![("Warning".into(), warning)]))
}

impl B2bua {
    /// An operator's call to a code about themselves; false where it is none.
    pub(super) fn obeys_dialled(&mut self, now: Time, call: &mut Call) -> bool {
        let Some(operator) = call.origin().and_then(|origin| origin.operator) else { return false };
        let choice = match self.directory.config.codes.dialled(&call.to) {
            Some(Dialled::Ready) => acd::Choice::Ready,
            Some(Dialled::NotReady) => acd::Choice::NotReady { reason: None },
            Some(Dialled::Watch(..)) | None => return false,
        };
        self.answer_customer(now, call);
        call.answered = true;
        self.tell(now, call, What::CallAnswered { operator: None });
        if let Some(origin) = call.origin_mut() {
            origin.waits(CHOSEN);
            // Free from now on.
            origin.why = Why::Left;
            let id = origin.id;
            self.set_timer(call, Timer::Leave(id), Some(now + CHOSEN_FOR));
        }
        self.tell_occupied(now, call);
        self.acd.handle(now, acd::Input::Choose { operator, choice });
        true
    }

    /// A supervisor's call to a code about somebody else's; false where it is none.
    pub(super) fn watches_dialled(
        &mut self,
        now: Time,
        leg: LegId,
        peer: &Peer,
        flow: Flow,
        request: &Message,
    ) -> bool {
        let Peer::User(user) = peer else { return false };
        let to = super::arrive::dialled(request);
        let Some(Dialled::Watch(mode, number)) = self.directory.config.codes.dialled(&to) else {
            return false;
        };
        let done = self.to_be_watched(user, flow, &number).and_then(|(key, whose)| {
            let done = self.with_call(key, |switch, call| {
                let to = Some(whose).filter(|_| mode == Mode::Whisper);
                let new = switch.watcher(call, leg, user, flow, request)?;
                call.participants.push(Participant { watch: Watch { mode, to }, ..new });
                switch.state.legs.insert(leg, call.key);
                switch.answer_leg(now, call, leg);
                let operator = Some(user.clone());
                if let Some(participant) = call.participant(leg).map(|p| p.id) {
                    let role = Role::Supervisor;
                    switch.tell(now, call, What::LegAnswered { participant, role, operator });
                }
                switch.comes_in(now, call, leg);
                Ok(())
            });
            done.unwrap_or_else(|| refused(flow, 480, "Nothing to watch"))
        });
        if let Err((status, headers)) = done {
            self.command_sip(now, sip::Command::End { leg, status, headers });
        }
        true
    }

    /// The call that an operator talks in, and who they are in it, if it may be watched.
    fn to_be_watched(
        &self,
        user: &Name,
        flow: Flow,
        number: &str,
    ) -> Result<(CallKey, ParticipantId), Refusal> {
        let watcher = self.directory.operator_id(user);
        let rank = self.directory.operator(user).map(|operator| operator.rank);
        let Some(watcher) = watcher.filter(|_| rank != Some(Rank::Operator)) else {
            return refused(flow, 403, "For supervisors only");
        };
        let Some(Extension::Operator(name)) = self.directory.extension(number) else {
            return refused(flow, 404, "No such operator");
        };
        let whose = self.directory.operator_id(name);
        let found = self.state.calls.values().find_map(|call| {
            let is_theirs = |p: &&Participant| p.operator == whose && p.talks();
            Some((call, call.participants.iter().find(is_theirs)?.id))
        });
        match found {
            None => refused(flow, 480, "Nothing to watch"),
            Some((call, _)) if !self.may_watch(call, watcher) => {
                refused(flow, 403, "Not yours to watch")
            }
            Some((call, _)) if call.operators().contains(&watcher) => {
                refused(flow, 486, "In that call already")
            }
            Some((call, id)) => Ok((call.key, id)),
        }
    }

    /// Who watches, if their offer can be answered on the call's own thread.
    fn watcher(
        &mut self,
        call: &Call,
        leg: LegId,
        user: &Name,
        flow: Flow,
        request: &Message,
    ) -> Result<Participant, Refusal> {
        let lease = self.lease(call.thread_wanted()).ok_or((503, Headers::new()))?;
        let had = call.origin().and_then(|p| p.negotiation.plan()).map(|plan| plan.codec);
        let peer = Peer::User(user.clone());
        let (negotiation, reply) = self.first_answer((leg, lease), &peer, flow, request, had)?;
        Ok(Participant::new(NewLeg {
            id: ParticipantId(self.mint()),
            leg,
            role: Role::Supervisor,
            operator: self.directory.operator_id(user),
            uri: self.own_uri(user).to_string().into(),
            trunk: None,
            why: Why::Asked(self.mint()),
            state: LegState::Invited,
            lease,
            negotiation,
            reply,
        }))
    }
}
