//! What is wrong with a configuration, where, and what to do about it.

use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::source::At;

/// One fault or warning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    /// The file, as it was named.
    pub(crate) file: Arc<PathBuf>,
    /// The line, from 1; 0 where the file as a whole is meant.
    pub(crate) line: u32,
    /// What; then, behind a semicolon, what was expected or what helps.
    pub(crate) text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.text),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.text),
        }
    }
}

/// Everything wrong with a configuration, in the order of the files; one line each.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

/// Collects while the configuration is read: one fault must not hide the next.
#[derive(Debug, Default)]
pub(super) struct Report {
    faults: RefCell<Vec<Fault>>,
    warnings: RefCell<Vec<Fault>>,
}

impl Report {
    pub(super) fn fault(&self, at: &At, text: impl Into<String>) {
        self.faults.borrow_mut().push(Fault::new(at, text.into()));
    }

    pub(super) fn warn(&self, at: &At, text: impl Into<String>) {
        self.warnings.borrow_mut().push(Fault::new(at, text.into()));
    }

    pub(super) fn has_faults(&self) -> bool {
        !self.faults.borrow().is_empty()
    }

    /// Faults and warnings, each in the order of the lines.
    pub(super) fn finish(self) -> (Faults, Faults) {
        let sorted = |list: RefCell<Vec<Fault>>| {
            let mut list = list.into_inner();
            list.sort();
            list.dedup();
            Faults(list)
        };
        (sorted(self.faults), sorted(self.warnings))
    }
}

impl Fault {
    fn new(at: &At, text: String) -> Self {
        Self { file: Arc::clone(&at.file), line: at.line, text }
    }
}
