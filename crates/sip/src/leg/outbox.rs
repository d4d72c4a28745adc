//! Requests in the dialog on their way out: at once, or once the resolver has answered.

use super::Leg;
use super::parcel::{Order, Parcel};
use super::way::{Route, Way};
use crate::dialog::Dialog;
use crate::ground::{ALLOW, Core, TIMER, transport_named, with_body, with_headers};
use crate::msg::{Message, Method, Name};
use crate::transaction::{ClientKey, Purpose};
use crate::{Body, Flow, Headers, Time, Transport};

impl Leg {
    /// Sends a parcel by the way of the dialog. What must wait keeps its order.
    pub(super) fn post(&mut self, core: &mut Core, now: Time, parcel: Parcel) {
        if self.query.is_some() {
            self.outbox.push_back(parcel);
            return;
        }
        let Some(dialog) = self.dialog_of(&parcel) else { return };
        match self.way.route(core, dialog) {
            Route::Flow(flow) => self.ship(core, now, flow, parcel),
            Route::Ask(uri) => {
                self.query = Some(core.resolve(self.id, &uri));
                self.asked = Some(uri);
                self.outbox.push_back(parcel);
            }
            Route::Nowhere => self.undeliverable(core, now, parcel),
        }
    }

    /// The dialog that a parcel goes to, unless another fork has answered meanwhile.
    fn dialog_of(&self, parcel: &Parcel) -> Option<&Dialog> {
        match parcel {
            Parcel::Prack { tag, .. } => self.dialogs.iter().find(|d| d.remote_tag == *tag),
            _ => self.dialog(),
        }
    }

    /// The resolver has answered.
    pub(crate) fn resolved(&mut self, core: &mut Core, now: Time, flows: Vec<Flow>) {
        self.query = None;
        let Some(hop) = self.asked.take() else {
            return self.invite_resolved(core, now, flows);
        };
        let found = flows.first().copied();
        if let Way::Direct { flow, closed, cache } = &mut self.way {
            // What cannot be found may still be where it was heard last.
            *cache = found.or(flow.filter(|_| !*closed)).map(|flow| (hop.clone(), flow));
        }
        for parcel in core::mem::take(&mut self.outbox) {
            let Some(dialog) = self.dialog_of(&parcel) else { continue };
            if *dialog.next_hop() != hop {
                // Another early dialog's, or the peer has moved.
                self.post(core, now, parcel);
                continue;
            }
            match found.or_else(|| self.flow(core)) {
                Some(flow) => self.ship(core, now, flow, parcel),
                None => self.undeliverable(core, now, parcel),
            }
        }
        self.told_all();
    }

    fn ship(&mut self, core: &mut Core, now: Time, flow: Flow, parcel: Parcel) {
        match parcel {
            Parcel::Ack { invite, cseq, body } => {
                self.ship_ack(core, &flow, invite, cseq, body.as_ref());
            }
            Parcel::Prack { tag, rack } => self.ship_prack(core, now, flow, &tag, &rack),
            Parcel::Bye(headers) => {
                let purpose = Purpose::Bye(self.id);
                self.ship_request(core, now, flow, &Method::Bye, &headers, None, purpose);
            }
            Parcel::Reinvite(wish, body) => {
                self.ship_reinvite(core, now, flow, wish, body.as_ref());
            }
            Parcel::Refer { token, headers } => {
                self.ship_refer(core, now, flow, token, &headers);
            }
            Parcel::Notify { token, headers, body } => {
                self.ship_notify(core, now, flow, token, &headers, &body);
            }
            Parcel::Request(Order { token, method, headers, body }) => {
                let purpose = Purpose::Request(self.id, token);
                let body = body.as_ref();
                self.ship_request(core, now, flow, &method, &headers, body, purpose);
            }
            Parcel::Pulse(method) => {
                let (purpose, headers) = (Purpose::Pulse(self.id), Headers::new());
                self.ship_request(core, now, flow, &method, &headers, None, purpose);
            }
        }
    }

    /// Sends a request of a new CSeq as a transaction.
    #[expect(clippy::too_many_arguments, reason = "all that makes a request")]
    pub(super) fn ship_request(
        &mut self,
        core: &mut Core,
        now: Time,
        flow: Flow,
        method: &Method,
        headers: &Headers,
        body: Option<&Body>,
        purpose: Purpose,
    ) -> Option<ClientKey> {
        let number = self.next_cseq();
        let builder = self.in_dialog(core, &flow, method, number)?;
        let key = ClientKey { branch: core.rng.next_u64(), cancel: false };
        let mut builder = builder.header_first(Name::Via, core.via(&flow, key.branch));
        if matches!(method, Method::Invite | Method::Update) {
            builder.push(Name::Allow, ALLOW);
            builder.push(Name::Supported, TIMER);
            self.expiry.ask(&core.config.watch, &mut builder);
        }
        if let Some(dialog) = self.dialogs.first() {
            builder = self.auth.prove(builder, core, method, dialog.request_uri());
        }
        builder = with_body(with_headers(builder, headers), body);
        self.launch(core, now, key, flow, builder.build(), purpose);
        Some(key)
    }

    /// Sends a request as a transaction; to an address as its size demands (section 18.1.1).
    pub(super) fn launch(
        &self,
        core: &mut Core,
        now: Time,
        key: ClientKey,
        flow: Flow,
        request: Message,
        purpose: Purpose,
    ) {
        if self.is_bound_to_flow() {
            core.send(now, key, flow, request, purpose);
        } else {
            core.send_by_size(now, key, flow, request, purpose);
        }
    }

    /// Whether requests go by the flow that was found, whatever their size: to a registration, or
    /// where the next hop's URI names UDP.
    fn is_bound_to_flow(&self) -> bool {
        let hop = match (&self.way, &self.calling) {
            (Way::Phone { .. }, _) => return true,
            (Way::Direct { .. }, Some(calling)) => calling.next_hop(),
            (Way::Direct { .. }, None) => self.dialog().map(Dialog::next_hop),
        };
        let named = hop.and_then(|hop| hop.param("transport")).and_then(transport_named);
        named == Some(Transport::Udp)
    }

    /// There is no way to the peer.
    fn undeliverable(&mut self, core: &mut Core, now: Time, parcel: Parcel) {
        match parcel {
            Parcel::Ack { .. } => {}
            Parcel::Prack { tag, .. } => self.early_lost(core, now, &tag, 503),
            Parcel::Bye(_) => self.over(core, now),
            Parcel::Reinvite(..) => self.reinvite_over(core, now, 503),
            Parcel::Request(order) => self.unsent(core, order),
            Parcel::Refer { token, .. } => self.refer_refused(core, now, token, 503),
            Parcel::Notify { token, .. } => self.notified(core, now, token, 503),
            Parcel::Pulse(method) => self.pulse_unsent(now, &method),
        }
    }
}
