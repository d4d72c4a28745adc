//! The log while the terminal shows the board: its lines are told between the events.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// What was logged and not yet shown. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Whole lines since this was asked last.
    pub(super) fn take(&self) -> Vec<String> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let whole: Vec<u8> = bytes.drain(..end).collect();
        String::from_utf8_lossy(&whole).lines().map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_are_taken() {
        let mut log = Log::default();
        let reader = log.clone();
        assert!(reader.take().is_empty());
        log.write_all(b"one\ntwo\nth").unwrap();
        assert_eq!(reader.take(), ["one", "two"]);
        log.write_all(b"ree\n").unwrap();
        assert_eq!(reader.take(), ["three"]);
    }
}
