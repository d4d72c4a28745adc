//! The server under load: `configs/bench.toml` with ports of its own.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Process;
use crate::api::TOKEN;
use crate::{Api, Ports, Sip, binary, workspace};

/// Operators of the configuration: `op1` and so on, in queue 600.
pub const OPERATORS: u32 = 200;

/// A running server. Nobody is subscribed to its events: that would be load.
#[derive(Debug)]
pub struct Node {
    /// Its interface.
    pub api: Api,
    /// Its ports, and some for peers.
    pub ports: Ports,
    /// From its start to its first answer to a SIP request.
    pub answered_after: Duration,
    folder: PathBuf,
    child: Child,
    _audio: Vec<TcpListener>,
}

impl Node {
    /// Starts one with so many ports for audio, and waits until it answers SIP requests and is
    /// ready.
    ///
    /// # Panics
    /// When it does neither in time.
    #[must_use]
    pub fn start(audio: u16) -> Self {
        let ports = Ports::take();
        let (audio, guards) = range(audio);
        let name = format!("usher-load-{}-{}", std::process::id(), ports.sip());
        let folder = std::env::temp_dir().join(name);
        // Left over from a run that was killed.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder for temporary files");
        let log = File::create(folder.join("log")).expect("a file for the log");
        let began = Instant::now();
        let child = Command::new(binary())
            .args(["serve", "-c"])
            .arg(workspace().join("configs/bench.toml"))
            .env("USHER_DATA", folder.join("data"))
            .env("USHER_SIP", format!("127.0.0.1:{}", ports.sip()))
            .env("USHER_HTTP", format!("127.0.0.1:{}", ports.http()))
            .env("USHER_PORTS", audio)
            .env("USHER_TOKEN", TOKEN)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("usher starts");
        let api = Api::new(ports.http());
        let mut node =
            Self { api, ports, answered_after: Duration::ZERO, folder, child, _audio: guards };
        node.wait_answer(began);
        node.api.until("it is ready", |api| {
            api.open("/readyz").is_some_and(|(status, _)| status == 200).then_some(())
        });
        node
    }

    /// Asks with OPTIONS until there is an answer.
    fn wait_answer(&mut self, began: Instant) {
        let socket = UdpSocket::bind(("127.0.0.1", self.ports.peer(0))).expect("a free port");
        socket.set_read_timeout(Some(Duration::from_millis(1))).expect("a timeout is set");
        let (here, there) = (socket.local_addr().expect("it is bound"), self.address());
        let mut buffer = [0; 2_048];
        for n in 1_u32.. {
            let options = format!(
                "OPTIONS sip:{there} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKopt{n}\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:bench@{here}>;tag=o{n}\r\nTo: <sip:{there}>\r\n\
                 Call-ID: options-{n}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            );
            // Refused as long as nobody listens.
            let _ = socket.send_to(options.as_bytes(), there);
            if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let answer = Sip::parse(&buffer[..length], from);
                assert!(answer.is_some_and(|answer| answer.status().is_some()), "an answer");
                self.answered_after = began.elapsed();
                return;
            }
            let ended = self.child.try_wait().expect("its state is known");
            assert!(ended.is_none(), "it ended with {ended:?}:\n{}", self.log());
            assert!(began.elapsed().as_secs() < 15, "no answer after 15 s:\n{}", self.log());
        }
    }

    /// Where trunks and phones send to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.sip()))
    }

    /// Its process.
    #[must_use]
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// All that it logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Where its log and data are, for as long as it runs.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// That no call is left over, and that it ends by SIGTERM with 0 and without a panic.
    ///
    /// # Panics
    /// Where one of this does not hold.
    #[track_caller]
    pub fn finish(mut self) {
        self.api.until("no call is left", |api| {
            (api.metric("usher_calls_active") == Some(0.0)).then_some(())
        });
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), Signal::TERM).expect("a signal is sent");
        let status = self.wait_exit();
        let log = self.log();
        assert!(status.success() && !log.contains("panicked"), "it ended with {status}:\n{log}");
    }

    fn wait_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(15);
        loop {
            if let Some(status) = self.child.try_wait().expect("its state is known") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.log());
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log\n{}", self.log());
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Ports for audio are taken by the block, as [`Ports`] are by the slot.
const BLOCK: u16 = 1_000;
const FIRST: u16 = 20_000;

/// So many ports that nobody has, to judge by some of them, as the configuration says it (what
/// others have within is left out by the server), and what holds them against other nodes.
fn range(count: u16) -> (String, Vec<TcpListener>) {
    let blocks = count.div_ceil(BLOCK);
    let free = |port: u16| UdpSocket::bind(("0.0.0.0", port)).is_ok();
    let take = |first: u16| {
        // RTP does without TCP.
        let guards = (0..blocks).map(|n| TcpListener::bind(("127.0.0.1", first + n * BLOCK)).ok());
        let guards = guards.collect::<Option<Vec<_>>>()?;
        let whole = (first..first + count).step_by(97).all(free);
        whole.then(|| (format!("{first}-{}", first + count - 1), guards))
    };
    let mut firsts = (FIRST..=u16::MAX - blocks * BLOCK).step_by(usize::from(BLOCK));
    firsts.find_map(take).unwrap_or_else(|| panic!("{count} free ports above {FIRST}"))
}
