//! Which process is this? The one place that reads the arguments which decide it.

use std::env;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::process;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::Pid;

use crate::child::{fork_server, worker};
use crate::registry::{self, Tasks};
use crate::wire::channel::Channel;
use crate::wire::protocol::{SERVER_FLAG, WORKER_FLAG};

impl Tasks {
    /// In a spawned worker: runs tasks and never returns. In a fork server: forks
    /// workers and never returns. Elsewhere: returns at once. The code above
    /// this call in `main` runs in every spawned worker, and once in a fork server, too;
    /// the code below it runs in the parent alone.
    ///
    /// # Panics
    ///
    /// If it is called a second time: a worker has to know all tasks at once.
    pub fn serve_if_worker(self) {
        registry::register(self);
        let mut arguments = env::args_os().skip(1);
        let Some(flag) = arguments
            .next()
            .filter(|first| first == WORKER_FLAG || first == SERVER_FLAG)
        else {
            return;
        };
        let Some(channel) = arguments.next().and_then(|fd| channel_of(fd.to_str()?)) else {
            let flag = flag.display();
            eprintln!("{flag} is for a pool's processes: expected the number of a socket");
            process::exit(2);
        };
        if flag == SERVER_FLAG {
            fork_server::serve(channel);
        }
        let parent = arguments.next().and_then(|pid| pid.to_str()?.parse().ok());
        worker::serve(channel, Pid::from_raw(parent.unwrap_or(0)))
    }
}

/// The socket that a pool gave this process, by its number, if it is one.
fn channel_of(number: &str) -> Option<Channel> {
    let number: RawFd = number.parse().ok().filter(|number| *number > 2)?;
    // SAFETY: it is borrowed to ask whether it is open and what it is; fstat(2) and
    // fcntl(2) refuse a number that is not open.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    let kind = SFlag::from_bits_truncate(fstat(fd).ok()?.st_mode) & SFlag::S_IFMT;
    if kind != SFlag::S_IFSOCK {
        return None;
    }
    // No program that a task starts is to have it.
    fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok()?;
    // SAFETY: the pool started this process with this socket and named it once, in the
    // arguments that are read here alone: nothing else owns it.
    Some(Channel::from_socket(unsafe {
        OwnedFd::from_raw_fd(number)
    }))
}
