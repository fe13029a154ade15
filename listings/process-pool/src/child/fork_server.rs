//! The fork server's loop: it forks a worker for each order, and reaps it.

use std::io::{self, Write};
use std::os::fd::AsFd;

use nix::libc;
use nix::poll::{PollFd, PollFlags};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{ForkResult, Pid, getpid};
use serde::Serialize;

use crate::child::{standard_input, worker};
use crate::fork::{AbortOnUnwind, fork};
use crate::pidfd::{PidFd, poll_until};
use crate::wire::channel::Channel;
use crate::wire::message::{Descriptor, Message};
use crate::wire::protocol::{Ended, Order, Refusal, Started};

/// A worker that the server has forked and not yet reaped.
struct Forked {
    pid: Pid,
    reports: Channel,
}

/// Forks a worker for each order until the other end of `orders` is closed, then ends
/// this process. It has one thread, unless the code above the guard has started another:
/// [`fork`] looks each time.
pub(crate) fn serve(mut orders: Channel) -> ! {
    standard_input::put_nothing();
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
        if poll_until(&mut fds, None).is_err() {
            exit(libc::EXIT_FAILURE);
        }
        let [ordered, ended] = fds.map(|fd| fd.any().unwrap_or(false));
        if ended {
            // One signal may be for several children: all are looked at.
            let _ = endings.read_signal();
            forked.retain(|worker| !reap(worker));
        }
        if !ordered {
            continue;
        }
        // It comes with descriptors, so that nothing of the next one is read with it.
        // The end of the stream, or nonsense: no order can follow.
        let Ok(Some(message)) = orders.receive() else {
            exit(libc::EXIT_SUCCESS);
        };
        let Ok(order) = message.decode::<Order>() else {
            exit(libc::EXIT_FAILURE);
        };
        let (Ok(socket), Ok(reports)) = (order.socket.into_owned(), order.reports.into_owned())
        else {
            // Without its ends the parent reads that the server is gone for it.
            continue;
        };
        let (channel, reports) = (Channel::from_socket(socket), Channel::from_socket(reports));
        // ANCHOR: fork
        let server = getpid();
        match fork() {
            Ok(ForkResult::Parent { child }) => {
                // A child that has not been reaped: the number is its own.
                let started = PidFd::open(child)
                    .and_then(PidFd::into_owned)
                    .map(Descriptor::from)
                    .map_err(|error| Refusal::System(error.raw_os_error().unwrap_or(0)));
                report(&reports, &Started(started));
                forked.push(Forked {
                    pid: child,
                    reports,
                });
            }
            Ok(ForkResult::Child) => {
                let _guard = AbortOnUnwind;
                // A worker holds nothing of its server, nor of its siblings.
                drop((orders, endings, forked, reports));
                if let Ok(handler) = interrupt {
                    // SAFETY: what was there before; this program has set none.
                    let _ = unsafe { signal(Signal::SIGINT, handler) };
                }
                let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&mask), None);
                mem_trace::set_name(order.name);
                worker::serve(channel, server)
            }
            Err(refusal) => report(&reports, &Started(Err(refusal))),
        }
        // ANCHOR_END: fork
    }
}

/// Reaps a worker that has ended, and reports how.
fn reap(worker: &Forked) -> bool {
    let mut status = 0;
    // SAFETY: `status` is a place for the status; the raw one is what is reported.
    let reaped = unsafe { libc::waitpid(worker.pid.as_raw(), &mut status, libc::WNOHANG) };
    if reaped != worker.pid.as_raw() {
        return false;
    }
    report(&worker.reports, &Ended { status });
    true
}

fn report<T: Serialize>(reports: &Channel, value: &T) {
    if let Ok(message) = Message::encode(value) {
        // Nobody reads it where the pool is gone.
        let _ = reports.send(&message);
    }
}

fn exit(code: i32) -> ! {
    // What the code above the guard printed, where no fork has flushed it.
    let _ = io::stdout().flush();
    // SAFETY: `_exit` has no preconditions. Exit handlers are for the program to run,
    // which this process never became.
    unsafe { libc::_exit(code) }
}
