//! Ctrl-C and SIGTERM: one line, then the end that they ask for.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;
use nix::libc::{self, c_int};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};

/// The process that says it; one that it forks ends in silence.
static SPEAKER: AtomicU32 = AtomicU32::new(0);

/// From now on SIGINT and SIGTERM end this process with a line that names them. One that
/// it was started to ignore, as by nohup(1), stays ignored.
pub(crate) fn say_so() {
    SPEAKER.store(process::id(), Ordering::Relaxed);
    // SA_RESETHAND: the signal that the handler raises once more does what it does by default.
    let flags = SaFlags::SA_RESETHAND | SaFlags::SA_NODEFER;
    let action = SigAction::new(SigHandler::Handler(end), flags, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        // SAFETY: the handler calls only functions that signal-safety(7) lists, and restores
        // errno, though it does not return to the code that it interrupts.
        let before = unsafe { sigaction(signal, &action) };
        if let Ok(before) = before
            && matches!(before.handler(), SigHandler::SigIgn)
        {
            // SAFETY: no handler is installed.
            let _ = unsafe { sigaction(signal, &before) };
        }
    }
}

extern "C" fn end(signal: c_int) {
    let errno = Errno::last_raw();
    let line: &[u8] = match Signal::try_from(signal) {
        Ok(Signal::SIGINT) => b"error: ended by SIGINT\n",
        _ => b"error: ended by SIGTERM\n",
    };
    if process::id() == SPEAKER.load(Ordering::Relaxed) {
        // SAFETY: the bytes are `line`'s own. One write: a line in one piece.
        unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
    }
    if let Ok(signal) = Signal::try_from(signal) {
        // By the default action now: whoever waits for this process learns the signal.
        let _ = raise(signal);
    }
    Errno::set_raw(errno);
}
