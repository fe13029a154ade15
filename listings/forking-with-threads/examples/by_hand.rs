//! A solution: fork and exec by hand, with nothing between them that another thread could hold up.

use std::alloc::{GlobalAlloc, Layout, System};
use std::error::Error;
use std::ffi::{CString, NulError, c_char};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::{self, ExitCode};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use clap::Parser;
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, write};

/// Starts three programs beside a thread that has standard error
#[derive(Parser)]
struct Arguments {}

/// An allocator whose lock another thread may hold ends a child that allocates.
struct ParentOnly;

#[global_allocator]
static ALLOCATOR: ParentOnly = ParentOnly;

static PARENT: AtomicU32 = AtomicU32::new(0);

// SAFETY: each call goes to the system's allocator, or ends the process.
unsafe impl GlobalAlloc for ParentOnly {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if ![0, process::id()].contains(&PARENT.load(Relaxed)) {
            process::abort();
        }
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn main() -> ExitCode {
    PARENT.store(process::id(), Relaxed);
    command_line::run(|_: Arguments| start_beside_a_thread())
}

fn start_beside_a_thread() -> Result<(), Box<dyn Error>> {
    let (held, is_held) = mpsc::channel();
    let (let_go, may_let_go) = mpsc::channel::<()>();
    let logger = thread::spawn(move || {
        let _lines = io::stderr().lock();
        let _ = held.send(());
        let _ = may_let_go.recv();
    });
    is_held.recv()?;
    for [program, script] in [
        ["/bin/sh", "exit 0"],
        ["/bin/sh", "exit 7"],
        ["/no/such/program", ""],
    ] {
        match start(program, &["-c", script]) {
            Ok(child) => println!("{program} {script}: {}", end_of(child)?),
            Err(error) => println!("{program} is not started: {error}"),
        }
    }
    drop(let_go);
    let _ = logger.join();
    Ok(())
}

/// How a child ends. One that does not end within a second is killed.
fn end_of(child: Pid) -> nix::Result<String> {
    let start = Instant::now();
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG))? {
            WaitStatus::StillAlive if start.elapsed() > Duration::from_secs(1) => {
                kill(child, Signal::SIGKILL)?;
                waitpid(child, None)?;
                return Ok("waits for ever, is killed".to_owned());
            }
            WaitStatus::StillAlive => sleep(Duration::from_millis(1)),
            WaitStatus::Exited(_, status) => return Ok(format!("ends with status {status}")),
            other => return Ok(format!("{other:?}")),
        }
    }
}

// ANCHOR: solution
/// Starts `program`, as [`process::Command`] does. An error says that it was not executed.
fn start(program: &str, arguments: &[&str]) -> Result<Pid, Box<dyn Error>> {
    // All that allocates comes before the fork.
    let path = CString::new(program)?;
    let words: Vec<CString> = [program]
        .iter()
        .chain(arguments)
        .map(|word| CString::new(*word))
        .collect::<Result<_, NulError>>()?;
    let mut pointers: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // Closed by an exec: then its stream ends with nothing in it.
    let (mut report, reports) = io::pipe()?;

    // SAFETY: the child calls execv, write and `_exit`, which signal-safety(7) allows.
    match unsafe { fork() }? {
        ForkResult::Child => {
            // SAFETY: the path and the words end with a zero, the pointers with a null, and all
            // of them are in the child as they are here.
            unsafe { libc::execv(path.as_ptr(), pointers.as_ptr()) };
            let error = Errno::last_raw().to_ne_bytes();
            let _ = write(reports.as_fd(), &error);
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(127) }
        }
        ForkResult::Parent { child } => {
            drop(reports);
            let mut error = Vec::new();
            report.read_to_end(&mut error)?;
            match error.try_into() {
                Ok(error) => {
                    waitpid(child, None)?;
                    Err(Errno::from_raw(i32::from_ne_bytes(error)).into())
                }
                Err(_) => Ok(child),
            }
        }
    }
}
// ANCHOR_END: solution
