//! What is promised of choosing in so many words, each in a house made for it. That every strategy
//! is its textbook's over random histories is shown by `model`.
#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

use acd::{
    Acd, Config, DecisionRecord, Enqueue, Filter, Input, OperatorConfig, OperatorId, Output,
    QueueConfig, QueueId, Rejection, ReservationId, Ring, SkillId, Strategy, TaskId, Time, Utc,
    Verdict, Wanted,
};
use std::collections::BTreeMap;

const QUEUE: QueueId = QueueId(0);

fn s(seconds: u64) -> Time {
    Time::from_secs(seconds)
}

struct House {
    acd: Acd,
    now: Time,
    /// Told and not looked at.
    told: Vec<Output>,
    /// Everything is answered at once.
    connects: bool,
}

impl House {
    fn new(queue: QueueConfig, operators: Vec<OperatorConfig>) -> Self {
        let mut house = Self { acd: Acd::new(1, 77), now: s(1), told: Vec::new(), connects: true };
        let serve = |operator| OperatorConfig { queues: vec![QUEUE], ..operator };
        let operators: Vec<_> =
            (0..).map(OperatorId).zip(operators.into_iter().map(serve)).collect();
        let all: Vec<_> = operators.iter().map(|(id, _)| *id).collect();
        house.put(Input::Configure(Config {
            auto_connect: true,
            queues: vec![(QUEUE, queue)],
            operators,
        }));
        for operator in all {
            house.put(Input::SignIn { operator });
            house.put(Input::Reachable { operator, reachable: true });
        }
        house
    }

    fn alike(strategy: Strategy, count: usize) -> Self {
        let queue = QueueConfig { strategy, wrap_up_ms: 0, ..QueueConfig::default() };
        Self::new(queue, vec![OperatorConfig::default(); count])
    }

    fn put(&mut self, input: Input) {
        self.acd.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.acd.poll_output() {
            let claim = match &output {
                Output::Book { reservation, .. } if self.connects => Some(*reservation),
                _ => None,
            };
            self.told.push(output);
            if let Some(claim) = claim {
                for input in [Input::Booked(claim), Input::Ringing(claim), Input::Accepted(claim)] {
                    self.acd.handle(self.now, input);
                }
            }
        }
        self.acd.check().unwrap();
    }

    fn until(&mut self, at: Time) {
        while let Some(due) = self.acd.poll_timeout().filter(|due| *due <= at) {
            self.now = due.max(self.now);
            self.acd.handle_timeout(self.now);
            self.drain();
        }
        self.now = at;
    }

    fn call(&mut self, task: u64) {
        self.put(Input::Enqueue(Enqueue::call(TaskId(task), QUEUE, Utc(self.now))));
    }

    /// A call of so many seconds, and who had it.
    fn served(&mut self, task: u64, seconds: u64) -> u32 {
        self.call(task);
        let who = self.assigned().pop().unwrap().1;
        self.put(Input::Connected { task: TaskId(task) });
        self.until(self.now + s(seconds));
        self.put(Input::Completed { task: TaskId(task) });
        who
    }

    /// Whom tasks were given since this was asked last.
    fn assigned(&mut self) -> Vec<(u64, u32)> {
        let of = |output| match output {
            Output::Assigned { task, operator, .. } => Some((task.0, operator.0)),
            _ => None,
        };
        self.told.drain(..).filter_map(of).collect()
    }

    fn decision(&mut self) -> DecisionRecord {
        let of = |output| match output {
            Output::Decision(record) => Some(record),
            _ => None,
        };
        self.told.drain(..).rev().find_map(of).unwrap()
    }

    fn claims(&mut self) -> Vec<(ReservationId, u32)> {
        let of = |output| match output {
            Output::Book { reservation, operator, .. } => Some((reservation, operator.0)),
            _ => None,
        };
        self.told.drain(..).filter_map(of).collect()
    }
}

/// 200 % load for hours, three sorts of callers. Whoever has no head start is served no later than
/// the largest head start and then the time that those take who were before them.
#[test]
fn nobody_starves() {
    const HEAD_START_S: u64 = 300;
    const TALK_S: u64 = 60;
    const OPERATORS: u64 = 5;
    let queue = QueueConfig {
        wrap_up_ms: 0,
        max_waiting: u32::MAX,
        max_wait_ms: 0,
        ..QueueConfig::default()
    };
    let mut house = House::new(queue, vec![OperatorConfig::default(); 5]);
    let (mut ends, mut waits): (BTreeMap<(Time, u64), ()>, BTreeMap<u64, Time>) =
        Default::default();
    let (mut checked, mut longest) = (0, Time::ZERO);
    let mut bounds: BTreeMap<u64, Time> = BTreeMap::new();
    for n in 0..2_000_u64 {
        let comes = s(10) + s(TALK_S * n / (2 * OPERATORS));
        while let Some(((at, task), ())) = ends.first_key_value().map(|(k, v)| (*k, *v)) {
            if at > comes {
                break;
            }
            ends.pop_first();
            house.until(at);
            house.put(Input::Completed { task: TaskId(task) });
            for (given, _) in house.assigned() {
                ends.insert((house.now + s(TALK_S), given), ());
                let since = waits.remove(&given);
                if let Some(bound) = bounds.remove(&given) {
                    let waited = house.now - since.unwrap();
                    assert!(waited <= bound, "{given} waited {waited:?}, not {bound:?}");
                    (checked, longest) = (checked + 1, longest.max(waited));
                }
            }
        }
        house.until(comes);
        let priority_s = match n % 3 {
            0 => 0,
            1 => 60,
            _ => 300,
        };
        let call = Enqueue::call(TaskId(n), QUEUE, Utc(house.now));
        house.put(Input::Enqueue(Enqueue { priority_s, ..call }));
        waits.insert(n, house.now);
        if priority_s == 0 {
            // Those before them now, and all who come while a head start can still pass them.
            let passing = HEAD_START_S * 2 * OPERATORS / TALK_S;
            let ahead = house.acd.waiting(QUEUE).count() as u64 + passing;
            bounds.insert(n, s(HEAD_START_S) + s(TALK_S * (ahead / OPERATORS + 1)));
        }
        for (given, _) in house.assigned() {
            ends.insert((house.now + s(TALK_S), given), ());
            waits.remove(&given);
            bounds.remove(&given);
        }
    }
    assert!(checked > 250 && longest > s(1_000), "{checked} {longest:?}: hardly any load");
}

#[test]
fn chance_is_fair_and_by_weight() {
    let check = |strategy, weights: &[u32]| {
        let of = |weight: &u32| OperatorConfig { weight: *weight, ..OperatorConfig::default() };
        let queue = QueueConfig { strategy, wrap_up_ms: 0, ..QueueConfig::default() };
        let mut house = House::new(queue, weights.iter().map(of).collect());
        let mut counts = vec![0_u32; weights.len()];
        for task in 0..6_000 {
            counts[house.served(task, 1) as usize] += 1;
        }
        let all: u32 = if strategy == Strategy::Random { 4 } else { weights.iter().sum() };
        for (count, weight) in counts.iter().zip(weights) {
            let weight = if strategy == Strategy::Random { 1 } else { *weight };
            let p = f64::from(weight) / f64::from(all);
            let (mean, deviation) = (6_000.0 * p, (6_000.0 * p * (1.0 - p)).sqrt());
            let off = (f64::from(*count) - mean).abs();
            assert!(off <= 4.0 * deviation, "{strategy:?} {weights:?}: {counts:?}");
        }
    };
    check(Strategy::Random, &[1, 9, 1, 0]);
    check(Strategy::WeightedRandom, &[1, 2, 3, 0]);
}

#[test]
fn what_is_counted_by_the_day_begins_anew_at_midnight() {
    for strategy in [Strategy::LeastTalkTime, Strategy::FewestCalls] {
        let mut house = House::alike(strategy, 2);
        house.put(Input::Day(1));
        // Operator 0 talks for a minute; 1 has two calls of ten seconds.
        assert_eq!(house.served(1, 60), 0);
        assert_eq!(house.served(2, 10), 1);
        let third = house.served(3, 10);
        assert_eq!(third, if strategy == Strategy::LeastTalkTime { 1 } else { 0 });
        let busier = if strategy == Strategy::LeastTalkTime { 0 } else { third };
        house.told.clear();
        house.put(Input::Day(1));
        house.call(4);
        let score = |record: &DecisionRecord, who| {
            record.considered.iter().find(|(id, _)| id.0 == who).unwrap().1
        };
        assert_ne!(score(&house.decision(), busier), Verdict::Score(0), "the same day");
        house.put(Input::Connected { task: TaskId(4) });
        house.until(house.now + s(100));
        house.put(Input::Day(2));
        house.until(house.now + s(7));
        house.put(Input::Completed { task: TaskId(4) });
        house.told.clear();
        house.call(5);
        let record = house.decision();
        let scores: Vec<_> = [0, 1].map(|who| score(&record, who)).into();
        match strategy {
            // What was talked before midnight is of yesterday.
            Strategy::LeastTalkTime => assert!(scores.contains(&Verdict::Score(7_000))),
            _ => assert_eq!(scores, [Verdict::Score(0); 2]),
        }
    }
}

#[test]
fn the_least_occupied_of_the_last_hour() {
    let mut house = House::alike(Strategy::LeastOccupied, 2);
    house.until(s(2));
    assert_eq!(house.served(1, 600), 0, "nobody was: the one idle longer");
    assert_eq!(house.served(2, 500), 1);
    assert_eq!(house.served(3, 10), 1, "500 of 1,100 seconds against 600");
    house.until(s(3_600 + 300));
    // Of the last hour operator 0 was busy for the 302 seconds from 300 to 602, 1 for 510.
    house.told.clear();
    house.call(4);
    let record = house.decision();
    assert_eq!(record.chosen, Some(OperatorId(0)));
    let score = |who| record.considered.iter().find(|(id, _)| *id == OperatorId(who)).unwrap().1;
    assert_eq!(score(0), Verdict::Score(302 * 1_000_000 / 3_600));
    assert_eq!(score(1), Verdict::Score(510 * 1_000_000 / 3_600));
}

#[test]
fn a_decision_says_which_skill_is_missing_and_waiting_relaxes_it() {
    let (russian, billing) = (SkillId(1), SkillId(2));
    let queue = QueueConfig {
        skills: vec![(billing, 1), (russian, 3)],
        relax: vec![Ring { after_ms: 20_000, skills: vec![(russian, 1)] }],
        ..QueueConfig::default()
    };
    let can = |skills: &[(SkillId, u32)]| OperatorConfig {
        skills: skills.to_vec(),
        ..OperatorConfig::default()
    };
    let mut house =
        House::new(queue, vec![can(&[(russian, 2), (billing, 5)]), can(&[(russian, 9)]), can(&[])]);
    house.call(1);
    let record = house.decision();
    let lacks = |skill, level, asked| Verdict::Lacks { skill, level, asked };
    assert_eq!((record.chosen, record.eligible), (None, 0));
    assert_eq!(record.excluded, [(Filter::Skill, 3)]);
    assert_eq!(
        record.considered,
        [
            (OperatorId(0), lacks(russian, 2, 3)),
            (OperatorId(1), lacks(billing, 0, 1)),
            (OperatorId(2), lacks(billing, 0, 1)),
        ]
    );
    let why = house.acd.why_idle(OperatorId(0)).unwrap();
    assert_eq!((why.filter, why.waiting, why.lacking[0].skill), (None, 1, russian));
    house.until(s(20));
    assert_eq!(house.assigned(), []);
    house.until(s(21));
    let record = house.decision();
    assert_eq!((record.chosen, record.eligible), (Some(OperatorId(0)), 2));
    assert_eq!(record.demand, [(russian, 1)]);
    assert_eq!(record.excluded, [(Filter::Skill, 1)]);
}

#[test]
fn time_with_an_operator_does_not_relax_a_demand() {
    let queue = QueueConfig {
        skills: vec![(SkillId(1), 1)],
        relax: vec![Ring { after_ms: 20_000, skills: Vec::new() }],
        back_off_ms: 3_600_000,
        ..QueueConfig::default()
    };
    let able = OperatorConfig { skills: vec![(SkillId(1), 1)], ..OperatorConfig::default() };
    let mut house = House::new(queue, vec![able, OperatorConfig::default()]);
    house.call(1);
    assert_eq!(house.assigned(), [(1, 0)]);
    house.until(s(500));
    house.put(Input::Lost { task: TaskId(1), ahead: true });
    house.until(s(519));
    assert_eq!(house.assigned(), []);
    house.until(s(520));
    assert_eq!(house.assigned(), [(1, 1)]);
}

#[test]
fn a_ring_that_grows_has_one_winner_and_losers_who_are_not_blamed() {
    let queue = QueueConfig {
        strategy: Strategy::Progressive,
        step_ms: 5_000,
        rona: acd::Rona { after: 1, state: acd::RonaState::Offline },
        ..QueueConfig::default()
    };
    let mut house = House::new(queue, vec![OperatorConfig::default(); 4]);
    house.connects = false;
    house.call(1);
    let mut claims = Vec::new();
    for (seconds, rung) in [(1, vec![0]), (5, vec![]), (6, vec![1]), (11, vec![2])] {
        house.until(s(seconds));
        let new = house.claims();
        assert_eq!(new.iter().map(|(_, who)| *who).collect::<Vec<_>>(), rung, "at {seconds}");
        for (claim, _) in &new {
            house.put(Input::Booked(*claim));
            house.put(Input::Ringing(*claim));
        }
        claims.extend(new);
    }
    house.told.clear();
    house.put(Input::Accepted(claims[1].0));
    house.put(Input::Accepted(claims[2].0));
    let rescinded = |output: &Output| match output {
        Output::Rescind { operator, cause, .. } => Some((operator.0, *cause)),
        _ => None,
    };
    let elsewhere = acd::Rescission::AnsweredElsewhere;
    let losers: Vec<_> = house.told.iter().filter_map(rescinded).collect();
    assert_eq!(losers, [(0, elsewhere), (2, elsewhere)]);
    assert!(house.told.iter().any(|output| matches!(output, Output::TooLate { .. })));
    for who in [0, 2] {
        let view = house.acd.operator(OperatorId(who)).unwrap();
        assert_eq!((view.effective.state, view.missed), (acd::Effective::Ready, 0));
    }
    // Whoever lets it ring out is signed out, as the queue says.
    house.call(2);
    let (claim, who) = house.claims()[0];
    house.put(Input::Booked(claim));
    house.until(s(120));
    let view = house.acd.operator(OperatorId(who)).unwrap();
    let effective = (view.effective.state, view.effective.cause);
    assert_eq!(effective, (acd::Effective::Offline, acd::Cause::Rona));
}

#[test]
fn who_is_worth_waiting_for() {
    let wanted =
        |who| Some(Wanted { operator: OperatorId(who), for_ms: Some(30_000), sticky: true });
    let check = |before: &[Input], expected: &[(u64, u32)], by: u64| {
        let mut house = House::alike(Strategy::InOrder, 2);
        for input in before {
            house.put(input.clone());
        }
        house.assigned();
        let call = Enqueue::call(TaskId(9), QUEUE, Utc(house.now));
        house.put(Input::Enqueue(Enqueue { wanted: wanted(1), ..call }));
        house.until(s(by));
        assert_eq!(house.assigned(), expected, "{before:?}");
    };
    let operator = OperatorId(1);
    let busy = Input::Occupy { operator, work: acd::WorkId(1) };
    check(&[], &[(9, 1)], 1);
    check(std::slice::from_ref(&busy), &[], 30);
    check(&[busy], &[(9, 0)], 31);
    let pause = Input::Choose { operator, choice: acd::Choice::NotReady { reason: None } };
    check(&[pause], &[(9, 0)], 1);
    check(&[Input::Reachable { operator, reachable: false }], &[(9, 0)], 1);
}

#[test]
fn who_served_a_caller_before_and_refuses_counts_as_anybody() {
    let mut house = House::alike(Strategy::InOrder, 2);
    house.connects = false;
    let operator = OperatorId(1);
    let wanted = Some(Wanted { operator, for_ms: None, sticky: true });
    house.put(Input::Enqueue(Enqueue { wanted, ..Enqueue::call(TaskId(1), QUEUE, Utc(s(1))) }));
    let (claim, who) = house.claims()[0];
    assert_eq!(who, 1);
    house.put(Input::Booked(claim));
    house.put(Input::Rejected(claim, Rejection::Busy));
    assert_eq!(house.claims()[0].1, 0, "anybody may have it at once");
    assert_eq!(house.acd.operator(operator).unwrap().missed, 1);
}
