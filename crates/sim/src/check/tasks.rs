//! Tasks, reservations and operators as the events tell them: everybody is in exactly one place,
//! nobody has two things at once, nobody waits beside somebody who is free.

use std::collections::{BTreeMap, BTreeSet};

use b2bua::event::{Chosen, Effective, Membership, Phase, TaskKind};
use b2bua::{CallKey, CallbackEnd, Event, ReservationKey, TaskKey, Utc, What};

use super::{Limits, told_once};

/// The fold.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    limits: Limits,
    /// Who serves, and after how long of a task's waiting: they may lack what it asks for at first.
    members: Option<BTreeMap<String, Option<u64>>>,
    open: BTreeMap<TaskKey, Open>,
    reservations: BTreeMap<ReservationKey, (TaskKey, String)>,
    operators: BTreeMap<String, Person>,
    /// Who pauses in the queue, or has left it.
    away: BTreeSet<String>,
    /// Whose wrap-up lasted otherwise than it should: only signing out explains that.
    short: Vec<(String, i64)>,
    /// Who did not take a task, and when: for a while it is not put before them again.
    apart: BTreeMap<(TaskKey, String), i64>,
    /// All callbacks; whether they are done.
    callbacks: BTreeMap<TaskKey, bool>,
    /// How callbacks ended, reached or otherwise.
    pub(crate) called_back: [u64; 2],
    pub(crate) abandoned: u64,
}

#[derive(Debug)]
struct Person {
    state: Effective,
    since_ms: i64,
    chosen: Chosen,
}

#[derive(Debug)]
struct Open {
    place: Place,
    virtual_start: Utc,
    queued_ms: i64,
    /// It was put back because its operator was lost.
    ahead: bool,
    talk_ms: i64,
    parts: i64,
    /// It was handed on: others than the one who has it may wrap up.
    moved: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Waiting {
        since_ms: i64,
        unasked_ms: i64,
    },
    /// An operator has answered for it, and is told something before they are put through.
    Briefed {
        operator: String,
    },
    /// It was abandoned then, and they wrap up.
    Left,
    Served {
        operator: String,
        since_ms: i64,
    },
    Wrapping {
        operator: String,
        since_ms: i64,
    },
    /// Handed on by this operator, and nobody has it.
    Between {
        operator: String,
    },
}

impl Tasks {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes an event; says whether an operator was lost.
    pub(crate) fn event(&mut self, event: &Event, ms: i64) -> Result<bool, String> {
        if let What::OperatorState { operator, effective, chosen } = &event.what {
            let (state, chosen) = (effective.state, chosen.state);
            self.operators.insert(operator.to_string(), Person { state, since_ms: ms, chosen });
        }
        if let What::OperatorQueue { operator, state, .. } = &event.what {
            if *state == Membership::Joined {
                self.away.remove(&**operator);
            } else {
                self.away.insert(operator.to_string());
            }
        }
        let Some(task) = event.task else { return Ok(false) };
        self.callback(task, &event.what)?;
        if let What::ReservationRejected { operator, .. }
        | What::ReservationTimeout { operator, .. } = &event.what
        {
            self.apart.insert((task, operator.to_string()), ms);
        }
        match &event.what {
            What::TaskQueued { virtual_start, position, work, .. } => {
                if (work.kind == TaskKind::Callback) != self.callbacks.contains_key(&task) {
                    return Err(format!("{task} is told to be a {}", work.kind.as_str()));
                }
                return self.queued(task, *virtual_start, *position, ms);
            }
            What::ReservationOffered { reservation, operator, .. } => {
                self.offered(task, *reservation, operator, ms)?;
            }
            What::ReservationAccepted { reservation, .. }
            | What::ReservationRejected { reservation, .. }
            | What::ReservationTimeout { reservation, .. }
            | What::ReservationRescinded { reservation, .. }
            | What::ReservationCancelled { reservation, .. } => {
                let ended = self.reservations.remove(reservation);
                told_once(ended.is_some(), "end of reservation", reservation)?;
                if let (What::ReservationAccepted { operator, .. }, Some(open)) =
                    (&event.what, self.open.get_mut(&task))
                    && self.limits.briefs
                {
                    open.place = Place::Briefed { operator: operator.to_string() };
                }
                if let Some(Open { place: Place::Waiting { unasked_ms, .. }, .. }) =
                    self.open.get_mut(&task)
                {
                    *unasked_ms = ms;
                }
            }
            What::TaskAssigned { operator, .. } => self.assigned(task, operator, ms)?,
            What::TaskWrapping { operator, .. } => self.wraps(task, operator, ms)?,
            What::TaskCompleted { operator, talk_ms, hold_ms, wrap_up_ms, .. } => {
                if hold_ms > talk_ms {
                    return Err(format!("{task}: held for {hold_ms} of {talk_ms} ms"));
                }
                self.completed(task, operator, *talk_ms, *wrap_up_ms, ms)?;
            }
            What::TaskAbandoned { wait_ms, .. } => {
                self.abandoned += 1;
                self.left(task, Some(*wait_ms), ms)?;
            }
            What::TaskExpired { wait_ms, .. } | What::TaskOverflowed { wait_ms, .. } => {
                self.left(task, Some(*wait_ms), ms)?;
            }
            What::TaskWithdrawn { .. } => self.left(task, None, ms)?,
            // One that never joined was never open.
            What::TaskFailed { .. } if self.open.contains_key(&task) => {
                self.left(task, None, ms)?;
            }
            _ => {}
        }
        Ok(false)
    }

    fn callback(&mut self, task: TaskKey, what: &What) -> Result<(), String> {
        match what {
            What::CallbackCreated { .. } => {
                let is_new = self.callbacks.insert(task, false).is_none();
                told_once(is_new, "callback", &task)?;
            }
            What::CallbackDone { result, .. } => {
                let open = self.callbacks.insert(task, true) == Some(false);
                told_once(open, "end of callback", &task)?;
                self.called_back[usize::from(*result != CallbackEnd::Reached)] += 1;
            }
            What::CallbackDeclined { .. } => self.offer_is_over(task),
            What::CallbackAttempt { result, .. } if &**result != "answered" => {
                self.offer_is_over(task);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whoever was asked about a callback has no more to do with it.
    fn offer_is_over(&mut self, task: TaskKey) {
        if let Some(open) = self.open.get_mut(&task)
            && let Place::Briefed { .. } | Place::Waiting { .. } = open.place
        {
            open.place = Place::Left;
        }
    }

    fn queued(&mut self, task: TaskKey, start: Utc, at: usize, ms: i64) -> Result<bool, String> {
        let ahead = |open: &&Open| open.ahead && matches!(open.place, Place::Waiting { .. });
        let before = self.open.values().filter(ahead).count();
        let waiting = Place::Waiting { since_ms: ms, unasked_ms: ms };
        let Some(open) = self.open.get_mut(&task) else {
            let open = Open {
                place: waiting,
                virtual_start: start,
                queued_ms: ms,
                ahead: false,
                talk_ms: 0,
                parts: 0,
                moved: false,
            };
            self.open.insert(task, open);
            return Ok(false);
        };
        let (since_ms, operator) = match &open.place {
            Place::Served { since_ms, operator } => (since_ms, operator),
            Place::Between { operator } | Place::Briefed { operator } => (&ms, operator),
            // Put off meanwhile.
            Place::Left | Place::Waiting { .. } if self.callbacks.contains_key(&task) => {
                open.place = waiting;
                return Ok(false);
            }
            _ => return Err(format!("{task} is queued again: {open:?}")),
        };
        self.apart.insert((task, operator.clone()), ms);
        let (since_ms, is_callback) = (*since_ms, self.callbacks.get(&task) == Some(&false));
        if open.virtual_start != start {
            return Err(format!("{task} lost its place: {start}, was {}", open.virtual_start));
        }
        if is_callback {
            open.place = waiting;
            return Ok(false);
        }
        if at > before + 1 {
            return Err(format!("{task} lost its operator and is not ahead, but {at}"));
        }
        open.talk_ms += ms - since_ms;
        open.parts += 1;
        open.ahead = true;
        open.place = waiting;
        Ok(true)
    }

    fn offered(
        &mut self,
        task: TaskKey,
        reservation: ReservationKey,
        operator: &str,
        ms: i64,
    ) -> Result<(), String> {
        let before = self.apart.get(&(task, operator.to_owned()));
        if before.is_some_and(|before| ms - before < self.limits.back_off_ms) {
            return Err(format!("{task} is put before {operator} again at once"));
        }
        let Some(Open { place: Place::Waiting { .. }, queued_ms, .. }) = self.open.get(&task)
        else {
            return Err(format!("{task} is put before {operator}, but does not wait"));
        };
        let able = self.members.as_ref().and_then(|members| *members.get(operator)?);
        let waits = u64::try_from(ms - queued_ms).unwrap_or(0);
        if self.members.is_some() && able.is_none_or(|able| able > waits) {
            return Err(format!("{task} is put before {operator}, who lacks what it asks for"));
        }
        if self.away.contains(operator) {
            return Err(format!("{task} is put before {operator}, who is not in the queue"));
        }
        self.is_free(operator, task)?;
        let new = self.reservations.insert(reservation, (task, operator.to_owned())).is_none();
        told_once(new, "reservation", &reservation)
    }

    /// An operator has nothing else.
    fn is_free(&self, operator: &str, task: TaskKey) -> Result<(), String> {
        let reserved = self.reservations.values().find(|(_, who)| who == operator);
        let busy = self.open.iter().find(|(other, open)| match &open.place {
            Place::Served { operator: who, .. } | Place::Wrapping { operator: who, .. } => {
                who == operator
            }
            Place::Briefed { operator: who } => who == operator && **other != task,
            Place::Waiting { .. } | Place::Between { .. } | Place::Left => false,
        });
        match (reserved, busy) {
            (None, None) => Ok(()),
            (Some((other, _)), _) => Err(format!("{operator} has {other} and got {task}")),
            (_, Some((other, _))) => Err(format!("{operator} serves {other} and got {task}")),
        }
    }

    fn assigned(&mut self, task: TaskKey, operator: &str, ms: i64) -> Result<(), String> {
        self.is_free(operator, task)?;
        let open = self.open.get_mut(&task).ok_or_else(|| format!("{task}: assigned, not open"))?;
        let fits = match &open.place {
            Place::Waiting { .. } => !self.limits.briefs,
            Place::Briefed { operator: who } => who == operator,
            _ => false,
        };
        if !fits {
            return Err(format!("{task}: assigned to {operator}, but is {:?}", open.place));
        }
        open.place = Place::Served { operator: operator.to_owned(), since_ms: ms };
        Ok(())
    }

    fn wraps(&mut self, task: TaskKey, operator: &str, ms: i64) -> Result<(), String> {
        let open = self.open.get_mut(&task).ok_or_else(|| format!("{task}: wrapping, not open"))?;
        match &open.place {
            Place::Served { operator: who, since_ms } if who == operator => {
                open.talk_ms += ms - since_ms;
                open.parts += 1;
                open.place = Place::Wrapping { operator: operator.to_owned(), since_ms: ms };
                Ok(())
            }
            Place::Briefed { operator: who } if who == operator => {
                open.place = Place::Left;
                Ok(())
            }
            Place::Left if self.callbacks.contains_key(&task) => Ok(()),
            // Prolonged.
            Place::Wrapping { operator: who, .. } if who == operator => Ok(()),
            _ if open.moved => Ok(()),
            place => Err(format!("{task}: {operator} wraps up, but it is {place:?}")),
        }
    }

    fn completed(
        &mut self,
        task: TaskKey,
        operator: &str,
        talk_ms: u64,
        wrap_up_ms: u64,
        ms: i64,
    ) -> Result<(), String> {
        let open = self.open.remove(&task).ok_or_else(|| format!("{task}: completed, not open"))?;
        if open.moved {
            return Ok(());
        }
        let (who, talk, wrap, parts) = match &open.place {
            Place::Served { operator, since_ms } => {
                (operator, open.talk_ms + ms - since_ms, 0, open.parts + 1)
            }
            Place::Wrapping { operator, since_ms } => {
                (operator, open.talk_ms, ms - since_ms, open.parts)
            }
            place => {
                return Err(format!("{task}: completed, but is {place:?}"));
            }
        };
        if self.limits.undisturbed && (wrap - self.limits.wrap_up_ms).abs() > 1 {
            self.short.push((operator.to_owned(), wrap));
        }
        let near = |told: u64, seen: i64| (i64::try_from(told).unwrap_or(-1) - seen).abs() <= parts;
        // The time a caller is left alone, before the task goes back, is nobody's talk.
        let alone = parts * super::ALONE_MS_MAX;
        let talked = near(talk_ms, talk)
            || (talk - alone..talk).contains(&i64::try_from(talk_ms).unwrap_or(-1));
        if who != operator || !talked || !near(wrap_up_ms, wrap) {
            return Err(format!(
                "{task}: {operator} {talk_ms} {wrap_up_ms}, was {talk} {wrap} {who}"
            ));
        }
        Ok(())
    }

    fn left(&mut self, task: TaskKey, wait_ms: Option<u64>, ms: i64) -> Result<(), String> {
        let open = self.open.remove(&task);
        let open = open.ok_or_else(|| format!("end of {task}: told twice or never begun"))?;
        // One without a wrap-up tells none.
        let waited = match &open.place {
            Place::Waiting { .. } | Place::Left => true,
            Place::Briefed { .. } => self.limits.wrap_up_ms == 0 || !self.limits.undisturbed,
            _ => false,
        };
        if !waited {
            return Err(format!("{task} left the queue, but was {:?}", open.place));
        }
        let waited = ms - open.queued_ms;
        match wait_ms.map(|told| i64::try_from(told).unwrap_or(-1)) {
            Some(told) if (told - waited).abs() > 1 => {
                Err(format!("{task} waited {told} ms, {waited} by the events"))
            }
            _ => Ok(()),
        }
    }

    /// Whoever served it has handed it on and gone.
    pub(crate) fn parted(&mut self, who: &str, ms: i64) {
        for open in self.open.values_mut() {
            if let Place::Served { operator, since_ms } = &open.place
                && operator == who
            {
                open.talk_ms += ms - since_ms;
                (open.parts, open.moved) = (open.parts + 1, true);
                open.place = Place::Between { operator: who.to_owned() };
            }
        }
    }

    /// Somebody has it from somebody else.
    pub(crate) fn handed(&mut self, task: TaskKey, to: &str, ms: i64) {
        let Some(open) = self.open.get_mut(&task) else { return };
        if let Place::Served { .. } | Place::Between { .. } = &open.place {
            open.moved = true;
            open.place = Place::Served { operator: to.to_owned(), since_ms: ms };
        }
    }

    /// Whether somebody serves a task.
    pub(crate) fn is_served(&self, task: TaskKey) -> bool {
        matches!(self.open.get(&task).map(|open| &open.place), Some(Place::Served { .. }))
    }

    /// Who serves a task.
    pub(crate) fn server(&self, task: TaskKey) -> Option<&str> {
        match &self.open.get(&task)?.place {
            Place::Served { operator, .. } => Some(operator),
            _ => None,
        }
    }

    /// A call is where its task is.
    pub(crate) fn agrees(
        &self,
        call: CallKey,
        phase: Phase,
        task: Option<TaskKey>,
    ) -> Result<(), String> {
        let Some(task) = task else { return Ok(()) };
        let place = self.open.get(&task).map(|open| &open.place);
        let rung = self.reservations.values().any(|(other, _)| *other == task);
        let ok = match (phase, place) {
            (Phase::Ring, Some(Place::Waiting { .. })) => rung,
            // Left alone: their operator was lost and may come back for two seconds.
            (
                Phase::Wait,
                Some(Place::Served { .. } | Place::Waiting { .. } | Place::Briefed { .. }) | None,
            ) if self.limits.briefs => !rung,
            // Its operator has hung up, and they are with somebody else.
            (_, Some(Place::Wrapping { .. })) if self.limits.follows => !rung,
            // They have left it for somebody in particular, or for words.
            (_, None) if self.limits.receives => !rung,
            (Phase::Wait, Some(Place::Served { .. } | Place::Waiting { .. }))
            | (Phase::Talk | Phase::Hold, Some(Place::Served { .. })) => !rung,
            _ => false,
        };
        if ok { Ok(()) } else { Err(format!("{call} is in {phase:?}, its task {task} {place:?}")) }
    }

    /// What is told of an operator fits what they have.
    pub(crate) fn operators_agree(&mut self) -> Result<(), String> {
        for (who, ms) in std::mem::take(&mut self.short) {
            let chosen = self.operators.get(&who).map(|person| person.chosen);
            if chosen != Some(Chosen::Offline) {
                return Err(format!("{who} wrapped up for {ms} ms"));
            }
        }
        let state = |who: &str| self.operators.get(who).map(|person| person.state);
        for (task, who) in self.reservations.values() {
            if !matches!(state(who), Some(Effective::Reserved | Effective::Ringing)) {
                return Err(format!("{who} is rung for {task}, but {:?}", state(who)));
            }
        }
        for (task, open) in &self.open {
            let (who, fits) = match &open.place {
                Place::Waiting { .. } | Place::Between { .. } | Place::Left => continue,
                Place::Briefed { operator } => (operator, &[Effective::OnCall][..]),
                // Whoever took it over may have been on another call of their own, or be gone.
                _ if open.moved => continue,
                Place::Served { operator, .. } => (operator, &[Effective::OnCall][..]),
                Place::Wrapping { operator, .. } => {
                    (operator, &[Effective::WrapUp, Effective::OnCall, Effective::Ringing][..])
                }
            };
            if !state(who).is_some_and(|state| fits.contains(&state)) {
                return Err(format!("{who} has {task} {:?}, but is {:?}", open.place, state(who)));
            }
        }
        Ok(())
    }

    /// Whether anybody waits who should not: for longer than the queue promises, or beside
    /// somebody ready for longer than back-off explains.
    pub(crate) fn look(&self, ms: i64) -> Result<(), String> {
        let slack = self.limits.back_off_ms + 1_500;
        let at_once = |able: &Option<u64>| *able == Some(0);
        let serves = |who: &String| {
            let able = self.members.as_ref().is_none_or(|all| all.get(who).is_some_and(at_once));
            able && !self.away.contains(who)
        };
        let ready = self
            .operators
            .iter()
            .find(|(who, p)| p.state == Effective::Ready && ms - p.since_ms > slack && serves(who));
        for (task, open) in &self.open {
            let Place::Waiting { since_ms, unasked_ms } = open.place else { continue };
            let waited = ms - since_ms;
            let is_callback = self.callbacks.contains_key(task);
            if !is_callback && waited > self.limits.wait_ms_max + self.limits.ring_ms + 1_000 {
                return Err(format!("{task} waits for {waited} ms and nobody says so"));
            }
            let rung = self.reservations.values().any(|(other, _)| other == task);
            if let Some((who, _)) =
                ready.filter(|_| !self.limits.keeps && !rung && ms - unasked_ms > slack)
            {
                return Err(format!("{task} waits although {who} is ready"));
            }
        }
        Ok(())
    }

    pub(crate) fn configured(&mut self, members: BTreeMap<String, Option<u64>>) {
        // One who was configured anew is another.
        self.apart.clear();
        self.members = Some(members);
    }

    pub(crate) fn open_task(&self, at: usize) -> Option<TaskKey> {
        self.open.keys().nth(at.checked_rem(self.open.len())?).copied()
    }

    pub(crate) fn finish(&self) -> Result<(), String> {
        if let Some((task, _)) = self.callbacks.iter().find(|(_, is_done)| !**is_done) {
            return Err(format!("callback {task} never ends"));
        }
        if let Some((task, open)) = self.open.first_key_value() {
            return Err(format!("{} tasks left open: {task} {open:?}", self.open.len()));
        }
        if let Some((id, of)) = self.reservations.first_key_value() {
            return Err(format!("reservation {id} left open: {of:?}"));
        }
        let busy = |state| match state {
            Effective::Reserved | Effective::Ringing | Effective::OnCall | Effective::WrapUp => {
                true
            }
            Effective::Offline
            | Effective::Ready
            | Effective::NotReady
            | Effective::Unreachable => false,
        };
        match self.operators.iter().find(|(_, person)| busy(person.state)) {
            Some((who, person)) => {
                Err(format!("{who} is left {:?} when all is quiet", person.state))
            }
            None => Ok(()),
        }
    }
}
