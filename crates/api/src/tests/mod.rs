//! The API over a real listener, fed with events as the switch would.

mod description;
mod events;
mod help;
mod http;
mod idempotency;
mod live;
mod orders;
mod people;
mod recordings;
mod reports;
mod scrape;
mod session;
mod sounds;
mod tasks;
mod transfers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use b2bua::event::{
    CallResult, Chosen, ChosenState, Effective, EffectiveState, Kind, Mode, Phase, Role as Part,
    Totals,
};
use b2bua::{CallKey, Event, ParticipantId, SharedEvent, TaskKey, Utc, What};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Api, By, Directory, Erased, LogLine, LogLines, OperatorEntry, Order, QueueEntry, RecordPage,
    RecordQuery, RecordingFile, Records, RecordsError, ReportQuery, Role, Settings, StoredEvent,
    Token,
};

/// A running API and what a runtime holds of it.
struct Node {
    api: Api,
    address: SocketAddr,
    orders: mpsc::Receiver<Order>,
    stop: Option<oneshot::Sender<()>>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
    seq: u64,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The same, having checked that it is a problem.
    fn problem(&self) -> Value {
        assert!(self.head.contains("content-type: application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["type"], "about:blank");
        assert!(!problem["title"].as_str().unwrap().is_empty());
        problem
    }
}

impl Node {
    async fn start() -> Self {
        Self::start_with(settings(), None).await
    }

    async fn start_with(settings: Settings, records: Option<Arc<dyn Records>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, orders) = mpsc::channel(8);
        let api = Api::new(settings, &directory(), sender, records);
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let served = tokio::spawn(api.clone().serve(listener, stopped));
        Self { api, address, orders, stop: Some(stop), served, seq: 1 }
    }

    async fn get(&self, path: &str) -> Answer {
        ask(self.address, "GET", path, "root", "").await
    }

    /// Asks, and answers the order it causes.
    async fn order<T>(
        &mut self,
        asking: impl Future<Output = Answer>,
        answer: impl FnOnce(Order) -> T,
    ) -> (Answer, T) {
        let answering = async { answer(self.orders.recv().await.unwrap()) };
        tokio::join!(asking, answering)
    }

    fn observe(&mut self, call: u64, task: Option<u64>, what: What) {
        let event = event(self.seq, call, task, what);
        self.seq += 1;
        self.api.observe(&event);
    }

    /// A call that waits, is offered to Alice and answered.
    fn talk(&mut self) {
        let (support, alice) = (|| "support".into(), || "alice".into());
        self.observe(1, None, started());
        self.observe(1, None, joined(1, Part::Customer, None));
        self.observe(1, None, segment(Phase::Wait, &[(1, "music:default")]));
        let start = at();
        self.observe(
            1,
            Some(9),
            What::TaskQueued {
                work: b2bua::event::Work::CALL,
                queue: support(),
                position: 1,
                virtual_start: start,
                priority_s: 5,
            },
        );
        let reserved = What::TaskReserved { queue: support(), operator: alice() };
        self.observe(1, Some(9), reserved);
        let offered = What::ReservationOffered {
            reservation: b2bua::ReservationKey(3),
            queue: support(),
            operator: alice(),
        };
        self.observe(1, Some(9), offered);
        let (participant, role) = (ParticipantId(2), Part::Operator);
        self.observe(1, None, What::LegRinging { participant, role, operator: Some(alice()) });
        self.observe(1, None, What::LegAnswered { participant, role, operator: Some(alice()) });
        self.observe(1, None, joined(2, Part::Operator, Some("alice")));
        let assigned = What::TaskAssigned { queue: support(), operator: alice(), wait_ms: 4_000 };
        self.observe(1, Some(9), assigned);
        self.observe(1, None, What::CallAnswered { operator: Some(alice()) });
        let talk = segment(Phase::Talk, &[(1, "p0000000000002"), (2, "p0000000000001")]);
        self.observe(1, None, talk);
    }
}

fn settings() -> Settings {
    let token = |name: &str, role| Token {
        name: name.into(),
        secret: name.to_owned(),
        role,
        supervises: vec!["sales".into(), "support".into()],
    };
    Settings {
        tokens: vec![
            token("alice", Role::Operator),
            token("boss", Role::Supervisor),
            // Of another queue only, and another operator.
            Token { supervises: vec!["sales".into()], ..token("seller", Role::Supervisor) },
            token("bob", Role::Operator),
            token("root", Role::Admin),
        ],
        ..Settings::new("usher-1", "1.2.3")
    }
}

fn directory() -> Directory {
    let operator = |id: &str| OperatorEntry {
        id: id.into(),
        name: "A Name".into(),
        number: Some("101".into()),
        queues: vec!["support".into()],
        supervises: if id == "bob" { vec!["sales".into()] } else { Vec::new() },
        role: if id == "bob" { Role::Supervisor } else { Role::Operator },
        password: Some(crate::Secret(format!("pw-{id}").into())),
    };
    let queue = |name: &str| QueueEntry {
        name: name.into(),
        number: Some("600".into()),
        auto_connect: true,
        service_level_ms: 20_000,
    };
    Directory {
        queues: vec![queue("sales"), queue("support")],
        operators: vec![operator("bob"), operator("alice")],
        trunks: vec!["carrier".into()],
        auto_connect: true,
        is_discreet: true,
    }
}

fn at() -> Utc {
    crate::now()
}

fn event(seq: u64, call: u64, task: Option<u64>, what: What) -> SharedEvent {
    let call = Some(CallKey(call)).filter(|call| call.0 > 0);
    Arc::new(Event { seq, at: at(), call, task: task.map(TaskKey), what })
}

fn started() -> What {
    What::CallStarted {
        predecessor: None,
        uuid: None,
        kind: Kind::Inbound,
        from: "sip:+7495@carrier".into(),
        to: "600".into(),
        trunk: Some("carrier".into()),
        context: BTreeMap::from([("X-Line".to_owned(), "vip".to_owned())]),
    }
}

fn ended(result: CallResult) -> What {
    What::CallEnded { result, cause: "bye".into(), totals: Totals::default() }
}

fn joined(participant: u64, role: Part, operator: Option<&str>) -> What {
    What::ParticipantJoined {
        participant: ParticipantId(participant),
        role,
        operator: operator.map(Into::into),
        uri: "sip:somebody@example.com".into(),
        mode: (role == Part::Supervisor).then_some(Mode::Monitor),
        whisper_to: None,
    }
}

fn segment(phase: Phase, hears: &[(u64, &str)]) -> What {
    What::CallSegment {
        phase,
        participants: hears.iter().map(|(id, _)| ParticipantId(*id)).collect(),
        hears: Arc::new(
            hears.iter().map(|(id, what)| (ParticipantId(*id), vec![(*what).into()])).collect(),
        ),
    }
}

fn state(operator: &str, effective: Effective) -> What {
    What::OperatorState {
        operator: operator.into(),
        chosen: ChosenState { state: Chosen::Ready, reason: None, cause: "chosen".into() },
        effective: EffectiveState { state: effective, cause: "call".into(), since: at() },
    }
}

async fn ask(address: SocketAddr, method: &str, path: &str, token: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let auth =
        if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{auth}\
         content-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that refuses a long body may close before all of it is sent.
    let _ = stream.write_all(body.as_bytes()).await;
    read(stream).await
}

async fn read(mut stream: TcpStream) -> Answer {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), text: text.to_owned() }
}

/// Records in memory.
#[derive(Default)]
struct Fake {
    events: Vec<StoredEvent>,
    asked: Mutex<Vec<RecordQuery>>,
    reports: Mutex<Vec<ReportQuery>>,
    /// The recording of call 1.
    recording: Option<std::path::PathBuf>,
}

impl Records for Fake {
    fn calls(&self, query: &RecordQuery) -> Result<RecordPage, RecordsError> {
        self.asked.lock().unwrap().push(query.clone());
        match query.cursor.as_deref() {
            _ if query.oldest_first => {
                let one = json!({
                    "id": "c1", "kind": "inbound", "from": "7", "to": "600",
                    "started": "2026-11-21T09:00:00Z", "ended": "2026-11-21T09:00:05Z",
                });
                let next = query.cursor.is_none().then(|| "5".to_owned());
                Ok(RecordPage { items: vec![one], next })
            }
            None => Ok(RecordPage { items: vec![json!({ "id": "c1" })], next: Some("5".into()) }),
            Some("broken") => Err(RecordsError::Unavailable("the disk".into())),
            Some(_) => Err(RecordsError::Cursor),
        }
    }

    fn call(&self, call: CallKey) -> Result<Option<Value>, RecordsError> {
        Ok((call.0 == 1).then(|| json!({ "id": call })))
    }

    fn recording(&self, call: CallKey) -> Result<Option<RecordingFile>, RecordsError> {
        let path = self.recording.as_ref().filter(|_| call.0 == 1);
        Ok(path.map(|path| {
            let file = std::fs::File::open(path).unwrap();
            let length = file.metadata().unwrap().len() - 1;
            RecordingFile { file, length }
        }))
    }

    fn erase(&self, number: &str) -> Result<Erased, RecordsError> {
        let failed = usize::from(number == "600");
        Ok(Erased { calls: vec![CallKey(1), CallKey(2)], live: 3, failed })
    }

    fn report(&self, query: &ReportQuery) -> Result<Vec<Value>, RecordsError> {
        self.reports.lock().unwrap().push(query.clone());
        let key = if query.by == By::Queue { "queue" } else { "operator" };
        let names = query.only.clone().unwrap_or(vec!["a".into(), "b,\"c\"".into()]);
        let row = |pair: &[Utc], name: &String| json!({ "from": pair[0], "to": pair[1], key: name, "offered": 1 });
        let rows =
            query.bounds.windows(2).flat_map(|pair| names.iter().map(move |name| row(pair, name)));
        Ok(rows.collect())
    }

    fn queue_log(&self, from: Utc, to: Utc) -> Result<LogLines, RecordsError> {
        let line = |at, queue: Option<&str>, operator: Option<&str>, event| LogLine {
            at,
            call: queue.map(|_| CallKey(1)),
            queue: queue.map(str::to_owned),
            operator: operator.map(str::to_owned),
            event,
            data: vec!["1".to_owned(), "x|y".to_owned()],
        };
        let lines = [
            line(from, None, Some("alice"), "ADDMEMBER"),
            line(from, Some("support"), None, "ABANDON"),
            line(to, Some("sales"), None, "ABANDON"),
        ];
        // More than are sent at once.
        Ok(Box::new(lines.into_iter().cycle().take(3_000).map(Ok)))
    }

    fn events_after(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, RecordsError> {
        let later = self.events.iter().filter(|event| event.seq > after);
        Ok(later.take(limit.min(2)).cloned().collect())
    }

    fn oldest_event(&self) -> Result<Option<u64>, RecordsError> {
        Ok(self.events.first().map(|event| event.seq))
    }
}
