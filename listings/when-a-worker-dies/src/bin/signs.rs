//! By what a parent can tell that a worker has ended, and that it has not.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{ForkResult, Pid, fork};
use rustix::process::{PidfdFlags, pidfd_open};

struct Worker {
    process: Pid,
    pidfd: OwnedFd,
    socket: UnixStream,
}

fn main() -> ExitCode {
    command_line::run(|_: Arguments| look_at_each())
}

fn look_at_each() -> io::Result<()> {
    start(false)?.look("waiting", None)?;
    start(false)?.look("stopped", Some(Signal::SIGSTOP))?;
    start(false)?.look("killed", Some(Signal::SIGKILL))?;
    start(true)?.look("killed, with a child", Some(Signal::SIGKILL))
}

/// A worker that waits for work; with a child, that is a copy of it and waits as well.
fn start(with_child: bool) -> io::Result<Worker> {
    let (mut ours, theirs) = UnixStream::pair()?;
    // SAFETY: this process has one thread, so the child may do all that it may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(ours);
            if with_child {
                // SAFETY: as above. Both copies go on from here.
                let _ = unsafe { fork() };
            }
            let served = serve(theirs);
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(i32::from(served.is_err())) }
        }
        ForkResult::Parent { child } => {
            drop(theirs);
            // It is ready, and so is its child.
            ours.read_exact(&mut [0; 2][..1 + usize::from(with_child)])?;
            let pid = rustix::process::Pid::from_raw(child.as_raw());
            let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
            Ok(Worker {
                process: child,
                pidfd: pidfd_open(pid, PidfdFlags::empty())?,
                socket: ours,
            })
        }
    }
}

fn serve(mut socket: UnixStream) -> io::Result<()> {
    socket.write_all(&[1])?;
    while socket.read(&mut [0])? > 0 {}
    Ok(())
}

impl Worker {
    /// Sends it a signal, and prints what each of three places says of it then.
    fn look(self, what: &str, signal: Option<Signal>) -> io::Result<()> {
        if let Some(signal) = signal {
            kill(self.process, signal)?;
        }
        // Long enough for each of them to say something.
        thread::sleep(Duration::from_millis(200));
        let mut both =
            [self.socket.as_fd(), self.pidfd.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        poll(&mut both, PollTimeout::ZERO)?;
        let [socket, pidfd] = both.map(|fd| match fd.any() {
            Some(true) => "readable",
            _ => "silent",
        });
        let changes = WaitPidFlag::WEXITED | WaitPidFlag::WSTOPPED;
        // Its number stays its own until it is waited for below.
        let leave = WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let status = match waitid(Id::Pid(self.process), changes | leave)? {
            WaitStatus::StillAlive => "nothing".to_owned(),
            WaitStatus::Stopped(_, signal) => format!("stopped by {signal}"),
            WaitStatus::Signaled(_, signal, _) => format!("killed by {signal}"),
            other => format!("{other:?}"),
        };
        println!("{what:<21} socket: {socket:<9} pidfd: {pidfd:<9} waitid: {status}");
        // One that is still there goes; a copy of it reads the end of the socket.
        let _ = kill(self.process, Signal::SIGKILL);
        let _ = waitid(Id::Pid(self.process), WaitPidFlag::WEXITED);
        Ok(())
    }
}

/// Stops or kills workers, and prints what their socket, their pidfd and waitid(2) say
#[derive(Parser)]
struct Arguments {}
