//! Your version: the workers' lines are to go to their parent, which alone writes.

use std::error::Error;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use log::{LevelFilter, Log, Metadata, Record};
use logging::handlers::print;
use process_pool::{Pool, StartMethod, Tasks};

struct Logger;

impl Log for Logger {
    fn enabled(&self, _: &Metadata) -> bool {
        true
    }

    /// `print` puts the name of the process that writes in front.
    fn log(&self, record: &Record) {
        print(format_args!(
            "{} says: {}",
            mem_trace::name(),
            record.args()
        ));
    }

    fn flush(&self) {}
}

/// Has this process end up with the logger, whether it had one or not.
fn have_logger() {
    let _ = log::set_boxed_logger(Box::new(Logger));
    log::set_max_level(LevelFilter::Info);
}

/// The task: a line, and time for the other worker to take a call.
fn serve(call: u64) {
    log::info!("call {call}");
    thread::sleep(Duration::from_millis(100));
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    have_logger();
    let pool = Pool::builder(arguments.method)
        .workers(2)
        .initializer(have_logger)
        .start()?;
    pool.map(serve, 1..=4)?;
    log::info!("all calls are done");
    Ok(())
}

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
