/// A file that holds the alphabet, in memory: it is read from its first byte.
fn letters() -> Result<OwnedFd> {
    let file = memfd_create(c"letters", MFdFlags::empty())?;
    write(&file, b"abcdefghijklmnopqrstuvwxyz")?;
    lseek(&file, 0, Whence::SeekSet)?;
    Ok(file)
}

/// Opens the file anew that a descriptor leads to.
fn open_again(file: &OwnedFd) -> Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    open(path.as_str(), OFlag::O_RDONLY, Mode::empty())
}

/// Marks a descriptor: it is closed when its process executes another program.
fn close_on_exec(descriptor: &OwnedFd) -> Result<()> {
    fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).map(drop)
}

/// Closes what this process was started with beyond 0, 1 and 2.
fn close_all() {
    for number in 3..100 {
        let _ = close(number);
    }
}

/// Executes this program anew, with an argument: all that it does then is to say what it has.
fn execute(me: usize) -> ! {
    let me = CString::new(me.to_string()).unwrap_or_default();
    let _ = execv(c"/proc/self/exe", &[c"again", &me]);
    exit(1)
}

/// Reads as many bytes as there are, and `most` at most, and says which.
fn read_from(me: usize, name: &str, from: &OwnedFd, most: usize) {
    let mut bytes = [0; 26];
    let what = match read(from, &mut bytes[..most]) {
        Ok(0) => "end of file".to_string(),
        Ok(count) => bytes[..count].escape_ascii().to_string(),
        Err(Errno::EAGAIN) => "would block".to_string(),
        Err(error) => error.to_string(),
    };
    say(me, &format!("reads {name}: {what}"));
}

/// Says which descriptors this process has beyond 0, 1 and 2, and what they lead to.
fn has(me: usize) {
    let mut all = Vec::new();
    for number in 3..100 {
        let path = format!("/proc/self/fd/{number}");
        let (Ok(to), Ok(link)) = (fs::read_link(&path), fs::symlink_metadata(&path)) else {
            continue;
        };
        let may_write = link.permissions().mode() & 0o200 != 0;
        let what = if !to.to_string_lossy().starts_with("pipe") {
            "letters"
        } else if may_write {
            "pipe, to write"
        } else {
            "pipe, to read"
        };
        all.push(format!("{number} ({what})"));
    }
    say(me, &format!("has {}", all.join(" ")));
}
