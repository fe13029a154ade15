//! Children of this program can be waited for, however it was started.

use anyhow::{Context, Result};
use nix::sys::signal::{SigHandler, Signal, signal};

/// Has the system keep the status of children that have ended. Where this program was started
/// with SIGCHLD ignored, as by a service manager of old, it would not (wait(2)); and what is
/// run here would inherit that.
pub fn have_their_status_kept() -> Result<()> {
    // SAFETY: the default action runs no code of this program.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }.context("cannot heed SIGCHLD")?;
    Ok(())
}
