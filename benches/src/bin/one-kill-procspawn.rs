//! One kill among many calls of procspawn's pool.
//!
//! ```text
//! mkfifo fifo; cargo run -p benches --bin one-kill-procspawn -- 1000 fifo
//! ```

use std::process::ExitCode;

use anyhow::Result;
use benches::one_kill::{Experiment, PATIENCE, WORKERS, answer};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use procspawn::{JoinHandle, Pool};

fn main() -> ExitCode {
    procspawn::init();
    command_line::run(run)
}

fn run(experiment: Experiment) -> Result<()> {
    // A call that waits has channels of its own: three descriptors.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;

    let pool = Pool::new(WORKERS)?;
    let report = experiment.observe(
        |call| Ok(pool.spawn(call, answer)),
        |mut handle: JoinHandle<_>| match handle.join_timeout(PATIENCE) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_timeout() => Ok(None),
            Err(error) => Err(format!("SpawnError: {error}")),
        },
    )?;
    println!("{report}");
    Ok(())
}
