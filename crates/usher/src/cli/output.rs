//! Standard output and error: what a closed pipe means is decided here once.

use std::io::{self, ErrorKind, Write as _};

use super::Failure;

/// A line to standard output. `| head` closing the pipe is no failure.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    print(&format!("{text}\n"))
}

/// A text that has its last newline.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("usher: standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// A line to standard error.
pub(super) fn complain(text: &str) {
    // There is nowhere left to say that this failed.
    let _ = writeln!(io::stderr(), "{text}");
}
