//! Your version: a worker in whose environment the service's key is not to be found.

use std::env;
use std::fs;
use std::io;
use std::process::{Command, ExitCode};

use clap::Parser;

/// Starts a worker, and has it look for the service's key in its environment
#[derive(Parser)]
struct Arguments {
    /// Be the worker
    #[arg(long, hide = true)]
    worker: bool,
}

const KEY: &str = "SERVICE_KEY";
const PALETTES: &str = "PALETTES";

fn main() -> ExitCode {
    command_line::run(|Arguments { worker }| if worker { work() } else { serve() })
}

fn serve() -> io::Result<()> {
    // In place of the system that starts a service with its key.
    // SAFETY: this process has one thread, so nobody reads the environment meanwhile.
    unsafe { env::set_var(KEY, "correct horse battery staple") };

    let status = Command::new("/proc/self/exe")
        .arg("--worker")
        .env(PALETTES, "/usr/share/palettes")
        .status()?;
    if !status.success() {
        return Err(io::Error::other(format!("the worker: {status}")));
    }
    Ok(())
}

fn work() -> io::Result<()> {
    // The worker does not need it.
    // SAFETY: as above.
    unsafe { env::remove_var(KEY) };
    look()
}

/// What a stranger would do who has taken the worker over.
fn look() -> io::Result<()> {
    let say = |place: &str, there: bool| {
        println!("{place:<28}{}", if there { "found" } else { "absent" });
    };
    say("the palettes' variable", env::var_os(PALETTES).is_some());
    say("the key's variable", env::var_os(KEY).is_some());
    let all = fs::read("/proc/self/environ")?;
    let begins = |entry: &[u8]| entry.starts_with(KEY.as_bytes());
    say(
        "/proc/self/environ",
        all.split(|byte| *byte == 0).any(begins),
    );
    Ok(())
}
