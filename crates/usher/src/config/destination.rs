//! Where a call goes: `go` of a route, a key of a menu, a way out of a queue.

use b2bua::Audio;
use b2bua::config::{Go, Manner};

use super::names::{Names, Thing};
use super::section::{Section, Text};
use super::trunk;

const DESTINATIONS: &[&str] = &[
    "queue", "operator", "bot", "uri", "number", "announce", "menu", "hook", "park", "reject",
    "drop",
];
const DESTINATIONS_LATER: &[&str] = &["voicemail"];

/// Something to be heard once: a sound's name, or what the API takes.
pub(super) fn audio(section: &Section<'_>, key: &'static str) -> Option<Audio> {
    let expected = "the name of a sound, `say:TEXT` or a URL";
    let text = section.required(key, expected)?;
    let read = Audio::once(text.text);
    if read.is_none() {
        let what = section.what();
        section
            .report
            .fault(text.at, format!("`{key}` of {what} is `{}`; expected {expected}", text.text));
    }
    read
}

/// The header fields that a URI brings along.
fn brings(go: &Section<'_>, text: Text<'_>, uri: &sip::msg::Uri) {
    for (name, value) in uri.headers() {
        // How long a value may be is not known here, and what is configured is rarely too long.
        if let Err(refused) = b2bua::headers::given(&name, &value, "X-", usize::MAX) {
            let what = go.what();
            go.report.fault(text.at, format!("`uri` of {what} sets `{name}`: {refused}"));
        }
    }
}

/// Reads one; what is wrong with it has been told where there is none.
pub(super) fn read(go: &Section<'_>, names: &mut Names) -> Option<Go> {
    let given: Vec<&str> = DESTINATIONS.iter().copied().filter(|key| go.has(key)).collect();
    let found = match given.as_slice() {
        [word] => one(go, names, word),
        [] if DESTINATIONS_LATER.iter().any(|key| go.has(key)) => None,
        _ => {
            let words = DESTINATIONS.join(", ");
            let what = go.what();
            go.report.fault(
                go.at,
                format!("{what} needs exactly one of {words}, e.g. {{ queue = \"support\" }}"),
            );
            None
        }
    };
    if found.is_none() {
        // One fault is enough: what would have belonged to it is not unknown.
        for key in DESTINATIONS.iter().chain(&["priority_s", "trunk", "auto_connect", "hold"]) {
            go.entry(key);
        }
    }
    go.finish(DESTINATIONS_LATER);
    found
}

/// The one that a key names.
fn one(go: &Section<'_>, names: &mut Names, word: &str) -> Option<Go> {
    let mut refer = |thing, text: Text<'_>| names.refer(thing, text, go.what());
    match word {
        "queue" => {
            let queue = go.required("queue", "a queue's name");
            let priority_s = go.has("priority_s").then(|| go.whole("priority_s", 0, 0..=86_400));
            let manner = Manner {
                auto_connect: go.switch("auto_connect", true),
                hold: go.has("hold").then(|| go.switch("hold", false)),
            };
            queue.map(|queue| {
                refer(Thing::Queue, queue);
                Go::Queue { queue: queue.text.into(), priority_s, manner }
            })
        }
        "operator" => go.required("operator", "an operator's id").map(|operator| {
            refer(Thing::Operator, operator);
            Go::Operator(operator.text.into())
        }),
        "bot" => go.required("bot", "a bot's name").map(|bot| {
            refer(Thing::Bot, bot);
            Go::Bot(bot.text.into())
        }),
        "uri" => go
            .required("uri", "a SIP URI")
            .and_then(|text| trunk::uri(go, "uri", text).map(|uri| (text, uri)))
            .map(|(text, uri)| {
                brings(go, text, &uri);
                Go::Uri(uri)
            }),
        "number" => {
            let number = go.required("number", "a number such as \"+74951234567\"");
            let trunk = go.required("trunk", "the trunk to call over");
            if let Some(trunk) = trunk {
                refer(Thing::Trunk, trunk);
            }
            number.zip(trunk).map(|(number, trunk)| Go::Number {
                number: number.text.to_owned(),
                trunk: trunk.text.into(),
            })
        }
        "announce" => audio(go, "announce").map(Go::Announce),
        "menu" => go.required("menu", "a menu's name").map(|menu| {
            refer(Thing::Menu, menu);
            Go::Menu(menu.text.into())
        }),
        "hook" => go.required("hook", "a hook's name").map(|hook| {
            refer(Thing::Hook, hook);
            Go::Hook(hook.text.into())
        }),
        "park" => {
            let s: u32 = go.whole("park", 30, 1..=86_400);
            Some(Go::Park { timeout_ms: u64::from(s) * 1_000 })
        }
        "reject" => Some(Go::Reject(go.whole("reject", 486, 400..=699))),
        _ => {
            if !go.switch("drop", true) {
                go.report.fault(go.at, "`drop = false` leads nowhere; remove it");
            }
            Some(Go::Drop)
        }
    }
}

/// The person of a `transfer`: among other keys of a table.
pub(super) fn within(step: &Section<'_>, names: &mut Names) -> Option<Go> {
    let given: Vec<&str> =
        ["operator", "uri", "number"].into_iter().filter(|key| step.has(key)).collect();
    if let [word] = given.as_slice() {
        return one(step, names, word);
    }
    let what = step.what();
    step.report.fault(
        step.at,
        format!("{what} needs exactly one of operator, uri, number to transfer to"),
    );
    None
}
