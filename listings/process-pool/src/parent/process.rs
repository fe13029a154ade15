//! A worker's process, as the parent of its pool sees it: killed, and waited for.

use std::sync::Arc;

use crate::error::Ending;
use crate::parent::fork_server::{ForkServer, Forked};
use crate::pidfd::PidFd;

/// Whose child it is decides who may reap it.
#[derive(Debug)]
pub(crate) enum Process {
    /// This process's own.
    Child(PidFd),
    /// The fork server's, which reports how it ended, and stays while it has workers.
    ForkedByServer {
        forked: Forked,
        _server: Arc<ForkServer>,
    },
}

impl Process {
    /// A descriptor to watch and kill it by, also where another process reaps it.
    pub fn pidfd(&self) -> &PidFd {
        match self {
            Self::Child(pidfd) => pidfd,
            Self::ForkedByServer { forked, .. } => &forked.process,
        }
    }

    /// Waits until it has ended and been reaped, and tells how it ended.
    pub fn reap(&self) -> Ending {
        match self {
            Self::Child(pidfd) => pidfd
                .reap()
                .map_or(Ending::AlreadyReaped, Ending::of_status),
            Self::ForkedByServer { forked, .. } => forked
                .ending()
                .map_or(Ending::ServerGone, Ending::of_status),
        }
    }
}
