//! One supervisor, seven workers: what becomes of each?

use std::error::Error;
use std::fmt;
use std::io::{self, PipeReader, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{self, Command, ExitCode, Stdio};
use std::time::Instant;

use clap::{Parser, ValueEnum};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use supervision::job::Job;
use supervision::orphans;
use supervision::process::{Process, left_until, told};

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| match arguments.worker {
        None => supervise(),
        Some(job) => work(job),
    })
}

/// Says what came of the job. The exit status says whether it is done.
fn work(job: Job) -> Result<(), Box<dyn Error>> {
    match job.run() {
        Ok(result) => println!("{result}"),
        Err(refused) => {
            println!("{refused}");
            process::exit(1);
        }
    }
    Ok(())
}

// ANCHOR: supervise
fn supervise() -> Result<(), Box<dyn Error>> {
    // What a worker leaves behind comes to this process.
    prctl::set_child_subreaper(true)?;
    let jobs = Job::value_variants().iter();
    let mut workers = jobs.map(Worker::start).collect::<io::Result<Vec<_>>>()?;
    while workers.iter().any(Worker::is_there) {
        for event in next(&workers)? {
            match event {
                Event::Says(at) => workers[at].listen()?,
                Event::Overruns(at) => workers[at].kill_at_deadline()?,
                Event::Ends(at) => workers[at].end_group()?,
            }
        }
    }
    println!("JOB        ITS WORKER'S END        OTHERS  IT SAID");
    for worker in &mut workers {
        worker.listen()?;
        println!("{worker}");
    }
    let orphans = orphans::end_all_but(&[])?;
    println!("left behind by workers, and ended now: {orphans}");
    for worker in workers.iter_mut().filter(|worker| !worker.silent) {
        worker.listen()?;
        println!("{worker}");
    }
    Ok(())
}
// ANCHOR_END: supervise

// ANCHOR: limits
/// What a worker may have: bytes of address space, seconds of the processor's time, and
/// descriptors with numbers below 16. The soft limit, then the hard one.
fn limit() -> io::Result<()> {
    setrlimit(Resource::RLIMIT_AS, 512 << 20, 512 << 20)?;
    setrlimit(Resource::RLIMIT_CPU, 1, 2)?;
    setrlimit(Resource::RLIMIT_NOFILE, 16, 16)?;
    // No core dump: SIGXCPU would write one.
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    Ok(())
}
// ANCHOR_END: limits

struct Worker {
    job: Job,
    process: Process,
    deadline: Instant,
    overran: bool,
    /// How it ended, and how many more there were in its group.
    ending: Option<(String, usize)>,
    /// What it says, and whether nobody is left who could say more.
    pipe: PipeReader,
    said: Vec<u8>,
    silent: bool,
}

impl Worker {
    // ANCHOR: start
    /// Starts this program anew with that job, as the first of a process group, and waits until
    /// the job has begun.
    fn start(job: &Job) -> io::Result<Self> {
        let (mut pipe, theirs) = io::pipe()?;
        let name = job.to_possible_value().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new("/proc/self/exe");
        command.args(["--worker", name.get_name()]);
        command.stdin(Stdio::null()).stdout(theirs).process_group(0);
        // SAFETY: between fork and exec `limit` makes system calls alone.
        unsafe { command.pre_exec(limit) };
        let child = command.spawn()?;
        // Nobody has waited for the child: the number is its own.
        let process = Process::open(Pid::from_raw(child.id().cast_signed()))?;
        // This process's copy of the other end goes with it.
        drop(command);
        pipe.read_exact(&mut [0])?;
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self {
            job: *job,
            process,
            deadline: Instant::now() + job.deadline(),
            overran: false,
            ending: None,
            pipe,
            said: Vec::new(),
            silent: false,
        })
    }
    // ANCHOR_END: start

    fn is_there(&self) -> bool {
        self.ending.is_none()
    }

    /// Reads what there is. At the end of the stream nobody is left who could write to it.
    fn listen(&mut self) -> io::Result<()> {
        match self.pipe.read_to_end(&mut self.said) {
            Ok(_) => self.silent = true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    // ANCHOR: end
    fn kill_at_deadline(&mut self) -> io::Result<()> {
        self.overran = true;
        self.process.kill()
    }

    /// Ends what is left of its group. The worker has ended and has not been waited for, so its
    /// number is its own, and its group's: after the wait it may be another's.
    fn end_group(&mut self) -> io::Result<()> {
        let group = self.process.pid();
        killpg(group, Signal::SIGKILL)?;
        let status = self.process.wait()?;
        let told = if self.overran {
            "killed at its deadline".to_owned()
        } else {
            told(status)
        };
        // The others are orphans now, and so have come to this process.
        let mut others = 0;
        while waitid(Id::PGid(group), WaitPidFlag::WEXITED).is_ok() {
            others += 1;
        }
        self.ending = Some((told, others));
        Ok(())
    }
    // ANCHOR_END: end
}

/// A line of the table.
impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let job = format!("{:?}", self.job).to_lowercase();
        let (told, others) = self.ending.clone().unwrap_or_default();
        let said = String::from_utf8_lossy(&self.said);
        let said = match (said.trim(), self.silent) {
            ("", true) => "nothing",
            ("", false) => "nothing, yet",
            (said, _) => said,
        };
        write!(f, "{job:<11}{told:<24}{others:<8}{said}")
    }
}

/// What may happen next to a worker, which is told by its place.
enum Event {
    /// It says something, or nobody is left who could
    Says(usize),
    Overruns(usize),
    Ends(usize),
}

// ANCHOR: next
/// Waits for what happens next: one call for all pipes, processes and deadlines (poll(2)).
fn next(workers: &[Worker]) -> io::Result<Vec<Event>> {
    let mut fds = Vec::new();
    let mut events = Vec::new();
    let mut deadline = None;
    for (at, worker) in workers.iter().enumerate() {
        if !worker.silent {
            fds.push(PollFd::new(worker.pipe.as_fd(), PollFlags::POLLIN));
            events.push(Event::Says(at));
        }
        if worker.is_there() {
            fds.push(PollFd::new(worker.process.as_fd(), PollFlags::POLLIN));
            events.push(Event::Ends(at));
        }
        if worker.is_there() && !worker.overran {
            deadline = deadline.into_iter().chain([worker.deadline]).min();
        }
    }
    poll(&mut fds, deadline.map_or(PollTimeout::NONE, left_until))?;
    let mut happened: Vec<Event> = events
        .into_iter()
        .zip(&fds)
        .filter(|(_, fd)| fd.any() == Some(true))
        .map(|(event, _)| event)
        .collect();
    let now = Instant::now();
    for (at, worker) in workers.iter().enumerate() {
        if worker.is_there() && !worker.overran && worker.deadline <= now {
            happened.push(Event::Overruns(at));
        }
    }
    Ok(happened)
}
// ANCHOR_END: next

/// Starts seven workers, and prints what became of each
#[derive(Parser)]
struct Arguments {
    /// Be a worker, with this job
    #[arg(long, hide = true)]
    worker: Option<Job>,
}
