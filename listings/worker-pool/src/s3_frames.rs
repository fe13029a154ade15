//! Step 3: frames. A stream has no messages in it; these have a length in front.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use nix::libc;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

/// Bytes of a frame, without its length.
const MOST: usize = 1 << 20;

/// `EX_PROTOCOL` of sysexits.h: the worker lost its place in the stream.
const EXIT_PROTOCOL: i32 = 76;

pub fn send(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    if bytes.len() > MOST {
        let error = format!("{} bytes in a frame, {MOST} is the most", bytes.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
    }
    to.write_all(&(bytes.len() as u32).to_ne_bytes())?;
    to.write_all(bytes)
}

// ANCHOR: receive
/// The next frame; `None` where the stream ends between two frames.
pub fn receive(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = Vec::new();
    from.by_ref().take(4).read_to_end(&mut length)?;
    if length.is_empty() {
        return Ok(None);
    }
    let length: [u8; 4] = length
        .try_into()
        .map_err(|_| io::ErrorKind::UnexpectedEof)?;
    let length = u32::from_ne_bytes(length) as usize;
    // Before anything of this size is reserved: the length is the sender's word only.
    if length > MOST {
        let error = format!("a frame claims {length} bytes, {MOST} is the most");
        return Err(io::Error::new(io::ErrorKind::InvalidData, error));
    }
    let mut bytes = vec![0; length];
    // Reads until the frame is whole, in however many pieces it comes.
    from.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}
// ANCHOR_END: receive

pub fn run() -> io::Result<()> {
    let mut frame = Vec::new();
    send(&mut frame, b"a whole frame")?;
    with_worker("byte by byte", |socket| {
        let mut writes = 0;
        for byte in &frame {
            writes += socket.write(std::slice::from_ref(byte))?;
            // Long enough for the worker to read it before the next one comes.
            thread::sleep(Duration::from_millis(1));
        }
        let answer = receive(socket)?.unwrap_or_default();
        let answer = String::from_utf8_lossy(&answer);
        println!("after {writes} writes back came {answer:?}");
        Ok(())
    })?;
    with_worker("cut short", |socket| socket.write_all(&frame[..9]))?;
    with_worker("far too long", |socket| socket.write_all(&[0xff; 4]))
}

fn with_worker(what: &str, talk: impl FnOnce(&mut UnixStream) -> io::Result<()>) -> io::Result<()> {
    println!("A frame {what}");
    let (mut ours, mut theirs) = UnixStream::pair()?;
    // SAFETY: this process has one thread, so the child may do all that it may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(ours);
            let code = serve(&mut theirs).err().map_or(0, |error| {
                println!("the worker refuses: {error}");
                EXIT_PROTOCOL
            });
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(code) }
        }
        ForkResult::Parent { child } => {
            drop(theirs);
            talk(&mut ours)?;
            drop(ours);
            println!("the worker ended: {:?}", waitpid(child, None)?);
            Ok(())
        }
    }
}

fn serve(socket: &mut UnixStream) -> io::Result<()> {
    while let Some(text) = receive(socket)? {
        send(socket, &text.to_ascii_uppercase())?;
    }
    Ok(())
}
