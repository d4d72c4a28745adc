//! Reports and the queue log, against a recount of the same events.

use b2bua::event::{Chosen, ChosenState, Effective, EffectiveState, TransferMode, Work};
use b2bua::{CallbackEnd, ReservationKey};

use super::crash::{copy_of, die};
use super::recount::{OfOperator, OfQueue, operator, queue};
use super::*;
use crate::{LogLine, OperatorRow, QueueRow, ReportQuery};

const QUEUES: [&str; 2] = ["sales", "support, \"night\""];
const OPERATORS: [&str; 3] = ["alice", "bob", "carol"];
const WITHIN_MS: u64 = 20_000;
const HOUR: i64 = 3_600_000;

/// Numbers by chance, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn ms(&mut self, below: u64) -> i64 {
        i64::try_from(self.roll(below)).unwrap()
    }
}

/// What happens to one caller, from when on, as (milliseconds, of the task, what).
fn caller(dice: &mut Dice, number: u64, from: i64) -> Vec<(i64, bool, What)> {
    let queue = || QUEUES[usize::from(number.is_multiple_of(3))].into();
    let who = || OPERATORS[usize::try_from(number % 3).unwrap()].into();
    let queued = || What::TaskQueued {
        work: Work::CALL,
        queue: queue(),
        position: 1,
        virtual_start: at(from),
        priority_s: 0,
    };
    let wait = dice.ms(60_000);
    let (mut ms, wait_ms) = (from + wait, u64::try_from(wait).unwrap());
    let mut all = vec![(from, true, queued())];
    let reservation = ReservationKey(number);
    let offered = What::ReservationOffered { reservation, queue: queue(), operator: who() };
    let cause = || ["busy", "ours", "declined"][usize::try_from(number % 3).unwrap()].into();
    match dice.roll(15) {
        12.. => all = called_back(dice, number, from),
        0 => all.push((ms, true, What::TaskAbandoned { queue: queue(), wait_ms })),
        1 => all.push((ms, true, What::TaskExpired { queue: queue(), wait_ms })),
        2 => all.push((ms, true, What::TaskOverflowed { queue: queue(), wait_ms })),
        3 => all.push((ms, true, What::TaskFailed { queue: queue(), cause: "failed".into() })),
        4 => all = vec![(ms, true, What::TaskFailed { queue: queue(), cause: "closed".into() })],
        5 => all.push((ms, true, What::TaskWithdrawn { queue: queue() })),
        6 => {
            let operator = who();
            all.push((ms, true, offered));
            all.push((ms + 9_000, true, What::ReservationTimeout { reservation, operator }));
        }
        7 => {
            let (operator, cause) = (who(), cause());
            let rejected = What::ReservationRejected { reservation, operator, cause };
            all.push((ms, true, offered));
            all.push((ms + 1_000, true, rejected));
        }
        8 => {
            let (operator, cause) = (who(), "task-gone".into());
            let gone = What::ReservationCancelled { reservation, operator, cause };
            all.push((ms, true, offered));
            all.push((ms + 2_000, true, gone));
            all.push((ms + 2_000, true, What::TaskAbandoned { queue: queue(), wait_ms }));
        }
        kind => {
            all.push((ms, true, offered));
            all.push((ms, true, What::ReservationAccepted { reservation, operator: who() }));
            let assigned = What::TaskAssigned { queue: queue(), operator: who(), wait_ms };
            all.push((ms, true, assigned));
            if kind == 9 {
                let (to, mode) = ("600".into(), TransferMode::Cold);
                let started = What::TransferStarted { participant: None, operator: None, to, mode };
                all.push((ms + 1_000, true, started));
                let (to, operator) = ("600".into(), None);
                all.push((ms + 7_000, false, What::TransferCompleted { operator, to }));
            }
            let talk_ms = 8_000 + dice.roll(400_000);
            let (hold_ms, wrap_up_ms) = (dice.roll(talk_ms), dice.roll(9_000));
            ms += i64::try_from(talk_ms).unwrap();
            let wrapping = What::TaskWrapping { queue: queue(), operator: who(), wrap_up_ms };
            all.push((ms, true, wrapping));
            let done = What::TaskCompleted {
                queue: queue(),
                operator: who(),
                talk_ms,
                hold_ms,
                wrap_up_ms,
            };
            all.push((ms + i64::try_from(wrap_up_ms).unwrap(), true, done));
        }
    }
    all
}

/// The same to one who is to be called back.
fn called_back(dice: &mut Dice, number: u64, from: i64) -> Vec<(i64, bool, What)> {
    let queue = || QUEUES[usize::from(number.is_multiple_of(3))].into();
    let who = || OPERATORS[usize::try_from(number % 3).unwrap()].into();
    let wait = dice.ms(60_000);
    let (ms, wait_ms) = (from + wait, u64::try_from(wait).unwrap());
    let number_dialled = || "+7495".into();
    let created = |restored| What::CallbackCreated {
        work: Work::CALLBACK,
        queue: queue(),
        number: number_dialled(),
        name: None,
        trunk: "carrier".into(),
        cause: b2bua::CallbackCause::Key,
        predecessor: None,
        virtual_start: at(from),
        priority_s: 0,
        not_before: None,
        expires: at(from + 86_400_000),
        attempts: 0,
        terms: standing::TERMS,
        restored,
        context: BTreeMap::new(),
    };
    let to_be_called = || What::TaskQueued {
        work: Work::CALLBACK,
        queue: queue(),
        position: 1,
        virtual_start: at(from),
        priority_s: 0,
    };
    let called = |result| What::CallbackDone { queue: queue(), number: number_dialled(), result };
    let mut all: Vec<(i64, bool, What)>;
    match dice.roll(3) {
        0 => {
            let assigned = What::TaskAssigned { queue: queue(), operator: who(), wait_ms };
            let (talk_ms, hold_ms, wrap_up_ms) = (5_000, dice.roll(5_000), dice.roll(9_000));
            let (operator, ended) = (who(), ms + 5_000 + i64::try_from(wrap_up_ms).unwrap());
            let done =
                What::TaskCompleted { queue: queue(), operator, talk_ms, hold_ms, wrap_up_ms };
            // It was there before, half of the time.
            let is_restored = number.is_multiple_of(2);
            let what = [created(is_restored), to_be_called(), called(CallbackEnd::Reached)];
            all = what.map(|what| (from, true, what)).into();
            all.extend([(ms, true, assigned), (ended, true, done)]);
        }
        // Those are told again after each time the customer was not reached.
        1 => {
            let what = [created(false), to_be_called(), to_be_called()];
            all = what.map(|what| (from, true, what)).into();
            all.push((ms, true, called(CallbackEnd::Expired)));
            all.push((ms, true, What::TaskExpired { queue: queue(), wait_ms }));
        }
        _ => {
            let ends = [CallbackEnd::Lost, CallbackEnd::Merged, CallbackEnd::Withdrawn];
            let end = ends[usize::try_from(number % 3).unwrap()];
            all = vec![(from, true, created(false)), (ms, true, called(end))];
        }
    }
    all
}

fn stands(operator: &str, state: Effective, chosen: Chosen) -> What {
    What::OperatorState {
        operator: operator.into(),
        chosen: ChosenState { state: chosen, reason: None, cause: "chosen".into() },
        effective: EffectiveState { state, cause: "chosen".into(), since: at(0) },
    }
}

/// A day or so, in order.
fn history(seed: u64, first: u64) -> Vec<SharedEvent> {
    let mut dice = Dice(seed);
    let mut all: Vec<(i64, Option<CallKey>, Option<TaskKey>, What)> = Vec::new();
    for number in 1..=300 {
        let call = Some(CallKey(number));
        let from = dice.ms(27 * 3_600_000);
        let (kind, trunk, context) = (Kind::Inbound, None, BTreeMap::new());
        let started = What::CallStarted {
            predecessor: None,
            uuid: None,
            kind,
            from: format!("+7495{number:07}").into(),
            to: "600".into(),
            trunk,
            context,
        };
        all.push((from, call, None, started));
        let what = caller(&mut dice, number, from).into_iter();
        all.extend(
            what.map(|(ms, of_task, what)| (ms, call, of_task.then_some(TaskKey(number)), what)),
        );
    }
    for _ in 0..400 {
        let who = OPERATORS[usize::try_from(dice.roll(3)).unwrap()];
        let state = Effective::ALL[usize::try_from(dice.roll(8)).unwrap()];
        all.push((dice.ms(27 * 3_600_000), None, None, stands(who, state, Chosen::Ready)));
    }
    all.sort_by_key(|(ms, ..)| *ms);
    let event = |(seq, (ms, call, task, what))| {
        Arc::new(Event { seq: first + seq as u64, at: at(ms), call, task, what })
    };
    all.into_iter().enumerate().map(event).collect()
}

fn query(bounds: &[i64], now: i64) -> ReportQuery {
    let within_ms = BTreeMap::from([(QUEUES[0].to_owned(), WITHIN_MS)]);
    ReportQuery {
        bounds: bounds.iter().map(|ms| at(*ms)).collect(),
        now: at(now),
        only: None,
        within_ms,
        otherwise_ms: WITHIN_MS,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
fn figures_of_queue(row: &QueueRow) -> OfQueue {
    let all = row.answered + row.abandoned;
    let in_time = row.service_level.map_or(0.0, |level| level * all as f64).round() as u64;
    let counts =
        [row.offered, row.answered, row.abandoned, row.expired, row.overflowed, row.failed];
    let more = [row.withdrawn, row.refused, row.transferred, row.completed, in_time];
    let times = [row.wait_ms, row.longest_wait_ms, row.talk_ms, row.hold_ms, row.wrap_up_ms];
    let callbacks = [row.callbacks, row.callbacks_reached, row.callbacks_failed];
    let their_ends = [row.callbacks_expired, row.callbacks_merged, row.callbacks_withdrawn];
    let all = [&counts[..], &more, &times, &callbacks, &their_ends, &[row.callbacks_handle_ms]];
    all.concat().try_into().unwrap()
}

fn figures_of_operator(row: &OperatorRow) -> OfOperator {
    let counts = [row.offered, row.answered, row.missed, row.rejected, row.taken_back];
    let times = [row.completed, row.talk_ms, row.hold_ms, row.wrap_up_ms, row.signed_in_ms];
    let states = [row.ready_ms, row.not_ready_ms, row.ringing_ms, row.busy_ms];
    [&counts[..], &times, &states].concat().try_into().unwrap()
}

/// Every interval of every queue and operator says what a recount says.
fn agrees(store: &Store, events: &[SharedEvent], bounds: &[i64], now: i64) {
    let (reader, query) = (store.reader(), query(bounds, now));
    let (queues, operators) =
        (reader.report_queues(&query).unwrap(), reader.report_operators(&query).unwrap());
    let ms = |at: i64| super::at(at).as_millisecond();
    let (mut rows, mut people) = (0, 0);
    for pair in bounds.windows(2) {
        let (from, to) = (ms(pair[0]), ms(pair[1]));
        for name in QUEUES {
            let found = queues.iter().find(|row| row.from == at(pair[0]) && row.queue == name);
            let expected = queue(events, name, from, to, WITHIN_MS);
            assert_eq!(found.map_or([0; 23], figures_of_queue), expected, "{name} {pair:?}");
            rows += usize::from(found.is_some());
        }
        for name in OPERATORS {
            let is_it = |row: &&OperatorRow| row.from == at(pair[0]) && row.operator == name;
            let found = operators.iter().find(is_it);
            let expected = operator(events, name, from, to, ms(now));
            assert_eq!(found.map_or([0; 14], figures_of_operator), expected, "{name} {pair:?}");
            people += usize::from(found.is_some());
        }
    }
    assert_eq!((rows, people), (queues.len(), operators.len()), "and there are no others");
}

#[test]
fn a_report_is_what_a_recount_says() {
    for seed in 1..=5 {
        let scratch = Scratch::new();
        let store = scratch.open();
        let events = history(seed, store.next_seq());
        // In batches, as they come.
        events.chunks(37).for_each(|batch| write(&store, batch));
        let hours: Vec<i64> = (0..=30).map(|hour| hour * HOUR).collect();
        agrees(&store, &events, &hours, 40 * HOUR);
        let quarters: Vec<i64> = (20..=60).map(|quarter| quarter * HOUR / 4 + 1).collect();
        agrees(&store, &events, &quarters, 40 * HOUR);
        agrees(&store, &events, &[0, 30 * HOUR], 40 * HOUR);
    }
}

#[test]
fn what_is_written_at_the_third_try_counts_once() {
    let scratch = Scratch::new();
    let settings = crate::Settings {
        retry_after: Duration::from_millis(5),
        seen_every: Duration::MAX,
        ..crate::Settings::default()
    };
    let store = Store::open_with(&scratch.0, "usher-1", settings).unwrap();
    let mut events = history(8, store.next_seq());
    // Of calls without a record: all of a batch is taken in before the disk refuses it.
    events.retain(|event| !matches!(event.what, What::CallStarted { .. }));
    for batch in events.chunks(events.len() / 3) {
        let blocker = rusqlite::Connection::open(scratch.0.join("usher.db")).unwrap();
        blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
        batch.iter().for_each(|event| store.append(Arc::clone(event)));
        let began = std::time::Instant::now();
        while store.healthy() {
            assert!(began.elapsed() < LONG, "it is refused");
            std::thread::yield_now();
        }
        blocker.execute_batch("ROLLBACK").unwrap();
        assert!(store.flush(LONG));
    }
    let hours: Vec<i64> = (0..=30).map(|hour| hour * HOUR).collect();
    agrees(&store, &events, &hours, 40 * HOUR);
}

#[test]
fn what_goes_on_counts_until_now() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut events = history(6, store.next_seq());
    events.retain(|event| event.at < at(13 * HOUR));
    write(&store, &events);
    let hours: Vec<i64> = (0..=30).map(|hour| hour * HOUR).collect();
    agrees(&store, &events, &hours, 13 * HOUR + 5);
}

#[test]
fn however_it_is_cut_the_sums_are_those_of_the_whole() {
    let scratch = Scratch::new();
    let store = scratch.open();
    write(&store, &history(7, store.next_seq()));
    let whole = query(&[0, 30 * HOUR], 40 * HOUR);
    let cut: Vec<i64> = (0..=30).map(|hour| hour * HOUR).collect();
    let cut = query(&cut, 40 * HOUR);
    let reader = store.reader();
    for row in reader.report_queues(&whole).unwrap() {
        let mut sums = [0; 23];
        let parts = reader.report_queues(&cut).unwrap();
        for part in parts.iter().filter(|part| part.queue == row.queue) {
            for (at, figure) in figures_of_queue(part).into_iter().enumerate() {
                sums[at] = if at == 12 { sums[at].max(figure) } else { sums[at] + figure };
            }
        }
        assert_eq!(sums, figures_of_queue(&row));
    }
    let operators = reader.report_operators(&whole).unwrap();
    let signed_in: u64 = operators.iter().map(|row| row.signed_in_ms).sum();
    let parts = reader.report_operators(&cut).unwrap();
    assert_eq!(parts.iter().map(|row| row.signed_in_ms).sum::<u64>(), signed_in);
    assert!(signed_in > 0);
}

#[test]
fn only_what_is_asked_for_is_told_and_each_moment_is_of_one_interval() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut script = Script::new(&store, 1);
    let queued = |queue: &str| What::TaskQueued {
        work: Work::CALL,
        queue: queue.into(),
        position: 1,
        virtual_start: at(0),
        priority_s: 0,
    };
    let gone = What::TaskWithdrawn { queue: "sales".into() };
    let events = [
        script.started(0, "100"),
        script.event(HOUR - 1, true, queued("sales")),
        script.event(HOUR - 1, true, queued("sales")),
        script.event(HOUR, true, gone.clone()),
        script.event(HOUR, true, queued("sales")),
        script.event(2 * HOUR - 1, true, queued("support")),
        script.event(2 * HOUR - 1, true, gone),
        script.event(2 * HOUR, true, queued("sales")),
    ];
    write(&store, &events);
    let told = |query: &ReportQuery| -> Vec<(i64, String, u64)> {
        let rows = store.reader().report_queues(query).unwrap().into_iter();
        let since = at(0).as_millisecond();
        rows.map(|row| (row.from.as_millisecond() - since, row.queue, row.offered)).collect()
    };
    let mut asked = query(&[0, HOUR, 2 * HOUR], 9 * HOUR);
    let row = |hour, queue: &str| (hour * HOUR, queue.to_owned(), 1);
    assert_eq!(told(&asked), [row(0, "sales"), row(1, "sales"), row(1, "support")]);
    asked.only = Some(vec!["support".to_owned()]);
    assert_eq!(told(&asked), [row(1, "support")]);
    asked.bounds.truncate(1);
    assert_eq!(told(&asked), []);
    let json = store.reader().report_queues(&query(&[0, 3 * HOUR], 9 * HOUR)).unwrap();
    let json = serde_json::to_value(&json[0]).unwrap();
    assert_eq!((json["offered"].as_u64(), json["wait_s"].as_f64()), (Some(3), Some(0.0)));
    assert!(json["service_level"].is_null() && json["average_wait_s"].is_null());
}

#[test]
fn what_a_dead_process_leaves_ends_when_it_was_last_seen() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut script = Script::new(&store, 1);
    let queued = What::TaskQueued {
        work: Work::CALL,
        queue: "sales".into(),
        position: 1,
        virtual_start: at(0),
        priority_s: 0,
    };
    let events = [
        script.event(0, false, stands("alice", Effective::Ready, Chosen::Ready)),
        script.started(1_000, "100"),
        script.event(1_000, true, queued),
        script.event(9_000, false, stands("bob", Effective::OnCall, Chosen::Ready)),
    ];
    write(&store, &events);
    die(store);
    let copy = copy_of(&scratch);
    let store = copy.open();
    let mut script = Script { seq: store.next_seq(), ..Script::new(&store, 2) };
    let back = script.event(HOUR, false, stands("alice", Effective::Ready, Chosen::Ready));
    write(&store, &[back]);
    let asked = query(&[0, HOUR, 2 * HOUR], HOUR + 500);
    let rows = store.reader().report_queues(&asked).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].offered, rows[0].crashed), (1, 1));
    let rows = store.reader().report_operators(&asked).unwrap();
    let told: Vec<_> = rows.iter().map(|row| (&*row.operator, row.signed_in_ms)).collect();
    assert_eq!(told, [("alice", 9_000), ("alice", 500)], "bob was seen for no time");
    assert_eq!(rows[0].occupancy, Some(0.0));
}

#[test]
fn who_is_signed_in_while_nothing_happens_was_until_the_process_died() {
    let scratch = Scratch::new();
    let settings = crate::Settings {
        seen_every: Duration::from_micros(100),
        commit_within: Duration::ZERO,
        ..crate::Settings::default()
    };
    let store = Store::open_with(&scratch.0, "usher-1", settings).unwrap();
    let mut script = Script::new(&store, 1);
    // Long ago.
    let long_ago = -800_000_000_000;
    write(
        &store,
        &[script.event(long_ago, false, stands("alice", Effective::Ready, Chosen::Ready))],
    );
    let lately = at(-100_000_000_000);
    let asked = query(&[long_ago, 0], 0);
    let began = std::time::Instant::now();
    let signed_in = || {
        let copy = copy_of(&scratch);
        let rows = copy.open().reader().report_operators(&asked).unwrap();
        rows.first().map_or(0, |row| row.signed_in_ms)
    };
    let enough = u64::try_from(lately.as_millisecond() - at(long_ago).as_millisecond()).unwrap();
    while signed_in() < enough {
        assert!(began.elapsed() < LONG, "it was never seen");
    }
}

fn log(store: &Store, from: i64, to: i64) -> Vec<String> {
    let line = |line: LogLine| {
        let ms = line.at.as_millisecond() - at(0).as_millisecond();
        let call = line.call.map(|call| call.to_string()).unwrap_or_default();
        let (queue, who) = (line.queue.unwrap_or_default(), line.operator.unwrap_or_default());
        format!("{ms}|{call}|{queue}|{who}|{}|{}", line.event, line.data.join("|"))
    };
    let lines = store.reader().queue_log(at(from), at(to)).unwrap();
    lines.map(|one| line(one.unwrap())).collect()
}

#[test]
fn a_served_call_in_the_words_of_the_queue_log() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut script = Script::new(&store, 7);
    let mut events =
        vec![script.event(-5_000, false, stands("alice", Effective::Ready, Chosen::Ready))];
    events.extend(script.served());
    let stands = |ms, state, chosen| (ms, false, stands("alice", state, chosen));
    for (ms, of_task, what) in [
        stands(21_000, Effective::NotReady, Chosen::NotReady),
        stands(22_000, Effective::Ready, Chosen::Ready),
        stands(23_000, Effective::NotReady, Chosen::Ready),
        stands(24_000, Effective::Offline, Chosen::Offline),
    ] {
        events.push(script.event(ms, of_task, what));
    }
    write(&store, &events);
    let expected = [
        "-5000|||alice|ADDMEMBER|",
        "0|c0000000000007|support||ENTERQUEUE||+74951234567|1",
        "4000|c0000000000007|support|alice|CONNECT|4|t0000000000007|0",
        "20000|c0000000000007|support|alice|COMPLETECALLER|4|6|1",
        "21000|||alice|PAUSE|",
        "22000|||alice|UNPAUSE|",
        "23000|||alice|PAUSE|Auto-Pause",
        "24000|||alice|REMOVEMEMBER|",
    ];
    assert_eq!(log(&store, -9_000, 60_000), expected);
    // A part of it knows what was before.
    assert_eq!(log(&store, 10_000, 22_000), expected[3..5]);
}

#[test]
fn who_is_not_served_in_the_words_of_the_queue_log() {
    let scratch = Scratch::new();
    let store = scratch.open();
    for number in 1..=6 {
        let mut script = Script { seq: number * 100, ..Script::new(&store, number) };
        let wait = i64::try_from(number).unwrap() * 1_000;
        let queued = What::TaskQueued {
            work: Work::CALL,
            queue: "sales".into(),
            position: usize::try_from(number).unwrap(),
            virtual_start: at(0),
            priority_s: 0,
        };
        let (queue, wait_ms, operator) = (|| "sales".into(), number * 1_000, || "bob".into());
        let offered = What::ReservationOffered {
            reservation: ReservationKey(number),
            queue: queue(),
            operator: operator(),
        };
        let ends = match number {
            1 => What::TaskAbandoned { queue: queue(), wait_ms },
            2 => What::TaskExpired { queue: queue(), wait_ms },
            3 => What::TaskWithdrawn { queue: queue() },
            4 => What::TaskFailed { queue: queue(), cause: "failed".into() },
            5 => What::ReservationTimeout {
                reservation: ReservationKey(number),
                operator: operator(),
            },
            _ => What::ReservationCancelled {
                reservation: ReservationKey(number),
                operator: operator(),
                cause: "task-gone".into(),
            },
        };
        let mut events = vec![
            script.started(0, &format!("sip:{number}@example.com")),
            script.event(0, true, queued),
        ];
        if number > 4 {
            events.push(script.event(0, true, offered));
        }
        events.push(script.event(wait, true, ends));
        write(&store, &events);
    }
    let found = log(&store, 1, 60_000);
    let of = |number: u64, rest: &str| format!("{number}000|c000000000000{number}|sales|{rest}");
    let expected = [
        of(1, "|ABANDON|1|1|1"),
        of(2, "|EXITWITHTIMEOUT|1|2|2"),
        of(3, "|EXITWITHKEY||1|3|3"),
        of(4, "|EXITEMPTY|1|4|4"),
        of(5, "bob|RINGNOANSWER|5000"),
        of(6, "bob|RINGCANCELED|6000"),
    ];
    assert_eq!(found, expected);
    assert!(log(&store, 0, 1)[5].ends_with("|ENTERQUEUE||6|6"), "{:?}", log(&store, 0, 1));
}

#[test]
fn history_of_before_there_were_kinds_is_of_calls() {
    let scratch = Scratch::new();
    let store = scratch.open();
    write(&store, &Script::new(&store, 7).served());
    let body = |db: &rusqlite::Connection| -> String {
        let sql = "SELECT group_concat(body, char(10)) FROM history";
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let db = rusqlite::Connection::open(scratch.0.join("usher.db")).unwrap();
    // A call is written as it was then.
    let old = r#"0 {"q":[7,7,"support",1]}
1000 {"o":[7,1,"support","alice"]}
4000 {"a":[7,"support","alice",4000]}
20000 {"d":[7,"support","alice",6000,0,10000]}"#;
    assert_eq!(body(&db), old);
    // What is not known yet is left out.
    let then = at(HOUR).as_millisecond();
    let other = old.replace("support", "sales") + "\n20000 {\"?\":[7,\"sales\"]}";
    let sql = "INSERT INTO history (first_ms, body) VALUES (?1, ?2)";
    db.execute(sql, rusqlite::params![then, other]).unwrap();
    let rows = store.reader().report_queues(&query(&[0, 3 * HOUR], 9 * HOUR)).unwrap();
    let figures: Vec<_> = rows.iter().map(figures_of_queue).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(figures[0], figures[1]);
    assert_eq!((rows[0].offered, rows[0].answered, rows[0].completed), (1, 1, 1));
    assert_eq!((rows[0].service_level, rows[0].longest_wait_ms), (Some(1.0), 4_000));
}

#[test]
fn who_is_called_back_is_no_caller_who_waited() {
    let scratch = Scratch::new();
    let store = scratch.open();
    write(&store, &Script::new(&store, 1).served());
    let mut script = Script { seq: 100, ..Script::new(&store, 7) };
    let (queue, operator) = (|| "support".into(), || "alice".into());
    let queued = What::TaskQueued {
        work: Work::CALLBACK,
        queue: queue(),
        position: 1,
        virtual_start: at(0),
        priority_s: 0,
    };
    let (wait_ms, number) = (7_200_000, "+7495".into());
    let reached = What::CallbackDone { queue: queue(), number, result: CallbackEnd::Reached };
    let (talk_ms, hold_ms, wrap_up_ms) = (60_000, 0, 1_000);
    let done =
        What::TaskCompleted { queue: queue(), operator: operator(), talk_ms, hold_ms, wrap_up_ms };
    let what = [
        standing::created(CallKey(1)),
        queued,
        reached,
        What::TaskAssigned { queue: queue(), operator: operator(), wait_ms },
        done,
    ];
    let events: Vec<_> = what.into_iter().map(|what| script.event(60_000, true, what)).collect();
    // In a batch of its own each: what is known of a task goes from one to the next.
    events.chunks(1).for_each(|batch| write(&store, batch));
    let rows = store.reader().report_queues(&query(&[0, HOUR], 9 * HOUR)).unwrap();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.offered, row.answered, row.completed), (1, 1, 1));
    assert_eq!((row.service_level, row.average_wait), (Some(1.0), Some(4.0)));
    assert_eq!((row.longest_wait_ms, row.average_handle), (4_000, Some(16.0)));
    assert_eq!((row.callbacks, row.callbacks_reached, row.callbacks_handle_ms), (1, 1, 61_000));
    let people = store.reader().report_operators(&query(&[0, HOUR], 9 * HOUR)).unwrap();
    assert_eq!(people[0].completed, 2, "for whoever does it, it is work as any other");
}
