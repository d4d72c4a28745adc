//! Calls without media: SIPp calls, usher distributes, SIPp answers at once.

use sip_tests::bench::{Bank, Node, OPERATORS};

use super::report::{Report, Row, shares};
use super::sipp::{self, Calls, Counted, Phones};
use super::{Options, PORTS};

/// How long an operator and a caller talk: 200 operators are enough for 4,000 calls a second.
const HOLD_MS: u32 = 50;
/// How long the load lasts.
const SECONDS: u32 = 10;
/// The steps of the load, calls a second.
const STEP: u32 = 200;
const RATE_MAX: u32 = 4_000;
/// How often a step is tried.
const ATTEMPTS: usize = 3;

/// A server with operators who are SIPp.
struct Rig {
    node: Node,
    phones: Phones,
}

impl Rig {
    fn start() -> Self {
        let node = Node::start(PORTS);
        let operators = node.ports.peer(2);
        Bank::bind(node.address(), node.ports.peer(1), operators).register(OPERATORS);
        // From the port that the bank has just left.
        let phones = Phones::start(operators, node.folder());
        Self { node, phones }
    }

    fn calls(&self, rate: u32, seconds: u32) -> Calls {
        let (to, port) = (self.node.address(), self.node.ports.peer(1));
        Calls { to, port, rate, seconds, hold_ms: HOLD_MS }
    }

    fn call(&self, rate: u32, seconds: u32) -> Counted {
        let before = self.phones.resent();
        let counted = sipp::call(self.calls(rate, seconds), self.node.folder());
        let resent = counted.resent + self.phones.resent() - before;
        Counted { resent, ..counted }
    }
}

/// CPU time of a call.
pub(crate) fn cpu(report: &mut Report, _: &Options) {
    let rig = Rig::start();
    for rate in [100, 300] {
        let before = rig.node.process().usage();
        let counted = rig.call(rate, SECONDS);
        let after = rig.node.process().usage();
        let ms = (after.cpu_s - before.cpu_s) * 1e3 / f64::from(counted.succeeded);
        report.row(
            Row::new(&format!("CPU time of a call, {rate} a second, no media"), "ms", &[ms])
                .limits(&[0.6], &[0.25])
                .note(shares(&after.shares_since(&before)))
                .note(format!(
                    "{} calls, {} failed, {} sent again",
                    counted.succeeded, counted.failed, counted.resent
                )),
        );
        if counted.failed > 0 || counted.succeeded < rate * SECONDS {
            report.fault(format!("{rate} calls a second: {counted:?}"));
        }
    }
    rig.node.finish();
}

/// How many calls a second go well.
pub(crate) fn capacity(report: &mut Report, _: &Options) {
    let rig = Rig::start();
    let (mut best, mut notes) = (0, Vec::new());
    // What else the machine does may spoil a step, and makes none better.
    for rate in (1..=RATE_MAX / STEP).map(|n| n * STEP) {
        if !(0..ATTEMPTS).any(|_| step(&rig, rate, &mut notes)) {
            break;
        }
        best = rate;
    }
    let mut row = Row::new("calls a second without a failure", "", &[f64::from(best)])
        .limits(&[1_000.0], &[2_000.0])
        .at_least();
    for note in notes {
        row = row.note(note);
    }
    // What the tool can do by itself on this machine: the figure is worth something where that is
    // twice as much.
    let (direct, phones) = (best.max(STEP) * 2, rig.node.ports.peer(2));
    let calls = Calls { to: ([127, 0, 0, 1], phones).into(), ..rig.calls(direct, 5) };
    let alone = sipp::call(calls, rig.node.folder());
    row = row.note(format!(
        "SIPp against SIPp at {direct} a second: {} failed, {} sent again, {:.0} a second begun",
        alone.failed, alone.resent, alone.rate
    ));
    report.row(row);
    report.capacity = Some(best);
    rig.node.finish();
}

/// One step of the load, and what there is to say of it; whether it went well.
fn step(rig: &Rig, rate: u32, notes: &mut Vec<String>) -> bool {
    const SECONDS: u32 = 8;
    let before = rig.node.process().usage();
    let counted = rig.call(rate, SECONDS);
    let after = rig.node.process().usage();
    let ms = (after.cpu_s - before.cpu_s) * 1e3 / f64::from(counted.succeeded.max(1));
    let mut note = format!(
        "{rate} a second: {} failed, {} sent again, {:.0} a second begun, {ms:.2} ms CPU each",
        counted.failed, counted.resent, counted.rate
    );
    if !counted.error.is_empty() {
        note += &format!("; the first: {}", counted.error);
    }
    eprintln!("    {note}");
    notes.push(note);
    went_well(rate, SECONDS, &counted)
}

/// No failure, less than one in a thousand sent again, and the load was really there.
fn went_well(rate: u32, seconds: u32, counted: &Counted) -> bool {
    counted.failed == 0
        && counted.succeeded == rate * seconds
        && f64::from(counted.resent) < f64::from(rate * seconds) / 1e3
        && counted.rate > f64::from(rate) * 0.95
}
