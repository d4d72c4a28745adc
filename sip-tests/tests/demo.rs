//! `usher demo`: what a newcomer sees, that it is true, and that it ends.
#![expect(clippy::expect_used, clippy::panic, reason = "all of it is a test")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use sip_tests::{binary, run};

/// How long anything here may take: five calls of twenty seconds, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(150);

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("demo").args(arguments).stdin(Stdio::null()).env_remove("RUST_LOG");
    command
}

#[track_caller]
fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("its state is known") {
            return status;
        }
        if Instant::now() >= deadline {
            // What it wrote is shown by the test's own failure.
            let _ = child.kill();
            panic!("it does not end");
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Sends it SIGINT, as Ctrl-C does.
fn interrupt(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a process id"), Signal::INT).expect("a signal is sent");
}

/// The three numbers of the line about calls and records: (calls, records, neither).
#[track_caller]
fn counts(text: &str) -> (u64, u64, u64) {
    let line = text.lines().find(|line| line.contains(" records: ")).expect(text);
    let numbers: Vec<u64> =
        line.split([' ', ',', ':']).filter_map(|word| word.parse().ok()).collect();
    let [calls, records, answered, abandoned, neither] = numbers[..] else { panic!("{line}") };
    assert_eq!(answered + abandoned + neither, records, "{line}");
    (calls, records, neither)
}

#[test]
fn five_calls_are_heard_by_both_sides() {
    let mut child = demo(&["--audio-proof"]).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut text = String::new();
    let mut out = child.stdout.take().expect("its output is ours");
    let status = wait_reading(&mut child, &mut out, &mut text);
    assert!(status.success(), "{status}:\n{text}");
    let calls = text.lines().filter(|line| line.starts_with("call ")).count();
    assert!(calls >= 5, "{text}");
    let heard: Vec<&str> = text.lines().filter(|line| line.contains(" Hz, hears ")).collect();
    assert_eq!(heard.len(), 2 * calls, "{text}");
    for pair in heard.chunks(2) {
        let [caller, operator] = pair else { panic!("{pair:?}") };
        assert!(tone(caller, " sends ") == tone(operator, "hears "), "{pair:?}");
        assert!(caller.contains("hears music "), "{caller}");
        assert!(caller.contains(&format!(", {} Hz ", tone(operator, " sends "))), "{pair:?}");
    }
    let held = "\n    ok: music while waiting and on hold, else each other\n";
    assert!(text.contains(held) && !text.contains("NOT HEARD"), "{text}");
    let (calls, records, neither) = counts(&text);
    assert!(calls >= 5 && calls == records && neither == 0, "{text}");
}

/// The first number of Hertz behind a word.
#[track_caller]
fn tone<'a>(line: &'a str, behind: &str) -> &'a str {
    let (_, rest) = line.split_once(behind).expect(line);
    rest.split_whitespace().next().expect(line)
}

#[track_caller]
fn wait_reading(child: &mut Child, out: &mut impl std::io::Read, text: &mut String) -> ExitStatus {
    // It ends by itself, and the output with it.
    out.read_to_string(text).expect("text");
    wait(child)
}

#[test]
fn without_a_terminal_it_prints_lines_and_ends_after_its_time() {
    let output = demo(&["--minutes", "0.2"]).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    assert!(!text.contains('\x1b'), "no codes of a terminal:\n{text}");
    for part in ["waits in support as number 1", " answers ", "QUEUE    WAIT", "over after 0:1"] {
        assert!(text.contains(part), "{part} is not in\n{text}\n{errors}");
    }
    let (calls, records, neither) = counts(&text);
    assert!(calls >= 5 && calls == records && neither == 0, "{text}");
}

#[test]
fn ctrl_c_ends_all_calls_and_accounts_for_them() {
    let mut child = demo(&[]).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut out = BufReader::new(child.stdout.take().expect("its output is ours"));
    let mut text = String::new();
    while !text.lines().last().unwrap_or_default().contains(" answers ") {
        let read = out.read_line(&mut text).expect("text");
        assert!(read > 0, "it ended:\n{text}");
    }
    interrupt(&child);
    let status = wait_reading(&mut child, &mut out, &mut text);
    assert!(status.success(), "{status}:\n{text}");
    let (calls, records, neither) = counts(&text);
    assert!(calls >= 1 && calls == records && neither == 0, "{text}");
}

#[test]
fn on_a_terminal_it_draws_and_leaves_the_cursor_as_it_was() {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
    grantpt(&ours).expect("it is ours");
    unlockpt(&ours).expect("and open");
    let size = Winsize { ws_col: 80, ws_row: 24, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&ours, size).expect("a size");
    let name = ptsname(&ours, Vec::new()).expect("a name");
    let path = name.to_str().expect("UTF-8");
    let theirs = File::options().read(true).write(true).open(path).expect("the other end");
    let mut child = demo(&["--minutes", "0.1"])
        .stdout(theirs.try_clone().expect("another"))
        .stderr(theirs)
        .spawn()
        .expect("it starts");
    let mut terminal = File::from(ours);
    let (mut text, mut buffer) = (Vec::new(), [0; 4_096]);
    // A pseudo-terminal whose other end is closed says so by an error.
    while let Ok(length) = terminal.read(&mut buffer)
        && length > 0
    {
        text.extend_from_slice(&buffer[..length]);
    }
    let status = wait(&mut child);
    let text = String::from_utf8(text).expect("UTF-8");
    assert!(status.success(), "{status}:\n{text}");
    let (board, rest) = text.rsplit_once("\x1b[?25h").expect("the cursor is shown again");
    let last = board.rsplit("\x1b[H").next().expect("a screen");
    assert!(last.lines().count() <= 24, "{last}");
    for part in ["usher demo", "QUEUE    WAIT", "support", "alice", "heidi"] {
        assert!(last.contains(part), "{part} is not in\n{last}");
    }
    let (calls, records, _) = counts(rest);
    assert_eq!(calls, records, "{rest}");
}

#[test]
fn a_length_that_is_none_is_wrong_usage() {
    for wrong in ["0", "-1", "soon"] {
        let output = run(&["demo", &format!("--minutes={wrong}")]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("expected a number of minutes"), "{said}");
    }
}
