//! Starting this program anew: a spawned worker, or a fork server.

use std::env;
use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use nix::libc::STDIN_FILENO;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, gettid};

use crate::pidfd::PidFd;
use crate::wire::channel::Channel;

/// Not the path that the program was started by: that file may be another by now, and a
/// worker must be the same program as its parent.
const THIS_PROGRAM: &str = "/proc/self/exe";

// ANCHOR: spawn
/// Starts this program with `flag`, the number of its socket and `arguments`. It serves the
/// other end of the channel that is returned.
///
/// posix_spawn(3) does not copy the parent's page tables. The socket keeps its number, so
/// that it takes the place of no descriptor that the program inherits; standard input is
/// empty, since code above the guard may read it.
pub(super) fn start_again(
    flag: &str,
    name: &str,
    arguments: &[String],
    deadline: Option<Duration>,
) -> io::Result<(PidFd, Channel)> {
    let (ours, theirs) = Channel::pair()?;
    let theirs: OwnedFd = theirs.into_socket();
    let socket = theirs.as_raw_fd();
    let mut actions = PosixSpawnFileActions::init()?;
    let nothing = File::open("/dev/null")?;
    actions.add_dup2(nothing.as_raw_fd(), STDIN_FILENO)?;
    // To its own number: it stays open in the new program, and in no other.
    actions.add_dup2(socket, socket)?;

    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_sigmask(&SigSet::empty())?;
    attributes.set_sigdefault(&SigSet::from(Signal::SIGPIPE))?;
    attributes.set_flags(
        PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF,
    )?;

    let mut command = vec![THIS_PROGRAM.to_owned(), flag.to_owned(), socket.to_string()];
    command.extend_from_slice(arguments);
    let command: Vec<CString> = command
        .into_iter()
        .map(CString::new)
        .collect::<Result<_, _>>()?;
    let environment = environment(name)?;
    let spawn = || posix_spawn(THIS_PROGRAM, &actions, &attributes, &command, &environment);
    let child = match deadline {
        None => spawn(),
        Some(deadline) => watched(deadline, spawn)?,
    }?;
    // It ends when it reads that nothing more will come.
    let pidfd = PidFd::open_or_stop(child, || ours.finish_sending())?;
    Ok((pidfd, ours))
}
// ANCHOR_END: spawn

/// posix_spawn(3) returns when the new process executes its program. One that is stopped
/// before it does (signal(7), SIGSTOP) would keep this thread for ever, so that another
/// thread kills it at the deadline.
fn watched<T>(deadline: Duration, spawn: impl FnOnce() -> T) -> io::Result<T> {
    let spawner = gettid();
    let others = children(spawner);
    let (returns, returned) = mpsc::channel::<()>();
    thread::scope(|scope| {
        thread::Builder::new().spawn_scoped(scope, move || {
            if returned.recv_timeout(deadline) == Err(RecvTimeoutError::Timeout) {
                let new = children(spawner).into_iter();
                new.filter(|child| !others.contains(child))
                    .for_each(|child| PidFd::open(child).iter().for_each(PidFd::kill));
            }
        })?;
        let spawned = spawn();
        drop(returns);
        Ok(spawned)
    })
}

/// The children that a thread of this process has started (proc_tid_children(5)).
fn children(thread: Pid) -> Vec<Pid> {
    let children = fs::read_to_string(format!("/proc/self/task/{thread}/children"));
    let children = children.unwrap_or_default();
    let pids = children.split(' ').filter_map(|pid| pid.parse().ok());
    pids.map(Pid::from_raw).collect()
}

/// This process's environment, with the name that the new one prints.
fn environment(name: &str) -> io::Result<Vec<CString>> {
    let named = (OsStr::new(mem_trace::NAME_VARIABLE).to_owned(), name.into());
    env::vars_os()
        .filter(|(key, _)| key != mem_trace::NAME_VARIABLE)
        .chain([named])
        .map(|(key, value)| {
            Ok(CString::new(
                [key.as_bytes(), b"=", value.as_bytes()].concat(),
            )?)
        })
        .collect()
}
