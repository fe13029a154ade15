/// Forks: true in the child.
fn child() -> Result<bool> {
    // SAFETY: this program has one thread, so its child may do all that it may (fork(2)).
    Ok(unsafe { fork()? }.is_child())
}

/// Waits until a child has ended, whichever it is, and for nothing where there is none.
fn wait_for_one() {
    let _ = wait();
}

/// The same as a wait, and says the status with which the child exited.
fn reap(me: usize) {
    if let Ok(WaitStatus::Exited(_, status)) = wait() {
        say(me, &format!("reaps status {status}"));
    }
}

/// Stops this process, until another one lets it go on.
fn pause() -> Result<()> {
    raise(Signal::SIGSTOP)
}

/// Waits until a child has stopped: its process id.
fn until_paused() -> Result<Pid> {
    let status = waitpid(None, Some(WaitPidFlag::WUNTRACED))?;
    status.pid().ok_or(Errno::ECHILD)
}

/// Lets a process go on that has stopped.
fn go_on(paused: Pid) -> Result<()> {
    kill(paused, Signal::SIGCONT)
}

/// Prints a line in one write.
fn say(me: usize, what: &str) {
    let _ = write(std::io::stdout(), format!("P{me} {what}\n").as_bytes());
}
