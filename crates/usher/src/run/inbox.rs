//! The core's inbox: two bounded lanes, and the door that turns new calls away when it is too full.
//!
//! What belongs to something that exists already (a To tag, a response, a CANCEL, a media event, an
//! order) is **urgent** and is taken before everything **fresh**. The order within a Call-ID never
//! changes, whatever the lanes: while anything of a Call-ID waits in the fresh lane, all the rest of
//! it queues up behind; and what the core takes from the fresh lane it puts aside until it has seen
//! the urgent lane empty, so that nothing sent earlier is overtaken.
//!
//! New INVITEs are refused when what the core took last from the fresh lane had waited too long, or
//! when the lane is too long. A retransmission of an INVITE that was let in within the last 32 s
//! (64·T1) is never refused: a 503 beside the call's own answer would kill it half.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crossbeam_channel::{Receiver, Select, Sender, TrySendError, bounded};
use sip::Flow;
use sip::msg::{Message, Method};
use tokio::sync::oneshot;

/// Items the urgent lane holds.
const URGENT_MAX: usize = 4_096;
/// Items the fresh lane holds.
const FRESH_MAX: usize = 2_048;
/// New INVITEs are refused above this many fresh items, however fast the core is.
const WATERMARK: usize = 1_024;
/// Below this many fresh items nobody is refused: a wait in the past says nothing then.
const SHORT: usize = 32;
/// New INVITEs are refused when fresh items have waited longer than this.
const WAIT_US_MAX: u64 = 100_000;
/// Slots that count fresh items by Call-ID. Two that share one only lose some urgency.
const SLOTS: usize = 4_096;
/// Slots that remember INVITEs let in. Two that share one only forget.
const ADMITTED: usize = 16_384;
/// How long a task pauses before it tries a full lane again.
const PAUSE: Duration = Duration::from_millis(2);
/// 64·T1 in seconds.
const REMEMBERED_S: u64 = 32;

/// What the core finds.
#[derive(Debug)]
pub(super) enum Item {
    /// A message, and when it was put in.
    Message {
        /// Where from.
        flow: Flow,
        /// What.
        message: Message,
        /// Microseconds since the epoch.
        at_us: u64,
    },
    /// From a media thread; not boxed, since it comes from within a tick.
    Media(media::Event),
    /// Any other input.
    Input(Box<b2bua::Input>),
    /// An order from the API.
    Order(Box<Order>),
    /// Take no new calls, and end when the last one has.
    Drain,
    /// End all calls, and end.
    Stop,
}

/// An order and who waits for its answer.
#[derive(Debug)]
pub(super) struct Order {
    /// What to do.
    pub(super) command: b2bua::Command,
    /// Takes the answer.
    pub(super) reply: Reply,
}

/// The way of an answer back to the API.
pub(super) type Reply = oneshot::Sender<Result<b2bua::Reply, b2bua::Problem>>;

/// Why a message was not put in. It comes back.
#[derive(Debug)]
pub(super) enum Refused {
    /// A new request to be answered with 503.
    Busy(Box<Message>),
    /// The lane is full: to be dropped, or held back where the transport can wait.
    Full(Box<Message>),
}

/// The senders' end.
#[derive(Debug, Clone)]
pub(super) struct Inbox {
    urgent: Sender<Item>,
    fresh: Sender<Item>,
    door: Arc<Door>,
}

/// The core's end.
#[derive(Debug)]
pub(super) struct Lanes {
    urgent: Receiver<Item>,
    fresh: Receiver<Item>,
    aside: Option<Item>,
    door: Arc<Door>,
}

/// An inbox and its lanes.
pub(super) fn inbox() -> (Inbox, Lanes) {
    let (urgent, urgent_taken) = bounded(URGENT_MAX);
    let (fresh, fresh_taken) = bounded(FRESH_MAX);
    let door = Arc::new(Door::new());
    let lanes = Lanes { urgent: urgent_taken, fresh: fresh_taken, aside: None, door: door.clone() };
    (Inbox { urgent, fresh, door }, lanes)
}

/// What both ends share.
#[derive(Debug)]
struct Door {
    hash: RandomState,
    waiting: Box<[AtomicU32]>,
    admitted: Box<[AtomicU64]>,
    wait_us: AtomicU64,
    draining: AtomicBool,
}

impl Door {
    fn new() -> Self {
        Self {
            hash: RandomState::new(),
            waiting: (0..SLOTS).map(|_| AtomicU32::new(0)).collect(),
            admitted: (0..ADMITTED).map(|_| AtomicU64::new(0)).collect(),
            wait_us: AtomicU64::new(0),
            draining: AtomicBool::new(false),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a hash")]
    fn waiting(&self, message: &Message) -> &AtomicU32 {
        let hash = self.hash.hash_one(message.call_id().as_bytes());
        &self.waiting[hash as usize % SLOTS]
    }

    /// The slot of an INVITE, and what stands in it when that INVITE was let in during second `s`.
    #[expect(clippy::cast_possible_truncation, reason = "a hash")]
    fn admission(&self, invite: &Message, now: Duration) -> (&AtomicU64, u64) {
        let branch = invite.top_via().map(|via| via.branch().to_owned()).unwrap_or_default();
        let hash = self.hash.hash_one((invite.call_id(), branch));
        let slot = &self.admitted[hash as usize % ADMITTED];
        (slot, hash & 0xffff_ffff_0000_0000 | now.as_secs() & 0xffff_ffff)
    }

    fn is_known(&self, invite: &Message, now: Duration) -> bool {
        let (slot, entry) = self.admission(invite, now);
        let seen = slot.load(Relaxed);
        seen != 0 && seen >> 32 == entry >> 32 && (entry - seen) <= REMEMBERED_S
    }
}

/// Whether a message belongs to something the core knows already.
fn is_urgent(message: &Message) -> bool {
    match message.method() {
        None | Some(Method::Ack | Method::Cancel) => true,
        Some(_) => message.to_tag().is_some(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "half a million years")]
fn micros(time: Duration) -> u64 {
    time.as_micros() as u64
}

impl Inbox {
    /// Puts a message in.
    pub(super) fn message(
        &self,
        now: Duration,
        flow: Flow,
        message: Message,
    ) -> Result<(), Refused> {
        let waiting = self.door.waiting(&message);
        let urgent = is_urgent(&message);
        if urgent && waiting.load(Relaxed) == 0 {
            return put(&self.urgent, now, flow, message);
        }
        if !urgent && message.method() == Some(&Method::Invite) {
            if self.is_busy() && !self.door.is_known(&message, now) {
                return Err(Refused::Busy(Box::new(message)));
            }
            let (slot, entry) = self.door.admission(&message, now);
            slot.store(entry, Relaxed);
        }
        // Counted before it can be taken, or the count would pass below zero.
        waiting.fetch_add(1, Relaxed);
        put(&self.fresh, now, flow, message).inspect_err(|_| {
            waiting.fetch_sub(1, Relaxed);
        })
    }

    /// Puts an input in; whether there was room.
    pub(super) fn input(&self, input: b2bua::Input) -> bool {
        self.item(Item::Input(Box::new(input))).is_ok()
    }

    /// Puts anything but a message in, or gives it back when the lane is full. A core that is gone
    /// needs nothing any more.
    pub(super) fn item(&self, item: Item) -> Result<(), Item> {
        match self.urgent.try_send(item) {
            Err(TrySendError::Full(item)) => Err(item),
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
        }
    }

    /// The same from a task, which waits until there is room.
    pub(super) async fn input_waiting(&self, input: b2bua::Input) {
        self.item_waiting(Item::Input(Box::new(input))).await;
    }

    /// The same for any item.
    pub(super) async fn item_waiting(&self, mut item: Item) {
        while let Err(back) = self.item(item) {
            item = back;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Lets the core take no new calls.
    pub(super) async fn drain(&self) {
        self.door.draining.store(true, Relaxed);
        self.item_waiting(Item::Drain).await;
    }

    /// Whether the node is on its way out: nobody should send it new calls.
    pub(super) fn is_draining(&self) -> bool {
        self.door.draining.load(Relaxed)
    }

    /// Says that a flow has failed, behind all that came by it: a registration that was read before
    /// the connection closed must not be taken after.
    pub(super) async fn flow_failed(&self, flow: Flow) {
        let failed = b2bua::Input::Sip(sip::Input::FlowFailed { flow });
        let mut item = Item::Input(Box::new(failed));
        while let Err(TrySendError::Full(back)) = self.fresh.try_send(item) {
            item = back;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Items in both lanes.
    pub(super) fn len(&self) -> usize {
        self.urgent.len() + self.fresh.len()
    }

    /// Whether the urgent lane is more than half full, when what can be done without should be.
    pub(super) fn is_crowded(&self) -> bool {
        self.urgent.len() > URGENT_MAX / 2
    }

    /// A number that stays the same for retransmissions and that nobody can foresee.
    pub(super) fn tag(&self, message: &Message) -> u64 {
        self.door.hash.hash_one((message.call_id(), message.from_tag(), "to"))
    }

    fn is_busy(&self) -> bool {
        let length = self.fresh.len();
        length > WATERMARK || length > SHORT && self.door.wait_us.load(Relaxed) > WAIT_US_MAX
    }
}

fn put(lane: &Sender<Item>, now: Duration, flow: Flow, message: Message) -> Result<(), Refused> {
    match lane.try_send(Item::Message { flow, message, at_us: micros(now) }) {
        Err(TrySendError::Full(Item::Message { message, .. })) => {
            Err(Refused::Full(Box::new(message)))
        }
        _ => Ok(()),
    }
}

impl Lanes {
    /// The next item, in its order; `None` after `limit` (forever where there is none), and when
    /// nobody is left to put anything in.
    pub(super) fn next(&mut self, now: Duration, limit: Option<Duration>) -> Option<Item> {
        if let Some(item) = self.take(now) {
            return Some(item);
        }
        let mut select = Select::new();
        select.recv(&self.urgent);
        select.recv(&self.fresh);
        match limit {
            Some(limit) => select.ready_timeout(limit).ok()?,
            None => select.ready(),
        };
        self.take(now)
    }

    fn take(&mut self, now: Duration) -> Option<Item> {
        loop {
            if let Ok(item) = self.urgent.try_recv() {
                return Some(item);
            }
            if let Some(item) = self.aside.take() {
                self.leave(now, &item);
                return Some(item);
            }
            self.aside = self.fresh.try_recv().ok();
            self.aside.as_ref()?;
        }
    }

    fn leave(&self, now: Duration, item: &Item) {
        if let Item::Message { message, at_us, .. } = item {
            self.door.waiting(message).fetch_sub(1, Relaxed);
            self.door.wait_us.store(micros(now).saturating_sub(*at_us), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
