//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the same POST sent twice is done
//! once.
//!
//! A key is one caller's, for one path. The same key with the same body gets the first answer
//! again; with another body 422; 409 while the first is not answered. What went wrong on our side
//! (5xx) is not kept: whoever tries again means it to be tried again. An order goes on to its end
//! though whoever gave it has gone.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Response as Parts, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::Inner;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::routes::BODY_MAX;

const HEADER: &str = "idempotency-key";
/// Characters of a key at most.
const KEY_MAX: usize = 255;
/// How long an answer is kept.
const KEPT_FOR: Duration = Duration::from_secs(3_600);
/// Answers kept at most; the oldest go first.
const KEPT_MAX: usize = 10_000;

/// Whose key, for which path, which.
type Key = (Arc<str>, String, String);

/// Answers that may be asked for again.
#[derive(Debug, Default)]
pub(crate) struct Answered(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<Key, Entry>,
    /// In order of their times.
    order: VecDeque<(Instant, Key)>,
}

#[derive(Debug)]
struct Entry {
    body: u64,
    since: Instant,
    /// None as long as it is being done.
    answer: Option<Parts<Bytes>>,
}

/// What is to be done about a request.
enum Turn {
    /// It is the first.
    First,
    /// It has been answered so.
    Again(Parts<Bytes>),
}

impl Answered {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, key: &Key, body: u64, now: Instant) -> Result<Turn, Problem> {
        let mut kept = self.lock();
        kept.expire(now);
        match kept.answers.get(key) {
            Some(entry) if entry.body != body => {
                let detail = "this Idempotency-Key was used for another body";
                Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail))
            }
            Some(Entry { answer: Some(answer), .. }) => Ok(Turn::Again(answer.clone())),
            Some(_) => {
                let detail = "the first request with this Idempotency-Key is not answered yet";
                Err(Problem::new(StatusCode::CONFLICT, detail))
            }
            None => {
                let entry = Entry { body, since: now, answer: None };
                kept.answers.insert(key.clone(), entry);
                kept.order.push_back((now, key.clone()));
                Ok(Turn::First)
            }
        }
    }

    fn keep(&self, key: &Key, answer: Option<Parts<Bytes>>) {
        let mut kept = self.lock();
        match answer {
            None => {
                kept.answers.remove(key);
            }
            Some(answer) => {
                if let Some(entry) = kept.answers.get_mut(key) {
                    entry.answer = Some(answer);
                }
            }
        }
    }
}

impl Kept {
    fn expire(&mut self, now: Instant) {
        while let Some((since, key)) = self.order.front()
            && (now.duration_since(*since) >= KEPT_FOR || self.order.len() > KEPT_MAX)
        {
            // One that was not kept may have come again, and has a later place too.
            if self.answers.get(key).is_some_and(|entry| entry.since == *since) {
                self.answers.remove(key);
            }
            self.order.pop_front();
        }
    }
}

/// Does a POST that has a key once.
pub(crate) async fn once(
    State(inner): State<Arc<Inner>>,
    request: Request,
    next: Next,
) -> Response {
    let caller = request.extensions().get::<Caller>().map(|caller| caller.name().clone());
    let header = request.headers().get(HEADER).filter(|_| request.method() == Method::POST);
    let (Some(caller), Some(header)) = (caller, header) else { return next.run(request).await };
    let Some(name) = header.to_str().ok().and_then(name) else {
        let detail = format!("Idempotency-Key is 1 to {KEY_MAX} visible characters");
        return Problem::new(StatusCode::BAD_REQUEST, detail).into_response();
    };
    let key = (caller, request.uri().to_string(), name);
    match first_time(&inner, &key, request).await {
        Ok(Ok(request)) => {
            // Done to its end, whether somebody still waits for the answer or not.
            let done = tokio::spawn(async move { whole(next.run(request).await).await });
            let done = tokio::spawn(async move {
                let done = done.await;
                let kept = done.as_ref().ok().filter(|answer| !answer.status().is_server_error());
                inner.answered.keep(&key, kept.cloned());
                done
            });
            match done.await.flatten() {
                Ok(answer) => answer.map(Body::from),
                Err(error) => {
                    tracing::error!(%error, "a request died");
                    Problem::unavailable("this could not be done").into_response()
                }
            }
        }
        Ok(Err(answer)) => answer.map(Body::from),
        Err(problem) => problem.into_response(),
    }
}

/// The request, where it is to be done; else what it has been answered.
async fn first_time(
    inner: &Inner,
    key: &Key,
    request: Request,
) -> Result<Result<Request, Parts<Bytes>>, Problem> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, BODY_MAX).await.map_err(|_| {
        let detail = format!("a body has at most {BODY_MAX} octets");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    })?;
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    Ok(match inner.answered.take(key, hasher.finish(), Instant::now())? {
        Turn::First => Ok(Request::from_parts(head, Body::from(body))),
        Turn::Again(answer) => Err(answer),
    })
}

async fn whole(response: Response) -> Parts<Bytes> {
    let (head, body) = response.into_parts();
    // Ours, from memory.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    Parts::from_parts(head, body)
}

/// A key as it stands, or as a quoted string (RFC 9651 section 3.3.3).
fn name(header: &str) -> Option<String> {
    let quoted = header.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let name = quoted.unwrap_or(header);
    let is_sound = (1..=KEY_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    is_sound.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        ("boss".into(), "/v1/x".to_owned(), name.to_owned())
    }

    #[test]
    fn a_key_is_read_with_quotes_or_without() {
        assert_eq!(name("abc-1").as_deref(), Some("abc-1"));
        assert_eq!(name("\"abc-1\"").as_deref(), Some("abc-1"));
        let long = "x".repeat(KEY_MAX + 1);
        for wrong in ["", "\"\"", "a b", "a\"b", "\"a", "ä", &long] {
            assert_eq!(name(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn answers_go_in_time_and_in_number() {
        let answered = Answered::default();
        let start = Instant::now();
        let take = |name: &str, body, at| match answered.take(&key(name), body, at) {
            Ok(Turn::First) => 0,
            Ok(Turn::Again(answer)) => answer.status().as_u16(),
            Err(problem) => problem.into_response().status().as_u16(),
        };
        assert_eq!(take("a", 1, start), 0);
        assert_eq!(take("a", 1, start), 409);
        assert_eq!(take("a", 2, start), 422);
        answered.keep(&key("a"), Some(Parts::new(Bytes::new())));
        assert_eq!(take("a", 1, start), 200);
        assert_eq!(take("a", 2, start), 422);
        // Not kept: it is done again, and its time is the later one.
        let later = start + KEPT_FOR / 2;
        assert_eq!(take("b", 1, start), 0);
        answered.keep(&key("b"), None);
        assert_eq!(take("b", 1, later), 0);
        assert_eq!(take("a", 2, start + KEPT_FOR), 0);
        assert_eq!(take("b", 1, start + KEPT_FOR), 409);
        for each in 0..=KEPT_MAX {
            take(&format!("n{each}"), 1, later);
        }
        assert_eq!(take("n0", 2, later), 0, "the oldest of too many is forgotten");
        assert!(answered.lock().answers.len() <= KEPT_MAX + 1);
    }
}
