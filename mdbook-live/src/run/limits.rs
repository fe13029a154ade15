//! What of the machine this process, and so its runs, may use: processors, memory, system calls.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::sys::statvfs::statvfs;
use nix::unistd::{Pid, Uid, User};

use crate::record::report::Limits;

/// What this process may use; `run_memory` is what its runs are left of the memory, in bytes.
///
/// # Errors
///
/// When the kernel does not say on which processors it may run.
pub fn limits(run_memory: Option<u64>) -> Result<Limits> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).context("cannot ask for the processors")?;
    let processors = (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu) == Ok(true));
    let cgroups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let shm = statvfs("/dev/shm").ok();
    Ok(Limits {
        processors: processors.count(),
        cpu_quota: cpu_quota(Path::new("/sys/fs/cgroup"), &cgroups),
        cgroup_memory_mib: cgroup_memory(Path::new("/sys/fs/cgroup"), &cgroups)
            .map(|bytes| bytes >> 20),
        run_memory_mib: run_memory.map(|bytes| bytes >> 20),
        shm_mib: shm.map(|shm| (shm.blocks() * shm.fragment_size()) >> 20),
        seccomp: seccomp(&fs::read_to_string("/proc/self/status").unwrap_or_default()).to_owned(),
        overcommit: overcommit().to_owned(),
    })
}

/// Words that say whose machine this is: its name and its user's.
pub fn private_words() -> Vec<String> {
    let host = nix::sys::utsname::uname().ok();
    let host = host.map(|host| host.nodename().to_string_lossy().into_owned());
    let user = User::from_uid(Uid::current()).ok().flatten();
    let user = user.map(|user| user.name);
    // Every system has these.
    let common = ["root", "localhost"];
    let words = host.into_iter().chain(user);
    words
        .filter(|word| !common.contains(&word.as_str()))
        .collect()
}

/// The folders of this process's cgroup and of those that it is in, from the innermost: of the
/// hierarchy of that controller (cgroups(7)), or of the one hierarchy of version 2.
fn folders(mount: &Path, cgroups: &str, controller: &str) -> Vec<std::path::PathBuf> {
    let mut folders = Vec::new();
    for line in cgroups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let top = if controllers.is_empty() {
            mount.to_owned()
        } else if controllers.split(',').any(|known| known == controller) {
            mount.join(controllers)
        } else {
            continue;
        };
        // Inside a container the path may be one of outside, and the mount what is seen of it.
        let inner = top.join(path.trim_start_matches('/'));
        let own = inner
            .ancestors()
            .take_while(|folder| folder.starts_with(&top));
        folders.extend(own.map(Path::to_owned));
    }
    folders
}

fn cgroup_memory(mount: &Path, cgroups: &str) -> Option<u64> {
    /// Version 1 says "no limit" with the largest number of pages that there is.
    const NO_LIMIT: u64 = 1 << 62;
    let limits = folders(mount, cgroups, "memory")
        .into_iter()
        .flat_map(|folder| ["memory.max", "memory.limit_in_bytes"].map(|file| folder.join(file)));
    let limits = limits.filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    limits.filter(|limit| *limit < NO_LIMIT).min()
}

/// Of how many processors the time is allowed, in hundredths.
fn cpu_quota(mount: &Path, cgroups: &str) -> Option<f64> {
    let read = |folder: &Path, file: &str| fs::read_to_string(folder.join(file)).ok();
    let quotas = folders(mount, cgroups, "cpu")
        .into_iter()
        .filter_map(|folder| {
            let text = match read(&folder, "cpu.max") {
                Some(text) => text,
                None => {
                    let quota = read(&folder, "cpu.cfs_quota_us")?;
                    format!("{} {}", quota.trim(), read(&folder, "cpu.cfs_period_us")?)
                }
            };
            let (quota, period) = text.trim().split_once(' ')?;
            let quota: f64 = quota.parse().ok()?;
            let period: f64 = period.parse().ok()?;
            (quota > 0.0 && period > 0.0).then(|| (quota / period * 100.0).round() / 100.0)
        });
    quotas.min_by(f64::total_cmp)
}

/// The mode that `/proc/self/status` names (proc_pid_status(5)).
fn seccomp(status: &str) -> &'static str {
    let mode = status
        .lines()
        .find_map(|line| line.strip_prefix("Seccomp:"));
    match mode.map(str::trim) {
        Some("0") => "none",
        Some("1") => "strict",
        Some("2") => "filter",
        _ => "unknown",
    }
}

/// The mode of `vm.overcommit_memory` (proc_sys_vm(5)).
fn overcommit() -> &'static str {
    let mode = fs::read_to_string("/proc/sys/vm/overcommit_memory");
    match mode.unwrap_or_default().trim() {
        "0" => "heuristic",
        "1" => "always",
        "2" => "never",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        dir
    }

    #[test]
    fn this_process_is_told_what_it_may_use() {
        let limits = limits(Some(4 << 30)).expect("it can be asked");
        assert!(limits.processors > 0);
        assert_eq!(limits.run_memory_mib, Some(4096));
        assert!(["none", "filter"].contains(&limits.seccomp.as_str()));
    }

    #[test]
    fn the_least_of_the_cgroups_limits_counts_in_both_versions() {
        let two = mount(&[
            ("box/memory.max", "8589934592\n"),
            ("box/cpu.max", "150000 100000\n"),
            ("memory.max", "4294967296\n"),
        ]);
        let cgroups = "0::/box\n";
        assert_eq!(cgroup_memory(two.path(), cgroups), Some(4 << 30));
        assert_eq!(cpu_quota(two.path(), cgroups), Some(1.5));

        let one = mount(&[
            ("memory/box/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/memory.limit_in_bytes", "1073741824\n"),
            ("cpu/cpu.cfs_quota_us", "-1\n"),
            ("cpu/cpu.cfs_period_us", "100000\n"),
        ]);
        let cgroups = "4:memory:/box\n1:cpu:/\n0::/\n";
        assert_eq!(cgroup_memory(one.path(), cgroups), Some(1 << 30));
        assert_eq!(cpu_quota(one.path(), cgroups), None);
        assert_eq!(cgroup_memory(one.path(), ""), None);
    }

    #[test]
    fn a_filter_of_system_calls_is_told() {
        assert_eq!(
            seccomp("Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n"),
            "filter"
        );
        assert_eq!(seccomp("Seccomp:\t0\n"), "none");
        assert_eq!(seccomp(""), "unknown");
    }
}
