//! The store from outside: what was appended is there, once, whatever happened in between.

mod crash;
mod faults;
mod folds;
mod log;
mod migrate;
mod open;
mod plans;
mod recordings;
mod recount;
mod reports;
mod standing;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use b2bua::event::{CallResult, Kind, Mode, Phase, Role, Totals};
use b2bua::{CallKey, Event, ParticipantId, SharedEvent, TaskKey, Utc, What};

use crate::{CallRecord, RecordQuery, Store};

/// More than any test needs.
const LONG: Duration = Duration::from_secs(30);

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("usher-store-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn open(&self) -> Store {
        // The time is that of the events alone.
        let settings = crate::Settings { seen_every: Duration::MAX, ..crate::Settings::default() };
        Store::open_with(&self.0, "usher-1", settings).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn at(ms: i64) -> Utc {
    Utc::from_millisecond(1_800_000_000_000 + ms).unwrap()
}

/// Events with rising numbers.
struct Script {
    seq: u64,
    call: CallKey,
    task: TaskKey,
}

impl Script {
    fn new(store: &Store, number: u64) -> Self {
        Self { seq: store.next_seq(), call: CallKey(number), task: TaskKey(number) }
    }

    fn event(&mut self, ms: i64, task: bool, what: What) -> SharedEvent {
        let seq = self.seq;
        self.seq += 1;
        let task = task.then_some(self.task);
        Arc::new(Event { seq, at: at(ms), call: Some(self.call), task, what })
    }

    fn started(&mut self, ms: i64, from: &str) -> SharedEvent {
        let what = What::CallStarted {
            predecessor: None,
            uuid: None,
            kind: Kind::Inbound,
            from: from.into(),
            to: "600".into(),
            trunk: Some("carrier".into()),
            context: BTreeMap::from([("X-Line".to_owned(), "vip \"1\"".to_owned())]),
        };
        self.event(ms, false, what)
    }

    fn segment(&mut self, ms: i64, phase: Phase) -> SharedEvent {
        let customer = ParticipantId(1);
        let hears = Arc::new(BTreeMap::from([(customer, vec!["music:default".to_owned()])]));
        let what = What::CallSegment { phase, participants: vec![customer], hears };
        self.event(ms, false, what)
    }

    fn ended(&mut self, ms: i64, result: CallResult, totals: Totals) -> SharedEvent {
        self.event(ms, false, What::CallEnded { result, cause: "bye".into(), totals })
    }

    /// A whole served call of 10 s and its task.
    fn served(&mut self) -> Vec<SharedEvent> {
        let (alice, support) = ("alice".into(), "support".into());
        let joined = |id, role, operator, uri: &str| What::ParticipantJoined {
            participant: ParticipantId(id),
            role,
            operator,
            uri: uri.into(),
            mode: None,
            whisper_to: None,
        };
        let queued = What::TaskQueued {
            work: b2bua::event::Work::CALL,
            queue: "support".into(),
            position: 1,
            virtual_start: at(0),
            priority_s: 0,
        };
        let offered = What::ReservationOffered {
            reservation: b2bua::ReservationKey(1),
            queue: "support".into(),
            operator: "alice".into(),
        };
        let assigned = What::TaskAssigned {
            queue: "support".into(),
            operator: "alice".into(),
            wait_ms: 4_000,
        };
        let totals = Totals { wait_ms: 1_000, ring_ms: 3_000, talk_ms: 6_000, hold_ms: 0 };
        let customer = joined(1, Role::Customer, None, "sip:+74951234567@carrier");
        let operator = joined(2, Role::Operator, Some("alice".into()), "sip:alice@phone");
        vec![
            self.started(0, "+74951234567"),
            self.event(0, false, customer),
            self.segment(0, Phase::Wait),
            self.event(0, true, queued),
            self.segment(1_000, Phase::Ring),
            self.event(1_000, true, offered),
            self.event(4_000, true, assigned),
            self.event(4_000, false, operator),
            self.event(4_000, false, What::CallAnswered { operator: Some(alice) }),
            self.segment(4_000, Phase::Talk),
            self.ended(10_000, CallResult::Answered, totals),
            self.event(
                20_000,
                true,
                What::TaskCompleted {
                    queue: support,
                    operator: "alice".into(),
                    talk_ms: 6_000,
                    hold_ms: 0,
                    wrap_up_ms: 10_000,
                },
            ),
        ]
    }
}

fn write(store: &Store, events: &[SharedEvent]) {
    events.iter().for_each(|event| store.append(Arc::clone(event)));
    assert!(store.flush(LONG));
}

fn all(store: &Store) -> Vec<CallRecord> {
    store.reader().calls(&RecordQuery { limit: 1_000, ..RecordQuery::default() }).unwrap().items
}
