//! How long a caller's INVITE and an operator's freedom take to become an operator's INVITE.

use std::time::Duration;

use sip_tests::bench::{Bank, Load, Node, OPERATORS, Outcome};

use super::report::{Report, Row};
use super::{Options, PORTS};

/// Fewer operators than calls at once, so that callers wait.
const FEW: u32 = 100;

fn bank(operators: u32) -> (Node, Bank) {
    let node = Node::start(PORTS);
    let bank = Bank::bind(node.address(), node.ports.peer(1), node.ports.peer(2));
    bank.register(operators);
    (node, bank)
}

fn judge(report: &mut Report, what: &str, outcome: &Outcome, calls: u32) {
    if outcome.failed > 0 || outcome.ended < calls {
        let Outcome { ended, failed, failures, .. } = outcome;
        report
            .fault(format!("{what}: {ended} of {calls} went well, {failed} failed: {failures:?}"));
    }
}

/// From a caller's INVITE to the operator's.
pub(crate) fn through(report: &mut Report, _: &Options) {
    let (node, mut bank) = bank(OPERATORS);
    let load = Load::new(50, 20);
    let outcome = bank.run(&load);
    let ms = [0.5, 0.99].map(|share| outcome.through.ms(share));
    report.row(
        Row::new("INVITE in → operator's INVITE, 50 a second, p50 / p99", "ms", &ms)
            .limits(&[0.5, 2.0], &[0.25, 1.0])
            .note(format!(
                "p99.9 {:.2} ms; INVITE → 200 p50 {:.2}, p99 {:.2} ms; {} calls, {} sent again",
                outcome.through.ms(0.999),
                outcome.setup.ms(0.5),
                outcome.setup.ms(0.99),
                outcome.ended,
                outcome.resent
            )),
    );
    judge(report, "delay", &outcome, load.calls);
    node.finish();
}

/// From an operator's BYE to their next INVITE while callers wait.
pub(crate) fn gap(report: &mut Report, _: &Options) {
    let (node, mut bank) = bank(FEW);
    let hold = Duration::from_secs(1)..=Duration::from_secs(3);
    let load = Load { hold, ..Load::new(70, 20) };
    let outcome = bank.run(&load);
    let ms = [0.5, 0.99].map(|share| outcome.gap.ms(share));
    report.row(
        Row::new("operator free → next INVITE, callers waiting, p50 / p99", "ms", &ms)
            .limits(&[f64::INFINITY, 5.0], &[f64::INFINITY, 2.0])
            .note(format!("{} times; {} calls", outcome.gap.len(), outcome.ended)),
    );
    judge(report, "gap", &outcome, load.calls);
    node.finish();
}
