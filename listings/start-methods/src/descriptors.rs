//! Row 5: what a child does with descriptors that it never asked for.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, PipeReader, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, Flock, FlockArg, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags, poll};

use crate::children::{Paused, Question, forked, spawned_with};
use crate::findings::{Findings, Row};

/// Which of the files named in `WATCHED` a child has open.
pub const OPEN_FILES: Question = ("open-files", watched_files);

/// Four bytes of a child's standard input.
pub const READ_FOUR: Question = ("read-four", read_four);

const WATCHED: &str = "WATCHED";

/// How long an end of file is waited for that does not come, in milliseconds.
const PATIENCE_MS: u16 = 200;

/// Whether this process has each of the files open: `open` or `closed`, in their order.
/// A file goes by the name that /proc gives it.
fn open_or_closed(watched: &str) -> String {
    let descriptors = fs::read_dir("/proc/self/fd");
    let open: Vec<String> = descriptors
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some(fs::read_link(entry.path()).ok()?.display().to_string()))
        .collect();
    watched
        .split(' ')
        .map(|file| {
            if open.iter().any(|open| open == file) {
                "open "
            } else {
                "closed "
            }
        })
        .collect()
}

/// Which of the files named in the environment are open here.
fn watched_files() -> String {
    open_or_closed(&std::env::var(WATCHED).unwrap_or_default())
}

/// What a child reads where its parent left off.
fn read_four() -> String {
    let mut four = [0; 4];
    // By the system call: the library's buffer would read on.
    match nix::unistd::read(io::stdin(), &mut four) {
        Ok(read) => String::from_utf8_lossy(&four[..read]).into_owned(),
        Err(error) => format!("nothing ({error})"),
    }
}

fn set_close_on_exec(fd: impl AsFd, on: bool) -> io::Result<()> {
    let flags = if on {
        FdFlag::FD_CLOEXEC
    } else {
        FdFlag::empty()
    };
    fcntl(fd, FcntlArg::F_SETFD(flags))?;
    Ok(())
}

/// Each question in turn.
pub fn measure() -> Result<Findings, Box<dyn Error>> {
    let mut lines = Vec::new();
    let inherited = who_has_what(&mut lines)?;
    end_of_file(&mut lines)?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("ten-bytes");
    fs::write(&path, "0123456789")?;
    offset(File::open(&path)?, &mut lines)?;
    locks(&path, &mut lines)?;
    Ok(Findings {
        lines,
        row: Row {
            about: "Resource management",
            measured: format!(
                "without close-on-exec a descriptor is {inherited} in a spawned child"
            ),
        },
    })
}

/// Returns what a spawned child has of a descriptor without close-on-exec.
fn who_has_what(lines: &mut Vec<String>) -> io::Result<String> {
    let (closes, _closes_end) = io::pipe()?;
    let (stays, _stays_end) = io::pipe()?;
    set_close_on_exec(&stays, false)?;
    let (closed, closed_end) = io::pipe()?;
    set_close_on_exec(&closed, false)?;
    let name = |fd: BorrowedFd<'_>| -> io::Result<String> {
        let link = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()))?;
        Ok(link.display().to_string())
    };
    // The other ends of the pipes have the same names, and close-on-exec.
    let watched = [closes.as_fd(), stays.as_fd(), closed.as_fd()].map(name);
    let watched = watched
        .into_iter()
        .collect::<io::Result<Vec<_>>>()?
        .join(" ");
    drop((closed, closed_end));
    let by_fork = forked(|| open_or_closed(&watched))?;
    let mut command = Command::new("/proc/self/exe");
    let by_spawn = spawned_with(command.arg(OPEN_FILES.0).env(WATCHED, &watched))?;
    let mut without = "unknown".to_owned();
    for (method, states) in [("fork", &by_fork), ("spawn", &by_spawn)] {
        let states: Vec<&str> = states.split_whitespace().collect();
        let [with, stays, closed] = states[..] else {
            return Err(io::Error::other(format!(
                "a child told of {} files, not 3",
                states.len()
            )));
        };
        lines.push(format!(
            "{method:<6} a descriptor with close-on-exec is {with} in the child, one without is {stays}, \
             one that the parent has closed is {closed}"
        ));
        without = stays.to_owned();
    }
    Ok(without)
}

/// Whether the end of the pipe is there, or comes while one is patient.
fn ends(reader: &PipeReader) -> io::Result<&'static str> {
    let mut fds = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
    Ok(match poll(&mut fds, PATIENCE_MS)? {
        0 => "does not come",
        _ => "comes",
    })
}

/// The pipe whose end of file does not come, and when it does.
fn end_of_file(lines: &mut Vec<String>) -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    let sibling = Paused::fork()?;
    drop(writer);
    lines.push(format!(
        "fork   the end of a pipe {} while a forked child lives that has a copy of its writing end",
        ends(&reader)?
    ));
    drop(sibling);
    lines.push(format!(
        "fork   the end of that pipe {} when the child has ended",
        ends(&reader)?
    ));

    for (close_on_exec, how) in [(false, "without"), (true, "with")] {
        let (reader, writer) = io::pipe()?;
        set_close_on_exec(&writer, close_on_exec)?;
        let mut sibling = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        drop(writer);
        let ends = ends(&reader);
        // Its standard input ends, and with it the program.
        drop(sibling.stdin.take());
        sibling.wait()?;
        lines.push(format!(
            "spawn  the end of a pipe {} while a spawned child lives, its writing end {how} close-on-exec",
            ends?
        ));
    }
    Ok(())
}

/// One open file has one offset, whoever reads it.
fn offset(mut file: File, lines: &mut Vec<String>) -> io::Result<()> {
    forked(|| {
        let mut four = [0; 4];
        let read = (&file).read_exact(&mut four);
        read.map_or_else(|error| error.to_string(), |()| String::new())
    })?;
    lines.push(format!(
        "fork   after the child has read 4 bytes the parent's offset is {}",
        file.stream_position()?
    ));
    file.rewind()?;
    let mut command = Command::new("/proc/self/exe");
    let child = command
        .arg(READ_FOUR.0)
        .stdin(Stdio::from(file.try_clone()?));
    let output = child.stdout(Stdio::piped()).output()?;
    io::stderr().write_all(&output.stderr)?;
    lines.push(format!(
        "spawn  after a child that was given the file has read 4 bytes the parent's offset is {}",
        file.stream_position()?
    ));
    Ok(())
}

/// The locks of flock(2), and one kind of fcntl(2)'s, belong to the open file; the other kind to
/// the process.
fn locks(path: &std::path::Path, lines: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    let open = || File::options().read(true).write(true).open(path);
    let refused = |file: File| match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(_) => "is free",
        Err((_, Errno::EWOULDBLOCK)) => "is locked",
        Err(_) => "cannot be asked",
    };

    let locked = Flock::lock(open()?, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
    let before = refused(open()?);
    forked(|| {
        // The child has the same open file, and gives up what is its parent's too.
        // SAFETY: the descriptor is open; flock(2) has no other condition.
        let unlocked = unsafe { libc::flock(locked.as_raw_fd(), libc::LOCK_UN) };
        Errno::result(unlocked).map_or_else(|error| error.to_string(), |_| String::new())
    })?;
    lines.push(format!(
        "fork   a file locked by flock {before}; after the child has unlocked it, it {}",
        refused(open()?)
    ));
    drop(locked);

    let whole_file = |kind: i32| libc::flock {
        l_type: kind as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    let asked =
        |file: &File, ask: fn(&mut libc::flock) -> FcntlArg<'_>, free: &str, taken: &str| {
            let mut question = whole_file(libc::F_WRLCK);
            match fcntl(file, ask(&mut question)) {
                Ok(_) if i32::from(question.l_type) == libc::F_UNLCK => free.to_owned(),
                Ok(_) => taken.to_owned(),
                Err(error) => error.to_string(),
            }
        };
    type Ask = fn(&mut libc::flock) -> FcntlArg<'_>;
    let kinds: [(&str, FcntlArg<'_>, Ask); 2] = [
        (
            "record lock",
            FcntlArg::F_SETLK(&whole_file(libc::F_WRLCK)),
            |lock| FcntlArg::F_GETLK(lock),
        ),
        (
            "open file description lock",
            FcntlArg::F_OFD_SETLK(&whole_file(libc::F_WRLCK)),
            |lock| FcntlArg::F_OFD_GETLK(lock),
        ),
    ];
    for (kind, lock, ask) in kinds {
        let file = open()?;
        fcntl(&file, lock)?;
        let child = forked(|| asked(&file, ask, "its own too", "its parent's alone"))?;
        // Asked last: a process that closes any descriptor of the file loses its record locks.
        let anew = asked(
            &open()?,
            |lock| FcntlArg::F_OFD_GETLK(lock),
            "free",
            "locked",
        );
        lines.push(format!(
            "fork   a file locked by fcntl, {kind}: for the child the lock is {child}; opened anew it is {anew}"
        ));
    }
    Ok(())
}
