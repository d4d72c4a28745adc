//! Callers that lie, or vanish.

use bytes::Bytes;
use sip::msg::{Message, Method};

use super::{RawAct, RawCall, Side, T1_MS};
use crate::people::TRUNK;
use crate::setup::{SWITCH, operator_id};
use crate::world::World;

/// What a caller does with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallerLie {
    /// CANCEL in the same breath as the INVITE.
    CancelAtOnce,
    /// BYE before the answer.
    ByeEarly,
    /// The answer is never acknowledged.
    NoAck,
    /// The same INVITE once more on another branch (RFC 3261 section 8.2.2.2).
    Merged,
    /// No offer, and no answer in the ACK.
    AckWithoutAnswer,
    /// An offer that nobody can take.
    BadOffer,
    /// Odd requests in the dialog.
    Odd,
    /// A re-INVITE before the ACK.
    ReinviteBeforeAck,
    /// Vanishes: nothing reaches it and nothing comes of it.
    Vanish,
}

impl CallerLie {
    /// All there are.
    pub(crate) const ALL: [Self; 9] = [
        Self::CancelAtOnce,
        Self::ByeEarly,
        Self::NoAck,
        Self::Merged,
        Self::AckWithoutAnswer,
        Self::BadOffer,
        Self::Odd,
        Self::ReinviteBeforeAck,
        Self::Vanish,
    ];
}

fn caller_lie(call: Option<&RawCall>) -> Option<CallerLie> {
    match call?.side {
        Side::Caller(_, lie) => Some(lie),
        Side::Phone(_) => None,
    }
}

impl World {
    pub(crate) fn raw_dial(&mut self, who: usize, lie: CallerLie) {
        let caller = self.scenario.callers[who].clone();
        let number = caller.direct.map_or_else(|| "600".to_owned(), operator_id);
        let sdp = self.peers[TRUNK].describe("sendrecv").bytes;
        let (address, port) = (self.peers[TRUNK].address, self.peers[TRUNK].last_port());
        let sdp = match lie {
            CallerLie::AckWithoutAnswer => String::new(),
            CallerLie::BadOffer => "v=0\r\nm=audio 9 RTP/AVP 99\r\n".to_owned(),
            _ => String::from_utf8_lossy(&sdp).into_owned(),
        };
        let id = format!("raw{who}@trunk");
        let kind = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let wire = Bytes::from(format!(
            "INVITE sip:{number}@{SWITCH} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {address};rport;branch=z9hG4bKraw{who}\r\nMax-Forwards: 70\r\n\
             From: <sip:c{who}@carrier.example>;tag=f{who}\r\nTo: <sip:{number}@{SWITCH}>\r\n\
             Call-ID: {id}\r\nCSeq: 1 INVITE\r\nContact: <sip:c{who}@{address}>\r\n\
             X-Caller: {who}\r\n{kind}Content-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        ));
        let Ok(invite) = Message::parse(wire.clone()) else { return };
        let call = RawCall {
            side: Side::Caller(who, lie),
            invite,
            tag: format!("f{who}"),
            remote_tag: String::new(),
            target: format!("sip:{number}@{SWITCH}"),
            cseq: 1,
            answered: false,
            acked: false,
            over: false,
            dead: false,
            repeating: Some(wire.clone()),
            port,
        };
        self.raw.insert((TRUNK, id.clone()), call);
        self.raw_send(TRUNK, wire.clone());
        self.raw_later(TRUNK, &id, T1_MS, RawAct::Repeat(0));
        match lie {
            CallerLie::CancelAtOnce => self.raw_hangs_up(TRUNK, &id),
            CallerLie::Merged => {
                let text = String::from_utf8_lossy(&wire).replacen("z9hG4bKraw", "z9hG4bKtwo", 1);
                self.raw_send(TRUNK, Bytes::from(text));
            }
            CallerLie::Vanish => {
                let delay = self.lies.below(20_000);
                self.raw_later(TRUNK, &id, delay, RawAct::Vanish);
            }
            CallerLie::ByeEarly => self.raw_early_bye(&id),
            _ => {}
        }
        let delay = caller.patience_ms;
        if lie != CallerLie::AckWithoutAnswer {
            self.raw_later(TRUNK, &id, delay + 60_000, RawAct::HangUp);
        }
    }

    fn raw_early_bye(&mut self, id: &str) {
        let address = self.peers[TRUNK].address;
        let Some(call) = self.raw.get_mut(&(TRUNK, id.to_owned())) else { return };
        call.cseq += 1;
        let wire = call.request("BYE", call.cseq, "early", None, address);
        self.raw_send(TRUNK, wire);
    }

    /// Somebody who lies has waited, or talked, long enough.
    pub(crate) fn raw_caller_ends(&mut self, who: usize, talked: bool) {
        let id = format!("raw{who}@trunk");
        let call = self.raw.get(&(TRUNK, id.clone()));
        // This one leaves it to the switch.
        let waits = caller_lie(call) == Some(CallerLie::AckWithoutAnswer);
        if call.is_some_and(|call| !(waits && call.answered))
            && (talked || !self.callers.is_talking(who))
        {
            self.raw_hangs_up(TRUNK, &id);
        }
    }

    pub(super) fn caller_response(&mut self, at: usize, id: &str, response: &Message) {
        let address = self.peers[at].address;
        let Some(call) = self.raw.get_mut(&(at, id.to_owned())) else { return };
        let (Some(status), Ok(cseq)) = (response.status(), response.cseq()) else { return };
        if cseq.method != Method::Invite || cseq.number != 1 {
            return self.raw_response(at, id, response);
        }
        if status < 200 {
            // The INVITE need not be repeated; a CANCEL under way is.
            if !call.over {
                call.repeating = None;
            }
            return;
        }
        let Side::Caller(_, lie) = call.side else { return };
        if status >= 300 {
            let branch = response.top_via().map(|via| via.branch().to_owned()).unwrap_or_default();
            // Of two that were merged one lives on, whichever came first.
            if status != 482 {
                (call.over, call.repeating) = (true, None);
            }
            let tag = response.to_tag().unwrap_or_default();
            let ours = std::mem::replace(&mut call.remote_tag, tag);
            let wire = call.request("ACK", 1, "x", None, address);
            call.remote_tag = ours;
            let wire = String::from_utf8_lossy(&wire).into_owned();
            let ours = format!("z9hG4bK{id}x1");
            return self.raw_send(at, Bytes::from(wire.replacen(&ours, &branch, 1)));
        }
        let first = !std::mem::replace(&mut call.answered, true);
        call.remote_tag = response.to_tag().unwrap_or_default();
        let contact = response.contacts().ok().and_then(|all| Some(all.first()?.uri.to_string()));
        call.target = contact.unwrap_or_default();
        if !call.over {
            call.repeating = None;
        }
        self.caller_answered(at, id, lie, first);
    }

    fn caller_answered(&mut self, at: usize, id: &str, lie: CallerLie, first: bool) {
        let address = self.peers[at].address;
        let sdp = self.peers[at].describe("sendrecv").bytes;
        let Some(call) = self.raw.get_mut(&(at, id.to_owned())) else { return };
        let cancelled = std::mem::take(&mut call.over);
        if lie == CallerLie::ReinviteBeforeAck && first {
            call.cseq += 1;
            let sdp = String::from_utf8_lossy(&sdp).into_owned();
            let wire = call.request("INVITE", call.cseq, "odd", Some(&sdp), address);
            self.raw_send(at, wire);
        }
        let Some(call) = self.raw.get_mut(&(at, id.to_owned())) else { return };
        if lie != CallerLie::NoAck {
            let ack = call.request("ACK", 1, "ack", None, address);
            self.raw_send(at, ack);
        }
        if cancelled {
            // The 200 crossed our CANCEL.
            return self.raw_hangs_up(at, id);
        }
        if lie == CallerLie::Odd && first {
            self.raw_later(at, id, 0, RawAct::Odd(0));
        }
    }
}
