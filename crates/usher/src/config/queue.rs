//! `[[queue]]`.

use std::collections::BTreeSet;

use acd::{Rona, RonaState, Strategy};
use b2bua::config::{
    Announce, Answer, Before, Delivery, Go, HelpHold, Name, OnTimeout, PreBridge, Queue, Record,
};

use super::names::{Names, Thing};
use super::operator::plain;
use super::section::Section;
use super::server;
use super::source::At;
use super::{callback, destination, hours, limit, menu};

/// A queue as the core sees it.
pub(super) struct Read {
    pub(super) at: At,
    pub(super) core: Queue,
}

const STRATEGIES: &[(&str, Strategy)] = &[
    ("longest-idle", Strategy::LongestIdle),
    ("in-order", Strategy::InOrder),
    ("round-robin", Strategy::RoundRobin),
    ("ring-all", Strategy::RingAll),
    ("least-talk-time", Strategy::LeastTalkTime),
    ("fewest-calls", Strategy::FewestCalls),
    ("least-occupied", Strategy::LeastOccupied),
    ("fewest-dialogs", Strategy::FewestDialogs),
    ("random", Strategy::Random),
    ("weighted-random", Strategy::WeightedRandom),
    ("progressive", Strategy::Progressive),
    ("best-skill", Strategy::BestSkill),
];
const LATER: &[&str] = &["leave_empty"];

/// `everywhere` is `[acd] auto_connect`; `music` is what there is.
pub(super) fn read(
    mut section: Section<'_>,
    names: &mut Names,
    everywhere: bool,
    music: &BTreeSet<Name>,
) -> Read {
    let name = section.required("name", "a name such as \"support\"");
    let text = name.map_or("", |name| name.text);
    section.is_called(text);
    if let Some(name) = name {
        names.define(Thing::Queue, text, section.at, section.report);
        plain(&section, "name", text, name.at);
    }
    let number = section.text("number", "a string such as \"600\"");
    if let Some(number) = number {
        names.dial(number.text, &format!("queue `{text}`"), number.at, section.report);
        plain(&section, "number", number.text, number.at);
    }
    let join_empty = section.switch("join_empty", true);
    let (rona_after, rona_state) = rona(&section);
    let callback = callback::read(&section, names);
    let core = Queue {
        name: text.into(),
        number: number.map(|number| number.text.into()),
        strategy: section.choice("strategy", STRATEGIES, &[]),
        asks: super::skill::asks(&section),
        step_ms: milliseconds(&section, "step_s", 5, 1, 600),
        sticky_ms: milliseconds(&section, "sticky_s", 0, 0, 30 * 86_400),
        sticky_wait_ms: milliseconds(&section, "sticky_wait_s", 30, 0, 86_400),
        priority_s: section.whole("priority_s", 0, 0..=86_400),
        ring_ms: milliseconds(&section, "ring_s", 20, 1, 600),
        wrap_up_ms: milliseconds(&section, "wrap_up_s", 10, 0, 86_400),
        rona_after,
        rona_state,
        back_off_ms: milliseconds(&section, "back_off_s", 10, 0, 3_600),
        waiting_max: section.whole("max_waiting", 200, 0..=100_000),
        wait_ms_max: milliseconds(&section, "max_wait_s", 600, 1, 86_400),
        join_empty,
        auto_connect: connects(&section, everywhere),
        hold: section.switch("hold", false),
        hold_for: hold_for(&section),
        calendar: hours::calendar(&section),
        music: song(&section, music),
        language: section
            .has("language")
            .then(|| section.choice("language", &server::LANGUAGES, &[]).as_str().into()),
        answer: section.choice(
            "answer",
            &[("at-once", Answer::AtOnce), ("on-connect", Answer::OnConnect)],
            &[],
        ),
        help_hold: section.choice(
            "help_hold",
            &[("answer", HelpHold::Answer), ("request", HelpHold::Request)],
            &[],
        ),
        pre_bridge: pre_bridge(&section),
        service_level_ms: service_level(&section),
        on_limit: limit::read(&section, names, (text, join_empty)),
        exits: menu::keys(&section, "exit", names),
        delivery: delivery(&section),
        after: after(&section, names),
        announce: announce(&section),
        record: super::recording::policy(&section),
        caller_id: section
            .text("caller_id", "a number such as \"+74951234567\"")
            .map(|text| text.text.into()),
        abandoned: callback::abandoned(&section, callback.as_ref()),
        callback,
    };
    odd(&section, &core);
    delivers_to_one(&section, &core);
    section.finish(LATER);
    Read { at: section.at.clone(), core }
}

/// What is allowed, but hardly meant.
fn odd(section: &Section<'_>, queue: &Queue) {
    let strategy = queue.strategy.as_str();
    let asks_nothing = queue.asks.skills.is_empty() && queue.asks.relax.is_empty();
    let is_progressive = queue.strategy == Strategy::Progressive;
    let warnings = [
        (
            queue.ring_ms >= queue.wait_ms_max,
            "`ring_s` is not below `max_wait_s`; one operator rings, no other".to_owned(),
        ),
        (
            section.has("step_s") && !is_progressive,
            format!("`step_s` is of the strategy progressive, and means nothing to {strategy}"),
        ),
        (
            is_progressive && queue.step_ms >= queue.ring_ms,
            "`step_s` is not below `ring_s`; never more than one phone rings".to_owned(),
        ),
        (
            queue.hold && !queue.auto_connect,
            "`hold` keeps back whom `auto_connect = false` gives to nobody anyhow".to_owned(),
        ),
        (
            queue.hold && queue.hold_for == acd::Hold::For(0),
            "`hold` keeps nobody back for `hold_s = 0`; say how long, or \"release\"".to_owned(),
        ),
        (
            queue
                .callback
                .as_ref()
                .and_then(|policy| policy.key)
                .is_some_and(|key| queue.exits.contains_key(&key)),
            "the key of `callback` is one of `exit` too, which leads nowhere".to_owned(),
        ),
        (
            queue.delivery != Delivery::Bridge && queue.record == Some(Record::Always),
            "`delivery = \"refer\"` takes those who came by a trunk out of our media; what an operator \
             at a number outside says to them is not recorded"
                .to_owned(),
        ),
        (
            section.has("refer_busy_s") && queue.delivery == Delivery::Bridge,
            "`refer_busy_s` means nothing without `delivery = \"refer\"`".to_owned(),
        ),
        (
            section.has("sticky_wait_s") && queue.sticky_ms == 0,
            "`sticky_wait_s` means nothing without `sticky_s`".to_owned(),
        ),
        (
            queue.strategy == Strategy::BestSkill && asks_nothing,
            "best-skill compares the skills that a queue asks for, and it asks for none".to_owned(),
        ),
    ];
    for (_, what) in warnings.into_iter().filter(|(is_odd, _)| *is_odd) {
        section.report.warn(section.at, format!("{}: {what}", section.what()));
    }
}

fn milliseconds(section: &Section<'_>, key: &'static str, default: u64, min: u32, max: u32) -> u64 {
    section.seconds(key, None, min..=max).unwrap_or(default * 1_000)
}

/// `hold_s`: seconds, or until somebody says so.
fn hold_for(section: &Section<'_>) -> acd::Hold {
    if section.is_text("hold_s") {
        return section.choice("hold_s", &[("release", acd::Hold::Released)], &[]);
    }
    acd::Hold::For(milliseconds(section, "hold_s", 0, 0, 86_400))
}

fn rona(section: &Section<'_>) -> (u32, RonaState) {
    let default = Rona::default();
    let Some(rona) = section.table("rona") else { return (default.after, default.state) };
    let after = rona.whole("after", default.after, 0..=100);
    let states = [("not-ready", RonaState::NotReady), ("offline", RonaState::Offline)];
    let state = rona.choice("state", &states, &[]);
    rona.finish(&[]);
    (after, state)
}

fn connects(section: &Section<'_>, everywhere: bool) -> bool {
    let here = section.switch("auto_connect", true);
    if here && !everywhere && section.has("auto_connect") {
        section.report.warn(
            section.at,
            format!(
                "{} switches `auto_connect` on, but [acd] switches it off for all queues; nobody is \
                 connected by itself",
                section.what()
            ),
        );
    }
    here
}

fn song(section: &Section<'_>, there: &BTreeSet<Name>) -> Option<Name> {
    let text = section.text("music", "a name such as \"default\"")?;
    let what = section.what();
    if !b2bua::is_name(text.text) {
        section.report.fault(
            text.at,
            format!("`music` of {what} is `{}`; expected a name such as \"default\"", text.text),
        );
    } else if !there.contains(text.text) {
        // It may be uploaded yet; and one that was deleted must not keep the node from starting.
        let names: Vec<&str> = there.iter().map(|name| &**name).collect();
        section.report.warn(
            text.at,
            format!(
                "`music` of {what} is `{}`, which is not there, so `default` is heard; there are: {}",
                text.text,
                names.join(", ")
            ),
        );
    }
    Some(text.text.into())
}

/// `delivery` and `refer_busy_s`.
fn delivery(section: &Section<'_>) -> Delivery {
    let busy_ms = milliseconds(section, "refer_busy_s", 600, 1, 86_400);
    let words = [("bridge", Delivery::Bridge), ("refer", Delivery::Refer { busy_ms })];
    section.choice("delivery", &words, &[])
}

/// Nobody is brought to two at once.
fn delivers_to_one(section: &Section<'_>, queue: &Queue) {
    let rings_several = matches!(queue.strategy, Strategy::RingAll | Strategy::Progressive);
    if queue.delivery != Delivery::Bridge && rings_several {
        let (what, strategy) = (section.what(), queue.strategy.as_str());
        section.report.fault(
            section.at,
            format!(
                "{what} has `delivery = \"refer\"`, which brings a caller to one operator, and the \
                 strategy {strategy}, which rings several"
            ),
        );
    }
}

/// Where those go whose operator has hung up: a `go`, but for what only an INVITE can be told.
fn after(section: &Section<'_>, names: &mut Names) -> Option<Go> {
    let table = section.table("after")?;
    let go = destination::read(&table, names);
    if let Some(Go::Reject(_) | Go::Drop) = go {
        let what = table.what();
        table.report.fault(
            table.at,
            format!("{what} leads nowhere; without it the call ends, expected such as {{ bot = \"survey\" }}"),
        );
    }
    go
}

/// `{ position_every_s = 30 }`.
fn announce(section: &Section<'_>) -> Option<Announce> {
    let table = section.table("announce")?;
    let position_every_ms = milliseconds(&table, "position_every_s", 30, 5, 3_600);
    table.finish(&["wait"]);
    Some(Announce { position_every_ms })
}

/// `{ say = "…" | play = "…" | decide = "api", timeout_s = 10, on_timeout = "connect" | "requeue" }`.
fn pre_bridge(section: &Section<'_>) -> Option<PreBridge> {
    let table = section.table("pre_bridge")?;
    let text = |key, expected| table.has(key).then(|| table.required(key, expected)).flatten();
    let say = text("say", "a text to be spoken").filter(|say| {
        let fits = say.text.chars().count() <= b2bua::TEXT_MAX;
        if !fits {
            let most = b2bua::TEXT_MAX;
            let what = table.what();
            section.report.fault(say.at, format!("`say` of {what} has over {most} characters"));
        }
        fits
    });
    let play = text("play", "the name of a sound").filter(|play| {
        let fits = b2bua::is_name(play.text);
        if !fits {
            let what = table.what();
            section.report.fault(
                play.at,
                format!("`play` of {what} is `{}`; expected the name of a sound", play.text),
            );
        }
        fits
    });
    let decides = table.has("decide");
    table.choice("decide", &[("api", ())], &[]);
    let given = ["say", "play", "decide"].iter().filter(|key| table.has(key)).count();
    if given != 1 {
        section.report.fault(table.at, format!("{} needs one of say, play, decide", table.what()));
    }
    let before = match (say, play) {
        (Some(say), _) => Before::Say(say.text.into()),
        (_, Some(play)) => Before::Play(play.text.into()),
        _ if decides => Before::Decide,
        _ => Before::Play("".into()),
    };
    let timeout_ms = milliseconds(&table, "timeout_s", 10, 1, 600);
    let words = [("connect", OnTimeout::Connect), ("requeue", OnTimeout::Requeue)];
    let on_timeout = table.choice("on_timeout", &words, &[]);
    table.finish(&[]);
    Some(PreBridge { before, timeout_ms, on_timeout })
}

fn service_level(section: &Section<'_>) -> u64 {
    let Some(level) = section.table("service_level") else { return 20_000 };
    let within = milliseconds(&level, "within_s", 20, 1, 3_600);
    level.finish(&["target"]);
    within
}
