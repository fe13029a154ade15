//! How the program ends.

use std::fmt;

/// The arguments are wrong: one line, exit status 2.
#[derive(Debug)]
pub(super) struct UsageError(pub String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// How a verb ended that could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExitStatus {
    /// Nothing is wrong.
    Success,
    /// A run or a claim failed; it has been said.
    Failure,
}

impl ExitStatus {
    /// Success where nothing failed.
    pub(super) fn of(passes: bool) -> ExitStatus {
        if passes {
            ExitStatus::Success
        } else {
            ExitStatus::Failure
        }
    }
}
