//! What the main process of a run, or of a build, does between fork and exec. Beside other
//! threads' locks that stay as they were, it makes system calls alone: it takes no lock and
//! allocates nothing.

use std::ffi::c_uint;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::libc;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::observer::Candidate;
use super::run_id::RunId;

/// Has the main process of a run take its mark and its limit, and wait for its observer, where
/// there is one.
pub(super) fn begin_run(
    command: &mut Command,
    id: RunId,
    data_limit: Option<u64>,
    candidate: Option<Candidate>,
) {
    let tool = Pid::this();
    let begin = move || {
        begin_as_child_of(tool, id)?;
        inherit_no_descriptors();
        if let Some(bytes) = data_limit {
            setrlimit(Resource::RLIMIT_DATA, bytes, bytes)?;
        }
        candidate.as_ref().map_or(Ok(()), Candidate::wait)
    };
    // SAFETY: each of these makes system calls alone.
    unsafe { command.pre_exec(begin) };
}

/// Has the main process of a build, or of a tool that makes a file, take its mark.
pub(super) fn begin_build(command: &mut Command, id: RunId) {
    let tool = Pid::this();
    // SAFETY: it makes system calls alone.
    unsafe { command.pre_exec(move || begin_as_child_of(tool, id)) };
}

/// Takes the run's mark, and asks to be killed with `tool`. The signal comes when the *thread*
/// that forked this process ends (PR_SET_PDEATHSIG(2const)): the thread that forks here goes on
/// until the process is reaped.
fn begin_as_child_of(tool: Pid, id: RunId) -> io::Result<()> {
    id.mark_this_process()?;
    set_pdeathsig(Signal::SIGKILL)?;
    // A tool that was killed before that sends no signal any more.
    if Pid::parent() == tool {
        Ok(())
    } else {
        Err(nix::Error::ECHILD.into())
    }
}

/// Has every descriptor but those of input, output and errors closed at exec: of what started
/// this tool, a run sees none.
fn inherit_no_descriptors() {
    let (first, last): (c_uint, c_uint) = (3, c_uint::MAX);
    // SAFETY: close_range(2) takes three numbers, and with this flag closes nothing yet.
    unsafe {
        // A kernel before 5.11 does not know it, and a run then inherits what this tool has.
        libc::syscall(
            libc::SYS_close_range,
            first,
            last,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
}
