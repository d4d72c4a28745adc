//! re-INVITE both ways: RFC 3261 section 14.

use serde::{Deserialize, Serialize};

use super::accept::Open;
use super::outbox::Parcel;
use super::{Leg, Phase};
use crate::endpoint::{Core, Outcome, Sent, cancel};
use crate::msg::{Message, Method, Name};
use crate::transaction::timer::T1_64;
use crate::transaction::{ClientIn, ClientKey, Purpose};
use crate::{Body, EndCause, Event, Flow, Headers, Time};

/// How often glare is tried again before the owner is told.
const TRIES_MAX: u8 = 8;

/// A re-INVITE that the owner wants.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) headers: Headers,
    pub(super) body: Option<Body>,
    pub(super) tries: u8,
}

/// The re-INVITE under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Reinvite {
    /// Waits for the resolver, in the outbox.
    Posted,
    Sent {
        key: ClientKey,
        order: Order,
        patience: Patience,
    },
    /// Waits after glare.
    Backoff {
        at: Time,
        order: Order,
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
    fn sent(key: ClientKey, order: Order) -> Self {
        Self::Sent { key, order, patience: Patience::Unheard }
    }

    pub(super) fn due(&self) -> Option<Time> {
        match self {
            Self::Sent { patience: Patience::Until(at), .. } | Self::Backoff { at, .. } => {
                Some(*at)
            }
            Self::Posted | Self::Sent { .. } => None,
        }
    }

    pub(super) fn key(&self) -> Option<ClientKey> {
        match self {
            Self::Sent { key, .. } => Some(*key),
            Self::Posted | Self::Backoff { .. } => None,
        }
    }
}

impl Leg {
    /// The owner wants a re-INVITE: sent once no other INVITE is under way.
    pub(crate) fn reinvite(
        &mut self,
        core: &mut Core,
        now: Time,
        headers: Headers,
        body: Option<Body>,
    ) {
        if self.silent || matches!(self.phase, Phase::Leaving | Phase::Over) {
            return;
        }
        self.queue.push_back(Order { headers, body, tries: 0 });
        self.next_reinvite(core, now);
    }

    /// Sends the next re-INVITE in the queue, if the dialog is free for it.
    pub(super) fn next_reinvite(&mut self, core: &mut Core, now: Time) {
        let is_free = self.phase == Phase::Confirmed
            && self.open.is_none()
            && self.unacked.is_none()
            && self.owed.is_none()
            && self.reinvite.is_none();
        if !is_free {
            return;
        }
        if let Some(order) = self.queue.pop_front() {
            self.reinvite = Some(Reinvite::Posted);
            self.auth.begin();
            self.post(core, now, Parcel::Reinvite(order));
        }
    }

    pub(super) fn ship_reinvite(&mut self, core: &mut Core, now: Time, flow: Flow, order: Order) {
        let purpose = Purpose::Reinvite(self.id);
        let (headers, body) = (&order.headers, order.body.as_ref());
        let key = self.ship_request(core, now, flow, &Method::Invite, headers, body, purpose);
        self.reinvite = key.map(|key| Reinvite::sent(key, order));
    }

    /// What became of our re-INVITE.
    pub(crate) fn reinvite_outcome(&mut self, core: &mut Core, now: Time, sent: &Sent) {
        let response = match &sent.outcome {
            Outcome::Response(response) => Some(response),
            Outcome::TimedOut | Outcome::TransportFailed => None,
        };
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
        let Some(Reinvite::Sent { order, patience, .. }) = self.reinvite.take() else { return };
        let cancelled = patience == Patience::Cancelled;
        if let Some(response) = response.filter(|_| !cancelled) {
            if let Some(key) = self.try_again(core, now, sent, response, true) {
                self.reinvite = Some(Reinvite::sent(key, order));
                return;
            }
            if let Some(wait) = self.wait(core, response).filter(|_| order.tries < TRIES_MAX) {
                let order = Order { tries: order.tries + 1, ..order };
                self.reinvite = Some(Reinvite::Backoff { at: now + wait, order });
                return;
            }
        }
        match (status, &sent.outcome) {
            (Some(481), _) => {
                self.ended(core, EndCause::DialogGone);
                self.over(core, now);
            }
            (Some(408), _) | (None, Outcome::TimedOut) if !cancelled => {
                self.ended(core, EndCause::DialogGone);
                self.leave(core, now, Headers::new());
            }
            (status, _) => {
                let status = if cancelled { 408 } else { status.unwrap_or(503) };
                self.tell(core, |leg| Event::ReinviteFailed { leg, status });
                self.next_reinvite(core, now);
            }
        }
    }

    /// How long to wait before the same re-INVITE is sent again: after glare by who owns the
    /// Call-ID (section 14.1), after an overlap as the peer says (section 14.2).
    fn wait(&self, core: &mut Core, response: &Message) -> Option<Time> {
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
            Some(Reinvite::Backoff { order, .. }) => {
                self.queue.push_front(order);
                self.next_reinvite(core, now);
            }
            Some(Reinvite::Sent { key, order, .. }) => {
                let patience = Patience::Cancelled;
                self.reinvite = Some(Reinvite::Sent { key, order, patience });
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
        if self.open.is_some() {
            let wait = core.rng.below(11).to_string();
            return core.reply(now, server, 500, &[(Name::RetryAfter, &wait)]);
        }
        let ours = matches!(self.reinvite, Some(Reinvite::Sent { .. } | Reinvite::Posted));
        if ours || self.owed.is_some() || self.unacked.is_some() {
            return core.reply(now, server, 491, &[]);
        }
        self.open = Some(Open { server, request: request.clone(), again: None });
        let request = request.clone();
        self.tell(core, |leg| Event::Reinvite { leg, request });
    }
}

/// Takes our re-INVITE back: its final response has 64·T1 more to come.
fn cancel_reinvite(core: &mut Core, now: Time, invite: ClientKey) {
    let Some(client) = core.clients.get(&invite) else { return };
    let (request, flow) = (cancel(&client.request).build(), client.flow);
    let key = ClientKey { cancel: true, ..invite };
    core.send(now, key, flow, request, Purpose::Nobody);
    core.client_step(now, invite, ClientIn::Cancelled, None);
}
