//! OPTIONS to registered contacts that have been silent (`registrar/qualify.rs` says when).

use super::Endpoint;
use crate::ground::{Core, Sent};
use crate::msg::{Builder, Host, Method, Name, NameAddr, Uri};
use crate::rng::token;
use crate::transaction::{ClientKey, Purpose};
use crate::{LegId, Time};

/// Contacts asked at once. When nobody answers, each waits for 32 s.
const ASKED_MAX: usize = 500;

impl Endpoint {
    /// Asks whoever is due. One with a leg is heard, or missed, there; a phone in a call may also
    /// take a request that is not of it amiss.
    pub(super) fn qualify(&mut self, now: Time) {
        while let Some((user, id)) = self.core.registrar.due_check(now) {
            let watch = self.core.config.watch;
            if self.is_busy(id) {
                self.core.registrar.put_off(now, &watch, &user, id);
            } else if self.core.asked.len() >= ASKED_MAX {
                self.core.registrar.put_off_a_little(now, &watch, &user, id);
            } else {
                self.core.ask(now, &user, id);
            }
        }
    }

    /// Whether a leg goes by a contact.
    fn is_busy(&self, binding: u64) -> bool {
        let all = (binding, LegId(0))..=(binding, LegId(u64::MAX));
        self.by_binding.range(all).next().is_some()
    }

    /// What became of it: any final answer says that somebody is there, and so does a call that has
    /// begun meanwhile.
    pub(super) fn qualified(&mut self, now: Time, sent: &Sent) {
        let status = sent.outcome.status();
        if status.is_some_and(|status| status < 200) {
            return;
        }
        let branch = sent.key.branch;
        let Some((user, id)) = self.core.asked.remove(&branch) else { return };
        // A connection that closes takes its contacts with it.
        if status.is_none() && sent.flow.transport.is_reliable() {
            return;
        }
        let is_there = sent.outcome.is_response() || self.is_busy(id);
        let watch = self.core.config.watch;
        let told = self.core.registrar.answered(now, &watch, (&user, id), branch, is_there);
        self.core.events(told.into_iter().collect());
    }
}

impl Core {
    /// Sends OPTIONS to a contact, by the way that an INVITE would go.
    fn ask(&mut self, now: Time, user: &str, id: u64) {
        let Some(binding) = self.registrar.binding(user, id).cloned() else { return };
        let key = ClientKey { branch: self.rng.next_u64(), cancel: false };
        let domain = &self.config.domain;
        let host = Host::parse(domain).unwrap_or_else(|| Host::Name(domain.to_string()));
        let tag = token(self.rng.next_u64());
        let from = NameAddr::new(Uri::sip("usher", host.clone(), None)).with_tag(&tag);
        let call_id = self.rng.call_id();
        let mut builder =
            Builder::request(&Method::Options, &binding.contact.clone().without_headers())
                .header(Name::Via, self.via(&binding.flow, key.branch))
                .header(Name::MaxForwards, 70);
        for route in self.registrar.path(user, id) {
            builder.push(Name::Route, route);
        }
        let request = builder
            .header(Name::From, from)
            .header(Name::To, NameAddr::new(Uri::sip(user, host, None)))
            .header(Name::CallId, call_id)
            .header(Name::CSeq, "1 OPTIONS")
            .header(Name::Contact, self.contact(&binding.flow, "usher"))
            .header(Name::Accept, "application/sdp")
            .header(Name::UserAgent, &self.config.product);
        self.registrar.asked(user, id, key.branch);
        self.asked.insert(key.branch, (user.into(), id));
        self.send(now, key, binding.flow, request.build(), Purpose::Qualify);
    }
}
