//! What callers and operators do, and when.

use std::collections::BTreeMap;

use sip::msg::{Message, NameAddr};
use sip::{Command, Event, Invite, LegId, Target};

use crate::peer::{EXPIRES_S, parsed};
use crate::raw::CallerLie;
use crate::scenario::Ms;
use crate::setup::operator_id;
use crate::transfers::Plan;
use crate::trouble::Trouble;
use crate::world::{Act, World};

/// The trunk among the peers.
pub(crate) const TRUNK: usize = 0;
/// A request of a phone's own is sent again after this long.
const REGISTER_AGAIN_MS: Ms = 500;

/// How long a phone rings at most.
const RINGS_MS: Ms = 180_000;

/// What a caller does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CallerAct {
    /// Dials.
    Dial,
    /// Has waited long enough.
    GiveUp,
    /// Has talked long enough.
    HangUp,
    /// Their phone changes something.
    Reinvite,
}

/// What somebody with a phone does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PhoneAct {
    /// Registers, or refreshes.
    Register,
    /// Unregisters.
    Unregister,
    /// Asks who is registered.
    Fetch,
    /// The REGISTER with this CSeq may have been lost; sent so often already.
    Again(u32, u32),
    /// Picks up.
    Answer(LegId),
    /// Refuses.
    Refuse(LegId, u16),
    /// Has rung for too long.
    Tire(LegId),
    /// Hangs up.
    HangUp(LegId),
    /// The same of all calls.
    Leave,
    /// Hands the call on.
    HandOn(LegId, Plan),
    /// Hands the first call on to whom they called second.
    Join(LegId),
    /// re-INVITEs: `sendonly` to hold, `sendrecv` to resume.
    Direction(LegId, &'static str),
}

/// The callers' side.
#[derive(Debug)]
pub(crate) struct Callers {
    legs: Vec<Option<LegId>>,
    by_leg: BTreeMap<LegId, usize>,
    talking: Vec<bool>,
}

impl Callers {
    pub(crate) fn new(count: usize) -> Self {
        Self { legs: vec![None; count], by_leg: BTreeMap::new(), talking: vec![false; count] }
    }

    pub(crate) fn talks(&mut self, who: usize) {
        self.talking[who] = true;
    }

    pub(crate) fn is_talking(&self, who: usize) -> bool {
        self.talking[who]
    }

    pub(crate) fn gone(&mut self, leg: LegId) {
        if let Some(who) = self.by_leg.remove(&leg) {
            self.legs[who].take_if(|own| *own == leg);
        }
    }

    pub(crate) fn whose(&self, leg: LegId) -> Option<usize> {
        self.by_leg.get(&leg).copied()
    }

    /// A caller has another leg from now on.
    pub(crate) fn is_at(&mut self, who: usize, leg: LegId) {
        self.legs[who] = Some(leg);
        self.by_leg.insert(leg, who);
    }
}

/// The operators' side: which legs ring or are up at each peer.
#[derive(Debug)]
pub(crate) struct Phones {
    up: Vec<Vec<LegId>>,
    /// Which call rings at each.
    rings: Vec<Option<LegId>>,
    /// The direction a phone wants to tell, by peer and leg.
    wanted: BTreeMap<(usize, LegId), &'static str>,
}

impl Phones {
    pub(crate) fn new(count: usize) -> Self {
        Self { up: vec![Vec::new(); count], rings: vec![None; count], wanted: BTreeMap::new() }
    }
}

impl World {
    pub(crate) fn people_begin(&mut self) {
        for who in 0..self.scenario.callers.len() {
            self.later(self.scenario.callers[who].at_ms, Act::Caller(who, CallerAct::Dial));
        }
        for at in 1..self.peers.len() {
            let delay = self.dice.below(400);
            if !self.signs_in_outside(at) && !self.is_bot(at) {
                self.later(delay, Act::Phone(at, PhoneAct::Register));
            }
            if let Some(delay) = self.operator_of(at).fetch_ms {
                self.later(delay, Act::Phone(at, PhoneAct::Fetch));
            }
            if let Some((from, away)) = self.operator_of(at).dead_ms {
                self.later(from, Act::Trouble(Trouble::DiesFor(at, away)));
            }
            if let Some(at_ms) = self.operator_of(at).leaves_ms {
                self.later(at_ms, Act::Phone(at, PhoneAct::Leave));
            }
            for (from, to) in self.operator_of(at).away_ms.clone() {
                self.later(from, Act::Phone(at, PhoneAct::Unregister));
                self.later(to, Act::Phone(at, PhoneAct::Register));
            }
        }
    }

    /// Whether a phone is none, but a bot.
    pub(crate) fn is_bot(&self, at: usize) -> bool {
        let bot = self.scenario.bot.map(operator_id);
        bot.is_some_and(|bot| self.peers[at].registration.user == bot)
    }

    /// Whether no call is up at a phone.
    pub(crate) fn phones_idle(&self, at: usize) -> bool {
        self.phones.up[at].is_empty()
    }

    /// The call that rings at a phone.
    pub(crate) fn rings(&self, at: usize) -> Option<LegId> {
        self.phones.rings[at]
    }

    /// The calls that are up at a phone.
    pub(crate) fn ups(&self, at: usize) -> &[LegId] {
        &self.phones.up[at]
    }

    /// The leg of a caller who has dialled and not hung up.
    pub(crate) fn caller_leg(&self, who: usize) -> Option<LegId> {
        self.callers.legs[who]
    }

    /// A phone died.
    pub(crate) fn phones_forget(&mut self, at: usize) {
        self.phones.up[at].clear();
        self.phones.rings[at] = None;
    }

    pub(crate) fn is_up(&self, at: usize, leg: LegId) -> bool {
        at == TRUNK || self.phones.up[at].contains(&leg)
    }

    pub(crate) fn phone_up(&mut self, at: usize, leg: LegId) {
        self.phones.up[at].push(leg);
    }

    pub(crate) fn operator_of(&self, at: usize) -> &crate::scenario::Operator {
        let user = &self.peers[at].registration.user;
        let index = self
            .scenario
            .operators
            .iter()
            .enumerate()
            .position(|(index, _)| *user == operator_id(index));
        &self.scenario.operators[index.unwrap_or(0)]
    }

    pub(crate) fn caller_acts(&mut self, who: usize, act: CallerAct) {
        match (act, self.callers.legs[who]) {
            (CallerAct::Dial, _) => self.dial(who),
            (CallerAct::GiveUp, Some(leg)) if !self.callers.talking[who] => {
                self.callers.gone(leg);
                self.end_leg(TRUNK, leg, 487);
            }
            (CallerAct::HangUp, Some(leg)) => {
                self.callers.gone(leg);
                self.end_leg(TRUNK, leg, 487);
            }
            (CallerAct::Reinvite, Some(leg)) => {
                self.order(TRUNK, Command::Reinvite { leg, headers: Vec::new() });
            }
            (CallerAct::GiveUp, _) => self.raw_caller_ends(who, false),
            (CallerAct::HangUp, _) => self.raw_caller_ends(who, true),
            (CallerAct::Reinvite, _) => {}
        }
    }

    fn dial(&mut self, who: usize) {
        let caller = self.scenario.callers[who].clone();
        self.later(caller.patience_ms, Act::Caller(who, CallerAct::GiveUp));
        if let Some(lie) = caller.lie.and_then(|lie| CallerLie::ALL.get(lie)) {
            let told = *lie != CallerLie::Vanish || self.scenario.is_watched();
            if told {
                self.raw_dial(who, *lie);
            }
            return;
        }
        let leg = self.peers[TRUNK].endpoint.next_leg();
        let number = caller.direct.map_or_else(|| "600".to_owned(), operator_id);
        let uri = parsed(&format!("sip:{number}@{}", crate::setup::SWITCH));
        let body = (!caller.late_offer).then(|| self.peers[TRUNK].describe("sendrecv"));
        let mut headers = self.peers[TRUNK].remarks();
        headers.push(("X-Caller".into(), who.to_string()));
        if caller.requires_reliable && !caller.late_offer {
            headers.push(("Require".into(), "100rel".to_owned()));
        }
        let invite = Invite {
            headers,
            body,
            credentials: self.scenario.trunk_digest.then(crate::setup::trunk_credentials),
            ..Invite::new(
                leg,
                Target::Uri { uri: uri.clone(), proxy: None },
                NameAddr::new(parsed(&format!("sip:{}@carrier.example", self.number_of(who)))),
                NameAddr::new(uri),
            )
        };
        self.callers.legs[who] = Some(leg);
        self.callers.by_leg.insert(leg, who);
        self.order(TRUNK, Command::Invite(Box::new(invite)));
    }

    pub(crate) fn peer_event(&mut self, at: usize, event: Event) {
        if at == TRUNK { self.trunk_event(event) } else { self.phone_event(at, event) }
    }

    fn trunk_event(&mut self, event: Event) {
        match event {
            Event::Invite { leg, .. } => self.customer_rings(leg),
            Event::Progress { leg, response, .. } => self.second_named(TRUNK, leg, &response),
            Event::Answered { leg, .. } if self.has_come_back(leg, None) => {}
            Event::Answered { leg, answer, response } => {
                self.second_named(TRUNK, leg, &response);
                let Some(who) = self.callers.by_leg.get(&leg).copied() else { return };
                let caller = self.scenario.callers[who].clone();
                if caller.late_offer && !answer.is_empty() {
                    let body = Some(self.peers[TRUNK].describe("sendrecv"));
                    self.order(TRUNK, Command::Ack { leg, body });
                }
                if let Some(plan) = caller.plan {
                    self.later(plan.after_ms, Act::Phone(TRUNK, PhoneAct::HandOn(leg, plan)));
                }
                if let Some(delay) = caller.reinvite_ms {
                    self.later(delay, Act::Caller(who, CallerAct::Reinvite));
                }
            }
            event @ Event::Referred { .. } => self.is_to_deliver(&event),
            Event::Referral { leg, referral, .. } => self.referral(TRUNK, leg, referral),
            Event::OfferWanted { leg } => self.offer(TRUNK, leg, "sendrecv"),
            Event::Reinvite { leg, request } => self.answer_reinvite(TRUNK, leg, &request),
            Event::Failed { leg, ref failure, .. }
                if self.has_come_back(leg, Some(failure.status)) => {}
            Event::Failed { leg, .. } | Event::Ended { leg, .. } => self.callers.gone(leg),
            Event::Request { leg, token, .. } => self.refuse_request(TRUNK, leg, token),
            _ => {}
        }
    }

    fn phone_event(&mut self, at: usize, event: Event) {
        match event {
            Event::Invite { leg, .. } => self.phone_rings(at, leg),
            Event::Progress { leg, response, .. } => self.second_named(at, leg, &response),
            Event::Answered { leg, response, .. } => {
                self.phones.up[at].retain(|up| *up != leg);
                self.phones.up[at].push(leg);
                self.second_named(at, leg, &response);
            }
            Event::Referral { leg, referral, .. } => self.referral(at, leg, referral),
            event @ Event::Referred { .. } => self.refuse_refer(at, &event),
            Event::OfferWanted { leg } => {
                let direction = self.phones.wanted.get(&(at, leg)).copied();
                self.offer(at, leg, direction.unwrap_or("sendrecv"));
            }
            Event::Reinvite { leg, request } => self.answer_reinvite(at, leg, &request),
            Event::Failed { leg, .. } | Event::Ended { leg, .. } => {
                self.phones.up[at].retain(|up| *up != leg);
                self.phones.rings[at].take_if(|rings| *rings == leg);
                self.phones.wanted.remove(&(at, leg));
            }
            Event::Request { leg, token, .. } => self.refuse_request(at, leg, token),
            _ => {}
        }
    }

    fn offer(&mut self, at: usize, leg: LegId, direction: &str) {
        let body = Some(self.peers[at].describe(direction));
        self.order(at, Command::Offer { leg, body });
    }

    fn answer_reinvite(&mut self, at: usize, leg: LegId, _request: &Message) {
        let body = Some(self.peers[at].describe("sendrecv"));
        self.order(at, Command::Respond { leg, status: 200, headers: Vec::new(), body });
    }

    fn refuse_request(&mut self, at: usize, leg: LegId, token: u64) {
        let (status, headers, body) = (501, Vec::new(), None);
        self.order(at, Command::RespondRequest { leg, token, status, headers, body });
    }

    fn phone_rings(&mut self, at: usize, leg: LegId) {
        let operator = self.operator_of(at).clone();
        if !self.phones.up[at].is_empty() || self.dice.one_in_1000(operator.busy_permille) {
            return self.end_leg(at, leg, 486);
        }
        self.phones.rings[at] = Some(leg);
        // Nothing rings for ever, also where nobody says that it is over.
        if self.is_small() {
            self.later(RINGS_MS, Act::Phone(at, PhoneAct::Tire(leg)));
        }
        if self.dice.one_in_1000(operator.mute_permille) {
            return;
        }
        let headers = self.peers[at].remarks();
        if operator.early_permille > 0 && self.dice.one_in_1000(operator.early_permille) {
            let body = Some(self.peers[at].describe("sendrecv"));
            let headers = headers.clone();
            self.order(at, Command::Respond { leg, status: 183, headers, body });
        }
        self.order(at, Command::Respond { leg, status: 180, headers, body: None });
        if self.scenario.is_watched() && self.troubles.one_in_1000(operator.die_permille / 4) {
            let delay = self.troubles.below(3_000);
            self.later(delay, Act::Trouble(Trouble::Dies(at)));
        }
        if self.dice.one_in_1000(operator.ignore_permille) {
            return;
        }
        let delay = self.dice.exponential(operator.answer_ms.max(1));
        let act = if self.dice.one_in_1000(operator.decline_permille) {
            PhoneAct::Refuse(leg, 603)
        } else {
            PhoneAct::Answer(leg)
        };
        self.later(delay, Act::Phone(at, act));
    }

    pub(crate) fn phone_acts(&mut self, at: usize, act: PhoneAct) {
        if !self.peers[at].up {
            return;
        }
        match act {
            PhoneAct::Register => self.register(at, EXPIRES_S),
            PhoneAct::Unregister => self.register(at, 0),
            PhoneAct::Fetch => {
                let (from, request) = (self.peers[at].address, self.peers[at].fetch());
                self.send(from, crate::setup::SWITCH, request.wire());
            }
            PhoneAct::Again(cseq, sent) => self.register_again(at, cseq, sent),
            PhoneAct::Answer(leg) => self.pick_up(at, leg),
            PhoneAct::Tire(leg) if self.phones.up[at].contains(&leg) => {}
            PhoneAct::Tire(leg) => self.end_leg(at, leg, 480),
            PhoneAct::Refuse(leg, status) => self.end_leg(at, leg, status),
            PhoneAct::HangUp(leg) => {
                self.phones.up[at].retain(|up| *up != leg);
                self.end_leg(at, leg, 480);
            }
            PhoneAct::Leave => {
                for leg in core::mem::take(&mut self.phones.up[at]) {
                    self.end_leg(at, leg, 480);
                }
            }
            PhoneAct::HandOn(leg, plan) => self.hand_on(at, leg, plan),
            PhoneAct::Join(leg) => self.joins(at, leg),
            PhoneAct::Direction(leg, direction) => {
                if self.phones.up[at].contains(&leg) {
                    self.phones.wanted.insert((at, leg), direction);
                    self.order(at, Command::Reinvite { leg, headers: Vec::new() });
                }
            }
        }
    }

    pub(crate) fn pick_up(&mut self, at: usize, leg: LegId) {
        if self.peers[at].endpoint.leg_flow(leg).is_none() {
            return;
        }
        let operator = self.operator_of(at).clone();
        self.phones.rings[at].take_if(|rings| *rings == leg);
        self.phones.up[at].push(leg);
        let body = Some(self.peers[at].describe("sendrecv"));
        let headers = self.peers[at].remarks();
        self.order(at, Command::Respond { leg, status: 200, headers, body });
        if self.dice.one_in_1000(operator.fumble_permille) {
            let delay = self.dice.below(60);
            self.later(delay, Act::Phone(at, PhoneAct::HangUp(leg)));
        } else if self.dice.one_in_1000(operator.hang_up_permille) {
            let delay = self.dice.exponential(60_000);
            self.later(delay, Act::Phone(at, PhoneAct::HangUp(leg)));
        }
        if self.scenario.is_watched() && self.troubles.one_in_1000(operator.die_permille) {
            let delay = self.troubles.below(10_000);
            self.later(delay, Act::Trouble(Trouble::Dies(at)));
        }
        self.may_hand_on(at, leg, operator.move_permille, operator.plan);
        if self.dice.one_in_1000(operator.hold_permille) {
            let hold = self.dice.below(3_000);
            let resume = hold + self.dice.below(3_000);
            self.later(hold, Act::Phone(at, PhoneAct::Direction(leg, "sendonly")));
            self.later(resume, Act::Phone(at, PhoneAct::Direction(leg, "sendrecv")));
        }
    }

    fn register(&mut self, at: usize, expires_s: u64) {
        let request = self.peers[at].register(expires_s);
        let (cseq, from) = (self.peers[at].registration.cseq, self.peers[at].address);
        self.send(from, crate::setup::SWITCH, request.wire());
        self.later(REGISTER_AGAIN_MS, Act::Phone(at, PhoneAct::Again(cseq, 1)));
        // Half-way through, refreshed, if somebody may call after it ran out.
        let last = self.scenario.callers.last().map_or(0, |caller| caller.at_ms);
        let next_ms = EXPIRES_S * 500;
        let now_ms = u64::try_from(self.now.as_millis()).unwrap_or(u64::MAX);
        if expires_s > 0 && now_ms + 2 * next_ms < last + next_ms {
            self.later(next_ms, Act::Phone(at, PhoneAct::Register));
        }
    }

    fn register_again(&mut self, at: usize, cseq: u32, sent: u32) {
        let peer = &self.peers[at];
        let Some((request, expires_s)) = &peer.registration.pending else { return };
        if sent >= 7 {
            let expires_s = *expires_s;
            return self.register(at, expires_s);
        }
        // A challenge answered meanwhile made it another request; that one is watched from here on.
        let current = peer.registration.cseq;
        let sent = if current == cseq { sent + 1 } else { 1 };
        let (from, wire) = (peer.address, request.wire().clone());
        self.send(from, crate::setup::SWITCH, &wire);
        self.later(
            REGISTER_AGAIN_MS << sent.min(3),
            Act::Phone(at, PhoneAct::Again(current, sent)),
        );
    }
}
