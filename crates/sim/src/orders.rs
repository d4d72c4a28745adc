//! Orders about the people in calls: supervisors who come, go and change their modes, people who are
//! held, muted, asked in and sent away. Who gives them, and whether they may, is left to chance too.

use b2bua::config::Name;
use b2bua::event::{HelpMode, Mode, Role};
use b2bua::{
    Act, Add, Asker, Audio, CallKey, Change, Command, Dial, Event, HelpWanted, Listeners,
    OnFailure, TaskStep, What, Whom,
};

use crate::scenario::Ms;
use crate::setup::{number, operator_id};
use crate::trouble::Trouble;
use crate::world::{Act as Doing, World};

const MODES: [Mode; 4] = [Mode::Monitor, Mode::Whisper, Mode::Barge, Mode::Intercept];

/// What is played, and what is heard on hold; the last of each is not there.
const PLAYED: [&str; 5] = [
    "prompt:closed",
    "prompt:closed+digits/1",
    "say:Hello",
    "http://10.0.9.9/a.wav",
    "prompt:lost",
];
const HEARD_ON_HOLD: [&str; 4] = ["music:default", "prompt:closed", "say:Hold on", "music:lost"];

/// Keys that operators press: codes, what looks like some, and others. N is a number.
const KEYS: [&str; 14] = [
    "*1", "*2N#", "*3N#", "*9", "*83", "*84", "*85", "*2600#", "*27", "12*0*#", "*4N#", "*4600#",
    "*5N#", "*6",
];

/// How long people talk whose customer has gone.
const ALONE_MS: Ms = 60_000;

impl World {
    /// An order about somebody in some call.
    pub(crate) fn orders_people(&mut self) {
        let any = self.pick(1_000);
        let Some(call) = self.checker.open_call(any) else { return };
        let by = self.asker();
        if self.wishes.one_in_1000(self.scenario.help_permille) {
            return self.orders_help(call, by);
        }
        let act = match self.wishes.below(26) {
            24 => return self.clicks(),
            25 => Act::Describe { context: [("X-Note".into(), Some("1".into()))].into() },
            0..5 => Act::Add(self.supervisor_wanted(call)),
            5..7 => Act::Add(self.colleague_wanted()),
            7..9 => Act::Remove { participant: self.somebody(call) },
            9 => Act::Press { to: None, digits: "12#".into(), duration_ms: 100 },
            10..15 => Act::Change { participant: self.supervisor(), change: self.turned(call) },
            19 if self.scenario.pre_bridge.is_some() => Act::Connect { to: None },
            15..19 if self.scenario.reception.parks() => {
                let to = match self.wishes.below(3) {
                    0 => Whom::Queue("support".into()),
                    _ => Whom::Operator(self.anybody()),
                };
                Act::Connect { to: Some(to) }
            }
            20..24 => Act::Play { to: self.listeners(call), audio: self.audio(&PLAYED) },
            _ => Act::Change { participant: self.somebody(call), change: self.changed(call) },
        };
        self.order_people(call, by, act);
    }

    /// An operator is to call another one: themself, now and then.
    pub(crate) fn clicks(&mut self) {
        let (operator, to) = (self.anybody(), self.anybody());
        self.order_click(&operator, &to);
    }

    /// One about the first task that is open.
    pub(crate) fn picks(&mut self, at: usize) {
        let (_, operator) = self.scenario.picks[at];
        let Some(task) = self.checker.open_task(0) else { return };
        let now = self.now;
        let (words, command) = match operator.map(operator_id) {
            Some(operator) => (
                format!("(API: {operator} is to have the task)"),
                Command::AssignTask { task, operator: operator.into() },
            ),
            None => (
                "(API: the task is released)".to_owned(),
                Command::ChangeTask { task, change: TaskStep::Release.into() },
            ),
        };
        self.ladder.note(now, || words);
        self.gives(command);
    }

    /// One that was written down: who, and whom.
    pub(crate) fn follows_click(&mut self, at: usize) {
        let (_, who, whom) = self.scenario.clicks[at];
        self.order_click(&operator_id(who), &operator_id(whom));
    }

    fn order_click(&mut self, operator: &str, to: &str) {
        let now = self.now;
        self.ladder.note(now, || format!("(API: {operator} is to call {to})"));
        let headers = vec![("X-Order".into(), "1".into())];
        let context = [("X-Customer".to_owned(), "42".to_owned())].into();
        let (operator, to) = (operator.into(), to.into());
        self.gives(Command::Dial(Box::new(Dial { operator, to, trunk: None, headers, context })));
    }

    /// A call was made by order; where that was by chance, another ends it.
    pub(crate) fn was_clicked(&mut self, call: CallKey) {
        self.clicked += 1;
        if self.scenario.clicks.is_empty() {
            self.is_nobodys(call);
        }
    }

    /// No caller ends this call: an order does.
    fn is_nobodys(&mut self, call: CallKey) {
        let talk_ms = self.wishes.exponential(20_000);
        self.later(talk_ms, Doing::Trouble(Trouble::Over(call)));
    }

    /// Where the customer has gone, those who are left may talk for ever.
    pub(crate) fn may_be_nobodys(&mut self, event: &Event) {
        let Some(call) = event.call.filter(|_| self.scenario.is_left_alone()) else { return };
        match event.what {
            What::CallStarted { predecessor: Some(_), .. } if self.scenario.callbacks.is_none() => {
                self.is_nobodys(call);
            }
            What::LegEnded { role: Role::Customer, .. } => {
                self.later(ALONE_MS, Doing::Trouble(Trouble::Over(call)));
            }
            _ => {}
        }
    }

    /// One that was written down, in the first call that is open.
    pub(crate) fn follows_script(&mut self, at: usize) {
        let (_, by, act) = self.scenario.script[at].clone();
        if let Some(call) = self.checker.open_call(0) {
            self.order_people(call, by, act);
        }
    }

    pub(crate) fn order_people(&mut self, call: CallKey, by: Asker, act: Act) {
        let now = self.now;
        self.ladder.note(now, || format!("(API: {})", described(&by, &act)));
        self.gives(Command::Conference { call, by, act });
    }

    /// Something about help: it is asked for, or the customer is taken back in one of three ways.
    fn orders_help(&mut self, call: CallKey, by: Asker) {
        if self.wishes.one_in_1000(250) {
            let keys = KEYS[self.pick(KEYS.len())];
            let who = self.pick(self.scenario.operators.len());
            let colleague = self.pick(self.scenario.operators.len());
            return self.press(0, who, &keys.replace('N', &number(colleague)));
        }
        let act = match (self.wishes.below(10), self.checker.help(call)) {
            (0..3, Some(help)) => return self.gives(Command::HangUp { call: help }),
            (3..5, Some(help)) => {
                let participant = self.somebody(call);
                return self.order_people(help, by, Act::Remove { participant });
            }
            (5..7, Some(_)) | (9, None) => Act::TakeBack,
            _ => {
                let whom = match self.wishes.below(10) {
                    0..2 => Whom::Queue("support".into()),
                    2 => Whom::Number { number: "600".into(), trunk: None },
                    _ => Whom::Operator(self.anybody()),
                };
                let mode = match self.wishes.one_in_1000(600) {
                    true => HelpMode::TwoParty,
                    false => HelpMode::ThreeParty,
                };
                let wanted = self.wanted("".into(), Role::Consultant);
                let Add { headers, timeout_ms, .. } = wanted;
                Act::Help(HelpWanted { by: None, whom, mode, headers, timeout_ms })
            }
        };
        self.order_people(call, by, act);
    }

    fn pick(&mut self, below: usize) -> usize {
        usize::try_from(self.wishes.below(below as u64)).unwrap_or(0)
    }

    fn anybody(&mut self) -> Name {
        let who = self.pick(self.scenario.operators.len());
        operator_id(who).as_str().into()
    }

    fn asker(&mut self) -> Asker {
        match self.wishes.below(10) {
            0 => Asker::Operator(self.anybody()),
            1 => Asker::Supervisor { queues: vec!["sales".into()] },
            2..4 => Asker::Supervisor { queues: vec!["support".into()] },
            _ => Asker::Admin,
        }
    }

    /// Somebody in the call, by id, by name or by number; now and then somebody who is not.
    fn somebody(&mut self, call: CallKey) -> Name {
        let people = self.checker.people(call);
        match self.wishes.below(10) {
            0 => self.anybody(),
            1 => format!("c{}", self.pick(self.scenario.callers.len())).as_str().into(),
            _ => {
                let at = self.pick(people.len().max(1));
                people.get(at).map_or_else(|| "x".into(), |who| who.to_string().as_str().into())
            }
        }
    }

    /// One of those who may watch.
    fn supervisor(&mut self) -> Name {
        let count = self.scenario.operators.len();
        let who = count.saturating_sub(1 + self.pick(self.scenario.supervisors.max(1)));
        operator_id(who).as_str().into()
    }

    fn mode(&mut self) -> Mode {
        MODES[self.pick(MODES.len())]
    }

    fn to(&mut self, call: CallKey) -> Option<Name> {
        self.wishes.one_in_1000(300).then(|| self.somebody(call))
    }

    fn supervisor_wanted(&mut self, call: CallKey) -> Add {
        let mode = self.wishes.one_in_1000(800).then(|| self.mode());
        let whisper_to = if mode == Some(Mode::Whisper) { self.to(call) } else { None };
        let who = self.supervisor();
        let whom = if self.wishes.one_in_1000(100) { self.anybody() } else { who };
        Add { mode, whisper_to, ..self.wanted(whom, Role::Supervisor) }
    }

    fn colleague_wanted(&mut self) -> Add {
        let whom = self.anybody();
        self.wanted(whom, Role::Consultant)
    }

    fn wanted(&mut self, whom: Name, role: Role) -> Add {
        Add {
            whom: Whom::Operator(whom),
            role,
            mode: None,
            whisper_to: None,
            headers: vec![("X-Order".into(), "1".into())],
            timeout_ms: self.wishes.between(500, 30_000),
        }
    }

    /// Another mode.
    fn turned(&mut self, call: CallKey) -> Change {
        let mode = self.mode();
        let whisper_to = if mode == Mode::Whisper { self.to(call) } else { None };
        Change { mode: Some(mode), whisper_to, ..Change::default() }
    }

    fn listeners(&mut self, call: CallKey) -> Listeners {
        match self.wishes.below(6) {
            0 => Listeners::Having(Role::Customer),
            1 => Listeners::Having(Role::Operator),
            2 => Listeners::Having(Role::Supervisor),
            3 => Listeners::Named(self.somebody(call)),
            _ => Listeners::Everybody,
        }
    }

    fn audio(&mut self, all: &[&str]) -> Audio {
        let text = all[self.pick(all.len())];
        text.parse().unwrap_or_else(|_| Audio::Music(text.into()))
    }

    fn changed(&mut self, call: CallKey) -> Change {
        let mut change = Change::default();
        match self.wishes.below(4) {
            0 => {
                change.hold = Some(self.wishes.one_in_1000(600));
                let chosen = self.wishes.one_in_1000(400);
                change.hold_audio = chosen.then(|| self.audio(&HEARD_ON_HOLD));
            }
            1 => change.muted = Some(self.wishes.one_in_1000(600)),
            2 => change = self.turned(call),
            _ => (change.hold, change.muted) = (Some(false), Some(false)),
        }
        change
    }
}

fn named(whom: &Whom) -> &str {
    let (Whom::Operator(who)
    | Whom::Queue(who)
    | Whom::Uri(who)
    | Whom::Number { number: who, .. }) = whom;
    who
}

/// An order in a few words.
pub(crate) fn described(by: &Asker, act: &Act) -> String {
    let by = match by {
        Asker::Admin => String::new(),
        Asker::Supervisor { queues } => format!(" by one who supervises {}", queues.join(", ")),
        Asker::Operator(name) => format!(" by {name}"),
    };
    let word = |mode: Mode| format!("{mode:?}").to_lowercase();
    let mut said = Vec::new();
    let what = match act {
        Act::Add(add) => {
            said.extend(add.mode.map(word));
            said.extend(add.whisper_to.iter().map(|to| format!("to {to}")));
            format!("add {} as {}", named(&add.whom), add.role.as_str())
        }
        Act::Help(wanted) => {
            said.extend(wanted.by.iter().map(|by| format!("for {by}")));
            format!("{} help from {}", wanted.mode.as_str(), named(&wanted.whom))
        }
        Act::TakeBack => "take back".to_owned(),
        Act::Change { participant, change } => {
            said.extend(change.hold.map(|on| format!("hold {on}")));
            said.extend(change.hold_audio.as_ref().map(|audio| format!("hearing {audio}")));
            said.extend(change.muted.map(|on| format!("muted {on}")));
            said.extend(change.mode.map(word));
            said.extend(change.whisper_to.iter().map(|to| format!("to {to}")));
            format!("change {participant}")
        }
        Act::Remove { participant } => format!("remove {participant}"),
        Act::Connect { to: None } => "connect".to_owned(),
        Act::Connect { to: Some(to) } => format!("connect with {}", named(to)),
        Act::Transfer(order) => {
            said.extend(order.continue_call.then(|| "continue".to_owned()));
            said.extend(match &order.on_failure {
                OnFailure::Return => None,
                OnFailure::HangUp => Some("else hang up".to_owned()),
                OnFailure::To(whom) => Some(format!("else to {}", named(whom))),
            });
            let how = if order.is_warm { "warm" } else { "cold" };
            format!("{how} transfer to {}", named(&order.to))
        }
        Act::CompleteTransfer => "complete the transfer".to_owned(),
        Act::CancelTransfer => "cancel the transfer".to_owned(),
        Act::Describe { context } => format!("context {context:?}"),
        Act::Press { digits, .. } => format!("press {digits}"),
        Act::Play { to, audio } => match to {
            Listeners::Everybody => format!("play {audio} to everybody"),
            Listeners::Having(role) => format!("play {audio} to every {}", role.as_str()),
            Listeners::Named(who) => format!("play {audio} to {who}"),
        },
    };
    let said = if said.is_empty() { String::new() } else { format!(": {}", said.join(", ")) };
    format!("{what}{said}{by}")
}
