//! People who hand a call on: blind or after a word with a colleague, from either side, and phones
//! that take each other's place.

use std::collections::BTreeMap;

use sip::msg::{Message, NameAddr, Replaces};
use sip::{Command, Event, Invite, LegId, Refer, Referral, Target};

use crate::dice::Dice;
use crate::peer::{DOMAIN, parsed};
use crate::people::PhoneAct;
use crate::scenario::Ms;
use crate::setup::operator_id;
use crate::world::{Act, World};

/// How somebody hands a call on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// To whom.
    pub to: Goal,
    /// How long after they answered.
    pub after_ms: u64,
    /// Calls them first, and hands on so long after that.
    pub ask_ms: Option<u64>,
    /// Presses hold before.
    pub holds: bool,
    /// Hangs up by themselves so long after, whatever becomes of it; else when it is done.
    pub leaves_ms: Option<u64>,
    /// Wants to be told.
    pub told: bool,
    /// Instead of handing on, this peer takes the second call over (RFC 3891).
    pub taken_by: Option<usize>,
}

/// To whom a call is handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// An operator, by number.
    Operator(usize),
    /// The queue.
    Queue,
    /// A number that nobody has.
    Nobody,
    /// A URI outside, which nobody may be sent to.
    Outside,
}

impl Plan {
    /// A blind transfer without trimmings, a second after the answer.
    #[must_use]
    pub fn blind(to: Goal) -> Self {
        Self {
            to,
            after_ms: 1_000,
            ask_ms: None,
            holds: false,
            leaves_ms: None,
            told: true,
            taken_by: None,
        }
    }

    pub(crate) fn rough(dice: &mut Dice, operators: u64) -> Self {
        let whom = usize::try_from(dice.below(operators)).unwrap_or(0);
        let to = match dice.below(10) {
            0..6 => Goal::Operator(whom),
            6..8 => Goal::Queue,
            8 => Goal::Nobody,
            _ => Goal::Outside,
        };
        Self {
            to,
            after_ms: dice.exponential(2_000),
            ask_ms: dice.one_in_1000(500).then(|| dice.exponential(4_000)),
            holds: dice.one_in_1000(500),
            leaves_ms: dice.one_in_1000(400).then(|| dice.exponential(1_500)),
            told: dice.one_in_1000(800),
            taken_by: dice
                .one_in_1000(100)
                .then(|| usize::try_from(1 + dice.below(operators)).unwrap_or(1)),
        }
    }
}

/// Second calls of phones: for which first one, and how they are named.
#[derive(Debug, Default)]
pub(crate) struct Asked(BTreeMap<(usize, LegId), Second>);

#[derive(Debug)]
struct Second {
    first: LegId,
    plan: Plan,
    named: Option<Replaces>,
}

/// Nobody talks for longer where calls are handed on.
const TALK_MS: Ms = 40_000;

impl World {
    fn whom(to: Goal) -> String {
        match to {
            Goal::Operator(who) => format!("sip:{}@{DOMAIN}", operator_id(who)),
            Goal::Queue => format!("sip:600@{DOMAIN}"),
            Goal::Nobody => format!("sip:999@{DOMAIN}"),
            Goal::Outside => "sip:19005550100@elsewhere.example".to_owned(),
        }
    }

    /// Somebody has answered, or was answered: perhaps they hand the call on.
    pub(crate) fn may_hand_on(&mut self, at: usize, leg: LegId, permille: u64, plan: Option<Plan>) {
        if permille == 0 {
            return;
        }
        self.later(TALK_MS, Act::Phone(at, PhoneAct::HangUp(leg)));
        if !self.moves.one_in_1000(permille) {
            return;
        }
        let operators = self.scenario.operators.len() as u64;
        let plan = plan.unwrap_or_else(|| Plan::rough(&mut self.moves, operators));
        if plan.holds {
            let act = PhoneAct::Direction(leg, "sendonly");
            self.later(plan.after_ms / 2, Act::Phone(at, act));
        }
        self.later(plan.after_ms, Act::Phone(at, PhoneAct::HandOn(leg, plan)));
    }

    pub(crate) fn hand_on(&mut self, at: usize, leg: LegId, plan: Plan) {
        let Some(ask_ms) = plan.ask_ms else { return self.refer(at, leg, plan, None) };
        if !self.is_up(at, leg) {
            return;
        }
        let user = self.peers[at].registration.user.clone();
        let second = self.calls_out(at, &user, &Self::whom(plan.to), Vec::new());
        self.seconds.0.insert((at, second), Second { first: leg, plan, named: None });
        self.later(ask_ms, Act::Phone(at, PhoneAct::Join(second)));
        self.later(TALK_MS, Act::Phone(at, PhoneAct::HangUp(second)));
    }

    /// A phone calls somebody by way of the switch.
    fn calls_out(&mut self, at: usize, user: &str, uri: &str, headers: sip::Headers) -> LegId {
        let leg = self.peers[at].endpoint.next_leg();
        let host = crate::setup::SWITCH;
        let target = parsed(&uri.replace(DOMAIN, &host.to_string()));
        let from = NameAddr::new(parsed(&format!("sip:{user}@{DOMAIN}")));
        let to = NameAddr::new(parsed(uri));
        let body = Some(self.peers[at].describe("sendrecv"));
        let target = Target::Uri { uri: target, proxy: None };
        let invite = Invite { headers, body, ..Invite::new(leg, target, from, to) };
        self.order(at, Command::Invite(Box::new(invite)));
        leg
    }

    /// The second call is named by what the switch answered.
    pub(crate) fn second_named(&mut self, at: usize, leg: LegId, response: &Message) {
        let Some(second) = self.seconds.0.get_mut(&(at, leg)) else { return };
        let (Some(to_tag), from_tag) = (response.to_tag(), response.from_tag()) else { return };
        let call_id = response.call_id().to_owned();
        second.named = Some(Replaces { call_id, to_tag, from_tag, early_only: false });
    }

    /// Whoever was asked is to have the call, or loses the phone they asked with to another.
    pub(crate) fn joins(&mut self, at: usize, leg: LegId) {
        let Some(second) = self.seconds.0.remove(&(at, leg)) else { return };
        let Some(named) = second.named else { return self.end_leg(at, leg, 487) };
        match second.plan.taken_by.filter(|by| *by < self.peers.len()) {
            Some(by) => {
                let user = self.peers[by].registration.user.clone();
                let headers = vec![("Replaces".into(), named.to_string())];
                let uri = Self::whom(second.plan.to);
                let taken = self.calls_out(by, &user, &uri, headers);
                self.phone_up(by, taken);
                self.later(TALK_MS, Act::Phone(by, PhoneAct::HangUp(taken)));
            }
            None => self.refer(at, second.first, second.plan, Some(named)),
        }
    }

    fn refer(&mut self, at: usize, leg: LegId, plan: Plan, replaces: Option<Replaces>) {
        if !self.is_up(at, leg) {
            return;
        }
        let target = parsed(&Self::whom(plan.to));
        let (token, told) = (1, plan.told);
        let headers = if self.is_bot(at) { self.bots_wishes() } else { Vec::new() };
        let refer = Refer { leg, token, target, replaces, told, headers };
        self.order(at, Command::Refer(Box::new(refer)));
        if let Some(delay) = plan.leaves_ms {
            self.later(delay, Act::Phone(at, PhoneAct::HangUp(leg)));
        }
    }

    /// What a bot says besides in a REFER.
    fn bots_wishes(&mut self) -> sip::Headers {
        let mut wishes = sip::Headers::new();
        if self.moves.one_in_1000(600) {
            wishes.push(("X-Usher-Continue-Call".into(), "true".into()));
        }
        if self.moves.one_in_1000(500) {
            wishes.push(("X-Usher-Continue-Recording".into(), "true".into()));
        }
        if self.moves.one_in_1000(600) {
            wishes.push(("X-Usher-Timeout".into(), self.moves.between(1, 20).to_string()));
        }
        wishes
    }

    /// A phone hears how it goes: it leaves when it is done, and takes the call back when it is not.
    pub(crate) fn referral(&mut self, at: usize, leg: LegId, referral: Referral) {
        match referral {
            Referral::Done(200..300) if self.moves.one_in_1000(500) => {
                self.later(50, Act::Phone(at, PhoneAct::HangUp(leg)));
            }
            Referral::Done(300..) | Referral::Refused(_) => {
                self.later(100, Act::Phone(at, PhoneAct::Direction(leg, "sendrecv")));
            }
            _ => {}
        }
    }

    /// Nobody hands a call on to a phone or the trunk itself.
    pub(crate) fn refuse_refer(&mut self, at: usize, event: &Event) {
        if let Event::Referred { leg, token, .. } = event {
            let (leg, token) = (*leg, *token);
            let refuse = Command::AnswerRefer { leg, token, status: 603, headers: Vec::new() };
            self.order(at, refuse);
        }
    }
}
