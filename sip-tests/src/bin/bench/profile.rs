//! Where the time goes, by perf.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use sip_tests::bench::{Bank, Load, Node, OPERATORS, Rtp};

use super::{Options, PORTS};

/// How long it looks.
const SECONDS: u32 = 10;
/// Lines of a report that are shown.
const LINES: usize = 45;

/// Prints it; whether that was possible.
pub(crate) fn run(name: &str, options: &Options) -> bool {
    let node = Node::start(PORTS);
    let mut bank = Bank::bind(node.address(), node.ports.peer(1), node.ports.peer(2));
    bank.register(OPERATORS);
    let audio = (node.ports.peer(3), node.ports.peer(4));
    let (load, rtp, ready) = match name {
        "signalling" => {
            let load = Load::new(options.rate.unwrap_or(300), SECONDS + 3);
            (load, None, Duration::from_secs(2))
        }
        "media" => {
            let rtp = Rtp::start(audio.0, audio.1, false);
            let ready = Duration::from_secs(6);
            let hold = ready + Duration::from_secs(u64::from(SECONDS) + 2);
            let paths = Some(rtp.paths.clone());
            let load =
                Load { calls: OPERATORS, hold: hold..=hold, audio, paths, ..Load::new(50, 1) };
            (load, Some(rtp), ready)
        }
        _ => {
            eprintln!("there are profiles of signalling and media");
            return false;
        }
    };
    let calls = std::thread::spawn(move || bank.run(&load));
    std::thread::sleep(ready);
    let file = std::env::temp_dir().join(format!("usher-{name}.perf"));
    let recorded = Command::new("perf")
        .args(["record", "--quiet", "-F", "997", "-g", "-p", &node.process().0.to_string(), "-o"])
        .arg(&file)
        .args(["--", "sleep", &SECONDS.to_string()])
        .stdin(Stdio::null())
        .status();
    let outcome = calls.join().expect("the bank ended well");
    drop(rtp.map(Rtp::stop));
    node.finish();
    match recorded {
        Ok(status) if status.success() => {}
        Ok(status) => {
            eprintln!("perf ended with {status}: may you use it (kernel.perf_event_paranoid)?");
            return false;
        }
        Err(error) => {
            eprintln!("perf: {error}; it is in Debian's package linux-perf");
            return false;
        }
    }
    println!("{} calls ended well, {} failed", outcome.ended, outcome.failed);
    let threads = ["--sort", "comm"];
    let symbols = ["--sort", "comm,symbol"];
    for sort in [threads, symbols] {
        let output = Command::new("perf")
            .args(["report", "--stdio", "--no-children", "-g", "none", "-i"])
            .arg(&file)
            .args(sort)
            .output()
            .expect("perf runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        println!();
        lines.take(LINES).for_each(|line| println!("{}", line.trim_end()));
    }
    println!("\nmore: perf report --no-children -i {}", file.display());
    fs::metadata(&file).is_ok()
}
