//! Calls with audio both ways.

use std::time::Duration;

use serde_json::{Value, json};
use sip_tests::bench::{Bank, Heard, Load, Node, OPERATORS, Rtp};

use super::report::{Report, Row, shares};
use super::{Options, PORTS};

/// Calls at once: all operators talk.
const CALLS: u32 = OPERATORS;
/// Calls begun in a second until all are there.
const RATE: u32 = 50;
/// After the last one has begun.
const SETTLE: Duration = Duration::from_secs(2);
/// While all of them talk.
const WINDOW: Duration = Duration::from_secs(10);

/// Two parties each.
pub(crate) fn media(report: &mut Report, _: &Options) {
    let node = Node::start(PORTS);
    let mut bank = Bank::bind(node.address(), node.ports.peer(1), node.ports.peer(2));
    bank.register(OPERATORS);
    let audio = (node.ports.peer(3), node.ports.peer(4));
    let rtp = Rtp::start(audio.0, audio.1, false);
    let ramp = Duration::from_secs_f64(f64::from(CALLS) / f64::from(RATE));
    let hold = ramp + SETTLE + WINDOW + Duration::from_secs(1);
    let load = Load {
        calls: CALLS,
        hold: hold..=hold,
        audio,
        paths: Some(rtp.paths.clone()),
        ..Load::new(RATE, 1)
    };
    let idle = node.process().usage();
    let calls = std::thread::spawn(move || bank.run(&load));
    std::thread::sleep(ramp + SETTLE);
    rtp.count(true);
    let before = node.process().usage();
    std::thread::sleep(WINDOW);
    let after = node.process().usage();
    rtp.count(false);
    let outcome = calls.join().expect("the bank ended well");
    let heard = rtp.stop();
    let all = f64::from(CALLS);
    let percent = (after.cpu_s - before.cpu_s) / (after.at - before.at).as_secs_f64() * 100.0;
    report.row(
        Row::new(&format!("CPU of a call of two, {CALLS} calls, G.711"), "%", &[percent / all])
            .limits(&[0.12], &[0.075])
            .note(shares(&after.shares_since(&before)))
            .note(said(&heard)),
    );
    let ms = [0.5, 0.99].map(|share| heard.delay.ms(share));
    report.row(
        Row::new("delay of forwarded audio, p50 / p99", "ms", &ms)
            .limits(&[f64::INFINITY, 30.0], &[f64::INFINITY, 22.0])
            .note(format!("{} late ticks of the generator", heard.late)),
    );
    #[expect(clippy::cast_precision_loss, reason = "kilobytes")]
    let each = (before.rss_kb.saturating_sub(idle.rss_kb)) as f64 / all;
    report.row(Row::new("memory of a bridged call", "kB", &[each]).limits(&[50.0], &[20.0]));
    report.row(
        Row::new(
            "threads more with calls than without",
            "",
            &[difference(before.threads, idle.threads)],
        )
        .limits(&[0.0], &[0.0]),
    );
    // Two sockets for each leg, bound before the first call; the rest is opened for the call.
    let each = 4.0 + difference(before.descriptors, idle.descriptors) / all;
    report.row(
        Row::new("descriptors of a call", "", &[each])
            .limits(&[4.0], &[2.0])
            .note("RTP and RTCP of two legs, from a pool bound at the start"),
    );
    judge(report, &heard);
    if outcome.failed > 0 || outcome.ended < CALLS {
        report.fault(format!("media: {} ended well: {:?}", outcome.ended, outcome.failures));
    }
    node.finish();
    for mode in ["monitor", "whisper"] {
        watched(report, mode);
    }
}

/// Half of the operators talk, the other half supervise them. Only callers say something: what
/// comes of it out of the mix is unchanged, and tells how long it took.
fn watched(report: &mut Report, mode: &str) {
    let node = Node::start(PORTS);
    let mut bank = Bank::bind(node.address(), node.ports.peer(1), node.ports.peer(2));
    bank.register(OPERATORS);
    let audio = (node.ports.peer(3), node.ports.peer(4));
    let rtp = Rtp::start(audio.0, audio.1, true);
    let calls = CALLS / 2;
    let ramp = Duration::from_secs_f64(f64::from(calls) / f64::from(RATE));
    let hold = (ramp + SETTLE) * 2 + WINDOW + Duration::from_secs(3);
    let load = Load {
        calls,
        hold: hold..=hold,
        audio,
        paths: Some(rtp.paths.clone()),
        ..Load::new(RATE, 1)
    };
    let running = std::thread::spawn(move || bank.run(&load));
    std::thread::sleep(ramp + SETTLE);
    let there = supervise(&node, mode);
    std::thread::sleep(SETTLE);
    rtp.count(true);
    let before = node.process().usage();
    std::thread::sleep(WINDOW);
    let after = node.process().usage();
    rtp.count(false);
    let outcome = running.join().expect("the bank ended well");
    let heard = rtp.stop();
    let percent = (after.cpu_s - before.cpu_s) / (after.at - before.at).as_secs_f64() * 100.0;
    report.row(
        Row::new(
            &format!("CPU of a call of three, {calls} calls, {mode}"),
            "%",
            &[percent / f64::from(calls)],
        )
        .limits(&[0.18], &[0.11])
        .note(shares(&after.shares_since(&before)))
        .note(said(&heard)),
    );
    let ms = [0.5, 0.99].map(|share| heard.delay.ms(share));
    report.row(
        Row::new(&format!("delay of audio, {mode}, p50 / p99"), "ms", &ms)
            .limits(&[f64::INFINITY, 30.0], &[f64::INFINITY, 22.0])
            .note(format!("{} late ticks of the generator", heard.late)),
    );
    if there < calls || outcome.ended < calls || heard.carried == 0 {
        let failures = &outcome.failures;
        report.fault(format!(
            "{mode}: {there} supervised, {} ended well: {failures:?}",
            outcome.ended
        ));
    }
    node.finish();
}

/// Gives each call a supervisor of those who are free; returns how many came.
fn supervise(node: &Node, mode: &str) -> u32 {
    let items = |path: &str| match node.api.get(path).1["items"].take() {
        Value::Array(items) => items,
        other => panic!("{path}: {other}"),
    };
    let operators = items("/operators?limit=1000");
    let mut free = operators.iter().filter(|operator| operator["effective"]["state"] == "ready");
    let mut there = 0;
    for call in items("/calls?limit=1000") {
        let Some(operator) = free.next() else { break };
        let path = format!("/calls/{}/participants", call["id"].as_str().unwrap_or_default());
        let body = json!({"operator": operator["id"], "role": "supervisor", "mode": mode});
        let (status, answer) = node.api.post(&path, &body);
        if (200..300).contains(&status) {
            there += 1;
        } else {
            eprintln!("    {path}: {status} {answer}");
        }
    }
    there
}

fn difference(more: usize, less: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "thousands at most")]
    let difference = more as f64 - less as f64;
    difference
}

fn said(heard: &Heard) -> String {
    format!(
        "{} packets sent, {} came, {} with the other party's payload; {} payloads missing, {} \
         changed, {} of somebody else; {} breaks in sequence",
        heard.sent,
        heard.received,
        heard.carried,
        heard.missing,
        heard.changed,
        heard.crossed,
        heard.broken
    )
}

/// What is heard must be what the other party said, whole and in order.
fn judge(report: &mut Report, heard: &Heard) {
    let wrong = heard.crossed + heard.changed + heard.broken;
    // A packet is underway when counting begins and when it ends.
    let absent = heard.sent.abs_diff(heard.carried) > u64::from(CALLS) * 8;
    // A generator that was kept from the processor sends late, and what is late is dropped.
    let excused = heard.late * 2;
    if wrong > 0 || absent || heard.missing > excused || heard.carried == 0 {
        report.fault(format!("audio: {}", said(heard)));
    }
}
