//! A worker that matches texts against patterns, and its parent's end of it.

use std::io::{self, BufRead, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::ExitCode;

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use crate::regex;

/// The first argument of a program that is a matcher.
const MATCHER: &str = "matcher";
/// The first argument of one that asks to end with its parent.
const MATCHER_THAT_ENDS: &str = "matcher-that-ends-with-its-parent";

/// Serves, and does not come back, in a process that was started as a matcher; in any other
/// it does nothing.
pub fn serve_if_matcher() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let served = match arguments.next()?.as_str() {
        MATCHER => serve(),
        MATCHER_THAT_ENDS => end_with(arguments.next()).and_then(|()| serve()),
        _ => return None,
    };
    // An error means that the parent is gone: there is nobody to tell.
    Some(ExitCode::from(u8::from(served.is_err())))
}

// ANCHOR: serve
/// The worker: a question is a line, a pattern and a text with a tab between them, and so is
/// the answer. One thread, blocking calls.
fn serve() -> io::Result<()> {
    // Whatever becomes of its parent, a worker computes for no longer than a minute.
    setrlimit(Resource::RLIMIT_CPU, 60, 60)?;
    let mut socket = StdUnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    for question in io::BufReader::new(socket.try_clone()?).lines() {
        let question = question?;
        let (pattern, text) = question.split_once('\t').unwrap_or((&question, ""));
        let answer = match regex::matches(pattern, text) {
            Some(true) => "match\n",
            Some(false) => "no match\n",
            None => "no pattern\n",
        };
        socket.write_all(answer.as_bytes())?;
    }
    // The end of the questions: the parent has closed its end, or has ended.
    Ok(())
}
// ANCHOR_END: serve

/// From now on the kernel kills this process when its parent ends (PR_SET_PDEATHSIG of
/// prctl(2)), unless it has ended before.
fn end_with(parent: Option<String>) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let parent = parent.and_then(|number| number.parse().ok());
    if parent != Some(getppid().as_raw()) {
        return Err(io::Error::other("the parent has ended already"));
    }
    Ok(())
}

/// The command that starts a matcher: this program once more.
fn command(with_parent: bool) -> Command {
    // Not its path, which may lead to another program by now (proc(5)).
    let mut command = Command::new("/proc/self/exe");
    if with_parent {
        command.args([MATCHER_THAT_ENDS, &Pid::this().to_string()]);
    } else {
        command.arg(MATCHER);
    }
    command
}

/// A matcher, as its parent has it. Dropped, it is killed.
pub struct Matcher {
    child: Child,
    socket: BufReader<UnixStream>,
}

impl Matcher {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// Where the system has no descriptors, or no processes, left.
    pub fn start() -> io::Result<Self> {
        Self::by(command(false))
    }

    /// Starts one that is killed when the thread ends that calls this.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with_parent() -> io::Result<Self> {
        Self::by(command(true))
    }

    // ANCHOR: start
    fn by(mut command: Command) -> io::Result<Self> {
        let (ours, theirs) = StdUnixStream::pair()?;
        // This end alone: the worker's is another open file description, and blocks.
        ours.set_nonblocking(true)?;
        let child = command
            .stdin(OwnedFd::from(theirs))
            .kill_on_drop(true)
            .spawn()?;
        let socket = BufReader::new(UnixStream::from_std(ours)?);
        Ok(Self { child, socket })
    }
    // ANCHOR_END: start

    /// Asks, and waits for the answer.
    ///
    /// A matcher whose answer nobody has waited for has to end: its next answer would be to this
    /// question.
    ///
    /// # Errors
    ///
    /// Where the matcher has closed its end, as it does by ending.
    pub async fn ask(&mut self, pattern: &str, text: &str) -> io::Result<String> {
        let question = format!("{pattern}\t{text}\n");
        self.socket.write_all(question.as_bytes()).await?;
        let mut answer = String::new();
        self.socket.read_line(&mut answer).await?;
        // Without its end it is no whole answer.
        if !answer.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer.trim_end().to_string())
    }

    /// The process, to wait for it or to kill it.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Tells it that no question comes any more, and gives back the process.
    pub fn dismiss(self) -> Child {
        self.child
    }
}
