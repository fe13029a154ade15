/// The same as a wait, and says the status with which the child exited.
fn reap(me: usize) {
    if let Ok(WaitStatus::Exited(_, status)) = wait() {
        say(me, &format!("reaps status {status}"));
    }
}
