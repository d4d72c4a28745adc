//! re-INVITE both ways: RFC 3261 section 14.

use serde::{Deserialize, Serialize};

use super::accept::Open;
use super::parcel::{Parcel, Wish};
use super::{Leg, Phase};
use crate::ground::{Core, Outcome, Sent, cancel};
use crate::msg::{Message, Method, Name};
use crate::transaction::timer::T1_64;
use crate::transaction::{ClientIn, ClientKey, Purpose};
use crate::{Body, Event, Flow, Headers, Time};

/// How often glare is tried again before the owner is told.
const TRIES_MAX: u8 = 8;

/// The re-INVITE under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Reinvite {
    /// The owner was asked for its offer.
    Asked {
        wish: Wish,
        until: Time,
    },
    /// Waits for the resolver, in the outbox.
    Posted,
    Sent {
        key: ClientKey,
        wish: Wish,
        patience: Patience,
    },
    /// Waits after glare.
    Backoff {
        at: Time,
        wish: Wish,
    },
}

/// How long a peer that answers provisionally is waited for. Its transaction alone would wait for
/// ever (section 17.1.1.2), and no other INVITE gets through meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Patience {
    /// No provisional response yet: the transaction has its own end.
    Unheard,
    /// 64·T1 from the first provisional response; more of them do not prolong it.
    Until(Time),
    /// A CANCEL is out, after which the transaction ends by itself (section 9.1).
    Cancelled,
}

impl Reinvite {
    fn sent(key: ClientKey, wish: Wish) -> Self {
        Self::Sent { key, wish, patience: Patience::Unheard }
    }

    pub(super) fn due(&self) -> Option<Time> {
        match self {
            Self::Asked { until: at, .. }
            | Self::Sent { patience: Patience::Until(at), .. }
            | Self::Backoff { at, .. } => Some(*at),
            Self::Posted | Self::Sent { .. } => None,
        }
    }

    pub(super) fn key(&self) -> Option<ClientKey> {
        match self {
            Self::Sent { key, .. } => Some(*key),
            Self::Asked { .. } | Self::Posted | Self::Backoff { .. } => None,
        }
    }
}

impl Leg {
    /// The owner has something to say: it is asked what once no other INVITE is under way.
    pub(crate) fn reinvite(&mut self, core: &mut Core, now: Time, headers: Headers) {
        if self.silent || matches!(self.phase, Phase::Leaving | Phase::Over) {
            return;
        }
        match &mut self.reinvite {
            // What was not said yet is said together.
            Some(Reinvite::Asked { wish, .. } | Reinvite::Backoff { wish, .. }) => {
                wish.merge(headers);
            }
            _ => self.wish.get_or_insert_default().merge(headers),
        }
        self.next_reinvite(core, now);
    }

    /// Asks for the offer of the next re-INVITE, if one is wished for and the dialog is free.
    pub(super) fn next_reinvite(&mut self, core: &mut Core, now: Time) {
        let is_free = self.phase == Phase::Confirmed
            && !self.silent
            && self.open.is_none()
            && self.offered.is_none()
            && self.unacked.is_none()
            && self.owed.is_none()
            && self.reinvite.is_none();
        if !is_free {
            return;
        }
        if let Some(wish) = self.wish.take() {
            self.reinvite = Some(Reinvite::Asked { wish, until: now + T1_64 });
            self.tell(core, |leg| Event::OfferWanted { leg });
        }
    }

    /// The owner's offer, or none to ask the peer for one.
    pub(crate) fn offer(&mut self, core: &mut Core, now: Time, body: Option<Body>) {
        if self.offer_early(core, now, body.as_ref()) {
            return;
        }
        let asked = self.reinvite.take_if(|reinvite| matches!(reinvite, Reinvite::Asked { .. }));
        if let Some(Reinvite::Asked { wish, .. }) = asked {
            self.reinvite = Some(Reinvite::Posted);
            self.auth.begin();
            self.post(core, now, Parcel::Reinvite(wish, body));
        }
    }

    pub(super) fn ship_reinvite(
        &mut self,
        core: &mut Core,
        now: Time,
        flow: Flow,
        wish: Wish,
        body: Option<&Body>,
    ) {
        let (purpose, headers) = (Purpose::Reinvite(self.id), &wish.headers);
        let key = self.ship_request(core, now, flow, &Method::Invite, headers, body, purpose);
        self.reinvite = key.map(|key| Reinvite::sent(key, wish));
    }

    /// Our re-INVITE has failed for good.
    pub(super) fn reinvite_over(&mut self, core: &mut Core, now: Time, status: u16) {
        self.reinvite = None;
        self.expiry.refresh_failed(now);
        self.tell(core, |leg| Event::ReinviteFailed { leg, status });
        self.next_reinvite(core, now);
    }

    /// What became of our re-INVITE.
    pub(crate) fn reinvite_outcome(&mut self, core: &mut Core, now: Time, sent: &Sent) {
        let response = match &sent.outcome {
            Outcome::Response(response) => Some(response),
            Outcome::TimedOut | Outcome::TransportFailed => None,
        };
        if let Some(response) = response {
            self.hear(now, response);
        }
        let is_current = self.reinvite.as_ref().and_then(Reinvite::key) == Some(sent.key);
        match response.and_then(Message::status) {
            Some(0..200) if is_current => self.reinvite_provisional(now),
            Some(0..200) => {
                core.client_step(now, sent.key, ClientIn::Cancelled, None);
            }
            Some(200..300) => {
                if let Some(response) = response {
                    self.reinvite_success(core, now, sent, response, is_current);
                }
            }
            _ if !is_current => {}
            status => self.reinvite_failed(core, now, sent, status, response),
        }
    }

    fn reinvite_provisional(&mut self, now: Time) {
        if let Some(Reinvite::Sent { patience, .. }) = &mut self.reinvite
            && *patience == Patience::Unheard
        {
            *patience = Patience::Until(now + T1_64);
        }
    }

    fn reinvite_success(
        &mut self,
        core: &mut Core,
        now: Time,
        sent: &Sent,
        response: &Message,
        is_current: bool,
    ) {
        if !is_current && self.phase == Phase::Confirmed {
            // The answer waits for the owner's ACK already.
            return;
        }
        if let Some(dialog) = self.dialogs.first_mut() {
            dialog.refresh(response);
        }
        self.expiry.settle(now, &core.config.watch, response);
        if is_current {
            self.reinvite = None;
        }
        self.owe_ack(core, now, sent.key, &sent.request);
        let response = response.clone();
        self.tell(core, |leg| Event::ReinviteAnswered { leg, response });
        self.next_reinvite(core, now);
    }

    fn reinvite_failed(
        &mut self,
        core: &mut Core,
        now: Time,
        sent: &Sent,
        status: Option<u16>,
        response: Option<&Message>,
    ) {
        let Some(Reinvite::Sent { wish, patience, .. }) = self.reinvite.take() else { return };
        let cancelled = patience == Patience::Cancelled;
        if let Some(response) = response.filter(|_| !cancelled) {
            if let Some(key) = self.try_again(core, now, sent, response, true) {
                self.reinvite = Some(Reinvite::sent(key, wish));
                return;
            }
            if let Some(wait) = self.wait(core, response).filter(|_| wish.tries < TRIES_MAX) {
                let wish = Wish { tries: wish.tries + 1, ..wish };
                self.reinvite = Some(Reinvite::Backoff { at: now + wait, wish });
                return;
            }
        }
        if cancelled && status != Some(481) {
            self.reinvite_over(core, now, 408);
            return;
        }
        let status = sent.outcome.status().unwrap_or(503);
        if !self.dialog_doubted(core, now, status) {
            self.reinvite_over(core, now, status);
        }
    }

    /// How long to wait before the same re-INVITE or UPDATE is sent again: after glare by who owns the
    /// Call-ID (section 14.1), after an overlap as the peer says (section 14.2, RFC 3311 section 5.3).
    pub(super) fn wait(&self, core: &mut Core, response: &Message) -> Option<Time> {
        let ms = match response.status() {
            Some(491) if self.owns_call_id => 2100 + 10 * core.rng.below(191),
            Some(491) => 10 * core.rng.below(201),
            Some(500) => u64::from(response.seconds(Name::RetryAfter)?.min(10)) * 1000,
            _ => return None,
        };
        Some(Time::from_millis(ms))
    }

    pub(super) fn reinvite_due(&mut self, core: &mut Core, now: Time) {
        if self.reinvite.as_ref().and_then(Reinvite::due).is_none_or(|at| at > now) {
            return;
        }
        match self.reinvite.take() {
            Some(Reinvite::Backoff { wish, .. }) => {
                self.wish = Some(wish);
                self.next_reinvite(core, now);
            }
            Some(Reinvite::Asked { .. }) => self.reinvite_over(core, now, 408),
            Some(Reinvite::Sent { key, wish, .. }) => {
                let patience = Patience::Cancelled;
                self.reinvite = Some(Reinvite::Sent { key, wish, patience });
                cancel_reinvite(core, now, key);
            }
            other => self.reinvite = other,
        }
    }

    /// The peer's re-INVITE (section 14.2).
    pub(super) fn reinvite_received(
        &mut self,
        core: &mut Core,
        now: Time,
        server: u64,
        request: &Message,
    ) {
        if self.open.is_some() || self.offered.is_some() {
            return overlapping(core, now, server);
        }
        if self.is_reinviting() || self.owed.is_some() || self.unacked.is_some() {
            return core.reply(now, server, 491, &[]);
        }
        self.open = Some(Open { server, request: request.clone(), due: None });
        let request = request.clone();
        self.tell(core, |leg| Event::Reinvite { leg, request });
    }

    /// Whether a re-INVITE of ours is out, or about to be. Glare is ours alone to judge: what waits
    /// after a 491 lets the peer's through, and its offer is made anew afterwards.
    pub(super) fn is_reinviting(&self) -> bool {
        !matches!(self.reinvite, None | Some(Reinvite::Backoff { .. }))
    }
}

/// Refuses what came before the peer's last offer is answered (section 14.2, RFC 3311 section 5.2).
pub(super) fn overlapping(core: &mut Core, now: Time, server: u64) {
    let wait = core.rng.below(11).to_string();
    core.reply(now, server, 500, &[(Name::RetryAfter, &wait)]);
}

/// Takes our re-INVITE back: its final response has 64·T1 more to come.
fn cancel_reinvite(core: &mut Core, now: Time, invite: ClientKey) {
    let Some(client) = core.clients.get(&invite) else { return };
    let (request, flow) = (cancel(&client.request).build(), client.flow);
    let key = ClientKey { cancel: true, ..invite };
    core.send(now, key, flow, request, Purpose::Nobody);
    core.client_step(now, invite, ClientIn::Cancelled, None);
}
