//! The flows of RFC 3665 as a switch between the two sides plays them, and our own beside them:
//! plain text in `tests/ladders`, compared exactly; the README there lists them and says how to
//! read them. `UPDATE_LADDERS=1` writes them anew.

mod after;
mod callbacks;
mod delivery;
mod help;
mod hold;
mod hours;
mod outside;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use b2bua::config::{Before, Go, Manner, Menu, OnLimit, OnTimeout, PreBridge, Then};
use b2bua::event::{HelpMode, Mode, Role};
use b2bua::{Act, Add, Asker, Audio, Change, HandOn, HelpWanted, Listeners, Whom};
use sim::{Caller, Goal, Operator, Plan, Scenario, hand_on};

/// By then everybody quiet is registered.
const REGISTERED_S: f64 = 0.9;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ladders")
}

/// Compares a run with its file. `about` is the section and what it shows, then what differs from
/// it, a line each.
fn check(name: &str, about: &[&str], scenario: &Scenario) {
    let path = folder().join(name);
    let about: String = about.iter().map(|line| format!("# {line}\n")).collect();
    let is = format!("{about}\n{}", shortened(&sim::ladder(scenario)));
    if std::env::var_os("UPDATE_LADDERS").is_some() {
        assert!(fs::write(&path, &is).is_ok(), "cannot write {name}");
    }
    let should = fs::read_to_string(&path).unwrap_or_default();
    assert!(is == should, "{name} is now:\n{is}\n(UPDATE_LADDERS=1 takes it over)");
    assert!(is.trim_end().ends_with(sim::HELD), "{name}: something does not hold");
}

/// A call without the registrations before it, which are the same every time, and without the questions
/// whether phones are there that come after it.
fn shortened(ladder: &str) -> String {
    if !ladder.contains("INVITE") {
        return ladder.to_owned();
    }
    let time = |line: &str| line.split_whitespace().next()?.parse::<f64>().ok();
    let is_early = |line: &&str| time(line).is_some_and(|at| at < REGISTERED_S);
    let later = ladder.lines().filter(|line| !is_early(line)).map(str::to_owned);
    let mut lines: Vec<String> = later.collect();
    let note = "          (the phones register as in 2.1-registration.txt)".to_owned();
    lines.insert(1, note);
    let end = lines.iter().rposition(String::is_empty).unwrap_or(lines.len());
    let is_question = |line: &String| line.contains("OPTIONS");
    let last = lines[..end].iter().rposition(|line| !is_question(line)).map_or(0, |at| at + 1);
    lines.drain(last..end);
    lines.join("\n") + "\n"
}

fn house(operators: u64, change: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut scenario = Scenario::quiet(operators);
    change(&mut scenario);
    scenario
}

/// One operator, and somebody who dials their number.
fn direct(operator: impl FnOnce(&mut Operator)) -> Scenario {
    house(1, |house| {
        operator(&mut house.operators[0]);
        house.callers.push(Caller { direct: Some(0), ..Caller::calm(2_000) });
    })
}

/// One operator, and somebody who dials the queue.
fn queue(operator: impl FnOnce(&mut Operator)) -> Scenario {
    house(1, |house| {
        operator(&mut house.operators[0]);
        house.callers.push(Caller::calm(2_000));
    })
}

#[test]
fn every_file_is_listed_and_every_file_listed_is_there() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap_or_default();
    let mut listed: Vec<&str> =
        readme.split('`').filter(|word| word.ends_with(".txt") && !word.contains('*')).collect();
    listed.sort_unstable();
    listed.dedup();
    let names = fs::read_dir(folder()).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut there: Vec<String> = names.filter(|name| name.ends_with(".txt")).collect();
    there.sort_unstable();
    assert_eq!(listed, there, "tests/ladders/README.md lists the first, the folder has the second");
}

#[test]
fn registration() {
    let about = [
        "RFC 3665 2.1, successful new registration: a challenge, credentials, a binding.",
        "As there. Besides, whose phone it is counts as signed in and can be called from now on.",
    ];
    check("2.1-registration.txt", &about, &house(1, |_| {}));
    let about = [
        "RFC 3665 2.2, update of contact list: a second contact joins, the 200 lists both.",
        "There the same client adds it; here a second phone of the same operator does.",
    ];
    let two = house(1, |house| house.operators[0].phones = 2);
    check("2.2-contact-list.txt", &about, &two);
    let about = [
        "RFC 3665 2.3, request for the current contact list: a REGISTER without Contact at 3 s.",
        "As there.",
    ];
    let fetch = house(1, |house| house.operators[0].fetch_ms = Some(3_000));
    check("2.3-current-contacts.txt", &about, &fetch);
    let about = [
        "RFC 3665 2.4, cancellation of registration: Expires 0 at 3 s; back at 20 s.",
        "There `Contact: *` removes all; here a phone removes its own. Nobody is left to be",
        "called, so the operator is signed out.",
    ];
    let gone = house(1, |house| house.operators[0].away_ms.push((3_000, 20_000)));
    check("2.4-cancellation.txt", &about, &gone);
    let about = [
        "RFC 3665 2.5, unsuccessful registration: credentials of a wrong password, 401 again.",
        "As there; the failure is an event, and a line in the security log.",
    ];
    let wrong = house(1, |house| house.operators[0].wrong_password = true);
    check("2.5-unsuccessful.txt", &about, &wrong);
}

#[test]
fn establishment() {
    let about = [
        "RFC 3665 3.1, successful session establishment: rings, answered, audio, the caller's BYE.",
        "usher is a B2BUA: two dialogs, each with an offer and an answer of its own. It answers",
        "180 by itself at once, and ends the second dialog when the first one ends.",
    ];
    check("3.1-establishment.txt", &about, &direct(|_| {}));
    let about = [
        "RFC 3665 3.2, session establishment through two proxies, by way of a queue: the caller is",
        "answered at once, hears music, and then the operator.",
        "A proxy passes the 200 on; here the caller's dialog is up before an operator is asked.",
    ];
    check("3.2-by-queue.txt", &about, &queue(|_| {}));
    let about = [
        "The same with a queue that answers when an operator does (`answer = \"on-connect\"`):",
        "closer to RFC 3665 3.2, because the caller hears ringing until the operator's 200.",
    ];
    let ringing = house(1, |house| {
        house.at_once = false;
        house.callers.push(Caller::calm(2_000));
    });
    check("3.2-by-queue-ringing.txt", &about, &ringing);
    let about = [
        "RFC 3665 3.3, session with multiple proxy authentication: an INVITE is challenged, comes",
        "again with credentials, and goes its way.",
        "One challenge instead of two: usher is one hop, and the phone is not asked. The",
        "trunk is one that is known by digest and not by its address.",
    ];
    let digest = house(1, |house| {
        house.trunk_digest = true;
        house.callers.push(Caller { direct: Some(0), ..Caller::calm(2_000) });
    });
    check("3.3-authentication.txt", &about, &digest);
    let about = [
        "RFC 3665 3.6, the part with SDP in the ACK: an INVITE without an offer.",
        "usher offers in its 200 and takes the answer from the ACK; what it offers the operator's",
        "phone meanwhile is its own (never the caller's answer passed on).",
    ];
    let late = house(1, |house| {
        house.callers.push(Caller { late_offer: true, ..Caller::calm(2_000) });
    });
    check("3.6-sdp-in-ack.txt", &about, &late);
    let about = [
        "The operator hangs up first: the caller's dialog ends with the operator's.",
        "RFC 3665 3.1 the other way round.",
    ];
    let scenario = queue(|operator| operator.hang_up_permille = 1_000);
    check("operator-hangs-up.txt", &about, &scenario);
}

#[test]
fn reinvite() {
    let about = [
        "RFC 3665 3.7, session with re-INVITE: the operator's phone holds (sendonly) and resumes.",
        "There the re-INVITE tells a new address and travels to the other side. usher answers it",
        "itself, and the caller's dialog is left alone: the caller hears music instead.",
    ];
    let mut holds = direct(|operator| operator.hold_permille = 1_000);
    holds.callers[0].talk_ms = 12_000;
    check("3.7-reinvite.txt", &about, &holds);
    let about = [
        "RFC 3665 3.7, session with re-INVITE (IP address change): the caller offers another port",
        "100 ms after the answer, while the operator's phone rings.",
        "usher answers it itself and sends audio there from then on; the phone sees nothing of it.",
    ];
    let reinvite = house(1, |house| {
        house.callers.push(Caller { reinvite_ms: Some(100), ..Caller::calm(2_000) });
    });
    check("3.7-reinvite-caller.txt", &about, &reinvite);
}

#[test]
fn no_establishment() {
    let about = [
        "RFC 3665 3.8, unsuccessful no answer: the caller gives up while it rings.",
        "usher answers the CANCEL at once and cancels on its own side with a dialog of its own.",
    ];
    let cancel = house(1, |house| {
        house.operators[0].ignore_permille = 1_000;
        house.callers.push(Caller { direct: Some(0), patience_ms: 3_000, ..Caller::calm(2_000) });
    });
    check("3.8-cancel.txt", &about, &cancel);
    let about = [
        "RFC 3665 3.8, unsuccessful no answer: nobody picks up for a minute, and usher gives up.",
        "There the caller does. The 180 is said again each minute (RFC 3261 13.3.1.1).",
    ];
    let scenario = direct(|operator| operator.ignore_permille = 1_000);
    check("3.8-no-answer.txt", &about, &scenario);
    let about = [
        "RFC 3665 3.9, unsuccessful busy: 486 from the phone, 486 to the caller.",
        "As there, but each ACK is of its own dialog.",
    ];
    check("3.9-busy.txt", &about, &direct(|operator| operator.busy_permille = 1_000));
    let about = [
        "RFC 3665 3.10, unsuccessful no response from user agent: the phone says 100 and no more.",
        "There not even a 100 comes, so the INVITE is repeated; in both the caller is told 480.",
    ];
    let scenario = direct(|operator| operator.mute_permille = 1_000);
    check("3.10-no-response.txt", &about, &scenario);
    let about = [
        "RFC 3665 3.11, unsuccessful temporarily unavailable: the phone is not registered.",
        "There the phone says 480; here usher says it, because there is nobody to ask.",
    ];
    let away = direct(|operator| operator.away_ms.push((1_000, 9_000)));
    check("3.11-unavailable.txt", &about, &away);
    let about = [
        "The operator declines: the task keeps its place and is put before them again.",
        "RFC 3665 has no queue; 3.9 with 603 is the nearest.",
    ];
    let mut declines = queue(|operator| operator.decline_permille = 1_000);
    declines.callers[0].patience_ms = 3_500;
    check("queue-declined.txt", &about, &declines);
}

#[test]
fn before_the_answer() {
    let about = [
        "RFC 3262 and early media: the caller requires 100rel, and hears the callee before it answers.",
        "The 180 is usher's own. The 183 brings the answer that the caller gets, and the 200, which would",
        "wait for its PRACK, brings none. Until then the call rings.",
    ];
    let mut early = direct(|operator| operator.early_permille = 1_000);
    early.callers[0].requires_reliable = true;
    check("early-media.txt", &about, &early);
}

#[test]
fn several_phones() {
    let about = [
        "Two phones of one operator ring, one answers, the other is told that it missed nothing",
        "(the Reason of its CANCEL says so).",
    ];
    check("two-phones.txt", &about, &queue(|operator| operator.phones = 2));
    let about = [
        "A queue that rings all: the first answer wins, and each loser's CANCEL says that nothing",
        "was missed.",
    ];
    let all = house(3, |house| {
        house.strategy = acd::Strategy::RingAll;
        house.callers.push(Caller::calm(2_000));
    });
    check("ring-all.txt", &about, &all);
    let about =
        ["One operator lets it ring, the next one answers; the caller hears music meanwhile."];
    let next = house(2, |house| {
        house.ring_s = 4;
        house.operators[0].ignore_permille = 1_000;
        house.callers.push(Caller::calm(2_000));
    });
    check("next-operator.txt", &about, &next);
}

#[test]
fn lost_operator() {
    let lost = house(2, |house| {
        house.dead_audio_ms = Some(3_000);
        house.operators[0].die_permille = 1_000;
        house.callers.push(Caller { talk_ms: 30_000, ..Caller::calm(2_000) });
    });
    let about = [
        "A phone dies in a call: no audio for three seconds, and the caller is back in the queue,",
        "ahead of all, hears music, and talks to the next operator.",
    ];
    check("operator-dies.txt", &about, &lost);
    let idle = house(2, |house| {
        house.strategy = acd::Strategy::InOrder;
        house.watch.qualify_s = 60;
        house.operators[0].dead_ms = Some((20_000, 130_000));
        house.callers.push(Caller::calm(110_000));
    });
    let about = [
        "A phone dies while nobody calls. A minute after it was heard last, or half of that, it is asked;",
        "32 s without an answer later op0 is unreachable, and the next caller goes to op1 at once. When",
        "the phone registers again, op0 is back.",
    ];
    check("idle-phone-dies.txt", &about, &idle);
}

/// A caller in the queue's hands, one operator who answers and hands them on, another one.
fn handed_on(plan: Plan, change: impl FnOnce(&mut Scenario)) -> Scenario {
    house(2, |house| {
        house.strategy = acd::Strategy::InOrder;
        let first = &mut house.operators[0];
        (first.move_permille, first.plan) = (1_000, Some(plan));
        house.callers.push(Caller { talk_ms: 12_000, ..Caller::calm(2_000) });
        change(house);
    })
}

#[test]
fn blind_transfers() {
    let blind = Plan { holds: true, ..Plan::blind(Goal::Operator(1)) };
    let basic = [
        "RFC 5589 6.1, basic transfer: op0 holds and sends REFER, op1 answers.",
        "There the transferee calls the target itself. usher is the transferee's side: it rings op1 and",
        "the caller's dialog is left alone. op0 is told by NOTIFY, and gets BYE after two seconds where",
        "it does not hang up itself; it is free, here in wrap-up, from op1's answer on.",
    ];
    check("5589-6.1-basic.txt", &basic, &handed_on(blind, |_| {}));
    let about = [
        "RFC 5589 6.1, basic transfer, and op0 does not wait for it: BYE right after REFER.",
        "The transfer goes on, op0 wraps up at once, and is told all the same how it went.",
    ];
    let leaves = Plan { leaves_ms: Some(100), ..Plan::blind(Goal::Operator(1)) };
    check("5589-6.1-left.txt", &about, &handed_on(leaves, |_| {}));
    let about = ["RFC 5589 6.3, failed transfer: op1 is busy, and op0 goes on with the caller."];
    let busy = handed_on(blind, |house| house.operators[1].busy_permille = 1_000);
    check("5589-6.3-failed.txt", &about, &busy);
    let about = [
        "RFC 5589 6.3, failed transfer, and op0 has gone: the caller goes back to the queue, ahead.",
    ];
    let gone = handed_on(leaves, |house| house.operators[1].decline_permille = 1_000);
    check("5589-6.3-failed-left.txt", &about, &gone);
    let about = [
        "RFC 5589 6.3, failed transfer: the caller hangs up while op1 rings. op0 hears what became of it",
        "before the BYE, also where the answer to a NOTIFY is still to come (RFC 3515 2.4.7).",
    ];
    let impatient = handed_on(blind, |house| {
        house.operators[1].ignore_permille = 1_000;
        house.callers[0].talk_ms = 3_000;
    });
    check("5589-6.3-caller-gone.txt", &about, &impatient);
    let about =
        ["RFC 5589 6.1 to a queue: it counts as answering when the caller has their place in it."];
    check("5589-6.1-queue.txt", &about, &handed_on(Plan::blind(Goal::Queue), |_| {}));
    let about =
        ["A REFER to where op0 may not call is refused, as their call would be; the call goes on."];
    check("refer-refused.txt", &about, &handed_on(Plan::blind(Goal::Outside), |_| {}));
    let about = ["RFC 4488: a REFER whose sender does not want to be told."];
    let quiet = Plan { told: false, ..Plan::blind(Goal::Operator(1)) };
    check("4488-norefersub.txt", &about, &handed_on(quiet, |_| {}));
}

#[test]
fn attended_transfers() {
    let asks = Plan { holds: true, ask_ms: Some(3_000), ..Plan::blind(Goal::Operator(1)) };
    let about = [
        "RFC 5589 7.3, attended transfer: op0 holds, calls op1, then sends REFER",
        "with Replaces. There the transferee calls the target with Replaces. Both calls are usher's, so",
        "op1's leg comes over into the caller's conference: no INVITE, no dialog changes but op0's two,",
        "which end. The second call's record closes and names the first.",
    ];
    check("5589-7.3-attended.txt", &about, &handed_on(asks, |_| {}));
    let about = [
        "RFC 5589 7.6, semi-attended transfer: op0 hands on while op1 still rings. op1 rings on, for",
        "the caller now.",
    ];
    let early = Plan { ask_ms: Some(300), ..asks };
    let slow = handed_on(early, |house| house.operators[1].answer_ms = 4_000);
    check("5589-7.6-semi-attended.txt", &about, &slow);
    let about = [
        "RFC 5589 7.3, attended transfer from the trunk's side: the caller talks with op0, calls op1, then",
        "sends REFER with Replaces. Both calls are the trunk's, so op0 and op1 talk; the caller is told,",
        "and gets BYE after two seconds where it does not hang up itself.",
    ];
    let by_caller = house(2, |house| {
        house.strategy = acd::Strategy::InOrder;
        let plan = Plan { ask_ms: Some(3_000), ..Plan::blind(Goal::Operator(1)) };
        let plan = Plan { after_ms: 2_000, ..plan };
        house.callers.push(Caller { plan: Some(plan), talk_ms: 12_000, ..Caller::calm(2_000) });
        // So that op0 hangs up in the end.
        house.operators[0].move_permille = 1;
    });
    check("5589-7.3-attended-by-caller.txt", &about, &by_caller);
    let about = [
        "The same where the audio of the second call is another thread's, since the first one had no port",
        "left: op2 is offered a port of the first one's by re-INVITE. (c0's call with op0 took the ports.)",
    ];
    let apart = house(3, |house| {
        (house.strategy, house.first_thread) = (acd::Strategy::InOrder, Some(4));
        house.callers.push(Caller { talk_ms: 4_000, ..Caller::calm(2_000) });
        let plan = Plan { ask_ms: Some(5_000), ..Plan::blind(Goal::Operator(2)) };
        let plan = Plan { after_ms: 2_000, ..plan };
        house.callers.push(Caller { plan: Some(plan), talk_ms: 20_000, ..Caller::calm(2_500) });
        house.operators[1].move_permille = 1;
    });
    check("two-threads.txt", &about, &apart);
}

/// One operator, a supervisor who follows the script, and somebody who dials the queue.
fn watched(script: Vec<(u64, Act)>) -> Scenario {
    house(2, |house| {
        house.supervisors = 1;
        house.callers.push(Caller { talk_ms: 14_000, ..Caller::calm(2_000) });
        let by = || Asker::Supervisor { queues: vec!["support".into()] };
        house.script = script.into_iter().map(|(at_ms, act)| (at_ms, by(), act)).collect();
    })
}

/// The supervisor is asked in.
fn comes(mode: Option<Mode>) -> Act {
    Act::Add(Add {
        whom: Whom::Operator("op1".into()),
        role: Role::Supervisor,
        mode,
        whisper_to: None,
        headers: Vec::new(),
        timeout_ms: 10_000,
    })
}

/// And changes their mode.
fn becomes(mode: Mode) -> Act {
    let change = Change { mode: Some(mode), ..Change::default() };
    Act::Change { participant: "op1".into(), change }
}

#[test]
fn supervisors() {
    let about = [
        "A supervisor comes to a call, listens, coaches, talks to both, and takes the operator's place:",
        "one leg and one offer, whatever they do. The operator hears a tone when they come (`notify =",
        "\"beep\"`). By intercepting op1 becomes the operator, and op0 gets BYE and wraps up.",
    ];
    let script = vec![
        (4_000, comes(None)),
        (8_000, becomes(Mode::Whisper)),
        (10_000, becomes(Mode::Barge)),
        (12_000, becomes(Mode::Intercept)),
    ];
    check("supervise.txt", &about, &watched(script));
    let about = [
        "A supervisor comes as a whisper and is sent away, which disturbs nobody; comes again to listen,",
        "and the caller's BYE ends all legs at once.",
    ];
    let script = vec![
        (4_000, comes(Some(Mode::Whisper))),
        (7_000, Act::Remove { participant: "op1".into() }),
        (9_000, comes(None)),
    ];
    check("supervise-leaves.txt", &about, &watched(script));
}

/// A call of the queue's that op0 takes, and that is handed on by orders at these times.
fn ordered(script: Vec<(u64, Act)>, change: impl FnOnce(&mut Scenario)) -> Scenario {
    house(2, |house| {
        house.wrap_up_s = 5;
        house.strategy = acd::Strategy::InOrder;
        house.callers.push(Caller { talk_ms: 10_000, ..Caller::calm(2_000) });
        house.script = script.into_iter().map(|(at, act)| (at, Asker::Admin, act)).collect();
        change(house);
    })
}

fn to(whom: Whom, is_warm: bool) -> Act {
    Act::Transfer(hand_on(whom, is_warm))
}

fn op1() -> Whom {
    Whom::Operator("op1".into())
}

#[test]
fn transfers_by_order() {
    let about = [
        "A cold transfer by order (`POST …/transfer`): op0 is free at once, the caller hears music and",
        "then ringing until op1 answers; the task is op1's from then on.",
    ];
    check("order-cold.txt", &about, &ordered(vec![(5_000, to(op1(), false))], |_| {}));
    let about = [
        "The same to somebody who declines: the caller is back at their place in the queue, ahead.",
    ];
    let declines = ordered(vec![(5_000, to(op1(), false))], |house| {
        house.operators[1].decline_permille = 1_000;
    });
    check("order-cold-failed.txt", &about, &declines);
    let about = [
        "A cold transfer to a queue is done when somebody of it has answered, and not when the caller",
        "has a place in it; nobody does in time, so it has failed, and that place is none any more.",
    ];
    let order = HandOn { timeout_ms: 4_000, ..hand_on(Whom::Queue("support".into()), false) };
    let ignored = ordered(vec![(5_000, Act::Transfer(order))], |house| {
        house.operators[1].ignore_permille = 1_000;
    });
    check("order-cold-queue.txt", &about, &ignored);
    let about = [
        "A warm transfer by order: op0 and op1 talk while the caller hears music, until op0 leaves by",
        "order (`POST …/transfer/complete`), who wraps up. Their hanging up would do the same.",
    ];
    let script = vec![(5_000, to(op1(), true)), (8_000, Act::CompleteTransfer)];
    check("order-warm.txt", &about, &ordered(script, |_| {}));
    let about = [
        "A warm transfer that is called off (`POST …/transfer/cancel`): op0 and the caller talk again.",
    ];
    let script = vec![(5_000, to(op1(), true)), (8_000, Act::CancelTransfer)];
    check("order-warm-cancelled.txt", &about, &ordered(script, |_| {}));
}

/// Somebody who dials a queue whose operators are told something first.
fn briefed(before: Before, change: impl FnOnce(&mut Scenario)) -> Scenario {
    house(2, |house| {
        let on_timeout = OnTimeout::Requeue;
        house.pre_bridge = Some(PreBridge { before, timeout_ms: 10_000, on_timeout });
        house.strategy = acd::Strategy::InOrder;
        house.callers.push(Caller::calm(2_000));
        change(house);
    })
}

#[test]
fn before_the_bridge() {
    let closed = || Before::Play("closed".into());
    let about = [
        "A queue whose operators hear a message before they are put through (`pre_bridge`): the caller",
        "keeps the music until then.",
    ];
    check("pre-bridge.txt", &about, &briefed(closed(), |_| {}));
    let about = [
        "The same where the API says when (`decide = \"api\"`), which first has something said to the",
        "operator. The text is made before the order is answered.",
    ];
    let decided = briefed(Before::Decide, |house| {
        let to = Listeners::Having(Role::Operator);
        let audio = Audio::from_str("say:It is about the invoice").ok();
        house.script.extend(audio.map(|audio| (3_500, Asker::Admin, Act::Play { to, audio })));
        house.script.push((7_000, Asker::Admin, Act::Connect { to: None }));
    });
    check("pre-bridge-decide.txt", &about, &decided);
    let about = [
        "The caller leaves while the operator hears the message: a tone says so, then BYE. The task was",
        "abandoned, and the operator wraps up.",
    ];
    let impatient = briefed(Before::Decide, |house| house.callers[0].patience_ms = 3_000);
    check("pre-bridge-caller-leaves.txt", &about, &impatient);
    let about = [
        "The operator hangs up as soon as they have answered: the caller hears music on, keeps their place,",
        "and the next operator is asked.",
    ];
    let fumbled = briefed(closed(), |house| house.operators[0].fumble_permille = 1_000);
    check("pre-bridge-operator-leaves.txt", &about, &fumbled);
    let about = [
        "Nobody says when, and the queue lets the operator go then (`on_timeout = \"requeue\"`): the caller",
        "is put before the next one.",
    ];
    let forgotten = briefed(Before::Decide, |house| {
        if let Some(before) = &mut house.pre_bridge {
            before.timeout_ms = 2_000;
        }
        house.script.push((8_000, Asker::Admin, Act::Connect { to: None }));
    });
    check("pre-bridge-timeout.txt", &about, &forgotten);
}

#[test]
fn screening() {
    let about = [
        "RFC 5359 2.13, incoming call screening: a caller whom a route refuses (`from = …`, `go = { reject =",
        "603 }`), and one whom none does.",
    ];
    let screened = house(1, |house| {
        house.reception.refused = Some(0);
        house.callers.extend([Caller::calm(2_000), Caller::calm(4_000)]);
    });
    check("5359-2.13-screening.txt", &about, &screened);
}

/// One that asks once and has no keys.
fn menu(otherwise: Go) -> Menu {
    let prompt = Audio::Prompt(vec!["closed".into()]);
    let (name, keys) = ("main".into(), BTreeMap::new());
    Menu { name, prompt, keys, timeout_ms: 1_000, retries: 0, otherwise }
}

#[test]
fn park() {
    let parked = |change: fn(&mut Scenario)| {
        house(1, |house| {
            house.reception.menu = Some(menu(Go::Park { timeout_ms: 30_000 }));
            house.callers.push(Caller::calm(2_000));
            change(house);
        })
    };
    let about = [
        "RFC 5359 2.15, call park. The caller comes, by a menu, to where calls are parked (`go = { park = 30 }`), hears",
        "music, and is fetched by the API (`POST …/connect`): there by an INVITE with Replaces.",
    ];
    let fetched = parked(|house| {
        let to = Some(Whom::Operator("op0".into()));
        house.script.push((8_000, Asker::Admin, Act::Connect { to }));
    });
    check("5359-2.15-park.txt", &about, &fetched);
    let about = ["Nobody fetches the caller in time."];
    check("5359-2.15-left.txt", &about, &parked(|_| {}));
}

/// One operator serves the queue, the other is sought where a limit says so.
fn overflowing(reason: acd::LimitReason, change: impl FnOnce(&mut Scenario)) -> Scenario {
    house(2, |house| {
        house.supervisors = 1;
        let then = Then::Go(Go::Operator("op1".into()));
        house.reception.on_limit = vec![OnLimit { reasons: vec![reason], say: None, then }];
        change(house);
    })
}

#[test]
fn limits_and_menus() {
    let about = [
        "RFC 5359 2.8, call forwarding busy: the only operator of the queue talks, and its `on_limit` sends",
        "whoever finds nobody free to somebody in particular.",
        "There a proxy forwards on 486; here nobody who is busy is asked.",
    ];
    let busy = overflowing(acd::LimitReason::NoFreeOperator, |house| {
        house.callers.push(Caller { talk_ms: 20_000, ..Caller::calm(2_000) });
        house.callers.push(Caller::calm(6_000));
    });
    check("5359-2.8-busy.txt", &about, &busy);
    let about = [
        "RFC 5359 2.9, call forwarding no answer: the operator of the queue does not answer, and its",
        "`on_limit` sends whoever has waited too long to somebody in particular.",
    ];
    let no_answer = overflowing(acd::LimitReason::MaxWait, |house| {
        house.operators[0].ignore_permille = 1_000;
        (house.ring_s, house.wait_s_max) = (3, 2);
        house.callers.push(Caller::calm(2_000));
    });
    check("5359-2.9-no-answer.txt", &about, &no_answer);
    let about = [
        "A caller is asked to choose from a menu, presses no key, is asked again, and comes where those go",
        "who do not choose: to a queue, which tells them their place until somebody is there.",
    ];
    let menu = house(1, |house| {
        house.operators[0].away_ms.push((1_500, 12_000));
        house.reception.announce_ms = Some(3_000);
        let queue =
            || Go::Queue { queue: "support".into(), priority_s: None, manner: Manner::default() };
        let keys = BTreeMap::from([('1', queue())]);
        house.reception.menu = Some(Menu { keys, retries: 1, ..menu(queue()) });
        house.callers.push(Caller::calm(2_000));
    });
    check("menu.txt", &about, &menu);
}

#[test]
fn plays() {
    let about = [
        "A prompt is played to both in a call, then to the caller alone, who is put on hold meanwhile: then",
        "it is the music chosen for that. Whoever hears a prompt is heard all the same, and each is told to be",
        "over. No message is sent for any of it.",
    ];
    let prompt = Audio::Prompt(vec!["closed".into()]);
    let to = |to| Act::Play { to, audio: prompt.clone() };
    let hold = |hold| {
        let hold_audio = Some(Audio::Music("default".into())).filter(|_| hold);
        let change = Change { hold: Some(hold), hold_audio, ..Change::default() };
        Act::Change { participant: "c0".into(), change }
    };
    let script = [
        (4_000, to(Listeners::Everybody)),
        (8_500, to(Listeners::Having(Role::Customer))),
        (9_000, hold(true)),
        (10_000, hold(false)),
    ];
    let scenario = house(1, |house| {
        house.callers.push(Caller { talk_ms: 9_000, ..Caller::calm(2_000) });
        house.script = script.into_iter().map(|(at, act)| (at, Asker::Admin, act)).collect();
    });
    check("play.txt", &about, &scenario);
}

/// Two operators, the first of whom is to call the second.
fn clicked(change: impl FnOnce(&mut Scenario)) -> Scenario {
    house(2, |house| {
        house.clicks.push((2_000, 0, 1));
        house.operators[0].hang_up_permille = 1_000;
        change(house);
    })
}

#[test]
fn click_to_dial() {
    let about = [
        "RFC 5359 2.18, click to dial. There a REFER asks the phone to call; here usher rings it, showing whom",
        "it will call, and then the other: any phone can be clicked for, and the call is like any other.",
    ];
    check("5359-2.18-click-to-dial.txt", &about, &clicked(|_| {}));
    let about = [
        "The operator who was clicked for declines: nobody else is rung, and the record says who.",
    ];
    let declined = clicked(|house| house.operators[0].decline_permille = 1_000);
    check("5359-2.18-declined.txt", &about, &declined);
    let about = [
        "Whom they call is busy: the operator, who has answered, hears ringing until then, and BYE.",
    ];
    let busy = clicked(|house| house.operators[1].busy_permille = 1_000);
    check("5359-2.18-busy.txt", &about, &busy);
}
