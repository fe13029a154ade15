//! `mdbook-live preprocess`, which mdBook calls.

use anyhow::Result;

use super::exit_status::ExitStatus;
use crate::chapter::preprocessor;

pub(super) fn preprocess() -> Result<ExitStatus> {
    preprocessor::preprocess(std::io::stdin().lock(), std::io::stdout().lock())?;
    Ok(ExitStatus::Success)
}

pub(super) fn supports(renderer: &str) -> ExitStatus {
    ExitStatus::of(preprocessor::supports(renderer))
}
