//! More calls than the machine bears.

use std::time::Duration;

use sip_tests::bench::{Bank, Load, Node, OPERATORS};

use super::report::{Report, Row};
use super::{Options, PORTS};

/// Calls a second where nobody has measured how many are possible.
const RATE: u32 = 2_000;
const SECONDS: u32 = 10;
/// So short that neither operators nor ports run out.
const HOLD: Duration = Duration::from_millis(20);

/// At twice the capacity: who is refused, and how the others fare.
pub(crate) fn overload(report: &mut Report, options: &Options) {
    let rate = options.rate.or(report.capacity.map(|best| best * 2)).unwrap_or(RATE).max(1);
    let node = Node::start(PORTS);
    let mut bank = Bank::bind(node.address(), node.ports.peer(1), node.ports.peer(2));
    bank.register(OPERATORS);
    let load = Load { hold: HOLD..=HOLD, ..Load::new(rate, SECONDS) };
    let outcome = bank.run(&load);
    let share = f64::from(outcome.refused) / f64::from(load.calls) * 100.0;
    let offered = f64::from(load.calls) / outcome.offered_in.as_secs_f64();
    let p99 = outcome.setup.ms(0.99);
    report.row(
        Row::new(&format!("INVITE → 200 of accepted calls, {rate} offered, p99"), "ms", &[p99])
            .limits(&[200.0], &[])
            .note(format!(
                "{offered:.0} a second really offered; 503 with Retry-After: {} ({share:.0} %); \
                 accepted {} ({:.0} a second), ended well {}, failed {}",
                outcome.refused,
                outcome.answered,
                f64::from(outcome.answered) / outcome.offered_in.as_secs_f64(),
                outcome.ended,
                outcome.failed
            ))
            .note(format!(
                "p50 {:.2} ms; INVITE → operator's INVITE p50 {:.2}, p99 {:.2} ms; sent again: {} \
                 by peers, {} by usher",
                outcome.setup.ms(0.5),
                outcome.through.ms(0.5),
                outcome.through.ms(0.99),
                outcome.resent,
                outcome.repeated
            )),
    );
    if outcome.failed > 0 || outcome.ended + outcome.refused < load.calls {
        report.fault(format!("overload: {} failed: {:?}", outcome.failed, outcome.failures));
    }
    node.finish();
}
