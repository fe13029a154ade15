//! Your version: a named segment whose maker is killed. The second worker's is to leave nothing
//! behind.

use std::error::Error;
use std::os::fd::OwnedFd;
use std::process::{self, ExitCode};

use clap::Parser;
use mem_trace::trace;
use nix::fcntl::OFlag;
use nix::sys::mman::{shm_open, shm_unlink};
use nix::sys::signal::{Signal, raise};
use nix::sys::stat::Mode;
use process_pool::{Pool, StartMethod, Tasks};

/// Kills two workers that have made a named segment, and looks what is left
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    Tasks::new()
        .add(make)
        .add(make_and_remove_the_name)
        .serve_if_worker();
    command_line::run(|_: Arguments| make_and_look())
}

fn segment(name: &str) -> Result<OwnedFd, String> {
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_RDWR;
    shm_open(name, flags, Mode::S_IRUSR | Mode::S_IWUSR)
        .map_err(|error| format!("cannot make {name}: {error}"))
}

fn make(name: String) -> Result<(), String> {
    let _segment = segment(&name)?;
    trace!("Made a segment. Killed.");
    let _ = raise(Signal::SIGKILL);
    Ok(())
}

/// A name that is removed when this is dropped, however its owner is left.
struct Removed<'a>(&'a str);

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        let _ = shm_unlink(self.0);
    }
}

fn make_and_remove_the_name(name: String) -> Result<(), String> {
    let _segment = segment(&name)?;
    let _removed = Removed(&name);
    trace!("Made a segment and will remove its name. Killed.");
    let _ = raise(Signal::SIGKILL);
    Ok(())
}

fn make_and_look() -> Result<(), Box<dyn Error>> {
    // Nobody else's name: O_EXCL would fail, and unlink would remove theirs.
    let name = format!("/fork-spawn-share-{}", process::id());
    let pool = Pool::builder(StartMethod::Spawn).workers(2).start()?;
    for step in 1..=2 {
        let task = match step {
            1 => pool.submit(make, name.clone())?,
            _ => pool.submit(make_and_remove_the_name, name.clone())?,
        };
        match task.wait() {
            Ok(result) => result?,
            Err(error) => trace!("{error}"),
        }
        match shm_unlink(name.as_str()) {
            Ok(()) => trace!("The segment was still there. Now its name is removed."),
            Err(error) => trace!("There is no segment of that name: {error}"),
        }
    }
    Ok(())
}
