//! Step 6: a batch without a result says what became of its worker.

use std::env;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::panic;
use std::process::{self, Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, raise};
use nix::sys::wait::wait;

use crate::s3_frames::{receive, send};

const WORKER: &str = "--s6-worker";

/// What a worker says of a task that panicked, before the panic's message.
const PANICKED: &str = "panicked: ";

fn call(task: &str) -> &'static str {
    match task {
        "panic" => panic!("nothing to divide by"),
        "exit" => process::exit(3),
        "kill" => raise(Signal::SIGKILL).map_or("still here", |()| "still here"),
        _ => "done",
    }
}

/// Stands at the top of `main`: a worker never gets beyond it.
pub fn serve_if_worker() {
    if env::args().nth(1).as_deref() == Some(WORKER) {
        process::exit(i32::from(serve().is_err()));
    }
}

pub fn run() -> io::Result<()> {
    let batches = [("W1", "panic"), ("W2", "exit"), ("W3", "kill")];
    for (name, task) in batches {
        let mut worker = Worker::spawn(name)?;
        // The batch that follows shows whether the worker is still of use.
        for task in [task, "work"] {
            match worker.exchange(task) {
                Ok(answer) => println!("{name}, {task}: {answer}"),
                Err(error) => println!("{name}, {task}: no result, {error}"),
            }
        }
        worker.end()?;
    }
    // ECHILD: nothing runs, and nothing waits to be reaped.
    println!(
        "children left: {}",
        wait().map_or_else(|e| e.to_string(), |s| format!("{s:?}"))
    );
    Ok(())
}

pub struct Worker {
    pub process: Child,
    /// Gone once the worker is known to have ended.
    socket: Option<UnixStream>,
}

impl Worker {
    pub fn spawn(name: &str) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let process = Command::new("/proc/self/exe")
            .args([WORKER, name])
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .spawn()?;
        let socket = Some(ours);
        Ok(Self { process, socket })
    }

    // ANCHOR: exchange
    /// One request and its reply, or how the worker ended instead.
    pub fn exchange(&mut self, task: &str) -> io::Result<String> {
        let Some(socket) = &mut self.socket else {
            return Err(io::Error::other("its worker was lost before"));
        };
        let reply = send(socket, task.as_bytes()).and_then(|()| receive(socket));
        match reply {
            Ok(Some(reply)) => Ok(String::from_utf8_lossy(&reply).into_owned()),
            // The end of the stream, or an error: the status knows more than the socket.
            Ok(None) | Err(_) => Err(io::Error::other(ending(self.end()?))),
        }
    }
    // ANCHOR_END: exchange

    pub fn end(&mut self) -> io::Result<ExitStatus> {
        self.socket = None;
        self.process.wait()
    }
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("the worker exited with code {code}"),
        (_, Some(signal)) => format!("the worker was killed by signal {signal}"),
        (None, None) => "the worker ended, how is unknown".to_owned(),
    }
}

fn serve() -> io::Result<()> {
    // The parent reports a panic: one report, with the name of the batch.
    panic::set_hook(Box::new(|_| {}));
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    while let Some(task) = receive(&mut socket)? {
        let task = String::from_utf8_lossy(&task);
        let answer = panic::catch_unwind(|| call(&task).to_owned()).unwrap_or_else(|payload| {
            let message = payload.downcast_ref::<&str>().unwrap_or(&"no message");
            format!("{PANICKED}{message}")
        });
        send(&mut socket, answer.as_bytes())?;
    }
    Ok(())
}
