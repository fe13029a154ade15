//! Which limit a refusal of the system was about, and how much of it is in use.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use mem_trace::{mebibytes, used_address_space};
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
                "ulimit -n: at most {limit} open files, {open} are open; a worker takes up to 6"
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
            let used = used_address_space()?;
            Some(format!(
                "ulimit -v: at most {} MB of address space, this process has {} MB",
                mebibytes(limit),
                mebibytes(used)
            ))
        }
        _ => None,
    }
}

fn soft(resource: Resource) -> Option<u64> {
    let (soft, _) = getrlimit(resource).ok()?;
    (soft != RLIM_INFINITY).then_some(soft)
}

/// Where the system tells of cgroups (cgroups(7)).
const OF_THIS_PROCESS: &str = "/proc/self/cgroup";
const ROOT: &str = "/sys/fs/cgroup";

fn processes_of_cgroup() -> Option<String> {
    let groups = fs::read_to_string(OF_THIS_PROCESS).ok()?;
    let (folder, _) = Cgroup::folder(&groups, ROOT, "pids")?;
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
        let groups = fs::read_to_string(OF_THIS_PROCESS).ok()?;
        Self::of(&groups, ROOT)
    }

    fn of(groups: &str, root: &str) -> Option<Self> {
        let (folder, version) = Self::folder(groups, root, "memory")?;
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

    /// The folder below `root` of a process's cgroup for a controller, and whether it is one
    /// of version 1 or 2. A line of `groups` is `0::PATH` for version 2,
    /// `N:CONTROLLERS:PATH` for version 1 (cgroups(7), /proc/pid/cgroup).
    fn folder(groups: &str, root: &str, controller: &str) -> Option<(String, u8)> {
        groups.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            let path = path.trim_end_matches('/');
            if controllers.split(',').any(|named| named == controller) {
                return Some((format!("{root}/{controller}{path}"), 1));
            }
            let v2 = format!("{root}{path}");
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a cgroup with these files tells when three processes have been killed in it.
    fn told(groups: &str, files: [(&str, &str); 2], events: &str) -> Option<(u64, Option<u64>)> {
        let root = std::env::temp_dir().join(format!("cgroup-{}-{events}", std::process::id()));
        let file = |name: &str| root.join(name.trim_start_matches('/'));
        for (name, text) in files {
            fs::create_dir_all(file(name).parent().expect("a folder")).expect("create");
            fs::write(file(name), text).expect("write");
        }
        let cgroup = Cgroup::of(groups, root.to_str().expect("text")).expect("a cgroup");
        assert_eq!(cgroup.kills(), None);
        let (name, text) = files[1];
        fs::write(file(name), text.replace("oom_kill 4", "oom_kill 7")).expect("write");
        let told = cgroup.kills();
        assert_eq!(cgroup.kills(), None);
        fs::remove_dir_all(root).expect("clean");
        told
    }

    #[test]
    fn the_kills_of_either_version_are_counted_from_when_they_were_last_asked_for() {
        let v1 = told(
            "5:cpu,cpuacct:/other\n4:memory:/a/b\n0::/c\n",
            [
                ("memory/a/b/memory.limit_in_bytes", "104857600\n"),
                (
                    "memory/a/b/memory.oom_control",
                    "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
                ),
            ],
            "v1",
        );
        assert_eq!(v1, Some((3, Some(100 << 20))));
        let v2 = |limit| {
            told(
                "0::/a.slice/b.scope\n",
                [
                    ("a.slice/b.scope/memory.max", limit),
                    (
                        "a.slice/b.scope/memory.events",
                        "low 0\nhigh 0\nmax 9\noom 1\noom_kill 4\noom_group_kill 0\n",
                    ),
                ],
                "v2",
            )
        };
        assert_eq!(v2("104857600\n"), Some((3, Some(100 << 20))));
        assert_eq!(v2("max\n"), Some((3, None)));
    }
}
