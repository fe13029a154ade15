//! Ends a run whose tool has been killed.
//!
//! A tool that is killed by SIGKILL ends nothing any more. A shell of its own group, which
//! survives it, reads from a pipe whose other end only the tool holds: at end-of-file it kills
//! the processes that bear the run's mark. Not their group: its number may be another's by then.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result};

use super::run_id::RunId;

/// `$1` is the number that marks the run's processes, `$2` the file of its markers, if it has one.
///
/// A process may fork while the list is read, so it is read again until none is alive; not for
/// ever, as one may not be killed while it is inside the kernel.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
read -r _ && exit
mark="^Max resident set  *$1 "
for pass in 1 2 3 4 5 6 7 8 9; do
    alive=
    for limits in $(grep -ls "$mark" /proc/[0-9]*/limits); do
        process=${limits%/limits}
        grep -qs '^State:.[^ZX]' "$process/status" && grep -qs "$mark" "$limits" &&
            kill -KILL "${process#/proc/}" && alive=1
    done
    [ "$alive" ] || break
done
shift
rm -f "$@"
"#;

/// A watchdog of one run; dropping it tells it that the run has ended.
pub(super) struct Watchdog {
    shell: Child,
    /// Its other end is the shell's standard input.
    line: Option<ChildStdin>,
}

impl Watchdog {
    /// Watches over the run whose processes bear that mark, before it has any.
    pub(super) fn start(id: RunId, markers: Option<&Path>) -> Result<Watchdog> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "watchdog"])
            .arg(id.limit())
            .args(markers)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C on the tool's terminal is not for it.
            .process_group(0)
            .spawn()
            .context("cannot start the watchdog of a run")?;
        let line = shell.stdin.take();
        Ok(Watchdog { shell, line })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(mut line) = self.line.take() {
            // If it is gone already, it has nothing to end any more.
            let _ = line.write_all(b"ended\n");
        }
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use nix::unistd::Pid;

    use super::*;
    use crate::run::proc;

    #[test]
    fn a_run_ends_with_its_killed_tool_in_its_group_and_outside() {
        let markers = tempfile::NamedTempFile::new().expect("a file");
        let id = RunId::new().expect("a limit");
        let mut main = Command::new("sh");
        let script = "env -i setsid sleep 1000 & sleep 1000 & echo $!; wait";
        main.args(["-c", script])
            .stdout(Stdio::piped())
            .process_group(0);
        // SAFETY: it makes one system call and allocates nothing.
        unsafe { main.pre_exec(move || id.mark_this_process()) };
        let mut main = main.spawn().expect("sh starts");
        let mut line = String::new();
        let output = main.stdout.take().expect("it has one");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line)
            .expect("it prints the number of its child");
        let members = || -> Vec<Pid> {
            let all = proc::all().expect("/proc is there").into_iter();
            all.filter(|(pid, stat)| !stat.zombie && id.marks(*pid))
                .map(|(pid, _)| pid)
                .collect()
        };
        while members().len() < 3 {
            std::thread::yield_now();
        }

        let mut watchdog = Watchdog::start(id, Some(markers.path())).expect("sh starts");
        // The tool is gone without a word.
        drop(watchdog.line.take());
        watchdog.shell.wait().expect("it ends");
        main.wait().expect("it was killed");
        assert_eq!(members(), []);
        assert!(!markers.path().exists());
    }

    #[test]
    fn a_run_that_has_ended_is_left_alone() {
        let markers = tempfile::NamedTempFile::new().expect("a file");
        let id = RunId::new().expect("a limit");
        let mut other = Command::new("sleep");
        other.arg("1000");
        // SAFETY: it makes one system call and allocates nothing.
        unsafe { other.pre_exec(move || id.mark_this_process()) };
        let mut other = other.spawn().expect("sleep starts");
        drop(Watchdog::start(id, Some(markers.path())).expect("sh starts"));
        assert!(other.try_wait().expect("it can be asked").is_none());
        assert!(markers.path().exists());
        other.kill().expect("it is there");
        other.wait().expect("it was killed");
    }
}
