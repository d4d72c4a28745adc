//! The distributor again, as plainly as it can be said: vectors, linear scans, no index, no timer
//! table. Slow and obviously right is the point.
use acd::{
    ABSENT_AFTER, BACK_OFF_MS_MIN, BOOK_MS_MAX, Choice, Effective, End, Enqueue, Input, Kind,
    LimitReason, OperatorConfig, OperatorId, Outcome, Output, QueueConfig, QueueId, RING_ALL_MAX,
    Refusal, Rejection, Rescission, ReservationId, RonaState, Strategy, TaskId, Time, Withdrawal,
    WorkId,
};
use std::time::Duration;

#[derive(Default)]
pub(crate) struct Naive {
    pub(crate) auto: bool,
    pub(crate) queues: Vec<Queue>,
    pub(crate) people: Vec<Person>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) made: u64,
    pub(crate) chance: u64,
    pub(crate) day: (i32, Time),
    pub(crate) out: Vec<Output>,
}

pub(crate) struct Queue {
    pub(crate) id: QueueId,
    pub(crate) config: QueueConfig,
    pub(crate) draining: bool,
    pub(crate) cursor: Option<(usize, OperatorId)>,
    /// Which of the assignments made while a callback waited were callbacks.
    pub(crate) shared: Vec<bool>,
}

pub(crate) struct Person {
    pub(crate) id: OperatorId,
    pub(crate) config: OperatorConfig,
    pub(crate) place: usize,
    pub(crate) removed: bool,
    pub(crate) serves: Vec<QueueId>,
    pub(crate) choice: Choice,
    /// By a person; a phone does not undo it.
    pub(crate) chosen: bool,
    pub(crate) forced: Option<RonaState>,
    pub(crate) reachable: bool,
    pub(crate) absent_at: Option<Time>,
    pub(crate) own: Vec<WorkId>,
    pub(crate) alerting: Vec<WorkId>,
    pub(crate) wrap_up: Option<(TaskId, Time)>,
    pub(crate) idle: Time,
    pub(crate) missed: u32,
    pub(crate) effective: Effective,
    /// Tasks given and talked about since midnight, and when the last one was given.
    pub(crate) given: (u32, Time, Time),
    /// From when on they were busy, and signed in, or not.
    pub(crate) log: Vec<(Time, bool, bool)>,
}

pub(crate) struct Task {
    pub(crate) e: Enqueue,
    pub(crate) ahead: bool,
    pub(crate) owed: bool,
    /// What is claimed for it last was claimed by name.
    pub(crate) by_hand: bool,
    /// On hold, till then if ever.
    pub(crate) held: Option<Option<Time>>,
    pub(crate) place: Place,
    /// The demand it makes, and when it makes the next one.
    pub(crate) ring: (usize, Option<Time>),
    /// When another phone may ring.
    pub(crate) step: Option<Time>,
    pub(crate) waited: Duration,
    pub(crate) talks: Option<Time>,
    pub(crate) until: Option<Time>,
    max_wait: Option<Time>,
    over: bool,
    told: Vec<LimitReason>,
    back_off: Vec<(OperatorId, Time)>,
    pub(crate) queued: Time,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Place {
    Waits,
    With(OperatorId, ReservationId, bool),
    Wrapping(OperatorId),
    Between(OperatorId),
    Deferred(Time),
}

#[derive(Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) id: ReservationId,
    pub(crate) task: TaskId,
    pub(crate) operator: OperatorId,
    pub(crate) directed: bool,
    pub(crate) state: State,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum State {
    Booking(Time),
    Ringing(Time, bool),
    Accepted,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn voice(kind: Kind) -> bool {
    kind != Kind::Dialog
}

impl Naive {
    pub(crate) fn new() -> Self {
        Self { auto: true, chance: super::SEED, ..Self::default() }
    }

    pub(crate) fn q(&mut self, id: QueueId) -> &mut Queue {
        self.queues.iter_mut().find(|q| q.id == id).unwrap()
    }
    pub(crate) fn t(&mut self, id: TaskId) -> Option<&mut Task> {
        self.tasks.iter_mut().find(|t| t.e.task == id)
    }
    pub(crate) fn p(&mut self, id: OperatorId) -> Option<&mut Person> {
        self.people.iter_mut().find(|p| p.id == id)
    }
    pub(crate) fn claims_of(&self, id: TaskId) -> Vec<Claim> {
        let open = self.claims.iter().filter(|c| c.task == id && c.state != State::Accepted);
        open.copied().collect()
    }
    fn open_claims(&self, id: OperatorId) -> Vec<Claim> {
        let open = self.claims.iter().filter(|c| c.operator == id && c.state != State::Accepted);
        open.copied().collect()
    }

    /// (voice, everything)
    pub(crate) fn load(&self, person: &Person) -> (usize, usize) {
        let kind = |id: TaskId| self.tasks.iter().find(|t| t.e.task == id).unwrap().e.kind;
        let held: Vec<Kind> =
            self.claims.iter().filter(|c| c.operator == person.id).map(|c| kind(c.task)).collect();
        let own = person.own.len() + person.alerting.len();
        (held.iter().filter(|k| voice(**k)).count() + own, held.len() + own)
    }

    pub(crate) fn over_limit(&self, person: &Person) -> bool {
        let (voices, total) = self.load(person);
        let limits = person.config.limits;
        let spoken = |c: &Claim| self.tasks.iter().any(|t| t.e.task == c.task && voice(t.e.kind));
        let claims = self.open_claims(person.id);
        !claims.is_empty() && total > limits.total as usize
            || claims.iter().any(spoken) && voices > limits.voice as usize
    }

    pub(crate) fn on_call(&self, person: &Person) -> bool {
        !person.own.is_empty()
            || self.tasks.iter().any(|t| {
                voice(t.e.kind) && matches!(t.place, Place::With(by, ..) if by == person.id)
            })
    }

    pub(crate) fn offline(person: &Person) -> bool {
        person.removed
            || person.choice == Choice::Offline
            || person.forced == Some(RonaState::Offline)
    }

    pub(crate) fn available(person: &Person) -> bool {
        !Self::offline(person)
            && person.reachable
            && person.choice == Choice::Ready
            && person.forced.is_none()
    }

    fn free(&self, person: &Person, kind: Kind) -> bool {
        let (voices, total) = self.load(person);
        Self::available(person)
            && person.wrap_up.is_none()
            && total < person.config.limits.total as usize
            && (!voice(kind) || voices < person.config.limits.voice as usize)
    }

    fn effective(&self, person: &Person) -> Effective {
        let claims = self.open_claims(person.id);
        if self.on_call(person) {
            Effective::OnCall
        } else if claims.iter().any(|c| matches!(c.state, State::Ringing(_, true)))
            || !person.alerting.is_empty()
        {
            Effective::Ringing
        } else if !claims.is_empty() {
            Effective::Reserved
        } else if person.wrap_up.is_some() {
            Effective::WrapUp
        } else if Self::offline(person) {
            Effective::Offline
        } else if !person.reachable {
            Effective::Unreachable
        } else if Self::available(person) {
            Effective::Ready
        } else {
            Effective::NotReady
        }
    }

    fn nobody(&self, queue: QueueId) -> bool {
        !self.people.iter().any(|p| {
            p.serves.contains(&queue) && !Self::offline(p) && (p.reachable || p.absent_at.is_some())
        })
    }

    /// After each elementary change: states follow, people and queues that are done go.
    pub(crate) fn follow(&mut self, now: Time) {
        for i in 0..self.people.len() {
            let state = self.effective(&self.people[i]);
            let person = &mut self.people[i];
            let before = std::mem::replace(&mut person.effective, state);
            let rung = matches!(before, Effective::Reserved | Effective::Ringing);
            if state == Effective::Ready && before != state && !rung {
                person.idle = now;
            }
            self.note(now, i);
        }
        let gone: Vec<OperatorId> = self
            .people
            .iter()
            .filter(|p| p.removed && self.load(p).1 == 0 && p.wrap_up.is_none())
            .map(|p| p.id)
            .collect();
        self.people.retain(|p| !gone.contains(&p.id));
        for task in &mut self.tasks {
            task.back_off.retain(|(o, _)| !gone.contains(o));
        }
        let tasks = &self.tasks;
        self.queues.retain(|q| !q.draining || tasks.iter().any(|t| t.e.queue == q.id));
        let left: Vec<QueueId> = self.queues.iter().map(|q| q.id).collect();
        for person in &mut self.people {
            person.serves.retain(|q| left.contains(q));
        }
        let waits: Vec<(TaskId, QueueId)> = self
            .tasks
            .iter()
            .filter(|t| t.place == Place::Waits && t.e.wanted.is_none())
            .map(|t| (t.e.task, t.e.queue))
            .collect();
        for (task, queue) in waits {
            if self.nobody(queue) {
                self.limit(task, LimitReason::NobodySignedIn);
            }
        }
    }

    fn limit(&mut self, id: TaskId, reason: LimitReason) {
        let task = self.t(id).unwrap();
        if !task.told.contains(&reason) {
            task.told.push(reason);
            let queue = task.e.queue;
            self.out.push(Output::Limit { task: id, queue, reason });
        }
    }

    fn key(task: &Task) -> (u8, Duration, TaskId) {
        let head_start = Duration::from_secs(task.e.priority_s.into());
        let class = if task.ahead { 0 } else { 2 - u8::from(task.owed) };
        (class, task.e.virtual_start.0.saturating_sub(head_start), task.e.task)
    }

    /// The waiting tasks of a queue in order.
    pub(crate) fn line(&self, queue: QueueId) -> Vec<TaskId> {
        let mut line: Vec<&Task> =
            self.tasks.iter().filter(|t| t.e.queue == queue && t.place == Place::Waits).collect();
        line.sort_by_key(|t| Self::key(t));
        line.iter().map(|t| t.e.task).collect()
    }

    fn best(&self, now: Time, task: &Task) -> Option<OperatorId> {
        let queue = self.queues.iter().find(|q| q.id == task.e.queue).unwrap();
        let claims = self.claims_of(task.e.task).len();
        let more = match queue.config.strategy {
            Strategy::RingAll => true,
            Strategy::Progressive => task.step.is_none(),
            _ => false,
        };
        let by_hand = claims > 0 && task.by_hand;
        let ring_all = more && task.e.wanted.is_none() && !by_hand;
        let auto = self.auto && queue.config.auto_connect && task.e.auto_connect;
        let open = auto && !task.over && task.held.is_none();
        if !open || claims > 0 && !(ring_all && claims < RING_ALL_MAX) {
            return None;
        }
        let eligible = self.people.iter().filter(|p| {
            task.e.wanted.map_or_else(|| Self::can(p, queue, task), |w| w.operator == p.id)
                && self.free(p, task.e.kind)
                && !task.back_off.iter().any(|(o, _)| *o == p.id)
                && !self.claims_of(task.e.task).iter().any(|c| c.operator == p.id)
        });
        self.choose_one(now, queue, eligible.collect())
    }

    fn settle(&mut self, now: Time) {
        self.share();
        loop {
            let mut order: Vec<&Task> =
                self.tasks.iter().filter(|t| t.place == Place::Waits).collect();
            order.sort_by_key(|t| Self::key(t));
            let Some((task, who)) =
                order.iter().find_map(|t| self.best(now, t).map(|who| (t.e.task, who)))
            else {
                break;
            };
            let id = ReservationId(7 * 1_024 + self.made);
            self.made += 1;
            let place = self.p(who).unwrap().place;
            let record = self.t(task).unwrap();
            let (queue, wanted) = (record.e.queue, record.e.wanted);
            let directed = wanted.is_some_and(|wanted| !wanted.sticky);
            if wanted.is_none() {
                self.chosen_by_strategy(now, queue, task, (place, who));
            }
            let state = State::Booking(now + ms(BOOK_MS_MAX));
            self.claims.push(Claim { id, task, operator: who, directed, state });
            self.out.push(Output::Book { reservation: id, epoch: 7, task, operator: who });
            self.t(task).unwrap().by_hand = false;
            self.follow(now);
        }
        let idle: Vec<(TaskId, QueueId)> = self
            .tasks
            .iter()
            .filter(|t| t.place == Place::Waits && self.claims_of(t.e.task).is_empty())
            .filter(|t| self.auto && t.e.auto_connect && t.held.is_none())
            .map(|t| (t.e.task, t.e.queue))
            .collect();
        for (task, queue) in idle {
            if self.q(queue).config.auto_connect && !self.nobody(queue) {
                self.limit(task, LimitReason::NoFreeOperator);
            }
        }
    }

    pub(crate) fn join(&mut self, now: Time, id: TaskId) {
        self.wish(now, id);
        let queue = self.t(id).unwrap().e.queue;
        let wait = self.q(queue).config.max_wait_ms;
        let task = self.t(id).unwrap();
        task.place = Place::Waits;
        task.queued = now;
        (task.talks, task.step) = (None, None);
        if wait > 0 && task.e.kind == Kind::Call && !task.told.contains(&LimitReason::MaxWait) {
            task.max_wait = Some(now + ms(wait));
        }
        self.set_ring(now, id);
        let rank = self.line(queue).iter().position(|t| *t == id).unwrap();
        let position = u32::try_from(rank).unwrap() + 1;
        self.out.push(Output::Queued { task: id, queue, position });
    }

    fn overdue(&mut self, id: TaskId) {
        let open = !self.claims_of(id).is_empty();
        if let Some(task) = self.t(id)
            && task.over
            && task.place == Place::Waits
            && !open
        {
            task.over = false;
            self.limit(id, LimitReason::MaxWait);
        }
    }

    pub(crate) fn end(&mut self, now: Time, claim: Claim, end: End) {
        let Claim { id: reservation, task, operator, .. } = claim;
        self.claims.retain(|c| c.id != reservation);
        if let End::Rescinded(cause) = end {
            self.out.push(Output::Rescind { reservation, task, operator, cause });
        }
        self.out.push(Output::Resolved { reservation, task, operator, end });
        let timeout = end == End::Rescinded(Rescission::Timeout);
        let rejected = matches!(end, End::Rejected(_));
        let unbooked = matches!(end, End::Refused(_) | End::Rescinded(Rescission::BookingTimeout));
        if timeout || rejected || unbooked {
            self.back_off(now, task, operator);
        }
        let ours = end == End::Rejected(Rejection::Ours);
        if (timeout || rejected) && !ours && !claim.directed {
            let queue = self.t(task).unwrap().e.queue;
            let rona = self.q(queue).config.rona;
            let person = self.p(operator).unwrap();
            person.missed += 1;
            if rona.after > 0 && person.missed >= rona.after {
                person.missed = 0;
                person.forced = Some(rona.state);
                self.take_back(now, operator, Rescission::NotReady);
            }
        }
        self.follow(now);
    }

    pub(crate) fn take_back(&mut self, now: Time, id: OperatorId, cause: Rescission) {
        for claim in self.open_claims(id) {
            self.end(now, claim, End::Rescinded(cause));
            self.unstick(now, claim);
            self.overdue(claim.task);
        }
    }

    pub(crate) fn back_off(&mut self, now: Time, task: TaskId, operator: OperatorId) {
        if self.p(operator).is_none() {
            return;
        }
        let queue = self.t(task).unwrap().e.queue;
        let wait = self.q(queue).config.back_off_ms.max(BACK_OFF_MS_MIN);
        let task = self.t(task).unwrap();
        if !task.back_off.iter().any(|(o, _)| *o == operator) {
            task.back_off.push((operator, now + ms(wait)));
        }
    }

    pub(crate) fn done(&mut self, id: TaskId, outcome: Outcome) {
        self.tasks.retain(|t| t.e.task != id);
        self.out.push(Output::Done { task: id, outcome });
    }

    fn wrapped(&mut self, who: OperatorId, task: TaskId) {
        if self.t(task).is_some_and(|t| t.place == Place::Wrapping(who)) {
            self.done(task, Outcome::Completed { operator: who });
        }
    }

    /// The operator's part ends; the task waits to be told where it is.
    pub(crate) fn part(
        &mut self,
        now: Time,
        id: TaskId,
        wraps: bool,
    ) -> Option<(OperatorId, bool)> {
        let task = self.t(id)?;
        let Place::With(who, reservation, _) = task.place else { return None };
        let (queue, kind, talks) = (task.e.queue, task.e.kind, task.talks.take());
        let talked = talks.map_or(Time::ZERO, |since| now - since.max(self.day.1));
        let task = self.t(id)?;
        task.place = Place::Wrapping(OperatorId(u32::MAX));
        self.claims.retain(|c| c.id != reservation);
        let queue_ms = self.q(queue).config.wrap_up_ms;
        let person = self.p(who).unwrap();
        person.idle = now;
        person.given.1 += talked;
        let wait = person.config.wrap_up_ms.unwrap_or(queue_ms);
        let wraps = wraps && voice(kind) && wait > 0 && !Self::offline(person);
        if wraps {
            let until = now + ms(wait);
            let last = person.wrap_up.replace((id, until));
            self.out.push(Output::Wrapping { task: id, operator: who, until });
            if let Some((last, _)) = last {
                self.wrapped(who, last);
            }
        }
        Some((who, wraps))
    }

    fn end_wrap_up(&mut self, now: Time, id: OperatorId) {
        let Some(person) = self.p(id) else { return };
        if let Some((task, _)) = person.wrap_up.take() {
            person.idle = now;
            self.wrapped(id, task);
            self.follow(now);
        }
    }

    fn choose(&mut self, now: Time, id: OperatorId, choice: Choice, chosen: bool) {
        let Some(person) = self.p(id) else { return };
        if person.removed || person.choice == choice && person.forced.is_none() {
            return;
        }
        let could = Self::available(person);
        (person.choice, person.chosen) = (choice, chosen);
        person.forced = None;
        person.missed = 0;
        let (available, offline) = (Self::available(person), Self::offline(person));
        if !could && available {
            person.idle = now;
        }
        if !available {
            self.take_back(now, id, Rescission::NotReady);
        }
        if offline {
            self.end_wrap_up(now, id);
        }
        self.follow(now);
    }

    fn enqueue(&mut self, now: Time, e: &Enqueue) {
        if self.t(e.task).is_some() {
            return;
        }
        let wanted = self.wanted(e);
        let full = self.line(e.queue).len();
        let queue = self.queues.iter().find(|q| q.id == e.queue);
        let reason = match queue {
            None => Some(LimitReason::Closed),
            Some(_) if e.despite_limits => None,
            Some(q) if q.draining || !q.config.open => Some(LimitReason::Closed),
            Some(q) if full >= q.config.max_waiting as usize => Some(LimitReason::QueueFull),
            Some(q) if !q.config.join_empty && wanted.is_none() && self.nobody(q.id) => {
                Some(LimitReason::NobodySignedIn)
            }
            Some(_) => None,
        };
        let (task, queue) = (e.task, e.queue);
        if let Some(reason) = reason {
            self.out.push(Output::Limit { task, queue, reason });
            self.out.push(Output::Done { task, outcome: Outcome::Refused(reason) });
            return;
        }
        let later = e.not_before.filter(|at| *at > now);
        self.tasks.push(Task {
            e: e.clone(),
            ahead: false,
            owed: false,
            by_hand: false,
            held: None,
            place: Place::Waits,
            ring: (0, None),
            step: None,
            waited: Time::ZERO,
            talks: None,
            until: None,
            max_wait: None,
            over: false,
            told: vec![],
            back_off: vec![],
            queued: now,
        });
        match later {
            Some(at) => self.t(task).unwrap().place = Place::Deferred(at),
            None => self.join(now, task),
        }
        self.follow(now);
    }

    fn withdraw(&mut self, now: Time, id: TaskId, cause: Withdrawal) {
        match self.t(id).map(|t| t.place) {
            Some(Place::Waits) => {
                for claim in self.claims_of(id) {
                    self.end(now, claim, End::Rescinded(Rescission::TaskGone));
                }
                self.done(id, Outcome::Withdrawn(cause));
            }
            Some(Place::With(_, _, true) | Place::Between(_)) => self.complete(now, id),
            Some(Place::With(..)) => {
                self.part(now, id, true);
                self.done(id, Outcome::Withdrawn(cause));
            }
            Some(Place::Deferred(_)) => self.done(id, Outcome::Withdrawn(cause)),
            Some(Place::Wrapping(_)) | None => {}
        }
        self.follow(now);
    }

    fn accepted(&mut self, now: Time, id: ReservationId) {
        let claim = self.claims.iter().find(|c| c.id == id).copied();
        let Some(claim) = claim.filter(|c| !matches!(c.state, State::Booking(_))) else {
            self.out.push(Output::TooLate { reservation: id });
            return;
        };
        if claim.state == State::Accepted {
            return;
        }
        self.claims.iter_mut().find(|c| c.id == id).unwrap().state = State::Accepted;
        self.won(now, claim);
        self.follow(now);
    }

    pub(crate) fn won(&mut self, now: Time, claim: Claim) {
        let id = claim.id;
        let (task, operator) = (claim.task, claim.operator);
        for other in self.claims_of(task) {
            self.end(now, other, End::Rescinded(Rescission::AnsweredElsewhere));
        }
        self.count_share(task);
        self.leaves_line(task);
        let record = self.t(task).unwrap();
        record.place = Place::With(operator, id, false);
        record.e.wanted = None;
        let waited = now - record.queued;
        record.waited += waited;
        self.p(operator).unwrap().missed = 0;
        self.given(now, operator);
        self.out.push(Output::Resolved { reservation: id, task, operator, end: End::Accepted });
        self.out.push(Output::Assigned { task, reservation: id, operator, waited });
    }

    pub(crate) fn leaves_line(&mut self, id: TaskId) {
        let task = self.t(id).unwrap();
        (task.owed, task.held) = (false, None);
        (task.until, task.max_wait, task.over) = (None, None, false);
        (task.ring.1, task.step) = (None, None);
    }

    fn failed(&mut self, now: Time, claim: Claim, end: End) {
        self.end(now, claim, end);
        self.unstick(now, claim);
        self.overdue(claim.task);
    }

    fn refused(&mut self, now: Time, id: ReservationId, why: Refusal) {
        let booking = |c: &&Claim| c.id == id && matches!(c.state, State::Booking(_));
        if let Some(claim) = self.claims.iter().find(booking).copied() {
            self.failed(now, claim, End::Refused(why));
        }
    }

    fn rejected(&mut self, now: Time, id: ReservationId, why: Rejection) {
        let ringing = |c: &&Claim| c.id == id && matches!(c.state, State::Ringing(..));
        if let Some(claim) = self.claims.iter().find(ringing).copied() {
            self.failed(now, claim, End::Rejected(why));
        }
    }

    fn booked(&mut self, now: Time, reservation: ReservationId) {
        let booking = |c: &&Claim| c.id == reservation && matches!(c.state, State::Booking(_));
        let Some(claim) = self.claims.iter().find(booking).copied() else { return };
        let queue = self.t(claim.task).unwrap().e.queue;
        let lead = self.t(claim.task).unwrap().e.lead_ms;
        let until = now + ms(self.q(queue).config.ring_ms + lead);
        let Claim { task, operator, .. } = claim;
        self.out.push(Output::Ring { reservation, task, operator, until });
        self.claims.iter_mut().find(|c| c.id == reservation).unwrap().state =
            State::Ringing(until, false);
    }

    fn sign_in(&mut self, now: Time, id: OperatorId) {
        let Some(person) = self.p(id) else { return };
        if person.choice == Choice::Offline && !person.chosen && person.forced.is_none() {
            self.choose(now, id, Choice::Ready, false);
        }
    }

    fn reach(&mut self, now: Time, id: OperatorId, reachable: bool) {
        let Some(person) = self.p(id).filter(|p| p.reachable != reachable) else { return };
        person.reachable = reachable;
        person.absent_at = (!reachable).then_some(now + ABSENT_AFTER);
        if Self::available(person) {
            person.idle = now;
        }
        if !reachable {
            self.take_back(now, id, Rescission::Unreachable);
        }
        self.follow(now);
    }

    fn own_work(&mut self, now: Time, id: OperatorId, work: WorkId, answered: bool) {
        let Some(person) = self.p(id).filter(|p| !p.own.contains(&work)) else { return };
        if !answered && person.alerting.contains(&work) {
            return;
        }
        person.alerting.retain(|w| *w != work);
        let list = if answered { &mut person.own } else { &mut person.alerting };
        list.push(work);
        let person = self.people.iter().find(|p| p.id == id).unwrap();
        if self.over_limit(person) {
            self.take_back(now, id, Rescission::Occupied);
        }
        self.follow(now);
    }

    pub(crate) fn handle(&mut self, now: Time, input: &Input) {
        match input {
            Input::Configure(config) => self.configure(now, config),
            Input::Day(day) => self.new_day(now, *day),
            Input::SignIn { operator } => self.sign_in(now, *operator),
            Input::SignOut { operator } => self.choose(now, *operator, Choice::Offline, false),
            Input::Choose { operator, choice } => self.choose(now, *operator, choice.clone(), true),
            Input::Reachable { operator, reachable } => self.reach(now, *operator, *reachable),
            Input::Silent { operator } => self.reach(now, *operator, false),
            Input::Alert { operator, work } => self.own_work(now, *operator, *work, false),
            Input::Occupy { operator, work } => self.own_work(now, *operator, *work, true),
            Input::Vacate { operator, work } => self.vacate(now, *operator, *work),
            Input::EndWrapUp { operator } => self.end_wrap_up(now, *operator),
            Input::ExtendWrapUp { operator, ms: more } => {
                if let Some(Person { wrap_up: Some((task, until)), .. }) = self.p(*operator) {
                    *until += ms(*more);
                    let (task, until) = (*task, *until);
                    self.out.push(Output::Wrapping { task, operator: *operator, until });
                }
            }
            Input::Enqueue(e) => self.enqueue(now, e),
            Input::Withdraw { task, cause } => self.withdraw(now, *task, *cause),
            Input::Requeue { task } => match self.t(*task).map(|t| t.place) {
                Some(Place::Waits) => {
                    for claim in self.claims_of(*task) {
                        self.end(now, claim, End::Rescinded(Rescission::TaskGone));
                    }
                    self.overdue(*task);
                }
                Some(Place::With(..) | Place::Between(_)) => {
                    self.come_back(now, *task, false, true);
                }
                _ => {}
            },
            Input::Defer { task, until } => self.defer(now, *task, *until),
            Input::Release { task } => self.release(now, *task),
            Input::Prioritise { task, priority_s } => {
                if let Some(task) = self.t(*task) {
                    task.e.priority_s = *priority_s;
                }
            }
            Input::Assign { task, operator } => self.assign(now, *task, *operator),
            Input::Handed { task, to } => self.handed(now, *task, *to),
            Input::Taken { task, operator } => self.taken(now, *task, *operator),
            Input::Lost { task, ahead } => self.come_back(now, *task, *ahead, false),
            Input::Completed { task } => self.complete(now, *task),
            Input::Connected { task } => {
                if let Some(task) = self.t(*task)
                    && let Place::With(_, _, connected) = &mut task.place
                {
                    *connected = true;
                    task.talks.get_or_insert(now);
                }
            }
            Input::Booked(id) => self.booked(now, *id),
            Input::Refused(id, why) => self.refused(now, *id, *why),
            Input::Ringing(id) => self.rings(now, *id),
            Input::Accepted(id) => self.accepted(now, *id),
            Input::Rejected(id, why) => self.rejected(now, *id, *why),
        }
        self.settle(now);
    }

    /// All deadlines, as (when, sort, what, what).
    fn deadlines(&self) -> Vec<(Time, u8, u64, u32)> {
        let mut all = Vec::new();
        for claim in &self.claims {
            match claim.state {
                State::Booking(at) | State::Ringing(at, _) => all.push((at, 0, claim.id.0, 0)),
                State::Accepted => {}
            }
        }
        for person in &self.people {
            all.extend(person.wrap_up.map(|(_, at)| (at, 1, u64::from(person.id.0), 0)));
            all.extend(person.absent_at.map(|at| (at, 2, u64::from(person.id.0), 0)));
        }
        for task in &self.tasks {
            let id = task.e.task.0;
            all.extend(task.back_off.iter().map(|(who, at)| (*at, 3, id, who.0)));
            all.extend(task.until.map(|at| (at, 4, id, 0)));
            all.extend(task.max_wait.map(|at| (at, 5, id, 0)));
            all.extend(task.ring.1.map(|at| (at, 6, id, 0)));
            all.extend(task.step.map(|at| (at, 7, id, 0)));
            all.extend(task.held.flatten().map(|at| (at, 8, id, 0)));
            all.extend(match task.place {
                Place::Deferred(at) => Some((at, 9, id, 0)),
                _ => None,
            });
        }
        all
    }

    pub(crate) fn next(&self) -> Option<Time> {
        self.deadlines().into_iter().min().map(|d| d.0)
    }

    pub(crate) fn timeout(&mut self, now: Time) {
        while let Some((_, sort, a, b)) = self.deadlines().into_iter().min().filter(|d| d.0 <= now)
        {
            let who = OperatorId(u32::try_from(a).unwrap_or(0));
            match sort {
                0 => {
                    let claim = *self.claims.iter().find(|c| c.id.0 == a).unwrap();
                    let cause = match claim.state {
                        State::Booking(_) => Rescission::BookingTimeout,
                        _ => Rescission::Timeout,
                    };
                    self.failed(now, claim, End::Rescinded(cause));
                }
                1 => self.end_wrap_up(now, who),
                2 => self.p(who).unwrap().absent_at = None,
                3 => self.t(TaskId(a)).unwrap().back_off.retain(|(o, _)| o.0 != b),
                4 => {
                    let task = self.t(TaskId(a)).unwrap();
                    (task.until, task.e.wanted) = (None, None);
                }
                6 => self.set_ring(now, TaskId(a)),
                7 => self.t(TaskId(a)).unwrap().step = None,
                8 | 9 => self.release(now, TaskId(a)),
                _ => {
                    let task = self.t(TaskId(a)).unwrap();
                    (task.max_wait, task.over) = (None, true);
                    self.overdue(TaskId(a));
                }
            }
            self.follow(now);
            self.settle(now);
        }
    }
}
