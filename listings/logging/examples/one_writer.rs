//! A solution: the workers' lines go to their parent, which alone writes.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use clap::Parser;
use log::{LevelFilter, Log, Metadata, Record};
use logging::handlers::print;
use process_pool::{Descriptor, Pool, StartMethod, Tasks};

// ANCHOR: solution
/// Where this process's lines go: to the writer, or nowhere else if it is the writer.
static WRITER: OnceLock<File> = OnceLock::new();

struct Logger;

impl Log for Logger {
    fn enabled(&self, _: &Metadata) -> bool {
        true
    }

    fn log(&self, record: &Record) {
        let line = format!("{} says: {}", mem_trace::name(), record.args());
        match WRITER.get() {
            // One write for a line, so that none stands in another's middle.
            Some(mut writer) => {
                let _ = writer.write_all(format!("{line}\n").as_bytes());
            }
            None => print(format_args!("{line}")),
        }
    }

    fn flush(&self) {}
}

/// Has this process end up with the logger, whether it had one or not.
fn have_logger() {
    let _ = log::set_boxed_logger(Box::new(Logger));
    log::set_max_level(LevelFilter::Info);
}

/// The task: a line to the writer, and time for the other worker to take a call.
fn serve((call, writer): (u64, Descriptor)) -> Result<(), String> {
    if WRITER.get().is_none() {
        let writer = writer.as_fd().try_clone_to_owned();
        let writer = writer.map_err(|error| error.to_string())?;
        let _ = WRITER.set(writer.into());
    }
    log::info!("call {call}");
    thread::sleep(Duration::from_millis(100));
    Ok(())
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    have_logger();
    let pool = Pool::builder(arguments.method)
        .workers(2)
        .initializer(have_logger)
        .start()?;
    // Behind the fork, at which this process has one thread.
    let (lines, writer) = io::pipe()?;
    let writing = thread::spawn(move || write(lines));
    let writer = Descriptor::from(OwnedFd::from(writer));
    let calls = pool.map(serve, (1..=4).map(|call| (call, writer.clone())));
    // The lines end when nobody is left that could write one.
    drop(writer);
    drop(pool);
    writing.join().map_err(|_| "the writer panicked")??;
    calls?.into_iter().collect::<Result<(), String>>()?;
    log::info!("all calls are done");
    Ok(())
}

fn write(lines: io::PipeReader) -> io::Result<()> {
    for line in BufReader::new(lines).lines() {
        print(format_args!("{}", line?));
    }
    Ok(())
}
// ANCHOR_END: solution

fn main() -> ExitCode {
    Tasks::new()
        .add(serve)
        .add_initializer(have_logger)
        .serve_if_worker();
    command_line::run(run)
}

/// Has two workers log, and their parent write
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "spawn")]
    method: StartMethod,
}
