//! The recorder's thread, and the ends that others have of it.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use b2bua::{SharedEvent, Utc, What};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

use super::frames::{Frame, FrameReceiver};
use super::{Outside, Recorder, Shelf};
use crate::config::RecordingSetup;
use crate::run::clock::{self, Clock};

/// How often the rings are emptied while something is recorded, and while nothing is.
const POLL: Duration = Duration::from_millis(20);
const IDLE: Duration = Duration::from_secs(1);
/// Events that may wait for the recorder; whoever tells them waits never.
const WAITING_MAX: usize = 65_536;

/// Where events go in.
pub(in crate::run) struct RecorderFeed {
    said: Sender<SharedEvent>,
    bell: Sender<()>,
    is_full: AtomicBool,
}

impl RecorderFeed {
    /// Tells an event, if it concerns recordings.
    pub(in crate::run) fn observe(&self, event: &SharedEvent) {
        if !concerns(&event.what) {
            return;
        }
        if self.said.len() < WAITING_MAX {
            let _ = self.said.send(event.clone());
        } else if !self.is_full.swap(true, Relaxed) {
            tracing::error!("the recorder does not keep up with events: recordings are not whole");
        }
        // While something is recorded it looks by itself, and of calls that nobody records it need
        // know no sooner than that: each waking would cost every call.
        if matches!(event.what, What::RecordingStarted { .. }) {
            let _ = self.bell.try_send(());
        }
    }
}

fn concerns(what: &What) -> bool {
    matches!(
        what,
        What::CallStarted { .. }
            | What::CallSegment { .. }
            | What::CallEnded { .. }
            | What::ParticipantJoined { .. }
            | What::ParticipantLeft { .. }
            | What::RecordingStarted { .. }
            | What::RecordingPaused { .. }
            | What::RecordingResumed { .. }
            | What::RecordingStopped { .. }
    )
}

/// The thread: [`RecorderThread::run`].
pub(in crate::run) struct RecorderThread {
    recorder: Recorder,
    heard: Receiver<SharedEvent>,
    bell: Receiver<()>,
    rings: Vec<FrameReceiver>,
    clock: Clock,
}

/// The thread to be started, with the media threads' rings, and where events go in. It ends when that
/// is dropped, and then all is on the disk.
pub(in crate::run) fn prepare(
    setup: &RecordingSetup,
    node: &str,
    clock: Clock,
    rings: Vec<FrameReceiver>,
    outside: Outside,
) -> (RecorderFeed, RecorderThread) {
    let limits = (setup.free_mb_min.saturating_mul(1 << 20), setup.keep_days);
    let recorder = Recorder::new(Shelf::new(&setup.dir), node.into(), limits, outside);
    let (said, heard) = unbounded();
    let (ring, bell) = bounded(1);
    let feed = RecorderFeed { said, bell: ring, is_full: AtomicBool::new(false) };
    (feed, RecorderThread { recorder, heard, bell, rings, clock })
}

impl RecorderThread {
    /// Works until nobody tells events any more.
    pub(in crate::run) fn run(mut self) {
        self.recorder.repair();
        let mut frame = Frame::empty();
        loop {
            let wait = if self.recorder.is_busy() { POLL } else { IDLE };
            let is_over = self.bell.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected);
            let now = self.clock.now();
            for event in self.heard.try_iter() {
                self.recorder.event(now, &event);
            }
            for ring in &mut self.rings {
                while ring.next(&mut frame) {
                    self.recorder.frame(now, &frame);
                }
            }
            if is_over {
                return self.recorder.finish(now, utc());
            }
            self.recorder.tick(now, utc());
        }
    }
}

fn utc() -> Utc {
    let ms = i64::try_from(clock::wall().as_millis()).unwrap_or(i64::MAX);
    Utc::from_millisecond(ms).unwrap_or(Utc::MAX)
}
