//! What two programs of this listing do: lending pages to a pipe.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;

/// Puts the pages themselves into a pipe, in place of a copy (vmsplice(2)).
///
/// What is read is what they hold when it is read: write to them no more until then.
///
/// # Errors
///
/// What the system says, as where nobody reads any more.
pub fn lend(end: OwnedFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let pages = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        // ANCHOR: lent
        // SAFETY: vmsplice reads the vector, and the kernel keeps the pages for as long as the
        // pipe has them. Nothing of Rust refers to them there.
        let lent = Errno::result(unsafe { libc::vmsplice(end.as_raw_fd(), &pages, 1, 0) });
        // ANCHOR_END: lent
        match lent {
            Ok(lent) => bytes = &bytes[lent as usize..],
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
