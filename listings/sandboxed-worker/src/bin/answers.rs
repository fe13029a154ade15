//! What a parent gets from a worker that has been taken over, and what it can tell by.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{self, ExitCode};

use clap::{Parser, ValueEnum};
use sandboxed_worker::lies::Lie;
use sandboxed_worker::picture::{self, Colour, Picture};
use sandboxed_worker::role;
use sandboxed_worker::sandbox::Layer;
use sandboxed_worker::service::{PALETTE, WorkerProcess};
use tempfile::TempDir;

/// "It cannot run here", for who runs this program.
const SKIPPED: i32 = 77;

/// Two for everybody.
const LAYERS: [Layer; 2] = [Layer::Closed, Layer::Seccomp];

/// Lets strangers' pictures take over workers, and checks what these answer
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    role::play();
    command_line::run(|_: Arguments| ask_each())
}

// ANCHOR: ask
fn ask_each() -> Result<(), Box<dyn Error>> {
    if let Err(why) = WorkerProcess::spawn(&LAYERS, Path::new("/"))? {
        println!("Skipped: no sandbox can be closed here: {why}");
        process::exit(SKIPPED);
    }
    let folder = TempDir::new()?;
    let palettes = folder.path();
    picture::write_palette(palettes, PALETTE)?;
    let honest = picture::honest(PALETTE);
    let expected = picture::decode(&honest, |name| fs::read(palettes.join(name)))?;

    for lie in Lie::value_variants() {
        let name = format!("{lie:?}").to_lowercase();
        let mut worker = start(palettes)?;
        let answer = worker.picture(&picture::with_escape(PALETTE, &name));
        println!("{name:<8}{}", judged(answer, &expected));
        if *lie == Lie::Stay {
            let answer = worker.picture(&honest);
            println!(
                "the next stranger, same worker: {}",
                judged(answer, &expected)
            );
            let answer = start(palettes)?.picture(&honest);
            println!(
                "the next stranger, new worker:  {}",
                judged(answer, &expected)
            );
        }
    }
    Ok(())
}
// ANCHOR_END: ask

fn start(palettes: &Path) -> Result<WorkerProcess, Box<dyn Error>> {
    Ok(WorkerProcess::spawn(&LAYERS, palettes)??)
}

/// What the parent makes of an answer, and what it cannot know: whether it is right.
fn judged(answer: std::io::Result<Picture>, expected: &Picture) -> String {
    let picture = match answer {
        Ok(picture) => picture,
        Err(why) => return format!("refused: {why}"),
    };
    let pairs = picture.pixels.iter().zip(&expected.pixels);
    let wrong = pairs.filter(|(one, other): &(&Colour, &Colour)| one != other);
    let (width, height) = (picture.width, picture.height);
    format!(
        "accepted: {width} x {height} pixels, {} of them wrong",
        wrong.count()
    )
}
