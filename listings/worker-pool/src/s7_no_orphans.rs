//! Step 7: the parent is killed. Which of its workers end?

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid, pause};

pub fn run() -> io::Result<()> {
    // Orphans become this process's children, so that it can tell how they end.
    prctl::set_child_subreaper(true)?;
    let (mut started, mut report) = io::pipe()?;
    let (hold, mut release) = io::pipe()?;
    // SAFETY: this process has one thread, so the child may do all that it may.
    let parent = match unsafe { fork() }? {
        ForkResult::Child => {
            // A worker with a copy of it would never read the end of it.
            drop(release);
            if let Err(error) = parent_of_three(&mut report, &hold) {
                // In the place of a process id, as system calls do it: less than none.
                let errno = error.raw_os_error().unwrap_or(libc::EIO);
                let _ = report.write_all(&(-errno).to_ne_bytes());
            }
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(1) }
        }
        ForkResult::Parent { child } => child,
    };
    drop(report);
    let idle = number_from(&mut started)?;
    let watched = number_from(&mut started)?;
    let busy = number_from(&mut started)?;

    kill(parent, Signal::SIGKILL)?;
    println!("the parent: {:?}", waitpid(parent, None)?);
    println!("an idle worker: {:?}", waitpid(idle, None)?);
    println!("a busy worker that watched: {:?}", waitpid(watched, None)?);
    // Long enough for one that dies with its parent.
    thread::sleep(Duration::from_millis(50));
    let alone = waitpid(busy, Some(WaitPidFlag::WNOHANG))?;
    println!("a busy worker that did not: {alone:?}");
    release.write_all(&[1])?;
    println!("the same after its task: {:?}", waitpid(busy, None)?);
    Ok(())
}

/// Starts three workers, tells their process ids, and waits to be killed.
fn parent_of_three(report: &mut PipeWriter, hold: &PipeReader) -> io::Result<()> {
    let parent = getpid();
    let mut sockets: Vec<UnixStream> = Vec::new();
    for (is_busy, watches) in [(false, false), (true, true), (true, false)] {
        let (mut ours, theirs) = UnixStream::pair()?;
        // SAFETY: as in `run`: one thread, in this copy of it too.
        match unsafe { fork() }? {
            ForkResult::Child => {
                drop((ours, sockets));
                let served = serve(theirs, hold, is_busy, watches.then_some(parent));
                // SAFETY: `_exit` has no preconditions.
                unsafe { libc::_exit(i32::from(served.is_err())) }
            }
            ForkResult::Parent { child } => {
                // It is ready, and at its task if it has one.
                ours.read_exact(&mut [0])?;
                report.write_all(&child.as_raw().to_ne_bytes())?;
                sockets.push(ours);
            }
        }
    }
    loop {
        pause();
    }
}

fn serve(
    mut socket: UnixStream,
    mut hold: &PipeReader,
    is_busy: bool,
    watched: Option<Pid>,
) -> io::Result<()> {
    // ANCHOR: serve
    if let Some(parent) = watched {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // It may have died before the request was made.
        if getppid() != parent {
            return Ok(());
        }
    }
    socket.write_all(&[1])?;
    if is_busy {
        hold.read_exact(&mut [0])?;
    }
    // A worker that waits for work sees the parent's end of the socket close.
    while socket.read(&mut [0])? > 0 {}
    // ANCHOR_END: serve
    Ok(())
}

fn number_from(pipe: &mut PipeReader) -> io::Result<Pid> {
    let mut number = [0; 4];
    pipe.read_exact(&mut number)?;
    match i32::from_ne_bytes(number) {
        errno @ ..0 => Err(io::Error::from_raw_os_error(-errno)),
        pid => Ok(Pid::from_raw(pid)),
    }
}
