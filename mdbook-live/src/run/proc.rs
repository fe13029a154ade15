//! What `/proc` says of processes.

use std::path::Path;

use anyhow::{Context, Result};
use nix::unistd::{Pid, SysconfVar, sysconf};

/// What matters of a process's `/proc/PID/stat`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stat {
    /// It has ended and waits to be reaped.
    pub(crate) zombie: bool,
    /// Its parent.
    pub(crate) parent: Pid,
    /// Its process group.
    pub(crate) group: Pid,
    /// When it began, in clock ticks since the boot: no two processes of one number share it.
    pub(crate) began: u64,
}

/// Whether this kernel lists the children of a process
/// (`CONFIG_PROC_CHILDREN`; it is on in the distributions' kernels).
pub(crate) fn children_are_listed() -> bool {
    Path::new("/proc/thread-self/children").exists()
}

/// The children of every thread of a process; none when it is gone.
pub(crate) fn children(pid: Pid) -> Vec<Pid> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    threads
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| {
            let pids = list.split_ascii_whitespace();
            pids.filter_map(|pid| pid.parse().ok().map(Pid::from_raw))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// A process and all that descend from it, parents before their children.
pub(crate) fn tree(root: Pid) -> Vec<Pid> {
    let mut pids = vec![root];
    let mut at = 0;
    while at < pids.len() {
        for child in children(pids[at]) {
            // A process that changes parents while this reads is not met twice.
            if !pids.contains(&child) {
                pids.push(child);
            }
        }
        at += 1;
    }
    pids
}

/// The name that the kernel has for a process; `None` when it is gone.
pub(crate) fn name(pid: Pid) -> Option<String> {
    let name = std::fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end().to_owned())
}

/// The name of the program that a process has executed; `None` when it is gone. It is that of
/// the file as it was named, which may be a script's or a link's.
pub(crate) fn program(pid: Pid) -> Option<String> {
    /// So many bytes of a name are kept: proc_pid_comm(5).
    const MOST: usize = 15;
    let name = name(pid)?;
    let file = std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    let file = file.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    // `/proc/self/exe`, and a descriptor in place of a name: fexecve(3).
    let says_nothing = name == "exe" || name.bytes().all(|byte| byte.is_ascii_digit());
    Some(match file {
        Some(file) if says_nothing || (name.len() == MOST && file.starts_with(&name)) => file,
        _ => name,
    })
}

/// The process of a thread, and that one's parent; `None` when it is gone.
pub(crate) fn family(thread: Pid) -> Option<(Pid, Pid)> {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let number = |key: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(key))?;
        value.trim().parse().ok().map(Pid::from_raw)
    };
    Some((number("Tgid:")?, number("PPid:")?))
}

/// What of a process is resident, in KiB (proc_pid_statm(5)); `None` when it is gone.
pub(crate) fn resident_kib(pid: Pid) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    let page = sysconf(SysconfVar::PAGE_SIZE).ok()??;
    Some(pages * u64::try_from(page).ok()? / 1024)
}

/// A process's state; `None` when it is gone.
pub(crate) fn stat(pid: Pid) -> Option<Stat> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name stands in parentheses and may have some itself: proc_pid_stat(5).
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let mut pid = || fields.next()?.parse().ok().map(Pid::from_raw);
    let (parent, group) = (pid()?, pid()?);
    Some(Stat {
        zombie: matches!(state, "Z" | "X"),
        parent,
        group,
        // Field 22; the group is field 5.
        began: fields.nth(16)?.parse().ok()?,
    })
}

/// Every process. Slower than [`tree`] and complete: a list of children may
/// lack some while their siblings end (proc_pid_task(5)).
pub(crate) fn all() -> Result<Vec<(Pid, Stat)>> {
    let entries = std::fs::read_dir("/proc").context("cannot list /proc")?;
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw));
    Ok(pids.filter_map(|pid| Some((pid, stat(pid)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_name_parent_and_state() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .expect("sleep starts");
        let pid = Pid::from_raw(child.id().cast_signed());
        // The parent goes on when the child's memory is new, a moment before its name is.
        while name(pid).is_some_and(|name| name != "sleep") {
            std::thread::yield_now();
        }
        assert_eq!(name(pid).as_deref(), Some("sleep"));
        assert!(children(Pid::this()).contains(&pid));
        assert!(tree(Pid::this()).contains(&pid));
        assert!(stat(pid).is_some_and(|stat| !stat.zombie && stat.parent == Pid::this()));
        assert!(
            all()
                .expect("/proc is there")
                .iter()
                .any(|(known, _)| *known == pid)
        );
        child.kill().expect("it can be killed");
        child.wait().expect("it can be reaped");
        assert!(stat(pid).is_none());
    }
}
