//! re-INVITE and UPDATE: each leg negotiates with us alone; nothing of it crosses to the other.

use sip::msg::Message;
use sip::{Headers, LegId};

use crate::api::Time;
use crate::switch::B2bua;

impl B2bua {
    /// A phone asks to change something: hold, resume, codecs, its address; or, by re-INVITE, for
    /// an offer. An UPDATE must be answered at once, which everything is here.
    pub(crate) fn reinvited(&mut self, now: Time, leg: LegId, request: &Message) {
        let body = request.sdp();
        let answer = self.negotiate(leg, |negotiation| {
            // An offer of ours that met this one is void; the endpoint asks for it again.
            negotiation.rollback();
            if body.is_empty() { Ok(negotiation.offer()) } else { negotiation.on_offer(&body) }
        });
        let Some(answer) = answer else { return };
        let (status, headers, body): (u16, Headers, _) = match answer {
            Ok(sdp) => (200, Vec::new(), Some(sip::Body::sdp(sdp))),
            Err(refusal) => {
                let warning = format!("399 usher \"{}\"", refusal.text());
                (refusal.status, vec![("Warning".into(), warning)], None)
            }
        };
        self.command_sip(now, sip::Command::Respond { leg, status, headers, body });
    }

    /// The dialog is free for a re-INVITE of ours. What was offered in vain before is made anew.
    pub(crate) fn offer_wanted(&mut self, now: Time, leg: LegId) {
        let offer = self.negotiate(leg, |negotiation| {
            negotiation.rollback();
            negotiation.offer()
        });
        if let Some(offer) = offer {
            let body = Some(sip::Body::sdp(offer));
            self.command_sip(now, sip::Command::Offer { leg, body });
        }
    }

    /// The answer to a re-INVITE of ours. One that cannot be used leaves what was agreed before.
    pub(crate) fn reinvite_answered(&mut self, now: Time, leg: LegId, response: &Message) {
        let is_usable = self.negotiate(leg, |negotiation| {
            let is_usable = negotiation.on_answer(&response.sdp()).is_ok();
            if !is_usable {
                negotiation.rollback();
            }
            is_usable
        });
        self.relocated(now, leg, is_usable == Some(true));
    }

    /// One that was refused for good leaves it as well.
    pub(crate) fn reinvite_failed(&mut self, now: Time, leg: LegId) {
        self.negotiate(leg, media::Negotiation::rollback);
        self.relocated(now, leg, false);
    }
}
