//! Our provisional responses to the peer's INVITE, and its PRACKs: RFC 3261 section 13.3.1.1,
//! RFC 3262 section 3, RFC 6337 section 3.1.
//!
//! A first INVITE that requires `100rel` gets every response over 100 reliably. One that supports it
//! gets those reliably that carry SDP, and the rest as before: a 180 must not cost two messages more.
//!
//! | first exchange | a reliable response's body           | an unreliable one's | the 2xx's            |
//! | -------------- | ------------------------------------ | ------------------- | -------------------- |
//! | Theirs         | our answer, then Done                | a foretaste of it   | our answer           |
//! | Unsaid         | our offer (it is asked for), then Ours | none              | our offer            |
//! | Ours           | waits for the PRACK and its answer   | none                | waits for the PRACK  |
//! | Done           | none                                 | none                | none                 |
//!
//! One reliable response is out at a time; the newest of what the owner says meanwhile waits. A
//! 2xx waits as well where the response that is out carries SDP, else it goes at once.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::accept::Open;
use super::reinvite::overlapping;
use super::update::PROMPTLY;
use super::{Leg, Phase};
use crate::ground::{Core, REL};
use crate::msg::{Message, Method, Name};
use crate::transaction::ServerIn;
use crate::transaction::timer::{T1, T1_64};
use crate::{Body, EndCause, Event, Flow, Headers, Time};

/// Proxies give an INVITE up after three minutes without a provisional response over 100, so one
/// is sent every minute (RFC 3261 section 13.3.1.1).
const PROGRESS_EVERY: Time = Time::from_secs(60);

/// How the exchange of offer and answer stands that began with the peer's first INVITE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum First {
    /// It brought an offer that is not answered for good.
    Theirs,
    /// It brought none, and ours is not made.
    Unsaid,
    /// Ours is out in a reliable response.
    Ours,
    Done,
}

/// What the owner says to an INVITE.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Option<Body>,
}

impl Said {
    /// What is said after this has been said in vain.
    fn newer(self, said: Self) -> Self {
        Self { body: said.body.or(self.body), ..said }
    }
}

/// What a peer that knows `100rel` has been told before its INVITE's final response.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Reliable {
    is_required: bool,
    first: First,
    /// Of the INVITE.
    cseq: u32,
    /// Of the last reliable response.
    rseq: u32,
    /// The status last said.
    status: u16,
    unpracked: Option<Unpracked>,
    /// Waits for the PRACK.
    next: Option<Said>,
    /// Waits for the owner's offer.
    asked: Option<Said>,
}

/// A reliable provisional response that waits for its PRACK.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Unpracked {
    response: Bytes,
    flow: Flow,
    has_sdp: bool,
    /// None once the 2xx is out: then it is not repeated, but its PRACK may still come.
    repeat: Option<Repeat>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Repeat {
    next: Time,
    interval: Time,
    until: Time,
}

impl Reliable {
    /// For an INVITE that says that its sender knows `100rel`.
    pub(super) fn new(core: &mut Core, invite: &Message) -> Option<Box<Self>> {
        let is_required = invite.lists(Name::Require, REL);
        if !is_required && !invite.lists(Name::Supported, REL) {
            return None;
        }
        let first = if invite.sdp().is_empty() { First::Unsaid } else { First::Theirs };
        // From 1 to 2^31 - 1, with room for all that follow (RFC 3262 section 3).
        let rseq = u32::try_from(core.rng.below((1 << 31) - 1_000_000)).unwrap_or(0);
        Some(Box::new(Self {
            is_required,
            first,
            cseq: invite.cseq().map_or(0, |cseq| cseq.number),
            rseq,
            status: 0,
            unpracked: None,
            next: None,
            asked: None,
        }))
    }

    /// Whether the first exchange is over, so that another may begin (RFC 6337 section 2.2).
    pub(super) fn is_done(&self) -> bool {
        self.first == First::Done
    }

    /// Whether our offer waits for its answer.
    pub(super) fn is_offering(&self) -> bool {
        self.first == First::Ours
    }

    /// Whether the 2xx brings our offer.
    pub(super) fn offers_in_2xx(&self) -> bool {
        self.first == First::Unsaid
    }

    /// Keeps a 2xx back that must wait for a PRACK; gives it back where it may go.
    pub(super) fn hold(&mut self, said: Said) -> Option<Said> {
        self.asked = None;
        if !self.unpracked.as_ref().is_some_and(|unpracked| unpracked.has_sdp) {
            return Some(said);
        }
        self.wait(said);
        None
    }

    /// The 2xx is out: nothing is repeated any more.
    pub(super) fn answered(&mut self) {
        self.next = None;
        if let Some(unpracked) = &mut self.unpracked {
            unpracked.repeat = None;
        }
    }

    /// The INVITE is refused. What is left, if anything, is to wait for the PRACK of what is out
    /// (RFC 3262 section 3), without repeating it.
    pub(super) fn refused(mut self: Box<Self>, now: Time) -> Option<Box<Self>> {
        let repeat = self.unpracked.as_mut()?.repeat.as_mut()?;
        repeat.next = repeat.until;
        (repeat.until > now).then_some(self)
    }

    pub(super) fn due(&self) -> Option<Time> {
        let repeat = self.unpracked.as_ref()?.repeat?;
        Some(repeat.next.min(repeat.until))
    }

    fn wait(&mut self, said: Said) {
        self.next = Some(match self.next.take() {
            // Nothing provisional follows a 2xx.
            Some(old) if old.status >= 200 => old,
            Some(old) => old.newer(said),
            None => said,
        });
    }
}

impl Leg {
    /// The owner's provisional response.
    pub(super) fn progress(&mut self, core: &mut Core, now: Time, mut said: Said) {
        // RFC 4320 section 4.1: nothing provisional but to INVITE.
        let Some(open) = &mut self.open else { return };
        open.due = Some(now + PROGRESS_EVERY);
        if self.phase != Phase::Alerting {
            // A re-INVITE is answered at once; reliably we say nothing before that.
            if !open.request.lists(Name::Require, REL) {
                self.say(core, now, &said);
            }
            return;
        }
        let is_late = open.request.sdp().is_empty();
        let Some(reliable) = &mut self.reliable else {
            // An offer may not go by a response that may be lost (RFC 3261 section 13.2.1).
            said.body = said.body.filter(|_| !is_late);
            return self.say(core, now, &said);
        };
        reliable.status = said.status;
        let has_news = said.body.is_some() && !reliable.is_done();
        if reliable.is_required || has_news {
            self.progress_reliably(core, now, said);
        } else {
            said.body = None;
            self.say(core, now, &said);
        }
    }

    /// Sends a provisional response as it is.
    fn say(&mut self, core: &mut Core, now: Time, said: &Said) {
        let Some(open) = &self.open else { return };
        let Said { status, headers, body } = said;
        if let Some(builder) = self.answer(core, open, *status, headers, body.as_ref()) {
            core.respond(now, open.server, builder);
        }
    }

    fn progress_reliably(&mut self, core: &mut Core, now: Time, mut said: Said) {
        let (Some(open), Some(reliable)) = (&self.open, &mut self.reliable) else { return };
        if reliable.unpracked.is_some() {
            return reliable.wait(said);
        }
        if reliable.first == First::Unsaid && said.body.is_none() {
            // The first reliable response must bring the offer (RFC 3262 section 5).
            if reliable.asked.replace(said).is_none() {
                self.tell(core, |leg| Event::OfferWanted { leg });
            }
            return;
        }
        reliable.asked = None;
        let (first, rseq) = (reliable.first, reliable.rseq + 1);
        said.body = said.body.filter(|_| first != First::Done);
        let has_sdp = said.body.is_some();
        let Said { status, headers, body } = &said;
        let Some(builder) = self.answer(core, open, *status, headers, body.as_ref()) else {
            return;
        };
        let Some(flow) = core.servers.get(&open.server).map(|server| server.flow) else { return };
        let builder = builder.header(Name::Require, REL).header(Name::RSeq, rseq);
        let Some(response) = core.respond(now, open.server, builder) else { return };
        let Some(reliable) = &mut self.reliable else { return };
        reliable.rseq = rseq;
        reliable.first = match first {
            First::Theirs if has_sdp => First::Done,
            First::Unsaid => First::Ours,
            first => first,
        };
        let repeat = Some(Repeat { next: now + T1, interval: T1, until: now + T1_64 });
        reliable.unpracked = Some(Unpracked { response, flow, has_sdp, repeat });
    }

    /// The owner's offer for a reliable response that waits for it; `false` if none does.
    pub(super) fn offer_early(&mut self, core: &mut Core, now: Time, body: Option<&Body>) -> bool {
        let asked = self.reliable.as_mut().and_then(|reliable| reliable.asked.take());
        let Some(said) = asked else { return false };
        if body.is_some() {
            self.progress(core, now, Said { body: body.cloned(), ..said });
        }
        true
    }

    /// The peer's PRACK (RFC 3262 section 3). What it brings besides is an answer to our offer, or,
    /// once the first exchange is over, an offer.
    pub(super) fn prack_received(
        &mut self,
        core: &mut Core,
        now: Time,
        server: u64,
        request: &Message,
    ) {
        let rack = request.rack().ok().flatten();
        let practised = self.reliable.as_mut().and_then(|reliable| {
            let rack = rack.filter(|rack| rack.rseq == reliable.rseq)?;
            let is_ours = rack.cseq.number == reliable.cseq && rack.cseq.method == Method::Invite;
            reliable.unpracked.take_if(|_| is_ours)?;
            Some(reliable)
        });
        let Some(reliable) = practised else { return core.reply(now, server, 481, &[]) };
        if self.phase == Phase::Leaving {
            core.reply(now, server, 200, &[]);
            self.phase = Phase::Over;
            return;
        }
        let has_body = !request.sdp().is_empty();
        if reliable.first == First::Ours {
            core.reply(now, server, 200, &[]);
            if !has_body {
                self.ended(core, EndCause::NoAnswer);
                return self.refuse(core, now, 488, &Headers::new());
            }
            reliable.first = First::Done;
            let request = request.clone();
            self.tell(core, |leg| Event::Acked { leg, request });
        } else if !has_body {
            core.reply(now, server, 200, &[]);
        } else if !reliable.is_done()
            || self.phase != Phase::Alerting
            || self.offered.is_some()
            || self.silent
        {
            overlapping(core, now, server);
        } else {
            self.take_offer(core, now + PROMPTLY, server, request);
        }
        self.progressed(core, now);
    }

    /// An offer by UPDATE or PRACK, which the owner is to answer.
    pub(super) fn take_offer(
        &mut self,
        core: &mut Core,
        due: Time,
        server: u64,
        request: &Message,
    ) {
        self.offered = Some(Open { server, request: request.clone(), due: Some(due) });
        let request = request.clone();
        self.tell(core, |leg| Event::Reinvite { leg, request });
    }

    /// Says what has waited, if nothing is in its way any more.
    pub(super) fn progressed(&mut self, core: &mut Core, now: Time) {
        let Some(reliable) = self.reliable.as_mut().filter(|_| self.offered.is_none()) else {
            return;
        };
        if reliable.unpracked.is_some() {
            return;
        }
        match reliable.next.take() {
            Some(said) if said.status >= 200 => self.accept(core, now, said),
            Some(said) => self.progress(core, now, said),
            None => {}
        }
    }

    /// A minute has passed since the last provisional response.
    pub(super) fn progress_due(&mut self, core: &mut Core, now: Time) {
        let Some(open) = &mut self.open else { return };
        if open.due.is_none_or(|at| at > now) {
            return;
        }
        open.due = Some(now + PROGRESS_EVERY);
        match &self.reliable {
            // One that was acknowledged is not repeated: its like follows.
            Some(reliable) if self.phase == Phase::Alerting => {
                let (status, headers, body) = (reliable.status, Headers::new(), None);
                self.progress(core, now, Said { status, headers, body });
            }
            // The transaction repeats its last response as if the INVITE had come again.
            _ => {
                core.server_step(now, open.server, ServerIn::Request, None);
            }
        }
    }

    /// Repeats the reliable response that is out, at intervals that double without a limit, and
    /// gives the INVITE up after 64·T1 (RFC 3262 section 3).
    pub(super) fn unpracked_due(&mut self, core: &mut Core, now: Time) {
        let unpracked = self.reliable.as_mut().and_then(|reliable| reliable.unpracked.as_mut());
        let Some(unpracked) = unpracked else { return };
        let Some(repeat) = &mut unpracked.repeat else { return };
        if repeat.until <= now && self.phase == Phase::Leaving {
            self.phase = Phase::Over;
        } else if repeat.until <= now {
            self.ended(core, EndCause::NoAck);
            self.refuse(core, now, 504, &Headers::new());
        } else if repeat.next <= now {
            repeat.interval *= 2;
            repeat.next = now + repeat.interval;
            core.transmit(unpracked.flow, unpracked.response.clone());
        }
    }
}
