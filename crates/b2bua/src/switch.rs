//! The machine itself: one value that one thread owns.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::{Counts, Input, Output, Problem, Reply, Time};
use crate::call::{Call, TaskEntry};
use crate::config::Config;
use crate::decisions::Decisions;
use crate::directory::{Directory, Names};
use crate::event::{Event, Utc, What};
use crate::id::{CallKey, TaskKey};

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
    outputs: VecDeque<Output>,
}

/// What the switch knows by itself, as plain data.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) names: Names,
    pub(crate) pool: media::Pool,
    pub(crate) leased: usize,
    pub(crate) calls: BTreeMap<CallKey, Call>,
    pub(crate) legs: BTreeMap<sip::LegId, CallKey>,
    pub(crate) tasks: BTreeMap<TaskKey, TaskEntry>,
    pub(crate) deadlines: BTreeSet<(Time, CallKey)>,
    pub(crate) decisions: Decisions,
    pub(crate) draining: bool,
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

const VERSION: u32 = 1;

impl B2bua {
    /// A switch without calls.
    #[must_use]
    pub fn new(config: Config, start: Start) -> Self {
        let mut names = Names::default();
        let endpoint = sip::Endpoint::new(config.sip.clone(), start.seed);
        let directory = Directory::new(config, &mut names);
        let mut acd = acd::Acd::new(start.first_seq);
        acd.handle(Time::ZERO, acd::Input::Configure(directory.acd()));
        let state = State {
            names,
            pool: media::Pool::new(start.leases),
            leased: 0,
            calls: BTreeMap::new(),
            legs: BTreeMap::new(),
            tasks: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            decisions: Decisions::default(),
            draining: false,
            seq: start.first_seq,
            since_unix: start.since_unix,
        };
        let (dirty, outputs) = (BTreeSet::new(), VecDeque::new());
        let mut switch = Self { directory, endpoint, acd, state, dirty, outputs };
        switch.settle(Time::ZERO);
        switch
    }

    /// Takes one input in.
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::Sip(input) => self.endpoint.handle(now, input),
            Input::Media(event) => self.on_media(now, &event),
            Input::Command { request, command } => {
                let result = self.command(now, command);
                self.reply(request, result);
            }
            Input::Wall { since_unix } => self.state.since_unix = since_unix.saturating_sub(now),
            Input::Configure(config) => self.configure(now, *config),
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
        while let Some(&(due, key)) = self.state.deadlines.first().filter(|(due, _)| *due <= now) {
            self.state.deadlines.remove(&(due, key));
            self.dial_timeout(now, key);
        }
        self.settle(now);
    }

    /// The next thing to do outside. Drain to `None` after each input and each timeout.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let own = self.state.deadlines.first().map(|(due, _)| *due);
        [self.endpoint.poll_timeout(), self.acd.poll_timeout(), own].into_iter().flatten().min()
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
            outputs: VecDeque::new(),
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
            reservations: self.reservations(),
            timers: self.state.deadlines.len(),
        }
    }

    fn reservations(&self) -> usize {
        let views = self.acd.operators().filter_map(|id| self.acd.operator(id));
        views.map(|view| view.reservations.len()).sum()
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
    fn settle(&mut self, now: Time) {
        loop {
            if let Some(output) = self.endpoint.poll_output() {
                self.on_sip(now, output);
            } else if let Some(output) = self.acd.poll_output() {
                self.on_acd(now, output);
            } else if let Some(key) = self.dirty.pop_first() {
                self.refresh(now, key);
            } else {
                break;
            }
        }
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn reply(&mut self, request: u64, result: Result<Reply, Problem>) {
        self.output(Output::Reply { request, result });
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
        let task = call.stage.task().map(|task| task.key);
        self.emit(now, Some(call.key), task, what);
    }

    /// A new id: the node in the top ten bits, chance below.
    pub(crate) fn mint(&mut self) -> u64 {
        let node = u64::from(self.directory.config.node & 0x3ff) << 54;
        node | self.endpoint.rng().next_u64() >> 10
    }

    /// Does something to a call with the rest of the switch at hand, and keeps the call unless it
    /// ended. Nothing happens where there is no such call.
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

    /// Sets or clears when a call's dialling ends.
    pub(crate) fn set_deadline(&mut self, call: &mut Call, deadline: Option<Time>) {
        if let Some(due) = call.deadline.take() {
            self.state.deadlines.remove(&(due, call.key));
        }
        call.deadline = deadline;
        self.state.deadlines.extend(deadline.map(|due| (due, call.key)));
    }
}
