//! How long a decision takes in a large house: 10,000 operators who serve 8 of 500 queues each.
//!
//! `cargo bench -p acd --bench decide` prints nanoseconds, p50, p99, p99.9 and the longest:
//! - `free`: an operator's call is over while 100,000 callers wait, until the next one is theirs;
//! - `call`: a call comes while every fifth operator is free, until one of them has it;
//! - `timeout`: what was due between, such as telling who moved up.
//!
//! And in one of 500 operators, 20 queues:
//! - `skills`: an operator's call is over, or a call comes, while 1,000 wait, and queues ask for skills
//!   that relax in two steps;
//! - `occupied`, `random`: a call comes while 400 are free, for the strategies that keep no order.
//!
//! Measured is the whole turn: the input, and all that comes out. A turn within which the kernel gave
//! the processor to somebody else is left out, and each number is the best of several rounds, as what
//! disturbs only adds.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench reads the clock, prints, and panics where it cannot go on"
)]

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use acd::{
    Acd, Config, Enqueue, Input, Level, OperatorConfig, OperatorId, Output, QueueConfig, QueueId,
    ReservationId, Ring, SkillId, Strategy, TaskId, Utc, Withdrawal,
};

const OPERATORS: u32 = 10_000;
const QUEUES: u32 = 500;
/// Queues of an operator.
const SERVED: usize = 8;
const WAITING: usize = 100_000;
const DECISIONS: usize = 100_000;
const ROUNDS: usize = 3;
/// One caller gives up for so many operators who become free.
const PATIENCE: usize = 5;

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(bound)).unwrap_or(0)
    }
}

/// A watch that knows whether it was looked at all the time.
struct Watch {
    slices: String,
    start: Instant,
}

impl Watch {
    fn start() -> Self {
        Self { slices: slices(), start: Instant::now() }
    }

    /// None where the thread had to wait for a processor between.
    fn stop(&self) -> Option<Duration> {
        let took = self.start.elapsed();
        (self.slices == slices()).then_some(took)
    }
}

/// How often this thread was given a processor; nothing on a system that does not tell.
fn slices() -> String {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().nth(2).unwrap_or_default().to_owned()
}

/// A machine and those who call and serve.
struct House {
    acd: Acd,
    now: Duration,
    dice: Dice,
    last_task: u64,
    /// Who waits.
    waiting: BTreeSet<TaskId>,
    /// Who talks, the longest first.
    talking: VecDeque<(OperatorId, TaskId)>,
    timeouts: Vec<Duration>,
    queues: u32,
    /// Booked because a demand was relaxed.
    relaxed: Vec<Booking>,
}

/// A claim on an operator.
type Booking = (ReservationId, TaskId, OperatorId);

impl House {
    fn large() -> Self {
        Self::new(OPERATORS, QUEUES, &|_, _| QueueConfig::default(), &|_| Vec::new())
    }

    fn new(
        people: u32,
        queues: u32,
        queue: &dyn Fn(u32, &mut Dice) -> QueueConfig,
        skills: &dyn Fn(&mut Dice) -> Vec<Level>,
    ) -> Self {
        let mut dice = Dice(88_172_645_463_325_252);
        let queue = |id| QueueConfig {
            wrap_up_ms: 0,
            max_waiting: u32::MAX,
            max_wait_ms: 0,
            ..queue(id, &mut Dice(u64::from(id) + 7))
        };
        let all = (0..queues).map(|id| (QueueId(id), queue(id))).collect();
        let mut operator = |id| {
            let queues = (0..SERVED).map(|_| QueueId(dice.below(queues))).collect();
            let skills = skills(&mut dice);
            (OperatorId(id), OperatorConfig { queues, skills, ..OperatorConfig::default() })
        };
        let operators = (0..people).map(&mut operator).collect();
        let mut house = Self {
            acd: Acd::new(1, 1),
            now: Duration::from_secs(1),
            dice,
            last_task: 0,
            waiting: BTreeSet::new(),
            talking: VecDeque::new(),
            timeouts: Vec::new(),
            queues,
            relaxed: Vec::new(),
        };
        house.turn(Input::Configure(Config { auto_connect: true, queues: all, operators }));
        for id in 0..people {
            let operator = OperatorId(id);
            house.turn(Input::Reachable { operator, reachable: true });
            house.turn(Input::SignIn { operator });
        }
        house
    }

    /// One turn, and the bookings it asks for.
    fn turn(&mut self, input: Input) -> Option<Booking> {
        self.now += Duration::from_micros(100);
        while self.acd.poll_timeout().is_some_and(|due| due <= self.now) {
            let watch = Watch::start();
            self.acd.handle_timeout(self.now);
            let booked = self.drain();
            self.timeouts.extend(watch.stop());
            self.relaxed.extend(booked);
        }
        self.acd.handle(self.now, input);
        self.drain()
    }

    fn drain(&mut self) -> Option<Booking> {
        let mut booked = None;
        while let Some(output) = self.acd.poll_output() {
            if let Output::Book { reservation, task, operator, .. } = output {
                booked = Some((reservation, task, operator));
            }
        }
        booked
    }

    /// The operator answers, and they talk.
    fn connect(&mut self, (reservation, task, operator): Booking) {
        for input in [
            Input::Booked(reservation),
            Input::Ringing(reservation),
            Input::Accepted(reservation),
            Input::Connected { task },
        ] {
            self.turn(input);
        }
        self.waiting.remove(&task);
        self.talking.push_back((operator, task));
    }

    /// A new call in some queue.
    fn call(&mut self) -> Input {
        self.last_task += 1;
        let queue = QueueId(self.dice.below(self.queues));
        let task = TaskId(self.last_task);
        self.waiting.insert(task);
        let priority_s = self.dice.below(4) * 60;
        Input::Enqueue(Enqueue { priority_s, ..Enqueue::call(task, queue, Utc(self.now)) })
    }

    /// Everybody talks, and so many wait.
    fn fill(&mut self) {
        while self.talking.len() < OPERATORS as usize || self.waiting.len() < WAITING {
            let call = self.call();
            if let Some(booking) = self.turn(call) {
                self.connect(booking);
            }
        }
    }
}

/// An operator is free while very many wait.
fn free() -> (Vec<Duration>, Vec<Duration>) {
    let mut house = House::large();
    house.fill();
    house.timeouts.clear();
    let mut times = Vec::with_capacity(DECISIONS);
    for n in 1..=DECISIONS {
        let (_, task) = house.talking.pop_front().expect("they all talk");
        // What is due has its own time.
        let watch = house.prepare();
        let booking = house.decide(Input::Completed { task });
        times.extend(watch.stop());
        house.connect(booking.expect("somebody waits in one of eight queues"));
        let call = house.call();
        house.turn(call);
        if n.is_multiple_of(PATIENCE) {
            let task = house.waiting.pop_first().expect("they wait");
            house.turn(Input::Withdraw { task, cause: Withdrawal::Abandoned });
            let call = house.call();
            house.turn(call);
        }
    }
    (times, house.timeouts)
}

/// A call comes while some are free.
fn call() -> Vec<Duration> {
    const TALKING: usize = OPERATORS as usize / 5 * 4;
    let mut house = House::large();
    let mut times = Vec::with_capacity(DECISIONS);
    while times.len() < DECISIONS {
        let call = house.call();
        let watch = house.prepare();
        let booking = house.decide(call);
        let took = watch.stop();
        let Some(booking) = booking else { continue };
        house.connect(booking);
        if house.talking.len() > TALKING {
            times.extend(took);
            let (_, task) = house.talking.pop_front().expect("they talk");
            if let Some(booking) = house.turn(Input::Completed { task }) {
                house.connect(booking);
            }
        }
    }
    times
}

/// An operator is free, or a call comes, while 1,000 wait and skills are asked for.
fn skills() -> Vec<Duration> {
    let level = |dice: &mut Dice| (SkillId(dice.below(6)), dice.below(5));
    let queue = |_, dice: &mut Dice| {
        let skills: Vec<Level> = (0..2).map(|_| level(dice)).collect();
        let relaxed = |by: u32| -> Vec<Level> {
            skills.iter().map(|(skill, asked)| (*skill, asked.saturating_sub(by))).collect()
        };
        let ring = |after_ms, by| Ring { after_ms, skills: relaxed(by) };
        QueueConfig { relax: vec![ring(50, 1), ring(100, 4)], skills, ..QueueConfig::default() }
    };
    let held = |dice: &mut Dice| (0..4).map(|skill| (SkillId(skill), dice.below(5))).collect();
    let mut house = House::new(500, 20, &queue, &held);
    let mut times = Vec::with_capacity(DECISIONS);
    while times.len() < DECISIONS {
        while house.waiting.len() < 1_000 {
            let call = house.call();
            let watch = house.prepare();
            let booking = house.decide(call);
            times.extend(watch.stop());
            booking.into_iter().for_each(|booking| house.connect(booking));
        }
        while let Some(booking) = house.relaxed.pop() {
            house.connect(booking);
        }
        let (_, task) = house.talking.pop_front().expect("they talk");
        let watch = house.prepare();
        let booking = house.decide(Input::Completed { task });
        times.extend(watch.stop());
        booking.into_iter().for_each(|booking| house.connect(booking));
    }
    times
}

/// A call comes while 400 of 500 are free.
fn sought(strategy: Strategy) -> Vec<Duration> {
    let queue = |_, _: &mut Dice| QueueConfig { strategy, ..QueueConfig::default() };
    let mut house = House::new(500, 20, &queue, &|_| Vec::new());
    let mut times = Vec::with_capacity(DECISIONS);
    while times.len() < DECISIONS {
        let call = house.call();
        let watch = house.prepare();
        let booking = house.decide(call);
        times.extend(watch.stop());
        booking.into_iter().for_each(|booking| house.connect(booking));
        if house.talking.len() > 100 {
            let (_, task) = house.talking.pop_front().expect("they talk");
            house.turn(Input::Completed { task });
        }
    }
    times
}

impl House {
    /// Lets pass what is due, and starts the watch.
    fn prepare(&mut self) -> Watch {
        while self.acd.poll_timeout().is_some_and(|due| due <= self.now) {
            self.acd.handle_timeout(self.now);
            let booked = self.drain();
            self.relaxed.extend(booked);
        }
        Watch::start()
    }

    /// A turn without what is due before it.
    fn decide(&mut self, input: Input) -> Option<Booking> {
        self.acd.handle(self.now, input);
        self.drain()
    }
}

/// p50, p99, p99.9 and the longest, in nanoseconds.
fn percentiles(times: &mut [Duration]) -> [u128; 4] {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    let at = |thousandths| times.get(last * thousandths / 1_000).map_or(0, Duration::as_nanos);
    [500, 990, 999, 1_000].map(at)
}

const NAMES: [&str; 6] = ["free", "timeout", "call", "skills", "occupied", "random"];

fn main() {
    let mut best = [[u128::MAX; 4]; 6];
    for _ in 0..ROUNDS {
        let (mut times, mut timeouts) = free();
        let small = [skills(), sought(Strategy::LeastOccupied), sought(Strategy::Random)];
        let [mut skills, mut occupied, mut random] = small;
        let all = [&mut times, &mut timeouts, &mut call(), &mut skills, &mut occupied, &mut random];
        let round = all.map(|times| percentiles(times));
        for (best, new) in best.as_flattened_mut().iter_mut().zip(round.as_flattened()) {
            *best = (*best).min(*new);
        }
    }
    println!("ns            p50      p99    p99.9      max");
    for (name, [p50, p99, p999, max]) in NAMES.iter().zip(best) {
        println!("{name:8} {p50:8} {p99:8} {p999:8} {max:8}");
    }
}
