/// Opens the file anew that a descriptor leads to.
fn open_again(file: &OwnedFd) -> Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    open(path.as_str(), OFlag::O_RDONLY, Mode::empty())
}
