/// A file that holds the alphabet, in memory: it is read from its first byte.
fn letters() -> Result<OwnedFd> {
    let file = memfd_create(c"letters", MFdFlags::empty())?;
    write(&file, b"abcdefghijklmnopqrstuvwxyz")?;
    lseek(&file, 0, Whence::SeekSet)?;
    Ok(file)
}
