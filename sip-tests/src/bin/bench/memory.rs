//! Memory when nothing happens: after the start, and after very many calls.

use std::time::Duration;

use sip_tests::bench::{Bank, Load, Node, OPERATORS, Spread};

use super::report::{Report, Row};
use super::{Options, PORTS};

/// Starts measured.
const STARTS: usize = 9;
/// Transactions live for half a minute after their calls.
const LATER: Duration = Duration::from_secs(60);

#[expect(clippy::cast_precision_loss, reason = "kilobytes")]
fn megabytes(kb: u64) -> f64 {
    kb as f64 / 1024.0
}

/// From the start to the first answer, with the default range of ports.
pub(crate) fn start(report: &mut Report, _: &Options) {
    let mut times = Spread::default();
    let mut idle = (0, 0);
    for _ in 0..STARTS {
        let node = Node::start(PORTS);
        times.push(node.answered_after);
        let usage = node.process().usage();
        idle = idle.max((usage.rss_kb, usage.pss_kb));
        node.finish();
    }
    report.row(
        Row::new("start to first SIP answer, median", "ms", &[times.ms(0.5)])
            .limits(&[100.0], &[30.0])
            .note(format!(
                "{:.0} to {:.0} ms in {STARTS} starts; {OPERATORS} operators, 5,000 port pairs",
                times.ms(0.0),
                times.ms(1.0)
            )),
    );
    report.row(Row::new("idle memory", "MB", &[megabytes(idle.0)]).limits(&[25.0], &[12.0]).note(
        format!("resident; {:.1} MB where what is shared counts in parts", megabytes(idle.1)),
    ));
}

/// A minute after ten thousand calls.
pub(crate) fn after(report: &mut Report, _: &Options) {
    let node = Node::start(PORTS);
    let mut bank = Bank::bind(node.address(), node.ports.peer(1), node.ports.peer(2));
    bank.register(OPERATORS);
    let idle = node.process().usage();
    let outcome = bank.run(&Load::new(200, 50));
    let busy = node.process().usage();
    std::thread::sleep(LATER);
    let later = node.process().usage();
    let limit = megabytes(idle.rss_kb) * 1.3 + 20.0;
    report.row(
        Row::new("memory a minute after 10,000 calls", "MB", &[megabytes(later.rss_kb)])
            .limits(&[limit], &[])
            .note(format!(
                "idle with phones {:.1} MB, when the last call ended {:.1} MB; descriptors {} → \
                 {}, threads {} → {}",
                megabytes(idle.rss_kb),
                megabytes(busy.rss_kb),
                idle.descriptors,
                later.descriptors,
                idle.threads,
                later.threads
            )),
    );
    if outcome.failed > 0 || outcome.ended < 10_000 {
        report.fault(format!("memory: {} ended well: {:?}", outcome.ended, outcome.failures));
    }
    node.finish();
}
