//! What a call costs the store: CPU of the writer's thread and bytes on disk.
//!
//! `cargo bench -p store --bench calls` writes 20,000 served calls in batches of 100 events, about
//! as a node does at 50 calls a second, and prints microseconds and bytes a call; `… -- COUNT`
//! writes so many instead, for callgrind (`callgrind_annotate --inclusive=yes`, line `Writer::run`)
//! and for what becomes of it in a large history.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints, and panics when something is amiss"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use b2bua::config::Name;
use b2bua::event::{
    CallResult, Chosen, ChosenState, Effective, EffectiveState, Kind, Phase, Role, Totals,
};
use b2bua::{CallKey, Event, ParticipantId, TaskKey, Utc, What};
use store::Store;

/// Events in a transaction.
const BATCH: usize = 100;
/// One call begins every so many milliseconds.
const EVERY_MS: i64 = 20;
/// A call is offered, answered, hung up and wrapped up, so many beginnings of others apart.
const BURSTS: [u64; 4] = [0, 40, 200, 240];
const OPERATORS: u64 = 200;
const QUEUES: u64 = 5;

/// Spreads numbers as a node's generator does.
fn spread(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) >> 10
}

/// The way of one call.
struct Call {
    number: u64,
    at: Utc,
}

impl Call {
    fn operator(&self) -> Name {
        format!("op{}", self.number % OPERATORS).into()
    }

    fn queue(&self) -> Name {
        format!("queue{}", self.number % QUEUES).into()
    }

    fn customer(&self) -> ParticipantId {
        ParticipantId(spread(self.number * 4 + 2))
    }

    fn phone(&self) -> ParticipantId {
        ParticipantId(spread(self.number * 4 + 3))
    }

    fn state(&self, state: Effective, cause: &str) -> What {
        What::OperatorState {
            operator: self.operator(),
            chosen: ChosenState { state: Chosen::Ready, reason: None, cause: "chosen".into() },
            effective: EffectiveState { state, cause: cause.into(), since: self.at },
        }
    }

    fn joined(&self, operator: bool) -> What {
        let (participant, role, operator, uri) = if operator {
            let name = self.operator();
            let uri = format!("sip:{name}@192.0.2.17:5060;transport=udp");
            (self.phone(), Role::Operator, Some(name), uri)
        } else {
            (self.customer(), Role::Customer, None, format!("sip:{}@198.51.100.4", self.caller()))
        };
        let uri = uri.into();
        What::ParticipantJoined { participant, role, operator, uri, mode: None, whisper_to: None }
    }

    fn caller(&self) -> String {
        format!("+4930{:07}", spread(self.number * 4) % 3_000_000)
    }

    fn segment(&self, phase: Phase) -> What {
        let (customer, phone) = (self.customer(), self.phone());
        if phase == Phase::Talk {
            let hears = [(customer, vec![phone.to_string()]), (phone, vec![customer.to_string()])];
            let participants = vec![customer, phone];
            return What::CallSegment {
                phase,
                participants,
                hears: Arc::new(BTreeMap::from(hears)),
            };
        }
        let hears = Arc::new(BTreeMap::from([(customer, vec!["music:default".to_owned()])]));
        What::CallSegment { phase, participants: vec![customer], hears }
    }

    fn offered(&self) -> Vec<What> {
        let (operator, queue) = (self.operator(), self.queue());
        vec![
            What::CallStarted {
                predecessor: None,
                uuid: None,
                kind: Kind::Inbound,
                from: self.caller().into(),
                to: "600".into(),
                trunk: Some("carrier".into()),
                context: BTreeMap::new(),
            },
            self.joined(false),
            What::TaskQueued {
                work: b2bua::event::Work::CALL,
                queue: queue.clone(),
                position: 1,
                virtual_start: self.at,
                priority_s: 0,
            },
            What::TaskReserved { queue: queue.clone(), operator: operator.clone() },
            What::ReservationOffered {
                reservation: b2bua::ReservationKey(self.number),
                queue,
                operator: operator.clone(),
            },
            self.state(Effective::Reserved, "reservation"),
            self.segment(Phase::Ring),
            What::LegRinging {
                participant: self.phone(),
                role: Role::Operator,
                operator: Some(operator),
            },
            self.state(Effective::Ringing, "reservation"),
        ]
    }

    fn answered(&self) -> Vec<What> {
        let (operator, queue) = (self.operator(), self.queue());
        vec![
            What::LegAnswered {
                participant: self.phone(),
                role: Role::Operator,
                operator: Some(operator.clone()),
            },
            What::ReservationAccepted {
                reservation: b2bua::ReservationKey(self.number),
                operator: operator.clone(),
            },
            What::TaskAssigned { queue, operator: operator.clone(), wait_ms: 1_600 },
            self.joined(true),
            What::CallAnswered { operator: Some(operator.clone()) },
            What::OperatorReached { operator },
            self.state(Effective::OnCall, "answered"),
            self.segment(Phase::Talk),
        ]
    }

    fn hung_up(&self) -> Vec<What> {
        let (operator, queue) = (self.operator(), self.queue());
        let (customer, phone) = (self.customer(), self.phone());
        let totals = Totals { wait_ms: 0, ring_ms: 1_600, talk_ms: 6_400, hold_ms: 0 };
        vec![
            What::LegEnded {
                participant: customer,
                role: Role::Customer,
                operator: None,
                cause: "hung up".into(),
                reason: None,
            },
            What::ParticipantLeft { participant: customer },
            What::LegEnded {
                reason: None,
                participant: phone,
                role: Role::Operator,
                operator: Some(operator.clone()),
                cause: "ended".into(),
            },
            What::ParticipantLeft { participant: phone },
            What::CallEnded {
                result: CallResult::Answered,
                cause: "customer hung up".into(),
                totals,
            },
            What::TaskWrapping { queue, operator, wrap_up_ms: 1_600 },
            self.state(Effective::WrapUp, "call-ended"),
        ]
    }

    fn wrapped_up(&self) -> Vec<What> {
        let (operator, queue) = (self.operator(), self.queue());
        let (talk_ms, wrap_up_ms) = (6_400, 1_600);
        vec![
            What::TaskCompleted { queue, operator, talk_ms, hold_ms: 0, wrap_up_ms },
            self.state(Effective::Ready, "wrap-up-ended"),
        ]
    }

    fn burst(&self, which: usize) -> Vec<What> {
        match which {
            0 => self.offered(),
            1 => self.answered(),
            2 => self.hung_up(),
            _ => self.wrapped_up(),
        }
    }

    /// The event's call and task, as the switch gives them.
    fn concerns(&self, what: &What) -> (Option<CallKey>, Option<TaskKey>) {
        let name = what.type_name();
        if name.starts_with("operator.") {
            return (None, None);
        }
        let task = name.starts_with("task.") || name.starts_with("reservation.");
        let key = self.number * 4 + 1;
        (Some(CallKey(spread(key))), task.then(|| TaskKey(!spread(key) >> 10)))
    }
}

/// Writes so many calls and says how many events they were.
fn write(store: &Store, calls: u64) -> u64 {
    let mut seq = store.next_seq();
    let mut gathered = 0;
    for step in 0..calls + BURSTS[3] {
        let ms = i64::try_from(step).expect("a small number") * EVERY_MS;
        let at = Utc::from_millisecond(1_800_000_000_000 + ms).expect("a time");
        for (which, after) in BURSTS.iter().enumerate() {
            let Some(number) = step.checked_sub(*after).filter(|number| *number < calls) else {
                continue;
            };
            let call = Call { number, at };
            for what in call.burst(which) {
                let (call, task) = call.concerns(&what);
                store.append(Arc::new(Event { seq, at, call, task, what }));
                seq += 1;
                gathered += 1;
                if gathered == BATCH {
                    assert!(store.flush(Duration::from_secs(60)), "the disk keeps up");
                    gathered = 0;
                }
            }
        }
    }
    assert!(store.flush(Duration::from_secs(60)), "the disk keeps up");
    seq - store.next_seq()
}

/// CPU the writer's thread has had, in microseconds, as the kernel counts it.
fn writer_us() -> f64 {
    for thread in Path::new("/proc/self/task").read_dir().expect("Linux") {
        let thread = thread.expect("Linux").path();
        let read = |name: &str| std::fs::read_to_string(thread.join(name)).expect("Linux");
        if read("comm").trim() == "store" {
            let ns = read("schedstat").split(' ').next().and_then(|ns| ns.parse::<f64>().ok());
            return ns.expect("nanoseconds") / 1e3;
        }
    }
    f64::NAN
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|w| !w.starts_with("--")).collect();
    let calls: u64 = words.first().map_or(20_000, |word| word.parse().expect("a count"));
    let dir = std::env::temp_dir().join(format!("usher-store-bench-{}", std::process::id()));
    let store = Store::open(&dir, "usher-1").expect("a fresh store");
    let events = write(&store, calls);
    let cpu = writer_us() / calls as f64;
    assert_eq!(store.dropped(), 0, "all was written");
    let record = store.reader().call(CallKey(spread(1))).expect("readable").expect("the first");
    assert_eq!((record.segments.len(), record.tasks.len()), (2, 1), "{record:?}");
    drop(store);
    let bytes = dir.join("usher.db").metadata().expect("a database").len() as f64 / calls as f64;
    std::fs::remove_dir_all(&dir).expect("ours");
    println!("{calls} calls of {:.0} events", events as f64 / calls as f64);
    println!("{cpu:8.1} us of the writer's CPU a call");
    println!("{bytes:8.0} bytes on disk a call, events kept included");
}
