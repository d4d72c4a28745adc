//! From a frame to the core's inbox: what listeners and connections have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use sip::Flow;
use sip::msg::frame::Frame;
use sip::msg::{Limits, Malformed, Message};

use super::busy;
use super::clock::Clock;
use super::inbox::{Inbox, Refused};

/// What every socket task needs.
#[derive(Debug, Clone)]
pub(super) struct Reception {
    /// Where messages go.
    pub(super) inbox: Inbox,
    /// When.
    pub(super) clock: Clock,
    /// What one message may cost.
    pub(super) limits: Limits,
    /// What became of them.
    pub(super) counted: Arc<Counted>,
}

/// Messages that did not reach the core, or the network.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// Datagrams that were no SIP.
    pub(super) junk: AtomicU64,
    /// Messages lost to a full inbox.
    pub(super) dropped: AtomicU64,
    /// New calls answered with 503 at the door.
    pub(super) refused: AtomicU64,
    /// Datagrams the kernel had no room for.
    pub(super) unsent: AtomicU64,
    /// Connections not accepted, at a limit.
    pub(super) connections_refused: AtomicU64,
}

/// What the socket task has to do about a frame.
#[derive(Debug)]
pub(super) enum Act {
    /// Nothing.
    Done,
    /// Send this.
    Send(Flow, Bytes),
    /// Wait a moment and hand it in again, if the transport can wait.
    Again(Frame),
}

impl Reception {
    /// Takes a frame that came by `flow`. `is_known` says whether an INVITE was taken before.
    pub(super) fn take(
        &self,
        flow: Flow,
        frame: Frame,
        is_known: impl FnOnce(&Message) -> bool,
    ) -> Act {
        match frame {
            Frame::Message(message) => {
                match self.inbox.message(self.clock.now(), flow, message, is_known) {
                    Ok(()) => Act::Done,
                    Err(Refused::Busy(message)) => {
                        self.counted.refused.fetch_add(1, Relaxed);
                        let (flow, bytes) = busy::refuse(&message, flow, self.inbox.tag(&message));
                        Act::Send(flow, bytes)
                    }
                    Err(Refused::Full(message)) => Act::Again(Frame::Message(*message)),
                }
            }
            Frame::Malformed(malformed) => self.malformed(flow, malformed),
            Frame::Ping => Act::Send(flow, Bytes::from_static(b"\r\n")),
            Frame::Junk => {
                self.counted.junk.fetch_add(1, Relaxed);
                Act::Done
            }
        }
    }

    /// Nobody waits for bad messages.
    pub(super) fn malformed(&self, flow: Flow, malformed: Malformed) -> Act {
        let input = b2bua::Input::Sip(sip::Input::Malformed { flow, malformed });
        if !self.inbox.input(input) {
            self.counted.dropped.fetch_add(1, Relaxed);
        }
        Act::Done
    }
}
