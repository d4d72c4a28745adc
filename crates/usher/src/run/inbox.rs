//! The core's inbox: two bounded lanes, and the door that turns new calls away when it is too full.
//!
//! What belongs to something that exists already (a To tag, a response, a CANCEL, an order) is
//! **urgent** and is taken before everything **fresh**. The order within a Call-ID never changes,
//! whatever the lanes: while anything of a Call-ID waits in the fresh lane, all the rest of it queues
//! up behind.
//!
//! New INVITEs are refused when what the core took last from the fresh lane had waited too long, when
//! the lane is too long, or when the store does not keep up; never a retransmission of one that was
//! let in: a 503 beside the call's own answer would kill it half.
//!
//! One lock guards it all. It is held for the time of a push or a pop and never while waiting.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sip::Flow;
use sip::msg::{Message, Method};
use tokio::sync::oneshot;

use super::doorbell::Doorbell;
use super::sounds::Made;
use crate::sound::Change;

/// Items the urgent lane holds.
const URGENT_MAX: usize = 4_096;
/// Items the fresh lane holds.
const FRESH_MAX: usize = 2_048;
/// New INVITEs are refused above this many fresh items, however fast the core is.
const WATERMARK: usize = 1_024;
/// Below this many fresh items nobody is refused: a wait in the past says nothing then.
const SHORT: usize = 32;
/// New INVITEs are refused when fresh items have waited longer than this.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// How long a task pauses before it tries a full lane again.
const PAUSE: Duration = Duration::from_millis(2);

/// What the core finds.
#[derive(Debug)]
pub(super) enum Item {
    /// A message.
    Message {
        /// Where from.
        flow: Flow,
        /// What.
        message: Message,
        /// When it was put in.
        at: Duration,
    },
    /// Any other input.
    Input(Box<b2bua::Input>),
    /// An order from the API.
    Order(Box<Order>),
    /// Sounds have come or gone.
    Sounds(Box<Change>),
    /// A sound that the core asked for.
    Made(Box<Made>),
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

/// The inbox. Clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Inbox(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    lanes: Mutex<Lanes>,
    bell: Arc<Doorbell>,
    hash: RandomState,
    draining: AtomicBool,
    /// Set while the core is busy for another reason than what waits here.
    strained: AtomicBool,
}

#[derive(Debug, Default)]
struct Lanes {
    urgent: VecDeque<Item>,
    fresh: VecDeque<Item>,
    /// Fresh items by the hash of their Call-ID. Two that share one only lose some urgency.
    waiting: HashMap<u64, u32>,
    /// How long the fresh item taken last had waited.
    waited: Duration,
}

/// Whether a message belongs to something the core knows already.
fn is_urgent(message: &Message) -> bool {
    match message.method() {
        None | Some(Method::Ack | Method::Cancel) => true,
        Some(_) => message.to_tag().is_some(),
    }
}

impl Inbox {
    /// An empty one. The bell wakes the core.
    pub(super) fn new(bell: Arc<Doorbell>) -> Self {
        Self(Arc::new(Shared {
            lanes: Mutex::default(),
            bell,
            hash: RandomState::new(),
            draining: AtomicBool::new(false),
            strained: AtomicBool::new(false),
        }))
    }

    /// Puts a message in. `is_known` says whether the core has an INVITE's transaction already; it
    /// is asked only when INVITEs are refused.
    pub(super) fn message(
        &self,
        now: Duration,
        flow: Flow,
        message: Message,
        is_known: impl FnOnce(&Message) -> bool,
    ) -> Result<(), Refused> {
        let urgent = is_urgent(&message);
        let call = self.call(&message);
        let mut lanes = self.lanes();
        let follows = lanes.waiting.contains_key(&call);
        let passes = urgent && !follows;
        let is_new = !urgent && !follows && message.method() == Some(&Method::Invite);
        let busy = || self.0.strained.load(Relaxed) || lanes.is_busy();
        if is_new && busy() && !is_known(&message) {
            return Err(Refused::Busy(Box::new(message)));
        }
        if lanes.is_full(passes) {
            return Err(Refused::Full(Box::new(message)));
        }
        let item = Item::Message { flow, message, at: now };
        if passes {
            lanes.urgent.push_back(item);
        } else {
            *lanes.waiting.entry(call).or_default() += 1;
            lanes.fresh.push_back(item);
        }
        self.ring(lanes);
        Ok(())
    }

    /// Puts an input in; whether there was room.
    pub(super) fn input(&self, input: b2bua::Input) -> bool {
        self.item(Item::Input(Box::new(input))).is_ok()
    }

    /// Puts anything but a message in, or gives it back when the lane is full.
    pub(super) fn item(&self, item: Item) -> Result<(), Item> {
        let mut lanes = self.lanes();
        if lanes.is_full(true) {
            return Err(item);
        }
        lanes.urgent.push_back(item);
        self.ring(lanes);
        Ok(())
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
        self.0.draining.store(true, Relaxed);
        self.item_waiting(Item::Drain).await;
    }

    /// Whether the node is on its way out: nobody should send it new calls.
    pub(super) fn is_draining(&self) -> bool {
        self.0.draining.load(Relaxed)
    }

    /// Lets new INVITEs be refused, or no longer, for a reason of the core's.
    pub(super) fn strain(&self, strained: bool) {
        self.0.strained.store(strained, Relaxed);
    }

    /// Says that a flow has failed, behind all that came by it: a registration that was read before
    /// the connection closed must not be taken after.
    pub(super) async fn flow_failed(&self, flow: Flow) {
        let mut failed = Item::Input(Box::new(b2bua::Input::Sip(sip::Input::FlowFailed { flow })));
        while let Err(back) = self.behind(failed) {
            failed = back;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Puts an input into the fresh lane.
    fn behind(&self, item: Item) -> Result<(), Item> {
        let mut lanes = self.lanes();
        if lanes.is_full(false) {
            return Err(item);
        }
        lanes.fresh.push_back(item);
        self.ring(lanes);
        Ok(())
    }

    /// The next item in its order, for the core.
    pub(super) fn next(&self, now: Duration) -> Option<Item> {
        let mut lanes = self.lanes();
        if let Some(item) = lanes.urgent.pop_front() {
            return Some(item);
        }
        let item = lanes.fresh.pop_front()?;
        if let Item::Message { message, at, .. } = &item {
            lanes.waited = now.saturating_sub(*at);
            let call = self.call(message);
            if let Some(count) = lanes.waiting.get_mut(&call) {
                *count -= 1;
                if *count == 0 {
                    lanes.waiting.remove(&call);
                }
            }
        }
        Some(item)
    }

    /// Items in both lanes.
    pub(super) fn len(&self) -> usize {
        let lanes = self.lanes();
        lanes.urgent.len() + lanes.fresh.len()
    }

    /// Whether the urgent lane is more than half full, when what can be done without should be.
    pub(super) fn is_crowded(&self) -> bool {
        self.lanes().urgent.len() > URGENT_MAX / 2
    }

    /// A number that stays the same for retransmissions and that nobody can foresee.
    pub(super) fn tag(&self, message: &Message) -> u64 {
        self.0.hash.hash_one((message.call_id(), message.from_tag(), "to"))
    }

    fn call(&self, message: &Message) -> u64 {
        self.0.hash.hash_one(message.call_id().as_bytes())
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        // Nothing that is done under the lock can panic half-way.
        self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the core once the lock is free.
    fn ring(&self, lanes: MutexGuard<'_, Lanes>) {
        drop(lanes);
        self.0.bell.ring();
    }
}

impl Lanes {
    fn is_full(&self, urgent: bool) -> bool {
        match urgent {
            true => self.urgent.len() >= URGENT_MAX,
            false => self.fresh.len() >= FRESH_MAX,
        }
    }

    fn is_busy(&self) -> bool {
        let length = self.fresh.len();
        length > WATERMARK || length > SHORT && self.waited > WAIT_MAX
    }
}

#[cfg(test)]
mod tests;
