//! What a peer is told when it is called: who calls, and the context, as its policy has it.

use sip::msg::{NameAddr, Uri};
use sip::{Headers, Target};

use super::ring::Callee;
use crate::call::{Call, Why};
use crate::config::{HeaderRules, Name};
use crate::headers::{self, Party};
use crate::identity::{self, Outgoing};
use crate::switch::B2bua;

impl B2bua {
    /// Which header fields cross to and from whoever is at the other end of a leg.
    pub(crate) fn policy(
        &self,
        operator: Option<acd::OperatorId>,
        trunk: Option<&Name>,
    ) -> (&HeaderRules, Party) {
        let strangers = &self.directory.strangers;
        // Also an operator at a number outside is behind a trunk.
        if let Some(trunk) = trunk.and_then(|name| self.directory.trunk(name)) {
            return (&trunk.headers, Party::of(trunk));
        }
        match operator.map(|operator| self.directory.operator_name(operator)) {
            Some(name) => {
                let operator = self.directory.operator(&name);
                (operator.map_or(strangers, |operator| &operator.headers), Party::Inside)
            }
            None => (strangers, Party::Stranger),
        }
    }

    /// From, and the header fields that go with it.
    pub(crate) fn introduction(&self, call: &Call, callee: &Callee) -> (NameAddr, Headers) {
        let inside = callee.operator.filter(|_| callee.errand.outside.is_none());
        let (mut from, mut headers) = match inside {
            Some(operator) => self.inside(call, operator, callee.errand.by),
            None => self.outside(call, callee),
        };
        if matches!(callee.errand.why, Why::Serve(_) | Why::Referred) {
            put(&mut headers, call.given.clone());
        }
        if callee.errand.why == Why::First {
            // Whoever is to call sees whom.
            let uri = Uri::parse(&call.to).ok().filter(Uri::is_sip).map(|uri| uri.bare());
            from = NameAddr::new(uri.unwrap_or_else(|| self.own_uri(&call.to)));
        }
        put(&mut headers, callee.errand.headers.clone());
        (from, headers)
    }

    /// To a phone of ours: the queue, the caller, and our own ids.
    fn inside(
        &self,
        call: &Call,
        operator: acd::OperatorId,
        by: Option<acd::OperatorId>,
    ) -> (NameAddr, Headers) {
        let (rules, party) = self.policy(Some(operator), None);
        let mut headers = headers::told(&call.context, rules, party);
        headers.extend(self.ids_of(call));
        let is_anonymous = &*call.from == identity::ANONYMOUS;
        let caller = if is_anonymous {
            identity::nobody()
        } else {
            let who = call.display.as_deref().unwrap_or(&call.from);
            NameAddr::new(self.own_uri(&call.from)).with_display(who)
        };
        let who = caller.display.as_deref().unwrap_or_default();
        let from = match call.task() {
            Some(task) => {
                let shown = format!("{}: {who}", self.directory.queue_name(task.queue));
                caller.with_display(&shown)
            }
            None => caller,
        };
        let Some(by) = by.map(|by| self.directory.operator_name(by)) else {
            return (from, headers);
        };
        // Who asks is who is called back; whom it is about is shown.
        let name = self.directory.operator(&by).map_or(&by, |by| &by.name);
        let shown = format!("{name}: {}", from.display.as_deref().unwrap_or_default());
        (NameAddr::new(self.own_uri(&by)).with_display(&shown), headers)
    }

    /// Our own ids of a call.
    pub(super) fn ids_of(&self, call: &Call) -> Headers {
        let mut ids = vec![("X-Usher-Call".into(), call.key.to_string())];
        if let Some(task) = call.task() {
            ids.push(("X-Usher-Task".into(), task.key.to_string()));
            let queue = self.directory.queue_name(task.queue).to_string();
            ids.push(("X-Usher-Queue".into(), queue));
        }
        ids
    }

    /// Over a trunk, or to a URI.
    fn outside(&self, call: &Call, callee: &Callee) -> (NameAddr, Headers) {
        let trunk = callee.trunk.as_deref().and_then(|name| self.directory.trunk(name));
        let caller = call.origin().and_then(|origin| origin.operator);
        let by = callee.errand.by;
        let caller = by.or(caller).map(|id| self.directory.operator_name(id));
        // Whoever is called back would else see themselves, or a colleague's own number.
        let called_back = call.task().filter(|_| callee.errand.why == Why::CalledBack);
        let own = called_back
            .and_then(|task| Some(self.shown_caller(task.queue, self.callback_of(call)?)));
        let outgoing = Outgoing {
            own: own.as_deref(),
            number: &call.from,
            display: call.display.as_deref(),
            hidden: call.hidden.as_ref().filter(|_| by.is_none()),
            asserted: call.asserted && by.is_none(),
            operator: caller.and_then(|name| self.directory.operator(&name)),
            trunk,
        };
        let (from, mut headers) = identity::outward(outgoing, &self.own_host());
        let (rules, party) = self.policy(None, callee.trunk.as_ref());
        headers.extend(headers::told(&call.context, rules, party));
        if let Target::Uri { uri, .. } = &callee.target {
            let config = &self.directory.config;
            let (prefix, max) = (&config.header_prefix, config.limits.context_value_max);
            // The configuration check has named those that are refused.
            let given =
                |(name, value): (String, String)| headers::given(&name, &value, prefix, max).ok();
            let given: Headers = uri.headers().filter_map(given).collect();
            put(&mut headers, given);
        }
        (from, headers)
    }
}

/// What is given for this one leg takes the place of what all would have.
fn put(headers: &mut Headers, given: Headers) {
    headers.retain(|(name, _)| !given.iter().any(|(new, _)| new.eq_ignore_ascii_case(name)));
    headers.extend(given);
}
