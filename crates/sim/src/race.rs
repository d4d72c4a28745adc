//! Two things that come to the switch at one and the same instant, in either order, or with the second
//! while the answers to the first are on their way.

use b2bua::{Act as Deed, Asker, CallKey, Command};

use crate::people::{CallerAct, PhoneAct, TRUNK};
use crate::scenario::Ms;
use crate::trouble::Trouble;
use crate::world::{Act, World};

/// When everybody who is left talking hangs up.
const LEAVE_MS: Ms = 45_000;

/// What comes at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Race {
    /// When the first of them comes.
    pub at_ms: Ms,
    /// In the order in which they come.
    pub racers: Vec<Racer>,
    /// How much later each is than the one before.
    pub gap_ms: Ms,
}

/// Something that may come. The caller is the first, operators are told by their number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Racer {
    /// BYE or CANCEL of the caller.
    CallerHangsUp,
    /// The caller's phone changes something.
    CallerReinvites,
    /// Nothing is heard of the caller any more.
    CallerIsSilent,
    /// BYE of an operator.
    HangsUp(usize),
    /// Their phone presses hold.
    Holds(usize),
    /// Nothing is heard of them any more.
    IsSilent(usize),
    /// Their phone rings, and is picked up.
    Answers(usize),
    /// It rings, and refuses.
    Refuses(usize),
    /// The call is ended by order.
    Ends,
    /// An order about it.
    Orders(Deed),
}

/// What a race has to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RaceAct {
    /// All of them set out.
    Begin,
    /// One that needs no way comes.
    Comes(usize),
    /// Whoever is left hangs up.
    Leave,
}

impl World {
    pub(crate) fn race_begins(&mut self) {
        if let Some(race) = &self.scenario.race {
            let (at, way) = (race.at_ms, self.scenario.network.delay_ms);
            self.later(at.saturating_sub(way), Act::Race(RaceAct::Begin));
            self.later(at + LEAVE_MS, Act::Race(RaceAct::Leave));
        }
    }

    pub(crate) fn race_acts(&mut self, act: RaceAct) {
        let Some(race) = self.scenario.race.clone() else { return };
        match act {
            RaceAct::Begin => {
                let way = self.scenario.network.delay_ms;
                let mut after = 0;
                for (at, racer) in race.racers.iter().enumerate() {
                    match self.message_of(racer) {
                        Some(act) if after == 0 => self.happen(act),
                        Some(act) => self.later(after, act),
                        None => self.later(after + way, Act::Race(RaceAct::Comes(at))),
                    }
                    after += race.gap_ms;
                }
            }
            RaceAct::Comes(at) => self.comes(&race.racers[at]),
            RaceAct::Leave => {
                for at in 1..self.peers.len() {
                    self.phone_acts(at, PhoneAct::Leave);
                }
                self.caller_acts(0, CallerAct::HangUp);
            }
        }
    }

    /// What somebody's phone does, if that is what it is, and it can.
    fn message_of(&mut self, racer: &Racer) -> Option<Act> {
        let up = |world: &Self, who: &usize| world.ups(who + 1).last().copied();
        let phone = |who: &usize, act| Some(Act::Phone(who + 1, act));
        let act = match racer {
            Racer::CallerHangsUp => self.caller_leg(0).map(|_| Act::Caller(0, CallerAct::HangUp)),
            Racer::CallerReinvites => {
                self.caller_leg(0).map(|_| Act::Caller(0, CallerAct::Reinvite))
            }
            Racer::HangsUp(who) => up(self, who).and_then(|leg| phone(who, PhoneAct::HangUp(leg))),
            Racer::Holds(who) => {
                up(self, who).and_then(|leg| phone(who, PhoneAct::Direction(leg, "sendonly")))
            }
            Racer::Answers(who) => {
                self.rings(who + 1).and_then(|leg| phone(who, PhoneAct::Answer(leg)))
            }
            Racer::Refuses(who) => {
                self.rings(who + 1).and_then(|leg| phone(who, PhoneAct::Refuse(leg, 486)))
            }
            Racer::CallerIsSilent | Racer::IsSilent(_) | Racer::Ends | Racer::Orders(_) => None,
        };
        self.raced += u64::from(act.is_some());
        act
    }

    /// What needs no way to the switch.
    fn comes(&mut self, racer: &Racer) {
        match racer {
            Racer::CallerIsSilent => self.falls_silent(TRUNK),
            Racer::IsSilent(who) => self.falls_silent(who + 1),
            Racer::Ends => {
                if let Some(call) = self.racing() {
                    self.gives(Command::HangUp { call });
                }
            }
            Racer::Orders(deed) => {
                if let Some(call) = self.racing() {
                    self.order_people(call, Asker::Admin, deed.clone());
                }
            }
            _ => {}
        }
    }

    fn racing(&mut self) -> Option<CallKey> {
        let call = self.checker.open_call(0);
        self.raced += u64::from(call.is_some());
        call
    }

    fn falls_silent(&mut self, at: usize) {
        let address = self.peers[at].address.ip();
        let legs = self.checker.media_legs().iter();
        let leg = legs.filter(|(_, leg)| leg.remote.ip() == address).map(|(key, _)| *key).next();
        if let Some((thread, leg)) = leg {
            self.raced += 1;
            self.befalls(Trouble::NoAudio(thread, leg));
        }
    }
}
