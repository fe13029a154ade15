//! Your version: with `--shared`, a worker is to follow when its parent raises the level.

use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use clap::Parser;
use log::{LevelFilter, Log, Metadata, Record};
use logging::handlers::print;
use process_pool::{Pool, StartMethod, Tasks};

/// The least severe level that is let through, as a number: 3 is INFO, 4 is DEBUG.
static LEVEL: AtomicUsize = AtomicUsize::new(0);

/// The same for all: each has a reference to one number.
static SHARED_LEVEL: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

fn level() -> &'static AtomicUsize {
    SHARED_LEVEL.get().map_or(&LEVEL, |shared| shared)
}

struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.level() as usize <= level().load(Ordering::Relaxed)
    }

    fn log(&self, record: &Record) {
        if self.enabled(record.metadata()) {
            print(format_args!("{}: {}", record.level(), record.args()));
        }
    }

    fn flush(&self) {}
}

/// The task: a line for everybody, and one for the curious.
fn serve(call: u64) {
    log::info!("call {call}");
    log::debug!("call {call} in all its detail");
}

fn main() -> ExitCode {
    Tasks::new().add(serve).serve_if_worker();
    command_line::run(run)
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    if arguments.shared {
        SHARED_LEVEL
            .set(Arc::default())
            .expect("it is set here first");
    }
    level().store(LevelFilter::Info as usize, Ordering::Relaxed);
    log::set_boxed_logger(Box::new(Logger))?;
    log::set_max_level(LevelFilter::Debug);

    let pool = Pool::builder(StartMethod::Fork).workers(1).start()?;
    pool.map(serve, [1])?;
    level().store(LevelFilter::Debug as usize, Ordering::Relaxed);
    log::debug!("from now on, details");
    pool.map(serve, [2])?;
    Ok(())
}

/// Raises the level of the log while a worker lives
#[derive(Parser)]
struct Arguments {
    /// Keep the level where parent and workers share it
    #[arg(long)]
    shared: bool,
}
