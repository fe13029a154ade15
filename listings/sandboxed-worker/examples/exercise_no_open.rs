//! Your version: a worker whose filter has no openat(2), and which is to decode all the same.

use std::error::Error;
use std::path::Path;
use std::process::{self, ExitCode};
use std::{env, fs, io};

use clap::Parser;
use nix::libc;
use sandboxed_worker::attack::Attempt;
use sandboxed_worker::sandbox::{allowed, filter};
use sandboxed_worker::service::Start;
use sandboxed_worker::table::{heading, row};
use sandboxed_worker::{role, worker};

/// Lets pictures take over a worker whose filter has no openat(2)
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    if let [_, role, _, palettes] = &arguments[..]
        && role == "worker"
    {
        work(Path::new(palettes));
    }
    role::play();
    command_line::run(|_: Arguments| -> io::Result<()> {
        let columns = [
            Attempt::Read,
            Attempt::Write,
            Attempt::Memory,
            Attempt::File,
            Attempt::Socket,
        ];
        heading(&columns);
        if !row("no openat", &columns, &[], Start::Spawn)? {
            println!("Skipped: no filter can be had here");
            process::exit(77);
        }
        Ok(())
    })
}

fn work(palettes: &Path) -> ! {
    let close = || -> Result<(), Box<dyn Error>> {
        let mut allowed = allowed()?;
        for call in [
            libc::SYS_openat,
            libc::SYS_statx,
            libc::SYS_lseek,
            libc::SYS_close,
        ] {
            allowed.remove(&call);
        }
        Ok(seccompiler::apply_filter(&filter(allowed)?)?)
    };
    worker::work(close, |name| fs::read(palettes.join(name)))
}
