//! The server under test, as a child process.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tungstenite::client::IntoClientRequest as _;

use crate::api::TOKEN;
use crate::{Api, Config, Feed, Ports};

/// The root of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("sip-tests is in the workspace")
}

/// The binary under test.
///
/// # Panics
/// Where there is none, with the way to get one.
#[must_use]
pub fn binary() -> PathBuf {
    let path = std::env::var_os("USHER_BIN")
        .map_or_else(|| workspace().join("target/release/usher"), PathBuf::from);
    assert!(
        path.is_file(),
        "{} is not there: build it with `cargo build --release`, or set USHER_BIN",
        path.display()
    );
    path
}

/// Runs the binary to its end.
///
/// # Panics
/// Where it does not start.
#[must_use]
pub fn run(arguments: &[&str]) -> Output {
    Command::new(binary())
        .args(arguments)
        .env("USHER_TOKEN", TOKEN)
        .env_remove("RUST_LOG")
        .output()
        .expect("usher runs")
}

/// What the server wrote so far, and a bell.
type Log = Arc<(Mutex<String>, Condvar)>;

/// A running server with ports and data of its own.
#[derive(Debug)]
pub struct Server {
    /// Its interface.
    pub api: Api,
    /// Its events.
    pub events: Feed,
    /// Its ports, and some for peers.
    pub ports: Ports,
    /// Where its configuration and data are.
    pub folder: PathBuf,
    host: IpAddr,
    child: Child,
    log: Log,
}

impl Server {
    /// Starts one and waits until it is ready.
    #[must_use]
    pub fn start(config: &Config) -> Self {
        Self::start_within(config, &[])
    }

    /// The same within another program that becomes it at last, such as `unshare`; `DATA` among its
    /// arguments is the folder of the server's data, which is there.
    #[must_use]
    pub fn start_within(config: &Config, program: &[&str]) -> Self {
        let ports = Ports::take();
        let name = format!("usher-wire-{}-{}", std::process::id(), ports.sip());
        let folder = std::env::temp_dir().join(name);
        // Left over from a run that was killed.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder for temporary files");
        let data = folder.join("data");
        fs::create_dir_all(&data).expect("a folder for data");
        let text = config.text(&data, &ports);
        fs::write(folder.join("usher.toml"), text).expect("a configuration is written");
        let (child, log) = launch(&folder, program);
        let api = Api::new(ports.http());
        let (host, events) = (config.host, Feed::default());
        let mut server = Self { api, events, ports, folder, host, child, log };
        server.wait_ready();
        server
    }

    /// With the default configuration.
    #[must_use]
    pub fn plain() -> Self {
        Self::start(&Config::default())
    }

    /// Kills it as a power failure would, and starts it again on the same data and ports.
    pub fn crash(&mut self) {
        self.kill();
        self.again();
    }

    /// Kills it by SIGKILL.
    ///
    /// # Panics
    /// Where it cannot be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("and be buried");
    }

    /// Starts it again on the same data and ports.
    ///
    /// # Panics
    /// Where it cannot be started again.
    pub fn again(&mut self) {
        (self.child, self.log) = launch(&self.folder, &[]);
        self.events = Feed::default();
        self.wait_ready();
    }

    fn wait_ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(15);
        while self.api.open("/readyz").is_none_or(|(status, _)| status != 200) {
            let ended = self.child.try_wait().expect("its state is known");
            assert!(ended.is_none(), "it ended with {ended:?}:\n{}", self.log());
            assert!(Instant::now() < deadline, "not ready after 15 s:\n{}", self.log());
            std::thread::park_timeout(Duration::from_millis(10));
        }
        self.events = subscribe(self.ports.http(), "", TOKEN);
    }

    /// Another subscriber to the events, with a query such as `?after=3`.
    #[must_use]
    pub fn subscribe(&self, query: &str) -> Feed {
        subscribe(self.ports.http(), query, TOKEN)
    }

    /// Another subscriber, with a token of their own.
    #[must_use]
    pub fn subscribe_with(&self, secret: &str) -> Feed {
        subscribe(self.ports.http(), "", secret)
    }

    /// Where trunks and phones send to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.ports.sip())
    }

    /// The file it was started with.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.folder.join("usher.toml")
    }

    /// All that it logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a line of the log in which all of these stand.
    ///
    /// # Panics
    /// When there is none in time.
    #[track_caller]
    pub fn wait_log(&self, parts: &[&str]) -> String {
        let deadline = Instant::now() + crate::SOON;
        let mut log = self.log.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(line) = log.lines().find(|line| parts.iter().all(|p| line.contains(p))) {
                return line.to_owned();
            }
            let left = deadline.checked_duration_since(Instant::now());
            let left = left.unwrap_or_else(|| panic!("no line with {parts:?} in\n{log}"));
            let waited = self.log.1.wait_timeout(log, left);
            log = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(log, _)| log);
        }
    }

    /// `usher ctl …` against it.
    #[must_use]
    pub fn ctl(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["ctl", "--url", self.api.base()];
        all.extend(arguments);
        run(&all)
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// Where it is no more.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), signal).expect("a signal is sent");
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// When it has not in time.
    #[track_caller]
    pub fn wait_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(8);
        loop {
            if let Some(status) = self.child.try_wait().expect("its state is known") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.log());
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// That nothing is left over, and that it ends cleanly: the last line of every test.
    ///
    /// # Panics
    /// Where something is.
    #[track_caller]
    pub fn finish(mut self) {
        // What has just happened reaches the API a little later.
        self.api.until("no call is left", |api| {
            let none = api.metric("usher_calls_active") == Some(0.0);
            (none && api.items("/calls").is_empty()).then_some(())
        });
        self.signal(Signal::TERM);
        let status = self.wait_exit();
        let log = self.log();
        assert!(status.success(), "it ended with {status}:\n{log}");
        assert!(!log.contains("panicked"), "it panicked:\n{log}");
        assert!(self.events.count("node.fault", &[]) == 0, "an invariant did not hold:\n{log}");
        let sequence: Vec<u64> =
            self.events.all().iter().filter_map(|event| event["seq"].as_u64()).collect();
        let whole = sequence.windows(2).all(|pair| pair[1] == pair[0] + 1);
        assert!(whole, "the events' numbers have gaps: {sequence:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log\n{}", self.log());
            for event in self.events.all() {
                eprintln!("{event}");
            }
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn launch(folder: &Path, program: &[&str]) -> (Child, Log) {
    let data = folder.join("data").display().to_string();
    let mut words: Vec<String> = program.iter().map(|word| word.replace("DATA", &data)).collect();
    words.push(binary().display().to_string());
    let mut child = Command::new(words.remove(0))
        .args(words)
        .args(["--log-level", "info", "serve", "-c"])
        .arg(folder.join("usher.toml"))
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("usher starts");
    let errors = child.stderr.take().expect("its standard error is ours");
    let log = Log::default();
    let of_thread = Arc::clone(&log);
    std::thread::spawn(move || {
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            let mut log = of_thread.0.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(&line);
            log.push('\n');
            of_thread.1.notify_all();
        }
    });
    (child, log)
}

/// Joins the event stream; its thread ends with the connection.
fn subscribe(port: u16, query: &str, secret: &str) -> Feed {
    let url = format!("ws://127.0.0.1:{port}/v1/events{query}");
    let mut request = url.into_client_request().expect("a request");
    let bearer = format!("Bearer {secret}").parse().expect("a header value");
    request.headers_mut().insert("Authorization", bearer);
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection for events");
    let (mut socket, _) = tungstenite::client(request, stream).expect("the event stream");
    let feed = Feed::default();
    let of_thread = feed.clone();
    std::thread::spawn(move || {
        while let Ok(message) = socket.read() {
            let text = message.into_text().unwrap_or_default();
            if let Ok(event) = serde_json::from_str(&text) {
                of_thread.push(event);
            }
        }
    });
    feed
}
