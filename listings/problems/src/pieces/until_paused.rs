/// Waits until a child has stopped: its process id.
fn until_paused() -> Result<Pid> {
    let status = waitpid(None, Some(WaitPidFlag::WUNTRACED))?;
    status.pid().ok_or(Errno::ECHILD)
}
