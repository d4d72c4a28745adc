//! A callee that sends us elsewhere: RFC 3261 sections 8.1.3.4 and 21.3.
//!
//! A 300, 301 or 302 gives addresses, which are tried one after the other, the most wanted first,
//! in the same leg: with the same Call-ID, To and From, and the next CSeq. Who may be reached so
//! is the owner's word ([`Redirects`]): whoever is called must not choose whom we pay for. A 305 or
//! 380 asks for more than another address, and is a failure.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Leg;
use super::challenge::Auth;
use crate::Time;
use crate::ground::Core;
use crate::msg::{Message, Name, Scheme, Uri};
use crate::{Block, Redirects, Target};

/// Addresses that one call is led to at most.
const TARGETS_MAX: usize = 5;

/// Where a call of ours was led.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Targets {
    left: VecDeque<Uri>,
    seen: Vec<Uri>,
}

impl Leg {
    /// Whether the call goes on after a failure, to an address that the callee gave.
    pub(super) fn redirected(
        &mut self,
        core: &mut Core,
        now: Time,
        status: u16,
        response: Option<&Message>,
    ) -> bool {
        if let Some(response) = response.filter(|_| (300..=302).contains(&status)) {
            self.take_targets(response);
        }
        let Some(calling) = &mut self.calling else { return false };
        // 6xx speaks for everywhere (section 21.6).
        let next = calling.targets.left.pop_front().filter(|_| status < 600);
        let Some(next) = next else { return false };
        if !is_own(&calling.first, &next, calling.invite.redirects.blocks()) {
            // Whoever is there has no business with what we can prove to the one we called, nor with
            // who calls as it is told within its trust domain (RFC 3325 section 5).
            self.auth = Auth::default();
            let asserted = Name::PAssertedIdentity.as_str();
            calling.invite.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(asserted));
        }
        if let Target::Uri { uri, .. } = &mut calling.invite.target {
            *uri = next.clone();
        }
        calling.uri = next;
        calling.key = None;
        self.start_over(core);
        self.auth.begin();
        self.place(core, now);
        true
    }

    fn take_targets(&mut self, response: &Message) {
        let Some(calling) = &mut self.calling else { return };
        if matches!(calling.invite.target, Target::Binding { .. }) {
            return;
        }
        let redirects = &calling.invite.redirects;
        let mut contacts = response.contacts().unwrap_or_default();
        contacts.sort_by_key(|contact| core::cmp::Reverse(contact.q_permille().unwrap_or(1_000)));
        let seen = &mut calling.targets.seen;
        if seen.is_empty() {
            seen.push(calling.uri.clone());
        }
        for contact in contacts {
            let uri = contact.uri.without_headers().without_param("method");
            let may = *uri.scheme() == Scheme::Sip
                && match redirects {
                    Redirects::Refused => false,
                    Redirects::Own(blocks) => is_own(&calling.first, &uri, blocks),
                    Redirects::Any => true,
                };
            if may && seen.len() <= TARGETS_MAX && !seen.iter().any(|one| one.matches(&uri)) {
                seen.push(uri.clone());
                calling.targets.left.push_back(uri);
            }
        }
    }
}

/// Whether a URI leads to where the call went first: the same host, or an address of these blocks.
fn is_own(first: &Uri, uri: &Uri, blocks: &[Block]) -> bool {
    let Some(host) = uri.host() else { return false };
    first.host() == Some(host)
        || host.ip().is_some_and(|ip| blocks.iter().any(|block| block.contains(ip)))
}
