//! Virtual time: an agenda, the switch, the trunk and the phones. Nothing here waits or threads;
//! a run is a function of its scenario.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

use b2bua::config::Delivery;
use b2bua::config::Then;
use b2bua::event::Kind;
use b2bua::{B2bua, CallKey, Carried, Input, Output, What};
use bytes::Bytes;
use media::{Command, Hears, Source};
use sip::msg::Message;
use sip::{Flow, LegId, Time, Transport};

use crate::callbacks::CallbackAct;
use crate::check::{Checker, Limits};
use crate::delivery::{DeliveryAct, Returning};
use crate::dice::Dice;
use crate::hooks::Says;
use crate::ladder::Ladder;
use crate::outside::outside;
use crate::peer::Peer;
use crate::people::{CallerAct, Callers, PhoneAct, Phones};
use crate::race::RaceAct;
use crate::raw::{RawAct, RawCalls};
use crate::scenario::{Ms, Reception, Scenario};
use crate::setup;
use crate::transfers::Asked;
use crate::trouble::Trouble;

/// The port pairs the switch has.
const PAIRS: u16 = 2_000;
/// Unix time at the beginning.
const SINCE_UNIX: Time = Time::from_secs(1_790_000_000);
/// How long it takes to make a sound.
const MAKE_MS: Ms = 200;
/// How long the shortest prompt is.
const PLAY_MS: Ms = 700;
/// How long all must be quiet before it counts as quiet: longer than any timer of SIP.
const QUIET: Time = Time::from_secs(200);

/// Something that will happen.
#[derive(Debug)]
pub(crate) enum Act {
    /// A datagram arrives.
    Deliver {
        /// Sent from.
        from: SocketAddr,
        /// Sent to.
        to: SocketAddr,
        /// What.
        wire: Bytes,
    },
    /// A caller does something.
    Caller(usize, CallerAct),
    /// Somebody with a phone does something.
    Phone(usize, PhoneAct),
    /// A lying peer does something with the call of this Call-ID.
    Raw(usize, String, RawAct),
    /// A sound the switch asked for is there.
    Made(u64),
    /// A prompt has come to its end: of which leg, and which playing.
    HeardOut(u64, u64),
    /// A media thread has ended a leg.
    MediaEnded(u64),
    /// Something about a callback.
    Callback(CallbackAct),
    /// A hook answers.
    Hook(Says),
    /// The trunk does as it was asked.
    Delivery(DeliveryAct),
    /// Something about a race.
    Race(RaceAct),
    /// Something befalls from outside.
    Trouble(Trouble),
}

/// All there is.
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) scenario: Scenario,
    /// What people do. Each concern has dice of its own, so that leaving one out in a smaller run
    /// leaves the others as they were.
    pub(crate) dice: Dice,
    pub(crate) lies: Dice,
    pub(crate) troubles: Dice,
    pub(crate) orders: Dice,
    pub(crate) tapes: Dice,
    pub(crate) fingers: Dice,
    pub(crate) wishes: Dice,
    pub(crate) handing: Dice,
    pub(crate) moves: Dice,
    pub(crate) backs: Dice,
    pub(crate) seconds: Asked,
    weather: Dice,
    carries: Dice,
    pub(crate) raw: RawCalls,
    /// Calls at phones about which no lie is told.
    pub(crate) honest: BTreeSet<(usize, String)>,
    /// Orders given, and those that are not answered.
    pub(crate) asked: u64,
    /// Calls that orders have made.
    pub(crate) clicked: u64,
    /// What took part in a race.
    pub(crate) raced: u64,
    pub(crate) unanswered: BTreeSet<u64>,
    pub(crate) returning: Returning,
    /// Prompts that play: to which leg, and which playing.
    playing: BTreeSet<(u64, u64)>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) callers: Callers,
    pub(crate) phones: Phones,
    pub(crate) calls: BTreeMap<CallKey, usize>,
    pub(crate) ladder: Ladder,
    /// What was told, where somebody wants to know.
    pub(crate) told: Option<Vec<b2bua::SharedEvent>>,
    /// What the run did, for the one who asked for it.
    pub(crate) checker: Checker,
    switch: B2bua,
    agenda: BTreeMap<(Time, u64), Act>,
    order: u64,
    by_address: BTreeMap<SocketAddr, usize>,
    due: Vec<Option<Time>>,
    wakes: BTreeSet<(Time, usize)>,
    broken: Option<String>,
    turns: u64,
    /// When something happened last.
    last: Time,
}

/// The number of the switch among those that are woken; peer `n` is `n + 1`.
const SWITCH: usize = 0;

impl World {
    /// A world at its beginning; phones register, callers are on the agenda.
    #[must_use]
    pub(crate) fn new(scenario: Scenario, trace: bool) -> Self {
        let mut dice = Dice::new(scenario.seed);
        let mut ladder = Ladder::new(trace);
        let peers = setup::peers(&scenario, &mut dice, &mut ladder);
        let thread = |pair: u16| match scenario.first_thread {
            Some(pairs) => u16::from(pair >= pairs),
            None => pair % 2,
        };
        let switch = B2bua::new(
            setup::config(&scenario),
            b2bua::Start {
                seed: dice.seed(),
                first_seq: 1,
                since_unix: SINCE_UNIX,
                leases: (0..PAIRS)
                    .map(|n| media::Lease { thread: thread(n), port: 20_000 + 2 * n })
                    .collect(),
            },
        );
        let mut world = Self {
            now: Time::ZERO,
            callers: Callers::new(scenario.callers.len()),
            phones: Phones::new(peers.len()),
            by_address: peers.iter().enumerate().map(|(at, peer)| (peer.address, at)).collect(),
            due: vec![None; peers.len() + 1],
            calls: BTreeMap::new(),
            told: None,
            checker: Checker::new(limits(&scenario), scenario.record, outside(&scenario)),
            lies: Dice::new(!scenario.seed),
            troubles: Dice::new(scenario.seed.rotate_left(8) ^ 1),
            moves: Dice::new(scenario.seed.rotate_left(40) ^ 5),
            backs: Dice::new(scenario.seed.rotate_left(20) ^ 9),
            seconds: Asked::default(),
            orders: Dice::new(scenario.seed.rotate_left(16) ^ 2),
            tapes: Dice::new(scenario.seed.rotate_left(48) ^ 6),
            fingers: Dice::new(scenario.seed ^ 0x0f1e),
            wishes: Dice::new(scenario.seed.rotate_left(48) ^ 7),
            handing: Dice::new(scenario.seed.rotate_left(48) ^ 8),
            weather: Dice::new(scenario.seed.rotate_left(24) ^ 3),
            carries: Dice::new(scenario.seed.rotate_left(32) ^ 4),
            raw: RawCalls::new(),
            honest: BTreeSet::new(),
            asked: 0,
            clicked: 0,
            raced: 0,
            unanswered: BTreeSet::new(),
            returning: Returning::new(scenario.seed),
            playing: BTreeSet::new(),
            agenda: BTreeMap::new(),
            wakes: BTreeSet::new(),
            order: 0,
            broken: None,
            turns: 0,
            last: Time::ZERO,
            scenario,
            dice,
            peers,
            ladder,
            switch,
        };
        world.checker.configured(setup::members(&setup::config(&world.scenario)));
        world.drain_switch();
        world.tell_switch(Input::Sounds(Box::new(setup::sounds(&world.scenario))));
        world.people_begin();
        world.trouble_begins();
        world.race_begins();
        world.drain_switch();
        world
    }

    /// Runs until all is quiet, and nobody is asked any more whether they are there.
    ///
    /// # Errors
    /// What did not hold.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        self.run_till_quiet()?;
        if core::mem::take(&mut self.scenario.watch.qualify_s) > 0 {
            self.last = self.now;
            self.tell_switch(Input::Configure(Box::new(setup::config(&self.scenario))));
            self.run_till_quiet()?;
        }
        self.finish()
    }

    fn run_till_quiet(&mut self) -> Result<(), String> {
        loop {
            let act = self.agenda.first_key_value().map(|(key, _)| *key);
            let wake = self.wakes.first().copied();
            let next = act.map(|(at, _)| at).into_iter().chain(wake.map(|(at, _)| at)).min();
            let Some(next) = next.filter(|next| act.is_some() || *next <= self.last + QUIET) else {
                break;
            };
            self.now = self.now.max(next);
            match act.filter(|(at, _)| *at == next) {
                Some(key) => {
                    if let Some(act) = self.agenda.remove(&key) {
                        if !matches!(act, Act::Trouble(Trouble::Look)) && !is_question(&act) {
                            self.last = self.now;
                        }
                        self.happen(act);
                    }
                }
                None => self.wake(),
            }
            if let Some(broken) = self.broken.take() {
                return Err(broken);
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), String> {
        let counts = self.switch.counts();
        if counts != b2bua::Counts::default() {
            return Err(format!("when all was quiet: {counts:?}"));
        }
        for peer in &self.peers {
            let legs = peer.endpoint.counts().legs;
            if legs > 0 {
                return Err(format!("{} still has {legs} legs", peer.address));
            }
        }
        if let Some(request) = self.unanswered.first() {
            return Err(format!("no reply to order {request}"));
        }
        self.checker.finish()
    }

    /// Prompts that begin are heard for a while. What ends is told of in the next tick; now and then it
    /// is not, as if the thread hung.
    fn plays(&mut self, command: &Command) {
        if let Command::EndLeg(leg) = command
            && !leg.0.is_multiple_of(13)
        {
            self.later(1 + leg.0 % 5, Act::MediaEnded(leg.0));
        }
        let Command::Matrix { rows, .. } = command else { return };
        for row in rows {
            let Hears::Source(Source::Prompt { play, .. }) = &row.hears else { continue };
            if self.playing.insert((row.leg.0, *play)) {
                self.later(PLAY_MS * (1 + play % 7), Act::HeardOut(row.leg.0, *play));
            }
        }
    }

    /// Its last figures come before its end.
    fn media_ended(&mut self, leg: u64) {
        let leg = media::LegId(leg);
        self.tell_switch(Input::Media(media::Event::Report(media::Report {
            leg,
            codec: media::Codec::Pcma,
            packets_in: leg.0,
            packets_out: 0,
            lost: 0,
            late: 0,
            jitter_us: 0,
            rtt_us: None,
            mos: None,
            mos_now: None,
            remote_lost: None,
            remote_jitter_us: None,
            remote_mos: None,
            remote_mos_now: None,
        })));
        self.tell_switch(Input::Media(media::Event::Ended { leg }));
    }

    /// As the media thread tells it: to those who still hear it.
    fn heard_out(&mut self, leg: u64, play: u64) {
        self.playing.remove(&(leg, play));
        let leg = media::LegId(leg);
        if self.checker.hears_prompt(leg, play) {
            let missing = play.is_multiple_of(11).then(|| "lost".into());
            self.tell_switch(Input::Media(media::Event::Played { leg, play, missing }));
        }
    }

    pub(crate) fn happen(&mut self, act: Act) {
        match act {
            Act::Deliver { from, to, wire } => self.deliver(from, to, wire),
            Act::Caller(who, act) => self.caller_acts(who, act),
            Act::Phone(who, act) => self.phone_acts(who, act),
            Act::Raw(who, id, act) => self.raw_acts(who, &id, act),
            Act::HeardOut(leg, play) => self.heard_out(leg, play),
            Act::MediaEnded(leg) => self.media_ended(leg),
            Act::Made(token) => self.tell_switch(Input::Made { token, result: Ok(100_000) }),
            Act::Callback(act) => self.callback_acts(act),
            Act::Hook(says) => self.hook_says(says),
            Act::Delivery(act) => self.delivery_acts(act),
            Act::Race(act) => self.race_acts(act),
            Act::Trouble(trouble) => self.befalls(trouble),
        }
    }

    fn wake(&mut self) {
        let Some((_, who)) = self.wakes.first().copied() else { return };
        if who == SWITCH {
            self.maybe_swap_switch();
            self.switch.handle_timeout(self.now);
            self.drain_switch();
        } else {
            let now = self.now;
            self.peers[who - 1].endpoint.handle_timeout(now);
            self.drain_peer(who - 1);
        }
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, wire: Bytes) {
        let flow = Flow { transport: Transport::Udp, local: to, remote: from, connection: 0 };
        let input = match Message::parse(wire) {
            Ok(message) => sip::Input::Message { flow, message },
            Err(malformed) => sip::Input::Malformed { flow, malformed },
        };
        if to == setup::SWITCH {
            if let sip::Input::Message { message, .. } = &input
                && self.is_small()
            {
                self.checker.received(self.now, from, message);
            }
            self.tell_switch(Input::Sip(input));
        } else if let Some(at) = self.by_address.get(&to).copied() {
            self.peer_receives(at, input);
        }
    }

    fn peer_receives(&mut self, at: usize, input: sip::Input) {
        if !self.peers[at].up {
            return;
        }
        if let sip::Input::Message { message, .. } = &input
            && message.status().is_some()
            && message.cseq().is_ok_and(|cseq| cseq.method == sip::msg::Method::Register)
        {
            if let Some(request) = self.peers[at].registered(message) {
                self.send(self.peers[at].address, setup::SWITCH, request.wire());
            }
            return;
        }
        if let sip::Input::Message { message, .. } = &input
            && self.raw_receives(at, message)
        {
            return;
        }
        let now = self.now;
        self.peers[at].endpoint.handle(now, input);
        self.drain_peer(at);
    }

    /// Whether the run is so short that everything can be looked at all the time.
    pub(crate) fn is_small(&self) -> bool {
        self.scenario.callers.len() < 200
    }

    /// Whether nothing but looking has happened for long.
    pub(crate) fn is_quiet(&self) -> bool {
        self.now > self.last + QUIET
    }

    /// Gives the switch an input, sometimes another body with the same soul first.
    pub(crate) fn tell_switch(&mut self, input: Input) {
        self.maybe_swap_switch();
        self.switch.handle(self.now, input);
        self.drain_switch();
    }

    fn maybe_swap_switch(&mut self) {
        self.turns += 1;
        if self.carries.one_in_1000(self.scenario.carry_permille) {
            self.swap_switch();
        }
    }

    fn swap_switch(&mut self) {
        let carried = postcard::to_stdvec(&self.switch.carry()).map_err(|e| e.to_string());
        let resumed = carried
            .and_then(|bytes| postcard::from_bytes::<Carried>(&bytes).map_err(|e| e.to_string()))
            .and_then(|carried| B2bua::resume(carried).map_err(|e| e.to_string()));
        match resumed {
            Ok(switch) => self.switch = switch,
            Err(error) => self.breaks(format!("carry and resume: {error}")),
        }
    }

    fn drain_switch(&mut self) {
        let mut outputs: VecDeque<Output> =
            core::iter::from_fn(|| self.switch.poll_output()).collect();
        // An order is answered last, and its events may speak already of what the answer names.
        for output in &outputs {
            if let Output::Reply {
                result: Ok(b2bua::Reply::Playing { play, participants }), ..
            } = output
            {
                self.checker.plays(*play, participants);
            }
        }
        while let Some(output) = outputs.pop_front().or_else(|| self.switch.poll_output()) {
            match output {
                Output::Transmit { flow, bytes } => {
                    if self.is_small() {
                        let seen = match Message::parse(bytes.clone()) {
                            Ok(message) => self.checker.sent(self.now, flow.remote, &message),
                            Err(error) => Err(format!("the switch sent garbage: {error:?}")),
                        };
                        self.note(seen);
                    }
                    self.send(flow.local, flow.remote, &bytes);
                }
                Output::Resolve { query, host, port, .. } => {
                    let flows = self.resolve(setup::SWITCH, &host, port);
                    self.switch.handle(self.now, Input::Sip(sip::Input::Resolved { query, flows }));
                }
                Output::Media { thread, command } => {
                    let seen = self.checker.media(thread, &command);
                    self.note(seen);
                    self.plays(&command);
                }
                Output::Event(event) => {
                    let now = self.now;
                    self.ladder.event(now, &event.what);
                    if let Some(told) = &mut self.told {
                        told.push(event.clone());
                    }
                    let seen = self.checker.event(&event);
                    self.note(seen);
                    self.may_be_nobodys(&event);
                    self.callback_noticed(&event);
                    self.outside_noticed(&event);
                    self.person_notices(event.call, &event.what);
                }
                Output::Make { token, .. } => self.later(MAKE_MS, Act::Made(token)),
                Output::Forget { .. } => {}
                Output::Ask { token, .. } => self.hook_is_asked(token),
                Output::Confirm { token } => self.writes_down(token),
                Output::Reply { request, result } => {
                    if let Ok(b2bua::Reply::Dialled { call, .. }) = result {
                        self.was_clicked(call);
                    }
                    let (now, words) = (self.now, reply(&result));
                    self.ladder.note(now, || format!("(reply: {words})"));
                    if !self.unanswered.remove(&request) {
                        self.breaks(format!("a reply to {request}, which nobody waits for"));
                    }
                }
            }
        }
        let seen = self.checker.turn_over(self.is_small());
        self.note(seen);
        // The whole check is linear in what is alive, so not after every turn of a large run.
        if self.is_small() || self.turns.is_multiple_of(1_000) {
            let held = self.switch.check();
            self.note(held);
        }
        let due = self.switch.poll_timeout();
        self.set_wake(SWITCH, due);
    }

    pub(crate) fn drain_peer(&mut self, at: usize) {
        while let Some(output) = self.peers[at].endpoint.poll_output() {
            match output {
                sip::Output::Transmit { flow, bytes } => {
                    self.send(flow.local, flow.remote, &bytes);
                }
                sip::Output::Resolve { query, host, port, .. } => {
                    let flows = self.resolve(self.peers[at].address, &host, port);
                    let now = self.now;
                    self.peers[at].endpoint.handle(now, sip::Input::Resolved { query, flows });
                }
                sip::Output::Event(event) => self.peer_event(at, event),
            }
        }
        let due = self.peers[at].endpoint.poll_timeout();
        self.set_wake(at + 1, due);
    }

    fn resolve(&self, local: SocketAddr, host: &str, port: Option<u16>) -> Vec<Flow> {
        let remote = host.parse().map(|ip| SocketAddr::new(ip, port.unwrap_or(5060)));
        let flow = |remote| Flow { transport: Transport::Udp, local, remote, connection: 0 };
        remote.map(flow).into_iter().collect()
    }

    fn set_wake(&mut self, who: usize, due: Option<Time>) {
        if let Some(old) = self.due[who].take() {
            self.wakes.remove(&(old, who));
        }
        self.due[who] = due;
        self.wakes.extend(due.map(|due| (due, who)));
    }

    /// Puts a datagram on the network, which loses, doubles, delays and reorders.
    pub(crate) fn send(&mut self, from: SocketAddr, to: SocketAddr, wire: &Bytes) {
        let network = self.scenario.network;
        let lost = self.weather.one_in_1000(network.loss_permille);
        let twice = self.weather.one_in_1000(network.twice_permille);
        let fate = match (lost, twice) {
            (true, _) => "  (lost)",
            (false, true) => "  (twice)",
            (false, false) => "",
        };
        let now = self.now;
        self.ladder.message(now, from, to, wire, fate);
        if to == setup::SWITCH && self.weather.one_in_1000(self.scenario.replay_permille) {
            let delay = self.weather.between(500, 150_000);
            self.later(delay, Act::Deliver { from, to, wire: wire.clone() });
        }
        if lost {
            return;
        }
        for _ in 0..=u8::from(twice) {
            let delay = network.delay_ms + self.weather.below(network.jitter_ms + 1);
            self.later(delay, Act::Deliver { from, to, wire: wire.clone() });
        }
    }

    /// Puts something on the agenda.
    pub(crate) fn later(&mut self, delay_ms: Ms, act: Act) {
        self.order += 1;
        self.agenda.insert((self.now + Time::from_millis(delay_ms), self.order), act);
    }

    /// Milliseconds as the events count them.
    pub(crate) fn unix_ms(&self) -> i64 {
        signed(u64::try_from((SINCE_UNIX + self.now).as_millis()).unwrap_or(0))
    }

    pub(crate) fn note(&mut self, seen: Result<(), String>) {
        if let Err(broken) = seen {
            self.breaks(broken);
        }
    }

    pub(crate) fn breaks(&mut self, what: String) {
        let now = self.now;
        self.ladder.note(now, || format!("BROKEN: {what}"));
        self.broken.get_or_insert(what);
    }

    /// Gives a peer an order.
    pub(crate) fn order(&mut self, at: usize, command: sip::Command) {
        let now = self.now;
        self.peers[at].endpoint.handle(now, sip::Input::Command(command));
        self.drain_peer(at);
    }

    /// A person's ear: whose voice they hear is what the switch says of their call.
    fn person_notices(&mut self, call: Option<CallKey>, what: &What) {
        let Some(call) = call else { return };
        match what {
            What::CallStarted { kind: Kind::Inbound, context, .. } => {
                let who = context.get("X-Caller").and_then(|who| who.parse().ok());
                self.calls.extend(who.map(|who| (call, who)));
            }
            What::CallAnswered { .. } => {
                if let Some(who) = self.calls.get(&call).copied() {
                    let talk_ms = self.scenario.callers[who].talk_ms;
                    self.callers.talks(who);
                    self.later(talk_ms, Act::Caller(who, CallerAct::HangUp));
                }
            }
            What::CallEnded { .. } => {
                self.calls.remove(&call);
            }
            _ => {}
        }
    }

    /// A leg of nobody's, to be ended at once.
    pub(crate) fn end_leg(&mut self, at: usize, leg: LegId, status: u16) {
        let headers = self.peers[at].remarks();
        self.order(at, sip::Command::End { leg, status, headers });
    }
}

/// How an order went, in a word.
fn reply(result: &Result<b2bua::Reply, b2bua::Problem>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(problem) => problem.to_string(),
    }
}

/// Whether a phone is asked if it is there, or answers that: it happens as long as there are phones.
fn is_question(act: &Act) -> bool {
    let asks = |wire: &[u8]| wire.windows(17).any(|part| part == b"From: <sip:usher@");
    matches!(act, Act::Deliver { wire, .. } if asks(wire))
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// What the queue of a scenario promises.
fn limits(scenario: &Scenario) -> Limits {
    let waits_on = scenario.reception.on_limit.iter().any(|step| step.then == Then::Wait);
    Limits {
        wait_ms_max: if waits_on { i64::MAX / 2 } else { signed(scenario.wait_s_max * 1_000) },
        // A trunk that is asked to bring a customer may take its time as well.
        ring_ms: signed(scenario.ring_s * 1_000)
            + if scenario.delivery == Delivery::Bridge { 0 } else { 42_000 },
        wrap_up_ms: signed(scenario.wrap_up_s * 1_000),
        briefs: scenario.pre_bridge.is_some() || scenario.callbacks.is_some(),
        keeps: scenario.hold.is_some() || scenario.by_hand,
        receives: scenario.reception != Reception::default() || scenario.callbacks.is_some(),
        follows: scenario.reception.after.is_some(),
        undisturbed: scenario.order_ms.is_none()
                    && scenario.people_ms.is_none()
                    && scenario.callbacks.is_none()
                    && scenario.transfer_ms.is_none()
                    && scenario.script.is_empty()
                    && scenario.race.is_none()
                    && scenario.clicks.is_empty()
                    && scenario.keys.is_empty()
                    && scenario.reloads.is_empty()
                    // Whoever is handed a call while they wrap up has another wrap-up after it.
                    && scenario.operators.iter().all(|operator| operator.move_permille == 0),
        back_off_ms: signed(setup::BACK_OFF_MS),
    }
}
