//! The calls of ptrace(2) by which a process is watched: a tracer that seizes sees its stops,
//! and lets stops by job control be what they are.

use std::io;

use nix::libc::{self, c_int, c_ulong};
use nix::unistd::Pid;
use rustix::process::WaitOptions;

/// Its births, its programs and its end stop a process, and its tracer's end kills it.
const OPTIONS: c_int = libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACEEXIT
    | libc::PTRACE_O_EXITKILL;

/// `PTRACE_EVENT_STOP`, which libc names for some C libraries alone.
const EVENT_STOP: c_int = 128;

/// Why a thread of a traced process was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// It started a process or a thread, which is traced too.
    Started {
        /// Whether the new one has its parent's memory until it executes a program: vfork(2).
        in_its_memory: bool,
    },
    /// It executed a program.
    Executed,
    /// It is about to end: its memory and its descriptors are still there.
    Ends,
    /// A signal of this number is about to be delivered.
    Signal(c_int),
    /// Its process has been stopped by a signal, until SIGCONT.
    Stopped,
    /// It stopped for its tracer alone: it is new, or goes on after SIGCONT.
    Trap,
    /// It is gone, with this status, before its end was seen.
    Gone(c_int),
}

/// Begins to trace a process, without stopping it, and what it will start.
pub(super) fn seize(pid: Pid) -> nix::Result<()> {
    call(libc::PTRACE_SEIZE, pid, OPTIONS as usize)
}

/// Lets a stopped thread go on, with a signal, or 0.
pub(super) fn go_on(thread: Pid, signal: c_int) -> nix::Result<()> {
    call(libc::PTRACE_CONT, thread, signal as usize)
}

/// Leaves a thread stopped, as a signal has stopped its process, and waits for SIGCONT.
pub(super) fn stay_stopped(thread: Pid) -> nix::Result<()> {
    call(libc::PTRACE_LISTEN, thread, 0)
}

/// Lets a stopped thread go on, and traces it no longer.
pub(super) fn let_go(thread: Pid) -> nix::Result<()> {
    call(libc::PTRACE_DETACH, thread, 0)
}

/// What its event is about: the new process or thread, or the status with which it ends.
pub(super) fn message(thread: Pid) -> nix::Result<c_ulong> {
    let mut message: c_ulong = 0;
    call(
        libc::PTRACE_GETEVENTMSG,
        thread,
        (&raw mut message).expose_provenance(),
    )?;
    Ok(message)
}

#[cfg(target_env = "musl")]
type Request = c_int;
#[cfg(not(target_env = "musl"))]
type Request = std::ffi::c_uint;

fn call(request: Request, pid: Pid, data: usize) -> nix::Result<()> {
    // SAFETY: of the requests above, `PTRACE_GETEVENTMSG` alone writes here, a number to where
    // `data` points: `message` gives it the place of one that lives until this returns. The
    // others take `data` as a number, and none reads the address.
    let result = unsafe { libc::ptrace(request, pid.as_raw(), 0_usize, data) };
    nix::errno::Errno::result(result).map(drop)
}

/// Waits for the next event of a thread that this thread traces; `None` when it traces none.
///
/// Children of this process's other threads are left to them: `__WNOTHREAD` of wait(2).
pub(super) fn next() -> io::Result<Option<(Pid, Event)>> {
    let all_of_this_thread = (libc::__WALL | libc::__WNOTHREAD).cast_unsigned();
    let options = WaitOptions::from_bits_retain(all_of_this_thread);
    loop {
        return match rustix::process::wait(options) {
            Ok(Some((thread, status))) => {
                let thread = Pid::from_raw(thread.as_raw_nonzero().get());
                Ok(Some((thread, event(status.as_raw()))))
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => continue,
            Err(rustix::io::Errno::CHILD) => Ok(None),
            Err(error) => Err(error.into()),
        };
    }
}

fn event(status: c_int) -> Event {
    if !libc::WIFSTOPPED(status) {
        return Event::Gone(status);
    }
    let signal = libc::WSTOPSIG(status);
    match status >> 16 {
        libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_CLONE => Event::Started {
            in_its_memory: false,
        },
        libc::PTRACE_EVENT_VFORK => Event::Started {
            in_its_memory: true,
        },
        libc::PTRACE_EVENT_EXEC => Event::Executed,
        libc::PTRACE_EVENT_EXIT => Event::Ends,
        // That of a stop by job control is the signal that caused it.
        EVENT_STOP if signal != libc::SIGTRAP => Event::Stopped,
        0 => Event::Signal(signal),
        _ => Event::Trap,
    }
}
