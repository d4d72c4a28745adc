//! What the switch says of itself: its API, asked from outside like everybody else does it.

use std::collections::BTreeMap;

use b2bua::Utc;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::place::Place;
use crate::cli::Failure;
use crate::cli::http::{Server, Verb};

/// Items of a list at once.
const PAGE: usize = 1_000;

/// The API, with the token of the demonstration.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    server: Server,
    url: String,
    token: String,
}

/// What is so at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Picture {
    /// In the order of the names.
    pub(super) queues: Vec<QueueNow>,
    /// In the order of the ids.
    pub(super) operators: Vec<OperatorNow>,
    /// Calls alive.
    pub(super) calls: usize,
}

/// A queue at one moment, and since midnight UTC.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct QueueNow {
    pub(super) name: String,
    pub(super) waiting: u64,
    pub(super) longest_wait_s: f64,
    pub(super) answered: u64,
    pub(super) abandoned: u64,
    /// Answered or abandoned in time, as a share of all that were answered or abandoned.
    pub(super) service_level: Option<f64>,
    /// Of all who no longer wait.
    pub(super) mean_wait_s: Option<f64>,
    /// By effective state.
    pub(super) operators: BTreeMap<String, u64>,
}

/// An operator at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct OperatorNow {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) cause: String,
    /// Seconds in this state.
    pub(super) since_s: u64,
    /// The number of whoever calls.
    pub(super) caller: Option<String>,
}

impl Desk {
    /// Of this place.
    pub(super) fn new(place: &Place) -> Self {
        let url = format!("http://{}", place.http);
        Self { server: Server::at(&url, &place.token), url, token: place.token.clone() }
    }

    /// Where it is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The event stream; it has begun when this returns.
    ///
    /// # Errors
    /// The switch is not there yet, or refuses.
    pub(super) async fn events(&self) -> Result<Events, String> {
        let url = format!("{}/v1/events", self.url.replacen("http", "ws", 1));
        let mut request = url.into_client_request().map_err(|error| error.to_string())?;
        let bearer = format!("Bearer {}", self.token).parse();
        let bearer = bearer.map_err(|_| "USHER_TOKEN has a character no header may have")?;
        request.headers_mut().insert("Authorization", bearer);
        let (socket, _) = connect_async(request).await.map_err(|error| error.to_string())?;
        Ok(Events(socket))
    }

    /// How it stands now.
    ///
    /// # Errors
    /// The switch does not answer.
    pub(super) fn look(&self) -> Result<Picture, Failure> {
        let calls = self.list("/calls")?;
        let waits = waits(&self.server.metrics()?);
        let queues = self.list("/queues")?;
        let operators = self.list("/operators")?;
        let now = now();
        Ok(Picture {
            queues: queues.iter().map(|queue| queue_now(queue, &waits)).collect(),
            operators: operators.iter().map(|one| operator_now(one, &calls, now)).collect(),
            calls: calls.len(),
        })
    }

    /// All items of a list.
    ///
    /// # Errors
    /// The switch does not answer.
    pub(super) fn list(&self, path: &str) -> Result<Vec<Value>, Failure> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = format!("{path}?limit={PAGE}{cursor}");
            let mut page = self.server.ask(Verb::Get, &page, None)?;
            if let Some(more) = page["items"].as_array_mut() {
                items.append(more);
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(items),
            }
        }
    }

    /// An operator is ready again.
    ///
    /// # Errors
    /// The switch does not answer.
    pub(super) fn make_ready(&self, operator: &str) -> Result<(), Failure> {
        let path = format!("/operators/{operator}");
        self.server.ask(Verb::Patch, &path, Some(&json!({ "state": "ready" }))).map(drop)
    }
}

/// The event stream.
pub(super) struct Events(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Events {
    /// Hands every event on until the switch closes the stream.
    pub(super) async fn read(mut self, told: mpsc::UnboundedSender<Value>) {
        while let Some(Ok(message)) = self.0.next().await {
            let event = message.to_text().ok().and_then(|text| serde_json::from_str(text).ok());
            if let Some(event) = event
                && told.send(event).is_err()
            {
                return;
            }
        }
    }
}

fn queue_now(queue: &Value, waits: &BTreeMap<String, f64>) -> QueueNow {
    let name = text(&queue["name"]);
    let count = |key: &str| queue["today"][key].as_u64().unwrap_or(0);
    let operators = queue["operators"].as_object().into_iter().flatten();
    QueueNow {
        waiting: queue["waiting"].as_u64().unwrap_or(0),
        longest_wait_s: queue["longest_wait_s"].as_f64().unwrap_or(0.0),
        answered: count("answered"),
        abandoned: count("abandoned"),
        service_level: queue["service_level"].as_f64(),
        mean_wait_s: waits.get(&name).copied(),
        operators: operators
            .map(|(state, count)| (state.clone(), count.as_u64().unwrap_or(0)))
            .collect(),
        name,
    }
}

fn operator_now(operator: &Value, calls: &[Value], now: Utc) -> OperatorNow {
    let effective = &operator["effective"];
    let since: Option<Utc> = effective["since"].as_str().and_then(|since| since.parse().ok());
    let since_s = since.map_or(0, |since| now.as_second() - since.as_second());
    let theirs = operator["calls"].as_array().and_then(|calls| calls.first());
    let call = theirs.and_then(|id| calls.iter().find(|call| call["id"] == *id));
    // The state of the operator does not tell a hold, that of the call does.
    let is_held = call.is_some_and(|call| call["state"] == "held");
    let state = if is_held { "on-hold".to_owned() } else { text(&effective["state"]) };
    OperatorNow {
        id: text(&operator["id"]),
        state,
        cause: text(&effective["cause"]),
        since_s: u64::try_from(since_s).unwrap_or(0),
        caller: call.map(|call| text(&call["customer"]["number"])),
    }
}

/// A string's text, nothing for anything else.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The day in UTC, as the API counts its figures.
pub(super) fn today() -> String {
    now().to_string().chars().take(10).collect()
}

fn now() -> Utc {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or(0);
    Utc::from_second(seconds).unwrap_or(Utc::UNIX_EPOCH)
}

/// The mean of `usher_queue_wait_seconds` by queue.
fn waits(metrics: &str) -> BTreeMap<String, f64> {
    let values = |suffix: &str| -> BTreeMap<String, f64> {
        let start = format!("usher_queue_wait_seconds_{suffix}{{queue=\"");
        let lines = metrics.lines().filter_map(|line| line.strip_prefix(&start));
        let pairs = lines.filter_map(|rest| rest.split_once("\"} "));
        pairs.filter_map(|(queue, value)| Some((queue.to_owned(), value.parse().ok()?))).collect()
    };
    let (sums, counts) = (values("sum"), values("count"));
    let mean = |(queue, sum): (String, f64)| {
        let count = counts.get(&queue).copied().filter(|count| *count > 0.0)?;
        Some((queue, sum / count))
    };
    sums.into_iter().filter_map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_read_off_the_metrics() {
        let metrics = "# TYPE usher_queue_wait_seconds histogram\n\
                       usher_queue_wait_seconds_sum{queue=\"sales\"} 12.5\n\
                       usher_queue_wait_seconds_count{queue=\"sales\"} 5\n\
                       usher_queue_wait_seconds_bucket{le=\"1.0\",queue=\"sales\"} 1\n\
                       usher_queue_wait_seconds_sum{queue=\"support\"} 0.0\n\
                       usher_queue_wait_seconds_count{queue=\"support\"} 0\n";
        assert_eq!(waits(metrics), BTreeMap::from([("sales".to_owned(), 2.5)]));
    }

    #[test]
    fn an_operator_is_shown_with_their_caller() {
        let operator = json!({
            "id": "alice", "calls": ["c2"],
            "effective": { "state": "on-call", "cause": "call", "since": "2026-11-21T10:00:00Z" },
        });
        let calls = [
            json!({ "id": "c1", "customer": { "number": "1" } }),
            json!({ "id": "c2", "state": "talking", "customer": { "number": "2" } }),
        ];
        let now = "2026-11-21T10:00:07Z".parse().unwrap();
        let shown = operator_now(&operator, &calls, now);
        assert_eq!((shown.since_s, shown.caller.as_deref()), (7, Some("2")));
        assert_eq!((shown.id.as_str(), shown.state.as_str()), ("alice", "on-call"));
        let held = [json!({ "id": "c2", "state": "held" })];
        assert_eq!(operator_now(&operator, &held, now).state, "on-hold");
    }
}
