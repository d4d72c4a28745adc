//! `GET /v1/events`: the event stream over a WebSocket, one JSON text per event.
//!
//! With `after=SEQ` those missed come first: from the records' table as far as they are no longer
//! in memory, then from memory, then live. Joining memory and live is one step under a lock, and
//! nothing at or below the last number sent is sent again: no gap, no duplicate. Only what the
//! records do not keep, `task.position`, may be absent from what is that old, and a number missing
//! there is no loss.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, interval_at, timeout};

use crate::Inner;
use crate::auth::Caller;
use crate::document::{Doc, Routes, any_text, count};
use crate::events::{Joined, Keys, Published, Topics};
use crate::ports::Records;
use crate::problem::Problem;
use crate::query::Params;
use crate::scope::Scope;

/// Events read from the records at once.
const PAGE: usize = 1_000;
/// How long one message may take to be taken by the peer's TCP.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// How often a peer is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Octets a subscriber may send at once; there is nothing to say.
const MESSAGE_MAX: usize = 4_096;

pub(super) fn routes(routes: Routes) -> Routes {
    let topics = "`queue:support,operator:alice,call:…,task.*,call.ended`; all where there is none";
    let doc = Doc::new("Events as they happen, over a WebSocket")
        .more("One JSON text for each. With `after` those missed since come first.")
        .query("topics", any_text(), topics)
        .query("after", count(), "The `seq` of the last event seen")
        .done(101, "Events follow")
        .problem(400)
        .problem(410)
        .problem(426);
    routes.get("/v1/events", subscribe, doc)
}

pub(crate) async fn subscribe(
    State(inner): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    mut params: Params,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let topics = params.text("topics").unwrap_or_default();
    let after: Option<u64> = params.parse("after", "the seq of an event");
    params.finish()?;
    let topics = Topics::parse(&topics).map_err(|error| Problem::field("topics", error))?;
    let upgrade = upgrade.map_err(|rejection| {
        Problem::new(rejection.status(), format!("this is a WebSocket: {}", rejection.body_text()))
    })?;
    if let Some((after, newest)) = after.zip(inner.hub.newest()).filter(|(after, new)| after > new)
    {
        let what = format!("{after} is still to come, the last event is {newest}");
        return Err(Problem::field("after", what));
    }
    let place = Arc::clone(&inner.subscribers).try_acquire_owned();
    let place = place.map_err(|_| Problem::unavailable("there are too many subscribers"))?;
    let supervises = caller.only_operator().is_none();
    let joined = match after {
        None => Some(inner.hub.join()),
        Some(after) => inner.hub.join_after(after, false),
    };
    if joined.is_none() {
        check_stored(&inner, supervises, after.unwrap_or_default()).await?;
    }
    let upgrade = upgrade.max_message_size(MESSAGE_MAX).max_frame_size(MESSAGE_MAX);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let sent = after.unwrap_or_default();
        let scope = caller.scope(&inner.model);
        Subscriber { socket, topics, supervises, scope, sent }.run(&inner, joined).await;
        drop(place);
    }))
}

/// That what was missed can be told by the records.
async fn check_stored(inner: &Inner, supervises: bool, after: u64) -> Result<(), Problem> {
    if !supervises {
        let detail = "only a supervisor may go back that far; leave out `after` and read anew";
        return Err(Problem::forbidden(detail));
    }
    if inner.records.is_none() {
        return Ok(());
    }
    let oldest = inner.look_up(Records::oldest_event).await?;
    match oldest.filter(|oldest| after > 0 && after + 1 < *oldest) {
        None => Ok(()),
        Some(oldest) => Err(Problem::new(
            StatusCode::GONE,
            format!("events after {after} are no longer kept; the oldest is {oldest}"),
        )),
    }
}

/// Why a subscriber is closed: a close code and words.
type Closed = (u16, String);

struct Subscriber {
    socket: WebSocket,
    topics: Topics,
    supervises: bool,
    /// Of whose calls they are told.
    scope: Scope,
    /// The last number looked at.
    sent: u64,
}

impl Subscriber {
    async fn run(mut self, inner: &Inner, joined: Option<Joined>) {
        let mut stopping = inner.stopping.subscribe();
        let ended = tokio::select! {
            ended = self.stream(inner, joined) => ended,
            _ = stopping.wait_for(|stopping| *stopping) => {
                Some((close_code::AWAY, "the node stops".to_owned()))
            }
        };
        if let Some((code, reason)) = ended {
            let frame = CloseFrame { code, reason: reason.into() };
            // It may be gone already, or not read; both are its own affair.
            let _ = timeout(SEND_WITHIN, self.socket.send(Message::Close(Some(frame)))).await;
        }
    }

    /// Until the peer leaves (none), or is closed for a reason.
    async fn stream(&mut self, inner: &Inner, joined: Option<Joined>) -> Option<Closed> {
        let (missed, mut live) = match joined {
            Some(joined) => joined,
            None => match self.catch_up(inner).await {
                Ok(joined) => joined,
                Err(closed) => return closed,
            },
        };
        let mut missed = VecDeque::from(missed);
        let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        loop {
            if let Some(published) = missed.pop_front() {
                self.publish(inner, &published).await.ok()?;
                continue;
            }
            tokio::select! {
                event = live.recv() => match event {
                    Ok(published) => self.publish(inner, &published).await.ok()?,
                    Err(RecvError::Lagged(behind)) => {
                        let last = self.sent;
                        let reason = format!("{behind} events too slow; go on with after={last}");
                        return Some((close_code::POLICY, reason));
                    }
                    Err(RecvError::Closed) => return Some((close_code::AWAY, String::new())),
                },
                message = self.socket.next() => match message {
                    None | Some(Err(_) | Ok(Message::Close(_))) => return None,
                    Some(Ok(_)) => {}
                },
                _ = ping.tick() => self.send(Message::Ping("".into())).await.ok()?,
            }
        }
    }

    /// Sends what the records have, until the rest is in memory.
    async fn catch_up(&mut self, inner: &Inner) -> Result<Joined, Option<Closed>> {
        let broken = || Some((close_code::ERROR, "the records cannot be read now".to_owned()));
        loop {
            if let Some(joined) = inner.hub.join_after(self.sent, false) {
                return Ok(joined);
            }
            let after = self.sent;
            let page = match &inner.records {
                Some(_) => inner.look_up(move |records| records.events_after(after, PAGE)).await,
                None => Ok(Vec::new()),
            };
            let page = page.map_err(|_| broken())?;
            if page.is_empty() {
                return inner.hub.join_after(self.sent, true).ok_or_else(broken);
            }
            for event in page {
                let keys = Keys::of(&event.json);
                let is_told = self.scope.is_told_later(&keys);
                self.tell(event.seq, &event.json.into(), &keys, is_told)
                    .await
                    .map_err(|()| None)?;
            }
        }
    }

    async fn publish(&mut self, inner: &Inner, published: &Published) -> Result<(), ()> {
        if let Some((text, keys)) = published.text(self.supervises) {
            let is_told = match &published.audience {
                Some(of) => self.scope.is_told(&inner.model, of, keys.is_key()),
                None => true,
            };
            return self.tell(published.seq(), text, keys, is_told).await;
        }
        self.sent = self.sent.max(published.seq());
        Ok(())
    }

    async fn tell(
        &mut self,
        seq: u64,
        text: &Utf8Bytes,
        keys: &Keys,
        is_told: bool,
    ) -> Result<(), ()> {
        if seq <= self.sent {
            return Ok(());
        }
        self.sent = seq;
        if !is_told || !self.topics.fit(keys) || (keys.is_internal() && !self.supervises) {
            return Ok(());
        }
        self.send(Message::Text(text.clone())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), ()> {
        match timeout(SEND_WITHIN, SinkExt::send(&mut self.socket, message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(()),
        }
    }
}
