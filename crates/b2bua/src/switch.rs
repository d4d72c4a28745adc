//! The machine itself: one value that one thread owns.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::{Counts, Input, Output, Problem, Reply, Time};
use crate::call::{Call, TaskEntry, Timer};
use crate::config::{Config, Name};
use crate::decisions::Decisions;
use crate::directory::{Directory, Names};
use crate::event::{Event, Utc, What};
use crate::flow::membership::Memberships;
use crate::flow::quality::Leaving;
use crate::flow::sound::SoundDesk;
use crate::flow::switches::Switches;
use crate::id::{CallKey, TaskKey};
use crate::sticky::Sticky;

/// What a node begins with.
#[derive(Debug, Clone)]
pub struct Start {
    /// For every tag, branch, Call-ID, id and SSRC; from the operating system's generator.
    pub seed: [u8; 32],
    /// Number of the first event.
    pub first_seq: u64,
    /// Unix time at the node's epoch.
    pub since_unix: Time,
    /// The port pairs that are bound.
    pub leases: Vec<media::Lease>,
}

/// The switch: SIP endpoint, distributor, calls.
#[derive(Debug)]
pub struct B2bua {
    pub(crate) directory: Directory,
    pub(crate) endpoint: sip::Endpoint,
    pub(crate) acd: acd::Acd,
    pub(crate) state: State,
    /// Calls that changed since what they hear was last worked out.
    pub(crate) dirty: BTreeSet<CallKey>,
    /// Legs found dead in a turn of their call, to be ended after it.
    pub(crate) dead: VecDeque<sip::LegId>,
    outputs: VecDeque<Output>,
    /// Answers to orders, for behind all that they cause.
    replies: Vec<Output>,
}

/// What the switch knows by itself, as plain data.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) names: Names,
    pub(crate) pool: media::Pool,
    pub(crate) leased: usize,
    pub(crate) calls: BTreeMap<CallKey, Box<Call>>,
    pub(crate) legs: BTreeMap<sip::LegId, CallKey>,
    pub(crate) tasks: BTreeMap<TaskKey, TaskEntry>,
    pub(crate) timers: BTreeSet<(Time, CallKey, Timer)>,
    /// Orders that are answered once the callbacks they make are on the disk.
    pub(crate) promised: BTreeMap<TaskKey, u64>,
    /// Calls of which hooks are asked, by the question.
    pub(crate) questions: BTreeMap<u64, CallKey>,
    /// Calls by the address that their customers come back to, good for once.
    pub(crate) doors: BTreeMap<Name, CallKey>,
    /// When callbacks are given up, and operators free to whom a customer was delivered.
    pub(crate) expiries: BTreeSet<(Time, TaskKey)>,
    /// Legs by trunk, both ways.
    pub(crate) by_trunk: BTreeMap<Name, usize>,
    pub(crate) decisions: Decisions,
    pub(crate) sticky: Sticky,
    pub(crate) switches: Switches,
    pub(crate) memberships: Memberships,
    pub(crate) draining: bool,
    pub(crate) desk: SoundDesk,
    /// Legs whose last figures are to come, in the order they left.
    pub(crate) leaving: VecDeque<Leaving>,
    seq: u64,
    since_unix: Time,
}

/// A switch as plain data, between two turns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Carried {
    version: u32,
    config: Config,
    endpoint: sip::Carried,
    acd: acd::Carried,
    state: State,
}

/// What was carried is of another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("carried state of version {0}, this is version {VERSION}")]
pub struct WrongVersion(pub u32);

const VERSION: u32 = 19;

impl State {
    /// Unix time at the node's epoch.
    pub(crate) const fn since_unix(&self) -> Time {
        self.since_unix
    }
}

impl B2bua {
    /// A switch without calls.
    #[must_use]
    pub fn new(config: Config, start: Start) -> Self {
        let mut names = Names::default();
        let endpoint = sip::Endpoint::new(config.sip.clone(), start.seed);
        let directory = Directory::new(config, &mut names);
        // Whoever guessed these bytes by the distributor's choices would lack the other 24.
        let chance = start.seed.iter().take(8).fold(0, |all, byte| (all << 8) | u64::from(*byte));
        let mut acd = acd::Acd::new(start.first_seq, chance);
        let switches = Switches::default();
        acd.handle(Time::ZERO, acd::Input::Configure(switches.over(directory.acd(), &directory)));
        let state = State {
            names,
            pool: media::Pool::new(start.leases),
            leased: 0,
            calls: BTreeMap::new(),
            legs: BTreeMap::new(),
            tasks: BTreeMap::new(),
            timers: BTreeSet::new(),
            promised: BTreeMap::new(),
            questions: BTreeMap::new(),
            doors: BTreeMap::new(),
            expiries: BTreeSet::new(),
            by_trunk: BTreeMap::new(),
            decisions: Decisions::default(),
            sticky: Sticky::default(),
            switches,
            memberships: Memberships::default(),
            draining: false,
            desk: SoundDesk::default(),
            leaving: VecDeque::new(),
            seq: start.first_seq,
            since_unix: start.since_unix,
        };
        let (dirty, dead, outputs) = (BTreeSet::new(), VecDeque::new(), VecDeque::new());
        let replies = Vec::new();
        let mut switch = Self { directory, endpoint, acd, state, dirty, dead, outputs, replies };
        switch.reach_outside(Time::ZERO);
        switch.hours_pass(Time::ZERO);
        switch.settle(Time::ZERO);
        switch
    }

    /// Takes one input in.
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::Sip(input) => self.endpoint.handle(now, input),
            Input::Media(event) => self.on_media(now, &event),
            Input::Writing(writing) => self.on_writing(now, writing),
            Input::Command { request, command } => self.order(now, request, command),
            Input::Day(day) => self.acd.handle(now, acd::Input::Day(day)),
            Input::Wall { since_unix } => {
                self.state.since_unix = since_unix.saturating_sub(now);
                self.hours_pass(now);
            }
            Input::Configure(config) => self.configure(now, *config),
            Input::Sounds(sounds) => self.state.desk.sounds = *sounds,
            Input::Made { token, result } => self.sound_made(now, token, result),
            Input::Restore(restored) => self.restore(now, *restored),
            Input::Answered { token, result } => self.hook_answered(now, token, result),
            Input::Stored { token } => self.promise_kept(now, TaskKey(token)),
            Input::Drain => self.state.draining = true,
            Input::Stop => self.stop(now),
        }
        self.settle(now);
    }

    /// Lets time pass to `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.endpoint.poll_timeout().is_some_and(|due| due <= now) {
            self.endpoint.handle_timeout(now);
        }
        if self.acd.poll_timeout().is_some_and(|due| due <= now) {
            self.acd.handle_timeout(now);
        }
        while let Some(timer) = self.state.timers.first().copied().filter(|timer| timer.0 <= now) {
            self.state.timers.remove(&timer);
            let (_, key, timer) = timer;
            self.with_call(key, |switch, call| {
                call.timers.remove(&timer);
                switch.expired(now, call, timer);
            });
        }
        self.callbacks_expire(now);
        if self.hours_due().is_some_and(|due| due <= now) {
            self.hours_pass(now);
        }
        self.sounds_overdue(now);
        self.leaving_overdue(now);
        self.settle(now);
    }

    /// The next thing to do outside. Drain to `None` after each input and each timeout.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let own = self.state.timers.first().map(|(due, ..)| *due);
        let left = self.state.leaving.front().map(|leaving| leaving.due);
        let (endpoint, acd) = (self.endpoint.poll_timeout(), self.acd.poll_timeout());
        let expiry = self.state.expiries.first().map(|(due, _)| *due);
        let hours = self.hours_due();
        let due = [endpoint, acd, own, left, expiry, hours, self.state.desk.due()];
        due.into_iter().flatten().min()
    }

    /// When a queue opens or closes by its hours.
    fn hours_due(&self) -> Option<Time> {
        Some(self.state.switches.due()?.saturating_sub(self.state.since_unix))
    }

    /// The machine as plain data.
    #[must_use]
    pub fn carry(&self) -> Carried {
        Carried {
            version: VERSION,
            config: self.directory.config.clone(),
            endpoint: self.endpoint.carry(),
            acd: self.acd.carry(),
            state: self.state.clone(),
        }
    }

    /// The same machine back.
    ///
    /// # Errors
    /// [`WrongVersion`] where another version of this program carried it.
    pub fn resume(carried: Carried) -> Result<Self, WrongVersion> {
        if carried.version != VERSION {
            return Err(WrongVersion(carried.version));
        }
        let mut state = carried.state;
        Ok(Self {
            directory: Directory::new(carried.config, &mut state.names),
            endpoint: sip::Endpoint::resume(carried.endpoint)
                .map_err(|error| WrongVersion(error.0))?,
            acd: acd::Acd::resume(carried.acd),
            state,
            dirty: BTreeSet::new(),
            dead: VecDeque::new(),
            outputs: VecDeque::new(),
            replies: Vec::new(),
        })
    }

    /// What is alive.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let endpoint = self.endpoint.counts();
        Counts {
            calls: self.state.calls.len(),
            legs: self.state.legs.len(),
            sip_legs: endpoint.legs,
            transactions: endpoint.transactions,
            ports: self.state.leased,
            tasks: self.state.tasks.len(),
            reservations: self.acd.open_reservations(),
            timers: self.state.timers.len() + self.state.leaving.len(),
        }
    }

    /// Whether a request is a retransmission of one that was taken in.
    #[must_use]
    pub fn knows(&self, request: &sip::msg::Message) -> bool {
        self.endpoint.knows(request)
    }

    /// Whether no call is left, and nothing of one is to be told.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.state.calls.is_empty()
            && self.state.leaving.is_empty()
            && self.endpoint.counts().legs == 0
    }

    /// Whether the distributor's own invariants hold, and ours.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self) -> Result<(), String> {
        self.acd.check()?;
        self.check_calls()
    }

    /// Works until neither machine has anything to say, then tells the conferences what changed:
    /// once per turn and call, whole.
    pub(crate) fn settle(&mut self, now: Time) {
        loop {
            if let Some(output) = self.endpoint.poll_output() {
                self.on_sip(now, output);
            } else if let Some(output) = self.acd.poll_output() {
                self.on_acd(now, output);
            } else if let Some(leg) = self.dead.pop_front() {
                self.bury(now, leg);
            } else if let Some(key) = self.dirty.pop_first() {
                self.refresh(now, key);
            } else {
                break;
            }
        }
        self.outputs.extend(self.replies.drain(..));
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn reply(&mut self, request: u64, result: Result<Reply, Problem>) {
        self.replies.push(Output::Reply { request, result });
    }

    pub(crate) fn command_sip(&mut self, now: Time, command: sip::Command) {
        self.endpoint.handle(now, sip::Input::Command(command));
    }

    /// Unix time at `now`.
    pub(crate) fn unix(&self, now: Time) -> Time {
        self.state.since_unix + now
    }

    pub(crate) fn utc(&self, now: Time) -> Utc {
        // Milliseconds are what records and events show.
        let ms = i64::try_from(self.unix(now).as_millis()).unwrap_or(i64::MAX);
        Utc::from_millisecond(ms).unwrap_or(Utc::MAX)
    }

    pub(crate) fn emit(
        &mut self,
        now: Time,
        call: Option<CallKey>,
        task: Option<TaskKey>,
        what: What,
    ) {
        let seq = self.state.seq;
        self.state.seq += 1;
        let at = self.utc(now);
        self.output(Output::Event(Arc::new(Event { seq, at, call, task, what })));
    }

    /// An event of a call that is at hand.
    pub(crate) fn tell(&mut self, now: Time, call: &Call, what: What) {
        let task = call.task().map(|task| task.key);
        self.emit(now, Some(call.key), task, what);
    }

    /// A new id: the node in the top ten bits, chance below.
    pub(crate) fn mint(&mut self) -> u64 {
        let node = u64::from(self.directory.config.node & 0x3ff) << 54;
        node | self.endpoint.rng().next_u64() >> 10
    }

    /// Does something to a call with the rest of the switch at hand, and keeps the call unless it
    /// ended. Nothing happens where there is no such call. Not to be nested on one call: it is out
    /// of the map meanwhile.
    pub(crate) fn with_call<T>(
        &mut self,
        key: CallKey,
        act: impl FnOnce(&mut Self, &mut Call) -> T,
    ) -> Option<T> {
        let mut call = self.state.calls.remove(&key)?;
        let done = act(self, &mut call);
        if !call.over {
            self.dirty.insert(key);
            self.state.calls.insert(key, call);
        }
        Some(done)
    }

    /// The same, by one of its legs.
    pub(crate) fn with_leg<T>(
        &mut self,
        leg: sip::LegId,
        act: impl FnOnce(&mut Self, &mut Call) -> T,
    ) -> Option<T> {
        let key = *self.state.legs.get(&leg)?;
        self.with_call(key, act)
    }

    /// Sets or clears one of a call's timers.
    pub(crate) fn set_timer(&mut self, call: &mut Call, timer: Timer, due: Option<Time>) {
        if let Some(old) = call.timers.remove(&timer) {
            self.state.timers.remove(&(old, call.key, timer));
        }
        if let Some(due) = due {
            call.timers.insert(timer, due);
            self.state.timers.insert((due, call.key, timer));
        }
    }

    fn expired(&mut self, now: Time, call: &mut Call, timer: Timer) {
        match timer {
            Timer::Dial => self.dial_timeout(now, call),
            Timer::Alone => self.left_alone(now, call),
            Timer::Leave(participant) => self.leave_over(now, call, participant),
            Timer::Silence(participant) => self.judge_silence(now, call, participant),
            Timer::Ring(participant) => self.rang_out(now, call, participant),
            Timer::Brief => self.briefed_for_long(now, call),
            Timer::Attendant => self.attended_for_long(now, call),
            Timer::Announce => self.announce_position(now, call),
            Timer::Code(participant) => self.is_no_code(now, call, participant),
            Timer::Beep(participant) => Self::beep_over(call, participant),
            Timer::Promise => self.promise_broken(now, call),
            Timer::Number => self.number_keyed(now, call, None),
            Timer::Keys(participant) => self.keys_overdue(now, call, participant),
            Timer::Delivery => self.delivery_overdue(now, call),
        }
    }

    /// Something of ours is not as it must be: a test stops here, a node tells and goes on.
    pub(crate) fn fault(&mut self, now: Time, what: String) {
        debug_assert!(false, "{what}");
        self.emit(now, None, None, What::NodeFault { what });
    }
}
