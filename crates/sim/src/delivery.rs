//! The trunk is asked to bring a customer to an operator, and does what trunks do.

use std::collections::BTreeMap;

use b2bua::config::Delivery;
use sip::msg::{NameAddr, Uri};
use sip::{Command, Event, Invite, LegId, Target};

use crate::dice::Dice;
use crate::people::TRUNK;
use crate::scenario::{Ms, Scenario};
use crate::world::{Act, World};

/// How long a trunk takes that takes too long.
const SILENT_MS: Ms = 60_000;

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// The trunk knows no REFER, and drops it.
    Deaf,
    /// It refuses.
    Refused,
    /// They are brought there, and the trunk tells how.
    Told,
    /// Whoever they were to be brought to is busy.
    Busy,
    /// It agrees, and says what came of it when nobody wants to know any more.
    Silent,
    /// It agrees and hangs up, and they are brought there.
    Leaves,
    /// The same, and they are never seen again.
    Lost,
}

impl Delivered {
    const ALL: [Self; 7] =
        [Self::Deaf, Self::Refused, Self::Told, Self::Busy, Self::Silent, Self::Leaves, Self::Lost];
}

/// What the trunk does next.
#[derive(Debug, Clone)]
pub(crate) enum DeliveryAct {
    /// Tells how far it is with what it was asked on a leg.
    Tells(LegId, u64, u16),
    /// Hangs up, and brings them there if that is an address of the switch's.
    Leaves(LegId, u64, Option<Uri>),
    /// Calls the switch for a customer who is there still.
    Comes(LegId, u64, Uri),
}

/// The customers whom the trunk brings back to the switch.
#[derive(Debug)]
pub(crate) struct Returning {
    dice: Dice,
    /// By their new leg: the old one, and the REFER on it.
    legs: BTreeMap<LegId, (LegId, u64)>,
}

impl Returning {
    pub(crate) fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed ^ 0xde11), legs: BTreeMap::new() }
    }
}

/// Whether a number is an address that is good for once.
pub(crate) fn is_door(uri: &Uri) -> bool {
    let user = uri.user();
    user.is_some_and(|user| user.len() == 32 && user.chars().all(|c| c.is_ascii_hexdigit()))
}

impl World {
    /// The switch asks the trunk to bring somebody elsewhere; nobody else is asked.
    pub(crate) fn is_to_deliver(&mut self, event: &Event) {
        if self.scenario.delivery == Delivery::Bridge {
            return self.refuse_refer(TRUNK, event);
        }
        let Event::Referred { leg, token, target, .. } = event else { return };
        let (leg, token) = (*leg, *token);
        let dice = &mut self.returning.dice;
        let by_chance = Delivered::ALL[usize::try_from(dice.below(7)).unwrap_or(0)];
        let mut soon = || dice.exponential(700);
        let (first, second) = (soon(), soon());
        let what = self.scenario.delivered.unwrap_or(by_chance);
        if what == Delivered::Deaf {
            return;
        }
        let status = if what == Delivered::Refused { 603 } else { 202 };
        self.order(TRUNK, Command::AnswerRefer { leg, token, status, headers: Vec::new() });
        let door = is_door(target).then(|| target.clone());
        let later = |world: &mut Self, ms, act| world.later(ms, Act::Delivery(act));
        match (what, door) {
            (Delivered::Deaf | Delivered::Refused, _) => {}
            (Delivered::Silent, _) => {
                later(self, SILENT_MS, DeliveryAct::Tells(leg, token, 480));
            }
            (Delivered::Told, Some(door)) => {
                later(self, first, DeliveryAct::Comes(leg, token, door));
            }
            (Delivered::Told | Delivered::Busy, _) => {
                later(self, first, DeliveryAct::Tells(leg, token, 180));
                let last = if what == Delivered::Busy { 486 } else { 200 };
                later(self, first + second, DeliveryAct::Tells(leg, token, last));
            }
            (Delivered::Leaves, door) => later(self, first, DeliveryAct::Leaves(leg, token, door)),
            (Delivered::Lost, _) => later(self, first, DeliveryAct::Leaves(leg, token, None)),
        }
    }

    pub(crate) fn delivery_acts(&mut self, act: DeliveryAct) {
        match act {
            DeliveryAct::Tells(leg, token, status) => {
                self.order(TRUNK, Command::Notify { leg, token, status });
            }
            DeliveryAct::Leaves(leg, token, door) => {
                let Some(who) = self.callers.whose(leg) else {
                    return self.order(TRUNK, Command::Notify { leg, token, status: 487 });
                };
                self.callers.gone(leg);
                self.end_leg(TRUNK, leg, 487);
                if let Some(door) = door {
                    let new = self.calls_back(who, door);
                    self.callers.is_at(who, new);
                }
            }
            DeliveryAct::Comes(leg, token, door) => match self.callers.whose(leg) {
                Some(who) => {
                    let new = self.calls_back(who, door);
                    self.returning.legs.insert(new, (leg, token));
                }
                None => self.order(TRUNK, Command::Notify { leg, token, status: 487 }),
            },
        }
    }

    fn calls_back(&mut self, who: usize, door: Uri) -> LegId {
        let leg = self.peers[TRUNK].endpoint.next_leg();
        let body = Some(self.peers[TRUNK].describe("sendrecv"));
        let from = crate::peer::parsed(&format!("sip:{}@carrier.example", self.number_of(who)));
        let to = NameAddr::new(door.bare());
        let target = Target::Uri { uri: door.without_headers(), proxy: None };
        let invite = Invite {
            headers: self.peers[TRUNK].remarks(),
            body,
            credentials: self.scenario.trunk_digest.then(crate::setup::trunk_credentials),
            ..Invite::new(leg, target, NameAddr::new(from), to)
        };
        self.order(TRUNK, Command::Invite(Box::new(invite)));
        leg
    }

    /// Whether a leg that is answered, or failed with that status, is that of somebody who comes back.
    pub(crate) fn has_come_back(&mut self, leg: LegId, failed: Option<u16>) -> bool {
        let Some((old, token)) = self.returning.legs.remove(&leg) else { return false };
        let status = failed.unwrap_or(200);
        match (self.callers.whose(old), failed) {
            (Some(who), None) => self.callers.is_at(who, leg),
            (None, None) => self.end_leg(TRUNK, leg, 487),
            (_, Some(_)) => {}
        }
        self.order(TRUNK, Command::Notify { leg: old, token, status });
        true
    }
}

impl Scenario {
    /// Rough runs in which customers are brought to their operators by their trunk.
    #[must_use]
    pub fn delivering(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0xb416);
        let mut scenario = match dice.below(3) {
            0 => Self::moving(seed),
            _ => Self::rough(seed),
        };
        if matches!(scenario.strategy, acd::Strategy::RingAll | acd::Strategy::Progressive) {
            scenario.strategy = acd::Strategy::LongestIdle;
        }
        scenario.delivery = Delivery::Refer { busy_ms: dice.between(1_000, 30_000) };
        let outside = (0..scenario.operators.len()).filter(|_| dice.one_in_1000(500));
        scenario.outside = outside.collect();
        scenario
    }
}
