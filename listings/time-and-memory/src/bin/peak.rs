//! Two peaks of a process that has done nothing.

use std::fs;
use std::io;
use std::process::{Command, ExitCode};

use clap::Parser;
use mem_trace::{MemoryUsage, NAME_VARIABLE, check_output, mebibytes, trace};
use nix::sys::resource::{UsageWho, getrusage};
use time_and_memory::DataSize;

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| {
        if arguments.child {
            show("Nothing done.")?;
        } else {
            parent(arguments.size.bytes())?;
        }
        check_output()
    })
}

fn parent(bytes: usize) -> io::Result<()> {
    show("At the start.")?;
    // ANCHOR: peak
    let data = vec![1u8; bytes];
    show(&format!("{} MB written.", mebibytes(bytes as u64)))?;
    drop(data);
    show("Data freed.")?;

    let status = Command::new("/proc/self/exe")
        .arg("--child")
        .env(NAME_VARIABLE, "SpawnProcess-1")
        .status()?;
    // ANCHOR_END: peak
    if !status.success() {
        return Err(io::Error::other(format!("the child ended with {status}")));
    }
    Ok(())
}

fn show(when: &str) -> io::Result<()> {
    let kib = getrusage(UsageWho::RUSAGE_SELF)?.max_rss();
    let usage_peak = u64::try_from(kib).map_err(io::Error::other)? << 10;
    let status = fs::read_to_string("/proc/self/status")?;
    let own_peak = status_bytes(&status, "VmHWM:")
        .ok_or_else(|| io::Error::other("/proc/self/status has no VmHWM"))?;
    trace!(
        "{when} ru_maxrss {} MB, VmHWM {} MB, resident {} MB",
        mebibytes(usage_peak),
        mebibytes(own_peak),
        mebibytes(MemoryUsage::now().resident.unwrap_or(0))
    );
    Ok(())
}

/// A field of `/proc/PID/status`, which counts in kB of 1024 bytes.
fn status_bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Shows two peaks of memory, of this process and of one that has done nothing
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: DataSize,

    /// Be the process that has done nothing
    #[arg(long, hide = true)]
    child: bool,
}
