//! Children that look at something and tell it: the same question to a forked child
//! and to a spawned one.
//!
//! A spawned child is this program, started anew with a question as its argument. The first
//! line of a `main` that knows questions hands them to [`answer_if_asked`].

use std::io::{self, PipeWriter, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{self, Command, Stdio};

use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// What a forked child finds.
pub fn forked(look: impl FnOnce() -> String) -> io::Result<String> {
    let (mut answer, mut own_end) = io::pipe()?;
    // SAFETY: this program has one thread whenever it forks by itself, so the child may do all
    // that its parent may (fork(2)).
    match unsafe { fork() }? {
        ForkResult::Child => {
            // A panic that unwound on would run the destructors of the parent's values, among
            // them those that remove its files. Nothing of `look` is used after it.
            let Ok(found) = catch_unwind(AssertUnwindSafe(look)) else {
                leave(101)
            };
            let told = own_end.write_all(found.as_bytes());
            leave(if told.is_ok() { 0 } else { 1 })
        }
        ForkResult::Parent { child } => {
            drop(own_end);
            let mut text = String::new();
            let read = answer.read_to_string(&mut text);
            ended_well(child)?;
            read.map(|_| text)
        }
    }
}

/// A question for a spawned child: the argument that asks it, and what answers.
pub type Question = (&'static str, fn() -> String);

/// Answers the question that this program was started with, if it was, and ends.
pub fn answer_if_asked(questions: &[Question]) {
    let Some(asked) = std::env::args_os().nth(1) else {
        return;
    };
    let known = questions.iter().find(|(question, _)| asked == *question);
    if let Some((_, answer)) = known {
        let told = io::stdout().write_all(answer().as_bytes());
        process::exit(if told.is_ok() { 0 } else { 1 });
    }
}

/// What a spawned child answers: this program, started anew with a question.
pub fn spawned(question: Question) -> io::Result<String> {
    spawned_with(Command::new("/proc/self/exe").arg(question.0))
}

/// What a spawned program prints.
pub fn spawned_with(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!(
            "a spawned child ended with {}: {}",
            output.status,
            told.trim()
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A forked child that does nothing until it is dropped. It holds what it inherited.
pub struct Paused {
    pid: Pid,
    go_on: Option<PipeWriter>,
}

impl Paused {
    /// Forks it.
    pub fn fork() -> io::Result<Self> {
        let (mut waits, go_on) = io::pipe()?;
        // SAFETY: as in `forked`.
        match unsafe { fork() }? {
            ForkResult::Child => {
                drop(go_on);
                let _ = waits.read(&mut [0]);
                leave(0)
            }
            ForkResult::Parent { child } => Ok(Self {
                pid: child,
                go_on: Some(go_on),
            }),
        }
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        // The end of its pipe is what it waits for.
        drop(self.go_on.take());
        let _ = waitpid(self.pid, None);
    }
}

/// Ends a forked child. `_exit` and not `exit`: what the parent has registered for its own end
/// (atexit(3)), and what waits in its buffers, is the parent's to do, once.
pub fn leave(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions (_exit(2)).
    unsafe { libc::_exit(code) }
}

fn ended_well(child: Pid) -> io::Result<()> {
    match waitpid(child, None)? {
        WaitStatus::Exited(_, 0) => Ok(()),
        other => Err(io::Error::other(format!("a forked child ended: {other:?}"))),
    }
}
