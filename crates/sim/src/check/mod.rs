//! What must hold in every run, whatever happens: folds of the one stream of events, of what the
//! media threads are told, and of what is seen on the wire.

mod figures;
mod hearing;
mod help;
mod recording;
mod referred;
mod reliable;
mod tasks;
mod topology;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use b2bua::config::Record;
use b2bua::event::{Kind, Mode, Phase, Role, Totals, TransferMode};
use b2bua::{CallKey, Event, ParticipantId, PlayKey, TaskKey, What};
use media::{Command, LegId};
use sip::Time;
use sip::msg::Message;

pub(crate) use hearing::MediaLeg;

/// What has been seen so far.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    seq: Option<u64>,
    calls: BTreeMap<CallKey, OpenCall>,
    /// Calls that changed in this turn.
    touched: BTreeSet<CallKey>,
    ended_calls: u64,
    tasks: tasks::Tasks,
    hearing: hearing::Hearing,
    /// Who is asked for help.
    pub(crate) helps: help::Helps,
    /// Who is recorded.
    pub(crate) recordings: recording::Recordings,
    /// How legs were.
    pub(crate) figures: figures::Figures,
    wire: wire::Wire,
    topology: topology::Topology,
    draining: bool,
    /// Calls in which a transfer is under way.
    transfers: BTreeSet<CallKey>,
    /// Transfers that came to their end.
    pub(crate) transferred: u64,
    /// Those whose operator did not wait for it.
    pub(crate) moving: u64,
    /// Supervisors who came, changes of their modes, and operators' places that they took.
    pub(crate) watched: [u64; 3],
    /// Calls answered by an operator.
    pub(crate) answered: u64,
    /// Operators who vanished out of a conversation.
    pub(crate) lost: u64,
    /// Of all calls that ended.
    pub(crate) longest_ms: u64,
}

/// A call that has begun and not ended.
#[derive(Debug)]
struct OpenCall {
    started_ms: i64,
    phase: Phase,
    phase_ms: i64,
    totals: Totals,
    task: Option<TaskKey>,
    /// One caller and, at times, one operator: nobody has handed it on.
    is_plain: bool,
    /// Who hands it on, or is let go.
    mover: Option<(ParticipantId, String)>,
}

impl Checker {
    /// One that holds queues to this configuration; `outside` are those who are asked when they answer.
    pub(crate) fn new(limits: Limits, record: Record, outside: BTreeSet<String>) -> Self {
        let hearing = hearing::Hearing::new(limits.briefs, limits.receives, outside);
        let (tasks, recordings) = (tasks::Tasks::new(limits), recording::Recordings::new(record));
        Self { tasks, recordings, hearing, ..Self::default() }
    }

    /// Takes an event.
    ///
    /// # Errors
    /// What does not hold.
    pub(crate) fn event(&mut self, event: &Event) -> Result<(), String> {
        if let Some(last) = self.seq.replace(event.seq)
            && event.seq != last + 1
        {
            return Err(format!("seq {last} is followed by {}", event.seq));
        }
        let ms = event.at.as_millisecond();
        self.touched.extend(event.call);
        self.recordings.event(event)?;
        self.figures.event(&event.what)?;
        self.hearing.event(event, ms)?;
        self.helps.event(event)?;
        match &event.what {
            What::CallStarted { kind, predecessor, .. } => {
                self.call_started(event, ms, *kind, predecessor.is_some())
            }
            What::CallEnded { totals, .. } => self.call_ended(event, ms, *totals),
            What::CallAnswered { .. } => {
                self.answered += 1;
                Ok(())
            }
            What::CallSegment { phase, participants, hears } => {
                self.segment(event, ms, *phase)?;
                self.hearing.segment(event.call, *phase, participants, hears)
            }
            What::ParticipantJoined { role: Role::Supervisor, .. } => {
                self.watched[0] += 1;
                Ok(())
            }
            What::ParticipantMode { mode, .. } => {
                self.watched[if *mode == Mode::Intercept { 2 } else { 1 }] += 1;
                Ok(())
            }
            What::NodeFault { what } => Err(format!("node.fault: {what}")),
            What::TransferStarted { .. }
            | What::TransferCompleted { .. }
            | What::TransferFailed { .. } => self.moved(event, ms),
            What::LegEnded { participant, .. } => {
                let call = event.call.and_then(|key| self.calls.get_mut(&key));
                let left = call.and_then(|call| call.mover.take_if(|(id, _)| id == participant));
                if let Some((_, who)) = left {
                    self.moving += 1;
                    self.tasks.parted(&who, ms);
                }
                Ok(())
            }
            _ => {
                self.lost += u64::from(self.tasks.event(event, ms)?);
                let call = event.call.and_then(|key| self.calls.get_mut(&key));
                if let (What::TaskQueued { .. }, Some(call)) = (&event.what, call) {
                    call.task = event.task;
                }
                Ok(())
            }
        }
    }

    fn call_started(
        &mut self,
        event: &Event,
        ms: i64,
        kind: Kind,
        goes_on: bool,
    ) -> Result<(), String> {
        let key = event.call.ok_or("call.started without a call")?;
        if self.draining && !goes_on {
            return Err(format!("{key} began although no call is taken any more"));
        }
        // That of a callback begins without an INVITE.
        self.wire.call_started(kind != Kind::Outbound || !goes_on);
        let call = OpenCall {
            started_ms: ms,
            phase: Phase::Wait,
            phase_ms: ms,
            totals: Totals::default(),
            task: None,
            is_plain: kind == Kind::Inbound,
            mover: None,
        };
        told_once(self.calls.insert(key, call).is_none(), "start of", &key)
    }

    /// A transfer begins, or is over: each once.
    fn moved(&mut self, event: &Event, ms: i64) -> Result<(), String> {
        let key = event.call.ok_or("a transfer without a call")?;
        let call =
            self.calls.get_mut(&key).ok_or_else(|| format!("transfer in {key}, not open"))?;
        match &event.what {
            What::TransferStarted { participant, operator, mode, .. } => {
                let stays = [TransferMode::Intercept, TransferMode::Inherited].contains(mode);
                call.is_plain &= stays;
                let who = operator.as_deref().unwrap_or_default().to_owned();
                call.mover = participant.map(|participant| (participant, who));
                told_once(self.transfers.insert(key), "start of a transfer in", &key)
            }
            _ => {
                call.mover = None;
                if let (What::TransferCompleted { operator: Some(to), .. }, Some(task)) =
                    (&event.what, event.task)
                {
                    self.tasks.handed(task, to, ms);
                }
                self.transferred += u64::from(matches!(event.what, What::TransferCompleted { .. }));
                told_once(self.transfers.remove(&key), "end of a transfer in", &key)
            }
        }
    }

    fn segment(&mut self, event: &Event, ms: i64, phase: Phase) -> Result<(), String> {
        let key = event.call.ok_or("call.segment without a call")?;
        let call = self.calls.get_mut(&key).ok_or_else(|| format!("segment of {key}, not open"))?;
        call.turn(ms, phase);
        Ok(())
    }

    fn call_ended(&mut self, event: &Event, ms: i64, totals: Totals) -> Result<(), String> {
        let key = event.call.ok_or("call.ended without a call")?;
        let call = self.calls.remove(&key);
        let mut call = call.ok_or_else(|| format!("{key} ended, but was not open"))?;
        if self.transfers.contains(&key) {
            return Err(format!("{key} ended, and what became of its transfer is not told"));
        }
        self.ended_calls += 1;
        self.hearing.ended(key)?;
        call.turn(ms, Phase::Wait);
        let sum = totals.wait_ms + totals.ring_ms + totals.talk_ms + totals.hold_ms;
        let length = u64::try_from(ms - call.started_ms).unwrap_or(0);
        self.longest_ms = self.longest_ms.max(length);
        if sum != length {
            return Err(format!("{key}: phases add up to {sum} ms of {length} ms: {totals:?}"));
        }
        if totals != call.totals {
            return Err(format!("{key}: {totals:?}, but its segments say {:?}", call.totals));
        }
        Ok(())
    }

    /// Takes an order to a media thread.
    ///
    /// # Errors
    /// What does not hold.
    pub(crate) fn media(&mut self, thread: u16, command: &Command) -> Result<(), String> {
        self.recordings.command(command)?;
        self.hearing.command(thread, command)
    }

    /// A message came to the switch. Small runs only.
    pub(crate) fn received(&mut self, now: Time, from: SocketAddr, message: &Message) {
        self.topology.received(from, message);
        self.wire.received(now, message);
    }

    /// The switch sent a message. Small runs only.
    ///
    /// # Errors
    /// What does not hold.
    pub(crate) fn sent(
        &mut self,
        now: Time,
        to: SocketAddr,
        message: &Message,
    ) -> Result<(), String> {
        self.topology.sent(to, message)?;
        self.wire.sent(now, message)
    }

    /// The switch has said all it had to say to one input.
    ///
    /// # Errors
    /// What does not hold between two inputs.
    pub(crate) fn turn_over(&mut self, whole: bool) -> Result<(), String> {
        for key in std::mem::take(&mut self.touched) {
            let Some(call) = self.calls.get(&key) else { continue };
            self.hearing.agrees(key, call.is_plain)?;
            let server = call.task.and_then(|task| self.tasks.server(task));
            let talks = matches!(call.phase, Phase::Talk | Phase::Hold);
            if let Some(who) = server.filter(|who| talks && !self.hearing.has(key, who)) {
                return Err(format!("{who} serves the task of {key}, and is not in it"));
            }
            if call.is_plain && !self.hearing.is_told_gone(key) {
                self.tasks.agrees(key, call.phase, call.task)?;
            }
        }
        if whole {
            self.tasks.operators_agree()?;
            self.hearing.turn_over()?;
            self.recordings.turn_over(|key| {
                let is_plain = self.calls.get(&key).is_some_and(|call| call.is_plain);
                self.hearing.first(key).filter(|leg| is_plain && self.hearing.is_customers(*leg))
            })?;
        }
        self.wire.turn_over()
    }

    /// Some time has passed: whether anybody waits who should not.
    ///
    /// # Errors
    /// Who does.
    pub(crate) fn look(&self, ms: i64) -> Result<(), String> {
        let endless = |call: &&OpenCall| {
            let alone = (call.task.is_none() || !call.is_plain) && call.phase == Phase::Ring;
            alone && ms - call.phase_ms > DIAL_MS_MAX
        };
        if let Some(call) = self.calls.values().find(endless) {
            return Err(format!("somebody is rung without an end: {call:?}"));
        }
        let alone = |call: &&OpenCall| {
            let served = call.is_plain && call.task.is_some_and(|task| self.tasks.is_served(task));
            served && call.phase == Phase::Wait && ms - call.phase_ms > ALONE_MS_MAX
        };
        if let Some(call) = self.calls.values().find(alone) {
            return Err(format!("somebody is left alone: {call:?}"));
        }
        self.hearing.look(ms)?;
        self.tasks.look(ms)
    }

    /// A configuration took effect.
    pub(crate) fn configured(&mut self, members: BTreeMap<String, Option<u64>>) {
        self.tasks.configured(members);
    }

    /// No call is taken from now on.
    pub(crate) fn drained(&mut self) {
        self.draining = true;
    }

    /// The media legs that stand.
    pub(crate) fn media_legs(&self) -> &BTreeMap<(u16, u64), MediaLeg> {
        self.hearing.legs()
    }

    /// Whether this leg may be silent: somebody in its conference pressed hold, or it is heard before
    /// the answer.
    pub(crate) fn may_be_silent(&self, thread: u16, leg: u64) -> bool {
        let Some(key) = self.hearing.conference(thread, leg) else { return false };
        // Where calls are handed on, one who waits may hold as well.
        self.calls.get(&key).is_some_and(|call| {
            let is_early = call.phase == Phase::Ring && self.hearing.is_bridged(key);
            call.phase == Phase::Hold || is_early || !call.is_plain || self.hearing.is_excused(leg)
        })
    }

    /// The help that is told of in a call.
    pub(crate) fn help(&self, call: CallKey) -> Option<CallKey> {
        self.helps.of(call)
    }

    /// Whether a call has begun and is not over.
    pub(crate) fn is_open(&self, call: CallKey) -> bool {
        self.calls.contains_key(&call)
    }

    /// A call that is open, by number.
    pub(crate) fn open_call(&self, at: usize) -> Option<CallKey> {
        let index = at.checked_rem(self.calls.len())?;
        self.calls.keys().nth(index).copied()
    }

    /// The leg of whoever has been in a call for longest.
    pub(crate) fn first(&self, call: CallKey) -> Option<LegId> {
        self.hearing.first(call)
    }

    /// The leg by which an operator is in a call.
    /// Callbacks whose customers were reached, and others.
    pub(crate) fn called_back(&self) -> [u64; 2] {
        self.tasks.called_back
    }

    /// The customer who takes part in a call.
    pub(crate) fn customer_of(&self, call: CallKey) -> Option<ParticipantId> {
        self.hearing.one_in(call, |role, _| role == Role::Customer)
    }

    /// An operator who does.
    pub(crate) fn operator_in(&self, call: CallKey, name: &str) -> Option<ParticipantId> {
        self.hearing.one_in(call, |_, operator| operator == Some(name))
    }

    /// The leg of somebody who is in a conference.
    pub(crate) fn leg_named(&self, who: ParticipantId) -> Option<LegId> {
        self.hearing.leg_named(who)
    }

    pub(crate) fn leg_of(&self, operator: &str) -> Option<LegId> {
        self.hearing.leg_of(operator)
    }

    /// Everybody who takes part in a call.
    pub(crate) fn people(&self, call: CallKey) -> Vec<ParticipantId> {
        self.hearing.people(call)
    }

    /// Something is played to these from now on.
    pub(crate) fn plays(&mut self, play: PlayKey, to: &[ParticipantId]) {
        self.hearing.plays(play, to);
    }

    /// Whether a leg hears this playing of a prompt.
    pub(crate) fn hears_prompt(&self, leg: LegId, play: u64) -> bool {
        self.hearing.hears_prompt(leg, play)
    }

    /// A task that is open, by number.
    pub(crate) fn open_task(&self, at: usize) -> Option<TaskKey> {
        self.tasks.open_task(at)
    }

    /// Tasks that ended as abandoned.
    pub(crate) fn abandoned(&self) -> u64 {
        self.tasks.abandoned
    }

    /// Nothing is open when all is quiet.
    ///
    /// # Errors
    /// What is.
    pub(crate) fn finish(&self) -> Result<(), String> {
        if !self.calls.is_empty() {
            return Err(format!("{} calls left open", self.calls.len()));
        }
        self.tasks.finish()?;
        self.hearing.finish()?;
        self.recordings.finish()?;
        self.wire.finish(self.ended_calls)
    }
}

impl OpenCall {
    fn turn(&mut self, ms: i64, phase: Phase) {
        let spent = u64::try_from(ms - self.phase_ms).unwrap_or(0);
        match self.phase {
            Phase::Wait => self.totals.wait_ms += spent,
            Phase::Ring => self.totals.ring_ms += spent,
            Phase::Talk => self.totals.talk_ms += spent,
            Phase::Hold => self.totals.hold_ms += spent,
        }
        (self.phase, self.phase_ms) = (phase, ms);
    }
}

/// How long a caller is left alone, at most; a little more.
const ALONE_MS_MAX: i64 = 2_001;
/// How long somebody is rung whom no queue rings, at most; a little more.
const DIAL_MS_MAX: i64 = 61_000;

/// What the queue promises.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    pub(crate) wait_ms_max: i64,
    pub(crate) ring_ms: i64,
    pub(crate) back_off_ms: i64,
    pub(crate) wrap_up_ms: i64,
    /// Operators are told something before the bridge.
    pub(crate) briefs: bool,
    /// Tasks are kept back, or wait to be picked.
    pub(crate) keeps: bool,
    /// Callers are told and asked things, and may leave the queue for somebody in particular.
    pub(crate) receives: bool,
    /// Customers go on when their operators have hung up.
    pub(crate) follows: bool,
    /// Nothing but time ends a wrap-up.
    pub(crate) undisturbed: bool,
}

fn told_once<T: std::fmt::Display>(once: bool, what: &str, which: &T) -> Result<(), String> {
    if once { Ok(()) } else { Err(format!("{what} {which}: told twice or never begun")) }
}
