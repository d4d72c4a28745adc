//! What a run is made of: who calls, who answers, how bad the network is. All from a seed, and
//! plain data, so that a failing run can be made smaller by leaving callers out.

use std::collections::BTreeMap;

use b2bua::config::{
    Asks, Before, Calendar, Delivery, Go, HelpHold, Level, Manner, Menu, Notify, OnLimit,
    OnTimeout, PreBridge, Record, Then,
};
use b2bua::{Act, Asker, Audio};

use crate::callbacks::Callbacks;
use crate::delivery::Delivered;
use crate::dice::Dice;
use crate::race::Race;
use crate::raw::CallerLie;
use crate::setup::operator_id;
use crate::transfers::Plan;

/// Milliseconds.
pub(crate) type Ms = u64;

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Everything follows from it.
    pub seed: u64,
    /// Who calls, in order of arrival.
    pub callers: Vec<Caller>,
    /// Who answers.
    pub operators: Vec<Operator>,
    /// What happens to datagrams.
    pub network: Network,
    /// The trunk is known by digest instead of by its address.
    pub trunk_digest: bool,
    /// How often, in a thousand turns, the switch is carried and resumed.
    pub carry_permille: u64,
    /// Seconds of wrap-up.
    pub wrap_up_s: u64,
    /// Seconds an operator is rung.
    pub ring_s: u64,
    /// Answer at once, or when an operator answers.
    pub at_once: bool,
    /// How an operator is chosen.
    pub strategy: acd::Strategy,
    /// Who can do what.
    pub skills: Vec<Vec<Level>>,
    /// What the queue asks for; never more than before.
    pub asks: Asks,
    /// Until one phone more rings, where that is the strategy.
    pub step_ms: Ms,
    /// What an operator is told before the bridge.
    pub pre_bridge: Option<PreBridge>,
    /// What callers are told and asked before they are put through.
    pub reception: Reception,
    /// Longest wait in seconds.
    pub wait_s_max: u64,
    /// Without a packet for so long a leg counts as lost.
    pub dead_audio_ms: Option<Ms>,
    /// How the switch notices that somebody is gone. Phones and callers vanish only where it would,
    /// or by their audio.
    pub watch: sip::Watch,
    /// How often an order comes from the API, on the average.
    pub order_ms: Option<Ms>,
    /// How often, on the average, an order about the people in a call comes: hold, mute, somebody
    /// asked in, a supervisor who comes, changes their mode or leaves.
    pub people_ms: Option<Ms>,
    /// How often somebody is handed on by order, on the average.
    pub transfer_ms: Option<Ms>,
    /// Which operator is none, but a bot: whoever dials their number talks with it first.
    pub bot: Option<usize>,
    /// Which operators are called outside, and have no phone registered.
    pub outside: Vec<usize>,
    /// Whoever calls the queue goes where a hook says.
    pub hooked: bool,
    /// How customers get to operators.
    pub delivery: Delivery,
    /// What comes of it where their trunk is asked; by chance if none.
    pub delivered: Option<Delivered>,
    /// In a thousand of those orders: about help.
    pub help_permille: u64,
    /// From when on a customer is held by it.
    pub help_hold: HelpHold,
    /// Orders about the people in the call that is open then: when, whose, what.
    pub script: Vec<(Ms, Asker, Act)>,
    /// Orders that an operator calls another one: when, who, whom.
    pub clicks: Vec<(Ms, usize, usize)>,
    /// Operators press these keys at these times, in the call they are in.
    pub keys: Vec<(Ms, usize, &'static str)>,
    /// So many of the operators, the last ones, may watch; every second of them serves as well.
    pub supervisors: usize,
    /// Whether operators learn of them.
    pub notify: Notify,
    /// Reloads: when, for how long, without whom.
    pub reloads: Vec<(Ms, Ms, usize)>,
    /// When no new call is taken any more.
    pub drain_ms: Option<Ms>,
    /// Port pairs of the first of two media threads; half of all if none.
    pub first_thread: Option<u16>,
    /// In a thousand datagrams to the switch: comes again minutes later.
    pub replay_permille: u64,
    /// Whether calls are recorded.
    pub record: Record,
    /// How often somebody switches a recording, or a disk fails it, on the average.
    pub record_ms: Option<Ms>,
    /// Whether and how callers are called back.
    pub callbacks: Option<Callbacks>,
    /// For how long tasks are kept back, if they are.
    pub hold: Option<acd::Hold>,
    /// Tasks wait to be picked.
    pub by_hand: bool,
    /// Orders about the first task that is open: when, and who is to have it, or that it is released.
    pub picks: Vec<(Ms, Option<usize>)>,
    /// What comes to the switch at one and the same instant.
    pub race: Option<Race>,
}

/// What callers are told and asked before they are put through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reception {
    /// A caller by number who is not wanted.
    pub refused: Option<usize>,
    /// Everybody who calls the queue comes to it first.
    pub menu: Option<Menu>,
    /// What becomes of callers whom a limit meets.
    pub on_limit: Vec<OnLimit>,
    /// Keys that lead out of the queue.
    pub exits: BTreeMap<char, Go>,
    /// Where customers go whose operators have hung up.
    pub after: Option<Go>,
    /// How often those who wait are told where they stand.
    pub announce_ms: Option<Ms>,
    /// When the queue is open.
    pub calendar: Calendar,
    /// Places to wait in.
    pub waiting_max: Option<usize>,
    /// How often somebody who waits presses a key, on the average.
    pub keys_ms: Option<Ms>,
}

impl Reception {
    /// Whether a key may park a call.
    pub(crate) fn parks(&self) -> bool {
        let keys = self.menu.iter().flat_map(|menu| menu.keys.values());
        keys.chain(self.exits.values()).any(|go| matches!(go, Go::Park { .. }))
    }
}

impl Caller {
    /// Somebody patient who calls the queue after so long and talks for five seconds.
    #[must_use]
    pub fn calm(at_ms: u64) -> Self {
        Self {
            at_ms,
            patience_ms: 90_000,
            talk_ms: 5_000,
            late_offer: false,
            requires_reliable: false,
            reinvite_ms: None,
            direct: None,
            plan: None,
            lie: None,
        }
    }
}

/// Somebody who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// When.
    pub at_ms: Ms,
    /// Hangs up after waiting for so long.
    pub patience_ms: Ms,
    /// Hangs up after talking for so long.
    pub talk_ms: Ms,
    /// Sends no offer, and answers ours in the ACK.
    pub late_offer: bool,
    /// Requires that provisional responses are reliable (RFC 3262).
    pub requires_reliable: bool,
    /// re-INVITEs so long after being answered.
    pub reinvite_ms: Option<Ms>,
    /// Dials an operator's number instead of the queue's.
    pub direct: Option<usize>,
    /// Hands the call on, so long after they were answered.
    pub plan: Option<Plan>,
    /// Tells a lie: a number of one, see `raw/caller.rs`.
    pub lie: Option<usize>,
}

/// Somebody who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Picks up after so long, on the average.
    pub answer_ms: Ms,
    /// In a thousand calls: declines.
    pub decline_permille: u64,
    /// In a thousand calls: is busy.
    pub busy_permille: u64,
    /// In a thousand calls: lets it ring.
    pub ignore_permille: u64,
    /// In a thousand calls: the phone says nothing at all.
    pub mute_permille: u64,
    /// In a thousand calls: the phone says where it speaks from before it is answered.
    pub early_permille: u64,
    /// In a thousand calls: hangs up within a few milliseconds of the answer.
    pub fumble_permille: u64,
    /// In a thousand calls: hangs up first.
    pub hang_up_permille: u64,
    /// In a thousand calls: holds and resumes.
    pub hold_permille: u64,
    /// In a thousand calls: hands it on.
    pub move_permille: u64,
    /// How; each time otherwise if none.
    pub plan: Option<Plan>,
    /// Registers two phones.
    pub phones: usize,
    /// In a thousand calls: the phone tells a lie, see `raw/phone.rs`.
    pub lie_permille: u64,
    /// In a thousand calls answered: the phone dies.
    pub die_permille: u64,
    /// Unregisters and registers again at these times.
    pub away_ms: Vec<(Ms, Ms)>,
    /// Their phone dies at this time, and is back so long after.
    pub dead_ms: Option<(Ms, Ms)>,
    /// Hangs up whatever they talk on at this time.
    pub leaves_ms: Option<Ms>,
    /// Asks then who is registered.
    pub fetch_ms: Option<Ms>,
    /// Has a wrong password in the phone.
    pub wrong_password: bool,
}

/// What happens to datagrams, each on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// In a thousand: lost.
    pub loss_permille: u64,
    /// In a thousand: arrives twice.
    pub twice_permille: u64,
    /// Least delay.
    pub delay_ms: Ms,
    /// Added to it, evenly: what is more than the gap between two overtakes.
    pub jitter_ms: Ms,
}

impl Scenario {
    /// A short run full of trouble.
    #[must_use]
    pub fn rough(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let network = rough_network(&mut dice);
        let operators: Vec<_> =
            (0..dice.between(1, 4)).map(|_| rough_operator(&mut dice)).collect();
        let direct = |dice: &mut Dice| {
            let index = usize::try_from(dice.below(operators.len() as u64)).unwrap_or(0);
            dice.one_in_1000(100).then_some(index)
        };
        let mut callers: Vec<_> =
            (0..dice.between(1, 12)).map(|_| rough_caller(&mut dice, direct)).collect();
        callers.sort_by_key(|caller| caller.at_ms);
        let dead_audio_ms = dice.one_in_1000(500).then(|| dice.between(1_000, 10_000));
        let mut watch = rough_watch(&mut dice);
        let mut others = Dice::new(seed ^ 0x00b7_10a5);
        let mut choosing = Dice::new(seed ^ 0x5c11_1150);
        if others.one_in_1000(300) {
            watch.qualify_s = u32::try_from(others.between(10, 60)).unwrap_or(10);
        }
        let outside = outside(seed, &operators);
        let reloads = dice.one_in_1000(200).then(|| {
            let who = usize::try_from(dice.below(operators.len() as u64)).unwrap_or(0);
            (dice.between(1_000, 40_000), dice.between(1, 20_000), who)
        });
        Self {
            seed,
            callers,
            network,
            carry_permille: dice.below(30),
            wrap_up_s: dice.below(4),
            ring_s: dice.between(2, 15),
            at_once: dice.one_in_1000(700),
            strategy: [
                acd::Strategy::LongestIdle,
                acd::Strategy::InOrder,
                any_strategy(&mut choosing),
                acd::Strategy::RingAll,
            ][usize::try_from(dice.below(4)).unwrap_or(0)],
            asks: rough_asks(&mut choosing),
            skills: operators.iter().map(|_| rough_levels(&mut choosing, 5)).collect(),
            step_ms: choosing.between(300, 5_000),
            wait_s_max: dice.between(5, 120),
            dead_audio_ms,
            watch,
            order_ms: dice.one_in_1000(300).then(|| dice.between(500, 10_000)),
            outside,
            reloads: reloads.into_iter().collect(),
            drain_ms: dice.one_in_1000(150).then(|| dice.between(5_000, 40_000)),
            replay_permille: if dice.one_in_1000(300) { dice.below(40) } else { 0 },
            operators,
            record: [Record::Always, Record::OnDemand, Record::Never]
                [usize::try_from(dice.below(3)).unwrap_or(0)],
            record_ms: dice.one_in_1000(500).then(|| dice.between(300, 5_000)),
            ..Self::smooth(seed, 0, 1)
        }
    }

    /// Whether the switch notices that somebody has vanished.
    #[must_use]
    pub(crate) fn is_watched(&self) -> bool {
        let watch = &self.watch;
        self.dead_audio_ms.is_some() || watch.interval_s > 0 || watch.probe_s > 0
    }

    /// Whether chance alone says what becomes of calls without their customer.
    #[must_use]
    pub(crate) fn is_left_alone(&self) -> bool {
        self.script.is_empty() && self.race.is_none()
    }

    /// The same with people who hand calls on, in every way and at every moment.
    #[must_use]
    pub fn moving(seed: u64) -> Self {
        let mut scenario = Self::rough(seed);
        let mut dice = Dice::new(seed ^ 0x7e57);
        let more = scenario.operators.first().cloned();
        scenario.operators.extend(more.filter(|_| scenario.operators.len() < 3));
        let operators = scenario.operators.len() as u64;
        for operator in &mut scenario.operators {
            operator.move_permille = dice.between(200, 900);
        }
        for caller in &mut scenario.callers {
            caller.plan = dice
                .one_in_1000(150)
                .then(|| Plan { holds: false, ..Plan::rough(&mut dice, operators) });
        }
        let mut others = Dice::new(seed ^ 0x0a1d);
        scenario.transfer_ms = others.one_in_1000(600).then(|| others.between(200, 4_000));
        scenario
    }

    /// The same where next to nobody hands a call on by phone, and most are by order, again and again.
    #[must_use]
    pub fn handing(seed: u64) -> Self {
        let mut scenario = Self::moving(seed);
        let mut dice = Dice::new(seed ^ 0x4a4d);
        scenario.transfer_ms = Some(dice.between(100, 1_500));
        for operator in &mut scenario.operators {
            operator.move_permille = 1 + dice.below(60);
            operator.answer_ms = operator.answer_ms.min(dice.exponential(1_500));
        }
        for caller in &mut scenario.callers {
            caller.talk_ms += dice.exponential(10_000);
        }
        scenario
    }

    /// The same with a bot that most callers talk with first. It hands them on by REFER, or an order does,
    /// and it gets them back or not.
    #[must_use]
    pub fn greeting(seed: u64) -> Self {
        let mut scenario = Self::handing(seed);
        let mut dice = Dice::new(seed ^ 0x0b07);
        let bot = scenario.operators.len();
        scenario.bot = Some(bot);
        scenario.operators.push(Operator {
            answer_ms: 1 + dice.exponential(300),
            move_permille: dice.between(300, 900),
            hang_up_permille: dice.below(300),
            ..Self::quiet(1).operators[0].clone()
        });
        for caller in &mut scenario.callers {
            if dice.one_in_1000(800) {
                caller.direct = Some(bot);
            }
        }
        if Dice::new(seed ^ 0x0af7).one_in_1000(400) {
            scenario.reception.after = Some(Go::Bot("greeter".into()));
        }
        scenario
    }

    /// The same with supervisors who come, go and change their modes, and with people who are held,
    /// muted, asked in and sent away by order, at every moment. In some runs calls are handed on too.
    #[must_use]
    pub fn watching(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x0bee);
        let moves = dice.one_in_1000(250);
        let mut scenario = if moves { Self::moving(seed) } else { Self::rough(seed) };
        scenario.supervisors = usize::try_from(dice.between(1, 3)).unwrap_or(1);
        for _ in 0..scenario.supervisors {
            let calm = Operator {
                answer_ms: dice.exponential(400),
                ..Self::quiet(1).operators[0].clone()
            };
            let mut supervisor =
                if dice.one_in_1000(700) { calm } else { rough_operator(&mut dice) };
            // Whoever is joined to a colleague by somebody who leaves hangs up in the end.
            supervisor.move_permille = u64::from(moves);
            scenario.operators.push(supervisor);
        }
        scenario.people_ms = Some(dice.between(100, 2_000));
        scenario.notify = [Notify::Nothing, Notify::Event, Notify::Beep, Notify::Beep]
            [usize::try_from(dice.below(4)).unwrap_or(0)];
        scenario
    }

    /// The same where operators are told something before they are put through, or wait for a word.
    #[must_use]
    pub fn briefing(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x0b1e);
        let watches = dice.one_in_1000(300);
        let mut scenario = if watches { Self::watching(seed) } else { Self::rough(seed) };
        let before = match dice.below(5) {
            0 => Before::Play("closed".into()),
            1 => Before::Play("lost".into()),
            2 => Before::Say("A call from {from} to {queue}".into()),
            3 => Before::Say("{X-Nothing}".into()),
            _ => Before::Decide,
        };
        let words = [OnTimeout::Connect, OnTimeout::Requeue];
        let on_timeout = words[usize::try_from(dice.below(2)).unwrap_or(0)];
        let timeout_ms = dice.between(300, 8_000);
        scenario.pre_bridge = Some(PreBridge { before, timeout_ms, on_timeout });
        scenario.people_ms = scenario.people_ms.or(Some(dice.between(300, 3_000)));
        for caller in &mut scenario.callers {
            caller.patience_ms = caller.patience_ms.min(500 + dice.exponential(8_000));
        }
        scenario
    }

    /// The same with a menu before the queue, and a queue that has few places, says which one a caller
    /// has, and has ways out of it, by key and by its limits.
    #[must_use]
    pub fn receiving(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x0de5);
        let briefs = dice.one_in_1000(300);
        let mut scenario = if briefs { Self::briefing(seed) } else { Self::rough(seed) };
        scenario.wait_s_max = dice.between(2, 30);
        let prompt = |name: &str| Audio::Prompt(vec![name.into()]);
        let mut go = || match dice.below(7) {
            0 | 1 => {
                Go::Queue { queue: "support".into(), priority_s: None, manner: Manner::default() }
            }
            2 => Go::Operator(operator_id(0).into()),
            3 => Go::Announce(prompt("closed")),
            4 => Go::Announce(prompt("nothing-there")),
            5 => Go::Park { timeout_ms: 20_000 },
            _ => Go::Menu("main".into()),
        };
        let menu = Menu {
            name: "main".into(),
            prompt: prompt("closed"),
            keys: ('1'..='4').map(|key| (key, go())).collect(),
            timeout_ms: 2_000,
            retries: 1,
            otherwise: Go::Queue {
                queue: "support".into(),
                priority_s: None,
                manner: Manner::default(),
            },
        };
        let exits = ('5'..='7').map(|key| (key, go())).collect();
        let overflow = go();
        let reasons = vec![
            acd::LimitReason::MaxWait,
            acd::LimitReason::QueueFull,
            acd::LimitReason::NobodySignedIn,
        ];
        let then = match dice.below(3) {
            0 => Then::Wait,
            1 => Then::Go(overflow),
            _ => Then::HangUp(480),
        };
        let say = dice.one_in_1000(600).then(|| prompt("closed"));
        let on_limit =
            if dice.one_in_1000(700) { vec![OnLimit { reasons, say, then }] } else { Vec::new() };
        scenario.reception = Reception {
            refused: None,
            menu: dice.one_in_1000(600).then_some(menu),
            on_limit,
            exits,
            after: None,
            announce_ms: dice.one_in_1000(600).then(|| dice.between(1_000, 6_000)),
            calendar: Calendar::default(),
            waiting_max: dice
                .one_in_1000(400)
                .then(|| usize::try_from(dice.between(1, 3)).unwrap_or(1)),
            keys_ms: Some(dice.between(300, 4_000)),
        };
        scenario.hooked = Dice::new(seed ^ 0x400c).one_in_1000(300);
        scenario
    }

    /// The same with colleagues and queues who are asked for help, and everybody who leaves meanwhile.
    #[must_use]
    pub fn helping(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x4e19);
        let mut scenario = match dice.below(4) {
            0 => Self::watching(seed),
            1 => Self::moving(seed),
            _ => Self::rough(seed),
        };
        let calm = Self::quiet(1).operators[0].clone();
        for _ in 0..dice.between(1, 3) {
            let answer_ms = dice.exponential(1_500);
            scenario.operators.insert(0, Operator { answer_ms, ..calm.clone() });
        }
        for operator in &mut scenario.operators {
            operator.hang_up_permille = operator.hang_up_permille.max(dice.below(500));
        }
        for caller in &mut scenario.callers {
            caller.talk_ms += dice.exponential(15_000);
        }
        scenario.people_ms = Some(dice.between(100, 1_500));
        (scenario.supervisors, scenario.help_permille) =
            (scenario.supervisors.max(1), dice.between(400, 900));
        if dice.one_in_1000(400) {
            scenario.help_hold = HelpHold::Request;
        }
        scenario
    }

    /// A quiet house with this many operators who pick up at once and nobody who calls: for tests
    /// to fill.
    #[must_use]
    pub fn quiet(operators: u64) -> Self {
        let mut quiet = Self::smooth(1, 0, operators);
        for operator in &mut quiet.operators {
            (operator.answer_ms, operator.ignore_permille, operator.hang_up_permille) = (800, 0, 0);
        }
        quiet.network.delay_ms = 10;
        quiet
    }

    /// A working day without trouble: `calls` calls at a rate that keeps the operators busy.
    #[must_use]
    pub fn smooth(seed: u64, calls: u64, operators: u64) -> Self {
        let mut dice = Dice::new(seed);
        let talk_ms = 60_000;
        let mut at_ms = 2_000;
        let mut caller = |_| {
            at_ms += dice.exponential(talk_ms * 11 / 10 / operators);
            Caller {
                at_ms,
                patience_ms: 10_000 + dice.exponential(120_000),
                talk_ms: dice.exponential(talk_ms),
                late_offer: false,
                requires_reliable: false,
                reinvite_ms: None,
                direct: None,
                plan: None,
                lie: None,
            }
        };
        let callers = (0..calls).map(&mut caller).collect();
        Self {
            seed,
            callers,
            operators: (0..operators).map(|_| calm_operator()).collect(),
            network: Network { loss_permille: 0, twice_permille: 0, delay_ms: 5, jitter_ms: 0 },
            trunk_digest: false,
            carry_permille: 0,
            wrap_up_s: 3,
            ring_s: 15,
            at_once: true,
            strategy: acd::Strategy::LongestIdle,
            asks: Asks::default(),
            skills: Vec::new(),
            step_ms: 5_000,
            pre_bridge: None,
            reception: Reception::default(),
            wait_s_max: 120,
            dead_audio_ms: None,
            watch: sip::Watch::default(),
            order_ms: None,
            people_ms: None,
            transfer_ms: None,
            bot: None,
            outside: Vec::new(),
            hooked: false,
            delivery: Delivery::Bridge,
            delivered: None,
            help_permille: 0,
            help_hold: HelpHold::Answer,
            script: Vec::new(),
            clicks: Vec::new(),
            keys: Vec::new(),
            supervisors: 0,
            notify: Notify::Beep,
            reloads: Vec::new(),
            first_thread: None,
            drain_ms: None,
            replay_permille: 0,
            record: Record::Never,
            record_ms: None,
            callbacks: None,
            hold: None,
            by_hand: false,
            picks: Vec::new(),
            race: None,
        }
    }
}

/// At times an operator is at a number outside.
fn outside(seed: u64, operators: &[Operator]) -> Vec<usize> {
    let mut dice = Dice::new(seed ^ 0x0075_1de5);
    let who = dice.one_in_1000(200).then(|| dice.below(operators.len() as u64));
    who.map(|who| usize::try_from(who).unwrap_or(0)).into_iter().collect()
}

/// Answers nearly always, within seconds.
fn calm_operator() -> Operator {
    Operator {
        answer_ms: 2_000,
        decline_permille: 0,
        busy_permille: 0,
        ignore_permille: 5,
        mute_permille: 0,
        early_permille: 0,
        fumble_permille: 0,
        hang_up_permille: 500,
        hold_permille: 0,
        move_permille: 0,
        plan: None,
        phones: 1,
        fetch_ms: None,
        wrong_password: false,
        lie_permille: 0,
        die_permille: 0,
        away_ms: Vec::new(),
        dead_ms: None,
        leaves_ms: None,
    }
}

fn rough_network(dice: &mut Dice) -> Network {
    let lossy = dice.one_in_1000(600);
    Network {
        loss_permille: if lossy { dice.below(150) } else { 0 },
        twice_permille: if lossy { dice.below(100) } else { 0 },
        delay_ms: dice.below(40),
        jitter_ms: dice.below(120),
    }
}

fn any_strategy(dice: &mut Dice) -> acd::Strategy {
    let all = acd::Strategy::ALL;
    all[usize::try_from(dice.below(all.len() as u64)).unwrap_or(0)]
}

/// Levels of two skills, some of them.
fn rough_levels(dice: &mut Dice, most: u64) -> Vec<Level> {
    let some: Vec<_> =
        ["russian", "billing"].into_iter().filter(|_| dice.one_in_1000(600)).collect();
    let level = |dice: &mut Dice| u32::try_from(dice.below(most)).unwrap_or(0);
    some.into_iter().map(|skill| (skill.into(), level(dice))).collect()
}

/// Nothing in most runs; else a demand that is lowered in steps, to nothing at last in most of them.
fn rough_asks(dice: &mut Dice) -> Asks {
    if !dice.one_in_1000(400) {
        return Asks::default();
    }
    let mut asks = Asks { skills: rough_levels(dice, 5), relax: Vec::new() };
    let (mut after_ms, mut skills) = (0, asks.skills.clone());
    for _ in 0..dice.below(3) {
        after_ms += dice.between(100, 15_000);
        for (_, level) in &mut skills {
            *level = u32::try_from(dice.below(u64::from(*level) + 1)).unwrap_or(0);
        }
        asks.relax.push((after_ms, skills.clone()));
    }
    if dice.one_in_1000(800) {
        asks.relax.push((after_ms + dice.between(100, 20_000), Vec::new()));
    }
    asks
}

/// Timers and probes far shorter than any real network should see.
fn rough_watch(dice: &mut Dice) -> sip::Watch {
    let seconds = u32::try_from(dice.between(4, 20)).unwrap_or(4);
    let (interval_s, probe_s) = match dice.below(5) {
        0 | 1 => (0, 0),
        2 => (seconds, 0),
        3 => (0, seconds),
        _ => (2 * seconds + 1, seconds),
    };
    sip::Watch { interval_s, interval_s_min: 4, probe_s, qualify_s: 0 }
}

fn rough_operator(dice: &mut Dice) -> Operator {
    let mut rare = || if dice.one_in_1000(400) { dice.below(400) } else { 0 };
    let mut operator = Operator {
        decline_permille: rare(),
        busy_permille: rare(),
        ignore_permille: rare(),
        mute_permille: rare(),
        early_permille: rare(),
        fumble_permille: rare(),
        hang_up_permille: rare(),
        hold_permille: rare(),
        move_permille: 0,
        plan: None,
        lie_permille: rare(),
        die_permille: rare(),
        answer_ms: 0,
        phones: 1,
        fetch_ms: None,
        wrong_password: false,
        away_ms: Vec::new(),
        dead_ms: None,
        leaves_ms: None,
    };
    operator.die_permille *= 2;
    operator.answer_ms = dice.exponential(3_000);
    operator.phones = if dice.one_in_1000(250) { 2 } else { 1 };
    if dice.one_in_1000(300) {
        let from = dice.between(3_000, 40_000);
        operator.away_ms.push((from, from + dice.between(100, 20_000)));
    }
    operator
}

fn rough_caller(dice: &mut Dice, direct: impl Fn(&mut Dice) -> Option<usize>) -> Caller {
    Caller {
        at_ms: dice.between(1_000, 30_000),
        patience_ms: match dice.one_in_1000(100) {
            true => dice.between(60_000, 150_000),
            false => dice.exponential(15_000),
        },
        talk_ms: dice.exponential(8_000),
        late_offer: dice.one_in_1000(150),
        requires_reliable: dice.one_in_1000(150),
        reinvite_ms: dice.one_in_1000(300).then(|| dice.below(300)),
        direct: direct(dice),
        plan: None,
        lie: dice
            .one_in_1000(120)
            .then(|| usize::try_from(dice.below(CallerLie::ALL.len() as u64)).unwrap_or(0)),
    }
}
