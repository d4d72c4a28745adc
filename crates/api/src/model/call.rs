//! Live calls.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use b2bua::config::Name;
use b2bua::event::{Hears, HeldBy, HelpMode, Kind, Mode, Phase, Role};
use b2bua::{CallKey, Event, ParticipantId, TaskKey, Utc, What};
use serde_json::{Value, json};

use super::{Model, Recording, between, seconds};
use crate::discreet::without;

/// Segments kept of a live call; its record has all.
const SEGMENTS_MAX: usize = 256;

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    kind: Kind,
    /// The call in which its participants were before.
    predecessor: Option<CallKey>,
    phase: Option<Phase>,
    pub(crate) from: Name,
    to: Name,
    pub(crate) trunk: Option<Name>,
    started: Utc,
    answered: Option<Utc>,
    queue: Option<Name>,
    tasks: Vec<TaskKey>,
    pub(crate) context: BTreeMap<String, String>,
    participants: BTreeMap<ParticipantId, Participant>,
    /// What is told of a help that is not over.
    help: Option<Help>,
    segments: VecDeque<Segment>,
    pub(crate) recording: Option<Recording>,
    /// Those who supervise or have, of the segments that are kept.
    supervisors: BTreeSet<ParticipantId>,
}

#[derive(Debug, Clone)]
struct Participant {
    role: Role,
    operator: Option<Name>,
    uri: Option<Name>,
    state: &'static str,
    held_by: BTreeSet<HeldBy>,
    muted: bool,
    /// Of a supervisor.
    mode: Option<Mode>,
    whisper_to: Option<ParticipantId>,
}

#[derive(Debug, Clone)]
struct Help {
    key: CallKey,
    mode: HelpMode,
    by: ParticipantId,
    to: Name,
    participant: Option<ParticipantId>,
}

#[derive(Debug, Clone)]
struct Segment {
    phase: Phase,
    participants: Vec<ParticipantId>,
    hears: Hears,
    start: Utc,
}

impl Model {
    /// The call of this key, or in which there is a help of this key.
    pub(crate) fn call_named(&self, key: CallKey) -> CallKey {
        if self.calls.contains_key(&key) {
            return key;
        }
        let named = |call: &Call| call.help.as_ref().is_some_and(|help| help.key == key);
        self.calls.iter().find(|call| named(call)).map_or(key, |call| *call.key())
    }

    pub(super) fn observe_call(&self, key: CallKey, event: &Event) {
        match &event.what {
            What::CallStarted { kind, predecessor, from, to, trunk, context, .. } => {
                let call = Call {
                    kind: *kind,
                    predecessor: *predecessor,
                    phase: None,
                    from: from.clone(),
                    to: to.clone(),
                    trunk: trunk.clone(),
                    started: event.at,
                    answered: None,
                    queue: None,
                    tasks: Vec::new(),
                    context: context.clone(),
                    participants: BTreeMap::new(),
                    help: None,
                    segments: VecDeque::new(),
                    recording: None,
                    supervisors: BTreeSet::new(),
                };
                self.calls.insert(key, call);
            }
            What::CallEnded { .. } => {
                self.calls.remove(&key);
            }
            _ => {
                if let Some(mut call) = self.calls.get_mut(&key) {
                    call.observe(event);
                }
            }
        }
    }
}

impl Call {
    fn observe(&mut self, event: &Event) {
        Recording::observe(&mut self.recording, event);
        match &event.what {
            What::CallContext { context } => self.context.clone_from(context),
            What::CallAnswered { .. } => {
                self.answered.get_or_insert(event.at);
            }
            What::CallSegment { phase, participants, hears } => {
                self.phase = Some(*phase);
                if self.segments.len() == SEGMENTS_MAX {
                    self.segments.pop_front();
                }
                self.segments.push_back(Segment {
                    phase: *phase,
                    participants: participants.clone(),
                    hears: hears.clone(),
                    start: event.at,
                });
            }
            What::LegRinging { participant, role, operator } => {
                self.participant(*participant, *role, operator.as_ref()).state = "ringing";
            }
            What::LegAnswered { participant, role, operator } => {
                self.participant(*participant, *role, operator.as_ref()).state = "connected";
            }
            What::ParticipantJoined { participant, role, operator, uri, mode, whisper_to } => {
                let joined = self.participant(*participant, *role, operator.as_ref());
                (joined.role, joined.uri) = (*role, Some(uri.clone()));
                (joined.mode, joined.whisper_to) = (*mode, *whisper_to);
                self.supervisors.extend((*role == Role::Supervisor).then_some(*participant));
            }
            What::ParticipantHeld { .. }
            | What::ParticipantResumed { .. }
            | What::ParticipantMuted { .. }
            | What::ParticipantUnmuted { .. }
            | What::ParticipantMode { .. } => self.change(&event.what),
            What::ParticipantLeft { participant }
            | What::LegFailed { participant, .. }
            | What::LegEnded { participant, .. } => {
                self.participants.remove(participant);
            }
            What::HelpAlerting { .. }
            | What::HelpTalking { .. }
            | What::HelpFailed { .. }
            | What::HelpEnded { .. } => self.help = Help::of(&event.what),
            What::TaskQueued { queue, .. } => {
                self.queue = Some(queue.clone());
                self.tasks.extend(event.task.filter(|task| !self.tasks.contains(task)));
            }
            _ => {}
        }
    }

    /// A leg may ring before it joins, and join before it rings.
    fn participant(
        &mut self,
        id: ParticipantId,
        role: Role,
        operator: Option<&Name>,
    ) -> &mut Participant {
        self.participants.entry(id).or_insert_with(|| Participant {
            role,
            operator: operator.cloned(),
            uri: None,
            state: "connected",
            held_by: BTreeSet::new(),
            muted: false,
            mode: None,
            whisper_to: None,
        })
    }

    /// Something about how somebody takes part.
    fn change(&mut self, what: &What) {
        let (What::ParticipantHeld { participant: id, .. }
        | What::ParticipantResumed { participant: id, .. }
        | What::ParticipantMuted { participant: id }
        | What::ParticipantUnmuted { participant: id }
        | What::ParticipantMode { participant: id, .. }) = what
        else {
            return;
        };
        let Some(participant) = self.participants.get_mut(id) else { return };
        match what {
            What::ParticipantHeld { by, .. } => {
                participant.held_by.insert(*by);
            }
            What::ParticipantResumed { by, .. } => {
                participant.held_by.remove(by);
            }
            What::ParticipantMode { mode: Mode::Intercept, .. } => {
                (participant.role, participant.mode) = (Role::Operator, None);
                participant.whisper_to = None;
                self.supervisors.remove(id);
            }
            What::ParticipantMode { mode, whisper_to, .. } => {
                (participant.mode, participant.whisper_to) = (Some(*mode), *whisper_to);
            }
            _ => participant.muted = matches!(what, What::ParticipantMuted { .. }),
        }
    }

    /// Whether this operator is in it.
    pub(crate) fn has(&self, operator: &str) -> bool {
        self.participants
            .values()
            .any(|participant| participant.operator.as_deref() == Some(operator))
    }

    /// Whether this operator is in it in their own right.
    pub(crate) fn is_of(&self, operator: &str) -> bool {
        let mut theirs = self.participants.values();
        theirs.any(|p| p.operator.as_deref() == Some(operator) && p.role != Role::Supervisor)
    }

    /// Whether this operator is in it to supervise.
    pub(crate) fn is_watched_by(&self, operator: &str) -> bool {
        let mut theirs = self.participants.values();
        theirs.any(|p| p.operator.as_deref() == Some(operator) && p.role == Role::Supervisor)
    }

    /// The queue it is or was in last.
    pub(crate) fn queue(&self) -> Option<&Name> {
        self.queue.as_ref()
    }

    /// The operators in it.
    pub(crate) fn operators(&self) -> Vec<Name> {
        self.participants.values().filter_map(|participant| participant.operator.clone()).collect()
    }

    fn state(&self) -> &'static str {
        match self.phase {
            Some(Phase::Wait) => "queued",
            Some(Phase::Talk) => "talking",
            Some(Phase::Hold) => "held",
            Some(Phase::Ring) | None => "ringing",
        }
    }

    /// As JSON; to those who are not to know of supervisors, without them.
    pub(crate) fn view(&self, key: CallKey, is_discreet: bool) -> Value {
        let conference = self.tasks.first().map_or_else(|| key.to_string(), TaskKey::to_string);
        let customer = if self.kind == Kind::Inbound { &self.from } else { &self.to };
        json!({
            "id": key,
            "kind": self.kind,
            "predecessor": self.predecessor,
            "state": self.state(),
            "from": self.from,
            "to": self.to,
            "trunk": self.trunk,
            "started": self.started,
            "answered": self.answered,
            "queue": self.queue,
            "tasks": self.tasks,
            "conference": { "id": key, "name": conference },
            "customer": { "number": number(customer), "name": null },
            "context": self.context,
            "help": self.help.as_ref().map(Help::view),
            "participants": self.view_participants(is_discreet),
            "segments": self.view_segments(is_discreet),
            "recording": Recording::view(self.recording.as_ref()),
        })
    }

    fn view_participants(&self, is_discreet: bool) -> Vec<Value> {
        let shown =
            self.participants.iter().filter(|(_, p)| !is_discreet || p.role != Role::Supervisor);
        shown.filter_map(|(id, _)| self.view_participant(*id, is_discreet)).collect()
    }

    /// One of them as JSON.
    pub(crate) fn view_participant(&self, id: ParticipantId, is_discreet: bool) -> Option<Value> {
        let participant = self.participants.get(&id)?;
        let now = self.shown(is_discreet).pop();
        let hears = now.as_ref().and_then(|segment| segment.hears.get(&id));
        Some(json!({
            "id": id,
            "role": participant.role,
            "operator": participant.operator,
            "uri": participant.uri,
            "state": participant.state,
            "held": !participant.held_by.is_empty(),
            "held_by": participant.held_by,
            "muted": participant.muted,
            "mode": participant.mode,
            "whisper_to": participant.whisper_to,
            "hears": hears.map_or(&[][..], Vec::as_slice),
        }))
    }

    /// The segments, or what is left of them without supervisors.
    fn shown(&self, is_discreet: bool) -> Vec<Segment> {
        let mut shown: Vec<Segment> = self.segments.iter().cloned().collect();
        if is_discreet {
            for segment in &mut shown {
                let hidden = |who: &ParticipantId| self.supervisors.contains(who);
                let left = without(&segment.participants, &segment.hears, hidden);
                (segment.participants, segment.hears) = left;
            }
            shown.dedup_by(|later, first| later.is_as(first));
        }
        shown
    }

    fn view_segments(&self, is_discreet: bool) -> Vec<Value> {
        let segments = self.shown(is_discreet);
        let ends = segments.iter().skip(1).map(|segment| Some(segment.start)).chain([None]);
        let view = |(segment, end): (&Segment, Option<Utc>)| {
            json!({
                "phase": segment.phase,
                "participants": segment.participants,
                "hears": segment.hears,
                "start": segment.start,
                "length_s": end.map(|end| seconds(between(segment.start, end))),
            })
        };
        segments.iter().zip(ends).map(view).collect()
    }
}

impl Help {
    fn of(what: &What) -> Option<Self> {
        let help = |key: &CallKey, mode: &HelpMode, by: &ParticipantId, to: &Name, participant| {
            Some(Self { key: *key, mode: *mode, by: *by, to: to.clone(), participant })
        };
        match what {
            What::HelpAlerting { help: key, mode, by, to, .. } => help(key, mode, by, to, None),
            What::HelpTalking { help: key, mode, by, to, participant, .. } => {
                help(key, mode, by, to, Some(*participant))
            }
            _ => None,
        }
    }

    fn view(&self) -> Value {
        json!({
            "id": self.key,
            "mode": self.mode,
            "by": self.by,
            "to": self.to,
            "state": if self.participant.is_some() { "talking" } else { "alerting" },
            "participant": self.participant,
        })
    }
}

impl Segment {
    /// Whether nothing but the time differs.
    fn is_as(&self, other: &Self) -> bool {
        let Self { phase, participants, hears, start: _ } = self;
        (phase, participants, hears) == (&other.phase, &other.participants, &other.hears)
    }
}

/// The user part of a SIP URI, or the text itself.
fn number(address: &str) -> &str {
    let Some(rest) = address.strip_prefix("sips:").or_else(|| address.strip_prefix("sip:")) else {
        return address;
    };
    rest.split_once('@').map_or(address, |(user, _)| user)
}
