//! Legs: one INVITE usage each (RFC 3261 sections 13 to 15). One act, one file.
//!
//! | phase     | is                                                  | ends by                        |
//! | --------- | --------------------------------------------------- | ------------------------------ |
//! | Calling   | our INVITE, from the resolver to its final response | final response, CANCEL         |
//! | Alerting  | the peer's INVITE, not finally answered             | our answer, CANCEL, BYE        |
//! | Confirmed | a dialog                                            | BYE either way, a dead dialog  |
//! | Telling   | the peer's BYE came, and its REFER is open          | the last NOTIFY                |
//! | Leaving   | our BYE is out, or a refused INVITE's PRACK may come | its final response, the PRACK  |
//! | Over      | nothing left                                        | –                              |
//!
//! In a dialog at most one INVITE is under way: the peer's (`open`, then our 2xx in `unacked`) or
//! ours (`reinvite`, then the ACK we owe in `owed`). What the owner wishes to say meanwhile waits
//! in `wish`. An offer of the peer's that comes by UPDATE or PRACK is `offered`. Before the final
//! response there may be several early dialogs of our INVITE, each with its own exchange (`prack`);
//! what the peer's INVITE is told before it is `reliable` where the peer knows how (`progress`).

mod accept;
mod ack;
mod bye;
mod cancel;
mod challenge;
mod end;
mod expiry;
mod invite;
mod outbox;
mod parcel;
mod prack;
mod progress;
mod redirect;
mod refer;
mod referral;
mod reinvite;
mod request;
mod update;
mod way;

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::accept::{Open, Unacked};
use self::ack::Owed;
pub(crate) use self::ack::stray;
use self::challenge::Auth;
use self::expiry::Expiry;
pub(crate) use self::expiry::is_too_short;
use self::invite::Calling;
pub(crate) use self::parcel::Order;
use self::parcel::{Parcel, Wish};
use self::progress::Reliable;
use self::refer::Referred;
use self::referral::Asking;
use self::reinvite::Reinvite;
use self::way::Way;
use crate::deadlines::earlier;
use crate::dialog::Dialog;
use crate::ground::{Core, Key};
use crate::msg::{Builder, Label, Message, Method, Name, Uri, Uuid};
use crate::{EndCause, Event, Flow, Headers, LegId, Time};

/// Where a leg stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    Calling,
    Alerting,
    Confirmed,
    Telling,
    Leaving,
    Over,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Leg {
    pub(crate) id: LegId,
    pub(crate) call_id: Arc<str>,
    /// Ours; the endpoint finds the leg by it.
    tag: u64,
    /// Whether the Call-ID is ours, which decides who waits longer after glare.
    owns_call_id: bool,
    /// Our From or To, with the tag.
    local: String,
    /// The user part of our Contact.
    user: String,
    /// Session-ID as we send it: the peer's half is the one heard last (RFC 7989 section 6).
    label: Label,
    way: Way,
    phase: Phase,
    /// Nothing more is to be told: the terminal event is out, or the owner has said End.
    silent: bool,
    /// Early ones while Calling; then the one.
    dialogs: Vec<Dialog>,
    /// Of our last request: an INVITE, and from the 2xx on any. Early dialogs have numbers of their own.
    cseq: u32,
    auth: Auth,
    expiry: Expiry,
    calling: Option<Box<Calling>>,
    /// The peer's INVITE or re-INVITE.
    open: Option<Open>,
    /// The peer's UPDATE or PRACK with an offer.
    offered: Option<Open>,
    reliable: Option<Box<Reliable>>,
    unacked: Option<Unacked>,
    owed: Option<Owed>,
    reinvite: Option<Reinvite>,
    wish: Option<Wish>,
    /// The peer's REFER.
    referred: Option<Referred>,
    /// Our REFER.
    asking: Option<Asking>,
    outbox: VecDeque<Parcel>,
    /// The query that the outbox waits for.
    query: Option<u64>,
    /// The hop that it asks for.
    asked: Option<Uri>,
    /// A BYE that may not be sent before the ACK came (section 15).
    bye: Option<Headers>,
    /// Until when our BYE waits for the peer's last word on a REFER of ours.
    lingers: Option<Time>,
    /// Where its INVITE is answered since the connection closed that it came by.
    away: Option<Flow>,
    /// Until when a phone whose connection closed may come back.
    lost: Option<Time>,
}

impl Leg {
    /// Whether nothing is left to do.
    pub(crate) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// How many dialogs it has.
    pub(crate) fn dialogs(&self) -> usize {
        self.dialogs.len()
    }

    /// Takes what others know of the leg away from them.
    pub(crate) fn forget(&mut self, core: &mut Core) {
        core.tags.remove(&self.tag);
        if self.owns_call_id {
            core.own_calls.remove(&self.call_id);
        }
        if let Some(query) = self.query.take() {
            core.queries.remove(&query);
        }
        core.deadlines.set(Key::Leg(self.id), None);
    }

    /// The earliest of its deadlines.
    pub(crate) fn next_due(&self) -> Option<Time> {
        let unacked = self.unacked.as_ref().map(|unacked| unacked.next.min(unacked.until));
        let owed = self.owed.as_ref().map(|owed| owed.until);
        let retry = self.reinvite.as_ref().and_then(Reinvite::due);
        let open = self.open.as_ref().and_then(|open| open.due);
        let offered = self.offered.as_ref().and_then(|offered| offered.due);
        let unpracked = self.reliable.as_ref().and_then(|reliable| reliable.due());
        let refer = earlier(self.referred_until(), earlier(self.asking_until(), self.expires_at()));
        let theirs = earlier(earlier(open, offered), earlier(unpracked, refer));
        let lost = earlier(self.lost, self.lingers);
        earlier(earlier(earlier(unacked, owed), earlier(retry, lost)), theirs)
    }

    /// Does what is due by `now`.
    pub(crate) fn due(&mut self, core: &mut Core, now: Time) {
        self.offered_due(core, now);
        self.unpracked_due(core, now);
        self.progress_due(core, now);
        self.unacked_due(core, now);
        self.owed_due(core, now);
        self.reinvite_due(core, now);
        self.referred_due(core, now);
        self.asking_due(core, now);
        self.lingering_due(core, now);
        self.expiry_due(core, now);
        if self.lost.is_some_and(|at| at <= now) {
            self.lost = None;
            self.give_up_flow(core, now);
        }
    }

    /// The dialog, once there is exactly one to speak of.
    fn dialog(&self) -> Option<&Dialog> {
        self.dialogs.first()
    }

    /// The dialog with the peer of this tag.
    fn dialog_with(&mut self, tag: &str) -> Option<&mut Dialog> {
        self.dialogs.iter_mut().find(|dialog| dialog.remote_tag == tag)
    }

    /// The CSeq of our next request, which no early dialog has to do with.
    fn next_cseq(&mut self) -> u32 {
        self.cseq += 1;
        self.cseq
    }

    /// The CSeq of our next request in the dialog of this tag.
    fn next_number(&mut self, core: &mut Core, tag: &str) -> u32 {
        let invite = self.calling.as_ref().and_then(|calling| calling.key);
        let early = invite.and_then(|invite| core.next_early_number(invite, tag));
        early.unwrap_or_else(|| self.next_cseq())
    }

    /// The terminal event, once.
    fn ended(&mut self, core: &mut Core, cause: EndCause) {
        self.ended_by(core, cause, None);
    }

    /// The terminal event, once, and the request that ended the leg.
    fn ended_by(&mut self, core: &mut Core, cause: EndCause, request: Option<&Message>) {
        if !self.silent {
            core.event(Event::Ended { leg: self.id, cause, request: request.cloned() });
        }
        self.silent = true;
    }

    /// An event that is not terminal.
    fn tell(&self, core: &mut Core, event: impl FnOnce(LegId) -> Event) {
        if !self.silent {
            core.event(event(self.id));
        }
    }

    /// Whether a request of the peer's with these identifiers is in one of our dialogs.
    pub(crate) fn has_dialog(&self, call_id: &str, remote_tag: &str) -> bool {
        *self.call_id == *call_id && self.dialogs.iter().any(|d| d.remote_tag == remote_tag)
    }

    /// A message of the peer's came: it lives, and may have told its half of Session-ID, or a new
    /// one.
    fn hear(&mut self, now: Time, message: &Message) {
        self.expiry.hear(now);
        let half = message.header(Name::SessionId).and_then(Label::sender);
        self.label.remote = half.or(self.label.remote);
    }

    /// Our half of Session-ID.
    pub(crate) fn uuid(&self) -> Uuid {
        self.label.local
    }

    /// A request in the dialog, all but Via and body (section 12.2.1.1).
    fn in_dialog(&self, core: &Core, flow: &Flow, method: &Method, cseq: u32) -> Option<Builder> {
        Some(self.within(core, flow, self.dialog()?, method, cseq))
    }

    /// The same in one of several early dialogs.
    fn within(
        &self,
        core: &Core,
        flow: &Flow,
        dialog: &Dialog,
        method: &Method,
        cseq: u32,
    ) -> Builder {
        let builder = dialog
            .request(method)
            .header(Name::MaxForwards, 70)
            .header(Name::From, &self.local)
            .header(Name::CallId, &self.call_id)
            .header(Name::SessionId, self.label)
            .header(Name::CSeq, format_args!("{cseq} {method}"))
            .header(Name::UserAgent, &core.config.product);
        match method {
            Method::Ack | Method::Bye | Method::Prack => builder,
            _ => builder.header(Name::Contact, core.contact(flow, &self.user)),
        }
    }
}
