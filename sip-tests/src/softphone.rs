//! A real softphone: baresip, driven through `phones/baresip_phone.py`.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Feed, Server, tone, workspace};

const PACKAGE: &str = "baresip-python==0.5.2a3";

/// One process with one operator's account.
#[derive(Debug)]
pub struct Softphone {
    /// What happens to it: `incoming`, `established`, `closed`, `dtmf`, `held`.
    pub events: Feed,
    child: Child,
    commands: ChildStdin,
    count: u64,
}

impl Softphone {
    /// Starts one at one of the server's ports for peers and registers it.
    ///
    /// # Panics
    /// Where that fails.
    #[track_caller]
    #[must_use]
    pub fn operator(server: &Server, operator: &str, port: u16, codecs: &str) -> Self {
        Self::operator_by(server, operator, port, &format!("{codecs};dtmfmode=rtpevent"), "udp")
    }

    /// The same by a transport of the caller's choice, with more parameters behind the codecs.
    #[track_caller]
    #[must_use]
    pub fn operator_by(
        server: &Server,
        operator: &str,
        port: u16,
        codecs: &str,
        transport: &str,
    ) -> Self {
        let mut phone = Self::start(port);
        let address = server.address();
        let mark = server.events.mark();
        phone.order(json!({"do": "register", "account": format!(
            "<sip:{operator}@usher.test;transport={transport}>;auth_pass={operator}-secret;\
             regint=3600;outbound=\"sip:{address};transport={transport}\";answermode=manual;\
             audio_codecs={codecs}"
        )}));
        let ready = [("operator", operator), ("/effective/state", "ready")];
        server.events.wait_from(mark, "operator.state", &ready);
        phone
    }

    /// Starts the process.
    ///
    /// # Panics
    /// Where Python cannot.
    #[must_use]
    pub fn start(port: u16) -> Self {
        let script = workspace().join("sip-tests/phones/baresip_phone.py");
        let mut child = Command::new(python())
            .arg(script)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python starts");
        let commands = child.stdin.take().expect("its input is ours");
        let output = child.stdout.take().expect("its output is ours");
        let events = Feed::default();
        let of_thread = events.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Ok(value) = serde_json::from_str(&line) {
                    of_thread.push(value);
                }
            }
        });
        events.wait_within(Duration::from_secs(10), 0, "ready", &[]);
        Self { events, child, commands, count: 0 }
    }

    /// Gives it a command and returns its answer.
    ///
    /// # Panics
    /// Where it says that it failed.
    #[track_caller]
    pub fn order(&mut self, mut command: Value) -> Value {
        self.count += 1;
        command["id"] = json!(self.count);
        writeln!(self.commands, "{command}").expect("the softphone listens");
        let answer = self.events.poll(Duration::from_secs(10), 0, |value| {
            (value["id"] == self.count).then(|| value.clone())
        });
        let answer = answer.unwrap_or_else(|| panic!("the softphone did not {command}"));
        assert_eq!(answer["type"], "done", "{command}: {answer}");
        answer
    }

    /// Waits for a call and returns its number.
    #[track_caller]
    pub fn rings(&self, call: u64) {
        self.events.wait("incoming", &[("call", &call.to_string())]);
    }

    /// Answers and sends its tone.
    #[track_caller]
    pub fn answer(&mut self, call: u64, hz: f64) {
        self.order(json!({"do": "answer", "call": call}));
        self.order(json!({"do": "tone", "call": call, "hz": hz}));
        self.events.wait("established", &[("call", &call.to_string())]);
    }

    /// Waits until this tone is most of what it hears now.
    #[track_caller]
    pub fn hears(&mut self, call: u64, hz: f64) {
        self.hears_that(call, &format!("{hz} Hz"), |samples, rate| {
            tone::share(samples, hz * tone::RATE_HZ / rate) > 0.7
        });
    }

    /// Waits until what it hears satisfies the test, which is given samples and their rate in Hz.
    ///
    /// # Panics
    /// When it does not in time.
    #[track_caller]
    pub fn hears_that(&mut self, call: u64, what: &str, test: impl Fn(&[i16], f64) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(4);
        let mut level = 0.0;
        self.order(json!({"do": "hear", "call": call}));
        while Instant::now() < deadline {
            std::thread::park_timeout(Duration::from_millis(300));
            let heard = self.order(json!({"do": "hear", "call": call}));
            let rate = heard["rate"].as_f64().unwrap_or(tone::RATE_HZ);
            let samples = samples(heard["pcm"].as_str().unwrap_or_default());
            level = tone::level(&samples);
            if samples.len() > 1_600 && test(&samples, rate) {
                return;
            }
        }
        panic!("the softphone does not hear {what}; level {level:.0}");
    }

    /// As when somebody pulls the plug.
    ///
    /// # Panics
    /// Never, while it runs.
    pub fn vanish(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("and be buried");
    }

    /// Stops the process, or lets it go on.
    pub(crate) fn hang(&mut self, hangs: bool) {
        crate::handset::signal(&self.child, hangs);
    }
}

impl Drop for Softphone {
    fn drop(&mut self) {
        // It may have vanished already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let all = self.events.all();
            let loud = all.iter().filter(|value| value["pcm"].is_null());
            eprintln!("--- softphone");
            loud.for_each(|value| eprintln!("{value}"));
        }
    }
}

/// Base64 of signed 16-bit samples.
fn samples(text: &str) -> Vec<i16> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut octets, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for six in text.bytes().filter_map(value) {
        bits = (bits << 6 | u32::from(six)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            octets.push((bits >> count & 0xff) as u8);
        }
    }
    octets.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// The Python that has baresip.
///
/// # Panics
/// Where it is not to be had.
#[must_use]
pub fn python() -> PathBuf {
    environment("USHER_VENV", "sip-tests-venv", PACKAGE).join("bin/python")
}

/// Where a program of a Python package is: in the environment that `variable` names, or one that is
/// made once below `target`.
#[must_use]
pub fn environment(variable: &str, name: &str, package: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return PathBuf::from(path);
    }
    let target = workspace().join("target");
    std::fs::create_dir_all(&target).expect("a target folder");
    let lock = File::create(target.join(format!("{name}.lock"))).expect("a lock file");
    // One test makes it, the others wait.
    lock.lock().expect("the lock is had");
    let path = target.join(name);
    if !path.join("complete").is_file() {
        make(&path, package);
    }
    path
}

fn make(path: &Path, package: &str) {
    let run = |program: &Path, arguments: &[&str], help: &str| {
        let output = Command::new(program).args(arguments).output();
        let output =
            output.unwrap_or_else(|error| panic!("{}: {error}; {help}", program.display()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {arguments:?}: {help}\n{said}", program.display());
    };
    let text = path.to_str().expect("a path in UTF-8");
    let help = "Python 3.11 is needed: apt install python3-venv";
    run(Path::new("python3"), &["-m", "venv", "--clear", text], help);
    let help =
        "this is from PyPI; without it, USHER_VENV or USHER_API_VENV names a venv that has it";
    run(&path.join("bin/pip"), &["install", "--quiet", package], help);
    File::create(path.join("complete")).expect("a mark that it is whole");
}
