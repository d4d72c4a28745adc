//! Early media: what a callee says before it answers (RFC 3960).
//!
//! Whoever was dialled directly is heard by the caller from its first SDP on, and hears the caller: an
//! announcement, a ringing tone of its own, a menu that wants to be spoken to. Of several early
//! dialogs or phones the one that spoke last is bridged; who answers is, in the end. The caller gets
//! our answer once, in a 183. The call is not answered by all that: it rings.
//!
//! A queue's caller keeps the music, whatever an operator's phone plays. A caller whose INVITE
//! brought no offer can be let in only by `100rel`, with our offer in the 183 and the answer in its
//! PRACK; else the callee is heard from its answer on.

use media::Source;
use sip::LegId;

use crate::api::Time;
use crate::call::{Call, LegState, Participant, Seat, Why};
use crate::switch::B2bua;

impl B2bua {
    /// A callee has said something provisional, and perhaps where it speaks from.
    pub(crate) fn leg_progressed(&mut self, now: Time, call: &mut Call, leg: LegId, answer: &[u8]) {
        let is_first = call.participant(leg).is_some_and(|p| p.state == LegState::Calling);
        self.leg_rings(now, call, leg);
        let is_dialled =
            call.participant(leg).is_some_and(|p| matches!(p.why, Why::Dialled | Why::CalledBack));
        if answer.is_empty() {
            if is_first && is_dialled {
                self.customer_rings(now, call);
            }
            return;
        }
        let signalling = self.endpoint.leg_flow(leg).map(|flow| self.signalling(leg, flow));
        let Some(participant) = call.participant_mut(leg) else { return };
        if let Some(signalling) = signalling {
            participant.negotiation.signalled_from(signalling);
        }
        // What cannot be used yet is judged with the answer.
        let is_usable = participant.negotiation.on_answer(answer).is_ok();
        if is_usable && is_dialled {
            self.let_in_early(now, call, leg);
        }
    }

    /// Bridges a callee who has not answered with the caller.
    fn let_in_early(&mut self, now: Time, call: &mut Call, leg: LegId) {
        let Some(at) = call.participants.iter().position(|p| p.leg == leg) else { return };
        let calls_back = call.participants[at].why == Why::CalledBack;
        for participant in &mut call.participants {
            let other = participant.leg != leg && participant.rings();
            participant.seat = match participant.why {
                Why::Arrived => Seat::Connected,
                Why::Dialled | Why::CalledBack if other => Seat::Waiting(Source::Ringing),
                _ if participant.leg == leg => Seat::Connected,
                Why::Serve(_) if calls_back => Seat::Connected,
                _ => continue,
            };
        }
        if !core::mem::replace(&mut call.participants[at].early, true) {
            self.joined(now, call, at);
        }
        self.tell_early(now, call);
    }

    /// 183 with our SDP to a caller whose INVITE is open, once.
    fn tell_early(&mut self, now: Time, call: &mut Call) {
        let Some(caller) = call.origin_mut().filter(|c| c.state == LegState::Invited) else {
            return;
        };
        if core::mem::replace(&mut caller.early, true) {
            return;
        }
        let sdp = caller.reply.clone();
        let is_new = sdp.is_none() && caller.negotiation.plan().is_none();
        let sdp = sdp.or_else(|| is_new.then(|| caller.negotiation.offer()));
        let (leg, body) = (caller.leg, sdp.map(sip::Body::sdp));
        let respond = sip::Command::Respond { leg, status: 183, headers: Vec::new(), body };
        self.command_sip(now, respond);
    }
}

impl Call {
    /// A callee was led elsewhere: whoever was heard before is not who will answer.
    pub(crate) fn starts_over(&mut self, leg: LegId) {
        let Some(callee) = self.participant_mut(leg) else { return };
        if callee.seat == Seat::Connected {
            callee.seat = Seat::Waiting(Source::Ringing);
            self.early_over();
        }
    }

    /// Whoever was heard early is gone, and others may still ring: the caller hears that they do.
    pub(crate) fn early_over(&mut self) {
        let calls_back = self.participants.iter().any(|p| p.why == Why::CalledBack);
        let hears = |p: &&mut Participant| match p.why {
            Why::Arrived => true,
            Why::Serve(_) => calls_back,
            _ => false,
        };
        let mut heard = self.participants.iter_mut().filter(hears);
        if let Some(caller) = heard.find(|p| p.seat == Seat::Connected) {
            caller.seat = Seat::Waiting(Source::Ringing);
        }
    }
}
