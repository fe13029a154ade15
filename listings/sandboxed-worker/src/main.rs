//! What a worker can do once a picture has taken it over: attempts by layers of a sandbox.

use std::io;
use std::process::{self, ExitCode};

use clap::Parser;
use sandboxed_worker::attack::Attempt;
use sandboxed_worker::role;
use sandboxed_worker::sandbox::Layer;
use sandboxed_worker::service::Start;
use sandboxed_worker::table::{heading, row};

/// "It cannot run here", for who runs this program.
const SKIPPED: i32 = 77;

/// Lets strangers' pictures take over workers in sandboxes, and shows what each could do
#[derive(Parser)]
struct Arguments {
    /// Compare a worker that is spawned with one that is forked
    #[arg(long)]
    forked: bool,
}

fn main() -> ExitCode {
    role::play();
    command_line::run(|arguments: Arguments| {
        if arguments.forked {
            compare_starts()
        } else {
            compare_layers()
        }
    })
}

// ANCHOR: layers
fn compare_layers() -> io::Result<()> {
    let columns = [
        Attempt::Read,
        Attempt::Write,
        Attempt::Chmod,
        Attempt::Connect,
        Attempt::Exec,
        Attempt::Kill,
        Attempt::Memory,
        Attempt::File,
        Attempt::Socket,
    ];
    heading(&columns);
    row("nothing", &columns, &[], Start::Spawn)?;
    let mut all = Vec::new();
    for (name, layer) in [
        ("closed", Layer::Closed),
        ("other user", Layer::User),
        ("Landlock", Layer::Landlock),
        ("seccomp", Layer::Seccomp),
    ] {
        if row(name, &columns, &[layer], Start::Spawn)? {
            all.push(layer);
        }
    }
    row("all", &columns, &all, Start::Spawn)?;
    // Only root can become another user; the others are for everybody.
    for layer in [Layer::Closed, Layer::Landlock, Layer::Seccomp] {
        if !all.contains(&layer) {
            skip(&layer.to_string());
        }
    }
    Ok(())
}
// ANCHOR_END: layers

// ANCHOR: starts
fn compare_starts() -> io::Result<()> {
    let columns = [Attempt::Read, Attempt::Memory, Attempt::File, Attempt::Own];
    let all = [Layer::Closed, Layer::Landlock, Layer::Seccomp];
    heading(&columns);
    if !row("spawned", &columns, &all, Start::Spawn)? {
        skip("a layer");
    }
    row("forked", &columns, &all, Start::Fork).map(|_| ())
}
// ANCHOR_END: starts

fn skip(missing: &str) -> ! {
    println!("Skipped: this system lacks what the record was made with: {missing}");
    process::exit(SKIPPED)
}
