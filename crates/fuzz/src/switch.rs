//! The switch: the endpoint, the distributor and the calls, under arbitrary sequences of what peers,
//! media threads, the API and time can do to them.

use std::collections::BTreeMap;

use b2bua::config::{
    Abandoned, Announce, Answer, Asks, Before, Calendar, CallbackPolicy, Codes, Config, Delivery,
    First, Go, HeaderRules, HelpHold, Hook, Hours, Identity, Limits, Manner, Media, Menu, Notify,
    OnLimit, OnTimeout, Operator, Outgoing, Pickup, PreBridge, Queue, Rank, Record, SignIn,
    Supervise, Then, Trunk,
};
use b2bua::event::Recorded;
use b2bua::{
    Audio, B2bua, Carried, Choice, Command, Counts, HookAnswer, Input, Origin, Output, Rewriting,
    Rule, Sound, Sounds, Start, Time,
};
use media::{Codec, Lease, LegId};

use crate::dice::Dice;
use crate::endpoint::{config as sip_config, ms};
use crate::peers::{Peers, any_flow, flow};

/// Steps of one sequence.
const STEPS_MAX: usize = 200;
/// More timers than that in a row are none that ends.
const TIMERS_MAX: usize = 20_000;

struct Chaos<'a> {
    dice: Dice<'a>,
    switch: B2bua,
    now: Time,
    peers: Peers,
    queries: Vec<u64>,
    /// Sounds it wants made.
    makings: Vec<u64>,
    /// What it wants on the disk.
    confirms: Vec<u64>,
    questions: Vec<u64>,
    calls: Vec<b2bua::CallKey>,
}

/// Whatever happens, the invariants of calls and of the distributor hold after each step, and once
/// all calls are ended and time has passed nothing of them is left.
pub fn switch(data: &[u8]) {
    let mut dice = Dice::new(data);
    let kind = dice.byte();
    let start = Start {
        seed: [kind; 32],
        first_seq: 1,
        since_unix: Time::from_secs(1_800_000_000),
        leases: (0..8).map(|n| Lease { thread: n % 2, port: 20_000 + 2 * n }).collect(),
    };
    let mut chaos = Chaos {
        dice,
        switch: B2bua::new(config(kind), start),
        now: Time::ZERO,
        peers: Peers::new(),
        queries: Vec::new(),
        makings: Vec::new(),
        confirms: Vec::new(),
        questions: Vec::new(),
        calls: Vec::new(),
    };
    chaos.input(Input::Sounds(Box::new(sounds())));
    for user in ["alice", "bob"].into_iter().take(usize::from(kind >> 3) % 3) {
        chaos.register(user);
    }
    for _ in 0..STEPS_MAX {
        if chaos.dice.is_empty() {
            break;
        }
        chaos.step();
        chaos.switch.check().expect("the invariants");
    }
    chaos.quiesce();
}

fn sounds() -> Sounds {
    let sound = |name: &str| (name.into(), Sound { origin: Origin::MadeIn, ms: 1_000 });
    Sounds { sounds: ["default", "en/closed"].map(sound).into(), mute: None }
}

/// In every second one of those that answer at once.
fn pre_bridge(kind: u8) -> Option<PreBridge> {
    let before = match kind >> 5 & 3 {
        0 => Before::Decide,
        1 => Before::Say("{from}".into()),
        2 => Before::Play("closed".into()),
        _ => Before::Play("lost".into()),
    };
    let on_timeout = if kind & 2 == 0 { OnTimeout::Connect } else { OnTimeout::Requeue };
    (kind & 1 == 0).then_some(PreBridge { before, timeout_ms: 3_000, on_timeout })
}

/// The trunk that everybody comes by.
fn rule(strip: &str, add: &str) -> Rule {
    Rule { strip: strip.into(), add: add.into(), digits: None }
}

fn trunk(kind: u8) -> Trunk {
    Trunk {
        name: "other".into(),
        proxy: sip::msg::Uri::parse("sip:192.0.2.2").ok().filter(|_| kind & 1 == 0),
        credentials: None,
        calls_max: 5,
        outgoing: Outgoing::Internal,
        headers: HeaderRules::of_trunk(),
        trusted: kind & 16 == 0,
        number_in: Rewriting(vec![rule("+7", "8")]),
        number_out: Rewriting(vec![rule("8", "+7")]),
        identity: Identity::Customer,
        caller_id: None,
        redirects: sip::Redirects::Refused,
        codecs: None,
    }
}

fn callback(kind: u8) -> CallbackPolicy {
    CallbackPolicy {
        key: Some('*'),
        trunk: None,
        first: if kind & 8 == 0 { First::Operator } else { First::Customer },
        confirm: kind & 2 == 0,
        attempts_max: 2,
        gap_ms: 3_000,
        expires_ms: 60_000,
        share: 300,
        hours: hours("Mo-Fr 09:00-11:02 Europe/Moscow").filter(|_| kind & 32 != 0),
    }
}

fn hours(text: &str) -> Option<Hours> {
    Hours::parse(text).ok()
}

fn operator(kind: u8, id: &str) -> Operator {
    Operator {
        id: id.into(),
        number: Some(if id == "alice" { "101".into() } else { "102".into() }),
        name: id.into(),
        contact: (id == "bob" && kind & 16 != 0)
            .then(|| Go::Number { number: "+7495".into(), trunk: "other".into() }),
        queues: vec!["support".into()],
        skills: Vec::new(),
        weight: 1,
        wrap_up_ms: (kind & 1 == 0).then_some(3_000),
        sign_in: SignIn::Register,
        outgoing: Outgoing::Internal,
        total_max: 4,
        voice_max: 1,
        headers: HeaderRules::of_operator(),
        caller_id: None,
        pickup: Pickup::Any,
        codecs: None,
        rank: if id == "alice" { Rank::Operator } else { Rank::Supervisor },
        supervises: vec!["support".into()],
    }
}

fn announced() -> Go {
    Go::Announce(Audio::Prompt(vec!["closed".into()]))
}

fn on_limit(kind: u8) -> Vec<OnLimit> {
    let say = (kind & 8 == 0).then(|| Audio::Prompt(vec!["closed".into()]));
    let then = match kind & 3 {
        0 => Then::Wait,
        1 => Then::Go(Go::Menu("main".into())),
        2 => Then::Go(Go::Queue {
            queue: "support".into(),
            priority_s: Some(5),
            manner: Manner::default(),
        }),
        _ => return Vec::new(),
    };
    let reasons = vec![acd::LimitReason::QueueFull, acd::LimitReason::MaxWait];
    vec![OnLimit { reasons, say, then }]
}

fn menu() -> Menu {
    let queue = Go::Queue { queue: "support".into(), priority_s: None, manner: Manner::default() };
    let again = Go::Menu("main".into());
    Menu {
        name: "main".into(),
        prompt: Audio::Prompt(vec!["closed".into()]),
        keys: BTreeMap::from([
            ('1', queue),
            ('2', announced()),
            ('3', again.clone()),
            ('4', Go::Hook("crm".into())),
        ]),
        timeout_ms: 1_000,
        retries: 1,
        otherwise: again,
    }
}

fn delivery(kind: u8) -> Delivery {
    if kind & 2 == 0 { Delivery::Bridge } else { Delivery::Refer { busy_ms: 5_000 } }
}

fn hook() -> Hook {
    Hook { name: "crm".into(), url: "".into(), deadline_ms: 1_000, otherwise: announced() }
}

/// Two operators, one queue, one trunk.
fn config(kind: u8) -> Config {
    Config {
        sip: sip_config(kind & 0xe0),
        listeners: vec![([192, 0, 2, 1], 5060).into()],
        node: 1,
        media: Media {
            listen: [0, 0, 0, 0].into(),
            advertise: None,
            codecs: Codec::ALL.to_vec(),
            music: "default".into(),
            language: "en".into(),
            dead_audio_ms: Some(20_000),
            asymmetric_rtp: kind & 2 == 0,
            record: if kind & 4 == 0 { Record::Always } else { Record::OnDemand },
        },
        operators: vec![operator(kind, "alice"), operator(kind, "bob")],
        queues: vec![Queue {
            help_hold: HelpHold::Answer,
            name: "support".into(),
            number: Some("600".into()),
            strategy: acd::Strategy::LongestIdle,
            asks: Asks::default(),
            step_ms: 5_000,
            sticky_ms: if kind & 4 == 0 { 60_000 } else { 0 },
            sticky_wait_ms: 5_000,
            priority_s: 0,
            ring_ms: 5_000,
            wrap_up_ms: 2_000,
            rona_after: u32::from(kind & 2 == 0),
            rona_state: acd::RonaState::NotReady,
            back_off_ms: 1_000,
            waiting_max: 2,
            wait_ms_max: 30_000,
            join_empty: kind & 4 == 0,
            auto_connect: true,
            hold: kind & 32 != 0,
            hold_for: acd::Hold::For(2_000),
            calendar: Calendar {
                // It begins as a Friday's working day does, and closes in a minute.
                hours: hours("Mo-Fr 09:00-11:01 Europe/Moscow").filter(|_| kind & 64 != 0),
                holidays: Vec::new(),
            },
            music: None,
            language: None,
            pre_bridge: pre_bridge(kind),
            answer: if kind & 8 == 0 { Answer::AtOnce } else { Answer::OnConnect },
            service_level_ms: 20_000,
            on_limit: on_limit(kind),
            after: Some(Go::Menu("main".into())),
            delivery: delivery(kind),
            exits: BTreeMap::from([('1', Go::Menu("main".into())), ('2', announced())]),
            announce: (kind & 1 == 0).then_some(Announce { position_every_ms: 2_000 }),
            record: (kind & 2 == 0).then_some(Record::OnDemand),
            caller_id: None,
            callback: (kind & 1 == 0).then(|| callback(kind)),
            abandoned: if kind & 1 == 0 { Abandoned::CalledBack } else { Abandoned::Removed },
        }],
        trunks: vec![trunk(kind)],
        bots: Vec::new(),
        routes: Vec::new(),
        menus: vec![menu()],
        hooks: vec![hook()],
        auto_connect: true,
        limits: Limits { calls_max: 6, context_value_max: 64, context_values_max: 4 },
        supervise: Supervise {
            notify: if kind & 2 == 0 { Notify::Beep } else { Notify::Nothing },
            auto_answer: kind & 4 == 0,
        },
        codes: Codes::default(),
        header_prefix: "X-CRM-".into(),
    }
}

impl Chaos<'_> {
    fn step(&mut self) {
        match self.dice.below(24) {
            0..15 => {
                if let Some(input) = self.peers.say(&mut self.dice) {
                    self.input(Input::Sip(input));
                }
            }
            15 | 16 => self.resolver_answers(),
            // One answer may be to nothing that was asked.
            17 if self.dice.below(2) == 0 => {
                if let Some(token) = self.questions.pop() {
                    let (go, context) = (Go::Menu("main".into()), BTreeMap::new());
                    let result = Ok(HookAnswer { go, context });
                    self.input(Input::Answered { token, result });
                }
                if let Some(token) = self.confirms.pop() {
                    self.input(Input::Stored { token });
                }
                let token = self.makings.pop().unwrap_or(1);
                let bytes = u64::from(self.dice.byte()) << 18;
                let result = if bytes == 0 { Err("no voice".into()) } else { Ok(bytes) };
                self.input(Input::Made { token, result });
            }
            17 => {
                let flow = any_flow(&mut self.dice);
                self.input(Input::Sip(sip::Input::FlowFailed { flow }));
            }
            18 => self.media_tells(),
            19 | 20 => self.api_orders(),
            21 => self.restart(),
            _ => self.time_passes(),
        }
    }

    /// A phone is challenged, and registers.
    fn register(&mut self, user: &str) {
        for number in 1..3 {
            let contact = format!("Contact: <sip:{user}@192.0.2.2>");
            let message = self.peers.registration(user, &contact, number, 1);
            self.input(Input::Sip(sip::Input::Message { flow: flow(1), message }));
        }
    }

    fn input(&mut self, input: Input) {
        let is_malformed = matches!(input, Input::Sip(sip::Input::Malformed { .. }));
        self.switch.handle(self.now, input);
        self.drain(is_malformed);
    }

    fn drain(&mut self, is_malformed: bool) {
        while let Some(output) = self.switch.poll_output() {
            match output {
                Output::Transmit { bytes, .. } => self.peers.hear(&bytes, is_malformed),
                Output::Resolve { query, .. } => self.queries.push(query),
                Output::Event(event) => self.calls.extend(event.call),
                Output::Make { token, .. } => self.makings.push(token),
                Output::Ask { token, .. } => self.questions.push(token),
                Output::Confirm { token } => self.confirms.push(token),
                Output::Media { .. } | Output::Forget { .. } | Output::Reply { .. } => {}
            }
        }
    }

    fn resolver_answers(&mut self) {
        let Some(query) = self.queries.pop() else { return };
        let flows = (0..self.dice.below(3)).map(|_| any_flow(&mut self.dice)).collect();
        self.input(Input::Sip(sip::Input::Resolved { query, flows }));
    }

    fn media_tells(&mut self) {
        let leg = LegId(u64::from(self.dice.byte() % 16));
        let event = match self.dice.below(7) {
            0 => media::Event::FirstPacket { leg },
            1 => {
                let digit = ['5', '*', '1'][self.dice.below(3)];
                media::Event::Dtmf { leg, digit, duration_ms: 100 }
            }
            2 => media::Event::NoAudio { leg, since: self.now },
            3 => media::Event::Refused { leg },
            4 => media::Event::Unlatched { leg },
            5 => {
                let (play, missing) = (u64::from(self.dice.byte() % 16), None);
                media::Event::Played { leg, play, missing }
            }
            _ => media::Event::Latched { leg, addr: any_flow(&mut self.dice).remote },
        };
        self.input(Input::Media(event));
    }

    fn api_orders(&mut self) {
        let operator: b2bua::config::Name = self.dice.word(&["alice", "bob", "nobody"]).into();
        let calls = self.calls.clone();
        let command = match self.dice.below(19) {
            16 | 17 => crate::orders::click(&mut self.dice),
            18 => crate::orders::switch(&mut self.dice),
            14 | 15 => match self.dice.pick(&calls) {
                Some(call) => Command::Record {
                    call,
                    state: [Recorded::On, Recorded::Paused, Recorded::Off][self.dice.below(3)],
                    by: operator,
                },
                None => return,
            },
            0 => match self.dice.pick(&calls) {
                Some(call) => Command::HangUp { call },
                None => return,
            },
            1 => Command::EndWrapUp { operator },
            2 => Command::ExtendWrapUp { operator },
            3 => Command::ExplainOperator { operator },
            4 => Command::Choose { operator, state: Choice::Offline },
            5 => Command::Choose { operator, state: Choice::NotReady { reason: None } },
            6..12 => match self.dice.pick(&calls) {
                Some(call) => crate::orders::about_people(&mut self.dice, call),
                None => return,
            },
            _ => Command::Choose { operator, state: Choice::Ready },
        };
        self.input(Input::Command { request: 1, command });
    }

    /// Carried and resumed, configured anew, or told the time.
    fn restart(&mut self) {
        match self.dice.below(6) {
            0 => {
                let mut config = config(self.dice.byte());
                if self.dice.below(2) == 0 {
                    config.operators.truncate(1);
                    config.sip.users.truncate(1);
                }
                self.input(Input::Configure(Box::new(config)));
            }
            1 => self.input(Input::Wall { since_unix: Time::from_secs(1_900_000_000) }),
            _ => {
                let carried = postcard::to_stdvec(&self.switch.carry()).expect("plain data");
                let carried: Carried = postcard::from_bytes(&carried).expect("plain data");
                let before = self.switch.counts();
                self.switch = B2bua::resume(carried).expect("this version");
                assert_eq!(self.switch.counts(), before);
            }
        }
    }

    fn time_passes(&mut self) {
        let factor = [1, 40, 500, 2000][self.dice.below(4)];
        let time = ms(u64::from(self.dice.byte()) * factor);
        self.pass(time);
    }

    fn pass(&mut self, time: Time) {
        let until = self.now + time;
        let mut timers = 0;
        while let Some(at) = self.switch.poll_timeout().filter(|at| *at <= until) {
            timers += 1;
            assert!(timers < TIMERS_MAX, "timers without end");
            self.now = self.now.max(at);
            self.switch.handle_timeout(self.now);
            let next = self.switch.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "a timer is stuck");
            self.drain(false);
        }
        self.now = until;
    }

    /// All calls are ended, and nothing else happens any more.
    fn quiesce(&mut self) {
        self.input(Input::Stop);
        for _ in 0..5 {
            for query in std::mem::take(&mut self.queries) {
                self.input(Input::Sip(sip::Input::Resolved { query, flows: Vec::new() }));
            }
            self.pass(Time::from_secs(120));
            self.switch.check().expect("the invariants");
        }
        assert!(self.switch.is_idle());
        assert_eq!(self.switch.counts(), Counts::default());
        // Hours have no end while a queue has any.
        self.input(Input::Configure(Box::new(config(0))));
        self.pass(Time::from_secs(3601));
        assert_eq!(self.switch.poll_timeout(), None);
    }
}
