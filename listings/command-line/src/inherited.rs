//! What this program inherits from the one that started it, and must not.

use nix::sys::signal::{SigHandler, Signal, signal};

/// From now on this process can wait for its children.
///
/// A shell or a supervisor that ignores SIGCHLD hands that down (execve(2)), and the kernel
/// then forgets each child as it ends: wait(2) knows of none.
pub(crate) fn wait_for_children() {
    // SAFETY: no handler is installed.
    let _ = unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) };
}
