//! A deadline passes, and the future that waits for a child is gone. Is the child?

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};
use under_tokio::processes::Presence;

/// Waits for children until a deadline, and looks what is left of them
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    command_line::run(|_: Arguments| cancel())
}

const DEADLINE: Duration = Duration::from_millis(100);

fn cancel() -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(three_deadlines())?;
    without_a_runtime(runtime)
}

// ANCHOR: three
/// Three children that would take ten minutes, and 100 ms for each of them.
async fn three_deadlines() -> Result<(), Box<dyn Error>> {
    let mut command = Command::new("sleep");
    command.arg("600");

    let (child, pid) = spawn(&mut command)?;
    let waited = timeout(DEADLINE, wait_for(child)).await;
    sleep(DEADLINE).await;
    println!("the deadline alone: {}", outcome(waited.is_ok(), pid));
    kill(pid, Signal::SIGKILL)?;

    let (child, pid) = spawn(command.kill_on_drop(true))?;
    let waited = timeout(DEADLINE, wait_for(child)).await;
    until_it_has_ended(pid);
    println!("kill_on_drop: {}", outcome(waited.is_ok(), pid));
    sleep(DEADLINE).await;
    println!(
        "kill_on_drop, 100 ms later: the child is {}",
        Presence::of(pid)
    );

    let (mut child, pid) = spawn(command.kill_on_drop(false))?;
    let waited = timeout(DEADLINE, child.wait()).await;
    child.kill().await?;
    println!("kill, awaited: {}", outcome(waited.is_ok(), pid));
    Ok(())
}

/// Has the child from now on, and drops it where it is dropped itself.
async fn wait_for(mut child: Child) -> bool {
    child.wait().await.is_ok()
}
// ANCHOR_END: three

// ANCHOR: without
/// A child is killed as it is dropped, and nobody runs the runtime after that.
fn without_a_runtime(runtime: Runtime) -> Result<(), Box<dyn Error>> {
    let (child, pid) = {
        let _inside = runtime.enter();
        spawn(Command::new("sleep").arg("600").kill_on_drop(true))?
    };
    drop(child);
    drop(runtime);
    until_it_has_ended(pid);
    std::thread::sleep(DEADLINE);
    println!(
        "kill_on_drop, and no runtime any more: the child is {}",
        Presence::of(pid)
    );
    Ok(())
}
// ANCHOR_END: without

fn spawn(command: &mut Command) -> Result<(Child, Pid), Box<dyn Error>> {
    let child = command.spawn()?;
    let pid = child.id().ok_or("it was waited for already")?;
    Ok((child, Pid::from_raw(pid.cast_signed())))
}

/// Blocks this thread, and with it the runtime. Takes no status from the kernel.
fn until_it_has_ended(pid: Pid) {
    // An error: it has been waited for.
    let _ = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
}

fn outcome(waited: bool, pid: Pid) -> String {
    let what = if waited { "it ended" } else { "deadline" };
    format!("{what}, the child is {}", Presence::of(pid))
}
