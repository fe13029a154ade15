//! Log lines of a parent and its workers: lost, kept and doubled.

mod separate;

use std::error::Error;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use logging::handlers::{self, Logger};
use logging::module_scope;
use process_pool::{Pool, StartMethod, Tasks};

// ANCHOR: logger
/// This module's logger.
static LOGGER: Logger = Logger::named(module_path!());

fn call_logger(count: u64) {
    sleep(Duration::from_millis(100 * count));
    handlers::report();
    LOGGER.debug(format_args!(
        "Logger(id: {:p}): function executed.",
        &LOGGER
    ));
}
// ANCHOR_END: logger

// ANCHOR: main
fn main() -> ExitCode {
    module_scope();
    Tasks::new()
        .add(call_logger)
        .add(separate::call_logger)
        .add_initializer(handlers::add_handler)
        .add_initializer(handlers::have_one_handler)
        .add_initializer(set_logger_of_the_crate)
        .add_initializer(init)
        .serve_if_worker();
    command_line::run(run)
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    handlers::add_handler();
    let method = arguments.run;
    LOGGER.debug(format_args!(
        "Logger(id: {:p}): start subprocesses with the '{method}' method",
        &LOGGER
    ));

    let pool = Pool::builder(method).workers(2);
    let pool = match arguments.initializer {
        None => pool,
        Some(Initializer::AddHandler) => pool.initializer(handlers::add_handler),
        Some(Initializer::OneHandler) => pool.initializer(handlers::have_one_handler),
        Some(Initializer::Init) => pool.initializer(init),
        Some(Initializer::SetLogger) => pool.initializer(set_logger_of_the_crate),
    }
    .start()?;
    if arguments.separate {
        pool.map(separate::call_logger, 1..=2)?;
    } else {
        pool.map(call_logger, 1..=2)?;
    }
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: refused
/// What the `log` crate itself offers: one logger for the life of a process.
fn set_logger_of_the_crate() {
    if let Err(error) = log::set_boxed_logger(Box::new(handlers::Handlers)) {
        handlers::print(format_args!("{} - Refused: {error}", module_path!()));
    }
}
// ANCHOR_END: refused

// ANCHOR: init
/// As many loggers' `init` does it: sets this process up, and panics where that fails.
fn init() {
    log::set_boxed_logger(Box::new(handlers::Handlers)).expect("a first logger");
    handlers::add_handler();
}
// ANCHOR_END: init

/// Logs in a parent and in two workers, and shows which lines arrive
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "spawn")]
    run: StartMethod,

    /// What each worker does before its first task
    #[arg(long, value_enum, value_name = "WHAT")]
    initializer: Option<Initializer>,

    /// Log from a function of another module, with a logger of its own
    #[arg(long)]
    separate: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Initializer {
    /// Append a handler to the list, as the parent did
    AddHandler,
    /// Have one handler, whatever there was before
    OneHandler,
    /// Set the log crate's logger, panic where that fails, then append a handler
    Init,
    /// Set the log crate's logger, which a process can do once
    SetLogger,
}
