//! Two workers, spawned at the top of a `main` that has no guard.

use std::env;
use std::io;
use std::process::{Child, Command, ExitCode, ExitStatus};

/// Where this book's program stops what would never stop.
const LAST_GENERATION: u32 = 3;

// ANCHOR: no_guard
fn main() -> ExitCode {
    let generation = env::var("GENERATION").map_or(0, |text| text.parse().unwrap_or(0));
    println!("generation {generation}: a process at the top of main");
    if generation == LAST_GENERATION {
        return ExitCode::FAILURE;
    }
    let workers = [(); 2].map(|()| spawn_worker(generation + 1));
    // Here the workers' tasks would follow. No worker comes this far: each has workers
    // of its own to start.
    let ends = workers.map(|worker| worker.and_then(|mut child| child.wait()));
    // ANCHOR_END: no_guard
    let worked = |end: &io::Result<_>| matches!(end, Ok(status) if ExitStatus::success(status));
    if ends.iter().all(worked) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Starts this program anew.
fn spawn_worker(generation: u32) -> io::Result<Child> {
    Command::new("/proc/self/exe")
        .env("GENERATION", generation.to_string())
        .spawn()
}
