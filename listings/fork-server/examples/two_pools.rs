//! A solution: two pools of one process have one server.

use std::collections::BTreeSet;
use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use nix::unistd::getppid;
use process_pool::{Pool, StartMethod, Tasks};

/// Asks the workers of two pools for their parent
#[derive(Parser)]
struct Arguments {}

// ANCHOR: solution
fn parent(_: u32) -> i32 {
    getppid().as_raw()
}

fn ask() -> Result<(), Box<dyn Error>> {
    let pools = [2, 3].map(|workers| {
        Pool::builder(StartMethod::ForkServer)
            .workers(workers)
            .start()
    });
    let mut parents = BTreeSet::new();
    for pool in &pools {
        match pool {
            Ok(pool) => parents.extend(pool.map(parent, 0..8)?),
            Err(error) => return Err(error.to_string().into()),
        }
    }
    println!("The workers of two pools have {} parent", parents.len());
    Ok(())
}
// ANCHOR_END: solution

fn main() -> ExitCode {
    Tasks::new().add(parent).serve_if_worker();
    command_line::run(|_: Arguments| ask())
}
