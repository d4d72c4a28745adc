//! What everybody hears: by the matrices the media threads get, by the segments told, and by what
//! the events say of everybody in a call, from which it is worked out here once more.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use b2bua::event::{Hears as Told, HeldBy, Mode, Phase, Role};
use b2bua::{CallKey, Event, ParticipantId, PlayKey, What};
use media::{Command, Hears, LegId, Row, Source};

use super::told_once;

/// How long anybody is rung who was asked in, at most; a little more.
const RINGS_MS_MAX: i64 = 31_000;

/// What one hears for whom there is nobody.
const REGRET: &str = "prompt:en/nobody-here";

/// The fold.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    people: BTreeMap<ParticipantId, Person>,
    /// Legs that were answered, before or after they joined.
    answered: BTreeSet<ParticipantId>,
    /// Those who were asked in and ring: since when.
    rung: BTreeMap<ParticipantId, i64>,
    legs: BTreeMap<(u16, u64), MediaLeg>,
    conferences: BTreeMap<u64, Conference>,
    /// The last segment of each call.
    told: BTreeMap<CallKey, (Phase, Told)>,
    by_leg: BTreeMap<u64, ParticipantId>,
    /// What is played to whom by order.
    playing: BTreeMap<ParticipantId, Vec<PlayKey>>,
    /// Whether operators are told something before the bridge.
    briefs: bool,
    /// Whether callers are told something while they wait.
    receives: bool,
    /// Operators who are asked when they have answered.
    outside: BTreeSet<String>,
    /// Those of them to whom something is offered, a call or helping in one.
    offered: BTreeSet<String>,
    /// Who has answered for a call, and is not put through to it.
    awaited: BTreeMap<CallKey, String>,
}

/// Somebody who takes part, as the events tell it.
#[derive(Debug)]
struct Person {
    call: CallKey,
    role: Role,
    operator: Option<String>,
    /// The call went on with them when whoever served had left.
    is_heir: bool,
    held_by: BTreeSet<HeldBy>,
    /// What they hear on hold by order.
    audio: Option<String>,
    muted: bool,
    mode: Mode,
    whisper_to: Option<ParticipantId>,
    /// Has answered for the task of the call, and is not put through yet.
    is_briefed: bool,
}

impl Person {
    fn supervises(&self) -> bool {
        self.role == Role::Supervisor
    }

    fn is_held(&self) -> bool {
        !self.held_by.is_empty()
    }
}

/// A leg as its media thread knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MediaLeg {
    /// Where its peer says it hears.
    pub(crate) remote: SocketAddr,
    /// Whether the peer may send.
    pub(crate) receive: bool,
    generation: u64,
    seat: Option<u64>,
}

#[derive(Debug)]
struct Conference {
    thread: u16,
    generation: u64,
    rows: Vec<Row>,
}

/// Everybody in a call who has a seat, with what is known of them.
type Seated<'a> = BTreeMap<ParticipantId, &'a Person>;

impl Hearing {
    /// One for a house where operators are told something before the bridge, or callers while they
    /// wait, or not.
    pub(crate) fn new(briefs: bool, receives: bool, outside: BTreeSet<String>) -> Self {
        Self { briefs, receives, outside, ..Self::default() }
    }

    pub(crate) fn command(&mut self, thread: u16, command: &Command) -> Result<(), String> {
        match command {
            Command::Leg(plan) => {
                let known = self.legs.get(&(thread, plan.leg.0));
                if known.is_some_and(|known| known.generation >= plan.generation) {
                    return Err(format!("an older plan for leg {}", plan.leg.0));
                }
                let leg = MediaLeg {
                    remote: plan.remote_rtp,
                    receive: plan.receive,
                    generation: plan.generation,
                    seat: known.and_then(|known| known.seat),
                };
                self.legs.insert((thread, plan.leg.0), leg);
                Ok(())
            }
            Command::EndLeg(leg) => {
                let known = self.legs.remove(&(thread, leg.0)).is_some();
                told_once(known, "end of media leg", &leg.0)
            }
            Command::Matrix { conference, generation, rows } => {
                self.matrix(thread, *conference, *generation, rows)
            }
            Command::SendDtmf { .. }
            | Command::Keys { .. }
            | Command::AddSound { .. }
            | Command::RemoveSound { .. }
            | Command::Record { .. } => Ok(()),
        }
    }

    fn matrix(&mut self, thread: u16, key: u64, number: u64, rows: &[Row]) -> Result<(), String> {
        let old = self.conferences.get(&key);
        if old.is_some_and(|old| old.generation >= number || old.thread != thread) {
            return Err(format!("conference {key}: matrix {number} after {old:?}"));
        }
        for row in rows {
            let Some(leg) = self.legs.get_mut(&(thread, row.leg.0)) else {
                return Err(format!("a matrix names leg {} that is not there", row.leg.0));
            };
            let sits = |seat: &u64| {
                let rows = self.conferences.get(seat).map(|conference| &conference.rows);
                *seat != key && rows.is_some_and(|rows| rows.iter().any(|r| r.leg == row.leg))
            };
            if leg.seat.as_ref().is_some_and(sits) {
                return Err(format!("leg {} sits in two conferences", row.leg.0));
            }
            leg.seat = Some(key);
            let Hears::Speakers(speakers) = &row.hears else { continue };
            let there = |speaker| rows.iter().any(|other| other.leg == speaker);
            if speakers.is_empty() || !speakers.iter().all(|s| there(*s) && *s != row.leg) {
                return Err(format!("leg {} hears {speakers:?}", row.leg.0));
            }
        }
        let conference = Conference { thread, generation: number, rows: rows.to_vec() };
        self.conferences.insert(key, conference);
        Ok(())
    }

    /// Whoever has been in a conference for longest, supervisors aside.
    pub(crate) fn first(&self, call: CallKey) -> Option<LegId> {
        let rows = &self.conferences.get(&call.0)?.rows;
        let person = |leg: &LegId| self.people.get(self.by_leg.get(&leg.0)?);
        rows.iter().map(|row| row.leg).find(|leg| person(leg).is_some_and(|p| !p.supervises()))
    }

    /// Whether it is a customer's leg.
    pub(crate) fn is_customers(&self, leg: LegId) -> bool {
        let person = self.by_leg.get(&leg.0).and_then(|who| self.people.get(who));
        person.is_some_and(|p| p.role == Role::Customer)
    }

    /// The leg by which an operator is in a conference.
    pub(crate) fn leg_of(&self, operator: &str) -> Option<LegId> {
        let rows = self.conferences.values().flat_map(|conference| &conference.rows);
        let is_theirs = |leg: &LegId| {
            let person = self.by_leg.get(&leg.0).and_then(|who| self.people.get(who));
            person.is_some_and(|p| p.operator.as_deref() == Some(operator))
        };
        rows.map(|row| row.leg).find(is_theirs)
    }

    /// The first in a call of whom that is so.
    pub(crate) fn one_in(
        &self,
        call: CallKey,
        is: impl Fn(Role, Option<&str>) -> bool,
    ) -> Option<ParticipantId> {
        let of_call = self.people.iter().filter(|(_, person)| person.call == call);
        let mut found = of_call.filter(|(_, p)| is(p.role, p.operator.as_deref()));
        found.next().map(|(who, _)| *who)
    }

    /// The leg of somebody who is in a conference.
    pub(crate) fn leg_named(&self, who: ParticipantId) -> Option<LegId> {
        let rows = self.conferences.values().flat_map(|conference| &conference.rows);
        let is_theirs = |leg: &LegId| self.by_leg.get(&leg.0) == Some(&who);
        rows.map(|row| row.leg).find(is_theirs)
    }

    /// Takes what an event says of somebody.
    pub(crate) fn event(&mut self, event: &Event, ms: i64) -> Result<(), String> {
        let call = event.call;
        self.offers(&event.what);
        if let Some(call) = call {
            self.answers(call, &event.what);
        }
        match &event.what {
            What::LegRinging { participant, role: Role::Supervisor | Role::Consultant, .. } => {
                self.rung.insert(*participant, ms);
                Ok(())
            }
            What::LegFailed { participant, .. } => {
                self.rung.remove(participant);
                Ok(())
            }
            What::ParticipantJoined { participant, .. } => self.comes(*participant, joins(event)?),
            What::PlayFinished { play, participant, .. } => {
                let known = self.heard_out(*play, *participant);
                told_once(known, "end of a play to", participant)
            }
            What::ParticipantLeft { participant } => {
                if self.playing.contains_key(participant) {
                    return Err(format!("{participant} leaves, and hears what is played"));
                }
                self.answered.remove(participant);
                let known = self.people.remove(participant).is_some();
                told_once(known, "leaving of", participant)
            }
            What::LegAnswered { participant, .. } => {
                self.rung.remove(participant);
                told_once(self.answered.insert(*participant), "answer of", participant)
            }
            What::LegEnded { participant, .. } if !self.people.contains_key(participant) => {
                self.rung.remove(participant);
                self.answered.remove(participant);
                Ok(())
            }
            What::ParticipantHeld { participant, by, audio } => {
                let person = self.person(participant)?;
                let told = audio.as_ref().map(ToString::to_string);
                let is_new = person.held_by.insert(*by) || told != person.audio;
                if *by == HeldBy::Order {
                    person.audio = told;
                }
                told_once(is_new, "hold of", participant)
            }
            What::ParticipantResumed { participant, by } => {
                let person = self.person(participant)?;
                told_once(person.held_by.remove(by), "resuming of", participant)
            }
            What::ParticipantMuted { participant } => self.mutes(participant, true),
            What::ParticipantUnmuted { participant } => self.mutes(participant, false),
            What::ParticipantMode { participant, mode, whisper_to } => {
                self.turns(participant, *mode, *whisper_to)
            }
            What::HelpTalking { participant, .. } => self.helps(participant),
            What::TransferCompleted { operator: Some(to), .. } => {
                let of_call = self.people.values_mut().filter(|p| Some(p.call) == call);
                for person in of_call {
                    person.is_heir = person.operator.as_deref() == Some(to);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn comes(&mut self, participant: ParticipantId, mut person: Person) -> Result<(), String> {
        let awaited = self.awaited.get(&person.call);
        person.is_briefed = awaited.is_some() && person.operator.as_ref() == awaited;
        let new = self.people.insert(participant, person).is_none();
        told_once(new, "joining of", &participant)
    }

    /// Whoever was asked for help is in.
    fn helps(&mut self, participant: &ParticipantId) -> Result<(), String> {
        let person = self.person(participant)?;
        person.is_briefed = false;
        let who = person.operator.clone();
        self.awaited.retain(|_, awaited| Some(&*awaited) != who.as_ref());
        Ok(())
    }

    /// To which operators outside something is offered; whoever has taken a call is asked until they are
    /// put through.
    fn offers(&mut self, what: &What) {
        match what {
            What::ReservationOffered { operator, .. } if self.outside.contains(&**operator) => {
                self.offered.insert(operator.to_string());
            }
            What::ReservationAccepted { operator, .. } => {
                self.offered.remove(&**operator);
            }
            What::ReservationRejected { operator, .. }
            | What::ReservationTimeout { operator, .. }
            | What::ReservationRescinded { operator, .. }
            | What::ReservationCancelled { operator, .. }
                if self.offered.remove(&**operator) =>
            {
                self.awaited.retain(|_, awaited| awaited != &**operator);
            }
            _ => {}
        }
    }

    /// Who answers for a call, and takes part in it from then on, or later where operators are told
    /// something first.
    fn answers(&mut self, call: CallKey, what: &What) {
        match what {
            What::ReservationAccepted { operator, .. } if self.briefs => {
                self.awaited.insert(call, operator.to_string());
            }
            What::LegAnswered { operator: Some(operator), .. }
                if self.offered.contains(&**operator) =>
            {
                self.awaited.insert(call, operator.to_string());
            }
            What::OperatorReached { operator } => {
                let of_call = self.people.values_mut().filter(|p| p.call == call);
                let came = of_call.filter(|p| p.operator.as_deref() == Some(operator));
                came.for_each(|person| person.is_briefed = false);
                self.awaited.remove(&call);
            }
            // Whoever had answered is gone, and whoever comes now was asked anew.
            What::TaskQueued { .. } | What::TaskWithdrawn { .. } | What::TaskOverflowed { .. } => {
                self.awaited.remove(&call);
            }
            _ => {}
        }
    }

    fn person(&mut self, who: &ParticipantId) -> Result<&mut Person, String> {
        self.people.get_mut(who).ok_or_else(|| format!("{who} takes no part, and changes"))
    }

    fn turns(
        &mut self,
        who: &ParticipantId,
        mode: Mode,
        whisper_to: Option<ParticipantId>,
    ) -> Result<(), String> {
        let person = self.person(who)?;
        if mode == Mode::Intercept {
            person.role = Role::Operator;
        } else if !person.supervises() {
            return Err(format!("{who} is no supervisor and has a mode"));
        }
        (person.mode, person.whisper_to) = (mode, whisper_to);
        Ok(())
    }

    fn mutes(&mut self, who: &ParticipantId, muted: bool) -> Result<(), String> {
        let before = core::mem::replace(&mut self.person(who)?.muted, muted);
        told_once(before != muted, "mute of", who)
    }

    /// A segment says what the matrix says.
    pub(crate) fn segment(
        &mut self,
        call: Option<CallKey>,
        phase: Phase,
        participants: &[ParticipantId],
        hears: &Told,
    ) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{phase:?} {participants:?} {hears:?}: {what}"));
        let Some(call) = call else { return wrong("no call") };
        let rows = self.conferences.get(&call.0).map_or(&[][..], |conference| &conference.rows);
        if rows.len() != participants.len() || hears.len() != rows.len() {
            return wrong("the matrix has other rows");
        }
        self.by_leg.extend(rows.iter().map(|row| row.leg.0).zip(participants.iter().copied()));
        for (row, who) in rows.iter().zip(participants) {
            let heard: Vec<String> = match &row.hears {
                Hears::Silence => vec!["silence".to_owned()],
                Hears::Source(source) => vec![shown(source)],
                Hears::Speakers(legs) => {
                    let who = |leg: &LegId| self.by_leg.get(&leg.0).map(ToString::to_string);
                    legs.iter().filter_map(who).collect()
                }
            };
            if hears.get(who) != Some(&heard) {
                return wrong("the matrix says otherwise");
            }
        }
        if participants.iter().any(|who| self.people.get(who).is_none_or(|p| p.call != call)) {
            return wrong("somebody has not joined");
        }
        self.told.insert(call, (phase, hears.clone()));
        Ok(())
    }

    /// What everybody in a call hears is what follows from what was told of them. `is_plain`: one
    /// caller for whom somebody came, or will, and nobody hands the call on; then it is known who is
    /// bridged.
    pub(crate) fn agrees(&self, call: CallKey, is_plain: bool) -> Result<(), String> {
        let Some((phase, hears)) = self.told.get(&call) else { return Ok(()) };
        let person = |who: &ParticipantId| Some((*who, self.people.get(who)?));
        let seated: Seated<'_> = hears.keys().filter_map(person).collect();
        let wrong = |who: &ParticipantId, what: &str| {
            Err(format!("{call} {phase:?}: {who} hears {:?}, {what}: {seated:?}", hears.get(who)))
        };
        for (listener, heard) in hears.iter() {
            let speakers: Vec<ParticipantId> =
                heard.iter().filter_map(|h| h.parse().ok()).collect();
            for speaker in &speakers {
                let Some(person) = seated.get(speaker) else {
                    return wrong(listener, "somebody who is not there");
                };
                let is_meant = match person.mode {
                    Mode::Barge | Mode::Intercept => true,
                    Mode::Monitor => !person.supervises(),
                    Mode::Whisper => person.whisper_to.is_none_or(|to| to == *listener),
                };
                if person.is_held() || person.muted || !is_meant {
                    return wrong(listener, "somebody who cannot be heard");
                }
            }
            let Some(own) = seated.get(listener) else { return wrong(listener, "but has left") };
            if own.is_held() && !speakers.is_empty() {
                return wrong(listener, "and is on hold");
            }
            // What is played to one is heard by nobody else, and by that one without anything else.
            let prompt = heard.iter().find(|heard| heard.starts_with("prompt:"));
            let is_held = own.held_by.contains(&HeldBy::Order) && own.audio.as_ref() == prompt;
            // Whoever was handed on in vain and has nowhere to go back to is told so.
            let is_regret =
                !is_plain && *phase == Phase::Wait && prompt.is_some_and(|p| p == REGRET);
            let is_own = is_held || own.is_briefed || is_regret || self.is_received(*phase, own);
            match (self.playing.contains_key(listener), prompt) {
                (true, None) => return wrong(listener, "and not what is played to them"),
                (true, Some(_)) if heard.len() > 1 => return wrong(listener, "and is played to"),
                (false, Some(_)) if !is_own => return wrong(listener, "which is not for them"),
                _ => {}
            }
            let two = |who: &ParticipantId| {
                let both = seated.get(who).is_some_and(|p| !p.supervises()) && !own.supervises();
                let back =
                    hears.get(who).is_some_and(|heard| heard.contains(&listener.to_string()));
                both && !own.muted && !back && !self.is_told(&hears[who], &seated, *who)
            };
            if speakers.iter().any(two) {
                return wrong(listener, "who does not hear them");
            }
            let is_plain = is_plain && *phase != Phase::Ring;
            if let (true, Some(expected)) = (is_plain, expected(&seated, *listener))
                && sorted(heard) != expected
                && !self.is_told(heard, &seated, *listener)
                && !(self.is_received(*phase, own) && prompt.is_some())
            {
                return wrong(listener, &format!("but should {expected:?}"));
            }
        }
        if is_plain { self.phase_fits(call, *phase, &seated) } else { Ok(()) }
    }

    /// Whether they wait, and may be told how or asked something.
    fn is_received(&self, phase: Phase, person: &Person) -> bool {
        let waits = matches!(phase, Phase::Wait | Phase::Ring);
        self.receives && waits && person.role == Role::Customer
    }

    /// What is played to them, or the tone that tells an operator of a supervisor, in place of anything
    /// else.
    fn is_told(&self, heard: &[String], seated: &Seated<'_>, listener: ParticipantId) -> bool {
        let person = seated.get(&listener).filter(|p| p.role != Role::Customer);
        let is_ours = person.is_some_and(|p| !p.supervises());
        // Whoever has asked for help hears that it rings, where there is nobody else to hear.
        let is_asking = || {
            seated
                .iter()
                .all(|(who, p)| *who == listener || p.is_held() || p.supervises() || p.is_briefed)
        };
        self.playing.contains_key(&listener)
            || heard == ["tone:1400"] && is_ours
            // A code that they pressed could not be obeyed, or the customer is gone.
            || heard == ["tone:425"] && person.is_some()
            || heard == ["ringing"] && is_ours && is_asking()
    }

    /// Whether it was played to them; it is no more.
    fn heard_out(&mut self, play: PlayKey, participant: ParticipantId) -> bool {
        let plays = self.playing.entry(participant).or_default();
        let known = plays.iter().position(|known| *known == play);
        if let Some(at) = known {
            plays.remove(at);
        }
        if plays.is_empty() {
            self.playing.remove(&participant);
        }
        known.is_some()
    }

    /// Something is played to these.
    pub(crate) fn plays(&mut self, play: PlayKey, to: &[ParticipantId]) {
        for who in to {
            self.playing.entry(*who).or_default().push(play);
        }
    }

    /// Whether a leg hears this playing of a prompt.
    pub(crate) fn hears_prompt(&self, leg: LegId, play: u64) -> bool {
        let rows = self.conferences.values().flat_map(|conference| &conference.rows);
        let hears =
            |row: &Row| matches!(&row.hears, Hears::Source(source) if source.play() == play);
        rows.filter(|row| row.leg == leg).any(hears)
    }

    fn phase_fits(&self, call: CallKey, phase: Phase, seated: &Seated<'_>) -> Result<(), String> {
        let there = || self.people.values().filter(|p| p.call == call && !p.supervises());
        // One who was told of a caller, or has held them, hears that they are gone.
        if self.is_told_gone(call) {
            return Ok(());
        }
        if there().all(|p| p.role != Role::Customer) && !there().all(|p| p.is_briefed) {
            return Err(format!("{call}: the customer is gone, and the call is not over"));
        }
        let answered = |(who, _): &(&ParticipantId, &Person)| self.answered.contains(who);
        let of_call = self.people.iter().filter(|(_, p)| p.call == call && !p.supervises());
        let is_in = |p: &Person| p.role != Role::Customer && !p.is_briefed;
        let operators: Vec<_> = of_call.filter(|(_, p)| is_in(p)).collect();
        let talks = operators.iter().any(answered);
        let present = there().filter(|p| !p.is_held()).count();
        let customer_held = there().any(|p| p.role == Role::Customer && p.is_held());
        let fits = match phase {
            Phase::Wait | Phase::Ring => !talks,
            Phase::Hold => talks && (customer_held || present < 2),
            Phase::Talk => talks && !customer_held && present >= 2,
        };
        if fits { Ok(()) } else { Err(format!("{call} is told to be in {phase:?}: {seated:?}")) }
    }

    /// Whether nobody is there but those who are told that the caller has gone.
    pub(crate) fn is_told_gone(&self, call: CallKey) -> bool {
        let told = self.told.get(&call).map(|(_, hears)| hears);
        told.is_some_and(|all| !all.is_empty() && all.values().all(|heard| *heard == ["tone:425"]))
    }

    /// Everybody has left a call that is over.
    pub(crate) fn ended(&mut self, call: CallKey) -> Result<(), String> {
        self.told.remove(&call);
        match self.people.iter().find(|(_, person)| person.call == call) {
            Some((who, person)) => Err(format!("{call} is over, but {who} is there: {person:?}")),
            None => Ok(()),
        }
    }

    /// Each leg that has a plan hears something, and nobody hears one who is gone.
    pub(crate) fn turn_over(&mut self) -> Result<(), String> {
        if let Some((leg, _)) = self.legs.iter().find(|(_, leg)| leg.seat.is_none()) {
            return Err(format!("leg {leg:?} has a plan and hears nothing"));
        }
        let legs = &self.legs;
        let there = |c: &Conference, row: &Row| legs.contains_key(&(c.thread, row.leg.0));
        self.conferences.retain(|_, conference| !conference.rows.is_empty());
        for (key, conference) in &self.conferences {
            if let Some(row) = conference.rows.iter().find(|row| !there(conference, row)) {
                return Err(format!("conference {key} still names leg {}", row.leg.0));
            }
        }
        Ok(())
    }

    pub(crate) fn legs(&self) -> &BTreeMap<(u16, u64), MediaLeg> {
        &self.legs
    }

    pub(crate) fn conference(&self, thread: u16, leg: u64) -> Option<CallKey> {
        self.legs.get(&(thread, leg)).and_then(|leg| leg.seat).map(CallKey)
    }

    /// Whether a leg's own part in the call explains that nothing comes from it.
    pub(crate) fn is_excused(&self, leg: u64) -> bool {
        let person = self.by_leg.get(&leg).and_then(|who| self.people.get(who));
        person.is_some_and(|p| p.is_held() || p.muted || p.supervises())
    }

    /// Whether people hear each other there.
    pub(crate) fn is_bridged(&self, call: CallKey) -> bool {
        let rows = self.conferences.get(&call.0).map_or(&[][..], |conference| &conference.rows);
        rows.iter().any(|row| matches!(row.hears, Hears::Speakers(_)))
    }

    /// Whether an operator takes part in a call in their own right.
    pub(crate) fn has(&self, call: CallKey, operator: &str) -> bool {
        let is_there = |p: &Person| p.call == call && p.operator.as_deref() == Some(operator);
        self.people.values().any(|p| is_there(p) && !p.supervises())
    }

    /// Whether anybody rings for longer than they were asked to.
    pub(crate) fn look(&self, ms: i64) -> Result<(), String> {
        match self.rung.iter().find(|(_, since)| ms - *since > RINGS_MS_MAX) {
            Some((who, since)) => Err(format!("{who} rings for {} ms", ms - since)),
            None => Ok(()),
        }
    }

    /// Everybody who takes part in a call.
    pub(crate) fn people(&self, call: CallKey) -> Vec<ParticipantId> {
        let theirs = self.people.iter().filter(|(_, person)| person.call == call);
        theirs.map(|(who, _)| *who).collect()
    }

    pub(crate) fn finish(&self) -> Result<(), String> {
        let left = self.conferences.iter().find(|(_, conference)| !conference.rows.is_empty());
        if let Some((key, _)) = left {
            return Err(format!("conference {key} never ended"));
        }
        match (self.legs.first_key_value(), self.people.first_key_value()) {
            (None, None) => Ok(()),
            (Some((leg, _)), _) => Err(format!("media leg {leg:?} left open")),
            (_, Some((who, _))) => Err(format!("participant {who} never left")),
        }
    }
}

/// What somebody should hear in a plain call; none where the caller still waits, with music or
/// ringing. Stated from the listener's side: who is in the room, who of them can be heard.
fn expected(seated: &Seated<'_>, listener: ParticipantId) -> Option<Vec<String>> {
    let person = seated.get(&listener)?;
    let came =
        seated.values().any(|p| !p.supervises() && !p.is_briefed && p.role != Role::Customer);
    if person.is_briefed || person.role == Role::Customer && !came {
        return None;
    }
    let music = || Some(vec!["music:default".to_owned()]);
    if let Some(audio) = person.audio.as_ref().filter(|_| person.held_by.contains(&HeldBy::Order)) {
        return Some(vec![audio.clone()]);
    }
    if person.is_held() {
        return music();
    }
    let served_by = servers(seated);
    let asks_who_serves = |p: &Person| p.mode == Mode::Whisper && p.whisper_to.is_none();
    if served_by.len() > 1 && seated.values().any(|p| p.supervises() && asks_who_serves(p)) {
        return None;
    }
    let in_the_room =
        |p: &Person| !p.is_held() && !p.is_briefed && (came || p.role != Role::Customer);
    let speaks_to_them = |p: &Person| match (p.supervises(), p.mode) {
        (true, Mode::Monitor | Mode::Intercept) => false,
        (true, Mode::Whisper) => match p.whisper_to {
            Some(to) => to == listener,
            None => served_by == [listener],
        },
        (true, Mode::Barge) | (false, _) => true,
    };
    let others = seated.iter().filter(|(who, p)| **who != listener && in_the_room(p));
    let company: Vec<_> = others.filter(|(_, p)| speaks_to_them(p)).collect();
    if company.is_empty() && !person.supervises() {
        return music();
    }
    let heard = company.iter().filter(|(_, p)| !p.muted);
    let heard: Vec<String> = heard.map(|(who, _)| who.to_string()).collect();
    Some(if heard.is_empty() { vec!["silence".to_owned()] } else { sorted(&heard) })
}

/// Who serves in a plain call: its operator, or a colleague who goes on without one. Of several
/// colleagues in a call that was nobody's task any may be it: which, no event has told.
fn servers(seated: &Seated<'_>) -> Vec<ParticipantId> {
    let all = |is: &dyn Fn(&Person) -> bool| {
        let theirs = seated.iter().filter(|(_, p)| !p.supervises() && is(p));
        theirs.map(|(who, _)| *who).collect::<Vec<_>>()
    };
    let ranks: [&dyn Fn(&Person) -> bool; 3] =
        [&|p| p.is_heir, &|p| p.role == Role::Operator, &|p| p.operator.is_some()];
    ranks.into_iter().map(all).find(|found| !found.is_empty()).unwrap_or_default()
}

fn sorted(heard: &[String]) -> Vec<String> {
    let mut heard = heard.to_vec();
    heard.sort_unstable();
    heard
}

fn shown(source: &Source) -> String {
    match source {
        Source::Music(name) => format!("music:{name}"),
        Source::Ringing => "ringing".to_owned(),
        Source::Tone { hz, .. } => format!("tone:{hz}"),
        Source::Prompt { sounds, .. } => format!("prompt:{}", sounds.join("+")),
    }
}

/// Who joins by an event.
fn joins(event: &Event) -> Result<Person, String> {
    let What::ParticipantJoined { participant, role, mode, whisper_to, operator, .. } = &event.what
    else {
        return Err("nobody joins".to_owned());
    };
    let person = Person {
        call: event.call.ok_or("somebody joins no call")?,
        role: *role,
        operator: operator.as_ref().map(ToString::to_string),
        is_heir: false,
        held_by: BTreeSet::new(),
        audio: None,
        muted: false,
        mode: mode.unwrap_or(Mode::Barge),
        whisper_to: *whisper_to,
        is_briefed: false,
    };
    if person.supervises() == mode.is_some() {
        Ok(person)
    } else {
        Err(format!("{participant} joins as {role:?} in mode {mode:?}"))
    }
}
