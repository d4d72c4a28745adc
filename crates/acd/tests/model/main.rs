//! The machine in lockstep with a naive model, under seeded random operations. After every one:
//! the same outputs, the same records, the invariants of `Acd::check`. The machine is carried,
//! written out, read and resumed at random moments, which nobody may notice.
//!
//! `ACD_SEED=n` replays one seed, `ACD_SEEDS=n` runs more of them.
#![expect(clippy::unwrap_used, reason = "a model that stumbles fails the test")]
#![expect(clippy::disallowed_methods, reason = "the seed to replay comes from the environment")]

mod choose;
mod hand;
mod later;
mod naive;
mod setup;

use acd::{
    Acd, Cause, Choice, Config, Effective, Enqueue, Hold, Input, Kind, Level, Limits,
    OperatorConfig, OperatorId, Output, PLACES_TOLD, QueueConfig, QueueId, Refusal, Rejection,
    ReservationId, Ring, Rona, RonaState, SkillId, Strategy, TaskId, TaskPlace, Time, Utc, Wanted,
    Withdrawal, WorkId,
};
use naive::{Naive, Place, State};
use std::collections::{BTreeMap, BTreeSet};

/// What the machine's chance grows from.
const SEED: u64 = 11;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
    fn roll32(&mut self, sides: u32) -> u32 {
        u32::try_from(self.roll(sides.into())).unwrap()
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.roll(n) == 0
    }
    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.roll(from.len() as u64)).unwrap()].clone()
    }
}

/// Mostly none; else some levels of three skills.
fn levels(dice: &mut Dice, most: u32) -> Vec<Level> {
    let some = |dice: &mut Dice| dice.one_in(3);
    let skills = (0..3).filter(|_| some(dice)).collect::<Vec<_>>();
    skills.into_iter().map(|skill| (SkillId(skill), dice.roll32(most))).collect()
}

fn relax(dice: &mut Dice) -> Vec<Ring> {
    let mut after_ms = 0;
    let mut ring = |dice: &mut Dice| {
        after_ms += 500 * dice.roll(10);
        Ring { after_ms, skills: levels(dice, 3) }
    };
    (0..dice.roll(4)).map(|_| ring(dice)).collect()
}

fn config(dice: &mut Dice, queues: u32, operators: u32) -> Config {
    let rare = |dice: &mut Dice| !dice.one_in(25);
    let mut config = Config { auto_connect: rare(dice), ..Config::default() };
    for id in 0..queues {
        let queue = QueueConfig {
            strategy: dice.pick(Strategy::ALL),
            skills: levels(dice, 4),
            relax: relax(dice),
            step_ms: 500 * (1 + dice.roll(8)),
            ring_ms: 1_000 * (1 + dice.roll(5)),
            wrap_up_ms: dice.pick(&[0, 2_000, 5_000]),
            rona: Rona {
                after: dice.roll32(4),
                state: dice.pick(&[RonaState::NotReady, RonaState::Offline]),
            },
            back_off_ms: dice.pick(&[0, 1_000, 7_000]),
            max_waiting: dice.pick(&[2, 5, 200]),
            max_wait_ms: dice.pick(&[0, 3_000, 20_000]),
            join_empty: !dice.one_in(4),
            share: dice.pick(&[0, 0, 300, 600]),
            auto_connect: rare(dice),
            open: rare(dice),
        };
        if rare(dice) {
            config.queues.push((QueueId(id), queue));
        }
    }
    for id in 0..operators {
        let operator = OperatorConfig {
            queues: (0..queues).filter(|_| !dice.one_in(3)).map(QueueId).collect(),
            limits: dice.pick(&[
                Limits { total: 1, voice: 1 },
                Limits { total: 3, voice: 1 },
                Limits { total: 3, voice: 2 },
                Limits { total: 1, voice: 2 },
                Limits { total: 2, voice: 1 },
            ]),
            wrap_up_ms: dice.pick(&[None, None, Some(0), Some(1_000)]),
            weight: dice.pick(&[0, 1, 1, 5]),
            skills: levels(dice, 6),
        };
        if rare(dice) {
            let at = usize::try_from(dice.roll(config.operators.len() as u64 + 1)).unwrap();
            config.operators.insert(at, (OperatorId(id), operator));
        }
    }
    config
}

/// What a person who only listens knows.
#[derive(Default)]
struct Listener {
    positions: BTreeMap<TaskId, u32>,
    effective: BTreeMap<OperatorId, (Effective, Choice)>,
    open: BTreeSet<ReservationId>,
    limits: BTreeSet<(TaskId, acd::LimitReason)>,
    decided: Option<(TaskId, OperatorId)>,
    /// By themselves.
    taken: Option<(TaskId, OperatorId)>,
}

impl Listener {
    fn hear(&mut self, output: &Output) {
        match output {
            Output::Queued { task, position, .. } | Output::Position { task, position } => {
                let last = self.positions.insert(*task, *position);
                let moved = matches!(output, Output::Queued { .. }) || last != Some(*position);
                assert!(moved, "{output:?} is no news");
            }
            Output::Operator { operator, effective, chosen } => {
                let news = (effective.state, chosen.state.clone());
                self.effective.insert(*operator, news);
            }
            Output::Decision(record) => {
                self.decided = record.chosen.map(|who| (record.task, who));
                assert!(record.considered.len() <= 16);
                if let Some(chosen) = record.chosen {
                    assert!(
                        matches!(record.considered[0], (who, acd::Verdict::Score(_)) if who == chosen)
                    );
                }
            }
            Output::Book { reservation, task, operator, .. } => {
                let taken = self.taken.take() == Some((*task, *operator));
                let is_explained = self.decided.take() == Some((*task, *operator));
                assert!(is_explained || taken, "unexplained");
                assert!(self.open.insert(*reservation));
            }
            Output::Rescind { reservation, .. } | Output::Ring { reservation, .. } => {
                assert!(self.open.contains(reservation));
            }
            Output::Resolved { reservation, .. } => {
                assert!(self.open.remove(reservation), "two ways out of {reservation:?}");
            }
            Output::Assigned { task, .. } => {
                self.positions.remove(task);
            }
            Output::Done { task, .. } => {
                self.positions.remove(task);
                self.limits.retain(|(other, _)| other != task);
            }
            Output::Limit { task, reason, .. } => {
                assert!(self.limits.insert((*task, *reason)), "{output:?} twice");
            }
            Output::TooLate { .. } | Output::Wrapping { .. } | Output::Released { .. } => {}
        }
    }
}

struct World {
    dice: Dice,
    now: Time,
    acd: Acd,
    naive: Naive,
    listener: Listener,
    tasks_made: u64,
    queues: u32,
    operators: u32,
    served: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let (queues, operators) = (1 + dice.roll32(3), 1 + dice.roll32(6));
        Self {
            now: Time::from_secs(1_000),
            acd: Acd::new(7, SEED),
            naive: Naive::new(),
            listener: Listener::default(),
            tasks_made: 0,
            queues,
            operators,
            served: 0,
            dice,
        }
    }

    fn enqueue(&mut self) -> Input {
        self.tasks_made += u64::from(!self.dice.one_in(20));
        let dice = &mut self.dice;
        let past = 600 + self.now.as_secs() - dice.roll(dice_range(dice.0));
        Input::Enqueue(Enqueue {
            task: TaskId(self.tasks_made),
            queue: QueueId(dice.roll32(self.queues)),
            kind: dice.pick(&[Kind::Call, Kind::Call, Kind::Callback, Kind::Dialog]),
            virtual_start: Utc(Time::from_secs(past)),
            priority_s: dice.pick(&[0, 0, 0, 5, 60, 100_000]),
            wanted: dice.one_in(6).then(|| Wanted {
                operator: OperatorId(dice.roll32(self.operators + 1)),
                for_ms: dice.pick(&[None, Some(0), Some(1_500)]),
                sticky: dice.one_in(2),
            }),
            auto_connect: !dice.one_in(20),
            lead_ms: dice.pick(&[0, 0, 0, 3_000]),
            hold: dice
                .one_in(25)
                .then(|| dice.pick(&[Hold::For(0), Hold::For(2_000), Hold::Released])),
            not_before: dice.one_in(25).then(|| self.now + Time::from_millis(dice.roll(4) * 1_000)),
            despite_limits: dice.one_in(5),
        })
    }

    /// Mostly one that lives.
    fn task(&mut self) -> TaskId {
        let all: Vec<TaskId> = self.naive.tasks.iter().map(|t| t.e.task).collect();
        if all.is_empty() || self.dice.one_in(20) {
            TaskId(self.dice.roll(self.tasks_made + 2))
        } else {
            self.dice.pick(&all)
        }
    }

    fn assigned(&mut self) -> TaskId {
        let with = |t: &&naive::Task| matches!(t.place, Place::With(..));
        let all: Vec<TaskId> = self.naive.tasks.iter().filter(with).map(|t| t.e.task).collect();
        if all.is_empty() { self.task() } else { self.dice.pick(&all) }
    }

    /// Mostly one that is with somebody, or on the way from one to another.
    fn handed(&mut self) -> TaskId {
        let between = |t: &&naive::Task| matches!(t.place, Place::Between(_));
        let all: Vec<TaskId> = self.naive.tasks.iter().filter(between).map(|t| t.e.task).collect();
        if all.is_empty() || self.dice.one_in(3) { self.assigned() } else { self.dice.pick(&all) }
    }

    fn claim(&mut self) -> (ReservationId, bool) {
        let open = |c: &&naive::Claim| c.state != State::Accepted;
        let all: Vec<_> = self.naive.claims.iter().filter(open).map(|c| (c.id, c.state)).collect();
        if all.is_empty() || self.dice.one_in(12) {
            return (
                ReservationId(7 * 1_024 + self.dice.roll(self.tasks_made + 3)),
                self.dice.one_in(2),
            );
        }
        let (id, state) = self.dice.pick(&all);
        (id, matches!(state, State::Booking(_)))
    }

    fn booking(&mut self) -> Input {
        let (id, booking) = self.claim();
        let sort = self.dice.roll(12);
        if booking && sort < 9 {
            return Input::Booked(id);
        }
        let why = [
            Rejection::Busy,
            Rejection::Declined,
            Rejection::Unreachable,
            Rejection::Error,
            Rejection::Ours,
        ];
        match sort {
            0..3 => Input::Ringing(id),
            3..8 => Input::Accepted(id),
            8 => Input::Booked(id),
            9 => Input::Refused(id, self.dice.pick(&[Refusal::Taken, Refusal::Unavailable])),
            _ => Input::Rejected(id, self.dice.pick(&why)),
        }
    }

    fn person(&mut self) -> Input {
        let stranger = u32::from(self.dice.one_in(9));
        let operator = OperatorId(self.dice.roll32(self.operators + stranger));
        match self.dice.roll(21) {
            0..4 => Input::SignIn { operator },
            4 => Input::SignOut { operator },
            5..9 => Input::Reachable { operator, reachable: true },
            9 if self.dice.one_in(2) => Input::Silent { operator },
            9 => Input::Reachable { operator, reachable: false },
            16..20 => Input::Choose { operator, choice: Choice::Ready },
            10 => {
                let reason = self.dice.pick(&[None, Some("tea".into())]);
                Input::Choose { operator, choice: Choice::NotReady { reason } }
            }
            11 => Input::Choose { operator, choice: Choice::Offline },
            20 => Input::Alert { operator, work: WorkId(self.dice.roll(3)) },
            12 => Input::Occupy { operator, work: WorkId(self.dice.roll(3)) },
            13 => Input::Vacate { operator, work: WorkId(self.dice.roll(3)) },
            14 => Input::EndWrapUp { operator },
            _ => Input::ExtendWrapUp { operator, ms: self.dice.roll(3) * 1_000 },
        }
    }

    fn input(&mut self) -> Input {
        let causes = [Withdrawal::Abandoned, Withdrawal::Expired, Withdrawal::Moved];
        match self.dice.roll(40) {
            0..7 => self.enqueue(),
            7..23 => self.booking(),
            23..28 => self.person(),
            28..31 => Input::Withdraw { task: self.task(), cause: self.dice.pick(&causes) },
            31 if self.dice.one_in(2) => Input::Requeue { task: self.task() },
            31 => {
                let to = OperatorId(self.dice.roll32(self.operators + 1));
                let to = (!self.dice.one_in(3)).then_some(to);
                Input::Handed { task: self.handed(), to }
            }
            32..34 => Input::Connected { task: self.assigned() },
            34..38 => Input::Completed { task: self.assigned() },
            38 => Input::Lost { task: self.assigned(), ahead: self.dice.one_in(2) },
            39 if self.dice.one_in(2) => {
                let operator = OperatorId(self.dice.roll32(self.operators + 1));
                let task = self.task();
                if self.dice.one_in(2) {
                    Input::Taken { task, operator }
                } else {
                    Input::Assign { task, operator }
                }
            }
            39 if self.dice.one_in(2) => Input::Release { task: self.task() },
            39 => {
                let priority_s = self.dice.pick(&[0, 5, 60]);
                Input::Prioritise { task: self.task(), priority_s }
            }
            _ if self.dice.one_in(8) => {
                let until = self.now + Time::from_millis(self.dice.roll(5) * 1_000);
                Input::Defer { task: self.task(), until }
            }
            _ if self.dice.one_in(10) => Input::Day(self.dice.pick(&[0, 1, 2])),
            _ if self.dice.one_in(6) => {
                Input::Configure(config(&mut self.dice, self.queues, self.operators))
            }
            _ => Input::SignIn { operator: OperatorId(self.dice.roll32(self.operators)) },
        }
    }

    fn handle(&mut self, input: Input) {
        self.listener.taken = match input {
            Input::Taken { task, operator } | Input::Assign { task, operator } => {
                Some((task, operator))
            }
            _ => None,
        };
        self.naive.handle(self.now, &input);
        self.acd.handle(self.now, input);
        self.compare();
    }

    fn timeout(&mut self) {
        self.naive.timeout(self.now);
        self.acd.handle_timeout(self.now);
        self.compare();
    }

    fn compare(&mut self) {
        if self.dice.one_in(10) {
            let bytes = postcard::to_stdvec(&self.acd.carry()).unwrap();
            self.acd = Acd::resume(postcard::from_bytes(&bytes).unwrap());
        }
        let mut outputs = Vec::new();
        while let Some(output) = self.acd.poll_output() {
            self.listener.hear(&output);
            self.served += u32::from(matches!(output, Output::Assigned { .. }));
            outputs.push(output);
        }
        outputs.retain(|output| {
            !matches!(
                output,
                Output::Decision(_) | Output::Position { .. } | Output::Operator { .. }
            )
        });
        let books = |outputs: &[Output]| {
            let book = |output: &&Output| matches!(output, Output::Book { .. });
            outputs.iter().filter(book).cloned().collect::<Vec<_>>()
        };
        let sorted = |outputs: &[Output]| {
            let mut all: Vec<_> = outputs.iter().map(|output| format!("{output:?}")).collect();
            all.sort();
            all
        };
        let expected = std::mem::take(&mut self.naive.out);
        assert_eq!(sorted(&outputs), sorted(&expected), "outputs, then those of the model");
        assert_eq!(books(&outputs), books(&expected), "order of bookings");
        self.compare_records();
        self.acd.check().unwrap();
    }

    fn compare_records(&self) {
        let (acd, naive) = (&self.acd, &self.naive);
        let people: BTreeMap<_, _> = naive.people.iter().map(|p| (p.id, p)).collect();
        assert!(acd.operators().eq(people.keys().copied()));
        for (id, person) in people {
            let view = acd.operator(id).unwrap();
            assert_eq!(view.effective.state, person.effective, "{id:?}");
            assert_eq!(view.idle_since, person.idle, "idle since {id:?}");
            assert_eq!((view.missed, view.wrap_up), (person.missed, person.wrap_up), "{id:?}");
            assert_eq!((&view.own, &view.alerting), (&person.own, &person.alerting));
            let told = (view.effective.state, view.chosen.state);
            assert_eq!(self.listener.effective.get(&id), Some(&told), "told of {id:?}");
        }
        for queue in &naive.queues {
            assert!(acd.waiting(queue.id).eq(naive.line(queue.id)), "line of {:?}", queue.id);
        }
        assert!(acd.queues().eq(naive.queues.iter().map(|q| q.id).collect::<BTreeSet<_>>()));
        assert_eq!(acd.tasks().count(), naive.tasks.len());
        for task in &naive.tasks {
            let view = acd.task(task.e.task).unwrap();
            let same = match (view.place, task.place) {
                (TaskPlace::Waiting { position, reservations, held }, Place::Waits) => {
                    let claims = naive.claims.iter().filter(|c| c.task == task.e.task);
                    let line = naive.line(task.e.queue);
                    claims.map(|c| c.id).eq(reservations)
                        && held == task.held.is_some()
                        && line[position as usize - 1] == task.e.task
                }
                (
                    TaskPlace::Assigned { operator, reservation, connected },
                    Place::With(o, r, c),
                ) => (operator, reservation, connected.is_some()) == (o, r, c),
                (TaskPlace::Wrapping { operator }, Place::Wrapping(o))
                | (TaskPlace::Between { operator }, Place::Between(o)) => operator == o,
                (TaskPlace::Deferred { until }, Place::Deferred(at)) => until == at,
                _ => false,
            };
            assert!(same, "{:?}", task.e.task);
        }
        if let Some(next) = naive.next() {
            assert!(acd.poll_timeout().is_some_and(|at| at <= next), "a deadline is forgotten");
        }
        let open = naive.claims.iter().filter(|c| c.state != State::Accepted);
        assert!(open.map(|c| c.id).eq(self.listener.open.iter().copied()));
        assert_eq!(acd.open_reservations(), self.listener.open.len());
    }

    fn step(&mut self) {
        match self.dice.roll(20) {
            0..17 => {}
            17 => self.now += Time::from_millis(100 * self.dice.roll(10)),
            // Out of sight of what looks an hour back.
            18 if self.dice.one_in(20) => self.now += Time::from_secs(60 * self.dice.roll(50)),
            18 => self.now = self.acd.poll_timeout().map_or(self.now, |at| at.max(self.now)),
            _ => self.now += Time::from_millis(500 * self.dice.roll(20)),
        }
        // Timers may be late, too.
        if self.acd.poll_timeout().is_some_and(|at| at <= self.now) && !self.dice.one_in(8) {
            self.timeout();
        } else {
            let input = self.input();
            self.handle(input);
        }
    }

    /// Everybody heard their position, everything ends, nothing is left.
    fn end(&mut self) {
        // Whatever was put off has joined by the first of them.
        for long in [6, 2, 2] {
            self.now += Time::from_secs(long);
            self.timeout();
        }
        for queue in &self.naive.queues {
            for (task, position) in self.naive.line(queue.id).iter().take(PLACES_TOLD).zip(1..) {
                assert_eq!(self.listener.positions.get(task), Some(&position), "{task:?}");
            }
        }
        for task in self.naive.tasks.iter().map(|t| t.e.task).collect::<Vec<_>>() {
            self.handle(Input::Completed { task });
            self.handle(Input::Withdraw { task, cause: Withdrawal::Removed });
        }
        self.now += Time::from_secs(60);
        self.timeout();
        assert_eq!(self.acd.poll_timeout(), None);
        assert_eq!(self.acd.tasks().count(), 0);
        assert!(self.listener.open.is_empty() && self.listener.limits.is_empty());
    }
}

/// Mostly the order of arrival, now and then somebody from long ago.
const fn dice_range(seed: u64) -> u64 {
    if seed.is_multiple_of(4) { 900 } else { 2 }
}

fn run(seed: u64) -> u32 {
    let mut world = World::new(seed);
    let first = config(&mut world.dice, world.queues, world.operators);
    world.handle(Input::Configure(first));
    for operator in (0..world.operators).map(OperatorId) {
        world.handle(Input::SignIn { operator });
        world.handle(Input::Reachable { operator, reachable: true });
    }
    for _ in 0..300 {
        world.step();
    }
    world.end();
    world.served
}

#[test]
fn reservations_are_not_numbered_again_after_a_restart() {
    let numbers = |epoch: u64| -> Vec<u64> {
        let mut acd = Acd::new(epoch, SEED);
        let (who, queue) = (OperatorId(0), QueueId(0));
        let operator = OperatorConfig { queues: vec![queue], ..OperatorConfig::default() };
        acd.handle(
            Time::ZERO,
            Input::Configure(Config {
                queues: vec![(queue, QueueConfig { wrap_up_ms: 0, ..QueueConfig::default() })],
                operators: vec![(who, operator)],
                ..Config::default()
            }),
        );
        acd.handle(Time::ZERO, Input::SignIn { operator: who });
        acd.handle(Time::ZERO, Input::Reachable { operator: who, reachable: true });
        for task in (0..2_000).map(TaskId) {
            acd.handle(Time::ZERO, Input::Enqueue(Enqueue::call(task, queue, Utc::default())));
            acd.handle(Time::ZERO, Input::Withdraw { task, cause: Withdrawal::Abandoned });
        }
        let outputs = std::iter::from_fn(|| acd.poll_output());
        let booked = |output| match output {
            Output::Book { reservation, .. } => Some(reservation.0),
            _ => None,
        };
        outputs.filter_map(booked).collect()
    };
    let (first, second) = (numbers(3), numbers(3 + 2_000));
    assert_eq!((first.len(), second.len()), (2_000, 2_000));
    assert!(first.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(first.last() < second.first(), "{:?} {:?}", first.last(), second.first());
}

/// One operator of one queue, who is signed in by their phone.
fn one_desk() -> (Acd, OperatorId) {
    let (mut acd, operator) = (Acd::new(1, SEED), OperatorId(0));
    let config = OperatorConfig { queues: vec![QueueId(0)], ..OperatorConfig::default() };
    let (queues, operators) =
        (vec![(QueueId(0), QueueConfig::default())], vec![(operator, config)]);
    acd.handle(Time::ZERO, Input::Configure(Config { auto_connect: true, queues, operators }));
    acd.handle(Time::ZERO, Input::SignIn { operator });
    acd.handle(Time::ZERO, Input::Reachable { operator, reachable: true });
    (acd, operator)
}

#[test]
fn why_an_operator_cannot_be_reached() {
    let lost = Input::Reachable { operator: OperatorId(0), reachable: false };
    let silent = Input::Silent { operator: OperatorId(0) };
    for (first, then, cause) in
        [(&lost, &silent, Cause::RegistrationLost), (&silent, &lost, Cause::NoAnswer)]
    {
        let (mut acd, operator) = one_desk();
        let state = |acd: &Acd| {
            let view = acd.operator(operator).unwrap();
            (view.effective.state, view.effective.cause)
        };
        acd.handle(Time::ZERO, first.clone());
        acd.handle(Time::ZERO, then.clone());
        assert_eq!(state(&acd), (Effective::Unreachable, cause));
        while let Some(due) = acd.poll_timeout() {
            acd.handle_timeout(due);
        }
        assert_eq!(state(&acd), (Effective::Unreachable, cause), "absent for good");
        acd.handle(Time::ZERO, Input::Reachable { operator, reachable: true });
        assert_eq!(state(&acd), (Effective::Ready, Cause::Registered));
    }
}

#[test]
fn a_phone_signs_in_only_whom_no_person_signed_out() {
    let check = |choice: Option<Choice>, sign_out: bool, expected: Effective| {
        let (mut acd, operator) = one_desk();
        if let Some(choice) = choice.clone() {
            acd.handle(Time::ZERO, Input::Choose { operator, choice });
        }
        if sign_out {
            acd.handle(Time::ZERO, Input::SignOut { operator });
        }
        acd.handle(Time::ZERO, Input::SignIn { operator });
        let view = acd.operator(operator).unwrap();
        assert_eq!(view.effective.state, expected, "{choice:?} {sign_out}");
    };
    check(None, false, Effective::Ready);
    check(None, true, Effective::Ready);
    check(Some(Choice::NotReady { reason: None }), false, Effective::NotReady);
    check(Some(Choice::NotReady { reason: None }), true, Effective::Ready);
    check(Some(Choice::Offline), false, Effective::Offline);
    check(Some(Choice::Offline), true, Effective::Offline);
}

#[test]
fn a_phone_that_rings_for_another_call_is_not_rung_for_a_task() {
    let (mut acd, operator) = one_desk();
    let work = WorkId(5);
    acd.handle(Time::from_secs(1), Input::Alert { operator, work });
    let view = acd.operator(operator).unwrap();
    let effective = (view.effective.state, view.effective.cause);
    assert_eq!(effective, (Effective::Ringing, Cause::OwnCall));
    let task = Enqueue::call(TaskId(1), QueueId(0), Utc::default());
    acd.handle(Time::from_secs(2), Input::Enqueue(task));
    let why = acd.why_idle(operator).unwrap();
    assert_eq!((why.filter, acd.open_reservations()), (Some(acd::Filter::Ringing), 0));
    acd.handle(Time::from_secs(3), Input::Occupy { operator, work });
    assert_eq!(acd.operator(operator).unwrap().effective.state, Effective::OnCall);
    acd.handle(Time::from_secs(4), Input::Vacate { operator, work });
    assert_eq!(acd.open_reservations(), 1);
}

#[test]
fn who_takes_a_task_that_rings_elsewhere() {
    let other = OperatorId(9);
    let check = |inputs: &[Input], expected: Result<(), acd::Filter>| {
        let (mut acd, rung) = one_desk();
        let config = |queues| OperatorConfig { queues, ..OperatorConfig::default() };
        let operators = vec![(rung, config(vec![QueueId(0)])), (other, config(Vec::new()))];
        let queues = vec![(QueueId(0), QueueConfig::default())];
        acd.handle(Time::ZERO, Input::Configure(Config { auto_connect: true, queues, operators }));
        for input in inputs {
            acd.handle(Time::ZERO, input.clone());
        }
        let task = TaskId(1);
        let call = Enqueue::call(task, QueueId(0), Utc::default());
        acd.handle(Time::ZERO, Input::Enqueue(call));
        let claim = acd.operator(rung).unwrap().reservations[0];
        acd.handle(Time::ZERO, Input::Booked(claim));
        while acd.poll_output().is_some() {}
        assert_eq!(acd.may_take(task, other), expected, "{inputs:?}");
        acd.handle(Time::from_secs(1), Input::Taken { task, operator: other });
        let told: Vec<_> = std::iter::from_fn(|| acd.poll_output()).collect();
        let has = |wanted: &dyn Fn(&Output) -> bool| told.iter().any(wanted);
        let is_theirs = has(
            &|output| matches!(output, Output::Assigned { operator, .. } if *operator == other),
        );
        assert_eq!(is_theirs, expected.is_ok());
        if expected.is_err() {
            return assert!(told.is_empty(), "{told:?}");
        }
        let cause = acd::Rescission::AnsweredElsewhere;
        assert!(has(&|output| matches!(output, Output::Rescind { operator, cause: why, .. }
            if *operator == rung && *why == cause)));
        let view = acd.operator(rung).unwrap();
        assert_eq!((view.effective.state, view.missed), (Effective::Ready, 0), "no RONA");
        assert_eq!(acd.operator(other).unwrap().tasks, [task]);
        assert_eq!(acd.may_take(task, rung), Err(acd::Filter::Reserved), "it waits no more");
        acd.handle(Time::from_secs(2), Input::Completed { task });
        acd.check().unwrap();
    };
    let operator = other;
    let here = [Input::SignIn { operator }, Input::Reachable { operator, reachable: true }];
    let with = |more: Input| [&here[..], &[more]].concat();
    check(&here, Ok(()));
    let pause = Input::Choose { operator, choice: Choice::NotReady { reason: None } };
    check(&with(pause), Ok(()));
    check(&here[1..], Err(acd::Filter::Offline));
    check(&here[..1], Err(acd::Filter::Unreachable));
    check(&with(Input::Occupy { operator, work: WorkId(5) }), Err(acd::Filter::OnCall));
    check(&with(Input::Alert { operator, work: WorkId(5) }), Err(acd::Filter::Limit));
}

#[test]
fn behaves_like_the_naive_model() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("ACD_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ACD_SEEDS").unwrap_or(2_000),
    };
    let mut served = 0;
    for seed in seeds.clone() {
        let result = std::panic::catch_unwind(|| run(seed));
        match result {
            Ok(n) => served += n,
            Err(_) => panic!("replay with ACD_SEED={seed}"),
        }
    }
    println!("{served} tasks assigned over {seeds:?}");
    // A model test in which hardly anything happens proves nothing.
    assert!(seeds.end - seeds.start < 100 || u64::from(served) > 5 * (seeds.end - seeds.start));
}
