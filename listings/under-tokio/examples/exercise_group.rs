//! Your version: the second deadline is to end all that the shell has started.

use std::error::Error;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use clap::Parser;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::runtime::Builder;
use tokio::time::timeout;
use under_tokio::processes::children;

/// Kills a shell that has started another program
#[derive(Parser)]
struct Arguments {}

const DEADLINE: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    command_line::run(|_: Arguments| -> Result<(), Box<dyn Error>> {
        // What loses its parent comes to this process, and not to init.
        prctl::set_child_subreaper(true)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(kill_both())
    })
}

async fn kill_both() -> Result<(), Box<dyn Error>> {
    let mut shell = Command::new("sh");
    shell.args(["-c", "sleep 600 & echo; wait"]);
    shell.stdout(Stdio::piped());

    let mut child = started(&mut shell).await?;
    let _ = timeout(DEADLINE, child.wait()).await;
    child.kill().await?;
    println!("the shell killed: {} left", left()?);

    let mut child = started(&mut shell).await?;
    let _ = timeout(DEADLINE, child.wait()).await;
    child.kill().await?;
    println!("its group killed: {} left", left()?);
    Ok(())
}

/// A shell that has started its own child.
async fn started(shell: &mut Command) -> Result<Child, Box<dyn Error>> {
    let mut child = shell.spawn()?;
    let mut output = child.stdout.take().ok_or("no standard output")?;
    output.read_exact(&mut [0]).await?;
    Ok(child)
}

/// How many orphans have come to this process alive. They are ended.
fn left() -> Result<usize, Box<dyn Error>> {
    let mut left = 0;
    for orphan in children()? {
        kill(orphan, Signal::SIGTERM)?;
        // By another signal: it was killed before.
        let end = waitpid(orphan, None)?;
        left += usize::from(matches!(end, WaitStatus::Signaled(_, Signal::SIGTERM, _)));
    }
    Ok(left)
}
