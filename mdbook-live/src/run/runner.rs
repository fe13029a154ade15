//! Runs a program under a time limit: its output with times, its memory, how it
//! ended, and what it left behind.

use std::io::{ErrorKind, PipeReader, PipeWriter, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::Signal;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open};
use tempfile::NamedTempFile;

use super::as_meant::{AsMeant, Due};
use super::begin::{begin_build, begin_run};
use super::clock::seconds_since;
use super::environment::surround;
use super::launch::Launch;
use super::memory_limit::{self, MemoryLimit};
use super::observer::Observer;
use super::proc;
use super::run_id::RunId;
use super::sampler::Sampler;
use super::stop::Stop;
use super::tree::Tree;
use super::watchdog::Watchdog;
use crate::book::surroundings::Client;
use crate::record::line::{Line, LineCutter, Stream};
use crate::record::marks;
use crate::record::result::{Exit, MOST_LINES, MOST_OUTPUT, RunResult};

/// How often limit and stop are looked at while nothing is printed.
const TICK_MS: u8 = 50;

/// The same where the memory of a run is limited.
const MEMORY_TICK_MS: u8 = memory_limit::PAUSE.as_millis() as u8;

/// How often processes that are about to end are looked at.
const SHORT_TICK_MS: u8 = 5;

/// How long a process may outlive the main one before it counts as left
/// behind: one that has been told to end needs a moment to do so.
const SETTLE: Duration = Duration::from_millis(300);

/// How long the group has after SIGTERM, before SIGKILL.
const GRACE: Duration = Duration::from_millis(500);

/// After SIGKILL a process ends at once, except inside the kernel.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs a program to its end. `watch` sees each piece of output as it is read.
///
/// When this returns, or unwinds because `watch` panics, no process of the run
/// is alive or waits to be reaped, but for one that left the process group and set its own
/// `RLIMIT_RSS`: unless it is observed, it cannot be told from a stranger. When this process is killed, the run's
/// processes end at once. A program that cannot be started is an error; one that fails is a
/// [`RunResult`].
pub fn run(launch: &Launch<'_>, stop: &Stop, watch: &mut dyn FnMut(&Line)) -> Result<RunResult> {
    ensure!(
        !(launch.memory || launch.most_memory.is_some()) || proc::children_are_listed(),
        "cannot sample memory: this kernel has no /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN)"
    );
    let _subreaper = Subreaper::begin()?;
    let began = SystemTime::now();
    let mut running = Running::start(launch)?;
    let sampler = if launch.memory {
        Some(Sampler::start(running.main, running.start)?)
    } else {
        None
    };
    let mut memory_limit = launch.most_memory.map(MemoryLimit::of);
    let mut as_meant = AsMeant::of(launch.ends, launch.client, running.start);
    let tick = memory_limit.as_ref().map_or(TICK_MS, |_| MEMORY_TICK_MS);
    let ended_by_us = loop {
        running.read(tick, watch)?;
        if let Some(too_much) = running.prints_too_much() {
            break Some(too_much);
        } else if running.main_has_ended {
            as_meant.ended(running.client_status()?);
            break None;
        }
        let client = running.client_status()?;
        match as_meant.look(&running.lines, client) {
            Due::Nothing => {}
            Due::StartClient(client) => running.start_client(client, launch)?,
            Due::End => break Some(Exit::AsMeant),
        }
        if stop.is_requested() {
            break Some(Exit::Stopped);
        } else if running.start.elapsed() >= launch.timeout {
            break Some(Exit::LimitPassed(launch.timeout));
        } else if let Some(limit) = &mut memory_limit
            && limit.is_passed(running.main)
        {
            break launch.most_memory.map(Exit::MemoryPassed);
        }
    };
    let seconds = seconds_since(running.start);
    let memory = sampler.map_or(Ok(Vec::new()), Sampler::stop)?;
    if ended_by_us.is_none() && as_meant.waits_for_client() {
        as_meant.ended(running.await_client(watch)?);
    }
    let left_behind = match ended_by_us {
        None => running.settle(watch)?,
        Some(_) => Vec::new(),
    };
    let status = running.end(GRACE, watch)?;
    let observation = running.observer.take().map(Observer::stop).transpose()?;
    running.read_rest(watch)?;
    // What the main process left in the pipe, and what others print after it, count too.
    let ended_by_us = ended_by_us.or_else(|| running.prints_too_much());
    Ok(RunResult {
        began,
        marks: marks::read(running.marks.path(), running.began)?,
        lines: std::mem::take(&mut running.lines),
        memory,
        observation: observation.unwrap_or_default(),
        seconds,
        end: match (ended_by_us, Exit::of(status)?) {
            (Some(end), _) => end,
            (None, Exit::Exited(code)) if as_meant.has_no_end() => Exit::TooEarly(code),
            (None, end) => end,
        },
        left_behind,
        client_fault: as_meant.client_fault(),
    })
}

/// While one is alive, orphans of this process's descendants become its
/// children (`PR_SET_CHILD_SUBREAPER(2const)`), and so are seen.
struct Subreaper;

/// How many runs are under way in this process.
static UNDER_WAY: Mutex<usize> = Mutex::new(0);

impl Subreaper {
    fn begin() -> Result<Subreaper> {
        let mut under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        if *under_way == 0 {
            set_child_subreaper(true).context("cannot become the reaper of orphans")?;
        }
        *under_way += 1;
        Ok(Subreaper)
    }
}

impl Drop for Subreaper {
    fn drop(&mut self) {
        let mut under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        *under_way -= 1;
        if *under_way == 0 {
            // It was possible to set; if it cannot be unset, orphans come here and no harm is done.
            let _ = set_child_subreaper(false);
        }
    }
}

/// A child that is ended where its run could not be begun.
struct Unreaped(Option<Child>);

impl Drop for Unreaped {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It has just been started: it is there, or has ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a run prints, by one of its streams.
struct Output {
    pipe: PipeReader,
    cutter: LineCutter,
}

impl Output {
    /// A new pipe, and its end for the run.
    fn new(stream: Stream) -> Result<(Output, PipeWriter)> {
        let (pipe, input) = std::io::pipe().context("cannot make a pipe")?;
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).context("cannot set up a pipe")?;
        let cutter = LineCutter::of(stream);
        Ok((Output { pipe, cutter }, input))
    }
}

/// A program under way. Dropping it ends it.
struct Running {
    start: Instant,
    child: Child,
    /// The main process; its number is its group's too. It is reaped last, so
    /// that the number stays theirs while signals are sent to it.
    main: Pid,
    reaped: bool,
    /// Readable once the main process has ended.
    handle: OwnedFd,
    main_has_ended: bool,
    tree: Tree,
    observer: Option<Observer>,
    /// Dropped last of the run: it ends what this tool cannot end any more.
    _watchdog: Watchdog,
    /// To which its processes append what they are doing.
    marks: NamedTempFile,
    /// The clock of those marks at the start.
    began: Duration,
    /// Standard output, standard error, the client's. What is at its end of file is not there.
    outputs: Vec<Output>,
    /// The mark of its processes.
    id: RunId,
    /// What calls it, once that is started.
    client: Option<Child>,
    lines: Vec<Line>,
    printed: usize,
}

impl Running {
    fn start(launch: &Launch<'_>) -> Result<Running> {
        let marks = NamedTempFile::new().context("cannot make a file for the run's marks")?;
        let id = RunId::new()?;

        let (output, input) = Output::new(Stream::Output)?;
        let mut outputs = vec![output];
        let errors_input = if launch.together {
            input.try_clone().context("cannot set up a pipe")?
        } else {
            let (errors, errors_input) = Output::new(Stream::Error)?;
            outputs.push(errors);
            errors_input
        };
        let mut command = Command::new(launch.program);
        {
            use std::os::unix::process::CommandExt;
            command
                .args(launch.args)
                .stdin(launch.input.open()?)
                .stdout(input)
                .stderr(errors_input)
                .process_group(0);
        }
        surround(&mut command, launch, marks.path());
        let watchdog = Watchdog::start(id, Some(marks.path()))?;
        let began = clock_gettime(ClockId::CLOCK_MONOTONIC).context("cannot read the clock")?;
        let start = Instant::now();
        let (observer, candidate) = if launch.observe {
            Some(Observer::start(start)?).unzip()
        } else {
            (None, None)
        };
        begin_run(&mut command, id, launch.data_limit, candidate);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", launch.program.display()))?;
        // Its ends of the pipes: while they are open there is no end of file.
        drop(command);
        let main = Pid::from_raw(child.id().cast_signed());
        let mut child = Unreaped(Some(child));
        let handle = rustix::process::Pid::from_raw(main.as_raw())
            .context("a process has no number")
            .and_then(|main| Ok(pidfd_open(main, PidfdFlags::empty())?))
            .context("cannot watch the run")?;
        let child = child.0.take().context("it was put there")?;
        Ok(Running {
            start,
            child,
            main,
            reaped: false,
            handle,
            main_has_ended: false,
            tree: Tree::new(main, id),
            observer,
            _watchdog: watchdog,
            marks,
            began: began.into(),
            outputs,
            id,
            client: None,
            lines: Vec::new(),
            printed: 0,
        })
    }

    /// Starts what calls this run, as one of its processes.
    fn start_client(&mut self, client: &Client, launch: &Launch<'_>) -> Result<()> {
        let (output, input) = Output::new(Stream::Client)?;
        let [program, args @ ..] = &client.command[..] else {
            bail!("expected a client's program and its arguments");
        };
        let mut command = Command::new(program);
        {
            use std::os::unix::process::CommandExt;
            command
                .args(args)
                .stdin(Stdio::null())
                .stdout(input.try_clone().context("cannot set up a pipe")?)
                .stderr(input)
                .process_group(self.main.as_raw());
        }
        surround(&mut command, launch, self.marks.path());
        begin_build(&mut command, self.id);
        // It is of the run's group: with the others of that it is found and ended.
        let child = command
            .spawn()
            .with_context(|| format!("cannot start the client {program}"))?;
        self.client = Some(child);
        self.outputs.push(output);
        Ok(())
    }

    /// How the client ended, once it has.
    fn client_status(&mut self) -> Result<Option<ExitStatus>> {
        let status = self.client.as_mut().map(Child::try_wait).transpose();
        Ok(status.context("cannot wait for the client")?.flatten())
    }

    /// After the main process has ended: how the client ends, if it does in a moment.
    fn await_client(&mut self, watch: &mut dyn FnMut(&Line)) -> Result<Option<ExitStatus>> {
        let until = Instant::now() + SETTLE;
        loop {
            let status = self.client_status()?;
            if status.is_some() || Instant::now() >= until {
                return Ok(status);
            }
            self.read(SHORT_TICK_MS, watch)?;
        }
    }

    /// Waits for output or for the main process's end, and reads what is there.
    fn read(&mut self, timeout_ms: u8, watch: &mut dyn FnMut(&Line)) -> Result<()> {
        let ready = |fd: &PollFd<'_>| fd.any().unwrap_or(true);
        let (readable, ended) = {
            let main = PollFd::new(self.handle.as_fd(), PollFlags::POLLIN);
            // A process that has ended stays readable, and would end each wait at once.
            let main = (!self.main_has_ended).then_some(main);
            let has_main = main.is_some();
            let outputs = self.outputs.iter();
            let outputs = outputs.map(|output| PollFd::new(output.pipe.as_fd(), PollFlags::POLLIN));
            let mut fds: Vec<PollFd<'_>> = outputs.chain(main).collect();
            match poll(&mut fds, PollTimeout::from(timeout_ms)) {
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(error) => return Err(error).context("cannot wait for output"),
            }
            let ended = has_main && fds.pop().is_some_and(|main| ready(&main));
            (fds.iter().map(ready).collect::<Vec<_>>(), ended)
        };
        let mut ended_outputs = Vec::new();
        for at in (0..readable.len()).filter(|at| readable[*at]) {
            if !self.read_output(at, watch)? {
                ended_outputs.push(at);
            }
        }
        for at in ended_outputs.into_iter().rev() {
            self.outputs.remove(at);
        }
        if self.prints_too_much().is_some() {
            // Nothing more is read: a process that writes on has no reader.
            self.outputs.clear();
        }
        self.main_has_ended |= ended;
        Ok(())
    }

    /// Reads what a pipe holds, but not without end: limits are looked at between. Whether
    /// there may be more.
    fn read_output(&mut self, at: usize, watch: &mut dyn FnMut(&Line)) -> Result<bool> {
        let mut buffer = [0; 1 << 16];
        for _ in 0..16 {
            match self.outputs[at].pipe.read(&mut buffer) {
                Ok(0) => {
                    self.keep(at, &[], watch);
                    return Ok(false);
                }
                Ok(length) => {
                    self.keep(at, &buffer[..length], watch);
                    if self.prints_too_much().is_some() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("cannot read the run's output"),
            }
        }
        Ok(true)
    }

    /// Turns bytes into lines; none are the end of the output.
    fn keep(&mut self, at: usize, bytes: &[u8], watch: &mut dyn FnMut(&Line)) {
        let seconds = seconds_since(self.start);
        self.printed += bytes.len();
        let lines = &mut self.lines;
        let mut keep = |line: Line| {
            watch(&line);
            lines.push(line);
        };
        let cutter = &mut self.outputs[at].cutter;
        if bytes.is_empty() {
            cutter.finish(seconds, &mut keep);
        } else {
            cutter.push(seconds, bytes, &mut keep);
        }
    }

    /// How a run ends that has printed more than is kept; `None` for any other.
    fn prints_too_much(&self) -> Option<Exit> {
        if self.printed > MOST_OUTPUT {
            Some(Exit::TooMuchOutput)
        } else if self.lines.len() > MOST_LINES {
            Some(Exit::TooManyLines)
        } else {
            None
        }
    }

    /// After the main process has ended: the processes that outlive it by more
    /// than [`SETTLE`].
    fn settle(&mut self, watch: &mut dyn FnMut(&Line)) -> Result<Vec<String>> {
        let until = Instant::now() + SETTLE;
        loop {
            self.read(SHORT_TICK_MS, watch)?;
            let left = self.tree.left()?;
            let none = left.alive.is_empty() && !left.reaped;
            if (none && self.outputs.is_empty()) || Instant::now() >= until {
                let named = left.alive.into_iter().map(|(pid, _)| {
                    let name = proc::name(pid).unwrap_or_default();
                    format!("{name} (process {pid})")
                });
                return Ok(named.collect());
            }
        }
    }

    /// Ends every process of the run that is alive, and reaps them all.
    fn end(&mut self, grace: Duration, watch: &mut dyn FnMut(&Line)) -> Result<ExitStatus> {
        let begun = Instant::now();
        let mut asked = false;
        loop {
            let left = self.tree.left()?;
            if self.main_has_ended && left.alive.is_empty() && !left.reaped {
                break;
            }
            let signal = if begun.elapsed() < grace {
                Signal::SIGTERM
            } else {
                Signal::SIGKILL
            };
            if signal == Signal::SIGKILL || !asked {
                self.tree.signal(&left.alive, signal);
                // What comes up later, out of the group, meets SIGKILL.
                asked = true;
            }
            ensure!(
                begun.elapsed() < grace + PATIENCE,
                "process {} does not end, not even by SIGKILL",
                self.main
            );
            self.read(SHORT_TICK_MS, watch)?;
        }
        let status = self.child.wait().context("cannot reap the run")?;
        self.reaped = true;
        Ok(status)
    }

    /// What the pipes still hold after all writers are gone.
    fn read_rest(&mut self, watch: &mut dyn FnMut(&Line)) -> Result<()> {
        let until = Instant::now() + SETTLE;
        while !self.outputs.is_empty() && Instant::now() < until {
            self.read(SHORT_TICK_MS, watch)?;
        }
        for at in 0..self.outputs.len() {
            self.keep(at, &[], watch);
        }
        self.outputs.clear();
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.reaped {
            // Nobody is left to be told of an error.
            let _ = self.end(Duration::ZERO, &mut |_| {});
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;

    fn run_script(script: &str, timeout: Duration, watch: &mut dyn FnMut(&Line)) -> RunResult {
        let args = ["-c".to_owned(), script.to_owned()];
        let launch = Launch {
            timeout,
            memory: true,
            ..Launch::of(Path::new("/bin/sh"), &args, Path::new("/"))
        };
        run(&launch, &Stop::default(), watch).expect("sh starts")
    }

    /// For programs that end by themselves: a limit that is never reached.
    fn run_to_its_end(program: &str, args: &[String]) -> RunResult {
        let launch = Launch::of(Path::new(program), args, Path::new("/"));
        run(&launch, &Stop::default(), &mut |_| {}).expect("it starts")
    }

    /// For scripts that end by themselves.
    fn run_to_end(script: &str) -> RunResult {
        run_script(script, Duration::from_secs(60), &mut |_| {})
    }

    /// For scripts that go on until their limit: one that is long enough, on a machine as busy
    /// as this one, to print that many lines before.
    fn run_past_its_limit(script: &str, lines: usize) -> RunResult {
        let limits = [0.5, 5.0, 50.0].into_iter().map(Duration::from_secs_f64);
        for limit in limits {
            let outcome = run_script(script, limit, &mut |_| {});
            assert_eq!(outcome.end, Exit::LimitPassed(limit));
            if outcome.lines.len() == lines {
                return outcome;
            }
        }
        panic!("expected {lines} lines of {script}");
    }

    fn texts(outcome: &RunResult) -> Vec<String> {
        outcome
            .lines
            .iter()
            .map(|line| line.text().to_owned())
            .collect()
    }

    #[track_caller]
    fn assert_gone(pid: &str) {
        let pid = Pid::from_raw(pid.trim().parse().expect("a process's number"));
        assert!(proc::stat(pid).is_none(), "{pid} is still there");
    }

    #[test]
    fn output_and_errors_come_each_in_its_order_in_the_promised_environment() {
        let outcome = run_to_end(
            "echo one; echo two >&2; echo $FORCE_COLOR $COLUMNS [$NO_COLOR] $PWD; read x || echo no input",
        );
        let printed_on = |stream| -> Vec<&str> {
            let lines = outcome.lines.iter();
            let there = lines.filter(|line| line.stream == stream);
            there.map(Line::text).collect()
        };
        let output = ["one", "1 100 [] /", "no input"];
        assert_eq!(printed_on(Stream::Output), output);
        assert_eq!(printed_on(Stream::Error), ["two"]);
        assert_eq!(outcome.end, Exit::Exited(0));
        assert_eq!(outcome.faults(0), [] as [&str; 0]);
        assert!(outcome.lines.is_sorted_by(|a, b| a.seconds <= b.seconds));
    }

    #[test]
    fn a_program_that_cannot_start_is_an_error_that_names_it() {
        let launch = Launch::of(Path::new("/no/such/program"), &[], Path::new("/"));
        let error = run(&launch, &Stop::default(), &mut |_| {}).expect_err("it is not there");
        assert_eq!(error.to_string(), "cannot start /no/such/program");
    }

    #[test]
    fn a_wrong_exit_code_is_a_fault_and_the_expected_one_is_none() {
        let outcome = run_to_end("echo out of memory; echo; exit 3");
        assert_eq!(
            outcome.faults(0),
            ["ended with exit code 3, not 0: out of memory"]
        );
        assert_eq!(outcome.faults(3), [] as [&str; 0]);
        assert_eq!(
            run_to_end("exit 1").faults(0),
            ["ended with exit code 1, not 0, and printed nothing"]
        );
    }

    #[test]
    fn a_signal_is_a_fault_by_its_name() {
        let outcome = run_to_end("kill -SEGV $$");
        assert_eq!(outcome.faults(0), ["was killed by SIGSEGV"]);
        assert_eq!(outcome.exit_code(), 128 + 11);
    }

    #[test]
    fn a_run_has_a_language_and_nothing_of_its_recorder_s_colours() {
        let outcome = run_to_end("env");
        let shows = |name: &str| {
            let mut lines = outcome.lines.iter();
            lines.any(|line| line.text().starts_with(name))
        };
        assert!(shows("LANG=C.UTF-8") && shows("PATH=") && shows("TERM=xterm-256color"));
        assert!(!shows("CARGO_PKG_NAME="));
    }

    #[test]
    fn exit_77_is_skipped_with_its_last_line_and_no_fault() {
        let outcome = run_to_end("echo begins; echo needs 10 GiB; exit 77");
        assert_eq!(outcome.skipped().as_deref(), Some("needs 10 GiB"));
        assert_eq!(outcome.faults(0), [] as [&str; 0]);
        assert_eq!(run_to_end("exit 0").skipped(), None);
    }

    #[test]
    fn the_limit_ends_the_whole_group_with_a_grandchild_that_ignores_sigterm() {
        let script = "sh -c '(trap \"\" TERM; exec sleep 1000) & echo $!; wait' & echo $!; wait";
        let outcome = run_past_its_limit(script, 2);
        let faults = outcome.faults(0).join("; ");
        assert!(
            faults.starts_with("was ended: it passed its limit of "),
            "{faults}"
        );
        for pid in texts(&outcome) {
            assert_gone(&pid);
        }
    }

    #[test]
    fn the_limit_also_ends_a_process_that_has_left_the_group() {
        let script = "setsid sh -c 'trap \"\" TERM; echo $$; exec sleep 1000' & wait";
        let outcome = run_past_its_limit(script, 1);
        assert_gone(&texts(&outcome)[0]);
    }

    #[test]
    fn a_process_left_behind_is_a_fault_and_is_ended() {
        let outcome = run_to_end("sleep 1000 & echo $!");
        let pid = &texts(&outcome)[0];
        assert_eq!(
            outcome.faults(0),
            [format!("left sleep (process {pid}) behind")]
        );
        assert_gone(pid);
    }

    #[test]
    fn a_process_left_behind_is_found_outside_the_group_and_without_the_pipe() {
        let daemon = "setsid sh -c 'sleep 1000 >/dev/null 2>&1 & echo $!'";
        let outcome = run_to_end(&format!("pid=$({daemon}); echo $pid"));
        let pid = &texts(&outcome)[0];
        assert_eq!(outcome.left_behind, [format!("sleep (process {pid})")]);
        assert_gone(pid);
    }

    /// The names of this process's children that have ended and wait to be reaped.
    fn unreaped() -> Vec<String> {
        let all = proc::all().expect("/proc is there").into_iter();
        all.filter(|(_, stat)| stat.zombie && stat.parent == Pid::this())
            .filter_map(|(pid, _)| proc::name(pid))
            .collect()
    }

    #[test]
    fn an_orphan_that_left_the_group_and_ended_before_any_scan_is_reaped() {
        // A name of its own: other tests have children too. The pipe of `$( )` has its end of
        // file when the orphan has ended.
        let script = r##"
            cd "$0"
            printf '#!/bin/sh\n' > ended-early
            chmod +x ended-early
            : $( (env -i setsid ./ended-early &) )
            echo done
        "##;
        let dir = tempfile::tempdir().expect("a folder");
        let args = ["-c", script, &dir.path().display().to_string()].map(str::to_owned);
        let outcome = run_to_its_end("/bin/sh", &args);
        assert_eq!(texts(&outcome), ["done"]);
        assert_eq!(outcome.faults(0), [] as [&str; 0]);
        let unreaped = unreaped();
        assert!(!unreaped.contains(&"ended-early".into()), "{unreaped:?}");
    }

    #[test]
    fn a_process_left_behind_is_found_without_group_environment_and_parent() {
        let outcome =
            run_to_end("env -i setsid sh -c 'sleep 1000 >/dev/null 2>&1 & echo $!' & wait");
        let pid = &texts(&outcome)[0];
        assert_eq!(outcome.left_behind, [format!("sleep (process {pid})")]);
        assert_gone(pid);
    }

    #[test]
    fn a_child_that_others_hold_is_not_reaped() {
        let mut held = Command::new("true").spawn().expect("true starts");
        run_to_end("setsid true & wait");
        assert!(held.wait().expect("it is there still").success());
    }

    #[test]
    fn a_child_that_ends_with_its_parent_is_not_left_behind() {
        let outcome = run_to_end(
            "(until grep -q State:.Z /proc/$$/status; do :; done; echo late) & echo now",
        );
        assert_eq!(outcome.faults(0), [] as [&str; 0]);
        assert_eq!(texts(&outcome), ["now", "late"]);
    }

    #[test]
    fn a_last_line_without_its_end_is_kept() {
        assert_eq!(texts(&run_to_end("printf 'one\\ntwo'")), ["one", "two"]);
    }

    #[test]
    fn six_megabytes_pass_without_deadlock() {
        let outcome = run_to_end(
            "yes 12345678901234567890123456789012345678901234567890123456789 | head -n 100000",
        );
        assert_eq!(outcome.faults(0), [] as [&str; 0]);
        assert_eq!(outcome.lines.len(), 100_000);
        assert!(outcome.lines.iter().all(|line| line.text().len() == 59));
    }

    #[test]
    fn output_without_end_is_ended() {
        for (script, more_than) in [
            // Long lines, empty ones, and none at all.
            ("yes $(printf %01000d 1)", "8 MiB"),
            ("yes ''", "100000 lines"),
            ("while :; do printf %0100000d 1; done", "8 MiB"),
        ] {
            let outcome = run_to_end(script);
            let ended = format!("was ended: it printed more than {more_than}");
            assert_eq!(outcome.faults(0), [ended], "{script}");
            let kept: usize = outcome.lines.iter().map(|line| line.raw.len()).sum();
            assert!(kept <= MOST_OUTPUT + (1 << 16), "{script}: {kept} bytes");
        }
    }

    #[test]
    fn nothing_is_read_of_output_beyond_the_limit() {
        let args = ["1234567890".repeat(100)];
        let launch = Launch::of(Path::new("yes"), &args, Path::new("/"));
        let mut running = Running::start(&launch).expect("yes starts");
        while !running.outputs.is_empty() && running.printed <= 2 * MOST_OUTPUT {
            running.read(TICK_MS, &mut |_| {}).expect("output");
        }
        let printed = running.printed;
        assert!(running.outputs.is_empty(), "{printed} bytes");
        assert!(printed <= MOST_OUTPUT + (1 << 16), "{printed} bytes");
    }

    #[test]
    fn output_without_end_is_a_fault_of_a_process_left_behind_too() {
        // All but a few bytes of the limit before the main process ends, the rest a moment
        // after it, when that end has been seen.
        let most = MOST_OUTPUT - 100;
        let outcome = run_to_end(&format!(
            "head -c {most} /dev/zero
             (trap '' TERM; until grep -q State:.Z /proc/$$/status; do :; done; sleep 0.05; yes) &"
        ));
        assert_eq!(outcome.end, Exit::TooMuchOutput);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_cost_no_line() {
        let outcome = run_to_end("printf 'a\\377b\\n\\303'; sleep 0.05; printf '\\244\\n\\303'");
        assert_eq!(texts(&outcome), ["a\u{FFFD}b", "ä", "\u{FFFD}"]);
    }

    #[test]
    fn a_run_ends_when_it_is_told_to_stop() {
        let args = ["-c".to_owned(), "echo $$; exec sleep 1000".to_owned()];
        let launch = Launch::of(Path::new("/bin/sh"), &args, Path::new("/"));
        let stop = Stop::default();
        let outcome = run(&launch, &stop, &mut |_| stop.request()).expect("sh starts");
        assert_eq!(outcome.faults(0), ["was stopped"]);
        assert_gone(&texts(&outcome)[0]);
    }

    #[test]
    fn a_run_ends_when_its_watcher_panics() {
        let pid = Mutex::new(String::new());
        let watched = std::panic::catch_unwind(|| {
            run_script(
                "echo $$; exec sleep 1000",
                Duration::from_secs(60),
                &mut |event| {
                    pid.lock().expect("one thread").clone_from(&event.raw);
                    std::panic::resume_unwind(Box::new("on purpose"));
                },
            )
        });
        assert!(watched.is_err());
        let pid = pid.into_inner().unwrap_or_else(PoisonError::into_inner);
        assert_gone(&pid);
    }

    #[test]
    fn the_memory_of_the_whole_tree_is_sampled() {
        let processes = |outcome: &RunResult| -> HashSet<usize> {
            outcome.memory.iter().map(|sample| sample.ordinal).collect()
        };
        // Long enough, on a machine as busy as this one, for a sample of all.
        let outcome = ["0.1", "1", "10"]
            .iter()
            .map(|seconds| run_to_end(&format!("sleep {seconds} & sleep {seconds} & wait")))
            .find(|outcome| processes(outcome).len() == 3)
            .expect("a sample of all");
        assert_eq!(processes(&outcome), HashSet::from([0, 1, 2]));
        assert!(
            outcome
                .memory
                .iter()
                .any(|sample| sample.process == "sleep" && sample.pss_kib > 0)
        );
    }
}
