//! Where a new call goes.

use sip::msg::{Host, Message, Uri};

use crate::api::Time;
use crate::call::Call;
use crate::config::{Go, Name, Outgoing};
use crate::directory::Extension;
use crate::event::CallResult;
use crate::route::Dialled;
use crate::switch::B2bua;

impl B2bua {
    /// The first route that matches; else the operator or queue of that number.
    pub(crate) fn destination(&self, call: &Call, request: &Message) -> Option<Go> {
        let trunk = call.trunk.as_deref();
        let trusted = trunk.and_then(|name| self.directory.trunk(name)).is_some_and(|t| t.trusted);
        let dialled = Dialled { to: &call.to, from: &call.from, trunk, trusted, request };
        match self.directory.router.find(&dialled) {
            Some(go) => Some(go.clone()),
            None => self.directory.extension(&call.to).map(|extension| match extension {
                Extension::Operator(name) => Go::Operator(name.clone()),
                Extension::Queue(queue) => Go::Queue { queue: queue.clone(), priority_s: 0 },
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
        let Some(caller) = caller.map(|id| self.directory.operator_name(id)) else {
            return true;
        };
        let policy = self.directory.operator(&caller).map(|operator| &operator.outgoing);
        match go {
            Go::Queue { .. } | Go::Operator(_) => policy != Some(&Outgoing::Nobody),
            Go::Uri(_) | Go::Number { .. } => self.directory.router.may_dial(&caller, &call.to),
            Go::Reject(_) | Go::Drop => true,
        }
    }

    fn go(&mut self, now: Time, call: &mut Call, go: Go) {
        match go {
            Go::Queue { queue, priority_s } => self.enqueue(now, call, &queue, priority_s),
            Go::Operator(name) => self.dial_operator(now, call, &name),
            Go::Uri(uri) => self.dial_uri(now, call, uri, None, None),
            Go::Number { number, trunk } => self.dial_number(now, call, &number, &trunk),
            Go::Reject(status) => {
                self.end_call(now, call, CallResult::Failed, "rejected by route", status);
            }
            Go::Drop => {
                self.end_call(now, call, CallResult::Failed, "dropped by route", 0);
            }
        }
    }

    fn dial_number(&mut self, now: Time, call: &mut Call, number: &str, name: &Name) {
        let trunk = self.directory.trunk(name);
        let proxy = trunk.and_then(|trunk| trunk.proxy.clone());
        let credentials = trunk.and_then(|trunk| trunk.credentials.clone());
        let host = proxy.as_ref().and_then(|proxy| Some((proxy.host()?.clone(), proxy.port())));
        let (Some(proxy), Some((host, port))) = (proxy, host) else {
            self.end_call(now, call, CallResult::Failed, "trunk has no proxy", 503);
            return;
        };
        if self.trunk_is_full(name) {
            self.end_call(now, call, CallResult::Failed, "trunk is full", 503);
            return;
        }
        let uri = proxy.bare().with_host(host, port).with_user(number);
        self.dial_uri(now, call, uri, credentials, Some(name.clone()));
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
