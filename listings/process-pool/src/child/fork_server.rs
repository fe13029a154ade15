//! The fork server's loop: it forks a worker for each order, and reaps it.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{ForkResult, Pid, dup2_stdin, fork, getpid};

use crate::child::worker;
use crate::wire::channel::Channel;
use crate::wire::protocol::Order;

/// A worker that the server has forked and not yet reaped.
struct Forked {
    pid: Pid,
    reports: File,
}

impl Forked {
    fn report(&mut self, number: i32) {
        // Nobody reads it where the pool is gone.
        let _ = self.reports.write_all(&number.to_ne_bytes());
    }
}

/// Forks a worker for each order until nobody is left who could send one, then ends
/// this process, which has one thread from its first line to its last.
pub(crate) fn serve(orders: Channel) -> ! {
    if let Ok(nothing) = File::open("/dev/null") {
        let _ = dup2_stdin(nothing);
    }
    // Ctrl-C goes to the whole group: its parent decides what becomes of the workers.
    // SAFETY: neither installs a handler.
    let interrupt = unsafe { signal(Signal::SIGINT, SigHandler::SigIgn) };
    // Where the parent ignores SIGCHLD, this program began ignoring it (execve(2)), and
    // would never learn how a worker ended (wait(2)).
    // SAFETY: as above.
    let _ = unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) };
    let child_ended = SigSet::from(Signal::SIGCHLD);
    let mut mask = SigSet::empty();
    let _ = sigprocmask(SigmaskHow::SIG_BLOCK, Some(&child_ended), Some(&mut mask));
    let Ok(endings) = SignalFd::with_flags(&child_ended, SfdFlags::SFD_CLOEXEC) else {
        exit(libc::EXIT_FAILURE);
    };

    let mut forked: Vec<Forked> = Vec::new();
    loop {
        let mut fds = [
            PollFd::new(orders.socket().as_fd(), PollFlags::POLLIN),
            PollFd::new(endings.as_fd(), PollFlags::POLLIN),
        ];
        if let Err(error) = poll(&mut fds, PollTimeout::NONE)
            && error != Errno::EINTR
        {
            exit(libc::EXIT_FAILURE);
        }
        let [ordered, ended] = fds.map(|fd| fd.any().unwrap_or(false));
        if ended {
            // One signal may stand for several children: all are looked at.
            let _ = endings.read_signal();
            forked.retain_mut(|worker| !reap(worker));
        }
        if !ordered {
            continue;
        }
        // The end of the stream, or nonsense: there is nobody to serve.
        let Ok(Some(message)) = orders.receive() else {
            exit(libc::EXIT_SUCCESS);
        };
        match message.decode() {
            Ok(Order::Kill { pid }) => {
                if forked.iter().any(|worker| worker.pid.as_raw() == pid) {
                    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                }
            }
            Ok(Order::Fork {
                name,
                socket,
                reports,
            }) => {
                let (Ok(socket), Ok(reports)) = (socket.into_owned(), reports.into_owned()) else {
                    // Without its ends the parent reads that the server is gone for it.
                    continue;
                };
                // ANCHOR: fork
                let mut worker = Forked {
                    pid: Pid::from_raw(0),
                    reports: File::from(reports),
                };
                let server = getpid();
                // SAFETY: this process has one thread, which is in none of the standard
                // library's locks, so the child may do whatever its parent may (fork(2)).
                match unsafe { fork() } {
                    Ok(ForkResult::Parent { child }) => {
                        worker.pid = child;
                        worker.report(child.as_raw());
                        forked.push(worker);
                    }
                    Ok(ForkResult::Child) => {
                        // A worker holds nothing of its server, nor of its siblings.
                        drop((orders, endings, forked, worker));
                        if let Ok(handler) = interrupt {
                            // SAFETY: what was there before; this program has set none.
                            let _ = unsafe { signal(Signal::SIGINT, handler) };
                        }
                        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&mask), None);
                        mem_trace::set_name(name);
                        let channel = Channel::from_socket(socket);
                        worker::serve(channel, Some(server.as_raw()))
                    }
                    Err(errno) => worker.report(-(errno as i32)),
                }
                // ANCHOR_END: fork
            }
            Err(_) => exit(libc::EXIT_FAILURE),
        }
    }
}

/// Reaps a worker that has ended, and reports how.
fn reap(worker: &mut Forked) -> bool {
    let mut status = 0;
    // SAFETY: `status` is a place for the status; the raw one is what is reported.
    let reaped = unsafe { libc::waitpid(worker.pid.as_raw(), &mut status, libc::WNOHANG) };
    if reaped != worker.pid.as_raw() {
        return false;
    }
    worker.report(status);
    true
}

fn exit(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions. There is nothing to flush or to destroy.
    unsafe { libc::_exit(code) }
}
