//! Which limit a refusal of the system was about, and how much of it is in use.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

/// The limit that `error` was about: its name, how much there may be and how much there
/// is; none where nothing can be said (getrlimit(2), cgroups(7)).
pub(super) fn reached(error: &io::Error) -> Option<String> {
    match Errno::from_raw(error.raw_os_error()?) {
        Errno::EMFILE => {
            let limit = soft(Resource::RLIMIT_NOFILE)?;
            // The folder that is read is open, too, where it could be opened.
            let open = fs::read_dir("/proc/self/fd")
                .ok()
                .map(|fds| fds.count() - 1);
            let open = open.map_or_else(|| "all".to_owned(), |open| open.to_string());
            Some(format!(
                "ulimit -n: at most {limit} open files, {open} are open; a worker takes up to 4"
            ))
        }
        Errno::EAGAIN => {
            let limits: Vec<String> = [
                soft(Resource::RLIMIT_NPROC).map(|limit| {
                    format!("ulimit -u: at most {limit} processes and threads of this user")
                }),
                processes_of_cgroup(),
            ]
            .into_iter()
            .flatten()
            .collect();
            (!limits.is_empty()).then(|| limits.join("; "))
        }
        Errno::ENOMEM => {
            let limit = soft(Resource::RLIMIT_AS)?;
            let used = fs::read_to_string("/proc/self/statm").ok()?;
            let pages: u64 = used.split(' ').next()?.parse().ok()?;
            let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
            Some(format!(
                "ulimit -v: at most {} MB of address space, this process has {} MB",
                limit >> 20,
                (pages * page as u64) >> 20
            ))
        }
        _ => None,
    }
}

fn soft(resource: Resource) -> Option<u64> {
    let (soft, _) = getrlimit(resource).ok()?;
    (soft != RLIM_INFINITY).then_some(soft)
}

fn processes_of_cgroup() -> Option<String> {
    let (folder, _) = Cgroup::folder("pids")?;
    let limit: u64 = number(&format!("{folder}/pids.max"))?;
    let current: u64 = number(&format!("{folder}/pids.current"))?;
    Some(format!(
        "its cgroup: at most {limit} processes and threads, {current} are there"
    ))
}

/// The memory of the cgroup that this process and its workers are in.
#[derive(Debug)]
pub(super) struct Cgroup {
    /// Where its limit and its count of killed processes are.
    limit: String,
    events: String,
    /// How many there were when somebody last looked.
    kills_seen: AtomicU64,
}

impl Cgroup {
    /// The cgroup as it is now; none where the system does not tell.
    pub fn now() -> Option<Self> {
        let (folder, version) = Self::folder("memory")?;
        let [limit, events] = match version {
            1 => ["memory.limit_in_bytes", "memory.oom_control"],
            _ => ["memory.max", "memory.events"],
        }
        .map(|file| format!("{folder}/{file}"));
        let kills_seen = kills(&events)?.into();
        Some(Self {
            limit,
            events,
            kills_seen,
        })
    }

    /// How many of its processes were killed for want of memory since this was last asked,
    /// or since [`now`](Self::now), and its limit in bytes; none where there were none.
    pub fn kills(&self) -> Option<(u64, Option<u64>)> {
        let kills = kills(&self.events)?;
        let new = kills.saturating_sub(self.kills_seen.swap(kills, Ordering::Relaxed));
        // Without a limit version 1 gives the largest number of whole pages.
        let limit = number(&self.limit).filter(|limit| *limit < 1 << 60);
        (new > 0).then_some((new, limit))
    }

    /// The folder of this process's cgroup for a controller, and whether it is one of
    /// version 1 or 2. A line is `0::PATH` for version 2, `N:CONTROLLERS:PATH` for
    /// version 1 (cgroups(7), /proc/pid/cgroup).
    fn folder(controller: &str) -> Option<(String, u8)> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        groups.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            let path = path.trim_end_matches('/');
            if controllers.split(',').any(|named| named == controller) {
                return Some((format!("/sys/fs/cgroup/{controller}{path}"), 1));
            }
            let v2 = format!("/sys/fs/cgroup{path}");
            let there = controllers.is_empty()
                && fs::exists(format!("{v2}/{controller}.max")).is_ok_and(|there| there);
            there.then_some((v2, 2))
        })
    }
}

fn kills(events: &str) -> Option<u64> {
    let events = fs::read_to_string(events).ok()?;
    let line = events
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill "))?;
    line.trim().parse().ok()
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
