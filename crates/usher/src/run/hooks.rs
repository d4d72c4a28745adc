//! Hooks are asked where calls go: a POST, whose answer says `{"go": {…}, "context": {…}}`. `go` is as in the
//! configuration. Nothing here is on the core's thread, which waits no longer than the hook's deadline.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use b2bua::config::{Go, Manner};
use b2bua::{Audio, HookAnswer, HookQuestion, Input};
use serde::Deserialize;
use tokio::sync::Semaphore;
use ureq::Agent;

use super::inbox::{Inbox, Item};
use crate::client;

/// Questions asked at once; those beyond wait for their turn as long as their deadline allows.
const AT_ONCE: usize = 64;
/// Octets of an answer at most.
const ANSWER_MAX: u64 = 64 << 10;

/// Who asks.
#[derive(Debug)]
pub(super) struct Hooks {
    inbox: Inbox,
    turns: Semaphore,
}

impl Hooks {
    pub(super) fn new(inbox: Inbox) -> Self {
        Self { inbox, turns: Semaphore::new(AT_ONCE) }
    }

    /// Asks, and tells the core.
    pub(super) async fn ask(self: Arc<Self>, token: u64, question: HookQuestion) {
        let name = question.hook.clone();
        let within = Duration::from_millis(question.deadline_ms);
        let asked = tokio::time::timeout(within, self.asked(question, within));
        let result = asked.await.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        if let Err(why) = &result {
            tracing::warn!("hook {name}: {why}");
        }
        let answered = Input::Answered { token, result };
        self.inbox.item_waiting(Item::Input(Box::new(answered))).await;
    }

    async fn asked(&self, question: HookQuestion, within: Duration) -> Result<HookAnswer, String> {
        let _turn = self.turns.acquire().await.map_err(|_| "the node ends".to_owned())?;
        let asked = tokio::task::spawn_blocking(move || post(&question, within));
        let body = asked.await.map_err(|error| error.to_string())??;
        read(&body)
    }
}

fn post(question: &HookQuestion, within: Duration) -> Result<Vec<u8>, String> {
    let body = serde_json::to_vec(question).map_err(|error| error.to_string())?;
    let agent = Agent::new_with_config(client::config(within).build());
    let request = agent.post(&*question.url).header("content-type", "application/json");
    let mut answer = request.send(&body[..]).map_err(|error| error.to_string())?;
    if answer.status() != 200 {
        return Err(format!("answered by {}", answer.status()));
    }
    let body = answer.body_mut().with_config().limit(ANSWER_MAX).read_to_vec();
    body.map_err(|error| error.to_string())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    go: Whereto,
    #[serde(default)]
    context: BTreeMap<String, String>,
}

/// One of those that say whereto, and what belongs to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whereto {
    queue: Option<String>,
    priority_s: Option<u32>,
    auto_connect: Option<bool>,
    hold: Option<bool>,
    operator: Option<String>,
    bot: Option<String>,
    menu: Option<String>,
    uri: Option<String>,
    number: Option<String>,
    trunk: Option<String>,
    announce: Option<String>,
    park: Option<u32>,
    reject: Option<u16>,
    drop: Option<bool>,
}

fn read(body: &[u8]) -> Result<HookAnswer, String> {
    let Answer { go, context } =
        serde_json::from_slice(body).map_err(|error| format!("its answer: {error}"))?;
    Ok(HookAnswer { go: whereto(go)?, context })
}

fn whereto(go: Whereto) -> Result<Go, String> {
    let Whereto { priority_s, auto_connect, hold, .. } = go;
    let of_queue = priority_s.is_some() || auto_connect.is_some() || hold.is_some();
    let is_queue = go.queue.is_some();
    let of_number = go.trunk.is_some();
    let is_number = go.number.is_some();
    let manner = Manner { auto_connect: auto_connect.unwrap_or(true), hold };
    let number =
        go.number.zip(go.trunk).map(|(number, trunk)| Go::Number { number, trunk: trunk.into() });
    if is_number && number.is_none() {
        return Err("its answer: `number` needs `trunk`".to_owned());
    }
    if of_queue && !is_queue || of_number && !is_number {
        return Err(
            "its answer: priority_s, auto_connect and hold are of `queue`, trunk of `number`"
                .to_owned(),
        );
    }
    let uri = go.uri.map(|uri| {
        let read = sip::msg::Uri::parse(&uri).ok().filter(sip::msg::Uri::is_sip);
        read.map(Go::Uri)
            .ok_or_else(|| format!("its answer: `uri` is `{uri}`, which is no SIP URI"))
    });
    let announce = go.announce.map(|name| {
        let audio = Audio::once(&name);
        audio.map(Go::Announce).ok_or_else(|| {
            format!("its answer: `announce` is `{name}`, which is no sound, `say:TEXT` or URL")
        })
    });
    let reject = go.reject.map(|status| match status {
        400..=699 => Ok(Go::Reject(status)),
        _ => Err(format!("its answer: `reject` is {status}; expected 400 to 699")),
    });
    let all = [
        go.queue.map(|queue| Ok(Go::Queue { queue: queue.into(), priority_s, manner })),
        go.operator.map(|name| Ok(Go::Operator(name.into()))),
        go.bot.map(|name| Ok(Go::Bot(name.into()))),
        go.menu.map(|name| Ok(Go::Menu(name.into()))),
        uri,
        number.map(Ok),
        announce,
        go.park.map(|seconds| Ok(Go::Park { timeout_ms: u64::from(seconds) * 1_000 })),
        reject,
        go.drop.filter(|drop| *drop).map(|_| Ok(Go::Drop)),
    ];
    let mut found = all.into_iter().flatten();
    match (found.next(), found.next()) {
        (Some(go), None) => go,
        _ => Err(
            "its answer: `go` needs exactly one of queue, operator, bot, menu, uri, number, announce, \
             park, reject, drop"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_answered() {
        let go = |text: &str| read(format!("{{\"go\":{text}}}").as_bytes()).map(|answer| answer.go);
        let manner = Manner { auto_connect: true, hold: Some(true) };
        let queue = Go::Queue { queue: "support".into(), priority_s: Some(60), manner };
        assert_eq!(go(r#"{"queue":"support","priority_s":60,"hold":true}"#), Ok(queue));
        assert_eq!(go(r#"{"operator":"alice"}"#), Ok(Go::Operator("alice".into())));
        let number = Go::Number { number: "112".into(), trunk: "t".into() };
        assert_eq!(go(r#"{"number":"112","trunk":"t"}"#), Ok(number));
        assert_eq!(go(r#"{"reject":486}"#), Ok(Go::Reject(486)));
        assert_eq!(go(r#"{"park":5}"#), Ok(Go::Park { timeout_ms: 5_000 }));
        assert!(matches!(go(r#"{"announce":"say:Hello"}"#), Ok(Go::Announce(Audio::Made(_)))));
        let answer = read(br#"{"go":{"bot":"b"},"context":{"X-Id":"7"}}"#);
        assert_eq!(answer.map(|answer| answer.context), Ok([("X-Id".into(), "7".into())].into()));
    }

    #[test]
    fn what_is_no_answer() {
        let check = |body: &str, part: &str| {
            let why = read(body.as_bytes()).err().unwrap_or_default();
            assert!(why.contains(part), "{body}: {why}");
        };
        check("", "EOF");
        check("[]", "invalid");
        check("{}", "missing field `go`");
        check(r#"{"go":{}}"#, "exactly one");
        check(r#"{"go":{"queue":"a","bot":"b"}}"#, "exactly one");
        check(r#"{"go":{"hook":"again"}}"#, "unknown field `hook`");
        check(r#"{"go":{"number":"1"}}"#, "needs `trunk`");
        check(r#"{"go":{"operator":"a","hold":true}}"#, "are of `queue`");
        check(r#"{"go":{"uri":"mailto:a@b"}}"#, "no SIP URI");
        check(r#"{"go":{"announce":"../x"}}"#, "no sound");
        check(r#"{"go":{"reject":200}}"#, "400 to 699");
        check(r#"{"go":{"drop":false}}"#, "exactly one");
        check(r#"{"go":{"queue":"a"},"context":{"a":1}}"#, "expected a string");
    }
}
