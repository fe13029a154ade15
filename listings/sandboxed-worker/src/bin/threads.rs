//! Which threads a sandbox holds, when one of them closes it.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode};
use std::sync::mpsc;
use std::thread;

use clap::{Parser, ValueEnum};
use sandboxed_worker::attack::reason;
use sandboxed_worker::sandbox::{Layer, allowed, filter};
use tempfile::TempDir;

/// "It cannot run here", for who runs this program.
const SKIPPED: i32 = 77;

/// Closes a sandbox in a process of two threads, and has each of them create a file
#[derive(Parser)]
struct Arguments {
    /// How to close it, in this process
    #[arg(long, hide = true, requires = "folder")]
    inside: Option<Way>,

    /// Where to create files
    #[arg(long, hide = true)]
    folder: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    Seccomp,
    Tsync,
    Landlock,
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| match arguments {
        Arguments {
            inside: Some(way),
            folder: Some(folder),
        } => close(way, &folder),
        _ => close_each(),
    })
}

/// Each in a process of its own: what is closed stays closed.
fn close_each() -> Result<(), Box<dyn Error>> {
    println!("{:<20}{:<16}a thread from before", "", "its own thread");
    for (name, way) in [
        ("seccomp", "seccomp"),
        ("seccomp with TSYNC", "tsync"),
        ("Landlock", "landlock"),
    ] {
        let folder = TempDir::new()?;
        let mut inside = Command::new("/proc/self/exe");
        inside
            .args(["--inside", way, "--folder"])
            .arg(folder.path());
        let output = inside.output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        match output.status.code() {
            Some(0) => println!("{name:<20}{}", said.trim_end()),
            Some(SKIPPED) => {
                folder.close()?;
                println!("Skipped: {name} is not available here: {}", said.trim_end());
                process::exit(SKIPPED);
            }
            _ => return Err(String::from_utf8_lossy(&output.stderr).trim_end().into()),
        }
    }
    Ok(())
}

fn close(way: Way, folder: &Path) -> Result<(), Box<dyn Error>> {
    let (ask, asked) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let theirs = folder.join("theirs");
    // It ends with the process.
    thread::spawn(move || {
        let _ = tell.send("started".to_owned());
        for () in asked {
            let _ = tell.send(create(&theirs));
        }
    });
    // A thread that is being started makes system calls that the filter does not know.
    told.recv()?;

    // ANCHOR: close
    let closed = match way {
        Way::Seccomp => Layer::Seccomp.close(folder),
        Way::Tsync => seccompiler::apply_filter_all_threads(&filter(allowed()?)?)
            .map_err(Box::<dyn Error>::from),
        Way::Landlock => Layer::Landlock.close(folder),
    };
    // ANCHOR_END: close
    if let Err(why) = closed {
        println!("{why}");
        process::exit(SKIPPED);
    }
    ask.send(())?;
    println!("{:<16}{}", create(&folder.join("ours")), told.recv()?);
    Ok(())
}

fn create(path: &Path) -> String {
    match fs::write(path, "I was here") {
        Ok(()) => "done".to_owned(),
        Err(error) => reason(&error),
    }
}
