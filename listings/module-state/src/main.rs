//! A list at module level: changed by the parent, then by two workers.

mod page;

use std::env;
use std::error::Error;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use mem_trace::{check_output, trace};
use nix::sys::personality::{self, Persona};
use page::OwnPage;
use process_pool::{Pool, StartMethod, Tasks};

// ANCHOR: list
static LIST: OwnPage<Mutex<Vec<String>>> = OwnPage(Mutex::new(Vec::new()));

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

// ANCHOR: look
/// The same, and before and after it whose page the list's is.
fn append_and_look(count: u64) {
    look("before the update");
    append_to_list(count);
    look("after the update");
}

fn look(when: &str) {
    let whose = match page::is_own(&LIST) {
        Ok(true) => "this process's alone",
        Ok(false) => "shared with another process",
        Err(_) => "unknown: this system does not tell",
    };
    trace!("The page of the list at {:p} {when}: {whose}", &LIST);
}
// ANCHOR_END: look

// ANCHOR: fail
/// A task with a mistake in it, for one of its arguments.
fn append_or_fail(count: u64) {
    assert!(count != 2, "no update {count} today");
    list().push(format!("Child process {count} update"));
    trace!("Updated List(id: {:p}): {:?}", &LIST, list());
}
// ANCHOR_END: fail

// ANCHOR: main
fn main() -> ExitCode {
    module_scope();
    // A spawned worker comes this far, and no farther.
    Tasks::new()
        .add(append_to_list)
        .add(append_and_look)
        .add(append_or_fail)
        .serve_if_worker();
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
    match arguments.task {
        Task::Append => {
            pool.map(append_to_list, 1..=2)?;
        }
        Task::Look => {
            look("in the parent, while the workers live");
            pool.map(append_and_look, 1..=2)?;
        }
        Task::Fail => {
            pool.map(append_or_fail, 1..=2)?;
        }
        Task::FailUnread => unread(&pool)?,
    }
    drop(pool);

    trace!("List(id: {:p}) finally: {:?}", &LIST, list());
    Ok(check_output()?)
}
// ANCHOR_END: main

// ANCHOR: unread
/// As the notes' program does it: the results are there, and nobody takes them.
fn unread(pool: &Pool) -> Result<(), process_pool::Error> {
    for count in 1..=2 {
        drop(pool.submit(append_or_fail, count)?);
    }
    Ok(())
}
// ANCHOR_END: unread

/// Changes one list in a parent and in two workers, and shows who sees which change
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "fork")]
    run: StartMethod,

    /// What the workers do
    #[arg(long, value_enum, default_value = "append")]
    task: Task,

    /// Load this program at the same address in each process
    #[arg(long)]
    fixed_addresses: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Task {
    /// Append to the list
    Append,
    /// Append, and tell before and after whose page the list's is
    Look,
    /// Append, or fail
    Fail,
    /// The same, and nobody looks at the results
    FailUnread,
}

/// The list, locked by this process. Each process has a lock of its own.
fn list() -> MutexGuard<'static, Vec<String>> {
    LIST.0.lock().unwrap_or_else(PoisonError::into_inner)
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
