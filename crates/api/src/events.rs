//! Events on their way to subscribers: serialised once, kept a while, filtered by topic.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::extract::ws::Utf8Bytes;
use b2bua::SharedEvent;
use serde::Deserialize;
use tokio::sync::broadcast;

use crate::discreet::{Veil, Watched};
use crate::scope::{Audience, Audiences};

/// What subscribers select by.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Keys {
    #[serde(rename = "type")]
    kind: String,
    call: Option<String>,
    task: Option<String>,
    queue: Option<String>,
    operator: Option<String>,
}

impl Keys {
    /// Something in a call.
    pub(crate) fn is_of_call(&self) -> bool {
        self.call.is_some()
    }

    /// Something of a task.
    pub(crate) fn is_of_task(&self) -> bool {
        self.task.is_some()
    }

    /// Somebody pressed a key.
    pub(crate) fn is_key(&self) -> bool {
        self.kind == "dtmf.received"
    }

    pub(crate) fn queue(&self) -> Option<&str> {
        self.queue.as_deref()
    }

    pub(crate) fn operator(&self) -> Option<&str> {
        self.operator.as_deref()
    }

    /// Of an event's JSON.
    pub(crate) fn of(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }
}

/// One event, shared by all subscribers.
#[derive(Debug)]
pub(crate) struct Published {
    event: SharedEvent,
    /// Whose the call is, if it is of one.
    pub(crate) audience: Option<Arc<Audience>>,
    /// Boxed, since thousands are kept and few are ever asked for.
    text: OnceLock<Box<Printed>>,
    /// What operators get in its place.
    veil: Veil,
    veiled: OnceLock<Box<Printed>>,
}

/// The JSON of an event, and what it is selected by.
pub(crate) type Printed = (Utf8Bytes, Keys);

impl Published {
    pub(crate) fn seq(&self) -> u64 {
        self.event.seq
    }

    /// The JSON, made by the first who asks; none where it is not for them.
    pub(crate) fn text(&self, supervises: bool) -> Option<&Printed> {
        match &self.veil {
            Veil::Instead(event) if !supervises => Some(self.veiled.get_or_init(|| print(event))),
            Veil::Hidden if !supervises => None,
            _ => Some(self.text.get_or_init(|| print(&self.event))),
        }
    }
}

fn print(event: &SharedEvent) -> Box<Printed> {
    let json = serde_json::to_string(&**event).unwrap_or_else(|error| {
        tracing::error!(%error, seq = event.seq, "an event is no JSON");
        String::new()
    });
    let keys = Keys::of(&json);
    Box::new((json.into(), keys))
}

/// Where events are handed over.
#[derive(Debug)]
pub(crate) struct Hub {
    recent: Mutex<VecDeque<Arc<Published>>>,
    watched: Mutex<(Watched, Audiences)>,
    is_discreet: AtomicBool,
    live: broadcast::Sender<Arc<Published>>,
    kept_max: usize,
}

/// What a subscriber starts with: events in order, then those that come.
pub(crate) type Joined = (Vec<Arc<Published>>, broadcast::Receiver<Arc<Published>>);

impl Hub {
    pub(crate) fn new(kept_max: usize) -> Self {
        let kept_max = kept_max.max(1);
        let live = broadcast::Sender::new(kept_max);
        let (recent, watched, is_discreet) = Default::default();
        Self { recent, watched, is_discreet, live, kept_max }
    }

    /// Whether operators are not to learn that somebody supervises.
    pub(crate) fn is_discreet(&self) -> bool {
        self.is_discreet.load(Ordering::Relaxed)
    }

    pub(crate) fn set_discreet(&self, discreet: bool) {
        self.is_discreet.store(discreet, Ordering::Relaxed);
    }

    pub(crate) fn publish(&self, event: &SharedEvent) {
        // Kept up in any case: it may be asked for at any time.
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let (veil, audience) = (watched.0.veil(event), watched.1.of(event));
        drop(watched);
        let veil = if self.is_discreet() { veil } else { Veil::Open };
        let (event, text, veiled) = (Arc::clone(event), OnceLock::new(), OnceLock::new());
        let published = Arc::new(Published { event, audience, text, veil, veiled });
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == self.kept_max {
            recent.pop_front();
        }
        recent.push_back(Arc::clone(&published));
        // Nobody listening is no error. Sent under the lock: joining sees each event once.
        let _ = self.live.send(published);
    }

    /// The number of the last event, if there was any in this run.
    pub(crate) fn newest(&self) -> Option<u64> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.back().map(|published| published.seq())
    }

    /// Everything from now on.
    pub(crate) fn join(&self) -> Joined {
        (Vec::new(), self.live.subscribe())
    }

    /// Everything above `after` that is still in memory, and from now on; none where something
    /// between may be missing, unless `anyway`.
    pub(crate) fn join_after(&self, after: u64, anyway: bool) -> Option<Joined> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = recent.front().is_some_and(|oldest| oldest.seq() <= after.saturating_add(1));
        if !whole && !anyway {
            return None;
        }
        let first = recent.partition_point(|published| published.seq() <= after);
        let missed = recent.iter().skip(first).cloned().collect();
        Some((missed, self.live.subscribe()))
    }
}

/// Which events somebody wants: those that any of the topics fits, or all where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topics(Vec<Topic>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Topic {
    Queue(String),
    Operator(String),
    Call(String),
    /// `call.ended`.
    Type(String),
    /// `call.*` without the star; everything where it is empty.
    Prefix(String),
}

impl Topics {
    /// `queue:support,operator:alice,call:c…,task.*,call.ended`.
    ///
    /// # Errors
    /// Which of them is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(Topic::parse).collect::<Result<_, _>>().map(Self)
    }

    /// These as well.
    pub fn join(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// Whether an event is wanted, by its JSON.
    #[must_use]
    pub fn take(&self, json: &str) -> bool {
        self.fit(&Keys::of(json))
    }

    pub(crate) fn fit(&self, keys: &Keys) -> bool {
        self.0.is_empty() || self.0.iter().any(|topic| topic.fits(keys))
    }
}

impl Topic {
    fn parse(text: &str) -> Result<Self, String> {
        let word = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        if let Some((kind, name)) = text.split_once(':') {
            let name = name.to_owned();
            return match kind {
                "queue" => Ok(Self::Queue(name)),
                "operator" => Ok(Self::Operator(name)),
                "call" => Ok(Self::Call(name)),
                _ => Err(format!("{text:?}: a topic begins with queue:, operator: or call:")),
            };
        }
        match text.split_once('.') {
            None if text == "*" => Ok(Self::Prefix(String::new())),
            Some((group, "*")) if word(group) => Ok(Self::Prefix(format!("{group}."))),
            Some((group, name)) if word(group) && word(name) => Ok(Self::Type(text.to_owned())),
            _ => Err(format!("{text:?} is neither NAME:VALUE nor an event type such as task.*")),
        }
    }

    fn fits(&self, keys: &Keys) -> bool {
        match self {
            Self::Queue(name) => keys.queue.as_ref() == Some(name),
            Self::Operator(name) => keys.operator.as_ref() == Some(name),
            Self::Call(name) => keys.call.as_ref() == Some(name),
            Self::Type(name) => keys.kind == *name,
            Self::Prefix(prefix) => keys.kind.starts_with(prefix),
        }
    }
}

impl Keys {
    /// Whether it tells of the node itself rather than of its work.
    pub(crate) fn is_internal(&self) -> bool {
        ["security.", "node."].iter().any(|prefix| self.kind.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_fit() {
        let keys = Keys::of(r#"{"seq":1,"type":"task.queued","call":"c1","queue":"support"}"#);
        let check = |topics: &str, expected: Option<bool>| {
            let fits = Topics::parse(topics).map(|topics| topics.fit(&keys));
            assert_eq!(fits.ok(), expected, "{topics}");
        };
        check("", Some(true));
        check("*", Some(true));
        check("task.*", Some(true));
        check("task.queued", Some(true));
        check("tas.*", Some(false));
        check("call.*,queue:support", Some(true));
        check("queue:sales, operator:alice", Some(false));
        check("call:c1", Some(true));
        check("call:c2", Some(false));
        check("trunk:x", None);
        check("task", None);
        check("task.*.x", None);
        check("Task.*", None);
    }
}
