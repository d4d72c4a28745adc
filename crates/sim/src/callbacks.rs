//! Customers who are called back: who asks for it, and how operators and customers answer.

use b2bua::config::{Abandoned, CallbackPolicy, First};
use b2bua::{Input, ParticipantId, What};
use sip::{Command, LegId};

use crate::dice::Dice;
use crate::people::TRUNK;
use crate::scenario::{Ms, Scenario};
use crate::world::{Act, World};

/// What a queue does of it, and what people do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callbacks {
    /// The queue's.
    pub policy: CallbackPolicy,
    /// What becomes of those who give up.
    pub abandoned: Abandoned,
    /// In a thousand callers who wait: press the key.
    pub star_permille: u64,
    /// How long it takes to write something down; for ever if none.
    pub stored_ms: Option<Ms>,
    /// In a thousand operators who are asked: say no; and say nothing.
    pub no_permille: u64,
    /// See above.
    pub mute_permille: u64,
    /// In a thousand customers who are called: are busy; and do not answer.
    pub busy_permille: u64,
    /// See above.
    pub away_permille: u64,
    /// How long customers talk.
    pub talk_ms: Ms,
    /// So many numbers there are, of which callers have one after the other; each their own, if none.
    pub numbers: Option<usize>,
}

/// What somebody does about a callback.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CallbackAct {
    /// Something is on the disk.
    Stored(u64),
    /// A key is pressed in a call, by the customer or by an operator.
    Key(ParticipantId, char),
    /// A customer's phone is answered.
    Answer(LegId),
    /// They have talked for long enough.
    HangUp(LegId),
}

impl World {
    /// By what number a caller is known.
    pub(crate) fn number_of(&self, who: usize) -> String {
        match &self.scenario.callbacks {
            Some(house) => format!("+7495{:07}", house.numbers.map_or(who, |of| who % of)),
            None => format!("c{who}"),
        }
    }

    pub(crate) fn writes_down(&mut self, token: u64) {
        if let Some(ms) = self.scenario.callbacks.as_ref().and_then(|house| house.stored_ms) {
            self.later(ms, Act::Callback(CallbackAct::Stored(token)));
        }
    }

    /// What events let people do.
    pub(crate) fn callback_noticed(&mut self, event: &b2bua::Event) {
        let Some(house) = self.scenario.callbacks.clone() else { return };
        match &event.what {
            What::TaskQueued { .. } => {
                let call = event.call.filter(|call| self.calls.contains_key(call));
                let Some(customer) = call.and_then(|call| self.checker.customer_of(call)) else {
                    return;
                };
                if self.backs.one_in_1000(house.star_permille) {
                    let ms = self.backs.exponential(3_000);
                    self.later(ms, Act::Callback(CallbackAct::Key(customer, '*')));
                }
            }
            What::CallbackOffered { operator, .. } => {
                let Some(call) = event.call else { return };
                let Some(who) = self.checker.operator_in(call, operator) else { return };
                if !house.policy.confirm || self.backs.one_in_1000(house.mute_permille) {
                    return;
                }
                let no = self.backs.one_in_1000(house.no_permille);
                let ms = self.backs.exponential(2_000);
                let digit = if no { '2' } else { '1' };
                self.later(ms, Act::Callback(CallbackAct::Key(who, digit)));
            }
            _ => {}
        }
    }

    pub(crate) fn callback_acts(&mut self, act: CallbackAct) {
        match act {
            CallbackAct::Stored(token) => self.tell_switch(Input::Stored { token }),
            CallbackAct::Key(who, digit) => {
                let Some(leg) = self.checker.leg_named(who) else { return };
                let now = self.now;
                self.ladder.note(now, || format!("({who} presses {digit})"));
                let pressed = media::Event::Dtmf { leg, digit, duration_ms: 100 };
                self.tell_switch(Input::Media(pressed));
            }
            CallbackAct::Answer(leg) => {
                let body = Some(self.peers[TRUNK].describe("sendrecv"));
                let headers = self.peers[TRUNK].remarks();
                self.order(TRUNK, Command::Respond { leg, status: 200, headers, body });
                let talk_ms = self.scenario.callbacks.as_ref().map_or(0, |house| house.talk_ms);
                let ms = self.backs.exponential(talk_ms.max(1)) + 20_000;
                self.later(ms, Act::Callback(CallbackAct::HangUp(leg)));
            }
            CallbackAct::HangUp(leg) => self.end_leg(TRUNK, leg, 487),
        }
    }

    /// The switch calls a customer.
    pub(crate) fn customer_rings(&mut self, leg: LegId) {
        let Some(house) = self.scenario.callbacks.clone() else { return };
        if self.backs.one_in_1000(house.busy_permille) {
            return self.end_leg(TRUNK, leg, 486);
        }
        let headers = self.peers[TRUNK].remarks();
        self.order(TRUNK, Command::Respond { leg, status: 180, headers, body: None });
        if !self.backs.one_in_1000(house.away_permille) {
            let ms = self.backs.exponential(4_000);
            self.later(ms, Act::Callback(CallbackAct::Answer(leg)));
        }
    }
}

impl Scenario {
    /// Rough runs in which callers ask to be called back, or give up and are.
    #[must_use]
    pub fn calling_back(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0xca11);
        let mut scenario = Self::rough(seed);
        let mut rare = || if dice.one_in_1000(500) { dice.below(500) } else { 0 };
        let (no_permille, mute_permille) = (rare(), rare() / 2);
        let (busy_permille, away_permille) = (rare(), rare());
        scenario.callbacks = Some(Callbacks {
            policy: CallbackPolicy {
                key: Some('*'),
                trunk: dice.one_in_1000(500).then(|| "carrier".into()),
                first: if dice.one_in_1000(300) { First::Customer } else { First::Operator },
                confirm: !dice.one_in_1000(300),
                attempts_max: u32::try_from(dice.between(1, 4)).unwrap_or(1),
                gap_ms: dice.between(1_000, 30_000),
                expires_ms: dice.between(5_000, 170_000),
                share: if dice.one_in_1000(500) { 300 } else { 0 },
                hours: None,
            },
            abandoned: if dice.one_in_1000(700) {
                Abandoned::CalledBack
            } else {
                Abandoned::Removed
            },
            star_permille: dice.below(700),
            stored_ms: (!dice.one_in_1000(150)).then(|| dice.exponential(150)),
            no_permille,
            mute_permille,
            busy_permille,
            away_permille,
            talk_ms: 5_000,
            numbers: dice.one_in_1000(400).then_some(3),
        });
        scenario
    }
}
