//! `on_limit` of a queue: what becomes of callers whom one of its limits meets.

use acd::LimitReason;
use b2bua::config::{Go, Manner, OnLimit, Then};

use super::destination;
use super::names::{Names, Thing};
use super::section::{Section, did_you_mean};

const REASONS: [LimitReason; 5] = [
    LimitReason::NoFreeOperator,
    LimitReason::NobodySignedIn,
    LimitReason::QueueFull,
    LimitReason::MaxWait,
    LimitReason::Closed,
];
/// A word of `do` and `then`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Do {
    Wait,
    Announce,
    Queue,
    Transfer,
    HangUp,
}

const WORDS: [(&str, Do); 5] = [
    ("hangup", Do::HangUp),
    ("wait", Do::Wait),
    ("queue", Do::Queue),
    ("transfer", Do::Transfer),
    ("announce", Do::Announce),
];
/// What comes after an announcement: anything but another.
const THEN: &[(&str, Do)] = WORDS.split_at(4).0;
const LATER: &[&str] = &["callback", "voicemail"];

/// Steps in order; of each limit the first that names it counts.
/// `queue` is its name, and whether one may join it where nobody is signed in.
pub(super) fn read(section: &Section<'_>, names: &mut Names, queue: (&str, bool)) -> Vec<OnLimit> {
    let steps = section.tables("on_limit", "on_limit = [{ do = \"hangup\", code = 480 }]");
    let mut told: Vec<LimitReason> = Vec::new();
    let mut read = Vec::new();
    for step in &steps {
        let step_read = one(step, names, queue);
        if step_read.reasons.iter().all(|reason| told.contains(reason)) {
            let what = step.what();
            step.report.fault(step.at, format!("{what}: the steps before it leave nothing to it"));
        }
        told.extend(&step_read.reasons);
        read.push(step_read);
    }
    read
}

fn one(step: &Section<'_>, names: &mut Names, (queue, join_empty): (&str, bool)) -> OnLimit {
    let reasons = reasons(step, join_empty);
    let what = step.choice("do", &WORDS, LATER);
    let say = if step.has("prompt") || what == Do::Announce {
        destination::audio(step, "prompt")
    } else {
        None
    };
    let last = if what == Do::Announce { step.choice("then", THEN, LATER) } else { what };
    let then = match last {
        Do::Wait => Then::Wait,
        Do::Queue => to_queue(step, names, queue),
        Do::Transfer => destination::within(step, names).map_or(Then::Wait, Then::Go),
        Do::HangUp | Do::Announce => Then::HangUp(step.whole("code", 480, 400..=699)),
    };
    step.finish(&[]);
    OnLimit { reasons, say, then }
}

/// Those that it names; all that keep a caller from waiting where it names none.
fn reasons(step: &Section<'_>, join_empty: bool) -> Vec<LimitReason> {
    let words = || REASONS.iter().map(|reason| reason.as_str());
    let Some(texts) = step.texts("reasons", "a list such as [\"closed\", \"queue_full\"]") else {
        let waits = |reason: &LimitReason| match reason {
            LimitReason::NoFreeOperator => true,
            LimitReason::NobodySignedIn => join_empty,
            LimitReason::QueueFull | LimitReason::MaxWait | LimitReason::Closed => false,
        };
        return REASONS.into_iter().filter(|reason| !waits(reason)).collect();
    };
    let mut found = Vec::new();
    for text in texts {
        match REASONS.iter().find(|reason| reason.as_str() == text.text) {
            Some(reason) => found.push(*reason),
            None => {
                let hint = did_you_mean(text.text, words());
                let all = words().collect::<Vec<_>>().join(" | ");
                let what = step.what();
                let fault =
                    format!("`reasons` of {what} has `{}`; expected {all}{hint}", text.text);
                step.report.fault(text.at, fault);
            }
        }
    }
    found
}

fn to_queue(step: &Section<'_>, names: &mut Names, from: &str) -> Then {
    let priority_s = step.has("priority_s").then(|| step.whole("priority_s", 0, 0..=86_400));
    let Some(queue) = step.required("queue", "a queue's name") else { return Then::Wait };
    names.refer(Thing::Queue, queue, step.what());
    if queue.text == from {
        let what = step.what();
        step.report.fault(queue.at, format!("`queue` of {what} is the queue itself"));
    }
    Then::Go(Go::Queue { queue: queue.text.into(), priority_s, manner: Manner::default() })
}
