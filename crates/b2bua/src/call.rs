//! A call as data: who takes part and why, what the distributor has of it, how its time was spent.
//!
//! There is no "state of the call" beside its participants. Whether it waits, rings or talks, who is
//! occupied by it and what everybody hears are functions of who sits where, worked out once per
//! turn (`flow/conference.rs`).

mod clock;
mod handed;
mod keys;

use std::collections::{BTreeMap, BTreeSet};

use acd::{OperatorId, QueueId, ReservationId};
use media::Source;
use serde::{Deserialize, Serialize};
use sip::msg::Uuid;

use crate::Time;
use crate::callback::Callback;
use crate::config::{Go, Name};
use crate::event::{CallResult, Kind, Mode, Phase, Role};
use crate::flow::divert::Diversion;
use crate::flow::help::Help;
use crate::flow::quality::Quality;
use crate::id::{CallKey, ParticipantId, PlayKey, TaskKey};
use crate::identity::{Caller, Hidden};
use crate::recording::Recording;
use crate::sound::Audio;

pub(crate) use self::clock::PhaseClock;
pub(crate) use self::handed::{After, Delivering, Fallback, Lent, Sent, Terms, Transfer};
pub(crate) use self::keys::{Keys, Way};

/// One interaction, from its first leg to its last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) key: CallKey,
    pub(crate) kind: Kind,
    /// The caller: number and display name, as everybody may know them.
    pub(crate) from: Name,
    pub(crate) display: Option<String>,
    /// The caller wants to stay hidden.
    pub(crate) hidden: Option<Hidden>,
    /// Somebody who is believed said who it is (RFC 3325).
    pub(crate) asserted: bool,
    pub(crate) to: Name,
    /// The trunk it came by.
    pub(crate) trunk: Option<Name>,
    /// Max-Forwards of what we send on its behalf.
    pub(crate) hops: u8,
    /// Our half of Session-ID on all its legs (RFC 7989).
    pub(crate) uuid: Option<Uuid>,
    pub(crate) context: BTreeMap<String, String>,
    pub(crate) participants: Vec<Participant>,
    /// What the distributor has of it, the newest last.
    pub(crate) tasks: Vec<Task>,
    /// Its trunk is asked to bring the customer to an operator.
    pub(crate) delivery: Option<Delivering>,
    /// That has been tried: whoever has it now is put through.
    pub(crate) is_bridged: bool,
    /// Who served it last and has hung up, so that what comes now is what the queue wants afterwards.
    pub(crate) after: Option<After>,
    /// The operator dialled without the distributor.
    pub(crate) wanted: Option<OperatorId>,
    /// The time that orders it in queues: when it first joined one.
    pub(crate) virtual_start: Option<acd::Utc>,
    /// How often a limit has sent it on.
    pub(crate) overflows: u8,
    /// What its caller is told or asked who waits for nobody.
    pub(crate) attendant: Option<Attendant>,
    /// Whom it calls once the operator has answered whom an order made it for.
    pub(crate) awaited: Option<Awaited>,
    /// Somebody else is to have it, and it is not decided.
    pub(crate) transfer: Option<Transfer>,
    /// Somebody else has it.
    pub(crate) sent: Option<Sent>,
    /// The bot it was given to.
    pub(crate) bot: Option<Name>,
    /// That bot gets it back when whoever has it is done.
    pub(crate) lent: Option<Lent>,
    /// Header fields that whoever has it by a transfer is told.
    pub(crate) given: sip::Headers,
    /// Somebody in it has asked a colleague for help, and that is not over.
    pub(crate) help: Option<Help>,
    /// When the last one was over because whoever asked or whoever helped left.
    pub(crate) help_left: Option<Time>,
    /// The callback that its caller is promised as soon as it is on the disk.
    pub(crate) promised: Option<TaskKey>,
    /// What they have keyed in of the number that they want to be called back at.
    pub(crate) number: Option<String>,
    /// Where an operator's phones sent it by 302, and what has come of that.
    pub(crate) diversion: Diversion,
    /// Legs whose peers have been offered other ports, and have not agreed.
    pub(crate) moving: BTreeSet<sip::LegId>,
    /// When what happens by itself.
    pub(crate) timers: BTreeMap<Timer, Time>,
    /// Its first segment has been told.
    pub(crate) begun: bool,
    /// Two have talked.
    pub(crate) answered: bool,
    pub(crate) clock: PhaseClock,
    /// Operators this call occupies without the distributor's doing, as it was told.
    pub(crate) occupied: BTreeMap<OperatorId, Occupation>,
    /// The media thread that has the conference, from the first matrix on.
    pub(crate) thread: Option<u16>,
    /// What the conference was last told, and how often.
    pub(crate) rows: Vec<media::Row>,
    pub(crate) generation: u64,
    pub(crate) recording: Recording,
    /// Why it ends, as the other legs may be told (RFC 3326).
    pub(crate) parting: Option<String>,
    /// User-to-User of the BYE that ends it, for the one who is left (RFC 7433 section 4).
    pub(crate) farewell: BTreeMap<String, String>,
    /// The call is over and must not be kept.
    pub(crate) over: bool,
}

/// Whom a call goes to when its operator has answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Awaited {
    pub(crate) go: Go,
    /// Header fields of that INVITE beside those that every one has.
    pub(crate) headers: Vec<(Name, String)>,
}

/// What a call is known by when it begins.
pub(crate) struct NewCall {
    pub(crate) key: CallKey,
    pub(crate) kind: Kind,
    pub(crate) caller: Caller,
    pub(crate) to: Name,
    pub(crate) trunk: Option<Name>,
    pub(crate) hops: u8,
    pub(crate) uuid: Option<Uuid>,
}

/// What happens by itself after a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Timer {
    /// Those who are dialled have rung for long enough.
    Dial,
    /// Somebody has been left alone for long enough.
    Alone,
    /// A participant who has handed the call on has had time to leave.
    Leave(ParticipantId),
    /// A participant's silence is to be judged.
    Silence(ParticipantId),
    /// One who was asked in by order has rung for long enough.
    Ring(ParticipantId),
    /// The tone that tells of a supervisor, or of a refusal, is over.
    Beep(ParticipantId),
    /// What may become a feature code is waited for no longer.
    Code(ParticipantId),
    /// What an operator is told before the bridge has taken long enough.
    Brief,
    /// A caller has thought about a menu, or has been parked, for long enough.
    Attendant,
    /// A caller who waits is to be told where they stand.
    Announce,
    /// What a caller is promised is not on the disk yet.
    Promise,
    /// A caller has keyed in their number for long enough.
    Number,
    /// A participant's keys that came by INFO have waited for long enough.
    Keys(ParticipantId),
    /// A trunk has been asked to bring the customer to an operator, and it has taken long enough.
    Delivery,
}

impl Timer {
    /// Whose it is, if it is not the call's.
    pub(crate) fn participant(self) -> Option<ParticipantId> {
        match self {
            Self::Dial
            | Self::Alone
            | Self::Brief
            | Self::Attendant
            | Self::Announce
            | Self::Promise
            | Self::Number
            | Self::Delivery => None,
            Self::Leave(id)
            | Self::Silence(id)
            | Self::Ring(id)
            | Self::Beep(id)
            | Self::Keys(id)
            | Self::Code(id) => Some(id),
        }
    }
}

/// What a caller is told or asked while nobody is sought for them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Attendant {
    /// They are told something; what comes then.
    Tells { audio: Audio, next: Next },
    /// They are to choose from a menu; how often they have not.
    Asks { menu: Name, failed: u32 },
    /// They wait until somebody says where to.
    Parks { timeout_ms: u64 },
    /// A hook is asked where they go, by this question.
    Awaits { hook: Name, token: u64 },
}

/// What becomes of a caller who has been told something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Next {
    Go(Go),
    /// The call ends so, with its cause and the status of an INVITE that is open.
    End(CallResult, Name, u16),
}

/// The part of a call that the distributor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) key: TaskKey,
    pub(crate) queue: QueueId,
    /// Head start, seconds.
    pub(crate) priority_s: u32,
    /// Somebody serves it.
    pub(crate) served: bool,
}

/// How a call keeps an operator from other work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Occupation {
    /// Their phone rings.
    Alerted,
    /// They take part, or have dialled.
    Busy,
}

/// What is kept of a task as long as the distributor has it: longer than its call, by the wrap-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskEntry {
    /// None while there is nobody on the line.
    pub(crate) call: Option<CallKey>,
    /// Who is to be called, and has not been reached.
    pub(crate) callback: Option<Box<Callback>>,
    pub(crate) queue: QueueId,
    /// Whose it is, where the queue brings callers back to their operators.
    pub(crate) caller: Option<Name>,
    /// When it first joined.
    pub(crate) queued: Time,
    /// Who has answered for it, when, and how long it had waited: until that is told.
    pub(crate) taken: Option<(OperatorId, Time, Time)>,
    /// Since when it is served.
    pub(crate) served: Option<Time>,
    pub(crate) talk: Time,
    /// Since when its customer is on hold, while it is served.
    pub(crate) held: Option<Time>,
    /// How much of the talk was hold.
    pub(crate) hold: Time,
    /// Since when its operator is in wrap-up.
    pub(crate) wrapping: Option<Time>,
    /// Its customer was brought to an operator outside, who has it until it is said to be over.
    pub(crate) delivered: bool,
}

impl TaskEntry {
    /// One that joins its queue.
    pub(crate) fn new(call: Option<CallKey>, queue: QueueId, now: Time) -> Self {
        Self {
            call,
            callback: None,
            queue,
            caller: None,
            queued: now,
            taken: None,
            served: None,
            talk: Time::ZERO,
            held: None,
            hold: Time::ZERO,
            wrapping: None,
            delivered: false,
        }
    }

    /// The operator's part ends, or never was.
    pub(crate) fn stop_talk(&mut self, now: Time) {
        self.holds(now, false);
        if let Some(since) = self.served.take() {
            self.talk += now.saturating_sub(since);
        }
    }

    /// Whether its call is on hold from now on; of one that nobody serves that is nobody's.
    pub(crate) fn holds(&mut self, now: Time, is_held: bool) {
        if is_held && self.served.is_some() {
            self.held.get_or_insert(now);
        } else if let Some(since) = self.held.take() {
            self.hold += now.saturating_sub(since);
        }
    }
}

/// A leg in a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Participant {
    pub(crate) id: ParticipantId,
    pub(crate) leg: sip::LegId,
    pub(crate) role: Role,
    /// Whose phone it is, if it is one of ours.
    pub(crate) operator: Option<OperatorId>,
    pub(crate) uri: Name,
    /// The trunk it goes by.
    pub(crate) trunk: Option<Name>,
    pub(crate) why: Why,
    pub(crate) state: LegState,
    pub(crate) seat: Seat,
    /// Its own phone holds.
    pub(crate) held: bool,
    /// On hold by order, and what it hears meanwhile.
    pub(crate) hold: Option<Source>,
    /// Kept out of what two others say by a help: asked anew each turn.
    pub(crate) apart: bool,
    /// Heard by nobody, by order.
    pub(crate) muted: bool,
    /// Has answered outside, and is asked whether they take it.
    pub(crate) asked: bool,
    /// How it supervises, which it does where it is a supervisor.
    pub(crate) watch: Watch,
    /// What it is told in place of anything else.
    pub(crate) message: Option<Message>,
    /// It has been told that somebody supervises.
    pub(crate) is_aware: bool,
    /// What of all that the events have said.
    pub(crate) told: Told,
    /// The keys it has pressed.
    pub(crate) keys: Keys,
    /// Those of them that may become a feature code.
    pub(crate) typed: String,
    /// The media thread keeps what it presses from a `*` on to us.
    pub(crate) guarded: bool,
    /// Since when no audio has come from it.
    pub(crate) silent_since: Option<Time>,
    /// How it sounds, once that is known.
    pub(crate) quality: Option<Quality>,
    pub(crate) lease: media::Lease,
    pub(crate) negotiation: media::Negotiation,
    /// Our answer to the offer its INVITE brought, until it is sent.
    pub(crate) reply: Option<bytes::Bytes>,
    /// The plan the media thread has.
    pub(crate) planned: Option<u64>,
    /// Takes part before it is answered: a callee who is heard, a caller who was told where.
    pub(crate) early: bool,
    /// That it takes part has been told.
    pub(crate) joined: bool,
}

/// Something that one participant is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) source: Source,
    pub(crate) cause: Cause,
}

/// Why somebody is told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Cause {
    /// Somebody supervises.
    Watched,
    /// A feature code could not be done.
    Refused,
    /// An order; and how its listener stood then: it is over when that changes.
    Order(PlayKey, Stand),
    /// They wait, and are told how.
    Waits,
}

/// Whether somebody hears others, as far as it is not their own doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stand {
    Waiting,
    Held,
    Connected,
}

/// How a supervisor takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watch {
    /// An intercept is still to come: until then a monitor.
    pub(crate) mode: Mode,
    /// For whom a whisper is; whoever serves if none.
    pub(crate) to: Option<ParticipantId>,
}

impl Watch {
    pub(crate) const MONITOR: Self = Self { mode: Mode::Monitor, to: None };
}

/// What events have said of a participant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) hold: Option<Source>,
    pub(crate) apart: bool,
    pub(crate) muted: bool,
    pub(crate) watch: Watch,
}

impl Told {
    pub(crate) const NOTHING: Self =
        Self { hold: None, apart: false, muted: false, watch: Watch::MONITOR };
}

/// What brought a leg into the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Why {
    /// The call is theirs: their INVITE began it, or whoever began it has handed it on.
    Arrived,
    /// It is rung for a reservation.
    Serve(ReservationId),
    /// It is rung since an order makes a call in its operator's name: the call is theirs when they
    /// answer.
    First,
    /// It is rung since the call was for it.
    Dialled,
    /// The customer of a callback, who is called: the call is theirs when they answer.
    CalledBack,
    /// It is rung since somebody in the call asked for it.
    Referred,
    /// It is rung since an order asked it in: the number tells one such order from the next.
    Asked(u64),
    /// It is rung for a reservation of those who are asked for help.
    Helps(ReservationId),
    /// It has handed the call on and is about to leave.
    Left,
    /// A bot that has handed the call on and gets it back.
    Lent,
}

impl Why {
    /// Whose the call is before others': the least serves.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Serve(_) => 0,
            Self::Dialled | Self::Referred => 1,
            Self::Arrived => 2,
            Self::First
            | Self::CalledBack
            | Self::Asked(_)
            | Self::Helps(_)
            | Self::Left
            | Self::Lent => 3,
        }
    }
}

/// How far the dialog of a leg has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum LegState {
    /// Its INVITE came and is not answered yet.
    Invited,
    /// Our INVITE is out.
    Calling,
    /// It rings.
    Ringing,
    /// It has been answered.
    Up,
}

/// Where a participant sits in the conference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Seat {
    /// Outside: hears this and is heard by nobody.
    Waiting(Source),
    /// An operator who has answered and is told this before they are let in: heard by nobody.
    Briefed(Source),
    /// Inside.
    Connected,
}

/// What a leg begins with.
pub(crate) struct NewLeg {
    pub(crate) id: ParticipantId,
    pub(crate) leg: sip::LegId,
    pub(crate) role: Role,
    pub(crate) operator: Option<OperatorId>,
    pub(crate) uri: Name,
    pub(crate) trunk: Option<Name>,
    pub(crate) why: Why,
    pub(crate) state: LegState,
    pub(crate) lease: media::Lease,
    pub(crate) negotiation: media::Negotiation,
    pub(crate) reply: Option<bytes::Bytes>,
}

impl Participant {
    /// One who waits outside and hears that it rings.
    pub(crate) fn new(leg: NewLeg) -> Self {
        let NewLeg { id, leg, role, operator, uri, trunk, why, state, lease, negotiation, reply } =
            leg;
        Self {
            id,
            leg,
            role,
            operator,
            uri,
            trunk,
            why,
            state,
            seat: Seat::Waiting(Source::Ringing),
            held: false,
            hold: None,
            apart: false,
            muted: false,
            asked: false,
            watch: Watch::MONITOR,
            message: None,
            is_aware: false,
            told: Told::NOTHING,
            keys: Keys::default(),
            typed: String::new(),
            guarded: false,
            silent_since: None,
            quality: None,
            lease,
            negotiation,
            reply,
            planned: None,
            early: false,
            joined: false,
        }
    }

    pub(crate) fn connected(&self) -> bool {
        self.state == LegState::Up && self.seat == Seat::Connected
    }

    /// Takes part in their own right: a supervisor keeps nobody company.
    pub(crate) fn talks(&self) -> bool {
        self.connected() && !self.supervises()
    }

    /// Has answered for a caller whom they are not put through to yet.
    pub(crate) fn is_briefed(&self) -> bool {
        matches!(self.seat, Seat::Briefed(_))
    }

    pub(crate) fn supervises(&self) -> bool {
        self.role == Role::Supervisor
    }

    /// A bot that has the caller, and is not itself one whom somebody has handed on.
    pub(crate) fn is_bot(&self) -> bool {
        self.role == Role::Bot && self.why != Why::Arrived
    }

    /// An order has asked them in, and not to supervise.
    pub(crate) fn is_asked_to_talk(&self) -> bool {
        matches!(self.why, Why::Asked(_) | Why::Helps(_)) && !self.supervises()
    }

    pub(crate) fn is_held(&self) -> bool {
        self.held || self.hold.is_some() || self.apart
    }

    pub(crate) fn stand(&self) -> Stand {
        match self.seat {
            Seat::Waiting(_) | Seat::Briefed(_) => Stand::Waiting,
            Seat::Connected if self.is_held() => Stand::Held,
            Seat::Connected => Stand::Connected,
        }
    }

    /// Whether silence from it is no sign of anything.
    pub(crate) fn may_be_silent(&self) -> bool {
        self.is_held()
            || self.muted
            || self.asked
            || (self.supervises() && self.watch.mode == Mode::Monitor)
    }

    /// Its INVITE is answered. Silence before that is no sign of anything; it counts from now on.
    pub(crate) fn is_up(&mut self, now: Time) {
        self.state = LegState::Up;
        self.silent_since = self.silent_since.map(|_| now);
    }

    /// Sits outside from now on. What was ordered for the time inside is over.
    pub(crate) fn waits(&mut self, source: Source) {
        self.seat = Seat::Waiting(source);
        (self.hold, self.muted) = (None, false);
    }

    /// Our INVITE to it is not answered.
    pub(crate) fn rings(&self) -> bool {
        matches!(self.state, LegState::Calling | LegState::Ringing)
    }

    fn occupation(&self) -> Option<(OperatorId, Occupation)> {
        let how = match (self.why, self.rings()) {
            (Why::Serve(_) | Why::Helps(_) | Why::Left | Why::Lent, _) => return None,
            (_, true) => Occupation::Alerted,
            (_, false) => Occupation::Busy,
        };
        Some((self.operator?, how))
    }
}

impl Call {
    /// By what the caller is known again, unless they are known by nothing.
    pub(crate) fn caller(&self) -> Option<&Name> {
        match &self.hidden {
            None => Some(&self.from),
            Some(hidden) => hidden.number.as_ref(),
        }
    }

    /// One that nobody takes part in yet.
    pub(crate) fn new(now: Time, new: NewCall) -> Self {
        let NewCall { key, kind, caller, to, trunk, hops, uuid } = new;
        Self {
            key,
            kind,
            from: caller.number,
            display: caller.display,
            hidden: caller.hidden,
            asserted: caller.asserted,
            to,
            context: BTreeMap::new(),
            trunk,
            uuid,
            hops,
            participants: Vec::new(),
            tasks: Vec::new(),
            delivery: None,
            is_bridged: false,
            after: None,
            wanted: None,
            virtual_start: None,
            overflows: 0,
            attendant: None,
            awaited: None,
            transfer: None,
            sent: None,
            bot: None,
            lent: None,
            given: sip::Headers::new(),
            help: None,
            help_left: None,
            promised: None,
            number: None,
            diversion: Diversion::default(),
            moving: BTreeSet::new(),
            timers: BTreeMap::new(),
            begun: false,
            answered: false,
            clock: PhaseClock::new(now, Phase::Wait),
            occupied: BTreeMap::new(),
            thread: None,
            rows: Vec::new(),
            generation: 0,
            recording: Recording::default(),
            parting: None,
            farewell: BTreeMap::new(),
            over: false,
        }
    }

    pub(crate) fn participant(&self, leg: sip::LegId) -> Option<&Participant> {
        self.participants.iter().find(|participant| participant.leg == leg)
    }

    pub(crate) fn participant_mut(&mut self, leg: sip::LegId) -> Option<&mut Participant> {
        self.participants.iter_mut().find(|participant| participant.leg == leg)
    }

    /// The leg the call began with, as long as it lives.
    pub(crate) fn origin(&self) -> Option<&Participant> {
        self.participants.iter().find(|participant| participant.why == Why::Arrived)
    }

    pub(crate) fn origin_mut(&mut self) -> Option<&mut Participant> {
        self.participants.iter_mut().find(|participant| participant.why == Why::Arrived)
    }

    /// The media thread that all its legs live on.
    pub(crate) fn thread_wanted(&self) -> Option<u16> {
        self.participants.first().map(|participant| participant.lease.thread)
    }

    /// Legs that match, by id: a copy, so that the call can change meanwhile.
    pub(crate) fn legs(&self, keep: impl Fn(&Participant) -> bool) -> Vec<sip::LegId> {
        self.participants.iter().filter(|p| keep(p)).map(|p| p.leg).collect()
    }

    /// Who serves: for whom a supervisor's whisper is, and whose place they take.
    pub(crate) fn server(&self) -> Option<&Participant> {
        let ours = self.participants.iter().filter(|p| p.talks() && p.operator.is_some());
        ours.min_by_key(|p| p.why.rank())
    }

    /// A participant has another leg and id: what is whispered to them goes there, and a help that
    /// they have asked for is theirs.
    pub(crate) fn follows(&mut self, old: ParticipantId, new: ParticipantId) {
        if let Some(help) = self.help.as_mut().filter(|help| help.by == old) {
            help.by = new;
        }
        for participant in &mut self.participants {
            if participant.watch.to == Some(old) {
                participant.watch.to = Some(new);
            }
        }
    }

    /// The task that the call is about now.
    pub(crate) fn task(&self) -> Option<Task> {
        self.tasks.last().copied()
    }

    /// What the call's time goes to as it stands.
    pub(crate) fn phase(&self) -> Phase {
        let talking = || self.participants.iter().filter(|p| p.talks());
        let present = talking().filter(|p| !p.is_held()).count();
        let customer_held = talking().any(|p| p.is_held() && p.role == Role::Customer);
        let rings = |p: &Participant| {
            (p.rings() || p.asked) && !matches!(p.why, Why::Asked(_) | Why::Helps(_))
        };
        // Whoever stays hears music while the other two talk of them.
        let consults = self.transfer.as_ref().is_some_and(|transfer| transfer.consulted.is_some());
        match talking().count() {
            2.. if customer_held || present < 2 || consults => Phase::Hold,
            2.. => Phase::Talk,
            _ if self.participants.iter().any(rings) || self.is_delivered() => Phase::Ring,
            _ => Phase::Wait,
        }
    }

    /// Whoever is found for it is called by its trunk.
    fn is_delivered(&self) -> bool {
        self.delivery.as_ref().is_some_and(|delivery| delivery.claim.is_some())
    }

    /// Operators that this call keeps from other work, the distributor's own doing aside.
    pub(crate) fn occupations(&self) -> BTreeMap<OperatorId, Occupation> {
        let mut found = BTreeMap::new();
        for (operator, how) in self.participants.iter().filter_map(Participant::occupation) {
            let kept = found.entry(operator).or_insert(how);
            if how == Occupation::Busy {
                *kept = how;
            }
        }
        found
    }

    /// Everybody of ours who takes part or rings: whoever has handed the call on does neither.
    pub(crate) fn operators(&self) -> BTreeSet<OperatorId> {
        let here = self.participants.iter().filter(|p| p.why != Why::Left);
        here.filter_map(|p| p.operator).collect()
    }
}
