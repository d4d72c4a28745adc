//! What comes before the final response to our INVITE: early dialogs, each with its own reliable
//! responses and its own answer (RFC 3262 section 4, RFC 3261 section 13.2.2.1, RFC 6337 section 3.1).
//!
//! `100rel` is offered only with an offer of ours: then nobody can make us one in a provisional
//! response. Reliable responses are taken in order, once each, and acknowledged by PRACK in their own
//! early dialog. A PRACK that is refused changes nothing: a peer that does not understand it ends the
//! INVITE itself. One that is not answered at all ends its early dialog (RFC 3261 section 12.2.1.2), and
//! the INVITE where that was the only one.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Leg;
use super::parcel::Parcel;
use crate::dialog::Dialog;
use crate::ground::{Core, Outcome, REL, Sent};
use crate::msg::{Message, Method, Name, RAck};
use crate::transaction::{ClientKey, Purpose};
use crate::{Event, Failure, Flow, Headers, Time};

/// Early dialogs kept for one INVITE.
const FORKS_MAX: usize = 16;

/// What was said in an early dialog.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Early {
    tag: String,
    /// Of its last reliable response.
    rseq: Option<u32>,
    /// The newest SDP.
    sdp: Bytes,
    /// The answer came reliably: it stands, and the first exchange is over.
    is_final: bool,
}

impl Early {
    /// Takes what a response says; gives it back if it counts.
    fn hear(&mut self, sdp: Bytes, is_reliable: bool) -> Bytes {
        if self.is_final || sdp.is_empty() {
            return Bytes::new();
        }
        self.is_final = is_reliable;
        self.sdp = sdp;
        self.sdp.clone()
    }
}

/// The early dialogs of an INVITE of ours.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Earlies(Vec<Early>);

impl Earlies {
    /// Forgets them; whether there were any.
    pub(super) fn clear(&mut self) -> bool {
        !core::mem::take(&mut self.0).is_empty()
    }

    fn find(&mut self, tag: &str) -> Option<&mut Early> {
        self.0.iter_mut().find(|early| early.tag == tag)
    }

    /// Whether the first exchange is over in a dialog, so that another may begin.
    pub(super) fn is_done(&mut self, tag: &str) -> bool {
        self.find(tag).is_some_and(|early| early.is_final)
    }

    /// The peer's offer in an early dialog was accepted: it is the newest of what it said.
    pub(super) fn renewed(&mut self, tag: &str, offer: &Message) {
        if let Some(early) = self.find(tag) {
            early.sdp = offer.sdp();
        }
    }

    /// What the peer said last in the dialog that its 2xx makes: an answer that came reliably
    /// before, else the 2xx's own, else what came before it.
    pub(super) fn answer(&mut self, tag: &str, response: &Message) -> Bytes {
        let own = response.sdp();
        match self.find(tag) {
            Some(early) if early.is_final || own.is_empty() => early.sdp.clone(),
            _ => own,
        }
    }
}

impl Leg {
    /// Takes a provisional response into its early dialog; gives back the SDP in it that counts.
    /// `None` if the response must not be passed on: a repetition, or one whose predecessor is
    /// still to come.
    pub(super) fn heard_early(
        &mut self,
        core: &mut Core,
        now: Time,
        sent: &Sent,
        response: &Message,
    ) -> Option<Bytes> {
        let Some(tag) = response.to_tag() else { return Some(response.sdp()) };
        let is_known = self.dialogs.iter().any(|dialog| dialog.remote_tag == tag);
        if !is_known
            && self.dialogs.len() < FORKS_MAX
            && let Ok(dialog) = Dialog::uac(&sent.request, response)
        {
            self.dialogs.push(dialog);
            let (rseq, sdp, is_final) = (None, Bytes::new(), false);
            let early = Early { tag: tag.clone(), rseq, sdp, is_final };
            self.calling.as_mut()?.earlies.0.push(early);
        }
        let is_reliable =
            sent.request.lists(Name::Supported, REL) && response.lists(Name::Require, REL);
        let rseq = response.rseq().filter(|_| is_reliable);
        let early = self.calling.as_mut()?.earlies.find(&tag);
        let Some(rseq) = rseq else {
            let sdp = response.sdp();
            return Some(early.map_or_else(Bytes::new, |early| early.hear(sdp, false)));
        };
        let early = early?;
        if early.rseq.is_some_and(|last| last.checked_add(1) != Some(rseq)) {
            return None;
        }
        early.rseq = Some(rseq);
        let answer = early.hear(response.sdp(), true);
        let rack = RAck { rseq, cseq: sent.request.cseq().ok()? };
        self.post(core, now, Parcel::Prack { tag, rack: rack.to_string() });
        Some(answer)
    }

    pub(super) fn ship_prack(
        &mut self,
        core: &mut Core,
        now: Time,
        flow: Flow,
        tag: &str,
        rack: &str,
    ) {
        let number = self.next_number(core, tag);
        let Some(dialog) = self.dialogs.iter().find(|dialog| dialog.remote_tag == tag) else {
            return;
        };
        let key = ClientKey { branch: core.rng.next_u64(), cancel: false };
        let builder = self
            .within(core, &flow, dialog, &Method::Prack, number)
            .header_first(Name::Via, core.via(&flow, key.branch))
            .header(Name::RAck, rack);
        let request = self.auth.prove(builder, core, &Method::Prack, dialog.request_uri()).build();
        self.launch(core, now, key, flow, request, Purpose::Prack(self.id));
    }

    /// What became of a PRACK: it may be challenged, or find nobody.
    pub(crate) fn prack_outcome(&mut self, core: &mut Core, now: Time, sent: &Sent) {
        let Some(tag) = sent.request.to_tag() else { return };
        let status = match &sent.outcome {
            // Of a fork that has lost there is nothing to be acknowledged any more.
            Outcome::Response(_) if !self.dialogs.iter().any(|d| d.remote_tag == tag) => return,
            Outcome::Response(response) => {
                self.try_again(core, now, sent, response, true);
                return;
            }
            Outcome::TimedOut => 408,
            Outcome::TransportFailed => 503,
        };
        self.early_lost(core, now, &tag, status);
    }

    /// Nobody is there in an early dialog. Others may still answer; without any the INVITE is given
    /// up.
    pub(super) fn early_lost(&mut self, core: &mut Core, now: Time, tag: &str, status: u16) {
        let Some(calling) = self.calling.as_mut().filter(|_| !self.silent) else { return };
        let known = self.dialogs.len();
        self.dialogs.retain(|dialog| dialog.remote_tag != tag);
        calling.earlies.0.retain(|early| early.tag != tag);
        if self.dialogs.len() == known || !self.dialogs.is_empty() {
            return;
        }
        let failure = Failure { status, remote: false, response: None };
        self.tell(core, |leg| Event::Failed { leg, failure });
        self.cancel(core, now, Headers::new());
    }
}
