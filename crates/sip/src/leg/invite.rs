//! Our INVITE, up to its final response: RFC 3261 section 13.2, RFC 3263 section 4.3.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bye::because;
use super::cancel::Cancel;
use super::challenge::Auth;
use super::expiry::Expiry;
use super::prack::Earlies;
use super::redirect::Targets;
use super::way::Way;
use super::{Leg, Phase};
use crate::dialog::Dialog;
use crate::ground::{ALLOW, Core, Outcome, Sent, supported, with_body, with_headers};
use crate::msg::{Builder, Label, Message, Method, Name, NameAddr, Uri};
use crate::rng::token;
use crate::transaction::{ClientIn, ClientKey, Purpose};
use crate::{Event, Failure, Flow, Invite, LegId, Target, Time};

/// An INVITE of ours that is not finally answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Calling {
    pub(super) invite: Invite,
    /// The Request-URI.
    pub(super) uri: Uri,
    /// The one the call began with.
    pub(super) first: Uri,
    /// Others that were given in its place.
    pub(super) targets: Targets,
    /// Route values as written.
    routes: Vec<String>,
    /// The ways there, the one in use first.
    flows: VecDeque<Flow>,
    /// The transaction, once the INVITE is out.
    pub(super) key: Option<ClientKey>,
    /// Whether a provisional response came, before which no CANCEL may be sent.
    pub(super) provisional: bool,
    pub(super) earlies: Earlies,
    pub(super) cancel: Cancel,
}

impl Calling {
    /// The URI that was asked for a way: the proxy's or the peer's own.
    pub(super) fn next_hop(&self) -> Option<&Uri> {
        match &self.invite.target {
            Target::Uri { uri, proxy } => Some(proxy.as_ref().unwrap_or(uri)),
            Target::Binding { .. } => None,
        }
    }
}

impl Leg {
    /// A leg for a call of ours, before anything is sent.
    pub(crate) fn outgoing(core: &mut Core, mut invite: Invite) -> Self {
        let tag = core.rng.next_u64();
        core.tags.insert(tag, invite.leg);
        let user = invite.from.uri.user().unwrap_or_default().into_owned();
        let uri = match &invite.target {
            Target::Uri { uri, .. } => uri.clone(),
            Target::Binding { .. } => invite.to.uri.clone(),
        };
        let auth = Auth::new(invite.credentials.take());
        let uuid = invite.uuid.unwrap_or_else(|| core.rng.uuid());
        let calling = Calling {
            uri: uri.clone().without_headers(),
            first: uri,
            targets: Targets::default(),
            routes: Vec::new(),
            flows: VecDeque::new(),
            key: None,
            provisional: false,
            earlies: Earlies::default(),
            cancel: Cancel::No,
            invite,
        };
        let call_id: Arc<str> = core.rng.call_id().into();
        core.own_calls.insert(call_id.clone());
        Self {
            id: calling.invite.leg,
            call_id,
            tag,
            owns_call_id: true,
            local: calling.invite.from.clone().with_tag(&token(tag)).to_string(),
            user: if user.is_empty() { "usher".into() } else { user },
            label: Label { local: uuid, remote: None },
            way: Way::direct(None),
            phase: Phase::Calling,
            silent: false,
            dialogs: Vec::new(),
            cseq: 0,
            auth,
            expiry: Expiry::default(),
            calling: Some(Box::new(calling)),
            open: None,
            offered: None,
            reliable: None,
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
        }
    }

    /// Finds the way and sends the INVITE, or asks the resolver first.
    pub(crate) fn place(&mut self, core: &mut Core, now: Time) {
        let Some(calling) = &mut self.calling else { return };
        match &calling.invite.target {
            Target::Binding { user, binding } => {
                let Some(found) = core.registrar.binding(user, *binding) else {
                    return self.failed(core, now, 480, None);
                };
                calling.uri = found.contact.clone().without_headers();
                let path = core.registrar.path(user, *binding);
                calling.routes = path.iter().map(ToString::to_string).collect();
                calling.flows = [found.flow].into();
                self.way = Way::phone(user.clone(), found);
                self.send_invite(core, now);
            }
            Target::Uri { uri, proxy } => {
                let hop = proxy.as_ref().unwrap_or(uri);
                if !hop.is_sip() {
                    return self.failed(core, now, 416, None);
                }
                if let Some(proxy) = proxy {
                    let proxy = proxy.clone().without_headers().with_param("lr", None);
                    calling.routes = vec![NameAddr::new(proxy).to_string()];
                }
                self.query = Some(core.resolve(self.id, hop));
            }
        }
    }

    /// The resolver has answered.
    pub(super) fn invite_resolved(&mut self, core: &mut Core, now: Time, flows: Vec<Flow>) {
        let Some(calling) = &mut self.calling else { return };
        calling.flows = flows.into();
        if !calling.flows.is_empty() {
            self.send_invite(core, now);
        } else if !self.redirected(core, now, 404, None) {
            self.failed(core, now, 404, None);
        }
    }

    fn send_invite(&mut self, core: &mut Core, now: Time) {
        let Some(calling) = &mut self.calling else { return };
        let Some(&flow) = calling.flows.front() else { return };
        if let Way::Direct { .. } = self.way {
            self.way = Way::direct(Some(flow));
        }
        self.cseq += 1;
        let key = ClientKey { branch: core.rng.next_u64(), cancel: false };
        let mut builder = Builder::request(&Method::Invite, &calling.uri)
            .header(Name::Via, core.via(&flow, key.branch))
            .header(Name::MaxForwards, calling.invite.max_forwards);
        for route in &calling.routes {
            builder.push(Name::Route, route);
        }
        builder = builder
            .header(Name::From, &self.local)
            .header(Name::To, &calling.invite.to)
            .header(Name::CallId, &self.call_id)
            .header(Name::CSeq, format_args!("{} INVITE", self.cseq))
            .header(Name::SessionId, self.label)
            .header(Name::Contact, core.contact(&flow, &self.user))
            .header(Name::Allow, ALLOW)
            .header(Name::UserAgent, &core.config.product);
        builder.push(Name::Supported, supported(calling.invite.body.is_some()));
        self.expiry.ask(&core.config.watch, &mut builder);
        builder = self.auth.prove(builder, core, &Method::Invite, &calling.uri);
        builder = with_headers(builder, &calling.invite.headers);
        let request = with_body(builder, calling.invite.body.as_ref()).build();
        calling.key = Some(key);
        calling.provisional = false;
        self.launch(core, now, key, flow, request, Purpose::Invite(self.id));
    }

    /// What became of the INVITE.
    pub(crate) fn invite_outcome(&mut self, core: &mut Core, now: Time, sent: &Sent) {
        if let Outcome::Response(response) = &sent.outcome {
            self.hear(now, response);
        }
        match &sent.outcome {
            Outcome::Response(response) => match response.status().unwrap_or(500) {
                0..200 => self.invite_provisional(core, now, sent, response),
                200..300 => self.invite_success(core, now, sent, response),
                _ if self.is_current(sent) => self.invite_refused(core, now, sent, response),
                _ => {}
            },
            Outcome::TimedOut if self.is_current(sent) => self.invite_unheard(core, now, 408),
            Outcome::TransportFailed if self.is_current(sent) => {
                self.invite_unheard(core, now, 503);
            }
            Outcome::TimedOut | Outcome::TransportFailed => {}
        }
    }

    fn is_current(&self, sent: &Sent) -> bool {
        self.calling.as_ref().is_some_and(|calling| calling.key == Some(sent.key))
    }

    fn invite_provisional(&mut self, core: &mut Core, now: Time, sent: &Sent, response: &Message) {
        if !self.is_current(sent) {
            // A branch that was given up: it must not wait for ever for its final response.
            core.client_step(now, sent.key, ClientIn::Cancelled, None);
            return;
        }
        let Some(calling) = &mut self.calling else { return };
        calling.provisional = true;
        self.cancel_if_wanted(core, now, sent);
        if response.status() == Some(100) {
            return;
        }
        if let Some(answer) = self.heard_early(core, now, sent, response) {
            let response = response.clone();
            self.tell(core, |leg| Event::Progress { leg, response, answer });
        }
    }

    fn invite_success(&mut self, core: &mut Core, now: Time, sent: &Sent, response: &Message) {
        let tag = response.to_tag().unwrap_or_default();
        let Some(mut calling) = self.calling.take() else {
            let ours = self.dialog().is_some_and(|dialog| dialog.remote_tag == tag);
            if !ours {
                let bye = Some(because(200, "Call completed elsewhere"));
                super::ack::stray(core, now, sent.key, sent.flow, &sent.request, response, bye);
            }
            return;
        };
        let dialog = Dialog::uac(&sent.request, response);
        let is_sound = dialog.is_ok();
        let dialog = dialog.or_else(|_| Dialog::unrouted(&sent.request, response));
        let Ok(mut dialog) = dialog else { return self.failed(core, now, 502, None) };
        if !is_sound {
            // The peer is in a call: it is acknowledged and ended, if only by its Contact.
            self.failed(core, now, 502, None);
        }
        if let Some(early) = self.dialogs.iter().find(|early| early.remote_tag == tag) {
            dialog.remote_cseq = early.remote_cseq;
        }
        self.dialogs = vec![dialog];
        self.cseq = core.last_early_number(sent.key, &tag).unwrap_or(self.cseq);
        self.phase = Phase::Confirmed;
        self.expiry.settle(now, &core.config.watch, response);
        self.owe_ack(core, now, sent.key, &sent.request);
        if let Cancel::Wanted(headers) | Cancel::Sent(headers) = calling.cancel {
            self.leave(core, now, headers);
        } else if !is_sound {
            self.leave(core, now, because(502, "No usable dialog"));
        } else {
            let answer = calling.earlies.answer(&tag, response);
            let response = response.clone();
            self.tell(core, |leg| Event::Answered { leg, response, answer });
            self.next_reinvite(core, now);
        }
    }

    fn invite_refused(&mut self, core: &mut Core, now: Time, sent: &Sent, response: &Message) {
        let status = response.status().unwrap_or(500);
        let Some(calling) = &self.calling else { return };
        if calling.cancel == Cancel::No {
            if let Some(key) = self.try_again(core, now, sent, response, false) {
                if let Some(calling) = &mut self.calling {
                    calling.key = Some(key);
                }
                self.start_over(core);
                return;
            }
            if status == 503 && self.next_flow(core, now)
                || self.redirected(core, now, status, Some(response))
            {
                return;
            }
        }
        self.failed(core, now, status, Some(response));
    }

    /// No answer, or no way to send.
    fn invite_unheard(&mut self, core: &mut Core, now: Time, status: u16) {
        let wanted = self.calling.as_ref().is_some_and(|calling| calling.cancel == Cancel::No);
        let goes_on =
            wanted && (self.next_flow(core, now) || self.redirected(core, now, status, None));
        if !goes_on {
            self.failed(core, now, status, None);
        }
    }

    /// Tries the next way there, if there is one (RFC 3263 section 4.3).
    fn next_flow(&mut self, core: &mut Core, now: Time) -> bool {
        let Some(calling) = &mut self.calling else { return false };
        calling.flows.pop_front();
        if calling.flows.is_empty() {
            return false;
        }
        self.start_over(core);
        self.auth.begin();
        self.send_invite(core, now);
        true
    }

    /// Forgets what the last INVITE brought, PRACKs that wait for a name as well: another one takes
    /// its place.
    pub(super) fn start_over(&mut self, core: &mut Core) {
        self.dialogs.clear();
        self.outbox.clear();
        self.asked = None;
        if let Some(query) = self.query.take() {
            core.queries.remove(&query);
        }
        if let Some(calling) = &mut self.calling {
            calling.provisional = false;
            if calling.earlies.clear() {
                self.tell(core, |leg| Event::StartedOver { leg });
            }
        }
    }

    fn failed(&mut self, core: &mut Core, now: Time, status: u16, response: Option<&Message>) {
        let (remote, response) = (response.is_some(), response.cloned());
        let failure = Failure { status, remote, response };
        self.tell(core, |leg: LegId| Event::Failed { leg, failure });
        self.silent = true;
        self.over(core, now);
    }
}
