//! Your version: a table for two workers of a fork server. It is to be made in the server, and
//! then the workers are to write to it.

use std::error::Error;
use std::process::ExitCode;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use clap::Parser;
use mem_trace::{MemoryUsage, mebibytes, trace};
use nix::sys::resource::{UsageWho, getrusage};
use process_pool::{Pool, StartMethod, Tasks};

/// Has two workers use a table that their server has made
#[derive(Parser)]
struct Arguments {}

static TABLE: LazyLock<Vec<AtomicBool>> = LazyLock::new(|| {
    let made = fork_server::table().iter();
    made.map(|prime| AtomicBool::new(*prime)).collect()
});

/// One entry of each page of the table.
fn entries() -> impl Iterator<Item = &'static AtomicBool> {
    TABLE.iter().skip(1).step_by(4096)
}

/// The task. It takes some time, so that the other worker has its turn.
fn use_table(_: u32) {
    let mut before = faults();
    let mut show = |what: &str| {
        let set = entries().filter(|entry| entry.load(Relaxed)).count();
        let since = faults() - before;
        let own = mebibytes(MemoryUsage::now().private_dirty.unwrap_or(0));
        trace!("{what}: {set} entries set, {own} MB its own, faults: {since}");
        before = faults();
    };
    thread::sleep(Duration::from_millis(100));
    show("Forked, a byte of each page read");
}

/// This process's page faults so far that no disk had to serve (getrusage(2), `ru_minflt`).
fn faults() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.minor_page_faults())
}

fn use_in_workers() -> Result<(), Box<dyn Error>> {
    // Ready before the pool starts.
    LazyLock::force(&TABLE);
    let pool = Pool::builder(StartMethod::ForkServer).workers(2).start()?;
    pool.map(use_table, 0..2)?;
    Ok(())
}

fn main() -> ExitCode {
    Tasks::new().add(use_table).serve_if_worker();
    command_line::run(|_: Arguments| use_in_workers())
}
