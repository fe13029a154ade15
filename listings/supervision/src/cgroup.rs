//! A group of processes that is ended, or limited, as a whole (cgroups(7)).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::Duration;

use nix::unistd::Pid;

/// Where the hierarchies of cgroups are: that of version 2, which has all controllers or, beside
/// those of version 1, none; and two of version 1.
const HIERARCHIES: [&str; 4] = [
    "/sys/fs/cgroup",
    "/sys/fs/cgroup/unified",
    "/sys/fs/cgroup/memory",
    "/sys/fs/cgroup/pids",
];

/// A cgroup of its own below the root of each hierarchy.
#[derive(Debug)]
pub struct Cgroup {
    folders: Vec<PathBuf>,
}

impl Cgroup {
    /// A new one, without limits.
    ///
    /// # Errors
    ///
    /// Where this process may not make any: that takes root, and a system that lets root do it.
    pub fn new(name: &str) -> io::Result<Self> {
        let mut cgroup = Self { folders: vec![] };
        for hierarchy in HIERARCHIES.map(Path::new) {
            if fs::exists(hierarchy.join("cgroup.procs"))? {
                let folder = hierarchy.join(format!("supervision-{}-{name}", process::id()));
                fs::create_dir(&folder)?;
                cgroup.folders.push(folder);
            }
        }
        Ok(cgroup)
    }

    // ANCHOR: files
    /// Its processes may have so much memory together, in bytes, and swap none of it.
    ///
    /// # Errors
    ///
    /// Where there is no memory controller.
    pub fn limit_memory(&self, bytes: usize) -> io::Result<()> {
        let limit = self.file(&["memory.max", "memory.limit_in_bytes"])?;
        fs::write(limit, bytes.to_string())?;
        // Not there where the kernel does not account for swap. In version 1 it is a limit of
        // memory and swap together.
        if let Ok(swap) = self.file(&["memory.swap.max"]) {
            fs::write(swap, "0")?;
        } else if let Ok(both) = self.file(&["memory.memsw.limit_in_bytes"]) {
            fs::write(both, bytes.to_string())?;
        }
        Ok(())
    }

    /// There may be so many processes and threads in it.
    ///
    /// # Errors
    ///
    /// Where there is no controller of processes.
    pub fn limit_processes(&self, most: usize) -> io::Result<()> {
        fs::write(self.file(&["pids.max"])?, most.to_string())
    }

    /// Moves this process into it. What the process starts from then on is in it, too.
    ///
    /// # Errors
    ///
    /// Where the system does not let it.
    pub fn enter(&self) -> io::Result<()> {
        let mut folders = self.folders.iter();
        folders.try_for_each(|folder| fs::write(folder.join("cgroup.procs"), "0"))
    }

    /// Ends all that are in it, at once.
    ///
    /// # Errors
    ///
    /// Where the kernel has no such file: it came with Linux 5.14, for version 2.
    pub fn kill(&self) -> io::Result<()> {
        fs::write(self.file(&["cgroup.kill"])?, "1")
    }
    // ANCHOR_END: files

    /// The processes in it.
    ///
    /// # Errors
    ///
    /// Where the list cannot be read.
    pub fn processes(&self) -> io::Result<Vec<Pid>> {
        let pids = fs::read_to_string(self.file(&["cgroup.procs"])?)?;
        let pids = pids.lines().filter_map(|pid| pid.parse().ok());
        Ok(pids.map(Pid::from_raw).collect())
    }

    /// How many of its processes the kernel has killed for want of memory.
    ///
    /// # Errors
    ///
    /// Where the kernel does not count them.
    pub fn oom_kills(&self) -> io::Result<u64> {
        let file = self.file(&["memory.events", "memory.oom_control"])?;
        let counters = fs::read_to_string(file)?;
        let mut lines = counters.lines();
        let kills = lines.find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok());
        kills.ok_or_else(|| io::Error::other("the kernel does not count oom_kill"))
    }

    /// The first of these files that one of the hierarchies has.
    fn file(&self, names: &[&str]) -> io::Result<PathBuf> {
        let folders = self.folders.iter();
        let mut files = folders.flat_map(|folder| names.iter().map(|name| folder.join(name)));
        files
            .find(|file| file.exists())
            .ok_or_else(|| io::Error::other(format!("no {}", names[0])))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // None where all went well. It can go when they have ended.
        let _ = self.kill();
        for folder in &self.folders {
            let mut tries = 0..100;
            while fs::remove_dir(folder).is_err() && tries.next().is_some() {
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// "It cannot run here", for what runs this program.
const SKIPPED: i32 = 77;

/// Ends this program where there is no such cgroup.
pub fn or_skip<T>(cgroup: io::Result<T>) -> T {
    cgroup.unwrap_or_else(|why| {
        println!("Skipped: no such cgroup can be made here: {why}");
        process::exit(SKIPPED);
    })
}
