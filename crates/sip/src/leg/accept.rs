//! The peer's INVITE, UPDATE or PRACK and our final answers to it: RFC 3261 sections 13.3 and 14.2,
//! RFC 3311 section 5.2.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::bye::because;
use super::challenge::Auth;
use super::expiry::Expiry;
use super::progress::{Reliable, Said};
use super::way::Way;
use super::{Leg, Phase};
use crate::dialog::Dialog;
use crate::ground::{ALLOW, Core, supported, with_body, with_headers};
use crate::msg::{Builder, Invalid, Label, Message, Name};
use crate::rng::token;
use crate::transaction::timer::{T1, T1_64, doubled};
use crate::{Body, EndCause, Event, Flow, Headers, LegId, Peer, Time};

/// The peer's INVITE or re-INVITE, or UPDATE or PRACK with an offer, that waits for its final
/// response.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) server: u64,
    pub(super) request: Message,
    /// Something provisional is said to an INVITE again then; the others wait no longer.
    pub(super) due: Option<Time>,
}

/// A 2xx of ours that waits for its ACK (section 13.3.1.4).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Unacked {
    pub(super) response: Bytes,
    pub(super) flow: Flow,
    cseq: u32,
    /// Whether it carries our offer, whose answer the ACK brings.
    pub(super) is_offer: bool,
    pub(super) next: Time,
    interval: Time,
    pub(super) until: Time,
}

impl Leg {
    /// A leg for an INVITE that came in; `server` is its transaction.
    ///
    /// # Errors
    /// If the INVITE has no usable Contact.
    pub(crate) fn incoming(
        core: &mut Core,
        id: LegId,
        server: u64,
        flow: Flow,
        peer: &Peer,
        request: &Message,
    ) -> Result<Self, Invalid> {
        let dialog = Dialog::uas(request)?;
        let to = request.to()?;
        let tag = core.servers.get(&server).map_or(0, |server| server.tag);
        core.tags.insert(tag, id);
        let user = to.uri.user().unwrap_or_default().into_owned();
        let open = Open { server, request: request.clone(), due: None };
        let remote = request.header(Name::SessionId).and_then(Label::sender);
        let label = Label { local: core.rng.uuid(), remote };
        if let Some(server) = core.servers.get_mut(&server) {
            server.label = Some(label);
        }
        Ok(Self {
            id,
            call_id: request.call_id().into(),
            tag,
            owns_call_id: false,
            local: request.to_tagged(&token(tag)),
            user: if user.is_empty() { "usher".into() } else { user },
            label,
            way: Way::back(core, peer, flow),
            phase: Phase::Alerting,
            silent: false,
            dialogs: vec![dialog],
            cseq: 0,
            auth: Auth::default(),
            expiry: Expiry::default(),
            calling: None,
            open: Some(open),
            offered: None,
            reliable: Reliable::new(core, request),
            unacked: None,
            owed: None,
            reinvite: None,
            wish: None,
            referred: None,
            asking: None,
            outbox: VecDeque::new(),
            query: None,
            asked: None,
            bye: None,
            lingers: None,
            away: None,
            lost: None,
        })
    }

    /// The owner's answer to what is open. A final one is for an UPDATE or PRACK before it is for an
    /// INVITE.
    pub(crate) fn respond(
        &mut self,
        core: &mut Core,
        now: Time,
        status: u16,
        headers: &Headers,
        body: Option<&Body>,
    ) {
        let said = || Said { status, headers: headers.clone(), body: body.cloned() };
        match status {
            101..200 => self.progress(core, now, said()),
            200..700 if self.offered.is_some() => {
                self.answer_offered(core, now, status, headers, body);
            }
            200..300 => self.accept(core, now, said()),
            300..700 => self.refuse(core, now, status, headers),
            _ => {}
        }
    }

    pub(super) fn answer(
        &self,
        core: &Core,
        open: &Open,
        status: u16,
        headers: &Headers,
        body: Option<&Body>,
    ) -> Option<Builder> {
        let mut builder = core.response(open.server, status)?;
        if self.phase == Phase::Alerting {
            builder = builder.headers_from(&open.request, Name::RecordRoute);
        }
        let flow = core.servers.get(&open.server)?.flow;
        builder.push(Name::Contact, core.contact(&flow, &self.user));
        builder.push(Name::Allow, ALLOW);
        if status >= 200 {
            builder.push(Name::Supported, supported(true));
        }
        Some(with_body(with_headers(builder, headers), body))
    }

    /// Accepts the INVITE or re-INVITE, as soon as that may be.
    pub(super) fn accept(&mut self, core: &mut Core, now: Time, mut said: Said) {
        let Some(open) = self.open.take() else { return };
        let mut is_offer = open.request.sdp().is_empty();
        if let Some(reliable) = self.reliable.as_mut().filter(|_| self.phase == Phase::Alerting) {
            let Some(may_go) = reliable.hold(said) else {
                self.open = Some(open);
                return;
            };
            said = may_go;
            is_offer = reliable.offers_in_2xx();
            said.body = said.body.filter(|_| !reliable.is_done());
            reliable.answered();
        }
        let Said { status, headers, body } = &said;
        let Some(mut builder) = self.answer(core, &open, *status, headers, body.as_ref()) else {
            return;
        };
        self.expiry.grant(now, &core.config.watch, &open.request, &mut builder);
        let Some(flow) = core.servers.get(&open.server).map(|server| server.flow) else { return };
        let Some(response) = core.respond(now, open.server, builder) else { return };
        if self.phase == Phase::Confirmed
            && let Some(dialog) = self.dialogs.first_mut()
        {
            dialog.refresh(&open.request);
        }
        self.phase = Phase::Confirmed;
        let cseq = open.request.cseq().map_or(0, |cseq| cseq.number);
        let (next, until) = (now + T1, now + T1_64);
        let interval = T1;
        self.unacked = Some(Unacked { response, flow, cseq, is_offer, next, interval, until });
    }

    /// Refuses what is open. A first INVITE's leg is over with that, as after the owner's End.
    pub(super) fn refuse(&mut self, core: &mut Core, now: Time, status: u16, headers: &Headers) {
        let Some(open) = self.open.take() else { return };
        if let Some(builder) = core.response(open.server, status) {
            core.respond(now, open.server, with_headers(builder, headers));
        }
        if self.phase == Phase::Alerting {
            let unpracked = self.reliable.take().and_then(|reliable| reliable.refused(now));
            self.over(core, now);
            if unpracked.is_some() {
                (self.reliable, self.silent, self.phase) = (unpracked, true, Phase::Leaving);
            }
        } else {
            self.next_reinvite(core, now);
        }
    }

    /// The peer's CANCEL of what is open (section 9.2).
    pub(crate) fn cancelled(&mut self, core: &mut Core, now: Time, server: u64, cancel: &Message) {
        if self.open.as_ref().is_none_or(|open| open.server != server) {
            return;
        }
        if self.phase == Phase::Alerting {
            self.ended_by(core, EndCause::Cancel, Some(cancel));
        }
        self.refuse(core, now, 487, &Headers::new());
    }

    /// An ACK in the dialog; only the one that was waited for counts.
    pub(crate) fn ack_received(&mut self, core: &mut Core, now: Time, flow: Flow, ack: &Message) {
        let number = ack.cseq().map_or(0, |cseq| cseq.number);
        if self.unacked.as_ref().is_none_or(|unacked| unacked.cseq != number) {
            return;
        }
        (self.unacked, self.away) = (None, None);
        self.hear(now, ack);
        self.note_flow(flow);
        let request = ack.clone();
        self.tell(core, |leg| Event::Acked { leg, request });
        match self.bye.take() {
            Some(headers) => self.leave(core, now, headers),
            None => {
                self.send_refer(core, now);
                self.next_reinvite(core, now);
            }
        }
    }

    /// Repeats the 2xx until its ACK comes or 64·T1 have passed. That is so over streams too:
    /// behind a proxy there may be datagrams.
    pub(super) fn unacked_due(&mut self, core: &mut Core, now: Time) {
        let Some(unacked) = &mut self.unacked else { return };
        if unacked.until <= now {
            self.unacked = None;
            let headers = self.bye.take().unwrap_or_else(|| because(408, "No ACK"));
            self.ended(core, EndCause::NoAck);
            self.leave(core, now, headers);
        } else if unacked.next <= now {
            unacked.interval = doubled(unacked.interval);
            unacked.next = now + unacked.interval;
            core.transmit(unacked.flow, unacked.response.clone());
        }
    }
}
