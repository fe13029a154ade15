/// Lets a process go on that has stopped.
fn go_on(paused: Pid) -> Result<()> {
    kill(paused, Signal::SIGCONT)
}
