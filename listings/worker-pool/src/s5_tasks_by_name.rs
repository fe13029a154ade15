//! Step 5: a spawned worker is the same program anew, and tasks travel by name.

use std::env;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{self, Child, Command, Stdio};

use crate::s3_frames::{receive, send};

type Task = fn(u64) -> u64;

/// What a worker can be asked for. Its program file is its parent's, and so is this list.
const TASKS: [(&str, Task); 2] = [("square", square), ("triple", triple)];

const WORKER: &str = "--s5-worker";

fn square(x: u64) -> u64 {
    x * x
}

fn triple(x: u64) -> u64 {
    3 * x
}

/// Stands at the top of `main`: a worker never gets beyond it.
pub fn serve_if_worker() {
    if env::args().nth(1).as_deref() == Some(WORKER) {
        process::exit(i32::from(serve().is_err()));
    }
}

pub fn run() -> io::Result<()> {
    println!("parent: square lies at {:p}", square as Task);
    let (mut worker, mut socket) = spawn()?;
    for request in ["square 12", "cube 12", "triple 12"] {
        send(&mut socket, request.as_bytes())?;
        let answer = receive(&mut socket)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        println!("{request}: {}", String::from_utf8_lossy(&answer));
    }
    drop(socket);
    println!("the worker ended: {}", worker.wait()?);
    Ok(())
}

// ANCHOR: spawn
fn spawn() -> io::Result<(Child, UnixStream)> {
    // Close-on-exec, both: of the parent's descriptors the worker gets this one alone.
    let (ours, theirs) = UnixStream::pair()?;
    let worker = Command::new("/proc/self/exe")
        .arg(WORKER)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()?;
    Ok((worker, ours))
}
// ANCHOR_END: spawn

fn serve() -> io::Result<()> {
    println!("worker: square lies at {:p}", square as Task);
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    while let Some(request) = receive(&mut socket)? {
        let request = String::from_utf8_lossy(&request);
        println!("worker: asked for {request}");
        let answer = answer(&request);
        send(&mut socket, answer.as_bytes())?;
    }
    Ok(())
}

// ANCHOR: answer
fn answer(request: &str) -> String {
    let Some((name, argument)) = request.split_once(' ') else {
        return "not a request".to_owned();
    };
    match (TASKS.iter().find(|task| task.0 == name), argument.parse()) {
        (Some((_, task)), Ok(argument)) => task(argument).to_string(),
        (None, _) => format!("no task is named {name}"),
        (_, Err(_)) => format!("{argument} is no number"),
    }
}
// ANCHOR_END: answer
