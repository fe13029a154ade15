//! How this program is told to end.

use std::thread;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Calls `end`, on a thread of its own, at Ctrl-C, at the signal that a service manager
/// sends, and at the one that a terminal sends when its window is closed. Those that were
/// ignored when this program started stay so: nohup(1) does that to the last of them, and
/// a shell script to Ctrl-C for what it starts in the background.
pub fn on_shutdown(end: impl Fn() + Send + 'static) -> Result<()> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = ignored(&status);
    let heeded = [SIGINT, SIGTERM, SIGHUP]
        .into_iter()
        .filter(|signal| ignored & 1 << (signal - 1) == 0);
    let mut signals = Signals::new(heeded).context("cannot handle Ctrl-C")?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for _ in &mut signals {
                end();
            }
        })
        .context("starting the thread that waits for signals")?;
    Ok(())
}

/// The signals that a process ignores, one bit each from SIGHUP on, by its
/// `/proc/PID/status` (proc_pid_status(5)); none where it does not say.
fn ignored(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_the_status() {
        let status = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n";
        assert_eq!(ignored(status), 1 << (SIGHUP - 1) | 1 << 12);
        assert_eq!(ignored("Name:\tcat\n"), 0);
    }
}
