/// Stops this process, until another one lets it go on.
fn pause() -> Result<()> {
    raise(Signal::SIGSTOP)
}
