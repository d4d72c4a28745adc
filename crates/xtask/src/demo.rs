//! `cargo xtask demo`: sees to what the build needs, builds, and becomes `usher demo`.

use std::os::unix::process::CommandExt as _;

use crate::system::{Failed, cargo, compiler, target};

/// Runs it with these arguments; returns only where it cannot be started.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Failed> {
    compiler()?;
    if target().join("release").join("usher").exists() {
        eprintln!("==> release build");
    } else {
        eprintln!("==> release build; the first one takes a few minutes");
    }
    // In the place of this process: Ctrl-C and the exit code are then nobody else's.
    let mut demo = cargo("run --release --package usher -- demo");
    let error = demo.args(arguments).exec();
    eprintln!("cannot start {}: {error}", demo.get_program().to_string_lossy());
    Err(Failed(1))
}
