/// Marks a descriptor: it is closed when its process executes another program.
fn close_on_exec(descriptor: &OwnedFd) -> Result<()> {
    fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).map(drop)
}
