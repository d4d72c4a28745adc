//! Where a new call goes.

use sip::msg::{Host, Message, Uri};

use super::dial::Refused;
use super::wait::Joins;
use crate::api::Time;
use crate::call::{Attendant, Call, Why};
use crate::config::{Go, Manner, Name, Outgoing};
use crate::directory::Extension;
use crate::event::CallResult;
use crate::route::Dialled;
use crate::switch::B2bua;

impl B2bua {
    /// The first route that matches; else the operator or queue of that number.
    pub(crate) fn destination(&self, now: Time, call: &Call, request: &Message) -> Option<Go> {
        let trunk = call.trunk.as_deref();
        let trusted = trunk.and_then(|name| self.directory.trunk(name)).is_some_and(|t| t.trusted);
        let (to, from, unix) = (&call.to, &call.from, self.unix(now));
        let dialled = Dialled { to, from, trunk, trusted, request: Some(request), unix };
        self.reached(&dialled)
    }

    /// What dialling a number reaches.
    pub(crate) fn reached(&self, dialled: &Dialled<'_>) -> Option<Go> {
        match self.directory.router.find(dialled) {
            Some(go) => Some(go.clone()),
            None => self.directory.extension(dialled.to).map(|extension| match extension {
                Extension::Operator(name) => Go::Operator(name.clone()),
                Extension::Queue(queue) => {
                    Go::Queue { queue: queue.clone(), priority_s: None, manner: Manner::default() }
                }
            }),
        }
    }

    /// Goes there. An operator's own call goes outside only as their dial policy allows.
    pub(crate) fn route(&mut self, now: Time, call: &mut Call, go: Option<Go>) {
        match go {
            Some(go) if self.may(call, &go) => self.go(now, call, go),
            Some(_) => self.end_call(now, call, CallResult::Failed, "not allowed", 403),
            None => self.end_call(now, call, CallResult::Failed, "no route", 404),
        }
    }

    fn may(&self, call: &Call, go: &Go) -> bool {
        let caller = call.origin().and_then(|origin| origin.operator);
        let caller = caller.map(|id| self.directory.operator_name(id));
        caller.is_none_or(|caller| self.may_call(&caller, go, &call.to))
    }

    /// Whether an operator's dial policy lets them go there, where that number leads.
    pub(super) fn may_call(&self, caller: &Name, go: &Go, to: &str) -> bool {
        let policy = self.directory.operator(caller).map(|operator| &operator.outgoing);
        match go {
            Go::Queue { .. } | Go::Operator(_) | Go::Bot(_) => policy != Some(&Outgoing::Nobody),
            Go::Uri(_) | Go::Number { .. } => self.directory.router.may_dial(caller, to),
            Go::Announce(_)
            | Go::Menu(_)
            | Go::Park { .. }
            | Go::Hook(_)
            | Go::Reject(_)
            | Go::Drop => true,
        }
    }

    fn go(&mut self, now: Time, call: &mut Call, go: Go) {
        match go {
            Go::Queue { queue, priority_s, manner } => {
                let joins = Joins { priority_s, manner, despite_limits: false };
                self.enqueue(now, call, &queue, joins);
            }
            Go::Operator(_) | Go::Bot(_) | Go::Uri(_) | Go::Number { .. } => {
                match self.dial(now, call, go, Why::Dialled) {
                    Ok(()) => self.dialling(now, call),
                    Err(Refused { cause, status }) => {
                        self.end_call(now, call, CallResult::Failed, cause, status);
                    }
                }
            }
            Go::Announce(audio) => self.announce(now, call, audio),
            Go::Menu(menu) => self.ask_menu(now, call, &menu, 0),
            Go::Hook(hook) => self.ask_hook(now, call, &hook),
            Go::Park { timeout_ms } => {
                self.has_attendant(now, call, Attendant::Parks { timeout_ms });
            }
            Go::Reject(status) => {
                self.end_call(now, call, CallResult::Failed, "rejected by route", status);
            }
            Go::Drop => {
                self.end_call(now, call, CallResult::Failed, "dropped by route", 0);
            }
        }
    }

    /// Our own URI of a number or name.
    pub(crate) fn own_uri(&self, user: &str) -> Uri {
        Uri::sip(user, self.own_host(), None)
    }

    /// The house, as URIs name it.
    pub(crate) fn own_host(&self) -> Host {
        let domain = &self.directory.config.sip.domain;
        Host::parse(domain).unwrap_or_else(|| Host::Name(domain.to_string()))
    }
}
