//! Webhooks: each receiver is told of the events it wants, in order, each until it has taken it.
//!
//! One thread for each receiver reads the stored events behind its mark and sends them; nobody waits
//! for it. The mark is a file, so a new run goes on where the last one stopped, and what is sent twice
//! for that has the same `Usher-Event-Id`. What is not stored (`task.position`) is not sent.

mod mark;
mod sign;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use api::{Meters, StoredEvent};
use store::Reader;
use ureq::Agent;

use crate::client;
use crate::config::WebhookSetup;
use mark::Mark;

/// How often it is looked whether there is something new.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a receiver may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The first pause after a failure; each one after it is twice as long.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// How often something is sent that the receiver refuses (4xx).
const REFUSED_MAX: u32 = 3;
/// How long something is sent that finds nobody, by its age.
const AGE_MAX: Duration = Duration::from_secs(24 * 3_600);
/// How often it is looked in vain for an event that has happened.
const VAIN_MAX: u32 = 20;
/// Events read at once.
const PAGE: usize = 200;

/// Says that there are new events. Whoever holds it keeps the receivers' threads alive.
#[derive(Debug, Clone, Default)]
pub(super) struct News(Arc<AtomicU64>);

impl News {
    /// The number of the newest event.
    pub(super) fn tell(&self, seq: u64) {
        self.0.fetch_max(seq, Relaxed);
    }
}

/// What came of sending.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sent {
    Taken,
    /// The receiver will not have it: a 4xx that speaks of the request.
    Refused(u16),
    /// Nobody there, or not now.
    Failed(String),
}

/// Starts a thread for each receiver. What was before the first run with it, `newest` and older, is
/// not sent.
///
/// # Errors
/// A mark cannot be read or written, or a thread not be started.
pub(super) fn start(
    hooks: &[WebhookSetup],
    data_dir: &Path,
    reader: &Reader,
    newest: u64,
    meters: &Meters,
) -> std::io::Result<News> {
    let news = News::default();
    for hook in hooks {
        let mark = Mark::open(&data_dir.join("webhooks"), &hook.name, newest)?;
        // Something may be left from the last run.
        news.tell(newest);
        let courier = Courier {
            hook: hook.clone(),
            reader: reader.clone(),
            mark,
            news: Arc::downgrade(&news.0),
            agent: Agent::new_with_config(client::config(ANSWER_WITHIN).build()),
            meters: meters.clone(),
        };
        let builder = std::thread::Builder::new().name("webhook".to_owned());
        builder.spawn(move || courier.run())?;
    }
    Ok(news)
}

/// Who tells one receiver.
struct Courier {
    hook: WebhookSetup,
    reader: Reader,
    mark: Mark,
    news: Weak<AtomicU64>,
    agent: Agent,
    meters: Meters,
}

impl Courier {
    /// Works until the node has ended.
    fn run(mut self) {
        let name = self.hook.name.clone();
        let mut vain = (0, 0);
        while let Some(newest) = self.newest() {
            if newest <= self.mark.told() || vain == (newest, VAIN_MAX) {
                std::thread::sleep(LOOK_EVERY);
                continue;
            }
            let page = match self.reader.events_after(self.mark.told(), PAGE) {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(%error, "webhook {name}: events cannot be read");
                    std::thread::sleep(PAUSE_MIN);
                    continue;
                }
            };
            if page.is_empty() {
                // Not written yet, or of those that are not kept.
                vain = if vain.0 == newest { (newest, vain.1 + 1) } else { (newest, 1) };
                std::thread::sleep(LOOK_EVERY);
            }
            if !self.tell(page) {
                return;
            }
        }
    }

    /// Some more events; false when the node ends meanwhile.
    fn tell(&mut self, page: Vec<store::StoredEvent>) -> bool {
        for event in page {
            let event = StoredEvent { seq: event.seq, json: event.json };
            let is_wanted = self.hook.topics.take(&event.json);
            if is_wanted && !self.deliver(&event) {
                return false;
            }
            self.mark.advance(event.seq);
            if is_wanted {
                self.save();
            }
        }
        self.save();
        true
    }

    fn save(&mut self) {
        if let Err(error) = self.mark.save() {
            let name = &self.hook.name;
            tracing::error!(%error, "webhook {name}: its mark cannot be written");
        }
    }

    /// None when the node has ended.
    fn newest(&self) -> Option<u64> {
        self.news.upgrade().map(|newest| newest.load(Relaxed))
    }

    /// Sends until it is taken or given up; false when the node ends meanwhile.
    fn deliver(&self, event: &StoredEvent) -> bool {
        let name = &self.hook.name;
        let mut tries = 0;
        loop {
            let sent = self.send(event);
            tries += 1;
            let result = match &sent {
                Sent::Taken => "taken",
                Sent::Refused(_) => "refused",
                Sent::Failed(_) => "failed",
            };
            self.meters.webhook(name, result);
            let is_over = match &sent {
                Sent::Taken => return true,
                Sent::Refused(status) => {
                    tracing::warn!("webhook {name}: event {} is refused by {status}", event.seq);
                    tries >= REFUSED_MAX
                }
                Sent::Failed(why) => {
                    if tries == 1 {
                        tracing::warn!("webhook {name}: event {} waits: {why}", event.seq);
                    }
                    age(&event.json) > AGE_MAX
                }
            };
            if is_over {
                tracing::error!("webhook {name}: event {} is given up", event.seq);
                self.meters.webhook(name, "given_up");
                return true;
            }
            if !self.wait(pause(tries)) {
                return false;
            }
        }
    }

    /// Lets time pass; false when the node ends meanwhile.
    fn wait(&self, mut pause: Duration) -> bool {
        while pause > Duration::ZERO && self.newest().is_some() {
            let part = pause.min(LOOK_EVERY);
            std::thread::sleep(part);
            pause -= part;
        }
        self.newest().is_some()
    }

    fn send(&self, event: &StoredEvent) -> Sent {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let signature = sign::signature(&self.hook.secret, since.as_secs(), &event.json);
        let request = self
            .agent
            .post(&self.hook.url)
            .header("content-type", "application/json")
            .header("usher-event-id", event.seq.to_string())
            .header("usher-signature", signature);
        match request.send(event.json.as_str()) {
            Ok(answer) => judged(answer.status().as_u16()),
            Err(error) => Sent::Failed(error.to_string()),
        }
    }
}

/// What a status says. Too early, too much and too late are no refusals.
fn judged(status: u16) -> Sent {
    match status {
        200..=299 => Sent::Taken,
        408 | 425 | 429 => Sent::Failed(format!("answered by {status}")),
        400..=499 => Sent::Refused(status),
        _ => Sent::Failed(format!("answered by {status}")),
    }
}

/// How long to wait before the next try.
fn pause(tries: u32) -> Duration {
    let doubled = 1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
    PAUSE_MIN.saturating_mul(doubled).min(PAUSE_MAX)
}

/// How old an event is.
fn age(json: &str) -> Duration {
    let event: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let at = event["at"].as_str().and_then(|at| at.parse::<b2bua::Utc>().ok());
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let at = at.map_or(0, |at| u64::try_from(at.as_second()).unwrap_or(0));
    since.saturating_sub(Duration::from_secs(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stop_growing() {
        let seconds: Vec<u64> = (1..=11).map(|tries| pause(tries).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(pause(u32::MAX), PAUSE_MAX);
    }

    #[test]
    fn a_status_says_what_to_do() {
        for (status, expected) in
            [(200, "taken"), (204, "taken"), (400, "refused"), (410, "refused"), (404, "refused")]
        {
            let said = match judged(status) {
                Sent::Taken => "taken",
                Sent::Refused(_) => "refused",
                Sent::Failed(_) => "failed",
            };
            assert_eq!(said, expected, "{status}");
        }
        for status in [301, 408, 425, 429, 500, 503] {
            assert!(matches!(judged(status), Sent::Failed(_)), "{status}");
        }
    }
}
