//! Which process is this? The one place that reads the arguments which decide it.

use std::env;
use std::io;
use std::os::fd::AsFd;
use std::process;

use nix::sys::stat::{SFlag, fstat};

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
        let Some(channel) = channel_of_standard_input() else {
            let flag = flag.display();
            eprintln!("{flag} is for a pool's processes: standard input must be its socket");
            process::exit(2);
        };
        if flag == SERVER_FLAG {
            fork_server::serve(channel);
        }
        let parent = arguments.next().and_then(|pid| pid.to_str()?.parse().ok());
        worker::serve(channel, parent)
    }
}

/// The socket that a pool gave this process as its standard input, if one did.
fn channel_of_standard_input() -> Option<Channel> {
    let stdin = io::stdin();
    let kind = SFlag::from_bits_truncate(fstat(&stdin).ok()?.st_mode) & SFlag::S_IFMT;
    if kind != SFlag::S_IFSOCK {
        return None;
    }
    stdin
        .as_fd()
        .try_clone_to_owned()
        .ok()
        .map(Channel::from_socket)
}
