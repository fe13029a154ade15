//! Builds a listing's program.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use crate::book::listing::{Listing, Program};
use crate::run::runner::Stop;

/// How much of the machine a build takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Somebody waits for it.
    Ordinary,
    /// Nobody does yet: whatever else runs goes first (nice(1)), and a build that somebody
    /// waits for takes its turn.
    Low,
}

/// Builds come one after another: two would wait for each other's lock inside cargo,
/// where nobody sees it.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Returns when no build is under way.
pub fn wait_for_builds() {
    drop(ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner));
}

/// How many builds wait for their turn, or have just got it, for which somebody waits.
static AWAITED: AtomicUsize = AtomicUsize::new(0);

/// Whether somebody waits for another build than one of this priority.
fn gives_way(priority: Priority) -> bool {
    priority == Priority::Low && AWAITED.load(Ordering::SeqCst) > 0
}

/// Waits for the end of other builds. What somebody waits for comes first.
fn turn(priority: Priority, stop: &Stop) -> Result<MutexGuard<'static, ()>> {
    let counts = usize::from(priority == Priority::Ordinary);
    AWAITED.fetch_add(counts, Ordering::SeqCst);
    let turn = loop {
        if stop.is_requested() {
            break Err(anyhow!("stopped"));
        }
        if !gives_way(priority) {
            match ONE_AT_A_TIME.try_lock() {
                Ok(turn) => break Ok(turn),
                Err(TryLockError::Poisoned(turn)) => break Ok(turn.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    AWAITED.fetch_sub(counts, Ordering::SeqCst);
    turn
}

/// Builds one of the listing's programs in the dev profile, as a
/// reader's `cargo run` does, and returns it. Cargo's messages go to standard error.
///
/// # Errors
///
/// When it does not build, or `stop` ends the build, with every compiler.
pub fn build(
    listing: &Listing,
    program: &Program,
    priority: Priority,
    stop: &Stop,
) -> Result<PathBuf> {
    loop {
        let _turn = turn(priority, stop)?;
        if let Some(program) = build_now(listing, program, priority, stop)? {
            return Ok(program);
        }
    }
}

/// Nothing when the build has given way: what cargo has built until then stays.
fn build_now(
    listing: &Listing,
    program: &Program,
    priority: Priority,
    stop: &Stop,
) -> Result<Option<PathBuf>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = match priority {
        Priority::Ordinary => Command::new(&cargo),
        Priority::Low => {
            let mut command = Command::new("nice");
            command.args(["-n", "19"]).arg(&cargo);
            command
        }
    };
    command
        .args([
            "build",
            "--quiet",
            "--message-format=json-render-diagnostics",
            "-p",
        ])
        .arg(&listing.name);
    if let Some((option, name)) = program.option() {
        command.args([option, name]);
    }
    let mut child = command
        .current_dir(&listing.dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        // Its compilers are ended with it.
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", cargo.display()))?;
    let mut output = child.stdout.take().context("cargo has no output")?;
    let reader = std::thread::Builder::new()
        .name("reads cargo".into())
        .spawn(move || {
            let mut messages = Vec::new();
            output.read_to_end(&mut messages).map(|_| messages)
        });
    let status = wait(&mut child, || stop.is_requested() || gives_way(priority));
    let messages = match reader.context("cannot start a thread")?.join() {
        Ok(messages) => messages.context("cannot read cargo's messages")?,
        Err(_) => bail!("the thread that reads cargo's messages panicked"),
    };
    let status = status?;
    if stop.is_requested() {
        bail!("stopped");
    }
    let Some(status) = status else {
        return Ok(None);
    };
    let what = program.option().map_or(&*listing.name, |(_, name)| name);
    if !status.success() {
        bail!("cannot build {what}: cargo ended with {status}");
    }
    program_in(&String::from_utf8_lossy(&messages), what).map(Some)
}

/// How the child ended; nothing when it was ended here, because it had to be.
fn wait(child: &mut Child, has_to_end: impl Fn() -> bool) -> Result<Option<ExitStatus>> {
    loop {
        let ended = child.try_wait().context("cannot wait for cargo")?;
        if ended.is_some() {
            return Ok(ended);
        }
        if has_to_end() {
            // It may have ended in this moment; its zombie takes the signal.
            let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
            child.wait().context("cannot wait for cargo")?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The program that cargo's messages tell of: that of the target's name, or the only one.
fn program_in(messages: &str, name: &str) -> Result<PathBuf> {
    let mut programs: Vec<(String, PathBuf)> = Vec::new();
    for line in messages.lines() {
        // What a build script prints may stand between the messages.
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let target = message["target"]["name"].as_str();
        if let (Some(target), Some(program)) = (target, message["executable"].as_str()) {
            programs.push((target.to_owned(), PathBuf::from(program)));
        }
    }
    let named = programs.iter().find(|(target, _)| target == name);
    match (named, &programs[..]) {
        (Some((_, program)), _) | (None, [(_, program)]) => Ok(program.clone()),
        (None, []) => bail!("{name} has no program; a listing has a src/main.rs"),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|(target, _)| target.as_str()).collect();
            bail!(
                "{name} has several programs ({}); accepted is one named {name}",
                names.join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::Book;
    use crate::fixture_book;

    fn artifact(name: &str, executable: &str) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","target":{{"name":"{name}"}},"executable":{executable}}}"#
        )
    }

    /// All builds of a process share their turns: one test at a time takes some.
    static ALONE: Mutex<()> = Mutex::new(());

    fn alone() -> MutexGuard<'static, ()> {
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[test]
    fn a_build_that_somebody_waits_for_comes_before_one_of_the_background() {
        let _alone = alone();
        let order = Mutex::new(Vec::new());
        let stop = Stop::default();
        let first = turn(Priority::Low, &stop).expect("nobody stops it");
        let begin = |priority| {
            let _turn = turn(priority, &stop).expect("nobody stops it");
            order.lock().expect("nobody panics").push(priority);
        };
        std::thread::scope(|threads| {
            threads.spawn(|| begin(Priority::Low));
            // It has long asked for its turn when the reader comes.
            std::thread::sleep(Duration::from_millis(50));
            threads.spawn(|| begin(Priority::Ordinary));
            while AWAITED.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            drop(first);
        });
        let order = order.into_inner().expect("nobody panics");
        assert_eq!(order, [Priority::Ordinary, Priority::Low]);
    }

    #[test]
    fn a_build_of_the_background_gives_way_and_is_made_afterwards() {
        let _alone = alone();
        let folder = fixture_book::book();
        let book = Book::open(folder.path()).expect("the book is whole");
        let listing = &book.listings[0];
        // The first build waits for its end; any later one has nothing to do.
        fixture_book::write(
            &listing.dir,
            "build.rs",
            "fn main() {\n    if std::fs::rename(\"slow\", \"begun\").is_ok() {\n        \
             std::thread::sleep(std::time::Duration::from_secs(60));\n        \
             panic!(\"nobody has ended this build\");\n    }\n}\n",
        );
        fixture_book::write(&listing.dir, "slow", "");

        let stop = Stop::default();
        let built =
            |priority| build(listing, &Program::Main, priority, &stop).map_err(|e| e.to_string());
        std::thread::scope(|threads| {
            let background = threads.spawn(|| built(Priority::Low));
            while !listing.dir.join("begun").exists() {
                assert!(!background.is_finished(), "{:?}", background.join());
                std::thread::sleep(Duration::from_millis(10));
            }
            let awaited = built(Priority::Ordinary).expect("it builds");
            assert!(awaited.is_file(), "{}", awaited.display());
            let background = background.join().expect("it does not panic");
            assert_eq!(background, Ok(awaited));
        });
    }

    #[test]
    fn a_build_that_waits_for_its_turn_can_be_stopped() {
        let _alone = alone();
        let _under_way = turn(Priority::Ordinary, &Stop::default()).expect("nobody stops it");
        let stop = Stop::default();
        std::thread::scope(|threads| {
            let waiting = threads.spawn(|| turn(Priority::Ordinary, &stop).map(drop));
            stop.request();
            let ended = waiting.join().expect("it does not panic");
            assert_eq!(ended.expect_err("it was stopped").to_string(), "stopped");
        });
    }

    #[test]
    fn the_program_is_that_of_the_packages_name_or_the_only_one() {
        let library = artifact("demo", "null");
        let demo = artifact("demo", "\"/t/demo\"");
        let other = artifact("other", "\"/t/other\"");
        let found = |messages: &[&str]| {
            program_in(&messages.join("\n"), "demo").map_err(|error| error.to_string())
        };
        assert_eq!(
            found(&[&library, "warning", &other, &demo]),
            Ok("/t/demo".into())
        );
        assert_eq!(found(&[&library, &other]), Ok("/t/other".into()));
        assert_eq!(
            found(&[&library]),
            Err("demo has no program; a listing has a src/main.rs".into())
        );
        assert_eq!(
            found(&[&other, &artifact("third", "\"/t/third\"")]),
            Err("demo has several programs (other, third); accepted is one named demo".into())
        );
    }
}
