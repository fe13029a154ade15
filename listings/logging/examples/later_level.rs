//! A solution: a level that is changed while workers live.

use std::error::Error;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use log::{LevelFilter, Log, Metadata, Record};
use logging::handlers::print;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use process_pool::{Pool, StartMethod, Tasks};

// ANCHOR: solution
/// The least severe level that is let through, as a number: 3 is INFO, 4 is DEBUG.
static LEVEL: OnceLock<&AtomicUsize> = OnceLock::new();

fn level() -> &'static AtomicUsize {
    LEVEL.get_or_init(|| Box::leak(Box::default()))
}

/// A page that stays one page when this process forks.
fn in_shared_memory() -> nix::Result<&'static AtomicUsize> {
    let page = NonZeroUsize::new(4096).expect("it is not 0");
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping, which nothing else lies in and which is never taken away. It is
    // aligned to a page, and its zeros are an AtomicUsize. Other processes may write to it,
    // by atomic operations alone.
    Ok(unsafe {
        mmap_anonymous(None, page, access, MapFlags::MAP_SHARED)?
            .cast()
            .as_ref()
    })
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
// ANCHOR_END: solution

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
        LEVEL
            .set(in_shared_memory()?)
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
    /// Keep the level in memory that the parent shares with its workers
    #[arg(long)]
    shared: bool,
}
