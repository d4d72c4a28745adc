//! SIPp, with the scenarios of `load/` and its own.

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Server, Way, workspace};

/// A running SIPp.
#[derive(Debug)]
pub struct Sipp {
    child: Child,
    scenario: String,
    errors: PathBuf,
}

impl Sipp {
    /// Starts `load/SCENARIO.xml` for `count` calls against the server, from one of its ports for
    /// peers.
    ///
    /// # Panics
    /// Where SIPp is not installed.
    #[must_use]
    pub fn start(server: &Server, scenario: &str, port: u16, count: u32, more: &[&str]) -> Self {
        let folder = workspace().join("sip-tests/load");
        let file = format!("{scenario}.xml");
        Self::launch(server, (scenario, &folder), &["-sf", &file], port, count, more)
    }

    /// The same with one of the scenarios that are built into SIPp.
    ///
    /// # Panics
    /// Where SIPp is not installed.
    #[must_use]
    pub fn own(server: &Server, scenario: &str, port: u16, count: u32, more: &[&str]) -> Self {
        // Some of them play what they look for below the current folder.
        let captures = server.folder.join("pcap");
        // Another test of this server may have made it.
        let _ = std::os::unix::fs::symlink("/usr/share/sip-tester", captures);
        let folder = server.folder.clone();
        Self::launch(server, (scenario, &folder), &["-sn", scenario], port, count, more)
    }

    fn launch(
        server: &Server,
        (scenario, folder): (&str, &Path),
        which: &[&str],
        port: u16,
        count: u32,
        more: &[&str],
    ) -> Self {
        let errors = server.folder.join(format!("sipp-{scenario}-{port}.log"));
        let mut command = Command::new("sipp");
        command
            .current_dir(folder)
            .arg(server.address().to_string())
            .args(which)
            .args(["-i", "127.0.0.1", "-p", &port.to_string()])
            .args(["-nostdin", "-timeout", "20", "-timeout_error", "-m", &count.to_string()])
            .args(["-trace_err", "-error_file"])
            .arg(&errors)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("sipp: {error}; it is in Debian's package sip-tester: apt install sip-tester")
        });
        Self { child, scenario: scenario.to_owned(), errors }
    }

    /// Waits until it listens at this port of 127.0.0.1, which shows by nobody else being able to.
    ///
    /// # Panics
    /// When it does not in time.
    #[track_caller]
    pub fn listens(&self, port: u16, way: Way) {
        let deadline = Instant::now() + crate::SOON;
        let free = || match way {
            Way::Udp => UdpSocket::bind(("127.0.0.1", port)).is_ok(),
            Way::Tcp => TcpListener::bind(("127.0.0.1", port)).is_ok(),
        };
        while free() {
            assert!(Instant::now() < deadline, "sipp {} does not listen", self.scenario);
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// Where a call of it failed.
    #[track_caller]
    pub fn succeeds(mut self) {
        let status = self.child.wait().expect("it ends");
        let errors = std::fs::read_to_string(&self.errors).unwrap_or_default();
        assert!(status.success(), "sipp {} ended with {status}:\n{errors}", self.scenario);
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
