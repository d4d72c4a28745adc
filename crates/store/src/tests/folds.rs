use b2bua::CallbackEnd;

use super::*;

#[test]
fn a_served_call_is_one_record() {
    let scratch = Scratch::new();
    let store = scratch.open();
    assert_eq!(store.next_seq(), 1);
    let events = Script::new(&store, 7).served();
    write(&store, &events);
    let record = store.reader().call(CallKey(7)).unwrap().unwrap();
    let phases: Vec<_> = record.segments.iter().map(|one| (&*one.phase, one.length_ms)).collect();
    assert_eq!(phases, [("wait", Some(1_000)), ("ring", Some(3_000)), ("talk", Some(6_000))]);
    let sum = record.wait_ms + record.ring_ms + record.talk_ms + record.hold_ms;
    assert_eq!(Some(sum), record.length_ms);
    assert_eq!((record.started, record.ended), (at(0), Some(at(10_000))));
    assert_eq!(record.answered, Some(at(4_000)));
    assert_eq!(record.queue.as_deref(), Some("support"));
    assert_eq!(record.operator.as_deref(), Some("alice"));
    assert_eq!(record.context["X-Line"], "vip \"1\"");
    assert_eq!(record.participants.len(), 2);
    assert!(record.participants.iter().all(|one| one.left == Some(at(10_000))));
    let [task] = &record.tasks[..] else { panic!("{:?}", record.tasks) };
    assert_eq!((task.offers, task.wait_ms, task.talk_ms), (1, Some(4_000), Some(6_000)));
    assert_eq!((task.wrap_up_ms, task.outcome.as_deref()), (Some(10_000), Some("completed")));
    let json = serde_json::to_value(&record).unwrap();
    assert_eq!(json["length_s"], 10.0);
    assert_eq!(json["segments"][1]["start"], "2027-01-15T08:00:01Z");
    assert_eq!(json["segments"][0]["hears"]["p0000000000001"][0], "music:default");
}

#[test]
fn a_supervisor_who_took_over_was_an_operator() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut script = Script::new(&store, 7);
    let mut events = script.served();
    let participant = ParticipantId(3);
    let joined = What::ParticipantJoined {
        participant,
        role: Role::Supervisor,
        operator: Some("bob".into()),
        uri: "sip:bob@usher.example".into(),
        mode: Some(Mode::Monitor),
        whisper_to: None,
    };
    events.push(script.event(5_000, false, joined));
    let mode = |mode| What::ParticipantMode { participant, mode, whisper_to: None };
    events.push(script.event(6_000, false, mode(Mode::Barge)));
    events.sort_by_key(|event| event.at);
    let role = |store: &Store| {
        let record = store.reader().call(CallKey(7)).unwrap().unwrap();
        let bob =
            record.participants.into_iter().find(|one| one.operator.as_deref() == Some("bob"));
        bob.unwrap().role.to_string()
    };
    write(&store, &events);
    assert_eq!(role(&store), "supervisor");
    let taken = script.event(7_000, false, mode(Mode::Intercept));
    write(&store, &[taken]);
    assert_eq!(role(&store), "operator");
}

#[test]
fn the_same_event_twice_counts_once() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let events = Script::new(&store, 7).served();
    write(&store, &events);
    let first = all(&store);
    write(&store, &events);
    assert_eq!(all(&store), first);
    drop(store);
    let store = scratch.open();
    assert_eq!(store.next_seq(), events.len() as u64 + 1, "a clean stop leaves no gap");
    write(&store, &events);
    assert_eq!(all(&store), first);
}

#[test]
fn an_abandoned_call_and_a_live_one() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut script = Script::new(&store, 1);
    let queued = What::TaskQueued {
        work: b2bua::event::Work::CALL,
        queue: "sales".into(),
        position: 1,
        virtual_start: at(0),
        priority_s: 0,
    };
    let abandoned = What::TaskAbandoned { queue: "sales".into(), wait_ms: 2_500 };
    let totals = Totals { wait_ms: 2_500, ..Totals::default() };
    let mut events = vec![
        script.started(0, "100"),
        script.segment(0, Phase::Wait),
        script.event(0, true, queued),
        script.event(2_500, true, abandoned),
        script.ended(2_500, CallResult::Abandoned, totals),
    ];
    script.call = CallKey(2);
    events.push(script.started(9_000, "200"));
    write(&store, &events);
    let records = all(&store);
    let [live, gone] = &records[..] else { panic!("{records:?}") };
    assert_eq!((live.id, live.state, live.length_ms), (CallKey(2), "live", None));
    assert_eq!((gone.state, gone.result.as_deref()), ("ended", Some("abandoned")));
    assert_eq!(gone.tasks[0].outcome.as_deref(), Some("abandoned"));
    assert_eq!(gone.tasks[0].wait_ms, Some(2_500));
    assert_eq!(store.reader().call(CallKey(3)).unwrap(), None);

    let again = What::TaskQueued {
        work: b2bua::event::Work::CALL,
        queue: "support".into(),
        position: 1,
        virtual_start: at(0),
        priority_s: 0,
    };
    script.call = CallKey(1);
    let again = script.event(70_000, true, again);
    write(&store, &[again]);
    let task = all(&store).remove(1).tasks.remove(0);
    assert_eq!((&*task.queue, task.outcome, task.queued), ("support", None, at(0)));
}

#[test]
fn queries_select_and_page() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut seq = store.next_seq();
    for number in 0..5 {
        let mut script = Script { seq, ..Script::new(&store, number) };
        let mut events = script.served();
        if number == 3 {
            events[0] = Script { seq, ..script }.started(60_000, "sip:%_@example.com");
        }
        seq = script.seq;
        write(&store, &events);
    }
    let reader = store.reader();
    let base = RecordQuery { limit: 100, ..RecordQuery::default() };
    let check = |query: RecordQuery, expected: &[u64]| {
        let found = reader.calls(&query).unwrap().items;
        let found: Vec<u64> = found.iter().map(|record| record.id.0).collect();
        assert_eq!(found, expected, "{query:?}");
    };
    let some = |text: &str| Some(text.to_owned());
    check(base.clone(), &[4, 3, 2, 1, 0]);
    check(RecordQuery { number: some("%_"), ..base.clone() }, &[3]);
    check(RecordQuery { number: some("+74951234567"), ..base.clone() }, &[4, 2, 1, 0]);
    check(RecordQuery { number: some("600"), ..base.clone() }, &[4, 3, 2, 1, 0]);
    check(RecordQuery { number: some("60"), ..base.clone() }, &[]);
    check(RecordQuery { from: Some(at(1)), ..base.clone() }, &[3]);
    check(RecordQuery { to: Some(at(60_000)), ..base.clone() }, &[4, 2, 1, 0]);
    check(RecordQuery { queue: some("sales"), ..base.clone() }, &[]);
    check(RecordQuery { queue: some("support"), limit: 2, ..base.clone() }, &[4, 3]);
    check(RecordQuery { operator: some("alice"), limit: 1, ..base.clone() }, &[4]);
    check(RecordQuery { operator: some("bob"), ..base.clone() }, &[]);
    let mut cursor = None;
    for expected in [&[4, 3][..], &[2, 1], &[0]] {
        let query = RecordQuery { limit: 2, cursor, ..base.clone() };
        cursor = reader.calls(&query).unwrap().next;
        check(query, expected);
    }
    assert_eq!(cursor, None);
    for expected in [&[0, 1][..], &[2, 3], &[4]] {
        let query = RecordQuery { limit: 2, oldest_first: true, cursor, ..base.clone() };
        cursor = reader.calls(&query).unwrap().next;
        check(query, expected);
    }
    assert!(reader.calls(&RecordQuery { cursor: some("x"), ..base }).is_err());
}

#[test]
fn a_callback_has_a_record_before_there_is_a_call_and_is_of_the_last() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut script = Script::new(&store, 7);
    let no_call = |event: SharedEvent| Arc::new(Event { call: None, ..(*event).clone() });
    let of_call =
        |event: SharedEvent, call| Arc::new(Event { call: Some(call), ..(*event).clone() });
    let queue = || "support".into();
    let queued = || What::TaskQueued {
        work: b2bua::event::Work::CALLBACK,
        queue: queue(),
        position: 1,
        virtual_start: at(0),
        priority_s: 0,
    };
    let created = standing::created(CallKey(1));
    let events = [script.event(0, true, created), script.event(0, true, queued())];
    write(&store, &events.map(no_call));
    let record = || store.reader().task(TaskKey(7)).unwrap().unwrap();
    assert_eq!((&*record().kind, &*record().channel, record().offers), ("callback", "voice", 0));
    assert_eq!((record().queued, record().ended), (at(0), None));
    // Two attempts, each with a call of its own.
    let reservation = b2bua::ReservationKey(1);
    let offered =
        || What::ReservationOffered { reservation, queue: queue(), operator: "alice".into() };
    let attempt = |attempt| What::CallbackAttempt {
        queue: queue(),
        number: "1".into(),
        attempt,
        result: "busy".into(),
        next: None,
    };
    for (number, at_ms) in [(20, 1_000), (30, 2_000)] {
        let call = CallKey(number);
        let events = [
            no_call(script.event(at_ms, true, offered())),
            of_call(script.started(at_ms, "alice"), call),
            of_call(script.event(at_ms, true, attempt(1)), call),
        ];
        write(&store, &events);
        let tasks = store.reader().call(call).unwrap().unwrap().tasks;
        let ids: Vec<_> = tasks.iter().map(|task| (&*task.id, &*task.kind)).collect();
        assert_eq!(ids, [("t0000000000007", "callback")]);
    }
    assert_eq!(store.reader().call(CallKey(20)).unwrap().unwrap().tasks, []);
    let expired = What::TaskExpired { queue: queue(), wait_ms: 9_000 };
    write(&store, &[no_call(script.event(9_000, true, expired))]);
    let task = record();
    assert_eq!((task.offers, task.outcome.as_deref()), (2, Some("expired")));
    assert_eq!((task.ended, task.wait_ms), (Some(at(9_000)), Some(9_000)));
}

#[test]
fn a_callback_that_nobody_was_offered_ends_once_and_outlives_the_process_before() {
    let scratch = Scratch::new();
    let mut store = scratch.open();
    for (number, result, of_task, expected) in [
        (7, CallbackEnd::Lost, None, ("failed", Some("lost"))),
        (8, CallbackEnd::Withdrawn, Some(()), ("withdrawn", Some("withdrawn"))),
        (9, CallbackEnd::Expired, None, ("expired", Some("expired"))),
    ] {
        let no_call = |event: SharedEvent| Arc::new(Event { call: None, ..(*event).clone() });
        let seq = store.next_seq() + 100 * number;
        let mut script = Script { seq, ..Script::new(&store, number) };
        write(&store, &[no_call(script.event(0, true, standing::created(CallKey(1))))]);
        drop(store);
        store = scratch.open();
        let record = |store: &Store| store.reader().task(TaskKey(number)).unwrap().unwrap();
        assert_eq!(record(&store).ended, None, "the next process has it");
        let mut script = Script::new(&store, number);
        let done = What::CallbackDone { queue: "support".into(), number: "1".into(), result };
        let mut events = vec![no_call(script.event(5_000, true, done))];
        events.extend(of_task.map(|()| {
            let gone = What::TaskWithdrawn { queue: "support".into() };
            no_call(script.event(6_000, true, gone))
        }));
        write(&store, &events);
        let task = record(&store);
        assert_eq!(
            (task.outcome.as_deref(), task.cause.as_deref()),
            (Some(expected.0), expected.1)
        );
        assert_eq!(task.ended, Some(at(5_000)));
    }
}
