//! Outputs of the endpoint: to the network, or into the calls.

use media::Negotiation;
use sip::msg::Message;
use sip::{EndCause, Event, LegId, Output as Sip};

use super::reason;
use super::refer::Referred;
use crate::api::{Output, Time};
use crate::call::{LegState, Why};
use crate::event::{CallResult, What};
use crate::switch::B2bua;

impl B2bua {
    pub(crate) fn on_sip(&mut self, now: Time, output: Sip) {
        match output {
            Sip::Transmit { flow, bytes } => self.output(Output::Transmit { flow, bytes }),
            Sip::Resolve { query, host, port, transport, secure } => {
                self.output(Output::Resolve { query, host, port, transport, secure });
            }
            Sip::Event(event) => self.on_sip_event(now, event),
        }
    }

    fn on_sip_event(&mut self, now: Time, event: Event) {
        match event {
            Event::Invite { leg, peer, flow, request, replaces } => match replaces {
                Some(old) => self.replace(now, leg, old, &peer, flow, &request),
                None => self.arrive(now, leg, &peer, flow, &request),
            },
            Event::Progress { leg, answer, .. } => {
                self.with_leg(leg, |switch, call| {
                    switch.leg_progressed(now, call, leg, &answer);
                });
            }
            Event::StartedOver { leg } => {
                self.with_leg(leg, |_, call| call.starts_over(leg));
            }
            Event::Answered { leg, answer, .. } => {
                self.with_leg(leg, |switch, call| {
                    switch.leg_answered(now, call, leg, &answer);
                });
            }
            Event::Failed { leg, failure } => {
                self.with_leg(leg, |switch, call| {
                    switch.leg_failed(now, call, leg, failure.status, failure.response.as_ref());
                });
            }
            Event::Acked { leg, request } => self.acked(now, leg, &request),
            Event::OfferWanted { leg } => self.offer_wanted(now, leg),
            Event::Reinvite { leg, request } => self.reinvited(now, leg, &request),
            Event::ReinviteAnswered { leg, response } => {
                self.reinvite_answered(now, leg, &response);
            }
            Event::ReinviteFailed { leg, .. } => self.reinvite_failed(now, leg),
            Event::Request { leg, token, request } => self.requested(now, leg, token, &request),
            Event::Referred { leg, token, target, headers, replaces, request } => {
                let request = &request;
                self.referred(now, &Referred { leg, token, target, headers, replaces, request });
            }
            Event::Referral { leg, token, referral } => self.referral(now, leg, token, referral),
            Event::Response { .. } => {}
            Event::Ended { leg, cause, request } => {
                self.leg_ended(now, leg, cause, request.as_ref());
            }
            Event::Bound { user, binding, new } => self.bound(now, &user, &binding, new),
            Event::Unbound { user, contact, cause, left, .. } => {
                self.unbound(now, &user, &contact, cause, left);
            }
            Event::Refused { flow, reason, method, user } => {
                let (source, method) = (flow.remote.to_string().into(), method.as_str().into());
                let refused = What::SecurityRefused { reason: reason.into(), source, method, user };
                self.emit(now, None, None, refused);
            }
        }
    }

    /// Does something to a leg's negotiation.
    pub(crate) fn negotiate<T>(
        &mut self,
        leg: LegId,
        act: impl FnOnce(&mut Negotiation) -> T,
    ) -> Option<T> {
        self.with_leg(leg, |_, call| call.participant_mut(leg).map(|p| act(&mut p.negotiation)))?
    }

    pub(crate) fn leg_rings(&mut self, now: Time, call: &mut crate::call::Call, leg: LegId) {
        let Some(participant) = call.participant_mut(leg) else { return };
        if participant.state != LegState::Calling {
            return;
        }
        participant.state = LegState::Ringing;
        let (id, who, why) = (participant.id, participant.operator, participant.why);
        let (role, operator) = (participant.role, who.map(|id| self.directory.operator_name(id)));
        self.tell(now, call, What::LegRinging { participant: id, role, operator });
        match why {
            Why::Serve(claim) | Why::Helps(claim) => {
                self.acd.handle(now, acd::Input::Ringing(claim));
            }
            Why::Referred => self.transfer_rings(now, call),
            Why::Arrived
            | Why::First
            | Why::Dialled
            | Why::CalledBack
            | Why::Asked(_)
            | Why::Left
            | Why::Lent => {}
        }
    }

    /// The ACK to a 2xx that carried our offer, or the PRACK of what did, brings the answer; one that
    /// brings none leaves a leg that nobody can talk on.
    fn acked(&mut self, now: Time, leg: LegId, request: &Message) {
        let answer = request.sdp();
        let usable = self.negotiate(leg, |negotiation| {
            !negotiation.is_offering() || negotiation.on_answer(&answer).is_ok()
        });
        if usable == Some(false) {
            self.hang_up_leg(now, leg, 488, reason::UNUSABLE);
            self.leg_ended(now, leg, EndCause::NoAnswer, None);
        }
    }

    /// A request within a dialog that the endpoint leaves to us: INFO.
    fn requested(&mut self, now: Time, leg: LegId, token: u64, request: &Message) {
        let (status, headers) = self.info(now, leg, request);
        let body = None;
        self.command_sip(now, sip::Command::RespondRequest { leg, token, status, headers, body });
    }

    /// Ends everything at once.
    pub(crate) fn stop(&mut self, now: Time) {
        self.state.draining = true;
        let calls: Vec<_> = self.state.calls.keys().copied().collect();
        for key in calls {
            self.with_call(key, |switch, call| {
                switch.end_call(now, call, CallResult::Ended, "stopped", 503);
            });
        }
    }
}
