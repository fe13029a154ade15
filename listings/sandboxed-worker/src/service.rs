//! A service that has a key, and workers that decode for it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::{fmt, mem};

use clap::{Args, ValueEnum};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stdin, fork};

use crate::attack::{Attempt, IN_MEMORY};
use crate::picture::{self, MOST_BYTES, Picture};
use crate::sandbox::Layer;
use crate::{wire, worker};

/// The palette that all pictures here name.
pub const PALETTE: &str = "grey";

/// How a worker comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Start {
    /// By executing its program anew.
    Spawn,
    /// As a copy of its parent.
    Fork,
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}").to_lowercase())
    }
}

/// What a service is started with.
#[derive(Debug, Args)]
pub struct Service {
    /// The layers of its worker
    #[arg(long = "layer")]
    pub layers: Vec<Layer>,

    /// How its worker comes to be
    #[arg(long)]
    pub start: Start,

    /// What the second picture tries
    #[arg(long)]
    pub attempt: Attempt,

    /// Where the key and the palettes are
    #[arg(long)]
    pub folder: PathBuf,

    /// Another service's port
    #[arg(long)]
    pub neighbour: u16,

    /// The database's port
    #[arg(long)]
    pub database: u16,
}

impl Service {
    // ANCHOR: serve
    /// Has two pictures decoded, an honest one and one that takes the worker over; prints what
    /// the worker says to the second.
    ///
    /// # Errors
    ///
    /// Where the worker cannot be started, or does not decode.
    pub fn serve(&self) -> io::Result<()> {
        let palettes = self.folder.join("palettes");
        let key = self.folder.join("key");
        let _ = IN_MEMORY.set(fs::read_to_string(&key)?);
        allow_tracers();
        // Opened as by a library that does not mark what it opens close-on-exec.
        let file = unmarked(File::open(&key)?)?;
        let database = unmarked(TcpStream::connect((Ipv4Addr::LOCALHOST, self.database))?)?;

        let start = match self.start {
            Start::Spawn => WorkerProcess::spawn,
            Start::Fork => WorkerProcess::fork,
        };
        let mut worker = match start(&self.layers, &palettes)? {
            Ok(worker) => worker,
            Err(why) => {
                println!("unavailable {why}");
                return Ok(());
            }
        };
        let honest = picture::honest(PALETTE);
        let expected = picture::decode(&honest, |name| fs::read(palettes.join(name)))
            .map_err(io::Error::other)?;
        if worker.picture(&honest)? != expected {
            return Err(io::Error::other("the worker decodes something else"));
        }

        let target = match self.attempt {
            Attempt::Read | Attempt::Chmod => key.into_os_string(),
            Attempt::Write => self.folder.join("written").into_os_string(),
            Attempt::Connect => self.neighbour.to_string().into(),
            Attempt::Kill | Attempt::Memory => process::id().to_string().into(),
            Attempt::File => file.as_raw_fd().to_string().into(),
            Attempt::Socket => database.as_raw_fd().to_string().into(),
            Attempt::Exec | Attempt::Own => OsString::new(),
        };
        let instructions = format!("{} {}", self.attempt, target.to_string_lossy());
        match worker.ask(&picture::with_escape(PALETTE, &instructions)) {
            Ok(report) => println!("{}", String::from_utf8_lossy(&report)),
            Err(_) => println!("refused {}", worker.end()?),
        }
        Ok(())
    }
    // ANCHOR_END: serve
}

/// Yama, where there is one, lets only ancestors and the like read a process's memory; this
/// process lets everybody whom the other rules let (prctl(2)).
fn allow_tracers() {
    // SAFETY: the call has numbers for arguments. Without Yama it fails, and nothing is lost.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY) };
}

fn unmarked<F: AsFd>(file: F) -> io::Result<F> {
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(file)
}

/// A worker, as its parent has it.
#[derive(Debug)]
pub struct WorkerProcess {
    socket: UnixStream,
    /// Until it has been waited for.
    pid: Option<Pid>,
}

impl WorkerProcess {
    // ANCHOR: spawn
    /// Starts this program anew as a worker, and waits until it says that its sandbox is
    /// closed. Where that cannot be, the worker's reason.
    ///
    /// # Errors
    ///
    /// Where it cannot be started, or ends early.
    pub fn spawn(layers: &[Layer], palettes: &Path) -> io::Result<Result<Self, String>> {
        let (ours, theirs) = UnixStream::pair()?;
        let child = Command::new("/proc/self/exe")
            .args(["worker", "--palettes"])
            .arg(palettes)
            .args(layers.iter().map(Layer::argument))
            .stdin(OwnedFd::from(theirs))
            .spawn()?;
        Self::wait_until_closed(ours, Pid::from_raw(child.id() as i32))
    }
    // ANCHOR_END: spawn

    // ANCHOR: fork
    /// Forks a worker instead.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn fork(layers: &[Layer], palettes: &Path) -> io::Result<Result<Self, String>> {
        let (ours, theirs) = UnixStream::pair()?;
        // SAFETY: a service has one thread, so the child may do all that it may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                dup2_stdin(&theirs)?;
                // The first layer closes what else it has.
                mem::forget((ours, theirs));
                worker::in_layers(layers, palettes)
            }
            ForkResult::Parent { child } => {
                drop(theirs);
                Self::wait_until_closed(ours, child)
            }
        }
    }
    // ANCHOR_END: fork

    fn wait_until_closed(socket: UnixStream, pid: Pid) -> io::Result<Result<Self, String>> {
        let mut worker = Self {
            socket,
            pid: Some(pid),
        };
        let said = worker.answer()?;
        Ok(match &said[..] {
            b"closed" => Ok(worker),
            why => Err(String::from_utf8_lossy(why).into_owned()),
        })
    }

    /// Sends it a stranger's file; its answer, of which nothing is known but the length.
    ///
    /// # Errors
    ///
    /// Where it is gone, or answers more than a picture could have.
    pub fn ask(&mut self, file: &[u8]) -> io::Result<Vec<u8>> {
        wire::send(&self.socket, file)?;
        self.answer()
    }

    /// Sends it a stranger's file; the picture in its answer.
    ///
    /// # Errors
    ///
    /// As above, and where the answer is no picture.
    pub fn picture(&mut self, file: &[u8]) -> io::Result<Picture> {
        Picture::from_bytes(&self.ask(file)?).map_err(io::Error::other)
    }

    fn answer(&mut self) -> io::Result<Vec<u8>> {
        let answer = wire::receive(&self.socket, MOST_BYTES)?;
        answer.ok_or_else(|| io::Error::other("the worker has ended"))
    }

    /// Waits for its end: the signal, or the status.
    ///
    /// # Errors
    ///
    /// Those of waitpid(2), and where that has told its end already.
    pub fn end(&mut self) -> io::Result<String> {
        let pid = self.pid.take().ok_or(Errno::ECHILD)?;
        Ok(match waitpid(pid, None)? {
            WaitStatus::Signaled(_, signal, _) => signal.to_string(),
            WaitStatus::Exited(_, status) => format!("status {status}"),
            other => format!("{other:?}"),
        })
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            // It may have become something that does not read its socket.
            let _ = kill(pid, Signal::SIGKILL);
            let _ = waitpid(pid, None);
        }
    }
}
