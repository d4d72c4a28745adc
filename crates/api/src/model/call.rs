//! Live calls.

use std::collections::{BTreeMap, VecDeque};

use b2bua::config::Name;
use b2bua::event::{Hears, Kind, Phase, Role};
use b2bua::{CallKey, Event, ParticipantId, TaskKey, Utc, What};
use serde_json::{Value, json};

use super::{Model, Recording, between, seconds};

/// Segments kept of a live call; its record has all.
const SEGMENTS_MAX: usize = 256;

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    kind: Kind,
    phase: Option<Phase>,
    from: Name,
    to: Name,
    pub(crate) trunk: Option<Name>,
    started: Utc,
    answered: Option<Utc>,
    queue: Option<Name>,
    tasks: Vec<TaskKey>,
    pub(crate) context: BTreeMap<String, String>,
    participants: BTreeMap<ParticipantId, Participant>,
    segments: VecDeque<Segment>,
    pub(crate) recording: Option<Recording>,
}

#[derive(Debug, Clone)]
struct Participant {
    role: Role,
    operator: Option<Name>,
    uri: Option<Name>,
    state: &'static str,
    held: bool,
}

#[derive(Debug, Clone)]
struct Segment {
    phase: Phase,
    participants: Vec<ParticipantId>,
    hears: Hears,
    start: Utc,
}

impl Model {
    pub(super) fn observe_call(&self, key: CallKey, event: &Event) {
        match &event.what {
            What::CallStarted { kind, from, to, trunk, context, .. } => {
                let call = Call {
                    kind: *kind,
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
                    segments: VecDeque::new(),
                    recording: None,
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
            What::LegRinging { participant, operator } => {
                self.participant(*participant, operator.as_ref()).state = "ringing";
            }
            What::LegAnswered { participant, operator } => {
                self.participant(*participant, operator.as_ref()).state = "connected";
            }
            What::ParticipantJoined { participant, role, operator, uri } => {
                let joined = self.participant(*participant, operator.as_ref());
                (joined.role, joined.uri) = (*role, Some(uri.clone()));
            }
            What::ParticipantHeld { participant } => self.hold(*participant, true),
            What::ParticipantResumed { participant } => self.hold(*participant, false),
            What::ParticipantLeft { participant }
            | What::LegFailed { participant, .. }
            | What::LegEnded { participant, .. } => {
                self.participants.remove(participant);
            }
            What::TaskQueued { queue, .. } => {
                self.queue = Some(queue.clone());
                self.tasks.extend(event.task.filter(|task| !self.tasks.contains(task)));
            }
            _ => {}
        }
    }

    /// A leg may ring before it joins, and join before it rings.
    fn participant(&mut self, id: ParticipantId, operator: Option<&Name>) -> &mut Participant {
        self.participants.entry(id).or_insert_with(|| Participant {
            role: if operator.is_some() { Role::Operator } else { Role::Customer },
            operator: operator.cloned(),
            uri: None,
            state: "connected",
            held: false,
        })
    }

    fn hold(&mut self, participant: ParticipantId, held: bool) {
        if let Some(participant) = self.participants.get_mut(&participant) {
            participant.held = held;
        }
    }

    /// Whether this operator is in it.
    pub(crate) fn has(&self, operator: &str) -> bool {
        self.participants
            .values()
            .any(|participant| participant.operator.as_deref() == Some(operator))
    }

    pub(super) fn operators(&self) -> Vec<Name> {
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

    /// As JSON.
    pub(crate) fn view(&self, key: CallKey) -> Value {
        let conference = self.tasks.first().map_or_else(|| key.to_string(), TaskKey::to_string);
        let customer = if self.kind == Kind::Inbound { &self.from } else { &self.to };
        json!({
            "id": key,
            "kind": self.kind,
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
            "participants": self.view_participants(),
            "segments": self.view_segments(),
            "recording": Recording::view(self.recording.as_ref()),
        })
    }

    fn view_participants(&self) -> Vec<Value> {
        let now = self.segments.back();
        let view = |(id, participant): (&ParticipantId, &Participant)| {
            let hears = now.and_then(|segment| segment.hears.get(id));
            json!({
                "id": id,
                "role": participant.role,
                "operator": participant.operator,
                "uri": participant.uri,
                "state": participant.state,
                "held": participant.held,
                "muted": false,
                "mode": null,
                "hears": hears.map_or(&[][..], Vec::as_slice),
            })
        };
        self.participants.iter().map(view).collect()
    }

    fn view_segments(&self) -> Vec<Value> {
        let ends = self.segments.iter().skip(1).map(|segment| Some(segment.start)).chain([None]);
        let view = |(segment, end): (&Segment, Option<Utc>)| {
            json!({
                "phase": segment.phase,
                "participants": segment.participants,
                "hears": segment.hears,
                "start": segment.start,
                "length_s": end.map(|end| seconds(between(segment.start, end))),
            })
        };
        self.segments.iter().zip(ends).map(view).collect()
    }
}

/// The user part of a SIP URI, or the text itself.
fn number(address: &str) -> &str {
    let Some(rest) = address.strip_prefix("sips:").or_else(|| address.strip_prefix("sip:")) else {
        return address;
    };
    rest.split_once('@').map_or(address, |(user, _)| user)
}
