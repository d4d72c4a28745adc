//! SIPp with the scenarios of `load/`, and what it counts.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sip_tests::workspace;

/// What SIPp has counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted {
    pub(crate) succeeded: u32,
    pub(crate) failed: u32,
    pub(crate) resent: u32,
    /// Calls begun in a second.
    pub(crate) rate: f64,
    /// What went wrong first, in its words.
    pub(crate) error: String,
}

/// Calls to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calls {
    /// Whom.
    pub(crate) to: SocketAddr,
    /// From where.
    pub(crate) port: u16,
    /// So many a second.
    pub(crate) rate: u32,
    /// For so many seconds.
    pub(crate) seconds: u32,
    /// Each lasts so many milliseconds from its answer.
    pub(crate) hold_ms: u32,
}

fn sipp(scenario: &str, port: u16, statistics: &Path) -> Command {
    let mut command = Command::new("sipp");
    command
        .current_dir(workspace().join("sip-tests/load"))
        .args(["-sf", &format!("{scenario}.xml"), "-i", "127.0.0.1", "-p", &port.to_string()])
        .args(["-nostdin", "-l", "10000", "-trace_stat", "-fd", "1", "-stf"])
        .arg(statistics)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn started(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|error| {
        panic!("sipp: {error}; it is in Debian's package sip-tester: apt install sip-tester")
    })
}

/// Makes calls until all are over.
pub(crate) fn call(calls: Calls, folder: &Path) -> Counted {
    let [statistics, errors] =
        ["csv", "errors"].map(|ending| folder.join(format!("callers-{}.{ending}", calls.rate)));
    // SIPp adds to what is there.
    let _ = fs::remove_file(&statistics);
    let mut command = sipp("uac", calls.port, &statistics);
    let [count, limit] = [calls.rate * calls.seconds, calls.seconds + 40].map(|n| n.to_string());
    command
        .arg(calls.to.to_string())
        .args(["-s", "600", "-d", &calls.hold_ms.to_string(), "-mp", "7000"])
        .args(["-r", &calls.rate.to_string(), "-m", &count, "-timeout", &limit])
        .args(["-trace_err", "-error_file"])
        .arg(&errors);
    let mut child = started(&mut command);
    let deadline = Instant::now() + Duration::from_secs(u64::from(calls.seconds) + 60);
    while child.try_wait().expect("its state is known").is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let errors = fs::read_to_string(&errors).unwrap_or_default();
    let error = errors.split_once("Aborting call").map_or("", |(_, error)| error);
    let words = error.split_whitespace().take(20).collect::<Vec<_>>();
    Counted { error: words.join(" "), ..read(&statistics).unwrap_or_default() }
}

/// Operators' phones that answer at once.
#[derive(Debug)]
pub(crate) struct Phones {
    child: Child,
    statistics: PathBuf,
}

impl Phones {
    /// Starts them.
    pub(crate) fn start(port: u16, folder: &Path) -> Self {
        let statistics = folder.join(format!("operators-{port}.csv"));
        let mut command = sipp("uas", port, &statistics);
        let child = started(command.args(["-d", "0", "-mp", "6000"]));
        let phones = Self { child, statistics };
        let deadline = Instant::now() + Duration::from_secs(10);
        while read(&phones.statistics).is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        phones
    }

    /// What they have sent again until a moment ago.
    pub(crate) fn resent(&self) -> u32 {
        // It is written once in a second.
        std::thread::sleep(Duration::from_millis(1_100));
        read(&self.statistics).unwrap_or_default().resent
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last line of the statistics.
fn read(file: &Path) -> Option<Counted> {
    let text = fs::read_to_string(file).ok()?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next()?.split(';').collect();
    let last: Vec<&str> = lines.last()?.split(';').collect();
    let value = |name| last.get(names.iter().position(|known| *known == name)?).copied();
    let count = |name| value(name).and_then(|text| text.parse().ok());
    Some(Counted {
        succeeded: count("SuccessfulCall(C)")?,
        failed: count("FailedCall(C)")?,
        resent: count("Retransmissions(C)")?,
        rate: value("CallRate(C)")?.parse().ok()?,
        error: String::new(),
    })
}
