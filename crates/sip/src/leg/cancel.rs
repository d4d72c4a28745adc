//! CANCEL of our INVITE: RFC 3261 section 9.1.

use serde::{Deserialize, Serialize};

use super::{Leg, Phase};
use crate::ground::{Core, Sent, cancel, with_headers};
use crate::transaction::{ClientIn, ClientKey, Purpose};
use crate::{Headers, Time};

/// Whether the owner has given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Cancel {
    No,
    /// Waits for a provisional response. A 2xx in between gets a BYE with these fields.
    Wanted(Headers),
    Sent(Headers),
}

impl Leg {
    /// Gives the call up: by CANCEL at once, or as soon as the peer has shown that it knows of it.
    pub(super) fn cancel(&mut self, core: &mut Core, now: Time, headers: Headers) {
        self.silent = true;
        let Some(calling) = &mut self.calling else { return };
        let Some(key) = calling.key else {
            // The resolver has not answered: nobody knows of the call.
            self.phase = Phase::Over;
            return;
        };
        calling.cancel = Cancel::Wanted(headers);
        if calling.provisional
            && let Some(client) = core.clients.get(&key)
        {
            let (request, flow) = (client.request.clone(), client.flow);
            self.send_cancel(core, now, key, &request, flow);
        }
    }

    /// Whether the owner wants no answer to our INVITE any more.
    pub(crate) fn has_given_up(&self) -> bool {
        self.calling.as_ref().is_some_and(|calling| calling.cancel != Cancel::No)
    }

    /// A provisional response came.
    pub(super) fn cancel_if_wanted(&mut self, core: &mut Core, now: Time, sent: &Sent) {
        let calling = self.calling.as_ref();
        if calling.is_some_and(|calling| matches!(calling.cancel, Cancel::Wanted(_))) {
            self.send_cancel(core, now, sent.key, &sent.request, sent.flow);
        }
    }

    fn send_cancel(
        &mut self,
        core: &mut Core,
        now: Time,
        invite: ClientKey,
        request: &crate::msg::Message,
        flow: crate::Flow,
    ) {
        let Some(calling) = &mut self.calling else { return };
        let Cancel::Wanted(headers) = core::mem::replace(&mut calling.cancel, Cancel::No) else {
            return;
        };
        let request = with_headers(cancel(request), &headers).build();
        calling.cancel = Cancel::Sent(headers);
        let key = ClientKey { cancel: true, ..invite };
        core.send(now, key, flow, request, Purpose::Nobody);
        // From now on the INVITE's final response has 64·T1 to come.
        core.client_step(now, invite, ClientIn::Cancelled, None);
    }
}
