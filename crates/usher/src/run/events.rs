//! The thread that everything which happened passes through, in order: to the store, to the API,
//! into the log. An order's answer takes the same way, so that who asked finds done what was done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use api::Api;
use b2bua::{Event, SharedEvent, What};
use crossbeam_channel::{Receiver, Sender, unbounded};
use store::Store;

use super::inbox::Reply;
use super::recorder::RecorderFeed;
use super::webhooks::News;

/// How long events gather.
const GATHER: Duration = Duration::from_millis(10);
/// What may wait for the thread; the core never waits for it.
const WAITING_MAX: usize = 32_768;

/// What the core says.
enum Said {
    Event(SharedEvent),
    Confirm(Box<dyn FnOnce() + Send>),
    Answer(Box<(Reply, Result<b2bua::Reply, b2bua::Problem>)>),
}

/// The core's end.
#[derive(Clone)]
pub(super) struct Events {
    /// Dropped before the channel: the thread at its other end is the last to have the store.
    store: Arc<Store>,
    said: Sender<Said>,
    lost: Arc<AtomicU64>,
}

/// The thread's end.
pub(super) struct EventThread {
    heard: Receiver<Said>,
    lost: Arc<AtomicU64>,
    store: Arc<Store>,
    recorder: RecorderFeed,
    api: Api,
    news: News,
}

/// The two ends. The thread ends when the core's end is dropped, and then all is on disk.
pub(super) fn prepare(
    store: Arc<Store>,
    recorder: RecorderFeed,
    api: Api,
    news: News,
) -> (Events, EventThread) {
    // Bounded by us: a bounded channel takes the memory of all its places at once.
    let (said, heard) = unbounded();
    let lost = Arc::new(AtomicU64::new(0));
    let told = Events { store: store.clone(), said, lost: lost.clone() };
    (told, EventThread { heard, lost, store, recorder, api, news })
}

impl Events {
    /// Tells an event. One that finds no room is lost, which is a fault and is counted.
    pub(super) fn event(&self, event: SharedEvent) {
        self.say(Said::Event(event));
    }

    /// Does something when all that was told before is on the disk.
    pub(super) fn confirm(&self, then: Box<dyn FnOnce() + Send>) {
        self.say(Said::Confirm(then));
    }

    /// Gives an answer.
    pub(super) fn answer(&self, to: Reply, result: Result<b2bua::Reply, b2bua::Problem>) {
        self.say(Said::Answer(Box::new((to, result))));
    }

    /// Whether more happens than is stored: no more calls should be begun.
    pub(super) fn is_behind(&self) -> bool {
        self.said.len() > WAITING_MAX / 4 || self.store.is_behind()
    }

    fn say(&self, said: Said) {
        if self.said.len() < WAITING_MAX {
            // Nobody is there any more once all has ended.
            let _ = self.said.send(said);
        } else if self.lost.fetch_add(1, Relaxed) == 0 {
            tracing::error!("events are lost: the thread that stores them does not keep up");
        }
    }
}

impl EventThread {
    /// Works until the core's end is dropped. After each round it lets some gather: a turn of the
    /// core must not cost a wake-up for each of its events.
    pub(super) fn run(self) {
        let mut counted = 0;
        while let Ok(said) = self.heard.recv() {
            self.take(said);
            self.heard.try_iter().for_each(|said| self.take(said));
            let dropped = self.store.dropped() + self.lost.load(Relaxed);
            if dropped > counted {
                self.api.meters().events_dropped.inc_by(dropped - counted);
                counted = dropped;
            }
            std::thread::sleep(GATHER);
        }
    }

    fn take(&self, said: Said) {
        match said {
            Said::Event(event) => {
                self.store.append(event.clone());
                self.recorder.observe(&event);
                self.api.observe(&event);
                self.news.tell(event.seq);
                log(&event);
            }
            Said::Confirm(then) => self.store.after(then),
            Said::Answer(answer) => {
                let (to, result) = *answer;
                // Who asked may have given up.
                let _ = to.send(result);
            }
        }
    }
}

/// What is worth a line. The first one's form is fixed: ban lists match it.
fn log(event: &Event) {
    let call = || event.call.map(|call| call.to_string()).unwrap_or_default();
    match &event.what {
        What::SecurityRefused { reason, source, .. } => {
            tracing::warn!("SIP auth failure reason={reason} src={source}");
        }
        What::ContextDropped { headers } => {
            tracing::warn!("header fields are no context, they are beyond [limits]: {headers:?}");
        }
        What::RecordingPlayed { by } => {
            tracing::info!("recording of call {} is played by {by}", call());
        }
        What::RecordingErased { by } => {
            tracing::info!("recording of call {} is erased by {by}", call());
        }
        What::RecordingGap { lost_ms, .. } => {
            tracing::warn!("recording of call {} lacks {lost_ms} ms: the disk is slow", call());
        }
        What::NodeFault { what } => tracing::error!("fault: {what}"),
        What::TrunkDown { trunk, cause } => tracing::warn!("trunk {trunk} is down: {cause}"),
        What::TrunkUp { trunk } => tracing::info!("trunk {trunk} is up"),
        _ => {}
    }
}
