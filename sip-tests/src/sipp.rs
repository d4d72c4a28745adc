//! SIPp, with the scenarios of `load/`.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::{Server, workspace};

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
        let errors = server.folder.join(format!("sipp-{scenario}-{port}.log"));
        let mut command = Command::new("sipp");
        command
            .current_dir(workspace().join("sip-tests/load"))
            .arg(server.address().to_string())
            .args(["-sf", &format!("{scenario}.xml"), "-i", "127.0.0.1", "-p", &port.to_string()])
            .args(["-nostdin", "-timeout", "15", "-timeout_error", "-m", &count.to_string()])
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
