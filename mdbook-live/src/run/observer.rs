//! Observes the processes of a run: a thread that traces them, from the program's start on.
//!
//! The program has the parent, the group and the descriptors that it has without: it waits
//! before it is executed until it is seized, and a process is let go when its end has come, so
//! that its parent, and no other, learns of it. Only what is told here stops it: births,
//! programs, ends and signals.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::at_end::{self, Moved};
use super::clock::seconds_since;
use super::proc::{self, Stat};
use super::ptrace::{self, Event};
use super::tree::send;
use crate::record::account::{Account, Ended, Observation, ObservedProcess};

/// No account has more processes than this: a record keeps it in one line.
const MOST_PROCESSES: usize = 10_000;

/// How often it is looked whether the last process has been seen to end.
const TICK: Duration = Duration::from_millis(1);

/// After SIGKILL a process ends at once, except inside the kernel.
const PATIENCE: Duration = Duration::from_secs(10);

/// An observer of one run.
pub(super) struct Observer {
    thread: JoinHandle<Observation>,
    alive: Alive,
}

/// The processes that have not come to their end yet.
type Alive = Arc<Mutex<HashMap<Pid, Stat>>>;

/// The program's side, before it is executed.
pub(super) struct Candidate {
    line: UnixStream,
    /// The descriptor of the observer's side, which a forked child has too.
    other_side: i32,
}

impl Candidate {
    /// Waits until this process is observed, or cannot be. It makes system calls alone: it takes
    /// no lock and allocates nothing.
    pub(super) fn wait(&self) -> io::Result<()> {
        // While it were open here, an observer that is gone would be waited for without end.
        nix::unistd::close(self.other_side)?;
        let mut line = &self.line;
        line.write_all(&std::process::id().to_ne_bytes())?;
        line.read_exact(&mut [0])
    }
}

impl Observer {
    /// Begins to wait for the program. Times count from `start`.
    pub(super) fn start(start: Instant) -> Result<(Observer, Candidate)> {
        let (line, other) = UnixStream::pair().context("cannot make a pair of sockets")?;
        let candidate = Candidate {
            other_side: other.as_raw_fd(),
            line,
        };
        let alive = Alive::default();
        let watch = Watch {
            start,
            account: Account::default(),
            threads: HashMap::new(),
            born: HashMap::new(),
            untold: HashMap::new(),
            alive: Arc::clone(&alive),
        };
        let thread = std::thread::Builder::new()
            .name("observer".into())
            .spawn(move || observe(other, watch))
            .context("cannot start the observer's thread")?;
        Ok((Observer { thread, alive }, candidate))
    }

    /// What was observed of a run that has ended. Ends what is left of it, which is what left
    /// the run's group and took its mark off.
    pub(super) fn stop(self) -> Result<Observation> {
        let until = Instant::now() + PATIENCE;
        let mut left = HashMap::new();
        while !self.thread.is_finished() {
            let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
            for (pid, stat) in alive.iter() {
                send(*pid, stat, Signal::SIGKILL);
                left.insert(*pid, *stat);
            }
            ensure!(
                Instant::now() < until,
                "{} observed processes do not end, not even by SIGKILL",
                alive.len()
            );
            drop(alive);
            std::thread::sleep(TICK);
        }
        for (pid, stat) in left {
            reap(pid, &stat, until);
        }
        let observed = self.thread.join();
        observed.map_err(|_| anyhow::anyhow!("the observer panicked"))
    }
}

/// Waits until a process that has been killed is gone. As an orphan it is a child of this
/// process's, and nobody else waits for it.
fn reap(pid: Pid, seen: &Stat, until: Instant) {
    while let Some(now) = proc::stat(pid)
        && now.began == seen.began
        && Instant::now() < until
    {
        if now.zombie && now.parent == Pid::this() {
            // Gone already, or reaped here: both are well.
            let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
        } else {
            std::thread::sleep(TICK);
        }
    }
}

fn observe(mut line: UnixStream, mut watch: Watch) -> Observation {
    let mut number = [0; 4];
    if line.read_exact(&mut number).is_err() {
        // The program was not started.
        return Observation::NotAsked;
    }
    let main = Pid::from_raw(u32::from_ne_bytes(number).cast_signed());
    let seized = ptrace::seize(main);
    if seized.is_ok() {
        watch.adopt(main, None);
    }
    // It is gone, if it does not take the answer.
    let _ = line.write_all(&[0]);
    drop(line);
    match seized {
        Ok(()) => watch.until_the_end(),
        Err(Errno::EPERM | Errno::EACCES | Errno::ENOSYS) => {
            Observation::Refused("ptrace is not permitted here".to_owned())
        }
        Err(error) => Observation::Refused(format!("ptrace: {error}")),
    }
}

/// What is known of the run while it goes on.
struct Watch {
    start: Instant,
    account: Account,
    /// The process of each thread that has not come to its end, by its place in the account.
    threads: HashMap<Pid, usize>,
    /// What else is known of processes that have not ended, by their places in the account.
    born: HashMap<usize, Born>,
    /// The processes and threads that have stopped before their birth was told, with their
    /// places in the account. One may have ended by the time that it is.
    untold: HashMap<Pid, usize>,
    alive: Alive,
}

/// A process that has not ended.
struct Born {
    pid: Pid,
    /// Whether it has its parent's memory.
    in_parents_memory: bool,
    /// By its threads that have ended.
    moved: Moved,
}

impl Watch {
    fn until_the_end(mut self) -> Observation {
        loop {
            match ptrace::next() {
                Ok(Some((thread, event))) => self.see(thread, event),
                Ok(None) => break,
                Err(error) => return Observation::Refused(format!("wait: {error}")),
            }
        }
        if self.account.processes() > MOST_PROCESSES {
            return Observation::Refused(format!(
                "the run has more than {MOST_PROCESSES} processes"
            ));
        }
        Observation::Made(self.account)
    }

    /// Takes an event in, and lets its thread go on. A thread that is killed meanwhile is gone,
    /// which is an event of its own.
    fn see(&mut self, thread: Pid, event: Event) {
        if let Event::Gone(status) = event {
            self.end(thread, status, false);
            return;
        }
        // One that executes a program may have had another number until now.
        if event != Event::Executed
            && !self.threads.contains_key(&thread)
            && let Some(process) = self.adopt(thread, None)
        {
            self.untold.insert(thread, process);
        }
        let _ = match event {
            Event::Started { in_its_memory } => {
                if let Ok(new) = ptrace::message(thread) {
                    self.told(pid_of(new), thread, in_its_memory);
                }
                ptrace::go_on(thread, 0)
            }
            Event::Executed => {
                self.executed(thread);
                ptrace::go_on(thread, 0)
            }
            Event::Ends => {
                // A status of wait(2) has 16 bits.
                let status = ptrace::message(thread).unwrap_or(0) as i32;
                self.end(thread, status, true);
                ptrace::let_go(thread)
            }
            Event::Signal(signal) => ptrace::go_on(thread, signal),
            Event::Stopped => ptrace::stay_stopped(thread),
            Event::Trap | Event::Gone(_) => ptrace::go_on(thread, 0),
        };
    }

    /// A thread tells that it has started another one, or a process. That one's own first stop
    /// may have come before.
    fn told(&mut self, new: Pid, starter: Pid, in_its_memory: bool) {
        let parent = self.threads.get(&starter).copied();
        let known = self.untold.remove(&new);
        let Some(process) = known.or_else(|| self.adopt(new, parent)) else {
            return;
        };
        if parent.is_some_and(|parent| parent != process) {
            // It may be the child of another one: of its starter's parent, by clone(2).
            self.account.processes[process].parent = parent;
        }
        let of = &mut self.account.processes[process];
        if in_its_memory && of.programs.is_empty() {
            match self.born.get_mut(&process) {
                Some(born) => born.in_parents_memory = true,
                // It has ended since.
                None => {
                    let end = of.at_end.as_mut();
                    end.into_iter().for_each(|end| end.private_dirty = 0);
                }
            }
        }
    }

    /// Takes in a new thread, or a process with its first one, of a process that started it; the
    /// place of its process in the account. Without a parent, `/proc` names it. `None`: it has
    /// been killed, and has done nothing.
    fn adopt(&mut self, thread: Pid, parent: Option<usize>) -> Option<usize> {
        let (process, listed_parent) = proc::family(thread)?;
        let place = |pid: &Pid| self.threads.get(pid).copied();
        if process != thread {
            // Of a process whose first thread has ended, its starter is another one.
            let process = place(&process).or(parent)?;
            self.threads.insert(thread, process);
            self.account.processes[process].threads += 1;
            return Some(process);
        }
        let id = self.account.processes.len();
        self.account.processes.push(ObservedProcess {
            id,
            parent: parent.or(place(&listed_parent)),
            born_s: seconds_since(self.start),
            ..ObservedProcess::default()
        });
        self.threads.insert(thread, id);
        let born = Born {
            pid: thread,
            in_parents_memory: false,
            moved: Moved::default(),
        };
        self.born.insert(id, born);
        if let Some(stat) = proc::stat(thread) {
            self.lock_alive().insert(thread, stat);
        }
        Some(id)
    }

    /// A process executed a program: it has one thread, under its own number.
    fn executed(&mut self, thread: Pid) {
        let former = ptrace::message(thread).map_or(thread, pid_of);
        let process = self.threads.get(&former).or(self.threads.get(&thread));
        let Some(process) = process.copied() else {
            return;
        };
        self.threads.retain(|_, of| *of != process);
        self.threads.insert(thread, process);
        if let Some(born) = self.born.get_mut(&process) {
            born.in_parents_memory = false;
        }
        let program = proc::program(thread).unwrap_or_default();
        self.account.processes[process].programs.push(program);
    }

    /// A thread comes to its end, or is gone; with the last of a process, the process.
    fn end(&mut self, thread: Pid, status: i32, is_there: bool) {
        let Some(process) = self.threads.remove(&thread) else {
            return;
        };
        if let Some(born) = self.born.get_mut(&process)
            && is_there
        {
            born.moved += Moved::by(thread).unwrap_or_default();
        }
        if self.threads.values().any(|of| *of == process) {
            return;
        }
        let Some(born) = self.born.remove(&process) else {
            return;
        };
        let ended = &mut self.account.processes[process];
        ended.ended_s = Some(seconds_since(self.start));
        ended.exit = Some(Ended::of_wait_status(status));
        if is_there {
            ended.at_end = at_end::of(thread, born.moved, born.in_parents_memory);
        }
        self.lock_alive().remove(&born.pid);
    }

    fn lock_alive(&self) -> std::sync::MutexGuard<'_, HashMap<Pid, Stat>> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process's number, as an event's message has it: it is far below 2³¹.
fn pid_of(message: u64) -> Pid {
    Pid::from_raw(message as i32)
}
