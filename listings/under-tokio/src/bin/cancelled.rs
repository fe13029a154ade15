//! A deadline passes, and the future that waits for a child is gone. Is the child?

use std::error::Error;
use std::process::ExitCode;
use std::thread;
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
    let (child, pid) = spawn(Command::new("sleep").arg("600"))?;
    let waited = timeout(DEADLINE, wait_for(child)).await.is_ok();
    sleep(DEADLINE).await;
    println!("the deadline alone: {}", outcome(waited, pid));
    kill(pid, Signal::SIGKILL)?;

    let (waited, pid) = dropped_at_a_deadline().await?;
    println!("kill_on_drop: {}", outcome(waited, pid));
    sleep(DEADLINE).await;
    println!("kill_on_drop, 100 ms later: {}", outcome(waited, pid));

    let (mut child, pid) = spawn(Command::new("sleep").arg("600"))?;
    let waited = timeout(DEADLINE, child.wait()).await.is_ok();
    child.kill().await?;
    println!("kill, awaited: {}", outcome(waited, pid));
    Ok(())
}

/// Has the child from now on, and drops it where it is dropped itself.
async fn wait_for(mut child: Child) -> bool {
    child.wait().await.is_ok()
}
// ANCHOR_END: three

/// A child that has ended, killed as it was dropped. Does not let the runtime go on.
async fn dropped_at_a_deadline() -> Result<(bool, Pid), Box<dyn Error>> {
    let mut tries = 0;
    loop {
        let (child, pid) = spawn(Command::new("sleep").arg("600").kill_on_drop(true))?;
        let waited = timeout(DEADLINE, wait_for(child)).await.is_ok();
        until_it_has_ended(pid);
        tries += 1;
        // Now and then one has ended before its drop looks, which then waits for it: another.
        if Presence::of(pid) != Presence::Gone || tries == 5 {
            return Ok((waited, pid));
        }
    }
}

/// The same, and from then on there is no runtime.
fn without_a_runtime(runtime: Runtime) -> Result<(), Box<dyn Error>> {
    let (waited, pid) = runtime.block_on(dropped_at_a_deadline())?;
    drop(runtime);
    thread::sleep(DEADLINE);
    println!("kill_on_drop, the runtime gone: {}", outcome(waited, pid));
    Ok(())
}

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
