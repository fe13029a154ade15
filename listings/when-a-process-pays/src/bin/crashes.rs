//! Twenty tasks, of which one crashes in the C library: by two workers, then by two threads.

use std::error::Error;
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};
use std::ptr;

use clap::Parser;
use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use process_pool::{Pool, StartMethod, Tasks};
use when_a_process_pays::{TWO, by_threads};

/// Gives twenty tasks to workers, then to the threads of a second program; one task crashes
#[derive(Parser)]
struct Arguments {
    /// Do the tasks by two threads of this process
    #[arg(long)]
    by_threads: bool,
}

fn main() -> ExitCode {
    Tasks::new().add(length).serve_if_worker();
    command_line::run(|arguments: Arguments| -> Result<(), Box<dyn Error>> {
        // Nobody will read the cores.
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        if arguments.by_threads {
            let lengths = by_threads(&Vec::from_iter(1..=20), length);
            lengths.iter().for_each(|length| println!("{length}"));
            return Ok(());
        }
        by_workers()?;
        by_another_program()
    })
}

/// The task: the length of a text, by the C library. For 13 there is no text.
fn length(x: u64) -> usize {
    let text = match x {
        13 => ptr::null(),
        _ => c"fork, spawn, share".as_ptr(),
    };
    // SAFETY: the condition, a pointer to a text with a NUL at its end, is broken for 13, on
    // purpose. Nobody reads what the call returns then: the process has ended.
    unsafe { libc::strlen(black_box(text)) }
}

fn by_workers() -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder(StartMethod::Spawn).workers(TWO).start()?;
    let calls: Vec<_> = (1..=20)
        .map(|x| pool.submit(length, x))
        .collect::<Result<_, _>>()?;
    let (lengths, errors): (Vec<_>, Vec<_>) = calls
        .into_iter()
        .map(|call| call.wait())
        .partition(Result::is_ok);
    println!("two workers: {} of 20 results", lengths.len());
    for error in errors.into_iter().filter_map(Result::err) {
        println!("two workers: {error}");
    }
    Ok(())
}

fn by_another_program() -> Result<(), Box<dyn Error>> {
    let ended = Command::new("/proc/self/exe")
        .arg("--by-threads")
        .output()?;
    let lengths = ended.stdout.iter().filter(|byte| **byte == b'\n').count();
    let how = match ended.status.signal() {
        Some(signal) => format!("was killed by {}", Signal::try_from(signal)?),
        None => ended.status.to_string(),
    };
    println!("two threads: {lengths} of 20 results; their program {how}");
    Ok(())
}
