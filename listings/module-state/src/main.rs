//! A list at module level: changed by the parent, then by two workers.

use std::env;
use std::error::Error;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use mem_trace::{check_output, trace};
use nix::sys::personality::{self, Persona};
use process_pool::{Pool, StartMethod, Tasks};

// ANCHOR: list
static LIST: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// What stands in for Python's module scope: `main` calls it first of all, in the
/// parent and in every spawned worker.
fn module_scope() {
    list().push("Initial value".to_string());
    trace!(
        "[MODULE SCOPE] List(id: {:p}) initially: {:?}",
        &LIST,
        list()
    );
}
// ANCHOR_END: list

// ANCHOR: task
fn append_to_list(count: u64) {
    sleep(Duration::from_secs(count));
    trace!("[FUNC SCOPE] List(id: {:p}) initially: {:?}", &LIST, list());
    list().push(format!("Child process {count} update"));
    trace!("Updated List(id: {:p}): {:?}", &LIST, list());
}
// ANCHOR_END: task

// ANCHOR: main
fn main() -> ExitCode {
    module_scope();
    // A spawned worker comes this far, and no farther.
    Tasks::new().add(append_to_list).serve_if_worker();
    command_line::run(run)
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    if arguments.fixed_addresses {
        fix_addresses()?;
    }
    let method = arguments.run;
    trace!("Start subprocesses with the '{method}' method");
    list().push("Parent process update".to_string());
    trace!("Updated List(id: {:p}): {:?}", &LIST, list());

    let pool = Pool::builder(method).workers(2).start()?;
    pool.map(append_to_list, 1..=2)?;
    drop(pool);

    trace!("List(id: {:p}) finally: {:?}", &LIST, list());
    Ok(check_output()?)
}
// ANCHOR_END: main

/// Changes one list in a parent and in two workers, and shows who sees which change
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork or spawn
    #[arg(default_value = "fork")]
    run: StartMethod,

    /// Load this program at the same address in each process
    #[arg(long)]
    fixed_addresses: bool,
}

/// The list, locked by this process. Each process has a lock of its own.
fn list() -> MutexGuard<'static, Vec<String>> {
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

// ANCHOR: fix
/// Starts this program anew without address-space randomisation, which its
/// children then do without as well (personality(2)).
fn fix_addresses() -> io::Result<()> {
    let persona = personality::get()?;
    if persona.contains(Persona::ADDR_NO_RANDOMIZE) {
        return Ok(());
    }
    if personality::set(persona | Persona::ADDR_NO_RANDOMIZE).is_err() {
        trace!("Skipped: this system does not let a program fix its addresses");
        std::process::exit(77);
    }
    Err(Command::new("/proc/self/exe")
        .args(env::args_os().skip(1))
        .exec())
}
// ANCHOR_END: fix
