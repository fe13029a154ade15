//! Your version: a table that is made on first use, beside a fork. With `--make-first` it is to
//! be there before the thread, so that the child ends.

use std::error::Error;
use std::process::ExitCode;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::Parser;
use forking_with_threads::watchdog::in_forked_child;

/// Forks while another thread makes the table
#[derive(Parser)]
struct Arguments {
    /// Make the table before the thread is there
    #[arg(long)]
    make_first: bool,
}

/// That somebody makes the table, or has made it.
static BEGUN: AtomicBool = AtomicBool::new(false);

static SQUARES: LazyLock<Vec<u64>> = LazyLock::new(|| {
    BEGUN.store(true, Ordering::Relaxed);
    // It takes its time, as a table that is read from a file would.
    thread::sleep(Duration::from_millis(500));
    (0..1_000).map(|n| n * n).collect()
});

fn fork_beside_first_use(make_first: bool) -> Result<(), Box<dyn Error>> {
    if make_first {
        let squares = &SQUARES;
        println!("The table takes {} bytes", size_of_val(squares));
    }
    let reader = thread::spawn(|| SQUARES[30]);
    while !BEGUN.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    // SAFETY: broken on purpose: to wait for another thread is not async-signal-safe.
    let end = unsafe { in_forked_child(|| assert_eq!(SQUARES[12], 144)) }?;
    println!("The child that reads the table {end}");
    let read = reader.join().map_err(|_| "the thread panicked")?;
    println!(
        "The thread read {read}, and the parent reads {}",
        SQUARES[12]
    );
    Ok(())
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| fork_beside_first_use(arguments.make_first))
}
