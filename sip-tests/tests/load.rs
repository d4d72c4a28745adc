//! Very many calls, and too many: what is left over, and who is turned away.

use std::time::{Duration, Instant};

use sip_tests::bench::{Bank, Load, Node, OPERATORS, Outcome};

/// Transactions live for 32 s after their calls (64·T1), registrations for an hour.
const SETTLED_WITHIN: Duration = Duration::from_secs(90);
/// Without a turn of the core for so long, no timer is left but that of a registration.
const STILL: Duration = Duration::from_secs(3);

fn bank(node: &Node) -> Bank {
    let bank = Bank::bind(node.address(), node.ports.peer(1), node.ports.peer(2));
    bank.register(OPERATORS);
    bank
}

/// That every call either went well to its end or was refused with 503 and Retry-After.
#[track_caller]
fn all_resolved(outcome: &Outcome, calls: u32) {
    assert_eq!(outcome.failed, 0, "{:#?}", outcome.failures);
    assert_eq!(outcome.ended + outcome.refused, calls);
    assert_eq!((outcome.answered, outcome.connected), (outcome.ended, outcome.ended));
}

/// That nobody calls, waits, rings or talks.
#[track_caller]
fn is_idle(node: &Node) {
    node.api.until("no call, all operators ready", |api| {
        let metric = |name: &str| api.metric(name);
        let ready = metric("usher_operators{queue=\"bench\",state=\"ready\"}");
        let idle = metric("usher_calls_active") == Some(0.0)
            && metric("usher_queue_waiting{queue=\"bench\"}") == Some(0.0)
            && metric("usher_core_inbox") == Some(0.0)
            && ready == Some(f64::from(OPERATORS));
        (idle && api.items("/calls").is_empty() && api.items("/tasks").is_empty()).then_some(())
    });
}

/// Waits until the core has nothing to do any more: nobody sends, so that only timers could wake it.
#[track_caller]
fn wait_still(node: &Node) {
    let deadline = Instant::now() + SETTLED_WITHIN;
    let turns = || node.api.metric("usher_core_turn_seconds_count");
    let (mut last, mut since) = (turns(), Instant::now());
    while since.elapsed() < STILL {
        assert!(Instant::now() < deadline, "the core is still busy after {SETTLED_WITHIN:?}");
        std::thread::park_timeout(Duration::from_millis(100));
        let now = turns();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
}

/// The records of calls, page by page, and how many of them are closed.
fn records(node: &Node) -> (usize, usize) {
    let (mut all, mut ended, mut cursor) = (0, 0, String::new());
    loop {
        let (status, page) = node.api.get(&format!("/records/calls?limit=1000{cursor}"));
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().map_or(&[][..], Vec::as_slice);
        all += items.len();
        ended += items.iter().filter(|record| record["state"] == "ended").count();
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (all, ended),
        }
    }
}

/// How many calls there may be at once: more are begun than there are ports for.
fn room(bank: &mut Bank) -> u32 {
    let hold = Duration::from_millis(1_500);
    let calls = Load { calls: 130, hold: hold..=hold, ..Load::new(200, 1) };
    let outcome = bank.run(&calls);
    all_resolved(&outcome, calls.calls);
    assert!(outcome.refused > 0, "there are ports for all of them");
    outcome.ended
}

#[test]
fn ten_thousand_short_calls_leave_nothing_behind() {
    // 220 pairs of ports: enough for 110 calls if none is kept back.
    let node = Node::start(440);
    let mut bank = bank(&node);
    let room_before = room(&mut bank);
    is_idle(&node);
    let idle = node.process().usage();
    let calls = Load::new(150, 67);
    let outcome = bank.run(&calls);
    all_resolved(&outcome, calls.calls);
    // A machine with a lot to do may refuse some.
    assert!(outcome.ended > 9_000, "only {} were answered", outcome.ended);
    is_idle(&node);
    wait_still(&node);

    let later = node.process().usage();
    assert_eq!(later.descriptors, idle.descriptors);
    // The runtime's thread that has read the sounds at the start may have gone meanwhile.
    assert!(later.threads <= idle.threads, "{} threads: {idle:?}", later.threads);
    let limit_kb = idle.rss_kb * 13 / 10 + 20 * 1024;
    assert!(later.rss_kb <= limit_kb, "{} kB, of {limit_kb}: {idle:?}", later.rss_kb);
    let answered = outcome.ended + room_before;
    let counted = node.api.metric("usher_calls_total{result=\"answered\"}");
    assert_eq!(counted, Some(f64::from(answered)));
    let all = answered as usize;
    node.api.until("a record of each call", |_| (records(&node) == (all, all)).then_some(()));
    // A machine with a lot to do may refuse some here, too.
    let room_after = (0..3).map(|_| room(&mut bank)).find(|room| *room >= room_before);
    assert!(room_after.is_some(), "there was room for {room_before} calls at once");
    is_idle(&node);
    node.finish();
}

#[test]
fn a_flood_is_turned_away_and_who_is_let_in_is_served() {
    // There are ports for all of them: who is turned away is turned away for want of time.
    let node = Node::start(10_000);
    let mut bank = bank(&node);
    let flood = Load { calls: 4_000, rate: f64::INFINITY, ..Load::new(1, 1) };
    let outcome = bank.run(&flood);
    all_resolved(&outcome, flood.calls);
    assert!(outcome.refused > 0, "nobody is turned away");
    assert!(outcome.ended > 0, "nobody is let in");
    is_idle(&node);

    let calm = Load::new(20, 1);
    let outcome = bank.run(&calm);
    all_resolved(&outcome, calm.calls);
    assert_eq!(outcome.refused, 0, "still turned away");
    is_idle(&node);
    node.finish();
}
