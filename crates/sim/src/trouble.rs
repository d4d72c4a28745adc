//! What befalls a contact centre from outside: phones that die, sound that stops, orders from the
//! API, new configurations, a planned stop.

use b2bua::event::{Membership, Recorded};
use b2bua::{Choice, Command, Input, Writing};

use crate::dice::Dice;
use crate::peer::Peer;
use crate::people::{PhoneAct, TRUNK};
use crate::scenario::Ms;
use crate::setup::{self, SWITCH, operator_id, serves};
use crate::world::{Act, World};

/// Something from outside.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    /// A phone dies.
    Dies(usize),
    /// It dies, and is back after so long.
    DiesFor(usize, Ms),
    /// It is back, and remembers nothing.
    Back(usize),
    /// No sound has come from a leg: thread and number.
    NoAudio(u16, u64),
    /// An order from the API.
    Order,
    /// An order about a recording, or a disk that fails it.
    Tape,
    /// An order about the people in a call.
    People,
    /// Somebody who waits presses a key.
    Key,
    /// An order that hands a customer on.
    Transfer,
    /// One that was written down.
    Script(usize),
    /// An order of the scenario's that an operator calls another.
    Click(usize),
    /// An order about a task.
    Pick(usize),
    /// A call that an order made is ended by another.
    Over(b2bua::CallKey),
    /// An operator presses a key.
    Types(usize, char),
    /// A new configuration: without this operator.
    Without(usize),
    /// The configuration as it was, a queue more.
    Restored,
    /// No new calls from now on.
    Drain,
    /// A look at who waits.
    Look,
}

/// How often it is looked at who waits.
const LOOK_MS: Ms = 1_000;

/// From one key to the next.
const BETWEEN_KEYS_MS: Ms = 200;

impl World {
    pub(crate) fn trouble_begins(&mut self) {
        let last = self.scenario.callers.last().map_or(0, |caller| caller.at_ms);
        if self.is_small() {
            self.later(LOOK_MS, Act::Trouble(Trouble::Look));
        }
        self.recurs(last, self.scenario.order_ms, |world| &mut world.orders, Trouble::Order);
        self.recurs(last, self.scenario.record_ms, |world| &mut world.tapes, Trouble::Tape);
        self.recurs(last, self.scenario.people_ms, |world| &mut world.wishes, Trouble::People);
        let keys_ms = self.scenario.reception.keys_ms;
        self.recurs(last, keys_ms, |world| &mut world.fingers, Trouble::Key);
        let transfer_ms = self.scenario.transfer_ms;
        self.recurs(last, transfer_ms, |world| &mut world.handing, Trouble::Transfer);
        for at in 0..self.scenario.clicks.len() {
            self.later(self.scenario.clicks[at].0, Act::Trouble(Trouble::Click(at)));
        }
        for (at, who, keys) in self.scenario.keys.clone() {
            self.press(at, who, keys);
        }
        for at in 0..self.scenario.picks.len() {
            self.later(self.scenario.picks[at].0, Act::Trouble(Trouble::Pick(at)));
        }
        for at in 0..self.scenario.script.len() {
            self.later(self.scenario.script[at].0, Act::Trouble(Trouble::Script(at)));
        }
        for (at, away, who) in self.scenario.reloads.clone() {
            self.later(at, Act::Trouble(Trouble::Without(who)));
            self.later(at + away, Act::Trouble(Trouble::Restored));
        }
        if let Some(at) = self.scenario.drain_ms {
            self.later(at, Act::Trouble(Trouble::Drain));
        }
    }

    /// Lets something happen again and again, until a while after the last caller has come.
    fn recurs(
        &mut self,
        last: Ms,
        mean_ms: Option<Ms>,
        dice: fn(&mut Self) -> &mut Dice,
        trouble: Trouble,
    ) {
        let Some(mean_ms) = mean_ms else { return };
        let mut at = 0;
        while at < last + 30_000 {
            at += 1 + dice(self).exponential(mean_ms);
            self.later(at, Act::Trouble(trouble));
        }
    }

    /// Whoever has been in some call for longest presses a key.
    fn presses(&mut self) {
        let any = usize::try_from(self.fingers.below(1_000)).unwrap_or(0);
        let at = usize::try_from(self.fingers.below(8)).unwrap_or(0);
        let digit = ['1', '2', '3', '4', '5', '6', '7', '8'][at];
        let leg = self.checker.open_call(any).and_then(|call| self.checker.first(call));
        let Some(leg) = leg else { return };
        let now = self.now;
        self.ladder.note(now, || format!("(leg {} presses {digit})", leg.0));
        let event = media::Event::Dtmf { leg, digit, duration_ms: 100 };
        self.tell_switch(Input::Media(event));
    }

    /// An operator presses these keys, from then on.
    pub(crate) fn press(&mut self, at: Ms, who: usize, keys: &str) {
        for (at, digit) in (0..).map(|n| at + n * BETWEEN_KEYS_MS).zip(keys.chars()) {
            self.later(at, Act::Trouble(Trouble::Types(who, digit)));
        }
    }

    fn types(&mut self, who: usize, digit: char) {
        let who = operator_id(who);
        let Some(leg) = self.checker.leg_of(&who) else { return };
        let now = self.now;
        self.ladder.note(now, || format!("({who} presses {digit})"));
        let event = media::Event::Dtmf { leg, digit, duration_ms: 100 };
        self.tell_switch(Input::Media(event));
    }

    pub(crate) fn befalls(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Dies(at) => self.dies(at, None),
            Trouble::DiesFor(at, away) => self.dies(at, Some(away)),
            Trouble::Back(at) => self.back(at),
            Trouble::NoAudio(thread, leg) => self.no_audio(thread, leg),
            Trouble::Order => self.gives_order(),
            Trouble::Tape => self.meddles(),
            Trouble::People => self.orders_people(),
            Trouble::Key => self.presses(),
            Trouble::Transfer => self.orders_transfer(),
            Trouble::Script(at) => self.follows_script(at),
            Trouble::Pick(at) => self.picks(at),
            Trouble::Click(at) => self.follows_click(at),
            Trouble::Over(call) if !self.checker.is_open(call) => {}
            Trouble::Over(call) => self.gives(Command::HangUp { call }),
            Trouble::Types(who, digit) => self.types(who, digit),
            Trouble::Without(who) => self.reload(Some(who)),
            Trouble::Restored => self.reload(None),
            Trouble::Drain => {
                self.checker.drained();
                self.tell_switch(Input::Drain);
            }
            Trouble::Look => {
                let ms = self.unix_ms();
                let seen = self.checker.look(ms);
                self.note(seen);
                if !self.is_quiet() {
                    self.later(LOOK_MS, Act::Trouble(Trouble::Look));
                }
            }
        }
    }

    fn dies(&mut self, at: usize, away: Option<Ms>) {
        if !self.peers[at].up {
            return;
        }
        let (now, address) = (self.now, self.peers[at].address);
        let user = self.peers[at].registration.user.clone();
        self.ladder.note(now, || format!("({user} at {address} dies)"));
        // Nothing comes out of it any more, and it will remember nothing.
        self.peers[at] = Peer::new(address, SWITCH, &user, &mut self.troubles);
        self.peers[at].up = false;
        self.phones_forget(at);
        self.raw.retain(|(peer, _), _| *peer != at);
        self.drain_peer(at);
        self.silence(at, None);
        let away = away.unwrap_or_else(|| self.troubles.between(50, 30_000));
        self.later(away, Act::Trouble(Trouble::Back(at)));
    }

    fn back(&mut self, at: usize) {
        let (now, user) = (self.now, self.peers[at].registration.user.clone());
        self.ladder.note(now, || format!("({user} is back)"));
        self.peers[at].up = true;
        self.phone_acts(at, PhoneAct::Register);
    }

    /// No packet comes any more from a peer, or from one of its ports.
    pub(crate) fn silence(&mut self, at: usize, port: Option<u16>) {
        let Some(dead_ms) = self.scenario.dead_audio_ms else { return };
        let address = self.peers[at].address.ip();
        let hit = |leg: &crate::check::MediaLeg| {
            leg.remote.ip() == address && port.is_none_or(|port| leg.remote.port() == port)
        };
        let legs = self.checker.media_legs().iter().filter(|(_, leg)| hit(leg));
        let legs: Vec<_> = legs.map(|(key, _)| *key).collect();
        for (thread, leg) in legs {
            self.later(dead_ms, Act::Trouble(Trouble::NoAudio(thread, leg)));
        }
    }

    /// The media thread says what it has not heard; the leg must be gone then, unless it may be
    /// silent.
    fn no_audio(&mut self, thread: u16, leg: u64) {
        let known = self.checker.media_legs().get(&(thread, leg)).copied();
        let (Some(known), Some(dead_ms)) = (known, self.scenario.dead_audio_ms) else { return };
        if !known.receive {
            return;
        }
        let now = self.now;
        self.ladder.note(now, || format!("(no audio from {})", known.remote));
        let may = self.checker.may_be_silent(thread, leg);
        let since = now.saturating_sub(sip::Time::from_millis(dead_ms));
        let event = media::Event::NoAudio { leg: media::LegId(leg), since };
        self.tell_switch(Input::Media(event));
        if !may && self.checker.media_legs().contains_key(&(thread, leg)) {
            self.breaks(format!("leg {leg} is dead and stays"));
        }
    }

    /// Whether an operator serves the queue, where orders have not said otherwise.
    fn may_join(&self, operator: &str) -> bool {
        let all = 0..self.scenario.operators.len();
        all.into_iter().any(|at| operator_id(at) == operator && serves(&self.scenario, at))
    }

    fn gives_order(&mut self) {
        let who = self.orders.below(self.scenario.operators.len() as u64 + 1);
        let operator: b2bua::config::Name =
            operator_id(usize::try_from(who).unwrap_or(0)).as_str().into();
        let any = usize::try_from(self.orders.below(1_000)).unwrap_or(0);
        let command = match self.orders.below(10) {
            0 | 1 => match self.checker.open_call(any) {
                Some(call) => Command::HangUp { call },
                None => Command::HangUp { call: b2bua::CallKey(7) },
            },
            2..5 => Command::Choose { operator, state: Choice::Ready },
            5 => Command::Choose { operator, state: Choice::NotReady { reason: None } },
            6 => Command::Choose { operator, state: Choice::Offline },
            7 => Command::EndWrapUp { operator },
            8 if self.orders.one_in_1000(600) && self.may_join(&operator) => {
                let all = [Membership::Joined, Membership::Paused, Membership::Left];
                let state = all[usize::try_from(self.orders.below(3)).unwrap_or(0)];
                Command::ChangeQueues { operator, queues: [("support".into(), state)].into() }
            }
            8 => Command::ExtendWrapUp { operator },
            _ => match self.checker.open_task(any) {
                Some(task) => Command::ExplainTask { task },
                None => Command::ExplainOperator { operator },
            },
        };
        let now = self.now;
        self.ladder.note(now, || format!("(API: {command:?})"));
        self.gives(command);
    }

    /// Gives an order, which is answered at once, unless its sound has to be made.
    pub(crate) fn gives(&mut self, command: Command) {
        self.asked += 1;
        let request = self.asked;
        let waits = command.audio().is_some_and(|audible| audible.audio.is_made());
        self.unanswered.insert(request);
        self.tell_switch(Input::Command { request, command });
        if !waits && self.unanswered.contains(&request) {
            self.breaks(format!("no reply to order {request}"));
        }
    }

    /// Somebody switches the recording of a call, or it cannot be written.
    fn meddles(&mut self) {
        let any = usize::try_from(self.tapes.below(1_000)).unwrap_or(0);
        let Some(call) = self.checker.open_call(any) else { return };
        let state = match self.tapes.below(6) {
            0 | 1 => Recorded::On,
            2 | 3 => Recorded::Paused,
            4 => Recorded::Off,
            _ => {
                let Some((call, recording)) = self.checker.recordings.open(any) else { return };
                self.checker.recordings.meddled(call);
                let (lost_ms, at_ms) = (40, 1_000);
                let writing = match self.tapes.below(2) {
                    0 => Writing::Failed { call, recording, cause: "no space".into() },
                    _ => Writing::Gap { call, recording, at_ms, lost_ms },
                };
                return self.tell_switch(Input::Writing(writing));
            }
        };
        self.checker.recordings.meddled(call);
        self.gives(Command::Record { call, state, by: "somebody".into() });
    }

    fn reload(&mut self, without: Option<usize>) {
        let config = setup::reloaded(&self.scenario, without);
        let now = self.now;
        self.ladder.note(now, || format!("(reload without {without:?})"));
        self.checker.configured(setup::members(&config));
        self.tell_switch(Input::Configure(Box::new(config)));
        for at in (TRUNK + 1)..self.peers.len() {
            if without.is_none() && self.peers[at].up {
                self.later(10, Act::Phone(at, PhoneAct::Register));
            }
        }
    }
}
