//! `usher demo`: what a newcomer sees, that it is true, and that it ends.
#![expect(clippy::expect_used, clippy::panic, reason = "all of it is a test")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use sip_tests::{binary, run};

/// How long anything here may take: some calls of twenty seconds, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(150);

/// A demonstration that runs, and what it has written.
struct Demo {
    child: Child,
    lines: Receiver<String>,
    text: String,
    deadline: Instant,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).stdout(Stdio::piped()).spawn().expect("it starts");
        let out = child.stdout.take().expect("its output is ours");
        Self::reading(child, out)
    }

    fn reading(child: Child, out: impl Read + Send + 'static) -> Self {
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            let (mut out, mut line) = (BufReader::new(out), Vec::new());
            // A terminal whose other end is closed says so by an error.
            while out.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                if tell.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Self { child, lines, text: String::new(), deadline: Instant::now() + PATIENCE }
    }

    /// The next line; none after the last.
    #[track_caller]
    fn line(&mut self) -> Option<&str> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => self.text.push_str(&line),
            Err(_) if Instant::now() < self.deadline => return None,
            Err(_) => panic!("it does not go on:\n{}", self.text),
        }
        self.text.lines().last()
    }

    /// Sends SIGINT, as Ctrl-C does.
    fn interrupt(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), Signal::INT).expect("a signal is sent");
    }

    /// Waits until it has ended by itself: how, and all that it wrote.
    #[track_caller]
    fn end(mut self) -> (ExitStatus, String) {
        while self.line().is_some() {}
        let status = self.child.wait().expect("its state is known");
        (status, std::mem::take(&mut self.text))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("demo").args(arguments).stdin(Stdio::null()).env_remove("RUST_LOG");
    command
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
    let (status, text) = Demo::start(&["--audio-proof"]).end();
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

#[test]
fn without_a_terminal_it_prints_lines_and_ends_after_its_time() {
    let (status, text) = Demo::start(&["--minutes", "0.2"]).end();
    assert!(status.success(), "{status}:\n{text}");
    assert!(!text.contains('\x1b'), "no codes of a terminal:\n{text}");
    for part in
        ["waits in support as number 1", " answers ", "QUEUE    WAIT", "  IN 5 S", "over after 0:1"]
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let (calls, records, neither) = counts(&text);
    assert!(calls >= 5 && calls == records && neither == 0, "{text}");
}

#[test]
fn ctrl_c_ends_all_calls_and_accounts_for_them() {
    let mut demo = Demo::start(&[]);
    while !demo.line().expect("it goes on").contains(" answers ") {}
    demo.interrupt();
    let (status, text) = demo.end();
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
    let child = command(&["--minutes", "0.1"])
        .stdout(theirs.try_clone().expect("another"))
        .stderr(theirs)
        .spawn()
        .expect("it starts");
    let (status, text) = Demo::reading(child, File::from(ours)).end();
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
fn a_full_disk_is_no_success() {
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let mut child = command(&["--minutes", "0.1"])
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let errors = child.stderr.take().expect("its errors are ours");
    let (status, said) = Demo::reading(child, errors).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("the output cannot be written: No space left on device"), "{said}");
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
