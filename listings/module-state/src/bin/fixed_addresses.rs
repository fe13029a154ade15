//! The chapter's program without address-space randomisation.

use std::env;
use std::error::Error;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use clap::Parser;
use mem_trace::{check_output, trace};
use module_state::{LIST, append, append_to_list, list, module_scope};
use nix::sys::personality::{self, Persona};
use process_pool::{Pool, StartMethod, Tasks};

fn main() -> ExitCode {
    module_scope();
    Tasks::new().add(append_to_list).serve_if_worker();
    command_line::run(run)
}

fn run(Arguments { method }: Arguments) -> Result<(), Box<dyn Error>> {
    fix_addresses()?;
    trace!("Start subprocesses with the '{method}' method");
    append("Parent process update");

    let pool = Pool::builder(method).workers(2).start()?;
    pool.map(append_to_list, 1..=2)?;
    drop(pool);

    trace!("List(id: {:p}) finally: {:?}", &LIST, list());
    Ok(check_output()?)
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

/// Changes the list as the chapter's program does, loaded at one address in each process
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "spawn")]
    method: StartMethod,
}
